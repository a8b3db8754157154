/*
 * Shrinking, see shrink.h. Models shrink_folio_list(), pageout() and __remove_mapping()
 * (mm/vmscan.c v6.12), move_folios_to_lru(), and the second go of evict_folios() where asked for.
 *
 * A locked folio that was isolated goes to the unevictable list at once, the kernel sends it there
 * through the add batch.
 */
#include "shrink.h"

#include "demote.h"
#include "device.h"
#include "events.h"
#include "hooks.h"
#include "kmem.h"
#include "large_folio.h"
#include "memcg.h"
#include "mlock.h"
#include "node.h"
#include "pagecache.h"
#include "rmap.h"
#include "swap.h"
#include "trace.h"
#include "writeback.h"

/* What RECLAIM came to; outcomes of the ABI are never negative. */
#define FREED (-1)
#define GONE (-2)			/* split, and nothing needed its first page any more */
#define READY (-3)			/* nothing yet: it has its slots */

void shrink_prefetch(struct rcl_machine *m, const struct folio *folio)
{
	if (folio->pub.type == RCL_FILE)
		__builtin_prefetch(pagecache_slot(m, folio), 1);
	if (page_is_mapped(folio))
		__builtin_prefetch(&m->tasks[folio->rmap_task]->ptes[folio->rmap_vpn], 1);
}

/* Whoever is not freed waits for the others, still isolated. */
static void set_aside(struct rcl_machine *m, const struct folio *folio, uint64_t place)
{
	m->kept[m->nr_kept++] = (struct pending_place){ .pfn = folio->pub.pfn, .place = (uint32_t)place };
}

static void put_back(struct rcl_machine *m, struct lruvec *lruvec, struct folio *folio, uint64_t place)
{
	lru_add_folio(m, lruvec, folio, place_list(place), place_at_tail(place));
	/* move_folios_to_lru(): whoever goes back Active ages the absent ones. */
	if (folio->pub.flags & RCL_FOLIO_IS_ACTIVE)
		workingset_age(lruvec, folio->pub.nr_pages);
}

/* move_folios_to_lru(); whoever is to be tried again stays set aside. */
static void put_back_all(struct rcl_machine *m, struct lruvec *lruvec)
{
	uint32_t nr_left = 0;

	for (uint32_t i = 0; i < m->nr_kept; i++) {
		if (RCL_UNLIKELY(m->kept[i].place == RCL_PLACE_RETRY))
			m->kept[nr_left++] = m->kept[i];
		else
			put_back(m, lruvec, folio_at(m, m->kept[i].pfn), m->kept[i].place);
	}
	m->nr_kept = nr_left;
}

/* Slots for anonymous memory, those of a large folio in a row (add_to_swap()). */
static bool add_to_swap(struct rcl_machine *m, struct folio *folio)
{
	struct memcg *memcg = memcg_of(folio->pub.memcg);
	uint32_t slot = RCL_UNLIKELY(folio_is_large(folio)) ? swap_alloc_large(m, memcg, folio->pub.order)
							    : swap_alloc(m, memcg);

	if (slot == RCL_NIL)
		return false;
	swap_cache_add(m, folio, slot);
	folio->pub.flags |= RCL_FOLIO_IS_DIRTY;
	return true;
}

/* A large folio that is mapped in part is split first, one that finds no slots in a row after that.
 * Its tails are the caller's. Answers READY, GONE or why there are none. */
static int add_large_to_swap(struct rcl_machine *m, struct lruvec *lruvec, struct folio *folio)
{
	bool is_partial = folio->pub.flags & FOLIO_PARTIALLY_MAPPED;
	uint32_t order = folio->pub.order;

	if (folio->pins)		/* can_split_folio() */
		return RCL_OUTCOME_SWAP_FULL;
	if (!is_partial && add_to_swap(m, folio))
		return READY;
	large_split(m, folio);
	if (!is_partial) {
		count(lruvec, RCL_MTHP_SWPOUT_FALLBACK, 1);
		if (order == RCL_MAX_ORDER)
			count(lruvec, RCL_THP_SWPOUT_FALLBACK, 1);
	}
	if (large_free_unmapped(m, folio))
		return GONE;
	return add_to_swap(m, folio) ? READY : RCL_OUTCOME_SWAP_FULL;
}

