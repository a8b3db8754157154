"""Semantic tokens: every name is coloured by what it is, in a session as an editor has it."""

from __future__ import annotations

import pytest
from lsprotocol import types

from reclaim.lsp.colouring import LEGEND
from tests.lsp.session import Session
from tests.lsp.test_questions_about_a_policy import POLICY


def colours(session: Session, text: str) -> list[tuple[str, str, set[str]]]:
    """Return (name, type, modifiers) of each token of a text."""
    uri = session.open(text)
    session.findings(uri)
    params = types.SemanticTokensParams(types.TextDocumentIdentifier(uri))
    data = session.ask("text_document_semantic_tokens_full", params).data
    lines = [line.encode("utf-16-le") for line in text.split("\n")]
    found, line, column = [], 0, 0
    for at in range(0, len(data), 5):
        down, right, length, kind, flags = data[at : at + 5]
        line, column = line + down, right if down else column + right
        name = lines[line][2 * column : 2 * (column + length)].decode("utf-16-le")
        modifiers = {m for bit, m in enumerate(LEGEND.token_modifiers) if flags >> bit & 1}
        found.append((name, LEGEND.token_types[kind], modifiers))
    return found


@pytest.mark.parametrize(
    ("name", "kind", "modifiers"),
    [
        ("LIMIT", "variable", {"readonly"}),
        ("share", "variable", {"readonly"}),
        ("queue", "variable", set()),
        ("tunable", "function", {"defaultLibrary"}),
        ("default", "parameter", set()),
        ("PerFolio", "type", set()),
        ("FolioState", "type", {"defaultLibrary"}),
        ("hook", "decorator", set()),
        ("folio_added", "event", {"defaultLibrary"}),
        ("spare", "function", set()),
        ("sc", "parameter", set()),
        ("total", "variable", set()),
        ("nr_pages", "property", {"defaultLibrary"}),
        ("seen", "property", set()),
        ("referenced", "method", {"defaultLibrary"}),
        ("RECLAIM", "enumMember", {"defaultLibrary"}),
        ("Verdict", "type", {"defaultLibrary"}),
    ],
)
def test_names_are_coloured_by_what_they_are(
    session: Session, name: str, kind: str, modifiers: set[str]
) -> None:
    """A name has the type and modifiers of its sort wherever it stands."""
    assert {(k, frozenset(m)) for n, k, m in colours(session, POLICY) if n == name} == {
        (kind, frozenset(modifiers))
    }


def test_colours_stand_in_utf16_units(session: Session) -> None:
    """Letters outside of the first plane before a name do not move its colour."""
    text = 'queue = folio_list()\nshare = tunable(u32, doc="😀", default=1)\n'
    assert [
        n for n, _, _ in colours(session, text)
    ] == "queue folio_list share tunable u32 doc default".split()


def test_half_written_text_has_colours(session: Session) -> None:
    """What can be told is told while the text does not parse."""
    found = colours(session, POLICY.replace("total += folio.nr_pages", "total += folio.("))
    assert ("total", "variable", set()) in found
    assert colours(session, "") == []
