"""Whole policies, and the random programs of a number, proved hook by hook."""

from __future__ import annotations

from pathlib import Path

from reclaim.diag.errors import PolicyRejected
from reclaim.lang.arithmetic import unsigned
from reclaim.lang.frontend import compile_file, compile_source
from reclaim.lang.ir import PolicyIR
from tests.proof.hook_proof import Doubt, Report, prove
from tests.soundness.programs import program
from verifier.domains.product import NUMBERS
from verifier.verified import verify

MOST_OPS = 400
"""Instructions of a hook that is proved where there are many: work grows with their square, to minutes for a thousand."""


def proved(policy: PolicyIR, most_ops: int) -> Report:
    """Prove what the verifier believes of each hook of a policy, accepted or not.

    Args:
        policy: the policy.
        most_ops: instructions of the largest hook that is proved.
    """
    state = verify(policy, with_evidence=False).state
    total = Report()
    for leaf in policy.state:
        assert NUMBERS.contains(state.of(leaf), unsigned(leaf.initial)), leaf.name
    for hook in policy.hooks.values():
        total.add(prove(hook, state) if hook.nr_ops <= most_ops else Report(nr_left_out=1))
    return total


def proved_policy(path: Path, most_ops: int) -> Report:
    """Prove a policy in a file; raises `PolicyRejected` where the front end rejects it."""
    return _named(path.stem, proved(compile_file(path), most_ops))


def proved_program(number: int, most_ops: int) -> Report:
    """Prove the random program of a number; nothing is to be proved of one that the front end rejects."""
    try:
        policy = compile_source(program(number), "program.rpol")
    except PolicyRejected:
        return Report()
    return _named(f"program {number}", proved(policy, most_ops))


def _named(name: str, report: Report) -> Report:
    doubts = [Doubt(d.kind, f"{name}: {d.text}", d.is_refuted, d.numbers) for d in report.doubts]
    return Report(report.nr_hooks, report.nr_left_out, report.proved, doubts)
