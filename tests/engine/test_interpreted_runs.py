"""Native code against the reference interpreter on whole runs of the real core.

The hooks of an interpreted attachment run in Python on the core's own memory; everything that the core counts has to
come out the same, and so has the policy's state.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from reclaim.engine import Machine
from reclaim.engine.attachment import Engine
from reclaim.engine.shipped import shipped_policies
from reclaim.workload import synth

MAXIMAL = Path(__file__).parents[1] / "policies" / "maximal.rpol"
POLICIES = {**shipped_policies(), "maximal": MAXIMAL}
KINDS = ("anon", "file-read", "file-mmap")


def _outcome(path: Path, kind: str, engine: Engine) -> tuple[object, ...]:
    machine = Machine(memory_max=160, nodes="4M", swap="zram:4M", seed=3)
    attachment = machine.attach(path, engine=engine)
    machine.add_task(synth(f"hot_scan:pages=400,accesses=1500,write=20%,hot=25%,share=60%,kind={kind}"))
    result = machine.run(check=True)
    state = {
        name: np.asarray(value).tolist()
        for name, value in attachment.state("lruvec", machine.lruvec("/lab")).items()
    }
    lists = {name: pfns.tolist() for name, pfns in machine.lists("/lab").items()}
    return result.counters, result.core_did, result.virtual_ns, result.ejected, state, lists


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", POLICIES)
def test_interpreted_run_equals_the_native_one(name: str, kind: str) -> None:
    """Counters, virtual time, state and lists are the same, whoever runs the hooks."""
    assert _outcome(POLICIES[name], kind, "interpreter") == _outcome(POLICIES[name], kind, "native")
