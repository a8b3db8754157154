/*
 * Dirty limits, see dirty.h. Models balance_dirty_pages() (mm/page-writeback.c v6.12).
 *
 * SIMPLIFIED: one device at a time: no limits per device (wb_thresh), no strict limits, no bytes;
 * effect: writers to a slow device are slowed as late as those to a fast one.
 * SIMPLIFIED: a limit that falls holds at once, the kernel's falls slowly (update_dirty_limit()); effect: where free
 * memory vanishes quickly, writers pause earlier.
 */
#include "dirty.h"

#include "device.h"
#include "events.h"
#include "flusher.h"
#include "memcg.h"
#include "rstat.h"
#include "stats.h"
#include "trace.h"
#include "write_rate.h"

#define MAX_PAUSE 50				/* mm/page-writeback.c v6.12, HZ/5; this and the next in jiffies */
#define TARGET_PAUSE 2				/* wb_min_pause(), the same: 10 ms */
#define POLL_PAGES 32				/* DIRTY_POLL_THRESH, the same */
#define BANDWIDTH_SHARE 32			/* of a second, wb_max_pause(): roundup_pow_of_two(1 + HZ / 8) */
#define HZ_SHIFT 8				/* roundup_pow_of_two(HZ) */
#define CHUNK_PAGES 1024			/* MIN_WRITEBACK_PAGES, fs/fs-writeback.c v6.12: 4 MiB */
#define DIRTY_SCOPE 8				/* include/linux/writeback.h v6.12 */
#define STAT_ERROR 8				/* wb_stat_error() of one CPU, the same */
#define RATIO_SHIFT 10				/* RATELIMIT_CALC_SHIFT, mm/page-writeback.c v6.12 */

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

/* mem_cgroup_wb_stats() and mdtc_calc_avail(): its page cache, and what it may still get of the rest. How much is dirty
 * is as old as other sums over a subtree (rstat.h). */
static struct domain memcg_domain(struct rcl_machine *m, const struct memcg *memcg)
{
	uint64_t nr_cached = nr_file_pages(m, memcg), headroom = RCL_MAX_PAGES, nr_clean, nr_clean_elsewhere;
	struct domain domain = { 0 };

