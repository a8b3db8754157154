"""Everything that can go wrong or take memory before the first run: policies loaded, traces opened, limits checked.

Here: from names to objects. Not here: what is run with them (conducting.py).

A comparison of an hour must not fail in its fortieth minute over a misspelt tunable, so all input is looked at here,
in the parent process. Workers are forked afterwards and find everything in their memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np

from reclaim.diag.errors import ConfigError
from reclaim.engine import Machine, parse_size, parse_swap
from reclaim.engine.attachment import compiled, policy_code
from reclaim.engine.machine_config import KERNEL_READ_AHEAD, make_config, pool_pages
from reclaim.jit.policy_loader import CompiledPolicy
from reclaim.lab.experiment import Experiment, MachineOptions, PolicyChoice, WorkloadChoice
from reclaim.lab.scenario import Scenario, load_scenario
from reclaim.workload import Trace, memory_trace, open_trace, synth

MEMORY_RECORDS = 1 << 27
"""Records held in memory over all workloads, 512 MiB: what a small machine can spare (ours); the rest is streamed."""

_SPARE_PAGES = 1 << 14
"""Pages of the node beyond the limit, a quarter of it and room for zram: 64 MiB, so that watermarks never press before the limit."""

_RANDOM_HELPER = "h_random"


class Workload(Protocol):
    """What a comparison can run on, whatever it comes from."""

    name: str
    has_chance: bool
    measured: tuple[str, ...]
    regression: str | None

    def footprint_pages(self, seed: int) -> int:
        """Return the distinct pages touched."""

    def nr_accesses(self) -> int:
        """Return the number of accesses."""

    def limit_pages(self, limit: str | None, seed: int) -> int:
        """Return the limit of memory in pages."""

    def build(self, setting: Setting) -> Machine:
        """Return a machine ready to run."""


@dataclass(frozen=True, slots=True)
class Setting:
    """Say what one machine is built for.

    Args:
        policy: attached.
        tunables: of the policy.
        limit: of memory, as the user wrote it; None for a scenario.
        options: of the machine.
        seed: of everything that chance decides.
    """

    policy: CompiledPolicy
    tunables: Mapping[str, int]
    limit: str | None
    options: MachineOptions
    seed: int


class TraceWorkload:
    """A trace file or a synthetic trace, run by one task in one memcg with a limit.

    Args:
        name: in results.
        choice: what the user asked for.
        trace: with the experiment's own seed.
        seed: that seed.
        has_chance: whether other seeds give other traces.
    """

    def __init__(
        self, name: str, choice: WorkloadChoice, trace: Trace, seed: int, *, has_chance: bool
    ) -> None:
        self.name = name
        self.has_chance = has_chance
        self.measured: tuple[str, ...] = ()
        self.regression: str | None = None
        self._choice = choice
        self._trace = trace
        self._seed = seed

    def trace(self, seed: int) -> Trace:
        """Return the trace that a seed gives."""
        if not self.has_chance or seed == self._seed:
            return self._trace
        return _synthetic(self._choice.source, seed)

    def footprint_pages(self, seed: int) -> int:
        """Return the distinct pages touched."""
        return self.trace(seed).footprint_pages

    def nr_accesses(self) -> int:
        """Return the number of accesses."""
        return self._trace.nr_records

    def limit_pages(self, limit: str | None, seed: int) -> int:
        """Return the limit of memory in pages.

        Raises:
            ConfigError: it is no size, or less than a page.
        """
        assert limit is not None
        pages = parse_size(limit, self.footprint_pages(seed), "memory limit")
        if pages < 1:
            raise ConfigError(f"memory limit is {limit!r}; expected at least 1 page")
        return pages

    def build(self, setting: Setting) -> Machine:
        """Return a machine with the limit, the policy attached to all of it, and one task."""
        footprint = self.footprint_pages(setting.seed)
        limit = self.limit_pages(setting.limit, setting.seed)
        needed = min(limit, footprint)
        read_ahead = KERNEL_READ_AHEAD if self._trace.header.is_program else {}
        swap = parse_swap(setting.options.swap, footprint)
        config = make_config(
            nodes=needed + needed // 4 + _SPARE_PAGES + pool_pages(swap),
            memory_max=limit,
            swap=swap,
            seed=setting.seed,
            **{**read_ahead, **setting.options.options},
        )
        machine = Machine(config)
        machine.attach(setting.policy, tunables=setting.tunables)
        machine.add_task(self.trace(setting.seed))
        return machine


class ScenarioWorkload:
    """A scenario: its own machine, tasks, limits, and a place for the policy.

    Args:
        name: in results.
        scenario: with the experiment's own seed.
        seed: that seed.
    """

    def __init__(self, name: str, scenario: Scenario, seed: int) -> None:
        self.name = name
        self.measured = scenario.measured
        self.regression: str | None = scenario.regression
        self._scenario = scenario
        self._seed = seed
        fixed = [compiled(plan.policy) for plan in scenario.policies]
        is_synthetic = any("seed" in task.trace.header.source for task in scenario.tasks)
        self.has_chance = is_synthetic or any(map(draws_random_numbers, fixed))

    def _scenario_of(self, seed: int) -> Scenario:
        return self._scenario if seed == self._seed else load_scenario(self._scenario.path, seed=seed)

    def footprint_pages(self, seed: int) -> int:
        """Return the distinct pages of all tasks together."""
        return self._scenario_of(seed).footprint_pages

    def nr_accesses(self) -> int:
        """Return the accesses of all tasks together."""
        return sum(task.trace.nr_records for task in self._scenario.tasks)

    def limit_pages(self, limit: str | None, seed: int) -> int:
        """Return the limit of the memcg that the policy governs, or the memory of all nodes where it has none."""
        del limit
        scenario = self._scenario_of(seed)
        limits = {memcg.path: memcg.max_pages for memcg in scenario.config.memcgs}
        own = limits.get(str(scenario.candidate_at))
        return own if own is not None else sum(node.pages for node in scenario.config.nodes)

    def build(self, setting: Setting) -> Machine:
        """Return the scenario's machine with the policy at its place."""
        scenario = self._scenario_of(setting.seed)
        seed = scenario.config.seed + setting.seed
        return scenario.build(setting.policy, tunables=setting.tunables, seed=seed)


