"""Belady's optimum for a trace: what no policy can beat.

Here: making one page have one number. Not here: the algorithm (reclaim/core/belady.c).

A page of a file has a number in the mapping space for each mapping that shows it and one in the file page space; the
optimum has to see one page. A written page of a private mapping is its own from the first write on.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from reclaim.engine.binding import belady_misses
from reclaim.workload import BUFFERED, PAGE_MASK, WRITE, Trace, TraceHeader

Records = npt.NDArray[np.uint32]

MAX_RECORDS = 1 << 26
"""Longest trace for which the optimum is computed; ours: it needs some 28 bytes a record, here 1.8 GiB per worker."""


def optimum_misses(trace: Trace, capacity_pages: int) -> int | None:
    """Return the fewest misses that any policy could have.

    Args:
        trace: the accesses.
        capacity_pages: room; at least 1.

    Returns:
        Misses, the first touch of every page among them; None where the trace is too long to find out.
    """
    if trace.nr_records > MAX_RECORDS:
        return None
    records = np.concatenate(list(trace.chunks()))
    return belady_misses(one_number_per_page(trace.header, records), capacity_pages)


def one_number_per_page(header: TraceHeader, records: Records) -> Records:
    """Return records in which each page has one number, whichever way it is reached.

    Args:
        header: of the trace.
        records: all of it; shape (n,), uint32.

    Returns:
        Page numbers with the BUFFERED bit where they are of the file page space; shape (n,), uint32.
    """
    pages = records & np.uint32(PAGE_MASK)
    is_buffered = (records & np.uint32(BUFFERED)) != 0
    if all(mapping.file is None for mapping in header.mappings):
        return pages | (records & np.uint32(BUFFERED))
    shown, is_private = _shown_pages(header)
    mapped = np.flatnonzero(~is_buffered)
    mapped_pages = pages[mapped]
    writes = np.flatnonzero((records[mapped] & np.uint32(WRITE)) != 0)[::-1]
    first_write = np.full(header.nr_mapped_pages, len(mapped), dtype=np.int64)
    first_write[mapped_pages[writes]] = writes  # from the last to the first, so that the first stays
    is_own = is_private[mapped_pages] & (np.arange(len(mapped)) >= first_write[mapped_pages])
    numbers = pages | np.uint32(BUFFERED)
    numbers[mapped] = np.where(is_own, mapped_pages, shown[mapped_pages])
    return numbers


def _shown_pages(header: TraceHeader) -> tuple[Records, npt.NDArray[np.bool_]]:
    """Return for each page of the mapping space the number of the page shown, and whether a write copies it."""
    first_pages = np.concatenate(([0], np.cumsum([file.pages for file in header.files], dtype=np.int64)))
    shown = np.arange(header.nr_mapped_pages, dtype=np.uint32)
    is_private = np.zeros(header.nr_mapped_pages, dtype=np.bool_)
    start = 0
    for mapping in header.mappings:
        end = start + mapping.pages
        if mapping.file is not None:
            first = int(first_pages[mapping.file]) + mapping.file_page
            shown[start:end] = np.arange(first, first + mapping.pages, dtype=np.uint32) | np.uint32(BUFFERED)
            is_private[start:end] = not mapping.shared
        start = end
    return shown, is_private
