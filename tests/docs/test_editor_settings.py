"""Settings for editors on docs/editors.md: what is copied from there is well-formed and starts our command."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

_PAGE = Path(__file__).parents[2] / "docs" / "editors.md"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_READERS = {"json": json.loads, "toml": tomllib.loads}


def _blocks() -> list[tuple[str, str]]:
    return _BLOCK.findall(_PAGE.read_text(encoding="utf-8"))


def test_each_editor_has_its_settings() -> None:
    """One block per editor, in the editor's own language."""
    assert [language for language, _ in _blocks()] == ["lua", "elisp", "toml", "json"]


@pytest.mark.parametrize(("language", "text"), _blocks(), ids=[language for language, _ in _blocks()])
def test_settings_can_be_read_and_start_the_server(language: str, text: str) -> None:
    """Every block names the command and the ending of policies; JSON and TOML parse, brackets of the others close."""
    assert "rpol" in text
    assert re.search(r'"reclaim".*"lsp"', text, re.DOTALL)
    if language in _READERS:
        assert _READERS[language](text)
    for opened, closed in ("()", "[]", "{}"):
        assert text.count(opened) == text.count(closed)
