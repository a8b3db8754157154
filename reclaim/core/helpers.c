/*
 * Helpers: what policies may call. One h_ function per entry of reclaim/abi/helpers.py.
 *
 * Here: the calling convention, argument by argument as the generated prototypes say, and the
 * charge of virtual time. Not here: the mechanisms behind them. The first argument is always the
 * policy's context; the attachment around it leads to the machine.
 *
 * Arguments come from verified code, so ranges are not checked again; only what a verifier cannot
 * know (whether a folio is on a list at this moment) is.
 */
#include "hooks.h"
#include "levels.h"
#include "maps.h"
#include "node.h"
#include "rmap.h"
#include "scan.h"
#include "swap.h"
#include "trace.h"
#include "walk.h"

static inline struct attachment *attachment_of(struct rcl_ctx *ctx)
{
	return (struct attachment *)ctx;
}

static inline struct rcl_machine *machine_of(struct rcl_ctx *ctx)
{
	return ((struct attachment *)ctx)->m;
}

/* ---- integers: no context needed, it is there because every helper has it ---- */

uint64_t h_isqrt(struct rcl_ctx *ctx, uint64_t x)
{
	uint64_t root = 0;

	(void)ctx;
	for (uint64_t bit = UINT64_C(1) << 31; bit; bit >>= 1) {
		if ((root | bit) * (root | bit) <= x)
			root |= bit;
	}
	return root;
}

uint64_t h_ilog2(struct rcl_ctx *ctx, uint64_t x)
{
	(void)ctx;
	return 63 - (uint64_t)__builtin_clzll(x | 1);
}

uint64_t h_mul_div(struct rcl_ctx *ctx, uint64_t a, uint64_t b, uint64_t c)
{
	__extension__ unsigned __int128 quotient;

	(void)ctx;
	if (c == 0)
		return UINT64_MAX;
	quotient = (__extension__ (unsigned __int128)a) * b / c;
	return quotient > UINT64_MAX ? UINT64_MAX : (uint64_t)quotient;
}

uint64_t h_random(struct rcl_ctx *ctx)
{
	return machine_random(machine_of(ctx));
}

/* ---- folios and lists ---- */

static struct table_filter filter_of(struct rcl_ctx *ctx, uint64_t value)
{
	struct table_filter filter = { 0 };
	struct map *map;

	if (value) {
		filter.table = map_resolve(attachment_of(ctx), value, &map);
		filter.map = map;
	}
	return filter;
}

uint64_t h_folio_referenced(struct rcl_ctx *ctx, struct rcl_folio *folio, uint64_t look_around, uint64_t filter,
			    uint64_t density)
{
	struct look_around around = { .nr_ptes = look_around, .filter = filter_of(ctx, filter), .density = density };

	return rmap_referenced(machine_of(ctx), folio_of(folio), &around);
}

/* The claim of a folio off the lists is settled when it is put somewhere; then there is nothing to change. */
void h_folio_retarget(struct rcl_ctx *ctx, struct rcl_folio *pub, uint64_t list)
{
	struct folio *folio = folio_of(pub);
	struct lruvec *lruvec = folio_lruvec(folio);

	if (!place_is_valid(lruvec, place_head_of((uint32_t)list)) ||
	    (folio->transit != RCL_TRANSIT_NONE && folio->transit != RCL_TRANSIT_CANDIDATE))
		return;
	lruvec->pub.list_pages[pub->list] -= pub->nr_pages;
	lruvec->pub.list_pages[list] += pub->nr_pages;
	rstat_updated(lruvec);
	pub->list = (uint8_t)list;
	spend_in_hook(machine_of(ctx), machine_of(ctx)->config.costs.retarget_ns);
}

void h_folio_move(struct rcl_ctx *ctx, struct rcl_folio *pub, struct rcl_lruvec *lruvec_pub, uint64_t place)
{
	struct lruvec *lruvec = lruvec_of(lruvec_pub);
	struct folio *folio = folio_of(pub);
	struct rcl_machine *m = machine_of(ctx);

	if (folio->transit != RCL_TRANSIT_NONE || folio_lruvec(folio) != lruvec || !place_is_valid(lruvec, place))
		return;
	lru_move_folio(m, lruvec, folio, place_list(place), place_at_tail(place));
	spend_in_hook(m, m->config.costs.list_move_ns);
	count(lruvec, RCL_LRU_LOCK_NS, m->config.costs.list_move_ns);
}

/* Sorted lists keep what others claim: a folio retargeted away is moved where it is linked, to the same end, and its
 * claim stays unless it was to this list (inc_min_seq()).
 *
 * SIMPLIFIED: the moved folios keep their flags and the policy's state, the kernel's lose their tiers
 * (folio_inc_gen()); effect: under mglru where two generations are merged, which takes max_nr_gens=3 or swap that
 * comes and goes. */
