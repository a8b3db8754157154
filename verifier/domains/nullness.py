"""Whether a handle, an answer or an optional integer is None: a set of two possibilities.

A concrete value is 0 for None and anything else for an object, as handles are encoded at run time.
Numbers have nothing to do with it and are always `top` here.
"""

from __future__ import annotations

from collections.abc import Iterable

from verifier.domains.lattice import Thresholds

NONE = 1
"""Is None."""

PRESENT = 2
"""Is an object."""


class Nullness:
    """Abstract handles by whether they can be None and can be an object."""

    def __init__(self, width: int = 64) -> None:
        self.width = width
        self.top = NONE | PRESENT
        self.bottom = 0

    def of(self, concrete: int) -> int:
        """Return what one handle is."""
        return PRESENT if concrete else NONE

    def universe(self) -> Iterable[int]:
        """Return None and one object; which object makes no difference."""
        return (0, 1)

    def contains(self, element: int, concrete: int) -> bool:
        """Tell whether the handle is among the possibilities."""
        return bool(element & self.of(concrete))

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
        """Join: there are two possibilities only."""
        return old | joined

    def narrow(self, old: int, smaller: int) -> int:
        """Take the possibilities of both."""
        return old & smaller


DOMAIN = Nullness
