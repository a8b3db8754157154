/*
 * Out of memory, see oom.h. Models oom_badness(), select_bad_process() and oom_kill_process()
 * (mm/oom_kill.c v6.12).
 *
 * SIMPLIFIED: the victim is dead and its memory free at once; effect: nobody waits for an exit, and
 * a second victim is never spared because the first is still on its way out.
 */
#include "oom.h"

#include "memcg.h"
#include "mm.h"
#include "psi.h"
#include "stats.h"
#include "trace.h"

#define OOM_SCORE_ADJ_MIN (-1000)	/* include/uapi/linux/oom.h: never killed */
#define SCORE_UNITS 1000		/* oom_score_adj counts thousandths of what there is */

static bool is_alive(const struct task *task)
{
	return task->state != RCL_TASK_EXITED && task->state != RCL_TASK_KILLED;
}

/* Present pages, swap entries and page tables: the counters that the kernel keeps per mm.
 * SIMPLIFIED: exact, the kernel's are up to 31 pages per CPU and kind behind (percpu_counter); effect: which of two
 * tasks of nearly the same size dies. */
static uint64_t count_pages(const struct task *task)
{
	uint64_t nr_pages = task->nr_tables;

	for (uint32_t vpn = 0; vpn < task->nr_pages; vpn++)
		nr_pages += pte_maps(task->ptes[vpn]) || task->ptes[vpn] & PTE_SWAP;
	return nr_pages;
}

/* What a memcg or the machine has in memory and swap (constrained_alloc()). */
static uint64_t total_pages(const struct rcl_machine *m, const struct memcg *memcg, uint16_t nodes)
{
	uint64_t swap_pages = m->nr_swap_slots, memory = 0;

	if (memcg) {
		memory = memcg->pub.max < m->nr_folios ? memcg->pub.max : m->nr_folios;
		if (memcg->pub.swappiness == 0)		/* mem_cgroup_get_max() */
			return memory;
		return memory + (memcg->pub.swap_max < swap_pages ? memcg->pub.swap_max : swap_pages);
	}
	for (uint32_t nid = 0; nid < m->nr_nodes; nid++)
		memory += nodes >> nid & 1 ? m->nodes[nid].pub.nr_pages : 0;
	return memory + swap_pages;
}

static int64_t badness(const struct task *task, uint64_t nr_total)
{
	return (int64_t)count_pages(task) + task->oom_score_adj * (int64_t)(nr_total / SCORE_UNITS);
}

/* Of equally bad tasks the kernel takes the last in its order: memcgs in preorder, tasks as they came. */
static bool comes_later(const struct task *task, const struct task *other, bool in_memcg)
{
	if (in_memcg && task->memcg != other->memcg)
		return task->memcg->order > other->memcg->order;
	return task->number > other->number;
}

/* Who is bound to other nodes has nothing on those that are full (oom_cpuset_eligible()). */
static bool is_elsewhere(const struct task *task, uint16_t nodes)
{
	return task->mempolicy == RCL_MEMPOLICY_BIND && !(task->mempolicy_nodes & nodes);
}

static struct task *select_victim(const struct rcl_machine *m, const struct memcg *memcg, uint16_t nodes)
{
	uint64_t nr_total = total_pages(m, memcg, nodes);
	struct task *chosen = NULL;
	int64_t chosen_points = 0;

	for (uint32_t i = 0; i < m->nr_tasks; i++) {
		struct task *task = m->tasks[i];
		int64_t points;

		if (!is_alive(task) || task->oom_score_adj == OOM_SCORE_ADJ_MIN || is_elsewhere(task, nodes) ||
		    (memcg && !memcg_is_below(task->memcg, memcg)))
			continue;
		points = badness(task, nr_total);
		if (chosen && (points < chosen_points ||
			       (points == chosen_points && !comes_later(task, chosen, memcg != NULL))))
			continue;
		chosen = task;
		chosen_points = points;
	}
	return chosen;
}

/* A killed task's memory by type, in KiB, as the kernel's message says it. */
static uint64_t rss_kib(const struct rcl_machine *m, const struct task *task, uint32_t type)
{
	uint64_t nr_pages = 0;

	for (uint32_t vpn = 0; vpn < task->nr_pages; vpn++) {
		if (pte_maps(task->ptes[vpn]))
			nr_pages += folio_at(m, task->ptes[vpn] >> PTE_SHIFT)->pub.type == type;
	}
	return nr_pages * RCL_PAGE_BYTES / 1024;
}

void oom_kill_task(struct rcl_machine *m, struct task *task)
{
	count(task_lruvec(task), RCL_OOM_KILL, 1);
	TRACE(m, task->memcg, mark_victim, .pid = task->number, .comm = task->number,
	      .total_vm = (uint64_t)task->nr_pages * RCL_PAGE_BYTES / 1024, .anon_rss = rss_kib(m, task, RCL_ANON),
	      .file_rss = rss_kib(m, task, RCL_FILE), .pgtables = (uint64_t)task->nr_tables * RCL_PAGE_BYTES / 1024);
	task->state = RCL_TASK_KILLED;
	if (task != m->running)
		oom_reap(m, task);
}

void oom_reap(struct rcl_machine *m, struct task *task)
{
	psi_task_ends(m, task);
	mm_exit(m, task);
}

/* The topmost memcg up to the domain that wants to die as a whole (mem_cgroup_get_oom_group()). */
static struct memcg *oom_group_of(const struct task *victim, const struct memcg *domain)
{
	struct memcg *group = NULL;

	for (struct memcg *memcg = victim->memcg; memcg && memcg_parent(memcg); memcg = memcg_parent(memcg)) {
		if (memcg->oom_group)
			group = memcg;
		if (memcg == domain)
			break;
	}
	return group;
}

bool oom_kill(struct rcl_machine *m, struct memcg *memcg, uint16_t nodes)
{
	struct task *victim;
	struct memcg *group;

	/* Somebody is on its way out already and will free what it has. */
	if (m->running && m->running->state == RCL_TASK_KILLED && (!memcg || memcg_is_below(m->running->memcg, memcg)))
		return true;
	victim = select_victim(m, memcg, nodes);
	if (!victim)
		return false;
	group = oom_group_of(victim, memcg);
	oom_kill_task(m, victim);
	if (!group)
		return true;
	memcg_count_event(group, RCL_MEMORY_EVENTS_OOM_GROUP_KILL);
	for (uint32_t i = 0; i < m->nr_tasks; i++) {
		struct task *task = m->tasks[i];

		if (is_alive(task) && task->oom_score_adj != OOM_SCORE_ADJ_MIN && memcg_is_below(task->memcg, group))
			oom_kill_task(m, task);
	}
	return true;
}
