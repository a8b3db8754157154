/*
 * NUMA balancing for memory tiers, see numa_balancing.h. Models task_numa_work(), update_task_scan_period()
 * and should_numa_migrate_memory() (kernel/sched/fair.c v6.12), change_pte_range() (mm/mprotect.c),
 * do_numa_page() (mm/memory.c) and migrate_misplaced_folio_prepare() (mm/migrate.c).
 */
#include "numa_balancing.h"

#include <stdlib.h>

#include "hooks.h"
#include "kswapd.h"
#include "migrate.h"
#include "mm.h"
#include "node.h"
#include "rmap.h"
#include "vma.h"

#define NS_PER_MS 1000000
#define PAGES_PER_MB (1 << (20 - 12))
#define VIRTUAL_SHARE 8			/* virtpages = pages * 8, task_numa_work() */
#define MAX_SCAN_WINDOW_MB 2560		/* MAX_SCAN_WINDOW, kernel/sched/fair.c: MB per second at most */
#define NUMA_PERIOD_SLOTS 10		/* kernel/sched/fair.c */
#define PRIVATE_SLOTS 3			/* all faults private: NUMA_PERIOD_SLOTS - NUMA_PERIOD_THRESHOLD (7) */
#define ADJUST_STEPS 16			/* NUMA_MIGRATION_ADJUST_STEPS, kernel/sched/fair.c */
#define ENOUGH_FREE_PAGES (UINT64_C(1) << (30 - 12))	/* 1 GiB, pgdat_free_space_enough() */
#define ENOUGH_FREE_SHARE 16		/* or 1/16 of the node, the same */

static uint32_t now_ms(const struct rcl_machine *m)
{
	return (uint32_t)(*m->clock / NS_PER_MS);
}

bool numa_balancing_setup(struct rcl_machine *m)
{
	if (m->config.numa_balancing)
		m->access_ms = calloc(m->nr_folios, sizeof(*m->access_ms));
	return !m->config.numa_balancing || m->access_ms;
}

uint64_t numa_balancing_first_scan_ns(const struct rcl_machine *m)
{
	return m->config.numa_balancing ? (uint64_t)m->config.numa_scan_delay_ms * NS_PER_MS : NEVER_NS;
}

/* ---- the scanner ---- */

/* task_nr_scan_windows(): how many scans the resident pages take. */
static uint32_t nr_windows(const struct rcl_machine *m, const struct task *task)
{
	uint64_t window = (uint64_t)m->config.numa_scan_size_mb * PAGES_PER_MB, rss = 0;

	for (uint32_t vpn = 0; vpn < task->nr_pages; vpn++)
		rss += pte_maps(task->ptes[vpn]);
	return rss ? (uint32_t)((rss + window - 1) / window) : 1;
}

/* task_scan_min(): the faster the more there is to scan, but no faster than the window per second allows. */
static uint32_t least_period_ms(const struct rcl_machine *m, uint32_t windows)
{
	uint32_t size_mb = m->config.numa_scan_size_mb, period_ms = m->config.numa_scan_period_min_ms / windows;
	uint32_t floor_ms = 1000;

	if (size_mb < MAX_SCAN_WINDOW_MB)
		floor_ms = 1000 / (MAX_SCAN_WINDOW_MB / size_mb);
	if (floor_ms == 0)
		floor_ms = 1;
	return period_ms > floor_ms ? period_ms : floor_ms;
}

static uint32_t most_period_ms(const struct rcl_machine *m, uint32_t windows, uint32_t least_ms)
{
	uint32_t period_ms = m->config.numa_scan_period_max_ms / windows;

	return period_ms > least_ms ? period_ms : least_ms;
}

/* Whether a VMA is worth scanning: what can only be read is expected in every node's caches.
 * SIMPLIFIED: executable file mappings stand for all that are not writable; effect: read-only mappings
 * of data files are scanned here. */
static bool is_scanned(const struct vma *vma)
{
	return (vma->flags & (RCL_MAPPING_FILE | RCL_MAPPING_EXEC)) != (RCL_MAPPING_FILE | RCL_MAPPING_EXEC);
}

/* Frame 0 is left alone: without any other bit its PTE would read as none. */
static bool is_marked(const struct rcl_machine *m, const struct task *task, const struct vma *vma, uint32_t pte)
{
	uint32_t pfn = pte >> PTE_SHIFT, nid;
	const struct folio *folio;

	if (!(pte & PTE_PRESENT) || pfn == 0)
		return false;
	nid = pfn_to_nid(m, pfn);
	if (nid == task->nid || numa_is_toptier(m, nid))
		return false;
	folio = page_folio(m, pfn);
	if (folio->pub.type == RCL_FILE && folio->pub.flags & RCL_FOLIO_IS_DIRTY)
		return false;
	return vma->flags & RCL_MAPPING_SHARED || folio_at(m, pfn)->rmap_more == RCL_NIL;
}

