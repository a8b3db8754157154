/*
 * NUMA balancing's scanner, see numa_scan.h. Models task_tick_numa(), task_numa_work(), task_numa_placement() and
 * update_task_scan_period() (kernel/sched/fair.c v6.12), and change_pte_range() (mm/mprotect.c).
 */
#include "numa_scan.h"

#include "node.h"
#include "numa_balancing.h"
#include "vma.h"
#include "write_rate.h"

#define PAGES_PER_MB (1 << (20 - 12))
#define VIRTUAL_SHARE 8			/* virtpages = pages * 8, task_numa_work() */
#define MAX_SCAN_WINDOW_MB 2560		/* MAX_SCAN_WINDOW, kernel/sched/fair.c: MB per second at most */
#define STAMP_TICKS 2			/* node_stamp += 2 * TICK_NSEC, task_numa_work() */
#define OVERHEAD_SHARE 32		/* a scan takes 3 % of a task's time at most, the same */
#define UNCONDITIONAL_ROUNDS 2		/* vma_is_accessed() */
#define RESET_DELAYS 4			/* VMA_PID_RESET_PERIOD, the same */
#define RETRY_SHARE 16			/* of a period, numa_migrate_preferred() */

static uint64_t ms_to_jiffies(uint64_t ms)
{
	uint64_t jiffy_ms = JIFFY_NS / NS_PER_MS;

	return (ms + jiffy_ms - 1) / jiffy_ms;
}

/* ---- the period ---- */

/* task_nr_scan_windows(): how many scans the resident pages take. */
static uint32_t nr_windows(const struct rcl_machine *m, const struct task *task)
{
	uint64_t window = (uint64_t)m->config.numa_scan_size_mb * PAGES_PER_MB, rss = 0;

	for (uint32_t vpn = 0; vpn < task->nr_pages; vpn++)
		rss += pte_maps(task->ptes[vpn]);
	return rss ? (uint32_t)((rss + window - 1) / window) : 1;
}

/* task_scan_min(): the faster the more there is to scan, but no faster than the window per second allows. */
static uint32_t least_period_ms(const struct rcl_machine *m, uint32_t windows)
{
	uint32_t size_mb = m->config.numa_scan_size_mb, period_ms = m->config.numa_scan_period_min_ms / windows;
	uint32_t floor_ms = 1000;

	if (size_mb < MAX_SCAN_WINDOW_MB)
		floor_ms = 1000 / (MAX_SCAN_WINDOW_MB / size_mb);
	return period_ms > floor_ms ? period_ms : floor_ms;
}

/* task_scan_max() */
static uint32_t most_period_ms(const struct rcl_machine *m, uint32_t windows)
{
	uint32_t period_ms = m->config.numa_scan_period_max_ms / windows, least_ms = least_period_ms(m, windows);

	return period_ms > least_ms ? period_ms : least_ms;
}

/* task_numa_placement() and update_task_scan_period(), once in a round of the scanner. */
static void double_period(struct rcl_machine *m, struct task *task)
{
	uint32_t most_ms;

	if (task->numa.seen_seq == task->numa.seq)
		return;
	task->numa.seen_seq = task->numa.seq;
	task->numa.has_home |= task->numa.has_faults;
	most_ms = most_period_ms(m, nr_windows(m, task));
	task->numa.period_ms = (uint32_t)least(most_ms, UINT64_C(2) * task->numa.period_ms);
	task->numa.due_jiffies = now_jiffies(m) + ms_to_jiffies(task->numa.period_ms);
}

void numa_scan_note_promoted(struct rcl_machine *m, struct task *task)
{
	if (now_jiffies(m) > task->numa.retry_jiffies) {
		double_period(m, task);
		if (task->numa.has_home)
			task->numa.retry_jiffies =
				now_jiffies(m) + least(HZ, ms_to_jiffies(task->numa.period_ms) / RETRY_SHARE);
	}
	task->numa.has_faults = true;
}

/* ---- a piece of a task's mappings ---- */

/* Whether a VMA is worth scanning: what can only be read is expected in every node's caches.
 * SIMPLIFIED: executable file mappings stand for all that are not writable; effect: read-only mappings
 * of data files are scanned here. */
static bool is_scanned(const struct vma *vma)
{
	return (vma->flags & (RCL_MAPPING_FILE | RCL_MAPPING_EXEC)) != (RCL_MAPPING_FILE | RCL_MAPPING_EXEC);
}

