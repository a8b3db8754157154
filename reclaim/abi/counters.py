"""Counters: the kernel's under the kernel's names, and what the core did for the policy.

`vmstat` counters exist per memcg, per node and for the machine; `memory_events` ones per memcg, for its
`memory.events`; `core_did` ones per attachment and for the machine.
"""

from __future__ import annotations

from reclaim.abi.kinds import Counter

_VMSCAN = "mm/vmscan.c v6.12"
_WORKINGSET = "mm/workingset.c v6.12"
_NUMA = "zone_statistics(), mm/page_alloc.c v6.12"

_VMSTAT = (
    Counter("pgfault", "Faults, major ones included.", "vmstat", "handle_mm_fault()"),
    Counter("pgmajfault", "Faults that read from swap or disk.", "vmstat", "do_swap_page(), filemap_fault()"),
    Counter("pgscan_kswapd", "Pages that kswapd isolated for reclaim.", "vmstat", _VMSCAN),
    Counter("pgscan_direct", "Pages that direct and limit reclaim isolated.", "vmstat", _VMSCAN),
    Counter("pgscan_anon", "Anonymous pages isolated for reclaim.", "vmstat", _VMSCAN),
    Counter("pgscan_file", "File pages isolated for reclaim.", "vmstat", _VMSCAN),
    Counter("pgsteal_kswapd", "Pages that kswapd freed.", "vmstat", _VMSCAN),
    Counter("pgsteal_direct", "Pages that direct and limit reclaim freed.", "vmstat", _VMSCAN),
    Counter("pgsteal_anon", "Anonymous pages freed by reclaim.", "vmstat", _VMSCAN),
    Counter("pgsteal_file", "File pages freed by reclaim.", "vmstat", _VMSCAN),
    Counter(
        "pgrefill",
        "Pages looked at for deactivation, or sorted.",
        "vmstat",
        "shrink_active_list(), scan_folios()",
    ),
    Counter(
        "pgactivate",
        "Pages that became active in reclaim or by access.",
        "vmstat",
        "shrink_folio_list(), folio_activate()",
    ),
    Counter("pgdeactivate", "Pages that became inactive.", "vmstat", "shrink_active_list()"),
    Counter("pgrotated", "Pages that reclaim wanted and that were written.", "vmstat", "lru_move_tail()"),
    Counter("pswpin", "Pages read from swap.", "vmstat", "swap_read_folio()"),
    Counter("pswpout", "Pages written to swap.", "vmstat", "swap_writepage()"),
    Counter(
        "swpin_zero",
        "Pages of zeros that came back without being read.",
        "vmstat",
        "swap_read_folio_zeromap()",
    ),
    Counter(
        "swpout_zero",
        "Pages of zeros that went out without being written.",
        "vmstat",
        "swap_zeromap_folio_set()",
    ),
    Counter("zswpin", "Pages that came back from zswap.", "vmstat", "zswap_load()"),
    Counter("zswpout", "Pages that zswap took.", "vmstat", "zswap_store()"),
    Counter("zswpwb", "Pages that zswap wrote to their slots.", "vmstat", "zswap_writeback_entry()"),
    Counter(
        "zswap_reject_compress_poor",
        "Pages that zswap refused because they do not compress.",
        "vmstat",
        "reject_compress_poor of zswap's debugfs",
    ),
    Counter(
        "zswap_reject_alloc_fail",
        "Pages that zswap had no free page for.",
        "vmstat",
        "reject_alloc_fail of zswap's debugfs",
    ),
    Counter(
        "zswap_pool_limit_hit", "Times that zswap was full.", "vmstat", "pool_limit_hit of zswap's debugfs"
    ),
    Counter(
        "zram_failed_writes", "Pages that zram had no room for.", "vmstat", "failed_writes of zram's io_stat"
    ),
    Counter("swap_ra", "Pages of swap read ahead of being asked for.", "vmstat", "swap_vma_readahead()"),
    Counter("swap_ra_hit", "Of those, asked for later.", "vmstat", "swap_cache_get_folio()"),
    Counter("pgpgin", "File pages read from disk.", "vmstat", "filemap_read_folio()"),
    Counter("pgpgout", "File pages written to disk.", "vmstat", "writeback"),
    Counter(
        "workingset_refault_anon", "Anonymous pages that came back with a shadow.", "vmstat", _WORKINGSET
    ),
    Counter("workingset_refault_file", "File pages that came back with a shadow.", "vmstat", _WORKINGSET),
    Counter("workingset_activate_anon", "Of those, activated at once.", "vmstat", _WORKINGSET),
    Counter("workingset_activate_file", "Of those, activated at once.", "vmstat", _WORKINGSET),
    Counter("workingset_restore_anon", "Of those, part of the working set before.", "vmstat", _WORKINGSET),
    Counter("workingset_restore_file", "Of those, part of the working set before.", "vmstat", _WORKINGSET),
    Counter("readahead", "File pages read ahead of being asked for.", "vmstat", "ours"),
    Counter("readahead_wasted", "Of those, freed before anybody asked.", "vmstat", "ours"),
    Counter("fault_around", "PTEs set for cached pages around read faults.", "vmstat", "ours"),
    Counter("allocstall", "Direct reclaims entered.", "vmstat", "__alloc_pages_direct_reclaim()"),
    Counter(
        "pgscan_direct_throttle",
        "Times a task waited because less than half of the minimum was free.",
        "vmstat",
        "throttle_direct_reclaim()",
    ),
    Counter(
        "kswapd_wakeups", "Times kswapd woke from its sleep.", "vmstat", "ours, as mm_vmscan_kswapd_wake"
    ),
    Counter("pageoutrun", "Runs of kswapd over the priorities.", "vmstat", "balance_pgdat()"),
    Counter(
        "kswapd_low_wmark_hit_quickly",
        "Times kswapd was woken within 100 ms of a run.",
        "vmstat",
        "kswapd_try_to_sleep()",
    ),
    Counter(
        "kswapd_high_wmark_hit_quickly",
        "Times the node was short again when kswapd wanted to sleep.",
        "vmstat",
        "kswapd_try_to_sleep()",
    ),
    Counter("nr_dirtied", "File pages that became dirty.", "vmstat", "folio_account_dirtied()"),
    Counter("nr_written", "Pages written to files and to swap.", "vmstat", "__folio_end_writeback()"),
    Counter(
        "nr_vmscan_immediate_reclaim",
        "Dirty pages of files that reclaim marked, to free them when they are written.",
        "vmstat",
        "shrink_folio_list()",
    ),
    Counter(
        "balance_dirty_paused",
        "Times a task slept because too much was dirty.",
        "vmstat",
        "ours, as the tracepoint balance_dirty_pages",
    ),
    Counter(
        "throttled_writeback", "Waits of kswapd for writes to end.", "vmstat", "ours, as mm_vmscan_throttled"
    ),
    Counter(
        "throttled_isolated",
        "Waits of reclaimers because others had too many folios isolated.",
        "vmstat",
        "the same",
    ),
    Counter(
        "throttled_congested", "Waits of reclaimers that met only pages being written.", "vmstat", "the same"
    ),
    Counter("throttled_noprogress", "Waits of direct reclaim that frees nothing.", "vmstat", "the same"),
    Counter("oom_kill", "Tasks killed for lack of memory.", "vmstat", "oom_kill_process()"),
    Counter("numa_hit", "Pages that came from the node they were to come from.", "vmstat", _NUMA),
    Counter("numa_miss", "Pages that came from this node though another was meant.", "vmstat", _NUMA),
    Counter("numa_foreign", "Pages meant for this node that came from another.", "vmstat", _NUMA),
    Counter("numa_interleave", "Pages that came from their turn of an interleave policy.", "vmstat", _NUMA),
    Counter("numa_local", "Pages that came from their task's home node.", "vmstat", _NUMA),
    Counter("numa_other", "Pages that came from another node than their task's home.", "vmstat", _NUMA),
    Counter("pgmigrate_success", "Pages that moved to another node.", "vmstat", "migrate_pages()"),
    Counter("pgmigrate_fail", "Pages that were to move and could not.", "vmstat", "migrate_pages()"),
    Counter("thp_migration_split", "Folios of 2 MiB split to be moved.", "vmstat", "migrate_pages()"),
    Counter(
        "pgdemote_kswapd",
        "Pages that kswapd moved to a slower tier; pgsteal has them too.",
        "vmstat",
        "demote_folio_list()",
    ),
    Counter(
        "pgdemote_direct",
        "Pages that direct and limit reclaim moved to a slower tier; pgsteal has them too.",
        "vmstat",
        "demote_folio_list()",
    ),
    Counter(
        "numa_pte_updates", "PTEs of slow memory that were made to fault.", "vmstat", "change_prot_numa()"
    ),
    Counter("numa_hint_faults", "Faults on such PTEs.", "vmstat", "do_numa_page()"),
    Counter(
        "numa_pages_migrated",
        "Pages that moved to the node of the task that used them.",
        "vmstat",
        "migrate_misplaced_folio()",
    ),
    Counter(
        "pgpromote_success",
        "Of those, pages that came to the fastest tier.",
        "vmstat",
        "migrate_misplaced_folio()",
    ),
    Counter(
        "pgpromote_candidate",
        "Pages that were hot enough to be promoted, whether they could be or not.",
        "vmstat",
        "numa_promotion_rate_limit()",
    ),
    Counter("node_accesses", "Accesses to pages of the node, on machines with several.", "vmstat", "ours"),
    Counter("toptier_accesses", "Of those, accesses to nodes of the fastest tier.", "vmstat", "ours"),
    Counter(
        "unevictable_pgs_culled",
        "Pages moved to the unevictable list.",
        "vmstat",
        "lru_add(), __mlock_folio()",
    ),
    Counter(
        "unevictable_pgs_rescued",
        "Pages moved back from the unevictable list.",
        "vmstat",
        "__munlock_folio()",
    ),
    Counter("unevictable_pgs_mlocked", "Pages that became locked.", "vmstat", "mlock_folio()"),
    Counter("unevictable_pgs_munlocked", "Pages that are locked no more.", "vmstat", "__munlock_folio()"),
    Counter(
        "reclaim_kswapd_ns",
        "Virtual time of kswapd in passes over lruvecs, writes included.",
        "vmstat",
        "ours",
    ),
    Counter(
        "reclaim_direct_ns", "The same of direct and limit reclaim, and of memory.reclaim.", "vmstat", "ours"
    ),
    Counter(
        "lru_lock_ns",
        "Of any virtual time, that which list operations take under the lruvec's lock.",
        "vmstat",
        "ours",
    ),
    Counter(
        "thp_fault_alloc",
        "Faults that mapped a folio of 512 pages by one entry.",
        "vmstat",
        "do_huge_pmd_anonymous_page()",
    ),
    Counter(
        "thp_fault_fallback",
        "Faults that could have and found no memory for it.",
        "vmstat",
        "do_huge_pmd_anonymous_page()",
    ),
    Counter("thp_split_page", "Folios of 512 pages split.", "vmstat", "split_huge_page_to_list_to_order()"),
    Counter(
        "thp_split_pmd", "Entries that became a page table of 512.", "vmstat", "__split_huge_pmd_locked()"
    ),
    Counter(
        "thp_deferred_split_page",
        "Folios of 512 pages queued to be split, as they were unmapped in part.",
        "vmstat",
        "deferred_split_folio()",
    ),
    Counter("thp_swpout", "Folios of 512 pages swapped out whole.", "vmstat", "swap_writepage()"),
    Counter(
        "thp_swpout_fallback",
        "Folios of 512 pages split because swap had no room in a row.",
        "vmstat",
        "shrink_folio_list()",
    ),
    Counter(
        "mthp_anon_fault_alloc",
        "Large folios allocated by anonymous faults, all orders.",
        "vmstat",
        "MTHP_STAT_ANON_FAULT_ALLOC, summed",
    ),
    Counter(
        "mthp_anon_fault_fallback",
        "Orders tried by anonymous faults without success.",
        "vmstat",
        "MTHP_STAT_ANON_FAULT_FALLBACK, summed",
    ),
    Counter("mthp_swpout", "Large folios swapped out whole.", "vmstat", "MTHP_STAT_SWPOUT, summed"),
    Counter(
        "mthp_swpout_fallback",
        "Large folios split because swap had no room in a row.",
        "vmstat",
        "MTHP_STAT_SWPOUT_FALLBACK, summed",
    ),
    Counter("mthp_split", "Large folios split.", "vmstat", "MTHP_STAT_SPLIT, summed"),
    Counter(
        "mthp_split_deferred",
        "Large folios queued to be split.",
        "vmstat",
        "MTHP_STAT_SPLIT_DEFERRED, summed",
    ),
    Counter("ptes_walked", "PTEs visited by page-table walks.", "vmstat", "ours"),
    Counter("rmap_walked", "PTEs visited by rmap walks.", "vmstat", "ours"),
)

