/*
 * Running: feeding tasks, the event loop, and the hit path.
 *
 * Here: everything that runs per record without a fault. Not here: faults (fault.c) and buffered
 * accesses (pagecache.c).
 *
 * The hit path touches the record and the PTE, nothing else: virtual time is added up per run of
 * hits, page numbers are checked once per chunk. The benchmark that watches it compares with the
 * bare loop `pte[trace[i]] |= A`.
 */
#ifdef RCL_DEBUG
#include <stdio.h>
#include <stdlib.h>
#endif

#include "batches.h"
#include "events.h"
#include "fault.h"
#include "high.h"
#include "memcg.h"
#include "mm.h"
#include "oom.h"
#include "numa.h"
#include "numa_scan.h"
#include "pagecache.h"
#include "policy.h"
#include "psi.h"
#include "swap.h"

#define STRETCH_RECORDS 64		/* ours, measured: as a prefetch distance it covers DRAM latency at 16M
					 * pages (16 and 32 are slower), as a block it pays for its scan */
#define NEAR_PAGES (UINT32_C(1) << 17)	/* ours: PTEs of 512 KiB stay in L2, where a prefetch only costs */
#define PREFETCH_SLOTS 32		/* ours, measured: a buffered hit is a chain of slot and folio, fetched */
#define PREFETCH_FOLIOS 16		/* in two steps, the second when the first has arrived */
#define PREFETCH_FAULTS 16		/* ours, measured: records ahead whose faults' slots are fetched */
#define POLL_RECORDS (UINT64_C(1) << 16)	/* ours: under a millisecond between looks at the interrupt */
#define CHECK_BLOCK 256			/* ours: a constant length that compilers turn into vector code */
#define PROGRESS_RECORDS (UINT64_C(1) << 20)

/* A record's work is eight instructions; the loop's own would add a third. */
#ifdef __clang__
#define UNROLL_4 _Pragma("unroll 4")
#else
#define UNROLL_4 _Pragma("GCC unroll 4")
#endif

/* What a block of records holds, as vector code finds it out. */
struct block_check {
	uint32_t flags;			/* of all records together */
	bool is_bad;			/* some record lies outside */
};

/* Mapped reads are page numbers as they stand; what else there is makes the answer to is_bad void. */
static struct block_check check_plain_block(const uint32_t *records, int32_t last_page)
{
	uint32_t flags = 0, bad = 0;

	for (int i = 0; i < CHECK_BLOCK; i++) {
		flags |= records[i];
		bad |= (uint32_t)((int32_t)records[i] > last_page);
	}
	return (struct block_check){ .flags = flags & ~REC_PAGE, .is_bad = bad };
}

/* Limits are the last page of each space, -1 for none. */
static bool is_block_bad(const uint32_t *records, int32_t last_page, int32_t last_file_page)
{
	uint32_t bad = 0;

	for (int i = 0; i < CHECK_BLOCK; i++) {
		int32_t page = (int32_t)(records[i] & REC_PAGE);
		int32_t is_buffered = -(int32_t)(records[i] >> 30 & 1);
		int32_t last = (is_buffered & last_file_page) | (~is_buffered & last_page);

		bad |= (uint32_t)(page > last);
	}
	return bad;
}

static bool is_record_bad(const struct task *task, uint32_t record)
{
	return (record & REC_PAGE) >= (record & REC_BUFFERED ? task->nr_file_pages : task->nr_pages);
}

/* The index of the first record outside the task's spaces, nr_records for none; and whether all are mapped reads. */
static uint64_t find_bad_record(const struct task *task, const uint32_t *records, uint64_t nr_records, bool *is_plain)
{
	int32_t last_page = (int32_t)task->nr_pages - 1, last_file_page = (int32_t)task->nr_file_pages - 1;
	uint64_t i = 0;
	uint32_t flags = 0;

	for (; nr_records - i >= CHECK_BLOCK; i += CHECK_BLOCK) {
		struct block_check check = check_plain_block(records + i, last_page);

		flags |= check.flags;
		if (check.flags ? is_block_bad(records + i, last_page, last_file_page) : check.is_bad)
			break;
	}
	for (; i < nr_records && !is_record_bad(task, records[i]); i++)
		flags |= records[i] & ~REC_PAGE;
	*is_plain = !flags;
	return i;
}

