"""Two memory tiers from Python: what moves between them, and what that is worth."""

from __future__ import annotations

import pytest

from reclaim.engine import Machine, NodeConfig
from reclaim.engine.run_results import Result
from reclaim.workload import synth

# Four working sets of 1024 pages, one after another; the fast node holds one and a little more.
PHASES = "phases:pages=4K,set=25%,phases=4,accesses=400K,write=20%"
TIERING = {
    "demotion": True,
    "numa_balancing": 2,
    "numa_scan_delay_ms": 1,
    "numa_scan_period_min_ms": 1,
    "numa_scan_period_max_ms": 10,
    "numa_scan_size_mb": 16,
}


def _run(policy: str = "trad", **options: object) -> Result:
    machine = Machine(
        nodes=[
            NodeConfig(pages=1400, tier=0, distances=(10, 24)),
            NodeConfig(pages=6000, tier=1, distances=(24, 10)),
        ],
        **options,
    )
    machine.attach(policy)
    machine.add_task(synth(PHASES))
    return machine.run(check=True)


def _fast_share(result: Result) -> float:
    return result.counters["toptier_accesses"] / result.counters["node_accesses"]


def test_without_tiering_memory_lies_where_it_was_first_put() -> None:
    """Both are off until they are asked for, and then nothing moves."""
    result = _run()
    assert result.counters["node_accesses"] == result.accesses
    assert result.counters["pgmigrate_success"] == 0
    assert _fast_share(result) < 0.5


@pytest.mark.parametrize("policy", ["trad", "mglru", "tiering"])
def test_demotion_and_promotion_follow_the_working_set(policy: str) -> None:
    """Under each policy the fast tier serves more accesses than where nothing moves, and nothing goes to disk."""
    result = _run(policy, **TIERING)
    moved = result.counters["pgdemote_kswapd"] + result.counters["pgdemote_direct"]
    assert moved > 0
    assert result.counters["pgpromote_success"] > 0
    assert (
        result.counters["pgmigrate_success"]
        == moved + result.counters["pgpromote_success"]
        == moved + result.counters["numa_pages_migrated"]
    )
    assert _fast_share(result) > _fast_share(_run(policy)) + 0.1
    assert not result.ejected


def test_new_pages_spill_to_the_slow_node_before_anybody_demotes() -> None:
    """As in the kernel, kswapd of the fast node wakes only when no node is above its low watermark."""
    result = _run(demotion=True)
    assert result.counters["numa_miss"] > 2000
    assert result.counters["kswapd_wakeups"] == 0
    assert result.counters["pgdemote_kswapd"] + result.counters["pgdemote_direct"] == 0


def test_tiered_run_is_the_same_however_the_trace_is_cut() -> None:
    """Marks, faults and moves depend on virtual time, not on how records are fed."""
    results = []
    for chunk_records in (997, 1 << 20):
        machine = Machine(nodes=[NodeConfig(pages=1400), NodeConfig(pages=6000, tier=1)], **TIERING)
        machine.add_task(synth(PHASES))
        results.append(machine.run(chunk_records=chunk_records))
    assert results[0].counters == results[1].counters
    assert results[0].virtual_ns == results[1].virtual_ns
