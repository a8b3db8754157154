"""Whole experiments: results by case, ejected policies, kills."""

from __future__ import annotations

from pathlib import Path

from reclaim.engine.shipped import find_policy, shipped_scenarios
from reclaim.lab.conducting import Conducted, conduct
from reclaim.lab.experiment import Experiment, MachineOptions, PolicyChoice, WorkloadChoice
from reclaim.lab.preparation import prepare

GIVING_UP = PolicyChoice("giving_up", Path(__file__).parent / "policies" / "giving_up.rpol")
FILE = WorkloadChoice("synthetic", "zipf:pages=2K,accesses=20K,kind=file-read")
ANON = WorkloadChoice("synthetic", "zipf:pages=2K,accesses=20K")


def _builtin(name: str) -> PolicyChoice:
    return PolicyChoice(name, find_policy(name))


def _conducted(policy: PolicyChoice, workload: WorkloadChoice, swap: str = "zram:100%") -> Conducted:
    return conduct(prepare(Experiment((policy,), (workload,), machine=MachineOptions(swap=swap))))


def test_conduct_sorts_results_into_cases() -> None:
    """Each case holds each policy's results and the optimum."""
    experiment = Experiment((_builtin("fifo"), _builtin("trad")), (FILE,), limits=("10%", "50%"))
    cases = conduct(prepare(experiment)).cases
    assert [(case.limit, list(case.runs), len(case.optimum)) for case in cases] == [
        ("10%", ["fifo", "trad"], 1),
        ("50%", ["fifo", "trad"], 1),
    ]


def test_conduct_reports_all_accesses_at_the_end() -> None:
    """A progress bar ends full."""
    reports: list[tuple[int, int]] = []
    conduct(
        prepare(Experiment((_builtin("fifo"),), (FILE,))), lambda done, total: reports.append((done, total))
    )
    assert reports[-1] == (40_000, 40_000)


def test_conduct_records_why_a_policy_was_ejected() -> None:
    """The author's own words and line are in the result."""
    (result,) = _conducted(GIVING_UP, FILE).results
    assert result.ejected is not None
    assert (result.ejected.kind, result.ejected.hook) == ("policy", "next_batch")
    assert "enough" in result.ejected.reason


def test_conduct_of_anonymous_memory_without_swap_counts_the_kill() -> None:
    """What cannot be reclaimed ends in a kill, which is counted and not hidden."""
    (result,) = _conducted(_builtin("trad"), ANON, swap="none").results
    assert result.counters["oom_kill"] == 1
    assert result.accesses < 20_000


def test_conduct_runs_scenarios_with_their_own_machine() -> None:
    """A scenario needs nothing but a policy."""
    name, path = next(iter(shipped_scenarios().items()))
    conducted = _conducted(_builtin("fifo"), WorkloadChoice("scenario", str(path)))
    assert (conducted.cases[0].limit, conducted.cases[0].optimum) == (None, [])
    assert conducted.results[0].workload == name
