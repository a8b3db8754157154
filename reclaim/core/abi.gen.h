/* Generated from reclaim/abi by `python -m reclaim.abi.cheader`; edit the tables instead. */

#ifndef RCL_ABI_GEN_H
#define RCL_ABI_GEN_H

#include <stddef.h>
#include <stdint.h>

#define RCL_ABI_VERSION 1
#define RCL_FIRST_STANDARD_LIST 1
#define RCL_FIRST_POLICY_LIST 6
#define RCL_MAX_LISTS 192
#define RCL_MAX_BATCH 4096
#define RCL_MAX_TAKE 512
#define RCL_MAX_PSI_WINDOW_US 10000000
#define RCL_MAX_REFERENCED 65535
#define RCL_MAX_TASKS 1024
#define RCL_MAX_MEMCGS 4096
#define RCL_MAX_NODES 16
#define RCL_MAX_DEPTH 16
#define RCL_COOKIE_BITS 18
#define RCL_CLOCK_BITS 24
#define RCL_EPOCH_BITS 4
#define RCL_ANON 0
#define RCL_FILE 1
#define RCL_MAX_PAGES 268435456
#define RCL_PAGE_BYTES 4096
#define RCL_MAX_SWAPPINESS 200
#define RCL_SWAPPINESS_ANON_ONLY 201

enum rcl_added {
	RCL_ADDED_ANON_FAULT = 0,
	RCL_ADDED_FILE_FAULT = 1,
	RCL_ADDED_BUFFERED = 2,
	RCL_ADDED_READAHEAD = 3,
	RCL_ADDED_SWAP_IN = 4,
	RCL_ADDED_MIGRATED = 5,
	RCL_ADDED_ADOPTED = 6,
	RCL_ADDED_RESCUED = 7,
	RCL_ADDED_WRITTEN = 8,
};
enum rcl_migrated {
	RCL_MIGRATED_DEMOTED = 0,
	RCL_MIGRATED_PROMOTED = 1,
};
enum rcl_removal {
	RCL_REMOVAL_FREED = 0,
	RCL_REMOVAL_MOVED = 1,
};
enum rcl_access {
	RCL_ACCESS_READ = 0,
	RCL_ACCESS_WRITE = 1,
	RCL_ACCESS_UNMAP_YOUNG = 2,
	RCL_ACCESS_FIRST_READ = 3,
};
enum rcl_where {
	RCL_WHERE_WALK = 0,
	RCL_WHERE_LOOK_AROUND = 1,
	RCL_WHERE_DRAIN = 2,
};
enum rcl_outcome {
	RCL_OUTCOME_KEPT = 0,
	RCL_OUTCOME_LOCKED = 1,
	RCL_OUTCOME_DIRTY = 2,
	RCL_OUTCOME_WRITEBACK = 3,
	RCL_OUTCOME_MAPPED = 4,
	RCL_OUTCOME_SWAP_FULL = 5,
	RCL_OUTCOME_REMOVAL_FAILED = 6,
	RCL_OUTCOME_ACTIVE = 7,
};
enum rcl_origin {
	RCL_ORIGIN_KSWAPD = 0,
	RCL_ORIGIN_DIRECT = 1,
	RCL_ORIGIN_MEMCG_LIMIT = 2,
	RCL_ORIGIN_PROACTIVE = 3,
	RCL_ORIGIN_MEMCG_HIGH = 4,
};
enum rcl_batch_kind {
	RCL_BATCH_KIND_FIRST = 0,
	RCL_BATCH_KIND_RECLAIMED = 1,
	RCL_BATCH_KIND_DEACTIVATED = 2,
	RCL_BATCH_KIND_AGED = 3,
};
enum rcl_visited {
	RCL_VISITED_SKIPPED = 0,
	RCL_VISITED_SCANNED = 1,
};
enum rcl_walk {
	RCL_WALK_DONE = 0,
	RCL_WALK_MORE = 1,
	RCL_WALK_NONE = 2,
};

enum rcl_standard_list {
	RCL_STANDARD_LIST_INACTIVE_ANON = 1,
	RCL_STANDARD_LIST_ACTIVE_ANON = 2,
	RCL_STANDARD_LIST_INACTIVE_FILE = 3,
	RCL_STANDARD_LIST_ACTIVE_FILE = 4,
	RCL_STANDARD_LIST_UNEVICTABLE = 5,
};

enum rcl_place {
	RCL_PLACE_HEAD = 1,
	RCL_PLACE_TAIL = 2,
	RCL_PLACE_RETRY = 3,
};

enum rcl_verdict {
	RCL_VERDICT_ROTATE = 0,
	RCL_VERDICT_RECLAIM = 1,
	RCL_VERDICT_RECLAIM_CLEAN = 2,
	RCL_VERDICT_MOVE = 3,
	RCL_VERDICT_DEMOTE_TO = 4,
};

enum rcl_target {
	RCL_TARGET_DEMOTE_TO = 4,
	RCL_TARGET_NOWHERE = 0,
};

enum rcl_promotion {
	RCL_PROMOTION_STAY = 0,
	RCL_PROMOTION_PROMOTE = 1,
};

enum rcl_isolation {
	RCL_ISOLATION_MOVE = 3,
	RCL_ISOLATION_SKIP = 0,
	RCL_ISOLATION_TAKE = 1,
};

enum rcl_batch {
	RCL_BATCH_STOP = 0,
	RCL_BATCH_BATCH = 1,
	RCL_BATCH_DEACTIVATE = 2,
	RCL_BATCH_LOWEST = 6,
	RCL_BATCH_AGE = 3,
	RCL_BATCH_QUIT = 4,
};

enum rcl_visit {
	RCL_VISIT_SKIP = 0,
	RCL_VISIT_QUIT = 4,
	RCL_VISIT_SCAN = 1,
};

enum rcl_rotation {
	RCL_ROTATION_KEEP = 0,
	RCL_ROTATION_HEAD = 1,
	RCL_ROTATION_TAIL = 2,
	RCL_ROTATION_OLD = 3,
	RCL_ROTATION_YOUNG = 4,
};

enum rcl_aging {
	RCL_AGING_DEACTIVATE = 2,
	RCL_AGING_OLD_ENOUGH = 0,
	RCL_AGING_TOO_YOUNG = 5,
};

enum rcl_trigger {
	RCL_TRIGGER_NEVER = 0,
	RCL_TRIGGER_SOME_STALL = 1,
	RCL_TRIGGER_FULL_STALL = 2,
};

enum rcl_map_kind {
	RCL_MAP_KIND_ARRAY_MAP = 0,
	RCL_MAP_KIND_HASH_MAP = 1,
	RCL_MAP_KIND_LRU_HASH = 2,
	RCL_MAP_KIND_HASH_SET = 3,
	RCL_MAP_KIND_LRU_SET = 4,
	RCL_MAP_KIND_BLOOM_FILTER = 5,
};

