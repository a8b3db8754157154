"""Ranges of the unsigned reading: pairs (low, high), both inclusive.

Bottom is one fixed pair with low above high. Ranges do not wrap around: an addition that may pass the
end on one side only loses everything, and the signed twin or the known bits keep what they can.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from verifier.domains.lattice import Thresholds, widen_bounds

Range = tuple[int, int]


class UnsignedIntervals:
    """Abstract numbers by the bounds of their unsigned reading."""

    def __init__(self, width: int = 64) -> None:
        self.width = width
        self.max = (1 << width) - 1
        self.top: Range = (0, self.max)
        self.bottom: Range = (1, 0)
        self._transfers: dict[str, Callable[[Range, Range], Range]] = {
            "add": self._add,
            "sub": self._sub,
            "mul": self._mul,
            "udiv": self._udiv,
            "umod": self._umod,
            "and": self._and,
            "or": self._or,
            "xor": self._xor,
            "shl": self._shl,
            "lshr": self._lshr,
            "ashr": self._ashr,
            "umin": self._umin,
            "umax": self._umax,
            "smin": self.join,
            "smax": self.join,
        }

    def of(self, concrete: int) -> Range:
        """Return the range of one value."""
        return (concrete, concrete)

    def universe(self) -> Iterable[int]:
        """Return every value."""
        return range(self.max + 1)

    def contains(self, element: Range, concrete: int) -> bool:
        """Tell whether the value lies in the range."""
        return element[0] <= concrete <= element[1]

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
        return widen_bounds(old, self.join(old, joined), thresholds.unsigned, self.top)

    def narrow(self, old: Range, smaller: Range) -> Range:
        """Take the smaller range."""
        return self.meet(old, smaller)

    def apply(self, name: str, a: Range, b: Range) -> Range:
        """Return the range of an operation's results, `top` where it is a signed affair."""
        transfer = self._transfers.get(name)
        if a[0] > a[1] or b[0] > b[1]:
            return self.bottom
        return transfer(a, b) if transfer else self.top

    def truncate(self, a: Range, nr_bits: int, signed: bool) -> Range:
        """Keep ranges that fit; with a sign to extend the signed twin knows more."""
        largest = (1 << (nr_bits - signed)) - 1
        if a[1] <= largest:
            return a
        return self.top if signed else (0, min(largest, self.max))

    def assume(self, relation: str, a: Range, b: Range) -> tuple[Range, Range]:
        """Narrow by equality and the unsigned order."""
        if relation == "eq":
            both = self.meet(a, b)
            return both, both
        if relation == "ne":
            return self._without(a, b), self._without(b, a)
        if relation in ("ult", "ule"):
            gap = relation == "ult"
            return self.meet(a, (0, b[1] - gap)), self.meet(b, (a[0] + gap, self.max))
        return a, b

    def _without(self, a: Range, b: Range) -> Range:
        if b[0] != b[1]:
            return a
        low, high = a[0] + (a[0] == b[0]), a[1] - (a[1] == b[0])
        return (low, high) if low <= high else self.bottom

    def _wrapped(self, low: int, high: int) -> Range:
        """Bring bounds back into range when both lie in the same turn."""
        size = self.max + 1
        if low // size != high // size:
            return self.top
        return (low % size, high % size)

    def _add(self, a: Range, b: Range) -> Range:
        return self._wrapped(a[0] + b[0], a[1] + b[1])

    def _sub(self, a: Range, b: Range) -> Range:
        return self._wrapped(a[0] - b[1], a[1] - b[0])

    def _mul(self, a: Range, b: Range) -> Range:
        return self._wrapped(a[0] * b[0], a[1] * b[1])

    def _udiv(self, a: Range, b: Range) -> Range:
        return (a[0] // b[1], a[1] // max(b[0], 1)) if b[1] else self.bottom

    def _umod(self, a: Range, b: Range) -> Range:
        if a[1] < b[0]:
            return a
        return (0, min(a[1], b[1] - 1)) if b[1] else self.bottom

    def _and(self, a: Range, b: Range) -> Range:
        return (0, min(a[1], b[1]))

    def _or(self, a: Range, b: Range) -> Range:
        return (max(a[0], b[0]), (1 << (a[1] | b[1]).bit_length()) - 1)

    def _xor(self, a: Range, b: Range) -> Range:
        return (0, (1 << (a[1] | b[1]).bit_length()) - 1)

    def _shl(self, a: Range, b: Range) -> Range:
        high = min(b[1], self.width - 1)
        return self._wrapped(a[0] << b[0], a[1] << high) if b[0] <= high else self.bottom

    def _lshr(self, a: Range, b: Range) -> Range:
        high = min(b[1], self.width - 1)
        return (a[0] >> high, a[1] >> b[0]) if b[0] <= high else self.bottom

    def _ashr(self, a: Range, b: Range) -> Range:
        return self._lshr(a, b) if a[1] <= self.max >> 1 else self.top

    def _umin(self, a: Range, b: Range) -> Range:
        return (min(a[0], b[0]), min(a[1], b[1]))

    def _umax(self, a: Range, b: Range) -> Range:
        return (max(a[0], b[0]), max(a[1], b[1]))


DOMAIN = UnsignedIntervals
