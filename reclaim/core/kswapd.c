/*
 * kswapd, see kswapd.h. Models balance_pgdat() and kswapd_shrink_node() (mm/vmscan.c v6.12).
 *
 * SIMPLIFIED: no watermark boost, no memory.high or soft limit reclaim, no napping between
 * balancing attempts; effect: kswapd starts at low and ends at high, always.
 */
#include "kswapd.h"

#include "policy.h"
#include "psi.h"
#include "scan.h"
#include "stats.h"
#include "trace.h"

#define MAX_FAILURES 16			/* MAX_RECLAIM_RETRIES, mm/internal.h v6.12: hopeless after that */
#define LEAST_TARGET_PAGES 32		/* SWAP_CLUSTER_MAX, include/linux/swap.h */

/* pgdat_balanced(): with NUMA balancing there is to be room for promotions. */
static bool is_balanced(const struct rcl_machine *m, const struct node *node)
{
	return node->pub.nr_free_pages >= (m->config.numa_balancing ? node->pub.promo_wmark : node->pub.high_wmark);
}

/* One run from priority 12 to 1 (balance_pgdat()). */
static uint64_t balance(struct rcl_machine *m, struct node *node)
{
	struct scan *outer = m->scan;
	uint64_t target = node->pub.high_wmark > LEAST_TARGET_PAGES ? node->pub.high_wmark : LEAST_TARGET_PAGES;
	uint64_t total = 0;
	int priority = RCL_DEF_PRIORITY;
	struct scan sc;

	scan_begin(m, &sc, NULL, RCL_ORIGIN_KSWAPD, target);
	while (!is_balanced(m, node) && priority >= 1 && !m->interrupted) {
		sc.pub.priority = (uint8_t)priority;
		sc.pub.nr_scanned = 0;
		sc.pub.nr_reclaimed = 0;
		sc.quit = false;
		scan_node(m, &sc, node->pub.nid);
		total += sc.pub.nr_reclaimed;
		/* The priority stays where enough was scanned and something came of it. */
		if (sc.pub.nr_scanned < target || sc.pub.nr_reclaimed == 0)
			priority--;
	}
	scan_end(m, outer);
	node->kswapd_failures = total ? 0 : node->kswapd_failures + 1;
	policy_run_ejections(m);
	return total;
}

static void run_kswapd(struct rcl_machine *m, struct node *node)
{
	struct task *woke = m->current;
	uint64_t *clock = m->clock, start_ns, nr_reclaimed;

	node->is_kswapd_wanted = false;
	if (!m->config.kswapd || is_balanced(m, node) || node->kswapd_failures >= MAX_FAILURES)
		return;
	if (node->kswapd_clock_ns < *clock)
		node->kswapd_clock_ns = *clock;
	count(&m->memcgs[0]->lruvecs[node->pub.nid], RCL_KSWAPD_WAKEUPS, 1);
	TRACE(m, NULL, mm_vmscan_wakeup_kswapd, .nid = node->pub.nid);
	start_ns = node->kswapd_clock_ns;
	m->clock = &node->kswapd_clock_ns;
	m->current = NULL;
	TRACE(m, NULL, mm_vmscan_kswapd_wake, .nid = node->pub.nid);
	nr_reclaimed = balance(m, node);
	TRACE(m, NULL, mm_vmscan_kswapd_sleep, .nid = node->pub.nid, .nr_reclaimed = nr_reclaimed);
	m->current = woke;
	m->clock = clock;
	node->kswapd_ns += node->kswapd_clock_ns - start_ns;
	psi_stall(m, &node->psi, start_ns, node->kswapd_clock_ns, true, false);	/* PF_MEMSTALL, balance_pgdat() */
}

void kswapd_wake(struct rcl_machine *m, struct node *node)
{
	node->is_kswapd_wanted = true;
	kswapd_run_wanted(m);
}

void kswapd_run_wanted(struct rcl_machine *m)
{
	for (uint32_t nid = 0; nid < m->nr_nodes && !m->scan; nid++) {
		if (!m->nodes[nid].is_kswapd_wanted)
			continue;
		run_kswapd(m, &m->nodes[nid]);
		nid = RCL_NIL;		/* it may have demoted to a node that we passed */
	}
}
