/*
 * Random machines, random accesses, a policy with random answers, valid and invalid ones.
 *
 * After every step the core must be consistent and no call may hang. The policy calls helpers with
 * arguments as a verifier would let them through, and answers whatever it likes.
 *
 * Usage: fuzz [first seed] [number of seeds]; a failure names its seed.
 */
#include "harness.h"
#include "machine.h"

#define NR_OWN_LISTS 5
#define NR_STEPS 60
#define CHUNK 400
#define HUGE_ORDER 6
#define LONG_FILE_PAGES (3 * CHUNK)
#define MAX_FUZZ_TASKS 4
#define FOLIO_STATE 8
#define PASS_WORK 16		/* what a pass over a node costs, in pages looked at */
#define SEED_WORK 1000000	/* pages that reclaim may look at before a seed is over: ours, three seeds in four need less */

static uint64_t rng;

static uint64_t below(uint64_t n)
{
	return next_random(&rng) % n;
}

/* Any list that a policy may fill; the unevictable one, rarely, is refused or empty. */
static uint64_t any_list(void)
{
	uint64_t list = 1 + below(RCL_FIRST_POLICY_LIST - 1 + NR_OWN_LISTS);

	return list == RCL_STANDARD_LIST_UNEVICTABLE && below(20) ? 1 : list;
}

/* Mostly a valid place. */
static uint64_t any_place(void)
{
	if (below(200) == 0)
		return next_random(&rng);
	return below(3) ? HEAD_OF(any_list()) : TAIL_OF(any_list());
}

/*
 * A seed is as long as its work, not as its accesses: a task above memory.high = 1 runs up to seventeen ladders of
 * thirteen priorities for each page that it charges, here as in the kernel (mem_cgroup_handle_over_high()).
 */
static uint64_t work_of(const struct rcl_machine *m)
{
	return m->nr_rounds * PASS_WORK + counter(m, RCL_PGSCAN_ANON) + counter(m, RCL_PGSCAN_FILE) +
	       counter(m, RCL_PGREFILL);
}

static uint64_t map_value(uint32_t number, struct rcl_lruvec *lruvec)
{
	return (uint64_t)(number + 1) | (number == 1 ? (uint64_t)lruvec->id << 32 : 0);
}

static void use_maps(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec)
{
	uint64_t key = below(64);

	switch (below(8)) {
	case 0:
		h_lru_hash_put(ctx, map_value(0, lruvec), key, key * 3);
		break;
	case 1:
		h_lru_hash_remove(ctx, map_value(0, lruvec), key);
		break;
	case 2:
		if (h_lru_hash_get(ctx, map_value(0, lruvec), key).present)
			CHECK_EQUAL(h_lru_hash_get(ctx, map_value(0, lruvec), key).value, key * 3);
		break;
	case 3:
		h_hash_set_add(ctx, map_value(1, lruvec), key);
		break;
	case 4:
		h_hash_set_discard(ctx, map_value(1, lruvec), key);
		break;
	case 5:
		h_bloom_filter_add(ctx, map_value(2, lruvec), key);
		CHECK(h_bloom_filter_contains(ctx, map_value(2, lruvec), key));
		break;
	case 6:
		h_array_map_set(ctx, map_value(3, lruvec), key % 16, key);
		break;
	default:
		CHECK(h_hash_set_size(ctx, map_value(1, lruvec)) <= 24);
	}
}

static void touch_state(struct rcl_ctx *ctx, struct rcl_folio *folio, struct rcl_lruvec *lruvec)
{
	ctx->folio_state[folio->pfn * FOLIO_STATE] = (uint8_t)below(256);
	ctx->lruvec_state[lruvec->id * 16] ^= 1;
	ctx->memcg_state[lruvec->memcg->id * 8] ^= 1;
	if (below(20000) == 0)
		ctx->failed = 1 + below(3);
}

static void any_flags(struct rcl_folio *folio)
{
	if (below(4) == 0)
		folio->flags ^= (uint32_t)below(8);
}

