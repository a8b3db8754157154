"""How results look: winners, differences, warnings, and plain text in a pipe."""

from __future__ import annotations

import dataclasses
import io

from rich.console import Console, RenderableType

from reclaim.lab.comparison_table import comparison_tables, counter_tables, written
from reclaim.lab.results_json import Ejection
from tests.lab.made_results import made_case, made_result


def _drawn(what: RenderableType) -> str:
    console = Console(file=io.StringIO(), width=300)
    console.print(what)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def _row(text: str, label: str) -> list[str]:
    return next(line.split() for line in text.splitlines() if line.strip().startswith(label))


def test_table_marks_the_winner_and_the_difference() -> None:
    """The best value carries a star, and every value but the baseline's its difference."""
    text = _drawn(comparison_tables([made_case(made_result("trad", 200), made_result("fifo", 100))]))
    assert _row(text, "misses") == ["misses", "200", "100*", "-50.0%"]


def test_table_of_equal_values_marks_nobody() -> None:
    """Equal is equal."""
    text = _drawn(comparison_tables([made_case(made_result("trad", 200), made_result("fifo", 200))]))
    assert _row(text, "misses") == ["misses", "200", "200", "="]


def test_table_of_a_tiny_difference_never_says_none() -> None:
    """A difference that rounds to zero is still one."""
    text = _drawn(comparison_tables([made_case(made_result("trad", 100_000), made_result("fifo", 99_999))]))
    assert _row(text, "misses") == ["misses", "100,000", "99,999*", "-<0.1%"]


def test_table_shows_the_optimum_beside_the_policies() -> None:
    """Belady's optimum is a reference, never a winner."""
    case = made_case(made_result("trad", 200), made_result("fifo", 100), optimum=(50,))
    assert _row(_drawn(comparison_tables([case])), "misses")[-1] == "50"


def test_table_of_an_ejected_policy_says_so() -> None:
    """Numbers of a policy that was thrown out are the default's, and that has to be seen; it wins nothing."""
    ejected = Ejection("stall", "no progress", None, 5_000_000)
    text = _drawn(
        comparison_tables([made_case(made_result("trad", 200), made_result("bad", 1, ejected=ejected))])
    )
    assert "bad EJECTED" in text
    assert "thrown out after 5.00 ms: no progress" in text
    assert "*" not in "".join(_row(text, "misses"))


def test_table_of_an_oom_kill_says_so() -> None:
    """A task that was killed has fewer misses because it ran less; that wins nothing."""
    killed = made_result("bad", 1, counters={"oom_kill": 1})
    text = _drawn(comparison_tables([made_case(made_result("trad", 200), killed)]))
    assert ("bad OOM-KILLED" in text, "OOM: with bad" in text) == (True, True)
    assert "*" not in "".join(_row(text, "misses"))


def test_table_shows_what_the_core_did_where_it_did_something() -> None:
    """Work that the core did for a policy is a row; work that nobody needed is none."""
    case = made_case(made_result("trad", 2), made_result("bad", 3, core_did={"forced_release": 7}))
    text = _drawn(comparison_tables([case]))
    assert _row(text, "core: forced_release") == ["core:", "forced_release", "0", "7"]
    assert "refused_answer" not in text


def test_table_of_repeats_shows_median_and_range() -> None:
    """A median without its range would hide chance."""
    results = [made_result("trad", misses, repeat=number) for number, misses in enumerate((3, 9, 5))]
    text = _drawn(comparison_tables([made_case(*results)]))
    assert "3 to 9" in text
    assert _row(text, "misses") == ["misses", "5"]


def test_summary_of_several_cases_counts_both_directions() -> None:
    """The summary says how often a policy was better and how often worse."""
    cases = [made_case(made_result("trad", 100), made_result("fifo", n)) for n in (50, 200, 100)]
    text = _drawn(comparison_tables(cases))
    assert "= (geometric mean); fewer in 1, more in 1, equal in 1" in text


def test_summary_leaves_out_runs_that_cannot_be_compared() -> None:
    """A killed task makes no average."""
    killed = made_result("fifo", 1, counters={"oom_kill": 1})
    text = _drawn(comparison_tables([made_case(made_result("trad", 100), killed)] * 2))
    assert "no case in which both ran the whole workload" in text


def test_counter_table_shows_every_counter() -> None:
    """`run` hides nothing, zeros included."""
    text = _drawn(counter_tables([made_case(made_result("trad", 200, counters={"pgmajfault": 41}))]))
    assert _row(text, "pgmajfault") == ["pgmajfault", "41"]
    assert _row(text, "pgrotated") == ["pgrotated", "0"]


def test_written_times_choose_their_unit() -> None:
    """Nanoseconds are read in the unit that fits."""
    assert [written(ns, "ns") for ns in (5, 1500, 2_000_000, 3e9)] == ["5 ns", "1.50 us", "2.00 ms", "3.00 s"]


def test_counter_table_of_an_oom_kill_says_so_before_and_after_the_numbers() -> None:
    """`run` is as loud as `compare`: in the heading, and in words at both ends of a table that fills a screen."""
    text = _drawn(counter_tables([made_case(made_result("bad", 1, counters={"oom_kill": 1}))]))
    assert text.startswith("bad OOM-KILLED on made")
    assert text.count("OOM: with bad memory ran out") == 2


def test_table_of_a_scenario_adds_measured_counters_that_nobody_wins() -> None:
    """Whether more of a counter is better depends; a metric that is there anyway is not repeated."""
    results = made_result("trad", 2, counters={"pswpin": 4}), made_result("fifo", 1, counters={"pswpin": 3})
    case = dataclasses.replace(made_case(*results), measured=("misses", "pswpin"), regression="more")
    text = _drawn(comparison_tables([case]))
    assert _row(text, "pswpin") == ["pswpin", "4", "3", "-25.0%"]
    assert (text.count("misses "), "a step back would be: more" in text) == (1, True)
