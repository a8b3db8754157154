"""Warnings: what an accepted policy says or asks and hardly means."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from reclaim.diag.registry import Page, pages
from tests.verifier.policy_cases import policies, warnings
from tests.verifier.test_code_pages import example
from verifier.command import reclaim_verify

ROOT = Path(__file__).parents[2]
SHIPPED = sorted((ROOT / "policies").glob("*.rpol")) + sorted((ROOT / "tests" / "policies").glob("*.rpol"))
_PAGES = [page for page in pages() if page.category == "warnings"]


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: page.code)
def test_example_of_a_warning_has_it_on_its_marked_line(page: Page) -> None:
    """The example is accepted, with the one warning that the page explains; the other one has none."""
    source = example(page, "fails")
    marked = [number for number, line in enumerate(source.split("\n"), 1) if line.endswith("# error")]
    found = [(d.code, d.span.start.line, d.severity) for d in warnings(source)]
    assert found == [(page.code, line, "warning") for line in marked]
    assert warnings(example(page, "fixed")) == ()


@pytest.mark.parametrize("path", [*SHIPPED, *policies("accepted")], ids=lambda path: path.stem)
def test_natural_policy_has_no_warning(path: Path) -> None:
    """Nobody is warned of what was meant."""
    assert warnings(path.read_text(encoding="utf-8"), path.name) == ()


def test_function_that_only_assertions_call_has_no_warning() -> None:
    """Its conditions are parts of what is asserted; for another caller they count again."""
    source = '''"""Asks a function."""

queue = folio_list()


class Row(LruvecState):
    at: u8 = field(0, max=7)


def is_inside(x: u64) -> bool:
    if x < 8:
        return True
    return False


@hook
def folio_added(lruvec: Lruvec) -> Place:
    assert is_inside(lruvec.at)
    return queue.head


@hook
def next_batch(lruvec: Lruvec) -> Batch:
    return queue.batch({})
'''
    assert warnings(source.format("lruvec.at + 1")) == ()
    (found, *_) = warnings(source.format("32 if is_inside(lruvec.at) else 16"))
    assert found.message == "`x < 8` is always true"


def test_assertion_that_is_proved_has_no_warning() -> None:
    """It says what is always so, in parts too."""
    source = """class Sizes(LruvecState):
    size: u64 = field(0, max=9)
    table: u64[10]


@hook
def age(lruvec: Lruvec) -> None:
    size = lruvec.size
    assert size < 10
    assert 0 <= size <= 9
    assert size < 3 or size >= 3
    assert size < 10 if size > 3 else size < 4
    lruvec.table[size] = 1
"""
    assert warnings(source) == ()


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("lruvec.at - lruvec.since < 0", "always false"),
        ("lruvec.at >= 0", "always true"),
        ("lruvec.small > 3", "always false"),
        ("LIMIT > 2", None),
        ("lruvec.at > LIMIT", None),
        ("lruvec.small == 3 or lruvec.at == 3", None),
        ("lruvec.small < 9 and lruvec.at < 3", "always true"),
    ],
)
def test_condition_is_reported_where_one_outcome_is_possible(condition: str, expected: str | None) -> None:
    """Constants are switches; each part of a condition is looked at by itself."""
    source = f"""LIMIT = 3


class Times(LruvecState):
    at: u64
    since: u64
    small: u8 = field(0, max=3)


@hook
def tick(lruvec: Lruvec) -> u64:
    if {condition}:
        return LIMIT
    return lruvec.since
"""
    found = [d.label for d in warnings(source) if d.name == "constant-condition"]
    assert found == ([] if expected is None else [expected])


def test_function_is_judged_by_all_of_its_calls() -> None:
    """A condition that only one of two calls decides is none that always comes out alike."""
    source = """def half(number: u64) -> u64:
    if number > 100:
        return 50
    return number // 2


@hook
def tick(lruvec: Lruvec) -> u64:
    return half(min(lruvec.nr_pages, 100)) + half(lruvec.nr_pages)
"""
    assert warnings(source) == ()


def test_parameter_that_is_only_assigned_is_reported() -> None:
    """Assigning to a parameter changes nothing for the caller, which who knows references may expect."""
    source = """def clear(value: u64) -> None:
    value = 0


@hook
def tick(lruvec: Lruvec) -> u64:
    clear(lruvec.nr_pages)
    return 1000
"""
    (found,) = warnings(source)
    assert (found.code, found.span.start.line, [at.span.start.line for at in found.labels]) == (
        "RP0802",
        1,
        [2],
    )


def test_loop_that_never_goes_round_is_reported() -> None:
    """A loop whose range is empty in every run does nothing."""
    source = """@hook
def tick(lruvec: Lruvec) -> u64:
    total = 0
    for i in range(4, min(lruvec.nid, 3)):
        total += i
    return total
"""
    assert [d.label for d in warnings(source)] == ["never goes round"]


def test_names_that_begin_with_an_underscore_are_meant() -> None:
    """Who writes `_` before a name says that nobody reads it; state may be read from outside."""
    source = """class PerFolio(FolioState):
    _later: u8


class PerLruvec(LruvecState):
    nr_ticks: u64
    at: u64


@hook
def tick(lruvec: Lruvec) -> u64:
    _now = now()
    lruvec.at = lruvec.nr_pages
    lruvec.nr_ticks += 1
    return 1000
"""
    assert warnings(source) == ()


def test_warning_does_not_change_the_exit_code(tmp_path: Path) -> None:
    """The file is accepted, the summary counts, and JSON and SARIF name the severity."""
    path = tmp_path / "w.rpol"
    path.write_text("UNUSED = 3\n\n\n@hook\ndef tick() -> u64:\n    return 1000\n", encoding="utf-8")
    told = CliRunner().invoke(reclaim_verify, [str(path)])
    assert (told.exit_code, told.stdout.splitlines()[-1]) == (0, f"{path}: accepted, 1 warning")
    (file,) = json.loads(CliRunner().invoke(reclaim_verify, [str(path), "--format", "json"]).stdout)["files"]
    assert (file["accepted"], [d["severity"] for d in file["diagnostics"]]) == (True, ["warning"])
    log = json.loads(CliRunner().invoke(reclaim_verify, [str(path), "--format", "sarif"]).stdout)
    assert [result["level"] for result in log["runs"][0]["results"]] == ["warning"]
