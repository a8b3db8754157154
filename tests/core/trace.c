/*
 * Tracepoints: what the ring holds, and what it says when it is too small.
 */
#include "harness.h"

#define NR_RECORDS 4096
#define ALL_EVENTS ((UINT64_C(1) << RCL_NR_TRACEPOINTS) - 1)

static struct rcl_trace_record ring[NR_RECORDS];

/* 300 pages of anonymous memory below a limit of 100, with swap. */
static struct rcl_machine *pressed_machine(uint64_t events, uint64_t nr_records)
{
	struct rcl_node_config node;
	struct rcl_swap_config swap = { .nr_pages = 1024, .device = RCL_DEVICE_ZRAM };
	struct rcl_config config = exact_config(&node, 4096);
	struct rcl_mapping mapping = { .nr_pages = 300 };
	static uint32_t records[300];
	struct rcl_machine *m;
	uint32_t task;

	config.nr_swaps = 1;
	config.swaps = &swap;
	m = build_machine(&config);
	task = make_task(m, make_memcg(m, 100), &mapping, NULL);
	CHECK_EQUAL(rcl_trace_start(m, events, nr_records), RCL_OK);
	for (uint32_t i = 0; i < 300; i++)
		records[i] = i | WRITE;
	CHECK_EQUAL(run_records(m, task, records, 300), RCL_OK);
	return m;
}

static uint64_t read_all(struct rcl_machine *m, uint64_t *nr_lost)
{
	uint64_t nr;

	CHECK_EQUAL(rcl_trace_read(m, ring, NR_RECORDS, &nr, nr_lost), RCL_OK);
	return nr;
}

static void test_trace_counts_what_the_counters_count(void)
{
	struct rcl_machine *m = pressed_machine(ALL_EVENTS, NR_RECORDS);
	uint64_t nr_lost, nr = read_all(m, &nr_lost), nr_reclaimed = 0, nr_scanned = 0, nr_inserted = 0;

	for (uint64_t i = 0; i < nr; i++) {
		const struct trace_mm_vmscan_lru_shrink_inactive *fields = (const void *)ring[i].fields;

		nr_inserted += ring[i].event == RCL_TRACE_mm_lru_insertion;
		if (ring[i].event != RCL_TRACE_mm_vmscan_lru_shrink_inactive)
			continue;
		nr_reclaimed += fields->nr_reclaimed;
		nr_scanned += fields->nr_scanned;
	}
	CHECK_EQUAL(nr_lost, 0);
	CHECK_EQUAL(nr_inserted, 300);
	CHECK_EQUAL(nr_reclaimed, counter(m, RCL_PGSTEAL_DIRECT));
	CHECK_EQUAL(nr_scanned, counter(m, RCL_PGSCAN_DIRECT));
	rcl_machine_free(m);
}

static void test_trace_of_a_reclaim_begins_and_ends_on_one_clock(void)
{
	struct rcl_machine *m = pressed_machine(UINT64_C(1) << RCL_TRACE_mm_vmscan_memcg_reclaim_begin |
						UINT64_C(1) << RCL_TRACE_mm_vmscan_memcg_reclaim_end, NR_RECORDS);
	uint64_t nr_lost, nr = read_all(m, &nr_lost);

	CHECK(nr >= 2 && nr % 2 == 0);
	for (uint64_t i = 0; i < nr; i++) {
		CHECK_EQUAL(ring[i].event, i % 2 ? RCL_TRACE_mm_vmscan_memcg_reclaim_end
						 : RCL_TRACE_mm_vmscan_memcg_reclaim_begin);
		CHECK_EQUAL(ring[i].source, 0);
		CHECK_EQUAL(ring[i].memcg, 1);
		CHECK(i == 0 || ring[i].time_ns >= ring[i - 1].time_ns);
	}
	rcl_machine_free(m);
}

static void test_trace_in_a_small_ring_keeps_the_latest(void)
{
	struct rcl_machine *m = pressed_machine(UINT64_C(1) << RCL_TRACE_mm_lru_insertion, 7);
	uint64_t nr_lost, nr = read_all(m, &nr_lost);

	CHECK_EQUAL(nr, 7);
	CHECK_EQUAL(nr_lost, 293);
	CHECK_EQUAL(read_all(m, &nr_lost), 0);
	rcl_machine_free(m);
}

static void test_trace_that_is_off_records_nothing(void)
{
	struct rcl_machine *m = pressed_machine(0, 1);
	uint64_t nr_lost;

	CHECK_EQUAL(read_all(m, &nr_lost), 0);
	CHECK_EQUAL(nr_lost, 0);
	CHECK_EQUAL(rcl_trace_start(m, ALL_EVENTS + 1, 1), RCL_BAD_ARGUMENT);
	CHECK_EQUAL(rcl_trace_start(m, ALL_EVENTS, 0), RCL_BAD_ARGUMENT);
	rcl_machine_free(m);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		TEST(trace_counts_what_the_counters_count),
		TEST(trace_of_a_reclaim_begins_and_ends_on_one_clock),
		TEST(trace_in_a_small_ring_keeps_the_latest),
		TEST(trace_that_is_off_records_nothing),
	};

	return run_tests_main(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
