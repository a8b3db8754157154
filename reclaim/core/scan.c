/*
 * Scanning, see scan.h. Models shrink_node_memcgs(), shrink_lruvec(), isolate_lru_folios() and
 * shrink_active_list() (mm/vmscan.c v6.12), with the policy's answers in the place of the
 * kernel's preferences.
 *
 * When does a pass over one lruvec end? When the policy says STOP or QUIT. For a policy without
 * pass_begin, which plans nothing, the core also ends it when the target is met or when the
 * priority's share of the lruvec (pages >> priority, at least one batch) was looked at; so a
 * policy of three hooks need not know about priorities. A policy with pass_begin decides for
 * itself (trad and MGLRU go on after the target, each in its own way) within the limits below.
 */
#include "scan.h"

#include "batches.h"
#include "demote.h"
#include "events.h"
#include "flusher.h"
#include "hooks.h"
#include "large_folio.h"
#include "memcg.h"
#include "memcg_ring.h"
#include "mlock.h"
#include "offline.h"
#include "plug.h"
#include "policy.h"
#include "scored.h"
#include "shrink.h"
#include "swap.h"
#include "throttle.h"
#include "trace.h"
#include "workingset.h"

#define MAX_IDLE_BATCHES 64		/* ours: answers in a row that looked at nothing, AGE among them; a
					 * policy that tries each of 64 generations once gets there */
#define PREFETCH_CANDIDATES 16		/* ours: a DRAM access is about as long as asking about sixteen */
#define LEAST_SKIP_PRIORITY 3		/* ours: below it a reclaim looks at a quarter of each list and more,
					 * because nothing else gave way */
#define RING_VISITS 4			/* ours: a memcg that wants to be visited again in the same round is so a few
					 * times, not for ever */
#define MAX_LAPS 2			/* ours: a pass looks at each page of the lruvec at most twice, the
					 * second time after its reference was cleared */

void scan_begin(struct rcl_machine *m, struct scan *sc, struct memcg *target, enum rcl_origin origin,
		uint64_t nr_to_reclaim)
{
	*sc = (struct scan){ .target = target };
	sc->pub.target = target ? &target->pub : NULL;
	sc->pub.is_root_reclaim = !target || target == m->memcgs[0];
	sc->pub.origin = (uint8_t)origin;
	/* More than any machine has may be asked for (memory.reclaim); policies are proved with what one can have. */
	sc->pub.nr_to_reclaim = nr_to_reclaim < RCL_MAX_PAGES ? nr_to_reclaim : RCL_MAX_PAGES;
	sc->pub.priority = RCL_DEF_PRIORITY;
	sc->pub.swappiness = (uint8_t)(target ? target->pub.swappiness : m->memcgs[0]->pub.swappiness);
	sc->pub.may_writepage = 1;
	sc->pub.may_unmap = 1;
	sc->pub.slot = m->actor ? 1 + m->actor->number : 0;
	sc->pub.can_age_anon = m->nr_swap_slots > 0;
	sc->may_swap = true;
	sc->is_kswapd = origin == RCL_ORIGIN_KSWAPD;
	sc->may_walk_partially = !sc->is_kswapd;
	sc->nodes = UINT16_MAX;
	policy_init_scan(m, sc->pub.slot);
	m->scan = sc;
}

void scan_end(struct rcl_machine *m, struct scan *outer)
{
	m->scan = outer;
}

/* Whether reclaim could free the folio at all right now. */
static inline bool is_reclaimable(const struct folio *folio, const struct scan *sc)
{
	if (folio->pub.type == RCL_ANON ? !sc->pub.may_swap && folio->swap_slot == RCL_NIL
					: sc->pub.swappiness == RCL_SWAPPINESS_ANON_ONLY)
		return false;
	return sc->pub.may_unmap || !(folio->pub.flags & RCL_FOLIO_IS_MAPPED);
}

/* Ask about one candidate, already unlinked; answers whether it was taken. A locked folio is let
 * through, and culled when it is to be shrunk (sort_folio(), shrink_folio_list()). */
static inline bool take_candidate(struct rcl_machine *m, struct lruvec *lruvec, struct scan *sc,
				  struct folio *folio, struct rcl_batch_result *result, uint32_t *nr_skipped)
{
	uint64_t answer, place;

