/*
 * Policies, see policy.h.
 *
 * The watchdog's limits below are ours. An ejection is asked for where the trouble is seen (inside
 * a hook, in the middle of a batch) but carried out later, at a safe point; until then the default
 * answers in place of the policy, on the policy's own lists.
 */
#include "policy.h"

#include <stdio.h>
#include <stdlib.h>

#include "batches.h"
#include "hooks.h"
#include "levels.h"
#include "maps.h"
#include "memcg.h"
#include "psi_trigger.h"
#include "tick.h"

#define MAX_REFUSED 64			/* ours: a verified policy refuses nothing, a buggy one soon gets there */
#define MAX_FUEL_HITS 16		/* ours: one spike is a walk of a large address space, sixteen are a habit */
#define MAX_STALLED_LADDERS 8		/* ours: half the kernel's 16 retries, so that ejection comes before OOM */
#define MAX_ATTACHMENTS 4096		/* ours: numbers are never reused, and a session does not need more */
#define MAX_TUNABLES 4096		/* ours: far beyond any policy */

const uint64_t hook_fuel_ns[RCL_NR_HOOKS] = RCL_HOOK_FUEL_NS;
static const char *const hook_names[RCL_NR_HOOKS] = RCL_HOOK_NAMES;

_Static_assert(sizeof(struct rcl_ops) == RCL_NR_HOOKS * sizeof(void (*)(void)), "ops are hooks in order");

/* struct rcl_ops as an array: hooks by number. */
union ops_view {
	struct rcl_ops ops;
	void (*hook[RCL_NR_HOOKS])(void);
};

bool policy_grow_lists(struct lruvec *lruvec, uint32_t nr_lists)
{
	uint32_t old = lruvec->lists_capacity;

	if (nr_lists <= old)
		return true;
	if (!grow_array((void **)&lruvec->lists, old, nr_lists, sizeof(*lruvec->lists)) ||
	    !grow_array((void **)&lruvec->pub.list_pages, old, nr_lists, sizeof(*lruvec->pub.list_pages)))
		return false;
	for (uint32_t i = old; i < nr_lists; i++)
		lruvec->lists[i].head = lruvec->lists[i].tail = RCL_NIL;
	lruvec->lists_capacity = nr_lists;
	return true;
}

/*
 * Hooks that have no meaning without the policy's own others: nothing ages or is set up for a
 * policy by the default, and the default's plan of a pass belongs to the default's batches.
 */
static bool is_never_inherited(const struct rcl_ops *own, enum rcl_hook hook)
{
	switch (hook) {
	case RCL_HOOK_INIT:
	case RCL_HOOK_EXIT:
	case RCL_HOOK_AGE:
	case RCL_HOOK_ISOLATE_FOLIO:
	case RCL_HOOK_SCORE_FOLIO:
	case RCL_HOOK_TICK:
	case RCL_HOOK_PRESSURE:
		return true;
	case RCL_HOOK_MEMCG_SCAN:
	case RCL_HOOK_MEMCG_DONE:
	case RCL_HOOK_NODE_AGE:
	case RCL_HOOK_PREPARE_SCAN:
	case RCL_HOOK_RECLAIM_END:
	case RCL_HOOK_PASS_BEGIN:
	case RCL_HOOK_BATCH_DONE:
	case RCL_HOOK_FOLIO_REPARENTED:
		return own->next_batch;
	default:
		return false;
	}
}

/* Fill the table of questions: own hooks, else the default's with the default's context. */
static void resolve_hooks(struct attachment *att, struct attachment *fallback)
{
	union ops_view own = { .ops = att->own }, other = { .ops = fallback->own }, resolved;

	att->needs_default_state = false;
	for (uint32_t hook = 0; hook < RCL_NR_HOOKS; hook++) {
		bool is_own = own.hook[hook] || !other.hook[hook] || is_never_inherited(&att->own, hook);

		resolved.hook[hook] = is_own ? own.hook[hook] : other.hook[hook];
		att->ctx_of[hook] = is_own ? &att->ctx : &fallback->ctx;
		if (!is_own && att != fallback && fallback->stride[RCL_SCOPE_FOLIO])
			att->needs_default_state = true;
	}
	att->ops = resolved.ops;
	att->plans_pass = att->own.pass_begin || !att->own.next_batch;
}

