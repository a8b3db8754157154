/*
 * The data of the core: every struct of a machine, and the few look-ups that all mechanisms share.
 *
 * Here: layouts and inline look-ups. Not here: anything that changes state (one file per
 * mechanism). One header holds all structs that refer to each other; the mechanisms
 * themselves know each other only through their function headers.
 *
 * The structs carry the kernel's names. Each begins with its public part `pub` from the ABI
 * header, the part that policies read; what follows it is the core's own. There are no globals:
 * everything hangs on struct rcl_machine.
 *
 * Why dense numbers instead of pointers: a folio is 64 bytes, one cache line, only because its
 * mappings and slots are 32-bit numbers.
 */
#ifndef RCL_MACHINE_H
#define RCL_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "compressed.h"
#include "numa_types.h"
#include "psi_types.h"
#include "queues.h"
#include "rcl.h"
#include "slab_types.h"

#define RCL_NIL UINT32_MAX		/* no folio, no slot, no mapping */
#define RCL_NO_TASK UINT16_MAX		/* rmap_task of an unmapped folio */
#define RCL_MAX_SWAPS 8			/* as MAX_SWAPFILES' order of magnitude; priorities matter, not number */
#define RCL_MAX_ADD_BATCH 31		/* PAGEVEC_SIZE, include/linux/folio_batch.h v6.12 */
#define RCL_NR_STANDARD_LISTS RCL_FIRST_POLICY_LIST	/* list numbers below the first policy list */
#define RCL_DEF_PRIORITY 12		/* DEF_PRIORITY, include/linux/mmzone.h */
#define RCL_MAX_ORDER 9			/* HPAGE_PMD_ORDER on x86-64: a folio is at most one page table's worth */
#define MAX_TAKEN (RCL_MAX_TAKE + (1 << RCL_MAX_ORDER))	/* pages of a batch, whose last folio may be large */
#define MAX_RECLAIM_RETRIES 16		/* mm/internal.h v6.12: fruitless attempts before somebody gives up */
#define RCL_MAX_ACTORS 48		/* ours: kswapds, completions of all devices, flusher, and room */
#define RCL_SCAN_SLOTS (1 + RCL_MAX_ACTORS)	/* reclaims in progress: a task's or set-up's, each actor's */
#define RCL_NEVER UINT64_MAX		/* the due time of an actor that waits to be woken */
#define MEMCG_NR_GENS 3			/* include/linux/mmzone.h v6.12 */
#define MEMCG_NR_BINS 8			/* include/linux/mmzone.h v6.12 */

#define RCL_LIKELY(x) __builtin_expect(!!(x), 1)
#define RCL_UNLIKELY(x) __builtin_expect(!!(x), 0)

/* Bits of a page-table entry. Bit 3 means a swap entry when the PTE is not present, and
 * write-protection (copy on write, first write of a shared file page) when it is. */
#define PTE_PRESENT UINT32_C(1)
#define PTE_ACCESSED UINT32_C(2)
#define PTE_DIRTY UINT32_C(4)
#define PTE_SWAP UINT32_C(8)
#define PTE_WP UINT32_C(8)
#define PTE_SHIFT 4
#define PTES_PER_TABLE 512		/* PTRS_PER_PTE on x86-64 */

/* What is known of a page table. */
#define TABLE_EXISTS UINT8_C(1)
#define TABLE_YOUNG UINT8_C(2)		/* an entry was accessed and has lost its bit since (young.h) */

/* A mapping that faults on purpose (PROT_NONE, numa_balancing.h): neither present nor a swap entry. */
static inline bool pte_is_hint(uint32_t pte)
{
	return pte && !(pte & (PTE_PRESENT | PTE_SWAP));
}

/* Whether a folio is mapped there. A swap entry has no Accessed bit, so a young PTE always maps one. */
static inline bool pte_maps(uint32_t pte)
{
	return pte & PTE_PRESENT || pte_is_hint(pte);
}
/* Core's own bits of folio.flags, from the top; the ABI's grow from bit 0. */
#define FOLIO_MLOCKED (UINT32_C(1) << 31)	/* PG_mlocked */
#define FOLIO_PMD_MAPPED (UINT32_C(1) << 30)	/* one entry maps it: its PTEs stand for one */
#define FOLIO_PARTIALLY_MAPPED (UINT32_C(1) << 29)	/* waits for its deferred split */
#define CORE_FLAGS (FOLIO_MLOCKED | FOLIO_PMD_MAPPED | FOLIO_PARTIALLY_MAPPED)

#define REC_WRITE (UINT32_C(1) << 31)
#define REC_BUFFERED (UINT32_C(1) << 30)
#define REC_PAGE ((UINT32_C(1) << 29) - 1)

