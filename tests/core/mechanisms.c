/*
 * One test per promise of the core that the textbook caches and the fuzzer do not show.
 */
#include "harness.h"

/* A machine with one node, one memcg with a limit, one anonymous task. */
struct setting {
	struct rcl_machine *m;
	uint32_t memcg;
	uint32_t task;
};

static struct setting anonymous_setting(uint64_t nr_swap_pages, uint64_t max_pages, uint64_t nr_mapped, int forced)
{
	struct rcl_node_config node;
	struct rcl_swap_config swap = { .nr_pages = nr_swap_pages, .device = RCL_DEVICE_ZRAM };
	struct rcl_config config = exact_config(&node, 4096);
	struct rcl_mapping mapping = { .nr_pages = nr_mapped };
	struct setting s;

	config.nr_swaps = nr_swap_pages ? 1 : 0;
	config.swaps = &swap;
	config.forced_release = (uint8_t)forced;
	s.m = build_machine(&config);
	s.memcg = make_memcg(s.m, max_pages);
	s.task = make_task(s.m, s.memcg, &mapping, NULL);
	return s;
}

static void touch_pages(struct setting *s, uint32_t first, uint32_t nr, uint32_t bits)
{
	touch_range(s->m, s->task, first, nr, bits);
}

static uint32_t state_of(const struct setting *s)
{
	struct rcl_task_info info;

	CHECK_EQUAL(rcl_task_info(s->m, s->task, &info), RCL_OK);
	return info.state;
}

static void test_anonymous_without_swap_over_limit_is_killed(void)
{
	struct setting s = anonymous_setting(0, 50, 100, 1);
	struct rcl_memcg_info memcg;

	touch_pages(&s, 0, 60, WRITE);
	CHECK_EQUAL(state_of(&s), RCL_TASK_KILLED);
	CHECK_EQUAL(counter(s.m, RCL_OOM_KILL), 1);
	CHECK_EQUAL(rcl_memcg_info(s.m, s.memcg, &memcg), RCL_OK);
	CHECK_EQUAL(memcg.usage_pages, 0);
	rcl_machine_free(s.m);
}

static void test_swap_full_over_limit_is_killed_and_frees_slots(void)
{
	struct setting s = anonymous_setting(20, 50, 100, 1);
	uint64_t nr_slots, nr_free;

	touch_pages(&s, 0, 69, WRITE);
	CHECK_EQUAL(state_of(&s), RCL_TASK_IDLE);
	CHECK_EQUAL(counter(s.m, RCL_PSWPOUT), 19);
	touch_pages(&s, 69, 31, WRITE);
	CHECK_EQUAL(state_of(&s), RCL_TASK_KILLED);
	rcl_swap_info(s.m, &nr_slots, &nr_free);
	CHECK_EQUAL(nr_free, 20);
	rcl_machine_free(s.m);
}

static void test_limit_of_one_page_makes_progress(void)
{
	struct setting s = anonymous_setting(200, 1, 100, 1);

	touch_pages(&s, 0, 100, WRITE);
	touch_pages(&s, 0, 100, 0);
	CHECK_EQUAL(state_of(&s), RCL_TASK_IDLE);
	CHECK_EQUAL(counter(s.m, RCL_PSWPIN), 100);
	rcl_machine_free(s.m);
}

static uint64_t always_rotate(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_folio *folio,
			      struct rcl_scan_control *sc)
{
	(void)ctx, (void)lruvec, (void)folio, (void)sc;
	return RCL_VERDICT_ROTATE;
}

static void test_policy_that_keeps_everything_is_overridden_then_ejected(void)
{
	struct setting s = anonymous_setting(500, 50, 400, 1);
	struct rcl_ops ops = fifo_ops;
	struct rcl_exit exit_record;
	uint32_t attachment;

	ops.reclaim_folio = always_rotate;
	attachment = attach_own(s.m, &ops);
	touch_pages(&s, 0, 400, WRITE);
	CHECK_EQUAL(state_of(&s), RCL_TASK_IDLE);
	CHECK(counter(s.m, RCL_FORCED_RELEASE) > 0);
	CHECK_EQUAL(rcl_is_attached(s.m, attachment), 0);
	CHECK_EQUAL(rcl_nr_exits(s.m), 1);
	CHECK_EQUAL(rcl_exit_record(s.m, 0, &exit_record), RCL_OK);
	CHECK_EQUAL(exit_record.kind, RCL_EXIT_STALL);
	rcl_machine_free(s.m);
}

