"""Fixes keep only if they take an error away and bring none."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.verifier.policy_cases import findings, policies
from verifier.fixing import fix


@pytest.mark.parametrize("path", policies("rejected"), ids=lambda path: path.stem)
def test_fixing_leaves_no_fix_that_keeps(path: Path) -> None:
    """Each mistake with an edit is gone, the text changed for it and for nothing else; one may have been behind it."""
    source = path.read_text(encoding="utf-8")
    fixed = fix(source, path.name)
    assert (fixed.source != source) == bool(fixed.applied)
    assert len(fixed.left) in ((0, 1) if fixed.applied else (1,))


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


def test_mistakes_in_a_body_behind_a_wrong_head_do_not_count_against_its_fix() -> None:
    """A body is not looked at before its head is right."""
    source = "q = folio_list()\n\n\n@hook\ndef folio_added(f: Folio) -> Place:\n    return q\n"
    source += "\n\n@hook\ndef next_batch(lru, sc) -> Batch:\n    return q.batch(32)\n"
    fixed = fix(source, "heads.rpol")
    assert fixed.left == ()
    assert "def folio_added(folio: Folio) -> Place:\n    return q.head\n" in fixed.source


def test_parameter_that_is_used_keeps_its_wrong_name() -> None:
    """Renaming it in the head alone would bring another mistake."""
    source = (
        "@hook\ndef reclaim_folio(page: Folio) -> Verdict:\n    return ROTATE if page.is_dirty else RECLAIM\n"
    )
    assert fix(source, "page.rpol").applied == ()


def test_list_that_nobody_drains_does_not_count_against_the_fix_of_a_number() -> None:
    """Nothing was said of lists while the index was wrong."""
    source = (
        "gens = folio_list(4)\n\n\nclass G(LruvecState):\n    at: u64\n\n\n@hook\n"
        "def folio_added(lruvec: Lruvec) -> Place:\n    lruvec.at += 1\n    return gens[lruvec.at % 5].head\n"
        "\n\n@hook\ndef next_batch() -> Batch:\n    return gens[0].batch(32)\n"
    )
    fixed = fix(source, "gens.rpol")
    assert [d.code for d in fixed.left] == ["RP0654"]
    assert "gens[lruvec.at % 4].head" in fixed.source


def test_several_mistakes_of_the_text_are_fixed_in_turn() -> None:
    """Each hides the next, which stands further down."""
    source = "@hook\ndef reclaim_folio(folio: Folio) -> Verdict\n    if folio.is_dirty\n        retrun ROTATE\n    return RECLAIM\n"
    fixed = fix(source, "text.rpol")
    assert (len(fixed.applied), fixed.left) == (3, ())


def test_most_mistakes_have_a_fix() -> None:
    """Seven of ten: what is left out is for the author to decide."""
    cases = [findings(path.read_text(encoding="utf-8"), path.name)[0] for path in policies("rejected")]
    fixable = [found for found in cases if any(offer.edit is not None for offer in found.help)]
    assert len(fixable) >= 0.7 * len(cases)
