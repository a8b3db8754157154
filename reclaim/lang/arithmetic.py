"""What the integer operations of the language mean, on Python integers.

This is the normative text: the interpreter computes with it, and native code is tested against it.
Operands may be given in either reading of a 64-bit pattern (-1 or 2**64 - 1); results are the
unsigned pattern, and `read_as` gives the other one. Nothing here checks an obligation: a division
by zero raises as Python does.
"""

from __future__ import annotations

import math

from reclaim.abi.kinds import U64_MAX, IntKind
from reclaim.lang.ir import BinaryOp, CompareOp

_SIGN = 1 << 63


def unsigned(value: int) -> int:
    """Return the unsigned reading of the low 64 bits."""
    return value & U64_MAX


def signed(value: int) -> int:
    """Return the two's complement reading of the low 64 bits."""
    return ((value & U64_MAX) ^ _SIGN) - _SIGN


def read_as(value: int, is_signed: bool) -> int:
    """Return the reading of the low 64 bits that the signedness asks for."""
    return signed(value) if is_signed else unsigned(value)


def binary(op: BinaryOp, is_signed: bool, left: int, right: int) -> int:
    """Compute `left op right` modulo 2**64.

    Args:
        op: operation; shift counts lie in 0..63, divisors are not 0.
        is_signed: selects the signed form of division, modulo, right shift, min and max.
        left: first operand, either reading.
        right: second operand, either reading.

    Returns:
        The unsigned pattern of the result.

    Raises:
        ZeroDivisionError: the divisor is 0.
    """
    a, b = read_as(left, is_signed), read_as(right, is_signed)
    match op:
        case BinaryOp.ADD:
            result = a + b
        case BinaryOp.SUB:
            result = a - b
        case BinaryOp.MUL:
            result = a * b
        case BinaryOp.DIV:
            result = _truncated_quotient(a, b)
        case BinaryOp.MOD:
            result = a - b * _truncated_quotient(a, b)
        case BinaryOp.AND:
            result = a & b
        case BinaryOp.OR:
            result = a | b
        case BinaryOp.XOR:
            result = a ^ b
        case BinaryOp.SHL:
            result = a << b
        case BinaryOp.SHR:
            result = a >> b
        case BinaryOp.MIN:
            result = min(a, b)
        case BinaryOp.MAX:
            result = max(a, b)
    return unsigned(result)


def compare(op: CompareOp, is_signed: bool, left: int, right: int) -> bool:
    """Compare two 64-bit values in the reading that the signedness asks for."""
    a, b = read_as(left, is_signed), read_as(right, is_signed)
    match op:
        case CompareOp.EQ:
            return a == b
        case CompareOp.NE:
            return a != b
        case CompareOp.LT:
            return a < b
        case CompareOp.LE:
            return a <= b
        case CompareOp.GT:
            return a > b
        case CompareOp.GE:
            return a >= b


def truncate(value: int, kind: IntKind) -> int:
    """Keep the low bits of a value and extend them again as the kind says; its own reading."""
    low = value & ((1 << kind.bits) - 1)
    return low - (1 << kind.bits) if kind.signed and low > kind.max else low


def isqrt(x: int) -> int:
    """Return the integer square root of an unsigned number, rounded down."""
    return math.isqrt(x)


def ilog2(x: int) -> int:
    """Return the position of the highest set bit of an unsigned number that is not 0."""
    return x.bit_length() - 1


def mul_div(a: int, b: int, c: int) -> int:
    """Return a * b // c without overflow in between, `U64_MAX` where the quotient does not fit."""
    return min(a * b // c, U64_MAX)


def _truncated_quotient(a: int, b: int) -> int:
    """Divide toward zero, as processors do; Python's own `//` rounds down."""
    quotient = abs(a) // abs(b)
    return quotient if (a < 0) == (b < 0) else -quotient
