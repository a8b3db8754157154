/*
 * Slabs, see slab.h. Models mm/slub.c v6.12.
 */
#include "slab.h"

#include "node.h"

bool slab_grow(struct rcl_machine *m, struct slab_cache *cache)
{
	if (!node_take_chain(m, &cache->first_pfn, cache->slab_pages, RCL_TRANSIT_SLAB))
		return false;
	cache->nr_pages += cache->slab_pages;
	cache->nr_held += cache->per_slab;
	return true;
}

void slab_shrink(struct rcl_machine *m, struct slab_cache *cache)
{
	node_free_chain(m, &cache->first_pfn, cache->slab_pages);
	cache->nr_pages -= cache->slab_pages;
	cache->nr_held -= cache->per_slab;
}
