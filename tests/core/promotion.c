/*
 * NUMA balancing between tiers: marks, faults on them, and which pages come to the fast node.
 */
#include "harness.h"
#include "flusher.h"
#include "machine.h"
#include "oom.h"

#define NR_PAGES 200
#define MS UINT64_C(1000000)

/* A fast node and a slow one, watermarks 10, 20, 30 and 40; memory of a task at home on the fast one. */
struct setting {
	struct rcl_node_config nodes[2];
	struct rcl_config config;
	struct rcl_machine *m;
	uint32_t task;
};

static void set_up(struct setting *s, uint64_t fast_pages)
{
	rcl_config_init(&s->config);
	for (uint32_t nid = 0; nid < 2; nid++)
		s->nodes[nid] = (struct rcl_node_config){ .nr_pages = nid ? 2000 : fast_pages, .tier = (uint8_t)nid,
							  .min_wmark = 10, .low_wmark = 20, .high_wmark = 30 };
	s->config.nr_nodes = 2;
	s->config.nodes = s->nodes;
	s->config.charge_kmem = 0;
	s->config.kswapd = 0;
	s->config.numa_balancing = 2;
}

static uint32_t make_at(struct rcl_machine *m, const struct rcl_mapping *mapping, uint32_t bound_to)
{
	struct rcl_task_config config = { .ns_per_access = 1000, .nr_mappings = 1, .mappings = mapping,
					  .mempolicy = bound_to == UINT32_MAX ? RCL_MEMPOLICY_DEFAULT : RCL_MEMPOLICY_BIND,
					  .mempolicy_nodes = bound_to == UINT32_MAX ? 0 : 1u << bound_to };
	uint32_t task = 0;

	CHECK_EQUAL(rcl_task_create(m, &config, &task), RCL_OK);
	return task;
}

/* Touch pages in a round, as often as takes the task to a time. */
static void touch_until(struct setting *s, uint64_t ns, uint32_t nr_pages, uint32_t bits)
{
	static uint32_t records[NR_PAGES * 10];
	struct rcl_task_info info;

	for (uint32_t i = 0; i < NR_PAGES * 10; i++)
		records[i] = i % nr_pages | bits;
	do {
		CHECK_EQUAL(run_records(s->m, s->task, records, NR_PAGES * 10), RCL_OK);
		CHECK_EQUAL(rcl_task_info(s->m, s->task, &info), RCL_OK);
	} while (info.clock_ns < ns);
	check_machine(s->m);
}

/* Let the task's pages lie on the slow node: another task fills the fast one first, and then ends. */
static void place_on_slow(struct setting *s, const struct rcl_mapping *mapping, uint64_t fast_pages, uint32_t bits)
{
	static uint32_t records[4096];
	struct rcl_mapping all = { .nr_pages = fast_pages };
	uint32_t hog;

	s->m = build_machine(&s->config);
	hog = make_at(s->m, &all, 0);
	for (uint32_t i = 0; i < fast_pages; i++)
		records[i] = i;
	CHECK_EQUAL(run_records(s->m, hog, records, fast_pages - 20), RCL_OK);
	s->task = make_at(s->m, mapping, UINT32_MAX);
	touch_until(s, 1, (uint32_t)mapping->nr_pages, bits);
	CHECK_EQUAL(rcl_task_exit(s->m, hog), RCL_OK);
}

static const struct rcl_mapping anonymous = { .nr_pages = NR_PAGES };

static void test_pages_in_use_come_to_the_fast_node(void)
{
	struct setting s;
	uint64_t accesses;

	set_up(&s, 1000);
	place_on_slow(&s, &anonymous, 1000, WRITE);
	CHECK_EQUAL(node_counter(s.m, 0, RCL_NODE_ACCESSES), 980);
	touch_until(&s, 1100 * MS, NR_PAGES, WRITE);
	CHECK_EQUAL(counter(s.m, RCL_NUMA_PTE_UPDATES), NR_PAGES);
	CHECK_EQUAL(counter(s.m, RCL_NUMA_HINT_FAULTS), NR_PAGES);
	CHECK_EQUAL(node_counter(s.m, 0, RCL_PGPROMOTE_SUCCESS), NR_PAGES);
	CHECK_EQUAL(node_counter(s.m, 0, RCL_PGPROMOTE_CANDIDATE), NR_PAGES);
	CHECK_EQUAL(counter(s.m, RCL_PGMIGRATE_SUCCESS), NR_PAGES);
	accesses = node_counter(s.m, 1, RCL_NODE_ACCESSES);
	touch_until(&s, 1200 * MS, NR_PAGES, WRITE);
	CHECK_EQUAL(node_counter(s.m, 1, RCL_NODE_ACCESSES), accesses);
	rcl_machine_free(s.m);
}

