/*
 * Swap, see swap.h. Models mm/swapfile.c and mm/page_io.c of v6.12.
 */
#include "swap.h"

#include <stdlib.h>

#include "device.h"
#include "stats.h"
#include "swap_clusters.h"
#include "swap_tree.h"
#include "writeback.h"
#include "zspool.h"
#include "zswap.h"

#define SLOTS_CACHE_SIZE 64		/* SWAP_BATCH, linux/swap.h v6.12 */

/* Slots of a disk are found by looking at them, so all of them say that they are free. */
static void set_up_disk(struct rcl_machine *m, struct swap_device *device)
{
	if (device->device != RCL_DEVICE_DISK)
		return;
	m->has_rotating_swap = true;
	device->nr_fresh = 0;
	for (uint32_t i = 0; i < device->nr_slots; i++)
		m->swap_slots[device->first_slot + i] = FREE_SLOT;
}

/* What only some machines need: pools of zram, zswap, and whose contents a slot holds. */
static bool set_up_stores(struct rcl_machine *m, uint64_t nr_slots)
{
	bool has_pool = false, needs_keys;

	for (uint32_t i = 0; i < m->nr_swaps; i++) {
		struct swap_device *device = &m->swaps[i];

		set_up_disk(m, device);
		if (device->device != RCL_DEVICE_ZRAM || !m->config.pool_takes_pages)
			continue;
		has_pool = true;
		if (!zspool_setup(&device->pool, device->nr_slots))
			return false;
	}
	if (has_pool)
		m->swap_stored = calloc(nr_slots, sizeof(*m->swap_stored));
	if (!zswap_setup(m, nr_slots) || !swap_tree_setup(m))
		return false;
	needs_keys = m->has_rotating_swap || zswap_is_enabled(m);
	if (needs_keys)
		m->swap_keys = calloc(nr_slots, sizeof(*m->swap_keys));
	return (!has_pool || m->swap_stored) && (!needs_keys || m->swap_keys);
}

void swap_teardown(struct rcl_machine *m)
{
	for (uint32_t i = 0; i < RCL_MAX_SWAPS; i++)
		zspool_teardown(&m->swaps[i].pool);
	zswap_teardown(m);
	swap_tree_teardown(m);
	free(m->swap_slots);
	free(m->swap_stored);
	free(m->swap_keys);
}

uint64_t swap_pool_pages(const struct rcl_machine *m)
{
	uint64_t nr_pages = m->zswap.pool.nr_pages;

	for (uint32_t i = 0; i < m->nr_swaps; i++)
		nr_pages += m->swaps[i].pool.nr_pages;
	return nr_pages;
}

/* On an SSD pages in a row are one request; on zram what lies where decides how many leaves the tree behind the swap
 * cache has, where that counts; a disk wants the next slot. */
static bool needs_clusters(const struct rcl_machine *m)
{
	for (uint32_t i = 0; i < m->nr_swaps; i++) {
		uint32_t device = m->swaps[i].device;

		if (device == RCL_DEVICE_SSD || (device == RCL_DEVICE_ZRAM && m->config.charge_kmem))
			return true;
	}
	return m->config.thp_orders;
}

int swap_setup(struct rcl_machine *m)
{
	uint64_t total = 0;

	for (uint32_t i = 0; i < m->nr_swaps; i++) {
		const struct rcl_swap_config *config = &m->config.swaps[i];
		struct swap_device *device = &m->swaps[i];
		uint32_t position = i;

		if (config->nr_pages == 0 || total + config->nr_pages >= RCL_MAX_PAGES || config->device > RCL_DEVICE_DISK)
			return machine_error(m, RCL_BAD_ARGUMENT,
					     "swap %u: 1 to 2^28 - 1 slots over all and a known device expected", i);
		device->first_slot = (uint32_t)total;
		device->nr_slots = (uint32_t)config->nr_pages;
		device->nr_fresh = device->nr_slots;
		device->nr_free = device->nr_slots;
		device->free_head = RCL_NIL;
		device->device = config->device;
		device->priority = config->priority;
		device->mem_limit_pages = config->mem_limit_pages;
		while (position > 0 && m->swaps[m->swap_order[position - 1]].priority < device->priority) {
			m->swap_order[position] = m->swap_order[position - 1];
			position--;
		}
		m->swap_order[position] = (uint8_t)i;
		total += config->nr_pages;
	}
	m->nr_swap_slots = (uint32_t)total;
	m->nr_swap_free = (uint32_t)total;
	m->swap_slots = calloc(total + 1, sizeof(*m->swap_slots));
	if (!m->swap_slots)
		return machine_error(m, RCL_NO_MEMORY, "no memory for %llu swap slots", (unsigned long long)total);
	if (!set_up_stores(m, total))
		return machine_error(m, RCL_NO_MEMORY, "no memory for %llu swap slots", (unsigned long long)total);
	return needs_clusters(m) ? swap_clusters_setup(m) : RCL_OK;
}

