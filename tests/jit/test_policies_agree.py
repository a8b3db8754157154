"""Every hook of every policy in the tree does the same in the interpreter and in native code."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

import reclaim
from reclaim.jit.policy_loader import load_policy
from reclaim.lang.frontend import compile_source
from tests.fakes.fake_machine import FakeMachine, TapeReplay, run_both
from verifier.verified import verify

_ROOT = Path(reclaim.__file__).parent.parent
_REJECTED = "rejected"
_PATHS = sorted(
    path
    for folder in ("policies", "examples", "tests")
    for path in (_ROOT / folder).rglob("*.rpol")
    if _REJECTED not in path.parts
)
_REPLAY = TapeReplay()
_NR_MACHINES = 25


@pytest.mark.parametrize("path", _PATHS, ids=lambda path: str(path.relative_to(_ROOT)))
def test_hooks_of_a_policy_agree(path: Path) -> None:
    """Answers, helper calls and final memory are equal on random machines."""
    policy = compile_source(path.read_text(encoding="utf-8"), str(path))
    compiled = load_policy(path, _REPLAY.symbols)
    rng, state = random.Random(path.name), verify(policy).state
    for hook_name in policy.hooks:
        for _ in range(_NR_MACHINES):
            machine = FakeMachine(policy, rng, state=state)
            expected, actual = run_both(machine, _REPLAY, compiled.hooks, hook_name)
            assert actual == expected, hook_name
