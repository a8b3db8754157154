"""memory.reclaim: what it takes at which swappiness, and what it leaves alone."""

from __future__ import annotations

import pytest

from reclaim.diag.errors import ConfigError
from reclaim.engine import Machine
from reclaim.workload import synth

POLICIES = ("trad", "mglru", "fifo", "s3fifo", "second_chance", "tiering")


def _machine(policy: str, swap: str = "zram:8M") -> Machine:
    """Return a machine whose memcg holds 512 anonymous pages and 512 of a file."""
    machine = Machine(nodes="32M", memory_max=4096, swap=swap)
    machine.attach(policy)
    machine.add_task(synth("scan:pages=512,accesses=512,write=100%"))
    machine.add_task(synth("scan:pages=512,accesses=512,kind=file-read"))
    machine.run()
    return machine


def _resident(machine: Machine) -> tuple[int, int]:
    info = machine.memcg_info("/lab")
    return info["anon_pages"], info["file_pages"]


@pytest.mark.parametrize("policy", POLICIES)
def test_greatest_swappiness_takes_anonymous_memory_alone(policy: str) -> None:
    """As much as is wanted is swapped out, and each page of the file stays."""
    machine = _machine(policy)
    assert machine.reclaim("/lab", 256, "max") >= 256
    anon, file = _resident(machine)
    assert (anon <= 512 - 256, file) == (True, 512)


@pytest.mark.parametrize("policy", POLICIES)
def test_greatest_swappiness_without_swap_takes_nothing(policy: str) -> None:
    """Nothing falls back to the file, and nobody is ejected for it."""
    machine = _machine(policy, swap="none")
    for _ in range(10):
        assert machine.reclaim("/lab", 256, "max") == 0
    assert _resident(machine) == (512, 512)
    assert all(one.is_attached for one in machine.attachments)


@pytest.mark.parametrize("policy", ["trad", "mglru"])
def test_swappiness_that_is_given_overrides_the_memcgs(policy: str) -> None:
    """At 0 anonymous memory stays, though the memcg would swap it."""
    machine = _machine(policy)
    assert machine.reclaim("/lab", 128, 0) >= 128
    assert _resident(machine)[0] == 512


def test_generations_go_on_after_anonymous_memory_alone_was_taken() -> None:
    """MGLRU's anonymous generations run ahead of the file's then; all memory can still be reclaimed."""
    machine = _machine("mglru")
    assert machine.reclaim("/lab", 512, "max") >= 448
    assert machine.reclaim("/lab", 512) >= 448
    machine.add_task(synth("zipf:pages=6K,accesses=20K,write=30%"))
    machine.run(check=True)
    assert all(one.is_attached for one in machine.attachments)


@pytest.mark.parametrize(
    ("swappiness", "message"), [(201, "swappiness is 201; expected 0 to 200"), ("all", "swappiness is 'all'")]
)
def test_swappiness_out_of_range_is_refused(swappiness: int, message: str) -> None:
    """What says anonymous memory only is the word, as in the kernel's file."""
    with pytest.raises(ConfigError, match=message):
        _machine("trad").reclaim("/lab", 1, swappiness)
