/*
 * kswapd, see kswapd.h. Models kswapd(), balance_pgdat(), kswapd_try_to_sleep() and
 * throttle_direct_reclaim() (mm/vmscan.c v6.12), one batch at a time.
 *
 * SIMPLIFIED: a batch frees its pages when it begins and takes its time afterwards; effect: tasks
 * find up to 32 free pages earlier, by up to the length of a batch.
 */
#include "kswapd.h"

#include "events.h"
#include "node.h"
#include "oom.h"
#include "policy.h"
#include "psi.h"
#include "scan.h"
#include "stats.h"
#include "trace.h"

#define LEAST_TARGET_PAGES 32		/* SWAP_CLUSTER_MAX, include/linux/swap.h v6.12 */
#define NAP_NS 100000000		/* HZ/10 (kswapd_try_to_sleep()): a short sleep before the long one */
#define BOOST_PRIORITY (RCL_DEF_PRIORITY - 2)	/* boosted reclaim goes no deeper (balance_pgdat()) */

/* pgdat_balanced(): strictly more than the mark, as zone_watermark_ok() wants it; with NUMA balancing
 * there is to be room for promotions. */
static bool is_balanced(const struct rcl_machine *m, const struct node *node)
{
	return node->pub.nr_free_pages > (m->config.numa_balancing ? node->pub.promo_wmark : node->pub.high_wmark);
}

static void begin_balance(struct rcl_machine *m, struct node *node)
{
	struct kswapd *kswapd = &node->kswapd;

	count(&m->memcgs[0]->lruvecs[node->pub.nid], RCL_PAGEOUTRUN, 1);
	TRACE(m, NULL, mm_vmscan_kswapd_wake, .nid = node->pub.nid);
	kswapd->nr_boosted = node->nr_boost;
	kswapd->nr_boost_left = node->nr_boost;
	kswapd->state = KSWAPD_BALANCING;
	scan_begin(m, &kswapd->sc, NULL, RCL_ORIGIN_KSWAPD, 0);
}

/* Watermarks come down again by what this run saw raised. */
static void end_boost(struct node *node, uint64_t nr_boosted)
{
	uint64_t nr = least(node->nr_boost, nr_boosted);

	node->nr_boost -= nr;
	node->pub.min_wmark -= nr;
	node->pub.low_wmark -= nr;
	node->pub.high_wmark -= nr;
	node->pub.promo_wmark -= nr;
}

/* Nap, or go on at once where the node is still short (kswapd_try_to_sleep(), its first half). */
static void try_to_nap(struct rcl_machine *m, struct node *node)
{
	struct kswapd *kswapd = &node->kswapd;

	if (is_balanced(m, node)) {
		/* clear_pgdat_congested() */
		m->memcgs[0]->lruvecs[node->pub.nid].is_congested = false;
		node->is_dirty = false;
		node->is_writeback = false;
	}
	if (is_balanced(m, node) || kswapd_is_hopeless(m, node)) {
		kswapd->state = KSWAPD_NAPPING;
		kswapd->nap_end_ns = *m->clock + NAP_NS;
		events_wake_at(m, kswapd->actor, kswapd->nap_end_ns);
		return;
	}
	count(&m->memcgs[0]->lruvecs[node->pub.nid], RCL_KSWAPD_HIGH_WMARK_HIT_QUICKLY, 1);
	begin_balance(m, node);
	events_wake(m, kswapd->actor);
}

static void end_balance(struct rcl_machine *m, struct node *node, bool is_done)
{
	struct kswapd *kswapd = &node->kswapd;

	if (!is_done && kswapd->sc.pub.nr_reclaimed == 0)
		kswapd->nr_failures++;
	end_boost(node, kswapd->nr_boosted);
	kswapd->nr_reclaimed = kswapd->sc.pub.nr_reclaimed;
	policy_reclaim_end(m, m->memcgs[0], &kswapd->sc);
	scan_end(m, NULL);
	policy_run_ejections(m);
	try_to_nap(m, node);
}

/* A walk over the node at the present priority begins. */
static void begin_walk(struct rcl_machine *m, struct node *node)
{
	struct scan *sc = &node->kswapd.sc;
	bool is_boost = node->kswapd.nr_boost_left > 0;

	sc->pub.nr_to_reclaim = node->pub.high_wmark > LEAST_TARGET_PAGES ? node->pub.high_wmark : LEAST_TARGET_PAGES;
	sc->pub.may_writepage = !is_boost;
	sc->may_swap = !is_boost;
	sc->pub.nr_scanned = 0;
	sc->quit = false;
	if (!scan_age_node(m, sc, node->pub.nid))
		oom_kill(m, NULL, ALL_NODES);
	scan_begin_node(m, sc, node->pub.nid);
	node->kswapd.state = KSWAPD_WALKING;
}

/* A turn of balance_pgdat()'s loop begins. */
static void begin_turn(struct rcl_machine *m, struct node *node)
{
	struct kswapd *kswapd = &node->kswapd;
	struct rcl_scan_control *pub = &kswapd->sc.pub;

	if (kswapd->nr_boost_left && !is_balanced(m, node)) {
		kswapd->nr_boost_left = 0;
		pub->priority = RCL_DEF_PRIORITY;
	}
	if (kswapd->nr_boost_left == 0 && is_balanced(m, node)) {
		end_balance(m, node, true);
		return;
	}
	begin_walk(m, node);
	events_wake(m, kswapd->actor);
}

