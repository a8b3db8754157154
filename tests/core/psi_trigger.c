/*
 * PSI triggers: when a policy hears of stalls, and what it is told.
 *
 * The stalls are put in through the mechanism itself, since the core's own depend on costs. The task works
 * in between, so that kernel threads run.
 */
#include "harness.h"

#include "events.h"
#include "hooks.h"
#include "psi.h"
#include "psi_trigger.h"

#define MS UINT64_C(1000000)
#define SECOND (1000 * MS)
#define SOME(us, window) (RCL_TRIGGER_SOME_STALL | UINT64_C(us) << 8 | UINT64_C(window) << 32)
#define FULL(us, window) (RCL_TRIGGER_FULL_STALL | UINT64_C(us) << 8 | UINT64_C(window) << 32)

static struct asked {
	uint64_t ns;
	uint64_t stall_us;
	uint64_t memcg;
} asked[64];
static uint64_t answer, later_answer;
static uint32_t nr_asked, fail_at;

static uint64_t note_pressure(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, uint64_t stall_us)
{
	if (nr_asked < 64)
		asked[nr_asked] = (struct asked){ h_now(ctx), stall_us, lruvec->memcg->id };
	if (++nr_asked == fail_at)
		ctx->failed = 1;
	return stall_us && later_answer ? later_answer : answer;
}

static uint32_t attach_watching(struct rcl_machine *m, uint32_t point, uint32_t where)
{
	struct rcl_ops ops = fifo_ops;
	struct rcl_policy policy = { .name = "watches", .ops = &ops, .nr_lists = 1 };
	uint32_t attachment;

	ops.pressure = note_pressure;
	CHECK_EQUAL(rcl_attach(m, &policy, point, where, &attachment), RCL_OK);
	return attachment;
}

static uint32_t feed(struct rcl_machine *m, uint32_t memcg)
{
	static uint32_t records[1];
	struct rcl_mapping mapping = { .nr_pages = 4 };
	uint32_t task = make_task(m, memcg, &mapping, NULL);
	uint64_t bad;

	CHECK_EQUAL(rcl_task_feed(m, task, records, 1, 0, &bad), RCL_OK);
	return task;
}

/* A machine whose memcgs 1 and 2, and 3 below 1, have a task each (0, 1, 2), all with work from 0 on. */
static struct rcl_machine *three_tasks(uint64_t first_answer)
{
	static struct rcl_node_config node;
	struct rcl_config config = exact_config(&node, 4096);
	struct rcl_memcg_config child = { .parent = 1, .max_pages = 100, .high_pages = UINT64_MAX,
					  .swap_max_pages = UINT64_MAX, .swappiness = 60 };
	struct rcl_machine *m = build_machine(&config);
	uint32_t number;

	nr_asked = fail_at = 0;
	answer = first_answer;
	later_answer = 0;
	make_memcg(m, 200);
	make_memcg(m, 200);
	CHECK_EQUAL(rcl_memcg_create(m, &child, &number), RCL_OK);
	for (uint32_t memcg = 1; memcg <= 3; memcg++)
		feed(m, memcg);
	return m;
}

/* All tasks get to a moment, and kernel threads with them. */
static void work_until(struct rcl_machine *m, uint64_t ns)
{
	for (uint32_t i = 0; i < m->nr_tasks; i++) {
		if (m->tasks[i]->clock_ns < ns)
			m->tasks[i]->clock_ns = ns;
	}
	m->current = m->tasks[0];
	m->clock = &m->tasks[0]->clock_ns;
	events_run_due(m);
	check_machine(m);
}

/* A task stalls from now on, the others work as long. */
static void stall_for(struct rcl_machine *m, uint32_t task, uint64_t ns)
{
	uint64_t start_ns = m->tasks[task]->clock_ns;

	m->current = m->tasks[task];
	m->clock = &m->tasks[task]->clock_ns;
	CHECK_EQUAL(stall_begin(m, m->current, RCL_STALL_RECLAIM, true), start_ns);
	for (uint32_t i = 0; i < m->nr_tasks; i++) {
		if (i != task)
			m->tasks[i]->clock_ns = start_ns + ns;
	}
	events_sleep(m, ns);
	stall_record(m, m->current, RCL_STALL_RECLAIM, start_ns, true);
	check_machine(m);
}

