"""Sums in which terms cancel: `x + (n - x)` is n, `(n - 1) + 1` is n, `x - x` is 0.

Each sum and difference has a linear form: a constant and a factor for each class, modulo 2**64 as the
arithmetic itself. Where a form comes down to a constant or a single class, the sum is that and no value of
its own. Sums that are merely written in another order stay apart: what is noted about their operands
(`accumulation`) belongs to the way in which they are computed.
"""

from __future__ import annotations

from typing import NamedTuple

from reclaim.abi.kinds import U64_MAX
from verifier.expressions import Definition

MOST_TERMS = 6
"""Classes in one form; ours: longer sums cancel nothing in practice, and each costs a copy."""


class Form(NamedTuple):
    """A constant and factors of classes, in order of the classes."""

    constant: int
    terms: tuple[tuple[int, int], ...]


class LinearForms:
    """Know the linear forms of the classes of one hook.

    Args:
        definitions: how classes are made; grows while they are numbered.
    """

    def __init__(self, definitions: list[Definition]) -> None:
        self._definitions = definitions
        self._forms: dict[int, Form] = {}

    def of(self, number: int) -> Form:
        """Return the form of a class; one that is no sum is its own only term."""
        definition = self._definitions[number]
        if definition.name == "const":
            assert isinstance(definition.detail, int)
            return Form(definition.detail, ())
        return self._forms.get(number, Form(0, ((number, 1),)))

    def combined(self, definition: Definition) -> Form:
        """Return the form of a sum or difference."""
        left, right = (self.of(operand) for operand in definition.operands)
        sign = 1 if definition.name == "add" else -1
        factors = dict(left.terms)
        for number, factor in right.terms:
            factors[number] = (factors.get(number, 0) + sign * factor) & U64_MAX
        terms = tuple(sorted((number, factor) for number, factor in factors.items() if factor))
        return Form((left.constant + sign * right.constant) & U64_MAX, terms)

    def left(self, form: Form) -> int | Definition | None:
        """Return the class or the constant that a form comes down to, None if it is a proper sum."""
        if not form.terms:
            return Definition("const", (), form.constant)
        if form.constant == 0 and len(form.terms) == 1 and form.terms[0][1] == 1:
            return form.terms[0][0]
        return None

    def note(self, number: int, form: Form) -> None:
        """Remember the form of a class."""
        if len(form.terms) <= MOST_TERMS:
            self._forms.setdefault(number, form)