@dataclass(frozen=True, slots=True)
class Prepared:
    """Hold an experiment with all its objects.

    Args:
        experiment: the plan.
        policies: compiled, in the order of the experiment's.
        workloads: opened, in the order of the experiment's.
    """

    experiment: Experiment
    policies: tuple[CompiledPolicy, ...]
    workloads: tuple[Workload, ...]


def prepare(experiment: Experiment) -> Prepared:
    """Load, open and check everything that an experiment needs.

    Args:
        experiment: the plan.

    Returns:
        The objects.

    Raises:
        ConfigError: an option, limit, tunable or scenario that makes no sense.
        PolicyRejected: a policy is not accepted.
        TraceError: a trace cannot be read.
    """
    policies = tuple(_loaded(choice) for choice in experiment.policies)
    room = MEMORY_RECORDS
    workloads: list[Workload] = []
    for choice, name in zip(experiment.workloads, workload_names(experiment.workloads), strict=True):
        if choice.kind == "scenario":
            workloads.append(
                ScenarioWorkload(name, load_scenario(choice.source, seed=experiment.seed), experiment.seed)
            )
            continue
        trace = held_in_memory(_opened(choice, experiment.seed), room)
        room -= trace.nr_records
        has_chance = experiment.repeats > 1 and _changes_with_seed(choice, trace, experiment.seed)
        workloads.append(TraceWorkload(name, choice, trace, experiment.seed, has_chance=has_chance))
    prepared = Prepared(experiment, policies, tuple(workloads))
    _check_limits(prepared)
    return prepared


def workload_names(choices: Sequence[WorkloadChoice]) -> tuple[str, ...]:
    """Return a short name for each workload; two that would share one keep what the user wrote."""
    short = [_short_name(choice) for choice in choices]
    counts = Counter(short)
    return tuple(
        name if counts[name] == 1 else choice.source for name, choice in zip(short, choices, strict=True)
    )


def held_in_memory(trace: Trace, room_records: int) -> Trace:
    """Return a trace whose records are in memory, where there is room for them; else the trace as it is."""
    if trace.nr_records > room_records:
        return trace
    return memory_trace(trace.header, np.concatenate(list(trace.chunks())))


def draws_random_numbers(policy: CompiledPolicy) -> bool:
    """Tell whether runs of a policy can differ by the machine's seed."""
    return _RANDOM_HELPER in policy.image.helpers


def _loaded(choice: PolicyChoice) -> CompiledPolicy:
    policy = compiled(choice.path)
    policy_code(policy, choice.tunables)  # refuses tunables that it does not have, or their values
    return policy


def _short_name(choice: WorkloadChoice) -> str:
    if choice.kind == "synthetic":
        return choice.source
    name = Path(choice.source).name
    for suffix in (".zst", ".rtrace", ".toml"):
        name = name.removesuffix(suffix)
    return name


def _opened(choice: WorkloadChoice, seed: int) -> Trace:
    if choice.kind == "synthetic":
        return synth(choice.source, seed)
    return open_trace(choice.source, format=choice.format, access=choice.access, expand=choice.expand)


def _changes_with_seed(choice: WorkloadChoice, trace: Trace, seed: int) -> bool:
    """Tell whether the next seed gives another trace; a synthetic one without chance, such as a scan, gives the same."""
    if choice.kind != "synthetic":
        return False
    pairs = zip(trace.chunks(), synth(choice.source, seed + 1).chunks(), strict=True)
    return not all(np.array_equal(ours, theirs) for ours, theirs in pairs)


@lru_cache(maxsize=1)
def _synthetic(spec: str, seed: int) -> Trace:
    return held_in_memory(synth(spec, seed), MEMORY_RECORDS)


def _check_limits(prepared: Prepared) -> None:
    """Refuse limits, swap and machine options that make no sense before the first run."""
    experiment = prepared.experiment
    for workload in prepared.workloads:
        if isinstance(workload, TraceWorkload):
            for limit in experiment.limits:
                workload.limit_pages(limit, experiment.seed)
            parse_swap(experiment.machine.swap, workload.footprint_pages(experiment.seed))
    make_config(seed=experiment.seed, **experiment.machine.options)
