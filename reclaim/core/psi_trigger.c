/*
 * PSI triggers, see psi_trigger.h. Models psi_trigger_create(), window_update(), update_triggers() and
 * psi_rtpoll_work() (kernel/sched/psi.c v6.12) for triggers of the privileged, on memory.
 *
 * As there, a memcg is looked at ten times in its shortest window while it stalls, and not at all when
 * nothing has stalled for that window; the first stall after that starts all its windows anew. The window
 * slides by an estimate: the rest of the one before counts as if its growth had been even.
 *
 * A look is part of the group's time (advance_group()), so that it sees what had stalled at its moment, however
 * late that is known; the hook is asked by a thread, psimon.
 *
 * SIMPLIFIED: a look waits until the task that is furthest behind has got there; effect: with several tasks
 * the hook hears of it later than in the kernel, by up to a slice or the length of one stall.
 */
#include "psi_trigger.h"

#include "events.h"
#include "hooks.h"
#include "policy.h"
#include "psi.h"

#define ANSWER_US 0xffffff		/* 24 bits for each number of an answer */
#define MOST_TOLD_US UINT32_MAX		/* ours: the hook's range, more than an hour of stall at one look */

_Static_assert(RCL_MAX_PSI_WINDOW_US <= ANSWER_US, "an answer holds each window");

/* window_reset() */
static void reset_window(struct psi_trigger *trigger, uint64_t now_ns, uint64_t total_ns, uint64_t prev_growth_ns)
{
	trigger->start_ns = now_ns;
	trigger->start_total_ns = total_ns;
	trigger->prev_growth_ns = prev_growth_ns;
}

/* When a timer of so many jiffies ends (psi_schedule_rtpoll_work()). */
static uint64_t timer_end(uint64_t now_ns, uint64_t jiffies)
{
	return (now_ns / JIFFY_NS + jiffies) * JIFFY_NS;
}

void psi_trigger_note_stall(struct rcl_machine *m, struct memcg *memcg)
{
	for (; memcg; memcg = memcg_parent(memcg)) {
		struct psi_poll *poll = &memcg->psi.poll;

		if (!poll->period_ns || poll->look_ns != RCL_NEVER)
			continue;
		poll->look_ns = timer_end(*m->clock, 1);
		events_wake_at(m, m->psimon, poll->look_ns);
	}
}

/* The shortest window of a memcg's triggers decides how often they look; the first trigger looks at once. */
static void note_period(struct rcl_machine *m, struct memcg *memcg, uint64_t now_ns)
{
	struct psi_poll *poll = &memcg->psi.poll;
	bool is_first = poll->period_ns == 0;
	uint64_t shortest_ns = RCL_NEVER;

	for (uint32_t nid = 0; nid < m->nr_nodes; nid++) {
		uint64_t window_ns = memcg->lruvecs[nid].trigger.window_ns;

		if (window_ns && window_ns < shortest_ns)
			shortest_ns = window_ns;
	}
	poll->period_ns = shortest_ns == RCL_NEVER ? 0 : shortest_ns / UPDATES_PER_WINDOW;
	if (!poll->period_ns)
		poll->look_ns = RCL_NEVER;
	else if (is_first)
		poll->look_ns = timer_end(now_ns, 1);
}

static bool is_trigger(uint64_t kind, uint64_t stall_us, uint64_t window_us)
{
	return (kind == RCL_TRIGGER_SOME_STALL || kind == RCL_TRIGGER_FULL_STALL) && stall_us && stall_us <= window_us &&
	       window_us <= RCL_MAX_PSI_WINDOW_US;
}