/* task_tick_numa(): a period of a second after the last scan, and two ticks, at the first tick beyond. */
static void test_scans_are_a_period_and_two_ticks_apart(void)
{
	struct setting s;

	set_up(&s, 1000);
	s.config.numa_promote_rate_limit_mbps = 0;
	place_on_slow(&s, &anonymous, 1000, WRITE);
	CHECK_EQUAL(s.m->tasks[s.task]->numa.next_scan_ns, 1004 * MS);
	touch_until(&s, 1010 * MS, NR_PAGES, WRITE);
	CHECK_EQUAL(counter(s.m, RCL_NUMA_PTE_UPDATES), NR_PAGES);
	CHECK_EQUAL(s.m->tasks[s.task]->numa.next_scan_ns, 2012 * MS);
	touch_until(&s, 2020 * MS, NR_PAGES, WRITE);
	CHECK_EQUAL(counter(s.m, RCL_NUMA_PTE_UPDATES), 2 * NR_PAGES);
	CHECK_EQUAL(s.m->tasks[s.task]->numa.next_scan_ns, 3020 * MS);
	rcl_machine_free(s.m);
}

/* update_task_scan_period(): with tiers no fault is local or shared, so the period doubles once in a round in which
 * pages came, and begins then: which the tick at which it would be over is too early for, and takes another one. */
static void test_a_round_that_brings_pages_doubles_the_period(void)
{
	struct setting s;
	const struct task *task;

	set_up(&s, 1000);
	place_on_slow(&s, &anonymous, 1000, WRITE);
	task = s.m->tasks[s.task];
	touch_until(&s, 990 * MS, NR_PAGES, WRITE);
	touch_until(&s, 1050 * MS, 1, WRITE);
	CHECK_EQUAL(task->numa.period_ms, 2000);	/* by one page */
	touch_until(&s, 1100 * MS, NR_PAGES, WRITE);
	CHECK_EQUAL(counter(s.m, RCL_PGPROMOTE_SUCCESS), NR_PAGES);
	CHECK_EQUAL(task->numa.period_ms, 2000);	/* by all others */
	touch_until(&s, 2014 * MS, 1, WRITE);
	CHECK_EQUAL(task->numa.seq, 1);
	touch_until(&s, 3016 * MS, 1, WRITE);
	CHECK_EQUAL(task->numa.seq, 2);
	rcl_machine_free(s.m);
}

static void test_a_period_that_begins_late_is_waited_for_twice(void)
{
	struct setting s;
	const struct task *task;

	set_up(&s, 1020);
	place_on_slow(&s, &anonymous, 1000, WRITE);	/* 40 pages are on the fast node */
	task = s.m->tasks[s.task];
	touch_until(&s, 990 * MS, NR_PAGES, WRITE);
	touch_until(&s, 1050 * MS, 20, WRITE);
	CHECK_EQUAL(counter(s.m, RCL_NUMA_HINT_FAULTS), 0);
	touch_until(&s, 1052 * MS, NR_PAGES, WRITE);
	CHECK_EQUAL(task->numa.period_ms, 2000);	/* due 2 s from here on, and stamped 2 s after the scan */
	touch_until(&s, 3020 * MS, 1, WRITE);
	CHECK_EQUAL(task->numa.seq, 1);
	CHECK_EQUAL(task->numa.next_scan_ns, 5012 * MS);
	touch_until(&s, 5016 * MS, 1, WRITE);
	CHECK_EQUAL(task->numa.seq, 2);
	rcl_machine_free(s.m);
}