/*
 * A record per page frame. A folio of several pages has the record of its first frame; those of
 * the others are tails, which know their own reverse mapping and nothing else of what a folio has.
 * All of them carry the folio's order, so that whoever has one can tell (large_folio.h).
 */
struct folio {
	struct rcl_folio pub;
	uint32_t rmap_vpn;		/* first mapping: page in the task's mapping space */
	uint32_t rmap_more;		/* further mappings, an index into the rmap pool */
	uint32_t swap_slot;		/* slot that holds the same contents, RCL_NIL if none */
	uint16_t rmap_task;		/* task of the first mapping */
	uint8_t physical_list;		/* list it is linked into; pub.list is the one it claims */
	uint8_t transit;		/* enum rcl_transit */
	uint8_t reason;			/* enum rcl_added, while it waits in an add batch */
	uint8_t pins;			/* references besides mappings and page cache: batches, copy source */
	uint8_t marks;			/* MARK_... */
	union {
		uint32_t mlock_count;	/* mappings by locked VMAs */
		uint32_t head;		/* of a tail: the folio's first frame */
	};
	uint32_t nr_ptes;		/* of a large folio: PTEs that map it */
} __attribute__((aligned(64)));

#define MARK_READAHEAD 1		/* PG_readahead: who comes here reads the next window */
#define MARK_RECLAIM MARK_READAHEAD	/* PG_reclaim, the same bit: to be freed as soon as it is written. So whoever
					 * comes back for a page on its way to swap has hit what was read ahead. */
#define MARK_AHEAD 2			/* came in unasked, and nobody has asked for it yet */
#define MARK_LOCKED 4			/* PG_locked: it is being read, see readahead.h */
#define MARK_BUFFERS 8			/* PG_private: its memcg pays for its buffer head (kmem.h) */
#define MARK_BUDDY 128			/* of a free frame: the first of a block in the buddy lists */

_Static_assert(sizeof(struct folio) == 64, "a folio is one cache line");

/*
 * A folio's neighbours on its list. Apart from the folio, because walking a list must not wait for
 * each folio in turn: eight links share a cache line, so that the folios a batch will look at are
 * known, and fetched, well before their turn.
 */
struct folio_link {
	uint32_t prev;			/* the next younger folio of the list */
	uint32_t next;			/* the next older one; of a free frame, the next free one */
};

/* A further mapping of a folio. */
struct rmap_item {
	uint32_t vpn;
	uint32_t next;
	uint16_t task;
};

struct lru_list {
	uint32_t head;			/* youngest */
	uint32_t tail;			/* oldest */
	uint64_t nr_folios;		/* linked here, whatever they claim */
};

/* Where the next page-table walk of a lruvec goes on. */
struct walk_cursor {
	uint32_t task;
	uint32_t vpn;
	uint32_t young;			/* in the page table that the last call stopped in */
	bool has_begun;			/* an address space was walked since the last end */
	bool is_forced;			/* the task is walked for the first time: no table is left out */
};

/* What rstat.c sums up over a subtree: the four lists of the kernel that reclaim scans, in their
 * order, activated refaults, and, on the first node for all of them, what is dirty or being written. */
enum rstat_item {
	RSTAT_INACTIVE_ANON = 0,
	RSTAT_ACTIVATE_ANON = 4,	/* workingset_activate_anon; file follows */
	RSTAT_FILE_DIRTY = 6,
	RSTAT_WRITEBACK,
	RSTAT_NR_ITEMS,
};

struct lruvec {
	struct rcl_lruvec pub;
	struct attachment *att;		/* who governs it */
	struct lru_list *lists;		/* by list number, 0 unused */
	uint32_t nr_lists;		/* numbers end below this for the governor */
	uint32_t lists_capacity;
	struct walk_cursor cursor;
	uint64_t active_lists[RCL_MAX_LISTS / 64];	/* bit per list: it counts as active (levels.h) */
	struct lru_list unevictable;	/* mlock.h */
	uint64_t nr_unevictable[2];	/* pages on it, by type */
	bool is_congested;		/* LRUVEC_CGROUP_CONGESTED, of the root memcg LRUVEC_NODE_CONGESTED */
	struct lruvec *ring_prev;	/* neighbours in its bin of the ring of memcgs */
	struct lruvec *ring_next;
	uint8_t ring_gen;
	uint8_t ring_bin;
	struct lruvec *rstat_next;	/* among those that changed since the last flush */
	bool rstat_is_pending;
	uint64_t rstat[RSTAT_NR_ITEMS];	/* with descendants, as of the last flush */
	uint64_t rstat_flushed[RSTAT_NR_ITEMS];	/* what of its own the ancestors have counted */
	uint64_t stat[RCL_NR_COUNTERS];
	uint64_t tick_ns;		/* when its policy's tick is due, RCL_NEVER for never */
	struct psi_trigger trigger;	/* what its policy watches */
};

