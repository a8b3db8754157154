/*
 * Direct and limit reclaim, see direct.h. Models do_try_to_free_pages() (mm/vmscan.c v6.12).
 *
 * The ladder when a whole priority loop freed nothing: walk all memcgs instead of going on where
 * the last walk ended; then deactivate by force if deactivation was withheld; then ignore memory.low
 * if it made the walk skip someone; then, unless the machine wants the kernel's own OOM, take from
 * list tails without asking (forced release). The callers retry while there is progress.
 */
#include "direct.h"

#include "batches.h"
#include "events.h"
#include "kswapd.h"
#include "policy.h"
#include "psi.h"
#include "scan.h"
#include "stats.h"
#include "throttle.h"
#include "trace.h"

/* shrink_zones() over the nodes of the reclaim: those of the fallback order for a node's reclaim,
 * all for a memcg's. */
static void scan_nodes(struct rcl_machine *m, struct scan *sc, const struct node *home)
{
	for (uint32_t i = 0; i < m->nr_nodes && !sc->quit && !m->interrupted; i++) {
		if (sc->nodes >> home->order[i] & 1)
			scan_node(m, sc, home->order[i]);
	}
}

static void run_priorities(struct rcl_machine *m, struct scan *sc, const struct node *home)
{
	for (int priority = RCL_DEF_PRIORITY; priority >= 0; priority--) {
		uint64_t nr_scanned = sc->pub.nr_scanned;

		sc->pub.priority = (uint8_t)priority;
		scan_nodes(m, sc, home);
		throttle_after_priority(m, sc, &m->nodes[home->order[0]], sc->pub.nr_scanned - nr_scanned);
		events_run_due(m);
		/* A policy may begin further down (set_initial_priority()). */
		if (sc->pub.priority < priority)
			priority = sc->pub.priority;
		if (sc->quit || m->interrupted || sc->pub.nr_reclaimed >= sc->pub.nr_to_reclaim)
			break;
	}
	policy_reclaim_end(m, sc->target ? sc->target : m->memcgs[0], sc);
}

/* do_try_to_free_pages(): all priorities, then again with what the first round withheld. */
static uint64_t run_ladder(struct rcl_machine *m, struct scan *sc, const struct node *home)
{
	for (;;) {
		run_priorities(m, sc, home);
		for (uint32_t nid = 0; nid < m->nr_nodes && sc->target; nid++)
			sc->target->lruvecs[nid].is_congested = false;
		if (sc->pub.nr_reclaimed || m->interrupted)
			break;
		if (sc->may_walk_partially) {
			sc->may_walk_partially = false;
		} else if (sc->pub.skipped_deactivate && !sc->pub.force_deactivate) {
			sc->pub.force_deactivate = 1;
			sc->pub.skipped_deactivate = 0;
		} else if (sc->pub.low_skipped && !sc->pub.low_reclaim) {
			sc->pub.force_deactivate = 0;
			sc->pub.low_reclaim = 1;
			sc->pub.low_skipped = 0;
		} else {
			break;
		}
		sc->quit = false;
	}
	sc->pub.force_deactivate = 0;
	sc->pub.skipped_deactivate = 0;
	sc->pub.low_reclaim = 0;
	sc->pub.low_skipped = 0;
	sc->may_walk_partially = true;
	sc->quit = false;
	return sc->pub.nr_reclaimed;
}

/* Whether nobody dies of a reclaim that frees nothing, and some do so again and again. */
static bool may_fail(const struct scan *sc)
{
	return sc->pub.origin == RCL_ORIGIN_MEMCG_HIGH || sc->pub.origin == RCL_ORIGIN_PROACTIVE;
}

/* Where the core may release by force, it does so where the kernel would kill: after the last retry. */
static uint64_t run_ladders(struct rcl_machine *m, struct scan *sc, const struct node *home)
{
	bool may_force = m->config.forced_release && !m->no_retry && !may_fail(sc);
	uint32_t retries = may_force ? MAX_RECLAIM_RETRIES : 0;

	while (run_ladder(m, sc, home) == 0 && !m->interrupted && retries > 0)
		retries--;
	if (m->interrupted)
		return sc->pub.nr_reclaimed;
	if (sc->pub.nr_reclaimed > 0 || !may_fail(sc))
		policy_note_ladder(m, sc, sc->pub.nr_reclaimed > 0);
	if (sc->pub.nr_reclaimed == 0 && may_force)
		scan_forced_release(m, sc);
	policy_run_ejections(m);
	return sc->pub.nr_reclaimed;
}

