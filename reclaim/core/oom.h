/*
 * Out of memory: who is killed.
 *
 * Here: the choice of the victim and its end. Not here: when it comes to that (memcg.c for limits,
 * node.c for nodes, kswapd.c for a policy that finds nothing old enough).
 *
 * The victim's memory is free when the call returns, as if the OOM reaper had run at once; a task
 * that is killed in the middle of its own fault gives its memory back when that has ended (run.c).
 */
#ifndef RCL_OOM_H
#define RCL_OOM_H

#include "machine.h"

#define ALL_NODES UINT16_MAX

/* Kill in a memcg's subtree, NULL for the machine, where only some nodes may be full, a bit each (out_of_memory());
 * false: there is nobody to kill. */
bool oom_kill(struct rcl_machine *m, struct memcg *memcg, uint16_t nodes);

/* Free what a killed task has; for the run loop, when it was killed in the middle of a record. */
void oom_reap(struct rcl_machine *m, struct task *task);

/* Kill this task, whatever others there are. */
void oom_kill_task(struct rcl_machine *m, struct task *task);

#endif
