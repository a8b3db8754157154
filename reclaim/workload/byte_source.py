"""Reading trace files as bytes, plain or zstd compressed, with offsets for messages.

Here: one class that gives the next n bytes of a file and knows how far it is. Compression is seen from
the first bytes, never from the name. Not here: what the bytes mean.

The library's stream reader bounds the memory but takes a file that was cut short for one that ends there. So the
frames and blocks of a compressed file are walked through first, which reads a few bytes per 128 KiB of data.
"""

from __future__ import annotations

from pathlib import Path
from typing import IO, TYPE_CHECKING, NoReturn, Self, cast

import zstandard

from reclaim.diag.errors import TraceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
"""First bytes of a zstd frame (RFC 8878, section 3.1.1)."""

_SKIPPABLE_MAGIC = b"\x2a\x4d\x18"
"""Bytes 1..3 of a skippable frame, whose first byte is 0x50..0x5f (RFC 8878, section 3.1.2)."""

_BLOCK_RLE, _BLOCK_RESERVED = 1, 3
"""Block types: one byte that stands for many, and one that no file has (RFC 8878, section 3.1.1.2.2)."""


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
        self._stream: IO[bytes] = self._file
        if self.is_compressed:
            try:
                _FrameWalk(self.path, self._file).check()
            except TraceError:
                self._file.close()
                raise
            reader = zstandard.ZstdDecompressor().stream_reader(self._file, read_across_frames=True)
            self._stream = cast("IO[bytes]", reader)

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
        try:
            data = self._stream.read(nr_bytes)
        except OSError as error:
            raise TraceError(self.path, self.offset, f"cannot be read: {error.strerror or error}") from error
        except zstandard.ZstdError as error:
            raise TraceError(
                self.path, self.offset, f"the zstd data is damaged behind this: {error}"
            ) from error
        self.offset += len(data)
        return data


class _FrameWalk:
    """Find out that a zstd file is whole, without decompressing it."""

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self._path = path
        self._file = file
        self._end = path.stat().st_size
        self._at = 0

    def check(self) -> None:
        """Walk over every frame and return to the start.

        Raises:
            TraceError: the file ends inside a frame, or holds something else.
        """
        while self._at < self._end:
            head = self._peek(18)
            if head[1:4] == _SKIPPABLE_MAGIC and head[0] >> 4 == 5:
                self._step(8 + int.from_bytes(head[4:8], "little"))
            else:
                self._step_over_frame(head)
        self._file.seek(0)

    def _step_over_frame(self, head: bytes) -> None:
        try:
            parameters = zstandard.get_frame_parameters(head)
            self._step(zstandard.frame_header_size(head))
        except zstandard.ZstdError as error:
            self._refuse(f"the zstd data is damaged or cut short at compressed byte {self._at}: {error}")
        is_last = False
        while not is_last:
            header = int.from_bytes(self._peek(3), "little")
            is_last, kind, size = bool(header & 1), header >> 1 & 3, header >> 3
            if kind == _BLOCK_RESERVED:
                self._refuse(f"the zstd data is damaged at compressed byte {self._at}: a reserved block")
            self._step(3 + (1 if kind == _BLOCK_RLE else size))
        self._step(4 if parameters.has_checksum else 0)

    def _peek(self, nr_bytes: int) -> bytes:
        self._file.seek(self._at)
        return self._file.read(nr_bytes)

    def _step(self, nr_bytes: int) -> None:
        self._at += nr_bytes
        if self._at > self._end:
            self._refuse(f"the file is cut short: its zstd data ends at compressed byte {self._end}")

    def _refuse(self, message: str) -> NoReturn:
        raise TraceError(self._path, None, message)


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