static void splice_folio(struct rcl_machine *m, struct lruvec *lruvec, struct folio *folio, uint32_t from,
			 uint64_t place)
{
	uint32_t list = folio->pub.list;

	if (list == from) {
		lru_move_folio(m, lruvec, folio, place_list(place), place_at_tail(place));
		return;
	}
	lru_unlink(m, lruvec, folio);
	lru_link(m, lruvec, folio, list, place_at_tail(place));
}

uint64_t h_list_splice(struct rcl_ctx *ctx, uint64_t list, struct rcl_lruvec *lruvec_pub, uint64_t place,
		       uint64_t limit)
{
	struct lruvec *lruvec = lruvec_of(lruvec_pub);
	struct rcl_machine *m = machine_of(ctx);
	uint64_t nr_moved = 0, nr_left;
	uint32_t pfn;

	if (!place_is_valid(lruvec, place) || list == 0 || list >= lruvec->nr_lists || limit == 0)
		return 0;
	nr_left = lruvec->lists[list].nr_folios;
	if (nr_left > limit)
		nr_left = limit;
	pfn = lruvec->lists[list].tail;
	while (nr_left--) {
		struct folio *folio = folio_at(m, pfn);

		pfn = link_at(m, pfn)->prev;
		nr_moved += folio->pub.nr_pages;
		splice_folio(m, lruvec, folio, (uint32_t)list, place);
	}
	spend_in_hook(m, nr_moved * m->config.costs.list_move_ns);
	count(lruvec, RCL_LRU_LOCK_NS, nr_moved * m->config.costs.list_move_ns);
	return nr_moved;
}

static struct rcl_folio *folio_or_none(struct rcl_ctx *ctx, uint32_t pfn)
{
	return pfn == RCL_NIL ? NULL : &folio_at(machine_of(ctx), pfn)->pub;
}

/* prepare_scan and reclaim_end are told of the reclaim's target, which another policy may govern: there the lists
 * and their folios are that policy's. The default stands in everywhere for hooks that others leave out. */
static bool governs(struct rcl_ctx *ctx, const struct lruvec *lruvec)
{
	return lruvec->att == attachment_of(ctx) || attachment_of(ctx) == default_of(machine_of(ctx));
}

/* Physical emptiness: who claims the list makes no difference. */
uint64_t h_list_is_empty(struct rcl_ctx *ctx, uint64_t list, struct rcl_lruvec *pub)
{
	const struct lruvec *lruvec = lruvec_of(pub);

	return lruvec->lists[list].nr_folios == 0 || (list >= RCL_FIRST_POLICY_LIST && !governs(ctx, lruvec));
}

void h_list_set_active(struct rcl_ctx *ctx, uint64_t list, struct rcl_lruvec *lruvec, uint64_t active)
{
	if (governs(ctx, lruvec_of(lruvec)))
		list_set_active(lruvec_of(lruvec), (uint32_t)list, active);
}

struct rcl_folio *h_list_tail(struct rcl_ctx *ctx, struct rcl_lruvec *pub, uint64_t list)
{
	const struct lruvec *lruvec = lruvec_of(pub);

	return governs(ctx, lruvec) ? folio_or_none(ctx, lruvec->lists[list].tail) : NULL;
}

struct rcl_folio *h_list_head(struct rcl_ctx *ctx, struct rcl_lruvec *pub, uint64_t list)
{
	const struct lruvec *lruvec = lruvec_of(pub);

	return governs(ctx, lruvec) ? folio_or_none(ctx, lruvec->lists[list].head) : NULL;
}

struct rcl_folio *h_folio_younger(struct rcl_ctx *ctx, struct rcl_folio *folio)
{
	return folio_or_none(ctx, link_at(machine_of(ctx), folio->pfn)->prev);
}

struct rcl_folio *h_folio_older(struct rcl_ctx *ctx, struct rcl_folio *folio)
{
	return folio_or_none(ctx, link_at(machine_of(ctx), folio->pfn)->next);
}

/* ---- page-table walk ---- */

uint64_t h_walk_page_tables(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, uint64_t filter_in, uint64_t filter_out,
			    uint64_t young_tables, uint64_t anon, uint64_t file, uint64_t density, uint64_t max_ptes)
{
	struct walk walk = { .lruvec = lruvec_of(lruvec), .filter_in = filter_of(ctx, filter_in),
			     .filter_out = filter_of(ctx, filter_out), .young_tables = young_tables,
			     .wants_type = { anon, file }, .density = density, .max_ptes = max_ptes };

	return walk_page_tables(machine_of(ctx), &walk);
}

