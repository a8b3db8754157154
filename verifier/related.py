"""Which values stay in order while a loop runs, and where paths meet.

`order` reads ties off comparisons and definitions; where a loop or a merge makes a new variable, its
definition is lost. So for pairs that the hook may need, the comparison `high < low` becomes a parameter of
the block beside the two variables: on each edge it is evaluated for what that edge passes, and a loop's
header assumes it as it assumes any other parameter. `nr_moved <= nr_seen` and `found <= i` are found so.

Asked for are the two sides of each difference (and what the hook makes of the right side by adding a constant,
so that `j - i` is known to be 1 at least where j starts at `i + 1`), dividends and divisors, and for each loop its
counter against its other variables. Where the hook makes `kept + 1` of one of these, `kept < i` is asked for beside
`kept <= i`: what is kept of an array is written behind the last that was kept, and read further on. From there the
pairs that arrive along the edges are asked for in turn.

Dividends and divisors are watched in a second way: how many times the one fits into the other (`ratios`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reclaim.abi.kinds import S64_MAX
from verifier.domains.product import FALSE, NUMBERS, TOP, TRUE, TRUTH, Element
from verifier.evaluation import Elements, Evaluator
from verifier.numbering import Edge, Numbering

MOST_PAIRS = 96
"""Pairs watched in one hook; a bound on work, beyond what policies of hundreds of lines ask for."""

Passed = Mapping[int, Mapping[Edge, list[tuple[int, int]]]]
"""For each block and edge into it which class each parameter takes."""


class Pair:
    """What is known of two values together, a parameter of a block.

    Attributes:
        form: "ult" for the comparison `high < low`, wanted false; "below" for `low < high`, wanted true; "ratio" for
            how many times the second value fits into the first.
        sides: the two classes.
        known: class that stands for what is known.
        arriving: what each edge passes for the two sides, in that order, as classes known at its end.
    """

    __slots__ = ("arriving", "form", "known", "sides")

    def __init__(
        self, form: str, sides: tuple[int, int], known: int, arriving: dict[Edge, tuple[int, int]]
    ) -> None:
        self.form = form
        self.sides = sides
        self.known = known
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
        self._made = {numbering.of(param): -1 for param in numbering.hook.params}
        for block in numbering.hook.blocks:
            for op in block.ops:
                if op.result is not None:
                    self._made[numbering.of(op.result)] = self._place[block.id]
        self._seen: dict[str, set[tuple[int, int]]] = {"ult": set(), "below": set(), "ratio": set()}
        self.pairs: dict[int, list[Pair]] = {}
        for header, counter in counters.items():
            for param in sorted(self._variables(header) - {counter}):
                self._ask("ult", counter, param)
                if self._a_little_above(param):
                    self._ask("below", param, counter)
        for definition in tuple(numbering.definitions):
            if definition.name in ("sub", "udiv"):
                self._ask("ult", *definition.operands)
            if definition.name == "sub":
                for above in self._a_little_above(definition.operands[1]):
                    self._ask("ult", definition.operands[0], above)
            if definition.name == "udiv":
                whole, unit = definition.operands
                self._ask_all("ratio", [(w, u) for w in self._parts(whole) for u in self._parts(unit)])

    def at(self, block: int) -> list[Pair]:
        """Return the pairs that are parameters of a block."""
        return self.pairs.get(block, [])

    def ratios(self, block: int) -> list[Pair]:
        """Return those of them that are ratios."""
        return [pair for pair in self.at(block) if pair.form == "ratio"]

    def _variables(self, block: int) -> set[int]:
        return {param for pairs in self._passed[block].values() for param, _ in pairs}

    def _ask(self, form: str, left: int, right: int) -> None:
        self._ask_all(form, [(left, right)])

    def _ask_all(self, form: str, asked: list[tuple[int, int]]) -> None:
        """Watch pairs, and what arrives in them, until nothing new is needed."""
        seen = self._seen[form]
        while asked and len(seen) < MOST_PAIRS:
            pair = asked.pop()
            if pair in seen or pair[0] == pair[1]:
                continue
            seen.add(pair)
            asked += self._watch(form, *pair)

    def _watch(self, form: str, left: int, right: int) -> list[tuple[int, int]]:
        """Make a pair a parameter of the block where the later of the two is made."""
        owners = [self._owner[side] for side in (left, right) if side in self._owner]
        if not owners:
            return []
        block = max(owners, key=self._place.__getitem__)
        if not all(self._stands_before(side, block) for side in (left, right)):
            return []
        arriving: dict[Edge, tuple[int, int]] = {}
        following = []
        for edge in self._numbering.incoming[block]:
            given = dict(self._passed[block].get(edge, ()))
            sides = given.get(left, left), given.get(right, right)
            arriving[edge] = sides
            if form == "ratio":
                following += [(w, u) for w in self._parts(sides[0]) for u in self._parts(sides[1])]
            else:
                following += [sides, (self._base(sides[0]), self._base(sides[1]))]
        known = self._numbering.comparison_of("ult" if form == "below" else form, left, right)
        self.pairs.setdefault(block, []).append(Pair(form, (left, right), known, arriving))
        return following

    def _parts(self, number: int) -> list[int]:
        """Return a class, and the variables that it is made from as a sum, a multiple or a maximum."""
        definition = self._numbering.definitions[number]
        if definition.name not in ("add", "mul", "umax"):
            return [number]
        return [number, *(p for o in definition.operands if o in self._owner for p in self._parts(o))]

    def _stands_before(self, number: int, block: int, *, may_be_own: bool = True) -> bool:
        """Tell whether a class means at a block's start what it means behind it: else it is an older value.

        Constants do, the block's own parameters, and what is made before the block. So does `variable + constant`,
        be it computed later, if the variable is made before the block: one of the block's own is another on each edge,
        and one that is made later in a round of a loop is that of the round before.
        """
        owner = self._owner.get(number)
        if owner is not None:
            return self._place[owner] < self._place[block] or (may_be_own and owner == block)
        if self._numbering.definitions[number].name == "const":
            return True
        base = self._base(number)
        if base != number:
            return self._stands_before(base, block, may_be_own=False)
        return number in self._made and self._made[number] < self._place[block]

    def _a_little_above(self, number: int) -> list[int]:
        """Return the classes that are made from a variable by adding a constant."""
        made = self._numbering.users.above.get(number, ())
        return [user for user in made if self._base(user) == number and user != number]

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


def arriving_on(edge: Edge, state: Elements, pairs: Sequence[Pair], evaluator: Evaluator) -> list[Element]:
    """Tell what is known of pairs at the end of an edge."""
    arriving = []
    with evaluator.order.standing(state):
        for pair in pairs:
            sides = pair.arriving.get(edge)
            if pair.form == "ratio":
                most = None if sides is None else evaluator.ratios.most(*sides, state)
                arriving.append(TOP if most is None else NUMBERS.range(0, most))
            elif pair.form == "below":
                gap = None if sides is None else evaluator.order.gap(*sides, state)
                arriving.append(TRUE if gap is not None and gap > 0 else TRUTH)
            else:
                is_known = sides is not None and evaluator.order.is_at_most(sides[1], sides[0], state)
                arriving.append(FALSE if is_known else TRUTH)
    return arriving
