/*
 * The swap cache and readahead of swap: what comes with a swap-in, what a hit in the cache costs,
 * and when a slot is kept.
 */
#include "harness.h"

#define NR_PAGES 64

struct stage {
	struct rcl_machine *m;
	uint32_t memcg;
	uint32_t task;
};

/* A task that wrote NR_PAGES anonymous pages, in order, all of which memory.reclaim then swapped out. */
static struct stage swap_out_all(uint32_t device, uint32_t page_cluster, uint64_t nr_slots)
{
	struct rcl_mapping mapping = { .nr_pages = NR_PAGES };
	struct rcl_swap_config swap = { .nr_pages = nr_slots, .device = device };
	struct rcl_node_config node;
	struct rcl_config config = exact_config(&node, 4096);
	uint32_t records[NR_PAGES];
	uint64_t nr_reclaimed;
	struct stage stage;

	config.swaps = &swap;
	config.nr_swaps = 1;
	config.page_cluster = page_cluster;
	stage.m = build_machine(&config);
	attach_own(stage.m, &fifo_ops);
	stage.memcg = make_memcg(stage.m, 2000);
	stage.task = make_task(stage.m, stage.memcg, &mapping, NULL);
	for (uint32_t page = 0; page < NR_PAGES; page++)
		records[page] = WRITE | page;
	CHECK_EQUAL(run_records(stage.m, stage.task, records, NR_PAGES), RCL_OK);
	CHECK_EQUAL(rcl_memcg_reclaim(stage.m, stage.memcg, NR_PAGES, UINT32_MAX, &nr_reclaimed), RCL_OK);
	CHECK_EQUAL(nr_reclaimed, NR_PAGES);
	return stage;
}

static void access_page(const struct stage *stage, uint32_t record)
{
	CHECK_EQUAL(run_records(stage->m, stage->task, &record, 1), RCL_OK);
	check_machine(stage->m);
}

static uint64_t nr_cached(const struct stage *stage)
{
	struct rcl_memcg_info info;

	CHECK_EQUAL(rcl_memcg_info(stage->m, stage->memcg, &info), RCL_OK);
	return info.swapcached_pages;
}

static uint64_t nr_slots_used(const struct stage *stage)
{
	uint64_t nr_pages, nr_free;

	rcl_swap_info(stage->m, &nr_pages, &nr_free);
	return nr_pages - nr_free;
}

static void zram_brings_one_page_past_the_cache(void)
{
	struct stage stage = swap_out_all(RCL_DEVICE_ZRAM, 3, 1000);

	access_page(&stage, 10);
	CHECK_EQUAL(counter(stage.m, RCL_PSWPIN), 1);
	CHECK_EQUAL(counter(stage.m, RCL_SWAP_RA), 0);
	CHECK_EQUAL(nr_cached(&stage), 0);
	CHECK_EQUAL(nr_slots_used(&stage), NR_PAGES - 1);
	rcl_machine_free(stage.m);
}

/* The first window is 8: four hits to begin with, and two, rounded up; three lie before the page. */
static void an_ssd_reads_around_the_page(void)
{
	struct stage stage = swap_out_all(RCL_DEVICE_SSD, 3, 1000);

	access_page(&stage, 20);
	CHECK_EQUAL(counter(stage.m, RCL_PSWPIN), 8);
	CHECK_EQUAL(counter(stage.m, RCL_SWAP_RA), 7);
	CHECK_EQUAL(counter(stage.m, RCL_PGMAJFAULT), 1);
	CHECK_EQUAL(nr_cached(&stage), 8);
	access_page(&stage, 17);
	access_page(&stage, 24);
	CHECK_EQUAL(counter(stage.m, RCL_SWAP_RA_HIT), 2);
	CHECK_EQUAL(counter(stage.m, RCL_PGMAJFAULT), 1);
	access_page(&stage, 25);
	CHECK_EQUAL(counter(stage.m, RCL_PGMAJFAULT), 2);
	rcl_machine_free(stage.m);
}

