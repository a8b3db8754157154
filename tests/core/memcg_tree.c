/*
 * Reclaim over a tree of memcgs: what is asked about the target, in which order the walk visits
 * its descendants, what protection holds, and how fresh the sums are.
 */
#include "harness.h"

#define NR_VISITS 64

/* What a policy was asked, in order; one test at a time. */
static struct {
	uint32_t nr_prepared, nr_ended, nr_visits;
	uint32_t target;		/* lruvec of the last prepare_scan */
	uint64_t file_pages;		/* page_state of the target's lists then */
	uint32_t visits[NR_VISITS];	/* lruvecs of pass_begin */
} seen;

static uint64_t file_pages_of(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec)
{
	return h_lruvec_page_state(ctx, lruvec, RCL_STANDARD_LIST_INACTIVE_FILE) +
	       h_lruvec_page_state(ctx, lruvec, RCL_STANDARD_LIST_ACTIVE_FILE);
}

static void seen_prepare_scan(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_scan_control *sc)
{
	(void)sc;
	seen.nr_prepared++;
	seen.target = lruvec->id;
	seen.file_pages = file_pages_of(ctx, lruvec);
}

static void seen_reclaim_end(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_scan_control *sc)
{
	(void)ctx, (void)lruvec, (void)sc;
	seen.nr_ended++;
}

static void seen_pass_begin(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_scan_control *sc)
{
	(void)ctx, (void)sc;
	if (seen.nr_visits < NR_VISITS)
		seen.visits[seen.nr_visits++] = lruvec->id;
}

static uint64_t seen_next_batch(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_scan_control *sc,
				struct rcl_batch_result *last)
{
	(void)ctx;
	if (last->kind != RCL_BATCH_KIND_FIRST || sc->nr_reclaimed >= sc->nr_to_reclaim)
		return RCL_BATCH_STOP;
	return BATCH_OF(lruvec->list_pages[RCL_STANDARD_LIST_INACTIVE_FILE] ? RCL_STANDARD_LIST_INACTIVE_FILE
									     : RCL_STANDARD_LIST_INACTIVE_ANON,
			32);
}

static const struct rcl_ops seeing_ops = {
	.prepare_scan = seen_prepare_scan,
	.reclaim_end = seen_reclaim_end,
	.pass_begin = seen_pass_begin,
	.next_batch = seen_next_batch,
	.reclaim_folio = own_reclaim,
};

static void attach_seeing(struct rcl_machine *m, uint32_t point, uint32_t where)
{
	struct rcl_policy policy = { .name = "seeing", .ops = &seeing_ops };
	uint32_t attachment = 0;

	memset(&seen, 0, sizeof(seen));
	CHECK_EQUAL(rcl_attach(m, &policy, point, where, &attachment), RCL_OK);
}

static uint32_t make_child(struct rcl_machine *m, uint32_t parent, uint64_t low, uint64_t min)
{
	struct rcl_memcg_config config = { .parent = parent, .max_pages = UINT64_MAX, .high_pages = UINT64_MAX,
					   .swap_max_pages = UINT64_MAX, .swappiness = 60, .low_pages = low,
					   .min_pages = min };
	uint32_t memcg = 0;

	CHECK_EQUAL(rcl_memcg_create(m, &config, &memcg), RCL_OK);
	return memcg;
}

/* A task that has read nr_pages pages of a file of its own. */
static uint32_t read_file(struct rcl_machine *m, uint32_t memcg, uint32_t nr_pages)
{
	uint32_t file = make_file(m, nr_pages), task = make_task(m, memcg, NULL, &file);
	uint32_t *records = calloc(nr_pages, sizeof(*records));

	CHECK(records);
	for (uint32_t i = 0; i < nr_pages; i++)
		records[i] = 1u << 30 | i;
	CHECK_EQUAL(run_records(m, task, records, nr_pages), RCL_OK);
	free(records);
	return task;
}

static uint64_t reclaim_from(struct rcl_machine *m, uint32_t memcg, uint64_t nr_pages)
{
	uint64_t nr_reclaimed = 0;

	CHECK_EQUAL(rcl_memcg_reclaim(m, memcg, nr_pages, UINT32_MAX, &nr_reclaimed), RCL_OK);
	return nr_reclaimed;
}

