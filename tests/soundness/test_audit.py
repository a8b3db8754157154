"""What runs are audited for is found when it happens: the check of the checks."""

from __future__ import annotations

import random

import pytest

from reclaim.lang.frontend import compile_source
from reclaim.lang.interp import ObligationBroken
from tests.fakes.fake_machine import ContractEnvironment, FakeMachine
from tests.soundness.audit import Auditor

_HEAD = '''"""Breaks a rule."""

queue = folio_list()
few = hash_map(key=u8, value=u8, max_entries=4, scope=machine)
table = array_map(value=u64, max_entries=4, scope=machine)


class Work(LruvecState):
    at: u64


'''

_BROKEN = {
    "writes what is not": "def pte_young(lruvec: Lruvec) -> None:\n    lruvec.at = 1\n",
    "calls `emit`": "def pte_young() -> None:\n    emit(1)\n",
    "moves it again": (
        "def age(lruvec: Lruvec) -> None:\n    for folio in queue.scan(limit=9):\n"
        "        folio.move(queue.head)\n        folio.move(queue.tail)\n"
    ),
    "inside a scan": (
        "def age(lruvec: Lruvec) -> None:\n    for folio in queue.scan(limit=9):\n"
        "        lruvec.at = queue.splice(queue.head, limit=1)\n"
    ),
    "outside 0..=12": "def prepare_scan(sc: ScanControl) -> None:\n    sc.priority = 13\n",
    "outside 0..=255": "def init(lruvec: Lruvec) -> None:\n    few.put(lruvec.nr_pages + 256, 1)\n",
    "outside 0..=3": "def init(lruvec: Lruvec) -> None:\n    table[lruvec.nr_pages + 4] = 1\n",
}


def _run(source: str) -> None:
    """Run the one hook of a policy on some machines, audited."""
    policy = compile_source(source, "broken.rpol")
    (hook,) = policy.hooks
    for seed in range(40):
        machine = FakeMachine(policy, random.Random(seed))
        env = ContractEnvironment(machine)
        env.interpreter.observer = Auditor(policy).observe
        env.interpreter.run(hook, machine.arguments(hook))


@pytest.mark.parametrize("what", _BROKEN)
def test_broken_rule_is_found_in_a_run(what: str) -> None:
    """Each kind of rule is broken by a policy that nobody verified, and the run says which."""
    with pytest.raises(ObligationBroken, match=what):
        _run(f"{_HEAD}@hook\n{_BROKEN[what]}")
