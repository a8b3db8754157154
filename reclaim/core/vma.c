/*
 * VMAs, see vma.h. Models vma_has_recency() and split_vma() (mm/mmap.c) and madvise_vma_behavior()
 * (mm/madvise.c) of v6.12.
 */
#include "vma.h"

#include <stdlib.h>
#include <string.h>

#include "batches.h"
#include "large_folio.h"
#include "mm.h"
#include "policy.h"

const struct vma *vma_find(struct task *task, uint32_t vpn)
{
	uint32_t low = 0, high = task->nr_vmas;

	if (vpn - task->vmas[task->last_vma].first < task->vmas[task->last_vma].nr_pages)
		return &task->vmas[task->last_vma];
	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (task->vmas[middle].first <= vpn)
			low = middle;
		else
			high = middle;
	}
	task->last_vma = low;
	return &task->vmas[low];
}

/* Let a VMA begin at `at`, where the array has room for one more. */
static void split_at(struct rcl_machine *m, struct task *task, uint32_t at)
{
	struct vma *vma;

	if (at >= task->nr_pages)
		return;
	vma = &task->vmas[vma_find(task, at) - task->vmas];
	if (vma->first == at)
		return;
	memmove(vma + 2, vma + 1, (size_t)(&task->vmas[task->nr_vmas] - (vma + 1)) * sizeof(*vma));
	task->nr_vmas++;
	vma[1] = vma[0];
	vma[0].nr_pages = at - vma->first;
	vma[1].first = at;
	vma[1].nr_pages -= vma[0].nr_pages;
	vma[1].file_page += vma[0].nr_pages;
	/* One entry lies in one VMA (vma_adjust_trans_huge()). */
	if (pte_maps(task->ptes[at]) && page_folio(m, task->ptes[at] >> PTE_SHIFT)->pub.flags & FOLIO_PMD_MAPPED)
		large_split_pmd(m, page_folio(m, task->ptes[at] >> PTE_SHIFT));
}

bool vma_reserve(struct task *task)
{
	/* Two more by splitting, and the one that keeps an empty array readable. */
	struct vma *grown = realloc(task->vmas, (task->nr_vmas + UINT64_C(3)) * sizeof(*grown));

	if (grown)
		task->vmas = grown;
	return grown;
}

void vma_change_flags(struct rcl_machine *m, struct task *task, uint32_t first, uint32_t nr_pages, uint32_t clear,
		      uint32_t set)
{
	if (nr_pages == 0)
		return;
	split_at(m, task, first);
	split_at(m, task, first + nr_pages);
	task->vma_flags = 0;
	for (uint32_t i = 0; i < task->nr_vmas; i++) {
		struct vma *vma = &task->vmas[i];

		if (vma->first - first < nr_pages)
			vma->flags = (vma->flags & ~clear) | set;
		task->vma_flags |= vma->flags;
	}
}

int vma_check_range(struct rcl_machine *m, uint32_t number, uint64_t first, uint64_t nr_pages)
{
	if (number >= m->nr_tasks || m->tasks[number]->state == RCL_TASK_RUNNABLE)
		return machine_error(m, RCL_BAD_ARGUMENT, "task %u does not exist or has records left to run", number);
	if (first > m->tasks[number]->nr_pages || nr_pages > m->tasks[number]->nr_pages - first)
		return machine_error(m, RCL_BAD_ARGUMENT, "task %u: %llu pages from %llu on, it has %u", number,
				     (unsigned long long)nr_pages, (unsigned long long)first,
				     m->tasks[number]->nr_pages);
	return RCL_OK;
}

/* madvise_dontneed_single_vma() */
static int drop_pages(struct rcl_machine *m, struct task *task, uint32_t first, uint32_t nr_pages)
{
	uint64_t *clock = m->clock;

	for (uint32_t vpn = first; vpn - first < nr_pages; vpn++) {
		if (vma_has_flags(task, vpn, RCL_MAPPING_LOCKED))
			return machine_error(m, RCL_BAD_ARGUMENT, "task %u: page %u is locked and cannot be dropped",
					     task->number, vpn);
	}
	m->clock = &task->clock_ns;
	batches_drain_all(m);
	mm_zap_range(m, task, first, first + nr_pages);
	policy_run_ejections(m);
	m->clock = clock;
	return RCL_OK;
}

int rcl_task_madvise(struct rcl_machine *m, uint32_t number, uint64_t first, uint64_t nr_pages, uint32_t advice)
{
	int status = vma_check_range(m, number, first, nr_pages);
	uint64_t *clock = m->clock;
	uint32_t flags = advice == RCL_ADVICE_RANDOM	   ? RCL_MAPPING_RANDOM
			 : advice == RCL_ADVICE_SEQUENTIAL ? RCL_MAPPING_SEQUENTIAL
							   : 0;

	if (status != RCL_OK)
		return status;
	if (advice > RCL_ADVICE_DONTNEED)
		return machine_error(m, RCL_BAD_ARGUMENT, "advice %u, 0 to 3 expected", advice);
	if (advice == RCL_ADVICE_DONTNEED)
		return drop_pages(m, m->tasks[number], (uint32_t)first, (uint32_t)nr_pages);
	if (!vma_reserve(m->tasks[number]))
		return machine_error(m, RCL_NO_MEMORY, "no memory for two more VMAs");
	m->clock = &m->tasks[number]->clock_ns;
	vma_change_flags(m, m->tasks[number], (uint32_t)first, (uint32_t)nr_pages, VMA_HINTS, flags);
	m->clock = clock;
	return RCL_OK;
}