/* parent with two children, 100 and 200 pages of files. */
static struct rcl_machine *build_family(struct rcl_node_config *node, uint32_t *parent, uint32_t children[2],
					uint64_t stat_flush_ns)
{
	struct rcl_config config = exact_config(node, 4096);
	struct rcl_machine *m;

	config.stat_flush_ns = stat_flush_ns;
	m = build_machine(&config);
	*parent = make_child(m, 0, 0, 0);
	children[0] = make_child(m, *parent, 0, 0);
	children[1] = make_child(m, *parent, 0, 0);
	return m;
}

static void prepare_scan_sees_the_target_with_its_descendants(void)
{
	struct rcl_node_config node;
	uint32_t parent, children[2];
	struct rcl_machine *m = build_family(&node, &parent, children, 0);

	attach_seeing(m, RCL_ATTACH_SYSTEM, 0);
	read_file(m, children[0], 100);
	read_file(m, children[1], 200);
	CHECK_EQUAL(reclaim_from(m, parent, 1), 1);
	CHECK_EQUAL(seen.target, parent);
	CHECK_EQUAL(seen.file_pages, 300);
	CHECK_EQUAL(seen.nr_ended, 1);
	reclaim_from(m, children[1], 1);
	CHECK_EQUAL(seen.target, children[1]);
	CHECK_EQUAL(seen.file_pages, 200);
	check_machine(m);
	rcl_machine_free(m);
}

static void policy_of_a_child_prepares_for_the_parent(void)
{
	struct rcl_node_config node;
	uint32_t parent, children[2];
	struct rcl_machine *m = build_family(&node, &parent, children, 0);

	attach_seeing(m, RCL_ATTACH_MEMCG, children[1]);
	read_file(m, children[1], 200);
	reclaim_from(m, parent, 8);
	CHECK(seen.nr_prepared > 0);
	CHECK_EQUAL(seen.target, parent);
	CHECK_EQUAL(seen.visits[0], children[1]);
	rcl_machine_free(m);
}

static void sums_are_as_old_as_the_flusher_leaves_them(void)
{
	struct rcl_node_config node;
	uint32_t parent, children[2];
	struct rcl_machine *m = build_family(&node, &parent, children, 16000000);

	attach_seeing(m, RCL_ATTACH_SYSTEM, 0);
	read_file(m, children[0], 100);
	reclaim_from(m, parent, 1);
	CHECK_EQUAL(seen.file_pages, 0);	/* a read does not flush, and the flusher has yet to come */
	read_file(m, children[1], 200);	/* it comes in the middle of this */
	reclaim_from(m, parent, 1);
	CHECK(seen.file_pages > 100 && seen.file_pages < 299);
	check_machine(m);
	rcl_machine_free(m);
}

static void partial_walks_go_on_where_the_last_one_stopped(void)
{
	struct rcl_node_config node;
	uint32_t parent, children[2];
	struct rcl_machine *m = build_family(&node, &parent, children, 0);

	read_file(m, children[0], 100);
	read_file(m, children[1], 200);
	attach_seeing(m, RCL_ATTACH_SYSTEM, 0);
	for (int i = 0; i < 3; i++)
		reclaim_from(m, parent, 1);
	/* The parent itself is empty; then each walk ends at the child that gave enough, and the third
	 * begins at the top again. */
	CHECK_EQUAL(seen.visits[0], parent);
	CHECK_EQUAL(seen.visits[1], children[0]);
	CHECK_EQUAL(seen.visits[2], children[1]);
	CHECK_EQUAL(seen.visits[3], parent);
	CHECK_EQUAL(seen.visits[4], children[0]);
	CHECK_EQUAL(seen.nr_visits, 5);
	rcl_machine_free(m);
}

/* A policy that skips the child of this number, and sends every memcg that it scanned to the next generation. */
static uint32_t skipped_lruvec;

static uint64_t ring_memcg_scan(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_scan_control *sc)
{
	(void)ctx, (void)sc;
	return lruvec->id == skipped_lruvec ? RCL_VISIT_SKIP : RCL_VISIT_SCAN;
}

