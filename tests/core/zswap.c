/*
 * zswap in front of an SSD: what it keeps, what it refuses, who pays, and what it writes back.
 */
#include "harness.h"
#include "machine.h"

#define NR_PAGES 400

struct stage {
	struct rcl_machine *m;
	uint32_t memcg;
	uint32_t task;
};

/* A task that has written NR_PAGES pages, on a machine whose zswap may take `percent` of 2,000 pages. */
static struct stage set_stage(uint32_t percent, uint32_t incompressible_permille, uint32_t same_filled_permille)
{
	struct rcl_mapping mapping = { .nr_pages = NR_PAGES };
	struct rcl_swap_config swap = { .nr_pages = 2000, .device = RCL_DEVICE_SSD };
	struct rcl_node_config node;
	struct rcl_config config = exact_config(&node, 2000);
	uint32_t records[NR_PAGES];
	struct stage stage;

	config.swaps = &swap;
	config.nr_swaps = 1;
	config.zswap_percent = percent;
	config.compressed_bytes = 700;
	config.incompressible_permille = incompressible_permille;
	config.same_filled_permille = same_filled_permille;
	stage.m = build_machine(&config);
	attach_own(stage.m, &fifo_ops);
	stage.memcg = make_memcg(stage.m, 1500);
	stage.task = make_task(stage.m, stage.memcg, &mapping, NULL);
	for (uint32_t page = 0; page < NR_PAGES; page++)
		records[page] = WRITE | page;
	CHECK_EQUAL(run_records(stage.m, stage.task, records, NR_PAGES), RCL_OK);
	return stage;
}

static uint64_t reclaim(const struct stage *stage, uint64_t nr_pages)
{
	return reclaim_pages(stage->m, stage->memcg, nr_pages);
}

static void access_all(const struct stage *stage)
{
	uint32_t records[NR_PAGES];

	for (uint32_t page = 0; page < NR_PAGES; page++)
		records[page] = page;
	CHECK_EQUAL(run_records(stage->m, stage->task, records, NR_PAGES), RCL_OK);
	check_machine(stage->m);
}

static uint64_t usage_of(const struct stage *stage)
{
	struct rcl_memcg_info info;

	CHECK_EQUAL(rcl_memcg_info(stage->m, stage->memcg, &info), RCL_OK);
	return info.usage_pages;
}

/* The device sees nothing; the memcg pays for the bytes and nothing else. */
static void pages_that_compress_stay_in_memory(void)
{
	struct stage stage = set_stage(40, 0, 0);

	CHECK_EQUAL(reclaim(&stage, NR_PAGES), NR_PAGES);
	CHECK_EQUAL(counter(stage.m, RCL_ZSWPOUT), NR_PAGES);
	CHECK_EQUAL(counter(stage.m, RCL_PSWPOUT), 0);
	CHECK(usage_of(&stage) > NR_PAGES * 600 / 4096 && usage_of(&stage) < NR_PAGES * 800 / 4096);
	rcl_machine_free(stage.m);
}

/* Through the swap cache, which takes the contents over: the folio is dirty, the pool gives them back. */
static void pages_come_back_from_memory(void)
{
	struct stage stage = set_stage(40, 0, 0);

	reclaim(&stage, NR_PAGES);
	access_all(&stage);
	CHECK_EQUAL(counter(stage.m, RCL_ZSWPIN), NR_PAGES);
	CHECK_EQUAL(counter(stage.m, RCL_PSWPIN), 0);
	CHECK_EQUAL(counter(stage.m, RCL_PGMAJFAULT), NR_PAGES);
	CHECK_EQUAL(usage_of(&stage), NR_PAGES);
	reclaim(&stage, NR_PAGES);
	CHECK_EQUAL(counter(stage.m, RCL_ZSWPOUT), 2 * NR_PAGES);
	rcl_machine_free(stage.m);
}

static void incompressible_pages_go_to_the_device(void)
{
	struct stage stage = set_stage(40, 1000, 0);

	CHECK_EQUAL(reclaim(&stage, NR_PAGES), NR_PAGES);
	CHECK_EQUAL(counter(stage.m, RCL_ZSWAP_REJECT_COMPRESS_POOR), NR_PAGES);
	CHECK_EQUAL(counter(stage.m, RCL_PSWPOUT), NR_PAGES);
	rcl_machine_free(stage.m);
}

/* Zeros are remembered by a bit of the slot (swap_zeromap): neither zswap nor the device sees them. */
static void zeros_go_nowhere(void)
{
	struct stage stage = set_stage(40, 0, 1000);

	CHECK_EQUAL(reclaim(&stage, NR_PAGES), NR_PAGES);
	access_all(&stage);
	CHECK_EQUAL(counter(stage.m, RCL_ZSWPOUT) + counter(stage.m, RCL_PSWPOUT), 0);
	CHECK_EQUAL(counter(stage.m, RCL_ZSWPIN) + counter(stage.m, RCL_PSWPIN), 0);
	rcl_machine_free(stage.m);
}

