/*
 * Page faults: anonymous, file, swapped-out and write-protected pages.
 *
 * Here: handle_mm_fault() and what is below it. Not here: the hit path (run.c).
 */
#ifndef RCL_FAULT_H
#define RCL_FAULT_H

#include "machine.h"

/* Resolve a fault; false: not resolved, the task was killed or the run interrupted. */
bool fault_page(struct rcl_machine *m, struct task *task, uint32_t vpn, bool is_write);

#endif
