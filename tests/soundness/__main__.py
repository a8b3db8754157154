"""Try random programs in every execution: `python -m tests.soundness --seed 0 --programs 1000`.

Counts and findings are kept in a file (--record), from which a run that was stopped goes on. --native,
--kernel, --python and --mutants say which programs go there too: every one, every tenth, none. Exit code 1
means that something was wrong.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from tests.soundness.campaign import Options, Record, run
from tests.soundness.trial import Findings


def main() -> int:
    """Read the command line; 1 means that something was wrong."""
    options = _parser().parse_args()
    record = Record.load(options.record)
    if options.report:
        _report(record.total, with_parts=True)
        return bool(record.total.wrong)
    every = {
        name: getattr(options, name)
        for name in ("native", "kernel", "python", "mutants", "twice", "watched", "damaged")
    }
    chosen = Options(**every, unguarded=options.unguarded)
    stretch = record.current(options.seed, chosen)
    stop = time.monotonic() + 60 * options.minutes
    for _ in run(stretch, options.seed + options.programs, options.jobs):
        if options.record is not None:
            record.save(options.record)
        if time.monotonic() > stop:
            break
    _report(record.total, with_parts=False)
    return bool(record.total.wrong)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.soundness", description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=0, help="first program")
    parser.add_argument("--programs", type=int, default=200, help="how many in all, those on record included")
    parser.add_argument("--minutes", type=float, default=1e9, help="stop then, whatever is left")
    for name, default, what in (
        ("native", 10, "as native code too"),
        ("kernel", 100, "in the kernel too"),
        ("python", 4, "run by CPython too"),
        ("mutants", 5, "that is accepted broken, too"),
        ("twice", 16, "read by both parsers, and its constructs counted"),
        ("damaged", 20, "with a damaged text and random instructions beside it"),
        ("watched", 2, "run to compare with what the verifier believes, accepted or not"),
    ):
        parser.add_argument(
            f"--{name}", type=int, default=default, metavar="N", help=f"every Nth {what}; 0 for none"
        )
    parser.add_argument(
        "--unguarded", action="store_true", help="ask Linux about programs without guards, too"
    )
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--record", type=Path, help="where counts are kept, and read from if it exists")
    parser.add_argument("--report", action="store_true", help="try nothing: print what is on record")
    return parser


def _report(found: Findings, *, with_parts: bool) -> None:
    rows = sorted(found.counts.items()) + (sorted(found.parts.items()) if with_parts else [])
    for name, count in rows:
        print(f"{count:>12,}  {name}")
    print(f"{found.seconds:>12,.0f}  seconds of processor time")
    for wrong in found.wrong[:20]:
        print(wrong)


if __name__ == "__main__":
    sys.exit(main())
