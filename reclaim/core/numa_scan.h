/*
 * NUMA balancing's scanner: which PTEs of slow memory are made to fault, and how often.
 *
 * Here: the tick that starts it, the piece of a task's mappings that it marks, the period between two pieces. Not
 * here: the fault on a mark, and what it decides (numa_balancing.h).
 *
 * A task is scanned when it has run for a period since it was scanned last, and a period has gone by as well: so one
 * that sleeps a lot is scanned less often. A period begins with 1000 ms, or less where the task is large, and doubles
 * with every round in which pages came to the fast node. For the kernel slows down where faults are neither local nor
 * shared, and with tiers they never are: the page was on the slow node, and where the kernel would keep who used it
 * last it has the time of the mark. It forgets the part of the next period that has gone by then, so that the first
 * scan after it takes two.
 *
 * A mapping that the task did not touch since the last two scans is left out every other round.
 *
 * SIMPLIFIED: one scanner per task, the threads of a program share one; effect: none for recorded programs, whose
 * threads are one task.
 */
#ifndef RCL_NUMA_SCAN_H
#define RCL_NUMA_SCAN_H

#include "machine.h"

/* A task is new (init_numa_balancing()). */
void numa_scan_init(const struct rcl_machine *m, struct task *task);

/* The task's clock has reached numa.next_scan_ns: scan a piece where it is time for one (task_tick_numa()). */
void numa_scan_tick(struct rcl_machine *m, struct task *task);

/* The task met a mark (vma_set_access_pid_bit()). */
void numa_scan_note_fault(struct task *task, uint32_t vpn);

/* Pages came to the fast node (task_numa_fault()). */
void numa_scan_note_promoted(struct rcl_machine *m, struct task *task);

#endif