/* ---- maps ---- */

static inline struct map_table *use_map(struct rcl_ctx *ctx, uint64_t value, struct map **map)
{
	spend_in_hook(machine_of(ctx), machine_of(ctx)->config.costs.map_ns);
	return map_resolve(attachment_of(ctx), value, map);
}

uint64_t h_array_map_get(struct rcl_ctx *ctx, uint64_t map, uint64_t index)
{
	struct map *declared;

	return map_resolve(attachment_of(ctx), map, &declared)->words[index];
}

void h_array_map_set(struct rcl_ctx *ctx, uint64_t map, uint64_t index, uint64_t value)
{
	struct map *declared;

	map_resolve(attachment_of(ctx), map, &declared)->words[index] = value;
}

static struct rcl_optional get_value(struct rcl_ctx *ctx, uint64_t map, uint64_t key, bool refresh)
{
	struct rcl_optional result = { 0 };
	struct map *declared;
	struct map_table *table = use_map(ctx, map, &declared);

	result.present = map_get(declared, table, key, refresh, &result.value);
	return result;
}

static uint64_t put_value(struct rcl_ctx *ctx, uint64_t map, uint64_t key, uint64_t value)
{
	struct map *declared;
	struct map_table *table = use_map(ctx, map, &declared);

	return map_put(declared, table, key, value);
}

static uint64_t remove_key(struct rcl_ctx *ctx, uint64_t map, uint64_t key)
{
	struct map *declared;
	struct map_table *table = use_map(ctx, map, &declared);

	return map_remove(declared, table, key);
}

static uint64_t contains_key(struct rcl_ctx *ctx, uint64_t map, uint64_t key)
{
	uint64_t value;
	struct map *declared;
	struct map_table *table = use_map(ctx, map, &declared);

	return map_get(declared, table, key, false, &value);
}

static uint64_t nr_entries(struct rcl_ctx *ctx, uint64_t map)
{
	struct map *declared;

	return map_resolve(attachment_of(ctx), map, &declared)->nr_entries;
}

struct rcl_optional h_hash_map_get(struct rcl_ctx *ctx, uint64_t map, uint64_t key)
{
	return get_value(ctx, map, key, false);
}

uint64_t h_hash_map_put(struct rcl_ctx *ctx, uint64_t map, uint64_t key, uint64_t value)
{
	return put_value(ctx, map, key, value);
}

uint64_t h_hash_map_remove(struct rcl_ctx *ctx, uint64_t map, uint64_t key)
{
	return remove_key(ctx, map, key);
}

struct rcl_optional h_lru_hash_get(struct rcl_ctx *ctx, uint64_t map, uint64_t key)
{
	return get_value(ctx, map, key, true);
}

uint64_t h_lru_hash_put(struct rcl_ctx *ctx, uint64_t map, uint64_t key, uint64_t value)
{
	return put_value(ctx, map, key, value);
}

uint64_t h_lru_hash_remove(struct rcl_ctx *ctx, uint64_t map, uint64_t key)
{
	return remove_key(ctx, map, key);
}

uint64_t h_hash_set_add(struct rcl_ctx *ctx, uint64_t map, uint64_t key)
{
	return put_value(ctx, map, key, 0);
}

uint64_t h_hash_set_discard(struct rcl_ctx *ctx, uint64_t map, uint64_t key)
{
	return remove_key(ctx, map, key);
}

uint64_t h_hash_set_contains(struct rcl_ctx *ctx, uint64_t map, uint64_t key)
{
	return contains_key(ctx, map, key);
}

uint64_t h_lru_set_add(struct rcl_ctx *ctx, uint64_t map, uint64_t key)
{
	return put_value(ctx, map, key, 0);
}

uint64_t h_lru_set_discard(struct rcl_ctx *ctx, uint64_t map, uint64_t key)
{
	return remove_key(ctx, map, key);
}

uint64_t h_lru_set_contains(struct rcl_ctx *ctx, uint64_t map, uint64_t key)
{
	return contains_key(ctx, map, key);
}

uint64_t h_hash_map_size(struct rcl_ctx *ctx, uint64_t map)
{
	return nr_entries(ctx, map);
}

uint64_t h_lru_hash_size(struct rcl_ctx *ctx, uint64_t map)
{
	return nr_entries(ctx, map);
}

uint64_t h_hash_set_size(struct rcl_ctx *ctx, uint64_t map)
{
	return nr_entries(ctx, map);
}

uint64_t h_lru_set_size(struct rcl_ctx *ctx, uint64_t map)
{
	return nr_entries(ctx, map);
}

void h_bloom_filter_add(struct rcl_ctx *ctx, uint64_t map, uint64_t key)
{
	struct map *declared;
	struct map_table *table = use_map(ctx, map, &declared);

	bloom_add(declared, table, key);
}

