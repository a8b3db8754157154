/*
 * Asking the policy: one inline function per hook, the only places where a hook is called.
 *
 * Here: the call, the check for fail() and fuel after it, and the constant that answers where
 * neither the policy nor the default has the hook. Not here: what the core does with an answer.
 *
 * A lruvec's attachment holds a complete table: its own hooks, and where it has none, the
 * default's together with the default's context. So a question costs one indirect call and one
 * check, whoever answers.
 */
#ifndef RCL_HOOKS_H
#define RCL_HOOKS_H

#include "lists.h"
#include "stats.h"

extern const uint64_t hook_fuel_ns[RCL_NR_HOOKS];

/* Deal with a hook that called fail() or charged too much virtual time (policy.c). */
void hook_trouble(struct rcl_machine *m, struct lruvec *lruvec, struct rcl_ctx *ctx, enum rcl_hook hook);

/* Count an answer that the core cannot obey, and remember that for the watchdog (policy.c). */
void hook_refuse(struct rcl_machine *m, struct lruvec *lruvec, enum rcl_hook hook);

static inline struct rcl_ctx *hook_begin(struct rcl_machine *m, struct lruvec *lruvec, enum rcl_hook hook)
{
	m->hook_ns = 0;
	return lruvec->att->ctx_of[hook];
}

static inline void hook_end(struct rcl_machine *m, struct lruvec *lruvec, struct rcl_ctx *ctx,
			    enum rcl_hook hook)
{
	if (RCL_UNLIKELY(ctx->failed || m->hook_ns > hook_fuel_ns[hook]))
		hook_trouble(m, lruvec, ctx, hook);
}

/* Whether a move was answered by the default for a folio on a list that it does not know. */
static inline bool is_defaults_move(bool has_own_hook, const struct folio *folio)
{
	return !has_own_hook && folio->pub.list >= RCL_FIRST_POLICY_LIST;
}

/* Where the policy that governs the lruvec has the hook. */
static inline uint64_t ask_tick(struct rcl_machine *m, struct lruvec *lruvec)
{
	struct rcl_ctx *ctx = hook_begin(m, lruvec, RCL_HOOK_TICK);
	uint64_t period_ns = lruvec->att->ops.tick(ctx, &lruvec->pub);

	hook_end(m, lruvec, ctx, RCL_HOOK_TICK);
	return period_ns;
}

/* The same. Answers what is watched from now on, which may be nothing that can be. */
static inline uint64_t ask_pressure(struct rcl_machine *m, struct lruvec *lruvec, uint64_t stall_us)
{
	struct rcl_ctx *ctx = hook_begin(m, lruvec, RCL_HOOK_PRESSURE);
	uint64_t answer = lruvec->att->ops.pressure(ctx, &lruvec->pub, stall_us);

	hook_end(m, lruvec, ctx, RCL_HOOK_PRESSURE);
	return answer;
}

/* The same. */
static inline void ask_folio_incoming(struct rcl_machine *m, struct lruvec *lruvec, uint64_t key,
				      struct rcl_shadow *shadow, enum rcl_added reason)
{
	struct rcl_ctx *ctx = hook_begin(m, lruvec, RCL_HOOK_FOLIO_INCOMING);

	lruvec->att->ops.folio_incoming(ctx, &lruvec->pub, key, shadow, reason);
	hook_end(m, lruvec, ctx, RCL_HOOK_FOLIO_INCOMING);
}

static inline int64_t ask_score_folio(struct rcl_machine *m, struct lruvec *lruvec, struct folio *folio, struct scan *sc)
{
	struct rcl_ctx *ctx = hook_begin(m, lruvec, RCL_HOOK_SCORE_FOLIO);
	int64_t score;

	if (!lruvec->att->ops.score_folio)
		return 0;
	score = lruvec->att->ops.score_folio(ctx, &lruvec->pub, &folio->pub, &sc->pub);
	hook_end(m, lruvec, ctx, RCL_HOOK_SCORE_FOLIO);
	return score;
}

static inline void ask_folio_admit(struct rcl_machine *m, struct lruvec *lruvec, struct folio *folio,
				   struct rcl_shadow *shadow, enum rcl_added reason)
{
	struct rcl_ctx *ctx = hook_begin(m, lruvec, RCL_HOOK_FOLIO_ADMIT);

	lruvec->att->ops.folio_admit(ctx, &lruvec->pub, &folio->pub, shadow, reason);
	hook_end(m, lruvec, ctx, RCL_HOOK_FOLIO_ADMIT);
}

