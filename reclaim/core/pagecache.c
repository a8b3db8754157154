/*
 * The page cache, see pagecache.h. Models filemap_add_folio(), filemap_read() and
 * generic_perform_write() (mm/filemap.c v6.12).
 */
#include "pagecache.h"

#include <stdlib.h>

#include "batches.h"
#include "device.h"
#include "dirty.h"
#include "events.h"
#include "file_tree.h"
#include "hooks.h"
#include "kmem.h"
#include "large_folio.h"
#include "memcg.h"
#include "mlock.h"
#include "mm.h"
#include "node.h"
#include "numa.h"
#include "policy.h"
#include "writeback.h"
#include "readahead.h"
#include "trace.h"

int rcl_file_create(struct rcl_machine *m, uint64_t nr_pages, uint32_t device, uint32_t *number)
{
	struct file *file;

	if (nr_pages > REC_PAGE + 1 || device == RCL_DEVICE_ZRAM || device > RCL_DEVICE_DISK)
		return machine_error(m, RCL_BAD_ARGUMENT, "a file of %llu pages on device %u: at most 2^29 pages on SSD or disk expected",
				     (unsigned long long)nr_pages, device);
	if (!grow_array((void **)&m->files, m->nr_files, m->nr_files + UINT64_C(1), sizeof(*m->files)))
		return machine_error(m, RCL_NO_MEMORY, "no memory for a file");
	file = &m->files[m->nr_files];
	file->slots = calloc(nr_pages + 1, sizeof(*file->slots));
	file->tree_nodes = calloc(nr_pages / SLOTS_PER_TREE_NODE + 1, sizeof(*file->tree_nodes));
	file->dirty_tags = calloc(nr_pages / 64 + 1, sizeof(*file->dirty_tags));
	file->siblings = m->config.file_folio_order ? calloc(nr_pages / 64 + 1, sizeof(*file->siblings)) : NULL;
	if (!file->slots || !file->tree_nodes || !file->dirty_tags || (m->config.file_folio_order && !file->siblings)) {
		free(file->slots);
		free(file->tree_nodes);
		free(file->dirty_tags);
		free(file->siblings);
		return machine_error(m, RCL_NO_MEMORY, "no memory for a file of %llu pages", (unsigned long long)nr_pages);
	}
	file->nr_pages = (uint32_t)nr_pages;
	file->device = device;
	*number = m->nr_files++;
	return RCL_OK;
}

int rcl_file_hold(struct rcl_machine *m, uint32_t number, uint64_t page)
{
	uint64_t slot;

	if (number >= m->nr_files || page >= m->files[number].nr_pages)
		return machine_error(m, RCL_BAD_ARGUMENT, "file %u does not exist or has no page %llu", number,
				     (unsigned long long)page);
	slot = m->files[number].slots[page];
	if (slot == 0 || slot_is_shadow(slot))
		return machine_error(m, RCL_BAD_ARGUMENT, "page %llu of file %u is not in the page cache",
				     (unsigned long long)page, number);
	page_folio(m, slot_pfn(slot))->pins++;
	return RCL_OK;
}

/* The first page of a part of the file takes a node of its tree. */
static bool has_place(struct rcl_machine *m, struct task *task, struct file *file, uint32_t page)
{
	return !m->config.charge_kmem || RCL_LIKELY(kmem_has_tree_node(file, page)) ||
	       kmem_add_tree_node(m, task, file, page);
}

static void init_folio(struct task *task, struct folio *folio, uint32_t type, uint64_t key)
{
	pagecache_init_record(folio, type, key, &task->memcg->pub, RCL_TRANSIT_ENTERING);
	folio->pub.order = 0;
	folio->pub.nr_pages = 1;
	folio->mlock_count = 0;
	task->nr_misses++;
}

/* Whoever governs the memcg learns of the miss, once: an access that was interrupted is tried again as a whole. */
static void note_incoming(struct rcl_machine *m, struct task *task, uint64_t key, uint64_t slot, enum rcl_added reason)
{
	struct lruvec *lruvec = task_lruvec(task);
	struct rcl_shadow shadow;

	if (!lruvec->att->ops.folio_incoming || task->incoming_key == key + 1)
		return;
	task->incoming_key = key + 1;
	if (slot)
		workingset_unpack(m, lruvec, slot, RCL_HOOK_FOLIO_INCOMING, &shadow);
	ask_folio_incoming(m, lruvec, key, slot ? &shadow : NULL, reason);
}

