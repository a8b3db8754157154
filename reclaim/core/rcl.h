/*
 * The public interface of the core: build a machine, attach policies, run traces, read results.
 *
 * Here: everything that a caller outside reclaim/core may use. Not here: what a policy may use
 * (hooks and helpers, abi.gen.h) and how anything works (the mechanism files).
 *
 * Why it looks like this: the part between the two cdef markers is read by a C parser that knows
 * no preprocessor, so it holds plain declarations only; objects are named by dense numbers
 * instead of pointers, so that a caller in another language can neither dangle nor alias.
 *
 * Rules for all functions: they return enum rcl_status and write results through pointers; on
 * anything but RCL_OK the results are untouched and rcl_error() says in words what was found and
 * what was expected. All memory is allocated by set-up calls (create, attach, settings); running
 * allocates nothing. A machine may be used by one thread at a time; machines are independent.
 */
#ifndef RCL_H
#define RCL_H

#include <stdint.h>

#include "abi.gen.h"

/* cdef: begin */

struct rcl_machine;
struct rcl_ops;

enum rcl_status {
	RCL_OK = 0,
	RCL_NO_MEMORY = 1,		/* the host refused an allocation; the machine is as before */
	RCL_BAD_ARGUMENT = 2,		/* a number or pointer makes no sense; see rcl_error() */
	RCL_BAD_TRACE = 3,		/* a record names a page that the task does not have */
	RCL_INTERRUPTED = 4,		/* stopped as asked; calling rcl_run() again goes on */
	RCL_INCOMPLETE_DEFAULT = 5,	/* the default policy lacks a hook that it must have */
	RCL_BROKEN_INVARIANT = 6,	/* rcl_check() found the core's own state inconsistent */
};

/* ---- machine --------------------------------------------------------------------------- */

enum rcl_device {
	RCL_DEVICE_ZRAM = 0,	/* compressed memory: CPU time, synchronous, slots freed on swap-in */
	RCL_DEVICE_SSD = 1,
	RCL_DEVICE_DISK = 2,
};

struct rcl_node_config {
	uint64_t nr_pages;	/* managed pages, at least 1; all nodes together below 2^28 */
	uint64_t min_wmark;	/* watermarks in pages; all three 0: the kernel's formula */
	uint64_t low_wmark;
	uint64_t high_wmark;
	uint8_t tier;		/* memory tier, 0 is the fastest */
	uint8_t distance[16];	/* to each node, as in SLIT; 0: 10 to itself, 20 to others */
};

struct rcl_swap_config {
	uint64_t nr_pages;	/* slots, at least 1; all devices together below 2^28 */
	uint32_t device;	/* enum rcl_device */
	int32_t priority;	/* the highest is filled first; equal ones in order of declaration */
	uint64_t mem_limit_pages;	/* of zram: the most that stored pages may take; 0: no limit */
};

/* Everything about a machine that is fixed at its creation. Start from rcl_config_init(). */
struct rcl_config {
	uint64_t seed;			/* of the machine's random numbers; default 1 */
	uint32_t nr_nodes;		/* 1 to 16 */
	const struct rcl_node_config *nodes;	/* nr_nodes of them; read during the call only */
	uint32_t nr_swaps;		/* 0 to 8; 0: anonymous memory cannot be reclaimed */
	const struct rcl_swap_config *swaps;
	struct rcl_costs costs;

