/*
 * Policies: attaching, governing, adopting, detaching, ejecting.
 *
 * Here: who governs a lruvec, and the passing on of its folios. Not here: the calls (hooks.h).
 *
 * Every lruvec has exactly one governor, the nearest live attachment: of its memcg or the nearest
 * ancestor with one; else of its node; else of the system; else the default. When the governor
 * changes, the folios on its lists are handed over in place, list by list in order, by asking the
 * new governor's folio_added with ADOPTED: at no moment is a folio out of reclaim's sight.
 */
#ifndef RCL_POLICY_H
#define RCL_POLICY_H

#include <string.h>

#include "machine.h"

/* Make a lruvec's list arrays hold nr_lists numbers; false, and nothing changed, without memory. */
bool policy_grow_lists(struct lruvec *lruvec, uint32_t nr_lists);

/* Let attachments know a new memcg: state, maps, governors; false without memory. */
bool policy_memcg_born(struct rcl_machine *m, struct memcg *memcg);

/* Run the ejections that hooks and the watchdog asked for; only where no hook is running and no
 * folio is isolated. */
void policy_run_ejections(struct rcl_machine *m);

/* Ask for one; `text` must be static. The attachment answers nothing more from now on. */
void policy_eject(struct rcl_machine *m, struct attachment *att, enum rcl_exit_kind kind, int32_t hook,
		  const char *text);

/* Note a complete ladder with or without progress for the policies that governed the target. */
void policy_note_ladder(struct rcl_machine *m, const struct scan *sc, bool has_progress);

/* Before a pass over `lruvec`: ask its policy about the target, once per round of the scan. */
void policy_prepare_scan(struct rcl_machine *m, struct lruvec *target, const struct lruvec *lruvec, struct scan *sc);

/* All priorities are through: ask every policy of which something was scanned. */
void policy_reclaim_end(struct rcl_machine *m, struct memcg *target, struct scan *sc);

/* Give scan state its initial values when a reclaim starts. */
void policy_init_scan(struct rcl_machine *m, uint32_t slot);

void policy_teardown(struct rcl_machine *m);

static inline void policy_init_element(struct attachment *att, enum rcl_scope scope, uint64_t element)
{
	uint64_t stride = att->stride[scope];
	uint8_t *state = att->base[scope] + element * stride;

	switch (stride) {
	case 1:
		*state = *att->initial[scope];
		return;
	case 8:
		memcpy(state, att->initial[scope], 8);
		return;
	default:
		memcpy(state, att->initial[scope], stride);
	}
}

/* Give the per-folio state of whoever may be asked about the folio its initial values. */
static inline void policy_init_folio(struct rcl_machine *m, struct attachment *att, uint32_t pfn)
{
	if (att->stride[RCL_SCOPE_FOLIO])
		policy_init_element(att, RCL_SCOPE_FOLIO, pfn);
	if (att->needs_default_state)
		policy_init_element(default_of(m), RCL_SCOPE_FOLIO, pfn);
}

static inline void policy_copy_element(struct attachment *att, uint32_t from, uint32_t to)
{
	uint64_t stride = att->stride[RCL_SCOPE_FOLIO];

	if (stride)
		memcpy(att->base[RCL_SCOPE_FOLIO] + to * stride, att->base[RCL_SCOPE_FOLIO] + from * stride, stride);
}

/* Let a folio that moved keep its state, as far as whoever governs it now keeps the same. */
static inline void policy_copy_folio(struct rcl_machine *m, struct attachment *old, struct attachment *att,
				     uint32_t from, uint32_t to)
{
	if (old == att)
		policy_copy_element(att, from, to);
	if (old->needs_default_state && att->needs_default_state)
		policy_copy_element(default_of(m), from, to);
}

#endif