/* A part of each 10 ms, until a moment. */
static void stall_in_parts(struct rcl_machine *m, uint32_t task, uint64_t ns, uint64_t until_ns)
{
	while (m->tasks[task]->clock_ns < until_ns) {
		stall_for(m, task, ns);
		work_until(m, m->tasks[task]->clock_ns + 10 * MS - ns);
	}
}

static uint32_t asked_of(uint64_t memcg)
{
	uint32_t nr = 0;

	for (uint32_t i = 0; i < nr_asked && i < 64; i++)
		nr += asked[i].memcg == memcg && asked[i].stall_us;
	return nr;
}

static void test_each_memcg_is_asked_what_it_watches(void)
{
	struct rcl_machine *m = three_tasks(SOME(100000, 1000000));

	attach_watching(m, RCL_ATTACH_SYSTEM, 0);
	work_until(m, SECOND);
	CHECK_EQUAL(nr_asked, 4);
	for (uint32_t i = 0; i < 4; i++) {
		CHECK_EQUAL(asked[i].memcg, i);
		CHECK_EQUAL(asked[i].stall_us, 0);
	}
	CHECK_EQUAL(m->psimon->due_ns, RCL_NEVER);
	rcl_machine_free(m);
}

static void test_stall_below_the_threshold_is_no_event(void)
{
	struct rcl_machine *m = three_tasks(SOME(300000, 1000000));

	attach_watching(m, RCL_ATTACH_SYSTEM, 0);
	stall_in_parts(m, 1, 2 * MS, 5 * SECOND);
	CHECK_EQUAL(nr_asked, 4);
	rcl_machine_free(m);
}

static void test_event_comes_once_per_window_to_the_memcg_and_its_ancestors(void)
{
	struct rcl_machine *m = three_tasks(SOME(100000, 1000000));
	uint64_t last_ns = 0;

	attach_watching(m, RCL_ATTACH_SYSTEM, 0);
	stall_in_parts(m, 2, 5 * MS, 5 * SECOND);
	CHECK_EQUAL(asked_of(2), 0);
	CHECK(asked_of(3) >= 4 && asked_of(3) <= 5);
	CHECK_EQUAL(asked_of(1), asked_of(3));
	CHECK_EQUAL(asked_of(0), asked_of(3));
	for (uint32_t i = 0; i < nr_asked; i++) {
		if (asked[i].memcg != 3 || !asked[i].stall_us)
			continue;
		CHECK(asked[i].stall_us >= 100000 && asked[i].stall_us <= 600000);
		CHECK(!last_ns || asked[i].ns >= last_ns + SECOND);
		last_ns = asked[i].ns;
	}
	rcl_machine_free(m);
}

/* By hand: the first look is at 4 ms, a jiffy after the stall began, and starts the window; updates follow
 * every 100 ms and a jiffy, and the second one sees more than 150 ms. */
static void test_stall_that_is_not_over_counts(void)
{
	struct rcl_machine *m = three_tasks(SOME(150000, 1000000));

	attach_watching(m, RCL_ATTACH_MEMCG, 2);
	work_until(m, 0);
	stall_for(m, 1, 500 * MS);
	CHECK_EQUAL(nr_asked, 2);
	CHECK_EQUAL(asked[1].ns, 212 * MS);
	CHECK_EQUAL(asked[1].stall_us, 208000);
	rcl_machine_free(m);
}

static void test_nobody_looks_once_a_window_passed_without_stall(void)
{
	struct rcl_machine *m = three_tasks(SOME(100000, 1000000));

	attach_watching(m, RCL_ATTACH_SYSTEM, 0);
	work_until(m, SECOND);
	stall_for(m, 1, 10 * MS);
	CHECK(m->psimon->due_ns != RCL_NEVER);
	work_until(m, 3 * SECOND);
	CHECK_EQUAL(m->psimon->due_ns, RCL_NEVER);
	CHECK_EQUAL(nr_asked, 4);
	rcl_machine_free(m);
}

