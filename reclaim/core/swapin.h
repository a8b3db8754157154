/*
 * Swap-in: how a page comes back from swap, and what comes with it.
 *
 * Here: the swap cache as a way in, and readahead of swap, by mapping (swap_vma_readahead()) or by
 * slot (swap_cluster_readahead()). Not here: slots and devices (swap.h), mapping the page (fault.c).
 *
 * From zram a page comes alone, past the swap cache, and its slot is free at once: the device
 * answers at once, and the page has one user. From other devices pages come through the swap cache:
 * a folio that holds the contents of a slot, mapped by nobody yet. Whoever faults on the slot then
 * finds it there, which is a minor fault.
 *
 * Readahead of swap goes by mapping, unless some device rotates: then it reads an aligned block of
 * slots, whoever owns the pages. rcl_config.page_cluster = 0 switches both off.
 */
#ifndef RCL_SWAPIN_H
#define RCL_SWAPIN_H

#include "machine.h"
#include "mm.h"

/*
 * Bring in the page of a task's swap entry. NULL: killed or interrupted. `is_major` says whether
 * somebody had to read for it. The folio is not mapped yet; where it is in the swap cache its
 * swap_slot says so.
 */
struct folio *swapin_folio(struct rcl_machine *m, struct task *task, uint32_t vpn, bool *is_major);

#endif
