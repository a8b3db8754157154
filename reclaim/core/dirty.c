/*
 * Dirty limits, see dirty.h. Models balance_dirty_pages() (mm/page-writeback.c v6.12).
 *
 * SIMPLIFIED: the rate that writers are held to is the device's bandwidth by the cost table, shared
 * equally among the tasks that wrote in the last second, not an estimate that adapts; effect: pauses are
 * right from the first one, and there is no settling time.
 * SIMPLIFIED: one device at a time: no limits per device (wb_thresh), no strict limits, no bytes;
 * effect: writers to a slow device are slowed as late as those to a fast one.
 */
#include "dirty.h"

#include "device.h"
#include "events.h"
#include "memcg.h"
#include "stats.h"
#include "trace.h"
#include "writeback.h"

#define MAX_PAUSE_NS UINT64_C(200000000)	/* MAX_PAUSE of HZ/5, mm/page-writeback.c v6.12 */
#define MIN_PAUSE_NS UINT64_C(5000000)		/* half of the 10 ms that wb_min_pause() aims at */
#define MS_NS UINT64_C(1000000)
#define SECOND_NS UINT64_C(1000000000)		/* a pause this late is forgotten (balance_dirty_pages()) */
#define RATE_SHIFT 10				/* RATELIMIT_CALC_SHIFT, the same */

/* One set of limits (struct dirty_throttle_control). */
struct domain {
	uint64_t nr_dirty;		/* without what is being written */
	uint64_t nr_pending;		/* with it */
	uint64_t limit;
	uint64_t background;
};

