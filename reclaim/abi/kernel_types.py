"""Kernel objects a policy can hold a handle to, with the fields it may read.

The order of the fields is their order in memory: `layout` computes offsets from it and the C
header is generated from it, so the native code of a policy and the core cannot disagree.
"""

from __future__ import annotations

from reclaim.abi.kinds import Field, KernelType
from reclaim.abi.limits import MAX_NODES, MAX_PAGES, MAX_SWAPPINESS, SWAPPINESS_ANON_ONLY


def _pages(name: str, doc: str, part_of: str = "") -> Field:
    """Build a field that counts pages of the machine."""
    return Field(name, "u64", doc, unit="pages", min=0, max=MAX_PAGES, part_of=part_of)


FOLIO = KernelType(
    "Folio",
    "rcl_folio",
    "A unit of memory that reclaim moves as a whole.",
    (
        Field("pfn", "u32", "First page frame number.", max=MAX_PAGES - 1),
        Field("is_referenced", "bool", "PG_referenced.", writable=True, bit=0),
        Field("is_active", "bool", "PG_active; a rise counts as pgactivate.", writable=True, bit=1),
        Field("is_workingset", "bool", "PG_workingset.", writable=True, bit=2),
        Field("is_dirty", "bool", "Its contents are newer than the backing store.", bit=3),
        Field("is_writeback", "bool", "It is being written.", bit=4),
        Field(
            "is_executable",
            "bool",
            "Is it a file's, and was it young in an executable mapping when referenced() last looked.",
            bit=5,
        ),
        Field("is_swap_backed", "bool", "Reclaiming it needs swap.", bit=6),
        Field("is_mapped", "bool", "Some page table maps it.", bit=7),
        Field(
            "in_fault",
            "bool",
            "It was added by a page fault, readahead in it included, not by read or write.",
            bit=8,
        ),
        Field("is_isolated", "bool", "It is out of its list: in a batch of reclaim.", bit=9),
        Field("order", "u8", "Its size is 2**order pages.", max=9),
        Field("type", "u8", "ANON or FILE.", max=1),
        Field("nid", "u8", "Node that holds it.", max=MAX_NODES - 1),
        Field(
            "list",
            "List | None",
            "The list that it is on, or that it was isolated from; None while it is being added, and where it comes from another policy.",
        ),
        Field("nr_pages", "u16", "Size.", unit="pages", min=1, max=512),
        Field("key", "u64", "Identity of its contents: stable over eviction and refault."),
        Field("memcg", "Memcg", "The memcg that it is charged to."),
    ),
    "struct folio, include/linux/mm_types.h",
)

LRUVEC = KernelType(
    "Lruvec",
    "rcl_lruvec",
    "The lists of one memcg on one node.",
    (
        Field("id", "u32", "Dense number, also of its state.", max=(1 << 16) - 1),
        Field("nid", "u8", "Its node's number.", max=MAX_NODES - 1),
        _pages("nr_pages", "Evictable pages on its lists, of both types."),
        _pages("nr_anon_pages", "Anonymous pages on its lists.", part_of="nr_pages"),
        _pages("nr_file_pages", "File pages on its lists.", part_of="nr_pages"),
        Field(
            "clock", "u64", "The kernel's nonresident_age: evictions and activations so far.", unit="pages"
        ),
        Field("memcg", "Memcg", "Its memcg."),
        Field("node", "Node", "Its node."),
        Field("parent", "Lruvec | None", "The parent memcg's lruvec on the same node."),
        Field("is_at_tail", "bool", "Was its latest rotation on the ring of memcgs one to the tail."),
    ),
    "struct lruvec, include/linux/mmzone.h",
)

MEMCG = KernelType(
    "Memcg",
    "rcl_memcg",
    "A memory control group.",
    (
        Field("id", "u32", "Dense number, stable while it lives.", max=4095),
        Field("swappiness", "u32", "0 file only to 200 anon first.", max=MAX_SWAPPINESS),
        _pages("usage", "Charged pages, descendants included."),
        _pages("max", "memory.max."),
        _pages("high", "memory.high."),
        _pages("low", "memory.low."),
        _pages("min", "memory.min."),
        _pages("effective_low", "Protection by low that holds in the current reclaim."),
        _pages("effective_min", "Protection by min that holds in the current reclaim."),
        _pages("swap_usage", "Pages in swap."),
        _pages("swap_max", "memory.swap.max."),
        Field("is_online", "bool", "Was it not removed yet."),
        Field("parent", "Memcg | None", "The parent, None for the root."),
    ),
    "struct mem_cgroup, include/linux/memcontrol.h",
)

NODE = KernelType(
    "Node",
    "rcl_node",
    "A NUMA node.",
    (
        Field("nid", "u8", "Its number.", max=MAX_NODES - 1),
        Field("tier", "u8", "Memory tier; 0 is the fastest.", max=15),
        _pages("nr_pages", "Managed pages."),
        _pages("nr_free_pages", "Free pages."),
        _pages("min_wmark", "Watermark below which allocations reclaim directly."),
        _pages("low_wmark", "Watermark below which kswapd wakes."),
        _pages("high_wmark", "Watermark at which kswapd sleeps."),
        _pages("promo_wmark", "The same with NUMA balancing, so that there is room for promotions."),
        Field(
            "is_promotion_target",
            "bool",
            "Does NUMA balancing promote, so that kswapd sleeps at promo_wmark.",
        ),
    ),
    "struct pglist_data, include/linux/mmzone.h",
)