	/* What each of these decides, its default and range: reclaim/abi/options.py. */
	uint32_t swappiness;
	uint32_t add_batch_folios;
	uint32_t charge_batch_pages;
	uint32_t reclaim_batch_pages;
	uint32_t watermark_scale_factor;
	uint32_t watermark_boost_factor;
	uint32_t ssd_channels;
	uint32_t max_request_pages;
	uint32_t dirty_ratio;
	uint32_t dirty_background_ratio;
	uint64_t slice_ns;
	uint64_t switch_ns;
	uint64_t stat_flush_ns;
	uint8_t kswapd;
	uint8_t writeback;
	uint8_t repeat_reads;
	uint8_t charge_kmem;
	uint8_t pool_takes_pages;
	uint8_t numa_balancing;
	uint8_t demotion;
	uint8_t forced_release;
	uint32_t read_ahead_kb;
	uint32_t fault_around_bytes;
	uint32_t zswap_percent;
	uint32_t zswap_accept_percent;
	uint32_t compressed_bytes;
	uint32_t compressed_spread_permille;
	uint32_t incompressible_permille;
	uint32_t same_filled_permille;
	uint32_t page_cluster;
	uint32_t numa_scan_delay_ms;
	uint32_t numa_scan_period_min_ms;
	uint32_t numa_scan_period_max_ms;
	uint32_t numa_scan_size_mb;
	uint32_t numa_hot_threshold_ms;
	uint32_t numa_promote_rate_limit_mbps;
	uint32_t thp_orders;
	uint32_t pcp_high;
	uint32_t pcp_batch;
	uint32_t file_folio_order;
	uint8_t reparent_offline;
	uint8_t ssd_in_memory;
	uint8_t partial_reads;
	uint32_t nr_inodes;
};

/* Fill in the defaults; nodes and swaps stay empty. */
void rcl_config_init(struct rcl_config *config);

/*
 * Build a machine. *out must be freed with rcl_machine_free(). Before anything runs it needs a
 * default policy. Why a creation failed is written to `error` (of error_bytes bytes, may be NULL).
 */
int rcl_machine_create(const struct rcl_config *config, struct rcl_machine **out, char *error,
		       uint64_t error_bytes);
void rcl_machine_free(struct rcl_machine *m);

/* What the last call that failed found and expected; valid until the next call. */
const char *rcl_error(const struct rcl_machine *m);

/* Bytes that the core keeps per simulated page: folio, PTE, page cache slot, swap slot. */
uint64_t rcl_bytes_per_page(void);

/* ---- memcgs, files, tasks -------------------------------------------------------------- */

/* Limits in pages; anything of 2^28 or more means none. */
struct rcl_memcg_config {
	uint32_t parent;		/* number of the parent; the root is 0 and always exists */
	uint32_t swappiness;		/* 0-200; above 200: the parent's */
	uint64_t max_pages;
	uint64_t high_pages;		/* above it tasks reclaim and wait */
	uint64_t low_pages;
	uint64_t min_pages;
	uint64_t swap_max_pages;
	uint32_t oom_group;		/* memory.oom.group: the OOM killer takes all of its tasks or none */
};

enum rcl_memcg_knob {
	RCL_MEMCG_MAX = 0,		/* lowering it reclaims at once and kills if that is not enough */
	RCL_MEMCG_HIGH = 1,		/* lowering it reclaims at once */
	RCL_MEMCG_LOW = 2,
	RCL_MEMCG_MIN = 3,
	RCL_MEMCG_SWAP_MAX = 4,
	RCL_MEMCG_SWAPPINESS = 5,
	RCL_MEMCG_ZSWAP_MAX = 6,	/* pages of compressed memory; default none */
	RCL_MEMCG_ZSWAP_WRITEBACK = 7,	/* 0: its pages go to zswap or stay; default 1 */
	RCL_MEMCG_OOM_GROUP = 8,
	RCL_MEMCG_SWAP_HIGH = 9,	/* pages; default none */
};

struct rcl_memcg_info {
	uint32_t parent;
	uint32_t swappiness;
	uint64_t usage_pages;		/* descendants and charge stocks included, as the kernel's */
	uint64_t anon_pages;		/* resident, unevictable ones and descendants included */
	uint64_t file_pages;
	uint64_t unevictable_pages;	/* of both types, descendants included */
	uint64_t swap_pages;
	uint64_t swapcached_pages;	/* resident and in swap at once, descendants included */
	uint64_t max_pages;
	uint64_t high_pages;
	uint64_t low_pages;
	uint64_t min_pages;
	uint64_t swap_max_pages;
};

