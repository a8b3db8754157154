/*
 * Large folios: allocation and its fallbacks, references, swapping whole and in parts, splitting.
 */
#include "harness.h"
#include "machine.h"

struct setting {
	struct rcl_machine *m;
	uint32_t memcg;
	uint32_t task;
	uint32_t lruvec;
};

struct options {
	uint64_t nr_node_pages;
	uint64_t nr_swap_pages;
	uint64_t max_pages;
	uint64_t nr_mapped;
	uint32_t orders;
};

static struct setting make_setting_on(const struct options *options, uint32_t swap_device)
{
	struct rcl_node_config node;
	struct rcl_swap_config swap = { .nr_pages = options->nr_swap_pages, .device = swap_device };
	struct rcl_mapping mapping = { .nr_pages = options->nr_mapped };
	struct rcl_config config = exact_config(&node, options->nr_node_pages);
	struct setting s;

	config.nr_swaps = options->nr_swap_pages ? 1 : 0;
	config.swaps = &swap;
	config.thp_orders = options->orders;
	config.reclaim_batch_pages = 32;
	config.writeback = 1;
	s.m = build_machine(&config);
	s.memcg = make_memcg(s.m, options->max_pages);
	s.task = make_task(s.m, s.memcg, &mapping, NULL);
	CHECK_EQUAL(rcl_lruvec_of(s.m, s.memcg, 0, &s.lruvec), RCL_OK);
	return s;
}

static struct setting make_setting(const struct options *options)
{
	return make_setting_on(options, RCL_DEVICE_ZRAM);
}

static void touch_pages(struct setting *s, uint32_t first, uint32_t nr, uint32_t step)
{
	static uint32_t records[8192];

	for (uint32_t i = 0; i < nr; i++)
		records[i] = (first + i * step) | WRITE;
	CHECK_EQUAL(run_records(s->m, s->task, records, nr), RCL_OK);
	check_machine(s->m);
}

static struct rcl_task_info info_of(const struct setting *s)
{
	struct rcl_task_info info;

	CHECK_EQUAL(rcl_task_info(s->m, s->task, &info), RCL_OK);
	return info;
}

static uint64_t usage_of(const struct setting *s)
{
	struct rcl_memcg_info info;

	CHECK_EQUAL(rcl_memcg_info(s->m, s->memcg, &info), RCL_OK);
	return info.usage_pages;
}

/* The folio that maps a page of the task. */
static struct rcl_folio_info folio_of_page(const struct setting *s, uint32_t vpn)
{
	struct rcl_folio_info folio;
	uint32_t pte;

	CHECK_EQUAL(rcl_task_ptes(s->m, s->task, vpn, 1, &pte), RCL_OK);
	CHECK(pte & 1);
	CHECK_EQUAL(rcl_folio_info(s->m, pte >> 4, &folio), RCL_OK);
	return folio;
}

static void test_fault_takes_the_largest_order_that_fits(void)
{
	struct setting s = make_setting(&(struct options){ 4096, 0, UINT64_MAX, 100, 1 << 4 | 1 << 2 });

	touch_pages(&s, 21, 1, 1);
	CHECK_EQUAL(folio_of_page(&s, 16).order, 4);
	CHECK_EQUAL(folio_of_page(&s, 31).pfn, folio_of_page(&s, 16).pfn);
	CHECK_EQUAL(folio_of_page(&s, 16).nr_mappings, 16);
	/* The VMA ends at 100: the last 4 pages hold an order 2, no order 4. */
	touch_pages(&s, 98, 1, 1);
	CHECK_EQUAL(folio_of_page(&s, 96).order, 2);
	CHECK_EQUAL(usage_of(&s), 20);
	CHECK_EQUAL(info_of(&s).nr_misses, 2);
	CHECK_EQUAL(counter(s.m, RCL_MTHP_ANON_FAULT_ALLOC), 2);
	rcl_machine_free(s.m);
}