static uint64_t fail_after_ten(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_folio *folio, uint64_t reason)
{
	(void)lruvec, (void)folio, (void)reason;
	if (++ctx->global_state[0] <= 10)
		return HEAD_OF(OWN_LIST);
	ctx->failed = 1 + 4;
	return 0;
}

static void test_fail_ejects_with_its_message_and_hook(void)
{
	struct setting s = anonymous_setting(500, 50, 400, 1);
	struct rcl_ops ops = fifo_ops;
	struct rcl_policy policy = { .name = "failing", .ops = &ops, .nr_lists = 1 };
	struct rcl_exit exit_record;
	struct rcl_lruvec_info lruvec;
	uint32_t attachment, id;

	ops.folio_added = fail_after_ten;
	policy.state[RCL_SCOPE_GLOBAL].stride_bytes = 8;
	CHECK_EQUAL(rcl_attach(s.m, &policy, RCL_ATTACH_MEMCG, s.memcg, &attachment), RCL_OK);
	touch_pages(&s, 0, 100, WRITE);
	CHECK_EQUAL(rcl_exit_record(s.m, 0, &exit_record), RCL_OK);
	CHECK_EQUAL(exit_record.kind, RCL_EXIT_POLICY);
	CHECK_EQUAL(exit_record.fail_message, 4);
	CHECK_EQUAL(exit_record.hook, RCL_HOOK_FOLIO_ADDED);
	CHECK_EQUAL(rcl_lruvec_of(s.m, s.memcg, 0, &id), RCL_OK);
	CHECK_EQUAL(rcl_lruvec_info(s.m, id, &lruvec), RCL_OK);
	CHECK_EQUAL(lruvec.attachment, 0);
	rcl_machine_free(s.m);
}

static uint64_t place_nowhere(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_folio *folio, uint64_t reason)
{
	(void)ctx, (void)lruvec, (void)folio, (void)reason;
	return HEAD_OF(OWN_LIST + 1);
}

static void test_refused_places_go_to_the_default_and_eject(void)
{
	struct setting s = anonymous_setting(500, 200, 400, 1);
	struct rcl_ops ops = fifo_ops;
	struct rcl_exit exit_record;
	uint32_t attachment;

	ops.folio_added = place_nowhere;
	attachment = attach_own(s.m, &ops);
	touch_pages(&s, 0, 100, WRITE);
	CHECK_EQUAL(counter(s.m, RCL_REFUSED_ANSWER), 64);
	CHECK_EQUAL(rcl_is_attached(s.m, attachment), 0);
	CHECK_EQUAL(rcl_exit_record(s.m, 0, &exit_record), RCL_OK);
	CHECK_EQUAL(exit_record.kind, RCL_EXIT_ERROR);
	rcl_machine_free(s.m);
}

static void list_keys(const struct setting *s, uint32_t list, uint64_t *keys, uint64_t nr)
{
	uint32_t pfns[64], id;
	uint64_t found;

	CHECK_EQUAL(rcl_lruvec_of(s->m, s->memcg, 0, &id), RCL_OK);
	CHECK_EQUAL(rcl_list_folios(s->m, id, list, pfns, 64, &found), RCL_OK);
	CHECK_EQUAL(found, nr);
	for (uint64_t i = 0; i < nr; i++) {
		struct rcl_folio_info folio;

		CHECK_EQUAL(rcl_folio_info(s->m, pfns[i], &folio), RCL_OK);
		keys[i] = folio.key;
	}
}

static void test_adoption_keeps_every_folio_in_order_both_ways(void)
{
	struct setting s = anonymous_setting(100, 60, 40, 1);
	uint64_t before[40], adopted[40], after[40];
	uint32_t attachment;

	touch_pages(&s, 0, 40, WRITE);
	list_keys(&s, RCL_STANDARD_LIST_INACTIVE_ANON, before, 40);
	attachment = attach_own(s.m, &fifo_ops);
	list_keys(&s, OWN_LIST, adopted, 40);
	CHECK(memcmp(before, adopted, sizeof(before)) == 0);
	CHECK_EQUAL(rcl_detach(s.m, attachment), RCL_OK);
	list_keys(&s, RCL_STANDARD_LIST_INACTIVE_ANON, after, 40);
	CHECK(memcmp(before, after, sizeof(before)) == 0);
	CHECK_EQUAL(counter(s.m, RCL_ADOPTED), 80);
	check_machine(s.m);
	rcl_machine_free(s.m);
}

