"""All renderers under one roof, and what they share with their callers."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO

from reclaim.diag.render_full import render_full
from reclaim.diag.render_json import FileFindings, render_json
from reclaim.diag.render_plain import render_plain
from reclaim.diag.render_sarif import render_sarif
from reclaim.diag.render_short import render_short

__all__ = [
    "FileFindings",
    "render_full",
    "render_json",
    "render_plain",
    "render_sarif",
    "render_short",
    "source_of",
    "wants_colour",
]


def wants_colour(stream: IO[str]) -> bool:
    """Tell whether a stream is a terminal whose user has not asked for no colours.

    Args:
        stream: where the text goes.
    """
    return stream.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def source_of(path: str | Path) -> str:
    """Return the text of a file for a picture, "" where it cannot be read.

    Args:
        path: the file; a diagnostic may be just that it cannot be read.
    """
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except (OSError, ValueError):
        return ""
