/*
 * Where pages come from on machines with several nodes, and what it costs to reach them.
 */
#include "harness.h"

#define NR_PAGES 64
#define HIT_NS 100

/* Three nodes of 1000 pages: 1 is nearer to 0 than 2 is; watermarks 10, 20, 30. */
static struct rcl_machine *three_nodes(struct rcl_node_config nodes[3])
{
	struct rcl_config config = exact_config(&nodes[0], 1000);

	for (int i = 0; i < 3; i++)
		nodes[i] = (struct rcl_node_config){ .nr_pages = 1000, .min_wmark = 10, .low_wmark = 20, .high_wmark = 30,
						     .distance = { 20, 20, 20 } };
	nodes[0].distance[0] = nodes[1].distance[1] = nodes[2].distance[2] = 10;
	nodes[0].distance[2] = nodes[2].distance[0] = 40;
	config.nr_nodes = 3;
	return build_machine(&config);
}

static uint32_t make_placed(struct rcl_machine *m, uint32_t nid, uint32_t mempolicy, uint32_t mask, uint64_t nr_pages)
{
	struct rcl_mapping mapping = { .nr_pages = nr_pages };
	struct rcl_task_config config = { .nid = nid, .ns_per_access = HIT_NS, .nr_mappings = 1, .mappings = &mapping,
					  .mempolicy = mempolicy, .mempolicy_nodes = mask };
	uint32_t task = 0;

	CHECK_EQUAL(rcl_task_create(m, &config, &task), RCL_OK);
	return task;
}

static uint64_t clock_of(const struct rcl_machine *m, uint32_t task)
{
	struct rcl_task_info info;

	CHECK_EQUAL(rcl_task_info(m, task, &info), RCL_OK);
	return info.clock_ns;
}

static void test_allocation_falls_back_in_order_of_distance(void)
{
	struct rcl_node_config nodes[3];
	struct rcl_machine *m = three_nodes(nodes);
	uint32_t task = make_placed(m, 0, RCL_MEMPOLICY_DEFAULT, 0, 2500);

	touch_range(m, task, 0, 2500, 0);
	/* Each node down to its low watermark of 20 pages; a node is left when it no longer lies above. */
	CHECK_EQUAL(node_counter(m, 0, RCL_NUMA_HIT), 980);
	CHECK_EQUAL(node_counter(m, 1, RCL_NUMA_MISS), 980);
	CHECK_EQUAL(node_counter(m, 2, RCL_NUMA_MISS), 540);
	CHECK_EQUAL(node_counter(m, 0, RCL_NUMA_FOREIGN), 1520);
	CHECK_EQUAL(node_counter(m, 0, RCL_NUMA_LOCAL), 980);
	CHECK_EQUAL(node_counter(m, 1, RCL_NUMA_OTHER), 980);
	rcl_machine_free(m);
}

static void test_bind_stays_on_its_nodes_and_reclaims_there(void)
{
	struct rcl_node_config nodes[3];
	struct rcl_machine *m = three_nodes(nodes);
	uint32_t task = make_placed(m, 0, RCL_MEMPOLICY_BIND, 1 << 1, 1100);
	struct rcl_task_info info;

	touch_range(m, task, 0, 1100, 0);
	CHECK_EQUAL(node_counter(m, 1, RCL_NUMA_HIT), 990);
	CHECK_EQUAL(node_counter(m, 1, RCL_NUMA_OTHER), 990);
	CHECK_EQUAL(node_counter(m, 0, RCL_NUMA_FOREIGN), 0);
	CHECK_EQUAL(rcl_task_info(m, task, &info), RCL_OK);
	CHECK_EQUAL(info.state, RCL_TASK_KILLED);	/* no swap, and nowhere else to go */
	rcl_machine_free(m);
}

static void test_interleave_takes_turns_and_counts_them(void)
{
	struct rcl_node_config nodes[3];
	struct rcl_machine *m = three_nodes(nodes);
	uint32_t task = make_placed(m, 0, RCL_MEMPOLICY_INTERLEAVE, 1 << 0 | 1 << 2, NR_PAGES);

	touch_range(m, task, 0, NR_PAGES, 0);
	CHECK_EQUAL(node_counter(m, 0, RCL_NUMA_INTERLEAVE), NR_PAGES / 2);
	CHECK_EQUAL(node_counter(m, 2, RCL_NUMA_INTERLEAVE), NR_PAGES / 2);
	CHECK_EQUAL(node_counter(m, 2, RCL_NUMA_HIT), NR_PAGES / 2);
	rcl_machine_free(m);
}

static void test_preferred_node_is_asked_first(void)
{
	struct rcl_node_config nodes[3];
	struct rcl_machine *m = three_nodes(nodes);
	uint32_t task = make_placed(m, 0, RCL_MEMPOLICY_PREFERRED, 1 << 2, NR_PAGES);

	touch_range(m, task, 0, NR_PAGES, 0);
	CHECK_EQUAL(node_counter(m, 2, RCL_NUMA_HIT), NR_PAGES);
	CHECK_EQUAL(node_counter(m, 2, RCL_NUMA_LOCAL), 0);
	rcl_machine_free(m);
}

static void test_hits_cost_what_their_node_costs(void)
{
	struct rcl_node_config nodes[3];
	struct rcl_machine *m = three_nodes(nodes);
	uint64_t far_ns[3], first, second;
	uint32_t tasks[3];

	for (uint32_t nid = 0; nid < 3; nid++) {
		tasks[nid] = make_placed(m, 0, RCL_MEMPOLICY_BIND, 1 << nid, NR_PAGES);
		touch_range(m, tasks[nid], 0, NR_PAGES, 0);
		first = clock_of(m, tasks[nid]);
		touch_range(m, tasks[nid], 0, NR_PAGES, 0);
		second = clock_of(m, tasks[nid]);
		far_ns[nid] = second - first - NR_PAGES * HIT_NS;
		CHECK_EQUAL(node_counter(m, nid, RCL_NODE_ACCESSES), 2 * NR_PAGES);
	}
	CHECK_EQUAL(far_ns[0], 0);
	CHECK_EQUAL(far_ns[1], NR_PAGES * 100);
	CHECK_EQUAL(far_ns[2], NR_PAGES * 300);
	rcl_machine_free(m);
}

static void test_policy_of_nodes_that_do_not_exist_is_refused(void)
{
	struct rcl_node_config nodes[3];
	struct rcl_machine *m = three_nodes(nodes);
	struct rcl_task_config config = { .mempolicy = RCL_MEMPOLICY_BIND, .mempolicy_nodes = 1 << 3 };
	uint32_t task;

	CHECK_EQUAL(rcl_task_create(m, &config, &task), RCL_BAD_ARGUMENT);
	CHECK(strstr(rcl_error(m), "memory policy"));
	config.mempolicy_nodes = 0;
	CHECK_EQUAL(rcl_task_create(m, &config, &task), RCL_BAD_ARGUMENT);
	rcl_machine_free(m);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		TEST(allocation_falls_back_in_order_of_distance),
		TEST(bind_stays_on_its_nodes_and_reclaims_there),
		TEST(interleave_takes_turns_and_counts_them),
		TEST(preferred_node_is_asked_first),
		TEST(hits_cost_what_their_node_costs),
		TEST(policy_of_nodes_that_do_not_exist_is_refused),
	};

	return run_tests_main(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
