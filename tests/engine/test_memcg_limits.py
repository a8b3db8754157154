"""Limits of memcgs as the Python interface shows them: waiting, killing, and fresh or stale sums."""

from __future__ import annotations

import pytest

from reclaim.diag.errors import ConfigError
from reclaim.engine import Machine
from reclaim.engine.machine_config import MachineConfig, MemcgConfig, NodeConfig, SwapConfig
from reclaim.workload import synth

ANON = "uniform:pages=512,accesses=4K"


def _machine(
    *memcgs: MemcgConfig, swap_pages: int = 0, forced_release: bool = True, **options: int
) -> Machine:
    swap = (SwapConfig(kind="zram", pages=swap_pages),) if swap_pages else ()
    return Machine(
        MachineConfig(
            nodes=(NodeConfig(pages=1 << 14),),
            memcgs=memcgs,
            swap=swap,
            options={"forced_release": forced_release, **options},
        )
    )


def test_high_slows_a_task_down_and_does_not_kill_it() -> None:
    """Above memory.high without swap there is nothing to reclaim, so the task waits and goes on."""
    free, held = _machine(MemcgConfig(path="/a")), _machine(MemcgConfig(path="/a", high_pages=300))
    for machine in (free, held):
        machine.add_task(synth(ANON), memcg="/a")
        machine.run()
    assert held.memory_events("/a")["high"] > 0
    assert held.tasks[0].info["clock_ns"] > 10 * free.tasks[0].info["clock_ns"]
    assert held.tasks[0].info["resident_pages"] == free.tasks[0].info["resident_pages"]


def test_high_with_swap_holds_the_usage_down() -> None:
    """Where pages can go, memory.high keeps the usage near it."""
    machine = _machine(MemcgConfig(path="/a", high_pages=300), swap_pages=4096)
    machine.add_task(synth(ANON), memcg="/a")
    machine.run()
    assert machine.memcg_info("/a")["usage_pages"] <= 300 + 64


def test_swap_high_slows_a_task_down_that_swaps() -> None:
    """It goes on swapping, and waits where it charges; a limit that is no number of pages is refused."""
    clocks = []
    for swap_high_pages in (None, 50):
        memcg = MemcgConfig(path="/a", max_pages=300, swap_high_pages=swap_high_pages)
        machine = _machine(memcg, swap_pages=4096)
        machine.add_task(synth(ANON), memcg="/a")
        machine.run()
        assert machine.memcg_info("/a")["swap_pages"] > 100
        clocks.append(machine.tasks[0].info["clock_ns"])
    machine.set_memcg("/a", swap_high=1000)
    assert clocks[1] > 10 * clocks[0]
    with pytest.raises(ConfigError, match=r"memory\.swap\.high is -1"):
        MemcgConfig(path="/a", swap_high_pages=-1)


def test_oom_kills_by_score_within_the_memcg() -> None:
    """The task that is marked dies before a larger one that is not."""
    machine = _machine(MemcgConfig(path="/a", max_pages=1400), MemcgConfig(path="/b"), forced_release=False)
    machine.add_task(synth(ANON), memcg="/b")
    machine.add_task(synth("uniform:pages=1K,accesses=4K"), memcg="/a")
    machine.add_task(synth("uniform:pages=600,accesses=4K"), memcg="/a").set_oom_score_adj(1000)
    machine.run()
    assert machine.memory_events("/a")["oom_kill"] == 1
    assert [task.info["resident_pages"] > 0 for task in machine.tasks] == [True, True, False]


def test_oom_score_is_a_share_of_what_the_memcg_may_have() -> None:
    """Swap that is there and is not used, as swappiness is 0, is no part of it: the larger task dies."""
    machine = _machine(
        MemcgConfig(path="/a", max_pages=1000), swap_pages=100_000, forced_release=False, swappiness=0
    )
    machine.add_task(synth("uniform:pages=700,accesses=8K"), memcg="/a")
    machine.add_task(synth("uniform:pages=400,accesses=8K"), memcg="/a").set_oom_score_adj(100)
    machine.run()
    assert machine.memory_events("/a")["oom_kill"] == 1
    assert [task.info["resident_pages"] > 0 for task in machine.tasks] == [False, True]


