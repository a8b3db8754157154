/*
 * kswapd: background reclaim of a node.
 *
 * Here: waking and balancing. Not here: the scan itself (scan.h).
 *
 * SIMPLIFIED: a kswapd that wakes runs to its end at once, on a clock of its own, before the task
 * that woke it goes on; effect: tasks never outrun kswapd, so direct reclaim on a node happens only
 * where kswapd gives up or is switched off, and kswapd's work is invisible in stalls.
 */
#ifndef RCL_KSWAPD_H
#define RCL_KSWAPD_H

#include "machine.h"

/* Wake it; while some reclaim runs (it demotes to the node), afterwards. */
void kswapd_wake(struct rcl_machine *m, struct node *node);
void kswapd_run_wanted(struct rcl_machine *m);

#endif
