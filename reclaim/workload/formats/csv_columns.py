"""Requests as comma separated values, one line each.

Which column holds what is read from the head line, or said as `--columns obj=2,size=3,op=4,time=1` (columns count
from 1). Objects that are numbers are taken as they are, others by a 64-bit hash. Columns called lbn or lba count
512-byte sectors and those called offset count bytes, so that such requests can be split into their pages.
Quoted fields are refused: no trace known to us has them, and reading them would be a hundred times slower.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from reclaim.diag.errors import ConfigError, TraceError
from reclaim.workload.byte_source import ByteSource
from reclaim.workload.foreign import Format, Options, Requests, object_trace
from reclaim.workload.text_columns import decimal, eight_bytes, iter_line_blocks, line_spans, token_hashes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from reclaim.workload.access_trace import Trace
    from reclaim.workload.text_columns import Bytes, Positions

_NAMES = {
    "obj": ("obj", "obj_id", "object", "object_id", "id", "key", "page", "block", "lbn", "lba", "offset"),
    "size": ("size", "obj_size", "len", "length", "bytes"),
    "op": ("op", "opcode", "operation", "type", "cmd", "command"),
    "time": ("time", "timestamp", "ts"),
}
"""What the head line may call a column, lower case; the project's own name first."""

_ADDRESS_UNITS = {"lbn": 512, "lba": 512, "offset": 1}
"""Bytes per unit of columns that are addresses: a sector of the block layer (include/linux/blk_types.h), or a byte."""

_WRITE_OPS = ("w", "wr", "write", "writes", "set", "put", "add", "replace", "update", "0a", "2a", "8a", "aa")
"""Operations that write, lower case; the hexadecimal ones are SCSI WRITE(6), (10), (16), (12)."""

_DELIMITERS = b",;\t| "


@dataclass(frozen=True)
class _Layout:
    delimiter: int
    columns: dict[str, int]
    nr_columns: int
    address_unit: int | None
    has_head: bool


def _packed(word: str) -> int:
    return int.from_bytes(word.encode().ljust(8, b"\0"), "little")


_PACKED_WRITES = np.array([_packed(op) for op in _WRITE_OPS], dtype=np.uint64)


def _find_delimiter(line: bytes) -> int:
    return next((d for d in _DELIMITERS if d in line), _DELIMITERS[0])


def _is_data(fields: list[bytes]) -> bool:
    return any(field.strip().isdigit() for field in fields)


def _named_columns(path: Path, names: list[str], line: bytes) -> tuple[dict[str, int], int | None]:
    columns = {}
    for role, known in _NAMES.items():
        found = [names.index(name) for name in known if name in names]
        if found:
            columns[role] = found[0]
    if "obj" not in columns:
        wanted = ", ".join(_NAMES["obj"])
        raise TraceError(
            path,
            0,
            f"no column for the object in the head line {line[:60]!r}; one of {wanted} or --columns expected",
        )
    return columns, _ADDRESS_UNITS.get(names[columns["obj"]])


def _given_columns(path: Path, text: str, nr_columns: int) -> dict[str, int]:
    columns = {}
    for part in text.split(","):
        role, _, number = (piece.strip() for piece in part.partition("="))
        if role not in _NAMES or not number.isdigit():
            roles = ", ".join(_NAMES)
            raise ConfigError(f"columns: {part!r} found, NAME=NUMBER with a name of {roles} expected")
        if not 1 <= int(number) <= nr_columns:
            raise ConfigError(f"columns: {path} has columns 1..{nr_columns}, {part.strip()!r} found")
        columns[role] = int(number) - 1
    if "obj" not in columns:
        raise ConfigError(f"columns: {text!r} names no obj column")
    return columns


def _layout(path: Path, line: bytes, columns: str | None) -> _Layout:
    delimiter = _find_delimiter(line)
    fields = line.split(bytes([delimiter]))
    has_head = not _is_data(fields)
    names = [field.strip().decode("utf-8", "replace").lower() for field in fields]
    if columns is not None:
        given = _given_columns(path, columns, len(fields))
        unit = _ADDRESS_UNITS.get(names[given["obj"]]) if has_head else None
        return _Layout(delimiter, given, len(fields), unit, has_head)
    if not has_head:
        raise TraceError(
            path, 0, f"no head line with column names: {line[:60]!r} found; --columns says which is which"
        )
    named, unit = _named_columns(path, names, line)
    return _Layout(delimiter, named, len(fields), unit, has_head)


