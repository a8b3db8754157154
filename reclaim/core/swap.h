/*
 * Swap: slots on devices by priority, and who pays for them.
 *
 * Here: slot allocation, swap charges, device costs. Not here: when a page is swapped (shrink.c)
 * or read back (fault.c).
 *
 * A slot's word is: a shadow (bit 0) while the page is out; the folio (slot_of_pfn()) while the
 * page is in memory and the slot still holds the same contents; or, free, FREE_SLOT and the number
 * of the next free slot, shifted by one so that bit 0 stays clear.
 *
 * SIMPLIFIED: no readahead around a swapped-in page (page-cluster), no swap cache shared between
 * tasks, no queue at the device; effect: swap-in reads exactly one page at constant latency.
 */
#ifndef RCL_SWAP_H
#define RCL_SWAP_H

#include "machine.h"

#define FREE_SLOT (UINT64_C(1) << 62)

int swap_setup(struct rcl_machine *m);

/* Slots that the memcg may still use: free ones, and below swap.max of all ancestors. */
uint64_t swap_available(const struct rcl_machine *m, const struct memcg *memcg);

/* Take a slot and charge it; RCL_NIL if there is none. */
uint32_t swap_alloc(struct rcl_machine *m, struct memcg *memcg);
void swap_free(struct rcl_machine *m, struct memcg *memcg, uint32_t slot);

/* Charge the time of writing or reading one page; answers whether it was I/O (not just CPU). */
bool swap_write_page(struct rcl_machine *m, uint32_t slot);
bool swap_read_page(struct rcl_machine *m, uint32_t slot);

/* Whether a page read back without being written keeps its slot (folio_free_swap(), should_try_to_free_swap()). */
bool swap_keeps_slot(const struct rcl_machine *m, uint32_t slot);

#endif