#define RCL_ANSWER_LIST_SHIFT 8
#define RCL_MOVE_PLACE_SHIFT 8
#define RCL_DEMOTE_TO_NID_SHIFT 8
#define RCL_BATCH_NR_SHIFT 16
#define RCL_BATCH_SCAN_SHIFT 32
#define RCL_DEACTIVATE_NR_SHIFT 16
#define RCL_LOWEST_NR_SHIFT 16
#define RCL_LOWEST_OF_SHIFT 32
#define RCL_SOME_STALL_US_SHIFT 8
#define RCL_SOME_STALL_WINDOW_SHIFT 32
#define RCL_FULL_STALL_US_SHIFT 8
#define RCL_FULL_STALL_WINDOW_SHIFT 32

struct rcl_folio;
struct rcl_lruvec;
struct rcl_memcg;
struct rcl_node;
struct rcl_scan_control;
struct rcl_batch_result;
struct rcl_shadow;

/* A unit of memory that reclaim moves as a whole. */
struct rcl_folio {
	uint32_t pfn;
	uint32_t flags;
	uint8_t order;
	uint8_t type;
	uint8_t nid;
	uint8_t list;
	uint16_t nr_pages;
	uint64_t key;
	struct rcl_memcg *memcg;
};
#define RCL_FOLIO_IS_REFERENCED (UINT32_C(1) << 0)
#define RCL_FOLIO_IS_ACTIVE (UINT32_C(1) << 1)
#define RCL_FOLIO_IS_WORKINGSET (UINT32_C(1) << 2)
#define RCL_FOLIO_IS_DIRTY (UINT32_C(1) << 3)
#define RCL_FOLIO_IS_WRITEBACK (UINT32_C(1) << 4)
#define RCL_FOLIO_IS_EXECUTABLE (UINT32_C(1) << 5)
#define RCL_FOLIO_IS_SWAP_BACKED (UINT32_C(1) << 6)
#define RCL_FOLIO_IS_MAPPED (UINT32_C(1) << 7)
#define RCL_FOLIO_IN_FAULT (UINT32_C(1) << 8)
#define RCL_FOLIO_IS_ISOLATED (UINT32_C(1) << 9)
_Static_assert(offsetof(struct rcl_folio, pfn) == 0, "pfn");
_Static_assert(offsetof(struct rcl_folio, flags) == 4, "is_referenced");
_Static_assert(offsetof(struct rcl_folio, flags) == 4, "is_active");
_Static_assert(offsetof(struct rcl_folio, flags) == 4, "is_workingset");
_Static_assert(offsetof(struct rcl_folio, flags) == 4, "is_dirty");
_Static_assert(offsetof(struct rcl_folio, flags) == 4, "is_writeback");
_Static_assert(offsetof(struct rcl_folio, flags) == 4, "is_executable");
_Static_assert(offsetof(struct rcl_folio, flags) == 4, "is_swap_backed");
_Static_assert(offsetof(struct rcl_folio, flags) == 4, "is_mapped");
_Static_assert(offsetof(struct rcl_folio, flags) == 4, "in_fault");
_Static_assert(offsetof(struct rcl_folio, flags) == 4, "is_isolated");
_Static_assert(offsetof(struct rcl_folio, order) == 8, "order");
_Static_assert(offsetof(struct rcl_folio, type) == 9, "type");
_Static_assert(offsetof(struct rcl_folio, nid) == 10, "nid");
_Static_assert(offsetof(struct rcl_folio, list) == 11, "list");
_Static_assert(offsetof(struct rcl_folio, nr_pages) == 12, "nr_pages");
_Static_assert(offsetof(struct rcl_folio, key) == 16, "key");
_Static_assert(offsetof(struct rcl_folio, memcg) == 24, "memcg");

/* The lists of one memcg on one node. */
struct rcl_lruvec {
	uint32_t id;
	uint8_t nid;
	uint64_t nr_pages;
	uint64_t nr_anon_pages;
	uint64_t nr_file_pages;
	uint64_t clock;
	struct rcl_memcg *memcg;
	struct rcl_node *node;
	struct rcl_lruvec *parent;
	uint8_t is_at_tail;
	uint64_t *list_pages;
};
_Static_assert(offsetof(struct rcl_lruvec, id) == 0, "id");
_Static_assert(offsetof(struct rcl_lruvec, nid) == 4, "nid");
_Static_assert(offsetof(struct rcl_lruvec, nr_pages) == 8, "nr_pages");
_Static_assert(offsetof(struct rcl_lruvec, nr_anon_pages) == 16, "nr_anon_pages");
_Static_assert(offsetof(struct rcl_lruvec, nr_file_pages) == 24, "nr_file_pages");
_Static_assert(offsetof(struct rcl_lruvec, clock) == 32, "clock");
_Static_assert(offsetof(struct rcl_lruvec, memcg) == 40, "memcg");
_Static_assert(offsetof(struct rcl_lruvec, node) == 48, "node");
_Static_assert(offsetof(struct rcl_lruvec, parent) == 56, "parent");
_Static_assert(offsetof(struct rcl_lruvec, is_at_tail) == 64, "is_at_tail");
_Static_assert(offsetof(struct rcl_lruvec, list_pages) == 72, "list_pages");

/* A memory control group. */
struct rcl_memcg {
	uint32_t id;
	uint32_t swappiness;
	uint64_t usage;
	uint64_t max;
	uint64_t high;
	uint64_t low;
	uint64_t min;
	uint64_t effective_low;
	uint64_t effective_min;
	uint64_t swap_usage;
	uint64_t swap_max;
	uint8_t is_online;
	struct rcl_memcg *parent;
};
_Static_assert(offsetof(struct rcl_memcg, id) == 0, "id");
_Static_assert(offsetof(struct rcl_memcg, swappiness) == 4, "swappiness");
_Static_assert(offsetof(struct rcl_memcg, usage) == 8, "usage");
_Static_assert(offsetof(struct rcl_memcg, max) == 16, "max");
_Static_assert(offsetof(struct rcl_memcg, high) == 24, "high");
_Static_assert(offsetof(struct rcl_memcg, low) == 32, "low");
_Static_assert(offsetof(struct rcl_memcg, min) == 40, "min");
_Static_assert(offsetof(struct rcl_memcg, effective_low) == 48, "effective_low");
_Static_assert(offsetof(struct rcl_memcg, effective_min) == 56, "effective_min");
_Static_assert(offsetof(struct rcl_memcg, swap_usage) == 64, "swap_usage");
_Static_assert(offsetof(struct rcl_memcg, swap_max) == 72, "swap_max");
_Static_assert(offsetof(struct rcl_memcg, is_online) == 80, "is_online");
_Static_assert(offsetof(struct rcl_memcg, parent) == 88, "parent");

