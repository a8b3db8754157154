/*
 * Swap-in, see swapin.h. Models do_swap_page() (mm/memory.c) up to the mapping, and mm/swap_state.c
 * of v6.12.
 *
 * SIMPLIFIED: pages read ahead give up after one reclaim, the kernel tries for them as hard as for
 * the page asked for; effect: less is read ahead near OOM.
 */
#include "swapin.h"

#include "batches.h"
#include "events.h"
#include "pagecache.h"
#include "plug.h"
#include "readahead.h"
#include "stats.h"
#include "swap.h"
#include "thp.h"
#include "vma.h"
#include "zswap.h"

#define FIRST_HITS 4			/* GET_SWAP_RA_VAL(), mm/swap_state.c v6.12 */
#define MAX_HITS 63			/* SWAP_RA_HITS_MAX, the same */
#define MAX_CLUSTER_SHIFT 5		/* SWAP_RA_ORDER_CEILING, the same */

/* swap_use_vma_readahead(): one state per mapping, or one for all. */
static struct swap_ra *ra_of(struct rcl_machine *m, struct task *task, uint32_t vpn)
{
	return m->has_rotating_swap ? &m->swap_ra : &task->vmas[vma_find(task, vpn) - task->vmas].swap_ra;
}

/* Allocate a folio for the contents of a slot, which are `key`, and let it enter the swap cache
 * (__read_swap_cache_async()). It belongs to whoever was swapped out; *nr_reads counts those that the
 * device has to be read for. */
static struct folio *add_to_cache(struct rcl_machine *m, uint64_t key, uint32_t slot, enum rcl_added reason,
				  uint32_t *nr_reads)
{
	struct task *owner = m->tasks[key >> 32 & (RCL_MAX_TASKS - 1)];
	uint64_t shadow = m->swap_slots[slot];
	struct folio *folio = pagecache_alloc_folio(m, owner, RCL_ANON, key, shadow, reason);

	if (!folio)
		return NULL;
	folio->pub.flags |= RCL_FOLIO_IS_SWAP_BACKED;
	if (m->current->in_lru_fault)
		folio->pub.flags |= RCL_FOLIO_IN_FAULT;
	swap_cache_add(m, folio, slot);
	pagecache_admit_folio(m, m->current, folio, shadow, reason);
	*nr_reads += swap_read_page(m, folio, 0, slot);
	return folio;
}

/* Bring in one page of a window, unless it is there already. The one that was asked for (`target`) stays where
 * it is until it is mapped, as others would wait for its lock. */
static void read_in_window(struct rcl_machine *m, uint64_t key, uint32_t slot, uint32_t target, uint32_t *nr_reads)
{
	struct folio *folio;

	if (!slot_is_shadow(m->swap_slots[slot]))
		return;
	folio = add_to_cache(m, key, slot, slot == target ? RCL_ADDED_SWAP_IN : RCL_ADDED_READAHEAD, nr_reads);
	if (!folio)
		return;
	if (slot == target) {
		folio->pins++;
		return;
	}
	folio->marks |= MARK_READAHEAD;
	count(folio_lruvec(folio), RCL_SWAP_RA, 1);
}

/* __swapin_nr_pages(): how many pages are worth reading, by what the last ones were good for. */
static uint32_t window_size(const struct rcl_machine *m, const struct swap_ra *ra, uint32_t place)
{
	uint32_t shift = m->config.page_cluster, nr_pages = ra->hits + 2;

	if (nr_pages == 2) {
		/* Without hits to judge by, the neighbour of the last one is a sign. */
		if (place != ra->previous + 1 && place != ra->previous - 1)
			nr_pages = 1;
	} else {
		uint32_t power = 4;

		while (power < nr_pages)
			power *= 2;
		nr_pages = power;
	}
	if (nr_pages > UINT32_C(1) << shift)
		nr_pages = UINT32_C(1) << shift;
	return nr_pages > ra->window / 2 ? nr_pages : ra->window / 2;
}

static void begin_if_new(struct swap_ra *ra)
{
	if (ra->has_begun)
		return;
	ra->has_begun = true;
	ra->hits = FIRST_HITS;
	ra->previous = RCL_NIL - 1;	/* next to no page: the kernel's is address 0, where nothing is mapped */
}

/* swap_vma_ra_win(): the pages of the mapping around one, within its page table. */
static uint32_t find_vma_window(const struct rcl_machine *m, const struct vma *vma, struct swap_ra *ra, uint32_t vpn,
				uint32_t *first)
{
	uint32_t table = vpn & ~(uint32_t)(PTES_PER_TABLE - 1), lowest = vma->first > table ? vma->first : table;
	uint32_t previous, window, before, end;

	begin_if_new(ra);
	previous = ra->previous;
	window = window_size(m, ra, vpn);
	ra->previous = vpn;
	ra->window = window;
	ra->hits = 0;
	if (vpn == previous + 1)
		before = 0;
	else if (previous == vpn + 1)
		before = window - 1;
	else
		before = (window - 1) / 2;
	end = vpn - before + window;	/* also where the window begins before the mapping */
	*first = vpn - lowest > before ? vpn - before : lowest;
	if (end > vma->first + vma->nr_pages)
		end = vma->first + vma->nr_pages;
	if (end > table + PTES_PER_TABLE)
		end = table + PTES_PER_TABLE;
	return end - *first;
}

static void read_vma_window(struct rcl_machine *m, struct task *task, uint32_t target, uint32_t first, uint32_t nr,
			    uint32_t *nr_reads)
{
	for (uint32_t i = first; i < first + nr; i++) {
		uint32_t pte = task->ptes[i];

		if ((pte & (PTE_PRESENT | PTE_SWAP)) == PTE_SWAP)
			read_in_window(m, anon_key(task->number, i), pte >> PTE_SHIFT, target, nr_reads);
	}
}

