/*
 * Invariants: is the core's own state consistent?
 *
 * Here: one check per structure, each recounting from scratch what the mechanisms keep up to date.
 * Compiled always and callable through rcl_check(); with RCL_DEBUG the event loop calls it after
 * every step. Not here: anything about policies' own state, which is theirs.
 *
 * A check writes the first thing it finds into the message and answers false.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "memcg.h"
#include "mlock.h"
#include "node.h"
#include "pagecache.h"
#include "plug.h"
#include "psi_trigger.h"
#include "rstat.h"
#include "rmap.h"
#include "swap.h"
#include "vma.h"
#include "zswap.h"

struct report {
	char *message;
	uint64_t message_bytes;
};

__attribute__((format(printf, 2, 3))) static bool broken(const struct report *report, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	if (report->message_bytes)
		vsnprintf(report->message, report->message_bytes, format, arguments);
	va_end(arguments);
	return false;
}

static bool is_in_use(const struct rcl_machine *m, uint32_t pfn)
{
	return !node_is_fresh(m, pfn) && folio_at(m, pfn)->transit != RCL_TRANSIT_FREE && !is_kernel_page(folio_at(m, pfn));
}

/* One list: links both ways, and who is linked says so. */
static bool check_list(const struct rcl_machine *m, const struct lruvec *lruvec, uint32_t list,
		       const struct report *report)
{
	const struct lru_list *lru = &lruvec->lists[list];
	uint32_t previous = RCL_NIL;
	uint64_t nr = 0;

	for (uint32_t pfn = lru->head; pfn != RCL_NIL; pfn = link_at(m, pfn)->next) {
		const struct folio *folio = folio_at(m, pfn);

		if (++nr > lru->nr_folios || link_at(m, pfn)->prev != previous || folio->physical_list != list)
			return broken(report, "lruvec %u list %u: broken links at pfn %u", lruvec->pub.id, list, pfn);
		if (folio->transit != RCL_TRANSIT_NONE || folio_lruvec(folio) != lruvec || folio->pub.list == 0 ||
		    folio->pub.list >= lruvec->nr_lists)
			return broken(report, "lruvec %u list %u: pfn %u is in transit %u and claims list %u",
				      lruvec->pub.id, list, pfn, folio->transit, folio->pub.list);
		previous = pfn;
	}
	if (nr != lru->nr_folios || lru->tail != previous)
		return broken(report, "lruvec %u list %u: %llu folios linked, %llu counted", lruvec->pub.id, list,
			      (unsigned long long)nr, (unsigned long long)lru->nr_folios);
	return true;
}

/* The unevictable list: links, who is on it, and its sizes. */
static bool check_unevictable(const struct rcl_machine *m, const struct lruvec *lruvec, const struct report *report)
{
	uint64_t by_type[2] = { 0 }, nr_folios = 0;
	uint32_t previous = RCL_NIL;

	for (uint32_t pfn = lruvec->unevictable.head; pfn != RCL_NIL; pfn = link_at(m, pfn)->next) {
		const struct folio *folio = folio_at(m, pfn);

		if (++nr_folios > lruvec->unevictable.nr_folios || link_at(m, pfn)->prev != previous ||
		    folio->transit != RCL_TRANSIT_UNEVICTABLE || folio_is_evictable(folio) ||
		    folio_lruvec(folio) != lruvec || folio->pub.list != RCL_STANDARD_LIST_UNEVICTABLE)
			return broken(report, "lruvec %u: pfn %u does not belong on the unevictable list", lruvec->pub.id, pfn);
		by_type[folio->pub.type] += folio->pub.nr_pages;
		previous = pfn;
	}
	if (nr_folios != lruvec->unevictable.nr_folios || lruvec->unevictable.tail != previous ||
	    by_type[RCL_ANON] != lruvec->nr_unevictable[RCL_ANON] ||
	    by_type[RCL_FILE] != lruvec->nr_unevictable[RCL_FILE] ||
	    by_type[RCL_ANON] + by_type[RCL_FILE] != lruvec->pub.list_pages[RCL_STANDARD_LIST_UNEVICTABLE])
		return broken(report, "lruvec %u: %llu anon and %llu file pages are unevictable, counted otherwise",
			      lruvec->pub.id, (unsigned long long)by_type[RCL_ANON],
			      (unsigned long long)by_type[RCL_FILE]);
	return true;
}

