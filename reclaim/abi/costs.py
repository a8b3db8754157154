"""What each action costs in virtual time, and where the number is from.

Absolute values matter less than their ratios: they decide how a policy that scans more and reads less compares. "Ours"
means measured on one x86-64 server core of 2024, rounded to the next round number; whoever has other hardware sets other
numbers. Every mechanism charges by these names; none holds a number of its own.
"""

from __future__ import annotations

from reclaim.abi.kinds import Cost

COSTS: dict[str, Cost] = {
    c.name: c
    for c in (
        Cost(
            "minor_fault_ns",
            500,
            "A fault that needs no I/O, reclaim excluded.",
            "ours: touching a fresh page of a mapped tmpfs file, 0.4-0.6 us",
        ),
        Cost(
            "major_fault_ns",
            1500,
            "The same for one that does, the device's time excluded.",
            "ours: context switch and block layer entry around the device's time",
        ),
        Cost(
            "buffered_ns",
            400,
            "A read or write call for one page: entry, look-up, copy.",
            "ours: pread() of 4 KiB from the page cache",
        ),
        Cost(
            "clear_page_ns",
            100,
            "Clearing each further page of a large folio.",
            "ours: clearing 2 MiB at about 40 GB/s",
        ),
        Cost("copy_page_ns", 200, "Copying one page (copy on write).", "ours: 4 KiB at about 20 GB/s"),
        Cost(
            "hook_ns",
            5,
            "One indirect call of a policy's hook inside reclaim.",
            "ours: an indirect call with mitigations; 2.0 ns measured without",
        ),
        Cost(
            "map_ns",
            30,
            "One look-up or update of a policy's hash map.",
            "ours: one line from L3, as a BPF hash map look-up",
        ),
        Cost(
            "rmap_pte_ns",
            100,
            "Visiting one PTE through rmap: a random access.",
            "one access to DRAM plus the rmap lock's share",
        ),
        Cost(
            "walk_pte_ns",
            3,
            "Visiting one PTE of a page table in order.",
            "ours: sequential PTEs, eight to a line",
        ),
        Cost(
            "walk_table_ns",
            150,
            "Entering one page table (512 PTEs): lock, filter test.",
            "DRAM access for the table, PTE lock, filter test",
        ),
        Cost(
            "unmap_pte_ns",
            200,
            "Unmapping one PTE, its share of the TLB flush included.",
            "rmap step and a batched TLB flush's share",
        ),
        Cost(
            "list_move_ns",
            20,
            "Moving a folio between lists under the lruvec lock.",
            "two dirty lines in L2 or L3 under the lock",
        ),
        Cost(
            "isolate_ns",
            30,
            "Looking at one folio of a list under the lruvec lock.",
            "the folio's line from L3 or DRAM",
        ),
        Cost(
            "retarget_ns",
            10,
            "Changing the claimed list without the lock: an atomic.",
            "one atomic update of the flags",
        ),
        Cost(
            "free_page_ns",
            100,
            "Freeing a page: removal from its mapping, uncharge.",
            "xarray store, uncharge, free list",
        ),
        Cost(
            "alloc_page_ns",
            150,
            "Allocating and charging one page.",
            "per-CPU free list, clearing excluded, charge from the stock",
        ),
        Cost(
            "shrink_slab_ns",
            0,
            "Asking other caches of a memcg to shrink, after each pass over one of its lruvecs.",
            "no other caches are modelled; shrink_slab() of a kernel that was just booted takes 11,000 instructions",
        ),
        Cost("zram_compress_ns", 4000, "One page into zram.", "lzo-rle, 4 KiB at about 1 GB/s"),
        Cost(
            "same_filled_ns",
            150,
            "Finding, or filling, a page that repeats one word.",
            "4 KiB at about 27 GB/s, from L2",
        ),
        Cost("zram_decompress_ns", 1500, "One page out of zram.", "lzo-rle, 4 KiB at about 2.7 GB/s"),
        Cost(
            "around_pte_ns",
            50,
            "Mapping one more page in a fault (fault-around).",
            "a reference, a PTE and a map count: three lines in L2 or L3",
        ),
        Cost(
            "ssd_page_ns",
            1300,
            "Each further page of one request to an SSD.",
            "4 KiB at 3.2 GB/s, four lanes of PCIe 3",
        ),
        Cost(
            "swap_submit_ns",
            1000,
            "Finding a slot for a page and handing it to a device of swap.",
            "ours: add_to_swap() and swap_writepage() took 3,300 instructions in the recorded guest, at three a nanosecond",
        ),
        Cost(
            "ssd_copy_ns",
            0,
            "The processor's copy of a page for an SSD that cannot fetch it itself.",
            "DMA; not so for SSDs that are emulated in memory",
        ),
        Cost(
            "ssd_compress_ns",
            0,
            "Compressing a page that is written to an SSD which is a disk of compressed memory, besides its copy.",
            "only zram does; 4,700 instructions more than for reading in the recorded guest",
        ),
        Cost(
            "disk_page_ns",
            27_000,
            "Each further page of one request to a rotating disk.",
            "4 KiB at 150 MB/s off the platter",
        ),
        Cost(
            "ssd_read_ns", 80_000, "Reading one page from an SSD.", "NVMe flash, 4 KiB random read at depth 1"
        ),
        Cost("ssd_write_ns", 20_000, "Writing one page to an SSD.", "the same into its write cache"),
        Cost(
            "disk_read_ns",
            8_000_000,
            "Reading one page from a rotating disk.",
            "7200 rpm: seek and half a turn",
        ),
        Cost("disk_write_ns", 8_000_000, "Writing one page to a rotating disk.", "the same"),
        Cost(
            "far_access_ns",
            100,
            "What an access to memory at distance 20 takes beyond one at distance 10.",
            "SLIT counts relative latency, 10 is local (ACPI 6.5, 5.2.17), and DRAM answers in about 100 ns",
        ),
    )
}
