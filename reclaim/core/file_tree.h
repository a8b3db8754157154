/*
 * The tree behind a file's page cache (an xarray), as far as its shape shows in results.
 *
 * Here: which slots belong to an entry that stands for several pages, and walks from slot to slot. Not here: what a
 * slot holds (pagecache.h), what the nodes of the tree cost (kmem.h).
 *
 * A large folio is one entry, and so is the shadow that it leaves. The first slot holds it, the others are siblings
 * that lead there. xas_prev() and xas_next() do not follow them, and page_cache_prev_miss() and
 * page_cache_next_miss() take every sibling for a page that is cached: those of a shadow too, so that readahead
 * finds a history where there is none. A walk that begins at a sibling is led to the first slot, and from then on
 * looks at slots before those that it counts.
 *
 * SIMPLIFIED: a walk that left the slots it counts finds them again at the next node of 64 slots, the kernel's at
 * nodes of 4,096 not always; effect: none but at every 4,096th page.
 */
#ifndef RCL_FILE_TREE_H
#define RCL_FILE_TREE_H

#include "machine.h"

/* Let an entry of 2^order pages take its place; call it before the slots change. A shadow of more pages is split
 * into entries of this size (xas_split()). */
void file_tree_store(struct file *file, uint32_t page, uint32_t order);

/* Each page becomes an entry of its own. */
void file_tree_split(struct file *file, uint32_t page, uint32_t nr_pages);

/* Where a walk of at most `most` slots ends: at one without a page, or behind the last one. Downwards from a page it
 * may be RCL_NIL, before the first page of the file. */
uint32_t file_tree_prev_miss(const struct file *file, uint32_t page, uint32_t most);
uint32_t file_tree_next_miss(const struct file *file, uint32_t page, uint32_t most);

#endif
