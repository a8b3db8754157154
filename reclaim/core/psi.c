/*
 * Pressure, see psi.h. Models psi_group_change(), test_states(), calc_avgs() and
 * update_averages() (kernel/sched/psi.c v6.12).
 *
 * SIMPLIFIED: some and full are those of all tasks of a memcg together, the kernel decides them
 * per CPU and averages over CPUs by their busy time; effect: with several tasks some is higher and
 * full lower than on a machine where each has a CPU of its own.
 */
#include "psi.h"

#include <stdlib.h>

#include "psi_trigger.h"

#define QUEUE_CHANGES 2048		/* ours: more stalls than fit into a slice of 3 ms, so that the order is exact */
#define PERIOD_NS (UINT64_C(1000000000) * (2 * HZ + 1) / HZ)	/* PSI_FREQ: 2 s and a tick */
#define FSHIFT 11			/* include/linux/sched/loadavg.h v6.12 */
#define FIXED_1 (UINT64_C(1) << FSHIFT)

/* A change: the time, shifted by CHANGE_SHIFT, and what its source does from then on. */
#define CHANGE_SHIFT 3
#define STALLS_MEMORY 1
#define WAITS_IO 2
#define RUNS 4

bool psi_add_source(struct psi_source *source, struct memcg *memcg, bool is_kthread)
{
	source->memcg = memcg;
	source->is_kthread = is_kthread;
	source->queue = malloc(QUEUE_CHANGES * sizeof(*source->queue));
	return source->queue != NULL;
}

void psi_free_source(struct psi_source *source)
{
	free(source->queue);
}

void psi_init_group(struct memcg *memcg, uint64_t ns)
{
	memcg->psi.last_ns = ns;
	memcg->psi.next_update_ns = ns + PERIOD_NS;
	memcg->psi.poll.memcg = memcg;
	memcg->psi.poll.look_ns = RCL_NEVER;
}

/* calc_load(): the old value decays, the new one has the rest; rounded away from zero while it rises. */
static uint64_t decay_load(uint64_t load, uint64_t factor, uint64_t active)
{
	uint64_t sum = load * factor + active * (FIXED_1 - factor);

	return (active >= load ? sum + FIXED_1 - 1 : sum) >> FSHIFT;
}

/* calc_avgs(): one period is over. */
static void take_sample(struct psi_group *group)
{
	static const uint64_t factors[] = { 1677, 1981, 2034 };	/* 1/exp(2s/10s), (2s/60s), (2s/300s) */

	for (int state = 0; state < PSI_NR_STATES; state++) {
		uint64_t percent = (group->total_ns[state] - group->sampled_ns[state]) * 100 / PERIOD_NS;

		group->sampled_ns[state] = group->total_ns[state];
		for (int window = 0; window < PSI_NR_WINDOWS; window++)
			group->avg[state][window] = decay_load(group->avg[state][window], factors[window], percent << FSHIFT);
	}
}

static void add_time(struct psi_group *group, uint64_t ns)
{
	for (uint32_t states = group->states; states; states &= states - 1)
		group->total_ns[__builtin_ctz(states)] += ns;
	group->last_ns += ns;
}

/* When somebody looks at a group's times: a sample is due, or a look of its triggers. */
static uint64_t next_stop(const struct psi_group *group)
{
	return group->poll.look_ns < group->next_update_ns ? group->poll.look_ns : group->next_update_ns;
}

/* Bring a group's times up to date. */
static void advance_group(struct psi_group *group, uint64_t ns)
{
	for (uint64_t stop_ns = next_stop(group); stop_ns <= ns; stop_ns = next_stop(group)) {
		if (stop_ns > group->last_ns)
			add_time(group, stop_ns - group->last_ns);
		if (stop_ns == group->poll.look_ns) {
			psi_trigger_look(group, stop_ns);
			continue;
		}
		take_sample(group);
		group->next_update_ns += PERIOD_NS;
	}
	if (ns > group->last_ns)
		add_time(group, ns - group->last_ns);
}

/* test_states(): which states the counts mean. */
static uint32_t states_of(const struct psi_group *group)
{
	uint32_t states = 0;

	if (group->nr_memstall) {
		states |= 1 << PSI_MEM_SOME;
		if (group->nr_running == group->nr_memstall_running)
			states |= 1 << PSI_MEM_FULL;
	}
	if (group->nr_iowait) {
		states |= 1 << PSI_IO_SOME;
		if (group->nr_running == 0)
			states |= 1 << PSI_IO_FULL;
	}
	return states;
}

