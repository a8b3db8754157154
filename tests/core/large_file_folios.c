/*
 * Large folios of files: which ones readahead makes, and that reclaim, writeback and mappings take them as wholes.
 */
#include "harness.h"
#include "machine.h"

struct stage {
	struct rcl_machine *m;
	uint32_t memcg;
	uint32_t file;
	uint32_t task;
};

/* One task with a file of nr_pages pages, mapped and open, on a machine of 4096 pages. */
static struct stage set_stage(uint64_t nr_pages, uint32_t kib, uint32_t order, uint64_t max_pages)
{
	struct rcl_mapping mapping = { .nr_pages = nr_pages, .flags = RCL_MAPPING_FILE | RCL_MAPPING_SHARED };
	struct rcl_node_config node;
	struct rcl_config config = exact_config(&node, 4096);
	struct stage stage;

	config.read_ahead_kb = kib;
	config.fault_around_bytes = 65536;
	config.file_folio_order = order;
	config.repeat_reads = 0;	/* pages of a folio that are read in a row are one use of it */
	stage.m = build_machine(&config);
	stage.file = make_file(stage.m, nr_pages);
	mapping.file = stage.file;
	stage.memcg = make_memcg(stage.m, max_pages);
	stage.task = make_task(stage.m, stage.memcg, &mapping, &stage.file);
	return stage;
}

static void access_page(const struct stage *stage, uint32_t record)
{
	CHECK_EQUAL(run_records(stage->m, stage->task, &record, 1), RCL_OK);
	check_machine(stage->m);
}

static void read_pages(const struct stage *stage, uint32_t first, uint32_t end)
{
	for (uint32_t page = first; page < end; page++)
		access_page(stage, BUFFERED | page);
}

/* The folio that holds a page, whose order is 255 where none does. */
static struct rcl_folio_info cached_folio(const struct stage *stage, uint32_t page)
{
	struct rcl_folio_info info = { .order = 255 };
	uint32_t pfn;

	CHECK_EQUAL(rcl_file_folio(stage->m, stage->file, page, &pfn), RCL_OK);
	if (pfn != UINT32_MAX)
		CHECK_EQUAL(rcl_folio_info(stage->m, pfn, &info), RCL_OK);
	return info;
}

static uint64_t usage_of(const struct stage *stage)
{
	struct rcl_memcg_info info;

	CHECK_EQUAL(rcl_memcg_info(stage->m, stage->memcg, &info), RCL_OK);
	return info.usage_pages;
}

struct place {
	uint32_t page;
	uint32_t order;
};

static void check_orders(const struct stage *stage, const struct place *places, uint32_t nr)
{
	for (uint32_t i = 0; i < nr; i++) {
		struct rcl_folio_info info = cached_folio(stage, places[i].page);

		CHECK_EQUAL(info.order, places[i].order);
		if (info.order != 255)
			CHECK_EQUAL((uint32_t)info.key, places[i].page);
	}
}

#define CHECK_ORDERS(stage, ...) \
	do { \
		static const struct place places[] = { __VA_ARGS__ }; \
		check_orders(stage, places, sizeof(places) / sizeof(*places)); \
	} while (0)

/* Windows of 4, 8, 16 and 32 pages: the mark lies in the folio that is asked for, so that the second comes at once.
 * Each begins at a page that is a multiple of four and no more, and the order grows from there. */
static void sequential_reads_make_folios_that_grow(void)
{
	struct stage stage = set_stage(1000, 128, 9, UINT64_MAX);

	read_pages(&stage, 0, 1);
	CHECK_ORDERS(&stage, { 0, 2 }, { 4, 2 }, { 8, 2 }, { 12, 255 });
	read_pages(&stage, 1, 5);
	CHECK_ORDERS(&stage, { 12, 2 }, { 16, 3 }, { 24, 2 }, { 28, 255 });
	read_pages(&stage, 5, 13);
	CHECK_ORDERS(&stage, { 28, 2 }, { 32, 4 }, { 48, 3 }, { 56, 2 }, { 60, 255 });
	CHECK_EQUAL(usage_of(&stage), 60);
	CHECK_EQUAL(counter(stage.m, RCL_PGPGIN), 60);
	rcl_machine_free(stage.m);
}

