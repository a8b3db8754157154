"""What a policy's eBPF object looks like from outside: its maps, and the words that go in and out.

A handle is a number: 1 + the index of the object in the map of its type, 0 for None. Every kernel
object, and every element of declared state, is one value of an array map, so Linux itself checks
that an access stays inside the object that it belongs to.

Helpers of the core are answered from the map `tape`: each call takes the next entry, compares what
it asks with what the entry expects, applies the entry's effects, runs the hooks that the entry says
the core would run, and answers. The array `control` in .bss holds the rest of the conversation.

All numbers here are 64-bit words. Nothing here needs LLVM or Linux.
"""

from __future__ import annotations

from dataclasses import dataclass

from reclaim.abi.helpers import HELPERS, SCAN_HELPERS
from reclaim.abi.kernel_types import KERNEL_TYPES
from reclaim.abi.layout import LIST_SIZES, slots
from reclaim.abi.limits import FIRST_POLICY_LIST, MAX_MEMCGS, MAX_NODES
from reclaim.lang.ir import SCOPE_HANDLE, PolicyIR, Scope

WORD_BYTES = 8

NR_PASSED = 5
"""Arguments of a function in eBPF, which passes them in registers."""

NR_ARGUMENTS = 8
"""Most arguments of any helper, receiver included: walk_page_tables()."""

NR_NESTED = 2
"""Most hooks that an entry of the tape can run; ours, what the recording machine runs at most."""

NESTED_ARGUMENTS = 3
"""Parameters of pte_young, the only hook that helpers run."""

NR_WRITES = 2
"""Most effects of one entry: retarget() writes the folio's list and the lists' sizes."""

WRITE_TARGETS = tuple(sorted({target for h in HELPERS for target in h.effects.writes}))
"""What effects can write; an entry of the tape names one by 1 + its place here."""

HELPER_NUMBERS = {
    name: number
    for number, name in enumerate([*dict.fromkeys(h.c_name for h in HELPERS), *SCAN_HELPERS.values()])
}
"""How the tape names a helper, by its C name."""

CONTEXT_ARGUMENTS = 4
"""Most parameters of any hook; a program's context is that many words and one for the answer."""

CONTEXT_BYTES = WORD_BYTES * (CONTEXT_ARGUMENTS + 1)

FAULT_OBJECT, FAULT_INDEX, FAULT_LOOP, FAULT_TAPE, FAULT_TAPE_END = range(1, 6)
"""What went wrong: a handle without object, an index outside its array, a loop beyond
`LONGEST_LOOP`, a helper call that is not the tape's next, a call after the tape's end. A verified
policy meets none of the first two: they repeat what is proved."""

LONGEST_LOOP = 1 << 23
"""Rounds of one loop that Linux permits (BPF_MAX_LOOPS, include/linux/bpf.h v6.12)."""


def _numbered(*groups: tuple[str, int]) -> tuple[dict[str, int], int]:
    """Return the first word of each group of words, and how many words there are."""
    places, end = {}, 0
    for name, count in groups:
        places[name] = end
        end += count
    return places, end


CONTROL, CONTROL_WORDS = _numbered(
    ("zero", 1),
    ("fault", 1),
    ("failed", 1),
    ("present", 1),
    ("position", 1),
    ("nr_entries", 1),
    ("call", NR_ARGUMENTS),
    ("nr_nested", 1),
    ("nested", NR_NESTED * NESTED_ARGUMENTS),
)
"""Words of `control`: a 0 that Linux does not know to be one; a FAULT_ number; 1 + the number of a
`fail()`; whether the last optional answer is a value; the tape's next entry and its length; the call
under way; the hooks that it runs."""

ENTRY, ENTRY_WORDS = _numbered(
    ("helper", 1),
    ("answer", 1),
    ("present", 1),
    ("nr_nested", 1),
    ("args", NR_ARGUMENTS),
    ("nested", NR_NESTED * NESTED_ARGUMENTS),
    ("writes", NR_WRITES * 4),
)
"""Words of an entry of the tape; a write is (target, element, number of the list, value)."""

TAPE_ENTRIES = 4096
"""Ours: four times what the longest run of a shipped policy on a recording machine asks."""

OBJECT_ENTRIES = {
    "Folio": 1 << 16,
    "Lruvec": MAX_MEMCGS,
    "Memcg": MAX_MEMCGS,
    "Node": MAX_NODES,
    "ScanControl": 64,
    "BatchResult": 64,
    "Shadow": 64,
}
"""Capacity of each map of objects as exported; a loader may set others (bpf_map__set_max_entries)."""

_STATE_ENTRIES = {**{scope: OBJECT_ENTRIES[name] for scope, name in SCOPE_HANDLE.items()}, Scope.GLOBAL: 1}


@dataclass(frozen=True, slots=True)
class MapLayout:
    """Describe an array map.

    Args:
        name: its name in the object.
        value_bytes: size of a value, a multiple of 8.
        max_entries: capacity as exported.
    """

    name: str
    value_bytes: int
    max_entries: int


def object_map(type_name: str) -> str:
    """Return the name of the map that holds the objects of a kernel type."""
    return KERNEL_TYPES[type_name].c_name.removeprefix("rcl_")


def state_map(scope: Scope) -> str:
    """Return the name of the map that holds a scope's state."""
    return f"{scope.value}_state"


def nr_lists(policy: PolicyIR) -> int:
    """Return the number after the last list of a lruvec."""
    return FIRST_POLICY_LIST + sum(declared.count for declared in policy.lists)


def maps_of(policy: PolicyIR) -> tuple[MapLayout, ...]:
    """Return all maps of a policy's object, `control` left out."""
    objects = [
        MapLayout(object_map(name), _whole_words(_object_bytes(name)), OBJECT_ENTRIES[name])
        for name in KERNEL_TYPES
    ]
    states = [
        MapLayout(state_map(scope), _whole_words(size), _STATE_ENTRIES[scope])
        for scope, size in policy.state_bytes.items()
        if size
    ]
    sizes = MapLayout(LIST_SIZES, WORD_BYTES * nr_lists(policy), OBJECT_ENTRIES["Lruvec"])
    tunables = [MapLayout("tunables", WORD_BYTES * len(policy.tunables), 1)] if policy.tunables else []
    return (*objects, sizes, *states, *tunables, MapLayout("tape", WORD_BYTES * ENTRY_WORDS, TAPE_ENTRIES))


def _object_bytes(type_name: str) -> int:
    return max(slot.offset + slot.nr_bytes for slot in slots(type_name).values())


def _whole_words(nr_bytes: int) -> int:
    return (nr_bytes + WORD_BYTES - 1) // WORD_BYTES * WORD_BYTES
