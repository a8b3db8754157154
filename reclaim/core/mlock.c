/*
 * Locked memory, see mlock.h. Models mm/mlock.c and lru_add() (mm/swap.c) of v6.12.
 */
#include "mlock.h"

#include "batches.h"
#include "fault.h"
#include "hooks.h"
#include "oom.h"
#include "policy.h"
#include "vma.h"

void mlock_link_unevictable(struct rcl_machine *m, struct folio *folio)
{
	struct lruvec *lruvec = folio_lruvec(folio);

	folio->pub.list = RCL_STANDARD_LIST_UNEVICTABLE;
	folio->transit = RCL_TRANSIT_UNEVICTABLE;
	list_link(m, &lruvec->unevictable, folio->pub.pfn, false);
	lruvec->pub.list_pages[RCL_STANDARD_LIST_UNEVICTABLE] += folio->pub.nr_pages;
	lruvec->nr_unevictable[folio->pub.type] += folio->pub.nr_pages;
}

void mlock_add_unevictable(struct rcl_machine *m, struct folio *folio)
{
	folio->pub.flags &= ~(RCL_FOLIO_IS_ACTIVE | RCL_FOLIO_IS_ISOLATED);
	mlock_link_unevictable(m, folio);
	count(folio_lruvec(folio), RCL_UNEVICTABLE_PGS_CULLED, folio->pub.nr_pages);
}

void mlock_del_unevictable(struct rcl_machine *m, struct folio *folio)
{
	struct lruvec *lruvec = folio_lruvec(folio);

	list_unlink(m, &lruvec->unevictable, folio->pub.pfn);
	lruvec->pub.list_pages[RCL_STANDARD_LIST_UNEVICTABLE] -= folio->pub.nr_pages;
	lruvec->nr_unevictable[folio->pub.type] -= folio->pub.nr_pages;
	folio->pub.list = 0;
	folio->transit = RCL_TRANSIT_ENTERING;
}

/* __mlock_folio(): nothing can be done about a folio that is off its list, or unlocked again. */
static void cull_now(struct rcl_machine *m, struct folio *folio)
{
	if (folio->transit != RCL_TRANSIT_NONE || folio_is_evictable(folio))
		return;
	lru_del_folio(m, folio_lruvec(folio), folio);
	mlock_add_unevictable(m, folio);
	spend(m, m->config.costs.list_move_ns);
}

void mlock_drain(struct rcl_machine *m, struct task *task)
{
	uint32_t nr = task->nr_mlock;

	task->nr_mlock = 0;
	for (uint32_t i = 0; i < nr; i++) {
		struct folio *folio = folio_at(m, task->mlock_batch[i]);

		folio->pins--;
		cull_now(m, folio);
	}
}

void mlock_folio(struct rcl_machine *m, struct task *task, struct folio *folio, uint32_t nr_ptes)
{
	folio->mlock_count += nr_ptes;
	if (!folio_is_evictable(folio))
		return;
	folio->pub.flags |= FOLIO_MLOCKED;
	count(folio_lruvec(folio), RCL_UNEVICTABLE_PGS_MLOCKED, folio->pub.nr_pages);
	if (folio->transit != RCL_TRANSIT_NONE)
		return;		/* whoever puts it on a list finds the flag */
	if (m->config.add_batch_folios == 1 || folio_is_large(folio)) {
		cull_now(m, folio);
		return;
	}
	folio->pins++;
	task->mlock_batch[task->nr_mlock++] = folio->pub.pfn;
	if (task->nr_mlock == m->config.add_batch_folios)
		mlock_drain(m, task);
}

/*
 * SIMPLIFIED: unlocking is not batched; effect: a folio is back on its list up to 31 unlocked
 * folios earlier than in the kernel.
 */
void munlock_folio(struct rcl_machine *m, struct folio *folio, uint32_t nr_ptes)
{
	folio->mlock_count -= nr_ptes;
	if (folio->mlock_count)
		return;
	folio->pub.flags &= ~FOLIO_MLOCKED;
	count(folio_lruvec(folio), RCL_UNEVICTABLE_PGS_MUNLOCKED, folio->pub.nr_pages);
	mlock_rescue(m, folio);
}

