"""`reclaim run` with options that look inside."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.cli.command_runs import SMALL, invoked, refused


def _run(*arguments: str) -> str:
    result = invoked("run", "mglru", "--workload", SMALL, *arguments)
    assert result.exit_code == 0, result.output
    return result.stderr


def test_run_with_trace_events_writes_them_as_perfetto(tmp_path: Path) -> None:
    """The default form is JSON that Perfetto opens."""
    path = tmp_path / "trace.json"
    _run("--trace-events", str(path), "--events", "mm_vmscan_*")

    names = {event["name"] for event in json.loads(path.read_text())["traceEvents"]}
    assert {"memcg reclaim", "mm_vmscan_lru_isolate"} <= names
    assert "mm_lru_insertion" not in names


def test_run_with_a_small_trace_buffer_says_what_was_lost(tmp_path: Path) -> None:
    """Nobody takes a trace for complete that is not."""
    path = tmp_path / "trace.txt"
    stderr = _run("--trace-events", str(path), "--trace-format", "text", "--trace-buffer", "10")

    assert "older events were dropped, the latest 10 are there" in stderr
    assert len([line for line in path.read_text().splitlines() if not line.startswith("#")]) == 10


def test_run_of_several_workloads_cannot_be_traced(tmp_path: Path) -> None:
    """One file holds one run."""
    path = str(tmp_path / "trace.json")
    said = refused(
        "run",
        "trad",
        "--workload",
        SMALL,
        "--memory-max",
        "30%",
        "--memory-max",
        "50%",
        "--trace-events",
        path,
    )

    assert "only a single run can be observed, and this makes 2" in said
    assert not Path(path).exists()


def test_run_with_wrong_trace_options_names_them(tmp_path: Path) -> None:
    """Options that make no sense are refused before anything runs."""
    assert "--trace-events, which was not given" in refused("run", "trad", "--events", "mm_*")
    assert "no event is called 'nothing'" in refused(
        "run", "trad", "--trace-events", str(tmp_path / "t"), "--events", "nothing"
    )
    assert "is a directory; --trace-events expects a file" in refused(
        "run", "trad", "--trace-events", str(tmp_path)
    )
    assert "--trace-events expects a file; results go to stdout" in refused(
        "run", "trad", "--trace-events", "-"
    )


def test_run_with_series_writes_columns_over_time(tmp_path: Path) -> None:
    """CSV by default, JSON by name, with the same numbers."""
    table, document = tmp_path / "s.csv", tmp_path / "s.json"
    for path in (table, document):
        _run(
            "--series",
            str(path),
            "--period",
            "5ms",
            "--columns",
            "/lab:pg*",
            "--columns",
            "node0:nr_free_pages",
        )

    head, *rows = (line.split(",") for line in table.read_text().splitlines())
    series = json.loads(document.read_text())
    assert head[0] == "time_ns"
    assert head[1:] == list(series["columns"])
    assert [int(row[0]) for row in rows] == series["time_ns"]
    assert [int(row[head.index("/lab:pgscan")]) for row in rows] == series["columns"]["/lab:pgscan"]


def test_run_with_series_and_trace_draws_the_columns_as_counters(tmp_path: Path) -> None:
    """Perfetto shows levels above the slices."""
    trace = tmp_path / "trace.json"
    _run("--series", str(tmp_path / "s.csv"), "--columns", "/lab:anon", "--trace-events", str(trace))

    events = json.loads(trace.read_text())["traceEvents"]
    assert any(event["ph"] == "C" and event["name"] == "/lab:anon" for event in events)


def test_run_with_dump_writes_lists_and_files(tmp_path: Path) -> None:
    """Text by default, at the end or at the times asked for; a time that never comes is said."""
    text, document = tmp_path / "d.txt", tmp_path / "d.json"
    stderr = _run("--dump", str(text), "--dump-at", "1ms", "--dump-at", "999s")
    _run("--dump", str(document))

    assert "no dump at 999 s; the run ended at" in stderr
    assert text.read_text().startswith("# 0.001000 s\n")
    assert "lru_gen" in text.read_text()
    assert len(json.loads(document.read_text())["dumps"]) == 1


def test_run_with_wrong_times_and_columns_names_them(tmp_path: Path) -> None:
    """Units are needed, columns must exist, and files must be asked for."""
    path = str(tmp_path / "x")

    assert "--dump-at is '3'; expected a time above 0" in refused(
        "run", "trad", "--dump", path, "--dump-at", "3"
    )
    assert "--period is '0ms'" in refused("run", "trad", "--series", path, "--period", "0ms")
    assert "--columns is for --series" in refused("run", "trad", "--columns", "pg*")
    assert "nothing is called 'foo'" in refused(
        "run", "trad", "--workload", SMALL, "--series", path, "--columns", "foo"
    )


def test_run_with_two_options_for_one_file_is_refused(tmp_path: Path) -> None:
    """The second would overwrite what the first wrote."""
    path = tmp_path / "both.json"
    said = refused("run", "trad", "--workload", SMALL, "--series", str(path), "--dump", str(path))

    assert said == f"error: {path}: --series and --dump both write it; expected a file for each\n"
    assert "--series and --json both write it" in refused(
        "run", "trad", "--workload", SMALL, "--series", str(path), "--json", str(path)
    )


def test_trace_format_without_a_trace_is_refused() -> None:
    """As all that says how of something that was not asked for."""
    assert "--trace-format is for --trace-events" in refused("run", "trad", "--trace-format", "text")


@pytest.mark.parametrize("option", ["--trace-events", "--series", "--dump", "--json"])
def test_output_to_what_is_no_file_does_not_replace_it(tmp_path: Path, option: str) -> None:
    """A file in place of /dev/null would take that from everybody."""
    link = tmp_path / "link"
    link.symlink_to(os.devnull)
    _run(option, str(link))

    assert link.is_symlink()
    assert link.is_char_device()


def test_output_to_a_link_writes_what_it_leads_to(tmp_path: Path) -> None:
    """As anything else does that writes a file."""
    (tmp_path / "link").symlink_to(tmp_path / "there")
    _run("--json", str(tmp_path / "link"))

    assert (tmp_path / "link").is_symlink()
    assert json.loads((tmp_path / "there").read_text())["runs"]
