"""What a policy may ask of the core, and the integer functions of the language.

Costs are worst cases in IR operations, measured against the C bodies to the nearest power of ten
of their work, never below it: the budget proof relies on them. That of `referenced` is for one mapping, and
how many a folio has is the machine's affair; what each further one adds is stated beside the worst case, and the
virtual time that a hook may charge bounds it. Virtual time is charged by the bodies themselves, from the machine's cost table.
"""

from __future__ import annotations

from reclaim.abi.kinds import U64_MAX, Effects, Helper, Param
from reclaim.abi.limits import MAX_NODES, MAX_PAGES, MAX_REFERENCED, PAGEVEC_SIZE

_KEY = Param("key", "u64", "Key.")
_PURE = Effects(pure=True)
_MAP = Effects(writes_maps=True)
_LOOK_UP = Effects(repeats=True)
_FOUND = Effects(repeats=True, proves_entry="found")
_TAKEN = Effects(writes_maps=True, proves_entry="found")
_KEPT = Effects(writes_maps=True, proves_entry="kept")
_HASH_COST = 40
"""One probe sequence of an open-addressing table that is at most half full."""


def _map(kind: str, name: str, doc: str, params: tuple[Param, ...], result: str, effects: Effects) -> Helper:
    """Build the entry of a map method; all are one probe sequence long."""
    return Helper(
        name, f"{kind}_{name}", doc, "map", params, result, _HASH_COST, method_of=kind, effects=effects
    )


def _keeping(kind: str, name: str, what: str, params: tuple[Param, ...]) -> Helper:
    """Build the entry of a method that puts something into a map; one that drops the oldest always has room."""
    least = 1 if kind.startswith("lru") else None
    answers = "answers True, for there is always room" if least else "answers False if there is no room"
    doc = f"{what}; {answers}."
    return Helper(
        name,
        f"{kind}_{name}",
        doc,
        "map",
        params,
        "bool",
        _HASH_COST,
        method_of=kind,
        min=least,
        effects=_KEPT,
    )


_INTEGER = (
    Helper(
        "isqrt",
        "isqrt",
        "Integer square root, rounded down.",
        "integer",
        (Param("x", "u64", "Radicand."),),
        "u64",
        80,
        max=2**32 - 1,
        effects=_PURE,
    ),
    Helper(
        "ilog2",
        "ilog2",
        "Position of the highest set bit.",
        "integer",
        (Param("x", "u64", "At least 1.", min=1),),
        "u64",
        2,
        max=63,
        effects=_PURE,
    ),
    Helper(
        "mul_div",
        "mul_div",
        "a * b // c with a 128-bit product; U64_MAX when the quotient does not fit.",
        "integer",
        (Param("a", "u64", "Factor."), Param("b", "u64", "Factor."), Param("c", "u64", "At least 1.", min=1)),
        "u64",
        80,
        effects=_PURE,
    ),
)

