"""Dense page numbers for sparse identifiers, in order of first appearance.

A foreign trace names its objects by 64-bit identifiers: block addresses, hashes. The core wants pages 0..n-1.
Here: a hash table from identifier to number that takes and gives whole arrays. Not here: what the
identifiers mean.

Open addressing with linear probing, every probe done for all open questions of a block at once, so that
NumPy runs at memory speed: sorting each block instead was four times slower (ours, measured), and a Python dict
forty times. Memory is 12 bytes a slot at a load between 1/4 and 1/2, whatever the length of the trace.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

U64 = npt.NDArray[np.uint64]
U32 = npt.NDArray[np.uint32]

_EMPTY = np.uint32(0xFFFFFFFF)
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
"""2^64 divided by the golden ratio: Fibonacci hashing (Knuth, The Art of Computer Programming 3, 6.4)."""


class Renumberer:
    """Number identifiers 0, 1, 2, … in order of first appearance.

    Args:
        log2_slots: size of the first table; it grows as needed; 4..40.
    """

    def __init__(self, log2_slots: int = 16) -> None:
        self._resize(log2_slots)
        self.nr_ids = 0

    def number(self, ids: U64) -> U32:
        """Return the number of each identifier, new ones getting the next free numbers.

        Args:
            ids: shape (n,), uint64.

        Returns:
            Shape (n,), uint32.
        """
        numbers = self._look_up(ids)
        unknown = np.flatnonzero(numbers == _EMPTY)
        if len(unknown):
            fresh, first, inverse = np.unique(ids[unknown], return_index=True, return_inverse=True)
            order = np.empty(len(fresh), dtype=np.uint32)
            order[np.argsort(first, kind="stable")] = np.arange(len(fresh), dtype=np.uint32)
            order += np.uint32(self.nr_ids)
            numbers[unknown] = order[inverse]
            self._grow_for(len(fresh))
            self._insert(fresh, order)
            self.nr_ids += len(fresh)
        return numbers

    def ids_in_order(self) -> U64:
        """Return every identifier seen, at the place of its number."""
        used = np.flatnonzero(self._numbers != _EMPTY)
        ids = np.empty(self.nr_ids, dtype=np.uint64)
        ids[self._numbers[used]] = self._keys[used]
        return ids

    def _resize(self, log2_slots: int) -> None:
        self._log2_slots = log2_slots
        self._keys = np.zeros(1 << log2_slots, dtype=np.uint64)
        self._numbers = np.full(1 << log2_slots, _EMPTY, dtype=np.uint32)

    def _grow_for(self, nr_more: int) -> None:
        needed = 2 * (self.nr_ids + nr_more)
        if needed <= len(self._keys):
            return
        used = np.flatnonzero(self._numbers != _EMPTY)
        keys, numbers = self._keys[used], self._numbers[used]
        self._resize(needed.bit_length())
        self._insert(keys, numbers)

    def _home(self, ids: U64) -> npt.NDArray[np.int64]:
        return ((ids * _MULTIPLIER) >> np.uint64(64 - self._log2_slots)).astype(np.int64)

    def _look_up(self, ids: U64) -> U32:
        """Return the number of each known identifier and `_EMPTY` for the others."""
        mask = len(self._keys) - 1
        slots = self._home(ids)
        result = self._numbers[slots]
        open_ = np.flatnonzero((self._keys[slots] != ids) & (result != _EMPTY))
        while len(open_):
            slots[open_] = (slots[open_] + 1) & mask
            at = slots[open_]
            result[open_] = self._numbers[at]
            open_ = open_[(self._keys[at] != ids[open_]) & (result[open_] != _EMPTY)]
        return result

    def _insert(self, ids: U64, numbers: U32) -> None:
        """Put distinct, unknown identifiers into free slots; of those that want the same slot one wins a round."""
        mask = len(self._keys) - 1
        slots = self._home(ids)
        while len(ids):
            is_free = self._numbers[slots] == _EMPTY
            self._numbers[slots[is_free]] = numbers[is_free]
            won = is_free & (self._numbers[slots] == numbers)
            self._keys[slots[won]] = ids[won]
            ids, numbers = ids[~won], numbers[~won]
            slots = (slots[~won] + 1) & mask
