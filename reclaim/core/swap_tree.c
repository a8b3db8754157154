/*
 * The tree behind the swap cache, see swap_tree.h. Models add_to_swap_cache() and clear_shadow_from_swap_cache()
 * (mm/swap_state.c) v6.12.
 *
 * SIMPLIFIED: only leaves are counted; effect: the nodes above them, one for 64, are free.
 * SIMPLIFIED: leaves that hold nothing but shadows are never shrunk; effect: none while they are fewer than an eighth
 * of the pages that the root memcg has.
 */
#include "swap_tree.h"

#include <stdlib.h>

#include "slab.h"

#define SLOTS_PER_LEAF 64	/* XA_CHUNK_SIZE, include/linux/xarray.h v6.12 */
#define LEAVES_PER_SLAB 28	/* radix_tree_node: 576 bytes and a free pointer, x86-64 v6.12 */
#define PAGES_PER_SLAB 4

bool swap_tree_setup(struct rcl_machine *m)
{
	uint32_t nr_leaves = 0;

	for (uint32_t i = 0; i < m->nr_swaps; i++) {
		m->swaps[i].first_leaf = nr_leaves;
		nr_leaves += m->swaps[i].nr_slots / SLOTS_PER_LEAF + 1;
	}
	m->swap_tree.leaves = slab_cache_of(PAGES_PER_SLAB, LEAVES_PER_SLAB);
	if (!m->config.charge_kmem)
		return true;
	m->swap_tree.nr_held = calloc(nr_leaves, sizeof(*m->swap_tree.nr_held));
	return m->swap_tree.nr_held;
}

void swap_tree_teardown(struct rcl_machine *m)
{
	free(m->swap_tree.nr_held);
}

static uint8_t *leaf_of(struct rcl_machine *m, const struct swap_device *device, uint32_t slot)
{
	return &m->swap_tree.nr_held[device->first_leaf + (slot - device->first_slot) / SLOTS_PER_LEAF];
}

bool swap_tree_hold(struct rcl_machine *m, const struct swap_device *device, uint32_t slot, uint32_t nr)
{
	if (!m->swap_tree.nr_held)
		return true;
	for (uint32_t i = 0; i < nr; i++) {
		uint8_t *nr_held = leaf_of(m, device, slot + i);

		if (RCL_LIKELY(*nr_held > 0) || slab_alloc(m, &m->swap_tree.leaves)) {
			++*nr_held;
			continue;
		}
		while (i-- > 0)
			swap_tree_release(m, device, slot + i);
		return false;
	}
	return true;
}

void swap_tree_release(struct rcl_machine *m, const struct swap_device *device, uint32_t slot)
{
	if (m->swap_tree.nr_held && RCL_UNLIKELY(--*leaf_of(m, device, slot) == 0))
		slab_free(m, &m->swap_tree.leaves);
}
