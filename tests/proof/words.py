"""Values of a run as terms of z3, and what can be said of them.

Written from the meaning of the language (`reclaim.lang.ir`, the interpreter), not from the verifier: of that only the
elements are read, which say what is believed of a value.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import z3

from reclaim.abi.kinds import S64_MAX, S64_MIN, U64_MAX
from reclaim.lang.ir import AnswerType, HandleType, Type, is_pair
from reclaim.lang.type_rules import is_nullable
from verifier.domains.nullness import NONE, PRESENT
from verifier.domains.product import Element

BITS = 64

Term: TypeAlias = Any
"""A term of z3, whose own types say less than this word."""

NEVER = z3.BoolVal(False)
ALWAYS = z3.BoolVal(True)


class Word(NamedTuple):
    """One value at run time.

    Args:
        number: its 64 bits.
        none: whether it is None. Where None is encoded as 0, this follows from the bits; in a pair it does not.
        is_pair: whether the bits mean nothing where it is None.
    """

    number: Term
    none: Term = NEVER
    is_pair: bool = False


def constant(number: int) -> Term:
    """Return a number of 64 bits, given in either reading."""
    return z3.BitVecVal(number & U64_MAX, BITS)


def unknown_number(name: str) -> Term:
    """Return a number of which nothing is known but its name."""
    return z3.BitVec(name, BITS)


def truth(condition: Term) -> Term:
    """Return a bool as the number that it is."""
    return z3.If(condition, constant(1), constant(0))


def word_of(number: Term, of: Type, none: Term = NEVER) -> Word:
    """Return a value of a type.

    Args:
        number: its bits.
        of: its type.
        none: whether it is None, for a type that keeps this beside the bits.
    """
    if is_pair(of):
        return Word(number, none, is_pair=True)
    return Word(number, number == 0) if is_nullable(of) else Word(number)


def none_of(of: Type) -> Word:
    """Return None of a type."""
    return word_of(constant(0), of, ALWAYS)


def unknown(name: str, of: Type) -> Word:
    """Return a value of a type of which nothing else is known."""
    return word_of(unknown_number(name), of, z3.Bool(f"{name} is None"))


def is_never_zero(of: Type) -> bool:
    """Tell whether values of a type are no 0: objects are not, nor are answers whose None is 0."""
    match of:
        case HandleType(nullable=False):
            return True
        case AnswerType(names=names, nullable=False):
            return not is_pair(AnswerType(names, nullable=True))
        case _:
            return False


def same(one: Word, other: Word) -> Term:
    """Say that two values are one: both None, or the same bits.

    One of them may be of a plain type and the other of one with None; where None is 0, the bits say it all.
    """
    if one.is_pair or other.is_pair:
        return z3.And(one.none == other.none, z3.Or(one.none, one.number == other.number))
    return one.number == other.number


def is_between(number: Term, low: int, high: int, *, is_signed: bool) -> Term:
    """Say that a number lies in a range, in the reading given; bounds beyond the type bound nothing."""
    if is_signed:
        return z3.And(constant(max(low, S64_MIN)) <= number, number <= constant(min(high, S64_MAX)))
    least, most = constant(max(low, 0)), constant(min(high, U64_MAX))
    return z3.And(z3.ULE(least, number), z3.ULE(number, most))


def is_in(element: Element, word: Word) -> Term:
    """Say that a value is one of those that an element describes."""
    (value, mask), number = element.bits, word.number
    claims = []
    if element.unsigned != (0, U64_MAX):
        claims.append(is_between(number, *element.unsigned, is_signed=False))
    if element.signed != (S64_MIN, S64_MAX):
        claims.append(is_between(number, *element.signed, is_signed=True))
    if mask != U64_MAX:
        claims.append(number & constant(~mask) == constant(value))
    if word.is_pair:
        claims = [z3.Or(word.none, z3.And(claims))] if claims else []
    if not element.nullness & NONE:
        claims.append(z3.Not(word.none))
    if not element.nullness & PRESENT:
        claims.append(word.none)
    return z3.And(claims) if claims else ALWAYS


def is_at_most_times(whole: Term, unit: Term, times: int) -> Term:
    """Say that one number is at most so many times another one, as whole numbers."""
    wide_whole, wide_unit = (z3.ZeroExt(BITS, term) for term in (whole, unit))
    return z3.ULE(wide_whole, wide_unit * z3.BitVecVal(times, 2 * BITS))
