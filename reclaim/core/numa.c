/*
 * NUMA, see numa.h. Models build_zonelists() and zone_statistics() (mm/page_alloc.c v6.12) 
 * policy_nodemask() (mm/mempolicy.c) and establish_demotion_targets() (mm/memory-tiers.c).
 *
 * SIMPLIFIED: the nodes of the fastest tier have CPUs, all others have none, whoever is at home there;
 * effect: on the order of fallback among nodes of one distance.
 * SIMPLIFIED: memory policies of tasks only, without those of VMAs, weights, cpusets and home nodes of
 * policies; effect: a program that places its areas one by one is shown as one that does not.
 */
#include "numa.h"

#define LOCAL_DISTANCE 10		/* LOCAL_DISTANCE, include/linux/topology.h */
#define REMOTE_DISTANCE 20		/* REMOTE_DISTANCE, the same */
#define PENALTY_FOR_NODE_WITH_CPUS 1	/* mm/page_alloc.c v6.12 */
#define LOAD_WEIGHT 1024		/* MAX_NUMNODES of a distribution's kernel (NODES_SHIFT 10) */

uint32_t numa_next_best_node(const struct rcl_machine *m, uint32_t nid, uint16_t *used)
{
	uint32_t best = RCL_NIL, least = UINT32_MAX;

	for (uint32_t other = 0; other < m->nr_nodes; other++) {
		uint32_t value = m->nodes[nid].distance[other];

		if (*used >> other & 1)
			continue;
		value += other < nid;
		value += numa_is_toptier(m, other) ? PENALTY_FOR_NODE_WITH_CPUS : 0;
		value = value * LOAD_WEIGHT + m->node_load[other];
		if (other == nid)
			value = 0;	/* the local node comes first, whatever its distance */
		if (value < least) {
			least = value;
			best = other;
		}
	}
	if (best != RCL_NIL)
		*used |= (uint16_t)(1u << best);
	return best;
}

/* Order all nodes for one; the first of each distance is less wanted by those who come later. */
static void build_zonelist(struct rcl_machine *m, uint32_t nid)
{
	struct node *node = &m->nodes[nid];
	uint32_t before = nid;
	uint16_t used = 0;

	for (uint32_t i = 0; i < m->nr_nodes; i++) {
		uint32_t next = numa_next_best_node(m, nid, &used);

		if (node->distance[next] != node->distance[before])
			m->node_load[next]++;
		node->order[i] = (uint8_t)next;
		before = next;
	}
}

static void set_distances(struct rcl_machine *m, uint32_t nid)
{
	const struct rcl_node_config *config = &m->config.nodes[nid];
	struct node *node = &m->nodes[nid];

	for (uint32_t other = 0; other < m->nr_nodes; other++) {
		uint32_t distance = config->distance[other];

		if (distance == 0)
			distance = other == nid ? LOCAL_DISTANCE : REMOTE_DISTANCE;
		node->distance[other] = (uint8_t)distance;
		if (distance > LOCAL_DISTANCE)
			node->far_ns[other] = m->config.costs.far_access_ns * (distance - LOCAL_DISTANCE) /
					      (REMOTE_DISTANCE - LOCAL_DISTANCE);
		if (node->far_ns[other] > node->farthest_ns)
			node->farthest_ns = node->far_ns[other];
	}
}

static uint16_t nodes_of_tier(const struct rcl_machine *m, uint32_t tier)
{
	uint16_t nodes = 0;

	for (uint32_t nid = 0; nid < m->nr_nodes; nid++) {
		if (m->nodes[nid].pub.tier == tier)
			nodes |= (uint16_t)(1u << nid);
	}
	return nodes;
}

