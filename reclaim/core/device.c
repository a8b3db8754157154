/*
 * Devices, see device.h. What a request costs is in the cost table (reclaim/abi/costs.py).
 */
#include "device.h"

#include "events.h"
#include "write_rate.h"
#include "writeback.h"

#define SECOND_NS UINT64_C(1000000000)

/* Take what is done off the queue; requests are done in the order in which they were made. */
static void complete_writes(struct rcl_machine *m, struct device *device, uint64_t now_ns)
{
	while (device->nr_queued && device->queue[device->head].done_ns <= now_ns) {
		uint32_t pfn = device->queue[device->head].pfn;

		device->head = (device->head + 1) % RCL_QUEUE_PAGES;
		device->nr_queued--;
		if (pfn != RCL_NIL)
			writeback_end(m, folio_at(m, pfn));
	}
}

/* The device's interrupt. */
static void device_run(struct rcl_machine *m, struct actor *actor)
{
	struct device *device = &m->devices[actor->which];

	complete_writes(m, device, actor->clock_ns);
	if (device->nr_queued)
		events_wake_at(m, actor, device_next_done_ns(device));
}

static int add_device(struct rcl_machine *m, struct device *device, uint32_t kind)
{
	write_rate_init(&device->write_rate);
	device->kind = kind;
	device->nr_channels = kind == RCL_DEVICE_SSD ? m->config.ssd_channels : 1;
	device->actor = events_add_actor(m, device_run, (uint32_t)(device - m->devices));
	return device->actor ? RCL_OK : machine_error(m, RCL_BAD_ARGUMENT, "too many devices");
}

int device_setup(struct rcl_machine *m)
{
	int status = add_device(m, &m->devices[0], RCL_DEVICE_SSD);

	if (status == RCL_OK)
		status = add_device(m, &m->devices[1], RCL_DEVICE_DISK);
	for (uint32_t i = 0; i < m->nr_swaps && status == RCL_OK; i++)
		status = add_device(m, &m->devices[2 + i], m->swaps[i].device);
	return status;
}

struct device *device_of_file(struct rcl_machine *m, const struct file *file)
{
	return &m->devices[file->device == RCL_DEVICE_SSD ? 0 : 1];
}

static uint64_t page_ns(const struct rcl_machine *m, const struct device *device)
{
	return device->kind == RCL_DEVICE_SSD ? m->config.costs.ssd_page_ns : m->config.costs.disk_page_ns;
}

/* The channel that is free first takes a request and is free again at free_ns, mostly after all others. */
static void occupy_channel(struct device *device, uint64_t free_ns)
{
	uint64_t *ring = device->channel_free_ns;
	uint32_t at = device->first_free, last = device->nr_channels - 1;

	device->first_free = at == last ? 0 : at + 1;
	for (uint32_t i = 0; i < last; i++) {
		uint32_t before = at ? at - 1 : last;

		if (ring[before] <= free_ns)
			break;
		ring[at] = ring[before];
		at = before;
	}
	ring[at] = free_ns;
}

/* Hand a request to the device; answers when it is done. */
static uint64_t submit(struct rcl_machine *m, struct device *device, uint64_t latency_ns, uint64_t nr_pages)
{
	uint64_t each_ns = page_ns(m, device), free_ns = device->channel_free_ns[device->first_free], ready_ns;

	ready_ns = (free_ns > *m->clock ? free_ns : *m->clock) + latency_ns;
	if (ready_ns < device->link_free_ns + each_ns)
		ready_ns = device->link_free_ns + each_ns;
	occupy_channel(device, ready_ns);
	device->link_free_ns = ready_ns + (nr_pages - 1) * each_ns;
	return device->link_free_ns;
}

void device_interrupt(struct rcl_machine *m, struct device *device)
{
	if (device_next_done_ns(device) <= *m->clock)
		complete_writes(m, device, *m->clock);
}

void device_copy(struct rcl_machine *m, struct device *device, uint64_t nr_pages)
{
	if (device->kind != RCL_DEVICE_SSD || m->config.costs.ssd_copy_ns == 0)
		return;
	spend(m, nr_pages * m->config.costs.ssd_copy_ns);
	device_interrupt(m, device);
}

uint64_t device_read(struct rcl_machine *m, struct device *device, uint64_t nr_pages)
{
	const struct rcl_costs *costs = &m->config.costs;

	device_copy(m, device, nr_pages);
	if (device_is_memory(m, device)) {
		spend(m, costs->ssd_read_ns);
		return *m->clock;
	}
	return submit(m, device, device->kind == RCL_DEVICE_SSD ? costs->ssd_read_ns : costs->disk_read_ns, nr_pages);
}

/* blk_mq_get_tag(): no request is free, so whoever writes waits for the oldest. */
static void wait_for_room(struct rcl_machine *m, struct device *device)
{
	events_spend_until(m, device_next_done_ns(device));
	complete_writes(m, device, *m->clock);
}

void device_forget(struct device *device, uint32_t pfn)
{
	for (uint32_t i = 0; i < device->nr_queued; i++) {
		struct queued_write *write = &device->queue[(device->head + i) % RCL_QUEUE_PAGES];

		if (write->pfn == pfn)
			write->pfn = RCL_NIL;
	}
}

static uint64_t write_to_memory(struct rcl_machine *m, uint32_t pfn, bool is_next)
{
	spend(m, m->config.costs.ssd_compress_ns + (is_next ? 0 : m->config.costs.ssd_write_ns));
	if (pfn != RCL_NIL)
		writeback_end(m, folio_at(m, pfn));
	return *m->clock;
}

uint64_t device_write(struct rcl_machine *m, struct device *device, uint32_t pfn, bool is_next)
{
	const struct rcl_costs *costs = &m->config.costs;
	uint64_t done_ns;

	if (device_is_memory(m, device))
		return write_to_memory(m, pfn, is_next);
	if (device->nr_queued == RCL_QUEUE_PAGES)
		wait_for_room(m, device);
	if (is_next && device->link_free_ns > *m->clock)
		done_ns = device->link_free_ns += page_ns(m, device);
	else
		done_ns = submit(m, device,
				 device->kind == RCL_DEVICE_SSD ? costs->ssd_write_ns : costs->disk_write_ns, 1);
	device->queue[(device->head + device->nr_queued) % RCL_QUEUE_PAGES] =
		(struct queued_write){ .pfn = pfn, .done_ns = done_ns };
	device->nr_queued++;
	events_wake_at(m, device->actor, done_ns);
	return done_ns;
}
