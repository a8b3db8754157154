"""Record what a real kernel does: `python -m tests.fidelity.record PLAN --out DIR`.

Here: the plan, one boot after the other, and the folder that `reclaim validate` reads. Not here: the machine
(guest_machine.py), what it says (guest_log.py), the traces (made_traces.py).

A boot runs everything once: each trace in its mode, at its limits, under both algorithms; every second repeat turns the
order around. What a run gave is kept under --work, so an interrupted recording continues.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zstandard

from tests.fidelity.guest_log import BootLog, RunLog, read_boot, read_run, residency_of
from tests.fidelity.guest_machine import (
    FILE_SYSTEMS,
    PACKAGE,
    Guest,
    HarnessError,
    boot_entries,
    build_replayer,
    make_file_system,
    unpacked_package,
)
from tests.fidelity.made_traces import TRACES, write_traces

MODES = ("anon", "fmmap", "fread", "mixed")
ALGORITHMS = ("trad", "mglru")

MAX_TASKS = 4
"""The replayer's."""

CONDITIONS: dict[str, int | str] = {
    "flush_us": 1000,
    "pressure": "memcg",
    "swap": "zram",
    "disk": "memory",
    "page_cluster": 0,
    "readahead_kb": 0,
    "fault_around_bytes": 4096,
    "fs": "ext4",
}
"""What a case may set, with what is meant where it does not.

flush_us: how often memory.stat is read, 0 never. pressure: whether the limit is the memcg's memory.max, or, `machine`,
what is free above the machine's high watermark. swap: zram, ssd, disk or none. disk: what has the file system, memory
(done when submitted), ssd or virtio. page_cluster, readahead_kb, fault_around_bytes: the sysctl, the queue's attribute and that of
debugfs; as they are here a miss brings in and maps one page. fs: ext4, or xfs, which has large folios. A case that changes anything but flush_us carries a label.
"""

SWAPS = {"zram": "/dev/zram0", "ssd": "/dev/nullb1", "disk": "/dev/vdb", "none": "none"}
DISKS = {"memory": "/dev/zram1", "ssd": "/dev/nullb0", "virtio": "/dev/vda"}
"""The guest's names."""

DISK_MIB = 256
"""Of the disk that can be swap: more than any trace of 64k pages needs."""


@dataclass(frozen=True, slots=True)
class Load:
    """Hold what one task does, and what protects it where it has a memcg of its own.

    Args:
        trace: name.
        mode: one of MODES.
        low: memory.low as a share of its footprint.
        min: memory.min likewise.
    """

    trace: str
    mode: str
    low: float = 0
    min: float = 0

    @property
    def protection(self) -> str:
        """Return what protects it in words, empty where nothing does."""
        return " ".join(f"{name}={value:g}" for name in ("low", "min") if (value := getattr(self, name)))

    @property
    def name(self) -> str:
        """Return a name that tells it from others of a case."""
        return " ".join(part for part in (self.trace, self.mode, self.protection) if part)


@dataclass(frozen=True, slots=True)
class Case:
    """Hold one entry of a plan.

    Args:
        loads: of one task in the memcg that has the limit, or of several in memcgs of their own below it.
        limits: memory.max as shares of the footprint.
        conditions: all of CONDITIONS.
        turn: accesses after which the next task has its turn, where there are several.
        siblings_low: memory.low of a memcg between the limit and the tasks' memcgs, as a share of the footprint; 0
            where there is no such memcg.
    """

    loads: tuple[Load, ...]
    limits: tuple[float, ...]
    conditions: Mapping[str, int | str]
    turn: int = 0
    siblings_low: float = 0

    @property
    def changes(self) -> str:
        """Return what this case changes, empty where that is nothing."""
        return " ".join(
            f"{name}={value}"
            for name, value in self.conditions.items()
            if name != "flush_us" and value != CONDITIONS[name]
        )

    @property
    def group(self) -> str:
        """Return a name of all that ran together."""
        siblings = f"siblings_low={self.siblings_low:g}" if self.siblings_low else ""
        names = " + ".join(load.name for load in self.loads)
        return " ".join(part for part in (names, siblings, self.changes) if part)

    def label(self, number: int) -> str | None:
        """Return the conditions of one of its tasks, None where they are the usual ones."""
        if len(self.loads) == 1:
            return self.changes or None
        own = self.loads[number]
        others = " + ".join(load.name for load in self.loads if load is not own)
        siblings = f"siblings_low={self.siblings_low:g}" if self.siblings_low else ""
        return " ".join(part for part in (own.protection, f"beside {others}", siblings, self.changes) if part)


