"""Assignments: to variables, each in the one type that it has in its whole function, and to places."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reclaim.abi.maps import MAP_KINDS
from reclaim.diag.diagnostic import Edit, Help, Label
from reclaim.lang import nodes
from reclaim.lang.annotations import annotated_type
from reclaim.lang.coercion import coerce, settle
from reclaim.lang.findings import Stop
from reclaim.lang.ir import HandleType, IntType, Type, Value
from reclaim.lang.lower_access import resolve
from reclaim.lang.lower_arithmetic import compute
from reclaim.lang.lowering import Absent, Binding, Literal, Operand
from reclaim.lang.places import Place, load, store
from reclaim.lang.policy_names import bound_names
from reclaim.lang.type_rules import describe, join, nullable

if TYPE_CHECKING:
    from reclaim.diag.diagnostic import Span
    from reclaim.lang.lowering import Lowering


def lower_assign(low: Lowering, node: nodes.Assign) -> None:
    """Lower ``target = value``."""
    if isinstance(node.target, nodes.Name):
        check_assignable(low, node.target)
        assign(low, node.target, low.expression(node.value), node.value.span)
        return
    operand = low.expression(node.value)
    store(low, resolve(low, node.target), operand, node.target, node.value.span)


def lower_annotated(low: Lowering, node: nodes.AnnotatedAssign) -> None:
    """Lower ``target: type = value``."""
    if not isinstance(node.target, nodes.Name):
        message = "only a variable is given a type here"
        low.findings.stop("invalid-annotation", message, node.target.span, label="not a variable")
    name = node.target.id
    check_assignable(low, node.target)
    of, kind = annotated_type(node.annotation, low.findings)
    if kind is not None:
        wide = "s64" if kind.signed else "u64"
        low.findings.stop(
            "invalid-annotation",
            f"a variable holds 64 bits; `{kind.name}` is a type of stored fields",
            node.annotation.span,
            label="narrow types are for fields",
            help=(Help(f"write `{name}: {wide}`", Edit(node.annotation.span, wide)),),
        )
    earlier = low.frame.types.get(name)
    if earlier is not None and earlier != of:
        message = f"`{name}` already has the type `{describe(earlier)}`"
        low.findings.stop("type-mismatch", message, node.annotation.span, label="another type")
    if node.value is None:
        message = f"`{name}` is declared without a value"
        help_ = (Help(f"write `{low.quote(node.span)} = ...`"),)
        low.findings.stop("unassigned-variable", message, node.span, label="no value", help=help_)
    operand = low.expression(node.value)
    if earlier is None:
        _after_none(low, name, of, node.target.span)
    low.frame.types[name] = of
    low.frame.fixed.add(name)
    assign(low, node.target, operand, node.value.span)


def lower_augmented(low: Lowering, node: nodes.AugmentedAssign) -> None:
    """Lower ``target op= value``; the target's handle and indices are evaluated once."""
    spans = (node.target.span, node.value.span)
    if isinstance(node.target, nodes.Name):
        check_assignable(low, node.target)
        before: Operand | None = low.read(node.target)
        if before is None:
            before = low.expression(node.target)
        result = compute(low, node.op, before, low.expression(node.value), spans, node.span)
        assign(low, node.target, result, node.span)
        return
    place: Place = resolve(low, node.target)
    before = load(low, place, node.target.span)
    result = compute(low, node.op, before, low.expression(node.value), spans, node.span)
    store(low, place, result, node.target, node.span)


def check_assignable(low: Lowering, target: nodes.Name) -> None:
    """Refuse to assign what is no variable: loop variables, declarations, words of the language."""
    name, declared = target.id, low.declared
    loop = low.frame.loop_variables.get(name)
    if loop is not None:
        low.findings.stop(
            "loop-variable-assigned",
            f"`{name}` belongs to its loop and cannot be assigned",
            target.span,
            label="assigned here",
            labels=(Label(loop, "bound by this loop"),),
            help=(Help("give the new value a name of its own"),),
        )
    if name in low.frame.variables:
        return
    what = _declared_kind(low, name)
    if what is None:
        return
    if what == "constant" and not low.frame.is_whole:
        raise Stop
    place = declared.spans.get(name)
    help_ = (Help("keep numbers that change in a state class"),) if what in ("constant", "tunable") else ()
    low.findings.stop(
        "declaration-assigned",
        f"{what} `{name}` cannot be assigned",
        target.span,
        label="assigned here",
        labels=(Label(place, "declared here"),) if place is not None else (),
        help=help_,
    )


