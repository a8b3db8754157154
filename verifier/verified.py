"""The verdict on a policy, and the type that only an accepted policy has.

The code generator takes a `VerifiedPolicy` and nothing else, and only `verify_or_raise` makes one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from reclaim.diag.diagnostic import Diagnostic
from reclaim.diag.errors import PolicyRejected
from reclaim.lang.ir import HookIR, PolicyIR
from verifier.analysis import Results
from verifier.checked_help import UNDRAINED, with_checked_help
from verifier.conditions import Conditions
from verifier.cost import CostModel, HookCost, costing_order
from verifier.dear_runs import DearRunSearch
from verifier.domains.product import Element
from verifier.drainage import undrained_lists
from verifier.explain import Explainer
from verifier.explain_cost import over_budget
from verifier.facts import Facts
from verifier.invariants import Invariants, Pass, analyse
from verifier.obligations import FamilyPermitted
from verifier.source_places import SourceText
from verifier.state_ranges import DECLARED, StateRanges
from verifier.witness_text import with_evidence

MOST_ERRORS = 20
"""Errors reported for one file; beyond that the first ones should be mended first."""

_TOKEN: Final = object()


class VerifiedPolicy:
    """Hold a policy that was proved safe; only the verifier can make one.

    Attributes:
        ir: the policy, unchanged: what was verified is what is compiled.
        costs: worst case of each hook.
    """

    __slots__ = ("costs", "ir")

    def __init__(self, ir: PolicyIR, costs: dict[str, HookCost], token: object) -> None:
        if token is not _TOKEN:
            raise TypeError("only `verifier.verified.verify_or_raise` makes a VerifiedPolicy")
        self.ir = ir
        self.costs = costs


@dataclass(frozen=True, slots=True)
class Report:
    """What the verifier found.

    Args:
        accepted: no error was found.
        diagnostics: errors in source order, at most `MOST_ERRORS`; warnings where there is no error.
        costs: worst case of each hook, also of those with errors.
        state: what fields of declared state hold whenever a hook begins.
    """

    accepted: bool
    diagnostics: tuple[Diagnostic, ...]
    costs: dict[str, HookCost]
    state: StateRanges = DECLARED


def verify(ir: PolicyIR, facts: Facts | None = None, *, with_evidence: bool = True) -> Report:
    """Analyse every hook of a policy.

    Args:
        ir: the policy.
        facts: where to note what is known about each value where it stands, None if nobody wants to know.
        with_evidence: whether to look for witnesses and to try fixes, which takes longer than to find what is wrong.

    Returns:
        Everything found; a policy without errors is accepted.
    """
    settled = _settled(ir, facts=facts)
    found, costs = _findings(ir, settled, with_witnesses=with_evidence)
    if not found:
        conditions = Conditions()
        for analysis in settled.tried.analyses.values():
            conditions.note(analysis)
        warnings = (*ir.unused, *conditions.warnings(SourceText(ir.source)))
        return Report(True, _first(warnings), costs, settled.tried.state)
    shown = _first(found)
    if with_evidence:
        shown = with_checked_help(
            ir,
            shown,
            len(found),
            lambda other, without_lists: sum(
                not (without_lists and found.name == UNDRAINED)
                for found in _findings(other, _settled(other, settled.tried.state), with_witnesses=False)[0]
            ),
        )
    return Report(False, shown, costs, settled.tried.state)


def _first(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Return what is shown, in source order."""
    return tuple(sorted(diagnostics, key=lambda d: (d.span, d.code))[:MOST_ERRORS])


def verify_or_raise(ir: PolicyIR) -> VerifiedPolicy:
    """Verify a policy.

    Args:
        ir: the policy.

    Returns:
        The policy as one that may be compiled.

    Raises:
        PolicyRejected: something could not be proved.
    """
    verdict = verify(ir)
    if not verdict.accepted:
        raise PolicyRejected(ir.path, verdict.diagnostics)
    return VerifiedPolicy(ir, verdict.costs, _TOKEN)