/* Sizes by claim, and the lruvec's sums. */
static bool check_sizes(const struct rcl_machine *m, const struct lruvec *lruvec, const struct report *report)
{
	uint64_t claims[RCL_MAX_LISTS] = { 0 }, by_type[2] = { 0 };

	for (uint32_t list = 1; list < lruvec->nr_lists; list++) {
		for (uint32_t pfn = lruvec->lists[list].head; pfn != RCL_NIL; pfn = link_at(m, pfn)->next) {
			claims[folio_at(m, pfn)->pub.list] += folio_at(m, pfn)->pub.nr_pages;
			by_type[folio_at(m, pfn)->pub.type] += folio_at(m, pfn)->pub.nr_pages;
		}
	}
	for (uint32_t list = 0; list < lruvec->nr_lists; list++) {
		if (list == RCL_STANDARD_LIST_UNEVICTABLE)
			continue;
		if (claims[list] != lruvec->pub.list_pages[list])
			return broken(report, "lruvec %u list %u: %llu pages claim it, %llu counted", lruvec->pub.id, list,
				      (unsigned long long)claims[list],
				      (unsigned long long)lruvec->pub.list_pages[list]);
	}
	if (by_type[RCL_ANON] != lruvec->pub.nr_anon_pages || by_type[RCL_FILE] != lruvec->pub.nr_file_pages ||
	    lruvec->pub.nr_pages != by_type[RCL_ANON] + by_type[RCL_FILE])
		return broken(report, "lruvec %u: %llu anon and %llu file pages, counted otherwise", lruvec->pub.id,
			      (unsigned long long)by_type[RCL_ANON], (unsigned long long)by_type[RCL_FILE]);
	return true;
}

/* Sums with descendants hold what was flushed, and all that changed since waits to be flushed. */
static bool check_rstat(const struct rcl_machine *m, const struct lruvec *lruvec, const struct report *report)
{
	const struct memcg *memcg = memcg_of(lruvec->pub.memcg);

	for (uint32_t item = 0; item < RSTAT_NR_ITEMS; item++) {
		uint64_t sum = 0, own = rstat_own_value(lruvec, item);

		for (uint32_t i = memcg->order; i < memcg->order + memcg->nr_subtree; i++)
			sum += m->memcgs[m->memcg_order[i]]->lruvecs[lruvec->pub.nid].rstat_flushed[item];
		if (sum != lruvec->rstat[item] || (own != lruvec->rstat_flushed[item] && !lruvec->rstat_is_pending))
			return broken(report, "lruvec %u: statistic %u is not the sum over its descendants", lruvec->pub.id,
				      item);
	}
	return true;
}

static bool check_lruvecs(const struct rcl_machine *m, const struct report *report)
{
	for (uint32_t i = 0; i < m->nr_memcgs * m->nr_nodes; i++) {
		const struct lruvec *lruvec = &m->memcgs[i / m->nr_nodes]->lruvecs[i % m->nr_nodes];

		for (uint32_t list = 1; list < lruvec->nr_lists; list++) {
			if (!check_list(m, lruvec, list, report))
				return false;
		}
		for (uint32_t list = lruvec->nr_lists; list < lruvec->lists_capacity; list++) {
			if (lruvec->lists[list].nr_folios)
				return broken(report, "lruvec %u: folios on list %u, which nobody owns", lruvec->pub.id, list);
		}
		if (!check_sizes(m, lruvec, report) || !check_unevictable(m, lruvec, report) ||
		    !check_rstat(m, lruvec, report))
			return false;
	}
	return true;
}

/* What is left of kernel memory is part of it, and so are the buffer heads. */
static bool check_kmem(const struct rcl_machine *m, const struct report *report)
{
	for (uint32_t i = 0; i < m->nr_memcgs; i++) {
		const struct memcg *memcg = m->memcgs[i];

		if (memcg->kmem_rest_bytes > memcg->kmem_pages * RCL_PAGE_BYTES)
			return broken(report, "memcg %u: %u bytes of %llu pages of kernel memory are left", i,
				      memcg->kmem_rest_bytes, (unsigned long long)memcg->kmem_pages);
	}
	return true;
}

/* Triggers are possible ones, and somebody looks as often as the shortest window asks for. */
static bool check_triggers(const struct rcl_machine *m, const struct report *report)
{
	for (uint32_t i = 0; i < m->nr_memcgs; i++) {
		uint64_t shortest_ns = UINT64_MAX;

		for (uint32_t nid = 0; nid < m->nr_nodes; nid++) {
			const struct psi_trigger *trigger = &m->memcgs[i]->lruvecs[nid].trigger;

			if (trigger->window_ns && trigger->window_ns < shortest_ns)
				shortest_ns = trigger->window_ns;
			if (trigger->window_ns ? !trigger->threshold_ns || trigger->threshold_ns > trigger->window_ns
					       : trigger->threshold_ns != 0)
				return broken(report, "memcg %u, node %u: watches for %llu ns of stall in %llu ns", i, nid,
					      (unsigned long long)trigger->threshold_ns,
					      (unsigned long long)trigger->window_ns);
		}
		if (m->memcgs[i]->psi.poll.period_ns != (shortest_ns == UINT64_MAX ? 0 : shortest_ns / UPDATES_PER_WINDOW))
			return broken(report, "memcg %u: stalls are looked at every %llu ns, the shortest window is %llu ns", i,
				      (unsigned long long)m->memcgs[i]->psi.poll.period_ns, (unsigned long long)shortest_ns);
	}
	return true;
}

