/*
 * Write rates: how many pages a device writes per second, and how many its writers may dirty.
 *
 * Here: the two estimates of struct bdi_writeback and their update, every 200 ms while somebody writes. Not here: who is
 * held to the rate, and by how much it is scaled (dirty.h).
 *
 * Both begin at 100 MB/s, whatever the device is, and follow what was written and dirtied since the last update; the
 * one of writers in small steps, and only as far as three values agree. So several writers share a device without
 * anybody counting them, and a run of a second sees little but the first value.
 *
 * SIMPLIFIED: one estimate per device, the kernel has one per device and memcg; effect: a memcg that begins to write
 * finds the rate that others have come to.
 */
#ifndef RCL_WRITE_RATE_H
#define RCL_WRITE_RATE_H

#include "machine.h"
#include "psi.h"

#define INITIAL_JIFFIES 75000u		/* include/linux/jiffies.h v6.12, without its sign: no time before the start is negative */

/* What a limit says at the moment, where the rate is updated (struct dirty_throttle_control). */
struct rate_domain {
	uint64_t nr_pending;
	uint64_t setpoint;
	uint64_t position_ratio;	/* 1024 for one */
};

void write_rate_init(struct write_rate *rate);

/* Begin to measure anew after a second without writes (wb_bandwidth_estimate_start()). */
void write_rate_start(struct rcl_machine *m, struct device *device);

/* Update after 200 ms (__wb_update_bandwidth()); domains: those whose limits hold back writers, none for the flusher. */
void write_rate_update(struct rcl_machine *m, struct device *device, const struct rate_domain *domains,
		       uint32_t nr_domains);

static inline uint64_t now_jiffies(const struct rcl_machine *m)
{
	return INITIAL_JIFFIES + *m->clock / JIFFY_NS;
}

#define WHEEL_SLOTS 64				/* LVL_SIZE, kernel/time/timer.c v6.12 */
#define WHEEL_SHIFT 3				/* LVL_CLK_SHIFT, the same: each level of the wheel is 8 times coarser */

/* When a timer of so many jiffies fires: at the tick after them, so that none is early, or every eighth tick, and so on,
 * where it is a long one (calc_wheel_index(), the same). */
static inline uint64_t timer_ns(const struct rcl_machine *m, uint64_t jiffies)
{
	uint64_t ticks;
	uint32_t shift = 0;

	while (jiffies >= (uint64_t)(WHEEL_SLOTS - 1) << shift)
		shift += WHEEL_SHIFT;
	ticks = ((now_jiffies(m) + jiffies) >> shift) + 1;
	return ((ticks << shift) - INITIAL_JIFFIES) * JIFFY_NS;
}

#endif