_FOLIO = (
    Helper(
        "referenced",
        "folio_referenced",
        "Count the mappings with a young PTE, clearing the Accessed bits; mms outside the reclaim's target do not count.",
        "rmap",
        (
            Param(
                "look_around",
                "u64",
                "How many PTEs around each mapping to test as well, 0 for none; pte_young runs for each young neighbour.",
                min=0,
                max=64,
                default=0,
                keyword=True,
            ),
            Param(
                "filter",
                "bloom_filter | None",
                "Collects the page tables that the look-around found dense with young PTEs.",
                default=0,
                keyword=True,
            ),
            Param(
                "density",
                "u64",
                "Dense: young * density >= PTEs looked at, the mapping itself included.",
                min=1,
                max=512,
                default=8,
                keyword=True,
            ),
        ),
        "u64",
        600,
        cost_per=("look_around", 4),
        each_mapping=True,
        method_of="Folio",
        max=MAX_REFERENCED,
        effects=Effects(
            writes=("Folio.is_executable",),
            writes_maps=True,
            runs=("pte_young",),
            runs_each=2,  # once as it is found, and once as the batch drains in which its place waits
            runs_besides=PAGEVEC_SIZE - 1,  # for what waited in it before
        ),
        source="folio_referenced(), mm/rmap.c",
    ),
    Helper(
        "retarget",
        "folio_retarget",
        "Change the list that the folio claims, and both lists' sizes, without moving it; the lists are sorted later. Nothing happens to an isolated folio.",
        "retarget",
        (Param("list", "List", "The list it now belongs to."),),
        "None",
        12,
        method_of="Folio",
        effects=Effects(writes=("Folio.list", "List.*")),
        source="lru_gen_update_size(), mm/vmscan.c",
    ),
    Helper(
        "move",
        "folio_move",
        "Move the current folio of a scan to a list and end.",
        "bulk",
        (Param("place", "Place", "Where it goes."),),
        "None",
        20,
        method_of="Folio",
        implicit=("lruvec",),
        effects=Effects(writes=("Folio.list", "List.*"), moves="folio"),
        source="list_move()",
    ),
)

_LIST = (
    Helper(
        "is_empty",
        "list_is_empty",
        "Tell whether no folio is physically on the list, whatever list the folios claim.",
        "list",
        (),
        "bool",
        4,
        method_of="List",
        implicit=("lruvec",),
        source="list_empty()",
    ),
    Helper(
        "set_active",
        "list_set_active",
        "Say whether the list counts as active in memory.stat and vmstat; until then only the kernel's own active lists do. Nothing else follows from it.",
        "list",
        (Param("active", "bool", "Whether it does."),),
        "None",
        4,
        method_of="List",
        implicit=("lruvec",),
        source="lru_gen_is_active(), include/linux/mm_inline.h",
    ),
    Helper(
        "splice",
        "list_splice",
        "Move up to `limit` folios to a place, one after the other from the tail of this list: at a head they keep their order, at a tail they are turned round; answers how many pages moved.",
        "bulk",
        (
            Param("place", "Place", "Where they go."),
            Param("limit", "u64", "Most folios.", min=1, max=1 << 22, keyword=True),
        ),
        "u64",
        20,
        cost_per=("limit", 12),
        method_of="List",
        implicit=("lruvec",),
        max=MAX_PAGES,
        effects=Effects(writes=("Folio.list", "List.*")),
        source="inc_min_seq(), mm/vmscan.c",
    ),
)

_WALK = (
    Helper(
        "walk_page_tables",
        "walk_page_tables",
        "Visit page tables of the lruvec's memcg, clear Accessed bits and run pte_young for each young PTE of a folio of this lruvec.",
        "walk",
        (
            Param(
                "filter_in",
                "bloom_filter | None",
                "Visit only the page tables that are in it; None visits all, and so do the first walk of a task and a filter that no walk made yet.",
                default=0,
                keyword=True,
            ),
            Param(
                "filter_out",
                "bloom_filter | None",
                "Collects the page tables that were dense with young PTEs; emptied when a walk begins.",
                default=0,
                keyword=True,
            ),
            Param(
                "young_tables",
                "bool",
                "Visit only tables through which somebody went since the last such walk; not in the first walk of a task.",
                default=0,
                keyword=True,
            ),
            Param(
                "anon",
                "bool",
                "Whether anonymous folios count; False where they cannot go.",
                default=1,
                keyword=True,
            ),
            Param(
                "file",
                "bool",
                "Whether file folios count; False where anonymous ones alone are wanted.",
                default=1,
                keyword=True,
            ),
            Param(
                "density",
                "u64",
                "Dense: young * density >= PTEs visited.",
                min=1,
                max=512,
                default=8,
                keyword=True,
            ),
            Param("max_ptes", "u64", "Most PTEs to visit in this call.", min=1, max=1 << 23, keyword=True),
        ),
        "Walk",
        2_000,
        cost_per=("max_ptes", 6),
        implicit=("lruvec",),
        effects=Effects(writes_maps=True, runs=("pte_young",)),
        source="walk_mm(), mm/vmscan.c",
    ),
)

