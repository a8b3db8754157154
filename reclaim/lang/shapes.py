"""What an expression is and which members it has, told without lowering it: for editors.

The same questions as in `lower_access`, answered for one expression in a text that is half-written: from the
names that are declared, the parameters in sight and the variables assigned so far. Where that does not tell, the
answer is None. Nothing here reports mistakes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from reclaim.abi.enumerations import ENUMS
from reclaim.abi.helpers import HELPERS
from reclaim.abi.kernel_types import KERNEL_TYPES, LIST_FIELDS
from reclaim.lang import nodes, vocabulary
from reclaim.lang.declared import STANDARD, Declared
from reclaim.lang.ir import BOOL, SCOPE_HANDLE, U64, AnswerType, HandleType, IntType, Scope, Type
from reclaim.lang.parser import parse
from reclaim.lang.type_rules import ANSWER_CALLS, ANSWER_CONSTANTS, LIST_ANSWERS, describe, type_of
from reclaim.lang.vocabulary import Entry, Sort

_LIST = HandleType("List")
_HANDLE_SCOPE = {handle: scope for scope, handle in SCOPE_HANDLE.items()}


@dataclass(frozen=True, slots=True)
class ArrayOf:
    """An array: its element, which may be an array again."""

    element: Shape


@dataclass(frozen=True, slots=True)
class Record:
    """A record of declared state, or with an empty path the whole of the policy's own state."""

    scope: Scope
    path: str


@dataclass(frozen=True, slots=True)
class MapNamed:
    """A map of that kind."""

    kind: str


@dataclass(frozen=True, slots=True)
class EnumNamed:
    """The name of an enumeration."""

    name: str


Shape: TypeAlias = Type | ArrayOf | Record | MapNamed | EnumNamed
Variables = Mapping[str, Shape]


def parse_expression(text: str) -> nodes.Expression | None:
    """Return the tree of one expression, None where it is none."""
    module, _ = parse(f"x = {' '.join(text.split())}\n")
    match module.statements:
        case (nodes.Assign(value=value),):
            return value
        case _:
            return None


def shape_of(node: nodes.Expression, variables: Variables, declared: Declared) -> Shape | None:
    """Return what an expression is.

    Args:
        node: the expression.
        variables: parameters and variables in sight.
        declared: what the policy declares.
    """
    match node:
        case nodes.Name(id=name):
            return variables[name] if name in variables else _declared_shape(name, declared)
        case nodes.Attribute(base=base, name=name):
            return _member_shape(shape_of(base, variables, declared), name, declared)
        case nodes.Subscript(base=base):
            array = shape_of(base, variables, declared)
            return array.element if isinstance(array, ArrayOf) else U64
        case nodes.Call():
            return _call_shape(node, variables, declared)
        case nodes.Conditional(then=then):
            return shape_of(then, variables, declared)
        case nodes.Comparison() | nodes.Logic() | nodes.Truth() | nodes.Unary(op="not"):
            return BOOL
        case nodes.Binary() | nodes.Unary() | nodes.Number():
            return U64
        case _:
            return None


def iterated_shape(node: nodes.Expression, variables: Variables, declared: Declared) -> Shape | None:
    """Return what a loop over an expression binds."""
    match node:
        case nodes.Call(function=nodes.Name(id="range")):
            return U64
        case nodes.Call(function=nodes.Attribute(name="scan")):
            return HandleType("Folio")
        case nodes.Call(function=nodes.Attribute(base=base, name="upwards")):
            return shape_of(base, variables, declared)
        case _:
            return None


def shape_text(shape: Shape | None) -> str:
    """Return what something is in the author's words."""
    match shape:
        case None:
            return "unknown"
        case ArrayOf(element=element):
            return f"array of {shape_text(element)}"
        case Record(scope=scope, path=path):
            return f"{path or 'state'} of {scope.value}"
        case MapNamed(kind=name) | EnumNamed(name=name):
            return name
        case _:
            return describe(shape)


def members_of(shape: Shape | None, declared: Declared) -> dict[str, Entry]:
    """Return what may stand behind a dot, by name."""
    match shape:
        case HandleType(name=name):
            scope = _HANDLE_SCOPE.get(name)
            own = _state_entries(scope, "", declared) if scope else {}
            return vocabulary.fields(name) | vocabulary.methods(name) | own
        case Record(scope=scope, path=path):
            return _state_entries(scope, path, declared)
        case MapNamed(kind=kind):
            return vocabulary.methods(kind)
        case EnumNamed(name=name):
            return vocabulary.enum_members(ENUMS[name])
        case _:
            return {}


def is_state(shape: Shape | None, name: str, declared: Declared) -> bool:
    """Tell whether a member of something is declared state of the policy, and none of the kernel's own fields."""
    match shape:
        case HandleType(name=type_name):
            scope = _HANDLE_SCOPE.get(type_name)
            return (
                name not in vocabulary.fields(type_name)
                and scope is not None
                and (scope, name) in declared.members
            )
        case Record():
            return _member_shape(shape, name, declared) is not None
        case _:
            return False


