/*
 * Fault-around, see faultaround.h. Models do_fault_around() (mm/memory.c) and filemap_map_pages()
 * (mm/filemap.c) of v6.12.
 */
#include "faultaround.h"

#include "large_folio.h"
#include "mlock.h"
#include "pagecache.h"
#include "readahead.h"
#include "rmap.h"
#include "stats.h"

/* The PTEs to look at: an aligned block, within the mapping and the page table. */
static void find_range(const struct rcl_machine *m, const struct vma *vma, uint32_t vpn, uint32_t *first, uint32_t *end)
{
	uint32_t nr_pages = m->config.fault_around_bytes / RCL_PAGE_BYTES;
	uint32_t table = vpn & ~(uint32_t)(PTES_PER_TABLE - 1);

	*first = vpn & ~(nr_pages - 1);
	if (*first < vma->first)
		*first = vma->first;
	*end = *first + nr_pages;
	if (*end > table + PTES_PER_TABLE)
		*end = table + PTES_PER_TABLE;
	if (*end > vma->first + vma->nr_pages)
		*end = vma->first + vma->nr_pages;
}

/* next_uptodate_folio(): marked ones are left to faults of their own, so that these read ahead. */
static struct folio *find_ready(struct rcl_machine *m, const struct vma *vma, const struct file_ra_state *ra,
				uint32_t page)
{
	uint64_t slot = m->files[vma->file].slots[page];
	struct folio *folio;

	if (!slot || slot_is_shadow(slot))
		return NULL;
	folio = page_folio(m, slot_pfn(slot));
	if (folio->marks & MARK_READAHEAD || readahead_arrival_ns(ra, page) > *m->clock)
		return NULL;
	return folio;
}

static void map_around(struct rcl_machine *m, struct task *task, const struct vma *vma, uint32_t vpn,
		       struct folio *page)
{
	struct folio *folio = page_folio(m, page->pub.pfn);

	rmap_add(m, page, task->number, vpn);
	task->ptes[vpn] = PTE_PRESENT | PTE_ACCESSED | PTE_WP | page->pub.pfn << PTE_SHIFT;
	readahead_note_used(folio);
	if (vma->flags & RCL_MAPPING_LOCKED)
		mlock_folio(m, task, folio, 1);
}

bool faultaround_map(struct rcl_machine *m, struct task *task, const struct vma *vma, uint32_t vpn)
{
	struct file_ra_state *ra = readahead_of_vma(task, vma);
	uint32_t first, end, nr_hits = 0, nr_mapped = 0;

	if (m->config.fault_around_bytes <= RCL_PAGE_BYTES)
		return false;
	find_range(m, vma, vpn, &first, &end);
	for (uint32_t i = first; i < end; i++) {
		struct folio *folio = find_ready(m, vma, ra, vma->file_page + (i - vma->first));

		if (!folio)
			continue;
		/* Pages that were evicted before say nothing for reading ahead. */
		nr_hits += !(folio->pub.flags & RCL_FOLIO_IS_WORKINGSET);
		if (task->ptes[i])
			continue;
		map_around(m, task, vma, i, large_file_page(m, folio, vma->file_page + (i - vma->first)));
		nr_mapped++;
	}
	ra->mmap_miss = nr_hits < ra->mmap_miss ? ra->mmap_miss - nr_hits : 0;
	count(task_lruvec(task), RCL_FAULT_AROUND, nr_mapped);
	spend(m, nr_mapped * m->config.costs.around_pte_ns);
	return task->ptes[vpn] & PTE_PRESENT;
}
