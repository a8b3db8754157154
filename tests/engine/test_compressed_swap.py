"""Swap in memory: zram whose pool takes pages, and zswap, through `Machine`."""

from __future__ import annotations

import numpy as np

from reclaim.engine import Machine
from reclaim.workload import memory_trace, synth

SPEC = "zipf:pages=2000,accesses=20K,write=50%"


def _counters(**options: object) -> dict[str, int]:
    """Run a workload at half of its pages and return the machine's counters."""
    machine = Machine(memory_max=1000, **options)
    trace = synth(SPEC, 1)
    machine.add_task(memory_trace(trace.header, np.concatenate(list(trace.chunks()))))
    machine.run(check=True)
    return machine.counters()


def test_zswap_takes_the_place_of_the_device() -> None:
    """With a pool that holds everything the device sees only what does not compress."""
    options = {"swap": "ssd:4000", "nodes": 4000}
    plain = _counters(**options)
    kept = _counters(**options, zswap_percent=60)
    assert (plain["zswpout"], plain["zswpin"]) == (0, 0)
    assert kept["zswpout"] > 0
    assert kept["pswpout"] - kept["zswpwb"] == kept["zswap_reject_compress_poor"]


def test_zswap_in_textbook_caches_is_absent() -> None:
    """The exact machine has a swap that costs no memory."""
    from reclaim.engine.machine_config import TEXTBOOK_MACHINE

    counters = _counters(swap="zram:4000", **TEXTBOOK_MACHINE)
    assert (counters["zswpout"], counters["zram_failed_writes"]) == (0, 0)


def test_zram_without_room_fails_writes_and_nothing_breaks() -> None:
    """A limit of 50 pages is soon reached, and the run goes on with what memory holds."""
    counters = _counters(swap="zram:4000:50")
    assert counters["zram_failed_writes"] > 0


def test_memory_stat_shows_zswap() -> None:
    """Compressed and stored pages stand in memory.stat, where the memcg pays for them."""
    machine = Machine(memory_max=1000, swap="ssd:4000", nodes=4000, zswap_percent=60)
    machine.add_task(synth(SPEC, 1))
    machine.run()
    stat = machine.memory_stat("/lab")
    assert 0 < stat["zswap"] < stat["zswapped"]


def test_zswap_max_of_a_memcg_is_set() -> None:
    """With memory.zswap.max of 0 nothing is kept."""
    machine = Machine(memory_max=1000, swap="ssd:4000", nodes=4000, zswap_percent=60)
    machine.set_memcg("/lab", zswap_max=0)
    machine.add_task(synth(SPEC, 1))
    machine.run()
    assert machine.counters()["zswpout"] == 0
