"""The kernel's files of numbers: memory.stat, vmstat, memory.events."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from reclaim.diag.errors import ConfigError
from reclaim.engine import Machine, MemcgConfig, NodeConfig, kernel_files
from reclaim.workload import synth


def _run(spec: str, **options: object) -> Machine:
    machine = Machine(memory_max="4M", swap="zram:8M", **options)
    machine.add_task(synth(spec))
    machine.run()
    return machine


def test_memory_stat_after_a_run_adds_up_to_usage() -> None:
    """Anonymous, file and kernel memory is all that a memcg is charged for, but for the stock."""
    machine = _run("zipf:pages=2K,accesses=40K,write=20%")

    stat = machine.memory_stat("/lab")

    charged = stat["anon"] + stat["file"] + stat["kernel"]
    stock = 64 * 4096
    assert 0 <= machine.memcg_info("/lab")["usage_pages"] * 4096 - charged < stock
    assert stat["anon"] > 0
    assert stat["kernel"] == stat["pagetables"] + stat["slab"]


def test_memory_stat_lists_of_the_lru_hold_all_but_what_waits_in_a_batch() -> None:
    """Active and inactive pages are the anonymous and file pages that are on lists."""
    stat = _run("zipf:pages=2K,accesses=40K,kind=file-read").memory_stat()

    listed = sum(stat[f"{state}_{kind}"] for state in ("active", "inactive") for kind in ("anon", "file"))
    assert 0 <= stat["anon"] + stat["file"] - listed <= 31 * 4096
    assert stat["active_file"] > 0
    assert stat["pgscan"] == stat["pgscan_kswapd"] + stat["pgscan_direct"]


def test_memory_stat_of_a_parent_includes_its_children() -> None:
    """Files of a memcg sum over its descendants, as in cgroup v2."""
    machine = Machine(
        nodes="32M", memcgs=(MemcgConfig(path="/a"), MemcgConfig(path="/a/b"), MemcgConfig(path="/ab"))
    )
    for memcg in ("/a", "/a/b", "/ab"):
        machine.add_task(synth("zipf:pages=100,accesses=5K"), memcg=memcg)
    machine.run()

    sizes = {path: machine.memory_stat(path)["anon"] for path in ("/", "/a", "/a/b", "/ab")}

    assert sizes["/a"] == 2 * sizes["/a/b"]
    assert sizes["/"] == sizes["/a"] + sizes["/ab"]


def test_vmstat_of_nodes_adds_up_to_the_machine() -> None:
    """Each line of /proc/vmstat is the sum of the nodes' lines."""
    machine = Machine(nodes=(NodeConfig(pages=512), NodeConfig(pages=512)), swap="zram:8M")
    for nid in range(2):
        machine.add_task(synth("zipf:pages=300,accesses=20K,write=50%"), node=nid)
    machine.run()

    nodes = [machine.vmstat(nid) for nid in range(2)]

    assert machine.vmstat() == {name: nodes[0][name] + nodes[1][name] for name in nodes[0]}
    assert all(node["nr_free_pages"] > 0 and node["nr_anon_pages"] > 0 for node in nodes)


def test_vmstat_of_a_node_that_is_not_there_is_refused() -> None:
    """A wrong node number is named with what was expected."""
    with pytest.raises(ConfigError, match="no node 1; expected 0 to 0"):
        Machine(nodes="4M").vmstat(1)


def test_memory_events_count_the_limit_that_was_met() -> None:
    """Each charge that met memory.max counts at that memcg, and at its ancestors in the file that sums."""
    machine = _run("zipf:pages=2K,accesses=40K,write=20%")

    assert machine.memory_events("/lab")["max"] > 0
    assert machine.memory_events("/")["max"] == machine.memory_events("/lab")["max"]
    assert machine.memory_events("/", local=True)["max"] == 0
    assert machine.memory_events("/lab")["oom_kill"] == 0


def test_text_of_a_file_is_a_name_and_a_number_a_line() -> None:
    """The files can be read by whatever reads the kernel's."""
    text = kernel_files.as_text(_run("zipf:pages=100,accesses=1K").memory_stat("/lab"))

    assert text.startswith("anon ")
    assert all(len(line.split()) == 2 and line.split()[1].isdigit() for line in text.splitlines())


def test_pressure_of_a_memcg_is_part_of_the_machines() -> None:
    """A memcg's stalls are in its own file and in its ancestors', and in no other's."""
    machine = Machine(
        nodes="32M",
        swap="ssd:8M",
        memcgs=(MemcgConfig(path="/tight", max_pages=300), MemcgConfig(path="/wide")),
    )
    for memcg in ("/tight", "/wide"):
        machine.add_task(synth("zipf:pages=1K,accesses=20K,write=20%"), memcg=memcg)
    machine.run()

    assert machine.pressure("/tight")["some"].total > 0
    assert machine.pressure("/wide")["some"].total == 0
    assert machine.pressure("/")["some"] == machine.pressure("/tight")["some"]
    assert machine.pressure("/")["full"].total < machine.pressure("/tight")["full"].total