static bool is_complete(const struct rcl_ops *ops)
{
	return ops->folio_admit && ops->folio_added && ops->folio_accessed && ops->pass_begin && ops->next_batch &&
	       ops->reclaim_folio;
}

static int check_policy(struct rcl_machine *m, const struct rcl_policy *policy)
{
	if (!policy->ops || policy->nr_lists > RCL_MAX_LISTS - RCL_FIRST_POLICY_LIST ||
	    policy->nr_tunables > MAX_TUNABLES || policy->nr_maps > RCL_MAX_BATCH)
		return machine_error(m, RCL_BAD_ARGUMENT, "policy without hooks, or with more than %d lists",
				     RCL_MAX_LISTS - RCL_FIRST_POLICY_LIST);
	for (uint32_t scope = 0; scope < 5; scope++) {
		uint64_t stride = policy->state[scope].stride_bytes;

		if (stride > 1 << 20 || (stride % 8 && stride != 1 && stride != 2 && stride != 4))
			return machine_error(m, RCL_BAD_ARGUMENT, "state of scope %u has a stride of %llu bytes", scope,
					     (unsigned long long)stride);
	}
	for (uint32_t i = 0; i < policy->nr_maps; i++) {
		const char *wrong = map_check(&policy->maps[i]);

		if (wrong)
			return machine_error(m, RCL_BAD_ARGUMENT, "map %u: %s", i, wrong);
	}
	if (m->nr_attachments >= MAX_ATTACHMENTS)
		return machine_error(m, RCL_BAD_ARGUMENT, "more than %d attachments", MAX_ATTACHMENTS);
	return RCL_OK;
}

static uint64_t nr_scope_elements(const struct rcl_machine *m, enum rcl_scope scope)
{
	switch (scope) {
	case RCL_SCOPE_FOLIO:
		return m->nr_folios;
	case RCL_SCOPE_LRUVEC:
		return (uint64_t)m->nr_memcgs * m->nr_nodes;
	case RCL_SCOPE_MEMCG:
		return m->nr_memcgs;
	case RCL_SCOPE_SCAN:
		return RCL_SCAN_SLOTS;
	default:
		return 1;
	}
}

static void publish_state(struct attachment *att)
{
	att->ctx.folio_state = att->base[RCL_SCOPE_FOLIO];
	att->ctx.lruvec_state = att->base[RCL_SCOPE_LRUVEC];
	att->ctx.memcg_state = att->base[RCL_SCOPE_MEMCG];
	att->ctx.scan_state = att->base[RCL_SCOPE_SCAN];
	att->ctx.global_state = att->base[RCL_SCOPE_GLOBAL];
}

/* Let every scope's state array reach the machine's size; new elements get the initial values. */
static bool grow_state(struct rcl_machine *m, struct attachment *att)
{
	for (uint32_t scope = 0; scope < 5; scope++) {
		uint64_t nr = nr_scope_elements(m, scope), old = att->nr_elements[scope];
		const uint8_t *initial = att->initial[scope];
		bool is_zero = true;

		if (att->stride[scope] == 0 || nr <= old)
			continue;
		if (!grow_array((void **)&att->base[scope], old, nr, att->stride[scope]))
			return false;
		publish_state(att);
		for (uint64_t i = 0; i < att->stride[scope]; i++)
			is_zero &= initial[i] == 0;
		for (uint64_t i = old; i < nr && !is_zero; i++)
			memcpy(att->base[scope] + i * att->stride[scope], initial, att->stride[scope]);
		att->nr_elements[scope] = nr;
	}
	return true;
}

static bool copy_state_decls(struct attachment *att, const struct rcl_policy *policy)
{
	for (uint32_t scope = 0; scope < 5; scope++) {
		uint64_t stride = policy->state[scope].stride_bytes;

		att->stride[scope] = stride;
		if (stride == 0)
			continue;
		att->initial[scope] = calloc(1, stride);
		if (!att->initial[scope])
			return false;
		if (policy->state[scope].initial)
			memcpy(att->initial[scope], policy->state[scope].initial, stride);
	}
	return true;
}