static void scan_lists(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec)
{
	struct rcl_folio *folio = below(2) ? h_list_tail(ctx, lruvec, any_list()) : NULL;

	for (int i = 0; folio && i < 8; i++) {
		struct rcl_folio *younger = h_folio_younger(ctx, folio);

		if (below(2))
			h_folio_move(ctx, folio, lruvec, below(2) ? HEAD_OF(any_list()) : TAIL_OF(any_list()));
		folio = younger;
	}
}

static void z_init(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec)
{
	use_maps(ctx, lruvec);
}

static void z_admit(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_folio *folio, struct rcl_shadow *shadow,
		    uint64_t reason)
{
	(void)reason;
	if (shadow) {
		CHECK(shadow->distance < UINT64_C(1) << RCL_CLOCK_BITS);
		CHECK(!shadow->is_own || shadow->cookie < 1 << RCL_COOKIE_BITS);
		h_note_refault(ctx, folio, below(2), below(2));
	}
	CHECK_EQUAL(folio->list, 0);
	any_flags(folio);
	touch_state(ctx, folio, lruvec);
}

static uint64_t z_tick(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec)
{
	use_maps(ctx, lruvec);
	scan_lists(ctx, lruvec);
	return below(8) ? below(UINT64_C(50000000)) : below(2) ? 0 : next_random(&rng);
}

static uint64_t z_pressure(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, uint64_t stall_us)
{
	uint64_t window_us = 1 + below(below(2) ? 10000 : 10000000);

	CHECK(stall_us < UINT64_C(1) << 32);
	use_maps(ctx, lruvec);
	scan_lists(ctx, lruvec);
	return below(16) ? (1 + below(2)) | (1 + below(window_us)) << RCL_SOME_STALL_US_SHIFT |
				   window_us << RCL_SOME_STALL_WINDOW_SHIFT
			 : next_random(&rng);
}

static void z_incoming(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, uint64_t key, struct rcl_shadow *shadow,
		       uint64_t reason)
{
	(void)reason;
	if (shadow)
		CHECK(shadow->cookie == 0 || shadow->is_own);
	if (key % 8 == 0)
		h_lru_hash_remove(ctx, map_value(0, lruvec), key % 64);
	use_maps(ctx, lruvec);
}

static int64_t z_score(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_folio *folio,
		       struct rcl_scan_control *sc)
{
	(void)sc;
	touch_state(ctx, folio, lruvec);
	return below(8) ? (int64_t)below(10) - 5 : (int64_t)next_random(&rng);
}

static uint64_t z_added(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_folio *folio, uint64_t reason)
{
	(void)reason;
	touch_state(ctx, folio, lruvec);
	return any_place();
}

static uint64_t z_accessed(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_folio *folio, uint64_t how)
{
	(void)how;
	any_flags(folio);
	use_maps(ctx, lruvec);
	return below(3) ? 0 : any_place();
}

static uint64_t z_young(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_folio *folio, uint64_t where)
{
	(void)lruvec, (void)where;
	if (below(2))
		h_folio_retarget(ctx, folio, any_list());
	return below(3) ? 0 : any_place();
}

static void z_age(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_scan_control *sc)
{
	(void)sc;
	h_walk_page_tables(ctx, lruvec, below(2) ? map_value(2, lruvec) : 0, below(2) ? map_value(2, lruvec) : 0,
			   below(2), below(2), below(2), 1 + below(16), 1 + below(2000));
	h_list_splice(ctx, any_list(), lruvec, below(2) ? HEAD_OF(any_list()) : TAIL_OF(any_list()), 1 + below(40));
}

