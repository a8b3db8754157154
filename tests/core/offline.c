/* What stays of a memcg that was removed, and until when. */
#include "harness.h"
#include "machine.h"

#define NR_PAGES 300

static uint32_t make_child(struct rcl_machine *m, uint32_t parent, uint64_t low_pages)
{
	struct rcl_memcg_config config = { .parent = parent, .max_pages = UINT64_MAX, .high_pages = UINT64_MAX,
					   .low_pages = low_pages, .swap_max_pages = UINT64_MAX, .swappiness = 60 };
	uint32_t memcg = 0;

	CHECK_EQUAL(rcl_memcg_create(m, &config, &memcg), RCL_OK);
	return memcg;
}

static uint64_t usage_of(const struct rcl_machine *m, uint32_t memcg)
{
	struct rcl_memcg_info info;

	CHECK_EQUAL(rcl_memcg_info(m, memcg, &info), RCL_OK);
	return info.usage_pages;
}

/* A task of the memcg reads a file through a descriptor; answers the task. */
static uint32_t read_file(struct rcl_machine *m, uint32_t memcg, uint32_t file)
{
	struct rcl_task_config config = { .memcg = memcg, .ns_per_access = 100, .nr_files = 1, .files = &file };
	uint32_t records[NR_PAGES], task = 0;

	for (uint32_t i = 0; i < NR_PAGES; i++)
		records[i] = 1u << 30 | i;
	CHECK_EQUAL(rcl_task_create(m, &config, &task), RCL_OK);
	CHECK_EQUAL(run_records(m, task, records, NR_PAGES), RCL_OK);
	return task;
}

static struct rcl_machine *build(struct rcl_node_config *node, uint8_t charge_kmem)
{
	struct rcl_config config = exact_config(node, 4096);

	config.charge_kmem = charge_kmem;
	return build_machine(&config);
}

static void cached_pages_stay_until_an_ancestor_reclaims(void)
{
	struct rcl_node_config node;
	struct rcl_machine *m = build(&node, 0);
	uint32_t parent = make_child(m, 0, 0), child = make_child(m, parent, NR_PAGES);
	uint32_t task = read_file(m, child, make_file(m, NR_PAGES));
	uint64_t nr_reclaimed;

	CHECK_EQUAL(rcl_task_exit(m, task), RCL_OK);
	CHECK_EQUAL(rcl_memcg_remove(m, child), RCL_OK);
	CHECK_EQUAL(usage_of(m, child), NR_PAGES);
	CHECK_EQUAL(usage_of(m, parent), NR_PAGES);
	check_machine(m);
	CHECK_EQUAL(rcl_memcg_reclaim(m, parent, NR_PAGES, UINT32_MAX, &nr_reclaimed), RCL_OK);
	CHECK_EQUAL(nr_reclaimed, NR_PAGES);	/* memory.low of the removed one protects no more */
	CHECK_EQUAL(usage_of(m, parent), 0);
	check_machine(m);
	rcl_machine_free(m);
}

static void kernel_memory_goes_to_the_parent(void)
{
	struct rcl_node_config node;
	struct rcl_machine *m = build(&node, 1);
	uint32_t parent = make_child(m, 0, 0), child = make_child(m, parent, 0);
	uint32_t task = read_file(m, child, make_file(m, NR_PAGES));
	uint64_t before = usage_of(m, parent);

	CHECK(before > NR_PAGES);
	CHECK_EQUAL(rcl_task_exit(m, task), RCL_OK);
	CHECK_EQUAL(rcl_memcg_remove(m, child), RCL_OK);
	CHECK_EQUAL(usage_of(m, child), NR_PAGES);
	CHECK(usage_of(m, parent) > NR_PAGES && usage_of(m, parent) <= before);
	check_machine(m);
	rcl_machine_free(m);
}

static void memcg_in_use_cannot_be_removed(void)
{
	struct rcl_node_config node;
	struct rcl_machine *m = build(&node, 0);
	uint32_t parent = make_child(m, 0, 0), child = make_child(m, parent, 0);
	uint32_t task = read_file(m, child, make_file(m, NR_PAGES));
	struct rcl_memcg_config config = { .parent = child, .max_pages = 10 };
	uint32_t unused;

	CHECK_EQUAL(rcl_memcg_remove(m, 0), RCL_BAD_ARGUMENT);
	CHECK_EQUAL(rcl_memcg_remove(m, parent), RCL_BAD_ARGUMENT);
	CHECK_EQUAL(rcl_memcg_remove(m, child), RCL_BAD_ARGUMENT);
	CHECK_EQUAL(rcl_task_exit(m, task), RCL_OK);
	CHECK_EQUAL(rcl_memcg_remove(m, child), RCL_OK);
	CHECK_EQUAL(rcl_memcg_remove(m, child), RCL_BAD_ARGUMENT);
	CHECK_EQUAL(rcl_memcg_create(m, &config, &unused), RCL_BAD_ARGUMENT);
	CHECK_EQUAL(rcl_memcg_set(m, child, RCL_MEMCG_LOW, 10), RCL_BAD_ARGUMENT);
	CHECK_EQUAL(rcl_memcg_remove(m, parent), RCL_OK);
	check_machine(m);
	rcl_machine_free(m);
}

