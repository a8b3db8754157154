/*
 * memory.high: reclaim and waiting for those who go above it, and memory.swap.high: waiting.
 *
 * Here: what happens to a task that charged above either. Not here: the charge (memcg.c).
 */
#ifndef RCL_HIGH_H
#define RCL_HIGH_H

#include "machine.h"

/* The task has charged nr_pages; remember it for its way out of the kernel if some memcg is above memory.high or
 * memory.swap.high. Who may wait does so at once where much has been charged. */
void high_note_charge(struct rcl_machine *m, struct task *task, uint32_t nr_pages, bool may_wait);

/* Its way out: reclaim, then wait (mem_cgroup_handle_over_high()); only where it holds nothing. */
void high_handle(struct rcl_machine *m, struct task *task);

/* memory.high was written: reclaim down to it (memory_high_write()). */
void high_enforce(struct rcl_machine *m, struct memcg *memcg);

#endif
