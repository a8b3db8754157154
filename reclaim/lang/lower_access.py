"""Names, attributes and subscripts: what the author reaches, and how it is read and written.

A chain such as ``lruvec.tiers[t][k].refaulted`` or ``gens[g][kind].head`` is first resolved into a
*place*: a value, a piece of declared state with the indices collected so far, a list or map with or
without its indices, a class or enum name. Only then is it read or written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn, TypeAlias

from reclaim.abi.enumerations import ENUMS
from reclaim.abi.helpers import HELPERS, helper
from reclaim.abi.kernel_types import KERNEL_TYPES, LIST_FIELDS
from reclaim.diag.diagnostic import Help, Label
from reclaim.lang import nodes
from reclaim.lang.coercion import coerce, number, unwrapped
from reclaim.lang.declared import STANDARD, Member
from reclaim.lang.findings import Stop
from reclaim.lang.ir import (
    BOOL,
    SCOPE_HANDLE,
    UNIT,
    AnswerType,
    Call,
    Construct,
    EnumType,
    HandleType,
    IntType,
    ListDecl,
    ListRef,
    ListSize,
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
from reclaim.lang.lowering import Literal, Operand, describe_operand
from reclaim.lang.policy_names import NUMBERS, constant_names, function_names
from reclaim.lang.spelling import did_you_mean, listing
from reclaim.lang.type_rules import ANSWER_CONSTANTS, LIST_ANSWERS, type_names, type_of

if TYPE_CHECKING:
    from reclaim.diag.diagnostic import Span
    from reclaim.lang.lowering import Lowering

_HANDLE_SCOPE = {handle: scope for scope, handle in SCOPE_HANDLE.items()}
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


def resolve(low: Lowering, node: nodes.Expression) -> Place:
    """Resolve names, attributes and subscripts; everything else is lowered to an operand."""
    match node:
        case nodes.Name():
            return _name(low, node)
        case nodes.Attribute():
            return _attribute(low, node, resolve(low, node.base))
        case nodes.Subscript():
            return _subscript(low, node, resolve(low, node.base))
        case _:
            return low.expression(node)


def lower_access(low: Lowering, node: nodes.Expression) -> Operand:
    """Lower a name, attribute or subscript that is read."""
    return load(low, resolve(low, node), node.span)


# ---- names


def _name(low: Lowering, node: nodes.Name) -> Place:
    variable = low.read(node)
    if variable is not None:
        return variable
    name, declared, builder = node.id, low.declared, low.builder
    if name in declared.broken:
        raise Stop
    if name in NUMBERS:
        return Literal(NUMBERS[name], node.span)
    if name in declared.constants:
        return Literal(declared.constants[name], node.span)
    if name in declared.tunables:
        tunable = declared.tunables[name]
        of: Type = BOOL if tunable.is_bool else IntType(tunable.kind.signed)
        return builder.tunable(tunable, of, node.span)
    if name in declared.lists:
        return ListPlace(declared.lists[name], ())
    if name in STANDARD:
        return ListPlace(STANDARD[name], ())
    if name in declared.maps:
        return MapPlace(declared.maps[name], None)
    if name in ANSWER_CONSTANTS:
        constructor = ANSWER_CONSTANTS[name]
        of = _answer(constructor.answers)
        return builder.make(Construct, of, node.span, constructor=constructor, list=None, args=())
    if name == declared.global_name:
        return GlobalPlace()
    if name in ENUMS:
        return EnumPlace(name)
    _unusable_name(low, node)


def _answer(names: tuple[str, ...]) -> Type:
    return AnswerType(frozenset(names))


def _unusable_name(low: Lowering, node: nodes.Name) -> NoReturn:
    name, declared = node.id, low.declared
    if name in function_names() or name in declared.functions or name in declared.hooks:
        what = "a hook" if name in declared.hooks else "a function"
        help_ = () if name in declared.hooks else (Help(f"call it: `{name}(...)`"),)
        low.findings.stop(
            "not-a-value", f"`{name}` is {what}, not a value", node.span, label="not a value", help=help_
        )
    if name in type_names() or name in declared.spans:
        message = f"`{name}` is a type, not a value"
        low.findings.stop("not-a-value", message, node.span, label="not a value")
    parameter = low.builder.hook.param(name) if low.frame.exit is None else None
    if parameter is not None:
        text = f"{name}: {parameter.type}"
        low.findings.stop(
            "undeclared-parameter",
            f"hook `{low.builder.hook.name}` has `{name}`, but the function does not take it",
            node.span,
            label="not a parameter here",
            labels=(Label(low.builder.span, f"add `{text}` here"),),
            help=(Help(f"take it as a parameter: `{text}`"),),
        )
    low.unknown(node, visible_names(low))


def visible_names(low: Lowering) -> list[str]:
    """Return every name that an expression may use here."""
    d = low.declared
    own = [*low.frame.variables, *d.constants, *d.tunables, *d.lists, *d.maps, *d.functions]
    if d.global_name:
        own.append(d.global_name)
    return [*own, *constant_names(), *ENUMS, *function_names()]


# ---- attributes


def _attribute(low: Lowering, node: nodes.Attribute, base: Place) -> Place:
    match base:
        case EnumPlace(name=enum):
            return _member(low, enum, node)
        case GlobalPlace():
            return _state(low, node, Scope.GLOBAL, None, "", ())
        case StatePlace(member=Member(leaf=None)) as place:
            _check_complete(low, place, node.base.span)
            return _state(low, node, place.scope, place.handle, place.path, place.indices)
        case MapPlace(decl=decl):
            _not_a_field(low, node, f"map `{decl.name}`", _methods(decl.kind.name))
        case _:
            value = unwrapped(low, load(low, base, node.base.span), node.base.span)
            return _of_value(low, node, value)


def _member(low: Lowering, enum: str, node: nodes.Attribute) -> Operand:
    members = ENUMS[enum].members
    if node.name not in members:
        low.findings.stop(
            "unknown-member",
            f"`{enum}` has no member `{node.name}`",
            node.name_span,
            label="no such member",
            notes=(f"members are {listing(members, 12)}",),
            help=did_you_mean(node.name, members, node.name_span),
        )
    return low.builder.const(members[node.name][0], EnumType(enum), node.span)


def _of_value(low: Lowering, node: nodes.Attribute, value: Operand) -> Place:
    if not isinstance(value, Value) or not isinstance(value.type, HandleType):
        message = f"`{low.quote(node.base.span)}` of type `{describe_operand(value)}` has no fields"
        low.findings.stop("unknown-field", message, node.name_span, label="no such field")
    type_name = value.type.name
    if type_name == "List":
        return _list_field(low, node, value)
    kernel_type = KERNEL_TYPES.get(type_name)
    if kernel_type is not None and kernel_type.field(node.name) is not None:
        return FieldPlace(value, type_name, node.name)
    scope = _HANDLE_SCOPE.get(type_name)
    if scope is not None and (scope, node.name) in low.declared.members:
        return _state(low, node, scope, value, "", ())
    if scope in low.declared.broken_scopes:
        raise Stop
    fields = [f.name for f in kernel_type.fields] if kernel_type else []
    own = low.declared.member_names(scope) if scope else []
    _not_a_field(low, node, type_name, [*fields, *own, *_methods(type_name)])


def _methods(type_name: str) -> list[str]:
    return [h.name for h in HELPERS if h.method_of == type_name]


def _not_a_field(low: Lowering, node: nodes.Attribute, owner: str, known: list[str]) -> NoReturn:
    if node.name in known:
        message = f"`{node.name}` of {owner} is a method, not a value"
        help_ = (Help(f"call it: `{low.quote(node.span)}(...)`"),)
        low.findings.stop("not-a-value", message, node.name_span, label="not a value", help=help_)
    low.findings.stop(
        "unknown-field",
        f"{owner} has no field or method `{node.name}`",
        node.name_span,
        label="no such field",
        notes=(f"it has {listing(known, 40)}",) if known else (),
        help=did_you_mean(node.name, known, node.name_span),
    )


def _list_field(low: Lowering, node: nodes.Attribute, value: Value) -> Operand:
    name, builder = node.name, low.builder
    if name == "nr_pages":
        lruvec = own_lruvec(low)
        return builder.make(ListSize, type_of("u64"), node.span, lruvec=lruvec, list=value)
    constructor = LIST_ANSWERS.get(name)
    if constructor is not None and not constructor.params:
        of = _answer(constructor.answers)
        return builder.make(Construct, of, node.span, constructor=constructor, list=value, args=())
    _not_a_field(low, node, "a list", [*LIST_FIELDS, *LIST_ANSWERS, *_methods("List"), "scan"])


def own_lruvec(low: Lowering) -> Value:
    """Return the lruvec whose lists the hook works on."""
    lruvec = low.hook_value("lruvec")
    assert lruvec is not None, "every hook of the contract has a lruvec"
    return lruvec


def _state(
    low: Lowering,
    node: nodes.Attribute,
    scope: Scope,
    handle: Value | None,
    prefix: str,
    indices: tuple[Value, ...],
) -> StatePlace:
    path = f"{prefix}.{node.name}" if prefix else node.name
    member = low.declared.members.get((scope, path))
    if member is None:
        if scope in low.declared.broken_scopes:
            raise Stop
        owner = f"`{prefix}`" if prefix else f"`{low.declared.global_name}`"
        _not_a_field(low, node, owner, low.declared.member_names(scope, prefix))
    return StatePlace(scope, handle, path, member, indices, 0)


def _check_complete(low: Lowering, place: StatePlace, span: Span) -> None:
    missing = len(place.member.dims) - place.given
    if missing:
        dims = "".join(f"[{n}]" for n in place.member.dims)
        _wrong_index_count(low, place.path.split(".")[-1], dims, place.given, len(place.member.dims), span)


def _wrong_index_count(low: Lowering, name: str, dims: str, given: int, wanted: int, span: Span) -> NoReturn:
    word = "index" if wanted == 1 else "indices"
    has = f"`{name}` is an array `{dims}`" if wanted else f"`{name}` is no array"
    low.findings.stop(
        "wrong-index-count",
        f"{has}: it takes {wanted or 'no'} {word}, but {given or 'none'} {'is' if given < 2 else 'are'} given",
        span,
        label=f"{given} given, {wanted} wanted",
    )


# ---- subscripts


def _subscript(low: Lowering, node: nodes.Subscript, base: Place) -> Place:
    match base:
        case StatePlace() as place:
            wanted = len(place.member.dims)
            if place.given >= wanted:
                dims = "".join(f"[{n}]" for n in place.member.dims)
                _wrong_index_count(low, place.path.split(".")[-1], dims, place.given + 1, wanted, node.span)
            index = _index(low, node, place.member.dims[place.given])
            indices = (*place.indices, index)
            return StatePlace(place.scope, place.handle, place.path, place.member, indices, place.given + 1)
        case ListPlace(decl=decl, indices=given):
            if len(given) >= len(decl.dims):
                dims = "".join(f"[{n}]" for n in decl.dims)
                _wrong_index_count(low, decl.name, dims, len(given) + 1, len(decl.dims), node.span)
            return ListPlace(decl, (*given, _index(low, node, decl.dims[len(given)])))
        case MapPlace(decl=decl, index=None) if decl.is_array:
            return MapPlace(decl, _index(low, node, decl.count))
        case MapPlace(decl=decl) as place if decl.kind.name == "array_map":
            return ElementPlace(place, _index(low, node, decl.capacity))
        case MapPlace(decl=decl):
            methods = [h.name for h in HELPERS if h.method_of == decl.kind.name]
            low.findings.stop(
                "not-an-array",
                f"map `{decl.name}` of kind `{decl.kind.name}` takes no index",
                node.span,
                label="not an array",
                notes=(f"its methods are {listing(methods)}",),
            )
        case _:
            found = f"`{low.quote(node.base.span)}`"
            low.findings.stop("not-an-array", f"{found} is no array", node.span, label="takes no index")


def _index(low: Lowering, node: nodes.Subscript, length: int) -> Value:
    operand = low.expression(node.index)
    if isinstance(operand, Literal) and not 0 <= operand.value < length:
        low.findings.stop(
            "constant-index-out-of-range",
            f"index {operand.value} is out of bounds: there are {length}",
            node.index.span,
            label=f"must be 0 to {length - 1}",
        )
    return number(low, operand, node.index.span, signed=False)


# ---- reading


def load(low: Lowering, place: Place, span: Span) -> Operand:
    """Read what a place holds."""
    builder = low.builder
    match place:
        case StatePlace() as state:
            _check_complete(low, state, span)
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
                _wrong_index_count(low, decl.name, dims, len(indices), len(decl.dims), span)
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
        _wrong_index_count(low, decl.name, f"[{decl.count}]", 0, 1, span)
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
            _check_complete(low, state, target.span)
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
