"""Fixes keep only if they take an error away and bring none."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.verifier.policy_cases import policies
from verifier.fixing import fix


@pytest.mark.parametrize("path", policies("rejected"), ids=lambda path: path.stem)
def test_fixing_leaves_no_fix_that_keeps(path: Path) -> None:
    """Each mistake with an edit is gone, the text changed for it and for nothing else."""
    source = path.read_text(encoding="utf-8")
    fixed = fix(source, path.name)
    assert (fixed.source != source) == bool(fixed.applied)
    assert len(fixed.left) == (0 if fixed.applied else 1)


def test_several_mistakes_are_fixed_one_after_the_other() -> None:
    """Each fix is tried on what the fixes before it made."""
    source = (
        '"""d."""\n\n\nclass Row(LruvecState):\n    cells: u8[8]\n\n\n@hook\n'
        "def folio_removed(lruvec: Lruvec, folio: Folio) -> None:\n"
        "    lruvec.cells[folio.order] = 100 // folio.nid\n    lruvec.cells[0] = folio.nr_pages\n"
    )
    fixed = fix(source, "three.rpol")
    assert len(fixed.applied) == 3
    assert fixed.left == ()
    assert "lruvec.cells[min(folio.order, 7)] = 100 // max(folio.nid, 1)" in fixed.source


def test_finding_behind_a_text_error_is_fixed_too() -> None:
    """A missing colon hides everything behind it; what shows then is mended in turn."""
    source = (
        '"""d."""\n\n\n@hook\ndef folio_evicted(folio: Folio) -> u64\n    return folio.key // folio.nid\n'
    )
    fixed = fix(source, "two.rpol")
    assert [diagnostic.code for diagnostic, _ in fixed.applied] == ["RP0014", "RP0502"]
    assert fixed.left == ()