static bool copy_maps(struct attachment *att, const struct rcl_policy *policy)
{
	uint32_t number = 0;

	for (uint32_t i = 0; i < policy->nr_maps; i++)
		att->nr_maps += policy->maps[i].count;
	att->maps = calloc(att->nr_maps + UINT64_C(1), sizeof(*att->maps));
	if (!att->maps)
		return false;
	for (uint32_t i = 0; i < policy->nr_maps; i++) {
		for (uint32_t k = 0; k < policy->maps[i].count; k++)
			map_init(&att->maps[number++], &policy->maps[i]);
	}
	return true;
}

static void free_attachment(struct attachment *att)
{
	for (uint32_t scope = 0; scope < 5; scope++) {
		free(att->initial[scope]);
		free(att->base[scope]);
		att->initial[scope] = NULL;
		att->base[scope] = NULL;
		att->stride[scope] = 0;
	}
	for (uint32_t i = 0; i < att->nr_maps; i++)
		map_free(&att->maps[i]);
	free(att->maps);
	free(att->ctx.tunables);
	att->maps = NULL;
	att->nr_maps = 0;
	att->ctx.tunables = NULL;
}

static struct attachment *alloc_attachment(struct rcl_machine *m, const struct rcl_policy *policy)
{
	struct attachment *att = calloc(1, sizeof(*att));

	if (!att)
		return NULL;
	att->m = m;
	att->own = *policy->ops;
	m->has_incoming_hook |= att->own.folio_incoming != NULL;
	att->nr_lists = policy->nr_lists;
	att->nr_tunables = policy->nr_tunables;
	snprintf(att->name, sizeof(att->name), "%s", policy->name ? policy->name : "");
	att->ctx.tunables = calloc(policy->nr_tunables + UINT64_C(1), sizeof(uint64_t));
	if (att->ctx.tunables && copy_state_decls(att, policy) && copy_maps(att, policy) && grow_state(m, att)) {
		if (policy->nr_tunables)
			memcpy(att->ctx.tunables, policy->tunables, policy->nr_tunables * sizeof(uint64_t));
		return att;
	}
	free_attachment(att);
	free(att);
	return NULL;
}

/* Whether an attachment's point covers a lruvec, and how near: 0 not at all. */
static uint32_t nearness(const struct rcl_machine *m, const struct attachment *att, const struct lruvec *lruvec)
{
	const struct memcg *memcg = memcg_of(lruvec->pub.memcg);

	if (!att->is_live)
		return 0;
	if (att->point == RCL_ATTACH_SYSTEM)
		return 1;
	if (att->point == RCL_ATTACH_NODE)
		return att->where == lruvec->pub.nid ? 2 : 0;
	if (!memcg_parent(memcg) && att->where != 0)
		return 0;
	return memcg->order - m->memcgs[att->where]->order < m->memcgs[att->where]->nr_subtree
		       ? 3 + m->memcgs[att->where]->depth
		       : 0;
}

/* Whether a reclaim may have a lruvec as target and reach something that the attachment governs. */
static bool is_target_of(const struct rcl_machine *m, const struct attachment *att, const struct lruvec *lruvec)
{
	const struct memcg *memcg = memcg_of(lruvec->pub.memcg);

	return nearness(m, att, lruvec) || (att->point == RCL_ATTACH_MEMCG && memcg_is_below(m->memcgs[att->where], memcg));
}

/* The nearest live attachment; of equally near ones the earliest. */
static struct attachment *find_governor(const struct rcl_machine *m, const struct lruvec *lruvec)
{
	struct attachment *best = default_of(m);
	uint32_t best_nearness = 0;

	for (uint32_t i = 1; i < m->nr_attachments; i++) {
		uint32_t near = nearness(m, m->attachments[i], lruvec);

		if (near > best_nearness) {
			best = m->attachments[i];
			best_nearness = near;
		}
	}
	return best;
}

