"""What a hook costs at the worst, in instructions of the intermediate representation.

An instruction costs 1, a helper's call what the contract declares: a fixed part, a part per unit of the
proved maximum of one argument, and runs of the hooks that it may run, as often as the contract says. A
loop costs its proved rounds times the dearest way round its body, plus what leaving it costs: one last visit of its header, or
what the last round costs more where it breaks or returns. The hook costs the dearest way through what is
left when each loop counts as one block.

Some helpers work for each page table that maps a folio, and no policy can know how many there are. The worst case is
that of one mapping; what each further one adds at most is counted beside it, by the way that asks most.

The runs of other hooks make the order matter: `pte_young` is costed before the hooks whose helpers run
it. The contract gives those hooks no family with helpers that run hooks, so the order always exists;
that it does is a test of the contract.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from reclaim.abi.helpers import SCAN_COST
from reclaim.abi.kinds import Helper
from reclaim.diag.diagnostic import Span
from reclaim.lang.ir import Call, HookIR, ScanFirst, ScanNext
from verifier.analysis import Results
from verifier.fixpoint import Nest, nest
from verifier.numbering import successors
from verifier.obligations import RUN_BY_HELPERS

DEFAULT_RUN_COST = 16
"""Cost of one run of a hook that the policy leaves out: the default `pte_young` tests and sets one flag."""


@dataclass(frozen=True, slots=True)
class Part:
    """One line of a cost table: a loop or a helper's call.

    Args:
        span: the loop's head or the call.
        name: "loop", or the helper.
        times: rounds, units of the argument that drives the cost, else 1.
        each: cost of one.
        once: cost beside that: of leaving a loop, the fixed part of a driven cost.
        each_mapping: whether each further mapping of the folio costs that again.
    """

    span: Span
    name: str
    times: int
    each: int
    once: int
    each_mapping: bool = False

    @property
    def total(self) -> int:
        """Return the cost of all."""
        return self.times * self.each + self.once


@dataclass(frozen=True, slots=True)
class _Way:
    """What a way through some blocks costs, with the loops and calls on it, and what a further mapping adds."""

    cost: int
    parts: tuple[Part, ...]
    per_mapping: int

    def then(self, further: _Way) -> _Way:
        """Return this way with another behind it."""
        per_mapping = self.per_mapping + further.per_mapping
        return _Way(self.cost + further.cost, self.parts + further.parts, per_mapping)


_NOTHING = _Way(0, (), 0)
_END = -1
"""Where a way leads that ends the hook; blocks have no negative numbers."""


def _keep_dearest(ways: dict[int, _Way], target: int, way: _Way) -> None:
    """Keep what is dearest with one mapping, and what a further one adds by any of the ways."""
    known = ways.get(target, way)
    dearest = max(known, way, key=lambda one: one.cost)
    per_mapping = max(known.per_mapping, way.per_mapping)
    ways[target] = (
        dearest if dearest.per_mapping == per_mapping else replace(dearest, per_mapping=per_mapping)
    )


@dataclass(frozen=True, slots=True)
class HookCost:
    """What a hook costs.

    Args:
        total: worst case of one invocation, in instructions.
        parts: the loops and calls on the dearest way, dearest first.
        per_mapping: how many more at most for each further mapping of the folios that it asks about.
    """

    total: int
    parts: tuple[Part, ...]
    per_mapping: int


def price_of_units(helper: Helper, costs: Mapping[str, HookCost]) -> tuple[int, int]:
    """Return what a call costs for each unit of what drives its cost, and besides, runs of hooks included.

    Args:
        helper: has such a parameter, which is not 0.
        costs: of the hooks that it may run; one that the policy leaves out costs `DEFAULT_RUN_COST`.
    """
    assert helper.cost_per is not None
    effects = helper.effects
    a_run = sum(costs[name].total if name in costs else DEFAULT_RUN_COST for name in effects.runs)
    return helper.cost_per[1] + effects.runs_each * a_run, helper.cost + effects.runs_besides * a_run


def costing_order(hooks: Iterable[str]) -> list[str]:
    """Return the hooks such that those run by helpers come first."""
    return sorted(hooks, key=lambda name: name not in RUN_BY_HELPERS)


class CostModel:
    """Compute the worst-case cost of one hook.

    Args:
        hook: the hook.
        results: proved rounds, arguments and reached blocks.
        costs: costs of the hooks that helpers may run.
    """

    def __init__(self, hook: HookIR, results: Results, costs: Mapping[str, HookCost]) -> None:
        self._hook = hook
        self._results = results
        self._costs = costs
        self._blocks = {block.id: block for block in hook.blocks if block.id in results.reached}
        self._loops = {loop.header.id: loop for loop in hook.loops}

    def compute(self) -> HookCost:
        """Return the cost of the dearest way through the hook."""
        order = [block.id for block in self._hook.blocks if block.id in self._blocks]
        bodies = {header: loop.body for header, loop in self._loops.items() if header in self._blocks}
        ways = self._ways(nest(order, bodies), frozenset(order), None)
        dearest = max(ways.values(), key=lambda way: way.cost)
        parts = tuple(sorted(dearest.parts, key=lambda part: -part.total))
        return HookCost(dearest.cost, parts, max(way.per_mapping for way in ways.values()))

    def _ways(
        self, items: tuple[int | Nest, ...], region: frozenset[int], header: int | None
    ) -> dict[int, _Way]:
        """Return the dearest way through a sequence of blocks and loops to each block where it can end.

        A way ends outside of the region, at its header, or with the hook.
        """
        best: dict[int, _Way] = {}
        ends: dict[int, _Way] = {}
        for item in items:
            first = item.header if isinstance(item, Nest) else item
            before = best.get(first, _NOTHING)
            through = self._loop(item) if isinstance(item, Nest) else self._straight(item)
            for target, way in through.items():
                goes_on = target in region and target != header
                _keep_dearest(best if goes_on else ends, target, before.then(way))
        return ends

    def _straight(self, number: int) -> dict[int, _Way]:
        """Return where a block leads and what it costs."""
        way = self._block(number)
        targets = (target.id for target, _ in successors(self._blocks[number].terminator))
        return {target: way for target in targets if target in self._blocks} or {_END: way}

    def _loop(self, loop: Nest) -> dict[int, _Way]:
        """Return where a loop leads and what it costs, all of its rounds included."""
        header = loop.header
        inside = self._loops[header].body
        leaving = {target: way for target, way in self._straight(header).items() if target not in inside}
        ways = self._ways((header, *loop.inside), inside, header)
        a_round = ways.pop(header, _NOTHING)
        times = self._results.rounds.get(header, 0)
        if not times:
            return leaving or {_END: self._block(header)}
        for target, way in ways.items():
            more = _Way(
                max(way.cost - a_round.cost, 0),
                tuple(p for p in way.parts if p not in a_round.parts),
                max(way.per_mapping - a_round.per_mapping, 0),
            )
            _keep_dearest(leaving, target, more)
        if not leaving:  # something fails in every round, and nothing comes behind the loop
            leaving[_END] = _NOTHING
        return {target: self._all_rounds(header, times, a_round, way) for target, way in leaving.items()}

    def _all_rounds(self, header: int, times: int, a_round: _Way, leaving: _Way) -> _Way:
        described = Part(self._loops[header].span, "loop", times, a_round.cost, leaving.cost)
        per_mapping = times * a_round.per_mapping + leaving.per_mapping
        return _Way(described.total, (described, *a_round.parts, *leaving.parts), per_mapping)

    def _block(self, number: int) -> _Way:
        total, parts = 1, []
        for op in self._blocks[number].ops:
            total += 1
            if isinstance(op, (ScanFirst, ScanNext)):
                total += SCAN_COST
            if isinstance(op, Call):
                part = self._call(op)
                total += part.total
                parts.append(part)
        return _Way(total, tuple(parts), sum(part.total for part in parts if part.each_mapping))

    def _call(self, op: Call) -> Part:
        helper = op.helper
        times = self._results.arguments.get(id(op), 0)
        if helper.cost_per is None or not times:
            return Part(op.span, helper.name, 1, helper.cost, 0, helper.each_mapping)
        each, once = price_of_units(helper, self._costs)
        return Part(op.span, helper.name, times, each, once, helper.each_mapping)
