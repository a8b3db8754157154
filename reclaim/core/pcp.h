/*
 * Per-CPU lists of free pages.
 *
 * Here: how many of a node's free frames lie on such a list. Not here: the frames themselves, which stay
 * on the node's free list (node.h).
 *
 * Pages on the list are free, yet no watermark sees them: an allocation takes from it, a free adds to it, and
 * whole batches go between it and what the watermarks count. Models __rmqueue_pcplist(), nr_pcp_alloc(),
 * free_unref_page_commit() and nr_pcp_free() (mm/page_alloc.c v6.12) where percpu_pagelist_high_fraction is set, so
 * that the list's length is not tuned. rcl_config.pcp_high = 0: there are no lists.
 *
 * SIMPLIFIED: one list per node, for pages of all kinds and single ones only; effect: a machine of many
 * processors keeps more pages on its lists.
 */
#ifndef RCL_PCP_H
#define RCL_PCP_H

#include "kswapd.h"
#include "machine.h"

#define PCP_BATCH_SCALE_MAX 5	/* CONFIG_PCP_BATCH_SCALE_MAX's default, mm/Kconfig v6.12 */

/* A frame is taken: of the list, which gets more at a time while nothing is freed in between. */
static inline void pcp_take(struct rcl_machine *m, struct node *node)
{
	uint64_t batch = m->config.pcp_batch, nr = batch << node->pcp_alloc_factor, most = batch;

	if (node->nr_pcp == 0) {
		if (m->config.pcp_high > 2 * batch)
			most = m->config.pcp_high - batch;
		if (nr <= most && node->pcp_alloc_factor < PCP_BATCH_SCALE_MAX)
			node->pcp_alloc_factor++;
		nr = least(least(nr, most), node->pub.nr_free_pages);
		node->pub.nr_free_pages -= nr;
		node->nr_pcp += nr;
	}
	node->nr_pcp--;
	node->pcp_free_count >>= 1;
}

/* How many the list may hold; few while kswapd works, who wants to see what it freed (ZONE_RECLAIM_ACTIVE). */
static inline uint64_t pcp_high(const struct rcl_machine *m, const struct node *node)
{
	return kswapd_is_awake(node) ? least(m->config.pcp_high, 4 * (uint64_t)m->config.pcp_batch) : m->config.pcp_high;
}

/* A frame is free; the longer nothing is taken in between, the more go on at once. */
static inline void pcp_put(struct rcl_machine *m, struct node *node)
{
	uint64_t batch = m->config.pcp_batch, high = pcp_high(m, node), nr = node->pcp_free_count;

	node->pcp_alloc_factor >>= 1;
	node->nr_pcp++;
	if (node->pcp_free_count < batch << PCP_BATCH_SCALE_MAX)
		node->pcp_free_count++;
	if (node->nr_pcp < high)
		return;
	if (nr > high - least(batch, high))
		nr = high - least(batch, high);
	if (nr < batch)
		nr = batch;
	nr = least(nr, node->nr_pcp);
	node->nr_pcp -= nr;
	node->pub.nr_free_pages += nr;
}

/* Empty the lists of all nodes (drain_all_pages()); answers whether there was anything. */
static inline bool pcp_drain_all(struct rcl_machine *m)
{
	bool is_any = false;

	for (uint32_t nid = 0; nid < m->nr_nodes; nid++) {
		is_any |= m->nodes[nid].nr_pcp > 0;
		m->nodes[nid].pub.nr_free_pages += m->nodes[nid].nr_pcp;
		m->nodes[nid].nr_pcp = 0;
	}
	return is_any;
}

#endif
