"""Declared state: from classes to scalar leaves with offsets, strides and ranges.

A struct has no existence of its own at run time: its fields become leaves with dotted names, and an
array of structs becomes leaves with one more dimension. Fields lie in the order of declaration,
naturally aligned and rounded to 8 bytes; per-folio state is packed and rounded to 1, 2, 4, 8 or 16,
the strides that the core takes, since it is paid for every page.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from reclaim.abi.helpers import HELPERS
from reclaim.abi.kernel_types import KERNEL_TYPES
from reclaim.abi.kinds import INT_KINDS
from reclaim.abi.limits import MAX_STATE_BYTES
from reclaim.diag.diagnostic import Edit, Help, Label
from reclaim.lang import nodes
from reclaim.lang.call_arguments import keyword_arguments
from reclaim.lang.declared import Member
from reclaim.lang.findings import Stop
from reclaim.lang.ir import SCOPE_HANDLE, Scope, StateField
from reclaim.lang.policy_names import STATE_BASES, STRUCT_BASE
from reclaim.lang.spelling import did_you_mean, listing

if TYPE_CHECKING:
    from reclaim.abi.kinds import IntKind
    from reclaim.diag.diagnostic import Span
    from reclaim.lang.declarations import TopLevel

MAX_LEAVES = 1024
"""Most scalar fields of a scope after structs are unfolded; structs of structs could grow without end."""

MAX_STRUCT_DEPTH = 20
"""Deepest nesting of structs; two levels are common, three are rare."""

_LARGEST_ARRAY = max(MAX_STATE_BYTES.values())


@dataclass(frozen=True, slots=True)
class _Field:
    """A field of a class: a scalar with its range, or a struct by name."""

    name: str
    dims: tuple[int, ...]
    kind: IntKind | None
    is_bool: bool
    struct: str
    min: int
    max: int
    initial: int
    span: Span


@dataclass(frozen=True, slots=True)
class _Shape:
    """Size and alignment of a type in bytes."""

    size: int
    align: int


class StateLayout:
    """Lay out all state classes of a policy into its `Declared`."""

    def __init__(self, top: TopLevel) -> None:
        self._top = top
        self._findings = top.findings
        self._classes = {c.name: c for c in top.classes}
        self._fields: dict[str, list[_Field]] = {}
        self._scopes: dict[Scope, nodes.Class] = {}
        self._pending: list[str] = []
        self._shapes: dict[tuple[str, bool], _Shape] = {}
        self._leaves: dict[str, int] = {}
        for definition in top.classes:
            self._scope_of(definition)
        for name in self._classes:
            self._read(name)
        for scope, definition in self._scopes.items():
            try:
                self._lay_out(scope, definition)
            except Stop:
                top.declared.broken_scopes.add(scope)

    def _scope_of(self, definition: nodes.Class) -> None:
        bases = [*STATE_BASES, STRUCT_BASE]
        base = definition.bases[0].value if len(definition.bases) == 1 else None
        name = base.id if isinstance(base, nodes.Name) else ""
        if name not in bases:
            span = base.span if base is not None else definition.span
            self._findings.note(
                "unknown-base",
                f"class `{definition.name}` must have one base, out of {listing(bases)}",
                span,
                label="no such base" if base is not None else "no base here",
                help=did_you_mean(name, bases, span) if base is not None else _without_class(definition),
            )
            self._mark_broken(definition.name)
            self._classes.pop(definition.name, None)
            return
        if name == STRUCT_BASE:
            return
        scope = STATE_BASES[name]
        if scope in self._scopes:
            first = self._scopes[scope]
            self._top.declared.broken_scopes.add(scope)
            self._findings.note(
                "duplicate-scope",
                f"a policy has one class with base `{name}`",
                definition.name_span,
                label="second one",
                labels=(Label(first.name_span, "first one"),),
                help=(Help(f"put the fields into `{first.name}`"),),
            )
            return
        self._scopes[scope] = definition
        if scope is Scope.GLOBAL:
            self._top.declared.global_name = definition.name

    # ---- fields

    def _read(self, class_name: str) -> list[_Field]:
        """Return the fields of a class, reading it if that has not happened yet."""
        if class_name in self._fields:
            return self._fields[class_name]
        definition = self._classes[class_name]
        if class_name in self._pending:
            self._findings.stop(
                "recursive-struct",
                f"struct `{class_name}` contains itself",
                definition.name_span,
                label="contains itself",
            )
        if len(self._pending) >= MAX_STRUCT_DEPTH:
            message = f"structs nest deeper than {MAX_STRUCT_DEPTH} levels"
            self._fields[class_name] = []
            self._findings.stop("nested-too-deeply", message, definition.name_span, label="too deep")
        self._pending.append(class_name)
        fields: list[_Field] = []
        for statement in definition.body:
            try:
                made = self._field(definition, statement, fields)
            except Stop:
                self._mark_broken(class_name)
                continue
            if made is not None:
                fields.append(made)
        self._pending.pop()
        self._fields[class_name] = fields
        return fields

    def _mark_broken(self, class_name: str) -> None:
        """Let uses of a class be no further mistakes; of a struct, or one of no scope, the fields may be anywhere."""
        self._top.declared.broken.add(class_name)
        own = {scope for scope, definition in self._scopes.items() if definition.name == class_name}
        self._top.declared.broken_scopes |= own or set(STATE_BASES.values())

    def _field(self, owner: nodes.Class, statement: nodes.Statement, earlier: list[_Field]) -> _Field | None:
        match statement:
            case nodes.AnnotatedAssign(target=nodes.Name(id=name)):
                self._check_name(owner, name, statement.target.span, earlier)
                return self._typed_field(name, statement)
            case nodes.Pass() | nodes.ExpressionStatement(value=nodes.String()):
                return None
            case nodes.Assign(target=nodes.Name(id=name)):
                message = f"field `{name}` needs a type"
                typed = (_with_type(name, statement),)
                self._findings.stop(
                    "missing-annotation", message, statement.target.span, label="no type", help=typed
                )
            case nodes.Foreign():
                return None
            case _:
                message = "a state class holds fields only"
                help_ = (
                    (Help("write functions at the top level"),)
                    if isinstance(statement, nodes.Function)
                    else ()
                )
                self._findings.stop(
                    "invalid-class-member", message, statement.span, label="not a field", help=help_
                )

    def _check_name(self, owner: nodes.Class, name: str, span: Span, earlier: list[_Field]) -> None:
        for field in earlier:
            if field.name == name:
                labels = (Label(field.span, "first declared here"),)
                message = f"field `{name}` is declared twice"
                self._findings.stop(
                    "duplicate-name", message, span, label="declared again here", labels=labels
                )
        scope = next((s for s, d in self._scopes.items() if d is owner), None)
        handle = SCOPE_HANDLE.get(scope) if scope is not None else None
        if handle is None:
            return
        taken = [f.name for f in KERNEL_TYPES[handle].fields]
        taken += [h.name for h in HELPERS if h.method_of == handle]
        if name in taken:
            message = f"`{name}` is already a field or method of {handle}"
            self._findings.stop(
                "shadowed-field",
                message,
                span,
                label="choose another name",
                help=(Help(f"write `own_{name}`", Edit(span, f"own_{name}")),),
            )

    def _typed_field(self, name: str, statement: nodes.AnnotatedAssign) -> _Field:
        node = statement.annotation
        self._refuse_python_list(node)
        dims: list[int] = []
        while isinstance(node, nodes.Subscript):
            dims.insert(
                0, self._top.ranged(node.index, 1, _LARGEST_ARRAY, "the length of an array", offer=False)
            )
            node = node.base
        if len(dims) > 2:
            message = f"an array has at most 2 dimensions, but here are {len(dims)}"
            self._findings.stop(
                "invalid-annotation", message, statement.annotation.span, label="too many dimensions"
            )
        type_name = node.id if isinstance(node, nodes.Name) else ""
        is_bool = type_name == "bool"
        if type_name in INT_KINDS or is_bool:
            kind = INT_KINDS["u8" if is_bool else type_name]
            low, high, initial = self._range(statement.value, kind, is_bool)
            return _Field(name, tuple(dims), kind, is_bool, "", low, high, initial, statement.target.span)
        structs = [c.name for c in self._classes.values() if self._is_struct(c)]
        if type_name in self._top.declared.broken:
            raise Stop
        if type_name not in structs:
            self._bad_field_type(name, node, type_name, structs)
        if statement.value is not None:
            message = "a field of a struct type takes no value; its own fields have theirs"
            self._findings.stop("invalid-declaration", message, statement.value.span, label="not here")
        self._read(type_name)
        return _Field(name, tuple(dims), None, False, type_name, 0, 0, 0, statement.target.span)

    def _refuse_python_list(self, node: nodes.Expression) -> None:
        """Report `list[u64]`, which has a type where the length stands here."""
        match node:
            case nodes.Subscript(base=nodes.Name(id=name), index=nodes.Name(id=element)):
                if name not in ("list", "List", "Array", "tuple", "set") or element not in (
                    *INT_KINDS,
                    "bool",
                ):
                    return
                self._findings.stop(
                    "invalid-field-type",
                    "an array is written with its length",
                    node.span,
                    label="no length",
                    help=(Help(f"write `{element}[16]`", Edit(node.span, f"{element}[16]")),),
                )

    def _bad_field_type(self, field: str, node: nodes.Node, name: str, structs: list[str]) -> None:
        known = [*INT_KINDS, "bool", *structs]
        note = (
            "state holds numbers; a handle is valid during one hook only, so keep `folio.key` or `memcg.id`"
        )
        self._findings.stop(
            "invalid-field-type",
            f"a field cannot have the type `{name}`" if name else "this is not a type of a field",
            node.span,
            label=f"expected {listing(known, 12)}",
            notes=(note,) if name in KERNEL_TYPES or name == "List" else (),
            help=(Help(f"declare a list at the left margin: `{field} = folio_list()`"),)
            if name == "List"
            else did_you_mean(name, known, node.span),
        )

    @staticmethod
    def _is_struct(definition: nodes.Class) -> bool:
        base = definition.bases[0].value
        return isinstance(base, nodes.Name) and base.id == STRUCT_BASE

    def _range(self, value: nodes.Expression | None, kind: IntKind, is_bool: bool) -> tuple[int, int, int]:
        low, high = (0, 1) if is_bool else (kind.min, kind.max)
        if value is None:
            return low, high, 0
        if (
            isinstance(value, nodes.Call)
            and isinstance(value.function, nodes.Name)
            and value.function.id == "field"
        ):
            return self._declared_range(value, low, high, is_bool)
        if is_bool:
            return low, high, self._top.truth(value)
        return low, high, self._top.ranged(value, low, high, "the initial value")

    def _declared_range(self, call: nodes.Call, low: int, high: int, is_bool: bool) -> tuple[int, int, int]:
        first = call.arguments[0] if call.arguments and call.arguments[0].name is None else None
        optional = ["default"] if is_bool else ["default", "min", "max"]
        given = keyword_arguments(
            call, "field", [], optional, self._findings, nr_first=int(first is not None)
        )
        initial = first.value if first else given.get("default")
        if is_bool:
            return low, high, self._top.truth(initial) if initial is not None else 0
        low = self._top.ranged(given["min"], low, high, "`min`") if "min" in given else low
        high = self._top.ranged(given["max"], low, high, "`max`") if "max" in given else high
        if initial is None and not low <= 0 <= high:
            message = f"the initial value 0 lies outside {low} to {high}"
            help_ = (Help(f"write `field({low}, ...)`"),)
            self._findings.stop("constant-out-of-range", message, call.span, label="starts at 0", help=help_)
        return low, high, self._top.ranged(initial, low, high, "the initial value") if initial else 0

    # ---- layout

    def _shape(self, field: _Field, packed: bool) -> _Shape:
        """Return size and alignment of one element of a field."""
        if field.kind is not None:
            size = field.kind.bits // 8
            return _Shape(size, 1 if packed else size)
        known = self._shapes.get((field.struct, packed))
        if known is not None:
            return known
        end, align = 0, 1
        for inner in self._fields[field.struct]:
            shape = self._shape(inner, packed)
            end = _round_up(end, shape.align) + shape.size * prod(inner.dims)
            align = max(align, shape.align)
        self._shapes[field.struct, packed] = _Shape(_round_up(end, align), align)
        return self._shapes[field.struct, packed]

    def _nr_leaves(self, class_name: str) -> int:
        """Return how many scalar leaves a class has, arrays counted once."""
        if class_name not in self._leaves:
            inner = self._fields[class_name]
            self._leaves[class_name] = sum(self._nr_leaves(f.struct) if f.struct else 1 for f in inner)
        return self._leaves[class_name]

    def _lay_out(self, scope: Scope, definition: nodes.Class) -> None:
        packed = scope is Scope.FOLIO
        if self._nr_leaves(definition.name) > MAX_LEAVES:
            message = f"state of `{definition.name}` has more than {MAX_LEAVES} fields, structs unfolded"
            self._findings.stop("state-too-large", message, definition.name_span, label="too many fields")
        end = self._place(scope, self._fields[definition.name], "", 0, ((), ()), packed)
        total = end if packed else _round_up(end, 8)
        limit = MAX_STATE_BYTES[scope.value]
        if total > limit:
            message = f"state of {definition.bases[0].value.id} takes {total} bytes, but at most {limit} fit"  # type: ignore[union-attr]
            fields = self._fields[definition.name]
            sizes = ((f.name, self._shape(f, packed).size * prod(f.dims)) for f in fields)
            largest = sorted(sizes, key=lambda known: -known[1])[:_MOST_SIZES]
            self._findings.stop(
                "state-too-large",
                message,
                definition.name_span,
                label=f"{total} bytes",
                notes=(f"bytes by field: {', '.join(f'`{name}` {size}' for name, size in largest)}",),
            )
        self._top.declared.state_bytes[scope] = _power_of_two(total) if packed else total

    def _place(
        self,
        scope: Scope,
        fields: list[_Field],
        prefix: str,
        start: int,
        outer: tuple[tuple[int, ...], tuple[int, ...]],
        packed: bool,
    ) -> int:
        """Place fields from *start* on; *outer* are dims and strides around them; return the end."""
        end = start
        for field in fields:
            shape = self._shape(field, packed)
            offset = _round_up(end, shape.align)
            end = offset + shape.size * prod(field.dims)
            strides = tuple(shape.size * prod(field.dims[i + 1 :]) for i in range(len(field.dims)))
            dims, strides = outer[0] + field.dims, outer[1] + strides
            path = prefix + field.name
            leaf = None
            if field.kind is not None:
                limits = (field.min, field.max, field.initial)
                leaf = StateField(
                    scope, path, field.kind, field.is_bool, *limits, offset, dims, strides, field.span
                )
                self._top.declared.state.append(leaf)
            self._top.declared.members[scope, path] = Member(field.dims, leaf, field.span)
            if field.struct:
                self._place(scope, self._fields[field.struct], path + ".", offset, (dims, strides), packed)
        return end


_MOST_SIZES = 8
"""Fields whose sizes are told: the largest ones."""


def _power_of_two(value: int) -> int:
    """Return the smallest power of two that is not below, 0 for 0."""
    return 1 << (value - 1).bit_length() if value else 0


def _round_up(value: int, align: int) -> int:
    return (value + align - 1) // align * align


def _without_class(definition: nodes.Class) -> tuple[Help, ...]:
    """Say where hooks and lists stand, for a policy that was written as a class."""
    if not any(isinstance(statement, nodes.Function) for statement in definition.body):
        return ()
    return (
        Help(
            "a policy is no class: hooks stand at the left margin below `@hook`, without `self`, and so do lists and maps"
        ),
    )


def _with_type(name: str, statement: nodes.Assign) -> Help:
    """Offer a field with a type, its first value where `field` takes it."""
    if not isinstance(statement.value, nodes.Number):
        return Help(f"write `{name}: u64 = ...`", Edit(statement.target.span, f"{name}: u64"))
    text = f"{name}: u64 = field({statement.value.value})"
    return Help(f"write `{text}`", Edit(statement.target.span.to(statement.value.span), text))
