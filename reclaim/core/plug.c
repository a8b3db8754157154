/*
 * Plugs, see plug.h. Models struct blk_plug: blk_start_plug(), blk_add_rq_to_plug(), blk_attempt_plug_merge()
 * (block/blk-core.c, blk-mq.c, blk-merge.c of v6.12).
 */
#include "plug.h"

#include "device.h"

#define MAX_REQUESTS 32			/* BLK_MAX_REQUEST_COUNT, block/blk.h v6.12 */
#define FLUSH_PAGES 32			/* BLK_PLUG_FLUSH_SIZE, the same: 128 KiB */

void plug_start(struct rcl_machine *m)
{
	if (m->plug)
		m->plug->depth++;
}

void plug_finish(struct rcl_machine *m)
{
	if (m->plug && --m->plug->depth == 0)
		plug_flush(m);
}

static void submit_request(struct rcl_machine *m, struct plug *plug, uint32_t first, uint32_t end)
{
	struct device *device = &m->devices[plug->writes[first].device];

	device_copy(m, device, end - first);
	for (uint32_t i = first; i < end; i++) {
		uint32_t pfn = plug->writes[i].pfn;

		plug->writes[i].pfn = RCL_NIL;	/* the device's from now on */
		device_write(m, device, pfn, i > first);
	}
}

void plug_flush(struct rcl_machine *m)
{
	struct plug *plug = m->plug;
	uint32_t nr = plug ? plug->nr_pages : 0;

	if (nr == 0)
		return;
	for (uint32_t first = 0; first < nr;) {
		uint32_t end = first + 1;

		while (end < nr && plug->writes[end].is_next)
			end++;
		submit_request(m, plug, first, end);
		first = end;
	}
	plug->nr_pages = 0;
	plug->nr_requests = 0;
}

/* Whether what is held goes when another request follows. */
static bool is_due(const struct rcl_machine *m, const struct plug *plug, const struct device *device)
{
	return plug->nr_requests == MAX_REQUESTS ||
	       (plug->nr_requests && (plug->nr_last >= FLUSH_PAGES || device_is_memory(m, device)));
}

void plug_write(struct rcl_machine *m, struct device *device, uint32_t pfn, uint32_t place)
{
	struct plug *plug = m->plug;
	uint32_t which = (uint32_t)(device - m->devices);
	bool is_next;

	device_interrupt(m, device);
	if (!plug || plug->depth == 0) {
		device_copy(m, device, 1);
		device_write(m, device, pfn, false);
		return;
	}
	is_next = plug->nr_requests && plug->device == which && plug->next_place == place &&
		  plug->nr_last < m->config.max_request_pages;
	if ((!is_next && is_due(m, plug, device)) || plug->nr_pages == RCL_QUEUE_PAGES) {
		plug_flush(m);
		is_next = false;
	}
	plug->writes[plug->nr_pages++] = (struct plugged_write){ .pfn = pfn, .device = (uint8_t)which,
								 .is_next = is_next };
	plug->nr_requests += !is_next;
	plug->nr_last = is_next ? plug->nr_last + 1 : 1;
	plug->device = which;
	plug->next_place = place + 1;
}

static void forget(struct plug *plug, uint32_t pfn)
{
	for (uint32_t i = 0; i < plug->nr_pages; i++) {
		if (plug->writes[i].pfn == pfn)
			plug->writes[i].pfn = RCL_NIL;
	}
}

void plug_forget(struct rcl_machine *m, uint32_t pfn)
{
	forget(&m->task_plug, pfn);
	forget(&m->flusher.plug, pfn);
	for (uint32_t nid = 0; nid < m->nr_nodes; nid++)
		forget(&m->nodes[nid].kswapd.plug, pfn);
}
