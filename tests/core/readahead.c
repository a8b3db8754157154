/*
 * File readahead and fault-around: windows as the kernel sizes them, what a fault maps, when a task
 * waits, and what became of pages that nobody asked for.
 */
#include "harness.h"
#include "machine.h"
#include "pagecache.h"

struct stage {
	struct rcl_machine *m;
	uint32_t file;
	uint32_t task;
};

/* One task with a file of nr_pages pages, mapped and open, on a machine of 4096 pages. */
static struct stage set_stage(uint64_t nr_pages, uint32_t kib, uint32_t around_bytes, uint64_t max_pages)
{
	struct rcl_mapping mapping = { .nr_pages = nr_pages, .flags = RCL_MAPPING_FILE | RCL_MAPPING_SHARED };
	struct rcl_node_config node;
	struct rcl_config config = exact_config(&node, 4096);
	struct stage stage;

	config.read_ahead_kb = kib;
	config.fault_around_bytes = around_bytes;
	stage.m = build_machine(&config);
	stage.file = make_file(stage.m, nr_pages);
	mapping.file = stage.file;
	stage.task = make_task(stage.m, make_memcg(stage.m, max_pages), &mapping, &stage.file);
	return stage;
}

static void access_page(const struct stage *stage, uint32_t record)
{
	CHECK_EQUAL(run_records(stage->m, stage->task, &record, 1), RCL_OK);
	check_machine(stage->m);
}

static uint32_t nr_cached(const struct stage *stage, uint32_t first, uint32_t nr_pages)
{
	uint32_t nr = 0, pfn;

	for (uint32_t page = first; page < first + nr_pages; page++) {
		CHECK_EQUAL(rcl_file_folio(stage->m, stage->file, page, &pfn), RCL_OK);
		nr += pfn != UINT32_MAX;
	}
	return nr;
}

static uint32_t nr_mapped(const struct stage *stage, uint32_t first, uint32_t nr_pages)
{
	uint32_t pte, nr = 0;

	for (uint32_t page = first; page < first + nr_pages; page++) {
		CHECK_EQUAL(rcl_task_ptes(stage->m, stage->task, page, 1, &pte), RCL_OK);
		nr += pte & 1;
	}
	return nr;
}

static uint64_t clock_of(const struct stage *stage)
{
	struct rcl_task_info info;

	CHECK_EQUAL(rcl_task_info(stage->m, stage->task, &info), RCL_OK);
	return info.clock_ns;
}

/* 4, 8, 16, 32, 32 pages: get_init_ra_size(1, 32), then doubled at each marked page. */
static void sequential_reads_grow_the_window(void)
{
	static const uint32_t ends[][2] = { { 0, 4 }, { 1, 12 }, { 4, 28 }, { 12, 60 }, { 28, 92 } };
	struct stage stage = set_stage(1000, 128, 4096, 2000);
	uint32_t page = 0;

	for (uint32_t i = 0; i < 5; i++) {
		for (; page <= ends[i][0]; page++)
			access_page(&stage, BUFFERED | page);
		CHECK_EQUAL(nr_cached(&stage, 0, 1000), ends[i][1]);
	}
	CHECK_EQUAL(counter(stage.m, RCL_READAHEAD), 92 - 1);
	rcl_machine_free(stage.m);
}

static void a_lone_read_reads_its_page(void)
{
	struct stage stage = set_stage(1000, 128, 4096, 2000);

	access_page(&stage, BUFFERED | 500);
	access_page(&stage, BUFFERED | 100);
	CHECK_EQUAL(nr_cached(&stage, 0, 1000), 2);
	CHECK_EQUAL(counter(stage.m, RCL_READAHEAD), 0);
	rcl_machine_free(stage.m);
}

/* Two streams through one descriptor: each finds its marked page, or the history it left behind. */
static void interleaved_streams_read_ahead(void)
{
	struct stage stage = set_stage(2000, 128, 4096, 4000);

	for (uint32_t i = 0; i < 64; i++) {
		access_page(&stage, BUFFERED | i);
		access_page(&stage, BUFFERED | (1000 + i));
	}
	CHECK(nr_cached(&stage, 64, 100) > 16);
	CHECK(nr_cached(&stage, 1064, 100) > 16);
	rcl_machine_free(stage.m);
}