/* What a source adds to the counts of its groups while it does something (see CHANGE_SHIFT). */
struct share {
	uint32_t nr_running;
	uint32_t nr_memstall;
	uint32_t nr_memstall_running;
	uint32_t nr_iowait;
};

static struct share share_of(uint32_t doing)
{
	uint32_t is_stalled = (doing & STALLS_MEMORY) != 0, is_waiting = (doing & WAITS_IO) != 0;
	uint32_t is_running = doing & RUNS && !is_waiting;

	return (struct share){ .nr_running = is_running, .nr_memstall = is_stalled, .nr_iowait = is_waiting,
			       .nr_memstall_running = is_running & is_stalled };
}

/* A source of the group does something else from now on; counts wrap in between. */
static void change_share(struct psi_group *group, uint32_t from, uint32_t to)
{
	struct share old = share_of(from), new = share_of(to);

	group->nr_running += new.nr_running - old.nr_running;
	group->nr_memstall += new.nr_memstall - old.nr_memstall;
	group->nr_memstall_running += new.nr_memstall_running - old.nr_memstall_running;
	group->nr_iowait += new.nr_iowait - old.nr_iowait;
	group->states = states_of(group);
}

static uint64_t first_change(const struct psi_source *source)
{
	return source->queue[source->head % QUEUE_CHANGES];
}

/* How long a source did what, over changes that follow each other. */
struct doings {
	uint64_t ns[1 << CHANGE_SHIFT];
	uint32_t seen;			/* what it did, as bits */
};

/* Take the changes before `until` and before end_ns off the queue, but at least one. */
static struct doings take_changes(struct psi_source *source, uint64_t until, uint64_t end_ns)
{
	struct doings doings = { .seen = 0 };
	uint64_t change = first_change(source), since_ns = change >> CHANGE_SHIFT, ns = since_ns;

	do {
		doings.ns[source->doing] += ns - since_ns;
		doings.seen |= 1u << source->doing;
		since_ns = ns;
		source->doing = change & ((1 << CHANGE_SHIFT) - 1);
		source->head++;
		if (--source->nr == 0)
			break;
		change = first_change(source);
		ns = change >> CHANGE_SHIFT;
	} while (change < until && ns < end_ns);
	return doings;
}

/*
 * Apply the changes of a source before `until`, up to which no other source has one: so the other counts
 * of its groups stay, and it is enough to know how long this source did what. A stretch ends where somebody
 * looks at a group, and where a group has already got further (see make_room()).
 */
static void apply_changes(struct psi_source *source, uint64_t until)
{
	uint64_t start_ns = first_change(source) >> CHANGE_SHIFT, end_ns = UINT64_MAX;
	uint32_t doing = source->doing;
	struct doings doings;

	for (struct memcg *memcg = source->memcg; memcg; memcg = memcg_parent(memcg)) {
		advance_group(&memcg->psi, start_ns);
		if (memcg->psi.last_ns > start_ns)
			end_ns = start_ns;
		if (next_stop(&memcg->psi) < end_ns)
			end_ns = next_stop(&memcg->psi);
	}
	doings = take_changes(source, until, end_ns);
	for (struct memcg *memcg = source->memcg; memcg; memcg = memcg_parent(memcg)) {
		uint32_t now = doing;

		for (uint32_t seen = doings.seen; seen; seen &= seen - 1) {
			uint32_t next = (uint32_t)__builtin_ctz(seen);

			change_share(&memcg->psi, now, next);
			add_time(&memcg->psi, doings.ns[next]);
			now = next;
		}
		change_share(&memcg->psi, now, source->doing);
	}
}

/* Let the entry at `at` of a heap by first changes sink to its place. */
static void sink_entry(struct psi_source **heap, uint32_t nr, uint32_t at)
{
	struct psi_source *source = heap[at];
	uint64_t change = first_change(source);

	for (;;) {
		uint32_t child = 2 * at + 1;

		if (child + 1 < nr && first_change(heap[child + 1]) < first_change(heap[child]))
			child++;
		if (child >= nr || first_change(heap[child]) >= change)
			break;
		heap[at] = heap[child];
		at = child;
	}
	heap[at] = source;
}