static void test_nearest_attachment_governs_and_the_next_takes_over(void)
{
	struct setting s = anonymous_setting(100, 60, 40, 1);
	struct rcl_policy policy = { .name = "own", .ops = &fifo_ops, .nr_lists = 1 };
	struct rcl_lruvec_info lruvec;
	uint32_t system, memcg, node, id;

	CHECK_EQUAL(rcl_attach(s.m, &policy, RCL_ATTACH_MEMCG, s.memcg, &memcg), RCL_OK);
	CHECK_EQUAL(rcl_attach(s.m, &policy, RCL_ATTACH_SYSTEM, 0, &system), RCL_OK);
	CHECK_EQUAL(rcl_attach(s.m, &policy, RCL_ATTACH_NODE, 0, &node), RCL_OK);
	CHECK_EQUAL(rcl_lruvec_of(s.m, s.memcg, 0, &id), RCL_OK);
	CHECK_EQUAL(rcl_lruvec_info(s.m, id, &lruvec), RCL_OK);
	CHECK_EQUAL(lruvec.attachment, memcg);
	CHECK_EQUAL(rcl_detach(s.m, memcg), RCL_OK);
	CHECK_EQUAL(rcl_lruvec_info(s.m, id, &lruvec), RCL_OK);
	CHECK_EQUAL(lruvec.attachment, node);
	CHECK_EQUAL(rcl_detach(s.m, node), RCL_OK);
	CHECK_EQUAL(rcl_lruvec_info(s.m, id, &lruvec), RCL_OK);
	CHECK_EQUAL(lruvec.attachment, system);
	rcl_machine_free(s.m);
}

static void test_protected_memcg_keeps_its_pages_while_the_other_has_any(void)
{
	struct rcl_node_config node;
	struct rcl_config config = exact_config(&node, 4096);
	struct rcl_memcg_config parent = { .max_pages = 100, .high_pages = UINT64_MAX, .swap_max_pages = UINT64_MAX };
	struct rcl_memcg_config child = { .max_pages = UINT64_MAX, .high_pages = UINT64_MAX, .min_pages = 60,
					  .swap_max_pages = UINT64_MAX };
	struct rcl_memcg_info info;
	struct setting s;
	uint32_t file, id;

	s.m = build_machine(&config);
	file = make_file(s.m, 1000);
	CHECK_EQUAL(rcl_memcg_create(s.m, &parent, &id), RCL_OK);
	child.parent = id;
	CHECK_EQUAL(rcl_memcg_create(s.m, &child, &s.memcg), RCL_OK);
	child.min_pages = 0;
	s.task = make_task(s.m, s.memcg, NULL, &file);
	touch_pages(&s, 0, 60, BUFFERED);
	CHECK_EQUAL(rcl_memcg_create(s.m, &child, &id), RCL_OK);
	s.task = make_task(s.m, id, NULL, &file);
	touch_pages(&s, 100, 900, BUFFERED);
	CHECK_EQUAL(rcl_memcg_info(s.m, s.memcg, &info), RCL_OK);
	CHECK_EQUAL(info.file_pages, 60);
	CHECK_EQUAL(rcl_memcg_info(s.m, id, &info), RCL_OK);
	CHECK_EQUAL(info.file_pages, 40);
	rcl_machine_free(s.m);
}

static void test_full_node_spills_to_the_next_then_reclaims_directly(void)
{
	struct rcl_node_config nodes[2] = { { .nr_pages = 100, .min_wmark = 4, .low_wmark = 5, .high_wmark = 6 },
					    { .nr_pages = 100, .min_wmark = 4, .low_wmark = 5, .high_wmark = 6 } };
	struct rcl_node_config unused;
	struct rcl_config config = exact_config(&unused, 1);
	struct rcl_node_info info;
	struct setting s;
	uint32_t file;

	config.nr_nodes = 2;
	config.nodes = nodes;
	s.m = build_machine(&config);
	file = make_file(s.m, 1000);
	s.task = make_task(s.m, 0, NULL, &file);
	touch_pages(&s, 0, 150, BUFFERED);
	CHECK_EQUAL(rcl_node_info(s.m, 0, &info), RCL_OK);
	CHECK_EQUAL(info.nr_free_pages, 5);
	CHECK_EQUAL(rcl_node_info(s.m, 1, &info), RCL_OK);
	CHECK_EQUAL(info.nr_free_pages, 45);
	touch_pages(&s, 150, 850, BUFFERED);
	CHECK(counter(s.m, RCL_ALLOCSTALL) > 0);
	CHECK_EQUAL(state_of(&s), RCL_TASK_IDLE);
	rcl_machine_free(s.m);
}

