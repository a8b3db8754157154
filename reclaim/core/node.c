/*
 * NUMA nodes, see node.h. Models get_page_from_freelist() and __alloc_pages_slowpath()
 * (mm/page_alloc.c v6.12) for one zone per node.
 *
 * SIMPLIFIED: one zone per node, no lowmem reserve, no high-order reserve; effect: the watermarks are those of a node
 * whose memory is all in one zone.
 * SIMPLIFIED: page blocks have no mobility, so that watermarks are boosted only by rcl_node_boost();
 * effect: no boost unless an experiment asks for it.
 */
#include "node.h"

#include <stdlib.h>

#include "demote.h"
#include "direct.h"
#include "kswapd.h"
#include "numa.h"
#include "oom.h"
#include "psi.h"
#include "stats.h"

#define PAGE_KIB 4
#define MIN_FREE_KIB_FLOOR 128		/* init_per_zone_wmark_min(), mm/page_alloc.c */
#define MIN_FREE_KIB_CEILING 262144	/* the same */
#define PAGEBLOCK_PAGES 512		/* pageblock_nr_pages on x86-64 with huge pages */
#define LEAST_BOOST_BLOCKS 4		/* boost_watermark(), mm/page_alloc.c: smaller zones are left alone */
#define SMALLEST_NODE_SHARE 8		/* ours: the formula's min takes at most 1/8 of a tiny node,
					 * or its floor of 32 pages would leave nothing to use */

static uint64_t square_root(uint64_t x)
{
	uint64_t root = 0;

	for (uint64_t bit = UINT64_C(1) << 31; bit; bit >>= 1) {
		if ((root | bit) * (root | bit) <= x)
			root |= bit;
	}
	return root;
}

/* init_per_zone_wmark_min() and __setup_per_zone_wmarks(): a share of the machine's minimum by size. */
static void set_watermarks(struct rcl_machine *m, struct node *node, uint64_t total_pages)
{
	uint64_t kib = square_root(total_pages * PAGE_KIB * 16), managed = node->pub.nr_pages, min, gap;

	if (kib < MIN_FREE_KIB_FLOOR)
		kib = MIN_FREE_KIB_FLOOR;
	if (kib > MIN_FREE_KIB_CEILING)
		kib = MIN_FREE_KIB_CEILING;
	min = kib / PAGE_KIB * managed / total_pages;
	if (min > managed / SMALLEST_NODE_SHARE)
		min = managed / SMALLEST_NODE_SHARE;
	gap = managed * m->config.watermark_scale_factor / 10000;
	if (gap < min / 4)
		gap = min / 4;
	node->pub.min_wmark = min;
	node->pub.low_wmark = min + gap;
	node->pub.high_wmark = min + 2 * gap;
	node->pub.promo_wmark = min + 3 * gap;
}

/* Given watermarks leave as much again above high, where the node has it. */
static void copy_watermarks(struct node *node, const struct rcl_node_config *config)
{
	uint64_t promo = 2 * config->high_wmark - config->low_wmark;

	node->pub.min_wmark = config->min_wmark;
	node->pub.low_wmark = config->low_wmark;
	node->pub.high_wmark = config->high_wmark;
	node->pub.promo_wmark = promo < config->nr_pages ? promo : config->nr_pages - 1;
}

static int check_node(struct rcl_machine *m, uint32_t nid, const struct rcl_node_config *config)
{
	if (config->nr_pages == 0 || config->nr_pages >= RCL_MAX_PAGES)
		return machine_error(m, RCL_BAD_ARGUMENT, "node %u has %llu pages, 1 to 2^28 - 1 expected", nid,
				     (unsigned long long)config->nr_pages);
	if (config->min_wmark > config->low_wmark || config->low_wmark > config->high_wmark ||
	    config->high_wmark >= config->nr_pages)
		return machine_error(m, RCL_BAD_ARGUMENT,
				     "node %u: watermarks must rise and lie below its %llu pages", nid,
				     (unsigned long long)config->nr_pages);
	return RCL_OK;
}

