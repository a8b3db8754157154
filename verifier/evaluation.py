"""What expressions can give: from the elements of the operands to the element of the result.

Used in two directions: `transfer` computes each instruction once when it comes by, and `refinement`
computes an expression again when more has been learned about its operands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import isqrt
from typing import TypeAlias

from reclaim.abi.kinds import S64_MAX, U64_MAX, IntKind
from verifier.domains.lattice import TRANSFER_NAMES
from verifier.domains.nullness import NONE, PRESENT
from verifier.domains.product import ABSENT, BOTTOM, FALSE, NUMBERS, TOP, TRUE, TRUTH, Element
from verifier.expressions import Definition, ordered
from verifier.numbering import Numbering
from verifier.order import Order
from verifier.ratios import Ratios

Elements: TypeAlias = dict[int, Element]
"""What is known about each class at one point of the program; absent means nothing."""

NOT_ZERO = NUMBERS.range(1, U64_MAX)
"""What is known of the size of a map in which something was found, or of the difference of two numbers that differ."""

_TRANSFERS = frozenset(TRANSFER_NAMES)


class Evaluator:
    """Evaluate the expressions of one hook."""

    def __init__(self, numbering: Numbering) -> None:
        self.numbering = numbering
        self._definitions = numbering.definitions
        self.order = Order(numbering)
        self.ratios = Ratios(numbering)
        self._forms: dict[str, Callable[[Definition, Elements], Element]] = {
            "eq": self._equal,
            "ult": self._less_unsigned,
            "slt": self._less_signed,
            "not": self._not,
            "is_none": self._is_none,
            "truncate": self._truncate,
            "call": self._call,
            "add": self._sum,
            "sub": self._difference,
            "udiv": self._quotient,
            "mul": self._product,
            "and": self._conjunction,
            "found": self._found,
            "part": self._part,
        }

    def evaluate(self, definition: Definition, elements: Elements) -> Element:
        """Return what an expression can be, `TOP` where its form says nothing."""
        form = self._forms.get(definition.name)
        if form is not None:
            return form(definition, elements)
        if definition.name in _TRANSFERS:
            left, right = definition.operands
            return NUMBERS.apply(definition.name, elements.get(left, TOP), elements.get(right, TOP))
        if definition.name == "const":
            assert isinstance(definition.detail, int)
            return NUMBERS.of(definition.detail)
        return ABSENT if definition.name == "none" else TOP

    def _equal(self, definition: Definition, elements: Elements) -> Element:
        left, right = definition.operands
        if left == right:
            return TRUE
        a, b = elements.get(left, TOP), elements.get(right, TOP)
        if NUMBERS.assume("eq", a, b)[0] is BOTTOM:
            return FALSE
        return TRUE if a.unsigned == b.unsigned and a.unsigned[0] == a.unsigned[1] else TRUTH

    def _less_unsigned(self, definition: Definition, elements: Elements) -> Element:
        left, right = definition.operands
        a, b = elements.get(left, TOP).unsigned, elements.get(right, TOP).unsigned
        if a[1] < b[0]:
            return TRUE
        if a[0] >= b[1] or self.order.is_at_most(right, left, elements):
            return FALSE
        above = self.order.gap(left, right, elements)
        return TRUE if above is not None and above > 0 else TRUTH

    def _less_signed(self, definition: Definition, elements: Elements) -> Element:
        left, right = definition.operands
        a, b = elements.get(left, TOP).signed, elements.get(right, TOP).signed
        if a[1] < b[0]:
            return TRUE
        return FALSE if a[0] >= b[1] or left == right else TRUTH

    def _not(self, definition: Definition, elements: Elements) -> Element:
        low, high = elements.get(definition.operands[0], TRUTH).unsigned
        if low != high:
            return TRUTH
        return FALSE if low else TRUE

    def _is_none(self, definition: Definition, elements: Elements) -> Element:
        operand = elements.get(definition.operands[0], TOP)
        if operand.nullness == NONE:
            return TRUE
        is_handle = bool(definition.detail)
        if operand.nullness == PRESENT or (is_handle and operand.unsigned[0] > 0):
            return FALSE
        return TRUTH

    def _truncate(self, definition: Definition, elements: Elements) -> Element:
        kind = definition.detail
        assert isinstance(kind, IntKind)
        return NUMBERS.truncate(elements.get(definition.operands[0], TOP), kind.bits, kind.signed)

    def _sum(self, definition: Definition, elements: Elements) -> Element:
        """Add; `x + y` is at most s where y is known to be at most `s - x`."""
        left, right = definition.operands
        a, b = elements.get(left, TOP), elements.get(right, TOP)
        result = self._before_end(definition, NUMBERS.apply("add", a, b), elements)
        most = self.order.most_of_sum(left, right, elements)
        if most is not None:
            result = within(result, NUMBERS.range(0, most))
        for value, part in ((left, right), (right, left)):
            result = within(result, self._on_the_way(value, part, elements))
            result = within(result, self._shifted_back(value, part, elements))
        if a.unsigned[1] + b.unsigned[1] > U64_MAX:
            return result
        return within(result, self._root_step(left, right, elements))

    def _on_the_way(self, value: int, part: int, elements: Elements) -> Element:
        """Bound `value + (sample - value) * weight // unit` by the two: it goes a part of the way from one to the other.

        Signed, by `>>` or `sdiv`, and no step may wrap. Rounding goes no further than to the whole difference, for
        that is a whole number; weight and unit are not negative, the weight no more than the unit.
        """
        scaled = self._definitions[part]
        if scaled.name not in ("ashr", "sdiv"):
            return TOP
        least = elements.get(scaled.operands[1], TOP).signed[0]
        unit = least if scaled.name == "sdiv" else 1 << min(max(least, 0), 62)
        for difference, weight in self._weighted(scaled.operands[0], elements):
            made = self._definitions[difference]
            if made.name != "sub" or made.operands[1] != value or not 0 <= weight <= unit or unit < 1:
                continue
            sample, base = elements.get(made.operands[0], TOP).signed, elements.get(value, TOP).signed
            furthest = max(sample[1] - base[0], base[1] - sample[0])
            if furthest * max(weight, 1) <= S64_MAX:
                return NUMBERS.range(min(sample[0], base[0]), max(sample[1], base[1]))
        return TOP

    def _shifted_back(self, count: int, position: int, elements: Elements) -> Element:
        """Bound `n + ilog2(y)` where y is no more than `x >> n`: then `y << n` is no more than x."""
        made = self._definitions[position]
        if made.name != "call" or made.detail != "ilog2" or elements.get(count, TOP).unsigned[1] > 63:
            return TOP
        most = self.order.most_shifted(made.operands[0], count, elements)
        if most is None or elements.get(made.operands[0], TOP).unsigned[0] == 0:
            return TOP
        return NUMBERS.range(0, max(most, 1).bit_length() - 1)

    def _weighted(self, number: int, elements: Elements) -> Iterator[tuple[int, int]]:
        """Yield a class as it is, and each factor of a product, with the most that it is multiplied by; -1 for less than 0."""
        yield number, 1
        made = self._definitions[number]
        for factor, weight in (made.operands, made.operands[::-1]) if made.name == "mul" else ():
            low, high = elements.get(weight, TOP).signed
            yield factor, high if low >= 0 else -1

    def _root_step(self, left: int, right: int, elements: Elements) -> Element:
        """Bound `x + n // x` from below, as in Newton's way to the square root of n, where it does not wrap.

        With k = x + n // x, n < x * (k - x + 1) <= (k + 1)**2 / 4. So 4 * n < (k + 1)**2, and k is at least the root
        of 4 * n, rounded down.
        """
        for x, quotient in ((left, right), (right, left)):
            made = self._definitions[quotient]
            if made.name == "udiv" and made.operands[1] == x and elements.get(x, TOP).unsigned[0] > 0:
                return NUMBERS.range(isqrt(4 * elements.get(made.operands[0], TOP).unsigned[0]), U64_MAX)
        return TOP

    def _product(self, definition: Definition, elements: Elements) -> Element:
        """Multiply; of a variable that goes in steps this is how far it went."""
        left, right = (elements.get(operand, TOP) for operand in definition.operands)
        return self._before_end(definition, NUMBERS.apply("mul", left, right), elements)

    def _before_end(self, definition: Definition, result: Element, elements: Elements) -> Element:
        """Bound a variable that goes in steps by the end of its range."""
        for end in self.order.ends(definition, elements):
            result = within(result, NUMBERS.range(0, max(elements.get(end, TOP).unsigned[1] - 1, 0)))
        return result

    def _difference(self, definition: Definition, elements: Elements) -> Element:
        """Subtract; where the right side is certainly not the larger one, nothing wraps."""
        left, right = definition.operands
        a, b = elements.get(left, TOP), elements.get(right, TOP)
        result = within(NUMBERS.apply("sub", a, b), self._distance_with_sign(left, right, elements))
        differ = self._differ(left, right, elements)
        if differ:
            result = within(result, NOT_ZERO)
        low = self.order.gap(right, left, elements)
        if low is None or low < 0:
            return result
        low = max(low, int(differ))
        above = self.order.gap(left, right, elements)
        high = a.unsigned[1] - b.unsigned[0]
        if above is not None:
            high = min(high, -above)
        high = min(high, self._most_of_rest(left, right, elements))
        bound = NUMBERS.range(low, max(high, low))
        return within(within(result, bound), self._remaining_part(definition, a, elements))

    def _most_of_rest(self, left: int, right: int, elements: Elements) -> int:
        """Bound `x - min(y, x)` by how far x lies above y at most."""
        taken = self._definitions[right]
        if taken.name != "umin" or left not in taken.operands:
            return U64_MAX
        other = taken.operands[taken.operands[0] == left]
        above = self.order.gap(left, other, elements)
        return U64_MAX if above is None else max(-above, 0)

    def _distance_with_sign(self, left: int, right: int, elements: Elements) -> Element:
        """Bound `x - min(y, x)` of numbers with a sign, the way from y up to x: read without one it is exact.

        Where x is made from y by adding a constant, the difference is one of the two numbers that are the constant
        modulo 2**64, as far as the ranges allow both: that of a sum which wraps is negative, and no way at all.
        """
        taken = self._definitions[right]
        if taken.name != "smin" or left not in taken.operands:
            return TOP
        other = taken.operands[taken.operands[0] == left]
        x, y = elements.get(left, TOP).signed, elements.get(other, TOP).signed
        ways = [x[0] - y[1], x[1] - y[0]]
        constant = self.numbering.distance(left, other)
        if constant is not None:
            possible = (constant, constant - U64_MAX - 1)
            ways = [way for way in possible if ways[0] <= way <= ways[1]] or ways
        return NUMBERS.range(max(min(ways), 0), max(*ways, 0))

    def _differ(self, left: int, right: int, elements: Elements) -> bool:
        """Tell whether two values were compared and are not equal."""
        compared = self.numbering.find(*ordered("eq", left, right).key)
        return compared is not None and elements.get(compared) == FALSE

    def _remaining_part(self, definition: Definition, whole: Element, elements: Elements) -> Element:
        """Bound `x - x // n` and `x - (x >> n)`, which grow with x."""
        left, right = definition.operands
        part = self._definitions[right]
        if part.name not in ("udiv", "lshr") or part.operands[0] != left:
            return TOP
        least, most = elements.get(part.operands[1], TOP).unsigned
        if part.name == "lshr":
            least, most = 1 << min(least, 63), 1 << min(most, 63)
        low, high = whole.unsigned
        return NUMBERS.range(low - low // max(least, 1), high - high // max(most, 1))

    def _conjunction(self, definition: Definition, elements: Elements) -> Element:
        """Mask; `x & -x` keeps the lowest bit of x, so that something is left where x is not 0."""
        left, right = definition.operands
        a, b = elements.get(left, TOP), elements.get(right, TOP)
        result = NUMBERS.apply("and", a, b)
        if max(a.unsigned[0], b.unsigned[0]) == 0 or not (
            self._is_negative_of(left, right) or self._is_negative_of(right, left)
        ):
            return result
        return within(result, NUMBERS.range(1, U64_MAX))

    def _is_negative_of(self, number: int, other: int) -> bool:
        """Tell whether a class is made as `0 - other` or `~other + 1`."""
        definition = self._definitions[number]
        if definition.name == "sub":
            return self._is_constant(definition.operands[0], 0) and definition.operands[1] == other
        if definition.name != "add":
            return False
        return any(
            self._is_constant(one, 1) and self._is_complement_of(rest, other)
            for one, rest in (definition.operands, definition.operands[::-1])
        )

    def _is_complement_of(self, number: int, other: int) -> bool:
        definition = self._definitions[number]
        return definition.name == "xor" and any(
            x == other and self._is_constant(ones, U64_MAX)
            for x, ones in (definition.operands, definition.operands[::-1])
        )

    def _is_constant(self, number: int, value: int) -> bool:
        definition = self._definitions[number]
        return definition.name == "const" and definition.detail == value

    def _quotient(self, definition: Definition, elements: Elements) -> Element:
        """Divide; `part * n // whole` is at most k * n where the part is at most k times the whole."""
        left, right = definition.operands
        result = NUMBERS.apply("udiv", elements.get(left, TOP), elements.get(right, TOP))
        most = self.ratios.most(left, right, elements)
        if most is not None:
            result = within(result, NUMBERS.range(0, most))
        product = self._definitions[left]
        if product.name != "mul" or not self.order.is_exact_product(product.operands, elements):
            return result
        for part, factor in (product.operands, product.operands[::-1]):
            times = (
                1 if self.order.is_at_most(part, right, elements) else self.ratios.most(part, right, elements)
            )
            if times is not None:
                most = min(times * elements.get(factor, TOP).unsigned[1], U64_MAX)
                result = within(result, NUMBERS.range(0, most))
        return result

    def _call(self, definition: Definition, elements: Elements) -> Element:
        """Evaluate the integer functions; a pure helper without an entry here can give anything."""
        ranges = [elements.get(operand, TOP).unsigned for operand in definition.operands]
        match definition.detail:
            case "isqrt":
                return NUMBERS.range(isqrt(ranges[0][0]), isqrt(ranges[0][1]))
            case "ilog2":
                low, high = (max(bound, 1).bit_length() - 1 for bound in ranges[0])
                return NUMBERS.range(low, high)
            case "mul_div":
                (a, b, c) = ranges
                low = a[0] * b[0] // max(c[1], 1)
                high = a[1] * b[1] // max(c[0], 1)
                return NUMBERS.range(min(low, U64_MAX), min(high, U64_MAX))
            case _:
                return TOP

    def _found(self, definition: Definition, elements: Elements) -> Element:
        """Find nothing in a map that is empty."""
        if elements.get(definition.operands[0], TOP).unsigned[1] > 0:
            return TOP
        return ABSENT if definition.detail else FALSE

    def _part(self, definition: Definition, elements: Elements) -> Element:
        """Be no more than the whole."""
        return NUMBERS.range(0, elements.get(definition.operands[0], TOP).unsigned[1])


def within(result: Element, bound: Element) -> Element:
    """Meet two descriptions of one value; where they contradict each other nobody comes here."""
    both = NUMBERS.meet(result, bound)
    return result if both is BOTTOM else both
