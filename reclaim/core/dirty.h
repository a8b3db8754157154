/*
 * Dirty limits: how much may be dirty, and slowing down who makes more so.
 *
 * Here: the limits of the machine and of memcgs, and the pauses of writers. Not here: writing
 * (writeback.h).
 */
#ifndef RCL_DIRTY_H
#define RCL_DIRTY_H

#include "machine.h"

#define DIRTY_FIRST_POLL 32		/* 128 KiB: nr_dirtied_pause of a new task, kernel/fork.c v6.12 */

#define DIRTY_EXCEEDED_POLL 8		/* where a limit is exceeded: balance_dirty_pages_ratelimited_flags(), 32 KiB */

/* Whether more than a background limit is dirty, the machine's or that of a memcg which has dirty pages. */
bool dirty_is_over_background(struct rcl_machine *m);

/* How much of one file the flusher writes in a turn, at most nr_pages or 1,024 (writeback_chunk_size()). */
uint32_t dirty_chunk_pages(struct rcl_machine *m, const struct device *device, uint64_t nr_pages);

/* The slow path of the next function. */
void dirty_balance(struct rcl_machine *m, struct task *task, const struct file *file);

/* The running task wrote to a page of a file (balance_dirty_pages_ratelimited()): may sleep. */
static inline void dirty_note_write(struct rcl_machine *m, struct task *task, const struct file *file)
{
	if (RCL_UNLIKELY(task->nr_dirtied >= task->nr_dirtied_pause ||
			 (m->flusher.is_exceeded && task->nr_dirtied >= DIRTY_EXCEEDED_POLL)))
		dirty_balance(m, task, file);
}

#endif
