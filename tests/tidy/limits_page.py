"""`docs/limits.md`: every departure from the kernel, collected from the places where it is made.

Run ``python -m tests.tidy.limits_page`` to write the page; a test checks that the committed one is fresh. A mark reads
``SIMPLIFIED: what is left out; effect: on results`` and ends with a full stop; it may go over several comment lines.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tests.tidy.tree import PACKAGES, ROOT, c_files, files, name_of, python_files

PAGE = ROOT / "docs" / "limits.md"

_MARK = re.compile(r"SIMPLIFIED: (.*?)(?:\n\s*\n|\Z)", re.DOTALL)
_COMMENT = re.compile(r"^[ \t]*(?:\*/?|//|#|/\*)?[ \t]*", re.MULTILINE)
_END = re.compile(r"\.(?:\s|$)|\*/|\"\"\"")


@dataclass(frozen=True, slots=True)
class Departure:
    """One departure: where, what is left out, what that does to results."""

    place: str
    what: str
    effect: str


def collect() -> list[Departure]:
    """Return all departures that sources and shipped policies mark, in order of file and line.

    Raises:
        ValueError: a mark says nothing about its effect.
    """
    sources = (
        *python_files(PACKAGES),
        *(p for p in c_files() if "core" in p.parts and "tests" not in p.parts),
    )
    return [d for path in (*sorted(sources), *files("*.rpol", ("policies",))) for d in _departures(path)]


def _departures(path: Path) -> list[Departure]:
    found = []
    text = path.read_text(encoding="utf-8")
    for match in re.finditer("SIMPLIFIED: ", text):
        rest = _COMMENT.sub("", text[match.end() : match.end() + 1200])
        end = _END.search(rest)
        sentence = " ".join(rest[: end.start() if end else None].split())
        what, semicolon, effect = sentence.partition("; effect: ")
        if not semicolon:
            raise ValueError(
                f"{name_of(path)}: `SIMPLIFIED: {what[:60]}` names no effect; add `; effect: ...`"
            )
        found.append(Departure(name_of(path), what, effect))
    return found


def render() -> str:
    """Return the page as text."""
    lines = [
        "# What is simplified",
        "",
        "Collected from the `SIMPLIFIED:` marks in the sources by `make generate`; edit the marks instead.",
        "",
        "| where | what is left out | effect |",
        "|---|---|---|",
    ]
    lines += [f"| `{d.place}` | {_cell(d.what)} | {_cell(d.effect)} |" for d in collect()]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(render(), encoding="utf-8")