/* Answers a valid place: a refused one is replaced by the default's, at worst by a constant. */
static inline uint64_t ask_folio_added(struct rcl_machine *m, struct lruvec *lruvec, struct folio *folio,
				       uint64_t reason)
{
	struct rcl_ctx *ctx = hook_begin(m, lruvec, RCL_HOOK_FOLIO_ADDED);
	uint64_t place = lruvec->att->ops.folio_added(ctx, &lruvec->pub, &folio->pub, reason);

	hook_end(m, lruvec, ctx, RCL_HOOK_FOLIO_ADDED);
	if (RCL_LIKELY(place_is_valid(lruvec, place)))
		return place;
	hook_refuse(m, lruvec, RCL_HOOK_FOLIO_ADDED);
	count_core_did(lruvec, RCL_DEFAULT_TAKEN, 1);
	place = default_of(m)->ops.folio_added(&default_of(m)->ctx, &lruvec->pub, &folio->pub, reason);
	if (place_is_valid(lruvec, place))
		return place;
	return place_head_of(folio->pub.type == RCL_ANON ? RCL_STANDARD_LIST_INACTIVE_ANON
							 : RCL_STANDARD_LIST_INACTIVE_FILE);
}

/* Answers a place or 0. The default activates, which would take a folio off the lists that the
 * policy's batches name: from a list of the policy's own it moves nothing. */
static inline uint64_t ask_folio_accessed(struct rcl_machine *m, struct lruvec *lruvec, struct folio *folio,
					  enum rcl_access how)
{
	struct rcl_ctx *ctx = hook_begin(m, lruvec, RCL_HOOK_FOLIO_ACCESSED);
	uint64_t place = lruvec->att->ops.folio_accessed(ctx, &lruvec->pub, &folio->pub, how);

	hook_end(m, lruvec, ctx, RCL_HOOK_FOLIO_ACCESSED);
	if (place && is_defaults_move(lruvec->att->own.folio_accessed != NULL, folio))
		return 0;
	if (place == 0 || RCL_LIKELY(place_is_valid(lruvec, place)))
		return place;
	hook_refuse(m, lruvec, RCL_HOOK_FOLIO_ACCESSED);
	return 0;
}

/* Answers a valid place: where nobody knows better, the tail of the list that the folio is taken from. */
static inline uint64_t ask_folio_reparented(struct rcl_machine *m, struct lruvec *lruvec, struct lruvec *old,
					    struct folio *folio)
{
	uint64_t otherwise = RCL_PLACE_TAIL | (uint64_t)folio->pub.list << RCL_ANSWER_LIST_SHIFT, place;
	struct rcl_ctx *ctx = hook_begin(m, lruvec, RCL_HOOK_FOLIO_REPARENTED);

	if (!lruvec->att->ops.folio_reparented)
		return otherwise;
	place = lruvec->att->ops.folio_reparented(ctx, &lruvec->pub, &old->pub, &folio->pub);
	hook_end(m, lruvec, ctx, RCL_HOOK_FOLIO_REPARENTED);
	if (RCL_LIKELY(place_is_valid(lruvec, place)))
		return place;
	hook_refuse(m, lruvec, RCL_HOOK_FOLIO_REPARENTED);
	return otherwise;
}

/* Runs inside a helper of another hook, whose fuel it uses up as well. Answers a place or 0. An
 * unevictable folio has no place that a use could change. */
static inline uint64_t ask_pte_young(struct rcl_machine *m, struct lruvec *lruvec, struct folio *folio,
				 enum rcl_where where)
{
	uint64_t outer_ns = m->hook_ns, place;
	struct rcl_ctx *ctx;

	if (RCL_UNLIKELY(folio->transit == RCL_TRANSIT_UNEVICTABLE))
		return 0;
	if (!lruvec->att->ops.pte_young) {
		folio->pub.flags |= RCL_FOLIO_IS_REFERENCED;
		return 0;
	}
	ctx = hook_begin(m, lruvec, RCL_HOOK_PTE_YOUNG);
	place = lruvec->att->ops.pte_young(ctx, &lruvec->pub, &folio->pub, where);
	hook_end(m, lruvec, ctx, RCL_HOOK_PTE_YOUNG);
	m->hook_ns += outer_ns;
	if (place == 0 || RCL_LIKELY(place_is_valid(lruvec, place)))
		return place;
	hook_refuse(m, lruvec, RCL_HOOK_PTE_YOUNG);
	return 0;
}

