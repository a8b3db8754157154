/*
 * Writeback: who writes dirty pages and when, who waits for it, and what reclaim makes of them.
 */
#include "events.h"
#include "flusher.h"
#include "harness.h"
#include "machine.h"
#include "write_rate.h"

#define SECOND UINT64_C(1000000000)
#define NR_FILE_PAGES 2048

static uint32_t records[2 * NR_FILE_PAGES];

struct setting {
	struct rcl_machine *m;
	uint32_t memcg;
	uint32_t task;
};

/* A node with room for everything; a task with a file, mapped shared as well, in a memcg with sums of such an age. */
static struct setting make_setting_with_sums(uint32_t device, uint64_t max_pages, uint64_t stat_flush_ns)
{
	static struct rcl_node_config node;
	struct rcl_config config = exact_config(&node, 1500);
	struct rcl_mapping mapping = { .nr_pages = NR_FILE_PAGES, .flags = RCL_MAPPING_FILE | RCL_MAPPING_SHARED };
	struct setting s;
	uint32_t file;

	config.stat_flush_ns = stat_flush_ns;
	config.writeback = 1;
	config.kswapd = 1;
	config.forced_release = 0;
	config.reclaim_batch_pages = 32;
	s.m = build_machine(&config);
	s.memcg = max_pages ? make_memcg(s.m, max_pages) : 0;
	CHECK_EQUAL(rcl_file_create(s.m, NR_FILE_PAGES, device, &file), RCL_OK);
	s.task = make_task(s.m, s.memcg, &mapping, &file);
	return s;
}

static struct setting make_setting(uint32_t device, uint64_t max_pages)
{
	return make_setting_with_sums(device, max_pages, 0);
}

static void touch(struct setting *s, uint32_t first, uint32_t nr, uint32_t bits)
{
	touch_range(s->m, s->task, first, nr, bits);
}

/* Let a task's time pass by reading one page again and again. */
static void pass_time(struct setting *s, uint64_t ns)
{
	uint64_t per_access = s->m->tasks[s->task]->ns_per_access;

	s->m->tasks[s->task]->ns_per_access = ns / 2;
	touch(s, 0, 1, BUFFERED);
	touch(s, 0, 1, BUFFERED);
	s->m->tasks[s->task]->ns_per_access = per_access;
	touch(s, 0, 1, BUFFERED);
}

static uint64_t nr_pending(const struct setting *s)
{
	return s->m->nr_dirty + s->m->nr_writeback;
}

static void test_old_pages_are_written_within_the_next_interval(void)
{
	struct setting s = make_setting(RCL_DEVICE_SSD, 0);

	touch(&s, 0, 50, BUFFERED | WRITE);
	touch(&s, 0, 50, BUFFERED | WRITE);	/* again: no more dirty than before */
	CHECK_EQUAL(counter(s.m, RCL_NR_DIRTIED), 50);
	pass_time(&s, 28 * SECOND);
	CHECK_EQUAL(s.m->nr_dirty, 50);
	CHECK_EQUAL(counter(s.m, RCL_PGPGOUT), 0);
	pass_time(&s, 10 * SECOND);
	CHECK_EQUAL(nr_pending(&s), 0);
	CHECK_EQUAL(counter(s.m, RCL_NR_WRITTEN), 50);
	CHECK_EQUAL(s.m->next_due_ns, RCL_NEVER);	/* nothing is dirty, so nobody looks */
	CHECK_EQUAL(counter(s.m, RCL_BALANCE_DIRTY_PAUSED), 0);
	rcl_machine_free(s.m);
}

static void test_above_the_background_ratio_the_flusher_writes_at_once(void)
{
	struct setting s = make_setting(RCL_DEVICE_SSD, 0);

	touch(&s, 0, 220, BUFFERED | WRITE);		/* of about 1450 pages: between 10 and 15 % */
	pass_time(&s, SECOND / 2);
	CHECK(counter(s.m, RCL_NR_WRITTEN) > 0);
	CHECK(s.m->nr_dirty < 160);
	CHECK_EQUAL(counter(s.m, RCL_BALANCE_DIRTY_PAUSED), 0);
	rcl_machine_free(s.m);
}

