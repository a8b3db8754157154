"""A recorded run, run again by the model: the same phases on a machine that mirrors the harness.

Here: the machine, the two phases, and what is read off at the end. Not here: what the kernel gave
(validation_recording.py) and how close that is (validation.py).

What the harness did: readahead and fault-around off; a fresh memcg with memory.max alone; every anonymous page written
once in index order, then every file page read once in index order, through the mapping or through the descriptor; then
the trace, by one task. Counters are differences over the trace. A machine of one GiB never wakes kswapd for regions of
this size, and a zram of one GiB never fills; both grow with larger runs. The harness lived in the memcg too: what it
used of the limit for itself is taken off. It woke its parent every 4 ms on an emulated CPU where one page-table walk
takes about as long, so every walk found the task switched in; but not where kswapd walks twice in one go, on the
processor that it shares with the task. Nothing here makes up for what the model lacks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from reclaim.abi.limits import PAGE_BYTES
from reclaim.engine import Attachment, Machine, MemcgConfig, NodeConfig, Task
from reclaim.engine.list_dump import nr_generations
from reclaim.lab.validation_recording import FILE_BIT, INDEX_MASK, Generation, RecordedRun
from reclaim.workload import access_trace
from reclaim.workload.access_trace import BUFFERED, CHUNK_RECORDS, WRITE, FileSpec, Records, TraceHeader

GUEST_PAGES = 1 << 18
"""Memory of the recorded guest, and its zram: 1 GiB each."""

KERNEL_FLUSH_NS = 2_000_000_000
"""FLUSH_TIME (mm/memcontrol.c v6.12), in which the kernel folds its counters if nobody reads them."""

READS_SUMS = ("trad",)
"""Algorithms that decide on what is folded; MGLRU counts its generations itself. Writers of files are held back by what
is folded under either."""

GUEST_ACCESS_NS = 20
"""A hit: the harness's loop has some twenty instructions."""

GUEST_COSTS = {
    "minor_fault_ns": 2_300,  # with the next: 12.8 us for a miss without its reclaim, less what follows
    "major_fault_ns": 2_700,
    "buffered_ns": 1_900,  # __x64_sys_pread64() of a page that is there, 1.6 us, and the way to it
    "alloc_page_ns": 1_000,  # __mem_cgroup_charge(), the allocator
    "rmap_pte_ns": 850,  # folio_referenced()
    "unmap_pte_ns": 1_400,  # try_to_unmap(): 1.25 us for a file, 1.55 us for anonymous memory
    "free_page_ns": 1_500,  # __remove_mapping() 1.0 us, free_unref_folios(), and what is left of 7.6 us for a page of a file
    "isolate_ns": 210,  # isolate_lru_folios()
    "list_move_ns": 400,  # move_folios_to_lru()
    "walk_pte_ns": 10,  # walk_pud_range()
    "retarget_ns": 175,  # walk_pte_range() takes 95 to 100 us for a table of 512 young entries
    "shrink_slab_ns": 11_000,  # shrink_slab()
    "zram_compress_ns": 17_000,  # swap_writepage() 14.6 us, add_to_swap(), and what is left of 24.8 us
    "zram_decompress_ns": 6_400,  # swap_read_folio(), and what makes 12.8 us of such a miss
    "swap_submit_ns": 4_000,  # swap_writepage() 2.0 us, add_to_swap() 1.3 us, and what is left of 6.9 us
}
"""Times of the recorded guest, whose clock counts instructions, one a nanosecond.

Measured in it: medians of the function graph tracer, less 0.6 us that the tracer takes itself (so much its sum is above
what kswapd had of the processor without it), and the processor's time of the task between context switches.
"""

MEMORY_DISK = {"ssd_read_ns": 2_500, "ssd_write_ns": 5_800, "ssd_copy_ns": 3_900, "ssd_compress_ns": 4_800}
"""A disk that is zram: its processor's time, of a request and of each of its pages.

6.4 us for a page that filemap_read_folio() reads; from tracepoints: 130 us for a window of 32; between two
wbc_writepage 14.5 us for a folio of a page, 285 us for one of 32.
"""

GUEST_INODES = 716
"""In use in the guest, whatever is dirty (nr_pages of writeback_start, less NR_FILE_DIRTY)."""

