"""The binding of the native core: the only file that touches cffi, and the only one to be trusted about memory.

Here: `Core`, the public interface of `reclaim/core/rcl.h` in terms of Python numbers, dictionaries and NumPy arrays,
and what compiled and interpreted policies need of the core's memory. Not here: any decision about what a machine is
(machine_config.py) or how a run goes (machine.py).

Whatever the core keeps longer than a call is owned by the `Core` object. Calls release Python's lock, so that other
threads go on while a machine runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from reclaim.abi.counters import COUNTERS
from reclaim.abi.hooks import HOOKS
from reclaim.abi.kinds import U64_MAX
from reclaim.abi.levels import LEVELS
from reclaim.abi.limits import FIRST_POLICY_LIST, MAX_LISTS, SWAPPINESS_ANON_ONLY
from reclaim.abi.maps import MAP_KINDS
from reclaim.diag.errors import ConfigError, CoreFault, ReclaimError
from reclaim.engine._rcl import ffi, lib
from reclaim.engine.access_stream import MappingShape
from reclaim.engine.trace_log import RECORD
from reclaim.jit.policy_image import PolicyImage
from reclaim.lang.ir import Scope

NO_LIMIT = 1 << 28
"""Anything from here on means no limit to the core (rcl.h)."""

NO_SWAPPINESS = SWAPPINESS_ANON_ONLY + 1
"""Anything from here on means the parent's, or the memcg's own (rcl.h)."""

STALL_KINDS = {"reclaim": lib.RCL_STALL_RECLAIM, "io": lib.RCL_STALL_IO}
EXIT_KINDS = {
    lib.RCL_EXIT_USER: "user",
    lib.RCL_EXIT_POLICY: "policy",
    lib.RCL_EXIT_ERROR: "error",
    lib.RCL_EXIT_STALL: "stall",
}
ATTACH_POINTS = {
    "system": lib.RCL_ATTACH_SYSTEM,
    "node": lib.RCL_ATTACH_NODE,
    "memcg": lib.RCL_ATTACH_MEMCG,
}
COUNTER_SCOPES = {
    "machine": lib.RCL_COUNT_MACHINE,
    "node": lib.RCL_COUNT_NODE,
    "memcg": lib.RCL_COUNT_MEMCG,
    "memcg_local": lib.RCL_COUNT_MEMCG_LOCAL,
    "attachment": lib.RCL_COUNT_ATTACHMENT,
}
ADVICE = {
    "normal": lib.RCL_ADVICE_NORMAL,
    "random": lib.RCL_ADVICE_RANDOM,
    "sequential": lib.RCL_ADVICE_SEQUENTIAL,
    "dontneed": lib.RCL_ADVICE_DONTNEED,
}
DEVICES = {"zram": lib.RCL_DEVICE_ZRAM, "ssd": lib.RCL_DEVICE_SSD, "disk": lib.RCL_DEVICE_DISK}
MEMPOLICIES = {
    "default": lib.RCL_MEMPOLICY_DEFAULT,
    "preferred": lib.RCL_MEMPOLICY_PREFERRED,
    "bind": lib.RCL_MEMPOLICY_BIND,
    "interleave": lib.RCL_MEMPOLICY_INTERLEAVE,
}
TASK_STATES = {
    lib.RCL_TASK_IDLE: "idle",
    lib.RCL_TASK_RUNNABLE: "runnable",
    lib.RCL_TASK_ENDED: "ended",
    lib.RCL_TASK_EXITED: "exited",
    lib.RCL_TASK_KILLED: "killed",
}
_ERRORS: dict[int, type[ReclaimError]] = {
    lib.RCL_BAD_ARGUMENT: ConfigError,
    lib.RCL_NO_MEMORY: ConfigError,
    lib.RCL_INCOMPLETE_DEFAULT: ConfigError,
}
"""Anything else than these, which a user can cause, is a fault of ours."""

_MESSAGE_BYTES = 512
_PSI_ONE = 1 << 11
"""One percent, as the core keeps pressure averages (FIXED_1, include/linux/sched/loadavg.h)."""

_NO_FOLIO = (1 << 32) - 1

Counters = npt.NDArray[np.uint64]
Records = npt.NDArray[np.uint32]
HookFunction = Callable[[str, int, tuple[int, ...]], int | None]
"""Hook name, address of the context, arguments as unsigned numbers; the encoded answer."""


@dataclass(frozen=True, slots=True)
class PolicyCode:
    """What the core has to know of a policy, and which functions it calls.

    Args:
        name: for exit records.
        image: declared state, lists and maps.
        hooks: address of the native function of each hook that the policy has.
        tunables: values in order of declaration.
    """

    name: str
    image: PolicyImage
    hooks: Mapping[str, int]
    tunables: Sequence[int]


@dataclass(frozen=True, slots=True)
class TaskSpaces:
    """The two page spaces of a task.

    Args:
        mappings: (pages, flags, file, first page of the file) of each mapping, in order.
        files: numbers of the files, in order of the file page space.
    """

    mappings: Sequence[tuple[int, int, int, int]]
    files: Sequence[int]


class BadRecord(Exception):
    """Signal a record of a page that its task does not have.

    Args:
        index: position within the records given.
    """

    def __init__(self, index: int, message: str) -> None:
        super().__init__(message)
        self.index = index


def helper_symbols() -> dict[str, int]:
    """Return the address of the native body of every helper, by its C name."""
    names = [name for name in dir(lib) if name.startswith("h_")]
    order = ffi.string(lib.rcl_helper_names()).decode().split()
    if set(names) != {f"h_{name}" for name in order}:
        raise CoreFault("the native extension and its table of helpers disagree; build it again")
    return {f"h_{name}": int(lib.rcl_helper_address(number)) for number, name in enumerate(order)}


def mapping_flags(mapping: MappingShape) -> int:
    """Return the core's flags of a mapping."""
    flags = {
        lib.RCL_MAPPING_FILE: mapping.file is not None,
        lib.RCL_MAPPING_SHARED: mapping.shared,
        lib.RCL_MAPPING_EXEC: mapping.exec,
        lib.RCL_MAPPING_SEQUENTIAL: mapping.advice == "sequential",
        lib.RCL_MAPPING_RANDOM: mapping.advice == "random",
        lib.RCL_MAPPING_LOCKED: mapping.locked,
    }
    return sum(flag for flag, is_set in flags.items() if is_set)


