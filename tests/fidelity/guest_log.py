"""What the replayer says, read into rows of results.json.

Here: its frames, the kernel's files that they hold, and the differences and levels that a row is made of. Not here:
how a machine is booted (guest_machine.py). Nothing here needs a machine, so it is tested with texts.

A frame is a line `=name bytes`, the bytes, and the end of a line. `run` begins a run; `point` begins a moment of it,
whose frames are files as they read then; `task` begins what belongs to one task. After the point `over` come what the
tasks themselves found.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.fidelity.guest_machine import PAGE_BYTES, HarnessError

MEMCG_COUNTERS = (
    "pgscan pgsteal pgscan_direct pgscan_kswapd pgsteal_direct pgsteal_kswapd pgfault pgmajfault pgrefill pgactivate "
    "pgdeactivate workingset_refault_anon workingset_refault_file workingset_activate_anon workingset_activate_file "
    "workingset_restore_anon workingset_restore_file workingset_nodereclaim"
).split()
"""Of memory.stat, which may lag by up to 64 events (MEMCG_CHARGE_BATCH, include/linux/memcontrol.h v6.12)."""

VMSTAT_COUNTERS = (
    "pswpin pswpout pgscan_direct pgsteal_direct pgscan_kswapd pgsteal_kswapd pgscan_anon pgscan_file pgsteal_anon "
    "pgsteal_file pgactivate pgdeactivate pgrefill pgmajfault pgrotated workingset_refault_anon workingset_refault_file "
    "workingset_activate_anon workingset_activate_file workingset_restore_anon workingset_restore_file pgpgin pgpgout "
    "nr_dirtied nr_written nr_vmscan_write nr_vmscan_immediate_reclaim allocstall_normal allocstall_dma32 "
    "allocstall_movable pageoutrun kswapd_low_wmark_hit_quickly kswapd_high_wmark_hit_quickly swap_ra swap_ra_hit"
).split()
"""Of /proc/vmstat, the whole machine's, exact: stat_refresh is written before."""

LEVELS = (
    "anon file kernel kernel_stack pagetables slab inactive_anon active_anon inactive_file active_file file_dirty "
    "file_writeback swapcached"
).split()
"""Of memory.stat, in bytes there and in pages in a row."""

MARKS = ("min", "low", "high")
"""Watermarks in /proc/zoneinfo, pages."""

_FRAME = re.compile(rb"=(\S+) (\d+)\n")
_GENERATION = re.compile(r"^\s+(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s*$", re.MULTILINE)
_MINFLT, _MAJFLT = 7, 9
"""Places in /proc/PID/stat after the program's name (proc_pid_stat(5): fields 10 and 12)."""