int rcl_memcg_create(struct rcl_machine *m, const struct rcl_memcg_config *config, uint32_t *memcg);
int rcl_memcg_set(struct rcl_machine *m, uint32_t memcg, uint32_t knob, uint64_t value);
int rcl_memcg_info(const struct rcl_machine *m, uint32_t memcg, struct rcl_memcg_info *out);

/* rmdir: its tasks must have exited and its children be removed. Cached pages that it paid for stay its
 * own, unprotected, until reclaim of an ancestor or a node frees them; or they are its parent's at once
 * (reparent_offline). */
int rcl_memcg_remove(struct rcl_machine *m, uint32_t memcg);

/* memory.reclaim: try to free nr_pages; swappiness 0 to 200, RCL_SWAPPINESS_ANON_ONLY, or more: each memcg's own. */
int rcl_memcg_reclaim(struct rcl_machine *m, uint32_t memcg, uint64_t nr_pages, uint32_t swappiness,
		      uint64_t *nr_reclaimed);

/* Take a reference of a page that is cached, as a file system does of its metadata: reclaim finds it out
 * and cannot free the page. For good. */
int rcl_file_hold(struct rcl_machine *m, uint32_t file, uint64_t page);

/* A file of nr_pages pages on a device (RCL_DEVICE_SSD or RCL_DEVICE_DISK). */
int rcl_file_create(struct rcl_machine *m, uint64_t nr_pages, uint32_t device, uint32_t *file);

enum rcl_mapping_flags {
	RCL_MAPPING_FILE = 1,		/* of a file; otherwise anonymous */
	RCL_MAPPING_SHARED = 2,		/* writes reach the file */
	RCL_MAPPING_EXEC = 4,
	RCL_MAPPING_SEQUENTIAL = 8,	/* madvise(MADV_SEQUENTIAL): young PTEs say nothing about tomorrow */
	RCL_MAPPING_RANDOM = 16,	/* madvise(MADV_RANDOM): the same; not both */
	RCL_MAPPING_LOCKED = 32,	/* VM_LOCKED: pages are locked as they are touched */
};

/* A VMA. A task's mappings lie end to end in its mapping space. */
struct rcl_mapping {
	uint64_t nr_pages;
	uint32_t flags;			/* enum rcl_mapping_flags */
	uint32_t file;			/* which file, where RCL_MAPPING_FILE */
	uint64_t file_page;		/* the page of it that the first page shows */
};

/* Where a task's pages come from; numbers as MPOL_* of include/uapi/linux/mempolicy.h. */
enum rcl_mempolicy {
	RCL_MEMPOLICY_DEFAULT = 0,	/* the home node, then by zonelist */
	RCL_MEMPOLICY_PREFERRED = 1,	/* the lowest node named, then by its zonelist */
	RCL_MEMPOLICY_BIND = 2,		/* the nodes named only */
	RCL_MEMPOLICY_INTERLEAVE = 3,	/* the nodes named in turn, then by zonelist */
};

struct rcl_task_config {
	uint32_t memcg;
	uint32_t nid;			/* home node */
	uint64_t ns_per_access;		/* virtual time from one record to the next */
	uint32_t nr_mappings;
	uint32_t nr_files;
	const struct rcl_mapping *mappings;	/* the mapping space, in order */
	const uint32_t *files;		/* files in the order of the file page space; one may repeat */
	uint32_t mempolicy;		/* enum rcl_mempolicy */
	uint32_t mempolicy_nodes;	/* bit per node; 0 with the default, at least one node else */
	int32_t oom_score_adj;		/* -1000, never killed, to 1000, killed first */
};