static void test_writers_pause_at_the_dirty_ratio(void)
{
	struct setting s = make_setting(RCL_DEVICE_DISK, 0);

	touch(&s, 0, 1200, BUFFERED | WRITE);
	CHECK(counter(s.m, RCL_BALANCE_DIRTY_PAUSED) > 0);
	CHECK(nr_pending(&s) <= 300);
	CHECK(s.m->tasks[s.task]->clock_ns > 20 * 1000 * 1000);
	rcl_machine_free(s.m);
}

static void test_pauses_and_chunks_leave_traces(void)
{
	static struct rcl_trace_record ring[4096];
	struct setting s = make_setting(RCL_DEVICE_DISK, 0);
	uint64_t nr, nr_lost, nr_paused = 0, nr_wrote = 0;

	CHECK_EQUAL(rcl_trace_start(s.m, UINT64_C(1) << RCL_TRACE_balance_dirty_pages |
						 UINT64_C(1) << RCL_TRACE_writeback_single_inode, 4096), RCL_OK);
	touch(&s, 0, NR_FILE_PAGES, BUFFERED | WRITE);
	CHECK_EQUAL(rcl_trace_read(s.m, ring, 4096, &nr, &nr_lost), RCL_OK);
	CHECK_EQUAL(nr_lost, 0);
	for (uint64_t i = 0; i < nr; i++) {
		const struct trace_balance_dirty_pages *pause = (const void *)ring[i].fields;
		const struct trace_writeback_single_inode *chunk = (const void *)ring[i].fields;

		if (ring[i].event == RCL_TRACE_balance_dirty_pages) {
			nr_paused++;
			CHECK(pause->setpoint <= pause->limit);
			CHECK_EQUAL(ring[i].source, 0);
		} else {
			nr_wrote += chunk->wrote;
			CHECK_EQUAL(ring[i].source, RCL_TRACE_FROM_FLUSHER);
		}
	}
	CHECK(nr_paused >= counter(s.m, RCL_BALANCE_DIRTY_PAUSED) && nr_paused > 0);
	CHECK_EQUAL(nr_wrote, counter(s.m, RCL_NR_WRITTEN) + s.m->nr_writeback);
	rcl_machine_free(s.m);
}

static void test_a_memcg_that_writes_more_than_it_holds_is_not_killed(void)
{
	struct setting s = make_setting(RCL_DEVICE_SSD, 100);

	touch(&s, 0, NR_FILE_PAGES, BUFFERED | WRITE);
	CHECK_EQUAL(counter(s.m, RCL_OOM_KILL), 0);
	CHECK(counter(s.m, RCL_NR_WRITTEN) > NR_FILE_PAGES - 150);
	CHECK(counter(s.m, RCL_BALANCE_DIRTY_PAUSED) > 0);	/* by the memcg's own limit */
	CHECK(nr_pending(&s) <= 30);
	rcl_machine_free(s.m);
}

/* mem_cgroup_wb_stats() reads sums that nobody has folded since, so that a burst passes, and a pause comes too late. */
static void test_what_a_memcg_has_dirty_is_as_old_as_its_sums(void)
{
	struct setting exact = make_setting(RCL_DEVICE_DISK, 200);
	struct setting stale = make_setting_with_sums(RCL_DEVICE_DISK, 200, 2 * SECOND);

	touch(&exact, 0, 100, BUFFERED | WRITE);		/* of 200, and 20 % may be */
	CHECK(counter(exact.m, RCL_BALANCE_DIRTY_PAUSED) > 0);
	touch(&stale, 0, 100, BUFFERED | WRITE);
	CHECK_EQUAL(counter(stale.m, RCL_BALANCE_DIRTY_PAUSED), 0);
	CHECK_EQUAL(stale.m->memcgs[stale.memcg]->nr_dirty, 100);	/* wb_stat() knows */
	rcl_machine_free(exact.m);
	rcl_machine_free(stale.m);
}

