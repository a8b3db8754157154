"""Find the smallest stretch of source that shows an operand.

Instructions carry the span of the expression that they come from, not of each operand. An operand that
was made inside that expression has its own span; a variable is looked up by name in the expression's
text; indices are found by their brackets.
"""

from __future__ import annotations

import re

from reclaim.diag.diagnostic import Edit, Position, Span
from reclaim.lang.ir import Value
from reclaim.lang.spelling import unused_name

LONGEST_QUOTE = 48
"""Longest piece of source that is quoted inside a message; ours, so that a message stays one line."""


class SourceText:
    """Look up places in the text of a policy."""

    def __init__(self, source: str) -> None:
        self._lines = source.replace("\r\n", "\n").replace("\r", "\n").split("\n")

    def text(self, span: Span) -> str:
        """Return the source at a span, its lines joined by one space."""
        rows = self._lines[span.start.line - 1 : span.end.line]
        if not rows:
            return ""
        if span.start.line == span.end.line:
            return rows[0][span.start.column - 1 : span.end.column - 1]
        rows = [rows[0][span.start.column - 1 :], *rows[1:-1], rows[-1][: span.end.column - 1]]
        return " ".join(row.strip() for row in rows)

    def line_start(self, span: Span) -> tuple[int, str]:
        """Return the line that a span begins in, and the blanks before its code."""
        line = self._lines[span.start.line - 1]
        return span.start.line, line[: len(line) - len(line.lstrip())]

    def line_after(self, pattern: str, span: Span, text: str) -> Edit | None:
        """Return the edit that puts a line behind the nearest one above a place that matches, None if none does."""
        for number in range(span.start.line - 1, 0, -1):
            line = self._lines[number - 1]
            if re.fullmatch(rf"\s+{pattern}\s*(?:#.*)?", line):
                blanks = line[: len(line) - len(line.lstrip())]
                end = len(line) + 1
                return Edit(Span.of(number, end, number, end), f"\n{blanks}{text}")
            if line.strip() and not line[0].isspace():
                return None
        return None

    def up_to(self, span: Span) -> str:
        """Return the code before a span on the line that it begins in."""
        return self._lines[span.start.line - 1][: span.start.column - 1].lstrip()

    def declaration(self, span: Span, name: str) -> tuple[str, Span] | None:
        """Return `name: type` where a line declares no more than that, and where it ends; None elsewhere."""
        line = self._lines[span.start.line - 1]
        found = re.match(rf"\s*({name}\s*:\s*[^=#]*[^=#\s])\s*(?:#.*)?$", line)
        if found is None:
            return None
        return found[1], Span.of(span.start.line, found.end(1) + 1, span.start.line, found.end(1) + 1)

    def declared_at(self, name: str) -> Span | None:
        """Return where a field is declared, by its name alone; None where that is nowhere or not once."""
        found = [
            Span.of(number, place.start(1) + 1, number, place.end(1) + 1)
            for number, line in enumerate(self._lines, 1)
            if (place := re.match(rf"\s+({name})\s*:", line))
        ]
        return found[0] if len(found) == 1 else None

    def retyped(self, line: int, pattern: str, better: str) -> Edit | None:
        """Return the edit of a line that puts another type in the place of the one that a pattern finds."""
        found = re.search(pattern, self._lines[line - 1])
        if found is None:
            return None
        return Edit(Span.of(line, found.start(1) + 1, line, found.end(1) + 1), better)

    def annotation(self, around: Span, name: str) -> Span | None:
        """Return where `name: type | None` stands on the lines of a span, None if it does not."""
        for line in range(around.start.line, around.end.line + 1):
            found = re.search(rf"\b{name}\s*:\s*\w+\s*\|\s*None\b", self._lines[line - 1])
            if found is not None:
                return Span.of(line, found.start() + 1, line, found.end() + 1)
        return None

    def name_of(self, value: Value) -> str:
        """Return what the author calls a value: its variable, else its expression."""
        if value.name is not None:
            return value.name
        text = self.text(value.span)
        return text if 0 < len(text) <= LONGEST_QUOTE else "this value"

    def holds(self, text: str) -> bool:
        """Tell whether a text stands anywhere in the policy."""
        return any(text in line for line in self._lines)

    def unused_name(self, wish: str) -> str:
        """Return a name that does not occur in the policy: the one wished for, else with a number."""
        return unused_name(self._lines, wish)

    def operand(self, around: Span, value: Value, last: bool = True) -> Span:
        """Return where an operand stands inside an expression.

        Args:
            around: the expression.
            value: the operand.
            last: whether to look for a variable from the right.

        Returns:
            The expression's own span where the operand cannot be found.
        """
        inside = around.start <= value.span.start and value.span.end <= around.end
        if inside and value.span != around:
            return value.span
        if value.name is None or around.start.line != around.end.line:
            return around
        return self._find(around, value.name, last) or around

    def stored(self, around: Span, value: Value) -> Span:
        """Return where a stored value stands: inside the statement, or after its target on the line."""
        line = self._lines[around.start.line - 1] if around.start.line <= len(self._lines) else ""
        whole = Span(around.start, Position(around.start.line, len(line) + 1))
        if value.span.start.line == around.start.line and value.span != around:
            return value.span
        if value.name is not None and value.span.start.line != around.start.line:
            found = self._find(whole, value.name, last=True)
            if found is not None:
                return found
        return self._right_side(around, line) or around

    def _right_side(self, target: Span, line: str) -> Span | None:
        """Return what is assigned to a target, where all of it stands on the line."""
        assigned = re.match(r"\s*=\s*([^=#\s][^#]*?)\s*(?:#.*)?$", line[target.end.column - 1 :])
        if assigned is None or any(assigned[1].count(a) != assigned[1].count(b) for a, b in ("()", "[]")):
            return None
        start, end = (target.end.column + at for at in assigned.span(1))
        return Span.of(target.end.line, start, target.end.line, end)

    def grouping(self, span: Span) -> Span:
        """Return a span with the parentheses that group it alone, or as it is where none do."""
        line = self._lines[span.start.line - 1]
        start, end = span.start.column - 1, span.end.column - 1
        is_grouped = start > 0 and line[start - 1] == "(" and line[end : end + 1] == ")"
        if span.start.line != span.end.line or not is_grouped or re.search(r"[\w)\]]$", line[: start - 1]):
            return span
        return Span.of(span.start.line, start, span.end.line, end + 2)

    def loop_range(self, name: str, before: int) -> tuple[str, Span] | None:
        """Return the end of the `range(...)` that a loop variable comes from, where one line shows it."""
        for at in range(before - 1, -1, -1):
            found = re.match(rf"\s*for {name} in range\((?:\w+, )?([^,]+)\):", self._lines[at])
            if found is not None:
                return found[1], Span.of(at + 1, found.start(1) + 1, at + 1, found.end(1) + 1)
        return None

    def subscript(self, around: Span, position: int) -> Span | None:
        """Return the inside of the bracket pair of that number, counted from the left."""
        if around.start.line != around.end.line:
            return None
        text, base = self.text(around), around.start.column
        depth, seen, start = 0, 0, 0
        for at, letter in enumerate(text):
            if letter in "([":
                if letter == "[" and depth == 0:
                    start = at + 1
                depth += 1
            elif letter in ")]":
                depth -= 1
                if letter == "]" and depth == 0:
                    if seen == position:
                        line = around.start.line
                        return Span.of(line, base + start, line, base + at)
                    seen += 1
        return None

    def _find(self, around: Span, name: str, last: bool) -> Span | None:
        places = list(re.finditer(rf"\b{re.escape(name)}\b", self.text(around)))
        if not places:
            return None
        place = places[-1 if last else 0]
        line, base = around.start.line, around.start.column
        return Span.of(line, base + place.start(), line, base + place.end())
