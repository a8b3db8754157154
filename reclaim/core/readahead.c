/*
 * File readahead, see readahead.h. Models mm/readahead.c and the mmap readahead of mm/filemap.c, v6.12.
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
#include "file_tree.h"
#include "memcg.h"
#include "pagecache.h"
#include "stats.h"

#define MIN_LARGE_WINDOW 4		/* min_ra_size of page_cache_ra_order(), mm/readahead.c v6.12, pages */
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

/* What a window asks the device for. */
struct request {
	const struct window *window;
	uint32_t nr_pages;
	bool has_refault;
};

/* Let a missing folio enter; it is marked if it holds the page `mark`. False: there is none. */
static bool add_ahead(struct rcl_machine *m, struct request *request, uint32_t page, uint32_t order, uint32_t mark)
{
	const struct window *window = request->window;
	uint32_t nr_pages = UINT32_C(1) << order;
	bool is_ahead = window->page - page >= nr_pages;
	enum rcl_added reason = is_ahead ? RCL_ADDED_READAHEAD : window->reason;
	struct folio *folio;

	if (RCL_UNLIKELY(order))
		folio = pagecache_add_large(m, window->task, file_key(window->file, page), order, reason, window->in_fault);
	else
		folio = pagecache_add(m, window->task, window->file, page, reason, window->in_fault);
	if (!folio)
		return false;
	if (mark - page < nr_pages)
		folio->marks |= MARK_READAHEAD;
	if (is_ahead) {
		folio->marks |= MARK_AHEAD;
		count(folio_lruvec(folio), RCL_READAHEAD, nr_pages);
	}
	folio->marks |= MARK_LOCKED;
	request->nr_pages += nr_pages;
	return true;
}

/* The missing pages of a window, one by one (page_cache_ra_unbounded()). */
static void add_pages(struct rcl_machine *m, struct request *request, uint32_t first, uint32_t end, uint32_t mark)
{
	const struct file *file = &m->files[request->window->file];

	for (uint32_t page = first; page < end; page++) {
		if (is_cached(file, page))
			continue;
		request->has_refault |= file->slots[page] != 0;
		if (!add_ahead(m, request, page, 0, mark))
			break;
	}
}

/* Whether nothing of a range is cached; notes what was. */
static bool is_missing(const struct file *file, uint32_t first, uint32_t nr_pages, bool *has_refault)
{
	for (uint32_t page = first; page < first + nr_pages; page++) {
		if (is_cached(file, page))
			return false;
		*has_refault |= file->slots[page] != 0;
	}
	return true;
}

/* A folio is charged before its place in the cache is looked at, which may reclaim what is there
 * (filemap_add_folio()). False: something still is. */
static bool charge_and_look(struct rcl_machine *m, struct request *request, uint32_t page, uint32_t nr_pages)
{
	struct task *task = request->window->task;

	if (!memcg_charge(m, task, nr_pages))
		return false;
	memcg_uncharge(task->memcg, nr_pages);
	return is_missing(&m->files[request->window->file], page, nr_pages, &request->has_refault);
}

/* In folios of up to 2^order pages, each aligned and none beyond the end. Answers where that ended: at the end,
 * or where a page was cached or a folio not to be had. */
static uint32_t add_large(struct rcl_machine *m, struct request *request, uint32_t first, uint32_t end, uint32_t order,
			  uint32_t mark)
{
	const struct file *file = &m->files[request->window->file];
	uint32_t page = first, fit;

	for (; page < end; page += UINT32_C(1) << fit) {
		fit = page && (uint32_t)__builtin_ctz(page) < order ? (uint32_t)__builtin_ctz(page) : order;
		while (page + (UINT32_C(1) << fit) > end)
			fit--;
		if (!is_missing(file, page, UINT32_C(1) << fit, &request->has_refault) &&
		    !charge_and_look(m, request, page, UINT32_C(1) << fit))
			break;
		if (!add_ahead(m, request, page, fit, mark))
			break;
	}
	return page;
}

