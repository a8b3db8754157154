/*
 * Locked memory and VMA hints: what reclaim may not take, and what it may not believe.
 */
#include "harness.h"

struct setting {
	struct rcl_machine *m;
	uint32_t memcg;
	uint32_t task;
	uint32_t lruvec;
};

static struct setting make_setting(const struct rcl_mapping *mapping, uint64_t max_pages, uint32_t batch)
{
	static struct rcl_node_config node;
	static struct rcl_swap_config swap = { .nr_pages = 1000, .device = RCL_DEVICE_ZRAM };
	struct rcl_config config = exact_config(&node, 4096);
	struct setting s;

	config.nr_swaps = 1;
	config.swaps = &swap;
	config.add_batch_folios = batch;
	s.m = build_machine(&config);
	s.memcg = make_memcg(s.m, max_pages);
	if (mapping->flags & RCL_MAPPING_FILE)
		make_file(s.m, 1000);
	s.task = make_task(s.m, s.memcg, mapping, NULL);
	CHECK_EQUAL(rcl_lruvec_of(s.m, s.memcg, 0, &s.lruvec), RCL_OK);
	return s;
}

static void touch_pages(struct setting *s, uint32_t first, uint32_t nr, uint32_t bits)
{
	touch_range(s->m, s->task, first, nr, bits);
}

static uint64_t unevictable_pages(const struct setting *s)
{
	uint64_t nr;

	CHECK_EQUAL(rcl_list_pages(s->m, s->lruvec, RCL_STANDARD_LIST_UNEVICTABLE, &nr), RCL_OK);
	return nr;
}

static struct rcl_task_info info_of(const struct setting *s)
{
	struct rcl_task_info info;

	CHECK_EQUAL(rcl_task_info(s->m, s->task, &info), RCL_OK);
	return info;
}

static uint64_t resident_among(const struct setting *s, uint32_t first, uint32_t nr)
{
	uint32_t ptes[4096];
	uint64_t sum = 0;

	CHECK_EQUAL(rcl_task_ptes(s->m, s->task, first, nr, ptes), RCL_OK);
	for (uint32_t i = 0; i < nr; i++)
		sum += ptes[i] & 1;
	return sum;
}

static void test_mlocked_range_is_populated_and_survives_pressure(void)
{
	struct rcl_mapping mapping = { .nr_pages = 400 };
	struct setting s = make_setting(&mapping, 100, 1);

	CHECK_EQUAL(rcl_task_mlock(s.m, s.task, 0, 40, 0), RCL_OK);
	check_machine(s.m);
	CHECK_EQUAL(unevictable_pages(&s), 40);
	touch_pages(&s, 0, 400, WRITE);
	CHECK_EQUAL(resident_among(&s, 0, 40), 40);
	CHECK_EQUAL(info_of(&s).resident_pages, 100);
	CHECK_EQUAL(counter(s.m, RCL_UNEVICTABLE_PGS_MLOCKED), 40);
	CHECK_EQUAL(counter(s.m, RCL_UNEVICTABLE_PGS_CULLED), 40);
	rcl_machine_free(s.m);
}

static void test_munlock_rescues_and_reclaim_takes_again(void)
{
	struct rcl_mapping mapping = { .nr_pages = 400, .flags = RCL_MAPPING_LOCKED };
	struct setting s = make_setting(&mapping, 100, 31);

	touch_pages(&s, 0, 90, WRITE);
	CHECK_EQUAL(rcl_task_munlock(s.m, s.task, 0, 400), RCL_OK);
	check_machine(s.m);
	CHECK_EQUAL(unevictable_pages(&s), 0);
	CHECK_EQUAL(counter(s.m, RCL_UNEVICTABLE_PGS_MUNLOCKED), 90);
	CHECK_EQUAL(counter(s.m, RCL_UNEVICTABLE_PGS_RESCUED), 90);
	touch_pages(&s, 90, 310, WRITE);
	CHECK_EQUAL(info_of(&s).state, RCL_TASK_IDLE);
	CHECK_EQUAL(resident_among(&s, 0, 90), 0);
	rcl_machine_free(s.m);
}

static void test_resident_pages_wait_in_a_batch_until_reclaim_culls_them(void)
{
	struct rcl_mapping mapping = { .nr_pages = 100 };
	struct setting s = make_setting(&mapping, 60, 31);
	struct rcl_mapping file = { .nr_pages = 5, .flags = RCL_MAPPING_FILE };
	uint32_t other;

	make_file(s.m, 10);
	other = make_task(s.m, s.memcg, &file, NULL);
	touch_pages(&s, 0, 50, WRITE);
	CHECK_EQUAL(rcl_task_mlock(s.m, s.task, 0, 5, 1), RCL_OK);
	CHECK_EQUAL(unevictable_pages(&s), 5);
	/* A file page that is on its list already, mapped by a locked VMA: its batch is that task's. */
	CHECK_EQUAL(run_records(s.m, other, (uint32_t[]){ 0 }, 1), RCL_OK);
	CHECK_EQUAL(rcl_task_mlock(s.m, other, 0, 5, 1), RCL_OK);
	CHECK_EQUAL(unevictable_pages(&s), 6);
	touch_pages(&s, 0, 100, WRITE);
	CHECK_EQUAL(unevictable_pages(&s), 6);
	rcl_machine_free(s.m);
}

