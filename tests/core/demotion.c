/*
 * Demotion between tiers: what reclaim takes from a fast node, and what goes along with it.
 */
#include "harness.h"

/* A fast node, two slower ones and a still slower one; watermarks 10, 20, 30 of nr_pages each. */
struct tiers {
	struct rcl_node_config nodes[4];
	struct rcl_swap_config swap;
	struct rcl_config config;
};

static void set_up(struct tiers *t, uint64_t fast_pages, uint64_t slow_pages, uint32_t nr_nodes)
{
	static const uint8_t tier[4] = { 0, 1, 1, 2 };

	rcl_config_init(&t->config);
	for (uint32_t nid = 0; nid < 4; nid++) {
		t->nodes[nid] = (struct rcl_node_config){ .nr_pages = nid ? slow_pages : fast_pages, .tier = tier[nid],
							  .min_wmark = 10, .low_wmark = 20, .high_wmark = 30 };
		for (uint32_t other = 0; other < 4; other++)
			t->nodes[nid].distance[other] = (uint8_t)(other == nid ? 10 : 20 + 10 * other);
	}
	/* Not zram, which would take memory of the nodes itself. */
	t->swap = (struct rcl_swap_config){ .nr_pages = 2000, .device = RCL_DEVICE_SSD };
	t->config.nr_nodes = nr_nodes;
	t->config.nodes = t->nodes;
	t->config.charge_kmem = 0;
	t->config.demotion = 1;
}

static uint32_t make_bound(struct rcl_machine *m, uint32_t nid, uint64_t nr_pages)
{
	struct rcl_mapping mapping = { .nr_pages = nr_pages };
	struct rcl_task_config config = { .nid = nid, .ns_per_access = 100, .nr_mappings = 1, .mappings = &mapping,
					  .mempolicy = RCL_MEMPOLICY_BIND, .mempolicy_nodes = 1u << nid };
	uint32_t task = 0;

	CHECK_EQUAL(rcl_task_create(m, &config, &task), RCL_OK);
	return task;
}

static uint64_t resident_pages(const struct rcl_machine *m, uint32_t nid)
{
	struct rcl_node_info info;

	CHECK_EQUAL(rcl_node_info(m, nid, &info), RCL_OK);
	return info.nr_pages - info.nr_free_pages;
}

static uint64_t demoted(const struct rcl_machine *m)
{
	return counter(m, RCL_PGDEMOTE_KSWAPD) + counter(m, RCL_PGDEMOTE_DIRECT);
}

static void test_pages_move_to_the_nearest_slower_node_instead_of_swap(void)
{
	struct tiers t;
	struct rcl_machine *m;
	struct rcl_task_info info;
	uint32_t task;

	set_up(&t, 500, 2000, 4);
	m = build_machine(&t.config);
	task = make_bound(m, 0, 1500);
	touch_range(m, task, 0, 1500, WRITE);
	CHECK_EQUAL(counter(m, RCL_PSWPOUT), 0);
	CHECK(demoted(m) >= 1000);
	CHECK_EQUAL(resident_pages(m, 1), demoted(m));
	CHECK_EQUAL(resident_pages(m, 2) + resident_pages(m, 3), 0);
	CHECK_EQUAL(counter(m, RCL_PGMIGRATE_SUCCESS), demoted(m));
	CHECK_EQUAL(counter(m, RCL_PGSTEAL_KSWAPD) + counter(m, RCL_PGSTEAL_DIRECT), demoted(m));
	CHECK_EQUAL(rcl_task_info(m, task, &info), RCL_OK);
	CHECK_EQUAL(info.resident_pages, 1500);
	touch_range(m, task, 0, 1500, 0);
	CHECK_EQUAL(counter(m, RCL_PGFAULT), 1500);	/* what moved is still mapped */
	CHECK_EQUAL(node_counter(m, 1, RCL_NODE_ACCESSES), demoted(m));
	rcl_machine_free(m);
}