/* Frame 0 is left alone: without any other bit its PTE would read as none. */
static bool is_marked(const struct rcl_machine *m, const struct task *task, const struct vma *vma, uint32_t pte)
{
	uint32_t pfn = pte >> PTE_SHIFT, nid;
	const struct folio *folio;

	if (!(pte & PTE_PRESENT) || pfn == 0)
		return false;
	nid = pfn_to_nid(m, pfn);
	if (nid == task->nid || numa_is_toptier(m, nid))
		return false;
	folio = page_folio(m, pfn);
	if (folio->pub.type == RCL_FILE && folio->pub.flags & RCL_FOLIO_IS_DIRTY)
		return false;
	return vma->flags & RCL_MAPPING_SHARED || folio_at(m, pfn)->rmap_more == RCL_NIL;
}

/* change_prot_numa() */
static uint64_t mark_ptes(struct rcl_machine *m, struct task *task, const struct vma *vma, uint32_t first, uint32_t end)
{
	const struct rcl_costs *costs = &m->config.costs;
	uint64_t nr_marked = 0;

	for (uint32_t vpn = first; vpn < end; vpn++) {
		uint32_t pte = task->ptes[vpn];

		if (!is_marked(m, task, vma, pte))
			continue;
		m->access_ms[page_folio(m, pte >> PTE_SHIFT)->pub.pfn] = numa_now_ms(m);
		task->ptes[vpn] = pte & ~(PTE_PRESENT | PTE_WP);
		nr_marked++;
	}
	count(task_lruvec(task), RCL_NUMA_PTE_UPDATES, nr_marked);
	spend(m, (end - first) * costs->walk_pte_ns + ((end - first) / PTES_PER_TABLE + 1) * costs->walk_table_ns +
		 nr_marked * costs->retarget_ns);
	return nr_marked;
}

/* What one run of the scanner has left, and where it is. */
struct sweep {
	int64_t nr_left;		/* pages of windows in which something was marked */
	int64_t nr_virtual_left;	/* of all */
	uint32_t start;
	bool is_forced;			/* scan a VMA that was not touched lately, one */
	bool has_skipped;		/* such a VMA */
};

static uint32_t window_end(const struct sweep *sweep, const struct vma *vma)
{
	uint64_t end = ((uint64_t)sweep->start + (uint64_t)sweep->nr_left + PTES_PER_TABLE - 1) &
		       ~(uint64_t)(PTES_PER_TABLE - 1);
	uint32_t vma_end = vma->first + vma->nr_pages;

	return end < vma_end ? (uint32_t)end : vma_end;
}

/* Scan what is left of a VMA; false: that was all for now. */
static bool scan_vma(struct rcl_machine *m, struct task *task, const struct vma *vma, struct sweep *sweep)
{
	if (sweep->start < vma->first)
		sweep->start = vma->first;
	while (sweep->start < vma->first + vma->nr_pages) {
		uint32_t end = window_end(sweep, vma);

		if (mark_ptes(m, task, vma, sweep->start, end))
			sweep->nr_left -= end - sweep->start;
		sweep->nr_virtual_left -= end - sweep->start;
		sweep->start = end;
		if (sweep->nr_left <= 0 || sweep->nr_virtual_left <= 0)
			return false;
	}
	return true;
}

/* vma_is_accessed(), in a program of one thread: in the first rounds, if it was used lately, to the end of a VMA that
 * was begun, and every other round. */
static bool is_used(const struct task *task, const struct vma *vma)
{
	const struct vma_numab *numab = &vma->numab;

	return task->numa.seq - numab->start_seq < UNCONDITIONAL_ROUNDS || numab->is_used || numab->was_used ||
	       task->numa.offset > vma->first || task->numa.seq - numab->scanned_seq > 1;
}

/* Whether it is a VMA's turn; a new one waits as long as a new task does. */
static bool is_its_turn(const struct rcl_machine *m, struct task *task, struct vma *vma, struct sweep *sweep)
{
	uint64_t now = now_jiffies(m), delay_ms = m->config.numa_scan_delay_ms;
	struct vma_numab *numab = &vma->numab;

	if (!numab->is_known)
		*numab = (struct vma_numab){ .is_known = true, .start_seq = task->numa.seq,
					     .scanned_seq = task->numa.seq - 1,
					     .due_jiffies = now + ms_to_jiffies(delay_ms),
					     .reset_jiffies = now + ms_to_jiffies(delay_ms) +
							      ms_to_jiffies(RESET_DELAYS * delay_ms) };
	if (task->numa.seq && now < numab->due_jiffies)
		return false;
	if (task->numa.seq && now > numab->reset_jiffies) {
		numab->reset_jiffies += ms_to_jiffies(RESET_DELAYS * delay_ms);
		numab->was_used = numab->is_used;
		numab->is_used = false;
	}
	if (numab->scanned_seq == task->numa.seq) {
		task->numa.offset = vma->first + vma->nr_pages;
		return false;
	}
	if (sweep->is_forced || is_used(task, vma))
		return true;
	sweep->has_skipped = true;
	return false;
}