def cost_names() -> list[str]:
    """Return the names of all entries of the core's cost table."""
    return [name for name, _ in ffi.typeof("struct rcl_costs").fields]


def default_costs() -> dict[str, int]:
    """Return the core's own cost table; nanoseconds of virtual time."""
    config = ffi.new("struct rcl_config *")
    lib.rcl_config_init(config)
    return {name: int(getattr(config.costs, name)) for name in cost_names()}


def bytes_per_page() -> int:
    """Return what the core keeps for each simulated page."""
    return int(lib.rcl_bytes_per_page())


def belady_misses(records: Records, capacity_pages: int) -> int:
    """Return the fewest misses that any policy could have.

    Args:
        records: shape (n,), uint32, as a trace's; writing and fetching make no difference.
        capacity_pages: room; at least 1.

    Returns:
        Misses, the first touch of every page among them.

    Raises:
        ConfigError: no room, or not enough memory for the computation (16 bytes per record).
    """
    records = np.ascontiguousarray(records, dtype=np.uint32)
    misses = ffi.new("uint64_t *")
    status = lib.rcl_belady(
        ffi.from_buffer("uint32_t[]", records), len(records), capacity_pages, ffi.NULL, misses
    )
    if status != lib.RCL_OK:
        raise ConfigError(
            f"no optimum for {len(records)} records and {capacity_pages} pages (status {status})"
        )
    return int(misses[0])


def _plain(struct: Any) -> dict[str, int]:
    """Return the members of a C struct of numbers as a dictionary."""
    return {name: int(getattr(struct, name)) for name, _ in ffi.typeof(struct).fields}


