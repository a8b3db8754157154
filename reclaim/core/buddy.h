/*
 * Free blocks of several frames: the buddy system of each node.
 *
 * Here: blocks of 2^order frames, splitting and merging them. Not here: single frames, which come
 * from the node's list of frames freed last, or fresh, as long as there are any (node.c), and
 * watermarks.
 *
 * A machine that never asks for more than one frame never uses this. The first request that finds
 * no block moves the single free frames into the buddy lists, where neighbours merge; so each free
 * frame is moved at most once, and single frames stay as quick as they are.
 *
 * Blocks are aligned within their node. MARK_BUDDY is on the first frame of each free block, whose
 * order is in the record.
 *
 * SIMPLIFIED: no compaction, no migrate types, and the list of single frames has no bound, as the
 * kernel's per-CPU lists have; effect: memory that is fragmented by pages in use stays so.
 */
#ifndef RCL_BUDDY_H
#define RCL_BUDDY_H

#include "machine.h"

/* Take a block of 2^order frames, RCL_NIL if there is none; records below pub.pfn and pub.nid are old. */
uint32_t buddy_take(struct rcl_machine *m, struct node *node, uint32_t order);

/* Give a block back and merge it with its free neighbours. */
void buddy_free(struct rcl_machine *m, struct node *node, uint32_t pfn, uint32_t order);

#endif
