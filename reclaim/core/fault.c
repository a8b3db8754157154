/*
 * Page faults, see fault.h. Models do_anonymous_page(), do_swap_page(), do_fault() and do_wp_page()
 * (mm/memory.c v6.12).
 *
 * A charge may reclaim, and that may unmap or free any page of any task, so every function here
 * allocates first and reads the state that it depends on afterwards, or pins it.
 *
 * SIMPLIFIED: reading untouched anonymous memory takes a page as writing it does, the kernel maps
 * the zero page; effect: programs that read memory they never wrote use more of it here.
 */
#include "fault.h"

#include "dirty.h"
#include "faultaround.h"
#include "hooks.h"
#include "kmem.h"
#include "large_folio.h"
#include "mlock.h"
#include "mm.h"
#include "numa_balancing.h"
#include "pagecache.h"
#include "readahead.h"
#include "rmap.h"
#include "swap.h"
#include "swapin.h"
#include "thp.h"
#include "vma.h"
#include "writeback.h"
#include "young.h"

/* Map one page of a folio. */
static void map_page(struct rcl_machine *m, struct task *task, uint32_t vpn, struct folio *page, uint32_t bits)
{
	rmap_add(m, page, task->number, vpn);
	task->ptes[vpn] = PTE_PRESENT | PTE_ACCESSED | bits | page->pub.pfn << PTE_SHIFT;
	if (vma_has_flags(task, vpn, RCL_MAPPING_LOCKED))
		mlock_folio(m, task, page_folio(m, page->pub.pfn), 1);
}

/* Map all of a new large folio; all PTEs become young and dirty, as in the kernel. */
static void map_large(struct rcl_machine *m, struct task *task, struct folio *folio)
{
	uint32_t first = (uint32_t)folio->pub.key;

	for (uint32_t i = 0; i < folio->pub.nr_pages; i++)
		map_page(m, task, first + i, &folio[i], PTE_DIRTY);
	folio->pub.flags |= RCL_FOLIO_IS_SWAP_BACKED | RCL_FOLIO_IS_DIRTY;
	spend(m, (folio->pub.nr_pages - UINT64_C(1)) * m->config.costs.clear_page_ns);
	pagecache_admit_folio(m, task, folio, 0, RCL_ADDED_ANON_FAULT);
}

static bool fault_anon(struct rcl_machine *m, struct task *task, uint32_t vpn, bool may_map_pmd)
{
	struct folio *folio = may_map_pmd ? thp_alloc_pmd(m, task, vpn) : NULL;

	if (!folio && RCL_UNLIKELY(m->config.thp_orders))
		folio = thp_alloc_anon(m, task, vpn);
	if (RCL_UNLIKELY(folio != NULL)) {
		map_large(m, task, folio);
		return true;
	}
	folio = pagecache_alloc_folio(m, task, RCL_ANON, anon_key(task->number, vpn), 0, RCL_ADDED_ANON_FAULT);
	if (!folio)
		return false;
	folio->pub.flags |= RCL_FOLIO_IS_SWAP_BACKED | RCL_FOLIO_IS_DIRTY;
	map_page(m, task, vpn, folio, PTE_DIRTY);
	pagecache_admit_folio(m, task, folio, 0, RCL_ADDED_ANON_FAULT);
	return true;
}

/* Whether a folio of the swap cache gives its slot up (should_try_to_free_swap()). */
static bool frees_slot(const struct rcl_machine *m, const struct folio *folio, bool is_write)
{
	return swap_cache_may_free(folio) && (is_write || swap_is_full(m, memcg_of(folio->pub.memcg)));
}

/* Map all of a large folio that was swapped in, where all its entries are still there, else the page asked for. */
static void map_swapped(struct rcl_machine *m, struct task *task, uint32_t vpn, struct folio *folio, uint32_t bits)
{
	uint32_t first = (uint32_t)folio->pub.key, nr = folio->pub.nr_pages;

	if (!thp_is_swapped(task, first, nr, (task->ptes[vpn] >> PTE_SHIFT) - (vpn - first))) {
		map_page(m, task, vpn, &folio[vpn - first], bits);
		return;
	}
	for (uint32_t i = 0; i < nr; i++)
		map_page(m, task, first + i, &folio[i], bits);
}

/* The page has one user, so it is mapped writable; a slot that it keeps is stale with the first
 * write, and is written again when reclaim comes. */
