/*
 * The per-CPU list of free pages: what watermarks do not see, and what goes to and fro.
 */
#include "harness.h"
#include "machine.h"

#define NR_PAGES 2560
#define BATCH 63
#define HIGH (4 * BATCH)

static uint32_t task;

static struct rcl_machine *make_setting(uint32_t pcp_high, uint32_t min_wmark)
{
	static struct rcl_node_config node;
	struct rcl_swap_config swap = { .nr_pages = 2 * NR_PAGES, .device = RCL_DEVICE_SSD };
	struct rcl_config config = exact_config(&node, NR_PAGES);
	struct rcl_mapping mapping = { .nr_pages = 2 * NR_PAGES };
	struct rcl_machine *m;

	node = (struct rcl_node_config){ .nr_pages = NR_PAGES, .min_wmark = min_wmark, .low_wmark = 2 * min_wmark,
					 .high_wmark = 3 * min_wmark };
	config.pcp_high = pcp_high;
	config.pcp_batch = BATCH;
	config.reclaim_batch_pages = 32;
	config.nr_swaps = 1;
	config.swaps = &swap;
	m = build_machine(&config);
	task = make_task(m, 0, &mapping, NULL);
	return m;
}

static void check_all_there(struct rcl_machine *m)
{
	char message[256];

	CHECK_EQUAL(rcl_check(m, message, sizeof(message)), RCL_OK);
}

static void test_allocations_fetch_batches_that_double(void)
{
	struct rcl_machine *m = make_setting(HIGH, 32);
	struct node *node = &m->nodes[0];

	touch_range(m, task, 0, 1, WRITE);
	CHECK_EQUAL(node->pub.nr_free_pages, NR_PAGES - BATCH);
	CHECK_EQUAL(node->nr_pcp, BATCH - 1);
	touch_range(m, task, 1, BATCH - 1, WRITE);
	CHECK_EQUAL(node->pub.nr_free_pages, NR_PAGES - BATCH);
	CHECK_EQUAL(node->nr_pcp, 0);
	touch_range(m, task, BATCH, 1, WRITE);
	CHECK_EQUAL(node->pub.nr_free_pages, NR_PAGES - 3 * BATCH);
	touch_range(m, task, BATCH + 1, 2 * BATCH, WRITE);	/* the third: capped, so that the list stays below high */
	CHECK_EQUAL(node->pub.nr_free_pages, NR_PAGES - 3 * BATCH - (HIGH - BATCH));
	check_all_there(m);
	rcl_machine_free(m);
}

static void test_freed_pages_stay_on_the_list_up_to_high(void)
{
	struct rcl_machine *m = make_setting(HIGH, 32);
	struct node *node = &m->nodes[0];
	uint64_t nr, nr_free;

	touch_range(m, task, 0, 1000, WRITE);
	nr_free = node->pub.nr_free_pages;
	CHECK_EQUAL(rcl_memcg_reclaim(m, 0, 600, 60, &nr), RCL_OK);
	CHECK(nr >= 600);
	CHECK(node->nr_pcp < HIGH);
	CHECK(node->nr_pcp > 0);
	CHECK_EQUAL(node->pub.nr_free_pages + node->nr_pcp, NR_PAGES - 1000 + nr);
	CHECK(node->pub.nr_free_pages > nr_free);
	check_all_there(m);
	rcl_machine_free(m);
}

static void test_the_last_pages_come_from_the_list(void)
{
	struct rcl_machine *m = make_setting(HIGH, 32);

	m->config.kswapd = 0;
	touch_range(m, task, 0, 2 * NR_PAGES, WRITE);
	CHECK_EQUAL(counter(m, RCL_OOM_KILL), 0);
	CHECK(counter(m, RCL_ALLOCSTALL) > 0);
	check_all_there(m);
	rcl_machine_free(m);
}

static void test_a_list_longer_than_the_node_ends_in_a_drain(void)
{
	struct rcl_machine *m = make_setting(4 * NR_PAGES, 32);

	touch_range(m, task, 0, 2 * NR_PAGES, WRITE);
	CHECK_EQUAL(counter(m, RCL_OOM_KILL), 0);
	check_all_there(m);
	rcl_machine_free(m);
}

static void test_without_a_list_every_free_page_counts(void)
{
	struct rcl_machine *m = make_setting(0, 32);

	touch_range(m, task, 0, 100, WRITE);
	CHECK_EQUAL(m->nodes[0].pub.nr_free_pages, NR_PAGES - 100);
	CHECK_EQUAL(m->nodes[0].nr_pcp, 0);
	rcl_machine_free(m);
}

static const struct test tests[] = {
	{ "fetch", test_allocations_fetch_batches_that_double },
	{ "free", test_freed_pages_stay_on_the_list_up_to_high },
	{ "last", test_the_last_pages_come_from_the_list },
	{ "drain", test_a_list_longer_than_the_node_ends_in_a_drain },
	{ "none", test_without_a_list_every_free_page_counts },
};

int main(int argc, char **argv)
{
	return run_tests_main(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
