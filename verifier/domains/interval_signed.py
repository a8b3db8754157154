"""Ranges of the signed reading: pairs (low, high), both inclusive, low may be negative.

The twin of the unsigned ranges: `x - 1` of a small x is one range here and two far ends there.
Concrete values stay bit patterns; only the bounds are read with a sign.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from verifier.domains.lattice import Thresholds, widen_bounds

Range = tuple[int, int]


class SignedIntervals:
    """Abstract numbers by the bounds of their signed reading."""

    def __init__(self, width: int = 64) -> None:
        self.width = width
        self.min = -(1 << (width - 1))
        self.max = (1 << (width - 1)) - 1
        self.top: Range = (self.min, self.max)
        self.bottom: Range = (1, 0)
        self._transfers: dict[str, Callable[[Range, Range], Range]] = {
            "add": lambda a, b: self._wrapped(a[0] + b[0], a[1] + b[1]),
            "sub": lambda a, b: self._wrapped(a[0] - b[1], a[1] - b[0]),
            "mul": self._mul,
            "sdiv": self._sdiv,
            "smod": self._smod,
            "and": self._and,
            "or": self._or,
            "xor": self._xor,
            "shl": self._shl,
            "lshr": self._lshr,
            "ashr": self._ashr,
            "umin": self.join,
            "umax": self.join,
            "smin": lambda a, b: (min(a[0], b[0]), min(a[1], b[1])),
            "smax": lambda a, b: (max(a[0], b[0]), max(a[1], b[1])),
        }

    def read(self, concrete: int) -> int:
        """Return the signed reading of a bit pattern."""
        return concrete - (1 << self.width) if concrete > self.max else concrete

    def of(self, concrete: int) -> Range:
        """Return the range of one value."""
        value = self.read(concrete)
        return (value, value)

    def universe(self) -> Iterable[int]:
        """Return every bit pattern."""
        return range(1 << self.width)

    def contains(self, element: Range, concrete: int) -> bool:
        """Tell whether the signed reading lies in the range."""
        return element[0] <= self.read(concrete) <= element[1]

    def leq(self, a: Range, b: Range) -> bool:
        """Tell whether one range lies inside the other."""
        return a[0] > a[1] or (b[0] <= a[0] and a[1] <= b[1])

    def join(self, a: Range, b: Range) -> Range:
        """Return the hull of both."""
        if a[0] > a[1]:
            return b
        if b[0] > b[1]:
            return a
        return (min(a[0], b[0]), max(a[1], b[1]))

    def meet(self, a: Range, b: Range) -> Range:
        """Return what is in both."""
        low, high = max(a[0], b[0]), min(a[1], b[1])
        return (low, high) if low <= high else self.bottom

    def widen(self, old: Range, joined: Range, thresholds: Thresholds) -> Range:
        """Push moved bounds to the next threshold."""
        if old[0] > old[1]:
            return joined
        return widen_bounds(old, self.join(old, joined), thresholds.signed, self.top)

    def narrow(self, old: Range, smaller: Range) -> Range:
        """Take the smaller range."""
        return self.meet(old, smaller)

    def apply(self, name: str, a: Range, b: Range) -> Range:
        """Return the range of an operation's results, `top` where it is an unsigned affair."""
        transfer = self._transfers.get(name)
        if a[0] > a[1] or b[0] > b[1]:
            return self.bottom
        return transfer(a, b) if transfer else self.top

    def truncate(self, a: Range, nr_bits: int, signed: bool) -> Range:
        """Keep ranges that fit, else the range of the storage type."""
        low = -(1 << (nr_bits - 1)) if signed else 0
        high = (1 << (nr_bits - signed)) - 1
        if high > self.max:
            return a if a[0] >= low else self.top
        return a if low <= a[0] and a[1] <= high else (low, high)

    def assume(self, relation: str, a: Range, b: Range) -> tuple[Range, Range]:
        """Narrow by equality and the signed order."""
        if relation == "eq":
            both = self.meet(a, b)
            return both, both
        if relation == "ne":
            return self._without(a, b), self._without(b, a)
        if relation in ("slt", "sle"):
            gap = relation == "slt"
            return self.meet(a, (self.min, b[1] - gap)), self.meet(b, (a[0] + gap, self.max))
        return a, b

    def _without(self, a: Range, b: Range) -> Range:
        if b[0] != b[1]:
            return a
        low, high = a[0] + (a[0] == b[0]), a[1] - (a[1] == b[0])
        return (low, high) if low <= high else self.bottom

    def _wrapped(self, low: int, high: int) -> Range:
        """Bring bounds back into range when both lie in the same turn."""
        size = 1 << self.width
        turn = (low - self.min) // size
        if turn != (high - self.min) // size:
            return self.top
        return (low - turn * size, high - turn * size)

    def _mul(self, a: Range, b: Range) -> Range:
        corners = (a[0] * b[0], a[0] * b[1], a[1] * b[0], a[1] * b[1])
        return self._wrapped(min(corners), max(corners))

    def _sdiv(self, a: Range, b: Range) -> Range:
        divisors = {d for d in (b[0], b[1], -1, 1) if d != 0 and b[0] <= d <= b[1]}
        if not divisors:
            return self.bottom
        corners = [_quotient(x, d) for x in a for d in divisors]
        return (min(corners), min(max(corners), self.max))

    def _smod(self, a: Range, b: Range) -> Range:
        largest = max(abs(b[0]), abs(b[1])) - 1
        if largest < 0:
            return self.bottom
        return (max(min(a[0], 0), -largest), min(max(a[1], 0), largest))

    def _bit_hull(self, a: Range, b: Range) -> Range:
        """Return the smallest power-of-two range around 0 that holds both, which bit operations keep."""
        nr_bits = max((~x if x < 0 else x).bit_length() for x in (*a, *b))
        return (-(1 << nr_bits), (1 << nr_bits) - 1)

    def _and(self, a: Range, b: Range) -> Range:
        highs = [r[1] for r in (a, b) if r[0] >= 0]
        return (0, min(highs)) if highs else self._bit_hull(a, b)

    def _or(self, a: Range, b: Range) -> Range:
        low, high = self._bit_hull(a, b)
        if a[1] < 0 or b[1] < 0:
            return (max(r[0] for r in (a, b) if r[1] < 0), -1)
        return (max(a[0], b[0]), high) if a[0] >= 0 and b[0] >= 0 else (low, high)

    def _xor(self, a: Range, b: Range) -> Range:
        low, high = self._bit_hull(a, b)
        return (0, high) if a[0] >= 0 and b[0] >= 0 else (low, high)

    def _shl(self, a: Range, b: Range) -> Range:
        least, most = max(b[0], 0), min(b[1], self.width - 1)
        if b[0] < 0 or least > most:
            return self.top
        low = a[0] << (most if a[0] < 0 else least)
        high = a[1] << (least if a[1] < 0 else most)
        return (low, high) if self.min <= low and high <= self.max else self.top

    def _lshr(self, a: Range, b: Range) -> Range:
        if b[0] < 0:
            return self.top
        if a[0] >= 0:
            return self._ashr(a, b)
        return (0, ((1 << self.width) - 1) >> b[0]) if b[0] >= 1 else self.top

    def _ashr(self, a: Range, b: Range) -> Range:
        least, most = max(b[0], 0), min(b[1], self.width - 1)
        if b[0] < 0 or least > most:
            return self.top
        return (a[0] >> (least if a[0] < 0 else most), a[1] >> (most if a[1] < 0 else least))


def _quotient(a: int, b: int) -> int:
    quotient = abs(a) // abs(b)
    return quotient if (a < 0) == (b < 0) else -quotient


DOMAIN = SignedIntervals