def _settled(ir: PolicyIR, state: StateRanges = DECLARED, facts: Facts | None = None) -> _Settled:
    """Return the pass that says what is wrong with a policy, or that nothing is.

    Args:
        ir: the policy.
        state: what fields may well hold.
        facts: where to note what is known about each value, None if nobody wants to know.
    """
    settled = _Settled(analyse(ir, state, facts))
    if state is not DECLARED:
        return settled if Invariants(ir).is_closed(settled.tried) else _settled(ir)
    if settled.nr_wrong == 0:
        return settled
    for tried in Invariants(ir).passes(settled.tried):
        further = _Settled(tried)
        # What breaks a rule whenever it runs stores nothing, and ranges that grow without it mislead.
        if settled.tried.state is DECLARED or further.nr_wrong < settled.nr_wrong:
            settled = further
        if settled.nr_wrong == 0:
            break
    if facts is not None and settled.tried.state is not DECLARED:
        facts.forget()
        settled = _Settled(analyse(ir, settled.tried.state, facts))
    return settled


class _Settled:
    """A pass with what each hook costs, and how many obligations and budgets are not kept."""

    def __init__(self, tried: Pass) -> None:
        self.tried = tried
        self.costs: dict[str, HookCost] = {}
        for name in costing_order(tried.analyses):
            analysis = tried.analyses[name]
            self.costs[name] = CostModel(analysis.hook, analysis.results, self.costs).compute()

        self.nr_wrong = sum(
            len(analysis.results.violations) + (self.costs[name].total > analysis.hook.hook.budget)
            for name, analysis in tried.analyses.items()
        )


def _findings(
    ir: PolicyIR, settled: _Settled, *, with_witnesses: bool
) -> tuple[list[Diagnostic], dict[str, HookCost]]:
    """Return everything found, and what each hook costs."""
    source = SourceText(ir.source)
    diagnostics: list[Diagnostic] = []
    reached: dict[str, set[int]] = {}
    indices: dict[int, tuple[Element, ...]] = {}
    costs = settled.costs
    for name in costs:
        hook, analysis = ir.hooks[name], settled.tried.analyses[name]
        results = analysis.results
        explainer = Explainer(source, analysis, ir, with_witnesses=with_witnesses)
        diagnostics += [explainer.explain(violation) for violation in results.violations]
        reached[name] = _reached(hook, results)
        indices |= results.indices
        is_out_of_place = any(isinstance(v.demand, FamilyPermitted) for v in results.violations)
        if costs[name].total > hook.hook.budget and not is_out_of_place:
            said = over_budget(hook, costs[name], source)
            if with_witnesses:
                search = DearRunSearch(analysis, ir, source.name_of, costs)
                said = with_evidence(said, search.find_dearer())
            diagnostics.append(said)
    diagnostics += undrained_lists(ir, reached, {} if diagnostics else indices)
    return _distinct(diagnostics), {name: costs[name] for name in ir.hooks}


def _reached(hook: HookIR, results: Results) -> set[int]:
    """Return the reached blocks; all of a hook with errors, for the analysis stops at those that are certain."""
    return {block.id for block in hook.blocks} if results.violations else results.reached


def _distinct(diagnostics: list[Diagnostic]) -> list[Diagnostic]:
    """Keep one finding per place and code: a function inlined twice has one mistake, not two."""
    kept: dict[tuple[str, object], Diagnostic] = {}
    for diagnostic in diagnostics:
        key = (diagnostic.code, diagnostic.span)
        first = kept.setdefault(key, diagnostic)
        if first.hook != diagnostic.hook:
            note = f"also in hook `{diagnostic.hook}`"
            if note not in first.notes:
                kept[key] = replace(first, notes=(*first.notes, note))
    return list(kept.values())