struct memcg {
	struct rcl_memcg pub;
	struct rcl_machine *m;
	uint32_t order;			/* position in the machine's preorder of memcgs */
	uint32_t nr_subtree;		/* itself and all descendants */
	uint32_t depth;
	uint64_t nr_dirty;		/* file pages of its own, to be written */
	uint64_t nr_writeback;		/* being written */
	bool oom_group;			/* memory.oom.group: dies as a whole */
	uint64_t kmem_pages;		/* charged by kmem.c, own only */
	uint64_t swapcache_pages;	/* of its folios, in the swap cache */
	uint64_t zswap_bytes;		/* kept by zswap, own only */
	uint64_t zswap_pages;		/* charged for them */
	uint64_t nr_zswapped;
	uint64_t zswap_max;
	uint64_t swap_high;		/* memory.swap.high */
	uint32_t zswap_oldest;		/* slot, RCL_NIL for none */
	uint32_t zswap_newest;
	bool zswap_writeback;
	uint32_t kmem_rest_bytes;	/* of the last of them, still free */
	uint32_t resume[RCL_MAX_NODES];	/* last memcg that a partial walk below it visited, by node */
	struct psi_group psi;
	bool is_offline;		/* removed (offline.h) */
	struct lru_list deferred_split;	/* partially mapped folios, linked by their first tails */
	uint64_t deferred_carry;	/* what the split shrinker left undone (nr_deferred) */
	struct lruvec lruvecs[];	/* by node */
};

/* What a pass met that is dirty or being written. */
struct scan_writeback {
	uint64_t dirty;			/* either */
	uint64_t unqueued_dirty;	/* dirty, and nobody writes it */
	uint64_t congested;		/* being written, and wanted before */
	uint64_t writeback;		/* being written */
	uint64_t immediate;		/* being written and wanted, where that was all there is */
	uint64_t taken;
	uint64_t file_taken;
};

/* What one reclaim wants and has done (struct scan_control, mm/vmscan.c). */
/* One pass over a lruvec, batch by batch. */
struct scan_pass {
	struct lruvec *lruvec;		/* NULL between two of them */
	const struct attachment *att;	/* that governed it when the pass began */
	bool is_skipped;		/* nobody looks at it */
	uint32_t nr_idle;		/* answers in a row that looked at nothing */
	uint64_t nr_reclaimed_before;
	uint64_t nr_looked;
	uint64_t soft_limit;		/* for policies that plan nothing */
	uint64_t hard_limit;
	struct rcl_batch_result last;
};

/* A walk over the lruvecs of a node, pass by pass: in the order of the tree or of the ring. */
struct scan_walk {
	struct memcg *root;
	uint32_t nid;
	bool is_ring;
	bool is_over;			/* enough was freed */
	uint8_t priority;		/* when it began */
	uint64_t nr_reclaimed_before;
	uint32_t at;			/* in the tree's order: the next memcg */
	uint32_t gen;			/* of the ring: what is visited */
	uint32_t bin;
	uint32_t nr_bins;		/* begun so far */
	uint64_t nr_visits_left;
	struct lruvec *next;		/* of the bin */
	struct scan_pass pass;
};

struct scan {
	struct rcl_scan_control pub;
	struct memcg *target;		/* NULL for a node's reclaim */
	bool is_kswapd;
	bool may_swap;			/* as asked; pub.may_swap says whether it can be done here */
	bool has_swappiness;		/* given with the request, whatever the memcgs' own are */
	bool quit;
	bool may_walk_partially;
	bool is_forced;			/* nobody is asked any more */
	bool cache_trim_mode_failed;	/* a round that took clean cache only freed nothing */
	bool is_plugged;		/* it holds its writes back (plug.h) */
	uint16_t nodes;			/* bit per node that may be scanned (sc->nodemask) */
	struct scan_walk walk;
	struct scan_writeback nr;	/* of the walk over one node (struct scan_control, nr) */
	uint64_t round;			/* its present node and priority, as a number never used before */
};

/* A kernel thread or an interrupt, see events.h. */
struct actor {
	void (*run)(struct rcl_machine *m, struct actor *actor);
	uint64_t due_ns;		/* when its next step begins, RCL_NEVER for when it is woken */
	uint64_t clock_ns;		/* when its last step ended */
	struct scan *scan;		/* the reclaim that it is in the middle of, NULL for none */
	struct plug *plug;		/* NULL for who writes at once */
	uint32_t number;		/* of the actor; 1 + number is its slot of scan state */
	uint32_t which;			/* of its kind: node, device */
	bool is_running;		/* in the middle of a step */
};

