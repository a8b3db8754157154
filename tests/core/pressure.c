/*
 * Pressure: totals and averages against what follows from a few stalls by hand.
 *
 * The stalls are put in through the mechanism itself, since the core's own depend on costs.
 */
#include "harness.h"

#include "psi.h"

#define SECOND UINT64_C(1000000000)
#define PERIOD (UINT64_C(2004000000))	/* 2 s and a tick of 4 ms */

/* A machine of one node with memcgs 1 and 2 and a task in each, both with work from 0 on. */
static struct rcl_machine *two_tasks(void)
{
	struct rcl_node_config node;
	struct rcl_config config = exact_config(&node, 4096);
	struct rcl_mapping mapping = { .nr_pages = 4 };
	static uint32_t records[1];
	struct rcl_machine *m = build_machine(&config);

	for (uint32_t i = 0; i < 2; i++) {
		uint64_t bad;
		uint32_t task = make_task(m, make_memcg(m, 100), &mapping, NULL);

		CHECK_EQUAL(rcl_task_feed(m, task, records, 1, 0, &bad), RCL_OK);
	}
	return m;
}

static void stall(struct rcl_machine *m, uint32_t task, uint64_t start_ns, uint64_t end_ns)
{
	m->tasks[task]->clock_ns = end_ns;
	psi_stall(m, &m->tasks[task]->psi, start_ns, end_ns, true, false);
}

static void advance_both(struct rcl_machine *m, uint64_t ns)
{
	m->tasks[0]->clock_ns = m->tasks[1]->clock_ns = ns;
	psi_task_ends(m, m->tasks[0]);
	psi_task_ends(m, m->tasks[1]);
}

static struct rcl_pressure memory_of(struct rcl_machine *m, uint32_t memcg)
{
	struct rcl_pressure out;

	CHECK_EQUAL(rcl_pressure(m, memcg, RCL_PRESSURE_MEMORY, &out), RCL_OK);
	return out;
}

static void test_pressure_is_the_union_and_the_intersection_in_any_order(void)
{
	struct rcl_machine *m = two_tasks();

	stall(m, 0, 10, 30);
	stall(m, 0, 50, 60);
	stall(m, 1, 20, 55);		/* recorded later, begins earlier */
	advance_both(m, 1000);
	CHECK_EQUAL(memory_of(m, 0).some_ns, 50);
	CHECK_EQUAL(memory_of(m, 0).full_ns, 15);
	CHECK_EQUAL(memory_of(m, 1).some_ns, 30);
	CHECK_EQUAL(memory_of(m, 1).full_ns, 30);
	CHECK_EQUAL(memory_of(m, 2).full_ns, 35);
	rcl_machine_free(m);
}

static void test_pressure_of_a_task_whose_neighbour_has_ended_is_full(void)
{
	struct rcl_machine *m = two_tasks();

	m->tasks[1]->clock_ns = 100;
	psi_task_ends(m, m->tasks[1]);
	stall(m, 0, 50, 250);
	advance_both(m, 1000);
	CHECK_EQUAL(memory_of(m, 0).some_ns, 200);
	CHECK_EQUAL(memory_of(m, 0).full_ns, 150);
	rcl_machine_free(m);
}

static void test_pressure_waits_for_whoever_is_behind(void)
{
	struct rcl_machine *m = two_tasks();

	stall(m, 0, 10, 30);
	CHECK_EQUAL(memory_of(m, 0).some_ns, 0);
	m->tasks[1]->clock_ns = 30;
	stall(m, 0, 30, 40);
	CHECK_EQUAL(memory_of(m, 0).some_ns, 20);
	rcl_machine_free(m);
}

static void test_pressure_averages_rise_and_decay_as_the_kernels(void)
{
	struct rcl_machine *m = two_tasks();
	struct rcl_pressure out;

	/* All of the first period: 100 % enters with 1 - 1677/2048, rounded up; then it decays. */
	stall(m, 0, 0, PERIOD);
	advance_both(m, PERIOD);
	out = memory_of(m, 0);
	CHECK_EQUAL(out.some_avg[0], 100 * (2048 - 1677));
	CHECK_EQUAL(out.some_avg[1], 100 * (2048 - 1981));
	CHECK_EQUAL(out.some_avg[2], 100 * (2048 - 2034));
	CHECK_EQUAL(out.full_avg[0], 0);
	m->tasks[0]->clock_ns = 2 * PERIOD;
	CHECK_EQUAL(memory_of(m, 0).some_avg[0], 100 * (2048 - 1677) * 1677 / 2048);
	CHECK_EQUAL(memory_of(m, 1).full_avg[0], 100 * (2048 - 1677) * 1677 / 2048);
	rcl_machine_free(m);
}

static void test_pressure_of_io_is_no_pressure_on_memory(void)
{
	struct rcl_machine *m = two_tasks();
	struct rcl_pressure io;

	psi_stall(m, &m->tasks[0]->psi, 10, 20, false, true);
	advance_both(m, 100);
	CHECK_EQUAL(rcl_pressure(m, 1, RCL_PRESSURE_IO, &io), RCL_OK);
	CHECK_EQUAL(io.some_ns, 10);
	CHECK_EQUAL(io.full_ns, 10);
	CHECK_EQUAL(memory_of(m, 1).some_ns, 0);
	CHECK_EQUAL(rcl_pressure(m, 3, RCL_PRESSURE_IO, &io), RCL_BAD_ARGUMENT);
	rcl_machine_free(m);
}

static void test_pressure_survives_a_queue_that_is_full(void)
{
	struct rcl_machine *m = two_tasks();

	for (uint64_t i = 0; i < 5000; i++)
		stall(m, 0, 10 * i, 10 * i + 4);
	advance_both(m, 100000);
	CHECK_EQUAL(memory_of(m, 0).some_ns, 20000);
	rcl_machine_free(m);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		TEST(pressure_is_the_union_and_the_intersection_in_any_order),
		TEST(pressure_of_a_task_whose_neighbour_has_ended_is_full),
		TEST(pressure_waits_for_whoever_is_behind),
		TEST(pressure_averages_rise_and_decay_as_the_kernels),
		TEST(pressure_of_io_is_no_pressure_on_memory),
		TEST(pressure_survives_a_queue_that_is_full),
	};

	return run_tests_main(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
