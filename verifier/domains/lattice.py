"""The vocabulary that every abstract domain speaks.

A domain is an object made for a width in bits. Its elements are immutable and hashable, and stand for
sets of concrete values; a concrete value is a bit pattern, so the signed and the unsigned reading of
one number are one value. The laws (join is an upper bound, transfers lose no concrete result,
widening ends) are tested exhaustively at small widths over every domain found in this folder; that is
why nothing in a domain may assume 64 bits.

Transfer functions are looked up by name in `TRANSFER_NAMES`; the first letter tells the reading where
it matters (`udiv`, `sdiv`). A domain that has nothing to say about an operation answers `top`: the
product learns from its neighbours. Transfers assume that the operation's obligations hold (divisor
not 0, shift count below the width), because the state continues only where they do.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol, TypeVar

E = TypeVar("E")

TRANSFER_NAMES = (
    "add",
    "sub",
    "mul",
    "udiv",
    "sdiv",
    "umod",
    "smod",
    "and",
    "or",
    "xor",
    "shl",
    "lshr",
    "ashr",
    "umin",
    "umax",
    "smin",
    "smax",
)
"""Operations on two numbers."""

RELATION_NAMES = ("eq", "ne", "ult", "ule", "slt", "sle")
"""Relations that a branch can establish between two numbers."""


class Thresholds(NamedTuple):
    """Hold the bounds at which widening rests, in both readings, ascending.

    Args:
        unsigned: unsigned readings.
        signed: signed readings.
    """

    unsigned: tuple[int, ...]
    signed: tuple[int, ...]


def thresholds_of(constants: Iterable[int], width: int = 64) -> Thresholds:
    """Build thresholds from the constants of a program.

    Neighbours of a constant are thresholds too, because `i < n` leaves the loop at n - 1 or n.

    Args:
        constants: numbers in either reading.
        width: bits of the domain.

    Returns:
        Both readings, without duplicates.
    """
    size = 1 << width
    patterns = {(c + d) % size for c in constants for d in (-1, 0, 1)}
    signed = {p - size if p >= size // 2 else p for p in patterns}
    return Thresholds(tuple(sorted(patterns)), tuple(sorted(signed)))


def widen_bounds(
    old: tuple[int, int], joined: tuple[int, int], rests: Sequence[int], limits: tuple[int, int]
) -> tuple[int, int]:
    """Push a bound that moved to the next threshold, or to its limit where there is none."""
    low, high = joined
    if low < old[0]:
        at = bisect_right(rests, low)
        low = max(rests[at - 1], limits[0]) if at else limits[0]
    if high > old[1]:
        at = bisect_left(rests, high)
        high = min(rests[at], limits[1]) if at < len(rests) else limits[1]
    return low, high


class Domain(Protocol[E]):
    """Describe what every domain offers.

    Attributes:
        width: bits of a concrete value.
        top: the element that stands for every value.
        bottom: the element that stands for none.
    """

    width: int
    top: E
    bottom: E

    def of(self, concrete: int) -> E:
        """Return the best element that contains one concrete value."""

    def universe(self) -> Iterable[int]:
        """Return every concrete value; only for small widths."""

    def contains(self, element: E, concrete: int) -> bool:
        """Tell whether an element stands for a concrete value."""

    def leq(self, a: E, b: E) -> bool:
        """Tell whether *b* stands for everything that *a* does."""

    def join(self, a: E, b: E) -> E:
        """Return an upper bound of both."""

    def meet(self, a: E, b: E) -> E:
        """Return an element that contains at least what both do."""

    def widen(self, old: E, joined: E, thresholds: Thresholds) -> E:
        """Return an upper bound of both such that every ascending chain ends."""

    def narrow(self, old: E, smaller: E) -> E:
        """Return an element between *smaller* and *old*."""


class NumberDomain(Domain[E], Protocol[E]):
    """Describe what domains of numbers offer beside the lattice."""

    def apply(self, name: str, a: E, b: E) -> E:
        """Return what the operation of that name can give; see `TRANSFER_NAMES`."""

    def truncate(self, a: E, nr_bits: int, signed: bool) -> E:
        """Return what is left of the low bits, extended again as *signed* says."""

    def assume(self, relation: str, a: E, b: E) -> tuple[E, E]:
        """Return both operands, narrowed by a relation that holds; see `RELATION_NAMES`."""
