"""The meaning of blocks for the fixpoint: states, joins, loop headers, branches.

A state is a dict from class to element (`evaluation.Elements`); an absent class is unknown. At a merge
only what every path knows survives, joined; block parameters and memory parameters get the join of what
the edges pass.

A block whose branch tests one of its own parameters is run once per incoming edge, and the paths are
joined only behind the branch: `found = helper(folio)` followed by `if found:` then knows on each side
what the helper's own branches knew. That is bounded (one block, at most `MAX_SPLIT` edges) and needs no
path enumeration.

At a loop header the state from outside is kept as it is, for SSA values do not change while the loop
runs; only the header's parameters travel along back edges. Counters get their range from the loop's own
bound, so that they never need widening.

What is checked goes to `findings`, in the last round of each loop only. `rounds` and `arguments` collect
what the cost computation needs, at the worst over all visits that count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce

from reclaim.diag.diagnostic import Span
from reclaim.lang.ir import (
    Block,
    Branch,
    Call,
    Const,
    HookIR,
    ListRef,
    LoadState,
    Loop,
    LoopKind,
    Narrow,
    Op,
    Return,
    StateField,
    StoreState,
    Value,
)
from verifier import declared_ranges
from verifier.accumulation import Accumulation
from verifier.domains.lattice import thresholds_of
from verifier.domains.product import FALSE, NUMBERS, TOP, Element
from verifier.entailment import Proof, Prover
from verifier.evaluation import Elements, Evaluator, within
from verifier.facts import Facts, operands_of
from verifier.fixpoint import Fixpoint, nest
from verifier.left_contents import Left
from verifier.memory_cells import group_of
from verifier.numbering import Edge, Numbering
from verifier.obligations import (
    Obligation,
    Site,
    enclosing_scans,
    loop_obligation,
    obligations,
)
from verifier.refinement import Refiner
from verifier.related import Related, arriving_on
from verifier.state_ranges import DECLARED, FieldName, StateRanges, name_of
from verifier.termination import counter_range, most_rounds
from verifier.transfer import Effect, Transfer

MAX_SPLIT = 8
"""Most edges into a block that is run once per edge. Ours: an inlined helper with more returns than that
is joined as usual; it bounds the extra work by a factor on small blocks."""

SPLIT_DEPTH = 4
"""How many definitions a branch may lie behind a parameter to be about it."""

MOST_CAPPED = 16
"""Widenings of a loop in which sums stop at what they can reach. Ours: with the constants on the way, sums that do
not feed themselves need fewer."""


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction, prepared: what it demands, what it does, which contents of state something may read there."""

    op: Op
    demands: tuple[Obligation, ...]
    effect: Effect | None
    left: Left


@dataclass(frozen=True, slots=True)
class Violation:
    """An obligation that could not be proved.

    Args:
        op: the instruction, None where a loop demands it.
        demand: the obligation.
        proof: why not.
        known: what was known there.
        site: where it stands.
    """

    op: Op | None
    demand: Obligation
    proof: Proof
    known: Elements
    site: Site


@dataclass(slots=True)
class Results:
    """What an analysis found.

    Args:
        violations: in the order met.
        rounds: most rounds of each loop, by header id.
        arguments: largest value of the argument that drives a call's cost, by `id` of the call.
        indices: what each index of a list can be, by `id` of the `ListRef`.
        reached: ids of the blocks that can be reached.
        ways: for each block that ends in a branch which of its two ways were open, in any visit that counts.
        stored: what is stored into each field of declared state, if it fits there.
        left: what fields hold where something else may read them, if that is not what they held before.
    """

    violations: list[Violation] = field(default_factory=list)
    rounds: dict[int, int] = field(default_factory=dict)
    arguments: dict[int, int] = field(default_factory=dict)
    indices: dict[int, tuple[Element, ...]] = field(default_factory=dict)
    reached: set[int] = field(default_factory=set)
    ways: dict[int, set[int]] = field(default_factory=dict)
    stored: dict[FieldName, Element] = field(default_factory=dict)
    left: dict[FieldName, Element] = field(default_factory=dict)