uint64_t swap_available(const struct rcl_machine *m, const struct memcg *memcg)
{
	uint64_t available = m->nr_swap_free;
	const struct rcl_memcg *pub = &memcg->pub;

	for (; pub; pub = pub->parent) {
		uint64_t room = pub->swap_max > pub->swap_usage ? pub->swap_max - pub->swap_usage : 0;

		if (room < available)
			available = room;
	}
	return available;
}

static void charge_swap(struct memcg *memcg, uint64_t nr)
{
	struct rcl_memcg *pub = &memcg->pub;

	do {
		pub->swap_usage += nr;
		pub = pub->parent;
	} while (pub);
}

/* The slot freed last, else a fresh one: where nothing moves, any is as good. */
static uint32_t take_any(struct rcl_machine *m, struct swap_device *device)
{
	uint32_t slot = device->free_head;

	if (slot == RCL_NIL)
		return device->first_slot + device->nr_slots - device->nr_fresh--;
	device->free_head = (uint32_t)(m->swap_slots[slot] >> 1);
	return slot;
}

/* The next free slot after the one taken last, so that pages that go together lie together
 * (scan_swap_map_slots()). */
static uint32_t take_next(struct rcl_machine *m, struct swap_device *device)
{
	uint32_t slot;

	do {
		slot = device->first_slot + device->next++;
		if (device->next == device->nr_slots)
			device->next = 0;
	} while (!(m->swap_slots[slot] & FREE_SLOT) || slot_is_shadow(m->swap_slots[slot]));
	return slot;
}

/* Slots go in and out of the cache by the batch, while there is plenty (check_cache_active()). All that it decides is
 * when swap counts as half full.
 *
 * SIMPLIFIED: one cache of slots for the machine, the kernel has one per CPU; effect: on machines of many CPUs swap
 * counts as half full up to 128 slots per CPU later here. */
static void note_slot_taken(struct rcl_machine *m)
{
	struct slots_cache *cache = &m->slots_cache;

	if (m->nr_swap_free < (cache->is_active ? 2 : 5) * SLOTS_CACHE_SIZE) {
		*cache = (struct slots_cache){ 0 };
		return;
	}
	cache->is_active = true;
	if (cache->nr_left == 0)
		cache->nr_left = SLOTS_CACHE_SIZE;
	cache->nr_left--;
}

/* free_swap_slot() */
static void note_slot_freed(struct rcl_machine *m)
{
	struct slots_cache *cache = &m->slots_cache;

	if (!cache->is_active)
		return;
	if (cache->nr_returned == SLOTS_CACHE_SIZE)
		cache->nr_returned = 0;
	cache->nr_returned++;
}

static uint32_t take_slots(struct rcl_machine *m, struct swap_device *device, uint32_t order)
{
	if (RCL_LIKELY(m->swap_clusters != NULL))
		return swap_clusters_take(m, device, order);
	if (device->nr_free == 0)
		return RCL_NIL;
	return device->device == RCL_DEVICE_DISK ? take_next(m, device) : take_any(m, device);
}

