/*
 * Plugs: writes that are held back so that they go out together.
 *
 * Here: start, finish, what is held, and what lets it go. Not here: the device (device.h), what is written
 * (swap.c).
 *
 * Whoever is about to write, or read, a number of pages puts a plug in front of the devices and takes it away
 * in the end; plugs nest, and only the outermost counts. Behind it pages in a row become one request, up to
 * max_request_pages. What is held goes out early when there are 32 requests, when another follows one of 128 KiB
 * or more, and when whoever holds it sleeps. Meanwhile the pages are under writeback, and no device knows.
 *
 * That matters to reclaim inside of swap readahead, which runs under the plug of the readahead: what the first
 * priorities wrote is not done, however long the next ones look for clean pages, and may be met again.
 *
 * Tasks share one plug, since they do not run in one another's; kswapds and the flusher have their own. Other
 * actors have none, and write at once.
 *
 * A disk of memory has no plug: pages in a row are one request, which goes as soon as another page follows.
 *
 * SIMPLIFIED: reads wait in no plug; effect: a window of swap readahead never lets held writes go early.
 */
#ifndef RCL_PLUG_H
#define RCL_PLUG_H

#include "machine.h"

void plug_start(struct rcl_machine *m);
void plug_finish(struct rcl_machine *m);

/* Let go what whoever is running holds (blk_flush_plug()). */
void plug_flush(struct rcl_machine *m);

/* Whoever is running goes to sleep until then (sched_submit_work()). */
static inline void plug_flush_sleeper(struct rcl_machine *m, uint64_t ns)
{
	if (RCL_UNLIKELY(m->plug && m->plug->nr_pages && ns > *m->clock))
		plug_flush(m);
}

/* Write a page at its place on a device, when the plug allows it; else as device_write(). */
void plug_write(struct rcl_machine *m, struct device *device, uint32_t pfn, uint32_t place);

/* Nobody wants to know when the held writes of a page are done. */
void plug_forget(struct rcl_machine *m, uint32_t pfn);

/* The n-th plug of a machine, NULL behind the last. */
static inline const struct plug *plug_at(const struct rcl_machine *m, uint32_t n)
{
	if (n < m->nr_nodes)
		return &m->nodes[n].kswapd.plug;
	if (n == m->nr_nodes)
		return &m->flusher.plug;
	return n == m->nr_nodes + 1 ? &m->task_plug : NULL;
}

#endif
