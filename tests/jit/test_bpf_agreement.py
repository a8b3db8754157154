"""Linux does what the interpreter does: same answers, same bytes, same helper calls, for every hook."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from reclaim.jit.bpf_module import write_bpf_module
from reclaim.jit.bpf_target import emit_bpf_object
from reclaim.lang.frontend import compile_file
from tests.fakes.bpf_machine import BpfReplay, differences
from tests.fakes.fake_machine import FakeMachine, TapeEnvironment
from tests.tidy.tree import ROOT

_PATHS = [*sorted((ROOT / "policies").glob("*.rpol")), ROOT / "tests" / "policies" / "maximal.rpol"]
_NR_MACHINES = 8


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize("path", _PATHS, ids=lambda path: path.stem)
def test_hooks_of_a_policy_agree_in_the_kernel(path: Path) -> None:
    """A tape that the interpreter recorded is replayed by the kernel without a difference."""
    policy = compile_file(path)
    rng = random.Random(path.name)
    with BpfReplay(policy, emit_bpf_object(write_bpf_module(policy))) as replay:
        for hook_name in policy.hooks:
            for _ in range(_NR_MACHINES):
                machine = FakeMachine(policy, rng)
                args = machine.arguments(hook_name)
                env = TapeEnvironment(machine)
                expected = env.interpreter.run(hook_name, args)
                answer, left = replay.run(machine, hook_name, args, env.tape)
                assert answer == (expected or 0), hook_name
                assert differences(replay.expected(machine, bytes(env.memory)), left) == [], hook_name
