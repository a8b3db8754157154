"""The lines of a source as an edit would leave them, for pictures of what a help offers.

Only the lines around the edit are looked at. The edit's own text is marked where it stays on one line; where it
brings lines, those are new, and the line that it stands before follows for the eye to find the place.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reclaim.diag.diagnostic import Span

if TYPE_CHECKING:
    from reclaim.diag.diagnostic import Edit
    from reclaim.diag.source_window import SourceWindow

MOST_LINES = 8
"""Lines of an edit that are shown. Ours: one that indents a whole file anew is understood from its beginning."""


@dataclass(frozen=True, slots=True)
class EditedLine:
    """One line of the text as an edit leaves it.

    Args:
        number: its number in the new text.
        text: the line.
        is_new: whether it stands in place of none.
        changed: the edit's own text on it, None where it is not the only line that changed.
    """

    number: int
    text: str
    is_new: bool
    changed: Span | None = None


def edited_lines(window: SourceWindow, edit: Edit) -> list[EditedLine]:
    """Return what the lines around an edit become; none where the edit takes away and brings nothing.

    Args:
        window: the source before.
        edit: what is done to it.
    """
    first, last = edit.span.start, edit.span.end
    old = [window.raw(line) for line in range(first.line, last.line + 1)]
    new = (old[0][: first.column - 1] + edit.text + old[-1][last.column - 1 :]).split("\n")
    if len(old) == len(new) == 1:
        changed = Span.of(first.line, first.column, first.line, first.column + len(edit.text))
        return (
            [EditedLine(first.line, new[0], False, changed if edit.text else None)] if new[0].strip() else []
        )
    blocks = difflib.SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks()
    kept = {block.b + step for block in blocks for step in range(block.size)}
    if len(kept) == len(new):
        return []
    return [EditedLine(first.line + at, text, at not in kept) for at, text in enumerate(new)]
