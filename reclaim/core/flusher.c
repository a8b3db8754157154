/*
 * The flusher, see flusher.h. Models wb_workfn(), wb_writeback(), writeback_sb_inodes(), requeue_inode()
 * (fs/fs-writeback.c) and writeback_iter() (mm/page-writeback.c) of v6.12.
 */
#include "flusher.h"

#include "device.h"
#include "dirty.h"
#include "events.h"
#include "pagecache.h"
#include "plug.h"
#include "trace.h"
#include "write_rate.h"
#include "writeback.h"

#define INTERVAL_NS UINT64_C(5000000000)	/* dirty_writeback_interval, mm/page-writeback.c v6.12: 5 s */
#define EXPIRE_JIFFIES 7500			/* dirty_expire_interval, the same: 30 s */
#define BATCH_FOLIOS 31				/* PAGEVEC_SIZE, include/linux/pagevec.h v6.12 */
#define LOOK_NS UINT64_C(100000000)		/* writeback_sb_inodes(): asks after 100 ms whether to go on */

enum flusher_work {
	WORK_NONE,
	WORK_ALL,
	WORK_OLD,
	WORK_BACKGROUND,
};

void flusher_note_dirty(struct rcl_machine *m, struct file *file)
{
	struct flusher *flusher = &m->flusher;

	if (file->queue != FILE_CLEAN)
		return;
	file->queue = FILE_DIRTY;
	file->dirtied_jiffies = now_jiffies(m);
	if (m->config.writeback && !flusher->is_awake)
		events_wake_at(m, flusher->actor, *m->clock + INTERVAL_NS);
}

void flusher_wake_all(struct rcl_machine *m)
{
	struct flusher *flusher = &m->flusher;

	if (m->nr_dirty == 0 || flusher->is_all_wanted)
		return;
	flusher->is_all_wanted = true;
	events_wake(m, flusher->actor);
}

void flusher_wake_background(struct rcl_machine *m)
{
	if (!m->flusher.is_awake)
		events_wake(m, m->flusher.actor);
}

/* The next dirty page of a file from `page` on; nr_pages if none. */
static uint32_t next_dirty(const struct file *file, uint32_t page)
{
	uint32_t word = page / 64, nr_words = (file->nr_pages + 63) / 64;
	uint64_t bits;

	if (page >= file->nr_pages)
		return file->nr_pages;
	bits = file->dirty_tags[word] & ~UINT64_C(0) << page % 64;
	while (bits == 0 && ++word < nr_words)
		bits = file->dirty_tags[word];
	return bits ? word * 64 + (uint32_t)__builtin_ctzll(bits) : file->nr_pages;
}

/* Which queue a file was in is not told by its pages, so a file that was truncated or written otherwise may be here
 * without any. */
static struct file *oldest_of(struct rcl_machine *m, enum file_queue queue)
{
	struct file *oldest = NULL;

	for (uint32_t i = 0; i < m->nr_files; i++) {
		struct file *file = &m->files[i];

		if (file->queue == queue && (!oldest || file->dirtied_jiffies < oldest->dirtied_jiffies))
			oldest = file;
	}
	return oldest;
}

/* queue_io() */
static void queue_files(struct rcl_machine *m)
{
	struct flusher *flusher = &m->flusher;

	if (flusher->work == WORK_OLD)
		flusher->older_jiffies = now_jiffies(m) - EXPIRE_JIFFIES;
	else if (flusher->work == WORK_BACKGROUND)
		flusher->older_jiffies = now_jiffies(m);
	for (uint32_t i = 0; i < m->nr_files; i++) {
		struct file *file = &m->files[i];

		if (file->queue == FILE_MORE_IO ||
		    (file->queue == FILE_DIRTY && file->dirtied_jiffies <= flusher->older_jiffies))
			file->queue = FILE_IO;
	}
	flusher->has_queued = true;
	flusher->has_progress = false;
}

static void begin_work(struct rcl_machine *m, enum flusher_work work)
{
	struct flusher *flusher = &m->flusher;

	flusher->work = (uint8_t)work;
	flusher->nr_pages = work == WORK_BACKGROUND ? UINT64_MAX : m->nr_dirty + m->config.nr_inodes;
	flusher->older_jiffies = now_jiffies(m);
	flusher->look_ns = *m->clock;
	flusher->has_queued = false;
	flusher->has_progress = false;
	plug_start(m);
}

static void end_work(struct rcl_machine *m)
{
	plug_finish(m);
	if (m->flusher.work == WORK_ALL)
		m->flusher.is_all_wanted = false;
}

/* wb_do_writeback(): what is to be done after the work `last`. */
static enum flusher_work next_work(struct rcl_machine *m, enum flusher_work last)
{
	struct flusher *flusher = &m->flusher;

	if (last == WORK_NONE && flusher->is_all_wanted)
		return WORK_ALL;
	if (last < WORK_OLD && *m->clock >= flusher->old_flush_ns + INTERVAL_NS) {
		flusher->old_flush_ns = *m->clock;
		if (m->nr_dirty)
			return WORK_OLD;
	}
	return last < WORK_BACKGROUND && dirty_is_over_background(m) ? WORK_BACKGROUND : WORK_NONE;
}

/* The next file of the work, NULL when that is over (wb_writeback()). */
static struct file *next_file(struct rcl_machine *m)
{
	struct flusher *flusher = &m->flusher;
	struct file *file = oldest_of(m, FILE_IO);
	bool has_enough = flusher->nr_pages == 0 || *m->clock > flusher->look_ns + LOOK_NS;

