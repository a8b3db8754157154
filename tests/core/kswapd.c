/*
 * kswapd as an actor: when it wakes, how far it goes, who outruns it, when it gives up.
 */
#include "harness.h"
#include "kswapd.h"
#include "machine.h"

#define NR_PAGES 2560
#define MIN 32
#define LOW 64
#define HIGH 128
#define NAP_NS 100000000

static uint32_t records[2 * NR_PAGES];

/* One node with three watermarks; one task with anonymous memory and a file. */
struct setting {
	struct rcl_machine *m;
	uint32_t task;
};

static struct setting make_setting(uint32_t swap_device, uint64_t nr_swap_pages)
{
	static struct rcl_node_config node;
	struct rcl_swap_config swap = { .nr_pages = nr_swap_pages, .device = swap_device };
	struct rcl_config config = exact_config(&node, NR_PAGES);
	struct rcl_mapping mapping = { .nr_pages = 2 * NR_PAGES };
	struct setting s;
	uint32_t file;

	node = (struct rcl_node_config){ .nr_pages = NR_PAGES, .min_wmark = MIN, .low_wmark = LOW, .high_wmark = HIGH };
	config.kswapd = 1;
	config.forced_release = 0;
	config.reclaim_batch_pages = 32;
	config.nr_swaps = nr_swap_pages ? 1 : 0;
	config.swaps = &swap;
	s.m = build_machine(&config);
	file = make_file(s.m, 2 * NR_PAGES);
	s.task = make_task(s.m, 0, &mapping, &file);
	return s;
}

static void touch(struct setting *s, uint32_t first, uint32_t nr, uint32_t bits)
{
	touch_range(s->m, s->task, first, nr, bits);
}

/* Let a task's time pass with hits on one page. */
static void pass_time(struct setting *s, uint64_t ns)
{
	uint64_t per_access = s->m->tasks[s->task]->ns_per_access;

	s->m->tasks[s->task]->ns_per_access = ns / 2;
	records[0] = records[1] = 0;
	CHECK_EQUAL(run_records(s->m, s->task, records, 2), RCL_OK);
	s->m->tasks[s->task]->ns_per_access = per_access;
}

static uint64_t nr_free(const struct setting *s)
{
	return s->m->nodes[0].pub.nr_free_pages;
}

static void test_kswapd_wakes_below_low_and_stops_above_high(void)
{
	struct setting s = make_setting(0, 0);

	touch(&s, 0, 1, WRITE);
	touch(&s, 0, NR_PAGES - LOW - 1, BUFFERED);
	CHECK_EQUAL(nr_free(&s), LOW);
	CHECK_EQUAL(counter(s.m, RCL_PAGEOUTRUN), 0);
	touch(&s, NR_PAGES, 20, BUFFERED);	/* each waits for the disk, kswapd works meanwhile */
	CHECK_EQUAL(counter(s.m, RCL_KSWAPD_WAKEUPS), 1);
	CHECK_EQUAL(counter(s.m, RCL_PAGEOUTRUN), 1);
	CHECK(nr_free(&s) > HIGH - 20 && nr_free(&s) <= 2 * HIGH + 32);
	CHECK(counter(s.m, RCL_PGSTEAL_KSWAPD) > 0);
	CHECK_EQUAL(counter(s.m, RCL_ALLOCSTALL), 0);
	CHECK(s.m->nodes[0].kswapd.ns > 0);
	rcl_machine_free(s.m);
}

static void test_a_nap_comes_before_the_long_sleep(void)
{
	struct setting s = make_setting(0, 0);
	uint32_t first = NR_PAGES - LOW - 1;

	touch(&s, 0, 1, WRITE);
	touch(&s, 0, first, BUFFERED);
	touch(&s, first, 20, BUFFERED);
	CHECK_EQUAL(counter(s.m, RCL_PAGEOUTRUN), 1);
	touch(&s, first + 20, 200, BUFFERED);	/* short again within 100 ms of the run's end */
	CHECK(counter(s.m, RCL_KSWAPD_LOW_WMARK_HIT_QUICKLY) > 0);
	CHECK_EQUAL(counter(s.m, RCL_KSWAPD_WAKEUPS), 1);
	pass_time(&s, 6 * NAP_NS);
	CHECK_EQUAL(s.m->next_due_ns, RCL_NEVER);
	touch(&s, first + 220, 200, BUFFERED);
	CHECK_EQUAL(counter(s.m, RCL_KSWAPD_WAKEUPS), 2);
	rcl_machine_free(s.m);
}