	if (RCL_UNLIKELY(!folio_is_evictable(folio))) {
		answer = RCL_ISOLATION_TAKE;
	} else if (RCL_UNLIKELY(!is_reclaimable(folio, sc))) {
		count_core_did(lruvec, RCL_SKIPPED_UNRECLAIMABLE, folio->pub.nr_pages);
		answer = RCL_ISOLATION_SKIP;
	} else {
		answer = ask_isolate_folio(m, lruvec, folio, sc);
	}
	if (RCL_LIKELY(answer == RCL_ISOLATION_TAKE)) {
		lru_account(lruvec, folio, -1);
		lru_mark_isolated(folio);
		return true;
	}
	place = answer >> RCL_MOVE_PLACE_SHIFT;
	if ((answer & 0xff) == RCL_ISOLATION_MOVE && place_is_valid(lruvec, place)) {
		lru_account(lruvec, folio, -1);
		lru_add_folio(m, lruvec, folio, place_list(place), place_at_tail(place));
		result->nr_moved += folio->pub.nr_pages;
		count(lruvec, RCL_PGREFILL, folio->pub.nr_pages);
		return false;
	}
	if (answer != RCL_ISOLATION_SKIP)
		hook_refuse(m, lruvec, RCL_HOOK_ISOLATE_FOLIO);
	result->nr_skipped += folio->pub.nr_pages;
	m->skipped[(*nr_skipped)++] = folio->pub.pfn;
	return false;
}

/* Put skipped candidates to the head of the list, keeping their order. */
static void return_skipped(struct rcl_machine *m, struct lruvec *lruvec, uint32_t list, uint32_t nr)
{
	for (uint32_t i = 0; i < nr; i++) {
		struct folio *folio = folio_at(m, m->skipped[i]);

		folio->transit = RCL_TRANSIT_NONE;
		lru_link(m, lruvec, folio, list, false);
	}
}

/* Fetch a folio that is a candidate soon; answers the one after it. Links of folios that were moved
 * meanwhile lead elsewhere, which costs a useless fetch and nothing else. */
static inline uint32_t prefetch_folio(const struct rcl_machine *m, uint32_t pfn)
{
	if (pfn == RCL_NIL)
		return RCL_NIL;
	__builtin_prefetch(folio_at(m, pfn), 1);
	return link_at(m, pfn)->prev;
}

/* Take up to nr pages from the tail of a list, looking at no more than nr_look folios; answers how
 * many folios were taken, result->nr_taken says how many pages. */
static uint32_t isolate_folios(struct rcl_machine *m, struct lruvec *lruvec, struct scan *sc, uint32_t nr,
			       uint64_t nr_look, struct rcl_batch_result *result)
{
	struct lru_list *lru = &lruvec->lists[result->list];
	uint64_t on_list = lru->nr_folios;
	uint32_t nr_skipped = 0, nr_isolated = 0, ahead = lru->tail;
	uint64_t nr_looked = 0;

	if (nr_look > on_list)
		nr_look = on_list;
	for (uint64_t i = 0; i < PREFETCH_CANDIDATES && i < nr && i < nr_look; i++)
		ahead = prefetch_folio(m, ahead);
	while (result->nr_taken < nr && nr_looked < nr_look) {
		struct folio *folio;

		if (RCL_UNLIKELY(lru->tail == RCL_NIL))
			break;		/* the hook moved the rest away */
		folio = folio_at(m, lru->tail);
		result->nr_scanned += folio->pub.nr_pages;
		nr_looked++;
		lru_unlink(m, lruvec, folio);
		ahead = prefetch_folio(m, ahead);
		folio->transit = RCL_TRANSIT_CANDIDATE;
		if (!take_candidate(m, lruvec, sc, folio, result, &nr_skipped))
			continue;
		shrink_prefetch(m, folio);
		m->isolated[nr_isolated++] = folio->pub.pfn;
		result->nr_taken += folio->pub.nr_pages;
		count_typed_pages(lruvec, RCL_PGSCAN_ANON, folio);
	}
	return_skipped(m, lruvec, result->list, nr_skipped);
	spend_locked(m, lruvec, nr_looked * m->config.costs.isolate_ns);
	return nr_isolated;
}

static void trace_isolate(struct rcl_machine *m, const struct lruvec *lruvec, uint64_t nr, uint64_t lru,
			  const struct rcl_batch_result *result)
{
	TRACE(m, memcg_of(lruvec->pub.memcg), mm_vmscan_lru_isolate, .nr_requested = nr, .nr_scanned = result->nr_scanned,
	      .nr_skipped = result->nr_skipped, .nr_taken = result->nr_taken, .lru = lru, .nid = lruvec->pub.nid,
	      .list = result->list, .nr_moved = result->nr_moved);
}