/* Anonymous memory needs a slot before it is unmapped. */
static inline int ensure_slot(struct rcl_machine *m, struct lruvec *lruvec, struct folio *folio)
{
	if (folio->swap_slot != RCL_NIL)
		return READY;
	if (RCL_UNLIKELY(folio_is_large(folio)))
		return add_large_to_swap(m, lruvec, folio);
	return add_to_swap(m, folio) ? READY : RCL_OUTCOME_SWAP_FULL;
}

/* pageout(): write to swap, where there is a flusher without waiting for the device; or, where there is
 * none to do it, to a file. Answers 0, or why it could not be written (enum rcl_outcome) and stays dirty. */
static int write_folio(struct rcl_machine *m, struct lruvec *lruvec, struct scan *sc, struct folio *folio,
			struct rcl_batch_result *result)
{
	struct device *device;

	TRACE(m, memcg_of(folio->pub.memcg), mm_vmscan_write_folio, .pfn = folio->pub.pfn,
	      .reclaim_flags = trace_reclaim_flags(folio->pub.type));
	result->nr_io += folio->pub.nr_pages;
	if (folio->pub.type == RCL_ANON) {
		int outcome = swap_write_folio(m, lruvec, folio, m->config.writeback && !sc->is_forced);

		if (outcome == 0)
			folio->pub.flags &= ~RCL_FOLIO_IS_DIRTY;
		return outcome;
	}
	device = device_of_file(m, pagecache_file(m, folio));
	writeback_note_clean(m, folio);
	count(lruvec, RCL_PGPGOUT, folio->pub.nr_pages);
	for (uint32_t i = 1; i < folio->pub.nr_pages; i++)
		device_write(m, device, RCL_NIL, i > 1);
	events_spend_until(m, device_write(m, device, RCL_NIL, folio->pub.nr_pages > 1));
	return 0;
}

/* Reclaim leaves dirty file folios to the flusher, unless there is none or nobody is asked any more. */
static bool is_for_flusher(const struct rcl_machine *m, const struct scan *sc, const struct folio *folio)
{
	return folio->pub.type == RCL_FILE && m->config.writeback && !sc->is_forced;
}

/* A dirty folio of a file waits for the flusher, which frees it when it is written. kswapd would write one itself that
 * waits already, where there is little else (PGDAT_DIRTY), but ext4 and xfs have no writepage for it (pageout()). */
static int leave_to_flusher(struct rcl_machine *m, struct lruvec *lruvec, const struct scan *sc, struct folio *folio,
			    bool may_write)
{
	if (sc->is_kswapd && folio->marks & MARK_RECLAIM && m->nodes[folio->pub.nid].is_dirty)
		return may_write && !folio->pins ? RCL_OUTCOME_DIRTY : RCL_OUTCOME_REMOVAL_FAILED;
	folio->marks |= MARK_RECLAIM;
	count(lruvec, RCL_NR_VMSCAN_IMMEDIATE_RECLAIM, folio->pub.nr_pages);
	return RCL_OUTCOME_DIRTY;
}

/* __filemap_remove_folio() */
static void leave_slots(struct rcl_machine *m, const struct folio *folio, uint64_t shadow)
{
	uint64_t *slots = pagecache_slot(m, folio);

	TRACE(m, memcg_of(folio->pub.memcg), mm_filemap_delete_from_page_cache, .pfn = folio->pub.pfn,
	      .i_ino = folio->pub.key >> 32, .index = (uint32_t)folio->pub.key, .order = folio->pub.order);
	for (uint32_t i = 0; i < folio->pub.nr_pages; i++)
		slots[i] = shadow;
}