def test_oom_score_outside_its_range_is_refused() -> None:
    """oom_score_adj has the kernel's range."""
    with pytest.raises(ConfigError, match="oom_score_adj is 1001; expected -1000 to 1000"):
        _machine().add_task(synth(ANON)).set_oom_score_adj(1001)


def test_traditional_lru_with_stale_sums_is_another_machine() -> None:
    """Decisions on old sums change what the traditional LRU does, and the run still ends."""
    misses = []
    for stat_flush_ns in (0, 2_000_000_000):
        machine = _machine(
            MemcgConfig(path="/a", max_pages=300), swap_pages=4096, stat_flush_ns=stat_flush_ns
        )
        machine.add_task(synth("zipf:pages=512,accesses=60K"), memcg="/a")
        machine.run()
        misses.append(machine.tasks[0].info["nr_misses"])
    assert misses[0] != misses[1]


def test_removed_memcg_leaves_its_pages_behind_and_its_path_free() -> None:
    """Rmdir asks for exited tasks; the name can be used again, and the pages go when memory is short."""
    machine = _machine(MemcgConfig(path="/a"), MemcgConfig(path="/a/b"))
    task = machine.add_task(synth("zipf:pages=256,accesses=4K,kind=file-read"), memcg="/a/b")
    machine.run()
    for path, reason in (
        ("/a", "holds /a/b"),
        ("/a/b", "is in it"),
        ("/", "is the root"),
        ("/x", "no memcg"),
    ):
        with pytest.raises(ConfigError, match=reason):
            machine.remove_memcg(path)
    task.exit()
    machine.remove_memcg("/a/b")
    assert machine.memcg_info("/a")["file_pages"] > 0
    machine.add_memcg(MemcgConfig(path="/a/b"))
    assert machine.memcg_info("/a/b")["usage_pages"] == 0


@pytest.mark.parametrize("policy", ["trad", "mglru", "s3fifo", "fifo", "second_chance", "tiering"])
def test_pages_of_a_removed_memcg_are_its_parents_where_the_kernel_is_new(policy: str) -> None:
    """Nothing is left of it; the parent's usage stays, and all of it can be reclaimed."""
    machine = _reparenting_machine()
    machine.attach(policy)
    nr_pages = _fill_and_remove(machine)
    machine.check()
    assert machine.memcg_info("/a")["file_pages"] == nr_pages
    assert machine.reclaim("/a", nr_pages) == nr_pages
    assert machine.memcg_info("/a")["file_pages"] == 0


def test_policy_of_a_removed_memcg_alone_leaves_its_pages_to_the_parents() -> None:
    """They are adopted, as at an attachment."""
    machine = _reparenting_machine()
    machine.attach("mglru", "/a/b")
    nr_pages = _fill_and_remove(machine)
    machine.check()
    assert machine.memcg_info("/a")["file_pages"] == nr_pages
    assert machine.list_pages("/a")["inactive_file"] + machine.list_pages("/a")["active_file"] == nr_pages


def test_generations_of_a_removed_memcg_keep_their_age() -> None:
    """What was in its youngest generation is in the parent's youngest, and so on."""
    machine = _reparenting_machine()
    policy = machine.attach("mglru")

    def behind(path: str) -> list[int]:
        """Return the pages of each generation, from the youngest on."""
        state, pages = policy.state("lruvec", machine.lruvec(path)), machine.list_pages(path)
        seqs = [(int(state["max_seq"]) - back) % 4 for back in range(4)]
        return [pages[f"gens[{seq}][0]"] + pages[f"gens[{seq}][1]"] for seq in seqs]

    trace = synth("scan:pages=256,accesses=256,kind=file-mmap")
    tasks = [machine.add_task(trace, memcg="/a/b")]
    machine.run()
    machine.reclaim("/a/b", 64)
    tasks.append(machine.add_task(synth("scan:pages=128,accesses=128,kind=file-mmap"), memcg="/a/b"))
    machine.run()
    for task in tasks:
        task.exit()
    before = behind("/a/b")
    machine.remove_memcg("/a/b")
    assert behind("/a") == before
    assert sum(pages > 0 for pages in before) > 1