/* The other way round: what was written still counts until the sums are folded. */
static void test_what_a_memcg_has_written_counts_until_its_sums_are_folded(void)
{
	struct setting s = make_setting_with_sums(RCL_DEVICE_SSD, 200, 2 * SECOND);

	touch(&s, 0, 60, BUFFERED | WRITE);
	pass_time(&s, 3 * SECOND);			/* folded: 60 are dirty */
	flusher_wake_all(s.m);
	pass_time(&s, SECOND / 10);
	CHECK_EQUAL(nr_pending(&s), 0);
	touch(&s, 60, 40, BUFFERED | WRITE);
	CHECK(counter(s.m, RCL_BALANCE_DIRTY_PAUSED) > 0);
	rcl_machine_free(s.m);
}

static void test_reclaim_marks_dirty_pages_and_frees_them_when_they_are_written(void)
{
	struct setting s = make_setting(RCL_DEVICE_SSD, 200);

	attach_own(s.m, &fifo_ops);
	s.m->config.dirty_ratio = 100;		/* no limits: reclaim is the first to care */
	s.m->config.dirty_background_ratio = 100;
	touch(&s, 0, 90, BUFFERED | WRITE);
	touch(&s, 90, 110, BUFFERED);
	CHECK_EQUAL(counter(s.m, RCL_PGPGOUT), 0);
	touch(&s, 200, 100, BUFFERED);
	CHECK(counter(s.m, RCL_NR_VMSCAN_IMMEDIATE_RECLAIM) > 0);
	CHECK(counter(s.m, RCL_NR_WRITTEN) > 0);
	CHECK(counter(s.m, RCL_PGSTEAL_FILE) >= 100);
	CHECK_EQUAL(counter(s.m, RCL_OOM_KILL), 0);
	rcl_machine_free(s.m);
}

/* While it works on all that is dirty, another wish for all is none (WB_start_all); then the file is clean, and off its
 * queues. */
static void test_who_asks_the_flusher_meanwhile_asks_in_vain(void)
{
	struct setting s = make_setting(RCL_DEVICE_DISK, 0);
	struct flusher *flusher = &s.m->flusher;

	touch(&s, 0, 100, BUFFERED | WRITE);
	CHECK_EQUAL(s.m->files[0].queue, FILE_DIRTY);
	flusher_wake_all(s.m);
	events_run_due(s.m);
	CHECK(flusher->is_awake && flusher->is_all_wanted);
	CHECK_EQUAL(flusher->nr_pages, 100);
	flusher_wake_all(s.m);
	CHECK_EQUAL(flusher->nr_pages, 100);
	pass_time(&s, SECOND);
	CHECK(!flusher->is_awake && !flusher->is_all_wanted);
	CHECK_EQUAL(s.m->files[0].queue, FILE_CLEAN);
	CHECK_EQUAL(counter(s.m, RCL_NR_WRITTEN), 100);
	rcl_machine_free(s.m);
}

/* It begins where it ended, goes to the end of the file, and not on from its start. */
static void test_a_turn_of_a_file_ends_with_the_file(void)
{
	static struct rcl_trace_record ring[16];
	const struct trace_writeback_single_inode *turn;
	struct setting s = make_setting(RCL_DEVICE_DISK, 0);
	uint64_t nr, nr_lost;

	CHECK_EQUAL(rcl_trace_start(s.m, UINT64_C(1) << RCL_TRACE_writeback_single_inode, 16), RCL_OK);
	touch(&s, 0, 100, BUFFERED | WRITE);
	s.m->files[0].writeback_index = 60;
	flusher_wake_all(s.m);
	pass_time(&s, SECOND);
	CHECK_EQUAL(rcl_trace_read(s.m, ring, 16, &nr, &nr_lost), RCL_OK);
	CHECK_EQUAL(nr, 2);			/* turns, of the same work */
	turn = (const void *)ring[0].fields;
	CHECK_EQUAL(turn->wrote, 40);
	CHECK_EQUAL(turn->index, 0);
	turn = (const void *)ring[1].fields;
	CHECK_EQUAL(turn->wrote, 60);
	CHECK_EQUAL(s.m->nr_dirty, 0);
	rcl_machine_free(s.m);
}

