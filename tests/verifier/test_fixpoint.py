"""The driver arranges and goes round loops, and knows no instruction."""

from __future__ import annotations

from collections.abc import Sequence

from verifier.fixpoint import Fixpoint, Nest, nest
from verifier.numbering import Edge


def test_nest_arranges_loops_inside_of_loops() -> None:
    """A loop is its header and what lies inside, inner loops as loops again."""
    bodies = {1: frozenset({1, 2, 3, 4}), 2: frozenset({2, 3})}
    assert nest([0, 1, 2, 3, 4, 5], bodies) == (0, Nest(1, (Nest(2, (3,)), 4)), 5)


GIVEN_UP = 1_000_000


class Counting:
    """Semantics of one counter: block 0 enters the loop 1 -> 2 -> 1, which leaves to 3 at 10."""

    def __init__(self) -> None:
        self.checked: list[tuple[int, int]] = []

    def incoming(self, block: int) -> Sequence[Edge]:
        """Return the edges of the graph."""
        return {0: [], 1: [Edge(0, 0), Edge(2, 0)], 2: [Edge(1, 0)], 3: [Edge(1, 1)]}[block]

    def visit(self, block: int, states: list[tuple[Edge, int]], checking: bool) -> list[int | None]:
        """Count in block 2."""
        highest = max(state for _, state in states)
        if checking:
            self.checked.append((block, highest))
        return [highest + (block == 2), None]

    def enter(self, header: int, states: list[tuple[Edge, int]], checking: bool) -> int:
        """Start with what comes in."""
        del header, checking
        return states[0][1]

    def again(self, header: int, entered: int, backs: list[tuple[Edge, int]]) -> int:
        """Join: the highest."""
        del header
        return max([entered, *(state for _, state in backs)])

    def resume(self, header: int, found: int, before: int) -> int:
        """Join: the highest."""
        del header
        return max(found, before)

    def covers(self, header: int, assumed: int, found: int) -> bool:
        """Compare."""
        del header
        return found <= assumed

    def widen(self, header: int, assumed: int, found: int) -> int:
        """Overshoot."""
        del header, assumed, found
        return 1000

    def give_up(self, header: int, assumed: int) -> int:
        """Assume more than anybody counts."""
        del header, assumed
        return GIVEN_UP

    def narrow(self, header: int, assumed: int, found: int) -> int:
        """Take the smaller."""
        del header
        return min(assumed, found)

    def visit_header(self, header: int, assumed: int, checking: bool) -> list[int | None]:
        """Go on below 10, leave at any time."""
        if checking:
            self.checked.append((header, assumed))
        return [min(assumed, 9), assumed]


def test_fixpoint_takes_back_what_widening_overshot() -> None:
    """The loop's own exit test bounds the result, and each block is checked once."""
    semantics = Counting()
    Fixpoint(semantics, nest([0, 1, 2, 3], {1: frozenset({1, 2})})).run(0, 0)
    assert semantics.checked == [(0, 0), (1, 10), (2, 9), (3, 10)]


class Restless(Counting):
    """Semantics whose widening goes nowhere."""

    def widen(self, header: int, assumed: int, found: int) -> int:
        """Forget what was found."""
        del header, assumed, found
        return 0


def test_fixpoint_gives_up_an_ascent_that_goes_nowhere() -> None:
    """Nothing is assumed then, and one descent takes back what it can."""
    semantics = Restless()
    Fixpoint(semantics, nest([0, 1, 2, 3], {1: frozenset({1, 2})})).run(0, 0)
    assert semantics.checked == [(0, 0), (1, 10), (2, 9), (3, 10)]