GUEST_SSD = {"ssd_read_ns": 88_000, "ssd_write_ns": 88_000, "ssd_page_ns": 1, "ssd_copy_ns": 1_870}
"""The guest's SSD is null_blk, for which every request takes 80 us (tests/fidelity/replayer.c); 8 us are the way there.

It lives in memory, and whoever makes a request copies its pages: 58 us from one block_rq_issue of 31 pages to the next.
"""

GUEST_SSD_REQUESTS = 64
"""Its hw_queue_depth, the module's default."""

GUEST_SSD_REQUEST_PAGES = 31
"""Its max_sectors, 255 where the module is told nothing, in whole pages (seen in block_rq_issue)."""

GUEST_PCP_PAGES = 252
"""Of a guest that is short, the per-CPU list's limit: four batches, the least there is (zone_highsize())."""

GUEST_SSD_PAGES = (1 << 14) - 1
"""Of it that is swap, behind the header."""

MEMCG = "/lab"
"""The memcg that has the limit, and the machine's only one without it."""

SIBLINGS = f"{MEMCG}/siblings"
"""The memcg between it and those of a group, where there is one."""

SWAPPINESS = 60
"""What the harness left at the kernel's default."""

FIRST_MAX_SEQ = 3
"""max_seq of a new lruvec (MIN_NR_GENS + 1, lru_gen_init_lruvec(), mm/vmscan.c v6.12); each aging adds 1."""

PTES_PER_TABLE = 512
"""PTEs of one page table: both regions start on a table's boundary, as the harness aligns them to 2 MiB."""

TREE_NODE_BYTES = 576 + 8 + 8
"""A node of the page cache's tree, x86-64 v6.12 (reclaim/core/kmem.c)."""

SLOTS_PER_TREE_NODE = 64
"""XA_CHUNK_SIZE, include/linux/xarray.h v6.12."""

METADATA_FILE = 1
"""The file system's own page among the trace's files."""

XFS_FOLIO_ORDER = 9
"""MAX_PAGECACHE_ORDER, which xfs permits (mapping_set_large_folios(), include/linux/pagemap.h v6.12); ext4 has 0."""


Report = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Replay:
    """Hold what the model did.

    Args:
        misses: pages brought in during the trace.
        trace_ns: virtual time of the trace.
        counters: the kernel's, over the trace phase.
        populate: likewise, over the phase before it.
        core_did: what the core did for the policy, over both.
        resident: which pages were resident at the end, shape (n_anon + n_file,), bool, anonymous first.
        levels: pages at the end by the names of memory.stat.
        generations: generations at the end, oldest first; None where the policy has none.
        is_killed: the OOM killer ended the task.
    """

    misses: int
    trace_ns: int
    counters: Mapping[str, int]
    populate: Mapping[str, int]
    core_did: Mapping[str, int]
    resident: npt.NDArray[np.bool_]
    levels: Mapping[str, int]
    generations: tuple[Generation, ...] | None
    is_killed: bool


class _TwoPhases:
    """Give the records of both phases, and look at the machine between them.

    A machine asks for a chunk when all that it was given before the last one has run; so by asking for the second
    chunk of the trace it says that populating, which is a chunk of its own, is over.
    """

    def __init__(self, header: TraceHeader, metadata: Records, populate: Records, trace: Records) -> None:
        self.header = header
        self.name = header.name
        self.nr_records = len(metadata) + len(populate) + len(trace)
        self.nr_before_trace = len(metadata) + len(populate)
        self._metadata = metadata
        self._populate = populate
        self._trace = trace
        self.begin: Callable[[], None] = lambda: None
        self.between: Callable[[], None] = lambda: None

    def chunks(self, nr_records: int = CHUNK_RECORDS) -> Iterator[Records]:
        """Yield what the file system read, the populate phase as one chunk, then the trace.

        One chunk is read ahead, so an empty one lets the first run before `begin`. All traces of a group have as many
        chunks before their trace, so that nobody populates before all have begun, and no trace begins before all have
        populated.
        """
        yield self._metadata
        yield self._metadata[:0]
        self.begin()
        yield self._populate
        yield self._trace[:nr_records]
        self.between()
        for start in range(nr_records, len(self._trace), nr_records):
            yield self._trace[start : start + nr_records]


def replay(run: RecordedRun, words: Records, report: Report | None = None) -> Replay:
    """Run a recorded case of one memcg on the model.

    Args:
        run: what was run.
        words: raw records of its trace, shape (n,), uint32, n >= run.accesses.
        report: called now and then with the records done, those of the populate phase included.

    Returns:
        What the model did.
    """
    return replay_group((run,), {run.trace: words}, report)[0]


