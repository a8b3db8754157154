"""Joining blocks that follow each other anyway.

Structured lowering makes blocks wherever paths could meet: behind each inlined call, behind each
branch. Where only one path comes, the block and its parameters say nothing; they cost the verifier
a state each and hide from the reader that the code is straight. Blocks are joined only inside the
same loops, so that what is counted once per round stays what happens once per round.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from reclaim.lang.ir import Block, Branch, Fail, Jump, Return, Terminator, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_KEPT = frozenset({"span", "inlined_at"})


class Renaming:
    """Which value stands for which after blocks were joined."""

    def __init__(self) -> None:
        self._to: dict[Value, Value] = {}

    def pass_on(self, param: Value, arg: Value) -> None:
        """Let *param* be *arg*; a result without a name takes the author's name of the parameter."""
        arg = self.of(arg)
        if arg.name is None and param.name is not None:
            named = dataclasses.replace(arg, name=param.name)
            self._to[arg] = named
            arg = named
        self._to[param] = arg

    def of(self, value: Value) -> Value:
        """Return what stands for a value now."""
        while value in self._to:
            value = self._to[value]
        return value

    def __bool__(self) -> bool:
        return bool(self._to)


def merge_blocks(order: Sequence[Block], may_join: Callable[[Block, Block], bool]) -> Renaming:
    """Join each block with its successor where that has no other predecessor.

    Args:
        order: all blocks that can be reached, each before what it dominates.
        may_join: whether a block may take in its successor.

    Returns:
        What became of values, for those who hold some; blocks are already rewritten.
    """
    incoming: dict[int, int] = {}
    for block in order:
        for target in _targets(block.terminator):
            incoming[target.id] = incoming.get(target.id, 0) + 1
    renaming = Renaming()
    gone: set[int] = set()
    for block in order:
        if block.id in gone:
            continue
        while isinstance(jump := block.terminator, Jump):
            target = jump.target
            if target is block or incoming[target.id] != 1 or not may_join(block, target):
                break
            for param, arg in zip(target.params, jump.args, strict=True):
                renaming.pass_on(param, arg)
            block.ops += target.ops
            block.terminator = target.terminator
            gone.add(target.id)
    if renaming:
        for block in order:
            _rewrite(block, renaming)
    return renaming


def _targets(terminator: Terminator | None) -> tuple[Block, ...]:
    match terminator:
        case Jump(target=target):
            return (target,)
        case Branch(then=then, other=other):
            return (then, other)
        case _:
            return ()


def _rewrite(block: Block, renaming: Renaming) -> None:
    block.params = tuple(map(renaming.of, block.params))
    block.ops = [_renamed(op, renaming) for op in block.ops]
    match block.terminator:
        case Jump() | Branch() | Return() as terminator:
            block.terminator = _renamed(terminator, renaming)
        case Fail() | None:
            pass


def _renamed(holder: Any, renaming: Renaming) -> Any:
    """Return an instruction or terminator with its values renamed, itself where none is."""
    changes = {}
    for name in holder.__dataclass_fields__:
        if name in _KEPT:
            continue
        old = getattr(holder, name)
        if isinstance(old, Value):
            new: object = renaming.of(old)
        elif isinstance(old, tuple) and old and isinstance(old[0], Value):
            new = tuple(map(renaming.of, old))
            if all(a is b for a, b in zip(old, new, strict=True)):
                continue
        else:
            continue
        if new is not old:
            changes[name] = new
    return dataclasses.replace(holder, **changes) if changes else holder
