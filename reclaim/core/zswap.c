/*
 * zswap, see zswap.h. Models mm/zswap.c v6.12.
 */
#include "zswap.h"

#include <stdlib.h>

#include "memcg.h"
#include "stats.h"
#include "swap.h"
#include "zspool.h"

#define MAX_FAILURES 16			/* MAX_RECLAIM_RETRIES, mm/internal.h v6.12: the worker gives up */

bool zswap_setup(struct rcl_machine *m, uint64_t nr_slots)
{
	struct zswap *zswap = &m->zswap;
	uint64_t nr_pages = m->nr_folios;

	if (m->config.zswap_percent == 0 || nr_slots == 0)
		return true;
	zswap->max_pages = nr_pages * m->config.zswap_percent / 100;
	zswap->accept_pages = zswap->max_pages * m->config.zswap_accept_percent / 100;
	zswap->entries = calloc(nr_slots, sizeof(*zswap->entries));
	return zswap->entries && zspool_setup(&zswap->pool, nr_slots);
}

void zswap_teardown(struct rcl_machine *m)
{
	zspool_teardown(&m->zswap.pool);
	free(m->zswap.entries);
}

bool zswap_may_write_back(const struct memcg *memcg)
{
	for (; memcg; memcg = memcg_parent(memcg)) {
		if (!memcg->zswap_writeback)
			return false;
	}
	return true;
}

/* Charge or uncharge whole pages as bytes come and go; in reclaim a charge must succeed. */
static void charge_compressed(struct memcg *memcg, int64_t nr_bytes)
{
	uint64_t nr_pages;

	memcg->zswap_bytes += (uint64_t)nr_bytes;
	nr_pages = (memcg->zswap_bytes + RCL_PAGE_BYTES - 1) / RCL_PAGE_BYTES;
	memcg_uncharge(memcg, memcg->zswap_pages - nr_pages);	/* modulo 2^64: a charge where it grew */
	memcg->zswap_pages = nr_pages;
}

static void unlink_entry(struct rcl_machine *m, struct memcg *memcg, uint32_t slot)
{
	struct zswap_entry *entries = m->zswap.entries, *entry = &entries[slot];

	*(entry->prev == RCL_NIL ? &memcg->zswap_oldest : &entries[entry->prev].next) = entry->next;
	*(entry->next == RCL_NIL ? &memcg->zswap_newest : &entries[entry->next].prev) = entry->prev;
}

static void link_newest(struct rcl_machine *m, struct memcg *memcg, uint32_t slot)
{
	struct zswap_entry *entries = m->zswap.entries, *entry = &entries[slot];

	entry->next = RCL_NIL;
	entry->prev = memcg->zswap_newest;
	*(entry->prev == RCL_NIL ? &memcg->zswap_oldest : &entries[entry->prev].next) = slot;
	memcg->zswap_newest = slot;
}

void zswap_invalidate(struct rcl_machine *m, uint32_t slot)
{
	struct zswap_entry *entry = &m->zswap.entries[slot];
	struct memcg *memcg = m->memcgs[entry->memcg];

	if (!entry->nr_bytes)
		return;
	unlink_entry(m, memcg, slot);
	zspool_free(m, &m->zswap.pool, entry->zspage);
	charge_compressed(memcg, -(int64_t)entry->nr_bytes);
	memcg->nr_zswapped--;
	entry->nr_bytes = 0;
}

/* zswap_writeback_entry() */
static bool write_back(struct rcl_machine *m, struct memcg *memcg, uint32_t slot)
{
	struct lruvec *lruvec = &memcg->lruvecs[0];

	spend(m, m->config.costs.zram_decompress_ns);
	if (!swap_write_slot(m, lruvec, slot, swap_compressed_bytes(m, m->swap_keys[slot]), NULL))
		return false;
	count(lruvec, RCL_ZSWPWB, 1);
	zswap_invalidate(m, slot);
	return true;
}

enum shrunk {
	SHRUNK_NOTHING_THERE,
	SHRUNK_NOT,
	SHRUNK_ONE,
};

/* shrink_memcg(): the oldest page goes, unless it is new and gets its second chance. */
static enum shrunk shrink_memcg(struct rcl_machine *m, struct memcg *memcg)
{
	uint32_t slot = memcg->zswap_oldest;
	struct zswap_entry *entry;

	if (slot == RCL_NIL || !zswap_may_write_back(memcg))
		return SHRUNK_NOTHING_THERE;
	entry = &m->zswap.entries[slot];
	unlink_entry(m, memcg, slot);
	link_newest(m, memcg, slot);
	if (entry->is_referenced) {
		entry->is_referenced = false;
		return SHRUNK_NOT;
	}
	return write_back(m, memcg, slot) ? SHRUNK_ONE : SHRUNK_NOT;
}

