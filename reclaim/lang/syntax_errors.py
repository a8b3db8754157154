"""What to say when the parser is stuck: from an unexpected token to the author's mistake.

The parser knows which tokens would have been possible, which is rarely what the author wants to hear.
Common mistakes are recognised by where the parser stands: a bracket left open, a colon forgotten, a
block missing, a string not ended, a word of Python that the language does not have.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lark import Token, UnexpectedCharacters, UnexpectedEOF, UnexpectedInput, UnexpectedToken

from reclaim.diag.diagnostic import Edit, Help, Position, Span
from reclaim.diag.registry import report
from reclaim.lang.indentation import token_span, unclosed_bracket, unexpected_indentation
from reclaim.lang.restrictions import RESTRICTIONS
from reclaim.lang.signs_of_c import written_as_in_c
from reclaim.lang.tried_fixes import UNKNOWN_MISTAKE

if TYPE_CHECKING:
    from reclaim.diag.diagnostic import Diagnostic

_COMPOUND = ("if", "elif", "else", "for", "while", "def", "class", "try", "except", "finally", "with")
_PYTHON_WORDS = frozenset(
    "False None True and as assert async await break class continue def del elif else except finally for from "
    "global if import in is lambda nonlocal not or pass raise return try while with yield".split()
)
_TYPOGRAPHIC = {
    "\N{LEFT DOUBLE QUOTATION MARK}": '"',
    "\N{RIGHT DOUBLE QUOTATION MARK}": '"',
    "\N{LEFT SINGLE QUOTATION MARK}": "'",
    "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "\N{EN DASH}": "-",
    "\N{MINUS SIGN}": "-",
    "\N{MULTIPLICATION SIGN}": "*",
    "\N{LESS-THAN OR EQUAL TO}": "<=",
    "\N{GREATER-THAN OR EQUAL TO}": ">=",
    "\N{NOT EQUAL TO}": "!=",
    "\N{RIGHTWARDS ARROW}": "->",
}
"""Signs that come in by copying from documents, and what Python writes for them."""

_UNSEEN = {
    "\N{NO-BREAK SPACE}": "a no-break space",
    "\N{IDEOGRAPHIC SPACE}": "a wide space",
    "\N{NARROW NO-BREAK SPACE}": "a narrow space",
    "\N{ZERO WIDTH SPACE}": "a space without width",
    "\N{ZERO WIDTH JOINER}": "a joiner without width",
    "\N{SOFT HYPHEN}": "a soft hyphen",
}
"""Signs that cannot be seen, or not told from a space, by what to call them."""

_SHOWN = {
    "_NEWLINE": "the end of the line",
    "_INDENT": "an indented line",
    "_DEDENT": "the end of the block",
    "$END": "the end of the file",
}


def explain(error: UnexpectedInput, text: str, opened: list[Token]) -> Diagnostic:
    """Turn a parser error into a diagnostic.

    Args:
        error: what lark raised.
        text: the whole text.
        opened: brackets that were open then, outermost first.
    """
    lines = text.split("\n")
    if isinstance(error, UnexpectedCharacters):
        return _character(error, lines)
    if isinstance(error, UnexpectedToken):
        return _token(error, lines, opened)
    assert isinstance(error, UnexpectedEOF)
    end = Position(max(len(lines) - 1, 1), 1)
    return report("invalid-syntax", "the file ends in the middle of a statement", Span(end, end))


def _character(error: UnexpectedCharacters, lines: list[str]) -> Diagnostic:
    line, column = error.line, error.column
    rest = lines[line - 1][column - 1 :]
    char = rest[:1]
    span = Span.of(line, column, line, column + 1)
    if char in "\"'":
        end = Span.of(line, column, line, len(lines[line - 1]) + 1)
        what = "this string" if not rest.startswith(('"""', "'''")) else "this string of several lines"
        return report("unterminated-string", f"{what} is never ended", end, label="begins here")
    if char in _TYPOGRAPHIC:
        help_ = (Help(f"write `{_TYPOGRAPHIC[char]}`", _typed(rest, span)),)
        return report(
            "invalid-character", f"`{char}` is no sign of the language", span, label="here", help=help_
        )
    if char == "!":
        help_ = (Help("write `not`", Edit(span, "not ")),)
        return report("invalid-character", "`!` is no sign of the language", span, label="here", help=help_)
    if char == "?":
        message = "`? :` is written `a if condition else b`"
        chosen = _choice(lines[line - 1], line)
        return report("invalid-character", message, span, label="a sign of C", help=chosen)
    if char == "\\":
        message = "`\\` continues a line only at its very end, with another behind it"
        label = "something follows" if rest[1:] else "the file ends here"
        return report("invalid-character", message, span, label=label)
    if char in _UNSEEN:
        message = f"{_UNSEEN[char]} (U+{ord(char):04X}) is no sign of the language"
        number = len(rest) - len(rest.lstrip(char))
        run = Span.of(line, column, line, column + number)
        told = "write a space" if number == 1 else f"write {number} spaces"
        help_ = (
            Help(told, Edit(run, " " * number)) if char.isspace() else Help("leave it out", Edit(run, "")),
        )
        return report("invalid-character", message, span, label="cannot be seen", help=help_)
    if char.isalpha():
        message = f"names are written in ASCII letters, and `{char}` is none"
        return report("invalid-character", message, span, label="not ASCII")
    return report("invalid-character", f"`{char}` is no sign of the language", span, label="here")


