"""What an experiment is, as frozen data, and the list of runs that it comes to.

Here: policies by workloads by limits by repeats, and which repeats tell nothing new. Not here: opening traces and loading
policies (preparation.py), running (conducting.py).

A run is four small numbers instead of objects, so that it can be sent to a worker process: the objects are there
already, because workers are forked after everything was prepared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from reclaim.lab.observing import Observation

DEFAULT_LIMIT = "50%"
"""Half of the footprint; ours: enough pressure that policies differ, not so much that all of them thrash."""

DEFAULT_SWAP = "zram:100%"
"""Room for every page of the workload, so that a limit means reclaim and never a kill; zram is what phones and small
machines have."""

WorkloadKind = Literal["trace", "synthetic", "scenario"]


@dataclass(frozen=True, slots=True)
class PolicyChoice:
    """Name one policy of an experiment.

    Args:
        name: column title and `policy` of the results; unique within the experiment.
        path: its file.
        tunables: values that differ from the declared defaults.
    """

    name: str
    path: Path
    tunables: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WorkloadChoice:
    """Name one workload of an experiment.

    Args:
        kind: a trace file, the description of a synthetic trace, or a scenario file.
        source: the path or the description.
        format: of a trace file whose name does not tell; None to look.
        access: `mmap` or `read` for traces that do not say; None leaves it to the format.
        expand: split a request of a block trace into its pages.
    """

    kind: WorkloadKind
    source: str
    format: str | None = None
    access: str | None = None
    expand: bool = False


@dataclass(frozen=True, slots=True)
class MachineOptions:
    """Say what the machine of trace and synthetic workloads is like; scenarios bring their own.

    Args:
        swap: devices as for `parse_swap`; shares are of the footprint.
        options: members of `MachineConfig` that differ from its defaults.
    """

    swap: str = DEFAULT_SWAP
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Experiment:
    """Describe a whole comparison.

    Args:
        policies: columns; the first is the baseline.
        workloads: at least one.
        limits: of memory, as texts for `parse_size`; shares are of each workload's footprint.
        machine: what it runs on.
        seed: of synthetic workloads and of the machine; repeat r takes seed + r.
        repeats: how often each combination runs where chance plays a part.
        observation: what to look at while it runs; only where it comes to a single run.
    """

    policies: tuple[PolicyChoice, ...]
    workloads: tuple[WorkloadChoice, ...]
    limits: tuple[str, ...] = (DEFAULT_LIMIT,)
    machine: MachineOptions = field(default_factory=MachineOptions)
    seed: int = 0
    repeats: int = 1
    observation: Observation | None = None


@dataclass(frozen=True, slots=True, order=True)
class Case:
    """Name what policies are compared on: one part of the table.

    Args:
        workload: index into the experiment's workloads.
        limit: index into its limits; None for a scenario, which brings its own.
    """

    workload: int
    limit: int | None


@dataclass(frozen=True, slots=True)
class Run:
    """Name one run of an experiment.

    Args:
        case: on what.
        policy: index into the experiment's policies; None computes Belady's optimum instead.
        repeat: from 0.
    """

    case: Case
    policy: int | None
    repeat: int


def cases(experiment: Experiment) -> tuple[Case, ...]:
    """Return every workload at every limit, in the order given."""
    found = []
    for number, workload in enumerate(experiment.workloads):
        limits = (None,) if workload.kind == "scenario" else range(len(experiment.limits))
        found += [Case(number, limit) for limit in limits]
    return tuple(found)


def plan_runs(
    experiment: Experiment, chance_in_workloads: Sequence[bool], chance_in_policies: Sequence[bool]
) -> tuple[Run, ...]:
    """List all runs, leaving out repeats that would give the same numbers again.

    Args:
        experiment: what is wanted.
        chance_in_workloads: for each workload whether it changes with the seed.
        chance_in_policies: for each policy whether it draws random numbers.

    Returns:
        The runs: case by case, repeat by repeat, so that a repeat's workload is made once; Belady's optimum first.
    """
    runs = []
    # A miss brings in a folio; the optimum counts pages, and is none where folios have several.
    options = experiment.machine.options
    has_large_folios = any(options.get(name) for name in ("thp_orders", "file_folio_order"))
    for case in cases(experiment):
        has_chance = chance_in_workloads[case.workload]
        has_optimum = experiment.workloads[case.workload].kind != "scenario" and not has_large_folios
        for repeat in range(experiment.repeats):
            if has_optimum and (has_chance or repeat == 0):
                runs.append(Run(case, None, repeat))
            for policy, draws in enumerate(chance_in_policies):
                if has_chance or draws or repeat == 0:
                    runs.append(Run(case, policy, repeat))
    return tuple(runs)
