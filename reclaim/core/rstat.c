/* Statistics with descendants, see rstat.h. */
#include "rstat.h"

#include "events.h"

/* Carry what changed on one lruvec up the tree. */
static void flush_lruvec(struct lruvec *lruvec)
{
	for (uint32_t item = 0; item < RSTAT_NR_ITEMS; item++) {
		uint64_t now = rstat_own_value(lruvec, item), delta = now - lruvec->rstat_flushed[item];

		if (delta == 0)
			continue;
		lruvec->rstat_flushed[item] = now;
		for (struct rcl_lruvec *up = &lruvec->pub; up; up = up->parent)
			lruvec_of(up)->rstat[item] += delta;
	}
}

static void flush(struct rcl_machine *m)
{
	while (m->rstat_pending) {
		struct lruvec *lruvec = m->rstat_pending;

		m->rstat_pending = lruvec->rstat_next;
		lruvec->rstat_is_pending = false;
		flush_lruvec(lruvec);
	}
}

/* flush_memcg_stats_dwork() */
static void stat_flusher_run(struct rcl_machine *m, struct actor *actor)
{
	(void)actor;
	flush(m);
}

void rstat_arm_flusher(struct rcl_machine *m)
{
	uint64_t period_ns = m->config.stat_flush_ns;

	events_wake_at(m, m->stat_flusher, (*m->clock / period_ns + 1) * period_ns);
}

int rstat_setup(struct rcl_machine *m)
{
	if (m->config.stat_flush_ns == 0)
		return RCL_OK;
	m->stat_flusher = events_add_actor(m, stat_flusher_run, 0);
	return m->stat_flusher ? RCL_OK : machine_error(m, RCL_BAD_ARGUMENT, "too many kernel threads");
}

static uint64_t read_item(struct rcl_machine *m, const struct lruvec *lruvec, uint32_t item)
{
	if (m->config.stat_flush_ns == 0)
		flush(m);
	return lruvec->rstat[item];
}

uint64_t rstat_list_pages(struct rcl_machine *m, const struct lruvec *lruvec, uint32_t list)
{
	return read_item(m, lruvec, list - RCL_STANDARD_LIST_INACTIVE_ANON);
}

uint64_t rstat_activations(struct rcl_machine *m, const struct lruvec *lruvec, uint32_t type)
{
	return read_item(m, lruvec, RSTAT_ACTIVATE_ANON + type);
}

uint64_t rstat_memcg_pages(struct rcl_machine *m, const struct memcg *memcg, enum rstat_item item)
{
	return read_item(m, &memcg->lruvecs[0], item);
}
