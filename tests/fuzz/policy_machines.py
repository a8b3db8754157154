"""Random policies of the language on random machines.

Here: rounds of the whole stack, from text over verifier and native code to the core, where script_player.c has a policy
in C. A policy that the verifier accepted may answer nonsense, but it must not harm the machine: its books stay right
after each chunk, the run ends, and the same round gives the same numbers again.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reclaim.abi.options import OPTIONS
from reclaim.diag.errors import PolicyRejected
from reclaim.engine import Machine, MemcgConfig, NodeConfig
from reclaim.workload.synthetic import synth
from tests.fuzz.machine_scripts import make_agree, python_option
from tests.verifier.policy_generator import generate_policy

CHUNK_RECORDS = 500

OPTION_SHARE = 0.2
"""Of the options that a machine is told; the others keep their defaults."""

_NOT_ANY_NUMBER = {"fault_around_bytes", "numa_balancing"}
"""Options of which only some numbers of the range are taken."""

_TRACES = (
    "zipf:pages={pages},alpha=1.0,accesses={accesses},write=30%",
    "uniform:pages={pages},accesses={accesses},write=100%",
    "scan:pages={pages},accesses={accesses}",
    "zipf:pages={pages},alpha=0.7,accesses={accesses},write=10%,kind=file-mmap",
    "uniform:pages={pages},accesses={accesses},kind=file-read,write=20%",
)


def machine_options(draw: random.Random) -> dict[str, Any]:
    """Return what a machine is made of."""
    limit = draw.choice((None, 64, 200, 400))
    options = {
        name: python_option(option, draw)
        for name, option in OPTIONS.items()
        if name not in _NOT_ANY_NUMBER and draw.random() < OPTION_SHARE
    }
    make_agree(options)
    return options | {
        "nodes": [NodeConfig(pages=draw.choice((64, 300, 700))) for _ in range(draw.randint(1, 2))],
        "swap": draw.choice(("none", "zram:100", "zram:2000", "ssd:500")),
        "memcgs": (
            MemcgConfig(path="/a", max_pages=limit, low_pages=draw.choice((0, 50))),
            MemcgConfig(path="/a/b"),
        ),
        "seed": draw.randrange(1000),
    }


def play_round(seed: int, folder: Path) -> Mapping[str, int] | None:
    """Play one round.

    Args:
        seed: of everything.
        folder: for the policy's file.

    Returns:
        What was counted; None where the verifier does not accept the policy.

    Raises:
        CoreFault: the core's books disagree.
    """
    draw = random.Random(seed)
    path = folder / "random_policy.rpol"
    path.write_text(generate_policy(seed), encoding="utf-8")
    machine = Machine(**machine_options(draw))
    try:
        first = machine.attach(path, draw.choice((None, 0, "/a", "/a/b")))
    except PolicyRejected:
        return None
    for _ in range(draw.randint(1, 3)):
        spec = draw.choice(_TRACES).format(
            pages=draw.choice((50, 400, 900)), accesses=draw.choice((500, 3000))
        )
        machine.add_task(synth(spec, seed), memcg=draw.choice(("/", "/a", "/a/b")))
    machine.run(chunk_records=CHUNK_RECORDS, check=True)
    machine.set_memcg("/a", max=draw.choice((10, 100, 1000)))
    machine.reclaim("/a/b", draw.choice((1, 100)))
    machine.check()
    if first.is_attached and draw.random() < 0.5:
        first.detach()
    else:
        machine.attach(draw.choice(("mglru", "s3fifo", str(path))), draw.choice((None, "/a")))
    machine.check()
    machine.add_task(synth(draw.choice(_TRACES).format(pages=300, accesses=1500), seed + 1), memcg="/a/b")
    machine.run(chunk_records=CHUNK_RECORDS, check=True)
    for task in machine.tasks:
        if task.state not in {"exited", "killed"}:
            task.exit()
    machine.check()
    return machine.counters() | {"virtual_ns": machine.virtual_ns, "nr_ejected": len(machine.ejected)}
