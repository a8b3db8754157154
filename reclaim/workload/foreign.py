"""What all foreign formats share: how a format is declared, and how objects become pages.

A format is one module in `formats/` with one `FORMAT = Format(...)`; nothing else needs to know of it.
Block and cache traces name objects, not pages; `object_trace` turns each request into one access of one
4 KiB page (or, expanded, into an access per page of the request) and numbers the pages densely.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from reclaim.abi.limits import PAGE_BYTES
from reclaim.diag.errors import ConfigError, TraceError
from reclaim.workload.access_trace import (
    BUFFERED,
    PAGE_SHIFT,
    WRITE,
    FileSpec,
    Mapping,
    Trace,
    TraceHeader,
)
from reclaim.workload.record_spool import RecordSpool, check_page_count
from reclaim.workload.renumber import Renumberer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from reclaim.workload.renumber import U64

Access = Literal["mmap", "read"]

ACCESSES: tuple[Access, ...] = ("mmap", "read")

NS_PER_REQUEST = 1000
"""Virtual time between two requests of a block or cache trace; ours: such traces carry seconds at best,
and replaying their idle time would tell nothing about reclaim."""

_MAX_REQUEST_PAGES = 1 << 20
"""Pages that one expanded request may span, 4 GiB: more is damage, and would fill the memory."""

_EXPAND_PAGES = 1 << 21
"""Pages expanded at a time, to bound memory."""


@dataclass(frozen=True)
class Options:
    """Carry how the user wants a foreign trace to be read.

    Args:
        access: whether pages are touched through a mapping or a file descriptor; None leaves it to the format.
        expand: split a request into its pages instead of taking one page per object.
        columns: which columns of a csv file hold what, such as `obj=2,size=3`; None reads its head line.
    """

    access: Access | None = None
    expand: bool = False
    columns: str | None = None


@dataclass(frozen=True)
class Format:
    """Declare one foreign trace format.

    Args:
        name: as in `--format`.
        suffixes: file name endings that tell the format, lower case, without `.zst`.
        summary: one line for help texts.
        recognise: tells from the first bytes (up to 64 KiB, decompressed) whether a file is in this format.
        open: opens a file.
    """

    name: str
    suffixes: tuple[str, ...]
    summary: str
    recognise: Callable[[bytes], bool]
    open: Callable[[Path, Options], Trace]


@dataclass(frozen=True)
class Requests:
    """Carry a block of requests of a block or cache trace.

    Args:
        ids: the object of each request; shape (n,), uint64.
        writes: which requests write; None when the format does not say.
        sizes_bytes: size of each request; None when the format does not say.
        starts_bytes: where each request starts on its device; None when the objects have no addresses.
        offset: byte offset of the block in the file, for messages.
    """

    ids: U64
    offset: int
    writes: npt.NDArray[np.bool_] | None = None
    sizes_bytes: U64 | None = None
    starts_bytes: U64 | None = None


def plain_name(path: Path) -> str:
    """Return the file name without `.zst` and the format's own ending, for tables."""
    name = path.name.removesuffix(".zst")
    return name.split(".")[0] or name


def object_trace(path: Path, blocks: Iterable[Requests], options: Options, format_name: str) -> Trace:
    """Turn the requests of a block or cache trace into a trace.

    Args:
        path: the file, for messages and the name.
        blocks: its requests in order.
        options: access defaults to `read`.
        format_name: goes into the header.

    Returns:
        A trace of one file, whose pages are numbered in order of first appearance.

    Raises:
        TraceError: no requests, a request too large to expand, or more than 2^29 pages.
    """
    access = options.access or "read"
    spool = RecordSpool()
    numbering = Renumberer()
    objects = Renumberer()
    flag = np.uint32(BUFFERED if access == "read" else 0)
    for block in blocks:
        for keys, writes in _page_keys(path, block, options, objects):
            records = numbering.number(keys) | flag
            if writes is not None:
                records |= np.where(writes, np.uint32(WRITE), np.uint32(0))
            spool.append(records)
        try:
            check_page_count(numbering.nr_ids)
        except ConfigError as error:
            raise TraceError(path, block.offset, str(error)) from error
    if not spool.nr_records:
        raise TraceError(path, 0, "the trace holds no accesses, at least one expected")
    return spool.finish(_object_header(path, spool.nr_records, numbering.nr_ids, access, format_name))


def _object_header(
    path: Path, nr_records: int, nr_pages: int, access: Access, format_name: str
) -> TraceHeader:
    mapping = Mapping(pages=nr_pages, kind="file", file=0, shared=True, name=path.name)
    return TraceHeader(
        name=plain_name(path),
        records=nr_records,
        ns_per_access=NS_PER_REQUEST,
        files=(FileSpec(path.name, nr_pages),),
        mappings=(mapping,) if access == "mmap" else (),
        source={"format": format_name, "file": path.name},
        unseen=(
            "which process made a request, and what it did in memory",
            "requests that a cache above the recorded level answered",
            "the time between requests",
        ),
    )


def _page_keys(
    path: Path, block: Requests, options: Options, objects: Renumberer
) -> Iterator[tuple[U64, npt.NDArray[np.bool_] | None]]:
    """Yield a 64-bit key per page access, with whether it writes."""
    if not options.expand:
        yield block.ids, block.writes
        return
    if block.sizes_bytes is None:
        raise TraceError(path, None, "requests have no size in this file, so they cannot be split into pages")
    sizes = np.maximum(block.sizes_bytes, np.uint64(1))
    if block.starts_bytes is None:
        first = objects.number(block.ids).astype(np.uint64) << np.uint64(32)
        counts = (sizes + np.uint64(PAGE_BYTES - 1)) >> np.uint64(PAGE_SHIFT)
    else:
        first = block.starts_bytes >> np.uint64(PAGE_SHIFT)
        counts = ((block.starts_bytes + sizes - np.uint64(1)) >> np.uint64(PAGE_SHIFT)) - first + np.uint64(1)
    largest = int(np.argmax(counts))
    if int(counts[largest]) > _MAX_REQUEST_PAGES:
        message = f"request {largest} from here spans {int(counts[largest])} pages, at most {_MAX_REQUEST_PAGES} expected"
        raise TraceError(path, block.offset, message)
    yield from _expanded(first, counts.astype(np.int64), block.writes)


def _expanded(
    first: U64, counts: npt.NDArray[np.int64], writes: npt.NDArray[np.bool_] | None
) -> Iterator[tuple[U64, npt.NDArray[np.bool_] | None]]:
    ends = np.cumsum(counts)
    start = 0
    while start < len(counts):
        base = int(ends[start] - counts[start])
        stop = max(start + 1, int(np.searchsorted(ends, base + _EXPAND_PAGES, side="right")))
        here = counts[start:stop]
        within = np.arange(int(here.sum()), dtype=np.int64) - np.repeat(ends[start:stop] - here - base, here)
        keys = np.repeat(first[start:stop], here) + within.astype(np.uint64)
        yield keys, None if writes is None else np.repeat(writes[start:stop], here)
        start = stop
