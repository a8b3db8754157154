/*
 * Kernel memory charged to memcgs, see kmem.h. Models __pte_alloc() (mm/memory.c),
 * obj_cgroup_charge() (mm/memcontrol.c) and the XArray behind filemap_add_folio() of v6.12.
 *
 * SIMPLIFIED: kernel memory is charged but takes no page of a node; effect: nodes have up to 0.4 %
 * more room than they should.
 * SIMPLIFIED: inner nodes of the tree, inodes and other small objects are free; effect: a few tens
 * of pages per memcg.
 * SIMPLIFIED: tree nodes that hold nothing but shadows are never shrunk; effect: files much larger
 * than memory, read once, keep more kernel memory here.
 */
#include "kmem.h"

#include <string.h>

#include "memcg.h"

#define TREE_NODE_BYTES (576 + 8)	/* struct xa_node and its object's cgroup pointer, x86-64 v6.12 */
#define TABLES_PER_DIRECTORY 512	/* PTE tables below one PMD table */

static bool charge_page(struct rcl_machine *m, struct task *task)
{
	if (!memcg_charge(m, task))
		return false;
	task->memcg->kmem_pages++;
	return true;
}

static void uncharge_tables(struct task *task, uint32_t nr_pages)
{
	memcg_uncharge(task->memcg, nr_pages);
	task->memcg->kmem_pages -= nr_pages;
	task->nr_tables -= nr_pages;
}

/* Small objects share pages: the rest of the last one is used up first (consume_obj_stock()). */
static bool charge_bytes(struct rcl_machine *m, struct task *task, uint32_t nr_bytes)
{
	struct memcg *memcg = task->memcg;

	if (memcg->kmem_rest_bytes < nr_bytes) {
		if (!charge_page(m, task))
			return false;
		memcg->kmem_rest_bytes += RCL_PAGE_BYTES;
	}
	memcg->kmem_rest_bytes -= nr_bytes;
	return true;
}

static bool has_directory(const struct task *task, uint32_t table)
{
	uint32_t first = table - table % TABLES_PER_DIRECTORY;
	uint32_t nr_tables = task->nr_pages / PTES_PER_TABLE + 1;

	for (uint32_t i = first; i < nr_tables && i < first + TABLES_PER_DIRECTORY; i++)
		if (task->tables[i])
			return true;
	return false;
}

bool kmem_add_table(struct rcl_machine *m, struct task *task, uint32_t vpn)
{
	uint32_t table = vpn / PTES_PER_TABLE;
	uint32_t nr_pages = has_directory(task, table) ? 1 : 2;

	for (uint32_t i = 0; i < nr_pages; i++) {
		if (!charge_page(m, task)) {
			/* Interrupted: the fault is tried again as a whole. Killed: all is given back already. */
			if (task->state != RCL_TASK_KILLED)
				uncharge_tables(task, i);
			return false;
		}
		task->nr_tables++;
	}
	task->tables[table] = 1;
	return true;
}

bool kmem_add_tree_node(struct rcl_machine *m, struct task *task, struct file *file, uint32_t page)
{
	if (!charge_bytes(m, task, TREE_NODE_BYTES))
		return false;
	file->tree_nodes[page / SLOTS_PER_TREE_NODE] = 1;
	return true;
}

void kmem_free_tables(struct task *task)
{
	uncharge_tables(task, task->nr_tables);
	memset(task->tables, 0, task->nr_pages / PTES_PER_TABLE + 1);
}
