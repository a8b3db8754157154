/*
 * NUMA balancing for memory tiers, see numa_balancing.h. Models should_numa_migrate_memory() (kernel/sched/fair.c
 * v6.12), do_numa_page() (mm/memory.c) and migrate_misplaced_folio_prepare() (mm/migrate.c).
 *
 * SIMPLIFIED: a page whose promotion fails is as writable as before; effect: the kernel, which leaves its PTE
 * protected, has one minor fault more at the next write.
 * SIMPLIFIED: a large folio that is mapped in part is promoted whole; effect: the kernel, which splits it first, moves
 * fewer pages that nobody uses.
 */
#include "numa_balancing.h"

#include <stdlib.h>

#include "hooks.h"
#include "kswapd.h"
#include "migrate.h"
#include "mm.h"
#include "node.h"
#include "numa_scan.h"
#include "rmap.h"
#include "vma.h"

#define PAGES_PER_MB (1 << (20 - 12))
#define ACCESS_TIME_MASK ((UINT32_C(1) << 21) - 1)	/* PAGE_ACCESS_TIME_MASK where there may be 8192 CPUs: 35 minutes */
#define ADJUST_STEPS 16			/* NUMA_MIGRATION_ADJUST_STEPS, kernel/sched/fair.c */
#define ENOUGH_FREE_PAGES (UINT64_C(1) << (30 - 12))	/* 1 GiB, pgdat_free_space_enough() */
#define ENOUGH_FREE_SHARE 16		/* or 1/16 of the node, the same */

bool numa_balancing_setup(struct rcl_machine *m)
{
	if (!m->config.numa_balancing)
		return true;
	for (uint32_t nid = 0; nid < m->nr_nodes; nid++)
		m->nodes[nid].threshold_start_ms = numa_now_ms(m);	/* reset_memory_tiering() */
	m->access_ms = calloc(m->nr_folios, sizeof(*m->access_ms));
	return m->access_ms;
}

/* ---- whether a page is hot ---- */

/* pgdat_free_space_enough() */
static bool has_enough_free(const struct node *node)
{
	uint64_t enough = node->pub.nr_pages / ENOUGH_FREE_SHARE;

	if (enough < ENOUGH_FREE_PAGES)
		enough = ENOUGH_FREE_PAGES;
	return node->pub.nr_free_pages > node->pub.promo_wmark + enough;
}

static uint64_t rate_limit_pages(const struct rcl_machine *m)
{
	return (uint64_t)m->config.numa_promote_rate_limit_mbps * PAGES_PER_MB;
}

/* numa_promotion_adjust_threshold(): toward as many candidates as the rate limit lets through. */
static void adjust_threshold(struct rcl_machine *m, struct node *node)
{
	uint32_t period_ms = m->config.numa_scan_period_max_ms, now = numa_now_ms(m);
	uint32_t reference = m->config.numa_hot_threshold_ms, unit = reference * 2 / ADJUST_STEPS;
	uint32_t threshold = node->hot_threshold_ms ? node->hot_threshold_ms : reference;
	uint64_t expected = rate_limit_pages(m) * period_ms / 1000;
	uint64_t found = node->nr_candidates - node->threshold_nr_candidates;

	if (now - node->threshold_start_ms <= period_ms)
		return;
	node->threshold_start_ms = now;
	if (found > expected * 11 / 10)
		threshold = threshold > 2 * unit ? threshold - unit : unit;
	else if (found < expected * 9 / 10)
		threshold = threshold + unit < reference * 2 ? threshold + unit : reference * 2;
	node->threshold_nr_candidates = node->nr_candidates;
	node->hot_threshold_ms = threshold;
}

static void count_candidate(struct node *node, struct folio *folio)
{
	node->nr_candidates += folio->pub.nr_pages;
	count(&memcg_of(folio->pub.memcg)->lruvecs[node->pub.nid], RCL_PGPROMOTE_CANDIDATE, folio->pub.nr_pages);
}

/* numa_promotion_rate_limit() */
static bool is_over_rate(struct rcl_machine *m, struct node *node, struct folio *folio)
{
	uint32_t now = numa_now_ms(m);

	count_candidate(node, folio);
	if (now - node->rate_start_ms > 1000) {
		node->rate_start_ms = now;
		node->rate_nr_candidates = node->nr_candidates;
	}
	return node->nr_candidates - node->rate_nr_candidates >= rate_limit_pages(m);
}

/* numa_hint_fault_latency() */
static uint32_t hint_latency_ms(struct rcl_machine *m, const struct folio *folio)
{
	uint32_t now = numa_now_ms(m), latency = (now - m->access_ms[folio->pub.pfn]) & ACCESS_TIME_MASK;

	m->access_ms[folio->pub.pfn] = now;
	return latency;
}

/* should_numa_migrate_memory() */
static bool is_hot(struct rcl_machine *m, struct folio *folio, struct node *target)
{
	uint32_t threshold;

	if (has_enough_free(target)) {
		target->hot_threshold_ms = 0;
		return true;
	}
	adjust_threshold(m, target);
	threshold = target->hot_threshold_ms ? target->hot_threshold_ms : m->config.numa_hot_threshold_ms;
	return hint_latency_ms(m, folio) < threshold && !is_over_rate(m, target, folio);
}

