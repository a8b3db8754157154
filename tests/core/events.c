/*
 * Events: who runs when, what sleeping lets happen, and what an interrupt leaves behind.
 */
#include "events.h"
#include "harness.h"

#define MAX_STEPS 64

/* What the actors below write down; one machine at a time uses it. */
static struct {
	uint32_t who[MAX_STEPS];
	uint64_t when[MAX_STEPS];
	uint32_t nr;
} journal;
static volatile int stop;

static void write_down(struct rcl_machine *m, struct actor *actor)
{
	CHECK(journal.nr < MAX_STEPS && m->current == NULL && m->actor == actor);
	journal.who[journal.nr] = actor->which;
	journal.when[journal.nr++] = *m->clock;
}

/* Works 10 ns every 100 ns; stops after ten steps. */
static void tick(struct rcl_machine *m, struct actor *actor)
{
	write_down(m, actor);
	spend(m, 10);
	if (journal.nr < 10)
		events_wake_at(m, actor, *m->clock + 90);
}

static void once(struct rcl_machine *m, struct actor *actor)
{
	write_down(m, actor);
}

/* Sleeps in the middle of its step; others that are due meanwhile run inside. */
static void sleeper(struct rcl_machine *m, struct actor *actor)
{
	write_down(m, actor);
	events_sleep(m, 150);
	write_down(m, actor);
}

static void ask_to_stop(struct rcl_machine *m, struct actor *actor)
{
	write_down(m, actor);
	events_wake_at(m, actor, *m->clock + 10);
	stop = 1;
}

static struct rcl_machine *machine_with_task(uint32_t *task)
{
	static struct rcl_node_config node;
	struct rcl_config config = exact_config(&node, 4096);
	struct rcl_mapping mapping = { .nr_pages = 8 };
	struct rcl_machine *m;

	config.costs = (struct rcl_costs){ 0 };
	m = build_machine(&config);
	*task = make_task(m, 0, &mapping, NULL);
	journal.nr = 0;
	stop = 0;
	return m;
}

static void test_actors_run_in_order_of_time_then_of_set_up(void)
{
	uint32_t task;
	struct rcl_machine *m = machine_with_task(&task);
	struct actor *a = events_add_actor(m, once, 1), *b = events_add_actor(m, once, 2);
	struct actor *c = events_add_actor(m, once, 3);

	events_wake_at(m, c, 50);
	events_wake_at(m, b, 70);
	events_wake_at(m, a, 70);
	events_wake_at(m, c, 60);	/* later than asked before: does not count */
	events_sleep_until(m, 69);
	CHECK_EQUAL(journal.nr, 1);
	events_sleep(m, 1);
	CHECK_EQUAL(journal.nr, 3);
	CHECK(journal.who[0] == 3 && journal.who[1] == 1 && journal.who[2] == 2);
	CHECK(journal.when[0] == 50 && journal.when[1] == 70 && journal.when[2] == 70);
	CHECK_EQUAL(*m->clock, 70);
	CHECK_EQUAL(m->next_due_ns, RCL_NEVER);
	rcl_machine_free(m);
}

static void test_tasks_and_actors_share_one_time(void)
{
	uint32_t task, records[40] = { 0 };
	struct rcl_machine *m = machine_with_task(&task);
	struct actor *a = events_add_actor(m, tick, 1);

	events_wake_at(m, a, 1000);
	CHECK_EQUAL(run_records(m, task, records, 10), RCL_OK);	/* 100 ns each */
	CHECK_EQUAL(journal.nr, 0);
	CHECK_EQUAL(run_records(m, task, records, 4), RCL_OK);
	CHECK_EQUAL(journal.nr, 4);
	CHECK_EQUAL(journal.when[3], 1300);
	CHECK_EQUAL(m->tasks[task]->clock_ns, 1400);	/* an actor's work takes nothing from the task */
	rcl_machine_free(m);
}

