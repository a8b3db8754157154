/*
 * kswapd: background reclaim of a node.
 *
 * Here: waking, balancing step by step, napping, giving up; the throttle of tasks that outrun it.
 * Not here: the scan itself (scan.h), when memory is short (node.h).
 *
 * kswapd is an actor (events.h): it runs beside the tasks, on a clock of its own, batch by
 * batch, so that tasks can outrun it and then reclaim for themselves.
 */
#ifndef RCL_KSWAPD_H
#define RCL_KSWAPD_H

#include "machine.h"

enum kswapd_state {
	KSWAPD_ASLEEP,
	KSWAPD_NAPPING,
	KSWAPD_BALANCING,
	KSWAPD_WALKING,		/* of it: in the middle of a walk over the node */
};

/* Set up the kswapd of every node. */
int kswapd_setup(struct rcl_machine *m);

/* Ask for background reclaim of a node (wakeup_kswapd()); nothing where it is awake, hopeless or not needed. */
void kswapd_wake(struct rcl_machine *m, struct node *node);

static inline bool kswapd_is_awake(const struct node *node)
{
	return node->kswapd.state >= KSWAPD_BALANCING;
}

/* Whether kswapd has given the node up, so that nobody should wait for it. */
static inline bool kswapd_is_hopeless(const struct rcl_machine *m, const struct node *node)
{
	return !m->config.kswapd || node->kswapd.nr_failures >= MAX_RECLAIM_RETRIES;
}

/* Let the running task wait while the node has less than half its minimum (throttle_direct_reclaim()). */
void kswapd_throttle(struct rcl_machine *m, struct node *node);

#endif
