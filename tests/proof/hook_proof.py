"""Prove what the verifier believes about a hook, for all inputs, with a solver that knows nothing of the verifier.

The analysis ends with a state for each block: what is known of each class of values where the block begins. If the
states are right, they are *inductive*: whoever enters a block as its state says, and does what the block's
instructions do, meets every obligation on the way and enters the next block as that one's state says. This is asked of
z3, instruction by instruction and edge by edge, in the exact meaning of 64 bits. By induction over the steps of a run,
no run breaks an obligation then, whatever its inputs are. Runs on some inputs, as other tests make them, can only show
that these do not.

Asked are, too, what numbering claims (that two values are equal, and what their class is made from), what it remembers
of memory, and of fields of state of which a range was found from all stores that nothing else is left in them where
somebody may read it. Believed are the contract (ranges of fields and answers, what helpers write, which of the hook's
instructions come in which order) and nothing else. Not asked are costs, and rules about places.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import z3

from reclaim.lang.ir import (
    Block,
    Branch,
    Call,
    HookIR,
    ListSize,
    LoadField,
    LoadState,
    LoadTunable,
    Op,
    Return,
    StoreField,
    StoreState,
    Value,
    is_pair,
)
from tests.proof.claims import Claim, Claims, rounds_of
from tests.proof.hook_terms import HookTerms
from tests.proof.memory import Shelf, place_of
from tests.proof.view import Arrival, View
from tests.proof.words import ALWAYS, NEVER, Term, constant, is_between, is_in, is_never_zero, same, word_of
from tests.verifier.watched_analysis import WatchedAnalysis
from verifier import declared_ranges
from verifier.domains.product import Element
from verifier.entailment import is_signed
from verifier.evaluation import Elements
from verifier.memory_cells import entries_of, looked_up, writes_of
from verifier.numbering import Edge, successors
from verifier.obligations import (
    CommonRange,
    Implied,
    InRange,
    LoopBounded,
    NonNegative,
    NonZero,
    NotNone,
    Obligation,
    QuotientFits,
)
from verifier.state_ranges import DECLARED, StateRanges

MOST_WORK = 2_000_000
"""Of z3 for one question, in its own unit: about a second. What takes longer stays undecided."""


class Doubt(NamedTuple):
    """A claim that was not proved.

    Args:
        kind: "obligation", "state", "held", "numbering", "memory", "sums", "reach" or "rounds".
        text: what is claimed, and where.
        is_refuted: whether z3 found numbers for which it does not follow; else it gave up.
        numbers: those numbers, as z3 writes them.
    """

    kind: str
    text: str
    is_refuted: bool
    numbers: str = ""


@dataclass
class Report:
    """What came of one hook, or of many.

    Args:
        nr_hooks: hooks looked at.
        nr_left_out: hooks that were not, being too large.
        proved: number of claims proved, by kind.
        doubts: the others.
    """

    nr_hooks: int = 0
    nr_left_out: int = 0
    proved: Counter[str] = field(default_factory=Counter)
    doubts: list[Doubt] = field(default_factory=list)

    @property
    def refuted(self) -> list[Doubt]:
        """Return the claims that do not follow."""
        return [doubt for doubt in self.doubts if doubt.is_refuted]

    def add(self, other: Report) -> None:
        """Take in what came of another hook."""
        self.nr_hooks += other.nr_hooks
        self.nr_left_out += other.nr_left_out
        self.proved += other.proved
        self.doubts += other.doubts


class Questions:
    """Ask z3 what follows: first with what is easily said of products and quotients, then with what they are.

    Args:
        terms: of the hook.
    """

    def __init__(self, terms: HookTerms) -> None:
        self._arithmetic = terms.arithmetic
        self._solver = z3.Solver()
        self._solver.set("rlimit", MOST_WORK)
        self._nr_told = 0

    def believe(self, claim: Term) -> None:
        """Take a claim for true from now on."""
        self._solver.add(claim)

    def suppose(self, claim: Term) -> None:
        """Take a claim for true until `drop`."""
        self._tell()
        self._solver.push()
        self._solver.add(claim)

    def drop(self) -> None:
        """Forget what was supposed."""
        self._solver.pop()

    def follows_easily(self, claim: Term) -> bool:
        """Tell whether a claim follows from what is easily said."""
        return bool(self._check(z3.Not(claim), ()) == z3.unsat)

    def outcome(self, claim: Term) -> tuple[bool | None, str]:
        """Tell whether a claim follows, None where the solver gave up, and for which numbers it does not."""
        if self.follows_easily(claim):
            return True, ""
        outcome = self._check(z3.Not(claim), self._arithmetic.exact)
        if outcome == z3.sat:
            return False, self._numbers
        return (True if outcome == z3.unsat else None), ""

    def _check(self, denied: Term, besides: Iterable[Term]) -> Term:
        new = self._arithmetic.easy[self._nr_told :]
        self._solver.push()
        self._solver.add(denied, *new, *besides)
        outcome = self._solver.check()
        self._numbers = str(self._solver.model()) if outcome == z3.sat else ""
        self._solver.pop()
        return outcome

    def _tell(self) -> None:
        """Tell the solver for good what was said of operations since; not below what is only supposed."""
        if self._solver.num_scopes() == 0:
            self._solver.add(*self._arithmetic.easy[self._nr_told :])
            self._nr_told = len(self._arithmetic.easy)


class HookProof:
    """Prove what was believed about one hook.

    Args:
        analysis: of the hook, run to its end.
    """

    def __init__(self, analysis: WatchedAnalysis) -> None:
        self.analysis = analysis
        self.terms = HookTerms(analysis)
        self.claims = Claims(self.terms)
        self.report = Report(nr_hooks=1)
        self._excused = {(id(v.op), v.demand) for v in analysis.results.violations}

    def run(self) -> Report:
        """Prove all claims, and return what came of them."""
        for block in self.analysis.hook.blocks:
            for state in self.analysis.believed.get(block.id, []):
                BlockProof(self, block, state).run()
        return self.report

    def is_excused(self, op: Op | None, demand: Obligation) -> bool:
        """Tell whether the verifier itself says that an obligation is not met."""
        return (id(op), demand) in self._excused


class BlockProof:
    """Follow one block from one of its states.

    Args:
        proof: of the hook.
        block: the block.
        state: what is believed where it begins.
    """

    def __init__(self, proof: HookProof, block: Block, state: Elements) -> None:
        self._proof = proof
        self._terms, self._claims, self._analysis = proof.terms, proof.claims, proof.analysis
        self._words = proof.terms.words
        self._block, self._state = block, dict(state)
        self._memory = self._terms.memory(f"{block}")
        self._view = View(self._terms, block.id, self._memory)
        for shelf in self._terms.held:
            self._memory.is_inside(shelf, self._view.stored_places(shelf))
        self._questions = Questions(self._terms)
        for claim in self._believed(state):
            self._questions.believe(claim)

    def run(self) -> None:
        """Prove each obligation, each claim of numbering, and the states of the blocks behind."""
        demands = {id(step.op): step.demands for step in self._analysis._steps[self._block.id]}
        for op in self._block.ops:
            if op.result is not None:
                self._claims.note_bounds(self._view, self._terms.numbering.of(op.result), self._state)
            for demand in demands.get(id(op), ()):
                self._meet(op, demand)
            self._execute(op)
            if op.result is not None:
                word = self._words[op.result]
                self._prove("numbering", self._claims.about_number(self._view, op.result, word))
                self._view.note(self._terms.numbering.of(op.result), word)
        if isinstance(self._block.terminator, Return):
            self._prove_inside("at the end")
        for slot, (target, args) in enumerate(successors(self._block.terminator)):
            self._leave(Edge(self._block.id, slot), target, args)

    def _believed(self, state: Elements) -> list[Term]:
        """Return what is so where the block begins, by the proofs of the blocks before it."""
        terms, claims, view = self._terms, self._claims, self._view
        found: list[Claim] = []
        for phi in terms.numbering.phis[self._block.id]:
            held = view.content(phi.cell)
            if held is not None:
                found.append(("", held.number == terms.contents[phi.result]))
        for value in terms.visible(self._block.id):
            found.append(("", _is_of_type(value, self._words[value].number)))
            if value in terms.unknowns:
                found += claims.about_number(view, value, self._words[value])
        found += claims.about_memory(view)
        found += claims.about_state(view, state)
        for other in (*terms.above[self._block.id], self._block):
            if any(other.id in loop.body for loop in terms.loops.values()):
                above = view if other is self._block else View(terms, other.id, self._memory)
                found += claims.about_sums(above, {})
        return [claim for _, claim in found]

    # Questions.

    def _prove(self, kind: str, claims: Iterable[Claim]) -> None:
        """Ask for all claims at once, and for each only where that fails."""
        asked = [(text, claim) for text, claim in claims if not z3.is_true(claim)]
        if not asked:
            return
        if self._questions.follows_easily(z3.And([claim for _, claim in asked])):
            self._proof.report.proved[kind] += len(asked)
            return
        for text, claim in asked:
            holds, numbers = self._questions.outcome(claim)
            if holds:
                self._proof.report.proved[kind] += 1
            else:
                where = f"{self._analysis.hook.hook.name} {self._block}: {text}"
                self._proof.report.doubts.append(Doubt(kind, where, holds is False, numbers))

    def _meet(self, op: Op, demand: Obligation) -> None:
        claim = self._demanded(demand)
        if claim is None:
            return
        if not self._proof.is_excused(op, demand):
            self._prove("obligation", [(f"{demand} at {op.span.start}", claim)])
        self._questions.believe(claim)

    def _demanded(self, demand: Obligation) -> Term | None:
        """Return what an obligation says, None for those about places."""
        words = self._words
        match demand:
            case InRange(value=value, low=low, high=high):
                return is_between(words[value].number, low, high, is_signed=is_signed(value))
            case CommonRange(value=value) | NonNegative(value=value):
                return words[value].number >= 0
            case NotNone(value=value):
                return z3.Not(words[value].none)
            case NonZero(value=value):
                return words[value].number != 0
            case QuotientFits(left=left, right=right):
                is_least = words[left].number == constant(1 << 63)
                return z3.Not(z3.And(is_least, words[right].number == constant(-1)))
            case Implied(condition=condition):
                return words[condition].number != 0
            case _:
                return None

    # What instructions do to memory, and what the contract says of their results.

    def _execute(self, op: Op) -> None:
        match op:
            case LoadField() | LoadState() | ListSize():
                self._load(op)
            case StoreField() | StoreState():
                shelf = Shelf(self._terms.cell(op).group)
                self._memory.write(shelf, self._place(self._terms.place_parts(op)), self._words[op.value])
            case Call():
                self._call(op)
            case LoadTunable(tunable=tunable, result=Value() as result):
                self._declare(result, declared_ranges.of_type(result.type, tunable.min, tunable.max))
            case _:
                pass
        if op.result is not None:
            self._questions.believe(_is_of_type(op.result, self._words[op.result].number))

    def _place(self, parts: Iterable[Value]) -> Term:
        return place_of([self._words[part].number for part in parts])

    def _declare(self, result: Value, declared: Element) -> None:
        self._state.setdefault(self._terms.numbering.of(result), declared)
        self._questions.believe(is_in(declared, self._words[result]))

    def _load(self, op: LoadField | LoadState | ListSize) -> None:
        assert op.result is not None
        word = self._words[op.result]
        held = self._memory.read(Shelf(self._terms.cell(op).group), self._place(self._terms.place_parts(op)))
        self._questions.believe(held.number == word.number)
        if isinstance(op, LoadState):
            self._load_state(op, op.result)
            return
        of_list = declared_ranges.of_list_size()
        self._declare(op.result, declared_ranges.of_field(op) if isinstance(op, LoadField) else of_list)
        whole = self._terms.whole(op)
        if whole is not None:
            owner = op.handle if isinstance(op, LoadField) else op.lruvec
            counted = self._memory.read(Shelf(whole.group), self._place([owner]))
            self._questions.believe(z3.ULE(word.number, counted.number))

    def _load_state(self, op: LoadState, result: Value) -> None:
        """Hold what is read to what the field always holds, unless it is known to have been stored here."""
        word = self._words[result]
        if self._terms.numbering.of(result) in self._terms.numbering.contents:
            inside = is_in(self._analysis.state.of(op.state), word)
            self._prove("held", [(f"{result} is what {op.state.name} holds", inside)])
        self._declare(result, DECLARED.of(op.state))

    def _prove_inside(self, why: str, view: View | None = None) -> None:
        """Prove that fields of declared state hold what they always do, but for what is known to have been stored."""
        for shelf in self._terms.held:
            stored = view.stored_places(shelf) if view else []
            inside = self._memory.stays_inside(shelf, stored)
            self._prove("held", [(f"{'.'.join(shelf.group)} {why}", inside)])

    def _call(self, op: Call) -> None:
        """Let a helper write what it may, and answer what the contract permits."""
        before = self._memory.copy()
        writes = writes_of(op, self._terms.numbering._constants)
        if writes.everything:
            self._prove_inside(f"as {op.helper.name} runs a hook")
        self._memory.write_anything(writes, self._terms.name(f"{self._block}"))
        if op.result is None:
            return
        word = self._words[op.result]
        self._declare(op.result, declared_ranges.of_answer(op))
        if op.helper.effects.pure:
            numbers = [self._words[arg].number for arg in op.args]
            called = self._terms.arithmetic.called(op.helper.c_name, numbers)
            if called is not None:
                self._questions.believe(z3.Implies(called.has_value, word.number == called.number))
            return
        cell = looked_up(op, self._terms.numbering.of)
        if cell is not None:
            held = self._memory.read(Shelf(cell.group, op.helper.name), self._place(op.args))
            self._questions.believe(same(held, word))
        if op.helper.effects.proves_entry:
            is_found = z3.Not(word.none) if is_pair(op.result.type) else word.number != 0
            was_found = op.helper.effects.proves_entry == "found"
            entries = Shelf(entries_of(op, self._terms.numbering.of).group, "size")
            size = (before if was_found else self._memory).read(entries, self._place(op.args[:1]))
            self._questions.believe(z3.Implies(is_found if was_found else ALWAYS, size.number != 0))

    # The way out.

    def _leave(self, edge: Edge, target: Block, args: tuple[Value, ...]) -> None:
        taken: Term = ALWAYS
        if isinstance(self._block.terminator, Branch):
            condition = self._words[self._block.terminator.condition].number
            taken = condition != 0 if edge.slot == 0 else condition == 0
        self._questions.suppose(taken)
        state = self._believed_on(edge, target.id)
        if state is None:
            self._prove("reach", [(f"{target} is out of reach on {edge}", NEVER)])
        else:
            self._arrive(edge, target, args, state)
        self._questions.drop()

    def _believed_on(self, edge: Edge, target: int) -> Elements | None:
        """Return the state of a block that an edge leads to, None where nobody is believed to come that way."""
        states, edges = self._analysis.believed.get(target, []), self._analysis.arriving.get(target)
        if edges is None:
            return states[0] if states else None
        return states[edges.index(edge)] if edge in edges else None

    def _arrive(self, edge: Edge, target: Block, args: tuple[Value, ...], state: Elements) -> None:
        words = (self._words[arg] for arg in args)
        passed = {
            param: word_of(word.number, param.type, word.none)
            for param, word in zip(target.params, words, strict=True)
        }
        view = View(self._terms, target.id, self._memory, Arrival(edge, passed, self._view))
        for param, word in passed.items():
            self._prove("numbering", self._claims.about_number(view, param, word))
        self._prove("memory", self._about_contents(edge, target, view))
        self._prove("memory", self._claims.about_memory(view))
        self._prove_inside(f"on {edge}", view)
        self._prove("sums", self._claims.about_sums(view, self._rounds_at(edge, target)))
        self._prove("state", self._claims.about_state(view, state))
        if target.id in self._terms.loops and not self._terms.numbering.is_back_edge(edge, target.id):
            self._prove("rounds", self._about_bound(target.id))

    def _about_contents(self, edge: Edge, target: Block, view: View) -> Iterable[Claim]:
        """Yield what numbering says to be in the cells that hold something else on each edge."""
        for phi in self._terms.numbering.phis[target.id]:
            held, number = view.content(phi.cell), phi.contents.get(edge)
            given = None if number is None else self._view.seen(number)
            if held is not None and given is not None:
                yield f"{phi.cell} holds class {number} on {edge}", held.number == given.number

    def _rounds_at(self, edge: Edge, target: Block) -> dict[int, Term]:
        if target.id not in self._terms.loops:
            return {}
        is_back = self._terms.numbering.is_back_edge(edge, target.id)
        return {target.id: rounds_of(target.id) + 1 if is_back else constant(0)}

    def _about_bound(self, header: int) -> Iterable[Claim]:
        loop = self._terms.loops[header]
        if not self._proof.is_excused(None, LoopBounded(loop)):
            most = self._analysis.results.rounds.get(header, 0)
            number, signed = self._words[loop.bound].number, is_signed(loop.bound)
            claim = is_between(number, -(1 << 63) if signed else 0, most, is_signed=signed)
            yield f"b{header} goes round at most {most} times", claim


def _is_of_type(value: Value, number: Term) -> Term:
    return number != 0 if is_never_zero(value.type) else ALWAYS


def prove(hook: HookIR, state: StateRanges = DECLARED) -> Report:
    """Analyse a hook and prove what the analysis believes of it.

    Args:
        hook: the hook.
        state: what fields of declared state hold whenever a hook begins; that it stays so is proved, too.
    """
    analysis = WatchedAnalysis(hook, state)
    analysis.run()
    return HookProof(analysis).run()
