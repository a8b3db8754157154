/*
 * Reverse mapping, see rmap.h. Models mm/rmap.c v6.12 and lru_gen_look_around() of mm/vmscan.c.
 */
#include "rmap.h"

#include "batches.h"
#include "hooks.h"
#include "large_folio.h"
#include "memcg.h"
#include "vma.h"
#include "writeback.h"
#include "young.h"

bool rmap_reserve(struct rcl_machine *m, uint64_t nr_pages)
{
	uint64_t capacity = m->rmap_capacity + nr_pages;

	if (capacity >= RCL_NIL ||
	    !grow_array((void **)&m->rmap_items, m->rmap_capacity, capacity, sizeof(*m->rmap_items)))
		return false;
	m->rmap_capacity = (uint32_t)capacity;
	return true;
}

void rmap_count_large(struct rcl_machine *m, struct folio *page, int sign)
{
	struct folio *folio = page_folio(m, page->pub.pfn);

	folio->nr_ptes += (uint32_t)sign;
	if (folio->nr_ptes)
		folio->pub.flags |= RCL_FOLIO_IS_MAPPED;
	else
		folio->pub.flags &= ~RCL_FOLIO_IS_MAPPED;
}

void rmap_add_more(struct rcl_machine *m, struct folio *page, uint32_t task, uint32_t vpn)
{
	uint32_t item = m->rmap_free;

	if (item != RCL_NIL)
		m->rmap_free = m->rmap_items[item].next;
	else
		item = m->rmap_used++;
	m->rmap_items[item] = (struct rmap_item){ .vpn = vpn, .next = page->rmap_more, .task = (uint16_t)task };
	page->rmap_more = item;
}

static void free_item(struct rcl_machine *m, uint32_t *link)
{
	uint32_t item = *link;

	*link = m->rmap_items[item].next;
	m->rmap_items[item].next = m->rmap_free;
	m->rmap_free = item;
}

void rmap_remove_more(struct rcl_machine *m, struct folio *page, uint32_t task, uint32_t vpn)
{
	uint32_t *link = &page->rmap_more;

	if (page->rmap_task == task && page->rmap_vpn == vpn) {
		page->rmap_task = m->rmap_items[*link].task;
		page->rmap_vpn = m->rmap_items[*link].vpn;
		free_item(m, link);
		return;
	}
	while (m->rmap_items[*link].task != task || m->rmap_items[*link].vpn != vpn)
		link = &m->rmap_items[*link].next;
	free_item(m, link);
}

/* Clear the young bits of the neighbours of a PTE that was young, within its VMA and page table. */
static void look_around(struct rcl_machine *m, struct folio *folio, struct task *task, uint32_t vpn,
			const struct look_around *around)
{
	const struct vma *vma = vma_find(task, vpn);
	uint32_t table = vpn & ~(uint32_t)(PTES_PER_TABLE - 1);
	uint32_t first = vma->first > table ? vma->first : table;
	uint32_t end = vma->first + vma->nr_pages < table + PTES_PER_TABLE ? vma->first + vma->nr_pages
									  : table + PTES_PER_TABLE;
	struct lruvec *lruvec = folio_lruvec(folio);
	uint32_t nr_ptes = (uint32_t)around->nr_ptes, nr_young = 1;

	if (end - first == 1)
		return;
	if (end - first > nr_ptes) {
		uint32_t half = nr_ptes / 2;

		if (vpn - first < half)
			end = first + nr_ptes;
		else if (end - vpn < half)
			first = end - nr_ptes;
		else {
			first = vpn - half;
			end = first + nr_ptes;
		}
	}
	for (uint32_t i = first; i < end; i++) {
		struct folio *neighbour;
		uint64_t place;

		if (i == vpn || !pte_young(task, i))
			continue;
		neighbour = page_folio(m, task->ptes[i] >> PTE_SHIFT);
		/* A file folio's look-around leaves anonymous neighbours alone (get_pfn_folio(), can_swap). */
		if (folio_lruvec(neighbour) != lruvec ||
		    (folio->pub.type == RCL_FILE && neighbour->pub.type == RCL_ANON))
			continue;
		pte_clear_young(task, i);
		nr_young++;
		place = ask_pte_young(m, lruvec, neighbour, RCL_WHERE_LOOK_AROUND);
		if (place)
			batches_activate_folio(m, m->current, neighbour, place, true);
	}
	if (around->filter.map && nr_young * around->density >= end - first)
		bloom_add(around->filter.map, around->filter.table, table_key(task, vpn));
	spend_in_hook(m, (end - first) * m->config.costs.walk_pte_ns);
}

