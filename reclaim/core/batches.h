/*
 * Per-CPU batches: folios on their way onto a list, and activations on their way.
 *
 * Here: adding to and draining of the LRU-add and the activate batch. Not here: when a page
 * comes (fault.c, pagecache.c) or where it goes (folio_added). A task stands for its CPU.
 */
#ifndef RCL_BATCHES_H
#define RCL_BATCHES_H

#include "machine.h"

/* Ask the policy for the place of a folio that enters, and put it there. */
void batches_add_now(struct rcl_machine *m, struct folio *folio, enum rcl_added reason);
void batches_drain_add(struct rcl_machine *m, struct task *task);
void batches_drain_activate(struct rcl_machine *m, struct task *task);

/* All batches of one task, that of locked folios (mlock.h) included (lru_add_drain()), or of all tasks (lru_add_drain_all()). */
void batches_drain(struct rcl_machine *m, struct task *task);
void batches_drain_all(struct rcl_machine *m);

/* A processor is passed on, with the batches that are on it. */
void batches_pass(struct rcl_machine *m, struct task *from, struct task *to);

/* Let a charged and admitted folio wait in the task's add batch (folio_add_lru()). */
static inline void batches_add_folio(struct rcl_machine *m, struct task *task, struct folio *folio,
				     enum rcl_added reason)
{
	if (m->config.add_batch_folios == 1) {
		batches_add_now(m, folio, reason);
		return;
	}
	/* A large folio drains the batch at once (folio_batch_add_and_move()). */
	folio->reason = (uint8_t)reason;
	folio->transit = RCL_TRANSIT_ADD_BATCH;
	task->add_batch[task->nr_add++] = folio->pub.pfn;
	if (task->nr_add == m->config.add_batch_folios || folio_is_large(folio))
		batches_drain_add(m, task);
}

/* Let a move that folio_accessed asked for wait (folio_activate()), or pte_young (is_young). */
void batches_activate_folio(struct rcl_machine *m, struct task *task, struct folio *folio, uint64_t place,
			    bool is_young);

#endif