/* change_prot_numa() */
static uint64_t mark_ptes(struct rcl_machine *m, struct task *task, const struct vma *vma, uint32_t first, uint32_t end)
{
	const struct rcl_costs *costs = &m->config.costs;
	uint64_t nr_marked = 0;

	for (uint32_t vpn = first; vpn < end; vpn++) {
		uint32_t pte = task->ptes[vpn];

		if (!is_marked(m, task, vma, pte))
			continue;
		m->access_ms[page_folio(m, pte >> PTE_SHIFT)->pub.pfn] = now_ms(m);
		task->ptes[vpn] = pte & ~(PTE_PRESENT | PTE_WP);
		nr_marked++;
	}
	count(task_lruvec(task), RCL_NUMA_PTE_UPDATES, nr_marked);
	spend(m, (end - first) * costs->walk_pte_ns + ((end - first) / PTES_PER_TABLE + 1) * costs->walk_table_ns +
		 nr_marked * costs->retarget_ns);
	return nr_marked;
}

static uint32_t piece_end(uint32_t start, int64_t nr_pages, const struct vma *vma)
{
	uint64_t end = ((uint64_t)start + (uint64_t)nr_pages + PTES_PER_TABLE - 1) & ~(uint64_t)(PTES_PER_TABLE - 1);
	uint32_t vma_end = vma->first + vma->nr_pages;

	return end < vma_end ? (uint32_t)end : vma_end;
}

/* Scan from an offset until the piece is used up; answers where to go on, the end for a complete round. */
static uint32_t scan_piece(struct rcl_machine *m, struct task *task, uint32_t start)
{
	int64_t nr_left = (int64_t)m->config.numa_scan_size_mb * PAGES_PER_MB, virtual_left = nr_left * VIRTUAL_SHARE;

	while (start < task->nr_pages && nr_left > 0 && virtual_left > 0) {
		const struct vma *vma = vma_find(task, start);
		uint32_t end = vma->first + vma->nr_pages;

		if (is_scanned(vma)) {
			end = piece_end(start, nr_left, vma);
			if (mark_ptes(m, task, vma, start, end))
				nr_left -= end - start;
			virtual_left -= end - start;
		}
		start = end;
	}
	return start;
}

void numa_balancing_scan(struct rcl_machine *m, struct task *task)
{
	uint64_t now = task->clock_ns;

	if (task->numa_scan_period_ms == 0)
		task->numa_scan_period_ms = least_period_ms(m, nr_windows(m, task));
	task->numa_next_scan_ns = now + (uint64_t)task->numa_scan_period_ms * NS_PER_MS;
	/* Only the default policy has MPOL_F_MOF: who placed pages by hand keeps them there. */
	if (task->mempolicy != RCL_MEMPOLICY_DEFAULT)
		return;
	task->numa_scan_offset = scan_piece(m, task, task->numa_scan_offset);
	if (task->numa_scan_offset >= task->nr_pages) {
		task->numa_scan_offset = 0;
		task->numa_scan_seq++;
	}
}

/*
 * update_task_scan_period(), after a round of the scanner. Faults on slow memory do not count there, only
 * those whose page came to the fast tier; they are all of this task, hence private: the period grows by
 * three tenths, or doubles where there were none.
 */
static void update_scan_period(struct rcl_machine *m, struct task *task)
{
	uint32_t windows, least_ms, most_ms, period_ms = task->numa_scan_period_ms;

	if (task->numa_seen_seq == task->numa_scan_seq)
		return;
	task->numa_seen_seq = task->numa_scan_seq;
	windows = nr_windows(m, task);
	least_ms = least_period_ms(m, windows);
	most_ms = most_period_ms(m, windows, least_ms);
	if (task->nr_numa_faults == 0) {
		period_ms *= 2;
	} else {
		period_ms += PRIVATE_SLOTS * ((period_ms + NUMA_PERIOD_SLOTS - 1) / NUMA_PERIOD_SLOTS);
		period_ms = period_ms < least_ms ? least_ms : period_ms;
	}
	period_ms = period_ms > most_ms ? most_ms : period_ms;
	if (task->nr_numa_faults == 0)
		task->numa_next_scan_ns = task->clock_ns + (uint64_t)period_ms * NS_PER_MS;
	task->numa_scan_period_ms = period_ms;
	task->nr_numa_faults = 0;
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
	uint32_t period_ms = m->config.numa_scan_period_max_ms, now = now_ms(m);
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
	uint32_t now = now_ms(m);

	count_candidate(node, folio);
	if (now - node->rate_start_ms > 1000) {
		node->rate_start_ms = now;
		node->rate_nr_candidates = node->nr_candidates;
	}
	return node->nr_candidates - node->rate_nr_candidates >= rate_limit_pages(m);
}

