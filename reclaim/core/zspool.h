/*
 * A pool of compressed pages: objects of any size packed into pages of the nodes (zsmalloc).
 *
 * Here: size classes, packing, the pages that a pool takes and gives back. Not here: what is
 * stored, and by whom (swap.h, zswap.h).
 *
 * Objects of similar size share a zspage of one to eight pages; a new one goes into the fullest
 * zspage that has room, and a zspage is given back when its last object goes. What a pool takes is
 * taken from the nodes, down to their last page: whoever compresses is freeing memory (PF_MEMALLOC). So is what its
 * handles and the records of its zspages take (slab.h), a page for 512 objects and one for 73 zspages.
 *
 * SIMPLIFIED: zspages are never compacted; effect: after many frees of mixed ages a pool holds more
 * pages than the kernel's, whose shrinker compacts it.
 */
#ifndef RCL_ZSPOOL_H
#define RCL_ZSPOOL_H

#include "machine.h"

/* Make room for so many objects. */
bool zspool_setup(struct zs_pool *pool, uint64_t nr_objects);
void zspool_teardown(struct zs_pool *pool);

/* Store an object of nr_bytes; answers the zspage that holds it, RCL_NIL without a free page. */
uint32_t zspool_alloc(struct rcl_machine *m, struct zs_pool *pool, uint32_t nr_bytes);
void zspool_free(struct rcl_machine *m, struct zs_pool *pool, uint32_t zspage);

/* Whether an object of that size takes a whole page (zs_huge_class_size()). */
bool zspool_is_huge(uint32_t nr_bytes);

#endif
