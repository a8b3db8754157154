"""Results as a run would give them, for tests of what is made of them."""

from __future__ import annotations

from typing import Any

from reclaim.abi.counters import COUNTERS
from reclaim.lab.comparison import CaseResults
from reclaim.lab.results_json import RunResult, Stalls


def made_result(policy: str, misses: int, **changes: Any) -> RunResult:
    """Return a result in which only what is named differs from run to run.

    Args:
        policy: its name.
        misses: out of 1000 accesses.
        changes: other members; `counters` and `core_did` are added to zeros.
    """
    zeros = {group: {c.name: 0 for c in COUNTERS if c.group == group} for group in ("vmstat", "core_did")}
    members: dict[str, Any] = {
        "policy_path": f"{policy}.rpol",
        "workload": "made",
        "seed": 0,
        "repeat": 0,
        "accesses": 1000,
        "footprint_pages": 100,
        "memory_max_pages": 50,
        "virtual_ns": 1_000_000,
        "stall_ns": Stalls(1, 2, 3, 4),
        "psi": {"some": 0.5, "full": 0.25},
        "wall_s": 0.5,
        "accesses_per_s": 2000.0,
        "ejected": None,
        **changes,
        "counters": zeros["vmstat"] | changes.get("counters", {}),
        "core_did": zeros["core_did"] | changes.get("core_did", {}),
    }
    return RunResult(policy=policy, misses=misses, **members)


def made_case(*results: RunResult, optimum: tuple[int, ...] = (), limit: str | None = "50%") -> CaseResults:
    """Return a case with one repeat for each result of a policy."""
    runs: dict[str, list[RunResult]] = {}
    for result in results:
        runs.setdefault(result.policy, []).append(result)
    return CaseResults("made", limit, results[0].accesses, runs, optimum)
