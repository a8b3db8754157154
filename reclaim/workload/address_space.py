"""The mappings of a recorded program while it runs: which page of what an address stands for.

Here: regions of addresses, cut and moved as mmap, munmap, mremap and brk say, and whole arrays of addresses
resolved to pages of mappings. Not here: reading the system calls (syscall_effects.py).

A mapping never gets a page back: memory that is unmapped and mapped again is new memory, so each mmap makes a
mapping of its own, and a heap that shrinks and grows goes on with pages it never had. An address that no call
explains was there before the program ran (its own image, the stack), and is looked up in what /proc showed then.
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from reclaim.workload.access_trace import PAGE_SHIFT

if TYPE_CHECKING:
    from collections.abc import Callable

U64 = npt.NDArray[np.uint64]

INDEX_BITS = 36
"""Bits of a page index within a mapping or a file: 2^48 bytes, all that x86-64 gives a program."""

_STACK_PAGES = 1 << 14
"""How far below its top an address counts as stack: 64 MiB, above every usual limit of the stack's size."""

_STACK_TOP = 0x1FFF001000 >> PAGE_SHIFT
"""Where valgrind on amd64 ends the stack of the program (coregrind/m_initimg, seen in /proc/PID/maps)."""

_UNKNOWN_PAGES = 512
"""Size and alignment of a region made for an address that nothing explains: what one page table covers."""


@dataclass
class RecordedMapping:
    """Describe one mapping while it is recorded.

    Args:
        name: path or a made-up name.
        file: number of the file, None for anonymous memory.
        file_page: page of the file at index 0.
        shared: made with MAP_SHARED.
        write: was writable at some time.
        exec: was executable at some time.
        nr_pages: next index never used.
    """

    name: str
    file: int | None = None
    file_page: int = 0
    shared: bool = False
    write: bool = False
    exec: bool = False
    nr_pages: int = 0


@dataclass(frozen=True)
class SnapshotEntry:
    """Describe a line of /proc/PID/maps, in pages.

    Args:
        start: first page.
        end: page behind the last.
        permissions: such as `r-xp`.
        file_page: offset in the file.
        path: of the file; empty for anonymous memory.
    """

    start: int
    end: int
    permissions: str
    file_page: int
    path: str


@dataclass(frozen=True)
class _Region:
    start: int
    end: int
    mapping: int
    first: int

    def part(self, start: int, end: int) -> _Region:
        return _Region(start, end, self.mapping, self.first + start - self.start)


def parse_maps(text: str) -> list[SnapshotEntry]:
    """Read /proc/PID/maps.

    Args:
        text: its contents.

    Returns:
        One entry per line, in order of address; names in brackets count as anonymous.
    """
    entries = []
    for line in text.splitlines():
        fields = line.split(maxsplit=5)
        start, end = (int(part, 16) >> PAGE_SHIFT for part in fields[0].split("-"))
        path = fields[5] if len(fields) > 5 and fields[5].startswith("/") else ""
        entries.append(SnapshotEntry(start, end, fields[1], int(fields[2], 16) >> PAGE_SHIFT, path))
    return entries


