"""Scenarios: a machine, its memcgs, tasks and fixed policies, told in one TOML file.

Here: the schema, the checks with messages that name file, key, found and expected, and `Scenario.build`. Not here: what
the parts mean (reclaim/engine/machine_config.py), which this file turns its tables into.

A scenario is a place to compare policies in: it says where the policy under comparison goes (`candidate_at`), and which
other policies stand there whatever is compared.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from reclaim.diag.errors import ConfigError
from reclaim.engine import Attachment, Machine
from reclaim.engine.machine import FileDevice
from reclaim.engine.machine_config import (
    KERNEL_READ_AHEAD,
    MachineConfig,
    MemcgConfig,
    NodeConfig,
    SwapConfig,
    SwapKind,
    check_memcg_path,
    parse_mempolicy,
    parse_size,
    suggest,
)
from reclaim.jit.policy_loader import CompiledPolicy
from reclaim.lab.comparison import measurable_names
from reclaim.workload import Trace, open_trace, shipped, synth

Size = int | str
"""Pages, bytes with a suffix, or a share of the footprint of the tasks concerned."""

_TRACE_SUFFIX = ".rtrace.zst"


class _Table(BaseModel):
    """A table of the file: unknown keys and lookalike types are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _NodeTable(_Table):
    size: Size
    tier: int = 0
    distances: list[int] | None = None
    watermarks_pages: list[int] | None = Field(default=None, min_length=3, max_length=3)


class _SwapTable(_Table):
    kind: str
    size: Size
    priority: int = 0
    mem_limit: Size = 0


class _MachineTable(_Table):
    """A machine; further keys are its options, checked by the machine's description."""

    model_config = ConfigDict(extra="allow")

    nodes: list[_NodeTable] = Field(min_length=1)
    swap: list[_SwapTable] = []
    costs: dict[str, int] = {}
    seed: int = 0


class _MemcgTable(_Table):
    path: str
    max: Size | None = None
    high: Size | None = None
    low: Size = 0
    min: Size = 0
    swap_max: Size | None = None
    swap_high: Size | None = None
    zswap_max: Size | None = None
    zswap_writeback: bool = True
    swappiness: int | None = None
    oom_group: bool = False


class _TaskTable(_Table):
    memcg: str = "/"
    node: int = 0
    trace: str | None = None
    workload: str | None = None
    seed: int = 0
    device: str = "ssd"
    share_files: bool = False
    mempolicy: str = "default"
    oom_score_adj: int = 0


class _PolicyTable(_Table):
    policy: str
    to: str | int | None = None
    tunables: dict[str, int] = {}


class _ScenarioTable(_Table):
    name: str
    doc: str
    measured: list[str]
    regression: str
    candidate_at: str | int | None = None
    machine: _MachineTable
    memcg: list[_MemcgTable] = []
    task: list[_TaskTable] = Field(min_length=1)
    policy: list[_PolicyTable] = []


_TABLES: dict[tuple[str, ...], type[_Table]] = {
    (): _ScenarioTable,
    ("machine",): _MachineTable,
    ("machine", "nodes"): _NodeTable,
    ("machine", "swap"): _SwapTable,
    ("memcg",): _MemcgTable,
    ("task",): _TaskTable,
    ("policy",): _PolicyTable,
}
"""Which table stands where, to say what else a key could have been."""


@dataclass(frozen=True, slots=True)
class TaskPlan:
    """A task of a scenario; members as the arguments of `Machine.add_task`."""

    trace: Trace
    memcg: str
    node: int
    device: FileDevice
    share_files: bool
    mempolicy: str
    oom_score_adj: int


