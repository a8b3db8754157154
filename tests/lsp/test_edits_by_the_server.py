"""What the server offers to write: fixes that keep, all of them at once, and formatting."""

from __future__ import annotations

import asyncio

import pytest
from lsprotocol import types

from reclaim.lang.frontend import compile_source
from reclaim.lsp import formatting
from reclaim.lsp.formatting import NotFormatted, formatted
from tests.lsp.session import Session
from tests.lsp.test_diagnostics_while_typing import FIFO, OUT_OF_BOUNDS
from verifier.verified import verify

TWO_TYPOS = FIFO.replace("return small.head", "return smal.head").replace("small.batch", "smal.batch")


def applied(text: str, edits: list[types.TextEdit]) -> str:
    """Return a text after edits of single lines or of everything."""
    for edit in sorted(edits, key=lambda e: e.range.start, reverse=True):
        lines = text.split("\n")
        start, end = edit.range.start, edit.range.end
        before, after = lines[start.line][: start.character], lines[end.line][end.character :]
        lines[start.line : end.line + 1] = [before + edit.new_text + after]
        text = "\n".join(lines)
    return text


def changes(action: types.CodeAction, uri: str) -> list[types.TextEdit]:
    """Return the edits of an action."""
    assert action.edit is not None
    assert action.edit.changes is not None
    return list(action.edit.changes[uri])


@pytest.mark.parametrize("text", [TWO_TYPOS, OUT_OF_BOUNDS.format(comment="")], ids=["typo", "index"])
def test_quick_fix_removes_its_finding(session: Session, text: str) -> None:
    """A fix is attached to its finding, and applied it leaves the text without it."""
    uri = session.open(text)
    found = session.findings(uri)
    actions = session.actions(uri, found[0].range, types.CodeActionKind.QuickFix)
    assert actions
    assert list(actions[0].diagnostics or ()) == found[:1]

    mended = applied(text, changes(actions[0], uri))
    session.replace(uri, mended)
    assert len(session.errors(uri)) < len(found)


def test_no_fix_is_offered_where_nothing_is_wrong(session: Session) -> None:
    """Away from findings there is no quick fix."""
    uri = session.open(TWO_TYPOS)
    session.findings(uri)
    nowhere = types.Range(types.Position(0, 0), types.Position(0, 1))
    assert session.actions(uri, nowhere, types.CodeActionKind.QuickFix) == []


def test_fix_all_mends_the_whole_text(session: Session) -> None:
    """`source.fixAll` is offered without its edit, which is made when it is chosen."""
    uri = session.open(TWO_TYPOS)
    found = session.findings(uri)
    (action,) = session.actions(uri, found[0].range, "source")
    assert action.kind == types.CodeActionKind.SourceFixAll
    assert action.edit is None

    chosen = session.ask("code_action_resolve", action)
    assert applied(TWO_TYPOS, changes(chosen, uri)) == FIFO


def test_fix_all_of_an_older_text_does_nothing(session: Session) -> None:
    """An action that outlived its text has no edit."""
    uri = session.open(TWO_TYPOS)
    found = session.findings(uri)
    (action,) = session.actions(uri, found[0].range, "source.fixAll")
    session.edit(uri, (0, 0), (0, 0), "# ")
    assert session.ask("code_action_resolve", action).edit is None


def test_formatting_lays_out_and_keeps_the_meaning(session: Session) -> None:
    """What the formatter makes verifies as before."""
    text = FIFO.replace("small.head", "(small . head)").replace("small.batch(32)", "small.batch( 32 )")
    uri = session.open(text)
    options = types.FormattingOptions(tab_size=4, insert_spaces=True)
    params = types.DocumentFormattingParams(types.TextDocumentIdentifier(uri), options)
    edits = session.ask("text_document_formatting", params)

    result = applied(text, edits)
    assert "small.batch(32)" in result
    assert verify(compile_source(result, "x.rpol")).accepted


def test_broken_text_is_not_formatted() -> None:
    """With a syntax error the text is left alone, with the reason."""
    with pytest.raises(NotFormatted, match="syntax errors"):
        asyncio.run(formatted("x = (\n", None))


def test_without_a_formatter_the_reason_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where none is installed, that is said."""
    monkeypatch.setattr(formatting, "FORMATTERS", (("no-such-formatter", ()),))
    with pytest.raises(NotFormatted, match="neither ruff nor black"):
        asyncio.run(formatted(FIFO, None))


def test_formatter_that_changes_the_meaning_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """What reads differently afterwards is not taken."""
    monkeypatch.setattr(formatting, "FORMATTERS", (("sed", ("s/32/33/",)),))
    with pytest.raises(NotFormatted, match="would change"):
        asyncio.run(formatted(FIFO, None))
