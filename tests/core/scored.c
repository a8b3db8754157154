/*
 * Batches by score and the hook at the miss: who is chosen, where the others go, who is asked when.
 */
#include "harness.h"
#include "machine.h"

static int64_t scores[4096];
static uint32_t nr_scored, nr_incoming, nr_admitted, nr_shadows;
static uint64_t incoming_key, usage_at_miss;

static uint64_t lowest_next_batch(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_scan_control *sc,
				  struct rcl_batch_result *last)
{
	(void)ctx, (void)lruvec, (void)last;
	return sc->nr_reclaimed ? RCL_BATCH_QUIT : LOWEST_OF(OWN_LIST, 4, 16);
}

static int64_t score_by_key(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_folio *folio,
			    struct rcl_scan_control *sc)
{
	(void)ctx, (void)lruvec, (void)sc;
	CHECK(folio->flags & RCL_FOLIO_IS_ISOLATED);
	nr_scored++;
	return scores[(uint32_t)folio->key];
}

static void note_incoming(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, uint64_t key, struct rcl_shadow *shadow,
			  uint64_t reason)
{
	(void)ctx, (void)reason;
	nr_incoming++;
	nr_shadows += shadow != NULL;
	incoming_key = key;
	usage_at_miss = lruvec->memcg->usage;
}

static void note_admitted(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_folio *folio,
			  struct rcl_shadow *shadow, uint64_t reason)
{
	(void)ctx, (void)lruvec, (void)shadow, (void)reason;
	CHECK_EQUAL(folio->key, incoming_key);
	nr_admitted++;
}

static struct rcl_ops scored_ops(void)
{
	struct rcl_ops ops = fifo_ops;

	ops.next_batch = lowest_next_batch;
	ops.score_folio = score_by_key;
	return ops;
}

struct setting {
	struct rcl_machine *m;
	uint32_t memcg, task, lruvec;
};

/* A task that reads a file of 100 pages. */
static struct setting make_setting(const struct rcl_ops *ops, uint64_t max_pages)
{
	static struct rcl_node_config node;
	struct rcl_config config = exact_config(&node, 4096);
	struct setting s;
	uint32_t file;

	if (max_pages == UINT64_MAX)
		config.reclaim_batch_pages = 32;	/* or a batch takes one page, as textbooks have it */
	s.m = build_machine(&config);
	s.memcg = make_memcg(s.m, max_pages);
	attach_own(s.m, ops);
	file = make_file(s.m, 100);
	s.task = make_task(s.m, s.memcg, NULL, &file);
	CHECK_EQUAL(rcl_lruvec_of(s.m, s.memcg, 0, &s.lruvec), RCL_OK);
	nr_scored = nr_incoming = nr_admitted = nr_shadows = 0;
	memset(scores, 0, sizeof(scores));
	return s;
}

/* Keys of the list, from the tail. */
static uint32_t list_keys(const struct setting *s, uint32_t *keys)
{
	const struct lruvec *lruvec = &s->m->memcgs[s->memcg]->lruvecs[0];
	uint32_t nr = 0;

	for (uint32_t pfn = lruvec->lists[OWN_LIST].tail; pfn != RCL_NIL; pfn = link_at(s->m, pfn)->prev)
		keys[nr++] = (uint32_t)folio_at(s->m, pfn)->pub.key;
	return nr;
}

static void test_lowest_scores_go_and_the_others_to_the_head(void)
{
	static const uint32_t low[] = { 3, 7, 8, 12 };
	struct rcl_ops ops = scored_ops();
	struct setting s = make_setting(&ops, UINT64_MAX);
	uint32_t keys[100], nr;

	touch_range(s.m, s.task, 0, 20, BUFFERED);
	for (uint32_t i = 0; i < 20; i++)
		scores[i] = 100 + (int64_t)i;
	for (uint32_t i = 0; i < 4; i++)
		scores[low[i]] = -5 - (int64_t)i;
	scores[18] = INT64_MIN;			/* the lowest of all, beyond the sample */
	CHECK_EQUAL(reclaim_pages(s.m, s.memcg, 1), 4);
	CHECK_EQUAL(nr_scored, 16);
	nr = list_keys(&s, keys);
	CHECK_EQUAL(nr, 16);
	for (uint32_t i = 0; i < 4; i++)
		CHECK_EQUAL(keys[i], 16 + i);	/* not looked at, so they are next */
	CHECK_EQUAL(keys[4], 0);		/* the others in their old order */
	CHECK_EQUAL(keys[15], 15);
	for (uint32_t i = 0; i < nr; i++)
		CHECK(keys[i] != 3 && keys[i] != 7 && keys[i] != 8 && keys[i] != 12);
	rcl_machine_free(s.m);
}

