"""Say with which input something happens, and write values as an author would: lists and members by name."""

from __future__ import annotations

from dataclasses import replace
from math import prod

from reclaim.abi.enumerations import ENUMS
from reclaim.abi.limits import FIRST_STANDARD_LIST, STANDARD_LISTS
from reclaim.diag.diagnostic import Diagnostic
from reclaim.lang import arithmetic
from reclaim.lang.ir import (
    BoolType,
    EnumType,
    HandleType,
    IntType,
    ListDecl,
    OptionalType,
    PolicyIR,
    Value,
    is_pair,
)
from reclaim.lang.type_rules import is_nullable

EVERY_RUN = "this happens in every run of the hook"
NO_RUN = "found no input with which this happens, and could not prove that there is none"


def with_evidence(said: Diagnostic, witness: dict[str, str] | None) -> Diagnostic:
    """Add a run in which something happens, or say that none was found, or that any will do.

    Args:
        said: what is said without.
        witness: inputs of a run; none of them if every run will do, None if no run was found.
    """
    if witness:
        return replace(said, witness=witness)
    return replace(said, notes=(*said.notes, NO_RUN if witness is None else EVERY_RUN))


def shown_value(policy: PolicyIR, value: Value, concrete: int | None) -> str:
    """Write what a value is in a run.

    Args:
        policy: the policy.
        value: the value.
        concrete: its bits, None where it is None; 0 stands for a handle or place that is None.
    """
    if is_nullable(value.type) and concrete == (None if is_pair(value.type) else 0):
        return "None"
    match value.type:
        case EnumType(name=name):
            members = ENUMS[name].members.items()
            return next((f"{name}.{member}" for member, (number, _) in members if number == concrete), "?")
        case BoolType():
            return str(bool(concrete))
        case IntType(signed=signed) | OptionalType(signed=signed):
            return str(arithmetic.read_as(concrete or 0, signed))
        case HandleType(name="List"):
            return _list_name(policy, concrete or 0)
        case HandleType(name="Folio"):
            return "a folio"
        case _:
            return "not None"


def _list_name(policy: PolicyIR, number: int) -> str:
    standard = number - FIRST_STANDARD_LIST
    if 0 <= standard < len(STANDARD_LISTS):
        return STANDARD_LISTS[standard]
    for decl in policy.lists:
        if decl.first_number <= number < decl.first_number + decl.count:
            return decl.name + _subscripts(decl, number - decl.first_number)
    return "a list"


def _subscripts(decl: ListDecl, place: int) -> str:
    lengths = [prod(decl.dims[axis + 1 :]) for axis in range(len(decl.dims))]
    return "".join(f"[{place // length % size}]" for length, size in zip(lengths, decl.dims, strict=True))
