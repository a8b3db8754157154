/*
 * Kernel memory that a memcg pays for: page tables, the tree behind each file's page cache, and buffer heads.
 *
 * It cannot be reclaimed by itself, so it narrows what a limit leaves for pages: about 1/512 of what is
 * mapped, 1/450 of what was read, and 1/37 of what was written. Off with rcl_config.charge_kmem = 0, for textbook caches.
 */
#ifndef RCL_KMEM_H
#define RCL_KMEM_H

#include "machine.h"

#define SLOTS_PER_TREE_NODE 64		/* XA_CHUNK_SIZE, include/linux/xarray.h v6.12 */

/* Allocate the page table of an address before its first fault; false: killed or interrupted. */
bool kmem_add_table(struct rcl_machine *m, struct task *task, uint32_t vpn);

/* Allocate the tree nodes above a file's page before it is first cached; false as above. */
bool kmem_add_tree_node(struct rcl_machine *m, struct task *task, struct file *file, uint32_t page);

/*
 * A page of a file that is written gets a buffer head, which stays as long as the page does. Room for it is
 * charged before the write looks at the page, because that may reclaim; false as above.
 *
 * SIMPLIFIED: a page of a file that another memcg brought in takes the room that this one has left, or none;
 * effect: files that several memcgs write cost a little less.
 */
bool kmem_reserve_buffer(struct rcl_machine *m, struct task *task);
void kmem_add_buffer(struct rcl_machine *m, struct folio *folio);
void kmem_free_buffer(struct folio *folio);

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
