"""Building the control-flow graph of one hook in SSA form.

The language has structured control flow only, so SSA needs no dominance frontiers: whoever lowers an
`if` or a loop knows where paths meet, and passes the variables that differ as block parameters.
The builder keeps the current block, hands out values and blocks, remembers which blocks lie inside
which loops, and at the end drops what cannot be reached and numbers the rest in reverse postorder.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, TypeVar

from reclaim.abi.kinds import Hook
from reclaim.diag.diagnostic import Span
from reclaim.lang.block_merge import merge_blocks
from reclaim.lang.ir import (
    Block,
    Branch,
    Const,
    HookIR,
    Instruction,
    Jump,
    LoadTunable,
    Loop,
    LoopKind,
    Op,
    Terminator,
    Tunable,
    Type,
    Value,
)
from reclaim.lang.type_rules import type_of

_I = TypeVar("_I", bound=Instruction)


@dataclass(slots=True, eq=False)
class OpenLoop:
    """A loop whose body is being built; blocks collect in `blocks`."""

    kind: LoopKind
    header: Block
    bound: Value
    span: Span
    parent: OpenLoop | None
    blocks: set[int]


class HookBuilder:
    """Build one `HookIR`."""

    def __init__(self, hook: Hook, span: Span) -> None:
        self.hook = hook
        self.span = span
        self.inlined_at: tuple[Span, ...] = ()
        self._next_value = 0
        self._blocks: list[Block] = []
        self._loops: list[OpenLoop] = []
        self._loop: OpenLoop | None = None
        self._tunables: dict[str, LoadTunable] = {}
        self.params = tuple(self.value(type_of(p.type), p.name, span) for p in hook.params)
        self.entry = self.block()
        self.entry.params = self.params
        self.current = self.entry
        self.nr_ops = 0
        self._left = False

    # ---- values and instructions

    def value(self, of: Type, name: str | None, span: Span) -> Value:
        """Make a new value."""
        self._next_value += 1
        return Value(self._next_value - 1, of, name, span)

    def emit(self, kind: type[_I], of: Type | None, span: Span, /, **fields: Any) -> _I:
        """Append an instruction to the current block.

        Args:
            kind: its class.
            of: type of its result, None where it has none.
            span: the author's code.
            fields: its operands.
        """
        result = None if of is None else self.value(of, None, span)
        made = kind(span=span, inlined_at=self.inlined_at, result=result, **fields)
        self.current.ops.append(made)  # type: ignore[arg-type]
        self.nr_ops += 1
        return made

    def make(self, kind: type[_I], of: Type, span: Span, /, **fields: Any) -> Value:
        """Append an instruction and return its result."""
        result = self.emit(kind, of, span, **fields).result
        assert result is not None
        return result

    def const(self, value: int, of: Type, span: Span) -> Value:
        """Append a constant."""
        return self.make(Const, of, span, value=value)

    def tunable(self, tunable: Tunable, of: Type, span: Span) -> Value:
        """Return the tunable's value, loaded once, at the start of the entry block."""
        load = self._tunables.get(tunable.name)
        if load is None:
            result = self.value(of, tunable.name, span)
            load = LoadTunable(span=span, inlined_at=self.inlined_at, result=result, tunable=tunable)
            self._tunables[tunable.name] = load
        assert load.result is not None
        return load.result

    def rename(self, value: Value, name: str) -> Value:
        """Give a value the author's name for it, if it was just made and has none.

        Nothing else can hold the value yet when it is the result of the last instruction, or a
        parameter of a block without instructions.
        """
        if value.name is not None:
            return value
        named = dataclasses.replace(value, name=name)
        ops = self.current.ops
        if ops and ops[-1].result is value:
            ops[-1] = dataclasses.replace(ops[-1], result=named)
            return named
        if not ops and value in self.current.params:
            self.current.params = tuple(named if p is value else p for p in self.current.params)
            return named
        return value

    # ---- blocks

    def block(self, params: tuple[Value, ...] = ()) -> Block:
        """Make a block inside the loops that are open now."""
        made = Block(len(self._blocks), params)
        self._blocks.append(made)
        loop = self._loop
        while loop is not None:
            loop.blocks.add(made.id)
            loop = loop.parent
        return made

    @property
    def live(self) -> bool:
        """Tell whether what is lowered next can be reached and belongs into the current block."""
        return self.current.terminator is None and not self._left

    def leave(self) -> None:
        """Let nothing follow in the current block, though its end is not known yet or never will be."""
        self._left = True

    def end(self, terminator: Terminator) -> None:
        """End the current block."""
        assert self.current.terminator is None
        self.current.terminator = terminator
        self.nr_ops += 1

    def jump(self, target: Block, span: Span, args: tuple[Value, ...] = ()) -> None:
        """End the current block with a jump."""
        self.end(Jump(target, args, span))

    def branch(self, condition: Value, then: Block, other: Block, span: Span) -> None:
        """End the current block with a branch that passes nothing."""
        self.end(Branch(condition, then, (), other, (), span))

    def branch_with(
        self,
        condition: Value,
        then: tuple[Block, tuple[Value, ...]],
        other: tuple[Block, tuple[Value, ...]],
        span: Span,
    ) -> None:
        """End the current block with a branch that passes arguments."""
        self.end(Branch(condition, *then, *other, span))

    def go_to(self, block: Block) -> None:
        """Continue in that block."""
        self.current = block
        self._left = False

    # ---- loops

    def open_loop(self, kind: LoopKind, params: tuple[Value, ...], bound: Value, span: Span) -> OpenLoop:
        """Make the header of a loop; blocks made until `close_loop` lie inside."""
        loop = OpenLoop(kind, Block(len(self._blocks)), bound, span, self._loop, set())
        self._loop = loop
        loop.header = self.block(params)
        self._loops.append(loop)
        return loop

    def close_loop(self) -> None:
        """Leave the innermost open loop."""
        assert self._loop is not None
        self._loop = self._loop.parent

    # ---- the end

    def finish(self) -> HookIR:
        """Return the finished hook."""
        loads: list[Op] = list(self._tunables.values())
        self.entry.ops[:0] = loads
        around = _innermost_loops(self._loops)
        headers = {loop.header.id for loop in self._loops}

        def may_join(block: Block, following: Block) -> bool:
            return following.id not in headers and around.get(block.id) is around.get(following.id)

        renaming = merge_blocks(_reverse_postorder(self.entry), may_join)
        order = _reverse_postorder(self.entry)
        numbers = {block.id: number for number, block in enumerate(order)}
        loops: dict[int, Loop] = {}
        for open_loop in self._loops:
            if open_loop.header.id not in numbers:
                continue
            parent = open_loop.parent
            loops[id(open_loop)] = Loop(
                open_loop.kind,
                open_loop.header,
                frozenset(numbers[b] for b in open_loop.blocks if b in numbers),
                renaming.of(open_loop.bound),
                loops[id(parent)] if parent is not None else None,
                open_loop.span,
            )
        for block in order:
            block.id = numbers[block.id]
        return HookIR(self.hook, self.params, tuple(order), tuple(loops.values()), self.span)


def _innermost_loops(loops: list[OpenLoop]) -> dict[int, OpenLoop]:
    """Return the innermost loop of each block that lies in one; inner loops come later in *loops*."""
    return {number: loop for loop in loops for number in loop.blocks}


def successors(block: Block) -> tuple[Block, ...]:
    """Return the blocks that a complete block may go to."""
    match block.terminator:
        case Jump(target=target):
            return (target,)
        case Branch(then=then, other=other):
            return (then, other)
        case _:
            return ()


def _reverse_postorder(entry: Block) -> list[Block]:
    order: list[Block] = []
    seen = {entry.id}
    stack = [(entry, list(successors(entry)))]
    while stack:
        block, rest = stack[-1]
        while rest and rest[-1].id in seen:
            rest.pop()
        if not rest:
            order.append(block)
            stack.pop()
            continue
        following = rest.pop()
        seen.add(following.id)
        stack.append((following, list(successors(following))))
    return order[::-1]
