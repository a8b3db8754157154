"""Errors, spreads, winners, overlaps and summaries of a validation, and what is drawn of them."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from reclaim.abi.counters import COUNTERS
from reclaim.lab.comparison import Spread, spread
from reclaim.lab.validation import (
    CaseComparison,
    Residency,
    Validation,
    compare_case,
    overlap,
    relative_error,
    validate,
)
from reclaim.lab.validation_json import render_validation_json
from reclaim.lab.validation_recording import RecordedCase, RecordedRun, read_recording
from reclaim.lab.validation_replay import Replay, replay
from reclaim.lab.validation_report import REGENERATE, render_markdown, validation_tables
from tests.lab.made_recording import NR_PAGES, made_group, made_recording, made_run, made_words

_ZEROS = {counter.name: 0 for counter in COUNTERS if counter.group == "vmstat"}


def _replay(misses: int, resident: list[int] | None = None, **counters: int) -> Replay:
    pages = np.zeros(NR_PAGES, dtype=np.bool_)
    pages[resident or []] = True
    levels = dict.fromkeys(("inactive_anon", "active_anon", "inactive_file", "active_file"), 0)
    generations = ((4, 10, 0), (5, 20, 0))
    return Replay(misses, 0, _ZEROS | counters, _ZEROS, {}, pages, levels, generations, False)


def _case(
    model: int, *misses: int | None, lru: str = "trad", counters: dict[str, int] | None = None, **changes: Any
) -> CaseComparison:
    runs = [
        RecordedRun.model_validate(made_run(lru=lru, rep=rep, misses=found, **changes))
        for rep, found in enumerate(misses, start=1)
    ]
    return compare_case(RecordedCase(tuple(runs)), _replay(model, None, **(counters or {})))


@pytest.mark.parametrize(
    ("kernel", "model", "expected"),
    [
        ([1000], 1100, 0.1),
        ([1000], 900, -0.1),
        ([990, 1000, 1300], 1000, 0.0),
        ([0], 128, 2.0),
        ([10], 20, None),
        ([0], 0, None),
    ],
)
def test_relative_error(kernel: list[int], model: int, expected: float | None) -> None:
    """The distance to the median as a share of it; few events on both sides say nothing."""
    assert relative_error(spread(kernel), model) == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("model", "misses", "told", "expected"),
    [
        (1000, (990, 1010), None, 0),
        (1020, (990, 1010), None, 0.01),
        (970, (990, 1010), None, 0.02),
        (1030, (1000,), 20, 0.01),
    ],
)
def test_error_beyond_spread_counts_from_the_kernels_nearest_value(
    model: int, misses: tuple[int, ...], told: int | None, expected: float
) -> None:
    """A model inside the kernel's own range is not wrong; a told spread widens the range to either side."""
    assert _case(model, *misses, spread=told).error_beyond_spread("misses") == pytest.approx(expected)


def _at_limits(*misses: int, kernel: int, lru: str = "trad") -> CaseComparison:
    """Compare one run of a kernel with the model at its limit, the first, and at limits near by."""
    case = RecordedCase((RecordedRun.model_validate(made_run(lru=lru, misses=kernel)),))
    own, *nearby = map(_replay, misses)
    return compare_case(case, own, None, *nearby)


@pytest.mark.parametrize(("kernel", "beyond"), [(1000, 0), (1150, 0), (1250, 0.04), (800, 0.25)])
def test_limits_near_by_widen_the_model_to_a_range(kernel: int, beyond: float) -> None:
    """The error stays that of the limit itself; how far it is beyond the spread is from the nearest limit."""
    case = _at_limits(1100, 1000, 1200, kernel=kernel)
    assert case.model_range("misses") == (1000, 1200)
    assert case.error("misses") == pytest.approx((1100 - kernel) / kernel)
    assert case.error_beyond_spread("misses") == pytest.approx(beyond)