def _reparenting_machine() -> Machine:
    return Machine(
        MachineConfig(
            nodes=(NodeConfig(pages=1 << 14),),
            memcgs=(MemcgConfig(path="/a"), MemcgConfig(path="/a/b")),
            options={"reparent_offline": True},
        )
    )


def _fill_and_remove(machine: Machine) -> int:
    """Let tasks of `/a/b` use pages of two files, remove it, and return how many it had."""
    for kind in ("file-read", "file-mmap"):
        machine.add_task(synth(f"zipf:pages=256,accesses=4K,kind={kind}"), memcg="/a/b")
    machine.run()
    for task in machine.tasks:
        task.exit()
    nr_pages = machine.memcg_info("/a/b")["file_pages"]
    machine.remove_memcg("/a/b")
    return nr_pages


def test_pages_that_a_removed_memcg_evicted_come_back_without_history() -> None:
    """A shadow that names a memcg of which nothing is left counts as a refault, and says nothing else."""
    machine = _machine(MemcgConfig(path="/a"), MemcgConfig(path="/b"))
    trace = "scan:pages=128,accesses=128,kind=file-read"
    task = machine.add_task(synth(trace), memcg="/a", share_files=True)
    machine.run()
    task.exit()
    assert machine.reclaim("/a", 256) > 0
    machine.remove_memcg("/a")
    machine.add_task(synth(trace), memcg="/b", share_files=True)
    machine.run()
    counters = machine.counters(memcg="/b")
    assert (counters["workingset_refault_file"], counters["workingset_activate_file"]) == (128, 0)


@pytest.mark.parametrize("policy", ["trad", "mglru"])
def test_who_was_evicted_by_a_short_machine_is_known_when_it_comes_back(policy: str) -> None:
    """The root's reclaim evicts for want of memory; what comes back soon is still told from what is new."""
    machine = Machine(
        MachineConfig(
            nodes=(NodeConfig(pages=1 << 11),),
            memcgs=(MemcgConfig(path="/a"),),
            swap=(SwapConfig(kind="zram", pages=1 << 13),),
        )
    )
    machine.attach(policy)
    machine.add_task(synth("zipf:pages=4K,accesses=64K,alpha=0.9"), memcg="/a")
    machine.run()
    counters = machine.counters(memcg="/a")
    assert counters["workingset_refault_anon"] > 1000
    assert counters["workingset_activate_anon"] > 100


def test_what_a_removed_memcg_left_goes_in_one_pass() -> None:
    """MGLRU scans all of a removed memcg at any priority (get_nr_to_scan()), of a living one a share."""
    freed = []
    for is_removed in (False, True):
        machine = _machine(MemcgConfig(path="/a"), MemcgConfig(path="/a/b"))
        machine.attach("mglru")
        task = machine.add_task(synth("scan:pages=1K,accesses=1K,kind=file-read"), memcg="/a/b")
        machine.run()
        task.exit()
        if is_removed:
            machine.remove_memcg("/a/b")
        freed.append(machine.reclaim("/a", 64))
    assert freed[0] <= 128
    assert freed[1] >= 512


@pytest.mark.parametrize("policy", ["trad", "mglru"])
def test_reclaim_goes_below_min_by_less_than_a_batch(policy: str) -> None:
    """MGLRU looks at memory.min before each batch, trad scales its scans by it."""
    for min_pages in range(3000, 3600, 40):
        machine = _machine(MemcgConfig(path="/a"), MemcgConfig(path="/a/b", min_pages=min_pages))
        machine.attach(policy)
        machine.add_task(synth("scan:pages=4K,accesses=4K,kind=file-read"), memcg="/a/b")
        machine.run()
        machine.reclaim("/a", 2000)
        assert machine.memcg_info("/a/b")["usage_pages"] > min_pages - 64