/* Of a removed memcg nothing is left, where its memory is its parent's. */
static bool check_offline(const struct rcl_machine *m, const struct report *report)
{
	for (uint32_t i = 0; i < m->nr_memcgs && m->config.reparent_offline && m->has_default; i++) {
		const struct rcl_memcg *pub = &m->memcgs[i]->pub;

		if (m->memcgs[i]->is_offline && (pub->usage || pub->swap_usage || m->memcgs[i]->nr_dirty ||
						 m->memcgs[i]->nr_writeback))
			return broken(report, "memcg %u was removed and still pays for %llu pages, and %llu of swap", i,
				      (unsigned long long)pub->usage, (unsigned long long)pub->swap_usage);
	}
	return true;
}

/* Charges: folios and kernel memory of the subtree, plus stocks. */
static bool check_charges(const struct rcl_machine *m, const struct report *report)
{
	uint64_t charged[RCL_MAX_MEMCGS] = { 0 };

	for (uint32_t pfn = 0; pfn < m->nr_folios; pfn++) {
		if (is_in_use(m, pfn))
			charged[folio_at(m, pfn)->pub.memcg->id] += folio_at(m, pfn)->pub.nr_pages;
	}
	for (uint32_t i = 0; i < m->nr_tasks; i++)
		charged[m->tasks[i]->memcg->pub.id] += m->tasks[i]->stock_pages;
	for (uint32_t i = 0; i < m->nr_memcgs; i++)
		charged[m->memcgs[i]->pub.id] += m->memcgs[i]->kmem_pages + m->memcgs[i]->zswap_pages;
	for (uint32_t i = 0; i < m->nr_memcgs; i++) {
		const struct memcg *memcg = m->memcgs[i];
		uint64_t sum = 0;

		for (uint32_t k = memcg->order; k < memcg->order + memcg->nr_subtree; k++)
			sum += charged[m->memcg_order[k]];
		if (sum != memcg->pub.usage)
			return broken(report, "memcg %u: %llu pages charged, usage says %llu", i, (unsigned long long)sum,
				      (unsigned long long)memcg->pub.usage);
	}
	return true;
}

static bool is_taken(const struct rcl_machine *m, uint32_t pfn, uint32_t transit)
{
	return !node_is_fresh(m, pfn) && folio_at(m, pfn)->transit == transit;
}

/* The buddy lists: blocks are free, aligned, marked and counted. */
static bool check_buddies(const struct rcl_machine *m, const struct node *node, const struct report *report)
{
	uint64_t nr_pages = 0;

	for (uint32_t order = 0; order <= RCL_MAX_ORDER; order++) {
		uint64_t nr_blocks = 0;

		for (uint32_t pfn = node->free_area[order].head; pfn != RCL_NIL; pfn = link_at(m, pfn)->next) {
			uint32_t nr = UINT32_C(1) << order;

			if (++nr_blocks > node->free_area[order].nr_folios || (pfn - node->first_pfn) % nr ||
			    folio_at(m, pfn)->marks != MARK_BUDDY || folio_at(m, pfn)->pub.order != order)
				return broken(report, "node %u: pfn %u is no free block of order %u", node->pub.nid, pfn, order);
			for (uint32_t i = 0; i < nr; i++) {
				if (folio_at(m, pfn + i)->transit != RCL_TRANSIT_FREE)
					return broken(report, "node %u: pfn %u is in use and in a free block", node->pub.nid, pfn + i);
			}
			nr_pages += nr;
		}
	}
	if (nr_pages != node->nr_buddy_pages)
		return broken(report, "node %u: %llu pages in free blocks, %llu counted", node->pub.nid,
			      (unsigned long long)nr_pages, (unsigned long long)node->nr_buddy_pages);
	return true;
}

