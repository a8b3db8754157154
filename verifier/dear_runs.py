"""Find inputs with which a hook really costs more than its budget, by the prices of the contract.

The worst case of a hook is a sum over loops and ways that need not come together in one run. Here runs are
followed and priced as they go, the first with every input as large as it can be, until one is dearer than the
budget; the interpreter runs it, too, and is priced in the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from reclaim.abi.helpers import SCAN_COST
from reclaim.lang.interp import RuntimeValue
from reclaim.lang.ir import Block, Call, HandleType, Op, PolicyIR, ScanFirst, ScanNext, Terminator, Value
from verifier.analysis import HookAnalysis
from verifier.confirmation import reaches
from verifier.cost import HookCost, price_of_units
from verifier.domains.nullness import PRESENT
from verifier.domains.product import Element
from verifier.entailment import is_signed
from verifier.witness import Concrete, GivenUp, Run, WitnessSearch

DEAREST_BUDGET = 50_000
"""Budgets beyond it are not tried: a run that exceeds them takes the search seconds."""

_NR_TRIES = 20
_NR_STEPS = 200_000
"""Instructions of all runs: about a second, for a policy that is rejected anyway."""


class DearRunSearch(WitnessSearch):
    """Search one hook for a run that costs more than its budget.

    Args:
        analysis: the finished analysis of the hook.
        policy: the policy, which the interpreter runs.
        name_of: what the author calls a value.
        costs: stated worst cases of the hooks that helpers may run.
    """

    def __init__(
        self,
        analysis: HookAnalysis,
        policy: PolicyIR,
        name_of: Callable[[Value], str],
        costs: Mapping[str, HookCost],
    ) -> None:
        super().__init__(analysis, policy, name_of)
        self._costs = costs
        self._is_greedy = True

    def find_dearer(self) -> dict[str, str] | None:
        """Return inputs with which the hook costs more than its budget.

        Returns:
            Values by name; empty if every run costs as much, None if no run was found that does.
        """
        hook = self._analysis.hook
        self._steps_left = _NR_STEPS
        if hook.hook.budget > DEAREST_BUDGET:
            return None
        for attempt in range(_NR_TRIES):
            self._is_greedy = attempt == 0
            run = Run()
            try:
                self._spend(run, hook.hook.budget)
            except GivenUp:
                continue
            if self._is_dear(run, hook.hook.budget):
                inputs = frozenset().union(*(inputs for _, inputs in run.decisions))
                return self._named(run, inputs)
        return None

    def _spend(self, run: Run, budget: int) -> None:
        """Follow a run until it has cost more than the budget."""
        for value in self._analysis.hook.params:
            self._pick(run, value, self._analysis.entry_element(value))
        block, spent = self._analysis.hook.blocks[0], 0
        while True:
            run.place = block.id
            for step in self._steps(block):
                self._steps_left -= 1
                if self._steps_left < 0 or not all(self._holds(run, met) for met in step.demands):
                    raise GivenUp
                spent += self._price(step.op, lambda value: self._read(run, value))
                if spent > budget:
                    return
                self._execute(run, step)
            spent += 1
            block = self._next(run, block)

    def _is_dear(self, run: Run, budget: int) -> bool:
        """Tell whether the interpreter's run costs more than the budget, too."""
        hook, spent = self._analysis.hook, 0
        arguments = tuple(run.values[self._numbering.of(param)] for param in hook.params)

        def is_reached(_block: Block, op: Op | Terminator, values: Mapping[Value, RuntimeValue]) -> bool:
            nonlocal spent
            spent += 1 if isinstance(op, Terminator) else self._price(op, lambda value: values[value] or 0)
            return spent > budget

        return reaches(self._policy, hook.hook.name, arguments, run.believed, is_reached)

    def _price(self, op: Op, value_of: Callable[[Value], int]) -> int:
        """Return what an instruction costs: 1, and what the contract declares for what it calls."""
        if isinstance(op, (ScanFirst, ScanNext)):
            return 1 + SCAN_COST
        if not isinstance(op, Call):
            return 1
        helper = op.helper
        if helper.cost_per is None:
            return 1 + helper.cost
        each, besides = price_of_units(helper, self._costs)
        arguments = zip(reversed(helper.params), reversed(op.args), strict=False)
        units = sum(value_of(arg) for param, arg in arguments if param.name == helper.cost_per[0])
        return 1 + (besides + each * units if units else helper.cost)

    def _example(self, value: Value, element: Element, number: int) -> Concrete:
        """Pick the largest number at first."""
        if not self._is_greedy or isinstance(value.type, HandleType) or not element.nullness & PRESENT:
            return super()._example(value, element, number)
        return (element.signed if is_signed(value) else element.unsigned)[1]
