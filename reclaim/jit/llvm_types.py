"""How types, names, constants and memory tags are spelled in LLVM IR text.

Nothing here needs LLVM. Every integer of the language is an `i64`; a bool is an `i1` in registers
and a byte in memory; kernel objects are `ptr`, lists, maps, enums and answers numbers; an optional
integer is the pair that `struct rcl_optional` is, which travels in two registers on x86-64 and
aarch64 alike. An answer that may be None is such a pair where 0 is an answer; it never leaves its hook.

Memory tags (TBAA) are one per kernel member and one per declared state field: two different leaves
never share a byte, so a store to one cannot change a load of another. A call of a helper carries no
tag and so may change everything.
"""

from __future__ import annotations

import math
from typing import assert_never

from reclaim.abi.kernel_types import KERNEL_TYPES
from reclaim.abi.layout import CONTEXT_MEMBERS, slots
from reclaim.lang.ir import (
    AnswerType,
    BoolType,
    EnumType,
    HandleType,
    IntType,
    OptionalType,
    StateField,
    Type,
    UnitType,
    is_pair,
)

WORD = "i64"
PAIR = "{ i64, i64 }"
CONTEXT_BYTES = 8 * len(CONTEXT_MEMBERS)

_ALIGNED_BYTES = 8
"""Alignment of every array of declared state and of every kernel object."""


def llvm_type(type_: Type) -> str:
    """Return the type of a value in registers."""
    match type_:
        case BoolType():
            return "i1"
        case OptionalType():
            return PAIR
        case HandleType(name=name) if name in KERNEL_TYPES:
            return "ptr"
        case AnswerType():
            return PAIR if is_pair(type_) else WORD
        case IntType() | EnumType() | HandleType():
            return WORD
        case UnitType():
            return "void"
        case _:
            assert_never(type_)


def literal(llvm: str, value: int) -> str:
    """Return a constant of an LLVM type as an operand; 0 is None for what can be None."""
    match llvm:
        case "i1":
            return "true" if value else "false"
        case "ptr":
            return "null"
        case "i64":
            return str(value)
        case _:
            return "zeroinitializer"


def abi_type(type_name: str) -> str:
    """Return the type that a parameter or result has in the C ABI, by its name in the tables."""
    plain = type_name.removesuffix(" | None")
    if plain in KERNEL_TYPES:
        return "ptr"
    if type_name == "None":
        return "void"
    return PAIR if type_name in ("u64 | None", "s64 | None") else WORD


def object_bytes(type_name: str) -> int:
    """Return how many bytes of a kernel object policies can reach."""
    return max(slot.offset + slot.nr_bytes for slot in slots(type_name).values())


def state_alignment(state: StateField, element_bytes: int) -> int:
    """Return the alignment that every access to a state field is sure to have, in bytes."""
    common = math.gcd(_ALIGNED_BYTES, state.offset, element_bytes, *state.strides)
    return common & -common


class Metadata:
    """Number the metadata nodes of a module.

    Node 0 is the empty node of `!invariant.load`, node 1 the root of the memory tags.
    """

    def __init__(self) -> None:
        self._tags: dict[str, int] = {}

    def tag(self, leaf: str) -> str:
        """Return the attachment that says which leaf of memory an access touches."""
        number = self._tags.setdefault(leaf, 2 + 2 * len(self._tags))
        return f"!tbaa !{number + 1}"

    def lines(self) -> list[str]:
        """Return the nodes' definitions."""
        nodes = ["!0 = !{}", '!1 = !{!"reclaim"}']
        for leaf, number in self._tags.items():
            nodes.append(f'!{number} = !{{!"{leaf}", !1, i64 0}}')
            nodes.append(f"!{number + 1} = !{{!{number}, !{number}, i64 0}}")
        return nodes
