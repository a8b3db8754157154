/*
 * Kernel memory charged to memcgs, see kmem.h. Models __pte_alloc() (mm/memory.c),
 * obj_cgroup_charge() (mm/memcontrol.c), the XArray behind filemap_add_folio() and folio_alloc_buffers()
 * (fs/buffer.c), as ext4 uses it, of v6.12.
 *
 * SIMPLIFIED: kernel memory is charged but takes no page of a node; effect: nodes have up to 0.4 %
 * more room than they should.
 * SIMPLIFIED: inodes, VMAs and other small objects are free; effect: a few pages per memcg.
 * SIMPLIFIED: a folio of 64 pages or more takes a leaf of the tree, the kernel keeps it one level up; effect:
 * 592 bytes for each.
 * SIMPLIFIED: tree nodes that hold nothing but shadows are never shrunk; effect: files much larger
 * than memory, read once, keep more kernel memory here.
 */
#include "kmem.h"

#include <string.h>

#include "memcg.h"

#define TREE_NODE_BYTES (576 + 8 + 8)	/* struct xa_node, a free pointer that its constructor keeps apart, and
					 * the object cgroup pointer (obj_full_size()); x86-64 v6.12 */
#define BUFFER_HEAD_BYTES (104 + 8)	/* struct buffer_head and the object cgroup pointer; blocks of a page */
#define TABLES_PER_DIRECTORY 512	/* PTE tables below one PMD table */

static bool charge_page(struct rcl_machine *m, struct task *task)
{
	if (!memcg_charge(m, task, 1))
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
static bool reserve_bytes(struct rcl_machine *m, struct task *task, uint32_t nr_bytes)
{
	if (task->memcg->kmem_rest_bytes >= nr_bytes)
		return true;
	if (!charge_page(m, task))
		return false;
	task->memcg->kmem_rest_bytes += RCL_PAGE_BYTES;
	return true;
}

static bool charge_bytes(struct rcl_machine *m, struct task *task, uint32_t nr_bytes)
{
	if (!reserve_bytes(m, task, nr_bytes))
		return false;
	task->memcg->kmem_rest_bytes -= nr_bytes;
	return true;
}

/* Whole pages go back (refill_obj_stock()); those of a removed memcg are its parent's by now. */
static void uncharge_bytes(struct memcg *memcg, uint32_t nr_bytes)
{
	while (memcg->is_offline)
		memcg = memcg_parent(memcg);
	memcg->kmem_rest_bytes += nr_bytes;
	if (memcg->kmem_rest_bytes <= RCL_PAGE_BYTES)
		return;
	memcg->kmem_rest_bytes -= RCL_PAGE_BYTES;
	memcg->kmem_pages--;
	memcg_uncharge(memcg, 1);
}

static bool has_directory(const struct task *task, uint32_t table)
{
	uint32_t first = table - table % TABLES_PER_DIRECTORY;
	uint32_t nr_tables = task->nr_pages / PTES_PER_TABLE + 1;

	for (uint32_t i = first; i < nr_tables && i < first + TABLES_PER_DIRECTORY; i++)
		if (task->tables[i] & TABLE_EXISTS)
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
	task->tables[table] |= TABLE_EXISTS;
	return true;
}

/* From the root down: the leaf comes last, so that an interrupted fault goes on where it stopped. A
 * level's bits stand at the first leaf below each node. */
bool kmem_add_tree_node(struct rcl_machine *m, struct task *task, struct file *file, uint32_t page)
{
	uint32_t leaf = page / SLOTS_PER_TREE_NODE, nr_leaves = (file->nr_pages - 1) / SLOTS_PER_TREE_NODE + 1;
	uint32_t span = 1, level = 0;

	for (; span < nr_leaves; span *= SLOTS_PER_TREE_NODE)
		level++;
	for (; span; span /= SLOTS_PER_TREE_NODE, level--) {
		uint8_t *nodes = &file->tree_nodes[leaf - leaf % span];

		if (*nodes >> level & 1)
			continue;
		if (!charge_bytes(m, task, TREE_NODE_BYTES))
			return false;
		*nodes |= (uint8_t)(1u << level);
	}
	return true;
}

/* File systems with large folios use iomap, whose state of a folio is charged to nobody (ifs_alloc()). */
static bool has_buffers(const struct rcl_machine *m)
{
	return m->config.charge_kmem && !m->config.file_folio_order;
}

bool kmem_reserve_buffer(struct rcl_machine *m, struct task *task)
{
	return !has_buffers(m) || reserve_bytes(m, task, BUFFER_HEAD_BYTES);
}

void kmem_add_buffer(struct rcl_machine *m, struct folio *folio)
{
	struct memcg *memcg = memcg_of(folio->pub.memcg);

	if (!has_buffers(m) || folio->marks & MARK_BUFFERS || memcg->is_offline ||
	    memcg->kmem_rest_bytes < BUFFER_HEAD_BYTES)
		return;
	memcg->kmem_rest_bytes -= BUFFER_HEAD_BYTES;
	folio->marks |= MARK_BUFFERS;
}

void kmem_free_buffer(struct folio *folio)
{
	if (!(folio->marks & MARK_BUFFERS))
		return;
	folio->marks &= (uint8_t)~MARK_BUFFERS;
	uncharge_bytes(memcg_of(folio->pub.memcg), BUFFER_HEAD_BYTES);
}

void kmem_free_tables(struct task *task)
{
	uncharge_tables(task, task->nr_tables);
	memset(task->tables, 0, task->nr_pages / PTES_PER_TABLE + 1);
}