/* Background reclaim of a node, see kswapd.h. */
struct kswapd {
	struct actor *actor;
	struct scan sc;			/* of the run in progress */
	uint64_t nap_end_ns;
	uint64_t nr_boosted;		/* the node's boost when the run began */
	uint64_t nr_boost_left;		/* of that, still to be reclaimed */
	uint64_t ns;			/* its time so far */
	uint64_t nr_reclaimed;		/* of its last run */
	uint32_t nr_failures;		/* runs in a row that freed nothing, until somebody does */
	uint8_t state;			/* enum kswapd_state */
	struct plug plug;
};

struct ring_bin {
	struct lruvec *head;
	struct lruvec *tail;
};

/* The node's ring of memcgs (memcg_ring.h). */
struct memcg_ring {
	struct ring_bin fifo[MEMCG_NR_GENS][MEMCG_NR_BINS];
	uint32_t nr_memcgs[MEMCG_NR_GENS];
	uint64_t seq;			/* number of the oldest generation */
};

/* A batch: isolated at start_ns by its reclaimer's clock, freed or put back at end_ns. */
struct isolation {
	uint64_t start_ns;
	uint64_t end_ns;
	uint32_t nr_pages;
	uint32_t type;
};

#define NR_ISOLATIONS 128		/* ours: batches that are known, those of a slice of 3 ms at about 30 us each */

struct node {
	struct rcl_node pub;
	struct memcg_ring ring;
	uint32_t first_pfn;
	uint32_t nr_fresh;		/* frames never used yet: the last nr_fresh of the node */
	uint32_t free_head;		/* frames used before and free again */
	uint64_t nr_pcp;		/* frames that are free on the per-CPU list, see pcp.h */
	uint32_t pcp_free_count;	/* freed in a row, less what was taken */
	uint32_t pcp_alloc_factor;	/* log2 of how many batches the list gets next */
	uint64_t nr_boost;		/* by how much the watermarks are raised (watermark_boost) */
	uint64_t nr_written;		/* pages whose write ended (NR_THROTTLED_WRITTEN, always counted) */
	uint64_t nr_written_start;	/* when the first of those who wait began to */
	uint32_t nr_throttled;		/* reclaimers that wait for writes (nr_writeback_throttled) */
	struct isolation isolations[NR_ISOLATIONS];	/* the latest batches (NR_ISOLATED_ANON, NR_ISOLATED_FILE) */
	uint32_t next_isolation;
	uint64_t isolated_until_ns;	/* when the last of them is put back */
	bool is_writeback;		/* PGDAT_WRITEBACK: kswapd met nothing but pages being written */
	bool is_dirty;			/* PGDAT_DIRTY: or nothing but pages that nobody writes */
	uint64_t nr_buddy_pages;	/* free ones in the buddy lists (buddy.h) */
	struct lru_list free_area[RCL_MAX_ORDER + 1];
	uint8_t order[RCL_MAX_NODES];	/* all nodes in fallback order (zonelist) */
	uint8_t distance[RCL_MAX_NODES];	/* as SLIT has it, 10 to itself */
	uint64_t far_ns[RCL_MAX_NODES];	/* what an access from here to each node takes beyond a near one */
	uint64_t farthest_ns;		/* the most of them */
	uint16_t demotion_preferred;	/* bit per node: the nearest of the next slower tier (node_demotion[]) */
	uint64_t nr_candidates;		/* for promotion to it, ever (PGPROMOTE_CANDIDATE) */
	uint64_t threshold_nr_candidates;	/* when hot_threshold_ms was set (nbp_th_nr_cand) */
	uint64_t rate_nr_candidates;	/* when the current second began (nbp_rl_nr_cand) */
	uint32_t threshold_start_ms;	/* nbp_th_start */
	uint32_t rate_start_ms;		/* nbp_rl_start */
	uint32_t hot_threshold_ms;	/* nbp_threshold; 0: as configured */
	uint16_t demotion_allowed;	/* bit per node: all of slower tiers (lower_tier_mask) */
	struct kswapd kswapd;
	struct psi_source psi;		/* of kswapd */
};

#define NR_CLUSTER_LISTS (2 * (RCL_MAX_ORDER + 1) + 2)

/* 512 slots in a row (swap_clusters.h). */
struct swap_cluster {
	struct folio_link link;
	uint16_t nr_used;
	uint8_t order;			/* what it serves */
	uint8_t list;
};