void mlock_rescue(struct rcl_machine *m, struct folio *folio)
{
	struct lruvec *lruvec = folio_lruvec(folio);
	uint64_t place;

	if (folio->transit != RCL_TRANSIT_UNEVICTABLE)
		return;
	mlock_del_unevictable(m, folio);
	place = ask_folio_added(m, lruvec, folio, RCL_ADDED_RESCUED);
	lru_add_folio(m, lruvec, folio, place_list(place), place_at_tail(place));
	count(lruvec, RCL_UNEVICTABLE_PGS_RESCUED, folio->pub.nr_pages);
	spend(m, m->config.costs.list_move_ns);
}

/* Lock or unlock what is resident in a range (mlock_pte_range()). Pages that its VMAs have locked
 * already, or not locked, are left alone. */
static void lock_range(struct rcl_machine *m, struct task *task, uint32_t first, uint32_t nr_pages, bool lock)
{
	batches_drain(m, task);
	for (uint32_t vpn = first; vpn - first < nr_pages; vpn++) {
		uint32_t pte = task->ptes[vpn];

		if (!pte_maps(pte) || vma_has_flags(task, vpn, RCL_MAPPING_LOCKED) == lock)
			continue;
		if (lock)
			mlock_folio(m, task, page_folio(m, pte >> PTE_SHIFT), 1);
		else
			munlock_folio(m, page_folio(m, pte >> PTE_SHIFT), 1);
	}
}

/* Bring in what is not resident, private memory as by a write (populate_vma_page_range()). */
static void populate(struct rcl_machine *m, struct task *task, uint32_t first, uint32_t nr_pages)
{
	for (uint32_t vpn = first; vpn - first < nr_pages && task->state != RCL_TASK_KILLED; vpn++) {
		if (!pte_maps(task->ptes[vpn]))
			fault_page(m, task, vpn, !(vma_find(task, vpn)->flags & RCL_MAPPING_SHARED));
	}
}

static int check_lock(struct rcl_machine *m, uint32_t number, uint64_t first, uint64_t nr_pages)
{
	int status = vma_check_range(m, number, first, nr_pages);

	if (status != RCL_OK)
		return status;
	if (!m->has_default || m->tasks[number]->state >= RCL_TASK_EXITED)
		return machine_error(m, RCL_BAD_ARGUMENT,
				     "task %u has exited or was killed, or the machine has no default policy", number);
	if (!vma_reserve(m->tasks[number]))
		return machine_error(m, RCL_NO_MEMORY, "no memory for two more VMAs");
	return RCL_OK;
}

/* The task runs in its system call. */
static void enter(struct rcl_machine *m, struct task *task)
{
	m->interrupted = false;
	m->current = task;
	m->running = task;
	m->clock = &task->clock_ns;
}

static void leave(struct rcl_machine *m, uint64_t *clock)
{
	struct task *task = m->running;

	m->running = NULL;
	if (task->state == RCL_TASK_KILLED)
		oom_reap(m, task);
	policy_run_ejections(m);
	m->current = NULL;
	m->clock = clock;
}

int rcl_task_mlock(struct rcl_machine *m, uint32_t number, uint64_t first, uint64_t nr_pages, int on_fault)
{
	int status = check_lock(m, number, first, nr_pages);
	uint64_t *clock = m->clock;
	struct task *task;

	if (status != RCL_OK)
		return status;
	task = m->tasks[number];
	enter(m, task);
	lock_range(m, task, (uint32_t)first, (uint32_t)nr_pages, true);
	vma_change_flags(m, task, (uint32_t)first, (uint32_t)nr_pages, 0, RCL_MAPPING_LOCKED);
	batches_drain(m, task);
	if (!on_fault)
		populate(m, task, (uint32_t)first, (uint32_t)nr_pages);
	leave(m, clock);
	return RCL_OK;
}

int rcl_task_munlock(struct rcl_machine *m, uint32_t number, uint64_t first, uint64_t nr_pages)
{
	int status = check_lock(m, number, first, nr_pages);
	uint64_t *clock = m->clock;

	if (status != RCL_OK)
		return status;
	enter(m, m->tasks[number]);
	lock_range(m, m->tasks[number], (uint32_t)first, (uint32_t)nr_pages, false);
	vma_change_flags(m, m->tasks[number], (uint32_t)first, (uint32_t)nr_pages, RCL_MAPPING_LOCKED, 0);
	leave(m, clock);
	return RCL_OK;
}