static struct rcl_machine *build_reparenting(struct rcl_node_config *node)
{
	struct rcl_config config = exact_config(node, 4096);

	config.charge_kmem = 0;
	config.reparent_offline = 1;
	return build_machine(&config);
}

/* Where a page is from the oldest of a lruvec's list on, UINT32_MAX for nowhere. */
static uint32_t place_of_page(const struct rcl_machine *m, uint32_t lruvec, uint32_t list, uint32_t file, uint32_t page)
{
	uint32_t pfns[2 * NR_PAGES], pfn = 0;
	uint64_t nr = 0;

	CHECK_EQUAL(rcl_file_folio(m, file, page, &pfn), RCL_OK);
	CHECK_EQUAL(rcl_list_folios(m, lruvec, list, pfns, 2 * NR_PAGES, &nr), RCL_OK);
	for (uint32_t i = 0; i < nr; i++) {
		if (pfns[i] == pfn)
			return i;
	}
	return UINT32_MAX;
}

static void pages_go_to_the_tail_of_the_parents_list(void)
{
	struct rcl_node_config node;
	struct rcl_machine *m = build_reparenting(&node);
	uint32_t parent = make_child(m, 0, 0), child = make_child(m, parent, NR_PAGES);
	uint32_t young = make_file(m, NR_PAGES), old = make_file(m, NR_PAGES);
	uint32_t task = read_file(m, child, young), list = RCL_STANDARD_LIST_INACTIVE_FILE;
	uint64_t nr_reclaimed;

	read_file(m, parent, old);	/* read later, and yet ahead of what the child had */
	CHECK_EQUAL(rcl_task_exit(m, task), RCL_OK);
	CHECK_EQUAL(rcl_memcg_remove(m, child), RCL_OK);
	check_machine(m);
	CHECK_EQUAL(usage_of(m, child), 0);
	CHECK_EQUAL(usage_of(m, parent), 2 * NR_PAGES);
	CHECK_EQUAL(place_of_page(m, parent, list, young, 0), 0);
	CHECK_EQUAL(place_of_page(m, parent, list, young, NR_PAGES - 1), NR_PAGES - 1);
	CHECK_EQUAL(place_of_page(m, parent, list, old, 0), NR_PAGES);
	CHECK_EQUAL(rcl_memcg_reclaim(m, parent, 2 * NR_PAGES, UINT32_MAX, &nr_reclaimed), RCL_OK);
	CHECK_EQUAL(usage_of(m, parent), 0);
	check_machine(m);
	rcl_machine_free(m);
}

/* What is dirty or locked is the parent's as well, and a memcg removed after its child hands on what it was given. */
static void dirty_and_locked_pages_are_the_parents(void)
{
	struct rcl_node_config node;
	struct rcl_machine *m = build_reparenting(&node);
	uint32_t parent = make_child(m, 0, 0), child = make_child(m, parent, 0), file = make_file(m, NR_PAGES);
	struct rcl_mapping mapping = { .nr_pages = NR_PAGES, .flags = RCL_MAPPING_FILE | RCL_MAPPING_SHARED, .file = file };
	uint32_t writer = make_task(m, child, &mapping, NULL), reader = make_task(m, 0, &mapping, NULL), records[NR_PAGES];
	struct rcl_memcg_info info;

	for (uint32_t i = 0; i < NR_PAGES; i++)
		records[i] = WRITE | i;
	CHECK_EQUAL(run_records(m, writer, records, NR_PAGES), RCL_OK);
	CHECK_EQUAL(rcl_task_mlock(m, reader, 0, 100, 0), RCL_OK);
	CHECK_EQUAL(rcl_task_exit(m, writer), RCL_OK);
	CHECK_EQUAL(rcl_memcg_remove(m, child), RCL_OK);
	check_machine(m);
	CHECK_EQUAL(m->memcgs[child]->nr_dirty, 0);
	CHECK_EQUAL(m->memcgs[parent]->nr_dirty, NR_PAGES);
	CHECK_EQUAL(rcl_memcg_info(m, parent, &info), RCL_OK);
	CHECK_EQUAL(info.unevictable_pages, 100);
	CHECK_EQUAL(rcl_memcg_remove(m, parent), RCL_OK);
	check_machine(m);
	CHECK_EQUAL(usage_of(m, parent), 0);
	CHECK_EQUAL(usage_of(m, 0), NR_PAGES);
	CHECK_EQUAL(rcl_task_munlock(m, reader, 0, 100), RCL_OK);
	check_machine(m);
	rcl_machine_free(m);
}

static const struct test tests[] = {
	{ "cached_pages_stay_until_an_ancestor_reclaims", cached_pages_stay_until_an_ancestor_reclaims },
	{ "kernel_memory_goes_to_the_parent", kernel_memory_goes_to_the_parent },
	{ "memcg_in_use_cannot_be_removed", memcg_in_use_cannot_be_removed },
	{ "pages_go_to_the_tail_of_the_parents_list", pages_go_to_the_tail_of_the_parents_list },
	{ "dirty_and_locked_pages_are_the_parents", dirty_and_locked_pages_are_the_parents },
};

int main(int argc, char **argv)
{
	return run_tests_main(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
