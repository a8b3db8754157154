/*
 * Plugs: what is written behind one goes out together, and what lets it go early.
 */
#include "plug.h"

#include "device.h"
#include "events.h"
#include "harness.h"

static struct rcl_machine *make_machine(uint32_t max_request_pages)
{
	static struct rcl_node_config node;
	struct rcl_config config = exact_config(&node, 256);

	config.max_request_pages = max_request_pages;
	config.costs.ssd_write_ns = 500;
	config.costs.ssd_page_ns = 10;
	config.costs.ssd_copy_ns = 2;
	return build_machine(&config);
}

static void write_row(struct rcl_machine *m, uint32_t place, uint32_t nr)
{
	for (uint32_t i = 0; i < nr; i++)
		plug_write(m, &m->devices[0], RCL_NIL, place + i);
}

static void without_a_plug_a_write_starts_at_once(void)
{
	struct rcl_machine *m = make_machine(4);

	write_row(m, 0, 1);
	CHECK_EQUAL(m->devices[0].nr_queued, 1);
	CHECK_EQUAL(device_next_done_ns(&m->devices[0]), 502);
	rcl_machine_free(m);
}

static void pages_in_a_row_go_out_as_one_request_in_the_end(void)
{
	struct rcl_machine *m = make_machine(4);

	plug_start(m);
	plug_start(m);
	write_row(m, 7, 3);
	plug_finish(m);			/* the inner one holds nothing up */
	CHECK_EQUAL(m->devices[0].nr_queued, 0);
	plug_finish(m);
	CHECK_EQUAL(m->devices[0].nr_queued, 3);
	CHECK_EQUAL(device_next_done_ns(&m->devices[0]), 506);	/* all were copied before it began */
	events_sleep_until(m, 526);
	CHECK_EQUAL(m->devices[0].nr_queued, 0);
	rcl_machine_free(m);
}

static void a_request_holds_so_many_pages(void)
{
	struct rcl_machine *m = make_machine(4);

	plug_start(m);
	write_row(m, 0, 9);
	CHECK_EQUAL(m->task_plug.nr_requests, 3);
	write_row(m, 10, 1);		/* not the next one */
	CHECK_EQUAL(m->task_plug.nr_requests, 4);
	plug_finish(m);
	rcl_machine_free(m);
}

static void thirty_two_requests_are_enough(void)
{
	struct rcl_machine *m = make_machine(4);

	plug_start(m);
	for (uint32_t i = 0; i < 32; i++)
		write_row(m, 2 * i, 1);
	CHECK_EQUAL(m->devices[0].nr_queued, 0);
	write_row(m, 64, 1);
	CHECK_EQUAL(m->task_plug.nr_pages, 1);
	CHECK_EQUAL(m->devices[0].nr_queued, 32);
	plug_finish(m);
	rcl_machine_free(m);
}

static void behind_a_large_request_nothing_else_waits(void)
{
	struct rcl_machine *m = make_machine(128);

	plug_start(m);
	write_row(m, 0, 40);
	CHECK_EQUAL(m->devices[0].nr_queued, 0);
	write_row(m, 100, 1);
	CHECK_EQUAL(m->task_plug.nr_pages, 1);
	CHECK_EQUAL(m->devices[0].nr_queued, 40);
	plug_finish(m);
	rcl_machine_free(m);
}

static void whoever_sleeps_lets_go(void)
{
	struct rcl_machine *m = make_machine(4);

	plug_start(m);
	write_row(m, 0, 1);
	events_sleep(m, 100);
	CHECK_EQUAL(m->task_plug.nr_pages, 0);
	CHECK_EQUAL(m->devices[0].nr_queued, 1);
	plug_finish(m);
	rcl_machine_free(m);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "at-once", without_a_plug_a_write_starts_at_once },
		{ "row", pages_in_a_row_go_out_as_one_request_in_the_end },
		{ "size", a_request_holds_so_many_pages },
		{ "number", thirty_two_requests_are_enough },
		{ "large", behind_a_large_request_nothing_else_waits },
		{ "sleep", whoever_sleeps_lets_go },
	};

	return run_tests_main(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