static void test_a_fast_task_outruns_kswapd_into_direct_reclaim(void)
{
	struct setting s = make_setting(RCL_DEVICE_ZRAM, 2 * NR_PAGES);

	touch(&s, 0, 2 * NR_PAGES, WRITE);
	CHECK(counter(s.m, RCL_PGSTEAL_KSWAPD) > 500);
	CHECK(counter(s.m, RCL_ALLOCSTALL) > 0);
	CHECK(counter(s.m, RCL_PGSTEAL_DIRECT) > 0);
	CHECK(nr_free(&s) >= MIN);
	CHECK_EQUAL(counter(s.m, RCL_OOM_KILL), 0);
	rcl_machine_free(s.m);
}

static void plan_nothing(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_scan_control *sc)
{
	(void)ctx, (void)lruvec, (void)sc;
}

/* A policy whose passes go on until nothing is left, and batches that take long. */
static void attach_endless(struct setting *s, uint64_t compress_ns)
{
	static struct rcl_ops ops;

	ops = fifo_ops;
	ops.pass_begin = plan_nothing;
	attach_own(s->m, &ops);
	s->m->config.costs.zram_compress_ns = compress_ns;
}

static void test_what_kswapd_frees_comes_free_batch_by_batch(void)
{
	struct setting s = make_setting(RCL_DEVICE_ZRAM, 2 * NR_PAGES);
	uint64_t last = NR_PAGES, nr_awake = 0;

	touch(&s, 0, NR_PAGES - LOW - 1, WRITE);
	attach_endless(&s, 100000);
	for (uint32_t i = 0; i < 60; i++) {
		touch(&s, NR_PAGES - LOW + i, 1, BUFFERED);
		if (kswapd_is_awake(&s.m->nodes[0])) {
			nr_awake++;
			CHECK(nr_free(&s) <= last + 32);
		}
		last = nr_free(&s);
	}
	CHECK(nr_awake > 10);
	CHECK(counter(s.m, RCL_PGSTEAL_KSWAPD) > 32);
	rcl_machine_free(s.m);
}

static void test_a_page_that_is_used_before_its_batch_comes_stays(void)
{
	struct setting s = make_setting(RCL_DEVICE_ZRAM, 2 * NR_PAGES);
	uint64_t nr_misses;

	touch(&s, 0, NR_PAGES - LOW - 1, WRITE);
	attach_endless(&s, 1000000);
	touch(&s, NR_PAGES - LOW, 2, BUFFERED);
	CHECK(kswapd_is_awake(&s.m->nodes[0]));
	nr_misses = s.m->tasks[s.task]->nr_misses;
	touch(&s, 100, 1, 0);		/* the walk will reach it, but has not yet */
	CHECK_EQUAL(s.m->tasks[s.task]->nr_misses, nr_misses);
	rcl_machine_free(s.m);
}

static void begin_at_zero(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_scan_control *sc)
{
	(void)ctx, (void)lruvec;
	sc->priority = 0;
}

static uint64_t stop_at_once(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_scan_control *sc,
			     struct rcl_batch_result *last)
{
	(void)ctx, (void)lruvec, (void)sc, (void)last;
	return RCL_BATCH_STOP;
}

static void test_a_policy_that_begins_at_the_last_priority_comes_to_an_end(void)
{
	struct rcl_ops ops = fifo_ops;
	struct setting s = make_setting(RCL_DEVICE_ZRAM, NR_PAGES);

	ops.pass_begin = begin_at_zero;
	ops.next_batch = stop_at_once;
	attach_own(s.m, &ops);
	touch(&s, 0, NR_PAGES - LOW - 1, WRITE);
	touch(&s, NR_PAGES - LOW - 1, 2, WRITE);
	pass_time(&s, NAP_NS);
	CHECK_EQUAL(s.m->nodes[0].kswapd.nr_failures, MAX_RECLAIM_RETRIES);	/* a walk each, in vain */
	rcl_machine_free(s.m);
}