def replay_group(
    runs: Sequence[RecordedRun], words: Mapping[str, Records], report: Report | None = None
) -> tuple[Replay, ...]:
    """Run memcgs that were recorded together on the model, or one that was recorded alone.

    Args:
        runs: what was run in each, by number.
        words: raw records by trace.
        report: as for `replay`.

    Returns:
        What the model did for each.
    """
    first, some = _replay(runs, words, report, 0), runs[0]
    if some.flushes is None or not (some.lru in READS_SUMS or _writes_files(runs, words)):
        return first
    trace_ns = max(replayed.trace_ns for replayed in first)
    period_ns = trace_ns // some.flushes if some.flushes else KERNEL_FLUSH_NS
    return _replay(runs, words, report, min(max(period_ns, 1), KERNEL_FLUSH_NS))


def _writes_files(runs: Sequence[RecordedRun], words: Mapping[str, Records]) -> bool:
    """Tell whether a trace makes pages of a file dirty."""
    return any(
        bool(
            np.any((words[run.trace] & WRITE != 0) & ((words[run.trace] & FILE_BIT != 0) | (run.n_anon == 0)))
        )
        for run in runs
        if run.n_file
    )


class _Member:
    """Hold a memcg of a replay with its task, and what was counted before the trace.

    Args:
        machine: where it runs.
        run: what was recorded.
        words: raw records of its trace.
        path: of the memcg.
    """

    def __init__(self, machine: Machine, run: RecordedRun, words: Records, path: str) -> None:
        self.stream = _stream(run, words)
        self._machine = machine
        self._run = run
        self._path = path
        self._counted = None if run.group is None else path  # who is alone is all that the machine counts
        self._task = machine.add_task(self.stream, memcg=path)
        self._populate: dict[str, int] | None = None
        self._before: dict[str, int] = {}
        if _has_metadata(run):
            self.stream.begin = lambda: self._task.hold_file_page(METADATA_FILE, 0)

    def look_between(self) -> None:
        """Note what was counted so far."""
        assert self._task.info["nr_records"] == self.stream.nr_before_trace or self._task.state == "killed"
        self._populate, self._before = self._machine.counters(self._counted), self._task.info

    def replayed(self, attachment: Attachment) -> Replay:
        """Return what the model did."""
        machine, task = self._machine, self._task
        if self._populate is None:  # killed before the trace began
            self.look_between()
        populate = self._populate or {}
        counters = machine.counters(self._counted)
        generations = _generations(machine, attachment, self._path)
        return Replay(
            misses=task.info["nr_missed_pages"] - self._before["nr_missed_pages"],
            trace_ns=task.info["clock_ns"] - self._before["clock_ns"],
            counters={name: value - populate[name] for name, value in counters.items()},
            populate=populate,
            core_did=machine.core_did,
            resident=_resident(self._run, task),
            levels=_levels(machine.list_pages(self._path), generations),
            generations=generations,
            is_killed=counters["oom_kill"] > 0,
        )


def _replay(
    runs: Sequence[RecordedRun], words: Mapping[str, Records], report: Report | None, stat_flush_ns: int
) -> tuple[Replay, ...]:
    machine = Machine(**_machine_options(runs), stat_flush_ns=stat_flush_ns)
    attachment = machine.attach(runs[0].lru)
    members = [_Member(machine, run, words[run.trace], _memcg_path(run)) for run in runs]

    def look_between() -> None:
        for member in members:
            member.look_between()

    members[0].stream.between = look_between  # the first asks for its trace when all have populated
    progress = None if report is None else lambda done, _total: report(done)
    if len(members) == 1:
        machine.run(progress)
    else:
        machine.run_in_turns(runs[0].turn or CHUNK_RECORDS, progress)
    return tuple(member.replayed(attachment) for member in members)


def _memcg_path(run: RecordedRun) -> str:
    if run.group is None:
        return MEMCG
    return f"{SIBLINGS if run.siblings_low_pages else MEMCG}/{run.number}"


