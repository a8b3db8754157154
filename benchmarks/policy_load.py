"""Loading a policy: ``python -m benchmarks.policy_load``.

`mglru.rpol`, imports done: parse, verify and compile anew; then from the object cache. Both also per 100 IR
operations, since policies grow. The stages of the cold load stand in rows of their own, without an aim.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.measurement import Row, interleaved_medians, show
from reclaim.engine.binding import helper_symbols
from reclaim.engine.shipped import find_policy
from reclaim.jit.object_cache import ObjectCache
from reclaim.jit.policy_loader import compile_policy, load_policy
from reclaim.lang.frontend import compile_source
from verifier.verified import verify_or_raise

POLICY = "mglru"
COLD_AIM_MS = 250.0
CACHED_AIM_MS = 10.0
REPEATS = 9


def rows() -> list[Row]:
    """Measure the cold load, its stages, and the load from the cache."""
    path = find_policy(POLICY)
    symbols = helper_symbols()
    source = path.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        cache = ObjectCache(Path(folder) / "objects")
        nr_ops = sum(hook.nr_ops for hook in load_policy(path, symbols, cache).image.hooks.values())
        ir = compile_source(source, str(path))
        verified = verify_or_raise(ir)
        medians = interleaved_medians(
            {
                "cold": lambda: load_policy(path, symbols),
                "cached": lambda: load_policy(path, symbols, cache),
                "parse": lambda: compile_source(source, str(path)),
                "verify": lambda: verify_or_raise(ir),
                "compile": lambda: compile_policy(verified, symbols),
            },
            REPEATS,
        )
    aims = {"cold": COLD_AIM_MS, "cached": CACHED_AIM_MS}
    return [_row(name, seconds * 1e3, nr_ops, aims.get(name)) for name, seconds in medians.items()]


def _row(name: str, ms: float, nr_ops: int, aim: float | None) -> Row:
    per_100 = f"{ms * 100 / nr_ops:.2f} ms per 100 of {nr_ops} IR ops"
    return Row(f"load {POLICY}", name, f"{ms:.1f} ms", per_100, ms, aim)


if __name__ == "__main__":
    show(rows())