static void test_sixteen_fruitless_runs_are_hopeless_until_something_is_freed(void)
{
	struct setting s = make_setting(0, 0);
	struct rcl_node_info info;

	attach_own(s.m, &fifo_ops);
	touch(&s, 0, 64, BUFFERED);
	touch(&s, 0, NR_PAGES - 64 - LOW - 1, WRITE);
	s.m->nodes[0].kswapd.nr_failures = MAX_RECLAIM_RETRIES - 1;
	touch(&s, NR_PAGES - 64 - LOW - 1, 2, WRITE);	/* the file's pages go: hope */
	pass_time(&s, NAP_NS);
	CHECK(counter(s.m, RCL_PGSTEAL_KSWAPD) > 0);
	CHECK_EQUAL(rcl_node_info(s.m, 0, &info), RCL_OK);
	CHECK(info.kswapd_is_hopeless);			/* then sixteen runs find nothing */
	CHECK_EQUAL(s.m->nodes[0].kswapd.nr_failures, MAX_RECLAIM_RETRIES);
	touch(&s, 0, 1, BUFFERED);
	pass_time(&s, 6 * NAP_NS);
	CHECK_EQUAL(s.m->next_due_ns, RCL_NEVER);	/* nobody wakes it */
	CHECK_EQUAL(counter(s.m, RCL_OOM_KILL), 0);
	rcl_machine_free(s.m);
}

static uint32_t nr_trimming, nr_rounds_of_all;

/* Trim the cache as long as that is permitted, in vain. */
static void trim_in_vain(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_scan_control *sc)
{
	(void)ctx, (void)lruvec;
	sc->cache_trim_mode = !sc->no_cache_trim_mode;
	nr_trimming += sc->cache_trim_mode;
	nr_rounds_of_all += !sc->cache_trim_mode;
}

static uint64_t stop_while_trimming(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_scan_control *sc,
				    struct rcl_batch_result *last)
{
	return sc->cache_trim_mode ? RCL_BATCH_STOP : fifo_ops.next_batch(ctx, lruvec, sc, last);
}

static void test_a_run_of_trimming_in_vain_is_repeated_without(void)
{
	struct rcl_ops ops = fifo_ops;
	struct setting s = make_setting(RCL_DEVICE_ZRAM, NR_PAGES);

	ops.prepare_scan = trim_in_vain;
	ops.next_batch = stop_while_trimming;
	attach_own(s.m, &ops);
	touch(&s, 0, NR_PAGES - LOW - 1, WRITE);
	touch(&s, NR_PAGES - LOW - 1, 2, WRITE);
	pass_time(&s, NAP_NS);
	CHECK_EQUAL(nr_trimming, 12);			/* priorities 12 to 1, and from 12 on again */
	CHECK(nr_rounds_of_all > 0);
	CHECK(counter(s.m, RCL_PGSTEAL_KSWAPD) > 0);
	CHECK_EQUAL(s.m->nodes[0].kswapd.nr_failures, 0);
	rcl_machine_free(s.m);
}

static void test_a_boost_raises_watermarks_until_it_is_reclaimed_without_io(void)
{
	struct setting s = make_setting(RCL_DEVICE_ZRAM, NR_PAGES);
	uint64_t low = s.m->nodes[0].pub.low_wmark;

	touch(&s, 0, 700, WRITE);			/* anonymous: boosted reclaim leaves it alone */
	touch(&s, 0, 1200, BUFFERED);
	CHECK_EQUAL(rcl_node_boost(s.m, 0), RCL_OK);
	CHECK_EQUAL(s.m->nodes[0].pub.low_wmark, low + 512);
	pass_time(&s, NAP_NS);
	CHECK_EQUAL(s.m->nodes[0].pub.low_wmark, low);
	CHECK(counter(s.m, RCL_PGSTEAL_FILE) >= 512 && counter(s.m, RCL_PGSTEAL_FILE) < 700);
	CHECK_EQUAL(counter(s.m, RCL_PSWPOUT), 0);
	CHECK_EQUAL(rcl_node_boost(s.m, 1), RCL_BAD_ARGUMENT);
	rcl_machine_free(s.m);
}

static void test_a_boost_is_limited_by_its_factor(void)
{
	struct setting s = make_setting(0, 0);

	for (int i = 0; i < 5; i++)
		CHECK_EQUAL(rcl_node_boost(s.m, 0), RCL_OK);
	CHECK_EQUAL(s.m->nodes[0].nr_boost, 512);	/* one page block is more than 1.5 times high */
	rcl_machine_free(s.m);
}

