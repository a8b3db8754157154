"""What expressions can give: from the elements of the operands to the element of the result.

Used in two directions: `transfer` computes each instruction once when it comes by, and `refinement`
computes an expression again when more has been learned about its operands.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isqrt
from typing import TypeAlias

from reclaim.abi.kinds import U64_MAX, IntKind
from verifier.domains.lattice import TRANSFER_NAMES
from verifier.domains.nullness import NONE, PRESENT
from verifier.domains.product import ABSENT, BOTTOM, FALSE, NUMBERS, TOP, TRUE, TRUTH, Element
from verifier.expressions import Definition
from verifier.numbering import Numbering

Elements: TypeAlias = dict[int, Element]
"""What is known about each class at one point of the program; absent means nothing."""

_TRANSFERS = frozenset(TRANSFER_NAMES)


class Evaluator:
    """Evaluate the expressions of one hook."""

    def __init__(self, numbering: Numbering) -> None:
        self.numbering = numbering
        self._definitions = numbering.definitions
        self._forms: dict[str, Callable[[Definition, Elements], Element]] = {
            "eq": self._equal,
            "ult": self._less_unsigned,
            "slt": self._less_signed,
            "not": self._not,
            "is_none": self._is_none,
            "truncate": self._truncate,
            "call": self._call,
            "sub": self._difference,
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

    def is_at_most(self, a: int, b: int, elements: Elements, depth: int = 2) -> bool:
        """Tell whether class *a* is at most class *b*, both read without sign.

        Looks at ranges, at comparisons that were decided on the way, and at how the classes are made:
        `min(x, y)`, `x % n`, `x // n`, `x & m` and `x >> n` are at most x.
        """
        if a == b or elements.get(a, TOP).unsigned[1] <= elements.get(b, TOP).unsigned[0]:
            return True
        if self._decided("ult", b, a, elements) == 0 or self._decided("ult", a, b, elements) == 1:
            return True
        return depth > 0 and self._is_made_smaller(a, b, elements, depth)

    def _is_made_smaller(self, a: int, b: int, elements: Elements, depth: int) -> bool:
        small, large = self._definitions[a], self._definitions[b]
        if small.name in ("umin", "and"):
            return any(self.is_at_most(part, b, elements, depth - 1) for part in small.operands)
        if small.name in ("umod", "udiv", "lshr"):
            return self.is_at_most(small.operands[0], b, elements, depth - 1)
        if large.name in ("umax", "or"):
            return any(self.is_at_most(a, part, elements, depth - 1) for part in large.operands)
        if small.name == "sub" and self.is_at_most(small.operands[1], small.operands[0], elements, depth - 1):
            return self.is_at_most(small.operands[0], b, elements, depth - 1)
        return self._is_below_predecessor(a, b, elements)

    def _is_below_predecessor(self, a: int, b: int, elements: Elements) -> bool:
        """Tell whether *b* is some n - 1 with a < n and n at least 1."""
        large = self._definitions[b]
        if large.name != "sub" or elements.get(large.operands[1], TOP).unsigned != (1, 1):
            return False
        n = large.operands[0]
        return elements.get(n, TOP).unsigned[0] >= 1 and self._decided("ult", a, n, elements) == 1

    def _decided(self, name: str, left: int, right: int, elements: Elements) -> int | None:
        known = self.numbering.find(name, (left, right), None)
        if known is None:
            return None
        low, high = elements.get(known, TOP).unsigned
        return low if low == high else None

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
        return FALSE if a[0] >= b[1] or self.is_at_most(right, left, elements) else TRUTH

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

    def _difference(self, definition: Definition, elements: Elements) -> Element:
        """Subtract; where the right side is certainly not the larger one, nothing wraps."""
        left, right = definition.operands
        a, b = elements.get(left, TOP), elements.get(right, TOP)
        result = NUMBERS.apply("sub", a, b)
        if a.unsigned[0] >= b.unsigned[1] or not self.is_at_most(right, left, elements):
            return result
        low = int(self._decided("ult", right, left, elements) == 1)
        bound = NUMBERS.range(low, max(a.unsigned[1] - b.unsigned[0], low))
        return NUMBERS.meet(result, bound)

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
