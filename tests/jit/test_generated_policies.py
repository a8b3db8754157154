"""Random policies in the language itself do the same in the interpreter and in native code."""

from __future__ import annotations

import random

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from reclaim.diag.errors import PolicyRejected
from reclaim.jit import native
from reclaim.jit.llvm_module import write_module
from reclaim.jit.policy_image import hook_symbol
from reclaim.lang.frontend import compile_source
from reclaim.lang.interp import ObligationBroken
from reclaim.lang.ir import PolicyIR
from tests.fakes.fake_machine import FakeMachine, TapeReplay, run_both
from tests.verifier.policy_generator import generate_policy

_REPLAY = TapeReplay()
_NR_MACHINES = 4


def _compare(policy: PolicyIR, library: native.Library, rng: random.Random) -> None:
    """Compare every hook on random machines; a run that breaks an obligation has no meaning to compare."""
    hooks = {name: library.addresses[hook_symbol(name)] for name in policy.hooks}
    for hook_name in policy.hooks:
        for _ in range(_NR_MACHINES):
            try:
                expected, actual = run_both(FakeMachine(policy, rng), _REPLAY, hooks, hook_name)
            except ObligationBroken:
                continue
            assert actual == expected, hook_name


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
@given(seed=st.integers(0, 2**32))
def test_generated_policy_agrees(seed: int) -> None:
    """Whatever the type checker lets through, verified or not, means the same in both."""
    try:
        policy = compile_source(generate_policy(seed), "generated.rpol")
    except PolicyRejected:
        assume(False)
    module = write_module(policy)
    imports = {name: _REPLAY.symbols[name] for name in module.helpers}
    exports = [hook_symbol(name) for name in policy.hooks]
    library = native.link(native.emit_object(module.text), exports, imports)
    _compare(policy, library, random.Random(seed))
