"""Run all benchmarks and print one table: ``python -m benchmarks``."""

from __future__ import annotations

import sys

from benchmarks import against_libcachesim, hit_path, hook_call, page_bytes, policy_load, verify
from benchmarks.measurement import Row, show

MODULES = (hit_path, against_libcachesim, hook_call, policy_load, verify, page_bytes)


def main() -> None:
    """Run everything, the slow ones included; a few minutes."""
    rows: list[Row] = []
    for module in MODULES:
        print(f"{module.__name__} …", file=sys.stderr, flush=True)
        rows += module.rows()
    show(rows)


if __name__ == "__main__":
    main()