static void test_everything_locked_ends_in_an_oom_kill(void)
{
	for (uint32_t batch = 1; batch < 32; batch += 30) {
		struct rcl_mapping mapping = { .nr_pages = 400, .flags = RCL_MAPPING_LOCKED };
		struct setting s = make_setting(&mapping, 100, batch);
		struct rcl_memcg_info memcg;

		touch_pages(&s, 0, 400, WRITE);
		CHECK_EQUAL(info_of(&s).state, RCL_TASK_KILLED);
		CHECK_EQUAL(counter(s.m, RCL_OOM_KILL), 1);
		CHECK_EQUAL(rcl_memcg_info(s.m, s.memcg, &memcg), RCL_OK);
		CHECK_EQUAL(memcg.usage_pages, 0);
		CHECK_EQUAL(memcg.unevictable_pages, 0);
		rcl_machine_free(s.m);
	}
}

static void test_locking_more_than_fits_kills_and_is_no_error(void)
{
	struct rcl_mapping mapping = { .nr_pages = 400 };
	struct setting s = make_setting(&mapping, 100, 31);

	CHECK_EQUAL(rcl_task_mlock(s.m, s.task, 0, 400, 0), RCL_OK);
	CHECK_EQUAL(info_of(&s).state, RCL_TASK_KILLED);
	check_machine(s.m);
	CHECK_EQUAL(rcl_task_mlock(s.m, s.task, 0, 1, 0), RCL_BAD_ARGUMENT);
	rcl_machine_free(s.m);
}

static void test_shared_file_page_stays_locked_until_the_last_lock_goes(void)
{
	struct rcl_mapping mapping = { .nr_pages = 10, .flags = RCL_MAPPING_FILE | RCL_MAPPING_LOCKED };
	struct setting s = make_setting(&mapping, 100, 31);
	uint32_t first = s.task;

	touch_pages(&s, 0, 10, 0);
	s.task = make_task(s.m, s.memcg, &mapping, NULL);
	touch_pages(&s, 0, 10, 0);
	CHECK_EQUAL(rcl_task_exit(s.m, first), RCL_OK);
	check_machine(s.m);
	CHECK_EQUAL(counter(s.m, RCL_UNEVICTABLE_PGS_MUNLOCKED), 0);
	CHECK_EQUAL(rcl_task_exit(s.m, s.task), RCL_OK);
	check_machine(s.m);
	CHECK_EQUAL(counter(s.m, RCL_UNEVICTABLE_PGS_MUNLOCKED), 10);
	CHECK_EQUAL(unevictable_pages(&s), 0);
	rcl_machine_free(s.m);
}

static void test_copy_on_write_unlocks_the_file_page(void)
{
	struct rcl_mapping mapping = { .nr_pages = 10, .flags = RCL_MAPPING_FILE | RCL_MAPPING_LOCKED };
	struct setting s = make_setting(&mapping, 100, 1);

	touch_pages(&s, 0, 10, 0);
	touch_pages(&s, 0, 4, WRITE);
	CHECK_EQUAL(counter(s.m, RCL_UNEVICTABLE_PGS_MUNLOCKED), 4);
	CHECK_EQUAL(counter(s.m, RCL_UNEVICTABLE_PGS_RESCUED), 4);
	CHECK_EQUAL(unevictable_pages(&s), 10);
	rcl_machine_free(s.m);
}

static void test_change_of_policy_leaves_locked_folios_alone(void)
{
	struct rcl_mapping mapping = { .nr_pages = 40, .flags = RCL_MAPPING_LOCKED };
	struct setting s = make_setting(&mapping, 100, 1);
	uint32_t attachment;
	uint64_t nr;

	touch_pages(&s, 0, 40, WRITE);
	attachment = attach_own(s.m, &fifo_ops);
	check_machine(s.m);
	CHECK_EQUAL(unevictable_pages(&s), 40);
	CHECK_EQUAL(counter(s.m, RCL_ADOPTED), 0);
	CHECK_EQUAL(rcl_task_munlock(s.m, s.task, 0, 40), RCL_OK);
	CHECK_EQUAL(rcl_list_pages(s.m, s.lruvec, OWN_LIST, &nr), RCL_OK);
	CHECK_EQUAL(nr, 40);
	CHECK_EQUAL(rcl_detach(s.m, attachment), RCL_OK);
	check_machine(s.m);
	rcl_machine_free(s.m);
}

static uint64_t hide_away(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_folio *folio, uint64_t reason)
{
	(void)ctx, (void)lruvec, (void)folio, (void)reason;
	return HEAD_OF(RCL_STANDARD_LIST_UNEVICTABLE);
}

