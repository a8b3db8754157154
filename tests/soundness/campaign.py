"""Many trials, in processes of their own, counted in a file from which a stopped run goes on.

Programs are numbered; the number is the seed. A process that dies takes its chunk of programs with it,
which is a finding: LLVM ends the process where it is unhappy.

A record holds stretches of numbers. Each was tried by one version of what is tested and of what tests it,
known by the contents of their files, and with one set of options; where either has changed, a new stretch
begins behind the last one.
"""

from __future__ import annotations

import gc
import hashlib
import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Self

from reclaim.jit.bpf_loader import Unavailable
from tests.soundness.damage import TookTooLong, analyse_instructions, answers_to, damaged
from tests.soundness.executions import replay_in_the_kernel, replay_natively, try_unguarded
from tests.soundness.programs import NR_TURNS, mutant, program
from tests.soundness.python_execution import run_by_python
from tests.soundness.trial import Findings, Trial

CHUNK = 10 * NR_TURNS
"""Programs between two looks at the clock: a few seconds, and what is lost when a run is stopped."""

_NOT_TRIED_THEN = {"python": 0}
"""Options that stretches on record do not name if they are older."""

_ROOT = Path(__file__).parents[2]
_TESTED = ("verifier", "reclaim/lang", "reclaim/abi", "reclaim/jit", "tests/fakes", "tests/soundness")
_GENERATORS = (
    *("meaning_generator.py", "memory_generator.py", "policy_generator.py", "policy_pieces.py"),
    *("relation_generator.py", "wide_generator.py"),
)