/* What would lie before the mapping is left out, and no more is read behind the page for it. */
static void a_window_at_the_start_of_a_mapping_is_cut(void)
{
	struct stage stage = swap_out_all(RCL_DEVICE_SSD, 3, 1000);

	access_page(&stage, 1);
	CHECK_EQUAL(counter(stage.m, RCL_PSWPIN), 6);
	access_page(&stage, 5);
	CHECK_EQUAL(counter(stage.m, RCL_SWAP_RA_HIT), 1);
	access_page(&stage, 6);
	CHECK_EQUAL(counter(stage.m, RCL_PGMAJFAULT), 2);
	rcl_machine_free(stage.m);
}

/* Swap-ins far apart find nothing that was worth it: the window halves down to the page itself. */
static void useless_windows_shrink(void)
{
	static const uint64_t nr_read[] = { 8, 12, 14, 15 };
	struct stage stage = swap_out_all(RCL_DEVICE_SSD, 3, 1000);

	for (uint32_t i = 0; i < 4; i++) {
		access_page(&stage, 4 + i * 16);
		CHECK_EQUAL(counter(stage.m, RCL_PSWPIN), nr_read[i]);
	}
	rcl_machine_free(stage.m);
}

static void page_cluster_0_reads_nothing_ahead(void)
{
	struct stage stage = swap_out_all(RCL_DEVICE_SSD, 0, 1000);

	access_page(&stage, 20);
	CHECK_EQUAL(counter(stage.m, RCL_PSWPIN), 1);
	rcl_machine_free(stage.m);
}

/* An aligned block of slots; pages were swapped out in order, so slots are pages. */
static void a_disk_reads_the_block_of_slots(void)
{
	struct stage stage = swap_out_all(RCL_DEVICE_DISK, 3, 1000);

	access_page(&stage, 21);
	CHECK_EQUAL(counter(stage.m, RCL_SWAP_RA), 7);
	for (uint32_t page = 16; page < 24; page++)
		access_page(&stage, page);
	CHECK_EQUAL(counter(stage.m, RCL_PGMAJFAULT), 1);
	CHECK_EQUAL(counter(stage.m, RCL_SWAP_RA_HIT), 7);
	rcl_machine_free(stage.m);
}

/* Clean folios of the swap cache go without being written; a written one is written to its slot. */
static void a_kept_slot_saves_a_write(void)
{
	struct stage stage = swap_out_all(RCL_DEVICE_SSD, 0, 1000);
	uint64_t nr_reclaimed;

	access_page(&stage, 1);
	access_page(&stage, 2);
	access_page(&stage, WRITE | 2);	/* no fault: the page has one user */
	CHECK_EQUAL(counter(stage.m, RCL_PGFAULT), NR_PAGES + 2);
	CHECK_EQUAL(nr_slots_used(&stage), NR_PAGES);
	CHECK_EQUAL(rcl_memcg_reclaim(stage.m, stage.memcg, 2, UINT32_MAX, &nr_reclaimed), RCL_OK);
	CHECK_EQUAL(nr_reclaimed, 2);
	CHECK_EQUAL(counter(stage.m, RCL_PSWPOUT), NR_PAGES + 1);
	CHECK_EQUAL(nr_slots_used(&stage), NR_PAGES);
	check_machine(stage.m);
	rcl_machine_free(stage.m);
}

static void a_write_fault_frees_the_slot(void)
{
	struct stage stage = swap_out_all(RCL_DEVICE_SSD, 0, 1000);

	access_page(&stage, WRITE | 1);
	CHECK_EQUAL(nr_slots_used(&stage), NR_PAGES - 1);
	CHECK_EQUAL(nr_cached(&stage), 0);
	rcl_machine_free(stage.m);
}

static void a_slot_is_not_kept_when_swap_is_half_full(void)
{
	struct stage stage = swap_out_all(RCL_DEVICE_SSD, 0, NR_PAGES + 10);

	access_page(&stage, 1);
	CHECK_EQUAL(nr_slots_used(&stage), NR_PAGES - 1);
	rcl_machine_free(stage.m);
}