@dataclass(frozen=True, slots=True)
class PolicyPlan:
    """A policy of a scenario; members as the arguments of `Machine.attach`."""

    policy: str | Path
    to: str | int | None
    tunables: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario, checked and ready to build.

    Args:
        path: its file.
        name: short name for tables.
        doc: what it shows.
        measured: names of kernel counters and metrics to look at; each is a row of the comparison.
        regression: what would be a step back, in words, shown below the comparison.
        candidate_at: where the policy under comparison goes: None for the system, a node, or a memcg's path.
        config: the machine.
        tasks: what runs on it.
        policies: what is attached whatever is compared.
    """

    path: Path
    name: str
    doc: str
    measured: tuple[str, ...]
    regression: str
    candidate_at: str | int | None
    config: MachineConfig
    tasks: tuple[TaskPlan, ...]
    policies: tuple[PolicyPlan, ...]

    def build(
        self,
        candidate: str | Path | CompiledPolicy | None = None,
        *,
        tunables: Mapping[str, int] | None = None,
        seed: int | None = None,
    ) -> Machine:
        """Build the machine with its policies and tasks, ready to run.

        Args:
            candidate: the policy under comparison; None leaves its place to the default.
            tunables: of the candidate.
            seed: of the machine's random numbers, instead of the scenario's own.

        Returns:
            The machine; the candidate is the last of its attachments.

        Raises:
            ConfigError: a cost, tunable or policy that does not exist, or memory for the machine.
            PolicyRejected: a policy is not accepted.
        """
        with _named(self.path, "machine"):
            machine = Machine(self.config if seed is None else replace(self.config, seed=seed))
        for index, plan in enumerate(self.policies):
            with _named(self.path, f"policy[{index}]"):
                machine.attach(plan.policy, plan.to, tunables=plan.tunables)
        if candidate is not None:
            self.attach(machine, candidate, tunables=tunables)
        for index, task in enumerate(self.tasks):
            with _named(self.path, f"task[{index}]"):
                machine.add_task(
                    task.trace,
                    memcg=task.memcg,
                    node=task.node,
                    device=task.device,
                    share_files=task.share_files,
                    mempolicy=task.mempolicy,
                ).set_oom_score_adj(task.oom_score_adj)
        return machine

    def attach(
        self,
        machine: Machine,
        candidate: str | Path | CompiledPolicy,
        *,
        tunables: Mapping[str, int] | None = None,
    ) -> Attachment:
        """Attach the policy under comparison to its place; arguments and errors as for `build`."""
        return machine.attach(candidate, self.candidate_at, tunables=tunables)

    @property
    def footprint_pages(self) -> int:
        """Return the distinct pages of all tasks together."""
        return sum(task.trace.footprint_pages for task in self.tasks)


def load_scenario(path: str | Path, *, seed: int = 0) -> Scenario:
    """Read and check a scenario.

    Args:
        path: the TOML file.
        seed: added to the seed of each synthetic workload.

    Returns:
        The scenario; traces are open, nothing is built.

    Raises:
        ConfigError: the file cannot be read, or something in it makes no sense; the message names the key.
        TraceError: a trace that it names cannot be read.
    """
    path = Path(path)
    table = _checked_table(path)
    memcgs = {"/", *(memcg.path for memcg in table.memcg)}
    nr_nodes = len(table.machine.nodes)
    for index, entry in enumerate(table.task):
        with _named(path, f"task[{index}]"):
            _check_place(entry.memcg, memcgs, nr_nodes, "memcg")
            _check_place(entry.node, memcgs, nr_nodes, "node")
            parse_mempolicy(entry.mempolicy, nr_nodes)
    tasks = tuple(_task(path, index, task, seed) for index, task in enumerate(table.task))
    config = _machine(path, table, tasks)
    policies = tuple(_policy(path, policy) for policy in table.policy)
    for index, policy in enumerate(policies):
        with _named(path, f"policy[{index}]"):
            _check_place(policy.to, memcgs, nr_nodes, "to")
    _check_measured(path, table.measured)
    with _named(path, ""):
        _check_place(table.candidate_at, memcgs, nr_nodes, "candidate_at")
    return Scenario(
        path=path,
        name=table.name,
        doc=table.doc,
        measured=tuple(table.measured),
        regression=table.regression,
        candidate_at=table.candidate_at,
        config=config,
        tasks=tasks,
        policies=policies,
    )


def _checked_table(path: Path) -> _ScenarioTable:
    try:
        raw = tomllib.loads(path.read_bytes().decode("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot read the scenario: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: byte {error.start}: not UTF-8, which TOML must be") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not TOML: {error}") from error
    try:
        return _ScenarioTable.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(
            "\n".join(dict.fromkeys(_message(path, found) for found in error.errors()))
        ) from error


def _message(path: Path, found: Mapping[str, Any]) -> str:
    """Say where a key is wrong, what was found and what was expected."""
    location = [part for part in found["loc"] if part not in {"int", "str"}]
    key = _key(location)
    if found["type"] == "extra_forbidden":
        table = _TABLES[tuple(str(part) for part in location[:-1] if not isinstance(part, int))]
        return f"{path}: {key}: unknown key{suggest(str(location[-1]), table.model_fields)}"
    if found["type"] == "missing":
        return f"{path}: {key}: missing; expected a value"
    expected = str(found["msg"]).replace("Input should be ", "").replace("List should have ", "")
    return f"{path}: {key}: found {found['input']!r}; expected {expected}"


def _key(location: list[str | int]) -> str:
    """Return the path of a key as TOML people write it: `machine.nodes[0].size`."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


@contextmanager
def _named(path: Path, key: str) -> Iterator[None]:
    """Put the file and the key before the message of whatever is wrong inside."""
    try:
        yield
    except ConfigError as error:
        where = f"{path}: {key}" if key else f"{path}"
        raise ConfigError(f"{where}: {error}") from error


def _task(path: Path, index: int, table: _TaskTable, seed: int) -> TaskPlan:
    with _named(path, f"task[{index}]"):
        if (table.trace is None) == (table.workload is None):
            found = "both" if table.trace is not None else "neither"
            raise ConfigError(f"found {found} of `trace` and `workload`; expected one of them")
        if table.workload is not None:
            trace = synth(table.workload, table.seed + seed)
        else:
            trace = open_trace(_find_trace(path, str(table.trace)))
        return TaskPlan(
            trace,
            table.memcg,
            table.node,
            _device(table.device),
            table.share_files,
            table.mempolicy,
            table.oom_score_adj,
        )


