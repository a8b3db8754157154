"""Arithmetic, and the functions of the language that are instructions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reclaim.abi.kinds import INT_KINDS, IntKind
from reclaim.diag.diagnostic import Edit, Help
from reclaim.lang import nodes
from reclaim.lang.coercion import common_numbers, is_signed, number, settle, truth, unwrapped
from reclaim.lang.folding import FUNCTIONS, Unfoldable, fold_binary, fold_unary, in_range
from reclaim.lang.ir import (
    BOOL,
    S64,
    Binary,
    BinaryOp,
    BoolType,
    Convert,
    EnumType,
    IntType,
    Not,
    Truncate,
    Value,
)
from reclaim.lang.lowering import Literal, Operand
from reclaim.lang.spelling import did_you_mean, listing
from reclaim.lang.type_rules import int_type

if TYPE_CHECKING:
    from collections.abc import Callable

    from reclaim.diag.diagnostic import Span
    from reclaim.lang.lowering import Lowering

_OF_MANY = "of an array take the elements one by one: `most = max(most, lruvec.x[i])` in a `for` loop"

_OPS = {op.value: op for op in BinaryOp}
_SHIFTS = ("<<", ">>")


def lower_number(low: Lowering, node: nodes.Number) -> Operand:
    """Lower an integer literal."""
    return _folded(low, lambda: in_range(node.value), node.span)


def _folded(low: Lowering, compute: Callable[[], int], span: Span) -> Literal:
    try:
        return Literal(compute(), span)
    except Unfoldable as reason:
        low.findings.stop(reason.name, reason.message, span, label="constant")


def lower_unary(low: Lowering, node: nodes.Unary) -> Operand:
    """Lower ``-x``, ``+x``, ``~x`` and ``not x``."""
    if node.op == "not":
        operand = low.expression(node.operand)
        return low.builder.make(
            Not, BOOL, node.span, operand=truth(low, operand, node.operand.span, node.span)
        )
    operand = unwrapped(low, low.expression(node.operand), node.operand.span)
    if isinstance(operand, Literal):
        constant = operand.value
        return _folded(low, lambda: fold_unary(node.op, constant), node.span)
    if node.op == "-":
        zero = low.builder.const(0, S64, node.span)
        right = number(low, operand, node.operand.span, signed=True)
        return low.builder.make(Binary, S64, node.span, op=BinaryOp.SUB, signed=True, left=zero, right=right)
    if node.op == "~" and isinstance(operand, Value) and operand.type == BOOL:
        text = f"not {low.written(node.operand.span)}"
        message = "`~` takes a number; of a condition it is `not`"
        help_ = (Help(f"write `{text}`", Edit(node.span, text)),)
        low.findings.stop("type-mismatch", message, node.span, label="a condition", help=help_)
    value = number(low, operand, node.operand.span, is_signed(operand))
    if node.op == "+":
        return value
    ones = low.builder.const(-1 if value.type == S64 else 2**64 - 1, value.type, node.span)
    return low.builder.make(
        Binary, value.type, node.span, op=BinaryOp.XOR, signed=value.type == S64, left=value, right=ones
    )


def lower_binary(low: Lowering, node: nodes.Binary) -> Operand:
    """Lower an arithmetic operator."""
    left = low.expression(node.left)
    right = low.expression(node.right)
    return compute(low, node.op, left, right, (node.left.span, node.right.span), node.span)


def compute(
    low: Lowering, op: str, left: Operand, right: Operand, spans: tuple[Span, Span], span: Span
) -> Operand:
    """Compute ``left op right`` on operands, as binary and augmented assignments share it."""
    if isinstance(left, Literal) and isinstance(right, Literal):
        one, two = left.value, right.value
        return _folded(low, lambda: fold_binary(op, one, two), span)
    _refuse_truth(low, op, left, right, spans)
    if op in _SHIFTS:
        base = settle(low, unwrapped(low, left, spans[0]))
        base = number(low, base, spans[0], is_signed(base))
        count = number(low, right, spans[1], base.type == S64)
        return _binary(low, _OPS[op], base, count, span)
    one_value, two_value = common_numbers(low, left, right, spans)
    return _binary(low, _OPS[op], one_value, two_value, span)


def _refuse_truth(low: Lowering, op: str, left: Operand, right: Operand, spans: tuple[Span, Span]) -> None:
    """Say what to write for ``a & b`` on conditions, where that is what was meant."""
    words = {"&": "and", "|": "or", "^": "!="}
    both = all(isinstance(x, Value) and isinstance(x.type, BoolType) for x in (left, right))
    if op in words and both:
        low.findings.stop(
            "type-mismatch",
            f"`{op}` takes numbers, but both sides are `bool`",
            spans[0].to(spans[1]),
            label="conditions",
            help=(_joined(low, spans, words[op]),),
        )


def _joined(low: Lowering, spans: tuple[Span, Span], word: str) -> Help:
    """Offer a word between two conditions."""
    text = f"{low.written(spans[0])} {word} {low.written(spans[1])}"
    return Help(f"write `{word}`", Edit(spans[0].to(spans[1]), text))


def _binary(low: Lowering, op: BinaryOp, left: Value, right: Value, span: Span) -> Value:
    signed = left.type == S64 and op not in (BinaryOp.DIV, BinaryOp.MOD)
    return low.builder.make(Binary, left.type, span, op=op, signed=signed, left=left, right=right)


def lower_function(low: Lowering, name: str, node: nodes.Call) -> Operand:
    """Lower a call of a function that is an instruction."""
    for argument in node.arguments:
        if argument.name is not None:
            message = f"`{name}` takes its arguments by position"
            low.findings.stop("unknown-keyword", message, argument.name_span, label="no such argument")
    arguments = [a.value for a in node.arguments]
    if name in ("truncate", "saturate"):
        return _to_kind(low, name, node)
    wanted = {"min": 2, "max": 2, "clamp": 3, "sdiv": 2, "smod": 2, "u64": 1, "s64": 1}[name]
    if len(arguments) < wanted or (len(arguments) > wanted and name not in ("min", "max")):
        least = "at least " if name in ("min", "max") else ""
        word = "argument" if wanted == 1 else "arguments"
        message = f"`{name}` takes {least}{wanted} {word}, but {len(arguments)} are given"
        help_ = (Help(_OF_MANY),) if least and len(arguments) == 1 else ()
        label = f"{len(arguments)} given"
        low.findings.stop("wrong-argument-count", message, node.span, label=label, help=help_)
    operands = [low.expression(a) for a in arguments]
    spans = [a.span for a in arguments]
    if name in FUNCTIONS and all(isinstance(o, Literal) for o in operands):
        values = [o.value for o in operands if isinstance(o, Literal)]
        return _folded(low, lambda: in_range(FUNCTIONS[name][1](*values)), node.span)
    if name in ("u64", "s64"):
        return _convert(low, operands[0], spans[0], name == "s64", node.span)
    if name in ("sdiv", "smod"):
        left, right = (number(low, o, s, signed=True) for o, s in zip(operands, spans, strict=True))
        op = BinaryOp.DIV if name == "sdiv" else BinaryOp.MOD
        return low.builder.make(Binary, S64, node.span, op=op, signed=True, left=left, right=right)
    if name == "clamp":
        raised = _extreme(low, BinaryOp.MAX, operands[:2], spans[:2], node.span)
        return _extreme(low, BinaryOp.MIN, [raised, operands[2]], [node.span, spans[2]], node.span)
    return _extreme(low, BinaryOp.MIN if name == "min" else BinaryOp.MAX, operands, spans, node.span)


def _extreme(low: Lowering, op: BinaryOp, operands: list[Operand], spans: list[Span], span: Span) -> Operand:
    result = operands[0]
    at = spans[0]
    for operand, place in zip(operands[1:], spans[1:], strict=True):
        left, right = common_numbers(low, result, operand, (at, place))
        result = low.builder.make(
            Binary, left.type, span, op=op, signed=left.type == S64, left=left, right=right
        )
        at = span
    return result


def _convert(low: Lowering, operand: Operand, operand_span: Span, signed: bool, span: Span) -> Operand:
    """Lower ``u64(x)`` and ``s64(x)``: an explicit conversion, which wraps."""
    want = int_type(signed)
    operand = unwrapped(low, operand, operand_span)
    if isinstance(operand, Literal):
        wrapped = operand.value % 2**64
        wrapped -= 2**64 if signed and wrapped >= 2**63 else 0
        return low.builder.const(wrapped, want, span)
    if isinstance(operand, Value) and operand.type == want:
        return operand
    if isinstance(operand, Value) and isinstance(operand.type, IntType | BoolType | EnumType):
        return low.builder.make(Convert, want, span, operand=operand, implicit=False)
    low.mismatch(operand_span, "a number, bool or enum", operand)


def _to_kind(low: Lowering, name: str, node: nodes.Call) -> Operand:
    """Lower ``truncate(x, u8)`` and ``saturate(x, u8)``."""
    if len(node.arguments) != 2:
        message = f"`{name}` takes a number and a type, but {len(node.arguments)} are given"
        low.findings.stop("wrong-argument-count", message, node.span, label=f"write `{name}(x, u8)`")
    kind = _kind(low, name, node)
    place = node.arguments[0].value.span
    operand = unwrapped(low, low.expression(node.arguments[0].value), place)
    value = number(low, operand, place, is_signed(operand))
    want = int_type(kind.signed)
    if name == "truncate":
        return low.builder.make(Truncate, want, node.span, operand=value, kind=kind)
    bounded = _bounded(low, value, kind, node.span)
    if bounded.type == want:
        return bounded
    return low.builder.make(Convert, want, node.span, operand=bounded, implicit=False)


def _bounded(low: Lowering, value: Value, kind: IntKind, span: Span) -> Value:
    """Clamp a value into a kind, in the value's own sign."""
    signed = value.type == S64
    low_end, high_end = (-(2**63), 2**63 - 1) if signed else (0, 2**64 - 1)
    for op, bound, bites in (
        (BinaryOp.MAX, kind.min, kind.min > low_end),
        (BinaryOp.MIN, kind.max, kind.max < high_end),
    ):
        if bites:
            limit = low.builder.const(bound, value.type, span)
            value = low.builder.make(Binary, value.type, span, op=op, signed=signed, left=value, right=limit)
    return value


def _kind(low: Lowering, name: str, call: nodes.Call) -> IntKind:
    first, node = (argument.value for argument in call.arguments)
    word = node.id if isinstance(node, nodes.Name) else ""
    if word not in INT_KINDS:
        help_ = did_you_mean(word, INT_KINDS, node.span)
        if isinstance(first, nodes.Name) and first.id in INT_KINDS:
            text = f"{name}({low.written(node.span)}, {first.id})"
            help_ = (Help(f"write `{text}`", Edit(call.span, text)),)
        low.findings.stop(
            "unknown-type",
            f"the second argument of `{name}` is one of {listing(INT_KINDS)}",
            node.span,
            label="not a type of numbers",
            help=help_,
        )
    return INT_KINDS[word]
