"""What is in a field of declared state whenever a hook begins: its declared range, or less where that was proved.

Ranges of less are found by `invariants`. They belong to an analysis, not to the policy: what is verified stays what
is compiled, and a store has to fit what the author declared.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

from reclaim.lang.ir import Scope, StateField
from verifier.domains.product import NUMBERS, Element

FieldName: TypeAlias = tuple[Scope, str]
"""What tells the fields of a policy apart, also from one version of its text to the next."""


def name_of(state: StateField) -> FieldName:
    """Return the name of a field."""
    return state.scope, state.name


class StateRanges:
    """Say what a load of a field can give.

    Args:
        proved: of the fields of which more is known than their declarations say.
    """

    def __init__(self, proved: Mapping[FieldName, Element] | None = None) -> None:
        self.proved = {} if proved is None else proved

    def of(self, state: StateField) -> Element:
        """Return what is known of a field, of each element if it is an array."""
        declared = NUMBERS.range(state.min, state.max)
        proved = self.proved.get(name_of(state)) if self.proved else None
        return declared if proved is None else NUMBERS.meet(declared, proved)


DECLARED: Final = StateRanges()
"""Nothing but what the author declared."""
