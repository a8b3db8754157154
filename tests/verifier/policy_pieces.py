"""What random policies declare, and how it is named where they use it."""

from __future__ import annotations

HEADER = '"""A random policy."""\n\nWIDTH = 8'

DECLARATIONS = """
queue = folio_list()
gens = folio_list(3, 2)
seen = hash_map(key=u64, value=u64, max_entries=64, scope=lruvec)
ghosts = lru_hash(key=u64, value=u32, max_entries=32, scope=memcg)
marks = hash_set(key=u64, max_entries=16, scope=machine)
recent = lru_set(key=u64, max_entries=16, scope=lruvec, count=2)
dense = bloom_filter(key=u64, bits=256, scope=lruvec, count=2)
ages = array_map(value=u64, max_entries=WIDTH, scope=lruvec)
weight = tunable(u32, default=10, min=1, max=90, unit="%", doc="a weight")
shift = tunable(s16, default=-1, min=-9, max=40, doc="an offset")
eager = tunable(bool, default=True, doc="a switch")
"""
"""One per line; those whose names a policy uses are in it."""

CLASSES = """
class Use(FolioState):
    gen: u8 = field(0, max=3)
    uses: u8
    bias: s16 = field(0, min=-50, max=50)
    is_old: bool


class Bucket(Struct):
    hits: u32
    sums: s64[2]


class Work(LruvecState):
    nr: u64[8]
    table: u16[4][3]
    at: u64
    small: u8 = field(0, max=9)
    drift: s64
    is_late: bool
    buckets: Bucket[3]


class Group(MemcgState):
    share: u32 = field(1, min=1, max=100)


class Round(ScanState):
    nr_batches: u32
    lean: s32 = field(0, min=-4, max=4)


class Whole(GlobalState):
    total: u64
    last: s32
"""
FUNCTIONS = """
def nudge(x: u64, folio_gen: u64) -> u64:
    if folio_gen > 2:
        return min(x, 5)
    return x & 3


def is_plain(lruvec: Lruvec) -> bool:
    if lruvec.at >= 8:
        return False
    return not lruvec.is_late


def note(lruvec: Lruvec, slot: u8, by: u64) -> None:
    lruvec.nr[slot % WIDTH] += by
    Whole.last = saturate(Whole.last - 1, s32)


def summed(lruvec: Lruvec, limit: u64) -> u64:
    total = 0
    for i in range(min(limit, WIDTH)):
        if lruvec.nr[i] > limit:
            return total
        total += lruvec.nr[i]
    return total


def lean_of(shadow: Shadow | None, by: s64) -> s64:
    return by if shadow is None else by - s64(shadow.distance)


def youngest(folio: Folio) -> List:
    return gens[2][folio.type]
"""
"""Like the declarations, classes and functions are there if something of them is used."""

PLAIN_HOOKS = {
    "pte_young": """@hook
def pte_young(folio: Folio) -> None:
    folio.uses = saturate(folio.uses + 200, u8)
    folio.gen = (folio.gen + 1) % 4
    folio.is_active = not folio.is_active
""",
    "folio_added": """@hook
def folio_added(folio: Folio) -> Place:
    return queue.head
""",
}
"""Hooks that every policy has, where they are not random themselves."""

PLAIN_NEXT_BATCH = """@hook
def next_batch(sc: ScanControl) -> Batch:
    if sc.priority == 0:
        return queue.batch(1)
    return gens[sc.nr_scanned % 3][sc.nr_freed & 1].batch(1)
"""
"""Drains the lists of a policy that fills them."""

NUMBERS = (0, 1, 2, 3, 4, 7, 8, 9, 15, 63, 64, 255, 256, 1000, 65535, 1 << 31, 1 << 32, (1 << 63) - 1)

STATE_NUMBERS = {
    "Folio": ("gen", "uses"),
    "Lruvec": ("at", "small", "nr[{8}]", "table[{4}][{3}]", "buckets[{3}].hits"),
    "Memcg": ("share",),
    "ScanControl": ("nr_batches",),
}
"""Unsigned state by handle; {n} is an index below n."""

STATE_SIGNED = {"Folio": ("bias",), "Lruvec": ("drift", "buckets[{3}].sums[{2}]"), "ScanControl": ("lean",)}
STATE_FLAGS = {"Folio": ("is_old",), "Lruvec": ("is_late",)}

RANGES = {"gen": (0, 3), "uses": (0, 255), "small": (0, 9), "share": (1, 100), "nr_batches": (0, 2**32 - 1)}
SIGNED_RANGES = {"bias": (-50, 50), "lean": (-4, 4)}
WIDE = ("at", "nr[{8}]")
"""Fields into which everything fits."""

KEYED = {
    "seen": "hash_map",
    "ghosts": "lru_hash",
    "marks": "hash_set",
    "recent[{2}]": "lru_set",
    "dense[{2}]": "bloom_filter",
}
STANDARD_LISTS = ("inactive_anon", "active_anon", "inactive_file", "active_file")
HEAVY = ("clear", "walk_page_tables")
"""Helpers that fit into the budget of `age` alone."""
