/*
 * Ticks: policies that want to be asked by time.
 *
 * Here: one thread for all lruvecs, which sleeps until the first of them is due. Not here: what a policy does
 * then. Nobody pays for it where no policy has the hook.
 */
#ifndef RCL_TICK_H
#define RCL_TICK_H

#include "machine.h"

int tick_setup(struct rcl_machine *m);

/* A lruvec has a new governor. */
void tick_begin(struct rcl_machine *m, struct lruvec *lruvec);

#endif
