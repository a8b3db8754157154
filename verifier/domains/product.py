"""All domains at once: what is known about one value.

An element is the tuple of one element per domain. After every step the three number domains tell each
other what they know (`_reduce`): unsigned bounds inside one sign half give signed bounds and back, known
bits give bounds, and bounds with a common prefix give known bits. Bottom is one object, reached as soon
as any domain is at its bottom; a state that holds it is unreachable.

To add a domain, write its file and one line in `Product.__init__`.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple

from verifier.domains.interval_signed import SignedIntervals
from verifier.domains.interval_unsigned import UnsignedIntervals
from verifier.domains.lattice import Domain, Thresholds
from verifier.domains.nullness import NONE, PRESENT, Nullness
from verifier.domains.ownership import Ownership
from verifier.domains.tnum import KnownBits

CACHED_TRANSFERS = 1 << 14
"""Results of operations that are remembered: loops and inlined functions ask the same again and again.
Ours: the largest policies need some thousand; more would only hold memory."""


class Element(NamedTuple):
    """Hold what is known about one value, one part per domain."""

    unsigned: tuple[int, int]
    signed: tuple[int, int]
    bits: tuple[int, int]
    nullness: int
    ownership: int


class Product:
    """Combine every domain and let them exchange facts."""

    def __init__(self, width: int = 64) -> None:
        self.width = width
        self.max = (1 << width) - 1
        self.half = 1 << (width - 1)
        self._unsigned = UnsignedIntervals(width)
        self._signed = SignedIntervals(width)
        self._bits = KnownBits(width)
        self._parts: tuple[Domain[Any], ...] = (
            self._unsigned,
            self._signed,
            self._bits,
            Nullness(width),
            Ownership(width),
        )
        self.top = Element._make(part.top for part in self._parts)
        self.bottom = Element._make(part.bottom for part in self._parts)
        self._apply_cached = lru_cache(CACHED_TRANSFERS)(self._apply)
        self._range_cached = lru_cache(CACHED_TRANSFERS)(self._range)

    def of(self, concrete: int) -> Element:
        """Return the element of one number, which is also one handle and may have any owner."""
        return self._range_cached(concrete, concrete)

    def range(self, low: int, high: int) -> Element:
        """Return the numbers between two bounds.

        Args:
            low: smallest value; negative numbers are read with a sign.
            high: largest value; at least *low*.
        """
        return self._range_cached(low, high)

    def universe(self) -> Iterable[int]:
        """Return every bit pattern."""
        return range(self.max + 1)

    def contains(self, element: Element, concrete: int) -> bool:
        """Tell whether the number domains all contain the value."""
        return (
            element != self.bottom
            and self._unsigned.contains(element[0], concrete)
            and self._signed.contains(element[1], concrete)
            and self._bits.contains(element[2], concrete)
        )

    def leq(self, a: Element, b: Element) -> bool:
        """Tell whether *a* is at most *b* in every domain."""
        return (
            a is b
            or a is self.bottom
            or all(part.leq(x, y) for part, x, y in zip(self._parts, a, b, strict=True))
        )

    def join(self, a: Element, b: Element) -> Element:
        """Join in every domain; no exchange is needed, both were reduced."""
        if a is b or b is self.bottom:
            return a
        if a is self.bottom:
            return b
        u, s, t, v, w = a[0], a[1], a[2], b[0], b[1]
        return Element(
            (min(u[0], v[0]), max(u[1], v[1])),
            (min(s[0], w[0]), max(s[1], w[1])),
            self._bits.join(t, b[2]),
            a[3] | b[3],
            a[4] | b[4],
        )

    def meet(self, a: Element, b: Element) -> Element:
        """Meet in every domain and exchange facts."""
        if a is b or b is self.top:
            return a
        if a is self.top:
            return b
        if a is self.bottom or b is self.bottom:
            return self.bottom
        (u, s, t, _, _), (v, w, _, _, _) = a, b
        return self._reduce(
            (max(u[0], v[0]), min(u[1], v[1])),
            (max(s[0], w[0]), min(s[1], w[1])),
            self._bits.meet(t, b[2]),
            a[3] & b[3],
            a[4] & b[4],
        )

    def widen(self, old: Element, joined: Element, thresholds: Thresholds) -> Element:
        """Widen in every domain; no exchange, which could undo it for ever."""
        return Element(
            *(part.widen(x, y, thresholds) for part, x, y in zip(self._parts, old, joined, strict=True))
        )

    def narrow(self, old: Element, smaller: Element) -> Element:
        """Narrow in every domain and exchange facts."""
        return self._reduce(
            *(part.narrow(x, y) for part, x, y in zip(self._parts, old, smaller, strict=True))
        )

    def apply(self, name: str, a: Element, b: Element) -> Element:
        """Return what an operation on two numbers can give; see `lattice.TRANSFER_NAMES`."""
        return self._apply_cached(name, a, b)

    def truncate(self, a: Element, nr_bits: int, signed: bool) -> Element:
        """Return what is left of the low bits, extended again as *signed* says."""
        return self._reduce(
            self._unsigned.truncate(a[0], nr_bits, signed),
            self._signed.truncate(a[1], nr_bits, signed),
            self._bits.truncate(a[2], nr_bits, signed),
            self.top[3],
            self.top[4],
        )

    def assume(self, relation: str, a: Element, b: Element) -> tuple[Element, Element]:
        """Return both operands narrowed by a relation that holds; bottom where it cannot.

        Equal handles may still differ in ownership, which belongs to the handle, not to the object.
        """
        if relation == "eq":
            both = self.meet(a, self.with_ownership(b, a[4]))
            return both, both if both is self.bottom else self.with_ownership(both, b[4])
        u = self._unsigned.assume(relation, a[0], b[0])
        s = self._signed.assume(relation, a[1], b[1])
        return self._with_bounds(a, u[0], s[0]), self._with_bounds(b, u[1], s[1])

    def with_nullness(self, a: Element, nullness: int) -> Element:
        """Return the element restricted to a set of possibilities of `nullness`."""
        both = a[3] & nullness
        if not both:
            return self.bottom
        return a if both == a[3] else Element(a[0], a[1], a[2], both, a[4])

    def with_ownership(self, a: Element, ownership: int) -> Element:
        """Return the element with another owner."""
        return Element(a[0], a[1], a[2], a[3], ownership)

    def _range(self, low: int, high: int) -> Element:
        unsigned = (low, high) if low >= 0 else self._unsigned.top
        if low < 0 and high < 0:
            unsigned = (low & self.max, high & self.max)
        signed = (low, high) if high < self.half else self._signed.top
        return self._reduce(unsigned, signed, self._bits.top, self.top[3], self.top[4])

    def _with_bounds(self, a: Element, unsigned: tuple[int, int], signed: tuple[int, int]) -> Element:
        if unsigned == a[0] and signed == a[1]:
            return a
        return self._reduce(unsigned, signed, a[2], a[3], a[4])

    def _apply(self, name: str, a: Element, b: Element) -> Element:
        return self._reduce(
            self._unsigned.apply(name, a[0], b[0]),
            self._signed.apply(name, a[1], b[1]),
            self._bits.apply(name, a[2], b[2]),
            self.top[3],
            self.top[4],
        )

    def _reduce(
        self,
        unsigned: tuple[int, int],
        signed: tuple[int, int],
        bits: tuple[int, int],
        nullness: int,
        ownership: int,
    ) -> Element:
        """Let the number domains tell each other what they know."""
        if not nullness or not ownership or bits == self._bits.bottom:
            return self.bottom
        for _ in range(2):
            (u_low, u_high), (s_low, s_high), (value, mask) = unsigned, signed, bits
            u_low, u_high = max(u_low, value), min(u_high, value | mask)
            if u_high < self.half or u_low >= self.half:
                turn = self.max + 1 if u_low >= self.half else 0
                s_low, s_high = max(s_low, u_low - turn), min(s_high, u_high - turn)
            if s_low >= 0 or s_high < 0:
                turn = self.max + 1 if s_high < 0 else 0
                u_low, u_high = max(u_low, s_low + turn), min(u_high, s_high + turn)
            if u_low > u_high or s_low > s_high:
                return self.bottom
            differ = (1 << (u_low ^ u_high).bit_length()) - 1
            known = self._bits.meet(bits, (u_low & ~differ, differ))
            if known == self._bits.bottom:
                return self.bottom
            unsigned, signed = (u_low, u_high), (s_low, s_high)
            if known == bits:
                break
            bits = known
        return Element(unsigned, signed, bits, nullness, ownership)


DOMAIN = Product

NUMBERS = Product(64)
"""The domain of every value of the language."""

TOP = NUMBERS.top
BOTTOM = NUMBERS.bottom
TRUE = NUMBERS.of(1)
FALSE = NUMBERS.of(0)
TRUTH = NUMBERS.range(0, 1)
HERE = NUMBERS.with_nullness(TOP, PRESENT)
"""A handle that is not None."""
ABSENT = NUMBERS.with_nullness(NUMBERS.of(0), NONE)
"""None; as a number it is read by nobody, and 0 is how it is encoded."""
