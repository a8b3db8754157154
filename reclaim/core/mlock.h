/*
 * Locked memory: folios that some VM_LOCKED VMA maps, and the unevictable list.
 *
 * Here: locking, unlocking, culling and rescuing folios. Not here: flags of VMAs (vma.h).
 *
 * A folio is Mlocked while a locked VMA maps it. It stays on its list until a per-CPU batch drains
 * or reclaim meets it; then it is culled to its lruvec's unevictable list, which no policy is asked
 * about and whose pages count in none of the lruvec's sums. When the last locked mapping goes, it
 * is rescued: the policy's folio_added says where it goes.
 *
 * SIMPLIFIED: locked mappings are counted exactly, the kernel may undercount and lets reclaim
 * repair that; effect: no folio is stranded, or rescued too early.
 * SIMPLIFIED: a VMA that is locked from its creation takes its pages as they are touched, mmap with
 * MAP_LOCKED brings all in at once; effect: what such a program never touches uses no memory here.
 */
#ifndef RCL_MLOCK_H
#define RCL_MLOCK_H

#include "machine.h"

/* Note that PTEs of locked VMAs map the folio now (mlock_folio()), or no more (munlock_folio()).
 * SIMPLIFIED: a large folio is locked as soon as one of its pages is, the kernel's only when all
 * are; effect: neighbours of a locked page in the same folio stay in memory. */
void mlock_folio(struct rcl_machine *m, struct task *task, struct folio *folio, uint32_t nr_ptes);
void munlock_folio(struct rcl_machine *m, struct folio *folio, uint32_t nr_ptes);

/* Give a folio that is locked no more back to its policy, if it is on the unevictable list. */
void mlock_rescue(struct rcl_machine *m, struct folio *folio);

/* Put a folio that is on no list onto the unevictable one. */
void mlock_add_unevictable(struct rcl_machine *m, struct folio *folio);

/* The same for one that was on another lruvec's, which is no culling. */
void mlock_link_unevictable(struct rcl_machine *m, struct folio *folio);

/* Take one off it, to free it or to put it elsewhere. */
void mlock_del_unevictable(struct rcl_machine *m, struct folio *folio);

void mlock_drain(struct rcl_machine *m, struct task *task);

/* folio_evictable() */
static inline bool folio_is_evictable(const struct folio *folio)
{
	return !(folio->pub.flags & FOLIO_MLOCKED);
}

#endif
