"""The texts that the editor has open, as it has them, and what was last found out about each.

pygls keeps texts too, but cuts lines where Python does (form feeds, U+2028, …); the protocol and the parser cut at
line feeds and carriage returns only, and one such letter in a comment would put every edit after it elsewhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote, urlsplit

from lsprotocol import types

from reclaim.diag.diagnostic import Span
from reclaim.lang.declared import Declared
from reclaim.lang.words import Words
from reclaim.lsp.checks import Checked
from reclaim.lsp.positions import BYTE_ORDER_MARK, Places

_LINE_ENDS = re.compile(r"\r\n|\r|\n")


class Text:
    """One version of a text; a change makes another."""

    def __init__(self, source: str, encoding: types.PositionEncodingKind) -> None:
        self.source = source
        self._encoding = encoding

    @cached_property
    def places(self) -> Places:
        """Return the translation of places."""
        return Places(_LINE_ENDS.split(self.source), self._encoding)

    @cached_property
    def words(self) -> Words:
        """Return the words; a byte order mark is none."""
        return Words(self.source.removeprefix(BYTE_ORDER_MARK))

    def changed(self, change: types.TextDocumentContentChangeEvent) -> Text:
        """Return the text after a change of the editor."""
        if not isinstance(change, types.TextDocumentContentChangePartial):
            return Text(change.text, self._encoding)
        start, end = self._offset(change.range.start), self._offset(change.range.end)
        return Text(self.source[:start] + change.text + self.source[max(start, end) :], self._encoding)

    def whole(self) -> types.Range:
        """Return the range of everything."""
        lines = _LINE_ENDS.split(self.source)
        last = len(lines) - 1
        return types.Range(
            types.Position(0, 0), types.Position(last, self.places.units(last, len(lines[last])))
        )

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *(match.end() for match in _LINE_ENDS.finditer(self.source))]

    def _offset(self, place: types.Position) -> int:
        if place.line >= len(self._line_starts):
            return len(self.source)
        return self._line_starts[place.line] + self.places.column(place.line, place.character)


@dataclass(slots=True)
class Document:
    """An open file.

    Args:
        uri: its name in the protocol.
        text: what the editor shows.
        version: the editor's number of that text.
        checked: what was found in the text of `checked_version`, None before the first check.
        declared: what was last declared in a text of it.
        is_open: False once the editor has closed it.
    """

    uri: str
    text: Text
    version: int
    checked: Checked | None = None
    checked_version: int | None = None
    declared: Declared = field(default_factory=Declared)
    is_open: bool = True

    @property
    def path(self) -> str:
        """Return its name in messages."""
        return Path(unquote(urlsplit(self.uri).path)).name or "untitled.rpol"

    @property
    def current(self) -> Checked | None:
        """Return what was found in the very text that the editor shows, None while that is not known."""
        return self.checked if self.checked_version == self.version else None

    def range(self, span: Span) -> types.Range:
        """Return the editor's range of a span of the present text."""
        return self.text.places.range(span)