/* shrink_worker(): memcg by memcg, in turn, down to where the pool accepts pages again. */
static void shrink_pool(struct rcl_machine *m)
{
	struct zswap *zswap = &m->zswap;
	uint32_t nr_failures = 0, nr_attempts = 0;

	do {
		enum shrunk shrunk;

		if (zswap->next_memcg >= m->nr_memcgs) {
			zswap->next_memcg = 0;
			if (nr_attempts == 0 && ++nr_failures == MAX_FAILURES)
				return;
			nr_attempts = 0;
			continue;
		}
		shrunk = shrink_memcg(m, m->memcgs[m->memcg_order[zswap->next_memcg++]]);
		nr_attempts += shrunk != SHRUNK_NOTHING_THERE;
		if (shrunk == SHRUNK_NOT && ++nr_failures == MAX_FAILURES)
			return;
	} while (zswap->pool.nr_pages > zswap->accept_pages);
}

static void run_worker(struct rcl_machine *m)
{
	uint64_t *clock = m->clock;

	if (m->zswap.clock_ns < *clock)
		m->zswap.clock_ns = *clock;
	m->clock = &m->zswap.clock_ns;
	shrink_pool(m);
	m->clock = clock;
}

/* obj_cgroup_may_zswap() */
static bool is_below_limits(const struct rcl_machine *m, const struct memcg *memcg)
{
	for (; memcg_parent(memcg); memcg = memcg_parent(memcg)) {
		uint64_t nr_bytes = 0;

		if (memcg->zswap_max == RCL_MAX_PAGES)
			continue;
		for (uint32_t i = memcg->order; i < memcg->order + memcg->nr_subtree; i++)
			nr_bytes += m->memcgs[m->memcg_order[i]]->zswap_bytes;
		if (nr_bytes / RCL_PAGE_BYTES >= memcg->zswap_max)
			return false;
	}
	return true;
}

/* zswap_check_limits(): full at the limit, and until the pool is at its accept threshold. */
static bool is_full(struct rcl_machine *m, struct lruvec *lruvec)
{
	struct zswap *zswap = &m->zswap;

	if (zswap->pool.nr_pages >= zswap->max_pages) {
		count(lruvec, RCL_ZSWAP_POOL_LIMIT_HIT, 1);
		zswap->is_full = true;
	} else if (zswap->pool.nr_pages <= zswap->accept_pages) {
		zswap->is_full = false;
	}
	return zswap->is_full;
}

static bool keep(struct rcl_machine *m, struct lruvec *lruvec, const struct folio *folio, uint32_t nr_bytes)
{
	struct memcg *memcg = memcg_of(folio->pub.memcg);
	struct zswap_entry *entry = &m->zswap.entries[folio->swap_slot];
	uint32_t zspage;

	spend(m, m->config.costs.zram_compress_ns);
	if (nr_bytes >= RCL_PAGE_BYTES) {
		count(lruvec, RCL_ZSWAP_REJECT_COMPRESS_POOR, 1);
		return false;
	}
	zspage = zspool_alloc(m, &m->zswap.pool, nr_bytes);
	if (zspage == RCL_NIL) {
		count(lruvec, RCL_ZSWAP_REJECT_ALLOC_FAIL, 1);
		return false;
	}
	zswap_invalidate(m, folio->swap_slot);
	entry->zspage = zspage;
	entry->nr_bytes = (uint16_t)nr_bytes;
	entry->memcg = (uint16_t)memcg->pub.id;
	entry->is_referenced = true;
	link_newest(m, memcg, folio->swap_slot);
	charge_compressed(memcg, nr_bytes);
	memcg->nr_zswapped++;
	count(lruvec, RCL_ZSWPOUT, 1);
	return true;
}

bool zswap_store(struct rcl_machine *m, struct lruvec *lruvec, const struct folio *folio, uint32_t nr_bytes)
{
	struct memcg *memcg = memcg_of(folio->pub.memcg);
	bool may_store = is_below_limits(m, memcg) || shrink_memcg(m, memcg) == SHRUNK_ONE;

	if (may_store && !is_full(m, lruvec) && keep(m, lruvec, folio, nr_bytes))
		return true;
	if (m->zswap.is_full)
		run_worker(m);
	zswap_invalidate(m, folio->swap_slot);
	return false;
}

bool zswap_load(struct rcl_machine *m, struct folio *folio, uint32_t slot)
{
	if (!zswap_has(m, slot))
		return false;
	spend(m, m->config.costs.zram_decompress_ns);
	count(folio_lruvec(folio), RCL_ZSWPIN, 1);
	if (folio->swap_slot == slot) {
		zswap_invalidate(m, slot);
		folio->pub.flags |= RCL_FOLIO_IS_DIRTY;
	}
	return true;
}
