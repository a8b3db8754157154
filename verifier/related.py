"""Which values stay in order while a loop runs, and where paths meet.

`order` reads ties off comparisons and definitions; where a loop or a merge makes a new variable, its
definition is lost. So for pairs that the hook may need, the comparison `high < low` becomes a parameter of
the block beside the two variables: on each edge it is evaluated for what that edge passes, and a loop's
header assumes it as it assumes any other parameter. `nr_moved <= nr_seen` and `found <= i` are found so.

Asked for are the two sides of each difference, dividends and divisors, and for each loop its counter
against its other variables. From there the pairs that arrive along the edges are asked for in turn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reclaim.abi.kinds import S64_MAX
from verifier.domains.product import FALSE, TRUTH, Element
from verifier.evaluation import Elements
from verifier.numbering import Edge, Numbering
from verifier.order import Order

MOST_PAIRS = 96
"""Pairs watched in one hook; a bound on work, beyond what policies of hundreds of lines ask for."""

Passed = Mapping[int, Mapping[Edge, list[tuple[int, int]]]]
"""For each block and edge into it which class each parameter takes."""


class Pair:
    """A comparison `high < low`, wanted false, that is a parameter of a block.

    Attributes:
        comparison: class of the comparison.
        arriving: what each edge passes for the two sides, higher first, as classes known at its end.
    """

    __slots__ = ("arriving", "comparison")

    def __init__(self, comparison: int, arriving: dict[Edge, tuple[int, int]]) -> None:
        self.comparison = comparison
        self.arriving = arriving


class Related:
    """Watch pairs of variables of one hook.

    Args:
        numbering: classes of the hook.
        passed: what the edges pass.
        counters: for each loop's header the class of its counter, for loops that count upward from 0 by 1.
    """

    def __init__(self, numbering: Numbering, passed: Passed, counters: Mapping[int, int]) -> None:
        self._numbering = numbering
        self._passed = passed
        self._place = {block.id: place for place, block in enumerate(numbering.hook.blocks)}
        self._owner = {
            param: block for block, edges in passed.items() for pairs in edges.values() for param, _ in pairs
        }
        self._made: dict[int, int] = {}
        for block in numbering.hook.blocks:
            for op in block.ops:
                if op.result is not None:
                    self._made[numbering.of(op.result)] = self._place[block.id]
        self._seen: set[tuple[int, int]] = set()
        self.pairs: dict[int, list[Pair]] = {}
        for header, counter in counters.items():
            for param in sorted(self._variables(header) - {counter}):
                self._ask(counter, param)
        for definition in tuple(numbering.definitions):
            if definition.name in ("sub", "udiv"):
                self._ask(*definition.operands)

    def at(self, block: int) -> list[Pair]:
        """Return the pairs that are parameters of a block."""
        return self.pairs.get(block, [])

    def _variables(self, block: int) -> set[int]:
        return {param for pairs in self._passed[block].values() for param, _ in pairs}

    def _ask(self, high: int, low: int) -> None:
        """Watch a pair, and what arrives in it, until nothing new is needed."""
        asked = [(high, low)]
        while asked and len(self._seen) < MOST_PAIRS:
            pair = asked.pop()
            if pair in self._seen or pair[0] == pair[1]:
                continue
            self._seen.add(pair)
            asked += self._watch(*pair)

    def _watch(self, high: int, low: int) -> list[tuple[int, int]]:
        """Make a pair a parameter of the block where the later of the two is made."""
        owners = [self._owner[side] for side in (high, low) if side in self._owner]
        if not owners:
            return []
        block = max(owners, key=self._place.__getitem__)
        if not all(self._stands_before(side, block) for side in (high, low)):
            return []
        arriving: dict[Edge, tuple[int, int]] = {}
        following = []
        for edge in self._numbering.incoming[block]:
            given = dict(self._passed[block].get(edge, ()))
            sides = given.get(high, high), given.get(low, low)
            arriving[edge] = sides
            following += [sides, (self._base(sides[0]), self._base(sides[1]))]
        comparison = self._numbering.comparison_of("ult", high, low)
        self.pairs.setdefault(block, []).append(Pair(comparison, arriving))
        return following

    def _stands_before(self, number: int, block: int) -> bool:
        """Tell whether a class means at a block's start what it means behind it: else it is an older value.

        Parameters, constants and what is made before the block do, and so does `variable + constant`, be it
        computed later, unless the variable is the block's own: it is another one on each edge.
        """
        if number in self._owner or self._numbering.definitions[number].name == "const":
            return True
        base = self._base(number)
        if base != number:
            return self._owner.get(base) != block and self._stands_before(base, block)
        return self._made.get(number, -1) < self._place[block]

    def _base(self, number: int) -> int:
        """Return the variable of `variable + constant`."""
        definition = self._numbering.definitions[number]
        for side, other in (
            (definition.operands, definition.operands[::-1]) if definition.name == "add" else ()
        ):
            made = self._numbering.definitions[other]
            if made.name == "const" and isinstance(made.detail, int) and made.detail <= S64_MAX:
                return side
        return number


def arriving_on(edge: Edge, state: Elements, pairs: Sequence[Pair], order: Order) -> list[Element]:
    """Tell which pairs are in order at the end of an edge."""
    arriving = []
    with order.standing(state):
        for pair in pairs:
            sides = pair.arriving.get(edge)
            is_known = sides is not None and order.is_at_most(sides[1], sides[0], state)
            arriving.append(FALSE if is_known else TRUTH)
    return arriving