/* Run ladders on behalf of the current task and note how long it stalled. */
static uint64_t reclaim(struct rcl_machine *m, struct scan *sc, struct scan *outer, const struct node *home)
{
	uint64_t start_ns = *m->clock, nr_reclaimed;

	if (m->current)
		stall_begin(m, m->current, RCL_STALL_RECLAIM, true);
	if (sc->pub.origin == RCL_ORIGIN_DIRECT && m->current)
		kswapd_throttle(m, &m->nodes[home->order[0]]);
	if (sc->target)
		TRACE(m, sc->target, mm_vmscan_memcg_reclaim_begin, .order = 0);
	else
		TRACE(m, NULL, mm_vmscan_direct_reclaim_begin, .order = 0);
	nr_reclaimed = run_ladders(m, sc, home);
	if (sc->target)
		TRACE(m, sc->target, mm_vmscan_memcg_reclaim_end, .nr_reclaimed = nr_reclaimed);
	else
		TRACE(m, NULL, mm_vmscan_direct_reclaim_end, .nr_reclaimed = nr_reclaimed);
	scan_end(m, outer);
	if (m->current)
		stall_record(m, m->current, RCL_STALL_RECLAIM, start_ns, true);
	return nr_reclaimed;
}

static uint64_t at_least_a_batch(const struct rcl_machine *m, uint64_t nr_pages)
{
	return nr_pages > m->config.reclaim_batch_pages ? nr_pages : m->config.reclaim_batch_pages;
}

uint64_t direct_reclaim_memcg(struct rcl_machine *m, struct memcg *memcg, uint64_t nr_pages, enum rcl_origin origin)
{
	struct scan *outer = m->scan;
	struct scan sc;

	scan_begin(m, &sc, memcg, origin, at_least_a_batch(m, nr_pages));
	return reclaim(m, &sc, outer, &m->nodes[m->current ? m->current->nid : 0]);
}

uint64_t direct_reclaim_node(struct rcl_machine *m, const struct placement *place)
{
	struct scan *outer = m->scan;
	struct scan sc;

	scan_begin(m, &sc, NULL, RCL_ORIGIN_DIRECT, m->config.reclaim_batch_pages);
	sc.nodes = place->allowed;
	return reclaim(m, &sc, outer, place->home);
}

/* One attempt of memory.reclaim, with the swappiness that was given, or each memcg's own. */
static uint64_t reclaim_proactively(struct rcl_machine *m, struct memcg *memcg, uint64_t nr_pages, uint32_t swappiness)
{
	struct scan *outer = m->scan;
	struct scan sc;

	scan_begin(m, &sc, memcg, RCL_ORIGIN_PROACTIVE, at_least_a_batch(m, nr_pages));
	sc.has_swappiness = swappiness <= RCL_SWAPPINESS_ANON_ONLY;
	if (sc.has_swappiness)
		sc.pub.swappiness = (uint8_t)swappiness;
	return reclaim(m, &sc, outer, &m->nodes[0]);
}

/* memory_reclaim(): a quarter of what is left at a time; before the last attempt the batches are drained. */
int rcl_memcg_reclaim(struct rcl_machine *m, uint32_t number, uint64_t nr_pages, uint32_t swappiness,
		      uint64_t *nr_reclaimed)
{
	uint32_t retries = MAX_RECLAIM_RETRIES;
	uint64_t total = 0;

	if (number >= m->nr_memcgs || m->memcgs[number]->is_offline || !m->has_default)
		return machine_error(m, RCL_BAD_ARGUMENT, "memcg %u does not exist, or the machine has no default policy", number);
	m->interrupted = false;
	while (total < nr_pages && !m->interrupted) {
		uint64_t nr;

		if (retries == 0)
			batches_drain_all(m);
		nr = reclaim_proactively(m, m->memcgs[number], (nr_pages - total) / 4, swappiness);
		if (nr == 0 && retries-- == 0)
			break;
		total += nr;
	}
	*nr_reclaimed = total;
	return RCL_OK;
}
