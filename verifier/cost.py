"""What a hook costs at the worst, in instructions of the intermediate representation.

An instruction costs 1, a helper's call what the contract declares: a fixed part, a part per unit of the
proved maximum of one argument, and as many runs of each hook that it may run. A loop costs its proved
rounds times the dearest way round its body, plus one last visit of its header. The hook costs the
dearest way through what is left when each loop counts as one block.

The runs of other hooks make the order matter: `pte_young` is costed before the hooks whose helpers run
it. The contract gives those hooks no family with helpers that run hooks, so the order always exists;
that it does is a test of the contract.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reclaim.abi.helpers import SCAN_COST
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
        once: cost beside that: a loop's last visit of its header, the fixed part of a driven cost.
    """

    span: Span
    name: str
    times: int
    each: int
    once: int

    @property
    def total(self) -> int:
        """Return the cost of all."""
        return self.times * self.each + self.once


@dataclass(frozen=True, slots=True)
class HookCost:
    """What a hook costs.

    Args:
        total: worst case of one invocation, in instructions.
        parts: the loops and calls on the dearest way, dearest first.
    """

    total: int
    parts: tuple[Part, ...]


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
        total, parts = self._dearest(nest(order, bodies), frozenset(order), None)
        return HookCost(total, tuple(sorted(parts, key=lambda part: -part.total)))

    def _dearest(
        self, items: tuple[int | Nest, ...], region: frozenset[int], header: int | None
    ) -> tuple[int, tuple[Part, ...]]:
        """Return the dearest way through a sequence of blocks and loops, back edges left out."""
        best: dict[int, tuple[int, tuple[Part, ...]]] = {}
        dearest: tuple[int, tuple[Part, ...]] = (0, ())
        for item in items:
            first = item.header if isinstance(item, Nest) else item
            before, through = best.get(first, (0, ()))
            own, parts = self._loop(item) if isinstance(item, Nest) else self._block(item)
            here = (before + own, through + parts)
            dearest = max(dearest, here, key=lambda way: way[0])
            leaving = self._loops[first].body if isinstance(item, Nest) else frozenset((first,))
            for target in self._targets(leaving):
                if target in region and target not in leaving and target != header:
                    best[target] = max(best.get(target, (0, ())), here, key=lambda way: way[0])
        return dearest

    def _targets(self, leaving: frozenset[int]) -> set[int]:
        return {
            target.id
            for number in leaving
            if number in self._blocks
            for target, _ in successors(self._blocks[number].terminator)
        }

    def _loop(self, loop: Nest) -> tuple[int, tuple[Part, ...]]:
        inside = self._loops[loop.header].body
        own, parts = self._block(loop.header)
        items: tuple[int | Nest, ...] = (loop.header, *loop.inside)
        each, inner = self._dearest(items, inside, loop.header)
        times = self._results.rounds.get(loop.header, 0)
        described = Part(self._loops[loop.header].span, "loop", times, each, own)
        return described.total, (described, *inner, *parts) if times else parts

    def _block(self, number: int) -> tuple[int, tuple[Part, ...]]:
        total, parts = 1, []
        for op in self._blocks[number].ops:
            total += 1
            if isinstance(op, (ScanFirst, ScanNext)):
                total += SCAN_COST
            if isinstance(op, Call):
                part = self._call(op)
                total += part.total
                parts.append(part)
        return total, tuple(parts)

    def _call(self, op: Call) -> Part:
        helper = op.helper
        runs = sum(self._run_cost(name) for name in helper.effects.runs)
        times = self._results.arguments.get(id(op), 0)
        if helper.cost_per is None or not times:
            return Part(op.span, helper.name, 1, helper.cost, 0)
        return Part(op.span, helper.name, times, helper.cost_per[1] + runs, helper.cost)

    def _run_cost(self, name: str) -> int:
        known = self._costs.get(name)
        return DEFAULT_RUN_COST if known is None else known.total
