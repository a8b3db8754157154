"""What is concluded from definitions and decided comparisons holds for the numbers that they were made of.

Graphs of random expressions over random numbers: each class gets an element that contains its number, and
comparisons are decided as the numbers decide them. Whatever order, evaluation and refinement conclude must
then be true of the numbers.
"""

from __future__ import annotations

import random
from types import SimpleNamespace
from typing import Any

import pytest

from reclaim.abi.kinds import U64_MAX
from reclaim.lang import arithmetic
from reclaim.lang.ir import BinaryOp
from verifier.domains.product import NUMBERS, Element
from verifier.evaluation import Evaluator
from verifier.expressions import BINARY_OPERATIONS, Definition, Users, ordered
from verifier.refinement import Refiner

NR_GRAPHS = 160
NR_VARIABLES = 5
NR_EXPRESSIONS = 14
NR_COMPARISONS = 8

_NAMES = sorted(BINARY_OPERATIONS)
_ENDS = (0, 1, 2, 7, 8, 63, 64, 100, 255, 2**32, 2**63 - 1, 2**63, 2**64 - 2, 2**64 - 1)


class Graph:
    """Random expressions, their numbers, and what is known of them; stands in for a hook's numbering."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.definitions: list[Definition] = []
        self.users = Users()
        self.numbers: list[int] = []
        self.known: dict[int, Element] = {}
        self._keys: dict[object, int] = {}
        for _ in range(NR_VARIABLES):
            self._add(Definition("opaque", (), len(self.definitions)), self._number())
        for _ in range(4):
            value = self.rng.choice(_ENDS)
            self._add(Definition("const", (), value), value)
        for _ in range(NR_EXPRESSIONS):
            self._expression()
        for _ in range(NR_COMPARISONS):
            self._comparison()
            self._ratio()

    def find(self, *key: object) -> int | None:
        """Return the class of an expression."""
        return self._keys.get(key)

    def _number(self) -> int:
        if self.rng.random() < 0.3:
            return self.rng.choice(_ENDS)
        return self.rng.getrandbits(self.rng.choice((3, 6, 8, 16, 64)))

    def _any(self) -> int:
        return self.rng.randrange(len(self.definitions))

    def _add(self, definition: Definition, number: int) -> int:
        if definition.key in self._keys:
            return self._keys[definition.key]
        new = len(self.definitions)
        self._keys[definition.key] = new
        self.definitions.append(definition)
        self.numbers.append(number)
        self.users.note(new, definition)
        self.known[new] = self.around(number)
        return new

    def around(self, number: int) -> Element:
        """Return an element that holds a number, often little more."""
        spread = self.rng.choice((0, 1, 9, 200, 2**64))
        low = max(number - self.rng.randint(0, spread), 0)
        return NUMBERS.range(low, min(number + self.rng.randint(0, spread), 2**64 - 1))

    def _expression(self) -> None:
        name = self.rng.choice(_NAMES)
        op, signed = BINARY_OPERATIONS[name]
        left, right = self._any(), self._any()
        definition = ordered(name, left, right)
        a, b = (arithmetic.read_as(self.numbers[operand], signed) for operand in definition.operands)
        if op in (BinaryOp.SHL, BinaryOp.SHR) and not 0 <= b <= 63:
            return
        if op in (BinaryOp.DIV, BinaryOp.MOD) and (b == 0 or (a, b) == (-(2**63), -1)):
            return
        new = self._add(definition, arithmetic.unsigned(arithmetic.binary(op, signed, a, b)))
        if self.rng.random() < 0.5:
            self.known[new] = NUMBERS.range(0, 2**64 - 1)

    def _comparison(self) -> None:
        name, left, right = self.rng.choice(("ult", "ult", "slt", "eq")), self._any(), self._any()
        a, b = self.numbers[left], self.numbers[right]
        if name == "slt":
            a, b = arithmetic.signed(a), arithmetic.signed(b)
        definition = ordered(name, left, right) if name == "eq" else Definition(name, (left, right))
        truth = int(a == b if name == "eq" else a < b)
        self.known[self._add(definition, truth)] = NUMBERS.of(truth)

    def _ratio(self) -> None:
        whole, unit = self._any(), self._any()
        if self.numbers[unit] > 0:
            times = -(-self.numbers[whole] // self.numbers[unit])
            pair = self._add(Definition("ratio", (whole, unit)), times)
            self.known[pair] = NUMBERS.range(0, times)


def evaluator(graph: Graph) -> Evaluator:
    """Return an evaluator of a graph's expressions."""
    numbering: Any = SimpleNamespace(definitions=graph.definitions, users=graph.users, find=graph.find)
    return Evaluator(numbering)


@pytest.mark.parametrize("group", range(4))
def test_gap_is_never_larger_than_the_numbers_say(group: int) -> None:
    """`y >= x + gap` holds, and so does every bound from above."""
    for seed in range(group, NR_GRAPHS, 4):
        graph = Graph(seed)
        order = evaluator(graph).order
        for low, number in enumerate(graph.numbers):
            assert number <= order.most(low, graph.known), (seed, low)
            for high, larger in enumerate(graph.numbers):
                gap = order.gap(low, high, graph.known)
                assert gap is None or larger >= number + gap, (seed, low, high, gap)


@pytest.mark.parametrize("group", range(4))
def test_ratio_is_never_smaller_than_the_numbers_say(group: int) -> None:
    """`whole <= ratio * unit` holds, and it is found beyond what was given and what ranges say."""
    nr_found = 0
    for seed in range(group, NR_GRAPHS, 4):
        graph = Graph(seed)
        ratios = evaluator(graph).ratios
        for whole, number in enumerate(graph.numbers):
            for unit, size in enumerate(graph.numbers):
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
        for number, definition in enumerate(graph.definitions):
            element = evaluate(definition, graph.known)
            assert NUMBERS.contains(element, graph.numbers[number]), (seed, number, definition)


@pytest.mark.parametrize("group", range(4))
def test_refinement_keeps_the_numbers(group: int) -> None:
    """A true fact leads to true facts, however far back it is followed."""
    for seed in range(group, NR_GRAPHS, 4):
        graph = Graph(seed)
        refiner = Refiner(evaluator(graph))
        for number in range(len(graph.definitions)):
            fact = graph.around(graph.numbers[number])
            assert refiner.learn(graph.known, number, fact), (seed, number)
            refiner.sharpen(graph.known, number)
        for number, element in graph.known.items():
            assert NUMBERS.contains(element, graph.numbers[number]), (seed, number, graph.definitions[number])
