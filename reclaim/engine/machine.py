"""A machine to run traces on: nodes, memcgs, swap, tasks, and the policies that govern them.

Here: `Machine`, what a user or an experiment holds in hand. Not here: how anything is modelled (reclaim/core) and how
policies become code (attachment.py).

A run is a loop around the core: it runs all tasks in virtual time until one of them needs records, gets the next chunk
of that task's trace, and goes on. Between two calls of the core the machine is always consistent, so an interrupted run
can be looked at, and gone on with.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from reclaim.abi.limits import MAX_PAGES, MAX_SWAPPINESS, SWAPPINESS_ANON_ONLY
from reclaim.abi.options import OPTIONS
from reclaim.diag.errors import ConfigError, TraceError
from reclaim.engine import kernel_files
from reclaim.engine.access_stream import CHUNK_RECORDS, AccessStream, Records, with_last_marked
from reclaim.engine.attachment import (
    Attachment,
    Engine,
    ExitRecord,
    compiled,
    default_policy,
    exit_record,
    interpreted_code,
    named_counters,
    policy_code,
)
from reclaim.engine.binding import (
    ADVICE,
    DEVICES,
    MEMPOLICIES,
    NO_LIMIT,
    NO_SWAPPINESS,
    STALL_KINDS,
    TASK_STATES,
    BadRecord,
    Core,
    TaskSpaces,
    cost_names,
    mapping_flags,
)
from reclaim.engine.inside_view import InsideView
from reclaim.engine.machine_config import (
    DEFAULT_MEMCG,
    MachineConfig,
    MemcgConfig,
    check_range,
    make_config,
    parse_mempolicy,
    suggest,
)
from reclaim.engine.run_results import Result, TaskResult
from reclaim.engine.signals import kept_interrupts
from reclaim.engine.watching import Watch, look_at, next_due
from reclaim.jit.policy_loader import CompiledPolicy

FileDevice = Literal["ssd", "disk"]
"""What a file can lie on."""

Progress = Callable[[int, int], None]
"""Called with the records run so far and those of all traces together."""


class Task:
    """A task of a machine with its trace; made by `Machine.add_task`.

    Args:
        core: the machine's core.
        number: the core's number of it.
        trace: what it does.
        memcg: path of its memcg.
        files: the core's numbers of its files, in the order of the file page space.
    """

    def __init__(
        self, core: Core, number: int, trace: AccessStream, memcg: str, files: Sequence[int] = ()
    ) -> None:
        self._core = core
        self.number = number
        self.trace = trace
        self.memcg = memcg
        self._files = tuple(files)
        self.name = trace.name
        self._chunks: Iterator[tuple[Records, bool]] | None = None
        self._nr_fed = 0

    @property
    def info(self) -> dict[str, int]:
        """Return the core's numbers: clock_ns, nr_records, nr_misses, nr_missed_pages, resident_pages and so on."""
        return self._core.task_info(self.number)

    @property
    def state(self) -> str:
        """Return idle, runnable, ended, exited or killed."""
        return TASK_STATES[self.info["state"]]

    def resident(self) -> npt.NDArray[np.bool_]:
        """Return which pages of the mapping space are present, shape (nr_mapped_pages,), bool."""
        ptes = self._core.ptes(self.number, 0, self.info["nr_mapped_pages"])
        # A PTE is present, or empty, or a swap entry, or made to fault by NUMA balancing, which maps the page still.
        is_mapped: npt.NDArray[np.bool_] = ((ptes & np.uint32(0b1001)) != 0b1000) & (ptes != 0)
        return is_mapped

    def hold_file_page(self, file: int, page: int) -> None:
        """Keep a cached page of one of its files from being freed, as a file system does with its metadata.

        Args:
            file: index into the trace's files.
            page: within the file.
        """
        self._core.hold_file_page(self._files[file], page)

    def resident_file_pages(self) -> npt.NDArray[np.bool_]:
        """Return which pages of its files are in the page cache, shape (nr_file_pages,), bool, file after file."""
        return np.array(
            [
                self._core.file_pfn(number, page) is not None
                for number, file in zip(self._files, self.trace.header.files, strict=True)
                for page in range(file.pages)
            ],
            dtype=np.bool_,
        )

    def set_oom_score_adj(self, value: int) -> None:
        """Move the OOM killer's choice: -1000 for never this one, to 1000 for this one first.

        Raises:
            ConfigError: a value outside.
        """
        check_range("oom_score_adj", value, -1000, 1000)
        self._core.set_oom_score_adj(self.number, value)

    def exit(self) -> None:
        """End the task and free its memory.

        Raises:
            ConfigError: it has records left to run.
        """
        self._core.exit_task(self.number)

    def madvise(self, first: int, nr_pages: int, advice: str) -> None:
        """Advise the kernel on pages of the mapping space.

        Reclaim ignores young PTEs of `random` and `sequential` ones; `dontneed` drops the pages at once.

        Args:
            first: page of the mapping space.
            nr_pages: how many.
            advice: `normal`, `random`, `sequential` or `dontneed`.

        Raises:
            ConfigError: no such pages or advice, locked pages to be dropped, or the task has records left to run.
        """
        if advice not in ADVICE:
            raise ConfigError(f"task {self.name}: unknown advice {advice!r}{suggest(advice, ADVICE)}")
        self._core.madvise(self.number, _range("madvise", first, nr_pages), advice)

    def mlock(self, first: int, nr_pages: int, *, on_fault: bool = False) -> None:
        """Lock pages of the mapping space in memory; the machine's OOM killer may end the task for it.

        Args:
            first: page of the mapping space.
            nr_pages: how many.
            on_fault: lock what is not resident when it is touched (MLOCK_ONFAULT), rather than bring it in now.

        Raises:
            ConfigError: no such pages, or the task has records left to run or is gone.
        """
        self._core.mlock(self.number, _range("mlock", first, nr_pages), on_fault=on_fault)

    def munlock(self, first: int, nr_pages: int) -> None:
        """Unlock pages of the mapping space; arguments and errors as for `mlock`."""
        self._core.munlock(self.number, _range("munlock", first, nr_pages))

    def prepare(self, chunk_records: int) -> None:
        """Open the trace, where no run has done so before."""
        if self._chunks is None:
            self._chunks = with_last_marked(self.trace.chunks(chunk_records))

    def resume(self, chunk_records: int) -> None:
        """Give the core a chunk if it waits for one: the first, or the next after a run that was stopped."""
        self.prepare(chunk_records)
        if self.state == "idle":
            self.feed()

    def feed(self) -> None:
        """Give the core the next chunk.

        Raises:
            TraceError: the trace is damaged, or names a page that it does not have.
        """
        assert self._chunks is not None
        records, is_last = next(self._chunks, (np.zeros(0, dtype=np.uint32), True))
        try:
            self._core.feed(self.number, records, is_last=is_last)
        except BadRecord as error:
            raise TraceError(self.name, None, f"record {self._nr_fed + error.index}: {error}") from error
        self._nr_fed += len(records)


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """Numbers at the start of a run, to take differences from."""

    counters: npt.NDArray[np.uint64]
    psi: dict[str, int]
    tasks: tuple[dict[str, int], ...]
    nr_exits: int
    wall_s: float


