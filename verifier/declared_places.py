"""Point at the declarations that a number must heed, or that it has its range from.

`origins` shows where a value was made inside of the hook; here is what stands above it: how long an array is, what
a field holds, what a tunable may be set to, which parameter may be None.
"""

from __future__ import annotations

from dataclasses import replace

from reclaim.diag.diagnostic import Label, Span
from reclaim.lang.ir import (
    Call,
    ListDecl,
    ListRef,
    LoadState,
    LoadTunable,
    MapDecl,
    MapRef,
    Op,
    StateField,
    StoreState,
    Tunable,
    Value,
)
from verifier.analysis import HookAnalysis, Violation
from verifier.facts import shown_range
from verifier.obligations import InRange, NotNone, Role
from verifier.origins import STEPS, parts_of
from verifier.source_places import SourceText

_Declaration = StateField | ListDecl | MapDecl | Tunable


_WIDE = 1 << 16
"""Numbers of a range that is not worth telling where most of it is left: 2^64 - 4 is no limit to a reader."""


class DeclaredPlaces:
    """Find the declarations behind the violations of one hook."""

    def __init__(self, analysis: HookAnalysis, source: SourceText) -> None:
        self._hook = analysis.hook
        self._prover = analysis.prover
        self._state = analysis.state
        self._source = source
        ops = (op for block in analysis.hook.blocks for op in block.ops)
        self._makers = {op.result.id: op for op in ops if op.result is not None}

    def of(self, violation: Violation, value: Value) -> tuple[Label, ...]:
        """Return labels on declarations, one for each.

        Args:
            violation: what could not be proved.
            value: the value that it is about.
        """
        if isinstance(violation.demand, NotNone):
            return self._optional_parameter(value)
        stored = [self._kept(part) for part in parts_of(value, self._makers, STEPS)]
        found = (self._limit(violation.op, violation.demand), self._range(violation, value), *stored)
        labels: dict[Span, Label] = {}
        for declared, said in found:
            if declared is not None:
                labels.setdefault(declared.span, Label(declared.span, said))
        return tuple(label for label in labels.values() if self._source.text(label.span))

    def _limit(self, op: Op | None, demand: object) -> tuple[_Declaration | None, str]:
        """Return what sets the limit that was missed."""
        if not isinstance(demand, InRange) or demand.role not in (Role.INDEX, Role.STORE):
            return None, ""
        match op:
            case LoadState(state=declared) | StoreState(state=declared):
                if demand.role is Role.INDEX:
                    return self._array(declared), _length(declared.name, declared.dims)
                return declared, f"`{declared.name}` holds {shown_range((declared.min, declared.max))}"
            case ListRef(decl=lists):
                return lists, _length(lists.name, lists.dims)
            case MapRef(decl=maps) if demand.role is Role.INDEX:
                return maps, _length(maps.name, (maps.count,))
            case Call(map_decl=MapDecl() as of) if demand.role is Role.INDEX:
                return of, _length(of.name, (of.capacity,))
            case _:
                return None, ""

    def _array(self, declared: StateField) -> StateField:
        """Return a field of a struct with the place where the array of structs is declared."""
        name, dot, _ = declared.name.partition(".")
        place = self._source.declared_at(name) if dot else None
        return declared if place is None else replace(declared, span=place)

    def _range(self, violation: Violation, value: Value) -> tuple[_Declaration | None, str]:
        """Return what a value has its whole range from, where it is a field or tunable and nothing narrowed it."""
        match self._makers.get(value.id):
            case LoadState(state=StateField() as declared) | LoadTunable(tunable=Tunable() as declared):
                whole = (declared.min, declared.max)
                if self._prover.known_range(violation.known, value) == whole:
                    return declared, f"`{declared.name}` can be {shown_range(whole)}"
        return None, ""

    def _kept(self, value: Value) -> tuple[_Declaration | None, str]:
        """Return a field of which all stores together say more than its declaration does."""
        match self._makers.get(value.id):
            case LoadState(state=StateField() as declared):
                known = self._state.of(declared)
                low, high = known.signed if declared.kind.signed else known.unsigned
                width = declared.max - declared.min
                if high - low == width or (width > _WIDE and (high - low) * 8 > width * 7):
                    return None, ""
                if low == high == declared.initial:
                    return declared, f"`{declared.name}` begins as {low}, and nothing else is stored"
                return declared, f"all stores keep `{declared.name}` in {shown_range((low, high))}"
        return None, ""

    def _optional_parameter(self, value: Value) -> tuple[Label, ...]:
        """Return a label on the type of a hook's parameter that may be None."""
        if value.id not in {param.id for param in self._hook.blocks[0].params} or value.name is None:
            return ()
        place = self._source.annotation(self._hook.span, value.name)
        return (Label(place, "may be None"),) if place is not None else ()


def _length(name: str, dims: tuple[int, ...]) -> str:
    number = " by ".join(map(str, dims))
    return f"`{name}` has {number} entr{'y' if dims == (1,) else 'ies'}"
