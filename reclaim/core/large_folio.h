/*
 * Folios of several pages: making one, splitting one, and splits that wait.
 *
 * Here: the records of heads and tails, and split_folio(). Not here: when one is allocated (thp.h),
 * what reclaim does with one (shrink.c), and frames (buddy.h).
 *
 * How a PTE leads to its folio: it holds the frame of its own page, whose record is the folio's or
 * a tail's with the way to the head; page_folio() (machine.h) is one test of a byte that is loaded
 * anyway. Each page's record holds the reverse mapping of that page; the head counts all PTEs. So a
 * split moves nothing but flags, and single pages pay nothing.
 *
 * A folio of 512 pages that one entry maps (FOLIO_PMD_MAPPED) keeps its 512 PTEs, which hits use;
 * whoever looks at the page table takes them for one: young if any is, cleared together.
 *
 * Folios that are partially unmapped are queued per memcg and split when the memcg is reclaimed;
 * their links are those of their first tails, which are on no list themselves.
 *
 * Files have large folios where the file system does (rcl_config.file_folio_order): readahead makes them
 * (readahead.h). They are never split but where a demotion finds no frames in a row.
 *
 * SIMPLIFIED: nobody reclaims from a node, or compacts, for the frames of a large folio of a file; effect: where a
 * node is full and not a memcg, they become rare sooner than in the kernel.
 * SIMPLIFIED: a folio of 512 pages of a file is mapped by PTEs; effect: none with windows below 2 MiB.
 * SIMPLIFIED: a write of several pages is seen as so many writes of one page, because a trace does not say where
 * a write ends; effect: what is written and not read has folios of one page.
 * SIMPLIFIED: no khugepaged, no splitting of folios with unused pages; effect: what was split or
 * faulted in small stays small until it is freed.
 */
#ifndef RCL_LARGE_FOLIO_H
#define RCL_LARGE_FOLIO_H

#include "machine.h"

/* Make records of a block of frames one folio; the head's own members are the caller's. */
void large_prepare_tails(struct rcl_machine *m, struct folio *folio, uint32_t order);

/*
 * Split a folio into single pages, which stay where it was: on its list in its place, or isolated
 * (split_folio_to_list()). Pages that nothing maps are left to the caller, large_free_unmapped()
 * or a verdict. False, and nothing changed: somebody holds a reference.
 */
bool large_split(struct rcl_machine *m, struct folio *folio);

/* Free a page of a folio that was split, if it is anonymous and nothing needs it. */
bool large_free_unmapped(struct rcl_machine *m, struct folio *page);

/* Let 512 PTEs take the place of one entry (__split_huge_pmd()). */
void large_split_pmd(struct rcl_machine *m, struct folio *folio);

/* Queue a folio that lost some of its mappings (deferred_split_folio()), or take it off the queue. */
void large_defer_split(struct rcl_machine *m, struct folio *folio);
void large_undefer_split(struct rcl_machine *m, struct folio *folio);

/* Split what waits in a memcg, as much as the priority asks for (deferred_split_scan()). */
void large_scan_deferred(struct rcl_machine *m, struct memcg *memcg, uint32_t priority);

/* The record of a page of a file folio. */
static inline struct folio *large_file_page(const struct rcl_machine *m, const struct folio *folio, uint32_t page)
{
	return folio_at(m, folio->pub.pfn + (page - (uint32_t)folio->pub.key));
}

#endif
