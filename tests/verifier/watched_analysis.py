"""Compare what the verifier believes with what really happens.

`WatchedAnalysis` keeps the state of every block of the round that counts. `Watcher` observes the
interpreter: whenever a block begins, each value made on the way must be among those that some kept
state of that block allows, and each comparison that is decided there must hold. This finds an unsound step long before it lets a wrong policy through.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

from reclaim.lang import arithmetic
from reclaim.lang.interp import ObligationBroken, Observer, RuntimeValue
from reclaim.lang.ir import Block, HookIR, Op, OptionalType, PolicyIR, Terminator, Value
from tests.fakes.fake_machine import ContractEnvironment, FakeMachine
from verifier.analysis import HookAnalysis
from verifier.domains.nullness import NONE, PRESENT
from verifier.domains.product import NUMBERS, Element
from verifier.evaluation import Elements
from verifier.numbering import successors
from verifier.obligations import CommonRange, Implied, InRange, NonNegative, NonZero, NotNone, QuotientFits

_HOLDS: dict[str, Callable[[int, int], bool]] = {
    "ult": lambda left, right: arithmetic.unsigned(left) < arithmetic.unsigned(right),
    "slt": lambda left, right: arithmetic.read_as(left, True) < arithmetic.read_as(right, True),
    "eq": lambda left, right: arithmetic.unsigned(left) == arithmetic.unsigned(right),
}
"""What it means that a comparison of two values is believed true, whoever compared them."""

_ABOUT_VALUES = (InRange, NotNone, NonZero, QuotientFits, CommonRange, NonNegative, Implied)
"""Obligations that the interpreter checks: where one is broken, a run ends."""


_MOST_BLOCKS = 1000
"""Watched in one run of a random program: a hook that is far over its budget goes round for minutes, and shows nothing new."""


class SeenEnough(Exception):  # no error: the watcher is satisfied
    """Ends a run that was watched for long enough."""


class WatchedAnalysis(HookAnalysis):
    """An analysis that remembers what it believed at the start of each block."""

    def __init__(self, hook: HookIR) -> None:
        self.believed: dict[int, list[Elements]] = {}
        super().__init__(hook)

    def _execute(self, number: int, elements: Elements, checking: bool) -> list[Elements | None]:
        if checking:
            self.believed.setdefault(number, []).append(dict(elements))
        return super()._execute(number, elements, checking)


def dominators(hook: HookIR) -> dict[int, frozenset[int]]:
    """Return for each block the blocks that every way to it passes, itself included."""
    sources: dict[int, list[int]] = {block.id: [] for block in hook.blocks}
    for block in hook.blocks:
        for target, _ in successors(block.terminator):
            sources[target.id].append(block.id)
    every = frozenset(sources)
    found = {block.id: every for block in hook.blocks}
    found[hook.blocks[0].id] = frozenset((hook.blocks[0].id,))
    changed = True
    while changed:
        changed = False
        for block in hook.blocks[1:]:
            before = frozenset.intersection(*(found[source] for source in sources[block.id])) | {block.id}
            changed |= before != found[block.id]
            found[block.id] = before
    return found


class Watcher:
    """Check one hook's runs against what its analysis believed."""

    def __init__(self, analysis: WatchedAnalysis) -> None:
        self.analysis = analysis
        self.wrong: list[str] = []
        self._blocks_left = 0
        above = dominators(analysis.hook)
        made = {block.id: self._made(block) for block in analysis.hook.blocks}
        self._visible = {
            block.id: [*block.params, *(v for other in above[block.id] - {block.id} for v in made[other])]
            for block in analysis.hook.blocks
        }
        self._blocks = {id(block) for block in analysis.hook.blocks}
        self._comparisons: list[tuple[int, Callable[[int, int], bool], int, int]] = [
            (number, _HOLDS[definition.name], definition.operands[0], definition.operands[1])
            for number, definition in enumerate(analysis.numbering.definitions)
            if definition.name in _HOLDS
        ]

    def begin(self, most_blocks: int = 1_000_000) -> Observer:
        """Return what observes the next run, and ends it by `SeenEnough` after some blocks."""
        self._blocks_left = most_blocks
        return self._observe

    def _observe(self, block: Block, op: Op | Terminator, values: Mapping[Value, RuntimeValue]) -> None:
        """Look at the values whenever a block of the watched hook begins; raises `SeenEnough`."""
        first = block.ops[0] if block.ops else block.terminator
        if op is not first or id(block) not in self._blocks:
            return
        self._blocks_left -= 1
        if self._blocks_left < 0:
            raise SeenEnough
        states = self.analysis.believed.get(block.id, [])
        if not any(self._allows(state, block, values) for state in states):
            self.wrong.append(self._describe(states, block, values))

    def _made(self, block: Block) -> list[Value]:
        return [*block.params, *(op.result for op in block.ops if op.result is not None)]

    def _allows(self, state: Elements, block: Block, values: Mapping[Value, RuntimeValue]) -> bool:
        visible = self._visible[block.id]
        if not all(self._is_allowed(state, value, values[value]) for value in visible):
            return False
        numbers = {self.analysis.numbering.of(v): c for v in visible if (c := values[v]) is not None}
        return all(
            number not in state
            or left not in numbers
            or right not in numbers
            or NUMBERS.contains(state[number], int(holds(numbers[left], numbers[right])))
            for number, holds, left, right in self._comparisons
        )

    def _is_allowed(self, state: Elements, value: Value, concrete: RuntimeValue) -> bool:
        element = state.get(self.analysis.numbering.of(value))
        return element is None or contains(element, value, concrete)

    def _describe(self, states: list[Elements], block: Block, values: Mapping[Value, RuntimeValue]) -> str:
        if not states:
            return f"block {block.id} is believed out of reach"
        wrong = [
            f"{value} ({value.name}) = {values[value]} at line {value.span.start.line}"
            for value in self._visible[block.id]
            if not any(self._is_allowed(state, value, values[value]) for state in states)
        ]
        return f"block {block.id}: {', '.join(wrong) or 'no single state allows all values'}"


