/*
 * What the core's C tests share: assertions, a small machine, policies written in C.
 *
 * Here: no test. The policies are the smallest that show a property: a default that behaves like a
 * plain inactive/active LRU, and FIFO, LRU and CLOCK on one own list.
 */
#ifndef HARNESS_H
#define HARNESS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rcl.h"

static const char *current_test;

#define CHECK(condition)                                                                                              \
	do {                                                                                                          \
		if (!(condition)) {                                                                                   \
			fprintf(stderr, "%s:%d: %s: not true: %s\n", __FILE__, __LINE__, current_test, #condition);   \
			exit(1);                                                                                      \
		}                                                                                                     \
	} while (0)

#define CHECK_EQUAL(actual, expected)                                                                                 \
	do {                                                                                                          \
		unsigned long long actual_ = (unsigned long long)(actual), expected_ = (unsigned long long)(expected); \
		if (actual_ != expected_) {                                                                           \
			fprintf(stderr, "%s:%d: %s: %s is %llu, expected %llu\n", __FILE__, __LINE__, current_test,   \
				#actual, actual_, expected_);                                                         \
			exit(1);                                                                                      \
		}                                                                                                     \
	} while (0)

/* Bits of a record: a write, an access through a file descriptor. */
#define WRITE (UINT32_C(1) << 31)
#define BUFFERED (UINT32_C(1) << 30)

struct test {
	const char *name;
	void (*run)(void);
};

#define TEST(name) { #name, test_##name }

/* Run all tests, or those whose name is given. */
static inline int run_tests_main(const struct test *tests, int nr_tests, int argc, char **argv)
{
	int nr_run = 0;

	for (int i = 0; i < nr_tests; i++) {
		if (argc > 1 && strcmp(argv[1], tests[i].name) != 0)
			continue;
		current_test = tests[i].name;
		tests[i].run();
		nr_run++;
	}
	printf("%d tests passed\n", nr_run);
	return nr_run ? 0 : 1;
}

#define OWN_LIST RCL_FIRST_POLICY_LIST
#define HEAD_OF(list) ((uint64_t)RCL_PLACE_HEAD | (uint64_t)(list) << RCL_ANSWER_LIST_SHIFT)
#define TAIL_OF(list) ((uint64_t)RCL_PLACE_TAIL | (uint64_t)(list) << RCL_ANSWER_LIST_SHIFT)
#define BATCH_OF(list, nr)                                                                                            \
	((uint64_t)RCL_BATCH_BATCH | (uint64_t)(list) << RCL_ANSWER_LIST_SHIFT | (uint64_t)(nr) << RCL_BATCH_NR_SHIFT)
#define LOWEST_OF(list, nr, of)                                                                                       \
	((uint64_t)RCL_BATCH_LOWEST | (uint64_t)(list) << RCL_ANSWER_LIST_SHIFT |                                     \
	 (uint64_t)(nr) << RCL_BATCH_NR_SHIFT | (uint64_t)(of) << RCL_BATCH_SCAN_SHIFT)
#define DEACTIVATE_OF(list, nr)                                                                                       \
	((uint64_t)RCL_BATCH_DEACTIVATE | (uint64_t)(list) << RCL_ANSWER_LIST_SHIFT |                                 \
	 (uint64_t)(nr) << RCL_DEACTIVATE_NR_SHIFT)
#define MOVE_TO(place) ((uint64_t)RCL_VERDICT_MOVE | (place) << RCL_MOVE_PLACE_SHIFT)

static inline uint32_t list_of_type(const struct rcl_folio *folio, int is_active)
{
	return (folio->type == RCL_ANON ? RCL_STANDARD_LIST_INACTIVE_ANON : RCL_STANDARD_LIST_INACTIVE_FILE) +
	       (uint32_t)is_active;
}

/* ---- the default: inactive and active lists, no balance ---- */

static void lru_admit(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_folio *folio,
		      struct rcl_shadow *shadow, uint64_t reason)
{
	(void)reason;
	if (!shadow || shadow->distance > lruvec->nr_pages)
		return;
	folio->flags |= RCL_FOLIO_IS_ACTIVE;
	h_note_refault(ctx, folio, 1, shadow->is_workingset);
}

static uint64_t lru_added(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_folio *folio, uint64_t reason)
{
	(void)ctx, (void)lruvec, (void)reason;
	return HEAD_OF(list_of_type(folio, !!(folio->flags & RCL_FOLIO_IS_ACTIVE)));
}

static uint64_t lru_accessed(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_folio *folio, uint64_t how)
{
	(void)ctx, (void)lruvec, (void)how;
	if (!(folio->flags & RCL_FOLIO_IS_REFERENCED)) {
		folio->flags |= RCL_FOLIO_IS_REFERENCED;
		return 0;
	}
	if (folio->flags & RCL_FOLIO_IS_ACTIVE)
		return 0;
	folio->flags &= ~RCL_FOLIO_IS_REFERENCED;
	return HEAD_OF(list_of_type(folio, 1));
}

static void lru_pass_begin(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_scan_control *sc)
{
	(void)ctx, (void)lruvec, (void)sc;
}

static uint64_t lru_next_batch(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_scan_control *sc,
			       struct rcl_batch_result *last)
{
	const uint64_t *pages = lruvec->list_pages;
	uint64_t inactive = pages[RCL_STANDARD_LIST_INACTIVE_FILE] + pages[RCL_STANDARD_LIST_INACTIVE_ANON];
	uint32_t list = RCL_STANDARD_LIST_INACTIVE_FILE;

	(void)ctx;
	if (sc->nr_reclaimed >= sc->nr_to_reclaim || lruvec->nr_pages == 0)
		return RCL_BATCH_STOP;
	if (last->kind == RCL_BATCH_KIND_RECLAIMED && last->nr_reclaimed == 0 && last->nr_rotated == 0)
		return RCL_BATCH_STOP;
	if (inactive * 2 < lruvec->nr_pages && last->kind != RCL_BATCH_KIND_DEACTIVATED) {
		list = pages[RCL_STANDARD_LIST_ACTIVE_FILE] > pages[RCL_STANDARD_LIST_ACTIVE_ANON]
			       ? RCL_STANDARD_LIST_ACTIVE_FILE
			       : RCL_STANDARD_LIST_ACTIVE_ANON;
		return DEACTIVATE_OF(list, 32);
	}
	if (pages[RCL_STANDARD_LIST_INACTIVE_ANON] > pages[list])
		list = RCL_STANDARD_LIST_INACTIVE_ANON;
	return BATCH_OF(list, 32);
}

static uint64_t lru_reclaim(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_folio *folio,
			    struct rcl_scan_control *sc)
{
	(void)lruvec, (void)sc;
	if (h_folio_referenced(ctx, folio, 0, 0, 8) == 0)
		return RCL_VERDICT_RECLAIM;
	if (folio->flags & RCL_FOLIO_IS_REFERENCED) {
		folio->flags |= RCL_FOLIO_IS_ACTIVE;
		return MOVE_TO(HEAD_OF(list_of_type(folio, 1)));
	}
	folio->flags |= RCL_FOLIO_IS_REFERENCED;
	return RCL_VERDICT_ROTATE;
}

static uint64_t lru_putback(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_folio *folio,
			    uint64_t outcome, struct rcl_scan_control *sc)
{
	(void)ctx, (void)lruvec, (void)outcome, (void)sc;
	return HEAD_OF(list_of_type(folio, !!(folio->flags & RCL_FOLIO_IS_ACTIVE)));
}

static const struct rcl_ops default_ops = {
	.folio_admit = lru_admit,
	.folio_added = lru_added,
	.folio_accessed = lru_accessed,
	.pass_begin = lru_pass_begin,
	.next_batch = lru_next_batch,
	.reclaim_folio = lru_reclaim,
	.folio_putback = lru_putback,
};

/* ---- textbook caches on one own list ---- */

static void own_admit(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_folio *folio,
		      struct rcl_shadow *shadow, uint64_t reason)
{
	(void)ctx, (void)lruvec, (void)folio, (void)shadow, (void)reason;
}

static uint64_t own_added(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_folio *folio, uint64_t reason)
{
	(void)ctx, (void)lruvec, (void)folio, (void)reason;
	return HEAD_OF(OWN_LIST);
}

static uint64_t own_next_batch(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_scan_control *sc,
			       struct rcl_batch_result *last)
{
	(void)ctx, (void)lruvec, (void)sc, (void)last;
	return BATCH_OF(OWN_LIST, 32);
}

static uint64_t own_reclaim(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_folio *folio,
			    struct rcl_scan_control *sc)
{
	(void)ctx, (void)lruvec, (void)folio, (void)sc;
	return RCL_VERDICT_RECLAIM;
}

static uint64_t fifo_accessed(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_folio *folio, uint64_t how)
{
	(void)ctx, (void)lruvec, (void)folio, (void)how;
	return 0;
}

static uint64_t move_accessed(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_folio *folio, uint64_t how)
{
	(void)ctx, (void)lruvec, (void)folio, (void)how;
	return HEAD_OF(OWN_LIST);
}

static uint64_t mark_accessed_bit(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_folio *folio, uint64_t how)
{
	(void)ctx, (void)lruvec;
	if (how != RCL_ACCESS_FIRST_READ)
		folio->flags |= RCL_FOLIO_IS_REFERENCED;
	return 0;
}

static uint64_t clock_reclaim(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_folio *folio,
			      struct rcl_scan_control *sc)
{
	uint64_t nr_young = h_folio_referenced(ctx, folio, 0, 0, 8);

	(void)lruvec, (void)sc;
	if (nr_young || folio->flags & RCL_FOLIO_IS_REFERENCED) {
		folio->flags &= ~RCL_FOLIO_IS_REFERENCED;
		return RCL_VERDICT_ROTATE;
	}
	return RCL_VERDICT_RECLAIM;
}

static const struct rcl_ops fifo_ops = {
	.folio_admit = own_admit,
	.folio_added = own_added,
	.folio_accessed = fifo_accessed,
	.next_batch = own_next_batch,
	.reclaim_folio = own_reclaim,
};

static const struct rcl_ops lru_ops = {
	.folio_admit = own_admit,
	.folio_added = own_added,
	.folio_accessed = move_accessed,
	.next_batch = own_next_batch,
	.reclaim_folio = own_reclaim,
};

static const struct rcl_ops clock_ops = {
	.folio_admit = own_admit,
	.folio_added = own_added,
	.folio_accessed = mark_accessed_bit,
	.next_batch = own_next_batch,
	.reclaim_folio = clock_reclaim,
};

/* ---- machines ---- */

/* Build a machine with the default installed; node and swap arrays of the configuration are set. */
static struct rcl_machine *build_machine(const struct rcl_config *config)
{
	struct rcl_policy policy = { .name = "default", .ops = &default_ops };
	struct rcl_machine *m = NULL;
	char error[256] = "";

	if (rcl_machine_create(config, &m, error, sizeof(error)) != RCL_OK) {
		fprintf(stderr, "%s: %s\n", current_test, error);
		exit(1);
	}
	CHECK_EQUAL(rcl_set_default(m, &policy), RCL_OK);
	return m;
}

/* One node of nr_pages, exact textbook behaviour: no batches, no kswapd. */
static inline struct rcl_config exact_config(struct rcl_node_config *node, uint64_t nr_pages)
{
	struct rcl_config config;

	rcl_config_init(&config);
	*node = (struct rcl_node_config){ .nr_pages = nr_pages };
	config.nr_nodes = 1;
	config.nodes = node;
	config.add_batch_folios = 1;
	config.charge_batch_pages = 1;
	config.reclaim_batch_pages = 1;
	config.kswapd = 0;
	config.writeback = 0;
	config.charge_kmem = 0;
	config.page_cluster = 0;
	config.pool_takes_pages = 0;
	config.repeat_reads = 1;
	return config;
}

static inline uint32_t attach_own(struct rcl_machine *m, const struct rcl_ops *ops)
{
	struct rcl_policy policy = { .name = "own", .ops = ops, .nr_lists = 1 };
	uint32_t attachment = 0;

	CHECK_EQUAL(rcl_attach(m, &policy, RCL_ATTACH_SYSTEM, 0, &attachment), RCL_OK);
	return attachment;
}

static inline uint32_t make_memcg(struct rcl_machine *m, uint64_t max_pages)
{
	struct rcl_memcg_config config = { .max_pages = max_pages, .high_pages = UINT64_MAX,
					   .swap_max_pages = UINT64_MAX, .swappiness = 60 };
	uint32_t memcg = 0;

	CHECK_EQUAL(rcl_memcg_create(m, &config, &memcg), RCL_OK);
	return memcg;
}

static inline uint32_t make_file(struct rcl_machine *m, uint64_t nr_pages)
{
	uint32_t file = 0;

	CHECK_EQUAL(rcl_file_create(m, nr_pages, RCL_DEVICE_SSD, &file), RCL_OK);
	return file;
}

static inline uint32_t make_task(struct rcl_machine *m, uint32_t memcg, const struct rcl_mapping *mapping,
				 const uint32_t *file)
{
	struct rcl_task_config config = { .memcg = memcg, .ns_per_access = 100, .nr_mappings = mapping ? 1 : 0,
					  .nr_files = file ? 1 : 0, .mappings = mapping, .files = file };
	uint32_t task = 0;

	CHECK_EQUAL(rcl_task_create(m, &config, &task), RCL_OK);
	return task;
}

static inline int run_records(struct rcl_machine *m, uint32_t task, const uint32_t *records, uint64_t nr)
{
	struct rcl_run_control control = { 0 };
	uint64_t bad;
	int status = rcl_task_feed(m, task, records, nr, 0, &bad);

	return status == RCL_OK ? rcl_run(m, &control) : status;
}

static inline uint64_t node_counter(const struct rcl_machine *m, uint32_t nid, enum rcl_counter number)
{
	uint64_t counters[RCL_NR_COUNTERS];

	CHECK_EQUAL(rcl_counters(m, RCL_COUNT_NODE, nid, counters), RCL_OK);
	return counters[number];
}

static inline uint64_t counter(const struct rcl_machine *m, enum rcl_counter number)
{
	uint64_t counters[RCL_NR_COUNTERS];

	CHECK_EQUAL(rcl_counters(m, RCL_COUNT_MACHINE, 0, counters), RCL_OK);
	return counters[number];
}

static inline uint64_t misses_of(const struct rcl_machine *m, uint32_t task)
{
	struct rcl_task_info info;

	CHECK_EQUAL(rcl_task_info(m, task, &info), RCL_OK);
	return info.nr_misses;
}

static inline void check_machine(const struct rcl_machine *m)
{
	char message[256] = "";

	if (rcl_check(m, message, sizeof(message)) != RCL_OK) {
		fprintf(stderr, "%s: broken invariant: %s\n", current_test, message);
		exit(1);
	}
}

/* Access pages of a task one after the other; `bits` are the records' other bits. */
static inline void touch_range(struct rcl_machine *m, uint32_t task, uint32_t first, uint32_t nr, uint32_t bits)
{
	uint32_t *records = calloc(nr, sizeof(*records));

	CHECK(records);
	for (uint32_t i = 0; i < nr; i++)
		records[i] = (first + i) | bits;
	CHECK_EQUAL(run_records(m, task, records, nr), RCL_OK);
	free(records);
	check_machine(m);
}

/* Write memory.reclaim; answers how many pages were freed. */
static inline uint64_t reclaim_pages(struct rcl_machine *m, uint32_t memcg, uint64_t nr_pages)
{
	uint64_t nr_reclaimed;

	CHECK_EQUAL(rcl_memcg_reclaim(m, memcg, nr_pages, UINT32_MAX, &nr_reclaimed), RCL_OK);
	check_machine(m);
	return nr_reclaimed;
}

/* splitmix64, for workloads. */
static inline uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

#endif