def _device(name: str) -> FileDevice:
    for device in get_args(FileDevice):
        if name == device:
            return device  # type: ignore[no-any-return]  # get_args is untyped
    raise ConfigError(f"device: unknown device {name!r}{suggest(name, get_args(FileDevice))}")


def _find_trace(path: Path, name: str) -> Path:
    """Return the file of a trace: a path from the scenario's folder, or the name of a shipped one."""
    file = path.parent / name
    if file.is_file():
        return file
    known = {trace.name.removesuffix(_TRACE_SUFFIX): trace for trace in shipped()}
    if name not in known:
        raise ConfigError(
            f"trace: no such file {str(file)!r}, and no shipped trace {name!r}{suggest(name, known)}"
        )
    return known[name]


def _policy(path: Path, table: _PolicyTable) -> PolicyPlan:
    file = path.parent / table.policy
    return PolicyPlan(file if file.is_file() else table.policy, table.to, table.tunables)


def _machine(path: Path, table: _ScenarioTable, tasks: tuple[TaskPlan, ...]) -> MachineConfig:
    machine = table.machine
    nodes, swap, memcgs = [], [], []
    for index, node in enumerate(machine.nodes):
        with _named(path, f"machine.nodes[{index}]"):
            nodes.append(_node(node, tasks))
    for index, device in enumerate(machine.swap):
        with _named(path, f"machine.swap[{index}]"):
            swap.append(_swap(device, tasks))
    for index, memcg in enumerate(table.memcg):
        with _named(path, f"memcg[{index}]"):
            memcgs.append(_memcg(memcg, tasks))
    options = dict(machine.model_extra or {})
    if all(task.trace.header.is_program for task in tasks):
        options = {**KERNEL_READ_AHEAD, **options}
    with _named(path, "machine"):
        return MachineConfig(
            nodes=tuple(nodes),
            memcgs=tuple(memcgs),
            swap=tuple(swap),
            costs=machine.costs,
            seed=machine.seed,
            options=options,
        )


def _node(table: _NodeTable, tasks: tuple[TaskPlan, ...]) -> NodeConfig:
    marks = table.watermarks_pages
    return NodeConfig(
        pages=_pages(table.size, tasks, "size"),
        tier=table.tier,
        distances=None if table.distances is None else tuple(table.distances),
        watermarks_pages=None if marks is None else (marks[0], marks[1], marks[2]),
    )


def _swap(table: _SwapTable, tasks: tuple[TaskPlan, ...]) -> SwapConfig:
    kinds: dict[str, SwapKind] = {kind: kind for kind in get_args(SwapKind)}
    if table.kind not in kinds:
        raise ConfigError(f"kind: unknown kind {table.kind!r}{suggest(table.kind, kinds)}")
    return SwapConfig(
        kind=kinds[table.kind],
        pages=_pages(table.size, tasks, "size"),
        priority=table.priority,
        mem_limit_pages=_pages(table.mem_limit, tasks, "mem_limit"),
    )


def _memcg(table: _MemcgTable, tasks: tuple[TaskPlan, ...]) -> MemcgConfig:
    check_memcg_path(table.path)
    inside = tuple(t for t in tasks if t.memcg == table.path or t.memcg.startswith(f"{table.path}/"))

    def pages(size: Size | None, what: str) -> int | None:
        return None if size is None else _pages(size, inside, what)

    return MemcgConfig(
        path=table.path,
        max_pages=pages(table.max, "max"),
        high_pages=pages(table.high, "high"),
        low_pages=_pages(table.low, inside, "low"),
        min_pages=_pages(table.min, inside, "min"),
        swap_max_pages=pages(table.swap_max, "swap_max"),
        swap_high_pages=pages(table.swap_high, "swap_high"),
        zswap_max_pages=pages(table.zswap_max, "zswap_max"),
        zswap_writeback=table.zswap_writeback,
        swappiness=table.swappiness,
        oom_group=table.oom_group,
    )


def _pages(size: Size, tasks: tuple[TaskPlan, ...], what: str) -> int:
    """Return a size in pages; shares are of the footprint of the tasks concerned, which is counted only for them."""
    is_share = isinstance(size, str) and size.strip().endswith("%")
    whole = sum(task.trace.footprint_pages for task in tasks) if is_share else None
    return parse_size(size, whole or None, what)


def _check_measured(path: Path, names: list[str]) -> None:
    for index, name in enumerate(names):
        if name not in measurable_names():
            raise ConfigError(
                f"{path}: measured[{index}]: nothing is called {name!r}{suggest(name, measurable_names())}"
            )
        if name in names[:index]:
            raise ConfigError(f"{path}: measured[{index}]: {name!r} is there twice")


def _check_place(to: str | int | None, memcgs: set[str], nr_nodes: int, what: str) -> None:
    if isinstance(to, str) and to not in memcgs:
        raise ConfigError(f"{what}: no memcg {to!r}{suggest(to, memcgs)}")
    if isinstance(to, int) and not 0 <= to < nr_nodes:
        raise ConfigError(f"{what}: no node {to}; expected 0 to {nr_nodes - 1}")
