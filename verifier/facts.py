"""What the verifier knows about each value where it stands in the source, for people who point at it.

An analysis that is given `Facts` notes, in the rounds that count, what is known about the result of each
instruction and about the variables that the instruction uses. A place may be met several times: with each
edge into a split block, in each hook that inlines a function. What is told is the join, true each time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

from reclaim.abi.kinds import INT_KINDS
from reclaim.diag.diagnostic import Position, Span
from reclaim.lang.ir import BoolType, Instruction, IntType, Type, Value
from reclaim.lang.type_rules import describe, is_nullable, plain
from verifier.domains.nullness import NONE, PRESENT
from verifier.domains.product import NUMBERS, Element


@dataclass(frozen=True, slots=True)
class Fact:
    """What is known about one value at one place.

    Args:
        span: the expression that makes it or uses it.
        name: the author's variable, None for an intermediate result.
        type: its type in the author's words.
        known: its range or what else is proved; "" where that is what the type says.
    """

    span: Span
    name: str | None
    type: str
    known: str


def shown_range(bounds: tuple[int, int]) -> str:
    """Write a range as messages do."""
    low, high = bounds
    return str(low) if low == high else f"{low}..={high}"


_SLOTS: dict[type[Instruction], tuple[str, ...]] = {}
"""Fields of each class of instructions that may hold operands; filled as they are met."""


class Facts:
    """Collect facts, joined over the visits of a place."""

    def __init__(self) -> None:
        self._elements: dict[tuple[Span, str | None, Type], Element] = {}

    def note(self, span: Span, value: Value, element: Element) -> None:
        """Note what is known about a value at a place."""
        key = span, value.name, value.type
        seen = self._elements.get(key)
        if seen is not element:
            self._elements[key] = element if seen is None else NUMBERS.join(seen, element)

    def forget(self) -> None:
        """Begin anew, for an analysis that knows more."""
        self._elements.clear()

    def told(self) -> tuple[Fact, ...]:
        """Return all facts, in source order."""
        facts = (
            Fact(span, name, describe(of), _known(of, element))
            for (span, name, of), element in self._elements.items()
        )
        return tuple(sorted(facts, key=lambda fact: (fact.span, fact.name or "")))


def about_name(facts: tuple[Fact, ...], name: str, at: Position) -> Fact | None:
    """Return the fact about a variable at a place: in the smallest expression there that uses or makes it.

    On the left of its assignment a variable is what it becomes; on the right of a store it is what is stored.
    """
    mine = [fact for fact in facts if fact.name == name]
    around = [fact for fact in mine if fact.span.start <= at < fact.span.end]
    if around:
        return max(around, key=lambda fact: (fact.span.start, _negated(fact.span.end)))
    before = [fact for fact in mine if fact.span.end.line == at.line and fact.span.end <= at]
    if before:
        return max(before, key=lambda fact: fact.span.end)
    behind = [fact for fact in mine if fact.span.start.line == at.line and at < fact.span.start]
    return max(behind, key=lambda fact: fact.span.end, default=None)


def about_expression(facts: tuple[Fact, ...], at: Span) -> Fact | None:
    """Return the fact about the value of exactly that expression."""
    return next((fact for fact in facts if fact.span == at), None)


def operands_of(op: Instruction) -> Iterator[Value]:
    """Yield the values that an instruction uses."""
    kind = type(op)
    if kind not in _SLOTS:
        _SLOTS[kind] = tuple(f.name for f in fields(kind) if f.name not in {"span", "inlined_at", "result"})
    for slot in _SLOTS[kind]:
        held = getattr(op, slot)
        if isinstance(held, Value):
            yield held
        elif isinstance(held, tuple):
            yield from (value for value in held if isinstance(value, Value))


def _negated(position: Position) -> tuple[int, int]:
    return -position.line, -position.column


def _known(of: Type, element: Element) -> str:
    """Return what is known beyond the type, in the author's words."""
    parts = []
    if is_nullable(of):
        parts.append({NONE: "None", PRESENT: "not None"}.get(element.nullness, ""))
    match plain(of):
        case IntType(signed=signed):
            bounds = element.signed if signed else element.unsigned
            kind = INT_KINDS["s64" if signed else "u64"]
            parts.append("" if bounds == (kind.min, kind.max) else shown_range(bounds))
        case BoolType() if element.unsigned[0] == element.unsigned[1]:
            parts.append(str(bool(element.unsigned[0])))
        case _:
            pass
    return ", ".join(part for part in parts if part)
