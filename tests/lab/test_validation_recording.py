"""Recorded runs become cases: repeats and conditions, counters, resident pages, and refusals."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reclaim.diag.errors import ReclaimError
from reclaim.lab.validation_recording import Phase, RecordedRun, Recording, read_recording
from tests.lab.made_recording import NR_PAGES, made_group, made_recording, made_run, made_words


def _refusal(folder: Path, only: str | None = None) -> str:
    with pytest.raises(ReclaimError) as refusal:
        read_recording(folder, only)
    return str(refusal.value)


def _names(recording: Recording) -> list[str]:
    return [case.name for case in recording.cases]


def test_runs_that_differ_in_rep_alone_are_repeats_of_one_case(tmp_path: Path) -> None:
    """What was run makes a case, how often does not."""
    recording = read_recording(made_recording(tmp_path, made_run(), made_run(rep=2), made_run(lru="mglru")))
    assert [(case.name, len(case.runs)) for case in recording.cases] == [
        ("made anon 50% trad", 2),
        ("made anon 50% mglru", 1),
    ]


def test_runs_under_other_conditions_are_other_cases(tmp_path: Path) -> None:
    """A kernel that folds its statistics less often is another experiment."""
    recording = read_recording(made_recording(tmp_path, made_run(flush_us=1000), made_run(flush_us=4000)))
    assert _names(recording) == ["made anon 50% trad flush_us=1000", "made anon 50% trad flush_us=4000"]


def test_label_stands_in_the_name_and_what_all_repeats_share_does_not(tmp_path: Path) -> None:
    """A name says that something was unusual, and no more than it must."""
    recording = read_recording(made_recording(tmp_path, made_run(flush_us=1000, label="fresh")))
    assert _names(recording) == ["made anon 50% trad fresh"]


def test_only_chooses_cases_by_name(tmp_path: Path) -> None:
    """The pattern may match anywhere in the name."""
    folder = made_recording(tmp_path, made_run(), made_run(lru="mglru"))
    assert _names(read_recording(folder, "50%.*mglru")) == ["made anon 50% mglru"]


def test_memcgs_that_ran_together_are_cases_that_know_each_other(tmp_path: Path) -> None:
    """Each has its own name, and what must be run for it is the whole group, also where one case alone is asked for."""
    rows = (*made_group(), *made_group(rep=2))
    whole = read_recording(made_recording(tmp_path, *rows)).cases
    assert [case.name for case in whole] == [
        "made anon 50% trad low beside other",
        "made anon 50% trad beside low",
    ]
    assert [len(case.runs) for case in whole] == [2, 2]
    (second,) = read_recording(tmp_path, only="beside low").cases
    assert [run.number for run in second.together] == [0, 1]
    assert (whole[0].first.protection, whole[1].first.protection) == ("low 384", "")


def test_group_that_is_not_whole_is_refused(tmp_path: Path) -> None:
    """A memcg cannot be run without those that it shared the limit with."""
    text = _refusal(made_recording(tmp_path, made_group()[1]))
    assert "group 'both', trad, rep 1 has the numbers [1]; expected 0, 1 and so on" in text


@pytest.mark.parametrize("compress", [False, True])
def test_trace_is_read_plain_and_compressed(tmp_path: Path, compress: bool) -> None:
    """The folder may hold either form."""
    recording = read_recording(made_recording(tmp_path, made_run(), compress=compress))
    assert np.array_equal(recording.words["made"], made_words())


@pytest.mark.parametrize("nr_pages", [1, 4, 6, 9, NR_PAGES])
def test_resident_pages_are_bits_of_hex_digits_lowest_first(tmp_path: Path, nr_pages: int) -> None:
    """Page i is bit i % 4 of digit i // 4."""
    pages = np.arange(nr_pages) % 3 == 0
    digits = [
        sum(1 << bit for bit, page in enumerate(pages[i : i + 4]) if page) for i in range(0, nr_pages, 4)
    ]
    text = "".join(f"{digit:x}" for digit in digits)
    row = {"trace": "made", "mode": "anon", "frac": 0.5, "lru": "trad", "rep": 1, "resident_hex": text}
    folder = made_recording(tmp_path, made_run(n_anon=nr_pages, accesses=1), residency=[row])
    (folder / "traces" / "made.bin").write_bytes(bytes(4))
    (folder / "traces" / "meta.json").write_text('{"traces": {"made": {}}}', encoding="utf-8")
    assert np.array_equal(read_recording(folder).cases[0].residency[1], pages)


