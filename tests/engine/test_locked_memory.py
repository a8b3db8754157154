"""Locked memory and hints of mappings, from Python and under both algorithms."""

from __future__ import annotations

import numpy as np
import pytest

from reclaim.diag.errors import ConfigError
from reclaim.engine import Machine
from reclaim.workload import Mapping, Trace, TraceHeader, memory_trace


def _trace(mappings: tuple[Mapping, ...], pages: list[int]) -> Trace:
    return memory_trace(TraceHeader("made", 0, 100, mappings=mappings), np.array(pages, dtype=np.uint32))


def _machine(policy: str) -> Machine:
    machine = Machine(memory_max=600, swap="zram:4000")
    if policy != "trad":
        machine.attach(policy)
    return machine


@pytest.mark.parametrize("policy", ["trad", "mglru"])
def test_locked_mapping_stays_resident_under_pressure(policy: str) -> None:
    """Pages of a locked mapping are on the unevictable list and never swapped."""
    machine = _machine(policy)
    mappings = (Mapping(pages=200, kind="anon", locked=True), Mapping(pages=2000, kind="anon"))
    task = machine.add_task(_trace(mappings, [*range(200), *range(200, 2200)] * 2))

    machine.run(check=True)

    assert task.resident()[:200].all()
    assert machine.list_pages("/lab")["unevictable"] == 200
    assert len(machine.lists("/lab")["unevictable"]) == 200
    assert machine.memcg_info("/lab")["unevictable_pages"] == 200
    assert machine.memory_stat("/lab")["unevictable"] == 200 * 4096
    assert machine.counters()["unevictable_pgs_culled"] == 200
    assert machine.memcg_info("/lab")["usage_pages"] <= 600


@pytest.mark.parametrize("policy", ["trad", "mglru"])
def test_mlock_then_munlock_of_a_range_gives_it_back_to_reclaim(policy: str) -> None:
    """Locking brings a range in, unlocking lets the policy place it again."""
    machine = _machine(policy)
    task = machine.add_task(_trace((Mapping(pages=2200, kind="anon"),), list(range(1000, 2200))))
    task.mlock(0, 100)
    assert task.resident()[:100].all()
    machine.run(check=True)
    assert task.resident()[:100].all()

    with pytest.raises(ConfigError, match="300 pages from 2000 on, it has 2200"):
        task.munlock(2000, 300)
    task.munlock(0, 100)

    assert machine.list_pages("/lab")["unevictable"] == 0
    assert machine.counters()["unevictable_pgs_rescued"] == 100
    machine.reclaim("/lab", 580)
    assert not task.resident()[:100].all()
    machine.check()


def test_attaching_a_policy_keeps_locked_pages_where_they_are() -> None:
    """Locked pages are not adopted; the new policy meets them when they are unlocked."""
    machine = _machine("trad")
    task = machine.add_task(_trace((Mapping(pages=300, kind="anon", locked=True),), list(range(300))))
    machine.run()
    attachment = machine.attach("mglru")
    assert machine.list_pages("/lab")["unevictable"] == 300
    attachment.detach()
    machine.attach("s3fifo")
    task.munlock(0, 300)
    machine.check()
    assert machine.list_pages("/lab")["unevictable"] == 0


@pytest.mark.parametrize("policy", ["trad", "mglru"])
def test_everything_locked_ends_the_task(policy: str) -> None:
    """A limit full of locked pages is out of memory, not an endless loop."""
    machine = _machine(policy)
    machine.add_task(_trace((Mapping(pages=2000, kind="anon", locked=True),), list(range(2000))))

    result = machine.run()

    assert result.tasks[0].state == "killed"
    assert machine.memcg_info("/lab")["usage_pages"] == 0


@pytest.mark.parametrize("policy", ["trad", "mglru"])
@pytest.mark.parametrize("advice", ["random", "sequential"])
def test_advised_mapping_gives_way_to_one_that_is_not(policy: str, advice: str) -> None:
    """Young PTEs of an advised mapping do not keep its pages, so the other mapping keeps more of its own."""
    kept = {}
    for hint in ("normal", advice):
        machine = _machine(policy)
        mappings = (
            Mapping(pages=500, kind="anon"),
            Mapping(pages=500, kind="anon", advice=hint),  # type: ignore[arg-type]  # a parameter
        )
        task = machine.add_task(_trace(mappings, list(np.random.default_rng(1).integers(0, 1000, 60_000))))
        machine.run(check=True)
        kept[hint] = int(task.resident()[:500].sum())

    assert kept[advice] > kept["normal"] + 20


def test_madvise_of_a_task_is_checked() -> None:
    """Unknown advice and ranges beyond the mapping space are named."""
    machine = _machine("trad")
    task = machine.add_task(_trace((Mapping(pages=10, kind="anon"),), [0]))

    task.madvise(2, 3, "random")
    with pytest.raises(ConfigError, match="unknown advice 'sequentiel'"):
        task.madvise(0, 1, "sequentiel")
    with pytest.raises(ConfigError, match="10 pages from 5 on, it has 10"):
        task.madvise(5, 10, "random")
    with pytest.raises(ConfigError, match="number of pages is -1"):
        task.mlock(0, -1)