def _memcgs(runs: Sequence[RecordedRun]) -> tuple[MemcgConfig, ...]:
    """Return the memcg that has the limit, and those of a group below it.

    Memory that the harness used in a memcg was protected there like any other.
    """
    some = runs[0]
    limit = some.limit_pages - harness_pages(runs) if some.pressure == "memcg" else None
    memcgs = [MemcgConfig(path=MEMCG, max_pages=limit)]
    if some.group is None:
        return tuple(memcgs)
    if some.siblings_low_pages:
        low = max(some.siblings_low_pages - sum(_own_harness_pages(run) for run in runs), 0)
        memcgs.append(MemcgConfig(path=SIBLINGS, low_pages=low))
    for run in runs:
        low, least = (max(pages - _own_harness_pages(run), 0) for pages in (run.low_pages, run.min_pages))
        memcgs.append(MemcgConfig(path=_memcg_path(run), low_pages=low, min_pages=least))
    return tuple(memcgs)


def _machine_options(runs: Sequence[RecordedRun]) -> dict[str, Any]:
    """Return a machine that is set up as the guest was."""
    run = runs[0]
    options: dict[str, Any] = {
        "swap": _swap(run, sum(member.n_anon for member in runs)),
        "memcgs": _memcgs(runs),
        "swappiness": SWAPPINESS,
        "forced_release": False,
        "read_ahead_kb": run.readahead_kb,
        "partial_reads": True,  # of 8 bytes
        "fault_around_bytes": run.fault_around_bytes,
        "file_folio_order": XFS_FOLIO_ORDER if run.fs == "xfs" else 0,
        "page_cluster": run.page_cluster,
        "switch_ns": _switch_ns(run),
        "nr_inodes": GUEST_INODES,
        "costs": GUEST_COSTS,
    }
    if run.disk == "memory":
        options |= {"costs": GUEST_COSTS | MEMORY_DISK, "ssd_in_memory": True}
    if run.swap == "ssd" or run.disk == "ssd":
        options |= {
            "costs": GUEST_COSTS | GUEST_SSD,
            "ssd_channels": GUEST_SSD_REQUESTS,
            "ssd_in_memory": False,
        }
        options |= {"max_request_pages": GUEST_SSD_REQUEST_PAGES}
    if run.compressed_bytes is not None:
        options |= {
            "compressed_bytes": run.compressed_bytes,
            "compressed_spread_permille": 0,  # the harness's pages hold as much noise each
            "incompressible_permille": 0,
        }
    if run.pressure == "memcg" or run.free_pages is None:
        return options | {"nodes": max(GUEST_PAGES, 4 * run.limit_pages)}
    kernel_pages = run.mid.get("kernel", 0) - run.start.get("kernel", 0)
    node = NodeConfig(pages=run.free_pages - kernel_pages, watermarks_pages=run.watermarks)
    return options | {"nodes": (node,), "pcp_high": GUEST_PCP_PAGES}


def _switch_ns(run: RecordedRun) -> int:
    """Return how often the task was switched in: where kswapd walks, after each of the harness's reads."""
    return 1000 * (run.flush_us or 0) if run.pressure == "machine" else 0