/* establish_demotion_targets(): all nodes of slower tiers, and the nearest ones of the next. */
static void set_demotion_targets(struct rcl_machine *m, uint32_t nid)
{
	struct node *node = &m->nodes[nid];
	uint32_t nearest = RCL_NIL, next;
	uint16_t below = 0, skip;

	for (uint32_t tier = UINT8_MAX; tier > node->pub.tier; tier--) {
		uint16_t nodes = nodes_of_tier(m, tier);

		node->demotion_allowed |= nodes;
		below = nodes ? nodes : below;
	}
	skip = (uint16_t)~below;
	for (next = numa_next_best_node(m, nid, &skip); next != RCL_NIL; next = numa_next_best_node(m, nid, &skip)) {
		if (nearest != RCL_NIL && node->distance[next] != node->distance[nearest])
			break;
		nearest = next;
		node->demotion_preferred |= (uint16_t)(1u << next);
	}
}

void numa_build_zonelists(struct rcl_machine *m)
{
	m->top_tier = UINT8_MAX;
	for (uint32_t nid = 0; nid < m->nr_nodes; nid++) {
		set_distances(m, nid);
		if (m->nodes[nid].pub.tier < m->top_tier)
			m->top_tier = m->nodes[nid].pub.tier;
	}
	for (uint32_t nid = 0; nid < m->nr_nodes; nid++)
		build_zonelist(m, nid);
	for (uint32_t nid = 0; nid < m->nr_nodes; nid++)
		set_demotion_targets(m, nid);
}

/* next_node_in(): the next set bit after one, around the end. */
static uint32_t next_node_in(uint32_t nid, uint16_t nodes)
{
	do {
		nid = (nid + 1) % RCL_MAX_NODES;
	} while (!(nodes >> nid & 1));
	return nid;
}

/* interleave_nid(): by address, so that a page that comes back goes where it was. */
static uint32_t interleave_by_index(uint16_t nodes, uint32_t index)
{
	uint32_t nid = next_node_in(RCL_MAX_NODES - 1, nodes);

	for (uint32_t turn = index % (uint32_t)__builtin_popcount(nodes); turn; turn--)
		nid = next_node_in(nid, nodes);
	return nid;
}

struct placement numa_place_by_policy(struct rcl_machine *m, struct task *task, uint32_t interleave_index)
{
	struct placement place = { .home = &m->nodes[task->nid], .allowed = UINT16_MAX };

	switch (task->mempolicy) {
	case RCL_MEMPOLICY_PREFERRED:
		place.home = &m->nodes[next_node_in(RCL_MAX_NODES - 1, task->mempolicy_nodes)];
		break;
	case RCL_MEMPOLICY_BIND:
		place.allowed = task->mempolicy_nodes;
		break;
	case RCL_MEMPOLICY_INTERLEAVE:
		if (interleave_index == NO_INTERLEAVE_INDEX) {
			task->interleave_prev = (uint8_t)next_node_in(task->interleave_prev, task->mempolicy_nodes);
			place.home = &m->nodes[task->interleave_prev];
		} else {
			place.home = &m->nodes[interleave_by_index(task->mempolicy_nodes, interleave_index)];
		}
		break;
	default:
		break;
	}
	return place;
}

/* The first allowed node of the zonelist (ac->preferred_zoneref). */
static uint32_t preferred_nid(const struct placement *place)
{
	const uint8_t *order = place->home->order;

	while (!placement_allows(place, *order))
		order++;
	return *order;
}

void numa_count(struct memcg *memcg, uint32_t cpu_nid, const struct placement *place, uint32_t nid)
{
	uint32_t preferred = preferred_nid(place);
	struct lruvec *lruvec = &memcg->lruvecs[nid];

	if (nid == preferred) {
		count(lruvec, RCL_NUMA_HIT, 1);
	} else {
		count(lruvec, RCL_NUMA_MISS, 1);
		count(&memcg->lruvecs[preferred], RCL_NUMA_FOREIGN, 1);
	}
	count(lruvec, nid == cpu_nid ? RCL_NUMA_LOCAL : RCL_NUMA_OTHER, 1);
}

void numa_count_stray(struct task *task, const struct placement *place, uint32_t nid)
{
	numa_count(task->memcg, task->nid, place, nid);
	if (task->mempolicy == RCL_MEMPOLICY_INTERLEAVE && nid == place->home->pub.nid)
		count(&task->memcg->lruvecs[nid], RCL_NUMA_INTERLEAVE, 1);
}