SCAN_CONTROL = KernelType(
    "ScanControl",
    "rcl_scan_control",
    "What one reclaim wants, may do and has done so far.",
    (
        _pages("nr_to_reclaim", "How many pages should be freed."),
        Field("nr_scanned", "u64", "How many pages were looked at for reclaim so far.", unit="pages"),
        Field("nr_reclaimed", "u64", "How many pages were freed so far.", unit="pages"),
        Field("nr_freed", "u64", "Of those, how many in this pass over the lruvec.", unit="pages"),
        Field(
            "priority",
            "u8",
            "12 looks at 1/4096 of the lists, 0 at all of them; can be lowered, the reclaim goes on from there.",
            max=12,
            writable=True,
        ),
        Field(
            "swappiness",
            "u8",
            "Of the memcg being scanned, or what memory.reclaim gave: 0 to 200, or SWAPPINESS_ANON_ONLY.",
            max=SWAPPINESS_ANON_ONLY,
        ),
        Field("origin", "Origin", "Who asked."),
        Field(
            "may_swap",
            "bool",
            "Can anonymous pages go: swap is permitted and has free slots, or this node can demote.",
        ),
        Field("may_demote", "bool", "Can pages of this node go to a slower tier."),
        Field("may_writepage", "bool", "May dirty pages be written."),
        Field("may_unmap", "bool", "May mapped pages go."),
        Field("force_deactivate", "bool", "A ladder without progress now deactivates regardless."),
        Field("skipped_deactivate", "bool", "Was deactivation withheld somewhere.", writable=True),
        Field("can_age_anon", "bool", "Is there any swap, be it full."),
        Field("low_reclaim", "bool", "A ladder without progress now ignores memory.low."),
        Field("low_skipped", "bool", "Did memory.low hold something back.", writable=True),
        Field(
            "cache_trim_mode", "bool", "Does the policy take clean cache only in this round.", writable=True
        ),
        Field("no_cache_trim_mode", "bool", "A kswapd cycle of trimming freed nothing and is repeated."),
        Field("is_retry", "bool", "Are folios that folio_putback answered RETRY for tried again now."),
        Field("target", "Memcg | None", "The memcg whose limit is meant, None for the whole node."),
        Field("is_root_reclaim", "bool", "Is the whole tree meant, be it by a target that is the root."),
        Field("slot", "u32", "Dense number, also of its state.", max=63),
    ),
    "struct scan_control, mm/vmscan.c",
)

BATCH_RESULT = KernelType(
    "BatchResult",
    "rcl_batch_result",
    "What became of a batch.",
    (
        Field("kind", "BatchKind", "What was done."),
        Field("list", "List | None", "The list that was asked for."),
        _pages("nr_scanned", "Pages looked at."),
        _pages("nr_taken", "Pages isolated."),
        _pages("nr_skipped", "Pages passed over: not reclaimable now, or SKIP."),
        _pages("nr_moved", "Pages that isolate_folio moved."),
        _pages("nr_reclaimed", "Pages freed or demoted."),
        _pages("nr_demoted", "Of those, pages that moved to a slower tier."),
        _pages("nr_activated", "Pages that became active."),
        _pages("nr_rotated", "Pages kept because they were in use."),
        _pages("nr_dirty", "File pages that were dirty or being written."),
        _pages("nr_io", "Pages whose reclaim started a write."),
        _pages("nr_unqueued_dirty", "Of nr_dirty, those that nobody was writing."),
        _pages("nr_congested", "Of nr_dirty, those being written that reclaim had met before."),
        _pages("nr_writeback", "Pages that were being written."),
        _pages("nr_immediate", "The same, where kswapd met nothing else before: kswapd waits for them."),
    ),
    "struct reclaim_stat, include/linux/vmstat.h",
)

SHADOW = KernelType(
    "Shadow",
    "rcl_shadow",
    "What is left of an evicted folio.",
    (
        Field(
            "distance",
            "u64",
            "Clock ticks of the evicting lruvec since the eviction.",
            unit="pages",
            max=(1 << 24) - 1,
        ),
        Field(
            "cookie", "u32", "What folio_evicted of the same attachment answered, else 0.", max=(1 << 18) - 1
        ),
        Field("is_own", "bool", "Was the cookie written by this attachment."),
        Field("is_workingset", "bool", "Was the folio part of the working set."),
        Field("is_same_lruvec", "bool", "Was it evicted from the lruvec that it comes back to."),
        Field("lruvec", "Lruvec | None", "The lruvec whose clock stamped it, None once its memcg is gone."),
    ),
    "pack_shadow(), mm/workingset.c",
)

KERNEL_TYPES: dict[str, KernelType] = {
    t.name: t for t in (FOLIO, LRUVEC, MEMCG, NODE, SCAN_CONTROL, BATCH_RESULT, SHADOW)
}

LIST_FIELDS: dict[str, Field] = {
    f.name: f
    for f in (
        _pages("nr_pages", "Pages whose folios claim to be on the list.", part_of="nr_pages"),
        Field("head", "Place", "The young end."),
        Field("tail", "Place", "The old end, where batches start."),
    )
}
"""Fields of the handle type List: `nr_pages` is loaded from the hook's lruvec, the ends are answers."""
