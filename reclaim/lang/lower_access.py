"""Names, attributes and subscripts: from what the author wrote to the place that it leads to.

A chain such as ``lruvec.tiers[t][k].refaulted`` or ``gens[g][kind].head`` is resolved link by link,
from the left; `places` then reads or writes what it ends at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from reclaim.abi.answers import ANSWERS
from reclaim.abi.enumerations import ENUMS
from reclaim.abi.helpers import HELPERS, helper
from reclaim.abi.kernel_types import KERNEL_TYPES, LIST_FIELDS
from reclaim.diag.diagnostic import Edit, Help, Label, Position, Span
from reclaim.lang import nodes
from reclaim.lang.answer_help import answers_here
from reclaim.lang.coercion import number, unwrapped
from reclaim.lang.declared import STANDARD, Member
from reclaim.lang.findings import Stop
from reclaim.lang.ir import (
    BOOL,
    SCOPE_HANDLE,
    AnswerType,
    Construct,
    EnumType,
    HandleType,
    IntType,
    ListSize,
    Scope,
    Type,
    Value,
)
from reclaim.lang.lowering import Literal, Operand, describe_operand
from reclaim.lang.places import (
    ElementPlace,
    EnumPlace,
    FieldPlace,
    GlobalPlace,
    ListPlace,
    MapPlace,
    Place,
    StatePlace,
    check_complete,
    load,
    own_lruvec,
    wrong_index_count,
)
from reclaim.lang.policy_names import NUMBERS, STATE_BASES, constant_names, function_names
from reclaim.lang.spelling import did_you_mean, listing
from reclaim.lang.type_rules import ANSWER_CONSTANTS, LIST_ANSWERS, type_names, type_of

if TYPE_CHECKING:
    from reclaim.lang.lowering import Lowering

_HANDLE_SCOPE = {handle: scope for scope, handle in SCOPE_HANDLE.items()}
_LIST = HandleType("List")


def resolve(low: Lowering, node: nodes.Expression) -> Place:
    """Resolve names, attributes and subscripts; everything else is lowered to an operand."""
    match node:
        case nodes.Name():
            return _name(low, node)
        case nodes.Attribute():
            _check_owner(low, node)
            return _attribute(low, node, resolve(low, node.base))
        case nodes.Subscript():
            return _subscript(low, node, resolve(low, node.base))
        case _:
            return low.expression(node)


def _check_owner(low: Lowering, node: nodes.Attribute) -> None:
    """Refuse what is reached by the name of its class or type, or through `self`."""
    if not isinstance(node.base, nodes.Name) or node.base.id in low.frame.variables:
        return
    owner = node.base.id
    if owner in ANSWERS and node.name in ANSWER_CONSTANTS:
        text = node.name
    elif owner == "self" or (owner in low.declared.spans and owner not in visible_names(low)):
        text = low.reached_as(node.name)
    else:
        return
    if text:
        low.findings.stop(
            "not-a-value",
            f"`{low.quote(node.span)}` is written `{text}`",
            node.span,
            label="not reached by this name",
            help=(Help(f"write `{text}`", Edit(node.span, text)),),
        )


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
        if constructor.hooks and low.findings.hook not in constructor.hooks:
            message = f"`{name}` is an answer of `{constructor.hooks[0]}` only"
            here = {"label": "has no meaning in this hook"} | answers_here(low.findings.hook)
            low.findings.stop("wrong-answer", message, node.span, **here)
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
        entry = helper(name, None)
        call = f"{name}()" if entry is not None and not entry.params else f"{name}(...)"
        edit = Edit(node.span, call) if call.endswith("()") else None
        behind = low.shared.lines[node.span.end.line - 1][node.span.end.column - 1 :]
        if edit is not None and behind.startswith(f".{call}"):
            end = Position(node.span.end.line, node.span.end.column + len(call) + 1)
            edit = Edit(Span(node.span.start, end), call)  # of a module of Python that bears the name as well
        help_ = () if name in declared.hooks else (Help(f"call it: `{call}`", edit),)
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
            check_complete(low, place, node.base.span)
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
    _not_a_field(low, node, type_name, [*fields, *own, *_methods(type_name)], scope)


def _methods(type_name: str) -> list[str]:
    return [h.name for h in HELPERS if h.method_of == type_name]


def _not_a_field(
    low: Lowering, node: nodes.Attribute, owner: str, known: list[str], scope: Scope | None = None
) -> NoReturn:
    if node.name in known:
        message = f"`{node.name}` of {owner} is a method, not a value"
        help_ = _called(low, node)
        low.findings.stop("not-a-value", message, node.name_span, label="not a value", help=help_)
    low.findings.stop(
        "unknown-field",
        f"{owner} has no field or method `{node.name}`",
        node.name_span,
        label="no such field",
        notes=(f"it has {listing(known, 40)}",) if known else (),
        help=did_you_mean(node.name, known, node.name_span) or _to_declare(low, node.name, scope),
    )


def _called(low: Lowering, node: nodes.Attribute) -> tuple[Help, ...]:
    """Offer the call of a method that was written as a field."""
    text = low.written(node.span)
    if all(h.params and any(p.default is None for p in h.params) for h in HELPERS if h.name == node.name):
        return (Help(f"call it: `{text}(...)`"),)
    return (Help(f"call it: `{text}()`", Edit(node.span, f"{text}()")),)


def _to_declare(low: Lowering, name: str, scope: Scope | None) -> tuple[Help, ...]:
    """Say whose a field of the author's own is, or where it is declared."""
    owners = [of for of, path in low.declared.members if path == name and of in SCOPE_HANDLE]
    if scope is not None and owners:
        return (Help(f"`{name}` is a field of {SCOPE_HANDLE[owners[0]]}"),)
    base = next((base for base, of in STATE_BASES.items() if of is scope), None)
    return (Help(f"declare `{name}: u64` in a class with base `{base}`"),) if base is not None else ()


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


