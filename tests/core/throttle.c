/*
 * Throttles: on which machines reclaimers wait, for how long, and what ends a wait early.
 */
#include "harness.h"
#include "machine.h"

#define MS UINT64_C(1000000)
#define NR_RECORDS 65536
#define NR_FILE_PAGES 2048

static struct rcl_trace_record ring[NR_RECORDS];

struct waits {
	uint64_t nr;
	uint64_t nr_early;	/* ended before their time */
	uint64_t timeout_us;
};

/* One node with watermarks, kswapd and a flusher; writers are held back by nothing but reclaim. */
static struct rcl_config busy_config(struct rcl_node_config *node)
{
	struct rcl_config config = exact_config(node, 1500);

	node->min_wmark = 20;
	node->low_wmark = 40;
	node->high_wmark = 60;
	config.writeback = 1;
	config.kswapd = 1;
	config.forced_release = 0;
	config.reclaim_batch_pages = 32;
	config.dirty_ratio = 100;
	config.dirty_background_ratio = 50;
	return config;
}

static struct rcl_machine *traced_machine(const struct rcl_config *config)
{
	struct rcl_machine *m = build_machine(config);

	CHECK_EQUAL(rcl_trace_start(m, UINT64_C(1) << RCL_TRACE_mm_vmscan_throttled, NR_RECORDS), RCL_OK);
	return m;
}

/* What the trace says about one reason; each wait is counted and none is longer than its time. */
static struct waits read_waits(struct rcl_machine *m, enum rcl_throttle_reason reason, enum rcl_counter number)
{
	struct waits waits = { 0 };
	uint64_t nr, nr_lost;

	CHECK_EQUAL(rcl_trace_read(m, ring, NR_RECORDS, &nr, &nr_lost), RCL_OK);
	CHECK_EQUAL(nr_lost, 0);
	for (uint64_t i = 0; i < nr; i++) {
		const struct trace_mm_vmscan_throttled *wait = (const void *)ring[i].fields;

		if (wait->reason != reason)
			continue;
		waits.nr++;
		waits.nr_early += wait->usec_delayed < wait->usec_timeout;
		waits.timeout_us = wait->usec_timeout;
		CHECK(wait->usec_delayed <= wait->usec_timeout);
	}
	CHECK_EQUAL(waits.nr, counter(m, number));
	return waits;
}

static uint32_t make_writer(struct rcl_machine *m, uint32_t memcg)
{
	struct rcl_mapping mapping = { .nr_pages = NR_FILE_PAGES, .flags = RCL_MAPPING_FILE | RCL_MAPPING_SHARED };
	uint32_t file;

	CHECK_EQUAL(rcl_file_create(m, NR_FILE_PAGES, RCL_DEVICE_DISK, &file), RCL_OK);
	return make_task(m, memcg, &mapping, &file);
}

/* A task whose memory has nowhere to go takes what is free. */
static void fill_with_anon(struct rcl_machine *m, uint32_t memcg, uint32_t nr_pages)
{
	struct rcl_mapping mapping = { .nr_pages = nr_pages };

	touch_range(m, make_task(m, memcg, &mapping, NULL), 0, nr_pages, WRITE);
}

/* Pages that a disk takes so long to write fill most of memory, then something wants the rest and more. */
static struct rcl_machine *run_against_disk(uint64_t page_ns)
{
	static struct rcl_node_config node;
	struct rcl_config config = busy_config(&node);
	struct rcl_machine *m;

	config.costs.disk_write_ns = page_ns;
	config.costs.disk_page_ns = page_ns;
	m = traced_machine(&config);
	touch_range(m, make_writer(m, 0), 0, 900, BUFFERED | WRITE);
	fill_with_anon(m, 0, 700);
	CHECK_EQUAL(counter(m, RCL_OOM_KILL), 0);
	return m;
}

static void test_kswapd_waits_until_enough_is_written(void)
{
	struct rcl_machine *m = run_against_disk(MS);
	struct waits waits = read_waits(m, RCL_VMSCAN_THROTTLE_WRITEBACK, RCL_THROTTLED_WRITEBACK);

	CHECK(waits.nr > 0);
	CHECK_EQUAL(waits.timeout_us, 100000);	/* HZ/10 */
	CHECK_EQUAL(waits.nr_early, waits.nr);	/* more than 32 pages take 33 ms */
	rcl_machine_free(m);
}

static void test_kswapd_waits_a_tenth_of_a_second_at_most(void)
{
	struct rcl_machine *m = run_against_disk(5 * MS);
	struct waits waits = read_waits(m, RCL_VMSCAN_THROTTLE_WRITEBACK, RCL_THROTTLED_WRITEBACK);

	CHECK(waits.nr > 0);
	CHECK_EQUAL(waits.nr_early, 0);		/* more than 32 pages would take 165 ms */
	rcl_machine_free(m);
}