	domain.nr_dirty = rstat_memcg_pages(m, memcg, RSTAT_FILE_DIRTY);
	domain.nr_pending = domain.nr_dirty + rstat_memcg_pages(m, memcg, RSTAT_WRITEBACK);
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

static uint64_t setpoint(const struct domain *domain)
{
	return (freerun(domain) + domain->limit) / 2;
}

/* A cubic curve from 2 at freerun over 1 at the setpoint to 0 at the limit (pos_ratio_polynom()). */
static uint64_t position_curve(const struct domain *domain)
{
	int64_t middle = (int64_t)setpoint(domain), x, ratio;

	x = (middle - (int64_t)domain->nr_pending) * (1 << RATIO_SHIFT) / (((int64_t)domain->limit - middle) | 1);
	ratio = (x * x >> RATIO_SHIFT) * x / (1 << RATIO_SHIFT) + (1 << RATIO_SHIFT);
	return ratio < 0 ? 0 : ratio > 2 << RATIO_SHIFT ? 2 << RATIO_SHIFT : (uint64_t)ratio;
}

/* By how much the rate is scaled, 1024 for not at all: the curve; a little more where the device has less than its
 * setpoint to write, and up to eight times where it has less than half of the limit (wb_position_ratio()). */
static uint64_t position_ratio(const struct domain *domain, uint64_t nr_of_device, const struct device *device)
{
	uint64_t ratio, span = 8 * device->write_rate.avg_write_bandwidth, end = setpoint(domain) + span;
	uint64_t half = domain->limit / 2;

	if (domain->nr_pending >= domain->limit)
		return 0;
	ratio = position_curve(domain);
	ratio = nr_of_device < end - span / 4 ? ratio * (end - nr_of_device) / (span | 1) : ratio / 4;
	if (nr_of_device >= half)
		return ratio;
	return nr_of_device > half / 8 ? ratio * half / nr_of_device : ratio * 8;
}

/* After how many more pages to look again: the square root of the room (dirty_poll_interval()). */
static uint32_t poll_interval(const struct domain *domain)
{
	uint64_t room = minus(domain->limit, domain->nr_pending);

	return room ? UINT32_C(1) << ((63 - (uint32_t)__builtin_clzll(room)) / 2) : 1;
}

static bool is_over(const struct domain *domain)
{
	return domain->nr_dirty > domain->background;
}

bool dirty_is_over_background(struct rcl_machine *m)
{
	struct domain domain = machine_domain(m);

	for (uint32_t i = 1; i < m->nr_memcgs && !is_over(&domain); i++) {
		if (m->memcgs[i]->nr_dirty == 0)
			continue;
		domain = memcg_domain(m, m->memcgs[i]);
		if (m->memcgs[i]->nr_dirty > domain.background)	/* wb_stat(), which is exact */
			return true;
	}
	return is_over(&domain);
}

uint32_t dirty_chunk_pages(struct rcl_machine *m, const struct device *device, uint64_t nr_pages)
{
	struct domain domain = machine_domain(m);
	uint64_t most = least(device->write_rate.avg_write_bandwidth / 2, domain.limit / DIRTY_SCOPE);

	return (uint32_t)((least(most, nr_pages) + CHUNK_PAGES) / CHUNK_PAGES * CHUNK_PAGES);
}

/* A writer's pause, by the limit that is nearer (the locals of balance_dirty_pages()); jiffies, pages. */
struct pause {
	uint64_t ratelimit;		/* pages per second */
	int64_t period;
	int64_t pause;
	int64_t most;
	int64_t least;
	uint32_t nr_dirtied_pause;	/* when to look again after it */
};

/* wb_max_pause() */
static int64_t max_pause(const struct device *device, uint64_t nr_of_device)
{
	uint64_t most = nr_of_device / (1 + device->write_rate.avg_write_bandwidth / BANDWIDTH_SHARE) + 1;

	return (int64_t)least(most, MAX_PAUSE);
}

static uint32_t log2_of(uint64_t x)
{
	return 63 - (uint32_t)__builtin_clzll(x);
}

/* wb_min_pause(): pauses should take 10 ms, and are saved up until they take half of that. */
static void set_min_pause(const struct device *device, struct pause *pause)
{
	const struct write_rate *rate = &device->write_rate;
	uint32_t high = log2_of(rate->avg_write_bandwidth), low = log2_of(rate->dirty_ratelimit);
	int64_t limit = (int64_t)rate->dirty_ratelimit, t = TARGET_PAUSE, pages;

	if (high > low)
		t += (high - low) * 10 * HZ / 1024;
	if (t > 1 + pause->most / 2)
		t = 1 + pause->most / 2;
	pages = limit * t >> HZ_SHIFT;
	if (pages < POLL_PAGES) {
		t = pause->most;
		pages = limit * t >> HZ_SHIFT;
		if (pages > POLL_PAGES) {
			pages = POLL_PAGES;
			t = HZ * POLL_PAGES / limit;
		}
	}
	if (HZ * pages / ((int64_t)pause->ratelimit + 1) > pause->most) {
		t = pause->most;
		pages = (int64_t)pause->ratelimit * t >> HZ_SHIFT;
	}
	pause->nr_dirtied_pause = (uint32_t)pages;
	pause->least = pages >= POLL_PAGES ? 1 + t / 2 : t;
}

/* Until when the task should not have come back: as long as its pages take at its rate, less what it thought. */
static struct pause find_pause(const struct rcl_machine *m, const struct task *task, const struct device *device,
			       uint64_t ratio, uint64_t nr_of_device)
{
	struct pause pause = { .ratelimit = device->write_rate.dirty_ratelimit * ratio >> RATIO_SHIFT,
			       .most = max_pause(device, nr_of_device) };

	set_min_pause(device, &pause);
	if (pause.ratelimit == 0) {
		pause.period = pause.pause = pause.most;
		pause.least = 0;
		return pause;
	}
	pause.period = (int64_t)(HZ * (uint64_t)task->nr_dirtied / pause.ratelimit);
	pause.pause = pause.period;
	if (task->dirty_paused_jiffies)
		pause.pause -= (int64_t)(now_jiffies(m) - task->dirty_paused_jiffies);
	return pause;
}

static void trace_pause(struct rcl_machine *m, const struct task *task, const struct domain *domain,
			const struct pause *pause)
{
	int64_t asleep = pause->pause < pause->least ? 0 : pause->pause;
	uint64_t jiffy_ms = JIFFY_NS / 1000000, since = task->dirty_paused_jiffies;

	TRACE(m, task->memcg, balance_dirty_pages, .limit = domain->limit, .setpoint = setpoint(domain),
	      .dirty = domain->nr_pending, .task_ratelimit = pause->ratelimit * (RCL_PAGE_BYTES / 1024),
	      .dirtied = task->nr_dirtied, .dirtied_pause = task->nr_dirtied_pause,
	      .pause = (uint64_t)asleep * jiffy_ms, .period = (uint64_t)pause->period * jiffy_ms,
	      .think = since ? (now_jiffies(m) - since) * jiffy_ms : 0);
}

/* Too short a pause is left for later, and pages that would take less than a jiffy wait for more of them. */
static void skip_pause(const struct rcl_machine *m, struct task *task, const struct pause *pause)
{
	if (pause->pause < -(int64_t)HZ) {
		task->dirty_paused_jiffies = now_jiffies(m);
		task->nr_dirtied = 0;
	} else if (pause->period) {
		task->dirty_paused_jiffies += (uint64_t)pause->period;
		task->nr_dirtied = 0;
	} else if (task->nr_dirtied_pause <= task->nr_dirtied) {
		task->nr_dirtied_pause += task->nr_dirtied;
	}
}

/* The task's virtual time runs ahead by the pause, and by what is beyond the longest one. */
static void take_pause(struct rcl_machine *m, struct task *task, const struct pause *pause)
{
	int64_t jiffies = pause->pause > pause->most ? pause->most : pause->pause;
	uint64_t paused = now_jiffies(m) + least((uint64_t)(pause->pause - jiffies), (uint64_t)pause->most);
	uint64_t start_ns = *m->clock;

	count(task_lruvec(task), RCL_BALANCE_DIRTY_PAUSED, 1);
	stall_begin(m, task, RCL_STALL_IO, false);
	events_sleep_until(m, timer_ns(m, (uint64_t)jiffies));
	stall_record(m, task, RCL_STALL_IO, start_ns, false);
	task->dirty_paused_jiffies = paused + (uint64_t)jiffies;
	task->nr_dirtied = 0;
	task->nr_dirtied_pause = pause->nr_dirtied_pause;
}

static struct rate_domain rate_domain(const struct domain *domain, uint64_t ratio)
{
	return (struct rate_domain){ .nr_pending = domain->nr_pending, .setpoint = setpoint(domain),
				     .position_ratio = ratio };
}

/* Nobody pauses below both limits' freerun; the next look is due after the square root of the room. */
static void run_free(const struct rcl_machine *m, struct task *task, const struct domain *own,
		     const struct domain *whole)
{
	uint32_t next = poll_interval(own), other = poll_interval(whole);

	task->nr_dirtied_pause = next < other ? next : other;
	task->dirty_paused_jiffies = now_jiffies(m);
	task->nr_dirtied = 0;
}

/* What the device has of this memcg alone (wb_stat()). */
static uint64_t nr_of_writer(const struct rcl_machine *m, const struct memcg *memcg)
{
	return memcg->pub.parent ? memcg->nr_dirty + memcg->nr_writeback : m->nr_dirty + m->nr_writeback;
}

/* wb_dirty_exceeded() */
static bool is_exceeded(const struct domain *domain, uint64_t nr_own)
{
	return domain->nr_pending > domain->limit && nr_own > domain->limit;
}

/* Hold a writer to its rate by the limit that is nearer; false: it has to be looked at again. */
static bool throttle_writer(struct rcl_machine *m, struct task *task, struct device *device, const struct domain *own,
			    const struct domain *whole)
{
	uint64_t nr_own = nr_of_writer(m, task->memcg), own_ratio = position_ratio(own, nr_own, device);
	uint64_t ratio = position_ratio(whole, nr_own, device);
	const struct domain *nearer = own_ratio < ratio ? own : whole;
	struct rate_domain domains[] = { rate_domain(whole, ratio), rate_domain(own, own_ratio) };
	struct pause pause;

	m->flusher.is_exceeded = is_exceeded(whole, nr_own) || is_exceeded(own, nr_own);
	write_rate_update(m, device, domains, task->memcg->pub.parent ? 2 : 1);
	pause = find_pause(m, task, device, least(own_ratio, ratio), nr_own);
	trace_pause(m, task, nearer, &pause);
	if (pause.pause < pause.least) {
		skip_pause(m, task, &pause);
		return true;
	}
	take_pause(m, task, &pause);
	return pause.ratelimit != 0 || nr_own <= STAT_ERROR || m->interrupted || task->state != RCL_TASK_RUNNABLE;
}

void dirty_balance(struct rcl_machine *m, struct task *task, const struct file *file)
{
	struct device *device = device_of_file(m, file);

	do {
		struct domain whole = machine_domain(m), own = task->memcg->pub.parent ? memcg_domain(m, task->memcg) : whole;
		bool is_free = own.nr_pending <= freerun(&own) && whole.nr_pending <= freerun(&whole);

		if (is_over(&whole) || !is_free)
			flusher_wake_background(m);
		if (is_free) {
			run_free(m, task, &own, &whole);
			return;
		}
		if (throttle_writer(m, task, device, &own, &whole))
			return;
	} while (true);
}
