/*
 * Address spaces, see mm.h. Models mm/mmap.c and the task's side of mm/memory.c v6.12.
 */
#include "mm.h"

#include <stdlib.h>

#include "batches.h"
#include "dirty.h"
#include "kmem.h"
#include "large_folio.h"
#include "memcg.h"
#include "mlock.h"
#include "node.h"
#include "numa_scan.h"
#include "pagecache.h"
#include "psi.h"
#include "rmap.h"
#include "swap.h"
#include "vma.h"
#include "writeback.h"
#include "young.h"

/* Every flag there is; MADV_SEQUENTIAL and MADV_RANDOM replace each other. */
#define ALL_MAPPING_FLAGS \
	((uint32_t)RCL_MAPPING_FILE | RCL_MAPPING_SHARED | RCL_MAPPING_EXEC | RCL_MAPPING_LOCKED | VMA_HINTS)

static int check_mapping(struct rcl_machine *m, uint32_t number, const struct rcl_mapping *mapping)
{
	if (mapping->nr_pages > REC_PAGE || mapping->flags & ~ALL_MAPPING_FLAGS || (mapping->flags & VMA_HINTS) == VMA_HINTS)
		return machine_error(m, RCL_BAD_ARGUMENT, "mapping %u: %llu pages with flags %u make no sense", number,
				     (unsigned long long)mapping->nr_pages, mapping->flags);
	if (!(mapping->flags & RCL_MAPPING_FILE))
		return RCL_OK;
	if (mapping->file >= m->nr_files)
		return machine_error(m, RCL_BAD_ARGUMENT, "mapping %u: file %u does not exist", number, mapping->file);
	if (mapping->file_page > m->files[mapping->file].nr_pages ||
	    mapping->nr_pages > m->files[mapping->file].nr_pages - mapping->file_page)
		return machine_error(m, RCL_BAD_ARGUMENT, "mapping %u: reaches beyond the %u pages of file %u", number,
				     m->files[mapping->file].nr_pages, mapping->file);
	return RCL_OK;
}

static int check_task(struct rcl_machine *m, const struct rcl_task_config *config)
{
	uint64_t nr_pages = 0, nr_file_pages = 0;

	if (config->memcg >= m->nr_memcgs || m->memcgs[config->memcg]->is_offline || config->nid >= m->nr_nodes)
		return machine_error(m, RCL_BAD_ARGUMENT, "a task wants memcg %u on node %u, one of them does not exist",
				     config->memcg, config->nid);
	if (config->oom_score_adj < -1000 || config->oom_score_adj > 1000)
		return machine_error(m, RCL_BAD_ARGUMENT, "oom_score_adj is %d, expected -1000 to 1000",
				     config->oom_score_adj);
	if (m->nr_tasks >= RCL_MAX_TASKS)
		return machine_error(m, RCL_BAD_ARGUMENT, "more than %d tasks", RCL_MAX_TASKS);
	if (config->mempolicy > RCL_MEMPOLICY_INTERLEAVE || config->mempolicy_nodes >> m->nr_nodes ||
	    (config->mempolicy == RCL_MEMPOLICY_DEFAULT) != (config->mempolicy_nodes == 0))
		return machine_error(m, RCL_BAD_ARGUMENT, "memory policy %u of nodes 0x%x makes no sense on %u nodes",
				     config->mempolicy, config->mempolicy_nodes, m->nr_nodes);
	for (uint32_t i = 0; i < config->nr_mappings; i++) {
		int status = check_mapping(m, i, &config->mappings[i]);

		if (status != RCL_OK)
			return status;
		nr_pages += config->mappings[i].nr_pages;
	}
	for (uint32_t i = 0; i < config->nr_files; i++) {
		if (config->files[i] >= m->nr_files)
			return machine_error(m, RCL_BAD_ARGUMENT, "file %u does not exist", config->files[i]);
		nr_file_pages += m->files[config->files[i]].nr_pages;
	}
	if (nr_pages > REC_PAGE + 1 || nr_file_pages > REC_PAGE + 1)
		return machine_error(m, RCL_BAD_ARGUMENT, "a task has %llu mapped and %llu file pages, at most 2^29 of each expected",
				     (unsigned long long)nr_pages, (unsigned long long)nr_file_pages);
	return RCL_OK;
}

