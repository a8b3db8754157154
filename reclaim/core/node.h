/*
 * NUMA nodes: frames, watermarks, which node an allocation comes from.
 *
 * Here: free frames and the allocator's ladder. Not here: reclaim itself (kswapd.h, direct.h).
 */
#ifndef RCL_NODE_H
#define RCL_NODE_H

#include "buddy.h"
#include "machine.h"
#include "numa.h"
#include "pcp.h"

/* Set up nodes, frames and watermarks from the machine's configuration. */
int node_setup(struct rcl_machine *m);

/*
 * Take a frame for a task: of the nodes that its memory policy allows (numa.h), the first in zonelist
 * order above its low watermark; else kswapd wakes and the first above min; else direct reclaim. NULL
 * when the task was killed or the run interrupted.
 */
struct folio *node_alloc_folio(struct rcl_machine *m, struct task *task, uint32_t interleave_index);

/* Take a frame for somebody who is freeing memory: the nearest one that is free, below all
 * watermarks (PF_MEMALLOC); NULL where there is none. */
struct folio *node_take_reserve(struct rcl_machine *m);

/* Take so many of these for the kernel itself, all or none, in front of a chain through their links; and give back the
 * first of a chain. */
bool node_take_chain(struct rcl_machine *m, uint32_t *first_pfn, uint32_t nr, enum rcl_transit transit);
void node_free_chain(struct rcl_machine *m, uint32_t *first_pfn, uint32_t nr);

/*
 * Take 2^order frames without reclaiming for them (GFP_NOWAIT): above low, else kswapd wakes, if it is for
 * one frame, and above min, else NULL. cpu_nid is the node of whoever asks.
 */
struct folio *node_alloc_nowait(struct rcl_machine *m, struct memcg *memcg, uint32_t cpu_nid,
				const struct placement *place, uint32_t order);

/* Pages of a node that reclaim could free if all were cold (zone_reclaimable_pages()). */
uint64_t node_reclaimable_pages(const struct rcl_machine *m, const struct node *node);

/* Pages of a node that claim one of the kernel's lists, in all memcgs (node_page_state()). */
static inline uint64_t node_list_pages(const struct rcl_machine *m, uint32_t nid, uint32_t list)
{
	uint64_t nr_pages = 0;

	for (uint32_t i = 0; i < m->nr_memcgs; i++)
		nr_pages += m->memcgs[i]->lruvecs[nid].pub.list_pages[list];
	return nr_pages;
}

/* Whether a frame was never used, so that its record is not even initialised. */
static inline bool node_is_fresh(const struct rcl_machine *m, uint32_t pfn)
{
	const struct node *node = m->nodes;

	while (pfn - node->first_pfn >= node->pub.nr_pages)
		node++;
	return pfn - node->first_pfn >= node->pub.nr_pages - node->nr_fresh;
}

/* Take 2^order frames above the low watermark, without waking or reclaiming anything, from the home
 * node or also from others; NULL if there are none (GFP_TRANSHUGE_LIGHT). */
struct folio *node_alloc_block(struct rcl_machine *m, struct task *task, uint32_t order, uint32_t interleave_index,
			       bool only_home);

/* Give a folio's frames back; the caller has uncharged it. */
static inline void node_free_folio(struct rcl_machine *m, struct folio *folio)
{
	struct node *node = &m->nodes[folio->pub.nid];

	if (RCL_UNLIKELY(folio_is_large(folio))) {
		node->pub.nr_free_pages += UINT64_C(1) << folio->pub.order;
		buddy_free(m, node, folio->pub.pfn, folio->pub.order);
		return;
	}
	folio->transit = RCL_TRANSIT_FREE;
	link_at(m, folio->pub.pfn)->next = node->free_head;
	node->free_head = folio->pub.pfn;
	if (RCL_UNLIKELY(m->config.pcp_high))
		pcp_put(m, node);
	else
		node->pub.nr_free_pages++;
}

#endif
