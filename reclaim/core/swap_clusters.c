/*
 * Swap clusters, see swap_clusters.h. Models mm/swapfile.c v6.12 (cluster_alloc_swap_entry() and
 * what it calls).
 */
#include "swap_clusters.h"

#include <stdlib.h>

#include "swap.h"

#define CLUSTER_SLOTS 512		/* SWAPFILE_CLUSTER with CONFIG_THP_SWAP, mm/swap.h v6.12 */

/* Free clusters, those in use with and without hope by order, full ones. */
enum { LIST_FREE = 0, LIST_NONFULL = 1, LIST_FRAG = LIST_NONFULL + RCL_MAX_ORDER + 1,
       LIST_FULL = LIST_FRAG + RCL_MAX_ORDER + 1 };

_Static_assert(LIST_FULL + 1 == NR_CLUSTER_LISTS, "the device has a head for each list");

static void link_cluster(struct rcl_machine *m, struct swap_device *device, uint32_t number, uint32_t list)
{
	struct swap_cluster *cluster = &m->swap_clusters[number];
	struct lru_list *head = &device->cluster_lists[list];

	cluster->list = (uint8_t)list;
	cluster->link = (struct folio_link){ .prev = head->tail, .next = RCL_NIL };
	if (head->tail != RCL_NIL)
		m->swap_clusters[head->tail].link.next = number;
	else
		head->head = number;
	head->tail = number;
	head->nr_folios++;
}

static void unlink_cluster(struct rcl_machine *m, struct swap_device *device, uint32_t number)
{
	struct swap_cluster *cluster = &m->swap_clusters[number];
	struct lru_list *head = &device->cluster_lists[cluster->list];

	if (cluster->link.prev != RCL_NIL)
		m->swap_clusters[cluster->link.prev].link.next = cluster->link.next;
	else
		head->head = cluster->link.next;
	if (cluster->link.next != RCL_NIL)
		m->swap_clusters[cluster->link.next].link.prev = cluster->link.prev;
	else
		head->tail = cluster->link.prev;
	head->nr_folios--;
}

static void move_to_tail(struct rcl_machine *m, struct swap_device *device, uint32_t number, uint32_t list)
{
	unlink_cluster(m, device, number);
	link_cluster(m, device, number, list);
}

int swap_clusters_setup(struct rcl_machine *m)
{
	uint32_t nr = 0;

	for (uint32_t i = 0; i < m->nr_swaps; i++)
		nr += (m->swaps[i].nr_slots + CLUSTER_SLOTS - 1) / CLUSTER_SLOTS;
	m->swap_clusters = calloc(nr + UINT64_C(1), sizeof(*m->swap_clusters));
	if (!m->swap_clusters)
		return machine_error(m, RCL_NO_MEMORY, "no memory for %u swap clusters", nr);
	nr = 0;
	for (uint32_t i = 0; i < m->nr_swaps; i++) {
		struct swap_device *device = &m->swaps[i];

		device->first_cluster = nr;
		device->nr_fresh = device->nr_slots;
		for (uint32_t list = 0; list < NR_CLUSTER_LISTS; list++)
			device->cluster_lists[list].head = device->cluster_lists[list].tail = RCL_NIL;
		for (uint32_t order = 0; order <= RCL_MAX_ORDER; order++)
			device->cluster_next[order] = RCL_NIL;
		for (uint32_t slot = 0; slot < device->nr_slots; slot += CLUSTER_SLOTS)
			link_cluster(m, device, nr++, LIST_FREE);
	}
	return RCL_OK;
}

static uint32_t cluster_size(const struct swap_device *device, uint32_t start)
{
	return device->nr_slots - start < CLUSTER_SLOTS ? device->nr_slots - start : CLUSTER_SLOTS;
}

/* Clusters are first used one after the other; what was never used has no words yet, so that a large device costs
 * nothing before it is. */
static void open_fresh(struct rcl_machine *m, struct swap_device *device, uint32_t start)
{
	uint32_t size = cluster_size(device, start);

	if (start < device->nr_slots - device->nr_fresh)
		return;
	for (uint32_t i = 0; i < size; i++)
		m->swap_slots[device->first_slot + start + i] = FREE_SLOT;
	device->nr_fresh -= size;
}

/* cluster_scan_range() */
static bool is_range_free(const struct rcl_machine *m, const struct swap_device *device, uint32_t offset, uint32_t nr)
{
	for (uint32_t i = 0; i < nr; i++) {
		uint64_t word = m->swap_slots[device->first_slot + offset + i];

		if (word & 1 || !(word & FREE_SLOT))
			return false;
	}
	return true;
}