def _swap(run: RecordedRun, nr_anon: int) -> str:
    if run.swap == "none":
        return "none"
    kind, pages = {
        "zram": ("zram", max(GUEST_PAGES, 2 * nr_anon)),
        "ssd": ("ssd", GUEST_SSD_PAGES),
        "disk": ("disk", GUEST_PAGES // 4),
    }[run.swap]
    return f"{kind}:{pages}"


def harness_pages(runs: Sequence[RecordedRun]) -> int:
    """Return how many pages of memory.max the harness used for itself.

    Kernel memory is recorded between the phases: page tables, the file's tree, and some pages more, which are page
    tables of the harness's copy of the trace, its VMAs and the like, and the memcgs below the one with the limit.
    """
    kernel = runs[0].mid.get("kernel") if runs[0].group is None else runs[0].limited_kernel
    return 0 if kernel is None else kernel - sum(map(_kernel_pages, runs))


def _own_harness_pages(run: RecordedRun) -> int:
    return run.mid["kernel"] - _kernel_pages(run) if "kernel" in run.mid else 0


def _kernel_pages(run: RecordedRun) -> int:
    """Return what the model charges for page tables and the file's tree.

    Readahead goes beyond the pages that a trace uses, where the file does: the window that holds the last of them has
    led to the next one, so by less than two.
    """
    nr_mapped = [run.n_anon, run.n_file if run.mode != "fread" else 0]
    tables = sum(-(-pages // PTES_PER_TABLE) for pages in nr_mapped)
    beyond = 2 * run.readahead_kb * 1024 // PAGE_BYTES
    nodes, level = 0, min(run.n_file + beyond, max(run.file_pages or 0, run.n_file)) if run.n_file else 0
    while level > 1:
        level = -(-level // SLOTS_PER_TREE_NODE)
        nodes += level
    tree = -(-nodes * TREE_NODE_BYTES // PAGE_BYTES)
    directory = 1 if tables else 0
    return tables + directory + tree


def _stream(run: RecordedRun, words: Records) -> _TwoPhases:
    """Return both phases; without an anonymous region every index is one of the file.

    Opening a file of ext4 reads the block of the file system that describes it, into the memcg's page cache; the file
    system keeps that block.
    """
    words = words[: run.accesses]
    is_file = (words & FILE_BIT) != 0 if run.n_anon else np.ones(len(words), dtype=np.bool_)
    gap_pages = -run.n_anon % PTES_PER_TABLE
    file_base = np.uint32(BUFFERED if run.mode == "fread" else run.n_anon + gap_pages)
    trace = (words & INDEX_MASK) + np.where(is_file, file_base, np.uint32(0)) | words & np.uint32(WRITE)
    populate = np.concatenate(
        (
            np.arange(run.n_anon, dtype=np.uint32) | np.uint32(WRITE),
            np.arange(run.n_file, dtype=np.uint32) + file_base,
        )
    )
    mappings = [access_trace.Mapping(pages=run.n_anon, kind="anon")] if run.n_anon else []
    if run.n_file and run.mode != "fread":
        if gap_pages:
            mappings.append(access_trace.Mapping(pages=gap_pages, kind="anon", name="never touched"))
        mappings.append(access_trace.Mapping(pages=run.n_file, kind="file", file=0, shared=True))
    file_pages = max(run.file_pages or 0, run.n_file)
    metadata = np.full(int(_has_metadata(run)), file_pages | BUFFERED, dtype=np.uint32)
    files = (FileSpec("data", file_pages), FileSpec("metadata", 1)) if run.n_file else ()
    nr_records = len(metadata) + len(populate) + len(trace)
    header = TraceHeader(run.trace, nr_records, GUEST_ACCESS_NS, files, tuple(mappings))
    return _TwoPhases(header, metadata, populate, trace)


def _has_metadata(run: RecordedRun) -> bool:
    """Return whether the file system's own page is charged; xfs keeps such pages outside the page cache (xfs_buf)."""
    return bool(run.n_file) and run.fs == "ext4"


def _resident(run: RecordedRun, task: Task) -> npt.NDArray[np.bool_]:
    """Return what mincore() tells: present anonymous pages, and file pages in the page cache, mapped or not."""
    if task.state == "killed":
        return np.zeros(run.n_anon + run.n_file, dtype=np.bool_)
    anon = task.resident()[: run.n_anon] if run.n_anon else np.zeros(0, dtype=np.bool_)
    return np.concatenate((anon, task.resident_file_pages()[: run.n_file]))


def _sequence_numbers(machine: Machine, attachment: Attachment, path: str) -> tuple[int, int] | None:
    """Return the oldest and the youngest generation of the policy's books, None where it keeps none."""
    state = attachment.state("lruvec", machine.lruvec(path)) if attachment.is_attached else {}
    if "max_seq" not in state or "min_seq" not in state:
        return None
    return int(np.min(state["min_seq"])), int(np.max(state["max_seq"]))


def _generations(machine: Machine, attachment: Attachment, path: str) -> tuple[Generation, ...] | None:
    seqs = _sequence_numbers(machine, attachment, path)
    if seqs is None:
        return None
    pages = machine.list_pages(path)
    nr_lists = nr_generations(attachment.state("lruvec", machine.lruvec(path)), pages)
    anon, file = (
        [pages[f"gens[{seq % nr_lists}][{kind}]"] for seq in range(seqs[0], seqs[1] + 1)] for kind in range(2)
    )
    return tuple(zip(range(seqs[0], seqs[1] + 1), anon, file, strict=True))


def _levels(pages: Mapping[str, int], generations: tuple[Generation, ...] | None) -> dict[str, int]:
    """Return active and inactive pages; of generations, the two youngest are active (lru_gen_is_active())."""
    if generations is None:
        names = ("inactive_anon", "active_anon", "inactive_file", "active_file")
        return {name: pages[name] for name in names}
    levels = {}
    for column, kind in ((1, "anon"), (2, "file")):
        sizes = [generation[column] for generation in generations]
        levels[f"inactive_{kind}"] = sum(sizes[:-2])
        levels[f"active_{kind}"] = sum(sizes[-2:])
    return levels
