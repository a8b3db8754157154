"""What the classes of a hook are at one point of a run: whether or not an instruction computes them there.

The verifier knows things about classes of values, and most classes are no value that the interpreter holds at the point
in question: `variable + constant` before it is computed, what a cell of memory contains, a quotient of the path not
taken. All of them have one meaning, given what they are made from, and it is computed here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from reclaim.abi.kinds import S64_MIN, U64_MAX, IntKind
from reclaim.lang import arithmetic
from reclaim.lang.interp import Interpreter, ObligationBroken, RuntimeValue
from reclaim.lang.ir import ListSize, LoadField, LoadState, StoreField, StoreState, Value
from verifier.expressions import BINARY_OPERATIONS, Definition
from verifier.memory_cells import Cell, cell_of
from verifier.numbering import Numbering

HOLDS: dict[str, Callable[[int, int], bool]] = {
    "ult": lambda left, right: left < right,
    "slt": lambda left, right: arithmetic.signed(left) < arithmetic.signed(right),
    "eq": lambda left, right: left == right,
}
"""What it means that a comparison is true."""

_CALLS: dict[str, tuple[Callable[..., int], int]] = {
    "isqrt": (arithmetic.isqrt, 0),
    "ilog2": (arithmetic.ilog2, 1),
    "mul_div": (arithmetic.mul_div, 1),
}
"""Integer functions, and the least that the last argument must be."""

_Load = LoadState | LoadField | ListSize


class ConcreteClasses:
    """Know the numbers of classes, as unsigned patterns.

    Args:
        numbering: classes of the hook.
        known: what those classes are that nothing else is known of: values of the run, contents of cells.
    """

    def __init__(self, numbering: Numbering, known: Mapping[int, int]) -> None:
        self._definitions = numbering.definitions
        self._known: dict[int, int | None] = dict(known)

    def of(self, number: int) -> int | None:
        """Return the number of a class, None where there is none or it hangs on what is not known."""
        if number not in self._known:
            self._known[number] = None
            self._known[number] = self.made(number)
        return self._known[number]

    def made(self, number: int) -> int | None:
        """Return what a class is by its definition alone."""
        definition = self._definitions[number]
        if definition.name == "const":
            assert isinstance(definition.detail, int)
            return definition.detail
        operands = [self.of(operand) for operand in definition.operands]
        if not operands or None in operands:
            return None
        return _computed(definition, [operand for operand in operands if operand is not None])


def _computed(definition: Definition, operands: list[int]) -> int | None:
    """Return what an expression gives, None where it has no value."""
    name = definition.name
    if name in BINARY_OPERATIONS:
        op, is_signed = BINARY_OPERATIONS[name]
        left, right = operands
        no_value = (
            (name in ("udiv", "umod", "sdiv", "smod") and right == 0)
            or (name in ("sdiv", "smod") and (left, right) == (S64_MIN & U64_MAX, U64_MAX))
            or (name in ("shl", "lshr", "ashr") and right > 63)
        )
        return None if no_value else arithmetic.binary(op, is_signed, left, right)
    if name in HOLDS:
        return int(HOLDS[name](*operands))
    if name == "not":
        return 1 - operands[0]
    if name == "truncate":
        assert isinstance(definition.detail, IntKind)
        return arithmetic.unsigned(arithmetic.truncate(operands[0], definition.detail))
    if name == "is_none" and definition.detail:
        return int(operands[0] == 0)
    if name == "call" and definition.detail in _CALLS:
        function, least = _CALLS[str(definition.detail)]
        return function(*operands) if operands[-1] >= least else None
    return None


class Cells:
    """Read the cells of memory that a hook touches, wherever in the hook it does.

    Args:
        numbering: classes of the hook.
    """

    def __init__(self, numbering: Numbering) -> None:
        self._of = numbering.of
        self._loads: dict[Cell, _Load] = {}
        for block in numbering.hook.blocks:
            for op in block.ops:
                load = _as_load(op)
                if load is not None:
                    self._loads[cell_of(load, numbering.of, numbering._constants)] = load

    def read(self, cell: Cell, classes: ConcreteClasses, memory: Interpreter) -> int | None:
        """Return what is in a cell now, None where nobody can say which one it is."""
        load = self._loads.get(cell)
        if load is None:
            return None
        values: dict[Value, RuntimeValue] = {}
        for operand in _named(load):
            number = classes.of(self._of(operand))
            if number is None:
                return None
            values[operand] = number
        try:
            content = memory._touch_core(load, values)
        except ObligationBroken:
            return None
        return None if content is None else arithmetic.unsigned(content)


def _as_load(op: object) -> _Load | None:
    """Return the load of what an instruction loads or stores."""
    match op:
        case LoadState() | LoadField() | ListSize():
            return op
        case StoreState(state=state, handle=handle, indices=indices, value=value, span=span):
            result = replace(value, name=None)
            return LoadState(span=span, result=result, state=state, handle=handle, indices=indices)
        case StoreField(handle=handle, field=name, value=value, span=span):
            return LoadField(span=span, result=replace(value, name=None), handle=handle, field=name)
        case _:
            return None


def _named(load: _Load) -> tuple[Value, ...]:
    """Return the operands that say which cell it is."""
    match load:
        case LoadState(handle=handle, indices=indices):
            return indices if handle is None else (handle, *indices)
        case LoadField(handle=handle):
            return (handle,)
        case ListSize(lruvec=lruvec, list=listed):
            return (lruvec, listed)
