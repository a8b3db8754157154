"""The JSON of a validation: every case with the kernel's and the model's numbers, contests, and a summary.

Here: the one place that knows the schema, version 1. Not here: what the numbers mean (validation.py).
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping
from typing import Any

from reclaim.lab.comparison import Number, Spread
from reclaim.lab.validation import COUNTERS, CaseComparison, Contest, ErrorSummary, Validation

SCHEMA_VERSION = 1
"""Rises with every change that a reader of the old form would stumble over."""


def render_validation_json(validation: Validation) -> str:
    """Return the complete JSON document, ending in a line feed."""
    summary: dict[str, Any] = {"winner_agreement": validation.winner_agreement}
    for counter in COUNTERS:
        found = validation.summary(counter)
        if found is not None:
            summary[counter] = _summary_json(validation, counter, found)
    overlaps = [case.residency.overlap for case in validation.cases if case.residency]
    if overlaps:
        summary["residency"] = {"median_overlap": statistics.median(overlaps), "worst_overlap": min(overlaps)}
    document = {
        "version": SCHEMA_VERSION,
        "kernel": validation.kernel,
        "nearby_pages": validation.nearby,
        "cases": [_case_json(case) for case in validation.cases],
        "contests": [_contest_json(contest) for contest in validation.contests],
        "summary": summary,
    }
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def _case_json(case: CaseComparison) -> dict[str, Any]:
    run = case.case.first
    document: dict[str, Any] = {
        "trace": run.trace,
        "mode": run.mode,
        "memory_max": run.frac,
        "algorithm": run.lru,
        "memory_max_pages": run.limit_pages,
        "repeats": len(case.case.runs),
    }
    conditions = {"label": run.label, "flush_us": run.flush_us}
    document |= {name: value for name, value in conditions.items() if value is not None}
    document |= {
        "kernel": {name: _spread_json(found) for name, found in case.kernel.items()},
        "model": dict(case.model),
        "nearby": {name: {"min": low, "max": high} for name, (low, high) in case.nearby.items()},
        "error": {name: case.error(name) for name in case.kernel},
        "miss_spread": case.miss_spread,
        "kernel_oom_runs": case.kernel_killed,
        "model_oom": case.is_model_killed,
        "populate": {
            "kernel": {name: _spread_json(found) for name, found in case.kernel_populate.items()},
            "model": dict(case.model_populate),
        },
        "end": {
            "kernel": {name: _spread_json(found) for name, found in case.levels.items()},
            "model": dict(case.model_levels),
        },
    }
    if case.residency:
        document["residency"] = {
            "overlap": case.residency.overlap,
            "kernel_overlap": case.residency.kernel_overlap,
            "nearby_overlap": case.residency.nearby_overlap,
        }
        if case.case.residency_flush_us is not None:
            document["residency"]["flush_us"] = case.case.residency_flush_us
    if case.aging:
        document["aging"] = {
            "kernel": _spread_json(case.aging.kernel_passes),
            "model": case.aging.model_passes,
            "kernel_generations": [list(generation) for generation in case.aging.kernel],
            "model_generations": [list(generation) for generation in case.aging.model],
        }
    return document


def _spread_json(found: Spread) -> Mapping[str, Number]:
    return {"median": found.median, "min": found.low, "max": found.high}


def _contest_json(contest: Contest) -> dict[str, Any]:
    run = contest.trad.case.first
    return {
        "trace": run.trace,
        "mode": run.mode,
        "memory_max": run.frac,
        "kernel": contest.kernel,
        "model": contest.model,
        "agrees": contest.agrees,
    }


def _summary_json(validation: Validation, counter: str, found: ErrorSummary) -> dict[str, Any]:
    document = _error_json(found)
    for algorithm in ("trad", "mglru"):
        own = validation.summary(counter, algorithm)
        if own is not None:
            document[algorithm] = _error_json(own)
    return document


def _error_json(found: ErrorSummary) -> dict[str, Any]:
    return {
        "nr_cases": found.nr_cases,
        "median_error": found.median_error,
        "worst_error": found.worst_error,
        "worst_case": found.worst_case,
        "median_beyond_spread": found.median_beyond_spread,
        "worst_beyond_spread": found.worst_beyond_spread,
    }