/* Only the time that a task runs brings a scan nearer (sum_exec_runtime). */
static void test_a_task_that_waits_is_scanned_later(void)
{
	struct setting s;
	struct rcl_mapping mapping = { .nr_pages = NR_PAGES, .flags = RCL_MAPPING_FILE };
	const struct task *task;

	set_up(&s, 1000);
	s.m = build_machine(&s.config);
	mapping.file = make_file(s.m, NR_PAGES);
	s.task = make_at(s.m, &mapping, UINT32_MAX);
	task = s.m->tasks[s.task];
	touch_until(&s, 1, NR_PAGES, 0);
	CHECK(task->slept_ns >= NR_PAGES * s.m->config.costs.ssd_read_ns);
	touch_until(&s, 1006 * MS, 1, 0);
	CHECK_EQUAL(task->numa.seq, 0);
	touch_until(&s, 1006 * MS + task->slept_ns, 1, 0);
	CHECK_EQUAL(task->numa.seq, 1);
	rcl_machine_free(s.m);
}

/* vma_is_accessed(): after two rounds for all, a VMA without faults is scanned when nothing else is left, one at a
 * time, so that a round takes three scans where it took one. */
static void test_mappings_without_faults_are_scanned_one_at_a_time(void)
{
	static const uint32_t rounds[] = { 1, 2, 2, 2, 3, 3 };
	struct setting s;
	struct rcl_mapping mappings[3] = { { .nr_pages = 50 }, { .nr_pages = 50 }, { .nr_pages = 100 } };
	struct rcl_task_config config = { .ns_per_access = 1000, .nr_mappings = 3, .mappings = mappings };

	set_up(&s, 1000);
	s.m = build_machine(&s.config);
	CHECK_EQUAL(rcl_task_create(s.m, &config, &s.task), RCL_OK);
	touch_until(&s, 1, NR_PAGES, WRITE);
	for (uint32_t i = 0; i < 6; i++) {
		s.m->tasks[s.task]->vmas[0].numab.is_used = true;	/* as a fault on a mark says it */
		touch_until(&s, (1006 + 1008 * i) * MS, 1, WRITE);
		CHECK_EQUAL(s.m->tasks[s.task]->numa.seq, rounds[i]);
	}
	rcl_machine_free(s.m);
}

/* remove_migration_pte(): what was marked comes back write-protected, and the first write faults once more. */
static void test_a_promoted_page_faults_again_at_its_first_write(void)
{
	uint64_t nr_faults[2];

	for (uint32_t writes = 0; writes < 2; writes++) {
		struct setting s;

		set_up(&s, 1000);
		place_on_slow(&s, &anonymous, 1000, WRITE);
		touch_until(&s, 990 * MS, NR_PAGES, WRITE);
		nr_faults[writes] = counter(s.m, RCL_PGFAULT);
		touch_until(&s, 1100 * MS, NR_PAGES, writes ? WRITE : 0);
		CHECK_EQUAL(counter(s.m, RCL_PGPROMOTE_SUCCESS), NR_PAGES);
		nr_faults[writes] = counter(s.m, RCL_PGFAULT) - nr_faults[writes];
		rcl_machine_free(s.m);
	}
	CHECK_EQUAL(nr_faults[0], NR_PAGES);
	CHECK_EQUAL(nr_faults[1], 2 * NR_PAGES);
}