class Machine(InsideView):
    """A simulated machine.

    Args:
        config: a complete description; None: made from the options.
        options: the short form, see `make_config`: nodes, memory_max, swap, memcgs, costs, seed, and the options
            of reclaim/abi/options.py by name.

    Raises:
        ConfigError: the description makes no sense, or this computer has too little memory for it.
        PolicyRejected: the built-in default policy does not verify; a broken installation.
    """

    def __init__(self, config: MachineConfig | None = None, /, **options: Any) -> None:
        if config is not None and options:
            raise ConfigError(f"a complete description and options ({', '.join(options)}) exclude each other")
        self.config = make_config(**options) if config is None else config
        self._core = Core(_core_settings(self.config))
        self._default = default_policy()
        self._core.set_default(policy_code(self._default, {}))
        self._memcgs = {"/": 0}
        self._files: dict[str, tuple[int, int]] = {}
        self.tasks: list[Task] = []
        self._last_turn = -1
        self.attachments: list[Attachment] = []
        for memcg in self.config.memcgs:
            self.add_memcg(memcg)

    # Set-up.

    def add_memcg(self, config: MemcgConfig) -> None:
        """Create a memcg; policies attached above govern it from birth.

        Raises:
            ConfigError: it exists, or its parent does not.
        """
        parent = config.path.rpartition("/")[0] or "/"
        if config.path in self._memcgs:
            raise ConfigError(f"memcg {config.path} exists already")
        settings = {
            "parent": self._memcg(parent),
            "swappiness": _or(config.swappiness, NO_SWAPPINESS),
            "max_pages": _or(config.max_pages, NO_LIMIT),
            "high_pages": _or(config.high_pages, NO_LIMIT),
            "low_pages": config.low_pages,
            "min_pages": config.min_pages,
            "swap_max_pages": _or(config.swap_max_pages, NO_LIMIT),
            "oom_group": config.oom_group,
        }
        number = self._memcgs[config.path] = self._core.create_memcg(settings)
        if config.swap_high_pages is not None:
            self._core.set_memcg(number, "swap_high", config.swap_high_pages)
        if config.zswap_max_pages is not None:
            self._core.set_memcg(number, "zswap_max", config.zswap_max_pages)
        if not config.zswap_writeback:
            self._core.set_memcg(number, "zswap_writeback", 0)

    def remove_memcg(self, path: str) -> None:
        """Remove a memcg, as rmdir does.

        Cached pages that it paid for stay, unprotected, until reclaim of an ancestor or a node frees them, or go to its
        parent (`reparent_offline`); the path may be used again at once.

        Args:
            path: of a memcg whose tasks have exited and whose children are removed.

        Raises:
            ConfigError: no such memcg, or it is still in use.
        """
        number = self._memcg(path)
        children = sorted(other for other in self._memcgs if other.startswith(f"{path}/"))
        if path == "/" or children:
            raise ConfigError(
                f"memcg {path} cannot be removed: it {'is the root' if path == '/' else f'holds {children[0]}'}"
            )
        tasks = [
            task.name for task in self.tasks if task.memcg == path and task.state not in {"exited", "killed"}
        ]
        if tasks:
            raise ConfigError(
                f"memcg {path} cannot be removed: task {tasks[0]} is in it; expected all to have exited"
            )
        self._core.remove_memcg(number)
        del self._memcgs[path]

    def set_memcg(self, path: str, **knobs: int) -> None:
        """Write control files of a memcg: max, high, low, min, swap_max, swap_high, zswap_max (pages), swappiness,
        zswap_writeback or oom_group (0 or 1).

        Lowering max or high reclaims at once, as in the kernel; for max the OOM killer has the last word.

        Raises:
            ConfigError: no such memcg or control file, or a value out of range.
        """
        known = (
            "max",
            "high",
            "low",
            "min",
            "swap_max",
            "swap_high",
            "swappiness",
            "zswap_max",
            "zswap_writeback",
            "oom_group",
        )
        for knob, value in knobs.items():
            if knob not in known:
                raise ConfigError(f"memcg {path} has no control file {knob!r}{suggest(knob, known)}")
            self._core.set_memcg(self._memcg(path), knob, value)

    def attach(
        self,
        policy: str | Path | CompiledPolicy,
        to: str | int | None = None,
        *,
        tunables: Mapping[str, int] | None = None,
        engine: Engine = "native",
    ) -> Attachment:
        """Attach a policy; the nearest attached ancestor of a lruvec governs it.

        Args:
            policy: a built-in policy's name, the path of an `.rpol` file, or a compiled policy.
            to: None for the system, a node's number, or a memcg's path for its subtree.
            tunables: values that differ from the declared defaults.
            engine: `interpreter` runs the hooks in the reference interpreter, some thousand times slower.

        Returns:
            The attachment.

        Raises:
            ConfigError: no such policy, place or tunable.
            PolicyRejected: the policy is not accepted.
        """
        code = compiled(policy)
        values = tunables or {}
        native = (
            policy_code(code, values) if engine == "native" else interpreted_code(self._core, code, values)
        )
        point, where = self._attach_point(to)
        attachment = Attachment(self._core, self._core.attach(native, point, where), code, to)
        self.attachments.append(attachment)
        return attachment

    def add_task(
        self,
        trace: AccessStream,
        *,
        memcg: str | None = None,
        node: int = 0,
        device: FileDevice = "ssd",
        share_files: bool = False,
        mempolicy: str = "default",
    ) -> Task:
        """Add a task that runs a trace.

        Args:
            trace: what it does; streamed, never held as a whole.
            memcg: path of its memcg; None: `/lab` where `memory_max` made it, else the root.
            node: home node.
            device: where its files lie.
            share_files: whether files of the same name that another sharing task brought are the same files.
            mempolicy: which nodes its pages come from, see `parse_mempolicy`: `bind:1`, `interleave:0,1`.

        Returns:
            The task; it runs with the next `run`.

        Raises:
            ConfigError: no such memcg, node, device or memory policy, or a file that is longer than the one shared.
        """
        path = memcg if memcg is not None else DEFAULT_MEMCG if DEFAULT_MEMCG in self._memcgs else "/"
        if not 0 <= node < len(self.config.nodes):
            raise ConfigError(f"task {trace.name}: node {node}; expected 0 to {len(self.config.nodes) - 1}")
        if device not in get_args(FileDevice):
            raise ConfigError(
                f"task {trace.name}: unknown device {device!r}{suggest(device, get_args(FileDevice))}"
            )
        policy = parse_mempolicy(mempolicy, len(self.config.nodes))
        header = trace.header
        number_of_memcg = self._memcg(path)
        files = [self._file(f.name, f.pages, device, share_files) for f in header.files]
        mappings = [
            (m.pages, mapping_flags(m), _file_of(files, m.file), m.file_page) for m in header.mappings
        ]
        spaces = TaskSpaces(mappings, files)
        placement = (MEMPOLICIES[policy.mode], sum(1 << named for named in policy.nodes))
        number = self._core.create_task(number_of_memcg, node, header.ns_per_access, spaces, placement)
        task = Task(self._core, number, trace, path, files)
        self.tasks.append(task)
        return task

    # Running.

    def run(
        self,
        progress: Progress | None = None,
        *,
        chunk_records: int = CHUNK_RECORDS,
        check: bool = False,
        watch: Sequence[Watch] = (),
    ) -> Result:
        """Run all tasks to the end of their traces.

        Args:
            progress: called now and then.
            chunk_records: records given to the core at once; makes no difference to results.
            check: compare the core's books with each other after each chunk; slow.
            watch: time series or dumps that look at the machine while it runs.

        Returns:
            What happened in this run.

        Raises:
            ConfigError: there is no task.
            TraceError: a trace turns out to be damaged.
            KeyboardInterrupt: Ctrl-C; the machine is consistent, and `run` goes on where it stopped.
            CoreFault: a check failed.
        """
        before, report = self._begin_run(progress)
        with kept_interrupts(self._core.stop) as interrupt:
            for task in self.tasks:
                task.resume(chunk_records)
            is_running = True
            while is_running:
                interrupt.deliver()
                pause_ns = next_due(watch)
                was_stopped, dry, is_paused = self._core.run(report, pause_ns)
                if dry is not None:
                    self.tasks[dry].feed()
                if is_paused:
                    look_at(self, watch, pause_ns)
                is_running = was_stopped or is_paused or dry is not None
                if check:
                    self._core.check()
        for one in watch:
            one.finish(self)
        return self._result(before)

    def run_in_turns(self, chunk_records: int, progress: Progress | None = None) -> Result:
        """Run all tasks to the end of their traces as on one processor: each in its turn, a chunk long.

        Args:
            chunk_records: records of a turn; a trace that cuts its chunks shorter has shorter turns.
            progress: called now and then.

        Returns:
            What happened in this run.

        Raises:
            ConfigError, TraceError, KeyboardInterrupt: as `run`.
        """
        before, report = self._begin_run(progress)
        with kept_interrupts(self._core.stop) as interrupt:
            for task in self.tasks:
                task.prepare(chunk_records)
            is_running = self._begin_turn()
            while is_running:
                interrupt.deliver()
                was_stopped, _, _ = self._core.run(report)
                is_running = was_stopped or self._begin_turn()
        return self._result(before)

    def _begin_run(self, progress: Progress | None) -> tuple[_Snapshot, Callable[[int], None] | None]:
        """Return how things are before a run of all tasks, and what the core reports its progress to.

        Raises:
            ConfigError: there is no task.
        """
        if not self.tasks:
            raise ConfigError("the machine has no task to run; add one first")
        total = sum(task.trace.nr_records for task in self.tasks)
        report = None if progress is None else lambda nr_records: progress(nr_records, total)
        return self._snapshot(), report

    def _begin_turn(self) -> bool:
        """Give the next task that waits its turn, unless a turn is not over; False where nobody waits any more."""
        if any(task.state == "runnable" for task in self.tasks):
            return True
        last = self._last_turn
        for task in (*self.tasks[last + 1 :], *self.tasks[: last + 1]):
            if task.state == "idle":
                self._core.switch_tasks(max(last, 0), task.number)
                self._last_turn = task.number
                task.feed()
                return True
        return False

    # Results.

    def counters(self, memcg: str | None = None, node: int | None = None) -> dict[str, int]:
        """Return the kernel's counters since the machine was made.

        Args:
            memcg: of this memcg and its descendants.
            node: of this node, or of the memcg's part of it; None for both: of the machine.

        Returns:
            Counts by the kernel's names.

        Raises:
            ConfigError: no such memcg or node.
        """
        if memcg is not None and node is not None:
            lruvecs = self._on_node(self._lruvecs_below(memcg), self._node(node))
            values = kernel_files.sums(self._all_counters(), lruvecs)
        elif memcg is not None:
            values = self._core.counters("memcg", self._memcg(memcg))
        elif node is not None:
            values = self._core.counters("node", self._node(node))
        else:
            values = self._core.counters("machine")
        return named_counters(values, "vmstat")

    @property
    def core_did(self) -> dict[str, int]:
        """Return what the core did for the policies since the machine was made."""
        return named_counters(self._core.counters("machine"), "core_did")

    @property
    def psi(self) -> dict[str, int]:
        """Return running totals: some_ns, full_ns, elapsed_ns."""
        return self._core.psi()

    @property
    def ejected(self) -> tuple[ExitRecord, ...]:
        """Return why policies were ejected, oldest first; detaching is no ejection."""
        return self._ejected_since(0)

    def stalls(self, kind: Literal["reclaim", "io"] = "reclaim", task: Task | None = None) -> dict[str, int]:
        """Return nr, total_ns, p50_ns, p99_ns, p999_ns and max_ns of stalls in reclaim or waiting for I/O.

        Raises:
            ConfigError: no such kind.
        """
        if kind not in STALL_KINDS:
            raise ConfigError(f"no stalls of {kind!r}{suggest(str(kind), STALL_KINDS)}")
        return self._core.stalls(kind, None if task is None else task.number)

    def memcg_info(self, path: str) -> dict[str, int]:
        """Return usage, sizes by type and limits of a memcg; pages."""
        return self._core.memcg_info(self._memcg(path))

    def node_info(self, node: int) -> dict[str, int]:
        """Return sizes, free pages and watermarks of a node; pages.

        Raises:
            ConfigError: no such node.
        """
        return self._core.node_info(self._node(node))

    def boost_watermarks(self, node: int) -> None:
        """Raise a node's watermarks by a page block, as the kernel does when memory is fragmented.

        Its kswapd then reclaims as many pages, without swapping and without writing.

        Raises:
            ConfigError: no such node.
        """
        self._core.boost_watermarks(self._node(node))

    def swap_info(self) -> dict[str, int]:
        """Return nr_pages and nr_free_pages over all swap devices."""
        nr_pages, nr_free_pages = self._core.swap_info()
        return {"nr_pages": nr_pages, "nr_free_pages": nr_free_pages}

    def reclaim(self, memcg: str, nr_pages: int, swappiness: int | Literal["max"] | None = None) -> int:
        """Reclaim from a memcg as writing memory.reclaim does and return the pages freed.

        Args:
            memcg: its path.
            nr_pages: how many pages are wanted; at least 0.
            swappiness: 0 to 200; "max" for anonymous memory only, as kernels from 6.16 on have it; None: each memcg's own.

        Raises:
            ConfigError: no such memcg, or a number out of range.
        """
        check_range("nr_pages", nr_pages, 0, (1 << 64) - 1)
        if swappiness == "max":
            number = SWAPPINESS_ANON_ONLY
        else:
            number = _or(swappiness, NO_SWAPPINESS)
            if swappiness is not None:
                check_range("swappiness", swappiness, 0, MAX_SWAPPINESS)
        return self._core.reclaim_memcg(self._memcg(memcg), nr_pages, number)

    # Looking inside.

    def resident(self) -> dict[str, dict[str, int]]:
        """Return anon_pages and file_pages that are resident, by memcg, descendants included."""
        infos = {path: self._core.memcg_info(number) for path, number in self._memcgs.items()}
        return {
            path: {key: info[key] for key in ("anon_pages", "file_pages")} for path, info in infos.items()
        }

    def lists(self, memcg: str = "/", node: int = 0) -> dict[str, Records]:
        """Return what is on the lists of a lruvec.

        Args:
            memcg: path.
            node: number.

        Returns:
            Page frame numbers, oldest first, by the list's name: standard lists, then those of the governing policy.
        """
        lruvec = self.lruvec(memcg, node)
        info = self._core.lruvec_info(lruvec)
        names = self._list_names(info["attachment"])
        return {
            names.get(number, str(number)): self._core.list_pfns(lruvec, number)
            for number in range(1, info["nr_lists"])
        }

    def list_pages(self, memcg: str = "/", node: int = 0) -> dict[str, int]:
        """Return the pages that belong to each list of a lruvec, arguments and names as for `lists`.

        Folios that a policy claimed for another list count there, although they have not moved yet.
        """
        lruvec = self.lruvec(memcg, node)
        info = self._core.lruvec_info(lruvec)
        names = self._list_names(info["attachment"])
        return {
            names.get(number, str(number)): self._core.list_pages(lruvec, number)
            for number in range(1, info["nr_lists"])
        }

    def lruvec(self, memcg: str = "/", node: int = 0) -> int:
        """Return the number of the lruvec of a memcg on a node, as policies' state wants it.

        Raises:
            ConfigError: no such memcg or node.
        """
        return self._core.lruvec_of(self._memcg(memcg), self._node(node))

    def folio(self, pfn: int) -> dict[str, int]:
        """Return what the core knows of a folio: flags, key, list, memcg, mappings.

        Raises:
            ConfigError: no such page frame.
        """
        check_range("pfn", pfn, 0, sum(node.pages for node in self.config.nodes) - 1)
        return self._core.folio_info(pfn)

    def check(self) -> None:
        """Compare the core's books with each other.

        Raises:
            CoreFault: they disagree, which is a bug of ours.
        """
        self._core.check()

    # Inside.

    def _file(self, name: str, pages: int, device: str, share: bool) -> int:
        if not share:
            return self._core.create_file(pages, device)
        number, known_pages = self._files.get(name, (None, pages))
        if pages > known_pages:
            raise ConfigError(
                f"file {name!r} has {pages} pages here, but {known_pages} in the task that brought it"
            )
        if number is None:
            number = self._core.create_file(pages, device)
            self._files[name] = (number, pages)
        return number

    def _attach_point(self, to: str | int | None) -> tuple[str, int]:
        if to is None:
            return "system", 0
        if isinstance(to, str):
            return "memcg", self._memcg(to)
        return "node", self._node(to)

    def _ejected_since(self, nr_exits: int) -> tuple[ExitRecord, ...]:
        policies = {attachment.number: attachment.policy for attachment in self.attachments}
        return tuple(
            exit_record(record, policies[record["attachment"]].image)
            for record in self._core.exit_records()[nr_exits:]
            if record["kind"] != "user"
        )

    def _snapshot(self) -> _Snapshot:
        return _Snapshot(
            counters=self._core.counters("machine"),
            psi=self._core.psi(),
            tasks=tuple(task.info for task in self.tasks),
            nr_exits=len(self._core.exit_records()),
            wall_s=time.perf_counter(),
        )

    def _result(self, before: _Snapshot) -> Result:
        counters = self._core.counters("machine") - before.counters
        psi = {key: value - before.psi[key] for key, value in self._core.psi().items()}
        elapsed_ns = max(psi["elapsed_ns"], 1)
        tasks = tuple(_task_result(task, old) for task, old in zip(self.tasks, before.tasks, strict=True))
        return Result(
            accesses=sum(task.accesses for task in tasks),
            misses=sum(task.misses for task in tasks),
            counters=named_counters(counters, "vmstat"),
            core_did=named_counters(counters, "core_did"),
            virtual_ns=psi["elapsed_ns"],
            stall_ns=_quantiles(self._core.stalls("reclaim")),
            io_stall_ns=_quantiles(self._core.stalls("io")),
            psi={"some": psi["some_ns"] / elapsed_ns, "full": psi["full_ns"] / elapsed_ns},
            tasks=tasks,
            ejected=self._ejected_since(before.nr_exits),
            wall_s=time.perf_counter() - before.wall_s,
        )


