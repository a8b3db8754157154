"""The one place that guesses what a misspelt name was meant to be."""

from __future__ import annotations

import re
from difflib import SequenceMatcher, get_close_matches
from typing import TYPE_CHECKING

from reclaim.diag.diagnostic import Edit, Help, Span

if TYPE_CHECKING:
    from collections.abc import Iterable


_WORDS_OF_C = {
    **dict.fromkeys(("NULL", "null", "nullptr", "nil", "undefined"), "None"),
    "true": "True",
    "false": "False",
}
"""Values elsewhere and their names here."""

_TYPES_ELSEWHERE = {
    "int": "u64",
    "float": "u64",
    "long": "s64",
    "unsigned": "u32",
    "uint": "u32",
    "size_t": "u64",
    "char": "u8",
} | {
    f"{sign}int{bits}_t": f"{short}{bits}"
    for sign, short in (("", "s"), ("u", "u"))
    for bits in (8, 16, 32, 64)
}
"""Types of numbers elsewhere, and here."""

_ANSWERS_ELSEWHERE = {
    "EVICT": "RECLAIM",
    "DROP": "RECLAIM",
    "FREE": "RECLAIM",
    "DISCARD": "RECLAIM",
    "PROMOTE": "ROTATE",
    "ACTIVATE": "ROTATE",
}
"""What others answer about a folio, and what it is here."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is most like *name*, None if none is like it.

    Args:
        name: what the author wrote.
        known: what there is.
    """
    if name in _WORDS_OF_C:
        return _WORDS_OF_C[name]
    candidates = sorted(set(known))
    for elsewhere in (_TYPES_ELSEWHERE, _ANSWERS_ELSEWHERE):
        if elsewhere.get(name) in candidates:
            return elsewhere[name]
    for candidate in candidates:
        if candidate.lower() == name.lower() or sorted(candidate.split("_")) == sorted(name.split("_")):
            return candidate
    close = get_close_matches(name, candidates, n=1, cutoff=0.7)
    if close:
        return close[0]
    longer = [c for c in candidates if len(name) >= 3 and (name in c or (len(c) >= 3 and c in name))]
    return max(longer, key=lambda c: SequenceMatcher(None, name, c).ratio(), default=None)


def did_you_mean(name: str, known: Iterable[str], span: Span) -> tuple[Help, ...]:
    """Offer the nearest known name as a fix, nothing where no name is near.

    Args:
        name: what the author wrote.
        known: what there is.
        span: where it is written.
    """
    match = nearest(name, known)
    if match is None:
        return ()
    return (Help(f"did you mean `{match}`?", Edit(span, match)),)


def listing(names: Iterable[str], limit: int = 8) -> str:
    """Return names in backticks, joined by commas, cut after *limit*."""
    quoted = [f"`{name}`" for name in dict.fromkeys(names)]
    return ", ".join(quoted[:limit]) + (", ..." if len(quoted) > limit else "")


def unused_name(lines: list[str], wish: str) -> str:
    """Return a name that does not occur in a text: the one wished for, else with a number."""
    text = "\n".join(lines)
    names = (wish, *(f"{wish}_{number}" for number in range(2, len(lines) + 3)))
    return next(name for name in names if not re.search(rf"\b{name}\b", text))
