"""Names: modules that no other hides, and words that this house does not use."""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.tidy.tree import PACKAGES, ROOT, c_files, files, name_of, policies, python_files, syntax

_REPEATED = {"__init__", "__main__", "conftest"}
"""Names that Python or pytest give a meaning per folder."""

_COMMANDS = ROOT / "reclaim" / "cli"
"""A subcommand's file carries the subcommand's name, which is found by it."""

_EXCEPTIONS = {
    "_handle_name": "a handle is a noun of the language here",
}
"""Names of modules and functions that break a rule, each with its reason."""

_FORBIDDEN_PREFIXES = ("do_", "handle_", "process_")
_FORBIDDEN_MODULES = re.compile(r"(^|_)(utils?|misc|helpers?2|common2|v2|new)($|_)")

_FORBIDDEN_TEXT = re.compile(
    r"\b(TODO|FIXME|XXX|HACK)\b|/work/|\bsub-?agent|\bduplicates\b.*\bfarm-", re.IGNORECASE
)
"""Unfinished work without an owner, and places that exist on one machine only."""


def test_module_names_are_unique_over_the_packages() -> None:
    """Grep and people find a module by its name alone."""
    names = [path.stem for path in python_files(PACKAGES) if path.parent != _COMMANDS]
    counts = Counter(name for name in names if name not in _REPEATED)
    assert [name for name, count in counts.items() if count > 1] == []


def test_module_names_are_none_of_the_standard_library() -> None:
    """A module named like one of Python's own confuses readers, and scripts run beside it."""
    names = {path.stem for path in python_files() if path.parent != _COMMANDS} - set(_EXCEPTIONS)
    assert sorted((names - _REPEATED) & set(sys.stdlib_module_names)) == []


def test_module_names_say_what_is_inside() -> None:
    """Drawers for odds and ends have no place in the tree."""
    assert [
        name_of(path)
        for path in python_files()
        if path.parent != _COMMANDS and _FORBIDDEN_MODULES.search(path.stem)
    ] == []


@pytest.mark.parametrize("path", python_files(PACKAGES), ids=name_of)
def test_function_names_start_with_a_verb_that_says_something(path: Path) -> None:
    """`do_`, `handle_` and `process_` say nothing about what a function is for."""
    functions = [node for node in ast.walk(syntax(path)) if isinstance(node, ast.FunctionDef)]
    wrong = [f.name for f in functions if f.name.lstrip("_").startswith(_FORBIDDEN_PREFIXES)]
    assert [name for name in wrong if name not in _EXCEPTIONS] == []


def test_texts_hold_no_forbidden_words() -> None:
    """What is not done yet is not in the tree, and neither is any one machine's folder."""
    texts = (
        *python_files(),
        *c_files(),
        *policies(),
        *files("*.md", (*PACKAGES, "docs", "examples")),
        ROOT / "README.md",
    )
    wrong = [
        f"{name_of(path)}:{number}: {line.strip()}"
        for path in texts
        if path != Path(__file__)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if _FORBIDDEN_TEXT.search(line)
    ]
    assert wrong == []


@pytest.mark.parametrize("path", python_files(PACKAGES), ids=name_of)
def test_module_opens_with_what_it_is_for(path: Path) -> None:
    """Every module says at its head what is there."""
    assert ast.get_docstring(syntax(path))