/* A device's rates begin at 100 MB/s; what is written moves the average by an eighth, where it is above twice. */
static void test_the_rate_of_writers_follows_what_is_written(void)
{
	struct setting s = make_setting(RCL_DEVICE_SSD, 0);
	struct device *device = &s.m->devices[0];
	struct write_rate *rate = &device->write_rate;
	struct rate_domain domain = { .nr_pending = 10, .setpoint = 20, .position_ratio = 1024 };

	CHECK_EQUAL(rate->dirty_ratelimit, 25600);
	write_rate_update(s.m, device, &domain, 1);
	CHECK_EQUAL(rate->written_stamp, 0);	/* too early */
	pass_time(&s, SECOND / 2);
	rate->nr_written += 25600;		/* in half a second: twice the rate */
	rate->nr_dirtied += 12800;
	write_rate_update(s.m, device, &domain, 1);
	CHECK(rate->write_bandwidth > 25600 && rate->write_bandwidth < 2 * 25600);
	CHECK(rate->avg_write_bandwidth >= 25600);
	CHECK(rate->dirty_ratelimit >= 25600);
	CHECK_EQUAL(rate->stamp_jiffies, now_jiffies(s.m));
	rcl_machine_free(s.m);
}

/* A pause ends with a tick, and takes the one more that keeps timers from being early. */
static void test_pauses_are_of_ticks(void)
{
	static struct rcl_trace_record ring[4096];
	struct setting s = make_setting(RCL_DEVICE_SSD, 100);
	uint64_t nr, nr_lost, nr_asleep = 0;

	CHECK_EQUAL(rcl_trace_start(s.m, UINT64_C(1) << RCL_TRACE_balance_dirty_pages, 4096), RCL_OK);
	touch(&s, 0, NR_FILE_PAGES, BUFFERED | WRITE);
	CHECK_EQUAL(rcl_trace_read(s.m, ring, 4096, &nr, &nr_lost), RCL_OK);
	for (uint64_t i = 0; i < nr; i++) {
		const struct trace_balance_dirty_pages *pause = (const void *)ring[i].fields;

		CHECK_EQUAL(pause->pause % 4, 0);
		CHECK(pause->pause <= 200);
		nr_asleep += pause->pause > 0;
	}
	CHECK(nr_asleep > 0);
	CHECK_EQUAL(nr_asleep, counter(s.m, RCL_BALANCE_DIRTY_PAUSED));
	rcl_machine_free(s.m);
}

/* kswapd's second look at a page that waits for the flusher: by then the node may be known for such pages. */
static void test_kswapd_asks_the_flusher_once_where_all_is_dirty(void)
{
	struct setting s = make_setting(RCL_DEVICE_SSD, 0);
	struct node *node = &s.m->nodes[0];

	s.m->config.dirty_ratio = 100;
	s.m->config.dirty_background_ratio = 100;
	touch(&s, 0, 600, BUFFERED | WRITE);
	touch(&s, 600, 1100, BUFFERED);
	CHECK(counter(s.m, RCL_PGSCAN_KSWAPD) > 0);
	CHECK(counter(s.m, RCL_NR_VMSCAN_IMMEDIATE_RECLAIM) > 0);
	CHECK_EQUAL(counter(s.m, RCL_OOM_KILL), 0);
	pass_time(&s, SECOND);
	CHECK(!node->is_dirty);		/* balanced again (kswapd_try_to_sleep()) */
	rcl_machine_free(s.m);
}

