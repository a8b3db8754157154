/*
 * Throttles: reclaimers that wait, because scanning on would free nothing now.
 *
 * Here: what a pass over a node found dirty or being written, the flags of nodes and memcgs that
 * follow from it, and the waits. Not here: tasks that outrun kswapd (kswapd.h), writers (dirty.h).
 *
 * SIMPLIFIED: a batch is reclaimed at once, so that no two reclaimers have folios isolated at the
 * same time; effect: too_many_isolated() never holds, and nobody waits for it.
 */
#ifndef RCL_THROTTLE_H
#define RCL_THROTTLE_H

#include "machine.h"

/* The end of a pass over a node (shrink_node()). */
void throttle_after_node(struct rcl_machine *m, struct scan *sc, struct node *node);

/* The end of a direct reclaim's pass over all nodes at one priority (consider_reclaim_throttle()). */
void throttle_after_priority(struct rcl_machine *m, const struct scan *sc, struct node *node, uint64_t nr_scanned);

#endif
