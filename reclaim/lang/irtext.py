"""Readable text of a hook's IR, for tests, for debugging and for people who want to see it."""

from __future__ import annotations

import dataclasses
from enum import Enum
from typing import TYPE_CHECKING

from reclaim.abi.kinds import Constructor, Helper, IntKind
from reclaim.diag.diagnostic import Span
from reclaim.lang.ir import (
    Block,
    Branch,
    Fail,
    HookIR,
    Instruction,
    Jump,
    ListDecl,
    MapDecl,
    Return,
    StateField,
    Terminator,
    Tunable,
    Value,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_HIDDEN = frozenset({"span", "inlined_at", "result"})


def print_ir(hook: HookIR) -> str:
    """Return the IR of a hook as text, one instruction per line."""
    return "\n".join(_lines(hook)) + "\n"


def _lines(hook: HookIR) -> Iterator[str]:
    yield f"hook {hook.hook.name}({', '.join(map(_typed, hook.params))}) -> {hook.hook.result}"
    for loop in hook.loops:
        blocks = ", ".join(f"b{number}" for number in sorted(loop.body))
        yield f"loop {loop.kind.value} at {loop.header!r}, rounds {loop.bound!r}, blocks {blocks}"
    for block in hook.blocks:
        params = "" if block is hook.blocks[0] else ", ".join(map(_typed, block.params))
        yield f"{block!r}({params}):"
        for op in block.ops:
            yield f"    {_instruction(op)}"
        yield f"    {_terminator(block.terminator)}"


def _typed(value: Value) -> str:
    name = f" {value.name}" if value.name else ""
    return f"{value!r}{name}: {value.type}"


def _instruction(op: Instruction) -> str:
    parts = [
        f"{f.name}={_operand(getattr(op, f.name))}" for f in dataclasses.fields(op) if f.name not in _HIDDEN
    ]
    text = f"{type(op).__name__} {' '.join(parts)}".rstrip()
    return text if op.result is None else f"{_typed(op.result)} = {text}"


def _operand(operand: object) -> str:
    match operand:
        case tuple():
            return f"({', '.join(map(_operand, operand))})"
        case Enum():
            return str(operand.value)
        case Constructor() | StateField() | ListDecl() | MapDecl() | Tunable() | IntKind():
            return operand.name
        case Helper():
            return operand.c_name
        case Span():
            return f"{operand.start.line}:{operand.start.column}"
        case _:
            return repr(operand)


def _terminator(terminator: Terminator | None) -> str:
    match terminator:
        case None:
            return "(no end)"
        case Jump(target=target, args=args):
            return f"jump {_edge(target, args)}"
        case Branch() as branch:
            then, other = _edge(branch.then, branch.then_args), _edge(branch.other, branch.other_args)
            return f"branch {branch.condition!r} {then} else {other}"
        case Return(value=value):
            return "return" if value is None else f"return {value!r}"
        case Fail(message=message):
            return f"fail {message}"


def _edge(block: Block, args: tuple[Value, ...]) -> str:
    return f"{block!r}({', '.join(map(repr, args))})"