int rcl_node_boost(struct rcl_machine *m, uint32_t nid)
{
	struct node *node = nid < m->nr_nodes ? &m->nodes[nid] : NULL;
	uint64_t most, nr;

	if (!node)
		return machine_error(m, RCL_BAD_ARGUMENT, "node %u does not exist", nid);
	most = (node->pub.high_wmark - node->nr_boost) * m->config.watermark_boost_factor / 10000;
	if (most == 0 || node->pub.nr_pages < LEAST_BOOST_BLOCKS * PAGEBLOCK_PAGES)
		return RCL_OK;
	if (most < PAGEBLOCK_PAGES)
		most = PAGEBLOCK_PAGES;
	/* Policies are proved with watermarks that a machine could have. */
	if (most > RCL_MAX_PAGES - (node->pub.promo_wmark - node->nr_boost))
		most = RCL_MAX_PAGES - (node->pub.promo_wmark - node->nr_boost);
	nr = most - node->nr_boost < PAGEBLOCK_PAGES ? most - node->nr_boost : PAGEBLOCK_PAGES;
	node->nr_boost += nr;
	node->pub.min_wmark += nr;
	node->pub.low_wmark += nr;
	node->pub.high_wmark += nr;
	node->pub.promo_wmark += nr;
	kswapd_wake(m, node);
	return RCL_OK;
}

int node_setup(struct rcl_machine *m)
{
	uint64_t total = 0;

	for (uint32_t nid = 0; nid < m->nr_nodes; nid++) {
		int status = check_node(m, nid, &m->config.nodes[nid]);

		if (status != RCL_OK)
			return status;
		total += m->config.nodes[nid].nr_pages;
	}
	if (total >= RCL_MAX_PAGES)
		return machine_error(m, RCL_BAD_ARGUMENT, "all nodes have %llu pages, less than 2^28 expected",
				     (unsigned long long)total);
	m->nr_folios = (uint32_t)total;
	m->folios = aligned_alloc(64, total * sizeof(struct folio));
	m->links = calloc(total, sizeof(*m->links));
	if (!m->folios || !m->links)
		return machine_error(m, RCL_NO_MEMORY, "no memory for %llu folios", (unsigned long long)total);
	for (uint32_t nid = 0, first = 0; nid < m->nr_nodes; nid++) {
		const struct rcl_node_config *config = &m->config.nodes[nid];
		struct node *node = &m->nodes[nid];

		node->pub.nid = (uint8_t)nid;
		node->pub.tier = config->tier;
		node->pub.nr_pages = config->nr_pages;
		node->pub.nr_free_pages = config->nr_pages;
		node->pub.is_promotion_target = m->config.numa_balancing != 0;
		if (config->high_wmark == 0)
			set_watermarks(m, node, total);
		else
			copy_watermarks(node, config);
		node->first_pfn = first;
		node->nr_fresh = (uint32_t)config->nr_pages;
		node->free_head = RCL_NIL;
		for (uint32_t order = 0; order <= RCL_MAX_ORDER; order++)
			node->free_area[order].head = node->free_area[order].tail = RCL_NIL;
		m->end_pfn[nid] = first + (uint32_t)config->nr_pages;
		if (!psi_add_source(&node->psi, NULL, true))
			return machine_error(m, RCL_NO_MEMORY, "no memory for a node");
		first += (uint32_t)config->nr_pages;
	}
	numa_build_zonelists(m);
	return RCL_OK;
}

/* Take a frame, last freed first: its record is still in the cache. */
static inline struct folio *take_frame(struct rcl_machine *m, struct node *node)
{
	struct folio *folio;

	if (RCL_UNLIKELY(m->config.pcp_high))
		pcp_take(m, node);
	else
		node->pub.nr_free_pages--;
	if (node->free_head != RCL_NIL) {
		folio = folio_at(m, node->free_head);
		node->free_head = link_at(m, node->free_head)->next;
		return folio;
	}
	if (RCL_UNLIKELY(node->nr_buddy_pages))
		return folio_at(m, buddy_take(m, node, 0));
	folio = folio_at(m, node->first_pfn + (uint32_t)node->pub.nr_pages - node->nr_fresh);
	folio->pub.pfn = node->first_pfn + (uint32_t)node->pub.nr_pages - node->nr_fresh;
	folio->pub.nid = node->pub.nid;
	folio->pub.order = 0;
	folio->marks = 0;
	node->nr_fresh--;
	return folio;
}

