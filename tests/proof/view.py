"""What the classes of a hook are where a block begins.

The verifier knows things of classes, and most classes are no value that exists at the point in question: sums that are
computed later, contents of cells, comparisons that nobody makes. Each has one meaning, given what it is made from.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import z3

from reclaim.abi.kinds import IntKind
from reclaim.lang.ir import Value
from tests.proof.arithmetic import has_value, truncate
from tests.proof.hook_terms import HookTerms
from tests.proof.memory import MemoryTerms, Shelf, place_of
from tests.proof.words import ALWAYS, Term, Word, constant, same, truth, unknown_number
from verifier.expressions import BINARY_OPERATIONS, Definition
from verifier.memory_cells import Cell
from verifier.numbering import Edge, MemoryPhi


class Arrival(NamedTuple):
    """Say how somebody arrives in a block.

    Args:
        edge: the way taken.
        args: what is passed for the block's parameters.
        before: what classes were in the block before.
    """

    edge: Edge
    args: Mapping[Value, Word]
    before: View


class View:
    """Know the values of classes at the start of a block.

    Args:
        terms: of the hook.
        block: number of the block.
        memory: contents of memory there.
        arrival: how one arrives, None where the block is looked at by itself.
    """

    def __init__(
        self, terms: HookTerms, block: int, memory: MemoryTerms, arrival: Arrival | None = None
    ) -> None:
        self.block = block
        self._terms = terms
        self._memory = memory
        self._arrival = arrival
        self._words: dict[int, Word | None] = {}
        self._permitted: dict[int, Term] = {}
        of, phis = terms.numbering.of, terms.numbering.phis
        args = arrival.args if arrival else {}
        for other in terms.above[block]:
            for phi in phis[other.id]:
                self._words.setdefault(phi.result, Word(terms.contents[phi.result]))
        for value in terms.visible(block):
            self._words.setdefault(of(value), args.get(value, terms.words[value]))
        self._seen = set(self._words)
        for phi in phis[block]:
            self.note(phi.result, self._content_of(phi))

    def _content_of(self, phi: MemoryPhi) -> Word:
        """Return what a cell holds where ways meet."""
        held = None if self._arrival is None else self.content(phi.cell)
        return held or Word(self._terms.contents[phi.result])

    def note(self, number: int, word: Word) -> None:
        """Say what a class is, from now on."""
        if number not in self._seen:
            self._words[number] = word
            self._seen.add(number)

    def seen(self, number: int) -> Word | None:
        """Return the value of a class that exists here without being computed from others, None where none does."""
        return self._words[number] if number in self._seen else None

    def of(self, number: int) -> Word | None:
        """Return the value of a class, None where it cannot be said."""
        if number not in self._words:
            self._words[number] = None
            cell = self._terms.loaded.get(number)
            if cell is not None and self._terms.is_current(number, self.block):
                self._words[number] = self.content(*cell)
            else:
                self._words[number] = self.computed(number)
        return self._words[number]

    def has_value(self, number: int) -> Term:
        """Say that a class has a value at all, where it was computed from others."""
        return self._permitted.get(number, ALWAYS)

    def content(self, cell: Cell, asked: str = "") -> Word | None:
        """Return what is in a cell now, None where nobody can say which one it is."""
        place, shelf = self.place(cell), Shelf(cell.group, asked)
        if place is None or not self._memory.has(shelf):
            return None
        return self._memory.read(shelf, place)

    def place(self, cell: Cell) -> Term | None:
        """Return where a cell is, None where nobody can say.

        Of a cell that is known to hold something there is a place, be it unknown which one where ways meet and the index
        was computed on one of them. By the others nobody can have named it, and any place will do.
        """
        classes = (*(() if cell.handle is None else (cell.handle,)), *cell.indices)
        parts = [self.of(number) for number in classes]
        numbers = [part.number for part in parts if part is not None]
        if len(numbers) == len(parts):
            return place_of(numbers)
        shelf, start = Shelf(cell.group), self._terms.starts.get(self.block)
        if start is None or cell not in start.stored:
            return None
        if self._arrival is None:
            return self._memory.unknown_place(shelf, f"{cell} in b{self.block}")
        before = self._arrival.before.place(cell)
        return self._memory.some_place(shelf) if before is None else before

    def stored_places(self, shelf: Shelf) -> list[Term]:
        """Return the places of an array that are known to hold what was stored there.

        What a field held anyway and was stored there again is nothing else than what it always holds.
        """
        start, contents = self._terms.starts.get(self.block), self._terms.numbering.contents
        stored = start.stored.items() if start is not None else ()
        places = [self.place(cell) for cell, n in stored if cell.group == shelf.group and n not in contents]
        return [place for place in places if place is not None]

    def computed(self, number: int) -> Word | None:
        """Return what a class is by its definition alone."""
        match self._terms.numbering.definitions[number]:
            case Definition(name="const", detail=int(value)):
                return Word(constant(value))
            case Definition(name="none", detail=is_pair):
                return Word(constant(0), ALWAYS, bool(is_pair))
            case Definition(name="tunable", detail=str(name)):
                return Word(unknown_number(f"tunable {name}"))
            case Definition(operands=()):
                return None
            case definition:
                found = [self.of(operand) for operand in definition.operands]
                operands = [word for word in found if word is not None]
                return self._applied(number, definition, operands) if len(operands) == len(found) else None

    def _applied(self, number: int, definition: Definition, operands: list[Word]) -> Word | None:
        numbers = [word.number for word in operands]
        permitted = [self.has_value(operand) for operand in definition.operands]
        match definition.name, definition.detail:
            case name, _ if name in BINARY_OPERATIONS:
                op, is_signed = BINARY_OPERATIONS[name]
                permitted.append(has_value(op, is_signed, *numbers))
                result = self._terms.arithmetic.binary(op, is_signed, *numbers)
            case "eq", _:
                result = truth(same(*operands))
            case "ult", _:
                result = truth(z3.ULT(*numbers))
            case "slt", _:
                result = truth(numbers[0] < numbers[1])
            case "not", _:
                result = constant(1) - numbers[0]
            case "truncate", IntKind() as kind:
                result = truncate(numbers[0], kind)
            case "is_none", is_handle:
                result = truth(numbers[0] == 0 if is_handle else operands[0].none)
            case "call", str(name):
                called = self._terms.arithmetic.called(name, numbers)
                if called is None:
                    return None
                permitted.append(called.has_value)
                result = called.number
            case _:
                return None
        self._permitted[number] = z3.And(permitted)
        return Word(result)