/* cluster_alloc_range(): a free cluster serves this order from now on. */
static void take_range(struct rcl_machine *m, struct swap_device *device, uint32_t offset, uint32_t order)
{
	uint32_t number = device->first_cluster + offset / CLUSTER_SLOTS;
	struct swap_cluster *cluster = &m->swap_clusters[number];

	if (cluster->nr_used == 0) {
		cluster->order = (uint8_t)order;
		move_to_tail(m, device, number, LIST_NONFULL + order);
	}
	cluster->nr_used += (uint16_t)(1u << order);
	if (cluster->nr_used == cluster_size(device, offset - offset % CLUSTER_SLOTS))
		move_to_tail(m, device, number, LIST_FULL);
	for (uint32_t i = 0; i < UINT32_C(1) << order; i++)
		m->swap_slots[device->first_slot + offset + i] = 0;
}

/*
 * Look for slots in the cluster of `offset`, from there on (alloc_swap_scan_cluster()). Answers them,
 * or RCL_NIL; the next look of this order begins behind them.
 */
static uint32_t scan_cluster(struct rcl_machine *m, struct swap_device *device, uint32_t offset, uint32_t order)
{
	uint32_t start = offset - offset % CLUSTER_SLOTS, size = cluster_size(device, start), nr = UINT32_C(1) << order;
	struct swap_cluster *cluster = &m->swap_clusters[device->first_cluster + start / CLUSTER_SLOTS];

	device->cluster_next[order] = RCL_NIL;
	if (cluster->nr_used + nr > size)
		return RCL_NIL;
	open_fresh(m, device, start);
	for (; offset + nr <= start + size; offset += nr) {
		if (!is_range_free(m, device, offset, nr))
			continue;
		take_range(m, device, offset, order);
		if (cluster->nr_used < size && offset + 2 * nr <= start + size)
			device->cluster_next[order] = offset + nr;
		return offset;
	}
	return RCL_NIL;
}

static uint32_t start_of(const struct swap_device *device, uint32_t number)
{
	return (number - device->first_cluster) * CLUSTER_SLOTS;
}

/* Clusters of the same order: none of those that were not full may have slots in a row. */
static uint32_t scan_own(struct rcl_machine *m, struct swap_device *device, uint32_t order)
{
	uint64_t nr_looked = 0;
	uint32_t found = RCL_NIL;

	while (found == RCL_NIL && device->cluster_lists[LIST_NONFULL + order].head != RCL_NIL) {
		uint32_t number = device->cluster_lists[LIST_NONFULL + order].head;

		move_to_tail(m, device, number, LIST_FRAG + order);
		found = scan_cluster(m, device, start_of(device, number), order);
		nr_looked++;
	}
	while (found == RCL_NIL && nr_looked < device->cluster_lists[LIST_FRAG + order].nr_folios) {
		uint32_t number = device->cluster_lists[LIST_FRAG + order].head;

		move_to_tail(m, device, number, LIST_FRAG + order);
		found = scan_cluster(m, device, start_of(device, number), order);
		nr_looked++;
	}
	return found;
}

/* Single pages take from the clusters of other orders when nothing else is left. */
static uint32_t steal(struct rcl_machine *m, struct swap_device *device)
{
	for (uint32_t order = 1; order <= RCL_MAX_ORDER; order++) {
		uint32_t number = device->cluster_lists[LIST_FRAG + order].head;

		if (number == RCL_NIL)
			number = device->cluster_lists[LIST_NONFULL + order].head;
		if (number != RCL_NIL)
			return scan_cluster(m, device, start_of(device, number), 0);
	}
	return RCL_NIL;
}

uint32_t swap_clusters_take(struct rcl_machine *m, struct swap_device *device, uint32_t order)
{
	uint32_t found = RCL_NIL;

	if (device->nr_free < UINT32_C(1) << order)
		return RCL_NIL;
	if (device->cluster_next[order] != RCL_NIL)
		found = scan_cluster(m, device, device->cluster_next[order], order);
	for (uint32_t number = device->cluster_lists[LIST_FREE].head; found == RCL_NIL && number != RCL_NIL;) {
		uint32_t start = start_of(device, number);

		/* Only a device's last cluster may be too short. */
		number = m->swap_clusters[number].link.next;
		found = scan_cluster(m, device, start, order);
	}
	if (found == RCL_NIL && order < RCL_MAX_ORDER)
		found = scan_own(m, device, order);
	if (found == RCL_NIL && order == 0)
		found = steal(m, device);
	return found == RCL_NIL ? RCL_NIL : device->first_slot + found;
}

void swap_clusters_put(struct rcl_machine *m, struct swap_device *device, uint32_t slot)
{
	uint32_t number = device->first_cluster + (slot - device->first_slot) / CLUSTER_SLOTS;
	struct swap_cluster *cluster = &m->swap_clusters[number];

	m->swap_slots[slot] = FREE_SLOT;
	cluster->nr_used--;
	if (cluster->nr_used == 0)
		move_to_tail(m, device, number, LIST_FREE);
	else if (cluster->list != LIST_NONFULL + cluster->order)
		move_to_tail(m, device, number, LIST_NONFULL + cluster->order);
}
