"""Levels: how many pages are in some state right now, under the kernel's names.

Here: the one table of levels. A level is no counter: it falls as well as it rises, and has no history. `rcl_levels()`
computes all of them from the folios themselves, for every lruvec at once, so none of them can drift. To add one, write
an entry here and the line that adds to it in `reclaim/core/levels.c`.

The order is that of `memory.stat`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Level:
    """Describe a level; all count pages.

    Args:
        name: in the core and in series; the kernel's enumerator in small letters where there is one.
        memory_stat: line of `memory.stat`, None where the file has none.
        vmstat: line of `/proc/vmstat` and of a node's `vmstat`, None where they have none.
        doc: what counts.
        source: the kernel's enumerator.
    """

    name: str
    memory_stat: str | None
    vmstat: str | None
    doc: str
    source: str


LEVELS: tuple[Level, ...] = (
    Level("nr_anon_mapped", "anon", "nr_anon_pages", "Anonymous pages that a PTE maps.", "NR_ANON_MAPPED"),
    Level(
        "nr_file_pages",
        "file",
        "nr_file_pages",
        "Pages of the page cache; `vmstat` adds the swap cache, as the kernel does.",
        "NR_FILE_PAGES",
    ),
    Level("memcg_kmem", "kernel", None, "Kernel memory that memcgs pay for.", "MEMCG_KMEM"),
    Level(
        "nr_pagetable", "pagetables", "nr_page_table_pages", "Page tables and directories.", "NR_PAGETABLE"
    ),
    Level("memcg_zswap", "zswap", None, "Compressed pages of zswap, in whole pages.", "MEMCG_ZSWAP_B"),
    Level("memcg_zswapped", "zswapped", None, "Pages that zswap keeps compressed.", "MEMCG_ZSWAPPED"),
    Level("nr_file_mapped", "file_mapped", "nr_mapped", "File pages that some PTE maps.", "NR_FILE_MAPPED"),
    Level("nr_file_dirty", "file_dirty", "nr_dirty", "File pages to be written.", "NR_FILE_DIRTY"),
    Level("nr_writeback", "file_writeback", "nr_writeback", "Pages that are being written.", "NR_WRITEBACK"),
    Level(
        "nr_swapcache",
        "swapcached",
        "nr_swapcached",
        "Anonymous pages whose contents a swap slot holds too.",
        "NR_SWAPCACHE",
    ),
    Level(
        "nr_anon_thps",
        "anon_thp",
        "nr_anon_transparent_hugepages",
        "Pages of anonymous folios of a whole PMD; `vmstat` counts the folios.",
        "NR_ANON_THPS",
    ),
    Level(
        "nr_inactive_anon",
        "inactive_anon",
        "nr_inactive_anon",
        "Anonymous pages that claim inactive lists.",
        "NR_INACTIVE_ANON",
    ),
    Level(
        "nr_active_anon",
        "active_anon",
        "nr_active_anon",
        "Anonymous pages that claim active lists.",
        "NR_ACTIVE_ANON",
    ),
    Level(
        "nr_inactive_file",
        "inactive_file",
        "nr_inactive_file",
        "File pages that claim inactive lists.",
        "NR_INACTIVE_FILE",
    ),
    Level(
        "nr_active_file",
        "active_file",
        "nr_active_file",
        "File pages that claim active lists.",
        "NR_ACTIVE_FILE",
    ),
    Level(
        "nr_unevictable", "unevictable", "nr_unevictable", "Pages that cannot be reclaimed.", "NR_UNEVICTABLE"
    ),
    Level(
        "nr_slab_reclaimable",
        "slab_reclaimable",
        None,
        "Objects of the trees behind the page cache, in whole pages.",
        "NR_SLAB_RECLAIMABLE_B",
    ),
    Level("nr_zspages", None, "nr_zspages", "Pages that hold compressed pages.", "NR_ZSPAGES"),
    Level(
        "nr_isolated_anon",
        None,
        "nr_isolated_anon",
        "Anonymous pages in the hands of reclaim.",
        "NR_ISOLATED_ANON",
    ),
    Level(
        "nr_isolated_file",
        None,
        "nr_isolated_file",
        "File pages in the hands of reclaim.",
        "NR_ISOLATED_FILE",
    ),
)
