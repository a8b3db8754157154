"""Whether a scan's body may move a folio: a set of three possibilities.

In `for folio in list.scan(...)` the current folio may be moved, once. The core took its successor
before the body ran, so a second move, or a move of any other folio, would tear the list under it.
A concrete value is the number of the possibility.
"""

from __future__ import annotations

from collections.abc import Iterable

from verifier.domains.lattice import Thresholds

FOREIGN = 1
"""Not the current folio of a scan (0)."""

CURRENT = 2
"""The current folio of a scan, still where the scan found it (1)."""

MOVED = 4
"""The current folio of a scan, moved in this round already (2)."""


class Ownership:
    """Abstract folios by what the innermost scan did with them."""

    def __init__(self, width: int = 64) -> None:
        self.width = width
        self.top = FOREIGN | CURRENT | MOVED
        self.bottom = 0

    def of(self, concrete: int) -> int:
        """Return the set of one possibility."""
        return 1 << concrete

    def universe(self) -> Iterable[int]:
        """Return the numbers of the possibilities."""
        return (0, 1, 2)

    def contains(self, element: int, concrete: int) -> bool:
        """Tell whether the possibility of that number is in the set."""
        return bool(element >> concrete & 1)

    def leq(self, a: int, b: int) -> bool:
        """Tell whether every possibility of *a* is one of *b*."""
        return a & ~b == 0

    def join(self, a: int, b: int) -> int:
        """Return the possibilities of either."""
        return a | b

    def meet(self, a: int, b: int) -> int:
        """Return the possibilities of both."""
        return a & b

    def widen(self, old: int, joined: int, thresholds: Thresholds) -> int:  # noqa: ARG002 - the vocabulary
        """Join: there are three possibilities only."""
        return old | joined

    def narrow(self, old: int, smaller: int) -> int:
        """Take the possibilities of both."""
        return old & smaller


DOMAIN = Ownership