enum rcl_task_state {
	RCL_TASK_IDLE = 0,		/* ran all it was given, can be given more */
	RCL_TASK_RUNNABLE = 1,
	RCL_TASK_ENDED = 2,		/* ran its last chunk; its memory stays */
	RCL_TASK_EXITED = 3,		/* its memory is freed */
	RCL_TASK_KILLED = 4,		/* by the OOM killer */
};

struct rcl_task_info {
	uint32_t state;			/* enum rcl_task_state */
	uint32_t memcg;
	uint64_t clock_ns;		/* its virtual time */
	uint64_t nr_records;		/* records run so far */
	uint64_t nr_misses;		/* folios allocated for its records: pages that were neither
					 * mapped nor cached, and private copies */
	uint64_t nr_missed_pages;	/* pages of these folios */
	uint64_t nr_mapped_pages;	/* size of its mapping space */
	uint64_t nr_file_pages;		/* size of its file page space */
	uint64_t resident_pages;	/* present PTEs */
	uint64_t swapped_pages;		/* PTEs with a swap entry */
};

int rcl_task_create(struct rcl_machine *m, const struct rcl_task_config *config, uint32_t *task);
int rcl_task_info(const struct rcl_machine *m, uint32_t task, struct rcl_task_info *out);

/* Write oom_score_adj, with the range that the configuration has. */
int rcl_task_set_oom_score_adj(struct rcl_machine *m, uint32_t task, int32_t oom_score_adj);

/* Unmap everything and free the anonymous memory and swap of a task that is not running. */
int rcl_task_exit(struct rcl_machine *m, uint32_t task);

/*
 * Pass a processor on that tasks share, to one that waits for records: its time goes on from the other's, and what
 * the processor holds, charges in advance and batches, stays there.
 */
int rcl_task_switch(struct rcl_machine *m, uint32_t task, uint32_t next);

enum rcl_advice {
	RCL_ADVICE_NORMAL = 0,
	RCL_ADVICE_RANDOM = 1,
	RCL_ADVICE_SEQUENTIAL = 2,
	RCL_ADVICE_DONTNEED = 3,	/* drop the pages now; not for locked ones */
};

/* madvise() on pages of the mapping space of a task that is not running. */
int rcl_task_madvise(struct rcl_machine *m, uint32_t task, uint64_t first, uint64_t nr_pages, uint32_t advice);

/*
 * mlock() and munlock() on pages of the mapping space of a task that is not running. Locking also
 * brings in what is not resident, unless on_fault (mlock2(MLOCK_ONFAULT)). A task that is killed
 * for it is no error: its state says so.
 */
int rcl_task_mlock(struct rcl_machine *m, uint32_t task, uint64_t first, uint64_t nr_pages, int on_fault);
int rcl_task_munlock(struct rcl_machine *m, uint32_t task, uint64_t first, uint64_t nr_pages);

/* ---- policies -------------------------------------------------------------------------- */

enum rcl_scope {
	RCL_SCOPE_FOLIO = 0,
	RCL_SCOPE_LRUVEC = 1,
	RCL_SCOPE_MEMCG = 2,
	RCL_SCOPE_SCAN = 3,
	RCL_SCOPE_GLOBAL = 4,
};

/* Declared state of one scope: element size and its initial bytes (stride_bytes of them). */
struct rcl_state_decl {
	uint64_t stride_bytes;		/* 0: no state of this scope; a multiple of 8, or 1, 2, 4 */
	const uint8_t *initial;		/* NULL: zeros */
};

/* Maps are numbered consecutively in order of declaration; `count` of them take `count` numbers. */
struct rcl_map_decl {
	uint32_t kind;			/* enum rcl_map_kind */
	uint32_t scope;			/* RCL_SCOPE_LRUVEC, RCL_SCOPE_MEMCG or RCL_SCOPE_GLOBAL */
	uint64_t capacity;		/* max_entries, or bits of a Bloom filter */
	uint32_t count;
};