_MAPS = (
    Helper(
        "get",
        "array_map_get",
        "Read a value.",
        "map",
        (Param("index", "u64", "Below max_entries."),),
        "u64",
        4,
        method_of="array_map",
        effects=_LOOK_UP,
    ),
    Helper(
        "set",
        "array_map_set",
        "Write a value.",
        "map",
        (Param("index", "u64", "Below max_entries."), Param("value", "u64", "New value.")),
        "None",
        4,
        method_of="array_map",
        effects=_MAP,
    ),
    *(
        helper
        for kind in ("hash_map", "lru_hash")
        for helper in (
            _map(
                kind,
                "get",
                "Read the value of a key; None if it is not there.",
                (_KEY,),
                "u64 | None",
                Effects(writes_maps=kind == "lru_hash", repeats=True, proves_entry="found"),
            ),
            _keeping(kind, "put", "Write the value of a key", (_KEY, Param("value", "u64", "New value."))),
            _map(kind, "remove", "Forget a key; answers whether it was there.", (_KEY,), "bool", _TAKEN),
        )
    ),
    *(
        helper
        for kind in ("hash_set", "lru_set")
        for helper in (
            _keeping(kind, "add", "Add a key", (_KEY,)),
            _map(kind, "discard", "Forget a key; answers whether it was there.", (_KEY,), "bool", _TAKEN),
            _map(kind, "contains", "Tell whether a key is there.", (_KEY,), "bool", _FOUND),
        )
    ),
    *(
        Helper(
            "size",
            f"{kind}_size",
            "Count the entries.",
            "map",
            (),
            "u64",
            4,
            method_of=kind,
            max=1 << 24,
            effects=_LOOK_UP,
        )
        for kind in ("hash_map", "lru_hash", "hash_set", "lru_set")
    ),
    _map("bloom_filter", "add", "Add a key.", (_KEY,), "None", _MAP),
    _map("bloom_filter", "contains", "Tell whether a key may have been added.", (_KEY,), "bool", _LOOK_UP),
    Helper(
        "clear",
        "bloom_filter_clear",
        "Forget all keys.",
        "bulk",
        (),
        "None",
        40_000,
        method_of="bloom_filter",
        effects=_MAP,
    ),
)