static void trace_shrink_inactive(struct rcl_machine *m, const struct lruvec *lruvec, const struct scan *sc,
				  uint64_t lru, const struct rcl_batch_result *result)
{
	TRACE(m, memcg_of(lruvec->pub.memcg), mm_vmscan_lru_shrink_inactive, .nid = lruvec->pub.nid,
	      .nr_scanned = result->nr_taken, .nr_reclaimed = result->nr_reclaimed, .nr_dirty = result->nr_dirty,
	      .nr_writeback = result->nr_writeback, .nr_congested = result->nr_congested,
	      .nr_immediate = result->nr_immediate,
	      .nr_activate_anon = m->batch.nr_activate[RCL_ANON], .nr_activate_file = m->batch.nr_activate[RCL_FILE],
	      .nr_ref_keep = m->batch.nr_ref_keep, .priority = sc->pub.priority,
	      .reclaim_flags = trace_reclaim_flags(lru / 2), .list = result->list);
}

static bool has_own_lists(const struct lruvec *lruvec)
{
	return lruvec->nr_lists > RCL_NR_STANDARD_LISTS;
}

/* Add up what a batch met, and wake the flusher where it was nothing but dirty pages that nobody writes
 * (shrink_inactive_list()). MGLRU adds up only what the flusher is woken for (evict_folios()), and so do
 * all policies with lists of their own here: nobody waits for writes on their account. */
static void note_writeback(struct rcl_machine *m, const struct lruvec *lruvec, struct scan *sc,
			   const struct rcl_batch_result *result, bool is_file)
{
	if (is_file)
		sc->nr.file_taken += result->nr_taken;
	sc->nr.unqueued_dirty += result->nr_unqueued_dirty;
	if (has_own_lists(lruvec))
		return;
	sc->nr.taken += result->nr_taken;
	if (RCL_LIKELY(result->nr_dirty == 0 && result->nr_writeback == 0))
		return;
	sc->nr.dirty += result->nr_dirty;
	sc->nr.congested += result->nr_congested;
	sc->nr.writeback += result->nr_writeback;
	sc->nr.immediate += result->nr_immediate;
	if (result->nr_unqueued_dirty == result->nr_taken && m->config.writeback)
		flusher_wake_all(m);
}

/* The same at the end of a lruvec's pass, for all that the pass over the node met so far (try_to_shrink_lruvec()). */
static void wake_flusher_after_pass(struct rcl_machine *m, const struct lruvec *lruvec, const struct scan *sc)
{
	if (sc->nr.unqueued_dirty && sc->nr.unqueued_dirty == sc->nr.file_taken && has_own_lists(lruvec) &&
	    m->config.writeback)
		flusher_wake_all(m);
}

/* lru_add_drain(): what is on its way to the lists, before each batch of the kernel's lists, and once per
 * pass for a policy with lists of its own. */
static void drain(struct rcl_machine *m)
{
	if (m->current)
		batches_drain(m, m->current);
}

static void run_reclaim_batch(struct rcl_machine *m, struct lruvec *lruvec, struct scan *sc, uint64_t answer,
			      struct rcl_batch_result *result)
{
	uint64_t nr = (answer >> RCL_BATCH_NR_SHIFT) & 0xffff;
	uint64_t nr_look = (answer >> RCL_BATCH_SCAN_SHIFT) & 0xffff;
	uint64_t nr_requested = nr_look ? nr_look : nr;		/* scan_folios() traces MAX_LRU_BATCH */
	bool is_scored = (answer & 0xff) == RCL_BATCH_LOWEST;
	uint64_t lru = trace_lru_of_list(m, lruvec, result->list);
	uint32_t nr_isolated;
	bool is_file;

	/* Only a machine set below the kernel's batch caps what policies ask for: MGLRU takes 64. */
	if (m->config.reclaim_batch_pages < SWAP_CLUSTER_MAX && nr > m->config.reclaim_batch_pages)
		nr = m->config.reclaim_batch_pages;
	if (nr_look == 0)
		nr_look = RCL_MAX_BATCH;
	nr_isolated = isolate_folios(m, lruvec, sc, (uint32_t)(is_scored ? nr_look : nr), nr_look, result);
	sc->pub.nr_scanned += result->nr_taken;
	count(lruvec, sc->is_kswapd ? RCL_PGSCAN_KSWAPD : RCL_PGSCAN_DIRECT, result->nr_taken);
	if (RCL_UNLIKELY(is_scored))
		nr_isolated = scored_choose(m, lruvec, sc, (uint32_t)nr, nr_isolated, result);
	trace_isolate(m, lruvec, nr_requested, lru, result);
	ask_batch_isolated(m, lruvec, sc, result);
	is_file = nr_isolated && folio_at(m, m->isolated[0])->pub.type == RCL_FILE;
	shrink_folio_list(m, lruvec, sc, nr_isolated, result);
	if (nr_isolated)
		trace_shrink_inactive(m, lruvec, sc, lru, result);
	note_writeback(m, lruvec, sc, result, is_file);
}