/* demote_folio_list(): what reclaim gave up last is the first to go, and so lies behind the others on the slow node. */
static void test_a_batch_is_turned_round_on_the_slow_node(void)
{
	struct tiers t;
	struct rcl_machine *m;
	struct rcl_folio_info folio;
	uint32_t pfns[64], task, lruvec;
	uint64_t nr, first;

	set_up(&t, 500, 2000, 2);
	t.config.add_batch_folios = 1;
	t.config.kswapd = 0;
	m = build_machine(&t.config);
	task = make_bound(m, 0, 491);
	attach_own(m, &fifo_ops);
	touch_range(m, task, 0, 491, WRITE);
	CHECK_EQUAL(counter(m, RCL_PGDEMOTE_DIRECT), 32);
	CHECK_EQUAL(rcl_lruvec_of(m, 0, 1, &lruvec), RCL_OK);
	CHECK_EQUAL(rcl_list_folios(m, lruvec, OWN_LIST, pfns, 64, &nr), RCL_OK);
	CHECK_EQUAL(nr, 32);
	CHECK_EQUAL(rcl_folio_info(m, pfns[0], &folio), RCL_OK);
	first = folio.key;
	CHECK_EQUAL(rcl_folio_info(m, pfns[31], &folio), RCL_OK);
	CHECK_EQUAL(first - folio.key, 31);		/* from the tail on, the youngest of them is the oldest */
	rcl_machine_free(m);
}

/* migrate_pages_batch(): a page that finds no room ends the batch; the others were not tried, and go to swap. */
static void test_a_full_slow_node_fails_one_page_of_a_batch(void)
{
	struct tiers t;
	struct rcl_machine *m;
	uint32_t task, filler;

	set_up(&t, 500, 500, 2);
	t.config.nr_swaps = 1;
	t.config.swaps = &t.swap;
	t.swap.device = RCL_DEVICE_ZRAM;
	t.config.pool_takes_pages = 0;
	t.config.kswapd = 0;
	m = build_machine(&t.config);
	attach_own(m, &fifo_ops);
	filler = make_bound(m, 1, 490);
	touch_range(m, filler, 0, 490, WRITE);
	task = make_bound(m, 0, 491);
	touch_range(m, task, 0, 491, WRITE);
	CHECK_EQUAL(counter(m, RCL_PSWPOUT), 32);
	CHECK_EQUAL(counter(m, RCL_PGMIGRATE_FAIL), 1);
	CHECK_EQUAL(demoted(m), 0);
	rcl_machine_free(m);
}

static void test_anonymous_memory_without_swap_goes_when_it_can_be_demoted(void)
{
	struct tiers t;
	struct rcl_machine *m;
	struct rcl_task_info info;
	uint32_t task;

	set_up(&t, 500, 2000, 2);
	m = build_machine(&t.config);
	task = make_bound(m, 0, 1500);
	touch_range(m, task, 0, 1500, WRITE);
	CHECK(demoted(m) >= 1000);
	rcl_machine_free(m);

	t.config.demotion = 0;
	m = build_machine(&t.config);
	task = make_bound(m, 0, 1500);
	touch_range(m, task, 0, 1500, WRITE);
	CHECK_EQUAL(rcl_task_info(m, task, &info), RCL_OK);
	CHECK_EQUAL(info.state, RCL_TASK_KILLED);
	CHECK_EQUAL(demoted(m), 0);
	rcl_machine_free(m);
}

