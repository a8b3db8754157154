/*
 * Folios of several pages, see large_folio.h. Models mm/huge_memory.c v6.12.
 */
#include "large_folio.h"

#include "file_tree.h"
#include "hooks.h"
#include "mlock.h"
#include "pagecache.h"
#include "policy.h"
#include "rmap.h"
#include "vma.h"

#define SHRINK_BATCH 128		/* SHRINK_BATCH, include/linux/shrinker.h v6.12 */
#define DEFAULT_SEEKS 2			/* DEFAULT_SEEKS, the same */

void large_prepare_tails(struct rcl_machine *m, struct folio *folio, uint32_t order)
{
	uint32_t nr = UINT32_C(1) << order;

	folio->pub.order = (uint8_t)order;
	folio->pub.nr_pages = (uint16_t)nr;
	folio->nr_ptes = 0;
	for (uint32_t i = 1; i < nr; i++) {
		struct folio *tail = folio_at(m, folio->pub.pfn + i);

		pagecache_init_record(tail, folio->pub.type, folio->pub.key + i, folio->pub.memcg, RCL_TRANSIT_TAIL);
		tail->pub.order = (uint8_t)order;
		tail->pub.nr_pages = 0;
		tail->head = folio->pub.pfn;
	}
}

/* All 512 PTEs become as young and as dirty as the one entry was. */
void large_split_pmd(struct rcl_machine *m, struct folio *folio)
{
	uint32_t *ptes = &m->tasks[folio->rmap_task]->ptes[folio->rmap_vpn], bits = 0;

	folio->pub.flags &= ~FOLIO_PMD_MAPPED;
	for (uint32_t i = 0; i < folio->pub.nr_pages; i++)
		bits |= ptes[i] & (PTE_ACCESSED | PTE_DIRTY);
	for (uint32_t i = 0; i < folio->pub.nr_pages; i++)
		ptes[i] |= bits;
	count(folio_lruvec(folio), RCL_THP_SPLIT_PMD, 1);
	spend(m, folio->pub.nr_pages * m->config.costs.walk_pte_ns);
}

void large_defer_split(struct rcl_machine *m, struct folio *folio)
{
	if (folio->pub.flags & FOLIO_PARTIALLY_MAPPED || folio->pub.order < 2)
		return;		/* the kernel's list head lies in the second tail */
	folio->pub.flags |= FOLIO_PARTIALLY_MAPPED;
	list_link(m, &memcg_of(folio->pub.memcg)->deferred_split, folio->pub.pfn + 1, false);
	count(folio_lruvec(folio), RCL_MTHP_SPLIT_DEFERRED, 1);
	if (folio->pub.order == RCL_MAX_ORDER)
		count(folio_lruvec(folio), RCL_THP_DEFERRED_SPLIT_PAGE, 1);
}

void large_undefer_split(struct rcl_machine *m, struct folio *folio)
{
	if (!(folio->pub.flags & FOLIO_PARTIALLY_MAPPED))
		return;
	folio->pub.flags &= ~FOLIO_PARTIALLY_MAPPED;
	list_unlink(m, &memcg_of(folio->pub.memcg)->deferred_split, folio->pub.pfn + 1);
}

/* How many locked VMAs map this one page. */
static uint32_t count_locks(struct rcl_machine *m, const struct folio *page)
{
	uint32_t nr;

	if (!page_is_mapped(page))
		return 0;
	nr = vma_has_flags(m->tasks[page->rmap_task], page->rmap_vpn, RCL_MAPPING_LOCKED);
	for (uint32_t item = page->rmap_more; item != RCL_NIL; item = m->rmap_items[item].next)
		nr += vma_has_flags(m->tasks[m->rmap_items[item].task], m->rmap_items[item].vpn, RCL_MAPPING_LOCKED);
	return nr;
}

/* One page becomes a folio of its own, the head among them (__split_huge_page_tail()). */
static void make_single(struct rcl_machine *m, struct folio *page, uint32_t flags, bool is_locked)
{
	page->pub.flags = flags;
	if (page_is_mapped(page))
		page->pub.flags |= RCL_FOLIO_IS_MAPPED;
	page->pub.order = 0;
	page->pub.nr_pages = 1;
	page->nr_ptes = 0;
	page->mlock_count = is_locked ? count_locks(m, page) : 0;
	if (page->mlock_count)
		page->pub.flags |= FOLIO_MLOCKED;
}

