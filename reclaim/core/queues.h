/*
 * What waits for devices: the structs of device.c and plug.c, members of struct rcl_machine.
 */
#ifndef RCL_QUEUES_H
#define RCL_QUEUES_H

#include <stdbool.h>
#include <stdint.h>

struct actor;

#define RCL_QUEUE_PAGES 1024		/* ours: writes that a device has taken and not done, 4 MiB; the
					 * kernel's 256 requests (blk_mq) of some pages each */
#define RCL_MAX_CHANNELS 64		/* ours: beyond what one device does at once */

struct queued_write {
	uint32_t pfn;			/* RCL_NIL: nobody wants to know */
	uint64_t done_ns;
};

/* What its files are written and dirtied at, see write_rate.h; pages, and pages per second. */
struct write_rate {
	uint64_t write_bandwidth;
	uint64_t avg_write_bandwidth;
	uint64_t dirty_ratelimit;
	uint64_t balanced_dirty_ratelimit;
	uint64_t nr_dirtied;
	uint64_t nr_written;
	uint64_t dirtied_stamp;		/* at the last update */
	uint64_t written_stamp;
	uint64_t stamp_jiffies;
};

/* A device, see device.h. */
struct device {
	struct write_rate write_rate;
	struct actor *actor;		/* ends its writes */
	uint32_t kind;			/* enum rcl_device */
	uint32_t nr_channels;
	uint64_t channel_free_ns[RCL_MAX_CHANNELS];	/* a ring in the order of time */
	uint32_t first_free;		/* of the ring: the channel that is free first */
	uint64_t link_free_ns;
	uint32_t head;			/* the oldest write of the queue */
	uint32_t nr_queued;
	struct queued_write queue[RCL_QUEUE_PAGES];
};

struct plugged_write {
	uint32_t pfn;			/* RCL_NIL: nobody wants to know */
	uint8_t device;			/* of rcl_machine.devices */
	bool is_next;			/* goes into the request of the one before */
};

/* Writes held back, see plug.h. */
struct plug {
	uint32_t depth;			/* who has put it there and not taken it away */
	uint32_t nr_pages;
	uint32_t nr_requests;
	uint32_t nr_last;		/* pages of the last request */
	uint32_t device;		/* of the last one */
	uint32_t next_place;		/* on that, behind the last one */
	struct plugged_write writes[RCL_QUEUE_PAGES];
};

#endif
