"""Codes and their pages: `codes/RPnnnn-<name>.md`, found by glob.

A page is the only place where a code and its name meet. `report` makes a diagnostic from a name,
so that a code without a page cannot be emitted and a page is all it takes to add one.

A page starts with lines ``code:``, ``name:``, ``category:`` and ``summary:`` between two ``---``
and goes on in markdown. Its fenced blocks ``rpol fails`` and ``rpol fixed`` are run by a test; the
offending line of the failing one ends in ``# error``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from reclaim.diag.diagnostic import Diagnostic, Span

CODES = Path(__file__).parent / "codes"


@dataclass(frozen=True, slots=True)
class Page:
    """One explained code.

    Args:
        code: `RPnnnn`.
        name: kebab case.
        category: "text", "names", "types", "loops", "handles", "arithmetic", "contract", "cost".
        summary: one line.
        body: markdown after the front matter.
        front: every front matter entry.
    """

    code: str
    name: str
    category: str
    summary: str
    body: str
    front: dict[str, str]


@cache
def code_names() -> dict[str, str]:
    """Return the code of every name, from the file names alone."""
    stems = sorted(path.stem for path in CODES.glob("RP*.md"))
    return {stem.partition("-")[2]: stem.partition("-")[0] for stem in stems}


@cache
def page(code: str) -> Page | None:
    """Read the page of a code.

    Args:
        code: `RPnnnn`, in any case, or a name.

    Returns:
        The page, None where there is none.
    """
    wanted = code_names().get(code.lower(), code.upper())
    for path in CODES.glob(f"{wanted}-*.md"):
        return _read(path)
    return None


def pages() -> list[Page]:
    """Return all pages in order of their codes."""
    return [_read(path) for path in sorted(CODES.glob("RP*.md"))]


def _read(path: Path) -> Page:
    _, front_text, body = path.read_text(encoding="utf-8").split("---\n", 2)
    entries = (line.partition(":") for line in front_text.splitlines())
    front = {key.strip(): value.strip() for key, _, value in entries}
    return Page(front["code"], front["name"], front["category"], front["summary"], body.strip(), front)


def report(name: str, message: str, span: Span, **fields: Any) -> Diagnostic:
    """Make a diagnostic.

    Args:
        name: name of its page.
        message: what was found, lower case, no full stop.
        span: the smallest stretch that shows it.
        fields: the other fields of `Diagnostic`.

    Raises:
        LookupError: no page has that name, which is our own mistake.
    """
    code = code_names().get(name)
    if code is None:
        raise LookupError(f"no page reclaim/diag/codes/RPnnnn-{name}.md")
    return Diagnostic(code, name, message, span, **fields)
