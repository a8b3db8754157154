"""A few thousand random programs agree in all executions, and none that was accepted breaks an obligation.

`python -m tests.soundness` tries as many as there is time for; docs/soundness.md holds what came out.
"""

from __future__ import annotations

import random

import pytest

from tests.soundness.campaign import Options, tried
from tests.soundness.planted import LATE, MISTAKES, programs_until_found
from tests.soundness.programs import mutant, program

_NR_GROUPS = 20
_NR_PROGRAMS = 160
_NR_IN_THE_KERNEL = 4
"""Per group."""


@pytest.mark.parametrize("group", range(_NR_GROUPS))
def test_accepted_programs_mean_the_same_and_break_nothing(group: int) -> None:
    """Interpreter, native code and CPython agree; accepted programs and mutants break no obligation."""
    options = Options(kernel=0, python=2, watched=8, damaged=40)
    found = tried(group * _NR_PROGRAMS, (group + 1) * _NR_PROGRAMS, options)
    assert found.wrong == []
    assert found.counts["python programs"] > 0
    assert found.counts["accepted"] > _NR_PROGRAMS // 2


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize("group", range(_NR_GROUPS))
def test_accepted_programs_are_accepted_by_linux_and_agree_there(group: int) -> None:
    """Every program that we accept passes the verifier of Linux and does there what the interpreter did."""
    first = 100_000 + group * _NR_IN_THE_KERNEL
    found = tried(first, first + _NR_IN_THE_KERNEL, Options(native=0, kernel=1, mutants=0, twice=0))
    assert found.wrong == []
    assert found.counts["accepted by Linux"] == found.counts["accepted"]


@pytest.mark.parametrize("mistake", sorted(MISTAKES.keys() - LATE))
def test_planted_mistake_is_found(mistake: str) -> None:
    """A verifier that is wrong in one place does not get through: what finds nothing in ours would have found it."""
    assert programs_until_found(mistake, is_watched=True) is not None


def test_mutant_differs_in_one_place() -> None:
    """A mutant is its program but for one word."""
    source = program(1)
    changed = mutant(source, random.Random(1))
    pairs = zip(source.splitlines(), changed.splitlines(), strict=True)
    assert sum(one != other for one, other in pairs) == 1
