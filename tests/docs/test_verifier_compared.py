"""What the comparison with Linux's verifier quotes of ours is what ours says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.verifier.policy_cases import FOLDER

PAGE = Path(__file__).parents[2] / "docs" / "verifier-compared.md"
_QUOTED = re.compile(r"^Here:\n\n```\n(.*?)\n```$", re.MULTILINE | re.DOTALL)
_NAMED = re.compile(r"--> (\w+)\.rpol:")

QUOTED = _QUOTED.findall(PAGE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("quoted", QUOTED, ids=lambda text: text.split("]")[0].removeprefix("error["))
def test_quoted_lines_stand_in_the_drawing(quoted: str) -> None:
    """Each quoted line is one of the drawing that lies beside the policy."""
    found = _NAMED.search(quoted)
    assert found is not None
    drawn = (FOLDER / "rejected" / f"{found[1]}.txt").read_text(encoding="utf-8")
    lines = {line.strip() for line in drawn.splitlines()}
    assert [line for line in quoted.splitlines() if line not in lines] == []


def test_twenty_mistakes_are_compared() -> None:
    """The page keeps what its first line promises."""
    assert len(QUOTED) == 20
