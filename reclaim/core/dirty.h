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

/* Whether more than the background limit is dirty, of a memcg or (NULL) of the machine. */
bool dirty_is_over_background(struct rcl_machine *m, struct memcg *memcg);

/* The slow path of the next function. */
void dirty_balance(struct rcl_machine *m, struct task *task, const struct file *file);

/* The running task wrote to a page of a file (balance_dirty_pages_ratelimited()): may sleep. */
static inline void dirty_note_write(struct rcl_machine *m, struct task *task, const struct file *file)
{
	if (RCL_UNLIKELY(task->nr_dirtied >= task->nr_dirtied_pause))
		dirty_balance(m, task, file);
}

#endif