def _choice(line: str, number: int) -> tuple[Help, ...]:
    """Return the choice of C on a line as it is written here, where it is all of an answer or assignment."""
    found = re.fullmatch(r"(\s*(?:return|[\w.]+(?:\[[^]]*\])? =) )(.+?) \? (.+?) : (.+?);?\s*", line)
    if found is None:
        return ()
    text = f"{found[3]} if {found[2]} else {found[4]}"
    span = Span.of(number, len(found[1]) + 1, number, len(line.rstrip()) + 1)
    return (Help(f"write `{text}`", Edit(span, text)),)


def _typed(rest: str, span: Span) -> Edit:
    """Return the edit that replaces a sign, and for a quote also the one that closes it."""
    better = _TYPOGRAPHIC[rest[0]]
    closing = next((i for i, c in enumerate(rest[1:], 1) if _TYPOGRAPHIC.get(c) == better), None)
    if better not in "\"'" or closing is None:
        return Edit(span, better)
    start = span.start
    whole = Span(start, Position(start.line, start.column + closing + 1))
    return Edit(whole, f"{better}{rest[1:closing]}{better}")


def _token(error: UnexpectedToken, lines: list[str], opened: list[Token]) -> Diagnostic:
    token: Token = error.token
    expected = set(error.accepts or error.expected)
    span = _span(token, lines)
    line = span.start.line
    is_header = lines[line - 1].lstrip().startswith("def ")
    if opened and is_header and lines[line - 1][span.start.column - 1 :].startswith("->"):
        return unclosed_bracket(opened[-1])
    if opened and (_continues_elsewhere(token, opened[-1], lines) or _assigns_inside(token, opened)):
        return unclosed_bracket(opened[-1])
    from_c = written_as_in_c(token, lines)
    if from_c is not None:
        return from_c
    if token.type == "_INDENT":
        return _indented(token, lines)
    if "_INDENT" in expected:
        return _missing_block(lines, line)
    words = lines[line - 1].split()
    first = words[0].rstrip(":(") if words else ""
    arrow = _arrow(span, lines[line - 1], is_header=is_header)
    if arrow is not None:
        return arrow
    if "COLON" in expected and first in _COMPOUND and token in ("return", "pass", "break", "continue"):
        end = len(lines[line - 1][: span.start.column - 1].rstrip()) + 1
        return _missing_colon(token, Span.of(line, end, line, end), first)
    if token.type == "COLON" and first == "def" and "OPEN_PAREN" in expected:
        help_ = (Help("write `()`", Edit(Span(span.start, span.start), "()")),)
        message = "`def` needs brackets behind the name, for the parameters"
        return report("invalid-syntax", message, span, label="expected `(`", help=help_)
    if token.type == "$END" and lines[-2].startswith("@"):
        message = f"a function stands below `{lines[-2].strip()}`"
        return report("invalid-syntax", message, span, label="the file ends here")
    if "COLON" in expected and token.type in ("_NEWLINE", "EQUAL") and first in _COMPOUND:
        return _missing_colon(token, span, first)
    if first in ("match", "case") and token.type == "NAME":
        return report(
            "match-statement",
            "this language has no `match`",
            Span.of(
                line, lines[line - 1].index(first) + 1, line, lines[line - 1].index(first) + 1 + len(first)
            ),
            label="no such statement",
            help=(Help("write `if` and `elif`"),),
        )
    if token.type == "EQUAL" and first in ("if", "elif", "while", "assert", "return"):
        help_ = (Help("write `==`", Edit(span, "==")),)
        return report(
            "invalid-syntax",
            "`=` assigns; to compare, write `==`",
            span,
            label="assignment inside of an expression",
            help=help_,
        )
    if token.type == "ASYNC":
        after = lines[line - 1][span.end.column - 1 :]
        return _restricted("async", span, len(after) - len(after.lstrip()))
    if first in ("from", "import"):
        start = lines[line - 1].index(first) + 1
        return _restricted("import", Span.of(line, start, line, len(lines[line - 1].rstrip()) + 1))
    return _generic(token, span, expected, words, bool(opened), lines)


