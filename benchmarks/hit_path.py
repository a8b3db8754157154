"""The hit path against a bare C loop: ``python -m benchmarks.hit_path``.

All pages are resident and mapped, records name them uniformly at random, and each chunk is run once by the bare loop
``pte[trace[i]] |= A`` and once by a machine with everything switched on: virtual time, the check of the chunk's page
numbers, the event loop, the way through Python once per chunk. Of two spellings of the bare loop the faster one counts.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator

import numpy as np

from benchmarks.measurement import Row, show
from benchmarks.native_loops import native_loops
from reclaim.engine.machine import Machine
from reclaim.workload.access_trace import CHUNK_RECORDS, Mapping, Records, Trace, TraceHeader

SIZES = {"64k pages": 1 << 16, "1M pages": 1 << 20, "16M pages": 1 << 24}
AIM = 1.3
REPEATS = 41
SPELLINGS = ("bare_hits", "hidden_index_hits")


class AlternatingTrace:
    """Give the machine a chunk, and run the bare loop on the same chunk while the machine waits for the next one.

    Args:
        nr_pages: size of the mapping; all of it is touched once first, without being timed.
    """

    def __init__(self, nr_pages: int) -> None:
        self.seconds: dict[str, list[float]] = {name: [] for name in ("machine", *SPELLINGS)}
        self._nr_pages = nr_pages

    def chunks(self, _size: int) -> Iterator[Records]:
        """Yield the touching chunks, then the timed ones.

        The machine asks for a chunk before it runs the one it was given last, so a chunk's time is what passes from
        the next request to the one after it.
        """
        for start in range(0, self._nr_pages, CHUNK_RECORDS):
            yield np.arange(start, min(start + CHUNK_RECORDS, self._nr_pages), dtype=np.uint32)
        rng = np.random.default_rng(1)
        loops = native_loops()
        ptes = loops.new_ptes(self._nr_pages)
        pages = [rng.integers(0, self._nr_pages, CHUNK_RECORDS, dtype=np.uint32) for _ in range(4)]
        for repeat in range(REPEATS + 2):
            given = time.thread_time()
            yield pages[repeat % 4]
            if repeat > 1:
                self.seconds["machine"].append(time.thread_time() - given)
            for name in SPELLINGS:
                start_time = time.thread_time()
                getattr(loops, name)(ptes, pages[repeat % 4].ctypes.data, CHUNK_RECORDS)
                self.seconds[name].append(time.thread_time() - start_time)
        loops.free_ptes(ptes)


def _measure(nr_pages: int) -> tuple[float, float]:
    """Return nanoseconds per access of the machine and of the bare loop."""
    source = AlternatingTrace(nr_pages)
    header = TraceHeader(
        name="hits",
        records=nr_pages + (REPEATS + 2) * CHUNK_RECORDS,
        ns_per_access=100,
        mappings=(Mapping(pages=nr_pages, kind="anon", name="all"),),
    )
    machine = Machine(nodes=nr_pages + nr_pages // 8 + (1 << 14))
    machine.attach("second_chance")
    machine.add_task(Trace(header, source.chunks))
    machine.run()
    medians = {name: statistics.median(values) for name, values in source.seconds.items()}
    bare = min(medians[name] for name in SPELLINGS)
    return medians["machine"] / CHUNK_RECORDS * 1e9, bare / CHUNK_RECORDS * 1e9


def rows() -> list[Row]:
    """Measure all sizes."""
    found = []
    for case, nr_pages in SIZES.items():
        machine, bare = _measure(nr_pages)
        found.append(
            Row("mapped hit", case, f"{machine:.2f} ns", f"bare loop {bare:.2f} ns", machine / bare, AIM)
        )
    return found


if __name__ == "__main__":
    show(rows())
