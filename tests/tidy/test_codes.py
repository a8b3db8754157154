"""Codes of diagnostics: a page for each, a place that emits it, and a policy that shows it."""

from __future__ import annotations

import ast

import pytest

from reclaim.diag.registry import CODES, Page, code_names, pages
from tests.tidy.tree import PACKAGES, python_files, syntax

_EMITTERS = {"report", "stop", "note"}


def _constants() -> set[str]:
    """Return every string constant of the packages' code."""
    nodes = (node for path in python_files(PACKAGES) for node in ast.walk(syntax(path)))
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def _emitted() -> set[str]:
    """Return the names that are written where diagnostics are made."""
    found = set()
    for path in python_files(PACKAGES):
        for node in ast.walk(syntax(path)):
            if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                function = (
                    node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                )
                if function in _EMITTERS and isinstance(node.args[0].value, str):
                    found.add(node.args[0].value)
    return found


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.code)
def test_page_file_name_is_code_and_name(page: Page) -> None:
    """A page is found by its code and by its name."""
    assert (CODES / f"{page.code}-{page.name}.md").is_file()


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.code)
def test_page_shows_a_failing_and_a_fixed_policy(page: Page) -> None:
    """A code is explained by what causes it and by what mends it."""
    assert [block for block in ("```rpol fails", "```rpol fixed") if block not in page.body] == []


def test_every_page_has_a_place_that_emits_it() -> None:
    """A code that nothing emits is retired, or was forgotten."""
    assert set(code_names()) - _constants() == set()


def test_every_emitted_name_has_a_page() -> None:
    """A diagnostic without a page would fail in front of the user."""
    assert _emitted() - set(code_names()) == set()


def test_codes_are_used_once() -> None:
    """A code means one thing, for ever."""
    codes = [page.code for page in pages()]
    assert sorted(set(codes)) == sorted(codes)