def _arrow(span: Span, line: str, *, is_header: bool) -> Diagnostic | None:
    """Recognise `=>`, which is `->` before a result, and `>=` elsewhere."""
    at = span.start.column - 1
    if line[at : at + 2] != "=>":
        return None
    better = "->" if is_header else ">="
    place = Span.of(span.start.line, at + 1, span.start.line, at + 3)
    help_ = (Help(f"write `{better}`", Edit(place, better)),)
    return report(
        "invalid-syntax", f"`=>` is written `{better}`", place, label="no sign of the language", help=help_
    )


def _restricted(what: str, span: Span, blanks: int | None = None) -> Diagnostic:
    """Report a form of Python that the grammar does not take; a word is left out with the *blanks* behind it."""
    restriction = RESTRICTIONS[what]
    message = f"this language has no {restriction.what}"
    end = Position(span.end.line, span.end.column + (blanks or 0))
    help_ = (Help(restriction.instead, None if blanks is None else Edit(Span(span.start, end), "")),)
    return report(restriction.name, message, span, label="not in this language", help=help_)


def _span(token: Token, lines: list[str]) -> Span:
    if token.type == "$END":
        end = Position(max(len(lines) - 1, 1), len(lines[-2]) + 1 if len(lines) > 1 else 1)
        return Span(end, end)
    if token.type == "_NEWLINE":
        line = token.line or 1
        code = lines[line - 1][: (token.column or 1) - 1].rstrip()
        place = Position(line, len(code) + 1)
        return Span(place, place)
    return token_span(token)


def _continues_elsewhere(token: Token, opener: Token, lines: list[str]) -> bool:
    """Tell whether an open bracket swallowed the beginning of another statement."""
    if token.type == "$END":
        return True
    if (token.line or 1) == (opener.line or 1):
        return False
    before = lines[(token.line or 1) - 1][: (token.column or 1) - 1]
    return (
        not before.strip()
        or token.type in ("EQUAL", "COLON", "DEF", "CLASS", "RETURN", "AUGMENT", "AT")
        or " = " in before
    )


def _assigns_inside(token: Token, opened: list[Token]) -> bool:
    """Tell whether an index is still open where the line goes on to assign."""
    return opened[-1] == "[" and token.type in ("EQUAL", "AUGMENT")


def _indented(token: Token, lines: list[str]) -> Diagnostic:
    number = token.end_line or token.line or 1
    result = re.fullmatch(r"(\s*def .*\)):\s*([\w| ]+?)\s*", lines[number - 2]) if number > 1 else None
    if result is not None:
        place = Span.of(number - 1, len(result[1]) + 1, number - 1, len(lines[number - 2].rstrip()) + 1)
        help_ = (Help(f"write `-> {result[2]}:`", Edit(place, f" -> {result[2]}:")),)
        message = "the result of a function stands behind `->`, before the `:`"
        return report("invalid-syntax", message, place, label="no body", help=help_)
    indent = len(lines[number - 1]) - len(lines[number - 1].lstrip())
    return unexpected_indentation(number, indent)


