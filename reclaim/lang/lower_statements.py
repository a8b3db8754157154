"""Statements other than loops: assignments, branches, answers, assertions, calls on a line."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from reclaim.abi.maps import MAP_KINDS
from reclaim.diag.diagnostic import Edit, Help, Label
from reclaim.lang import nodes
from reclaim.lang.annotations import annotated_type
from reclaim.lang.answer_help import answer_help
from reclaim.lang.coercion import coerce, fitted, settle, truth
from reclaim.lang.findings import Stop
from reclaim.lang.ir import (
    BOOL,
    UNIT,
    AnswerType,
    Assert,
    Block,
    Construct,
    Fail,
    HandleType,
    IntType,
    Return,
    Type,
    Value,
)
from reclaim.lang.lower_access import Place, load, resolve, store
from reclaim.lang.lower_arithmetic import compute
from reclaim.lang.lowering import Absent, Binding, Literal, Operand, Poisoned, Unassigned, describe_operand
from reclaim.lang.policy_names import bound_names
from reclaim.lang.type_rules import describe, is_nullable, join, nullable, plain

if TYPE_CHECKING:
    from reclaim.diag.diagnostic import Span
    from reclaim.lang.lowering import Lowering

Variables: TypeAlias = dict[str, Binding]


# ---- assignments


def lower_assign(low: Lowering, node: nodes.Assign) -> None:
    """Lower ``target = value``."""
    if isinstance(node.target, nodes.Name):
        _check_assignable(low, node.target)
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
    _check_assignable(low, node.target)
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
    low.frame.types[name] = of
    low.frame.fixed.add(name)
    assign(low, node.target, operand, node.value.span)


def lower_augmented(low: Lowering, node: nodes.AugmentedAssign) -> None:
    """Lower ``target op= value``; the target's handle and indices are evaluated once."""
    spans = (node.target.span, node.value.span)
    if isinstance(node.target, nodes.Name):
        _check_assignable(low, node.target)
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


def _check_assignable(low: Lowering, target: nodes.Name) -> None:
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
        ("hook", d.hooks),
    )
    for what, table in tables:
        if name in table:
            return what
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
    frame.variables[name] = low.builder.rename(value, name)


def _first_value(low: Lowering, name: str, operand: Operand, span: Span) -> Binding:
    """Bind a variable for the first time; a bare None waits for the type of a later assignment."""
    frame = low.frame
    if isinstance(operand, Absent):
        frame.always_none.append((name, span))
        return operand
    value = settle(low, operand)
    if any(n == name for n, _ in frame.always_none):
        widened = nullable(value.type)
        if widened is not None:
            low.widen(name, widened)
    frame.types[name] = value.type
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


# ---- branches


def lower_if(low: Lowering, node: nodes.If) -> None:
    """Lower `if`, its `elif` branches and its `else`."""
    builder, frame = low.builder, low.frame
    ends: list[tuple[Block, Variables]] = []
    for condition, suite in node.branches:
        before = dict(frame.variables)
        then, other = builder.block(), builder.block()
        try:
            low.condition(condition, then, other)
        except Stop:
            _abandon(low, then, other)
        builder.go_to(then)
        low.statements(suite)
        if builder.live:
            ends.append((builder.current, frame.variables))
        builder.go_to(other)
        frame.variables = dict(before)
    low.statements(node.otherwise)
    if builder.live:
        ends.append((builder.current, frame.variables))
    meet(low, ends, node.span)


def _abandon(low: Lowering, then: Block, other: Block) -> None:
    """Keep the graph whole behind a wrong condition, so that both suites are still looked at."""
    if low.builder.live:
        false = low.builder.const(0, BOOL, low.builder.span)
        low.builder.branch(false, then, other, low.builder.span)


def meet(low: Lowering, ends: list[tuple[Block, Variables]], span: Span) -> None:
    """Go on where paths meet: variables that differ become parameters of the block there."""
    builder, frame = low.builder, low.frame
    if not ends:
        builder.go_to(builder.block())
        return
    if len(ends) == 1:
        builder.go_to(ends[0][0])
        frame.variables = ends[0][1]
        return
    merged, differing = merge([variables for _, variables in ends])
    params = tuple(builder.value(frame.types[name], name, span) for name in differing)
    after = builder.block(params)
    for block, variables in ends:
        builder.go_to(block)
        builder.jump(after, span, tuple(_value(variables[name]) for name in differing))
    merged.update(zip(differing, params, strict=True))
    frame.variables = merged
    builder.go_to(after)


def _value(binding: Binding) -> Value:
    assert isinstance(binding, Value)
    return binding


def merge(paths: list[Variables]) -> tuple[Variables, list[str]]:
    """Return what is bound on all paths alike, and the names that are bound to different values."""
    merged: Variables = {}
    differing: list[str] = []
    for name in dict.fromkeys(name for path in paths for name in path):
        bindings = [path.get(name) for path in paths]
        first = bindings[0]
        if any(isinstance(b, Poisoned) for b in bindings):
            merged[name] = Poisoned()
        elif any(b is None or isinstance(b, Unassigned) for b in bindings):
            merged[name] = _partly(bindings)
        elif all(isinstance(b, Absent) for b in bindings):
            merged[name] = bindings[0]  # type: ignore[assignment]
        elif any(isinstance(b, Absent) for b in bindings):
            merged[name] = Poisoned()
        elif first is not None and all(b is first for b in bindings):
            merged[name] = first
        else:
            differing.append(name)
    return merged, differing


