"""Spans and diagnostics, data only.

A diagnostic is a value that any stage can make and any renderer can draw; nothing here knows how
it looks. `report` is the single way to make one: it takes the diagnostic's *name*, looks the code
up in the registry of pages, and so a code without a page cannot be emitted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """Name a place in a source file.

    Args:
        line: line number, from 1.
        column: column in code points, from 1.
    """

    line: int
    column: int


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Name a stretch of a source file, end exclusive.

    Args:
        start: first position.
        end: position after the last character; never before `start`.
    """

    start: Position
    end: Position

    @staticmethod
    def of(line: int, column: int, end_line: int, end_column: int) -> Span:
        """Build a span from four numbers, as the parser has them."""
        return Span(Position(line, column), Position(end_line, end_column))

    def to(self, other: Span) -> Span:
        """Return the span from the start of this one to the end of *other*."""
        return Span(self.start, other.end)


@dataclass(frozen=True, slots=True)
class Label:
    """Say something about a stretch of the source beside the primary one."""

    span: Span
    message: str


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace a stretch of the source by a text."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Help:
    """Offer a fix: valid code, with the edit that applies it where one can be made."""

    message: str
    edit: Edit | None = None


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """Hold one finding: one cause, in the author's own words.

    Args:
        code: stable identifier, `RPnnnn`.
        name: the bad thing in kebab case; reads well after "allow".
        message: what was found, lower case, no full stop, code in backticks; stands alone.
        span: the smallest stretch that shows the problem.
        label: what is said under the primary span ("" for none); stands alone as well.
        hook: the hook in which it happens, None outside of hooks.
        labels: how it came to that, with ranges.
        notes: circumstances.
        help: fixes.
        witness: concrete values that show the failure, 64-bit values as decimal strings.
    """

    code: str
    name: str
    message: str
    span: Span
    label: str = ""
    severity: Severity = "error"
    hook: str | None = None
    labels: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    help: tuple[Help, ...] = ()
    witness: dict[str, str] = field(default_factory=dict)

    @property
    def remarks(self) -> tuple[str, ...]:
        """Return what is said beside the places, a line each: witness, notes, hook."""
        witness = ", ".join(f"{name} = {value}" for name, value in self.witness.items())
        return (
            *((f"witness: {witness}",) if witness else ()),
            *(f"note: {note}" for note in self.notes),
            *((f"note: in hook `{self.hook}`",) if self.hook is not None else ()),
        )
