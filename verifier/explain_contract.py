"""Say in the author's words which rule of the contract a call or a store breaks.

These obligations are about hooks, scans and helpers, not about numbers; their messages quote the
contract: which hooks may call what, what a scan's body may do.
"""

from __future__ import annotations

import re
from typing import Any

from reclaim.abi.hooks import HOOKS
from reclaim.diag.diagnostic import Diagnostic, Edit, Help, Label, Span
from reclaim.diag.registry import report
from reclaim.lang.ir import HookIR
from verifier.analysis import Violation
from verifier.obligations import FamilyPermitted, LeavesLists, Movable, OwnFolio, RunsNoHook
from verifier.source_places import SourceText

_MOVES = {
    "outside": (
        "folio-not-movable",
        "`{folio}` cannot be moved here: only the current folio of a scan can",
        "not inside of `for folio in list.scan(...)`",
    ),
    "nested": (
        "folio-not-movable",
        "`{folio}` cannot be moved here: one scan runs inside of another",
        "the outer scan may be about to visit it",
    ),
    "other": (
        "folio-not-movable",
        "`{folio}` cannot be moved here: it is not the current folio of the scan",
        "only the loop's own variable may be moved",
    ),
    "twice": (
        "folio-moved-twice",
        "`{folio}` may have been moved in this round already",
        "a folio is moved at most once per round",
    ),
}


def explain(violation: Violation, hook: HookIR, source: SourceText) -> Diagnostic:
    """Return the diagnostic of a broken rule of the contract.

    Args:
        violation: the broken rule.
        hook: the hook in which it happens.
        source: text of the policy.
    """
    op, name = violation.op, hook.hook.name
    assert op is not None
    labels = tuple(Label(call, "called from here") for call in op.inlined_at)
    common: dict[str, Any] = {"hook": name, "labels": labels}
    match violation.demand:
        case FamilyPermitted(family=family, name=helper):
            return _not_permitted(op.span, family, helper, name, common)
        case OwnFolio(what=what):
            return report(
                "foreign-state-change",
                f"`{what}` is not the folio's own: hook `{name}` may change its own folio only",
                op.span,
                label="changes something else",
                notes=(f"`{name}` runs in the middle of other hooks, without the lruvec's lock",),
                help=(
                    Help(
                        "note it in a field of a class with base `FolioState`, and act on that in another hook"
                    ),
                ),
                **common,
            )
        case Movable(folio=folio):
            page, message, label = _MOVES[violation.proof.why]
            return report(
                page,
                message.format(folio=source.name_of(folio)),
                op.span,
                label=label,
                help=_instead_of_move(violation.proof.why, op.span, hook.hook.result, source),
                **common,
            )
        case RunsNoHook(helper=helper_entry):
            ran = ", ".join(f"`{hook_name}`" for hook_name in helper_entry.effects.runs)
            return report(
                "hook-run-in-scan",
                f"`{helper_entry.name}` may run {ran} inside of a scan",
                op.span,
                label=_asked_for(violation),
                help=_without_hooks(op.span, source, helper_entry.name),
                **common,
            )
        case LeavesLists(helper=helper_entry):
            return report(
                "list-change-in-scan",
                f"`{helper_entry.name}` moves other folios inside of a scan",
                op.span,
                label="the scan may be about to visit them",
                notes=("a scan's body may move its current folio only",),
                help=(Help(f"do it before the scan, or behind it: `{source.text(op.span)}`"),),
                **common,
            )
        case _:
            raise AssertionError(violation.demand)


def _not_permitted(span: Span, family: str, helper: str, hook: str, common: dict[str, Any]) -> Diagnostic:
    where = [entry.name for entry in HOOKS.values() if family in entry.families]
    return report(
        "helper-not-permitted",
        f"`{helper}` cannot be called in hook `{hook}`",
        span,
        label=f"found in `{hook}`, needs one of the hooks named below",
        notes=("it can be called in " + ", ".join(f"`{name}`" for name in where),),
        **common,
    )


def _asked_for(violation: Violation) -> str:
    found = violation.proof.found
    if found is None:
        return "runs hooks"
    shown = str(found[0]) if found[0] == found[1] else f"{found[0]}..={found[1]}"
    return f"may run hooks {shown} times, must be 0"


def _instead_of_move(why: str, span: Span, result: str, source: SourceText) -> tuple[Help, ...]:
    """Offer the answer that moves the folio, or the end of the round after the first move."""
    if why == "twice":
        said = "end the round after the first move with `continue`"
        name = re.escape(source.text(span).partition(".")[0])
        return (Help(said, source.line_after(rf"{name}\.move\(.*\)", span, "continue")),)
    _, found, inside = source.text(span).partition(".move(")
    place = inside.removesuffix(")")
    answers = {
        "Place": place,
        "Place | None": place,
        "Verdict": f"move({place})",
        "Isolation": f"move({place})",
    }
    if why != "outside" or not found or result not in answers:
        return ()
    return _edit(span, f"return {answers[result]}")


def _edit(span: Span, text: str) -> tuple[Help, ...]:
    return (Help(f"write `{text}`", Edit(span, text)),)


def _without_hooks(span: Span, source: SourceText, helper: str) -> tuple[Help, ...]:
    """Offer the call without its keyword argument, where the helper has a form that runs nothing."""
    text = source.text(span)
    head = text.partition(f".{helper}(")[0]
    if helper != "referenced" or head == text:
        return ()
    return _edit(span, f"{head}.{helper}()")