def _row(resident_hex: str, **changes: Any) -> dict[str, Any]:
    """Return a row of residency.jsonl for `made_run()`."""
    run = {"trace": "made", "mode": "anon", "frac": 0.5, "lru": "trad", "rep": 1}
    return run | {"resident_hex": resident_hex * (NR_PAGES // 4)} | changes


@pytest.mark.parametrize(
    ("periods", "run_us", "expected"),
    [
        ([1000, 4000], 1000, None),
        ([250, 4000], 1000, 250),
        ([4000], 1000, 4000),
        ([None], 1000, 4000),
        ([None], 4000, None),
        ([], 1000, None),
        ([4000], None, None),
    ],
)
def test_residency_of_runs_that_were_read_about_as_often_is_taken(
    tmp_path: Path, periods: list[int | None], run_us: int | None, expected: int | None
) -> None:
    """Of several sets the nearest stands for the case, which says what that was; 4000 us where a row does not say."""
    rows = [
        _row(f"{digit}", **({} if period is None else {"flush_us": period}))
        for digit, period in enumerate(periods)
    ]
    folder = made_recording(tmp_path, made_run(flush_us=run_us, flushes=80), residency=rows)
    case = read_recording(folder).cases[0]
    assert (case.residency_flush_us, len(case.residency)) == (expected, min(len(periods), 1))
    if periods:
        assert not case.residency[1].any()  # the digit 0 of the first row


@pytest.mark.parametrize(("flush_us", "flushes"), [(4000, 20), (500, 160), (0, 0)])
def test_run_for_residency_is_read_as_often_as_fits_the_same_work(
    tmp_path: Path, flush_us: int, flushes: int
) -> None:
    """The reader sleeps while the task computes, so a period four times as long means a quarter of the reads."""
    run = made_run(flush_us=1000, flushes=80)
    case = read_recording(made_recording(tmp_path, run, residency=[_row("f", flush_us=flush_us)])).cases[0]
    assert [(some.flush_us, some.flushes) for some in case.together_at_end] == [(flush_us, flushes)]
    assert [(some.flush_us, some.flushes) for some in case.together] == [(1000, 80)]


@pytest.mark.parametrize(
    ("counter", "expected"),
    [
        ("pgscan", 7),
        ("pgsteal", 40),
        ("pgactivate", 8),
        ("pgrefill", 6),
        ("pgdeactivate", 9),
        ("pswpin", None),
    ],
)
def test_counter_is_the_exact_one_where_there_are_two(counter: str, expected: int | None) -> None:
    """/proc/vmstat is exact, but memcg reclaim counts pgrefill in memory.stat alone."""
    memcg = {"pgscan": 64, "pgsteal": 40, "pgactivate": 64, "pgrefill": 6, "pgdeactivate": 9}
    vmstat = {"pgscan_anon": 3, "pgscan_file": 4, "pgactivate": 8, "pgrefill": 0}
    assert Phase(memcg=memcg, vmstat=vmstat).count(counter) == expected


def test_members_that_are_not_compared_may_be_anything() -> None:
    """A harness may record more than is read here."""
    assert RecordedRun.model_validate(made_run(zram_mm_stat=["1"], t_trace=None)).misses == 1000


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"limit_pages": "many"}, ["results.json: runs[0].limit_pages", "'many'", "integer"]),
        ({"mode": "paper"}, ["runs[0].mode", "'paper'", "'anon', 'fmmap', 'fread' or 'mixed'"]),
        ({"frac": 0.0}, ["runs[0].frac", "greater than 0"]),
        ({"trace": "../x"}, ["runs[0].trace", "'../x'"]),
        ({"misses": -1}, ["runs[0].misses", "-1"]),
        ({"gens_end": [[1, 2]]}, ["runs[0].gens_end"]),
        ({"n_file": 5}, ["made anon 50% trad", "n_file is 5", "expects 0"]),
        ({"mode": "fread"}, ["n_anon is 512", "expects 0"]),
        ({"accesses": 4001}, ["made.bin", "4000 accesses", "expects 4001"]),
        ({"n_anon": 8}, ["made.bin: byte ", "a region of 8 pages"]),
        ({"trace": "mode"}, ["meta.json: traces.mode: missing", "did you mean `made`"]),
    ],
)
def test_run_that_makes_no_sense_is_refused(
    tmp_path: Path, changes: dict[str, Any], expected: list[str]
) -> None:
    """The message names file, place, what was found and what was expected."""
    text = _refusal(made_recording(tmp_path, made_run(**changes)))
    assert [part for part in expected if part not in text] == [], text