# ---- subscripts


def _subscript(low: Lowering, node: nodes.Subscript, base: Place) -> Place:
    match base:
        case StatePlace() as place:
            wanted = len(place.member.dims)
            if place.given >= wanted:
                dims = "".join(f"[{n}]" for n in place.member.dims)
                wrong_index_count(low, place.path.split(".")[-1], dims, place.given + 1, wanted, node.span)
            index = _index(low, node, place.member.dims[place.given])
            indices = (*place.indices, index)
            return StatePlace(place.scope, place.handle, place.path, place.member, indices, place.given + 1)
        case ListPlace(decl=decl, indices=given):
            if len(given) >= len(decl.dims):
                dims = "".join(f"[{n}]" for n in decl.dims)
                wrong_index_count(low, decl.name, dims, len(given) + 1, len(decl.dims), node.span)
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
                help=_instead_of_index(decl.name, low.quote(node.index.span), methods),
            )
        case _:
            if isinstance(node.base, nodes.Attribute) and low.declared.broken_scopes:
                raise Stop
            found = f"`{low.quote(node.base.span)}`"
            low.findings.stop("not-an-array", f"{found} is no array", node.span, label="takes no index")


def _instead_of_index(name: str, key: str, methods: list[str]) -> tuple[Help, ...]:
    """Say how the entry of a key is read and written."""
    if "get" in methods:
        text = f"read with `{name}.get({key})`, which may be None, and write with `{name}.put({key}, value)`"
    else:
        text = f"ask with `{key} in {name}`, and write with `{name}.add({key})`"
    return (Help(text),)


def _from_the_end(node: nodes.Expression, index: int, length: int) -> tuple[Help, ...]:
    """Offer the element that Python counts from the end, or the last one in place of one behind it."""
    if index >= length:
        return (Help(f"write `{length - 1}`, the last one", Edit(node.span, str(length - 1))),)
    if not -length <= index < 0:
        return ()
    text = str(length + index)
    return (Help(f"write `{text}`; a negative index does not count from the end", Edit(node.span, text)),)


def _index(low: Lowering, node: nodes.Subscript, length: int) -> Value:
    operand = low.expression(node.index)
    if isinstance(operand, Literal) and not 0 <= operand.value < length:
        low.findings.stop(
            "constant-index-out-of-range",
            f"index {operand.value} is out of bounds: there are {length}",
            node.index.span,
            label=f"must be 0 to {length - 1}",
            help=_from_the_end(node.index, operand.value, length),
        )
    return number(low, operand, node.index.span, signed=False)