def _declared_kind(low: Lowering, name: str) -> str | None:
    d = low.declared
    tables = (
        ("constant", d.constants),
        ("tunable", d.tunables),
        ("list", d.lists),
        ("map", d.maps),
        ("function", d.functions),
    )
    for what, table in tables:
        if name in table:
            return what
    if name in d.hooks:
        return None  # the core alone calls it, so that its name means nothing in a function
    if name in d.spans:
        return "declaration"
    return "the language's own name" if name in bound_names() else None


def assign(low: Lowering, target: nodes.Name, operand: Operand, span: Span) -> None:
    """Bind a variable, in the type that it has in its whole function."""
    name, frame = target.id, low.frame
    if isinstance(operand, Value) and isinstance(operand.type, HandleType) and operand.type.name in MAP_KINDS:
        message = "a map is named where it is used, not kept in a variable"
        low.findings.stop("not-a-value", message, span, label="a map")
    wider = low.widened.get((frame.name, name))
    if wider is not None and name not in frame.fixed:
        frame.types[name] = wider
    known = frame.types.get(name)
    if known is None:
        frame.variables[name] = _first_value(low, name, operand, target.span)
        return
    value = _in_type(low, target, operand, known, span)
    frame.variables[name] = _named(low, value, name)


def _first_value(low: Lowering, name: str, operand: Operand, span: Span) -> Binding:
    """Bind a variable for the first time; a bare None waits for the type of a later assignment."""
    frame = low.frame
    if isinstance(operand, Absent):
        frame.always_none.append((name, span))
        return operand
    value = settle(low, operand)
    _after_none(low, name, value.type, span)
    frame.types[name] = value.type
    return _named(low, value, name)


def _after_none(low: Lowering, name: str, of: Type, span: Span) -> None:
    """Start again with a type that has None, where a variable without a type was None before."""
    none = next((place for known, place in low.frame.always_none if known == name), None)
    if none is None:
        return
    wider = nullable(of)
    if wider is None:
        low.findings.stop(
            "type-mismatch",
            f"`{name}` is None before, and a `{describe(of)}` cannot be None",
            span,
            label=f"`{describe(of)}` here",
            labels=(Label(none, "None here"),),
        )
    low.widen(name, wider)


def _named(low: Lowering, value: Value, name: str) -> Value:
    """Name a value after its first variable; a parameter that was given a number holds one without a name."""
    if any(held is value for held in low.frame.variables.values()):
        return value
    return low.builder.rename(value, name)


def _in_type(low: Lowering, target: nodes.Name, operand: Operand, known: Type, span: Span) -> Value:
    """Return the operand in the variable's type, or find that the type must be wider."""
    name = target.id
    if isinstance(operand, Literal) and isinstance(known, IntType):
        return _literal_in(low, name, operand, known, span)
    found = known if isinstance(operand, Literal) else None
    if isinstance(operand, Absent):
        found = nullable(known)
    elif isinstance(operand, Value):
        found = join(known, operand.type)
        if name in low.frame.fixed and found == nullable(known):
            found = known  # what may be None was tested before, which the verifier proves
    if found is None or (found != known and name in low.frame.fixed):
        low.mismatch(span, f"`{describe(known)}` for `{name}`", operand)
    if found != known and not (isinstance(found, IntType) and isinstance(known, IntType)):
        low.widen(name, found)
    return coerce(low, operand, known, span)


def _literal_in(low: Lowering, name: str, operand: Literal, known: IntType, span: Span) -> Value:
    if operand.value < 0 and not known.signed:
        low.findings.stop(
            "negative-constant",
            f"`{name}` is a number without sign, and {operand.value} does not fit it",
            span,
            label="negative",
            help=(Help(f"declare it with its type where it is first assigned: `{name}: s64 = ...`"),),
        )
    return coerce(low, operand, known, span)