static void pages_read_ahead_go_with_their_task(void)
{
	struct stage stage = swap_out_all(RCL_DEVICE_SSD, 3, 1000);
	struct rcl_memcg_info info;

	access_page(&stage, 20);
	CHECK_EQUAL(rcl_task_exit(stage.m, stage.task), RCL_OK);
	check_machine(stage.m);
	CHECK_EQUAL(nr_slots_used(&stage), 0);
	CHECK_EQUAL(rcl_memcg_info(stage.m, stage.memcg, &info), RCL_OK);
	CHECK_EQUAL(info.usage_pages, 0);
	rcl_machine_free(stage.m);
}

/* Nobody maps them, so reclaim takes them as they are. */
static void unused_pages_are_dropped_without_a_write(void)
{
	struct stage stage = swap_out_all(RCL_DEVICE_SSD, 3, 1000);
	uint64_t nr_reclaimed;

	access_page(&stage, 20);
	CHECK_EQUAL(rcl_memcg_reclaim(stage.m, stage.memcg, 8, UINT32_MAX, &nr_reclaimed), RCL_OK);
	CHECK_EQUAL(counter(stage.m, RCL_PSWPOUT), NR_PAGES);
	CHECK_EQUAL(nr_cached(&stage), 0);
	access_page(&stage, 21);
	CHECK_EQUAL(counter(stage.m, RCL_PGMAJFAULT), 2);
	rcl_machine_free(stage.m);
}

/* PG_reclaim and PG_readahead are one bit. */
static void who_comes_back_for_a_page_on_its_way_hits_the_window(void)
{
	struct rcl_mapping mapping = { .nr_pages = NR_PAGES };
	struct rcl_swap_config swap = { .nr_pages = 1000, .device = RCL_DEVICE_SSD };
	struct rcl_node_config node;
	struct rcl_config config = exact_config(&node, 4096);
	uint64_t nr_reclaimed;
	struct stage stage;

	config.swaps = &swap;
	config.nr_swaps = 1;
	config.page_cluster = 3;
	config.writeback = 1;
	config.forced_release = 0;
	config.costs.ssd_write_ns = UINT64_C(100000000000);
	stage.m = build_machine(&config);
	attach_own(stage.m, &fifo_ops);
	stage.memcg = make_memcg(stage.m, 2000);
	stage.task = make_task(stage.m, stage.memcg, &mapping, NULL);
	touch_range(stage.m, stage.task, 0, NR_PAGES, WRITE);
	CHECK_EQUAL(rcl_memcg_reclaim(stage.m, stage.memcg, NR_PAGES, UINT32_MAX, &nr_reclaimed), RCL_OK);
	CHECK_EQUAL(nr_reclaimed, 0);
	CHECK_EQUAL(nr_cached(&stage), NR_PAGES);
	access_page(&stage, 0);
	CHECK_EQUAL(counter(stage.m, RCL_SWAP_RA), 0);
	CHECK_EQUAL(counter(stage.m, RCL_SWAP_RA_HIT), 1);
	rcl_machine_free(stage.m);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "zram_brings_one_page_past_the_cache", zram_brings_one_page_past_the_cache },
		{ "an_ssd_reads_around_the_page", an_ssd_reads_around_the_page },
		{ "a_window_at_the_start_of_a_mapping_is_cut", a_window_at_the_start_of_a_mapping_is_cut },
		{ "useless_windows_shrink", useless_windows_shrink },
		{ "page_cluster_0_reads_nothing_ahead", page_cluster_0_reads_nothing_ahead },
		{ "a_disk_reads_the_block_of_slots", a_disk_reads_the_block_of_slots },
		{ "a_kept_slot_saves_a_write", a_kept_slot_saves_a_write },
		{ "a_write_fault_frees_the_slot", a_write_fault_frees_the_slot },
		{ "a_slot_is_not_kept_when_swap_is_half_full", a_slot_is_not_kept_when_swap_is_half_full },
		{ "pages_read_ahead_go_with_their_task", pages_read_ahead_go_with_their_task },
		{ "unused_pages_are_dropped_without_a_write", unused_pages_are_dropped_without_a_write },
		{ "on-its-way", who_comes_back_for_a_page_on_its_way_hits_the_window },
	};

	return run_tests_main(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
