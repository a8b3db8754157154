/*
 * Shadow entries: what stays of an evicted page, and the distance until it comes back.
 *
 * Here: packing and unpacking of the 64-bit entry, and the clock it is stamped with. Not here:
 * what a distance means for a page that comes back (folio_admit hooks decide).
 *
 * Layout, low to high: 1 bit tag (1 = shadow; folio and empty slots have 0), 1 workingset, 4 node,
 * 12 memcg, 4 epoch, 18 cookie, 24 clock. The kernel's (pack_shadow(), mm/workingset.c v6.12) has
 * no cookie of its own: MGLRU puts its token where the clock is. Here both have room, so that any
 * policy can keep a few bits and the distance stays exact.
 *
 * SIMPLIFIED: the clock is kept at full resolution in 24 bits, the kernel shifts it by
 * bucket_order on large machines; effect: none below 2^24 evictions of one page's absence, where
 * distances wrap.
 */
#ifndef RCL_WORKINGSET_H
#define RCL_WORKINGSET_H

#include "machine.h"

/* The tag must be 1 or the kernel's xarray (and our slots) would take it for a folio. */
#define SHADOW_TAG UINT64_C(1)

static inline bool slot_is_shadow(uint64_t slot)
{
	return slot & SHADOW_TAG;
}

/* Page cache and swap slots that hold a folio; 0 is empty. */
static inline uint64_t slot_of_pfn(uint32_t pfn)
{
	return ((uint64_t)pfn + 1) << 1;
}

static inline uint32_t slot_pfn(uint64_t slot)
{
	return (uint32_t)(slot >> 1) - 1;
}

/* Let the clock of a lruvec and of all its ancestors advance (workingset_age_nonresident()). */
static inline void workingset_age(struct lruvec *lruvec, uint64_t nr_pages)
{
	struct rcl_lruvec *pub = &lruvec->pub;

	do {
		pub->clock += nr_pages;
		pub = pub->parent;
	} while (pub);
}

/* Make the shadow of a folio that reclaim frees; asks folio_evicted and moves the clock. */
uint64_t workingset_eviction(struct rcl_machine *m, struct lruvec *lruvec, struct folio *folio);

/* Read a shadow for a page that comes back to `lruvec`. */
void workingset_unpack(struct rcl_machine *m, const struct lruvec *lruvec, uint64_t slot,
		       enum rcl_hook asked, struct rcl_shadow *out);

#endif