static void the_file_system_bounds_the_order(void)
{
	struct stage stage = set_stage(1000, 128, 1, UINT64_MAX);

	read_pages(&stage, 0, 5);
	CHECK_ORDERS(&stage, { 0, 1 }, { 2, 1 }, { 4, 1 }, { 26, 1 });
	rcl_machine_free(stage.m);
}

static void the_last_folios_end_with_the_file(void)
{
	struct stage stage = set_stage(7, 128, 9, UINT64_MAX);

	read_pages(&stage, 0, 7);
	CHECK_ORDERS(&stage, { 0, 2 }, { 4, 1 }, { 6, 0 });
	rcl_machine_free(stage.m);
}

/* Read-around of 32 pages, marked eight before its end; the marked folio is not mapped around. */
static void a_fault_reads_and_maps_folios_around(void)
{
	struct stage stage = set_stage(1000, 128, 9, UINT64_MAX);
	uint32_t ptes[16], nr = 0;

	access_page(&stage, 500);
	CHECK_ORDERS(&stage, { 484, 2 }, { 496, 2 }, { 508, 2 }, { 512, 2 }, { 516, 255 });
	CHECK_EQUAL(rcl_task_ptes(stage.m, stage.task, 496, 16, ptes), RCL_OK);
	for (uint32_t i = 0; i < 16; i++)
		nr += ptes[i] & 1;
	CHECK_EQUAL(nr, 12);
	CHECK_EQUAL(cached_folio(&stage, 500).nr_mappings, 4);
	rcl_machine_free(stage.m);
}

/* A cached page ends the large folios; single pages go on for a whole window from there. */
static void a_cached_page_leaves_single_ones_behind_it(void)
{
	struct stage stage = set_stage(1000, 128, 9, UINT64_MAX);

	read_pages(&stage, 500, 501);
	access_page(&stage, 510);
	CHECK_ORDERS(&stage, { 494, 1 }, { 496, 2 }, { 500, 0 }, { 501, 0 }, { 510, 0 }, { 531, 0 }, { 532, 255 });
	rcl_machine_free(stage.m);
}

/* Every page that came in is there or was stolen; what comes back does so as a folio, and counts its pages. */
static void reclaim_takes_whole_folios(void)
{
	struct stage stage = set_stage(1000, 128, 9, 100);

	read_pages(&stage, 0, 1000);
	CHECK(usage_of(&stage) <= 100);
	CHECK_EQUAL(counter(stage.m, RCL_PGPGIN), 1000);
	CHECK_EQUAL(counter(stage.m, RCL_PGSTEAL_FILE) + usage_of(&stage), 1000);
	CHECK_EQUAL(counter(stage.m, RCL_WORKINGSET_REFAULT_FILE), 0);
	read_pages(&stage, 0, 1);
	CHECK_ORDERS(&stage, { 0, 2 }, { 4, 2 }, { 8, 2 });
	CHECK_EQUAL(counter(stage.m, RCL_WORKINGSET_REFAULT_FILE), 12);
	rcl_machine_free(stage.m);
}

/* A limit below a folio's size: single pages come in its place, down to one page in all. */
static void tiny_limits_fall_back_to_pages(void)
{
	for (uint64_t max_pages = 1; max_pages <= 6; max_pages++) {
		struct stage stage = set_stage(64, 128, 9, max_pages);

		read_pages(&stage, 0, 64);
		for (uint32_t page = 0; page < 64; page += 7)
			access_page(&stage, page);
		CHECK(usage_of(&stage) <= max_pages);
		rcl_machine_free(stage.m);
	}
}