class Core:
    """One machine of the native core.

    Args:
        settings: members of `struct rcl_config` that differ from the defaults; `costs` is a mapping, `nodes` and
            `swaps` are lists of members of their own structs.

    Raises:
        ConfigError: the core refuses the settings, or memory for them.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._kept: list[Any] = []
        self._errors: list[BaseException] = []
        self._fed: dict[int, Any] = {}
        self._stop = ffi.new("int *")
        config = ffi.new("struct rcl_config *")
        lib.rcl_config_init(config)
        arrays = {
            key: self._structs(f"struct rcl_{key[:-1]}_config[]", settings[key]) for key in ("nodes", "swaps")
        }
        for key, (array, count) in arrays.items():
            setattr(config, key, array)
            setattr(config, f"nr_{key}", count)
        for name, value in settings["costs"].items():
            setattr(config.costs, name, value)
        for name, value in settings.items():
            if name not in {"nodes", "swaps", "costs"}:
                setattr(config, name, value)
        handle = ffi.new("struct rcl_machine **")
        message = ffi.new("char[]", _MESSAGE_BYTES)
        status = lib.rcl_machine_create(config, handle, message, _MESSAGE_BYTES)
        if status != lib.RCL_OK:
            raise _ERRORS.get(status, CoreFault)(ffi.string(message).decode() or f"status {status}")
        self._machine = ffi.gc(handle[0], lib.rcl_machine_free)

    @staticmethod
    def _structs(c_type: str, items: Sequence[Mapping[str, Any]]) -> tuple[Any, int]:
        array = ffi.new(c_type, max(len(items), 1))
        for index, item in enumerate(items):
            for name, value in item.items():
                setattr(array[index], name, value)
        return array, len(items)

    def _check(self, status: int) -> None:
        """Raise what a Python hook or callback raised during the call, else what the core says went wrong."""
        if self._errors:
            error, self._errors = self._errors[0], []
            raise error
        if status != lib.RCL_OK:
            raise _ERRORS.get(status, CoreFault)(ffi.string(lib.rcl_error(self._machine)).decode())

    # Set-up.

    def create_memcg(self, settings: Mapping[str, int]) -> int:
        """Create a memcg from the members of `struct rcl_memcg_config` and return its number."""
        number = ffi.new("uint32_t *")
        self._check(
            lib.rcl_memcg_create(self._machine, ffi.new("struct rcl_memcg_config *", settings), number)
        )
        return int(number[0])

    def set_memcg(self, memcg: int, knob: str, value: int) -> None:
        """Write a control file of a memcg, by the name that `Machine.set_memcg` takes."""
        number = getattr(lib, f"RCL_MEMCG_{knob.upper()}")
        self._check(lib.rcl_memcg_set(self._machine, memcg, number, value))

    def remove_memcg(self, memcg: int) -> None:
        """Remove a memcg without tasks and children; what it paid for stays until it is reclaimed."""
        self._check(lib.rcl_memcg_remove(self._machine, memcg))

    def memcg_info(self, memcg: int) -> dict[str, int]:
        """Return the members of `struct rcl_memcg_info`."""
        info = ffi.new("struct rcl_memcg_info *")
        self._check(lib.rcl_memcg_info(self._machine, memcg, info))
        return _plain(info[0])

    def reclaim_memcg(self, memcg: int, nr_pages: int, swappiness: int = NO_SWAPPINESS) -> int:
        """Reclaim from a memcg as memory.reclaim does and return how many pages were freed."""
        freed = ffi.new("uint64_t *")
        self._check(lib.rcl_memcg_reclaim(self._machine, memcg, nr_pages, swappiness, freed))
        return int(freed[0])

    def hold_file_page(self, number: int, page: int) -> None:
        """Take a reference of a cached page, for good."""
        self._check(lib.rcl_file_hold(self._machine, number, page))

    def create_file(self, nr_pages: int, device: str) -> int:
        """Create a file on a device and return its number."""
        number = ffi.new("uint32_t *")
        self._check(lib.rcl_file_create(self._machine, nr_pages, DEVICES[device], number))
        return int(number[0])

    def create_task(
        self, memcg: int, nid: int, ns_per_access: int, spaces: TaskSpaces, mempolicy: tuple[int, int]
    ) -> int:
        """Create a task, with its memory policy and the nodes of that as a mask, and return its number."""
        members = ("nr_pages", "flags", "file", "file_page")
        rows = [dict(zip(members, mapping, strict=True)) for mapping in spaces.mappings]
        mappings, nr_mappings = self._structs("struct rcl_mapping[]", rows)
        files = ffi.new("uint32_t[]", [*spaces.files, 0])
        config = ffi.new(
            "struct rcl_task_config *",
            {
                "memcg": memcg,
                "nid": nid,
                "ns_per_access": ns_per_access,
                "nr_mappings": nr_mappings,
                "nr_files": len(spaces.files),
                "mappings": mappings,
                "files": files,
                "mempolicy": mempolicy[0],
                "mempolicy_nodes": mempolicy[1],
            },
        )
        number = ffi.new("uint32_t *")
        self._check(lib.rcl_task_create(self._machine, config, number))
        return int(number[0])

    def set_oom_score_adj(self, task: int, value: int) -> None:
        """Write a task's oom_score_adj."""
        self._check(lib.rcl_task_set_oom_score_adj(self._machine, task, value))

    def task_info(self, task: int) -> dict[str, int]:
        """Return the members of `struct rcl_task_info`."""
        info = ffi.new("struct rcl_task_info *")
        self._check(lib.rcl_task_info(self._machine, task, info))
        return _plain(info[0])

    def switch_tasks(self, task: int, following: int) -> None:
        """Pass the processor that tasks share on to one that waits for records."""
        self._check(lib.rcl_task_switch(self._machine, task, following))

    def exit_task(self, task: int) -> None:
        """End a task and free its memory."""
        self._check(lib.rcl_task_exit(self._machine, task))

    def madvise(self, task: int, pages: range, advice: str) -> None:
        """Give a hint about pages of a task's mapping space; an advice of `ADVICE`."""
        self._check(lib.rcl_task_madvise(self._machine, task, pages.start, len(pages), ADVICE[advice]))

    def mlock(self, task: int, pages: range, *, on_fault: bool) -> None:
        """Lock pages of a task's mapping space."""
        self._check(lib.rcl_task_mlock(self._machine, task, pages.start, len(pages), on_fault))

    def munlock(self, task: int, pages: range) -> None:
        """Unlock pages of a task's mapping space."""
        self._check(lib.rcl_task_munlock(self._machine, task, pages.start, len(pages)))

    # Policies.

    def _policy(self, code: PolicyCode) -> Any:
        """Return the C form of a policy; what it points to lives as long as this object."""
        image = code.image
        kinds = {kind: number for number, kind in enumerate(MAP_KINDS)}
        scopes = {scope: number for number, scope in enumerate(Scope)}
        rows = [
            {"kind": kinds[m.kind.name], "scope": scopes[m.scope], "capacity": m.capacity, "count": m.count}
            for m in image.maps
        ]
        maps, nr_maps = self._structs("struct rcl_map_decl[]", rows)
        name = ffi.new("char[]", code.name.encode())
        hooks = ffi.new("uintptr_t[]", [code.hooks.get(hook, 0) for hook in HOOKS])
        tunables = ffi.new("uint64_t[]", [*(value & U64_MAX for value in code.tunables), 0])
        policy = ffi.new("struct rcl_policy *")
        policy.name, policy.ops = name, ffi.cast("struct rcl_ops *", hooks)
        policy.nr_lists = image.end_of_lists - FIRST_POLICY_LIST
        policy.nr_maps, policy.maps = nr_maps, maps
        policy.nr_tunables, policy.tunables = len(code.tunables), tunables
        self._kept += [policy, name, hooks, maps, tunables]
        for scope, number in scopes.items():
            initial = ffi.new("uint8_t[]", image.initial_element(scope) + b"\0")
            policy.state[number].stride_bytes = image.state_bytes[scope]
            policy.state[number].initial = initial
            self._kept.append(initial)
        return policy

    def set_default(self, code: PolicyCode) -> None:
        """Install the policy that answers wherever no other one does."""
        self._check(lib.rcl_set_default(self._machine, self._policy(code)))

    def attach(self, code: PolicyCode, point: str, where: int) -> int:
        """Attach a policy to `system`, or to a `node` or `memcg` by its number; return the attachment's number."""
        number = ffi.new("uint32_t *")
        self._check(lib.rcl_attach(self._machine, self._policy(code), ATTACH_POINTS[point], where, number))
        return int(number[0])

    def detach(self, attachment: int) -> None:
        """Detach a policy."""
        self._check(lib.rcl_detach(self._machine, attachment))

    def set_tunable(self, attachment: int, tunable: int, value: int) -> None:
        """Change a tunable, whose range the caller has checked."""
        self._check(lib.rcl_set_tunable(self._machine, attachment, tunable, value & U64_MAX))

    def is_attached(self, attachment: int) -> bool:
        """Tell whether an attachment was neither detached nor ejected."""
        return bool(lib.rcl_is_attached(self._machine, attachment))

    def exit_records(self) -> list[dict[str, Any]]:
        """Return why attachments ended, oldest first, each with its `counters`."""
        records = []
        for index in range(int(lib.rcl_nr_exits(self._machine))):
            exit_ = ffi.new("struct rcl_exit *")
            self._check(lib.rcl_exit_record(self._machine, index, exit_))
            counters = np.zeros(len(COUNTERS), dtype=np.uint64)
            self._check(lib.rcl_exit_counters(self._machine, index, ffi.from_buffer("uint64_t[]", counters)))
            records.append(
                {
                    "attachment": int(exit_.attachment),
                    "kind": EXIT_KINDS[exit_.kind],
                    "hook": None if exit_.hook < 0 else list(HOOKS)[exit_.hook],
                    "fail_message": int(exit_.fail_message),
                    "time_ns": int(exit_.time_ns),
                    "policy": ffi.string(exit_.policy).decode(),
                    "text": ffi.string(exit_.text).decode(),
                    "counters": counters,
                }
            )
        return records

    def hook_functions(self, hooks: Sequence[str], run: HookFunction) -> dict[str, int]:
        """Make native functions that call back into Python, for policies that are interpreted.

        Args:
            hooks: which ones.
            run: called for each; an exception that it raises stops the run, which then raises it.

        Returns:
            Addresses, valid as long as this object lives.
        """
        types = dict(ffi.typeof("struct rcl_ops").fields)
        return {hook: self._hook_function(hook, types[hook].type, run) for hook in hooks}

    def _hook_function(self, hook: str, c_type: Any, run: HookFunction) -> int:
        def call(ctx: Any, *args: Any) -> int | None:
            answer = run(hook, _address(ctx), tuple(_unsigned(arg) for arg in args))
            return None if returns_nothing else answer or 0

        def keep_error(_kind: type, error: BaseException, _traceback: TracebackType) -> None:
            self._errors.append(error)
            self._stop[0] = 1

        returns_nothing = c_type.result.kind == "void"
        options = {} if returns_nothing else {"error": 0}
        callback = ffi.callback(c_type, call, onerror=keep_error, **options)
        self._kept.append(callback)
        return _address(callback)

    # Running.

    def feed(self, task: int, records: Records, *, is_last: bool) -> None:
        """Give a task records to run; they are not copied.

        Raises:
            BadRecord: a page number lies outside the task's spaces.
        """
        records = np.ascontiguousarray(records, dtype=np.uint32)
        bad = ffi.new("uint64_t *")
        pointer = ffi.from_buffer("uint32_t[]", records)
        status = lib.rcl_task_feed(self._machine, task, pointer, len(records), is_last, bad)
        if status == lib.RCL_BAD_TRACE:
            raise BadRecord(int(bad[0]), ffi.string(lib.rcl_error(self._machine)).decode())
        self._check(status)
        self._fed[task] = pointer

    def stop(self) -> None:
        """Make the current or next run stop soon; safe from any thread."""
        self._stop[0] = 1

    def run(
        self, progress: Callable[[int], None] | None = None, pause_ns: int = 0
    ) -> tuple[bool, int | None, bool]:
        """Run until a task needs records, nothing is left to run, or a time is reached.

        Args:
            progress: called now and then with the number of records run so far.
            pause_ns: time at which to return; 0 for none.

        Returns:
            Whether it was stopped before, the task that needs records, None where there is none, and whether the time
            was reached.
        """
        control = ffi.new("struct rcl_run_control *")
        control.interrupt = self._stop
        callback = self._progress_callback(progress) if progress is not None else ffi.NULL
        control.progress = callback
        control.pause_ns = pause_ns
        status = lib.rcl_run(self._machine, control)
        self._stop[0] = 0
        self._check(lib.RCL_OK if status == lib.RCL_INTERRUPTED else status)
        dry = None if control.dry_task < 0 else int(control.dry_task)
        return status == lib.RCL_INTERRUPTED, dry, bool(control.is_paused)

    def _progress_callback(self, progress: Callable[[int], None]) -> Any:
        def call(_user: Any, nr_records: int) -> int:
            progress(int(nr_records))
            return 0

        def keep_error(_kind: type, error: BaseException, _traceback: TracebackType) -> None:
            self._errors.append(error)

        return ffi.callback("int (*)(void *, uint64_t)", call, error=1, onerror=keep_error)

    # Results.

    def counters(self, scope: str, number: int = 0) -> Counters:
        """Return all counters of a scope in the order of the ABI's table, shape (nr_counters,), uint64."""
        counters = np.zeros(len(COUNTERS), dtype=np.uint64)
        pointer = ffi.from_buffer("uint64_t[]", counters)
        self._check(lib.rcl_counters(self._machine, COUNTER_SCOPES[scope], number, pointer))
        return counters

    def all_counters(self, nr_lruvecs: int) -> Counters:
        """Return the counters of every lruvec, shape (nr_lruvecs, nr_counters), uint64, in the order of their numbers."""
        counters = np.zeros((nr_lruvecs, len(COUNTERS)), dtype=np.uint64)
        self._check(lib.rcl_all_counters(self._machine, ffi.from_buffer("uint64_t[]", counters)))
        return counters

    def all_levels(self, nr_lruvecs: int) -> Counters:
        """Return the levels of every lruvec, shape (nr_lruvecs, nr_levels), uint64; pages."""
        levels = np.zeros((nr_lruvecs, len(LEVELS)), dtype=np.uint64)
        self._check(lib.rcl_levels(self._machine, ffi.from_buffer("uint64_t[]", levels)))
        return levels

    def all_list_sizes(self, nr_lruvecs: int) -> Counters:
        """Return pages that claim each list of every lruvec, shape (nr_lruvecs, MAX_LISTS, 2), anon and file."""
        sizes = np.zeros((nr_lruvecs, MAX_LISTS, 2), dtype=np.uint64)
        self._check(lib.rcl_list_sizes(self._machine, ffi.from_buffer("uint64_t[]", sizes)))
        return sizes

    def list_is_active(self, lruvec: int, list_number: int) -> bool:
        """Tell whether a list counts as active."""
        is_active = ffi.new("int *")
        self._check(lib.rcl_list_is_active(self._machine, lruvec, list_number, is_active))
        return bool(is_active[0])

    def stalls(self, kind: str, task: int | None = None) -> dict[str, int]:
        """Return the members of `struct rcl_stalls` for one task, or for all."""
        stalls = ffi.new("struct rcl_stalls *")
        self._check(lib.rcl_stalls(self._machine, -1 if task is None else task, STALL_KINDS[kind], stalls))
        return _plain(stalls[0])

    def psi(self) -> dict[str, int]:
        """Return the members of `struct rcl_psi`."""
        psi = ffi.new("struct rcl_psi *")
        self._check(lib.rcl_psi(self._machine, psi))
        return _plain(psi[0])

    def pressure(self, memcg: int, resource: str) -> dict[str, Any]:
        """Return the members of `struct rcl_pressure` of a memcg; the averages as tuples of percent."""
        pressure = ffi.new("struct rcl_pressure *")
        number = getattr(lib, f"RCL_PRESSURE_{resource.upper()}")
        self._check(lib.rcl_pressure(self._machine, memcg, number, pressure))
        averages = {
            name: tuple(int(value) / _PSI_ONE for value in getattr(pressure, name))
            for name in ("some_avg", "full_avg")
        }
        return {"some_ns": int(pressure.some_ns), "full_ns": int(pressure.full_ns), **averages}

    def boost_watermarks(self, nid: int) -> None:
        """Raise a node's watermarks by a page block."""
        self._check(lib.rcl_node_boost(self._machine, nid))

    def node_info(self, nid: int) -> dict[str, int]:
        """Return the members of `struct rcl_node_info`."""
        info = ffi.new("struct rcl_node_info *")
        self._check(lib.rcl_node_info(self._machine, nid, info))
        return _plain(info[0])

    def swap_info(self) -> tuple[int, int]:
        """Return (slots, free slots) over all swap devices."""
        numbers = ffi.new("uint64_t[2]")
        lib.rcl_swap_info(self._machine, numbers, numbers + 1)
        return int(numbers[0]), int(numbers[1])

    # Tracing.

    def trace_start(self, events: int, nr_records: int) -> None:
        """Record events from now on into a new ring; bit n of `events` stands for the n-th tracepoint."""
        self._check(lib.rcl_trace_start(self._machine, events, nr_records))

    def trace_read(self) -> tuple[npt.NDArray[np.void], int]:
        """Take all records out of the ring.

        Returns:
            Records, dtype `trace_log.RECORD`, and how many older ones the ring had no room for.
        """
        count, lost = ffi.new("uint64_t *"), ffi.new("uint64_t *")
        self._check(lib.rcl_trace_read(self._machine, ffi.NULL, 0, count, lost))
        records = np.zeros(int(count[0]), dtype=RECORD)
        pointer = ffi.cast("struct rcl_trace_record *", ffi.from_buffer(records))
        self._check(lib.rcl_trace_read(self._machine, pointer, len(records), count, lost))
        return records, int(lost[0])

    # Looking inside.

    def lruvec_of(self, memcg: int, nid: int) -> int:
        """Return the number of the lruvec of a memcg on a node."""
        number = ffi.new("uint32_t *")
        self._check(lib.rcl_lruvec_of(self._machine, memcg, nid, number))
        return int(number[0])

    def lruvec_info(self, lruvec: int) -> dict[str, int]:
        """Return the members of `struct rcl_lruvec_info`."""
        info = ffi.new("struct rcl_lruvec_info *")
        self._check(lib.rcl_lruvec_info(self._machine, lruvec, info))
        return _plain(info[0])

    def list_pfns(self, lruvec: int, list_number: int) -> Records:
        """Return the page frame numbers on a list, oldest first, shape (n,), uint32."""
        count = ffi.new("uint64_t *")
        self._check(lib.rcl_list_folios(self._machine, lruvec, list_number, ffi.NULL, 0, count))
        pfns = np.zeros(int(count[0]), dtype=np.uint32)
        pointer = ffi.from_buffer("uint32_t[]", pfns)
        self._check(lib.rcl_list_folios(self._machine, lruvec, list_number, pointer, len(pfns), count))
        return pfns

    def list_pages(self, lruvec: int, list_number: int) -> int:
        """Return how many pages claim a list."""
        count = ffi.new("uint64_t *")
        self._check(lib.rcl_list_pages(self._machine, lruvec, list_number, count))
        return int(count[0])

    def folio_info(self, pfn: int) -> dict[str, int]:
        """Return the members of `struct rcl_folio_info`."""
        info = ffi.new("struct rcl_folio_info *")
        self._check(lib.rcl_folio_info(self._machine, pfn, info))
        return _plain(info[0])

    def file_pfn(self, file: int, page: int) -> int | None:
        """Return the frame that caches a page of a file, None where it is not cached."""
        pfn = ffi.new("uint32_t *")
        self._check(lib.rcl_file_folio(self._machine, file, page, pfn))
        return None if pfn[0] == _NO_FOLIO else int(pfn[0])

    def ptes(self, task: int, first: int, count: int) -> Records:
        """Return raw page-table entries, shape (count,), uint32, layout as in rcl.h."""
        ptes = np.zeros(count, dtype=np.uint32)
        pointer = ffi.from_buffer("uint32_t[]", ptes)
        self._check(lib.rcl_task_ptes(self._machine, task, first, count, pointer))
        return ptes

    def state_bytes(self, attachment: int, scope: Scope, element: int, nr_bytes: int) -> bytes:
        """Return a copy of one element of a policy's declared state."""
        data = ffi.new("uint8_t[]", nr_bytes)
        number = list(Scope).index(scope)
        self._check(lib.rcl_state_bytes(self._machine, attachment, number, element, data, nr_bytes))
        return bytes(ffi.buffer(data))

    def map_value(self, attachment: int, map_number: int, instance: int, key: int) -> int | None:
        """Return what a policy's map holds for a key, None where it is absent; keys of sets hold 0 or 1."""
        value, present = ffi.new("uint64_t *"), ffi.new("int *")
        self._check(lib.rcl_map_look(self._machine, attachment, map_number, instance, key, value, present))
        return int(value[0]) if present[0] else None

    def map_size(self, attachment: int, map_number: int, instance: int) -> int:
        """Return the number of entries of a policy's map."""
        count = ffi.new("uint64_t *")
        self._check(lib.rcl_map_size(self._machine, attachment, map_number, instance, count))
        return int(count[0])

    def check(self) -> None:
        """Compare the core's books with each other.

        Raises:
            CoreFault: they disagree; the message says where.
        """
        message = ffi.new("char[]", _MESSAGE_BYTES)
        if lib.rcl_check(self._machine, message, _MESSAGE_BYTES) != lib.RCL_OK:
            raise CoreFault(f"the core's books disagree: {ffi.string(message).decode()}")