def test_residency_near_by_is_the_best_of_all_limits() -> None:
    """What is resident at a limit a page off may be what the kernel had."""
    run = RecordedRun.model_validate(made_run())
    case = RecordedCase((run,), {1: np.isin(np.arange(NR_PAGES), [0, 1])})
    found = compare_case(case, _replay(1, resident=[0, 5]), None, _replay(1, resident=[0, 1])).residency
    assert found is not None
    assert (found.overlap, found.nearby_overlap) == (0.5, 1.0)
    assert (found.is_as_close, found.may_be_as_close) == (False, True)


@pytest.mark.parametrize(("mglru", "turns"), [((930, 970), True), ((930, 890), False)])
def test_winner_may_turn_where_the_ranges_overlap(mglru: tuple[int, ...], turns: bool) -> None:
    """What a page of limit turns is told from what a mechanism decides."""
    cases = (_at_limits(1000, 950, kernel=900), _at_limits(*mglru, kernel=1000, lru="mglru"))
    (contest,) = Validation("", cases, 1).contests
    assert (contest.agrees, contest.may_turn) == (False, turns)


def test_case_with_repeats_stands_for_median_and_range() -> None:
    """Repeats are summed up as median, smallest and largest."""
    assert _case(1000, 990, 1030, 1000).kernel["misses"] == Spread(1000, 990, 1030)


def test_model_counts_scans_of_both_kinds_of_reclaim() -> None:
    """Pgscan is what kswapd and direct reclaim scanned together, as in memory.stat."""
    case = _case(1, 1000, counters={"pgscan_direct": 30, "pgscan_kswapd": 12})
    assert case.model["pgscan"] == 42


def test_counter_that_a_recording_lacks_has_no_error() -> None:
    """Nothing is made up for the kernel."""
    case = _case(1, 1000, counters={"pswpin": 500})
    assert ("pswpin" in case.kernel, case.error("pswpin")) == (False, None)


def test_runs_that_the_oom_killer_ended_stay_out_of_the_numbers() -> None:
    """A run that did not end says nothing about misses."""
    case = _case(1000, 1000, None)
    assert (case.kernel["misses"], case.kernel_killed) == (Spread(1000, 1000, 1000), 1)


def test_case_that_the_oom_killer_always_ended_has_no_errors() -> None:
    """There is nothing to compare with."""
    case = _case(1000, None)
    assert (case.error("misses"), Validation("", (case,)).summary("misses")) == (None, None)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [([1, 2], [1, 2], 1.0), ([1, 2], [2, 3], 0.5), ([1, 2, 3, 4], [1], 0.25), ([], [], 1.0)],
)
def test_overlap_is_a_share_of_the_larger_set(first: list[int], second: list[int], expected: float) -> None:
    """Holding everything is no way to agree."""
    sets = [np.isin(np.arange(8), pages) for pages in (first, second)]
    assert overlap(*sets) == expected


def test_residency_shows_the_kernels_own_overlap_beside_the_models() -> None:
    """The model is compared with each repeat, and the repeats with each other."""
    run = RecordedRun.model_validate(made_run())
    pages = {rep: np.isin(np.arange(NR_PAGES), resident) for rep, resident in ((1, [0, 1]), (2, [1, 2]))}
    runs = (run, run.model_copy(update={"rep": 2}))
    case = compare_case(RecordedCase(runs, pages), _replay(1, resident=[0, 1]))
    assert case.residency is not None
    assert (case.residency.overlap, case.residency.kernel_overlap) == (0.75, 0.5)


@pytest.mark.parametrize(
    ("overlap_share", "kernel_overlap", "is_as_close"),
    [(0.96, None, True), (0.94, None, False), (0.94, 0.93, True), (0.92, 0.93, False), (0.96, 0.99, True)],
)
def test_an_end_is_close_at_95_percent_or_where_the_kernel_is_no_closer_to_itself(
    overlap_share: float, kernel_overlap: float | None, is_as_close: bool
) -> None:
    """What the kernel does differently each time cannot be asked of the model."""
    assert Residency(overlap_share, kernel_overlap, overlap_share).is_as_close is is_as_close


