"""The interpreter's own rules: what it checks, what it tells, how it finds its memory."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reclaim.abi.helpers import helper
from reclaim.abi.kinds import INT_KINDS, S64_MIN, U64_MAX
from reclaim.lang import arithmetic
from reclaim.lang.interp import Interpreter, ObligationBroken
from reclaim.lang.ir import (
    BOOL,
    S64,
    U64,
    BinaryOp,
    Call,
    CompareOp,
    Convert,
    HandleType,
    IsNone,
    LoadField,
    Narrow,
    OptionalType,
    PolicyIR,
    Scope,
    Unwrap,
    Wrap,
)
from tests.fakes.fake_machine import FakeMachine, TapeEnvironment
from tests.fakes.ir_builder import HERE, HookBuilder

_WORDS = st.integers(0, U64_MAX)


def _run(policy: PolicyIR) -> int | None:
    env = TapeEnvironment(FakeMachine(policy, random.Random(1)))
    (hook_name,) = policy.hooks
    return env.interpreter.run(hook_name, env.machine.arguments(hook_name))


def _constant_binary(op: BinaryOp, left: int, right: int, *, signed: bool) -> PolicyIR:
    builder = HookBuilder()
    type_ = S64 if signed else U64
    builder.give(builder.binary(op, builder.const(left, type_), builder.const(right, type_)))
    return builder.policy()


@pytest.mark.parametrize(
    ("op", "left", "right", "signed"),
    [
        (BinaryOp.DIV, 1, 0, False),
        (BinaryOp.MOD, 1, 0, True),
        (BinaryOp.DIV, S64_MIN, -1, True),
        (BinaryOp.SHL, 1, 64, False),
        (BinaryOp.SHR, 1, -1, True),
    ],
)
def test_operand_outside_its_obligation_stops(op: BinaryOp, left: int, right: int, signed: bool) -> None:
    """What the verifier must exclude is never computed."""
    with pytest.raises(ObligationBroken):
        _run(_constant_binary(op, left, right, signed=signed))


@pytest.mark.parametrize(
    ("op", "left", "right", "expected"),
    [
        (BinaryOp.DIV, -7, 2, -3),
        (BinaryOp.DIV, 7, -2, -3),
        (BinaryOp.MOD, -7, 2, -1),
        (BinaryOp.MOD, 7, -2, 1),
        (BinaryOp.SHR, -8, 1, -4),
        (BinaryOp.MIN, -1, 1, -1),
        (BinaryOp.MAX, -1, 1, 1),
        (BinaryOp.MUL, S64_MIN, -1, S64_MIN),
    ],
)
def test_signed_operation_truncates_and_wraps(op: BinaryOp, left: int, right: int, expected: int) -> None:
    """`sdiv` and `smod` truncate toward zero, `>>` keeps the sign, the rest wraps."""
    assert _run(_constant_binary(op, left, right, signed=True)) == arithmetic.unsigned(expected)


@given(a=_WORDS, b=_WORDS)
def test_division_and_remainder_reassemble_the_dividend(a: int, b: int) -> None:
    """A == a // b * b + a % b in both readings, wherever b is not 0."""
    for is_signed in (False, True) if b else ():
        quotient = arithmetic.binary(BinaryOp.DIV, is_signed, a, b)
        rest = arithmetic.binary(BinaryOp.MOD, is_signed, a, b)
        assert arithmetic.unsigned(quotient * b + rest) == a


