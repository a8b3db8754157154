/*
 * Levels: how many pages are in some state right now.
 *
 * Here: which of a lruvec's lists count as active, and the walk that adds all levels up. Not here:
 * their names (reclaim/abi/levels.py) and their sums over memcgs and nodes, which the caller makes.
 *
 * Levels are added up from the folios when somebody asks, not kept: no access, fault or batch pays
 * for them, and they cannot drift. Asking costs one look at every folio in use.
 */
#ifndef RCL_LEVELS_H
#define RCL_LEVELS_H

#include "machine.h"

static inline bool list_is_active(const struct lruvec *lruvec, uint32_t list)
{
	return lruvec->active_lists[list / 64] >> (list % 64) & 1;
}

static inline void list_set_active(struct lruvec *lruvec, uint32_t list, bool is_active)
{
	uint64_t bit = UINT64_C(1) << (list % 64), *word = &lruvec->active_lists[list / 64];

	*word = is_active ? *word | bit : *word & ~bit;
}

/* Active are the kernel's own active lists, and what the governing policy will name from now on. */
void levels_reset_classes(struct lruvec *lruvec);

#endif
