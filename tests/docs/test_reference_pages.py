"""The generated pages: complete, linked, and honest about where they come from."""

from __future__ import annotations

from pathlib import Path

import pytest

from reclaim.abi.counters import COUNTERS
from reclaim.abi.helpers import HELPERS
from reclaim.abi.hooks import HOOKS
from reclaim.cli.reference_pages import (
    FAMILIES,
    ROOT,
    codes_page,
    generated_pages,
    helper_title,
    helpers_page,
    hooks_page,
)
from reclaim.cli.reference_tables import collect_departures, counters_page, table
from reclaim.diag.registry import pages


@pytest.mark.parametrize("name", generated_pages())
def test_generated_page_committed_is_fresh(name: str) -> None:
    """A page in the tree says what the tables say today; `make generate` writes it."""
    assert (ROOT / name).read_text(encoding="utf-8") == generated_pages()[name]()


@pytest.mark.parametrize("name", generated_pages())
def test_generated_page_first_line_says_where_to_edit(name: str) -> None:
    """Nobody edits a generated page by mistake."""
    assert generated_pages()[name]().startswith("<!-- Generated from ")


@pytest.mark.parametrize("hook", HOOKS)
def test_hooks_page_every_hook_has_a_section(hook: str) -> None:
    """A hook of the table is a section of the page."""
    assert f"\n## {hook}\n" in hooks_page()


@pytest.mark.parametrize("title", [helper_title(helper) for helper in HELPERS])
def test_helpers_page_every_helper_has_a_section(title: str) -> None:
    """A helper of the table is a section of the page."""
    assert f"\n### {title}\n" in helpers_page()


def test_families_of_all_helpers_have_a_title() -> None:
    """A new family needs a heading on the page of helpers."""
    assert {helper.family for helper in HELPERS} == set(FAMILIES)


def test_counters_page_every_counter_has_a_row() -> None:
    """A counter of the table is a row of the page."""
    page = counters_page()

    assert [c.name for c in COUNTERS if f"| `{c.name}` |" not in page] == []


def test_codes_page_every_code_has_a_row() -> None:
    """A page of a code is in the index, whatever category it names."""
    index = codes_page()

    assert [page.code for page in pages() if f"[{page.code}]" not in index] == []


def test_departure_mark_over_several_comment_lines_is_one_row(tmp_path: Path) -> None:
    """A mark is read to the end of its sentence, whatever comment it stands in."""
    core = tmp_path / "reclaim" / "core"
    core.mkdir(parents=True)
    (core / "swap.c").write_text(
        "/*\n * SIMPLIFIED: no queue\n * depth; effect: bursts are\n * too fast. More.\n */\n"
    )

    found = [(d.place, d.what, d.effect) for d in collect_departures(tmp_path)]

    assert found == [("reclaim/core/swap.c", "no queue depth", "bursts are too fast")]


def test_departure_marks_of_the_tree_all_name_their_effect() -> None:
    """A departure whose effect nobody wrote down has not been thought through."""
    assert [f"{d.place}: {d.what}" for d in collect_departures(ROOT) if not d.effect] == []


def test_table_column_without_content_is_left_out() -> None:
    """Columns that say nothing do not take space."""
    assert table(("a", "b"), [("1", ""), ("2", "")]) == ["| a |", "|---|", "| 1 |", "| 2 |"]