/* A NUMA node. */
struct rcl_node {
	uint8_t nid;
	uint8_t tier;
	uint64_t nr_pages;
	uint64_t nr_free_pages;
	uint64_t min_wmark;
	uint64_t low_wmark;
	uint64_t high_wmark;
	uint64_t promo_wmark;
	uint8_t is_promotion_target;
};
_Static_assert(offsetof(struct rcl_node, nid) == 0, "nid");
_Static_assert(offsetof(struct rcl_node, tier) == 1, "tier");
_Static_assert(offsetof(struct rcl_node, nr_pages) == 8, "nr_pages");
_Static_assert(offsetof(struct rcl_node, nr_free_pages) == 16, "nr_free_pages");
_Static_assert(offsetof(struct rcl_node, min_wmark) == 24, "min_wmark");
_Static_assert(offsetof(struct rcl_node, low_wmark) == 32, "low_wmark");
_Static_assert(offsetof(struct rcl_node, high_wmark) == 40, "high_wmark");
_Static_assert(offsetof(struct rcl_node, promo_wmark) == 48, "promo_wmark");
_Static_assert(offsetof(struct rcl_node, is_promotion_target) == 56, "is_promotion_target");

/* What one reclaim wants, may do and has done so far. */
struct rcl_scan_control {
	uint64_t nr_to_reclaim;
	uint64_t nr_scanned;
	uint64_t nr_reclaimed;
	uint64_t nr_freed;
	uint8_t priority;
	uint8_t swappiness;
	uint8_t origin;
	uint8_t may_swap;
	uint8_t may_demote;
	uint8_t may_writepage;
	uint8_t may_unmap;
	uint8_t force_deactivate;
	uint8_t skipped_deactivate;
	uint8_t can_age_anon;
	uint8_t low_reclaim;
	uint8_t low_skipped;
	uint8_t cache_trim_mode;
	uint8_t no_cache_trim_mode;
	uint8_t is_retry;
	struct rcl_memcg *target;
	uint8_t is_root_reclaim;
	uint32_t slot;
};
_Static_assert(offsetof(struct rcl_scan_control, nr_to_reclaim) == 0, "nr_to_reclaim");
_Static_assert(offsetof(struct rcl_scan_control, nr_scanned) == 8, "nr_scanned");
_Static_assert(offsetof(struct rcl_scan_control, nr_reclaimed) == 16, "nr_reclaimed");
_Static_assert(offsetof(struct rcl_scan_control, nr_freed) == 24, "nr_freed");
_Static_assert(offsetof(struct rcl_scan_control, priority) == 32, "priority");
_Static_assert(offsetof(struct rcl_scan_control, swappiness) == 33, "swappiness");
_Static_assert(offsetof(struct rcl_scan_control, origin) == 34, "origin");
_Static_assert(offsetof(struct rcl_scan_control, may_swap) == 35, "may_swap");
_Static_assert(offsetof(struct rcl_scan_control, may_demote) == 36, "may_demote");
_Static_assert(offsetof(struct rcl_scan_control, may_writepage) == 37, "may_writepage");
_Static_assert(offsetof(struct rcl_scan_control, may_unmap) == 38, "may_unmap");
_Static_assert(offsetof(struct rcl_scan_control, force_deactivate) == 39, "force_deactivate");
_Static_assert(offsetof(struct rcl_scan_control, skipped_deactivate) == 40, "skipped_deactivate");
_Static_assert(offsetof(struct rcl_scan_control, can_age_anon) == 41, "can_age_anon");
_Static_assert(offsetof(struct rcl_scan_control, low_reclaim) == 42, "low_reclaim");
_Static_assert(offsetof(struct rcl_scan_control, low_skipped) == 43, "low_skipped");
_Static_assert(offsetof(struct rcl_scan_control, cache_trim_mode) == 44, "cache_trim_mode");
_Static_assert(offsetof(struct rcl_scan_control, no_cache_trim_mode) == 45, "no_cache_trim_mode");
_Static_assert(offsetof(struct rcl_scan_control, is_retry) == 46, "is_retry");
_Static_assert(offsetof(struct rcl_scan_control, target) == 48, "target");
_Static_assert(offsetof(struct rcl_scan_control, is_root_reclaim) == 56, "is_root_reclaim");
_Static_assert(offsetof(struct rcl_scan_control, slot) == 60, "slot");

/* What became of a batch. */
struct rcl_batch_result {
	uint8_t kind;
	uint8_t list;
	uint64_t nr_scanned;
	uint64_t nr_taken;
	uint64_t nr_skipped;
	uint64_t nr_moved;
	uint64_t nr_reclaimed;
	uint64_t nr_demoted;
	uint64_t nr_activated;
	uint64_t nr_rotated;
	uint64_t nr_dirty;
	uint64_t nr_io;
	uint64_t nr_unqueued_dirty;
	uint64_t nr_congested;
	uint64_t nr_writeback;
	uint64_t nr_immediate;
};
_Static_assert(offsetof(struct rcl_batch_result, kind) == 0, "kind");
_Static_assert(offsetof(struct rcl_batch_result, list) == 1, "list");
_Static_assert(offsetof(struct rcl_batch_result, nr_scanned) == 8, "nr_scanned");
_Static_assert(offsetof(struct rcl_batch_result, nr_taken) == 16, "nr_taken");
_Static_assert(offsetof(struct rcl_batch_result, nr_skipped) == 24, "nr_skipped");
_Static_assert(offsetof(struct rcl_batch_result, nr_moved) == 32, "nr_moved");
_Static_assert(offsetof(struct rcl_batch_result, nr_reclaimed) == 40, "nr_reclaimed");
_Static_assert(offsetof(struct rcl_batch_result, nr_demoted) == 48, "nr_demoted");
_Static_assert(offsetof(struct rcl_batch_result, nr_activated) == 56, "nr_activated");
_Static_assert(offsetof(struct rcl_batch_result, nr_rotated) == 64, "nr_rotated");
_Static_assert(offsetof(struct rcl_batch_result, nr_dirty) == 72, "nr_dirty");
_Static_assert(offsetof(struct rcl_batch_result, nr_io) == 80, "nr_io");
_Static_assert(offsetof(struct rcl_batch_result, nr_unqueued_dirty) == 88, "nr_unqueued_dirty");
_Static_assert(offsetof(struct rcl_batch_result, nr_congested) == 96, "nr_congested");
_Static_assert(offsetof(struct rcl_batch_result, nr_writeback) == 104, "nr_writeback");
_Static_assert(offsetof(struct rcl_batch_result, nr_immediate) == 112, "nr_immediate");

