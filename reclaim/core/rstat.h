/*
 * Statistics with descendants: sizes of the kernel's lists, activations, and what is dirty, over a subtree of memcgs.
 *
 * Here: sums, and how fresh they are. Not here: the exact local sizes (list_pages, lists.h) and
 * the vmstat counters, which are summed when asked (stats.h).
 *
 * The mechanism is the kernel's (kernel/cgroup/rstat.c v6.12): a change marks the lruvec as
 * updated, no more; a reader that wants fresh numbers flushes, which carries what has changed on
 * the marked lruvecs up to all their ancestors. So a list operation costs one test, and a read
 * costs what happened since the last one, however many memcgs there are.
 *
 * How fresh: by default a read flushes first, so that sums are exact. With stat_flush_ns set, a
 * flusher does it once per period and reads do not, as since 6.12 in the kernel: there a read by
 * reclaim flushes only if the flusher is a period late (mem_cgroup_flush_stats_ratelimited()). The
 * kernel's own flusher has a period of 2 s; a program that reads memory.stat is one with a shorter.
 *
 * SIMPLIFIED: a program's read of memory.stat flushes however few updates wait, the kernel's only
 * more than 64 per CPU; effect: up to 1.3 % of the misses of files beside anonymous memory under the
 * traditional LRU, where memory.stat is read once in some 17 misses, none where it is read less often.
 */
#ifndef RCL_RSTAT_H
#define RCL_RSTAT_H

#include "machine.h"

/* Set up the flusher, where there is one. */
int rstat_setup(struct rcl_machine *m);

/* Something changed: the flusher has something to do at the end of the period, however short that is. */
void rstat_arm_flusher(struct rcl_machine *m);

/* Must be called after each change of a kernel list's size, of an activation counter, and, for the lruvec of node 0, of
 * what is dirty. */
static inline void rstat_updated(struct lruvec *lruvec)
{
	struct rcl_machine *m;

	if (RCL_LIKELY(lruvec->rstat_is_pending))
		return;
	m = memcg_of(lruvec->pub.memcg)->m;
	lruvec->rstat_is_pending = true;
	lruvec->rstat_next = m->rstat_pending;
	m->rstat_pending = lruvec;
	if (RCL_UNLIKELY(m->stat_flusher))
		rstat_arm_flusher(m);
}

/* Pages that claim one of the kernel's lists, descendants included (lruvec_page_state()). */
uint64_t rstat_list_pages(struct rcl_machine *m, const struct lruvec *lruvec, uint32_t list);

/* WORKINGSET_ACTIVATE_ANON or _FILE, descendants included. */
uint64_t rstat_activations(struct rcl_machine *m, const struct lruvec *lruvec, uint32_t type);

/* NR_FILE_DIRTY or NR_WRITEBACK, over all nodes, descendants included (memcg_page_state()). */
uint64_t rstat_memcg_pages(struct rcl_machine *m, const struct memcg *memcg, enum rstat_item item);

/* A lruvec's own value of an item. */
static inline uint64_t rstat_own_value(const struct lruvec *lruvec, uint32_t item)
{
	const struct memcg *memcg = memcg_of(lruvec->pub.memcg);

	if (item < RSTAT_ACTIVATE_ANON)
		return lruvec->pub.list_pages[RCL_STANDARD_LIST_INACTIVE_ANON + item];
	if (item < RSTAT_FILE_DIRTY)
		return lruvec->stat[RCL_WORKINGSET_ACTIVATE_ANON + item - RSTAT_ACTIVATE_ANON];
	if (lruvec->pub.nid)
		return 0;
	return item == RSTAT_FILE_DIRTY ? memcg->nr_dirty : memcg->nr_writeback;
}

#endif
