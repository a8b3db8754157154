"""Diagnostics in words: for logs, for screen readers, for terminals without colours or boxes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reclaim.diag.edited_lines import MOST_LINES, edited_lines
from reclaim.diag.source_window import SourceWindow

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from reclaim.diag.diagnostic import Diagnostic, Help, Span


def render_plain(diagnostics: Sequence[Diagnostic], path: str, source: str) -> str:
    """Tell diagnostics in words.

    Args:
        diagnostics: in the order to tell them.
        path: the file, as the user named it.
        source: its text.

    Returns:
        The text, a blank line between diagnostics, ended by a line feed.
    """
    window = SourceWindow(source)
    told = ["\n".join(_tell(d, path, window)) for d in diagnostics]
    return "\n\n".join(told) + "\n" if told else ""


def _tell(diagnostic: Diagnostic, path: str, window: SourceWindow) -> Iterator[str]:
    yield f"{diagnostic.severity} {diagnostic.code}: {diagnostic.message}"
    yield f"  in {path}, {_place(diagnostic.span, diagnostic.label)}"
    yield from _line(window, diagnostic.span)
    for label in diagnostic.labels:
        yield f"  {_place(label.span, label.message)}"
        yield from _line(window, label.span)
    for remark in diagnostic.remarks:
        yield f"  {remark}"
    for offer in diagnostic.help:
        yield f"  help: {offer.message}"
        yield from _offered(offer, window)
    yield f"  explain: reclaim-verify --explain {diagnostic.code}"


def _offered(offer: Help, window: SourceWindow) -> Iterator[str]:
    """Yield the lines that the edit of a help changes or brings, as it would leave them."""
    lines = edited_lines(window, offer.edit) if offer.edit is not None else []
    for line in lines[:MOST_LINES]:
        if line.is_new or line.changed is not None:
            text, _ = SourceWindow(line.text).cut(1, [])
            yield f"    line {line.number}: {text}"


def _line(window: SourceWindow, span: Span) -> Iterator[str]:
    """Yield the line that a span begins on, unless it is blank."""
    text, _ = window.cut(span.start.line, window.marks(span, "", is_primary=True)[:1])
    if text.strip():
        yield f"    {text.strip()}"


def _place(span: Span, text: str) -> str:
    start, end = span.start, span.end
    if start.line != end.line:
        where = f"line {start.line} column {start.column} to line {end.line} column {max(end.column - 1, 1)}"
    elif end.column - start.column > 1:
        where = f"line {start.line}, columns {start.column} to {end.column - 1}"
    else:
        where = f"line {start.line}, column {start.column}"
    return f"{where}: {text}" if text else where
