"""Tasks that take turns on one processor, and a kswapd that has several memcgs to choose from."""

from __future__ import annotations

import numpy as np
import pytest

from reclaim.diag.errors import ConfigError
from reclaim.engine import Machine, MemcgConfig, NodeConfig
from reclaim.workload import Mapping, TraceHeader, memory_trace, synth
from reclaim.workload.access_trace import WRITE

MEMCGS = (
    MemcgConfig(path="/lab", max_pages=1500),
    MemcgConfig(path="/lab/0", low_pages=900),
    MemcgConfig(path="/lab/1"),
)


def _siblings(policy: str) -> Machine:
    machine = Machine(nodes=1 << 16, swap="zram:64M", memcgs=MEMCGS)
    machine.attach(policy)
    machine.add_task(synth("zipf:pages=1500,accesses=20K,write=20%"), memcg="/lab/0")
    machine.add_task(synth("scan:pages=1500,accesses=12K"), memcg="/lab/1")
    return machine


def test_machine_without_tasks_has_no_turns() -> None:
    """The same answer as `run` gives."""
    with pytest.raises(ConfigError, match="no task"):
        Machine().run_in_turns(100)


@pytest.mark.parametrize("policy", ["trad", "mglru"])
def test_tasks_in_turns_come_to_their_ends_one_after_the_other(policy: str) -> None:
    """One processor: all records run, time is the sum of both, and the same turns give the same numbers."""
    machine, again = _siblings(policy), _siblings(policy)
    result = machine.run_in_turns(200)
    assert result.accesses == 32_000
    assert [task.state for task in machine.tasks] == ["ended", "ended"]
    alone = max(task.info["clock_ns"] for task in machine.tasks)
    assert alone >= 32_000 * 100
    assert again.run_in_turns(200).counters == result.counters
    machine.run_in_turns(200)  # nothing is left


def test_turns_of_any_length_protect_the_same_memcg() -> None:
    """What memory.low keeps does not hang on how finely the tasks interleave."""
    for turn in (50, 1000, 20_000):
        machine = _siblings("mglru")
        machine.run_in_turns(turn)
        assert machine.memcg_info("/lab/0")["usage_pages"] >= 800


def test_stopped_turns_go_on_to_the_same_numbers() -> None:
    """A run that was stopped in the middle of a turn loses nothing."""
    spec = "zipf:pages=2K,accesses=3M,write=20%"
    whole, cut = (Machine(memory_max="4M", swap="zram:8M") for _ in range(2))
    for machine in (whole, cut):
        machine.add_task(synth(spec))
        machine.add_task(synth(spec, seed=1))
    stops = [1, 2]

    def stop(_done: int, _total: int) -> None:
        if stops:
            stops.pop()
            raise LookupError

    for _ in range(2):
        with pytest.raises(LookupError):
            cut.run_in_turns(250_000, stop)
    cut.run_in_turns(250_000, stop)
    whole.run_in_turns(250_000)
    assert cut.counters() == whole.counters()


def test_kswapd_leaves_the_other_memcgs_alone_once_the_node_is_safe() -> None:
    """MGLRU's walk of the memcgs ends where the watermark is met, not after a batch from each (shrink_many())."""
    paths = [f"/{number}" for number in range(12)]
    memcgs = tuple(MemcgConfig(path=path) for path in paths)
    machine = Machine(nodes=(NodeConfig(pages=16_000),), swap="zram:64M", charge_kmem=False, memcgs=memcgs)
    machine.attach("mglru")
    header = TraceHeader("slow", 0, 1_000_000, mappings=(Mapping(pages=1309, kind="anon"),))
    touched = np.arange(1309, dtype=np.uint32) | np.uint32(WRITE)
    for path in paths:  # the last one wakes kswapd, and leaves it time to come to its end
        machine.add_task(memory_trace(header, np.append(touched, np.full(100, touched[-1]))), memcg=path)
    machine.run_in_turns(100)
    node = machine.node_info(0)
    assert machine.counters()["kswapd_wakeups"] == 1
    assert node["nr_free_pages"] <= node["high_wmark"] + 64 + 64