struct swap_device {
	uint32_t first_slot;
	uint32_t nr_slots;
	uint32_t nr_fresh;		/* slots never used yet: the last nr_fresh */
	uint32_t free_head;
	uint32_t nr_free;
	uint32_t next;			/* of a disk: where to look for the next free slot */
	uint64_t mem_limit_pages;	/* of zram: the most that its pool may take */
	struct zs_pool pool;		/* of zram */
	uint32_t device;
	int32_t priority;
	uint32_t first_leaf;		/* of the tree behind the swap cache (swap_tree.h) */
	uint32_t first_cluster;
	uint32_t cluster_next[RCL_MAX_ORDER + 1];	/* where the next look begins, by order */
	struct lru_list cluster_lists[NR_CLUSTER_LISTS];
};

/* Leaves of the tree behind the swap cache (swap_tree.h). */
struct swap_tree {
	uint8_t *nr_held;		/* slots in use by leaf; NULL where kernel memory is free */
	struct slab_cache leaves;
};

struct file {
	uint64_t *slots;		/* the page cache: 0, folio or shadow (pagecache.h) */
	uint8_t *tree_nodes;		/* which nodes of the tree behind the slots exist (kmem.h) */
	uint64_t *siblings;		/* a bit per page behind the first of an entry (file_tree.h); NULL without large folios */
	uint32_t nr_pages;
	uint32_t device;
	uint64_t *dirty_tags;		/* a bit per page (PAGECACHE_TAG_DIRTY) */
	uint64_t dirtied_jiffies;	/* since when it has been dirty (inode->dirtied_when) */
	uint32_t nr_dirty;
	uint8_t queue;			/* enum file_queue: where the flusher has it */
	uint32_t writeback_index;	/* where the flusher goes on */
	uint32_t nr_mappings;		/* VMAs that map it, for the size of the rmap pool */
};

/* Readahead of one open file (struct file_ra_state, include/linux/fs.h): the latest window, and
 * what is not the kernel's: when its pages arrive. */
struct file_ra_state {
	uint64_t arrival_ns;
	uint32_t window_first;		/* what the latest request covers; start and size may differ */
	uint32_t window_pages;
	uint32_t start;
	uint32_t size;
	uint32_t async_size;		/* the page that many before the end is marked */
	uint32_t mmap_miss;		/* faults that found nothing, less pages found */
};

/* Readahead of swap (vma->swap_readahead_info, and the statics of swapin_nr_pages()). */
struct swap_ra {
	uint32_t previous;		/* page or slot of the last swap-in */
	uint32_t window;		/* its size in pages */
	uint32_t hits;			/* pages read ahead that were asked for since */
	bool has_begun;
};

struct vma {
	uint32_t first;			/* first page in the mapping space */
	uint32_t nr_pages;
	uint32_t flags;			/* enum rcl_mapping_flags */
	uint32_t file;
	uint32_t file_page;
	uint32_t ra_vma;		/* the task's first VMA of this file, whose `ra` holds for all */
	struct file_ra_state ra;
	struct swap_ra swap_ra;
	struct vma_numab numab;
};

/* A file's place in a task's file page space. */
struct file_span {
	uint32_t first;
	uint32_t nr_pages;
	uint32_t file;
	uint32_t prev_page;		/* last page accessed through this descriptor (ra->prev_pos) */
	struct file_ra_state ra;
};

#define STALL_SUB 16			/* buckets per power of two: quantiles at most 1/16 off */
#define STALL_BUCKETS (61 * STALL_SUB)	/* values below 2^64 */

struct stall_histogram {
	uint64_t nr;
	uint64_t total_ns;
	uint64_t max_ns;
	uint64_t bucket[STALL_BUCKETS];
};

struct pending_place {
	uint32_t pfn;
	uint32_t place;
	bool is_young;			/* for a young PTE: the policy is asked again when the batch drains */
};

