"""`reclaim run` with options that look inside."""

from __future__ import annotations

import json
from pathlib import Path

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
