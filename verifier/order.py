"""Order between values: how far one lies above another, as whole numbers.

Intervals say what each value can be and lose what ties two of them together: `i < n`, `part <= whole`,
`nr_seen - nr_anon`. Here the ties are read off where they stand anyway: comparisons that were decided on
the way to this point, and the definitions of values (`min(x, y)`, `x % n`, `x // n`, `x - y`, `x + 1`).
Both are edges "y >= x + c" of a graph whose nodes are classes, and a bounded walk along them answers
`gap(x, y)`: the greatest c that was found with y >= x + c. All readings are without sign, and an edge up to a
sum, difference or product, or down from a difference, is taken only where that certainly does not wrap. A class on
the way need not be computed where the walk is made, so that an edge for a remainder or logarithm is taken only where
it would have a value.

Nothing is stored: the facts live in the elements of comparison classes, so they are joined, forgotten and
carried around loops (`related`) as everything else is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from reclaim.abi.kinds import U64_MAX, IntKind
from verifier.domains.product import NUMBERS, TOP, TRUE, Element
from verifier.expressions import Definition
from verifier.numbering import Numbering

DEPTH = 5
"""Edges on one walk. Ours: `i < n`, `n <= len`, `j = len - 1 - i` and the like take at most four."""

MOST_NODES = 24
"""Classes reached in one walk; a bound on work, met only by long chains of comparisons."""

Step = tuple[int, int]
"""A class above the one that the walk stands on, and by how much at least."""


class Order:
    """Find out how classes of one hook are ordered."""

    def __init__(self, numbering: Numbering) -> None:
        self._definitions = numbering.definitions
        self._users = numbering.users
        self._standing: dict[int, Element] | None = None
        self._walks: dict[tuple[int, int], dict[int, int]] = {}

    @contextmanager
    def standing(self, elements: dict[int, Element]) -> Iterator[None]:
        """Remember walks, for many questions about one state that nobody changes in between."""
        self._standing = elements
        try:
            yield
        finally:
            self._standing = None
            self._walks.clear()

    def gap(self, low: int, high: int, elements: dict[int, Element], depth: int = DEPTH) -> int | None:
        """Return the greatest proved c with *high* >= *low* + c, None if nothing is known.

        Args:
            low: class of the value thought to be smaller.
            high: class of the value thought to be larger.
            elements: what is known.
            depth: how far to walk.
        """
        if low == high:
            return 0
        least = elements.get(high, TOP).unsigned[0]
        best: int | None = None
        for number, above in self._reached(low, elements, depth).items():
            found = least - elements.get(number, TOP).unsigned[1] + above
            found = max(found, above) if number == high else found
            if (number == high or found >= 0) and (best is None or found > best):
                best = found
        return best

    def is_at_most(self, low: int, high: int, elements: dict[int, Element], depth: int = DEPTH) -> bool:
        """Tell whether *low* <= *high* is proved."""
        if elements.get(low, TOP).unsigned[1] <= elements.get(high, TOP).unsigned[0]:
            return True
        found = self.gap(low, high, elements, depth)
        return found is not None and found >= 0

    def most(self, number: int, elements: dict[int, Element]) -> int:
        """Return the smallest upper bound that anything above a class gives it."""
        reached = self._reached(number, elements, DEPTH)
        return min(elements.get(node, TOP).unsigned[1] - above for node, above in reached.items())

    def adds_something(self, number: int, elements: dict[int, Element]) -> bool:
        """Tell whether a class is not 0 because a sum of it lies above the other part of that sum.

        Of `below + here > rank` with `below <= rank`, here is not 0. That holds modulo 2**64 as well.
        """
        for user in self._users.above.get(number, ()):
            definition = self._definitions[user]
            if definition.name == "add":
                other = definition.operands[definition.operands[0] == number]
                above = self.gap(other, user, elements)
                if above is not None and above > 0:
                    return True
        return False

    def most_of_sum(self, left: int, right: int, elements: dict[int, Element]) -> int | None:
        """Return an upper bound of `left + right` where one is at most s minus the other: s.

        `value + (sample - value) // 4` does not exceed `sample`. None if there is no such s.
        """
        bounds = []
        for kept, added in ((left, right), (right, left)):
            differences = self._users.taken_from.get(kept)
            if differences is None:
                continue
            for node, above in self._reached(added, elements, DEPTH).items():
                definition = self._definitions[node]
                if node in differences and self._is_exact_difference(definition, elements, 2):
                    bounds.append(elements.get(definition.operands[0], TOP).unsigned[1] - above)
        return min(bounds) if bounds and min(bounds) >= 0 else None

    def most_shifted(self, number: int, count: int, elements: dict[int, Element]) -> int | None:
        """Return the most that x can be where a class is no more than `x >> count`; None if it is no part of such."""
        found = [
            elements.get(self._definitions[node].operands[0], TOP).unsigned[1]
            for node, above in self._reached(number, elements, DEPTH).items()
            if above >= 0
            and self._definitions[node].name == "lshr"
            and self._definitions[node].operands[1] == count
        ]
        return min(found, default=None)

    def _reached(self, start: int, elements: dict[int, Element], depth: int) -> dict[int, int]:
        """Return the classes above one, each with its distance at least."""
        if elements is not self._standing:
            return self._walked(start, elements, depth)
        known = self._walks.get((start, depth))
        if known is None:
            known = self._walks[start, depth] = self._walked(start, elements, depth)
        return known

    def _walked(self, start: int, elements: dict[int, Element], depth: int) -> dict[int, int]:
        reached = {start: 0}
        front = [start]
        for left in range(depth, 0, -1):
            following = []
            for number in front:
                for above, least in self._steps(number, elements, left - 1):
                    distance = reached[number] + least
                    if above not in reached or distance > reached[above]:
                        reached[above] = distance
                        following.append(above)
            if not following or len(reached) > MOST_NODES:
                break
            front = following
        return reached

    def _steps(self, number: int, elements: dict[int, Element], depth: int) -> Iterator[Step]:
        """Yield the classes that lie one edge above a class.

        None lie above a constant that its own range would not tell of, and half of a hook may be compared
        with the same few constants.
        """
        name = self._definitions[number].name
        if name == "const":
            return
        if name != "opaque":
            yield from self._made_from(number, elements, depth)
        for user in self._users.compared.get(number, ()):
            known = elements.get(user)
            if known is not None and known.unsigned[0] == known.unsigned[1]:
                yield from self._decided(self._definitions[user], number, elements, known.unsigned[0])
        for user in self._users.above.get(number, ()):
            yield from self._makes(user, self._definitions[user], number, elements, depth)

    def _decided(
        self, definition: Definition, number: int, elements: dict[int, Element], truth: int
    ) -> Iterator[Step]:
        """Yield what a comparison with a known outcome says."""
        left, right = definition.operands
        if definition.name == "eq":
            if truth:
                yield (right if left == number else left), 0
            return
        if definition.name == "slt" and min(elements.get(o, TOP).signed[0] for o in (left, right)) < 0:
            return
        if truth and left == number:
            yield right, 1
        if not truth and right == number:
            yield left, 0

    def _made_from(self, number: int, elements: dict[int, Element], depth: int) -> Iterator[Step]:
        """Yield the operands that a class cannot exceed, or not by much; a sum that wraps exceeds none."""
        definition = self._definitions[number]
        operands = definition.operands
        match definition.name:
            case "umin" | "and" | "part":
                yield from ((operand, 0) for operand in operands)
            case "umod":
                yield operands[0], 0
                if self._is_not_zero(operands[1], elements):
                    yield operands[1], 1
            case "udiv" | "lshr":
                yield operands[0], 0
                yield from self._scaled_down(definition, elements)
            case "sub":
                if self._is_exact_difference(definition, elements, depth):
                    yield operands[0], elements.get(operands[1], TOP).unsigned[0]
                    yield from self._taken_less(definition, elements, depth)
            case "add":
                for base, other in (operands, operands[::-1]):
                    yield base, -self._element(other, elements).unsigned[1]
                yield from ((end, 1) for end in self.ends(definition, elements))
            case "mul":
                yield from ((end, 1) for end in self.ends(definition, elements))
            case "truncate":
                if isinstance(definition.detail, IntKind) and not definition.detail.signed:
                    yield operands[0], 0
            case "call":
                yield from self._called(definition, elements)
            case _:
                pass

    def _makes(
        self, user: int, definition: Definition, number: int, elements: dict[int, Element], depth: int
    ) -> Iterator[Step]:
        """Yield what is made from a class and cannot be below it, or not by much."""
        operands = definition.operands
        match definition.name:
            case "umax" | "or":
                yield user, 0
            case "add":
                if self._is_exact_sum(operands, elements):
                    other = operands[operands[0] == number]
                    yield user, self._element(other, elements).unsigned[0]
            case "mul":
                other = operands[operands[0] == number]
                if elements.get(other, TOP).unsigned[0] >= 1 and self.is_exact_product(operands, elements):
                    yield user, 0
            case "sub":
                if operands[0] == number and self._is_exact_difference(definition, elements, depth):
                    yield user, -elements.get(operands[1], TOP).unsigned[1]
            case _:
                pass

    def _taken_less(self, definition: Definition, elements: dict[int, Element], depth: int) -> Iterator[Step]:
        """Yield `x - z` for an exact `x - y` where z is no more than y."""
        whole, taken = definition.operands
        for user in self._users.above.get(whole, ()) if depth > 0 else ():
            other = self._definitions[user]
            if other.name == "sub" and other.operands[0] == whole and other.operands[1] != taken:
                more = self.gap(other.operands[1], taken, elements, depth - 1)
                if more is not None and more >= 0:
                    yield user, more

    def ends(self, definition: Definition, elements: dict[int, Element]) -> Iterator[int]:
        """Yield what a variable that goes in steps lies below: where its `range` stops.

        A range in steps of s counts its rounds k, and the variable is `start + k * s`. With d the distance to the
        end there are `d // s + min(d % s, 1)` rounds, d by s rounded up. So k is at most (d - 1) // s, and k * s
        below d; nothing wraps. Where d is `stop - min(start, stop)` or `max(start, stop) - start` and not 0, it is
        `stop - start`, and the variable lies below stop.

        Args:
            definition: a sum, or a product for a variable that starts at 0.
            elements: what is known.
        """
        if definition.name == "mul":
            for distance in self._distances(definition, elements):
                yield distance
                made = self._definitions[distance]
                for stop, zero in (made.operands, made.operands[::-1]) if made.name == "umax" else ():
                    if self._definitions[zero].name == "const" and self._definitions[zero].detail == 0:
                        yield stop
            return
        for start, way in (definition.operands, definition.operands[::-1]):
            if self._definitions[way].name == "mul":
                for distance in self._distances(self._definitions[way], elements):
                    yield from self._stops(distance, start)

    def _stops(self, distance: int, start: int) -> Iterator[int]:
        """Yield the stop of which a distance that is not 0 is the distance from a start."""
        made = self._definitions[distance]
        for part in made.operands if made.name == "umin" else (distance,):
            difference = self._definitions[part]
            if difference.name != "sub":
                continue
            far, near = (self._definitions[operand] for operand in difference.operands)
            if near.name == "umin" and set(near.operands) == {start, difference.operands[0]}:
                yield difference.operands[0]
            elif far.name == "umax" and difference.operands[1] == start and start in far.operands:
                yield far.operands[far.operands[0] == start]

    def _distances(self, way: Definition, elements: dict[int, Element]) -> Iterator[int]:
        """Yield each d for which `k * s` is known to be less than d: k is below d by s, rounded up."""
        for count, step in (way.operands, way.operands[::-1]):
            if self._definitions[step].name != "const" or self._definitions[step].detail == 0:
                continue
            for user in self._users.compared.get(count, ()):
                compared = self._definitions[user]
                if compared.name == "ult" and compared.operands[0] == count and elements.get(user) == TRUE:
                    yield from self._divided(compared.operands[1], step)

    def _divided(self, rounds: int, step: int) -> Iterator[int]:
        """Yield d where a class is `d // step + min(d % step, 1)`."""
        made = self._definitions[rounds]
        for whole, rest in (made.operands, made.operands[::-1]) if made.name == "add" else ():
            quotient, least = self._definitions[whole], self._definitions[rest]
            if quotient.name != "udiv" or quotient.operands[1] != step or least.name != "umin":
                continue
            for one, remainder in (least.operands, least.operands[::-1]):
                is_one = self._definitions[one].name == "const" and self._definitions[one].detail == 1
                if is_one and self._definitions[remainder] == Definition("umod", quotient.operands):
                    yield quotient.operands[0]

    def _scaled_down(self, definition: Definition, elements: dict[int, Element]) -> Iterator[Step]:
        """Yield x for `x * part // whole` and `x * part >> n` where the part is no more than the whole."""
        product, divisor = definition.operands
        made = self._definitions[product]
        if made.name != "mul" or not self.is_exact_product(made.operands, elements):
            return
        least = elements.get(divisor, TOP).unsigned[0]
        whole = 1 << min(least, 63) if definition.name == "lshr" else least
        for factor, part in (made.operands, made.operands[::-1]):
            if elements.get(part, TOP).unsigned[1] <= whole or part == divisor:
                yield factor, 0

    def _called(self, definition: Definition, elements: dict[int, Element]) -> Iterator[Step]:
        operands = definition.operands
        if definition.detail == "isqrt":
            yield operands[0], 0
        elif definition.detail == "ilog2":
            if self._is_not_zero(operands[0], elements):
                yield operands[0], 1
        elif definition.detail == "mul_div":
            least = elements.get(operands[2], TOP).unsigned[0]
            for factor, part in (operands[:2], operands[1::-1]):
                if elements.get(part, TOP).unsigned[1] <= least:
                    yield factor, 0

    def _is_not_zero(self, number: int, elements: dict[int, Element]) -> bool:
        """Tell whether a divisor is known not to be 0: not where the division comes later, or on another path."""
        return self._element(number, elements).unsigned[0] > 0

    def _is_exact_sum(self, operands: tuple[int, ...], elements: dict[int, Element]) -> bool:
        left, right = (self._element(operand, elements) for operand in operands)
        return left.unsigned[1] + right.unsigned[1] <= U64_MAX

    def _element(self, number: int, elements: dict[int, Element]) -> Element:
        """Return what is known of a class; of a constant its number, be it met on this way or not."""
        known = elements.get(number)
        if known is not None:
            return known
        definition = self._definitions[number]
        return (
            NUMBERS.of(definition.detail)
            if isinstance(definition.detail, int) and definition.name == "const"
            else TOP
        )

    def is_exact_product(self, operands: tuple[int, ...], elements: dict[int, Element]) -> bool:
        """Tell whether a product certainly does not wrap."""
        return (
            elements.get(operands[0], TOP).unsigned[1] * elements.get(operands[1], TOP).unsigned[1] <= U64_MAX
        )

    def _is_exact_difference(self, definition: Definition, elements: dict[int, Element], depth: int) -> bool:
        left, right = definition.operands
        if elements.get(left, TOP).unsigned[0] >= elements.get(right, TOP).unsigned[1]:
            return True
        return depth > 0 and self.is_at_most(right, left, elements, depth - 1)
