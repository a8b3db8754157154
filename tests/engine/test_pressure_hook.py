"""Policies that are asked when their memcg stalls too much."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from reclaim.engine import Machine, MemcgConfig, NodeConfig
from reclaim.engine.attachment import Engine
from reclaim.engine.watching import Series
from reclaim.workload import synth

SPARES = Path(__file__).parents[1] / "lab" / "policies" / "pressure_spares.rpol"

WATCHES = """\
stall_us = tunable(u32, default=20_000, min=1, max=100_000)

@hook
def pressure(lruvec: Lruvec, stall: u64) -> Trigger:
    emit(stall, lruvec.memcg.id, now())
    return some_stall(stall_us, window=100_000)
"""
"""Tells of each time that it is asked: the stall, the memcg, and when."""

WINDOW_NS = 100_000_000

Asked = list[tuple[int, int, int]]


@pytest.fixture
def watches(tmp_path: Path) -> Path:
    """Return a policy that tells of each time that it is asked."""
    path = tmp_path / "watches.rpol"
    path.write_text(WATCHES, encoding="utf-8")
    return path


def _tight(**options: object) -> Machine:
    """Return a machine with a memcg that needs twice what it has, and one that has enough."""
    machine = Machine(
        nodes="32M",
        swap="ssd:16M",
        memcgs=(
            MemcgConfig(path="/a"),
            MemcgConfig(path="/a/tight", max_pages=300),
            MemcgConfig(path="/wide"),
        ),
        **options,
    )
    for memcg in ("/a/tight", "/wide"):
        machine.add_task(synth("zipf:pages=600,accesses=60K,write=20%"), memcg=memcg)
    machine.trace("policy:*")
    return machine


def _asked(machine: Machine) -> Asked:
    return [
        (int(event.fields["id"]), int(event.fields["a"]), int(event.fields["b"]))
        for event in machine.trace_log()
    ]


def _run(path: Path, engine: Engine = "native", to: str | None = None, **tunables: int) -> Asked:
    machine = _tight()
    machine.attach(path, to=to, engine=engine, tunables=tunables)
    assert machine.run(check=True).ejected == ()
    return _asked(machine)


def test_memcg_that_stalls_is_told_of_once_in_a_window(watches: Path) -> None:
    """The tight memcg and its ancestors hear of at least the threshold, at most once in a window; the other never."""
    asked = _run(watches)

    assert sorted(memcg for stall, memcg, _ in asked if stall == 0) == [0, 1, 2, 3]
    assert {memcg for stall, memcg, _ in asked if stall} == {0, 1, 2}
    for memcg in (0, 1, 2):
        times = [at for stall, number, at in asked if stall and number == memcg]
        assert len(times) > 3
        # Looks are exact; what comes late by the length of a stall is the asking.
        assert all(later - at > WINDOW_NS * 0.9 for at, later in pairwise(times))
    assert min(stall for stall, _, _ in asked if stall) >= 20_000


def test_threshold_that_is_not_reached_is_no_event(watches: Path) -> None:
    """Only the first questions come where the window never sees so much."""
    machine = Machine(nodes="32M", swap="zram:16M", memory_max=580)
    machine.attach(watches, tunables={"stall_us": 100_000})
    machine.add_task(synth("zipf:pages=600,accesses=20K"))
    machine.trace("policy:*")
    machine.run(check=True)

    assert machine.pressure("/")["some"].total > 0
    assert all(stall == 0 for stall, _, _ in _asked(machine))


def test_policy_of_a_memcg_hears_of_that_one_alone(watches: Path) -> None:
    """Attached to the tight memcg, nobody asks about its ancestors."""
    assert {memcg for _, memcg, _ in _run(watches, to="/a/tight")} == {2}


def test_questions_are_the_same_in_each_run_and_for_each_engine(watches: Path) -> None:
    """Two runs, the interpreter, and a run in small chunks that is looked at in between are asked the same at the same times."""
    once = _run(watches)
    machine = _tight()
    machine.attach(watches)
    machine.run(chunk_records=500, watch=[Series(3_000_000, "memory.pressure*")])

    assert len(once) > 10
    assert once == _run(watches)
    assert once == _run(watches, "interpreter")
    assert once == _asked(machine)


def test_totals_do_not_depend_on_who_watches(watches: Path) -> None:
    """Where the policy only looks, pressure and misses are those of a run without it."""
    alone, watched = _tight(), _tight()
    watched.attach(watches)
    results = [machine.run() for machine in (alone, watched)]

    assert results[0].misses == results[1].misses
    assert alone.pressure("/a") == watched.pressure("/a")


def test_policy_that_comes_in_the_middle_hears_of_what_follows(watches: Path) -> None:
    """It is asked at once, and hears of nothing that was before."""
    machine = _tight()
    machine.run()
    before = max(int(task.info["clock_ns"]) for task in machine.tasks)
    machine.attach(watches)
    machine.add_task(synth("zipf:pages=600,accesses=10K,write=20%"), memcg="/a/tight")
    machine.run(check=True)

    asked = _asked(machine)
    assert {memcg for stall, memcg, _ in asked if stall == 0} == {0, 1, 2, 3}
    assert any(stall for stall, _, _ in asked)
    assert all(at > before for stall, _, at in asked if stall)


def test_removed_memcg_is_heard_of_no_more(watches: Path) -> None:
    """After the removal its parent goes on hearing of its own stalls."""
    machine = _tight()
    machine.attach(watches)
    machine.run()
    machine.tasks[0].exit()
    machine.remove_memcg("/a/tight")
    assert _asked(machine)
    machine.set_memcg("/a", max=300)
    machine.add_task(synth("zipf:pages=600,accesses=60K,write=20%"), memcg="/a")
    machine.run(check=True)

    assert {memcg for _, memcg, _ in _asked(machine)} == {0, 1}


def test_policy_that_fails_in_pressure_leaves_all_lruvecs(tmp_path: Path) -> None:
    """Two lruvecs of the memcg are asked at the same moment; the policy fails at the first."""
    path = tmp_path / "fails.rpol"
    path.write_text('@hook\ndef pressure() -> Trigger:\n    fail("enough")\n', encoding="utf-8")
    machine = Machine(nodes=(NodeConfig(pages=1024), NodeConfig(pages=1024)), swap="zram:4M")
    machine.attach(path)
    machine.add_task(synth("zipf:pages=200,accesses=2000"))
    assert [exit_.kind for exit_ in machine.run(check=True).ejected] == ["policy"]


def test_trigger_that_cannot_be_is_refused(tmp_path: Path) -> None:
    """More stall than there is window counts as a refused answer, once for each lruvec, and nobody asks again."""
    path = tmp_path / "wrong.rpol"
    path.write_text(
        "@hook\ndef pressure() -> Trigger:\n    return some_stall(2_000, window=1_000)\n", encoding="utf-8"
    )
    machine = Machine(memory_max=300, nodes="8M", swap="ssd:8M")
    machine.attach(path)
    machine.add_task(synth("zipf:pages=600,accesses=5K"))
    machine.run(check=True)
    assert machine.core_did["refused_answer"] == len(("/", "/lab"))


def test_memcg_that_is_spared_stalls_less() -> None:
    """A policy that passes by its memcg once it stalled makes the other one give more."""

    def stalls(stall_us: int) -> int:
        machine = Machine(
            nodes="32M", swap="ssd:128M", memcgs=(MemcgConfig(path="/busy"), MemcgConfig(path="/idle"))
        )
        machine.attach(SPARES, to="/busy", tunables={"stall_us": stall_us, "window_us": 100_000})
        machine.add_task(synth("zipf:pages=5K,accesses=150K,write=20%"), memcg="/busy")
        machine.add_task(synth("scan:pages=16K,accesses=64K"), memcg="/idle")
        machine.run()
        return machine.pressure("/busy")["some"].total

    assert stalls(10_000) < 0.95 * stalls(100_000)
