"""MGLRU's smaller rules, one by one: each of these fails where the rule is taken out of the policy, or of the core."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from reclaim.engine import Machine
from reclaim.engine.machine_config import MachineConfig, MemcgConfig, NodeConfig, SwapConfig
from reclaim.engine.trace_log import TraceEvent
from reclaim.workload import FileSpec, TraceHeader, memory_trace, synth
from reclaim.workload.access_trace import BUFFERED, WRITE

BATCH = 64
"""MIN_LRU_BATCH."""


def _machine(
    *memcgs: str | MemcgConfig,
    pages: int = 1 << 14,
    watermarks: tuple[int, int, int] | None = None,
    swap_pages: int = 0,
    policy: str = "mglru",
    tunables: Mapping[str, int] | None = None,
    costs: Mapping[str, int] | None = None,
    **options: int,
) -> Machine:
    """Return a machine of one node without any memory by force."""
    machine = Machine(
        MachineConfig(
            nodes=(NodeConfig(pages=pages, watermarks_pages=watermarks),),
            memcgs=tuple(MemcgConfig(path=memcg) if isinstance(memcg, str) else memcg for memcg in memcgs),
            swap=(SwapConfig(kind="ssd", pages=swap_pages),) if swap_pages else (),
            options={"forced_release": False, **options},
            costs=costs or {},
        )
    )
    machine.attach(policy, tunables=tunables or {})
    return machine


def _use(machine: Machine, kind: str, pages: int, memcg: str = "/lab") -> None:
    """Go through so many pages once."""
    machine.add_task(synth(f"scan:pages={pages},accesses={pages},kind={kind}"), memcg=memcg)
    machine.run()


def _wait(machine: Machine, memcg: str = "/lab") -> None:
    """Let kswapd come to its end while a task does nothing but hit a page."""
    machine.add_task(synth("scan:pages=1,accesses=1M,kind=file-mmap"), memcg=memcg)
    machine.run()


def _batches(machine: Machine) -> list[TraceEvent]:
    return [event for event in machine.trace_log() if event.name == "mm_vmscan_lru_shrink_inactive"]


def test_kswapd_begins_at_the_priority_that_its_target_needs() -> None:
    """set_initial_priority(): 2 ** 15 pages that can go and a target of 2 ** 6 make it 9, not 12."""
    machine = _machine("/lab", pages=1 << 16, watermarks=(32, 48, BATCH))
    machine.trace("mm_vmscan_lru_shrink_inactive")
    _use(machine, "file-read", (1 << 16) + 100)
    first = _batches(machine)[0]
    assert (first.track.name, first.fields["priority"]) == ("kswapd0", 9)


@pytest.mark.parametrize(("is_tiered", "wmark"), [(False, 1000), (True, 1800)])
def test_kswapd_frees_up_to_its_watermark_and_a_batch_in_one_go(is_tiered: bool, wmark: int) -> None:
    """A pass ends there, at WMARK_PROMO where pages are promoted, and not at what was freed in earlier rounds."""
    machine = _machine("/lab", watermarks=(100, 200, 1000), numa_balancing=2 if is_tiered else 0)
    machine.trace("mm_vmscan_lru_shrink_inactive")
    _use(machine, "file-read", (1 << 14) - 199)
    _wait(machine)
    assert min(event.fields["priority"] for event in _batches(machine)) == 4
    assert wmark + BATCH < machine.node_info(0)["nr_free_pages"] <= wmark + 2 * BATCH


def test_kswapd_does_nothing_for_a_boost() -> None:
    """lru_gen_shrink_node() leaves where nothing may be written; the traditional LRU frees clean pages."""
    scanned = []
    for policy in ("mglru", "trad"):
        machine = _machine("/lab", policy=policy)
        _use(machine, "file-read", 8192)
        machine.reclaim("/lab", 4)  # so that the oldest generation has pages
        machine.boost_watermarks(0)
        _wait(machine)
        scanned.append(machine.counters()["pgscan_kswapd"])
    assert scanned[0] == 0 < scanned[1]


def test_a_pass_may_swap_to_its_end_if_it_could_at_its_beginning() -> None:
    """get_swappiness() is asked once: 80 slots suffice, and the 16 that a batch leaves are used as well."""
    machine = _machine("/lab", watermarks=(1000, 1200, 2000), swap_pages=80)
    _use(machine, "anon", (1 << 14) - 1190)
    _wait(machine)
    assert machine.counters()["pswpout"] == 80


def test_where_a_type_has_nothing_old_the_other_one_is_tried_at_once() -> None:
    """isolate_folios(): anonymous memory comes first, has none in the oldest generation, and files are taken."""
    machine = _machine("/lab", swap_pages=1 << 12)
    _use(machine, "file-read", 1024)
    _use(machine, "anon", 1024)
    machine.trace("mm_vmscan_lru_isolate")
    assert machine.reclaim("/lab", 4, swappiness=200) == BATCH
    last = list(machine.trace_log())[-2:]
    assert [event.fields["nr_taken"] for event in last] == [0, BATCH]


def test_a_memcg_below_its_low_is_visited_at_the_tail() -> None:
    """shrink_one() puts it off once in a round of the ring, and then scans it."""
    machine = _machine(MemcgConfig(path="/lab", low_pages=1 << 14), watermarks=(100, 200, 400))
    _use(machine, "file-read", 1 << 14)
    assert machine.counters()["pgsteal_kswapd"] > 0
    assert machine.memory_events("/lab")["low"] > 0


def test_who_was_aged_waits_until_the_others_had_their_turn() -> None:
    """It goes to the young generation of the ring, so that the next rounds take from those that have old pages."""
    machine = _machine("/hot", "/cold", watermarks=(100, 200, 4000), swap_pages=1 << 14)
    _use(machine, "file-read", 8000, "/cold")
    _use(machine, "anon", (1 << 14) - 8000 - 199, "/hot")
    _wait(machine, "/hot")
    assert machine.counters("/hot")["pgsteal_kswapd"] == 0 < machine.counters("/cold")["pgsteal_kswapd"]


@pytest.mark.parametrize("memcgs", [("/aged", "/cold"), ("/cold", "/aged")])
def test_who_was_aged_waits_though_one_aging_made_it_old_enough(memcgs: tuple[str, str]) -> None:
    """At the tail of its own generation it would have its turn again before the others are through."""
    machine = _machine(*memcgs, watermarks=(100, 200, 2000), swap_pages=1 << 14)
    _use(machine, "file-read", 2048, "/aged")
    _use(machine, "anon", 4096, "/aged")
    _use(machine, "file-read", machine.node_info(0)["nr_free_pages"] - 199, "/cold")
    _wait(machine, "/cold")
    assert int(machine.attachments[0].state("lruvec", machine.lruvec("/aged"))["max_seq"]) == 4
    assert machine.counters("/aged")["pgsteal_kswapd"] == 0 < machine.counters("/cold")["pgsteal_kswapd"]


def test_who_was_below_its_min_waits_likewise() -> None:
    """It goes to the young generation too, where it is not seen when it has grown beyond its min."""
    machine = _machine(MemcgConfig(path="/a", min_pages=2000), "/b", watermarks=(100, 200, 1000))
    _use(machine, "file-read", 1024, "/a")
    _use(machine, "file-read", (1 << 14) - 1024 - 199, "/b")
    _wait(machine, "/b")
    _use(machine, "file-read", 2048, "/a")
    _wait(machine, "/b")
    assert machine.counters("/a")["pgscan_kswapd"] == 0
    assert machine.counters("/b")["pgsteal_kswapd"] > 2048


def test_who_is_removed_has_its_turn_at_once() -> None:
    """lru_gen_offline_memcg(): it comes to the oldest generation, from the young one that its min had brought it to."""
    machine = _machine(MemcgConfig(path="/a", min_pages=2000), "/b", watermarks=(100, 200, 1000))
    _use(machine, "file-read", 1024, "/a")
    _use(machine, "file-read", (1 << 14) - 1024 - 199, "/b")
    _wait(machine, "/b")
    machine.tasks[0].exit()
    machine.remove_memcg("/a")
    _use(machine, "file-read", 2048, "/b")
    _wait(machine, "/b")
    assert machine.counters()["pgsteal_kswapd"] - machine.counters("/b")["pgsteal_kswapd"] > 1000


def test_direct_reclaim_of_a_node_drains_what_is_on_its_way_to_the_lists() -> None:
    """Of 71 pages 62 have come to the lists in batches of 31, and reclaim finds its 64."""
    machine = _machine("/lab", pages=72, watermarks=(1, 2, 3), kswapd=False)
    machine.trace("mm_vmscan_lru_isolate")
    _use(machine, "file-read", 72)
    assert max(event.fields["nr_taken"] for event in machine.trace_log()) == BATCH


def test_what_waits_to_be_written_keeps_its_use_by_descriptor() -> None:
    """PG_workingset survives reclaim's look at a dirty page, which is evicted from the second tier in the end."""
    header = TraceHeader("user", 0, 100, files=(FileSpec("data", BATCH),))
    pages = np.tile(np.arange(BATCH, dtype=np.uint32) | np.uint32(BUFFERED), 4)
    pages[:BATCH] |= np.uint32(WRITE)
    machine = _machine("/lab", writeback=True)
    policy = machine.attachments[0]
    machine.add_task(memory_trace(header, pages), memcg="/lab")
    machine.run()
    machine.reclaim("/lab", 4)
    _wait(machine)
    machine.reclaim("/lab", 4)
    evicted = np.asarray(policy.state("lruvec", machine.lruvec("/lab"))["total"])[1].tolist()
    assert evicted[1] > BATCH // 2 > sum(evicted) - evicted[1]