/* shrink_active_list() without its preference. */
static void run_deactivate_batch(struct rcl_machine *m, struct lruvec *lruvec, struct scan *sc, uint64_t answer,
				 struct rcl_batch_result *result)
{
	struct lru_list *lru = &lruvec->lists[result->list];
	uint64_t nr = (answer >> RCL_DEACTIVATE_NR_SHIFT) & 0xffff, left = lru->nr_folios, nr_folios = left;
	uint64_t traced_lru = trace_lru_of_list(m, lruvec, result->list), nr_deactivated = 0;

	/* What comes back to this list is not looked at again. */
	for (; result->nr_scanned < nr && left > 0 && lru->tail != RCL_NIL; left--) {
		struct folio *folio = folio_at(m, lru->tail);
		uint32_t flags = folio->pub.flags;
		uint64_t place;

		result->nr_scanned += folio->pub.nr_pages;
		lru_unlink(m, lruvec, folio);
		lru_account(lruvec, folio, -1);
		lru_mark_isolated(folio);
		if (RCL_UNLIKELY(!folio_is_evictable(folio))) {
			mlock_add_unevictable(m, folio);
			continue;
		}
		place = ask_deactivate_folio(m, lruvec, folio, sc);
		lru_add_folio(m, lruvec, folio, place_list(place), place_at_tail(place));
		if (folio->pub.flags & RCL_FOLIO_IS_ACTIVE) {
			workingset_age(lruvec, folio->pub.nr_pages);
			result->nr_rotated += folio->pub.nr_pages;
		} else if (flags & RCL_FOLIO_IS_ACTIVE) {
			count(lruvec, RCL_PGDEACTIVATE, folio->pub.nr_pages);
			nr_deactivated += folio->pub.nr_pages;
		}
	}
	result->nr_taken = result->nr_scanned;
	trace_isolate(m, lruvec, nr, traced_lru, result);
	TRACE(m, memcg_of(lruvec->pub.memcg), mm_vmscan_lru_shrink_active, .nid = lruvec->pub.nid,
	      .nr_taken = result->nr_taken, .nr_active = result->nr_rotated, .nr_deactivated = nr_deactivated,
	      .nr_referenced = result->nr_rotated, .priority = sc->pub.priority,
	      .reclaim_flags = trace_reclaim_flags((uint32_t)traced_lru / 2));
	count(lruvec, RCL_PGREFILL, result->nr_scanned);
	spend_locked(m, lruvec, (nr_folios - left) * (m->config.costs.isolate_ns + m->config.costs.list_move_ns));
	spend(m, (nr_folios - left) * m->config.costs.hook_ns);
}

static bool is_batch_valid(const struct lruvec *lruvec, uint64_t answer)
{
	uint32_t kind = answer & 0xff, list = place_list(answer);
	uint64_t nr = (answer >> RCL_BATCH_NR_SHIFT) & 0xffff, look = answer >> RCL_BATCH_SCAN_SHIFT;

	if (kind == RCL_BATCH_AGE)
		return answer == RCL_BATCH_AGE;
	if (kind == RCL_BATCH_LOWEST && (look < 1 || look > RCL_MAX_TAKE))
		return false;
	return (kind == RCL_BATCH_LOWEST || kind == RCL_BATCH_BATCH || kind == RCL_BATCH_DEACTIVATE) && list > 0 && list < lruvec->nr_lists &&
	       nr >= 1 && nr <= RCL_MAX_TAKE && look <= RCL_MAX_BATCH;
}

/* A batch of the kernel's lists (shrink_inactive_list(), shrink_active_list()). The policy may be another
 * one after a wait. */
static void run_standard_batch(struct rcl_machine *m, struct lruvec *lruvec, struct scan *sc, uint64_t answer,
			       struct rcl_batch_result *result)
{
	struct node *node = &m->nodes[lruvec->pub.nid];
	uint32_t type = result->list >= RCL_STANDARD_LIST_INACTIVE_FILE ? RCL_FILE : RCL_ANON;
	bool is_reclaim = result->kind == RCL_BATCH_KIND_RECLAIMED;
	uint64_t start_ns;

	if (is_reclaim && (!throttle_may_isolate(m, sc, node, type) || !is_batch_valid(lruvec, answer)))
		return;
	drain(m);
	start_ns = *m->clock;
	if (is_reclaim)
		run_reclaim_batch(m, lruvec, sc, answer, result);
	else
		run_deactivate_batch(m, lruvec, sc, answer, result);
	throttle_note_isolated(m, node, type, result->nr_taken, start_ns);
}

/* Carry out one answer of next_batch that is neither STOP nor QUIT. */
static void run_batch(struct rcl_machine *m, struct lruvec *lruvec, struct scan *sc, uint64_t answer,
		      struct rcl_batch_result *result)
{
	uint64_t kind = answer & 0xff;
	bool is_reclaim = kind == RCL_BATCH_BATCH || kind == RCL_BATCH_LOWEST;