/* What is left of an evicted folio. */
struct rcl_shadow {
	uint64_t distance;
	uint32_t cookie;
	uint8_t is_own;
	uint8_t is_workingset;
	uint8_t is_same_lruvec;
	struct rcl_lruvec *lruvec;
};
_Static_assert(offsetof(struct rcl_shadow, distance) == 0, "distance");
_Static_assert(offsetof(struct rcl_shadow, cookie) == 8, "cookie");
_Static_assert(offsetof(struct rcl_shadow, is_own) == 12, "is_own");
_Static_assert(offsetof(struct rcl_shadow, is_workingset) == 13, "is_workingset");
_Static_assert(offsetof(struct rcl_shadow, is_same_lruvec) == 14, "is_same_lruvec");
_Static_assert(offsetof(struct rcl_shadow, lruvec) == 16, "lruvec");

/* What a hook finds its own state by. */
struct rcl_ctx {
	uint8_t *folio_state;
	uint8_t *lruvec_state;
	uint8_t *memcg_state;
	uint8_t *scan_state;
	uint8_t *global_state;
	uint64_t *tunables;
	uint64_t failed;
};

struct rcl_optional {
	uint64_t value;
	uint64_t present;
};

enum rcl_hook {
	RCL_HOOK_INIT,
	RCL_HOOK_EXIT,
	RCL_HOOK_TICK,
	RCL_HOOK_PRESSURE,
	RCL_HOOK_FOLIO_INCOMING,
	RCL_HOOK_FOLIO_ADMIT,
	RCL_HOOK_FOLIO_ADDED,
	RCL_HOOK_FOLIO_ACCESSED,
	RCL_HOOK_PTE_YOUNG,
	RCL_HOOK_PREPARE_SCAN,
	RCL_HOOK_RECLAIM_END,
	RCL_HOOK_PASS_BEGIN,
	RCL_HOOK_AGE,
	RCL_HOOK_NEXT_BATCH,
	RCL_HOOK_ISOLATE_FOLIO,
	RCL_HOOK_SCORE_FOLIO,
	RCL_HOOK_BATCH_ISOLATED,
	RCL_HOOK_DEACTIVATE_FOLIO,
	RCL_HOOK_RECLAIM_FOLIO,
	RCL_HOOK_FOLIO_PUTBACK,
	RCL_HOOK_BATCH_DONE,
	RCL_HOOK_DEMOTION_TARGET,
	RCL_HOOK_PROMOTE,
	RCL_HOOK_FOLIO_MOVED,
	RCL_HOOK_FOLIO_REPARENTED,
	RCL_HOOK_FOLIO_REMOVED,
	RCL_HOOK_MEMCG_SCAN,
	RCL_HOOK_MEMCG_DONE,
	RCL_HOOK_NODE_AGE,
	RCL_HOOK_HIGH_DELAY,
	RCL_HOOK_FOLIO_EVICTED,
	RCL_NR_HOOKS,
};

/* One pointer per hook; NULL where the policy has none. */
struct rcl_ops {
	void (*init)(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec);
	void (*exit)(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec);
	uint64_t (*tick)(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec);
	uint64_t (*pressure)(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, uint64_t stall);
	void (*folio_incoming)(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, uint64_t key, struct rcl_shadow *shadow, uint64_t reason);
	void (*folio_admit)(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_folio *folio, struct rcl_shadow *shadow, uint64_t reason);
	uint64_t (*folio_added)(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_folio *folio, uint64_t reason);
	uint64_t (*folio_accessed)(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_folio *folio, uint64_t how);
	uint64_t (*pte_young)(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_folio *folio, uint64_t where);
	void (*prepare_scan)(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_scan_control *sc);
	void (*reclaim_end)(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_scan_control *sc);
	void (*pass_begin)(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_scan_control *sc);
	void (*age)(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_scan_control *sc);
	uint64_t (*next_batch)(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_scan_control *sc, struct rcl_batch_result *last);
	uint64_t (*isolate_folio)(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_folio *folio, struct rcl_scan_control *sc);
	int64_t (*score_folio)(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_folio *folio, struct rcl_scan_control *sc);
	void (*batch_isolated)(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_scan_control *sc, struct rcl_batch_result *result);
	uint64_t (*deactivate_folio)(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_folio *folio, struct rcl_scan_control *sc);
	uint64_t (*reclaim_folio)(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_folio *folio, struct rcl_scan_control *sc);
	uint64_t (*folio_putback)(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_folio *folio, uint64_t outcome, struct rcl_scan_control *sc);
	void (*batch_done)(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_scan_control *sc, struct rcl_batch_result *result);
	uint64_t (*demotion_target)(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_folio *folio, uint64_t nodes, uint64_t nearest);
	uint64_t (*promote)(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_folio *folio, uint64_t nid, uint64_t latency);
	void (*folio_moved)(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_folio *old, struct rcl_folio *folio, uint64_t why);
	uint64_t (*folio_reparented)(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_lruvec *old, struct rcl_folio *folio);
	void (*folio_removed)(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_folio *folio, uint64_t why);
	uint64_t (*memcg_scan)(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_scan_control *sc);
	uint64_t (*memcg_done)(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_scan_control *sc, uint64_t visited);
	uint64_t (*node_age)(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_scan_control *sc);
	uint64_t (*high_delay)(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, uint64_t overage, uint64_t nr_pages);
	uint64_t (*folio_evicted)(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, struct rcl_folio *folio);
};

#define RCL_HOOK_NAMES { \
	"init", \
	"exit", \
	"tick", \
	"pressure", \
	"folio_incoming", \
	"folio_admit", \
	"folio_added", \
	"folio_accessed", \
	"pte_young", \
	"prepare_scan", \
	"reclaim_end", \
	"pass_begin", \
	"age", \
	"next_batch", \
	"isolate_folio", \
	"score_folio", \
	"batch_isolated", \
	"deactivate_folio", \
	"reclaim_folio", \
	"folio_putback", \
	"batch_done", \
	"demotion_target", \
	"promote", \
	"folio_moved", \
	"folio_reparented", \
	"folio_removed", \
	"memcg_scan", \
	"memcg_done", \
	"node_age", \
	"high_delay", \
	"folio_evicted", \
}

