"""A trace as the rest of the package sees it: a header and a stream of packed records.

Here: the data classes of the header, the layout of a record, and `Trace`, which every format, recorder
and generator ends in. Not here: files and formats (rtrace.py, tracefile.py, formats/).

One u32 per access keeps a trace at four bytes a record and lets the core read chunks without copying.
Pages are dense numbers in one of two spaces: the mapping space (all mappings laid end to end) for accesses
through page tables, the file page space (all files laid end to end) for those through file descriptors.
A page of a file mapping and a buffered page of the same file are the same page of the page cache; the
header's mappings say which.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from reclaim.abi.limits import PAGE_BYTES
from reclaim.diag.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Records = npt.NDArray[np.uint32]

WRITE = 1 << 31
"""The access changes the page."""
BUFFERED = 1 << 30
"""The access goes through a file descriptor; the page number is in the file page space."""
IFETCH = 1 << 29
"""The access fetches instructions."""
PAGE_MASK = (1 << 29) - 1
"""Bits of the page number, which limits either space to 2 TiB of 4 KiB pages."""
MAX_PAGES = PAGE_MASK + 1
PAGE_SHIFT = PAGE_BYTES.bit_length() - 1

CHUNK_RECORDS = 1 << 20
"""Records per chunk: 4 MiB, enough that a call per chunk costs nothing, small beside any machine."""


@dataclass(frozen=True)
class FileSpec:
    """Describe one file of a trace.

    Args:
        name: path or a name made up by the format.
        pages: length in pages; the file's pages follow those of the file before it.
    """

    name: str
    pages: int


@dataclass(frozen=True)
class Mapping:
    """Describe one mapping of a trace, the model's VMA.

    Args:
        pages: length in pages; the mapping's pages follow those of the mapping before it.
        kind: anonymous memory or a file's pages.
        file: index into the header's files, None for anonymous memory.
        file_page: the page of that file which the first page of the mapping shows.
        shared: writes reach the file (or the other users of shared anonymous memory).
        write: the program may write here.
        exec: the program may run code from here.
        name: what a reader would call it, such as a path or `[heap]`.
        advice: what the program told madvise about it; reclaim ignores young PTEs of advised mappings.
        locked: its pages are locked in memory once touched (mlock2 with MLOCK_ONFAULT).
    """

    pages: int
    kind: Literal["anon", "file"]
    file: int | None = None
    file_page: int = 0
    shared: bool = False
    write: bool = True
    exec: bool = False
    name: str = ""
    advice: Literal["normal", "random", "sequential"] = "normal"
    locked: bool = False


@dataclass(frozen=True)
class TraceHeader:
    """Describe a trace: what its page numbers mean, where it comes from, what it cannot show.

    Args:
        name: short name for tables.
        records: number of records; ignored by writers, which count for themselves.
        ns_per_access: virtual time from one record to the next that the program itself needs; nanoseconds.
        files: files in the order of the file page space.
        mappings: mappings in the order of the mapping space.
        source: how the trace was made: command, tool, versions; JSON values.
        unseen: one sentence for each thing that the recording cannot show.
        version: of the layout.
    """

    name: str
    records: int
    ns_per_access: int
    files: tuple[FileSpec, ...] = ()
    mappings: tuple[Mapping, ...] = ()
    source: dict[str, Any] = field(default_factory=dict)
    unseen: tuple[str, ...] = ()
    version: int = 1

    @property
    def is_program(self) -> bool:
        """Tell whether this is what a program did on a running system: a recording, which names its command."""
        return "command" in self.source

    @property
    def nr_mapped_pages(self) -> int:
        """Count the pages of the mapping space."""
        return sum(mapping.pages for mapping in self.mappings)

    @property
    def nr_file_pages(self) -> int:
        """Count the pages of the file page space."""
        return sum(file.pages for file in self.files)

    def check(self) -> None:
        """Refuse a header whose parts do not fit together.

        Raises:
            ConfigError: a negative length, a space beyond 2^29 pages, a mapping of a file that is not there
                or beyond the file's end.
        """
        if self.nr_mapped_pages > MAX_PAGES or self.nr_file_pages > MAX_PAGES:
            found = max(self.nr_mapped_pages, self.nr_file_pages)
            raise ConfigError(f"{found} pages in one space, at most {MAX_PAGES} expected")
        if self.ns_per_access < 0:
            raise ConfigError(f"ns_per_access is {self.ns_per_access}, 0 or more expected")
        for file in self.files:
            if file.pages < 0:
                raise ConfigError(f"file {file.name!r} has {file.pages} pages, 0 or more expected")
        for number, mapping in enumerate(self.mappings):
            self._check_mapping(number, mapping)

    def _check_mapping(self, number: int, mapping: Mapping) -> None:
        where = f"mapping {number} ({mapping.name!r})"
        if mapping.pages < 0 or mapping.file_page < 0:
            raise ConfigError(
                f"{where} has {mapping.pages} pages from {mapping.file_page}, 0 or more expected"
            )
        if mapping.kind == "anon":
            if mapping.file is not None:
                raise ConfigError(f"{where} is anonymous but names file {mapping.file}, null expected")
            return
        if mapping.file is None or not 0 <= mapping.file < len(self.files):
            raise ConfigError(f"{where} names file {mapping.file}, one of 0..{len(self.files) - 1} expected")
        end = mapping.file_page + mapping.pages
        file = self.files[mapping.file]
        if end > file.pages:
            raise ConfigError(f"{where} reaches page {end} of {file.name!r}, which has {file.pages}")


@dataclass(frozen=True)
class PageCounts:
    """Count the distinct pages that a trace touches, by kind.

    Args:
        anon: anonymous pages, copies of private file pages made by writing among them.
        file: pages of files, whichever way they are reached.
        mapped_file: those of `file` that are reached through a mapping.
        buffered_file: those of `file` that are reached through a file descriptor.
        records: number of records.
        writes: records that write.
        buffered: records through a file descriptor.
        ifetches: records that fetch instructions.
    """

    anon: int
    file: int
    mapped_file: int
    buffered_file: int
    records: int
    writes: int
    buffered: int
    ifetches: int

    @property
    def total(self) -> int:
        """Count all distinct pages."""
        return self.anon + self.file


class Trace:
    """Stream the accesses of one workload, as often as asked.

    Args:
        header: the description; `records` must be the true number.
        read_chunks: gives the records from the start in chunks of at most the size asked for; called anew for each pass.
    """

    def __init__(self, header: TraceHeader, read_chunks: Callable[[int], Iterator[Records]]) -> None:
        self.header = header
        self._read_chunks = read_chunks
        self._page_counts: PageCounts | None = None

    @property
    def name(self) -> str:
        """Return the short name for tables."""
        return self.header.name

    @property
    def nr_records(self) -> int:
        """Return the number of accesses."""
        return self.header.records

    @property
    def nr_mapped_pages(self) -> int:
        """Return the number of pages in the mapping space."""
        return self.header.nr_mapped_pages

    @property
    def nr_file_pages(self) -> int:
        """Return the number of pages in the file page space."""
        return self.header.nr_file_pages

    @property
    def footprint_pages(self) -> int:
        """Return the number of distinct pages touched, found by one pass over the trace and then remembered."""
        return self.page_counts.total

    @property
    def page_counts(self) -> PageCounts:
        """Return the distinct pages by kind and the records by kind, found by one pass and then remembered."""
        if self._page_counts is None:
            self._page_counts = _count_pages(self)
        return self._page_counts

    def chunks(self, nr_records: int = CHUNK_RECORDS) -> Iterator[Records]:
        """Stream the records from the start.

        Args:
            nr_records: most records in one chunk; at least 1.

        Returns:
            Arrays of shape (n,), uint32, 1 <= n <= nr_records, layout as at the head of this file. Read only.

        Raises:
            TraceError: the file under the trace turns out to be damaged.
        """
        if nr_records < 1:
            raise ConfigError(f"chunks of {nr_records} records, at least 1 expected")
        return self._read_chunks(nr_records)


def memory_trace(header: TraceHeader, records: Records) -> Trace:
    """Make a trace of records that are in memory.

    Args:
        header: the description; its record count is replaced by the true one.
        records: shape (n,), uint32; must not be changed afterwards.

    Returns:
        The trace.

    Raises:
        ConfigError: the header does not fit together, or there are no records.
    """
    header = dataclasses.replace(header, records=len(records))
    header.check()
    if not len(records):
        raise ConfigError(f"{header.name}: the trace holds no accesses, at least one expected")

    def read_chunks(nr_records: int) -> Iterator[Records]:
        for start in range(0, len(records), nr_records):
            yield records[start : start + nr_records]

    return Trace(header, read_chunks)


def _count_pages(trace: Trace) -> PageCounts:
    """Mark every page of both spaces in one pass, then follow mapped pages to the files behind them."""
    mapped = np.zeros(trace.nr_mapped_pages, dtype=np.bool_)
    mapped_written = np.zeros(trace.nr_mapped_pages, dtype=np.bool_)
    buffered = np.zeros(trace.nr_file_pages, dtype=np.bool_)
    writes = nr_buffered = ifetches = 0
    for chunk in trace.chunks():
        pages = chunk & np.uint32(PAGE_MASK)
        is_buffered = (chunk & np.uint32(BUFFERED)) != 0
        is_write = chunk >= np.uint32(WRITE)
        buffered[pages[is_buffered]] = True
        mapped[pages[~is_buffered]] = True
        mapped_written[pages[~is_buffered & is_write]] = True
        writes += int(np.count_nonzero(is_write))
        nr_buffered += int(np.count_nonzero(is_buffered))
        ifetches += int(np.count_nonzero(chunk & np.uint32(IFETCH)))
    anon, through_mappings = _split_mapped(trace.header, mapped, mapped_written)
    return PageCounts(
        anon=anon,
        file=int(np.count_nonzero(through_mappings | buffered)),
        mapped_file=int(np.count_nonzero(through_mappings)),
        buffered_file=int(np.count_nonzero(buffered)),
        records=trace.nr_records,
        writes=writes,
        buffered=nr_buffered,
        ifetches=ifetches,
    )


def _split_mapped(
    header: TraceHeader, mapped: npt.NDArray[np.bool_], written: npt.NDArray[np.bool_]
) -> tuple[int, npt.NDArray[np.bool_]]:
    """Return the number of anonymous pages and the file pages reached through mappings.

    A written page of a private file mapping is two pages: the file's own and the anonymous copy.
    """
    first_pages = np.concatenate(([0], np.cumsum([file.pages for file in header.files], dtype=np.int64)))
    through = np.zeros(header.nr_file_pages, dtype=np.bool_)
    anon = start = 0
    for mapping in header.mappings:
        end = start + mapping.pages
        if mapping.file is None:
            anon += int(np.count_nonzero(mapped[start:end]))
        else:
            first = int(first_pages[mapping.file]) + mapping.file_page
            through[first : first + mapping.pages] |= mapped[start:end]
            anon += 0 if mapping.shared else int(np.count_nonzero(written[start:end]))
        start = end
    return anon, through
