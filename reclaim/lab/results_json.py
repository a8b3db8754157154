"""The result of one run, and the JSON that `run` and `compare` write.

Here: the one place that knows the schema, version 1. Not here: where the numbers come from (single_run.py).
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

SCHEMA_VERSION = 1
"""Rises with every change that a reader of the old form would stumble over."""


@dataclass(frozen=True, slots=True)
class Stalls:
    """Sum up what tasks waited in reclaim; nanoseconds of virtual time, each quantile at most 1/16 too large."""

    p50: int
    p99: int
    p999: int
    total: int


@dataclass(frozen=True, slots=True)
class Ejection:
    """Say why a policy was thrown out.

    Args:
        kind: `policy` (it called fail()), `error` (answers that were refused) or `stall` (no progress).
        reason: in words.
        hook: in which it happened, None for none.
        time_ns: virtual time.
    """

    kind: str
    reason: str
    hook: str | None
    time_ns: int


@dataclass(frozen=True, slots=True)
class RunResult:
    """Hold everything that one run measured; the members are those of the JSON, in its order.

    Args:
        policy: name of the policy.
        policy_path: its file.
        workload: name of the workload.
        seed: that this run used.
        repeat: from 0.
        accesses: run.
        footprint_pages: distinct pages of the workload.
        memory_max_pages: the limit; for a scenario the sum over the outermost limits, or of all nodes.
        misses: pages brought in from swap, disk or zero-fill.
        counters: the kernel's, by name.
        core_did: what the core had to do for the policy, by name.
        virtual_ns: the latest clock of any task.
        stall_ns: waits in direct and limit reclaim.
        psi: shares of virtual time, 0..1, in which some task, or all, stalled on memory.
        wall_s: seconds of real time.
        accesses_per_s: of real time.
        ejected: why the policy was thrown out, None if it was not.
        notes: what to know of files that the run wrote.
    """

    policy: str
    policy_path: str
    workload: str
    seed: int
    repeat: int
    accesses: int
    footprint_pages: int
    memory_max_pages: int
    misses: int
    counters: Mapping[str, int]
    core_did: Mapping[str, int]
    virtual_ns: int
    stall_ns: Stalls
    psi: Mapping[str, float]
    wall_s: float
    accesses_per_s: float
    ejected: Ejection | None
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the run as it stands in the JSON."""
        return dataclasses.asdict(self)


def render_json(results: Iterable[RunResult]) -> str:
    """Return the complete JSON document of some runs, ending in a line feed."""
    document = {"version": SCHEMA_VERSION, "runs": [result.as_json() for result in results]}
    return json.dumps(document, indent=1, allow_nan=False) + "\n"
