/*
 * Writeback, see writeback.h. Models folio_account_dirtied(), folio_clear_dirty_for_io() and folio_end_writeback()
 * (mm/page-writeback.c, mm/filemap.c) of v6.12.
 *
 * SIMPLIFIED: a large folio is written whole, also where a program wrote a part, which iomap tells apart; effect:
 * scattered writes of such files take longer.
 */
#include "writeback.h"

#include "device.h"
#include "flusher.h"
#include "hooks.h"
#include "mlock.h"
#include "pagecache.h"
#include "plug.h"
#include "rmap.h"
#include "rstat.h"
#include "stats.h"

static void note_memcg(const struct folio *folio)
{
	rstat_updated(&memcg_of(folio->pub.memcg)->lruvecs[0]);
}

void writeback_note_dirty(struct rcl_machine *m, struct folio *folio)
{
	struct file *file = pagecache_file(m, folio);
	uint32_t first = (uint32_t)folio->pub.key, nr = folio->pub.nr_pages;

	for (uint32_t page = first; page < first + nr; page++)
		file->dirty_tags[page / 64] |= UINT64_C(1) << page % 64;
	flusher_note_dirty(m, file);
	file->nr_dirty += nr;
	m->nr_dirty += nr;
	memcg_of(folio->pub.memcg)->nr_dirty += nr;
	note_memcg(folio);
	device_of_file(m, file)->write_rate.nr_dirtied += nr;
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
	note_memcg(folio);
}

static void begin(struct rcl_machine *m, struct folio *folio)
{
	uint32_t nr = folio->pub.nr_pages;

	folio->pub.flags |= RCL_FOLIO_IS_WRITEBACK;
	m->nr_writeback += nr;
	memcg_of(folio->pub.memcg)->nr_writeback += nr;
	note_memcg(folio);
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

	if (nr_ptes)	/* who could write is made to fault: folio_mark_dirty(), for its side effects */
		folio->marks &= (uint8_t)~MARK_RECLAIM;
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
	note_memcg(folio);
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
	if (folio->pub.type == RCL_FILE)
		device_of_file(m, pagecache_file(m, folio))->write_rate.nr_written += folio->pub.nr_pages;
	if (!(folio->marks & MARK_RECLAIM))
		return;
	folio->marks &= (uint8_t)~MARK_RECLAIM;
	rotate(m, folio);
}
