"""What each instruction does to what is known.

`compile_op` turns an instruction into a small function once per hook, so that the fixpoint, which runs
the instructions of a loop several times, does not look at their types again. Instructions that only
rename (conversions, unwrapping) do nothing here: numbering gave operand and result one class, and what
they demand is learned by `entailment.accept`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, assert_never

from reclaim.lang.ir import (
    Assert,
    Binary,
    Call,
    Compare,
    Const,
    Construct,
    Convert,
    HandleType,
    IsNone,
    ListRef,
    ListSize,
    LoadField,
    LoadState,
    LoadTunable,
    MapRef,
    Narrow,
    Not,
    Op,
    ScanFirst,
    ScanNext,
    StoreField,
    StoreState,
    Truncate,
    Unwrap,
    Value,
    Wrap,
)
from verifier import declared_ranges
from verifier.domains.nullness import PRESENT
from verifier.domains.ownership import CURRENT, MOVED
from verifier.domains.product import HERE, NUMBERS, TOP, Element
from verifier.evaluation import NOT_ZERO, Elements, Evaluator, within
from verifier.expressions import Definition
from verifier.memory_cells import group_of
from verifier.state_ranges import DECLARED, StateRanges

Effect: TypeAlias = Callable[[Elements], None]


class Transfer:
    """Compile the instructions of one hook into effects on what is known."""

    def __init__(self, evaluator: Evaluator, state: StateRanges = DECLARED) -> None:
        self._evaluator = evaluator
        self._state = state
        self._numbering = evaluator.numbering

    def compile_op(self, op: Op) -> Effect | None:
        """Return the effect of an instruction, None if it changes nothing."""
        match op:
            case Const() | Binary() | Compare() | Truncate() | Not() | IsNone():
                return self._computed(op)
            case ListRef():
                return self._list(op)
            case LoadField():
                return self._declared(op.result, declared_ranges.of_field(op))
            case LoadState():
                return self._loaded(op)
            case LoadTunable():
                assert op.result is not None
                of = declared_ranges.of_type(op.result.type, op.tunable.min, op.tunable.max)
                return self._declared(op.result, of)
            case ListSize():
                return self._declared(op.result, declared_ranges.of_list_size())
            case MapRef() | Construct():
                return self._declared(op.result, HERE)
            case Call():
                return self._called(op)
            case ScanFirst() | ScanNext():
                return self._declared(op.result, NUMBERS.with_ownership(TOP, CURRENT))
            case Wrap():
                return self._present(op.operand)
            case Unwrap():
                return self._narrowed_list(op)
            case StoreField() | StoreState() | Convert() | Narrow() | Assert():
                return None
            case _:
                assert_never(op)

    def _computed(self, op: Op) -> Effect:
        assert op.result is not None
        number = self._numbering.of(op.result)
        return self._evaluated(number, self._numbering.definitions[number])

    def _evaluated(self, number: int, definition: Definition) -> Effect:
        evaluate = self._evaluator.evaluate

        def effect(elements: Elements) -> None:
            result = evaluate(definition, elements)
            known = elements.get(number)
            elements[number] = result if known is None else NUMBERS.meet(known, result)

        return effect

    def _declared(self, result: Value | None, declared: Element) -> Effect:
        """Say what a declaration says; what is known already is at least as much."""
        assert result is not None
        number = self._numbering.of(result)

        def effect(elements: Elements) -> None:
            known = elements.get(number)
            elements[number] = declared if known is None else NUMBERS.meet(known, declared)

        return effect

    def _loaded(self, op: LoadState) -> Effect:
        """Say what a field holds; what this hook stored itself, and is known, fits its declaration alone."""
        assert op.result is not None
        number = self._numbering.of(op.result)
        is_own = self._numbering.contents.get(number) == group_of(
            op.state
        )  # else it was stored there from elsewhere
        state = self._state if is_own else DECLARED
        return self._declared(op.result, state.of(op.state))

    def _list(self, op: ListRef) -> Effect:
        """Number a list: the first number plus the row-major index."""
        assert op.result is not None
        number = self._numbering.of(op.result)
        indices = [self._numbering.of(index) for index in op.indices]
        dims, first = op.decl.dims, op.decl.first_number

        def effect(elements: Elements) -> None:
            low = high = 0
            for index, length in zip(indices, dims, strict=True):
                bounds = elements.get(index, TOP).unsigned
                low = low * length + min(bounds[0], length - 1)
                high = high * length + min(bounds[1], length - 1)
            elements[number] = NUMBERS.meet(NUMBERS.range(first + low, first + high), HERE)

        return effect

    def _called(self, op: Call) -> Effect | None:
        if op.helper.effects.moves is not None:
            return self._moved(op.args[0])
        if op.result is None:
            return None
        declared = declared_ranges.of_answer(op)
        number = self._numbering.of(op.result)
        definition = self._numbering.definitions[number]
        if definition.name == "found":
            return self._found(number, definition, declared)
        if definition.name == "kept":
            return self._kept(number, definition.operands[0], declared)
        if definition.name != "call":
            return self._declared(op.result, declared)
        evaluate = self._evaluator.evaluate

        def effect(elements: Elements) -> None:
            elements[number] = NUMBERS.meet(declared, evaluate(definition, elements))

        return effect

    def _found(self, number: int, definition: Definition, declared: Element) -> Effect:
        """Know that nothing is found in a map that is empty."""
        evaluate = self._evaluator.evaluate

        def effect(elements: Elements) -> None:
            result = within(declared, evaluate(definition, elements))
            elements[number] = within(elements.get(number, TOP), result)

        return effect

    def _kept(self, number: int, size: int, declared: Element) -> Effect:
        """Know that a map is not empty after something was put there."""

        def effect(elements: Elements) -> None:
            elements[size] = within(elements.get(size, TOP), NOT_ZERO)
            elements[number] = declared

        return effect

    def _moved(self, folio: Value) -> Effect:
        number = self._numbering.of(folio)

        def effect(elements: Elements) -> None:
            elements[number] = NUMBERS.with_ownership(elements.get(number, TOP), MOVED)

        return effect

    def _present(self, operand: Value) -> Effect:
        number = self._numbering.of(operand)

        def effect(elements: Elements) -> None:
            elements[number] = NUMBERS.with_nullness(elements.get(number, TOP), PRESENT)

        return effect

    def _narrowed_list(self, op: Unwrap) -> Effect | None:
        """Know that a list that is there has a number from 1."""
        assert op.result is not None
        of = op.result.type
        if not isinstance(of, HandleType) or of.name != "List":
            return None
        return self._declared(op.result, declared_ranges.of_type(of))
