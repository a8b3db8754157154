"""The options of `run` that look inside: what to write while a policy runs.

Here: from those options to an `Observation`. Not here: what each file holds (reclaim/lab/observing.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from reclaim.cli.experiment_options import STDOUT, Decorator, check_target, section_option
from reclaim.diag.errors import ConfigError
from reclaim.diag.whole_file import is_special
from reclaim.lab.observing import (
    DumpRequest,
    Observation,
    SeriesRequest,
    TraceForm,
    TraceRequest,
    parse_duration,
)

_SECTION = "Looking inside"

_MOST_RECORDS = 1 << 26
"""The core's own limit (rcl.h)."""

DEFAULT_PERIOD = "10ms"
"""Ours: some hundred samples of a second."""

DEFAULT_FORM: TraceForm = "perfetto"
"""The one that people look at."""

_FILES = {
    "events_path": "--trace-events",
    "series_path": "--series",
    "dump_path": "--dump",
    "json_path": "--json",
}
"""Options that name a file to write."""

_OPTIONS: tuple[Decorator, ...] = (
    section_option(
        _SECTION,
        "--trace-events",
        "events_path",
        metavar="FILE",
        help="Write tracepoints: of kswapd, reclaim, lists, refaults, OOM.",
    ),
    section_option(
        _SECTION,
        "--events",
        "event_globs",
        metavar="GLOB",
        multiple=True,
        help="Only events of these names, such as mm_vmscan_* or vmscan:*; !GLOB leaves some out; may be repeated.",
    ),
    section_option(
        _SECTION,
        "--trace-format",
        type=click.Choice(("perfetto", "text")),
        help="perfetto: JSON for ui.perfetto.dev; text: as the kernel's trace_pipe. Default perfetto.",
    ),
    section_option(
        _SECTION,
        "--trace-buffer",
        "trace_records",
        type=click.IntRange(1, _MOST_RECORDS),
        metavar="EVENTS",
        help="Events kept, 128 bytes each; of more the latest. Default 262144.",
    ),
    section_option(
        _SECTION,
        "--series",
        "series_path",
        metavar="FILE",
        help="Write memory.stat, vmstat and pressure of all memcgs and nodes over time; JSON for FILE.json, else CSV.",
    ),
    section_option(
        _SECTION,
        "--period",
        metavar="TIME",
        help=f"Virtual time between samples of --series. Default {DEFAULT_PERIOD}.",
    ),
    section_option(
        _SECTION,
        "--columns",
        metavar="GLOB",
        multiple=True,
        help="Only columns of these names, such as pgscan* or /lab:*; may be repeated.",
    ),
    section_option(
        _SECTION,
        "--dump",
        "dump_path",
        metavar="FILE",
        help="Write all lists and statistics as they are at the end, or at --dump-at; JSON for FILE.json, else text.",
    ),
    section_option(
        _SECTION,
        "--dump-at",
        "dump_times",
        metavar="TIME",
        multiple=True,
        help="Virtual time of a --dump, such as 10ms; may be repeated.",
    ),
)


def observation_options(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that look inside."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def observation_of(options: dict[str, Any]) -> Observation | None:
    """Return what the options ask to look at, None for nothing.

    Args:
        options: of the command line, as click has read them.

    Raises:
        click.UsageError: options that say how of something that was not asked for.
        ConfigError: a file that cannot be written, or that two options name, or a name of no event.
    """
    _refuse_shared_files(options)
    observation = Observation(_trace_request(options), _series_request(options), _dump_request(options))
    if observation == Observation():
        return None
    observation.check()
    return observation


def _trace_request(options: dict[str, Any]) -> TraceRequest | None:
    path = options["events_path"]
    if path is None:
        names = {
            "event_globs": "--events",
            "trace_format": "--trace-format",
            "trace_records": "--trace-buffer",
        }
        _refuse_alone(options, "--trace-events", names)
        return None
    form = options["trace_format"] or DEFAULT_FORM
    request = TraceRequest(_target(path, "--trace-events"), options["event_globs"], form)
    if options["trace_records"] is None:
        return request
    return TraceRequest(request.path, request.events, request.form, options["trace_records"])


def _series_request(options: dict[str, Any]) -> SeriesRequest | None:
    path = options["series_path"]
    if path is None:
        _refuse_alone(options, "--series", {"period": "--period", "columns": "--columns"})
        return None
    period_ns = parse_duration(options["period"] or DEFAULT_PERIOD, "--period")
    return SeriesRequest(_target(path, "--series"), period_ns, options["columns"])


def _dump_request(options: dict[str, Any]) -> DumpRequest | None:
    path = options["dump_path"]
    if path is None:
        _refuse_alone(options, "--dump", {"dump_times": "--dump-at"})
        return None
    times_ns = tuple(parse_duration(text, "--dump-at") for text in options["dump_times"])
    return DumpRequest(_target(path, "--dump"), times_ns)


def _refuse_shared_files(options: dict[str, Any]) -> None:
    """Refuse two options that would write one file, of which the second would be all that is left."""
    first: dict[Path, str] = {}
    for name, option in _FILES.items():
        path = options[name]
        if path is None or path == STDOUT:
            continue
        place = Path(path).resolve()
        if place in first and not is_special(place):
            raise ConfigError(f"{path}: {first[place]} and {option} both write it; expected a file for each")
        first[place] = option


def _refuse_alone(options: dict[str, Any], owner: str, names: Mapping[str, str]) -> None:
    """Refuse options that say how of something that was not asked for."""
    for name, option in names.items():
        if options[name]:
            raise click.UsageError(f"{option} is for {owner}, which was not given")


def _target(path: str, option: str) -> Path:
    if path == STDOUT:
        raise ConfigError(f"{option} expects a file; results go to stdout")
    check_target(path, option)
    return Path(path)
