"""Making a value of the wanted type out of an operand, or saying why that cannot be.

Whether a conversion is safe is not decided here: mixing signs becomes `Convert(implicit=True)`, using
what may be None becomes `Unwrap`, and both carry their obligation to the verifier.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from reclaim.abi.kinds import S64_MAX, S64_MIN, U64_MAX, IntKind
from reclaim.diag.diagnostic import Edit, Help, Span
from reclaim.lang.ir import (
    S64,
    U64,
    AnswerType,
    BoolType,
    Convert,
    EnumType,
    HandleType,
    IntType,
    Narrow,
    OptionalType,
    Type,
    Unwrap,
    Value,
    Wrap,
)
from reclaim.lang.lowering import Absent, Literal, Operand
from reclaim.lang.type_rules import describe, int_type, is_nullable, plain

if TYPE_CHECKING:
    from reclaim.lang.lowering import Lowering


def settle(low: Lowering, operand: Operand) -> Value:
    """Give an operand a type of its own: constants become u64, negative ones s64.

    Raises:
        Stop: the operand is a bare None; that is recorded.
    """
    match operand:
        case Literal(value=value, span=span):
            return low.builder.const(value, S64 if value < 0 else U64, span)
        case Absent(span=span):
            low.findings.stop("type-mismatch", "`None` has no use here", span, label="expected a value")
        case Value():
            return operand


def unwrapped(low: Lowering, operand: Operand, span: Span) -> Operand:
    """Return the plain value of what may be None; others as they are."""
    if isinstance(operand, Value) and is_nullable(operand.type):
        return low.builder.make(Unwrap, plain(operand.type), span, operand=operand)
    return operand


def number(low: Lowering, operand: Operand, span: Span, signed: bool) -> Value:
    """Return an operand as a 64-bit integer of that sign.

    Raises:
        Stop: it is no number, or a constant outside the type; that is recorded.
    """
    want = int_type(signed)
    operand = unwrapped(low, operand, span)
    match operand:
        case Literal(value=value, span=place):
            _check_constant(low, value, signed, place)
            return low.builder.const(value, want, place)
        case Value(type=IntType() as of):
            if of == want:
                return operand
            return low.builder.make(Convert, want, span, operand=operand, implicit=True)
        case _:
            not_a_number(low, operand, span)


_NUMBERS = {"Folio": "key", "Lruvec": "id", "Memcg": "id", "Node": "nid"}
"""The field of an object that stands for it as a number."""


def not_a_number(low: Lowering, operand: Operand, span: Span) -> NoReturn:
    """Report an operand that should be a number.

    Raises:
        Stop: always.
    """
    help_: tuple[Help, ...] = ()
    if isinstance(operand, Value) and isinstance(operand.type, BoolType | EnumType):
        help_ = _wrap_in(low, "u64(", ")", span)
    elif (
        isinstance(operand, Value) and isinstance(operand.type, HandleType) and operand.type.name in _NUMBERS
    ):
        help_ = _wrap_in(low, "", f".{_NUMBERS[operand.type.name]}", span)
    low.mismatch(span, "a number", operand, help=help_)


def _wrap_in(
    low: Lowering, before: str, after: str, span: Span, place: Span | None = None
) -> tuple[Help, ...]:
    if span.start.line != span.end.line:
        return ()
    text = f"{before}{low.written(span)}{after}"
    return (Help(f"write `{text}`", Edit(place or span, text)),)


def _check_constant(low: Lowering, value: int, signed: bool, span: Span) -> None:
    if not signed and value < 0:
        low.findings.stop(
            "negative-constant",
            f"{value} does not fit a number without sign",
            span,
            label="negative, where u64 is wanted",
            notes=("a variable that may become negative is declared with its type: `x: s64 = 0`",),
        )
    low_end, high_end = (S64_MIN, S64_MAX) if signed else (0, U64_MAX)
    if not low_end <= value <= high_end:
        low.findings.stop(
            "constant-overflow",
            f"{value} does not fit {'s64' if signed else 'u64'}",
            span,
            label=f"must be {low_end} to {high_end}",
        )


def truth(low: Lowering, operand: Operand, span: Span, denied: Span | None = None) -> Value:
    """Return an operand as a bool; *denied* is all of `not operand` where that is what is written.

    Raises:
        Stop: it is none; that is recorded with what to write instead.
    """
    if isinstance(operand, Value) and isinstance(operand.type, BoolType):
        return operand
    help_: tuple[Help, ...] = ()
    if isinstance(operand, Literal) or (isinstance(operand, Value) and isinstance(operand.type, IntType)):
        help_ = _wrap_in(low, "", " != 0" if denied is None else " == 0", span, denied)
    elif isinstance(operand, Value) and is_nullable(operand.type):
        help_ = _wrap_in(low, "", " is not None" if denied is None else " is None", span, denied)
    low.mismatch(span, "a condition of type `bool`", operand, help=help_)


def coerce(low: Lowering, operand: Operand, want: Type, span: Span, wanted: str = "") -> Value:
    """Return an operand as a value of the wanted type.

    Args:
        low: the hook being lowered.
        operand: what there is.
        want: what is needed.
        span: where the operand was written.
        wanted: how messages call what is needed.

    Raises:
        Stop: it has another type; that is recorded.
    """
    wanted = wanted or f"`{describe(want)}`"
    match want:
        case IntType(signed=signed):
            return number(low, operand, span, signed)
        case BoolType():
            return truth(low, operand, span)
        case HandleType() | AnswerType() | OptionalType() if is_nullable(want):
            return _nullable(low, operand, want, span, wanted)
        case _:
            operand = unwrapped(low, operand, span)
            if isinstance(operand, Value) and suits(operand.type, want):
                return operand
            is_end_wanted = isinstance(want, AnswerType) and "Place" in want.names
            is_list = isinstance(operand, Value) and operand.type == HandleType("List")
            low.mismatch(
                span,
                wanted,
                operand,
                help=_wrap_in(low, "", ".head", span) if is_end_wanted and is_list else (),
            )


def suits(found: Type, want: Type) -> bool:
    """Tell whether a value of one type serves as the other without any conversion."""
    if isinstance(found, AnswerType) and isinstance(want, AnswerType):
        return want.names <= found.names and found.nullable == want.nullable
    return found == want


def _nullable(low: Lowering, operand: Operand, want: Type, span: Span, wanted: str) -> Value:
    match operand:
        case Absent(span=place):
            return low.builder.const(0, want, place)
        case Value(type=of) if suits(of, want):
            return operand
        case Value(type=OptionalType()):
            pass
        case Literal() | Value(type=IntType()) if isinstance(want, OptionalType):
            inner = number(low, operand, span, want.signed)
            return low.builder.make(Wrap, want, span, operand=inner)
        case Value(type=of) if suits(of, plain(want)):
            return low.builder.make(Wrap, want, span, operand=operand)
    low.mismatch(span, wanted, operand)


def narrowed(low: Lowering, value: Value, low_end: int, high_end: int, span: Span, what: str) -> Value:
    """State that an integer lies in a range; the verifier must prove it."""
    return low.builder.make(Narrow, value.type, span, operand=value, min=low_end, max=high_end, what=what)


def fitted(low: Lowering, operand: Operand, want: Type, kind: IntKind | None, span: Span, what: str) -> Value:
    """Return an operand as a value of a type, proved to fit a narrow kind where there is one."""
    value = coerce(low, operand, want, span)
    if kind is None or not isinstance(value.type, IntType):
        return value
    if isinstance(operand, Literal) and not kind.min <= operand.value <= kind.max:
        message = f"{what} is `{kind.name}`, and {operand.value} does not fit it"
        low.findings.stop("constant-overflow", message, span, label=f"must be {kind.min} to {kind.max}")
    return narrowed(low, value, kind.min, kind.max, span, what)


def common_numbers(
    low: Lowering, left: Operand, right: Operand, spans: tuple[Span, Span]
) -> tuple[Value, Value]:
    """Return two operands as integers of one sign: s64 if either is signed, else u64."""
    left, right = unwrapped(low, left, spans[0]), unwrapped(low, right, spans[1])
    for operand, span in ((left, spans[0]), (right, spans[1])):
        if not is_numeric(operand):
            not_a_number(low, operand, span)
    signed = is_signed(left) or is_signed(right)
    return number(low, left, spans[0], signed), number(low, right, spans[1], signed)


def is_numeric(operand: Operand) -> bool:
    """Tell whether an operand is an integer."""
    return isinstance(operand, Literal) or (isinstance(operand, Value) and isinstance(operand.type, IntType))


def is_signed(operand: Operand) -> bool:
    """Tell whether an operand is an integer that may be negative."""
    if isinstance(operand, Literal):
        return operand.value < 0
    return isinstance(operand, Value) and operand.type == S64