struct task {
	uint32_t *ptes;
	uint64_t *moved_young;		/* bit per PTE, see young.h */
	uint8_t *tables;		/* by page table, TABLE_EXISTS and TABLE_YOUNG */
	uint32_t nr_tables;		/* charged, directories included */
	uint64_t clock_ns;
	uint64_t slept_ns;		/* of its clock: what it waited, and did not run */
	struct numa_scanner numa;
	uint64_t ns_per_access;
	const uint32_t *records;	/* chunk being run */
	uint64_t nr_records;
	uint64_t position;		/* next record of the chunk */
	uint64_t nr_done;		/* records of earlier chunks */
	uint64_t nr_misses;
	uint64_t nr_missed_tails;	/* pages of large folios among them, but for the first of each */
	struct memcg *memcg;
	uint32_t number;
	uint32_t nid;
	uint32_t nr_pages;
	uint32_t nr_vmas;
	uint32_t nr_spans;
	uint32_t last_vma;		/* where the last look-up ended */
	uint32_t vma_flags;		/* of all VMAs together: what need not be looked for */
	uint32_t last_span;
	uint32_t nr_file_pages;
	uint32_t stock_pages;		/* charged in advance (memcg_stock_pcp) */
	uint32_t nr_dirtied;		/* pages since its last pause, see dirty.h */
	uint32_t nr_dirtied_pause;	/* at how many it looks at the limits */
	uint64_t dirty_paused_jiffies;	/* the end of that pause (dirty_paused_when), 0 for none yet */
	uint32_t nr_add;
	uint32_t nr_activate;
	uint32_t nr_mlock;
	uint16_t walked_nodes;		/* bit per node: that node walked it before */
	uint32_t nr_over_high;		/* pages charged above some memory.high, to be answered for */
	int16_t oom_score_adj;		/* -1000: never killed, to 1000 */
	uint16_t mempolicy_nodes;	/* bit per node */
	uint8_t mempolicy;		/* enum rcl_mempolicy */
	uint8_t interleave_prev;	/* il_prev: node of the last interleaved page */
	uint8_t state;			/* enum rcl_task_state */
	bool is_last_chunk;
	bool is_plain_chunk;		/* mapped reads only */
	bool has_moved_young;		/* some bit of moved_young was ever set */
	bool is_retry;			/* its record was interrupted after reading ahead (FAULT_FLAG_TRIED) */
	uint64_t incoming_key;		/* one more than the key that folio_incoming was last asked about, 0: it is in */
	bool in_lru_fault;		/* the fault under way counts as a use (lru_gen_enter_fault()) */
	struct psi_source psi;
	uint32_t add_batch[RCL_MAX_ADD_BATCH];
	struct pending_place activate_batch[RCL_MAX_ADD_BATCH];
	uint32_t mlock_batch[RCL_MAX_ADD_BATCH];
	uint64_t walked_ns[RCL_MAX_NODES];	/* the time at the end of that node's last walk of it */
	struct vma *vmas;
	struct file_span *spans;
	struct stall_histogram *stalls;	/* by enum rcl_stall_kind */
};

struct map;

/* A policy at its place. Number 0 is the default. */
struct attachment {
	struct rcl_ctx ctx;		/* first: helpers find the attachment from it */
	struct rcl_machine *m;
	struct rcl_ops ops;		/* own hooks, else the default's, else NULL */
	struct rcl_ctx *ctx_of[RCL_NR_HOOKS];
	struct rcl_ops own;
	uint64_t stride[5];		/* by enum rcl_scope */
	uint8_t *initial[5];
	uint8_t *base[5];
	uint64_t nr_elements[5];
	struct map *maps;
	uint32_t nr_maps;
	uint32_t nr_tunables;
	uint32_t number;
	uint32_t nr_lists;		/* own lists */
	uint64_t prepared[RCL_SCAN_SLOTS];	/* round that it prepared last, by scan */
	uint16_t scanned_nodes[RCL_SCAN_SLOTS];	/* bit per node: its reclaim_end is due */
	uint32_t point;
	uint32_t where;
	bool is_live;
	bool plans_pass;		/* has pass_begin and so ends its passes itself */
	bool needs_default_state;	/* some hook is the default's */
	bool eject_pending;
	uint8_t eject_kind;
	int32_t eject_hook;
	uint32_t fail_message;
	uint32_t nr_refused;
	uint32_t nr_fuel_hits;
	uint32_t nr_stalled;		/* complete ladders in a row without progress */
	uint64_t stat[RCL_NR_COUNTERS];
	char name[64];
	const char *eject_text;
};

struct exit_entry {
	struct rcl_exit record;
	uint64_t counters[RCL_NR_COUNTERS];
};

/* Free slots that the machine's CPU keeps for itself (struct swap_slots_cache). */
struct slots_cache {
	uint32_t nr_left;		/* to be taken */
	uint32_t nr_returned;		/* not yet given back */
	bool is_active;
};

