/*
 * Kernel memory that a memcg pays for: page tables, and the tree behind each file's page cache.
 *
 * It cannot be reclaimed, so it narrows what a limit leaves for pages: about 1/512 of what is
 * mapped and 1/450 of what was read. Off with rcl_config.charge_kmem = 0, for textbook caches.
 */
#ifndef RCL_KMEM_H
#define RCL_KMEM_H

#include "machine.h"

#define SLOTS_PER_TREE_NODE 64		/* XA_CHUNK_SIZE, include/linux/xarray.h v6.12 */

/* Allocate the page table of an address before its first fault; false: killed or interrupted. */
bool kmem_add_table(struct rcl_machine *m, struct task *task, uint32_t vpn);

/* Allocate the tree nodes above a file's page before it is first cached; false as above. */
bool kmem_add_tree_node(struct rcl_machine *m, struct task *task, struct file *file, uint32_t page);

/* Give back the page tables of a task that ends. */
void kmem_free_tables(struct task *task);

static inline bool kmem_has_table(const struct task *task, uint32_t vpn)
{
	return task->tables[vpn / PTES_PER_TABLE] & TABLE_EXISTS;
}

static inline bool kmem_has_tree_node(const struct file *file, uint32_t page)
{
	return file->tree_nodes[page / SLOTS_PER_TREE_NODE] & 1;
}

#endif
