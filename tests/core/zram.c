/*
 * zram whose pool takes memory: packing, what it costs, what frees it, and when it is full.
 */
#include "harness.h"

#define MAX_PAGES 1000

struct stage {
	struct rcl_machine *m;
	uint32_t memcg;
	uint32_t task;
	uint64_t nr_pages;
};

struct contents {
	uint32_t compressed_bytes;
	uint32_t incompressible_permille;
	uint32_t same_filled_permille;
};

static const struct contents usual = { 1400, 50, 0 };

/* A task that has written nr_pages pages of memory, on a machine that has nothing else to do. */
static struct stage set_stage_with(uint8_t charge_kmem, struct contents contents, uint64_t nr_pages,
				   uint64_t limit_pages, uint64_t node_pages)
{
	struct rcl_mapping mapping = { .nr_pages = nr_pages };
	struct rcl_swap_config swap = { .nr_pages = 1000, .device = RCL_DEVICE_ZRAM, .mem_limit_pages = limit_pages };
	struct rcl_node_config node;
	struct rcl_config config = exact_config(&node, node_pages);
	struct stage stage = { .nr_pages = nr_pages };
	uint32_t records[MAX_PAGES];

	config.swaps = &swap;
	config.nr_swaps = 1;
	config.pool_takes_pages = 1;
	config.compressed_bytes = contents.compressed_bytes;
	config.incompressible_permille = contents.incompressible_permille;
	config.same_filled_permille = contents.same_filled_permille;
	config.charge_kmem = charge_kmem;
	stage.m = build_machine(&config);
	attach_own(stage.m, &fifo_ops);
	stage.memcg = make_memcg(stage.m, UINT64_MAX);
	stage.task = make_task(stage.m, stage.memcg, &mapping, NULL);
	for (uint32_t page = 0; page < nr_pages; page++)
		records[page] = WRITE | page;
	CHECK_EQUAL(run_records(stage.m, stage.task, records, nr_pages), RCL_OK);
	return stage;
}

/* Likewise, and kernel memory is free. */
static struct stage set_stage(struct contents contents, uint64_t nr_pages, uint64_t limit_pages, uint64_t node_pages)
{
	return set_stage_with(0, contents, nr_pages, limit_pages, node_pages);
}

static uint64_t reclaim(const struct stage *stage, uint64_t nr_pages)
{
	return reclaim_pages(stage->m, stage->memcg, nr_pages);
}

static uint64_t nr_free(const struct stage *stage)
{
	struct rcl_node_info info;

	CHECK_EQUAL(rcl_node_info(stage->m, 0, &info), RCL_OK);
	return info.nr_free_pages;
}

/* 1,000 pages that compress to a sixth share zspages of many sizes, some of them half empty. */
static void stored_pages_take_less_than_they_were(void)
{
	struct stage stage = set_stage((struct contents){ 700, 0, 0 }, 1000, 0, 2048);
	uint64_t before = nr_free(&stage), nr_taken;

	CHECK_EQUAL(reclaim(&stage, 1000), 1000);
	nr_taken = 1000 - (nr_free(&stage) - before);
	CHECK(nr_taken > 1000 * 700 / 4096);
	CHECK(nr_taken < 500);
	rcl_machine_free(stage.m);
}

static void the_memcg_does_not_pay(void)
{
	struct stage stage = set_stage(usual, 300, 0, 1024);
	struct rcl_memcg_info info;

	reclaim(&stage, 300);
	CHECK_EQUAL(rcl_memcg_info(stage.m, stage.memcg, &info), RCL_OK);
	CHECK_EQUAL(info.usage_pages, 0);
	rcl_machine_free(stage.m);
}

static void incompressible_pages_take_a_page(void)
{
	struct stage stage = set_stage((struct contents){ 1400, 1000, 0 }, 300, 0, 1024);
	uint64_t before = nr_free(&stage);

	CHECK_EQUAL(reclaim(&stage, 300), 300);
	CHECK_EQUAL(nr_free(&stage), before);
	rcl_machine_free(stage.m);
}

static void same_filled_pages_take_nothing(void)
{
	struct stage stage = set_stage((struct contents){ 1400, 0, 1000 }, 300, 0, 1024);
	uint64_t before = nr_free(&stage);

	CHECK_EQUAL(reclaim(&stage, 300), 300);
	CHECK_EQUAL(nr_free(&stage), before + 300);
	CHECK_EQUAL(counter(stage.m, RCL_SWPOUT_ZERO), 300);
	for (uint32_t page = 0; page < 300; page++)
		CHECK_EQUAL(run_records(stage.m, stage.task, &page, 1), RCL_OK);
	CHECK_EQUAL(counter(stage.m, RCL_SWPIN_ZERO), 300);
	CHECK_EQUAL(counter(stage.m, RCL_PSWPIN), 0);
	rcl_machine_free(stage.m);
}

static void swap_in_and_exit_give_it_back(void)
{
	struct stage stage = set_stage(usual, 300, 0, 1024);

	reclaim(&stage, 300);
	for (uint32_t page = 0; page < 300; page++)
		CHECK_EQUAL(run_records(stage.m, stage.task, &page, 1), RCL_OK);
	check_machine(stage.m);
	CHECK_EQUAL(nr_free(&stage), 1024 - 300);
	reclaim(&stage, 150);
	CHECK_EQUAL(rcl_task_exit(stage.m, stage.task), RCL_OK);
	check_machine(stage.m);
	CHECK_EQUAL(nr_free(&stage), 1024);
	rcl_machine_free(stage.m);
}

