"""The u32 format: a flat array of little-endian u32, one per access, with page indexes of two regions.

Bit 31 is a write, bit 30 a page of the file region (else of the anonymous one), bits 0-29 the index within the
region. Indexes are kept as they are, not renumbered: which pages share a page table matters to policies
that walk them. A region is as long as its highest index says. Nothing in the bytes tells this format, so
the name or `--format u32` has to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from reclaim.diag.errors import TraceError
from reclaim.workload.access_trace import BUFFERED, MAX_PAGES, WRITE, FileSpec, Mapping, Trace, TraceHeader
from reclaim.workload.byte_source import ByteSource, iter_records
from reclaim.workload.foreign import Format, Options, plain_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from reclaim.workload.access_trace import Records

_FILE = np.uint32(1 << 30)
_INDEX = np.uint32((1 << 30) - 1)

NS_PER_ACCESS = 100
"""Virtual time between two accesses; ours: about one cache miss to memory, which a touch of a new page is."""


def _blocks(path: Path, nr_records: int) -> Iterator[tuple[int, Records]]:
    """Yield the byte offset and the raw words of each block."""
    with ByteSource(path) as source:
        for data in iter_records(source, 4, nr_records * 4):
            yield source.offset - len(data), np.frombuffer(data, dtype="<u4")


def _measure(path: Path) -> tuple[int, int, int]:
    """Return the number of records, of anonymous pages and of file pages."""
    nr_records = 0
    lengths = [0, 0]
    for offset, words in _blocks(path, 1 << 20):
        nr_records += len(words)
        is_file = (words & _FILE) != 0
        index = words & _INDEX
        for region, chosen in enumerate((index[~is_file], index[is_file])):
            lengths[region] = max(lengths[region], int(chosen.max(initial=0)) + 1 if len(chosen) else 0)
        if sum(lengths) > MAX_PAGES:
            message = (
                f"page indexes up to {max(lengths) - 1} found, at most {MAX_PAGES} pages in all expected"
            )
            raise TraceError(path, offset, message)
    return nr_records, lengths[0], lengths[1]


def _open(path: Path, options: Options) -> Trace:
    if options.expand:
        raise TraceError(path, None, "a u32 trace names pages, there is nothing to expand")
    nr_records, nr_anon, nr_file = _measure(path)
    if not nr_records:
        raise TraceError(path, 0, "the trace holds no accesses, at least one expected")
    through_mapping = options.access != "read"
    mappings = [Mapping(pages=nr_anon, kind="anon", name="anonymous")] if nr_anon else []
    if nr_file and through_mapping:
        mappings.append(Mapping(pages=nr_file, kind="file", file=0, shared=True, name="file"))
    header = TraceHeader(
        name=plain_name(path),
        records=nr_records,
        ns_per_access=NS_PER_ACCESS,
        files=(FileSpec("file", nr_file),) if nr_file else (),
        mappings=tuple(mappings),
        source={"format": FORMAT.name, "file": path.name},
    )
    file_base = np.uint32(nr_anon) if through_mapping else np.uint32(BUFFERED)

    def read_chunks(nr_records: int) -> Iterator[Records]:
        for _, words in _blocks(path, nr_records):
            page = (words & _INDEX) + np.where(words & _FILE, file_base, np.uint32(0))
            yield page | (words & np.uint32(WRITE))

    return Trace(header, read_chunks)


FORMAT = Format(
    name="u32",
    suffixes=(".u32",),
    summary="flat array of u32: bit 31 write, bit 30 file page, bits 0-29 page index",
    recognise=lambda _: False,
    open=_open,
)
