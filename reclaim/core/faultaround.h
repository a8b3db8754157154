/*
 * Fault-around: a read fault of a file mapping maps the cached pages near it too.
 *
 * Here: do_fault_around() and filemap_map_pages(). Not here: the fault itself (fault.h).
 *
 * The pages are mapped young, as on x86, which has no arch_wants_old_prefaulted_pte(): reclaim
 * takes them for accessed, whether they were or not.
 */
#ifndef RCL_FAULTAROUND_H
#define RCL_FAULTAROUND_H

#include "machine.h"

/* Map what is cached around `vpn`; answers whether `vpn` itself is mapped now. Does nothing where
 * rcl_config.fault_around_bytes is a page. */
bool faultaround_map(struct rcl_machine *m, struct task *task, const struct vma *vma, uint32_t vpn);

#endif