static void the_window_ends_with_the_file(void)
{
	struct stage stage = set_stage(3, 128, 4096, 2000);

	for (uint32_t page = 0; page < 3; page++)
		access_page(&stage, BUFFERED | page);
	CHECK_EQUAL(nr_cached(&stage, 0, 3), 3);
	rcl_machine_free(stage.m);
}

/* The first read waits for its window; a read on the marked page starts the next and does not. */
static void only_a_page_on_its_way_is_waited_for(void)
{
	struct stage stage = set_stage(1000, 128, 4096, 2000);
	struct rcl_config config;
	uint64_t start_ns;

	rcl_config_init(&config);
	access_page(&stage, BUFFERED | 0);
	CHECK(clock_of(&stage) >= config.costs.ssd_read_ns + 3 * config.costs.ssd_page_ns);
	start_ns = clock_of(&stage);
	for (uint32_t page = 1; page < 4; page++)
		access_page(&stage, BUFFERED | page);
	CHECK(clock_of(&stage) - start_ns < config.costs.ssd_read_ns / 2);
	access_page(&stage, BUFFERED | 4);
	CHECK(clock_of(&stage) - start_ns >= config.costs.ssd_read_ns);
	rcl_machine_free(stage.m);
}

/* The mark lies before the end that the file leaves the window: 496, 8 before 504, is not mapped around. */
static void a_window_is_marked_before_the_end_of_the_file(void)
{
	struct stage stage = set_stage(504, 128, 65536, 2000);

	access_page(&stage, 500);
	CHECK_EQUAL(nr_cached(&stage, 484, 20), 20);
	CHECK_EQUAL(nr_mapped(&stage, 496, 8), 7);
	CHECK_EQUAL(nr_mapped(&stage, 496, 1), 0);
	rcl_machine_free(stage.m);
}

/* Read-around: half the window lies before the page, and of the aligned 64 KiB around it all but the
 * marked page (508, 8 before the window's end) are mapped. */
static void a_fault_reads_and_maps_around(void)
{
	struct stage stage = set_stage(1000, 128, 65536, 2000);

	access_page(&stage, 500);
	CHECK_EQUAL(nr_cached(&stage, 484, 32), 32);
	CHECK_EQUAL(nr_cached(&stage, 0, 1000), 32);
	CHECK_EQUAL(nr_mapped(&stage, 496, 16), 15);
	CHECK_EQUAL(nr_mapped(&stage, 0, 1000), 15);
	CHECK_EQUAL(counter(stage.m, RCL_PGMAJFAULT), 1);
	CHECK_EQUAL(counter(stage.m, RCL_PGFAULT), 1);
	CHECK_EQUAL(counter(stage.m, RCL_FAULT_AROUND), 15);
	access_page(&stage, 488);	/* cached, one more fault maps 484 to 495 */
	CHECK_EQUAL(nr_mapped(&stage, 0, 1000), 27);
	CHECK_EQUAL(counter(stage.m, RCL_PGMAJFAULT), 1);
	rcl_machine_free(stage.m);
}

static void a_write_fault_maps_one_page(void)
{
	struct stage stage = set_stage(1000, 128, 65536, 2000);

	access_page(&stage, WRITE | 500);
	CHECK_EQUAL(nr_cached(&stage, 0, 1000), 32);
	CHECK_EQUAL(nr_mapped(&stage, 0, 1000), 1);
	rcl_machine_free(stage.m);
}

/* The marked page is left to a fault of its own, which reads on. */
static void a_marked_page_is_not_mapped_around(void)
{
	struct stage stage = set_stage(1000, 128, 65536, 2000);

	access_page(&stage, 488);	/* window 472 to 503, marked 496 */
	access_page(&stage, 497);
	CHECK_EQUAL(nr_mapped(&stage, 496, 1), 0);
	CHECK_EQUAL(nr_cached(&stage, 0, 1000), 32);
	access_page(&stage, 496);
	CHECK_EQUAL(nr_cached(&stage, 504, 32), 32);
	rcl_machine_free(stage.m);
}

