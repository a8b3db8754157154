/*
 * Ticks, see tick.h.
 */
#include "tick.h"

#include "events.h"
#include "hooks.h"
#include "offline.h"
#include "policy.h"

#define LEAST_PERIOD_NS 1000000	/* ours: the shortest tick that kernels are built with, HZ=1000 */

static uint64_t next_tick_ns(struct rcl_machine *m, struct lruvec *lruvec)
{
	uint64_t period_ns;

	/* Who failed at an earlier lruvec has no hooks any more, and leaves when all were asked. */
	if (!lruvec->att->ops.tick)
		return RCL_NEVER;
	period_ns = ask_tick(m, lruvec);
	if (period_ns == 0 || lruvec->att->eject_pending)
		return RCL_NEVER;
	if (period_ns < LEAST_PERIOD_NS)
		period_ns = LEAST_PERIOD_NS;
	return period_ns < RCL_NEVER - *m->clock ? *m->clock + period_ns : RCL_NEVER;
}

/* Ask whoever is due, in the order of memcgs and nodes, and sleep until the next one is. */
static void tick_run(struct rcl_machine *m, struct actor *actor)
{
	uint64_t first_ns = RCL_NEVER;

	for (uint32_t i = 0; i < m->nr_memcgs; i++) {
		for (uint32_t nid = 0; nid < m->nr_nodes && !memcg_is_gone(m->memcgs[i]); nid++) {
			struct lruvec *lruvec = &m->memcgs[i]->lruvecs[nid];

			if (lruvec->tick_ns <= *m->clock)
				lruvec->tick_ns = next_tick_ns(m, lruvec);
			if (lruvec->tick_ns < first_ns)
				first_ns = lruvec->tick_ns;
		}
	}
	if (first_ns != RCL_NEVER)
		events_wake_at(m, actor, first_ns);
	policy_run_ejections(m);
}

int tick_setup(struct rcl_machine *m)
{
	m->ticker = events_add_actor(m, tick_run, 0);
	return m->ticker ? RCL_OK : machine_error(m, RCL_BAD_ARGUMENT, "too many kernel threads");
}

void tick_begin(struct rcl_machine *m, struct lruvec *lruvec)
{
	lruvec->tick_ns = RCL_NEVER;
	if (!lruvec->att->ops.tick)
		return;
	lruvec->tick_ns = *m->clock;
	events_wake(m, m->ticker);
}