	*result = (struct rcl_batch_result){ .list = (uint8_t)place_list(answer) };
	if (is_reclaim || kind == RCL_BATCH_DEACTIVATE) {
		result->kind = is_reclaim ? RCL_BATCH_KIND_RECLAIMED : RCL_BATCH_KIND_DEACTIVATED;
		if (!has_own_lists(lruvec))
			run_standard_batch(m, lruvec, sc, answer, result);
		else if (is_reclaim)
			run_reclaim_batch(m, lruvec, sc, answer, result);
		else
			run_deactivate_batch(m, lruvec, sc, answer, result);
	} else {
		result->kind = RCL_BATCH_KIND_AGED;
		result->list = 0;
		TRACE(m, memcg_of(lruvec->pub.memcg), lru_age_begin, .nid = lruvec->pub.nid, .priority = sc->pub.priority);
		ask_age(m, lruvec, sc);
		TRACE(m, memcg_of(lruvec->pub.memcg), lru_age_end, .nid = lruvec->pub.nid);
		return;
	}
	ask_batch_done(m, lruvec, sc, result);
}

/* The core's own limits; true ends the pass. */
static bool is_pass_over(const struct scan *sc, struct scan_pass *pass)
{
	pass->nr_looked += pass->last.nr_scanned;
	pass->nr_idle = pass->last.nr_scanned ? 0 : pass->nr_idle + 1;
	if (!pass->lruvec->att->plans_pass &&
	    (sc->pub.nr_reclaimed >= sc->pub.nr_to_reclaim || pass->nr_looked >= pass->soft_limit))
		return true;
	if (pass->nr_looked < pass->hard_limit && pass->nr_idle < MAX_IDLE_BATCHES)
		return false;
	count_core_did(pass->lruvec, RCL_BATCH_LIMIT_HIT, 1);
	return true;
}

/* A pass holds its writes back until it ends; one round the ring until all of them have (lru_gen_shrink_node()). */
static void begin_plug(struct rcl_machine *m, struct scan *sc)
{
	if (!sc->is_plugged)
		plug_start(m);
	sc->is_plugged = true;
}

static void end_plug(struct rcl_machine *m, struct scan *sc)
{
	if (sc->is_plugged)
		plug_finish(m);
	sc->is_plugged = false;
}

/* What may be taken from a lruvec (can_reclaim_anon_pages(), can_age_anon_pages(), sc_swappiness()). */
static void set_permissions(struct rcl_machine *m, struct scan *sc, const struct lruvec *lruvec)
{
	if (!sc->has_swappiness)
		sc->pub.swappiness = (uint8_t)lruvec->pub.memcg->swappiness;
	sc->pub.may_demote = demote_is_possible(m, lruvec->pub.nid);
	sc->pub.can_age_anon = m->nr_swap_slots > 0 || sc->pub.may_demote;
	sc->pub.may_swap = sc->may_swap && (swap_available(m, memcg_of(lruvec->pub.memcg)) > 0 || sc->pub.may_demote);
}

/* shrink_lruvec(), up to its first batch. */
static void begin_pass(struct rcl_machine *m, struct scan *sc)
{
	struct scan_pass *pass = &sc->walk.pass;
	struct lruvec *lruvec = pass->lruvec;

	set_permissions(m, sc, lruvec);
	pass->nr_reclaimed_before = sc->pub.nr_reclaimed;
	sc->pub.nr_freed = 0;
	begin_plug(m, sc);
	ask_pass_begin(m, lruvec, sc);
	if (has_own_lists(lruvec) && !sc->walk.is_ring)
		drain(m);	/* lru_gen_shrink_lruvec() */
	pass->soft_limit = lruvec->pub.nr_pages >> sc->pub.priority;
	pass->hard_limit = MAX_LAPS * lruvec->pub.nr_pages + RCL_MAX_BATCH;
}

/* One batch of the pass; false when the pass is over. What others did since the last one may have ended it. */
static bool step_pass(struct rcl_machine *m, struct scan *sc)
{
	struct scan_pass *pass = &sc->walk.pass;
	struct lruvec *lruvec = pass->lruvec;
	uint64_t answer;

	if (lruvec->att != pass->att || lruvec->att->eject_pending)
		return false;
	answer = ask_next_batch(m, lruvec, sc, &pass->last);
	if (answer == RCL_BATCH_QUIT)
		sc->quit = true;
	if (answer == RCL_BATCH_QUIT || answer == RCL_BATCH_STOP)
		return false;
	if (!is_batch_valid(lruvec, answer)) {
		hook_refuse(m, lruvec, RCL_HOOK_NEXT_BATCH);
		return false;
	}
	run_batch(m, lruvec, sc, answer, &pass->last);
	sc->pub.nr_freed = sc->pub.nr_reclaimed - pass->nr_reclaimed_before;
	return !is_pass_over(sc, pass);
}

