"""Pages on their way to an SSD that is swap."""

from __future__ import annotations

from typing import Any

from reclaim.engine import Machine
from reclaim.workload import synth


def _machine(**options: Any) -> Machine:
    machine = Machine(memory_max=300, nodes=4096, swap="ssd:4096", **options)
    machine.attach("trad")
    return machine


def test_page_is_freed_when_it_is_written_and_met_again() -> None:
    """A swap-out takes the device's time: what is written rotates to the tail, and a second look frees it."""
    machine = _machine()
    machine.add_task(synth("zipf:pages=512,accesses=20K"))
    machine.run(check=True)
    counters = machine.counters()
    assert 0 < counters["nr_written"] <= counters["pswpout"]
    assert 0 < counters["pgrotated"] <= counters["nr_written"]
    assert counters["oom_kill"] == 0


def test_exit_forgets_pages_that_are_being_written() -> None:
    """A task that goes while its pages are on their way leaves nothing behind."""
    machine = _machine(costs={"ssd_write_ns": 500_000_000})
    task = machine.add_task(synth("scan:pages=400,accesses=400,write=100%"))
    machine.run()
    task.exit()
    machine.check()
    assert machine.memcg_info("/lab")["anon_pages"] == 0
