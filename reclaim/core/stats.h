/*
 * Counters and stalls.
 *
 * Here: counting and adding up. Not here: the meaning of each counter (reclaim/abi/counters.py).
 * A vmstat counter is kept once, per lruvec; sums over nodes and memcgs are made when asked, so
 * that counting costs one addition.
 */
#ifndef RCL_STATS_H
#define RCL_STATS_H

#include "machine.h"

static inline void count(struct lruvec *lruvec, enum rcl_counter counter, uint64_t nr)
{
	lruvec->stat[counter] += nr;
}

/* Count what the core did for (or in spite of) the policy that governs the lruvec. */
static inline void count_core_did(struct lruvec *lruvec, enum rcl_counter counter, uint64_t nr)
{
	lruvec->stat[counter] += nr;
	lruvec->att->stat[counter] += nr;
}

/* Count by type: `anon_counter` is followed by its file twin in the table. */
static inline void count_typed(struct lruvec *lruvec, enum rcl_counter anon_counter, uint32_t type)
{
	lruvec->stat[anon_counter + type]++;
}

/* Time that passes for whoever is running under the lruvec's lock, however many would want it. */
static inline void spend_locked(struct rcl_machine *m, struct lruvec *lruvec, uint64_t ns)
{
	spend(m, ns);
	lruvec->stat[RCL_LRU_LOCK_NS] += ns;
}

/* The same for all pages of a folio. */
static inline void count_typed_pages(struct lruvec *lruvec, enum rcl_counter anon_counter, const struct folio *folio)
{
	lruvec->stat[anon_counter + folio->pub.type] += folio->pub.nr_pages;
}

/* The running task begins to stall; answers its clock. What it records later says the same kind and pressure. */
uint64_t stall_begin(struct rcl_machine *m, struct task *task, enum rcl_stall_kind kind, bool is_pressure);

/* Record that the running task stalled from start_ns until now. */
void stall_record(struct rcl_machine *m, struct task *task, enum rcl_stall_kind kind, uint64_t start_ns,
		  bool is_pressure);

#endif
