/*
 * Walking page tables, see walk.h. Models iterate_mm_list(), walk_pmd_range() and walk_pte_range()
 * (mm/vmscan.c v6.12).
 */
#include "walk.h"

#include "hooks.h"
#include "memcg.h"
#include "vma.h"
#include "young.h"

/* Whether a task was switched in since the node's last walk of it came to its end (lru_gen_use_mm()).
 *
 * SIMPLIFIED: a switch while the walk goes on does not count, the kernel's bit is cleared as the walk begins; effect: on
 * a machine of one processor none, elsewhere a task that was switched in during a walk is left out by the next one. */
static bool was_switched_in(const struct rcl_machine *m, const struct task *task, uint32_t nid)
{
	uint64_t period_ns = m->config.switch_ns ? m->config.switch_ns : 1;

	return task->clock_ns / period_ns > task->walked_ns[nid] / period_ns;
}

/* Whether the mm is walked at all: of this memcg, and new to the node or running since (get_next_mm()).
 * The first mm of a walk makes room for what the walk collects. */
static bool starts_walk(const struct rcl_machine *m, const struct walk *walk, struct task *task)
{
	struct walk_cursor *cursor = &walk->lruvec->cursor;
	uint32_t nid = walk->lruvec->pub.nid;

	if (&task->memcg->pub != walk->lruvec->pub.memcg)
		return false;
	cursor->is_forced = !(task->walked_nodes >> nid & 1);
	if (!cursor->is_forced && !was_switched_in(m, task, nid))
		return false;
	task->walked_nodes |= (uint16_t)(1u << nid);
	if (!cursor->has_begun && walk->filter_out.map)
		bloom_clear(walk->filter_out.map, walk->filter_out.table);
	cursor->has_begun = true;
	return true;
}

/* Whether the walk passes a page table by (walk_pmd_range()). */
static bool skips_table(const struct walk *walk, struct task *task, uint32_t table)
{
	if (walk->lruvec->cursor.is_forced)
		return false;
	if (walk->young_tables && !table_clear_young(task, table))
		return true;
	return walk->filter_in.map && walk->filter_in.table->is_made &&
	       !bloom_contains(walk->filter_in.map, walk->filter_in.table, table_key(task, table));
}

/* Visit PTEs of one page table; answers how many were young and of this lruvec. */
static uint32_t visit_ptes(struct rcl_machine *m, const struct walk *walk, struct task *task, uint32_t first,
			   uint32_t end)
{
	struct lruvec *lruvec = walk->lruvec;
	uint32_t nr_young = 0;

	for (uint32_t vpn = first; vpn < end; vpn++) {
		struct folio *folio;

		if (!pte_young(task, vpn))
			continue;
		if (vma_has_flags(task, vpn, VMA_NOT_WALKED))
			continue;
		folio = page_folio(m, task->ptes[vpn] >> PTE_SHIFT);
		if (folio_lruvec(folio) != lruvec || !walk->wants_type[folio->pub.type])
			continue;
		if (RCL_UNLIKELY(folio->pub.flags & FOLIO_PMD_MAPPED)) {
			/* One entry (walk_pmd_range_locked()), which is young if any of its PTEs is. */
			for (uint32_t i = 0; i < PTES_PER_TABLE; i++)
				pte_clear_young(task, folio->rmap_vpn + i);
			vpn = end - 1;
		}
		pte_clear_young(task, vpn);
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
		if (cursor->vpn == table && skips_table(walk, task, table)) {
			cursor->vpn = end;
			nr_visited++;	/* the look at the table uses budget up, or a walk could run for ever */
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
	bool has_begun;

	for (; cursor->task < m->nr_tasks; cursor->task++, cursor->vpn = 0, cursor->young = 0) {
		struct task *task = m->tasks[cursor->task];

		if (cursor->vpn == 0 && !starts_walk(m, walk, task))
			continue;
		nr_visited += walk_task(m, walk, task, walk->max_ptes - nr_visited);
		task->walked_ns[walk->lruvec->pub.nid] = *m->clock > task->clock_ns ? *m->clock : task->clock_ns;
		if (cursor->vpn < task->nr_pages || nr_visited >= walk->max_ptes)
			break;
	}
	count(walk->lruvec, RCL_PTES_WALKED, nr_visited);
	if (cursor->task < m->nr_tasks)
		return RCL_WALK_MORE;
	has_begun = cursor->has_begun;
	*cursor = (struct walk_cursor){ 0 };
	return has_begun ? RCL_WALK_DONE : RCL_WALK_NONE;
}
