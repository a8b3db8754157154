"""Numbers of 64 bits as Python objects, and the functions of the language on them.

Written from the language's rules, not from the front end: an operator does what the page about the language says,
and an obligation that does not hold is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

from reclaim.abi.kinds import S64_MAX, IntKind
from reclaim.lang import arithmetic


@dataclass(frozen=True)
class Number:
    """A number of 64 bits, or a literal that has no sign of its own yet (`signed` is None)."""

    value: int
    signed: bool | None

    def __index__(self) -> int:
        return self.value

    def combined(self, other: object, op: Callable[[int, int], int]) -> Number:
        """Compute with another number, in the sign that both have."""
        a, b, signed = common(self, other)
        return made(op(a, b), signed)

    def __add__(self, other: object) -> Number:
        return self.combined(other, lambda a, b: a + b)

    def __sub__(self, other: object) -> Number:
        return self.combined(other, lambda a, b: a - b)

    def __mul__(self, other: object) -> Number:
        return self.combined(other, lambda a, b: a * b)

    def __and__(self, other: object) -> Number:
        return self.combined(other, lambda a, b: a & b)

    def __or__(self, other: object) -> Number:
        return self.combined(other, lambda a, b: a | b)

    def __xor__(self, other: object) -> Number:
        return self.combined(other, lambda a, b: a ^ b)

    def __floordiv__(self, other: object) -> Number:
        return self.combined(other, _quotient)

    def __mod__(self, other: object) -> Number:
        return self.combined(other, lambda a, b: a - b * _quotient(a, b))

    def __lshift__(self, other: Number) -> Number:
        assert 0 <= other.value <= 63
        if self.signed is None and other.signed is not None:
            return made(settled(self).value << other.value, self.value < 0)
        return made(self.value << other.value, self.signed)

    def __rshift__(self, other: Number) -> Number:
        assert 0 <= other.value <= 63
        if self.signed is None and other.signed is not None:
            return made(settled(self).value >> other.value, self.value < 0)
        return made(self.value >> other.value, self.signed)

    def __neg__(self) -> Number:
        assert self.value <= S64_MAX or self.signed is None
        return made(-self.value, None if self.signed is None else True)

    def __pos__(self) -> Number:
        return self

    def __invert__(self) -> Number:
        if self.signed is None and self.value < 0:
            return made(~self.value, None)
        return made(~self.value, self.signed) if self.signed else made(~self.value % 2**64, self.signed)

    def __eq__(self, other: object) -> bool:
        a, b, _ = common(self, other)
        return a == b

    def __lt__(self, other: object) -> bool:
        a, b, _ = common(self, other)
        return a < b

    def __le__(self, other: object) -> bool:
        a, b, _ = common(self, other)
        return a <= b

    def __gt__(self, other: object) -> bool:
        a, b, _ = common(self, other)
        return a > b

    def __ge__(self, other: object) -> bool:
        a, b, _ = common(self, other)
        return a >= b

    def __bool__(self) -> NoReturn:
        raise TypeError("a number is no condition")

    __hash__ = None  # type: ignore[assignment]


def _quotient(a: int, b: int) -> int:
    assert a >= 0
    assert b > 0
    return a // b


def made(value: int, signed: bool | None) -> Number:
    """Return a number, wrapped where it has a sign."""
    return Number(value if signed is None else arithmetic.read_as(value, signed), signed)


def common(left: object, right: object) -> tuple[int, int, bool | None]:
    """Return two numbers and the sign that they are computed with."""
    assert isinstance(left, Number), left
    assert isinstance(right, Number), right
    if left.signed is None and right.signed is None:
        return left.value, right.value, None
    signed = any(n.signed or (n.signed is None and n.value < 0) for n in (left, right))
    assert not signed or (left.value <= S64_MAX and right.value <= S64_MAX)
    return left.value, right.value, signed


def settled(value: Any) -> Any:
    """Give a literal a type: u64, or s64 if it is negative."""
    if isinstance(value, Number) and value.signed is None:
        return made(value.value, value.value < 0)
    return value


def as_signed(value: Any, signed: bool) -> Any:
    """Convert a number, which lies in both types."""
    if not isinstance(value, Number):
        return value
    wanted = made(value.value, signed)
    assert wanted.value == value.value, "a number of the other sign does not fit"
    return wanted


@dataclass(frozen=True)
class Member:
    """A member of an enumeration."""

    value: int


def range_of(*bounds: Number) -> Iterator[Number]:
    """Return the numbers of a loop."""
    start, stop = (Number(0, None), *bounds)[-2:] if len(bounds) < 2 else bounds[:2]
    low, high, signed = common(start, stop)
    signed = (low < 0 or high < 0) if signed is None else signed
    step = bounds[2].value if len(bounds) == 3 else 1
    return (made(i, signed) for i in range(low, high, step))


def _extreme(pick: Callable[[int, int], int]) -> Callable[..., Number]:
    def function(first: Number, *others: Number) -> Number:
        for other in others:
            first = first.combined(other, pick)
        return first

    return function


def _clamp(x: Number, low: Number, high: Number) -> Number:
    return FUNCTIONS["min"](FUNCTIONS["max"](x, low), high)


def _toward_zero(pick: Callable[[int, int, int], int]) -> Callable[[Number, Number], Number]:
    def function(a: Number, b: Number) -> Number:
        assert a.value <= S64_MAX
        assert b.value <= S64_MAX
        assert b.value != 0
        quotient = abs(a.value) // abs(b.value)
        return made(
            pick(a.value, b.value, quotient if (a.value < 0) == (b.value < 0) else -quotient), signed=True
        )

    return function


def _isqrt(x: Number) -> Number:
    return made(arithmetic.isqrt(x.value), signed=False)


def _ilog2(x: Number) -> Number:
    assert x.value > 0
    return made(arithmetic.ilog2(x.value), signed=False)


def _mul_div(a: Number, b: Number, c: Number) -> Number:
    assert c.value > 0
    assert a.value >= 0
    assert b.value >= 0
    return made(arithmetic.mul_div(a.value, b.value, c.value), signed=False)


FUNCTIONS: dict[str, Callable[..., Number]] = {
    "min": _extreme(min),
    "max": _extreme(max),
    "clamp": _clamp,
    "sdiv": _toward_zero(lambda _a, _b, quotient: quotient),
    "smod": _toward_zero(lambda a, b, quotient: a - b * quotient),
    "isqrt": _isqrt,
    "ilog2": _ilog2,
    "mul_div": _mul_div,
}


class Kind:
    """The name of a type of numbers; those of 64 bits convert."""

    def __init__(self, kind: IntKind) -> None:
        self.kind = kind

    def __call__(self, x: Any) -> Number:
        """Convert a number, flag or member, which wraps."""
        return made(x.value if isinstance(x, Number | Member) else int(x), self.kind.signed)


def truncate(x: Number, to: Kind) -> Number:
    """Keep the low bits."""
    return made(arithmetic.truncate(x.value, to.kind), to.kind.signed)


def saturate(x: Number, to: Kind) -> Number:
    """Return the nearest number of the type."""
    return made(min(max(x.value, to.kind.min), to.kind.max), to.kind.signed)
