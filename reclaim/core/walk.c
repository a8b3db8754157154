/*
 * Walking page tables, see walk.h. Models iterate_mm_list(), walk_pud_range() and walk_pte_range()
 * (mm/vmscan.c v6.12).
 *
 * SIMPLIFIED: a page table has no young bit of its own (the PMD's), since the hit path sets no more
 * than the PTE; effect: a walk without filter visits tables that hardware would have let it skip.
 */
#include "walk.h"

#include "hooks.h"
#include "memcg.h"
#include "vma.h"

/* Whether the mm is walked at all: of this memcg, and it ran since this node's last walk of it. */
static bool starts_walk(struct task *task, const struct lruvec *lruvec)
{
	uint16_t bit = (uint16_t)(1u << lruvec->pub.nid);

	if (&task->memcg->pub != lruvec->pub.memcg || !(task->ran_nodes & bit))
		return false;
	task->ran_nodes &= (uint16_t)~bit;
	return true;
}

/* Visit PTEs of one page table; answers how many were young and of this lruvec. */
static uint32_t visit_ptes(struct rcl_machine *m, const struct walk *walk, struct task *task, uint32_t first,
			   uint32_t end)
{
	struct lruvec *lruvec = walk->lruvec;
	uint32_t nr_young = 0;

	for (uint32_t vpn = first; vpn < end; vpn++) {
		uint32_t pte = task->ptes[vpn];
		struct folio *folio;

		if (!(pte & PTE_ACCESSED))
			continue;
		if (vma_has_flags(task, vpn, VMA_NOT_WALKED))
			continue;
		folio = folio_at(m, pte >> PTE_SHIFT);
		if (folio_lruvec(folio) != lruvec || (folio->pub.type == RCL_ANON && !walk->anon))
			continue;
		task->ptes[vpn] = pte & ~PTE_ACCESSED;
		nr_young++;
		(void)ask_pte_young(m, lruvec, folio, RCL_WHERE_WALK);
	}
	return nr_young;
}

/* Go on in one task; answers how many PTEs were visited. The cursor's vpn reaches nr_pages at the end. */
static uint64_t walk_task(struct rcl_machine *m, const struct walk *walk, struct task *task, uint64_t budget)
{
	struct walk_cursor *cursor = &walk->lruvec->cursor;
	uint64_t nr_visited = 0, nr_tables = 0;

	while (cursor->vpn < task->nr_pages && nr_visited < budget) {
		uint32_t table = cursor->vpn & ~(uint32_t)(PTES_PER_TABLE - 1);
		uint32_t end = table + PTES_PER_TABLE < task->nr_pages ? table + PTES_PER_TABLE : task->nr_pages;
		uint32_t stop = end - cursor->vpn > budget - nr_visited ? cursor->vpn + (uint32_t)(budget - nr_visited) : end;

		nr_tables++;
		if (cursor->vpn == table && walk->filter_in.map &&
		    !bloom_contains(walk->filter_in.map, walk->filter_in.table, table_key(task, table))) {
			cursor->vpn = end;
			nr_visited++;	/* the look at the filter uses budget up, or a walk could run for ever */
			continue;
		}
		cursor->young += visit_ptes(m, walk, task, cursor->vpn, stop);
		nr_visited += stop - cursor->vpn;
		cursor->vpn = stop;
		if (stop < end)
			break;
		if (walk->filter_out.map && cursor->young && cursor->young * walk->density >= end - table)
			bloom_add(walk->filter_out.map, walk->filter_out.table, table_key(task, table));
		cursor->young = 0;
	}
	spend_in_hook(m, nr_visited * m->config.costs.walk_pte_ns + nr_tables * m->config.costs.walk_table_ns);
	return nr_visited;
}

enum rcl_walk walk_page_tables(struct rcl_machine *m, const struct walk *walk)
{
	struct walk_cursor *cursor = &walk->lruvec->cursor;
	uint64_t nr_visited = 0;

	for (; cursor->task < m->nr_tasks; cursor->task++, cursor->vpn = 0, cursor->young = 0) {
		struct task *task = m->tasks[cursor->task];

		if (cursor->vpn == 0 && !starts_walk(task, walk->lruvec))
			continue;
		nr_visited += walk_task(m, walk, task, walk->max_ptes - nr_visited);
		if (cursor->vpn < task->nr_pages || nr_visited >= walk->max_ptes)
			break;
	}
	count(walk->lruvec, RCL_PTES_WALKED, nr_visited);
	if (cursor->task < m->nr_tasks)
		return RCL_WALK_MORE;
	cursor->task = 0;
	return RCL_WALK_DONE;
}
