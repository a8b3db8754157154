"""Find concrete inputs that show a violation.

The hook is run on numbers: entry state, map contents and helper answers are picked from their declared
ranges, ends first, and the run is followed until the instruction in question. Only a run that gets
there with every obligation on the way met, and breaks the one in question, is a witness; nothing is
claimed that was not computed. Objects are taken to be different ones, so a run that depends on two
handles naming one object, or on memory that something unknown has written since, is given up.

The search is short: it happens only for policies that are rejected anyway, and a message without a
witness is still a message.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from reclaim.abi.kinds import S64_MAX, S64_MIN, IntKind
from reclaim.lang import arithmetic
from reclaim.lang.ir import (
    Block,
    Branch,
    Call,
    Jump,
    ListRef,
    ListSize,
    LoadField,
    LoadState,
    Op,
    OptionalType,
    StoreField,
    StoreState,
    Value,
)
from verifier.analysis import HookAnalysis, Violation
from verifier.domains.nullness import NONE, PRESENT
from verifier.domains.product import TOP, Element
from verifier.entailment import is_signed
from verifier.evaluation import Elements
from verifier.expressions import BINARY_OPERATIONS, Definition
from verifier.numbering import Edge
from verifier.obligations import (
    CommonRange,
    Implied,
    InRange,
    NonNegative,
    NonZero,
    NotNone,
    Obligation,
    QuotientFits,
    obligations,
)
from verifier.transfer import Transfer

NR_TRIES = 120
"""Runs tried per violation; ours: most witnesses are at the ends of ranges and turn up at once."""

NR_STEPS = 1500
"""Instructions of one run; loops that go on longer are given up."""

NR_STEPS_IN_ALL = 100_000
"""Instructions of all runs of one hook: about a second; later violations go without a witness."""

Concrete = int | None


class _GivenUp(Exception):
    """Signal a run that says nothing about the violation."""


@dataclass(slots=True)
class _Run:
    """One run: values by class, what each depends on, and what was picked."""

    values: dict[int, Concrete] = field(default_factory=dict)
    depends: dict[int, frozenset[int]] = field(default_factory=dict)
    picked: dict[int, Value] = field(default_factory=dict)
    nr_steps: int = 0


class WitnessSearch:
    """Search for witnesses in one hook.

    Args:
        analysis: the finished analysis of the hook.
        name_of: what the author calls a value.
    """

    def __init__(self, analysis: HookAnalysis, name_of: Callable[[Value], str]) -> None:
        self._analysis = analysis
        self._numbering = analysis.numbering
        self._name_of = name_of
        self._transfer = Transfer(analysis.evaluator)
        self._rng = random.Random(0)
        self._constants = analysis.thresholds.unsigned + analysis.thresholds.signed
        self._declared: dict[int, Element] = {}
        self._steps_left = NR_STEPS_IN_ALL

    def find(self, violation: Violation) -> dict[str, str]:
        """Return inputs that break an obligation, with the value that they lead to; empty if none is found."""
        if violation.op is None or not isinstance(
            violation.demand, (InRange, NotNone, NonZero, QuotientFits, CommonRange, NonNegative, Implied)
        ):
            return {}
        for _ in range(NR_TRIES):
            if self._steps_left <= 0:
                break
            run = _Run()
            try:
                if self._follow(run, violation.op, violation.demand):
                    return self._shown(run, violation.demand)
            except _GivenUp:
                continue
        return {}

    def _follow(self, run: _Run, target: Op, demand: Obligation) -> bool:
        """Run the hook; answer whether it reaches the target and breaks its obligation there."""
        for value in self._analysis.hook.params:
            self._pick(run, value, self._analysis.entry_element(value))
        block = self._analysis.hook.blocks[0]
        while True:
            for op in block.ops:
                run.nr_steps += 1
                self._steps_left -= 1
                if run.nr_steps > NR_STEPS:
                    raise _GivenUp
                if op is target and not self._holds(run, demand):
                    return all(
                        self._holds(run, other) for other in self._demands(block, op) if other != demand
                    )
                if not all(self._holds(run, met) for met in self._demands(block, op)):
                    raise _GivenUp
                self._execute(run, op)
            block = self._next(run, block)

    def _demands(self, block: Block, op: Op) -> tuple[Obligation, ...]:
        return obligations(op, self._analysis.site(block))

    def _next(self, run: _Run, block: Block) -> Block:
        match block.terminator:
            case Jump(target=target):
                edge = Edge(block.id, 0)
            case Branch() as branch:
                taken = self._value(run, self._numbering.of(branch.condition))
                edge = Edge(block.id, 0 if taken else 1)
                target = branch.then if taken else branch.other
            case _:
                raise _GivenUp
        passed = self._analysis.passed_along(target.id).get(edge, [])
        arriving = [(param, self._value(run, arg), self._sources(run, arg)) for param, arg in passed]
        for param, value, sources in arriving:
            run.values[param] = value
            run.depends[param] = sources
        return target

    def _execute(self, run: _Run, op: Op) -> None:
        if op.result is None or isinstance(op, (StoreField, StoreState)):
            return
        number = self._numbering.of(op.result)
        definition = self._numbering.definitions[number]
        if isinstance(op, (LoadField, LoadState, ListSize)):
            if number not in run.values:
                if number not in self._numbering.entry_loads:
                    raise _GivenUp
                self._pick(run, op.result, self._declared_element(op))
        elif isinstance(op, ListRef):
            run.values[number] = self._list_number(run, op)
            run.depends[number] = self._union(run, definition.operands)
        elif definition.name in _COMPUTED:
            run.values[number] = self._compute(run, definition)
            run.depends[number] = self._union(run, definition.operands)
        elif number not in run.values or isinstance(op, Call):
            self._pick(run, op.result, self._declared_element(op))

    def _declared_element(self, op: Op) -> Element:
        """Return what the declarations say about a result: the instruction's effect on knowing nothing."""
        known = self._declared.get(id(op))
        if known is None:
            assert op.result is not None
            elements: Elements = {}
            effect = self._transfer.compile_op(op)
            if effect is not None:
                effect(elements)
            known = self._declared[id(op)] = elements.get(self._numbering.of(op.result), TOP)
        return known

    def _pick(self, run: _Run, value: Value, element: Element) -> None:
        number = self._numbering.of(value)
        run.values[number] = self._example(value, element, number)
        run.depends[number] = frozenset((number,))
        run.picked[number] = value

    def _example(self, value: Value, element: Element, number: int) -> Concrete:
        """Pick a value of an element, more often at its ends."""
        may_be_none = element.nullness & NONE
        if may_be_none and (not element.nullness & PRESENT or self._rng.random() < 1 / 3):
            has_none = isinstance(value.type, OptionalType) or not _is_plain(value)
            if has_none:
                return None if isinstance(value.type, OptionalType) else 0
        low, high = element.signed if is_signed(value) else element.unsigned
        if not _is_plain(value) and high > 1 << 32:
            return number + 1
        if self._rng.random() < 1 / 2:
            return arithmetic.unsigned(self._rng.choice((low, high)))
        near = [
            c for c in self._rng.sample(self._constants, min(len(self._constants), 8)) if low <= c <= high
        ]
        return arithmetic.unsigned(self._rng.choice(near or (low, high)))

    def _value(self, run: _Run, number: int) -> Concrete:
        if number not in run.values:
            raise _GivenUp
        return run.values[number]

    def _number(self, run: _Run, number: int) -> int:
        value = self._value(run, number)
        if value is None:
            raise _GivenUp
        return value

    def _sources(self, run: _Run, number: int) -> frozenset[int]:
        return run.depends.get(number, frozenset())

    def _union(self, run: _Run, operands: tuple[int, ...]) -> frozenset[int]:
        return frozenset().union(*(self._sources(run, operand) for operand in operands))

    def _list_number(self, run: _Run, op: ListRef) -> int:
        number = 0
        for index, length in zip(op.indices, op.decl.dims, strict=True):
            number = number * length + self._number(run, self._numbering.of(index))
        return op.decl.first_number + number

    def _compute(self, run: _Run, definition: Definition) -> Concrete:
        name, operands = definition.name, definition.operands
        if name == "const":
            assert isinstance(definition.detail, int)
            return definition.detail
        if name == "none":
            return None if definition.detail else 0
        if name == "is_none":
            return int(self._value(run, operands[0]) in ((0,) if definition.detail else (None,)))
        numbers = [self._number(run, operand) for operand in operands]
        match name:
            case "not":
                return 1 - numbers[0]
            case "eq":
                return int(numbers[0] == numbers[1])
            case "ult":
                return int(numbers[0] < numbers[1])
            case "slt":
                return int(arithmetic.signed(numbers[0]) < arithmetic.signed(numbers[1]))
            case "truncate":
                assert isinstance(definition.detail, IntKind)
                return arithmetic.unsigned(arithmetic.truncate(numbers[0], definition.detail))
            case "call":
                return _call(str(definition.detail), numbers)
            case _:
                op, signed = BINARY_OPERATIONS[name]
                return arithmetic.binary(op, signed, *numbers)

    def _holds(self, run: _Run, demand: Obligation) -> bool:
        of = self._numbering.of
        match demand:
            case InRange(value=value, low=low, high=high):
                return low <= self._read(run, value) <= high
            case CommonRange(value=value) | NonNegative(value=value):
                return 0 <= self._read(run, value) <= S64_MAX
            case NotNone(value=value):
                return self._value(run, of(value)) not in (
                    (None,) if isinstance(value.type, OptionalType) else (0,)
                )
            case NonZero(value=value):
                return self._read(run, value) != 0
            case QuotientFits(left=left, right=right):
                return (self._read(run, left), self._read(run, right)) != (S64_MIN, -1)
            case Implied(condition=condition):
                return self._number(run, of(condition)) == 1
            case _:
                return True

    def _read(self, run: _Run, value: Value) -> int:
        return arithmetic.read_as(self._number(run, self._numbering.of(value)), is_signed(value))

    def _shown(self, run: _Run, demand: Obligation) -> dict[str, str]:
        """Name the inputs on which the broken value depends, and the value itself."""
        values = [
            v
            for v in (getattr(demand, name, None) for name in ("value", "left", "right", "condition"))
            if isinstance(v, Value)
        ]
        shown: dict[str, str] = {}
        sources = self._union(run, tuple(self._numbering.of(value) for value in values))
        for number in sorted(sources):
            shown[self._name_of(run.picked[number])] = self._text(run, run.picked[number])
        if not isinstance(demand, Implied):
            for value in (v for v in values if self._sources(run, self._numbering.of(v))):
                shown.setdefault(self._name_of(value), self._text(run, value))
        return shown

    def _text(self, run: _Run, value: Value) -> str:
        concrete = run.values[self._numbering.of(value)]
        if concrete is None or (concrete == 0 and not _is_plain(value)):
            return "None"
        return str(arithmetic.read_as(concrete, is_signed(value)))


_COMPUTED = frozenset(BINARY_OPERATIONS) | {
    "const",
    "none",
    "is_none",
    "not",
    "eq",
    "ult",
    "slt",
    "truncate",
    "call",
}


def _is_plain(value: Value) -> bool:
    """Tell whether a value is a number, optional or not, rather than a handle or an answer."""
    return type(value.type).__name__ in ("IntType", "BoolType", "EnumType", "OptionalType")


def _call(name: str, numbers: list[int]) -> int:
    functions: dict[str, Callable[..., int]] = {
        "isqrt": arithmetic.isqrt,
        "ilog2": arithmetic.ilog2,
        "mul_div": arithmetic.mul_div,
    }
    if name not in functions:
        raise _GivenUp
    return functions[name](*numbers)