static bool check_nodes(const struct rcl_machine *m, const struct report *report)
{
	for (uint32_t nid = 0; nid < m->nr_nodes; nid++) {
		const struct node *node = &m->nodes[nid];
		uint64_t nr_free = node->nr_fresh + node->nr_buddy_pages, nr_in_use = 0;

		if (!check_buddies(m, node, report))
			return false;

		for (uint32_t pfn = node->free_head; pfn != RCL_NIL && nr_free <= node->pub.nr_pages; nr_free++) {
			if (folio_at(m, pfn)->transit != RCL_TRANSIT_FREE || folio_at(m, pfn)->pub.nid != nid)
				return broken(report, "node %u: pfn %u is on the free list and in use", nid, pfn);
			pfn = link_at(m, pfn)->next;
		}
		for (uint32_t i = 0; i < node->pub.nr_pages; i++)
			nr_in_use += !node_is_fresh(m, node->first_pfn + i) &&
				     folio_at(m, node->first_pfn + i)->transit != RCL_TRANSIT_FREE;
		if (nr_free != node->pub.nr_free_pages + node->nr_pcp || nr_free + nr_in_use != node->pub.nr_pages)
			return broken(report, "node %u: %llu frames free, %llu in use, %llu counted free of %llu", nid,
				      (unsigned long long)nr_free, (unsigned long long)nr_in_use,
				      (unsigned long long)(node->pub.nr_free_pages + node->nr_pcp),
				      (unsigned long long)node->pub.nr_pages);
	}
	return true;
}

/* A tail belongs to a folio that reaches it, and is nothing else. */
static bool check_tail(const struct rcl_machine *m, uint32_t pfn, const struct report *report)
{
	const struct folio *tail = folio_at(m, pfn), *folio = folio_at(m, tail->head);

	if (folio->transit == RCL_TRANSIT_TAIL || folio->transit == RCL_TRANSIT_FREE || !folio_is_large(folio) ||
	    tail->pub.order != folio->pub.order || pfn - tail->head >= folio->pub.nr_pages || tail->pub.nr_pages)
		return broken(report, "pfn %u is no tail of pfn %u", pfn, tail->head);
	return true;
}

/* What the pages of a folio show, recounted. */
struct folio_counts {
	uint64_t nr_ptes;
	uint64_t nr_locked;
};

/* One page: its slots name it, its mappings point back. */
static bool check_page(const struct rcl_machine *m, const struct folio *folio, uint32_t pfn, const struct report *report,
		       struct folio_counts *counts)
{
	const struct folio *page = folio_at(m, pfn);
	uint32_t task = page->rmap_task, vpn = page->rmap_vpn, item = page->rmap_more, i = pfn - folio->pub.pfn;
	bool is_mapped = page_is_mapped(page);

	if (folio->pub.type == RCL_FILE && pagecache_slot((struct rcl_machine *)m, folio)[i] != slot_of_pfn(pfn))
		return broken(report, "pfn %u is not in the page cache slot of its key", pfn);
	if (folio->swap_slot != RCL_NIL && m->swap_slots[folio->swap_slot + i] != slot_of_pfn(pfn))
		return broken(report, "pfn %u is not in its swap slot %u", pfn, folio->swap_slot + i);
	if (!is_mapped && item != RCL_NIL)
		return broken(report, "pfn %u has a second mapping and no first", pfn);
	while (is_mapped) {
		uint32_t pte = m->tasks[task]->ptes[vpn];

		counts->nr_ptes++;
		counts->nr_locked += vma_has_flags(m->tasks[task], vpn, RCL_MAPPING_LOCKED);
		if (!pte_maps(pte) || pte >> PTE_SHIFT != pfn)
			return broken(report, "pfn %u: task %u page %u does not map it", pfn, task, vpn);
		is_mapped = item != RCL_NIL;
		if (is_mapped) {
			task = m->rmap_items[item].task;
			vpn = m->rmap_items[item].vpn;
			item = m->rmap_items[item].next;
		}
	}
	return true;
}

static bool is_aligned(const struct folio *folio)
{
	return ((uint32_t)folio->pub.key & (folio->pub.nr_pages - 1u)) == 0;
}

