/*
 * zswap: compressed pages in memory, in front of swap devices.
 *
 * Here: storing, loading, the limit of the pool, and writing pages back to their slots. Not here:
 * packing (zspool.h), slots (swap.h).
 *
 * A page that reclaim swaps out has a slot already; zswap keeps its contents instead of the device,
 * as long as the pool is below rcl_config.zswap_percent of memory and the memcg below its
 * memory.zswap.max. A pool that was full takes nothing until it is at 90 % of that; whoever finds
 * it full wakes a worker that writes the oldest pages, memcg by memcg, to their slots. The memcg
 * pays for what its pages compress to.
 *
 * SIMPLIFIED: memory.zswap.max is compared with exact sizes; effect: none on what is stored, but the kernel folds its
 * counters for each store below such a limit, and then decides on fresher ones elsewhere.
 * SIMPLIFIED: the worker runs to its end at once, on a clock of its own, and needs no page to write
 * from; effect: a full pool turns pages away for a shorter time, and making room takes no room.
 * SIMPLIFIED: one list per memcg, not per memcg and node, and no shrinker (off by default in 6.12);
 * effect: the worker writes pages of all nodes in the order of their age.
 */
#ifndef RCL_ZSWAP_H
#define RCL_ZSWAP_H

#include "machine.h"

/* Set up entries for so many slots, if the configuration wants zswap. */
bool zswap_setup(struct rcl_machine *m, uint64_t nr_slots);
void zswap_teardown(struct rcl_machine *m);

static inline bool zswap_is_enabled(const struct rcl_machine *m)
{
	return m->zswap.entries;
}

static inline bool zswap_has(const struct rcl_machine *m, uint32_t slot)
{
	return m->zswap.entries && m->zswap.entries[slot].nr_bytes;
}

/* Keep a folio that compresses to nr_bytes; false: it has to go to its device. */
bool zswap_store(struct rcl_machine *m, struct lruvec *lruvec, const struct folio *folio, uint32_t nr_bytes);

/* Fill a folio from the pool; one in the swap cache takes the contents over and is dirty then. */
bool zswap_load(struct rcl_machine *m, struct folio *folio, uint32_t slot);

/* Forget what is kept of a slot. */
void zswap_invalidate(struct rcl_machine *m, uint32_t slot);

/* Whether pages of a memcg may go to devices (memory.zswap.writeback, of all ancestors). */
bool zswap_may_write_back(const struct memcg *memcg);

#endif
