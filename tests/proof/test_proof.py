"""What the verifier believes of policies is proved for all inputs, and would not be if the verifier were wrong.

`python -m tests.proof` proves more than there is time for here; docs/soundness.md holds what came out.
"""

from __future__ import annotations

from pathlib import Path
from unittest import mock

import pytest

from reclaim.diag.errors import PolicyRejected
from reclaim.lang.frontend import compile_file, compile_source
from tests.proof.hook_proof import prove
from tests.proof.proved import proved_policy, proved_program
from tests.soundness.planted import MISTAKES
from tests.soundness.programs import program
from verifier.verified import verify

_ROOT = Path(__file__).parents[2]
_SHIPPED = sorted((_ROOT / "policies").glob("*.rpol"))
_ATTACKS = sorted((_ROOT / "tests" / "verifier" / "attacks" / "harmless").glob("*.rpol"))
_CORPUS = sorted((_ROOT / "tests" / "verifier" / "accepted").glob("*.rpol"))[::16]

_MOST_OPS = 110
"""Of a hook that is proved here; the larger ones take minutes."""

_NR_GROUPS = 10
_NR_PROGRAMS = 16


@pytest.mark.parametrize("path", _SHIPPED, ids=lambda path: path.stem)
def test_shipped_policy_is_proved(path: Path) -> None:
    """Everything that is believed of the hooks of a shipped policy follows, but for what the solver gives up on."""
    policy = compile_file(path)
    state = verify(policy, with_evidence=False).state
    for name, hook in policy.hooks.items():
        if hook.nr_ops <= _MOST_OPS:
            report = prove(hook, state)
            assert report.refuted == [], name
            assert len(report.doubts) <= sum(report.proved.values()) // 100, name


@pytest.mark.parametrize("path", [*_ATTACKS, *_CORPUS], ids=lambda path: path.stem)
def test_accepted_policy_is_proved(path: Path) -> None:
    """So does what is believed of policies that people wrote, some of them to get through."""
    report = proved_policy(path, _MOST_OPS)
    assert report.nr_hooks + report.nr_left_out > 0
    assert report.refuted == []


@pytest.mark.parametrize("group", range(_NR_GROUPS))
def test_random_programs_are_proved(group: int) -> None:
    """So does what is believed of random programs, accepted or not."""
    for number in range(group * _NR_PROGRAMS, (group + 1) * _NR_PROGRAMS):
        assert proved_program(number, _MOST_OPS).refuted == []


_PLANTED = (
    "`<=` is learned as `<`",
    "a counter ends one too early",
    "a loop costs half",
    "a merge keeps one path",
    "a remainder is at most n - 2",
    "all pairs arrive in order",
    "differences do not wrap in intervals",
    "differences do not wrap in order",
    "helpers write nothing",
    "later variables keep facts of the round before",
    "loops leave memory as it was",
    "loops settle at once",
    "nothing is None",
    "stores at an unknown place write nothing",
    "sums do not wrap in intervals",
    "sums do not wrap in order",
    "terms of a difference are those of a sum",
)
"""Mistakes of which some early program tells; others take hundreds."""

_MOST_PROGRAMS = 100


@pytest.mark.parametrize("mistake", _PLANTED)
def test_planted_mistake_is_refuted(mistake: str) -> None:
    """A verifier that is wrong in one place believes what does not follow."""
    assert any(_is_refuted(number, mistake) for number in range(_MOST_PROGRAMS))


def _is_refuted(number: int, mistake: str) -> bool:
    """Tell whether something that a broken verifier believes of a small program does not follow."""
    try:
        policy = compile_source(program(number), "program.rpol")
    except PolicyRejected:
        return False
    with mock.patch.object(*MISTAKES[mistake]):
        return any(prove(hook).refuted for hook in policy.hooks.values() if hook.nr_ops <= _MOST_OPS)