/* Unlink all folios of a lruvec, list by list from the tail, into one chain over `next`. */
static uint32_t collect_folios(struct rcl_machine *m, struct lruvec *lruvec)
{
	uint32_t first = RCL_NIL, last = RCL_NIL;

	for (uint32_t list = 1; list < lruvec->nr_lists; list++) {
		while (lruvec->lists[list].tail != RCL_NIL) {
			struct folio *folio = folio_at(m, lruvec->lists[list].tail);

			lru_del_folio(m, lruvec, folio);
			folio->transit = RCL_TRANSIT_ENTERING;
			folio->pub.list = 0;
			link_at(m, folio->pub.pfn)->next = RCL_NIL;
			if (last == RCL_NIL)
				first = folio->pub.pfn;
			else
				link_at(m, last)->next = folio->pub.pfn;
			last = folio->pub.pfn;
		}
	}
	return first;
}

/* Hand a lruvec over to its governor; memory was reserved before. */
static void govern(struct rcl_machine *m, struct lruvec *lruvec, struct attachment *att)
{
	struct attachment *old = lruvec->att;
	uint32_t chain;

	if (old == att)
		return;
	if (old && old->own.exit) {
		old->own.exit(&old->ctx, &lruvec->pub);
		old->ctx.failed = 0;	/* it leaves anyway */
	}
	chain = old ? collect_folios(m, lruvec) : RCL_NIL;
	lruvec->att = att;
	lruvec->nr_lists = RCL_NR_STANDARD_LISTS + att->nr_lists;
	levels_reset_classes(lruvec);
	if (att->stride[RCL_SCOPE_LRUVEC])
		policy_init_element(att, RCL_SCOPE_LRUVEC, lruvec->pub.id);
	if (att->own.init) {
		m->hook_ns = 0;
		att->own.init(&att->ctx, &lruvec->pub);
		hook_end(m, lruvec, &att->ctx, RCL_HOOK_INIT);
	}
	/* Whoever is unevictable stays so; the new governor may be asked about it once it is rescued. */
	for (uint32_t pfn = lruvec->unevictable.head; old && pfn != RCL_NIL; pfn = link_at(m, pfn)->next)
		policy_init_folio(m, att, pfn);
	while (chain != RCL_NIL) {
		struct folio *folio = folio_at(m, chain);
		uint64_t place;

		chain = link_at(m, chain)->next;
		policy_init_folio(m, att, folio->pub.pfn);
		place = ask_folio_added(m, lruvec, folio, RCL_ADDED_ADOPTED);
		lru_add_folio(m, lruvec, folio, place_list(place), place_at_tail(place));
		count_core_did(lruvec, RCL_ADOPTED, folio->pub.nr_pages);
	}
	tick_begin(m, lruvec);
	psi_trigger_begin(m, lruvec);
}

/* Reserve lists and map instances for a governor-to-be of a lruvec. */
static bool reserve_lruvec(struct attachment *att, struct lruvec *lruvec)
{
	if (!policy_grow_lists(lruvec, RCL_NR_STANDARD_LISTS + att->nr_lists))
		return false;
	for (uint32_t i = 0; i < att->nr_maps; i++) {
		struct map *map = &att->maps[i];
		uint32_t instance = map->scope == RCL_SCOPE_LRUVEC  ? lruvec->pub.id
				    : map->scope == RCL_SCOPE_MEMCG ? lruvec->pub.memcg->id
								    : 0;

		if (!map_add_instance(map, instance))
			return false;
	}
	return true;
}

/* Also for lruvecs that a nearer attachment governs now: that one may leave while memory is short. And
 * for those above, which prepare_scan may be asked about. */
static bool reserve_all(struct rcl_machine *m, struct attachment *att)
{
	for (uint32_t i = 0; i < m->nr_memcgs * m->nr_nodes; i++) {
		struct lruvec *lruvec = &m->memcgs[i / m->nr_nodes]->lruvecs[i % m->nr_nodes];

		if ((att == default_of(m) || is_target_of(m, att, lruvec)) && !reserve_lruvec(att, lruvec))
			return false;
	}
	return true;
}

