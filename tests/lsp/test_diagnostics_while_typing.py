"""Diagnostics: what is published, where, when, and that nothing that is typed ends the server."""

from __future__ import annotations

from pathlib import Path

import pytest
from lsprotocol import types

from tests.lsp.session import Session

FIFO = """small = folio_list()


@hook
def folio_added() -> Place:
    return small.head


@hook
def next_batch() -> Batch:
    return small.batch(32)
"""

OUT_OF_BOUNDS = """class State(LruvecState):
    hist: u64[64]


@hook
def folio_accessed(lruvec: Lruvec) -> None:
    {comment}bucket = ilog2(lruvec.nr_pages + 1) + 60
    lruvec.hist[bucket] += 1
"""


def test_accepted_policy_has_no_findings(session: Session) -> None:
    """Of an accepted policy an empty list is published, with the version that it is about."""
    assert session.findings_in(FIFO) == []
    assert session.published[-1].version == 1


def test_finding_carries_code_page_and_related_places(session: Session) -> None:
    """A finding of the verifier says its code, links the page, and shows how the range arose."""
    uri = session.open(OUT_OF_BOUNDS.format(comment=""))
    (found,) = session.findings(uri)

    assert found.code == "RP0501"
    assert found.severity == types.DiagnosticSeverity.Error
    assert found.code_description is not None
    page = Path(found.code_description.href.removeprefix("file://"))
    assert page.read_text(encoding="utf-8").startswith("---\ncode: RP0501")
    assert found.range == types.Range(types.Position(7, 16), types.Position(7, 22))
    assert found.related_information
    assert {info.location.uri for info in found.related_information} == {uri}
    assert "can be 60..=" in found.message + found.related_information[0].message


@pytest.mark.parametrize(
    ("prose", "newline"),
    [
        ("", "\n"),
        ("", "\r\n"),
        ("", "\r"),
        ("é", "\n"),
        ("漢字", "\r\n"),
        ("😀😀", "\n"),
        ("a\u2028b\f", "\n"),
    ],
)
def test_places_are_utf16_units(session: Session, prose: str, newline: str) -> None:
    """Letters beyond the basic plane count two, wide ones one; lines end where the protocol says."""
    text = f'x = tunable(u32, default=9, unit="{prose}", min=§11)\n'.replace("\n", newline)
    before, _, after = text.partition("§")
    found = session.findings_in(before + after)
    column = len(before.encode("utf-16-le")) // 2
    hits = [f for f in found if f.range.start == types.Position(0, column)]

    if "\u2028" in prose:
        assert [f.code for f in found] == ["RP0003"]
        assert found[0].range.start == types.Position(0, before.index("\u2028"))
    else:
        assert hits or found[0].range.start.line == 0
        assert _slice(before + after, found[0].range) in {"9", "11"}


def _slice(text: str, where: types.Range) -> str:
    line = text.splitlines()[where.start.line].encode("utf-16-le")
    return line[where.start.character * 2 : where.end.character * 2].decode("utf-16-le")


def test_edits_behind_odd_line_separators_land_where_the_editor_means(session: Session) -> None:
    """A form feed or U+2028 is a letter of its line, not the end of one."""
    uri = session.open("# a\u2028b\fc 😀\n" + FIFO)
    session.edit(uri, (0, 0), (0, 10), "# fine")
    assert session.errors(uri) == []


def test_incremental_edits_make_the_text_that_is_checked(session: Session) -> None:
    """Edits in ranges, in order, are what the next findings are about."""
    uri = session.open(FIFO)
    session.edit(uri, (5, 11), (5, 16), "smal")
    (found,) = session.findings(uri)
    assert "`smal`" in found.message

    session.edit(uri, (5, 15), (5, 15), "l")
    assert session.errors(uri) == []


def test_tab_in_an_indent_is_found_at_the_tab(session: Session) -> None:
    """A tab is one unit."""
    found = session.findings_in("@hook\ndef folio_added(folio: Folio) -> Place:\n\treturn small.head\n")
    assert found[0].code == "RP0010"
    assert found[0].range.start.line == 2


@pytest.mark.parametrize(
    "text", ["", "\n", "\ufeff", "\x00", "(", '"""', "def ", "@hook\ndef", "x = ", "\ud7ff", "if"]
)
def test_text_that_is_no_policy_yet_has_findings(session: Session, text: str) -> None:
    """Empty, broken and odd texts are told so, and the session goes on."""
    assert session.findings_in(text)


def test_typing_letter_by_letter_ends_without_findings(session: Session) -> None:
    """A policy typed at full speed never stops the server, is not checked at each key, and is accepted at the end."""
    uri = session.open("")
    line = column = 0
    for letter in FIFO:
        session.edit(uri, (line, column), (line, column), letter)
        line, column = (line + 1, 0) if letter == "\n" else (line, column + 1)
        session.complete(uri, (line, column))
    assert session.errors(uri) == []
    assert len([p for p in session.published if p.uri == uri]) < len(FIFO)
    assert session.logged == []


def test_files_are_apart_and_closing_clears(session: Session) -> None:
    """Each file has findings of its own, also one that was never saved; a closed one has none."""
    one, other = session.open("x = y\n", "untitled:Untitled-1"), session.open(FIFO, "file:///a%20b/two.rpol")
    assert session.findings(one)
    assert session.errors(other) == []

    session.close(one)
    session.until(lambda: session.published[-1].uri == one and not session.published[-1].diagnostics)
    session.edit(other, (5, 11), (5, 16), "smal")
    assert session.findings(other)


def test_slow_file_does_not_queue_up(session: Session) -> None:
    """Many edits of a slow file lead to few checks, and the last one is about the last text."""
    slow = Path("policies/mglru.rpol").read_text(encoding="utf-8")
    uri = session.open(slow)
    for _ in range(50):
        session.edit(uri, (0, 3), (0, 3), "x")
        session.pause(0.01)
    assert session.errors(uri) == []
    assert len([p for p in session.published if p.uri == uri]) <= 3


def test_what_could_as_well_be_away_is_drawn_faded(session: Session) -> None:
    """A warning has its own severity, and the tag by which editors draw the place as unnecessary."""
    (found,) = session.findings_in("UNUSED = 3\n\n\n@hook\ndef tick() -> u64:\n    return 1000\n")
    assert (found.severity, found.code) == (types.DiagnosticSeverity.Warning, "RP0804")
    assert list(found.tags or ()) == [types.DiagnosticTag.Unnecessary]
