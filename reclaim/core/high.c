/*
 * memory.high, see high.h. Models mem_cgroup_handle_over_high() and its helpers (mm/memcontrol.c
 * v6.12).
 *
 * SIMPLIFIED: memory.swap.events is not counted; effect: none.
 */
#include "high.h"

#include "direct.h"
#include "events.h"
#include "hooks.h"
#include "memcg.h"
#include "write_rate.h"

#define CHARGE_BATCH 64			/* MEMCG_CHARGE_BATCH, include/linux/memcontrol.h v6.12 */
#define LEAST_RECLAIM_PAGES 32		/* SWAP_CLUSTER_MAX, include/linux/swap.h: of a second try */
#define PRECISION_SHIFT 20		/* MEMCG_DELAY_PRECISION_SHIFT, mm/memcontrol.c v6.12 */
#define SCALING_SHIFT 14		/* MEMCG_DELAY_SCALING_SHIFT, mm/memcontrol.c v6.12 */
#define MAX_DELAY_NS (2 * HZ * JIFFY_NS)	/* MEMCG_MAX_HIGH_DELAY_JIFFIES, mm/memcontrol.c v6.12 */
#define LEAST_DELAY_NS (HZ / 100 * JIFFY_NS)	/* shorter ones are not worth a sleep, mm/memcontrol.c v6.12 */

void high_note_charge(struct rcl_machine *m, struct task *task, uint32_t nr_pages, bool may_wait)
{
	for (struct memcg *memcg = task->memcg; memcg; memcg = memcg_parent(memcg)) {
		if (RCL_LIKELY(memcg->pub.usage <= memcg->pub.high && memcg->pub.swap_usage <= memcg->swap_high))
			continue;
		task->nr_over_high += nr_pages;
		break;
	}
	/* Who has gone far beyond is not let on before it has reclaimed. */
	if (may_wait && task->nr_over_high > CHARGE_BATCH)
		high_handle(m, task);
}

/* calculate_overage(): in 1/2^20 of what is allowed. */
static uint64_t overage_of(uint64_t usage, uint64_t high)
{
	return usage > high ? ((usage - high) << PRECISION_SHIFT) / (high ? high : 1) : 0;
}

static uint64_t most(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* The largest excess over all ancestors (mem_find_max_overage()). */
static uint64_t find_max_overage(const struct memcg *memcg)
{
	uint64_t largest = 0;

	for (; memcg && memcg_parent(memcg); memcg = memcg_parent(memcg))
		largest = most(largest, overage_of(memcg->pub.usage, memcg->pub.high));
	return largest;
}

/* swap_find_max_overage() */
static uint64_t find_max_swap_overage(const struct memcg *memcg)
{
	uint64_t largest = 0;

	for (; memcg && memcg_parent(memcg); memcg = memcg_parent(memcg))
		largest = most(largest, overage_of(memcg->pub.swap_usage, memcg->swap_high));
	return largest;
}

/* calculate_high_delay(): grows with the square of the excess, and with what the task itself charged. The square wraps
 * where 256 times what is allowed is used, as there: who is held to nothing may go on at once now and then. */
static uint64_t kernel_delay_ns(uint64_t overage, uint64_t nr_pages)
{
	uint64_t jiffies = overage * overage * HZ >> (PRECISION_SHIFT + SCALING_SHIFT);

	return least(jiffies * nr_pages / CHARGE_BATCH, MAX_DELAY_NS / JIFFY_NS) * JIFFY_NS;
}

static uint64_t delay_of(struct rcl_machine *m, struct task *task, uint64_t overage, uint64_t nr_pages)
{
	struct lruvec *lruvec = task_lruvec(task);

	if (overage == 0)
		return 0;
	return lruvec->att->ops.high_delay ? least(ask_high_delay(m, lruvec, overage, nr_pages), MAX_DELAY_NS)
					   : kernel_delay_ns(overage, nr_pages);
}

static uint64_t delay_ns(struct rcl_machine *m, struct task *task, uint64_t nr_pages)
{
	uint64_t ns = delay_of(m, task, find_max_overage(task->memcg), nr_pages);

	return least(ns + delay_of(m, task, find_max_swap_overage(task->memcg), nr_pages), MAX_DELAY_NS);
}

/* Every ancestor above its high gives something (reclaim_high()). */
static uint64_t reclaim_high(struct rcl_machine *m, struct memcg *memcg, uint64_t nr_pages)
{
	uint64_t nr_reclaimed = 0;

	for (; memcg && memcg_parent(memcg) && !m->interrupted; memcg = memcg_parent(memcg)) {
		if (memcg->pub.usage <= memcg->pub.high)
			continue;
		memcg_count_event(memcg, RCL_MEMORY_EVENTS_HIGH);
		nr_reclaimed += direct_reclaim_memcg(m, memcg, nr_pages, RCL_ORIGIN_MEMCG_HIGH);
	}
	return nr_reclaimed;
}

void high_handle(struct rcl_machine *m, struct task *task)
{
	uint64_t nr_pages = task->nr_over_high, nr_wanted = nr_pages;
	uint32_t retries = MAX_RECLAIM_RETRIES;

	task->nr_over_high = 0;
	while (task->state != RCL_TASK_KILLED && !m->interrupted) {
		uint64_t nr_reclaimed = reclaim_high(m, task->memcg, nr_wanted), ns = delay_ns(m, task, nr_pages);

		if (ns <= LEAST_DELAY_NS)
			return;
		nr_wanted = LEAST_RECLAIM_PAGES;
		if (nr_reclaimed == 0 && retries-- == 0) {
			uint64_t start_ns = stall_begin(m, task, RCL_STALL_RECLAIM, true);

			events_sleep_until(m, timer_ns(m, ns / JIFFY_NS));
			stall_record(m, task, RCL_STALL_RECLAIM, start_ns, true);
			return;
		}
	}
}

void high_enforce(struct rcl_machine *m, struct memcg *memcg)
{
	uint32_t retries = MAX_RECLAIM_RETRIES;

	if (memcg->pub.usage > memcg->pub.high)
		memcg_drain_stocks(m, memcg);
	while (memcg->pub.usage > memcg->pub.high && !m->interrupted) {
		uint64_t nr = memcg->pub.usage - memcg->pub.high;

		if (!direct_reclaim_memcg(m, memcg, nr, RCL_ORIGIN_MEMCG_HIGH) && retries-- == 0)
			return;
	}
}