static void test_no_policy_can_fill_the_unevictable_list(void)
{
	struct rcl_mapping mapping = { .nr_pages = 40 };
	struct setting s = make_setting(&mapping, 100, 1);
	struct rcl_ops ops = fifo_ops;

	ops.folio_added = hide_away;
	attach_own(s.m, &ops);
	touch_pages(&s, 0, 40, WRITE);
	CHECK_EQUAL(counter(s.m, RCL_REFUSED_ANSWER), 40);
	CHECK_EQUAL(unevictable_pages(&s), 0);
	rcl_machine_free(s.m);
}

/* Ten pages used again and again beside a stream: with the hint their young PTEs do not save them,
 * until they come back within the working set. */
static uint64_t misses_with(uint32_t flags, uint32_t advice)
{
	struct rcl_mapping mapping = { .nr_pages = 2000, .flags = flags };
	struct setting s = make_setting(&mapping, 50, 1);
	uint64_t misses;

	CHECK_EQUAL(rcl_task_madvise(s.m, s.task, 0, 10, advice), RCL_OK);
	for (uint32_t i = 0; i < 400; i++) {
		touch_pages(&s, i % 10, 1, WRITE);
		touch_pages(&s, 10 + i, 1, WRITE);
	}
	misses = misses_of(s.m, s.task);
	rcl_machine_free(s.m);
	return misses;
}

static void test_hinted_young_ptes_do_not_count_as_references(void)
{
	uint64_t misses = misses_with(0, RCL_ADVICE_NORMAL);

	CHECK(misses_with(0, RCL_ADVICE_SEQUENTIAL) > misses + 5);
	CHECK_EQUAL(misses_with(0, RCL_ADVICE_SEQUENTIAL), misses_with(0, RCL_ADVICE_RANDOM));
}

static void test_hints_exclude_each_other_and_ranges_are_checked(void)
{
	struct rcl_mapping mapping = { .nr_pages = 10, .flags = RCL_MAPPING_SEQUENTIAL | RCL_MAPPING_RANDOM };
	struct rcl_task_config config = { .nr_mappings = 1, .mappings = &mapping };
	struct setting s = make_setting(&(struct rcl_mapping){ .nr_pages = 10 }, 50, 1);
	uint32_t task;

	CHECK_EQUAL(rcl_task_create(s.m, &config, &task), RCL_BAD_ARGUMENT);
	CHECK_EQUAL(rcl_task_madvise(s.m, s.task, 5, 6, RCL_ADVICE_RANDOM), RCL_BAD_ARGUMENT);
	CHECK_EQUAL(rcl_task_madvise(s.m, s.task, 5, 5, 4), RCL_BAD_ARGUMENT);
	CHECK_EQUAL(rcl_task_mlock(s.m, s.task, 11, 0, 0), RCL_BAD_ARGUMENT);
	CHECK_EQUAL(rcl_task_mlock(s.m, s.task, 10, 0, 0), RCL_OK);
	CHECK_EQUAL(rcl_task_munlock(s.m, 7, 0, 0), RCL_BAD_ARGUMENT);
	rcl_machine_free(s.m);
}

static void note_fault(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_folio *folio,
		       struct rcl_shadow *shadow, uint64_t reason)
{
	(void)lruvec, (void)shadow, (void)reason;
	ctx->global_state[0] += !!(folio->flags & RCL_FOLIO_IN_FAULT);
}

static void test_fault_in_a_hinted_vma_is_no_use(void)
{
	struct rcl_mapping mapping = { .nr_pages = 100, .flags = RCL_MAPPING_RANDOM };
	struct setting s = make_setting(&mapping, 200, 1);
	struct rcl_ops ops = fifo_ops;
	struct rcl_policy policy = { .name = "noting", .ops = &ops, .nr_lists = 1 };
	uint32_t attachment;
	uint8_t nr;

	ops.folio_admit = note_fault;
	policy.state[RCL_SCOPE_GLOBAL].stride_bytes = 8;
	CHECK_EQUAL(rcl_attach(s.m, &policy, RCL_ATTACH_SYSTEM, 0, &attachment), RCL_OK);
	CHECK_EQUAL(rcl_task_madvise(s.m, s.task, 30, 20, RCL_ADVICE_NORMAL), RCL_OK);
	touch_pages(&s, 0, 100, WRITE);
	CHECK_EQUAL(rcl_state_bytes(s.m, attachment, RCL_SCOPE_GLOBAL, 0, &nr, 1), RCL_OK);
	CHECK_EQUAL(nr, 20);
	rcl_machine_free(s.m);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		TEST(mlocked_range_is_populated_and_survives_pressure),
		TEST(munlock_rescues_and_reclaim_takes_again),
		TEST(resident_pages_wait_in_a_batch_until_reclaim_culls_them),
		TEST(everything_locked_ends_in_an_oom_kill),
		TEST(locking_more_than_fits_kills_and_is_no_error),
		TEST(shared_file_page_stays_locked_until_the_last_lock_goes),
		TEST(copy_on_write_unlocks_the_file_page),
		TEST(change_of_policy_leaves_locked_folios_alone),
		TEST(no_policy_can_fill_the_unevictable_list),
		TEST(hinted_young_ptes_do_not_count_as_references),
		TEST(hints_exclude_each_other_and_ranges_are_checked),
		TEST(fault_in_a_hinted_vma_is_no_use),
	};

	return run_tests_main(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