#define RCL_HOOK_FUEL_NS { \
	UINT64_C(2000000), \
	UINT64_C(2000000), \
	UINT64_C(2000000), \
	UINT64_C(2000000), \
	UINT64_C(200000), \
	UINT64_C(200000), \
	UINT64_C(200000), \
	UINT64_C(200000), \
	UINT64_C(200000), \
	UINT64_C(2000000), \
	UINT64_C(2000000), \
	UINT64_C(2000000), \
	UINT64_C(10000000000), \
	UINT64_C(2000000), \
	UINT64_C(200000), \
	UINT64_C(200000), \
	UINT64_C(2000000), \
	UINT64_C(200000), \
	UINT64_C(200000), \
	UINT64_C(200000), \
	UINT64_C(2000000), \
	UINT64_C(200000), \
	UINT64_C(200000), \
	UINT64_C(200000), \
	UINT64_C(200000), \
	UINT64_C(200000), \
	UINT64_C(200000), \
	UINT64_C(200000), \
	UINT64_C(2000000), \
	UINT64_C(200000), \
	UINT64_C(200000), \
}

uint64_t h_isqrt(struct rcl_ctx *ctx, uint64_t x);
uint64_t h_ilog2(struct rcl_ctx *ctx, uint64_t x);
uint64_t h_mul_div(struct rcl_ctx *ctx, uint64_t a, uint64_t b, uint64_t c);
uint64_t h_folio_referenced(struct rcl_ctx *ctx, struct rcl_folio *folio, uint64_t look_around, uint64_t filter, uint64_t density);
void h_folio_retarget(struct rcl_ctx *ctx, struct rcl_folio *folio, uint64_t list);
void h_folio_move(struct rcl_ctx *ctx, struct rcl_folio *folio, struct rcl_lruvec *lruvec, uint64_t place);
uint64_t h_list_is_empty(struct rcl_ctx *ctx, uint64_t list, struct rcl_lruvec *lruvec);
void h_list_set_active(struct rcl_ctx *ctx, uint64_t list, struct rcl_lruvec *lruvec, uint64_t active);
uint64_t h_list_splice(struct rcl_ctx *ctx, uint64_t list, struct rcl_lruvec *lruvec, uint64_t place, uint64_t limit);
uint64_t h_walk_page_tables(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, uint64_t filter_in, uint64_t filter_out, uint64_t young_tables, uint64_t anon, uint64_t file, uint64_t density, uint64_t max_ptes);
uint64_t h_array_map_get(struct rcl_ctx *ctx, uint64_t map, uint64_t index);
void h_array_map_set(struct rcl_ctx *ctx, uint64_t map, uint64_t index, uint64_t value);
struct rcl_optional h_hash_map_get(struct rcl_ctx *ctx, uint64_t map, uint64_t key);
uint64_t h_hash_map_put(struct rcl_ctx *ctx, uint64_t map, uint64_t key, uint64_t value);
uint64_t h_hash_map_remove(struct rcl_ctx *ctx, uint64_t map, uint64_t key);
struct rcl_optional h_lru_hash_get(struct rcl_ctx *ctx, uint64_t map, uint64_t key);
uint64_t h_lru_hash_put(struct rcl_ctx *ctx, uint64_t map, uint64_t key, uint64_t value);
uint64_t h_lru_hash_remove(struct rcl_ctx *ctx, uint64_t map, uint64_t key);
uint64_t h_hash_set_add(struct rcl_ctx *ctx, uint64_t map, uint64_t key);
uint64_t h_hash_set_discard(struct rcl_ctx *ctx, uint64_t map, uint64_t key);
uint64_t h_hash_set_contains(struct rcl_ctx *ctx, uint64_t map, uint64_t key);
uint64_t h_lru_set_add(struct rcl_ctx *ctx, uint64_t map, uint64_t key);
uint64_t h_lru_set_discard(struct rcl_ctx *ctx, uint64_t map, uint64_t key);
uint64_t h_lru_set_contains(struct rcl_ctx *ctx, uint64_t map, uint64_t key);
uint64_t h_hash_map_size(struct rcl_ctx *ctx, uint64_t map);
uint64_t h_lru_hash_size(struct rcl_ctx *ctx, uint64_t map);
uint64_t h_hash_set_size(struct rcl_ctx *ctx, uint64_t map);
uint64_t h_lru_set_size(struct rcl_ctx *ctx, uint64_t map);
void h_bloom_filter_add(struct rcl_ctx *ctx, uint64_t map, uint64_t key);
uint64_t h_bloom_filter_contains(struct rcl_ctx *ctx, uint64_t map, uint64_t key);
void h_bloom_filter_clear(struct rcl_ctx *ctx, uint64_t map);
void h_emit(struct rcl_ctx *ctx, uint64_t id, uint64_t a, uint64_t b);
uint64_t h_now(struct rcl_ctx *ctx);
uint64_t h_random(struct rcl_ctx *ctx);
uint64_t h_swap_free_pages(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec);
uint64_t h_lruvec_swap_free_pages(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec);
uint64_t h_lruvec_page_state(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, uint64_t list);
uint64_t h_node_page_state(struct rcl_ctx *ctx, struct rcl_node *node, uint64_t list);
uint64_t h_memcg_apply_proportional_protection(struct rcl_ctx *ctx, struct rcl_memcg *memcg, uint64_t nr_pages);
uint64_t h_lruvec_workingset_activations(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, uint64_t type);
void h_note_refault(struct rcl_ctx *ctx, struct rcl_folio *folio, uint64_t activated, uint64_t restored);
struct rcl_node *h_node_at(struct rcl_ctx *ctx, uint64_t nid);
uint64_t h_node_distance(struct rcl_ctx *ctx, uint64_t start, uint64_t end);
struct rcl_folio *h_list_tail(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, uint64_t list);
struct rcl_folio *h_list_head(struct rcl_ctx *ctx, struct rcl_lruvec *lruvec, uint64_t list);
struct rcl_folio *h_folio_younger(struct rcl_ctx *ctx, struct rcl_folio *folio);
struct rcl_folio *h_folio_older(struct rcl_ctx *ctx, struct rcl_folio *folio);

