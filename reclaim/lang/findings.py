"""Collecting diagnostics: one cause, one error, and on to the next.

Whoever finds a mistake calls `Findings.stop`, which records it and unwinds to the nearest statement
or declaration; that one is abandoned and the next is looked at.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, NoReturn

from reclaim.diag.registry import report

if TYPE_CHECKING:
    from reclaim.diag.diagnostic import Diagnostic, Span

_FIRST_FOREIGN, _LAST_FOREIGN = "RP0030", "RP0099"
"""Codes of what Python or C have and this language has not."""

MAX_DIAGNOSTICS = 20
"""Most that one run reports; a file with more is better mended in steps."""


class Stop(Exception):
    """Unwind to the statement or declaration around a mistake that is already recorded."""


class Findings:
    """Everything found in one file; repeated findings (a helper inlined twice) count once."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, Span], Diagnostic] = {}
        self.hook: str | None = None

    def add(self, diagnostic: Diagnostic) -> None:
        """Record a finding."""
        if diagnostic.hook is None and self.hook is not None:
            diagnostic = dataclasses.replace(diagnostic, hook=self.hook)
        self._found.setdefault((diagnostic.name, diagnostic.span), diagnostic)

    def note(self, name: str, message: str, span: Span, **fields: Any) -> None:
        """Record a finding and go on."""
        self.add(report(name, message, span, **fields))

    def stop(self, name: str, message: str, span: Span, **fields: Any) -> NoReturn:
        """Record a finding and abandon the statement or declaration around it."""
        self.note(name, message, span, **fields)
        raise Stop

    def snapshot(self) -> dict[tuple[str, Span], Diagnostic]:
        """Return what was found so far, for `restore`."""
        return dict(self._found)

    def restore(self, snapshot: dict[tuple[str, Span], Diagnostic]) -> None:
        """Forget what was found since a snapshot."""
        self._found = dict(snapshot)

    def count(self) -> int:
        """Return how many findings there are."""
        return len(self._found)

    def __bool__(self) -> bool:
        return bool(self._found)

    def in_source_order(self) -> list[Diagnostic]:
        """Return the findings, at most `MAX_DIAGNOSTICS`; what follows from a foreign construct goes without saying."""
        foreign = [d for d in self._found.values() if _FIRST_FOREIGN <= d.code <= _LAST_FOREIGN]
        told = [d for d in self._found.values() if d in foreign or not any(d.span == f.span for f in foreign)]
        ordered = sorted(told, key=lambda d: (d.span.start, d.code))
        return ordered[:MAX_DIAGNOSTICS]