int rcl_task_feed(struct rcl_machine *m, uint32_t number, const uint32_t *records, uint64_t nr_records, int is_last,
		  uint64_t *bad_record)
{
	struct task *task;
	uint64_t bad;
	bool is_plain;

	if (number >= m->nr_tasks)
		return machine_error(m, RCL_BAD_ARGUMENT, "task %u does not exist", number);
	task = m->tasks[number];
	if (task->state != RCL_TASK_IDLE || !m->has_default)
		return machine_error(m, RCL_BAD_ARGUMENT,
				     "task %u has records left, has ended, or the machine has no default policy", number);
	bad = find_bad_record(task, records, nr_records, &is_plain);
	if (bad < nr_records) {
		*bad_record = bad;
		return machine_error(m, RCL_BAD_TRACE, "record %llu (0x%08x) names page %u, the task has %u %s pages",
				     (unsigned long long)bad, records[bad], records[bad] & REC_PAGE,
				     records[bad] & REC_BUFFERED ? task->nr_file_pages : task->nr_pages,
				     records[bad] & REC_BUFFERED ? "file" : "mapped");
	}
	if (m->turn != task)
		m->turn = NULL;		/* one more that may be due before whoever had the turn */
	task->nr_done += task->position;
	task->records = records;
	task->nr_records = nr_records;
	task->position = 0;
	task->is_plain_chunk = is_plain;
	task->is_last_chunk = is_last;
	task->state = RCL_TASK_RUNNABLE;
	psi_task_runs(m, task);
	return RCL_OK;
}

int rcl_task_switch(struct rcl_machine *m, uint32_t number, uint32_t next)
{
	struct task *from, *to;

	if (number >= m->nr_tasks || next >= m->nr_tasks || m->tasks[next]->state != RCL_TASK_IDLE || !m->has_default)
		return machine_error(m, RCL_BAD_ARGUMENT, "tasks %u and %u do not exist, or the second is not idle", number, next);
	from = m->tasks[number];
	to = m->tasks[next];
	batches_pass(m, from, to);
	memcg_pass_stock(m, from, to);
	if (to->clock_ns < from->clock_ns) {
		to->slept_ns += from->clock_ns - to->clock_ns;
		to->clock_ns = from->clock_ns;
	}
	return RCL_OK;
}

/* A stretch of records whose kinds are known, so that the loops below need not look. */
struct stretch {
	uint64_t end;
	bool is_plain;			/* mapped reads only: a record is its page number */
	bool is_far;			/* the PTEs exceed the cache, and records to fetch them by follow */
};

static struct stretch next_stretch(const struct task *task, uint64_t i)
{
	uint64_t end = i + STRETCH_RECORDS;
	uint32_t flags = 0;

	if (end > task->nr_records)
		return (struct stretch){ .end = task->nr_records, .is_plain = task->is_plain_chunk };
	if (task->is_plain_chunk && task->nr_records - end >= STRETCH_RECORDS)
		end = task->nr_records - STRETCH_RECORDS;
	else
		for (int k = 0; k < STRETCH_RECORDS; k++)
			flags |= task->records[i + (uint64_t)k];
	return (struct stretch){ .end = end, .is_plain = !(flags & ~REC_PAGE),
				 .is_far = task->nr_pages > NEAR_PAGES && task->nr_records - end >= STRETCH_RECORDS };
}

/*
 * Plain reads. The empty asm hides the index from gcc 12, which otherwise keeps one address
 * register for load and store and loses up to half the speed at 1M pages.
 */
static inline uint64_t run_plain(uint32_t *ptes, const uint32_t *records, uint64_t i, uint64_t end, bool is_far)
{
	UNROLL_4
	for (; i < end; i++) {
		uint64_t vpn = records[i];
		uint32_t pte;

		if (is_far)
			__builtin_prefetch(&ptes[records[i + STRETCH_RECORDS] & REC_PAGE], 1);
		pte = ptes[vpn];
		if (RCL_UNLIKELY(!(pte & PTE_PRESENT)))
			return i;
		pte |= PTE_ACCESSED;
		__asm__("" : "+r"(vpn));
		ptes[vpn] = pte;
	}
	return i;
}

/* Functions of their own, so that they have all registers. */
static __attribute__((noinline)) uint64_t run_plain_near(uint32_t *ptes, const uint32_t *records, uint64_t i, uint64_t end)
{
	return run_plain(ptes, records, i, end, false);
}

static __attribute__((noinline)) uint64_t run_plain_far(uint32_t *ptes, const uint32_t *records, uint64_t i, uint64_t end)
{
	return run_plain(ptes, records, i, end, true);
}

