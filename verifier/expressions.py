"""How a class of values is made, in one canonical form for each meaning.

Refinement walks these definitions backward (from `x + 1 < n` to `x`) and numbering finds equal
expressions by them. Comparisons keep only `eq`, `ult` and `slt`, the others are negations or swapped,
so that `a > b`, `b < a` and `not a <= b` are one fact.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from reclaim.abi.kinds import U64_MAX
from reclaim.lang.ir import (
    AnswerType,
    Binary,
    BinaryOp,
    Compare,
    CompareOp,
    Const,
    HandleType,
    IsNone,
    ListRef,
    LoadTunable,
    MapRef,
    Not,
    Op,
    Truncate,
    Value,
    is_pair,
)

_COMMUTATIVE = frozenset(("add", "mul", "and", "or", "xor", "umin", "umax", "smin", "smax", "eq"))

_NAMES = {
    BinaryOp.ADD: ("add", "add"),
    BinaryOp.SUB: ("sub", "sub"),
    BinaryOp.MUL: ("mul", "mul"),
    BinaryOp.DIV: ("udiv", "sdiv"),
    BinaryOp.MOD: ("umod", "smod"),
    BinaryOp.AND: ("and", "and"),
    BinaryOp.OR: ("or", "or"),
    BinaryOp.XOR: ("xor", "xor"),
    BinaryOp.SHL: ("shl", "shl"),
    BinaryOp.SHR: ("lshr", "ashr"),
    BinaryOp.MIN: ("umin", "smin"),
    BinaryOp.MAX: ("umax", "smax"),
}


BINARY_OPERATIONS = {
    name: (op, signed == 1) for op, names in _NAMES.items() for signed, name in enumerate(names)
}
"""Operation and signedness of each transfer name."""


@dataclass(frozen=True, slots=True)
class Definition:
    """Say how a class is made.

    Args:
        name: a transfer name (`lattice.TRANSFER_NAMES`), "eq", "ult", "slt", "not", "is_none",
            "truncate", "const", "none", "list", "call", "found" for an answer that is False or None where a
            map was empty, "kept" for one after which no map is, "part" for a number that another one counts in, or
            "opaque" for what cannot be looked into.
        operands: classes; that of the map's size for what was found or kept, that of the whole for a part.
        detail: what tells it apart beside the operands: the constant, the storage type, the function.
    """

    name: str
    operands: tuple[int, ...] = ()
    detail: object = None

    @property
    def key(self) -> tuple[object, ...]:
        """Return what equal expressions have in common."""
        return (self.name, self.operands, self.detail)


OPAQUE = Definition("opaque")


class Users:
    """Know which expressions are made from a class, by what they can say about order.

    Attributes:
        compared: comparisons of the class.
        above: expressions that cannot be below the class, or not by much.
        taken_from: differences `x - class`.
        parts: numbers that the class counts in.
    """

    __slots__ = ("above", "compared", "parts", "taken_from")

    def __init__(self) -> None:
        self.compared: dict[int, list[int]] = {}
        self.above: dict[int, list[int]] = {}
        self.parts: dict[int, list[int]] = {}
        self.taken_from: dict[int, set[int]] = {}

    def note(self, number: int, definition: Definition) -> None:
        """Note what a new class is made from."""
        operands = definition.operands
        match definition.name:
            case "eq" | "ult" | "slt":
                users = self.compared
            case "umax" | "or" | "add" | "mul":
                users = self.above
            case "sub":
                users, operands = self.above, operands[:1]
                self.taken_from.setdefault(definition.operands[1], set()).add(number)
            case "part":
                users = self.parts
            case _:
                return
        for operand in dict.fromkeys(operands):
            users.setdefault(operand, []).append(number)


def transfer_name(op: BinaryOp, signed: bool) -> str:
    """Return the domain's name of an operation."""
    return _NAMES[op][signed]


def define(op: Op, of: Callable[[Value], int]) -> Definition | None:
    """Return how a pure instruction makes its result.

    Args:
        op: the instruction.
        of: class of a value.

    Returns:
        None for what is not a function of its operands alone.
    """
    match op:
        case Const():
            return _constant(op)
        case Binary():
            return ordered(transfer_name(op.op, op.signed), of(op.left), of(op.right))
        case Truncate():
            return Definition("truncate", (of(op.operand),), op.kind)
        case Not():
            return Definition("not", (of(op.operand),))
        case IsNone():
            return Definition("is_none", (of(op.operand),), isinstance(op.operand.type, HandleType))
        case ListRef():
            return Definition("list", tuple(of(i) for i in op.indices), op.decl.first_number)
        case MapRef():
            parts = tuple(of(v) for v in (op.index, op.handle) if v is not None)
            return Definition("map", parts, op.decl.number)
        case LoadTunable():
            return Definition("tunable", (), op.tunable.name)
        case _:
            return None


def ordered(name: str, left: int, right: int) -> Definition:
    """Build a definition on two operands, in one order where the order does not matter."""
    if name in _COMMUTATIVE and right < left:
        left, right = right, left
    return Definition(name, (left, right))


def comparison(op: Compare, of: Callable[[Value], int]) -> tuple[Definition, bool]:
    """Return the canonical comparison and whether it stands for its negation."""
    left, right = of(op.left), of(op.right)
    less = "slt" if op.signed else "ult"
    match op.op:
        case CompareOp.EQ:
            return ordered("eq", left, right), False
        case CompareOp.NE:
            return ordered("eq", left, right), True
        case CompareOp.LT:
            return Definition(less, (left, right)), False
        case CompareOp.GT:
            return Definition(less, (right, left)), False
        case CompareOp.LE:
            return Definition(less, (right, left)), True
        case CompareOp.GE:
            return Definition(less, (left, right)), True


def _constant(op: Const) -> Definition:
    assert op.result is not None
    of = op.result.type
    if is_pair(of) or (isinstance(of, (HandleType, AnswerType)) and of.nullable):
        # Not the number 0, which other values are: what is learned of None would be said of them.
        return Definition("none", (), is_pair(of))
    return Definition("const", (), op.value & U64_MAX)
