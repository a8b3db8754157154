/*
 * Accessed bits of page tables, worked out from those of their entries.
 */
#include "harness.h"

#include "young.h"

#define NR_PAGES (2 * PTES_PER_TABLE)

static struct rcl_machine *machine_with_pages(uint32_t *task)
{
	static uint32_t records[NR_PAGES];
	struct rcl_node_config node;
	struct rcl_config config = exact_config(&node, 4096);
	struct rcl_mapping mapping = { .nr_pages = NR_PAGES };
	struct rcl_machine *m = build_machine(&config);

	*task = make_task(m, make_memcg(m, 4096), &mapping, NULL);
	for (uint32_t i = 0; i < NR_PAGES; i++)
		records[i] = i;
	CHECK_EQUAL(run_records(m, *task, records, NR_PAGES), RCL_OK);
	return m;
}

static void test_table_is_young_again_once_an_entry_is_used(void)
{
	uint32_t number, page = 5;
	struct rcl_machine *m = machine_with_pages(&number);
	struct task *task = m->tasks[number];

	CHECK(table_clear_young(task, 0));
	CHECK(!table_clear_young(task, 0));
	CHECK_EQUAL(run_records(m, number, &page, 1), RCL_OK);
	CHECK(table_clear_young(task, 0));
	CHECK(table_clear_young(task, PTES_PER_TABLE));
	rcl_machine_free(m);
}

static void test_entries_stay_young_when_their_table_is_cleared(void)
{
	uint32_t number;
	struct rcl_machine *m = machine_with_pages(&number);
	struct task *task = m->tasks[number];

	CHECK(table_clear_young(task, 0));
	CHECK(pte_young(task, 7));
	CHECK(pte_clear_young(task, 7));
	CHECK(!pte_young(task, 7));
	CHECK(!pte_clear_young(task, 7));
	CHECK(!table_clear_young(task, 0));
	rcl_machine_free(m);
}

static void test_table_stays_young_when_its_entries_are_cleared(void)
{
	uint32_t number;
	struct rcl_machine *m = machine_with_pages(&number);
	struct task *task = m->tasks[number];

	for (uint32_t vpn = 0; vpn < PTES_PER_TABLE; vpn++)
		CHECK(pte_clear_young(task, vpn));
	CHECK(table_clear_young(task, 0));
	CHECK(!table_clear_young(task, 0));
	rcl_machine_free(m);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		TEST(table_is_young_again_once_an_entry_is_used),
		TEST(entries_stay_young_when_their_table_is_cleared),
		TEST(table_stays_young_when_its_entries_are_cleared),
	};

	return run_tests_main(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
