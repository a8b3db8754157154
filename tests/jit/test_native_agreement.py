"""Native code does what the interpreter does: same answer, same bytes, same helper calls."""

from __future__ import annotations

import itertools
import random
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reclaim.abi.kinds import INT_KINDS, S64_MAX, S64_MIN, U64_MAX, IntKind
from reclaim.abi.layout import CONTEXT_OFFSETS
from reclaim.jit import native
from reclaim.jit.llvm_module import write_module
from reclaim.jit.policy_image import hook_symbol
from reclaim.lang.interp import ObligationBroken
from reclaim.lang.ir import BinaryOp, CompareOp, Convert, IntType, PolicyIR
from tests.fakes.fake_machine import FakeMachine, TapeEnvironment, TapeReplay, run_both
from tests.fakes.ir_builder import HERE, HookBuilder, two_operand_policy
from tests.fakes.ir_programs import ProgramWriter

_REPLAY = TapeReplay()
_GLOBAL_STATE = CONTEXT_OFFSETS["global_state"]  # the context is the first thing in a fake machine
_SMALL = (0, 1, 2, 3, 7, 63, 64, 127, 128, 255, 256, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1, 2**32)
_CORNERS = {
    False: (*_SMALL, S64_MAX, S64_MAX + 1, U64_MAX - 1, U64_MAX),
    True: (*_SMALL, S64_MAX, S64_MAX - 1, -1, -2, -3, -127, -128, -129, -(2**31), S64_MIN + 1, S64_MIN),
}


class _Native:
    """A compiled hand-made policy, which owns its code."""

    def __init__(self, policy: PolicyIR) -> None:
        module = write_module(policy)
        imports = {name: _REPLAY.symbols[name] for name in module.helpers}
        names = [hook_symbol(name) for name in policy.hooks]
        self._library = native.link(native.emit_object(module.text), names, imports)
        self.policy = policy
        self.machine = FakeMachine(policy, random.Random(0))
        self.hooks = {name: self._library.addresses[hook_symbol(name)] for name in policy.hooks}


def _results(compiled: _Native, operands: dict[str, int]) -> tuple[int | None, int | None] | None:
    """Run the one hook both ways on given state; None where an obligation forbids those operands."""
    machine = compiled.machine
    base = int.from_bytes(machine.contents[_GLOBAL_STATE : _GLOBAL_STATE + 8], sys.byteorder)
    for leaf in compiled.policy.state:
        machine.write(base + leaf.offset, leaf.kind.bits // 8, operands.get(leaf.name, 0))
    env = TapeEnvironment(machine)
    (hook_name,) = compiled.hooks
    args = machine.arguments(hook_name)
    try:
        expected = env.interpreter.run(hook_name, args)
    except ObligationBroken:
        return None
    actual = _REPLAY.run(machine, compiled.hooks, hook_name, args, env.tape)
    assert machine.contents == bytes(env.memory)
    return expected, actual


def _check_pairs(compiled: _Native, signed: bool) -> int:
    """Compare on all pairs of corners; return how many pairs the obligations permit."""
    outcomes = [
        _results(compiled, {"left": left, "right": right})
        for left, right in itertools.product(_CORNERS[signed], repeat=2)
    ]
    permitted = [outcome for outcome in outcomes if outcome is not None]
    assert [expected for expected, _ in permitted] == [actual for _, actual in permitted]
    return len(permitted)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("op", list(BinaryOp))
def test_binary_at_every_pair_of_corners_agrees(op: BinaryOp, signed: bool) -> None:
    """Every operation means the same in both, at the ends of the types and around powers of two."""
    assert _check_pairs(_Native(two_operand_policy(op, signed)), signed) >= len(_CORNERS[signed])


@pytest.mark.parametrize("op", [BinaryOp.DIV, BinaryOp.MOD])
def test_surface_division_of_signed_operands_agrees(op: BinaryOp) -> None:
    """`//` on signed operands is the unsigned operation wherever both are proved non-negative."""
    builder = HookBuilder()
    left, right = builder.leaf("left", INT_KINDS["s64"]), builder.leaf("right", INT_KINDS["s64"])
    builder.give(builder.binary(op, builder.load(left), builder.load(right), signed=False))
    assert _check_pairs(_Native(builder.policy()), signed=True) > 0


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("op", list(CompareOp))
def test_compare_at_every_pair_of_corners_agrees(op: CompareOp, signed: bool) -> None:
    """Comparisons order the values as their type reads them."""
    builder = HookBuilder()
    kind = INT_KINDS["s64" if signed else "u64"]
    left, right = builder.leaf("left", kind), builder.leaf("right", kind)
    holds = builder.compare(op, builder.load(left), builder.load(right))
    as_number = Convert(span=HERE, result=builder.value(IntType(False)), operand=holds, implicit=False)
    builder.give(builder.add(as_number))
    assert _check_pairs(_Native(builder.policy()), signed) == len(_CORNERS[signed]) ** 2


@pytest.mark.parametrize("kind", list(INT_KINDS.values()), ids=lambda kind: kind.name)
def test_truncate_and_narrow_store_at_corners_agree(kind: IntKind) -> None:
    """A truncated value survives its store into a field of that kind and the load out of it."""
    builder = HookBuilder()
    wide, narrow = builder.leaf("wide", INT_KINDS["u64"]), builder.leaf("narrow", kind)
    builder.store(narrow, builder.truncate(builder.load(wide), kind))
    builder.give(builder.load(narrow))
    compiled = _Native(builder.policy())
    for value in {number & U64_MAX for corners in _CORNERS.values() for number in corners}:
        outcome = _results(compiled, {"wide": value})
        assert outcome is not None
        assert outcome[0] == outcome[1]


def test_fail_agrees() -> None:
    """`fail` leaves its number in the context and answers 0 in both."""
    builder = HookBuilder()
    builder.fail("gone")
    compiled = _Native(builder.policy())
    assert _results(compiled, {}) == (0, 0)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32), nr_statements=st.integers(1, 14))
def test_random_program_agrees(seed: int, nr_statements: int) -> None:
    """Programs with branches, loops and narrow memory leave the same bytes behind."""
    rng = random.Random(seed)
    compiled = _Native(ProgramWriter(rng).program(nr_statements))
    for _ in range(8):
        machine = FakeMachine(compiled.policy, rng)
        expected, actual = run_both(machine, _REPLAY, compiled.hooks, "folio_evicted")
        assert actual == expected
