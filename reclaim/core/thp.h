/*
 * Large folios for anonymous faults and for swap-in, of the orders that the machine's thp_orders permit.
 *
 * Here: which order a fault takes. Not here: mapping it (fault.c), what it is made of
 * (large_folio.h).
 *
 * A fault takes the highest order whose aligned range lies in the VMA and has no PTE yet, and falls
 * back to lower ones when there is no such block above the low watermark or no room below the limits
 * without reclaim. Nobody reclaims or wakes kswapd for a large folio.
 *
 * SIMPLIFIED: orders are always or never, as with defrag set to never; no madvise, no defer, no
 * compaction; effect: large folios become rare once memory is full, sooner than with them.
 */
#ifndef RCL_THP_H
#define RCL_THP_H

#include "machine.h"

/* A charged large folio that begins at folio.key's page, or NULL: a single page is to do (alloc_anon_folio()). */
struct folio *thp_alloc_anon(struct rcl_machine *m, struct task *task, uint32_t vpn);

/* Whether a fault may map a folio of 512 pages by one entry: nothing is there, not even the page table. */
bool thp_may_map_pmd(const struct rcl_machine *m, struct task *task, uint32_t vpn);

/* The folio for it, or NULL (do_huge_pmd_anonymous_page()). */
struct folio *thp_alloc_pmd(struct rcl_machine *m, struct task *task, uint32_t vpn);

/* The PTEs from `first` on are entries of so many slots in a row from this one on (swap_pte_batch()). */
bool thp_is_swapped(const struct task *task, uint32_t first, uint32_t nr, uint32_t slot);

/* A charged large folio for what a device without delay holds of the pages around one, or NULL: a single page
 * is to do (alloc_swap_folio()). Its key says where it begins. */
struct folio *thp_alloc_swap(struct rcl_machine *m, struct task *task, uint32_t vpn, uint32_t slot);

#endif
