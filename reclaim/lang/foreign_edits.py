"""What a form of Python that the language has not is here, written out where that is a matter of its line.

Everything here looks at the text alone and offers what a person would write; where the line holds more than is
understood, nothing is offered.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from reclaim.diag.diagnostic import Edit, Span
from reclaim.lang.spelling import unused_name

if TYPE_CHECKING:
    from collections.abc import Iterator

_ATOM = r"[\w.]+(?:\([^()]*\)|\[[^][]*\])?"
"""An operand that needs no parentheses."""

_FLOAT = r"\d+\.\d+"
_MOST_PARTS = 10_000
"""Largest denominator that a share is written with: 1/10000, the smallest unit that the kernel counts in."""

_RATIO = re.compile(rf"(?<![\w.])({_ATOM}) / ({_ATOM}) (<=?|>=?) ({_FLOAT})(?![\w.])")
_SHARE = re.compile(rf"\* ({_FLOAT})(?![\w.])")
_POWER_OF_2 = re.compile(rf"(?<![\w.])2 ?\*\* ?({_ATOM})")
_SQUARE = re.compile(rf"(?<![\w.])({_ATOM}) ?\*\* ?2(?![\w.])")
_CHOICE = re.compile(rf"(?<![\w.])({_ATOM}) (not in|in) [({{\[]({_ATOM}(?:, {_ATOM})*),?[)}}\]]")
_INVERSE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}

Offered = tuple[str, Edit]


def offered(what: str, span: Span, lines: Sequence[str]) -> Offered | None:
    """Return what to write instead of a form, with the edit that does so; None where that is not plain to see.

    Args:
        what: the form, as `restrictions` names it.
        span: where it stands.
        lines: of the policy.
    """
    make = _MAKERS.get(what)
    if make is None or (span.start.line != span.end.line and what != "while"):
        return None
    return make(span, lines)


def _word(text: str) -> Callable[[Span, Sequence[str]], Offered | None]:
    return lambda span, _: (f"write `{text}`", Edit(span, text))


def _left_out(span: Span, _lines: Sequence[str]) -> Offered | None:
    return "leave the comma out", Edit(span, "")


def _slash(span: Span, lines: Sequence[str]) -> Offered | None:
    said = "use `//`, which rounds down, or `mul_div(a, b, c)` for a * b // c"
    return _ratio(span, lines) or (said, Edit(span, "//"))


def _ratio(span: Span, lines: Sequence[str]) -> Offered | None:
    """Return a ratio compared with a fraction as a comparison of products: a * 2 > b * 1."""
    for found in _around(_RATIO, span, lines):
        share = _fraction(found[4])
        left, right = (
            side if times == 1 else f"{side} * {times}"
            for side, times in ((found[1], share.denominator), (found[2], share.numerator))
        )
        return _instead(found, span, f"{left} {found[3]} {right}")
    return None


def _float(span: Span, lines: Sequence[str]) -> Offered | None:
    """Return a product with a fraction as one with percent."""
    for found in _around(_SHARE, span, lines):
        share = _fraction(found[1])
        if share.numerator == 1:
            return _instead(found, span, f"// {share.denominator}")
        parts = next((n for n in (100, 1000, _MOST_PARTS) if n % share.denominator == 0), None)
        return None if parts is None else _instead(found, span, f"* {share * parts} // {parts}")
    return _ratio(span, lines)


def _fraction(text: str) -> Fraction:
    return Fraction(text).limit_denominator(_MOST_PARTS)


def _power(span: Span, lines: Sequence[str]) -> Offered | None:
    for found in _around(_POWER_OF_2, span, lines):
        return _instead(found, span, f"1 << {found[1]}")
    for found in _around(_SQUARE, span, lines):
        return _instead(found, span, f"{found[1]} * {found[1]}")
    return None


def _choice(span: Span, lines: Sequence[str]) -> Offered | None:
    for found in _around(_CHOICE, span, lines):
        sign, word = ("==", "or") if found[2] == "in" else ("!=", "and")
        values = found[3].split(", ")
        text = f" {word} ".join(f"{found[1]} {sign} {value}" for value in values)
        line = lines[span.start.line - 1]
        is_part = re.search(r"\b(?:and|or|not) $", line[: found.start()]) or re.match(
            r" (?:and|or)\b", line[found.end() :]
        )
        return _instead(found, span, f"({text})" if is_part and len(values) > 1 else text)
    return None


def _indices(span: Span, lines: Sequence[str]) -> Offered | None:
    text = lines[span.start.line - 1][span.start.column - 1 : span.end.column - 1]
    if re.fullmatch(rf"{_ATOM}(?:, {_ATOM})+", text) is None:
        return None
    better = "][".join(re.findall(_ATOM, text))
    return f"write `[{better}]`", Edit(span, better)


def _thousands(span: Span, lines: Sequence[str]) -> Offered | None:
    text = lines[span.start.line - 1][span.start.column - 1 : span.end.column - 1]
    if re.fullmatch(r"\d{1,3}(?:,\d{3})+", text) is None:
        return None
    return f"write `{text.replace(',', '_')}`", Edit(span, text.replace(",", "_"))


def _walrus(span: Span, lines: Sequence[str]) -> Offered | None:
    """Return an assignment on the line before, for a condition that is looked at once."""
    line = lines[span.start.line - 1]
    indent = line[: len(line) - len(line.lstrip())]
    found = re.fullmatch(r"(\w+) := (.+)", line[span.start.column - 1 : span.end.column - 1])
    if found is None or re.match(r"(?:if|return)\b", line.lstrip()) is None:
        return None
    before = line[len(indent) : span.start.column - 1]
    end = span.end.column
    if before.endswith("(") and line[end - 1 : end] == ")" and re.search(r"[\w)\]]\($", before) is None:
        before, end = before[:-1], end + 1
    whole = Span.of(span.start.line, len(indent) + 1, span.start.line, end)
    said = f"write `{found[1]} = {found[2]}` before"
    return said, Edit(whole, f"{found[1]} = {found[2]}\n{indent}{before}{found[1]}")


def _while(span: Span, lines: Sequence[str]) -> Offered | None:
    """Return a loop with a bound that leaves where the condition ends."""
    line = lines[span.start.line - 1]
    found = re.fullmatch(r"(\s*)while (.+?):\s*(?:#.*)?", line)
    if found is None:
        return None
    indent = found[1]
    name = unused_name(list(lines), "_")
    text = f"for {name} in range(256):"
    if found[2] not in ("True", "1"):
        text += f"\n{indent}    if {_inverse(found[2])}:\n{indent}        break"
    place = Span.of(span.start.line, len(indent) + 1, span.start.line, found.end(2) + 2)
    return f"give it a bound: `for {name} in range(256):`", Edit(place, text)


def _inverse(condition: str) -> str:
    """Return the opposite of a condition."""
    compared = re.fullmatch(rf"({_ATOM}) (<=?|>=?|==|!=) ({_ATOM})", condition)
    if compared is not None:
        return f"{compared[1]} {_INVERSE[compared[2]]} {compared[3]}"
    return f"not {condition}" if re.fullmatch(_ATOM, condition) else f"not ({condition})"


def _whole_line(span: Span, lines: Sequence[str]) -> Offered | None:
    line = lines[span.start.line - 1]
    if line[: span.start.column - 1].strip() or line[span.end.column - 1 :].strip():
        return None
    said = "leave it out: everything a policy may use is there"
    return said, Edit(Span.of(span.start.line, 1, span.start.line + 1, 1), "")


def _chained(span: Span, lines: Sequence[str]) -> Offered | None:
    line = lines[span.start.line - 1]
    found = re.fullmatch(r"(\s*)((?:[\w.]+ = )+)([\w.]+)\s*", line)
    if found is None:
        return None
    names = found[2].split(" = ")[:-1]
    return _each(span, found[1], [f"{name} = {found[3]}" for name in names], line)


def _several(span: Span, lines: Sequence[str]) -> Offered | None:
    """Return an assignment a line; not where a value is read that a line before would change."""
    line = lines[span.start.line - 1]
    found = re.fullmatch(rf"(\s*)(\w+(?:, \w+)*) = ({_ATOM}(?:, {_ATOM})*)\s*", line)
    if found is None:
        return None
    names, values = found[2].split(", "), re.findall(_ATOM, found[3])
    is_swap = any(re.search(rf"\b{name}\b", value) for name in names for value in values)
    if is_swap or len(names) != len(values):
        return None
    return _each(span, found[1], [f"{n} = {v}" for n, v in zip(names, values, strict=True)], line)


def _each(span: Span, indent: str, texts: list[str], line: str) -> Offered:
    number = span.start.line
    place = Span.of(number, len(indent) + 1, number, len(line.rstrip()) + 1)
    return "use one assignment for each", Edit(place, f"\n{indent}".join(texts))


def _around(pattern: re.Pattern[str], span: Span, lines: Sequence[str]) -> Iterator[re.Match[str]]:
    """Yield the places on a line that hold the beginning of a span."""
    for found in pattern.finditer(lines[span.start.line - 1]):
        if found.start() <= span.start.column - 1 < found.end():
            yield found


def _instead(found: re.Match[str], span: Span, text: str) -> Offered:
    line = span.start.line
    return f"write `{text}`", Edit(Span.of(line, found.start() + 1, line, found.end() + 1), text)


_MAKERS: dict[str, Callable[[Span, Sequence[str]], Offered | None]] = {
    "slash": _slash,
    "matrix-product": _word("*"),
    "ellipsis": _word("pass"),
    "tuple-of-one": _left_out,
    "float": _float,
    "power": _power,
    "walrus": _walrus,
    "while": _while,
    "import": _whole_line,
    "from": _whole_line,
    "chained-assignment": _chained,
    "tuple-assignment": _several,
    "choice-tuple": _choice,
    "index-tuple": _indices,
    "tuple": _thousands,
    "choice-display": _choice,
}