enum rcl_counter {
	RCL_PGFAULT,
	RCL_PGMAJFAULT,
	RCL_PGSCAN_KSWAPD,
	RCL_PGSCAN_DIRECT,
	RCL_PGSCAN_ANON,
	RCL_PGSCAN_FILE,
	RCL_PGSTEAL_KSWAPD,
	RCL_PGSTEAL_DIRECT,
	RCL_PGSTEAL_ANON,
	RCL_PGSTEAL_FILE,
	RCL_PGREFILL,
	RCL_PGACTIVATE,
	RCL_PGDEACTIVATE,
	RCL_PGROTATED,
	RCL_PSWPIN,
	RCL_PSWPOUT,
	RCL_SWPIN_ZERO,
	RCL_SWPOUT_ZERO,
	RCL_ZSWPIN,
	RCL_ZSWPOUT,
	RCL_ZSWPWB,
	RCL_ZSWAP_REJECT_COMPRESS_POOR,
	RCL_ZSWAP_REJECT_ALLOC_FAIL,
	RCL_ZSWAP_POOL_LIMIT_HIT,
	RCL_ZRAM_FAILED_WRITES,
	RCL_SWAP_RA,
	RCL_SWAP_RA_HIT,
	RCL_PGPGIN,
	RCL_PGPGOUT,
	RCL_WORKINGSET_REFAULT_ANON,
	RCL_WORKINGSET_REFAULT_FILE,
	RCL_WORKINGSET_ACTIVATE_ANON,
	RCL_WORKINGSET_ACTIVATE_FILE,
	RCL_WORKINGSET_RESTORE_ANON,
	RCL_WORKINGSET_RESTORE_FILE,
	RCL_READAHEAD,
	RCL_READAHEAD_WASTED,
	RCL_FAULT_AROUND,
	RCL_ALLOCSTALL,
	RCL_PGSCAN_DIRECT_THROTTLE,
	RCL_KSWAPD_WAKEUPS,
	RCL_PAGEOUTRUN,
	RCL_KSWAPD_LOW_WMARK_HIT_QUICKLY,
	RCL_KSWAPD_HIGH_WMARK_HIT_QUICKLY,
	RCL_NR_DIRTIED,
	RCL_NR_WRITTEN,
	RCL_NR_VMSCAN_IMMEDIATE_RECLAIM,
	RCL_BALANCE_DIRTY_PAUSED,
	RCL_THROTTLED_WRITEBACK,
	RCL_THROTTLED_ISOLATED,
	RCL_THROTTLED_CONGESTED,
	RCL_THROTTLED_NOPROGRESS,
	RCL_OOM_KILL,
	RCL_NUMA_HIT,
	RCL_NUMA_MISS,
	RCL_NUMA_FOREIGN,
	RCL_NUMA_INTERLEAVE,
	RCL_NUMA_LOCAL,
	RCL_NUMA_OTHER,
	RCL_PGMIGRATE_SUCCESS,
	RCL_PGMIGRATE_FAIL,
	RCL_THP_MIGRATION_SPLIT,
	RCL_PGDEMOTE_KSWAPD,
	RCL_PGDEMOTE_DIRECT,
	RCL_NUMA_PTE_UPDATES,
	RCL_NUMA_HINT_FAULTS,
	RCL_NUMA_PAGES_MIGRATED,
	RCL_PGPROMOTE_SUCCESS,
	RCL_PGPROMOTE_CANDIDATE,
	RCL_NODE_ACCESSES,
	RCL_TOPTIER_ACCESSES,
	RCL_UNEVICTABLE_PGS_CULLED,
	RCL_UNEVICTABLE_PGS_RESCUED,
	RCL_UNEVICTABLE_PGS_MLOCKED,
	RCL_UNEVICTABLE_PGS_MUNLOCKED,
	RCL_RECLAIM_KSWAPD_NS,
	RCL_RECLAIM_DIRECT_NS,
	RCL_LRU_LOCK_NS,
	RCL_THP_FAULT_ALLOC,
	RCL_THP_FAULT_FALLBACK,
	RCL_THP_SPLIT_PAGE,
	RCL_THP_SPLIT_PMD,
	RCL_THP_DEFERRED_SPLIT_PAGE,
	RCL_THP_SWPOUT,
	RCL_THP_SWPOUT_FALLBACK,
	RCL_MTHP_ANON_FAULT_ALLOC,
	RCL_MTHP_ANON_FAULT_FALLBACK,
	RCL_MTHP_SWPOUT,
	RCL_MTHP_SWPOUT_FALLBACK,
	RCL_MTHP_SPLIT,
	RCL_MTHP_SPLIT_DEFERRED,
	RCL_PTES_WALKED,
	RCL_RMAP_WALKED,
	RCL_MEMORY_EVENTS_LOW,
	RCL_MEMORY_EVENTS_HIGH,
	RCL_MEMORY_EVENTS_MAX,
	RCL_MEMORY_EVENTS_OOM,
	RCL_MEMORY_EVENTS_OOM_GROUP_KILL,
	RCL_FORCED_RELEASE,
	RCL_REFUSED_ANSWER,
	RCL_DEFAULT_TAKEN,
	RCL_BUDGET_HIT,
	RCL_BATCH_LIMIT_HIT,
	RCL_SKIPPED_UNRECLAIMABLE,
	RCL_FILTERED_LOCKED,
	RCL_ADOPTED,
	RCL_EJECTED,
	RCL_NR_COUNTERS,
};

/* What each action costs in virtual nanoseconds. */
struct rcl_costs {
	uint64_t minor_fault_ns;	/* A fault that needs no I/O, reclaim excluded */
	uint64_t major_fault_ns;	/* The same for one that does, the device's time excluded */
	uint64_t buffered_ns;	/* A read or write call for one page: entry, look-up, copy */
	uint64_t clear_page_ns;	/* Clearing each further page of a large folio */
	uint64_t copy_page_ns;	/* Copying one page (copy on write) */
	uint64_t hook_ns;	/* One indirect call of a policy's hook inside reclaim */
	uint64_t map_ns;	/* One look-up or update of a policy's hash map */
	uint64_t rmap_pte_ns;	/* Visiting one PTE through rmap: a random access */
	uint64_t walk_pte_ns;	/* Visiting one PTE of a page table in order */
	uint64_t walk_table_ns;	/* Entering one page table (512 PTEs): lock, filter test */
	uint64_t unmap_pte_ns;	/* Unmapping one PTE, its share of the TLB flush included */
	uint64_t list_move_ns;	/* Moving a folio between lists under the lruvec lock */
	uint64_t isolate_ns;	/* Looking at one folio of a list under the lruvec lock */
	uint64_t retarget_ns;	/* Changing the claimed list without the lock: an atomic */
	uint64_t free_page_ns;	/* Freeing a page: removal from its mapping, uncharge */
	uint64_t alloc_page_ns;	/* Allocating and charging one page */
	uint64_t shrink_slab_ns;	/* Asking other caches of a memcg to shrink, after each pass over one of its lruvecs */
	uint64_t zram_compress_ns;	/* One page into zram */
	uint64_t same_filled_ns;	/* Finding, or filling, a page that repeats one word */
	uint64_t zram_decompress_ns;	/* One page out of zram */
	uint64_t around_pte_ns;	/* Mapping one more page in a fault (fault-around) */
	uint64_t ssd_page_ns;	/* Each further page of one request to an SSD */
	uint64_t swap_submit_ns;	/* Finding a slot for a page and handing it to a device of swap */
	uint64_t ssd_copy_ns;	/* The processor's copy of a page for an SSD that cannot fetch it itself */
	uint64_t ssd_compress_ns;	/* Compressing a page that is written to an SSD which is a disk of compressed memory, besides its copy */
	uint64_t disk_page_ns;	/* Each further page of one request to a rotating disk */
	uint64_t ssd_read_ns;	/* Reading one page from an SSD */
	uint64_t ssd_write_ns;	/* Writing one page to an SSD */
	uint64_t disk_read_ns;	/* Reading one page from a rotating disk */
	uint64_t disk_write_ns;	/* Writing one page to a rotating disk */
	uint64_t far_access_ns;	/* What an access to memory at distance 20 takes beyond one at distance 10 */
};