/* Leaves of the tree behind the swap cache: one for 64 slots in a row, 28 of them in four pages, and no memcg pays. */
static void the_tree_behind_the_swap_cache_takes_pages(void)
{
	struct stage stage = set_stage_with(1, (struct contents){ 1400, 0, 1000 }, 1000, 0, 2048);
	uint64_t before = nr_free(&stage);
	struct rcl_memcg_info info;

	CHECK_EQUAL(reclaim(&stage, 1000), 1000);
	CHECK_EQUAL(nr_free(&stage), before + 1000 - 4);
	CHECK_EQUAL(rcl_memcg_info(stage.m, stage.memcg, &info), RCL_OK);
	CHECK_EQUAL(info.usage_pages, 3);	/* two page tables and their directory */
	check_machine(stage.m);
	CHECK_EQUAL(rcl_task_exit(stage.m, stage.task), RCL_OK);
	CHECK_EQUAL(nr_free(&stage), 2048);
	rcl_machine_free(stage.m);
}

/* 300 objects, each with a zspage of its own: a page of handles, five of records, and four for five leaves. */
static void what_is_stored_has_handles_and_records(void)
{
	struct stage stage = set_stage_with(1, (struct contents){ 1400, 1000, 0 }, 300, 0, 1024);
	uint64_t before = nr_free(&stage);

	CHECK_EQUAL(reclaim(&stage, 300), 300);
	CHECK_EQUAL(nr_free(&stage), before - 1 - 5 - 4);
	check_machine(stage.m);
	CHECK_EQUAL(rcl_task_exit(stage.m, stage.task), RCL_OK);
	CHECK_EQUAL(nr_free(&stage), 1024);
	rcl_machine_free(stage.m);
}

/* A page that stays out holds the leaf of 64: sixteen pages, sixteen leaves. */
static void few_survivors_hold_many_leaves(void)
{
	struct stage stage = set_stage_with(1, (struct contents){ 1400, 0, 1000 }, 1000, 0, 2048);
	uint64_t before = nr_free(&stage), nr_out;

	CHECK_EQUAL(reclaim(&stage, 1000), 1000);
	for (uint32_t page = 0; page < 1000; page++) {
		if (page % 64 != 0)
			CHECK_EQUAL(run_records(stage.m, stage.task, &page, 1), RCL_OK);
	}
	nr_out = 1000 / 64 + 1;
	CHECK_EQUAL(nr_free(&stage), before + nr_out - 4);
	check_machine(stage.m);
	rcl_machine_free(stage.m);
}

/* mem_limit: writes fail with room on the device, and what failed is in memory and can be used. */
static void a_full_pool_refuses_writes(void)
{
	struct stage stage = set_stage(usual, 300, 60, 1024);
	uint64_t nr_written = reclaim(&stage, 300);

	CHECK(nr_written > 20 && nr_written < 250);
	CHECK(counter(stage.m, RCL_ZRAM_FAILED_WRITES) > 0);
	for (uint32_t page = 0; page < 300; page++)
		CHECK_EQUAL(run_records(stage.m, stage.task, &page, 1), RCL_OK);
	check_machine(stage.m);
	CHECK_EQUAL(counter(stage.m, RCL_PGMAJFAULT), nr_written);
	rcl_machine_free(stage.m);
}

/* Memory that does not compress cannot be swapped to memory: the machine runs out of it. */
static void a_machine_of_noise_runs_out(void)
{
	struct stage stage = set_stage((struct contents){ 1400, 1000, 0 }, 400, 0, 256);

	check_machine(stage.m);
	CHECK_EQUAL(counter(stage.m, RCL_OOM_KILL), 1);
	CHECK_EQUAL(nr_free(&stage), 256);
	rcl_machine_free(stage.m);
}

/* The same machine with memory that compresses well holds half as much again. */
static void a_machine_of_text_does_not(void)
{
	struct stage stage = set_stage((struct contents){ 400, 0, 0 }, 400, 0, 256);

	check_machine(stage.m);
	CHECK_EQUAL(counter(stage.m, RCL_OOM_KILL), 0);
	rcl_machine_free(stage.m);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "stored_pages_take_less_than_they_were", stored_pages_take_less_than_they_were },
		{ "the_memcg_does_not_pay", the_memcg_does_not_pay },
		{ "incompressible_pages_take_a_page", incompressible_pages_take_a_page },
		{ "same_filled_pages_take_nothing", same_filled_pages_take_nothing },
		{ "swap_in_and_exit_give_it_back", swap_in_and_exit_give_it_back },
		{ "the_tree_behind_the_swap_cache_takes_pages", the_tree_behind_the_swap_cache_takes_pages },
		{ "what_is_stored_has_handles_and_records", what_is_stored_has_handles_and_records },
		{ "few_survivors_hold_many_leaves", few_survivors_hold_many_leaves },
		{ "a_full_pool_refuses_writes", a_full_pool_refuses_writes },
		{ "a_machine_of_noise_runs_out", a_machine_of_noise_runs_out },
		{ "a_machine_of_text_does_not", a_machine_of_text_does_not },
	};

	return run_tests_main(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