static uint64_t z_next(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_scan_control *sc,
		       struct rcl_batch_result *last)
{
	CHECK(last->nr_taken <= last->nr_scanned || last->kind == RCL_BATCH_KIND_FIRST);
	ctx->scan_state[sc->slot * 8]++;
	scan_lists(ctx, lruvec);
	switch (below(24)) {
	case 0:
		return RCL_BATCH_STOP;
	case 1:
		return RCL_BATCH_QUIT;
	case 2:
		return RCL_BATCH_AGE;
	case 3:
		return below(40) ? RCL_BATCH_STOP : next_random(&rng);
	case 4:
	case 5:
	case 6:
		return DEACTIVATE_OF(any_list(), 1 + below(40));
	case 7:
	case 8:
	case 9:
		return LOWEST_OF(any_list(), 1 + below(40), below(60) ? 1 + below(200) : 0);
	default:
		return BATCH_OF(any_list(), 1 + below(70)) | below(100) << RCL_BATCH_SCAN_SHIFT;
	}
}

static uint64_t z_isolate(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_folio *folio,
			  struct rcl_scan_control *sc)
{
	(void)sc;
	touch_state(ctx, folio, lruvec);
	if (below(8) == 0)
		h_folio_retarget(ctx, folio, any_list());
	if (below(30) == 0)
		scan_lists(ctx, lruvec);
	switch (below(6)) {
	case 0:
		return RCL_ISOLATION_SKIP;
	case 1:
		return RCL_ISOLATION_MOVE | any_place() << RCL_MOVE_PLACE_SHIFT;
	default:
		return RCL_ISOLATION_TAKE;
	}
}

static uint64_t z_deactivate(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_folio *folio,
			     struct rcl_scan_control *sc)
{
	(void)lruvec, (void)sc;
	h_folio_referenced(ctx, folio, 0, 0, 8);
	any_flags(folio);
	return any_place();
}

static void z_isolated(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_scan_control *sc,
		       struct rcl_batch_result *result)
{
	(void)sc;
	CHECK(result->nr_taken <= result->nr_scanned);
	scan_lists(ctx, lruvec);
}

static uint64_t z_reclaim(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_folio *folio,
			  struct rcl_scan_control *sc)
{
	(void)sc;
	if (below(2))
		h_folio_referenced(ctx, folio, below(2) ? 64 : 0, below(2) ? map_value(2, lruvec) : 0, 1 + below(16));
	any_flags(folio);
	switch (below(8)) {
	case 0:
		return below(100) ? RCL_VERDICT_ROTATE : next_random(&rng);
	case 1:
		return RCL_VERDICT_RECLAIM_CLEAN;
	case 2:
		return MOVE_TO(any_place());
	case 3:
		return RCL_VERDICT_DEMOTE_TO | below(4) << RCL_DEMOTE_TO_NID_SHIFT;
	default:
		return RCL_VERDICT_RECLAIM;
	}
}

static uint64_t z_target(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_folio *folio, uint64_t nodes,
			 uint64_t nearest)
{
	CHECK(nodes >> nearest & 1);
	CHECK(h_node_at(ctx, nearest)->tier > lruvec->node->tier);
	touch_state(ctx, folio, lruvec);
	switch (below(4)) {
	case 0:
		return RCL_TARGET_NOWHERE;
	case 1:
		return RCL_TARGET_DEMOTE_TO | below(40) << RCL_DEMOTE_TO_NID_SHIFT;
	default:
		return RCL_TARGET_DEMOTE_TO | nearest << RCL_DEMOTE_TO_NID_SHIFT;
	}
}

static uint64_t z_promote(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_folio *folio, uint64_t nid,
			  uint64_t latency)
{
	(void)latency;
	CHECK(h_node_at(ctx, nid)->tier < lruvec->node->tier);
	touch_state(ctx, folio, lruvec);
	return below(20) ? below(2) : next_random(&rng);
}

static void z_moved(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_folio *old, struct rcl_folio *folio,
		    uint64_t why)
{
	CHECK(why <= RCL_MIGRATED_PROMOTED);
	CHECK_EQUAL(old->key, folio->key);
	CHECK(folio->nid == lruvec->nid && old->nid != folio->nid);
	CHECK_EQUAL(folio->list, 0);
	touch_state(ctx, folio, lruvec);
}

static uint64_t z_reparented(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_lruvec *old, struct rcl_folio *folio)
{
	(void)ctx, (void)lruvec, (void)old, (void)folio;
	return any_place();
}

