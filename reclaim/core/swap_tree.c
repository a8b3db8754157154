/*
 * The tree behind the swap cache, see swap_tree.h. Models add_to_swap_cache() and clear_shadow_from_swap_cache()
 * (mm/swap_state.c) and the slabs of radix_tree_node (lib/radix-tree.c), v6.12.
 *
 * SIMPLIFIED: only leaves are counted; effect: the nodes above them, one for 64, are free.
 * SIMPLIFIED: leaves are packed into as few slabs as hold them; effect: the kernel keeps slabs for longer after
 * leaves in the midst of them have gone.
 * SIMPLIFIED: leaves that hold nothing but shadows are never shrunk; effect: none while they are fewer than an eighth
 * of the pages that the root memcg has.
 */
#include "swap_tree.h"

#include <stdlib.h>

#include "node.h"

#define SLOTS_PER_LEAF 64	/* XA_CHUNK_SIZE, include/linux/xarray.h v6.12 */
#define LEAVES_PER_SLAB 28	/* of 576 bytes and a free pointer, x86-64 v6.12 */
#define PAGES_PER_SLAB 4

bool swap_tree_setup(struct rcl_machine *m)
{
	uint32_t nr_leaves = 0;

	for (uint32_t i = 0; i < m->nr_swaps; i++) {
		m->swaps[i].first_leaf = nr_leaves;
		nr_leaves += m->swaps[i].nr_slots / SLOTS_PER_LEAF + 1;
	}
	m->swap_tree = (struct swap_tree){ .first_pfn = RCL_NIL };
	if (!m->config.charge_kmem)
		return true;
	m->swap_tree.nr_held = calloc(nr_leaves, sizeof(*m->swap_tree.nr_held));
	return m->swap_tree.nr_held;
}

void swap_tree_teardown(struct rcl_machine *m)
{
	free(m->swap_tree.nr_held);
}

static void give_back(struct rcl_machine *m, uint32_t nr_pages)
{
	struct swap_tree *tree = &m->swap_tree;

	while (tree->nr_pages > nr_pages) {
		struct folio *page = folio_at(m, tree->first_pfn);

		tree->first_pfn = link_at(m, page->pub.pfn)->next;
		tree->nr_pages--;
		node_free_folio(m, page);
	}
}

static bool take_slab(struct rcl_machine *m)
{
	struct swap_tree *tree = &m->swap_tree;
	uint32_t nr_before = tree->nr_pages;

	while (tree->nr_pages < nr_before + PAGES_PER_SLAB) {
		struct folio *page = node_take_reserve(m);

		if (!page) {
			give_back(m, nr_before);
			return false;
		}
		page->transit = RCL_TRANSIT_SLAB;
		link_at(m, page->pub.pfn)->next = tree->first_pfn;
		tree->first_pfn = page->pub.pfn;
		tree->nr_pages++;
	}
	return true;
}

static uint8_t *leaf_of(struct rcl_machine *m, const struct swap_device *device, uint32_t slot)
{
	return &m->swap_tree.nr_held[device->first_leaf + (slot - device->first_slot) / SLOTS_PER_LEAF];
}

static bool hold(struct rcl_machine *m, uint8_t *nr_held)
{
	struct swap_tree *tree = &m->swap_tree;

	if (RCL_UNLIKELY(*nr_held == 0)) {
		if (tree->nr_leaves * PAGES_PER_SLAB == tree->nr_pages * LEAVES_PER_SLAB && !take_slab(m))
			return false;
		tree->nr_leaves++;
	}
	++*nr_held;
	return true;
}

bool swap_tree_hold(struct rcl_machine *m, const struct swap_device *device, uint32_t slot, uint32_t nr)
{
	if (!m->swap_tree.nr_held)
		return true;
	for (uint32_t i = 0; i < nr; i++) {
		if (hold(m, leaf_of(m, device, slot + i)))
			continue;
		while (i-- > 0)
			swap_tree_release(m, device, slot + i);
		return false;
	}
	return true;
}

void swap_tree_release(struct rcl_machine *m, const struct swap_device *device, uint32_t slot)
{
	struct swap_tree *tree = &m->swap_tree;

	if (!tree->nr_held || RCL_LIKELY(--*leaf_of(m, device, slot) > 0))
		return;
	tree->nr_leaves--;
	give_back(m, (tree->nr_leaves + LEAVES_PER_SLAB - 1) / LEAVES_PER_SLAB * PAGES_PER_SLAB);
}
