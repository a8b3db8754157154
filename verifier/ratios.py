"""How many times one value fits into another: `orders <= 9 * nr_seen`, the bound of a mean.

A sum and the number of its terms grow together, each within its own bounds, and neither bound says what their
quotient is. So for the two sides of a division the least factor k that was found with sum <= k * number is
carried like a variable of its own: as the element of a class that stands for the pair (`related` makes it a
parameter of loops and merges). Where both sides grew since, the factor grows to what the additions need. All
readings are without sign, and only sums that certainly do not wrap are looked through.
"""

from __future__ import annotations

from collections.abc import Iterator

from reclaim.abi.kinds import U64_MAX
from verifier.domains.product import TOP, Element
from verifier.numbering import Numbering

DEPTH = 3
"""Additions looked through between two points where the pair is known; ours: a round rarely adds more often."""


class Ratios:
    """Find out how classes of one hook are bounded by multiples of each other."""

    def __init__(self, numbering: Numbering) -> None:
        self._numbering = numbering
        self._definitions = numbering.definitions

    def most(self, whole: int, unit: int, elements: dict[int, Element], depth: int = DEPTH) -> int | None:
        """Return the least proved k with *whole* <= k * *unit*, None if nothing is known.

        Args:
            whole: class of the sum.
            unit: class of what it is measured in.
            elements: what is known.
            depth: how many additions to look through.
        """
        found = list(self._known(whole, unit, elements))
        if depth > 0:
            found += self._grown(whole, unit, elements, depth - 1)
        return min(found, default=None)

    def _known(self, whole: int, unit: int, elements: dict[int, Element]) -> Iterator[int]:
        """Yield what the ranges say, and what was carried here."""
        most, least = elements.get(whole, TOP).unsigned[1], elements.get(unit, TOP).unsigned[0]
        if most == 0 or least > 0:
            yield -(-most // max(least, 1))
        pair = self._numbering.find("ratio", (whole, unit), None)
        factor = U64_MAX if pair is None else elements.get(pair, TOP).unsigned[1]
        if factor < U64_MAX:  # else nothing is known: of 0 not even the largest factor makes something
            yield factor

    def _grown(self, whole: int, unit: int, elements: dict[int, Element], depth: int) -> Iterator[int]:
        """Yield the factors that follow from those before something was added to either side, or both."""
        if self._definitions[unit].name == "umax":
            for smaller in self._definitions[unit].operands:
                factor = self.most(whole, smaller, elements, depth)
                if factor is not None:
                    yield factor
        for base, added in self._before(whole):
            more = 0 if added is None else elements.get(added, TOP).unsigned[1]
            for smaller, step in self._before(unit):
                if (added, step) == (None, None):
                    continue
                least, most = (0, 0) if step is None else elements.get(step, TOP).unsigned
                before = None if more > 0 and least == 0 else self.most(base, smaller, elements, depth)
                bound = elements.get(smaller, TOP).unsigned[1]
                if before is not None and bound + most <= U64_MAX and before * bound + more <= U64_MAX:
                    yield max(before, -(-more // max(least, 1)))

    def _before(self, number: int) -> Iterator[tuple[int, int | None]]:
        """Yield a class itself, and for a sum each side with what is added to it."""
        yield number, None
        definition = self._definitions[number]
        if definition.name == "add":
            for base, added in (definition.operands, definition.operands[::-1]):
                if self._definitions[base].name != "const":
                    yield base, added