/* psi_trigger_create() and psi_trigger_destroy(). The same answer again leaves the trigger as it is. */
static void set_trigger(struct rcl_machine *m, struct lruvec *lruvec, uint64_t answer, uint64_t now_ns)
{
	uint64_t stall_us = answer >> RCL_SOME_STALL_US_SHIFT & ANSWER_US;
	uint64_t window_us = answer >> RCL_SOME_STALL_WINDOW_SHIFT & ANSWER_US;
	struct memcg *memcg = memcg_of(lruvec->pub.memcg);
	struct psi_trigger *trigger = &lruvec->trigger;

	if (answer == trigger->answer)
		return;
	*trigger = (struct psi_trigger){ 0 };
	if (is_trigger(answer & 0xff, stall_us, window_us)) {
		trigger->answer = answer;
		trigger->state = (answer & 0xff) == RCL_TRIGGER_FULL_STALL ? PSI_MEM_FULL : PSI_MEM_SOME;
		trigger->threshold_ns = stall_us * 1000;
		trigger->window_ns = window_us * 1000;
		reset_window(trigger, now_ns, memcg->psi.poll.total_ns[trigger->state], 0);
	} else if (answer != RCL_TRIGGER_NEVER) {
		hook_refuse(m, lruvec, RCL_HOOK_PRESSURE);
	}
	note_period(m, memcg, now_ns);
}

/* window_update() */
static uint64_t growth_of(struct psi_trigger *trigger, uint64_t now_ns, uint64_t total_ns)
{
	uint64_t elapsed_ns = now_ns - trigger->start_ns, growth_ns = total_ns - trigger->start_total_ns;

	if (elapsed_ns > trigger->window_ns) {
		reset_window(trigger, now_ns, total_ns, growth_ns);
	} else {
		/* Cut to 32 bits as there: a window of more than 4.29 s sees less of the one before. */
		uint32_t remaining_ns = (uint32_t)(trigger->window_ns - elapsed_ns);

		growth_ns += trigger->prev_growth_ns * remaining_ns / trigger->window_ns;
	}
	return growth_ns;
}

/* One trigger in update_triggers(), whose state has stalled or is pending. A threshold that was crossed within a
 * window of the last event is told when that is over. */
static void update_trigger(struct psi_trigger *trigger, uint64_t now_ns, uint64_t total_ns, bool has_grown)
{
	uint64_t growth_ns = has_grown ? growth_of(trigger, now_ns, total_ns) : 0;

	if (growth_ns >= trigger->threshold_ns && growth_ns > trigger->crossed_ns)
		trigger->crossed_ns = growth_ns;
	if (trigger->crossed_ns == 0 || now_ns < trigger->next_event_ns)
		return;
	trigger->event_ns = trigger->crossed_ns;
	trigger->crossed_ns = 0;
	trigger->next_event_ns = now_ns + trigger->window_ns;
}

static void update_triggers(struct psi_poll *poll, uint64_t now_ns)
{
	struct memcg *memcg = poll->memcg;

	for (uint32_t nid = 0; nid < memcg->m->nr_nodes; nid++) {
		struct psi_trigger *trigger = &memcg->lruvecs[nid].trigger;
		uint64_t total_ns = poll->total_ns[trigger->state];

		if (trigger->window_ns)
			update_trigger(trigger, now_ns, total_ns, total_ns != poll->updated_ns[trigger->state]);
	}
	memcpy(poll->updated_ns, poll->total_ns, sizeof(poll->updated_ns));
	poll->next_update_ns = now_ns + poll->period_ns;
}

/* init_rtpoll_triggers(): all windows of the memcg begin. */
static void begin_windows(struct psi_poll *poll, uint64_t now_ns)
{
	struct memcg *memcg = poll->memcg;

	for (uint32_t nid = 0; nid < memcg->m->nr_nodes; nid++) {
		struct psi_trigger *trigger = &memcg->lruvecs[nid].trigger;

		reset_window(trigger, now_ns, poll->total_ns[trigger->state], 0);
	}
	memcpy(poll->updated_ns, poll->total_ns, sizeof(poll->updated_ns));
	poll->next_update_ns = now_ns + poll->period_ns;
}

