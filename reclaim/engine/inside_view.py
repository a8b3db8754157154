"""Looking inside a machine: the kernel's files of numbers, dumps and traces.

Here: `InsideView`, the part of `Machine` that only reads. Not here: setting up and running (machine.py), and what each
file holds (kernel_files.py, list_dump.py, trace_log.py).
"""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from reclaim.abi.limits import FIRST_POLICY_LIST, PAGE_BYTES, STANDARD_LISTS
from reclaim.diag.errors import ConfigError
from reclaim.engine import kernel_files
from reclaim.engine.attachment import Attachment
from reclaim.engine.binding import Core
from reclaim.engine.list_dump import generations
from reclaim.engine.machine_config import MachineConfig, suggest
from reclaim.engine.trace_log import DEFAULT_RECORDS, TraceLog, select_events
from reclaim.jit.policy_loader import CompiledPolicy

Resource = Literal["memory", "io"]
"""What tasks can stall on."""


class InsideView:
    """What can be seen of a machine; its state is set up by `Machine`."""

    config: MachineConfig
    tasks: list[Any]  # of Task, which machine.py defines
    attachments: list[Attachment]
    _core: Core
    _default: CompiledPolicy
    _memcgs: dict[str, int]

    @property
    def virtual_ns(self) -> int:
        """Return the latest clock of any task."""
        return self._core.psi()["elapsed_ns"]

    def memory_stat(self, memcg: str = "/") -> dict[str, int]:
        """Return the lines of a memcg's `memory.stat`, descendants included; `kernel_files.as_text` writes the file.

        Looks at every folio in use.

        Raises:
            ConfigError: no such memcg.
        """
        below = self._lruvecs_below(memcg)
        return kernel_files.memory_stat(
            kernel_files.sums(self._levels(), below), kernel_files.sums(self._all_counters(), below)
        )

    def memory_numa_stat(self, memcg: str = "/") -> dict[str, kernel_files.NumaLine]:
        """Return the lines of a memcg's `memory.numa_stat`, descendants included.

        Looks at every folio in use.

        Raises:
            ConfigError: no such memcg.
        """
        below, levels, counters = self._lruvecs_below(memcg), self._levels(), self._all_counters()
        by_node = [self._on_node(below, nid) for nid in range(len(self.config.nodes))]
        return kernel_files.memory_numa_stat(
            [kernel_files.sums(levels, lruvecs) for lruvecs in by_node],
            [kernel_files.sums(counters, lruvecs) for lruvecs in by_node],
        )

    def memory_events(self, memcg: str = "/", *, local: bool = False) -> dict[str, int]:
        """Return the lines of a memcg's `memory.events`, or of its `memory.events.local`.

        Raises:
            ConfigError: no such memcg.
        """
        lruvecs = self._lruvecs_of(self._memcg(memcg)) if local else self._lruvecs_below(memcg)
        return kernel_files.memory_events(kernel_files.sums(self._all_counters(), lruvecs))

    def pressure(
        self, memcg: str = "/", resource: Resource = "memory"
    ) -> dict[str, kernel_files.PressureLine]:
        """Return the lines `some` and `full` of a memcg's `memory.pressure` or `io.pressure`.

        The root's are those of `/proc/pressure`. Within a run they are as of the task that is furthest behind.

        Raises:
            ConfigError: no such memcg or resource.
        """
        if resource not in get_args(Resource):
            raise ConfigError(f"no pressure of {resource!r}{suggest(str(resource), get_args(Resource))}")
        return kernel_files.pressure(self._core.pressure(self._memcg(memcg), resource))

    def vmstat(self, node: int | None = None) -> dict[str, int]:
        """Return the lines of `/proc/vmstat`, or of a node's `vmstat`.

        Looks at every folio in use.

        Raises:
            ConfigError: no such node.
        """
        nodes = range(len(self.config.nodes)) if node is None else (self._node(node),)
        lruvecs = np.concatenate([self._on_node(np.arange(self._nr_lruvecs), nid) for nid in nodes])
        return kernel_files.vmstat(
            kernel_files.sums(self._levels(), lruvecs),
            kernel_files.sums(self._all_counters(), lruvecs),
            sum(self._core.node_info(nid)["nr_free_pages"] for nid in nodes),
        )

    def statistics(self) -> dict[str, dict[str, int]]:
        """Return the numbers of every memcg and node at once.

        Returns:
            By the memcg's path the lines of its `memory.stat`, `memory.current` and `memory.swap.current` in bytes, and
            its pressure in microseconds; by `node0` and so on the lines of the node's `vmstat`.
        """
        levels, counters = self._levels(), self._all_counters()
        numbers = {}
        for path, number in self._memcgs.items():
            below = self._lruvecs_below(path)
            info, lines = self._core.memcg_info(number), self.pressure(path)
            numbers[path] = {
                "memory.current": info["usage_pages"] * PAGE_BYTES,
                "memory.swap.current": info["swap_pages"] * PAGE_BYTES,
                **{f"memory.pressure.{name}": line.total for name, line in lines.items()},
                **kernel_files.memory_stat(
                    kernel_files.sums(levels, below), kernel_files.sums(counters, below)
                ),
            }
        for nid in range(len(self.config.nodes)):
            on_node = self._on_node(np.arange(self._nr_lruvecs), nid)
            nr_free_pages = self._core.node_info(nid)["nr_free_pages"]
            numbers[f"node{nid}"] = kernel_files.vmstat(
                kernel_files.sums(levels, on_node), kernel_files.sums(counters, on_node), nr_free_pages
            )
        return numbers

    def dump(self) -> dict[str, Any]:
        """Return everything about memcgs, nodes and lists at this moment, ready for JSON.

        Returns:
            `memcgs` by path: id, `memory.stat`, `memory.numa_stat`, `memory.events`, `memory.pressure`, and `lruvecs`, one per node: its
            policy, its lists (class, pages by type, oldest and youngest folio) and, of a policy that has them, its
            generations. `nodes` by name: `vmstat`.
        """
        sizes = self._core.all_list_sizes(self._nr_lruvecs)
        numbers = self.statistics()
        nr_nodes = len(self.config.nodes)
        memcgs = {
            path: {
                "id": number,
                "memory.stat": self.memory_stat(path),
                "memory.numa_stat": self.memory_numa_stat(path),
                "memory.events": self.memory_events(path),
                "memory.pressure": self.pressure(path),
                "lruvecs": [self._dump_lruvec(number * nr_nodes + nid, sizes) for nid in range(nr_nodes)],
            }
            for path, number in self._memcgs.items()
        }
        return {"memcgs": memcgs, "nodes": {name: numbers[name] for name in numbers if name not in memcgs}}

    def trace(self, *events: str, records: int = DEFAULT_RECORDS) -> None:
        """Record events from now on; what was recorded before is forgotten.

        Args:
            events: names with `*` and `?` (`mm_vmscan_*`, `vmscan:*`), in front `!` to leave out; none: all.
            records: how many of them are kept, 128 bytes each; of more the latest.

        Raises:
            ConfigError: a pattern names no event, or there is no memory for the records.
        """
        self._core.trace_start(select_events(events), records)

    def trace_log(self) -> TraceLog:
        """Take out what was recorded so far; recording goes on."""
        records, nr_lost = self._core.trace_read()
        policies = {0: self._default.name} | {a.number: a.policy.name for a in self.attachments}
        tasks = [task.name for task in self.tasks]
        return TraceLog(records, nr_lost, tasks, policies, list(self._memcgs), self._list_name)

    @property
    def _nr_lruvecs(self) -> int:
        return len(self._memcgs) * len(self.config.nodes)

    def _levels(self) -> kernel_files.Numbers:
        return self._core.all_levels(self._nr_lruvecs)

    def _all_counters(self) -> kernel_files.Numbers:
        return self._core.all_counters(self._nr_lruvecs)

    def _lruvecs_of(self, memcg: int) -> npt.NDArray[np.int64]:
        nr_nodes = len(self.config.nodes)
        return np.arange(memcg * nr_nodes, (memcg + 1) * nr_nodes)

    def _lruvecs_below(self, path: str) -> npt.NDArray[np.int64]:
        """Return the numbers of the lruvecs of a memcg and of all its descendants."""
        self._memcg(path)
        prefix = path.rstrip("/") + "/"
        below = [n for other, n in self._memcgs.items() if other == path or other.startswith(prefix)]
        return np.concatenate([self._lruvecs_of(number) for number in below])

    def _on_node(self, lruvecs: npt.NDArray[np.int64], nid: int) -> npt.NDArray[np.int64]:
        """Return those of some lruvecs that are of a node."""
        found: npt.NDArray[np.int64] = lruvecs[lruvecs % len(self.config.nodes) == nid]
        return found

    def _node(self, nid: int) -> int:
        if not 0 <= nid < len(self.config.nodes):
            raise ConfigError(f"no node {nid}; expected 0 to {len(self.config.nodes) - 1}")
        return nid

    def _memcg(self, path: str) -> int:
        if path not in self._memcgs:
            raise ConfigError(f"no memcg {path!r}{suggest(path, self._memcgs)}")
        return self._memcgs[path]

    def _list_names(self, attachment: int) -> dict[int, str]:
        names = dict(enumerate(STANDARD_LISTS, start=FIRST_POLICY_LIST - len(STANDARD_LISTS)))
        for governor in self.attachments:
            if governor.number == attachment:
                for declared in governor.policy.image.lists:
                    for offset, index in enumerate(np.ndindex(declared.dims)):
                        suffix = "".join(f"[{i}]" for i in index)
                        names[declared.first_number + offset] = declared.name + suffix
        return names

    def _list_name(self, memcg: int, nid: int, number: int) -> str:
        info = self._core.lruvec_info(self._core.lruvec_of(memcg, nid))
        return self._list_names(info["attachment"]).get(number, str(number))

    def _list_class(self, lruvec: int, number: int) -> str:
        if number == FIRST_POLICY_LIST - 1:
            return STANDARD_LISTS[-1]
        return "active" if self._core.list_is_active(lruvec, number) else "inactive"

    def _dump_lruvec(self, lruvec: int, sizes: kernel_files.Numbers) -> dict[str, Any]:
        info = self._core.lruvec_info(lruvec)
        names = self._list_names(info["attachment"])
        lists = {}
        for number in range(1, info["nr_lists"]):
            pfns = self._core.list_pfns(lruvec, number)
            lists[names.get(number, str(number))] = {
                "class": self._list_class(lruvec, number),
                **{
                    kind: int(pages)
                    for kind, pages in zip(kernel_files.TYPES, sizes[lruvec, number], strict=True)
                },
                "oldest": int(pfns[0]) if len(pfns) else None,
                "youngest": int(pfns[-1]) if len(pfns) else None,
            }
        governor = next((a for a in self.attachments if a.number == info["attachment"]), None)
        state = governor.state("lruvec", lruvec) if governor is not None else {}
        return {
            "node": info["nid"],
            "policy": governor.policy.name if governor is not None else self._default.name,
            "lists": lists,
            "generations": generations(state, lists, self.virtual_ns),
        }