/* get_page_from_freelist(): the first allowed node of the zonelist above its watermark. */
static struct folio *take_above(struct rcl_machine *m, const struct placement *place, bool above_low)
{
	for (uint32_t i = 0; i < m->nr_nodes; i++) {
		struct node *node = &m->nodes[place->home->order[i]];

		if (placement_allows(place, node->pub.nid) &&
		    node->pub.nr_free_pages > (above_low ? node->pub.low_wmark : node->pub.min_wmark))
			return take_frame(m, node);
	}
	return NULL;
}

/* The same for 2^order frames; all but the last count as gone already (__zone_watermark_ok()). */
static struct folio *take_block_above(struct rcl_machine *m, const struct placement *place, uint32_t order, bool above_low)
{
	uint64_t nr = UINT64_C(1) << order;

	for (uint32_t i = 0; i < m->nr_nodes; i++) {
		struct node *node = &m->nodes[place->home->order[i]];
		uint32_t pfn;

		if (!placement_allows(place, node->pub.nid) ||
		    node->pub.nr_free_pages <= (above_low ? node->pub.low_wmark : node->pub.min_wmark) + nr - 1)
			continue;
		pfn = buddy_take(m, node, order);
		if (pfn == RCL_NIL)
			continue;
		node->pub.nr_free_pages -= nr;
		return folio_at(m, pfn);
	}
	return NULL;
}

struct folio *node_alloc_block(struct rcl_machine *m, struct task *task, uint32_t order, uint32_t interleave_index,
			       bool only_home)
{
	struct placement place = numa_place(m, task, interleave_index);
	struct folio *folio;

	if (only_home)
		place.allowed &= (uint16_t)(1u << place.home->pub.nid);
	folio = take_block_above(m, &place, order, true);
	if (folio)
		numa_count_allocation(task, &place, folio->pub.nid);
	return folio;
}

/* wake_all_kswapds() */
static void wake_kswapds(struct rcl_machine *m, const struct placement *place)
{
	for (uint32_t i = 0; i < m->nr_nodes; i++) {
		if (placement_allows(place, place->home->order[i]))
			kswapd_wake(m, &m->nodes[place->home->order[i]]);
	}
}

uint64_t node_reclaimable_pages(const struct rcl_machine *m, const struct node *node)
{
	bool has_room = m->nr_swap_free || demote_is_possible(m, node->pub.nid);	/* can_reclaim_anon_pages() */
	uint64_t nr = 0;

	for (uint32_t i = 0; i < m->nr_memcgs; i++) {
		const struct rcl_lruvec *lruvec = &m->memcgs[i]->lruvecs[node->pub.nid].pub;

		nr += has_room ? lruvec->nr_pages : lruvec->nr_file_pages;
	}
	return nr;
}

/* Whether some node would do if all that can be reclaimed were (should_reclaim_retry()). */
static bool can_reclaim_help(const struct rcl_machine *m, const struct placement *place)
{
	for (uint32_t nid = 0; nid < m->nr_nodes; nid++) {
		const struct node *node = &m->nodes[nid];

		if (placement_allows(place, nid) &&
		    node->pub.nr_free_pages + node->nr_pcp + node_reclaimable_pages(m, node) > node->pub.min_wmark)
			return true;
	}
	return false;
}

/* What reclaim freed may lie on the per-CPU lists (__alloc_pages_direct_reclaim()). */
static struct folio *take_after_drain(struct rcl_machine *m, const struct placement *place)
{
	struct folio *folio = take_above(m, place, false);

	return folio || !pcp_drain_all(m) ? folio : take_above(m, place, false);
}