/* Every folio: on one list or in a batch, with as many pages and mappings as it says. */
static bool check_folio(const struct rcl_machine *m, uint32_t pfn, const struct report *report, uint64_t *nr_mappings)
{
	const struct folio *folio = folio_at(m, pfn);
	struct folio_counts counts = { 0 };

	if (folio->transit == RCL_TRANSIT_TAIL)
		return check_tail(m, pfn, report);
	if (folio->transit != RCL_TRANSIT_NONE && folio->transit != RCL_TRANSIT_ADD_BATCH &&
	    folio->transit != RCL_TRANSIT_UNEVICTABLE)
		return broken(report, "pfn %u was lost in transit %u", pfn, folio->transit);
	if ((folio->transit == RCL_TRANSIT_NONE) != (folio->physical_list != 0))
		return broken(report, "pfn %u is in transit %u and on list %u", pfn, folio->transit, folio->physical_list);
	if (folio->pub.nr_pages != 1u << folio->pub.order)
		return broken(report, "pfn %u has order %u and %u pages", pfn, folio->pub.order, folio->pub.nr_pages);
	if (folio->pub.type == RCL_FILE && (folio->pub.order > m->config.file_folio_order || !is_aligned(folio)))
		return broken(report, "pfn %u of order %u holds a file's pages from %u on", pfn, folio->pub.order,
			      (uint32_t)folio->pub.key);
	for (uint32_t i = 0; i < folio->pub.nr_pages; i++) {
		if (i && (folio[i].transit != RCL_TRANSIT_TAIL || folio[i].head != pfn))
			return broken(report, "pfn %u is not the tail of pfn %u that it should be", pfn + i, pfn);
		if (!check_page(m, folio, pfn + i, report, &counts))
			return false;
	}
	*nr_mappings += counts.nr_ptes;
	if (folio_is_mapped(folio) != (counts.nr_ptes != 0) ||
	    (folio_is_large(folio) && folio->nr_ptes != counts.nr_ptes) ||
	    (folio->pub.flags & FOLIO_PMD_MAPPED && counts.nr_ptes != PTES_PER_TABLE))
		return broken(report, "pfn %u: %llu PTEs map it, flags or count say otherwise", pfn,
			      (unsigned long long)counts.nr_ptes);
	if (counts.nr_locked != folio->mlock_count || !counts.nr_locked != folio_is_evictable(folio))
		return broken(report, "pfn %u: %llu locked VMAs map it, %u counted", pfn,
			      (unsigned long long)counts.nr_locked, folio->mlock_count);
	return true;
}

static bool check_folios(const struct rcl_machine *m, const struct report *report)
{
	uint64_t nr_mappings = 0, nr_present = 0, nr_batched = 0, nr_waiting = 0;

	for (uint32_t pfn = 0; pfn < m->nr_folios; pfn++) {
		if (!is_in_use(m, pfn))
			continue;
		if (!check_folio(m, pfn, report, &nr_mappings))
			return false;
		nr_batched += folio_at(m, pfn)->transit == RCL_TRANSIT_ADD_BATCH;
	}
	for (uint32_t i = 0; i < m->nr_tasks; i++) {
		for (uint32_t vpn = 0; vpn < m->tasks[i]->nr_pages; vpn++)
			nr_present += pte_maps(m->tasks[i]->ptes[vpn]);
		nr_waiting += m->tasks[i]->nr_add;
	}
	if (nr_mappings != nr_present)
		return broken(report, "%llu PTEs map a folio, rmap knows %llu", (unsigned long long)nr_present,
			      (unsigned long long)nr_mappings);
	if (nr_batched != nr_waiting)
		return broken(report, "%llu folios wait in add batches that hold %llu", (unsigned long long)nr_batched,
			      (unsigned long long)nr_waiting);
	return true;
}

static void count_cached(const struct folio *folio, uint64_t *nr_folios, uint64_t *nr_unmapped)
{
	++*nr_folios;
	*nr_unmapped += !page_is_mapped(folio);
}

static uint64_t count_objects(const struct zs_pool *pool)
{
	uint64_t nr_objects = 0;

	for (uint32_t number = 0; number < pool->nr_used; number++)
		nr_objects += pool->zspages[number].nr_objects;
	return nr_objects;
}

/* What a pool knows of its lists of zspages with room; a pool that was never used has none. */
static bool check_groups(const struct zs_pool *pool, const struct report *report)
{
	for (uint32_t i = 0; i < ZS_NR_CLASSES && pool->nr_used; i++) {
		const struct zs_class *class = &pool->classes[i];
		uint32_t filled = 0;

		for (uint32_t group = 1; group < ZS_NR_GROUPS; group++)
			filled |= (uint32_t)(class->heads[group] != RCL_NIL) << group;
		if (filled != class->filled_groups)
			return broken(report, "a pool's class %u has groups %x, and knows of %x", i, filled,
				      class->filled_groups);
	}
	return true;
}