def declared_entries(declared: Declared) -> dict[str, Entry]:
    """Return what a policy declares at its top level, hooks aside, by name."""
    found = {}
    for name, value in declared.constants.items():
        found[name] = Entry(name, Sort.CONSTANT, f"{name} = {value}", "A constant of this policy.")
    for tunable in declared.tunables.values():
        kind = "bool" if tunable.is_bool else tunable.kind.name
        default = str(bool(tunable.default)) if tunable.is_bool else f"{tunable.default}"
        bounds = "" if tunable.is_bool else f", {tunable.min}..={tunable.max}"
        unit = f", in {tunable.unit}" if tunable.unit else ""
        doc = f"A tunable: default {default}{bounds}{unit}.\n\n{tunable.doc}".rstrip()
        found[tunable.name] = Entry(tunable.name, Sort.CONSTANT, f"{tunable.name}: {kind}", doc)
    for made in declared.lists.values():
        dims = "".join(f"[{length}]" for length in made.dims)
        found[made.name] = Entry(
            made.name, Sort.VARIABLE, f"{made.name}: List{dims}", "A list in every lruvec."
        )
    for decl in declared.maps.values():
        doc = f"{decl.kind.doc}\n\nOne per {decl.scope.value}, {decl.kind.size_param} = {decl.capacity}."
        found[decl.name] = Entry(decl.name, Sort.VARIABLE, f"{decl.name}: {decl.kind.name}", doc)
    return found | {name: _function_entry(name, declared) for name in declared.functions}


def _function_entry(name: str, declared: Declared) -> Entry:
    function = declared.functions[name]
    written = [
        vocabulary.Argument(p.name, f"{p.name}: {p.kind.name if p.kind else p.type}", "")
        for p in function.parameters
    ]
    result = function.result_kind.name if function.result_kind else str(function.result)
    signature = f"def {name}({', '.join(a.written for a in written)}) -> {result}"
    match function.node.body:
        case (nodes.ExpressionStatement(value=nodes.String(value=text)), *_):
            doc = text
        case _:
            doc = "A function of this policy, inlined at each call."
    return Entry(name, Sort.FUNCTION, signature, doc, tuple(written))


def _declared_shape(name: str, declared: Declared) -> Shape | None:
    made = declared.lists.get(name) or STANDARD.get(name)
    if made is not None:
        return _nested(_LIST, len(made.dims))
    if name in declared.maps:
        decl = declared.maps[name]
        return _nested(MapNamed(decl.kind.name), int(decl.is_array))
    if name in ENUMS:
        return EnumNamed(name)
    if name == declared.global_name:
        return Record(Scope.GLOBAL, "")
    if name in declared.tunables:
        tunable = declared.tunables[name]
        return BOOL if tunable.is_bool else IntType(tunable.kind.signed)
    if name in ANSWER_CONSTANTS:
        return AnswerType(frozenset(ANSWER_CONSTANTS[name].answers))
    return U64 if name in declared.constants or name in vocabulary.constants() else None


def _nested(element: Shape, depth: int) -> Shape:
    for _ in range(depth):
        element = ArrayOf(element)
    return element


def _member_shape(base: Shape | None, name: str, declared: Declared) -> Shape | None:
    match base:
        case HandleType(name="List"):
            return type_of(LIST_FIELDS[name].type) if name in LIST_FIELDS else None
        case HandleType(name=type_name):
            field = KERNEL_TYPES[type_name].field(name) if type_name in KERNEL_TYPES else None
            if field is not None:
                return type_of(field.type)
            scope = _HANDLE_SCOPE.get(type_name)
            return _state_shape(scope, name, declared) if scope else None
        case Record(scope=scope, path=path):
            return _state_shape(scope, f"{path}.{name}" if path else name, declared)
        case EnumNamed(name=enum):
            return type_of(enum)
        case _:
            return None


def _state_shape(scope: Scope, path: str, declared: Declared) -> Shape | None:
    member = declared.members.get((scope, path))
    if member is None:
        return None
    leaf = member.leaf
    if leaf is None:
        return _nested(Record(scope, path), len(member.dims))
    return _nested(BOOL if leaf.is_bool else IntType(leaf.kind.signed), len(member.dims))


def _state_entries(scope: Scope, path: str, declared: Declared) -> dict[str, Entry]:
    found = {}
    for name in declared.member_names(scope, path):
        member = declared.members[scope, f"{path}.{name}" if path else name]
        dims = "".join(f"[{length}]" for length in member.dims)
        leaf = member.leaf
        kind = "record" if leaf is None else "bool" if leaf.is_bool else leaf.kind.name
        known = "" if leaf is None or leaf.is_bool else f"; range {leaf.min}..={leaf.max}"
        doc = f"Declared state, one per {scope.value}{known}."
        found[name] = Entry(name, Sort.FIELD, f"{name}: {kind}{dims}", doc)
    return found


def _call_shape(node: nodes.Call, variables: Variables, declared: Declared) -> Shape | None:
    match node.function:
        case nodes.Name(id=name):
            return _function_shape(name, declared)
        case nodes.Attribute(base=base, name=name):
            return _method_shape(shape_of(base, variables, declared), name)
        case _:
            return None


def _function_shape(name: str, declared: Declared) -> Shape | None:
    if name in declared.functions:
        return declared.functions[name].result
    if name in ANSWER_CALLS:
        return AnswerType(frozenset(ANSWER_CALLS[name].answers))
    entry = next((h for h in HELPERS if h.name == name and h.method_of is None), None)
    return type_of(entry.result) if entry else U64


def _method_shape(base: Shape | None, name: str) -> Shape | None:
    match base:
        case HandleType(name="List") if name in LIST_ANSWERS:
            return AnswerType(frozenset(LIST_ANSWERS[name].answers))
        case HandleType(name=owner) | MapNamed(kind=owner):
            entry = next((h for h in HELPERS if h.name == name and h.method_of == owner), None)
            return type_of(entry.result) if entry else None
        case _:
            return None
