"""Who is better, and by how much: medians, ranges, differences, winners."""

from __future__ import annotations

import pytest

from reclaim.lab.comparison import METRICS, Spread, difference, scan_efficiency, spread, spread_of, winner
from tests.lab.made_results import made_result


def test_spread_of_repeats_gives_median_and_range() -> None:
    """The median stands for the repeats, the range says how far they lie apart."""
    assert spread([5, 1, 3]) == Spread(3, 1, 5)


def test_spread_of_a_metric_that_a_run_lacks_is_none() -> None:
    """Nothing is said about the efficiency of scans that never happened."""
    efficiency = next(metric for metric in METRICS if metric.label == "steal/scan")
    assert spread_of(efficiency, [made_result("fifo", 1)]) is None


def test_scan_efficiency_counts_both_kinds_of_reclaim() -> None:
    """Freed pages over scanned pages, of kswapd and direct reclaim together."""
    counters = {"pgscan_kswapd": 10, "pgscan_direct": 30, "pgsteal_kswapd": 5, "pgsteal_direct": 5}
    assert scan_efficiency(made_result("fifo", 1, counters=counters)) == 0.25


@pytest.mark.parametrize(("value", "baseline", "expected"), [(150, 100, 0.5), (50, 100, -0.5), (7, 7, 0.0)])
def test_difference_is_relative_to_the_baseline(value: int, baseline: int, expected: float) -> None:
    """A difference is a share of the baseline's median."""
    assert difference(spread([value]), spread([baseline])) == expected


def test_difference_to_nothing_is_none() -> None:
    """No share of zero is meaningful."""
    assert difference(spread([5]), spread([0])) is None


def test_winner_is_the_strictly_lowest() -> None:
    """The lowest value wins where less is better."""
    values = {"a": spread([3]), "b": spread([2]), "c": spread([4])}
    assert winner(values, is_better_high=False) == "b"


def test_winner_where_more_is_better_is_the_strictly_highest() -> None:
    """The highest value wins where more is better."""
    values = {"a": spread([3]), "b": spread([2]), "c": spread([4])}
    assert winner(values, is_better_high=True) == "c"


def test_winner_of_a_shared_best_value_is_nobody() -> None:
    """Who shares the best value has not won."""
    assert winner({"a": spread([2]), "b": spread([2]), "c": spread([3])}, is_better_high=False) is None


def test_winner_with_overlapping_ranges_is_nobody() -> None:
    """A lower median within the other's range may be chance."""
    assert winner({"a": spread([1, 2, 5]), "b": spread([4, 6, 7])}, is_better_high=False) is None


def test_winner_with_separate_ranges_is_the_lower_one() -> None:
    """Ranges that do not overlap decide."""
    assert winner({"a": spread([1, 2, 3]), "b": spread([4, 6, 7])}, is_better_high=False) == "a"


def test_winner_among_one_is_nobody() -> None:
    """Nobody wins alone."""
    assert winner({"a": spread([2]), "b": None}, is_better_high=False) is None
