"""What each instruction demands, as named values.

Nothing here knows a state: an obligation names values of the program and what must hold for them, so
obligations can be listed, tested and read without running an analysis. Whether the state implies one
is the business of `entailment`; how to say that it does not, of `explain`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias, assert_never

from reclaim.abi.helpers import HELPERS
from reclaim.abi.kernel_types import KERNEL_TYPES
from reclaim.abi.kinds import INT_KINDS, Helper, Hook, IntKind, Param
from reclaim.lang.ir import (
    Assert,
    Binary,
    BinaryOp,
    Call,
    Compare,
    Const,
    Construct,
    Convert,
    HandleType,
    IntType,
    IsNone,
    ListRef,
    ListSize,
    LoadField,
    LoadState,
    LoadTunable,
    Loop,
    LoopKind,
    MapRef,
    Narrow,
    Not,
    Op,
    ScanFirst,
    ScanNext,
    Scope,
    StoreField,
    StoreState,
    Truncate,
    Unwrap,
    Value,
    Wrap,
)

RUN_BY_HELPERS = frozenset(name for helper in HELPERS for name in helper.effects.runs)
"""Hooks that run in the middle of another hook; they may change the folio's own state only."""


class Role(Enum):
    """What a number with a demanded range is for."""

    INDEX = "index"
    SHIFT = "shift count"
    STORE = "stored value"
    ARGUMENT = "argument"


@dataclass(frozen=True, slots=True)
class Site:
    """Say where an instruction stands.

    Args:
        hook: the hook.
        own_folio: the hook's folio, None where it is not about one.
        scans: scans around the instruction, innermost first.
    """

    hook: Hook
    own_folio: Value | None
    scans: tuple[Loop, ...]


@dataclass(frozen=True, slots=True)
class InRange:
    """The number lies in low..=high; *what* names the thing that demands it."""

    value: Value
    low: int
    high: int
    role: Role
    what: str
    position: int = 0


@dataclass(frozen=True, slots=True)
class NotNone:
    """The handle or optional value is not None."""

    value: Value


@dataclass(frozen=True, slots=True)
class NonZero:
    """The divisor is not 0."""

    value: Value


@dataclass(frozen=True, slots=True)
class QuotientFits:
    """The signed division is not the smallest number by -1."""

    left: Value
    right: Value


@dataclass(frozen=True, slots=True)
class CommonRange:
    """The number reads the same with and without a sign."""

    value: Value


@dataclass(frozen=True, slots=True)
class NonNegative:
    """The operand of `//` or `%` is not negative."""

    value: Value


@dataclass(frozen=True, slots=True)
class Implied:
    """The author's assertion is true."""

    condition: Value


@dataclass(frozen=True, slots=True)
class FamilyPermitted:
    """The hook may call helpers of this family."""

    family: str
    name: str


@dataclass(frozen=True, slots=True)
class OwnFolio:
    """What is written belongs to the hook's own folio; *handle* is None for global state."""

    handle: Value | None
    what: str


@dataclass(frozen=True, slots=True)
class Movable:
    """The folio is the current one of the only scan around, and was not moved in this round."""

    folio: Value


@dataclass(frozen=True, slots=True)
class RunsNoHook:
    """Inside a scan the helper runs no hook: its *driver* argument is 0 (None: it always runs one)."""

    helper: Helper
    driver: Value | None


@dataclass(frozen=True, slots=True)
class LeavesLists:
    """Inside a scan the helper moves no folios of its own choice."""

    helper: Helper


@dataclass(frozen=True, slots=True)
class LoopBounded:
    """The loop has a small enough proved number of rounds."""

    loop: Loop


Obligation: TypeAlias = (
    InRange
    | NotNone
    | NonZero
    | QuotientFits
    | CommonRange
    | NonNegative
    | Implied
    | FamilyPermitted
    | OwnFolio
    | Movable
    | RunsNoHook
    | LeavesLists
    | LoopBounded
)


ABOUT_PLACES = (FamilyPermitted, OwnFolio, Movable, RunsNoHook, LeavesLists)
"""Rules of the contract: what breaks them is where something stands, or what was called before."""


def obligations(op: Op, site: Site) -> tuple[Obligation, ...]:
    """Return what an instruction demands.

    Args:
        op: the instruction.
        site: where it stands.
    """
    return tuple(_demands(op, site))


def _demands(op: Op, site: Site) -> Iterator[Obligation]:
    match op:
        case Binary():
            yield from _arithmetic(op)
        case Convert():
            if op.implicit and isinstance(op.operand.type, IntType):
                yield CommonRange(op.operand)
        case Unwrap():
            yield NotNone(op.operand)
        case Narrow():
            yield InRange(op.operand, op.min, op.max, Role.ARGUMENT, op.what)
        case Assert():
            yield Implied(op.condition)
        case ListRef():
            yield from _indices(op.decl.name, op.indices, op.decl.dims)
        case MapRef():
            if op.index is not None:
                yield InRange(op.index, 0, op.decl.count - 1, Role.INDEX, op.decl.name)
        case Construct():
            for param, arg in zip(op.constructor.params, op.args, strict=True):
                yield from _argument(param, arg, op.constructor.name)
        case Const() | Compare() | Truncate() | Not() | IsNone() | Wrap() | LoadTunable() | ScanNext():
            pass
        case LoadField() | StoreField() | LoadState() | StoreState() | ListSize():
            yield from _memory(op, site)
        case Call():
            yield from _call(op, site)
        case ScanFirst():
            yield FamilyPermitted("list", "scan")
        case _:
            assert_never(op)


