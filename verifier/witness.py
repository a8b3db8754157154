"""Find concrete inputs that show a violation.

The hook is run on numbers: entry state, map contents and helper answers are picked from their declared
ranges, ends first, and the run is followed until the instruction in question. Only a run that gets
there with every obligation on the way met, and breaks the one in question, may be a witness; it is one when
the interpreter does the same on a memory with these contents (`confirmation`). Objects are taken to be
different ones, so a run that depends on two handles naming one object, or on memory that something unknown
has written since, is given up.

The search is short: it happens only for policies that are rejected anyway, and a message without a
witness is still a message.

A rule about places, such as which helpers a hook may call, is broken by every run that comes to the place:
there the witness is what the branches on the way hang on, as far as they decide whether a run comes there.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from reclaim.abi.kinds import S64_MAX, S64_MIN, U64_MAX, IntKind
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
    LoadTunable,
    Op,
    PolicyIR,
    ScanFirst,
    ScanNext,
    StoreField,
    StoreState,
    Terminator,
    Value,
    is_pair,
)
from verifier.analysis import HookAnalysis, Violation
from verifier.confirmation import Believed, confirms
from verifier.detours import deciding
from verifier.domains.nullness import NONE, PRESENT
from verifier.domains.product import BOTTOM, NUMBERS, TOP, Element
from verifier.entailment import MAX_ITERATIONS, MOVED_TWICE, is_signed
from verifier.evaluation import Elements, within
from verifier.expressions import BINARY_OPERATIONS, Definition
from verifier.made_up_maps import KEEPING_COUNT, MadeUpMap
from verifier.numbering import Edge
from verifier.obligations import (
    ABOUT_PLACES,
    CommonRange,
    Implied,
    InRange,
    LoopBounded,
    Movable,
    NonNegative,
    NonZero,
    NotNone,
    Obligation,
    QuotientFits,
    RunsNoHook,
    obligations,
)
from verifier.transfer import Transfer
from verifier.witness_text import shown_value

NR_TRIES = 300
"""Runs tried per violation; ours: most witnesses are at the ends of ranges and turn up at once."""

NR_STEPS = 4000
"""Instructions of one run; loops that go on longer are given up."""

DEEPEST_VARIABLE = 3
"""Definitions between a value and the variables that are named beside it."""

NR_STEPS_IN_ALL = 100_000
"""Instructions of all runs of one hook: about a second; later violations go without a witness."""

Concrete = int | None


class GivenUp(Exception):
    """Signal a run that says nothing about the violation."""


@dataclass(slots=True)
class Run:
    """One run: values by class, what each depends on, what was picked, what was read, and which ways were taken.

    Each branch on the way is kept as its block and the inputs that it hung on. *moves* are
    blocks that moved a folio in this round of a scan, *maps* are what was asked of each map, *place* is the block in which the run arrived.
    """

    values: dict[int, Concrete] = field(default_factory=dict)
    depends: dict[int, frozenset[int]] = field(default_factory=dict)
    picked: dict[int, Value] = field(default_factory=dict)
    variables: dict[int, Value] = field(default_factory=dict)
    believed: list[Believed] = field(default_factory=list)
    decisions: list[tuple[int, frozenset[int]]] = field(default_factory=list)
    moves: dict[int, int] = field(default_factory=dict)
    maps: dict[tuple[object, ...], MadeUpMap] = field(default_factory=dict)
    place: int = 0
    nr_steps: int = 0


@dataclass(frozen=True, slots=True)
class _Step:
    """An instruction, what it demands of values, what makes its result, and the number of what it reads."""

    op: Op
    demands: tuple[Obligation, ...]
    result: Callable[[Run], None] | None
    read: int | None


class WitnessSearch:
    """Search for witnesses in one hook.

    Args:
        analysis: the finished analysis of the hook.
        policy: the policy, which the interpreter runs.
        name_of: what the author calls a value.
    """

    def __init__(self, analysis: HookAnalysis, policy: PolicyIR, name_of: Callable[[Value], str]) -> None:
        self._policy = policy
        self._analysis = analysis
        self._numbering = analysis.numbering
        self._name_of = name_of
        self._transfer = Transfer(analysis.evaluator, analysis.state)
        self._rng = random.Random(0)
        self._constants = analysis.thresholds.unsigned + analysis.thresholds.signed
        self._declared: dict[int, Element] = {}
        self._prepared: dict[int, list[_Step]] = {}
        self._steps_left = NR_STEPS_IN_ALL
        self._known: Elements = {}
        self._is_wild = False
        self._is_about_moves = False

    def find(self, violation: Violation) -> dict[str, str] | None:
        """Return inputs that break an obligation, with the value that they lead to.

        Args:
            violation: the obligation, and where it stands.

        Returns:
            Values by name; empty if every run of the hook breaks it, None if no run was found that does.
        """
        target = _first_of(violation.demand) if violation.op is None else violation.op
        self._known = violation.known
        self._is_about_moves = violation.proof.why == MOVED_TWICE
        for attempt in range(NR_TRIES):
            self._is_wild = attempt >= NR_TRIES // 2
            if self._steps_left <= 0:
                break
            run = Run()
            try:
                found = self._follow(run, target, violation.demand)
                if found and self._is_confirmed(run, target, violation):
                    return self._shown(run, violation)
            except GivenUp:
                continue
        return None

    def _is_confirmed(self, run: Run, target: Op | Terminator | None, violation: Violation) -> bool:
        """Tell whether the interpreter breaks the same obligation with what was picked."""
        hook = self._analysis.hook
        arguments = tuple(run.values[self._numbering.of(param)] for param in hook.params)
        return confirms(self._policy, hook.hook.name, arguments, run.believed, target, violation)

    def _follow(self, run: Run, target: Op | Terminator | None, demand: Obligation) -> bool:
        """Run the hook; answer whether it reaches the target and breaks its obligation there."""
        for value in self._analysis.hook.params:
            self._pick(run, value, self._analysis.entry_element(value))
        block = self._analysis.hook.blocks[0]
        while True:
            run.place = block.id
            if (
                isinstance(demand, LoopBounded)
                and block is demand.loop.header
                and not self._holds(run, demand)
            ):
                return True
            for step in self._steps(block):
                run.nr_steps += 1
                self._steps_left -= 1
                if run.nr_steps > NR_STEPS:
                    raise GivenUp
                if step.op is target and not self._holds(run, demand):
                    return all(self._holds(run, other) for other in step.demands if other != demand)
                if not all(self._holds(run, met) for met in step.demands):
                    raise GivenUp
                self._execute(run, step)
            block = self._next(run, block)

    def _next(self, run: Run, block: Block) -> Block:
        match block.terminator:
            case Jump(target=target):
                edge = Edge(block.id, 0)
            case Branch() as branch:
                condition = self._numbering.of(branch.condition)
                taken = self._value(run, condition)
                edge = Edge(block.id, 0 if taken else 1)
                target = branch.then if taken else branch.other
                run.decisions.append((block.id, self._union(run, (condition,))))
            case _:
                raise GivenUp
        passed = self._analysis.passed_along(target.id).get(edge, [])
        arriving = [
            (param, run.values[arg], self._sources(run, arg)) for param, arg in passed if arg in run.values
        ]
        for param, _ in passed:
            run.values.pop(param, None)
        for param, value, sources in arriving:
            run.values[param] = value
            run.depends[param] = sources
        run.variables.update((self._numbering.of(p), p) for p in target.params if p.name is not None)
        return target

    def _steps(self, block: Block) -> list[_Step]:
        """Return the instructions of a block with what they demand and do, prepared once for all runs."""
        known = self._prepared.get(block.id)
        if known is None:
            site = self._analysis.site(block)
            known = self._prepared[block.id] = [
                _Step(
                    op,
                    tuple(met for met in obligations(op, site) if not isinstance(met, ABOUT_PLACES)),
                    self._prepared_result(op),
                    self._numbering.of(op.result) if op.result is not None and _is_read(op) else None,
                )
                for op in block.ops
            ]
        return known

    def _execute(self, run: Run, step: _Step) -> None:
        """Compute or pick the result of an instruction, and note what it is believed to read."""
        if step.result is not None:
            step.result(run)
        op = step.op
        if isinstance(op, (ScanFirst, ScanNext)):
            run.moves.clear()
        elif isinstance(op, Call) and op.helper.effects.moves is not None:
            run.moves[self._numbering.of(op.args[0])] = run.place
        if step.read is not None:
            run.believed.append(Believed(op, run.values[step.read]))

    def _prepared_result(self, op: Op) -> Callable[[Run], None] | None:
        """Return what makes the result of an instruction in a run, None where there is none."""
        if op.result is None or isinstance(op, (StoreField, StoreState)):
            return None
        result, number = op.result, self._numbering.of(op.result)
        definition = self._numbering.definitions[number]

        def listed(run: Run) -> None:
            assert isinstance(op, ListRef)
            run.values[number] = self._list_number(run, op)
            run.depends[number] = self._union(run, definition.operands)

        def computed(run: Run) -> None:
            run.values[number] = self._compute(run, definition)
            run.depends[number] = self._union(run, definition.operands)

        def picked(run: Run) -> None:
            self._pick(run, result, self._among_parts(run, number, self._declared_element(op)))

        def picked_once(run: Run) -> None:
            if number not in run.values:
                picked(run)

        def answered(run: Run) -> None:
            assert isinstance(op, Call)
            wanted = self._wanted(number, result, self._declared_element(op))
            asked = tuple(self._number(run, self._numbering.of(arg)) for arg in op.args[1:])
            run.values[number] = self._map(run, op).call(op.helper.name, asked, wanted)
            run.depends[number] = frozenset((number,))
            run.picked[number] = result

        if isinstance(op, ListRef):
            return listed
        if isinstance(op, Call) and op.helper.method_of in KEEPING_COUNT:
            return answered
        if isinstance(op, (LoadField, LoadState, ListSize)) or definition.name not in _COMPUTED:
            return picked if isinstance(op, Call) and not op.helper.effects.repeats else picked_once
        return computed

    def _declared_element(self, op: Op) -> Element:
        """Return what the declarations say about a result: the instruction's effect on knowing nothing."""
        known = self._declared.get(id(op))
        if known is None:
            assert op.result is not None
            if isinstance(op, LoadState):  # what the hook stored itself is not picked
                return self._declared.setdefault(id(op), self._analysis.state.of(op.state))
            elements: Elements = {}
            effect = self._transfer.compile_op(op)
            if effect is not None:
                effect(elements)
            known = self._declared[id(op)] = elements.get(self._numbering.of(op.result), TOP)
        return known

    def _map(self, run: Run, op: Call) -> MadeUpMap:
        """Return the map that a method is called on, as far as it is decided."""
        assert op.map_decl is not None
        of = self._numbering.definitions[self._numbering.of(op.args[0])]
        name = (op.map_decl.name, *(self._value(run, operand) for operand in of.operands))
        if name not in run.maps:
            run.maps[name] = MadeUpMap.of(op.map_decl)
        return run.maps[name]

    def _pick(self, run: Run, value: Value, element: Element) -> None:
        number = self._numbering.of(value)
        run.values[number] = self._wanted(number, value, element)
        run.depends[number] = frozenset((number,))
        run.picked[number] = value

    def _among_parts(self, run: Run, number: int, element: Element) -> Element:
        """Keep a part within its whole, and a whole no smaller than its parts."""
        definition = self._numbering.definitions[number]
        if definition.name == "part":
            whole = run.values.get(definition.operands[0])
            return element if whole is None else within(element, NUMBERS.range(0, whole))
        parts = [run.values.get(part) or 0 for part in self._numbering.users.parts.get(number, ())]
        return within(element, NUMBERS.range(max(parts), U64_MAX)) if parts else element

    def _wanted(self, number: int, value: Value, element: Element) -> Concrete:
        """Pick a value of an element, in half of all cases of what is known where the violation stands."""
        known = self._known.get(number)
        if known is not None and self._rng.random() < 1 / 2:
            both = NUMBERS.meet(element, known)
            element = element if both is BOTTOM else both
        return self._example(value, element, number)

    def _example(self, value: Value, element: Element, number: int) -> Concrete:
        """Pick a value of an element, more often at its ends."""
        may_be_none = element.nullness & NONE
        if may_be_none and (not element.nullness & PRESENT or self._rng.random() < 1 / 3):
            has_none = is_pair(value.type) or not _is_plain(value)
            if has_none:
                return None if is_pair(value.type) else 0
        low, high = element.signed if is_signed(value) else element.unsigned
        if not _is_plain(value) and high > 1 << 32:
            return number + 1
        chance = self._rng.random()
        if chance < 1 / 2:
            return arithmetic.unsigned(self._rng.choice((low, high)))
        if self._is_wild and chance < 2 / 3:
            return arithmetic.unsigned(min(max(self._rng.getrandbits(self._rng.randrange(1, 64)), low), high))
        near = [
            c for c in self._rng.sample(self._constants, min(len(self._constants), 8)) if low <= c <= high
        ]
        return arithmetic.unsigned(self._rng.choice(near or (low, high)))

    def _value(self, run: Run, number: int) -> Concrete:
        if number not in run.values:
            raise GivenUp
        return run.values[number]

    def _number(self, run: Run, number: int) -> int:
        value = self._value(run, number)
        if value is None:
            raise GivenUp
        return value

    def _sources(self, run: Run, number: int) -> frozenset[int]:
        return run.depends.get(number, frozenset())

    def _union(self, run: Run, operands: tuple[int, ...]) -> frozenset[int]:
        found: frozenset[int] = frozenset()
        for operand in operands:
            inputs = run.depends.get(operand)
            if inputs is None:
                inputs = self._union(run, self._numbering.definitions[operand].operands)
            if inputs:
                found = found | inputs if found else inputs
        return found

    def _list_number(self, run: Run, op: ListRef) -> int:
        number = 0
        for index, length in zip(op.indices, op.decl.dims, strict=True):
            number = number * length + self._number(run, self._numbering.of(index))
        return op.decl.first_number + number

    def _compute(self, run: Run, definition: Definition) -> Concrete:
        name, operands = definition.name, definition.operands
        if name == "const":
            assert isinstance(definition.detail, int)
            return definition.detail
        if name == "none":
            return None if definition.detail else 0
        if name == "is_none":
            return int(self._value(run, operands[0]) in ((0,) if definition.detail else (None,)))
        if name == "not" and self._numbering.definitions[operands[0]].name in _COMPARISONS:
            # The comparison itself was never an instruction, or is that of an earlier round.
            inner = self._compute(run, self._numbering.definitions[operands[0]])
            return None if inner is None else 1 - inner
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

    def _holds(self, run: Run, demand: Obligation) -> bool:
        of = self._numbering.of
        match demand:
            case InRange(value=value, low=low, high=high):
                return low <= self._read(run, value) <= high
            case CommonRange(value=value) | NonNegative(value=value):
                return 0 <= self._read(run, value) <= S64_MAX
            case NotNone(value=value):
                return self._value(run, of(value)) != (None if is_pair(value.type) else 0)
            case NonZero(value=value):
                return self._read(run, value) != 0
            case QuotientFits(left=left, right=right):
                return (self._read(run, left), self._read(run, right)) != (S64_MIN, -1)
            case Implied(condition=condition):
                return self._number(run, of(condition)) == 1
            case LoopBounded(loop=loop):
                return self._read(run, loop.bound) <= MAX_ITERATIONS
            case RunsNoHook(driver=driver):
                return driver is not None and self._read(run, driver) == 0
            case Movable(folio=folio) if self._is_about_moves:
                return of(folio) not in run.moves
            case _:
                return False

    def _read(self, run: Run, value: Value) -> int:
        return arithmetic.read_as(self._number(run, self._numbering.of(value)), is_signed(value))

    def _shown(self, run: Run, violation: Violation) -> dict[str, str]:
        """Name the inputs on which the broken value depends, and the value itself; else those that lead there."""
        demand = violation.demand
        values = [
            v
            for v in (
                getattr(demand, name, None) for name in ("value", "left", "right", "condition", "driver")
            )
            if isinstance(v, Value)
        ]
        if isinstance(demand, LoopBounded):
            values.append(demand.loop.bound)
        sources = self._union(run, tuple(self._numbering.of(value) for value in values))
        shown = self._named(run, sources or self._leading_inputs(run, violation))
        if not isinstance(demand, Implied):
            for value in (v for v in values if sources or not self._is_constant(v)):
                if not sources:
                    shown.update(self._variables_of(run, self._numbering.of(value), DEEPEST_VARIABLE))
                shown.setdefault(self._name_of(value), self._text(run, value))
        return shown

    def _named(self, run: Run, inputs: frozenset[int]) -> dict[str, str]:
        """Name inputs of a run, with their values."""
        return {
            self._name_of(run.picked[number]): self._text(run, run.picked[number])
            for number in sorted(inputs)
        }

    def _leading_inputs(self, run: Run, violation: Violation) -> frozenset[int]:
        """Return the inputs that decide whether a run comes here, or with which values if these differ."""
        blocks = deciding(self._analysis.hook, {run.place, *run.moves.values()})
        is_alike = violation.proof.certain or isinstance(violation.demand, ABOUT_PLACES)
        return frozenset().union(
            *(inputs for block, inputs in run.decisions if block in blocks or not is_alike)
        )

    def _is_constant(self, value: Value) -> bool:
        return self._numbering.definitions[self._numbering.of(value)].name == "const"

    def _variables_of(self, run: Run, number: int, depth: int) -> dict[str, str]:
        """Name the variables that a value is computed from, where no input is: a loop's counter, mostly."""
        if number in run.variables and number in run.values:
            return {self._name_of(run.variables[number]): self._text(run, run.variables[number])}
        found: dict[str, str] = {}
        for operand in self._numbering.definitions[number].operands if depth else ():
            found |= self._variables_of(run, operand, depth - 1)
        return found

    def _text(self, run: Run, value: Value) -> str:
        return shown_value(self._policy, value, run.values[self._numbering.of(value)])


def _first_of(demand: Obligation) -> Op | Terminator | None:
    """Return the first instruction of the loop that makes a demand."""
    if not isinstance(demand, LoopBounded):
        return None
    header = demand.loop.header
    return header.ops[0] if header.ops else header.terminator


def _is_read(op: Op) -> bool:
    """Tell whether the result of an instruction comes from memory or from a helper."""
    return isinstance(op, (LoadField, LoadState, ListSize, LoadTunable, ScanFirst, ScanNext)) or (
        isinstance(op, Call) and not op.helper.effects.pure
    )


_COMPARISONS = frozenset(("eq", "ult", "slt", "is_none"))

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
        raise GivenUp
    return functions[name](*numbers)
