/*
 * The machine: creation, destruction, errors.
 */
#include "machine.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "flusher.h"
#include "kswapd.h"
#include "maps.h"
#include "memcg.h"
#include "mm.h"
#include "node.h"
#include "numa_balancing.h"
#include "policy.h"
#include "psi.h"
#include "psi_trigger.h"
#include "rstat.h"
#include "swap.h"
#include "tick.h"
#include "trace.h"

#define THP_ORDERS_ANON 0x3fcu		/* THP_ORDERS_ALL_ANON, include/linux/huge_mm.h v6.12: orders 2 to 9 */

int machine_error(struct rcl_machine *m, int status, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(m->error, sizeof(m->error), format, arguments);
	va_end(arguments);
	return status;
}

const char *rcl_error(const struct rcl_machine *m)
{
	return m->error;
}

bool grow_array(void **array, uint64_t old, uint64_t nr, uint64_t element_bytes)
{
	uint8_t *grown;

	if (*array && nr <= old)
		return true;	/* realloc to nothing would free it */
	if (old == 0 && !*array) {
		/* calloc hands out untouched zero pages, which realloc and memset would not. */
		*array = calloc(nr, element_bytes);
		return *array;
	}
	grown = realloc(*array, nr * element_bytes);
	if (!grown)
		return false;
	memset(grown + old * element_bytes, 0, (nr - old) * element_bytes);
	*array = grown;
	return true;
}

/* splitmix64 (Steele, Lea, Flood 2014) spreads the seed over the generator's state. */
static void seed_random(struct rcl_machine *m)
{
	uint64_t x = m->config.seed;

	m->ring_random = m->config.seed;

	for (int i = 0; i < 4; i++) {
		uint64_t z = x += UINT64_C(0x9e3779b97f4a7c15);

		z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
		z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
		m->random[i] = z ^ z >> 31;
	}
}

static int check_numa_balancing(struct rcl_machine *m, const struct rcl_config *config)
{
	if (config->numa_balancing != 0 && config->numa_balancing != NUMA_BALANCING_MEMORY_TIERING)
		return machine_error(m, RCL_BAD_ARGUMENT, "numa_balancing is %u, 0 or 2 expected", config->numa_balancing);
	if (config->numa_scan_period_max_ms < config->numa_scan_period_min_ms)
		return machine_error(m, RCL_BAD_ARGUMENT, "NUMA scan periods are %u to %u ms, rising numbers expected",
				     config->numa_scan_period_min_ms, config->numa_scan_period_max_ms);
	return RCL_OK;
}

static int check_contents(struct rcl_machine *m, const struct rcl_config *config)
{
	if (config->incompressible_permille + config->same_filled_permille > 1000)
		return machine_error(m, RCL_BAD_ARGUMENT, "incompressible_permille %u and same_filled_permille %u exceed 1000",
				     config->incompressible_permille, config->same_filled_permille);
	if (config->fault_around_bytes & (config->fault_around_bytes - 1))
		return machine_error(m, RCL_BAD_ARGUMENT, "fault_around_bytes is %u, a power of two expected",
				     config->fault_around_bytes);
	return check_numa_balancing(m, config);
}

/* xoshiro256** (Blackman, Vigna 2018). */
uint64_t machine_random(struct rcl_machine *m)
{
	uint64_t *s = m->random;
	uint64_t x = s[1] * 5, result = (x << 7 | x >> 57) * 9, t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = s[3] << 45 | s[3] >> 19;
	return result;
}

/* Options that are right or wrong by themselves. */
struct option_range {
	const char *name;
	uint64_t offset;
	uint64_t nr_bytes;
	uint64_t least;
	uint64_t most;
};

