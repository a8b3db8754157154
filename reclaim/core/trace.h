/*
 * Tracepoints: a ring of what happened.
 *
 * Here: TRACE(), the only way to emit, and the ring. Not here: which events there are
 * (reclaim/abi/tracepoints.py, from which come the structs trace_NAME) and how they are written
 * for people (reclaim/engine).
 *
 * An event that is off costs one predictable branch on one word of the machine, and its arguments
 * are not computed. There is none on the hit path. The ring belongs to the set-up; when it is full
 * the oldest record goes, and is counted.
 */
#ifndef RCL_TRACE_H
#define RCL_TRACE_H

#include "machine.h"

/*
 * Emit an event: TRACE(m, memcg or NULL, mm_vmscan_kswapd_wake, .nid = nid, .order = 0).
 * Members that are not named are 0.
 */
#define TRACE(m, memcg, event, ...)                                                                                   \
	do {                                                                                                          \
		if (RCL_UNLIKELY(trace_is_on(m, RCL_TRACE_##event)))                                                  \
			trace_write(m, RCL_TRACE_##event, memcg, &(const struct trace_##event){ __VA_ARGS__ },        \
				    sizeof(struct trace_##event));                                                    \
	} while (0)

static inline bool trace_is_on(const struct rcl_machine *m, enum rcl_tracepoint event)
{
	return m->trace.events >> event & 1;
}

void trace_write(struct rcl_machine *m, enum rcl_tracepoint event, const struct memcg *memcg, const void *fields,
		 uint64_t nr_bytes);
void trace_teardown(struct rcl_machine *m);

/* The kernel's list (enum lru_list) that a folio would be on. */
uint64_t trace_lru_of_folio(const struct folio *folio);

/* The same for a list: of a policy's own lists, the inactive one of its oldest folio's type. */
uint64_t trace_lru_of_list(const struct rcl_machine *m, const struct lruvec *lruvec, uint32_t list);

/* RECLAIM_WB_... of a batch or folio of a type (include/trace/events/vmscan.h v6.12). */
static inline uint64_t trace_reclaim_flags(uint32_t type)
{
	return (type == RCL_FILE ? 0x2 : 0x1) | 0x8;
}

#endif