static void test_of_equal_scores_the_oldest_go(void)
{
	struct rcl_ops ops = scored_ops();
	struct setting s = make_setting(&ops, UINT64_MAX);
	uint32_t keys[100];

	ops.score_folio = NULL;			/* nobody says anything else */
	rcl_machine_free(s.m);
	s = make_setting(&ops, UINT64_MAX);
	touch_range(s.m, s.task, 0, 20, BUFFERED);
	CHECK_EQUAL(reclaim_pages(s.m, s.memcg, 1), 4);
	CHECK_EQUAL(list_keys(&s, keys), 16);
	for (uint32_t i = 0; i < 4; i++)
		CHECK_EQUAL(keys[i], 16 + i);
	CHECK_EQUAL(keys[4], 4);
	CHECK_EQUAL(counter(s.m, RCL_PGSCAN_FILE), 16);
	CHECK_EQUAL(counter(s.m, RCL_PGSTEAL_FILE), 4);
	rcl_machine_free(s.m);
}

static void test_miss_is_told_once_before_room_is_made_for_it(void)
{
	struct rcl_ops ops = fifo_ops;
	struct setting s;

	ops.folio_incoming = note_incoming;
	ops.folio_admit = note_admitted;
	s = make_setting(&ops, 10);
	touch_range(s.m, s.task, 0, 10, BUFFERED);
	CHECK_EQUAL(nr_incoming, 10);
	touch_range(s.m, s.task, 0, 10, BUFFERED);
	CHECK_EQUAL(nr_incoming, 10);		/* hits */
	CHECK_EQUAL(nr_shadows, 0);
	touch_range(s.m, s.task, 10, 1, BUFFERED);
	CHECK_EQUAL(usage_at_miss, 10);		/* nothing is freed yet */
	CHECK_EQUAL(counter(s.m, RCL_PGSTEAL_FILE), 1);
	touch_range(s.m, s.task, 0, 1, BUFFERED);
	CHECK_EQUAL(nr_shadows, 1);		/* page 0 was the one that went */
	CHECK_EQUAL(incoming_key, rcl_file_key(0, 0));
	touch_range(s.m, s.task, 20, 5, BUFFERED | WRITE);
	CHECK_EQUAL(nr_incoming, 17);
	CHECK_EQUAL(nr_admitted, 17);
	rcl_machine_free(s.m);
}

/* Once for a large folio, as for a page; and for what comes back from swap, with its shadow. */
static void test_anonymous_pages_come_in_from_nothing_and_from_swap(void)
{
	static struct rcl_node_config node;
	static struct rcl_swap_config swap = { .nr_pages = 1024, .device = RCL_DEVICE_ZRAM };
	struct rcl_config config = exact_config(&node, 4096);
	struct rcl_mapping mapping = { .nr_pages = 64 };
	struct rcl_ops ops = fifo_ops;
	struct rcl_machine *m;
	uint32_t memcg, task;

	ops.folio_incoming = note_incoming;
	ops.folio_admit = note_admitted;
	config.nr_swaps = 1;
	config.swaps = &swap;
	config.thp_orders = 1 << 4;
	m = build_machine(&config);
	memcg = make_memcg(m, UINT64_MAX);
	attach_own(m, &ops);
	task = make_task(m, memcg, &mapping, NULL);
	nr_incoming = nr_admitted = nr_shadows = 0;
	touch_range(m, task, 0, 16, WRITE);
	CHECK_EQUAL(nr_incoming, 1);
	CHECK(reclaim_pages(m, memcg, 16) == 16);
	touch_range(m, task, 5, 1, 0);
	CHECK_EQUAL(nr_incoming, 2);
	CHECK_EQUAL(nr_shadows, 1);
	CHECK_EQUAL(nr_admitted, 2);
	rcl_machine_free(m);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		TEST(lowest_scores_go_and_the_others_to_the_head),
		TEST(of_equal_scores_the_oldest_go),
		TEST(miss_is_told_once_before_room_is_made_for_it),
		TEST(anonymous_pages_come_in_from_nothing_and_from_swap),
	};

	return run_tests_main(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
