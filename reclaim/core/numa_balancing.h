/*
 * NUMA balancing for memory tiers: pages of slow nodes that are used come to the node of who uses them.
 *
 * Here: the fault on a PTE that the scanner marked (do_numa_page()), and the kernel's own answer to whether a page is
 * hot enough, where no policy has one. Not here: the scanner (numa_scan.h), the move (migrate.h).
 *
 * A PTE that was made to fault maps its folio as before: reclaim and page-table walks see its Accessed
 * bit, which nothing sets until the fault; only the write-protection is gone, and follows from folio
 * and VMA.
 *
 * SIMPLIFIED: the mode for tiers (2) only, no grouping of tasks, no choice of home nodes; effect: none on machines whose
 * slow nodes have no CPUs.
 */
#ifndef RCL_NUMA_BALANCING_H
#define RCL_NUMA_BALANCING_H

#include "machine.h"
#include "write_rate.h"

#define NUMA_BALANCING_MEMORY_TIERING 2	/* include/linux/sched/sysctl.h v6.12 */
#define NS_PER_MS 1000000

/* jiffies_to_msecs(jiffies), which all times of NUMA balancing are in. */
static inline uint32_t numa_now_ms(const struct rcl_machine *m)
{
	return (uint32_t)(now_jiffies(m) * (JIFFY_NS / NS_PER_MS));
}

/* Room for the times of the last scan of each page; false without memory. */
bool numa_balancing_setup(struct rcl_machine *m);

/* Resolve a fault on a PTE that was made to fault; the folio may have moved, and is present unless reclaim
 * that was woken took it already. */
void numa_balancing_fault(struct rcl_machine *m, struct task *task, uint32_t vpn);

#endif
