"""What is believed about numbers that are tied to each other holds in every run, accepted or not."""

from __future__ import annotations

import random

import pytest

from reclaim.diag.errors import PolicyRejected
from reclaim.lang.frontend import compile_source
from reclaim.lang.interp import ObligationBroken
from reclaim.lang.ir import Op, PolicyIR
from tests.fakes.fake_machine import ContractEnvironment, FakeMachine
from tests.verifier.relation_generator import generate_relations
from tests.verifier.watched_analysis import WatchedAnalysis, Watcher
from verifier.obligations import LoopBounded

_NR_GROUPS = 6
_NR_PROGRAMS = 10
_NR_MACHINES = 6


def _mistakes(seed: int) -> list[str]:
    """Run the hook of a policy on some machines and return what the verifier did not expect."""
    try:
        policy = compile_source(generate_relations(seed), f"related_{seed}.rpol")
    except PolicyRejected:
        return []
    analysis = WatchedAnalysis(policy.hooks["batch_done"])
    violations = analysis.run().violations
    if any(isinstance(violation.demand, LoopBounded) for violation in violations):
        return []  # its runs would not end
    return _mistakes_in_runs(policy, analysis, {violation.op for violation in violations}, seed)


def _mistakes_in_runs(
    policy: PolicyIR, analysis: WatchedAnalysis, expected: set[Op | None], seed: int
) -> list[str]:
    watcher, found = Watcher(analysis), []
    for number in range(_NR_MACHINES):
        machine = FakeMachine(policy, random.Random(seed + number), extreme=number % 4 == 3)
        env = ContractEnvironment(machine)
        env.interpreter.observer = watcher.observe
        try:
            env.interpreter.run("batch_done", machine.arguments("batch_done"))
        except ObligationBroken as broken:
            found += [] if broken.op in expected else [f"policy {seed}: {broken}"]
    return found + [f"policy {seed}: {wrong}" for wrong in watcher.wrong]


@pytest.mark.parametrize("group", range(_NR_GROUPS))
def test_related_numbers_are_as_the_verifier_believes(group: int) -> None:
    """Order between values, sums that cancel and counters of loops are proved only where they hold."""
    found = [
        wrong for seed in range(group, _NR_GROUPS * _NR_PROGRAMS, _NR_GROUPS) for wrong in _mistakes(seed)
    ]
    assert found == []