uint64_t h_bloom_filter_contains(struct rcl_ctx *ctx, uint64_t map, uint64_t key)
{
	struct map *declared;
	struct map_table *table = use_map(ctx, map, &declared);

	return bloom_contains(declared, table, key);
}

void h_bloom_filter_clear(struct rcl_ctx *ctx, uint64_t map)
{
	struct map *declared;
	struct map_table *table = use_map(ctx, map, &declared);

	bloom_clear(declared, table);
}

/* ---- the machine ---- */

void h_emit(struct rcl_ctx *ctx, uint64_t id, uint64_t a, uint64_t b)
{
	struct rcl_machine *m = machine_of(ctx);

	TRACE(m, NULL, policy_event, .attachment = attachment_of(ctx)->number, .id = id, .a = a, .b = b);
}

uint64_t h_now(struct rcl_ctx *ctx)
{
	return *machine_of(ctx)->clock;
}

uint64_t h_swap_free_pages(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec)
{
	return swap_available(machine_of(ctx), memcg_of(lruvec->memcg));
}

uint64_t h_lruvec_swap_free_pages(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec)
{
	return swap_available(machine_of(ctx), memcg_of(lruvec->memcg));
}

/* A list of the policy's own has a meaning only where it governs. */
uint64_t h_lruvec_page_state(struct rcl_ctx *ctx, struct rcl_lruvec *pub, uint64_t list)
{
	const struct lruvec *lruvec = lruvec_of(pub);

	if (list >= RCL_STANDARD_LIST_INACTIVE_ANON && list <= RCL_STANDARD_LIST_ACTIVE_FILE)
		return rstat_list_pages(machine_of(ctx), lruvec, (uint32_t)list);
	return lruvec->att == attachment_of(ctx) && list < lruvec->nr_lists ? pub->list_pages[list] : 0;
}

uint64_t h_memcg_apply_proportional_protection(struct rcl_ctx *ctx, struct rcl_memcg *memcg, uint64_t nr_pages)
{
	struct scan *sc = machine_of(ctx)->scan;
	uint64_t protection = memcg->effective_min, usage = memcg->usage;
	uint64_t left;

	if (memcg->effective_min == 0 && memcg->effective_low == 0)
		return nr_pages;
	if (memcg->effective_low > protection && !(sc && sc->pub.low_reclaim)) {
		protection = memcg->effective_low;
		if (sc)
			sc->pub.low_skipped = 1;
	}
	if (usage < protection)
		usage = protection;
	left = nr_pages - nr_pages * protection / (usage + 1);
	return left > SWAP_CLUSTER_MAX ? left : SWAP_CLUSTER_MAX;
}

uint64_t h_node_page_state(struct rcl_ctx *ctx, struct rcl_node *node, uint64_t list)
{
	const struct rcl_machine *m = machine_of(ctx);
	uint64_t nr_pages = 0;

	if (list < RCL_NR_STANDARD_LISTS)
		return node_list_pages(m, node->nid, (uint32_t)list);
	for (uint32_t i = 0; i < m->nr_memcgs; i++) {
		const struct lruvec *lruvec = &m->memcgs[i]->lruvecs[node->nid];

		if (lruvec->att == attachment_of(ctx) && list < lruvec->nr_lists)
			nr_pages += lruvec->pub.list_pages[list];
	}
	return nr_pages;
}

uint64_t h_lruvec_workingset_activations(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, uint64_t type)
{
	return rstat_activations(machine_of(ctx), lruvec_of(lruvec), (uint32_t)type);
}

void h_note_refault(struct rcl_ctx *ctx, struct rcl_folio *folio, uint64_t activated, uint64_t restored)
{
	struct lruvec *lruvec = folio_lruvec(folio_of(folio));

	(void)ctx;
	if (activated) {
		count_typed_pages(lruvec, RCL_WORKINGSET_ACTIVATE_ANON, folio_of(folio));
		rstat_updated(lruvec);
	}
	if (restored)
		count_typed_pages(lruvec, RCL_WORKINGSET_RESTORE_ANON, folio_of(folio));
}

struct rcl_node *h_node_at(struct rcl_ctx *ctx, uint64_t nid)
{
	struct rcl_machine *m = machine_of(ctx);

	return nid < m->nr_nodes ? &m->nodes[nid].pub : NULL;
}

uint64_t h_node_distance(struct rcl_ctx *ctx, uint64_t start, uint64_t end)
{
	const struct rcl_machine *m = machine_of(ctx);

	return start < m->nr_nodes && end < m->nr_nodes ? m->nodes[start].distance[end] : 0;
}
