"""MGLRU's promotion in two steps, as kernels since 6.14 have it: what a first young PTE is worth."""

from __future__ import annotations

import pytest

from reclaim.engine import Attachment, Machine
from reclaim.workload import synth

NR_PAGES = 256
TOUCHES = f"scan:pages={NR_PAGES},accesses={NR_PAGES}"


def _machine(*, two_steps: bool) -> tuple[Machine, Attachment]:
    machine = Machine(nodes="32M", memory_max=4096, swap="zram:8M")
    return machine, machine.attach("mglru", tunables={"two_steps": two_steps})


def _behind(machine: Machine, policy: Attachment) -> list[int]:
    """Return the pages of each generation of `/lab`, from the youngest on."""
    state, pages = policy.state("lruvec", machine.lruvec("/lab")), machine.list_pages("/lab")
    slots = [(int(state["max_seq"]) - back) % 4 for back in range(4)]
    return [pages[f"gens[{slot}][0]"] + pages[f"gens[{slot}][1]"] for slot in slots]


@pytest.mark.parametrize("kind", ["anon", "file-mmap"])
@pytest.mark.parametrize(("two_steps", "place"), [(False, 0), (True, 1)])
def test_fault_is_the_first_step(kind: str, two_steps: bool, place: int) -> None:
    """What was faulted in begins in the second youngest generation, as it is no workingset yet."""
    machine, policy = _machine(two_steps=two_steps)
    machine.add_task(synth(f"{TOUCHES},kind={kind}"))
    machine.run()
    assert _behind(machine, policy)[place] == NR_PAGES


@pytest.mark.parametrize(("two_steps", "nr_agings"), [(False, 2), (True, 1)])
def test_first_young_pte_that_a_walk_finds_promotes_nobody(two_steps: bool, nr_agings: int) -> None:
    """In one step the first aging makes all that was touched the youngest again, and it takes another."""
    machine, policy = _machine(two_steps=two_steps)
    machine.add_task(synth(TOUCHES))
    machine.run()
    before = int(policy.state("lruvec", machine.lruvec("/lab"))["max_seq"])
    assert machine.reclaim("/lab", 1) > 0
    assert int(policy.state("lruvec", machine.lruvec("/lab"))["max_seq"]) - before == nr_agings


def test_rarely_used_pages_are_let_go_sooner_than_in_one_step() -> None:
    """Fewer refaults count as stalls, since only a workingset's do."""
    restored = []
    for two_steps in (False, True):
        machine = Machine(memory_max=1024, nodes="32M", swap="zram:16M", seed=1)
        machine.attach("mglru", tunables={"two_steps": two_steps})
        machine.add_task(synth("zipf:pages=3K,accesses=30K,alpha=0.8,write=20%"))
        machine.run()
        restored.append(machine.counters()["workingset_restore_anon"])
    assert 0 < restored[1] < restored[0]
