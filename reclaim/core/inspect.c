/*
 * Looking inside: the read-only part of the public interface.
 *
 * Here: copies of the core's state for tests, tools and the curious. Nothing here changes anything.
 */
#include <string.h>

#include "maps.h"
#include "node.h"
#include "pagecache.h"
#include "rmap.h"

int rcl_memcg_info(const struct rcl_machine *m, uint32_t number, struct rcl_memcg_info *out)
{
	const struct memcg *memcg;

	if (number >= m->nr_memcgs)
		return RCL_BAD_ARGUMENT;
	memcg = m->memcgs[number];
	*out = (struct rcl_memcg_info){ .parent = memcg->pub.parent ? memcg->pub.parent->id : 0,
					.swappiness = memcg->pub.swappiness, .usage_pages = memcg->pub.usage,
					.swap_pages = memcg->pub.swap_usage, .max_pages = memcg->pub.max,
					.high_pages = memcg->pub.high, .low_pages = memcg->pub.low,
					.min_pages = memcg->pub.min, .swap_max_pages = memcg->pub.swap_max };
	for (uint32_t i = memcg->order; i < memcg->order + memcg->nr_subtree; i++) {
		out->swapcached_pages += m->memcgs[m->memcg_order[i]]->swapcache_pages;
		for (uint32_t nid = 0; nid < m->nr_nodes; nid++) {
			const struct lruvec *lruvec = &m->memcgs[m->memcg_order[i]]->lruvecs[nid];

			out->anon_pages += lruvec->pub.nr_anon_pages + lruvec->nr_unevictable[RCL_ANON];
			out->file_pages += lruvec->pub.nr_file_pages + lruvec->nr_unevictable[RCL_FILE];
			out->unevictable_pages += lruvec->pub.list_pages[RCL_STANDARD_LIST_UNEVICTABLE];
		}
	}
	return RCL_OK;
}

int rcl_task_info(const struct rcl_machine *m, uint32_t number, struct rcl_task_info *out)
{
	const struct task *task;

	if (number >= m->nr_tasks)
		return RCL_BAD_ARGUMENT;
	task = m->tasks[number];
	*out = (struct rcl_task_info){ .state = task->state, .memcg = task->memcg->pub.id, .clock_ns = task->clock_ns,
				       .nr_records = task->nr_done + task->position, .nr_misses = task->nr_misses,
				       .nr_missed_pages = task->nr_misses + task->nr_missed_tails,
				       .nr_mapped_pages = task->nr_pages, .nr_file_pages = task->nr_file_pages };
	for (uint32_t vpn = 0; vpn < task->nr_pages; vpn++) {
		out->resident_pages += pte_maps(task->ptes[vpn]);
		out->swapped_pages += (task->ptes[vpn] & (PTE_PRESENT | PTE_SWAP)) == PTE_SWAP;
	}
	return RCL_OK;
}

int rcl_node_info(const struct rcl_machine *m, uint32_t nid, struct rcl_node_info *out)
{
	const struct node *node;

	if (nid >= m->nr_nodes)
		return RCL_BAD_ARGUMENT;
	node = &m->nodes[nid];
	*out = (struct rcl_node_info){ .nr_pages = node->pub.nr_pages, .nr_free_pages = node->pub.nr_free_pages,
				       .min_wmark = node->pub.min_wmark, .low_wmark = node->pub.low_wmark,
				       .high_wmark = node->pub.high_wmark, .kswapd_ns = node->kswapd.ns,
				       .tier = node->pub.tier,
				       .kswapd_is_hopeless = node->kswapd.nr_failures >= MAX_RECLAIM_RETRIES };
	return RCL_OK;
}

uint64_t rcl_file_key(uint32_t file, uint64_t page)
{
	return file_key(file, (uint32_t)page);
}

uint64_t rcl_anon_key(uint32_t task, uint64_t page)
{
	return anon_key(task, (uint32_t)page);
}

static const struct lruvec *find_lruvec(const struct rcl_machine *m, uint32_t id)
{
	return id < m->nr_memcgs * m->nr_nodes ? &m->memcgs[id / m->nr_nodes]->lruvecs[id % m->nr_nodes] : NULL;
}

int rcl_lruvec_of(const struct rcl_machine *m, uint32_t memcg, uint32_t nid, uint32_t *lruvec)
{
	if (memcg >= m->nr_memcgs || nid >= m->nr_nodes)
		return RCL_BAD_ARGUMENT;
	*lruvec = memcg * m->nr_nodes + nid;
	return RCL_OK;
}

int rcl_lruvec_info(const struct rcl_machine *m, uint32_t id, struct rcl_lruvec_info *out)
{
	const struct lruvec *lruvec = find_lruvec(m, id);

	if (!lruvec)
		return RCL_BAD_ARGUMENT;
	*out = (struct rcl_lruvec_info){ .id = id, .memcg = lruvec->pub.memcg->id, .nid = lruvec->pub.nid,
					 .attachment = lruvec->att ? lruvec->att->number : 0,
					 .nr_lists = lruvec->nr_lists, .nr_anon_pages = lruvec->pub.nr_anon_pages,
					 .nr_file_pages = lruvec->pub.nr_file_pages, .clock = lruvec->pub.clock };
	return RCL_OK;
}

int rcl_list_pages(const struct rcl_machine *m, uint32_t id, uint32_t list, uint64_t *nr_pages)
{
	const struct lruvec *lruvec = find_lruvec(m, id);

	if (!lruvec || list >= lruvec->nr_lists)
		return RCL_BAD_ARGUMENT;
	*nr_pages = lruvec->pub.list_pages[list];
	return RCL_OK;
}

