"""The fixpoint driver: it goes round loops until nothing new is learned, and knows no instruction.

The graph is turned once into a nest: a sequence of blocks and loops, a loop being its header and again
such a sequence. Blocks outside of loops are visited exactly once, in reverse postorder, with everything
known that can reach them. For a loop:

1. ascend: start with what enters from outside, go round the body, join what comes back with what was
   assumed at the header, widen, until the assumption covers what comes back. Widening makes this end,
   and if it takes too long, giving up does.
2. descend once: what entered and what came back, joined without widening, is assumed at the header
   instead, as far as it is smaller. One application of the body to something that covers every run
   still covers every run, so this is sound for any transfer function; it takes back what widening
   overshot beyond the loop's own exit test.
3. go round a last time with that assumption: now the out-states count, and obligations are checked.

While an outer loop ascends, a loop inside of it goes on from where it settled in the round before, and is
not visited at all if what enters it is the same; from scratch it would double the work with each level. In
the last round of the outer loop it starts from scratch, so that nothing is left in the end of what was
assumed on the way. Time then grows with about the cube of the depth.

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
"""Rounds after which an ascent gives up: nothing is assumed about what the loop carries, which covers anything.
Ours: thresholds are crossed one at a time, two per constant of the hook, and a change passes along a chain of
variables by one in a round. So the analysis ends whatever the transfer functions do: they need not be monotone,
and those that walk along the order of values are not, for their walks are bounded."""


@dataclass(frozen=True, slots=True)
class Nest:
    """A loop: its header's block id, and everything else inside."""

    header: int
    inside: tuple[int | Nest, ...]


@dataclass(frozen=True, slots=True)
class Settled(Generic[S]):
    """How a loop settled: what had entered, what was assumed at the end of the ascent, and after the descent."""

    entered: S
    tried: S
    narrowed: S


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

    def resume(self, header: int, found: S, before: S) -> S:
        """Return an assumption that covers what was found, and what was assumed in an earlier round outside."""

    def covers(self, header: int, assumed: S, found: S) -> bool:
        """Tell whether the assumption covers what was found."""

    def widen(self, header: int, assumed: S, found: S) -> S:
        """Return an assumption that covers both, such that this cannot go on for ever."""

    def give_up(self, header: int, assumed: S) -> S:
        """Return an assumption that covers whatever comes back."""

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
        self._settled: dict[int, Settled[S]] = {}
        self._inside: dict[int, frozenset[int]] = {}
        for item in items:
            self._note_inside(item)

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
        inside = self._inside[header]
        edges = semantics.incoming(header)
        outside = self._arriving([e for e in edges if e.source not in inside])
        if checking or not outside:
            self._forget(inside)
        if not outside:
            for block in inside:
                self._leave(block, [])
            return
        entered = semantics.enter(header, outside, checking)
        before = self._settled.get(header)
        if before is not None and before.entered == entered:
            return
        tried, found = self._ascend(loop, entered, before, [e for e in edges if e.source in inside])
        settled = semantics.narrow(header, tried, found)
        if checking or settled != tried:
            self._round(loop, settled, checking)
        self._settled[header] = Settled(entered, tried, settled)

    def _ascend(self, loop: Nest, entered: S, before: Settled[S] | None, backs: list[Edge]) -> tuple[S, S]:
        """Return an assumption that covers what comes back, and what came back under it."""
        semantics, header = self._semantics, loop.header
        assumed = entered if before is None else semantics.resume(header, entered, before.narrowed)
        for _ in range(MAX_ROUNDS):
            self._round(loop, assumed, checking=False)
            found = semantics.again(header, entered, self._arriving(backs))
            if semantics.covers(header, assumed, found):
                return assumed, found
            if before is None:
                assumed = semantics.widen(header, assumed, found)
            else:
                assumed, before = semantics.resume(header, found, before.tried), None
        given_up = semantics.give_up(header, assumed)
        self._round(loop, given_up, checking=False)
        return given_up, semantics.again(header, entered, self._arriving(backs))

    def _forget(self, blocks: frozenset[int]) -> None:
        """Let the loops among these blocks start from scratch."""
        for block in blocks:
            self._settled.pop(block, None)

    def _round(self, loop: Nest, assumed: S, checking: bool) -> None:
        self._leave(loop.header, self._semantics.visit_header(loop.header, assumed, checking))
        self._run(loop.inside, checking)

    def _arriving(self, edges: Sequence[Edge]) -> list[tuple[Edge, S]]:
        states = ((edge, self._out.get(edge)) for edge in edges)
        return [(edge, state) for edge, state in states if state is not None]

    def _leave(self, block: int, states: list[S | None]) -> None:
        for slot in (0, 1):
            self._out[Edge(block, slot)] = states[slot] if slot < len(states) else None

    def _note_inside(self, item: int | Nest) -> frozenset[int]:
        """Return the blocks of an item, and note those of each loop."""
        if not isinstance(item, Nest):
            return frozenset((item,))
        inside = frozenset((item.header,)).union(*(self._note_inside(inner) for inner in item.inside))
        self._inside[item.header] = inside
        return inside
