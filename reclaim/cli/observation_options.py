"""The options of `run` that look inside: what to write while a policy runs.

Here: from those options to an `Observation`. Not here: what each file holds (reclaim/lab/observing.py).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from reclaim.cli.experiment_options import STDOUT, Decorator, check_target, section_option
from reclaim.diag.errors import ConfigError
from reclaim.lab.observing import Observation, TraceRequest

_SECTION = "Looking inside"

_MOST_RECORDS = 1 << 26
"""The core's own limit (rcl.h)."""

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
        default="perfetto",
        show_default=True,
        help="perfetto: JSON for ui.perfetto.dev; text: as the kernel's trace_pipe.",
    ),
    section_option(
        _SECTION,
        "--trace-buffer",
        "trace_records",
        type=click.IntRange(1, _MOST_RECORDS),
        metavar="EVENTS",
        help="Events kept, 128 bytes each; of more the latest. Default 262144.",
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
        ConfigError: a file that cannot be written, or a name of no event.
    """
    trace = _trace_request(options)
    if trace is None:
        return None
    observation = Observation(trace)
    observation.check()
    return observation


def _trace_request(options: dict[str, Any]) -> TraceRequest | None:
    path = options["events_path"]
    if path is None:
        for name, option in (("event_globs", "--events"), ("trace_records", "--trace-buffer")):
            if options[name]:
                raise click.UsageError(f"{option} is for --trace-events, which was not given")
        return None
    request = TraceRequest(_target(path, "--trace-events"), options["event_globs"], options["trace_format"])
    if options["trace_records"] is None:
        return request
    return TraceRequest(request.path, request.events, request.form, options["trace_records"])


def _target(path: str, option: str) -> Path:
    if path == STDOUT:
        raise ConfigError(f"{option} expects a file; results go to stdout")
    check_target(path, option)
    return Path(path)