static void z_removed(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_folio *folio, uint64_t why)
{
	CHECK(why <= RCL_REMOVAL_MOVED);
	touch_state(ctx, folio, lruvec);
}

static uint64_t z_putback(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_folio *folio, uint64_t outcome,
			  struct rcl_scan_control *sc)
{
	(void)sc;
	CHECK(outcome <= RCL_OUTCOME_ACTIVE);
	touch_state(ctx, folio, lruvec);
	return any_place();
}

static uint64_t z_evicted(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_folio *folio)
{
	touch_state(ctx, folio, lruvec);
	return next_random(&rng);
}

static const struct rcl_ops all_ops = {
	.init = z_init,
	.exit = z_init,
	.tick = z_tick,
	.pressure = z_pressure,
	.folio_incoming = z_incoming,
	.folio_admit = z_admit,
	.folio_added = z_added,
	.folio_accessed = z_accessed,
	.pte_young = z_young,
	.age = z_age,
	.next_batch = z_next,
	.isolate_folio = z_isolate,
	.batch_isolated = z_isolated,
	.deactivate_folio = z_deactivate,
	.reclaim_folio = z_reclaim,
	.folio_putback = z_putback,
	.demotion_target = z_target,
	.promote = z_promote,
	.folio_moved = z_moved,
	.folio_reparented = z_reparented,
	.score_folio = z_score,
	.folio_removed = z_removed,
	.folio_evicted = z_evicted,
};

/* Some of the hooks only; next_batch needs lists that somebody fills, any combination must survive. */
static struct rcl_ops some_ops(void)
{
	union {
		struct rcl_ops ops;
		void (*hook[RCL_NR_HOOKS])(void);
	} view = { .ops = all_ops };

	for (int i = 0; i < RCL_NR_HOOKS; i++) {
		if (below(4) == 0)
			view.hook[i] = NULL;
	}
	return view.ops;
}

static void attach_fuzz(struct rcl_machine *m, uint32_t nr_nodes, uint32_t nr_memcgs)
{
	static const struct rcl_map_decl maps[] = {
		{ .kind = RCL_MAP_KIND_LRU_HASH, .scope = RCL_SCOPE_GLOBAL, .capacity = 20, .count = 1 },
		{ .kind = RCL_MAP_KIND_HASH_SET, .scope = RCL_SCOPE_LRUVEC, .capacity = 24, .count = 1 },
		{ .kind = RCL_MAP_KIND_BLOOM_FILTER, .scope = RCL_SCOPE_GLOBAL, .capacity = 100, .count = 1 },
		{ .kind = RCL_MAP_KIND_ARRAY_MAP, .scope = RCL_SCOPE_GLOBAL, .capacity = 16, .count = 1 },
	};
	static const uint8_t initial[FOLIO_STATE] = { 1, 2, 3 };
	static const uint64_t tunables[1] = { 5 };
	struct rcl_ops ops = some_ops();
	struct rcl_policy policy = { .name = "fuzz", .ops = &ops, .nr_lists = NR_OWN_LISTS, .nr_maps = 4, .maps = maps,
				     .nr_tunables = 1, .tunables = tunables };
	uint32_t point = (uint32_t)below(3), attachment;

	policy.state[RCL_SCOPE_FOLIO] = (struct rcl_state_decl){ FOLIO_STATE, initial };
	policy.state[RCL_SCOPE_LRUVEC].stride_bytes = 16;
	policy.state[RCL_SCOPE_MEMCG].stride_bytes = 8;
	policy.state[RCL_SCOPE_SCAN].stride_bytes = 8;
	CHECK_EQUAL(rcl_attach(m, &policy, point, (uint32_t)below(point == RCL_ATTACH_NODE ? nr_nodes : nr_memcgs),
			       &attachment),
		    RCL_OK);
}

/* A value of an option's range: mostly its default, then its ends, then any number of any size. */
static uint64_t any_option(uint64_t value, uint64_t least, uint64_t most)
{
	switch (below(8)) {
	case 0:
		return least;
	case 1:
		return most;
	case 2:
		return least + (next_random(&rng) >> below(64)) % (most - least ? most - least : 1);
	default:
		return value;
	}
}

