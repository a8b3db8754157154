/*
 * memory.high, see high.h. Models mem_cgroup_handle_over_high() and its helpers (mm/memcontrol.c
 * v6.12).
 *
 * SIMPLIFIED: no memory.swap.high; effect: nobody waits for swapping too much.
 */
#include "high.h"

#include "direct.h"
#include "events.h"
#include "hooks.h"
#include "memcg.h"

#define CHARGE_BATCH 64			/* MEMCG_CHARGE_BATCH, include/linux/memcontrol.h v6.12 */
#define LEAST_RECLAIM_PAGES 32		/* SWAP_CLUSTER_MAX, include/linux/swap.h: of a second try */
#define PRECISION_SHIFT 20		/* MEMCG_DELAY_PRECISION_SHIFT, mm/memcontrol.c v6.12 */
#define SCALING_SHIFT 14		/* MEMCG_DELAY_SCALING_SHIFT, mm/memcontrol.c v6.12 */
#define HIGH_HZ 250				/* CONFIG_HZ of Debian's and most distributions' kernels */
#define HIGH_TICK_NS (UINT64_C(1000000000) / HIGH_HZ)
#define MAX_DELAY_NS (2 * HIGH_HZ * HIGH_TICK_NS)	/* MEMCG_MAX_HIGH_DELAY_JIFFIES, mm/memcontrol.c v6.12 */
#define LEAST_DELAY_NS (HIGH_HZ / 100 * HIGH_TICK_NS)	/* shorter ones are not worth a sleep, mm/memcontrol.c v6.12 */

void high_note_charge(struct rcl_machine *m, struct task *task, uint32_t nr_pages)
{
	for (struct memcg *memcg = task->memcg; memcg; memcg = memcg_parent(memcg)) {
		if (RCL_LIKELY(memcg->pub.usage <= memcg->pub.high))
			continue;
		task->nr_over_high += nr_pages;
		break;
	}
	/* Who has gone far beyond is not let on before it has reclaimed. */
	if (task->nr_over_high > CHARGE_BATCH)
		high_handle(m, task);
}

/* The largest excess over all ancestors, in 1/2^20 of their high (mem_find_max_overage()). */
static uint64_t find_max_overage(const struct memcg *memcg)
{
	uint64_t largest = 0;

	for (; memcg && memcg_parent(memcg); memcg = memcg_parent(memcg)) {
		uint64_t high = memcg->pub.high ? memcg->pub.high : 1, overage;

		if (memcg->pub.usage <= memcg->pub.high)
			continue;
		overage = ((memcg->pub.usage - memcg->pub.high) << PRECISION_SHIFT) / high;
		largest = overage > largest ? overage : largest;
	}
	return largest;
}

/* calculate_high_delay(): grows with the square of the excess, and with what the task itself charged. */
static uint64_t kernel_delay_ns(uint64_t overage, uint64_t nr_pages)
{
	__extension__ unsigned __int128 square = (__extension__ (unsigned __int128)overage) * overage * HIGH_HZ;
	uint64_t ticks = square >> (PRECISION_SHIFT + SCALING_SHIFT) > MAX_DELAY_NS
				 ? MAX_DELAY_NS
				 : (uint64_t)(square >> (PRECISION_SHIFT + SCALING_SHIFT));

	return ticks * nr_pages / CHARGE_BATCH * HIGH_TICK_NS;
}

static uint64_t delay_ns(struct rcl_machine *m, struct task *task, uint64_t nr_pages)
{
	uint64_t overage = find_max_overage(task->memcg), ns;
	struct lruvec *lruvec = task_lruvec(task);

	if (overage == 0)
		return 0;
	ns = lruvec->att->ops.high_delay ? ask_high_delay(m, lruvec, overage, nr_pages)
					 : kernel_delay_ns(overage, nr_pages);
	return ns < MAX_DELAY_NS ? ns : MAX_DELAY_NS;
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

			events_sleep(m, ns);
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
