"""Prove policies and random programs: `python -m tests.proof [--programs FIRST-FOLLOWING] [FILE ...]`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from reclaim.diag.errors import PolicyRejected
from reclaim.lang.frontend import compile_file
from tests.proof.hook_proof import Report
from tests.proof.proved import MOST_OPS, proved_policy, proved_program

_AT_ONCE = 8
"""Programs between two lines of progress, for each process."""


def main() -> int:
    """Print what was proved, and each claim that was not; 1 if one of them is refuted."""
    parser = argparse.ArgumentParser(prog="python -m tests.proof", description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="policies")
    parser.add_argument(
        "--programs",
        type=_numbers,
        default=(0, 0),
        metavar="FIRST-FOLLOWING",
        help="random programs, by number",
    )
    parser.add_argument("--most-ops", type=int, default=MOST_OPS, help=f"leave larger hooks out ({MOST_OPS})")
    parser.add_argument("--jobs", type=int, default=2, help="processes (2)")
    options = parser.parse_args()
    for path in options.files:
        try:
            compile_file(path)
        except PolicyRejected as rejected:
            parser.error(f"{path}: the front end rejects it: {rejected.diagnostics[0].message}")
    first, following = options.programs
    total = Report()
    with ProcessPoolExecutor(options.jobs, get_context("spawn")) as pool:
        reports = pool.map(partial(proved_policy, most_ops=options.most_ops), options.files)
        for path, report in zip(options.files, reports, strict=True):
            _tell(str(path), [report], total)
        prove_one = partial(proved_program, most_ops=options.most_ops)
        for number in range(first, following, options.jobs * _AT_ONCE):
            numbers = range(number, min(number + options.jobs * _AT_ONCE, following))
            _tell(f"programs {numbers.start} to {numbers.stop}", pool.map(prove_one, numbers), total)
    print(f"{sum(total.proved.values())} claims proved of {total.nr_hooks} hooks: {dict(total.proved)}")
    print(f"{total.nr_left_out} larger hooks left out")
    print(f"{len(total.refuted)} refuted, {len(total.doubts) - len(total.refuted)} undecided")
    return int(bool(total.refuted))


def _numbers(text: str) -> tuple[int, int]:
    """Return the first number of a stretch and the one behind its last."""
    first, _, following = text.partition("-")
    if not (first.isdecimal() and following.isdecimal()):
        raise argparse.ArgumentTypeError(f"two numbers as in 0-100 are wanted, not {text!r}")
    return int(first), int(following)


def _tell(what: str, reports: Iterable[Report], total: Report) -> None:
    for report in reports:
        total.add(report)
        for doubt in report.doubts:
            outcome = f"REFUTED by {doubt.numbers}" if doubt.is_refuted else "undecided"
            print(f"{doubt.kind}: {doubt.text}: {outcome}")
    print(f"{what}: {sum(total.proved.values())} proved so far", flush=True)


if __name__ == "__main__":
    sys.exit(main())