/* Test and clear one mapping (folio_referenced_one()); VMAs whose young PTEs mean nothing and mms
 * outside the target do not count (invalid_folio_referenced_vma()). */
static bool test_young(struct rcl_machine *m, struct folio *folio, uint32_t task_number, uint32_t vpn,
		       const struct look_around *around)
{
	struct task *task = m->tasks[task_number];

	if (vma_has_flags(task, vpn, VMA_HINTS))
		return false;
	if (m->scan && m->scan->target && !memcg_is_below(task->memcg, m->scan->target))
		return false;
	if (!pte_clear_young(task, vpn))
		return false;
	if (folio->pub.type == RCL_FILE && vma_has_flags(task, vpn, RCL_MAPPING_EXEC))
		folio->pub.flags |= RCL_FOLIO_IS_EXECUTABLE;
	if (around->nr_ptes)
		look_around(m, folio, task, vpn, around);
	return true;
}

#define SEEN_MAPPINGS 16		/* ours: mappings of a large folio that are told apart; policies ask
					 * for one or more than one */

/* A folio that one entry maps: its 512 PTEs are one, and nobody looks around. */
static uint64_t referenced_pmd(struct rcl_machine *m, struct folio *folio)
{
	struct task *task = m->tasks[folio->rmap_task];
	bool is_young = false;

	count(folio_lruvec(folio), RCL_RMAP_WALKED, 1);
	spend_in_hook(m, m->config.costs.rmap_pte_ns);
	if (vma_has_flags(task, folio->rmap_vpn, VMA_HINTS) ||
	    (m->scan && m->scan->target && !memcg_is_below(task->memcg, m->scan->target)))
		return 0;
	for (uint32_t i = 0; i < folio->pub.nr_pages; i++)
		is_young |= pte_clear_young(task, folio->rmap_vpn + i);
	return is_young;
}

/* The PTEs of a large folio; those of one mapping count once, told apart by where the folio begins in it. */
static uint64_t referenced_large(struct rcl_machine *m, struct folio *folio, const struct look_around *around)
{
	uint64_t seen[SEEN_MAPPINGS], nr_seen = 0, nr_ptes = 0;

	for (uint32_t i = 0; i < folio->pub.nr_pages; i++) {
		const struct folio *page = &folio[i];
		uint32_t task = page->rmap_task, vpn = page->rmap_vpn, item = page->rmap_more;

		for (bool is_mapped = page_is_mapped(page); is_mapped; nr_ptes++) {
			uint64_t mapping = (uint64_t)task << 32 | (vpn - i), k = 0;

			while (k < nr_seen && seen[k] != mapping)
				k++;
			if (test_young(m, folio, task, vpn, around) && k == nr_seen && k < SEEN_MAPPINGS)
				seen[nr_seen++] = mapping;
			is_mapped = item != RCL_NIL;
			if (is_mapped) {
				task = m->rmap_items[item].task;
				vpn = m->rmap_items[item].vpn;
				item = m->rmap_items[item].next;
			}
		}
	}
	count(folio_lruvec(folio), RCL_RMAP_WALKED, nr_ptes);
	spend_in_hook(m, nr_ptes * m->config.costs.rmap_pte_ns);
	return nr_seen;
}

