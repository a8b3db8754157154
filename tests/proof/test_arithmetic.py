"""The terms mean what the language's arithmetic means, and what is easily said of hard operations is true of them."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
import z3

from reclaim.abi.kinds import INT_KINDS, S64_MIN, U64_MAX
from reclaim.lang import arithmetic as language
from reclaim.lang.ir import BinaryOp, CompareOp
from tests.proof.arithmetic import Arithmetic, compare, has_value, truncate
from tests.proof.words import Term, constant

_NUMBERS = (
    0,
    1,
    2,
    3,
    7,
    8,
    100,
    4095,
    (1 << 32) - 1,
    1 << 32,
    S64_MIN & U64_MAX,
    (1 << 63) + 5,
    U64_MAX - 1,
    U64_MAX,
)
_PAIRS = tuple(itertools.product(_NUMBERS, repeat=2))
_OPERATIONS = tuple(itertools.product(BinaryOp, (False, True)))


def _holds(claims: list[Term], result: Term, number: int) -> bool:
    """Tell whether claims about numbers hold, where a result is a number."""
    given = z3.substitute(z3.And(claims), (result, constant(number)))
    return bool(z3.is_true(z3.simplify(given)))


def _is_permitted(op: BinaryOp, is_signed: bool, left: int, right: int) -> bool:
    permitted = z3.And(has_value(op, is_signed, constant(left), constant(right)))
    return bool(z3.is_true(z3.simplify(permitted)))


@pytest.mark.parametrize(("op", "is_signed"), _OPERATIONS)
def test_operation_is_that_of_the_language(op: BinaryOp, is_signed: bool) -> None:
    """Every operation gives what the language says, and what is easily said of it is true."""
    for left, right in _PAIRS:
        if _is_permitted(op, is_signed, left, right):
            terms = Arithmetic()
            result = terms.binary(op, is_signed, constant(left), constant(right))
            expected = language.binary(op, is_signed, left, right)
            if terms.exact:
                assert _holds(terms.exact, result, expected), (left, right)
                assert not _holds(terms.exact, result, language.unsigned(expected + 1)), (left, right)
                assert _holds(terms.easy, result, expected), (left, right)
            else:
                assert z3.simplify(result).as_long() == expected, (left, right)


_OF_RANGES: dict[str, Callable[..., int]] = {
    "mul": lambda a, b: a * b & U64_MAX,
    "udiv": lambda a, b: a // b,
    "isqrt": language.isqrt,
    "mul_div": language.mul_div,
}


@pytest.mark.parametrize("name", _OF_RANGES)
def test_what_ranges_say_of_a_result_is_true(name: str) -> None:
    """What is said of a result whose operands lie in ranges holds at the ends of these, and where they do not hold."""
    nr_operands = {"isqrt": 1, "mul_div": 3}.get(name, 2)
    for operands in itertools.product(_NUMBERS[::2], repeat=nr_operands):
        if name in ("udiv", "mul_div") and operands[-1] == 0:
            continue
        for below, above in ((0, 0), (1, 0), (0, 1), (1000, 1000)):
            terms = Arithmetic()
            numbers = [constant(x) for x in operands]
            bounds = [(max(x - below, 0), min(x + above, U64_MAX)) for x in operands]
            terms.note_bounds(name, numbers, bounds)
            op = {"mul": BinaryOp.MUL, "udiv": BinaryOp.DIV}.get(name)
            called = terms.called(name, numbers)
            result = called.number if called else terms.binary(op, False, *numbers) if op else None
            assert _holds(terms.easy, result, _OF_RANGES[name](*operands)), (operands, bounds)


def test_what_is_said_of_a_share_is_true() -> None:
    """So does what is said of a quotient of a product."""
    for a, b, c in itertools.product(
        (0, 1, 2, 3, 100, 1 << 31, 1 << 32), (0, 1, 5, 1 << 31), (1, 3, 7, 1 << 31)
    ):
        terms = Arithmetic()
        product = terms.binary(BinaryOp.MUL, False, constant(a), constant(b))
        terms.note_share([constant(a), constant(b)], constant(c), [(0, a), (0, b)])
        quotient = terms.binary(BinaryOp.DIV, False, product, constant(c))
        assert _holds(terms.easy, quotient, a * b // c), (a, b, c)


@pytest.mark.parametrize("name", ["isqrt", "ilog2", "mul_div"])
def test_function_is_that_of_the_language(name: str) -> None:
    """The integer functions give what the language says."""
    arity = 3 if name == "mul_div" else 1
    for operands in itertools.product(_NUMBERS, repeat=arity):
        if name == "isqrt" or operands[-1] > 0:
            terms = Arithmetic()
            called = terms.called(name, [constant(x) for x in operands])
            assert called is not None
            expected = getattr(language, name)(*operands)
            if terms.exact:
                assert _holds([*terms.exact, *terms.easy], called.number, expected), operands
                assert not _holds(terms.exact, called.number, expected ^ 1), operands
            else:
                assert z3.simplify(called.number).as_long() == expected, operands


@pytest.mark.parametrize(("op", "is_signed"), list(itertools.product(CompareOp, (False, True))))
def test_comparison_is_that_of_the_language(op: CompareOp, is_signed: bool) -> None:
    """Comparisons have the outcome that the language says."""
    for left, right in _PAIRS:
        outcome = compare(op, is_signed, constant(left), constant(right))
        assert z3.simplify(outcome).as_long() == language.compare(op, is_signed, left, right), (left, right)


@pytest.mark.parametrize("kind", INT_KINDS)
def test_truncation_is_that_of_the_language(kind: str) -> None:
    """Casts keep what the language says."""
    for number in _NUMBERS:
        kept = z3.simplify(truncate(constant(number), INT_KINDS[kind])).as_long()
        assert kept == language.unsigned(language.truncate(number, INT_KINDS[kind])), number
