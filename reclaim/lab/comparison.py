"""The results of an experiment, sorted by what they say: cases, policies, repeats; and who is better.

Here: medians, ranges, differences to the baseline, winners. Not here: how it looks (comparison_table.py).

Honesty is decided here: nobody wins a row in which the best value is shared, and with repeats nobody wins whose range
overlaps the next one's.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from reclaim.abi.counters import COUNTERS
from reclaim.lab.results_json import RunResult

Number = int | float
Unit = Literal["count", "share", "ns"]


@dataclass(frozen=True, slots=True)
class Metric:
    """Declare one row of the comparison.

    Args:
        label: in the table.
        unit: how to write it.
        value: reads it from a result; None where the run says nothing about it.
        is_better_high: whether more is better; None where neither is, so that nobody wins.
    """

    label: str
    unit: Unit
    value: Callable[[RunResult], Number | None]
    is_better_high: bool | None = False


@dataclass(frozen=True, slots=True)
class Spread:
    """Hold a value over its repeats.

    Args:
        median: of the values.
        low: the smallest.
        high: the largest.
    """

    median: Number
    low: Number
    high: Number


@dataclass(frozen=True, slots=True)
class CaseResults:
    """Hold all results on one workload at one limit.

    Args:
        workload: its name.
        limit: as the user wrote it; None for a scenario.
        accesses: of the whole workload; a run in which a task was killed has fewer.
        runs: results of each policy by name, in the order of the columns; one per repeat.
        optimum: Belady's misses, one per repeat; empty where it cannot be computed.
        measured: names of kernel counters and metrics that a scenario is about; each is a row.
        regression: what would be a step back on a scenario, in words.
    """

    workload: str
    limit: str | None
    accesses: int
    runs: Mapping[str, Sequence[RunResult]]
    optimum: Sequence[int] = ()
    measured: Sequence[str] = ()
    regression: str | None = None

    @property
    def first(self) -> RunResult:
        """Return some result, for what all have in common."""
        return next(iter(self.runs.values()))[0]


def refaults(result: RunResult) -> int:
    """Return the pages that came back after an eviction."""
    return result.counters["workingset_refault_anon"] + result.counters["workingset_refault_file"]


def scan_efficiency(result: RunResult) -> float | None:
    """Return pages freed per page scanned, None where nothing was scanned."""
    scanned = result.counters["pgscan_kswapd"] + result.counters["pgscan_direct"]
    stolen = result.counters["pgsteal_kswapd"] + result.counters["pgsteal_direct"]
    return stolen / scanned if scanned else None


def reclaim_ns_per_page(result: RunResult) -> float | None:
    """Return the virtual time that kswapd and tasks spent in reclaim for each page freed, None where none was."""
    counters = result.counters
    nr_freed = counters["pgsteal_kswapd"] + counters["pgsteal_direct"]
    return (counters["reclaim_kswapd_ns"] + counters["reclaim_direct_ns"]) / nr_freed if nr_freed else None


METRICS: tuple[Metric, ...] = (
    Metric("misses", "count", lambda result: result.misses),
    Metric(
        "miss ratio", "share", lambda result: result.misses / result.accesses if result.accesses else None
    ),
    Metric("refaults", "count", refaults),
    Metric("major faults", "count", lambda result: result.counters["pgmajfault"]),
    Metric("stall p99", "ns", lambda result: result.stall_ns.p99),
    Metric("virtual time", "ns", lambda result: result.virtual_ns),
    Metric("steal/scan", "share", scan_efficiency, is_better_high=True),
)
"""Rows of the comparison, the most telling first."""


def fast_tier_share(result: RunResult) -> float | None:
    """Return the share of accesses that went to the fastest tier, None on a machine with one node."""
    accesses = result.counters["node_accesses"]
    return result.counters["toptier_accesses"] / accesses if accesses else None


SCENARIO_METRICS: tuple[Metric, ...] = (Metric("fast tier", "share", fast_tier_share, is_better_high=True),)
"""Rows that only a scenario asks for."""


def counter_metric(name: str, group: str = "vmstat") -> Metric:
    """Return the metric that is a counter; whether more of it is better depends on what one wants.

    Args:
        name: of the counter.
        group: `vmstat` or `core_did`.
    """
    if group == "core_did":
        return Metric(name, "count", lambda run: run.core_did[name], is_better_high=None)
    return Metric(name, "count", lambda run: run.counters[name], is_better_high=None)


def measurable_names() -> tuple[str, ...]:
    """Return what a scenario may measure: the metrics of every comparison, and the kernel's counters."""
    counters = (counter.name for counter in COUNTERS if counter.group == "vmstat")
    return (*(metric.label for metric in (*METRICS, *SCENARIO_METRICS)), *counters)


def measured_metrics(names: Sequence[str]) -> tuple[Metric, ...]:
    """Return the rows that some measured names add to those of every comparison, in their order."""
    always = {metric.label for metric in METRICS}
    asked = {metric.label: metric for metric in SCENARIO_METRICS}
    return tuple(asked.get(name) or counter_metric(name) for name in names if name not in always)


def is_comparable(runs: Sequence[RunResult]) -> bool:
    """Tell whether a policy ran the whole workload itself: it was not ejected and no task was killed."""
    return not any(run.ejected or run.counters["oom_kill"] for run in runs)


def spread(values: Sequence[Number]) -> Spread:
    """Return median and range of some values, at least one."""
    return Spread(statistics.median(values), min(values), max(values))


def spread_of(metric: Metric, runs: Sequence[RunResult]) -> Spread | None:
    """Return a metric over the repeats of one policy, None where a run says nothing about it."""
    values = [value for value in map(metric.value, runs) if value is not None]
    return spread(values) if len(values) == len(runs) else None


def difference(value: Spread | None, baseline: Spread | None) -> float | None:
    """Return by how much a median differs from the baseline's, as a share of that; None where that makes no sense."""
    if value is None or baseline is None or baseline.median == 0:
        return None
    return float(value.median / baseline.median - 1)


def winner(values: Mapping[str, Spread | None], *, is_better_high: bool | None) -> str | None:
    """Return who is strictly better than all others, over its whole range; None for nobody.

    Args:
        values: by name.
        is_better_high: whether more is better; None where neither is.
    """
    known = {name: value for name, value in values.items() if value is not None}
    if len(known) < 2 or is_better_high is None:
        return None
    sign = -1 if is_better_high else 1
    best = min(known, key=lambda name: sign * known[name].median)
    ours = max(sign * known[best].low, sign * known[best].high)
    others = [min(sign * value.low, sign * value.high) for name, value in known.items() if name != best]
    return best if all(ours < other for other in others) else None
