/*
 * Writeback: dirty pages of files, and the end of each write.
 *
 * Here: who is dirty or being written, and how many. Not here: the thread that writes (flusher.h), slowing writers
 * down (dirty.h), when the device is done (device.h), what reclaim makes of it (shrink.c).
 *
 * A dirty page of a file is tagged in its file, so that the flusher finds the pages in order. From
 * the start of its write to the end it is under writeback: nobody frees it, and the first write
 * through a mapping faults again, because the PTEs are write-protected when the write begins.
 *
 * Reclaim never writes pages of files: ext4, xfs and btrfs of v6.12 have no writepage(), so that
 * pageout() activates a dirty folio. It marks the folio instead, wakes the flusher, and the folio
 * goes to the tail of its list when it is written.
 *
 * rcl_config.writeback = 0 switches all of it off: a textbook cache, in which reclaim writes a dirty
 * page at once and waits, and nobody else writes.
 *
 * An anonymous page on its way to swap is under writeback too, in the swap cache and unmapped, and
 * reclaim frees it when it meets it the next time.
 *
 * SIMPLIFIED: a task that exits, or gives up a part of a large folio, frees pages on their way to swap at
 * once; effect: they are free earlier than in the kernel by the length of the device's queue.
 */
#ifndef RCL_WRITEBACK_H
#define RCL_WRITEBACK_H

#include "machine.h"

/* A clean file folio becomes dirty; callers use folio_mark_dirty(). */
void writeback_note_dirty(struct rcl_machine *m, struct folio *folio);

/* filemap_dirty_folio(): of a write through a descriptor, which leaves a mark of readahead where it is. The end of
 * the write takes it for one of reclaim, since both are one bit. */
static inline void filemap_dirty_folio(struct rcl_machine *m, struct folio *folio)
{
	if (folio->pub.flags & RCL_FOLIO_IS_DIRTY)
		return;
	folio->pub.flags |= RCL_FOLIO_IS_DIRTY;
	if (folio->pub.type == RCL_FILE)
		writeback_note_dirty(m, folio);
}

/* folio_mark_dirty(): of a write through a mapping, forgets that reclaim wanted the folio, or readahead marked it,
 * also where it is dirty already. */
static inline void folio_mark_dirty(struct rcl_machine *m, struct folio *folio)
{
	folio->marks &= (uint8_t)~MARK_RECLAIM;
	filemap_dirty_folio(m, folio);
}

/* A dirty file folio is clean: it is being written, or was. */
void writeback_note_clean(struct rcl_machine *m, struct folio *folio);

/* Begin to write a dirty file folio, when the plug allows it (plug.h). */
void writeback_begin(struct rcl_machine *m, struct folio *folio);

/* The same for an anonymous folio of the swap cache, which reclaim wants: it is freed soon after. It is written
 * to its place on the device when the plug allows it (plug.h), and is done when its last page is. */
void writeback_begin_swap(struct rcl_machine *m, struct folio *folio, struct device *device, uint32_t place);

/* A folio under writeback is freed: nobody wants to know any more when it is written. */
void writeback_forget(struct rcl_machine *m, struct folio *folio);

/* The device has written it (folio_end_writeback()). */
void writeback_end(struct rcl_machine *m, struct folio *folio);

#endif