	if (file && !(flusher->has_progress && has_enough))
		return file;
	flusher->look_ns = *m->clock;
	if (flusher->nr_pages == 0 || (flusher->work == WORK_BACKGROUND && !dirty_is_over_background(m)))
		return NULL;
	if (file)
		return file;
	if (flusher->has_queued && !flusher->has_progress)
		return NULL;
	queue_files(m);
	return oldest_of(m, FILE_IO);
}

/* writeback_chunk_size() */
static void begin_file(struct rcl_machine *m, struct file *file)
{
	struct flusher *flusher = &m->flusher;
	struct device *device = device_of_file(m, file);

	write_rate_start(m, device);
	flusher->file = (uint32_t)(file - m->files);
	flusher->index = file->writeback_index;
	flusher->nr_chunk = dirty_chunk_pages(m, device, flusher->nr_pages);
	flusher->nr_to_write = flusher->nr_chunk;
}

/* A file whose turn is over waits behind those that became dirty before it (redirty_tail_locked()). */
static void redirty(struct rcl_machine *m, struct file *file)
{
	for (uint32_t i = 0; i < m->nr_files; i++) {
		if (m->files[i].queue == FILE_DIRTY && m->files[i].dirtied_jiffies > file->dirtied_jiffies)
			file->dirtied_jiffies = now_jiffies(m);
	}
	file->queue = FILE_DIRTY;
}

static void end_file(struct rcl_machine *m, struct file *file)
{
	struct flusher *flusher = &m->flusher;
	uint32_t nr = flusher->nr_chunk - flusher->nr_to_write;

	file->writeback_index = flusher->nr_to_write ? 0 : flusher->index;
	flusher->file = RCL_NIL;
	flusher->nr_pages -= least(nr, flusher->nr_pages);
	flusher->has_progress |= nr || file->nr_dirty == 0;
	if (file->nr_dirty == 0)
		file->queue = FILE_CLEAN;
	else if (flusher->nr_to_write == 0 && file->dirtied_jiffies <= flusher->older_jiffies)
		file->queue = FILE_MORE_IO;
	else
		redirty(m, file);
	plug_flush(m);		/* somebody else wants the processor */
	write_rate_update(m, device_of_file(m, file), NULL, 0);
	TRACE(m, NULL, writeback_single_inode, .ino = (uint64_t)(file - m->files), .index = file->writeback_index,
	      .nr_to_write = flusher->nr_chunk, .wrote = nr);
}

/* Write the next folios of a file. Answers when to go on: the flusher sleeps where the device's queue is full. */
static uint64_t write_batch(struct rcl_machine *m, struct file *file)
{
	struct flusher *flusher = &m->flusher;
	struct device *device = device_of_file(m, file);
	uint32_t page = flusher->index;

	for (uint32_t i = 0; i < BATCH_FOLIOS && flusher->nr_to_write; i++) {
		struct folio *folio;
		uint32_t nr;

		page = next_dirty(file, flusher->index);
		if (page == file->nr_pages)
			break;
		folio = page_folio(m, slot_pfn(file->slots[page]));
		nr = folio->pub.nr_pages;
		if (device_room(device) < nr + m->flusher.plug.nr_pages && (device->nr_queued || m->flusher.plug.nr_pages)) {
			plug_flush(m);
			return device->nr_queued ? device_next_done_ns(device) : *m->clock;
		}
		flusher->index = (uint32_t)folio->pub.key + nr;
		/* Dirtied again while it is being written: its turn comes when that is over. */
		if (folio->pub.flags & RCL_FOLIO_IS_WRITEBACK)
			continue;
		writeback_begin(m, folio);
		flusher->nr_to_write -= nr < flusher->nr_to_write ? nr : flusher->nr_to_write;
	}
	if (page == file->nr_pages || flusher->nr_to_write == 0)
		end_file(m, file);
	return *m->clock;
}

static void go_to_sleep(struct rcl_machine *m)
{
	struct flusher *flusher = &m->flusher;

	flusher->is_awake = false;
	if (flusher->is_all_wanted)
		events_wake(m, flusher->actor);
	else if (oldest_of(m, FILE_DIRTY) || oldest_of(m, FILE_IO) || oldest_of(m, FILE_MORE_IO))
		events_wake_at(m, flusher->actor, *m->clock + INTERVAL_NS);
}

/* A batch of folios; or the next file, the next work. */
static void flusher_run(struct rcl_machine *m, struct actor *actor)
{
	struct flusher *flusher = &m->flusher;
	struct file *file;

	flusher->is_awake = true;
	if (flusher->work == WORK_NONE) {
		enum flusher_work work = next_work(m, WORK_NONE);

		if (work == WORK_NONE) {
			go_to_sleep(m);
			return;
		}
		begin_work(m, work);
	}
	while (flusher->file == RCL_NIL) {
		enum flusher_work work;

		file = next_file(m);
		if (file) {
			begin_file(m, file);
			break;
		}
		end_work(m);
		work = next_work(m, flusher->work);
		if (work == WORK_NONE) {
			flusher->work = WORK_NONE;
			go_to_sleep(m);
			return;
		}
		begin_work(m, work);
	}
	events_wake_at(m, actor, write_batch(m, &m->files[flusher->file]));
}

int flusher_setup(struct rcl_machine *m)
{
	m->flusher.file = RCL_NIL;
	m->flusher.actor = events_add_actor(m, flusher_run, 0);
	if (!m->flusher.actor)
		return machine_error(m, RCL_BAD_ARGUMENT, "too many kernel threads");
	m->flusher.actor->plug = &m->flusher.plug;
	return RCL_OK;
}
