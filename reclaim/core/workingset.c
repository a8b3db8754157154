/*
 * Shadow entries, see workingset.h.
 *
 * Whose clock stamps: that of the memcg whose limit caused the reclaim (the root for a node's
 * reclaim), as workingset_eviction() does with its target_memcg. A page evicted by an ancestor's
 * limit is thus measured against the ancestor's evictions. A policy that keeps a cookie has counted
 * something of the folio's own lruvec, so that this one stamps, as lru_gen_eviction() has it.
 */
#include "workingset.h"

#include "hooks.h"
#include "trace.h"

#define WORKINGSET_SHIFT 1
#define NODE_SHIFT 2
#define MEMCG_SHIFT 6
#define EPOCH_SHIFT 18
#define COOKIE_SHIFT 22
#define CLOCK_SHIFT 40

#define EPOCH_MASK ((1u << RCL_EPOCH_BITS) - 1)
#define COOKIE_MASK ((1u << RCL_COOKIE_BITS) - 1)
#define CLOCK_MASK ((UINT64_C(1) << RCL_CLOCK_BITS) - 1)

_Static_assert(EPOCH_SHIFT + RCL_EPOCH_BITS == COOKIE_SHIFT, "the cookie follows the epoch");
_Static_assert(COOKIE_SHIFT + RCL_COOKIE_BITS == CLOCK_SHIFT, "the clock follows the cookie");
_Static_assert(CLOCK_SHIFT + RCL_CLOCK_BITS == 64, "a shadow has 64 bits");
_Static_assert(RCL_MAX_NODES == 1 << (MEMCG_SHIFT - NODE_SHIFT), "node bits");
_Static_assert(RCL_MAX_MEMCGS == 1 << (EPOCH_SHIFT - MEMCG_SHIFT), "memcg bits");

/* SIMPLIFIED: the epoch is the attachment's number modulo 16; effect: after sixteen replacements
 * of policies a cookie from the first may be taken for the newest's own. */
static uint64_t epoch_of(const struct lruvec *lruvec, enum rcl_hook hook)
{
	const struct attachment *owner = (const struct attachment *)lruvec->att->ctx_of[hook];

	return owner->number & EPOCH_MASK;
}

uint64_t workingset_eviction(struct rcl_machine *m, struct lruvec *lruvec, struct folio *folio)
{
	struct memcg *target = m->scan && m->scan->target ? m->scan->target : m->memcgs[0];
	struct lruvec *stamping = lruvec->att->ops.folio_evicted ? lruvec : &target->lruvecs[folio->pub.nid];
	uint64_t epoch = epoch_of(lruvec, RCL_HOOK_FOLIO_EVICTED);
	uint64_t cookie = ask_folio_evicted(m, lruvec, folio);
	uint64_t workingset = !!(folio->pub.flags & RCL_FOLIO_IS_WORKINGSET);
	uint64_t clock = stamping->pub.clock & CLOCK_MASK;

	TRACE(m, memcg_of(folio->pub.memcg), workingset_eviction, .pfn = folio->pub.pfn, .type = folio->pub.type,
	      .cookie = cookie);
	workingset_age(stamping, folio->pub.nr_pages);
	return SHADOW_TAG | workingset << WORKINGSET_SHIFT | (uint64_t)folio->pub.nid << NODE_SHIFT |
	       (uint64_t)memcg_of(stamping->pub.memcg)->pub.id << MEMCG_SHIFT | epoch << EPOCH_SHIFT | cookie << COOKIE_SHIFT |
	       clock << CLOCK_SHIFT;
}

void workingset_unpack(struct rcl_machine *m, const struct lruvec *lruvec, uint64_t slot,
		       enum rcl_hook asked, struct rcl_shadow *out)
{
	uint32_t nid = (slot >> NODE_SHIFT) & (RCL_MAX_NODES - 1);
	uint32_t memcg = (slot >> MEMCG_SHIFT) & (RCL_MAX_MEMCGS - 1);
	struct lruvec *stamped = &m->memcgs[memcg]->lruvecs[nid];
	uint64_t epoch = (slot >> EPOCH_SHIFT) & EPOCH_MASK;

	out->lruvec = m->memcgs[memcg]->is_offline ? NULL : &stamped->pub;
	out->distance = (stamped->pub.clock - (slot >> CLOCK_SHIFT)) & CLOCK_MASK;
	out->is_workingset = (slot >> WORKINGSET_SHIFT) & 1;
	out->is_same_lruvec = stamped == lruvec;
	out->is_own = epoch == epoch_of(lruvec, asked);
	out->cookie = out->is_own ? (slot >> COOKIE_SHIFT) & COOKIE_MASK : 0;
}
