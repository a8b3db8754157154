/*
 * Slabs, see slab.h. Models mm/slub.c v6.12.
 */
#include "slab.h"

#include "node.h"

static void give_back(struct rcl_machine *m, struct slab_cache *cache, uint32_t nr_pages)
{
	while (nr_pages-- > 0) {
		struct folio *page = folio_at(m, cache->first_pfn);

		cache->first_pfn = link_at(m, page->pub.pfn)->next;
		cache->nr_pages--;
		node_free_folio(m, page);
	}
}

bool slab_grow(struct rcl_machine *m, struct slab_cache *cache)
{
	for (uint32_t i = 0; i < cache->slab_pages; i++) {
		struct folio *page = node_take_reserve(m);

		if (!page) {
			give_back(m, cache, i);
			return false;
		}
		page->transit = RCL_TRANSIT_SLAB;
		link_at(m, page->pub.pfn)->next = cache->first_pfn;
		cache->first_pfn = page->pub.pfn;
		cache->nr_pages++;
	}
	cache->nr_held += cache->per_slab;
	return true;
}

void slab_shrink(struct rcl_machine *m, struct slab_cache *cache)
{
	give_back(m, cache, cache->slab_pages);
	cache->nr_held -= cache->per_slab;
}
