/*
 * Address spaces: tasks, their VMAs and page tables.
 *
 * Here: creation, look-up and tearing down. Not here: faults (fault.h) and running (run.c).
 *
 * A task's mapping space is dense: VMAs lie end to end, one 32-bit PTE per page in one array, so
 * that a hit is one load and one store. A page table is 512 consecutive PTEs of it.
 *
 * SIMPLIFIED: page tables do not follow the real addresses, so that two short VMAs may share one;
 * effect: page-table walks see slightly denser tables. Shared anonymous memory is private to its
 * task, which is the only one that a trace shows.
 */
#ifndef RCL_MM_H
#define RCL_MM_H

#include "machine.h"

/* Find the file and the page in it for a page of the file page space. */
static inline struct file_span *mm_find_span(struct task *task, uint32_t page)
{
	struct file_span *span = &task->spans[task->last_span];
	uint32_t low = 0, high = task->nr_spans;

	if (RCL_LIKELY(page - span->first < span->nr_pages))
		return span;
	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (task->spans[middle].first <= page)
			low = middle;
		else
			high = middle;
	}
	task->last_span = low;
	return &task->spans[low];
}

/* Unmap pages from `first` up to `end` and free anonymous ones and swap slots that nobody else needs
 * (zap_page_range_single()). */
void mm_zap_range(struct rcl_machine *m, struct task *task, uint32_t first, uint32_t end);

/* Unmap all pages, free anonymous folios and swap slots, drain batches and stock (exit_mmap()). */
void mm_exit(struct rcl_machine *m, struct task *task);

void mm_free_task(struct task *task);

#endif