def _task_result(task: Task, old: Mapping[str, int]) -> TaskResult:
    info = task.info
    return TaskResult(
        name=task.name,
        memcg=task.memcg,
        state=TASK_STATES[info["state"]],
        accesses=info["nr_records"] - old["nr_records"],
        misses=info["nr_misses"] - old["nr_misses"],
        virtual_ns=info["clock_ns"] - old["clock_ns"],
    )


def _quantiles(stalls: Mapping[str, int]) -> dict[str, int]:
    return {key: stalls[f"{key}_ns"] for key in ("p50", "p99", "p999", "max", "total")}


def _range(call: str, first: int, nr_pages: int) -> range:
    check_range(f"{call}: first page", first, 0, MAX_PAGES)
    check_range(f"{call}: number of pages", nr_pages, 0, MAX_PAGES)
    return range(first, first + nr_pages)


def _or(value: int | None, otherwise: int) -> int:
    return otherwise if value is None else value


def _file_of(files: list[int], index: int | None) -> int:
    return 0 if index is None else files[index]


def _core_settings(config: MachineConfig) -> dict[str, Any]:
    """Return the members of the core's own description that a machine's description sets."""
    names = cost_names()
    for name, value in config.costs.items():
        if name not in names:
            raise ConfigError(f"unknown cost `{name}`{suggest(name, names)}")
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 40:
            raise ConfigError(f"cost {name} is {value!r}; expected nanoseconds from 0 to {(1 << 40) - 1}")
    nodes = []
    for node in config.nodes:
        lowest, low, high = node.watermarks_pages or (0, 0, 0)
        marks = {"min_wmark": lowest, "low_wmark": low, "high_wmark": high}
        distances = {"distance": list(node.distances)} if node.distances is not None else {}
        nodes.append({"nr_pages": node.pages, "tier": node.tier, **marks, **distances})
    swaps = [
        {
            "nr_pages": s.pages,
            "device": DEVICES[s.kind],
            "priority": s.priority,
            "mem_limit_pages": s.mem_limit_pages,
        }
        for s in config.swap
    ]
    return {
        "nodes": nodes,
        "swaps": swaps,
        "costs": dict(config.costs),
        "seed": config.seed,
        **{OPTIONS[name].c_name: OPTIONS[name].core_value(value) for name, value in config.options.items()},
    }
