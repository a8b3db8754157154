/*
 * Throttles: reclaimers that wait, because scanning on would free nothing now.
 *
 * Here: what a pass over a node found dirty or being written, the flags of nodes and memcgs that
 * follow from it, and the waits. Not here: tasks that outrun kswapd (kswapd.h), writers (dirty.h).
 *
 * A batch is reclaimed without a break, on its reclaimer's clock; another whose clock lies between its
 * begin and its end sees its folios isolated, as if each reclaimer had a CPU of its own.
 *
 * SIMPLIFIED: who waits for folios to be put back goes on when enough of them are, in the kernel when the
 * next reclaimer notices; effect: such waits are shorter where few reclaim.
 */
#ifndef RCL_THROTTLE_H
#define RCL_THROTTLE_H

#include "machine.h"

/* The end of a pass over a node (shrink_node()). */
void throttle_after_node(struct rcl_machine *m, struct scan *sc, struct node *node);

/* The end of a direct reclaim's pass over all nodes at one priority (consider_reclaim_throttle()). */
void throttle_after_priority(struct rcl_machine *m, const struct scan *sc, struct node *node, uint64_t nr_scanned);

/* Whether the running task may isolate more of a type, after a wait where others have much of it isolated
 * (too_many_isolated(), shrink_inactive_list()). */
bool throttle_may_isolate(struct rcl_machine *m, const struct scan *sc, struct node *node, uint32_t type);

/* A batch that began at start_ns is over. */
void throttle_note_isolated(struct rcl_machine *m, struct node *node, uint32_t type, uint64_t nr_pages,
			    uint64_t start_ns);

#endif
