"""A trace in the Trace Event Format, which ui.perfetto.dev and chrome://tracing open.

Each task and each kswapd is a thread. Events that begin and end something are slices on its track, all others are
instants with their fields as arguments; what each lruvec scanned and reclaimed so far are counter tracks. Times are
virtual microseconds.

Source: "Trace Event Format", the document of catapult's trace viewer.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from reclaim.engine.trace_log import TraceEvent, TraceLog, Track

_PID = 1
"""All tracks belong to one process: the machine."""

JsonEvent = dict[str, Any]


def perfetto_lines(log: TraceLog, more: Iterable[JsonEvent] = ()) -> Iterator[str]:
    """Write a trace piece by piece as one JSON document.

    Args:
        log: the events.
        more: further events of the format, such as those of counters sampled beside.

    Returns:
        Lines with their line feeds.
    """
    yield '{"displayTimeUnit": "ns",\n'
    yield f'"otherData": {json.dumps({"clock": "virtual time", "events_lost": log.nr_lost})},\n'
    yield '"traceEvents": [\n'
    separator = ""
    for events in (_names(log), _events(log), more):
        for event in events:
            yield separator + json.dumps(event)
            separator = ",\n"
    yield "\n]}\n"


def counter_event(time_ns: int, name: str, values: Mapping[str, int]) -> JsonEvent:
    """Return a step of a counter track."""
    return {
        "name": name,
        "ph": "C",
        "pid": _PID,
        "tid": 0,
        "ts": _microseconds(time_ns),
        "args": dict(values),
    }


def _names(log: TraceLog) -> Iterator[JsonEvent]:
    yield {"name": "process_name", "ph": "M", "pid": _PID, "tid": 0, "args": {"name": "reclaim-lab"}}
    for order, track in enumerate(sorted(log.tracks, key=lambda track: -track.pid)):
        common = {"ph": "M", "pid": _PID, "tid": track.pid}
        yield {"name": "thread_name", **common, "args": {"name": track.name}}
        yield {"name": "thread_sort_index", **common, "args": {"sort_index": order}}


def _events(log: TraceLog) -> Iterator[JsonEvent]:
    open_slices: dict[Track, list[str]] = {}
    totals: dict[str, dict[str, int]] = {}
    latest_ns: dict[Track, int] = {}
    for event in log:
        stack = open_slices.setdefault(event.track, [])
        latest_ns[event.track] = event.time_ns
        yield from _one(event, stack)
        yield from _counter(event, totals)
    for track, stack in open_slices.items():
        for name in reversed(stack):  # the trace ends inside: slices end with what is known of their track
            yield {
                "name": name,
                "ph": "E",
                "pid": _PID,
                "tid": track.pid,
                "ts": _microseconds(latest_ns[track]),
            }


def _one(event: TraceEvent, stack: list[str]) -> Iterator[JsonEvent]:
    """Turn an event into a slice's begin or end, or into an instant."""
    tracepoint = event.tracepoint
    memcg = {} if event.memcg is None else {"memcg": event.memcg}
    common = {
        "pid": _PID,
        "tid": event.track.pid,
        "ts": _microseconds(event.time_ns),
        "args": event.fields | memcg,
    }
    if tracepoint.begins:
        stack.append(tracepoint.begins)
        yield {"name": tracepoint.begins, "cat": tracepoint.system, "ph": "B", **common}
    elif tracepoint.ends:
        if tracepoint.ends not in stack:
            return  # its begin was lost from the ring
        while (name := stack.pop()) != tracepoint.ends:
            yield {"name": name, "ph": "E", "pid": _PID, "tid": event.track.pid, "ts": common["ts"]}
        yield {"name": tracepoint.ends, "cat": tracepoint.system, "ph": "E", **common}
    else:
        yield {"name": event.name, "cat": tracepoint.system, "ph": "i", "s": "t", **common}


def _counter(event: TraceEvent, totals: dict[str, dict[str, int]]) -> Iterator[JsonEvent]:
    if event.name != "mm_vmscan_lru_shrink_inactive":
        return
    track = f"reclaim {event.memcg} node{event.fields['nid']}"
    total = totals.setdefault(track, {"scanned": 0, "reclaimed": 0})
    total["scanned"] += int(event.fields["nr_scanned"])
    total["reclaimed"] += int(event.fields["nr_reclaimed"])
    yield counter_event(event.time_ns, track, total)


def _microseconds(time_ns: int) -> float:
    return time_ns / 1000
