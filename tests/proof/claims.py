"""What the verifier claims to be so where a block begins, as terms to be proved and then believed.

Each claim comes with words for whoever reads that it was not proved.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import z3

from reclaim.abi.kinds import U64_MAX
from reclaim.lang.ir import LoopKind, Value
from tests.proof.arithmetic import Bounds
from tests.proof.hook_terms import HookTerms
from tests.proof.view import View
from tests.proof.words import Term, Word, constant, is_at_most_times, is_in, same, unknown_number
from verifier.accumulation import DEEPEST, Gain
from verifier.domains.product import TOP
from verifier.evaluation import Elements
from verifier.expressions import Definition
from verifier.termination import step_of

Claim = tuple[str, Term]

_MOST_GAIN = 1 << 62
"""Gains beyond that are not followed: they and the terms that they are compared with must not wrap."""


class Claims:
    """Turn what was believed about one hook into claims.

    Args:
        terms: of the hook.
    """

    def __init__(self, terms: HookTerms) -> None:
        self._terms = terms
        self._definitions = terms.numbering.definitions
        self._parts = [
            (number, definition.operands[0])
            for number, definition in enumerate(self._definitions)
            if definition.name == "part"
        ]

    def about_number(self, view: View, value: Value, word: Word) -> Iterator[Claim]:
        """Yield what numbering says of a value: that it is what its class is made from, and those of its class."""
        number = self._terms.numbering.of(value)
        made, other = view.computed(number), view.seen(number)
        if made is not None:
            claim = z3.Implies(view.has_value(number), same(made, word))
            yield f"{value} is made as {self._definitions[number]}", claim
        if other is not None and not z3.eq(other.number, word.number):
            yield f"{value} is another of class {number}", same(other, word)

    def about_state(self, view: View, state: Elements) -> Iterator[Claim]:
        """Yield what a state says of the classes in it."""
        for number, element in state.items():
            definition = self._definitions[number]
            if definition.name == "ratio":
                whole, unit = (view.of(side) for side in definition.operands)
                if element.unsigned[1] < U64_MAX and whole is not None and unit is not None:
                    times = element.unsigned[1]
                    claim = is_at_most_times(whole.number, unit.number, times)
                    yield f"class {definition.operands[0]} <= {times} * class {definition.operands[1]}", claim
                continue
            word = view.of(number)
            if word is not None:
                self.note_bounds(view, number, state)
                claim = z3.Implies(view.has_value(number), is_in(element, word))
                yield f"class {number} ({definition.name}) in {element}", claim

    def about_memory(self, view: View) -> Iterator[Claim]:
        """Yield what is remembered of memory: which class a cell holds, and what counts in what."""
        start = self._terms.starts.get(view.block)
        if start is None:
            return
        current = [
            (cell, asked, number)
            for number, (cell, asked) in self._terms.loaded.items()
            if view.seen(number) is not None and self._terms.is_current(number, view.block)
        ]
        for cell, asked, number in [*((cell, "", number) for cell, number in start.stored.items()), *current]:
            held, word = view.content(cell, asked), view.seen(number)
            if held is not None and word is not None:
                yield f"{cell} {asked} holds class {number}", same(held, word)
        for part, whole in self._parts:
            one, other = view.seen(part), view.of(whole)
            if one is not None and other is not None:
                yield f"class {part} counts in class {whole}", z3.ULE(one.number, other.number)

    def about_sums(self, view: View, rounds: Mapping[int, Term]) -> Iterator[Claim]:
        """Yield how far the loops around a block have got, which no state tells.

        What a loop adds up is bounded by its rounds times what one round adds. That is no fact about one round; with
        a count of the rounds it is made of such facts.

        Args:
            view: of the block.
            rounds: rounds behind a loop into whose header somebody comes.
        """
        for header, loop in self._terms.loops.items():
            if view.block not in loop.body:
                continue
            nr = rounds.get(header, rounds_of(header))
            if view.block == header:
                yield from self._about_rounds(view, header, nr)
            for param in sorted(self._terms.analysis._params(header)):
                yield from self._about_gain(view, header, param, nr)

    def _about_rounds(self, view: View, header: int, nr: Term) -> Iterator[Claim]:
        loop, of = self._terms.loops[header], self._terms.numbering.of
        yield f"b{header} goes round up to its bound", z3.ULE(nr, self._terms.words[loop.bound].number)
        counter = of(loop.header.params[1 if loop.kind is LoopKind.SCAN else 0])
        now, start = view.of(counter), self._start(header, counter)
        first = None if start is None else view.of(start)
        step = 1 if loop.kind is LoopKind.SCAN else step_of(loop, self._terms.numbering)
        if now is not None and first is not None and step is not None:
            yield f"b{header} counts its rounds", now.number == first.number + nr * constant(step)

    def _about_gain(self, view: View, header: int, param: int, nr: Term) -> Iterator[Claim]:
        """Yield how far a loop's variable has got since the loop began, or another one beyond it in this round."""
        sums, edges = self._terms.analysis._sums, self._terms.analysis._passed[header]
        backs = [edge for edge in edges if self._terms.numbering.is_back_edge(edge, header)]
        sums._found.clear()
        each = sums._join([sums._argument(edges[edge], param) for edge in backs], param, DEEPEST)
        rounds = sums._rounds.get(header, 0)
        now = view.of(param)
        if each is None or now is None or max(map(abs, each)) * (rounds + 1) >= _MOST_GAIN:
            return
        if view.block == header:
            start = self._start(header, param)
            first = None if start is None else view.of(start)
            if first is not None:
                low, high = (constant(gain) * nr for gain in each)
                gained = now.number - first.number
                yield f"b{header} adds to class {param}", z3.And(low <= gained, gained <= high)
            return
        for number in sorted(self._terms.analysis._params(view.block) - {param}):
            gain, word = sums._gain(number, param, DEEPEST), view.of(number)
            if gain is not None and word is not None and max(map(abs, gain)) < _MOST_GAIN:
                yield f"class {number} above class {param}", _is_gained(now.number, word.number, gain)

    def _start(self, header: int, param: int) -> int | None:
        """Return the class that enters a loop for a parameter, if it is one."""
        starts = {
            self._terms.analysis._sums._argument(pairs, param)
            for edge, pairs in self._terms.analysis._passed[header].items()
            if not self._terms.numbering.is_back_edge(edge, header)
        }
        return starts.pop() if len(starts) == 1 else None

    def note_bounds(self, view: View, number: int, state: Elements) -> None:
        """Tell the solver what the ranges in a state say of a class that is a product or quotient, where they hold."""
        definition = self._definitions[number]
        if definition.name not in ("mul", "udiv", "call"):
            return
        operands, bounds = self._operands(view, definition, state)
        if operands is None:
            return
        name = str(definition.detail) if definition.name == "call" else definition.name
        self._terms.arithmetic.note_bounds(name, operands, bounds)
        divided = self._definitions[definition.operands[0]]
        if name == "udiv" and divided.name == "mul":
            factors, bounds = self._operands(view, divided, state)
            if factors is not None:
                self._terms.arithmetic.note_share(factors, operands[1], bounds)

    def _operands(
        self, view: View, definition: Definition, state: Elements
    ) -> tuple[list[Term] | None, list[Bounds]]:
        """Return what an expression is made from, None where that cannot be said, and what a state says of it."""
        words = [view.of(operand) for operand in definition.operands]
        numbers = [word.number for word in words if word is not None]
        bounds = [self._bounds(operand, state) for operand in definition.operands]
        return numbers if len(numbers) == len(words) else None, bounds

    def _bounds(self, number: int, state: Elements) -> Bounds:
        made = self._definitions[number]
        if made.name == "const" and isinstance(made.detail, int):
            return made.detail, made.detail
        return state.get(number, TOP).unsigned


def rounds_of(header: int) -> Term:
    """Return the number of rounds that a loop has behind it."""
    return unknown_number(f"rounds of b{header}")


def _is_gained(before: Term, after: Term, gain: Gain) -> Term:
    return z3.And(constant(gain[0]) <= after - before, after - before <= constant(gain[1]))
