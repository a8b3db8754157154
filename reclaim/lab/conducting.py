"""Conducting an experiment: all runs on all cores, results sorted into cases.

Here: one run, and the whole plan. Not here: worker processes (worker_pool.py), drawing (comparison_table.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from functools import partial

from reclaim.diag.errors import ConfigError
from reclaim.engine import ExitRecord
from reclaim.lab.comparison import CaseResults
from reclaim.lab.experiment import Case, Experiment, Run, cases, plan_runs
from reclaim.lab.observing import Observation, observe
from reclaim.lab.optimum import optimum_misses
from reclaim.lab.preparation import Prepared, Setting, TraceWorkload, draws_random_numbers
from reclaim.lab.results_json import Ejection, RunResult, Stalls
from reclaim.lab.worker_pool import Finished, Report, work_off

Progress = Callable[[int, int], None]
"""Called with the accesses done so far and those of the whole experiment."""

Outcome = RunResult | int | None
"""What a run gives: its result, Belady's misses, or None where the optimum is out of reach."""


@dataclass(frozen=True, slots=True)
class Conducted:
    """Hold what an experiment gave.

    Args:
        cases: results by workload and limit, in order.
        results: the same, one after the other, in the order of the plan.
        skipped_repeats: combinations that ran once although repeats were asked for.
    """

    cases: tuple[CaseResults, ...]
    results: tuple[RunResult, ...]
    skipped_repeats: int


def conduct(prepared: Prepared, progress: Progress | None = None) -> Conducted:
    """Run an experiment on all cores.

    Args:
        prepared: what to run.
        progress: called now and then.

    Returns:
        All results.

    Raises:
        ReclaimError: what a run raised; the others are ended.
        KeyboardInterrupt: Ctrl-C; all workers are ended.
    """
    experiment = prepared.experiment
    chance_in_policies = [draws_random_numbers(policy) for policy in prepared.policies]
    chance_in_workloads = [workload.has_chance for workload in prepared.workloads]
    runs = plan_runs(experiment, chance_in_workloads, chance_in_policies)
    _check_observation(experiment, runs)
    outcomes = _work_off(prepared, runs, progress)
    sorted_cases = tuple(_case_results(prepared, case, outcomes) for case in cases(experiment))
    nr_real = sum(run.policy is not None for run in runs)
    nr_once = len(cases(experiment)) * len(prepared.policies) * experiment.repeats - nr_real
    return Conducted(
        cases=sorted_cases,
        results=tuple(result for result in outcomes.values() if isinstance(result, RunResult)),
        skipped_repeats=nr_once // max(experiment.repeats - 1, 1),
    )


def _check_observation(experiment: Experiment, runs: Iterable[Run]) -> None:
    """Refuse to observe several runs, whose files would overwrite each other."""
    nr_real = sum(run.policy is not None for run in runs)
    if experiment.observation is not None and nr_real > 1:
        raise ConfigError(
            f"only a single run can be observed, and this makes {nr_real}; give one --trace, --workload or "
            "--scenario, one --memory-max and no --repeat"
        )


def perform(prepared: Prepared, run: Run, report: Report) -> Outcome:
    """Perform one run in this process.

    Args:
        prepared: the experiment.
        run: which one.
        report: called now and then with the accesses done.

    Returns:
        The result, or for the optimum its misses.
    """
    experiment = prepared.experiment
    workload = prepared.workloads[run.case.workload]
    limit = None if run.case.limit is None else experiment.limits[run.case.limit]
    seed = experiment.seed + run.repeat
    if run.policy is None:
        assert isinstance(workload, TraceWorkload)
        return optimum_misses(workload.trace(seed), workload.limit_pages(limit, seed))
    choice = experiment.policies[run.policy]
    policy = prepared.policies[run.policy]
    setting = Setting(policy, choice.tunables, limit, experiment.machine, seed)
    machine = workload.build(setting)
    observation = experiment.observation or Observation()
    result, notes = observe(
        machine, observation, lambda watch: machine.run(lambda done, _total: report(done), watch=watch)
    )
    stalls = Stalls(*(result.stall_ns[key] for key in ("p50", "p99", "p999", "total")))
    return RunResult(
        policy=choice.name,
        policy_path=str(choice.path),
        workload=workload.name,
        seed=seed,
        repeat=run.repeat,
        accesses=result.accesses,
        footprint_pages=workload.footprint_pages(seed),
        memory_max_pages=workload.limit_pages(limit, seed),
        misses=result.misses,
        counters=result.counters,
        core_did=machine.core_did,  # since the machine was made: a policy may be ejected in `init` already
        virtual_ns=result.virtual_ns,
        stall_ns=stalls,
        psi=result.psi,
        wall_s=result.wall_s,
        accesses_per_s=result.accesses_per_s,
        ejected=_ejection(machine.attachments[-1].exit_record),
        notes=notes,
    )


def _ejection(record: ExitRecord | None) -> Ejection | None:
    if record is None:
        return None
    lines = f" (line {', '.join(map(str, record.lines))})" if record.lines else ""
    return Ejection(record.kind, record.text + lines, record.hook, record.time_ns)


def _work_off(prepared: Prepared, runs: tuple[Run, ...], progress: Progress | None) -> dict[Run, Outcome]:
    """Perform all runs and return their outcomes in the order of the plan."""
    sizes = [prepared.workloads[run.case.workload].nr_accesses() for run in runs]
    total = sum(sizes)
    done = [0] * len(runs)
    outcomes: dict[Run, Outcome] = {}
    with closing(work_off(runs, partial(perform, prepared))) as messages:
        for message in messages:
            if isinstance(message, Finished):
                outcomes[runs[message.job]] = message.answer
                done[message.job] = sizes[message.job]
            else:
                done[message.job] = min(message.done, sizes[message.job])
            if progress is not None:
                progress(sum(done), total)
    return {run: outcomes[run] for run in runs}


def _case_results(prepared: Prepared, case: Case, outcomes: dict[Run, Outcome]) -> CaseResults:
    experiment = prepared.experiment
    return CaseResults(
        workload=prepared.workloads[case.workload].name,
        limit=None if case.limit is None else experiment.limits[case.limit],
        accesses=prepared.workloads[case.workload].nr_accesses(),
        runs={
            choice.name: _results_of(number, case, outcomes)
            for number, choice in enumerate(experiment.policies)
        },
        optimum=[
            outcome for run, outcome in outcomes.items() if run.case == case and isinstance(outcome, int)
        ],
        measured=prepared.workloads[case.workload].measured,
        regression=prepared.workloads[case.workload].regression,
    )


def _results_of(policy: int, case: Case, outcomes: dict[Run, Outcome]) -> list[RunResult]:
    matching: Iterable[Outcome] = (
        outcome for run, outcome in outcomes.items() if run.case == case and run.policy == policy
    )
    return [outcome for outcome in matching if isinstance(outcome, RunResult)]