@dataclass(slots=True)
class Point:
    """Hold the files of one moment.

    Args:
        files: text by name, of the machine and of the memcg that has the limit.
        tasks: likewise for each task.
    """

    files: dict[str, str] = field(default_factory=dict)
    tasks: list[dict[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class RunLog:
    """Hold what was said about one run: its points by name."""

    points: dict[str, Point] = field(default_factory=dict)

    @property
    def is_over(self) -> bool:
        """Tell whether its last frame is there."""
        return (
            "over" in self.points
            and bool(self.points["over"].tasks)
            and "resident" in self.points["over"].tasks[-1]
        )


@dataclass(slots=True)
class BootLog:
    """Hold what was said in one boot.

    Args:
        machine: files about the machine.
        runs: by id.
        failure: why the program gave up; None where it did not.
        is_complete: it came to the end of its plan.
    """

    machine: dict[str, str] = field(default_factory=dict)
    runs: dict[str, RunLog] = field(default_factory=dict)
    failure: str | None = None
    is_complete: bool = False


def frames(said: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield (name, content) as far as they are whole; what a machine that died leaves behind ends in the middle.

    Raises:
        HarnessError: there is something else than a frame.
    """
    at = 0
    while at < len(said):
        head = _FRAME.match(said, at)
        if head is None:
            if b"\n" in said[at : at + 80]:
                raise HarnessError(
                    f"byte {at} of what the guest said is {said[at : at + 40]!r}; expected a frame"
                )
            return
        end = head.end() + int(head[2])
        if end >= len(said):
            return
        yield head[1].decode(), said[head.end() : end]
        at = end + 1


def read_boot(said: bytes) -> BootLog:
    """Sort frames into runs and points."""
    log = BootLog()
    place = log.machine
    run, point = RunLog(), Point()
    for name, content in frames(said):
        text = content.decode("latin-1")
        if name == "run":
            run = log.runs[text] = RunLog()
        elif name == "point":
            point = run.points[text] = Point()
            place = point.files
        elif name == "task":
            place = {}
            point.tasks.append(place)
        elif name == "fatal":
            log.failure = text.strip()
        elif name == "done":
            log.is_complete = True
        else:
            place[name] = text
    return log


def key_values(text: str) -> dict[str, int]:
    """Read lines `name number` or `name: number`, as memory.stat, vmstat and io have them; others are left out."""
    pairs = (line.split() for line in text.splitlines())
    return {pair[0].rstrip(":"): int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}


def faults(stat: str) -> tuple[int, int]:
    """Return minor and major faults from /proc/PID/stat; the program's name may hold spaces and parentheses."""
    fields = stat.rpartition(")")[2].split()
    return int(fields[_MINFLT]), int(fields[_MAJFLT])


def generations(lru_gen: str, path: str) -> list[list[int]]:
    """Return [seq, anonymous pages, file pages] of a memcg's generations, oldest first, of node 0.

    Source: lru_gen_seq_show(), mm/vmscan.c v6.12: a line `memcg id path`, a line `node nid`, then seq, age in ms,
    anonymous and file pages.
    """
    for block in re.split(r"^memcg\s+", lru_gen, flags=re.MULTILINE):
        head, _, rest = block.partition("\n")
        if head.split()[1:] == [path]:
            first_node = re.split(r"^\s*node\s+", rest, flags=re.MULTILINE)[1]
            return [[int(row[0]), int(row[2]), int(row[3])] for row in _GENERATION.findall(first_node)]
    return []


def _difference(before: str, after: str, names: Sequence[str]) -> dict[str, int]:
    old, new = key_values(before), key_values(after)
    return {name: new[name] - old.get(name, 0) for name in names if name in new}


def phase(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, dict[str, int]]:
    """Return what counters grew by between the files of two points; of the machine where they have them."""
    counts = {"memcg": _difference(before["memory.stat"], after["memory.stat"], MEMCG_COUNTERS)}
    if "vmstat" in after:
        counts["vmstat"] = _difference(before["vmstat"], after["vmstat"], VMSTAT_COUNTERS)
    return counts


def levels(files: Mapping[str, str]) -> dict[str, int]:
    """Return memory.stat's levels and what is charged, in pages."""
    stat = key_values(files["memory.stat"])
    found = {name: stat[name] // PAGE_BYTES for name in LEVELS if name in stat}
    for name, file in (("current", "memory.current"), ("swap_current", "memory.swap.current")):
        found[name] = int(files[file]) // PAGE_BYTES
    return found


def touched(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, int]:
    """Return what one task did between two points: faults, and pages read from a device for it."""
    old_minor, old_major = faults(before["stat"])
    minor, major = faults(after["stat"])
    read = key_values(after["io"])["read_bytes"] - key_values(before["io"])["read_bytes"]
    return {"majflt": major - old_major, "minflt": minor - old_minor, "io_read_pages": read // PAGE_BYTES}


def residency_hex(resident: str) -> str:
    """Return hexadecimal digits of mincore()'s bytes: page i is bit i % 4 of digit i // 4."""
    bits = [ord(byte) & 1 for byte in resident] + [0, 0, 0]
    groups = range(0, len(resident), 4)
    return "".join(f"{bits[i] | bits[i + 1] << 1 | bits[i + 2] << 2 | bits[i + 3] << 3:x}" for i in groups)


def zone_marks(zoneinfo: str) -> dict[str, int]:
    """Return free pages and watermarks of the zone that has the memory (zoneinfo_show_print(), mm/vmstat.c v6.12).

    Pages on the list of the only processor are free too.
    """
    _, _, zone = zoneinfo.partition("zone    DMA32")
    found = {}
    for name in ("free", "count:", *MARKS):
        number = re.search(rf"\b{name}\s+(\d+)", zone)
        if number is None:
            raise HarnessError(f"/proc/zoneinfo has no {name!r} of the zone DMA32")
        found[name] = int(number[1])
    found["free"] += found.pop("count:")
    return found


def stored_bytes(mm_stat: str) -> int | None:
    """Return what zram made of a page on average, None while it stores none.

    Source: mm_stat_show(), drivers/block/zram/zram_drv.c v6.12: bytes stored, what they were compressed to, ...
    """
    numbers = [int(word) for word in mm_stat.split()[:2]]
    return round(numbers[1] * PAGE_BYTES / numbers[0]) if numbers and numbers[0] else None


def read_run(run: RunLog, number: int = 0, *, is_alone: bool = True) -> dict[str, Any]:
    """Return the measured members of a task's row.

    Args:
        run: what was said.
        number: of the task.
        is_alone: it was the only one, in the memcg that has the limit; otherwise it has a memcg of its own, and what
            the machine counted belongs to no row.

    Raises:
        HarnessError: a page had another page's content.
    """
    over = run.points["over"]
    if int(over.tasks[number]["bad"]):
        raise HarnessError(f"{over.tasks[number]['bad']} reads found wrong contents")
    row: dict[str, Any] = {"flushes": int(over.files["flushes"])}
    if "killed" in run.points:
        killed = run.points["killed"]
        return row | {"oom": True, "misses": None, "events": key_values(killed.files["memory.events"])}
    points = [run.points[name] for name in ("start", "populated", "end")]
    tasks = [point.tasks[number] for point in points]
    own = [point.files for point in points] if is_alone else tasks
    path = "/lab" if is_alone else _memcg_path(points[1].files["lru_gen"], number)
    row |= _of_machine(points) | _of_memcg(own, tasks)
    row |= {
        "gens_mid": generations(points[1].files["lru_gen"], path),
        "gens_end": generations(points[2].files["lru_gen"], path),
        "events": key_values(own[2]["memory.events"]),
    }
    return row if is_alone else row | {"limited_kernel": levels(points[1].files)["kernel"]}


def _memcg_path(lru_gen: str, number: int) -> str:
    """Return the path of a task's memcg below the one that has the limit, with or without one between."""
    found = re.search(rf"^memcg\s+\d+ (/lab(?:/\w+)?/{number})$", lru_gen, re.MULTILINE)
    return found[1] if found else ""


def _of_machine(points: Sequence[Point]) -> dict[str, Any]:
    start, populated, end = (point.files for point in points)
    marks = zone_marks(start["zoneinfo"])
    return {
        "free_pages": marks["free"],
        "watermarks": [marks[name] for name in MARKS],
        "compressed_bytes": stored_bytes(end["zram"]),
        "trace_s": round(float(end["uptime"].split()[0]) - float(populated["uptime"].split()[0]), 2),
    }


def _of_memcg(files: Sequence[Mapping[str, str]], tasks: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """Return members from the files of a memcg and of a task, each at the start, after populating and at the end."""
    did = touched(tasks[1], tasks[2])
    return {
        "misses": did["io_read_pages"],  # zram's included, and what was read ahead
        **did,
        "populate": touched(tasks[0], tasks[1]) | phase(files[0], files[1]),
        "trace_phase": phase(files[1], files[2]),
        "start": levels(files[0]),
        "mid": levels(files[1]),
        "end": levels(files[2]),
    }


def residency_of(run: RunLog, number: int = 0) -> str | None:
    """Return which pages of a task were resident at the end, None where the run was killed."""
    return None if "killed" in run.points else residency_hex(run.points["over"].tasks[number]["resident"])