/* A policy may lower the priority, from which the reclaim goes on; raising it would have no end. */
static void hold_priority(struct scan *sc, uint8_t before)
{
	if (sc->pub.priority > before)
		sc->pub.priority = before;
}

/* Whether the walk stops at a memcg. Its min is kept always, its low until the ladder gives it up, and
 * what a policy skips beyond that until little else is left.
 * SIMPLIFIED: who is left out round the ring makes direct reclaim begin once more without memory.low, as where the tree
 * is walked; effect: under mglru one ladder more before somebody is killed. */
static bool is_visited(struct rcl_machine *m, struct scan *sc, struct memcg *root, struct lruvec *lruvec)
{
	struct memcg *memcg = memcg_of(lruvec->pub.memcg);
	bool is_low = memcg != root && memcg->pub.effective_low >= memcg->pub.usage, holds = is_low && !sc->pub.low_reclaim;
	uint64_t answer;

	if (memcg != root && memcg->pub.effective_min >= memcg->pub.usage)
		return false;
	policy_prepare_scan(m, &root->lruvecs[lruvec->pub.nid], lruvec, sc);
	answer = ask_memcg_scan(m, lruvec, sc, holds ? RCL_VISIT_SKIP : RCL_VISIT_SCAN);
	hold_priority(sc, sc->walk.priority);
	if (answer == RCL_VISIT_QUIT)
		sc->quit = true;
	if (answer == RCL_VISIT_SKIP && holds)
		sc->pub.low_skipped = 1;
	if (answer == RCL_VISIT_QUIT || (answer == RCL_VISIT_SKIP && (holds || sc->pub.priority >= LEAST_SKIP_PRIORITY)))
		return false;
	if (is_low)
		count(&memcg->lruvecs[0], RCL_MEMORY_EVENTS_LOW, 1);
	return true;
}

/* What follows a pass, whoever made it. */
static void end_pass(struct rcl_machine *m, struct scan *sc)
{
	struct lruvec *lruvec = sc->walk.pass.lruvec;
	struct memcg *memcg = memcg_of(lruvec->pub.memcg);

	if (!sc->walk.is_ring)
		end_plug(m, sc);
	spend(m, m->config.costs.shrink_slab_ns);
	wake_flusher_after_pass(m, lruvec, sc);
	if (RCL_UNLIKELY(memcg->deferred_split.nr_folios))
		large_scan_deferred(m, memcg, sc->pub.priority);
}

/* The walk reaches a lruvec (shrink_one(), the body of shrink_node_memcgs()). */
static void begin_visit(struct rcl_machine *m, struct scan *sc, struct lruvec *lruvec)
{
	sc->walk.pass = (struct scan_pass){ .lruvec = lruvec, .att = lruvec->att,
					    .last = { .kind = RCL_BATCH_KIND_FIRST } };
	sc->walk.pass.is_skipped = !is_visited(m, sc, sc->walk.root, lruvec);
	if (!sc->walk.pass.is_skipped)
		begin_pass(m, sc);
}

/* It leaves a lruvec. */
static void end_visit(struct rcl_machine *m, struct scan *sc)
{
	struct scan_walk *walk = &sc->walk;
	struct lruvec *lruvec = walk->pass.lruvec;
	bool was_scanned = !walk->pass.is_skipped;
	uint64_t rotation;

	walk->pass.lruvec = NULL;
	rotation = ask_memcg_done(m, lruvec, sc, was_scanned ? RCL_VISITED_SCANNED : RCL_VISITED_SKIPPED);
	policy_run_ejections(m);
	if (rotation > RCL_ROTATION_YOUNG)
		hook_refuse(m, lruvec, RCL_HOOK_MEMCG_DONE);
	else if (rotation != RCL_ROTATION_KEEP)
		memcg_ring_rotate(m, lruvec, (enum rcl_rotation)rotation);
	/* should_abort_scan() of shrink_many(), after any memcg; shrink_node_memcgs() passes by whom it skips. */
	walk->is_over = sc->pub.nr_reclaimed >= sc->pub.nr_to_reclaim &&
			(walk->is_ring || (was_scanned && sc->may_walk_partially));
}

/*
 * Where a walk of the tree begins (mem_cgroup_iter()): a partial one goes on behind the memcg that the
 * last one visited, and from the root again once one has come to the end; a full one begins at the root.
 */
static uint32_t first_of_walk(const struct rcl_machine *m, const struct scan *sc, const struct memcg *root, uint32_t nid)
{
	uint32_t last = root->resume[nid], at;

	if (!sc->may_walk_partially || last == RCL_NIL)
		return 0;
	at = m->memcgs[last]->order - root->order + 1;
	return at < root->nr_subtree ? at : 0;
}