/* A compiled policy. The hooks must stay valid while attached; all else is copied. */
struct rcl_policy {
	const char *name;
	const struct rcl_ops *ops;	/* RCL_NR_HOOKS function pointers, NULL where it has none */
	struct rcl_state_decl state[5];	/* by enum rcl_scope */
	uint32_t nr_lists;		/* own lists, numbered from RCL_FIRST_POLICY_LIST */
	uint32_t nr_maps;
	const struct rcl_map_decl *maps;
	uint32_t nr_tunables;
	const uint64_t *tunables;	/* values in order of declaration */
};

enum rcl_attach_point {
	RCL_ATTACH_SYSTEM = 0,		/* every lruvec without a nearer one */
	RCL_ATTACH_NODE = 1,		/* every lruvec of the node without a memcg attachment */
	RCL_ATTACH_MEMCG = 2,		/* the memcg and its descendants, those born later included */
};

/*
 * Install the default: always present, asked wherever a policy lacks a hook, governor of what
 * nothing is attached to. Must have folio_admit, folio_added, folio_accessed, pass_begin,
 * next_batch and reclaim_folio and declare no lists of its own. Once per machine, before anything
 * else than nodes exists in memory. It is attachment 0.
 */
int rcl_set_default(struct rcl_machine *m, const struct rcl_policy *policy);

/*
 * Attach a policy; `where` is the node or memcg number, ignored for the system. Governed lruvecs
 * are those for which this is the nearest attachment; folios on their lists are adopted. Of two
 * policies at the same point the earlier one governs and the later one waits.
 */
int rcl_attach(struct rcl_machine *m, const struct rcl_policy *policy, uint32_t point,
	       uint32_t where, uint32_t *attachment);

/* Detach; the next nearest attachment or the default adopts the folios. Not for attachment 0. */
int rcl_detach(struct rcl_machine *m, uint32_t attachment);

/* Change one tunable of an attached policy; the caller has checked its range. */
int rcl_set_tunable(struct rcl_machine *m, uint32_t attachment, uint32_t tunable, uint64_t value);

/* Whether the attachment is still there: 1, or 0 once it was detached or ejected. */
int rcl_is_attached(const struct rcl_machine *m, uint32_t attachment);

enum rcl_exit_kind {
	RCL_EXIT_USER = 0,		/* detached */
	RCL_EXIT_POLICY = 1,		/* called fail() */
	RCL_EXIT_ERROR = 2,		/* answers that the core had to refuse */
	RCL_EXIT_STALL = 3,		/* ladders without progress, or run-time fuel */
};

/* Why an attachment ended. */
struct rcl_exit {
	uint32_t attachment;
	uint32_t kind;			/* enum rcl_exit_kind */
	int32_t hook;			/* enum rcl_hook in which it happened, -1 for none */
	uint32_t fail_message;		/* number of the fail() message, from 0; only for POLICY */
	uint64_t time_ns;		/* virtual time of the reclaimer or task that was running */
	char policy[64];		/* its name */
	char text[128];			/* the reason in words */
};

/* Exit records, oldest first; all attachments of a machine leave at most one each. */
uint64_t rcl_nr_exits(const struct rcl_machine *m);
int rcl_exit_record(const struct rcl_machine *m, uint64_t index, struct rcl_exit *out);
/* The attachment's counters at its end, RCL_NR_COUNTERS of them; all but core_did ones are 0. */
int rcl_exit_counters(const struct rcl_machine *m, uint64_t index, uint64_t *out);

/* ---- running --------------------------------------------------------------------------- */

/*
 * Give a task records to run: bit 31 write, bit 30 through a file descriptor (page number in the
 * file page space), bit 29 instruction fetch, bits 0-28 page number. The array is not copied and
 * must stay until the task has run it. Fails with RCL_BAD_TRACE, and *bad_record set, where a
 * page number lies outside the task's spaces; then nothing was taken. `is_last`: nothing follows.
 */