/* The request is made, and its pages are left to whoever wants them. */
static void unlock_pages(struct rcl_machine *m, const struct window *window, uint32_t first, uint32_t end)
{
	for (uint32_t page = first; page < end; page++) {
		struct folio *folio = pagecache_find(m, window->file, page);

		if (folio)
			folio->marks &= (uint8_t)~MARK_LOCKED;
	}
}

static uint32_t end_of_window(const struct file *file, uint32_t first, uint32_t nr_pages)
{
	if (first >= file->nr_pages)
		return first;
	return nr_pages > file->nr_pages - first ? file->nr_pages : first + nr_pages;
}

/* Bring in what is missing of a window, as one request. The page `lookahead` pages before its end is marked, if it
 * was missing; for single pages the window ends with the file, for folios where it would have. Where folios of
 * 2^order pages stop, single pages go on with a window of the same size, as page_cache_ra_order() has it; order 0 is
 * do_page_cache_ra(). */
static void read_window(struct rcl_machine *m, const struct window *window, uint32_t first, uint32_t nr_pages,
			uint32_t lookahead, uint32_t order)
{
	const struct file *file = &m->files[window->file];
	uint32_t page = first, end = end_of_window(file, first, nr_pages);
	struct request request = { .window = window };
	volatile int *interrupt = m->interrupt;

	m->interrupt = NULL;
	m->no_retry = true;
	if (RCL_UNLIKELY(order)) {
		page = add_large(m, &request, first, end, order, first + nr_pages - lookahead);
		if (page < end)
			end = end_of_window(file, page, nr_pages);
	}
	add_pages(m, &request, page, end, end - lookahead);
	m->no_retry = false;
	m->interrupt = interrupt;
	if (request.nr_pages == 0)
		return;
	unlock_pages(m, window, first, end);
	window->ra->window_first = first;
	window->ra->window_pages = end - first;
	window->ra->arrival_ns = device_read(m, device_of_file(m, file), request.nr_pages);
	if (window->page != RCL_NIL)
		readahead_wait(m, window->task, readahead_arrival_ns(window->ra, window->page), request.has_refault);
}

/* The orders of a window: two more than what led to it, up to the file system's and the window's size
 * (page_cache_ra_order()). */
static uint32_t folio_order(const struct rcl_machine *m, const struct window *window, uint32_t order)
{
	uint32_t most = m->config.file_folio_order, size = window->ra->size, of_size;

	if (most == 0 || size < MIN_LARGE_WINDOW)
		return 0;
	if (order < most)
		order += 2;
	of_size = 31 - (uint32_t)__builtin_clz(size);
	if (order > most)
		order = most;
	return order < of_size ? order : of_size;
}

/* `order` is that of the folio whose mark was reached, 0 for none. */
static void read_state(struct rcl_machine *m, const struct window *window, uint32_t order)
{
	read_window(m, window, window->ra->start, window->ra->size, window->ra->async_size,
		    folio_order(m, window, order));
}

/* page_cache_sync_ra(); `previous` is where the last read ended, in pages. */
static void read_sync(struct rcl_machine *m, const struct window *window, uint32_t nr_wanted, uint32_t previous)
{
	struct file_ra_state *ra = window->ra;
	uint32_t max_pages = readahead_max_pages(m), page = window->page, miss, nr_before;

	/* The start of a file, and reads that follow each other. */
	if (page == 0 || nr_wanted > max_pages || page - previous <= 1) {
		ra->start = page;
		ra->size = first_size(nr_wanted, max_pages);
		ra->async_size = ra->size > nr_wanted ? ra->size - nr_wanted : ra->size >> 1;
		read_state(m, window, 0);
		return;
	}
	/* A sequential stream leaves cached pages behind it (the history). */
	miss = file_tree_prev_miss(&m->files[window->file], page - 1, max_pages);
	nr_before = page - miss - 1;
	if (nr_before <= nr_wanted) {
		read_window(m, window, page, nr_wanted, 0, 0);
		return;
	}
	if (miss == RCL_NIL)
		nr_before *= 2;
	ra->start = page;
	ra->size = nr_before + nr_wanted < max_pages ? nr_before + nr_wanted : max_pages;
	ra->async_size = 1;
	read_state(m, window, 0);
}