/* Records of all kinds; stops at a buffered one. */
static inline uint64_t run_mixed(uint32_t *ptes, const uint32_t *records, uint64_t i, uint64_t end, bool is_far)
{
	for (; i < end; i++) {
		uint32_t record = records[i], vpn = record & REC_PAGE, is_write = record >> 31, pte;

		if (is_far)
			__builtin_prefetch(&ptes[records[i + STRETCH_RECORDS] & REC_PAGE], 1);
		if (record & REC_BUFFERED)
			return i;
		pte = ptes[vpn];
		if (RCL_UNLIKELY((pte & (PTE_PRESENT | is_write << 3)) != PTE_PRESENT))
			return i;
		pte |= PTE_ACCESSED | is_write << 2;
		__asm__("" : "+r"(vpn));
		ptes[vpn] = pte;
	}
	return i;
}

_Static_assert(PTE_WP == 1 << 3 && PTE_DIRTY == 1 << 2, "run_mixed() shifts the write bit to them");

/* Charge the hits of a stretch to the nodes that they went to. */
static void account_hits(struct rcl_machine *m, struct task *task, const uint64_t *nr_by_node)
{
	for (uint32_t nid = 0; nid < m->nr_nodes; nid++) {
		if (nr_by_node[nid])
			numa_account_accesses(m, task, nid, nr_by_node[nid]);
	}
}

/*
 * Mapped records of all kinds on a machine of several nodes, where an access costs what its node costs:
 * as run_mixed(), and the node is told from the page frame number.
 */
static uint64_t run_counted(struct rcl_machine *m, struct task *task, uint64_t i, uint64_t end)
{
	uint64_t nr_by_node[RCL_MAX_NODES] = { 0 };
	uint32_t *ptes = task->ptes;

	for (; i < end; i++) {
		uint32_t record = task->records[i], vpn = record & REC_PAGE, is_write = record >> 31, pte;

		if (record & REC_BUFFERED)
			break;
		pte = ptes[vpn];
		if (RCL_UNLIKELY((pte & (PTE_PRESENT | is_write << 3)) != PTE_PRESENT))
			break;
		ptes[vpn] = pte | PTE_ACCESSED | is_write << 2;
		nr_by_node[pfn_to_nid(m, pte >> PTE_SHIFT)]++;
	}
	account_hits(m, task, nr_by_node);
	return i;
}

/* Run mapped hits from `i`; answers the first record that is something else, or `end`. */
static uint64_t run_hits(struct rcl_machine *m, struct task *task, uint64_t i, uint64_t end, struct stretch *stretch)
{
	if (m->nr_nodes > 1)
		return run_counted(m, task, i, end);
	while (i < end) {
		uint64_t stop, reached;

		if (i >= stretch->end)
			*stretch = next_stretch(task, i);
		stop = stretch->end < end ? stretch->end : end;
		if (stretch->is_plain)
			reached = stretch->is_far ? run_plain_far(task->ptes, task->records, i, stop)
						  : run_plain_near(task->ptes, task->records, i, stop);
		else
			reached = stretch->is_far ? run_mixed(task->ptes, task->records, i, stop, true)
						  : run_mixed(task->ptes, task->records, i, stop, false);
		if (reached < stop)
			return reached;
		i = reached;
	}
	return i;
}

/* Fetch what a buffered record some way ahead will touch. */
static inline void prefetch_buffered(struct rcl_machine *m, const struct task *task, uint64_t i)
{
	const struct file_span *span = &task->spans[task->last_span];
	const uint64_t *slots = m->files[span->file].slots;
	uint32_t page = (task->records[i + PREFETCH_SLOTS] & REC_PAGE) - span->first;
	uint64_t slot;

	if (page < span->nr_pages)
		__builtin_prefetch(&slots[page]);
	page = (task->records[i + PREFETCH_FOLIOS] & REC_PAGE) - span->first;
	if (page >= span->nr_pages)
		return;
	slot = slots[page];
	if (slot && !slot_is_shadow(slot))
		__builtin_prefetch(folio_at(m, slot_pfn(slot)));
}

/* Up to where a task may run before somebody else is due. A fault may wake an actor, so that this
 * is asked anew after each. */
static inline uint64_t turn_end(const struct rcl_machine *m)
{
	return least(least(m->turn_ns, m->pause_ns), m->next_due_ns);
}