@dataclass(frozen=True, slots=True)
class Trace:
    """Hold a trace that a plan names.

    Args:
        words: its records as they are in the file.
        nr_anon: pages of the first region.
        nr_file: pages of the file region.
    """

    words: bytes
    nr_anon: int
    nr_file: int

    def regions(self, mode: str) -> tuple[int, int]:
        """Return anonymous and file pages in a mode: one region serves for either."""
        if mode == "mixed":
            return self.nr_anon, self.nr_file
        return (self.nr_anon, 0) if mode == "anon" else (0, self.nr_anon)


@dataclass(frozen=True, slots=True)
class Run:
    """Hold one run: a case at one limit, under one algorithm, for the `rep`-th time.

    Args:
        case: what is run.
        frac: memory.max as a share of the footprint.
        lru: one of ALGORITHMS.
        rep: from 1.
        traces: those of the case's loads.
    """

    case: Case
    frac: float
    lru: str
    rep: int
    traces: tuple[Trace, ...]

    def regions(self, number: int) -> tuple[int, int]:
        """Return anonymous and file pages of a task."""
        return self.traces[number].regions(self.case.loads[number].mode)

    def protection(self, number: int) -> dict[str, int]:
        """Return memory.low and memory.min of a task's memcg, where it has them; pages."""
        load, footprint = self.case.loads[number], sum(self.regions(number))
        return {name: round(share * footprint) for name in ("low", "min") if (share := getattr(load, name))}

    @property
    def file_system(self) -> str:
        """Return what the file is on."""
        return str(self.case.conditions["fs"])

    @property
    def footprint(self) -> int:
        """Return the pages of all tasks."""
        return sum(sum(self.regions(number)) for number in range(len(self.traces)))

    @property
    def limit_pages(self) -> int:
        """Return memory.max."""
        return round(self.frac * self.footprint)

    @property
    def siblings_low_pages(self) -> int:
        """Return memory.low of the memcg that holds the tasks' memcgs, 0 where there is none."""
        return round(self.case.siblings_low * self.footprint)

    @property
    def task_lines(self) -> str:
        """Return what the replayer is told about the tasks."""
        return "\n".join(self._task_line(number) for number in range(len(self.traces)))

    def _task_line(self, number: int) -> str:
        anon, file = self.regions(number)
        words = self.protection(number) | ({"turn": self.case.turn} if self.case.turn else {})
        load = self.case.loads[number]
        line = f"task trace={load.trace} mode={load.mode} anon={anon} file={file}"
        return " ".join([line, *(f"{name}={value}" for name, value in words.items())])

    @property
    def run_words(self) -> str:
        """Return what the replayer is told about the run, but for its name."""
        conditions = dict(self.case.conditions)
        limit = {"memcg": "limit", "machine": "room"}[str(conditions.pop("pressure"))]
        conditions["swap"] = SWAPS[str(conditions["swap"])]
        conditions["disk"] = DISKS[str(conditions["disk"])]
        if self.file_system == "ext4":
            del conditions["fs"]  # what was recorded before there was another is known by these words
        if self.case.siblings_low:
            conditions["siblings_low"] = self.siblings_low_pages
        words = " ".join(f"{name}={value}" for name, value in conditions.items())
        return f"lru={self.lru} {limit}={self.limit_pages} tasks={len(self.traces)} {words}"

    @property
    def identity(self) -> str:
        """Return a word that tells this run from any other one."""
        digests = " ".join(hashlib.sha256(trace.words).hexdigest() for trace in self.traces)
        text = f"{self.run_words} {self.task_lines} rep={self.rep} {digests}"
        return hashlib.sha256(text.encode()).hexdigest()[:20]


