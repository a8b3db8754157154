"""Apply the fixes that diagnostics offer, one after the other, as `reclaim-verify --fix` does.

A fix is kept only if the error that it belongs to is gone afterwards and no other error came: it is tried
on the whole policy first. Only errors are mended, for what a warning speaks of may be meant. Findings of the front end hide those behind them, so what a mended text reveals
there does not count against the fix. Where a diagnostic offers several, the first that keeps is taken.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from reclaim.diag.diagnostic import Diagnostic, Edit, Help
from reclaim.diag.edits import apply_edits
from reclaim.diag.errors import PolicyRejected
from reclaim.lang.frontend import compile_source
from verifier.checked_help import UNDRAINED, leads_elsewhere
from verifier.verified import verify

_FIRST_OF_NAMES = "RP0100"
"""Codes below speak of the text as such: reading stops there, in the function that it is in."""

_OF_HEADS = frozenset(
    (
        *(
            "missing-annotation",
            "invalid-annotation",
            "unknown-type",
            "unknown-hook",
            "unknown-hook-parameter",
        ),
        *("wrong-hook-signature", "unknown-decorator"),
    )
)
"""Mistakes in the head of a function, whose body is not looked at before they are mended."""

_OF_UNBOUND = ("unknown-name", "undeclared-parameter")
"""What a body says of a parameter that got another name, or was left out."""

MOST_FIXES = 100
"""Fixes of one file. Ours: more than anybody writes mistakes before asking; each round verifies anew."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """What became of a policy's text.

    Args:
        source: the text with every fix that keeps.
        applied: each finding that is gone, with what was done about it, in the order of doing.
        left: the errors that are left.
    """

    source: str
    applied: tuple[tuple[Diagnostic, Help], ...]
    left: tuple[Diagnostic, ...]


@dataclass(frozen=True, slots=True)
class _Findings:
    """What is found in one text, and whether the verifier got to see it."""

    diagnostics: tuple[Diagnostic, ...]
    is_compiled: bool

    @property
    def errors(self) -> _Findings:
        """Return it without warnings."""
        return replace(self, diagnostics=tuple(d for d in self.diagnostics if d.severity == "error"))


def fix(source: str, path: str) -> Fixed:
    """Apply fixes until none is left that keeps.

    Args:
        source: the text of a policy.
        path: its name in messages.
    """
    applied: list[tuple[Diagnostic, Help]] = []
    found = _found(source, path)
    while len(applied) < MOST_FIXES:
        step = _next_fix(source, path, found)
        if step is None:
            break
        diagnostic, offer, source, found = step
        applied.append((diagnostic, offer))
    return Fixed(source, tuple(applied), found.errors.diagnostics)


def keeps(source: str, path: str, diagnostic: Diagnostic, offer: Help) -> bool:
    """Tell whether a fix that a diagnostic of a text offers removes it and brings nothing else.

    Args:
        source: the text.
        path: its name in messages.
        diagnostic: one of its findings.
        offer: one of its helps.
    """
    if offer.edit is None:
        return False
    after = _found(apply_edits(source, [offer.edit]), path)
    return _is_better(_found(source, path), after, diagnostic, offer.edit)


def _next_fix(source: str, path: str, found: _Findings) -> tuple[Diagnostic, Help, str, _Findings] | None:
    for diagnostic in found.errors.diagnostics:
        for offer in diagnostic.help:
            if offer.edit is None:
                continue
            mended = apply_edits(source, [offer.edit])
            after = _found(mended, path)
            if _is_better(found, after, diagnostic, offer.edit):
                return diagnostic, offer, mended, after
    return None


def _found(source: str, path: str) -> _Findings:
    try:
        return _Findings(verify(compile_source(source, path)).diagnostics, is_compiled=True)
    except PolicyRejected as rejected:
        return _Findings(rejected.diagnostics, is_compiled=False)


def _is_read_further(before: _Findings, after: _Findings, fixed: Diagnostic) -> bool:
    """Tell whether all that came for a mistake of the text was hidden by it: it stands further down, or is of names."""
    if fixed.name in _OF_HEADS:
        inside = (d.hook is not None and d.name not in _OF_UNBOUND for d in _came(before, after, fixed))
        return all(inside)
    if fixed.code >= _FIRST_OF_NAMES:
        return False
    came = _came(before, after, fixed)
    return all(d.code >= _FIRST_OF_NAMES or d.span.start.line > fixed.span.start.line for d in came)


def _came(before: _Findings, after: _Findings, fixed: Diagnostic) -> list[Diagnostic]:
    """Return what is found in the mended text and was not in the one before."""
    known = Counter((d.code, d.message) for d in before.diagnostics)
    known[fixed.code, fixed.message] -= 1
    return [d for d in after.diagnostics if known[d.code, d.message] <= 0]


def _is_better(before: _Findings, after: _Findings, fixed: Diagnostic, edit: Edit) -> bool:
    """Tell whether a finding is gone and nothing came for it; warnings come only when the last error is gone."""
    if fixed.severity == "error":
        before, after = before.errors, after.errors
    if not before.is_compiled:
        kept = {(d.code, d.span) for d in after.diagnostics}
        is_less = after.is_compiled or len(after.diagnostics) < len(before.diagnostics)
        return (fixed.code, fixed.span) not in kept and (is_less or _is_read_further(before, after, fixed))
    if not after.is_compiled:
        return False
    allowed = Counter((d.code, d.hook) for d in before.diagnostics)
    allowed[fixed.code, fixed.hook] -= 1
    # Of lists that nobody drains nothing is said while a number is wrong: an edit of numbers brings none.
    is_hidden = not leads_elsewhere(edit) and all(d.name != UNDRAINED for d in before.diagnostics)
    left = Counter((d.code, d.hook) for d in after.diagnostics if not (is_hidden and d.name == UNDRAINED))
    return all(number <= allowed[key] for key, number in left.items())