static void test_private_write_copies_and_shared_write_dirties(void)
{
	struct rcl_node_config node;
	struct rcl_swap_config swap = { .nr_pages = 100, .device = RCL_DEVICE_SSD };
	struct rcl_config config = exact_config(&node, 1000);
	struct rcl_mapping mappings[2] = { { .nr_pages = 10, .flags = RCL_MAPPING_FILE },
					   { .nr_pages = 10, .flags = RCL_MAPPING_FILE | RCL_MAPPING_SHARED } };
	struct rcl_task_config task = { .nr_mappings = 2, .mappings = mappings };
	struct rcl_folio_info folio;
	struct setting s = { 0 };
	uint32_t file, pte, pfn;

	config.nr_swaps = 1;
	config.swaps = &swap;
	s.m = build_machine(&config);
	file = make_file(s.m, 10);
	mappings[0].file = mappings[1].file = file;
	CHECK_EQUAL(rcl_task_create(s.m, &task, &s.task), RCL_OK);
	touch_pages(&s, 3, 1, 0);
	touch_pages(&s, 13, 1, 0);
	CHECK_EQUAL(rcl_file_folio(s.m, file, 3, &pfn), RCL_OK);
	CHECK_EQUAL(rcl_folio_info(s.m, pfn, &folio), RCL_OK);
	CHECK_EQUAL(folio.nr_mappings, 2);
	touch_pages(&s, 3, 1, WRITE);
	CHECK_EQUAL(rcl_task_ptes(s.m, s.task, 3, 1, &pte), RCL_OK);
	CHECK(pte >> 4 != pfn);
	CHECK_EQUAL(rcl_folio_info(s.m, pte >> 4, &folio), RCL_OK);
	CHECK_EQUAL(folio.key, rcl_anon_key(s.task, 3));
	CHECK_EQUAL(rcl_folio_info(s.m, pfn, &folio), RCL_OK);
	CHECK_EQUAL(folio.nr_mappings, 1);
	CHECK_EQUAL(folio.flags & RCL_FOLIO_IS_DIRTY, 0);
	touch_pages(&s, 13, 1, WRITE);
	CHECK_EQUAL(rcl_folio_info(s.m, pfn, &folio), RCL_OK);
	CHECK(folio.flags & RCL_FOLIO_IS_DIRTY);
	rcl_machine_free(s.m);
}

static void test_clean_page_read_from_ssd_keeps_its_slot_and_is_dropped_unwritten(void)
{
	struct rcl_node_config node;
	struct rcl_swap_config swap = { .nr_pages = 1000, .device = RCL_DEVICE_SSD };
	struct rcl_config config = exact_config(&node, 1000);
	struct rcl_mapping mapping = { .nr_pages = 100 };
	struct setting s;

	config.nr_swaps = 1;
	config.swaps = &swap;
	s.m = build_machine(&config);
	attach_own(s.m, &fifo_ops);
	s.memcg = make_memcg(s.m, 50);
	s.task = make_task(s.m, s.memcg, &mapping, NULL);
	touch_pages(&s, 0, 100, WRITE);
	CHECK_EQUAL(counter(s.m, RCL_PSWPOUT), 50);
	for (int lap = 0; lap < 4; lap++)
		touch_pages(&s, 0, 100, 0);
	CHECK_EQUAL(counter(s.m, RCL_PSWPIN), 400);
	CHECK_EQUAL(counter(s.m, RCL_PSWPOUT), 100);
	rcl_machine_free(s.m);
}

static uint64_t seen_distance, seen_cookie, seen_own, nr_seen;

static void note_shadow(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_folio *folio,
			struct rcl_shadow *shadow, uint64_t reason)
{
	(void)ctx, (void)lruvec, (void)folio, (void)reason;
	if (!shadow)
		return;
	nr_seen++;
	seen_distance = shadow->distance;
	seen_cookie = shadow->cookie;
	seen_own = shadow->is_own;
}