static void test_full_slow_tier_sends_its_own_pages_on(void)
{
	struct tiers t;
	struct rcl_machine *m;
	uint32_t task;

	/* 4000 pages over 500 + 500 + 500 + 500: the slowest node swaps, the others demote. */
	set_up(&t, 500, 500, 4);
	t.config.nr_swaps = 1;
	t.swap.nr_pages = 4000;
	t.config.swaps = &t.swap;
	m = build_machine(&t.config);
	task = make_bound(m, 0, 4000);
	touch_range(m, task, 0, 4000, WRITE);
	CHECK(node_counter(m, 0, RCL_PGDEMOTE_KSWAPD) + node_counter(m, 0, RCL_PGDEMOTE_DIRECT) > 0);
	CHECK(node_counter(m, 1, RCL_PGDEMOTE_KSWAPD) + node_counter(m, 1, RCL_PGDEMOTE_DIRECT) > 0);
	CHECK_EQUAL(node_counter(m, 3, RCL_PGDEMOTE_KSWAPD) + node_counter(m, 3, RCL_PGDEMOTE_DIRECT), 0);
	CHECK(counter(m, RCL_PSWPOUT) > 0);
	CHECK(resident_pages(m, 3) > 400);
	rcl_machine_free(m);
}

static void test_file_pages_keep_their_place_in_the_page_cache(void)
{
	struct tiers t;
	struct rcl_machine *m;
	struct rcl_task_config config = { .ns_per_access = 100, .nr_files = 1, .mempolicy = RCL_MEMPOLICY_BIND,
					  .mempolicy_nodes = 1 };
	uint32_t file, task, pfn, nr_moved = 0;

	set_up(&t, 500, 2000, 2);
	m = build_machine(&t.config);
	file = make_file(m, 1200);
	config.files = &file;
	CHECK_EQUAL(rcl_task_create(m, &config, &task), RCL_OK);
	touch_range(m, task, 0, 1200, BUFFERED);
	for (uint64_t page = 0; page < 1200; page++) {
		struct rcl_folio_info info;

		CHECK_EQUAL(rcl_file_folio(m, file, page, &pfn), RCL_OK);
		CHECK(pfn != UINT32_MAX);
		CHECK_EQUAL(rcl_folio_info(m, pfn, &info), RCL_OK);
		CHECK_EQUAL(info.key, rcl_file_key(file, page));
		nr_moved += info.nid == 1;
	}
	CHECK_EQUAL(nr_moved, demoted(m));
	CHECK_EQUAL(counter(m, RCL_PGPGIN), 1200);
	rcl_machine_free(m);
}

static uint32_t nr_moved_hooks;

static void note_moved(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_folio *old, struct rcl_folio *folio,
		       uint64_t why)
{
	CHECK_EQUAL(why, RCL_MIGRATED_DEMOTED);
	CHECK_EQUAL(old->nid, 0);
	CHECK_EQUAL(folio->nid, lruvec->nid);
	/* The state of the old frame, though folio_admit set that of every new folio to 1. */
	CHECK_EQUAL(ctx->folio_state[folio->pfn], ctx->folio_state[old->pfn]);
	ctx->folio_state[folio->pfn]++;
	nr_moved_hooks++;
}

static void admit_with_state(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_folio *folio,
			     struct rcl_shadow *shadow, uint64_t reason)
{
	(void)lruvec, (void)shadow;
	ctx->folio_state[folio->pfn] = reason == RCL_ADDED_MIGRATED ? 1 : 40;
}

static void test_policy_state_goes_along_and_the_policy_is_told(void)
{
	struct tiers t;
	struct rcl_ops ops = fifo_ops;
	struct rcl_policy policy = { .name = "noting", .ops = &ops, .nr_lists = 1 };
	struct rcl_machine *m;
	uint32_t attachment, task;
	uint64_t nr_marked = 0;

	set_up(&t, 500, 2000, 2);
	m = build_machine(&t.config);
	ops.folio_admit = admit_with_state;
	ops.folio_moved = note_moved;
	policy.state[RCL_SCOPE_FOLIO].stride_bytes = 1;
	CHECK_EQUAL(rcl_attach(m, &policy, RCL_ATTACH_SYSTEM, 0, &attachment), RCL_OK);
	task = make_bound(m, 0, 1000);
	nr_moved_hooks = 0;
	touch_range(m, task, 0, 1000, WRITE);
	for (uint32_t pfn = 500; pfn < 2500; pfn++) {
		struct rcl_folio_info info;
		uint8_t state;

		if (rcl_folio_info(m, pfn, &info) != RCL_OK || info.transit == RCL_TRANSIT_FREE)
			continue;
		CHECK_EQUAL(rcl_state_bytes(m, attachment, RCL_SCOPE_FOLIO, pfn, &state, 1), RCL_OK);
		CHECK_EQUAL(state, 41);
		nr_marked++;
	}
	CHECK_EQUAL(nr_moved_hooks, demoted(m));
	CHECK_EQUAL(nr_marked, demoted(m));
	rcl_machine_free(m);
}

