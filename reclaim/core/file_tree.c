/*
 * The tree behind a file's page cache, see file_tree.h. Models xas_split(), xas_prev() and xas_next() (lib/xarray.c),
 * page_cache_prev_miss() and page_cache_next_miss() (mm/filemap.c), v6.12.
 */
#include "file_tree.h"

#include "kmem.h"
#include "workingset.h"

/* Where a walk stands (struct xa_state). */
struct slot_walk {
	const struct file *file;
	uint32_t index;			/* what it counts */
	uint32_t node;			/* of 64 slots */
	uint32_t offset;
	bool is_whole;			/* in the level above: the entry stands for all pages of the node */
};

static bool slot_is_sibling(const struct file *file, uint32_t page)
{
	return file->siblings && file->siblings[page / 64] >> page % 64 & 1;
}

static void mark_entries(struct file *file, uint32_t first, uint32_t end, uint32_t nr_pages)
{
	for (uint32_t page = first; page < end; page++) {
		if (page & (nr_pages - 1))
			file->siblings[page / 64] |= UINT64_C(1) << page % 64;
		else
			file->siblings[page / 64] &= ~(UINT64_C(1) << page % 64);
	}
}

void file_tree_store(struct file *file, uint32_t page, uint32_t order)
{
	uint32_t nr_pages = UINT32_C(1) << order, first = page, end = page + 1;

	if (!file->siblings)
		return;
	if (slot_is_shadow(file->slots[page])) {
		while (slot_is_sibling(file, first))
			first--;
		while (end < file->nr_pages && file->slots[end] && slot_is_sibling(file, end))
			end++;
	}
	mark_entries(file, first, end > page + nr_pages ? end : page + nr_pages, nr_pages);
}

void file_tree_split(struct file *file, uint32_t page, uint32_t nr_pages)
{
	if (file->siblings)
		mark_entries(file, page, page + nr_pages, 1);
}

/* Entries of 64 pages and more are in the level above the leaves. */
static bool is_whole_node(const struct file *file, uint32_t node)
{
	uint32_t half = node * SLOTS_PER_TREE_NODE + SLOTS_PER_TREE_NODE / 2;

	return half < file->nr_pages && file->slots[half] && slot_is_sibling(file, half);
}

/* A slot that is empty, or has a shadow. */
static bool walk_is_at_miss(const struct slot_walk *walk)
{
	uint32_t page = walk->node * SLOTS_PER_TREE_NODE + (walk->is_whole ? 0 : walk->offset);
	uint64_t slot;

	if (page >= walk->file->nr_pages)
		return true;
	slot = walk->file->slots[page];
	return !slot || (slot_is_shadow(slot) && !slot_is_sibling(walk->file, page));
}

/* xas_load() */
static struct slot_walk walk_begin(const struct file *file, uint32_t page)
{
	struct slot_walk walk = { .file = file, .index = page, .node = page / SLOTS_PER_TREE_NODE,
			     .offset = page % SLOTS_PER_TREE_NODE };

	walk.is_whole = is_whole_node(file, walk.node);
	if (page >= file->nr_pages || !file->slots[page])
		return walk;
	while (walk.is_whole && slot_is_sibling(file, walk.node * SLOTS_PER_TREE_NODE))
		walk.node--;
	while (!walk.is_whole && slot_is_sibling(file, walk.node * SLOTS_PER_TREE_NODE + walk.offset))
		walk.offset--;
	return walk;
}

static void walk_enter_node(struct slot_walk *walk, uint32_t node)
{
	walk->node = node;
	walk->is_whole = is_whole_node(walk->file, node);
	walk->offset = walk->index % SLOTS_PER_TREE_NODE;
}

/* Whether an entry that ends a node is still, or again, at what the walk counts. */
static bool walk_is_on_count(const struct slot_walk *walk)
{
	return walk->is_whole ? walk->node == walk->index / SLOTS_PER_TREE_NODE
			      : walk->offset == walk->index % SLOTS_PER_TREE_NODE;
}

/* One slot back; false where the tree begins. */
static bool walk_back(struct slot_walk *walk)
{
	walk->index--;
	if (!walk->is_whole && walk->offset) {
		walk->offset--;
		return true;
	}
	if (walk_is_on_count(walk))
		return true;
	if (!walk->node)
		return false;
	walk_enter_node(walk, walk->node - 1);
	return true;
}

static void walk_ahead(struct slot_walk *walk)
{
	walk->index++;
	if (!walk->is_whole && walk->offset < SLOTS_PER_TREE_NODE - 1) {
		walk->offset++;
		return;
	}
	if (!walk_is_on_count(walk))
		walk_enter_node(walk, walk->node + 1);
}

uint32_t file_tree_prev_miss(const struct file *file, uint32_t page, uint32_t most)
{
	struct slot_walk walk = walk_begin(file, page);

	for (uint32_t i = 0; i < most; i++) {
		if (i && !walk_back(&walk))
			break;
		if (walk_is_at_miss(&walk) || walk.index == RCL_NIL)
			break;
	}
	return walk.index;
}

uint32_t file_tree_next_miss(const struct file *file, uint32_t page, uint32_t most)
{
	struct slot_walk walk = walk_begin(file, page);

	for (uint32_t i = 0; i < most; i++) {
		if (i)
			walk_ahead(&walk);
		if (walk_is_at_miss(&walk))
			return walk.index;
	}
	return page + most;
}