class HookAnalysis:
    """Analyse one hook; the `Semantics` that the fixpoint driver asks.

    Args:
        hook: the hook.
        facts: where to note what is known about each value where it stands, None if nobody wants to know.
        state: what fields of declared state hold when the hook begins, and whatever it stores.
    """

    def __init__(self, hook: HookIR, facts: Facts | None = None, state: StateRanges = DECLARED) -> None:
        self.hook = hook
        self.state = state
        self._facts = facts
        self.numbering = Numbering(hook)
        self.evaluator = Evaluator(self.numbering)
        self.refiner = Refiner(self.evaluator)
        self.prover = Prover(self.numbering, self.refiner)
        self.results = Results()
        self._transfer = Transfer(self.evaluator, state)
        self._fields = {
            group_of(op.state): op.state
            for block in hook.blocks
            for op in block.ops
            if isinstance(op, (LoadState, StoreState))
        }
        self._held = {number: state.of(self._fields[of]) for number, of in self.numbering.contents.items()}
        self._blocks = {block.id: block for block in hook.blocks}
        self._loops = {loop.header.id: loop for loop in hook.loops}
        self._sites = {block.id: self._site(block) for block in hook.blocks}
        self._passed = {block.id: self._passing(block) for block in hook.blocks}
        self.related = Related(self.numbering, self._passed, self._counters())
        self._sums = Accumulation(self.numbering, self._passed, set(self._loops))
        self._reached: dict[int, Element] = {}
        self._nr_capped: dict[int, int] = {}
        self._steps = {block.id: self._prepare(block) for block in hook.blocks}
        self._keep_moves()
        self._splits = {block.id for block in hook.blocks if self._is_split(block)}
        self.thresholds = thresholds_of(_constants(hook))

    def run(self) -> Results:
        """Analyse the hook and return what was found."""
        bodies = {header: loop.body for header, loop in self._loops.items()}
        items = nest([block.id for block in self.hook.blocks], bodies)
        Fixpoint(self, items).run(self.hook.blocks[0].id, self._entry())
        return self.results

    # The questions of the fixpoint driver.

    def incoming(self, block: int) -> Sequence[Edge]:
        """Return the edges into a block."""
        return self.numbering.incoming[block]

    def visit(self, block: int, states: list[tuple[Edge, Elements]], checking: bool) -> list[Elements | None]:
        """Run a block on what comes in."""
        if block in self._splits and len(states) > 1:
            runs = [self._execute(block, self._merge(block, [state]), checking) for state in states]
            return [_join_all([run[slot] for run in runs]) for slot in (0, 1)]
        return self._execute(block, self._merge(block, states), checking)

    def enter(self, header: int, states: list[tuple[Edge, Elements]], checking: bool) -> Elements:
        """Return what the header assumes before the first round."""
        entered = self._merge(header, states)
        if checking:
            self._check_loop(self._loops[header], entered)
        self._sums.note_rounds(header, most_rounds(entered, self._loops[header], self.numbering))
        if checking:
            self._nr_capped.clear()
        counter = self._counter(header)
        if counter is not None:
            bounds = counter_range(entered, self._loops[header], self.numbering)
            entered[counter] = NUMBERS.range(*bounds) if bounds else TOP
        return entered

    def again(self, header: int, entered: Elements, backs: list[tuple[Edge, Elements]]) -> Elements:
        """Join what entered with what comes back, in the header's parameters alone.

        A sum is bounded at once: under the assumption that was just tried, no round can add more.
        """
        found = dict(entered)
        counter = self._counter(header)
        passed = self._passed[header]
        for edge, state in backs:
            for param, argument in passed[edge]:
                if param != counter:
                    found[param] = NUMBERS.join(found.get(param, TOP), self._passed_on(state, argument))
            pairs = self.related.at(header)
            arriving = arriving_on(edge, state, pairs, self.evaluator)
            for pair, element in zip(pairs, arriving, strict=True):
                found[pair.known] = NUMBERS.join(found[pair.known], element)
        for param in self._params(header) - {counter}:
            reached = self._sums.reached(header, param, entered.get(param, TOP))
            self._reached[param] = TOP if reached is None else reached
            found[param] = NUMBERS.meet(found[param], self._reached[param])
        return found

    def resume(self, header: int, found: Elements, before: Elements) -> Elements:
        """Join what was found with what was assumed before, in all but the counter."""
        assumed = dict(found)
        for param in self._carried(header) - {self._counter(header)}:
            assumed[param] = NUMBERS.join(found.get(param, TOP), before[param])
        return assumed

    def covers(self, header: int, assumed: Elements, found: Elements) -> bool:
        """Tell whether the assumed parameters cover those found."""
        return all(NUMBERS.leq(found[param], assumed[param]) for param in self._carried(header))

    def widen(self, header: int, assumed: Elements, found: Elements) -> Elements:
        """Widen the parameters, stopping at the constants of the hook.

        A ratio is 0 until something was added, and then mostly what it stays. It holds only for sums that do
        not wrap, so these do not go beyond what they can reach, as long as that does not grow with them.
        """
        wider = dict(assumed)
        carried = self._carried(header)
        for param in carried:
            wider[param] = NUMBERS.widen(assumed[param], found[param], self.thresholds)
        ratios = self.related.ratios(header)
        nr_capped = self._nr_capped[header] = self._nr_capped.get(header, 0) + 1
        for pair in ratios:
            if assumed[pair.known] == FALSE:
                wider[pair.known] = found[pair.known]
            for side in carried.intersection(pair.sides) if nr_capped <= MOST_CAPPED else ():
                wider[side] = NUMBERS.meet(wider[side], self._reached.get(side, TOP))
        return wider

    def give_up(self, header: int, assumed: Elements) -> Elements:
        """Know nothing about the parameters; the counter's range is the loop's own."""
        return assumed | dict.fromkeys(self._carried(header) - {self._counter(header)}, TOP)

    def narrow(self, header: int, assumed: Elements, found: Elements) -> Elements:
        """Take the smaller parameters."""
        smaller = dict(assumed)
        for param in self._carried(header):
            smaller[param] = NUMBERS.narrow(assumed[param], found[param])
        return smaller

    def visit_header(self, header: int, assumed: Elements, checking: bool) -> list[Elements | None]:
        """Run a header on its assumption."""
        return self._execute(header, dict(assumed), checking)

    # Preparation.

    def _site(self, block: Block) -> Site:
        folio = next((p for p in self.hook.params if p.name == "folio"), None)
        return Site(self.hook.hook, folio, enclosing_scans(block.id, self.hook.loops))

    def passed_along(self, block: int) -> dict[Edge, list[tuple[int, int]]]:
        """Return for each edge into a block which class each of its parameters takes."""
        return self._passed[block]

    def _prepare(self, block: Block) -> list[Step]:
        steps = []
        in_loop = any(block.id in loop.body for loop in self.hook.loops)
        for op in block.ops:
            demands = obligations(op, self._sites[block.id])
            effect = self._transfer.compile_op(op)
            if op.result is not None and effect is not None and in_loop:
                effect = self._noting(effect, self._sums.addends(self.numbering.of(op.result)))
            if demands or effect or isinstance(op, Call) or self._facts is not None:
                steps.append(Step(op, demands, effect, self.numbering.left.before.get(id(op), [])))
        return steps

    def _noting(self, effect: Effect, addends: tuple[int, ...]) -> Effect:
        """Let the sums know what is added."""
        if not addends:
            return effect
        note = self._sums.note

        def noting(elements: Elements) -> None:
            for addend in addends:
                note(addend, elements.get(addend, TOP))
            effect(elements)

        return noting

    def _passing(self, block: Block) -> dict[Edge, list[tuple[int, int]]]:
        """Return for each edge in which class each parameter arrives."""
        of = self.numbering.of
        phis = self.numbering.phis[block.id]
        passing = {}
        for edge in self.numbering.incoming[block.id]:
            if edge.source in self._blocks:
                args = self.numbering.args_along(edge)
                pairs = [(of(p), of(a)) for p, a in zip(block.params, args, strict=True)]
                pairs += [(phi.result, phi.contents[edge]) for phi in phis]
                passing[edge] = [(param, argument) for param, argument in pairs if param != argument]
        return passing

    def _keep_moves(self) -> None:
        """Let moved folios travel along back edges: having been moved is no property of an SSA value."""
        for header, loop in self._loops.items():
            moved = {
                self.numbering.of(op.args[0])
                for number in loop.body & self._blocks.keys()
                for op in self._blocks[number].ops
                if isinstance(op, Call) and op.helper.effects.moves is not None
            }
            moved -= {self.numbering.of(param) for param in loop.header.params}
            for pairs in self._passed[header].values():
                pairs += [(folio, folio) for folio in sorted(moved)]

    def _params(self, block: int) -> set[int]:
        return {param for pairs in self._passed[block].values() for param, _ in pairs}

    def _carried(self, header: int) -> set[int]:
        """Return what a header assumes anew: its parameters, and how they lie to each other."""
        return self._params(header) | {pair.known for pair in self.related.at(header)}

    def _counters(self) -> dict[int, int]:
        """Return the counters of the loops that have one."""
        found = {header: self._counter(header) for header in self._loops}
        return {header: counter for header, counter in found.items() if counter is not None}

    def _is_split(self, block: Block) -> bool:
        """Tell whether the branch at the block's end is about one of its own parameters."""
        if block.id in self._loops or not isinstance(block.terminator, Branch):
            return False
        if not 2 <= len(self.numbering.incoming[block.id]) <= MAX_SPLIT:
            return False
        params = self._params(block.id)
        front = {self.numbering.of(block.terminator.condition)}
        for _ in range(SPLIT_DEPTH):
            if front & params:
                return True
            front = {o for number in front for o in self.numbering.definitions[number].operands}
        return False

    def _counter(self, header: int) -> int | None:
        """Return the class of the parameter that counts: the counter, or the folios seen."""
        loop = self._loops[header]
        params = loop.header.params
        position = 0 if loop.kind is LoopKind.RANGE else 1
        return self.numbering.of(params[position]) if len(params) > position else None

    def _entry(self) -> Elements:
        return {self.numbering.of(value): self.entry_element(value) for value in self.hook.params}

    def entry_element(self, value: Value) -> Element:
        """Return what the contract says about a parameter of the hook."""
        param = self.hook.hook.params[self.hook.params.index(value)]
        return declared_ranges.of_type(value.type, param.min, param.max)

    def site(self, block: Block) -> Site:
        """Return where the instructions of a block stand."""
        return self._sites[block.id]

    # Running.

    def _merge(self, block: int, states: list[tuple[Edge, Elements]]) -> Elements:
        passed = self._passed[block]
        arriving: dict[int, Element] = {}
        for edge, state in states:
            for param, argument in passed.get(edge, ()):
                element = self._passed_on(state, argument)
                seen = arriving.get(param)
                arriving[param] = element if seen is None else NUMBERS.join(seen, element)
        merged = _join_all([state for _, state in states])
        assert merged is not None
        merged.update(arriving)
        pairs = self.related.at(block)
        known = [arriving_on(edge, state, pairs, self.evaluator) for edge, state in states]
        for pair, arrived in zip(pairs, zip(*known, strict=True), strict=True):
            merged[pair.known] = reduce(NUMBERS.join, arrived)
        return merged

    def _passed_on(self, state: Elements, argument: int) -> Element:
        """Return what an edge passes; of state that was not loaded on the way that is what it always holds."""
        known = state.get(argument)
        return self._held.get(argument, TOP) if known is None else known

    def _execute(self, number: int, elements: Elements, checking: bool) -> list[Elements | None]:
        noting = self._facts is not None and checking
        if checking:
            self.results.reached.add(number)
        for step in self._steps[number]:
            if noting and number not in self._loops:
                self._note_operands(step.op, elements)
            for demand in step.demands:
                if checking:
                    self._check(step.op, demand, elements, self._sites[number])
                if not self.prover.accept(elements, demand):
                    return [None, None]
            if checking and isinstance(step.op, (Call, ListRef, StoreState)):
                self._note_worst(step.op, elements)
            if checking and step.left:
                self._note_left(step.left, elements)
            if step.effect is not None:
                step.effect(elements)
            if noting and step.op.result is not None:
                self._note(step.op.span, step.op.result, elements)
        if checking and number in self.numbering.left.at_end:
            self._note_left(self.numbering.left.at_end[number], elements)
        if noting:
            self._note_end(self._blocks[number], elements)
        outs = self._leave(self._blocks[number], elements)
        if noting and outs[0] is not None and number in self._loops:
            self._note_round(self._loops[number], outs[0])
        if checking:
            self.results.ways.setdefault(number, set()).update(
                slot for slot in (0, 1) if outs[slot] is not None
            )
        return outs

    def _note(self, span: Span, value: Value, elements: Elements) -> None:
        assert self._facts is not None
        self._facts.note(span, value, elements.get(self.numbering.of(value), TOP))

    def _note_operands(self, op: Op, elements: Elements) -> None:
        for value in operands_of(op):
            if value.name is not None:
                self._note(op.span, value, elements)

    def _note_end(self, block: Block, elements: Elements) -> None:
        """Note what a block answers with, and what the variables that a loop changes are at its head."""
        if isinstance(block.terminator, Return) and block.terminator.value is not None:
            self._note(block.terminator.span, block.terminator.value, elements)
        loop = self._loops.get(block.id)
        if loop is not None:
            for param in block.params[1:]:
                if param.name is not None:
                    self._note(loop.span, param, elements)

    def _note_round(self, loop: Loop, elements: Elements) -> None:
        """Note what a loop's own variable is in a round: the author never sees the number behind the last."""
        counter = loop.header.params[0]
        if counter.name is not None:
            self._note(loop.span, counter, elements)

    def _leave(self, block: Block, elements: Elements) -> list[Elements | None]:
        if not isinstance(block.terminator, Branch):
            return [elements, None]
        condition = self.numbering.of(block.terminator.condition)
        other = dict(elements)
        then_open = self.refiner.assume(elements, condition, truth=True)
        other_open = self.refiner.assume(other, condition, truth=False)
        return [elements if then_open else None, other if other_open else None]

    def _check(self, op: Op, demand: Obligation, elements: Elements, site: Site) -> None:
        proof = self.prover.prove(elements, demand, site)
        if not proof.holds:
            self.results.violations.append(Violation(op, demand, proof, dict(elements), site))

    def _check_loop(self, loop: Loop, entered: Elements) -> None:
        demand = loop_obligation(loop)
        site = self._sites[loop.header.id]
        proof = self.prover.prove(entered, demand, site)
        rounds = most_rounds(entered, loop, self.numbering)
        if not proof.holds:
            self.results.violations.append(Violation(None, demand, proof, dict(entered), site))
            rounds = 0
        header = loop.header.id
        self.results.rounds[header] = max(self.results.rounds.get(header, 0), rounds)

    def _note_worst(self, op: Call | ListRef | StoreState, elements: Elements) -> None:
        if isinstance(op, Call):
            self._note_argument(op, elements)
        elif isinstance(op, ListRef):
            self._note_indices(op, elements)
        else:
            self._note_content(self.results.stored, op.state, self.numbering.of(op.value), elements)

    def _note_left(self, left: Left, elements: Elements) -> None:
        """Note what fields hold where something else may read them, but for what they held before."""
        for group, number in left:
            if self.numbering.contents.get(number) != group:
                self._note_content(self.results.left, self._fields[group], number, elements)

    def _note_content(
        self, noted: dict[FieldName, Element], state: StateField, number: int, elements: Elements
    ) -> None:
        known = elements.get(number, TOP)
        content = within(DECLARED.of(state), Element(*known[:3], *TOP[3:]))
        seen = noted.get(name_of(state))
        noted[name_of(state)] = content if seen is None else NUMBERS.join(seen, content)

    def _note_argument(self, op: Call, elements: Elements) -> None:
        if op.helper.cost_per is None:
            return
        names = [param.name for param in op.helper.params]
        argument = op.args[len(op.args) - len(names) + names.index(op.helper.cost_per[0])]
        most = elements.get(self.numbering.of(argument), TOP).unsigned[1]
        self.results.arguments[id(op)] = max(self.results.arguments.get(id(op), 0), most)

    def _note_indices(self, op: ListRef, elements: Elements) -> None:
        found = tuple(elements.get(self.numbering.of(index), TOP) for index in op.indices)
        seen = self.results.indices.get(id(op), found)
        self.results.indices[id(op)] = tuple(map(NUMBERS.join, found, seen))


def _join_all(states: Sequence[Elements | None]) -> Elements | None:
    """Keep what every path knows, joined; takes over the first state."""
    present = [state for state in states if state is not None]
    if not present:
        return None
    merged = dict(present[0])
    for state in present[1:]:
        joined = {}
        for number, element in merged.items():
            other = state.get(number)
            if other is element:
                joined[number] = element
            elif other is not None:
                joined[number] = NUMBERS.join(element, other)
        merged = joined
    return merged


def _constants(hook: HookIR) -> set[int]:
    """Return the numbers at which widening should rest: constants, ends of declared ranges and of arrays."""
    constants = {0}
    for block in hook.blocks:
        for op in block.ops:
            match op:
                case Const():
                    constants.add(op.value)
                case Narrow():
                    constants.update((op.min, op.max))
                case LoadState() | StoreState():
                    constants.update((op.state.min, op.state.max, *(length - 1 for length in op.state.dims)))
                case _:
                    pass
    return constants