@dataclass(frozen=True)
class Options:
    """Say what to try.

    Args:
        native, kernel, python: every how manieth program goes there too; 0 for none.
        mutants: every how manieth accepted program is broken, too; 0 for none.
        twice: every how manieth program is read by both parsers; 0 for none.
        damaged: with every how manieth program a damaged text and random instructions are verified; 0 for none.
        watched: of every how manieth program beliefs are compared with runs, too; 0 for none.
        unguarded: whether Linux is asked about programs without guards, too, where it gets any.
    """

    native: int = 10
    kernel: int = 100
    python: int = 4
    mutants: int = 5
    twice: int = 16
    watched: int = 2
    damaged: int = 20
    unguarded: bool = False

    @staticmethod
    def is_due(every: int, seed: int) -> bool:
        """Tell whether a program is one of those, such that all kinds of programs are."""
        return every > 0 and (seed + seed // NR_TURNS) % every == 0


@dataclass
class Stretch:
    """Hold what became of numbers that follow each other.

    Args:
        version: of the files behind it.
        options: what was tried.
        first: its first number.
        following: the number behind its last one.
        found: what became of them.
    """

    version: str
    options: Options
    first: int
    following: int
    found: Findings = field(default_factory=Findings)


@dataclass
class Record:
    """Hold the stretches of a run that may have been stopped many times."""

    stretches: list[Stretch] = field(default_factory=list)

    @classmethod
    def load(cls, path: Path | None) -> Self:
        """Return the record of a file, a new one where there is none."""
        if path is None or not path.exists():
            return cls()
        return cls([_stretch(plain) for plain in json.loads(path.read_text(encoding="utf-8"))])

    def save(self, path: Path) -> None:
        """Write it down, whole or not at all."""
        unfinished = path.with_suffix(".unfinished")
        rows = [_plain(stretch) for stretch in self.stretches]
        unfinished.write_text(json.dumps(rows, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        unfinished.replace(path)

    def current(self, first: int, options: Options) -> Stretch:
        """Return the stretch that goes on, a new one where something has changed."""
        version = version_of_files()
        last = self.stretches[-1] if self.stretches else None
        if last is None or (last.version, last.options) != (version, options):
            start = first if last is None else max(first, last.following)
            self.stretches.append(Stretch(version, options, start, start))
        return self.stretches[-1]

    @property
    def total(self) -> Findings:
        """Return what all stretches found."""
        found = Findings()
        for stretch in self.stretches:
            found.add(stretch.found)
        return found


def _plain(stretch: Stretch) -> dict[str, Any]:
    found = vars(stretch.found) | {"seconds": round(stretch.found.seconds, 1)}
    return {**vars(stretch), "options": asdict(stretch.options), "found": found}


def _stretch(plain: dict[str, Any]) -> Stretch:
    found = plain["found"]
    findings = Findings(Counter(found["counts"]), Counter(found["parts"]), found["wrong"], found["seconds"])
    options = Options(**_NOT_TRIED_THEN | plain["options"])
    return Stretch(plain["version"], options, plain["first"], plain["following"], findings)


def version_of_files() -> str:
    """Name what is tested and what tests it: the same name means the same programs and the same verdicts."""
    files = [
        file for folder in _TESTED for file in (_ROOT / folder).rglob("*") if file.suffix in (".py", ".lark")
    ]
    files += [_ROOT / "tests/verifier" / name for name in _GENERATORS]
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(f"{file.relative_to(_ROOT)}\n".encode() + file.read_bytes())
    return digest.hexdigest()[:12]


def run(stretch: Stretch, end: int, jobs: int) -> Iterator[None]:
    """Try programs up to a number, and stop after some chunks for a look at what was found."""
    pool = _pool(jobs)
    while stretch.following < end:
        firsts = range(stretch.following, end, CHUNK)[: 2 * jobs]
        chunks = [(first, min(first + CHUNK, end)) for first in firsts]
        futures = [pool.submit(tried, *chunk, stretch.options) for chunk in chunks]
        try:
            results = [future.result() for future in futures]
        except BrokenProcessPool:
            # Which chunk it was is known only by trying each again in a process of its own.
            results = [_alone(*chunk, stretch.options) for chunk in chunks]
            pool = _pool(jobs)
        for found in results:
            stretch.found.add(found)
        stretch.following = chunks[-1][1]
        yield
    pool.shutdown()


def _pool(jobs: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(jobs, get_context("forkserver"), initializer=_collect_less)


def _collect_less() -> None:
    """Look for cycles of garbage rarely: programs leave few, and the tables are never garbage."""
    gc.freeze()
    gc.set_threshold(200_000, 20, 100)


def _alone(first: int, end: int, options: Options) -> Findings:
    with _pool(1) as pool:
        try:
            return pool.submit(tried, first, end, options).result()
        except BrokenProcessPool:
            found = Findings()
            found.note("crash", f"programs {first} to {end - 1}", "the process died")
            return found


def tried(first: int, end: int, options: Options) -> Findings:
    """Try the programs of some numbers, native code at the end for all of them at once.

    Args:
        first: the first number.
        end: the number behind the last one.
        options: what to try.

    Returns:
        What was found; a failure of ours is a finding like any other.
    """
    found = Findings()
    started = time.process_time()
    natively: list[Trial] = []
    for seed in range(first, end):
        try:
            found.add(_tried_one(seed, options, natively))
            if options.is_due(options.damaged, seed):
                found.add(_tried_damaged(seed))
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001  # whatever it is, the program that did it must be named
            found.note("crash", f"program {seed}", f"{type(error).__name__}: {error}")
    if natively:
        found.add(replay_natively(natively))
    found.seconds = time.process_time() - started
    return found


def _tried_one(seed: int, options: Options, natively: list[Trial]) -> Findings:
    source = program(seed)
    trial = Trial(
        f"program {seed}",
        source,
        seed,
        is_read_twice=options.is_due(options.twice, seed),
        is_watched=options.is_due(options.watched, seed),
    )
    found = trial.found
    if trial.policy is None:
        return found
    if options.is_due(options.native, seed):
        natively.append(trial)
    if options.is_due(options.python, seed):
        found.add(run_by_python(trial))
    if options.is_due(options.kernel, seed):
        found.add(replay_in_the_kernel(trial))
        if options.unguarded:
            found.add(try_unguarded(trial.policy))
    if options.is_due(options.mutants, seed):
        found.add(_tried_mutant(source, seed))
    return found


def _tried_mutant(source: str, seed: int) -> Findings:
    trial = Trial(f"mutant of {seed}", mutant(source, random.Random(f"mutant of {seed}")), seed)
    counts = {"mutants": 1, "mutants accepted": trial.found.counts["accepted"]}
    counts["mutant runs"] = trial.found.counts["runs"]
    return Findings(Counter(counts), Counter(), trial.found.wrong)


def _tried_damaged(seed: int) -> Findings:
    found = Findings(Counter({"damaged texts": 1, "programs of instructions": 1}))
    try:
        found.counts["damaged texts accepted"] += answers_to(damaged(random.Random(f"damaged {seed}")))
        analyse_instructions(random.Random(f"instructions {seed}"))
    except TookTooLong as error:
        found.note("slow", f"damaged {seed}", str(error))
    except Exception as error:  # noqa: BLE001  # a failure of ours, whatever it is
        found.note("crash", f"damaged {seed}", f"{type(error).__name__}: {error}")
    return found