/* A fault counts where the folio is charged (count_memcg_folio_events()), a mark where the task is. */
static void test_hint_faults_count_in_the_memcg_of_the_folio(void)
{
	struct setting s;
	struct rcl_mapping mapping = { .nr_pages = NR_PAGES, .flags = RCL_MAPPING_FILE | RCL_MAPPING_SHARED };
	struct rcl_task_config config = { .ns_per_access = 1000, .nr_mappings = 1, .mappings = &mapping,
					  .mempolicy = RCL_MEMPOLICY_BIND, .mempolicy_nodes = 2 };
	uint64_t counters[RCL_NR_COUNTERS];
	uint32_t owner;

	set_up(&s, 1000);
	s.m = build_machine(&s.config);
	mapping.file = make_file(s.m, NR_PAGES);
	config.memcg = make_memcg(s.m, 4096);
	CHECK_EQUAL(rcl_task_create(s.m, &config, &owner), RCL_OK);
	touch_range(s.m, owner, 0, NR_PAGES, 0);
	s.task = make_at(s.m, &mapping, UINT32_MAX);
	touch_until(&s, 1100 * MS, NR_PAGES, 0);
	CHECK_EQUAL(rcl_counters(s.m, RCL_COUNT_MEMCG, config.memcg, counters), RCL_OK);
	CHECK_EQUAL(counters[RCL_NUMA_HINT_FAULTS], NR_PAGES);
	CHECK_EQUAL(counters[RCL_NUMA_PTE_UPDATES], 0);
	CHECK(counters[RCL_PGPROMOTE_SUCCESS] > 0);
	rcl_machine_free(s.m);
}

static void test_without_balancing_nothing_is_marked(void)
{
	struct setting s;

	set_up(&s, 1000);
	s.config.numa_balancing = 0;
	place_on_slow(&s, &anonymous, 1000, WRITE);
	touch_until(&s, 1100 * MS, NR_PAGES, WRITE);
	CHECK_EQUAL(counter(s.m, RCL_NUMA_PTE_UPDATES), 0);
	CHECK_EQUAL(counter(s.m, RCL_PGMIGRATE_SUCCESS), 0);
	rcl_machine_free(s.m);
}

static void test_pages_that_fault_late_stay(void)
{
	struct setting s;

	set_up(&s, 1000);
	s.config.numa_hot_threshold_ms = 50;
	place_on_slow(&s, &anonymous, 1000, WRITE);
	touch_until(&s, 990 * MS, NR_PAGES, WRITE);
	touch_until(&s, 1100 * MS, 1, WRITE);		/* one page is hot, the others wait beyond the threshold */
	touch_until(&s, 1110 * MS, NR_PAGES, WRITE);
	CHECK_EQUAL(counter(s.m, RCL_NUMA_HINT_FAULTS), NR_PAGES);
	CHECK_EQUAL(counter(s.m, RCL_PGPROMOTE_SUCCESS), 1);
	CHECK_EQUAL(counter(s.m, RCL_PGPROMOTE_CANDIDATE), 1);
	rcl_machine_free(s.m);
}

static void test_rate_limit_counts_candidates_and_promotes_none(void)
{
	struct setting s;

	set_up(&s, 1000);
	s.config.numa_promote_rate_limit_mbps = 0;
	place_on_slow(&s, &anonymous, 1000, WRITE);
	touch_until(&s, 1100 * MS, NR_PAGES, WRITE);
	CHECK_EQUAL(counter(s.m, RCL_PGPROMOTE_CANDIDATE), NR_PAGES);
	CHECK_EQUAL(counter(s.m, RCL_PGPROMOTE_SUCCESS), 0);
	rcl_machine_free(s.m);
}

static void test_nearly_full_node_wakes_kswapd_which_makes_room_by_demotion(void)
{
	struct setting s;
	struct rcl_node_info info;

	/* The task's first 80 pages fill the fast node; later it uses the others only. */
	set_up(&s, 100);
	s.config.kswapd = 1;
	s.config.demotion = 1;
	s.m = build_machine(&s.config);
	s.task = make_at(s.m, &anonymous, UINT32_MAX);
	touch_until(&s, 1, NR_PAGES, WRITE);
	for (uint64_t ms = 1100; ms <= 6000; ms += 100)
		touch_until(&s, ms * MS, 120, WRITE);
	CHECK(counter(s.m, RCL_PGDEMOTE_KSWAPD) > 0);
	CHECK(counter(s.m, RCL_PGPROMOTE_SUCCESS) > 0);
	CHECK_EQUAL(rcl_node_info(s.m, 0, &info), RCL_OK);
	CHECK(info.nr_free_pages >= 10);
	rcl_machine_free(s.m);
}