static uint64_t demote_to_farthest(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_folio *folio,
				   uint64_t nodes, uint64_t nearest)
{
	(void)ctx, (void)lruvec, (void)folio;
	CHECK_EQUAL(nearest, 1);
	CHECK_EQUAL(nodes, 1 << 1 | 1 << 2 | 1 << 3);
	return RCL_TARGET_DEMOTE_TO | UINT64_C(3) << RCL_DEMOTE_TO_NID_SHIFT;
}

static void test_policy_chooses_the_node(void)
{
	struct tiers t;
	struct rcl_ops ops = fifo_ops;
	struct rcl_machine *m;
	uint32_t task;

	set_up(&t, 500, 2000, 4);
	m = build_machine(&t.config);
	ops.demotion_target = demote_to_farthest;
	attach_own(m, &ops);
	task = make_bound(m, 0, 1000);
	touch_range(m, task, 0, 1000, WRITE);
	CHECK(demoted(m) >= 500);
	CHECK_EQUAL(resident_pages(m, 3), demoted(m));
	rcl_machine_free(m);
}

static uint64_t verdict_demote_up(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_folio *folio,
				  struct rcl_scan_control *sc)
{
	(void)ctx, (void)folio, (void)sc;
	return RCL_VERDICT_DEMOTE_TO | (uint64_t)(lruvec->nid ^ 1) << RCL_DEMOTE_TO_NID_SHIFT;
}

static void test_demotion_to_a_tier_that_is_not_slower_is_refused(void)
{
	struct tiers t;
	struct rcl_ops ops = fifo_ops;
	struct rcl_machine *m;
	struct rcl_exit exit_record;
	uint32_t attachment, task;

	/* From node 1 a policy demotes to node 0: refused until it is ejected, and the page goes to swap. */
	set_up(&t, 500, 500, 4);
	t.config.nr_swaps = 1;
	t.config.swaps = &t.swap;
	m = build_machine(&t.config);
	ops.reclaim_folio = verdict_demote_up;
	attachment = attach_own(m, &ops);
	task = make_bound(m, 1, 1000);
	touch_range(m, task, 0, 1000, WRITE);
	CHECK_EQUAL(resident_pages(m, 0), 0);
	CHECK(counter(m, RCL_REFUSED_ANSWER) >= 64);
	CHECK_EQUAL(rcl_is_attached(m, attachment), 0);
	CHECK_EQUAL(rcl_exit_record(m, 0, &exit_record), RCL_OK);
	CHECK_EQUAL(exit_record.kind, RCL_EXIT_ERROR);
	rcl_machine_free(m);
}

static uint32_t nr_removed_hooks;

static void note_removed(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_folio *folio, uint64_t why)
{
	(void)ctx, (void)lruvec, (void)folio;
	CHECK_EQUAL(why, RCL_REMOVAL_FREED);
	nr_removed_hooks++;
}

static void test_folios_of_a_task_that_ends_are_reported(void)
{
	struct tiers t;
	struct rcl_ops ops = fifo_ops;
	struct rcl_machine *m;
	uint32_t task;

	set_up(&t, 500, 500, 1);
	m = build_machine(&t.config);
	ops.folio_removed = note_removed;
	attach_own(m, &ops);
	task = make_bound(m, 0, 100);
	nr_removed_hooks = 0;
	touch_range(m, task, 0, 100, WRITE);
	CHECK_EQUAL(rcl_task_exit(m, task), RCL_OK);
	CHECK_EQUAL(nr_removed_hooks, 100);
	rcl_machine_free(m);
}