#define ANY_OPTION(name, least, most) config->name = any_option(config->name, least, most);

static void draw_options(struct rcl_config *config)
{
	RCL_OPTION_RANGES(ANY_OPTION)
	config->fault_around_bytes = UINT32_C(4096) << below(10);
	config->numa_balancing = below(2) ? 2 : 0;
	if (config->incompressible_permille + config->same_filled_permille > 1000)
		config->same_filled_permille = 1000 - config->incompressible_permille;
	if (config->numa_scan_period_max_ms < config->numa_scan_period_min_ms)
		config->numa_scan_period_max_ms = config->numa_scan_period_min_ms;
}

/* A mapping of a long file that is read from its start is what the largest folios of files need: each window that a mark
 * leads to has folios four times as large as the one before, if it begins at a multiple of their size. */
static int has_huge_folios(const struct rcl_machine *m)
{
	return m->config.file_folio_order >= HUGE_ORDER && m->config.read_ahead_kb >= 512;
}

static struct rcl_machine *random_machine(uint32_t *nr_nodes)
{
	static struct rcl_node_config nodes[3];
	static struct rcl_swap_config swaps[2];
	struct rcl_config config;
	int has_large = below(3) == 0, is_for_huge = below(4) == 0;
	uint64_t most_pages = has_large || is_for_huge ? 1500 : 300;

	rcl_config_init(&config);
	draw_options(&config);
	*nr_nodes = config.nr_nodes = 1 + (uint32_t)below(3);
	config.nodes = nodes;
	for (uint32_t i = 0; i < 3; i++)
		nodes[i] = (struct rcl_node_config){ .nr_pages = 20 + below(most_pages), .tier = (uint8_t)below(3),
						     .distance = { (uint8_t)below(50), (uint8_t)below(50), 20 } };
	config.nr_swaps = (uint32_t)below(3);
	config.swaps = swaps;
	for (uint32_t i = 0; i < 2; i++)
		swaps[i] = (struct rcl_swap_config){ .nr_pages = 1 + below(has_large ? 1500 : 200), .device = (uint32_t)below(3),
						     .priority = (int32_t)below(3) };
	config.seed = next_random(&rng);
	config.kswapd = below(4) != 0;
	config.demotion = (uint8_t)below(2);
	if (below(2)) {		/* or no task lives long enough for a scan */
		config.numa_scan_delay_ms = 0;
		config.numa_scan_period_min_ms = 1;
		config.numa_scan_period_max_ms = 1 + (uint32_t)below(5);
		config.numa_scan_size_mb = 1;
	}
	config.writeback = below(4) != 0;
	config.charge_kmem = below(2);
	config.pool_takes_pages = below(2);
	config.thp_orders = has_large ? (uint32_t)below(256) << 2 : 0;
	config.forced_release = below(4) != 0;
	config.reparent_offline = (uint8_t)below(2);
	config.repeat_reads = (uint8_t)below(2);
	if (below(2))
		config.zswap_percent = (uint32_t)below(40);
	if (below(2)) {
		config.read_ahead_kb = below(2) ? 128 : 512;
		config.file_folio_order = below(2) ? (uint32_t)below(10) : 0;
	}
	if (is_for_huge) {
		config.read_ahead_kb = UINT32_C(512) << below(3);
		config.file_folio_order = HUGE_ORDER + (uint32_t)below(4);
	}
	if (below(2))		/* or tasks hardly mix */
		config.slice_ns = 1 + below(100000);
	return build_machine(&config);
}

static uint32_t random_memcg(struct rcl_machine *m, uint32_t nr_memcgs)
{
	struct rcl_memcg_config config = { .parent = (uint32_t)below(nr_memcgs), .swappiness = (uint32_t)below(300),
					   .max_pages = below(3) ? 1 + below(200) : UINT64_MAX,
					   .low_pages = below(2) ? 0 : below(100), .min_pages = below(3) ? 0 : below(50),
					   .high_pages = UINT64_MAX, .swap_max_pages = below(2) ? below(50) : UINT64_MAX };
	uint32_t memcg = 0;

	CHECK_EQUAL(rcl_memcg_create(m, &config, &memcg), RCL_OK);
	return memcg + 1;
}

