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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zstandard

from tests.fidelity.guest_log import BootLog, RunLog, read_boot, read_run, residency_of
from tests.fidelity.guest_machine import (
    PACKAGE,
    Guest,
    HarnessError,
    base_entries,
    boot_entries,
    build_replayer,
    make_file_system,
    unpacked_package,
)
from tests.fidelity.made_traces import TRACES, write_traces

MODES = ("anon", "fmmap", "fread", "mixed")
ALGORITHMS = ("trad", "mglru")

CONDITIONS: dict[str, int | str] = {
    "flush_us": 1000,
    "pressure": "memcg",
    "swap": "zram",
    "disk": "memory",
    "page_cluster": 0,
    "readahead_kb": 0,
    "fault_around_bytes": 4096,
}
"""What a case may set, with what is meant where it does not.

flush_us: how often memory.stat is read, 0 never. pressure: whether the limit is the memcg's memory.max, or, `machine`,
what is free above the machine's high watermark. swap: zram, ssd, disk or none. disk: what has the file system, memory
(done when submitted), ssd or virtio. page_cluster, readahead_kb, fault_around_bytes: the sysctl, the queue's attribute and that of
debugfs; as they are here a miss brings in and maps one page. A case that changes anything but flush_us carries a label.
"""

SWAPS = {"zram": "/dev/zram0", "ssd": "/dev/nullb1", "disk": "/dev/vdb", "none": "none"}
DISKS = {"memory": "/dev/zram1", "ssd": "/dev/nullb0", "virtio": "/dev/vda"}
"""The guest's names."""

DISK_MIB = 256
"""Of the disk that can be swap: more than any trace of 64k pages needs."""


