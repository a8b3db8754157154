"""The fixpoint driver: it goes round loops until nothing new is learned, and knows no instruction.

The graph is turned once into a nest: a sequence of blocks and loops, a loop being its header and again
such a sequence. Blocks outside of loops are visited exactly once, in reverse postorder, with everything
known that can reach them. For a loop:

1. ascend: start with what enters from outside, go round the body, join what comes back with what was
   assumed at the header, widen, until the assumption covers what comes back. Widening makes this end.
2. descend once: what entered and what came back, joined without widening, is assumed at the header
   instead, as far as it is smaller. One application of the body to something that covers every run
   still covers every run, so this is sound for any transfer function; it takes back what widening
   overshot beyond the loop's own exit test.
3. go round a last time with that assumption: now the out-states count, and obligations are checked.

An inner loop is stabilised anew in every round of the outer one. That is exponential in the depth of the
nest in the worst case; bodies settle after two rounds, so three deep means some tens of visits.

The semantics (what a state is, what a block does) come in as `Semantics`; states are opaque here.
Checking is done in the last round only, so each obligation is decided once for each visit that counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from verifier.numbering import Edge

S = TypeVar("S")

MAX_ROUNDS = 200
"""Rounds after which the ascent must have ended. Ours: thresholds are crossed one at a time, two per
constant of the hook; beyond this a domain's widening does not end, which is our own mistake."""


@dataclass(frozen=True, slots=True)
class Nest:
    """A loop: its header's block id, and everything else inside."""

    header: int
    inside: tuple[int | Nest, ...]


class Semantics(Protocol[S]):
    """What the driver asks."""

    def incoming(self, block: int) -> Sequence[Edge]:
        """Return the edges into a block."""

    def visit(self, block: int, states: list[tuple[Edge, S]], checking: bool) -> list[S | None]:
        """Run a block on what comes in; answer one state per way out, None where nobody can go."""

    def enter(self, header: int, states: list[tuple[Edge, S]], checking: bool) -> S:
        """Return what the header assumes before the first round."""

    def again(self, header: int, entered: S, backs: list[tuple[Edge, S]]) -> S:
        """Join what entered with what comes back."""

    def covers(self, header: int, assumed: S, found: S) -> bool:
        """Tell whether the assumption covers what was found."""

    def widen(self, header: int, assumed: S, found: S) -> S:
        """Return an assumption that covers both, such that this cannot go on for ever."""

    def narrow(self, header: int, assumed: S, found: S) -> S:
        """Return the smaller assumption."""

    def visit_header(self, header: int, assumed: S, checking: bool) -> list[S | None]:
        """Run a header on its assumption."""


def nest(blocks: Sequence[int], bodies: dict[int, frozenset[int]]) -> tuple[int | Nest, ...]:
    """Arrange blocks and loops.

    Args:
        blocks: block ids in reverse postorder.
        bodies: ids inside each loop, header included, by header id.

    Returns:
        The outermost sequence.
    """
    items: list[int | Nest] = []
    done: set[int] = set()
    for block in blocks:
        if block in done:
            continue
        if block not in bodies:
            items.append(block)
            continue
        inside = [b for b in blocks if b in bodies[block] and b != block]
        inner = {h: body for h, body in bodies.items() if h != block and h in bodies[block]}
        items.append(Nest(block, nest(inside, inner)))
        done |= bodies[block]
    return tuple(items)


class Fixpoint(Generic[S]):
    """Run one analysis to its fixpoint."""

    def __init__(self, semantics: Semantics[S], items: tuple[int | Nest, ...]) -> None:
        self._semantics = semantics
        self._items = items
        self._out: dict[Edge, S | None] = {}

    def run(self, entry: int, state: S) -> None:
        """Start with a state in the entry block and visit everything that can be reached."""
        self._leave(entry, self._semantics.visit(entry, [(Edge(-1, 0), state)], True))
        self._run(tuple(item for item in self._items if item != entry), checking=True)

    def _run(self, items: tuple[int | Nest, ...], checking: bool) -> None:
        for item in items:
            if isinstance(item, Nest):
                self._loop(item, checking)
                continue
            states = self._arriving(self._semantics.incoming(item))
            self._leave(item, self._semantics.visit(item, states, checking) if states else [])

    def _loop(self, loop: Nest, checking: bool) -> None:
        semantics, header = self._semantics, loop.header
        inside = _ids(loop)
        edges = semantics.incoming(header)
        outside = self._arriving([e for e in edges if e.source not in inside])
        if not outside:
            for block in inside:
                self._leave(block, [])
            return
        backs = [e for e in edges if e.source in inside]
        entered = semantics.enter(header, outside, checking)
        assumed = entered
        for _ in range(MAX_ROUNDS):
            self._round(loop, assumed, checking=False)
            found = semantics.again(header, entered, self._arriving(backs))
            if semantics.covers(header, assumed, found):
                break
            assumed = semantics.widen(header, assumed, found)
        else:
            raise RuntimeError(f"the analysis of the loop at block {header} does not settle")
        self._round(loop, semantics.narrow(header, assumed, found), checking)

    def _round(self, loop: Nest, assumed: S, checking: bool) -> None:
        self._leave(loop.header, self._semantics.visit_header(loop.header, assumed, checking))
        self._run(loop.inside, checking)

    def _arriving(self, edges: Sequence[Edge]) -> list[tuple[Edge, S]]:
        states = ((edge, self._out.get(edge)) for edge in edges)
        return [(edge, state) for edge, state in states if state is not None]

    def _leave(self, block: int, states: list[S | None]) -> None:
        for slot in (0, 1):
            self._out[Edge(block, slot)] = states[slot] if slot < len(states) else None


def _ids(loop: Nest) -> frozenset[int]:
    ids = {loop.header}
    for item in loop.inside:
        ids |= _ids(item) if isinstance(item, Nest) else {item}
    return frozenset(ids)
