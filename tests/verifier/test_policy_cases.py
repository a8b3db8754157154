"""Policies that read naturally are accepted; wrong ones are rejected for the right reason in the right place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.verifier.policy_cases import Expected, drawing, drawing_file, expected_of, findings, policies


@pytest.mark.parametrize("path", policies("accepted"), ids=lambda path: path.stem)
def test_natural_policy_is_accepted(path: Path) -> None:
    """What is safe and reads naturally is accepted as it is."""
    assert findings(path.read_text(encoding="utf-8"), path.name) == ()


@pytest.mark.parametrize("path", policies("rejected/unproved"), ids=lambda path: path.stem)
def test_safe_policy_beyond_the_verifier_is_not_called_wrong(path: Path) -> None:
    """Where the analysis is the weak part, nothing is claimed: "may", and no witness."""
    (found,) = findings(path.read_text(encoding="utf-8"), path.name)
    assert " may " in found.message
    assert found.witness == {}


@pytest.mark.parametrize("path", policies("rejected"), ids=lambda path: path.stem)
def test_wrong_policy_is_rejected_for_its_one_mistake(path: Path) -> None:
    """One mistake gives one error, with its own code, at the right line and column, with a fix."""
    found = [
        Expected(d.code, d.span.start.line, d.span.start.column, bool(d.help))
        for d in findings(path.read_text(encoding="utf-8"), path.name)
    ]
    assert found == [expected_of(path)]


@pytest.mark.parametrize("path", policies("rejected"), ids=lambda path: path.stem)
def test_rejected_policy_is_drawn_as_recorded(path: Path) -> None:
    """The whole of what an author reads is looked at when it changes (see `policy_cases`)."""
    assert drawing(path) == drawing_file(path).read_text(encoding="utf-8")


def test_rejected_policies_show_many_codes() -> None:
    """Each of them is another mistake."""
    assert len({expected_of(path).code for path in policies("rejected")}) >= 60


def test_messages_use_the_author_s_words() -> None:
    """Neither names of the intermediate representation nor full stops appear in messages."""
    texts = [
        text
        for path in policies("rejected")
        for d in findings(path.read_text(encoding="utf-8"), path.name)
        for text in (d.message, d.label, *(label.message for label in d.labels))
    ]
    said = [re.sub("`[^`]*`", "", text) for text in texts]
    assert [text for text in said if "%" in text or text.endswith(".")] == []
