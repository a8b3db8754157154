/*
 * Writeback, see writeback.h. Models wb_workfn(), wb_writeback() (fs/fs-writeback.c),
 * folio_account_dirtied(), folio_clear_dirty_for_io() and folio_end_writeback()
 * (mm/page-writeback.c, mm/filemap.c) of v6.12.
 */
#include "writeback.h"

#include "device.h"
#include "dirty.h"
#include "events.h"
#include "hooks.h"
#include "mlock.h"
#include "pagecache.h"
#include "plug.h"
#include "rmap.h"
#include "stats.h"
#include "trace.h"

#define INTERVAL_NS UINT64_C(5000000000)	/* dirty_writeback_interval, mm/page-writeback.c v6.12: 5 s */
#define EXPIRE_NS UINT64_C(30000000000)		/* dirty_expire_interval, the same: 30 s */
#define CHUNK_PAGES 1024			/* MIN_WRITEBACK_PAGES, fs/fs-writeback.c v6.12: 4 MiB of a file at a time */

static void arm_timer(struct rcl_machine *m)
{
	if (!m->config.writeback)
		return;
	m->flusher.timer_ns = *m->clock + INTERVAL_NS;
	events_wake_at(m, m->flusher.actor, m->flusher.timer_ns);
}

void writeback_note_dirty(struct rcl_machine *m, struct folio *folio)
{
	struct file *file = pagecache_file(m, folio);
	uint32_t first = (uint32_t)folio->pub.key, nr = folio->pub.nr_pages;

	for (uint32_t page = first; page < first + nr; page++)
		file->dirty_tags[page / 64] |= UINT64_C(1) << page % 64;
	if (file->nr_dirty == 0)
		file->dirtied_ns = *m->clock;
	if (m->nr_dirty == 0)
		arm_timer(m);
	file->nr_dirty += nr;
	m->nr_dirty += nr;
	memcg_of(folio->pub.memcg)->nr_dirty += nr;
	count(folio_lruvec(folio), RCL_NR_DIRTIED, nr);
}

void writeback_note_clean(struct rcl_machine *m, struct folio *folio)
{
	struct file *file = pagecache_file(m, folio);
	uint32_t first = (uint32_t)folio->pub.key, nr = folio->pub.nr_pages;

	folio->pub.flags &= ~RCL_FOLIO_IS_DIRTY;
	for (uint32_t page = first; page < first + nr; page++)
		file->dirty_tags[page / 64] &= ~(UINT64_C(1) << page % 64);
	file->nr_dirty -= nr;
	m->nr_dirty -= nr;
	memcg_of(folio->pub.memcg)->nr_dirty -= nr;
}

static void begin(struct rcl_machine *m, struct folio *folio)
{
	uint32_t nr = folio->pub.nr_pages;

	folio->pub.flags |= RCL_FOLIO_IS_WRITEBACK;
	m->nr_writeback += nr;
	memcg_of(folio->pub.memcg)->nr_writeback += nr;
}

/* A folio is written when its last page is. */
static void write_pages(struct rcl_machine *m, const struct folio *folio, struct device *device, uint32_t place)
{
	uint32_t nr = folio->pub.nr_pages;

	for (uint32_t i = 0; i < nr; i++)
		plug_write(m, device, i + 1 < nr ? RCL_NIL : folio->pub.pfn, place + i);
}

void writeback_begin(struct rcl_machine *m, struct folio *folio)
{
	uint64_t nr_ptes = rmap_mkclean(m, folio);

	writeback_note_clean(m, folio);
	count(folio_lruvec(folio), RCL_PGPGOUT, folio->pub.nr_pages);
	spend(m, m->config.costs.list_move_ns + nr_ptes * m->config.costs.rmap_pte_ns);
	begin(m, folio);
	write_pages(m, folio, device_of_file(m, pagecache_file(m, folio)), (uint32_t)folio->pub.key);
}

void writeback_begin_swap(struct rcl_machine *m, struct folio *folio, struct device *device, uint32_t place)
{
	folio->marks |= MARK_RECLAIM;
	begin(m, folio);
	write_pages(m, folio, device, place);
}

static void end(struct rcl_machine *m, struct folio *folio)
{
	folio->pub.flags &= ~RCL_FOLIO_IS_WRITEBACK;
	m->nr_writeback -= folio->pub.nr_pages;
	memcg_of(folio->pub.memcg)->nr_writeback -= folio->pub.nr_pages;
}

void writeback_forget(struct rcl_machine *m, struct folio *folio)
{
	for (uint32_t i = 0; i < 2 + m->nr_swaps; i++)
		device_forget(&m->devices[i], folio->pub.pfn);
	plug_forget(m, folio->pub.pfn);
	folio->marks &= (uint8_t)~MARK_RECLAIM;
	end(m, folio);
}

/* folio_rotate_reclaimable(): what reclaim wanted is the next to be taken, from the tail of the list
 * that its policy chooses. */
static void rotate(struct rcl_machine *m, struct folio *folio)
{
	struct lruvec *lruvec = folio_lruvec(folio);

	if (folio->transit != RCL_TRANSIT_NONE || !folio_is_evictable(folio) || folio->pub.flags & RCL_FOLIO_IS_DIRTY)
		return;
	folio->pub.flags &= ~RCL_FOLIO_IS_ACTIVE;
	lru_move_folio(m, lruvec, folio, place_list(ask_folio_added(m, lruvec, folio, RCL_ADDED_WRITTEN)), true);
	count(lruvec, RCL_PGROTATED, folio->pub.nr_pages);
}