class _Fields:
    """The fields of all lines of a block."""

    def __init__(self, path: Path, offset: int, block: bytes, layout: _Layout) -> None:
        self.path, self.offset, self.layout = path, offset, layout
        block = block.replace(b"\r\n", b"\n") if b"\r" in block else block
        quote = block.find(b'"')
        if quote >= 0:
            raise TraceError(path, offset + quote, "a quoted field found, plain fields expected")
        self.block = block
        self.text, starts, ends = line_spans(block)
        is_filled = ends > starts
        self.starts, self.ends = starts[is_filled], ends[is_filled]
        self._separators = np.flatnonzero(self.text == layout.delimiter)
        self._first = np.searchsorted(self._separators, self.starts)
        counts = np.searchsorted(self._separators, self.ends) - self._first + 1
        wrong = np.flatnonzero(counts != layout.nr_columns)
        if len(wrong):
            self._refuse(
                int(wrong[0]), f"{int(counts[wrong[0]])} columns found, {layout.nr_columns} expected"
            )

    def _refuse(self, row: int, message: str) -> None:
        line = self.block[int(self.starts[row]) : int(self.ends[row])]
        raise TraceError(self.path, self.offset + int(self.starts[row]), f"{message} in {line[:60]!r}")

    def span(self, role: str) -> tuple[Positions, Positions]:
        """Return where the fields of a column start and end."""
        column = self.layout.columns[role]
        last = column == self.layout.nr_columns - 1
        starts = self.starts if column == 0 else self._separators[self._first + column - 1] + 1
        ends = self.ends if last else self._separators[self._first + column]
        return starts, ends

    def numbers(self, role: str) -> npt.NDArray[np.uint64]:
        """Return a column that must be numbers."""
        starts, ends = self.span(role)
        values, good = decimal(self.text, starts, ends)
        wrong = np.flatnonzero(~good)
        if len(wrong):
            row = int(wrong[0])
            found = self.block[int(starts[row]) : int(ends[row])]
            self._refuse(row, f"{role} is {found[:40]!r}, a whole number expected")
        return values

    def ids(self) -> npt.NDArray[np.uint64]:
        """Return the objects, numbers as they are and other text hashed."""
        if self.layout.address_unit is not None:
            return self.numbers("obj")
        starts, ends = self.span("obj")
        values, good = decimal(self.text, starts, ends)
        other = np.flatnonzero(~good)
        if len(other):
            empty = other[ends[other] <= starts[other]]
            if len(empty):
                self._refuse(int(empty[0]), "the object is empty")
            values[other] = token_hashes(self.text, starts[other], ends[other])
        return values

    def writes(self) -> npt.NDArray[np.bool_]:
        """Return which lines have an operation that writes."""
        starts, ends = self.span("op")
        return np.asarray(np.isin(_lower_words(self.text, starts, ends), _PACKED_WRITES), dtype=np.bool_)


def _lower_words(text: Bytes, starts: Positions, ends: Positions) -> npt.NDArray[np.uint64]:
    """Return up to eight bytes of each field, lower case, as a number; longer fields become 0."""
    words = eight_bytes(text, starts)
    widths = np.minimum(ends - starts, 9)
    masks = np.array([(1 << (8 * width)) - 1 for width in range(9)] + [0], dtype=np.uint64)
    words = words & masks[widths]
    is_upper = (words & np.uint64(0x4040404040404040)) & ~(
        (words & np.uint64(0x2020202020202020)) << np.uint64(1)
    )
    return np.asarray(words | (is_upper >> np.uint64(1)), dtype=np.uint64)


def _requests(path: Path, options: Options) -> Iterator[Requests]:
    layout: _Layout | None = None
    with ByteSource(path) as source:
        for offset, block in iter_line_blocks(source):
            at = offset
            if layout is None:
                end = block.index(b"\n")
                layout = _layout(path, block[:end].rstrip(b"\r"), options.columns)
                at += end + 1 if layout.has_head else 0
            fields = _Fields(path, at, block[at - offset :], layout)
            if not len(fields.starts):
                continue
            ids = fields.ids()
            unit = layout.address_unit
            yield Requests(
                ids=ids,
                offset=at,
                writes=fields.writes() if "op" in layout.columns else None,
                sizes_bytes=fields.numbers("size") if "size" in layout.columns else None,
                starts_bytes=ids * np.uint64(unit) if unit is not None else None,
            )


def _recognise(head: bytes) -> bool:
    if b"\0" in head or b"\n" not in head:
        return False
    first = head.split(b"\n", 1)[0].decode("utf-8", "replace").lower()
    names = [name.strip() for name in re.split(f"[{_DELIMITERS.decode()}]", first)]
    return len(names) > 1 and any(name in names for name in _NAMES["obj"])


def _open(path: Path, options: Options) -> Trace:
    return object_trace(path, _requests(path, options), options, FORMAT.name)


FORMAT = Format(
    name="csv",
    suffixes=(".csv", ".tsv"),
    summary="one request a line, columns by head line or --columns",
    recognise=_recognise,
    open=_open,
)
