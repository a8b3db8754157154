"""Try random programs in every execution: `python -m tests.soundness --seed 0 --programs 1000`.

Programs are numbered; the number is the seed. Counts and what was found are kept in a file (--record),
from which a run that was stopped goes on. --native and --kernel say which programs go there too: every
one, every tenth, none. Exit code 1 means that something was wrong.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from multiprocessing import get_context
from pathlib import Path

from reclaim.jit.bpf_loader import Unavailable
from tests.soundness.trial import Engines, Findings, tried

CHUNK = 20
"""Programs between two looks at the clock; what is lost when a run is stopped."""


def _chunk(task: tuple[int, int, int, int, int]) -> Findings:
    """Try some programs; a crash of ours is a finding like any other."""
    first, end, native, kernel, nr_mutants = task
    found = Findings()
    for seed in range(first, end):
        engines = Engines(
            native=bool(native) and seed % native == 0, kernel=bool(kernel) and seed % kernel == 0
        )
        try:
            found.add(tried(seed, engines, nr_mutants))
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001  # whatever it is, the program that did it must be named
            found.counts["wrong: crash"] += 1
            found.wrong.append(f"program {seed}: crash: {type(error).__name__}: {error}")
    return found


def _load(path: Path | None, first: int) -> tuple[int, Findings, float]:
    """Return the next program, what was found so far, and the seconds that it took."""
    if path is None or not path.exists():
        return first, Findings(), 0.0
    record = json.loads(path.read_text(encoding="utf-8"))
    return record["next"], Findings(Counter(record["counts"]), record["wrong"]), record["seconds"]


def _save(path: Path | None, following: int, found: Findings, seconds: float) -> None:
    if path is None:
        return
    record = {
        "next": following,
        "seconds": round(seconds, 1),
        "counts": dict(found.counts),
        "wrong": found.wrong,
    }
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    unfinished.replace(path)


def _report(found: Findings, seconds: float) -> None:
    for name, count in sorted(found.counts.items()):
        print(f"{count:>12,}  {name}")
    print(f"{seconds:>12,.0f}  seconds")
    for wrong in found.wrong[:20]:
        print(wrong)


def main() -> int:
    """Read the command line; 1 means that something was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.soundness", description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=0, help="first program")
    parser.add_argument("--programs", type=int, default=200, help="how many in all, those on record included")
    parser.add_argument("--minutes", type=float, default=1e9, help="stop then, whatever is left")
    parser.add_argument(
        "--native", type=int, default=1, metavar="N", help="every Nth as native code too; 0 for none"
    )
    parser.add_argument(
        "--kernel", type=int, default=1, metavar="N", help="every Nth in the kernel too; 0 for none"
    )
    parser.add_argument("--mutants", type=int, default=0, help="of each accepted program")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--record", type=Path, help="where counts are kept, and read from if it exists")
    options = parser.parse_args()
    first, found, before = _load(options.record, options.seed)
    started = time.monotonic()
    end = options.seed + options.programs
    tasks = (
        (start, min(start + CHUNK, end), options.native, options.kernel, options.mutants)
        for start in range(first, end, CHUNK)
    )
    with get_context("spawn").Pool(options.jobs) as pool:
        for number, part in enumerate(pool.imap(_chunk, tasks), start=1):
            found.add(part)
            seconds = before + time.monotonic() - started
            _save(options.record, min(first + number * CHUNK, end), found, seconds)
            if time.monotonic() - started > 60 * options.minutes:
                pool.terminate()
                break
    _report(found, before + time.monotonic() - started)
    return bool(found.wrong)


if __name__ == "__main__":
    sys.exit(main())
