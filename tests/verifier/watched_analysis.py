"""Compare what the verifier believes with what really happens.

`WatchedAnalysis` keeps the state of every block of the round that counts. `Watcher` observes the interpreter: whenever
a block begins, some kept state of that block must allow all that is so at that moment.

- Each value made on the way, and each class of which a state knows something, be it computed there or not: contents of
  cells, comparisons, sums of the round to come (`concrete_classes`).
- What ties two of them together: how far one lies above another, sums and multiples that bound each other. Asked for
  are the two sides of each difference, quotient and comparison of the hook, as the analysis itself may ask.

Whatever the state, two values of one class must be the same number, and each must be what its class is made from: that
is what numbering claims, memory included. This finds an unsound step long before it lets a wrong policy through.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from reclaim.abi.kinds import U64_MAX
from reclaim.lang import arithmetic
from reclaim.lang.interp import Interpreter, ObligationBroken, Observer, RuntimeValue
from reclaim.lang.ir import Block, HookIR, Op, PolicyIR, Terminator, Value, is_pair
from tests.fakes.fake_machine import ContractEnvironment, FakeMachine
from tests.verifier.concrete_classes import Cells, ConcreteClasses
from verifier.analysis import HookAnalysis
from verifier.domains.nullness import NONE, PRESENT
from verifier.domains.product import NUMBERS, Element
from verifier.evaluation import Elements
from verifier.numbering import Edge, MemoryPhi, successors
from verifier.obligations import CommonRange, Implied, InRange, NonNegative, NonZero, NotNone, QuotientFits
from verifier.state_ranges import DECLARED, StateRanges

_MOST_PAIRS = 40
"""Of values whose order is asked for in one state: a bound on the work of a hook that compares hundreds."""

_MOST_VISITS = 20
"""Of one block in which all beliefs are looked at; in those that follow, ranges of values are."""

_ABOUT_VALUES = (InRange, NotNone, NonZero, QuotientFits, CommonRange, NonNegative, Implied)
"""Obligations that the interpreter checks: where one is broken, a run ends."""


_MOST_BLOCKS = 1000
"""Watched in one run of a random program: a hook that is far over its budget goes round for minutes, and shows nothing new."""


class SeenEnough(Exception):  # no error: the watcher is satisfied
    """Ends a run that was watched for long enough."""


class WatchedAnalysis(HookAnalysis):
    """An analysis that remembers what it believed at the start of each block.

    Attributes:
        believed: the states of each block that was reached, one for each visit in the rounds that count.
        arriving: for a block that is visited once for each edge into it these edges, in the same order.
    """

    def __init__(self, hook: HookIR, state: StateRanges = DECLARED) -> None:
        self.believed: dict[int, list[Elements]] = {}
        self.arriving: dict[int, list[Edge]] = {}
        super().__init__(hook, state=state)

    def visit(self, block: int, states: list[tuple[Edge, Elements]], checking: bool) -> list[Elements | None]:
        """Run a block on what comes in."""
        if checking and block in self._splits and len(states) > 1:
            self.arriving[block] = [edge for edge, _ in states]
        return super().visit(block, states, checking)

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


@dataclass(frozen=True, slots=True)
class Belief:
    """One thing that is believed about classes in a state.

    Args:
        about: the classes.
        holds: tells whether their numbers are so.
        text: what is believed.
    """

    about: tuple[int, ...]
    holds: Callable[..., bool]
    text: str


class Watcher:
    """Check one hook's runs against what its analysis believed."""

    def __init__(self, analysis: WatchedAnalysis) -> None:
        self.analysis = analysis
        self.wrong: list[str] = []
        self._blocks_left = 0
        self._memory: Interpreter | None = None
        self._contents: dict[int, int] = {}
        self._nr_visits: Counter[int] = Counter()
        self._beliefs: dict[int, list[list[Belief]]] = {}
        numbering = self._numbering = analysis.numbering
        self._cells = Cells(numbering)
        above = dominators(analysis.hook)
        made = {block.id: self._made(block) for block in analysis.hook.blocks}
        self._visible = {
            block.id: [*block.params, *(v for other in above[block.id] - {block.id} for v in made[other])]
            for block in analysis.hook.blocks
        }
        self._phis: dict[int, list[MemoryPhi]] = {
            block.id: [phi for other in above[block.id] for phi in numbering.phis[other]]
            for block in analysis.hook.blocks
        }
        self._blocks = {id(block) for block in analysis.hook.blocks}

    def begin(self, most_blocks: int = 1_000_000, memory: Interpreter | None = None) -> Observer:
        """Return what observes the next run, and ends it by `SeenEnough` after some blocks.

        Args:
            most_blocks: how many.
            memory: the interpreter of the run, which can read cells; without it, contents of cells are not compared.
        """
        self._blocks_left = most_blocks
        self._memory = memory
        self._contents.clear()
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
        allowing = [number for number, state in enumerate(states) if self._allows(state, block, values)]
        if not allowing:
            self.wrong.append(self._describe(states, block, values))
            return
        self._nr_visits[block.id] += 1
        if self._nr_visits[block.id] > _MOST_VISITS:
            for phi in self._numbering.phis[block.id]:
                self._contents.pop(phi.result, None)
            return
        classes = self._classes(block, values)
        believed = self._believed(block, states)
        broken = [_broken(believed[number], classes) for number in allowing]
        if all(broken):
            self.wrong.append(f"block {block.id}: not so: {broken[0]}")

    def _made(self, block: Block) -> list[Value]:
        return [*block.params, *(op.result for op in block.ops if op.result is not None)]

    def _classes(self, block: Block, values: Mapping[Value, RuntimeValue]) -> ConcreteClasses:
        """Return the numbers of the classes where a block begins, and hold numbering to what it claims of them."""
        known: dict[int, int] = {}
        for value in self._visible[block.id]:
            if (number := values[value]) is not None:
                of = self._numbering.of(value)
                if known.setdefault(of, arithmetic.unsigned(number)) != arithmetic.unsigned(number):
                    self.wrong.append(
                        f"block {block.id}: {value} ({value.name}) = {number} and another of its class"
                    )
        self._note_contents(block, known)
        known |= {
            phi.result: self._contents[phi.result]
            for phi in self._phis[block.id]
            if phi.result in self._contents
        }
        classes = ConcreteClasses(self._numbering, known)
        for number, found in known.items():
            made = classes.made(number)
            if made is not None and made != found:
                self.wrong.append(f"block {block.id}: class {number} is {found}, but is made as {made}")
        return classes

    def _note_contents(self, block: Block, known: Mapping[int, int]) -> None:
        """Read the cells that have another content by each way into the block."""
        if self._memory is None or not self._numbering.phis[block.id]:
            return
        classes = ConcreteClasses(self._numbering, {**self._contents, **known})
        for phi in self._numbering.phis[block.id]:
            content = self._cells.read(phi.cell, classes, self._memory)
            self._contents.pop(phi.result, None)
            if content is not None:
                self._contents[phi.result] = content

    def _believed(self, block: Block, states: list[Elements]) -> list[list[Belief]]:
        """Return what is believed in each state of a block; the states stay what they are."""
        if block.id not in self._beliefs:
            self._beliefs[block.id] = [list(self._beliefs_in(state)) for state in states]
        return self._beliefs[block.id]

    def _beliefs_in(self, state: Elements) -> Iterator[Belief]:
        definitions = self._numbering.definitions
        for number, element in state.items():
            definition = definitions[number]
            if definition.name == "ratio":
                if element.unsigned[1] < U64_MAX:
                    whole, unit = definition.operands
                    yield _at_most_times(whole, unit, element.unsigned[1])
            else:
                text = f"class {number} ({definition.name}) in {element.unsigned}"
                yield Belief((number,), partial(NUMBERS.contains, element), text)
        order, ratios = self.analysis.evaluator.order, self.analysis.evaluator.ratios
        nr_pairs = 0
        with order.standing(state):
            for definition in definitions:
                if definition.name not in ("sub", "udiv", "umod", "ult", "add") or nr_pairs >= _MOST_PAIRS:
                    continue
                nr_pairs += 1
                left, right = definition.operands
                for low, high in ((left, right), (right, left)):
                    gap = order.gap(low, high, state)
                    if gap is not None:
                        yield Belief((low, high), partial(_is_above, gap), f"{high} >= {low} + {gap}")
                    most = order.most(low, state)
                    yield Belief((low,), partial(_is_at_most, most), f"{low} <= {most}")
                if definition.name == "add":
                    most_of_sum = order.most_of_sum(left, right, state)
                    if most_of_sum is not None:
                        text = f"{left} + {right} <= {most_of_sum}"
                        yield Belief((left, right), partial(_is_sum_at_most, most_of_sum), text)
                if definition.name == "udiv":
                    times = ratios.most(left, right, state)
                    if times is not None:
                        yield _at_most_times(left, right, times)

    def _allows(self, state: Elements, block: Block, values: Mapping[Value, RuntimeValue]) -> bool:
        return all(self._is_allowed(state, value, values[value]) for value in self._visible[block.id])

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


