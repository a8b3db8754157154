"""A trace as the kernel's `trace_pipe` writes it, so that both can be compared line by line.

A line is `task-pid [cpu] flags seconds: event: fields`; the fields are the kernel's in its own order and words, then
`memcg=` and what else only the model knows. There are no CPUs here: the number is always 000.
"""

from __future__ import annotations

from collections.abc import Iterator

from reclaim.abi.limits import PAGE_BYTES
from reclaim.abi.tracepoints import TraceField
from reclaim.engine.trace_log import TraceEvent, TraceLog

_COMM_LETTERS = 15
"""Letters of a task's name (TASK_COMM_LEN, include/linux/sched.h v6.12, less its end)."""

_NS_PER_S = 1_000_000_000


def text_lines(log: TraceLog) -> Iterator[str]:
    """Write a trace line by line, the head and what was lost first.

    Args:
        log: the events.

    Returns:
        Lines with their line feeds.
    """
    yield "# tracer: nop\n#\n"
    yield f"# entries-in-buffer/entries-written: {len(log)}/{len(log) + log.nr_lost}   #P:1\n#\n"
    yield "#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION\n"
    yield "#              | |         |   |||||     |         |\n"
    for event in log:
        yield f"{_head(event)} {event.name}: {fields_text(event)}\n"


def fields_text(event: TraceEvent) -> str:
    """Return the fields of an event as the kernel writes them, ours last."""
    fields = event.tracepoint.fields
    kernel = [_field_text(field, event.fields[field.name]) for field in fields if not field.ours]
    ours = [_field_text(field, event.fields[field.name]) for field in fields if field.ours]
    memcg = [] if event.memcg is None else [f"memcg={event.memcg}"]
    return " ".join((*kernel, *memcg, *ours))


def _head(event: TraceEvent) -> str:
    comm = "".join("_" if letter.isspace() else letter for letter in event.track.name)[:_COMM_LETTERS]
    seconds, rest = divmod(event.time_ns, _NS_PER_S)
    return f"{comm:>16}-{event.track.pid:<7d} [000] ..... {seconds:5d}.{rest // 1000:06d}:"


def _field_text(field: TraceField, value: int | str) -> str:
    label = field.label if field.label is not None else f"{field.name}="
    if field.kind == "hex":
        return f"{label}{value:#x}"
    if field.kind == "bare_hex":
        return f"{label}{value:x}"
    if field.kind == "page_offset":
        return f"{label}{int(value) * PAGE_BYTES}"
    return f"{label}{value}kB" if field.kind == "kilobytes" else f"{label}{value}"
