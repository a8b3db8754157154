/*
 * The tree behind a file's page cache: what walks of page_cache_prev_miss() and page_cache_next_miss() take for cached
 * where entries stand for several pages.
 */
#include "file_tree.h"
#include "harness.h"
#include "machine.h"
#include "workingset.h"

#define NR_PAGES 512

struct tree {
	uint64_t slots[NR_PAGES], siblings[NR_PAGES / 64 + 1];
	struct file file;
};

static void empty(struct tree *tree)
{
	*tree = (struct tree){ .file = { .nr_pages = NR_PAGES } };
	tree->file.slots = tree->slots;
	tree->file.siblings = tree->siblings;
}

static void store(struct tree *tree, uint32_t page, uint32_t order)
{
	file_tree_store(&tree->file, page, order);
	for (uint32_t i = 0; i < UINT32_C(1) << order; i++)
		tree->slots[page + i] = slot_of_pfn(page + i);
}

static void evict(struct tree *tree, uint32_t page, uint32_t nr_pages)
{
	for (uint32_t i = 0; i < nr_pages; i++)
		tree->slots[page + i] = SHADOW_TAG | (uint64_t)page << 40;
}

static void a_walk_over_single_pages_ends_at_a_missing_one(void)
{
	struct tree tree;

	empty(&tree);
	for (uint32_t page = 60; page < 70; page++)
		store(&tree, page, 0);
	evict(&tree, 70, 1);
	CHECK_EQUAL(file_tree_prev_miss(&tree.file, 69, 32), 59);
	CHECK_EQUAL(file_tree_prev_miss(&tree.file, 69, 4), 66);
	CHECK_EQUAL(file_tree_prev_miss(&tree.file, 70, 32), 70);
	CHECK_EQUAL(file_tree_next_miss(&tree.file, 60, 32), 70);
	CHECK_EQUAL(file_tree_next_miss(&tree.file, 60, 4), 64);
	tree.file.siblings = NULL;	/* as without large folios */
	CHECK_EQUAL(file_tree_prev_miss(&tree.file, 69, 32), 59);
	CHECK_EQUAL(file_tree_next_miss(&tree.file, 60, 32), 70);
}

static void a_walk_leaves_the_file_at_its_start(void)
{
	struct tree tree;

	empty(&tree);
	store(&tree, 0, 2);
	CHECK_EQUAL(file_tree_prev_miss(&tree.file, 0, 32), UINT32_MAX);
	CHECK_EQUAL(file_tree_next_miss(&tree.file, NR_PAGES, 32), NR_PAGES);
}

/* Downwards the siblings come first, and the one slot that holds the shadow last. */
static void the_shadow_of_a_large_folio_counts_but_for_its_first_page(void)
{
	struct tree tree;

	empty(&tree);
	store(&tree, 16, 3);
	store(&tree, 24, 0);
	evict(&tree, 16, 8);
	CHECK_EQUAL(file_tree_prev_miss(&tree.file, 24, 32), 16);
	CHECK_EQUAL(file_tree_next_miss(&tree.file, 16, 32), 16);
}

/* The walk is led to the folio's first slot: 8 and 9 are looked at for 10 and 11, and so on. */
static void a_walk_from_within_a_folio_looks_too_far_down(void)
{
	struct tree tree;

	empty(&tree);
	store(&tree, 8, 2);
	CHECK_EQUAL(file_tree_next_miss(&tree.file, 10, 32), 14);
	CHECK_EQUAL(file_tree_prev_miss(&tree.file, 10, 32), 9);
	store(&tree, 6, 1);
	CHECK_EQUAL(file_tree_prev_miss(&tree.file, 10, 32), 7);
	evict(&tree, 8, 4);
	CHECK_EQUAL(file_tree_prev_miss(&tree.file, 10, 32), 10);
}

static void a_smaller_folio_splits_a_shadow(void)
{
	struct tree tree;

	empty(&tree);
	store(&tree, 32, 4);
	evict(&tree, 32, 16);
	store(&tree, 48, 0);
	CHECK_EQUAL(file_tree_prev_miss(&tree.file, 48, 32), 32);
	store(&tree, 40, 1);
	CHECK_EQUAL(file_tree_prev_miss(&tree.file, 48, 32), 46);
	store(&tree, 47, 0);
	CHECK_EQUAL(file_tree_prev_miss(&tree.file, 48, 32), 46);
	evict(&tree, 47, 1);
	CHECK_EQUAL(file_tree_prev_miss(&tree.file, 48, 32), 47);
}