#define RCL_DEFAULT_COSTS { \
	.minor_fault_ns = 500, \
	.major_fault_ns = 1500, \
	.buffered_ns = 400, \
	.clear_page_ns = 100, \
	.copy_page_ns = 200, \
	.hook_ns = 5, \
	.map_ns = 30, \
	.rmap_pte_ns = 100, \
	.walk_pte_ns = 3, \
	.walk_table_ns = 150, \
	.unmap_pte_ns = 200, \
	.list_move_ns = 20, \
	.isolate_ns = 30, \
	.retarget_ns = 10, \
	.free_page_ns = 100, \
	.alloc_page_ns = 150, \
	.shrink_slab_ns = 0, \
	.zram_compress_ns = 4000, \
	.same_filled_ns = 150, \
	.zram_decompress_ns = 1500, \
	.around_pte_ns = 50, \
	.ssd_page_ns = 1300, \
	.swap_submit_ns = 1000, \
	.ssd_copy_ns = 0, \
	.ssd_compress_ns = 0, \
	.disk_page_ns = 27000, \
	.ssd_read_ns = 80000, \
	.ssd_write_ns = 20000, \
	.disk_read_ns = 8000000, \
	.disk_write_ns = 8000000, \
	.far_access_ns = 100, \
}

#define RCL_DEFAULT_OPTIONS \
	.add_batch_folios = 31, \
	.charge_batch_pages = 64, \
	.reclaim_batch_pages = 32, \
	.swappiness = 60, \
	.kswapd = 1, \
	.watermark_scale_factor = 10, \
	.watermark_boost_factor = 15000, \
	.forced_release = 1, \
	.reparent_offline = 0, \
	.charge_kmem = 1, \
	.repeat_reads = 0, \
	.stat_flush_ns = 0, \
	.pcp_high = 0, \
	.pcp_batch = 63, \
	.thp_orders = 0, \
	.file_folio_order = 0, \
	.read_ahead_kb = 0, \
	.fault_around_bytes = 4096, \
	.writeback = 1, \
	.dirty_ratio = 20, \
	.dirty_background_ratio = 10, \
	.ssd_channels = 32, \
	.partial_reads = 0, \
	.ssd_in_memory = 0, \
	.nr_inodes = 0, \
	.max_request_pages = 128, \
	.page_cluster = 3, \
	.zswap_percent = 0, \
	.zswap_accept_percent = 90, \
	.pool_takes_pages = 1, \
	.compressed_bytes = 1400, \
	.compressed_spread_permille = 1000, \
	.incompressible_permille = 50, \
	.same_filled_permille = 0, \
	.demotion = 0, \
	.numa_balancing = 0, \
	.numa_scan_delay_ms = 1000, \
	.numa_scan_period_min_ms = 1000, \
	.numa_scan_period_max_ms = 60000, \
	.numa_scan_size_mb = 256, \
	.numa_hot_threshold_ms = 1000, \
	.numa_promote_rate_limit_mbps = 65536, \
	.slice_ns = 3000000, \
	.switch_ns = 4000000, \

/* X(member, least, most) of each option that is a number. */
#define RCL_OPTION_RANGES(X) \
	X(add_batch_folios, UINT64_C(1), UINT64_C(31)) \
	X(charge_batch_pages, UINT64_C(1), UINT64_C(64)) \
	X(reclaim_batch_pages, UINT64_C(1), UINT64_C(512)) \
	X(swappiness, UINT64_C(0), UINT64_C(200)) \
	X(watermark_scale_factor, UINT64_C(1), UINT64_C(3000)) \
	X(watermark_boost_factor, UINT64_C(0), UINT64_C(1000000)) \
	X(stat_flush_ns, UINT64_C(0), UINT64_C(1099511627775)) \
	X(pcp_high, UINT64_C(0), UINT64_C(1048576)) \
	X(pcp_batch, UINT64_C(1), UINT64_C(65536)) \
	X(file_folio_order, UINT64_C(0), UINT64_C(9)) \
	X(read_ahead_kb, UINT64_C(0), UINT64_C(65536)) \
	X(fault_around_bytes, UINT64_C(4096), UINT64_C(2097152)) \
	X(dirty_ratio, UINT64_C(0), UINT64_C(100)) \
	X(dirty_background_ratio, UINT64_C(0), UINT64_C(100)) \
	X(ssd_channels, UINT64_C(1), UINT64_C(64)) \
	X(nr_inodes, UINT64_C(0), UINT64_C(2147483648)) \
	X(max_request_pages, UINT64_C(1), UINT64_C(1024)) \
	X(page_cluster, UINT64_C(0), UINT64_C(5)) \
	X(zswap_percent, UINT64_C(0), UINT64_C(90)) \
	X(zswap_accept_percent, UINT64_C(0), UINT64_C(100)) \
	X(compressed_bytes, UINT64_C(32), UINT64_C(2048)) \
	X(compressed_spread_permille, UINT64_C(0), UINT64_C(1000)) \
	X(incompressible_permille, UINT64_C(0), UINT64_C(1000)) \
	X(same_filled_permille, UINT64_C(0), UINT64_C(1000)) \
	X(numa_balancing, UINT64_C(0), UINT64_C(2)) \
	X(numa_scan_delay_ms, UINT64_C(0), UINT64_C(1048576)) \
	X(numa_scan_period_min_ms, UINT64_C(1), UINT64_C(1048576)) \
	X(numa_scan_period_max_ms, UINT64_C(1), UINT64_C(1048576)) \
	X(numa_scan_size_mb, UINT64_C(1), UINT64_C(1048576)) \
	X(numa_hot_threshold_ms, UINT64_C(1), UINT64_C(1048576)) \
	X(numa_promote_rate_limit_mbps, UINT64_C(0), UINT64_C(1048576)) \
	X(slice_ns, UINT64_C(1), UINT64_C(1099511627775)) \
	X(switch_ns, UINT64_C(0), UINT64_C(18446744073709551615)) \


