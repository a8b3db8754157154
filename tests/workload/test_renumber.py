"""Dense numbers for sparse identifiers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reclaim.workload.renumber import Renumberer

IDS = st.one_of(st.integers(0, 40), st.integers(0, 2**64 - 1), st.integers(0, 50).map(lambda n: n << 48))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(IDS, max_size=120), max_size=6))
def test_numbers_follow_first_appearance_over_all_blocks(blocks: list[list[int]]) -> None:
    """The numbers are those that a dict filled one by one would give."""
    renumberer = Renumberer(log2_slots=4)
    expected: dict[int, int] = {}
    for block in blocks:
        wanted = [expected.setdefault(id_, len(expected)) for id_ in block]
        assert renumberer.number(np.array(block, dtype=np.uint64)).tolist() == wanted
    assert renumberer.ids_in_order().tolist() == list(expected)


@pytest.mark.parametrize("shift", [0, 12, 40])
def test_many_regular_identifiers_get_their_numbers(shift: int) -> None:
    """Addresses with many zero bits do not pile up in the table."""
    ids = np.arange(200_000, dtype=np.uint64) << np.uint64(shift)
    renumberer = Renumberer()
    assert (renumberer.number(ids) == np.arange(200_000)).all()
    assert (renumberer.number(ids[::-1]) == np.arange(200_000)[::-1]).all()
