"""Policies that are asked by time."""

from __future__ import annotations

from pathlib import Path

import pytest

from reclaim.engine import Machine, NodeConfig
from reclaim.engine.attachment import Engine
from reclaim.workload import synth

AGES = Path(__file__).parents[1] / "lab" / "policies" / "ticking_ages.rpol"


def _misses(kind: str, engine: Engine = "native", **tunables: int) -> tuple[int, int]:
    machine = Machine(memory_max=600, nodes="16M", swap="zram:16M")
    machine.attach(AGES, tunables=tunables, engine=engine)
    machine.add_task(synth(f"phases:pages=2K,accesses=30K,kind={kind}"))
    result = machine.run(check=True)
    assert result.ejected == ()
    return result.misses, result.virtual_ns


def test_working_set_that_moves_on_gets_old_by_time() -> None:
    """Pages of the last phase are given up when ticks make them old; with a tick in an age they stay young."""
    assert _misses("file-read", tick_ms=10)[0] < 0.95 * _misses("file-read", tick_ms=10_000)[0]


@pytest.mark.parametrize("kind", ["anon", "file-read"])
def test_ticks_come_at_the_same_times_whoever_runs_the_hook(kind: str) -> None:
    """Native code and the interpreter are asked as often, at the same virtual times."""
    assert _misses(kind) == _misses(kind, "interpreter")


def test_policy_that_fails_in_a_tick_is_asked_at_no_other_lruvec(tmp_path: Path) -> None:
    """Two lruvecs are due at the same moment; the policy fails at the first, and the default takes over both."""
    path = tmp_path / "fails.rpol"
    path.write_text('@hook\ndef tick() -> u64:\n    fail("enough")\n', encoding="utf-8")
    machine = Machine(nodes=(NodeConfig(pages=1024), NodeConfig(pages=1024)), swap="zram:4M")
    machine.attach(path)
    machine.add_task(synth("zipf:pages=200,accesses=2000"))
    assert [exit_.kind for exit_ in machine.run(check=True).ejected] == ["policy"]
