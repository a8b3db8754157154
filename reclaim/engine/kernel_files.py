"""The kernel's own files of numbers: `memory.stat`, `vmstat` and `memory.events`, at any moment of a machine.

Here: which lines each file has, their units and their sums, and how they are written. Not here: the numbers themselves
(`abi/levels.py` and `abi/counters.py` name them; the core adds them up).

A file leaves out the lines of what the model does not have (sockets, shmem, kernel stacks); a line that is there means
what it means in Linux 6.12.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from reclaim.abi.counters import COUNTERS
from reclaim.abi.levels import LEVELS
from reclaim.abi.limits import PAGE_BYTES

Numbers = npt.NDArray[np.uint64]

_MEMORY_STAT_EVENTS = frozenset(
    "workingset_refault_anon workingset_refault_file workingset_activate_anon workingset_activate_file "
    "workingset_restore_anon workingset_restore_file workingset_nodereclaim pgdemote_kswapd pgdemote_direct "
    "pgdemote_khugepaged pgdemote_proactive pgpromote_success pgscan_kswapd pgscan_direct pgscan_khugepaged "
    "pgsteal_kswapd pgsteal_direct pgsteal_khugepaged pgfault pgmajfault pgrefill pgactivate pgdeactivate pglazyfree "
    "pglazyfreed swpin_zero swpout_zero zswpin zswpout zswpwb thp_fault_alloc thp_collapse_alloc thp_swpout "
    "thp_swpout_fallback numa_pages_migrated numa_pte_updates numa_hint_faults".split()
)
"""Counters that `memory.stat` has (memory_stats and memcg_vm_event_stat, mm/memcontrol.c v6.12); those that the core
counts are shown."""

_STATE_EVENTS = ("workingset_", "pgdemote_", "pgpromote_")
"""What comes before `pgscan` in the file."""

TYPES = ("anon", "file")
"""Names of page types, in the order of their numbers."""

_PMD_PAGES = 512
_EVENTS = "memory_events_"


def sums(lines: Numbers, lruvecs: npt.NDArray[np.int64]) -> Numbers:
    """Return the sums over some lruvecs.

    Args:
        lines: numbers of every lruvec, shape (nr_lruvecs, n).
        lruvecs: which ones; an index array.

    Returns:
        Shape (n,), uint64.
    """
    total: Numbers = lines[lruvecs].sum(axis=0, dtype=np.uint64)
    return total


def memory_stat(levels: Numbers, counters: Numbers) -> dict[str, int]:
    """Return the lines of `memory.stat`: bytes, then counts since the start.

    Args:
        levels: of the memcg and its descendants, in the order of `LEVELS`.
        counters: the same, in the order of `COUNTERS`.
    """
    lines = {
        level.memory_stat: int(pages) * PAGE_BYTES
        for level, pages in zip(LEVELS, levels, strict=True)
        if level.memory_stat is not None
    }
    lines["slab"] = lines["slab_reclaimable"]
    all_events = _events(counters, "vmstat")
    events = {name: count for name, count in all_events.items() if name in _MEMORY_STAT_EVENTS}
    states = {name: count for name, count in events.items() if name.startswith(_STATE_EVENTS)}
    totals = {
        kind: sum(count for name, count in events.items() if name.startswith(f"{kind}_"))
        for kind in ("pgscan", "pgsteal")
    }
    return lines | states | totals | events


def vmstat(levels: Numbers, counters: Numbers, nr_free_pages: int) -> dict[str, int]:
    """Return the lines of `/proc/vmstat`, or of a node's `vmstat`: pages, then counts since the start.

    Args:
        levels: of the machine or the node, in the order of `LEVELS`.
        counters: the same, in the order of `COUNTERS`.
        nr_free_pages: free pages there.
    """
    values = dict(zip((level.name for level in LEVELS), map(int, levels), strict=True))
    values["nr_file_pages"] += values["nr_swapcache"]
    values["nr_anon_thps"] //= _PMD_PAGES
    lines = {level.vmstat: values[level.name] for level in LEVELS if level.vmstat is not None}
    return {"nr_free_pages": nr_free_pages} | lines | _events(counters, "vmstat")


@dataclass(frozen=True, slots=True)
class NumaLine:
    """Hold a line of `memory.numa_stat`.

    Args:
        nodes: bytes, or a count since the start, of each node.
    """

    nodes: tuple[int, ...]

    def __str__(self) -> str:
        """Return the line without its name as the kernel writes it."""
        return " ".join(f"N{nid}={value}" for nid, value in enumerate(self.nodes))


def memory_numa_stat(levels: Sequence[Numbers], counters: Sequence[Numbers]) -> dict[str, NumaLine]:
    """Return the lines of `memory.numa_stat`: those of `memory.stat` that the kernel keeps by node.

    Args:
        levels: of the memcg and its descendants on each node, in the order of `LEVELS`.
        counters: the same, in the order of `COUNTERS`.
    """
    by_node = {level.memory_stat for level in LEVELS if not level.source.startswith("MEMCG_")}
    nodes = [memory_stat(*numbers) for numbers in zip(levels, counters, strict=True)]
    return {
        name: NumaLine(tuple(node[name] for node in nodes))
        for name in nodes[0]
        if name in by_node or name.startswith(_STATE_EVENTS)
    }


def memory_events(counters: Numbers) -> dict[str, int]:
    """Return the lines of `memory.events`; descendants count where the counters include them."""
    events = _events(counters, "memory_events")
    lines = {name.removeprefix(_EVENTS): count for name, count in events.items()}
    return lines | {"oom_kill": _events(counters, "vmstat")["oom_kill"]}


@dataclass(frozen=True, slots=True)
class PressureLine:
    """Hold a line of a pressure file.

    Args:
        avg10, avg60, avg300: percent of the time, decaying.
        total: microseconds since the start.
    """

    avg10: float
    avg60: float
    avg300: float
    total: int

    def __str__(self) -> str:
        """Return the line without its name as the kernel writes it; the averages are cut after two digits, as there."""
        avg10, avg60, avg300 = map(_percent, (self.avg10, self.avg60, self.avg300))
        return f"avg10={avg10} avg60={avg60} avg300={avg300} total={self.total}"


def pressure(numbers: Mapping[str, Any]) -> dict[str, PressureLine]:
    """Return the lines `some` and `full` of a pressure file from the core's numbers."""
    lines = {}
    for line in ("some", "full"):
        avg10, avg60, avg300 = numbers[f"{line}_avg"]
        lines[line] = PressureLine(avg10, avg60, avg300, numbers[f"{line}_ns"] // 1000)
    return lines


def _percent(value: float) -> str:
    hundredths = int(value * 100)
    return f"{hundredths // 100}.{hundredths % 100:02d}"


def as_text(lines: Mapping[str, object]) -> str:
    """Return a file as the kernel writes it, a name and what it says a line: a number, averages, or numbers by node."""
    return "".join(f"{name} {value}\n" for name, value in lines.items())


def _events(counters: Numbers, group: str) -> dict[str, int]:
    return {
        counter.name: int(value)
        for counter, value in zip(COUNTERS, counters, strict=True)
        if counter.group == group
    }
