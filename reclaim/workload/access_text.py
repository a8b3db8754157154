"""The access lines that valgrind's lackey prints with `--trace-mem=yes`.

`I  04016b80,3` is an instruction fetch, ` L 1ffeffe7e0,8` a load, ` S …` a store, ` M …` a load and a store, each
with address (hexadecimal) and size. Here: finding these lines among others and reading them, and thinning them out
to what page reclaim can notice. The imported format and the recorder share it.

Thinning. Lackey prints some three lines per two instructions; reclaim sees pages and an accessed bit, and the hardware
sets that bit only when it walks the page table, not while the translation stays in the TLB. Two steps follow it:
in each block of BLOCK_ACCESSES accesses a page is kept once, at its first access (array operations, most of
the work); then an access is dropped whose page is among the last RECENT_RECORDS kept. So a page's place in the
order of last use is off by at most about that many pages. On a database's 39 million accesses, which blocks of 32
alone thin out to 7.6 million and both steps to 0.39 million, the second step changed LRU misses by 0.5 % at 200 pages
of memory, by 0.04 % at 400, and not at all at 800 (ours, measured).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from reclaim.workload.access_trace import IFETCH, PAGE_SHIFT, WRITE
from reclaim.workload.text_columns import hexadecimal, line_spans

if TYPE_CHECKING:
    from reclaim.workload.access_trace import Records
    from reclaim.workload.text_columns import Positions

BLOCK_ACCESSES = 64
"""Accesses thinned out together in the first step; as many as the second step may reorder anyway."""

RECENT_RECORDS = 64
"""Pages remembered in the second step: the entries of a first-level data TLB (Intel since Haswell, AMD Zen)."""

NS_PER_INSTRUCTION = 0.3
"""Virtual time per instruction: some 3 GHz at one instruction per cycle. Ours; only ratios matter."""

_IS_DATA = np.zeros(256, dtype=np.bool_)
_IS_DATA[[ord("L"), ord("S"), ord("M")]] = True


@dataclass(frozen=True)
class AccessLines:
    """Carry the access lines of a block of text.

    Args:
        line: number of the line within the block; shape (n,), int64.
        page: address divided by the page size; shape (n,), uint64.
        flags: WRITE and IFETCH as in a record; shape (n,), uint32.
        other: numbers of the lines that are no accesses; shape (m,), int64.
        starts: position of every line's first byte.
        ends: position of every line's newline.
    """

    line: Positions
    page: npt.NDArray[np.uint64]
    flags: Records
    other: Positions
    starts: Positions
    ends: Positions

    @property
    def nr_instructions(self) -> int:
        """Count the instruction fetches."""
        return int(np.count_nonzero(self.flags & np.uint32(IFETCH)))


def read_access_lines(block: bytes) -> AccessLines:
    """Read the access lines of a block of lackey's text.

    Args:
        block: whole lines.

    Returns:
        The accesses, and which lines are something else.
    """
    text, starts, ends = line_spans(block)
    first, second = text[starts], text[starts + 1]
    is_fetch = (first == ord("I")) & (second == ord(" "))
    is_access = (is_fetch | ((first == ord(" ")) & _IS_DATA[second])) & (text[starts + 2] == ord(" "))
    line = np.flatnonzero(is_access)
    address, end = hexadecimal(text, starts[line] + 3)
    good = (text[end] == ord(",")) & (end < ends[line])
    if not good.all():
        is_access[line[~good]] = False
        line, address = line[good], address[good]
    writes = (second[line] == ord("S")) | (second[line] == ord("M"))
    flags = np.where(is_fetch[line], np.uint32(IFETCH), np.where(writes, np.uint32(WRITE), np.uint32(0)))
    return AccessLines(
        line, address >> np.uint64(PAGE_SHIFT), flags, np.flatnonzero(~is_access), starts, ends
    )


def thin_out(page: Records, flags: Records, block: Positions) -> tuple[Positions, Records]:
    """Keep each page once per block, at its first access, with all flags of the block.

    Args:
        page: dense page number of each access; shape (n,), uint32.
        flags: WRITE and IFETCH; shape (n,), uint32.
        block: number of the block of each access, never falling; shape (n,), int64.

    Returns:
        Which accesses are kept, in order, and their flags.
    """
    if not len(page):
        return np.zeros(0, dtype=np.int64), flags
    keys = (block << 32) | page
    keep = _first_of_runs(keys, flags)
    order = keep[np.argsort(keys[keep], kind="stable")]
    sorted_keys = keys[order]
    heads = np.flatnonzero(np.concatenate(([True], sorted_keys[1:] != sorted_keys[:-1])))
    merged = np.bitwise_or.reduceat(flags[order], heads)
    firsts = order[heads]
    by_time = np.argsort(firsts)
    return firsts[by_time], merged[by_time]


def _first_of_runs(keys: Positions, flags: Records) -> Positions:
    """Drop accesses that repeat the one before of their own sort (fetch or data); cheap, and most accesses."""
    is_fetch = (flags & np.uint32(IFETCH)) != 0
    kept = []
    for chosen in (np.flatnonzero(is_fetch), np.flatnonzero(~is_fetch)):
        mixed = (keys[chosen] << 1) | (flags[chosen] >> np.uint32(31))
        is_first = np.ones(len(chosen), dtype=np.bool_)
        is_first[1:] = mixed[1:] != mixed[:-1]
        kept.append(chosen[is_first])
    return np.sort(np.concatenate(kept))


class RecentPages:
    """Drop accesses to pages that were just kept, as a TLB of RECENT_RECORDS entries in FIFO order would."""

    def __init__(self) -> None:
        self._flags: dict[int, int] = {}
        self._ring = [-1] * RECENT_RECORDS
        self._next = 0

    def keep(self, pages: Records, flags: Records, always: npt.NDArray[np.bool_]) -> Positions:
        """Choose the accesses to keep; a first write or fetch is kept even when the page is known.

        Args:
            pages: dense page number of each access; shape (n,), uint32.
            flags: WRITE and IFETCH; shape (n,), uint32.
            always: accesses to keep whatever came before, such as buffered ones; shape (n,).

        Returns:
            Positions of the accesses kept, in order.
        """
        known, ring, place = self._flags, self._ring, self._next
        kept: list[int] = []
        rows = zip(pages.tolist(), flags.tolist(), always.tolist(), strict=True)
        for position, (page, flag, is_kept) in enumerate(rows):
            before = -1 if is_kept else known.get(page)
            if before is not None and before >= 0:
                if before & flag == flag:
                    continue
                known[page] = before | flag
                kept.append(position)
                continue
            kept.append(position)
            known.pop(ring[place], None)
            ring[place] = -1 if is_kept else page
            if not is_kept:
                known[page] = flag
            place = (place + 1) % RECENT_RECORDS
        self._next = place
        return np.array(kept, dtype=np.int64)


def ns_per_record(nr_instructions: int, nr_records: int) -> int:
    """Return the virtual time that one record stands for, from the instructions that ran; nanoseconds, at least 1."""
    return max(1, round(nr_instructions * NS_PER_INSTRUCTION / max(1, nr_records)))