static uint64_t minus(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/* domain_dirty_limits() */
static void set_limits(const struct rcl_machine *m, struct domain *domain, uint64_t nr_available)
{
	domain->limit = nr_available * m->config.dirty_ratio / 100;
	domain->background = nr_available * m->config.dirty_background_ratio / 100;
	if (domain->background >= domain->limit)
		domain->background = domain->limit / 2;
}

static uint64_t nr_file_pages(const struct rcl_machine *m, const struct memcg *top)
{
	uint64_t nr = 0;

	for (uint32_t i = top->order; i < top->order + top->nr_subtree; i++) {
		for (uint32_t nid = 0; nid < m->nr_nodes; nid++)
			nr += m->memcgs[m->memcg_order[i]]->lruvecs[nid].pub.nr_file_pages;
	}
	return nr;
}

/* Free pages beyond the reserve and the page cache (global_dirtyable_memory()). */
static uint64_t nr_dirtyable(const struct rcl_machine *m)
{
	uint64_t nr = 0;

	for (uint32_t nid = 0; nid < m->nr_nodes; nid++)
		nr += minus(m->nodes[nid].pub.nr_free_pages, m->nodes[nid].pub.high_wmark);
	return nr + nr_file_pages(m, m->memcgs[0]);
}

static struct domain machine_domain(const struct rcl_machine *m)
{
	struct domain domain = { .nr_dirty = m->nr_dirty, .nr_pending = m->nr_dirty + m->nr_writeback };

	set_limits(m, &domain, nr_dirtyable(m));
	return domain;
}

/* mem_cgroup_wb_stats() and mdtc_calc_avail(): its page cache, and what it may still get of the rest. */
static struct domain memcg_domain(const struct rcl_machine *m, const struct memcg *memcg)
{
	uint64_t nr_cached = nr_file_pages(m, memcg), headroom = RCL_MAX_PAGES, nr_clean, nr_clean_elsewhere;
	struct domain domain = { 0 };

	for (uint32_t i = memcg->order; i < memcg->order + memcg->nr_subtree; i++) {
		const struct memcg *below = m->memcgs[m->memcg_order[i]];

		domain.nr_dirty += below->nr_dirty;
		domain.nr_pending += below->nr_dirty + below->nr_writeback;
	}
	for (const struct rcl_memcg *pub = &memcg->pub; pub->parent; pub = pub->parent)
		headroom = least(headroom, minus(least(pub->max, pub->high), pub->usage));
	nr_clean = minus(nr_cached, domain.nr_pending);
	nr_clean_elsewhere = minus(minus(nr_dirtyable(m), m->nr_dirty + m->nr_writeback), nr_clean);
	set_limits(m, &domain, nr_cached + least(headroom, nr_clean_elsewhere));
	return domain;
}

static uint64_t freerun(const struct domain *domain)
{
	return (domain->limit + domain->background) / 2;
}

/* By how much the rate is scaled, 1024 for not at all: a cubic curve from 2 at freerun over 1 at the
 * setpoint to 0 at the limit (pos_ratio_polynom()). */
static uint64_t position_ratio(const struct domain *domain)
{
	int64_t setpoint = (int64_t)(freerun(domain) + domain->limit) / 2, x, ratio;
	int64_t room = (int64_t)domain->limit - setpoint;

	if (domain->nr_pending >= domain->limit)
		return 0;
	x = (setpoint - (int64_t)domain->nr_pending) * (1 << RATE_SHIFT) / (room ? room : 1);
	ratio = x * x / (1 << RATE_SHIFT) * x / (1 << RATE_SHIFT) + (1 << RATE_SHIFT);
	return ratio < 0 ? 0 : ratio > 2 << RATE_SHIFT ? 2 << RATE_SHIFT : (uint64_t)ratio;
}

/* After how many more pages to look again: the square root of the room (dirty_poll_interval()). */
static uint32_t poll_interval(const struct domain *domain)
{
	uint64_t room = minus(domain->limit, domain->nr_pending);

	return room ? UINT32_C(1) << ((63 - (uint32_t)__builtin_clzll(room)) / 2) : 1;
}

bool dirty_is_over_background(struct rcl_machine *m, struct memcg *memcg)
{
	struct domain domain = memcg ? memcg_domain(m, memcg) : machine_domain(m);

	return domain.nr_dirty > domain.background;
}

static uint64_t nr_writers(const struct rcl_machine *m, uint64_t now_ns)
{
	uint64_t nr = 0;

	for (uint32_t i = 0; i < m->nr_tasks; i++)
		nr += m->tasks[i]->dirty_pause_ns && m->tasks[i]->dirty_pause_ns + SECOND_NS > now_ns;
	return nr ? nr : 1;
}

static void trace_pause(struct rcl_machine *m, const struct task *task, const struct domain *domain, uint64_t rate,
			uint64_t period_ns, uint64_t since_ns)
{
	TRACE(m, task->memcg, balance_dirty_pages, .limit = domain->limit, .setpoint = (freerun(domain) + domain->limit) / 2,
	      .dirty = domain->nr_pending, .task_ratelimit = rate * (RCL_PAGE_BYTES / 1024), .dirtied = task->nr_dirtied,
	      .dirtied_pause = task->nr_dirtied_pause, .pause = minus(period_ns, since_ns) / MS_NS,
	      .period = period_ns / MS_NS, .think = since_ns / MS_NS);
}

/* Sleep as long as the device needs for what the task wrote, minus the time since its last pause.
 *
 * SIMPLIFIED: a pause is 200 ms at most, the kernel's bound is lower where the device has little to write
 * (wb_max_pause()); effect: writers to a slow device pause less often, and longer.
 */
static void pause_writer(struct rcl_machine *m, struct task *task, const struct domain *domain, uint64_t rate)
{
	uint64_t period_ns = rate ? task->nr_dirtied * SECOND_NS / rate : MAX_PAUSE_NS, now_ns = *m->clock;
	uint64_t since_ns = task->dirty_pause_ns ? minus(now_ns, task->dirty_pause_ns) : 0;

	trace_pause(m, task, domain, rate, period_ns, since_ns);
	if (since_ns > period_ns + SECOND_NS) {
		task->dirty_pause_ns = now_ns;
	} else if (period_ns < since_ns + MIN_PAUSE_NS) {
		task->dirty_pause_ns += task->dirty_pause_ns ? period_ns : now_ns;
	} else {
		count(task_lruvec(task), RCL_BALANCE_DIRTY_PAUSED, 1);
		stall_begin(m, task, RCL_STALL_IO, false);
		events_sleep(m, least(period_ns - since_ns, MAX_PAUSE_NS));
		task->dirty_pause_ns = *m->clock;
		stall_record(m, task, RCL_STALL_IO, now_ns, false);
	}
	task->nr_dirtied = 0;
}

void dirty_balance(struct rcl_machine *m, struct task *task, const struct file *file)
{
	for (;;) {
		struct domain whole = machine_domain(m), own = task->memcg->pub.parent ? memcg_domain(m, task->memcg) : whole;
		bool is_own_free = own.nr_pending <= freerun(&own);
		uint32_t next = poll_interval(&own), other = poll_interval(&whole);
		uint64_t own_ratio, ratio, rate;

		task->nr_dirtied_pause = next < other ? next : other;
		if (whole.nr_dirty > whole.background)
			writeback_wake_background(m, NULL);
		if (is_own_free && whole.nr_pending <= freerun(&whole)) {
			task->nr_dirtied = 0;
			return;
		}
		if (!is_own_free)
			writeback_wake_background(m, task->memcg);
		own_ratio = position_ratio(&own);
		ratio = position_ratio(&whole);
		rate = device_pages_per_second(m, device_of_file(m, file)) * least(own_ratio, ratio) >> RATE_SHIFT;
		rate /= nr_writers(m, *m->clock);
		pause_writer(m, task, own_ratio < ratio ? &own : &whole, rate);
		if (rate || m->interrupted || task->state != RCL_TASK_RUNNABLE)
			return;
	}
}
