"""Large folios of files from Python, under both algorithms and others."""

from __future__ import annotations

import numpy as np
import pytest

from reclaim.diag.errors import ConfigError
from reclaim.engine import Machine, NodeConfig
from reclaim.lab.trace_text import fields_text
from reclaim.workload import FileSpec, Trace, TraceHeader, memory_trace, synth
from reclaim.workload.access_trace import Mapping

BUFFERED = 1 << 30


def _reads(pages: int, records: list[int]) -> Trace:
    header = TraceHeader("reader", 0, 100, files=(FileSpec("data", pages),))
    return memory_trace(header, np.array(records, dtype=np.uint32) | np.uint32(BUFFERED))


def _machine(policy: str, order: int, **options: object) -> Machine:
    machine = Machine(read_ahead_kb=128, fault_around_bytes=65536, file_folio_order=order, **options)
    if policy != "trad":
        machine.attach(policy)
    return machine


@pytest.mark.parametrize("policy", ["trad", "mglru", "s3fifo", "fifo"])
@pytest.mark.parametrize("kind", ["file-read", "file-mmap"])
@pytest.mark.parametrize("workload", ["zipf", "scan"])
def test_run_with_large_folios_of_files_keeps_the_books(policy: str, kind: str, workload: str) -> None:
    """Whatever is read, mapped and written, usage stays below the limit and the core's books agree."""
    machine = _machine(policy, 9, memory_max="4M")
    machine.add_task(synth(f"{workload}:pages=4K,accesses=15K,write=20%,kind={kind}"))

    result = machine.run(check=True)

    counters = result.counters
    assert counters["workingset_refault_file"] > 0
    assert counters["pgsteal_file"] <= counters["pgscan_file"]
    assert machine.memcg_info("/lab")["usage_pages"] <= 1024
    assert result.tasks[0].state == "ended"


def test_pages_of_a_folio_in_a_row_are_one_use_of_it() -> None:
    """Under the traditional algorithm a folio is activated, as a whole, by the next use that is not in the same row."""
    machine = _machine("trad", 9, nodes="16M")
    machine.add_task(_reads(1000, [0, 1, 2, 3]))
    machine.run()
    assert machine.counters()["pgactivate"] == 0

    machine = _machine("trad", 9, nodes="16M")
    machine.add_task(_reads(1000, [0, 1, 2, 3, 500, 2]))
    machine.run()
    assert machine.counters()["pgactivate"] == 4


@pytest.mark.parametrize("policy", ["trad", "mglru"])
def test_fewer_folios_are_scanned_for_the_same_pages(policy: str) -> None:
    """A file read once from end to end is evicted in as many pages, and misses less often."""
    misses = {}
    for order in (0, 9):
        machine = _machine(policy, order, memory_max="1M", charge_kmem=False)
        machine.add_task(_reads(4096, list(range(4096))))
        result = machine.run(check=True)
        misses[order] = result.misses
        assert result.counters["pgpgin"] == 4096
        assert result.counters["pgsteal_file"] + machine.memcg_info("/lab")["usage_pages"] == 4096

    assert misses[0] == 4096
    assert misses[9] < 4096 / 4


@pytest.mark.parametrize("policy", ["trad", "mglru"])
def test_folios_of_files_are_demoted(policy: str) -> None:
    """What leaves the fast node goes to the slow one, whole or by pages, and the books agree."""
    machine = Machine(
        nodes=(
            NodeConfig(pages=1400, tier=0, distances=(10, 24)),
            NodeConfig(pages=2000, tier=1, distances=(24, 10)),
        ),
        demotion=True,
        read_ahead_kb=128,
        file_folio_order=9,
    )
    if policy != "trad":
        machine.attach(policy)
    machine.add_task(synth("scan:pages=5K,accesses=20K,kind=file-read"))

    counters = machine.run(check=True).counters

    assert counters["pgdemote_kswapd"] + counters["pgdemote_direct"] > 0


@pytest.mark.parametrize(("pages", "nr_activated"), [([500], 0), ([500, 501], 4), ([500, 502], 4)])
def test_mglru_activates_a_folio_for_its_second_young_pte(pages: list[int], nr_activated: int) -> None:
    """Looking around from the first, rmap finds the second and notes it at the folio, which was isolated meanwhile."""
    machine = Machine(nodes="16M", memory_max="8M", read_ahead_kb=128, file_folio_order=9)
    machine.attach("mglru", tunables={"walk": False})
    mapping = Mapping(pages=1000, kind="file", file=0, shared=True)
    header = TraceHeader("reader", 0, 100, files=(FileSpec("data", 1000),), mappings=(mapping,))
    machine.add_task(memory_trace(header, np.array(pages, dtype=np.uint32)))
    machine.run()

    machine.reclaim("/lab", 32)

    assert machine.counters()["pgactivate"] == nr_activated


def test_trace_tells_the_orders_that_come_and_go() -> None:
    """Events of the page cache name a folio's first page and its order; as many pages come as go or stay."""
    machine = _machine("trad", 9, memory_max="1M", charge_kmem=False)
    machine.add_task(_reads(1000, list(range(1000))))
    machine.trace("filemap:*")
    machine.run()

    log = list(machine.trace_log())
    came = [event for event in log if event.tracepoint.name == "mm_filemap_add_to_page_cache"]
    went = [event for event in log if event.tracepoint.name == "mm_filemap_delete_from_page_cache"]
    assert [(event.fields["index"], event.fields["order"]) for event in came[:5]] == [
        (0, 2),
        (4, 2),
        (8, 2),
        (12, 2),
        (16, 3),
    ]
    assert fields_text(came[4]).startswith("ino 0 pfn=0x")
    assert "ofs=65536 order=3" in fields_text(came[4])
    assert sum(1 << int(event.fields["order"]) for event in came) == 1000
    assert sum(1 << int(event.fields["order"]) for event in went) == machine.counters()["pgsteal_file"]


def test_an_order_beyond_a_page_table_is_refused() -> None:
    """The option's range is said."""
    with pytest.raises(ConfigError, match="file_folio_order is 10"):
        Machine(nodes="16M", file_folio_order=10)
