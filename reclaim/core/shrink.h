/*
 * Shrinking: what becomes of isolated folios.
 *
 * Here: the verdict path, from the filter to freedom or putback. Not here: which folios are
 * isolated (scan.c).
 */
#ifndef RCL_SHRINK_H
#define RCL_SHRINK_H

#include "machine.h"

/* Ask for a verdict on each of the first nr folios of m->isolated and carry it out. */
void shrink_folio_list(struct rcl_machine *m, struct lruvec *lruvec, struct scan *sc, uint32_t nr,
		       struct rcl_batch_result *result);

/* Reclaim one isolated folio without asking anyone (forced release); answers how many pages were
 * freed, what is left was put back. */
uint64_t shrink_forced(struct rcl_machine *m, struct lruvec *lruvec, struct scan *sc, struct folio *folio);

/* Fetch early what freeing the folio will touch: its slot, or the PTE that maps it. */
void shrink_prefetch(struct rcl_machine *m, const struct folio *folio);

#endif
