"""Whether what is known implies an obligation, and what is known once it is met.

`prove` answers with what was found and what was needed, in numbers, for the message. Where the state
does not imply an obligation at once, the value is computed again from what has been learned about its
operands since. `accept` adds the obligation as a fact, also after it failed: one cause, one error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from reclaim.abi.kinds import S64_MAX, S64_MIN, U64_MAX
from reclaim.lang.ir import IntType, Loop, OptionalType, Value
from verifier.domains.nullness import NONE, PRESENT
from verifier.domains.ownership import CURRENT, MOVED
from verifier.domains.product import BOTTOM, HERE, NUMBERS, TOP
from verifier.evaluation import Elements
from verifier.numbering import Numbering
from verifier.obligations import (
    CommonRange,
    FamilyPermitted,
    Implied,
    InRange,
    LeavesLists,
    LoopBounded,
    Movable,
    NonNegative,
    NonZero,
    NotNone,
    Obligation,
    OwnFolio,
    QuotientFits,
    RunsNoHook,
    Site,
)
from verifier.refinement import Refiner
from verifier.termination import most_rounds

MAX_ITERATIONS = 1 << 20
"""Most rounds of one loop. Ours: the largest count that the contract itself names is the 2**20 PTEs of a
page-table walk; a loop beyond that would exceed every budget even with an empty body."""


MOVED_TWICE = "twice"
"""Why a folio may not be moved where another move came before it: the only such reason that hangs on the way."""


@dataclass(frozen=True, slots=True)
class Proof:
    """Say whether an obligation holds.

    Args:
        holds: it is implied by what is known.
        found: proved range of the value in question, None where that is no number.
        needed: demanded range.
        certain: whether it is violated whenever the program comes here.
        why: distinguishes the ways in which one obligation can fail.
    """

    holds: bool
    found: tuple[int, int] | None = None
    needed: tuple[int, int] | None = None
    certain: bool = False
    why: str = ""


_HOLDS = Proof(True)


def is_signed(value: Value) -> bool:
    """Tell whether a value is read with a sign."""
    return isinstance(value.type, (IntType, OptionalType)) and value.type.signed


class Prover:
    """Decide obligations of one hook."""

    def __init__(self, numbering: Numbering, refiner: Refiner) -> None:
        self._numbering = numbering
        self._refiner = refiner

    def class_of(self, value: Value) -> int:
        """Return the class of a value."""
        return self._numbering.of(value)

    def known_range(self, elements: Elements, value: Value) -> tuple[int, int]:
        """Return the proved range of a number, in the reading of its type."""
        element = elements.get(self._numbering.of(value), TOP)
        return element.signed if is_signed(value) else element.unsigned

    def prove(self, elements: Elements, demand: Obligation, site: Site) -> Proof:
        """Decide an obligation.

        Args:
            elements: what is known; may be sharpened in place.
            demand: the obligation.
            site: where it stands.
        """
        match demand:
            case InRange(value=value, low=low, high=high):
                return self._in_range(elements, value, low, high)
            case CommonRange(value=value) | NonNegative(value=value):
                return self._in_range(elements, value, 0, S64_MAX)
            case NotNone(value=value):
                return self._not_none(elements, value)
            case NonZero(value=value):
                return self._non_zero(elements, value)
            case QuotientFits(left=left, right=right):
                return self._quotient_fits(elements, left, right)
            case Implied(condition=condition):
                return self._implied(elements, condition)
            case LoopBounded(loop=loop):
                return self._bounded(elements, loop)
            case _:
                return self._contract(elements, demand, site)

    def accept(self, elements: Elements, demand: Obligation) -> bool:
        """Learn that an obligation holds; False if that contradicts what is known."""
        of = self._numbering.of
        match demand:
            case InRange(value=value, low=low, high=high):
                low, high = _clipped(value, low, high)
                return self._refiner.learn(elements, of(value), NUMBERS.range(low, high))
            case CommonRange(value=value) | NonNegative(value=value):
                return self._refiner.learn(elements, of(value), NUMBERS.range(0, S64_MAX))
            case NotNone(value=value):
                return self._refiner.learn(elements, of(value), HERE)
            case NonZero(value=value):
                element = NUMBERS.assume("ne", elements.get(of(value), TOP), NUMBERS.of(0))[0]
                return self._refiner.learn(elements, of(value), element)
            case Implied(condition=condition):
                return self._refiner.assume(elements, of(condition), truth=True)
            case _:
                return True

    def _in_range(self, elements: Elements, value: Value, low: int, high: int) -> Proof:
        least, most = _clipped(value, low, high)
        found = self.known_range(elements, value)
        if least <= found[0] and found[1] <= most:
            return _HOLDS
        if self._refiner.sharpen(elements, self._numbering.of(value)) is BOTTOM:
            return _HOLDS
        self._bound_from_above(elements, value)
        found = self.known_range(elements, value)
        holds = least <= found[0] and found[1] <= most
        return Proof(holds, found, (low, high), certain=found[1] < least or most < found[0])

    def _bound_from_above(self, elements: Elements, value: Value) -> None:
        """Use what is known to lie above a value, where its own range says too little."""
        if not is_signed(value):
            number = self._numbering.of(value)
            most = self._refiner.order.most(number, elements)
            if most >= 0:
                self._refiner.learn(elements, number, NUMBERS.range(0, most))

    def _not_none(self, elements: Elements, value: Value) -> Proof:
        nullness = elements.get(self._numbering.of(value), TOP).nullness
        return Proof(nullness == PRESENT, certain=nullness == NONE)

    def _non_zero(self, elements: Elements, value: Value) -> Proof:
        number = self._numbering.of(value)
        for element in (elements.get(number, TOP), self._refiner.sharpen(elements, number)):
            if element is BOTTOM or not NUMBERS.contains(element, 0):
                return _HOLDS
        if self._refiner.order.adds_something(number, elements):
            return _HOLDS
        found = self.known_range(elements, value)
        return Proof(False, found, (1, found[1]), certain=found == (0, 0))

    def _quotient_fits(self, elements: Elements, left: Value, right: Value) -> Proof:
        for value in (left, right):
            self._refiner.sharpen(elements, self._numbering.of(value))
        least, (low, high) = self.known_range(elements, left)[0], self.known_range(elements, right)
        # A test for -1 leaves a hole in the range of signed numbers; read without a sign it is the largest.
        is_other = not NUMBERS.contains(elements.get(self._numbering.of(right), TOP), U64_MAX)
        holds = least > S64_MIN or low > -1 or high < -1 or is_other
        return Proof(holds, (least, least), (S64_MIN + 1, S64_MAX))

    def _implied(self, elements: Elements, condition: Value) -> Proof:
        number = self._numbering.of(condition)
        for element in (elements.get(number, TOP), self._refiner.sharpen(elements, number)):
            if element is BOTTOM or element.unsigned == (1, 1):
                return _HOLDS
        return Proof(False, certain=elements.get(number, TOP).unsigned == (0, 0))

    def _bounded(self, elements: Elements, loop: Loop) -> Proof:
        self._refiner.sharpen(elements, self._numbering.of(loop.bound))
        most = most_rounds(elements, loop, self._numbering)
        found = self.known_range(elements, loop.bound)
        if most > MAX_ITERATIONS:
            return Proof(False, found, (0, MAX_ITERATIONS))
        return _HOLDS

    def _contract(self, elements: Elements, demand: Obligation, site: Site) -> Proof:
        match demand:
            case FamilyPermitted(family=family):
                return Proof(family in site.hook.families)
            case OwnFolio(handle=handle):
                own = site.own_folio
                is_own = handle is not None and own is not None
                return Proof(is_own and self._numbering.of(handle) == self._numbering.of(own))  # type: ignore[arg-type]
            case RunsNoHook(driver=driver):
                found = None if driver is None else self.known_range(elements, driver)
                return Proof(found == (0, 0), found, (0, 0))
            case LeavesLists():
                return Proof(False)
            case Movable(folio=folio):
                return self._movable(elements, folio, site)
            case (
                InRange() | NotNone() | NonZero() | QuotientFits() | CommonRange() | NonNegative()
                | Implied() | LoopBounded()
            ):  # fmt: skip
                raise AssertionError(demand)
            case _:
                assert_never(demand)

    def _movable(self, elements: Elements, folio: Value, site: Site) -> Proof:
        if not site.scans:
            return Proof(False, why="outside")
        if len(site.scans) > 1:
            return Proof(False, why="nested")
        number = self._numbering.of(folio)
        if number != self._numbering.of(site.scans[0].header.params[0]):
            return Proof(False, why="other")
        ownership = elements.get(number, TOP).ownership
        return Proof(ownership == CURRENT, why=MOVED_TWICE, certain=ownership == MOVED)


def _clipped(value: Value, low: int, high: int) -> tuple[int, int]:
    """Return the part of a demanded range that the value's type can reach."""
    if is_signed(value):
        return max(low, S64_MIN), min(high, S64_MAX)
    return max(low, 0), min(high, U64_MAX)
