"""The two written forms of a trace: Trace Event Format, and the kernel's text."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from typing import Any

import pytest

from reclaim.engine import Machine, NodeConfig
from reclaim.engine.trace_log import TraceLog
from reclaim.lab.perfetto import perfetto_lines
from reclaim.lab.trace_text import text_lines
from reclaim.workload import synth

_LINE = re.compile(r" *(\S+)-(\d+) +\[000\] \.{5} +(\d+\.\d{6}): (\w+): (.*)")


@pytest.fixture(scope="module")
def log() -> TraceLog:
    """Return a trace of two tasks, two nodes and their kswapds."""
    machine = Machine(nodes=(NodeConfig(pages=600), NodeConfig(pages=600)), swap="zram:8M")
    for node in range(2):
        machine.add_task(synth("zipf:pages=1K,accesses=10K,write=50%", seed=node), node=node)
    machine.trace()
    machine.run()
    return machine.trace_log()


def _document(log: TraceLog) -> dict[str, Any]:
    document: dict[str, Any] = json.loads("".join(perfetto_lines(log)))
    return document


def test_perfetto_events_have_what_the_format_asks_for(log: TraceLog) -> None:
    """Each event has a name, a phase, a process, a thread and, but for names, a time in microseconds."""
    events = _document(log)["traceEvents"]

    assert {event["ph"] for event in events} == {"M", "B", "E", "i", "C"}
    for event in events:
        assert event["name"]
        assert isinstance(event["pid"], int)
        assert isinstance(event["tid"], int)
        assert event["ph"] == "M" or event["ts"] >= 0
        assert event["ph"] != "i" or event["s"] == "t"
        assert event["ph"] != "C" or all(isinstance(value, int) for value in event["args"].values())


def test_perfetto_slices_nest_and_close_on_every_track(log: TraceLog) -> None:
    """Begins and ends of a thread match like brackets, and its times never go back."""
    stacks: dict[int, list[str]] = defaultdict(list)
    latest: dict[int, float] = defaultdict(float)
    for event in _document(log)["traceEvents"]:
        if event["ph"] not in "BE":
            continue
        assert event["ts"] >= latest[event["tid"]]
        latest[event["tid"]] = event["ts"]
        if event["ph"] == "B":
            stacks[event["tid"]].append(event["name"])
        else:
            assert stacks[event["tid"]].pop() == event["name"]

    assert stacks
    assert not any(stacks.values())


def test_perfetto_names_every_track(log: TraceLog) -> None:
    """Tasks and kswapds are threads with names."""
    names = {
        event["tid"]: event["args"]["name"]
        for event in _document(log)["traceEvents"]
        if event["name"] == "thread_name"
    }

    assert {"kswapd0", "kswapd1"} <= set(names.values())
    assert names.keys() == {track.pid for track in log.tracks}


def test_perfetto_of_a_trace_whose_beginning_was_lost_has_no_lonely_ends() -> None:
    """A slice whose begin fell out of the ring is left out, and the document says what was lost."""
    machine = Machine(memory_max="2M", swap="zram:8M")
    machine.add_task(synth("zipf:pages=1K,accesses=20K,write=50%"))
    machine.trace("*memcg_reclaim*", records=5)
    machine.run()

    document = _document(machine.trace_log())
    phases = [event["ph"] for event in document["traceEvents"] if event["ph"] in "BE"]

    assert phases == ["B", "E", "B", "E"]
    assert document["otherData"]["events_lost"] > 0


def test_text_lines_read_like_those_of_trace_pipe(log: TraceLog) -> None:
    """Every line has task, pid, time, event and fields at their places; the kernel's fields come first."""
    lines = [line for line in text_lines(log) if not line.startswith("#")]
    found = [_LINE.fullmatch(line.rstrip("\n")) for line in lines]

    assert len(lines) == len(log)
    assert all(found)
    isolate = next(match for match in found if match and match[4] == "mm_vmscan_lru_isolate")
    assert re.match(
        r"order=0 nr_requested=\d+ nr_scanned=\d+ nr_skipped=\d+ nr_taken=\d+ lru=\w+ memcg=/", isolate[5]
    )


def test_text_of_an_empty_trace_is_its_head() -> None:
    """Nothing recorded is no error."""
    machine = Machine(nodes="4M")
    machine.trace()

    assert all(line.startswith("#") for line in text_lines(machine.trace_log()))
    assert _document(machine.trace_log())["otherData"] == {"clock": "virtual time", "events_lost": 0}
