"""The oracleGeneral format of libCacheSim: one 24-byte record per request.

Little-endian `<u32 time, u64 object, u32 size, i64 next access>`; the last is the number of the next request of
the same object, negative or the largest value when there is none. Requests carry no operation, so all read.
Source: libCacheSim, libCacheSim/traceReader/customizedReader/oracle/oracleGeneralBin.h.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from reclaim.diag.errors import TraceError
from reclaim.workload.byte_source import ByteSource, iter_records
from reclaim.workload.foreign import Format, Options, Requests, object_trace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from reclaim.workload.access_trace import Trace

_RECORD = np.dtype([("time", "<u4"), ("id", "<u8"), ("size", "<u4"), ("next", "<i8")])

_NEVER_HIGH = (0, 0xFFFFFFFF, 0x7FFFFFFF)
"""Upper halves that a next access can have: a request number below 2^32, -1, or INT64_MAX."""


def _signs(records: np.ndarray[tuple[int], np.dtype[np.void]]) -> tuple[bool, bool]:
    """Return whether times never fall, and whether every next access can be one."""
    high = (records["next"].astype(np.int64) >> 32) & 0xFFFFFFFF
    times = records["time"].astype(np.int64)
    return bool((np.diff(times) >= 0).all()), bool(np.isin(high, _NEVER_HIGH).all())


def _recognise(head: bytes) -> bool:
    nr_records = min(len(head) // _RECORD.itemsize, 256)
    if not nr_records:
        return False
    records = np.frombuffer(head, dtype=_RECORD, count=nr_records)
    return all(_signs(records)) and bool(records["id"].any())


def _requests(path: Path) -> Iterator[Requests]:
    with ByteSource(path) as source:
        for data in iter_records(source, _RECORD.itemsize):
            records = np.frombuffer(data, dtype=_RECORD)
            offset = source.offset - len(data)
            if offset == 0 and not any(_signs(records[:256])):
                message = "no oracleGeneral records: times that fall and impossible next accesses found at the start"
                raise TraceError(path, 0, message)
            yield Requests(
                ids=np.ascontiguousarray(records["id"], dtype=np.uint64),
                sizes_bytes=records["size"].astype(np.uint64),
                offset=offset,
            )


def _open(path: Path, options: Options) -> Trace:
    return object_trace(path, _requests(path), options, FORMAT.name)


FORMAT = Format(
    name="oracleGeneral",
    suffixes=(".oraclegeneral", ".oraclegeneral.bin"),
    summary="libCacheSim's binary format, 24 bytes a request",
    recognise=_recognise,
    open=_open,
)
