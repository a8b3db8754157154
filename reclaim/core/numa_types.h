/*
 * What NUMA balancing's scanner keeps of each task and of each VMA; numa_scan.c works on it.
 */
#ifndef RCL_NUMA_TYPES_H
#define RCL_NUMA_TYPES_H

#include <stdbool.h>
#include <stdint.h>

/* Of a VMA (struct vma_numab_state); rounds and jiffies. */
struct vma_numab {
	uint64_t due_jiffies;		/* next_scan */
	uint64_t reset_jiffies;		/* pids_active_reset */
	uint32_t start_seq;		/* start_scan_seq */
	uint32_t scanned_seq;		/* prev_scan_seq */
	bool is_known;
	bool is_used;			/* the task met a mark since the last reset (pids_active[1]) */
	bool was_used;			/* or before that (pids_active[0]) */
};

/* Of a task, and its mm. */
struct numa_scanner {
	uint64_t next_scan_ns;		/* the tick at which its PTEs of slow memory may be marked next */
	uint64_t due_jiffies;		/* before which they are not (mm->numa_next_scan) */
	uint64_t stamp_ns;		/* of the time that it has run: a period after which they are (node_stamp) */
	uint64_t retry_jiffies;		/* after which promotions look at the period again (numa_migrate_retry) */
	uint32_t offset;		/* where the scanner goes on */
	uint32_t period_ms;
	uint32_t seq;			/* rounds of the scanner */
	uint32_t seen_seq;		/* as of which the period is */
	bool has_faults;		/* pages of it were promoted */
	bool has_home;			/* and a round has seen that (numa_preferred_nid) */
};

#endif