def read_plan(text: str) -> tuple[Case, ...]:
    """Return the cases of a plan.

    Raises:
        HarnessError: an entry does not say what to run, or says something unknown.
    """
    entries = tomllib.loads(text).get("case", [])
    if not entries:
        raise HarnessError("no cases; expected [[case]] with trace, mode, limits")
    return tuple(_read_case(f"case {number}", entry) for number, entry in enumerate(entries, start=1))


_OF_ONE = frozenset({"trace", "mode"})
_OF_SEVERAL = frozenset({"memcg", "turn"})


def _read_case(where: str, entry: Mapping[str, Any]) -> Case:
    loads: tuple[Load, ...]
    if "memcg" not in entry:
        _check_members(where, entry, {"limits", *_OF_ONE}, CONDITIONS)
        loads = (_read_load(where, {name: entry[name] for name in _OF_ONE}),)
    else:
        _check_members(where, entry, {"limits", *_OF_SEVERAL}, ("siblings_low", *CONDITIONS))
        loads = tuple(_read_load(where, memcg) for memcg in entry["memcg"])
        if not 2 <= len(loads) <= MAX_TASKS or len({load.name for load in loads}) < len(loads):
            raise HarnessError(f"{where}: expected 2 to {MAX_TASKS} [[case.memcg]], no two of them alike")
        if sum(load.mode != "anon" for load in loads) > 1:
            raise HarnessError(
                f"{where}: only one of them may use the file, whose pages belong to who reads them first"
            )
    if not entry["limits"] or not all(0 < limit <= 1 for limit in entry["limits"]):
        raise HarnessError(f"{where}: limits are {entry['limits']}; expected shares of the footprint")
    conditions = CONDITIONS | {name: entry[name] for name in CONDITIONS if name in entry}
    if conditions["fs"] not in FILE_SYSTEMS:
        raise HarnessError(f"{where}: fs is {conditions['fs']!r}; expected one of {', '.join(FILE_SYSTEMS)}")
    return Case(loads, tuple(entry["limits"]), conditions, entry.get("turn", 0), entry.get("siblings_low", 0))


def _read_load(where: str, entry: Mapping[str, Any]) -> Load:
    _check_members(where, entry, _OF_ONE, ("low", "min"))
    if entry["mode"] not in MODES:
        raise HarnessError(f"{where}: mode is {entry['mode']!r}; expected one of {', '.join(MODES)}")
    return Load(**entry)


def _check_members(
    where: str, entry: Mapping[str, Any], needed: AbstractSet[str], others: Iterable[str]
) -> None:
    unknown, missing = set(entry) - needed - set(others), needed - set(entry)
    if unknown or missing:
        raise HarnessError(f"{where}: unknown {sorted(unknown)}, missing {sorted(missing)}")


def read_traces(folder: Path) -> dict[str, Trace]:
    """Return the traces of a folder, checked against its meta.json.

    Raises:
        HarnessError: a trace is not what meta.json says, or names a page beyond its region.
    """
    meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))["traces"]
    found = {}
    for name, row in meta.items():
        words = (
            zstandard.ZstdDecompressor().decompressobj().decompress((folder / f"{name}.bin.zst").read_bytes())
        )
        if hashlib.sha256(words).hexdigest() != row["sha256"]:
            raise HarnessError(
                f"{folder / name}: its sha256 is not that of meta.json; were the traces made anew?"
            )
        found[name] = Trace(words, row["n_anon"], row["n_file"])
    return found


def runs_of(cases: Sequence[Case], traces: Mapping[str, Trace], rep: int) -> list[Run]:
    """Return the runs of one boot in their order, which every second repeat turns around.

    Raises:
        HarnessError: there is no such trace.
    """
    runs: list[Run] = []
    for case in cases:
        for load in case.loads:
            if load.trace not in traces:
                raise HarnessError(f"no trace {load.trace!r}; there are {', '.join(traces)}")
        own = tuple(traces[load.trace] for load in case.loads)
        runs.extend(Run(case, frac, lru, rep, own) for frac in case.limits for lru in ALGORITHMS)
    return runs if rep % 2 else runs[::-1]