def test_run_without_a_member_is_refused_by_its_name(tmp_path: Path) -> None:
    """What is missing is named."""
    run = made_run()
    del run["limit_pages"]
    assert "results.json: runs[0].limit_pages: missing; expected a value" in _refusal(
        made_recording(tmp_path, run)
    )


@pytest.mark.parametrize("text", ["[]", "null", '[{"trace": "x"}]'])
def test_results_that_are_no_object_are_refused(tmp_path: Path, text: str) -> None:
    """In words of the file, and in none of ours."""
    folder = made_recording(tmp_path, made_run())
    (folder / "results.json").write_text(text)
    assert _refusal(folder).endswith(
        f"results.json: the whole: found {json.loads(text)!r}; expected an object"
    )


def test_repeats_of_different_sizes_are_refused(tmp_path: Path) -> None:
    """Repeats are of one case, so their limits are one."""
    text = _refusal(made_recording(tmp_path, made_run(), made_run(rep=2, limit_pages=300)))
    assert "repeats differ in limit_pages (256, 300)" in text


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (lambda folder: (folder / "results.json").unlink(), "results.json: missing"),
        (
            lambda folder: (folder / "results.json").write_text("{,}", "utf-8"),
            "results.json: line 1, column 2",
        ),
        (lambda folder: (folder / "results.json").write_bytes(b'"\xff"'), "results.json: byte 1"),
        (lambda folder: (folder / "results.json").write_text("[]", "utf-8"), "results.json: the whole"),
        (lambda folder: (folder / "results.json").write_text('{"runs": []}', "utf-8"), "results.json: runs"),
        (lambda folder: (folder / "traces" / "meta.json").unlink(), "meta.json: missing"),
        (lambda folder: (folder / "traces" / "made.bin").unlink(), "made.bin: missing"),
        (lambda folder: (folder / "traces" / "made.bin").write_bytes(b"12345"), "made.bin: byte 4"),
        (lambda folder: (folder / "traces" / "made.bin").write_bytes(b"1234"), "meta.json expects"),
        (lambda folder: (folder / "traces" / "made.bin").write_bytes(b"\x28\xb5\x2f\xfd"), "zstd"),
        (lambda folder: (folder / "residency.jsonl").write_text("\n{\n", "utf-8"), "residency.jsonl: line 2"),
    ],
)
def test_folder_that_is_damaged_is_refused(
    tmp_path: Path, damage: Callable[[Path], object], expected: str
) -> None:
    """The message names the file, and where in it the trouble is."""
    folder = made_recording(tmp_path, made_run())
    damage(folder)
    assert expected in _refusal(folder)


def test_residency_of_wrong_length_is_refused(tmp_path: Path) -> None:
    """A bit for every page, no more and no fewer."""
    row = {"trace": "made", "mode": "anon", "frac": 0.5, "lru": "trad", "rep": 1, "resident_hex": "f0"}
    text = _refusal(made_recording(tmp_path, made_run(), residency=[row]))
    assert "has 2 characters; expected 128 hexadecimal digits for 512 pages" in text


def test_only_that_matches_nothing_is_refused_with_an_example(tmp_path: Path) -> None:
    """The message shows what a name looks like."""
    text = _refusal(made_recording(tmp_path, made_run()), "zipf")
    assert ("'zipf'" in text, "made anon 50% trad" in text) == (True, True)


def test_results_may_be_one_long_line_of_json(tmp_path: Path) -> None:
    """The layout of JSON carries no meaning."""
    folder = made_recording(tmp_path, made_run())
    (folder / "results.json").write_text(json.dumps({"runs": [made_run()]}, indent=None), encoding="utf-8")
    assert len(read_recording(folder).cases) == 1