_MACHINE = (
    Helper(
        "emit",
        "emit",
        "Tell user space: a policy_event in the trace with these numbers, where that event is being recorded.",
        "event",
        (
            Param("id", "u64", "Which event; the policy's own numbering."),
            Param("a", "u64", "A number.", default=0),
            Param("b", "u64", "Another.", default=0),
        ),
        "None",
        20,
        source="ours, as bpf_ringbuf_output()",
    ),
    Helper("now", "now", "Virtual time in nanoseconds.", "time", (), "u64", 2, source="ktime_get()"),
    Helper(
        "random",
        "random",
        "Next number of the machine's seeded generator.",
        "integer",
        (),
        "u64",
        10,
        max=U64_MAX,
    ),
    Helper(
        "swap_free_pages",
        "swap_free_pages",
        "Free swap that the lruvec's memcg may use.",
        "memcg",
        (),
        "u64",
        40,
        implicit=("lruvec",),
        max=MAX_PAGES,
        source="mem_cgroup_get_nr_swap_pages()",
    ),
    Helper(
        "swap_free_pages",
        "lruvec_swap_free_pages",
        "Free swap that this lruvec's memcg may use.",
        "memcg",
        (),
        "u64",
        40,
        method_of="Lruvec",
        max=MAX_PAGES,
        source="mem_cgroup_get_nr_swap_pages()",
    ),
    Helper(
        "page_state",
        "lruvec_page_state",
        "Pages that claim the kernel's list, on this lruvec and on those of all descendants on its node, as fresh as the machine's statistics (`stat_flush`); of a list of the policy's own, on this lruvec alone.",
        "memcg",
        (Param("list", "List", "The list."),),
        "u64",
        20,
        method_of="Lruvec",
        max=MAX_PAGES,
        source="lruvec_page_state(), include/linux/memcontrol.h",
    ),
    Helper(
        "page_state",
        "node_page_state",
        "Pages of the node that claim the list, in all memcgs, exact whatever `stat_flush` says; of a list of the policy's own, where it governs.",
        "memcg",
        (Param("list", "List", "The list."),),
        "u64",
        1000,
        method_of="Node",
        max=MAX_PAGES,
        source="node_page_state(), include/linux/vmstat.h",
    ),
    Helper(
        "apply_proportional_protection",
        "memcg_apply_proportional_protection",
        "So many of the pages of a list as memory.min and memory.low leave to reclaim: all without protection, else the part of the usage that lies above it, and a batch at least. Sets low_skipped where memory.low held something back.",
        "memcg",
        (Param("nr_pages", "u64", "Size of the list.", min=0, max=MAX_PAGES),),
        "u64",
        20,
        method_of="Memcg",
        max=MAX_PAGES,
        effects=Effects(writes=("ScanControl.low_skipped",)),
        source="get_scan_count(), mm/vmscan.c; the name is 7.x's",
    ),
    Helper(
        "workingset_activations",
        "lruvec_workingset_activations",
        "Pages of a type that note_refault() counted as activated so far, on this lruvec and on those of all descendants on its node; as fresh as page_state().",
        "memcg",
        (Param("type", "u64", "ANON or FILE.", min=0, max=1),),
        "u64",
        20,
        method_of="Lruvec",
        source="lruvec_page_state(WORKINGSET_ACTIVATE_BASE), mm/vmscan.c",
    ),
    Helper(
        "note_refault",
        "note_refault",
        "Count a refault of the folio; `restored` counts it as restored too.",
        "workingset",
        (
            Param("activated", "bool", "Counts as workingset_activate."),
            Param("restored", "bool", "Counts as workingset_restore."),
        ),
        "None",
        60,
        method_of="Folio",
        source="workingset_refault()",
    ),
)

_NODES = (
    Helper(
        "node_at",
        "node_at",
        "The node of a number; None where there is none.",
        "node",
        (Param("nid", "u64", "Its number.", min=0, max=MAX_NODES - 1),),
        "Node | None",
        2,
        source="NODE_DATA()",
    ),
    Helper(
        "node_distance",
        "node_distance",
        "Distance from one node to another, 10 to itself; 0 where one of them does not exist.",
        "node",
        (
            Param("start", "u64", "A node's number.", min=0, max=MAX_NODES - 1),
            Param("end", "u64", "A node's number.", min=0, max=MAX_NODES - 1),
        ),
        "u64",
        4,
        max=255,
        source="node_distance(), SLIT",
    ),
)

HELPERS: tuple[Helper, ...] = (*_INTEGER, *_FOLIO, *_LIST, *_WALK, *_MAPS, *_MACHINE, *_NODES)


def helper(name: str, method_of: str | None = None) -> Helper | None:
    """Find a helper by the name that the language uses.

    Args:
        name: function or method name.
        method_of: receiver type of a method, None for a function.

    Returns:
        The entry, None where there is none.
    """
    return next((h for h in HELPERS if h.name == name and h.method_of == method_of), None)


SCAN_HELPERS = {
    "tail": "list_tail",
    "head": "list_head",
    "younger": "folio_younger",
    "older": "folio_older",
}
"""C names behind `for folio in list.scan(...)`: the first folio from either end, and its successor.
They take (lruvec, list) and (folio), answer a folio or None, and cannot be called by name."""

SCAN_COST = 6
"""Worst case of one of them in IR operations."""