/* Pools: as many objects as slots are stored in them, and the pages that their zspages hold. */
static bool check_pools(const struct rcl_machine *m, const struct report *report)
{
	uint64_t nr_pages = 0, nr_objects = count_objects(&m->zswap.pool), nr_stored = 0, nr_bytes = 0;

	for (uint32_t pfn = 0; pfn < m->nr_folios; pfn++)
		nr_pages += is_taken(m, pfn, RCL_TRANSIT_POOL);
	for (uint32_t i = 0; i < m->nr_swaps; i++) {
		nr_objects += count_objects(&m->swaps[i].pool);
		if (!check_groups(&m->swaps[i].pool, report))
			return false;
	}
	for (uint32_t slot = 0; slot < m->nr_swap_slots; slot++) {
		nr_stored += (m->swap_stored && m->swap_stored[slot]) + zswap_has(m, slot);
		nr_bytes += zswap_has(m, slot) ? m->zswap.entries[slot].nr_bytes : 0;
	}
	for (uint32_t i = 0; i < m->nr_memcgs; i++)
		nr_bytes -= m->memcgs[i]->zswap_bytes;
	if (!check_groups(&m->zswap.pool, report))
		return false;
	if (nr_pages != swap_pool_pages(m) || nr_objects != nr_stored || nr_bytes)
		return broken(report, "pools: %llu pages (%llu counted) hold %llu objects of %llu slots",
			      (unsigned long long)nr_pages, (unsigned long long)swap_pool_pages(m),
			      (unsigned long long)nr_objects, (unsigned long long)nr_stored);
	return true;
}

/* Swap: every slot is free, out with one entry that names it, or held by a folio of the swap cache,
 * which is mapped or has that entry. */
static bool check_swap(const struct rcl_machine *m, const struct report *report)
{
	uint64_t nr_free = 0, nr_held = 0, nr_entries = 0, nr_folios = 0, nr_unmapped = 0, nr_counted = 0;

	for (uint32_t i = 0; i < m->nr_swaps; i++) {
		const struct swap_device *device = &m->swaps[i];

		nr_free += device->nr_fresh;
		for (uint32_t slot = 0; slot < device->nr_slots - device->nr_fresh; slot++) {
			uint64_t word = m->swap_slots[device->first_slot + slot];

			if (slot_is_shadow(word))
				nr_held++;
			else if (word & FREE_SLOT)
				nr_free++;
			else
				count_cached(folio_at(m, slot_pfn(word)), &nr_folios, &nr_unmapped);
		}
	}
	for (uint32_t i = 0; i < m->nr_tasks; i++) {
		for (uint32_t vpn = 0; vpn < m->tasks[i]->nr_pages; vpn++) {
			uint32_t pte = m->tasks[i]->ptes[vpn];

			nr_entries += (pte & (PTE_PRESENT | PTE_SWAP)) == PTE_SWAP;
		}
	}
	for (uint32_t i = 0; i < m->nr_memcgs; i++)
		nr_counted += m->memcgs[i]->swapcache_pages;
	if (nr_counted != nr_folios)
		return broken(report, "swap cache: %llu folios, %llu counted", (unsigned long long)nr_folios,
			      (unsigned long long)nr_counted);
	if (nr_free != m->nr_swap_free || nr_held + nr_unmapped != nr_entries ||
	    nr_held + nr_folios != m->memcgs[0]->pub.swap_usage)
		return broken(report, "swap: %llu slots free (%u counted), %llu with pages out, %llu entries, %llu charged",
			      (unsigned long long)nr_free, m->nr_swap_free, (unsigned long long)nr_held,
			      (unsigned long long)nr_entries, (unsigned long long)m->memcgs[0]->pub.swap_usage);
	return true;
}

static bool check_files(const struct rcl_machine *m, const struct report *report)
{
	for (uint32_t number = 0; number < m->nr_files; number++) {
		const struct file *file = &m->files[number];

		for (uint32_t page = 0; page < file->nr_pages; page++) {
			uint64_t slot = file->slots[page];

			if (slot && !slot_is_shadow(slot) &&
			    (!is_in_use(m, slot_pfn(slot)) ||
			     folio_at(m, slot_pfn(slot))->pub.key != file_key(number, page)))
				return broken(report, "file %u page %u: its slot names pfn %u, which is not it", number, page,
					      slot_pfn(slot));
		}
	}
	return true;
}

/* Pages of which a plug holds the writes back. */
static uint64_t count_plugged(const struct rcl_machine *m)
{
	uint64_t nr_pages = 0;
	const struct plug *plug;

	for (uint32_t n = 0; (plug = plug_at(m, n)); n++) {
		for (uint32_t i = 0; i < plug->nr_pages; i++) {
			uint32_t pfn = plug->writes[i].pfn;

			if (pfn != RCL_NIL && is_in_use(m, pfn) && folio_at(m, pfn)->pub.flags & RCL_FOLIO_IS_WRITEBACK)
				nr_pages += folio_at(m, pfn)->pub.nr_pages;
		}
	}
	return nr_pages;
}