static void test_a_mapped_page_faults_again_after_it_was_written(void)
{
	struct setting s = make_setting(RCL_DEVICE_SSD, 0);
	uint64_t nr_faults;
	uint32_t pte;

	touch(&s, 7, 1, WRITE);
	CHECK_EQUAL(s.m->nr_dirty, 1);
	nr_faults = counter(s.m, RCL_PGFAULT);
	touch(&s, 7, 1, WRITE);
	CHECK_EQUAL(counter(s.m, RCL_PGFAULT), nr_faults);
	pass_time(&s, 40 * SECOND);
	CHECK_EQUAL(nr_pending(&s), 0);
	CHECK_EQUAL(rcl_task_ptes(s.m, s.task, 7, 1, &pte), RCL_OK);
	CHECK(pte & PTE_PRESENT && pte & PTE_WP && !(pte & PTE_DIRTY));
	touch(&s, 7, 1, WRITE);
	CHECK_EQUAL(counter(s.m, RCL_PGFAULT), nr_faults + 1);
	CHECK_EQUAL(s.m->nr_dirty, 1);
	rcl_machine_free(s.m);
}

/* folio_clear_dirty_for_io() protects the page and takes its dirty mark before the write begins: who writes meanwhile
 * faults, and makes it dirty again for a write of its own. */
static void test_a_page_that_is_written_to_while_it_is_being_written_is_written_again(void)
{
	struct setting s = make_setting(RCL_DEVICE_DISK, 0);
	uint64_t nr_faults;
	uint32_t pte;

	touch(&s, 7, 1, WRITE);
	nr_faults = counter(s.m, RCL_PGFAULT);
	flusher_wake_all(s.m);
	events_run_due(s.m);
	CHECK_EQUAL(s.m->nr_writeback, 1);
	CHECK_EQUAL(s.m->nr_dirty, 0);
	CHECK_EQUAL(rcl_task_ptes(s.m, s.task, 7, 1, &pte), RCL_OK);
	CHECK(pte & PTE_PRESENT && pte & PTE_WP && !(pte & PTE_DIRTY));
	touch(&s, 7, 1, 0);
	CHECK_EQUAL(counter(s.m, RCL_PGFAULT), nr_faults);
	touch(&s, 7, 1, WRITE);
	CHECK_EQUAL(counter(s.m, RCL_PGFAULT), nr_faults + 1);
	CHECK_EQUAL(s.m->nr_dirty, 1);
	CHECK_EQUAL(s.m->nr_writeback, 1);
	pass_time(&s, SECOND);
	CHECK_EQUAL(s.m->nr_dirty, 1);		/* the write that ends takes nothing away */
	CHECK_EQUAL(counter(s.m, RCL_NR_WRITTEN), 1);
	pass_time(&s, 40 * SECOND);
	CHECK_EQUAL(nr_pending(&s), 0);
	CHECK_EQUAL(counter(s.m, RCL_NR_WRITTEN), 2);
	rcl_machine_free(s.m);
}

/* Who takes away a mapping's right to write does what a store does, folio_mark_dirty(): the wish of reclaim is gone. */
static void test_a_page_that_a_mapping_could_write_is_not_reclaimed_for_being_written(void)
{
	struct setting s = make_setting(RCL_DEVICE_SSD, 0);

	touch(&s, 7, 1, WRITE);
	touch(&s, 8, 1, BUFFERED | WRITE);
	for (uint64_t pfn = 0; pfn < s.m->nr_folios; pfn++)
		s.m->folios[pfn].marks |= s.m->folios[pfn].pub.flags & RCL_FOLIO_IS_DIRTY ? MARK_RECLAIM : 0;
	flusher_wake_all(s.m);
	pass_time(&s, SECOND);
	CHECK_EQUAL(counter(s.m, RCL_NR_WRITTEN), 2);
	CHECK_EQUAL(counter(s.m, RCL_PGROTATED), 1);
	rcl_machine_free(s.m);
}

