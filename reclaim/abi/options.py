"""What about a machine can be chosen: each option with its default, its range and where the numbers come from.

Here: the one table of options that are a number or a switch; the core's defaults and checks, `Machine(...)`, scenario
files, `--machine` and the reference page come from it. Not here: nodes, memcgs, swap devices and costs, which have
descriptions of their own. To add one, write an entry here and a member of `struct rcl_config` (rcl.h).

Defaults are the kernel's where the model has what they are about; where not every trace is a program's (readahead) or
a device costs something (zswap), the default is to be without, and the entry says what the kernel has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from reclaim.abi.limits import MAX_SWAPPINESS, PAGE_BYTES, PAGEVEC_SIZE

_MOST_NUMA = 1 << 20
_NUMA_SOURCE = (
    "sysctl_numa_balancing_*, kernel/sched/fair.c v6.12; largest value ours: twelve days, or a terabyte"
)


@dataclass(frozen=True, slots=True)
class Option:
    """Describe an option of the machine.

    Args:
        name: in Python, in scenarios and on the command line.
        default: what holds where nobody says anything; switches are 0 or 1.
        least: smallest value.
        most: largest value.
        doc: what it decides.
        source: of the default, and of the range where it is not obvious.
        unit: of the number; "" for a plain count.
        member: of `struct rcl_config`; "" for the name itself.
        kind: a number, a switch, or a set of numbers from `least` to `most`, which the core has as bits.
    """

    name: str
    default: int
    least: int
    most: int
    doc: str
    source: str
    unit: str = ""
    member: str = ""
    kind: Literal["number", "switch", "set"] = "number"

    @property
    def c_name(self) -> str:
        """Return the member of `struct rcl_config`."""
        return self.member or self.name

    def core_value(self, value: int | Sequence[int]) -> int:
        """Return a value as the core has it."""
        return int(value) if isinstance(value, int) else sum(1 << number for number in set(value))


def _flag(name: str, doc: str, source: str, *, default: bool) -> Option:
    return Option(name, int(default), 0, 1, doc, source, kind="switch")


_BATCHES = (
    Option(
        "add_batch",
        PAGEVEC_SIZE,
        1,
        PAGEVEC_SIZE,
        "Folios in a per-CPU LRU-add batch before it drains; 1 for none.",
        "PAGEVEC_SIZE, include/linux/pagevec.h v6.12",
        "folios",
        "add_batch_folios",
    ),
    Option(
        "charge_batch",
        64,
        1,
        64,
        "Pages charged at once into the per-CPU stock; 1 for none.",
        "MEMCG_CHARGE_BATCH, include/linux/memcontrol.h v6.12",
        "pages",
        "charge_batch_pages",
    ),
    Option(
        "reclaim_batch",
        32,
        1,
        512,
        "Least that direct reclaim wants, and below 32 also the most that one batch takes; 1 for a textbook cache.",
        "SWAP_CLUSTER_MAX, include/linux/swap.h v6.12",
        "pages",
        "reclaim_batch_pages",
    ),
)

_RECLAIM = (
    Option(
        "swappiness",
        60,
        0,
        MAX_SWAPPINESS,
        "Of memcgs that name none: 0 takes file pages only, 200 anonymous ones.",
        "vm_swappiness, mm/vmscan.c v6.12",
    ),
    _flag("kswapd", "Whether nodes reclaim in the background.", "the kernel", default=True),
    Option(
        "watermark_scale_factor",
        10,
        1,
        3000,
        "Distance of the watermarks, in 1/10,000 of the node.",
        "mm/page_alloc.c and kernel/sysctl.c v6.12",
    ),
    Option(
        "watermark_boost_factor",
        15_000,
        0,
        1_000_000,
        "Most that a boost raises, in 1/10,000 of the high watermark; 0 for never.",
        "mm/page_alloc.c v6.12; largest value ours: a hundred times the high watermark",
    ),
    _flag(
        "forced_release",
        "Whether the core takes folios from list tails itself before it kills for lack of memory; off in the kernel.",
        "ours: docs/decisions/0015",
        default=True,
    ),
    _flag(
        "reparent_offline",
        "Whether what a removed memcg had in memory goes to its parent at once; else it stays the removed one's until it is reclaimed.",
        "6.12; on in kernels that eliminate dying memcgs, 7.x",
        default=False,
    ),
    _flag(
        "charge_kmem",
        "Whether memcgs pay for page tables, for the trees of the page cache, and for buffer heads of what is written, and the tree behind the swap cache takes pages of the nodes.",
        "the kernel",
        default=True,
    ),
    _flag(
        "repeat_reads",
        "Whether repeated reads of one page through one file count each; the kernel counts them once.",
        "filemap_read(), mm/filemap.c v6.12",
        default=False,
    ),
    Option(
        "stat_flush_ns",
        0,
        0,
        (1 << 40) - 1,
        "How often statistics with descendants are folded that policies decide on; 0 keeps them exact, the kernel's flusher "
        "runs every 2 s.",
        "FLUSH_TIME, mm/memcontrol.c v6.12",
        "ns",
    ),
)

_PCP = (
    Option(
        "pcp_high",
        0,
        0,
        1 << 20,
        "Free pages that a node's per-CPU list may hold, which no watermark sees; 0: there is no list.",
        "ours: pages are counted as free at once; zone_highsize(), mm/page_alloc.c v6.12, has at least four batches",
        "pages",
    ),
    Option(
        "pcp_batch",
        63,
        1,
        1 << 16,
        "Pages that go to and from it at once.",
        "zone_batchsize() of a node of 1 GiB or more, mm/page_alloc.c v6.12",
        "pages",
    ),
)

_ANON = (
    Option(
        "thp_orders",
        0,
        2,
        9,
        "Sizes of the folios that anonymous faults may take, as powers of two of pages, from 2 (16 KiB) to 9 (2 MiB, mapped "
        "by one entry where it can be); none by default, Debian's kernel has 9.",
        "THP_ORDERS_ALL_ANON, include/linux/huge_mm.h v6.12",
        kind="set",
    ),
)

_FILES = (
    Option(
        "file_folio_order",
        0,
        0,
        9,
        "Largest folio that readahead makes of a file, as a power of two of pages; 0 as with ext4, 9 as with xfs. Above 0 "
        "files have no buffer heads.",
        "mapping_max_folio_order(), include/linux/pagemap.h v6.12",
    ),
    Option(
        "read_ahead_kb",
        0,
        0,
        1 << 16,
        "Largest readahead window of files; 0 for none, 128 in the kernel.",
        "VM_READAHEAD_PAGES, include/linux/mm.h v6.12; largest value ours: 64 MiB are beyond use",
        "KiB",
    ),
    Option(
        "fault_around_bytes",
        PAGE_BYTES,
        PAGE_BYTES,
        512 * PAGE_BYTES,
        "What a read fault maps of a file, a power of two; 4096 for the page itself, 65536 in the kernel.",
        "fault_around_pages, mm/memory.c v6.12",
        "bytes",
    ),
    _flag(
        "writeback",
        "Whether a flusher writes dirty pages of files and writers are slowed down; without it reclaim writes them "
        "itself and waits.",
        "the kernel",
        default=True,
    ),
    Option(
        "dirty_ratio",
        20,
        0,
        100,
        "Most that may be dirty before writers wait, of what can be.",
        "vm_dirty_ratio, mm/page-writeback.c v6.12",
        "%",
    ),
    Option(
        "dirty_background_ratio",
        10,
        0,
        100,
        "From where on the flusher writes.",
        "dirty_background_ratio, mm/page-writeback.c v6.12",
        "%",
    ),
    Option(
        "ssd_channels",
        32,
        1,
        64,
        "Requests that an SSD works on at once.",
        "ours: about where NVMe drives reach their full random read rate",
    ),
    _flag(
        "partial_reads",
        "Whether a read through a descriptor ends inside its page; else with it, so that a read of the page after the next one follows on it too.",
        "ra->prev_pos, filemap_read(), mm/filemap.c v6.12; off, programs read whole pages",
        default=False,
    ),
    _flag(
        "ssd_in_memory",
        "Whether SSDs are disks of memory: whoever asks for a page copies it, and the request is done when that is.",
        "zram_submit_bio(), drivers/block/zram/zram_drv.c v6.12, and brd; off, they are devices of their own",
        default=False,
    ),
    Option(
        "nr_inodes",
        0,
        0,
        1 << 31,
        "Inodes in use: so many pages more than are dirty may the flusher write when reclaim asks it for all.",
        "get_nr_dirty_pages(), fs/fs-writeback.c v6.12; as many as a machine's programs have open, 0 for none but the trace's files",
    ),
    Option(
        "max_request_pages",
        128,
        1,
        1024,
        "Most pages in a row that one request to a device writes.",
        "BLK_MAX_SEGMENTS, linux/blkdev.h v6.12: of pages that lie apart in memory",
        "pages",
    ),
)

_SWAP = (
    Option(
        "page_cluster",
        3,
        0,
        5,
        "Swap that is no zram reads up to 2**n pages at once; 0 for none.",
        "swap_setup(), mm/swap.c, and SWAP_RA_ORDER_CEILING, mm/swap_state.c v6.12",
    ),
    Option(
        "zswap_percent",
        0,
        0,
        90,
        "Of memory, that zswap may take in front of swap; 0 for no zswap, 20 in the kernel.",
        "zswap_max_pool_percent, mm/zswap.c v6.12",
        "%",
    ),
    Option(
        "zswap_accept_percent",
        90,
        0,
        100,
        "Of that, where a pool that was full accepts pages again.",
        "zswap_accept_thr_percent, mm/zswap.c v6.12",
        "%",
    ),
    _flag(
        "pool_takes_pages",
        "Whether what zram stores takes pages of the nodes, as it does.",
        "zs_malloc(), mm/zsmalloc.c v6.12",
        default=True,
    ),
    Option(
        "compressed_bytes",
        1400,
        32,
        PAGE_BYTES // 2,
        "What a page compresses to on average.",
        "ours, measured: docs/decisions/0018",
        "bytes",
    ),
    Option(
        "compressed_spread_permille",
        1000,
        0,
        1000,
        "How far sizes spread around it, in thousandths: 1000 from nothing to twice that, 0 for all alike.",
        "ours, measured: docs/decisions/0018",
    ),
    Option(
        "incompressible_permille",
        50,
        0,
        1000,
        "Pages in a thousand that do not compress.",
        "ours, measured: docs/decisions/0018",
    ),
    Option(
        "same_filled_permille",
        0,
        0,
        1000,
        "Pages in a thousand that repeat one word and take nothing.",
        "ours: what a trace does not tell is not assumed",
    ),
)

_TIERS = (
    _flag(
        "demotion",
        "Whether reclaim moves pages to slower tiers before it frees any; off until numa/demotion_enabled is set.",
        "numa_demotion_enabled, mm/memory-tiers.c v6.12",
        default=False,
    ),
    Option(
        "numa_balancing",
        0,
        0,
        2,
        "2 lets pages of slow tiers that are used come to the node of who uses them, 0 does not; mode 1 of the "
        "kernel's sysctl is not modelled.",
        "kernel.numa_balancing, kernel/sched/core.c v6.12",
    ),
    Option(
        "numa_scan_delay_ms",
        1000,
        0,
        _MOST_NUMA,
        "Time before a task's pages are first marked.",
        _NUMA_SOURCE,
        "ms",
    ),
    Option(
        "numa_scan_period_min_ms",
        1000,
        1,
        _MOST_NUMA,
        "Least time from one marking to the next.",
        _NUMA_SOURCE,
        "ms",
    ),
    Option(
        "numa_scan_period_max_ms",
        60_000,
        1,
        _MOST_NUMA,
        "Most time, where little comes of it.",
        _NUMA_SOURCE,
        "ms",
    ),
    Option("numa_scan_size_mb", 256, 1, _MOST_NUMA, "Memory marked at once.", _NUMA_SOURCE, "MB"),
    Option(
        "numa_hot_threshold_ms",
        1000,
        1,
        _MOST_NUMA,
        "A page is hot if it is used within so long of its mark.",
        _NUMA_SOURCE,
        "ms",
    ),
    Option(
        "numa_promote_rate_limit_mbps",
        65_536,
        0,
        _MOST_NUMA,
        "Most that may be promoted to a node.",
        _NUMA_SOURCE,
        "MB/s",
    ),
)

_TASKS = (
    Option(
        "slice_ns",
        3_000_000,
        1,
        (1 << 40) - 1,
        "How far a task may run ahead of the others.",
        "sysctl_sched_base_slice of a small machine, kernel/sched/fair.c v6.12",
        "ns",
    ),
    Option(
        "switch_ns",
        4_000_000,
        0,
        (1 << 64) - 1,
        "How often a task is switched out and in again, after which page-table walks come to it again; 0 for always.",
        "ours: a tick at HZ = 250; no CPU runs one task alone for much longer",
        "ns",
    ),
)

OPTIONS: dict[str, Option] = {
    option.name: option for option in (*_BATCHES, *_RECLAIM, *_PCP, *_ANON, *_FILES, *_SWAP, *_TIERS, *_TASKS)
}
"""Every option by its name, in the order of the reference page."""
