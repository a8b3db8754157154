/*
 * Throttles, see throttle.h. Models reclaim_throttle(), consider_reclaim_throttle(), too_many_isolated()
 * and the end of shrink_node() (mm/vmscan.c v6.12).
 *
 * SIMPLIFIED: what is being written is compared with what can be reclaimed over all nodes, not per
 * node; effect: none on machines with one node.
 */
#include "throttle.h"

#include "events.h"
#include "kswapd.h"
#include "node.h"
#include "stats.h"
#include "trace.h"

#define WRITEBACK_NS 100000000		/* HZ/10 (reclaim_throttle()) */
#define TICK_NS 4000000			/* one tick at HZ=250, as Debian's kernel */
#define ISOLATED_NS 20000000		/* HZ/50 */
#define ISOLATED_SHIFT 3		/* an eighth of what is inactive (too_many_isolated()) */
#define WRITTEN_PAGES 32		/* SWAP_CLUSTER_MAX: so much written ends the wait (__acct_reclaim_writeback()) */

/* Waiting makes no sense where kswapd has given up, or where much else can be reclaimed. */
static bool is_pointless(const struct rcl_machine *m, const struct node *node)
{
	uint64_t nr_reclaimable = 0;

	if (node->kswapd.nr_failures >= MAX_RECLAIM_RETRIES)
		return true;
	for (uint32_t nid = 0; nid < m->nr_nodes; nid++)
		nr_reclaimable += node_reclaimable_pages(m, &m->nodes[nid]);
	return 2 * (m->nr_dirty + m->nr_writeback) <= nr_reclaimable;
}

struct written {
	const struct node *node;
	uint64_t nr_enough;
};

static bool is_enough_written(struct rcl_machine *m, void *data)
{
	const struct written *written = data;

	(void)m;
	return written->node->nr_written > written->nr_enough;
}

static void trace_throttled(struct rcl_machine *m, const struct node *node, uint64_t timeout_ns, uint64_t start_ns,
			    enum rcl_throttle_reason reason)
{
	TRACE(m, NULL, mm_vmscan_throttled, .nid = node->pub.nid, .usec_timeout = timeout_ns / 1000,
	      .usec_delayed = (*m->clock - start_ns) / 1000, .reason = reason);
}

static void wait_for_writeback(struct rcl_machine *m, struct node *node)
{
	struct written written = { .node = node };
	uint64_t start_ns = *m->clock;

	if (node->nr_throttled++ == 0)
		node->nr_written_start = node->nr_written;
	written.nr_enough = node->nr_written_start + (uint64_t)WRITTEN_PAGES * node->nr_throttled;
	events_wait(m, *m->clock + WRITEBACK_NS, is_enough_written, &written);
	node->nr_throttled--;
	trace_throttled(m, node, WRITEBACK_NS, start_ns, RCL_VMSCAN_THROTTLE_WRITEBACK);
}

static void wait_a_tick(struct rcl_machine *m, const struct node *node, enum rcl_counter counter,
			enum rcl_throttle_reason reason)
{
	uint64_t start_ns = *m->clock;

	if (is_pointless(m, node))
		return;
	count(&m->memcgs[0]->lruvecs[node->pub.nid], counter, 1);
	events_sleep(m, TICK_NS);
	trace_throttled(m, node, TICK_NS, start_ns, reason);
}

