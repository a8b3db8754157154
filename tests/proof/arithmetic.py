"""What the operations of the language give, as terms of z3.

A solver multiplies and divides bit by bit, and seldom comes to an end with two unknown operands of 64 bits. So such
an operation is a function of which nothing is known at first but what `easy` says: true of the operation, cheap to use
and mostly enough. What is exact is kept beside it (`exact`), for questions that the easy part does not answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isqrt
from typing import NamedTuple

import z3

from reclaim.abi.kinds import S64_MIN, U64_MAX, IntKind
from reclaim.lang.ir import BinaryOp, CompareOp
from tests.proof.words import ALWAYS, BITS, Term, constant, is_between, truth

_NUMBER = z3.BitVecSort(BITS)

_PLAIN: dict[BinaryOp, Callable[[Term, Term], Term]] = {
    BinaryOp.ADD: lambda a, b: a + b,
    BinaryOp.SUB: lambda a, b: a - b,
    BinaryOp.MUL: lambda a, b: a * b,
    BinaryOp.AND: lambda a, b: a & b,
    BinaryOp.OR: lambda a, b: a | b,
    BinaryOp.XOR: lambda a, b: a ^ b,
    BinaryOp.SHL: lambda a, b: a << b,
}
_UNSIGNED: dict[BinaryOp, Callable[[Term, Term], Term]] = {
    BinaryOp.DIV: z3.UDiv,
    BinaryOp.MOD: z3.URem,
    BinaryOp.SHR: z3.LShR,
    BinaryOp.MIN: lambda a, b: z3.If(z3.ULE(a, b), a, b),
    BinaryOp.MAX: lambda a, b: z3.If(z3.ULE(a, b), b, a),
}
_SIGNED: dict[BinaryOp, Callable[[Term, Term], Term]] = {
    BinaryOp.DIV: lambda a, b: a / b,
    BinaryOp.MOD: z3.SRem,
    BinaryOp.SHR: lambda a, b: a >> b,
    BinaryOp.MIN: lambda a, b: z3.If(a <= b, a, b),
    BinaryOp.MAX: lambda a, b: z3.If(a <= b, b, a),
}
_EQUALITY: dict[CompareOp, Callable[[Term, Term], Term]] = {
    CompareOp.EQ: lambda a, b: a == b,
    CompareOp.NE: lambda a, b: a != b,
}
_UNSIGNED_ORDER: dict[CompareOp, Callable[[Term, Term], Term]] = {
    CompareOp.LT: z3.ULT,
    CompareOp.LE: z3.ULE,
    CompareOp.GT: z3.UGT,
    CompareOp.GE: z3.UGE,
}
_SIGNED_ORDER: dict[CompareOp, Callable[[Term, Term], Term]] = {
    CompareOp.LT: lambda a, b: a < b,
    CompareOp.LE: lambda a, b: a <= b,
    CompareOp.GT: lambda a, b: a > b,
    CompareOp.GE: lambda a, b: a >= b,
}


def _is_hard(op: BinaryOp, left: Term, right: Term) -> bool:
    """Tell whether a solver had better know an operation by its properties: it is no shift and no sum of two shifts."""
    if op is BinaryOp.MUL:
        return _nr_bits(left) > 2 and _nr_bits(right) > 2
    return op in (BinaryOp.DIV, BinaryOp.MOD) and _nr_bits(right) > 1


def _nr_bits(term: Term) -> int:
    """Return how many bits of a constant are set, all of what is none."""
    return int(term.as_long().bit_count()) if z3.is_bv_value(term) else BITS


def _exactly(op: BinaryOp, is_signed: bool, a: Term, b: Term) -> Term:
    meaning = _PLAIN.get(op) or (_SIGNED if is_signed else _UNSIGNED)[op]
    return meaning(a, b)


def compare(op: CompareOp, is_signed: bool, left: Term, right: Term) -> Term:
    """Return the outcome of a comparison, as a number."""
    meaning = _EQUALITY.get(op) or (_SIGNED_ORDER if is_signed else _UNSIGNED_ORDER)[op]
    return truth(meaning(left, right))


def truncate(number: Term, kind: IntKind) -> Term:
    """Return the low bits of a number, extended again as the kind says."""
    if kind.bits == BITS:
        return number
    low = z3.Extract(kind.bits - 1, 0, number)
    return (z3.SignExt if kind.signed else z3.ZeroExt)(BITS - kind.bits, low)


def has_value(op: BinaryOp, is_signed: bool, left: Term, right: Term) -> Term:
    """Say that an operation is permitted: no division by zero, no quotient beyond the type, no shift beyond 63."""
    match op:
        case BinaryOp.DIV | BinaryOp.MOD:
            overflows = z3.And(left == constant(S64_MIN), right == constant(-1))
            return z3.And(right != 0, z3.Not(overflows)) if is_signed else right != 0
        case BinaryOp.SHL | BinaryOp.SHR:
            return z3.ULE(right, constant(BITS - 1))
        case _:
            return ALWAYS


class Called(NamedTuple):
    """What an integer function gives, and the condition under which it gives anything."""

    number: Term
    has_value: Term


Bounds = tuple[int, int]
"""A range without sign."""


class Arithmetic:
    """Build terms for the operations of one hook.

    Attributes:
        easy: what is true of the functions that stand for operations, and always told to the solver.
        exact: what they are, bit by bit.
    """

    def __init__(self) -> None:
        self.easy: list[Term] = []
        self.exact: list[Term] = []
        self._results: dict[tuple[object, ...], Term] = {}

    def binary(self, op: BinaryOp, is_signed: bool, left: Term, right: Term) -> Term:
        """Return the result of an operation; it means something where `has_value` holds only."""
        if not _is_hard(op, left, right):
            return _exactly(op, is_signed, left, right)
        if op is BinaryOp.MUL and right.get_id() < left.get_id():
            left, right = right, left
        name = f"{'signed' if is_signed and op is not BinaryOp.MUL else ''} {op.value}"
        result, is_new = self._applied(name, left, right)
        if is_new:
            permitted = has_value(op, is_signed, left, right)
            self.exact.append(z3.Implies(permitted, result == _exactly(op, is_signed, left, right)))
            about = _about_signed if is_signed and op is not BinaryOp.MUL else _about_unsigned
            self.easy.append(z3.Implies(permitted, z3.And(about(op, left, right, result))))
        return result

    def called(self, name: str, operands: Sequence[Term]) -> Called | None:
        """Return the result of an integer function of the language, None for a name that is none of them."""
        match name, operands:
            case "ilog2", [x]:
                found = constant(0)
                for bit in range(1, BITS):
                    found = z3.If(z3.Extract(bit, bit, x) == 1, constant(bit), found)
                return Called(found, x != 0)
            case "isqrt", [x]:
                return Called(self._root(x), ALWAYS)
            case "mul_div", [a, b, c]:
                return Called(self._scaled(a, b, c), c != 0)
            case _:
                return None

    def handle(self, name: str, parts: Sequence[Term]) -> Term:
        """Return a handle of which nothing is known but that equal parts make equal ones."""
        return self._applied(name, *parts)[0]

    def note_bounds(self, name: str, operands: Sequence[Term], bounds: Sequence[Bounds]) -> None:
        """Tell what follows for a result where its operands lie in ranges: all of these grow or fall with each operand.

        Args:
            name: "mul", "udiv", or an integer function.
            operands: terms of the operands.
            bounds: ranges; that they hold is a condition, and not believed.
        """
        match name, operands, bounds:
            case "mul", [a, b], [(a_low, a_high), (b_low, b_high)] if a_high * b_high <= U64_MAX:
                result = self.binary(BinaryOp.MUL, False, a, b)
                low, high = a_low * b_low, a_high * b_high
            case "udiv", [a, b], [(a_low, a_high), (b_low, b_high)] if b_low > 0:
                result = self.binary(BinaryOp.DIV, False, a, b)
                low, high = a_low // b_high, a_high // b_low
            case "isqrt", [a], [(a_low, a_high)]:
                result, low, high = self._root(a), isqrt(a_low), isqrt(a_high)
            case "mul_div", [a, b, c], [(a_low, a_high), (b_low, b_high), (c_low, c_high)] if c_low > 0:
                result = self._scaled(a, b, c)
                low, high = a_low * b_low // c_high, a_high * b_high // c_low
            case _:
                return
        within = [is_between(x, *bound, is_signed=False) for x, bound in zip(operands, bounds, strict=True)]
        follows = [is_between(result, min(low, U64_MAX), min(high, U64_MAX), is_signed=False)]
        if name == "mul":
            a, b = operands
            follows += [z3.Implies(b != 0, z3.UGE(result, a)), z3.Implies(a != 0, z3.UGE(result, b))]
        self.easy.append(z3.Implies(z3.And(within), z3.And(follows)))

    def note_share(self, factors: Sequence[Term], divisor: Term, bounds: Sequence[Bounds]) -> None:
        """Tell what follows for `a * b // c` where the product does not wrap: it is at most a where b is at most c.

        Args:
            factors: terms of a and b.
            divisor: term of c.
            bounds: ranges of a and b; that they hold is a condition.
        """
        a, b = factors
        if bounds[0][1] * bounds[1][1] > U64_MAX:
            return
        quotient = self.binary(BinaryOp.DIV, False, self.binary(BinaryOp.MUL, False, a, b), divisor)
        within = [is_between(x, *bound, is_signed=False) for x, bound in zip(factors, bounds, strict=True)]
        follows = [
            z3.Implies(z3.ULE(part, divisor), z3.ULE(quotient, whole)) for whole, part in ((a, b), (b, a))
        ]
        self.easy.append(z3.Implies(z3.And(*within, divisor != 0), z3.And(follows)))

    def _applied(self, name: str, *operands: Term) -> tuple[Term, bool]:
        """Return a function's result, and whether it was not asked for before.

        Results are kept: the solver gives the number of a term that nobody holds to another one.
        """
        key = (name, *(operand.get_id() for operand in operands))
        is_new = key not in self._results
        if is_new:
            self._results[key] = z3.Function(name, *[_NUMBER] * (len(operands) + 1))(*operands)
        return self._results[key], is_new

    def _root(self, x: Term) -> Term:
        root, is_new = self._applied("isqrt", x)
        if is_new:
            self.easy += [z3.ULE(root, constant((1 << 32) - 1)), z3.ULE(root, x)]
            low, wide = z3.ZeroExt(BITS, root), z3.ZeroExt(BITS, x)
            self.exact.append(z3.And(z3.ULE(low * low, wide), z3.ULT(wide, (low + 1) * (low + 1))))
        return root

    def _scaled(self, a: Term, b: Term, c: Term) -> Term:
        quotient, is_new = self._applied("mul_div", a, b, c)
        if is_new:
            shares = [
                z3.Implies(z3.ULE(part, c), z3.ULE(quotient, whole)) for whole, part in ((a, b), (b, a))
            ]
            self.easy.append(z3.Implies(c != 0, z3.And(shares)))
            whole = z3.UDiv(z3.ZeroExt(BITS, a) * z3.ZeroExt(BITS, b), z3.ZeroExt(BITS, c))
            fits = z3.ULE(whole, z3.BitVecVal(U64_MAX, 2 * BITS))
            exact = z3.If(fits, z3.Extract(BITS - 1, 0, whole), constant(U64_MAX))
            self.exact.append(z3.Implies(c != 0, quotient == exact))
        return quotient


def _about_unsigned(op: BinaryOp, a: Term, b: Term, result: Term) -> list[Term]:
    """Return what is easily said of a product, quotient or remainder of numbers without sign."""
    match op:
        case BinaryOp.MUL:
            return [
                *(_has_low_zeros(result, x) for x in (a, b) if z3.is_bv_value(x)),
                *(z3.Implies(x == 0, result == 0) for x in (a, b)),
                *(z3.Implies(x == 1, result == y) for x, y in ((a, b), (b, a))),
            ]
        case BinaryOp.DIV:
            halves = z3.Implies(z3.UGT(b, 1), z3.ULE(result, z3.LShR(a, 1)))
            exactly = [z3.Implies(b == 1, result == a), z3.Implies(z3.ULT(a, b), result == 0)]
            most = constant(U64_MAX // b.as_long() if z3.is_bv_value(b) and b.as_long() else U64_MAX)
            return [
                z3.ULE(result, a),
                z3.ULE(result, most),
                halves,
                *exactly,
                z3.Implies(z3.UGE(a, b), result != 0),
            ]
        case _:
            return [z3.ULT(result, b), z3.ULE(result, a), z3.Implies(z3.ULT(a, b), result == a)]


def _has_low_zeros(product: Term, factor: Term) -> Term:
    """Say that a product ends in as many zeros as a constant that is a factor of it."""
    number = factor.as_long()
    return product & constant((number & -number) - 1) == 0 if number else product == 0


def _about_signed(op: BinaryOp, a: Term, b: Term, result: Term) -> list[Term]:
    """Return what is easily said of a quotient or remainder of numbers with a sign."""
    if op is BinaryOp.DIV:
        return [
            z3.Implies(a >= 0, z3.And(-a <= result, result <= a)),
            z3.Implies(z3.And(a < 0, a != constant(S64_MIN)), z3.And(a <= result, result <= -a)),
        ]
    return [
        z3.Implies(a >= 0, z3.And(result >= 0, result <= a)),
        z3.Implies(a < 0, z3.And(result <= 0, result >= a)),
        z3.Implies(b > 0, z3.And(-b < result, result < b)),
        z3.Implies(b < 0, z3.And(b < result, z3.Or(b == constant(S64_MIN), result < -b))),
    ]
