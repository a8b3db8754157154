/*
 * Memcgs that were removed, see offline.h. Models mem_cgroup_css_offline() and
 * memcg_reparent_objcgs() (mm/memcontrol.c), lru_gen_offline_memcg() (mm/vmscan.c) of v6.12.
 *
 * Its folios stay on its own lists, charged to it, without protection, until an ancestor's or a
 * node's reclaim frees them; kernel memory goes to the parent at once. Its number is given up, so that
 * shadows that name it are read as absent (mem_cgroup_id_put()).
 *
 * With reparent_offline they are the parent's as well (memcg_reparent_objcgs() of 7.x), and nothing of it
 * is left. Its tasks have exited, so that there is no anonymous memory, nor anything in swap: what is
 * left are pages of files.
 *
 * SIMPLIFIED: the costs of its lists are not added to those of the parent's, which have counted them once
 * (lru_reparent_memcg()); effect: on what trad takes next from a parent, anon or file.
 * SIMPLIFIED: MGLRU's folios keep their age, 7.x gives the parent four generations and joins those of the
 * same number; effect: without the inversion that comes of it.
 * SIMPLIFIED: the number of a removed memcg is not used again; effect: a machine sees 4096 memcgs
 * in its life at most.
 */
#include "offline.h"

#include "batches.h"
#include "hooks.h"
#include "memcg.h"
#include "memcg_ring.h"
#include "mlock.h"
#include "policy.h"
#include "rstat.h"

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

/* A folio that is on no list is the parent's from now on, whose usage holds its pages already. */
static void reparent_folio(struct memcg *memcg, struct folio *folio)
{
	memcg->pub.usage -= folio->pub.nr_pages;
	for (uint32_t i = 0; i < folio->pub.nr_pages; i++)
		folio[i].pub.memcg = memcg->pub.parent;
}

/* In the lists' order, so that the head of one follows the tail of the parent's (lruvec_reparent_lru()). */
static void reparent_list(struct rcl_machine *m, struct lruvec *from, struct lruvec *to, uint32_t list)
{
	while (from->lists[list].nr_folios) {
		struct folio *folio = folio_at(m, from->lists[list].head);
		uint64_t place;

		lru_del_folio(m, from, folio);
		reparent_folio(memcg_of(from->pub.memcg), folio);
		place = ask_folio_reparented(m, to, from, folio);
		lru_add_folio(m, to, folio, place_list(place), place_at_tail(place));
	}
}

/* Whoever governs the parent takes over as at an attachment (policy.c): the youngest comes last. */
static void adopt_list(struct rcl_machine *m, struct lruvec *from, struct lruvec *to, uint32_t list)
{
	while (from->lists[list].nr_folios) {
		struct folio *folio = folio_at(m, from->lists[list].tail);

		lru_del_folio(m, from, folio);
		reparent_folio(memcg_of(from->pub.memcg), folio);
		folio->pub.list = 0;
		policy_init_folio(m, to->att, folio->pub.pfn);
		count_core_did(to, RCL_ADOPTED, folio->pub.nr_pages);
		batches_add_now(m, folio, RCL_ADDED_ADOPTED);
	}
}

/* Nobody is asked about locked memory (mlock.h). */
static void reparent_unevictable(struct rcl_machine *m, struct lruvec *from, struct lruvec *to)
{
	while (from->unevictable.nr_folios) {
		struct folio *folio = folio_at(m, from->unevictable.tail);

		mlock_del_unevictable(m, folio);
		reparent_folio(memcg_of(from->pub.memcg), folio);
		if (from->att != to->att)
			policy_init_folio(m, to->att, folio->pub.pfn);
		mlock_link_unevictable(m, folio);
	}
}

static void reparent_lruvec(struct rcl_machine *m, struct lruvec *from)
{
	struct lruvec *to = lruvec_of(from->pub.parent);

	for (uint32_t list = 1; list < from->nr_lists; list++) {
		if (from->att == to->att)
			reparent_list(m, from, to, list);
		else
			adopt_list(m, from, to, list);
	}
	reparent_unevictable(m, from, to);
}

static void reparent_folios(struct rcl_machine *m, struct memcg *memcg)
{
	struct memcg *parent = memcg_parent(memcg);

	for (uint32_t nid = 0; nid < m->nr_nodes; nid++)
		reparent_lruvec(m, &memcg->lruvecs[nid]);
	parent->nr_dirty += memcg->nr_dirty;
	parent->nr_writeback += memcg->nr_writeback;
	memcg->nr_dirty = 0;
	memcg->nr_writeback = 0;
	rstat_updated(&memcg->lruvecs[0]);
	rstat_updated(&parent->lruvecs[0]);
	policy_run_ejections(m);
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
	if (m->config.reparent_offline && m->has_default)
		reparent_folios(m, memcg);
	for (uint32_t nid = 0; nid < m->nr_nodes; nid++)
		memcg_ring_rotate(m, &memcg->lruvecs[nid], RCL_ROTATION_OLD);
	return RCL_OK;
}