struct folio *pagecache_alloc_folio(struct rcl_machine *m, struct task *task, uint32_t type, uint64_t key,
				    uint64_t shadow, enum rcl_added reason)
{
	struct folio *folio;

	if (RCL_UNLIKELY(m->has_incoming_hook))
		note_incoming(m, task, key, shadow, reason);
	if (!memcg_charge(m, task, 1))
		return NULL;
	folio = node_alloc_folio(m, task, type == RCL_ANON ? (uint32_t)key : NO_INTERLEAVE_INDEX);
	if (!folio) {
		memcg_uncharge(task->memcg, 1);
		return NULL;
	}
	init_folio(task, folio, type, key);
	if (RCL_UNLIKELY(m->has_incoming_hook))
		task->incoming_key = 0;
	spend(m, m->config.costs.alloc_page_ns);
	return folio;
}

/* Anonymous memory takes a large folio where it is free to have; one of a file is charged as readahead charges. */
static bool charge_large(struct rcl_machine *m, struct task *task, uint32_t type, uint32_t nr_pages)
{
	return type == RCL_ANON ? memcg_try_charge(m, task, nr_pages) : memcg_charge(m, task, nr_pages);
}

/* Where there is none, the pages that come in its place are those to ask about. */
struct folio *pagecache_alloc_large(struct rcl_machine *m, struct task *task, uint64_t key, uint32_t order,
				    uint64_t shadow, enum rcl_added reason)
{
	uint32_t type = key >> 63 ? RCL_ANON : RCL_FILE;
	struct folio *folio;

	if (!charge_large(m, task, type, UINT32_C(1) << order))
		return NULL;
	folio = node_alloc_block(m, task, order, type == RCL_ANON ? (uint32_t)key >> order : NO_INTERLEAVE_INDEX,
				 type == RCL_ANON && order == RCL_MAX_ORDER);
	if (!folio) {
		memcg_uncharge(task->memcg, UINT64_C(1) << order);
		return NULL;
	}
	if (RCL_UNLIKELY(m->has_incoming_hook)) {
		note_incoming(m, task, key, shadow, reason);
		task->incoming_key = 0;
	}
	init_folio(task, folio, type, key);
	task->nr_missed_tails += (UINT64_C(1) << order) - 1;
	large_prepare_tails(m, folio, order);
	spend(m, m->config.costs.alloc_page_ns);
	return folio;
}

void pagecache_admit_folio(struct rcl_machine *m, struct task *task, struct folio *folio, uint64_t slot,
			   enum rcl_added reason)
{
	struct lruvec *lruvec = folio_lruvec(folio);
	struct rcl_shadow shadow;

	if (task->in_lru_fault && (reason == RCL_ADDED_ANON_FAULT || reason == RCL_ADDED_SWAP_IN))
		folio->pub.flags |= RCL_FOLIO_IN_FAULT;
	if (slot) {
		workingset_unpack(m, lruvec, slot, RCL_HOOK_FOLIO_ADMIT, &shadow);
		count_typed_pages(lruvec, RCL_WORKINGSET_REFAULT_ANON, folio);
	}
	policy_init_folio(m, lruvec->att, folio->pub.pfn);
	ask_folio_admit(m, lruvec, folio, slot ? &shadow : NULL, reason);
	if (slot)
		TRACE(m, memcg_of(folio->pub.memcg), workingset_refault, .pfn = folio->pub.pfn, .type = folio->pub.type,
		      .distance = shadow.distance, .activated = !!(folio->pub.flags & RCL_FOLIO_IS_ACTIVE),
		      .restored = !!(folio->pub.flags & RCL_FOLIO_IS_WORKINGSET));
	if (slot && folio->pub.flags & RCL_FOLIO_IS_ACTIVE)
		workingset_age(lruvec, folio->pub.nr_pages);	/* workingset_refault() */
	batches_add_folio(m, task, folio, reason);
}

/* Let the slots of a folio's pages name them (__filemap_add_folio()). */
static void enter_slots(struct rcl_machine *m, const struct folio *folio)
{
	uint64_t *slots = pagecache_slot(m, folio);

	file_tree_store(pagecache_file(m, folio), (uint32_t)folio->pub.key, folio->pub.order);
	for (uint32_t i = 0; i < folio->pub.nr_pages; i++)
		slots[i] = slot_of_pfn(folio->pub.pfn + i);
	TRACE(m, memcg_of(folio->pub.memcg), mm_filemap_add_to_page_cache, .pfn = folio->pub.pfn,
	      .i_ino = folio->pub.key >> 32, .index = (uint32_t)folio->pub.key, .order = folio->pub.order);
}