static uint64_t promote_even_pages(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_folio *folio, uint64_t nid,
				   uint64_t latency)
{
	(void)ctx;
	CHECK_EQUAL(nid, 0);
	CHECK_EQUAL(lruvec->nid, 1);
	CHECK(latency <= 110);
	return folio->key % 2 ? RCL_PROMOTION_STAY : RCL_PROMOTION_PROMOTE;
}

static void test_policy_decides_what_is_promoted(void)
{
	struct setting s;
	struct rcl_ops ops = fifo_ops;

	set_up(&s, 1000);
	place_on_slow(&s, &anonymous, 1000, WRITE);
	ops.promote = promote_even_pages;
	attach_own(s.m, &ops);
	touch_until(&s, 1100 * MS, NR_PAGES, WRITE);
	CHECK_EQUAL(counter(s.m, RCL_PGPROMOTE_SUCCESS), NR_PAGES / 2);
	rcl_machine_free(s.m);
}

static void test_write_protection_survives_the_mark(void)
{
	struct setting s;
	struct rcl_mapping mapping = { .nr_pages = NR_PAGES, .flags = RCL_MAPPING_FILE };
	uint64_t misses;

	/* A private mapping of a file, read only: after the marks a write must still copy. */
	set_up(&s, 1000);
	s.m = NULL;
	for (uint32_t writes = 0; writes < 2; writes++) {
		struct rcl_mapping all = { .nr_pages = 1000 };
		static uint32_t records[980];
		uint32_t hog;

		s.m = build_machine(&s.config);
		hog = make_at(s.m, &all, 0);
		for (uint32_t i = 0; i < 980; i++)
			records[i] = i;
		CHECK_EQUAL(run_records(s.m, hog, records, 980), RCL_OK);
		mapping.file = make_file(s.m, NR_PAGES);
		s.task = make_at(s.m, &mapping, UINT32_MAX);
		touch_until(&s, 990 * MS, NR_PAGES, 0);
		misses = misses_of(s.m, s.task);
		touch_until(&s, 1010 * MS, NR_PAGES, writes ? WRITE : 0);
		CHECK_EQUAL(misses_of(s.m, s.task) - misses, writes ? NR_PAGES : 0);
		rcl_machine_free(s.m);
	}
}

static void test_task_that_ends_with_marked_pages_frees_them(void)
{
	struct setting s;
	struct rcl_node_info info;
	struct rcl_task_info task;

	set_up(&s, 1000);
	place_on_slow(&s, &anonymous, 1000, WRITE);
	touch_until(&s, 990 * MS, NR_PAGES, WRITE);
	touch_until(&s, 1010 * MS, 1, WRITE);
	CHECK_EQUAL(counter(s.m, RCL_NUMA_PTE_UPDATES), NR_PAGES);
	CHECK_EQUAL(rcl_task_info(s.m, s.task, &task), RCL_OK);
	CHECK_EQUAL(task.resident_pages, NR_PAGES);
	CHECK_EQUAL(rcl_task_exit(s.m, s.task), RCL_OK);
	check_machine(s.m);
	CHECK_EQUAL(rcl_node_info(s.m, 1, &info), RCL_OK);
	CHECK_EQUAL(info.nr_free_pages, 2000);
	rcl_machine_free(s.m);
}

/* A page that is being written is isolated, finds its frame, and fails (migrate_folio_unmap()). */
static void test_a_page_under_writeback_counts_as_a_failed_move(void)
{
	struct setting s;
	struct rcl_mapping mapping = { .nr_pages = NR_PAGES, .flags = RCL_MAPPING_FILE | RCL_MAPPING_SHARED };
	uint32_t owner, pte;

	set_up(&s, 1000);
	s.config.add_batch_folios = 1;
	s.m = build_machine(&s.config);
	mapping.file = make_file(s.m, NR_PAGES);
	owner = make_at(s.m, &mapping, 1);
	s.task = make_at(s.m, &mapping, UINT32_MAX);
	touch_range(s.m, owner, 0, 1, WRITE);
	for (uint32_t i = 0; i < s.m->devices[0].nr_channels; i++)
		s.m->devices[0].channel_free_ns[i] = 2000 * MS;
	flusher_wake_all(s.m);
	touch_until(&s, 1050 * MS, 1, 0);
	CHECK_EQUAL(s.m->nr_writeback, 1);
	CHECK_EQUAL(counter(s.m, RCL_NUMA_HINT_FAULTS), 1);
	CHECK_EQUAL(counter(s.m, RCL_PGMIGRATE_FAIL), 1);
	CHECK_EQUAL(counter(s.m, RCL_PGPROMOTE_SUCCESS), 0);
	CHECK_EQUAL(rcl_task_ptes(s.m, s.task, 0, 1, &pte), RCL_OK);
	CHECK(pte & PTE_PRESENT);
	rcl_machine_free(s.m);
}

