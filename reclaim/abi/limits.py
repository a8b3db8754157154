"""Sizes and limits that both sides of the contract agree on.

Each number says why it is that number; changing one changes the ABI version.
"""

from __future__ import annotations

ABI_VERSION = 1
"""Rises with every change of layout or meaning; part of the key of cached objects."""

PAGE_BYTES = 4096
"""Bytes of a base page, as on x86-64."""

STANDARD_LISTS = (
    "inactive_anon",
    "active_anon",
    "inactive_file",
    "active_file",
    "unevictable",
)
"""Lists that every lruvec has, in the kernel's own order (enum lru_list, mmzone.h v6.12)."""

SWAP_CLUSTER_MAX = 32
"""Pages of a batch of reclaim (include/linux/swap.h v6.12)."""

PAGEVEC_SIZE = 31
"""Most folios that wait in a per-CPU batch until it drains (include/linux/pagevec.h v6.12)."""

MAX_SWAPPINESS = 200
"""Largest swappiness of a machine and of a memcg (include/linux/swap.h v6.12)."""

SWAPPINESS_ANON_ONLY = MAX_SWAPPINESS + 1
"""What `swappiness=max` of memory.reclaim stands for (include/linux/swap.h v6.16)."""

LRU_ARRAY = "lru"
"""The evictable ones of them as an array: `lru[type][active]`, as LRU_FILE and LRU_ACTIVE add up in the kernel."""

LRU_DIMS = (2, 2)
"""ANON and FILE, inactive and active."""

FIRST_STANDARD_LIST = 1
"""List number of `inactive_anon`; 0 stands for no list."""

UNEVICTABLE_LIST = FIRST_STANDARD_LIST + STANDARD_LISTS.index("unevictable")
"""The one list whose pages are no part of what a lruvec holds: reclaim does not come by there."""

FIRST_POLICY_LIST = FIRST_STANDARD_LIST + len(STANDARD_LISTS)
"""Number of the first list that a policy declares itself."""

MAX_LISTS = 192
"""List numbers end below this: they are 8 bits wide in answers, and 64 generations times two
types, the largest thing that must be sayable, fit in with room."""

MAX_BATCH = 4096
"""Most folios that one batch may look at (MAX_LRU_BATCH, mm/vmscan.c v6.12)."""

MAX_TAKE = 512
"""Most folios that one batch may take: a whole PMD's worth."""

MAX_TASKS = 1024
"""Most tasks of one machine."""

MAX_MEMCGS = 4096
"""Most memcgs of one machine: the shadow entry keeps 12 bits of the memcg id."""

MAX_PSI_WINDOW_US = 10_000_000
"""Longest window of a PSI trigger (WINDOW_MAX_US, kernel/sched/psi.c v6.12); 24 bits in an answer."""

MAX_REFERENCED = 0xFFFF
"""Most young mappings that `referenced` answers; the core counts no further, and policies are proved with it."""

MAX_NODES = 16
"""Most NUMA nodes: the shadow entry keeps 4 bits of the node id."""

MAX_DEPTH = 16
"""Deepest memcg tree; bounds every walk over ancestors."""

COOKIE_BITS = 18
"""Bits of a shadow entry that belong to the policy (16 for a sequence number, 2 for a tier)."""

CLOCK_BITS = 24
"""Bits of a shadow entry that hold the eviction clock; distances wrap at 2**24 evictions."""

EPOCH_BITS = 4
"""Bits of a shadow entry that tell which attachment wrote the cookie."""

MAX_MAP_ENTRIES = 1 << 24
"""Largest capacity of one map: one entry per page of 64 GiB."""

MAX_STATE_BYTES = {"folio": 16, "lruvec": 1 << 16, "memcg": 1 << 16, "scan": 256, "global": 1 << 20}
"""Most bytes of declared state per scope; per-folio state is paid for every page."""

ANON = 0
FILE = 1
"""Values of `folio.type`, the kernel's LRU_GEN_ANON and LRU_GEN_FILE."""

MAX_PAGES = 1 << 28
"""Pages of one machine: page frame numbers in page-table entries are 28 bits wide."""

MAX_IR_OPS = 60_000
"""Instructions of one hook after helper functions are inlined; keeps every later stage quick."""