/* __alloc_pages_slowpath(): kswapd, the reserve down to min, direct reclaim, and in the end the OOM
 * killer. A machine with forced release has tried all there is when a reclaim comes back empty.
 *
 * SIMPLIFIED: the last look before the OOM killer takes pages down to min, the kernel's only above high
 * (__alloc_pages_may_oom()), and whether retries can help at all is asked after fruitless reclaims only; effect: who
 * is killed last survives a little longer here.
 */
static struct folio *alloc_slowpath(struct rcl_machine *m, struct task *task, const struct placement *place)
{
	uint32_t nr_fruitless = 0;

	while (task->state != RCL_TASK_KILLED) {
		struct folio *folio;

		wake_kswapds(m, place);
		folio = take_above(m, place, false);
		if (folio)
			return folio;
		count(task_lruvec(task), RCL_ALLOCSTALL, 1);
		nr_fruitless = direct_reclaim_node(m, place) ? 0 : nr_fruitless + 1;
		if (m->interrupted)
			return NULL;
		folio = RCL_UNLIKELY(m->config.pcp_high) ? take_after_drain(m, place) : NULL;
		if (folio)
			return folio;
		if (m->no_retry)
			return take_above(m, place, false);
		if (nr_fruitless > MAX_RECLAIM_RETRIES ||
		    (nr_fruitless && (m->config.forced_release || !can_reclaim_help(m, place)))) {
			/* Somebody else may have freed pages meanwhile (__alloc_pages_may_oom()). */
			folio = take_above(m, place, false);
			if (folio)
				return folio;
			if (!oom_kill(m, NULL, place->allowed))
				oom_kill_task(m, task);
			nr_fruitless = 0;
		}
	}
	return NULL;
}

struct folio *node_alloc_folio(struct rcl_machine *m, struct task *task, uint32_t interleave_index)
{
	struct placement place = numa_place(m, task, interleave_index);
	struct folio *folio;

	if (RCL_LIKELY(placement_allows(&place, place.home->pub.nid) &&
		       place.home->pub.nr_free_pages > place.home->pub.low_wmark)) {
		folio = take_frame(m, place.home);
	} else {
		folio = m->nr_nodes > 1 ? take_above(m, &place, true) : NULL;
		if (!folio)
			folio = alloc_slowpath(m, task, &place);
	}
	if (folio)
		numa_count_allocation(task, &place, folio->pub.nid);
	return folio;
}

struct folio *node_take_reserve(struct rcl_machine *m)
{
	const struct node *home = &m->nodes[m->current ? m->current->nid : 0];

	for (uint32_t i = 0; i < m->nr_nodes; i++) {
		struct node *node = &m->nodes[home->order[i]];

		if (node->pub.nr_free_pages + node->nr_pcp > 0)
			return take_frame(m, node);
	}
	return NULL;
}

bool node_take_chain(struct rcl_machine *m, uint32_t *first_pfn, uint32_t nr, enum rcl_transit transit)
{
	for (uint32_t i = 0; i < nr; i++) {
		struct folio *page = node_take_reserve(m);

		if (!page) {
			node_free_chain(m, first_pfn, i);
			return false;
		}
		page->transit = (uint8_t)transit;
		link_at(m, page->pub.pfn)->next = *first_pfn;
		*first_pfn = page->pub.pfn;
	}
	return true;
}

void node_free_chain(struct rcl_machine *m, uint32_t *first_pfn, uint32_t nr)
{
	while (nr-- > 0) {
		struct folio *page = folio_at(m, *first_pfn);

		*first_pfn = link_at(m, page->pub.pfn)->next;
		node_free_folio(m, page);
	}
}

struct folio *node_alloc_nowait(struct rcl_machine *m, struct memcg *memcg, uint32_t cpu_nid,
				const struct placement *place, uint32_t order)
{
	struct folio *folio;

	if (RCL_UNLIKELY(order)) {
		folio = take_block_above(m, place, order, true);
		if (!folio)
			folio = take_block_above(m, place, order, false);
	} else {
		folio = take_above(m, place, true);
		if (!folio) {
			wake_kswapds(m, place);
			folio = take_above(m, place, false);
		}
	}
	if (folio)
		numa_count(memcg, cpu_nid, place, folio->pub.nid);
	return folio;
}
