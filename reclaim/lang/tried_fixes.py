"""Ways out of a text that cannot be parsed, each tried before it is offered.

Where the parser is stuck, the author's mistake is often one sign away: a bracket, a blank, a letter. Here the few
ways that come to mind are made and parsed; the first with which the parser gets past the place is the fix.
`syntax_errors` says what is wrong, and need not know whether anything of this helps.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

from reclaim.diag.diagnostic import Diagnostic, Edit, Help, Position, Span
from reclaim.diag.edits import apply_edits
from reclaim.diag.registry import report

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from reclaim.lang.nodes import Module

    Parse = Callable[[str], Module | Diagnostic]

UNKNOWN_MISTAKE = "unexpected"
"""What is said beside a place where nobody knows better: what is found here may be told otherwise."""

MOST_TRIES = 12
"""Texts parsed for one mistake; ours: a text of one function is parsed in milliseconds."""

LONGEST_TRIED = 20_000
"""Letters of a text that is parsed several times; ours: more than any function, less than half a second in all."""

_MOST_LINES_ON = 8
"""Lines behind an open bracket at whose end it may be closed."""

_CLOSERS = {"(": ")", "[": "]", "{": "}"}

_WORDS = "and assert break class continue def elif else for if in is not or pass return".split()
_WORDS_ELSEWHERE = {
    **dict.fromkeys(("elseif", "elsif"), "elif"),
    **dict.fromkeys(("func", "fn", "fun", "function", "sub", "proc"), "def"),
    **dict.fromkeys(("foreach",), "for"),
    **dict.fromkeys(("struct",), "class"),
}
"""Words that other languages have for the same."""

_ALIKE = 0.6
"""How alike two words must be: `retrun` and `return` are, `try` and `or` are not."""


def with_tried_fix(found: Diagnostic, text: str, opened: Sequence[str], parse: Parse) -> Diagnostic:
    """Return a finding with a fix that gets the parser past it, if one is found; as it was otherwise.

    Args:
        found: what is wrong.
        text: what was parsed.
        opened: the brackets that were open then, outermost first.
        parse: parses a text, and returns a tree or what is wrong.
    """
    if len(text) > LONGEST_TRIED or any(offer.edit is not None for offer in found.help):
        return found
    for _, (told, offer) in zip(range(MOST_TRIES), _ways_out(found, text, opened), strict=False):
        assert offer.edit is not None
        left = parse(apply_edits(text, [offer.edit]))
        if not isinstance(left, Diagnostic) or left.span.start.line > found.span.end.line:
            return replace(told, help=(offer,))
    return found


def _ways_out(found: Diagnostic, text: str, opened: Sequence[str]) -> Iterator[tuple[Diagnostic, Help]]:
    lines = text.split("\n")
    offers: Iterator[Help] = iter(())
    match found.name:
        case "unclosed-bracket":
            offers = _closed(found.span, lines, opened)
        case "unmatched-bracket":
            offers = _matched(found, lines)
        case "tab-in-indentation":
            offers = _without_tabs(found.span, lines)
        case "bad-indentation":
            offers = _indented(found.span.start.line, lines)
        case "unterminated-string":
            offers = _ended(found.span, lines)
        case "invalid-number":
            offers = _octal(found.span, lines)
        case "invalid-syntax":
            if found.label == UNKNOWN_MISTAKE:
                yield from _misspelt(found.span.start.line, lines)
                yield from _bracketed(found.span.start.line, lines)
            offers = _parted(found.span, lines)
        case _:
            return
    yield from ((found, offer) for offer in offers)


def _closed(opener: Span, lines: list[str], opened: Sequence[str]) -> Iterator[Help]:
    """Yield the closing brackets where the line goes on as something else, where it ends, or a few lines below."""
    closers = "".join(_CLOSERS[bracket] for bracket in reversed(opened))
    first = opener.start.line
    behind = opener.end.column - 1
    for number in range(first, min(first + _MOST_LINES_ON, len(lines) + 1)):
        code = _code(lines[number - 1])
        ends = [len(code)]
        if number == first:
            ends = [behind + m.start() for m in re.finditer(r" (?:->|[-+*/|&^%<>]*=) ", code[behind:])][
                :1
            ] + ends
        for end in ends:
            at = end - 1 if code[:end].endswith(":") else end
            if at >= (behind if number == first else 1):
                yield Help(f"write `{closers}` here", Edit(Span.of(number, at + 1, number, at + 1), closers))


def _matched(found: Diagnostic, lines: list[str]) -> Iterator[Help]:
    """Yield the bracket that was meant, the one that is missing before, and the text without it."""
    if found.labels:
        place = found.labels[0].span.start
        closer = _CLOSERS[lines[place.line - 1][place.column - 1]]
        yield Help(f"write `{closer}`", Edit(found.span, closer))
        yield Help(f"write `{closer}` before it", Edit(Span(found.span.start, found.span.start), closer))
    yield Help("leave it out", Edit(found.span, ""))


def _without_tabs(span: Span, lines: list[str]) -> Iterator[Help]:
    """Yield all lines from here on with blanks for tabs."""
    first = span.start.line
    last = max(n for n, line in enumerate(lines, 1) if "\t" in _indent(line))
    for width in (4, 8):
        new = "\n".join(_indent(line).expandtabs(width) + line.lstrip() for line in lines[first - 1 : last])
        whole = Span.of(first, 1, last, len(lines[last - 1]) + 1)
        yield Help(f"indent with spaces, {width} for a tab", Edit(whole, new))


def _indented(number: int, lines: list[str]) -> Iterator[Help]:
    """Yield the indentations of the lines above, the nearest first; at the left margin stood what was meant to."""
    now = len(_indent(lines[number - 1]))
    if not "".join(lines[: number - 1]).strip():
        last = len(lines)
        text = textwrap.dedent("\n".join(lines[number - 1 :]))
        yield Help("begin at the left margin", Edit(Span.of(number, 1, last, len(lines[-1]) + 1), text))
        return
    above = {len(_indent(line)) for line in lines[: number - 1] if line.strip()}
    for width in sorted(above, key=lambda w: (w == 0 < now, abs(w - now), w)):
        yield Help(f"indent it by {width}", Edit(Span.of(number, 1, number, now + 1), " " * width))


def _ended(span: Span, lines: list[str]) -> Iterator[Help]:
    """Yield the closing quotes before what ends the line, and at its end."""
    line = span.start.line
    text = lines[line - 1].rstrip()
    start = span.start.column - 1
    quote = text[start : start + 3] if text[start : start + 3] in ('"""', "'''") else text[start]
    places = {len(re.sub(r"[),:\s]+$", "", text)), len(text)}
    for at in sorted(places, reverse=len(quote) == 3):
        if at > start:
            yield Help(f"write `{quote}` here", Edit(Span.of(line, at + 1, line, at + 1), quote))