def _arithmetic(op: Binary) -> Iterator[Obligation]:
    if op.op in (BinaryOp.SHL, BinaryOp.SHR):
        yield InRange(op.right, 0, 63, Role.SHIFT, op.op.value)
    if op.op not in (BinaryOp.DIV, BinaryOp.MOD):
        return
    yield NonZero(op.right)
    if op.signed:
        yield QuotientFits(op.left, op.right)
        return
    for operand in (op.left, op.right):
        if isinstance(operand.type, IntType) and operand.type.signed:
            yield NonNegative(operand)


def _indices(what: str, indices: tuple[Value, ...], dims: tuple[int, ...]) -> Iterator[Obligation]:
    for position, (index, length) in enumerate(zip(indices, dims, strict=True)):
        yield InRange(index, 0, length - 1, Role.INDEX, what, position)


def _memory(
    op: LoadField | StoreField | LoadState | StoreState | ListSize, site: Site
) -> Iterator[Obligation]:
    match op:
        case LoadField():
            yield from _present(op.handle)
        case StoreField():
            yield from _present(op.handle)
            yield from _own_folio(op.handle, op.field, site)
            yield from _field_range(op)
        case LoadState() | StoreState():
            if op.handle is not None:
                yield from _present(op.handle)
            yield from _indices(op.state.name, op.indices, op.state.dims)
            if isinstance(op, StoreState):
                handle = op.handle if op.state.scope is Scope.FOLIO else None
                yield from _own_folio(handle, op.state.name, site)
                yield InRange(op.value, op.state.min, op.state.max, Role.STORE, op.state.name)
        case ListSize():
            yield from _present(op.list)


def _field_range(op: StoreField) -> Iterator[Obligation]:
    assert isinstance(op.handle.type, HandleType)
    field = KERNEL_TYPES[op.handle.type.name].field(op.field)
    assert field is not None
    kind = INT_KINDS.get(field.type)
    if kind is not None:
        low = kind.min if field.min is None else field.min
        high = kind.max if field.max is None else field.max
        yield InRange(op.value, low, high, Role.STORE, op.field)


def _present(handle: Value) -> Iterator[Obligation]:
    if isinstance(handle.type, HandleType) and handle.type.nullable:
        yield NotNone(handle)


def _own_folio(handle: Value | None, what: str, site: Site) -> Iterator[Obligation]:
    if site.hook.name in RUN_BY_HELPERS:
        yield OwnFolio(handle, what)


def _argument(param: Param, arg: Value, callee: str) -> Iterator[Obligation]:
    if param.min is not None or param.max is not None:
        kind = INT_KINDS[param.type]
        low = kind.min if param.min is None else param.min
        high = kind.max if param.max is None else param.max
        yield InRange(arg, low, high, Role.ARGUMENT, f"`{param.name}` of `{callee}`")
    elif not param.type.endswith("None"):
        yield from _present(arg)


def _call(op: Call, site: Site) -> Iterator[Obligation]:
    helper = op.helper
    # A folio moved where the answer should place it: that explains more than the hook's whitelist does.
    if helper.effects.moves is not None and not site.scans:
        yield Movable(op.args[0])
        return
    yield FamilyPermitted(helper.family, helper.name)
    if helper.family not in site.hook.families:
        return
    nr_before = len(op.args) - len(helper.params)
    for receiver in op.args[:nr_before]:
        yield from _present(receiver)
    named = dict(zip((param.name for param in helper.params), op.args[nr_before:], strict=True))
    for param in helper.params:
        yield from _argument(param, named[param.name], helper.name)
    yield from _map_ranges(op, named)
    if helper.effects.writes or helper.effects.writes_maps:
        receiver_is_folio = helper.method_of == "Folio"
        yield from _own_folio(op.args[0] if receiver_is_folio else None, helper.name, site)
    if helper.effects.moves is not None:
        yield Movable(op.args[0])
    if site.scans:
        yield from _inside_scan(helper, named)


def _map_ranges(op: Call, named: dict[str, Value]) -> Iterator[Obligation]:
    decl = op.map_decl
    if decl is None:
        return
    if "index" in named:
        yield InRange(named["index"], 0, decl.capacity - 1, Role.INDEX, decl.name)
    kinds: dict[str, IntKind | None] = {"key": decl.key, "value": decl.value}
    for name, kind in kinds.items():
        if kind is not None and kind.bits < 64 and name in named:
            yield InRange(named[name], kind.min, kind.max, Role.STORE, f"{name} of {decl.name}")


def _inside_scan(helper: Helper, named: dict[str, Value]) -> Iterator[Obligation]:
    if helper.effects.runs:
        driver = helper.cost_per[0] if helper.cost_per else None
        yield RunsNoHook(helper, None if driver is None else named.get(driver))
    if helper.method_of == "List" and helper.effects.writes:
        yield LeavesLists(helper)


def loop_obligation(loop: Loop) -> LoopBounded:
    """Return what a loop demands when it is entered."""
    return LoopBounded(loop)


def enclosing_scans(block_id: int, loops: tuple[Loop, ...]) -> tuple[Loop, ...]:
    """Return the scans around a block, innermost first; a scan's header is not inside its own scan."""
    around = [loop for loop in loops if loop.kind is LoopKind.SCAN and block_id in loop.body]
    return tuple(sorted(around, key=lambda loop: len(loop.body)))