class AddressSpace:
    """Follow the mappings of one program.

    Args:
        snapshot: what /proc/PID/maps showed at the start.
        file_number: gives the number of the file at a path, for mappings of the snapshot.
    """

    def __init__(self, snapshot: list[SnapshotEntry], file_number: Callable[[str], int]) -> None:
        self.mappings: list[RecordedMapping] = []
        self._snapshot = snapshot
        self._file_number = file_number
        self._regions: list[_Region] = []
        self._arrays: tuple[U64, U64, U64] | None = None
        self._heap: int | None = None
        self._break = 0

    def map(self, start: int, nr_pages: int, mapping: RecordedMapping) -> None:
        """Put a new mapping at an address, over whatever was there.

        Args:
            start: first page of addresses.
            nr_pages: length.
            mapping: the mapping; becomes part of `mappings`.
        """
        self.mappings.append(mapping)
        mapping.nr_pages = nr_pages
        self.unmap(start, nr_pages)
        self._insert([_Region(start, start + nr_pages, len(self.mappings) - 1, 0)])

    def unmap(self, start: int, nr_pages: int) -> list[_Region]:
        """Take a range of addresses away.

        Args:
            start: first page of addresses.
            nr_pages: length.

        Returns:
            The regions, or parts of them, that were there.
        """
        end = start + nr_pages
        low = bisect.bisect_right(self._regions, start, key=lambda region: region.end)
        high = bisect.bisect_left(self._regions, end, key=lambda region: region.start)
        touched = self._regions[low:high]
        kept = [region.part(region.start, start) for region in touched if region.start < start]
        kept += [region.part(end, region.end) for region in touched if region.end > end]
        self._regions[low:high] = kept
        self._arrays = None
        return [region.part(max(region.start, start), min(region.end, end)) for region in touched]

    def move(self, old: int, nr_old: int, new: int, nr_new: int) -> None:
        """Move a range of addresses with the pages behind it, as mremap does; added pages are new.

        Args:
            old: first page of addresses before.
            nr_old: length before.
            new: first page of addresses after.
            nr_new: length after.
        """
        regions = self.unmap(old, nr_old)
        self.unmap(new, nr_new)
        end = old + min(nr_old, nr_new)
        moved = [region.part(region.start, min(region.end, end)) for region in regions if region.start < end]
        shift = new - old
        self._insert([_Region(r.start + shift, r.end + shift, r.mapping, r.first) for r in moved])
        if nr_new > nr_old and regions:
            self._extend(new + nr_old, nr_new - nr_old, regions[-1])

    def set_break(self, address: int) -> None:
        """Set the end of the heap, as brk answers it.

        Args:
            address: in bytes.
        """
        page = (address + (1 << PAGE_SHIFT) - 1) >> PAGE_SHIFT
        before, self._break = self._break, page
        if self._heap is None and before and page > before:
            self._heap = len(self.mappings)
            self.map(before, page - before, RecordedMapping("[heap]", write=True))
        elif self._heap is not None and page > before:
            self._extend(before, page - before, _Region(before, before, self._heap, 0))
        elif self._heap is not None and page < before:
            self.unmap(page, before - page)

    def protect(self, start: int, nr_pages: int, *, write: bool, executable: bool) -> None:
        """Remember that a range became writable or executable.

        Args:
            start: first page of addresses.
            nr_pages: length.
            write: PROT_WRITE was given.
            executable: PROT_EXEC was given.
        """
        for region in self._regions:
            if region.start < start + nr_pages and region.end > start:
                mapping = self.mappings[region.mapping]
                mapping.write |= write
                mapping.exec |= executable

    def resolve(self, pages: U64) -> U64:
        """Find the page of a mapping behind each page of addresses.

        Args:
            pages: addresses divided by the page size; shape (n,), uint64.

        Returns:
            Shape (n,), uint64: number of the mapping times 2^INDEX_BITS, plus the index within it.
        """
        while True:
            starts, ends, keys = self._region_arrays()
            at = np.searchsorted(starts, pages, side="right") - 1
            lost = np.flatnonzero((at < 0) | (pages >= ends[at]))
            if not len(lost):
                return np.asarray(keys[at] + (pages - starts[at]), dtype=np.uint64)
            self._adopt(int(pages[lost[0]]))

    def _extend(self, start: int, nr_pages: int, neighbour: _Region) -> None:
        """Add pages to the mapping of a region: never used ones of anonymous memory, the next ones of a file."""
        mapping = self.mappings[neighbour.mapping]
        follows = neighbour.first + neighbour.end - neighbour.start
        first = mapping.nr_pages if mapping.file is None else follows
        mapping.nr_pages = max(mapping.nr_pages, first + nr_pages)
        self.unmap(start, nr_pages)
        self._insert([_Region(start, start + nr_pages, neighbour.mapping, first)])

    def _insert(self, regions: list[_Region]) -> None:
        for region in regions:
            if region.end > region.start:
                bisect.insort(self._regions, region, key=lambda r: r.start)
        self._arrays = None

    def _region_arrays(self) -> tuple[U64, U64, U64]:
        if self._arrays is None:
            regions = self._regions or [_Region(0, 0, 0, 0)]
            self._arrays = (
                np.array([region.start for region in regions], dtype=np.uint64),
                np.array([region.end for region in regions], dtype=np.uint64),
                np.array(
                    [(region.mapping << INDEX_BITS) + region.first for region in regions], dtype=np.uint64
                ),
            )
        return self._arrays

    def _adopt(self, page: int) -> None:
        """Make a region for a page that was there before the program ran."""
        entry = next((entry for entry in self._snapshot if entry.start <= page < entry.end), None)
        if _STACK_TOP - _STACK_PAGES <= page < _STACK_TOP:
            start, end, mapping = (
                _STACK_TOP - _STACK_PAGES,
                _STACK_TOP,
                RecordedMapping("[stack]", write=True),
            )
        elif entry is not None:
            start, end, mapping = entry.start, entry.end, self._of_entry(entry)
        else:
            start = page - page % _UNKNOWN_PAGES
            end, mapping = start + _UNKNOWN_PAGES, RecordedMapping("[unknown]", write=True)
        at = bisect.bisect_right(self._regions, page, key=lambda region: region.start)
        low = max(start, self._regions[at - 1].end) if at else start
        high = min(end, self._regions[at].start) if at < len(self._regions) else end
        mapping.file_page += (low - start) if mapping.file is not None else 0
        self.map(low, high - low, mapping)

    def _of_entry(self, entry: SnapshotEntry) -> RecordedMapping:
        return RecordedMapping(
            name=entry.path or "[data]",
            file=self._file_number(entry.path) if entry.path else None,
            file_page=entry.file_page,
            shared="s" in entry.permissions,
            write="w" in entry.permissions,
            exec="x" in entry.permissions,
        )