static void test_occupied_range_leaves_lower_orders(void)
{
	struct setting s = make_setting(&(struct options){ 4096, 0, UINT64_MAX, 64, 1 << 2 });

	touch_pages(&s, 0, 4, 16);
	CHECK_EQUAL(folio_of_page(&s, 48).order, 2);
	CHECK_EQUAL(rcl_task_madvise(s.m, s.task, 1, 3, RCL_ADVICE_DONTNEED), RCL_OK);
	check_machine(s.m);
	touch_pages(&s, 2, 1, 1);
	CHECK_EQUAL(folio_of_page(&s, 2).order, 0);
	rcl_machine_free(s.m);
}

static void test_limit_without_room_falls_back_and_never_reclaims_for_more(void)
{
	struct setting s = make_setting(&(struct options){ 4096, 1000, 20, 200, 1 << 4 });

	touch_pages(&s, 0, 1, 1);
	CHECK_EQUAL(usage_of(&s), 16);
	touch_pages(&s, 16, 4, 1);
	CHECK_EQUAL(folio_of_page(&s, 19).order, 0);
	CHECK_EQUAL(counter(s.m, RCL_PGSCAN_DIRECT), 0);
	CHECK(counter(s.m, RCL_MTHP_ANON_FAULT_FALLBACK) >= 1);
	rcl_machine_free(s.m);
}

static void test_fragmented_node_has_no_block_and_merges_when_freed(void)
{
	struct setting s = make_setting(&(struct options){ 600, 0, UINT64_MAX, 1024, 0 });
	struct rcl_node_info node;

	touch_pages(&s, 0, 512, 1);
	CHECK_EQUAL(rcl_task_exit(s.m, s.task), RCL_OK);
	check_machine(s.m);
	CHECK_EQUAL(rcl_node_info(s.m, 0, &node), RCL_OK);
	CHECK_EQUAL(node.nr_free_pages, 600);
	rcl_machine_free(s.m);
	/* The same with large folios: what is freed singly merges when a block is wanted. */
	s = make_setting(&(struct options){ 600, 0, UINT64_MAX, 1024, 1 << 9 });
	for (uint32_t i = 0; i < 3; i++) {
		struct rcl_mapping mapping = { .nr_pages = 512 };

		touch_pages(&s, 0, 1, 1);
		CHECK_EQUAL(folio_of_page(&s, 0).order, i == 1 ? 0 : 9);
		if (i == 1)
			touch_pages(&s, 1, 300, 1);
		CHECK_EQUAL(rcl_task_exit(s.m, s.task), RCL_OK);
		check_machine(s.m);
		mapping.nr_pages = i == 0 ? 511 : 512;
		s.task = make_task(s.m, s.memcg, &mapping, NULL);
	}
	rcl_machine_free(s.m);
}

static void test_pmd_needs_an_aligned_range_without_a_page_table(void)
{
	struct setting s = make_setting(&(struct options){ 4096, 0, UINT64_MAX, 2000, 1 << 9 });

	touch_pages(&s, 700, 1, 1);
	CHECK_EQUAL(folio_of_page(&s, 512).order, 9);
	CHECK_EQUAL(folio_of_page(&s, 1023).pfn, folio_of_page(&s, 512).pfn);
	CHECK_EQUAL(counter(s.m, RCL_THP_FAULT_ALLOC), 1);
	/* The last 464 pages are no whole table. */
	touch_pages(&s, 1600, 1, 1);
	CHECK_EQUAL(folio_of_page(&s, 1600).order, 0);
	CHECK_EQUAL(counter(s.m, RCL_THP_FAULT_FALLBACK), 0);
	rcl_machine_free(s.m);
}

