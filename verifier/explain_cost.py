"""Say where a hook's cost goes when it exceeds its budget: a table of loops and calls."""

from __future__ import annotations

import re

from reclaim.diag.diagnostic import Diagnostic, Edit, Help, Label, Span
from reclaim.diag.registry import report
from reclaim.lang.ir import HookIR
from verifier.cost import HookCost, Part
from verifier.source_places import SourceText

_FEWEST_ROUNDS = 2
"""Rounds of a loop that is still one."""

MOST_ROWS = 5
"""Rows of a cost table: the dearest parts explain a budget failure, the rest is noise."""


def over_budget(hook: HookIR, cost: HookCost, source: SourceText) -> Diagnostic:
    """Return the diagnostic of a hook that costs too much.

    Args:
        hook: the hook.
        cost: what it costs.
        source: text of the policy.
    """
    rows = cost.parts[:MOST_ROWS]
    budget = hook.hook.budget
    span = rows[0].span if rows else hook.span
    return report(
        "budget-exceeded",
        f"hook `{hook.hook.name}` may cost {cost.total} instructions, its budget is {budget}",
        span,
        label=_shown(rows[0]) if rows else f"costs {cost.total}",
        hook=hook.hook.name,
        labels=tuple(dict.fromkeys(Label(row.span, _shown(row)) for row in rows[1:])),
        notes=cost_table(cost, source, budget),
        help=_fewer_rounds(cost, source, budget),
    )


def most(cost: HookCost, budget: int) -> str:
    """Return what a hook costs at the worst, in words.

    Args:
        cost: what it costs.
        budget: its limit.
    """
    further = f", and {cost.per_mapping} more for each further mapping of a folio" if cost.per_mapping else ""
    return f"at most {cost.total} instructions of {budget}{further}"


def _fewer_rounds(cost: HookCost, source: SourceText, budget: int) -> tuple[Help, ...]:
    """Offer as many rounds of the dearest loop as the budget has room for, where a number says how many there are."""
    loop = next((part for part in cost.parts if part.name == "loop"), None)
    found = (
        re.fullmatch(r"(range\((?:0, )?|.+\blimit=)(\d+)\b(.*)", source.text(loop.span))
        if loop is not None
        else None
    )
    if loop is None or found is None or loop.span.start.line != loop.span.end.line:
        return ()
    rounds = loop.times - -(-(cost.total - budget) // loop.each)
    if rounds < _FEWEST_ROUNDS or int(found[2]) != loop.times:
        return ()
    start = loop.span.start.column + found.start(2)
    place = Span.of(loop.span.start.line, start, loop.span.start.line, start + len(found[2]))
    return (
        Help(f"go round at most {rounds} times: `{found[1]}{rounds}{found[3]}`", Edit(place, str(rounds))),
    )


def cost_table(cost: HookCost, source: SourceText, budget: int) -> tuple[str, ...]:
    """Return the dearest parts and the sum as lines of a table: times * each + once = total.

    Args:
        cost: what the hook costs.
        source: text of the policy.
        budget: the hook's limit.
    """
    lines = [f"{'part':<40} {'times':>7} {'each':>9} {'once':>7} {'total':>12}"]
    for row in cost.parts[:MOST_ROWS]:
        text = f"line {row.span.start.line}: {source.text(row.span)}"
        lines.append(f"{text[:40]:<40} {row.times:>7} {row.each:>9} {row.once:>7} {row.total:>12}")
    for name, number in (("worst case", cost.total), ("budget", budget)):
        lines.append(f"{name:<40} {'':>7} {'':>9} {'':>7} {number:>12}")
    return tuple(lines)


def _shown(part: Part) -> str:
    if part.name == "loop":
        return f"{part.times} rounds of {part.each} instructions, {part.once} to leave: {part.total}"
    if part.once:
        return f"`{part.name}` costs {part.total}: {part.times} times {part.each}, and {part.once} once"
    return f"`{part.name}` costs {part.total}"
