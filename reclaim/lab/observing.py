"""What to look at while a run goes on, and the files that this gives.

Here: the choice of files, and writing each after the run in the process that ran it. Not here: the forms themselves
(trace_text.py, perfetto.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from reclaim.diag.errors import ConfigError
from reclaim.engine import Machine, Result
from reclaim.engine.trace_log import DEFAULT_RECORDS, select_events
from reclaim.lab.perfetto import perfetto_lines
from reclaim.lab.trace_text import text_lines

TraceForm = Literal["perfetto", "text"]


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
class Observation:
    """Say what to look at in the one run of an experiment.

    Args:
        trace: a trace of events, None for none.
    """

    trace: TraceRequest | None = None

    def check(self) -> None:
        """Refuse what cannot be observed before anything runs.

        Raises:
            ConfigError: a pattern names no event.
        """
        if self.trace is not None:
            select_events(self.trace.events)


def observe(
    machine: Machine, observation: Observation, run: Callable[[], Result]
) -> tuple[Result, tuple[str, ...]]:
    """Run a machine under observation and write the files.

    Args:
        machine: with its tasks and policies.
        observation: what to look at.
        run: runs the machine.

    Returns:
        What the run gave, and what the user should know of the files, a sentence each.

    Raises:
        ConfigError: a file cannot be written.
    """
    request = observation.trace
    if request is not None:
        machine.trace(*request.events, records=request.records)
    result = run()
    notes = () if request is None else _write_trace(machine, request)
    return result, notes


def _write_trace(machine: Machine, request: TraceRequest) -> tuple[str, ...]:
    log = machine.trace_log()
    lines = perfetto_lines(log) if request.form == "perfetto" else text_lines(log)
    _write(request.path, lines)
    if not log.nr_lost:
        return ()
    note = (
        f"{request.path}: {log.nr_lost:,} older events were dropped, the latest {len(log):,} are there; "
        "--trace-buffer keeps more, --events records fewer"
    )
    return (note,)


def _write(path: Path, lines: Iterable[str]) -> None:
    try:
        with path.open("w", encoding="utf-8") as file:
            file.writelines(lines)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror or error}") from error
