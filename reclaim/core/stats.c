/*
 * Counters and stalls, see stats.h.
 */
#include "stats.h"

#include <string.h>

#include "memcg.h"
#include "psi.h"

/* Log-linear buckets: values below 16 one each, then 16 per power of two. */
static uint32_t bucket_of(uint64_t ns)
{
	uint32_t exponent;

	if (ns < STALL_SUB)
		return (uint32_t)ns;
	exponent = 63 - (uint32_t)__builtin_clzll(ns);
	return (exponent - 3) * STALL_SUB + ((ns >> (exponent - 4)) & (STALL_SUB - 1));
}

/* The largest value that falls into a bucket. */
static uint64_t bucket_end(uint32_t bucket)
{
	uint32_t exponent = bucket / STALL_SUB + 3;

	if (bucket < STALL_SUB)
		return bucket;
	return ((UINT64_C(16) + bucket % STALL_SUB + 1) << (exponent - 4)) - 1;
}

_Static_assert(STALL_SUB == 16, "bucket_of() and bucket_end() take 4 bits below the highest");

uint64_t stall_begin(struct rcl_machine *m, struct task *task, enum rcl_stall_kind kind, bool is_pressure)
{
	psi_stall_begins(m, &task->psi, *m->clock, is_pressure, kind == RCL_STALL_IO);
	return *m->clock;
}

void stall_record(struct rcl_machine *m, struct task *task, enum rcl_stall_kind kind, uint64_t start_ns,
		  bool is_pressure)
{
	uint64_t end_ns = *m->clock, ns = end_ns - start_ns;
	struct stall_histogram *stalls = &task->stalls[kind];

	stalls->nr++;
	stalls->total_ns += ns;
	if (ns > stalls->max_ns)
		stalls->max_ns = ns;
	stalls->bucket[bucket_of(ns)]++;
	psi_stall(m, &task->psi, start_ns, end_ns, is_pressure, kind == RCL_STALL_IO);
}

static uint64_t quantile(const struct stall_histogram *stalls, uint64_t per_mille)
{
	uint64_t wanted = (stalls->nr * per_mille + 999) / 1000, seen = 0;

	for (uint32_t bucket = 0; bucket < STALL_BUCKETS; bucket++) {
		seen += stalls->bucket[bucket];
		if (seen >= wanted && seen)
			return bucket_end(bucket) < stalls->max_ns ? bucket_end(bucket) : stalls->max_ns;
	}
	return 0;
}

int rcl_stalls(const struct rcl_machine *m, int32_t task, uint32_t kind, struct rcl_stalls *out)
{
	struct stall_histogram sum = { 0 };

	if (kind > RCL_STALL_IO || task < -1 || task >= (int32_t)m->nr_tasks)
		return RCL_BAD_ARGUMENT;
	for (uint32_t i = 0; i < m->nr_tasks; i++) {
		const struct stall_histogram *one = &m->tasks[i]->stalls[kind];

		if (task >= 0 && (uint32_t)task != i)
			continue;
		sum.nr += one->nr;
		sum.total_ns += one->total_ns;
		sum.max_ns = one->max_ns > sum.max_ns ? one->max_ns : sum.max_ns;
		for (uint32_t bucket = 0; bucket < STALL_BUCKETS; bucket++)
			sum.bucket[bucket] += one->bucket[bucket];
	}
	*out = (struct rcl_stalls){ .nr = sum.nr, .total_ns = sum.total_ns, .p50_ns = quantile(&sum, 500),
				    .p99_ns = quantile(&sum, 990), .p999_ns = quantile(&sum, 999),
				    .max_ns = sum.max_ns };
	return RCL_OK;
}

static void add_counters(uint64_t *out, const struct lruvec *lruvec)
{
	for (uint32_t i = 0; i < RCL_NR_COUNTERS; i++)
		out[i] += lruvec->stat[i];
}

int rcl_all_counters(const struct rcl_machine *m, uint64_t *out)
{
	for (uint32_t i = 0; i < m->nr_memcgs * m->nr_nodes; i++, out += RCL_NR_COUNTERS)
		memcpy(out, m->memcgs[i / m->nr_nodes]->lruvecs[i % m->nr_nodes].stat, RCL_NR_COUNTERS * sizeof(*out));
	return RCL_OK;
}

int rcl_counters(const struct rcl_machine *m, uint32_t scope, uint32_t id, uint64_t *out)
{
	uint32_t limit = scope == RCL_COUNT_MACHINE	 ? 1
			 : scope == RCL_COUNT_NODE	 ? m->nr_nodes
			 : scope == RCL_COUNT_ATTACHMENT ? m->nr_attachments
							 : m->nr_memcgs;

	if (scope > RCL_COUNT_ATTACHMENT || (id >= limit && scope != RCL_COUNT_MACHINE))
		return RCL_BAD_ARGUMENT;
	memset(out, 0, RCL_NR_COUNTERS * sizeof(*out));
	if (scope == RCL_COUNT_ATTACHMENT) {
		memcpy(out, m->attachments[id]->stat, sizeof(m->attachments[id]->stat));
		return RCL_OK;
	}
	for (uint32_t i = 0; i < m->nr_memcgs; i++) {
		const struct memcg *memcg = m->memcgs[i];

		if ((scope == RCL_COUNT_MEMCG && !memcg_is_below(memcg, m->memcgs[id])) ||
		    (scope == RCL_COUNT_MEMCG_LOCAL && i != id))
			continue;
		for (uint32_t nid = 0; nid < m->nr_nodes; nid++) {
			if (scope != RCL_COUNT_NODE || nid == id)
				add_counters(out, &memcg->lruvecs[nid]);
		}
	}
	return RCL_OK;
}
