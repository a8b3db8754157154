/*
 * The flusher: a thread that writes dirty pages of files.
 *
 * Here: what wakes it, what it does then, in which order, and when it stops. Not here: who is dirty (writeback.h), the
 * limits (dirty.h), the device (device.h).
 *
 * Awake, it does up to three works one after the other: all that is dirty, where reclaim asked for that; every 5 s
 * what became dirty 30 s ago; and what exceeds a background limit. A work takes the files that became dirty before it
 * began, the oldest first, and goes through the pages of each in their order, from where it ended last to the end of
 * the file, 31 folios at a time; between those tasks may run. Then the file is clean, or its turn comes again. So a
 * file that is dirtied faster than it is written keeps the flusher busy until the work has written as many pages as
 * were dirty when it began, and the inodes of the machine besides (get_nr_dirty_pages()). Who asks for all meanwhile
 * asks in vain.
 *
 * SIMPLIFIED: one flusher for all files and memcgs, the kernel has one per device and memcg;
 * effect: the flusher does not favour the files of the memcg that is short.
 */
#ifndef RCL_FLUSHER_H
#define RCL_FLUSHER_H

#include "machine.h"

enum file_queue {
	FILE_CLEAN,
	FILE_DIRTY,			/* b_dirty */
	FILE_IO,			/* b_io: of the work under way */
	FILE_MORE_IO,			/* b_more_io: had its turn, and has more */
};

int flusher_setup(struct rcl_machine *m);

/* A file is dirty (__mark_inode_dirty()). */
void flusher_note_dirty(struct rcl_machine *m, struct file *file);

/* Ask for all that is dirty (wakeup_flusher_threads()). */
void flusher_wake_all(struct rcl_machine *m);

/* Let it look at the background limits (wb_start_background_writeback()). */
void flusher_wake_background(struct rcl_machine *m);

#endif
