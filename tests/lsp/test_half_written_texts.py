"""Every question about every half-written text has an answer or none, but no error."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from lsprotocol import types

from reclaim.lang.frontend import declarations_of
from reclaim.lang.parser import parse
from reclaim.lang.words import Words
from reclaim.lsp import calling, completing, hovering, naming, outlining
from reclaim.lsp.checks import Check
from reclaim.lsp.documents import Document, Text

_POLICIES = sorted(Path("policies").glob("*.rpol"))
_INSERTED = (
    "",
    "(",
    ")",
    '"',
    '"""',
    "[",
    ".",
    "\n",
    " ",
    "#",
    "=",
    "@",
    "def ",
    "😀",
    "\x00",
    "\u2028",
    "\\",
    ":",
    ",",
)


def _ask_everything(document: Document, place: types.Position) -> None:
    hovering.hover(document, place)
    completing.complete(document, place, snippets=True)
    calling.signature_help(document, place)
    naming.definition(document, place)
    naming.references(document, place, with_definition=True)
    naming.renamable(document, place)
    naming.rename(document, place, "renamed")
    outlining.outline(document)


@pytest.mark.parametrize("path", _POLICIES, ids=lambda path: path.stem)
def test_no_question_fails_at_any_cut(path: Path) -> None:
    """Texts cut anywhere, with odd letters at the cut and the rest behind it or gone."""
    source = path.read_text(encoding="utf-8")
    chance = random.Random(path.stem)
    checked = Check(source, path.name).answer()
    for _ in range(25):
        cut = chance.randrange(len(source))
        rest = source[cut + chance.randrange(40) :] if chance.random() < 0.5 else ""
        text = Text(source[:cut] + chance.choice(_INSERTED) + rest, types.PositionEncodingKind.Utf16)
        document = Document("file:///x.rpol", text, 2, checked, chance.choice((1, 2)), checked.declared)
        line = source[:cut].count("\n")
        _ask_everything(document, types.Position(line, cut - source[:cut].rfind("\n") - 1))
        _ask_everything(document, types.Position(chance.randrange(line + 3), chance.randrange(60)))


@pytest.mark.parametrize("path", _POLICIES, ids=lambda path: path.stem)
def test_no_check_fails_at_any_cut(path: Path) -> None:
    """A cut text is checked: it has findings or is accepted, and what it declares can be read."""
    source = path.read_text(encoding="utf-8")
    chance = random.Random(path.stem)
    for _ in range(4):
        cut = chance.randrange(len(source))
        found = Check(source[:cut] + chance.choice(_INSERTED), path.name).answer()
        assert found.diagnostics or found.is_compiled


def test_declarations_before_the_mistake_stay() -> None:
    """A function that is being written does not take the rest of the policy with it."""
    module, broken = parse("share = tunable(u32, default=1)\n\n\ndef f(x: u64) -> u64:\n    return x +\n")
    assert broken
    assert set(declarations_of(module).tunables) == {"share"}


@pytest.mark.parametrize("size", [1000, 10_000])
def test_words_of_long_lines_and_texts_are_cut_quickly(size: int) -> None:
    """Nothing that repeats makes the cutting slower than the text is long: quotes, brackets, escapes."""
    for piece in ('"', "'", "(", '"""', "\\", "a.", "x = ", "# ", "\n", "@\n"):
        words = Words(piece * size)
        assert words.tokens is words.tokens
        assert words.sections is words.sections
