/*
 * Migration: a folio's contents move to a frame of another node, and everything that names it follows.
 *
 * Here: the move itself. Not here: who moves and where to (demote.c, promote.c), and the frame, which
 * the caller brings.
 *
 * Mappings, page cache or swap slot, flags, charge and the policy's own state go along. The folio
 * arrives as every other does, through folio_admit and the add batch, and folio_moved tells the
 * policy; no shadow is left and no charge is made, since nothing was evicted.
 */
#ifndef RCL_MIGRATE_H
#define RCL_MIGRATE_H

#include "machine.h"

/* Whether a folio that is on no list can be moved now: nobody else holds or writes it, and it
 * does not wait to be split. */
static inline bool migrate_is_possible(const struct folio *folio)
{
	return !folio->pins && !(folio->pub.flags & (RCL_FOLIO_IS_WRITEBACK | FOLIO_PARTIALLY_MAPPED));
}

/* Move an isolated folio to a free frame, or a block of its order; the old one is freed (migrate_folio_move()). */
void migrate_folio(struct rcl_machine *m, struct folio *folio, struct folio *frame, enum rcl_migrated why);

#endif
