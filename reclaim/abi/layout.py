"""Where everything lies in memory: offsets of kernel fields and of the policy's context.

Computed from the tables by the C rules of 64-bit Linux (natural alignment, declaration order), so
that the C header, the code generator and the interpreter read one truth. The header carries a
static assertion for each offset.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from reclaim.abi.enumerations import ENUMS
from reclaim.abi.kernel_types import KERNEL_TYPES
from reclaim.abi.kinds import INT_KINDS, Field, KernelType

POINTER_BYTES = 8

LIST_SIZES = "list_pages"
"""Member of the Lruvec struct that no policy names: `uint64_t` sizes by list number."""

CONTEXT_MEMBERS = (
    "folio_state",
    "lruvec_state",
    "memcg_state",
    "scan_state",
    "global_state",
    "tunables",
    "failed",
)
"""Members of `struct rcl_ctx`, the first argument of every hook and helper, 8 bytes each: base
addresses of the declared state (element i of a scope lies at base + i * stride), tunables as
64-bit words in order of declaration, and 1 + the number of the `fail()` message that was reached."""

CONTEXT_OFFSETS = {name: index * 8 for index, name in enumerate(CONTEXT_MEMBERS)}


@dataclass(frozen=True, slots=True)
class Slot:
    """Say where a field lies.

    Args:
        offset: bytes from the start of the struct.
        nr_bytes: size of the access.
        signed: whether the load sign-extends.
        bit: bit number inside the word, None when the field is the whole word.
    """

    offset: int
    nr_bytes: int
    signed: bool
    bit: int | None


def member_bytes(type_name: str) -> int:
    """Return the size in bytes of a plain member of that type."""
    if type_name in INT_KINDS:
        return INT_KINDS[type_name].bits // 8
    if type_name == "bool" or type_name in ENUMS or type_name.startswith("List"):
        return 1
    if type_name.removesuffix(" | None") in KERNEL_TYPES:
        return POINTER_BYTES
    raise KeyError(type_name)


@cache
def slots(type_name: str) -> dict[str, Slot]:
    """Return the slot of each field of a kernel type, and of `list_pages` for Lruvec."""
    kernel_type = KERNEL_TYPES[type_name]
    result: dict[str, Slot] = {}
    offset = 0
    flags_offset: int | None = None
    for field in kernel_type.fields:
        if field.bit is not None:
            if flags_offset is None:
                flags_offset = _align(offset, 4)
                offset = flags_offset + 4
            result[field.name] = Slot(flags_offset, 4, False, field.bit)
            continue
        nr_bytes = member_bytes(field.type)
        offset = _align(offset, nr_bytes)
        signed = field.type in INT_KINDS and INT_KINDS[field.type].signed
        result[field.name] = Slot(offset, nr_bytes, signed, None)
        offset += nr_bytes
    if type_name == "Lruvec":
        result[LIST_SIZES] = Slot(_align(offset, 8), 8, False, None)
    return result


def plain_members(kernel_type: KernelType) -> list[tuple[str, Field | None]]:
    """Return the struct's members in memory order; ("flags", None) stands for the flags word."""
    members: list[tuple[str, Field | None]] = []
    for field in kernel_type.fields:
        if field.bit is None:
            members.append((field.name, field))
        elif ("flags", None) not in members:
            members.append(("flags", None))
    return members


def _align(offset: int, nr_bytes: int) -> int:
    return (offset + nr_bytes - 1) // nr_bytes * nr_bytes