static struct lruvec *next_of_tree(struct rcl_machine *m, struct scan *sc)
{
	struct scan_walk *walk = &sc->walk;
	struct memcg *memcg;

	if (walk->at >= walk->root->nr_subtree)
		return NULL;
	memcg = m->memcgs[m->memcg_order[walk->root->order + walk->at++]];
	if (sc->may_walk_partially)
		walk->root->resume[walk->nid] = memcg->pub.id;
	memcg_calculate_protection(walk->root, memcg);
	return &memcg->lruvecs[walk->nid];
}

/* Of the oldest generation of the ring, from a random bin on (shrink_many()). What a memcg may keep was
 * worked out by kswapd's last cycle, as there. One that was moved meanwhile ends its bin. */
static struct lruvec *next_of_ring(struct rcl_machine *m, struct scan_walk *walk)
{
	const struct memcg_ring *ring = &m->nodes[walk->nid].ring;
	struct lruvec *lruvec = walk->next;

	if (lruvec && (lruvec->ring_gen != walk->gen || lruvec->ring_bin != walk->bin))
		lruvec = NULL;
	while (!lruvec && walk->nr_bins < MEMCG_NR_BINS) {
		walk->bin = (walk->bin + 1) % MEMCG_NR_BINS;
		walk->nr_bins++;
		lruvec = ring->fifo[walk->gen][walk->bin].head;
	}
	if (!lruvec || walk->nr_visits_left == 0)
		return NULL;
	walk->nr_visits_left--;
	walk->next = lruvec->ring_next;
	return lruvec;
}

void scan_begin_node(struct rcl_machine *m, struct scan *sc, uint32_t nid)
{
	struct memcg *root = sc->target ? sc->target : m->memcgs[0];

	sc->nr = (struct scan_writeback){ 0 };
	sc->round = ++m->nr_rounds;
	sc->walk = (struct scan_walk){ .root = root, .nid = nid, .priority = sc->pub.priority,
				       .nr_reclaimed_before = sc->pub.nr_reclaimed };
	sc->walk.is_ring = root == m->memcgs[0] && root->lruvecs[nid].att->ops.memcg_done;
	if (sc->walk.is_ring) {
		sc->walk.gen = m->nodes[nid].ring.seq % MEMCG_NR_GENS;
		sc->walk.bin = memcg_ring_random_bin(m) + MEMCG_NR_BINS - 1;	/* before the first */
		sc->walk.nr_visits_left = RING_VISITS * (uint64_t)m->nr_memcgs;
		drain(m);	/* once per round (lru_gen_shrink_node()) */
		if (sc->is_kswapd)
			sc->pub.nr_reclaimed = 0;	/* what it freed before does not end the round */
	} else {
		sc->walk.at = first_of_walk(m, sc, root, nid);
	}
}

bool scan_step(struct rcl_machine *m, struct scan *sc)
{
	struct scan_walk *walk = &sc->walk;
	struct scan_pass *pass = &walk->pass;
	uint64_t start_ns = *m->clock;
	struct lruvec *lruvec = pass->lruvec;
	bool goes_on;

	if (!lruvec) {
		if (walk->is_over || sc->quit)
			return false;
		lruvec = walk->is_ring ? next_of_ring(m, walk) : next_of_tree(m, sc);
		if (!lruvec)
			return false;
		if (memcg_is_gone(memcg_of(lruvec->pub.memcg)))
			return true;
		begin_visit(m, sc, lruvec);
	}
	goes_on = !pass->is_skipped && step_pass(m, sc);
	if (!goes_on && !pass->is_skipped)
		end_pass(m, sc);
	count(lruvec, sc->is_kswapd ? RCL_RECLAIM_KSWAPD_NS : RCL_RECLAIM_DIRECT_NS, *m->clock - start_ns);
	if (!goes_on)
		end_visit(m, sc);
	return true;
}

void scan_end_node(struct rcl_machine *m, struct scan *sc)
{
	struct node *node = &m->nodes[sc->walk.nid];

	end_plug(m, sc);
	if (sc->walk.is_ring && sc->is_kswapd)
		sc->pub.nr_reclaimed += sc->walk.nr_reclaimed_before;
	hold_priority(sc, sc->walk.priority);
	if (sc->pub.nr_reclaimed > sc->walk.nr_reclaimed_before)
		node->kswapd.nr_failures = 0;	/* there is hope again (shrink_node()) */
	else if (sc->pub.cache_trim_mode)
		sc->cache_trim_mode_failed = true;
	throttle_after_node(m, sc, node);
}

