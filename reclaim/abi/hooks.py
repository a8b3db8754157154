"""The questions that the core asks a policy.

A hook is declared here only if the core calls it. Every hook is optional; what happens without it
stands in `default`. Most defaults are the corresponding hook of the built-in policy `trad`, which
is always present underneath: the core holds no second copy of a preference.

    the way in:    miss -> charge (and its reclaim) -> folio_admit -> add batch drains -> folio_added
    a hit:         mapped: the PTE's Accessed bit, nobody is asked; buffered: folio_accessed
    a reclaim:     once per node and priority prepare_scan for the target, then a pass over each lruvec
                   below it; reclaim_end when all priorities are through
    a pass:        pass_begin -> next_batch -> isolate_folio for each candidate -> batch_isolated
                   -> reclaim_folio for each isolated folio -> freed: folio_evicted | not freed: folio_putback
                   -> batch_done -> next_batch ... -> STOP
    inside:        DEACTIVATE -> deactivate_folio for each; AGE -> age (-> pte_young for each young
                   PTE that its page-table walk finds)
    another node:  reclaim_folio -> demotion_target, or a fault -> promote;
                   then folio_admit -> folio_moved -> folio_added
    without reclaim: folio_removed
    birth, death:  init, exit for each lruvec governed
"""

from __future__ import annotations

from reclaim.abi.kinds import Hook, Param
from reclaim.abi.limits import MAX_NODES, MAX_PAGES

_LRUVEC = Param("lruvec", "Lruvec", "The lruvec concerned.")
_FOLIO = Param("folio", "Folio", "The folio concerned.")
_SC = Param("sc", "ScanControl", "What the reclaim wants and has done.")

_STATE_ONLY = ("integer", "workingset", "memcg", "map", "time", "event")
_LISTS = (*_STATE_ONLY, "list")

_SMALL = 4_000
"""Budget of hooks asked for every access or folio: a few map look-ups, one rmap walk with its
widest look-around."""

_PASS = 50_000
"""Budget of hooks asked once per batch or pass: loops over generations, tiers, ancestors."""

_WALK = 400_000_000
"""Budget of the age hook: one page-table walk of the largest declared limit."""

_SMALL_FUEL_NS = 200_000
_PASS_FUEL_NS = 2_000_000
_WALK_FUEL_NS = 10_000_000_000

