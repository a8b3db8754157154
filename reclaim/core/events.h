/*
 * Events: what a machine does beside its tasks, and when.
 *
 * Here: actors (kswapd of each node, the flusher, completions of each device), their order in
 * virtual time, and sleeping. Not here: what an actor does (kswapd.c, writeback.c, device.c), and
 * whose turn it is among tasks (run.c).
 *
 * An actor is a kernel thread or an interrupt: a function that does one small step of work on a
 * clock of its own and says when it wants to go on. Actors run in the order of their due times,
 * equal ones in the order of their set-up, so that a run depends on its inputs alone. The event
 * loop runs an actor when the task whose turn it is has reached the actor's due time; a task that
 * sleeps, also deep inside a fault, lets the actors run that are due before it wakes up.
 *
 * SIMPLIFIED: while a task sleeps inside a fault, kernel threads run and other tasks do not;
 * effect: what a kernel thread does in that time comes before what another task does in it.
 */
#ifndef RCL_EVENTS_H
#define RCL_EVENTS_H

#include "machine.h"

/* Set-up: add an actor that sleeps until it is woken; NULL where the machine has too many. */
struct actor *events_add_actor(struct rcl_machine *m, void (*run)(struct rcl_machine *m, struct actor *actor),
			       uint32_t which);

/* Let an actor run at a time, or earlier where it is due earlier, but never before its own clock. */
void events_wake_at(struct rcl_machine *m, struct actor *actor, uint64_t ns);

/* The same, now: at the clock of whoever is running. */
static inline void events_wake(struct rcl_machine *m, struct actor *actor)
{
	events_wake_at(m, actor, *m->clock);
}

/* Run the actors that are due at the clock of whoever is running. */
void events_run_due(struct rcl_machine *m);

/*
 * Let whoever is running wait until a condition holds, at most until its clock is deadline_ns; the
 * condition is looked at after each step of an actor. Answers whether it holds. An interrupt ends
 * the wait as the deadline does: what was due meanwhile runs later.
 */
bool events_wait(struct rcl_machine *m, uint64_t deadline_ns, bool (*is_over)(struct rcl_machine *m, void *data),
		 void *data);

/* A task does not run while it waits; a kernel thread's time is nobody's. */
static inline void events_note_sleep(struct rcl_machine *m, uint64_t ns)
{
	if (m->current)
		m->current->slept_ns += ns;
}

/* Let time pass for whoever is running where nobody else may run, as in the middle of a batch. */
static inline void events_spend_until(struct rcl_machine *m, uint64_t ns)
{
	if (ns <= *m->clock)
		return;
	events_note_sleep(m, ns - *m->clock);
	spend(m, ns - *m->clock);
}

/* Let whoever is running sleep. */
static inline void events_sleep_until(struct rcl_machine *m, uint64_t ns)
{
	events_wait(m, ns, NULL, NULL);
}

static inline void events_sleep(struct rcl_machine *m, uint64_t ns)
{
	events_wait(m, *m->clock + ns, NULL, NULL);
}

#endif
