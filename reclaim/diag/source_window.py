"""The lines of a source that a picture shows, measured as a terminal shows them.

Columns of spans count code points; a terminal gives some of them two cells, some none, and a tab
several. Everything that turns the one into the other stands here.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from reclaim.diag.diagnostic import Diagnostic, Span

TAB = "    "
"""What a tab is shown as; a fixed width keeps marks under what they mark."""


WIDEST = 200
"""Cells that are shown of a line: more than any policy's, two and a half times those of a common terminal."""

_CUT = "..."


@dataclass(frozen=True, slots=True)
class Mark:
    """One stretch to underline on one line.

    Args:
        line: its number.
        start, end: first cell and the cell behind the last; at least one wide.
        is_primary: whether it is the finding itself.
        text: what is said beside it, "" for nothing.
    """

    line: int
    start: int
    end: int
    is_primary: bool
    text: str


class SourceWindow:
    """The source of one file, by line."""

    def __init__(self, source: str) -> None:
        self._lines = re.split(r"\r\n|\r|\n", source.removeprefix("\ufeff"))

    def raw(self, line: int) -> str:
        """Return a line as it is, "" beyond the end."""
        return self._lines[line - 1] if 1 <= line <= len(self._lines) else ""

    def shown(self, line: int) -> str:
        """Return a line as it is printed: tabs widened, control characters made visible."""
        return "".join(map(_shown, self.raw(line))).rstrip()

    def cut(self, line: int, marks: Sequence[Mark]) -> tuple[str, list[Mark]]:
        """Return a line as it is printed, with its marks; of a line that is too long, the part around the first mark."""
        text = self.shown(line)
        if len(text) <= WIDEST:
            return text, list(marks)
        start = max(min((mark.start for mark in marks), default=0) - WIDEST // 4, 0)
        cell, part, first = 0, "", start
        for char in text:
            if cell >= start + WIDEST:
                part += _CUT
                break
            if cell >= start:
                first = first if part else cell
                part += char
            cell += _width(char)
        shift = first - len(_CUT) if start else 0
        most = WIDEST + len(_CUT)
        moved = [
            replace(mark, start=low, end=max(min(mark.end - shift, most), low + 1))
            for mark in marks
            for low in (min(mark.start - shift, most),)
        ]
        return (_CUT + part if start else part), moved

    def cell(self, line: int, column: int) -> int:
        """Return the cell, from 0, at which a column begins."""
        text = self.raw(line)[: column - 1]
        beyond = max(column - 1 - len(self.raw(line)), 0)
        return sum(map(_width, text)) + min(beyond, 1)

    def marks(self, span: Span, text: str, is_primary: bool) -> list[Mark]:
        """Return the marks of a span: one, or two where it goes over several lines."""
        first, last = span.start.line, span.end.line
        if last > first and span.end.column <= 1:
            last -= 1
            end_column = len(self.raw(last)) + 1
        else:
            end_column = span.end.column
        start = self.cell(first, span.start.column)
        if first == last:
            return [Mark(first, start, max(self.cell(last, end_column), start + 1), is_primary, text)]
        indent = len(self.raw(last)) - len(self.raw(last).lstrip()) + 1
        last_start = self.cell(last, min(indent, end_column))
        return [
            Mark(first, start, max(len(self.shown(first)), start + 1), is_primary, ""),
            Mark(last, last_start, max(self.cell(last, end_column), last_start + 1), is_primary, text),
        ]

    def marks_of(self, diagnostic: Diagnostic) -> dict[int, list[Mark]]:
        """Return all marks of a diagnostic by line, lines in order."""
        marks = self.marks(diagnostic.span, diagnostic.label, is_primary=True)
        for label in diagnostic.labels:
            marks += self.marks(label.span, label.message, is_primary=False)
        return {line: [m for m in marks if m.line == line] for line in _in_order(m.line for m in marks)}


def _in_order(lines: Iterable[int]) -> list[int]:
    return sorted(set(lines))


def _shown(char: str) -> str:
    if char == "\t":
        return TAB
    if ord(char) < 0x20:
        return chr(0x2400 + ord(char))
    return "\N{REPLACEMENT CHARACTER}" if unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") else char


def _width(char: str) -> int:
    if char == "\t":
        return len(TAB)
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1