static void test_large_folio_is_swapped_out_whole_and_in_by_pages(void)
{
	struct setting s = make_setting(&(struct options){ 4096, 1024, 64, 2048, 1 << 4 });

	touch_pages(&s, 0, 40, 16);
	CHECK(counter(s.m, RCL_MTHP_SWPOUT) > 0);
	CHECK_EQUAL(counter(s.m, RCL_MTHP_SWPOUT_FALLBACK), 0);
	CHECK_EQUAL(counter(s.m, RCL_MTHP_SPLIT), 0);
	CHECK_EQUAL(counter(s.m, RCL_PSWPOUT) % 16, 0);
	CHECK_EQUAL(counter(s.m, RCL_PGSTEAL_ANON), counter(s.m, RCL_PSWPOUT));
	CHECK(counter(s.m, RCL_PGSCAN_ANON) >= counter(s.m, RCL_PGSTEAL_ANON));
	touch_pages(&s, 3, 1, 1);
	CHECK_EQUAL(counter(s.m, RCL_PSWPIN), 1);
	CHECK_EQUAL(folio_of_page(&s, 3).order, 0);
	rcl_machine_free(s.m);
}

/* A folio of 16 pages on its way to an SSD. */
static struct setting write_a_folio(void)
{
	struct setting s = make_setting_on(&(struct options){ 4096, 1024, UINT64_MAX, 256, 1 << 4 }, RCL_DEVICE_SSD);

	touch_pages(&s, 0, 16, 1);
	for (uint32_t vpn = 0; vpn < 16; vpn++)
		s.m->tasks[s.task]->ptes[vpn] &= ~UINT32_C(2);
	CHECK_EQUAL(reclaim_pages(s.m, s.memcg, 1), 0);
	CHECK_EQUAL(s.m->nr_writeback, 16);
	CHECK_EQUAL(counter(s.m, RCL_PSWPOUT), 16);
	CHECK_EQUAL(counter(s.m, RCL_MTHP_SWPOUT), 1);
	CHECK_EQUAL(counter(s.m, RCL_NR_WRITTEN), 0);
	CHECK(usage_of(&s) >= 16);
	return s;
}

static void test_large_folio_is_free_when_it_is_written_and_met_again(void)
{
	struct setting s = write_a_folio();

	s.m->tasks[s.task]->ns_per_access = 10000000;
	touch_pages(&s, 100, 2, 1);
	CHECK_EQUAL(s.m->nr_writeback, 0);
	CHECK_EQUAL(counter(s.m, RCL_NR_WRITTEN), 16);
	CHECK_EQUAL(counter(s.m, RCL_PGROTATED), 16);
	CHECK_EQUAL(reclaim_pages(s.m, s.memcg, 1), 16);
	rcl_machine_free(s.m);
}

static void test_page_of_a_folio_being_written_is_mapped_again(void)
{
	struct setting s = write_a_folio();

	touch_pages(&s, 5, 1, 1);
	CHECK_EQUAL(folio_of_page(&s, 5).order, 4);
	CHECK_EQUAL(s.m->nr_writeback, 16);
	CHECK_EQUAL(counter(s.m, RCL_PSWPIN), 0);
	CHECK_EQUAL(info_of(&s).swapped_pages, 0);	/* all of its entries were there, so all of it */
	rcl_machine_free(s.m);
}

static void test_large_folio_comes_back_whole_from_zram(void)
{
	struct setting s = make_setting(&(struct options){ 4096, 1024, UINT64_MAX, 256, 1 << 4 | 1 << 2 });

	touch_pages(&s, 32, 1, 1);
	CHECK_EQUAL(folio_of_page(&s, 32).order, 4);
	for (uint32_t i = 0; i < 2; i++)
		reclaim_pages(s.m, s.memcg, 16);
	CHECK_EQUAL(info_of(&s).swapped_pages, 16);
	touch_pages(&s, 39, 1, 1);
	CHECK_EQUAL(folio_of_page(&s, 39).order, 4);
	CHECK_EQUAL(folio_of_page(&s, 32).order, 4);
	CHECK_EQUAL(info_of(&s).swapped_pages, 0);
	CHECK_EQUAL(counter(s.m, RCL_PSWPIN), 16);
	CHECK_EQUAL(counter(s.m, RCL_PGMAJFAULT), 1);
	rcl_machine_free(s.m);
}

