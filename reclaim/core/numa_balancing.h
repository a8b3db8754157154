/*
 * NUMA balancing for memory tiers: pages of slow nodes that are used come to the node of who uses them.
 *
 * Here: the scanner that makes PTEs of slow memory fault (task_numa_work()), the fault (do_numa_page()),
 * and the kernel's own answer to whether a page is hot enough, where no policy has one. Not here: the
 * move (migrate.h).
 *
 * A PTE that was made to fault maps its folio as before: reclaim and page-table walks see its Accessed
 * bit, which nothing sets until the fault; only the write-protection is gone, and follows from folio
 * and VMA.
 *
 * SIMPLIFIED: the mode for tiers (2) only, one scanner per task, no grouping of tasks, no choice of home
 * nodes, and no skipping of VMAs that the task did not touch lately; effect: programs with large areas
 * that they no longer touch are scanned a little more here.
 * SIMPLIFIED: a task's virtual time counts, the kernel also asks for as much time on the CPU; effect:
 * tasks that wait a lot are scanned more often here.
 */
#ifndef RCL_NUMA_BALANCING_H
#define RCL_NUMA_BALANCING_H

#include "machine.h"

#define NUMA_BALANCING_MEMORY_TIERING 2	/* include/linux/sched/sysctl.h v6.12 */
#define NEVER_NS UINT64_MAX

/* Room for the times of the last scan of each page; false without memory. */
bool numa_balancing_setup(struct rcl_machine *m);

/* When a task is scanned first, on its own clock. */
uint64_t numa_balancing_first_scan_ns(const struct rcl_machine *m);

/* Scan a piece of a task's mappings, and say when to go on (task_numa_work()). */
void numa_balancing_scan(struct rcl_machine *m, struct task *task);

/* Resolve a fault on a PTE that was made to fault; the folio may have moved, and is present unless reclaim
 * that was woken took it already. */
void numa_balancing_fault(struct rcl_machine *m, struct task *task, uint32_t vpn);

/* Whether the kernel would promote a folio that faulted latency_ms after it was marked
 * (should_numa_migrate_memory()). */
bool numa_balancing_is_hot(struct rcl_machine *m, struct folio *folio, struct node *target, uint64_t latency_ms);

#endif
