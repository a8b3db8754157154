/*
 * File readahead, see readahead.h. Models mm/readahead.c and the mmap readahead of mm/filemap.c,
 * v6.12, for file systems without large folios.
 *
 * A window is allocated as the kernel does it, with __GFP_NORETRY: one reclaim, no OOM, and where
 * that does not help the window ends. An interrupt waits until the window is done, so that a run
 * that was interrupted goes on as if it had not been.
 *
 * SIMPLIFIED: no congestion (blk_cgroup_congested()), and reads are never longer than the window
 * (bdi->io_pages); effect: none for single devices and reads of a page.
 */
#include "readahead.h"

#include "device.h"
#include "events.h"
#include "pagecache.h"
#include "stats.h"

#define MMAP_LOTSAMISS 100		/* mm/filemap.c v6.12: misses over hits that end read-around */

/* Who reads ahead, and from where (struct readahead_control). */
struct window {
	struct task *task;
	struct file_ra_state *ra;
	uint32_t file;
	uint32_t page;			/* asked for, RCL_NIL in an asynchronous window */
	enum rcl_added reason;		/* of the page asked for */
	bool in_fault;
};

static uint32_t round_up_to_power_of_two(uint32_t x)
{
	return x <= 1 ? 1 : UINT32_C(1) << (32 - __builtin_clz(x - 1));
}

/* get_init_ra_size() */
static uint32_t first_size(uint32_t nr_pages, uint32_t max_pages)
{
	uint32_t size = round_up_to_power_of_two(nr_pages);

	if (size <= max_pages / 32)
		return size * 4;
	return size <= max_pages / 4 ? size * 2 : max_pages;
}

/* get_next_ra_size() */
static uint32_t next_size(uint32_t size, uint32_t max_pages)
{
	if (size < max_pages / 16)
		return 4 * size;
	return size <= max_pages / 2 ? 2 * size : max_pages;
}

static bool is_cached(const struct file *file, uint32_t page)
{
	uint64_t slot = file->slots[page];

	return slot && !slot_is_shadow(slot);
}

/* Cached pages in a row before a page, at most `most` (page_cache_prev_miss()). */
static uint32_t count_before(const struct file *file, uint32_t page, uint32_t most)
{
	uint32_t nr = 0;

	while (nr < most && nr < page && is_cached(file, page - 1 - nr))
		nr++;
	return nr;
}

/* Cached pages in a row from a page on, at most `most` (page_cache_next_miss()). */
static uint32_t count_from(const struct file *file, uint32_t page, uint32_t most)
{
	uint32_t nr = 0;

	while (nr < most && page + nr < file->nr_pages && is_cached(file, page + nr))
		nr++;
	return nr;
}

/* Allocate and admit the missing pages of a window; answers how many came in. */
static uint32_t add_pages(struct rcl_machine *m, const struct window *window, uint32_t first, uint32_t nr_pages,
			  uint32_t mark, bool *has_refault)
{
	struct folio *asked_for = NULL;
	uint32_t nr_added = 0;

	for (uint32_t page = first; page < first + nr_pages; page++) {
		bool is_ahead = page != window->page;
		struct folio *folio;

		if (is_cached(&m->files[window->file], page))
			continue;
		*has_refault |= m->files[window->file].slots[page] != 0;
		folio = pagecache_add(m, window->task, window->file, page,
				      is_ahead ? RCL_ADDED_READAHEAD : window->reason, window->in_fault);
		if (!folio)
			break;
		if (page == mark)
			folio->marks |= MARK_READAHEAD;
		if (is_ahead) {
			folio->marks |= MARK_AHEAD;
			count(folio_lruvec(folio), RCL_READAHEAD, 1);
		} else {
			folio->pins++;		/* stays until the window is complete, as a locked folio would */
			asked_for = folio;
		}
		nr_added++;
	}
	if (asked_for)
		asked_for->pins--;
	return nr_added;
}

/* do_page_cache_ra(): bring in what is missing of a window, as one request. The page `lookahead`
 * pages before its end is marked, if it was missing. */
static void read_window(struct rcl_machine *m, const struct window *window, uint32_t first, uint32_t nr_pages,
			uint32_t lookahead)
{
	const struct file *file = &m->files[window->file];
	uint32_t mark = first + nr_pages - lookahead, nr_added;
	volatile int *interrupt = m->interrupt;
	bool has_refault = false;

	if (first >= file->nr_pages)
		return;
	if (nr_pages > file->nr_pages - first)
		nr_pages = file->nr_pages - first;
	m->interrupt = NULL;
	m->no_retry = true;
	nr_added = add_pages(m, window, first, nr_pages, lookahead ? mark : RCL_NIL, &has_refault);
	m->no_retry = false;
	m->interrupt = interrupt;
	if (nr_added == 0)
		return;
	window->ra->window_first = first;
	window->ra->window_pages = nr_pages;
	window->ra->arrival_ns = device_read(m, device_of_file(m, &m->files[window->file]), nr_added);
	if (window->page != RCL_NIL)
		readahead_wait(m, window->task, readahead_arrival_ns(window->ra, window->page), has_refault);
}

static void read_state(struct rcl_machine *m, const struct window *window)
{
	read_window(m, window, window->ra->start, window->ra->size, window->ra->async_size);
}