/* Run buffered records from `i` while they are buffered and succeed. */
static uint64_t run_buffered(struct rcl_machine *m, struct task *task, uint64_t i, uint64_t end)
{
	for (; i < end; i++) {
		uint32_t record = task->records[i];

		if (!(record & REC_BUFFERED))
			break;
		if (i + PREFETCH_SLOTS < task->nr_records)
			prefetch_buffered(m, task, i);
		if (!pagecache_access(m, task, record & REC_PAGE, record & REC_WRITE))
			break;
		task->clock_ns += task->ns_per_access;
		if (RCL_UNLIKELY(m->any_eject_pending || task->nr_over_high || task->clock_ns >= turn_end(m)))
			return i + 1;
	}
	return i;
}

/* In debug builds: every step leaves the core consistent, or this is our bug. */
#ifdef RCL_DEBUG
static void check_step(const struct rcl_machine *m)
{
	char message[256];

	if (rcl_check(m, message, sizeof(message)) == RCL_OK)
		return;
	fprintf(stderr, "broken invariant after record %llu: %s\n", (unsigned long long)m->nr_records, message);
	abort();
}
#else
static inline void check_step(const struct rcl_machine *m)
{
	(void)m;
}
#endif

/* Fetch the slot that a fault on a page that is not present will read first. */
static inline void prefetch_fault(struct rcl_machine *m, const struct task *task, uint32_t vpn)
{
	uint32_t pte = task->ptes[vpn];
	const struct vma *vma = &task->vmas[task->last_vma];

	if (pte & PTE_PRESENT)
		return;
	if (pte & PTE_SWAP)
		swap_prefetch(m, pte >> PTE_SHIFT);
	else if (vma->flags & RCL_MAPPING_FILE && vpn - vma->first < vma->nr_pages)
		__builtin_prefetch(&m->files[vma->file].slots[vma->file_page + (vpn - vma->first)], 1);
}

/* After a fault at record `i`, look at the records that follow, each once. */
static uint64_t prefetch_faults(struct rcl_machine *m, const struct task *task, uint64_t i, uint64_t looked)
{
	uint64_t end = i + PREFETCH_FAULTS < task->nr_records ? i + PREFETCH_FAULTS : task->nr_records;

	for (looked = looked > i ? looked : i; looked < end; looked++) {
		if (!(task->records[looked] & REC_BUFFERED))
			prefetch_fault(m, task, task->records[looked] & REC_PAGE);
	}
	return looked;
}

/* The access that a fault was for. */
static void account_faulted(struct rcl_machine *m, struct task *task, uint32_t vpn)
{
	uint32_t pte = task->ptes[vpn];

	task->clock_ns += task->ns_per_access;
	if (m->nr_nodes > 1 && pte & PTE_PRESENT)
		numa_account_accesses(m, task, pfn_to_nid(m, pte >> PTE_SHIFT), 1);
}

/* The end of the hits from `i` that begin before the task's turn is over. */
static inline uint64_t end_of_hits(const struct rcl_machine *m, const struct task *task, uint64_t i, uint64_t end,
				   uint64_t most_ns)
{
	uint64_t left_ns = least(turn_end(m), task->numa.next_scan_ns) - task->clock_ns, wanted_ns;

	/* A product instead of a quotient: nearly always all of them do. */
	if (!__builtin_mul_overflow(end - i, most_ns, &wanted_ns) && RCL_LIKELY(wanted_ns <= left_ns))
		return end;
	return i + (left_ns - 1) / most_ns + 1;
}

/* Run records until `end` of the chunk or of the task's turn; false: killed or interrupted. */
static bool run_until(struct rcl_machine *m, struct task *task, uint64_t end)
{
	uint64_t i = task->position, looked = i;
	const uint64_t most_ns = task->ns_per_access + m->nodes[task->nid].farthest_ns;
	struct stretch stretch = { .end = i };
	bool is_done = true;

	while (i < end && task->clock_ns < turn_end(m)) {
		uint64_t stop, reached;

		if (RCL_UNLIKELY(task->clock_ns >= task->numa.next_scan_ns)) {
			numa_scan_tick(m, task);
			continue;
		}
		stop = end_of_hits(m, task, i, end, most_ns);
		reached = run_hits(m, task, i, stop, &stretch);
		task->clock_ns += (reached - i) * task->ns_per_access;
		i = reached;
		if (i == stop)
			continue;
		if (task->records[i] & REC_BUFFERED) {
			reached = run_buffered(m, task, i, task->numa.next_scan_ns == UINT64_MAX ? end : i + 1);
			is_done = reached > i || (m->interrupted == false && task->state == RCL_TASK_RUNNABLE);
			i = reached;
		} else {
			looked = prefetch_faults(m, task, i + 1, looked);
			is_done = fault_page(m, task, task->records[i] & REC_PAGE, task->records[i] & REC_WRITE);
			if (is_done)
				account_faulted(m, task, task->records[i++] & REC_PAGE);
		}
		if (RCL_UNLIKELY(task->nr_over_high))
			high_handle(m, task);
		policy_run_ejections(m);
		check_step(m);
		if (!is_done || task->state != RCL_TASK_RUNNABLE)
			break;
	}
	m->nr_records += i - task->position;
	task->position = i;
	return is_done;
}

