/*
 * Per-CPU batches, see batches.h. Models cpu_fbatches and folio_batch_move_lru(), mm/swap.c v6.12.
 *
 * A folio in the activate batch stays on its list and holds a reference (pins), so that it may be
 * isolated but not freed; the activation is lost when it is not on a list at the drain.
 */
#include "batches.h"

#include <string.h>

#include "hooks.h"
#include "mlock.h"
#include "trace.h"

void batches_add_now(struct rcl_machine *m, struct folio *folio, enum rcl_added reason)
{
	struct lruvec *lruvec = folio_lruvec(folio);
	uint64_t place;

	if (RCL_UNLIKELY(!folio_is_evictable(folio))) {
		mlock_add_unevictable(m, folio);
		return;
	}
	place = ask_folio_added(m, lruvec, folio, reason);
	lru_add_folio(m, lruvec, folio, place_list(place), place_at_tail(place));
	TRACE(m, memcg_of(lruvec->pub.memcg), mm_lru_insertion, .pfn = folio->pub.pfn, .lru = trace_lru_of_folio(folio),
	      .list = folio->pub.list);
}

void batches_drain_add(struct rcl_machine *m, struct task *task)
{
	uint32_t nr = task->nr_add;

	task->nr_add = 0;
	for (uint32_t i = 0; i < nr; i++) {
		struct folio *folio = folio_at(m, task->add_batch[i]);

		batches_add_now(m, folio, folio->reason);
	}
	spend_locked(m, task_lruvec(task), nr * m->config.costs.list_move_ns);
}

static bool is_active_list(uint32_t list)
{
	return list == RCL_STANDARD_LIST_ACTIVE_ANON || list == RCL_STANDARD_LIST_ACTIVE_FILE;
}

/* lru_activate(): a move through this batch is an activation, unless the folio is active already. */
static void activate_now(struct rcl_machine *m, struct folio *folio, uint64_t place)
{
	struct lruvec *lruvec = folio_lruvec(folio);

	lru_move_folio(m, lruvec, folio, place_list(place), place_at_tail(place));
	if (!(folio->pub.flags & RCL_FOLIO_IS_ACTIVE))
		count(lruvec, RCL_PGACTIVATE, folio->pub.nr_pages);
	TRACE(m, memcg_of(lruvec->pub.memcg), mm_lru_activate, .pfn = folio->pub.pfn);
	if (is_active_list(place_list(place)))
		folio->pub.flags |= RCL_FOLIO_IS_ACTIVE;
	spend_locked(m, lruvec, m->config.costs.list_move_ns);
}

void batches_drain_activate(struct rcl_machine *m, struct task *task)
{
	uint32_t nr = task->nr_activate;

	task->nr_activate = 0;
	for (uint32_t i = 0; i < nr; i++) {
		struct pending_place *pending = &task->activate_batch[i];
		struct folio *folio = folio_at(m, pending->pfn);
		uint64_t place = 0;

		folio->pins--;
		if (folio->transit != RCL_TRANSIT_NONE)
			continue;
		if (pending->is_young)
			place = ask_pte_young(m, folio_lruvec(folio), folio, RCL_WHERE_DRAIN);
		activate_now(m, folio, place ? place : pending->place);
	}
}

void batches_drain(struct rcl_machine *m, struct task *task)
{
	if (task->nr_add)
		batches_drain_add(m, task);
	if (task->nr_activate)
		batches_drain_activate(m, task);
	if (task->nr_mlock)
		mlock_drain(m, task);
}

void batches_drain_all(struct rcl_machine *m)
{
	for (uint32_t i = 0; i < m->nr_tasks; i++)
		batches_drain(m, m->tasks[i]);
}

void batches_pass(struct rcl_machine *m, struct task *from, struct task *to)
{
	if (from == to)
		return;
	batches_drain(m, to);
	memcpy(to->add_batch, from->add_batch, sizeof(to->add_batch));
	memcpy(to->activate_batch, from->activate_batch, sizeof(to->activate_batch));
	memcpy(to->mlock_batch, from->mlock_batch, sizeof(to->mlock_batch));
	to->nr_add = from->nr_add;
	to->nr_activate = from->nr_activate;
	to->nr_mlock = from->nr_mlock;
	from->nr_add = from->nr_activate = from->nr_mlock = 0;
}

void batches_activate_folio(struct rcl_machine *m, struct task *task, struct folio *folio, uint64_t place,
			    bool is_young)
{
	if (folio->transit != RCL_TRANSIT_NONE) {
		/* Still in an add batch: marked, and not counted (__lru_cache_activate_folio()). */
		if (is_active_list(place_list(place)))
			folio->pub.flags |= RCL_FOLIO_IS_ACTIVE;
		return;
	}
	if (m->config.add_batch_folios == 1 || !task) {
		activate_now(m, folio, place);
		return;
	}
	folio->pins++;
	task->activate_batch[task->nr_activate] = (struct pending_place){ .pfn = folio->pub.pfn, .place = (uint32_t)place,
									  .is_young = is_young };
	if (++task->nr_activate == m->config.add_batch_folios || folio_is_large(folio))
		batches_drain_activate(m, task);
}