@pytest.mark.parametrize("young_ns", [10, 2000])
def test_aging_twice_in_one_go_walks_once(young_ns: int) -> None:
    """However long the first walk takes, the task was not switched in since it ended (get_next_mm())."""
    machine = _machine("/lab", watermarks=(100, 200, 1000), costs={"retarget_ns": young_ns})
    machine.trace("lru_age_begin")
    _use(machine, "file-mmap", (1 << 14) - 84)
    assert len(machine.trace_log()) == 2
    assert machine.counters()["ptes_walked"] == (1 << 14) - 84


def test_aging_puts_the_oldest_behind_the_next_generation_and_turns_it_round() -> None:
    """inc_min_seq() takes from the tail and puts to the tail: the last is the first to go, and after another aging not."""
    machine = _machine("/lab", tunables={"max_nr_gens": 3})
    tasks, evicted = [], []
    for pages in (512, 512, 1024):  # each as many as all before, so that the generations get one each
        tasks.append(
            machine.add_task(synth(f"scan:pages={pages},accesses={pages},kind=file-mmap"), memcg="/lab")
        )
        machine.run()
        before = [task.resident() for task in tasks]
        assert machine.reclaim("/lab", 4) == BATCH
        evicted.append(np.flatnonzero(before[0] & ~tasks[0].resident()).tolist())
    assert evicted == [list(range(first, first + BATCH)) for first in (0, 512 - BATCH, BATCH)]
