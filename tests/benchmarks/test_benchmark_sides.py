"""The sides of the benchmarks compute what they claim to; how fast is not tested here."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
import pytest

from benchmarks.cache_library import run_c_policy, run_plugin, write_library_trace
from benchmarks.measurement import Row, interleaved_medians
from benchmarks.native_loops import native_loops


@pytest.mark.parametrize(
    ("ratio", "is_most", "met"),
    [(1.3, True, True), (1.4, True, False), (1.3, False, True), (1.2, False, False)],
)
def test_row_at_its_aim_is_met(ratio: float, is_most: bool, met: bool) -> None:
    """An aim is met when the number reaches it exactly."""
    assert Row("", "", "", "", ratio, 1.3, is_most).is_met == met


def test_medians_sides_take_turns() -> None:
    """Both sides of a ratio see the same slow moments."""
    order: list[str] = []

    interleaved_medians({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, 2)

    assert order == ["a", "b", "a", "b"]


@pytest.mark.parametrize("spelling", ["bare_hits", "hidden_index_hits"])
def test_bare_loop_sets_accessed_bit_of_named_pages_only(spelling: str) -> None:
    """Both spellings of the bare loop do the work that they are timed for."""
    trace = np.array([1, 3, 1], dtype=np.uint32)
    ptes = (ctypes.c_uint32 * 4)()

    getattr(native_loops(), spelling)(ctypes.addressof(ptes), trace.ctypes.data, len(trace))

    assert list(ptes) == [0, 2, 0, 2]


def test_plugin_clock_misses_as_often_as_the_library_clock(tmp_path: Path) -> None:
    """The plugin in Python is the same algorithm as the library's own."""
    pages = np.random.default_rng(1).zipf(1.3, 20_000) % 1000
    write_library_trace(tmp_path / "trace", pages.astype(np.uint32))

    own = run_c_policy("second_chance", tmp_path / "trace", 100, 8)[1]
    plugin = run_plugin("second_chance", tmp_path / "trace", 100)[1]

    assert plugin == own