/* Put a new folio where its pages were missing, or their shadow is; it is admitted and waits for its list. */
static void enter_cache(struct rcl_machine *m, struct task *task, struct folio *folio, uint64_t shadow,
			enum rcl_added reason, bool in_fault)
{
	enter_slots(m, folio);
	if (in_fault && task->in_lru_fault)
		folio->pub.flags |= RCL_FOLIO_IN_FAULT;
	pagecache_admit_folio(m, task, folio, shadow, reason);
	count(folio_lruvec(folio), RCL_PGPGIN, folio->pub.nr_pages);
}

struct folio *pagecache_add(struct rcl_machine *m, struct task *task, uint32_t number, uint32_t page,
			    enum rcl_added reason, bool in_fault)
{
	struct file *file = &m->files[number];
	struct folio *folio;

	if (!has_place(m, task, file, page))
		return NULL;
	folio = pagecache_alloc_folio(m, task, RCL_FILE, file_key(number, page), file->slots[page], reason);
	if (folio)
		enter_cache(m, task, folio, file->slots[page], reason, in_fault);
	return folio;
}

/* The last shadow of a range, which is the one that counts (__filemap_add_folio()). */
static uint64_t last_shadow(const uint64_t *slots, uint32_t nr_pages)
{
	while (nr_pages > 1 && !slots[nr_pages - 1])
		nr_pages--;
	return slots[nr_pages - 1];
}

struct folio *pagecache_add_large(struct rcl_machine *m, struct task *task, uint64_t key, uint32_t order,
				  enum rcl_added reason, bool in_fault)
{
	struct file *file = &m->files[key >> 32];
	uint32_t page = (uint32_t)key, nr_pages = UINT32_C(1) << order;
	struct folio *folio;

	if (!has_place(m, task, file, page))
		return NULL;
	folio = pagecache_alloc_large(m, task, key, order, last_shadow(&file->slots[page], nr_pages), reason);
	if (folio)
		enter_cache(m, task, folio, last_shadow(&file->slots[page], nr_pages), reason, in_fault);
	return folio;
}

struct folio *pagecache_fill(struct rcl_machine *m, struct task *task, uint32_t number, uint32_t page,
			     enum rcl_added reason)
{
	bool is_refault = m->files[number].slots[page] != 0;
	struct folio *folio = pagecache_add(m, task, number, page, reason, reason == RCL_ADDED_FILE_FAULT);
	uint64_t start_ns;

	if (!folio)
		return NULL;
	folio->marks |= MARK_LOCKED;
	start_ns = stall_begin(m, task, RCL_STALL_IO, is_refault);
	events_sleep_until(m, device_read(m, device_of_file(m, &m->files[number]), 1));
	folio->marks &= (uint8_t)~MARK_LOCKED;
	stall_record(m, task, RCL_STALL_IO, start_ns, is_refault);
	return folio;
}

/* folio_mark_accessed(), as far as the core goes: an activation that the policy asks for moves the
 * clock at once (workingset_activation()) and the folio later, when the batch drains. */
void pagecache_mark_accessed(struct rcl_machine *m, struct task *task, struct folio *folio, enum rcl_access how)
{
	struct lruvec *lruvec = folio_lruvec(folio);
	uint64_t place;

	if (RCL_UNLIKELY(folio->transit == RCL_TRANSIT_UNEVICTABLE))
		return;
	place = ask_folio_accessed(m, lruvec, folio, how);
	if (!place)
		return;
	workingset_age(lruvec, folio->pub.nr_pages);
	batches_activate_folio(m, task, folio, place, false);
}

/* A write that creates a page overwrites it: nothing is read, and the refault test is skipped.
 * SIMPLIFIED: also when the write covers part of the page; effect: such writes are too cheap. */
static bool create_page(struct rcl_machine *m, struct task *task, uint32_t number, uint32_t page)
{
	struct folio *folio;

	if (!has_place(m, task, &m->files[number], page) || !kmem_reserve_buffer(m, task))
		return false;
	folio = pagecache_alloc_folio(m, task, RCL_FILE, file_key(number, page), 0, RCL_ADDED_BUFFERED);
	if (!folio)
		return false;
	enter_slots(m, folio);
	kmem_add_buffer(m, folio);
	filemap_dirty_folio(m, folio);
	task->nr_dirtied++;
	pagecache_admit_folio(m, task, folio, 0, RCL_ADDED_BUFFERED);
	return true;
}

