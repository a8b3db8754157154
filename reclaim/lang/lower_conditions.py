"""Conditions: comparisons, `and`, `or`, `not`, and choices between values, as control flow.

A condition that decides a branch becomes branches of its own, so that what each comparison says is
known in the blocks behind it. Only where a truth value is stored does it become a block parameter.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NoReturn

from reclaim.diag.diagnostic import Edit, Help
from reclaim.lang import nodes
from reclaim.lang.coercion import (
    coerce,
    common_numbers,
    is_numeric,
    is_signed,
    settle,
    truth,
)
from reclaim.lang.fallbacks import refuse_fallback
from reclaim.lang.ir import (
    BOOL,
    S64,
    AnswerType,
    BoolType,
    Compare,
    CompareOp,
    EnumType,
    HandleType,
    IsNone,
    Not,
    OptionalType,
    Type,
    Value,
)
from reclaim.lang.lower_calls import lower_contains
from reclaim.lang.lowering import Absent, Literal, Operand, describe_operand
from reclaim.lang.meant import comparison_meant, member_meant
from reclaim.lang.type_rules import int_type, is_nullable, join, nullable, plain

if TYPE_CHECKING:
    from reclaim.diag.diagnostic import Span
    from reclaim.lang.ir import Block
    from reclaim.lang.lowering import Lowering

_OPS = {op.value: op for op in CompareOp}

_WITHOUT_TEST = (Help("leave the test out: there is always one"),)


def lower_condition(low: Lowering, node: nodes.Expression, then: Block, other: Block) -> None:
    """End the current block in a branch on a condition."""
    builder = low.builder
    match node:
        case nodes.Logic(op=op, operands=operands):
            _check_compared(low, operands)
            for operand in operands[:-1]:
                following = builder.block()
                if op == "and":
                    low.condition(operand, following, other)
                else:
                    low.condition(operand, then, following)
                builder.go_to(following)
            low.condition(operands[-1], then, other)
        case nodes.Unary(op="not", operand=nodes.Name() | nodes.Attribute() | nodes.Call() as operand):
            value = truth(low, low.expression(operand), operand.span, node.span)
            builder.branch(value, other, then, operand.span)
        case nodes.Unary(op="not", operand=operand):
            low.condition(operand, other, then)
        case nodes.Comparison(first=first, rest=rest) if len(rest) > 1:
            _lower_chain(low, first, rest, then, other)
        case nodes.Conditional(condition=condition, then=one, other=two):
            first_block, second_block = builder.block(), builder.block()
            low.condition(condition, first_block, second_block)
            builder.go_to(first_block)
            low.condition(one, then, other)
            builder.go_to(second_block)
            low.condition(two, then, other)
        case _:
            value = truth(low, low.expression(node), node.span)
            builder.branch(value, then, other, node.span)


def _check_compared(low: Lowering, operands: tuple[nodes.Expression, ...]) -> None:
    """Report a number behind `or` or `and` that was meant to be compared like the one before."""
    for before, alone in pairwise(operands):
        meant = comparison_meant(before, alone)
        if meant is not None:
            text = f"{low.written(meant.first.span)} {meant.rest[0][0]} {low.written(alone.span)}"
            low.findings.stop(
                "type-mismatch",
                f"`{low.quote(alone.span)}` is compared with nothing here",
                alone.span,
                label="a number alone is no condition",
                help=(Help(f"write `{text}`", Edit(alone.span, text)),),
            )


def _lower_chain(
    low: Lowering,
    first: nodes.Expression,
    rest: tuple[tuple[str, nodes.Expression], ...],
    then: Block,
    other: Block,
) -> None:
    left, left_span = low.expression(first), first.span
    for index, (op, node) in enumerate(rest):
        if op in ("in", "not in") and index < len(rest) - 1:
            _compared_map(low, left_span, op, node, rest[index + 1])
        value, left = _compare_node(low, op, (left, left_span), node)
        span, left_span = left_span.to(node.span), node.span
        if index == len(rest) - 1:
            low.builder.branch(value, then, other, span)
        else:
            following = low.builder.block()
            low.builder.branch(value, following, other, span)
            low.builder.go_to(following)


def _compared_map(
    low: Lowering, left: Span, op: str, node: nodes.Expression, following: tuple[str, nodes.Expression]
) -> NoReturn:
    """Refuse ``key in ghosts == flag``, which would compare the map."""
    whole = left.to(following[1].span)
    asked, value = f"{low.quote(left)} {op} {low.quote(node.span)}", low.quote(following[1].span)
    better = asked if (following[0], value) == ("==", "True") else f"({asked}) {following[0]} {value}"
    low.findings.stop(
        "invalid-comparison",
        f"the `{following[0]}` behind `{op}` compares `{low.quote(node.span)}`, as in Python",
        whole,
        label="a chain of comparisons",
        help=(Help(f"write `{better}`", Edit(whole, better)),),
    )


def lower_truth(low: Lowering, node: nodes.Logic | nodes.Comparison) -> Operand:
    """Lower a condition whose truth value is wanted as such."""
    if isinstance(node, nodes.Comparison) and len(node.rest) == 1:
        op, right = node.rest[0]
        value, _ = _compare_node(low, op, (low.expression(node.first), node.first.span), right)
        return value
    if isinstance(node, nodes.Logic):
        refuse_fallback(low, node)
    builder = low.builder
    yes, no = builder.block(), builder.block()
    low.condition(node, yes, no)
    result = builder.value(BOOL, None, node.span)
    after = builder.block((result,))
    for block, outcome in ((yes, 1), (no, 0)):
        builder.go_to(block)
        builder.jump(after, node.span, (builder.const(outcome, BOOL, node.span),))
    builder.go_to(after)
    return result


def lower_conditional(low: Lowering, node: nodes.Conditional) -> Operand:
    """Lower ``then if condition else other``."""
    builder = low.builder
    blocks = builder.block(), builder.block()
    low.condition(node.condition, *blocks)
    arms: list[tuple[Block, Operand, Span]] = []
    for block, arm in zip(blocks, (node.then, node.other), strict=True):
        builder.go_to(block)
        operand = low.expression(arm)
        arms.append((builder.current, operand, arm.span))
    want = _common_type(low, node, arms[0][1], arms[1][1])
    result = builder.value(want, None, node.span)
    after = builder.block((result,))
    for block, operand, span in arms:
        builder.go_to(block)
        builder.jump(after, span, (coerce(low, operand, want, span),))
    builder.go_to(after)
    return result


def _common_type(low: Lowering, node: nodes.Conditional, one: Operand, two: Operand) -> Type:
    if isinstance(one, Literal) and isinstance(two, Literal):
        return int_type(one.value < 0 or two.value < 0)
    if isinstance(one, Absent) or isinstance(two, Absent):
        value = two if isinstance(one, Absent) else one
        if isinstance(value, Literal):
            return OptionalType(value.value < 0)
        widened = nullable(settle(low, value).type)
        if widened is not None:
            return widened
    elif isinstance(one, Value) and isinstance(two, Value):
        if is_numeric(one) and is_numeric(two):
            return int_type(is_signed(one) or is_signed(two))
        joined = join(one.type, two.type)
        if joined is not None:
            return joined
    elif isinstance(one, Value) or isinstance(two, Value):
        value = one if isinstance(one, Value) else two
        literal = two if isinstance(one, Value) else one
        if is_numeric(unplain(value)):
            signed = is_signed(literal) or is_signed(unplain(value))
            # What a variable holds was tested, or nobody would choose a number instead; an answer was not.
            is_answer = isinstance(node.then if value is one else node.other, nodes.Call)
            is_optional = isinstance(value, Value) and value.type == OptionalType(signed)
            return OptionalType(signed) if is_answer and is_optional else int_type(signed)
    message = f"the two sides have different types: `{describe_operand(one)}` and `{describe_operand(two)}`"
    low.findings.stop("type-mismatch", message, node.span, label="must have one type")


def unplain(operand: Operand) -> Operand:
    """Return a stand-in of the operand's plain type, to ask questions of."""
    if isinstance(operand, Value) and is_nullable(operand.type):
        return Value(operand.id, plain(operand.type), operand.name, operand.span)
    return operand


