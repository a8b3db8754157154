"""What each name of a text is, so that an editor can colour it: semantic tokens.

Keywords, strings, numbers and comments are left to the editor's Python. Here is what Python cannot know: which names
are the contract's, which are parameters, which are state, which are answers.
"""

from __future__ import annotations

from collections.abc import Iterator

from lsprotocol import types

from reclaim.lang import vocabulary
from reclaim.lang.shapes import Shape, declared_entries, is_state, members_of
from reclaim.lang.vocabulary import KEYWORDS, Entry, Sort
from reclaim.lang.words import Section, Token
from reclaim.lsp.documents import Document
from reclaim.lsp.sight import Sight, Variables

_TYPES = {
    Sort.HOOK: types.SemanticTokenTypes.Event,
    Sort.FUNCTION: types.SemanticTokenTypes.Function,
    Sort.METHOD: types.SemanticTokenTypes.Method,
    Sort.FIELD: types.SemanticTokenTypes.Property,
    Sort.ANSWER: types.SemanticTokenTypes.EnumMember,
    Sort.TYPE: types.SemanticTokenTypes.Type,
    Sort.MEMBER: types.SemanticTokenTypes.EnumMember,
    Sort.CONSTANT: types.SemanticTokenTypes.Variable,
    Sort.VARIABLE: types.SemanticTokenTypes.Variable,
}
_READ_ONLY = types.SemanticTokenModifiers.Readonly
_OF_CONTRACT = types.SemanticTokenModifiers.DefaultLibrary
_LEGEND_TYPES = [
    *dict.fromkeys(_TYPES.values()),
    types.SemanticTokenTypes.Parameter,
    types.SemanticTokenTypes.Decorator,
]
_LEGEND_MODIFIERS = [_READ_ONLY, _OF_CONTRACT]

LEGEND = types.SemanticTokensLegend([t.value for t in _LEGEND_TYPES], [m.value for m in _LEGEND_MODIFIERS])
"""Names of the numbers that `colours` answers with."""

Colour = tuple[types.SemanticTokenTypes, tuple[types.SemanticTokenModifiers, ...]]


def colours(document: Document) -> types.SemanticTokens:
    """Return the tokens of a document: line and column as differences, length, type, modifiers."""
    data: list[int] = []
    line = column = 0
    for token, (kind, modifiers) in _coloured(document):
        place = document.range(token.span)
        start, end = place.start, place.end
        column = start.character - (column if start.line == line else 0)
        flags = sum(1 << _LEGEND_MODIFIERS.index(modifier) for modifier in modifiers)
        length = end.character - start.character
        data += [start.line - line, column, length, _LEGEND_TYPES.index(kind), flags]
        line, column = start.line, start.character
    return types.SemanticTokens(data)


def _coloured(document: Document) -> Iterator[tuple[Token, Colour]]:
    """Yield the names that have a colour, in the order of the text."""
    words, declared = document.text.words, document.declared
    own, contract = declared_entries(declared), _of_contract()
    bound = {section.name: section for section in words.sections}
    places: dict[int, _Place] = {}
    depth = 0
    for token in words.tokens:
        depth += (token.text in "([{") - (token.text in ")]}") if token.kind == "sign" else 0
        if token.kind != "word" or token.text in KEYWORDS:
            continue
        section = words.section_at(token.span.start.line)
        first = section.first if section else 0
        if first not in places:
            places[first] = _Place(Sight(document, token.span.start))
        base = words.base_of(token)
        if base is not None:
            colour = places[first].member(base, token.text)
        else:
            colour = places[first].local(token, is_inside=depth > 0)
            colour = colour or _colour(own.get(token.text), is_own=True)
            if colour is None and token.text in bound:
                colour = _declaration(bound[token.text])
            colour = colour or _colour(contract.get(token.text))
        if colour is not None:
            yield token, colour


def _of_contract() -> dict[str, Entry]:
    """Return what the contract and the language name."""
    answers = {name: entry for name, (entry, _) in vocabulary.answers().items()}
    functions = vocabulary.functions() | vocabulary.language_functions() | vocabulary.declarators()
    return functions | vocabulary.types() | vocabulary.state_bases() | vocabulary.constants() | answers


class _Place:
    """The names of one declaration; each expression before a dot is looked at once."""

    def __init__(self, sight: Sight) -> None:
        self._sight = sight
        self._variables = set(sight.variables)
        self._shapes: dict[str, Shape | None] = {}

    def member(self, base: str, name: str) -> Colour | None:
        """Return the colour of a name behind a dot."""
        if base not in self._shapes:
            self._shapes[base] = self._sight.shape(base)
        shape, declared = self._shapes[base], self._sight.declared
        return _colour(members_of(shape, declared).get(name), is_own=is_state(shape, name, declared))

    def local(self, token: Token, *, is_inside: bool) -> Colour | None:
        """Return the colour of a decorator, an argument's name, a field, a parameter or a variable."""
        words, section, place = self._sight.words, self._sight.section, token.span
        before = words.line_before(place.start).strip()
        behind = words.lines[place.end.line - 1][place.end.column - 1 :].lstrip()
        if before == "@":
            return types.SemanticTokenTypes.Decorator, ()
        if is_inside and behind[:1] == "=" and behind[:2] != "==":
            return types.SemanticTokenTypes.Parameter, ()
        if section is None or place == section.name_span:
            return None
        if section.kind == "class" and not before:
            return types.SemanticTokenTypes.Property, ()
        variables = self._sight.variables
        if isinstance(variables, Variables) and token.text in variables.parameters:
            return types.SemanticTokenTypes.Parameter, ()
        return (types.SemanticTokenTypes.Variable, ()) if token.text in self._variables else None


def _declaration(section: Section) -> Colour:
    """Return the colour of a name that the top level binds, where its declaration says nothing yet."""
    if section.kind == "class":
        return types.SemanticTokenTypes.Type, ()
    if section.is_hook:
        return _TYPES[Sort.HOOK], (_OF_CONTRACT,)
    return _TYPES[Sort.FUNCTION if section.kind else Sort.VARIABLE], ()


def _colour(entry: Entry | None, *, is_own: bool = False) -> Colour | None:
    if entry is None:
        return None
    modifiers = (_READ_ONLY,) if entry.sort is Sort.CONSTANT else ()
    return _TYPES[entry.sort], modifiers if is_own else (*modifiers, _OF_CONTRACT)