int rcl_task_feed(struct rcl_machine *m, uint32_t task, const uint32_t *records,
		  uint64_t nr_records, int is_last, uint64_t *bad_record);

struct rcl_run_control {
	volatile int *interrupt;	/* polled; non-zero stops the run; may be NULL */
	int (*progress)(void *user, uint64_t nr_records);	/* may be NULL; records so far over
					 * all tasks and runs; a non-zero answer stops the run */
	void *user;
	uint64_t progress_records;	/* how often; 0: every 2^20 records */
	uint64_t pause_ns;		/* return once the task whose turn it is gets there; 0: never */
	int32_t dry_task;		/* out: the task that needs records, -1: none does */
	int32_t is_paused;		/* out: it returned for pause_ns, calling again goes on */
};

/*
 * Run the runnable task with the smallest clock, again and again, until one has run all that it
 * was given and more may follow (dry_task), or nothing is runnable.
 */
int rcl_run(struct rcl_machine *m, struct rcl_run_control *control);

/* ---- results --------------------------------------------------------------------------- */

enum rcl_counter_scope {
	RCL_COUNT_MACHINE = 0,
	RCL_COUNT_NODE = 1,
	RCL_COUNT_MEMCG = 2,		/* descendants included */
	RCL_COUNT_MEMCG_LOCAL = 3,
	RCL_COUNT_ATTACHMENT = 4,	/* core_did counters only, others 0 */
};

/* Copy RCL_NR_COUNTERS counters, in the order of enum rcl_counter; take differences for phases. */
int rcl_counters(const struct rcl_machine *m, uint32_t scope, uint32_t id, uint64_t *out);

/* The same of every lruvec: RCL_NR_COUNTERS counters for each, in the order of their numbers. */
int rcl_all_counters(const struct rcl_machine *m, uint64_t *out);

/* Pages in each state right now: RCL_NR_LEVELS levels (enum rcl_level) for every lruvec. Looks at
 * every folio in use. */
int rcl_levels(const struct rcl_machine *m, uint64_t *out);

/* Pages that claim each list, by type: RCL_MAX_LISTS pairs of anon and file for every lruvec. Looks at
 * every folio in use. */
int rcl_list_sizes(const struct rcl_machine *m, uint64_t *out);

enum rcl_stall_kind {
	RCL_STALL_RECLAIM = 0,		/* a task's time in direct and limit reclaim, per entry, and
					 * what it waits above memory.high */
	RCL_STALL_IO = 1,		/* a task's time waiting for a page from swap or disk */
};

struct rcl_stalls {
	uint64_t nr;
	uint64_t total_ns;
	uint64_t p50_ns;		/* quantiles: upper bounds, at most 1/16 too large */
	uint64_t p99_ns;
	uint64_t p999_ns;
	uint64_t max_ns;		/* exact */
};

/* Stalls of one task, or of all for task = -1. */
int rcl_stalls(const struct rcl_machine *m, int32_t task, uint32_t kind, struct rcl_stalls *out);

/* Memory pressure as running totals; shares are differences over differences. */
struct rcl_psi {
	uint64_t some_ns;		/* at least one task stalled on memory */
	uint64_t full_ns;		/* no task went on while one stalled */
	uint64_t elapsed_ns;		/* the latest clock of any task */
};

int rcl_psi(struct rcl_machine *m, struct rcl_psi *out);

enum rcl_pressure_resource {
	RCL_PRESSURE_MEMORY = 0,	/* reclaim, and waits for pages that were there before */
	RCL_PRESSURE_IO = 1,		/* waits for swap and files */
};

/* memory.pressure or io.pressure of a memcg and its descendants; the root's is the machine's. */
struct rcl_pressure {
	uint64_t some_ns;		/* total= */
	uint64_t full_ns;
	uint64_t some_avg[3];		/* avg10, avg60 and avg300 in percent, times 2048 */
	uint64_t full_avg[3];
};

