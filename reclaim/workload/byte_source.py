"""Reading trace files as bytes, plain or zstd compressed, with offsets for messages.

Here: one class that gives the next n bytes of a file and knows how far it is. Compression is seen from
the first bytes, never from the name. Not here: what the bytes mean.

The zstd stream is fed in small pieces through a decompression object per frame, not through the
library's stream reader: only the object says whether its frame came to an end, and a file that was
cut short must be an error and not a shorter trace.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Self

import zstandard

from reclaim.diag.errors import TraceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
"""First bytes of a zstd frame (RFC 8878, section 3.1.1)."""

_LEAST_PIECE_BYTES = 64
_MOST_PIECE_BYTES = 2048
"""Compressed bytes fed at a time. A zstd block of 4 bytes can stand for 128 KiB, so that a piece of the larger size
could give 64 MiB; the size falls with the ratio seen, and larger pieces would not be faster (ours, measured)."""

_PIECE_OUT_BYTES = 1 << 20
"""Decompressed bytes per piece that the size of pieces aims at."""


class ByteSource:
    """Give the bytes of a trace file in order, decompressed where needed.

    Args:
        path: the file.

    Raises:
        TraceError: the file cannot be opened or read, or its zstd data is damaged or cut short.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.offset = 0
        try:
            self._file = self.path.open("rb")
            head = self._file.read(len(ZSTD_MAGIC))
            self._file.seek(0)
        except OSError as error:
            raise TraceError(path, None, f"cannot be read: {error.strerror or error}") from error
        self.is_compressed = head == ZSTD_MAGIC
        self._pieces = self._decompressed() if self.is_compressed else iter(())
        self._rest = b""

    def __enter__(self) -> Self:
        """Return the source itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self._file.close()

    def read(self, nr_bytes: int) -> bytes:
        """Return the next bytes.

        Args:
            nr_bytes: how many; at least 1.

        Returns:
            As many bytes as asked for; fewer only at the end of the file.

        Raises:
            TraceError: as for the class.
        """
        data = self._read_compressed(nr_bytes) if self.is_compressed else self._read_plain(nr_bytes)
        self.offset += len(data)
        return data

    def _read_plain(self, nr_bytes: int) -> bytes:
        try:
            return self._file.read(nr_bytes)
        except OSError as error:
            raise TraceError(self.path, self.offset, f"cannot be read: {error.strerror or error}") from error

    def _read_compressed(self, nr_bytes: int) -> bytes:
        parts = [self._rest]
        have = len(self._rest)
        while have < nr_bytes and (piece := next(self._pieces, None)) is not None:
            parts.append(piece)
            have += len(piece)
        data = b"".join(parts)
        self._rest = data[nr_bytes:]
        return data[:nr_bytes]

    def _decompressed(self) -> Iterator[bytes]:
        decompressor = zstandard.ZstdDecompressor()
        frame = decompressor.decompressobj()
        in_frame = False
        size = _LEAST_PIECE_BYTES
        while piece := self._read_plain(size):
            while piece:
                out = self._feed(frame, piece)
                in_frame, piece = not frame.eof, frame.unused_data if frame.eof else b""
                if not in_frame:
                    frame = decompressor.decompressobj()
                if out:
                    yield out
                is_much = len(out) > _PIECE_OUT_BYTES
                size = max(size // 2, _LEAST_PIECE_BYTES) if is_much else min(size * 2, _MOST_PIECE_BYTES)
        if in_frame:
            end = self._file.tell()
            raise TraceError(
                self.path,
                None,
                f"the zstd data ends at compressed byte {end} in the middle of a frame: the file is cut short",
            )

    def _feed(self, frame: zstandard.ZstdDecompressionObj, piece: bytes) -> bytes:
        try:
            return frame.decompress(piece)
        except zstandard.ZstdError as error:
            near = self._file.tell() - len(piece)
            message = f"the zstd data is damaged near compressed byte {near}: {error}"
            raise TraceError(self.path, None, message) from error


def iter_records(source: ByteSource, record_bytes: int, block_bytes: int = 1 << 22) -> Iterator[bytes]:
    """Yield blocks of whole fixed-size records to the end of the source.

    Args:
        source: where to read from, standing at the first record.
        record_bytes: size of one record.
        block_bytes: about how much to give at a time.

    Returns:
        Blocks whose length is a multiple of `record_bytes`.

    Raises:
        TraceError: the data ends inside a record.
    """
    ask = max(1, block_bytes // record_bytes) * record_bytes
    while block := source.read(ask):
        spare = len(block) % record_bytes
        if spare:
            start = source.offset - spare
            found = f"{spare} byte{'s' if spare > 1 else ''} of a record found, {record_bytes} expected"
            raise TraceError(source.path, start, f"the file is cut short: {found}")
        yield block