def test_pressure_text_is_the_kernels_format() -> None:
    """Two lines, averages with two digits, totals in microseconds."""
    lines = {"some": kernel_files.PressureLine(12.349, 0.5, 0.0, 1234567)}

    assert kernel_files.as_text(lines) == "some avg10=12.34 avg60=0.50 avg300=0.00 total=1234567\n"


def test_time_in_reclaim_is_the_tasks_stalls_and_kswapds_time() -> None:
    """What reclaim took is counted where it worked, and no list operation outside of it is left out."""
    limited = _run("zipf:pages=2K,accesses=40K,write=20%")
    crowded = Machine(nodes="4M", swap="zram:8M")
    crowded.add_task(synth("zipf:pages=2K,accesses=40K,write=20%"))
    crowded.run()

    direct = limited.counters("/lab")["reclaim_direct_ns"]
    assert 0 < direct <= limited.stalls("reclaim")["total_ns"]
    assert limited.counters("/lab")["reclaim_kswapd_ns"] == 0
    assert crowded.counters(node=0)["reclaim_kswapd_ns"] == crowded.node_info(0)["kswapd_ns"]
    assert 0 < limited.counters()["lru_lock_ns"] < limited.virtual_ns


def _two_nodes() -> Machine:
    machine = Machine(
        nodes=(NodeConfig(pages=600), NodeConfig(pages=600)),
        swap="zram:8M",
        memcgs=(MemcgConfig(path="/a", max_pages=400), MemcgConfig(path="/a/b"), MemcgConfig(path="/c")),
    )
    for nid, memcg in enumerate(("/a", "/a/b")):
        machine.add_task(synth("zipf:pages=300,accesses=20K,write=50%"), memcg=memcg, node=nid)
    machine.add_task(synth("zipf:pages=200,accesses=5K,kind=file-read"), memcg="/c", node=1)
    machine.run()
    return machine


def test_memory_numa_stat_splits_memory_stat_by_node() -> None:
    """Each line is a line of memory.stat, node by node, descendants included."""
    machine = _two_nodes()
    for path in ("/", "/a", "/a/b", "/c"):
        by_node, whole = machine.memory_numa_stat(path), machine.memory_stat(path)
        assert {name: sum(line.nodes) for name, line in by_node.items()} == {
            name: whole[name] for name in by_node
        }
    lines = machine.memory_numa_stat("/a")
    assert all(value > 0 for value in lines["anon"].nodes)
    assert machine.memory_numa_stat("/a/b")["anon"].nodes[0] < lines["anon"].nodes[0]
    assert "workingset_refault_anon" in lines
    assert not {"kernel", "zswap", "slab", "pgscan", "pgfault"} & set(lines)


def test_memory_numa_stat_as_text_is_the_kernels_format() -> None:
    """A name, and a number for each node."""
    lines = {"anon": kernel_files.NumaLine((4096, 0))}

    assert kernel_files.as_text(lines) == "anon N0=4096 N1=0\n"


def test_counters_of_a_memcg_on_its_nodes_add_up() -> None:
    """What was counted on its lruvecs is the memcg's."""
    machine = _two_nodes()
    whole, parts = machine.counters("/a"), [machine.counters("/a", nid) for nid in range(2)]

    assert {name: parts[0][name] + parts[1][name] for name in whole} == whole
    assert all(part["pgscan_direct"] > 0 for part in parts)


@pytest.mark.parametrize(
    ("question", "message"),
    [
        (lambda machine: machine.pressure("/", "cpu"), "no pressure of 'cpu'; expected one of io, memory"),
        (lambda machine: machine.stalls("cpu"), "no stalls of 'cpu'; expected one of io, reclaim"),
        (lambda machine: machine.counters("/", 2), "no node 2; expected 0 to 1"),
        (lambda machine: machine.counters(node=-1), "no node -1; expected 0 to 1"),
        (lambda machine: machine.node_info(2), "no node 2; expected 0 to 1"),
        (lambda machine: machine.boost_watermarks(2), "no node 2; expected 0 to 1"),
        (lambda machine: machine.lists("/", -1), "no node -1; expected 0 to 1"),
        (lambda machine: machine.folio(-1), "pfn is -1; expected 0 to 1199"),
        (lambda machine: machine.reclaim("/", -1), "nr_pages is -1; expected 0 to"),
    ],
)
def test_questions_about_what_is_not_there_are_refused(
    question: Callable[[Machine], object], message: str
) -> None:
    """The message says what was found and what was expected."""
    machine = Machine(nodes=(NodeConfig(pages=600), NodeConfig(pages=600)))
    with pytest.raises(ConfigError, match=message):
        question(machine)