static uint64_t key_as_cookie(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_folio *folio)
{
	(void)ctx, (void)lruvec;
	return folio->key + 1000;
}

static void test_shadow_tells_distance_and_cookie_to_its_own_policy_only(void)
{
	struct rcl_node_config node;
	struct rcl_config config = exact_config(&node, 1000);
	struct rcl_ops ops = fifo_ops;
	struct setting s;
	uint32_t file, attachment;

	ops.folio_admit = note_shadow;
	ops.folio_evicted = key_as_cookie;
	s.m = build_machine(&config);
	file = make_file(s.m, 200);
	attachment = attach_own(s.m, &ops);
	s.memcg = make_memcg(s.m, 10);
	s.task = make_task(s.m, s.memcg, NULL, &file);
	nr_seen = 0;
	touch_pages(&s, 0, 30, BUFFERED);
	touch_pages(&s, 5, 1, BUFFERED);
	CHECK_EQUAL(nr_seen, 1);
	/* Pages 0 to 19 are out, and 20 makes room for 5: evictions after page 5's own are 6 to 20. */
	CHECK_EQUAL(seen_distance, 16);
	CHECK_EQUAL(seen_cookie, 1005);
	CHECK_EQUAL(seen_own, 1);
	CHECK_EQUAL(counter(s.m, RCL_WORKINGSET_REFAULT_FILE), 1);
	CHECK_EQUAL(rcl_detach(s.m, attachment), RCL_OK);
	attach_own(s.m, &ops);
	touch_pages(&s, 6, 1, BUFFERED);
	CHECK_EQUAL(seen_own, 0);
	CHECK_EQUAL(seen_cookie, 0);
	rcl_machine_free(s.m);
}

static void test_bad_record_is_named_and_nothing_runs(void)
{
	struct setting s = anonymous_setting(0, 50, 1000, 1);
	uint32_t records[600] = { 0 };
	uint64_t bad = 0;

	records[517] = 1000;
	CHECK_EQUAL(rcl_task_feed(s.m, s.task, records, 600, 0, &bad), RCL_BAD_TRACE);
	CHECK_EQUAL(bad, 517);
	records[517] = BUFFERED;
	CHECK_EQUAL(rcl_task_feed(s.m, s.task, records, 600, 0, &bad), RCL_BAD_TRACE);
	CHECK_EQUAL(state_of(&s), RCL_TASK_IDLE);
	rcl_machine_free(s.m);
}

static void test_interrupted_run_goes_on_to_the_same_end(void)
{
	struct setting s = anonymous_setting(500, 50, 400, 1), whole = anonymous_setting(500, 50, 400, 1);
	static uint32_t records[400];
	volatile int interrupt = 1;
	struct rcl_run_control control = { .interrupt = &interrupt };
	uint64_t bad;

	for (uint32_t i = 0; i < 400; i++)
		records[i] = i;
	CHECK_EQUAL(run_records(whole.m, whole.task, records, 400), RCL_OK);
	CHECK_EQUAL(rcl_task_feed(s.m, s.task, records, 400, 0, &bad), RCL_OK);
	for (int i = 0; i < 5; i++)
		CHECK_EQUAL(rcl_run(s.m, &control), RCL_INTERRUPTED);
	check_machine(s.m);
	interrupt = 0;
	CHECK_EQUAL(rcl_run(s.m, &control), RCL_OK);
	CHECK_EQUAL(misses_of(s.m, s.task), misses_of(whole.m, whole.task));
	CHECK_EQUAL(counter(s.m, RCL_PSWPOUT), counter(whole.m, RCL_PSWPOUT));
	rcl_machine_free(s.m);
	rcl_machine_free(whole.m);
}

static uint64_t nr_visits, nr_walks, walk_answers[2];	/* the first answer and the latest */

static uint64_t claim_young(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_folio *folio, uint64_t where)
{
	(void)lruvec;
	CHECK_EQUAL(where, RCL_WHERE_WALK);
	h_folio_retarget(ctx, folio, OWN_LIST + 1);
	nr_visits++;
	return 0;
}

static void walk_all(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_scan_control *sc)
{
	(void)sc;
	walk_answers[nr_walks++ > 0] = h_walk_page_tables(ctx, lruvec, 0, 0, 0, 1, 1, 8, 1 << 20);
	h_list_splice(ctx, OWN_LIST, lruvec, HEAD_OF(OWN_LIST + 2), 3);
}