HOOKS: dict[str, Hook] = {
    h.name: h
    for h in (
        Hook(
            name="init",
            purpose="Set up the state of a lruvec.",
            when="The policy is attached, or a memcg is born below an attachment; declared state already holds its initial values.",
            params=(_LRUVEC,),
            result="None",
            default="Nothing.",
            budget=_PASS,
            fuel_ns=_PASS_FUEL_NS,
            families=_LISTS,
            related=("exit",),
            source="lru_gen_init_lruvec()",
        ),
        Hook(
            name="exit",
            purpose="Take leave of a lruvec.",
            when="The policy is detached or ejected; its lists are still as it left them and are handed to the next policy afterwards.",
            params=(_LRUVEC,),
            result="None",
            default="Nothing.",
            budget=_PASS,
            fuel_ns=_PASS_FUEL_NS,
            families=_STATE_ONLY,
            related=("init",),
        ),
        Hook(
            name="folio_admit",
            purpose="Decide the flags of a folio that was charged and is on no list yet, and account its refault.",
            when="After the charge (and its reclaim), before the folio enters the add batch.",
            params=(
                _LRUVEC,
                _FOLIO,
                Param(
                    "shadow",
                    "Shadow | None",
                    "What is left of its last stay, None if it never was here, was forgotten, or a buffered write makes it anew.",
                ),
                Param("reason", "Added", "Why it comes."),
            ),
            result="None",
            may="Set is_active, is_referenced, is_workingset and the policy's per-folio state. A folio with a shadow that leaves active moves the clock.",
            must_not="Choose a list: folio_added does.",
            default="As trad: the refault-distance test activates.",
            budget=_SMALL,
            fuel_ns=_SMALL_FUEL_NS,
            families=_STATE_ONLY,
            related=("folio_added", "folio_evicted"),
            source="workingset_refault(), lru_gen_refault()",
        ),
        Hook(
            name="folio_added",
            purpose="Choose the list and end for a folio that enters.",
            when="The add batch drains (at once when the machine has no batching), and for each folio adopted from another policy.",
            params=(_LRUVEC, _FOLIO, Param("reason", "Added", "Why it comes.")),
            result="Place",
            default="As trad: the head of the active or inactive list of its type.",
            on_fault="A place on a list of another policy counts as refused; the default decides.",
            budget=_SMALL,
            fuel_ns=_SMALL_FUEL_NS,
            families=_LISTS,
            related=("folio_admit",),
            source="lru_add(), lru_gen_add_folio()",
        ),
        Hook(
            name="folio_accessed",
            purpose="Learn of an access that the core sees.",
            when="A read or write through a file descriptor, the read that brought the folio in included, or the unmapping of a young file PTE. A mapped access is invisible, as in hardware: it sets the PTE's Accessed bit only.",
            params=(_LRUVEC, _FOLIO, Param("how", "Access", "What happened.")),
            result="Place | None",
            may="Answer a place: the folio moves there when the activate batch drains, unless it was isolated meanwhile. Such a move counts as pgactivate; on a standard active list it sets is_active.",
            default="As trad: the second read activates; a folio on a list of the policy's own stays where it is.",
            budget=_SMALL,
            fuel_ns=_SMALL_FUEL_NS,
            families=_STATE_ONLY,
            related=("pte_young",),
            source="folio_mark_accessed()",
        ),
        Hook(
            name="pte_young",
            purpose="Learn that a PTE of the folio was young.",
            when="A page-table walk or a look-around found and cleared the Accessed bit; the folio may be isolated.",
            params=(_LRUVEC, _FOLIO, Param("where", "Where", "Who found it.")),
            result="Place | None",
            may="Answer a place for a look-around: the folio moves there when the activate batch drains, as for folio_accessed, unless the hook then names another (Where.DRAIN). A walk has no batch and moves nothing; `retarget` does.",
            must_not="Change anything but the folio's own state and its claimed list: it stands for the lock-free age update.",
            default="Sets is_referenced.",
            budget=_SMALL,
            fuel_ns=_SMALL_FUEL_NS,
            families=("integer", "workingset", "retarget"),
            related=("age",),
            source="walk_pte_range(), lru_gen_look_around()",
        ),
        Hook(
            name="prepare_scan",
            purpose="Look at the whole of what a reclaim is about, before its parts are scanned.",
            when="Once per node and priority, with the target's lruvec on that node (the root's for a node's reclaim), before the first pass over a lruvec below it that the policy governs. Where several policies govern parts of the target, each is asked.",
            params=(
                Param(
                    "lruvec",
                    "Lruvec",
                    "The target's lruvec; its own sizes leave descendants out, page_state() counts them.",
                ),
                _SC,
            ),
            result="None",
            may="Decide what holds for every lruvec of the round, and keep it in state of the scan.",
            default="As trad: costs, permission to deactivate, cache trimming. Nothing for a policy with a next_batch of its own.",
            budget=_PASS,
            fuel_ns=_PASS_FUEL_NS,
            families=_LISTS,
            related=("pass_begin", "reclaim_end"),
            source="prepare_scan_control()",
        ),
        Hook(
            name="reclaim_end",
            purpose="Note how things stand when a reclaim ends.",
            when="When all priorities of a round are through, or kswapd's cycle, for each node where the policy governed something that was scanned; before the next rung of the ladder.",
            params=(Param("lruvec", "Lruvec", "The target's lruvec on that node."), _SC),
            result="None",
            may="Take the snapshot that the next reclaim compares with.",
            default="As trad: remembers the activation counters. Nothing for a policy with a next_batch of its own.",
            budget=_PASS,
            fuel_ns=_PASS_FUEL_NS,
            families=_LISTS,
            related=("prepare_scan",),
            source="snapshot_refaults()",
        ),
        Hook(
            name="pass_begin",
            purpose="Prepare a pass over a lruvec.",
            when="Once per lruvec and priority, after prepare_scan, before the first next_batch and before the add batches drain.",
            params=(_LRUVEC, _SC),
            result="None",
            may="Compute how much to scan from each list. A policy with this hook ends its passes itself, by STOP.",
            default="As trad: how much to scan of each list. With a next_batch of its own, a policy plans nothing: the core ends each pass once the target is met or pages >> priority were looked at.",
            budget=_PASS,
            fuel_ns=_PASS_FUEL_NS,
            families=_LISTS,
            related=("prepare_scan", "next_batch"),
            source="get_scan_count()",
        ),
        Hook(
            name="age",
            purpose="Make old what is old.",
            when="next_batch answered AGE.",
            params=(_LRUVEC, _SC),
            result="None",
            may="Walk page tables, move tails of lists in bulk.",
            default="Nothing.",
            budget=_WALK,
            fuel_ns=_WALK_FUEL_NS,
            families=(*_LISTS, "walk", "bulk"),
            related=("pte_young", "next_batch"),
            source="try_to_inc_max_seq()",
        ),
        Hook(
            name="next_batch",
            purpose="Say what to do next on this lruvec.",
            when="Again and again during a pass, with the outcome of the last batch, until STOP or QUIT or until the core's own limits end the pass.",
            params=(_LRUVEC, _SC, Param("last", "BatchResult", "What became of the last batch.")),
            result="Batch",
            default="As trad: proportional batches of the four lists.",
            on_fault="A list of another policy counts as refused and ends the pass of this lruvec.",
            budget=_PASS,
            fuel_ns=_PASS_FUEL_NS,
            families=(*_LISTS, "bulk"),
            related=("isolate_folio", "reclaim_folio", "deactivate_folio", "age"),
            source="shrink_lruvec(), evict_folios()",
        ),
        Hook(
            name="isolate_folio",
            purpose="Accept or refuse a candidate of a reclaim batch.",
            when="For each folio from the tail of the batch's list that could be reclaimed, under the lruvec lock.",
            params=(_LRUVEC, _FOLIO, _SC),
            result="Isolation",
            may="Move it where it belongs (lazily sorted lists, protection) or skip it.",
            default="TAKE.",
            on_fault="A refused place counts as SKIP; a skipped folio goes to the head of its list when the batch ends.",
            budget=_SMALL,
            fuel_ns=_SMALL_FUEL_NS,
            families=(*_LISTS, "retarget"),
            related=("reclaim_folio",),
            source="isolate_lru_folios(), sort_folio()",
        ),
        Hook(
            name="batch_isolated",
            purpose="Learn what a reclaim batch took, before any of it is processed.",
            when="Once per RECLAIM batch, also when nothing was taken, still under the lruvec lock.",
            params=(
                _LRUVEC,
                _SC,
                Param("result", "BatchResult", "What was looked at, taken, skipped and moved."),
            ),
            result="None",
            may="Advance what evictions of this batch are accounted to.",
            default="Nothing.",
            budget=_PASS,
            fuel_ns=_PASS_FUEL_NS,
            families=_LISTS,
            related=("isolate_folio", "batch_done"),
            source="try_to_inc_min_seq() in evict_folios()",
        ),
        Hook(
            name="deactivate_folio",
            purpose="Place a folio of a DEACTIVATE batch.",
            when="For each folio of such a batch, taken from the tail.",
            params=(_LRUVEC, _FOLIO, _SC),
            result="Place",
            default="As trad: the inactive list, unless it is referenced and executable.",
            on_fault="A refused place counts as the head of the list that it came from.",
            budget=_SMALL,
            fuel_ns=_SMALL_FUEL_NS,
            families=(*_LISTS, "rmap"),
            source="shrink_active_list()",
        ),
        Hook(
            name="reclaim_folio",
            purpose="Give the verdict on an isolated folio.",
            when="For each folio taken by a reclaim batch; locked, mlocked and writeback folios are filtered out before.",
            params=(_LRUVEC, _FOLIO, _SC),
            result="Verdict",
            default="As trad: second chance by rmap references; what would be activated goes to the head of its list if that is one of the policy's own.",
            on_fault="A refused place counts as ROTATE.",
            budget=_SMALL,
            fuel_ns=_SMALL_FUEL_NS,
            families=(*_LISTS, "rmap"),
            related=("folio_putback", "folio_evicted"),
            source="shrink_folio_list(), folio_check_references()",
        ),
        Hook(
            name="folio_putback",
            purpose="Place a folio that was isolated and could not be freed.",
            when="After RECLAIM failed, for the stated reason, or the folio was filtered out.",
            params=(_LRUVEC, _FOLIO, Param("outcome", "Outcome", "Why it was not freed."), _SC),
            result="Place",
            default="As trad for a folio from a kernel list; else the head of the list that it came from.",
            on_fault="A refused place counts as the default.",
            budget=_SMALL,
            fuel_ns=_SMALL_FUEL_NS,
            families=_LISTS,
            related=("reclaim_folio",),
            source="move_folios_to_lru()",
        ),
        Hook(
            name="batch_done",
            purpose="Learn what became of a batch.",
            when="After each RECLAIM or DEACTIVATE batch, before the next next_batch.",
            params=(_LRUVEC, _SC, Param("result", "BatchResult", "What became of it.")),
            result="None",
            default="As trad: notes the cost of anon and file. Nothing for a policy with a next_batch of its own.",
            budget=_PASS,
            fuel_ns=_PASS_FUEL_NS,
            families=_LISTS,
            related=("next_batch",),
            source="lru_note_cost()",
        ),
        Hook(
            name="demotion_target",
            purpose="Choose the node that a folio is demoted to.",
            when="The verdict was RECLAIM or RECLAIM_CLEAN, demotion is switched on, and there is a slower tier below the folio's node.",
            params=(
                _LRUVEC,
                _FOLIO,
                Param(
                    "nodes",
                    "u64",
                    "The nodes of slower tiers, bit per node.",
                    min=1,
                    max=(1 << MAX_NODES) - 1,
                ),
                Param("nearest", "u64", "The kernel's choice for this batch.", max=MAX_NODES - 1),
            ),
            result="Target",
            may="Keep a folio from being demoted, by NOWHERE: reclaim then frees it here.",
            default="The nearest node of the next slower tier; of several equally near ones, one drawn for the batch.",
            on_fault="A node that is not in `nodes` counts as NOWHERE.",
            budget=_SMALL,
            fuel_ns=_SMALL_FUEL_NS,
            families=(*_STATE_ONLY, "node"),
            related=("reclaim_folio", "folio_moved"),
            source="next_demotion_node(), alloc_migrate_folio()",
        ),
        Hook(
            name="promote",
            purpose="Decide whether a folio of a slower tier comes to the node of the task that uses it.",
            when="A task of a faster tier met a PTE that NUMA balancing had marked.",
            params=(
                _LRUVEC,
                _FOLIO,
                Param("nid", "u64", "The node that it would come to.", max=MAX_NODES - 1),
                Param("latency", "u64", "Time from mark to fault in ms.", max=(1 << 32) - 1),
            ),
            result="Promotion",
            default="The kernel's: yes while the node has 1 GiB or 1/16 of itself free beyond its watermarks; else if the latency is below the hot threshold, which follows the rate limit, and the rate limit is not reached.",
            budget=_SMALL,
            fuel_ns=_SMALL_FUEL_NS,
            families=(*_STATE_ONLY, "node"),
            related=("folio_moved", "demotion_target"),
            source="should_numa_migrate_memory()",
        ),
        Hook(
            name="folio_moved",
            purpose="Learn that a folio's contents moved to another frame, and so to another lruvec.",
            when="After folio_admit of the new folio, before its folio_added. Its mappings, flags and key are those of the old one; the policy's per-folio state was copied if the same attachment governs both.",
            params=(
                Param("lruvec", "Lruvec", "The lruvec that it comes to."),
                Param("old", "Folio", "The folio as it was, about to be freed."),
                Param("folio", "Folio", "The folio as it is now."),
                Param("why", "Migrated", "Why it moved."),
            ),
            result="None",
            default="Nothing.",
            budget=_SMALL,
            fuel_ns=_SMALL_FUEL_NS,
            families=_STATE_ONLY,
            related=("folio_admit", "folio_added"),
            source="folio_migrate_flags()",
        ),
        Hook(
            name="folio_removed",
            purpose="Learn that a folio goes without having been reclaimed.",
            when="The folio is being freed, still readable, already on no list.",
            params=(_LRUVEC, _FOLIO, Param("why", "Removal", "Why it goes.")),
            result="None",
            may="Forget the folio's key.",
            default="Nothing.",
            budget=_SMALL,
            fuel_ns=_SMALL_FUEL_NS,
            families=_STATE_ONLY,
            related=("folio_evicted",),
            source="free_unref_folios()",
        ),
        Hook(
            name="high_delay",
            purpose="Say how long a task waits that went above memory.high.",
            when="On its way out of the kernel, after each reclaim that did not bring the usage down; asked of the policy that governs the task's own lruvec. The task waits when reclaim makes no progress any more.",
            params=(
                _LRUVEC,
                Param(
                    "overage",
                    "u64",
                    "The largest excess over all ancestors, in 1/1,048,576 of their memory.high.",
                    min=1,
                    max=MAX_PAGES << 20,
                ),
                Param("nr_pages", "u64", "Pages that the task has charged meanwhile.", min=1, max=1 << 32),
            ),
            result="u64",
            may="Answer nanoseconds; up to 8 ms are not waited, above 2 s are cut.",
            default="The kernel's: the square of the excess, scaled by what the task charged.",
            budget=_SMALL,
            fuel_ns=_SMALL_FUEL_NS,
            families=_STATE_ONLY,
            source="calculate_high_delay(), mm/memcontrol.c",
        ),
        Hook(
            name="folio_evicted",
            purpose="Choose the cookie that stays in the shadow entry.",
            when="The folio is being freed by reclaim, still readable, already on no list.",
            params=(_LRUVEC, _FOLIO),
            result="u64",
            may="Answer at most 18 bits; higher bits are cut off. Remember the folio's key in a map.",
            default="0; the core stamps the clock in any case.",
            budget=_SMALL,
            fuel_ns=_SMALL_FUEL_NS,
            families=_STATE_ONLY,
            related=("folio_admit",),
            source="workingset_eviction(), lru_gen_eviction()",
        ),
    )
}