@given(a=_WORDS, b=_WORDS, c=st.integers(1, U64_MAX))
def test_mul_div_is_exact_or_saturates(a: int, b: int, c: int) -> None:
    """The product has 128 bits inside; a quotient that does not fit becomes the largest number."""
    assert arithmetic.mul_div(a, b, c) == min(a * b // c, U64_MAX)


def test_implicit_conversion_of_a_negative_number_stops() -> None:
    """Mixed signs are permitted in the common range only."""
    builder = HookBuilder()
    convert = Convert(span=HERE, result=builder.value(U64), operand=builder.const(-1, S64), implicit=True)
    builder.give(builder.add(convert))
    with pytest.raises(ObligationBroken):
        _run(builder.policy())


def test_narrow_outside_its_range_stops() -> None:
    """A narrow parameter takes what its type holds."""
    builder = HookBuilder()
    narrow = Narrow(
        span=HERE, result=builder.value(U64), operand=builder.const(256), min=0, max=255, what="x"
    )
    builder.give(builder.add(narrow))
    with pytest.raises(ObligationBroken):
        _run(builder.policy())


def test_store_outside_the_field_stops() -> None:
    """A stored value fits the field's declared range."""
    builder = HookBuilder()
    builder.store(builder.leaf("narrow", INT_KINDS["u8"]), builder.const(256))
    builder.give(builder.const(0))
    with pytest.raises(ObligationBroken):
        _run(builder.policy())


def test_index_at_the_length_stops() -> None:
    """An index lies below its dimension."""
    builder = HookBuilder()
    leaf = builder.leaf("row", INT_KINDS["u64"], dims=(4,))
    builder.give(builder.load(leaf, builder.const(4)))
    with pytest.raises(ObligationBroken):
        _run(builder.policy())


def test_unwrap_of_none_stops() -> None:
    """None has no plain value."""
    builder = HookBuilder()
    nothing = builder.const(0, OptionalType())
    builder.give(builder.add(Unwrap(span=HERE, result=builder.value(U64), operand=nothing)))
    with pytest.raises(ObligationBroken):
        _run(builder.policy())


def test_wrapped_zero_is_not_none() -> None:
    """An optional integer tells 0 from None."""
    builder = HookBuilder()
    wrapped = Wrap(span=HERE, result=builder.value(OptionalType()), operand=builder.const(0))
    is_none = IsNone(span=HERE, result=builder.value(BOOL), operand=builder.add(wrapped))
    builder.give(builder.add(is_none))
    assert _run(builder.policy()) == 0


def test_loop_parameters_pass_all_at_once() -> None:
    """A jump that swaps two parameters reads both before it writes one."""
    builder = HookBuilder()
    counter, first, second = (builder.value(U64) for _ in range(3))
    header, body, after = builder.new_block(counter, first, second), builder.new_block(), builder.new_block()
    builder.jump(header, builder.const(0), builder.const(10), builder.const(20))
    builder.enter(header)
    builder.branch(builder.compare(CompareOp.LT, counter, builder.const(3)), body, after)
    builder.enter(body)
    builder.jump(header, builder.binary(BinaryOp.ADD, counter, builder.const(1)), second, first)
    builder.enter(after)
    builder.give(first)
    assert _run(builder.policy()) == 20


def test_state_of_a_scope_is_found_by_the_number_of_its_object() -> None:
    """Element i of a scope lies i strides behind the base that the context holds."""
    builder = HookBuilder()
    builder.leaf("other", INT_KINDS["u64"], Scope.LRUVEC)
    leaf = builder.leaf("mine", INT_KINDS["u16"], Scope.LRUVEC)
    builder.store(leaf, builder.const(0xABCD), handle=builder.params[0])
    builder.give(builder.const(0))
    env = TapeEnvironment(FakeMachine(builder.policy(), random.Random(1)))
    lruvec, folio = env.machine.objects["Lruvec"][2], env.machine.objects["Folio"][0]
    env.interpreter.run("folio_evicted", (lruvec, folio))
    base = env.load(env.context + 8, 8, signed=False)
    assert env.load(base + 2 * 16 + 8, 2, signed=False) == 0xABCD


def test_helper_argument_outside_its_range_stops() -> None:
    """A helper gets what its contract asks for."""
    builder = HookBuilder()
    entry = helper("ilog2")
    assert entry is not None
    builder.give(
        builder.add(Call(span=HERE, result=builder.value(U64), helper=entry, args=(builder.const(0),)))
    )
    with pytest.raises(ObligationBroken):
        _run(builder.policy())


def test_field_of_none_stops() -> None:
    """A field is read from an object."""
    builder = HookBuilder()
    nobody = builder.const(0, HandleType("Memcg"))
    builder.give(builder.add(LoadField(span=HERE, result=builder.value(U64), handle=nobody, field="usage")))
    with pytest.raises(ObligationBroken):
        _run(builder.policy())


def test_observer_sees_every_instruction_with_its_operands() -> None:
    """The observer is called before each instruction and terminator."""
    policy = _constant_binary(BinaryOp.ADD, 2, 3, signed=False)
    seen: list[tuple[str, list[int | None]]] = []
    env = TapeEnvironment(FakeMachine(policy, random.Random(1)))
    interpreter = Interpreter(
        policy, env, lambda _block, op, values: seen.append((type(op).__name__, list(values.values())[2:]))
    )
    interpreter.run("folio_evicted", env.machine.arguments("folio_evicted"))
    assert seen == [("Const", []), ("Const", [2]), ("Binary", [2, 3]), ("Return", [2, 3, 5])]
    assert interpreter.nr_steps == len(seen)
