"""Places: what a chain of names, attributes and subscripts leads to, and reading and writing there.

A place is a value, a piece of declared state with the indices collected so far, a list or map with
or without its indices, or the name of a class or enumeration. `lower_access` finds places;
here is what can be done with them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn, TypeAlias

from reclaim.abi.enumerations import ENUMS
from reclaim.abi.helpers import helper
from reclaim.abi.kernel_types import KERNEL_TYPES
from reclaim.diag.diagnostic import Help
from reclaim.lang import nodes
from reclaim.lang.coercion import coerce, number
from reclaim.lang.declared import Member
from reclaim.lang.findings import Stop
from reclaim.lang.ir import (
    BOOL,
    SCOPE_HANDLE,
    UNIT,
    Call,
    HandleType,
    IntType,
    ListDecl,
    ListRef,
    LoadField,
    LoadState,
    MapDecl,
    MapRef,
    Scope,
    StateField,
    StoreField,
    StoreState,
    Type,
    Value,
)
from reclaim.lang.lowering import Operand
from reclaim.lang.spelling import listing
from reclaim.lang.type_rules import type_of

if TYPE_CHECKING:
    from reclaim.diag.diagnostic import Span
    from reclaim.lang.lowering import Lowering

_LIST = HandleType("List")


@dataclass(frozen=True, slots=True)
class StatePlace:
    """Declared state: `path` may still name a struct, and `indices` be incomplete."""

    scope: Scope
    handle: Value | None
    path: str
    member: Member
    indices: tuple[Value, ...]
    given: int
    """Indices given at the last level."""


@dataclass(frozen=True, slots=True)
class FieldPlace:
    """A field of a kernel object."""

    handle: Value
    type_name: str
    field: str


@dataclass(frozen=True, slots=True)
class ListPlace:
    """A declared list, or an array of lists with some indices."""

    decl: ListDecl
    indices: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class MapPlace:
    """A declared map, or an array of maps with its index."""

    decl: MapDecl
    index: Value | None


@dataclass(frozen=True, slots=True)
class ElementPlace:
    """An element of an array map."""

    map: MapPlace
    index: Value


@dataclass(frozen=True, slots=True)
class EnumPlace:
    """The name of an enumeration."""

    name: str


@dataclass(frozen=True, slots=True)
class GlobalPlace:
    """The name of the GlobalState class."""


Place: TypeAlias = (
    Operand | StatePlace | FieldPlace | ListPlace | MapPlace | ElementPlace | EnumPlace | GlobalPlace
)


def own_lruvec(low: Lowering) -> Value:
    """Return the lruvec whose lists the hook works on."""
    lruvec = low.hook_value("lruvec")
    assert lruvec is not None, "every hook of the contract has a lruvec"
    return lruvec


def check_complete(low: Lowering, place: StatePlace, span: Span) -> None:
    """Report a piece of state that still lacks indices."""
    missing = len(place.member.dims) - place.given
    if missing:
        dims = "".join(f"[{n}]" for n in place.member.dims)
        wrong_index_count(low, place.path.split(".")[-1], dims, place.given, len(place.member.dims), span)


def wrong_index_count(low: Lowering, name: str, dims: str, given: int, wanted: int, span: Span) -> NoReturn:
    """Report an array that is given too few or too many indices."""
    word = "index" if wanted == 1 else "indices"
    has = f"`{name}` is an array `{dims}`" if wanted else f"`{name}` is no array"
    low.findings.stop(
        "wrong-index-count",
        f"{has}: it takes {wanted or 'no'} {word}, but {given or 'none'} {'is' if given < 2 else 'are'} given",
        span,
        label=f"{given} given, {wanted} wanted",
    )


# ---- reading


def load(low: Lowering, place: Place, span: Span) -> Operand:
    """Read what a place holds."""
    builder = low.builder
    match place:
        case StatePlace() as state:
            check_complete(low, state, span)
            leaf = _leaf(low, state, span)
            of: Type = BOOL if leaf.is_bool else IntType(leaf.kind.signed)
            return builder.make(LoadState, of, span, state=leaf, handle=state.handle, indices=state.indices)
        case FieldPlace(handle=handle, type_name=type_name, field=name):
            field = KERNEL_TYPES[type_name].field(name)
            assert field is not None
            return builder.make(LoadField, type_of(field.type), span, handle=handle, field=name)
        case ListPlace(decl=decl, indices=indices):
            if len(indices) != len(decl.dims):
                dims = "".join(f"[{n}]" for n in decl.dims)
                wrong_index_count(low, decl.name, dims, len(indices), len(decl.dims), span)
            return builder.make(ListRef, _LIST, span, decl=decl, indices=indices)
        case MapPlace():
            return map_value(low, place, span)
        case ElementPlace(map=owner, index=index):
            low.forbid_in_assert(span, "reads a map")
            return _call_map(low, owner, "get", (index,), span)
        case EnumPlace(name=name):
            members = listing(ENUMS[name].members)
            message = f"`{name}` is a type, not a value"
            low.findings.stop(
                "not-a-value", message, span, label="not a value", notes=(f"members are {members}",)
            )
        case GlobalPlace():
            message = f"`{low.declared.global_name}` is no value by itself"
            low.findings.stop("not-a-value", message, span, label="name one of its fields")
        case _:
            return place


def _leaf(low: Lowering, place: StatePlace, span: Span) -> StateField:
    if place.member.leaf is None:
        names = low.declared.member_names(place.scope, place.path)
        low.findings.stop(
            "not-a-value",
            f"`{place.path}` is a struct, not a value",
            span,
            label="not a value",
            notes=(f"its fields are {listing(names, 20)}",),
        )
    return place.member.leaf


def map_value(low: Lowering, place: MapPlace, span: Span) -> Value:
    """Return the handle of a map."""
    decl = place.decl
    if decl.is_array and place.index is None:
        wrong_index_count(low, decl.name, f"[{decl.count}]", 0, 1, span)
    handle = _map_owner(low, decl, span)
    of = HandleType(decl.kind.name)
    return low.builder.make(MapRef, of, span, decl=decl, index=place.index, handle=handle)


def _map_owner(low: Lowering, decl: MapDecl, span: Span) -> Value | None:
    if decl.scope is Scope.GLOBAL:
        return None
    lruvec = own_lruvec(low)
    if decl.scope is Scope.LRUVEC:
        return lruvec
    return low.builder.make(LoadField, HandleType("Memcg"), span, handle=lruvec, field="memcg")


def _call_map(low: Lowering, place: MapPlace, method: str, args: tuple[Value, ...], span: Span) -> Value:
    entry = helper(method, place.decl.kind.name)
    assert entry is not None
    receiver = map_value(low, place, span)
    result = type_of(entry.result)
    fields = {"helper": entry, "args": (receiver, *args), "map_decl": place.decl}
    if result == UNIT:
        low.builder.emit(Call, None, span, **fields)
        return receiver
    return low.builder.make(Call, result, span, **fields)


# ---- writing


def store(low: Lowering, place: Place, operand: Operand, target: nodes.Expression, value_span: Span) -> None:
    """Write an operand to a place that is not a variable."""
    low.forbid_in_assert(target.span, "writes")
    builder = low.builder
    match place:
        case StatePlace() as state:
            check_complete(low, state, target.span)
            leaf = _leaf(low, state, target.span)
            of: Type = BOOL if leaf.is_bool else IntType(leaf.kind.signed)
            value = coerce(low, operand, of, value_span)
            builder.emit(
                StoreState,
                None,
                target.span,
                state=leaf,
                handle=state.handle,
                indices=state.indices,
                value=value,
            )
        case FieldPlace(handle=handle, type_name=type_name, field=name):
            field = KERNEL_TYPES[type_name].field(name)
            assert field is not None
            if not field.writable:
                _read_only(low, type_name, name, target)
            value = coerce(low, operand, type_of(field.type), value_span)
            builder.emit(StoreField, None, target.span, handle=handle, field=name, value=value)
        case ElementPlace(map=owner, index=index):
            value = number(low, operand, value_span, signed=False)
            _call_map(low, owner, "set", (index, value), target.span)
        case _:
            shown = low.quote(target.span)
            low.findings.stop(
                "not-assignable",
                f"`{shown}` cannot be assigned",
                target.span,
                label="not a variable or field",
            )


def _read_only(low: Lowering, type_name: str, name: str, target: nodes.Expression) -> NoReturn:
    writable = [f.name for f in KERNEL_TYPES[type_name].fields if f.writable]
    scope = next((scope for scope, handle in SCOPE_HANDLE.items() if handle == type_name), None)
    if scope in low.declared.broken_scopes:
        raise Stop  # the author's own field of that name is what is wrong, and is reported
    help_: tuple[Help, ...] = ()
    if (type_name, name) == ("Folio", "list"):
        help_ = (Help("answer a place, or call `folio.move(...)` or `folio.retarget(...)`"),)
    span = target.name_span if isinstance(target, nodes.Attribute) else target.span
    note = (
        f"of {type_name} a policy may write {listing(writable)}"
        if writable
        else f"a policy writes no field of {type_name}"
    )
    low.findings.stop(
        "read-only-field",
        f"`{name}` of {type_name} belongs to the core",
        span,
        label="read-only",
        notes=(note,),
        help=help_,
    )