/* The thread that writes dirty pages, see flusher.h. */
struct flusher {
	struct actor *actor;
	uint64_t old_flush_ns;		/* when it last looked for old pages (last_old_flush) */
	uint64_t nr_pages;		/* that its work may still write */
	uint64_t older_jiffies;		/* of that work: files that became dirty later wait for the next one */
	uint64_t look_ns;		/* when it last asked whether to go on */
	uint32_t file;			/* in the middle of which it is, RCL_NIL for none */
	uint32_t index;			/* the next page of it */
	uint32_t nr_to_write;		/* pages that it may get in this turn */
	uint32_t nr_chunk;		/* what that was at first */
	uint8_t work;			/* enum flusher_work */
	bool is_awake;
	bool is_all_wanted;		/* WB_start_all */
	bool has_queued;		/* files for its work */
	bool has_progress;		/* since then */
	bool is_exceeded;		/* more is dirty than some limit: writers look at it often (dirty_exceeded) */
	struct plug plug;
};

/* The records of trace.h; counted without end, the place of the n-th is n modulo nr_records. */
struct trace_ring {
	uint64_t events;		/* bit per enum rcl_tracepoint that is on */
	uint64_t nr_records;		/* room */
	uint64_t nr_written;
	uint64_t nr_read;
	uint64_t nr_lost;
	struct rcl_trace_record *records;
};

/* Of the batch that shrink.c works on, what no policy is told (struct reclaim_stat, vmstat.h). */
struct batch_stat {
	uint64_t nr_activate[2];	/* by type */
	uint64_t nr_ref_keep;
};

struct scored {
	int64_t score;
	uint32_t pfn;
	uint32_t place;			/* from the tail of the list */
};

struct rcl_machine {
	uint64_t *clock;		/* of who is running: a task or an actor */
	uint64_t setup_clock_ns;	/* time of what happens outside of runs */
	uint64_t hook_ns;		/* virtual time that the running hook has charged */
	struct folio *folios;		/* by pfn */
	struct folio_link *links;	/* by pfn */
	uint32_t *access_ms;		/* by pfn: when its PTE was marked last; NULL without NUMA balancing */
	struct rmap_item *rmap_items;
	uint64_t *swap_slots;		/* by slot: shadow, folio or free (swap.h) */
	uint32_t *swap_stored;		/* by slot: 1 + the zspage of its device's pool that holds it, 0 for none */
	uint64_t *swap_keys;		/* by slot: whose contents, where that is needed (swapin.c), else NULL */
	struct swap_ra swap_ra;		/* where some swap device rotates */
	struct zswap zswap;
	struct swap_cluster *swap_clusters;	/* NULL on machines that need none */
	struct scan *scan;		/* the reclaim that is running, NULL for none */
	struct plug *plug;		/* of who is running, NULL for none */
	struct task *current;		/* the task that is running, NULL for actors and set-up */
	struct task *running;		/* the task that is between two records or in one, NULL for none */
	struct actor *actor;		/* the actor that is running, NULL for tasks and set-up */
	uint64_t next_due_ns;		/* when the next actor is due */
	uint64_t pause_ns;		/* when whoever called rcl_run() wants it back */
	struct task *turn;		/* whose turn it is until its clock passes turn_ns, NULL for nobody's */
	uint64_t turn_ns;
	volatile int *interrupt;
	bool interrupted;
	struct rcl_config config;
	struct node nodes[RCL_MAX_NODES];
	uint32_t node_load[RCL_MAX_NODES];	/* how often each is the first of its distance in a zonelist */
	uint32_t end_pfn[RCL_MAX_NODES];	/* by node: the first frame beyond it */
	struct swap_device swaps[RCL_MAX_SWAPS];
	uint8_t swap_order[RCL_MAX_SWAPS];	/* devices by falling priority */
	struct memcg **memcgs;
	uint32_t *memcg_order;		/* numbers in preorder */
	struct file *files;
	struct task **tasks;
	struct attachment **attachments;
	struct exit_entry *exits;
	uint32_t nr_nodes;
	uint32_t nr_swaps;
	uint32_t nr_memcgs;
	uint32_t nr_files;
	uint32_t nr_tasks;
	uint32_t nr_attachments;
	uint32_t nr_exits;
	uint32_t nr_folios;
	uint32_t nr_swap_slots;
	uint32_t nr_swap_free;
	struct slots_cache slots_cache;
	struct swap_tree swap_tree;
	uint32_t rmap_capacity;
	uint32_t rmap_used;		/* items ever used */
	uint32_t rmap_free;		/* free list */
	uint8_t top_tier;		/* the fastest there is */
	bool any_eject_pending;
	bool no_retry;			/* allocations give up after one reclaim (__GFP_NORETRY) */
	bool has_incoming_hook;		/* some policy has, or had, a folio_incoming: misses look whose they are */
	bool has_pressure_hook;		/* the same of pressure: stalls are looked at */
	bool has_default;
	bool has_rotating_swap;
	uint64_t random[4];
	uint64_t nr_records;		/* run so far, all tasks */
	uint64_t next_progress;
	struct trace_ring trace;
	struct batch_stat batch;
	struct psi_source *psi_heap[RCL_MAX_TASKS + RCL_MAX_NODES];
	struct device devices[2 + RCL_MAX_SWAPS];	/* of files on SSD, on disk; of swap */
	struct plug task_plug;		/* of tasks and set-up */
	struct flusher flusher;
	uint64_t nr_dirty;		/* file pages */
	uint64_t nr_writeback;
	struct actor actors[RCL_MAX_ACTORS];
	uint32_t nr_actors;
	struct task *stock_left;	/* whose stock is still on the processor that he passed on */
	struct lruvec *rstat_pending;	/* lruvecs that changed since the last flush */
	struct actor *ticker;		/* tick.h */
	struct actor *psimon;		/* psi_trigger.h */
	struct actor *stat_flusher;	/* NULL where reads flush */
	uint64_t nr_rounds;		/* of reclaims, so far */
	uint64_t ring_random;		/* generator of the ring's bins */
	uint32_t isolated[MAX_TAKEN];
	struct scored scored[MAX_TAKEN];	/* of a batch by score (scored.h) */
	uint8_t demotion_nid[MAX_TAKEN];	/* by place in isolated, where that is set aside for demotion */
	struct pending_place kept[MAX_TAKEN];	/* of the list being shrunk, go back at its end */
	uint32_t nr_kept;
	uint32_t skipped[RCL_MAX_BATCH];
	char error[256];
};