def _at_most_times(whole: int, unit: int, times: int) -> Belief:
    return Belief((whole, unit), partial(_is_at_most_times, times), f"{whole} <= {times} * {unit}")


def _is_at_most_times(times: int, whole: int, unit: int) -> bool:
    return whole <= times * unit


def _is_above(gap: int, low: int, high: int) -> bool:
    return high >= low + gap


def _is_at_most(most: int, number: int) -> bool:
    return number <= most


def _is_sum_at_most(most: int, left: int, right: int) -> bool:
    return left + right <= most


def _broken(beliefs: list[Belief], classes: ConcreteClasses) -> str:
    """Return the first belief that is wrong, with the numbers; "" where all are right as far as one can tell."""
    for belief in beliefs:
        numbers = [classes.of(number) for number in belief.about]
        if None not in numbers and not belief.holds(*numbers):
            return f"{belief.text}, where they are {numbers}"
    return ""


def contains(element: Element, value: Value, concrete: RuntimeValue) -> bool:
    """Tell whether an element allows a run-time value."""
    is_none = concrete is None if is_pair(value.type) else concrete == 0
    if is_none and element.nullness == PRESENT and element.unsigned[0] > 0:
        return False
    if concrete is None:
        return bool(element.nullness & NONE)
    return NUMBERS.contains(element, arithmetic.unsigned(concrete))


