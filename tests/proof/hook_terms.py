"""One hook as terms of z3: a term for each value, and what the verifier numbered.

Values are assigned once, so one term for each will do wherever it is visible: in a loop, the values that are visible
in a block are those of one round.
"""

from __future__ import annotations

from collections.abc import Iterator

from reclaim.lang.ir import (
    U64,
    Binary,
    Call,
    Compare,
    Const,
    Convert,
    IsNone,
    ListRef,
    ListSize,
    LoadField,
    LoadState,
    LoadTunable,
    MapRef,
    Narrow,
    Not,
    Op,
    StoreField,
    StoreState,
    Truncate,
    Unwrap,
    Value,
    Wrap,
)
from reclaim.lang.type_rules import is_nullable
from tests.proof.arithmetic import Arithmetic, compare, truncate
from tests.proof.memory import Contents, Held, MemoryTerms, RememberedMemory, Shelf
from tests.proof.words import Word, constant, none_of, truth, unknown, unknown_number, word_of
from tests.verifier.watched_analysis import WatchedAnalysis, dominators
from verifier.memory_cells import Cell, Memory, cell_of, entries_of, looked_up, whole_of
from verifier.state_ranges import DECLARED

Touching = LoadField | LoadState | ListSize | StoreField | StoreState
"""Instructions that name a cell."""


