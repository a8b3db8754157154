/*
 * Reverse mapping: what a folio with more mappings than anybody has answers.
 */
#include "harness.h"

#include "rmap.h"

#ifdef RCL_DEBUG
#define NR_MAPPINGS 500			/* each access is checked against all mappings */
#else
#define NR_MAPPINGS 65600
#endif
#define MOST_DECLARED 0xffff

/* The verifier believes the range that the contract declares, so the core has to keep it. */
static void test_referenced_never_exceeds_what_is_declared(void)
{
	static struct rcl_mapping mappings[NR_MAPPINGS];
	static uint32_t records[NR_MAPPINGS];
	struct rcl_node_config node;
	struct rcl_config config = exact_config(&node, 4096);
	struct rcl_machine *m = build_machine(&config);
	uint32_t file = make_file(m, 1), task = 0;
	struct rcl_task_config task_config = { .memcg = make_memcg(m, 4096), .ns_per_access = 100,
					       .nr_mappings = NR_MAPPINGS, .mappings = mappings };
	struct look_around around = { 0 };

	for (uint32_t i = 0; i < NR_MAPPINGS; i++) {
		mappings[i] = (struct rcl_mapping){ .nr_pages = 1, .flags = RCL_MAPPING_FILE, .file = file };
		records[i] = i;
	}
	CHECK_EQUAL(rcl_task_create(m, &task_config, &task), RCL_OK);
	CHECK_EQUAL(run_records(m, task, records, NR_MAPPINGS), RCL_OK);
	CHECK_EQUAL(rmap_referenced(m, page_folio(m, m->tasks[task]->ptes[0] >> PTE_SHIFT), &around),
		    NR_MAPPINGS < MOST_DECLARED ? NR_MAPPINGS : MOST_DECLARED);
	rcl_machine_free(m);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		TEST(referenced_never_exceeds_what_is_declared),
	};

	return run_tests_main(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
