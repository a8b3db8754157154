/*
 * The defaults of a machine.
 *
 * Here: what rcl_config_init() fills in. Not here: what actions cost, which is declared with its
 * sources in reclaim/abi/costs.py.
 */
#include "machine.h"

void rcl_config_init(struct rcl_config *config)
{
	*config = (struct rcl_config){
		.seed = 1,
		.costs = RCL_DEFAULT_COSTS,
		.swappiness = 60,		/* vm_swappiness, mm/vmscan.c v6.12 */
		.add_batch_folios = 31,		/* PAGEVEC_SIZE, include/linux/pagevec.h v6.12 */
		.charge_batch_pages = 64,	/* MEMCG_CHARGE_BATCH, include/linux/memcontrol.h v6.12 */
		.reclaim_batch_pages = 32,	/* SWAP_CLUSTER_MAX, include/linux/swap.h v6.12 */
		.watermark_scale_factor = 10,	/* mm/page_alloc.c v6.12 */
		.watermark_boost_factor = 15000,	/* mm/page_alloc.c v6.12 */
		.slice_ns = 3000000,		/* sysctl_sched_base_slice of a small machine, kernel/sched/fair.c */
		.switch_ns = 4000000,		/* ours: a tick at HZ = 250; no CPU runs one task alone for much longer */
		.ssd_channels = 32,		/* ours: about where NVMe drives reach their full random read rate */
		.dirty_ratio = 20,		/* vm_dirty_ratio, mm/page-writeback.c v6.12 */
		.dirty_background_ratio = 10,	/* dirty_background_ratio, the same */
		.writeback = 1,
		.kswapd = 1,
		.numa_scan_delay_ms = 1000,	/* sysctl_numa_balancing_*, kernel/sched/fair.c v6.12, all six */
		.numa_scan_period_min_ms = 1000,
		.numa_scan_period_max_ms = 60000,
		.numa_scan_size_mb = 256,
		.numa_hot_threshold_ms = 1000,
		.numa_promote_rate_limit_mbps = 65536,
		.charge_kmem = 1,
		.zswap_accept_percent = 90,	/* zswap_accept_thr_percent, mm/zswap.c v6.12 */
		.pool_takes_pages = 1,
		.compressed_bytes = 1400,	/* ours, measured: docs/decisions/0018 */
		.incompressible_permille = 50,	/* the same */
		.page_cluster = 3,		/* swap_setup(), mm/swap.c v6.12 */
		.fault_around_bytes = RCL_PAGE_BYTES,
		.forced_release = 1,
	};
}