/* Which VMA holds the readahead state: the first one of the same file. */
static uint32_t find_ra_vma(const struct task *task, uint32_t number, const struct rcl_mapping *mapping)
{
	if (!(mapping->flags & RCL_MAPPING_FILE))
		return number;
	for (uint32_t i = 0; i < number; i++) {
		if (task->vmas[i].flags & RCL_MAPPING_FILE && task->vmas[i].file == mapping->file)
			return i;
	}
	return number;
}

static void fill_spaces(struct rcl_machine *m, struct task *task, const struct rcl_task_config *config)
{
	for (uint32_t i = 0, first = 0; i < config->nr_mappings; i++) {
		const struct rcl_mapping *mapping = &config->mappings[i];

		task->vmas[i] = (struct vma){ .first = first, .nr_pages = (uint32_t)mapping->nr_pages,
					      .flags = mapping->flags, .file = mapping->file,
					      .file_page = (uint32_t)mapping->file_page,
					      .ra_vma = find_ra_vma(task, i, mapping) };
		first += (uint32_t)mapping->nr_pages;
		task->nr_pages = first;
		task->vma_flags |= mapping->flags;
	}
	for (uint32_t i = 0, first = 0; i < config->nr_files; i++) {
		uint32_t nr_pages = m->files[config->files[i]].nr_pages;

		task->spans[i] = (struct file_span){ .first = first, .nr_pages = nr_pages, .file = config->files[i],
						     .prev_page = RCL_NIL };
		first += nr_pages;
		task->nr_file_pages = first;
	}
}

static struct task *alloc_task(struct rcl_machine *m, const struct rcl_task_config *config)
{
	struct task *task = calloc(1, sizeof(*task));

	if (!task)
		return NULL;
	/* One element more than needed each: an empty array is no failure, and last_vma 0 is readable. */
	task->vmas = calloc(config->nr_mappings + UINT64_C(1), sizeof(*task->vmas));
	task->spans = calloc(config->nr_files + UINT64_C(1), sizeof(*task->spans));
	task->stalls = calloc(2, sizeof(*task->stalls));
	if (task->vmas && task->spans && task->stalls) {
		task->nr_vmas = config->nr_mappings;
		task->nr_spans = config->nr_files;
		fill_spaces(m, task, config);
		task->ptes = calloc(task->nr_pages + UINT64_C(1), sizeof(*task->ptes));
		task->moved_young = calloc(task->nr_pages / 64 + UINT64_C(1), sizeof(*task->moved_young));
		task->tables = calloc(task->nr_pages / PTES_PER_TABLE + UINT64_C(1), sizeof(*task->tables));
	}
	if (!task->ptes || !task->moved_young || !task->tables || !psi_add_source(&task->psi, NULL, false)) {
		mm_free_task(task);
		return NULL;
	}
	return task;
}

/* A second and later mapping of a file needs one rmap item per page at most, see rmap.h. */
static bool reserve_rmap(struct rcl_machine *m, const struct task *task)
{
	for (uint32_t i = 0; i < task->nr_vmas; i++) {
		const struct vma *vma = &task->vmas[i];

		if (!(vma->flags & RCL_MAPPING_FILE))
			continue;
		if (m->files[vma->file].nr_mappings++ > 0 && !rmap_reserve(m, vma->nr_pages))
			return false;
	}
	return true;
}

