"""Policies that somebody wrote to get through, each aimed at one corner of the verifier.

Those of `attacks/rejected` must be rejected for what their first line says; some of them were accepted once.
Those of `attacks/harmless` look dangerous and are accepted; runs show that they break nothing, in the
interpreter, watched by the auditor, in native code and in the running kernel.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from reclaim.lang.frontend import compile_source
from tests.soundness.executions import replay_in_the_kernel, replay_natively
from tests.soundness.trial import Trial
from tests.verifier.policy_cases import expected_of, findings, policies
from tests.verifier.watched_analysis import mistakes

_NR_SEEDS = 3
_NR_MACHINES = 6


@pytest.mark.parametrize("path", policies("attacks/rejected"), ids=lambda path: path.stem)
def test_attack_is_rejected(path: Path) -> None:
    """What is wrong is found, and where it is wrong."""
    expected = expected_of(path)
    found = findings(path.read_text(encoding="utf-8"), path.name)
    assert found
    first = found[0]
    assert (first.code, first.span.start.line, first.span.start.column) == (
        expected.code,
        expected.line,
        expected.column,
    )


@pytest.mark.parametrize("path", policies("attacks/harmless"), ids=lambda path: path.stem)
def test_harmless_attack_breaks_nothing(path: Path) -> None:
    """What is accepted keeps every promise on machines full of extremes, and native code does the same."""
    source = path.read_text(encoding="utf-8")
    for seed in range(_NR_SEEDS):
        trial = Trial(path.stem, source, seed)
        assert trial.policy is not None
        assert trial.found.wrong == []
        assert replay_natively([trial]).wrong == []
        assert mistakes(compile_source(source, path.name), seed, _NR_MACHINES) == []


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize("path", policies("attacks/harmless"), ids=lambda path: path.stem)
def test_harmless_attack_does_the_same_in_the_kernel(path: Path) -> None:
    """Linux accepts it as well, and does what the interpreter does."""
    trial = Trial(path.stem, path.read_text(encoding="utf-8"), 0)
    found = replay_in_the_kernel(trial)
    assert found.wrong == []
    assert found.counts["kernel runs"] > 0
