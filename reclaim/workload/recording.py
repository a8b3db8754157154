"""Turning valgrind's output into a trace: accesses and system calls in one stream, in true order.

Here: the state of one recording, fed block by block with text. Not here: running the program (recorder.py).

Lackey prints every access and valgrind every system call to the same descriptor, and it runs one thread of the
program at a time, so the order of the lines is the order of events; no clock and no second tracer is needed.
Pages get preliminary numbers in order of first appearance; where each mapping begins in the mapping space is known
only at the end, when the numbers are exchanged for the final ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from reclaim.diag.errors import ConfigError
from reclaim.workload.access_text import (
    BLOCK_ACCESSES,
    RecentPages,
    ns_per_record,
    read_access_lines,
    thin_out,
)
from reclaim.workload.access_trace import BUFFERED, IFETCH, PAGE_MASK, WRITE, FileSpec, Mapping, TraceHeader
from reclaim.workload.address_space import INDEX_BITS, AddressSpace, SnapshotEntry
from reclaim.workload.record_spool import RecordSpool
from reclaim.workload.renumber import Renumberer
from reclaim.workload.syscall_effects import FILE_KEY, SyscallEffects
from reclaim.workload.syscall_text import SyscallReader

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from reclaim.workload.access_text import AccessLines
    from reclaim.workload.access_trace import Records
    from reclaim.workload.open_files import OpenFiles

    U64 = npt.NDArray[np.uint64]

_INDEX_MASK = np.uint64((1 << INDEX_BITS) - 1)


class Recording:
    """Collect the accesses of one program.

    Args:
        snapshot: what /proc/PID/maps showed at the start.
        files: the program's files, with the descriptors that it inherits.
    """

    def __init__(self, snapshot: list[SnapshotEntry], files: OpenFiles) -> None:
        self.nr_accesses = 0
        self.nr_instructions = 0
        self.nr_syscalls = 0
        self._files = files
        self._space = AddressSpace(snapshot, files.file_number)
        self._effects = SyscallEffects(self._space, files)
        self._reader = SyscallReader()
        self._numbering = Renumberer()
        self._spool = RecordSpool()
        self._recent = RecentPages()
        self._nr_touches = 0

    @property
    def nr_records(self) -> int:
        """Return the number of records so far."""
        return self._spool.nr_records

    def feed(self, block: bytes) -> None:
        """Take the next lines of valgrind's output.

        Args:
            block: whole lines.
        """
        lines = read_access_lines(block)
        keys: list[U64] = []
        flags: list[Records] = []
        counts: list[npt.NDArray[np.int64]] = []
        done = 0
        for number in lines.other.tolist():
            text = block[int(lines.starts[number]) : int(lines.ends[number])]
            call = self._reader.read(text.decode("utf-8", "surrogateescape"))
            if call is None:
                continue
            self.nr_syscalls += 1
            stop = int(np.searchsorted(lines.line, number))
            self._take_accesses(lines, done, stop, (keys, flags, counts))
            done = stop
            for touch in self._effects.apply(call):
                keys.append(touch.keys)
                flags.append(np.full(len(touch.keys), touch.flags, dtype=np.uint32))
                self._nr_touches += 1
                counts.append(np.full(len(touch.keys), self._block_number(), dtype=np.int64))
        self._take_accesses(lines, done, len(lines.line), (keys, flags, counts))
        self.nr_instructions += lines.nr_instructions
        self._append(np.concatenate(keys), np.concatenate(flags), np.concatenate(counts))

    def _block_number(self) -> int:
        """Number the block of accesses that are thinned out together; a system call's touches begin a new one."""
        return self.nr_accesses // BLOCK_ACCESSES + self._nr_touches

    def _take_accesses(
        self,
        lines: AccessLines,
        start: int,
        stop: int,
        out: tuple[list[U64], list[Records], list[npt.NDArray[np.int64]]],
    ) -> None:
        """Resolve the accesses of some lines while the mappings are as they were then."""
        out[0].append(self._space.resolve(lines.page[start:stop]))
        out[1].append(lines.flags[start:stop])
        numbers = np.arange(self.nr_accesses, self.nr_accesses + stop - start, dtype=np.int64)
        out[2].append(numbers // BLOCK_ACCESSES + self._nr_touches)
        self.nr_accesses += stop - start

    def _append(self, keys: U64, flags: Records, blocks: npt.NDArray[np.int64]) -> None:
        numbers = self._numbering.number(keys)
        kept, merged = thin_out(numbers, flags, blocks)
        pages, always = numbers[kept], keys[kept] >= np.uint64(FILE_KEY)
        chosen = self._recent.keep(pages, merged, always)
        records = pages[chosen] | merged[chosen]
        if self._numbering.nr_ids > PAGE_MASK:
            raise ConfigError(f"the program touches more than {PAGE_MASK} pages, too many for a trace")
        if len(records):
            self._spool.append(records)

    def finish(
        self, name: str, source: dict[str, Any], unseen: tuple[str, ...]
    ) -> tuple[TraceHeader, Iterator[Records]]:
        """End the recording.

        Args:
            name: of the trace.
            source: how it was made.
            unseen: what it cannot show.

        Returns:
            The header and the records, both final.

        Raises:
            ConfigError: nothing was recorded.
        """
        if not self.nr_records:
            raise ConfigError("valgrind reported no memory access of the program")
        layout = _FinalLayout(self._numbering.ids_in_order(), self._space, self._files)
        header = TraceHeader(
            name=name,
            records=self.nr_records,
            ns_per_access=ns_per_record(self.nr_instructions, self.nr_records),
            files=layout.files,
            mappings=layout.mappings,
            source={
                **source,
                "accesses": self.nr_accesses,
                "instructions": self.nr_instructions,
                "system_calls": self.nr_syscalls,
            },
            unseen=unseen,
        )
        spooled = self._spool.finish(TraceHeader(name=name, records=self.nr_records, ns_per_access=1))
        final_page = layout.final_page

        def records() -> Iterator[Records]:
            for chunk in spooled.chunks():
                yield final_page[chunk & np.uint32(PAGE_MASK)] | (chunk & np.uint32(WRITE | IFETCH))

        return header, records()


class _FinalLayout:
    """Lay out the touched parts of mappings and files, each in the order in which it was made.

    A mapping is cut to the pages between the first and the last touched one: programs reserve far more than they use.
    """

    def __init__(self, keys: U64, space: AddressSpace, files: OpenFiles) -> None:
        is_buffered = keys >= np.uint64(FILE_KEY)
        owner = ((keys & np.uint64(FILE_KEY - 1)) >> np.uint64(INDEX_BITS)).astype(np.int64)
        index = (keys & _INDEX_MASK).astype(np.int64)
        self.final_page = np.zeros(len(keys), dtype=np.uint32)
        low, nr_pages = _extents(owner[~is_buffered], index[~is_buffered], len(space.mappings))
        file_ends = np.zeros(len(files.names), dtype=np.int64)
        np.maximum.at(file_ends, owner[is_buffered], index[is_buffered] + 1)
        for mapping, first, count in zip(space.mappings, low.tolist(), nr_pages.tolist(), strict=True):
            if mapping.file is not None and count:
                end = mapping.file_page + first + count
                file_ends[mapping.file] = max(int(file_ends[mapping.file]), end)
        bases = np.cumsum(nr_pages) - nr_pages
        file_bases = np.cumsum(file_ends) - file_ends
        mapped = owner[~is_buffered]
        self.final_page[~is_buffered] = (bases - low)[mapped] + index[~is_buffered]
        self.final_page[is_buffered] = (file_bases[owner[is_buffered]] + index[is_buffered]) | BUFFERED
        used = np.flatnonzero(file_ends)
        place = {int(number): position for position, number in enumerate(used)}
        self.files = tuple(FileSpec(files.names[number], int(file_ends[number])) for number in used)
        self.mappings = tuple(
            Mapping(
                pages=count,
                kind="anon" if mapping.file is None else "file",
                file=None if mapping.file is None else place[mapping.file],
                file_page=0 if mapping.file is None else mapping.file_page + first,
                shared=mapping.shared,
                write=mapping.write,
                exec=mapping.exec,
                name=mapping.name,
            )
            for mapping, first, count in zip(space.mappings, low.tolist(), nr_pages.tolist(), strict=True)
            if count
        )


def _extents(
    owner: npt.NDArray[np.int64], index: npt.NDArray[np.int64], nr_owners: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the first index in use of each owner, and the length up to the last one (0 for none)."""
    low = np.full(nr_owners, np.iinfo(np.int64).max, dtype=np.int64)
    high = np.full(nr_owners, -1, dtype=np.int64)
    np.minimum.at(low, owner, index)
    np.maximum.at(high, owner, index)
    low[high < 0] = 0
    return low, np.where(high < 0, 0, high - low + 1)
