/*
 * Slabs: pages of the nodes that hold small objects of the kernel which no memcg pays for.
 *
 * Here: how many pages so many objects take. Not here: what they are (swap_tree.h, zspool.h), and what memcgs pay
 * for (kmem.h). Objects are free where rcl_config.charge_kmem = 0, for textbook caches.
 *
 * SIMPLIFIED: objects are packed into as few slabs as hold them; effect: the kernel keeps slabs for longer after
 * objects in the midst of them have gone.
 */
#ifndef RCL_SLAB_H
#define RCL_SLAB_H

#include "machine.h"

/* A cache whose slabs are nr_pages and hold nr_objects (oo_objects(), mm/slub.c v6.12). */
static inline struct slab_cache slab_cache_of(uint32_t nr_pages, uint32_t nr_objects)
{
	return (struct slab_cache){ .first_pfn = RCL_NIL, .per_slab = nr_objects, .slab_pages = nr_pages };
}

/* Open a slab; false: there are not as many pages. */
bool slab_grow(struct rcl_machine *m, struct slab_cache *cache);
void slab_shrink(struct rcl_machine *m, struct slab_cache *cache);

/* One object more; false: no page for it. Whoever asks is freeing memory (PF_MEMALLOC). */
static inline bool slab_alloc(struct rcl_machine *m, struct slab_cache *cache)
{
	if (!m->config.charge_kmem)
		return true;
	if (RCL_UNLIKELY(cache->nr_objects == cache->nr_held) && !slab_grow(m, cache))
		return false;
	cache->nr_objects++;
	return true;
}

static inline void slab_free(struct rcl_machine *m, struct slab_cache *cache)
{
	if (!m->config.charge_kmem)
		return;
	cache->nr_objects--;
	if (RCL_UNLIKELY(cache->nr_objects + cache->per_slab <= cache->nr_held))
		slab_shrink(m, cache);
}

#endif