/* Leave the shadow in the folio's slots, uncharge, free (__remove_mapping()). */
static void remove_folio(struct rcl_machine *m, struct lruvec *lruvec, struct scan *sc, struct folio *folio)
{
	uint64_t shadow = workingset_eviction(m, lruvec, folio);
	uint32_t type = folio->pub.type, nr_pages = folio->pub.nr_pages;

	if (type == RCL_ANON)
		swap_cache_evict(m, folio, shadow);
	else
		leave_slots(m, folio, shadow);
	if (RCL_UNLIKELY(nr_pages > 1))
		large_undefer_split(m, folio);
	if (RCL_UNLIKELY(folio->marks & MARK_AHEAD))
		count(lruvec, RCL_READAHEAD_WASTED, nr_pages);
	kmem_free_buffer(folio);	/* filemap_release_folio() */
	memcg_uncharge(memcg_of(folio->pub.memcg), nr_pages);
	node_free_folio(m, folio);
	sc->pub.nr_reclaimed += nr_pages;
	count(lruvec, sc->is_kswapd ? RCL_PGSTEAL_KSWAPD : RCL_PGSTEAL_DIRECT, nr_pages);
	lruvec->stat[RCL_PGSTEAL_ANON + type] += nr_pages;
	spend(m, m->config.costs.free_page_ns);
}

/* Carry RECLAIM out; answers FREED, GONE or why not (enum rcl_outcome). */
static int try_free(struct rcl_machine *m, struct lruvec *lruvec, struct scan *sc, struct folio *folio,
		    bool may_write, struct rcl_batch_result *result)
{
	bool is_anon = folio->pub.type == RCL_ANON;
	int outcome;

	if (is_anon && !may_write && (folio->swap_slot == RCL_NIL || folio->pub.flags & RCL_FOLIO_IS_DIRTY))
		return RCL_OUTCOME_DIRTY;
	if (is_anon) {
		outcome = ensure_slot(m, lruvec, folio);
		if (outcome != READY)
			return outcome;
	}
	if (folio_is_mapped(folio)) {
		if (!sc->pub.may_unmap)
			return RCL_OUTCOME_MAPPED;
		rmap_unmap_all(m, folio);
	}
	if (folio->pub.flags & RCL_FOLIO_IS_DIRTY) {
		if (is_for_flusher(m, sc, folio))
			return leave_to_flusher(m, lruvec, sc, folio, may_write);
		if (!may_write)
			return RCL_OUTCOME_DIRTY;
		if (folio->pins)	/* is_page_cache_freeable(): not worth a write, stays dirty */
			return RCL_OUTCOME_REMOVAL_FAILED;
		outcome = write_folio(m, lruvec, sc, folio, result);
		if (outcome)
			return outcome;
		if (folio->pub.flags & RCL_FOLIO_IS_WRITEBACK)
			return RCL_OUTCOME_REMOVAL_FAILED;
	}
	if (folio->pins)
		return RCL_OUTCOME_REMOVAL_FAILED;
	remove_folio(m, lruvec, sc, folio);
	return FREED;
}

/* A folio that became active is no candidate any more; where slots are scarce it gives its own up. */
static void note_kept(struct rcl_machine *m, struct lruvec *lruvec, struct folio *folio, uint32_t flags_before,
		      struct rcl_batch_result *result)
{
	if (!((folio->pub.flags & ~flags_before) & RCL_FOLIO_IS_ACTIVE))
		return;
	result->nr_activated += folio->pub.nr_pages;
	m->batch.nr_activate[folio->pub.type] += folio->pub.nr_pages;
	count(lruvec, RCL_PGACTIVATE, folio->pub.nr_pages);
	if (folio->swap_slot != RCL_NIL && swap_cache_may_free(folio) && swap_is_full(m, memcg_of(folio->pub.memcg)))
		swap_cache_free(m, folio);
}