/* `otherwise` is the answer where nobody has the hook. */
static inline uint64_t ask_memcg_scan(struct rcl_machine *m, struct lruvec *lruvec, struct scan *sc, uint64_t otherwise)
{
	struct rcl_ctx *ctx = hook_begin(m, lruvec, RCL_HOOK_MEMCG_SCAN);
	uint64_t answer;

	if (!lruvec->att->ops.memcg_scan)
		return otherwise;
	answer = lruvec->att->ops.memcg_scan(ctx, &lruvec->pub, &sc->pub);
	hook_end(m, lruvec, ctx, RCL_HOOK_MEMCG_SCAN);
	return answer;
}

static inline uint64_t ask_memcg_done(struct rcl_machine *m, struct lruvec *lruvec, struct scan *sc, enum rcl_visited visited)
{
	struct rcl_ctx *ctx = hook_begin(m, lruvec, RCL_HOOK_MEMCG_DONE);
	uint64_t answer;

	if (!lruvec->att->ops.memcg_done)
		return RCL_ROTATION_KEEP;
	answer = lruvec->att->ops.memcg_done(ctx, &lruvec->pub, &sc->pub, visited);
	hook_end(m, lruvec, ctx, RCL_HOOK_MEMCG_DONE);
	return answer;
}

static inline uint64_t ask_node_age(struct rcl_machine *m, struct lruvec *lruvec, struct scan *sc)
{
	struct rcl_ctx *ctx = hook_begin(m, lruvec, RCL_HOOK_NODE_AGE);
	uint64_t answer;

	if (!lruvec->att->ops.node_age)
		return RCL_AGING_OLD_ENOUGH;
	answer = lruvec->att->ops.node_age(ctx, &lruvec->pub, &sc->pub);
	hook_end(m, lruvec, ctx, RCL_HOOK_NODE_AGE);
	return answer;
}

/* The target's lruvec stands for the whole of the reclaim; `owner` governs some part of it. */
static inline void ask_prepare_scan(struct rcl_machine *m, struct lruvec *target, struct attachment *owner,
				    struct scan *sc)
{
	if (!owner->own.prepare_scan)
		return;
	m->hook_ns = 0;
	owner->own.prepare_scan(&owner->ctx, &target->pub, &sc->pub);
	hook_end(m, target, &owner->ctx, RCL_HOOK_PREPARE_SCAN);
}

static inline void ask_reclaim_end(struct rcl_machine *m, struct lruvec *target, struct attachment *owner,
				   struct scan *sc)
{
	if (!owner->own.reclaim_end)
		return;
	m->hook_ns = 0;
	owner->own.reclaim_end(&owner->ctx, &target->pub, &sc->pub);
	hook_end(m, target, &owner->ctx, RCL_HOOK_RECLAIM_END);
}

static inline void ask_pass_begin(struct rcl_machine *m, struct lruvec *lruvec, struct scan *sc)
{
	struct rcl_ctx *ctx = hook_begin(m, lruvec, RCL_HOOK_PASS_BEGIN);

	if (!lruvec->att->ops.pass_begin)
		return;
	lruvec->att->ops.pass_begin(ctx, &lruvec->pub, &sc->pub);
	hook_end(m, lruvec, ctx, RCL_HOOK_PASS_BEGIN);
}

static inline void ask_age(struct rcl_machine *m, struct lruvec *lruvec, struct scan *sc)
{
	struct rcl_ctx *ctx = hook_begin(m, lruvec, RCL_HOOK_AGE);

	if (!lruvec->att->ops.age)
		return;
	lruvec->att->ops.age(ctx, &lruvec->pub, &sc->pub);
	hook_end(m, lruvec, ctx, RCL_HOOK_AGE);
}

static inline uint64_t ask_next_batch(struct rcl_machine *m, struct lruvec *lruvec, struct scan *sc,
				      struct rcl_batch_result *last)
{
	struct rcl_ctx *ctx = hook_begin(m, lruvec, RCL_HOOK_NEXT_BATCH);
	uint64_t answer = lruvec->att->ops.next_batch(ctx, &lruvec->pub, &sc->pub, last);

	hook_end(m, lruvec, ctx, RCL_HOOK_NEXT_BATCH);
	return answer;
}

static inline uint64_t ask_isolate_folio(struct rcl_machine *m, struct lruvec *lruvec, struct folio *folio,
					 struct scan *sc)
{
	struct rcl_ctx *ctx;
	uint64_t answer;