static void govern_all(struct rcl_machine *m)
{
	/* Moves that wait were meant for the old governor's lists. */
	if (m->has_default)
		batches_drain_all(m);
	for (uint32_t i = 0; i < m->nr_memcgs * m->nr_nodes; i++) {
		struct lruvec *lruvec = &m->memcgs[i / m->nr_nodes]->lruvecs[i % m->nr_nodes];

		govern(m, lruvec, find_governor(m, lruvec));
	}
}

static int register_attachment(struct rcl_machine *m, const struct rcl_policy *policy, uint32_t point, uint32_t where)
{
	struct attachment *att = alloc_attachment(m, policy);
	uint64_t nr = m->nr_attachments;

	if (!att)
		return machine_error(m, RCL_NO_MEMORY, "no memory for the policy's state and maps");
	if (!grow_array((void **)&m->attachments, nr, nr + 1, sizeof(*m->attachments)) ||
	    !grow_array((void **)&m->exits, nr, nr + 1, sizeof(*m->exits))) {
		free_attachment(att);
		free(att);
		return machine_error(m, RCL_NO_MEMORY, "no memory for an attachment");
	}
	m->attachments[nr] = att;
	m->nr_attachments++;
	att->number = (uint32_t)nr;
	att->point = point;
	att->where = where;
	att->is_live = true;
	resolve_hooks(att, default_of(m));
	if (!reserve_all(m, att)) {
		m->nr_attachments--;
		free_attachment(att);
		free(att);
		return machine_error(m, RCL_NO_MEMORY, "no memory for the policy's lists and maps");
	}
	govern_all(m);
	policy_run_ejections(m);
	return RCL_OK;
}

int rcl_set_default(struct rcl_machine *m, const struct rcl_policy *policy)
{
	int status = check_policy(m, policy);

	if (status != RCL_OK)
		return status;
	if (m->has_default)
		return machine_error(m, RCL_BAD_ARGUMENT, "the machine has a default policy already");
	if (!is_complete(policy->ops) || policy->nr_lists)
		return machine_error(m, RCL_INCOMPLETE_DEFAULT,
				     "the default needs folio_admit, folio_added, folio_accessed, pass_begin, next_batch, "
				     "reclaim_folio and no lists of its own");
	status = register_attachment(m, policy, RCL_ATTACH_SYSTEM, 0);
	m->has_default = status == RCL_OK;
	return status;
}

int rcl_attach(struct rcl_machine *m, const struct rcl_policy *policy, uint32_t point, uint32_t where,
	       uint32_t *attachment)
{
	int status = check_policy(m, policy);

	if (status != RCL_OK)
		return status;
	if (!m->has_default)
		return machine_error(m, RCL_BAD_ARGUMENT, "the machine needs a default policy first");
	if (point > RCL_ATTACH_MEMCG || (point == RCL_ATTACH_NODE && where >= m->nr_nodes) ||
	    (point == RCL_ATTACH_MEMCG && where >= m->nr_memcgs))
		return machine_error(m, RCL_BAD_ARGUMENT, "nothing to attach to: point %u, number %u", point, where);
	status = register_attachment(m, policy, point, where);
	if (status == RCL_OK)
		*attachment = m->nr_attachments - 1;
	return status;
}

static void write_exit(struct rcl_machine *m, struct attachment *att)
{
	struct exit_entry *entry = &m->exits[m->nr_exits++];
	struct rcl_exit *record = &entry->record;

	memset(record, 0, sizeof(*record));
	record->attachment = att->number;
	record->kind = att->eject_kind;
	record->hook = att->eject_hook;
	record->fail_message = att->fail_message;
	record->time_ns = *m->clock;
	snprintf(record->policy, sizeof(record->policy), "%s", att->name);
	if (att->eject_hook >= 0)
		snprintf(record->text, sizeof(record->text), "%s, in hook %s", att->eject_text,
			 hook_names[att->eject_hook]);
	else
		snprintf(record->text, sizeof(record->text), "%s", att->eject_text);
	memcpy(entry->counters, att->stat, sizeof(entry->counters));
}