#define OPTION(name, least, most)                                                                                     \
	{ #name, offsetof(struct rcl_config, name), sizeof(((struct rcl_config *)NULL)->name), least, most },

static const struct option_range option_ranges[] = { RCL_OPTION_RANGES(OPTION) };

#undef OPTION

static uint64_t option_value(const struct rcl_config *config, const struct option_range *range)
{
	const char *member = (const char *)config + range->offset;

	switch (range->nr_bytes) {
	case sizeof(uint8_t):
		return *(const uint8_t *)member;
	case sizeof(uint32_t):
		return *(const uint32_t *)member;
	default:
		return *(const uint64_t *)member;
	}
}

static int check_config(struct rcl_machine *m, const struct rcl_config *config)
{
	if (config->nr_nodes == 0 || config->nr_nodes > RCL_MAX_NODES || !config->nodes)
		return machine_error(m, RCL_BAD_ARGUMENT, "%u nodes, 1 to %d expected", config->nr_nodes, RCL_MAX_NODES);
	if (config->nr_swaps > RCL_MAX_SWAPS || (config->nr_swaps && !config->swaps))
		return machine_error(m, RCL_BAD_ARGUMENT, "%u swap devices, at most %d expected", config->nr_swaps,
				     RCL_MAX_SWAPS);
	for (uint32_t i = 0; i < sizeof(option_ranges) / sizeof(*option_ranges); i++) {
		const struct option_range *range = &option_ranges[i];
		uint64_t value = option_value(config, range);

		if (value < range->least || value > range->most)
			return machine_error(m, RCL_BAD_ARGUMENT, "%s is %llu, %llu to %llu expected", range->name,
					     (unsigned long long)value, (unsigned long long)range->least,
					     (unsigned long long)range->most);
	}
	if (config->thp_orders & ~THP_ORDERS_ANON)
		return machine_error(m, RCL_BAD_ARGUMENT, "thp_orders %#x, only bits 2 to 9 expected", config->thp_orders);
	return check_contents(m, config);
}

static int set_up(struct rcl_machine *m, const struct rcl_config *config)
{
	int status = check_config(m, config);

	if (status != RCL_OK)
		return status;
	m->config = *config;
	m->nr_nodes = config->nr_nodes;
	m->nr_swaps = config->nr_swaps;
	m->clock = &m->setup_clock_ns;
	m->plug = &m->task_plug;
	m->next_due_ns = RCL_NEVER;
	m->rmap_free = RCL_NIL;
	seed_random(m);
	m->tasks = calloc(RCL_MAX_TASKS, sizeof(*m->tasks));
	if (!m->tasks)
		return machine_error(m, RCL_NO_MEMORY, "no memory for tasks");
	status = node_setup(m);
	if (status == RCL_OK && !numa_balancing_setup(m))
		status = machine_error(m, RCL_NO_MEMORY, "no memory for access times");
	if (status == RCL_OK)
		status = kswapd_setup(m);
	if (status == RCL_OK)
		status = swap_setup(m);
	if (status == RCL_OK)
		status = device_setup(m);
	if (status == RCL_OK)
		status = flusher_setup(m);
	if (status == RCL_OK)
		status = rstat_setup(m);
	if (status == RCL_OK)
		status = tick_setup(m);
	if (status == RCL_OK)
		status = psi_trigger_setup(m);
	if (status == RCL_OK)
		status = memcg_setup(m);
	m->config.nodes = NULL;		/* the caller's, read during the call only */
	m->config.swaps = NULL;
	return status;
}

int rcl_machine_create(const struct rcl_config *config, struct rcl_machine **out, char *error, uint64_t error_bytes)
{
	struct rcl_machine *m = calloc(1, sizeof(*m));
	int status = m ? set_up(m, config) : RCL_NO_MEMORY;

	if (status == RCL_OK) {
		*out = m;
		return RCL_OK;
	}
	if (error && error_bytes)
		snprintf(error, error_bytes, "%s", m ? m->error : "no memory for a machine");
	if (m)
		rcl_machine_free(m);
	return status;
}

void rcl_machine_free(struct rcl_machine *m)
{
	if (!m)
		return;
	trace_teardown(m);
	policy_teardown(m);
	memcg_teardown(m);
	for (uint32_t i = 0; i < m->nr_tasks; i++)
		mm_free_task(m->tasks[i]);
	for (uint32_t nid = 0; nid < m->nr_nodes; nid++)
		psi_free_source(&m->nodes[nid].psi);
	for (uint32_t i = 0; i < m->nr_files; i++) {
		free(m->files[i].slots);
		free(m->files[i].tree_nodes);
		free(m->files[i].siblings);
		free(m->files[i].dirty_tags);
	}
	free(m->tasks);
	free(m->files);
	free(m->folios);
	free(m->links);
	free(m->access_ms);
	free(m->rmap_items);
	swap_teardown(m);
	free(m->swap_clusters);
	free(m);
}

uint64_t rcl_bytes_per_page(void)
{
	return sizeof(struct folio) + sizeof(struct folio_link) + sizeof(uint32_t) + sizeof(uint64_t) + sizeof(uint64_t);
}