/* page_cache_sync_ra(); `previous` is where the last read ended, in pages. */
static void read_sync(struct rcl_machine *m, const struct window *window, uint32_t nr_wanted, uint32_t previous)
{
	struct file_ra_state *ra = window->ra;
	uint32_t max_pages = readahead_max_pages(m), page = window->page, nr_before;

	/* The start of a file, and reads that follow each other. */
	if (page == 0 || nr_wanted > max_pages || page - previous <= 1) {
		ra->start = page;
		ra->size = first_size(nr_wanted, max_pages);
		ra->async_size = ra->size > nr_wanted ? ra->size - nr_wanted : ra->size >> 1;
		read_state(m, window);
		return;
	}
	/* A sequential stream leaves cached pages behind it (the history). */
	nr_before = count_before(&m->files[window->file], page, max_pages);
	if (nr_before <= nr_wanted) {
		read_window(m, window, page, nr_wanted, 0);
		return;
	}
	if (nr_before == page)
		nr_before *= 2;
	ra->start = page;
	ra->size = nr_before + nr_wanted < max_pages ? nr_before + nr_wanted : max_pages;
	ra->async_size = 1;
	read_state(m, window);
}

/* page_cache_async_ra(): push the window on when its marked page is reached. */
static void read_async(struct rcl_machine *m, const struct window *window, struct folio *folio, uint32_t page,
		       uint32_t nr_wanted)
{
	struct file_ra_state *ra = window->ra;
	uint32_t max_pages = readahead_max_pages(m), nr_cached;

	if (max_pages == 0 || folio->pub.flags & RCL_FOLIO_IS_WRITEBACK)
		return;		/* then the mark is PG_reclaim */
	folio->marks &= (uint8_t)~MARK_READAHEAD;
	if (page == ra->start + ra->size - ra->async_size) {
		uint32_t size = next_size(ra->size, max_pages);

		ra->start += ra->size;
		ra->size = size > ra->size ? size : ra->size;
		ra->async_size = ra->size;
		read_state(m, window);
		return;
	}
	/* Marked by somebody else's window, as in interleaved reads: its end says how large it was. */
	nr_cached = count_from(&m->files[window->file], page + 1, max_pages);
	if (nr_cached + 1 > max_pages)
		return;
	ra->start = page + 1 + nr_cached;
	ra->size = next_size(nr_cached + 1 + nr_wanted, max_pages);
	ra->async_size = ra->size;
	read_state(m, window);
}

void readahead_wait(struct rcl_machine *m, struct task *task, uint64_t arrival_ns, bool is_pressure)
{
	uint64_t start_ns = *m->clock;

	if (arrival_ns <= start_ns)
		return;
	events_sleep_until(m, arrival_ns);
	stall_record(m, task, RCL_STALL_IO, start_ns, is_pressure);
}

void readahead_read_miss(struct rcl_machine *m, struct task *task, struct file_span *span, uint32_t page)
{
	const struct window window = { .task = task, .ra = &span->ra, .file = span->file, .page = page,
				       .reason = RCL_ADDED_BUFFERED };

	/* filemap_read() leaves prev_pos behind the last byte that it read: on the following page. */
	read_sync(m, &window, 1, span->prev_page == RCL_NIL ? RCL_NIL - 1 : span->prev_page + 1);
}

void readahead_read_marked(struct rcl_machine *m, struct task *task, struct file_span *span, struct folio *folio,
			   uint32_t page)
{
	const struct window window = { .task = task, .ra = &span->ra, .file = span->file, .page = RCL_NIL };

	read_async(m, &window, folio, page, 1);
}

void readahead_fault_miss(struct rcl_machine *m, struct task *task, const struct vma *vma, uint32_t page)
{
	struct file_ra_state *ra = readahead_of_vma(task, vma);
	const struct window window = { .task = task, .ra = ra, .file = vma->file, .page = page,
				       .reason = RCL_ADDED_FILE_FAULT, .in_fault = true };
	uint32_t max_pages = readahead_max_pages(m);

	if (vma->flags & RCL_MAPPING_RANDOM)
		return;
	if (vma->flags & RCL_MAPPING_SEQUENTIAL) {
		read_sync(m, &window, max_pages, RCL_NIL - 1);
		return;
	}
	if (ra->mmap_miss < MMAP_LOTSAMISS * 10)
		ra->mmap_miss++;
	if (ra->mmap_miss > MMAP_LOTSAMISS)
		return;
	ra->start = page > max_pages / 2 ? page - max_pages / 2 : 0;
	ra->size = max_pages;
	ra->async_size = max_pages / 4;
	read_state(m, &window);
}

void readahead_fault_hit(struct rcl_machine *m, struct task *task, const struct vma *vma, struct folio *folio,
			 uint32_t page)
{
	struct file_ra_state *ra = readahead_of_vma(task, vma);
	const struct window window = { .task = task, .ra = ra, .file = vma->file, .page = RCL_NIL,
				       .in_fault = true };

	if (vma->flags & RCL_MAPPING_RANDOM)
		return;
	if (ra->mmap_miss)
		ra->mmap_miss--;
	if (folio->marks & MARK_READAHEAD)
		read_async(m, &window, folio, page, readahead_max_pages(m));
}