def _compare_node(
    low: Lowering, op: str, left: tuple[Operand, Span], node: nodes.Expression
) -> tuple[Value, Operand]:
    """Compare; return the truth value and the right operand, for the next link of a chain."""
    span = left[1].to(node.span)
    if op in ("in", "not in"):
        value = lower_contains(low, left, node, span)
        if op == "not in":
            value = low.builder.make(Not, BOOL, span, operand=value)
        return value, value
    right = low.expression(node)
    if op in ("is", "is not"):
        return _is_none(low, op, left, right, node), right
    return _compare(low, op, left, (right, node.span), span), right


def _compared(low: Lowering, left: Span, word: str, right: nodes.Expression) -> tuple[Help, ...]:
    """Offer the comparison that `is` was meant as; a truth value is itself or its `not`."""
    text, whole = low.written(left), left.to(right.span)
    if isinstance(right, nodes.Truth):
        better = text if right.value == (word == "==") else f"not {text}"
    else:
        better = f"{text} {word} {low.written(right.span)}"
    return (Help(f"write `{better}`", Edit(whole, better)),)


def _is_none(
    low: Lowering, op: str, left: tuple[Operand, Span], right: Operand, node: nodes.Expression
) -> Value:
    span = left[1].to(node.span)
    if not isinstance(right, Absent):
        word = "==" if op == "is" else "!="
        low.findings.stop(
            "invalid-comparison",
            f"`{op}` compares with `None` only",
            node.span,
            label="not None",
            help=_compared(low, left[1], word, node),
        )
    operand = left[0]
    if isinstance(operand, Absent):
        return low.builder.const(int(op == "is"), BOOL, span)
    value = settle(low, operand)
    if not is_nullable(value.type):
        low.findings.stop(
            "invalid-comparison",
            f"`{low.quote(left[1])}` is never None",
            span,
            label=f"`{low.quote(left[1])}` is `{describe_operand(operand)}`",
            help=_WITHOUT_TEST,
        )
    found = low.builder.make(IsNone, BOOL, span, operand=value)
    return found if op == "is" else low.builder.make(Not, BOOL, span, operand=found)


