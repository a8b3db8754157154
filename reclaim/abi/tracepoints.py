"""Tracepoints: what the core can tell while it happens, under the kernel's names and with the kernel's fields.

Here: the one table of events. The C structs that the core fills, the decoder, both written forms and the reference page
come from it. To add one, write an entry here and one `TRACE(m, memcg, name, .field = …)` in the mechanism.

Fields of the kernel that the model has no value for (gfp flags, zones, addresses) are left out; fields that the kernel
has not are marked as ours and come last.
"""

from __future__ import annotations

from dataclasses import dataclass

MAX_TRACE_FIELDS = 14
"""Words of a record beside its head: with it two cache lines, and one more than mm_vmscan_lru_shrink_inactive needs."""

LRU_NAMES = ("inactive_anon", "active_anon", "inactive_file", "active_file", "unevictable", "none")
"""Values of kind `lru`: enum lru_list (mmzone.h v6.12), and 5 for a policy's own list that was empty."""

LRU_NONE = LRU_NAMES.index("none")

RECLAIM_FLAGS = {
    0x1: "RECLAIM_WB_ANON",
    0x2: "RECLAIM_WB_FILE",
    0x8: "RECLAIM_WB_ASYNC",
}
"""Bits of kind `reclaim_flags` (include/trace/events/vmscan.h v6.12)."""

THROTTLE_REASONS = {
    0x1: "VMSCAN_THROTTLE_WRITEBACK",
    0x2: "VMSCAN_THROTTLE_ISOLATED",
    0x4: "VMSCAN_THROTTLE_NOPROGRESS",
    0x8: "VMSCAN_THROTTLE_CONGESTED",
}
"""Bits of kind `throttle_reason`, 1 << enum vmscan_throttle_state (include/linux/mmzone.h v6.12)."""

TYPE_NAMES = ("anon", "file")


@dataclass(frozen=True, slots=True)
class TraceField:
    """Describe a field of an event.

    Args:
        name: of the C member and in the JSON; the kernel's.
        kind: how its number is written: `number`, `hex`, `lru` (a name), `lru_number`, `list` (name of the policy's
            list), `type` (anon or file), `reclaim_flags`, `throttle_reason`,
            `task` (name of a task), `pid`, `kilobytes`, `attachment` (name of a policy), `bare_hex` (without 0x),
            `page_offset` (a page, in the text the byte that it begins at).
        label: what the kernel's text writes before the value; None: the name and "=".
        ours: whether the kernel has no such field.
    """

    name: str
    kind: str = "number"
    label: str | None = None
    ours: bool = False


@dataclass(frozen=True, slots=True)
class Tracepoint:
    """Describe an event.

    Args:
        name: the kernel's, or ours where the kernel has only a counter.
        system: the kernel's trace system.
        doc: when it happens.
        fields: in the kernel's order, ours last.
        source: the kernel function that emits it, or "ours".
        begins: name of the slice that it opens on the track of who is running; "" for none.
        ends: name of the slice that it closes.
    """

    name: str
    system: str
    doc: str
    fields: tuple[TraceField, ...]
    source: str
    begins: str = ""
    ends: str = ""


_NID = TraceField("nid")
_ORDER = TraceField("order")
_PFN = TraceField("pfn", "hex")
_TYPE = TraceField("type", "type", ours=True)
_PRIORITY = TraceField("priority")
_FLAGS = TraceField("reclaim_flags", "reclaim_flags", "flags=")
_NR_RECLAIMED = TraceField("nr_reclaimed")


def _numbers(names: str) -> tuple[TraceField, ...]:
    return tuple(TraceField(name) for name in names.split())