static uint64_t ring_memcg_done(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_scan_control *sc,
				uint64_t visited)
{
	(void)ctx, (void)lruvec, (void)sc;
	return visited == RCL_VISITED_SCANNED ? RCL_ROTATION_YOUNG : RCL_ROTATION_KEEP;
}

static void attach_ring(struct rcl_machine *m)
{
	static struct rcl_ops ops;
	struct rcl_policy policy = { .name = "ring", .ops = &ops };
	uint32_t attachment = 0;

	ops = seeing_ops;
	ops.memcg_scan = ring_memcg_scan;
	ops.memcg_done = ring_memcg_done;
	memset(&seen, 0, sizeof(seen));
	CHECK_EQUAL(rcl_attach(m, &policy, RCL_ATTACH_SYSTEM, 0, &attachment), RCL_OK);
}

static void ring_gives_every_memcg_its_turn_before_one_comes_again(void)
{
	struct rcl_node_config node;
	uint32_t parent, children[2], turns[4] = { 0 };
	struct rcl_machine *m = build_family(&node, &parent, children, 0);

	skipped_lruvec = UINT32_MAX;
	read_file(m, children[0], 400);
	read_file(m, children[1], 400);
	attach_ring(m);
	for (int i = 0; i < 6; i++)
		CHECK(reclaim_from(m, 0, 32) >= 32);
	for (uint32_t i = 0; i < seen.nr_visits; i++)
		turns[seen.visits[i]]++;
	CHECK(turns[children[0]] >= 3 && turns[children[1]] >= 3);
	CHECK(turns[children[0]] <= turns[children[1]] + 1 && turns[children[1]] <= turns[children[0]] + 1);
	check_machine(m);
	rcl_machine_free(m);
}

static void skipped_memcg_gives_when_nothing_else_can(void)
{
	struct rcl_node_config node;
	uint32_t parent, children[2];
	struct rcl_machine *m = build_family(&node, &parent, children, 0);

	skipped_lruvec = children[0];
	read_file(m, children[0], 100);
	read_file(m, children[1], 100);
	attach_ring(m);
	CHECK_EQUAL(reclaim_from(m, parent, 100), 100);
	CHECK_EQUAL(counter(m, RCL_FORCED_RELEASE), 0);
	CHECK(reclaim_from(m, parent, 50) >= 50);
	CHECK_EQUAL(counter(m, RCL_FORCED_RELEASE), 0);
	rcl_machine_free(m);
}

static uint64_t never_old(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_scan_control *sc)
{
	(void)ctx, (void)lruvec, (void)sc;
	return RCL_AGING_TOO_YOUNG;
}

static void node_with_nothing_old_enough_kills(void)
{
	struct rcl_ops ops = fifo_ops;
	struct rcl_node_config node;
	struct rcl_config config = exact_config(&node, 1000);
	struct rcl_machine *m;
	struct rcl_task_info info;
	uint32_t task;

	config.kswapd = 1;
	m = build_machine(&config);
	ops.node_age = never_old;
	attach_own(m, &ops);
	task = read_file(m, 0, 2000);
	CHECK_EQUAL(rcl_task_info(m, task, &info), RCL_OK);
	CHECK_EQUAL(info.state, RCL_TASK_KILLED);
	CHECK_EQUAL(counter(m, RCL_OOM_KILL), 1);
	check_machine(m);
	rcl_machine_free(m);
}

static const struct test tests[] = {
	{ "prepare_scan_sees_the_target_with_its_descendants", prepare_scan_sees_the_target_with_its_descendants },
	{ "policy_of_a_child_prepares_for_the_parent", policy_of_a_child_prepares_for_the_parent },
	{ "sums_are_as_old_as_the_flusher_leaves_them", sums_are_as_old_as_the_flusher_leaves_them },
	{ "partial_walks_go_on_where_the_last_one_stopped", partial_walks_go_on_where_the_last_one_stopped },
	{ "ring_gives_every_memcg_its_turn_before_one_comes_again",
	  ring_gives_every_memcg_its_turn_before_one_comes_again },
	{ "skipped_memcg_gives_when_nothing_else_can", skipped_memcg_gives_when_nothing_else_can },
	{ "node_with_nothing_old_enough_kills", node_with_nothing_old_enough_kills },
};

int main(int argc, char **argv)
{
	return run_tests_main(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