static bool fault_swap(struct rcl_machine *m, struct task *task, uint32_t vpn, bool is_write)
{
	bool is_major;
	struct folio *folio = swapin_folio(m, task, vpn, &is_major);

	if (!folio)
		return false;
	if (is_major) {
		spend(m, m->config.costs.major_fault_ns);
		count(folio_lruvec(folio), RCL_PGMAJFAULT, 1);
	}
	if (RCL_UNLIKELY(folio_is_large(folio)))
		map_swapped(m, task, vpn, folio, is_write ? PTE_DIRTY : 0);
	else
		map_page(m, task, vpn, folio, is_write ? PTE_DIRTY : 0);
	if (folio->swap_slot != RCL_NIL && frees_slot(m, folio, is_write))
		swap_cache_free(m, folio);
	return true;
}

/* Make a private copy of a file folio (do_cow_fault(), wp_page_copy()). The source is pinned while
 * the copy is charged, so reclaim may unmap but not free it. */
static bool copy_on_write(struct rcl_machine *m, struct task *task, uint32_t vpn, struct folio *source)
{
	struct folio *folio;

	source->pins++;
	folio = pagecache_alloc_folio(m, task, RCL_ANON, anon_key(task->number, vpn), 0, RCL_ADDED_ANON_FAULT);
	source->pins--;
	if (!folio)
		return false;
	if (task->ptes[vpn] & PTE_PRESENT) {
		pte_clear_young(task, vpn);
		rmap_remove(m, folio_at(m, task->ptes[vpn] >> PTE_SHIFT), task->number, vpn);
		if (vma_has_flags(task, vpn, RCL_MAPPING_LOCKED))
			munlock_folio(m, source, 1);
	}
	folio->pub.flags |= RCL_FOLIO_IS_SWAP_BACKED | RCL_FOLIO_IS_DIRTY;
	map_page(m, task, vpn, folio, PTE_DIRTY);
	pagecache_admit_folio(m, task, folio, 0, RCL_ADDED_ANON_FAULT);
	spend(m, m->config.costs.copy_page_ns);
	return true;
}

/* A major fault: the page comes in, and with it what is read around it. */
static struct folio *bring_in(struct rcl_machine *m, struct task *task, const struct vma *vma, uint32_t page)
{
	struct folio *folio = NULL;

	if (m->config.read_ahead_kb && !task->is_retry) {
		readahead_fault_miss(m, task, vma, page);
		folio = pagecache_find(m, vma->file, page);
		task->is_retry = true;
	}
	if (!folio)
		folio = pagecache_fill(m, task, vma->file, page, RCL_ADDED_FILE_FAULT);
	if (!folio)
		return NULL;
	count(folio_lruvec(folio), RCL_PGMAJFAULT, 1);
	spend(m, m->config.costs.major_fault_ns);
	return folio;
}

/* A minor fault: reading ahead goes on if the page is marked, and the page may still be on its way. A fault that read
 * ahead starts over (VM_FAULT_RETRY), as if it were the first: only a major one is known to have been there
 * (FAULT_FLAG_TRIED, do_user_addr_fault()). Answers whether it did. */
static bool use_cached(struct rcl_machine *m, struct task *task, const struct vma *vma, struct folio *folio,
		       uint32_t page)
{
	uint64_t arrival_ns = readahead_arrival_ns(readahead_of_vma(task, vma), page);
	bool has_read;

	readahead_note_used(folio);
	if (!m->config.read_ahead_kb || task->is_retry)
		return false;
	folio->pins++;
	has_read = readahead_fault_hit(m, task, vma, folio, page);
	task->is_retry = true;
	readahead_wait(m, task, arrival_ns, folio->pub.flags & RCL_FOLIO_IS_WORKINGSET);
	folio->pins--;
	return has_read;
}

/* The first write through a mapping (page_mkwrite(), fault_dirty_shared_page()): waits for nobody,
 * since the file systems need no stable pages, but may be slowed down. */
static void make_writable(struct rcl_machine *m, struct task *task, struct folio *folio)
{
	const struct file *file = pagecache_file(m, folio);

	if (!(folio->pub.flags & RCL_FOLIO_IS_DIRTY))
		task->nr_dirtied += folio->pub.nr_pages;
	kmem_add_buffer(m, folio);
	folio_mark_dirty(m, folio);
	dirty_note_write(m, task, file);
}