static bool write_page(struct rcl_machine *m, struct task *task, struct file_span *span, uint32_t page)
{
	struct folio *folio = pagecache_find(m, span->file, page);

	if (folio && !(folio->marks & MARK_BUFFERS)) {
		if (!kmem_reserve_buffer(m, task))
			return false;
		folio = pagecache_find(m, span->file, page);
	}
	if (RCL_UNLIKELY(!folio))
		return create_page(m, task, span->file, page);
	kmem_add_buffer(m, folio);
	readahead_note_used(folio);
	if (!(folio->pub.flags & RCL_FOLIO_IS_DIRTY))
		task->nr_dirtied += folio->pub.nr_pages;
	filemap_dirty_folio(m, folio);
	if (!folio_has_page(folio, span->prev_page) || m->config.repeat_reads)
		pagecache_mark_accessed(m, task, folio, RCL_ACCESS_WRITE);
	return true;
}

/* A page that was not cached, by a window or alone. */
static struct folio *read_missing(struct rcl_machine *m, struct task *task, struct file_span *span, uint32_t page)
{
	struct folio *folio = NULL;

	if (m->config.read_ahead_kb && !task->is_retry) {
		readahead_read_miss(m, task, span, page);
		folio = pagecache_find(m, span->file, page);
		task->is_retry = true;
	}
	if (!folio)
		folio = pagecache_fill(m, task, span->file, page, RCL_ADDED_BUFFERED);
	if (folio)
		task->is_retry = false;
	return folio;
}

/* The first access to a page that was read ahead, or to a marked one. */
static void read_marked(struct rcl_machine *m, struct task *task, struct file_span *span, struct folio *folio,
			uint32_t page)
{
	uint64_t arrival_ns = readahead_arrival_ns(&span->ra, page);

	readahead_note_used(folio);
	if (folio->marks & MARK_READAHEAD) {
		folio->pins++;
		readahead_read_marked(m, task, span, folio, page);
		folio->pins--;
	}
	folio->pins++;
	readahead_wait(m, task, arrival_ns, folio->pub.flags & RCL_FOLIO_IS_WORKINGSET);
	folio->pins--;
}

static bool read_page(struct rcl_machine *m, struct task *task, struct file_span *span, uint32_t page)
{
	struct folio *folio = pagecache_find(m, span->file, page);
	bool is_first = !folio || folio->marks & MARK_AHEAD;

	if (RCL_UNLIKELY(!folio)) {
		folio = read_missing(m, task, span, page);
		if (!folio)
			return false;
	}
	if (RCL_UNLIKELY(folio->marks & (MARK_AHEAD | MARK_READAHEAD)))
		read_marked(m, task, span, folio, page);
	if (is_first || !folio_has_page(folio, span->prev_page) || m->config.repeat_reads)
		pagecache_mark_accessed(m, task, folio, is_first ? RCL_ACCESS_FIRST_READ : RCL_ACCESS_READ);
	return true;
}

/* What the call costs, and what the node of the page adds. */
static void account_access(struct rcl_machine *m, struct task *task, uint32_t file, uint32_t page)
{
	spend(m, m->config.costs.buffered_ns);
	if (m->nr_nodes > 1) {
		const struct folio *folio = pagecache_find(m, file, page);

		if (folio)
			numa_account_accesses(m, task, folio->pub.nid, 1);
	}
}

bool pagecache_access(struct rcl_machine *m, struct task *task, uint32_t page, bool is_write)
{
	struct file_span *span = mm_find_span(task, page);
	uint32_t index = page - span->first;

	if (!(is_write ? write_page(m, task, span, index) : read_page(m, task, span, index)))
		return false;
	span->prev_page = index;
	account_access(m, task, span->file, index);
	if (is_write)
		dirty_note_write(m, task, &m->files[span->file]);
	return true;
}

void pagecache_discard_folio(struct rcl_machine *m, struct folio *folio)
{
	if (folio->transit == RCL_TRANSIT_NONE)
		lru_del_folio(m, folio_lruvec(folio), folio);
	else if (folio->transit == RCL_TRANSIT_UNEVICTABLE)
		mlock_del_unevictable(m, folio);
	ask_folio_removed(m, folio_lruvec(folio), folio, RCL_REMOVAL_FREED);
	large_undefer_split(m, folio);
	kmem_free_buffer(folio);
	memcg_uncharge(memcg_of(folio->pub.memcg), folio->pub.nr_pages);
	node_free_folio(m, folio);
}
