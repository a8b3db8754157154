"""Where a name is bound and used: definition, references, highlights, renaming.

A variable belongs to its function, everything else to the file; a name behind a dot belongs to the state of a
scope. All of it is read off the words of the present text, so that it works while the text does not parse.
"""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass

from lsprotocol import types

from reclaim.diag.diagnostic import Span
from reclaim.lang.policy_names import bound_names
from reclaim.lang.shapes import is_state
from reclaim.lang.vocabulary import KEYWORDS
from reclaim.lang.words import Section, Token, Words
from reclaim.lsp.documents import Document
from reclaim.lsp.sight import Sight

_FIELD = re.compile(r"\s+(\w+)\s*:")


@dataclass(frozen=True, slots=True)
class Occurrences:
    """All places of one name.

    Args:
        definition: where it is bound.
        uses: every place, the definition included, in source order.
    """

    definition: Span
    uses: tuple[Span, ...]


def occurrences(document: Document, place: types.Position) -> Occurrences | None:
    """Return where the name under the cursor is bound and used, None where the policy binds no such name."""
    words = document.text.words
    token = words.token_at(document.text.places.ours(place))
    if token is None or token.kind != "word" or token.text in KEYWORDS:
        return None
    section = words.section_at(token.span.start.line)
    if words.base_of(token) is not None or _is_field(words, section, token):
        return _of_field(document, token)
    if section is not None and section.kind == "def":
        local = _of_variable(document, section, token)
        if local is not None:
            return local
    return _of_top_level(words, token)


def definition(document: Document, place: types.Position) -> types.Location | None:
    """Return where the name under the cursor is bound."""
    found = occurrences(document, place)
    return None if found is None else types.Location(document.uri, document.range(found.definition))


def references(document: Document, place: types.Position, *, with_definition: bool) -> list[types.Location]:
    """Return where the name under the cursor is used."""
    found = occurrences(document, place)
    if found is None:
        return []
    uses = [use for use in found.uses if with_definition or use != found.definition]
    return [types.Location(document.uri, document.range(use)) for use in uses]


def highlights(document: Document, place: types.Position) -> list[types.DocumentHighlight]:
    """Return every place of the name under the cursor."""
    found = occurrences(document, place)
    return [types.DocumentHighlight(document.range(use)) for use in found.uses] if found else []


def renamable(document: Document, place: types.Position) -> types.Range | None:
    """Return the range of the name under the cursor, None where it cannot be renamed: a hook and its parameters."""
    found = occurrences(document, place)
    token = document.text.words.token_at(document.text.places.ours(place))
    if found is None or token is None or token.text in bound_names() or _is_contract(document, token):
        return None
    return document.range(token.span)


class NotRenamed(Exception):
    """Say why a name cannot be another one, in words for the person who wished it."""


def rename(document: Document, place: types.Position, name: str) -> types.WorkspaceEdit | None:
    """Return the edit that renames, None where nothing under the cursor can be renamed.

    Raises:
        NotRenamed: the new name is none that a policy can bind there.
    """
    found = occurrences(document, place)
    if found is None or renamable(document, place) is None:
        return None
    if re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII) is None:
        raise NotRenamed(f"`{name}` is no name: it takes ASCII letters, digits and `_`")
    if keyword.iskeyword(name) or name in bound_names():
        raise NotRenamed(f"`{name}` is a word of the language")
    if name in _taken(document, found):
        raise NotRenamed(f"there is a `{name}` already")
    edits = [types.TextEdit(document.range(use), name) for use in found.uses]
    return types.WorkspaceEdit(changes={document.uri: edits})


def _taken(document: Document, found: Occurrences) -> set[str]:
    """Return the names in sight of any use of a name: declarations, and what the functions around bind."""
    words = document.text.words
    names = {section.name for section in words.sections}
    for section in words.sections:
        if any(section.first <= use.start.line <= section.last for use in found.uses):
            inside = words.tokens_of(section)
            bound = (t for t in inside if t.kind == "word" and words.base_of(t) is None)
            names |= {t.text for t in bound if section.kind == "def" or _is_field(words, section, t)}
    return names


def _is_contract(document: Document, token: Token) -> bool:
    """Tell whether a name is the contract's: a hook, or a parameter of one."""
    sight = Sight(document, token.span.start)
    if any(section.is_hook and section.name == token.text for section in sight.words.sections):
        return True
    return sight.hook is not None and sight.hook.param(token.text) is not None


def _of_variable(document: Document, section: Section, token: Token) -> Occurrences | None:
    words = document.text.words
    if token.text not in set(Sight(document, token.span.start).variables):
        return None
    uses = [t.span for t in words.tokens_of(section) if _is_plain(words, t, token.text)]
    return Occurrences(uses[0], tuple(uses)) if uses else None


def _of_top_level(words: Words, token: Token) -> Occurrences | None:
    bound = next((section for section in words.sections if section.name == token.text), None)
    if bound is None:
        return None
    uses = tuple(t.span for t in words.tokens if _is_plain(words, t, token.text))
    return Occurrences(bound.name_span, uses)


def _of_field(document: Document, token: Token) -> Occurrences | None:
    words = document.text.words
    fields = [
        t.span
        for section in words.sections
        for t in words.tokens_of(section)
        if t.kind == "word" and t.text == token.text and _is_field(words, section, t)
    ]
    if len(fields) != 1:
        return None  # two classes have a field of that name, or none has
    uses = [t.span for t in words.tokens if t.text == token.text and _is_state(document, t)]
    if token.span not in {fields[0], *uses}:
        return None
    return Occurrences(fields[0], (fields[0], *uses))


def _is_state(document: Document, token: Token) -> bool:
    """Tell whether a word behind a dot is declared state; a field of the kernel's may have the same name elsewhere."""
    base = document.text.words.base_of(token)
    if base is None:
        return False
    sight = Sight(document, token.span.start)
    return is_state(sight.shape(base), token.text, document.declared)


def _is_field(words: Words, section: Section | None, token: Token) -> bool:
    """Tell whether a word declares a field of a class."""
    if section is None or section.kind != "class":
        return False
    match = _FIELD.match(words.lines[token.span.start.line - 1])
    return match is not None and match.start(1) + 1 == token.span.start.column


def _is_plain(words: Words, token: Token, name: str) -> bool:
    """Tell whether a token is that name, and neither behind a dot nor the name of an argument or field."""
    if token.kind != "word" or token.text != name or words.base_of(token) is not None:
        return False
    if _is_field(words, words.section_at(token.span.start.line), token):
        return False
    behind = words.lines[token.span.end.line - 1][token.span.end.column - 1 :].lstrip()
    is_argument = behind.startswith("=") and not behind.startswith("==")
    return not (is_argument and words.open_call(token.span.start) is not None)
