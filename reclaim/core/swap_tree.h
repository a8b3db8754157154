/*
 * The tree behind the swap cache: nodes of it take pages of the machine.
 *
 * Here: which leaves stand. Not here: the pages that hold them (slab.h), what a slot holds (swap.h), and the trees of
 * files, which memcgs pay for (kmem.h).
 *
 * A leaf has room for 64 slots of a device in a row and stands while one of them is in use, by a folio of the swap
 * cache or by the shadow of one that is out. Slots are taken in a row and freed in any order, so leaves stay behind for
 * few survivors: 4,600 pages that are out may well have 300 leaves, which take 43 pages. No memcg pays for them
 * (swap address spaces have no XA_FLAGS_ACCOUNT). Off with rcl_config.charge_kmem = 0, for textbook caches.
 */
#ifndef RCL_SWAP_TREE_H
#define RCL_SWAP_TREE_H

#include "machine.h"

/* Make room for the leaves of all devices; false: no memory. */
bool swap_tree_setup(struct rcl_machine *m);
void swap_tree_teardown(struct rcl_machine *m);

/* Hold so many slots in a row from this one on, which were free; false: no page for a leaf, and none is held. */
bool swap_tree_hold(struct rcl_machine *m, const struct swap_device *device, uint32_t slot, uint32_t nr);
void swap_tree_release(struct rcl_machine *m, const struct swap_device *device, uint32_t slot);

#endif
