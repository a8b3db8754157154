"""What to look at while a run goes on, and the files that this gives.

Here: the choice of files, and writing each after the run in the process that ran it. Not here: the forms of a trace
(trace_text.py, perfetto.py) and of a dump (engine/list_dump.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from pathlib import Path
from typing import Any, Literal

from reclaim.diag.errors import ConfigError
from reclaim.diag.whole_file import whole_file
from reclaim.engine import Machine, Result
from reclaim.engine.list_dump import dump_text
from reclaim.engine.trace_log import DEFAULT_RECORDS, select_events
from reclaim.engine.watching import Dumps, Series, Watch
from reclaim.lab.perfetto import JsonEvent, counter_event, perfetto_lines
from reclaim.lab.trace_text import text_lines

TraceForm = Literal["perfetto", "text"]

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ns|us|ms|s)")
_UNITS_NS = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000}

Run = Callable[[Sequence[Watch]], Result]
"""Runs the machine with the watches given."""


@dataclass(frozen=True, slots=True)
class TraceRequest:
    """Ask for a trace of events.

    Args:
        path: file to write.
        events: patterns as for `Machine.trace`.
        form: how it is written.
        records: events kept; of more the latest.
    """

    path: Path
    events: tuple[str, ...] = ()
    form: TraceForm = "perfetto"
    records: int = DEFAULT_RECORDS


@dataclass(frozen=True, slots=True)
class SeriesRequest:
    """Ask for a time series.

    Args:
        path: file to write: JSON where it is called `.json`, else CSV.
        period_ns: virtual time from one sample to the next.
        columns: patterns as for `Series`.
    """

    path: Path
    period_ns: int
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DumpRequest:
    """Ask for dumps.

    Args:
        path: file to write: JSON where it is called `.json`, else text.
        times_ns: virtual times; none: the end of the run.
    """

    path: Path
    times_ns: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Observation:
    """Say what to look at in the one run of an experiment; None for what is not wanted."""

    trace: TraceRequest | None = None
    series: SeriesRequest | None = None
    dump: DumpRequest | None = None

    def check(self) -> None:
        """Refuse what cannot be observed before anything runs.

        Raises:
            ConfigError: a pattern names no event.
        """
        if self.trace is not None:
            select_events(self.trace.events)


def parse_duration(text: str, option: str) -> int:
    """Return the nanoseconds of a time such as `10ms`, `1.5s` or `500us`.

    Raises:
        ConfigError: it is none, or is zero.
    """
    match = _DURATION.fullmatch(text.strip())
    duration_ns = round(float(match[1]) * _UNITS_NS[match[2]]) if match else 0
    if duration_ns <= 0:
        raise ConfigError(f"{option} is {text!r}; expected a time above 0 such as 500us, 10ms or 1.5s")
    return duration_ns


def observe(machine: Machine, observation: Observation, run: Run) -> tuple[Result, tuple[str, ...]]:
    """Run a machine under observation and write the files.

    Args:
        machine: with its tasks and policies.
        observation: what to look at.
        run: runs the machine.

    Returns:
        What the run gave, and what the user should know of the files, a sentence each.

    Raises:
        ConfigError: a file cannot be written, or a pattern names no column.
    """
    series = dumps = None
    if observation.trace is not None:
        machine.trace(*observation.trace.events, records=observation.trace.records)
    if observation.series is not None:
        series = Series(observation.series.period_ns, *observation.series.columns)
        series.choose(machine)
    if observation.dump is not None:
        times_ns = observation.dump.times_ns
        dumps = Dumps(times_ns, at_end=not times_ns)
    result = run([watch for watch in (series, dumps) if watch is not None])
    notes = []
    if observation.trace is not None:
        notes += _write_trace(machine, observation.trace, series)
    if observation.series is not None and series is not None:
        _write(observation.series.path, _series_lines(series, observation.series))
    if observation.dump is not None and dumps is not None:
        notes += _write_dumps(observation.dump, dumps, machine.virtual_ns)
    return result, tuple(notes)


def _write_trace(machine: Machine, request: TraceRequest, series: Series | None) -> list[str]:
    log = machine.trace_log()
    counters = () if series is None else _counter_tracks(series)
    _write(request.path, perfetto_lines(log, counters) if request.form == "perfetto" else text_lines(log))
    if not log.nr_lost:
        return []
    note = (
        f"{request.path}: {log.nr_lost:,} older events were dropped, the latest {len(log):,} are there; "
        "--trace-buffer keeps more, --events records fewer"
    )
    return [note]


def _counter_tracks(series: Series) -> Iterator[JsonEvent]:
    """Turn each column of a series into a counter track."""
    for time_ns, row in zip(series.time_ns.tolist(), series.values.tolist(), strict=True):
        for column, value in zip(series.columns, row, strict=True):
            yield counter_event(time_ns, column, {column.rpartition(":")[2]: value})


def _series_lines(series: Series, request: SeriesRequest) -> Iterator[str]:
    if request.path.suffix == ".json":
        columns = {name: series[name].tolist() for name in series.columns}
        yield json.dumps(
            {"period_ns": request.period_ns, "time_ns": series.time_ns.tolist(), "columns": columns}, indent=1
        )
        yield "\n"
        return
    yield ",".join(("time_ns", *series.columns)) + "\n"
    for time_ns, row in zip(series.time_ns.tolist(), series.values.tolist(), strict=True):
        yield ",".join(map(str, (time_ns, *row))) + "\n"


def _write_dumps(request: DumpRequest, dumps: Dumps, end_ns: int) -> list[str]:
    if request.path.suffix == ".json":
        _write(request.path, [json.dumps({"dumps": dumps.dumps}, indent=1, default=_plain), "\n"])
    else:
        _write(request.path, (line for dump in dumps.dumps for line in dump_text(dump)))
    missed = ", ".join(f"{time_ns / _UNITS_NS['s']:g} s" for time_ns in dumps.missed_ns)
    if not missed:
        return []
    return [f"{request.path}: no dump at {missed}; the run ended at {end_ns / _UNITS_NS['s']:g} s"]


def _plain(value: Any) -> Any:
    assert is_dataclass(value)
    assert not isinstance(value, type)
    return asdict(value)


def _write(path: Path, lines: Iterable[str]) -> None:
    try:
        with whole_file(path) as file:
            file.writelines(line.encode("utf-8") for line in lines)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror or error}") from error