/* A mark takes nothing from what a task has in memory (get_mm_rss()). */
static void test_marked_pages_count_when_a_victim_is_chosen(void)
{
	struct setting s;
	struct rcl_mapping mapping = { .nr_pages = NR_PAGES };
	struct rcl_task_config config = { .ns_per_access = 1000, .nr_mappings = 1, .mappings = &mapping,
					  .mempolicy = RCL_MEMPOLICY_BIND, .mempolicy_nodes = 2 };
	struct rcl_task_info info;
	uint32_t small, memcg;

	set_up(&s, 1000);
	s.config.forced_release = 0;
	s.config.numa_promote_rate_limit_mbps = 0;
	place_on_slow(&s, &anonymous, 1000, WRITE);
	touch_until(&s, 990 * MS, NR_PAGES, WRITE);
	touch_until(&s, 1050 * MS, 1, WRITE);
	CHECK_EQUAL(counter(s.m, RCL_NUMA_PTE_UPDATES), NR_PAGES);
	memcg = make_memcg(s.m, 4096);
	config.memcg = memcg;
	CHECK_EQUAL(rcl_task_create(s.m, &config, &small), RCL_OK);
	touch_range(s.m, small, 0, NR_PAGES / 2, WRITE);
	oom_kill(s.m, NULL, ALL_NODES);
	CHECK_EQUAL(rcl_task_info(s.m, s.task, &info), RCL_OK);
	CHECK_EQUAL(info.state, RCL_TASK_KILLED);
	rcl_machine_free(s.m);
}

static void test_settings_that_make_no_sense_are_refused(void)
{
	struct setting s;
	char error[256];

	set_up(&s, 1000);
	s.config.numa_balancing = 1;
	CHECK_EQUAL(rcl_machine_create(&s.config, &s.m, error, sizeof(error)), RCL_BAD_ARGUMENT);
	CHECK(strstr(error, "numa_balancing is 1, 0 or 2 expected"));
	s.config.numa_balancing = 2;
	s.config.numa_scan_size_mb = 0;
	CHECK_EQUAL(rcl_machine_create(&s.config, &s.m, error, sizeof(error)), RCL_BAD_ARGUMENT);
	CHECK(strstr(error, "numa_scan_size_mb is 0, 1 to 1048576 expected"));
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		TEST(pages_in_use_come_to_the_fast_node),
		TEST(scans_are_a_period_and_two_ticks_apart),
		TEST(a_round_that_brings_pages_doubles_the_period),
		TEST(a_period_that_begins_late_is_waited_for_twice),
		TEST(a_task_that_waits_is_scanned_later),
		TEST(mappings_without_faults_are_scanned_one_at_a_time),
		TEST(a_promoted_page_faults_again_at_its_first_write),
		TEST(hint_faults_count_in_the_memcg_of_the_folio),
		TEST(without_balancing_nothing_is_marked),
		TEST(pages_that_fault_late_stay),
		TEST(rate_limit_counts_candidates_and_promotes_none),
		TEST(nearly_full_node_wakes_kswapd_which_makes_room_by_demotion),
		TEST(policy_decides_what_is_promoted),
		TEST(write_protection_survives_the_mark),
		TEST(task_that_ends_with_marked_pages_frees_them),
		TEST(a_page_under_writeback_counts_as_a_failed_move),
		TEST(marked_pages_count_when_a_victim_is_chosen),
		TEST(settings_that_make_no_sense_are_refused),
	};

	return run_tests_main(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
