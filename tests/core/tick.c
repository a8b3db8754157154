/*
 * Ticks: when a policy is asked, and when no more.
 */
#include "harness.h"
#include "machine.h"

#define MS UINT64_C(1000000)

static uint64_t period_ns, asked_ns[64];
static uint32_t nr_asked, fail_at;

static uint64_t note_tick(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec)
{
	(void)lruvec;
	if (nr_asked < 64)
		asked_ns[nr_asked] = h_now(ctx);
	if (++nr_asked == fail_at)
		ctx->failed = 1;
	return period_ns;
}

static struct rcl_machine *make_machine(void)
{
	static struct rcl_node_config node;
	struct rcl_config config = exact_config(&node, 1000);

	nr_asked = fail_at = 0;
	return build_machine(&config);
}

/* Accesses of one page, 1 ms each. */
static void pass_ms(struct rcl_machine *m, uint32_t nr)
{
	struct rcl_mapping mapping = { .nr_pages = 1 };
	uint32_t task = make_task(m, 0, &mapping, NULL);
	uint32_t *records = calloc(nr, sizeof(*records));

	CHECK(records);
	m->tasks[task]->ns_per_access = MS;
	m->tasks[task]->clock_ns = *m->clock;
	CHECK_EQUAL(run_records(m, task, records, nr), RCL_OK);
	free(records);
	check_machine(m);
}

static uint32_t attach_ticking(struct rcl_machine *m)
{
	struct rcl_ops ops = fifo_ops;

	ops.tick = note_tick;
	return attach_own(m, &ops);
}

static void test_policy_is_asked_as_often_as_it_says(void)
{
	struct rcl_machine *m = make_machine();

	period_ns = 10 * MS;
	attach_ticking(m);
	pass_ms(m, 105);
	CHECK_EQUAL(nr_asked, 11);
	CHECK_EQUAL(asked_ns[10], 100 * MS);
	rcl_machine_free(m);
}

static void test_nothing_is_asked_after_a_nought(void)
{
	struct rcl_machine *m = make_machine();

	period_ns = 0;
	attach_ticking(m);
	pass_ms(m, 50);
	CHECK_EQUAL(nr_asked, 1);
	CHECK_EQUAL(m->ticker->due_ns, RCL_NEVER);
	rcl_machine_free(m);
}

static void test_no_period_is_shorter_than_a_millisecond(void)
{
	struct rcl_machine *m = make_machine();

	period_ns = 1;
	attach_ticking(m);
	pass_ms(m, 20);
	CHECK(nr_asked >= 20 && nr_asked <= 21);
	rcl_machine_free(m);
}

static void test_each_memcg_ticks_from_its_birth(void)
{
	struct rcl_machine *m = make_machine();

	period_ns = 10 * MS;
	attach_ticking(m);
	make_memcg(m, UINT64_MAX);
	pass_ms(m, 95);
	CHECK_EQUAL(nr_asked, 20);
	rcl_machine_free(m);
}

static void test_policy_that_left_is_not_asked(void)
{
	struct rcl_machine *m = make_machine();
	uint32_t attachment;

	period_ns = 10 * MS;
	attachment = attach_ticking(m);
	pass_ms(m, 25);
	CHECK_EQUAL(nr_asked, 3);
	CHECK_EQUAL(rcl_detach(m, attachment), RCL_OK);
	pass_ms(m, 50);
	CHECK_EQUAL(nr_asked, 3);
	rcl_machine_free(m);
}

static void test_policy_that_fails_in_a_tick_is_ejected(void)
{
	struct rcl_machine *m = make_machine();

	period_ns = 10 * MS;
	attach_ticking(m);
	fail_at = 3;
	pass_ms(m, 100);
	CHECK_EQUAL(nr_asked, 3);
	rcl_machine_free(m);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		TEST(policy_is_asked_as_often_as_it_says),
		TEST(nothing_is_asked_after_a_nought),
		TEST(no_period_is_shorter_than_a_millisecond),
		TEST(each_memcg_ticks_from_its_birth),
		TEST(policy_that_left_is_not_asked),
		TEST(policy_that_fails_in_a_tick_is_ejected),
	};

	return run_tests_main(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
