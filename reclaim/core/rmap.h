/*
 * Reverse mapping: which PTEs map a folio.
 *
 * Here: adding, removing and visiting mappings. Not here: what a young PTE means.
 *
 * The first mapping stands in the folio, further ones in a pool that grows when VMAs are created:
 * a file folio mapped k times needs k - 1 pool items, so that one item per page of every second
 * and later mapping of a file is enough, and nothing is allocated in a fault.
 *
 * SIMPLIFIED: no fork, so an anonymous folio has one mapping; effect: none for recorded traces,
 * which see one address space each.
 */
#ifndef RCL_RMAP_H
#define RCL_RMAP_H

#include "machine.h"
#include "maps.h"

static inline bool folio_is_mapped(const struct folio *folio)
{
	return folio->pub.flags & RCL_FOLIO_IS_MAPPED;
}

/* Whether this one page of a folio is mapped; of a single page, the same. */
static inline bool page_is_mapped(const struct folio *page)
{
	return page->rmap_task != RCL_NO_TASK;
}

/* Make room for the mappings of a new VMA of nr_pages pages. */
bool rmap_reserve(struct rcl_machine *m, uint64_t nr_pages);

/* A mapping beyond the first one, added or removed. */
void rmap_add_more(struct rcl_machine *m, struct folio *page, uint32_t task, uint32_t vpn);
void rmap_remove_more(struct rcl_machine *m, struct folio *page, uint32_t task, uint32_t vpn);

/* Count a PTE of a large folio in (1) or out (-1). */
void rmap_count_large(struct rcl_machine *m, struct folio *page, int sign);

/* Add or remove a mapping of one page of a folio. */
static inline void rmap_add(struct rcl_machine *m, struct folio *page, uint32_t task, uint32_t vpn)
{
	if (RCL_UNLIKELY(folio_is_large(page)))
		rmap_count_large(m, page, 1);
	else
		page->pub.flags |= RCL_FOLIO_IS_MAPPED;
	if (RCL_UNLIKELY(page_is_mapped(page))) {
		rmap_add_more(m, page, task, vpn);
		return;
	}
	page->rmap_task = (uint16_t)task;
	page->rmap_vpn = vpn;
}

static inline void rmap_remove(struct rcl_machine *m, struct folio *page, uint32_t task, uint32_t vpn)
{
	if (RCL_UNLIKELY(folio_is_large(page)))
		rmap_count_large(m, page, -1);
	if (RCL_UNLIKELY(page->rmap_more != RCL_NIL)) {
		rmap_remove_more(m, page, task, vpn);
		return;
	}
	page->rmap_task = RCL_NO_TASK;
	if (RCL_LIKELY(!folio_is_large(page)))
		page->pub.flags &= ~RCL_FOLIO_IS_MAPPED;
}

/* What lru_gen_look_around() is to do beside a young PTE. */
struct look_around {
	uint64_t nr_ptes;		/* how many to test, 0: none */
	struct table_filter filter;	/* collects tables that are dense; may be absent */
	uint64_t density;		/* dense: young * density >= PTEs tested */
};

/* Count mappings, not PTEs, with a young PTE and clear the Accessed bits (folio_referenced()),
 * looking around each that was young. */
uint64_t rmap_referenced(struct rcl_machine *m, struct folio *folio, const struct look_around *around);

/* Write-protect all mappings and take their dirty bits (folio_mkclean()); answers how many were writable. */
uint64_t rmap_mkclean(struct rcl_machine *m, struct folio *folio);

/* Take down all mappings (try_to_unmap()). Anonymous ones become swap entries of folio->swap_slot. */
void rmap_unmap_all(struct rcl_machine *m, struct folio *folio);

#endif