_MEMORY_EVENTS = (
    Counter(
        "memory_events_low",
        "Times that reclaim came to a memcg although its usage was below its low.",
        "memory_events",
        "shrink_node_memcgs()",
    ),
    Counter(
        "memory_events_high",
        "Times that reclaim ran because the memcg was above its high.",
        "memory_events",
        "reclaim_high()",
    ),
    Counter(
        "memory_events_max",
        "Times that a charge met the memcg's max and had to reclaim.",
        "memory_events",
        "try_charge_memcg()",
    ),
    Counter(
        "memory_events_oom",
        "Times that reclaim at the memcg's max came to nothing and somebody had to be killed.",
        "memory_events",
        "mem_cgroup_oom()",
    ),
    Counter(
        "memory_events_oom_group_kill",
        "Times that the memcg was killed as a whole.",
        "memory_events",
        "oom_kill_process()",
    ),
)

_CORE_DID = (
    Counter(
        "forced_release",
        "Pages that the core took from list tails because the policy made no progress.",
        "core_did",
        "ours",
    ),
    Counter("refused_answer", "Answers that the core had to refuse.", "core_did", "ours"),
    Counter(
        "default_taken",
        "Questions that the default answered because the policy could not.",
        "core_did",
        "ours",
    ),
    Counter(
        "budget_hit", "Hook invocations that charged more virtual time than their fuel.", "core_did", "ours"
    ),
    Counter(
        "batch_limit_hit",
        "Passes that the core ended because the policy asked for batches without end.",
        "core_did",
        "ours",
    ),
    Counter(
        "skipped_unreclaimable",
        "Candidates passed over because they could not be reclaimed now.",
        "core_did",
        "ours",
    ),
    Counter(
        "filtered_locked",
        "Isolated folios put back because they were locked or under writeback.",
        "core_did",
        "ours",
    ),
    Counter("adopted", "Folios taken over from the policy that governed before.", "core_did", "ours"),
    Counter("ejected", "Policies ejected to the default.", "core_did", "ours"),
)

COUNTERS: tuple[Counter, ...] = (*_VMSTAT, *_MEMORY_EVENTS, *_CORE_DID)