static bool fault_file(struct rcl_machine *m, struct task *task, uint32_t vpn, bool is_write)
{
	const struct vma *vma = vma_find(task, vpn);
	uint32_t page = vma->file_page + (vpn - vma->first);
	bool is_shared = vma->flags & RCL_MAPPING_SHARED;
	struct folio *folio;

	if (!is_write && faultaround_map(m, task, vma, vpn))
		return true;
	folio = pagecache_find(m, vma->file, page);
	if (folio) {
		if (use_cached(m, task, vma, folio, page)) {
			if (!is_write && faultaround_map(m, task, vma, vpn))
				return true;
			readahead_fault_again(task, vma);
		}
	} else {
		folio = bring_in(m, task, vma, page);
		if (!folio)
			return false;
		/* The fault starts over when the page has arrived (VM_FAULT_RETRY). */
		if (!is_write && faultaround_map(m, task, vma, vpn))
			return true;
	}
	if (is_write && !is_shared)
		return copy_on_write(m, task, vpn, folio);
	map_page(m, task, vpn, large_file_page(m, folio, page), is_write ? PTE_DIRTY : PTE_WP);
	if (is_write)
		make_writable(m, task, folio);
	return true;
}

/* An anonymous page that was promoted: it has one user, and is written as it is (wp_page_reuse(), do_huge_pmd_wp_page()). */
static void reuse_anon(struct task *task, uint32_t vpn, const struct folio *folio)
{
	uint32_t first = folio->pub.flags & FOLIO_PMD_MAPPED ? folio->rmap_vpn : vpn;
	uint32_t nr = folio->pub.flags & FOLIO_PMD_MAPPED ? folio->pub.nr_pages : 1;

	for (uint32_t i = 0; i < nr; i++)
		task->ptes[first + i] &= ~PTE_WP;
	task->ptes[vpn] |= PTE_ACCESSED | PTE_DIRTY;
}

static bool fault_write_protected(struct rcl_machine *m, struct task *task, uint32_t vpn)
{
	struct folio *folio = page_folio(m, task->ptes[vpn] >> PTE_SHIFT);

	if (folio->pub.type == RCL_ANON) {
		reuse_anon(task, vpn, folio);
		return true;
	}
	if (folio->pub.type == RCL_FILE && !(vma_find(task, vpn)->flags & RCL_MAPPING_SHARED))
		return copy_on_write(m, task, vpn, folio);
	task->ptes[vpn] = (task->ptes[vpn] & ~PTE_WP) | PTE_ACCESSED | PTE_DIRTY;
	make_writable(m, task, folio);
	return true;
}

/* A PTE that NUMA balancing made to fault; answers whether the access can go on after that. */
static bool fault_hint(struct rcl_machine *m, struct task *task, uint32_t vpn, bool is_write)
{
	uint32_t *pte = &task->ptes[vpn];

	numa_balancing_fault(m, task, vpn);
	count(task_lruvec(task), RCL_PGFAULT, 1);
	spend(m, m->config.costs.minor_fault_ns);
	if (!(*pte & PTE_PRESENT) || (is_write && *pte & PTE_WP))
		return false;
	*pte |= PTE_ACCESSED | (is_write ? PTE_DIRTY : 0);
	return true;
}

bool fault_page(struct rcl_machine *m, struct task *task, uint32_t vpn, bool is_write)
{
	bool may_map_pmd = RCL_UNLIKELY(m->config.thp_orders) && thp_may_map_pmd(m, task, vpn);
	bool is_resolved;
	uint32_t pte;

	if (m->config.charge_kmem && !kmem_has_table(task, vpn) && !kmem_add_table(m, task, vpn))
		return false;
	if (RCL_UNLIKELY(pte_is_hint(task->ptes[vpn])) && fault_hint(m, task, vpn, is_write))
		return true;
	task->in_lru_fault = !vma_has_flags(task, vpn, VMA_HINTS);
	if (is_write && vma_has_flags(task, vpn, RCL_MAPPING_SHARED) && !kmem_reserve_buffer(m, task))
		return false;
	pte = task->ptes[vpn];
	if (pte & PTE_PRESENT)
		is_resolved = fault_write_protected(m, task, vpn);
	else if (pte & PTE_SWAP)
		is_resolved = fault_swap(m, task, vpn, is_write);
	else if (vma_find(task, vpn)->flags & RCL_MAPPING_FILE)
		is_resolved = fault_file(m, task, vpn, is_write);
	else
		is_resolved = fault_anon(m, task, vpn, may_map_pmd);
	if (!is_resolved)
		return false;
	task->is_retry = false;
	count(task_lruvec(task), RCL_PGFAULT, 1);
	spend(m, m->config.costs.minor_fault_ns);
	return true;
}