static void test_direct_reclaim_waits_a_tick_where_all_is_being_written(void)
{
	struct rcl_machine *m = run_against_disk(2 * MS);
	struct waits waits = read_waits(m, RCL_VMSCAN_THROTTLE_CONGESTED, RCL_THROTTLED_CONGESTED);

	CHECK(waits.nr > 0);
	CHECK_EQUAL(waits.timeout_us, 4000);
	CHECK_EQUAL(waits.nr_early, 0);
	rcl_machine_free(m);
}

/* A memcg's reclaim meets the same, but most memory could be reclaimed at once: waiting would be pointless. */
static void test_a_small_memcg_full_of_writes_does_not_wait(void)
{
	static struct rcl_node_config node;
	struct rcl_config config = busy_config(&node);
	struct rcl_machine *m;
	uint32_t memcg;

	config.costs.disk_write_ns = 2 * MS;
	config.costs.disk_page_ns = 2 * MS;
	m = traced_machine(&config);
	memcg = make_memcg(m, 300);
	touch_range(m, make_writer(m, 0), 0, 1000, BUFFERED);
	touch_range(m, make_writer(m, memcg), 0, 290, BUFFERED | WRITE);
	fill_with_anon(m, memcg, 100);
	CHECK_EQUAL(read_waits(m, RCL_VMSCAN_THROTTLE_CONGESTED, RCL_THROTTLED_CONGESTED).nr, 0);
	rcl_machine_free(m);
}

/* MGLRU of v6.12 counts for the flusher alone, so nobody waits in a policy with lists of its own. */
static void test_policies_with_lists_of_their_own_wait_for_no_writes(void)
{
	static struct rcl_node_config node;
	struct rcl_config config = busy_config(&node);
	struct rcl_machine *m;

	config.costs.disk_write_ns = MS / 10;
	config.costs.disk_page_ns = MS / 10;
	m = traced_machine(&config);
	attach_own(m, &fifo_ops);
	touch_range(m, make_writer(m, 0), 0, 900, BUFFERED | WRITE);
	fill_with_anon(m, 0, 700);
	CHECK_EQUAL(counter(m, RCL_THROTTLED_WRITEBACK), 0);
	CHECK_EQUAL(counter(m, RCL_THROTTLED_CONGESTED), 0);
	CHECK(counter(m, RCL_NR_WRITTEN) > 0);
	rcl_machine_free(m);
}

/* Tasks that reclaim at once find each other's folios isolated where little is inactive. */
static struct rcl_machine *run_at_once(uint32_t nr_tasks, uint64_t nr_node_pages)
{
	static struct rcl_node_config node;
	static struct rcl_swap_config swap = { .nr_pages = 8192, .device = RCL_DEVICE_ZRAM };
	struct rcl_config config = exact_config(&node, nr_node_pages);
	struct rcl_mapping mapping = { .nr_pages = (uint32_t)nr_node_pages / nr_tasks + 100 };
	static uint32_t records[2048];
	struct rcl_run_control control = { 0 };
	struct rcl_machine *m;
	uint64_t bad;

	config.nr_swaps = 1;
	config.swaps = &swap;
	config.reclaim_batch_pages = 32;
	m = traced_machine(&config);
	for (uint32_t k = 0; k < 2048; k++)
		records[k] = k * 7 % mapping.nr_pages | WRITE;
	for (uint32_t i = 0; i < nr_tasks; i++)
		CHECK_EQUAL(rcl_task_feed(m, make_task(m, 0, &mapping, NULL), records, 2048, 1, &bad), RCL_OK);
	CHECK_EQUAL(rcl_run(m, &control), RCL_OK);
	check_machine(m);
	CHECK_EQUAL(counter(m, RCL_OOM_KILL), 0);
	return m;
}

static void test_reclaimers_wait_while_others_have_too_much_isolated(void)
{
	struct rcl_machine *m = run_at_once(8, 400);
	struct waits waits = read_waits(m, RCL_VMSCAN_THROTTLE_ISOLATED, RCL_THROTTLED_ISOLATED);

	CHECK(waits.nr > 0);
	CHECK_EQUAL(waits.timeout_us, 20000);	/* HZ/50 */
	CHECK_EQUAL(waits.nr_early, waits.nr);	/* a batch to zram takes less than a millisecond */
	rcl_machine_free(m);
}

static void test_a_reclaimer_alone_waits_for_nobody(void)
{
	struct rcl_machine *m = run_at_once(1, 400);

	CHECK_EQUAL(counter(m, RCL_THROTTLED_ISOLATED), 0);
	CHECK(counter(m, RCL_ALLOCSTALL) > 0);
	rcl_machine_free(m);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "writeback", test_kswapd_waits_until_enough_is_written },
		{ "slow", test_kswapd_waits_a_tenth_of_a_second_at_most },
		{ "congested", test_direct_reclaim_waits_a_tick_where_all_is_being_written },
		{ "pointless", test_a_small_memcg_full_of_writes_does_not_wait },
		{ "own-lists", test_policies_with_lists_of_their_own_wait_for_no_writes },
		{ "isolated", test_reclaimers_wait_while_others_have_too_much_isolated },
		{ "alone", test_a_reclaimer_alone_waits_for_nobody },
	};

	return run_tests_main(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
