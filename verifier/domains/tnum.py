"""Known bits: pairs (value, mask); a bit set in the mask is unknown, the others are as in the value.

Source: the additions and subtractions are those proved optimal in Vishwanathan et al., Sound, precise,
and fast abstract interpretation with tristate numbers, CGO 2022. Multiplication keeps only the known
trailing zeros: nothing that policies do needs more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from verifier.domains.lattice import Thresholds

Tnum = tuple[int, int]


class KnownBits:
    """Abstract numbers by the bits that are certain."""

    def __init__(self, width: int = 64) -> None:
        self.width = width
        self.max = (1 << width) - 1
        self.top: Tnum = (0, self.max)
        self.bottom: Tnum = (1, 1)
        self._transfers: dict[str, Callable[[Tnum, Tnum], Tnum]] = {
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
            "umin": self.join,
            "umax": self.join,
            "smin": self.join,
            "smax": self.join,
        }

    def of(self, concrete: int) -> Tnum:
        """Return a number with every bit known."""
        return (concrete, 0)

    def universe(self) -> Iterable[int]:
        """Return every bit pattern."""
        return range(self.max + 1)

    def contains(self, element: Tnum, concrete: int) -> bool:
        """Tell whether the known bits agree."""
        return element != self.bottom and concrete & ~element[1] == element[0]

    def leq(self, a: Tnum, b: Tnum) -> bool:
        """Tell whether everything known in *b* is known in *a*."""
        if a == self.bottom:
            return True
        return b != self.bottom and a[1] & ~b[1] == 0 and a[0] & ~b[1] == b[0]

    def join(self, a: Tnum, b: Tnum) -> Tnum:
        """Keep the bits on which both agree."""
        if a == self.bottom:
            return b
        if b == self.bottom:
            return a
        mask = a[1] | b[1] | (a[0] ^ b[0])
        return (a[0] & ~mask, mask)

    def meet(self, a: Tnum, b: Tnum) -> Tnum:
        """Collect the bits that either knows; bottom where they contradict."""
        if self.bottom in (a, b) or (a[0] ^ b[0]) & ~a[1] & ~b[1]:
            return self.bottom
        return (a[0] | b[0], a[1] & b[1])

    def widen(self, old: Tnum, joined: Tnum, thresholds: Thresholds) -> Tnum:  # noqa: ARG002 - the vocabulary
        """Forget everything between the lowest and the highest bit that was forgotten."""
        both = self.join(old, joined)
        if old == self.bottom or both[1] == old[1]:
            return both
        lowest = both[1] & -both[1]
        mask = (1 << both[1].bit_length()) - lowest
        return (both[0] & ~mask, mask)

    def narrow(self, old: Tnum, smaller: Tnum) -> Tnum:
        """Take the bits that either knows."""
        return self.meet(old, smaller)

    def apply(self, name: str, a: Tnum, b: Tnum) -> Tnum:
        """Return the known bits of an operation's results."""
        if self.bottom in (a, b):
            return self.bottom
        transfer = self._transfers.get(name)
        return transfer(a, b) if transfer else self.top

    def truncate(self, a: Tnum, nr_bits: int, signed: bool) -> Tnum:
        """Keep the low bits; the copies of an unknown sign are unknown."""
        if nr_bits >= self.width:
            return a
        low = (1 << nr_bits) - 1
        high = self.max & ~low
        value, mask = a[0] & low, a[1] & low
        sign = 1 << (nr_bits - 1)
        if signed and mask & sign:
            mask |= high
        elif signed and value & sign:
            value |= high
        return (value, mask)

    def assume(self, relation: str, a: Tnum, b: Tnum) -> tuple[Tnum, Tnum]:
        """Narrow by equality; an order says nothing about single bits."""
        if relation == "eq":
            both = self.meet(a, b)
            return both, both
        return a, b

    def _masked(self, value: int, unknown: int) -> Tnum:
        mask = unknown & self.max
        return (value & self.max & ~mask, mask)

    def _add(self, a: Tnum, b: Tnum) -> Tnum:
        value = a[0] + b[0]
        carries = (value + a[1] + b[1]) ^ value
        return self._masked(value, carries | a[1] | b[1])

    def _sub(self, a: Tnum, b: Tnum) -> Tnum:
        value = a[0] - b[0]
        borrows = (value + a[1]) ^ (value - b[1])
        return self._masked(value, borrows | a[1] | b[1])

    def _mul(self, a: Tnum, b: Tnum) -> Tnum:
        if not a[1] and not b[1]:
            return (a[0] * b[0] & self.max, 0)
        nr_zeros = min(self._trailing_zeros(a) + self._trailing_zeros(b), self.width)
        return (0, self.max & ~((1 << nr_zeros) - 1))

    def _trailing_zeros(self, a: Tnum) -> int:
        possible = a[0] | a[1]
        return (possible & -possible).bit_length() - 1 if possible else self.width

    def _udiv(self, a: Tnum, b: Tnum) -> Tnum:
        if b[1] or b[0] == 0 or b[0] & (b[0] - 1):
            return self.top
        return self._lshr(a, (b[0].bit_length() - 1, 0))

    def _umod(self, a: Tnum, b: Tnum) -> Tnum:
        if b[1] or b[0] == 0 or b[0] & (b[0] - 1):
            return self.top
        return self._and(a, (b[0] - 1, 0))

    def _and(self, a: Tnum, b: Tnum) -> Tnum:
        possible = (a[0] | a[1]) & (b[0] | b[1])
        certain = a[0] & b[0]
        return (certain, possible & ~certain)

    def _or(self, a: Tnum, b: Tnum) -> Tnum:
        certain = a[0] | b[0]
        return (certain, (a[1] | b[1]) & ~certain)

    def _xor(self, a: Tnum, b: Tnum) -> Tnum:
        return self._masked(a[0] ^ b[0], a[1] | b[1])

    def _shl(self, a: Tnum, b: Tnum) -> Tnum:
        if b[1] or b[0] >= self.width:
            return self.top
        return (a[0] << b[0] & self.max, a[1] << b[0] & self.max)

    def _lshr(self, a: Tnum, b: Tnum) -> Tnum:
        if b[1] or b[0] >= self.width:
            return self.top
        return (a[0] >> b[0], a[1] >> b[0])

    def _ashr(self, a: Tnum, b: Tnum) -> Tnum:
        if b[1] or b[0] >= self.width:
            return self.top
        return self.truncate(self._lshr(a, b), self.width - b[0], signed=True)


DOMAIN = KnownBits