uint64_t rmap_referenced(struct rcl_machine *m, struct folio *folio, const struct look_around *around)
{
	uint64_t nr_young, nr_ptes = 1;

	folio->pub.flags &= ~RCL_FOLIO_IS_EXECUTABLE;
	if (!folio_is_mapped(folio))
		return 0;
	if (RCL_UNLIKELY(folio_is_large(folio)))
		return folio->pub.flags & FOLIO_PMD_MAPPED ? referenced_pmd(m, folio) : referenced_large(m, folio, around);
	nr_young = test_young(m, folio, folio->rmap_task, folio->rmap_vpn, around);
	for (uint32_t item = folio->rmap_more; item != RCL_NIL; item = m->rmap_items[item].next) {
		nr_young += test_young(m, folio, m->rmap_items[item].task, m->rmap_items[item].vpn, around);
		nr_ptes++;
	}
	count(folio_lruvec(folio), RCL_RMAP_WALKED, nr_ptes);
	spend_in_hook(m, nr_ptes * m->config.costs.rmap_pte_ns);
	return nr_young < RCL_MAX_REFERENCED ? nr_young : RCL_MAX_REFERENCED;
}

static uint64_t mkclean_one(struct rcl_machine *m, uint32_t task, uint32_t vpn)
{
	uint32_t *pte = &m->tasks[task]->ptes[vpn];

	if (!(*pte & PTE_PRESENT)) {
		*pte &= ~PTE_DIRTY;	/* marked for NUMA balancing; comes back write-protected */
		return 1;
	}
	if (*pte & PTE_WP)
		return 0;
	*pte = (*pte & ~PTE_DIRTY) | PTE_WP;
	return 1;
}

static uint64_t mkclean_page(struct rcl_machine *m, const struct folio *page)
{
	uint64_t nr;

	if (!page_is_mapped(page))
		return 0;
	nr = mkclean_one(m, page->rmap_task, page->rmap_vpn);
	for (uint32_t item = page->rmap_more; item != RCL_NIL; item = m->rmap_items[item].next)
		nr += mkclean_one(m, m->rmap_items[item].task, m->rmap_items[item].vpn);
	return nr;
}

uint64_t rmap_mkclean(struct rcl_machine *m, struct folio *folio)
{
	uint64_t nr = 0;

	if (!folio_is_mapped(folio))
		return 0;
	for (uint32_t i = 0; i < folio->pub.nr_pages; i++)
		nr += mkclean_page(m, &folio[i]);
	return nr;
}

/* Take down the mappings of one page; answers how many there were. */
static uint64_t try_to_unmap_page(struct rcl_machine *m, struct folio *folio, struct folio *page)
{
	uint32_t slot = folio->swap_slot + (page->pub.pfn - folio->pub.pfn);
	uint64_t nr_ptes = 0;

	while (page_is_mapped(page)) {
		uint32_t vpn = page->rmap_vpn, task = page->rmap_task;
		uint32_t *pte = &m->tasks[task]->ptes[vpn];

		pte_clear_young(m->tasks[task], vpn);
		if (*pte & PTE_DIRTY)
			folio_mark_dirty(m, folio);
		*pte = folio->pub.type == RCL_ANON ? PTE_SWAP | slot << PTE_SHIFT : 0;
		rmap_remove(m, page, task, vpn);
		nr_ptes++;
	}
	return nr_ptes;
}

void rmap_unmap_all(struct rcl_machine *m, struct folio *folio)
{
	uint64_t nr_ptes = 0;

	if (RCL_UNLIKELY(folio->pub.flags & FOLIO_PMD_MAPPED))
		large_split_pmd(m, folio);
	for (uint32_t i = 0; i < folio->pub.nr_pages; i++)
		nr_ptes += try_to_unmap_page(m, folio, &folio[i]);
	spend(m, nr_ptes * m->config.costs.unmap_pte_ns);
}
