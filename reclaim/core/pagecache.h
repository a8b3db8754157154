/*
 * The page cache: files, their slots, access through file descriptors, and folios coming in.
 *
 * Here: buffered reads and writes, the common way in of every new folio, and its end. Not here:
 * page faults (fault.c), eviction (shrink.c).
 *
 * A file has one 64-bit word per page: 0, a folio, or the shadow of the folio that was there
 * (workingset.h).
 */
#ifndef RCL_PAGECACHE_H
#define RCL_PAGECACHE_H

#include "machine.h"
#include "workingset.h"

static inline uint64_t file_key(uint32_t file, uint32_t page)
{
	return (uint64_t)file << 32 | page;
}

/* Anonymous contents: bit 63, task, page of the mapping space. */
static inline uint64_t anon_key(uint32_t task, uint32_t vpn)
{
	return UINT64_C(1) << 63 | (uint64_t)task << 32 | vpn;
}

/* The file of a file folio. */
static inline struct file *pagecache_file(struct rcl_machine *m, const struct folio *folio)
{
	return &m->files[folio->pub.key >> 32];
}

/* The slot of a file folio. */
static inline uint64_t *pagecache_slot(struct rcl_machine *m, const struct folio *folio)
{
	return &pagecache_file(m, folio)->slots[(uint32_t)folio->pub.key];
}

/* A record as a page has it that comes in, or as a tail of a folio that does; its size is the caller's. */
static inline void pagecache_init_record(struct folio *page, uint32_t type, uint64_t key, struct rcl_memcg *memcg,
					 enum rcl_transit transit)
{
	page->pub.flags = 0;
	page->pub.type = (uint8_t)type;
	page->pub.list = 0;
	page->pub.key = key;
	page->pub.memcg = memcg;
	page->rmap_task = RCL_NO_TASK;
	page->rmap_more = RCL_NIL;
	page->swap_slot = RCL_NIL;
	page->physical_list = 0;
	page->transit = (uint8_t)transit;
	page->pins = 0;
	page->marks = 0;
}

/* Charge and allocate a folio for a task; NULL: the task was killed or the run interrupted. `shadow` is the slot's
 * word and `reason` why it comes, for folio_incoming, which is asked before the charge. */
struct folio *pagecache_alloc_folio(struct rcl_machine *m, struct task *task, uint32_t type, uint64_t key,
				    uint64_t shadow, enum rcl_added reason);

/* The same for 2^order pages, order at least 1; NULL: not now. Nobody reclaims for a block of frames, nor below the
 * limits for anonymous ones. Tails stand ready, with keys that count up from the head's; the caller fills the page
 * cache's slots with each page's pfn. */
struct folio *pagecache_alloc_large(struct rcl_machine *m, struct task *task, uint64_t key, uint32_t order,
				    uint64_t shadow, enum rcl_added reason);

/* Let a folio enter: refault, folio_admit, add batch. `shadow` is the slot's word, 0 for none. */
void pagecache_admit_folio(struct rcl_machine *m, struct task *task, struct folio *folio, uint64_t shadow,
			   enum rcl_added reason);

/* Whether a folio of a file holds a page of it. */
static inline bool folio_has_page(const struct folio *folio, uint32_t page)
{
	return page - (uint32_t)folio->pub.key < folio->pub.nr_pages;
}

/* The folio that holds a page of a file; NULL where it is not cached. */
static inline struct folio *pagecache_find(struct rcl_machine *m, uint32_t file, uint32_t page)
{
	uint64_t slot = m->files[file].slots[page];

	return slot && !slot_is_shadow(slot) ? page_folio(m, slot_pfn(slot)) : NULL;
}

/* Let a page of a file enter the cache, not yet read; NULL as above. */
struct folio *pagecache_add(struct rcl_machine *m, struct task *task, uint32_t file, uint32_t page,
			    enum rcl_added reason, bool in_fault);

/* The same for 2^order pages from an aligned one on, given by its key; none of them is cached. */
struct folio *pagecache_add_large(struct rcl_machine *m, struct task *task, uint64_t key, uint32_t order,
				  enum rcl_added reason, bool in_fault);

/* Bring a page of a file into the cache for a fault or a read; NULL as above. */
struct folio *pagecache_fill(struct rcl_machine *m, struct task *task, uint32_t file, uint32_t page,
			     enum rcl_added reason);

/* One record through a file descriptor; false: not done, the task was killed or the run interrupted. */
bool pagecache_access(struct rcl_machine *m, struct task *task, uint32_t page, bool is_write);

/* Note a use that the core sees (folio_mark_accessed()). */
void pagecache_mark_accessed(struct rcl_machine *m, struct task *task, struct folio *folio, enum rcl_access how);

/* Free a folio outside reclaim: unmapped, slots already released, on a list or isolated. */
void pagecache_discard_folio(struct rcl_machine *m, struct folio *folio);

#endif