void scan_node(struct rcl_machine *m, struct scan *sc, uint32_t nid)
{
	scan_begin_node(m, sc, nid);
	while (!is_interrupted(m) && scan_step(m, sc))
		events_run_due(m);
	scan_end_node(m, sc);
}

bool scan_age_node(struct rcl_machine *m, struct scan *sc, uint32_t nid)
{
	struct memcg *root = m->memcgs[0];
	uint8_t priority = sc->pub.priority;
	bool has_old = false;

	for (uint32_t at = 0; at < root->nr_subtree && !m->interrupted; at++) {
		struct memcg *memcg = m->memcgs[m->memcg_order[at]];
		struct lruvec *lruvec = &memcg->lruvecs[nid];
		struct rcl_batch_result result;
		uint64_t answer;

		memcg_calculate_protection(root, memcg);
		set_permissions(m, sc, lruvec);
		answer = ask_node_age(m, lruvec, sc);
		has_old |= answer != RCL_AGING_TOO_YOUNG;
		if (answer == RCL_AGING_TOO_YOUNG || answer == RCL_AGING_OLD_ENOUGH)
			continue;
		if ((answer & 0xff) == RCL_AGING_DEACTIVATE && is_batch_valid(lruvec, answer))
			run_batch(m, lruvec, sc, answer, &result);
		else
			hook_refuse(m, lruvec, RCL_HOOK_NODE_AGE);
	}
	hold_priority(sc, priority);
	policy_run_ejections(m);
	return has_old;
}

/* folio_wait_writeback() for the tail of a list; true where time has passed, so that the list, its tail
 * and who governs the lruvec may be others now. */
static bool wait_for_tail(struct rcl_machine *m, const struct folio *folio)
{
	if (!(folio->pub.flags & RCL_FOLIO_IS_WRITEBACK) || m->next_due_ns == RCL_NEVER)
		return false;
	events_sleep_until(m, m->next_due_ns);
	return true;
}

/* Free up to a batch of pages from the tails of one lruvec, its policy's lists before the kernel's. */
static uint64_t force_lruvec(struct rcl_machine *m, struct lruvec *lruvec, struct scan *sc)
{
	uint64_t nr_freed = 0;

	sc->pub.may_swap = sc->may_swap && swap_available(m, memcg_of(lruvec->pub.memcg)) > 0;
	for (uint32_t i = 0; i + 1 < lruvec->nr_lists && nr_freed < sc->pub.nr_to_reclaim; i++) {
		uint32_t own = lruvec->nr_lists - RCL_NR_STANDARD_LISTS;
		uint32_t list = i < own ? RCL_NR_STANDARD_LISTS + i : i - own + 1;
		const struct lru_list *lru = &lruvec->lists[list];
		uint64_t left = lru->nr_folios;

		while (left-- && lru->tail != RCL_NIL && nr_freed < sc->pub.nr_to_reclaim && !is_interrupted(m)) {
			struct folio *folio = folio_at(m, lru->tail);

			if (wait_for_tail(m, folio))
				continue;
			if (!folio_is_evictable(folio)) {
				lru_del_folio(m, lruvec, folio);
				mlock_add_unevictable(m, folio);
				continue;
			}
			if (!is_reclaimable(folio, sc)) {
				lru_move_folio(m, lruvec, folio, folio->pub.list, false);
				continue;
			}
			count(lruvec, sc->is_kswapd ? RCL_PGSCAN_KSWAPD : RCL_PGSCAN_DIRECT, folio->pub.nr_pages);
			count_typed_pages(lruvec, RCL_PGSCAN_ANON, folio);
			lru_del_folio(m, lruvec, folio);
			lru_mark_isolated(folio);
			nr_freed += shrink_forced(m, lruvec, sc, folio);
		}
	}
	count_core_did(lruvec, RCL_FORCED_RELEASE, nr_freed);
	return nr_freed;
}

uint64_t scan_forced_release(struct rcl_machine *m, struct scan *sc)
{
	struct memcg *root = sc->target ? sc->target : m->memcgs[0];
	uint64_t nr_freed = 0;

	batches_drain_all(m);
	plug_flush(m);
	sc->is_forced = true;
	for (uint32_t i = 0; i < root->nr_subtree && nr_freed < sc->pub.nr_to_reclaim; i++) {
		struct memcg *memcg = m->memcgs[m->memcg_order[root->order + i]];

		memcg_calculate_protection(root, memcg);
		if (memcg != root && memcg->pub.effective_min >= memcg->pub.usage && memcg->pub.usage)
			continue;
		for (uint32_t nid = 0; nid < m->nr_nodes && nr_freed < sc->pub.nr_to_reclaim; nid++) {
			if (sc->nodes >> nid & 1)
				nr_freed += force_lruvec(m, &memcg->lruvecs[nid], sc);
		}
	}
	return nr_freed;
}
