/*
 * Direct and limit reclaim: what a task does when there is no room, up to OOM.
 *
 * Here: the priority loop and the retry ladder. Not here: the scan itself (scan.h).
 */
#ifndef RCL_DIRECT_H
#define RCL_DIRECT_H

#include "machine.h"
#include "numa.h"

/* Reclaim below a memcg (try_to_free_mem_cgroup_pages()); answers how many pages were freed. */
uint64_t direct_reclaim_memcg(struct rcl_machine *m, struct memcg *memcg, uint64_t nr_pages, enum rcl_origin origin);

/* Reclaim on the nodes that a page may come from (try_to_free_pages()). */
uint64_t direct_reclaim_node(struct rcl_machine *m, const struct placement *place);

#endif
