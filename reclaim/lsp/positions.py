"""Places in a text: ours count code points from 1, the editor's count UTF-16 units (or what was agreed on) from 0."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable

from lsprotocol import types

from reclaim.diag.diagnostic import Position, Span

_UNITS: dict[str, Callable[[str], int]] = {
    types.PositionEncodingKind.Utf8: lambda letter: len(letter.encode("utf-8", "surrogatepass")),
    types.PositionEncodingKind.Utf16: lambda letter: 1 + (ord(letter) > 0xFFFF),
    types.PositionEncodingKind.Utf32: lambda _letter: 1,
}

BYTE_ORDER_MARK = "\ufeff"
"""Not part of the text that our columns count; editors that show it count it."""


class Places:
    """Translate places in one text.

    Args:
        lines: the text, cut at line ends.
        encoding: what the editor counts.
    """

    def __init__(self, lines: list[str], encoding: types.PositionEncodingKind) -> None:
        self._lines = lines
        self._units = _UNITS[encoding]

    def column(self, line: int, units: int) -> int:
        """Return the index in a line (both from 0) of a number of units; inside of a letter, that letter's."""
        text = self._line(line)
        if text.isascii():
            return min(units, len(text))
        return max(bisect_right(self._starts(text), units) - 1, 0)

    def units(self, line: int, column: int) -> int:
        """Return how many units lie before an index in a line."""
        text = self._line(line)[:column]
        return len(text) if text.isascii() else sum(map(self._units, text))

    def ours(self, place: types.Position) -> Position:
        """Return our place."""
        return Position(place.line + 1, self.column(place.line, place.character) + 1 - self._mark(place.line))

    def theirs(self, place: Position) -> types.Position:
        """Return the editor's place; one behind the end of the text is its end."""
        line = min(place.line - 1, len(self._lines) - 1)
        column = place.column - 1 + self._mark(line) if line == place.line - 1 else len(self._line(line))
        return types.Position(line, self.units(line, column))

    def range(self, span: Span) -> types.Range:
        """Return the editor's range."""
        return types.Range(self.theirs(span.start), self.theirs(span.end))

    def _mark(self, line: int) -> int:
        return int(line == 0 and self._lines[0].startswith(BYTE_ORDER_MARK))

    def _line(self, line: int) -> str:
        return self._lines[line] if line < len(self._lines) else ""

    def _starts(self, text: str) -> list[int]:
        starts, at = [0], 0
        for letter in text:
            at += self._units(letter)
            starts.append(at)
        return starts
