/*
 * NUMA: where a task's pages are to come from, and what it costs to reach them.
 *
 * Here: zonelists, demotion targets, memory policies of tasks, the allocator's NUMA counters, the price of an access
 * to a far node. Not here: taking frames (node.h).
 *
 * SIMPLIFIED: a record is one access to memory, at the latency of the node that holds the page; effect:
 * a program that touches many lines of a page per record, or finds them in the CPU's caches, loses
 * more, or less, to far memory than here.
 */
#ifndef RCL_NUMA_H
#define RCL_NUMA_H

#include "machine.h"
#include "stats.h"

#define NO_INTERLEAVE_INDEX UINT32_MAX	/* mm/mempolicy.c v6.12: in turn instead of by address */

/* Where one page is to come from. */
struct placement {
	struct node *home;		/* whose zonelist, and the preferred node where it is allowed */
	uint16_t allowed;		/* bit per node */
};

/* Distances, zonelists, demotion targets and the price of far accesses; nodes are set up. */
void numa_build_zonelists(struct rcl_machine *m);

/* The next node of a fallback list that is not in `used`, and add it there; RCL_NIL when all are. */
uint32_t numa_next_best_node(const struct rcl_machine *m, uint32_t nid, uint16_t *used);

/* Ask a task's memory policy where its next page is to come from, see policy_nodemask(). */
struct placement numa_place_by_policy(struct rcl_machine *m, struct task *task, uint32_t interleave_index);

static inline struct placement numa_place(struct rcl_machine *m, struct task *task, uint32_t interleave_index)
{
	if (RCL_LIKELY(task->mempolicy == RCL_MEMPOLICY_DEFAULT))
		return (struct placement){ .home = &m->nodes[task->nid], .allowed = UINT16_MAX };
	return numa_place_by_policy(m, task, interleave_index);
}

/* node_is_toptier() */
static inline bool numa_is_toptier(const struct rcl_machine *m, uint32_t nid)
{
	return m->nodes[nid].pub.tier == m->top_tier;
}

static inline bool placement_allows(const struct placement *place, uint32_t nid)
{
	return place->allowed >> nid & 1;
}

/* zone_statistics() for whoever runs on cpu_nid and pays by `memcg`. */
void numa_count(struct memcg *memcg, uint32_t cpu_nid, const struct placement *place, uint32_t nid);

/* The same for a task whose page did not come from its home, or came by a policy. */
void numa_count_stray(struct task *task, const struct placement *place, uint32_t nid);

/* zone_statistics() */
static inline void numa_count_allocation(struct task *task, const struct placement *place, uint32_t nid)
{
	struct lruvec *lruvec = &task->memcg->lruvecs[nid];

	if (RCL_UNLIKELY(task->nid != nid || place->home->pub.nid != nid || task->mempolicy)) {
		numa_count_stray(task, place, nid);
		return;
	}
	count(lruvec, RCL_NUMA_HIT, 1);
	count(lruvec, RCL_NUMA_LOCAL, 1);
}

/* Charge accesses to the memory of a node, on machines that have several. */
static inline void numa_account_accesses(struct rcl_machine *m, struct task *task, uint32_t nid, uint64_t nr)
{
	struct lruvec *lruvec = &task->memcg->lruvecs[nid];

	count(lruvec, RCL_NODE_ACCESSES, nr);
	if (numa_is_toptier(m, nid))
		count(lruvec, RCL_TOPTIER_ACCESSES, nr);
	task->clock_ns += nr * m->nodes[task->nid].far_ns[nid];
}

#endif