/* The runnable task that is furthest behind, and the clock of the next one. */
static struct task *pick_task(const struct rcl_machine *m, uint64_t *next_ns)
{
	struct task *first = NULL;

	*next_ns = UINT64_MAX;
	for (uint32_t i = 0; i < m->nr_tasks; i++) {
		struct task *task = m->tasks[i];

		if (task->state != RCL_TASK_RUNNABLE)
			continue;
		if (!first || task->clock_ns < first->clock_ns) {
			*next_ns = first ? first->clock_ns : UINT64_MAX;
			first = task;
		} else if (task->clock_ns < *next_ns) {
			*next_ns = task->clock_ns;
		}
	}
	return first;
}

/*
 * The task to run now. A turn outlasts polls, chunks and interrupted runs, so that tasks interleave
 * the same way however their traces are cut.
 */
static struct task *choose_task(struct rcl_machine *m)
{
	uint64_t next_ns;

	if (m->turn && m->turn->state == RCL_TASK_RUNNABLE && m->turn->clock_ns < m->turn_ns)
		return m->turn;
	m->turn = pick_task(m, &next_ns);
	m->turn_ns = next_ns == UINT64_MAX ? UINT64_MAX : next_ns + m->config.slice_ns + 1;
	return m->turn;
}

static void end_chunk(struct rcl_machine *m, struct task *task)
{
	task->state = task->is_last_chunk ? RCL_TASK_ENDED : RCL_TASK_IDLE;
	if (task->is_last_chunk) {
		batches_drain(m, task);
		psi_task_ends(m, task);
	}
}

static bool report_progress(struct rcl_machine *m, const struct rcl_run_control *control)
{
	uint64_t step = control->progress_records ? control->progress_records : PROGRESS_RECORDS;

	if (!control->progress || m->nr_records < m->next_progress)
		return true;
	m->next_progress = m->nr_records + step;
	return control->progress(control->user, m->nr_records) == 0;
}

/* Let the actors catch up with the task whose turn it is. */
static void run_actors(struct rcl_machine *m)
{
	events_run_due(m);
	policy_run_ejections(m);
	check_step(m);
}

/* Run slices until a task is dry or nothing is runnable. */
static int run_tasks(struct rcl_machine *m, struct rcl_run_control *control)
{
	m->pause_ns = control->pause_ns ? control->pause_ns : UINT64_MAX;
	for (;;) {
		struct task *task = choose_task(m);
		uint64_t end;

		control->dry_task = -1;
		control->is_paused = 0;
		if (!task)
			return RCL_OK;
		end = task->nr_records - task->position > POLL_RECORDS ? task->position + POLL_RECORDS : task->nr_records;
		m->current = task;
		m->clock = &task->clock_ns;
		m->running = task;
		if (m->next_due_ns > task->clock_ns)
			run_until(m, task, end);
		else
			run_actors(m);
		m->running = NULL;
		if (task->state == RCL_TASK_KILLED)
			oom_reap(m, task);
		if (task->state == RCL_TASK_RUNNABLE && task->position == task->nr_records)
			end_chunk(m, task);
		if (task->state == RCL_TASK_IDLE)
			control->dry_task = (int32_t)task->number;
		if (is_interrupted(m) || !report_progress(m, control))
			return RCL_INTERRUPTED;
		control->is_paused = task->clock_ns >= m->pause_ns;
		if (control->dry_task >= 0 || control->is_paused)
			return RCL_OK;
	}
}

int rcl_run(struct rcl_machine *m, struct rcl_run_control *control)
{
	int status;

	if (!m->has_default)
		return machine_error(m, RCL_BAD_ARGUMENT, "the machine has no default policy");
	m->interrupt = control->interrupt;
	m->interrupted = false;
	status = run_tasks(m, control);
	if (status == RCL_INTERRUPTED)
		machine_error(m, status, "interrupted after %llu records", (unsigned long long)m->nr_records);
	if (*m->clock > m->setup_clock_ns)
		m->setup_clock_ns = *m->clock;
	m->clock = &m->setup_clock_ns;
	m->current = NULL;
	m->interrupt = NULL;
	m->interrupted = false;
	return status;
}