int rcl_pressure(struct rcl_machine *m, uint32_t memcg, uint32_t resource, struct rcl_pressure *out);

struct rcl_node_info {
	uint64_t nr_pages;
	uint64_t nr_free_pages;
	uint64_t min_wmark;
	uint64_t low_wmark;
	uint64_t high_wmark;
	uint64_t kswapd_ns;		/* CPU time that kswapd spent */
	uint8_t tier;
	uint8_t kswapd_is_hopeless;
};

/*
 * Raise a node's watermarks by a page block and wake its kswapd, as the kernel does when an
 * allocation takes a block of other mobility (boost_watermark()). Nodes below four blocks stay.
 */
int rcl_node_boost(struct rcl_machine *m, uint32_t nid);

int rcl_node_info(const struct rcl_machine *m, uint32_t nid, struct rcl_node_info *out);

/* Slots and free slots over all swap devices. */
void rcl_swap_info(const struct rcl_machine *m, uint64_t *nr_pages, uint64_t *nr_free);

/* ---- tracing --------------------------------------------------------------------------- */

enum rcl_trace_source {			/* who was running; below these, the task of that number */
	RCL_TRACE_FROM_KSWAPD = 0x8000,	/* and the node's number */
	RCL_TRACE_FROM_FLUSHER = 0xc000,
	RCL_TRACE_FROM_OUTSIDE = 0xffff,	/* a call of this interface */
};

#define RCL_TRACE_NO_MEMCG 0xffffffff
#define RCL_MAX_TRACE_RECORDS 67108864	/* 2^26: 8 GiB */

struct rcl_trace_record {
	uint64_t time_ns;		/* virtual, by the clock of who was running */
	uint16_t event;			/* enum rcl_tracepoint */
	uint16_t source;		/* a task's number or enum rcl_trace_source */
	uint32_t memcg;			/* which it is about, RCL_TRACE_NO_MEMCG for none */
	uint64_t fields[14];		/* in the order of the event's own struct */
};

/* Record the events whose bits are set (bit n: enum rcl_tracepoint n) from now on, into a new ring
 * of nr_records records; what the old one held is gone. No bit set: stop, the ring can be read. */
int rcl_trace_start(struct rcl_machine *m, uint64_t events, uint64_t nr_records);

/* Take the oldest records out, at most `capacity`; *nr = how many. out NULL: only say how many there
 * are. *nr_lost = records that the ring had no room for, since its start. */
int rcl_trace_read(struct rcl_machine *m, struct rcl_trace_record *out, uint64_t capacity, uint64_t *nr,
		   uint64_t *nr_lost);

/* ---- looking inside -------------------------------------------------------------------- */

enum rcl_transit {
	RCL_TRANSIT_FREE = 0,
	RCL_TRANSIT_NONE = 1,		/* on a list */
	RCL_TRANSIT_CANDIDATE = 2,	/* being looked at by isolate_folio or deactivate_folio */
	RCL_TRANSIT_ISOLATED = 3,
	RCL_TRANSIT_ADD_BATCH = 4,
	RCL_TRANSIT_POOL = 6,		/* no folio: a page of a pool of compressed pages */
	RCL_TRANSIT_ENTERING = 5,	/* allocated and charged, not yet added */
	RCL_TRANSIT_UNEVICTABLE = 7,	/* on the unevictable list, outside of reclaim */
	RCL_TRANSIT_TAIL = 8,		/* no folio: a further page of one */
	RCL_TRANSIT_SLAB = 9,		/* no folio: a page of a slab */
};

struct rcl_folio_info {
	uint32_t pfn;
	uint32_t flags;			/* RCL_FOLIO_IS_... */
	uint64_t key;
	uint32_t memcg;
	uint8_t type;
	uint8_t nid;
	uint8_t list;			/* the list that it claims */
	uint8_t physical_list;		/* the list that it is linked into */
	uint8_t transit;		/* enum rcl_transit */
	uint8_t order;			/* it has 2^order pages */
	uint32_t nr_mappings;		/* PTEs that map it */
};