static void test_full_needs_all_tasks_to_stall(void)
{
	struct rcl_machine *m = three_tasks(FULL(100000, 1000000));

	attach_watching(m, RCL_ATTACH_SYSTEM, 0);
	stall_in_parts(m, 1, 5 * MS, 2 * SECOND);
	CHECK(asked_of(2) > 0);
	CHECK_EQUAL(asked_of(0), 0);
	rcl_machine_free(m);
}

static void test_same_answer_keeps_the_window_and_another_starts_anew(void)
{
	struct rcl_machine *m = three_tasks(SOME(100000, 1000000));

	attach_watching(m, RCL_ATTACH_MEMCG, 2);
	later_answer = SOME(200000, 500000);
	stall_in_parts(m, 1, 8 * MS, SECOND);
	CHECK_EQUAL(m->memcgs[2]->lruvecs[0].trigger.window_ns, 500 * MS);
	CHECK_EQUAL(m->memcgs[2]->psi.poll.period_ns, 50 * MS);
	CHECK(nr_asked >= 3);
	CHECK(asked[2].ns >= asked[1].ns + 200 * MS && asked[2].ns < asked[1].ns + SECOND);
	rcl_machine_free(m);
}

static void test_nothing_is_watched_after_never(void)
{
	struct rcl_machine *m = three_tasks(SOME(100000, 1000000));

	attach_watching(m, RCL_ATTACH_MEMCG, 2);
	work_until(m, MS);
	answer = RCL_TRIGGER_NEVER;
	stall_in_parts(m, 1, 8 * MS, 5 * SECOND);
	CHECK_EQUAL(nr_asked, 2);
	CHECK_EQUAL(m->memcgs[2]->psi.poll.period_ns, 0);
	CHECK_EQUAL(m->psimon->due_ns, RCL_NEVER);
	rcl_machine_free(m);
}

static void test_answers_that_cannot_be_are_refused(void)
{
	static const uint64_t wrong[] = { SOME(2000, 1000), SOME(0, 1000), SOME(1, 10000001), FULL(0, 0), 99 };

	for (uint32_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct rcl_machine *m = three_tasks(wrong[i]);
		uint32_t attachment = attach_watching(m, RCL_ATTACH_MEMCG, 2);

		stall_in_parts(m, 1, 8 * MS, SECOND);
		CHECK_EQUAL(nr_asked, 1);
		CHECK_EQUAL(m->attachments[attachment]->nr_refused, 1);
		CHECK_EQUAL(m->memcgs[2]->psi.poll.period_ns, 0);
		rcl_machine_free(m);
	}
}

static void test_policy_that_comes_in_the_middle_hears_of_what_follows(void)
{
	struct rcl_machine *m = three_tasks(SOME(100000, 1000000));

	stall_in_parts(m, 1, 8 * MS, 2 * SECOND);
	attach_watching(m, RCL_ATTACH_MEMCG, 2);
	work_until(m, 4 * SECOND);
	CHECK_EQUAL(nr_asked, 1);
	CHECK_EQUAL(asked[0].ns, 2 * SECOND);
	stall_in_parts(m, 1, 8 * MS, 5 * SECOND);
	CHECK(nr_asked >= 2);
	CHECK(asked[1].ns >= 4 * SECOND + 100 * MS);
	rcl_machine_free(m);
}

static void test_policy_that_left_hears_nothing(void)
{
	struct rcl_machine *m = three_tasks(SOME(100000, 1000000));
	uint32_t attachment = attach_watching(m, RCL_ATTACH_SYSTEM, 0);

	work_until(m, MS);
	CHECK_EQUAL(rcl_detach(m, attachment), RCL_OK);
	stall_in_parts(m, 1, 8 * MS, 3 * SECOND);
	CHECK_EQUAL(nr_asked, 4);
	CHECK_EQUAL(m->memcgs[2]->psi.poll.period_ns, 0);
	rcl_machine_free(m);
}