static void put_slot(struct rcl_machine *m, struct swap_device *device, uint32_t slot)
{
	if (RCL_LIKELY(m->swap_clusters != NULL)) {
		swap_clusters_put(m, device, slot);
	} else {
		m->swap_slots[slot] = FREE_SLOT | (uint64_t)device->free_head << 1;
		device->free_head = slot;
	}
}

/* folio_alloc_swap(), and of add_to_swap_cache() that it needs a leaf. */
static inline uint32_t alloc_slots(struct rcl_machine *m, struct memcg *memcg, uint32_t order)
{
	uint32_t nr = UINT32_C(1) << order;

	if (swap_available(m, memcg) < nr)
		return RCL_NIL;
	for (uint32_t i = 0; i < m->nr_swaps; i++) {
		struct swap_device *device = &m->swaps[m->swap_order[i]];
		uint32_t slot = take_slots(m, device, order);

		if (slot == RCL_NIL)
			continue;
		if (!swap_tree_hold(m, device, slot, nr)) {
			for (uint32_t k = 0; k < nr; k++)
				put_slot(m, device, slot + k);
			return RCL_NIL;
		}
		device->nr_free -= nr;
		m->nr_swap_free -= nr;
		if (order == 0)
			note_slot_taken(m);
		charge_swap(memcg, nr);
		return slot;
	}
	return RCL_NIL;
}

uint32_t swap_alloc(struct rcl_machine *m, struct memcg *memcg)
{
	return alloc_slots(m, memcg, 0);
}

uint32_t swap_alloc_large(struct rcl_machine *m, struct memcg *memcg, uint32_t order)
{
	return alloc_slots(m, memcg, order);
}

static struct swap_device *device_of(struct rcl_machine *m, uint32_t slot)
{
	return &m->swaps[swap_device_of(m, slot) - m->swaps];
}