static uint32_t random_task(struct rcl_machine *m, uint32_t nr_memcgs, uint32_t nr_nodes, const uint32_t files[2])
{
	struct rcl_mapping mappings[5];
	struct rcl_task_config config = { .memcg = (uint32_t)below(nr_memcgs), .nid = (uint32_t)below(nr_nodes),
					  .ns_per_access = below(200), .nr_mappings = 5, .nr_files = 2,
					  .mappings = mappings, .files = files,
					  .mempolicy = below(2) ? 0 : (uint32_t)below(4) };
	uint32_t task;

	if (config.mempolicy)
		config.mempolicy_nodes = 1 + (uint32_t)below((1u << nr_nodes) - 1);

	for (int i = 0; i < 5; i++) {
		uint64_t first = below(50);

		mappings[i] = (struct rcl_mapping){ .nr_pages = i ? below(100) : 1 + below(below(4) ? 400 : 1600) };
		if (below(6) == 0)
			mappings[i].flags = (uint32_t)RCL_MAPPING_SEQUENTIAL << below(3);
		if (i % 2)
			mappings[i] = (struct rcl_mapping){ .nr_pages = below(150 - first), .file_page = first,
							    .file = files[below(2)],
							    .flags = (uint32_t)(RCL_MAPPING_FILE | below(4) * 2) |
								     mappings[i].flags };
	}
	if (has_huge_folios(m) && below(2))
		mappings[0] = (struct rcl_mapping){ .nr_pages = LONG_FILE_PAGES, .file = files[1],
						    .flags = (uint32_t)(RCL_MAPPING_FILE | below(2) * 2) };
	CHECK_EQUAL(rcl_task_create(m, &config, &task), RCL_OK);
	return task + 1;
}

static void fill_chunk(const struct rcl_machine *m, uint32_t task, uint32_t *records)
{
	struct rcl_task_info info;
	uint64_t hot = 1 + below(300), row = below(3) ? 0 : 1 + below(100), next = 0;

	CHECK_EQUAL(rcl_task_info(m, task, &info), RCL_OK);
	if (has_huge_folios(m) && info.nr_mapped_pages >= LONG_FILE_PAGES && below(2)) {
		next = CHUNK * below(LONG_FILE_PAGES / CHUNK);
		for (uint32_t i = 0; i < CHUNK; i++)
			records[i] = (uint32_t)next + i;
		return;
	}
	for (int i = 0; i < CHUNK; i++) {
		int is_buffered = row ? i / (int)row % 2 : below(3) == 0;
		uint64_t space = is_buffered ? info.nr_file_pages : info.nr_mapped_pages;
		uint64_t page = below(2) ? below(space) : below(hot < space ? hot : space);

		if (row && i % row)	/* pages that follow each other are read ahead */
			page = next % space;
		next = page + 1;
		records[i] = (uint32_t)page | (is_buffered ? UINT32_C(1) << 30 : 0) | (below(3) ? 0 : UINT32_C(1) << 31);
	}
}

static int stop_sometimes(void *user, uint64_t nr_records)
{
	(void)user, (void)nr_records;
	return below(20) == 0;
}

static void run_all(struct rcl_machine *m, uint32_t nr_tasks, uint32_t (*chunks)[CHUNK])
{
	struct rcl_run_control control = { .progress = stop_sometimes, .progress_records = 100 };
	uint64_t bad;

	for (uint32_t task = 0; task < nr_tasks; task++) {
		struct rcl_task_info info;

		CHECK_EQUAL(rcl_task_info(m, task, &info), RCL_OK);
		if (info.state != RCL_TASK_IDLE)
			continue;
		fill_chunk(m, task, chunks[task]);
		CHECK_EQUAL(rcl_task_feed(m, task, chunks[task], CHUNK, below(40) == 0, &bad), RCL_OK);
	}
	rcl_run(m, &control);
}