/* Take over the group's times; answers whether a state that a trigger watches has grown. */
static bool collect_times(struct psi_group *group)
{
	struct psi_poll *poll = &group->poll;
	bool has_grown = false;

	for (uint32_t nid = 0; nid < poll->memcg->m->nr_nodes; nid++) {
		const struct psi_trigger *trigger = &poll->memcg->lruvecs[nid].trigger;

		has_grown |= trigger->window_ns && group->total_ns[trigger->state] != poll->total_ns[trigger->state];
	}
	memcpy(poll->total_ns, group->total_ns, sizeof(poll->total_ns));
	return has_grown;
}

/* psi_rtpoll_work() */
void psi_trigger_look(struct psi_group *group, uint64_t now_ns)
{
	struct psi_poll *poll = &group->poll;
	bool has_grown = collect_times(group);

	poll->look_ns = RCL_NEVER;
	if (has_grown) {
		if (now_ns > poll->until_ns)
			begin_windows(poll, now_ns);
		poll->until_ns = now_ns + poll->period_ns * UPDATES_PER_WINDOW;
	}
	if (now_ns > poll->until_ns)
		return;
	if (now_ns >= poll->next_update_ns) {
		if (has_grown)
			update_triggers(poll, now_ns);
		poll->next_update_ns = now_ns + poll->period_ns;
	}
	poll->look_ns = timer_end(now_ns, (poll->next_update_ns - now_ns) / JIFFY_NS + 1);
}

/* Ask the governor of a lruvec if it is new or has to hear of an event. */
static void ask_about(struct rcl_machine *m, struct lruvec *lruvec, uint64_t now_ns)
{
	struct psi_trigger *trigger = &lruvec->trigger;
	uint64_t stall_us = trigger->event_ns / 1000, answer = RCL_TRIGGER_NEVER;

	if (!trigger->is_to_ask && !trigger->event_ns)
		return;
	trigger->is_to_ask = false;
	trigger->event_ns = 0;
	/* Who failed at an earlier lruvec has no hooks any more, and leaves when all were asked. */
	if (lruvec->att->ops.pressure)
		answer = ask_pressure(m, lruvec, stall_us < MOST_TOLD_US ? stall_us : MOST_TOLD_US);
	set_trigger(m, lruvec, lruvec->att->eject_pending ? RCL_TRIGGER_NEVER : answer, now_ns);
}

/* Let all look who are due, and ask, in the order of memcgs and nodes. A look that waits for a task which is
 * behind is tried again at the next jiffy. */
static void psimon_run(struct rcl_machine *m, struct actor *actor)
{
	uint64_t now_ns = psi_settle_now(m), next_ns = RCL_NEVER;

	for (uint32_t i = 0; i < m->nr_memcgs; i++) {
		struct memcg *memcg = m->memcgs[i];

		for (uint32_t nid = 0; nid < m->nr_nodes && !memcg->is_offline; nid++)
			ask_about(m, &memcg->lruvecs[nid], now_ns);
		if (!memcg->is_offline && memcg->psi.poll.look_ns < next_ns)
			next_ns = memcg->psi.poll.look_ns;
	}
	if (next_ns != RCL_NEVER)
		events_wake_at(m, actor, next_ns > *m->clock ? next_ns : timer_end(*m->clock, 1));
	policy_run_ejections(m);
}

int psi_trigger_setup(struct rcl_machine *m)
{
	m->psimon = events_add_actor(m, psimon_run, 0);
	return m->psimon ? RCL_OK : machine_error(m, RCL_BAD_ARGUMENT, "too many kernel threads");
}

void psi_trigger_begin(struct rcl_machine *m, struct lruvec *lruvec)
{
	lruvec->trigger = (struct psi_trigger){ .is_to_ask = lruvec->att->ops.pressure != NULL };
	note_period(m, memcg_of(lruvec->pub.memcg), *m->clock);
	if (!lruvec->trigger.is_to_ask)
		return;
	m->has_pressure_hook = true;
	events_wake(m, m->psimon);
}