enum rcl_level {
	RCL_LEVEL_NR_ANON_MAPPED,
	RCL_LEVEL_NR_FILE_PAGES,
	RCL_LEVEL_MEMCG_KMEM,
	RCL_LEVEL_NR_PAGETABLE,
	RCL_LEVEL_MEMCG_ZSWAP,
	RCL_LEVEL_MEMCG_ZSWAPPED,
	RCL_LEVEL_NR_FILE_MAPPED,
	RCL_LEVEL_NR_FILE_DIRTY,
	RCL_LEVEL_NR_WRITEBACK,
	RCL_LEVEL_NR_SWAPCACHE,
	RCL_LEVEL_NR_ANON_THPS,
	RCL_LEVEL_NR_INACTIVE_ANON,
	RCL_LEVEL_NR_ACTIVE_ANON,
	RCL_LEVEL_NR_INACTIVE_FILE,
	RCL_LEVEL_NR_ACTIVE_FILE,
	RCL_LEVEL_NR_UNEVICTABLE,
	RCL_LEVEL_NR_SLAB_RECLAIMABLE,
	RCL_LEVEL_NR_ZSPAGES,
	RCL_LEVEL_NR_ISOLATED_ANON,
	RCL_LEVEL_NR_ISOLATED_FILE,
	RCL_NR_LEVELS,
};

enum rcl_tracepoint {
	RCL_TRACE_mm_vmscan_wakeup_kswapd,
	RCL_TRACE_mm_vmscan_kswapd_wake,
	RCL_TRACE_mm_vmscan_kswapd_sleep,
	RCL_TRACE_mm_vmscan_direct_reclaim_begin,
	RCL_TRACE_mm_vmscan_direct_reclaim_end,
	RCL_TRACE_mm_vmscan_memcg_reclaim_begin,
	RCL_TRACE_mm_vmscan_memcg_reclaim_end,
	RCL_TRACE_mm_vmscan_lru_isolate,
	RCL_TRACE_mm_vmscan_write_folio,
	RCL_TRACE_mm_vmscan_lru_shrink_inactive,
	RCL_TRACE_mm_vmscan_lru_shrink_active,
	RCL_TRACE_mm_vmscan_throttled,
	RCL_TRACE_lru_age_begin,
	RCL_TRACE_lru_age_end,
	RCL_TRACE_mm_lru_insertion,
	RCL_TRACE_mm_lru_activate,
	RCL_TRACE_mm_filemap_add_to_page_cache,
	RCL_TRACE_mm_filemap_delete_from_page_cache,
	RCL_TRACE_workingset_eviction,
	RCL_TRACE_workingset_refault,
	RCL_TRACE_balance_dirty_pages,
	RCL_TRACE_writeback_single_inode,
	RCL_TRACE_mark_victim,
	RCL_TRACE_policy_event,
	RCL_NR_TRACEPOINTS,
};

#define RCL_TRACE_LRU_NONE 5

enum rcl_throttle_reason {
	RCL_VMSCAN_THROTTLE_WRITEBACK = 0x1,
	RCL_VMSCAN_THROTTLE_ISOLATED = 0x2,
	RCL_VMSCAN_THROTTLE_NOPROGRESS = 0x4,
	RCL_VMSCAN_THROTTLE_CONGESTED = 0x8,
};

struct trace_mm_vmscan_wakeup_kswapd {
	uint64_t nid;
	uint64_t order;
};
struct trace_mm_vmscan_kswapd_wake {
	uint64_t nid;
	uint64_t order;
};
struct trace_mm_vmscan_kswapd_sleep {
	uint64_t nid;
	uint64_t nr_reclaimed;
};
struct trace_mm_vmscan_direct_reclaim_begin {
	uint64_t order;
};
struct trace_mm_vmscan_direct_reclaim_end {
	uint64_t nr_reclaimed;
};
struct trace_mm_vmscan_memcg_reclaim_begin {
	uint64_t order;
};
struct trace_mm_vmscan_memcg_reclaim_end {
	uint64_t nr_reclaimed;
};
struct trace_mm_vmscan_lru_isolate {
	uint64_t order;
	uint64_t nr_requested;
	uint64_t nr_scanned;
	uint64_t nr_skipped;
	uint64_t nr_taken;
	uint64_t lru;
	uint64_t nid;
	uint64_t list;
	uint64_t nr_moved;
};
struct trace_mm_vmscan_write_folio {
	uint64_t pfn;
	uint64_t reclaim_flags;
};
struct trace_mm_vmscan_lru_shrink_inactive {
	uint64_t nid;
	uint64_t nr_scanned;
	uint64_t nr_reclaimed;
	uint64_t nr_dirty;
	uint64_t nr_writeback;
	uint64_t nr_congested;
	uint64_t nr_immediate;
	uint64_t nr_activate_anon;
	uint64_t nr_activate_file;
	uint64_t nr_ref_keep;
	uint64_t nr_unmap_fail;
	uint64_t priority;
	uint64_t reclaim_flags;
	uint64_t list;
};
struct trace_mm_vmscan_lru_shrink_active {
	uint64_t nid;
	uint64_t nr_taken;
	uint64_t nr_active;
	uint64_t nr_deactivated;
	uint64_t nr_referenced;
	uint64_t priority;
	uint64_t reclaim_flags;
};
struct trace_mm_vmscan_throttled {
	uint64_t nid;
	uint64_t usec_timeout;
	uint64_t usec_delayed;
	uint64_t reason;
};
struct trace_lru_age_begin {
	uint64_t nid;
	uint64_t priority;
};
struct trace_lru_age_end {
	uint64_t nid;
};
struct trace_mm_lru_insertion {
	uint64_t pfn;
	uint64_t lru;
	uint64_t list;
};
struct trace_mm_lru_activate {
	uint64_t pfn;
};
struct trace_mm_filemap_add_to_page_cache {
	uint64_t i_ino;
	uint64_t pfn;
	uint64_t index;
	uint64_t order;
};
struct trace_mm_filemap_delete_from_page_cache {
	uint64_t i_ino;
	uint64_t pfn;
	uint64_t index;
	uint64_t order;
};
struct trace_workingset_eviction {
	uint64_t pfn;
	uint64_t type;
	uint64_t cookie;
};
struct trace_workingset_refault {
	uint64_t pfn;
	uint64_t type;
	uint64_t distance;
	uint64_t activated;
	uint64_t restored;
};
struct trace_balance_dirty_pages {
	uint64_t limit;
	uint64_t setpoint;
	uint64_t dirty;
	uint64_t task_ratelimit;
	uint64_t dirtied;
	uint64_t dirtied_pause;
	uint64_t pause;
	uint64_t period;
	uint64_t think;
};
struct trace_writeback_single_inode {
	uint64_t ino;
	uint64_t index;
	uint64_t nr_to_write;
	uint64_t wrote;
};
struct trace_mark_victim {
	uint64_t pid;
	uint64_t comm;
	uint64_t total_vm;
	uint64_t anon_rss;
	uint64_t file_rss;
	uint64_t pgtables;
};
struct trace_policy_event {
	uint64_t attachment;
	uint64_t id;
	uint64_t a;
	uint64_t b;
};

#endif
