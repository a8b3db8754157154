"""How often loops go round, and what their counters can be.

Loops say their own number of rounds (`Loop.bound`), so nothing has to be found by going round them. The
counter of a `range` loop is therefore known before the first round: from its start, `bound` steps.
"""

from __future__ import annotations

from reclaim.abi.kinds import S64_MAX, S64_MIN, U64_MAX
from reclaim.lang.ir import Branch, Compare, CompareOp, IntType, Loop, LoopKind, Value
from verifier.domains.product import TOP
from verifier.evaluation import Elements
from verifier.numbering import Numbering


def most_rounds(elements: Elements, loop: Loop, numbering: Numbering) -> int:
    """Return the largest proved number of rounds.

    Args:
        elements: what is known before the loop.
        loop: the loop.
        numbering: classes of the hook.
    """
    element = elements.get(numbering.of(loop.bound), TOP)
    if isinstance(loop.bound.type, IntType) and loop.bound.type.signed:
        return max(element.signed[1], 0)
    return element.unsigned[1]


def step_of(loop: Loop, numbering: Numbering) -> int | None:
    """Return by how much the counter grows in a round, None if that is no constant."""
    counter = numbering.of(loop.header.params[0])
    steps: set[int] = set()
    for edge in numbering.incoming[loop.header.id]:
        if not numbering.is_back_edge(edge, loop.header.id):
            continue
        made = numbering.definitions[numbering.of(numbering.args_along(edge)[0])]
        if made.name not in ("add", "sub") or counter not in made.operands:
            return None
        other = made.operands[made.operands[0] == counter]
        constant = numbering.definitions[other]
        if constant.name != "const" or (made.name == "sub" and made.operands[0] != counter):
            return None
        assert isinstance(constant.detail, int)
        signed = constant.detail - (U64_MAX + 1) if constant.detail > S64_MAX else constant.detail
        steps.add(-signed if made.name == "sub" else signed)
    return steps.pop() if len(steps) == 1 else None


def counter_range(elements: Elements, loop: Loop, numbering: Numbering) -> tuple[int, int] | None:
    """Return what the counter can be in the header, its end value included.

    The bound is exact, so the counter ends where the range ends and cannot pass the largest number.

    Args:
        elements: what is known before the loop.
        loop: a loop over `range`.
        numbering: classes of the hook.

    Returns:
        None if the counter does not go in constant steps.
    """
    if loop.kind is LoopKind.SCAN:
        return (0, most_rounds(elements, loop, numbering))
    step = step_of(loop, numbering)
    if step is None:
        return None
    counter = loop.header.params[0]
    is_signed = isinstance(counter.type, IntType) and counter.type.signed
    starts = [
        elements.get(numbering.of(numbering.args_along(edge)[0]), TOP)
        for edge in numbering.incoming[loop.header.id]
        if not numbering.is_back_edge(edge, loop.header.id)
    ]
    ranges = [start.signed if is_signed else start.unsigned for start in starts]
    way = step * most_rounds(elements, loop, numbering)
    low = min(r[0] for r in ranges) + min(way, 0)
    high = max(r[1] for r in ranges) + max(way, 0)
    end = _end(loop)
    if end is not None and step > 0:
        element = elements.get(numbering.of(end), TOP)
        last = (element.signed if is_signed else element.unsigned)[1] + step - 1
        high = min(high, max(last, *(r[1] for r in ranges)))
    least, most = (S64_MIN, S64_MAX) if is_signed else (0, U64_MAX)
    return max(low, least), min(high, most)


def _end(loop: Loop) -> Value | None:
    """Return the number, made before an upward loop, that its header lets the counter pass only at the end."""
    header = loop.header
    if not header.ops or not isinstance(header.terminator, Branch):
        return None
    test = header.ops[-1]
    counter, branch = header.params[0], header.terminator
    if not isinstance(test, Compare) or test.result != branch.condition or branch.then.id not in loop.body:
        return None
    is_signed = isinstance(counter.type, IntType) and counter.type.signed
    is_upward = test.op is CompareOp.LT and test.left == counter and test.signed == is_signed
    return test.right if is_upward and len(header.ops) == 1 and test.right not in header.params else None