static uint64_t age_then_stop(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_scan_control *sc,
			      struct rcl_batch_result *last)
{
	(void)ctx, (void)lruvec, (void)sc;
	return last->kind == RCL_BATCH_KIND_FIRST ? RCL_BATCH_AGE : RCL_BATCH_STOP;
}

static void test_walk_finds_young_pages_and_lists_are_sorted_later(void)
{
	struct setting s = anonymous_setting(0, 500, 400, 0);
	struct rcl_ops ops = fifo_ops;
	struct rcl_policy policy = { .name = "walker", .ops = &ops, .nr_lists = 3 };
	uint64_t nr;
	uint32_t attachment, id;

	ops.pte_young = claim_young;
	ops.age = walk_all;
	ops.next_batch = age_then_stop;
	CHECK_EQUAL(rcl_attach(s.m, &policy, RCL_ATTACH_SYSTEM, 0, &attachment), RCL_OK);
	touch_pages(&s, 0, 10, WRITE);
	nr_visits = nr_walks = 0;
	CHECK_EQUAL(rcl_memcg_reclaim(s.m, s.memcg, 1, 60, &nr), RCL_OK);
	CHECK_EQUAL(nr_visits, 10);
	CHECK_EQUAL(walk_answers[0], RCL_WALK_DONE);
	CHECK_EQUAL(walk_answers[1], RCL_WALK_NONE);	/* nobody ran in between */
	check_machine(s.m);
	/* All claim the second list; splicing the first one's tail sorted three of them there. */
	CHECK_EQUAL(rcl_lruvec_of(s.m, s.memcg, 0, &id), RCL_OK);
	CHECK_EQUAL(rcl_list_pages(s.m, id, OWN_LIST, &nr), RCL_OK);
	CHECK_EQUAL(nr, 0);
	CHECK_EQUAL(rcl_list_pages(s.m, id, OWN_LIST + 1, &nr), RCL_OK);
	CHECK_EQUAL(nr, 10);
	rcl_machine_free(s.m);
}

static void merge_two_lists(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_scan_control *sc)
{
	(void)sc;
	if (nr_walks++)
		return;
	CHECK_EQUAL(h_list_splice(ctx, OWN_LIST, lruvec, HEAD_OF(OWN_LIST + 2), 2), 2);
	h_folio_retarget(ctx, h_list_tail(ctx, lruvec, OWN_LIST), OWN_LIST + 2);
	CHECK_EQUAL(h_list_splice(ctx, OWN_LIST, lruvec, TAIL_OF(OWN_LIST + 1), 4), 4);
}

/* inc_min_seq() moves the oldest folio first, each to the tail: so the last of them is the next to be taken. What a walk
 * has promoted goes to the tail of the list that it claims. */
static void test_merged_lists_are_turned_round_at_the_tail(void)
{
	struct setting s = anonymous_setting(0, 500, 400, 0);
	struct rcl_ops ops = fifo_ops;
	struct rcl_policy policy = { .name = "merger", .ops = &ops, .nr_lists = 3 };
	uint64_t before[7], keys[3], nr;
	uint32_t attachment, id;

	ops.age = merge_two_lists;
	ops.next_batch = age_then_stop;
	CHECK_EQUAL(rcl_attach(s.m, &policy, RCL_ATTACH_SYSTEM, 0, &attachment), RCL_OK);
	touch_pages(&s, 0, 7, WRITE);
	CHECK_EQUAL(rcl_lruvec_of(s.m, s.memcg, 0, &id), RCL_OK);
	list_keys(&s, OWN_LIST, before, 7);
	nr_walks = 0;
	CHECK_EQUAL(rcl_memcg_reclaim(s.m, s.memcg, 1, 60, &nr), RCL_OK);
	/* All from the tail on: 0 and 1 went first, 2 claimed their list. */
	list_keys(&s, OWN_LIST + 1, keys, 3);
	for (int i = 0; i < 3; i++)
		CHECK_EQUAL(keys[i], before[5 - i]);
	list_keys(&s, OWN_LIST + 2, keys, 3);
	CHECK_EQUAL(keys[0], before[2]);
	CHECK_EQUAL(keys[1], before[0]);
	CHECK_EQUAL(keys[2], before[1]);
	list_keys(&s, OWN_LIST, keys, 1);
	CHECK_EQUAL(keys[0], before[6]);
	check_machine(s.m);
	rcl_machine_free(s.m);
}

