/*
 * Swap, see swap.h. Models mm/swapfile.c and mm/page_io.c of v6.12 for single pages.
 */
#include "swap.h"

#include <stdlib.h>

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
	for (uint32_t i = 0; i < m->nr_swaps; i++)
		set_up_disk(m, &m->swaps[i]);
	if (!m->has_rotating_swap)
		return RCL_OK;
	m->swap_keys = calloc(total + 1, sizeof(*m->swap_keys));
	if (!m->swap_keys)
		return machine_error(m, RCL_NO_MEMORY, "no memory for %llu swap slots", (unsigned long long)total);
	return RCL_OK;
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

uint32_t swap_alloc(struct rcl_machine *m, struct memcg *memcg)
{
	if (swap_available(m, memcg) == 0)
		return RCL_NIL;
	for (uint32_t i = 0; i < m->nr_swaps; i++) {
		struct swap_device *device = &m->swaps[m->swap_order[i]];
		uint32_t slot;

		if (device->nr_free == 0)
			continue;
		slot = device->device == RCL_DEVICE_DISK ? take_next(m, device) : take_any(m, device);
		device->nr_free--;
		m->nr_swap_free--;
		charge_swap(memcg, 1);
		return slot;
	}
	return RCL_NIL;
}

void swap_free(struct rcl_machine *m, struct memcg *memcg, uint32_t slot)
{
	struct swap_device *device = &m->swaps[swap_device_of(m, slot) - m->swaps];

	m->swap_slots[slot] = FREE_SLOT | (uint64_t)device->free_head << 1;
	device->free_head = slot;
	device->nr_free++;
	m->nr_swap_free++;
	charge_swap(memcg, (uint64_t)-1);
}

bool swap_write_page(struct rcl_machine *m, uint32_t slot)
{
	const struct rcl_costs *costs = &m->config.costs;
	uint32_t device = swap_device_of(m, slot)->device;

	spend(m, device == RCL_DEVICE_ZRAM  ? costs->zram_compress_ns
		 : device == RCL_DEVICE_SSD ? costs->ssd_write_ns
					    : costs->disk_write_ns);
	return device != RCL_DEVICE_ZRAM;
}

uint64_t swap_read_ns(const struct rcl_machine *m, uint32_t slot, uint64_t nr_pages)
{
	const struct rcl_costs *costs = &m->config.costs;

	switch (swap_device_of(m, slot)->device) {
	case RCL_DEVICE_ZRAM:
		return nr_pages * costs->zram_decompress_ns;
	case RCL_DEVICE_SSD:
		return costs->ssd_read_ns + (nr_pages - 1) * costs->ssd_page_ns;
	default:
		return costs->disk_read_ns + (nr_pages - 1) * costs->disk_page_ns;
	}
}

void swap_cache_add(struct rcl_machine *m, struct folio *folio, uint32_t slot)
{
	folio->swap_slot = slot;
	m->swap_slots[slot] = slot_of_pfn(folio->pub.pfn);
	if (m->swap_keys)
		m->swap_keys[slot] = folio->pub.key;
	memcg_of(folio->pub.memcg)->swapcache_pages++;
}

static void leave_cache(struct folio *folio)
{
	folio->swap_slot = RCL_NIL;
	memcg_of(folio->pub.memcg)->swapcache_pages--;
}

void swap_cache_evict(struct rcl_machine *m, struct folio *folio, uint64_t shadow)
{
	m->swap_slots[folio->swap_slot] = shadow;
	leave_cache(folio);
}

void swap_cache_free(struct rcl_machine *m, struct folio *folio)
{
	swap_free(m, memcg_of(folio->pub.memcg), folio->swap_slot);
	leave_cache(folio);
	folio->pub.flags |= RCL_FOLIO_IS_DIRTY;
}

bool swap_is_full(const struct rcl_machine *m, const struct memcg *memcg)
{
	if (m->nr_swap_free * UINT64_C(2) < m->nr_swap_slots)
		return true;
	for (const struct rcl_memcg *pub = &memcg->pub; pub->parent; pub = pub->parent) {
		if (pub->swap_usage * 2 >= pub->swap_max)
			return true;
	}
	return false;
}

void rcl_swap_info(const struct rcl_machine *m, uint64_t *nr_pages, uint64_t *nr_free)
{
	*nr_pages = m->nr_swap_slots;
	*nr_free = m->nr_swap_free;
}
