/*
 * Batches by score: of the folios at the tail of a list, those that the policy would miss least.
 *
 * Here: asking for scores and choosing. Not here: how folios are taken from the list and what becomes of those
 * that are chosen (scan.c, shrink.c).
 *
 * Nothing of the kernel's: LFU, hyperbolic caching or LHD keep no order of all folios that could be kept up at
 * each access, so they sample. The others go to the head of the list, and the next sample meets new ones.
 */
#ifndef RCL_SCORED_H
#define RCL_SCORED_H

#include "machine.h"

/* Keep nr pages of the first nr_isolated folios of m->isolated, lowest scores first, and put the others back;
 * answers how many folios are left. */
uint32_t scored_choose(struct rcl_machine *m, struct lruvec *lruvec, struct scan *sc, uint32_t nr, uint32_t nr_isolated,
		       struct rcl_batch_result *result);

#endif
