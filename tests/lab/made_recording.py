"""A folder of recorded runs as a harness would leave it, small and made up, for tests of what reads it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import zstandard

from reclaim.workload.access_trace import Records

NR_PAGES = 512
LIMIT_PAGES = 256


def made_run(**changes: Any) -> dict[str, Any]:
    """Return one row of results.json; members that are named differ, `vmstat` and `memcg` are of the trace phase."""
    phase = {
        "memcg": {"pgrefill": changes.pop("pgrefill", 0), **changes.pop("memcg", {})},
        "vmstat": changes.pop("vmstat", {}),
    }
    run = {
        "trace": "made",
        "mode": "anon",
        "frac": 0.5,
        "lru": "trad",
        "rep": 1,
        "limit_pages": LIMIT_PAGES,
        "n_anon": NR_PAGES,
        "n_file": 0,
        "accesses": 4000,
        "misses": 1000,
        "trace_phase": phase,
        "end": {},
        "gens_end": None,
    }
    return run | changes


def made_group(lru: str = "trad", rep: int = 1, **changes: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the rows of two memcgs that ran together, of which the first is protected."""
    common = {"group": "both", "lru": lru, "rep": rep, "turn": 100, "limit_pages": NR_PAGES, **changes}
    first = made_run(**common, number=0, label="low beside other", low_pages=NR_PAGES * 3 // 4)
    return first, made_run(**common, number=1, label="beside low")


def made_words() -> Records:
    """Return the raw records of the trace `made`: a hot half and a cold half."""
    draw = np.random.default_rng(1)
    hot = draw.integers(0, NR_PAGES // 4, 4000)
    cold = draw.integers(0, NR_PAGES, 4000)
    return np.where(draw.random(4000) < 0.7, hot, cold).astype("<u4")


def made_recording(
    folder: Path, *runs: dict[str, Any], residency: list[dict[str, Any]] | None = None, compress: bool = False
) -> Path:
    """Write a folder with some runs of the trace `made` and return it."""
    data = made_words().tobytes()
    meta = {"traces": {"made": {"sha256": hashlib.sha256(data).hexdigest()}}}
    lines = "".join(json.dumps(row) + "\n" for row in residency or [])
    (folder / "traces").mkdir()
    (folder / "traces" / "meta.json").write_text(json.dumps(meta), encoding="utf-8")
    (folder / "results.json").write_text(json.dumps({"runs": list(runs)}), encoding="utf-8")
    contents = {"traces/made.bin": data} | ({"residency.jsonl": lines.encode()} if residency else {})
    for name, content in contents.items():
        path = folder / (f"{name}.zst" if compress else name)
        path.write_bytes(zstandard.ZstdCompressor().compress(content) if compress else content)
    return folder