int rcl_task_create(struct rcl_machine *m, const struct rcl_task_config *config, uint32_t *number)
{
	int status = check_task(m, config);
	struct task *task;

	if (status != RCL_OK)
		return status;
	task = alloc_task(m, config);
	if (!task || !reserve_rmap(m, task)) {
		if (task)
			mm_free_task(task);
		return machine_error(m, RCL_NO_MEMORY, "no memory for a task");
	}
	task->number = m->nr_tasks;
	task->memcg = m->memcgs[config->memcg];
	task->psi.memcg = task->memcg;
	task->nid = config->nid;
	task->mempolicy = (uint8_t)config->mempolicy;
	task->mempolicy_nodes = (uint16_t)config->mempolicy_nodes;
	task->interleave_prev = RCL_MAX_NODES - 1;	/* before the first */
	task->ns_per_access = config->ns_per_access;
	numa_scan_init(m, task);
	task->nr_dirtied_pause = m->config.writeback ? DIRTY_FIRST_POLL : UINT32_MAX;
	task->oom_score_adj = (int16_t)config->oom_score_adj;
	m->tasks[m->nr_tasks++] = task;
	*number = task->number;
	return RCL_OK;
}

void mm_free_task(struct task *task)
{
	free(task->ptes);
	free(task->moved_young);
	free(task->tables);
	free(task->vmas);
	free(task->spans);
	free(task->stalls);
	psi_free_source(&task->psi);
	free(task);
}

/* Take one anonymous folio out of the world, wherever it is. */
static void free_anon(struct rcl_machine *m, struct folio *folio)
{
	if (folio->pub.flags & RCL_FOLIO_IS_WRITEBACK)
		writeback_forget(m, folio);
	if (folio->swap_slot != RCL_NIL)
		swap_cache_free(m, folio);
	pagecache_discard_folio(m, folio);
}

/* Let the pages of a large folio in the swap cache go one by one, as swap entries of some may be left. Its
 * write is forgotten as that of a page is; nothing else holds on to it, because large folios never wait in a
 * batch. Answers whether there was anything to split. */
static bool split_swap_cache(struct rcl_machine *m, struct folio *folio)
{
	if (!folio_is_large(folio) || folio->swap_slot == RCL_NIL)
		return false;
	if (folio->pub.flags & RCL_FOLIO_IS_WRITEBACK)
		writeback_forget(m, folio);
	return large_split(m, folio);
}

/* free_swap_and_cache(): a folio of the swap cache goes with the last entry. */
static void free_entry(struct rcl_machine *m, struct task *task, uint32_t slot)
{
	struct folio *folio = swap_cache_find(m, slot);

	if (folio && split_swap_cache(m, folio))
		folio = swap_cache_find(m, slot);
	if (folio)
		free_anon(m, folio);
	else
		swap_free(m, task->memcg, slot);
}

/* The PTEs from `vpn` on that map consecutive pages of one folio (folio_pte_batch()). */
static uint32_t find_run(const struct rcl_machine *m, const struct task *task, uint32_t vpn, uint32_t end)
{
	const struct folio *folio = page_folio(m, task->ptes[vpn] >> PTE_SHIFT);
	uint32_t pfn = task->ptes[vpn] >> PTE_SHIFT, nr = 1;

	while (nr < folio->pub.nr_pages && vpn + nr < end && pte_maps(task->ptes[vpn + nr]) &&
	       task->ptes[vpn + nr] >> PTE_SHIFT == pfn + nr && page_folio(m, pfn + nr) == folio)
		nr++;
	return nr;
}

/* Free what was unmapped. A folio of several pages that is in the swap cache may have swap entries
 * left, so its pages go one by one; one that is still mapped elsewhere waits for its split. */
static void free_run(struct rcl_machine *m, struct folio *folio, uint32_t pfn, uint32_t nr)
{
	if (split_swap_cache(m, folio)) {
		for (uint32_t i = 0; i < nr; i++)
			free_anon(m, folio_at(m, pfn + i));
	} else if (!folio_is_mapped(folio)) {
		free_anon(m, folio);
	} else {
		large_defer_split(m, folio);
	}
}