/* One page written through a mapping makes the folio dirty, and reclaim writes all of it. */
static void a_dirty_folio_is_written_whole(void)
{
	struct stage stage = set_stage(1000, 128, 9, UINT64_MAX);
	uint64_t nr;

	access_page(&stage, 500);
	access_page(&stage, 501 | WRITE);
	CHECK_EQUAL(counter(stage.m, RCL_NR_DIRTIED), 4);
	CHECK_EQUAL(rcl_memcg_reclaim(stage.m, stage.memcg, 32, 60, &nr), RCL_OK);
	check_machine(stage.m);
	CHECK_EQUAL(counter(stage.m, RCL_PGPGOUT), 4);
	CHECK_EQUAL(usage_of(&stage), 0);
	rcl_machine_free(stage.m);
}

/* The flusher takes a folio once, and its pages are write-protected again. */
static void the_flusher_writes_a_folio_once(void)
{
	struct rcl_mapping mapping = { .nr_pages = 64, .flags = RCL_MAPPING_FILE | RCL_MAPPING_SHARED };
	struct rcl_node_config node;
	struct rcl_config config = exact_config(&node, 4096);
	struct stage stage;

	config.read_ahead_kb = 128;
	config.file_folio_order = 9;
	config.writeback = 1;
	stage.m = build_machine(&config);
	mapping.file = stage.file = make_file(stage.m, 64);
	stage.memcg = make_memcg(stage.m, UINT64_MAX);
	stage.task = make_task(stage.m, stage.memcg, &mapping, &stage.file);
	access_page(&stage, 21 | WRITE);
	access_page(&stage, 23 | WRITE);
	CHECK_EQUAL(counter(stage.m, RCL_NR_DIRTIED), 4);
	stage.m->tasks[stage.task]->ns_per_access = UINT64_C(20000000000);
	read_pages(&stage, 60, 64);	/* 80 s */
	stage.m->tasks[stage.task]->ns_per_access = 0;
	CHECK_EQUAL(counter(stage.m, RCL_NR_WRITTEN), 4);
	access_page(&stage, 23 | WRITE);
	CHECK_EQUAL(counter(stage.m, RCL_NR_DIRTIED), 8);
	rcl_machine_free(stage.m);
}

static void a_held_page_keeps_its_folio(void)
{
	struct stage stage = set_stage(64, 128, 9, UINT64_MAX);
	uint64_t nr;

	read_pages(&stage, 0, 1);
	CHECK_EQUAL(rcl_file_hold(stage.m, stage.file, 2), RCL_OK);
	CHECK_EQUAL(rcl_memcg_reclaim(stage.m, stage.memcg, 64, 60, &nr), RCL_OK);
	check_machine(stage.m);
	CHECK_ORDERS(&stage, { 0, 2 }, { 4, 255 });
	rcl_machine_free(stage.m);
}

static void an_order_beyond_a_page_table_is_refused(void)
{
	struct rcl_node_config node;
	struct rcl_config config = exact_config(&node, 4096);
	struct rcl_machine *m;
	char error[256];

	config.file_folio_order = 10;
	CHECK_EQUAL(rcl_machine_create(&config, &m, error, sizeof(error)), RCL_BAD_ARGUMENT);
	CHECK(strstr(error, "file_folio_order is 10"));
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "sequential_reads_make_folios_that_grow", sequential_reads_make_folios_that_grow },
		{ "the_file_system_bounds_the_order", the_file_system_bounds_the_order },
		{ "the_last_folios_end_with_the_file", the_last_folios_end_with_the_file },
		{ "a_fault_reads_and_maps_folios_around", a_fault_reads_and_maps_folios_around },
		{ "a_cached_page_leaves_single_ones_behind_it", a_cached_page_leaves_single_ones_behind_it },
		{ "reclaim_takes_whole_folios", reclaim_takes_whole_folios },
		{ "tiny_limits_fall_back_to_pages", tiny_limits_fall_back_to_pages },
		{ "a_dirty_folio_is_written_whole", a_dirty_folio_is_written_whole },
		{ "the_flusher_writes_a_folio_once", the_flusher_writes_a_folio_once },
		{ "a_held_page_keeps_its_folio", a_held_page_keeps_its_folio },
		{ "an_order_beyond_a_page_table_is_refused", an_order_beyond_a_page_table_is_refused },
	};

	return run_tests_main(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