	if (!lruvec->att->ops.isolate_folio)
		return RCL_ISOLATION_TAKE;
	ctx = hook_begin(m, lruvec, RCL_HOOK_ISOLATE_FOLIO);
	answer = lruvec->att->ops.isolate_folio(ctx, &lruvec->pub, &folio->pub, &sc->pub);
	hook_end(m, lruvec, ctx, RCL_HOOK_ISOLATE_FOLIO);
	return answer;
}

/* Answers a valid place; without the hook, the head of the inactive list of its type. */
static inline uint64_t ask_deactivate_folio(struct rcl_machine *m, struct lruvec *lruvec,
					    struct folio *folio, struct scan *sc)
{
	struct rcl_ctx *ctx = hook_begin(m, lruvec, RCL_HOOK_DEACTIVATE_FOLIO);
	uint64_t place;

	if (!lruvec->att->ops.deactivate_folio) {
		folio->pub.flags &= ~RCL_FOLIO_IS_ACTIVE;
		return place_head_of(folio->pub.type == RCL_ANON ? RCL_STANDARD_LIST_INACTIVE_ANON
								 : RCL_STANDARD_LIST_INACTIVE_FILE);
	}
	place = lruvec->att->ops.deactivate_folio(ctx, &lruvec->pub, &folio->pub, &sc->pub);
	hook_end(m, lruvec, ctx, RCL_HOOK_DEACTIVATE_FOLIO);
	if (RCL_LIKELY(place_is_valid(lruvec, place)))
		return place;
	hook_refuse(m, lruvec, RCL_HOOK_DEACTIVATE_FOLIO);
	return place_head_of(folio->pub.list);
}

/* As for folio_accessed, the default's move to an active list keeps a folio of an own list on it. */
static inline uint64_t ask_reclaim_folio(struct rcl_machine *m, struct lruvec *lruvec, struct folio *folio,
					 struct scan *sc)
{
	struct rcl_ctx *ctx = hook_begin(m, lruvec, RCL_HOOK_RECLAIM_FOLIO);
	uint64_t answer = lruvec->att->ops.reclaim_folio(ctx, &lruvec->pub, &folio->pub, &sc->pub);

	hook_end(m, lruvec, ctx, RCL_HOOK_RECLAIM_FOLIO);
	if ((answer & 0xff) == RCL_VERDICT_MOVE && is_defaults_move(lruvec->att->own.reclaim_folio != NULL, folio)) {
		folio->pub.flags &= ~RCL_FOLIO_IS_ACTIVE;
		return RCL_VERDICT_ROTATE;
	}
	return answer;
}

/* Answers a valid place, or RETRY the first time. The default's hook knows the standard lists only: a folio from another
 * list goes back to that list's head when the policy itself has no answer. */
static inline uint64_t ask_folio_putback(struct rcl_machine *m, struct lruvec *lruvec, struct folio *folio,
					 enum rcl_outcome outcome, struct scan *sc)
{
	struct attachment *att = lruvec->att;
	struct rcl_ctx *ctx = hook_begin(m, lruvec, RCL_HOOK_FOLIO_PUTBACK);
	uint64_t place;

	if (!att->ops.folio_putback ||
	    (!att->own.folio_putback && folio->pub.list >= RCL_FIRST_POLICY_LIST))
		return place_head_of(folio->pub.list);
	place = att->ops.folio_putback(ctx, &lruvec->pub, &folio->pub, outcome, &sc->pub);
	hook_end(m, lruvec, ctx, RCL_HOOK_FOLIO_PUTBACK);
	if (RCL_LIKELY(place_is_valid(lruvec, place)) || (place == RCL_PLACE_RETRY && !sc->pub.is_retry))
		return place;
	hook_refuse(m, lruvec, RCL_HOOK_FOLIO_PUTBACK);
	return place_head_of(folio->pub.list);
}

/* Answers a target, which may be one that the core must refuse; without the hook, the kernel's choice. */
static inline uint64_t ask_demotion_target(struct rcl_machine *m, struct lruvec *lruvec, struct folio *folio,
					   uint32_t nearest)
{
	struct rcl_ctx *ctx = hook_begin(m, lruvec, RCL_HOOK_DEMOTION_TARGET);
	uint64_t nodes = m->nodes[lruvec->pub.nid].demotion_allowed, target;

	if (!lruvec->att->ops.demotion_target)
		return RCL_TARGET_DEMOTE_TO | (uint64_t)nearest << RCL_DEMOTE_TO_NID_SHIFT;
	target = lruvec->att->ops.demotion_target(ctx, &lruvec->pub, &folio->pub, nodes, nearest);
	hook_end(m, lruvec, ctx, RCL_HOOK_DEMOTION_TARGET);
	return target;
}

