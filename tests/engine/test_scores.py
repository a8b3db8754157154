"""Batches by score, with a policy that makes scores up when it meets a folio."""

from __future__ import annotations

from pathlib import Path

import pytest

from reclaim.engine import Machine
from reclaim.engine.attachment import Engine
from reclaim.workload import synth

LFU = Path(__file__).parents[1] / "lab" / "policies" / "sampled_lfu.rpol"


def _misses(policy: str | Path, kind: str, engine: Engine = "native") -> tuple[int, int]:
    machine = Machine(memory_max=512, nodes="16M", swap="zram:16M")
    machine.attach(policy, engine=engine)
    machine.add_task(synth(f"zipf:pages=2K,accesses=20K,alpha=0.9,write=10%,kind={kind}"))
    result = machine.run(check=True)
    assert result.ejected == ()
    return result.misses, result.virtual_ns


@pytest.mark.parametrize("kind", ["anon", "file-read"])
def test_lfu_by_sampling_keeps_what_is_popular(kind: str) -> None:
    """Counts of uses do better than two lists where popularity is skewed and lasts."""
    assert _misses(LFU, kind)[0] < 0.97 * _misses("trad", kind)[0]


def test_scores_are_the_same_whoever_makes_them_up() -> None:
    """Native code and the interpreter choose the same folios."""
    assert _misses(LFU, "anon") == _misses(LFU, "anon", "interpreter")
