/*
 * File readahead: which pages come in besides the one that was asked for.
 *
 * Here: the windows of struct file_ra_state, for reads through descriptors and for faults of
 * mappings; bringing a window in; when its pages have arrived; what became of them. Not here:
 * mapping pages around a fault (faultaround.h), readahead of swap.
 *
 * rcl_config.read_ahead_kb = 0 switches all of it off, as writing 0 to the device's queue does.
 *
 * A window is one request to the device: it is charged to memcgs and nodes at once, and its pages
 * have arrived when the request is done. Who asks for a page waits for that; a window that was
 * read ahead of everybody (asynchronous) lets its task go on.
 *
 * A folio that came in and was not asked for carries MARK_AHEAD until somebody reads or maps it, or a page of it.
 * So the core can say what the kernel cannot: how many pages were read for nothing.
 *
 * SIMPLIFIED: a read of several pages is seen as so many reads of one page, because a trace does
 * not say where a read ends; effect: windows of large reads begin smaller and grow to the same size.
 * Until its request is made the pages of a window are locked: the reclaim that makes room for the last of them does not
 * take the first. A page that is read alone is locked until it has arrived.
 *
 * SIMPLIFIED: only the descriptor that asked knows that its latest window has not arrived; effect:
 * another task that uses these pages does not wait for them, and reclaim may take them once the request is made.
 */
#ifndef RCL_READAHEAD_H
#define RCL_READAHEAD_H

#include "machine.h"

static inline uint32_t readahead_max_pages(const struct rcl_machine *m)
{
	return m->config.read_ahead_kb / (RCL_PAGE_BYTES / 1024);
}

/* A read of one page through a descriptor: not cached; or cached and marked (PG_readahead). */
void readahead_read_miss(struct rcl_machine *m, struct task *task, struct file_span *span, uint32_t page);
void readahead_read_marked(struct rcl_machine *m, struct task *task, struct file_span *span, struct folio *folio,
			   uint32_t page);

/* A fault of a file mapping on a page that is not cached (do_sync_mmap_readahead()); or is
 * (do_async_mmap_readahead()), which answers whether the page was marked: then the fault starts over, and finds the page
 * once more. */
void readahead_fault_miss(struct rcl_machine *m, struct task *task, const struct vma *vma, uint32_t page);
bool readahead_fault_hit(struct rcl_machine *m, struct task *task, const struct vma *vma, struct folio *folio,
			 uint32_t page);
void readahead_fault_again(struct task *task, const struct vma *vma);

/* The readahead state of a mapping. The mappings of one file by one task share it, as the segments
 * that a loader maps share a struct file. */
static inline struct file_ra_state *readahead_of_vma(struct task *task, const struct vma *vma)
{
	return &task->vmas[vma->ra_vma].ra;
}

/* When a page of the descriptor's latest window arrives; 0: it was not in it. */
static inline uint64_t readahead_arrival_ns(const struct file_ra_state *ra, uint32_t page)
{
	return page - ra->window_first < ra->window_pages ? ra->arrival_ns : 0;
}

/* Wait for a page that was brought in by a window. */
void readahead_wait(struct rcl_machine *m, struct task *task, uint64_t arrival_ns, bool is_pressure);

/* Somebody asks for a folio that was read ahead. */
static inline void readahead_note_used(struct folio *folio)
{
	folio->marks &= (uint8_t)~MARK_AHEAD;
}

#endif