/* Only where somebody has the hook; without it the mechanism asks the kernel's own rule. */
static inline uint64_t ask_promote(struct rcl_machine *m, struct lruvec *lruvec, struct folio *folio, uint32_t nid,
				   uint64_t latency_ms)
{
	struct rcl_ctx *ctx = hook_begin(m, lruvec, RCL_HOOK_PROMOTE);
	uint64_t answer = lruvec->att->ops.promote(ctx, &lruvec->pub, &folio->pub, nid, latency_ms);

	hook_end(m, lruvec, ctx, RCL_HOOK_PROMOTE);
	return answer;
}

static inline void ask_folio_moved(struct rcl_machine *m, struct lruvec *lruvec, struct folio *old,
				   struct folio *folio, enum rcl_migrated why)
{
	struct rcl_ctx *ctx = hook_begin(m, lruvec, RCL_HOOK_FOLIO_MOVED);

	if (!lruvec->att->ops.folio_moved)
		return;
	lruvec->att->ops.folio_moved(ctx, &lruvec->pub, &old->pub, &folio->pub, why);
	hook_end(m, lruvec, ctx, RCL_HOOK_FOLIO_MOVED);
}

static inline void ask_folio_removed(struct rcl_machine *m, struct lruvec *lruvec, struct folio *folio,
				     enum rcl_removal why)
{
	struct rcl_ctx *ctx = hook_begin(m, lruvec, RCL_HOOK_FOLIO_REMOVED);

	if (!lruvec->att->ops.folio_removed)
		return;
	lruvec->att->ops.folio_removed(ctx, &lruvec->pub, &folio->pub, why);
	hook_end(m, lruvec, ctx, RCL_HOOK_FOLIO_REMOVED);
}

static inline void ask_batch_isolated(struct rcl_machine *m, struct lruvec *lruvec, struct scan *sc,
				      struct rcl_batch_result *result)
{
	struct rcl_ctx *ctx = hook_begin(m, lruvec, RCL_HOOK_BATCH_ISOLATED);

	if (!lruvec->att->ops.batch_isolated)
		return;
	lruvec->att->ops.batch_isolated(ctx, &lruvec->pub, &sc->pub, result);
	hook_end(m, lruvec, ctx, RCL_HOOK_BATCH_ISOLATED);
}

static inline void ask_batch_done(struct rcl_machine *m, struct lruvec *lruvec, struct scan *sc,
				  struct rcl_batch_result *result)
{
	struct rcl_ctx *ctx = hook_begin(m, lruvec, RCL_HOOK_BATCH_DONE);

	if (!lruvec->att->ops.batch_done)
		return;
	lruvec->att->ops.batch_done(ctx, &lruvec->pub, &sc->pub, result);
	hook_end(m, lruvec, ctx, RCL_HOOK_BATCH_DONE);
}

/* Where the policy, or the default in its place, has the hook. */
static inline uint64_t ask_high_delay(struct rcl_machine *m, struct lruvec *lruvec, uint64_t overage, uint64_t nr_pages)
{
	struct rcl_ctx *ctx = hook_begin(m, lruvec, RCL_HOOK_HIGH_DELAY);
	uint64_t ns = lruvec->att->ops.high_delay(ctx, &lruvec->pub, overage, nr_pages);

	hook_end(m, lruvec, ctx, RCL_HOOK_HIGH_DELAY);
	return ns;
}

static inline uint64_t ask_folio_evicted(struct rcl_machine *m, struct lruvec *lruvec, struct folio *folio)
{
	struct rcl_ctx *ctx = hook_begin(m, lruvec, RCL_HOOK_FOLIO_EVICTED);
	uint64_t cookie;

	if (!lruvec->att->ops.folio_evicted)
		return 0;
	cookie = lruvec->att->ops.folio_evicted(ctx, &lruvec->pub, &folio->pub);
	hook_end(m, lruvec, ctx, RCL_HOOK_FOLIO_EVICTED);
	return cookie & ((1u << RCL_COOKIE_BITS) - 1);
}

#endif