/* Where a read ended its page, one of the page after the next follows on it; where it ended inside, only the next. */
static void what_follows_depends_on_where_a_read_ended(void)
{
	for (uint8_t is_partial = 0; is_partial < 2; is_partial++) {
		struct stage stage = set_stage(1000, 128, 4096, 2000);

		stage.m->config.partial_reads = is_partial;
		access_page(&stage, BUFFERED | 500);
		access_page(&stage, BUFFERED | 502);
		CHECK_EQUAL(nr_cached(&stage, 502, 4), is_partial ? 1 : 4);
		access_page(&stage, BUFFERED | 700);
		access_page(&stage, BUFFERED | 701);
		CHECK_EQUAL(nr_cached(&stage, 701, 4), 4);
		rcl_machine_free(stage.m);
	}
}

/* A fault that read on starts over: it maps around now that the mark is gone. */
static void a_fault_that_read_on_starts_over(void)
{
	struct stage stage = set_stage(1000, 128, 65536, 2000);

	access_page(&stage, 488);
	access_page(&stage, 496);
	CHECK_EQUAL(nr_mapped(&stage, 496, 8), 8);	/* and none of what is on its way, 504 to 535 */
	CHECK_EQUAL(nr_mapped(&stage, 504, 8), 0);
	rcl_machine_free(stage.m);
}

/* Without fault-around it finds the page twice, which counts against the misses. */
static void a_marked_page_is_a_hit_twice(void)
{
	struct stage stage = set_stage(1000, 128, 4096, 2000);
	struct file_ra_state *ra;

	access_page(&stage, 488);
	ra = &stage.m->tasks[stage.task]->vmas[0].ra;
	ra->mmap_miss = 10;
	access_page(&stage, 489);
	CHECK_EQUAL(ra->mmap_miss, 9);
	access_page(&stage, 496);
	CHECK_EQUAL(ra->mmap_miss, 7);
	rcl_machine_free(stage.m);
}

/* folio_mark_dirty() of a store clears PG_readahead, filemap_dirty_folio() of write() does not. */
static void a_store_takes_the_mark_and_a_write_leaves_it(void)
{
	struct stage stage = set_stage(1000, 128, 4096, 2000);
	struct folio *folio;

	access_page(&stage, BUFFERED | 0);	/* 0 to 3, marked 1 */
	folio = pagecache_find(stage.m, stage.file, 1);
	CHECK(folio->marks & MARK_READAHEAD);
	access_page(&stage, BUFFERED | WRITE | 1);
	CHECK(folio->pub.flags & RCL_FOLIO_IS_DIRTY && folio->marks & MARK_READAHEAD);
	stage.m->config.read_ahead_kb = 0;	/* so that the fault does not take it for its own */
	access_page(&stage, WRITE | 1);
	CHECK(!(folio->marks & MARK_READAHEAD));
	rcl_machine_free(stage.m);
}

/* Faults without end that find nothing, and nothing to map around: read-around gives up. */
static void misses_end_read_around(void)
{
	struct stage stage = set_stage(4000, 128, 4096, 4000);

	for (uint32_t i = 0; i < 101; i++)
		access_page(&stage, i * 33 + 16);
	CHECK_EQUAL(nr_cached(&stage, 0, 4000), 100 * 32 + 1);
	rcl_machine_free(stage.m);
}

static void pages_for_nothing_are_counted(void)
{
	struct stage stage = set_stage(4000, 128, 4096, 100);

	for (uint32_t i = 0; i < 20; i++)
		access_page(&stage, i * 100);
	CHECK(counter(stage.m, RCL_READAHEAD) > 500);
	CHECK(counter(stage.m, RCL_READAHEAD_WASTED) > 400);
	CHECK(counter(stage.m, RCL_READAHEAD_WASTED) < counter(stage.m, RCL_READAHEAD));
	CHECK_EQUAL(counter(stage.m, RCL_OOM_KILL), 0);
	rcl_machine_free(stage.m);
}

