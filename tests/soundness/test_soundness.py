"""A few hundred random programs agree in all executions, and none that was accepted breaks an obligation.

`python -m tests.soundness` tries as many as there is time for; docs/soundness.md holds what came out.
"""

from __future__ import annotations

import random

import pytest

from tests.soundness.trial import Engines, Findings, mutant, program, tried

_NR_GROUPS = 12
_NR_PROGRAMS = 8
_NR_IN_THE_KERNEL = 3
"""Per group; of those, in the kernel."""


def _found(first: int, count: int, engines: Engines, nr_mutants: int) -> Findings:
    found = Findings()
    for seed in range(first, first + count):
        found.add(tried(seed, engines, nr_mutants))
    return found


@pytest.mark.parametrize("group", range(_NR_GROUPS))
def test_accepted_programs_mean_the_same_and_break_nothing(group: int) -> None:
    """Interpreter and native code agree on every program; accepted programs and mutants break no obligation."""
    found = _found(group * _NR_PROGRAMS, _NR_PROGRAMS, Engines(kernel=False), nr_mutants=2)
    assert found.wrong == []
    assert found.counts["accepted"] > 0


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize("group", range(_NR_GROUPS))
def test_accepted_programs_are_accepted_by_linux_and_agree_there(group: int) -> None:
    """Every program that we accept passes the verifier of Linux and does there what the interpreter did."""
    found = _found(1_000 + group * _NR_IN_THE_KERNEL, _NR_IN_THE_KERNEL, Engines(native=False), nr_mutants=0)
    assert found.wrong == []
    assert found.counts["accepted by Linux"] == found.counts["accepted"]


def test_mutant_differs_in_one_place() -> None:
    """A mutant is its program but for one word."""
    source = program(1)
    changed = mutant(source, random.Random(1))
    pairs = zip(source.splitlines(), changed.splitlines(), strict=True)
    assert sum(one != other for one, other in pairs) == 1