static void fail_to_free(struct rcl_machine *m, struct lruvec *lruvec, struct scan *sc, struct folio *folio,
			 enum rcl_outcome outcome)
{
	set_aside(m, folio, ask_folio_putback(m, lruvec, folio, outcome, sc));
}

/* Decode a verdict other than RECLAIM into a place; 0 where it makes no sense. */
static uint64_t kept_place(const struct lruvec *lruvec, const struct folio *folio, uint64_t verdict)
{
	uint64_t place = verdict >> RCL_MOVE_PLACE_SHIFT;

	switch (verdict & 0xff) {
	case RCL_VERDICT_ROTATE:
		return place_head_of(folio->pub.list);
	case RCL_VERDICT_MOVE:
		return place_is_valid(lruvec, place) ? place : 0;
	default:
		return 0;
	}
}

static void keep_folio(struct rcl_machine *m, struct lruvec *lruvec, struct folio *folio, uint64_t verdict,
		       struct rcl_batch_result *result)
{
	uint64_t place = kept_place(lruvec, folio, verdict);

	if (RCL_UNLIKELY(!place)) {
		hook_refuse(m, lruvec, RCL_HOOK_RECLAIM_FOLIO);
		place = place_head_of(folio->pub.list);
	}
	set_aside(m, folio, place);
	result->nr_rotated += folio->pub.nr_pages;
	spend_locked(m, lruvec, m->config.costs.list_move_ns);
}

/* Count what is dirty or being written (folio_check_dirty_writeback() and what follows it); answers
 * whether it is being written, which only the device can end.
 *
 * SIMPLIFIED: under MGLRU too this comes before the test whether a walk found a mapped folio young meanwhile, which
 * is the policy's; effect: such a folio counts as dirty, or as activated while it is being written. */
static bool meet_writeback(struct rcl_machine *m, const struct scan *sc, struct folio *folio,
			    struct rcl_batch_result *result)
{
	uint32_t nr = folio->pub.nr_pages;

	if (folio->pub.type == RCL_FILE && folio->pub.flags & (RCL_FOLIO_IS_DIRTY | RCL_FOLIO_IS_WRITEBACK)) {
		result->nr_dirty += nr;
		if (!(folio->pub.flags & RCL_FOLIO_IS_WRITEBACK))
			result->nr_unqueued_dirty += nr;
		else if (folio->marks & MARK_RECLAIM)
			result->nr_congested += nr;
	}
	if (!(folio->pub.flags & RCL_FOLIO_IS_WRITEBACK))
		return false;
	if (sc->is_kswapd && folio->marks & MARK_RECLAIM && m->nodes[folio->pub.nid].is_writeback) {
		result->nr_immediate += nr;
	} else {
		folio->marks |= MARK_RECLAIM;
		result->nr_writeback += nr;
	}
	return true;
}

/* Deal with one folio of a batch: freed, put back, or set aside for demotion. */
static void shrink_folio(struct rcl_machine *m, struct lruvec *lruvec, struct scan *sc, struct folio *folio,
			 struct rcl_batch_result *result, struct demotion *demotion)
{
	uint64_t nr_reclaimed = sc->pub.nr_reclaimed, verdict;
	uint32_t flags = folio->pub.flags, kind;
	int outcome;

