"""A machine against libCacheSim on the same trace and size: ``python -m benchmarks.against_libcachesim``.

Each policy runs twice here, with accesses through a mapping, where a hit sets a bit, and with reads through a
descriptor, where a hit runs a hook. The machine is as it comes: virtual time, page tables, memcg charges, refault
shadows, batches. Both sides read a trace file that lies in the page cache.

Misses differ a little, since a mapped hit is seen late and batches of 32 are not single evictions; both are shown.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.cache_library import C_POLICIES, best_hash_bits, run_c_policy, run_plugin, write_library_trace
from benchmarks.measurement import Row, show
from reclaim.engine.machine import Machine
from reclaim.workload.access_trace import Trace
from reclaim.workload.rtrace import read_rtrace, write_trace
from reclaim.workload.synthetic import synth

NR_PAGES = 1 << 18
NR_ACCESSES = 3_000_000
REPEATS = 5
C_AIM = 1.0
PLUGIN_AIM = 50.0
KINDS = {"mapped": "file-mmap", "buffered": "file-read"}


@dataclass(frozen=True, slots=True)
class Case:
    """Describe one comparison: its name, a synthetic workload, and the limit as a share of its pages."""

    name: str
    spec: str
    share: float


CASES = (
    Case("zipf 15 %", f"zipf:pages={NR_PAGES},alpha=1.0,accesses={NR_ACCESSES}", 0.22),
    Case("zipf 50 %", f"zipf:pages={NR_PAGES},alpha=0.8,accesses={NR_ACCESSES}", 0.08),
    Case("scan 100 %", f"scan:pages={NR_PAGES},accesses={NR_ACCESSES}", 0.1),
)
"""About 15, 50 and 100 % misses. On a loop the library's S3-FIFO, which differs from the paper's, keeps a tenth of it."""


def _run_machine(policy: str, trace: Trace, capacity_pages: int) -> tuple[float, float]:
    """Return seconds and share of misses of one run."""
    machine = Machine(memory_max=capacity_pages)
    machine.attach(policy)
    machine.add_task(trace)
    start = time.thread_time()
    result = machine.run()
    return time.thread_time() - start, result.misses / result.accesses


class Comparison:
    """Hold the traces of one case in files of both sides.

    Args:
        case: what to compare on.
        folder: for the files.
    """

    def __init__(self, case: Case, folder: Path) -> None:
        self.case = case
        self.capacity = round(NR_PAGES * case.share)
        self.library_path = folder / "trace.oracleGeneral"
        self.traces = {}
        for access, kind in KINDS.items():
            trace = synth(f"{case.spec},kind={kind}")
            write_trace(folder / f"{access}.rtrace", trace.header, trace.chunks())
            self.traces[access] = read_rtrace(folder / f"{access}.rtrace")
        write_library_trace(self.library_path, np.concatenate(list(self.traces["mapped"].chunks())))

    def rows(self, policy: str) -> list[Row]:
        """Compare one policy: both kinds of access, each with the library's C code and its plugin."""
        bits = best_hash_bits(policy, self.library_path, self.capacity)
        runs: dict[str, list[tuple[float, float]]] = {side: [] for side in ("library", *KINDS)}
        for _ in range(REPEATS):
            runs["library"].append(run_c_policy(policy, self.library_path, self.capacity, bits))
            for access, trace in self.traces.items():
                runs[access].append(_run_machine(policy, trace, self.capacity))
        plugin = _per_access([run_plugin(policy, self.library_path, self.capacity)])
        library = _per_access(runs["library"])
        return [
            row
            for access in KINDS
            for row in self._rows_of(f"{policy}, {access}", _per_access(runs[access]), library, plugin)
        ]

    def _rows_of(
        self,
        subject: str,
        ours: tuple[float, float],
        library: tuple[float, float],
        plugin: tuple[float, float],
    ) -> list[Row]:
        measured = _text(ours)
        return [
            Row(
                subject,
                self.case.name,
                measured,
                f"C {_text(library)}",
                library[0] / ours[0],
                C_AIM,
                is_most=False,
            ),
            Row(
                subject,
                self.case.name,
                measured,
                f"plugin {_text(plugin)}",
                plugin[0] / ours[0],
                PLUGIN_AIM,
                is_most=False,
            ),
        ]


def _per_access(runs: list[tuple[float, float]]) -> tuple[float, float]:
    """Return median nanoseconds per access, and the share of misses."""
    return statistics.median(seconds for seconds, _ in runs) / NR_ACCESSES * 1e9, runs[0][1]


def _text(side: tuple[float, float]) -> str:
    return f"{side[0]:.1f} ns, {side[1] * 100:.1f} % misses"


def rows() -> list[Row]:
    """Compare everything; the result is how many times as fast the machine is."""
    found = []
    for case in CASES:
        with tempfile.TemporaryDirectory() as folder:
            comparison = Comparison(case, Path(folder))
            for policy in C_POLICIES:
                found += comparison.rows(policy)
    return found


if __name__ == "__main__":
    show(rows())