/* Tails go where the folio is, on the younger side of it: the next scan meets them after it. */
static void place_tail(struct rcl_machine *m, struct folio *folio, struct folio *tail)
{
	struct lruvec *lruvec = folio_lruvec(folio);

	tail->pub.list = folio->pub.list;
	tail->transit = folio->transit;
	if (folio->transit == RCL_TRANSIT_NONE) {
		tail->physical_list = folio->physical_list;
		list_link_before(m, &lruvec->lists[folio->physical_list], folio->pub.pfn, tail->pub.pfn);
	} else if (folio->transit == RCL_TRANSIT_UNEVICTABLE) {
		list_link_before(m, &lruvec->unevictable, folio->pub.pfn, tail->pub.pfn);
	}
}

/* A page of a locked folio that no locked VMA maps itself is evictable from now on. */
static void settle_unlocked(struct rcl_machine *m, struct folio *folio, uint32_t nr)
{
	for (uint32_t i = 0; i < nr; i++) {
		if (folio_is_evictable(&folio[i]))
			mlock_rescue(m, &folio[i]);
	}
}

bool large_split(struct rcl_machine *m, struct folio *folio)
{
	uint32_t nr = folio->pub.nr_pages, order = folio->pub.order, slot = folio->swap_slot, flags;
	struct attachment *att = folio_lruvec(folio)->att;
	bool is_locked = !folio_is_evictable(folio);

	if (folio->pins || folio->pub.flags & RCL_FOLIO_IS_WRITEBACK)
		return false;
	if (folio->pub.flags & FOLIO_PMD_MAPPED)
		large_split_pmd(m, folio);
	large_undefer_split(m, folio);
	flags = folio->pub.flags & ~(FOLIO_MLOCKED | RCL_FOLIO_IS_MAPPED);
	for (uint32_t i = nr - 1; i > 0; i--) {
		struct folio *tail = &folio[i];

		make_single(m, tail, flags, is_locked);
		tail->swap_slot = slot == RCL_NIL ? RCL_NIL : slot + i;
		policy_copy_folio(m, att, att, folio->pub.pfn, tail->pub.pfn);
		place_tail(m, folio, tail);
	}
	make_single(m, folio, flags, is_locked);
	if (folio->pub.type == RCL_FILE)
		file_tree_split(pagecache_file(m, folio), (uint32_t)folio->pub.key, nr);
	if (is_locked && folio->transit == RCL_TRANSIT_UNEVICTABLE)
		settle_unlocked(m, folio, nr);
	count(folio_lruvec(folio), RCL_MTHP_SPLIT, 1);
	if (order == RCL_MAX_ORDER)
		count(folio_lruvec(folio), RCL_THP_SPLIT_PAGE, 1);
	spend(m, nr * m->config.costs.list_move_ns);
	return true;
}

bool large_free_unmapped(struct rcl_machine *m, struct folio *page)
{
	if (page->pub.type != RCL_ANON || folio_is_mapped(page) || page->swap_slot != RCL_NIL || page->pins)
		return false;
	pagecache_discard_folio(m, page);
	return true;
}

/* What do_shrink_slab() would ask for: a share by priority, in batches, the rest carried over. */
static uint64_t nr_to_split(struct memcg *memcg, uint32_t priority)
{
	uint64_t nr = memcg->deferred_split.nr_folios, delta = (nr >> priority) * 4 / DEFAULT_SEEKS;
	uint64_t total = (memcg->deferred_carry >> priority) + delta, nr_scan = 0;

	if (total > 2 * nr)
		total = 2 * nr;
	while (total - nr_scan >= SHRINK_BATCH || (total - nr_scan >= nr && nr_scan < total))
		nr_scan += total - nr_scan < SHRINK_BATCH ? total - nr_scan : SHRINK_BATCH;
	memcg->deferred_carry += delta;
	memcg->deferred_carry -= nr_scan < memcg->deferred_carry ? nr_scan : memcg->deferred_carry;
	if (memcg->deferred_carry > 2 * nr)
		memcg->deferred_carry = 2 * nr;
	return nr_scan < nr ? nr_scan : nr;
}

void large_scan_deferred(struct rcl_machine *m, struct memcg *memcg, uint32_t priority)
{
	for (uint64_t left = nr_to_split(memcg, priority); left > 0; left--) {
		struct folio *folio = folio_at(m, folio_at(m, memcg->deferred_split.tail)->head);
		uint32_t nr = folio->pub.nr_pages;

		if (!large_split(m, folio)) {
			/* It is pinned: the others are looked at first next time. */
			list_unlink(m, &memcg->deferred_split, folio->pub.pfn + 1);
			list_link(m, &memcg->deferred_split, folio->pub.pfn + 1, false);
			continue;
		}
		for (uint32_t i = 0; i < nr; i++)
			large_free_unmapped(m, &folio[i]);
	}
}
