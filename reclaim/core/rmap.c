/*
 * Reverse mapping, see rmap.h. Models mm/rmap.c v6.12 and lru_gen_look_around() of mm/vmscan.c.
 */
#include "rmap.h"

#include "batches.h"
#include "hooks.h"
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

void rmap_add_more(struct rcl_machine *m, struct folio *folio, uint32_t task, uint32_t vpn)
{
	uint32_t item = m->rmap_free;

	if (item != RCL_NIL)
		m->rmap_free = m->rmap_items[item].next;
	else
		item = m->rmap_used++;
	m->rmap_items[item] = (struct rmap_item){ .vpn = vpn, .next = folio->rmap_more, .task = (uint16_t)task };
	folio->rmap_more = item;
}

static void free_item(struct rcl_machine *m, uint32_t *link)
{
	uint32_t item = *link;

	*link = m->rmap_items[item].next;
	m->rmap_items[item].next = m->rmap_free;
	m->rmap_free = item;
}

void rmap_remove_more(struct rcl_machine *m, struct folio *folio, uint32_t task, uint32_t vpn)
{
	uint32_t *link = &folio->rmap_more;

	if (folio->rmap_task == task && folio->rmap_vpn == vpn) {
		folio->rmap_task = m->rmap_items[*link].task;
		folio->rmap_vpn = m->rmap_items[*link].vpn;
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
		neighbour = folio_at(m, task->ptes[i] >> PTE_SHIFT);
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

uint64_t rmap_referenced(struct rcl_machine *m, struct folio *folio, const struct look_around *around)
{
	uint64_t nr_young, nr_ptes = 1;

	folio->pub.flags &= ~RCL_FOLIO_IS_EXECUTABLE;
	if (!folio_is_mapped(folio))
		return 0;
	nr_young = test_young(m, folio, folio->rmap_task, folio->rmap_vpn, around);
	for (uint32_t item = folio->rmap_more; item != RCL_NIL; item = m->rmap_items[item].next) {
		nr_young += test_young(m, folio, m->rmap_items[item].task, m->rmap_items[item].vpn, around);
		nr_ptes++;
	}
	count(folio_lruvec(folio), RCL_RMAP_WALKED, nr_ptes);
	spend_in_hook(m, nr_ptes * m->config.costs.rmap_pte_ns);
	return nr_young;
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

uint64_t rmap_mkclean(struct rcl_machine *m, struct folio *folio)
{
	uint64_t nr = 0;

	if (!folio_is_mapped(folio))
		return 0;
	nr = mkclean_one(m, folio->rmap_task, folio->rmap_vpn);
	for (uint32_t item = folio->rmap_more; item != RCL_NIL; item = m->rmap_items[item].next)
		nr += mkclean_one(m, m->rmap_items[item].task, m->rmap_items[item].vpn);
	return nr;
}

void rmap_unmap_all(struct rcl_machine *m, struct folio *folio)
{
	uint64_t nr_ptes = 0;

	while (folio_is_mapped(folio)) {
		uint32_t vpn = folio->rmap_vpn, task = folio->rmap_task;
		uint32_t *pte = &m->tasks[task]->ptes[vpn];

		pte_clear_young(m->tasks[task], vpn);
		if (*pte & PTE_DIRTY)
			folio_mark_dirty(m, folio);
		*pte = folio->pub.type == RCL_ANON ? PTE_SWAP | folio->swap_slot << PTE_SHIFT : 0;
		rmap_remove(m, folio, task, vpn);
		nr_ptes++;
	}
	spend(m, nr_ptes * m->config.costs.unmap_pte_ns);
}