/* Where one page of it is gone, a smaller folio that has all of its pages does. */
static void test_part_of_a_large_folio_comes_back_in_the_order_that_fits(void)
{
	struct setting s = make_setting(&(struct options){ 4096, 1024, UINT64_MAX, 256, 1 << 4 | 1 << 2 });

	touch_pages(&s, 32, 1, 1);
	for (uint32_t i = 0; i < 2; i++)
		reclaim_pages(s.m, s.memcg, 16);
	CHECK_EQUAL(rcl_task_madvise(s.m, s.task, 33, 1, RCL_ADVICE_DONTNEED), RCL_OK);
	touch_pages(&s, 39, 1, 1);
	CHECK_EQUAL(folio_of_page(&s, 39).order, 2);
	touch_pages(&s, 34, 1, 1);
	CHECK_EQUAL(folio_of_page(&s, 34).order, 0);
	CHECK_EQUAL(info_of(&s).swapped_pages, 10);
	rcl_machine_free(s.m);
}

static void test_part_of_a_folio_being_written_is_given_up(void)
{
	struct setting s = write_a_folio();

	CHECK_EQUAL(rcl_task_madvise(s.m, s.task, 4, 4, RCL_ADVICE_DONTNEED), RCL_OK);
	check_machine(s.m);
	CHECK_EQUAL(s.m->nr_writeback, 0);
	CHECK_EQUAL(info_of(&s).swapped_pages, 12);
	rcl_task_exit(s.m, s.task);
	check_machine(s.m);
	CHECK_EQUAL(usage_of(&s), 0);
	rcl_machine_free(s.m);
}

static void test_thp_swaps_whole_and_counts_so(void)
{
	struct setting s = make_setting(&(struct options){ 4096, 2048, 1100, 4096, 1 << 9 });

	touch_pages(&s, 0, 3, 512);
	CHECK_EQUAL(counter(s.m, RCL_THP_FAULT_ALLOC), 2);
	touch_pages(&s, 1024, 200, 1);
	CHECK(counter(s.m, RCL_THP_SWPOUT) >= 1);
	CHECK_EQUAL(counter(s.m, RCL_THP_SWPOUT), counter(s.m, RCL_THP_SPLIT_PMD));
	CHECK_EQUAL(counter(s.m, RCL_PSWPOUT), 512 * counter(s.m, RCL_THP_SWPOUT));
	rcl_machine_free(s.m);
}

static void test_fragmented_swap_splits(void)
{
	/* 500 slots: no cluster has 512, so a folio of 512 pages never finds them in a row. */
	struct setting s = make_setting(&(struct options){ 4096, 500, 600, 4096, 1 << 9 });

	touch_pages(&s, 0, 1, 1);
	touch_pages(&s, 512, 300, 1);
	CHECK_EQUAL(counter(s.m, RCL_THP_SWPOUT), 0);
	CHECK_EQUAL(counter(s.m, RCL_THP_SWPOUT_FALLBACK), 1);
	CHECK_EQUAL(counter(s.m, RCL_THP_SPLIT_PAGE), 1);
	CHECK(counter(s.m, RCL_PSWPOUT) > 0);
	CHECK_EQUAL(info_of(&s).state, RCL_TASK_IDLE);
	rcl_machine_free(s.m);
}

static void test_partly_dropped_folio_is_queued_and_split_under_pressure(void)
{
	struct setting s = make_setting(&(struct options){ 4096, 1000, 100, 400, 1 << 4 });

	touch_pages(&s, 0, 1, 1);
	CHECK_EQUAL(rcl_task_madvise(s.m, s.task, 3, 10, RCL_ADVICE_DONTNEED), RCL_OK);
	check_machine(s.m);
	CHECK_EQUAL(counter(s.m, RCL_MTHP_SPLIT_DEFERRED), 1);
	CHECK_EQUAL(usage_of(&s), 16);
	CHECK_EQUAL(folio_of_page(&s, 0).nr_mappings, 6);
	touch_pages(&s, 16, 300, 1);
	CHECK_EQUAL(counter(s.m, RCL_MTHP_SPLIT), 1);
	CHECK(usage_of(&s) <= 100);
	/* Ten pages were freed without being written. */
	CHECK_EQUAL(rcl_task_exit(s.m, s.task), RCL_OK);
	check_machine(s.m);
	CHECK_EQUAL(usage_of(&s), 0);
	rcl_machine_free(s.m);
}

