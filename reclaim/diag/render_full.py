"""The full picture of a diagnostic, as rustc draws it: source lines, marks, what led there, what helps.

Drawn in three steps: `source_window` finds lines and cells, `_mark_rows` places labels below a line
so that none crosses another, and the rest is painted around them. The drawing may change; whoever
wants data takes JSON.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reclaim.diag.edited_lines import MOST_LINES, edited_lines
from reclaim.diag.source_window import Mark, SourceWindow

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from reclaim.diag.diagnostic import Diagnostic, Help

_RESET = "\x1b[0m"
_COLOURS = {
    "error": "\x1b[1;31m",
    "warning": "\x1b[1;33m",
    "bold": "\x1b[1m",
    "frame": "\x1b[1;34m",
    "help": "\x1b[1;32m",
}


def render_full(diagnostics: Sequence[Diagnostic], path: str, source: str, *, colour: bool = False) -> str:
    """Draw diagnostics with the source around them.

    Args:
        diagnostics: in the order to draw them.
        path: the file, as the user named it.
        source: its text.
        colour: whether to use ANSI colours; the caller knows whether this goes to a terminal.

    Returns:
        The text, a blank line between diagnostics, ended by a line feed.
    """
    window = SourceWindow(source)
    painter = _Painter(colour)
    pictures = ["\n".join(_picture(d, path, window, painter)) for d in diagnostics]
    return "\n\n".join(pictures) + "\n" if pictures else ""


class _Painter:
    """Colour text, or leave it alone."""

    def __init__(self, colour: bool) -> None:
        self._colour = colour

    def __call__(self, text: str, style: str) -> str:
        return f"{_COLOURS[style]}{text}{_RESET}" if self._colour and text else text


def _picture(diagnostic: Diagnostic, path: str, window: SourceWindow, paint: _Painter) -> Iterator[str]:
    by_line = window.marks_of(diagnostic)
    shown_edits = [
        offer.edit.span.end.line + offer.edit.text.count("\n") for offer in diagnostic.help if offer.edit
    ]
    gutter = len(str(max((*by_line, *shown_edits))))
    start = diagnostic.span.start
    head = paint(f"{diagnostic.severity}[{diagnostic.code}]", diagnostic.severity)
    yield f"{head}{paint(f': {diagnostic.message}', 'bold')}"
    yield f"{' ' * gutter}{paint('-->', 'frame')} {path}:{start.line}:{start.column}"
    bar = f"{' ' * gutter} {paint('|', 'frame')}"
    yield bar
    before = None
    for line, marks in by_line.items():
        if before is not None and line > before + 2:
            yield paint("...", "frame")
        before = line
        number = paint(f"{line:>{gutter}} |", "frame")
        text, cut = window.cut(line, marks)
        yield f"{number} {text}".rstrip()
        for row in _mark_rows(cut, diagnostic.severity, paint):
            yield f"{bar} {row}"
    yield bar
    yield from _remarks(diagnostic, window, " " * gutter, paint)


def _remarks(diagnostic: Diagnostic, window: SourceWindow, indent: str, paint: _Painter) -> Iterator[str]:
    sign = paint("=", "frame")
    if diagnostic.witness:
        values = ", ".join(f"{name} = {value}" for name, value in diagnostic.witness.items())
        yield f"{indent} {sign} {paint('witness', 'bold')}: {values}"
    notes = list(diagnostic.notes)
    if diagnostic.hook is not None:
        notes.append(f"in hook `{diagnostic.hook}`")
    for note in notes:
        yield f"{indent} {sign} {paint('note', 'bold')}: {note}"
    for offer in diagnostic.help:
        yield f"{indent} {sign} {paint('help', 'help')}: {offer.message}"
        yield from _offered(offer, window, indent, paint)
    yield f"{indent} {sign} {paint('explain', 'bold')}: reclaim-verify --explain {diagnostic.code}"


def _offered(offer: Help, window: SourceWindow, indent: str, paint: _Painter) -> Iterator[str]:
    """Yield the lines as the edit of a help would leave them, what is new in them marked."""
    lines = edited_lines(window, offer.edit) if offer.edit is not None else []
    for line in lines[:MOST_LINES]:
        after = SourceWindow("\n" * (line.number - 1) + line.text)
        marks = after.marks(line.changed, "", is_primary=False) if line.changed is not None else []
        text, cut = after.cut(line.number, marks)
        sign = paint("+", "help") if line.is_new else paint("|", "frame")
        yield f"{paint(f'{line.number:>{len(indent)}}', 'frame')} {sign} {text}".rstrip()
        for mark in cut:
            yield f"{indent} {paint('|', 'frame')} {' ' * mark.start}{paint('+' * (mark.end - mark.start), 'help')}"
    if len(lines) > MOST_LINES:
        yield paint("...", "frame")


def _mark_rows(marks: list[Mark], severity: str, paint: _Painter) -> Iterator[str]:
    """Yield the rows below a source line: underlines, then labels from right to left."""
    ordered = sorted(marks, key=lambda m: (m.start, m.end))
    last = ordered[-1]
    fits = bool(last.text) and all(m.end <= last.start for m in ordered[:-1])
    cells: dict[int, tuple[str, str]] = {}
    for mark in sorted(ordered, key=lambda m: m.is_primary):
        for cell in range(mark.start, mark.end):
            cells[cell] = _sign(mark, severity)
    row = _paint_cells(cells, paint)
    yield f"{row} {paint(last.text, _sign(last, severity)[1])}" if fits else row
    waiting = [m for m in ordered if m.text and not (fits and m is last)]
    if waiting:
        yield _paint_cells({m.start: ("|", _sign(m, severity)[1]) for m in waiting}, paint)
    while waiting:
        mark = waiting.pop()
        bars = _paint_cells(
            {m.start: ("|", _sign(m, severity)[1]) for m in waiting if m.start < mark.start}, paint
        )
        used = max((m.start + 1 for m in waiting if m.start < mark.start), default=0)
        yield f"{bars}{' ' * (mark.start - used)}{paint(mark.text, _sign(mark, severity)[1])}"


def _sign(mark: Mark, severity: str) -> tuple[str, str]:
    return ("^", severity) if mark.is_primary else ("-", "frame")


def _paint_cells(cells: dict[int, tuple[str, str]], paint: _Painter) -> str:
    """Return a row of single characters, runs of one style painted together."""
    parts: list[str] = []
    run, style = "", ""
    for cell in range(max(cells, default=-1) + 1):
        char, wanted = cells.get(cell, (" ", ""))
        if wanted != style:
            parts.append(paint(run, style) if style else run)
            run, style = "", wanted
        run += char
    parts.append(paint(run, style) if style else run)
    return "".join(parts)