static bool is_promoted(struct rcl_machine *m, struct folio *folio, struct node *target)
{
	struct lruvec *lruvec = folio_lruvec(folio);

	if (!lruvec->att->ops.promote)
		return is_hot(m, folio, target);
	if (ask_promote(m, lruvec, folio, target->pub.nid, hint_latency_ms(m, folio)) != RCL_PROMOTION_PROMOTE)
		return false;
	count_candidate(target, folio);
	return true;
}

/* ---- the fault ---- */

/* pte_modify(vm_page_prot): write-protected is what must fault at the first write. */
static uint32_t restored_pte(const struct folio *folio, const struct vma *vma, uint32_t pte)
{
	bool is_protected = folio->pub.type == RCL_FILE && !(vma->flags & RCL_MAPPING_SHARED && pte & PTE_DIRTY);

	return pte | PTE_PRESENT | PTE_ACCESSED | (is_protected ? PTE_WP : 0);
}

/* numa_rebuild_large_mapping(), do_huge_pmd_numa_page(): all marked PTEs of the folio in this page table. */
static void restore_large(struct rcl_machine *m, struct task *task, const struct vma *vma, uint32_t vpn,
			  struct folio *folio)
{
	uint32_t i = (task->ptes[vpn] >> PTE_SHIFT) - folio->pub.pfn, first = vpn - (i < vpn ? i : vpn);

	for (uint32_t at = first > vma->first ? first : vma->first;
	     at < vpn - i + folio->pub.nr_pages && at < vma->first + vma->nr_pages; at++) {
		uint32_t pte = task->ptes[at];

		if (pte_is_hint(pte) && at / PTES_PER_TABLE == vpn / PTES_PER_TABLE && page_folio(m, pte >> PTE_SHIFT) == folio)
			task->ptes[at] = restored_pte(folio, vma, pte);
	}
}

/* Make a page's PTE what it was, or all marked ones of a large folio in this page table. */
static void restore(struct rcl_machine *m, struct task *task, const struct vma *vma, uint32_t vpn, struct folio *folio)
{
	if (RCL_UNLIKELY(folio_is_large(folio)))
		restore_large(m, task, vma, vpn, folio);
	else
		task->ptes[vpn] = restored_pte(folio, vma, task->ptes[vpn]);
}

/* migrate_misplaced_folio_prepare(), and the frame. */
static struct folio *prepare_target(struct rcl_machine *m, const struct task *task, const struct vma *vma,
				    struct folio *folio, struct node *target)
{
	struct placement place = { .home = target, .allowed = (uint16_t)(1u << target->pub.nid) };
	struct folio *frame = NULL;

	if (folio->pub.type == RCL_FILE &&
	    ((vma->flags & RCL_MAPPING_EXEC && folio->rmap_more != RCL_NIL) || folio->pub.flags & RCL_FOLIO_IS_DIRTY))
		return NULL;
	if (target->pub.nr_free_pages <= target->pub.high_wmark + folio->pub.nr_pages) {
		kswapd_wake(m, target);
		return NULL;
	}
	if (folio->transit != RCL_TRANSIT_NONE)
		return NULL;
	if (migrate_is_possible(folio))
		frame = node_alloc_nowait(m, memcg_of(folio->pub.memcg), task->nid, &place, folio->pub.order);
	if (!frame)
		count(folio_lruvec(folio), RCL_PGMIGRATE_FAIL, folio->pub.nr_pages);
	return frame;
}

static void promote(struct rcl_machine *m, struct task *task, struct folio *folio, struct folio *frame)
{
	uint32_t nr_pages = folio->pub.nr_pages;

	lru_del_folio(m, folio_lruvec(folio), folio);
	lru_mark_isolated(folio);
	migrate_folio(m, folio, frame, RCL_MIGRATED_PROMOTED);
	count(folio_lruvec(frame), RCL_NUMA_PAGES_MIGRATED, nr_pages);
	if (!numa_is_toptier(m, frame->pub.nid))
		return;
	count(folio_lruvec(frame), RCL_PGPROMOTE_SUCCESS, nr_pages);
	numa_scan_note_promoted(m, task);
}

void numa_balancing_fault(struct rcl_machine *m, struct task *task, uint32_t vpn)
{
	struct folio *folio = page_folio(m, task->ptes[vpn] >> PTE_SHIFT), *frame = NULL;
	const struct vma *vma = vma_find(task, vpn);
	struct node *target = &m->nodes[task->nid];

	numa_scan_note_fault(task, vpn);
	count(folio_lruvec(folio), RCL_NUMA_HINT_FAULTS, 1);
	if (target->pub.tier < m->nodes[folio->pub.nid].pub.tier && is_promoted(m, folio, target))
		frame = prepare_target(m, task, vma, folio, target);
	if (frame)
		promote(m, task, folio, frame);
	else
		restore(m, task, vma, vpn, folio);
}