def _missing_block(lines: list[str], line: int) -> Diagnostic:
    """Report a colon with nothing indented below; the unexpected token is the next line."""
    number = line
    while number > 1 and not _opens_block(lines[number - 1]):
        number -= 1
    text = lines[number - 1].split("#")[0].rstrip()
    span = Span.of(number, len(text), number, len(text) + 1)
    word = text.split()[0].rstrip(":") if text.split() else "this"
    help_ = Help("write `pass` for a block that does nothing")
    if number < line and not lines[line - 1].startswith(("def ", "class ", "@")) and lines[line - 1].strip():
        place = Position(line, 1)
        help_ = Help(f"indent line {line} further", Edit(Span(place, place), "    "))
    return report(
        "missing-block",
        f"an indented block must follow this `{word}`",
        span,
        label="nothing is indented below",
        help=(help_,),
    )


def _opens_block(line: str) -> bool:
    return line.split("#", maxsplit=1)[0].rstrip().endswith(":")


def _missing_colon(token: Token, span: Span, word: str) -> Diagnostic:
    if token.type == "EQUAL":
        help_ = (Help("write `==`", Edit(span, "==")),)
        return report(
            "invalid-syntax",
            "`=` assigns; to compare, write `==`",
            span,
            label="assignment inside of an expression",
            help=help_,
        )
    return report(
        "missing-colon",
        f"`{word}` needs a `:` {'at the end of its line' if token.type == '_NEWLINE' else 'before what it does'}",
        span,
        label="expected `:`",
        help=(Help("write `:` here", Edit(span, ":")),),
    )


def _generic(
    token: Token, span: Span, expected: set[str], words: list[str], is_inside: bool, lines: list[str]
) -> Diagnostic:
    shown = _SHOWN.get(token.type, f"`{token}`" if len(token) <= 40 else "this")
    if token in ("else", "elif", "except", "finally") and words and words[0].rstrip(":") == token:
        owner = "`if`" if token in ("else", "elif") else "`try`"
        return report(
            "invalid-syntax", f"`{token}` stands without its {owner}", span, label="nothing to belong to"
        )
    if "ELSE" in expected and "COLON" not in expected:
        message = "a choice between values needs its `else`: `a if condition else b`"
        return report("invalid-syntax", message, span, label="expected `else`")
    if token in _PYTHON_WORDS and "NAME" in expected:
        message = f"`{token}` is a word of Python and cannot be a name"
        return report("invalid-syntax", message, span, label="not a name here")
    if is_inside and "COMMA" in expected and token.type in ("NAME", "NUMBER", "STRING"):
        before = lines[span.start.line - 1][: span.start.column - 1].rstrip()
        typed = re.search(r"[(,]\s*([A-Z]\w+|[us](?:8|16|32|64)|bool)$", before)
        if typed is not None and words[0] == "def" and token.type == "NAME":
            text = f"{token}: {typed[1]}"
            whole = Span.of(span.start.line, typed.start(1) + 1, span.start.line, span.end.column)
            help_ = (Help(f"write `{text}`", Edit(whole, text)),)
            message = "names of parameters come before their types"
            return report("invalid-syntax", message, whole, label="turned round", help=help_)
        place = Position(span.start.line, len(before) + 1)
        help_ = (Help("write `,` here", Edit(Span(place, place), ",")),)
        return report(
            "invalid-syntax", f"a `,` is missing before `{token}`", span, label=UNKNOWN_MISTAKE, help=help_
        )
    wanted = _wanted(expected)
    message = f"expected {wanted}, found {shown}" if wanted else f"{shown} is unexpected here"
    return report("invalid-syntax", message, span, label=UNKNOWN_MISTAKE)


_KINDS = (
    ("COLON", "`:`"),
    ("EQUAL", "`=`"),
    ("CLOSE_PAREN", "`)`"),
    ("CLOSE_BRACKET", "`]`"),
    ("CLOSE_BRACE", "`}`"),
    ("IN", "`in`"),
    ("NAME", "a name"),
    ("_NEWLINE", "the end of the line"),
)


def _wanted(expected: set[str]) -> str:
    """Name what could have stood there, if that is one or two things."""
    if "NUMBER" in expected:
        return "an expression" if "_NEWLINE" not in expected else ""
    names = [shown for kind, shown in _KINDS if kind in expected]
    return " or ".join(names) if len(names) <= 2 else ""