def contains(element: Element, value: Value, concrete: RuntimeValue) -> bool:
    """Tell whether an element allows a run-time value."""
    is_optional = isinstance(value.type, OptionalType)
    is_none = concrete is None if is_optional else concrete == 0
    if is_none and element.nullness == PRESENT and element.unsigned[0] > 0:
        return False
    if concrete is None:
        return bool(element.nullness & NONE)
    return NUMBERS.contains(element, arithmetic.unsigned(concrete))


def mistakes(policy: PolicyIR, seed: int, nr_machines: int) -> list[str]:
    """Run all hooks of a policy, accepted or not, and return what the verifier did not expect.

    Args:
        policy: the policy.
        seed: of the machines.
        nr_machines: how many there are; every second one is all extremes.

    Returns:
        One sentence for each mistake. Nothing is run where a run may not end, or goes on behind what
        the verifier objects to.
    """
    analyses = {name: WatchedAnalysis(hook) for name, hook in policy.hooks.items()}
    violations = [violation for analysis in analyses.values() for violation in analysis.run().violations]
    if not all(isinstance(violation.demand, _ABOUT_VALUES) for violation in violations):
        return []
    expected = {violation.op for violation in violations}
    rng, found = random.Random(seed), []
    machines = [FakeMachine(policy, rng, extreme=number % 2 == 1) for number in range(nr_machines)]
    for name, analysis in analyses.items():
        watcher = Watcher(analysis)
        for machine in machines:
            env = ContractEnvironment(machine)
            env.interpreter.observer = watcher.begin(_MOST_BLOCKS)
            try:
                env.interpreter.run(name, machine.arguments(name))
            except SeenEnough:
                continue
            except ObligationBroken as broken:
                found += [] if broken.op in expected else [f"{name}: {broken}"]
        found += [f"{name}: {wrong}" for wrong in watcher.wrong]
    return found
