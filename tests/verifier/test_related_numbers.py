"""What is believed about numbers that are tied to each other holds in every run, accepted or not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from reclaim.lang.frontend import compile_source
from tests.verifier.relation_generator import generate_relations
from tests.verifier.watched_analysis import mistakes
from tests.verifier.wide_generator import generate_wide

_NR_GROUPS = 6
_NR_PROGRAMS = 10
_NR_MACHINES = 6


@pytest.mark.parametrize("generate", [generate_relations, generate_wide])
@pytest.mark.parametrize("group", range(_NR_GROUPS))
def test_related_numbers_are_as_the_verifier_believes(group: int, generate: Callable[[int], str]) -> None:
    """Order between values, sums that cancel and counters of loops are proved only where they hold."""
    found = {
        seed: mistakes(compile_source(generate(seed), "related.rpol"), seed, _NR_MACHINES)
        for seed in range(group, _NR_GROUPS * _NR_PROGRAMS, _NR_GROUPS)
    }
    assert {seed: wrong for seed, wrong in found.items() if wrong} == {}
