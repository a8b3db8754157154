/*
 * Large folios for anonymous faults, see thp.h. Models alloc_anon_folio(), alloc_swap_folio() (mm/memory.c) and
 * do_huge_pmd_anonymous_page() (mm/huge_memory.c) of v6.12.
 */
#include "thp.h"

#include "kmem.h"
#include "pagecache.h"
#include "stats.h"
#include "swap.h"
#include "vma.h"

/* thp_vma_suitable_orders(): those of the orders whose aligned range lies in the VMA. */
static uint32_t suitable_orders(const struct vma *vma, uint32_t vpn, uint32_t orders)
{
	uint32_t suitable = 0;

	for (uint32_t order = 2; order <= RCL_MAX_ORDER; order++) {
		uint32_t first = vpn & ~((UINT32_C(1) << order) - 1);

		if (orders >> order & 1 && first >= vma->first &&
		    first + (UINT64_C(1) << order) <= (uint64_t)vma->first + vma->nr_pages)
			suitable |= UINT32_C(1) << order;
	}
	return suitable;
}

/* pte_range_none() */
static bool is_range_none(const struct task *task, uint32_t vpn, uint32_t order)
{
	uint32_t first = vpn & ~((UINT32_C(1) << order) - 1);

	for (uint32_t i = 0; i < UINT32_C(1) << order; i++) {
		if (task->ptes[first + i])
			return false;
	}
	return true;
}

static struct folio *alloc_aligned(struct rcl_machine *m, struct task *task, uint32_t vpn, uint32_t order)
{
	uint32_t first = vpn & ~((UINT32_C(1) << order) - 1);
	struct folio *folio = pagecache_alloc_large(m, task, anon_key(task->number, first), order, 0, RCL_ADDED_ANON_FAULT);

	count(task_lruvec(task), folio ? RCL_MTHP_ANON_FAULT_ALLOC : RCL_MTHP_ANON_FAULT_FALLBACK, 1);
	return folio;
}

struct folio *thp_alloc_anon(struct rcl_machine *m, struct task *task, uint32_t vpn)
{
	uint32_t below_pmd = m->config.thp_orders & ((UINT32_C(1) << RCL_MAX_ORDER) - 1);
	uint32_t orders = suitable_orders(vma_find(task, vpn), vpn, below_pmd);

	for (uint32_t order = RCL_MAX_ORDER - 1; orders >> 2; order--) {
		struct folio *folio;

		if (!(orders >> order & 1))
			continue;
		orders &= ~(UINT32_C(1) << order);
		if (!is_range_none(task, vpn, order))
			continue;
		folio = alloc_aligned(m, task, vpn, order);
		if (folio)
			return folio;
	}
	return NULL;
}

bool thp_may_map_pmd(const struct rcl_machine *m, struct task *task, uint32_t vpn)
{
	const struct vma *vma;

	if (!(m->config.thp_orders >> RCL_MAX_ORDER & 1) || (m->config.charge_kmem && kmem_has_table(task, vpn)))
		return false;
	vma = vma_find(task, vpn);
	return !(vma->flags & RCL_MAPPING_FILE) && suitable_orders(vma, vpn, UINT32_C(1) << RCL_MAX_ORDER) &&
	       is_range_none(task, vpn, RCL_MAX_ORDER);
}

struct folio *thp_alloc_pmd(struct rcl_machine *m, struct task *task, uint32_t vpn)
{
	struct folio *folio = alloc_aligned(m, task, vpn, RCL_MAX_ORDER);

	count(task_lruvec(task), folio ? RCL_THP_FAULT_ALLOC : RCL_THP_FAULT_FALLBACK, 1);
	if (folio)
		folio->pub.flags |= FOLIO_PMD_MAPPED;
	return folio;
}

bool thp_is_swapped(const struct task *task, uint32_t first, uint32_t nr, uint32_t slot)
{
	for (uint32_t i = 0; i < nr; i++) {
		if (task->ptes[first + i] != (PTE_SWAP | (slot + i) << PTE_SHIFT))
			return false;
	}
	return true;
}

/* can_swapin_thp(): the aligned range lies in an aligned range of slots, in the same order and all out. */
static bool can_swap_in(const struct rcl_machine *m, const struct task *task, uint32_t vpn, uint32_t slot, uint32_t order)
{
	uint32_t nr = UINT32_C(1) << order, at = vpn & (nr - 1), first_slot = slot - at;

	if (((slot - swap_device_of(m, slot)->first_slot) & (nr - 1)) != at ||
	    !thp_is_swapped(task, vpn - at, nr, first_slot))
		return false;
	for (uint32_t i = 0; i < nr; i++) {
		if (!slot_is_shadow(m->swap_slots[first_slot + i]))
			return false;
	}
	return true;
}

struct folio *thp_alloc_swap(struct rcl_machine *m, struct task *task, uint32_t vpn, uint32_t slot)
{
	uint32_t orders = m->config.thp_orders & ((UINT32_C(1) << RCL_MAX_ORDER) - 1);

	orders = suitable_orders(vma_find(task, vpn), vpn, orders);
	for (uint32_t order = RCL_MAX_ORDER - 1; orders >> 2; order--) {
		uint32_t first = vpn & ~((UINT32_C(1) << order) - 1);
		struct folio *folio;

		if (!(orders >> order & 1))
			continue;
		orders &= ~(UINT32_C(1) << order);
		if (!can_swap_in(m, task, vpn, slot, order))
			continue;
		folio = pagecache_alloc_large(m, task, anon_key(task->number, first), order,
					      m->swap_slots[slot - (vpn - first)], RCL_ADDED_SWAP_IN);
		if (folio)
			return folio;
	}
	return NULL;
}
