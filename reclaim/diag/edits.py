"""Applying the edits that helps offer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reclaim.diag.diagnostic import Edit, Position


def apply_edits(source: str, edits: Iterable[Edit]) -> str:
    """Return a source with edits applied; of two that overlap only the first is.

    Args:
        source: the text that the spans speak of; new lines end as its own do.
        edits: in any order.
    """
    starts = [0, *(match.end() for match in re.finditer(r"\r\n|\r|\n", source))]
    newline = "\r\n" if "\r\n" in source else "\n"
    pieces, at = [], 0
    for edit in sorted(edits, key=lambda e: e.span):
        start, end = _offset(source, starts, edit.span.start), _offset(source, starts, edit.span.end)
        if start >= at:
            pieces += [source[at:start], edit.text.replace("\n", newline)]
            at = end
    return "".join([*pieces, source[at:]])


def _offset(source: str, starts: list[int], position: Position) -> int:
    if position.line > len(starts):
        return len(source)
    return min(starts[position.line - 1] + position.column - 1, len(source))
