"""Arithmetic on constants, exact, as the author would do it on paper.

Constants have no width until they meet a variable or a declaration. A constant result must lie in
the range of s64 or u64; operations that the language forbids are refused here as everywhere.
"""

from __future__ import annotations

from math import isqrt
from typing import TYPE_CHECKING

from reclaim.abi.kinds import S64_MIN, U64_MAX

if TYPE_CHECKING:
    from collections.abc import Callable


class Unfoldable(Exception):
    """Say why a constant expression has no value: a diagnostic's name and its message."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name
        self.message = message


def _divide(left: int, right: int) -> int:
    _check_division("//", left, right)
    return left // right


def _modulo(left: int, right: int) -> int:
    _check_division("%", left, right)
    return left % right


def _check_division(op: str, left: int, right: int) -> None:
    if right == 0:
        raise Unfoldable("constant-error", f"`{left} {op} 0` divides by zero")
    if left < 0 or right < 0:
        raise Unfoldable(
            "constant-error", f"`{op}` takes no negative operands, but here is `{left} {op} {right}`"
        )


def _shift(op: str, count: int) -> None:
    if not 0 <= count <= 63:
        raise Unfoldable("constant-error", f"`{op}` shifts by 0 to 63, not by {count}")


def _left(left: int, right: int) -> int:
    _shift("<<", right)
    return left << right


def _right(left: int, right: int) -> int:
    _shift(">>", right)
    return left >> right


BINARY: dict[str, Callable[[int, int], int]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "//": _divide,
    "%": _modulo,
    "&": lambda a, b: a & b,
    "|": lambda a, b: a | b,
    "^": lambda a, b: a ^ b,
    "<<": _left,
    ">>": _right,
}


def _ilog2(value: int) -> int:
    if value < 1:
        raise Unfoldable("constant-error", f"`ilog2` takes at least 1, not {value}")
    return value.bit_length() - 1


def _isqrt(value: int) -> int:
    if value < 0:
        raise Unfoldable("constant-error", f"`isqrt` takes no negative number, but here is {value}")
    return isqrt(value)


FUNCTIONS: dict[str, tuple[int, Callable[..., int]]] = {
    "min": (2, min),
    "max": (2, max),
    "ilog2": (1, _ilog2),
    "isqrt": (1, _isqrt),
    "clamp": (3, lambda x, low, high: min(max(x, low), high)),
}
"""Functions that have a value on constants, with the least number of arguments."""


def fold_binary(op: str, left: int, right: int) -> int:
    """Return ``left op right``.

    Raises:
        Unfoldable: it has no value, or none in 64 bits.
    """
    return in_range(BINARY[op](left, right))


def fold_unary(op: str, operand: int) -> int:
    """Return ``op operand``; `~` of a number that is not negative has 64 bits."""
    if op == "~":
        return U64_MAX - operand if operand >= 0 else ~operand
    return in_range(-operand if op == "-" else operand)


def in_range(value: int) -> int:
    """Return the value if it fits s64 or u64.

    Raises:
        Unfoldable: it does not.
    """
    if not S64_MIN <= value <= U64_MAX:
        shown = str(value) if abs(value) < 10**30 else "it"
        raise Unfoldable(
            "constant-overflow", f"this constant does not fit in 64 bits: {shown} is out of range"
        )
    return value
