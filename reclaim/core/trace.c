/*
 * Tracepoints, see trace.h.
 */
#include "trace.h"

#include <stdlib.h>
#include <string.h>

#define LRU_UNEVICTABLE 4		/* enum lru_list, include/linux/mmzone.h v6.12 */

_Static_assert(RCL_NR_TRACEPOINTS <= 64, "the events that are on fit into one word");
_Static_assert(sizeof(struct rcl_trace_record) == 128, "a record is two cache lines");

uint64_t trace_lru_of_folio(const struct folio *folio)
{
	if (folio->pub.list == RCL_STANDARD_LIST_UNEVICTABLE)
		return LRU_UNEVICTABLE;
	return 2 * folio->pub.type + !!(folio->pub.flags & RCL_FOLIO_IS_ACTIVE);
}

uint64_t trace_lru_of_list(const struct rcl_machine *m, const struct lruvec *lruvec, uint32_t list)
{
	if (list < RCL_FIRST_POLICY_LIST)
		return list - RCL_STANDARD_LIST_INACTIVE_ANON;
	if (lruvec->lists[list].tail == RCL_NIL)
		return RCL_TRACE_LRU_NONE;
	return 2 * folio_at(m, lruvec->lists[list].tail)->pub.type;
}

/* Who is running; of the actors kswapds and the flusher leave traces. */
static uint16_t source_of(const struct rcl_machine *m)
{
	if (m->current)
		return (uint16_t)m->current->number;
	if (m->actor == m->flusher.actor && m->actor)
		return RCL_TRACE_FROM_FLUSHER;
	for (uint32_t nid = 0; nid < m->nr_nodes; nid++) {
		if (m->actor == m->nodes[nid].kswapd.actor && m->actor)
			return (uint16_t)(RCL_TRACE_FROM_KSWAPD + nid);
	}
	return RCL_TRACE_FROM_OUTSIDE;
}

void trace_write(struct rcl_machine *m, enum rcl_tracepoint event, const struct memcg *memcg, const void *fields,
		 uint64_t nr_bytes)
{
	struct trace_ring *ring = &m->trace;
	struct rcl_trace_record *record = &ring->records[ring->nr_written++ % ring->nr_records];

	record->time_ns = *m->clock;
	record->event = (uint16_t)event;
	record->source = source_of(m);
	record->memcg = memcg ? memcg->pub.id : RCL_TRACE_NO_MEMCG;
	memcpy(record->fields, fields, nr_bytes);
}

int rcl_trace_start(struct rcl_machine *m, uint64_t events, uint64_t nr_records)
{
	struct rcl_trace_record *records;

	if (nr_records == 0 || nr_records > RCL_MAX_TRACE_RECORDS || events >> RCL_NR_TRACEPOINTS)
		return machine_error(m, RCL_BAD_ARGUMENT, "a trace of %llu records; 1 to %llu and known events expected",
				     (unsigned long long)nr_records, (unsigned long long)RCL_MAX_TRACE_RECORDS);
	records = calloc(nr_records, sizeof(*records));
	if (!records)
		return machine_error(m, RCL_NO_MEMORY, "no memory for a trace of %llu records",
				     (unsigned long long)nr_records);
	free(m->trace.records);
	m->trace = (struct trace_ring){ .records = records, .nr_records = nr_records, .events = events };
	return RCL_OK;
}

int rcl_trace_read(struct rcl_machine *m, struct rcl_trace_record *out, uint64_t capacity, uint64_t *nr,
		   uint64_t *nr_lost)
{
	struct trace_ring *ring = &m->trace;
	uint64_t n = 0;

	if (ring->nr_written - ring->nr_read > ring->nr_records) {
		ring->nr_lost += ring->nr_written - ring->nr_read - ring->nr_records;
		ring->nr_read = ring->nr_written - ring->nr_records;
	}
	*nr_lost = ring->nr_lost;
	if (!out) {
		*nr = ring->nr_written - ring->nr_read;
		return RCL_OK;
	}
	while (n < capacity && ring->nr_read < ring->nr_written)
		out[n++] = ring->records[ring->nr_read++ % ring->nr_records];
	*nr = n;
	return RCL_OK;
}

void trace_teardown(struct rcl_machine *m)
{
	free(m->trace.records);
}
