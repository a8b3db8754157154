"""The list of runs that an experiment comes to."""

from __future__ import annotations

from pathlib import Path

import pytest

from reclaim.lab.experiment import (
    Case,
    Experiment,
    MachineOptions,
    PolicyChoice,
    Run,
    WorkloadChoice,
    cases,
    plan_runs,
)

POLICIES = (PolicyChoice("fifo", Path("fifo.rpol")), PolicyChoice("dice", Path("dice.rpol")))
TRACE = WorkloadChoice("trace", "a.rtrace")
SYNTHETIC = WorkloadChoice("synthetic", "zipf")
SCENARIO = WorkloadChoice("scenario", "a.toml")


def test_cases_are_workloads_by_limits() -> None:
    """Every workload is run at every limit."""
    experiment = Experiment(POLICIES, (TRACE, SYNTHETIC), limits=("10%", "50%"))
    assert cases(experiment) == (Case(0, 0), Case(0, 1), Case(1, 0), Case(1, 1))


def test_cases_of_a_scenario_have_its_own_limit_only() -> None:
    """A scenario brings its own limits."""
    assert cases(Experiment(POLICIES, (SCENARIO,), limits=("10%", "50%"))) == (Case(0, None),)


def test_plan_of_one_repeat_runs_the_optimum_and_each_policy_once() -> None:
    """Without repeats there is one run for each column of the table."""
    runs = plan_runs(Experiment(POLICIES, (TRACE,)), [False], [False, True])
    assert runs == (Run(Case(0, 0), None, 0), Run(Case(0, 0), 0, 0), Run(Case(0, 0), 1, 0))


def test_plan_of_repeats_leaves_out_what_chance_cannot_change() -> None:
    """A policy without random numbers on a recorded trace gives the same numbers every time."""
    runs = plan_runs(Experiment(POLICIES, (TRACE,), repeats=3), [False], [False, True])
    assert [(run.policy, run.repeat) for run in runs] == [(None, 0), (0, 0), (1, 0), (1, 1), (1, 2)]


def test_plan_of_repeats_runs_synthetic_workloads_with_each_seed() -> None:
    """Each seed makes another synthetic workload, with another optimum."""
    runs = plan_runs(Experiment(POLICIES, (SYNTHETIC,), repeats=2), [True], [False, True])
    assert [(run.policy, run.repeat) for run in runs] == [
        (None, 0),
        (0, 0),
        (1, 0),
        (None, 1),
        (0, 1),
        (1, 1),
    ]


def test_plan_of_a_scenario_has_no_optimum() -> None:
    """Belady's optimum is defined for one trace and one limit."""
    runs = plan_runs(Experiment(POLICIES, (SCENARIO,)), [False], [False, False])
    assert [run.policy for run in runs] == [0, 1]


@pytest.mark.parametrize("options", [{"thp_orders": (4,)}, {"file_folio_order": 9}])
def test_no_optimum_where_a_miss_brings_in_several_pages(options: dict[str, object]) -> None:
    """Belady's optimum counts pages, and would be more misses than a policy has."""
    experiment = Experiment(POLICIES, (TRACE,), machine=MachineOptions(options=options))
    assert all(run.policy is not None for run in plan_runs(experiment, [False], [False, False]))