static void read_cluster(struct rcl_machine *m, uint32_t target, uint32_t first, uint32_t nr, uint32_t *nr_reads)
{
	for (uint32_t i = first; i < first + nr; i++)
		read_in_window(m, m->swap_keys[i], i, target, nr_reads);
}

/* swapin_nr_pages(), and the aligned block of slots around one, within its device. */
static uint32_t find_cluster(const struct rcl_machine *m, struct swap_ra *ra, uint32_t slot, uint32_t *first)
{
	const struct swap_device *device = swap_device_of(m, slot);
	uint32_t offset = slot - device->first_slot, window, end;

	begin_if_new(ra);
	window = window_size(m, ra, slot);
	if (ra->hits == 0)
		ra->previous = slot;
	ra->hits = 0;
	ra->window = window;
	end = (offset | (window - 1)) + 1;
	offset &= ~(window - 1);
	if (end > device->nr_slots)
		end = device->nr_slots;
	*first = device->first_slot + offset;
	return end - offset;
}

/* Read the window around a page, in order, under a plug. Windows of more than one page drain the batches (lru_add_drain()). */
static void read_around(struct rcl_machine *m, struct task *task, uint32_t vpn, uint32_t slot, uint32_t *nr_reads)
{
	volatile int *interrupt = m->interrupt;
	struct swap_ra *ra = ra_of(m, task, vpn);
	uint32_t first, nr = m->has_rotating_swap ? find_cluster(m, ra, slot, &first)
						  : find_vma_window(m, vma_find(task, vpn), ra, vpn, &first);

	if (ra->window <= 1)
		return;
	m->interrupt = NULL;
	m->no_retry = true;
	plug_start(m);
	if (m->has_rotating_swap)
		read_cluster(m, slot, first, nr, nr_reads);
	else
		read_vma_window(m, task, slot, first, nr, nr_reads);
	plug_finish(m);
	m->no_retry = false;
	m->interrupt = interrupt;
	batches_drain(m, task);
}

/* Read the page asked for, and what is worth reading with it, as one request. */
static struct folio *read_through_cache(struct rcl_machine *m, struct task *task, uint32_t vpn, uint32_t slot)
{
	uint32_t nr_reads = 0;
	struct folio *folio;

	if (m->config.page_cluster)
		read_around(m, task, vpn, slot, &nr_reads);
	folio = swap_cache_find(m, slot);
	if (!folio) {
		folio = add_to_cache(m, anon_key(task->number, vpn), slot, RCL_ADDED_SWAP_IN, &nr_reads);
		if (!folio)
			return NULL;
		folio->pins++;
	}
	if (nr_reads)
		readahead_wait(m, task, swap_read(m, slot, folio->pub.key, nr_reads), true);
	folio->pins--;
	return folio;
}

/* swap_cache_get_folio(): a hit says that reading ahead was worth it. */
static void note_hit(struct rcl_machine *m, struct task *task, uint32_t vpn, struct folio *folio)
{
	struct swap_ra *ra = ra_of(m, task, vpn);
	bool was_ahead = folio->marks & MARK_READAHEAD;

	folio->marks &= (uint8_t)~MARK_READAHEAD;
	begin_if_new(ra);
	if (was_ahead) {
		count(folio_lruvec(folio), RCL_SWAP_RA_HIT, 1);
		if (ra->hits < MAX_HITS)
			ra->hits++;
	}
	if (!m->has_rotating_swap)
		ra->previous = vpn;
}

/* Past the swap cache (SWP_SYNCHRONOUS_IO and one user), whole where it went out whole: slots are free at once. */
static struct folio *read_directly(struct rcl_machine *m, struct task *task, uint32_t vpn, uint32_t slot)
{
	struct folio *folio = NULL;
	uint64_t start_ns, shadow;

	if (RCL_UNLIKELY(m->config.thp_orders) && !zswap_is_enabled(m))
		folio = thp_alloc_swap(m, task, vpn, slot);
	if (!folio)
		folio = pagecache_alloc_folio(m, task, RCL_ANON, anon_key(task->number, vpn), m->swap_slots[slot],
					      RCL_ADDED_SWAP_IN);
	if (!folio)
		return NULL;
	folio->pub.flags |= RCL_FOLIO_IS_SWAP_BACKED | RCL_FOLIO_IS_DIRTY;
	start_ns = stall_begin(m, task, RCL_STALL_IO, true);
	slot -= vpn - (uint32_t)folio->pub.key;
	shadow = m->swap_slots[slot];
	for (uint32_t i = 0; i < folio->pub.nr_pages; i++) {
		if (swap_read_page(m, folio, i, slot + i))
			events_spend_until(m, swap_read(m, slot + i, folio->pub.key + i, 1));
		swap_free(m, memcg_of(folio->pub.memcg), slot + i);
	}
	pagecache_admit_folio(m, task, folio, shadow, RCL_ADDED_SWAP_IN);
	stall_record(m, task, RCL_STALL_IO, start_ns, true);
	return folio;
}

struct folio *swapin_folio(struct rcl_machine *m, struct task *task, uint32_t vpn, bool *is_major)
{
	uint32_t slot = task->ptes[vpn] >> PTE_SHIFT;
	struct folio *folio = swap_cache_find(m, slot);

	*is_major = !folio;
	if (folio) {
		note_hit(m, task, vpn, folio);
		return folio;
	}
	if (swap_device_of(m, slot)->device == RCL_DEVICE_ZRAM)
		return read_directly(m, task, vpn, slot);
	return read_through_cache(m, task, vpn, slot);
}
