"""Two parsers read one tree: ours, and CPython's."""

from __future__ import annotations

from pathlib import Path

import pytest

from reclaim.lang.parser import parse
from reclaim.lang.source_text import clean_text
from tests.soundness.programs import NR_TURNS, program
from tests.soundness.second_parser import python_reads

_ROOT = Path(__file__).parents[2]
_FILES = sorted(
    file
    for folder in ("policies", "tests/policies", "tests/verifier/accepted")
    for file in (_ROOT / folder).rglob("*.rpol")
)


@pytest.mark.parametrize("path", _FILES, ids=lambda path: path.name)
def test_python_reads_the_tree_of_every_policy(path: Path) -> None:
    """Every policy is valid Python, and means the same to Python's own parser, spans included."""
    text = clean_text(path.read_text(encoding="utf-8"), path)
    if text.isascii():
        assert parse(text) == (python_reads(text), [])


def test_python_reads_the_tree_of_random_programs() -> None:
    """So it is for programs of all kinds."""
    for seed in range(2 * NR_TURNS):
        text = program(seed)
        assert parse(text) == (python_reads(text), [])