#define MAP(number) ((uint64_t)(number) + 1)

/* Put the keys 0 to 149 into an LRU set and a hash map with room for 100, take one out of each. */
static void fill_maps(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec)
{
	if (lruvec->memcg->id)
		return;
	for (uint64_t key = 0; key < 150; key++) {
		CHECK_EQUAL(h_lru_set_add(ctx, MAP(0), key), 1);
		CHECK_EQUAL(h_lru_set_add(ctx, MAP(0), 0), 1);
		CHECK_EQUAL(h_hash_map_put(ctx, MAP(1), key, key * key), key < 100);
	}
	CHECK_EQUAL(h_lru_set_size(ctx, MAP(0)), 100);
	CHECK_EQUAL(h_lru_set_contains(ctx, MAP(0), 0), 1);
	CHECK_EQUAL(h_lru_set_contains(ctx, MAP(0), 50), 0);
	CHECK_EQUAL(h_lru_set_contains(ctx, MAP(0), 51), 1);
	CHECK_EQUAL(h_lru_set_discard(ctx, MAP(0), 51), 1);
	CHECK_EQUAL(h_lru_set_discard(ctx, MAP(0), 51), 0);
	CHECK_EQUAL(h_hash_map_get(ctx, MAP(1), 99).value, 99 * 99);
	CHECK_EQUAL(h_hash_map_get(ctx, MAP(1), 100).present, 0);
	CHECK_EQUAL(h_hash_map_remove(ctx, MAP(1), 5), 1);
	CHECK_EQUAL(h_hash_map_put(ctx, MAP(1), 100, 1), 1);
}

static void test_maps_forget_the_oldest_or_refuse_when_full(void)
{
	static const struct rcl_map_decl maps[] = {
		{ .kind = RCL_MAP_KIND_LRU_SET, .scope = RCL_SCOPE_GLOBAL, .capacity = 100, .count = 1 },
		{ .kind = RCL_MAP_KIND_HASH_MAP, .scope = RCL_SCOPE_GLOBAL, .capacity = 100, .count = 1 },
	};
	struct setting s = anonymous_setting(0, 500, 10, 1);
	struct rcl_ops ops = fifo_ops;
	struct rcl_policy policy = { .name = "maps", .ops = &ops, .nr_lists = 1, .nr_maps = 2, .maps = maps };
	uint32_t attachment;
	uint64_t value;
	int present;

	ops.init = fill_maps;
	CHECK_EQUAL(rcl_attach(s.m, &policy, RCL_ATTACH_SYSTEM, 0, &attachment), RCL_OK);
	CHECK_EQUAL(rcl_map_look(s.m, attachment, 1, 0, 7, &value, &present), RCL_OK);
	CHECK_EQUAL(present, 1);
	CHECK_EQUAL(value, 49);
	CHECK_EQUAL(rcl_map_look(s.m, attachment, 2, 0, 7, &value, &present), RCL_BAD_ARGUMENT);
	rcl_machine_free(s.m);
}

/* Integer helpers at their corners. */
static void check_integers(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec)
{
	(void)lruvec;
	CHECK_EQUAL(h_isqrt(ctx, 0), 0);
	CHECK_EQUAL(h_isqrt(ctx, 24), 4);
	CHECK_EQUAL(h_isqrt(ctx, UINT64_MAX), UINT32_MAX);
	CHECK_EQUAL(h_ilog2(ctx, 1), 0);
	CHECK_EQUAL(h_ilog2(ctx, UINT64_MAX), 63);
	CHECK_EQUAL(h_mul_div(ctx, UINT64_MAX, UINT64_MAX, UINT64_MAX), UINT64_MAX);
	CHECK_EQUAL(h_mul_div(ctx, UINT64_MAX, 2, 1), UINT64_MAX);
	CHECK_EQUAL(h_mul_div(ctx, 7, 3, 2), 10);
}

static void test_integer_helpers_hold_at_their_corners(void)
{
	struct setting s = anonymous_setting(0, 500, 10, 1);
	struct rcl_ops ops = fifo_ops;

	ops.init = check_integers;
	attach_own(s.m, &ops);
	rcl_machine_free(s.m);
}

