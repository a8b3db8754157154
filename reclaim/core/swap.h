/*
 * Swap: slots on devices by priority, who pays for them, and the swap cache.
 *
 * Here: slot allocation, swap charges, the swap cache, device costs. Not here: when a page is
 * swapped (shrink.c) or read back (swapin.h).
 *
 * A slot's word is: a shadow (bit 0) while the page is out; the folio (slot_of_pfn()) while the
 * folio is in the swap cache; or, free, FREE_SLOT and the number of the next free slot, shifted by
 * one so that bit 0 stays clear.
 *
 * A folio in the swap cache holds a slot. Mapped by nobody, it stands for the swap entries that
 * name the slot; mapped, it keeps the slot so that, while it is clean, reclaim need not write it
 * again, and when it is not, knows where to. It gives the slot up when swap is half full.
 */
#ifndef RCL_SWAP_H
#define RCL_SWAP_H

#include "machine.h"
#include "workingset.h"

#define FREE_SLOT (UINT64_C(1) << 62)

int swap_setup(struct rcl_machine *m);
void swap_teardown(struct rcl_machine *m);

/* Slots that the memcg may still use: free ones, and below swap.max of all ancestors. */
uint64_t swap_available(const struct rcl_machine *m, const struct memcg *memcg);

/* Take a slot and charge it; RCL_NIL if there is none. */
uint32_t swap_alloc(struct rcl_machine *m, struct memcg *memcg);
/* Take 2^order slots in a row, aligned; RCL_NIL if there are none. Only machines with thp_orders. */
uint32_t swap_alloc_large(struct rcl_machine *m, struct memcg *memcg, uint32_t order);
void swap_free(struct rcl_machine *m, struct memcg *memcg, uint32_t slot);

/* Swap a folio out (swap_writepage()): zeros go nowhere, others into zswap or to the device. Answers
 * 0, or why it could not be done (enum rcl_outcome); then it is as dirty as before. Where `is_async`
 * the folio is under writeback afterwards if its device takes time. */
int swap_write_folio(struct rcl_machine *m, struct lruvec *lruvec, struct folio *folio, bool is_async);

/* Fetch early what giving a slot up will touch. */
static inline void swap_prefetch(const struct rcl_machine *m, uint32_t slot)
{
	__builtin_prefetch(&m->swap_slots[slot], 1);
	if (m->swap_stored)
		__builtin_prefetch(&m->swap_stored[slot], 1);
}

/* Write a page that compresses to nr_bytes to the device of a slot; false: it had no room. A folio is
 * under writeback until a device that takes time is done; NULL: nobody waits for that. */
bool swap_write_slot(struct rcl_machine *m, struct lruvec *lruvec, uint32_t slot, uint32_t nr_bytes,
		     struct folio *folio);

/* Fill a page of a folio with what a slot holds; answers whether the device has to be read for it, which
 * the caller does (swap_read()). */
bool swap_read_page(struct rcl_machine *m, struct folio *folio, uint32_t page, uint32_t slot);

/* Begin to read so many pages as one request, from this slot on, which holds `key`; answers when they
 * are there. */
uint64_t swap_read(struct rcl_machine *m, uint32_t slot, uint64_t key, uint64_t nr_pages);

/* What the contents `key` compress to: 0 for one repeated word, a page where they do not compress.
 * They follow from the key alone, so a page compresses the same in every run and under every policy.
 *
 * SIMPLIFIED: a page keeps its size when it is written; effect: none on averages. */
uint32_t swap_compressed_bytes(const struct rcl_machine *m, uint64_t key);

/* Pages that the pools of zram and zswap have taken from nodes. */
uint64_t swap_pool_pages(const struct rcl_machine *m);

static inline const struct swap_device *swap_device_of(const struct rcl_machine *m, uint32_t slot)
{
	const struct swap_device *device = m->swaps;

	while (slot - device->first_slot >= device->nr_slots)
		device++;
	return device;
}

/* The folio of the swap cache that holds a slot; NULL where the page is out. */
static inline struct folio *swap_cache_find(struct rcl_machine *m, uint32_t slot)
{
	return slot_is_shadow(m->swap_slots[slot]) ? NULL : page_folio(m, slot_pfn(m->swap_slots[slot]));
}

/* Let a folio enter the swap cache with a slot that it will be written to, or was read from; a large
 * folio with as many slots in a row as it has pages. */
void swap_cache_add(struct rcl_machine *m, struct folio *folio, uint32_t slot);

/* Take a folio out: the page is out then, and `shadow` stays. */
void swap_cache_evict(struct rcl_machine *m, struct folio *folio, uint64_t shadow);

/* Whether some PTE is still an entry of a folio in the swap cache: a large one's slots go together. */
static inline bool folio_swapped(const struct folio *folio)
{
	return folio_is_large(folio) ? folio->nr_ptes != folio->pub.nr_pages : !(folio->pub.flags & RCL_FOLIO_IS_MAPPED);
}

/* Whether its slots may go (the tests of folio_free_swap()): no entry names them, nothing is written to them. */
static inline bool swap_cache_may_free(const struct folio *folio)
{
	return !folio_swapped(folio) && !(folio->pub.flags & RCL_FOLIO_IS_WRITEBACK);
}

/* Take a folio out and free its slot (folio_free_swap()); it has to be written again. */
void swap_cache_free(struct rcl_machine *m, struct folio *folio);

/* Whether slots should not be kept for folios that are in memory (mem_cgroup_swap_full()). */
bool swap_is_full(const struct rcl_machine *m, const struct memcg *memcg);

#endif