static uint32_t gather_sources(struct rcl_machine *m)
{
	uint32_t nr = 0;

	for (uint32_t i = 0; i < m->nr_tasks; i++) {
		if (m->tasks[i]->psi.nr)
			m->psi_heap[nr++] = &m->tasks[i]->psi;
	}
	for (uint32_t nid = 0; nid < m->nr_nodes; nid++) {
		if (m->nodes[nid].psi.nr)
			m->psi_heap[nr++] = &m->nodes[nid].psi;
	}
	return nr;
}

/* The first change of all sources but the first of the heap, or `until`. */
static uint64_t next_of_others(const struct rcl_machine *m, uint32_t nr, uint64_t until)
{
	for (uint32_t i = 1; i < nr && i <= 2; i++) {
		if (first_change(m->psi_heap[i]) < until)
			until = first_change(m->psi_heap[i]);
	}
	return until;
}

/* Apply the changes of all sources before until_ns, in the order of time. */
static void settle_until(struct rcl_machine *m, uint64_t until_ns)
{
	uint32_t nr = gather_sources(m);

	for (uint32_t i = nr / 2; i-- > 0;)
		sink_entry(m->psi_heap, nr, i);
	while (nr && first_change(m->psi_heap[0]) >> CHANGE_SHIFT < until_ns) {
		apply_changes(m->psi_heap[0], next_of_others(m, nr, until_ns << CHANGE_SHIFT));
		if (m->psi_heap[0]->nr == 0)
			m->psi_heap[0] = m->psi_heap[--nr];
		if (nr)
			sink_entry(m->psi_heap, nr, 0);
	}
}

/* From when on a source may queue changes, at the clock given. */
static uint64_t first_unknown(const struct psi_source *source, uint64_t clock_ns)
{
	return source->begun ? source->begun_ns : clock_ns;
}

/* The clock of the running task that is furthest behind, or where the first stall has begun that is not over. */
static uint64_t frontier_of(const struct rcl_machine *m)
{
	uint64_t frontier_ns = UINT64_MAX;

	for (uint32_t i = 0; i < m->nr_tasks; i++) {
		uint64_t ns = first_unknown(&m->tasks[i]->psi, m->tasks[i]->clock_ns);

		if (m->tasks[i]->psi.is_in_work && ns < frontier_ns)
			frontier_ns = ns;
	}
	for (uint32_t nid = 0; nid < m->nr_nodes; nid++) {
		uint64_t ns = first_unknown(&m->nodes[nid].psi, UINT64_MAX);

		if (ns < frontier_ns)
			frontier_ns = ns;
	}
	return frontier_ns;
}

void psi_settle(struct rcl_machine *m)
{
	settle_until(m, frontier_of(m));
}

/* Have room for two more. A queue that is full, although all is settled that can be, goes ahead of the
 * others: their changes of that time count from where the group has got to. */
static void make_room(struct rcl_machine *m, struct psi_source *source)
{
	if (source->nr + 2 <= QUEUE_CHANGES)
		return;
	psi_settle(m);
	if (source->nr + 2 > QUEUE_CHANGES)
		settle_until(m, (source->last_change >> CHANGE_SHIFT) + 1);
}

static void queue_change(struct psi_source *source, uint64_t ns, uint32_t doing)
{
	source->last_change = ns << CHANGE_SHIFT | doing;
	source->queue[(source->head + source->nr++) % QUEUE_CHANGES] = source->last_change;
}

static uint32_t doing_of(bool is_memory, bool is_io)
{
	return RUNS | (is_memory ? STALLS_MEMORY : 0) | (is_io ? WAITS_IO : 0);
}

static void record_stall(struct rcl_machine *m, struct psi_source *source, uint64_t start_ns, uint64_t end_ns,
			 uint32_t doing)
{
	uint64_t last_ns = source->last_change >> CHANGE_SHIFT;
	uint32_t idle = source->is_kthread ? 0 : RUNS;

	/* A stall within another one is recorded first: what is left of the outer one comes after it. */
	if (start_ns < last_ns)
		start_ns = last_ns;
	if (end_ns <= start_ns || doing == RUNS || !(source->is_kthread || source->is_in_work))
		return;
	queue_change(source, start_ns, doing);
	queue_change(source, end_ns, idle);
	make_room(m, source);
}