class LiveMemory:
    """The core's memory and helpers as an interpreted policy uses them; `context` is set for each hook."""

    def __init__(self) -> None:
        self.context = 0
        self._types = {
            (nr_bytes, signed): ffi.typeof(f"{'' if signed else 'u'}int{8 * nr_bytes}_t *")
            for nr_bytes in (1, 2, 4, 8)
            for signed in (False, True)
        }

    def load(self, address: int, nr_bytes: int, signed: bool) -> int:
        """Read an integer of 1, 2, 4 or 8 bytes."""
        return int(ffi.cast(self._types[nr_bytes, signed], address)[0])

    def store(self, address: int, nr_bytes: int, value: int) -> None:
        """Write the low bytes of an integer."""
        ffi.cast(self._types[nr_bytes, False], address)[0] = value & ((1 << (8 * nr_bytes)) - 1)

    def call(self, c_name: str, args: tuple[int, ...]) -> int | None:
        """Run a helper of the core; numbers, addresses and answers are unsigned patterns."""
        function = getattr(lib, f"h_{c_name}")
        types = ffi.typeof(function).args
        passed = [ffi.cast(c_type, value) for c_type, value in zip(types, (self.context, *args), strict=True)]
        result = function(*passed)
        if result is None:
            return None
        if isinstance(result, ffi.CData) and ffi.typeof(result).kind == "struct":
            return int(result.value) if result.present else None
        return _unsigned(result)


def _address(pointer: Any) -> int:
    return int(ffi.cast("uintptr_t", pointer))


def _unsigned(value: Any) -> int:
    """Return a number or pointer as an unsigned 64-bit number."""
    return _address(value) if isinstance(value, ffi.CData) else int(value) & (U64_MAX)