def _partly(bindings: list[Binding | None]) -> Unassigned:
    for binding in bindings:
        if isinstance(binding, Unassigned):
            return binding
    value = next(b for b in bindings if isinstance(b, Value | Absent))
    return Unassigned(value.span, "assigned on this path only")


# ---- the end of a path


def lower_return(low: Lowering, node: nodes.Return) -> None:
    """Lower `return`: an answer of the hook, or the result of an inlined function."""
    frame, builder = low.frame, low.builder
    operand: Operand | None = None
    if node.value is not None:
        place: Span = node.value.span
        operand = low.expression(node.value)
    else:
        place = node.span
    value = answer(low, operand, place)
    if frame.exit is not None:
        builder.jump(frame.exit, node.span, () if value is None else (value,))
    else:
        builder.end(Return(value, node.span))


def answer(low: Lowering, operand: Operand | None, span: Span) -> Value | None:
    """Return the value that a function answers, None where it answers nothing."""
    frame = low.frame
    if frame.result == UNIT:
        if operand is not None and not isinstance(operand, Absent):
            message = f"`{frame.name}` answers nothing"
            low.findings.stop(
                "wrong-answer", message, span, label="an answer", help=(Help("write `return`"),)
            )
        return None
    if operand is None:
        if is_nullable(frame.result):
            return coerce(low, Absent(span), frame.result, span)
        wanted = describe(frame.result)
        message = f"`{frame.name}` must answer `{wanted}`, but this `return` answers nothing"
        low.findings.stop("missing-answer", message, span, label=f"expected `{wanted}`")
    _check_answer(low, operand, span)
    return fitted(low, operand, frame.result, frame.result_kind, span, f"the result of `{frame.name}`")


def _check_answer(low: Lowering, operand: Operand, span: Span) -> None:
    frame = low.frame
    if not isinstance(frame.result, AnswerType):
        return
    found = plain(operand.type) if isinstance(operand, Value) else None
    if isinstance(found, AnswerType) and frame.result.names <= found.names:
        return
    if isinstance(operand, Absent) and frame.result.nullable:
        return
    wanted = describe(plain(frame.result))
    shown = describe_operand(operand)
    low.findings.stop(
        "wrong-answer",
        f"`{frame.name}` must answer `{wanted}`, but `{low.quote(span)}` is `{shown}`",
        span,
        label=f"expected `{wanted}`",
        **answer_help(low.quote(span), found, frame.result, span),
    )


# ---- asserts and calls


def lower_assert(low: Lowering, node: nodes.Assert) -> None:
    """Lower `assert`: each part of an `and` is an obligation of its own."""
    low.in_assert = node
    try:
        _assert(low, node.condition)
    finally:
        low.in_assert = None


def _assert(low: Lowering, node: nodes.Expression) -> None:
    builder = low.builder
    match node:
        case nodes.Logic(op="and", operands=operands):
            for operand in operands:
                _assert(low, operand)
        case nodes.Logic() | nodes.Conditional() | nodes.Comparison() if _branches(node):
            holds, fails = builder.block(), builder.block()
            low.condition(node, holds, fails)
            builder.go_to(fails)
            never = builder.const(0, BOOL, node.span)
            builder.emit(Assert, None, node.span, condition=never)
            builder.jump(holds, node.span)
            builder.go_to(holds)
        case _:
            value = truth(low, low.expression(node), node.span)
            builder.emit(Assert, None, node.span, condition=value)


def _branches(node: nodes.Expression) -> bool:
    return not isinstance(node, nodes.Comparison) or len(node.rest) > 1


def lower_expression_statement(low: Lowering, node: nodes.ExpressionStatement) -> None:
    """Lower a call on a line of its own, `fail(...)`, or a docstring."""
    value = node.value
    if isinstance(value, nodes.String):
        return
    if isinstance(value, nodes.Call):
        if isinstance(value.function, nodes.Name) and value.function.id == "fail":
            _lower_fail(low, value)
            return
        operand = low.effect(value)
        if isinstance(operand, Value) and isinstance(operand.type, AnswerType):
            _unused_answer(low, value)
        return
    low.expression(value)
    low.findings.stop(
        "statement-without-effect", "this line does nothing", node.span, label="value is not used"
    )


def _unused_answer(low: Lowering, node: nodes.Call) -> None:
    shown = low.quote(node.span)
    constructed = low.builder.current.ops and isinstance(low.builder.current.ops[-1], Construct)
    if not constructed:
        return
    low.findings.stop(
        "statement-without-effect",
        f"`{shown}` only makes an answer, and nobody gets it",
        node.span,
        label="answer is not used",
        help=(Help(f"write `return {shown}`", Edit(node.span, f"return {shown}")),),
    )


def _lower_fail(low: Lowering, node: nodes.Call) -> None:
    low.forbid_in_assert(node.span, "fails")
    text = node.arguments[0].value if len(node.arguments) == 1 else None
    if not isinstance(text, nodes.String) or node.arguments[0].name is not None:
        message = "`fail` takes one message, a string"
        low.findings.stop("wrong-argument-count", message, node.span, label='write `fail("...")`')
    messages = low.shared.fail_messages
    if text.value not in messages:
        messages.append(text.value)
    low.builder.end(Fail(messages.index(text.value), node.span))