/* Dirty pages and those being written: counts, tags, and the writes that devices have queued. */
static bool check_writeback(const struct rcl_machine *m, const struct report *report)
{
	uint64_t nr_dirty = 0, nr_writeback = 0, nr_tagged = 0, nr_queued = 0, nr_by_memcg = 0, nr_by_file = 0;

	for (uint32_t pfn = 0; pfn < m->nr_folios; pfn++) {
		const struct folio *folio = folio_at(m, pfn);

		if (!is_in_use(m, pfn))
			continue;
		if (folio->pub.type == RCL_FILE && folio->pub.flags & RCL_FOLIO_IS_DIRTY)
			nr_dirty += folio->pub.nr_pages;
		if (folio->pub.flags & RCL_FOLIO_IS_WRITEBACK)
			nr_writeback += folio->pub.nr_pages;
	}
	for (uint32_t i = 0; i < m->nr_files; i++) {
		nr_by_file += m->files[i].nr_dirty;
		for (uint32_t word = 0; word < (m->files[i].nr_pages + 63) / 64; word++)
			nr_tagged += (uint32_t)__builtin_popcountll(m->files[i].dirty_tags[word]);
	}
	for (uint32_t i = 0; i < m->nr_memcgs; i++)
		nr_by_memcg += m->memcgs[i]->nr_dirty + m->memcgs[i]->nr_writeback;
	for (uint32_t i = 0; i < 2 + m->nr_swaps; i++) {
		const struct device *device = &m->devices[i];

		for (uint32_t k = 0; k < device->nr_queued; k++) {
			uint32_t pfn = device->queue[(device->head + k) % RCL_QUEUE_PAGES].pfn;

			if (pfn == RCL_NIL)
				continue;
			if (!is_in_use(m, pfn) || !(folio_at(m, pfn)->pub.flags & RCL_FOLIO_IS_WRITEBACK))
				return broken(report, "device %u writes pfn %u, which is not under writeback", i, pfn);
			nr_queued += folio_at(m, pfn)->pub.nr_pages;
		}
	}
	nr_queued += count_plugged(m);
	if (nr_dirty != m->nr_dirty || nr_tagged != nr_dirty || nr_by_file != nr_dirty)
		return broken(report, "%llu pages dirty, %llu counted, %llu tagged, %llu by file", (unsigned long long)nr_dirty,
			      (unsigned long long)m->nr_dirty, (unsigned long long)nr_tagged,
			      (unsigned long long)nr_by_file);
	if (nr_writeback != m->nr_writeback || nr_queued != nr_writeback || nr_by_memcg != nr_dirty + nr_writeback)
		return broken(report, "%llu pages under writeback, %llu counted, %llu queued; memcgs say %llu",
			      (unsigned long long)nr_writeback, (unsigned long long)m->nr_writeback,
			      (unsigned long long)nr_queued, (unsigned long long)nr_by_memcg);
	return true;
}

/* Folios that wait to be split are partially mapped, and the other way round. */
static bool check_deferred(const struct rcl_machine *m, const struct report *report)
{
	uint64_t nr_marked = 0, nr_queued = 0;

	for (uint32_t pfn = 0; pfn < m->nr_folios; pfn++)
		nr_marked += is_in_use(m, pfn) && folio_at(m, pfn)->transit != RCL_TRANSIT_TAIL &&
			     folio_at(m, pfn)->pub.flags & FOLIO_PARTIALLY_MAPPED;
	for (uint32_t i = 0; i < m->nr_memcgs; i++) {
		const struct lru_list *queue = &m->memcgs[i]->deferred_split;

		for (uint32_t pfn = queue->head; pfn != RCL_NIL && nr_queued <= nr_marked; pfn = link_at(m, pfn)->next) {
			const struct folio *folio = page_folio(m, pfn);

			if (folio->pub.pfn + 1 != pfn || !(folio->pub.flags & FOLIO_PARTIALLY_MAPPED) ||
			    folio->pub.memcg != &m->memcgs[i]->pub)
				return broken(report, "memcg %u: pfn %u does not wait to be split", i, pfn);
			nr_queued++;
		}
	}
	if (nr_marked != nr_queued)
		return broken(report, "%llu folios are partially mapped, %llu queued", (unsigned long long)nr_marked,
			      (unsigned long long)nr_queued);
	return true;
}

static bool is_free_slot(const struct rcl_machine *m, const struct swap_device *device, uint32_t slot)
{
	uint64_t word = m->swap_slots[device->first_slot + slot];

	return slot >= device->nr_slots - device->nr_fresh || (!slot_is_shadow(word) && word & FREE_SLOT);
}

