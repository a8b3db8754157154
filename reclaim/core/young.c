/*
 * Accessed bits of page tables, see young.h. Models what x86-64 hardware does for
 * pmdp_test_and_clear_young() of v6.12 (arch_has_hw_nonleaf_pmd_young()).
 */
#include "young.h"

bool table_clear_young(struct task *task, uint32_t vpn)
{
	uint32_t table = vpn / PTES_PER_TABLE, first = table * PTES_PER_TABLE;
	uint32_t end = first + PTES_PER_TABLE < task->nr_pages ? first + PTES_PER_TABLE : task->nr_pages;
	bool is_young = task->tables[table] & TABLE_YOUNG;

	task->tables[table] &= (uint8_t)~TABLE_YOUNG;
	for (uint32_t i = first; i < end; i++) {
		if (!(task->ptes[i] & PTE_ACCESSED))
			continue;
		task->ptes[i] &= ~PTE_ACCESSED;
		task->moved_young[i / 64] |= UINT64_C(1) << i % 64;
		is_young = true;
	}
	task->has_moved_young |= is_young;
	return is_young;
}
