"""The real core keeps the contract that the verifier believes."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from reclaim.diag.errors import PolicyRejected
from reclaim.engine import Machine, NodeConfig, attachment
from reclaim.engine.shipped import shipped_policies
from reclaim.workload import synth
from tests.engine import contract_audit
from tests.engine.contract_audit import AuditedInterpreter
from tests.fuzz.policy_machines import machine_options
from tests.soundness.programs import program
from verifier.memory_cells import Writes

MAXIMAL = Path(__file__).parents[1] / "policies" / "maximal.rpol"
POLICIES = {**shipped_policies(), "maximal": MAXIMAL}
KINDS = ("anon", "file-read", "file-mmap")
NR_RANDOM = 10
NR_PROGRAMS = 6
_TRACES = (
    "zipf:pages=300,alpha=0.9,accesses=100,write=30%",
    "uniform:pages=200,accesses=100,kind=file-read,write=20%",
    "scan:pages=300,accesses=100,kind=file-mmap",
)


@pytest.fixture(autouse=True)
def _audited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attachment, "Interpreter", AuditedInterpreter)
    monkeypatch.setattr(AuditedInterpreter, "audits", [])


def _nr_runs() -> int:
    return sum(audit.nr_runs for audit in AuditedInterpreter.audits)


def _mistakes() -> list[str]:
    return sorted({wrong for audit in AuditedInterpreter.audits for wrong in audit.mistakes})


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", POLICIES)
def test_core_keeps_the_contract_with_a_policy_that_people_wrote(name: str, kind: str) -> None:
    """Ranges, effects and repeated answers are as declared, under a limit and on a full node with tiers."""
    machine = Machine(
        memory_max=160,
        nodes=[NodeConfig(pages=512), NodeConfig(pages=512, tier=1)],
        swap="zram:4M",
        seed=3,
        demotion=True,
        numa_balancing=2,
        numa_scan_delay_ms=0,
        numa_scan_period_min_ms=1,
    )
    machine.attach(POLICIES[name], engine="interpreter")
    machine.add_task(synth(f"hot_scan:pages=400,accesses=900,write=20%,hot=25%,share=60%,kind={kind}"))
    machine.add_task(synth(f"zipf:pages=900,alpha=0.8,accesses=900,write=20%,kind={kind}"), memcg="/")
    machine.run(check=True)
    assert _nr_runs() > 0
    assert _mistakes() == []


@pytest.mark.parametrize("seed", range(NR_RANDOM))
def test_core_keeps_the_contract_with_a_random_policy(seed: int, tmp_path: Path) -> None:
    """The same on random machines, with policies that no one would write."""
    draw = random.Random(seed)
    machine = Machine(**machine_options(draw))
    for number in range(NR_PROGRAMS * seed, NR_PROGRAMS * (seed + 1)):
        path = tmp_path / f"random_{number}.rpol"
        path.write_text(program(number), encoding="utf-8")
        try:
            machine.attach(path, draw.choice((None, 0, "/a", "/a/b")), engine="interpreter")
        except PolicyRejected:
            continue
        machine.add_task(synth(draw.choice(_TRACES), seed), memcg=draw.choice(("/", "/a", "/a/b")))
        machine.run(check=True)
    assert _mistakes() == []


def test_audit_notices_an_effect_that_is_not_declared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were no helper to declare what it writes, each that writes something would be named."""
    monkeypatch.setattr(contract_audit, "writes_of", lambda _op, _numbers: Writes())
    machine = Machine(memory_max=160, nodes="2M", swap="zram:4M", seed=3)
    machine.attach(MAXIMAL, engine="interpreter")
    machine.add_task(synth("uniform:pages=400,accesses=800,write=30%"))
    machine.run(check=True)
    assert {wrong.split()[0] for wrong in _mistakes()} >= {"folio_move", "list_splice"}