static void retire(struct rcl_machine *m, struct attachment *att)
{
	att->is_live = false;
	govern_all(m);
	write_exit(m, att);
	free_attachment(att);
}

void policy_run_ejections(struct rcl_machine *m)
{
	while (RCL_UNLIKELY(m->any_eject_pending)) {
		m->any_eject_pending = false;
		for (uint32_t i = 1; i < m->nr_attachments; i++) {
			struct attachment *att = m->attachments[i];

			if (!att->eject_pending || !att->is_live)
				continue;
			att->stat[RCL_EJECTED]++;
			count(&m->memcgs[0]->lruvecs[0], RCL_EJECTED, 1);
			retire(m, att);
		}
	}
}

void policy_eject(struct rcl_machine *m, struct attachment *att, enum rcl_exit_kind kind, int32_t hook, const char *text)
{
	if (att->eject_pending || att == default_of(m))
		return;
	att->eject_pending = true;
	att->eject_kind = (uint8_t)kind;
	att->eject_hook = hook;
	att->eject_text = text;
	m->any_eject_pending = true;
	att->own = (struct rcl_ops){ .exit = att->own.exit };
	resolve_hooks(att, default_of(m));
}

int rcl_detach(struct rcl_machine *m, uint32_t attachment)
{
	struct attachment *att;

	if (attachment == 0 || attachment >= m->nr_attachments || !m->attachments[attachment]->is_live)
		return machine_error(m, RCL_BAD_ARGUMENT, "attachment %u does not exist or is the default", attachment);
	att = m->attachments[attachment];
	att->eject_kind = RCL_EXIT_USER;
	att->eject_hook = -1;
	att->eject_text = "detached";
	retire(m, att);
	policy_run_ejections(m);
	return RCL_OK;
}

int rcl_set_tunable(struct rcl_machine *m, uint32_t attachment, uint32_t tunable, uint64_t value)
{
	if (!rcl_is_attached(m, attachment) || tunable >= m->attachments[attachment]->nr_tunables)
		return machine_error(m, RCL_BAD_ARGUMENT, "attachment %u has no tunable %u", attachment, tunable);
	m->attachments[attachment]->ctx.tunables[tunable] = value;
	return RCL_OK;
}

int rcl_is_attached(const struct rcl_machine *m, uint32_t attachment)
{
	return attachment < m->nr_attachments && m->attachments[attachment]->is_live;
}

uint64_t rcl_nr_exits(const struct rcl_machine *m)
{
	return m->nr_exits;
}

int rcl_exit_record(const struct rcl_machine *m, uint64_t index, struct rcl_exit *out)
{
	if (index >= m->nr_exits)
		return RCL_BAD_ARGUMENT;
	*out = m->exits[index].record;
	return RCL_OK;
}

int rcl_exit_counters(const struct rcl_machine *m, uint64_t index, uint64_t *out)
{
	if (index >= m->nr_exits)
		return RCL_BAD_ARGUMENT;
	memcpy(out, m->exits[index].counters, sizeof(m->exits[index].counters));
	return RCL_OK;
}

void hook_trouble(struct rcl_machine *m, struct lruvec *lruvec, struct rcl_ctx *ctx, enum rcl_hook hook)
{
	struct attachment *att = (struct attachment *)ctx;

	if (ctx->failed) {
		att->fail_message = (uint32_t)(ctx->failed - 1);
		ctx->failed = 0;
		count_core_did(lruvec, RCL_DEFAULT_TAKEN, 1);
		policy_eject(m, att, RCL_EXIT_POLICY, (int32_t)hook, "the policy called fail()");
	}
	if (m->hook_ns > hook_fuel_ns[hook]) {
		m->hook_ns = 0;
		count_core_did(lruvec, RCL_BUDGET_HIT, 1);
		if (++att->nr_fuel_hits >= MAX_FUEL_HITS)
			policy_eject(m, att, RCL_EXIT_STALL, (int32_t)hook, "run-time fuel exceeded repeatedly");
	}
}

