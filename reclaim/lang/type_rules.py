"""Types: how the ABI's and the author's type names become IR types, and which type suits which.

No syntax here but annotations, no instructions: `coercion` acts on what these functions decide.
"""

from __future__ import annotations

from functools import cache

from reclaim.abi.answers import ANSWERS, CONSTRUCTORS
from reclaim.abi.enumerations import ENUMS
from reclaim.abi.kernel_types import KERNEL_TYPES
from reclaim.abi.kinds import INT_KINDS
from reclaim.abi.maps import MAP_KINDS
from reclaim.lang.ir import (
    BOOL,
    S64,
    U64,
    UNIT,
    AnswerType,
    BoolType,
    EnumType,
    HandleType,
    IntType,
    OptionalType,
    Type,
)


@cache
def type_of(name: str) -> Type:
    """Return the type of a value that the tables or an annotation call *name*.

    Args:
        name: "u8", "bool", "Folio", "Folio | None", "Place", "None", ...

    Raises:
        KeyError: there is no such type.
    """
    plain = name.removesuffix(" | None")
    nullable = plain != name
    if plain == "None":
        return UNIT
    if plain in INT_KINDS:
        signed = INT_KINDS[plain].signed
        return OptionalType(signed) if nullable else IntType(signed)
    if plain == "bool" and not nullable:
        return BOOL
    if plain in KERNEL_TYPES or plain == "List" or plain in MAP_KINDS:
        return HandleType(plain, nullable)
    if plain in ENUMS and not nullable:
        return EnumType(plain)
    if plain in ANSWERS:
        return AnswerType(frozenset({plain}), nullable)
    raise KeyError(name)


def type_names() -> list[str]:
    """Return every name that an annotation may use."""
    return [*INT_KINDS, "bool", *KERNEL_TYPES, "List", *ENUMS, *ANSWERS]


def describe(of: Type) -> str:
    """Return a type in the author's words."""
    if isinstance(of, AnswerType):
        text = " or ".join(sorted(of.names))
        return f"{text} | None" if of.nullable else text
    return str(of)


def plain(of: Type) -> Type:
    """Return the type without None."""
    match of:
        case HandleType():
            return HandleType(of.name)
        case OptionalType():
            return IntType(of.signed)
        case AnswerType():
            return AnswerType(of.names)
        case _:
            return of


def is_nullable(of: Type) -> bool:
    """Tell whether a value of the type may be None."""
    return isinstance(of, OptionalType) or (isinstance(of, HandleType | AnswerType) and of.nullable)


def nullable(of: Type) -> Type | None:
    """Return the type with None added, None where that makes no sense."""
    match of:
        case HandleType():
            return HandleType(of.name, nullable=True)
        case IntType():
            return OptionalType(of.signed)
        case AnswerType():
            return AnswerType(of.names, nullable=True)
        case OptionalType():
            return of
        case _:
            return None


def same_kind(one: Type, other: Type) -> bool:
    """Tell whether values of both can stand in one variable, None and signs aside."""
    one, other = plain(one), plain(other)
    if isinstance(one, AnswerType) and isinstance(other, AnswerType):
        return bool(one.names & other.names)
    if isinstance(one, IntType) and isinstance(other, IntType):
        return True
    return one == other


def join(one: Type, other: Type) -> Type | None:
    """Return the type of a variable that takes values of both, None where there is none.

    The sign of the first one wins: a variable keeps the type of its first assignment.
    """
    if not same_kind(one, other):
        return None
    base = plain(one)
    if isinstance(base, AnswerType) and isinstance(other, AnswerType):
        base = AnswerType(base.names & other.names)
    return nullable(base) if is_nullable(one) or is_nullable(other) else base


def is_number(of: Type) -> bool:
    """Tell whether the type is an integer."""
    return isinstance(of, IntType)


def is_truth(of: Type) -> bool:
    """Tell whether the type is bool."""
    return isinstance(of, BoolType)


def int_type(signed: bool) -> IntType:
    """Return the 64-bit integer type of that sign."""
    return S64 if signed else U64


ANSWER_CONSTANTS = {c.name: c for c in CONSTRUCTORS if c.method_of is None and not c.params}
"""Answers written as a bare name: ``RECLAIM``."""

ANSWER_CALLS = {c.name: c for c in CONSTRUCTORS if c.method_of is None and c.params}
"""Answers built by a call: ``move(...)``."""

LIST_ANSWERS = {c.name: c for c in CONSTRUCTORS if c.method_of == "List"}
"""Answers built from a list: ``small.head``, ``small.batch(32)``."""