static void test_without_writeback_reclaim_writes_and_waits(void)
{
	struct setting s = make_setting(RCL_DEVICE_SSD, 100);

	s.m->config.writeback = 0;
	s.m->tasks[s.task]->nr_dirtied_pause = UINT32_MAX;
	touch(&s, 0, 300, BUFFERED | WRITE);
	CHECK(counter(s.m, RCL_PGPGOUT) >= 200);
	CHECK_EQUAL(counter(s.m, RCL_NR_WRITTEN), 0);
	CHECK_EQUAL(s.m->nr_writeback, 0);
	rcl_machine_free(s.m);
}

static uint64_t kmem_bytes(const struct rcl_machine *m, uint32_t memcg)
{
	return m->memcgs[memcg]->kmem_pages * RCL_PAGE_BYTES - m->memcgs[memcg]->kmem_rest_bytes;
}

/* A memcg pays 112 bytes for each page that was written until the page is freed. */
static void test_written_pages_have_buffer_heads(void)
{
	struct setting s = make_setting(RCL_DEVICE_SSD, 1000);
	uint64_t nr_bytes;

	s.m->config.charge_kmem = 1;
	touch(&s, 0, 400, BUFFERED);
	touch(&s, 0, 1, 0);			/* the page table and the one above */
	nr_bytes = kmem_bytes(s.m, s.memcg);
	touch(&s, 0, 300, BUFFERED | WRITE);
	CHECK_EQUAL(kmem_bytes(s.m, s.memcg), nr_bytes + 300 * 112);
	touch(&s, 0, 300, BUFFERED | WRITE);	/* they have them */
	touch(&s, 200, 200, WRITE);		/* half of these do */
	CHECK_EQUAL(kmem_bytes(s.m, s.memcg), nr_bytes + 400 * 112);
	pass_time(&s, 40 * SECOND);
	pass_time(&s, 40 * SECOND);
	CHECK_EQUAL(nr_pending(&s), 0);
	CHECK_EQUAL(kmem_bytes(s.m, s.memcg), nr_bytes + 400 * 112);
	CHECK_EQUAL(rcl_task_exit(s.m, s.task), RCL_OK);
	CHECK_EQUAL(reclaim_pages(s.m, s.memcg, 400), 400);
	CHECK_EQUAL(kmem_bytes(s.m, s.memcg), nr_bytes - 2 * RCL_PAGE_BYTES);
	CHECK(s.m->memcgs[s.memcg]->kmem_pages <= 3);	/* the rest went back */
	rcl_machine_free(s.m);
}

/* Those of pages that are still cached when their memcg is removed are its parent's. */
static void test_buffer_heads_of_a_removed_memcg_go_to_the_parent(void)
{
	struct setting s = make_setting(RCL_DEVICE_SSD, 1000);
	uint64_t nr_bytes;

	s.m->config.charge_kmem = 1;
	touch(&s, 0, 400, BUFFERED | WRITE);
	pass_time(&s, 40 * SECOND);
	pass_time(&s, 40 * SECOND);
	CHECK_EQUAL(rcl_task_exit(s.m, s.task), RCL_OK);
	nr_bytes = kmem_bytes(s.m, s.memcg);
	CHECK_EQUAL(rcl_memcg_remove(s.m, s.memcg), RCL_OK);
	check_machine(s.m);
	CHECK_EQUAL(kmem_bytes(s.m, 0), nr_bytes);
	CHECK_EQUAL(reclaim_pages(s.m, 0, 400), 400);
	CHECK_EQUAL(kmem_bytes(s.m, 0), nr_bytes - 400 * 112);
	rcl_machine_free(s.m);
}

static volatile int stop;

static int stop_now_and_then(void *user, uint64_t nr_records)
{
	(void)user;
	return nr_records % 3 == 0;
}

