"""Opening a trace of any format.

Here: telling the format of a file from its name and its first bytes, and opening it. Not here: the formats
themselves (rtrace.py, formats/).

The native magic decides first, then the name, then the contents; a guess between binary formats would be
worse than a question, so a file that nothing tells is refused with the choices.
"""

from __future__ import annotations

import difflib
from pathlib import Path

from reclaim.diag.errors import ConfigError, TraceError
from reclaim.workload.access_trace import Trace
from reclaim.workload.byte_source import ByteSource
from reclaim.workload.foreign import ACCESSES, Options
from reclaim.workload.formats import foreign_formats
from reclaim.workload.rtrace import MAGIC, read_rtrace

NATIVE = "rtrace"

_HEAD_BYTES = 1 << 16


def format_names() -> list[str]:
    """Return what `--format` takes."""
    return [NATIVE, *foreign_formats()]


def open_trace(
    path: str | Path,
    *,
    format: str | None = None,  # noqa: A002  # the name that the command line uses too
    access: str | None = None,
    expand: bool = False,
    columns: str | None = None,
) -> Trace:
    """Open a trace file of any known format, plain or zstd compressed.

    Args:
        path: the file.
        format: one of `format_names()`; None tells it from name and contents.
        access: `mmap` or `read`, how a trace that does not know it touches its pages; None leaves it to the format.
        expand: split a request into its pages instead of taking one page per object.
        columns: for csv, which columns hold what, such as `obj=2,size=3`; None reads the head line.

    Returns:
        The trace; foreign formats are converted now, large ones into a temporary file.

    Raises:
        TraceError: the file cannot be read, is damaged, cut short, empty, or of no format that can be told.
        ConfigError: an unknown format or access, or an option that the format does not take.
    """
    path = Path(path)
    options = _options(access, expand=expand, columns=columns)
    chosen = _checked_format(format) if format is not None else _recognise(path)
    if chosen != NATIVE:
        return foreign_formats()[chosen].open(path, options)
    if options != Options():
        given = "--access" if access else "--expand" if expand else "--columns"
        raise ConfigError(
            f"{path}: {given} is for foreign traces; a native trace knows how it touches its pages"
        )
    return read_rtrace(path)


def _options(access: str | None, *, expand: bool, columns: str | None) -> Options:
    if access is not None and access not in ACCESSES:
        raise ConfigError(f"access {access!r} found, one of {', '.join(ACCESSES)} expected")
    return Options(access=access, expand=expand, columns=columns)


def _checked_format(name: str) -> str:
    names = format_names()
    for known in names:
        if known.lower() == name.lower():
            return known
    close = difflib.get_close_matches(name, names, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    raise ConfigError(f"unknown trace format {name!r}, one of {', '.join(names)} expected{hint}")


def _recognise(path: Path) -> str:
    with ByteSource(path) as source:
        head = source.read(_HEAD_BYTES)
    if not head:
        raise TraceError(path, 0, "the file is empty, a trace expected")
    if head.startswith(MAGIC):
        return NATIVE
    name = path.name.lower().removesuffix(".zst")
    if name.endswith(".rtrace"):
        return NATIVE
    for format_ in foreign_formats().values():
        if name.endswith(format_.suffixes):
            return format_.name
    by_contents = [format_.name for format_ in foreign_formats().values() if format_.recognise(head)]
    if len(by_contents) == 1:
        return by_contents[0]
    choices = ", ".join(by_contents or format_names())
    raise TraceError(
        path, None, f"neither name nor contents tell the format; say it with --format: {choices}"
    )