	if (RCL_UNLIKELY(folio->marks & MARK_LOCKED)) {		/* folio_trylock() */
		count_core_did(lruvec, RCL_FILTERED_LOCKED, folio->pub.nr_pages);
		fail_to_free(m, lruvec, sc, folio, RCL_OUTCOME_LOCKED);
		return;
	}
	if (RCL_UNLIKELY(!folio_is_evictable(folio))) {
		mlock_add_unevictable(m, folio);
		return;
	}
	if (RCL_UNLIKELY(flags & (RCL_FOLIO_IS_DIRTY | RCL_FOLIO_IS_WRITEBACK)) && meet_writeback(m, sc, folio, result)) {
		count_core_did(lruvec, RCL_FILTERED_LOCKED, folio->pub.nr_pages);
		fail_to_free(m, lruvec, sc, folio, RCL_OUTCOME_WRITEBACK);
		note_kept(m, lruvec, folio, flags, result);
		return;
	}
	verdict = ask_reclaim_folio(m, lruvec, folio, sc);
	kind = verdict & 0xff;
	if (kind != RCL_VERDICT_RECLAIM && kind != RCL_VERDICT_RECLAIM_CLEAN && kind != RCL_VERDICT_DEMOTE_TO) {
		keep_folio(m, lruvec, folio, verdict, result);
		note_kept(m, lruvec, folio, flags, result);
		if (!((folio->pub.flags & ~flags) & RCL_FOLIO_IS_ACTIVE))
			m->batch.nr_ref_keep += folio->pub.nr_pages;
		return;
	}
	/* Marking a folio active and asking to free it contradict each other: it stays. */
	if ((folio->pub.flags & ~flags) & RCL_FOLIO_IS_ACTIVE)
		outcome = RCL_OUTCOME_ACTIVE;
	else if (demotion->is_possible && demote_set_aside(m, lruvec, folio, verdict, demotion))
		return;
	else
		outcome = try_free(m, lruvec, sc, folio, kind != RCL_VERDICT_RECLAIM_CLEAN && sc->pub.may_writepage,
				   result);
	if (outcome == FREED || outcome == GONE) {
		result->nr_reclaimed += sc->pub.nr_reclaimed - nr_reclaimed;
		return;
	}
	fail_to_free(m, lruvec, sc, folio, (enum rcl_outcome)outcome);
	note_kept(m, lruvec, folio, flags, result);
}

/* The tails of a folio that was split make their own pass. */
static void shrink_tails(struct rcl_machine *m, struct lruvec *lruvec, struct scan *sc, struct folio *folio,
			 uint32_t nr_pages, struct rcl_batch_result *result)
{
	struct demotion none = { 0 };	/* it was split after nobody wanted it demoted */

	if (folio[1].transit != RCL_TRANSIT_ISOLATED)
		return;			/* still a tail, or free */
	for (uint32_t i = 1; i < nr_pages; i++) {
		if (!large_free_unmapped(m, &folio[i]))
			shrink_folio(m, lruvec, sc, &folio[i], result, &none);
	}
}

static inline void shrink_one_folio(struct rcl_machine *m, struct lruvec *lruvec, struct scan *sc, struct folio *folio,
				    struct rcl_batch_result *result, struct demotion *demotion)
{
	uint32_t nr_pages = folio->pub.nr_pages;

	shrink_folio(m, lruvec, sc, folio, result, demotion);
	if (RCL_UNLIKELY(nr_pages > 1))
		shrink_tails(m, lruvec, sc, folio, nr_pages, result);
}

/* What could not be demoted is asked about again and freed here, unless nobody needs the memory. */
static void shrink_undemoted(struct rcl_machine *m, struct lruvec *lruvec, struct scan *sc, struct folio *folio,
			     struct rcl_batch_result *result)
{
	struct demotion none = { 0 };

	if (sc->pub.origin == RCL_ORIGIN_PROACTIVE)
		fail_to_free(m, lruvec, sc, folio, RCL_OUTCOME_KEPT);
	else
		shrink_one_folio(m, lruvec, sc, folio, result, &none);
}

/* A large folio that finds no room in a row, or is mapped in part, is split and its pages try (try_split_folio(),
 * migrate_pages_sync()). */