static void test_an_interrupted_writer_goes_on_to_the_same_end(void)
{
	struct setting s = make_setting(RCL_DEVICE_DISK, 100), t = make_setting(RCL_DEVICE_DISK, 100);
	struct rcl_run_control control = { .progress = stop_now_and_then, .progress_records = 1 };
	uint64_t bad;
	int nr_stops = 0;

	for (uint32_t i = 0; i < 400; i++)
		records[i] = i | BUFFERED | WRITE;
	CHECK_EQUAL(rcl_task_feed(s.m, s.task, records, 400, 0, &bad), RCL_OK);
	while (rcl_run(s.m, &control) == RCL_INTERRUPTED)
		nr_stops++;
	CHECK(nr_stops > 0);
	check_machine(s.m);
	CHECK_EQUAL(run_records(t.m, t.task, records, 400), RCL_OK);
	CHECK_EQUAL(s.m->tasks[s.task]->clock_ns, t.m->tasks[t.task]->clock_ns);
	CHECK_EQUAL(counter(s.m, RCL_NR_WRITTEN), counter(t.m, RCL_NR_WRITTEN));
	CHECK_EQUAL(counter(s.m, RCL_PGSTEAL_FILE), counter(t.m, RCL_PGSTEAL_FILE));
	rcl_machine_free(s.m);
	rcl_machine_free(t.m);
}

/* Ctrl-C while a writer sleeps: it stops sleeping, nothing is lost, and the run can go on. */
static void stop_soon(struct rcl_machine *m, struct actor *actor)
{
	(void)m, (void)actor;
	stop = 1;
}

static void test_ctrl_c_ends_a_pause(void)
{
	struct setting s = make_setting(RCL_DEVICE_DISK, 100);
	struct rcl_run_control control = { .interrupt = &stop };
	uint64_t bad;

	stop = 0;
	events_wake_at(s.m, events_add_actor(s.m, stop_soon, 0), 30000000);
	for (uint32_t i = 0; i < 400; i++)
		records[i] = i | BUFFERED | WRITE;
	CHECK_EQUAL(rcl_task_feed(s.m, s.task, records, 400, 0, &bad), RCL_OK);
	CHECK_EQUAL(rcl_run(s.m, &control), RCL_INTERRUPTED);
	check_machine(s.m);
	stop = 0;
	CHECK_EQUAL(rcl_run(s.m, &control), RCL_OK);
	check_machine(s.m);
	CHECK_EQUAL(counter(s.m, RCL_NR_DIRTIED), 400);
	rcl_machine_free(s.m);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "old", test_old_pages_are_written_within_the_next_interval },
		{ "background", test_above_the_background_ratio_the_flusher_writes_at_once },
		{ "pause", test_writers_pause_at_the_dirty_ratio },
		{ "traces", test_pauses_and_chunks_leave_traces },
		{ "memcg", test_a_memcg_that_writes_more_than_it_holds_is_not_killed },
		{ "old sums", test_what_a_memcg_has_dirty_is_as_old_as_its_sums },
		{ "folded", test_what_a_memcg_has_written_counts_until_its_sums_are_folded },
		{ "reclaim", test_reclaim_marks_dirty_pages_and_frees_them_when_they_are_written },
		{ "in vain", test_who_asks_the_flusher_meanwhile_asks_in_vain },
		{ "turn", test_a_turn_of_a_file_ends_with_the_file },
		{ "rate", test_the_rate_of_writers_follows_what_is_written },
		{ "ticks", test_pauses_are_of_ticks },
		{ "all dirty", test_kswapd_asks_the_flusher_once_where_all_is_dirty },
		{ "mapped", test_a_mapped_page_faults_again_after_it_was_written },
		{ "again", test_a_page_that_is_written_to_while_it_is_being_written_is_written_again },
		{ "wish", test_a_page_that_a_mapping_could_write_is_not_reclaimed_for_being_written },
		{ "off", test_without_writeback_reclaim_writes_and_waits },
		{ "buffers", test_written_pages_have_buffer_heads },
		{ "removed", test_buffer_heads_of_a_removed_memcg_go_to_the_parent },
		{ "interrupted", test_an_interrupted_writer_goes_on_to_the_same_end },
		{ "ctrl-c", test_ctrl_c_ends_a_pause },
	};

	return run_tests_main(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