static void test_dropping_all_of_a_folio_frees_it_at_once(void)
{
	struct setting s = make_setting(&(struct options){ 4096, 0, UINT64_MAX, 1024, 1 << 9 | 1 << 3 });

	touch_pages(&s, 0, 1, 1);
	touch_pages(&s, 512, 1, 1);
	CHECK_EQUAL(usage_of(&s), 1024);
	CHECK_EQUAL(rcl_task_madvise(s.m, s.task, 0, 512, RCL_ADVICE_DONTNEED), RCL_OK);
	CHECK_EQUAL(usage_of(&s), 512);
	CHECK_EQUAL(counter(s.m, RCL_MTHP_SPLIT_DEFERRED), 0);
	CHECK_EQUAL(rcl_task_madvise(s.m, s.task, 512, 1, RCL_ADVICE_DONTNEED), RCL_OK);
	check_machine(s.m);
	CHECK_EQUAL(counter(s.m, RCL_THP_DEFERRED_SPLIT_PAGE), 1);
	CHECK_EQUAL(counter(s.m, RCL_THP_SPLIT_PMD), 1);
	CHECK_EQUAL(usage_of(&s), 512);
	rcl_machine_free(s.m);
}

static uint64_t count_young(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_folio *folio,
			    struct rcl_scan_control *sc)
{
	(void)lruvec, (void)sc;
	ctx->global_state[0] = (uint8_t)h_folio_referenced(ctx, folio, 0, 0, 8);
	ctx->global_state[1] = (uint8_t)h_folio_referenced(ctx, folio, 0, 0, 8);
	return RCL_VERDICT_ROTATE;
}

static void test_young_ptes_of_one_mapping_count_once(void)
{
	for (uint32_t order = 4; order <= 9; order += 5) {
		struct setting s = make_setting(&(struct options){ 4096, 1000, UINT64_MAX, 512, 1u << order });
		struct rcl_ops ops = fifo_ops;
		struct rcl_policy policy = { .name = "counting", .ops = &ops, .nr_lists = 1 };
		uint32_t attachment;
		uint64_t nr;
		uint8_t young[2];

		ops.reclaim_folio = count_young;
		policy.state[RCL_SCOPE_GLOBAL].stride_bytes = 8;
		CHECK_EQUAL(rcl_attach(s.m, &policy, RCL_ATTACH_SYSTEM, 0, &attachment), RCL_OK);
		touch_pages(&s, 0, 1, 1);
		CHECK_EQUAL(rcl_memcg_reclaim(s.m, s.memcg, 1, 60, &nr), RCL_OK);
		CHECK_EQUAL(rcl_state_bytes(s.m, attachment, RCL_SCOPE_GLOBAL, 0, young, 2), RCL_OK);
		CHECK_EQUAL(young[0] + young[1], 0);	/* the last of many rounds */
		CHECK_EQUAL(counter(s.m, RCL_RMAP_WALKED) % (order == 9 ? 1 : 16), 0);
		rcl_machine_free(s.m);
	}
}

static void test_split_keeps_place_flags_and_state(void)
{
	struct setting s = make_setting(&(struct options){ 4096, 20, 1000, 64, 1 << 4 });
	uint32_t pfns[80];
	uint64_t nr;

	touch_pages(&s, 0, 4, 16);
	CHECK_EQUAL(rcl_list_folios(s.m, s.lruvec, RCL_STANDARD_LIST_INACTIVE_ANON, pfns, 80, &nr), RCL_OK);
	CHECK_EQUAL(nr, 4);
	/* 20 slots hold one folio; the second that comes is split, and four of its pages go. */
	CHECK_EQUAL(rcl_memcg_reclaim(s.m, s.memcg, 200, 60, &nr), RCL_OK);
	check_machine(s.m);
	CHECK_EQUAL(nr, 20);
	CHECK_EQUAL(counter(s.m, RCL_MTHP_SWPOUT), 1);
	CHECK(counter(s.m, RCL_MTHP_SWPOUT_FALLBACK) >= 1);
	CHECK_EQUAL(usage_of(&s), 44);
	CHECK_EQUAL(info_of(&s).swapped_pages, 20);
	rcl_machine_free(s.m);
}