class HookTerms:
    """Hold the terms of one hook.

    Args:
        analysis: of the hook, run to its end.

    Attributes:
        words: the term of each value.
        unknowns: values that are no function of others: parameters, and what is read or answered.
        contents: the term of what a cell holds where paths meet, by class.
        shelves: arrays of memory that the hook touches.
        held: what fields of declared state hold, by their arrays.
        above: for each block the blocks that every way to it passes, itself not included, in order.
        starts: what is remembered of memory at the start of each block.
        loaded: for each class that was read from a cell: which, and by which helper.
    """

    def __init__(self, analysis: WatchedAnalysis) -> None:
        self.analysis = analysis
        self.hook = analysis.hook
        self.numbering = analysis.numbering
        self.arithmetic = Arithmetic()
        remembered = RememberedMemory(self.hook)
        self.starts: dict[int, Memory] = remembered.starts
        self.loaded: dict[int, tuple[Cell, str]] = {}
        self._versions: dict[int, object] = {}
        for key, number in remembered._keys.items():
            match key:
                case ("load", Cell() as cell, version, str(asked)):
                    self.loaded[number] = cell, asked
                    self._versions[number] = version
                case _:
                    pass
        self.blocks = {block.id: block for block in self.hook.blocks}
        self.loops = {loop.header.id: loop for loop in self.hook.loops}
        passed = dominators(self.hook)
        self.above = {
            block.id: [
                other for other in self.hook.blocks if other.id in passed[block.id] and other is not block
            ]
            for block in self.hook.blocks
        }
        self.shelves = dict(self._all_shelves())
        self.held = {
            Shelf(self.cell(op).group): Held(DECLARED.of(op.state), analysis.state.of(op.state))
            for block in self.hook.blocks
            for op in block.ops
            if isinstance(op, (LoadState, StoreState))
        }
        self.contents = {
            phi.result: unknown_number(f"content {phi.result}")
            for phis in self.numbering.phis.values()
            for phi in phis
        }
        self.words: dict[Value, Word] = {}
        self.unknowns: set[Value] = set()
        self._nr_names = 0
        self._make_words()

    def memory(self, about: str) -> MemoryTerms:
        """Return memory of which nothing is known."""
        return MemoryTerms(self.name(about), self.shelves, self.held, self.arithmetic.easy)

    def name(self, about: str) -> str:
        """Return a name that nothing else has."""
        self._nr_names += 1
        return f"{about} #{self._nr_names}"

    def visible(self, block: int) -> list[Value]:
        """Return the values that are made on every way to a block, its own parameters last."""
        found = [*self.hook.params]
        for other in self.above[block]:
            found += [*other.params, *(op.result for op in other.ops if op.result is not None)]
        return [*found, *self.blocks[block].params]

    def is_current(self, number: int, block: int) -> bool:
        """Tell whether a class is what its cell holds at the start of a block."""
        cell, _ = self.loaded[number]
        return block in self.starts and self.starts[block].version(cell) == self._versions[number]

    def cell(self, op: Touching) -> Cell:
        """Return the cell that an instruction names."""
        return cell_of(op, self.numbering.of, self.numbering._constants)

    def place_parts(self, op: Touching) -> list[Value]:
        """Return the operands that say which cell it is."""
        match op:
            case LoadField(handle=handle) | StoreField(handle=handle):
                return [handle]
            case LoadState(handle=handle, indices=indices) | StoreState(handle=handle, indices=indices):
                return [*([] if handle is None else [handle]), *indices]
            case ListSize(lruvec=lruvec, list=listed):
                return [lruvec, listed]

    def whole(self, op: LoadField | ListSize) -> Cell | None:
        """Return the cell that counts at least what an instruction reads, None if the contract names none."""
        of = self.numbering.of
        listed = self.numbering.definitions[of(op.list)] if isinstance(op, ListSize) else None
        return whole_of(op, of, listed)

    def _all_shelves(self) -> Iterator[tuple[Shelf, Contents]]:
        of = self.numbering.of
        for block in self.hook.blocks:
            for op in block.ops:
                match op:
                    case LoadField() | LoadState() | ListSize() | StoreField() | StoreState():
                        held = op.value.type if isinstance(op, (StoreField, StoreState)) else None
                        held = op.result.type if op.result is not None else held
                        assert held is not None
                        yield Shelf(self.cell(op).group), Contents(max(len(self.place_parts(op)), 1), held)
                    case Call(result=Value() as result):
                        cell = looked_up(op, of)
                        if cell is not None:
                            yield Shelf(cell.group, op.helper.name), Contents(len(op.args), result.type)
                    case _:
                        pass
                if isinstance(op, (LoadField, ListSize)) and (whole := self.whole(op)):
                    yield Shelf(whole.group), Contents(1, U64)
                if isinstance(op, Call) and op.helper.effects.proves_entry:
                    yield Shelf(entries_of(op, of).group, "size"), Contents(1, U64)

    def _make_words(self) -> None:
        params = [param for block in self.hook.blocks for param in block.params]
        for value in (*self.hook.params, *params):
            self.words[value] = unknown(f"{value}", value.type)
        self.unknowns.update(params)
        for block in self.hook.blocks:
            for op in block.ops:
                if op.result is not None:
                    self.words[op.result] = self._made(op, op.result)

    def _made(self, op: Op, result: Value) -> Word:
        word = self._computed(op, result)
        if word is None:
            self.unknowns.add(result)
            return unknown(f"{result}", result.type)
        return word

    def _computed(self, op: Op, result: Value) -> Word | None:
        """Return the result of an instruction that is a function of its operands, None for others."""
        words = self.words
        match op:
            case Const(value=value):
                return none_of(result.type) if is_nullable(result.type) else Word(constant(value))
            case Binary():
                left, right = words[op.left].number, words[op.right].number
                return Word(self.arithmetic.binary(op.op, op.signed, left, right))
            case Compare():
                return Word(compare(op.op, op.signed, words[op.left].number, words[op.right].number))
            case Truncate():
                return Word(truncate(words[op.operand].number, op.kind))
            case Not():
                return Word(truth(words[op.operand].number == 0))
            case IsNone():
                return Word(truth(words[op.operand].none))
            case Convert() | Narrow() | Unwrap() | Wrap():
                return word_of(words[op.operand].number, result.type)
            case ListRef(decl=decl, indices=indices):
                number = constant(0)
                for index, length in zip(indices, decl.dims, strict=True):
                    number = number * constant(length) + words[index].number
                return Word(number + constant(decl.first_number))
            case LoadTunable(tunable=tunable):
                return Word(unknown_number(f"tunable {tunable.name}"))
            case MapRef(decl=decl, index=index, handle=handle):
                parts = [words[part].number for part in (index, handle) if part is not None]
                return Word(self.arithmetic.handle(f"map {decl.number}", parts))
            case _:
                return None