/* Its walk is over. */
static void end_turn(struct rcl_machine *m, struct node *node)
{
	struct kswapd *kswapd = &node->kswapd;
	struct rcl_scan_control *pub = &kswapd->sc.pub;
	bool is_priority_held = kswapd->nr_boost_left && pub->priority == BOOST_PRIORITY;
	uint64_t nr;

	kswapd->state = KSWAPD_BALANCING;
	scan_end_node(m, &kswapd->sc);
	nr = pub->nr_reclaimed - kswapd->sc.walk.nr_reclaimed_before;
	is_priority_held |= pub->nr_scanned >= pub->nr_to_reclaim || nr >= pub->nr_to_reclaim;
	kswapd->nr_boost_left -= least(kswapd->nr_boost_left, nr);
	if (kswapd->nr_boost_left == 0 || nr) {
		if (pub->priority && (!is_priority_held || nr == 0))	/* a policy may have begun at 0 */
			pub->priority--;
		if (pub->priority >= 1) {
			events_wake(m, kswapd->actor);
			return;
		}
	}
	if (pub->priority < 1 && pub->nr_reclaimed == 0 && !pub->no_cache_trim_mode && kswapd->sc.cache_trim_mode_failed) {
		pub->no_cache_trim_mode = 1;	/* everything once more */
		pub->priority = RCL_DEF_PRIORITY;
		events_wake(m, kswapd->actor);
		return;
	}
	end_balance(m, node, false);
}

/* One step: whatever is next. */
static void kswapd_run(struct rcl_machine *m, struct actor *actor)
{
	struct node *node = &m->nodes[actor->which];
	struct kswapd *kswapd = &node->kswapd;
	struct lruvec *root = &m->memcgs[0]->lruvecs[node->pub.nid];
	uint64_t start_ns = *m->clock;

	psi_stall_begins(m, &node->psi, start_ns, true, false);
	switch (kswapd->state) {
	case KSWAPD_NAPPING:
		if (start_ns >= kswapd->nap_end_ns && (is_balanced(m, node) || kswapd_is_hopeless(m, node))) {
			kswapd->state = KSWAPD_ASLEEP;
			TRACE(m, NULL, mm_vmscan_kswapd_sleep, .nid = node->pub.nid, .nr_reclaimed = kswapd->nr_reclaimed);
			break;
		}
		count(root, start_ns < kswapd->nap_end_ns ? RCL_KSWAPD_LOW_WMARK_HIT_QUICKLY
							  : RCL_KSWAPD_HIGH_WMARK_HIT_QUICKLY, 1);
		begin_balance(m, node);
		begin_turn(m, node);
		break;
	case KSWAPD_ASLEEP:
		count(root, RCL_KSWAPD_WAKEUPS, 1);
		begin_balance(m, node);
		begin_turn(m, node);
		break;
	case KSWAPD_WALKING:
		if (scan_step(m, &kswapd->sc))
			events_wake(m, kswapd->actor);
		else
			end_turn(m, node);
		break;
	default:
		begin_turn(m, node);
		break;
	}
	kswapd->ns += *m->clock - start_ns;
	psi_stall(m, &node->psi, start_ns, *m->clock, true, false);	/* psi_memstall_enter() of balance_pgdat() */
}

int kswapd_setup(struct rcl_machine *m)
{
	for (uint32_t nid = 0; nid < m->nr_nodes; nid++) {
		m->nodes[nid].kswapd.actor = events_add_actor(m, kswapd_run, nid);
		if (!m->nodes[nid].kswapd.actor)
			return machine_error(m, RCL_BAD_ARGUMENT, "too many kernel threads");
		m->nodes[nid].kswapd.actor->plug = &m->nodes[nid].kswapd.plug;
	}
	return RCL_OK;
}

void kswapd_wake(struct rcl_machine *m, struct node *node)
{
	if (kswapd_is_hopeless(m, node) || kswapd_is_awake(node) ||
	    (is_balanced(m, node) && node->nr_boost == 0))
		return;
	TRACE(m, NULL, mm_vmscan_wakeup_kswapd, .nid = node->pub.nid);
	events_wake(m, node->kswapd.actor);
}

/* allow_direct_reclaim(); a node without reclaimable pages has no reserve to protect. */
static bool has_reserve(struct rcl_machine *m, void *data)
{
	const struct node *node = data;

	return kswapd_is_hopeless(m, node) || node->pub.min_wmark == 0 || node_reclaimable_pages(m, node) == 0 ||
	       node->pub.nr_free_pages > node->pub.min_wmark / 2;
}

void kswapd_throttle(struct rcl_machine *m, struct node *node)
{
	if (has_reserve(m, node))
		return;
	count(&m->memcgs[0]->lruvecs[node->pub.nid], RCL_PGSCAN_DIRECT_THROTTLE, 1);
	kswapd_wake(m, node);
	while (m->next_due_ns != RCL_NEVER && !m->interrupted && !has_reserve(m, node))
		events_wait(m, m->next_due_ns, has_reserve, node);
}