/* Folios of 64 pages and more are entries of the level above, whose first slot stands for 64 pages. */
static void large_entries_are_walked_in_the_level_above(void)
{
	struct tree tree;

	empty(&tree);
	store(&tree, 64, 6);
	CHECK_EQUAL(file_tree_prev_miss(&tree.file, 127, 256), 63);
	CHECK_EQUAL(file_tree_next_miss(&tree.file, 64, 256), 128);
	store(&tree, 128, 7);
	CHECK_EQUAL(file_tree_next_miss(&tree.file, 64, 512), 256);
	CHECK_EQUAL(file_tree_prev_miss(&tree.file, 191, 512), 63);
	evict(&tree, 128, 128);
	CHECK_EQUAL(file_tree_next_miss(&tree.file, 64, 512), 128);
	file_tree_split(&tree.file, 128, 128);
	store(&tree, 255, 0);
	CHECK_EQUAL(file_tree_prev_miss(&tree.file, 255, 512), 254);
}

static uint32_t cached_order(struct rcl_machine *m, uint32_t file, uint32_t page)
{
	struct rcl_folio_info info;
	uint32_t pfn;

	CHECK_EQUAL(rcl_file_folio(m, file, page, &pfn), RCL_OK);
	if (pfn == UINT32_MAX)
		return 255;
	CHECK_EQUAL(rcl_folio_info(m, pfn, &info), RCL_OK);
	return info.order;
}

/* One page lies before page 25, and before that the shadow of a folio of eight, seven of which count. */
static void a_shadow_makes_a_lone_read_look_like_a_stream(void)
{
	static const uint32_t lone[] = { BUFFERED | 24, BUFFERED | 900, BUFFERED | 25 };
	static const uint32_t places[][2] = { { 25, 0 }, { 26, 1 }, { 28, 2 }, { 32, 1 }, { 34, 255 } };
	struct rcl_node_config node;
	struct rcl_config config = exact_config(&node, 4096);
	struct rcl_machine *m;
	uint32_t memcg, file, task;
	uint64_t nr;

	config.read_ahead_kb = 128;
	config.file_folio_order = 9;
	m = build_machine(&config);
	memcg = make_memcg(m, UINT64_MAX);
	file = make_file(m, 1000);
	task = make_task(m, memcg, NULL, &file);
	for (uint32_t page = 0; page < 13; page++) {
		uint32_t record = BUFFERED | page;

		CHECK_EQUAL(run_records(m, task, &record, 1), RCL_OK);
	}
	CHECK_EQUAL(cached_order(m, file, 16), 3);
	CHECK_EQUAL(rcl_memcg_reclaim(m, memcg, 100, 60, &nr), RCL_OK);
	CHECK_EQUAL(cached_order(m, file, 16), 255);
	CHECK_EQUAL(run_records(m, task, lone, 3), RCL_OK);
	check_machine(m);
	for (uint32_t i = 0; i < 5; i++)
		CHECK_EQUAL(cached_order(m, file, places[i][0]), places[i][1]);
	rcl_machine_free(m);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "a_walk_over_single_pages_ends_at_a_missing_one", a_walk_over_single_pages_ends_at_a_missing_one },
		{ "a_walk_leaves_the_file_at_its_start", a_walk_leaves_the_file_at_its_start },
		{ "the_shadow_of_a_large_folio_counts_but_for_its_first_page",
		  the_shadow_of_a_large_folio_counts_but_for_its_first_page },
		{ "a_walk_from_within_a_folio_looks_too_far_down", a_walk_from_within_a_folio_looks_too_far_down },
		{ "a_smaller_folio_splits_a_shadow", a_smaller_folio_splits_a_shadow },
		{ "large_entries_are_walked_in_the_level_above", large_entries_are_walked_in_the_level_above },
		{ "a_shadow_makes_a_lone_read_look_like_a_stream", a_shadow_makes_a_lone_read_look_like_a_stream },
	};

	return run_tests_main(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
