/*
 * Migration, see migrate.h. Models migrate_folio_unmap() and migrate_folio_move() (mm/migrate.c v6.12).
 *
 * SIMPLIFIED: a move either happens at once or not at all, without retries; effect: none, since nothing
 * holds a folio for a moment here.
 * SIMPLIFIED: what kswapd moves enters its list at once, since kswapd has no add batch; effect: such
 * folios are up to a batch earlier on their list than in the kernel.
 */
#include "migrate.h"

#include "batches.h"
#include "hooks.h"
#include "node.h"
#include "pagecache.h"
#include "policy.h"
#include "rmap.h"

static void copy_folio(const struct folio *folio, struct folio *frame, enum rcl_migrated why)
{
	uint32_t pfn = frame->pub.pfn;
	uint8_t nid = frame->pub.nid;

	*frame = *folio;
	frame->pub.pfn = pfn;
	frame->pub.nid = nid;
	frame->pub.list = 0;
	frame->pub.flags &= ~(RCL_FOLIO_IS_ISOLATED | RCL_FOLIO_IN_FAULT);
	if (why == RCL_MIGRATED_PROMOTED)
		frame->pub.flags |= RCL_FOLIO_IN_FAULT;	/* lru_gen_in_fault() holds in a hint fault */
	frame->physical_list = 0;
	frame->transit = RCL_TRANSIT_ENTERING;
	for (uint32_t i = 1; i < folio->pub.nr_pages; i++) {
		frame[i] = folio[i];
		frame[i].pub.pfn = pfn + i;
		frame[i].pub.nid = nid;
		frame[i].head = pfn;
	}
}

/* Let every mapping of a page point to its new frame; Accessed and dirty bits stay (remove_migration_ptes()). */
static uint64_t move_mappings(struct rcl_machine *m, const struct folio *frame)
{
	uint32_t task = frame->rmap_task, vpn = frame->rmap_vpn, item = frame->rmap_more;
	uint64_t nr_ptes = 0;

	while (task != RCL_NO_TASK) {
		uint32_t *pte = &m->tasks[task]->ptes[vpn];

		/* A mark for hint faults does not survive, nor does what it took: the first write faults again
		 * (try_to_migrate_one(), remove_migration_pte()). */
		if (RCL_UNLIKELY(pte_is_hint(*pte)))
			*pte |= PTE_PRESENT | PTE_WP;
		*pte = (*pte & ((UINT32_C(1) << PTE_SHIFT) - 1)) | frame->pub.pfn << PTE_SHIFT;
		nr_ptes++;
		task = RCL_NO_TASK;
		if (item != RCL_NIL) {
			task = m->rmap_items[item].task;
			vpn = m->rmap_items[item].vpn;
			item = m->rmap_items[item].next;
		}
	}
	return nr_ptes;
}

static void move_slots(struct rcl_machine *m, const struct folio *frame)
{
	uint64_t *slots;

	if (frame->pub.type == RCL_FILE)
		slots = pagecache_slot(m, frame);
	else if (frame->swap_slot != RCL_NIL)
		slots = &m->swap_slots[frame->swap_slot];
	else
		return;
	for (uint32_t i = 0; i < frame->pub.nr_pages; i++)
		slots[i] = slot_of_pfn(frame->pub.pfn + i);
}

void migrate_folio(struct rcl_machine *m, struct folio *folio, struct folio *frame, enum rcl_migrated why)
{
	const struct rcl_costs *costs = &m->config.costs;
	struct lruvec *from = folio_lruvec(folio), *to;
	uint64_t nr_ptes = 0;

	copy_folio(folio, frame, why);
	to = folio_lruvec(frame);
	for (uint32_t i = 0; i < frame->pub.nr_pages; i++)
		nr_ptes += move_mappings(m, &frame[i]);
	move_slots(m, frame);
	policy_init_folio(m, to->att, frame->pub.pfn);
	ask_folio_admit(m, to, frame, NULL, RCL_ADDED_MIGRATED);
	policy_copy_folio(m, from->att, to->att, folio->pub.pfn, frame->pub.pfn);
	if (from->att != to->att) {
		ask_folio_removed(m, from, folio, RCL_REMOVAL_MOVED);
		folio->pub.list = 0;	/* a number of another policy's lists means nothing to this one, which may have fewer */
	}
	ask_folio_moved(m, to, folio, frame, why);
	if (m->current)
		batches_add_folio(m, m->current, frame, RCL_ADDED_MIGRATED);
	else
		batches_add_now(m, frame, RCL_ADDED_MIGRATED);
	count(to, RCL_PGMIGRATE_SUCCESS, frame->pub.nr_pages);
	spend(m, frame->pub.nr_pages * (costs->copy_page_ns + costs->alloc_page_ns + costs->free_page_ns) +
		 nr_ptes * (costs->unmap_pte_ns + costs->rmap_pte_ns));
	node_free_folio(m, folio);
}
