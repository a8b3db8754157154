"""What looks like Python means what it means in Python, in all executions."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.soundness.executions import replay_in_the_kernel, replay_natively
from tests.soundness.python_execution import run_by_python
from tests.soundness.trial import Trial
from tests.tidy.tree import ROOT
from tests.verifier.meaning_generator import generate_meaning
from tests.verifier.policy_cases import policies

_NR_PROGRAMS = 120
_NR_GROUPS = 4
_WRITTEN = [
    *policies("accepted"),
    *policies("attacks/harmless"),
    *sorted((ROOT / "policies").glob("*.rpol")),
    *sorted((ROOT / "tests" / "policies").glob("*.rpol")),
]


def _accepted(sources: dict[str, str]) -> list[Trial]:
    trials = [Trial(name, source, seed) for seed, (name, source) in enumerate(sources.items())]
    assert [wrong for trial in trials for wrong in trial.found.wrong] == []
    return [trial for trial in trials if trial.policy is not None]


@pytest.mark.parametrize("group", range(_NR_GROUPS))
def test_what_happens_first_happens_first_in_python(group: int) -> None:
    """Effects inside of expressions, ways out of loops and functions, arguments in any order."""
    seeds = range(group, _NR_PROGRAMS, _NR_GROUPS)
    trials = _accepted({f"meaning {seed}": generate_meaning(seed) for seed in seeds})
    assert len(trials) > len(seeds) / 2
    assert [wrong for trial in trials for wrong in run_by_python(trial).wrong] == []
    assert replay_natively(trials).wrong == []


@pytest.mark.parametrize("path", _WRITTEN, ids=lambda path: path.stem)
def test_written_policy_means_what_python_means(path: Path) -> None:
    """The same for what people wrote; `test_soundness` asks about random programs."""
    (trial,) = _accepted({path.stem: path.read_text(encoding="utf-8")})
    assert run_by_python(trial).wrong == []


@pytest.mark.usefixtures("kernel")
def test_what_happens_first_happens_first_in_the_kernel() -> None:
    """Linux does the same."""
    for trial in _accepted({f"meaning {seed}": generate_meaning(seed) for seed in range(10)}):
        assert replay_in_the_kernel(trial).wrong == []
