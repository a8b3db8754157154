"""Try random programs in every execution: `python -m tests.soundness --seed 0 --programs 1000`.

Counts and findings are kept in a file (--record), from which a run that was stopped goes on. --native and
--kernel say which programs go there too: every one, every tenth, none. Exit code 1 means that something
was wrong.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.soundness.campaign import Options, load, run
from tests.soundness.trial import Findings


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
    parser.add_argument(
        "--unguarded", action="store_true", help="ask Linux about programs without guards, too"
    )
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--record", type=Path, help="where counts are kept, and read from if it exists")
    options = parser.parse_args()
    record = load(options.record, options.seed)
    before = record.seconds
    chosen = Options(options.native, options.kernel, options.mutants, options.jobs, options.unguarded)
    for now in run(record, options.seed + options.programs, chosen):
        if options.record is not None:
            now.save(options.record)
        if now.seconds - before > 60 * options.minutes:
            break
    _report(record.found, record.seconds)
    return bool(record.found.wrong)


if __name__ == "__main__":
    sys.exit(main())