/* Clusters count the slots in use. */
static bool check_clusters(const struct rcl_machine *m, const struct report *report)
{
	for (uint32_t i = 0; i < m->nr_swaps && m->swap_clusters; i++) {
		const struct swap_device *device = &m->swaps[i];
		uint64_t nr_used = 0, nr_counted = 0;

		for (uint32_t slot = 0; slot < device->nr_slots; slot++) {
			nr_used += !is_free_slot(m, device, slot);
			if (slot % 512 == 0)
				nr_counted += m->swap_clusters[device->first_cluster + slot / 512].nr_used;
		}
		if (nr_used != nr_counted || nr_used + device->nr_free != device->nr_slots)
			return broken(report, "swap %u: %llu slots in use, clusters count %llu", i,
				      (unsigned long long)nr_used, (unsigned long long)nr_counted);
	}
	return true;
}

/* The tree behind the swap cache: leaves count the slots in use. */
static bool check_swap_tree(const struct rcl_machine *m, const struct report *report)
{
	const struct swap_tree *tree = &m->swap_tree;
	uint64_t nr_leaves = 0;

	for (uint32_t i = 0; i < m->nr_swaps && tree->nr_held; i++) {
		const struct swap_device *device = &m->swaps[i];

		for (uint32_t first = 0; first < device->nr_slots; first += 64) {
			uint32_t nr_held = 0;

			for (uint32_t slot = first; slot < first + 64 && slot < device->nr_slots; slot++)
				nr_held += !is_free_slot(m, device, slot);
			if (nr_held != tree->nr_held[device->first_leaf + first / 64])
				return broken(report, "swap %u: %u slots in use from %u on, the leaf says %u", i, nr_held, first,
					      tree->nr_held[device->first_leaf + first / 64]);
			nr_leaves += nr_held > 0;
		}
	}
	if (nr_leaves != tree->leaves.nr_objects)
		return broken(report, "swap: %llu leaves, %u counted", (unsigned long long)nr_leaves,
			      tree->leaves.nr_objects);
	return true;
}

/* No slab is empty, and all have their pages; pages are added to *nr_pages. */
static bool check_slab(const struct slab_cache *cache, uint64_t *nr_pages, const struct report *report)
{
	uint32_t nr_slabs = cache->per_slab ? (cache->nr_objects + cache->per_slab - 1) / cache->per_slab : 0;

	*nr_pages += cache->nr_pages;
	if (cache->nr_held != nr_slabs * cache->per_slab || cache->nr_pages != nr_slabs * cache->slab_pages)
		return broken(report, "slabs: %u objects in %u pages with room for %u", cache->nr_objects, cache->nr_pages,
			      cache->nr_held);
	return true;
}

static bool check_pool_slabs(const struct zs_pool *pool, uint64_t *nr_pages, const struct report *report)
{
	uint64_t nr_objects = pool->handles.nr_objects;

	if (nr_objects && nr_objects != count_objects(pool))
		return broken(report, "a pool has %llu handles for %llu objects", (unsigned long long)nr_objects,
			      (unsigned long long)count_objects(pool));
	return check_slab(&pool->handles, nr_pages, report) && check_slab(&pool->records, nr_pages, report);
}

/* Slabs: frames that say that they are one are those that the caches count. */
static bool check_slabs(const struct rcl_machine *m, const struct report *report)
{
	uint64_t nr_counted = 0, nr_pages = 0;

	if (!check_slab(&m->swap_tree.leaves, &nr_counted, report) ||
	    !check_pool_slabs(&m->zswap.pool, &nr_counted, report))
		return false;
	for (uint32_t i = 0; i < m->nr_swaps; i++) {
		if (!check_pool_slabs(&m->swaps[i].pool, &nr_counted, report))
			return false;
	}
	for (uint32_t pfn = 0; pfn < m->nr_folios; pfn++)
		nr_pages += is_taken(m, pfn, RCL_TRANSIT_SLAB);
	if (nr_pages != nr_counted)
		return broken(report, "slabs: %llu pages, %llu counted", (unsigned long long)nr_pages,
			      (unsigned long long)nr_counted);
	return true;
}

int rcl_check(const struct rcl_machine *m, char *message, uint64_t message_bytes)
{
	const struct report report = { message, message_bytes };

	return check_lruvecs(m, &report) && check_nodes(m, &report) && check_folios(m, &report) &&
			       check_charges(m, &report) && check_swap(m, &report) && check_pools(m, &report) && check_files(m, &report) &&
			       check_writeback(m, &report) && check_kmem(m, &report) && check_deferred(m, &report) &&
			       check_clusters(m, &report) && check_swap_tree(m, &report) && check_slabs(m, &report) && check_offline(m, &report) && check_triggers(m, &report)
		       ? RCL_OK
		       : RCL_BROKEN_INVARIANT;
}
