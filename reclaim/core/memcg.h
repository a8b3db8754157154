/*
 * The memcg tree: charges, limits, protection.
 *
 * Here: who is charged for a page, and what min and low protect. Not here: reclaim, and what
 * memory.high does (high.h).
 */
#ifndef RCL_MEMCG_H
#define RCL_MEMCG_H

#include "machine.h"

/* Create the root; the configuration's swappiness becomes its own. */
int memcg_setup(struct rcl_machine *m);
void memcg_teardown(struct rcl_machine *m);

/* Charge pages that the task's stock has not: refill, reclaim, or give up (false). */
bool memcg_charge_slow(struct rcl_machine *m, struct task *task, uint32_t nr_pages);

/* Charge pages to the task's memcg and all ancestors, with reclaim; false: killed or interrupted. */
static inline bool memcg_charge(struct rcl_machine *m, struct task *task, uint32_t nr_pages)
{
	if (RCL_UNLIKELY(task->stock_pages < nr_pages))
		return memcg_charge_slow(m, task, nr_pages);
	task->stock_pages -= nr_pages;
	return true;
}

/*
 * A processor is passed on: what was charged in advance stays on it, for the next task if that is of the same memcg,
 * else until the next one charges in advance (struct memcg_stock_pcp).
 */
void memcg_pass_stock(struct rcl_machine *m, struct task *from, struct task *to);

/* Charge several pages if that needs no reclaim; else false, and nothing changed. */
bool memcg_try_charge(struct rcl_machine *m, struct task *task, uint32_t nr_pages);

static inline void memcg_uncharge(struct memcg *memcg, uint64_t nr_pages)
{
	struct rcl_memcg *pub = &memcg->pub;

	do {
		pub->usage -= nr_pages;
		pub = pub->parent;
	} while (pub);
}

/* Count an entry of memory.events, which parents show as well. */
static inline void memcg_count_event(struct memcg *memcg, enum rcl_counter event)
{
	memcg->lruvecs[0].stat[event]++;
}

/* Give back what a task charged in advance (drain_stock()), or all tasks below `memcg` (drain_all_stock()). */
void memcg_drain_stock(struct task *task);
void memcg_drain_stocks(struct rcl_machine *m, struct memcg *memcg);

static inline bool memcg_is_below(const struct memcg *memcg, const struct memcg *ancestor)
{
	return memcg->order - ancestor->order < ancestor->nr_subtree;
}

/* Compute effective_min and effective_low of `memcg` for a reclaim that starts at `root`; the
 * walk calls it for parents before children (mem_cgroup_calculate_protection()). */
void memcg_calculate_protection(struct memcg *root, struct memcg *memcg);

#endif
