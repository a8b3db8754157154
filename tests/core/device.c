/*
 * Devices: an idle one costs what the table says, a busy one makes requests wait.
 */
#include "device.h"
#include "events.h"
#include "harness.h"

static struct rcl_machine *make_machine(uint32_t nr_channels)
{
	static struct rcl_node_config node;
	struct rcl_config config = exact_config(&node, 256);

	config.ssd_channels = nr_channels;
	config.costs.ssd_read_ns = 1000;
	config.costs.ssd_write_ns = 500;
	config.costs.ssd_page_ns = 10;
	config.costs.disk_read_ns = 7000;
	config.costs.disk_page_ns = 100;
	return build_machine(&config);
}

static void test_an_idle_device_takes_what_the_cost_table_says(void)
{
	struct rcl_machine *m = make_machine(4);

	CHECK_EQUAL(device_read(m, &m->devices[0], 1), 1000);
	events_sleep_until(m, 5000);
	CHECK_EQUAL(device_read(m, &m->devices[0], 11), 5000 + 1000 + 10 * 10);
	CHECK_EQUAL(device_read(m, &m->devices[1], 3), 5000 + 7000 + 2 * 100);
	rcl_machine_free(m);
}

static void test_channels_work_at_once_and_share_the_link(void)
{
	struct rcl_machine *m = make_machine(2);

	CHECK_EQUAL(device_read(m, &m->devices[0], 1), 1000);
	CHECK_EQUAL(device_read(m, &m->devices[0], 1), 1010);	/* its page follows on the link */
	CHECK_EQUAL(device_read(m, &m->devices[0], 1), 2000);	/* the first channel is free again */
	rcl_machine_free(m);
}

static void test_a_disk_has_one_head(void)
{
	struct rcl_machine *m = make_machine(8);

	CHECK_EQUAL(device_read(m, &m->devices[1], 1), 7000);
	CHECK_EQUAL(device_read(m, &m->devices[1], 1), 14000);
	rcl_machine_free(m);
}

/* Whoever asks does the work, and nothing is in a queue afterwards. */
static void test_a_disk_of_memory_is_the_time_of_who_asks(void)
{
	struct rcl_machine *m = make_machine(4);

	m->config.ssd_in_memory = 1;
	m->config.costs.ssd_copy_ns = 40;
	m->config.costs.ssd_compress_ns = 60;
	CHECK_EQUAL(device_read(m, &m->devices[0], 3), 3 * 40 + 1000);
	CHECK_EQUAL(*m->clock, 3 * 40 + 1000);
	device_copy(m, &m->devices[0], 2);
	device_write(m, &m->devices[0], RCL_NIL, false);
	device_write(m, &m->devices[0], RCL_NIL, true);
	CHECK_EQUAL(*m->clock, 5 * 40 + 1000 + 500 + 2 * 60);
	CHECK_EQUAL(m->devices[0].nr_queued, 0);
	CHECK_EQUAL(device_read(m, &m->devices[1], 1), *m->clock + 7000);	/* disks are disks */
	rcl_machine_free(m);
}

static void test_pages_in_a_row_are_one_request(void)
{
	struct rcl_machine *m = make_machine(1);

	CHECK_EQUAL(device_write(m, &m->devices[0], RCL_NIL, false), 500);
	CHECK_EQUAL(device_write(m, &m->devices[0], RCL_NIL, true), 510);
	CHECK_EQUAL(device_write(m, &m->devices[0], RCL_NIL, false), 1000);
	CHECK_EQUAL(m->devices[0].nr_queued, 3);
	events_sleep_until(m, 509);
	CHECK_EQUAL(m->devices[0].nr_queued, 2);
	events_sleep_until(m, 1000);
	CHECK_EQUAL(m->devices[0].nr_queued, 0);
	rcl_machine_free(m);
}

static void test_a_full_queue_makes_the_writer_wait(void)
{
	struct rcl_machine *m = make_machine(1);

	for (uint32_t i = 0; i < RCL_QUEUE_PAGES; i++)
		device_write(m, &m->devices[0], RCL_NIL, i > 0);
	CHECK_EQUAL(*m->clock, 0);
	CHECK_EQUAL(device_room(&m->devices[0]), 0);
	device_write(m, &m->devices[0], RCL_NIL, true);
	CHECK_EQUAL(*m->clock, 500);		/* the oldest is done */
	CHECK_EQUAL(m->devices[0].nr_queued, RCL_QUEUE_PAGES);
	rcl_machine_free(m);
}

static void test_tasks_wait_for_each_others_reads(void)
{
	static const uint32_t records[2] = { 0 | UINT32_C(1) << 30, 1 | UINT32_C(1) << 30 };
	struct rcl_machine *m = make_machine(1);
	struct rcl_run_control control = { 0 };
	uint32_t file = make_file(m, 4), one = make_task(m, 0, NULL, &file), two = make_task(m, 0, NULL, &file);
	uint64_t bad;

	CHECK_EQUAL(rcl_task_feed(m, one, &records[0], 1, 1, &bad), RCL_OK);
	CHECK_EQUAL(rcl_task_feed(m, two, &records[1], 1, 1, &bad), RCL_OK);
	CHECK_EQUAL(rcl_run(m, &control), RCL_OK);
	CHECK(m->tasks[one]->clock_ns < 2000);
	CHECK(m->tasks[two]->clock_ns > 2000);
	rcl_machine_free(m);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "idle", test_an_idle_device_takes_what_the_cost_table_says },
		{ "channels", test_channels_work_at_once_and_share_the_link },
		{ "disk", test_a_disk_has_one_head },
		{ "memory", test_a_disk_of_memory_is_the_time_of_who_asks },
		{ "row", test_pages_in_a_row_are_one_request },
		{ "full", test_a_full_queue_makes_the_writer_wait },
		{ "tasks", test_tasks_wait_for_each_others_reads },
	};

	return run_tests_main(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