def _compare(
    low: Lowering, op: str, left: tuple[Operand, Span], right: tuple[Operand, Span], span: Span
) -> Value:
    one, two = left[0], right[0]
    if isinstance(one, Absent) or isinstance(two, Absent):
        _compared_with_none(low, op, right if isinstance(one, Absent) else left, span)
    if is_numeric(unplain(one)) and is_numeric(unplain(two)):
        a, b = common_numbers(low, one, two, (left[1], right[1]))
        return low.builder.make(Compare, BOOL, span, op=_OPS[op], signed=a.type == S64, left=a, right=b)
    return _compare_opaque(low, op, left, right, span)


def _as_member(
    low: Lowering, op: str, left: tuple[Operand, Span], right: tuple[Operand, Span], span: Span
) -> tuple[Help, ...]:
    """Offer the member of an enumeration that a number stands for."""
    for (one, place), (other, _) in ((left, right), (right, left)):
        if isinstance(one, Value) and isinstance(one.type, EnumType) and isinstance(other, Literal):
            return member_meant(one.type.name, other.value, f"{low.written(place)} {op}", span)
    return ()


def _compared_with_none(low: Lowering, op: str, other: tuple[Operand, Span], span: Span) -> NoReturn:
    """Say that `None` is asked with `is`, or that asking makes no sense."""
    shown = low.quote(other[1])
    if isinstance(other[0], Value) and not is_nullable(other[0].type):
        message = f"`{shown}` is never None"
        low.findings.stop(
            "invalid-comparison",
            message,
            span,
            label=f"this is `{describe_operand(other[0])}`",
            help=_WITHOUT_TEST,
        )
    text = f"{low.written(other[1])} {'is' if op == '==' else 'is not'} None"
    help_ = (Help(f"write `{text}`", Edit(span, text)),) if op in ("==", "!=") else ()
    message = f"`None` is not compared with `{op}`"
    low.findings.stop("invalid-comparison", message, span, label="a comparison with None", help=help_)


def _compare_opaque(
    low: Lowering, op: str, left: tuple[Operand, Span], right: tuple[Operand, Span], span: Span
) -> Value:
    one, two = settle(low, left[0]), settle(low, right[0])
    joined = join(one.type, two.type)
    if joined is None or isinstance(joined, AnswerType):
        message = f"`{describe_operand(left[0])}` and `{describe_operand(right[0])}` cannot be compared"
        if isinstance(joined, AnswerType):
            message = "answers cannot be compared"
        low.findings.stop(
            "invalid-comparison",
            message,
            span,
            label="different things" if joined is None else "answers",
            help=_as_member(low, op, left, right, span),
        )
    if op not in ("==", "!="):
        what = {HandleType: "kernel objects and lists", EnumType: "members", BoolType: "truth values"}
        kind = what.get(type(joined), "these")
        low.findings.stop(
            "invalid-comparison",
            f"{kind} have no order, only `==` and `!=`",
            span,
            label=f"`{op}` on `{describe_operand(one)}`",
        )
    a = coerce(low, one, joined, left[1])
    b = coerce(low, two, joined, right[1])
    return low.builder.make(Compare, BOOL, span, op=_OPS[op], signed=False, left=a, right=b)