static void test_locked_large_folio_stays_whole(void)
{
	struct setting s = make_setting(&(struct options){ 4096, 1000, 100, 400, 1 << 4 });

	CHECK_EQUAL(rcl_task_mlock(s.m, s.task, 0, 20, 0), RCL_OK);
	check_machine(s.m);
	touch_pages(&s, 40, 300, 1);
	CHECK_EQUAL(folio_of_page(&s, 5).order, 4);
	CHECK_EQUAL(counter(s.m, RCL_UNEVICTABLE_PGS_MLOCKED), 20);
	CHECK_EQUAL(rcl_task_munlock(s.m, s.task, 0, 16), RCL_OK);
	check_machine(s.m);
	CHECK_EQUAL(counter(s.m, RCL_UNEVICTABLE_PGS_RESCUED), 16);
	CHECK_EQUAL(rcl_task_exit(s.m, s.task), RCL_OK);
	check_machine(s.m);
	rcl_machine_free(s.m);
}

static void test_tiny_limits_and_no_swap_end_in_progress_or_a_kill(void)
{
	for (uint64_t max_pages = 1; max_pages < 40; max_pages += 6) {
		struct setting s = make_setting(&(struct options){ 4096, 3000, max_pages, 1024, 0x3fc });

		touch_pages(&s, 0, 1024, 1);
		CHECK_EQUAL(info_of(&s).state, RCL_TASK_IDLE);
		CHECK(usage_of(&s) <= max_pages);
		rcl_machine_free(s.m);
		s = make_setting(&(struct options){ 4096, 0, max_pages, 1024, 0x3fc });
		touch_pages(&s, 0, 1024, 1);
		CHECK_EQUAL(info_of(&s).state, RCL_TASK_KILLED);
		CHECK_EQUAL(usage_of(&s), 0);
		rcl_machine_free(s.m);
	}
}

static void test_wrong_orders_are_refused(void)
{
	struct rcl_node_config node;
	struct rcl_config config = exact_config(&node, 100);
	struct rcl_machine *m;
	char error[256];

	for (uint32_t order = 0; order < 12; order++) {
		config.thp_orders = UINT32_C(1) << order;
		if (order >= 2 && order <= 9)
			continue;
		CHECK_EQUAL(rcl_machine_create(&config, &m, error, sizeof(error)), RCL_BAD_ARGUMENT);
	}
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		TEST(fault_takes_the_largest_order_that_fits),
		TEST(occupied_range_leaves_lower_orders),
		TEST(limit_without_room_falls_back_and_never_reclaims_for_more),
		TEST(fragmented_node_has_no_block_and_merges_when_freed),
		TEST(pmd_needs_an_aligned_range_without_a_page_table),
		TEST(large_folio_is_swapped_out_whole_and_in_by_pages),
		TEST(large_folio_is_free_when_it_is_written_and_met_again),
		TEST(page_of_a_folio_being_written_is_mapped_again),
		TEST(part_of_a_folio_being_written_is_given_up),
		TEST(large_folio_comes_back_whole_from_zram),
		TEST(part_of_a_large_folio_comes_back_in_the_order_that_fits),
		TEST(thp_swaps_whole_and_counts_so),
		TEST(fragmented_swap_splits),
		TEST(partly_dropped_folio_is_queued_and_split_under_pressure),
		TEST(dropping_all_of_a_folio_frees_it_at_once),
		TEST(young_ptes_of_one_mapping_count_once),
		TEST(split_keeps_place_flags_and_state),
		TEST(locked_large_folio_stays_whole),
		TEST(tiny_limits_and_no_swap_end_in_progress_or_a_kill),
		TEST(wrong_orders_are_refused),
	};

	return run_tests_main(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