static void test_below_half_of_min_tasks_wait_for_kswapd(void)
{
	struct setting s = make_setting(0, 0);

	attach_own(s.m, &fifo_ops);	/* small passes */
	touch(&s, 0, 1, WRITE);
	s.m->config.kswapd = 0;
	touch(&s, 0, NR_PAGES - MIN - 20, BUFFERED);
	s.m->config.kswapd = 1;
	CHECK(nr_free(&s) >= MIN);
	CHECK_EQUAL(rcl_node_boost(s.m, 0), RCL_OK);	/* min is 544 now, free less than half */
	touch(&s, NR_PAGES, 100, BUFFERED);
	CHECK(counter(s.m, RCL_PGSCAN_DIRECT_THROTTLE) > 0);
	CHECK_EQUAL(counter(s.m, RCL_OOM_KILL), 0);
	rcl_machine_free(s.m);
}

static void test_without_kswapd_nobody_waits_for_it(void)
{
	struct setting s = make_setting(0, 0);

	s.m->config.kswapd = 0;
	touch(&s, 0, 2 * NR_PAGES, BUFFERED);
	CHECK_EQUAL(counter(s.m, RCL_PAGEOUTRUN), 0);
	CHECK(counter(s.m, RCL_ALLOCSTALL) > 0);
	rcl_machine_free(s.m);
}

static volatile int stop;

/* Stop the machine in the middle of kswapd's work. */
static int stop_in_balance(void *user, uint64_t nr_records)
{
	const struct setting *s = user;

	(void)nr_records;
	return s->m->nodes[0].kswapd.actor->due_ns != RCL_NEVER && !stop++;
}

static void test_interrupted_runs_go_on_to_the_same_end(void)
{
	struct setting s = make_setting(0, 0), t = make_setting(0, 0);
	struct rcl_run_control control = { .progress = stop_in_balance, .user = &s, .progress_records = 1 };
	uint32_t nr = NR_PAGES + 300;
	uint64_t bad;
	int nr_stops = 0;

	for (uint32_t i = 0; i < nr; i++)
		records[i] = i | BUFFERED;
	CHECK_EQUAL(rcl_task_feed(s.m, s.task, records, nr, 0, &bad), RCL_OK);
	while (rcl_run(s.m, &control) == RCL_INTERRUPTED)
		nr_stops++;
	CHECK(nr_stops > 0);
	CHECK_EQUAL(rcl_task_feed(t.m, t.task, records, nr, 0, &bad), RCL_OK);
	control.progress = NULL;
	CHECK_EQUAL(rcl_run(t.m, &control), RCL_OK);
	CHECK_EQUAL(counter(s.m, RCL_PGSTEAL_KSWAPD), counter(t.m, RCL_PGSTEAL_KSWAPD));
	CHECK_EQUAL(s.m->tasks[0]->clock_ns, t.m->tasks[0]->clock_ns);
	CHECK_EQUAL(s.m->nodes[0].kswapd.ns, t.m->nodes[0].kswapd.ns);
	rcl_machine_free(s.m);
	rcl_machine_free(t.m);
}

static const struct test tests[] = {
	{ "low and high", test_kswapd_wakes_below_low_and_stops_above_high },
	{ "nap", test_a_nap_comes_before_the_long_sleep },
	{ "outrun", test_a_fast_task_outruns_kswapd_into_direct_reclaim },
	{ "batches", test_what_kswapd_frees_comes_free_batch_by_batch },
	{ "still there", test_a_page_that_is_used_before_its_batch_comes_stays },
	{ "last priority", test_a_policy_that_begins_at_the_last_priority_comes_to_an_end },
	{ "hopeless", test_sixteen_fruitless_runs_are_hopeless_until_something_is_freed },
	{ "trim", test_a_run_of_trimming_in_vain_is_repeated_without },
	{ "boost", test_a_boost_raises_watermarks_until_it_is_reclaimed_without_io },
	{ "boost limit", test_a_boost_is_limited_by_its_factor },
	{ "throttle", test_below_half_of_min_tasks_wait_for_kswapd },
	{ "no kswapd", test_without_kswapd_nobody_waits_for_it },
	{ "interrupt", test_interrupted_runs_go_on_to_the_same_end },
};

int main(int argc, char **argv)
{
	return run_tests_main(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
