"""Many trials, in processes of their own, counted in a file from which a stopped run goes on.

Programs are numbered; the number is the seed. A process that dies takes its chunk of programs with it,
which is a finding: LLVM ends the process where it is unhappy.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from reclaim.jit.bpf_loader import Unavailable
from tests.soundness.trial import Engines, Findings, tried

CHUNK = 10
"""Programs between two looks at the clock; what is lost when a run is stopped."""


@dataclass(frozen=True)
class Options:
    """Say what to try.

    Args:
        native, kernel: every how manieth program goes there too; 0 for none.
        mutants: of each accepted program.
        jobs: processes.
        unguarded: whether Linux is asked about each program without guards, too.
    """

    native: int
    kernel: int
    mutants: int
    jobs: int
    unguarded: bool


@dataclass
class Record:
    """Hold where a run stands.

    Args:
        following: number of the next program.
        seconds: that all programs before took.
        found: what became of them.
    """

    following: int
    seconds: float
    found: Findings

    def save(self, path: Path) -> None:
        """Write it down, whole or not at all."""
        plain = {
            "next": self.following,
            "seconds": round(self.seconds, 1),
            "counts": dict(self.found.counts),
            "wrong": self.found.wrong,
        }
        unfinished = path.with_suffix(".unfinished")
        unfinished.write_text(json.dumps(plain, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        unfinished.replace(path)


def load(path: Path | None, first: int) -> Record:
    """Return the record of a file, a new one where there is none."""
    if path is None or not path.exists():
        return Record(first, 0.0, Findings())
    plain = json.loads(path.read_text(encoding="utf-8"))
    return Record(plain["next"], plain["seconds"], Findings(Counter(plain["counts"]), plain["wrong"]))


def run(record: Record, end: int, options: Options) -> Iterator[Record]:
    """Try programs up to a number, and show the record after some chunks."""
    before, started = record.seconds, time.monotonic()
    pool = _pool(options.jobs)
    while record.following < end:
        firsts = range(record.following, end, CHUNK)[: 2 * options.jobs]
        chunks = [(first, min(first + CHUNK, end)) for first in firsts]
        futures = [pool.submit(tried_chunk, *chunk, options) for chunk in chunks]
        try:
            results = [future.result() for future in futures]
        except BrokenProcessPool:
            # Which program it was is known only by trying each chunk again in a process of its own.
            results = [_alone(*chunk, options) for chunk in chunks]
            pool = _pool(options.jobs)
        for found in results:
            record.found.add(found)
        record.following = chunks[-1][1]
        record.seconds = before + time.monotonic() - started
        yield record
    pool.shutdown()


def _pool(jobs: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(jobs, get_context("forkserver"))


def _alone(first: int, end: int, options: Options) -> Findings:
    with _pool(1) as pool:
        try:
            return pool.submit(tried_chunk, first, end, options).result()
        except BrokenProcessPool:
            return Findings(
                Counter({"wrong: crash": 1}), [f"programs {first} to {end - 1}: the process died"]
            )


def tried_chunk(first: int, end: int, options: Options) -> Findings:
    """Try some programs; a failure of ours is a finding like any other."""
    found = Findings()
    for seed in range(first, end):
        engines = Engines(
            native=bool(options.native) and seed % options.native == 0,
            kernel=bool(options.kernel) and seed % options.kernel == 0,
            unguarded=options.unguarded,
        )
        try:
            found.add(tried(seed, engines, options.mutants))
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001  # whatever it is, the program that did it must be named
            found.counts["wrong: crash"] += 1
            found.wrong.append(f"program {seed}: crash: {type(error).__name__}: {error}")
    return found