def guest_plan(runs: Sequence[Run]) -> str:
    """Return the lines that the replayer follows."""
    return "".join(f"run id={run.identity} {run.run_words}\n{run.task_lines}\n" for run in runs)


def file_pages_of(runs: Sequence[Run]) -> int:
    """Return the size of the one file that they share, 0 where they need no disk: swap may be one without a file.

    The largest region says how large, not what is still to be run, so that an interruption changes nothing.
    """
    largest = max(run.regions(number)[1] for run in runs for number in range(len(run.traces)))
    return largest or int(any(run.case.conditions["swap"] == "disk" for run in runs))


def rows_of(said: RunLog, run: Run, file_pages: int) -> list[dict[str, Any]]:
    """Return a row of results.json and one of residency.jsonl for each task of a run.

    Raises:
        HarnessError: the run went wrong.
    """
    return [
        {
            "result": _place(run, number) | _setting(run, number, file_pages) | row,
            "residency": _place(run, number) | {"flush_us": run.case.conditions["flush_us"]} | bits,
        }
        for number, (row, bits) in enumerate(_measured(said, run))
    ]


def _measured(said: RunLog, run: Run) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    is_alone = len(run.traces) == 1
    return [
        (read_run(said, number, is_alone=is_alone), {"resident_hex": residency_of(said, number)})
        for number in range(len(run.traces))
    ]


def _place(run: Run, number: int) -> dict[str, Any]:
    load, label = run.case.loads[number], run.case.label(number)
    place = {"trace": load.trace, "mode": load.mode, "frac": run.frac, "lru": run.lru, "rep": run.rep}
    return place | ({"label": label} if label else {})


def _setting(run: Run, number: int, file_pages: int) -> dict[str, Any]:
    anon, file = run.regions(number)
    setting = {
        "limit_pages": run.limit_pages,
        "n_anon": anon,
        "n_file": file,
        **({"file_pages": file_pages} if file else {}),
        "accesses": len(run.traces[number].words) // 4,
        **run.case.conditions,
    }
    if len(run.traces) == 1:
        return setting
    protection = {f"{name}_pages": pages for name, pages in run.protection(number).items()}
    siblings = {"siblings_low_pages": run.siblings_low_pages} if run.case.siblings_low else {}
    return {
        "group": run.case.group,
        "number": number,
        "turn": run.case.turn,
        **setting,
        **protection,
        **siblings,
    }


class Recorder:
    """Run what was not run before, and keep what comes out.

    Args:
        guest: the machine.
        work: folder of what can be made again; runs/ in it holds one file per run.
    """

    def __init__(self, guest: Guest, work: Path) -> None:
        self._guest = guest
        self._work = work

    def rows(self, run: Run) -> dict[str, Any] | None:
        """Return what is kept of a run, None where it is still to be run."""
        path = self._path(run)
        return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None

    def record(self, runs: Sequence[Run]) -> None:
        """Boot once for all runs on a file system that are not kept; keep what came to its end, whatever the boot did.

        Raises:
            HarnessError: the guest did not come to its end.
        """
        for file_system in FILE_SYSTEMS:
            there = [run for run in runs if run.file_system == file_system]
            waiting = [run for run in there if not self._path(run).exists()]
            if waiting:
                self._boot(file_system, file_pages_of(there), waiting)

    def _boot(self, file_system: str, file_pages: int, waiting: Sequence[Run]) -> None:
        folder = self._work / "boot"
        image, disks = self._disks(file_system, file_pages)
        traces = {
            load.trace: trace.words
            for run in waiting
            for load, trace in zip(run.case.loads, run.traces, strict=True)
        }
        try:
            self._guest.boot(folder, file_system, boot_entries(guest_plan(waiting), traces, image), disks)
        finally:
            log = read_boot((folder / "said").read_bytes())
            self._keep(log, waiting, file_pages)
        if not log.is_complete:
            console = (folder / "console").read_text(encoding="utf-8", errors="replace")
            raise HarnessError(f"{log.failure or 'the guest died'}\n{console[-800:]}")

    def _path(self, run: Run) -> Path:
        return self._work / "runs" / f"{run.identity}.json"

    def _keep(self, log: BootLog, runs: Sequence[Run], file_pages: int) -> None:
        (self._work / "runs").mkdir(parents=True, exist_ok=True)
        machine = {name: log.machine.get(name, "").strip() for name in ("version", "cmdline", "swappiness")}
        for run in runs:
            said = log.runs.get(run.identity)
            if said is not None and said.is_over:
                text = json.dumps({"machine": machine, "rows": rows_of(said, run, file_pages)})
                self._path(run).write_text(text, encoding="utf-8")

    def _disks(self, file_system: str, file_pages: int) -> tuple[bytes | None, list[Path]]:
        """Return the image of the disk of memory and the disks of virtio: the file system, then one for swap."""
        if not file_pages:
            return None, []
        image, blank = self._work / f"{file_system}-{file_pages}.img", self._work / "swap.img"
        if not image.exists():
            make_file_system(image, file_system, file_pages)
        with blank.open("wb") as file:
            file.truncate(DISK_MIB << 20)
        return image.read_bytes(), [image, blank]