def _octal(span: Span, lines: list[str]) -> Iterator[Help]:
    """Yield an octal number as Python writes it."""
    written = lines[span.start.line - 1][span.start.column - 1 : span.end.column - 1]
    if re.fullmatch(r"0[0-7]+", written):
        yield Help(f"write `0o{written.lstrip('0') or '0'}`", Edit(span, f"0o{written.lstrip('0') or '0'}"))


def _misspelt(number: int, lines: list[str]) -> Iterator[tuple[Diagnostic, Help]]:
    """Yield the words of the language that words on a line are like."""
    for word in re.finditer(r"[A-Za-z_]\w+", _code(lines[number - 1])):
        near = _WORDS_ELSEWHERE.get(word[0]) or next(
            iter(get_close_matches(word[0], _WORDS, 1, _ALIKE)), word[0]
        )
        if near != word[0] and word[0] not in _WORDS:
            span = Span(Position(number, word.start() + 1), Position(number, word.end() + 1))
            message = f"`{word[0]}` is no word of the language"
            told = report("invalid-syntax", message, span, label="unknown word")
            yield told, Help(f"did you mean `{near}`?", Edit(span, near))


def _bracketed(number: int, lines: list[str]) -> Iterator[tuple[Diagnostic, Help]]:
    """Yield a loop without brackets around its head, and a call with brackets around its arguments."""
    line = _code(lines[number - 1])
    loop = re.fullmatch(r"(\s*for )\((\w+ in .+)\):", line)
    if loop is not None:
        span = Span.of(number, len(loop[1]) + 1, number, len(line))
        told = report(
            "invalid-syntax", "the head of a loop has no brackets around it", span, label="in brackets"
        )
        yield told, Help(f"write `{loop[2]}`", Edit(span, loop[2]))
    call = re.fullmatch(r"(\s*)([a-z]\w*) ([^=\s(\[.][^=]*)", line)
    if call is not None and call[2] not in _WORDS:
        text = f"{call[2]}({call[3]})"
        span = Span.of(number, len(call[1]) + 1, number, len(line) + 1)
        told = report(
            "invalid-syntax", "the arguments of a call stand in brackets", span, label="no brackets"
        )
        yield told, Help(f"write `{text}`", Edit(span, text))


def _parted(span: Span, lines: list[str]) -> Iterator[Help]:
    """Yield a line of its own for a second assignment on one line."""
    line = lines[span.start.line - 1]
    before, rest = line[: span.start.column - 1], line[span.start.column - 1 :]
    if before.strip() and re.match(r"(?:; *)?[\w.]+(?:\[[^]]*\])? [-+*/%&|^<>]*= ", rest):
        end = span.start.column + len(rest) - len(rest.lstrip("; "))
        place = Span.of(span.start.line, len(before.rstrip()) + 1, span.start.line, end)
        yield Help("put it on a line of its own", Edit(place, f"\n{_indent(line)}"))


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _code(line: str) -> str:
    """Return a line without its comment and blanks at its end."""
    return re.sub(r"#[^\"']*$", "", line).rstrip()
