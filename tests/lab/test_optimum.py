"""Belady's optimum: against an obvious computation, and over pages with several numbers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reclaim.lab.optimum import one_number_per_page, optimum_misses
from reclaim.workload import BUFFERED, WRITE, FileSpec, Mapping, TraceHeader, memory_trace

Records = npt.NDArray[np.uint32]

ANON = TraceHeader("made", 0, 1, mappings=(Mapping(pages=16, kind="anon"),))


def _obvious_misses(pages: list[int], capacity: int) -> int:
    """Evict the page whose next use is farthest away, looking ahead each time."""
    held: set[int] = set()
    misses = 0
    for now, page in enumerate(pages):
        if page in held:
            continue
        misses += 1
        if len(held) == capacity:
            rest = pages[now + 1 :]
            held.remove(max(held, key=lambda p: rest.index(p) if p in rest else len(rest)))
        held.add(page)
    return misses


@given(st.lists(st.integers(0, 9), min_size=1, max_size=60), st.integers(1, 6))
def test_optimum_equals_the_obvious_computation(pages: list[int], capacity: int) -> None:
    """The fast algorithm misses as often as looking ahead does."""
    trace = memory_trace(ANON, np.array(pages, dtype=np.uint32))
    assert optimum_misses(trace, capacity) == _obvious_misses(pages, capacity)


def _numbers(mapping: Mapping, records: list[int]) -> list[int]:
    header = TraceHeader("made", 0, 1, files=(FileSpec("a", 4), FileSpec("b", 8)), mappings=(mapping,))
    return [int(number) for number in one_number_per_page(header, np.array(records, dtype=np.uint32))]


SHARED = Mapping(pages=4, kind="file", file=1, file_page=2, shared=True)
PRIVATE = Mapping(pages=4, kind="file", file=1, file_page=2)


def test_page_read_through_mapping_and_descriptor_has_one_number() -> None:
    """Page 1 of the mapping shows page 3 of the second file, which is page 7 of the file page space."""
    assert _numbers(SHARED, [1, BUFFERED | 7]) == [BUFFERED | 7, BUFFERED | 7]


def test_page_written_through_a_shared_mapping_stays_the_files() -> None:
    """A write through a shared mapping makes no copy."""
    assert _numbers(SHARED, [WRITE | 1, 1]) == [BUFFERED | 7, BUFFERED | 7]


def test_page_written_through_a_private_mapping_is_its_own_from_then_on() -> None:
    """Before the first write it is the file's page, afterwards a copy."""
    assert _numbers(PRIVATE, [1, WRITE | 1, 1, BUFFERED | 7]) == [BUFFERED | 7, 1, 1, BUFFERED | 7]


@pytest.mark.parametrize("flags", [WRITE, 0])
def test_anonymous_pages_keep_their_numbers(flags: int) -> None:
    """Without files there is nothing to translate but the kind of access."""
    assert one_number_per_page(ANON, np.array([flags | 3], dtype=np.uint32)).tolist() == [3]
