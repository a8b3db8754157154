"""The native container of traces, `.rtrace`, plain or compressed as a whole with zstd.

Layout, little-endian: 8 bytes magic, u32 length of the header, the header as JSON in utf-8, then one u32 per
access to the end of the file (bits in access_trace.py). Here: reading and writing that. Not here: other formats.

The writer streams. It does not know the record count before the last chunk, so it writes the body to one
temporary file, then the header and that body to another, which takes the final name only when it is
complete. For zstd the two are two frames of one stream, which zstd defines to be one file.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import shutil
import struct
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, cast

import numpy as np
import zstandard

from reclaim.diag.errors import ConfigError, TraceError
from reclaim.diag.whole_file import is_special, whole_file
from reclaim.workload.access_trace import BUFFERED, PAGE_MASK, FileSpec, Mapping, Trace, TraceHeader
from reclaim.workload.byte_source import ByteSource

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from reclaim.workload.access_trace import Records

MAGIC = b"RTRACE1\n"
_LENGTH = struct.Struct("<I")
_RECORD_BYTES = 4

MAX_HEADER_BYTES = 1 << 26
"""A header above 64 MiB is taken for damage: it would hold some 400,000 mappings, six times what the
kernel lets one process have (max_map_count, 65530)."""

ZSTD_LEVEL = 9
"""For traces written in passing; shipped ones take 19. Ours: above 9 a million records take seconds."""


def read_rtrace(path: str | Path) -> Trace:
    """Open a native trace.

    Args:
        path: the file, plain or zstd compressed.

    Returns:
        A trace that reads the file anew for each pass; a record that points outside the header's pages is
        found when its chunk is read.

    Raises:
        TraceError: the file is not a native trace, is damaged or cut short, or holds no accesses.
    """
    with ByteSource(path) as source:
        header = _read_header(source)
        body_offset = source.offset
        if not header.records:
            raise TraceError(path, body_offset, "the trace holds no accesses, at least one expected")
        if not source.is_compressed:
            nr_bytes = Path(path).stat().st_size - body_offset
            _check_length(path, header, body_offset, nr_bytes)

    def read_chunks(nr_records: int) -> Iterator[Records]:
        return _read_body(path, header, nr_records)

    return Trace(header, read_chunks)


def write_trace(
    path: str | Path, header: TraceHeader, chunks: Iterable[Records], *, level: int = ZSTD_LEVEL
) -> int:
    """Write a native trace; the file appears whole or not at all.

    Args:
        path: the new file; compressed when the name ends in `.zst`.
        header: the description; its record count is replaced by the true one.
        chunks: arrays of shape (n,), uint32.
        level: of zstd compression; 1..22.

    Returns:
        The number of records written.

    Raises:
        ConfigError: the header does not fit together, or there are no records.
        TraceError: the file cannot be written.
    """
    target = Path(path)
    compressor = (
        zstandard.ZstdCompressor(level=level, write_checksum=True) if target.suffix == ".zst" else None
    )
    try:
        with contextlib.ExitStack() as stack:
            folder = None if is_special(target) else target.resolve().parent
            body = stack.enter_context(tempfile.TemporaryFile(dir=folder))
            whole = stack.enter_context(whole_file(target))
            nr_records = _write_body(body, chunks, compressor)
            header = dataclasses.replace(header, records=nr_records)
            header.check()
            if not nr_records:
                raise ConfigError(f"{target}: the trace holds no accesses, at least one expected")
            head = _encode_header(header)
            whole.write(compressor.compress(head) if compressor else head)
            body.seek(0)
            shutil.copyfileobj(body, whole, 1 << 20)
    except OSError as error:
        raise TraceError(path, None, f"cannot be written: {error.strerror or error}") from error
    return nr_records


def _write_body(
    body: IO[bytes], chunks: Iterable[Records], compressor: zstandard.ZstdCompressor | None
) -> int:
    nr_records = 0
    with contextlib.ExitStack() as stack:
        out: Any = body
        if compressor is not None:
            out = stack.enter_context(compressor.stream_writer(body, closefd=False))
        for chunk in chunks:
            out.write(np.ascontiguousarray(chunk, dtype="<u4").data)
            nr_records += len(chunk)
    return nr_records


def _encode_header(header: TraceHeader) -> bytes:
    text = json.dumps(dataclasses.asdict(header), ensure_ascii=False, separators=(",", ":"))
    data = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace").encode()
    return MAGIC + _LENGTH.pack(len(data)) + data


def _read_header(source: ByteSource) -> TraceHeader:
    magic = source.read(len(MAGIC))
    if magic != MAGIC:
        raise TraceError(source.path, 0, f"{magic!r} found, the magic {MAGIC!r} of a native trace expected")
    length = source.read(_LENGTH.size)
    if len(length) < _LENGTH.size:
        raise TraceError(source.path, source.offset, "the file ends before the length of the header")
    (nr_bytes,) = _LENGTH.unpack(length)
    at = source.offset
    if nr_bytes > MAX_HEADER_BYTES:
        raise TraceError(
            source.path, at - 4, f"header of {nr_bytes} bytes, at most {MAX_HEADER_BYTES} expected"
        )
    data = source.read(nr_bytes) if nr_bytes else b""
    if len(data) < nr_bytes:
        raise TraceError(
            source.path, source.offset, f"header cut short: {len(data)} bytes of {nr_bytes} found"
        )
    try:
        header = _decode_header(json.loads(data.decode("utf-8")))
        header.check()
    except ConfigError as error:
        raise TraceError(source.path, at, f"header: {error}") from error
    except ValueError as error:
        raise TraceError(source.path, at, f"the header is not JSON: {error}") from error
    return header


def _take(table: Any, key: str, kind: type[Any], where: str, default: Any = None) -> Any:
    """Return one field of a JSON object after checking its type; without a default it must be there."""
    if not isinstance(table, dict):
        raise ConfigError(f"{where} is {type(table).__name__}, an object expected")
    if key not in table and default is not None:
        return default
    value = table.get(key)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        found = f"{type(value).__name__} {value!r}" if key in table else "nothing"
        raise ConfigError(f"{where}.{key}: {found:.80} found, {kind.__name__} expected")
    return value


def _decode_header(table: Any) -> TraceHeader:
    version = _take(table, "version", int, "header")
    if version != 1:
        raise ConfigError(f"version {version} found, 1 expected")
    records = _take(table, "records", int, "header")
    if records < 0:
        raise ConfigError(f"header.records: {records} found, 0 or more expected")
    files = _take(table, "files", list, "header")
    mappings = _take(table, "mappings", list, "header")
    unseen = _take(table, "unseen", list, "header", [])
    return TraceHeader(
        name=_take(table, "name", str, "header"),
        records=records,
        ns_per_access=_take(table, "ns_per_access", int, "header"),
        files=tuple(_decode_file(entry, f"files[{i}]") for i, entry in enumerate(files)),
        mappings=tuple(_decode_mapping(entry, f"mappings[{i}]") for i, entry in enumerate(mappings)),
        source=_take(table, "source", dict, "header", {}),
        unseen=tuple(str(sentence) for sentence in unseen),
    )


def _decode_file(entry: Any, where: str) -> FileSpec:
    return FileSpec(name=_take(entry, "name", str, where), pages=_take(entry, "pages", int, where))


def _decode_mapping(entry: Any, where: str) -> Mapping:
    kind = _take(entry, "kind", str, where)
    if kind not in ("anon", "file"):
        raise ConfigError(f"{where}.kind: {kind!r} found, 'anon' or 'file' expected")
    advice = _take(entry, "advice", str, where, "normal")
    if advice not in ("normal", "random", "sequential"):
        raise ConfigError(f"{where}.advice: {advice!r} found, 'normal', 'random' or 'sequential' expected")
    return Mapping(
        pages=_take(entry, "pages", int, where),
        kind=cast("Literal['anon', 'file']", kind),
        file=None if entry.get("file") is None else _take(entry, "file", int, where),
        file_page=_take(entry, "file_page", int, where, 0),
        shared=_take(entry, "shared", bool, where),
        write=_take(entry, "write", bool, where),
        exec=_take(entry, "exec", bool, where),
        name=_take(entry, "name", str, where, ""),
        advice=cast("Literal['normal', 'random', 'sequential']", advice),
        locked=_take(entry, "locked", bool, where, False),
    )


def _check_length(path: str | Path, header: TraceHeader, body_offset: int, nr_bytes: int) -> None:
    expected = header.records * _RECORD_BYTES
    if nr_bytes == expected:
        return
    at = body_offset + min(nr_bytes, expected)
    what = "the file is cut short" if nr_bytes < expected else "bytes after the last record"
    message = f"{what}: {nr_bytes} bytes of records found, {expected} ({header.records} records) expected"
    raise TraceError(path, at, message)


def _read_body(path: str | Path, header: TraceHeader, nr_records: int) -> Iterator[Records]:
    nr_left = header.records
    limits = (header.nr_mapped_pages, header.nr_file_pages)
    with ByteSource(path) as source:
        _read_header(source)
        body_offset = source.offset
        while nr_left:
            ask = min(nr_left, nr_records)
            data = source.read(ask * _RECORD_BYTES)
            if len(data) < ask * _RECORD_BYTES:
                _check_length(path, header, body_offset, source.offset - body_offset)
            chunk = np.frombuffer(data, dtype="<u4").astype(np.uint32, copy=False)
            _check_pages(source, chunk, limits)
            nr_left -= ask
            yield chunk
        if spare := len(source.read(1)):
            _check_length(path, header, body_offset, source.offset - body_offset + spare - 1)


def _check_pages(source: ByteSource, chunk: Records, limits: tuple[int, int]) -> None:
    pages = chunk & np.uint32(PAGE_MASK)
    if pages.max(initial=0) < min(limits):
        return
    is_buffered = (chunk & np.uint32(BUFFERED)) != 0
    bad = np.flatnonzero(pages >= np.where(is_buffered, limits[1], limits[0]))
    if len(bad):
        first = int(bad[0])
        space, limit = ("file", limits[1]) if is_buffered[first] else ("mapping", limits[0])
        at = source.offset - (len(chunk) - first) * _RECORD_BYTES
        found = f"page {int(pages[first])} of the {space} space found"
        raise TraceError(source.path, at, f"{found}, below {limit} expected")
