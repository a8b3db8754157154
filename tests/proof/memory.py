"""Memory as arrays of z3, and what the verifier remembers of it.

One array stands for a field of all objects at once, its places being the objects, so that two handles of one object
are one place without anybody saying so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple, Self

import z3

from reclaim.lang.ir import Block, HookIR, Type, is_pair
from tests.proof.words import BITS, Term, Word, constant, is_in, word_of
from verifier.domains.product import Element
from verifier.memory_cells import Group, Memory, Writes, _mutable_fields
from verifier.numbering import Edge, Numbering


class Shelf(NamedTuple):
    """Name one array: a field of all objects, or what a look-up answers.

    Args:
        group: the field, or the map.
        asked: the helper that looks up, "" for a field.
    """

    group: Group
    asked: str = ""


class Contents(NamedTuple):
    """Say what an array holds.

    Args:
        nr_parts: numbers that make up a place: the object, and an index for each dimension.
        of: type of what is there.
    """

    nr_parts: int
    of: Type


def place_of(parts: list[Term]) -> Term:
    """Return a place: its numbers side by side."""
    if not parts:
        return constant(0)
    return z3.Concat(*parts) if len(parts) > 1 else parts[0]


class Held(NamedTuple):
    """What a field of declared state holds at any time, and what it holds where others may read it."""

    declared: Element
    proved: Element


class Inside(NamedTuple):
    """Say that what an array holds lies in a range, but for some places."""

    array: Term
    but_for: list[Term]


class MemoryTerms:
    """The contents of memory at one point of a run.

    What fields of declared state hold lies in a range at all places where a hook did not just store something else.
    Each place that is read is told of (`told`): there is no way to say it of all places at once.

    Args:
        name: of the point.
        shelves: all arrays that the hook touches.
        held: what fields of declared state hold, by their arrays.
        told: takes what is true of what is read.
    """

    def __init__(
        self, name: str, shelves: Mapping[Shelf, Contents], held: Mapping[Shelf, Held], told: list[Term]
    ) -> None:
        self.held = held
        self._shelves = shelves
        self._told = told
        self._arrays: dict[Shelf, tuple[Term, Term]] = {}
        self._inside: dict[Shelf, Inside] = {}
        self._forget(shelves, name)

    def copy(self) -> Self:
        """Return an independent copy."""
        other = type(self)("", {}, self.held, self._told)
        other._shelves, other._arrays, other._inside = self._shelves, dict(self._arrays), dict(self._inside)
        return other

    def has(self, shelf: Shelf) -> bool:
        """Tell whether the hook touches an array."""
        return shelf in self._arrays

    def read(self, shelf: Shelf, place: Term) -> Word:
        """Return what is at a place."""
        numbers, nones = self._arrays[shelf]
        of = self._shelves[shelf].of
        self._tell(shelf, place)
        return word_of(z3.Select(numbers, place), of, z3.Select(nones, place) if is_pair(of) else None)

    def unknown_place(self, shelf: Shelf, name: str) -> Term:
        """Return a place of which nothing is known but its name."""
        return z3.BitVec(f"place {name}", self._arrays[shelf][0].domain().size())

    def some_place(self, shelf: Shelf) -> Term:
        """Return any place that holds what its field always does."""
        place = self.unknown_place(shelf, "somewhere")
        if shelf in self.held:
            self._told.append(_is_inside(self._arrays[shelf][0], place, self.held[shelf], []))
        return place

    def write(self, shelf: Shelf, place: Term, word: Word) -> None:
        """Put something at a place; nothing that can be stored is a pair."""
        numbers, nones = self._arrays[shelf]
        self._arrays[shelf] = (z3.Store(numbers, place, word.number), nones)

    def write_anything(self, writes: Writes, name: str) -> None:
        """Let what somebody may write hold anything that it may hold, under a name of its own."""
        if writes.everything:
            forgotten = [s for s in self._shelves if s.group[0] != "field" or s.group in _mutable_fields()]
        else:
            forgotten = [s for s in self._shelves if s.group in writes.groups]
        self._forget(forgotten, name)
        for shelf in self.held.keys() & set(forgotten):
            self.is_inside(shelf, [])

    def is_inside(self, shelf: Shelf, but_for: list[Term]) -> None:
        """Say that what an array holds now lies in its range, but for some places."""
        self._inside[shelf] = Inside(self._arrays[shelf][0], but_for)

    def stays_inside(self, shelf: Shelf, but_for: list[Term]) -> Term:
        """Claim that what an array holds now lies in its range, but for some places."""
        place = self.unknown_place(shelf, "anywhere")
        self._tell(shelf, place)
        return _is_inside(self._arrays[shelf][0], place, self.held[shelf], but_for)

    def _tell(self, shelf: Shelf, place: Term) -> None:
        known = self._inside.get(shelf)
        if known is not None:
            self._told.append(_is_inside(known.array, place, self.held[shelf], known.but_for))

    def _forget(self, shelves: Iterable[Shelf], name: str) -> None:
        for shelf in shelves:
            places = z3.BitVecSort(BITS * self._shelves[shelf].nr_parts)
            about = f"{name} {'.'.join(shelf.group)} {shelf.asked}"
            numbers = z3.Array(about, places, z3.BitVecSort(BITS))
            self._arrays[shelf] = (numbers, z3.Array(f"{about} is None", places, z3.BoolSort()))
            self._inside.pop(shelf, None)


def _is_inside(array: Term, place: Term, held: Held, but_for: list[Term]) -> Term:
    content = Word(z3.Select(array, place))
    is_proved = z3.Or(*(place == other for other in but_for), is_in(held.proved, content))
    return z3.And(is_in(held.declared, content), is_proved)


class RememberedMemory(Numbering):
    """A numbering that keeps what it knows of memory at the start of each block.

    Attributes:
        starts: that, by block.
    """

    def __init__(self, hook: HookIR) -> None:
        self.starts: dict[int, Memory] = {}
        super().__init__(hook)

    def _merge(self, block: Block, edges: list[Edge]) -> Memory:
        memory = super()._merge(block, edges)
        self.starts[block.id] = memory.copy()
        return memory

    def _enter_loop(self, header: Block, edges: list[Edge]) -> Memory:
        memory = super()._enter_loop(header, edges)
        self.starts[header.id] = memory.copy()
        return memory