_VMSCAN = (
    Tracepoint(
        "mm_vmscan_wakeup_kswapd",
        "vmscan",
        "An allocation wakes kswapd.",
        (_NID, _ORDER),
        "wakeup_kswapd()",
    ),
    Tracepoint(
        "mm_vmscan_kswapd_wake",
        "vmscan",
        "kswapd begins to balance its node.",
        (_NID, _ORDER),
        "kswapd()",
        begins="kswapd",
    ),
    Tracepoint(
        "mm_vmscan_kswapd_sleep",
        "vmscan",
        "kswapd goes to sleep.",
        (_NID, TraceField("nr_reclaimed", ours=True)),
        "kswapd_try_to_sleep()",
        ends="kswapd",
    ),
    Tracepoint(
        "mm_vmscan_direct_reclaim_begin",
        "vmscan",
        "A task that found no free page begins to reclaim.",
        (_ORDER,),
        "try_to_free_pages()",
        begins="direct reclaim",
    ),
    Tracepoint(
        "mm_vmscan_direct_reclaim_end",
        "vmscan",
        "It is done.",
        (_NR_RECLAIMED,),
        "try_to_free_pages()",
        ends="direct reclaim",
    ),
    Tracepoint(
        "mm_vmscan_memcg_reclaim_begin",
        "vmscan",
        "Reclaim of a memcg begins: at its limit, or by memory.reclaim.",
        (_ORDER,),
        "try_to_free_mem_cgroup_pages()",
        begins="memcg reclaim",
    ),
    Tracepoint(
        "mm_vmscan_memcg_reclaim_end",
        "vmscan",
        "It is done.",
        (_NR_RECLAIMED,),
        "try_to_free_mem_cgroup_pages()",
        ends="memcg reclaim",
    ),
    Tracepoint(
        "mm_vmscan_lru_isolate",
        "vmscan",
        "A batch was taken off a list.",
        (
            _ORDER,
            *_numbers("nr_requested nr_scanned nr_skipped nr_taken"),
            TraceField("lru", "lru"),
            TraceField("nid", ours=True),
            TraceField("list", "list", ours=True),
            TraceField("nr_moved", ours=True),
        ),
        "isolate_lru_folios(), scan_folios()",
    ),
    Tracepoint(
        "mm_vmscan_write_folio",
        "vmscan",
        "Reclaim writes a dirty folio.",
        (_PFN, _FLAGS),
        "pageout()",
    ),
    Tracepoint(
        "mm_vmscan_lru_shrink_inactive",
        "vmscan",
        "A batch was reclaimed, as far as it went.",
        (
            _NID,
            *_numbers(
                "nr_scanned nr_reclaimed nr_dirty nr_writeback nr_congested nr_immediate nr_activate_anon "
                "nr_activate_file nr_ref_keep nr_unmap_fail"
            ),
            _PRIORITY,
            _FLAGS,
            TraceField("list", "list", ours=True),
        ),
        "shrink_inactive_list(), evict_folios()",
    ),
    Tracepoint(
        "mm_vmscan_lru_shrink_active",
        "vmscan",
        "A batch of active folios was looked at for deactivation.",
        (_NID, *_numbers("nr_taken nr_active nr_deactivated nr_referenced"), _PRIORITY, _FLAGS),
        "shrink_active_list()",
    ),
    Tracepoint(
        "mm_vmscan_throttled",
        "vmscan",
        "Who reclaimed has waited, for writeback or because it got nowhere.",
        (
            *_numbers("nid usec_timeout"),
            TraceField("usec_delayed", label="usect_delayed="),
            TraceField("reason", "throttle_reason"),
        ),
        "reclaim_throttle()",
    ),
    Tracepoint(
        "lru_age_begin",
        "vmscan",
        "A policy begins to age a lruvec.",
        (TraceField("nid", ours=True), TraceField("priority", ours=True)),
        "ours, around try_to_inc_max_seq()",
        begins="age",
    ),
    Tracepoint("lru_age_end", "vmscan", "It is done.", (TraceField("nid", ours=True),), "ours", ends="age"),
)

_PAGEMAP = (
    Tracepoint(
        "mm_lru_insertion",
        "pagemap",
        "A new folio comes onto a list as its batch drains.",
        (_PFN, TraceField("lru", "lru_number"), TraceField("list", "list", ours=True)),
        "lru_add()",
    ),
    Tracepoint(
        "mm_lru_activate",
        "pagemap",
        "A folio becomes active as its batch drains.",
        (_PFN,),
        "lru_activate()",
    ),
)

_OF_FILE = (TraceField("i_ino", "bare_hex", "ino "), _PFN, TraceField("index", "page_offset", "ofs="), _ORDER)

_FILEMAP = (
    Tracepoint(
        "mm_filemap_add_to_page_cache",
        "filemap",
        "A folio of a file enters the page cache.",
        _OF_FILE,
        "__filemap_add_folio()",
    ),
    Tracepoint(
        "mm_filemap_delete_from_page_cache",
        "filemap",
        "Reclaim takes a folio of a file out of the page cache.",
        _OF_FILE,
        "__filemap_remove_folio()",
    ),
)

_WORKINGSET = (
    Tracepoint(
        "workingset_eviction",
        "workingset",
        "A folio leaves a shadow.",
        (TraceField("pfn", "hex", ours=True), _TYPE, TraceField("cookie", ours=True)),
        "ours, in workingset_eviction()",
    ),
    Tracepoint(
        "workingset_refault",
        "workingset",
        "A page comes back that left a shadow.",
        (
            TraceField("pfn", "hex", ours=True),
            _TYPE,
            TraceField("distance", ours=True),
            TraceField("activated", ours=True),
            TraceField("restored", ours=True),
        ),
        "ours, in workingset_refault()",
    ),
)

_WRITEBACK = (
    Tracepoint(
        "balance_dirty_pages",
        "writeback",
        "A task that dirties files faster than they can be written is about to wait, or need not yet; rate in KB/s, times in ms.",
        _numbers("limit setpoint dirty task_ratelimit dirtied dirtied_pause pause period think"),
        "balance_dirty_pages()",
    ),
    Tracepoint(
        "writeback_single_inode",
        "writeback",
        "The flusher has written a chunk of a file.",
        _numbers("ino index nr_to_write wrote"),
        "writeback_single_inode()",
    ),
)

_OOM = (
    Tracepoint(
        "mark_victim",
        "oom",
        "The OOM killer takes a task.",
        (
            TraceField("pid", "pid"),
            TraceField("comm", "task"),
            TraceField("total_vm", "kilobytes", "total-vm="),
            TraceField("anon_rss", "kilobytes", "anon-rss="),
            TraceField("file_rss", "kilobytes", "file-rss:"),
            TraceField("pgtables", "kilobytes"),
        ),
        "mark_oom_victim()",
    ),
)

_POLICY = (
    Tracepoint(
        "policy_event",
        "policy",
        "A policy calls emit().",
        (
            TraceField("attachment", "attachment", "policy=", ours=True),
            TraceField("id", ours=True),
            TraceField("a", ours=True),
            TraceField("b", ours=True),
        ),
        "ours",
    ),
)

TRACEPOINTS: tuple[Tracepoint, ...] = (
    *_VMSCAN,
    *_PAGEMAP,
    *_FILEMAP,
    *_WORKINGSET,
    *_WRITEBACK,
    *_OOM,
    *_POLICY,
)
