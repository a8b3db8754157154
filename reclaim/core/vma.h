/*
 * VMAs: finding, splitting, and what a program said about them.
 *
 * Here: look-up, madvise() and mlock() as far as they concern VMAs. Not here: what locking does to
 * folios (mlock.h), creation (mm.h).
 *
 * A hint (MADV_SEQUENTIAL, MADV_RANDOM) takes the meaning from young PTEs: rmap, page-table walks
 * and unmapping pass them by, and a fault there is no use of the folio.
 */
#ifndef RCL_VMA_H
#define RCL_VMA_H

#include "machine.h"

#define VMA_HINTS ((uint32_t)RCL_MAPPING_SEQUENTIAL | RCL_MAPPING_RANDOM)
/* What page-table walks leave out (should_skip_vma(), mm/vmscan.c v6.12). */
#define VMA_NOT_WALKED (VMA_HINTS | RCL_MAPPING_LOCKED)

/* Find the VMA of a page that lies inside the mapping space. */
const struct vma *vma_find(struct task *task, uint32_t vpn);

/* Whether a page lies in a VMA with one of these flags; tasks without any pay one test. */
static inline bool vma_has_flags(struct task *task, uint32_t vpn, uint32_t flags)
{
	return RCL_UNLIKELY(task->vma_flags & flags) && vma_find(task, vpn)->flags & flags;
}

/* Make room for one change of flags; false without memory. */
bool vma_reserve(struct task *task);

/* Change the flags of a range of pages, splitting the VMAs at its ends. */
void vma_change_flags(struct rcl_machine *m, struct task *task, uint32_t first, uint32_t nr_pages, uint32_t clear,
		      uint32_t set);

/* Check a range that a caller gave. */
int vma_check_range(struct rcl_machine *m, uint32_t task, uint64_t first, uint64_t nr_pages);

#endif