static void test_how_a_trace_is_cut_changes_nothing(void)
{
	uint32_t task, records[40] = { 0 };
	struct rcl_machine *m = machine_with_task(&task);
	uint64_t when[10];

	events_wake_at(m, events_add_actor(m, tick, 1), 250);
	CHECK_EQUAL(run_records(m, task, records, 40), RCL_OK);
	CHECK_EQUAL(journal.nr, 10);
	memcpy(when, journal.when, sizeof(when));
	rcl_machine_free(m);
	m = machine_with_task(&task);
	events_wake_at(m, events_add_actor(m, tick, 1), 250);
	for (int i = 0; i < 40; i++)
		CHECK_EQUAL(run_records(m, task, records, 1), RCL_OK);
	CHECK_EQUAL(journal.nr, 10);
	CHECK(memcmp(when, journal.when, sizeof(when)) == 0);
	rcl_machine_free(m);
}

static void test_an_actor_that_sleeps_lets_others_run_and_is_not_started_twice(void)
{
	uint32_t task;
	struct rcl_machine *m = machine_with_task(&task);
	struct actor *a = events_add_actor(m, sleeper, 1), *b = events_add_actor(m, once, 2);

	events_wake_at(m, a, 100);
	events_wake_at(m, b, 200);
	events_sleep_until(m, 100);
	CHECK_EQUAL(journal.nr, 3);
	CHECK(journal.who[0] == 1 && journal.who[1] == 2 && journal.who[2] == 1);
	CHECK_EQUAL(journal.when[2], 250);
	CHECK_EQUAL(a->clock_ns, 250);
	events_wake_at(m, a, 10);	/* the past: not before its own clock */
	CHECK_EQUAL(a->due_ns, 250);
	rcl_machine_free(m);
}

static bool has_two_steps(struct rcl_machine *m, void *data)
{
	(void)m, (void)data;
	return journal.nr >= 2;
}

static void test_a_wait_ends_with_its_condition(void)
{
	uint32_t task;
	struct rcl_machine *m = machine_with_task(&task);

	events_wake_at(m, events_add_actor(m, tick, 1), 100);
	CHECK(events_wait(m, 5000, has_two_steps, NULL));
	CHECK_EQUAL(*m->clock, 210);
	CHECK(!events_wait(m, 215, has_two_steps, NULL));	/* nobody was there to notice */
	CHECK_EQUAL(*m->clock, 215);
	rcl_machine_free(m);
}

static void test_an_interrupt_ends_a_sleep_and_what_is_due_runs_later(void)
{
	uint32_t task, records[4] = { 0 };
	struct rcl_machine *m = machine_with_task(&task);
	struct rcl_run_control control = { .interrupt = &stop };
	struct actor *a = events_add_actor(m, ask_to_stop, 1);
	uint64_t bad;

	events_wake_at(m, a, 50);
	events_wake_at(m, events_add_actor(m, once, 2), 60);
	CHECK_EQUAL(rcl_task_feed(m, task, records, 4, 0, &bad), RCL_OK);
	CHECK_EQUAL(rcl_run(m, &control), RCL_INTERRUPTED);
	CHECK_EQUAL(journal.nr, 1);
	stop = 0;
	control.interrupt = NULL;
	a->run = once;
	CHECK_EQUAL(rcl_run(m, &control), RCL_OK);
	CHECK_EQUAL(journal.nr, 3);
	CHECK_EQUAL(m->tasks[task]->clock_ns, 400);
	rcl_machine_free(m);
}

static void test_actors_are_limited(void)
{
	uint32_t task;
	struct rcl_machine *m = machine_with_task(&task);
	uint32_t nr = 0;

	while (events_add_actor(m, once, nr))
		nr++;
	CHECK(nr > 0 && m->nr_actors == RCL_MAX_ACTORS);
	rcl_machine_free(m);
}

static const struct test tests[] = {
	{ "order", test_actors_run_in_order_of_time_then_of_set_up },
	{ "one time", test_tasks_and_actors_share_one_time },
	{ "cut", test_how_a_trace_is_cut_changes_nothing },
	{ "nested", test_an_actor_that_sleeps_lets_others_run_and_is_not_started_twice },
	{ "condition", test_a_wait_ends_with_its_condition },
	{ "interrupt", test_an_interrupt_ends_a_sleep_and_what_is_due_runs_later },
	{ "limit", test_actors_are_limited },
};

int main(int argc, char **argv)
{
	return run_tests_main(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
