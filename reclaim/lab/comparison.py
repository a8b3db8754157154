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
        is_better_high: whether more is better.
    """

    label: str
    unit: Unit
    value: Callable[[RunResult], Number | None]
    is_better_high: bool = False


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
    """

    workload: str
    limit: str | None
    accesses: int
    runs: Mapping[str, Sequence[RunResult]]
    optimum: Sequence[int] = ()

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


METRICS: tuple[Metric, ...] = (
    Metric("misses", "count", lambda result: result.misses),
    Metric(
        "miss ratio", "share", lambda result: result.misses / result.accesses if result.accesses else None
    ),
    Metric("refaults", "count", refaults),
    Metric("stall p99", "ns", lambda result: result.stall_ns.p99),
    Metric("virtual time", "ns", lambda result: result.virtual_ns),
    Metric("steal/scan", "share", scan_efficiency, is_better_high=True),
)
"""Rows of the comparison, the most telling first."""


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


def winner(values: Mapping[str, Spread | None], *, is_better_high: bool) -> str | None:
    """Return who is strictly better than all others, over its whole range; None for nobody.

    Args:
        values: by name.
        is_better_high: whether more is better.
    """
    known = {name: value for name, value in values.items() if value is not None}
    if len(known) < 2:
        return None
    sign = -1 if is_better_high else 1
    best = min(known, key=lambda name: sign * known[name].median)
    ours = max(sign * known[best].low, sign * known[best].high)
    others = [min(sign * value.low, sign * value.high) for name, value in known.items() if name != best]
    return best if all(ours < other for other in others) else None