bool numa_balancing_is_hot(struct rcl_machine *m, struct folio *folio, struct node *target, uint64_t latency_ms)
{
	uint32_t threshold;

	if (has_enough_free(target)) {
		target->hot_threshold_ms = 0;
		return true;
	}
	adjust_threshold(m, target);
	threshold = target->hot_threshold_ms ? target->hot_threshold_ms : m->config.numa_hot_threshold_ms;
	return latency_ms < threshold && !is_over_rate(m, target, folio);
}

static bool is_promoted(struct rcl_machine *m, struct folio *folio, struct node *target, uint64_t latency_ms)
{
	struct lruvec *lruvec = folio_lruvec(folio);

	if (!lruvec->att->ops.promote)
		return numa_balancing_is_hot(m, folio, target, latency_ms);
	if (ask_promote(m, lruvec, folio, target->pub.nid, latency_ms) != RCL_PROMOTION_PROMOTE)
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

/* migrate_misplaced_folio_prepare(), and the frame. */
static struct folio *prepare_target(struct rcl_machine *m, const struct task *task, const struct vma *vma,
				    struct folio *folio, struct node *target)
{
	struct placement place = { .home = target, .allowed = (uint16_t)(1u << target->pub.nid) };

	if (folio->pub.type == RCL_FILE &&
	    ((vma->flags & RCL_MAPPING_EXEC && folio->rmap_more != RCL_NIL) ||
	     folio->pub.flags & (RCL_FOLIO_IS_DIRTY | RCL_FOLIO_IS_WRITEBACK)))
		return NULL;
	if (target->pub.nr_free_pages <= target->pub.high_wmark + folio->pub.nr_pages) {
		kswapd_wake(m, target);
		return NULL;
	}
	if (folio->transit != RCL_TRANSIT_NONE)
		return NULL;
	if (!migrate_is_possible(folio)) {
		count(folio_lruvec(folio), RCL_PGMIGRATE_FAIL, folio->pub.nr_pages);
		return NULL;
	}
	return node_alloc_nowait(m, memcg_of(folio->pub.memcg), task->nid, &place, folio->pub.order);
}

static void promote(struct rcl_machine *m, struct task *task, struct folio *folio, struct folio *frame)
{
	uint64_t nr_pages = folio->pub.nr_pages;

	lru_del_folio(m, folio_lruvec(folio), folio);
	lru_mark_isolated(folio);
	migrate_folio(m, folio, frame, RCL_MIGRATED_PROMOTED);
	count(folio_lruvec(frame), RCL_NUMA_PAGES_MIGRATED, nr_pages);
	if (numa_is_toptier(m, frame->pub.nid))
		count(folio_lruvec(frame), RCL_PGPROMOTE_SUCCESS, nr_pages);
	update_scan_period(m, task);
	task->nr_numa_faults += nr_pages;
}

void numa_balancing_fault(struct rcl_machine *m, struct task *task, uint32_t vpn)
{
	struct folio *folio = page_folio(m, task->ptes[vpn] >> PTE_SHIFT), *frame;
	const struct vma *vma = vma_find(task, vpn);
	struct node *target = &m->nodes[task->nid];
	uint64_t latency_ms = now_ms(m) - m->access_ms[folio->pub.pfn];

	if (RCL_UNLIKELY(folio_is_large(folio)))
		restore_large(m, task, vma, vpn, folio);
	else
		task->ptes[vpn] = restored_pte(folio, vma, task->ptes[vpn]);
	count(task_lruvec(task), RCL_NUMA_HINT_FAULTS, 1);
	m->access_ms[folio->pub.pfn] = now_ms(m);
	if (target->pub.tier >= m->nodes[folio->pub.nid].pub.tier || !is_promoted(m, folio, target, latency_ms))
		return;
	frame = prepare_target(m, task, vma, folio, target);
	if (frame)
		promote(m, task, folio, frame);
}