def test_aging_passes_count_from_the_first_generation() -> None:
    """A new lruvec starts with max_seq 3, and every aging adds one."""
    case = _case(1, 1000, lru="mglru", gens_end=[[6, 1, 0], [7, 2, 0]])
    assert case.aging is not None
    assert (case.aging.kernel_passes.median, case.aging.model_passes) == (4, 2)


@pytest.mark.parametrize(
    ("trad", "mglru", "model", "expected"),
    [
        ((1000,), (900,), (950, 940), ("mglru", "mglru", True)),
        ((1000,), (900,), (940, 950), ("mglru", "trad", False)),
        ((1000,), (900,), (940, 940), ("mglru", None, False)),
        ((1000, 1050), (900, 920), (940, 950), ("mglru", "trad", False)),
        ((1000, 1060), (900, 920), (940, 950), (None, "trad", None)),
        ((1000,), (1000,), (1, 2), (None, "trad", None)),
    ],
)
def test_winner_counts_where_the_kernels_difference_exceeds_twice_its_spread(
    trad: tuple[int, ...], mglru: tuple[int, ...], model: tuple[int, int], expected: tuple[str | None, ...]
) -> None:
    """Where the kernel itself is not sure, no winner is asked for."""
    cases = (_case(model[0], *trad), _case(model[1], *mglru, lru="mglru"))
    (contest,) = Validation("", cases).contests
    assert (contest.kernel, contest.model, contest.agrees) == expected


def test_winner_agreement_is_a_share_of_decided_contests() -> None:
    """Contests that are too close count for nothing."""
    cases = []
    for frac, trad, mglru in ((0.1, 900, 950), (0.2, 950, 900), (0.3, 900, 900)):
        cases += [
            _case(trad, 1000, frac=frac),
            _case(mglru, 800 if frac < 0.3 else 1000, lru="mglru", frac=frac),
        ]
    assert Validation("", tuple(cases)).winner_agreement == 0.5


def test_summary_gives_median_and_worst_over_cases() -> None:
    """Errors count without their signs, and the worst names its case."""
    cases = [_case(model, 1000, frac=frac) for frac, model in ((0.1, 1010), (0.2, 950), (0.3, 1020))]
    found = Validation("", tuple(cases)).summary("misses")
    assert found is not None
    assert (found.nr_cases, found.worst_case) == (3, "made anon 20% trad")
    assert [found.median_error, found.worst_error] == pytest.approx([0.02, 0.05])


def test_json_has_the_documented_shape() -> None:
    """Scripts find cases, the kernel's median and range, the model's numbers, and the summary."""
    case = _case(1100, 1000, 1020, vmstat={"pgactivate": 90}, counters={"pgactivate": 99})
    document = json.loads(render_validation_json(Validation("k", (case,))))
    (found,) = document["cases"]
    assert {key: found[key] for key in ("trace", "mode", "memory_max", "algorithm")} == {
        "trace": "made",
        "mode": "anon",
        "memory_max": 0.5,
        "algorithm": "trad",
    }
    assert found["kernel"]["misses"] == {"median": 1010, "min": 1000, "max": 1020}
    assert (found["model"]["misses"], found["error"]["pgactivate"]) == (1100, pytest.approx(0.1))
    assert document["summary"]["misses"]["median_error"] == pytest.approx(90 / 1010)
    assert (document["version"], document["summary"]["winner_agreement"]) == (1, None)