void writeback_end(struct rcl_machine *m, struct folio *folio)
{
	end(m, folio);
	m->nodes[folio->pub.nid].nr_written += folio->pub.nr_pages;
	count(folio_lruvec(folio), RCL_NR_WRITTEN, folio->pub.nr_pages);
	if (!(folio->marks & MARK_RECLAIM))
		return;
	folio->marks &= (uint8_t)~MARK_RECLAIM;
	rotate(m, folio);
}

void writeback_wake_all(struct rcl_machine *m)
{
	if (m->nr_dirty == 0)
		return;
	m->flusher.nr_wanted = m->nr_dirty;
	events_wake(m, m->flusher.actor);
}

void writeback_wake_background(struct rcl_machine *m, struct memcg *memcg)
{
	m->flusher.is_background = true;
	m->flusher.memcg = memcg;
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

/* Write a chunk of a file in the order of its pages, from where the last one ended, under a plug (wb_writeback());
 * answers how many pages. Ends early where the device's queue has no room for more.
 * SIMPLIFIED: a large folio is written whole, also where a program wrote a part, which iomap tells apart; effect:
 * scattered writes of such files take longer. */
static uint32_t write_chunk(struct rcl_machine *m, struct file *file)
{
	uint32_t page = next_dirty(file, file->writeback_index), nr_room = device_room(device_of_file(m, file)), nr = 0;

	if (page == file->nr_pages)
		page = next_dirty(file, 0);
	plug_start(m);
	while (nr < CHUNK_PAGES && page < file->nr_pages && nr < nr_room) {
		struct folio *folio = page_folio(m, slot_pfn(file->slots[page]));
		uint32_t end = (uint32_t)folio->pub.key + folio->pub.nr_pages;

		if (folio->pub.nr_pages > nr_room - nr)
			break;
		/* Dirtied again while it is being written: its turn comes when that is over. */
		if (!(folio->pub.flags & RCL_FOLIO_IS_WRITEBACK)) {
			writeback_begin(m, folio);
			nr += folio->pub.nr_pages;
		}
		file->writeback_index = end;
		page = next_dirty(file, end);
	}
	plug_finish(m);
	return nr;
}

/* What the flusher is after: all, what exceeds the background limit, what is older than 30 s. */
static bool is_wanted(const struct flusher *flusher, const struct file *file, uint64_t now_ns)
{
	return file->nr_dirty && (flusher->nr_wanted || flusher->is_background || file->dirtied_ns + EXPIRE_NS <= now_ns);
}

/* The next file in turn with something to write, NULL for none. */
static struct file *next_file(struct rcl_machine *m)
{
	struct flusher *flusher = &m->flusher;

	for (uint32_t i = 0; i < m->nr_files; i++) {
		struct file *file = &m->files[(flusher->next_file + i) % m->nr_files];

		if (is_wanted(flusher, file, *m->clock)) {
			flusher->next_file = (uint32_t)(file - m->files + 1);
			return file;
		}
	}
	return NULL;
}

/* Drop the reasons to write that no longer hold. */
static void update_work(struct rcl_machine *m)
{
	struct flusher *flusher = &m->flusher;

	if (flusher->nr_wanted > m->nr_dirty)
		flusher->nr_wanted = m->nr_dirty;
	if (flusher->is_background && !dirty_is_over_background(m, flusher->memcg) && !dirty_is_over_background(m, NULL))
		flusher->is_background = false;
}

static void go_to_sleep(struct rcl_machine *m)
{
	m->flusher.nr_wanted = 0;
	m->flusher.is_background = false;
	if (m->nr_dirty)
		arm_timer(m);
}

/* One chunk of one file. */
static void flusher_run(struct rcl_machine *m, struct actor *actor)
{
	struct flusher *flusher = &m->flusher;
	const struct device *device;
	struct file *file;
	uint32_t nr;

	update_work(m);
	if (!flusher->nr_wanted && !flusher->is_background && actor->clock_ns < flusher->timer_ns) {
		if (m->nr_dirty)
			events_wake_at(m, actor, flusher->timer_ns);
		return;
	}
	file = next_file(m);
	if (!file) {
		go_to_sleep(m);
		return;
	}
	device = device_of_file(m, file);
	nr = write_chunk(m, file);
	TRACE(m, NULL, writeback_single_inode, .ino = (uint64_t)(file - m->files), .index = file->writeback_index,
	      .nr_to_write = CHUNK_PAGES, .wrote = nr);
	flusher->nr_wanted -= nr < flusher->nr_wanted ? nr : flusher->nr_wanted;
	if (nr < CHUNK_PAGES && device_room(device))
		file->dirtied_ns = *m->clock;	/* all of it: what is dirty now became so meanwhile */
	if (nr)
		events_wake(m, actor);
	else if (device->nr_queued)
		events_wake_at(m, actor, device_next_done_ns(device));
}

int writeback_setup(struct rcl_machine *m)
{
	m->flusher.actor = events_add_actor(m, flusher_run, 0);
	if (!m->flusher.actor)
		return machine_error(m, RCL_BAD_ARGUMENT, "too many kernel threads");
	m->flusher.actor->plug = &m->flusher.plug;
	return RCL_OK;
}
