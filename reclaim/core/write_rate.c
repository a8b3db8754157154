/*
 * Write rates, see write_rate.h. Models wb_update_write_bandwidth() and wb_update_dirty_ratelimit()
 * (mm/page-writeback.c v6.12).
 */
#include "write_rate.h"

#define INIT_RATE 25600			/* INIT_BW, mm/backing-dev.c v6.12: 100 MB/s, pages per second */
#define INTERVAL_JIFFIES 50		/* BANDWIDTH_INTERVAL, mm/page-writeback.c v6.12: 200 ms */
#define IDLE_JIFFIES HZ			/* WB_BANDWIDTH_IDLE_JIF, the same */
#define PERIOD_SHIFT 10			/* roundup_pow_of_two(3 * HZ) jiffies, over which writes are averaged */
#define RATIO_SHIFT 10			/* RATELIMIT_CALC_SHIFT */

static uint64_t least_of_3(uint64_t a, uint64_t b, uint64_t c)
{
	return least(a, least(b, c));
}

static uint64_t most_of_3(uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t most = a > b ? a : b;

	return most > c ? most : c;
}

void write_rate_init(struct write_rate *rate)
{
	rate->write_bandwidth = INIT_RATE;
	rate->avg_write_bandwidth = INIT_RATE;
	rate->dirty_ratelimit = INIT_RATE;
	rate->balanced_dirty_ratelimit = INIT_RATE;
	rate->stamp_jiffies = INITIAL_JIFFIES;
}

static void take_stamps(struct rcl_machine *m, struct write_rate *rate)
{
	rate->dirtied_stamp = rate->nr_dirtied;
	rate->written_stamp = rate->nr_written;
	rate->stamp_jiffies = now_jiffies(m);
}

void write_rate_start(struct rcl_machine *m, struct device *device)
{
	struct write_rate *rate = &device->write_rate;

	if (now_jiffies(m) - rate->stamp_jiffies > IDLE_JIFFIES && device->nr_queued == 0)
		take_stamps(m, rate);
}

/* The average moves an eighth towards the estimate where both sides of it agree. */
static void update_bandwidth(struct write_rate *rate, uint64_t elapsed)
{
	uint64_t old = rate->write_bandwidth, avg = rate->avg_write_bandwidth, period = UINT64_C(1) << PERIOD_SHIFT;
	uint64_t bandwidth = (rate->nr_written - rate->written_stamp) * HZ;

	if (elapsed > period) {
		bandwidth /= elapsed;
		avg = bandwidth;
	} else {
		bandwidth = (bandwidth + old * (period - elapsed)) >> PERIOD_SHIFT;
		if (avg > old && old >= bandwidth)
			avg -= (avg - old) / 8;
		if (avg < old && old <= bandwidth)
			avg += (old - avg) / 8;
	}
	rate->write_bandwidth = bandwidth;
	rate->avg_write_bandwidth = avg ? avg : 1;
}

/* The rate at which as much would be dirtied as is written: what writers were held to, times written over dirtied. A
 * step towards it is smaller, the nearer it is. */
static void update_ratelimit(struct write_rate *rate, const struct rate_domain *domain, uint64_t elapsed)
{
	uint64_t dirty_rate = (rate->nr_dirtied - rate->dirtied_stamp) * HZ / elapsed;
	uint64_t limit = rate->dirty_ratelimit, task_limit = (limit * domain->position_ratio >> RATIO_SHIFT) + 1;
	uint64_t balanced = least(task_limit * rate->avg_write_bandwidth / (dirty_rate | 1), rate->avg_write_bandwidth);
	uint64_t step = 0, x, shift;

	if (domain->nr_pending < domain->setpoint) {
		x = least_of_3(rate->balanced_dirty_ratelimit, balanced, task_limit);
		step = limit < x ? x - limit : 0;
	} else {
		x = most_of_3(rate->balanced_dirty_ratelimit, balanced, task_limit);
		step = limit > x ? limit - x : 0;
	}
	shift = limit / (2 * step + 1);
	step = shift < 64 ? ((step >> shift) + 7) / 8 : 0;
	limit = limit < balanced ? limit + step : limit - least(step, limit);
	rate->dirty_ratelimit = limit ? limit : 1;
	rate->balanced_dirty_ratelimit = balanced;
}

void write_rate_update(struct rcl_machine *m, struct device *device, const struct rate_domain *domains,
		       uint32_t nr_domains)
{
	struct write_rate *rate = &device->write_rate;
	uint64_t elapsed = now_jiffies(m) - rate->stamp_jiffies;

	if (elapsed <= INTERVAL_JIFFIES)
		return;
	for (uint32_t i = 0; i < nr_domains; i++)
		update_ratelimit(rate, &domains[i], elapsed);
	update_bandwidth(rate, elapsed);
	take_stamps(m, rate);
}
