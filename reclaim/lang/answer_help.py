"""Help for answers of the wrong type: what the author most likely meant."""

from __future__ import annotations

from typing import Any

from reclaim.abi.answers import ANSWERS, CONSTRUCTORS
from reclaim.abi.hooks import HOOKS
from reclaim.diag.diagnostic import Edit, Help, Span
from reclaim.lang.ir import AnswerType, BoolType, HandleType, Type
from reclaim.lang.type_rules import plain

_TRUTHS = (
    ("Isolation", "TAKE", "SKIP"),
    ("Verdict", "RECLAIM", "ROTATE"),
    ("Promotion", "PROMOTE", "STAY"),
    ("Visit", "SCAN", "SKIP"),
)
"""What yes and no most likely mean as an answer."""

_VERDICTS = {"TAKE": "RECLAIM", "SKIP": "ROTATE", "KEEP": "ROTATE", "STAY": "ROTATE", "HEAD": "ROTATE"}
"""Answers of other hooks, and the verdict that says the same of a folio."""


PLAIN_ANSWERS = {
    "None": "return",
    "u64": "return 0",
    "s64": "return 0",
    "bool": "return False",
    "Place | None": "return None",
    "Verdict": "return RECLAIM",
    "Batch": "return STOP",
    "Isolation": "return TAKE",
    "Target": "return NOWHERE",
    "Promotion": "return STAY",
    "Visit": "return SKIP",
    "Rotation": "return KEEP",
    "Aging": "return OLD_ENOUGH",
    "Trigger": "return NEVER",
}
"""How a hook or function of each result type ends plainly; one that must place a folio has no plain answer."""


def answer_help(
    text: str, found: Type | None, wanted: AnswerType, span: Span, function: str
) -> dict[str, Any]:
    """Return notes and help fields of a diagnostic.

    Args:
        text: what the author answered.
        found: its type, None for a constant.
        wanted: what must be answered.
        span: where it is written.
        function: the hook, or function of the author, that answers.
    """
    fixed = _fixes(text, found, wanted)
    help_ = tuple(Help(f"write `{fix}`", Edit(span, fix)) for fix in fixed[:1])
    return {"help": help_, "notes": _answers(min(wanted.names), (function,) if function in HOOKS else ())}


def answers_here(hook: str | None) -> dict[str, Any]:
    """Return the notes field of a diagnostic about an answer that this hook does not have."""
    name = HOOKS[hook].result.removesuffix(" | None") if hook in HOOKS else ""
    return {"notes": _answers(name, (hook or "",))} if name in ANSWERS else {}


def _answers(name: str, hooks: tuple[str, ...]) -> tuple[str, ...]:
    """List the answers of a type, without those that only other hooks have."""
    written = [
        _written(c.name, bool(c.params), c.method_of)
        for c in CONSTRUCTORS
        if name in c.answers and (not hooks or not c.hooks or set(hooks) & set(c.hooks))
    ]
    return (f"answers of type `{name}`: {', '.join(written)}",)


def _written(name: str, takes_arguments: bool, method_of: str | None) -> str:
    call = f"{name}(...)" if takes_arguments else name
    return f"`list.{call}`" if method_of else f"`{call}`"


def _fixes(text: str, found: Type | None, wanted: AnswerType) -> list[str]:
    names = plain(wanted).names  # type: ignore[union-attr]
    if found is None and wanted.nullable:
        return ["None"]
    found = plain(found) if found is not None else None
    if isinstance(found, BoolType):
        said = {"True": "{0}", "False": "{1}"}.get(text, "{0} if {2} else {1}")
        return [said.format(yes, no, text) for name, yes, no in _TRUTHS if name in names]
    if isinstance(found, AnswerType) and "Place" in found.names and names & {"Verdict", "Isolation"}:
        return [f"move({text})"]
    if isinstance(found, HandleType) and found.name == "List":
        if "Place" in names:
            return [f"{text}.head"]
        if names & {"Verdict", "Isolation"}:
            return [f"move({text}.head)"]
        return [f"{text}.batch(32)"]
    if text == "RECLAIM" and "Isolation" in names:
        return ["TAKE"]
    if text in _VERDICTS and "Verdict" in names:
        return [_VERDICTS[text]]
    return []
