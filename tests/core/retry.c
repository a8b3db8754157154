/*
 * A second go at folios that folio_putback answered RETRY for.
 */
#include "harness.h"
#include "machine.h"

#define NR_FILE_PAGES 128
#define MAX_PAGES 64
#define NR_PINNED 3

static uint32_t records[NR_FILE_PAGES];
static uint32_t nr_failed, nr_failed_again;

struct setting {
	struct rcl_machine *m;
	uint32_t task;
};

static uint64_t always_retry(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_folio *folio,
			     uint64_t outcome, struct rcl_scan_control *sc)
{
	(void)ctx, (void)lruvec, (void)folio;
	CHECK_EQUAL(outcome, RCL_OUTCOME_REMOVAL_FAILED);
	nr_failed += !sc->is_retry;
	nr_failed_again += sc->is_retry;
	return RCL_PLACE_RETRY;
}

/* Whoever held the folio lets go between the two. */
static uint64_t let_go_and_retry(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_folio *folio,
				 uint64_t outcome, struct rcl_scan_control *sc)
{
	((struct folio *)folio)->pins = 0;
	return always_retry(ctx, lruvec, folio, outcome, sc);
}

static void read_pages(struct setting *s, uint32_t first, uint32_t nr)
{
	for (uint32_t i = 0; i < nr; i++)
		records[i] = (first + i) | BUFFERED;
	CHECK_EQUAL(run_records(s->m, s->task, records, nr), RCL_OK);
	check_machine(s->m);
}

/* A memcg full of clean pages, of which the oldest are pinned. */
static struct setting make_setting(uint64_t (*putback)(struct rcl_ctx *, struct rcl_lruvec *, struct rcl_folio *,
						       uint64_t, struct rcl_scan_control *))
{
	static struct rcl_node_config node;
	struct rcl_config config = exact_config(&node, 1500);
	struct rcl_mapping mapping = { .nr_pages = NR_FILE_PAGES, .flags = RCL_MAPPING_FILE | RCL_MAPPING_SHARED };
	static struct rcl_ops ops;
	struct rcl_policy policy = { .name = "retrying", .ops = &ops };
	struct setting s;
	uint32_t file, memcg, lruvec, attachment, pfns[NR_PINNED];
	uint64_t found;

	nr_failed = nr_failed_again = 0;
	ops = default_ops;
	ops.folio_putback = putback;
	s.m = build_machine(&config);
	CHECK_EQUAL(rcl_attach(s.m, &policy, RCL_ATTACH_SYSTEM, 0, &attachment), RCL_OK);
	memcg = make_memcg(s.m, MAX_PAGES);
	CHECK_EQUAL(rcl_file_create(s.m, NR_FILE_PAGES, RCL_DEVICE_SSD, &file), RCL_OK);
	s.task = make_task(s.m, memcg, &mapping, &file);
	read_pages(&s, 0, NR_PINNED);
	CHECK_EQUAL(rcl_lruvec_of(s.m, memcg, 0, &lruvec), RCL_OK);
	CHECK_EQUAL(rcl_list_folios(s.m, lruvec, RCL_STANDARD_LIST_INACTIVE_FILE, pfns, NR_PINNED, &found), RCL_OK);
	CHECK_EQUAL(found, NR_PINNED);
	for (uint32_t i = 0; i < NR_PINNED; i++)
		s.m->folios[pfns[i]].pins = 1;
	read_pages(&s, NR_PINNED, MAX_PAGES - NR_PINNED);
	return s;
}

static void test_a_folio_let_go_meanwhile_is_freed_and_scanned_once(void)
{
	struct setting s = make_setting(let_go_and_retry);

	read_pages(&s, MAX_PAGES, NR_PINNED);
	CHECK_EQUAL(nr_failed, NR_PINNED);
	CHECK_EQUAL(nr_failed_again, 0);
	CHECK_EQUAL(counter(s.m, RCL_PGSTEAL_DIRECT), NR_PINNED);
	CHECK_EQUAL(counter(s.m, RCL_PGSCAN_DIRECT), NR_PINNED);
	CHECK_EQUAL(counter(s.m, RCL_REFUSED_ANSWER), 0);
	rcl_machine_free(s.m);
}

static void test_a_second_retry_is_refused_and_the_folio_goes_back(void)
{
	struct setting s = make_setting(always_retry);

	read_pages(&s, MAX_PAGES, 1);
	CHECK_EQUAL(nr_failed, NR_PINNED);
	CHECK_EQUAL(nr_failed_again, NR_PINNED);
	CHECK_EQUAL(counter(s.m, RCL_REFUSED_ANSWER), NR_PINNED);
	CHECK_EQUAL(counter(s.m, RCL_PGSTEAL_DIRECT), 1);
	rcl_machine_free(s.m);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		TEST(a_folio_let_go_meanwhile_is_freed_and_scanned_once),
		TEST(a_second_retry_is_refused_and_the_folio_goes_back),
	};

	return run_tests_main(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