def write_results(out: Path, package: str, kept: Sequence[Mapping[str, Any]]) -> None:
    """Write results.json and residency.jsonl.zst, a row a line, in an order that does not depend on the plan's."""

    def place(row: Mapping[str, Any]) -> tuple[Any, ...]:
        return row["mode"], row["trace"], row["frac"], row.get("label", ""), row["lru"], row["rep"]

    rows = sorted((row["result"] for run in kept for row in run["rows"]), key=place)
    bits = sorted((row["residency"] for run in kept for row in run["rows"]), key=place)
    head = {"kernel_package": package, **kept[0]["machine"]}
    lines = ",\n".join(json.dumps(row) for row in rows)
    text = json.dumps(head, indent=1)[:-2] + ',\n "runs": [\n' + lines + "\n]}\n"
    (out / "results.json").write_text(text, encoding="utf-8")
    data = "".join(json.dumps(row) + "\n" for row in bits if row["resident_hex"] is not None).encode()
    (out / "residency.jsonl.zst").write_bytes(zstandard.ZstdCompressor(level=19).compress(data))


def record_plan(arguments: argparse.Namespace) -> None:
    """Record everything that a plan asks for; the folder holds what is done, also after an interruption."""
    cases = read_plan(arguments.plan.read_text(encoding="utf-8"))
    out, work = arguments.out, arguments.work
    if arguments.traces:
        shutil.copytree(arguments.traces, out / "traces", dirs_exist_ok=True)
    else:
        write_traces(
            out / "traces",
            sorted({load.trace for case in cases for load in case.loads}, key=list(TRACES).index),
        )
    traces = read_traces(out / "traces")
    runs = [runs_of(cases, traces, rep) for rep in range(1, arguments.repeats + 1)]
    work.mkdir(parents=True, exist_ok=True)
    root = unpacked_package(work, arguments.package)
    recorder = Recorder(Guest(root, build_replayer(work), arguments.accelerator), work)
    try:
        for of_one_boot in [] if arguments.collect else runs:
            recorder.record(of_one_boot)
    finally:
        kept = [
            rows for of_one_boot in runs for run in of_one_boot if (rows := recorder.rows(run)) is not None
        ]
        if kept:
            write_results(out, arguments.package, kept)
        print(f"{len(kept)} of {sum(map(len, runs))} runs in {out / 'results.json'}")


def main() -> int:
    """Read the command line, record, and say in words what went wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.fidelity.record", description=__doc__.split("\n")[0]
    )
    parser.add_argument("plan", type=Path, help="what to run, as TOML")
    parser.add_argument(
        "--out", type=Path, required=True, help="folder of the recording; made if it is not there"
    )
    parser.add_argument("--traces", type=Path, help="folder of other traces, with a meta.json")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "reclaim-recording")
    parser.add_argument("--package", default=PACKAGE, help="Debian's kernel package")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--collect", action="store_true", help="only write what was recorded before")
    parser.add_argument("--accelerator", default="tcg", choices=("tcg", "kvm"))
    try:
        record_plan(parser.parse_args())
    except (HarnessError, OSError, tomllib.TOMLDecodeError) as error:
        print(f"record: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
