/*
 * Events, see events.h.
 */
#include "events.h"

#include "plug.h"

/* Keep the earliest due time at hand; who is in the middle of a step cannot be started again. */
static void note_next_due(struct rcl_machine *m)
{
	m->next_due_ns = RCL_NEVER;
	for (uint32_t i = 0; i < m->nr_actors; i++) {
		if (!m->actors[i].is_running && m->actors[i].due_ns < m->next_due_ns)
			m->next_due_ns = m->actors[i].due_ns;
	}
}

struct actor *events_add_actor(struct rcl_machine *m, void (*run)(struct rcl_machine *m, struct actor *actor),
			       uint32_t which)
{
	struct actor *actor;

	if (m->nr_actors == RCL_MAX_ACTORS)
		return NULL;
	actor = &m->actors[m->nr_actors];
	*actor = (struct actor){ .run = run, .due_ns = RCL_NEVER, .number = m->nr_actors, .which = which };
	m->nr_actors++;
	return actor;
}

void events_wake_at(struct rcl_machine *m, struct actor *actor, uint64_t ns)
{
	if (ns < actor->clock_ns)
		ns = actor->clock_ns;
	if (ns >= actor->due_ns)
		return;
	actor->due_ns = ns;
	if (ns < m->next_due_ns && !actor->is_running)
		m->next_due_ns = ns;
}

/* One step of an actor in the place of whoever is running; answers when the step was over. */
static uint64_t run_actor(struct rcl_machine *m, struct actor *actor)
{
	struct actor *outer = m->actor;
	struct task *task = m->current;
	struct scan *scan = m->scan;
	struct plug *plug = m->plug;
	uint64_t *clock = m->clock;

	actor->clock_ns = actor->due_ns;
	actor->due_ns = RCL_NEVER;
	actor->is_running = true;
	note_next_due(m);
	m->actor = actor;
	m->current = NULL;
	m->scan = actor->scan;
	m->plug = actor->plug;
	m->clock = &actor->clock_ns;
	actor->run(m, actor);
	actor->scan = m->scan;
	actor->is_running = false;
	m->clock = clock;
	m->scan = scan;
	m->plug = plug;
	m->current = task;
	m->actor = outer;
	note_next_due(m);
	return actor->clock_ns;
}

static uint64_t run_next(struct rcl_machine *m)
{
	uint32_t i = 0;

	while (m->actors[i].is_running || m->actors[i].due_ns != m->next_due_ns)
		i++;
	return run_actor(m, &m->actors[i]);
}

void events_run_due(struct rcl_machine *m)
{
	while (m->next_due_ns <= *m->clock && !is_interrupted(m))
		run_next(m);
}

static void wake_at(struct rcl_machine *m, uint64_t ns)
{
	if (ns <= *m->clock)
		return;
	events_note_sleep(m, ns - *m->clock);
	*m->clock = ns;
}

bool events_wait(struct rcl_machine *m, uint64_t deadline_ns, bool (*is_over)(struct rcl_machine *m, void *data),
		 void *data)
{
	plug_flush_sleeper(m, deadline_ns);
	while (m->next_due_ns <= deadline_ns && !is_interrupted(m)) {
		uint64_t end_ns = run_next(m);

		if (is_over && is_over(m, data)) {
			wake_at(m, least(end_ns, deadline_ns));
			return true;
		}
	}
	wake_at(m, deadline_ns);
	return false;
}