def test_residency_of_other_runs_is_compared_with_a_run_of_the_model_that_is_set_up_alike(
    tmp_path: Path,
) -> None:
    """Counters are of one set, residency of another whose statistics were read more seldom; each has its own run."""
    row = {"trace": "made", "mode": "anon", "frac": 0.5, "lru": "trad", "resident_hex": "9" * (NR_PAGES // 4)}
    run = made_run(flush_us=10, flushes=2000)
    recording = read_recording(made_recording(tmp_path, run, residency=[row]))
    (case,) = recording.cases
    (found,) = validate(recording).cases
    model, at_end = (replay(some, made_words()) for (some,) in (case.together, case.together_at_end))
    assert found.model["misses"] == model.misses
    assert found.residency is not None
    assert found.residency.overlap == overlap(case.residency[1], at_end.resident)
    assert not np.array_equal(model.resident, at_end.resident)
    validation = Validation("", (found,))
    drawn = Console(width=200, record=True, file=io.StringIO())
    drawn.print(validation_tables(validation))
    assert "memory.stat is read every 4,000 us" in drawn.export_text()
    document = json.loads(render_validation_json(validation))
    assert document["cases"][0]["residency"]["flush_us"] == 4000


def test_page_says_how_to_make_it_anew_and_marks_wrong_winners() -> None:
    """Nobody edits the page by hand, and nobody overlooks a wrong winner."""
    cases = (_case(900, 1000), _case(950, 800, lru="mglru"))
    page = render_markdown(Validation("linux-image-1", cases))
    assert [
        text for text in (REGENERATE, "linux-image-1", "**differs**", "0 of 1 cases (0%)") if text not in page
    ] == []


def test_page_says_what_protection_kept(tmp_path: Path) -> None:
    """A table of memcgs that ran together: what was protected, misses and pages of kernel and model."""
    levels = {"inactive_anon": 300, "active_anon": 100, "inactive_file": 0, "active_file": 0}
    rows = [row | {"end": levels} for row in made_group()]
    page = render_markdown(validate(read_recording(made_recording(tmp_path, *rows))))
    section = page.partition("## Protection by memory.low")[2].partition("##")[0]
    assert "| made anon 50% trad low beside other | low 384 | 1,000 |" in section
    assert "| made anon 50% trad beside low | nothing | 1,000 |" in section


def test_page_without_groups_has_no_word_about_protection() -> None:
    """A recording of single memcgs has no such table."""
    assert "Protection" not in render_markdown(Validation("", (_case(100, 100),)))


def test_validate_runs_every_case_on_the_model(tmp_path: Path) -> None:
    """Results stand in the order of the recording, whoever finishes first."""
    runs = [
        made_run(lru=lru, frac=frac, limit_pages=limit)
        for frac, limit in ((0.5, 256), (0.75, 384))
        for lru in ("trad", "mglru")
    ]
    seen: list[tuple[int, int]] = []
    validation = validate(read_recording(made_recording(tmp_path, *runs)), lambda *done: seen.append(done))
    misses = [case.model["misses"] for case in validation.cases]
    assert ([case.case.first.limit_pages for case in validation.cases], min(misses) > 0) == (
        [256, 256, 384, 384],
        True,
    )
    assert seen[-1] == (4 * (NR_PAGES + 4000), 4 * (NR_PAGES + 4000))


def test_validate_runs_limits_near_by_where_it_is_asked_to(tmp_path: Path) -> None:
    """Each page up to the distance, on both sides; tables, page and JSON say so."""
    recording = read_recording(made_recording(tmp_path, made_run()))
    (run,) = recording.cases[0].together
    validation = validate(recording, nearby=2)
    misses = [replay(run.with_more_memory(off), made_words()).misses for off in range(-2, 3)]
    (case,) = validation.cases
    assert case.model_range("misses") == (min(misses), max(misses))
    assert case.model["misses"] == misses[2]
    drawn = Console(width=200, record=True, file=io.StringIO())
    drawn.print(validation_tables(validation))
    text = drawn.export_text()
    assert "near by" in text
    assert "up to 2 pages off" in text
    assert "up to 2 pages beside it" in render_markdown(validation)
    document = json.loads(render_validation_json(validation))
    assert document["nearby_pages"] == 2
    assert document["cases"][0]["nearby"]["misses"] == {"min": min(misses), "max": max(misses)}


def test_more_memory_is_a_higher_limit_or_a_larger_machine() -> None:
    """Of a short machine the limit is no setting, so that its free pages must follow."""
    run = RecordedRun.model_validate(made_run(free_pages=1000))
    more, none = run.with_more_memory(3), run.with_more_memory(-1000)
    assert (more.limit_pages - run.limit_pages, more.free_pages) == (3, 1003)
    assert none.limit_pages == 1
    assert RecordedRun.model_validate(made_run()).with_more_memory(1).free_pages is None