struct rcl_lruvec_info {
	uint32_t id;
	uint32_t memcg;
	uint32_t nid;
	uint32_t attachment;		/* who governs it */
	uint32_t nr_lists;		/* list numbers end below this */
	uint64_t nr_anon_pages;
	uint64_t nr_file_pages;
	uint64_t clock;
};

/* The key of a page's contents, as folio.key: file and page, or task and page. */
uint64_t rcl_file_key(uint32_t file, uint64_t page);
uint64_t rcl_anon_key(uint32_t task, uint64_t page);

int rcl_lruvec_of(const struct rcl_machine *m, uint32_t memcg, uint32_t nid, uint32_t *lruvec);
int rcl_lruvec_info(const struct rcl_machine *m, uint32_t lruvec, struct rcl_lruvec_info *out);
/* Whether a list counts as active: 1 or 0. */
int rcl_list_is_active(const struct rcl_machine *m, uint32_t lruvec, uint32_t list, int *is_active);
/* Pages that claim a list. */
int rcl_list_pages(const struct rcl_machine *m, uint32_t lruvec, uint32_t list, uint64_t *nr_pages);
/* Page frame numbers on a list, tail (oldest) first; at most `capacity`, *nr = how many there are. */
int rcl_list_folios(const struct rcl_machine *m, uint32_t lruvec, uint32_t list, uint32_t *pfns,
		    uint64_t capacity, uint64_t *nr);
/* The folio that a page frame belongs to; out->pfn is its first. */
int rcl_folio_info(const struct rcl_machine *m, uint32_t pfn, struct rcl_folio_info *out);
/* The folio that holds a page of a file; *pfn = UINT32_MAX where it is not cached. */
int rcl_file_folio(const struct rcl_machine *m, uint32_t file, uint64_t page, uint32_t *pfn);
/* Raw PTEs: bit 0 present, 1 accessed, 2 dirty, 3 swap entry (write-protected if present), 4-31 pfn or slot;
 * neither 0 nor present nor a swap entry: mapped, and made to fault by NUMA balancing. */
int rcl_task_ptes(const struct rcl_machine *m, uint32_t task, uint64_t first, uint64_t nr,
		  uint32_t *out);
/* Bytes of a policy's state: `element` is pfn, lruvec number, memcg number or slot by scope. */
int rcl_state_bytes(const struct rcl_machine *m, uint32_t attachment, uint32_t scope,
		    uint64_t element, uint8_t *out, uint64_t nr_bytes);
/* Look a key up without touching its age; `map` counts from 0, `instance` as its scope says. */
int rcl_map_look(const struct rcl_machine *m, uint32_t attachment, uint32_t map, uint32_t instance,
		 uint64_t key, uint64_t *value, int *present);
/* Number of entries (set bits of a Bloom filter). */
int rcl_map_size(const struct rcl_machine *m, uint32_t attachment, uint32_t map, uint32_t instance,
		 uint64_t *nr);

/*
 * Check the core's own consistency: list counts and links, claims, charges along ancestors, free
 * lists, one folio on one list or in transit, rmap against PTEs, swap slots, page cache slots.
 * What is broken is written to `message` (of message_bytes bytes).
 */
int rcl_check(const struct rcl_machine *m, char *message, uint64_t message_bytes);

/*
 * Belady's optimum: the fewest misses that any policy could have on these records with room for
 * capacity_pages pages. Records are compared by their bits 0-28 and 30. Needs 16 bytes per record.
 */
int rcl_belady(const uint32_t *records, uint64_t nr_records, uint64_t capacity_pages,
	       volatile int *interrupt, uint64_t *nr_misses);

/* cdef: end */

#endif