/* page_cache_async_ra(): push the window on when its marked page is reached. */
static void read_async(struct rcl_machine *m, const struct window *window, struct folio *folio, uint32_t page,
		       uint32_t nr_wanted)
{
	struct file_ra_state *ra = window->ra;
	uint32_t max_pages = readahead_max_pages(m), miss;

	if (max_pages == 0 || folio->pub.flags & RCL_FOLIO_IS_WRITEBACK)
		return;		/* then the mark is PG_reclaim */
	folio->marks &= (uint8_t)~MARK_READAHEAD;
	if (page == ((ra->start + ra->size - ra->async_size) & ~(folio->pub.nr_pages - 1u))) {
		uint32_t size = next_size(ra->size, max_pages);

		ra->start += ra->size;
		ra->size = size > ra->size ? size : ra->size;
		ra->async_size = ra->size;
		read_state(m, window, folio->pub.order);
		return;
	}
	/* Marked by somebody else's window, as in interleaved reads: its end says how large it was. */
	miss = file_tree_next_miss(&m->files[window->file], page + 1, max_pages);
	if (miss - page > max_pages)
		return;
	ra->start = miss;
	ra->size = next_size(miss - page + nr_wanted, max_pages);
	ra->async_size = ra->size;
	read_state(m, window, folio->pub.order);
}

void readahead_wait(struct rcl_machine *m, struct task *task, uint64_t arrival_ns, bool is_pressure)
{
	uint64_t start_ns = *m->clock;

	if (arrival_ns <= start_ns)
		return;
	stall_begin(m, task, RCL_STALL_IO, is_pressure);
	events_sleep_until(m, arrival_ns);
	stall_record(m, task, RCL_STALL_IO, start_ns, is_pressure);
}

void readahead_read_miss(struct rcl_machine *m, struct task *task, struct file_span *span, uint32_t page)
{
	const struct window window = { .task = task, .ra = &span->ra, .file = span->file, .page = page,
				       .reason = RCL_ADDED_BUFFERED };

	uint32_t previous = span->prev_page == RCL_NIL ? RCL_NIL - 1 : span->prev_page + !m->config.partial_reads;

	/* filemap_read() leaves prev_pos behind the last byte that it read: where that ended its page, on the next one. */
	read_sync(m, &window, 1, previous);
}

void readahead_read_marked(struct rcl_machine *m, struct task *task, struct file_span *span, struct folio *folio,
			   uint32_t page)
{
	const struct window window = { .task = task, .ra = &span->ra, .file = span->file, .page = RCL_NIL };

	/* filemap_readahead() begins at the folio. */
	read_async(m, &window, folio, (uint32_t)folio->pub.key, page + 1 - (uint32_t)folio->pub.key);
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
	read_state(m, &window, 0);
}

static void note_mmap_hit(struct file_ra_state *ra)
{
	if (ra->mmap_miss)
		ra->mmap_miss--;
}

bool readahead_fault_hit(struct rcl_machine *m, struct task *task, const struct vma *vma, struct folio *folio,
			 uint32_t page)
{
	struct file_ra_state *ra = readahead_of_vma(task, vma);
	const struct window window = { .task = task, .ra = ra, .file = vma->file, .page = RCL_NIL,
				       .in_fault = true };

	if (vma->flags & RCL_MAPPING_RANDOM)
		return false;
	note_mmap_hit(ra);
	if (!(folio->marks & MARK_READAHEAD))
		return false;
	read_async(m, &window, folio, page, readahead_max_pages(m));
	return true;
}

void readahead_fault_again(struct task *task, const struct vma *vma)
{
	if (!(vma->flags & RCL_MAPPING_RANDOM))
		note_mmap_hit(readahead_of_vma(task, vma));
}