static inline struct folio *folio_at(const struct rcl_machine *m, uint32_t pfn)
{
	return &m->folios[pfn];
}

static inline bool folio_is_large(const struct folio *folio)
{
	return folio->pub.order;
}

/* Whether a frame that is in use is no folio's: of a pool of compressed pages, or of a slab. */
static inline bool is_kernel_page(const struct folio *page)
{
	return page->transit == RCL_TRANSIT_POOL || page->transit == RCL_TRANSIT_SLAB;
}

/* The folio of a page frame that a PTE, a page cache slot or a swap slot names (page_folio()). */
static inline struct folio *page_folio(const struct rcl_machine *m, uint32_t pfn)
{
	struct folio *page = &m->folios[pfn];

	return RCL_UNLIKELY(page->transit == RCL_TRANSIT_TAIL) ? &m->folios[page->head] : page;
}

static inline struct folio_link *link_at(const struct rcl_machine *m, uint32_t pfn)
{
	return &m->links[pfn];
}

static inline struct folio *folio_of(struct rcl_folio *pub)
{
	return (struct folio *)pub;
}

static inline struct lruvec *lruvec_of(struct rcl_lruvec *pub)
{
	return (struct lruvec *)pub;
}

static inline struct memcg *memcg_of(struct rcl_memcg *pub)
{
	return (struct memcg *)pub;
}

static inline struct memcg *memcg_parent(const struct memcg *memcg)
{
	return memcg_of(memcg->pub.parent);
}

static inline uint32_t pfn_to_nid(const struct rcl_machine *m, uint32_t pfn)
{
	uint32_t nid = 0;

	while (pfn >= m->end_pfn[nid])
		nid++;
	return nid;
}

static inline struct lruvec *folio_lruvec(const struct folio *folio)
{
	return &memcg_of(folio->pub.memcg)->lruvecs[folio->pub.nid];
}

static inline struct lruvec *task_lruvec(const struct task *task)
{
	return &task->memcg->lruvecs[task->nid];
}

static inline struct attachment *default_of(const struct rcl_machine *m)
{
	return m->attachments[0];
}

static inline uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Let virtual time pass for whoever is running. */
static inline void spend(struct rcl_machine *m, uint64_t ns)
{
	*m->clock += ns;
}

/* The same inside a helper: it counts against the hook's fuel as well. */
static inline void spend_in_hook(struct rcl_machine *m, uint64_t ns)
{
	*m->clock += ns;
	m->hook_ns += ns;
}

/* Whether the caller of rcl_run() wants it to stop; sticky until the run has returned. */
static inline bool is_interrupted(struct rcl_machine *m)
{
	if (RCL_UNLIKELY(m->interrupt && *m->interrupt))
		m->interrupted = true;
	return m->interrupted;
}

/* The next number of the machine's seeded generator. */
uint64_t machine_random(struct rcl_machine *m);

/* Write the error text and return the status. */
int machine_error(struct rcl_machine *m, int status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Grow an array of `old` elements to `nr` zeroed ones; false, and the array untouched, without memory. */
bool grow_array(void **array, uint64_t old, uint64_t nr, uint64_t element_bytes);

#endif