/* A limit smaller than the window: it ends early, and the page asked for is there all the same. */
/* Its pages are locked until the request is made, so that the window ends where nothing else is left to take. */
static void reclaim_leaves_a_window_that_is_being_filled(void)
{
	struct stage stage = set_stage(1000, 128, 65536, 20);

	access_page(&stage, 500);	/* 484 to 515, of which 20 fit */
	CHECK_EQUAL(nr_cached(&stage, 484, 20), 20);
	CHECK_EQUAL(nr_cached(&stage, 0, 1000), 20);
	CHECK_EQUAL(counter(stage.m, RCL_PGSTEAL_FILE), 0);
	access_page(&stage, 800);	/* then they are like any other */
	CHECK(counter(stage.m, RCL_PGSTEAL_FILE) > 0);
	CHECK_EQUAL(nr_cached(&stage, 800, 1), 1);
	rcl_machine_free(stage.m);
}

static void a_window_larger_than_the_limit_ends_early(void)
{
	struct stage stage = set_stage(1000, 128, 65536, 4);

	for (uint32_t i = 0; i < 50; i++)
		access_page(&stage, i * 17);
	CHECK_EQUAL(counter(stage.m, RCL_OOM_KILL), 0);
	CHECK_EQUAL(counter(stage.m, RCL_PGMAJFAULT), 50);
	rcl_machine_free(stage.m);
}

static void nonsense_is_refused(void)
{
	struct rcl_node_config node;
	struct rcl_config config = exact_config(&node, 4096);
	struct rcl_machine *m;
	char error[256];

	config.fault_around_bytes = 5000;
	CHECK_EQUAL(rcl_machine_create(&config, &m, error, sizeof(error)), RCL_BAD_ARGUMENT);
	CHECK(strstr(error, "fault_around_bytes is 5000"));
	config.fault_around_bytes = 4096;
	config.read_ahead_kb = 1 << 20;
	CHECK_EQUAL(rcl_machine_create(&config, &m, error, sizeof(error)), RCL_BAD_ARGUMENT);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "sequential_reads_grow_the_window", sequential_reads_grow_the_window },
		{ "a_lone_read_reads_its_page", a_lone_read_reads_its_page },
		{ "interleaved_streams_read_ahead", interleaved_streams_read_ahead },
		{ "the_window_ends_with_the_file", the_window_ends_with_the_file },
		{ "only_a_page_on_its_way_is_waited_for", only_a_page_on_its_way_is_waited_for },
		{ "a_window_is_marked_before_the_end_of_the_file", a_window_is_marked_before_the_end_of_the_file },
		{ "a_fault_reads_and_maps_around", a_fault_reads_and_maps_around },
		{ "a_write_fault_maps_one_page", a_write_fault_maps_one_page },
		{ "a_marked_page_is_not_mapped_around", a_marked_page_is_not_mapped_around },
		{ "what_follows_depends_on_where_a_read_ended", what_follows_depends_on_where_a_read_ended },
		{ "a_fault_that_read_on_starts_over", a_fault_that_read_on_starts_over },
		{ "a_marked_page_is_a_hit_twice", a_marked_page_is_a_hit_twice },
		{ "a_store_takes_the_mark_and_a_write_leaves_it", a_store_takes_the_mark_and_a_write_leaves_it },
		{ "misses_end_read_around", misses_end_read_around },
		{ "pages_for_nothing_are_counted", pages_for_nothing_are_counted },
		{ "reclaim_leaves_a_window_that_is_being_filled", reclaim_leaves_a_window_that_is_being_filled },
		{ "a_window_larger_than_the_limit_ends_early", a_window_larger_than_the_limit_ends_early },
		{ "nonsense_is_refused", nonsense_is_refused },
	};

	return run_tests_main(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