void hook_refuse(struct rcl_machine *m, struct lruvec *lruvec, enum rcl_hook hook)
{
	struct attachment *att = (struct attachment *)lruvec->att->ctx_of[hook];

	count_core_did(lruvec, RCL_REFUSED_ANSWER, 1);
	if (++att->nr_refused >= MAX_REFUSED)
		policy_eject(m, att, RCL_EXIT_ERROR, (int32_t)hook, "answers that the core had to refuse");
}

void policy_note_ladder(struct rcl_machine *m, const struct scan *sc, bool has_progress)
{
	const struct memcg *top = sc->target ? sc->target : m->memcgs[0];

	for (uint32_t i = top->order; i < top->order + top->nr_subtree; i++) {
		struct memcg *memcg = m->memcgs[m->memcg_order[i]];

		for (uint32_t nid = 0; nid < m->nr_nodes; nid++) {
			struct lruvec *lruvec = &memcg->lruvecs[nid];

			if (has_progress)
				lruvec->att->nr_stalled = 0;
			else if (lruvec->pub.nr_pages && ++lruvec->att->nr_stalled >= MAX_STALLED_LADDERS)
				policy_eject(m, lruvec->att, RCL_EXIT_STALL, -1,
					     "complete retry ladders without progress");
		}
	}
}

void policy_init_scan(struct rcl_machine *m, uint32_t slot)
{
	for (uint32_t i = 0; i < m->nr_attachments; i++) {
		struct attachment *att = m->attachments[i];

		if (!att->is_live)
			continue;
		att->scanned_nodes[slot] = 0;
		if (att->stride[RCL_SCOPE_SCAN])
			policy_init_element(att, RCL_SCOPE_SCAN, slot);
	}
}

static struct attachment *owner_of(const struct lruvec *lruvec, enum rcl_hook hook)
{
	return (struct attachment *)lruvec->att->ctx_of[hook];
}

void policy_prepare_scan(struct rcl_machine *m, struct lruvec *target, const struct lruvec *lruvec, struct scan *sc)
{
	struct attachment *owner = owner_of(lruvec, RCL_HOOK_PREPARE_SCAN);

	owner_of(lruvec, RCL_HOOK_RECLAIM_END)->scanned_nodes[sc->pub.slot] |= (uint16_t)(1u << lruvec->pub.nid);
	if (owner->prepared[sc->pub.slot] == sc->round)
		return;
	owner->prepared[sc->pub.slot] = sc->round;
	ask_prepare_scan(m, target, owner, sc);
}

void policy_reclaim_end(struct rcl_machine *m, struct memcg *target, struct scan *sc)
{
	uint32_t slot = sc->pub.slot;

	for (uint32_t i = 0; i < m->nr_attachments; i++) {
		struct attachment *att = m->attachments[i];

		for (uint32_t nid = 0; att->is_live && att->scanned_nodes[slot] >> nid; nid++) {
			if (att->scanned_nodes[slot] >> nid & 1)
				ask_reclaim_end(m, &target->lruvecs[nid], att, sc);
		}
		att->scanned_nodes[slot] = 0;
	}
}

bool policy_memcg_born(struct rcl_machine *m, struct memcg *memcg)
{
	if (!m->has_default)
		return true;
	for (uint32_t i = 0; i < m->nr_attachments; i++) {
		struct attachment *att = m->attachments[i];

		if (!att->is_live)
			continue;
		if (!grow_state(m, att))
			return false;
		for (uint32_t nid = 0; nid < m->nr_nodes; nid++) {
			if ((i == 0 || nearness(m, att, &memcg->lruvecs[nid])) &&
			    !reserve_lruvec(att, &memcg->lruvecs[nid]))
				return false;
		}
	}
	for (uint32_t nid = 0; nid < m->nr_nodes; nid++)
		govern(m, &memcg->lruvecs[nid], find_governor(m, &memcg->lruvecs[nid]));
	policy_run_ejections(m);
	return true;
}

void policy_teardown(struct rcl_machine *m)
{
	for (uint32_t i = 0; i < m->nr_attachments; i++) {
		free_attachment(m->attachments[i]);
		free(m->attachments[i]);
	}
	free(m->attachments);
	free(m->exits);
}
