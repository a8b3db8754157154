/*
 * The ring of memcgs: an order in which reclaim of a whole node visits them, other than the tree's.
 *
 * Here: places on the ring and moves between them. Not here: when a memcg moves (memcg_done hooks
 * decide) and the walk (scan.c).
 *
 * Models the memcg LRU of MGLRU (mm/vmscan.c and the comment on MEMCG_NR_GENS in
 * include/linux/mmzone.h v6.12): each node has three generations of eight bins. A walk visits the
 * oldest generation, from a random bin on; who has given enough moves on to the next generation, and
 * when the oldest is empty, the next one is the oldest. Bins keep what walks at the same time contend
 * for short; here they matter as the random order that they make.
 */
#ifndef RCL_MEMCG_RING_H
#define RCL_MEMCG_RING_H

#include "machine.h"

/* A memcg is born: all its lruvecs go to the tail of a random bin of the oldest generation. */
void memcg_ring_add(struct rcl_machine *m, struct memcg *memcg);

/* Carry out an answer of memcg_done other than KEEP (lru_gen_rotate_memcg()). */
void memcg_ring_rotate(struct rcl_machine *m, struct lruvec *lruvec, enum rcl_rotation rotation);

/* A random bin, for the start of a walk. */
uint32_t memcg_ring_random_bin(struct rcl_machine *m);

#endif
