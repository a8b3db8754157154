/*
 * Memcgs that were removed, see offline.h. Models mem_cgroup_css_offline() and
 * memcg_reparent_objcgs() (mm/memcontrol.c), lru_gen_offline_memcg() (mm/vmscan.c) of v6.12.
 *
 * Its folios stay on its own lists, charged to it, without protection, until an ancestor's or a
 * node's reclaim frees them; kernel memory goes to the parent at once. Shadows that name it are
 * read as absent once nothing of it is left.
 *
 * SIMPLIFIED: the number of a removed memcg is not used again; effect: a machine sees 4096 memcgs
 * in its life at most.
 */
#include "offline.h"

#include "batches.h"
#include "memcg.h"
#include "memcg_ring.h"

static bool has_tasks(const struct rcl_machine *m, const struct memcg *memcg)
{
	for (uint32_t i = 0; i < m->nr_tasks; i++) {
		if (m->tasks[i]->memcg == memcg && m->tasks[i]->state < RCL_TASK_EXITED)
			return true;
	}
	return false;
}

static bool has_children(const struct rcl_machine *m, const struct memcg *memcg)
{
	for (uint32_t i = memcg->order + 1; i < memcg->order + memcg->nr_subtree; i++) {
		if (!m->memcgs[m->memcg_order[i]]->is_offline)
			return true;
	}
	return false;
}

/* The parent pays from now on; its own usage holds the pages already. */
static void reparent_kmem(struct memcg *memcg)
{
	memcg->pub.usage -= memcg->kmem_pages;
	memcg_parent(memcg)->kmem_pages += memcg->kmem_pages;
	memcg_parent(memcg)->kmem_rest_bytes += memcg->kmem_rest_bytes;
	memcg->kmem_pages = 0;
	memcg->kmem_rest_bytes = 0;
}

int rcl_memcg_remove(struct rcl_machine *m, uint32_t number)
{
	struct memcg *memcg;

	if (number == 0 || number >= m->nr_memcgs || m->memcgs[number]->is_offline)
		return machine_error(m, RCL_BAD_ARGUMENT, "memcg %u cannot be removed: it is the root, or does not exist", number);
	memcg = m->memcgs[number];
	if (has_tasks(m, memcg) || has_children(m, memcg))
		return machine_error(m, RCL_BAD_ARGUMENT, "memcg %u has tasks that have not exited, or children", number);
	if (m->has_default)
		batches_drain_all(m);
	memcg_drain_stocks(m, memcg);
	memcg->is_offline = true;
	memcg->pub.is_online = 0;
	memcg->pub.min = 0;
	memcg->pub.low = 0;
	reparent_kmem(memcg);
	for (uint32_t nid = 0; nid < m->nr_nodes; nid++)
		memcg_ring_rotate(m, &memcg->lruvecs[nid], RCL_ROTATION_OLD);
	return RCL_OK;
}
