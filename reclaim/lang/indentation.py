"""Indentation and brackets: the post-lexer between lark's lexer and parser.

lark's own Indenter makes the `_INDENT` and `_DEDENT` tokens. This one also remembers where each
open bracket stands, so that a bracket that is never closed is reported where it was opened, and
it stops at depths that no policy needs and a recursive reader could not survive.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from lark import Token
from lark.indenter import Indenter

from reclaim.diag.diagnostic import Diagnostic, Help, Label, Span
from reclaim.diag.registry import report

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BRACKETS = 50
"""Deepest nesting of brackets; CPython stops at 200, no policy comes near either."""

MAX_BLOCKS = 20
"""Deepest nesting of indented blocks, CPython's own limit for nested loops."""

_PARTNER = {")": "(", "]": "[", "}": "{"}


class TextRejected(Exception):
    """Carry a diagnostic out of the lexer or the tree builder; never leaves this package."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


def token_span(token: Token) -> Span:
    """Return where a token stands."""
    line, column = token.line or 1, token.column or 1
    return Span.of(line, column, token.end_line or line, token.end_column or column)


class PolicyIndenter(Indenter):
    """Turn newlines into indentation tokens, checking brackets and depth on the way."""

    NL_type = "_NEWLINE"
    OPEN_PAREN_types: ClassVar[list[str]] = ["OPEN_PAREN", "OPEN_BRACKET", "OPEN_BRACE"]
    CLOSE_PAREN_types: ClassVar[list[str]] = ["CLOSE_PAREN", "CLOSE_BRACKET", "CLOSE_BRACE"]
    INDENT_type = "_INDENT"
    DEDENT_type = "_DEDENT"
    tab_len = 8

    def __init__(self) -> None:
        super().__init__()
        self.open: list[Token] = []

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        """Yield the tokens that the parser sees."""
        self.open = []
        self.indent_level = [0]
        opening, closing = frozenset(self.OPEN_PAREN_types), frozenset(self.CLOSE_PAREN_types)
        begin: tuple[int, int] | None = (1, 1)
        for token in stream:
            kind = token.type
            if kind == "_NEWLINE":
                if not self.open:
                    yield from self._newline(token)
                    begin = (token.end_line or 1, token.end_column or 1)
                continue
            if begin is not None:
                _check_begin(token, begin)
                begin = None
            if kind in opening:
                self._push(token)
            elif kind in closing:
                self._pop(token)
            yield token
        if self.open:
            raise TextRejected(unclosed_bracket(self.open[-1]))
        yield from self._dedents(0, None)

    def _newline(self, token: Token) -> Iterator[Token]:
        yield token
        indent_text = token[token.rindex("\n") + 1 :]
        span = Span.of(token.end_line or 1, 1, token.end_line or 1, len(indent_text) + 1)
        if "\t" in indent_text:
            raise TextRejected(
                report("tab-in-indentation", "a tab indents this line", span, label="use spaces here")
            )
        indent = len(indent_text)
        if indent > self.indent_level[-1]:
            self.indent_level.append(indent)
            if len(self.indent_level) > MAX_BLOCKS + 1:
                message = f"blocks nest deeper than {MAX_BLOCKS} levels"
                raise TextRejected(report("nested-too-deeply", message, span, label="too deep"))
            yield Token.new_borrow_pos(self.INDENT_type, indent_text, token)
        elif indent < self.indent_level[-1]:
            yield from self._dedents(indent, token)
            if indent != self.indent_level[-1]:
                raise TextRejected(_uneven(indent, self.indent_level[-1], span))

    def _dedents(self, indent: int, token: Token | None) -> Iterator[Token]:
        while indent < self.indent_level[-1]:
            self.indent_level.pop()
            if token is None:
                yield Token(self.DEDENT_type, "")
            else:
                yield Token.new_borrow_pos(self.DEDENT_type, "", token)

    def _push(self, token: Token) -> None:
        self.open.append(token)
        if len(self.open) > MAX_BRACKETS:
            message = f"brackets nest deeper than {MAX_BRACKETS} levels"
            raise TextRejected(report("nested-too-deeply", message, token_span(token), label="too deep"))

    def _pop(self, token: Token) -> None:
        if not self.open:
            message = f"`{token}` closes nothing"
            raise TextRejected(
                report("unmatched-bracket", message, token_span(token), label="no bracket is open here")
            )
        opener = self.open.pop()
        if opener != _PARTNER[token]:
            raise TextRejected(
                report(
                    "unmatched-bracket",
                    f"`{token}` cannot close `{opener}`",
                    token_span(token),
                    label="closed here",
                    labels=(Label(token_span(opener), "opened here"),),
                )
            )


def unclosed_bracket(opener: Token) -> Diagnostic:
    """Report a bracket that is open at the end of the file."""
    return report("unclosed-bracket", f"`{opener}` is never closed", token_span(opener), label="opened here")


def _check_begin(token: Token, begin: tuple[int, int]) -> None:
    """Refuse a first line that is indented, and one that begins with a backslash, whose depth Python finds elsewhere."""
    line, column = token.line or 1, token.column or 1
    if line > begin[0]:
        message = "this line begins with `\\`, so that its depth is unclear"
        span = Span.of(begin[0], begin[1], begin[0], begin[1] + 1)
        raise TextRejected(report("bad-indentation", message, span, label="nothing stands before it"))
    if column > begin[1]:
        raise TextRejected(unexpected_indentation(line, column - 1))


def unexpected_indentation(line: int, width: int) -> Diagnostic:
    """Report a line that stands deeper than the one before, where no block begins; the first of a file as well."""
    message = "this line is indented, but no block begins before it"
    span = Span.of(line, 1, line, width + 1)
    return report("bad-indentation", message, span, label="unexpected indentation")


def _uneven(indent: int, outer: int, span: Span) -> Diagnostic:
    return report(
        "bad-indentation",
        f"this line is indented by {indent} spaces, which matches no block around it",
        span,
        label=f"the enclosing block is indented by {outer}",
        help=(Help("indent it like the block that it belongs to"),),
    )
