"""What the declarations say about values that come from outside: fields, state, tunables, answers.

The contract's ranges are kept by the core, a policy's own ranges by the obligations of its stores.
"""

from __future__ import annotations

from functools import cache

from reclaim.abi.enumerations import ENUMS
from reclaim.abi.kernel_types import KERNEL_TYPES, LIST_FIELDS
from reclaim.abi.kinds import INT_KINDS, S64_MAX, S64_MIN, U64_MAX
from reclaim.abi.limits import MAX_LISTS
from reclaim.lang.ir import (
    AnswerType,
    BoolType,
    Call,
    EnumType,
    HandleType,
    IntType,
    LoadField,
    OptionalType,
    Type,
    UnitType,
)
from verifier.domains.product import HERE, NUMBERS, TOP, TRUE, TRUTH, Element


@cache
def of_type(type_: Type, low: int | None = None, high: int | None = None) -> Element:
    """Return what a type says about its values, narrowed by a declared range.

    Args:
        type_: type of the value.
        low: least declared value, None for the type's own.
        high: largest declared value, None for the type's own.
    """
    match type_:
        case IntType(signed=signed) | OptionalType(signed=signed):
            lowest, highest = (S64_MIN, S64_MAX) if signed else (0, U64_MAX)
            return NUMBERS.range(lowest if low is None else low, highest if high is None else high)
        case BoolType():
            return TRUE if low == 1 else TRUTH
        case EnumType(name=name):
            return NUMBERS.range(0, max(value for value, _ in ENUMS[name].members.values()))
        case HandleType(name="List"):
            numbers = NUMBERS.range(0 if type_.nullable else 1, MAX_LISTS - 1)
            return numbers if type_.nullable else NUMBERS.meet(numbers, HERE)
        case HandleType() | AnswerType():
            return TOP if type_.nullable else HERE
        case UnitType():
            return TOP


@cache
def _of_field(owner: str, name: str, type_: Type) -> Element:
    field = KERNEL_TYPES[owner].field(name)
    assert field is not None
    kind = INT_KINDS.get(field.type)
    if kind is None:
        return of_type(type_)
    low = kind.min if field.min is None else field.min
    high = kind.max if field.max is None else field.max
    return of_type(type_, low, high)


def of_field(op: LoadField) -> Element:
    """Return what the contract says about a loaded field."""
    assert isinstance(op.handle.type, HandleType)
    assert op.result is not None
    return _of_field(op.handle.type.name, op.field, op.result.type)


def of_list_size() -> Element:
    """Return what the contract says about the size of a list."""
    field = LIST_FIELDS["nr_pages"]
    return NUMBERS.range(field.min or 0, U64_MAX if field.max is None else field.max)


def of_answer(op: Call) -> Element:
    """Return what is known about a helper's answer: its own range, or that of the map's values or size."""
    assert op.result is not None
    low, high = op.helper.min, op.helper.max
    if op.map_decl is not None and op.helper.name == "size":
        high = min(op.map_decl.capacity, op.map_decl.nr_keys)
    if op.map_decl is not None and op.map_decl.value is not None and op.helper.name == "get":
        low, high = op.map_decl.value.min, op.map_decl.value.max
        if low < 0 and not _is_signed(op.result.type):
            return of_type(op.result.type)
    return of_type(op.result.type, low, high)


def _is_signed(type_: Type) -> bool:
    return isinstance(type_, (IntType, OptionalType)) and type_.signed
