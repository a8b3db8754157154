/*
 * FIFO, LRU and CLOCK on the core against textbook caches of a dozen lines each.
 *
 * With one object = one buffered read (or one mapped read) and no batching of any kind, the misses
 * must be equal, not close.
 */
#include "harness.h"

#define NR_PAGES 2000
#define CAPACITY 150
#ifdef RCL_DEBUG
#define NR_RECORDS 3000		/* every step is checked */
#else
#define NR_RECORDS 30000
#endif

enum cache_kind { FIFO, LRU, CLOCK };

static uint32_t records[NR_RECORDS];

/* Skewed: the product of two uniform numbers. */
static void fill_records(uint32_t bits)
{
	uint64_t seed = 7;

	for (int i = 0; i < NR_RECORDS; i++) {
		uint64_t x = next_random(&seed) % NR_PAGES, y = next_random(&seed) % NR_PAGES;

		records[i] = (uint32_t)(x * y / NR_PAGES) | bits;
	}
}

static uint64_t textbook_misses(enum cache_kind kind)
{
	uint32_t queue[CAPACITY];	/* oldest first */
	uint8_t is_touched[CAPACITY];
	uint64_t nr = 0, misses = 0;

	for (int i = 0; i < NR_RECORDS; i++) {
		uint32_t page = records[i] & 0xffffff;
		uint64_t at = 0;

		while (at < nr && queue[at] != page)
			at++;
		if (at < nr && kind == CLOCK)
			is_touched[at] = 1;
		if (at < nr && kind != LRU)
			continue;
		if (at == nr) {
			misses++;
			while (nr == CAPACITY && kind == CLOCK && is_touched[0]) {
				uint32_t first = queue[0];

				memmove(queue, queue + 1, (nr - 1) * sizeof(*queue));
				memmove(is_touched, is_touched + 1, nr - 1);
				queue[nr - 1] = first;
				is_touched[nr - 1] = 0;
			}
			at = 0;
		}
		if (nr == CAPACITY || queue[at] == page) {
			memmove(queue + at, queue + at + 1, (nr - 1 - at) * sizeof(*queue));
			memmove(is_touched + at, is_touched + at + 1, nr - 1 - at);
			nr--;
		}
		queue[nr] = page;
		is_touched[nr++] = 0;
	}
	return misses;
}

static void compare_buffered(const struct rcl_ops *ops, enum cache_kind kind)
{
	struct rcl_node_config node;
	struct rcl_config config = exact_config(&node, 4096);
	struct rcl_machine *m = build_machine(&config);
	uint32_t memcg = make_memcg(m, CAPACITY), file = make_file(m, NR_PAGES), task;

	fill_records(BUFFERED);
	attach_own(m, ops);
	task = make_task(m, memcg, NULL, &file);
	CHECK_EQUAL(run_records(m, task, records, NR_RECORDS), RCL_OK);
	CHECK_EQUAL(misses_of(m, task), textbook_misses(kind));
	check_machine(m);
	rcl_machine_free(m);
}

static void test_fifo_buffered_equals_textbook(void)
{
	compare_buffered(&fifo_ops, FIFO);
}

static void test_lru_buffered_equals_textbook(void)
{
	compare_buffered(&lru_ops, LRU);
}

static void test_clock_buffered_equals_textbook(void)
{
	compare_buffered(&clock_ops, CLOCK);
}

static void test_fifo_mapped_equals_textbook(void)
{
	struct rcl_node_config node;
	struct rcl_config config = exact_config(&node, 4096);
	struct rcl_machine *m = build_machine(&config);
	uint32_t memcg = make_memcg(m, CAPACITY), file = make_file(m, NR_PAGES), task;
	struct rcl_mapping mapping = { .nr_pages = NR_PAGES, .flags = RCL_MAPPING_FILE, .file = file };

	fill_records(0);
	attach_own(m, &fifo_ops);
	task = make_task(m, memcg, &mapping, NULL);
	CHECK_EQUAL(run_records(m, task, records, NR_RECORDS), RCL_OK);
	CHECK_EQUAL(misses_of(m, task), textbook_misses(FIFO));
	CHECK_EQUAL(counter(m, RCL_PGMAJFAULT), textbook_misses(FIFO));
	check_machine(m);
	rcl_machine_free(m);
}

static void test_fifo_anonymous_equals_textbook(void)
{
	struct rcl_node_config node;
	struct rcl_swap_config swap = { .nr_pages = NR_PAGES, .device = RCL_DEVICE_ZRAM };
	struct rcl_config config = exact_config(&node, 4096);
	struct rcl_mapping mapping = { .nr_pages = NR_PAGES };
	struct rcl_machine *m;
	uint32_t task;

	config.nr_swaps = 1;
	config.swaps = &swap;
	m = build_machine(&config);
	fill_records(0);
	attach_own(m, &fifo_ops);
	task = make_task(m, make_memcg(m, CAPACITY), &mapping, NULL);
	CHECK_EQUAL(run_records(m, task, records, NR_RECORDS), RCL_OK);
	CHECK_EQUAL(misses_of(m, task), textbook_misses(FIFO));
	check_machine(m);
	rcl_machine_free(m);
}

static void test_belady_is_below_fifo_and_exact_on_a_small_trace(void)
{
	/* The example of every operating systems book: 9 misses with three frames. */
	const uint32_t book[] = { 7, 0, 1, 2, 0, 3, 0, 4, 2, 3, 0, 3, 2, 1, 2, 0, 1, 7, 0, 1 };
	uint64_t misses;

	CHECK_EQUAL(rcl_belady(book, 20, 3, NULL, &misses), RCL_OK);
	CHECK_EQUAL(misses, 9);
	fill_records(0);
	CHECK_EQUAL(rcl_belady(records, NR_RECORDS, CAPACITY, NULL, &misses), RCL_OK);
	CHECK(misses < textbook_misses(FIFO));
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "fifo_buffered_equals_textbook", test_fifo_buffered_equals_textbook },
		{ "lru_buffered_equals_textbook", test_lru_buffered_equals_textbook },
		{ "clock_buffered_equals_textbook", test_clock_buffered_equals_textbook },
		{ "fifo_mapped_equals_textbook", test_fifo_mapped_equals_textbook },
		{ "fifo_anonymous_equals_textbook", test_fifo_anonymous_equals_textbook },
		{ "belady_is_below_fifo_and_exact_on_a_small_trace", test_belady_is_below_fifo_and_exact_on_a_small_trace },
	};

	return run_tests_main(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