/* splitmix64: what a page contains follows from whose page it is. */
static uint64_t contents_of(uint64_t key)
{
	uint64_t z = key * UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

uint32_t swap_compressed_bytes(const struct rcl_machine *m, uint64_t key)
{
	uint64_t contents = contents_of(key), share = contents % 1000, mean = m->config.compressed_bytes;
	uint64_t spread = mean * m->config.compressed_spread_permille / 1000, bytes;

	if (share < m->config.same_filled_permille)
		return 0;
	if (share < m->config.same_filled_permille + m->config.incompressible_permille)
		return RCL_PAGE_BYTES;
	/* The sum of two uniform shares of the spread: a triangle around the mean, from 0 to twice of it at most. */
	bytes = (contents >> 24 & 0xfffff) * spread + (contents >> 44) * spread;
	return (uint32_t)(mean - spread + (bytes >> 20)) + 1;
}

static void drop_stored(struct rcl_machine *m, struct swap_device *device, uint32_t slot)
{
	if (m->swap_stored && m->swap_stored[slot]) {
		zspool_free(m, &device->pool, m->swap_stored[slot] - 1);
		m->swap_stored[slot] = 0;
	}
	if (zswap_is_enabled(m))
		zswap_invalidate(m, slot);
}

/* zram_write_page(): false where the pool gets no page or has reached its limit. */
static bool write_zram(struct rcl_machine *m, struct swap_device *device, uint32_t slot, uint32_t nr_bytes)
{
	uint32_t zspage;

	spend(m, m->config.costs.zram_compress_ns);
	if (!m->config.pool_takes_pages)
		return true;
	zspage = zspool_alloc(m, &device->pool, zspool_is_huge(nr_bytes) ? RCL_PAGE_BYTES : nr_bytes);
	if (zspage == RCL_NIL)
		return false;
	if (device->mem_limit_pages && device->pool.nr_pages > device->mem_limit_pages) {
		zspool_free(m, &device->pool, zspage);
		return false;
	}
	if (m->swap_stored[slot])
		zspool_free(m, &device->pool, m->swap_stored[slot] - 1);
	m->swap_stored[slot] = 1 + zspage;
	return true;
}

void swap_free(struct rcl_machine *m, struct memcg *memcg, uint32_t slot)
{
	struct swap_device *device = device_of(m, slot);

	drop_stored(m, device, slot);
	swap_tree_release(m, device, slot);
	put_slot(m, device, slot);
	device->nr_free++;
	m->nr_swap_free++;
	note_slot_freed(m);
	charge_swap(memcg, (uint64_t)-1);
}

static struct device *queue_of(struct rcl_machine *m, const struct swap_device *swap)
{
	return &m->devices[2 + (swap - m->swaps)];
}

/* A device that takes time: the folio is under writeback until it is done. */
static void write_async(struct rcl_machine *m, struct lruvec *lruvec, struct swap_device *device, uint32_t slot,
			struct folio *folio)
{
	count(lruvec, RCL_PSWPOUT, folio->pub.nr_pages);
	spend(m, folio->pub.nr_pages * m->config.costs.swap_submit_ns);
	writeback_begin_swap(m, folio, queue_of(m, device), slot);
}

bool swap_write_slot(struct rcl_machine *m, struct lruvec *lruvec, uint32_t slot, uint32_t nr_bytes,
		     struct folio *folio)
{
	struct swap_device *device = device_of(m, slot);

	if (device->device != RCL_DEVICE_ZRAM && folio) {
		write_async(m, lruvec, device, slot, folio);
		return true;
	}
	count(lruvec, RCL_PSWPOUT, 1);
	count(lruvec, RCL_NR_WRITTEN, 1);
	if (device->device == RCL_DEVICE_ZRAM) {
		if (write_zram(m, device, slot, nr_bytes))
			return true;
		count(lruvec, RCL_ZRAM_FAILED_WRITES, 1);
		return false;
	}
	device_write(m, queue_of(m, device), RCL_NIL, false);
	return true;
}

/* is_folio_zero_filled() */
static bool is_zero_filled(const struct rcl_machine *m, const struct folio *folio)
{
	for (uint32_t i = 0; i < folio->pub.nr_pages; i++) {
		if (swap_compressed_bytes(m, folio->pub.key + i))
			return false;
	}
	return true;
}

/*
 * A large folio goes to its device page by page, past zswap (zswap_store()); where one finds no room,
 * all of it stays dirty.
 *
 * SIMPLIFIED: a page of zeros among others takes an object of the smallest size in zram, is not read from a
 * device, and comes back in a large folio with the others even if it went out alone; effect: such folios take
 * a little more of a pool, and less time to come back.
 */
static int write_large(struct rcl_machine *m, struct lruvec *lruvec, struct folio *folio, bool is_async)
{
	struct swap_device *device = device_of(m, folio->swap_slot);

	if (is_zero_filled(m, folio)) {
		spend(m, folio->pub.nr_pages * m->config.costs.same_filled_ns);
		count(lruvec, RCL_SWPOUT_ZERO, folio->pub.nr_pages);
		return 0;
	}
	if (zswap_is_enabled(m) && !zswap_may_write_back(memcg_of(folio->pub.memcg)))
		return RCL_OUTCOME_DIRTY;
	if (device->device != RCL_DEVICE_ZRAM && is_async)
		write_async(m, lruvec, device, folio->swap_slot, folio);
	for (uint32_t i = 0; !(folio->pub.flags & RCL_FOLIO_IS_WRITEBACK) && i < folio->pub.nr_pages; i++) {
		uint32_t nr_bytes = swap_compressed_bytes(m, folio->pub.key + i);

		if (!swap_write_slot(m, lruvec, folio->swap_slot + i, nr_bytes ? nr_bytes : 1, NULL))
			return RCL_OUTCOME_REMOVAL_FAILED;
	}
	/* count_swpout_vm_event() */
	count(lruvec, RCL_MTHP_SWPOUT, 1);
	if (folio->pub.order == RCL_MAX_ORDER)
		count(lruvec, RCL_THP_SWPOUT, 1);
	return 0;
}

int swap_write_folio(struct rcl_machine *m, struct lruvec *lruvec, struct folio *folio, bool is_async)
{
	uint32_t slot = folio->swap_slot, nr_bytes;

	if (RCL_UNLIKELY(folio_is_large(folio)))
		return write_large(m, lruvec, folio, is_async);
	nr_bytes = swap_compressed_bytes(m, folio->pub.key);
	if (nr_bytes == 0) {
		spend(m, m->config.costs.same_filled_ns);
		count(lruvec, RCL_SWPOUT_ZERO, 1);
		return 0;
	}
	if (zswap_is_enabled(m)) {
		if (zswap_store(m, lruvec, folio, nr_bytes))
			return 0;
		if (!zswap_may_write_back(memcg_of(folio->pub.memcg)))
			return RCL_OUTCOME_DIRTY;
	}
	return swap_write_slot(m, lruvec, slot, nr_bytes, is_async ? folio : NULL) ? 0 : RCL_OUTCOME_REMOVAL_FAILED;
}

/* zram_read_page() */
static uint64_t read_zram_ns(const struct rcl_machine *m, uint64_t key)
{
	bool is_huge = zspool_is_huge(swap_compressed_bytes(m, key));

	return is_huge ? m->config.costs.copy_page_ns : m->config.costs.zram_decompress_ns;
}

/* swap_read_folio(): zeros come from nowhere, what zswap keeps from there. */
bool swap_read_page(struct rcl_machine *m, struct folio *folio, uint32_t page, uint32_t slot)
{
	if (swap_compressed_bytes(m, folio->pub.key + page) == 0) {
		spend(m, m->config.costs.same_filled_ns);
		count(folio_lruvec(folio), RCL_SWPIN_ZERO, 1);
		return false;
	}
	if (zswap_load(m, folio, slot))
		return false;
	count(folio_lruvec(folio), RCL_PSWPIN, 1);
	return true;
}

uint64_t swap_read(struct rcl_machine *m, uint32_t slot, uint64_t key, uint64_t nr_pages)
{
	const struct swap_device *swap = swap_device_of(m, slot);

	if (swap->device == RCL_DEVICE_ZRAM)
		return *m->clock + nr_pages * read_zram_ns(m, key);
	return device_read(m, queue_of(m, swap), nr_pages);
}

void swap_cache_add(struct rcl_machine *m, struct folio *folio, uint32_t slot)
{
	folio->swap_slot = slot;
	for (uint32_t i = 0; i < folio->pub.nr_pages; i++) {
		m->swap_slots[slot + i] = slot_of_pfn(folio->pub.pfn + i);
		if (m->swap_keys)
			m->swap_keys[slot + i] = folio->pub.key + i;
	}
	memcg_of(folio->pub.memcg)->swapcache_pages += folio->pub.nr_pages;
}

static void leave_cache(struct folio *folio)
{
	folio->swap_slot = RCL_NIL;
	memcg_of(folio->pub.memcg)->swapcache_pages -= folio->pub.nr_pages;
}

void swap_cache_evict(struct rcl_machine *m, struct folio *folio, uint64_t shadow)
{
	for (uint32_t i = 0; i < folio->pub.nr_pages; i++)
		m->swap_slots[folio->swap_slot + i] = shadow;
	leave_cache(folio);
}

void swap_cache_free(struct rcl_machine *m, struct folio *folio)
{
	for (uint32_t i = 0; i < folio->pub.nr_pages; i++)
		swap_free(m, memcg_of(folio->pub.memcg), folio->swap_slot + i);
	leave_cache(folio);
	folio->pub.flags |= RCL_FOLIO_IS_DIRTY;
}

bool swap_is_full(const struct rcl_machine *m, const struct memcg *memcg)
{
	uint32_t nr_cached = m->slots_cache.nr_left + m->slots_cache.nr_returned;

	if (m->nr_swap_free * UINT64_C(2) < m->nr_swap_slots + nr_cached * UINT64_C(2))
		return true;
	for (; memcg_parent(memcg); memcg = memcg_parent(memcg)) {
		if (memcg->pub.swap_usage * 2 >= least(memcg->pub.swap_max, memcg->swap_high))
			return true;
	}
	return false;
}

void rcl_swap_info(const struct rcl_machine *m, uint64_t *nr_pages, uint64_t *nr_free)
{
	*nr_pages = m->nr_swap_slots;
	*nr_free = m->nr_swap_free;
}