int rcl_list_folios(const struct rcl_machine *m, uint32_t id, uint32_t list, uint32_t *pfns, uint64_t capacity,
		    uint64_t *nr)
{
	const struct lruvec *lruvec = find_lruvec(m, id);
	uint64_t n = 0;
	uint32_t pfn;

	if (!lruvec || list == 0 || list >= lruvec->nr_lists)
		return RCL_BAD_ARGUMENT;
	pfn = list == RCL_STANDARD_LIST_UNEVICTABLE ? lruvec->unevictable.tail : lruvec->lists[list].tail;
	for (; pfn != RCL_NIL; pfn = link_at(m, pfn)->prev, n++) {
		if (n < capacity)
			pfns[n] = pfn;
	}
	*nr = n;
	return RCL_OK;
}

int rcl_folio_info(const struct rcl_machine *m, uint32_t pfn, struct rcl_folio_info *out)
{
	const struct folio *folio;

	if (pfn >= m->nr_folios)
		return RCL_BAD_ARGUMENT;
	*out = (struct rcl_folio_info){ .pfn = pfn, .transit = RCL_TRANSIT_FREE };
	if (node_is_fresh(m, pfn) || folio_at(m, pfn)->transit == RCL_TRANSIT_FREE || is_kernel_page(folio_at(m, pfn)))
		return RCL_OK;
	folio = page_folio(m, pfn);
	*out = (struct rcl_folio_info){ .pfn = folio->pub.pfn, .flags = folio->pub.flags & ~CORE_FLAGS,
					.key = folio->pub.key, .memcg = folio->pub.memcg->id, .type = folio->pub.type,
					.nid = folio->pub.nid, .list = folio->pub.list, .order = folio->pub.order,
					.physical_list = folio->physical_list, .transit = folio->transit,
					.nr_mappings = folio_is_large(folio) ? folio->nr_ptes : folio_is_mapped(folio) };
	for (uint32_t item = folio->rmap_more; !folio_is_large(folio) && item != RCL_NIL; item = m->rmap_items[item].next)
		out->nr_mappings++;
	return RCL_OK;
}

int rcl_file_folio(const struct rcl_machine *m, uint32_t file, uint64_t page, uint32_t *pfn)
{
	uint64_t slot;

	if (file >= m->nr_files || page >= m->files[file].nr_pages)
		return RCL_BAD_ARGUMENT;
	slot = m->files[file].slots[page];
	*pfn = slot && !slot_is_shadow(slot) ? page_folio(m, slot_pfn(slot))->pub.pfn : RCL_NIL;
	return RCL_OK;
}

int rcl_task_ptes(const struct rcl_machine *m, uint32_t task, uint64_t first, uint64_t nr, uint32_t *out)
{
	if (task >= m->nr_tasks || first > m->tasks[task]->nr_pages || nr > m->tasks[task]->nr_pages - first)
		return RCL_BAD_ARGUMENT;
	memcpy(out, m->tasks[task]->ptes + first, nr * sizeof(*out));
	return RCL_OK;
}

int rcl_state_bytes(const struct rcl_machine *m, uint32_t attachment, uint32_t scope, uint64_t element, uint8_t *out,
		    uint64_t nr_bytes)
{
	const struct attachment *att;

	if (!rcl_is_attached(m, attachment) || scope > RCL_SCOPE_GLOBAL)
		return RCL_BAD_ARGUMENT;
	att = m->attachments[attachment];
	if (element >= att->nr_elements[scope] || nr_bytes > att->stride[scope])
		return RCL_BAD_ARGUMENT;
	memcpy(out, att->base[scope] + element * att->stride[scope], nr_bytes);
	return RCL_OK;
}

static struct map_table *find_table(const struct rcl_machine *m, uint32_t attachment, uint32_t map, uint32_t instance)
{
	if (!rcl_is_attached(m, attachment) || map >= m->attachments[attachment]->nr_maps ||
	    instance >= m->attachments[attachment]->maps[map].nr_instances)
		return NULL;
	return &m->attachments[attachment]->maps[map].tables[instance];
}

int rcl_map_look(const struct rcl_machine *m, uint32_t attachment, uint32_t number, uint32_t instance, uint64_t key,
		 uint64_t *value, int *present)
{
	struct map_table *table = find_table(m, attachment, number, instance);
	const struct map *map;

	if (!table || (!table->words && !table->index))
		return RCL_BAD_ARGUMENT;
	map = &m->attachments[attachment]->maps[number];
	*value = 0;
	if (map->kind == RCL_MAP_KIND_BLOOM_FILTER) {
		*present = bloom_contains(map, table, key);
	} else if (map->kind == RCL_MAP_KIND_ARRAY_MAP) {
		*present = key < map->capacity;
		*value = *present ? table->words[key] : 0;
	} else {
		*present = map_get(map, table, key, false, value);
	}
	return RCL_OK;
}

int rcl_map_size(const struct rcl_machine *m, uint32_t attachment, uint32_t number, uint32_t instance, uint64_t *nr)
{
	const struct map_table *table = find_table(m, attachment, number, instance);
	const struct map *map;

	if (!table || (!table->words && !table->index))
		return RCL_BAD_ARGUMENT;
	map = &m->attachments[attachment]->maps[number];
	*nr = map->kind == RCL_MAP_KIND_ARRAY_MAP ? map->capacity : table->nr_entries;
	if (map->kind != RCL_MAP_KIND_BLOOM_FILTER)
		return RCL_OK;
	for (uint32_t i = 0; i <= map->index_mask / 64; i++)
		*nr += (uint64_t)__builtin_popcountll(table->words[i]);
	return RCL_OK;
}
