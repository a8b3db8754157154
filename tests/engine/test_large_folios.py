"""Large folios from Python, under both algorithms and several orders."""

from __future__ import annotations

import numpy as np
import pytest

from reclaim.diag.errors import ConfigError
from reclaim.engine import Machine, MemcgConfig
from reclaim.workload import Mapping, Trace, TraceHeader, memory_trace, synth

WRITE = 1 << 31


def _trace(pages: int, records: list[int]) -> Trace:
    header = TraceHeader("made", 0, 100, mappings=(Mapping(pages=pages, kind="anon"),))
    return memory_trace(header, np.array(records, dtype=np.uint32))


def _machine(policy: str, **options: object) -> Machine:
    machine = Machine(**options)
    if policy != "trad":
        machine.attach(policy)
    return machine


@pytest.mark.parametrize("policy", ["trad", "mglru", "s3fifo", "fifo"])
@pytest.mark.parametrize("orders", [(2,), (4,), (2, 3, 5, 9), (9,)])
def test_run_with_large_folios_keeps_the_books(policy: str, orders: tuple[int, ...]) -> None:
    """Whatever the orders, usage stays below the limit and the core's books agree."""
    machine = _machine(policy, memory_max="8M", swap="zram:32M", thp_orders=orders)
    machine.add_task(synth("zipf:pages=4K,accesses=40K,write=30%"))

    result = machine.run(check=True)

    counters = result.counters
    assert counters["mthp_anon_fault_alloc"] > 0
    assert counters["pgsteal_anon"] <= counters["pgscan_anon"]
    assert counters["pswpout"] > 0
    assert machine.memcg_info("/lab")["usage_pages"] <= 2048
    assert result.tasks[0].state == "ended"


@pytest.mark.parametrize("policy", ["trad", "mglru"])
def test_sequential_use_faults_once_per_folio(policy: str) -> None:
    """A fault brings in the whole folio, so there are as many faults as folios."""
    machine = _machine(policy, nodes="64M", thp_orders=(4,))
    task = machine.add_task(_trace(1600, list(range(1600))))

    result = machine.run(check=True)

    assert result.misses == 100
    assert result.counters["pgfault"] == 100
    assert task.resident().all()
    assert machine.memory_stat("/")["anon"] == 1600 * 4096


@pytest.mark.parametrize("policy", ["trad", "mglru"])
def test_huge_page_is_one_entry_to_walks_and_rmap(policy: str) -> None:
    """What a page-table walk or an rmap walk visits of a folio of 512 pages is one entry."""
    visited = {}
    for orders in ((), (9,)):
        machine = _machine(policy, memory_max="24M", swap="zram:64M", thp_orders=orders)
        machine.add_task(_trace(8192, list(range(8192)) * 3))
        machine.run(check=True)
        visited[orders] = machine.counters()["rmap_walked"]

    assert machine.counters()["thp_fault_alloc"] > 0
    assert visited[9,] < visited[()]


@pytest.mark.parametrize("policy", ["trad", "mglru"])
def test_swap_without_room_in_a_row_splits(policy: str) -> None:
    """A folio of 512 pages does not fit swap of 400 slots; it is split, and some of its pages go."""
    machine = _machine(policy, memory_max=700, swap="zram:400", thp_orders=(9,))
    machine.add_task(_trace(4096, [*range(1), *range(512, 912)]))

    counters = machine.run(check=True).counters

    assert counters["thp_swpout"] == 0
    assert counters["thp_swpout_fallback"] == counters["thp_split_page"] == 1
    assert counters["pswpout"] > 0


@pytest.mark.parametrize("policy", ["trad", "mglru"])
def test_dropping_part_of_a_folio_frees_it_when_reclaim_needs_it(policy: str) -> None:
    """Pages dropped from a folio stay charged until it is split."""
    machine = _machine(policy, memory_max=600, swap="zram:4000", thp_orders=(4,))
    task = machine.add_task(_trace(2000, list(range(160))))
    machine.run()
    for first in range(0, 160, 16):
        task.madvise(first + 1, 15, "dontneed")
    assert machine.memcg_info("/lab")["anon_pages"] == 160
    assert machine.counters()["mthp_split_deferred"] == 10

    machine.reclaim("/lab", 100)
    machine.check()

    assert machine.counters()["mthp_split"] == 10
    assert machine.memcg_info("/lab")["anon_pages"] <= 10


@pytest.mark.parametrize("policy", ["trad", "mglru"])
def test_limit_of_a_few_pages_works_with_every_order(policy: str) -> None:
    """Where no large folio fits, single pages do."""
    for limit in (1, 5, 30):
        machine = _machine(
            policy, memory_max=limit, swap="zram:4000", charge_kmem=False, thp_orders=tuple(range(2, 10))
        )
        machine.add_task(_trace(1024, list(range(1024)) * 2))

        result = machine.run(check=True)

        assert result.tasks[0].state == "ended"
        assert machine.memcg_info("/lab")["usage_pages"] <= limit


@pytest.mark.parametrize("orders", [(4,), (9,)])
def test_large_folios_are_held_to_memory_high(orders: tuple[int, ...]) -> None:
    """A charge that must not reclaim is answered for when the fault is over (try_charge_memcg())."""
    machine = Machine(
        nodes="64M",
        memcgs=(MemcgConfig(path="/a", high_pages=2048),),
        swap="zram:32M",
        thp_orders=orders,
    )
    machine.add_task(_trace(4096, list(range(4096))), memcg="/a")
    machine.run()

    assert machine.memory_events("/a")["high"] > 0
    assert machine.memcg_info("/a")["usage_pages"] <= 2048 + (1 << max(orders))


def test_change_of_policy_takes_large_folios_along() -> None:
    """Adoption moves folios of all sizes, and splits afterwards keep the new policy's books."""
    machine = _machine("trad", memory_max=1000, swap="zram:300", thp_orders=(3, 6))
    task = machine.add_task(_trace(3000, [page | WRITE for page in range(900)]))
    machine.run(check=True)
    attachment = machine.attach("mglru")
    machine.check()
    task.madvise(5, 100, "dontneed")
    machine.reclaim("/lab", 200)
    machine.check()
    attachment.detach()
    machine.reclaim("/lab", 100)
    machine.check()
    assert machine.counters()["mthp_split"] > 0


def test_same_seed_gives_the_same_numbers_with_large_folios() -> None:
    """Buddy lists and swap clusters depend on nothing but the run."""
    results = []
    for _ in range(2):
        machine = _machine("mglru", memory_max="8M", swap="zram:9M", thp_orders=(2, 5, 9))
        machine.add_task(synth("zipf:pages=4K,accesses=30K,write=30%"))
        machine.add_task(synth("uniform:pages=1K,accesses=30K,write=30%", seed=3))
        results.append(machine.run(check=True))

    assert results[0].counters == results[1].counters
    assert results[0].virtual_ns == results[1].virtual_ns


@pytest.mark.parametrize("orders", [(1,), (10,), (0, 4), ("4",)])
def test_impossible_orders_are_refused(orders: tuple[int, ...]) -> None:
    """Anonymous memory has orders 2 to 9."""
    with pytest.raises(ConfigError, match="a number of thp_orders is"):
        Machine(nodes="16M", thp_orders=orders)


def test_orders_that_are_no_tuple_are_refused() -> None:
    """A number alone is not taken for a set of orders."""
    with pytest.raises(ConfigError, match="thp_orders is 4; expected several numbers"):
        Machine(nodes="16M", thp_orders=4)
