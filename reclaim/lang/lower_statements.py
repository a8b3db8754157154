"""Statements other than assignments and loops: branches, answers, assertions, calls on a line."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from reclaim.diag.diagnostic import Edit, Help
from reclaim.lang import nodes
from reclaim.lang.answer_help import answer_help
from reclaim.lang.coercion import coerce, fitted, truth
from reclaim.lang.findings import Stop
from reclaim.lang.ir import (
    BOOL,
    UNIT,
    AnswerType,
    Assert,
    Block,
    Construct,
    Fail,
    Return,
    Value,
)
from reclaim.lang.lowering import Absent, Binding, Operand, Poisoned, Unassigned, describe_operand
from reclaim.lang.type_rules import describe, is_nullable, plain

if TYPE_CHECKING:
    from reclaim.diag.diagnostic import Span
    from reclaim.lang.lowering import Lowering

Variables: TypeAlias = dict[str, Binding]


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
            low.give_up()
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
        builder.leave()
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
    wanted = f"`{describe(plain(frame.result))}`{' or None' if frame.result.nullable else ''}"
    shown = describe_operand(operand)
    low.findings.stop(
        "wrong-answer",
        f"`{frame.name}` must answer {wanted}, but `{low.quote(span)}` is `{shown}`",
        span,
        label=f"expected {wanted}",
        **answer_help(low.written(span), found, frame.result, span, frame.name),
    )


# ---- asserts and calls


def lower_assert(low: Lowering, node: nodes.Assert) -> None:
    """Lower `assert`: each part of an `and` is an obligation of its own."""
    around, low.in_assert = low.in_assert, node
    try:
        _assert(low, node.condition)
    finally:
        low.in_assert = around


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
    operand = low.expression(value)
    if isinstance(operand, Value) and isinstance(operand.type, AnswerType):
        _unused_answer(low, value)
    low.findings.stop(
        "statement-without-effect",
        "this line does nothing",
        node.span,
        label="value is not used",
        help=_incremented(low, value),
    )


def _incremented(low: Lowering, node: nodes.Expression) -> tuple[Help, ...]:
    """Offer what `++x` and `--x` are here."""
    match node:
        case nodes.Unary(op="+" | "-" as op, operand=nodes.Unary(op=again, operand=inner)) if op == again:
            text = f"{low.written(inner.span)} {op}= 1"
            return (Help(f"write `{text}`", Edit(node.span, text)),)
        case _:
            return ()


def _unused_answer(low: Lowering, node: nodes.Expression) -> None:
    shown = low.quote(node.span)
    constructed = low.builder.current.ops and isinstance(low.builder.current.ops[-1], Construct)
    if not constructed:
        return
    low.frame.is_whole = False
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