/* 3 % are 60 pages: the oldest are written to their slots, and what was turned away went there too. */
static void a_full_pool_writes_its_oldest_pages(void)
{
	struct stage stage = set_stage(3, 0, 0);
	uint64_t nr_stored, nr_written;

	CHECK_EQUAL(reclaim(&stage, NR_PAGES), NR_PAGES);
	nr_stored = counter(stage.m, RCL_ZSWPOUT);
	nr_written = counter(stage.m, RCL_ZSWPWB);
	CHECK(counter(stage.m, RCL_ZSWAP_POOL_LIMIT_HIT) > 0);
	CHECK(nr_written > 0);
	CHECK_EQUAL(counter(stage.m, RCL_PSWPOUT), NR_PAGES - nr_stored + nr_written);
	access_all(&stage);
	CHECK_EQUAL(counter(stage.m, RCL_ZSWPIN), nr_stored - nr_written);
	CHECK_EQUAL(counter(stage.m, RCL_PSWPIN), NR_PAGES - nr_stored + nr_written);
	rcl_machine_free(stage.m);
}

/* shrink_worker() looks at the pool after a step, so that whoever is turned away while it counts as full wakes it for
 * one; each third step falls to this memcg. */
static void worker_makes_a_step_where_the_pool_has_room_again(void)
{
	struct stage stage = set_stage(40, 0, 0);

	CHECK_EQUAL(reclaim(&stage, 20), 20);
	CHECK_EQUAL(rcl_memcg_set(stage.m, stage.memcg, RCL_MEMCG_ZSWAP_MAX, 0), RCL_OK);
	stage.m->zswap.is_full = true;
	CHECK_EQUAL(reclaim(&stage, 18), 18);
	CHECK(counter(stage.m, RCL_ZSWPWB) > 0);	/* by the limit alone 18 of 20 have had their second chance */
	rcl_machine_free(stage.m);
}

static void zswap_max_0_sends_everything_to_the_device(void)
{
	struct stage stage = set_stage(40, 0, 0);

	CHECK_EQUAL(rcl_memcg_set(stage.m, stage.memcg, RCL_MEMCG_ZSWAP_MAX, 0), RCL_OK);
	CHECK_EQUAL(reclaim(&stage, NR_PAGES), NR_PAGES);
	CHECK_EQUAL(counter(stage.m, RCL_ZSWPOUT), 0);
	CHECK_EQUAL(counter(stage.m, RCL_PSWPOUT), NR_PAGES);
	rcl_machine_free(stage.m);
}

/* At its own limit a memcg's oldest page makes room for the next. */
static void zswap_max_writes_back_page_by_page(void)
{
	struct stage stage = set_stage(40, 0, 0);

	CHECK_EQUAL(rcl_memcg_set(stage.m, stage.memcg, RCL_MEMCG_ZSWAP_MAX, 20), RCL_OK);
	CHECK_EQUAL(reclaim(&stage, NR_PAGES), NR_PAGES);
	CHECK(counter(stage.m, RCL_ZSWPWB) > 0);
	CHECK(usage_of(&stage) <= 21);
	rcl_machine_free(stage.m);
}

/* Without writeback nothing of the memcg reaches the device: what zswap refuses stays in memory. */
static void without_writeback_pages_stay(void)
{
	struct stage stage = set_stage(40, 1000, 0);

	CHECK_EQUAL(rcl_memcg_set(stage.m, stage.memcg, RCL_MEMCG_ZSWAP_WRITEBACK, 0), RCL_OK);
	CHECK_EQUAL(reclaim(&stage, 10), 0);
	CHECK_EQUAL(counter(stage.m, RCL_PSWPOUT), 0);
	access_all(&stage);
	CHECK_EQUAL(counter(stage.m, RCL_PGMAJFAULT), 0);
	rcl_machine_free(stage.m);
}

static void exit_empties_the_pool(void)
{
	struct stage stage = set_stage(40, 100, 100);
	struct rcl_node_info info;

	reclaim(&stage, NR_PAGES);
	CHECK_EQUAL(rcl_task_exit(stage.m, stage.task), RCL_OK);
	check_machine(stage.m);
	CHECK_EQUAL(usage_of(&stage), 0);
	CHECK_EQUAL(rcl_node_info(stage.m, 0, &info), RCL_OK);
	CHECK_EQUAL(info.nr_free_pages, 2000);
	rcl_machine_free(stage.m);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "pages_that_compress_stay_in_memory", pages_that_compress_stay_in_memory },
		{ "pages_come_back_from_memory", pages_come_back_from_memory },
		{ "incompressible_pages_go_to_the_device", incompressible_pages_go_to_the_device },
		{ "zeros_go_nowhere", zeros_go_nowhere },
		{ "a_full_pool_writes_its_oldest_pages", a_full_pool_writes_its_oldest_pages },
		{ "worker_makes_a_step_where_the_pool_has_room_again", worker_makes_a_step_where_the_pool_has_room_again },
		{ "zswap_max_0_sends_everything_to_the_device", zswap_max_0_sends_everything_to_the_device },
		{ "zswap_max_writes_back_page_by_page", zswap_max_writes_back_page_by_page },
		{ "without_writeback_pages_stay", without_writeback_pages_stay },
		{ "exit_empties_the_pool", exit_empties_the_pool },
	};

	return run_tests_main(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
