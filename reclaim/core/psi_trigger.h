/*
 * PSI triggers: policies that want to be asked when their memcg stalls too much.
 *
 * Here: which share of a window a policy watches for, one trigger per lruvec; when the stalls of a memcg are
 * looked at, and when a threshold counts as crossed. Not here: what a stall is (stats.h), how stalls add up
 * (psi.h), and what a policy does then. Nobody pays for it where no policy has the hook.
 */
#ifndef RCL_PSI_TRIGGER_H
#define RCL_PSI_TRIGGER_H

#include "machine.h"

#define UPDATES_PER_WINDOW 10		/* looks; kernel/sched/psi.c v6.12 */

int psi_trigger_setup(struct rcl_machine *m);

/* A lruvec has a new governor. */
void psi_trigger_begin(struct rcl_machine *m, struct lruvec *lruvec);

/* Somebody in the memcg begins to stall on memory, at the clock of whoever is running. */
void psi_trigger_note_stall(struct rcl_machine *m, struct memcg *memcg);

/* The triggers of a group look at its times, which are as of now_ns (psi.c, when they have got there). */
void psi_trigger_look(struct psi_group *group, uint64_t now_ns);

#endif