static void demote_pages(struct rcl_machine *m, struct lruvec *lruvec, struct scan *sc, struct folio *folio,
			 uint32_t nid, struct rcl_batch_result *result)
{
	uint32_t nr_pages = folio->pub.nr_pages;
	bool is_full = false;

	if (nr_pages == 1 || !large_split(m, folio)) {
		count(lruvec, RCL_PGMIGRATE_FAIL, nr_pages > 1 ? nr_pages : 0);
		shrink_undemoted(m, lruvec, sc, folio, result);
		return;
	}
	if (nr_pages == 1 << RCL_MAX_ORDER)
		count(lruvec, RCL_THP_MIGRATION_SPLIT, 1);
	for (uint32_t i = 0; i < nr_pages; i++) {
		enum demoted demoted = DEMOTED_NO_ROOM;

		if (large_free_unmapped(m, &folio[i]))
			continue;
		if (!is_full)
			demoted = demote_folio(m, lruvec, sc, &folio[i], nid, result);
		is_full = demoted == DEMOTED_NO_ROOM;
		if (demoted != DEMOTED)
			shrink_undemoted(m, lruvec, sc, &folio[i], result);
	}
}

/* One go at the first nr folios of m->isolated. */
static void shrink_isolated(struct rcl_machine *m, struct lruvec *lruvec, struct scan *sc, uint32_t nr,
			    struct rcl_batch_result *result)
{
	struct demotion demotion = demote_begin(m, lruvec);

	for (uint32_t i = 0; i < nr; i++)
		shrink_one_folio(m, lruvec, sc, folio_at(m, m->isolated[i]), result, &demotion);
	spend(m, nr * m->config.costs.hook_ns);
	put_back_all(m, lruvec);
	if (demotion.nr) {
		nr = demote_folios(m, lruvec, sc, &demotion, result);
		for (uint32_t i = 0; i < nr; i++) {
			struct folio *folio = folio_at(m, m->isolated[i]);

			if (demotion.is_full)
				shrink_undemoted(m, lruvec, sc, folio, result);
			else
				demote_pages(m, lruvec, sc, folio, m->demotion_nid[i], result);
		}
		put_back_all(m, lruvec);
	}
}

/* The folios that wait for another go become the batch; answers how many. */
static uint32_t collect_retries(struct rcl_machine *m)
{
	uint32_t nr = m->nr_kept;

	for (uint32_t i = 0; i < nr; i++)
		m->isolated[i] = m->kept[i].pfn;
	m->nr_kept = 0;
	return nr;
}

/* The second go is the retry of evict_folios(): its folios were scanned and counted already. */
void shrink_folio_list(struct rcl_machine *m, struct lruvec *lruvec, struct scan *sc, uint32_t nr,
		       struct rcl_batch_result *result)
{
	m->batch = (struct batch_stat){ 0 };
	shrink_isolated(m, lruvec, sc, nr, result);
	if (RCL_LIKELY(m->nr_kept == 0))
		return;
	sc->pub.is_retry = 1;
	shrink_isolated(m, lruvec, sc, collect_retries(m), result);
	sc->pub.is_retry = 0;
}

static void force_folio(struct rcl_machine *m, struct lruvec *lruvec, struct scan *sc, struct folio *folio)
{
	struct rcl_batch_result unused = { 0 };
	uint32_t list = folio->pub.list;
	int outcome = folio->pub.flags & RCL_FOLIO_IS_WRITEBACK ? RCL_OUTCOME_WRITEBACK
								: try_free(m, lruvec, sc, folio, true, &unused);

	if (outcome != FREED && outcome != GONE)
		put_back(m, lruvec, folio, place_head_of(list));
}

uint64_t shrink_forced(struct rcl_machine *m, struct lruvec *lruvec, struct scan *sc, struct folio *folio)
{
	uint64_t nr_reclaimed = sc->pub.nr_reclaimed;
	uint32_t nr_pages = folio->pub.nr_pages;

	force_folio(m, lruvec, sc, folio);
	if (nr_pages > 1 && folio[1].transit == RCL_TRANSIT_ISOLATED) {
		for (uint32_t i = 1; i < nr_pages; i++) {
			if (!large_free_unmapped(m, &folio[i]))
				force_folio(m, lruvec, sc, &folio[i]);
		}
	}
	return sc->pub.nr_reclaimed - nr_reclaimed;
}
