"""On which lists hooks that a policy leaves out place folios: the default answers for them, and it knows the standard
lists alone.

A folio on a list of the policy's own stays there, whatever the default would do with it; only what is shown to
`deactivate_folio` goes from there, too.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from collections.abc import Set as AbstractSet
from itertools import chain

from reclaim.abi.limits import LRU_DIMS, STANDARD_LISTS

EVICTABLE = tuple(name for name in STANDARD_LISTS if name != "unevictable")
_OF_A_TYPE = tuple(EVICTABLE[first : first + LRU_DIMS[1]] for first in range(0, len(EVICTABLE), LRU_DIMS[1]))
"""The inactive and the active list of each type."""


def default_fills(
    hooks: Container[str], filled: AbstractSet[str], taken: AbstractSet[str], shown: AbstractSet[str]
) -> dict[str, tuple[str, ...]]:
    """Return for each hook that a policy leaves out the lists on which its default places folios.

    Args:
        hooks: names of those that it has.
        filled: lists that these fill.
        taken: lists from which batches are reclaimed.
        shown: lists that are deactivated.

    Returns:
        Nothing for a policy without a `next_batch`, as the default reclaims from all that it fills.
    """
    if "next_batch" not in hooks:
        return {}
    arriving = [lists for lists in _OF_A_TYPE if not filled.isdisjoint(lists)]
    reclaimed = [lists for lists in _OF_A_TYPE if not taken.isdisjoint(lists)]
    fills = {
        "folio_added": EVICTABLE,
        "folio_accessed": _together(lists[1:] for lists in arriving),
        "reclaim_folio": _together(lists[1:] for lists in reclaimed),
        "folio_putback": _together(reclaimed),
        "deactivate_folio": _together(deactivated_by_default(name) for name in sorted(shown & filled)),
    }
    return {hook: lists for hook, lists in fills.items() if hook not in hooks}


def _together(lists: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(chain.from_iterable(lists)))


def deactivated_by_default(name: str) -> tuple[str, ...]:
    """Return the lists on which the default's `deactivate_folio` puts folios from a list."""
    return next((lists for lists in _OF_A_TYPE if name in lists), EVICTABLE)