static void test_policy_that_fails_is_ejected(void)
{
	struct rcl_machine *m = three_tasks(SOME(100000, 1000000));
	uint32_t attachment = attach_watching(m, RCL_ATTACH_SYSTEM, 0);

	fail_at = 2;
	stall_in_parts(m, 1, 8 * MS, 3 * SECOND);
	CHECK_EQUAL(nr_asked, 2);
	CHECK(!rcl_is_attached(m, attachment));
	rcl_machine_free(m);
}

static void test_removed_memcg_is_not_looked_at(void)
{
	struct rcl_machine *m = three_tasks(SOME(100000, 1000000));
	uint32_t memcg = make_memcg(m, 100), nr;

	attach_watching(m, RCL_ATTACH_MEMCG, memcg);
	work_until(m, MS);
	nr = nr_asked;
	psi_trigger_note_stall(m, m->memcgs[memcg]);
	CHECK(m->memcgs[memcg]->psi.poll.look_ns != RCL_NEVER);
	CHECK_EQUAL(rcl_memcg_remove(m, memcg), RCL_OK);
	work_until(m, 2 * SECOND);
	CHECK_EQUAL(nr_asked, nr);
	CHECK_EQUAL(m->psimon->due_ns, RCL_NEVER);
	rcl_machine_free(m);
}

/* What was crossed within a window of the last event is told when that is over, with the most that was seen. */
static void test_event_within_a_window_of_the_last_is_told_later(void)
{
	struct rcl_machine *m = three_tasks(SOME(100000, 1000000));

	attach_watching(m, RCL_ATTACH_MEMCG, 2);
	work_until(m, 0);
	stall_for(m, 1, 400 * MS);
	CHECK_EQUAL(nr_asked, 2);
	stall_in_parts(m, 1, MS, 3 * SECOND);
	CHECK(nr_asked >= 3);
	CHECK(asked[2].ns >= asked[1].ns + SECOND && asked[2].ns < asked[1].ns + SECOND + 110 * MS);
	CHECK(asked[2].stall_us > 400000);
	rcl_machine_free(m);
}

/* A look waits for the task that is furthest behind, and then sees what there was at its moment. */
static void test_event_waits_for_whoever_is_behind(void)
{
	struct rcl_machine *m = three_tasks(SOME(100000, 1000000));
	uint64_t start_ns;

	attach_watching(m, RCL_ATTACH_MEMCG, 2);
	work_until(m, 0);
	m->current = m->tasks[1];
	m->clock = &m->tasks[1]->clock_ns;
	start_ns = stall_begin(m, m->current, RCL_STALL_RECLAIM, true);
	events_sleep(m, 250 * MS);
	stall_record(m, m->current, RCL_STALL_RECLAIM, start_ns, true);
	CHECK_EQUAL(nr_asked, 1);
	work_until(m, 260 * MS);
	CHECK_EQUAL(nr_asked, 2);
	CHECK_EQUAL(asked[1].stall_us, 104000);
	CHECK_EQUAL(m->memcgs[2]->lruvecs[0].trigger.next_event_ns, 1108 * MS);
	rcl_machine_free(m);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		TEST(each_memcg_is_asked_what_it_watches),
		TEST(stall_below_the_threshold_is_no_event),
		TEST(event_comes_once_per_window_to_the_memcg_and_its_ancestors),
		TEST(stall_that_is_not_over_counts),
		TEST(nobody_looks_once_a_window_passed_without_stall),
		TEST(full_needs_all_tasks_to_stall),
		TEST(same_answer_keeps_the_window_and_another_starts_anew),
		TEST(nothing_is_watched_after_never),
		TEST(answers_that_cannot_be_are_refused),
		TEST(policy_that_comes_in_the_middle_hears_of_what_follows),
		TEST(policy_that_left_hears_nothing),
		TEST(policy_that_fails_is_ejected),
		TEST(removed_memcg_is_not_looked_at),
		TEST(event_within_a_window_of_the_last_is_told_later),
		TEST(event_waits_for_whoever_is_behind),
	};

	return run_tests_main(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