static void test_two_tasks_interleave_by_clock_and_stalls_add_up(void)
{
	struct setting s = anonymous_setting(2000, 50, 400, 1);
	struct rcl_mapping mapping = { .nr_pages = 400 };
	uint32_t other = make_task(s.m, s.memcg, &mapping, NULL);
	static uint32_t records[400];
	struct rcl_run_control control = { 0 };
	struct rcl_task_info a, b;
	struct rcl_stalls stalls;
	struct rcl_psi psi;
	uint64_t bad;

	for (uint32_t i = 0; i < 400; i++)
		records[i] = i | WRITE;
	CHECK_EQUAL(rcl_task_feed(s.m, s.task, records, 400, 1, &bad), RCL_OK);
	CHECK_EQUAL(rcl_task_feed(s.m, other, records, 400, 1, &bad), RCL_OK);
	CHECK_EQUAL(rcl_run(s.m, &control), RCL_OK);
	CHECK_EQUAL(control.dry_task, -1);
	CHECK_EQUAL(rcl_task_info(s.m, s.task, &a), RCL_OK);
	CHECK_EQUAL(rcl_task_info(s.m, other, &b), RCL_OK);
	CHECK_EQUAL(a.state, RCL_TASK_ENDED);
	CHECK_EQUAL(b.nr_records, 400);
	CHECK_EQUAL(rcl_stalls(s.m, -1, RCL_STALL_RECLAIM, &stalls), RCL_OK);
	CHECK_EQUAL(stalls.nr, 750);
	CHECK(stalls.p50_ns <= stalls.p99_ns && stalls.p99_ns <= stalls.max_ns);
	CHECK_EQUAL(rcl_psi(s.m, &psi), RCL_OK);
	CHECK(psi.full_ns <= psi.some_ns && psi.some_ns <= psi.elapsed_ns);
	check_machine(s.m);
	rcl_machine_free(s.m);
}

static void test_wrong_configuration_is_refused_in_words(void)
{
	struct rcl_node_config node = { .nr_pages = 100, .min_wmark = 10, .low_wmark = 5, .high_wmark = 20 };
	struct rcl_config config;
	struct rcl_machine *m;
	char error[128];

	rcl_config_init(&config);
	CHECK_EQUAL(rcl_machine_create(&config, &m, error, sizeof(error)), RCL_BAD_ARGUMENT);
	CHECK(strstr(error, "0 nodes"));
	config.nr_nodes = 1;
	config.nodes = &node;
	CHECK_EQUAL(rcl_machine_create(&config, &m, error, sizeof(error)), RCL_BAD_ARGUMENT);
	CHECK(strstr(error, "watermarks must rise"));
}

static void test_a_page_costs_at_most_96_bytes(void)
{
	CHECK(rcl_bytes_per_page() <= 96);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		TEST(anonymous_without_swap_over_limit_is_killed),
		TEST(swap_full_over_limit_is_killed_and_frees_slots),
		TEST(limit_of_one_page_makes_progress),
		TEST(policy_that_keeps_everything_is_overridden_then_ejected),
		TEST(fail_ejects_with_its_message_and_hook),
		TEST(refused_places_go_to_the_default_and_eject),
		TEST(adoption_keeps_every_folio_in_order_both_ways),
		TEST(nearest_attachment_governs_and_the_next_takes_over),
		TEST(protected_memcg_keeps_its_pages_while_the_other_has_any),
		TEST(full_node_spills_to_the_next_then_reclaims_directly),
		TEST(private_write_copies_and_shared_write_dirties),
		TEST(clean_page_read_from_ssd_keeps_its_slot_and_is_dropped_unwritten),
		TEST(shadow_tells_distance_and_cookie_to_its_own_policy_only),
		TEST(bad_record_is_named_and_nothing_runs),
		TEST(interrupted_run_goes_on_to_the_same_end),
		TEST(walk_finds_young_pages_and_lists_are_sorted_later),
		TEST(merged_lists_are_turned_round_at_the_tail),
		TEST(maps_forget_the_oldest_or_refuse_when_full),
		TEST(integer_helpers_hold_at_their_corners),
		TEST(two_tasks_interleave_by_clock_and_stalls_add_up),
		TEST(wrong_configuration_is_refused_in_words),
		TEST(a_page_costs_at_most_96_bytes),
	};

	return run_tests_main(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