void psi_stall_begins(struct rcl_machine *m, struct psi_source *source, uint64_t ns, bool is_memory, bool is_io)
{
	source->begun = doing_of(is_memory, is_io);
	source->begun_ns = ns;
	if (m->has_pressure_hook && is_memory)
		psi_trigger_note_stall(m, source->memcg);
}

void psi_stall(struct rcl_machine *m, struct psi_source *source, uint64_t start_ns, uint64_t end_ns, bool is_memory,
	       bool is_io)
{
	source->begun = 0;
	record_stall(m, source, start_ns, end_ns, doing_of(is_memory, is_io));
}

/* Record the part that is over of a stall that is not. */
static void record_begun(struct rcl_machine *m, struct psi_source *source, uint64_t ns)
{
	if (!source->begun || ns <= source->begun_ns)
		return;
	record_stall(m, source, source->begun_ns, ns, source->begun);
	source->begun_ns = ns;
}

uint64_t psi_settle_now(struct rcl_machine *m)
{
	uint64_t ns = *m->clock, frontier_ns;

	for (uint32_t i = 0; i < m->nr_tasks; i++)
		record_begun(m, &m->tasks[i]->psi, ns);
	for (uint32_t nid = 0; nid < m->nr_nodes; nid++)
		record_begun(m, &m->nodes[nid].psi, ns);
	frontier_ns = frontier_of(m);
	if (frontier_ns < ns)
		ns = frontier_ns;
	settle_until(m, ns);
	for (uint32_t i = 0; i < m->nr_memcgs; i++) {
		if (m->memcgs[i]->psi.poll.look_ns <= ns)
			advance_group(&m->memcgs[i]->psi, ns);
	}
	return ns;
}

void psi_task_runs(struct rcl_machine *m, struct task *task)
{
	if (task->psi.is_in_work)
		return;
	task->psi.is_in_work = true;
	queue_change(&task->psi, task->clock_ns, RUNS);
	make_room(m, &task->psi);
}

void psi_task_ends(struct rcl_machine *m, struct task *task)
{
	if (!task->psi.is_in_work)
		return;
	task->psi.is_in_work = false;
	queue_change(&task->psi, task->clock_ns, 0);
	make_room(m, &task->psi);
}

static uint64_t latest_clock(const struct rcl_machine *m)
{
	uint64_t ns = 0;

	for (uint32_t i = 0; i < m->nr_tasks; i++) {
		if (m->tasks[i]->clock_ns > ns)
			ns = m->tasks[i]->clock_ns;
	}
	return ns;
}

int rcl_pressure(struct rcl_machine *m, uint32_t memcg, uint32_t resource, struct rcl_pressure *out)
{
	uint32_t some = resource == RCL_PRESSURE_IO ? PSI_IO_SOME : PSI_MEM_SOME;
	struct psi_group now;
	uint64_t frontier_ns;

	if (memcg >= m->nr_memcgs || resource > RCL_PRESSURE_IO)
		return RCL_BAD_ARGUMENT;
	psi_settle(m);
	now = m->memcgs[memcg]->psi;
	now.poll.look_ns = RCL_NEVER;	/* a copy: nobody hears of it */
	frontier_ns = frontier_of(m);
	advance_group(&now, frontier_ns == UINT64_MAX ? latest_clock(m) : frontier_ns);
	*out = (struct rcl_pressure){ .some_ns = now.total_ns[some], .full_ns = now.total_ns[some + 1] };
	for (int window = 0; window < PSI_NR_WINDOWS; window++) {
		out->some_avg[window] = now.avg[some][window];
		out->full_avg[window] = now.avg[some + 1][window];
	}
	return RCL_OK;
}

int rcl_psi(struct rcl_machine *m, struct rcl_psi *out)
{
	struct rcl_pressure root;
	int status = rcl_pressure(m, 0, RCL_PRESSURE_MEMORY, &root);

	if (status == RCL_OK)
		*out = (struct rcl_psi){ .some_ns = root.some_ns, .full_ns = root.full_ns, .elapsed_ns = latest_clock(m) };
	return status;
}
