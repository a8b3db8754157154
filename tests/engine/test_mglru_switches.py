"""MGLRU's mechanisms one by one: each can be switched off alone, and then does nothing."""

from __future__ import annotations

import numpy as np
import pytest

from reclaim.engine import Attachment, Machine
from reclaim.engine.machine_config import MemcgConfig
from reclaim.workload import synth

ANON = "zipf:pages=4K,accesses=60K,alpha=0.9,write=20%,kind=anon"
MAPPED = "hot_scan:pages=4K,accesses=60K,kind=file-mmap"
READ = "zipf:pages=4K,accesses=40K,alpha=0.8,kind=file-read"
PATHS = ("/a", "/b", "/c")


def _three_memcgs(switched_off: str | None = None) -> Machine:
    """Run a kind of memory in a memcg each, all too large for the node."""
    memcgs = tuple(MemcgConfig(path=path) for path in PATHS)
    machine = Machine(nodes="24M", swap="zram:32M", seed=1, memcgs=memcgs)
    machine.attach("mglru", tunables={switched_off: False} if switched_off else {})
    for path, workload in zip(PATHS, (ANON, MAPPED, READ), strict=True):
        machine.add_task(synth(workload), memcg=path)
    machine.run()
    machine.check()
    return machine


def _one_memcg(switched_off: str | None = None) -> tuple[Machine, Attachment]:
    """Run all kinds of memory below one limit."""
    machine = Machine(nodes="64M", memory_max=6000, swap="zram:32M", seed=1)
    policy = machine.attach("mglru", tunables={switched_off: False} if switched_off else {})
    for workload in (ANON, MAPPED, READ):
        machine.add_task(synth(workload))
    machine.run()
    machine.check()
    return machine, policy


@pytest.fixture(scope="module")
def complete() -> Machine:
    """Return the three memcgs with all mechanisms."""
    return _three_memcgs()


def test_without_walks_no_page_table_is_visited(complete: Machine) -> None:
    """Aging then relies on rmap alone."""
    assert _three_memcgs("walk").counters()["ptes_walked"] == 0 < complete.counters()["ptes_walked"]


@pytest.mark.parametrize("filter_name", ["young_tables", "bloom"])
def test_without_a_filter_walks_visit_more(complete: Machine, filter_name: str) -> None:
    """Both filters exist to leave page tables out."""
    assert _three_memcgs(filter_name).counters()["ptes_walked"] > complete.counters()["ptes_walked"]


def test_without_look_around_more_is_scanned(complete: Machine) -> None:
    """A young neighbour that was not seen is asked about when its own turn comes."""
    assert _three_memcgs("look_around").counters("/b")["pgscan_file"] > complete.counters("/b")["pgscan_file"]


def test_without_protected_tiers_less_is_sorted(complete: Machine) -> None:
    """Pages that are only read by descriptor are put off only for their tier, or for a claim that they have."""
    assert _three_memcgs("protect_tiers").counters("/c")["pgrefill"] < complete.counters("/c")["pgrefill"]


def test_without_the_ring_another_memcg_comes_first(complete: Machine) -> None:
    """Turns decide who gives how much."""
    without = _three_memcgs("memcg_ring")
    assert [without.counters(path)["pgsteal_kswapd"] for path in PATHS] != [
        complete.counters(path)["pgsteal_kswapd"] for path in PATHS
    ]


def test_without_balance_of_types_files_go_first() -> None:
    """Refaults of files then never send anonymous memory instead."""
    with_balance, without = _one_memcg()[0], _one_memcg("balance_types")[0]
    assert without.counters()["pgsteal_file"] > with_balance.counters()["pgsteal_file"]


@pytest.mark.parametrize(("switched_off", "is_same"), [(None, True), ("tie_types", False)])
def test_without_the_tie_types_age_apart(switched_off: str | None, is_same: bool) -> None:
    """Each type's oldest generation then ends when it is empty, whatever the other's does."""
    machine, policy = _one_memcg(switched_off)
    anon, file = np.asarray(policy.state("lruvec", machine.lruvec("/lab"))["min_seq"]).tolist()
    assert (anon == file) == is_same
