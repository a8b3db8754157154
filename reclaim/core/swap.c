/*
 * Swap, see swap.h. Models mm/swapfile.c and mm/page_io.c of v6.12 for single pages.
 */
#include "swap.h"

#include <stdlib.h>

#include "workingset.h"

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

uint32_t swap_alloc(struct rcl_machine *m, struct memcg *memcg)
{
	if (swap_available(m, memcg) == 0)
		return RCL_NIL;
	for (uint32_t i = 0; i < m->nr_swaps; i++) {
		struct swap_device *device = &m->swaps[m->swap_order[i]];
		uint32_t slot = device->free_head;

		if (device->nr_free == 0)
			continue;
		if (slot != RCL_NIL)
			device->free_head = (uint32_t)(m->swap_slots[slot] >> 1);
		else
			slot = device->first_slot + device->nr_slots - device->nr_fresh--;
		device->nr_free--;
		m->nr_swap_free--;
		charge_swap(memcg, 1);
		return slot;
	}
	return RCL_NIL;
}

static struct swap_device *device_of(struct rcl_machine *m, uint32_t slot)
{
	struct swap_device *device = m->swaps;

	while (slot - device->first_slot >= device->nr_slots)
		device++;
	return device;
}

void swap_free(struct rcl_machine *m, struct memcg *memcg, uint32_t slot)
{
	struct swap_device *device = device_of(m, slot);

	m->swap_slots[slot] = FREE_SLOT | (uint64_t)device->free_head << 1;
	device->free_head = slot;
	device->nr_free++;
	m->nr_swap_free++;
	charge_swap(memcg, (uint64_t)-1);
}

bool swap_write_page(struct rcl_machine *m, uint32_t slot)
{
	const struct rcl_costs *costs = &m->config.costs;
	uint32_t device = device_of(m, slot)->device;

	spend(m, device == RCL_DEVICE_ZRAM  ? costs->zram_compress_ns
		 : device == RCL_DEVICE_SSD ? costs->ssd_write_ns
					    : costs->disk_write_ns);
	return device != RCL_DEVICE_ZRAM;
}

bool swap_read_page(struct rcl_machine *m, uint32_t slot)
{
	const struct rcl_costs *costs = &m->config.costs;
	uint32_t device = device_of(m, slot)->device;

	spend(m, device == RCL_DEVICE_ZRAM  ? costs->zram_decompress_ns
		 : device == RCL_DEVICE_SSD ? costs->ssd_read_ns
					    : costs->disk_read_ns);
	return device != RCL_DEVICE_ZRAM;
}

/* A synchronous device with one user bypasses the swap cache and frees the slot at once
 * (do_swap_page()); others keep it while less than half of swap is used (vm_swap_full()). */
bool swap_keeps_slot(const struct rcl_machine *m, uint32_t slot)
{
	const struct swap_device *device = device_of((struct rcl_machine *)m, slot);

	return device->device != RCL_DEVICE_ZRAM && m->nr_swap_free * UINT64_C(2) >= m->nr_swap_slots;
}

void rcl_swap_info(const struct rcl_machine *m, uint64_t *nr_pages, uint64_t *nr_free)
{
	*nr_pages = m->nr_swap_slots;
	*nr_free = m->nr_swap_free;
}
