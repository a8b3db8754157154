"""The words of a text that need not parse: what editors ask about while it is being written.

A text is cut into words, signs, strings and comments by one expression, without a grammar. From that follows
which function a line is in, where a name stands, and which call the cursor is inside of. Nothing here fails,
whatever the text is; lines end as editors count them, by line feed, carriage return or both.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from reclaim.diag.diagnostic import Position, Span

_LINE_END = re.compile(r"\r\n|\r|\n")
_TOKEN = re.compile(
    r'''(?P<string>"""(?:[^\\]|\\.)*?(?:"""|\Z)|\'\'\'(?:[^\\]|\\.)*?(?:\'\'\'|\Z)'''
    r"""|"(?:[^"\\\n]|\\.)*(?:"|(?=\n)|\Z)|'(?:[^'\\\n]|\\.)*(?:'|(?=\n)|\Z))"""
    r"|(?P<comment>#[^\n]*)|(?P<word>\w+)|(?P<sign>->|[<>=!]=|[^\s\w])",
    re.DOTALL,
)
_TOP_LEVEL = re.compile(r"(?P<word>def|class)\s+(?P<name>\w+)|(?P<assigned>\w+)\s*(?::[^=]*)?=(?!=)")
_OPENING, _CLOSING = "([{", ")]}"


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a text: *kind* is "word", "sign", "string" or "comment"."""

    kind: str
    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Section:
    """A declaration at the left margin.

    Args:
        kind: "def", "class" or "" for an assignment.
        name: what it declares.
        name_span: where the name stands.
        first, last: its lines, decorators included, blank lines behind it left out.
        is_hook: whether `@hook` stands above it.
    """

    kind: str
    name: str
    name_span: Span
    first: int
    last: int
    is_hook: bool = False


@dataclass(frozen=True, slots=True)
class OpenCall:
    """The call that a place is inside of.

    Args:
        callee: where the name before the bracket ends.
        index: number of the argument, from 0.
        keyword: name of the argument, where it is given by name.
    """

    callee: Position
    index: int
    keyword: str | None


class Words:
    """One text, cut into words; everything is computed when first asked for."""

    def __init__(self, source: str) -> None:
        self.lines = _LINE_END.split(source)

    @cached_property
    def tokens(self) -> list[Token]:
        """Return all tokens."""
        text = "\n".join(self.lines)
        found, line, line_start, seen = [], 1, 0, 0
        for match in _TOKEN.finditer(text):
            line += text.count("\n", seen, match.start())
            line_start = text.rfind("\n", 0, match.start()) + 1
            start = Position(line, match.start() - line_start + 1)
            line += match.group().count("\n")
            end = Position(line, match.end() - text.rfind("\n", 0, match.end()))
            found.append(Token(match.lastgroup or "", match.group(), Span(start, end)))
            seen = match.end()
        return found

    @cached_property
    def sections(self) -> list[Section]:
        """Return the declarations at the left margin, in order."""
        in_string = self._lines_in_strings()
        starts = [
            number
            for number, line in enumerate(self.lines, 1)
            if line[:1] not in {"", " ", "\t", "#", ")", "]"} and number not in in_string
        ]
        found, first = [], None
        for number, following in pairwise([*starts, len(self.lines) + 1]):
            first = first or number
            if self.lines[number - 1].startswith("@"):
                continue
            section = self._section(first, number, following - 1)
            first = None
            if section is not None:
                found.append(section)
        return found

    def _lines_in_strings(self) -> set[int]:
        """Return the lines that begin inside of a string."""
        strings = (token.span for token in self.tokens if token.kind == "string")
        return {line for span in strings for line in range(span.start.line + 1, span.end.line + 1)}

    def _section(self, first: int, number: int, last: int) -> Section | None:
        match = _TOP_LEVEL.match(self.lines[number - 1])
        if match is None:
            return None
        while last > number and not self.lines[last - 1].strip():
            last -= 1
        group = "name" if match["word"] else "assigned"
        span = Span.of(number, match.start(group) + 1, number, match.end(group) + 1)
        is_hook = any(line.strip() == "@hook" for line in self.lines[first - 1 : number - 1])
        return Section(match["word"] or "", match[group], span, first, last, is_hook)

    def section_at(self, line: int) -> Section | None:
        """Return the declaration that a line belongs to; an indented line belongs to the one above it."""
        above = [section for section in self.sections if section.first <= line]
        if not above:
            return None
        text = self.lines[line - 1] if line <= len(self.lines) else ""
        is_outside = line > above[-1].last and text[:1] not in {"", " ", "\t"}
        return None if is_outside else above[-1]

    def tokens_of(self, section: Section) -> list[Token]:
        """Return the tokens of a declaration."""
        return [t for t in self.tokens if section.first <= t.span.start.line <= section.last]

    def token_at(self, at: Position) -> Token | None:
        """Return the word, string or comment at a place; a word also where it ends."""
        for token in self.tokens:
            if token.kind == "word" and token.span.start <= at <= token.span.end:
                return token
            if token.kind in {"string", "comment"} and token.span.start < at < token.span.end:
                return token
        return None

    def is_prose(self, at: Position) -> bool:
        """Tell whether a place is inside of a string or a comment."""
        for token in self.tokens:
            is_open = token.kind == "comment" or (token.kind == "string" and not _is_closed(token.text))
            is_inside = token.span.start < at < token.span.end or (is_open and at == token.span.end)
            if is_inside and token.kind in {"string", "comment"}:
                return True
        return False

    def line_before(self, at: Position) -> str:
        """Return what stands left of a place on its line."""
        return self.lines[at.line - 1][: at.column - 1] if at.line <= len(self.lines) else ""

    def chain_before(self, at: Position) -> str:
        """Return the expression that ends at a place: names, dots and closed brackets, on its line."""
        text = self.line_before(at)
        start, depth = len(text), 0
        for index in range(len(text) - 1, -1, -1):
            letter = text[index]
            if letter in _CLOSING:
                depth += 1
            elif letter in _OPENING:
                depth -= 1
                if depth < 0:
                    break
            elif depth == 0 and not (letter.isalnum() or letter in "_."):
                break
            start = index
        return text[start:]

    def base_of(self, token: Token) -> str | None:
        """Return the expression before the dot before a word, None where there is no dot."""
        before = self.line_before(token.span.start).rstrip()
        if not before.endswith("."):
            return None
        return self.chain_before(Position(token.span.start.line, len(before)))

    def open_call(self, at: Position) -> OpenCall | None:
        """Return the innermost call whose bracket is open at a place."""
        depth, index, keyword = 0, 0, None
        before = [t for t in self.tokens if t.span.start < at and t.kind in {"word", "sign"}]
        for place in range(len(before) - 1, -1, -1):
            token = before[place]
            if token.text in _CLOSING:
                depth += 1
            elif token.text in _OPENING and depth:
                depth -= 1
            elif token.text == "(":
                is_call = place > 0 and before[place - 1].kind == "word"
                return OpenCall(before[place - 1].span.end, index, keyword) if is_call else None
            elif token.text == "," and not depth:
                index += 1
            elif token.text == "=" and not depth and not index:
                keyword = before[place - 1].text if place else None
            elif token.kind == "word" and token.text in {"def", "class", "return"} and not depth:
                return None
        return None


def _is_closed(string: str) -> bool:
    """Tell whether a string ends with the quotes that it began with."""
    quotes = string[:3] if string[:3] in {'"""', "'''"} else string[:1]
    return len(string) >= 2 * len(quotes) and string.endswith(quotes)
