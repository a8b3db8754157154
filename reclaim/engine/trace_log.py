"""What a machine's tracepoints recorded, as events with names instead of numbers.

Here: the meaning of the core's records (`abi/tracepoints.py` is the table). Not here: the ring itself (core/trace.c), and
the forms in which a trace is written (`lab/trace_text.py`, `lab/perfetto.py`).

Each task and each kswapd has a clock of its own, and the core runs them in slices; so records are sorted by their time,
those of one clock staying in order.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from reclaim.abi.tracepoints import (
    LRU_NAMES,
    MAX_TRACE_FIELDS,
    RECLAIM_FLAGS,
    THROTTLE_REASONS,
    TRACEPOINTS,
    TYPE_NAMES,
    TraceField,
    Tracepoint,
)
from reclaim.diag.errors import ConfigError

RECORD = np.dtype(
    [
        ("time_ns", "<u8"),
        ("event", "<u2"),
        ("source", "<u2"),
        ("memcg", "<u4"),
        ("fields", "<u8", (MAX_TRACE_FIELDS,)),
    ]
)
"""`struct rcl_trace_record` of rcl.h."""

FROM_KSWAPD = 0x8000
FROM_FLUSHER = 0xC000
FROM_OUTSIDE = 0xFFFF
_NO_MEMCG = 0xFFFFFFFF

DEFAULT_RECORDS = 1 << 18
"""Room of a ring: 32 MiB; ours, about a minute of a small machine under pressure without the events per page."""

Value = int | str


@dataclass(frozen=True, slots=True)
class Track:
    """Name who was running: a task, a node's kswapd, or nobody.

    Args:
        name: as the kernel would call it.
        pid: number of a task from 1, of kswapds from 0x8000, of the flusher 0xC000; 0 for calls from outside.
    """

    name: str
    pid: int


@dataclass(frozen=True, slots=True)
class TraceEvent:
    """Hold one event.

    Args:
        time_ns: virtual, by the clock of who was running.
        tracepoint: which event.
        track: who was running.
        memcg: path of the memcg that it is about, None for none.
        fields: values by name; names of lists, tasks and flags as text.
    """

    time_ns: int
    tracepoint: Tracepoint
    track: Track
    memcg: str | None
    fields: dict[str, Value]

    @property
    def name(self) -> str:
        """Return the event's name."""
        return self.tracepoint.name


class TraceLog:
    """The events of a machine, oldest first.

    Args:
        records: as the ring gave them; dtype `RECORD`.
        nr_lost: older ones that the ring had no room for.
        tasks: names by number.
        policies: names by number of the attachment.
        memcgs: paths by number.
        list_name: name of a list from the memcg's number, the node's and the list's.
    """

    def __init__(
        self,
        records: npt.NDArray[np.void],
        nr_lost: int,
        tasks: Sequence[str],
        policies: Mapping[int, str],
        memcgs: Sequence[str],
        list_name: Callable[[int, int, int], str],
    ) -> None:
        self.records = records[np.argsort(records["time_ns"], kind="stable")]
        self.nr_lost = nr_lost
        self._tasks = tuple(tasks)
        self._policies = dict(policies)
        self._memcgs = tuple(memcgs)
        self._list_name = list_name
        self._lists: dict[tuple[int, int, int], str] = {}

    def __len__(self) -> int:
        """Return the number of events."""
        return len(self.records)

    def __iter__(self) -> Iterator[TraceEvent]:
        """Go through the events, oldest first."""
        for record in self.records:
            yield self._event(record)

    @cached_property
    def tracks(self) -> tuple[Track, ...]:
        """Return everybody who emitted something."""
        return tuple(self._track(int(source)) for source in np.unique(self.records["source"]))

    def _event(self, record: np.void) -> TraceEvent:
        tracepoint = TRACEPOINTS[int(record["event"])]
        memcg = int(record["memcg"])
        numbers = dict(zip((f.name for f in tracepoint.fields), map(int, record["fields"]), strict=False))
        nid = numbers.get("nid", 0)
        return TraceEvent(
            time_ns=int(record["time_ns"]),
            tracepoint=tracepoint,
            track=self._track(int(record["source"])),
            memcg=None if memcg == _NO_MEMCG else self._memcgs[memcg],
            fields={f.name: self._value(f, numbers[f.name], memcg, nid) for f in tracepoint.fields},
        )

    def _track(self, source: int) -> Track:
        if source == FROM_OUTSIDE:
            return Track("outside", 0)
        if source == FROM_FLUSHER:
            return Track("flusher", source)
        if source >= FROM_KSWAPD:
            return Track(f"kswapd{source - FROM_KSWAPD}", source)
        return Track(self._tasks[source], source + 1)

    def _value(self, field: TraceField, number: int, memcg: int, nid: int) -> Value:
        match field.kind:
            case "lru":
                return LRU_NAMES[number]
            case "type":
                return TYPE_NAMES[number]
            case "reclaim_flags":
                return "|".join(name for bit, name in RECLAIM_FLAGS.items() if number & bit)
            case "throttle_reason":
                return THROTTLE_REASONS[number]
            case "task":
                return self._tasks[number]
            case "list":
                return self._list(memcg, nid, number)
            case "attachment":
                return self._policies[number]
            case "pid":
                return number + 1
        return number

    def _list(self, memcg: int, nid: int, number: int) -> str:
        key = (memcg, nid, number)
        if key not in self._lists:
            self._lists[key] = self._list_name(*key)
        return self._lists[key]


def select_events(globs: Sequence[str]) -> int:
    """Return which events some patterns name, as the core takes them: bit n for the n-th of the table.

    Args:
        globs: names with `*` and `?`, with or without the system (`vmscan:*`); an exclamation mark in front takes
            events away again. None at all mean every event.

    Raises:
        ConfigError: a pattern names no event.
    """
    chosen = 0 if any(not glob.startswith("!") for glob in globs) else (1 << len(TRACEPOINTS)) - 1
    for glob in globs:
        pattern = glob.removeprefix("!")
        bits = sum(1 << n for n, point in enumerate(TRACEPOINTS) if _is_named(point, pattern))
        if not bits:
            names = ", ".join(point.name for point in TRACEPOINTS)
            raise ConfigError(f"no event is called {pattern!r}; there are {names}")
        chosen = chosen & ~bits if glob.startswith("!") else chosen | bits
    return chosen


def _is_named(tracepoint: Tracepoint, pattern: str) -> bool:
    return any(
        fnmatch.fnmatchcase(name, pattern)
        for name in (tracepoint.name, f"{tracepoint.system}:{tracepoint.name}")
    )
