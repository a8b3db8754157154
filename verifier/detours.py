"""Which branches decide whether a run comes to a place: those that lead there on one side, and may not on the other."""

from __future__ import annotations

from collections.abc import Iterable

from reclaim.lang.ir import HookIR
from verifier.numbering import successors


def deciding(hook: HookIR, places: Iterable[int]) -> frozenset[int]:
    """Return the blocks whose branches decide whether a run comes to some blocks.

    Args:
        hook: the hook.
        places: the blocks' ids.

    Returns:
        Branches on which one of the places is control dependent, and those on which these are.
    """
    targets = {block.id: [target.id for target, _ in successors(block.terminator)] for block in hook.blocks}
    found: set[int] = set()
    left = list(places)
    while left:
        missing = _past(targets, left.pop())
        for block, ways in targets.items():
            is_deciding = block in missing and not missing.issuperset(ways)
            if is_deciding and block not in found:
                found.add(block)
                left.append(block)
    return frozenset(found)


def _past(targets: dict[int, list[int]], place: int) -> set[int]:
    """Return the blocks from which a run may end without coming to a block."""
    sources: dict[int, list[int]] = {block: [] for block in targets}
    for block, ways in targets.items():
        for target in ways:
            sources[target].append(block)
    left = [block for block, ways in targets.items() if not ways and block != place]
    found: set[int] = set()
    while left:
        block = left.pop()
        if block not in found:
            found.add(block)
            left += [source for source in sources[block] if source != place]
    return found