/* Advise, lock and unlock some pages of a task that waits. */
static void touch_vmas(struct rcl_machine *m, uint32_t task)
{
	struct rcl_task_info info;
	uint64_t first, nr;

	CHECK_EQUAL(rcl_task_info(m, task, &info), RCL_OK);
	if (info.state == RCL_TASK_RUNNABLE || info.state >= RCL_TASK_EXITED)
		return;
	first = below(info.nr_mapped_pages + 1);
	nr = below(info.nr_mapped_pages - first + 1);
	if (below(2))
		rcl_task_madvise(m, task, first, below(2) ? nr : nr / 8, (uint32_t)below(4));
	else if (below(3))
		CHECK_EQUAL(rcl_task_munlock(m, task, first, nr), RCL_OK);
	else
		CHECK_EQUAL(rcl_task_mlock(m, task, first, nr / 4, (int)below(2)), RCL_OK);
}

/* Something that happens between runs. */
static void disturb(struct rcl_machine *m, uint32_t nr_nodes, uint32_t *nr_memcgs, uint32_t nr_tasks)
{
	uint64_t nr;

	if (below(3) == 0)
		touch_vmas(m, (uint32_t)below(nr_tasks));
	switch (below(8)) {
	case 0:
		attach_fuzz(m, nr_nodes, *nr_memcgs);
		break;
	case 1:
		rcl_detach(m, 1 + (uint32_t)below(8));
		break;
	case 2:
		rcl_memcg_set(m, 1 + (uint32_t)below(*nr_memcgs), RCL_MEMCG_MAX, 1 + below(200));
		break;
	case 3:
		CHECK_EQUAL(rcl_memcg_reclaim(m, (uint32_t)below(*nr_memcgs), 1 + below(50), (uint32_t)below(300), &nr),
			    RCL_OK);
		break;
	case 4:
		if (*nr_memcgs < 8)
			*nr_memcgs = random_memcg(m, *nr_memcgs);
		break;
	case 5:
		if (below(4) == 0)
			rcl_task_exit(m, (uint32_t)below(nr_tasks));
		break;
	default:
		rcl_memcg_set(m, 1 + (uint32_t)below(*nr_memcgs), 1 + (uint32_t)below(RCL_MEMCG_SWAP_HIGH), below(200));
	}
}

static void run_seed(uint64_t seed)
{
	static uint32_t chunks[MAX_FUZZ_TASKS][CHUNK];
	uint32_t nr_nodes, nr_memcgs = 1, nr_tasks = 0, files[2];
	struct rcl_machine *m;

	rng = seed;
	m = random_machine(&nr_nodes);
	for (uint64_t i = below(4); i > 0; i--)
		nr_memcgs = random_memcg(m, nr_memcgs);
	files[0] = make_file(m, 150);
	files[1] = make_file(m, has_huge_folios(m) ? LONG_FILE_PAGES : 200);
	for (uint64_t i = 1 + below(MAX_FUZZ_TASKS); i > 0; i--)
		nr_tasks = random_task(m, nr_memcgs, nr_nodes, files);
	for (int step = 0; step < NR_STEPS && work_of(m) < SEED_WORK; step++) {
		run_all(m, nr_tasks, chunks);
		check_machine(m);
		disturb(m, nr_nodes, &nr_memcgs, nr_tasks);
		check_machine(m);
	}
	for (uint32_t task = 0; task < nr_tasks; task++)
		rcl_task_exit(m, task);
	check_machine(m);
	rcl_machine_free(m);
}

int main(int argc, char **argv)
{
	uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1, nr = argc > 2 ? strtoull(argv[2], NULL, 10) : 20;
	static char name[32];

	for (uint64_t seed = first; seed < first + nr; seed++) {
		snprintf(name, sizeof(name), "seed %llu", (unsigned long long)seed);
		current_test = name;
		run_seed(seed);
	}
	printf("%llu seeds passed\n", (unsigned long long)nr);
	return 0;
}
