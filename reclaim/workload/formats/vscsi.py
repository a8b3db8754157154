"""The vscsi format of VMware's block traces, in both versions that libCacheSim reads.

Version 1: `<u32 number, u32 bytes, u32 nr_sg, u16 command, u16 version, u64 block, u64 time>`, 32 bytes; version 2:
`<u16 command, u16 version, u32 number, u32 bytes, u32 nr_sg, u64 block, u64 time, u64 response time>`, 40 bytes. The upper
byte of the version field is the version. Blocks are 512-byte sectors; the object is the first of them.
Source: libCacheSim, libCacheSim/traceReader/customizedReader/vscsi.h.
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

_LAYOUTS = {
    1: np.dtype(
        [
            ("number", "<u4"),
            ("bytes", "<u4"),
            ("nr_sg", "<u4"),
            ("command", "<u2"),
            ("version", "<u2"),
            ("block", "<u8"),
            ("time", "<u8"),
        ]
    ),
    2: np.dtype(
        [
            ("command", "<u2"),
            ("version", "<u2"),
            ("number", "<u4"),
            ("bytes", "<u4"),
            ("nr_sg", "<u4"),
            ("block", "<u8"),
            ("time", "<u8"),
            ("response", "<u8"),
        ]
    ),
}

_SECTOR_BYTES = np.uint64(512)
"""Unit of the block field: the SCSI logical block of these traces."""

_WRITES = (0x0A, 0x2A, 0xAA, 0x8A)
"""Operation codes of WRITE(6), (10), (12) and (16) (SCSI Block Commands, SBC-3)."""


def _version(head: bytes) -> int | None:
    """Return the version whose layout the first records fit, None when neither does."""
    for version, layout in _LAYOUTS.items():
        nr_records = min(len(head) // layout.itemsize, 64)
        if nr_records:
            records = np.frombuffer(head, dtype=layout, count=nr_records)
            if bool(((records["version"] >> 8) == version).all()):
                return version
    return None


def _requests(path: Path) -> Iterator[Requests]:
    with ByteSource(path) as source:
        head = source.read(1 << 12)
    if not head:
        return
    version = _version(head)
    if version is None:
        found = head[:32].hex(" ")
        raise TraceError(path, 0, f"no vscsi record of version 1 or 2 starts here: {found}")
    layout = _LAYOUTS[version]
    with ByteSource(path) as source:
        for data in iter_records(source, layout.itemsize):
            records = np.frombuffer(data, dtype=layout)
            offset = source.offset - len(data)
            wrong = np.flatnonzero((records["version"] >> 8) != version)
            if len(wrong):
                found = (
                    f"version {int(records['version'][wrong[0]] >> 8)} found, {version} as before expected"
                )
                raise TraceError(path, offset + int(wrong[0]) * layout.itemsize, found)
            blocks = np.ascontiguousarray(records["block"], dtype=np.uint64)
            yield Requests(
                ids=blocks,
                writes=np.isin(records["command"] & 0xFF, _WRITES),
                sizes_bytes=records["bytes"].astype(np.uint64),
                starts_bytes=blocks * _SECTOR_BYTES,
                offset=offset,
            )


def _open(path: Path, options: Options) -> Trace:
    return object_trace(path, _requests(path), options, FORMAT.name)


FORMAT = Format(
    name="vscsi",
    suffixes=(".vscsi", ".vscsi1", ".vscsi2"),
    summary="VMware block traces, versions 1 and 2",
    recognise=lambda head: _version(head) is not None,
    open=_open,
)