@dataclass(frozen=True, slots=True)
class Case:
    """Hold one entry of a plan.

    Args:
        trace: name.
        mode: one of MODES.
        limits: memory.max as shares of the footprint.
        conditions: all of CONDITIONS.
    """

    trace: str
    mode: str
    limits: tuple[float, ...]
    conditions: Mapping[str, int | str]

    @property
    def label(self) -> str | None:
        """Return what this case changes, None where that is nothing."""
        changed = [
            f"{name}={value}"
            for name, value in self.conditions.items()
            if name != "flush_us" and value != CONDITIONS[name]
        ]
        return " ".join(changed) or None

    @property
    def name(self) -> str:
        """Return a name for messages."""
        return " ".join(part for part in (self.trace, self.mode, self.label) if part)


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
        trace: the case's.
    """

    case: Case
    frac: float
    lru: str
    rep: int
    trace: Trace

    @property
    def limit_pages(self) -> int:
        """Return memory.max."""
        return round(self.frac * sum(self.trace.regions(self.case.mode)))

    @property
    def task_line(self) -> str:
        """Return what the replayer is told about the task."""
        anon, file = self.trace.regions(self.case.mode)
        return f"task trace={self.case.trace} mode={self.case.mode} anon={anon} file={file}"

    @property
    def run_words(self) -> str:
        """Return what the replayer is told about the run, but for its name."""
        conditions = dict(self.case.conditions)
        limit = {"memcg": "limit", "machine": "room"}[str(conditions.pop("pressure"))]
        conditions["swap"] = SWAPS[str(conditions["swap"])]
        conditions["disk"] = DISKS[str(conditions["disk"])]
        words = " ".join(f"{name}={value}" for name, value in conditions.items())
        return f"lru={self.lru} {limit}={self.limit_pages} tasks=1 {words}"

    @property
    def identity(self) -> str:
        """Return a word that tells this run from any other one."""
        text = (
            f"{self.run_words} {self.task_line} rep={self.rep} {hashlib.sha256(self.trace.words).hexdigest()}"
        )
        return hashlib.sha256(text.encode()).hexdigest()[:20]


def read_plan(text: str) -> tuple[Case, ...]:
    """Return the cases of a plan.

    Raises:
        HarnessError: an entry does not say what to run, or says something unknown.
    """
    cases = []
    for number, entry in enumerate(tomllib.loads(text).get("case", []), start=1):
        unknown = set(entry) - {"trace", "mode", "limits", *CONDITIONS}
        missing = {"trace", "mode", "limits"} - set(entry)
        if unknown or missing:
            raise HarnessError(f"case {number}: unknown {sorted(unknown)}, missing {sorted(missing)}")
        if entry["mode"] not in MODES:
            raise HarnessError(
                f"case {number}: mode is {entry['mode']!r}; expected one of {', '.join(MODES)}"
            )
        if not entry["limits"] or not all(0 < limit <= 1 for limit in entry["limits"]):
            raise HarnessError(
                f"case {number}: limits are {entry['limits']}; expected shares of the footprint"
            )
        conditions = CONDITIONS | {name: entry[name] for name in CONDITIONS if name in entry}
        cases.append(Case(entry["trace"], entry["mode"], tuple(entry["limits"]), conditions))
    if not cases:
        raise HarnessError("no cases; expected [[case]] with trace, mode, limits")
    return tuple(cases)


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
        if case.trace not in traces:
            raise HarnessError(f"no trace {case.trace!r}; there are {', '.join(traces)}")
        trace = traces[case.trace]
        runs.extend(Run(case, frac, lru, rep, trace) for frac in case.limits for lru in ALGORITHMS)
    return runs if rep % 2 else runs[::-1]


def guest_plan(runs: Sequence[Run]) -> str:
    """Return the lines that the replayer follows."""
    return "".join(f"run id={run.identity} {run.run_words}\n{run.task_line}\n" for run in runs)


def rows_of(said: RunLog, run: Run) -> dict[str, Any]:
    """Return a run's row of results.json and that of residency.jsonl.

    Raises:
        HarnessError: the run went wrong.
    """
    anon, file = run.trace.regions(run.case.mode)
    place = {"trace": run.case.trace, "mode": run.case.mode, "frac": run.frac, "lru": run.lru, "rep": run.rep}
    label = {"label": run.case.label} if run.case.label else {}
    setting = {
        "limit_pages": run.limit_pages,
        "n_anon": anon,
        "n_file": file,
        "accesses": len(run.trace.words) // 4,
        **run.case.conditions,
    }
    return {
        "result": place | label | setting | read_run(said),
        "residency": place | label | {"resident_hex": residency_of(said)},
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
        """Boot once for all runs that are not kept; keep those that came to their end, also of a boot that did not.

        Raises:
            HarnessError: the guest did not come to its end.
        """
        waiting = [run for run in runs if not self._path(run).exists()]
        if not waiting:
            return
        folder = self._work / "boot"
        image, disks = self._disks(waiting)
        traces = {run.case.trace: run.trace.words for run in waiting}
        try:
            self._guest.boot(folder, boot_entries(guest_plan(waiting), traces, image), disks)
        finally:
            log = read_boot((folder / "said").read_bytes())
            self._keep(log, waiting)
        if not log.is_complete:
            console = (folder / "console").read_text(encoding="utf-8", errors="replace")
            raise HarnessError(f"{log.failure or 'the guest died'}\n{console[-800:]}")

    def _path(self, run: Run) -> Path:
        return self._work / "runs" / f"{run.identity}.json"

    def _keep(self, log: BootLog, runs: Sequence[Run]) -> None:
        (self._work / "runs").mkdir(parents=True, exist_ok=True)
        machine = {name: log.machine.get(name, "").strip() for name in ("version", "cmdline", "swappiness")}
        for run in runs:
            said = log.runs.get(run.identity)
            if said is not None and said.is_over:
                text = json.dumps({"machine": machine, **rows_of(said, run)})
                self._path(run).write_text(text, encoding="utf-8")

    def _disks(self, runs: Sequence[Run]) -> tuple[bytes | None, list[Path]]:
        """Return the image of the disk of memory and the disks of virtio: the file system, then one for swap."""
        nr_pages = max(run.trace.regions(run.case.mode)[1] for run in runs)
        if not nr_pages:
            nr_pages = int(any(run.case.conditions["swap"] == "disk" for run in runs))
        if not nr_pages:
            return None, []
        image, blank = self._work / f"file-{nr_pages}.img", self._work / "swap.img"
        if not image.exists():
            make_file_system(image, nr_pages)
        with blank.open("wb") as file:
            file.truncate(DISK_MIB << 20)
        return image.read_bytes(), [image, blank]


def write_results(out: Path, package: str, kept: Sequence[Mapping[str, Any]]) -> None:
    """Write results.json and residency.jsonl.zst, a row a line, in an order that does not depend on the plan's."""

    def place(row: Mapping[str, Any]) -> tuple[Any, ...]:
        return row["mode"], row["trace"], row["frac"], row.get("label", ""), row["lru"], row["rep"]

    rows = sorted((run["result"] for run in kept), key=place)
    bits = sorted((run["residency"] for run in kept), key=place)
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
        write_traces(out / "traces", [name for name in TRACES if any(case.trace == name for case in cases)])
    traces = read_traces(out / "traces")
    runs = [runs_of(cases, traces, rep) for rep in range(1, arguments.repeats + 1)]
    work.mkdir(parents=True, exist_ok=True)
    root = unpacked_package(work, arguments.package)
    recorder = Recorder(Guest(root, base_entries(root, build_replayer(work)), arguments.accelerator), work)
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
