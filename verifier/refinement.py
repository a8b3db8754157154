"""What follows from a fact: from a branch taken or an obligation met back to what it speaks about.

A fact about `(x + 1) & 7` or `min(x, n)` says something about x. `learn` walks the definitions of
classes backward a few steps; each step narrows only to values that could have given the result, so it
loses no concrete run. `assume` does the same for conditions. Both answer False when the fact
contradicts what is known: the program cannot be here.
"""

from __future__ import annotations

from collections.abc import Callable

from reclaim.abi.kinds import U64_MAX
from verifier.domains.nullness import NONE, PRESENT
from verifier.domains.product import BOTTOM, FALSE, NUMBERS, TOP, TRUE, Element
from verifier.evaluation import NOT_ZERO, Elements, Evaluator
from verifier.expressions import Definition

STEPS_BACK = 4
"""How many definitions a fact is followed through: ours; what people write in one condition."""

STEPS_FORTH = 5
"""How many definitions are computed again when an obligation does not follow at once."""

_CONDITIONS = frozenset(("eq", "ult", "slt", "not", "is_none"))


class Refiner:
    """Refine what is known in one hook."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self._definitions = evaluator.numbering.definitions
        self.order = evaluator.order
        self._inverses: dict[str, Callable[[Definition, Element, Elements, int], bool]] = {
            "add": self._learn_sum,
            "sub": self._learn_difference,
            "xor": self._learn_xor,
            "and": self._learn_mask,
            "umod": self._learn_remainder,
            "umin": self._learn_least,
            "umax": self._learn_most,
            "udiv": self._learn_quotient,
            "lshr": self._learn_shifted,
            "mul": self._learn_product,
            "found": self._learn_found,
            "part": self._learn_part,
        }

    def learn(self, elements: Elements, of: int, fact: Element, steps: int = STEPS_BACK) -> bool:
        """Meet what is known of a class with a fact, and follow it back.

        Args:
            elements: what is known; changed in place.
            of: the class.
            fact: what was learned about it.
            steps: how many definitions to follow.

        Returns:
            False if nothing is left: the program cannot be here.
        """
        known = elements.get(of, TOP)
        both = NUMBERS.meet(known, fact)
        if both is BOTTOM:
            return False
        if both == known:
            return True
        elements[of] = both
        definition = self._definitions[of]
        if not steps or definition.name == "opaque":
            return True
        if definition.name in _CONDITIONS:
            low, high = both.unsigned
            return low != high or self._follow(elements, definition, bool(low))
        inverse = self._inverses.get(definition.name)
        return inverse is None or inverse(definition, both, elements, steps - 1)

    def assume(self, elements: Elements, condition: int, truth: bool) -> bool:
        """Take it as a fact that a condition is true, or false; as `learn`.

        A condition that was decided already is followed all the same: a loop's header may know of two variables
        how they compare before it knows of each what that means.
        """
        fact = TRUE if truth else FALSE
        definition = self._definitions[condition]
        if elements.get(condition) == fact and definition.name in _CONDITIONS:
            return self._follow(elements, definition, truth)
        return self.learn(elements, condition, fact)

    def relate(self, elements: Elements, relation: str, left: int, right: int) -> bool:
        """Take it as a fact that a relation of `lattice.RELATION_NAMES` holds; as `learn`."""
        a, b = elements.get(left, TOP), elements.get(right, TOP)
        a, b = NUMBERS.assume(relation, a, b)
        return self.learn(elements, left, a) and self.learn(elements, right, b)

    def sharpen(self, elements: Elements, of: int, steps: int = STEPS_FORTH) -> Element:
        """Compute a class again from what is known of its operands now."""
        definition = self._definitions[of]
        known = elements.get(of, TOP)
        if not steps or definition.name == "opaque":
            return known
        for operand in definition.operands:
            self.sharpen(elements, operand, steps - 1)
        both = NUMBERS.meet(known, self._evaluator.evaluate(definition, elements))
        if both is not BOTTOM:
            elements[of] = both
        return both

    def _follow(self, elements: Elements, definition: Definition, truth: bool) -> bool:
        operands = definition.operands
        if definition.name == "not":
            return self.assume(elements, operands[0], not truth)
        if definition.name == "is_none":
            present = NUMBERS.with_nullness(elements.get(operands[0], TOP), NONE if truth else PRESENT)
            return self.learn(elements, operands[0], present)
        left, right = operands
        if definition.name == "eq":
            return self.relate(elements, "eq" if truth else "ne", left, right)
        less, at_most = ("ult", "ule") if definition.name == "ult" else ("slt", "sle")
        if truth:
            return self.relate(elements, less, left, right)
        return self.relate(elements, at_most, right, left)

    def _learn_sum(self, definition: Definition, fact: Element, elements: Elements, steps: int) -> bool:
        left, right = definition.operands
        a, b = elements.get(left, TOP), elements.get(right, TOP)
        return self.learn(elements, left, NUMBERS.apply("sub", fact, b), steps) and self.learn(
            elements, right, NUMBERS.apply("sub", fact, a), steps
        )

    def _learn_difference(
        self, definition: Definition, fact: Element, elements: Elements, steps: int
    ) -> bool:
        left, right = definition.operands
        a, b = elements.get(left, TOP), elements.get(right, TOP)
        return self.learn(elements, left, NUMBERS.apply("add", fact, b), steps) and self.learn(
            elements, right, NUMBERS.apply("sub", a, fact), steps
        )

    def _learn_xor(self, definition: Definition, fact: Element, elements: Elements, steps: int) -> bool:
        left, right = definition.operands
        a, b = elements.get(left, TOP), elements.get(right, TOP)
        return self.learn(elements, left, NUMBERS.apply("xor", fact, b), steps) and self.learn(
            elements, right, NUMBERS.apply("xor", fact, a), steps
        )

    def _learn_mask(self, definition: Definition, fact: Element, elements: Elements, steps: int) -> bool:
        """Carry the bits of `x & mask` over to x where the mask is certainly set."""
        for masked, mask in (definition.operands, definition.operands[::-1]):
            value, unknown = fact.bits
            certain = elements.get(mask, TOP).bits[0] & ~unknown
            bits = Element(TOP.unsigned, TOP.signed, (value & certain, U64_MAX & ~certain), *TOP[3:])
            if not self.learn(elements, masked, bits, steps):
                return False
            low, high = elements.get(mask, TOP).unsigned
            is_low_bits = low == high and low & low + 1 == 0 and low < U64_MAX
            if is_low_bits and not self._round_inward(elements, masked, low + 1, fact, steps):
                return False
        return True

    def _learn_remainder(self, definition: Definition, fact: Element, elements: Elements, steps: int) -> bool:
        dividend, divisor = definition.operands
        low, high = elements.get(divisor, TOP).unsigned
        return low != high or low == 0 or self._round_inward(elements, dividend, low, fact, steps)

    def _round_inward(self, elements: Elements, of: int, size: int, fact: Element, steps: int) -> bool:
        """Move the ends of a range to numbers whose remainder by *size* lies within a fact."""
        least, most = elements.get(of, TOP).unsigned
        low, high = fact.unsigned
        if least % size < low:
            least += low - least % size
        if most % size > high:
            most -= most % size - high
        if least > most:
            return False
        return self.learn(elements, of, NUMBERS.range(least, most), steps)

    def _learn_least(self, definition: Definition, fact: Element, elements: Elements, steps: int) -> bool:
        above = NUMBERS.range(fact.unsigned[0], U64_MAX)
        return all(self.learn(elements, part, above, steps) for part in definition.operands)

    def _learn_most(self, definition: Definition, fact: Element, elements: Elements, steps: int) -> bool:
        below = NUMBERS.range(0, fact.unsigned[1])
        return all(self.learn(elements, part, below, steps) for part in definition.operands)

    def _learn_quotient(self, definition: Definition, fact: Element, elements: Elements, steps: int) -> bool:
        dividend, divisor = definition.operands
        least, most = elements.get(divisor, TOP).unsigned
        if least == 0:
            return True
        low, high = fact.unsigned
        bound = NUMBERS.range(min(low * least, U64_MAX), min(high * most + most - 1, U64_MAX))
        return self.learn(elements, dividend, bound, steps)

    def _learn_shifted(self, definition: Definition, fact: Element, elements: Elements, steps: int) -> bool:
        shifted, count = definition.operands
        least, most = elements.get(count, TOP).unsigned
        if least != most or most > 63:
            return True
        low, high = fact.unsigned
        bound = NUMBERS.range(low << most, min((high << most) + (1 << most) - 1, U64_MAX))
        return self.learn(elements, shifted, bound, steps)

    def _learn_product(self, definition: Definition, fact: Element, elements: Elements, steps: int) -> bool:
        """Divide the bounds of a product that certainly did not wrap."""
        for factor, other in (definition.operands, definition.operands[::-1]):
            known, (least, most) = elements.get(factor, TOP).unsigned, elements.get(other, TOP).unsigned
            if least == 0 or known[1] * most > U64_MAX:
                continue
            low, high = fact.unsigned
            bound = NUMBERS.range(-(-low // most), high // least)
            if not self.learn(elements, factor, bound, steps):
                return False
        return True

    def _learn_found(self, definition: Definition, fact: Element, elements: Elements, steps: int) -> bool:
        """Know that a map is not empty where something was found in it."""
        is_there = fact.nullness == PRESENT if definition.detail else fact.unsigned[0] > 0
        return not is_there or self.learn(elements, definition.operands[0], NOT_ZERO, steps)

    def _learn_part(self, definition: Definition, fact: Element, elements: Elements, steps: int) -> bool:
        """Know that the whole is no less than a part."""
        return self.learn(elements, definition.operands[0], NUMBERS.range(fact.unsigned[0], U64_MAX), steps)
