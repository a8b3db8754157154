"""How much a loop's variable can gain: sums over bounded loops are bounded.

Widening alone loses `total += folio.nr_pages`: it grows in each round, so its bound is pushed to the end
of the type. But the number of rounds is known before the loop, and what is added in one round is known
after the body was visited. So after n rounds the variable lies in start + n * gain. That holds modulo
2**64 in any case, and exactly wherever the range computed here fits the type.

The gain is found by walking the definitions from what the back edges pass to the variable itself:
additions and subtractions, merges of paths, and inner loops, which gain their own rounds times their own
gain. Anything else is no sum, and widening has the last word.
"""

from __future__ import annotations

from collections.abc import Mapping

from reclaim.abi.kinds import S64_MAX, S64_MIN, U64_MAX
from verifier.domains.product import NUMBERS, Element
from verifier.numbering import Edge, Numbering

DEEPEST = 24
"""Definitions and merges on the way from a back edge to the variable; ours, longer sums are rare."""

Gain = tuple[int, int]


class Accumulation:
    """Bound the variables of one hook's loops by what they gain.

    Args:
        numbering: classes of the hook.
        passed: for each block and edge into it which class each parameter takes.
        headers: ids of the loops' headers.
    """

    def __init__(
        self,
        numbering: Numbering,
        passed: Mapping[int, Mapping[Edge, list[tuple[int, int]]]],
        headers: set[int],
    ) -> None:
        self._numbering = numbering
        self._passed = passed
        self._headers = headers
        self._owner = {
            param: block for block, edges in passed.items() for pairs in edges.values() for param, _ in pairs
        }
        self._rounds: dict[int, int] = {}
        self._addends: dict[int, Element] = {}
        self._found: dict[tuple[int, int], Gain | None] = {}

    def addends(self, number: int) -> tuple[int, ...]:
        """Return the operands of a sum or difference, whose elements `note` wants to know."""
        definition = self._numbering.definitions[number]
        return definition.operands if definition.name in ("add", "sub") else ()

    def note(self, number: int, element: Element) -> None:
        """Remember what an operand can be, over all visits."""
        seen = self._addends.get(number)
        self._addends[number] = element if seen is None else NUMBERS.join(seen, element)

    def note_rounds(self, header: int, rounds: int) -> None:
        """Remember how often a loop goes round, over all visits."""
        self._rounds[header] = max(self._rounds.get(header, 0), rounds)

    def reached(self, header: int, param: int, start: Element) -> Element | None:
        """Return what a header's parameter can be in any round.

        Args:
            header: the loop.
            param: its parameter.
            start: what enters from outside.

        Returns:
            None if the parameter is no sum, or may pass the end of its type.
        """
        self._found.clear()
        gain = self._gain_in_loop(header, param, DEEPEST)
        if gain is None:
            return None
        for (low, high), (least, most) in (
            (start.unsigned, (0, U64_MAX)),
            (start.signed, (S64_MIN, S64_MAX)),
        ):
            if least <= low + gain[0] and high + gain[1] <= most:
                return NUMBERS.range(low + gain[0], high + gain[1])
        return None

    def _gain_in_loop(self, header: int, param: int, depth: int) -> Gain | None:
        """Return what a parameter gains over all rounds of its loop."""
        edges = self._passed[header]
        backs = [edge for edge in edges if self._numbering.is_back_edge(edge, header)]
        each = self._join([self._argument(edges[edge], param) for edge in backs], param, depth)
        if each is None:
            return None
        rounds = self._rounds.get(header, 0)
        return min(each[0] * rounds, 0), max(each[1] * rounds, 0)

    def _argument(self, pairs: list[tuple[int, int]], param: int) -> int:
        """Return what an edge passes; a pair is left out where a parameter stays as it is."""
        return next((argument for known, argument in pairs if known == param), param)

    def _join(self, numbers: list[int], param: int, depth: int) -> Gain | None:
        gains = [self._gain(number, param, depth - 1) for number in numbers]
        known = [gain for gain in gains if gain is not None]
        if not known or len(known) < len(gains):
            return None
        return min(gain[0] for gain in known), max(gain[1] for gain in known)

    def _gain(self, number: int, param: int, depth: int) -> Gain | None:
        """Return by how much a class exceeds the parameter; paths meet often, so each is walked once."""
        if number == param:
            return (0, 0)
        if (number, param) not in self._found:
            self._found[number, param] = self._walk(number, param, depth) if depth > 0 else None
        return self._found[number, param]

    def _walk(self, number: int, param: int, depth: int) -> Gain | None:
        definition = self._numbering.definitions[number]
        if definition.name in ("add", "sub"):
            return self._sum(definition.name, definition.operands, param, depth)
        block = self._owner.get(number)
        if block is None:
            return None
        edges = self._passed[block]
        outside = [edge for edge in edges if not self._numbering.is_back_edge(edge, block)]
        arriving = self._join([self._argument(edges[edge], number) for edge in outside], param, depth)
        if arriving is None or block not in self._headers:
            return arriving
        inner = self._gain_in_loop(block, number, depth - 1)
        return None if inner is None else (arriving[0] + inner[0], arriving[1] + inner[1])

    def _sum(self, name: str, operands: tuple[int, ...], param: int, depth: int) -> Gain | None:
        orders = (operands,) if name == "sub" else (operands, operands[::-1])
        for base, other in orders:
            gain, element = self._gain(base, param, depth - 1), self._addends.get(other)
            if gain is not None and element is not None:
                low, high = element.signed
                return (gain[0] - high, gain[1] - low) if name == "sub" else (gain[0] + low, gain[1] + high)
        return None
