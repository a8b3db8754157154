"""Conditions that come out alike in every run: warnings, for nothing goes wrong, but something was not meant.

A condition is where it stands in the text: a function that is called from several places, in several hooks, has
it once, and it is reported only if all of them agree. Whoever compares constants means them as switches, and how
often a loop goes round is said by its bound, so neither is reported, except for a loop that never goes round. Nor are
the parts of an assertion, those in the functions that it calls included: that it is always true is what it says.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from reclaim.diag.diagnostic import Diagnostic, Span
from reclaim.diag.registry import report
from reclaim.lang.ir import Assert, Branch, Compare, CompareOp, Const, IntType, Loop, Op, Value
from verifier.analysis import HookAnalysis
from verifier.source_places import SourceText

_SIGN = (
    "a number without sign is never negative, it wraps: compare before you subtract, or convert with `s64(x)`"
)


@dataclass(slots=True)
class _Seen:
    """What is known of a condition: the hook it was seen in first, what it is about, and its outcomes."""

    hook: str
    loop: Loop | None
    is_about_sign: bool
    outcomes: set[int] = field(default_factory=set)
    is_switch: bool = True


class Conditions:
    """Collect the outcomes of all conditions of a policy."""

    def __init__(self) -> None:
        self._seen: dict[Span, _Seen] = {}

    def note(self, analysis: HookAnalysis) -> None:
        """Note how the branches of an analysed hook went."""
        made = {
            op.result.id: op for block in analysis.hook.blocks for op in block.ops if op.result is not None
        }
        headers = {loop.header.id: loop for loop in analysis.hook.loops}
        asserted = {op.span for block in analysis.hook.blocks for op in block.ops if isinstance(op, Assert)}
        for block in analysis.hook.blocks:
            ways = analysis.results.ways.get(block.id)
            if not ways or not isinstance(block.terminator, Branch):
                continue
            loop = headers.get(block.id)
            span = block.terminator.span if loop is None else loop.span
            maker = made.get(block.terminator.condition.id)
            places = (span, *(maker.inlined_at if maker is not None else ()))
            if any(whole.start <= at.start and at.end <= whole.end for whole in asserted for at in places):
                continue
            seen = self._seen.get(span)
            if seen is None:
                is_about_sign = _is_about_sign(made, block.terminator.condition)
                seen = self._seen[span] = _Seen(analysis.hook.hook.name, loop, is_about_sign)
            seen.outcomes |= ways
            seen.is_switch &= _is_constant(analysis, block.terminator.condition)

    def warnings(self, source: SourceText) -> list[Diagnostic]:
        """Return a warning for each condition with one outcome."""
        return [
            _warning(span, seen, source)
            for span, seen in self._seen.items()
            if len(seen.outcomes) == 1
            and not (seen.is_switch and seen.loop is None)
            and (seen.loop is None or seen.outcomes == {1})
        ]


def _is_constant(analysis: HookAnalysis, condition: Value) -> bool:
    """Tell whether a condition is made of constants alone."""
    definitions = analysis.numbering.definitions
    left = [analysis.numbering.of(condition)]
    while left:
        definition = definitions[left.pop()]
        if definition.name not in ("const", "none") and not definition.operands:
            return False
        left += definition.operands
    return True


def _is_about_sign(made: dict[int, Op], condition: Value) -> bool:
    """Tell whether a condition asks if a number without sign is negative."""
    op = made.get(condition.id)
    if not isinstance(op, Compare) or op.signed or not isinstance(op.left.type, IntType):
        return False
    right = made.get(op.right.id)
    return op.op in (CompareOp.LT, CompareOp.GE) and isinstance(right, Const) and right.value == 0


def _warning(span: Span, seen: _Seen, source: SourceText) -> Diagnostic:
    written = source.text(span)
    if seen.loop is None:
        outcome = "true" if seen.outcomes == {0} else "false"
        message, label = f"`{written}` is always {outcome}", f"always {outcome}"
    else:
        message, label = f"loop over `{written}` never goes round", "never goes round"
    notes = (_SIGN,) if seen.is_about_sign else ()
    return report(
        "constant-condition", message, span, label=label, severity="warning", hook=seen.hook, notes=notes
    )
