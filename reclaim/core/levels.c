/*
 * Levels, see levels.h. Models what mod_lruvec_state() and its callers keep in the kernel.
 */
#include "levels.h"

#include <string.h>

#include "node.h"
#include "rmap.h"

#define PMD_ORDER 9			/* HPAGE_PMD_ORDER on x86-64 */

void levels_reset_classes(struct lruvec *lruvec)
{
	memset(lruvec->active_lists, 0, sizeof(lruvec->active_lists));
	list_set_active(lruvec, RCL_STANDARD_LIST_ACTIVE_ANON, true);
	list_set_active(lruvec, RCL_STANDARD_LIST_ACTIVE_FILE, true);
}

/* The list of the kernel whose size a folio on a list adds to. */
static enum rcl_level lru_level(const struct lruvec *lruvec, const struct folio *folio)
{
	bool is_active = list_is_active(lruvec, folio->pub.list);

	if (folio->pub.list == RCL_STANDARD_LIST_UNEVICTABLE)
		return RCL_LEVEL_NR_UNEVICTABLE;
	if (folio->pub.type == RCL_ANON)
		return is_active ? RCL_LEVEL_NR_ACTIVE_ANON : RCL_LEVEL_NR_INACTIVE_ANON;
	return is_active ? RCL_LEVEL_NR_ACTIVE_FILE : RCL_LEVEL_NR_INACTIVE_FILE;
}

static void add_anon(uint64_t *levels, const struct folio *folio)
{
	if (folio_is_mapped(folio))
		levels[RCL_LEVEL_NR_ANON_MAPPED] += folio_is_large(folio) ? folio->nr_ptes : 1;
	if (folio->swap_slot != RCL_NIL)
		levels[RCL_LEVEL_NR_SWAPCACHE] += folio->pub.nr_pages;
	if (folio->pub.order >= PMD_ORDER)
		levels[RCL_LEVEL_NR_ANON_THPS] += folio->pub.nr_pages;
}

static void add_file(uint64_t *levels, const struct folio *folio)
{
	levels[RCL_LEVEL_NR_FILE_PAGES] += folio->pub.nr_pages;
	if (folio_is_mapped(folio))
		levels[RCL_LEVEL_NR_FILE_MAPPED] += folio->pub.nr_pages;
	if (folio->pub.flags & RCL_FOLIO_IS_DIRTY)
		levels[RCL_LEVEL_NR_FILE_DIRTY] += folio->pub.nr_pages;
}

static void add_folio(uint64_t *levels, const struct folio *folio)
{
	if (folio->pub.type == RCL_ANON)
		add_anon(levels, folio);
	else
		add_file(levels, folio);
	if (folio->pub.flags & RCL_FOLIO_IS_WRITEBACK)
		levels[RCL_LEVEL_NR_WRITEBACK] += folio->pub.nr_pages;
	if (folio->transit == RCL_TRANSIT_NONE || folio->transit == RCL_TRANSIT_UNEVICTABLE)
		levels[lru_level(folio_lruvec(folio), folio)] += folio->pub.nr_pages;
	else if (folio->transit == RCL_TRANSIT_ISOLATED)
		levels[RCL_LEVEL_NR_ISOLATED_ANON + folio->pub.type] += folio->pub.nr_pages;
}

/* Kernel memory has no node of its own here: page tables count at their task's, all else at node 0. */
static void add_kmem(const struct rcl_machine *m, uint64_t *out)
{
	for (uint32_t i = 0; i < m->nr_memcgs; i++) {
		uint64_t *levels = &out[(uint64_t)i * m->nr_nodes * RCL_NR_LEVELS];

		levels[RCL_LEVEL_MEMCG_KMEM] += m->memcgs[i]->kmem_pages;
		levels[RCL_LEVEL_MEMCG_ZSWAP] += m->memcgs[i]->zswap_pages;
		levels[RCL_LEVEL_MEMCG_ZSWAPPED] += m->memcgs[i]->nr_zswapped;
		levels[RCL_LEVEL_NR_SLAB_RECLAIMABLE] += m->memcgs[i]->kmem_pages;
	}
	for (uint32_t i = 0; i < m->nr_tasks; i++) {
		const struct lruvec *lruvec = task_lruvec(m->tasks[i]);
		uint64_t *first = &out[(uint64_t)lruvec->pub.memcg->id * m->nr_nodes * RCL_NR_LEVELS];

		out[lruvec->pub.id * RCL_NR_LEVELS + RCL_LEVEL_NR_PAGETABLE] += m->tasks[i]->nr_tables;
		first[RCL_LEVEL_NR_SLAB_RECLAIMABLE] -= m->tasks[i]->nr_tables;
	}
}

int rcl_list_sizes(const struct rcl_machine *m, uint64_t *out)
{
	memset(out, 0, (uint64_t)m->nr_memcgs * m->nr_nodes * RCL_MAX_LISTS * 2 * sizeof(*out));
	for (uint32_t nid = 0; nid < m->nr_nodes; nid++) {
		const struct node *node = &m->nodes[nid];
		uint32_t end = node->first_pfn + (uint32_t)node->pub.nr_pages - node->nr_fresh;

		for (uint32_t pfn = node->first_pfn; pfn < end; pfn++) {
			const struct folio *folio = folio_at(m, pfn);
			uint64_t lruvec;

			if (folio->transit != RCL_TRANSIT_NONE)
				continue;
			lruvec = folio_lruvec(folio)->pub.id;
			out[(lruvec * RCL_MAX_LISTS + folio->pub.list) * 2 + folio->pub.type] += folio->pub.nr_pages;
		}
	}
	return RCL_OK;
}

int rcl_list_is_active(const struct rcl_machine *m, uint32_t lruvec, uint32_t list, int *is_active)
{
	if (lruvec >= m->nr_memcgs * m->nr_nodes || list >= RCL_MAX_LISTS)
		return RCL_BAD_ARGUMENT;
	*is_active = list_is_active(&m->memcgs[lruvec / m->nr_nodes]->lruvecs[lruvec % m->nr_nodes], list);
	return RCL_OK;
}

int rcl_levels(const struct rcl_machine *m, uint64_t *out)
{
	memset(out, 0, (uint64_t)m->nr_memcgs * m->nr_nodes * RCL_NR_LEVELS * sizeof(*out));
	for (uint32_t nid = 0; nid < m->nr_nodes; nid++) {
		const struct node *node = &m->nodes[nid];
		uint32_t end = node->first_pfn + (uint32_t)node->pub.nr_pages - node->nr_fresh;

		for (uint32_t pfn = node->first_pfn; pfn < end; pfn++) {
			const struct folio *folio = folio_at(m, pfn);

			if (folio->transit == RCL_TRANSIT_POOL)
				out[nid * RCL_NR_LEVELS + RCL_LEVEL_NR_ZSPAGES]++;	/* nobody's: the root's */
			else if (folio->transit == RCL_TRANSIT_SLAB)
				out[nid * RCL_NR_LEVELS + RCL_LEVEL_NR_SLAB_RECLAIMABLE]++;
			else if (folio->transit != RCL_TRANSIT_FREE)
				add_folio(&out[folio_lruvec(folio)->pub.id * RCL_NR_LEVELS], folio);
		}
	}
	add_kmem(m, out);
	return RCL_OK;
}
