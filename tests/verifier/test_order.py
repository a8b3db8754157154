"""What is concluded from definitions and decided comparisons holds for the numbers that they were made of.

Graphs of random expressions over random numbers: each class gets an element that contains its number, and
comparisons are decided as the numbers decide them. Whatever order, evaluation and refinement conclude must
then be true of the numbers. Some classes have no number, for they belong to a path that was not taken: what divides
by 0, or shifts too far, and what is made from that. Half of the graphs are about small numbers, where that happens.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from reclaim.abi.kinds import U64_MAX
from reclaim.lang import arithmetic
from reclaim.lang.ir import BinaryOp
from verifier.domains.product import NUMBERS, Element
from verifier.evaluation import Evaluator
from verifier.expressions import BINARY_OPERATIONS, Definition, Users, ordered
from verifier.linear import LinearForms
from verifier.refinement import Refiner

NR_GRAPHS = 160
NR_VARIABLES = 5
NR_EXPRESSIONS = 14
NR_COMPARISONS = 8
NR_WRITTEN = 2
"""Expressions of several parts that have a meaning as a whole, which chance does not write."""

_NAMES = sorted(BINARY_OPERATIONS)
_SMALL_NAMES = ("add", "add", "sub", "mul", "udiv", "umod", "umod", "umin", "umax", "lshr")
_CALLS: tuple[tuple[str, Callable[..., int], int, int], ...] = (
    ("isqrt", arithmetic.isqrt, 1, 0),
    ("ilog2", arithmetic.ilog2, 1, 1),
    ("mul_div", arithmetic.mul_div, 3, 1),
)
"""Integer functions: name, function, number of operands, and the least that the last of them must be."""

_ENDS = (0, 1, 2, 7, 8, 63, 64, 100, 255, 2**32, 2**63 - 1, 2**63, 2**64 - 2, 2**64 - 1)


class Graph:
    """Random expressions, their numbers, and what is known of them; stands in for a hook's numbering."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.is_small = seed // 4 % 2 == 0
        self.definitions: list[Definition] = []
        self._linear = LinearForms(self.definitions)
        self.users = Users()
        self.numbers: list[int | None] = []
        self.known: dict[int, Element] = {}
        self._keys: dict[object, int] = {}
        for _ in range(NR_VARIABLES):
            self._add(Definition("opaque", (), len(self.definitions)), self._number())
        for _ in range(4):
            value = self.rng.choice(_ENDS)
            self._add(Definition("const", (), value), value)
        for _ in range(NR_EXPRESSIONS):
            if self.rng.random() < 0.15:
                self._call()
            else:
                self._expression()
        self._written = (
            *(self._way_in_steps, self._way_with_sign),
            *(self._step_to_the_root, self._moving_average, self._bit_above),
        )
        for _ in range(NR_WRITTEN):
            self.rng.choice(self._written)()
        for _ in range(NR_COMPARISONS):
            self._comparison()
            self._ratio()

    def find(self, *key: object) -> int | None:
        """Return the class of an expression."""
        return self._keys.get(key)

    def distance(self, left: int, right: int) -> int | None:
        """Return by how much one class exceeds another one, if that is a constant."""
        form = self._linear.combined(Definition("sub", (left, right)))
        return None if form.terms else form.constant

    def _number(self) -> int:
        if self.is_small:
            return self.rng.choice((0, 0, 1, 2, 3))
        if self.rng.random() < 0.3:
            return self.rng.choice(_ENDS)
        return self.rng.getrandbits(self.rng.choice((3, 6, 8, 16, 64)))

    def _any(self) -> int:
        return self.rng.randrange(len(self.definitions))

    def _one_with_number(self) -> int:
        return self.rng.choice([n for n, number in enumerate(self.numbers) if number is not None])

    def number_of(self, of: int) -> int:
        """Return the number of a class that has one."""
        number = self.numbers[of]
        assert number is not None
        return number

    def with_numbers(self) -> list[tuple[int, int]]:
        """Return the classes that have a number, each with it."""
        return [(of, number) for of, number in enumerate(self.numbers) if number is not None]

    def _add(self, definition: Definition, number: int | None) -> int:
        if definition.key in self._keys:
            return self._keys[definition.key]
        new = len(self.definitions)
        self._keys[definition.key] = new
        self.definitions.append(definition)
        self.numbers.append(number)
        self.users.note(new, definition)
        if definition.name in ("add", "sub"):
            self._linear.note(new, self._linear.combined(definition))
        if number is not None:
            self.known[new] = self.around(number)
        return new

    def around(self, number: int) -> Element:
        """Return an element that holds a number, often little more."""
        spread = self.rng.choice((0, 0, 1, 3, 2**64) if self.is_small else (0, 1, 9, 200, 2**64))
        low = max(number - self.rng.randint(0, spread), 0)
        return NUMBERS.range(low, min(number + self.rng.randint(0, spread), 2**64 - 1))

    def _expression(self) -> None:
        name = self.rng.choice(_SMALL_NAMES if self.is_small else _NAMES)
        definition = ordered(name, self._any(), self._any())
        number = self._computed(name, definition)
        new = self._add(definition, number)
        if number is not None and self.rng.random() < 0.5:
            self.known[new] = NUMBERS.range(0, 2**64 - 1)

    def _made(self, name: str, left: int, right: int) -> int:
        definition = ordered(name, left, right)
        return self._add(definition, self._computed(name, definition))

    def _constant(self, *values: int) -> int:
        value = self.rng.choice(values)
        return self._add(Definition("const", (), value), value)

    def _way_in_steps(self) -> None:
        """Write the variable of a `range` in steps, its count of rounds and what that is compared with."""
        start, stop, count = self._any(), self._any(), self._any()
        step = self._constant(1, 2, 3, 4, 7)
        distance = self.rng.choice(
            (
                lambda: self._made("sub", stop, self._made("umin", start, stop)),
                lambda: self._made("umin", self._made("sub", stop, self._made("umin", start, stop)), stop),
                lambda: self._made("sub", self._made("umax", start, stop), start),
                lambda: self._made("umax", start, stop),
                lambda: stop,
            )
        )()
        rest = self._made("umin", self._made("umod", distance, step), self._constant(1))
        rounds = self._made("add", self._made("udiv", distance, step), rest)
        way = self._made("mul", count, step)
        for name in ("add", "sub"):
            self._made(name, start, way)
        if self.numbers[count] is not None and self.numbers[rounds] is not None:
            self._decide(Definition("ult", (count, rounds)))

    def _way_with_sign(self) -> None:
        """Write how far a number lies above another one with a sign, which may be itself and a constant."""
        near_the_end = Definition("opaque", (), len(self.definitions))
        start = self.rng.choice((self._any(), self._add(near_the_end, 2**63 - self.rng.randint(1, 6))))
        stop = self._made(self.rng.choice(("add", "sub")), start, self._constant(0, 1, 5, 2**63 - 1, 2**63))
        stop = self.rng.choice((stop, self._any()))
        self._made("sub", stop, self._made("smin", start, stop))

    def _step_to_the_root(self) -> None:
        """Write `x + n // x`, and half of it."""
        x, n = self._any(), self._any()
        self._made("udiv", self._made("add", x, self._made("udiv", n, x)), self._constant(2))

    def _bit_above(self) -> None:
        """Write the place of a bit in what is left of a shift, counted from the end of the whole."""
        whole, count = self._any(), self._any()
        left = self._made("lshr", whole, count)
        if self.rng.random() < 0.5:
            left = self._made("and", left, self._made("sub", self._constant(0), left))
        number = self.numbers[left]
        place = Definition("call", (left,), "ilog2")
        self._made("add", count, self._add(place, arithmetic.ilog2(number) if number else None))

    def _moving_average(self) -> None:
        """Write `x + (y - x) // n`, with a sign, `>>` for it or a weight as may be."""
        x, y = self._any(), self._any()
        part = self._made("sub", y, x)
        if self.rng.random() < 0.4:
            part = self._made("mul", part, self._constant(0, 1, 3, 8))
        scaled = self._made(self.rng.choice(("sdiv", "ashr", "udiv")), part, self._constant(1, 2, 3, 8))
        self._made("add", x, scaled)

    def _computed(self, name: str, definition: Definition) -> int | None:
        op, signed = BINARY_OPERATIONS[name]
        left, right = (self.numbers[operand] for operand in definition.operands)
        if left is None or right is None:
            return None
        a, b = arithmetic.read_as(left, signed), arithmetic.read_as(right, signed)
        if op in (BinaryOp.SHL, BinaryOp.SHR) and not 0 <= b <= 63:
            return None
        if op in (BinaryOp.DIV, BinaryOp.MOD) and (b == 0 or (a, b) == (-(2**63), -1)):
            return None
        return arithmetic.unsigned(arithmetic.binary(op, signed, a, b))

    def _call(self) -> None:
        name, function, nr_operands, least = self.rng.choice(_CALLS)
        operands = tuple(self._any() for _ in range(nr_operands))
        numbers = [number for operand in operands if (number := self.numbers[operand]) is not None]
        has_number = len(numbers) == nr_operands and numbers[-1] >= least
        self._add(Definition("call", operands, name), function(*numbers) if has_number else None)

    def _comparison(self) -> None:
        name, left, right = (
            self.rng.choice(("ult", "ult", "slt", "eq")),
            self._one_with_number(),
            self._one_with_number(),
        )
        a, b = self.number_of(left), self.number_of(right)
        if name == "slt":
            a, b = arithmetic.signed(a), arithmetic.signed(b)
        definition = ordered(name, left, right) if name == "eq" else Definition(name, (left, right))
        truth = int(a == b if name == "eq" else a < b)
        self.known[self._add(definition, truth)] = NUMBERS.of(truth)

    def _decide(self, definition: Definition) -> None:
        """Compare two numbers without sign."""
        left, right = (self.number_of(operand) for operand in definition.operands)
        self.known[self._add(definition, int(left < right))] = NUMBERS.of(int(left < right))

    def _ratio(self) -> None:
        whole, unit = self._one_with_number(), self._one_with_number()
        if self.number_of(unit) > 0:
            times = -(-self.number_of(whole) // self.number_of(unit))
            pair = self._add(Definition("ratio", (whole, unit)), times)
            self.known[pair] = NUMBERS.range(0, times)


def evaluator(graph: Graph) -> Evaluator:
    """Return an evaluator of a graph's expressions."""
    numbering: Any = SimpleNamespace(
        definitions=graph.definitions, users=graph.users, find=graph.find, distance=graph.distance
    )
    return Evaluator(numbering)


@pytest.mark.parametrize("group", range(4))
def test_gap_is_never_larger_than_the_numbers_say(group: int) -> None:
    """`y >= x + gap` holds, and so does every bound from above."""
    for seed in range(group, NR_GRAPHS, 4):
        graph = Graph(seed)
        order = evaluator(graph).order
        for low, number in graph.with_numbers():
            assert number <= order.most(low, graph.known), (seed, low)
            for high, larger in graph.with_numbers():
                gap = order.gap(low, high, graph.known)
                assert gap is None or larger >= number + gap, (seed, low, high, gap)


@pytest.mark.parametrize("group", range(4))
def test_what_is_said_to_add_something_is_not_zero(group: int) -> None:
    """What a sum has more than its other part is not 0, be it that the sum wraps."""
    nr_found = 0
    for seed in range(group, NR_GRAPHS, 4):
        graph = Graph(seed)
        order = evaluator(graph).order
        for of, number in graph.with_numbers():
            if order.adds_something(of, graph.known):
                assert number != 0, (seed, of)
                nr_found += NUMBERS.contains(graph.known[of], 0)
    assert nr_found > 2


@pytest.mark.parametrize("group", range(4))
def test_ratio_is_never_smaller_than_the_numbers_say(group: int) -> None:
    """`whole <= ratio * unit` holds, and it is found beyond what was given and what ranges say."""
    nr_found = 0
    for seed in range(group, NR_GRAPHS, 4):
        graph = Graph(seed)
        ratios = evaluator(graph).ratios
        for whole, number in graph.with_numbers():
            for unit, size in graph.with_numbers():
                most = ratios.most(whole, unit, graph.known)
                assert most is None or number <= most * size, (seed, whole, unit, most)
                nr_found += (
                    most is not None and most < U64_MAX and ratios.most(whole, unit, graph.known, 0) is None
                )
    assert nr_found > 20


def test_orders_are_found_at_all() -> None:
    """The test above means something only if many pairs are ordered beyond what their ranges say."""
    nr_found = 0
    for seed in range(20):
        graph = Graph(seed)
        order = evaluator(graph).order
        for low, high in ((a, b) for a in graph.known for b in graph.known if a != b):
            apart = graph.known[high].unsigned[0] - graph.known[low].unsigned[1]
            gap = order.gap(low, high, graph.known)
            nr_found += gap is not None and gap >= 0 > apart
    assert nr_found > 300


@pytest.mark.parametrize("group", range(4))
def test_evaluation_holds_the_number(group: int) -> None:
    """Whatever is known about operands, the result lies in what is evaluated."""
    for seed in range(group, NR_GRAPHS, 4):
        graph = Graph(seed)
        evaluate = evaluator(graph).evaluate
        for of, number in graph.with_numbers():
            definition = graph.definitions[of]
            assert NUMBERS.contains(evaluate(definition, graph.known), number), (seed, of, definition)


@pytest.mark.parametrize("group", range(4))
def test_refinement_keeps_the_numbers(group: int) -> None:
    """A true fact leads to true facts, however far back it is followed."""
    for seed in range(group, NR_GRAPHS, 4):
        graph = Graph(seed)
        refiner = Refiner(evaluator(graph))
        for of, number in graph.with_numbers():
            fact = graph.around(number)
            assert refiner.learn(graph.known, of, fact), (seed, of)
            refiner.sharpen(graph.known, of)
        for of, element in graph.known.items():
            assert NUMBERS.contains(element, graph.number_of(of)), (seed, of, graph.definitions[of])
