"""Value numbering: which values of a hook are the same value, memory included.

The fixpoint works on *classes*, not on SSA values. Two values share a class when they are certainly
equal wherever both exist: conversions (the bits do not change), the same operation on the same
classes, and loads of a cell that nothing in between may have written. So when `folio.gen` is loaded
twice, a fact learned about the first load is known about the second, and a branch on
`folio.list is not None` speaks about the next `folio.list`. This is where the language's aliasing rules
live: a store through one handle gives every cell of that field a new version unless the cell is
provably another (a different constant index), and a helper does so for what its effects say.

A cell whose content differs between the paths that meet in a block becomes an extra parameter of the
block (`MemoryPhi`), so that the fixpoint treats it like any variable and knows nothing of memory.

Classes are numbered once per hook, in one walk over the blocks in reverse postorder. At a loop header
every cell that the body may write gets a new version. A class of a value made inside a loop means
another value in the next round; the fixpoint therefore lets nothing but block parameters travel along
back edges.

Only reducible graphs come in, and a block's predecessors, back edges apart, come before it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from reclaim.lang.ir import (
    Block,
    Branch,
    Call,
    Compare,
    Const,
    Convert,
    HookIR,
    Jump,
    ListSize,
    LoadField,
    LoadState,
    Narrow,
    Op,
    OptionalType,
    StoreField,
    StoreState,
    Terminator,
    Unwrap,
    Value,
    Wrap,
)
from verifier.expressions import OPAQUE, Definition, Users, comparison, define
from verifier.left_contents import LeftContents
from verifier.linear import LinearForms
from verifier.memory_cells import (
    Cell,
    Group,
    Memory,
    Writes,
    cell_of,
    entries_of,
    looked_up,
    whole_of,
    writes_of,
)


class Edge(NamedTuple):
    """Name one way out of a block: slot 0 is a jump or the `then` branch, 1 the other branch."""

    source: int
    slot: int


@dataclass(frozen=True, slots=True)
class Passed:
    """Say what an edge passes to its target.

    Args:
        edge: the edge.
        args: one class per parameter of the target, in order.
    """

    edge: Edge
    args: tuple[int, ...]


@dataclass(slots=True, eq=False)
class MemoryPhi:
    """Stand for a cell whose content depends on the way into the block.

    Args:
        result: class of the content.
        cell: which cell.
        contents: class of the content at the end of each edge.
    """

    result: int
    cell: Cell
    contents: dict[Edge, int]


Key: TypeAlias = tuple[object, ...]


def successors(terminator: Terminator | None) -> tuple[tuple[Block, tuple[Value, ...]], ...]:
    """Return the targets of a terminator with the arguments passed, by slot."""
    match terminator:
        case Jump(target=target, args=args):
            return ((target, args),)
        case Branch() as branch:
            return ((branch.then, branch.then_args), (branch.other, branch.other_args))
        case _:
            return ()


class Numbering:
    """Number the values of a hook.

    Attributes:
        definitions: for each class how it is made, as far as refinement can use it.
        users: the classes that are made from a class.
        phis: memory parameters of each block.
        contents: the classes that are contents of declared state which nothing is known to have been stored into, each
            with its field.
        left: what the hook leaves in declared state.
        incoming: edges into each block, with its source.
    """

    def __init__(self, hook: HookIR) -> None:
        self.hook = hook
        self.definitions: list[Definition] = []
        self.users = Users()
        self.phis: dict[int, list[MemoryPhi]] = {block.id: [] for block in hook.blocks}
        self.incoming: dict[int, list[Edge]] = {block.id: [] for block in hook.blocks}
        self.contents: dict[int, Group] = {}
        self.left = LeftContents()
        self.by_id = {block.id: block for block in hook.blocks}
        self._linear = LinearForms(self.definitions)
        self._class: dict[int, int] = {}
        self._keys: dict[Key, int] = {}
        self._ends: dict[int, Memory] = {}
        self._entered: dict[int, frozenset[Cell]] = {}
        self._bodies = {loop.header.id: loop.body for loop in hook.loops}
        self._constants = {
            op.result.id: op.value
            for block in hook.blocks
            for op in block.ops
            if isinstance(op, Const) and op.result is not None
        }
        for block in hook.blocks:
            for slot, (target, _) in enumerate(successors(block.terminator)):
                self.incoming[target.id].append(Edge(block.id, slot))
        for block in hook.blocks:
            self._number_block(block)
        self._close_loops()

    def of(self, value: Value) -> int:
        """Return the class of a value."""
        return self._class[value.id]

    def find(self, *key: object) -> int | None:
        """Return the class made by an operation on classes, None if the hook has none."""
        return self._keys.get(key)

    def comparison_of(self, name: str, left: int, right: int) -> int:
        """Return the class of a comparison, whether or not the hook makes it.

        Args:
            name: "eq", "ult" or "slt".
            left: class on the left.
            right: class on the right.
        """
        return self._define(Definition(name, (left, right)))

    def distance(self, left: int, right: int) -> int | None:
        """Return by how much one class exceeds another one modulo 2**64, None if that is no constant."""
        form = self._linear.combined(Definition("sub", (left, right)))
        return None if form.terms else form.constant

    def args_along(self, edge: Edge) -> tuple[Value, ...]:
        """Return the arguments that an edge passes."""
        return successors(self.by_id[edge.source].terminator)[edge.slot][1]

    def is_back_edge(self, edge: Edge, target: int) -> bool:
        """Tell whether an edge closes the loop of its target."""
        return edge.source in self._bodies.get(target, frozenset())

    def _new(self, key: Key, definition: Definition) -> int:
        found = self._keys.get(key)
        if found is None:
            found = len(self.definitions)
            self._keys[key] = found
            self.definitions.append(definition)
            self.users.note(found, definition)
        return found

    def _number_block(self, block: Block) -> None:
        edges = [e for e in self.incoming[block.id] if not self.is_back_edge(e, block.id)]
        edges = [e for e in edges if e.source in self._ends]
        memory = self._enter_loop(block, edges) if block.id in self._bodies else self._merge(block, edges)
        self._number_params(block, edges)
        for op in block.ops:
            self._number_op(op, memory)
        self._ends[block.id] = memory
        if not successors(block.terminator):
            self.left.end(block.id, memory)

    def _number_params(self, block: Block, edges: list[Edge]) -> None:
        """Give each parameter a class; one that is the same from everywhere is no value of its own."""
        is_header = block.id in self._bodies
        for position, param in enumerate(block.params):
            sources = {self.of(self.args_along(edge)[position]) for edge in edges}
            if len(sources) == 1 and not is_header:
                self._class[param.id] = sources.pop()
            else:
                self._class[param.id] = self._new(("param", param.id), OPAQUE)

    def _number_op(self, op: Op, memory: Memory) -> None:
        result = op.result
        match op:
            case LoadField() | LoadState() | ListSize():
                assert result is not None
                cell = cell_of(op, self.of, self._constants)
                self.left.load(op, cell, memory)
                self._class[result.id] = self._content(cell, memory, definition=self._part(op, memory))
            case StoreField() | StoreState():
                cell = cell_of(op, self.of, self._constants)
                self.left.write(op, writes_of(op, self._constants), memory, cell)
                memory.store(cell, self.of(op.value), version=len(self.definitions))
                self._new(("store", id(op)), OPAQUE)
            case Convert() | Wrap() | Unwrap() | Narrow():
                assert result is not None
                self._class[result.id] = self.of(op.operand)
            case Call():
                self._number_call(op, memory)
            case Compare():
                assert result is not None
                definition, is_negated = comparison(op, self.of)
                self._class[result.id] = self._negated(definition) if is_negated else self._define(definition)
            case _ if result is not None:
                made = define(op, self.of)
                self._class[result.id] = self._define(made) if made else self._made(result)
            case _:
                pass

    def _define(self, definition: Definition) -> int:
        """Return the class of an expression, in its one canonical form."""
        if definition.name == "not":
            inner = self.definitions[definition.operands[0]]
            if inner.name == "not":
                return inner.operands[0]
        if definition.name in ("add", "sub"):
            return self._sum(definition)
        return self._new(definition.key, definition)

    def _sum(self, definition: Definition) -> int:
        """Return the class of a sum or difference; where terms cancel, that of what is left."""
        form = self._linear.combined(definition)
        left = self._linear.left(form)
        if isinstance(left, int):
            return left
        if left is not None:
            return self._new(left.key, left)
        found = self._new(definition.key, definition)
        self._linear.note(found, form)
        return found

    def _negated(self, definition: Definition) -> int:
        """Return the class of a definition's negation."""
        return self._define(Definition("not", (self._define(definition),)))

    def _made(self, result: Value) -> int:
        return self._new(("made", result.id), OPAQUE)

    def _number_call(self, op: Call, memory: Memory) -> None:
        """Note what a helper writes, and number its answer, which may tell of the size of a map."""
        proves = op.helper.effects.proves_entry
        definition = self._by_size("found", op, memory) if proves == "found" else OPAQUE
        writes = writes_of(op, self._constants)
        self.left.write(op, writes, memory)
        self._forget(writes, memory)
        if op.result is None:
            return
        if proves == "kept":
            definition = self._by_size("kept", op, memory)
        self._class[op.result.id] = self._answer(op, op.result, memory, definition)

    def _part(self, op: LoadField | LoadState | ListSize, memory: Memory) -> Definition:
        """Tie a number to the one that it is a part of, where the contract names one."""
        if isinstance(op, LoadState):
            return OPAQUE
        list_ = self.definitions[self.of(op.list)] if isinstance(op, ListSize) else None
        whole = whole_of(op, self.of, list_)
        return OPAQUE if whole is None else Definition("part", (self._content(whole, memory),))

    def _by_size(self, name: str, op: Call, memory: Memory) -> Definition:
        """Tie an answer to the number of entries that its map holds now."""
        size = self._content(entries_of(op, self.of), memory, "size")
        assert op.result is not None
        return Definition(name, (size,), isinstance(op.result.type, OptionalType))

    def _answer(self, op: Call, result: Value, memory: Memory, definition: Definition) -> int:
        """Return the class of what a helper answers."""
        if op.helper.effects.pure:
            return self._pure_call(op)
        cell = looked_up(op, self.of)
        if cell is None:
            return self._new(("made", result.id), definition)
        return self._content(cell, memory, op.helper.name, definition)

    def _pure_call(self, op: Call) -> int:
        operands = tuple(self.of(arg) for arg in op.args)
        return self._define(Definition("call", operands, op.helper.c_name))

    def _content(self, cell: Cell, memory: Memory, asked: str = "", definition: Definition = OPAQUE) -> int:
        stored = memory.stored.get(cell)
        if stored is not None:
            return stored
        version = memory.version(cell)
        found = self._new(("load", cell, version, asked), definition)
        if cell.group[0] == "state":
            self.contents[found] = cell.group
        return found

    def _forget(self, writes: Writes, memory: Memory) -> None:
        if writes:
            memory.forget(writes, version=len(self.definitions))
            self._new(("forget", len(self.definitions)), OPAQUE)

    def _merge(self, block: Block, edges: list[Edge]) -> Memory:
        """Bring together what the ways into a block know of memory."""
        ends = [self._ends[edge.source] for edge in edges]
        if not ends:
            return Memory()
        memory = ends[0].copy()
        if all(end.same_as(ends[0]) for end in ends[1:]):
            return memory
        cells = dict.fromkeys(cell for end in ends for cell in end.stored)
        for edge, end in zip(edges, ends, strict=True):
            self.left.meet(edge.source, end, cells)
        contents = {cell: [self._content(cell, end) for end in ends] for cell in cells}
        memory.merge_versions(ends, ("merge", block.id))
        memory.stored = {}
        for cell, classes in contents.items():
            if len(set(classes)) == 1:
                memory.stored[cell] = classes[0]
                continue
            phi = self._phi(block, cell)
            phi.contents.update(zip(edges, classes, strict=True))
            memory.stored[cell] = phi.result
        return memory

    def _phi(self, block: Block, cell: Cell) -> MemoryPhi:
        result = self._new(("phi", block.id, cell), OPAQUE)
        phi = MemoryPhi(result, cell, {})
        self.phis[block.id].append(phi)
        return phi

    def _enter_loop(self, header: Block, edges: list[Edge]) -> Memory:
        """Start a loop: what its body may write is only known to be whatever the last round left."""
        memory = self._merge(header, edges)
        before = memory.copy()
        for writes in self._writes_inside(self._going_round(header.id)):
            memory.forget(writes, version=("header", header.id))
        for cell, content in before.stored.items():
            if cell in memory.stored:
                continue
            phi = self._phi(header, cell)
            phi.contents.update((edge, content) for edge in edges)
            memory.stored[cell] = phi.result
        self._entered[header.id] = frozenset(memory.stored)
        return memory

    def _going_round(self, header: int) -> set[int]:
        """Return the blocks of a loop that another round may follow: what is written on the way out is not read there."""
        body = self._bodies[header]
        found = {edge.source for edge in self.incoming[header] if edge.source in body}
        front = list(found)
        while front:
            for edge in self.incoming[front.pop()]:
                if edge.source in body and edge.source not in found:
                    found.add(edge.source)
                    front.append(edge.source)
        return found

    def _writes_inside(self, body: Iterable[int]) -> Iterable[Writes]:
        for number in body:
            block = self.by_id.get(number)
            for op in block.ops if block else ():
                writes = writes_of(op, self._constants)
                if writes:
                    yield writes

    def _close_loops(self) -> None:
        """Fill in what back edges bring: the memory at their end is known only now."""
        for header in self._bodies:
            backs = [e for e in self.incoming.get(header, ()) if self.is_back_edge(e, header)]
            for edge in backs:
                end, known = self._ends.get(edge.source), self._entered.get(header, frozenset())
                if end is not None:
                    self.left.end(edge.source, end, [cell for cell in end.stored if cell not in known])
                    self.left.meet(edge.source, end, known)
            for phi in self.phis.get(header, ()):
                for edge in backs:
                    end = self._ends.get(edge.source)
                    phi.contents[edge] = phi.result if end is None else self._content(phi.cell, end)