def mistakes(policy: PolicyIR, seed: int, nr_machines: int, state: StateRanges = DECLARED) -> list[str]:
    """Run all hooks of a policy, accepted or not, and return what the verifier did not expect.

    Args:
        policy: the policy.
        seed: of the machines.
        nr_machines: how many there are; every second one is all extremes.
        state: what fields of declared state hold.

    Returns:
        One sentence for each mistake. Nothing is run where a run may not end, or goes on behind what
        the verifier objects to.
    """
    analyses = {name: WatchedAnalysis(hook, state) for name, hook in policy.hooks.items()}
    violations = [violation for analysis in analyses.values() for violation in analysis.run().violations]
    if not all(isinstance(violation.demand, _ABOUT_VALUES) for violation in violations):
        return []
    expected = {violation.op for violation in violations}
    rng, found = random.Random(seed), []
    machines = [
        FakeMachine(policy, rng, extreme=number % 2 == 1, state=state) for number in range(nr_machines)
    ]
    for name, analysis in analyses.items():
        watcher = Watcher(analysis)
        for machine in machines:
            env = ContractEnvironment(machine)
            env.interpreter.observer = watcher.begin(_MOST_BLOCKS, env.interpreter)
            try:
                env.interpreter.run(name, machine.arguments(name))
            except SeenEnough:
                continue
            except ObligationBroken as broken:
                found += [] if broken.op in expected else [f"{name}: {broken}"]
        found += [f"{name}: {wrong}" for wrong in watcher.wrong]
    return found
