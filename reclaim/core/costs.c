/*
 * The cost table: what each action costs in virtual nanoseconds, and where the number is from.
 *
 * Here: defaults. Not here: charging, which every mechanism does itself. Absolute values matter
 * less than their ratios: they decide how a policy that scans more and reads less compares.
 * "Ours" means measured on one x86-64 server core of 2024, rounded to the next round number; a
 * user with other hardware sets other numbers.
 */
#include "machine.h"

static const struct rcl_costs default_costs = {
	.minor_fault_ns = 500,		/* ours: touching a fresh page of a mapped tmpfs file, 0.4-0.6 us */
	.major_fault_ns = 1500,		/* ours: context switch and block layer entry around the device's time */
	.buffered_ns = 400,		/* ours: pread() of 4 KiB from the page cache */
	.copy_page_ns = 200,		/* ours: 4 KiB at about 20 GB/s */
	.hook_ns = 5,			/* ours: an indirect call with mitigations; 2.0 ns measured without */
	.map_ns = 30,			/* ours: one line from L3, as a BPF hash map look-up */
	.rmap_pte_ns = 100,		/* one access to DRAM plus the rmap lock's share */
	.walk_pte_ns = 3,		/* ours: sequential PTEs, eight to a line */
	.walk_table_ns = 150,		/* DRAM access for the table, PTE lock, filter test */
	.unmap_pte_ns = 200,		/* rmap step and a batched TLB flush's share */
	.list_move_ns = 20,		/* two dirty lines in L2 or L3 under the lruvec lock */
	.isolate_ns = 30,		/* the folio's line from L3 or DRAM */
	.retarget_ns = 10,		/* one atomic update of the flags */
	.free_page_ns = 100,		/* xarray store, uncharge, free list */
	.alloc_page_ns = 150,		/* per-CPU free list, clearing excluded, charge from the stock */
	.zram_compress_ns = 4000,	/* lzo-rle, 4 KiB at about 1 GB/s */
	.zram_decompress_ns = 1500,	/* lzo-rle, 4 KiB at about 2.7 GB/s */
	.ssd_read_ns = 80000,		/* NVMe flash, 4 KiB random read at depth 1 */
	.ssd_write_ns = 20000,		/* the same into its write cache */
	.disk_read_ns = 8000000,	/* 7200 rpm: seek and half a turn */
	.disk_write_ns = 8000000,	/* the same */
};

void rcl_config_init(struct rcl_config *config)
{
	*config = (struct rcl_config){
		.seed = 1,
		.costs = default_costs,
		.swappiness = 60,		/* vm_swappiness, mm/vmscan.c v6.12 */
		.add_batch_folios = 31,		/* PAGEVEC_SIZE, include/linux/pagevec.h v6.12 */
		.charge_batch_pages = 64,	/* MEMCG_CHARGE_BATCH, include/linux/memcontrol.h v6.12 */
		.reclaim_batch_pages = 32,	/* SWAP_CLUSTER_MAX, include/linux/swap.h v6.12 */
		.watermark_scale_factor = 10,	/* mm/page_alloc.c v6.12 */
		.slice_ns = 3000000,		/* sysctl_sched_base_slice of a small machine, kernel/sched/fair.c */
		.kswapd = 1,
		.charge_kmem = 1,
		.forced_release = 1,
	};
}