void throttle_after_node(struct rcl_machine *m, struct scan *sc, struct node *node)
{
	const struct scan_writeback *nr = &sc->nr;
	const struct lruvec *root = &m->memcgs[0]->lruvecs[node->pub.nid];

	if (sc->is_kswapd) {
		if (nr->writeback && nr->writeback == nr->taken)
			node->is_writeback = true;
		/* MGLRU has no such rule (lru_gen_shrink_node()), nor have other policies with lists of their own. */
		if (nr->unqueued_dirty == nr->file_taken && root->nr_lists == RCL_NR_STANDARD_LISTS)
			node->is_dirty = true;
		if (nr->immediate) {
			count(&m->memcgs[0]->lruvecs[node->pub.nid], RCL_THROTTLED_WRITEBACK, 1);
			wait_for_writeback(m, node);
		}
	}
	if (nr->dirty && nr->dirty == nr->congested) {
		if (sc->target)
			sc->target->lruvecs[node->pub.nid].is_congested = true;
		else if (sc->is_kswapd)
			m->memcgs[0]->lruvecs[node->pub.nid].is_congested = true;
	}
	if (m->current && (sc->target ? sc->target : m->memcgs[0])->lruvecs[node->pub.nid].is_congested)
		wait_a_tick(m, node, RCL_THROTTLED_CONGESTED, RCL_VMSCAN_THROTTLE_CONGESTED);
}

void throttle_after_priority(struct rcl_machine *m, const struct scan *sc, struct node *node, uint64_t nr_scanned)
{
	if (sc->pub.nr_reclaimed > nr_scanned >> 3 || sc->target || !m->current)
		return;
	if (sc->pub.priority == 1 && sc->pub.nr_reclaimed == 0)
		wait_a_tick(m, node, RCL_THROTTLED_NOPROGRESS, RCL_VMSCAN_THROTTLE_NOPROGRESS);
}

void throttle_note_isolated(struct rcl_machine *m, struct node *node, uint32_t type, uint64_t nr_pages,
			    uint64_t start_ns)
{
	node->isolations[node->next_isolation++ % NR_ISOLATIONS] = (struct isolation){
		.start_ns = start_ns, .end_ns = *m->clock, .nr_pages = (uint32_t)nr_pages, .type = type,
	};
	if (node->isolated_until_ns < *m->clock)
		node->isolated_until_ns = *m->clock;
}

/* What others have isolated now; *next_ns is when the first of it is put back. */
static uint64_t nr_isolated(const struct node *node, uint32_t type, uint64_t now_ns, uint64_t *next_ns)
{
	uint64_t nr = 0;

	*next_ns = RCL_NEVER;
	for (uint32_t i = 0; i < NR_ISOLATIONS; i++) {
		const struct isolation *isolation = &node->isolations[i];

		if (isolation->type != type || isolation->start_ns > now_ns || isolation->end_ns <= now_ns)
			continue;
		nr += isolation->nr_pages;
		*next_ns = least(*next_ns, isolation->end_ns);
	}
	return nr;
}

static bool is_too_much_isolated(const struct rcl_machine *m, const struct node *node, uint32_t type, uint64_t *next_ns)
{
	/* The kernel's lists, whatever policies keep elsewhere (NR_INACTIVE_ANON, NR_INACTIVE_FILE). */
	uint32_t list = type == RCL_ANON ? RCL_STANDARD_LIST_INACTIVE_ANON : RCL_STANDARD_LIST_INACTIVE_FILE;

	return nr_isolated(node, type, *m->clock, next_ns) > node_list_pages(m, node->pub.nid, list) >> ISOLATED_SHIFT;
}

bool throttle_may_isolate(struct rcl_machine *m, const struct scan *sc, struct node *node, uint32_t type)
{
	uint64_t start_ns = *m->clock, deadline_ns = start_ns + ISOLATED_NS, next_ns;

	if (RCL_LIKELY(node->isolated_until_ns <= start_ns) || sc->is_kswapd || !m->current ||
	    !is_too_much_isolated(m, node, type, &next_ns))
		return true;
	count(&m->memcgs[0]->lruvecs[node->pub.nid], RCL_THROTTLED_ISOLATED, 1);
	do {
		events_sleep_until(m, least(next_ns, deadline_ns));
	} while (*m->clock < deadline_ns && !m->interrupted && is_too_much_isolated(m, node, type, &next_ns));
	trace_throttled(m, node, ISOLATED_NS, start_ns, RCL_VMSCAN_THROTTLE_ISOLATED);
	return !m->interrupted && !is_too_much_isolated(m, node, type, &next_ns);
}
