/*
 * Devices: requests, their queue, and when they are done.
 *
 * Here: SSDs and disks in virtual time. Not here: what is read or written (pagecache.c, swap.c,
 * writeback.c), and zram, which is CPU time of whoever uses it.
 *
 * A device has a number of channels (of an SSD: flash chips that work at once; of a disk: one
 * head) and one link. A request takes the channel that is free first, for the latency of its kind;
 * then its pages pass the link one after the other. So a device that is idle costs exactly what
 * the cost table says, one that is busy makes requests wait, and its throughput has a limit.
 *
 * An SSD that is a disk of memory has neither: its requests take their time of whoever makes them, page by page, and
 * are done then.
 *
 * All files on SSDs are on one SSD, all files on disks on one disk; each swap device is its own.
 */
#ifndef RCL_DEVICE_H
#define RCL_DEVICE_H

#include "machine.h"

/* Set up the devices for files and swap; called once swap is known. */
int device_setup(struct rcl_machine *m);

struct device *device_of_file(struct rcl_machine *m, const struct file *file);

/* Begin to read pages in a row; answers when they have arrived. */
uint64_t device_read(struct rcl_machine *m, struct device *device, uint64_t nr_pages);

/* Begin to write one page, or one more of the request before (`is_next`). Whoever writes waits
 * while the queue is full. With a folio, writeback_end() is called when it is done; RCL_NIL: nobody
 * wants to know. Answers when it is done. */
uint64_t device_write(struct rcl_machine *m, struct device *device, uint32_t pfn, bool is_next);

/* What the device has done by now ends, also in the middle of somebody's batch. */
void device_interrupt(struct rcl_machine *m, struct device *device);

/* What the processor does for a request's pages before it hands them over; meanwhile it is interrupted. */
void device_copy(struct rcl_machine *m, struct device *device, uint64_t nr_pages);

/* Nobody wants to know when the writes of a page are done. */
void device_forget(struct device *device, uint32_t pfn);

/* Whether requests are done by who makes them (rcl_config.ssd_in_memory): nothing waits in a queue, or behind a plug. */
static inline bool device_is_memory(const struct rcl_machine *m, const struct device *device)
{
	return m->config.ssd_in_memory && device->kind == RCL_DEVICE_SSD;
}

/* How many more pages may be written before the queue is full. */
static inline uint32_t device_room(const struct device *device)
{
	return RCL_QUEUE_PAGES - device->nr_queued;
}

/* When the oldest write in the queue is done; RCL_NEVER for an empty queue. */
static inline uint64_t device_next_done_ns(const struct device *device)
{
	return device->nr_queued ? device->queue[device->head].done_ns : RCL_NEVER;
}

#endif