static void test_proactive_reclaim_demotes_and_frees_nothing_that_it_cannot_demote(void)
{
	struct tiers t;
	struct rcl_machine *m;
	uint32_t fast, slow;
	uint64_t nr;

	/* The slow node is full, so nothing of the fast one can go there. */
	set_up(&t, 500, 100, 2);
	t.config.nr_swaps = 1;
	t.config.swaps = &t.swap;
	t.config.kswapd = 0;
	m = build_machine(&t.config);
	slow = make_bound(m, 1, 85);
	touch_range(m, slow, 0, 85, WRITE);
	fast = make_bound(m, 0, 300);
	touch_range(m, fast, 0, 300, WRITE);
	touch_range(m, slow, 0, 85, 0);
	CHECK_EQUAL(rcl_memcg_reclaim(m, 0, 40, 200, &nr), RCL_OK);
	check_machine(m);
	CHECK_EQUAL(node_counter(m, 0, RCL_PSWPOUT), 0);
	CHECK(demoted(m) <= 85);
	rcl_machine_free(m);
}

static void test_large_folio_without_room_in_a_row_is_split_and_goes_by_pages(void)
{
	struct tiers t;
	struct rcl_machine *m;

	set_up(&t, 2000, 300, 2);
	t.config.thp_orders = 1 << 9;
	m = build_machine(&t.config);
	touch_range(m, make_bound(m, 0, 2048), 0, 2048, WRITE);
	CHECK(counter(m, RCL_THP_MIGRATION_SPLIT) >= 1);
	CHECK(demoted(m) > 200);		/* no block of 512 fits in 300 pages */
	CHECK(resident_pages(m, 1) > 200);
	CHECK_EQUAL(counter(m, RCL_OOM_KILL), 0);
	rcl_machine_free(m);
}

static void test_large_folio_mapped_in_part_is_split_and_goes_by_pages(void)
{
	struct tiers t;
	struct rcl_machine *m;
	uint32_t task;
	uint64_t nr;

	set_up(&t, 2000, 1000, 2);
	t.config.thp_orders = 1 << 4;
	t.config.kswapd = 0;
	m = build_machine(&t.config);
	task = make_bound(m, 0, 64);
	touch_range(m, task, 0, 1, WRITE);
	CHECK_EQUAL(rcl_task_madvise(m, task, 4, 6, RCL_ADVICE_DONTNEED), RCL_OK);
	CHECK_EQUAL(rcl_memcg_reclaim(m, 0, 16, 200, &nr), RCL_OK);
	check_machine(m);
	CHECK_EQUAL(counter(m, RCL_MTHP_SPLIT), 1);
	CHECK_EQUAL(demoted(m), 10);		/* those that are left */
	rcl_machine_free(m);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		TEST(pages_move_to_the_nearest_slower_node_instead_of_swap),
		TEST(a_batch_is_turned_round_on_the_slow_node),
		TEST(a_full_slow_node_fails_one_page_of_a_batch),
		TEST(anonymous_memory_without_swap_goes_when_it_can_be_demoted),
		TEST(full_slow_tier_sends_its_own_pages_on),
		TEST(file_pages_keep_their_place_in_the_page_cache),
		TEST(policy_state_goes_along_and_the_policy_is_told),
		TEST(policy_chooses_the_node),
		TEST(demotion_to_a_tier_that_is_not_slower_is_refused),
		TEST(large_folio_without_room_in_a_row_is_split_and_goes_by_pages),
		TEST(large_folio_mapped_in_part_is_split_and_goes_by_pages),
		TEST(folios_of_a_task_that_ends_are_reported),
		TEST(proactive_reclaim_demotes_and_frees_nothing_that_it_cannot_demote),
	};

	return run_tests_main(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