/* reset_ptenuma_scan() */
static void begin_round(struct task *task)
{
	task->numa.seq++;
	task->numa.offset = 0;
}

/* Go on where the last run ended; answers the number of the VMA that this one ends in, nr_vmas after all of them. */
static uint32_t sweep_vmas(struct rcl_machine *m, struct task *task, struct sweep *sweep)
{
	uint32_t i;

	if (task->numa.offset >= task->nr_pages)
		begin_round(task);
	sweep->start = task->numa.offset;
	for (i = (uint32_t)(vma_find(task, sweep->start) - task->vmas); i < task->nr_vmas; i++) {
		struct vma *vma = &task->vmas[i];

		if (!is_scanned(vma) || !is_its_turn(m, task, vma, sweep))
			continue;
		if (!scan_vma(m, task, vma, sweep))
			break;
		vma->numab.scanned_seq = task->numa.seq;
		if (sweep->is_forced)
			break;
	}
	return i;
}

/* task_numa_work() */
static void scan_piece(struct rcl_machine *m, struct task *task)
{
	int64_t nr_pages = (int64_t)m->config.numa_scan_size_mb * PAGES_PER_MB;
	struct sweep sweep = { .nr_left = nr_pages, .nr_virtual_left = nr_pages * VIRTUAL_SHARE };
	uint64_t first_tick = task->clock_ns / JIFFY_NS;
	uint32_t ended;

	task->numa.due_jiffies = now_jiffies(m) + ms_to_jiffies(task->numa.period_ms);
	task->numa.stamp_ns += STAMP_TICKS * JIFFY_NS;
	/* Only the default policy has MPOL_F_MOF: who placed pages by hand keeps them there. */
	if (task->mempolicy != RCL_MEMPOLICY_DEFAULT)
		return;
	ended = sweep_vmas(m, task, &sweep);
	if (ended == task->nr_vmas && sweep.has_skipped) {
		sweep.is_forced = true;
		ended = sweep_vmas(m, task, &sweep);
	}
	if (ended < task->nr_vmas)
		task->numa.offset = sweep.start;
	else
		begin_round(task);
	/* The time that a task has run is brought up to date by ticks. */
	task->numa.stamp_ns += OVERHEAD_SHARE * (task->clock_ns / JIFFY_NS - first_tick) * JIFFY_NS;
}

/* ---- when ---- */

static uint64_t runtime_ns(const struct task *task)
{
	return task->clock_ns - task->slept_ns;
}

/* The first tick at which the task has run for more than a period, if it does not sleep until then. */
static void set_next_tick(struct task *task)
{
	uint64_t due_ns = task->numa.stamp_ns + (uint64_t)task->numa.period_ms * NS_PER_MS;
	uint64_t left_ns = due_ns > runtime_ns(task) ? due_ns - runtime_ns(task) : 0;

	task->numa.next_scan_ns = ((task->clock_ns + left_ns) / JIFFY_NS + 1) * JIFFY_NS;
}

void numa_scan_init(const struct rcl_machine *m, struct task *task)
{
	task->numa.next_scan_ns = UINT64_MAX;
	if (!m->config.numa_balancing)
		return;
	task->numa.period_ms = m->config.numa_scan_delay_ms;
	task->numa.due_jiffies = INITIAL_JIFFIES + ms_to_jiffies(m->config.numa_scan_delay_ms);
	set_next_tick(task);
}

void numa_scan_tick(struct rcl_machine *m, struct task *task)
{
	uint64_t period_ns = (uint64_t)task->numa.period_ms * NS_PER_MS;

	if (runtime_ns(task) > task->numa.stamp_ns + period_ns) {
		if (task->numa.stamp_ns == 0)
			task->numa.period_ms = least_period_ms(m, nr_windows(m, task));
		task->numa.stamp_ns += period_ns;
		if (now_jiffies(m) >= task->numa.due_jiffies)
			scan_piece(m, task);
	}
	set_next_tick(task);
}

void numa_scan_note_fault(struct task *task, uint32_t vpn)
{
	task->vmas[vma_find(task, vpn) - task->vmas].numab.is_used = true;
}
