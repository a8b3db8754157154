/*
 * Accessed bits: of page-table entries, and of page tables.
 *
 * Here: testing and clearing them. Not here: who asks (rmap.c, walk.c), and what it means.
 *
 * Hardware marks each level on its way to a page. The hit path here marks the entry alone, so the
 * bit of the table above (the PMD entry's) is worked out when somebody asks: a table is young when
 * one of its entries was accessed since the table's bit was last cleared. For that an entry's
 * Accessed bit moves aside when the table's is cleared; the entry stays young, and the next access
 * shows as a fresh bit.
 */
#ifndef RCL_YOUNG_H
#define RCL_YOUNG_H

#include "machine.h"

static inline bool pte_was_young(const struct task *task, uint32_t vpn)
{
	return task->has_moved_young && task->moved_young[vpn / 64] >> vpn % 64 & 1;
}

/* Whether the entry was accessed since its bit was last cleared (pte_young()); then it maps a folio. */
static inline bool pte_young(const struct task *task, uint32_t vpn)
{
	return task->ptes[vpn] & PTE_ACCESSED || pte_was_young(task, vpn);
}

/* Clear the bit; answers whether it was set (ptep_test_and_clear_young()). To be called before the
 * entry changes its page, too. */
static inline bool pte_clear_young(struct task *task, uint32_t vpn)
{
	bool is_young = false;

	if (task->ptes[vpn] & PTE_ACCESSED) {
		task->ptes[vpn] &= ~PTE_ACCESSED;
		task->tables[vpn / PTES_PER_TABLE] |= TABLE_YOUNG;
		is_young = true;
	}
	if (RCL_UNLIKELY(pte_was_young(task, vpn))) {
		task->moved_young[vpn / 64] &= ~(UINT64_C(1) << vpn % 64);
		is_young = true;
	}
	return is_young;
}

/* The same for the table of an entry (pmdp_test_and_clear_young()); its entries stay young. */
bool table_clear_young(struct task *task, uint32_t vpn);

#endif