static void unmap_page(struct rcl_machine *m, struct task *task, uint32_t vpn, struct folio *page)
{
	pte_clear_young(task, vpn);
	task->ptes[vpn] = 0;
	rmap_remove(m, page, task->number, vpn);
}

/* zap_present_folio_ptes(): a young PTE of a file is a use, unless a hint says otherwise. */
static uint32_t zap_run(struct rcl_machine *m, struct task *task, uint32_t vpn, uint32_t end)
{
	uint32_t pfn = task->ptes[vpn] >> PTE_SHIFT, nr = 1, bits = 0;
	struct folio *folio = page_folio(m, pfn);

	if (RCL_UNLIKELY(folio_is_large(folio))) {
		nr = find_run(m, task, vpn, end);
		if (folio->pub.flags & FOLIO_PMD_MAPPED && nr < folio->pub.nr_pages)
			large_split_pmd(m, folio);
		folio->pub.flags &= ~FOLIO_PMD_MAPPED;
	}
	for (uint32_t i = 0; i < nr; i++) {
		bits |= task->ptes[vpn + i];
		unmap_page(m, task, vpn + i, folio_at(m, pfn + i));
	}
	if (bits & PTE_DIRTY)
		folio_mark_dirty(m, folio);
	if (folio->pub.type == RCL_FILE && bits & PTE_ACCESSED && !vma_has_flags(task, vpn, VMA_HINTS))
		pagecache_mark_accessed(m, task, folio, RCL_ACCESS_UNMAP_YOUNG);
	for (uint32_t i = vpn; i < vpn + nr; i++) {
		if (vma_has_flags(task, i, RCL_MAPPING_LOCKED))
			munlock_folio(m, folio, 1);
	}
	if (folio->pub.type == RCL_ANON)
		free_run(m, folio, pfn, nr);
	return nr;
}

void mm_zap_range(struct rcl_machine *m, struct task *task, uint32_t first, uint32_t end)
{
	for (uint32_t vpn = first; vpn < end;) {
		uint32_t pte = task->ptes[vpn];

		if (pte_maps(pte)) {
			vpn += zap_run(m, task, vpn, end);
			continue;
		}
		if (pte) {
			task->ptes[vpn] = 0;
			free_entry(m, task, pte >> PTE_SHIFT);
		}
		vpn++;
	}
}

/* exit_mmap().
 * SIMPLIFIED: the batches of all tasks are drained first, and its charge stock goes with the task, the kernel drains
 * those of one CPU, which keeps its stock; effect: others' pages are on their lists earlier by part of a batch. */
void mm_exit(struct rcl_machine *m, struct task *task)
{
	batches_drain_all(m);
	mm_zap_range(m, task, 0, task->nr_pages);
	batches_drain(m, task);
	kmem_free_tables(task);
	memcg_drain_stock(task);
}

int rcl_task_set_oom_score_adj(struct rcl_machine *m, uint32_t number, int32_t oom_score_adj)
{
	if (number >= m->nr_tasks || oom_score_adj < -1000 || oom_score_adj > 1000)
		return machine_error(m, RCL_BAD_ARGUMENT, "task %u: oom_score_adj is %d, expected -1000 to 1000", number,
				     oom_score_adj);
	m->tasks[number]->oom_score_adj = (int16_t)oom_score_adj;
	return RCL_OK;
}

int rcl_task_exit(struct rcl_machine *m, uint32_t number)
{
	if (number >= m->nr_tasks || m->tasks[number]->state == RCL_TASK_RUNNABLE)
		return machine_error(m, RCL_BAD_ARGUMENT, "task %u does not exist or has records left to run", number);
	if (m->tasks[number]->state == RCL_TASK_KILLED || m->tasks[number]->state == RCL_TASK_EXITED)
		return RCL_OK;
	m->clock = &m->tasks[number]->clock_ns;
	mm_exit(m, m->tasks[number]);
	m->tasks[number]->state = RCL_TASK_EXITED;
	return RCL_OK;
}
