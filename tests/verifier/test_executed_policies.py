"""Accepted policies are executed: no obligation breaks, and nothing happens that the verifier excludes.

The policies are random (`policy_generator`), the kernel around them is random within the contract
(`tests.fakes.fake_machine`). Set RECLAIM_NR_POLICIES to try more of them.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from reclaim.diag.errors import PolicyRejected
from reclaim.lang.frontend import compile_file, compile_source
from reclaim.lang.interp import ObligationBroken
from reclaim.lang.ir import Op, PolicyIR
from tests.fakes.fake_machine import ContractEnvironment, FakeMachine
from tests.verifier.policy_cases import FOLDER, policies
from tests.verifier.policy_generator import generate_policy
from tests.verifier.watched_analysis import WatchedAnalysis, Watcher
from verifier.verified import Report, verify

NR_POLICIES = int(os.environ.get("RECLAIM_NR_POLICIES", "180"))
NR_GROUPS = 12
NR_RUNS = 4
"""Runs of each hook: the machines differ much, a second look at the same hook finds little."""


def compiled(seed: int) -> PolicyIR | None:
    """Return a random policy, None where the front end finds a constant mistake in it."""
    try:
        return compile_source(generate_policy(seed), f"random_{seed}.rpol")
    except PolicyRejected:
        return None


def mistakes(policy: PolicyIR, hook: str, seed: int, report: Report) -> list[str]:
    """Run a hook on some machines and return what the verifier did not expect."""
    analysis = WatchedAnalysis(policy.hooks[hook], report.state)
    expected: set[Op | None] = {violation.op for violation in analysis.run().violations}
    watcher = Watcher(analysis)
    found = []
    for run in range(NR_RUNS):
        machine = FakeMachine(policy, random.Random(seed * NR_RUNS + run), state=report.state)
        env = ContractEnvironment(machine)
        env.interpreter.observer = watcher.begin(memory=env.interpreter)
        try:
            env.interpreter.run(hook, machine.arguments(hook))
        except ObligationBroken as broken:
            if report.accepted or broken.op not in expected:
                found.append(f"policy {seed}, {hook}: {broken}")
    return found + [f"policy {seed}, {hook}: {wrong}" for wrong in watcher.wrong]


@pytest.mark.parametrize("group", range(NR_GROUPS))
def test_executed_policy_breaks_no_obligation_that_was_proved(group: int) -> None:
    """What was proved holds in every run, and every value lies where the verifier says."""
    found = []
    for seed in range(group, NR_POLICIES, NR_GROUPS):
        policy = compiled(seed)
        if policy is not None:
            report = verify(policy)
            for hook in policy.hooks:
                found += mistakes(policy, hook, seed, report)
    assert found == []


WRITTEN = [*policies("accepted"), *sorted((FOLDER.parents[1] / "policies").glob("*.rpol"))]


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.stem)
def test_written_policy_runs_as_the_verifier_says(path: Path) -> None:
    """The same for the policies that we ship and those that must be accepted."""
    policy = compile_file(path)
    report = verify(policy)
    assert report.accepted
    found = [
        wrong for hook in policy.hooks for seed in range(5) for wrong in mistakes(policy, hook, seed, report)
    ]
    assert found == []


def test_generated_policies_are_accepted_often_enough() -> None:
    """The test above means something only if many policies get through."""
    policies = [compiled(seed) for seed in range(40)]
    nr_accepted = sum(policy is not None and verify(policy).accepted for policy in policies)
    assert nr_accepted >= 15
