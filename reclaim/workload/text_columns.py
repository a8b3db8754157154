"""Numbers out of large text files at array speed.

Here: blocks of whole lines, line positions, and decimal and hexadecimal fields turned into integers for all lines
at once. Not here: what the fields mean. A Python loop over the lines of a recording of 10^8 accesses would take
minutes; these take seconds (ours, measured: some 10^7 lines a second).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reclaim.workload.byte_source import ByteSource

Bytes = npt.NDArray[np.uint8]
Positions = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]

_NEWLINE = 10
_PADDING = bytes(24)
"""Zeros after a block, so that a field may be looked at eight bytes at a time up to the last line."""

_HEX = np.full(256, 255, dtype=np.uint8)
for _value, _digit in enumerate("0123456789abcdef"):
    _HEX[ord(_digit)] = _HEX[ord(_digit.upper())] = _value


def iter_line_blocks(source: ByteSource, block_bytes: int = 1 << 23) -> Iterator[tuple[int, bytes]]:
    """Yield blocks of whole lines.

    Args:
        source: where to read from.
        block_bytes: about how much to give at a time.

    Returns:
        The byte offset of each block and its bytes, which end with a newline; one is added to a last line
        without.
    """
    rest = b""
    while data := source.read(block_bytes):
        cut = data.rfind(b"\n") + 1
        if cut:
            yield source.offset - len(data) - len(rest), rest + data[:cut]
            rest = data[cut:]
        else:
            rest += data
    if rest:
        yield source.offset - len(rest), rest + b"\n"


def line_spans(block: bytes) -> tuple[Bytes, Positions, Positions]:
    """Find the lines of a block.

    Args:
        block: whole lines.

    Returns:
        The bytes with some zeros behind them, the position of each line's first byte, and of each line's newline.
    """
    text = np.frombuffer(block + _PADDING, dtype=np.uint8)
    ends = np.flatnonzero(text[: len(block)] == _NEWLINE)
    starts = np.empty_like(ends)
    starts[:1] = 0
    starts[1:] = ends[:-1] + 1
    return text, starts, ends


def eight_bytes(text: Bytes, at: Positions) -> U64:
    """Return the eight bytes at each position as little-endian numbers.

    Args:
        text: bytes with at least eight behind the last position.
        at: shape (n,), int64.

    Returns:
        Shape (n,), uint64.
    """
    words: U64 = np.ndarray((len(text) - 7,), dtype="<u8", buffer=text.data, strides=(1,))
    return words[at].astype(np.uint64, copy=False)


def hexadecimal(text: Bytes, starts: Positions) -> tuple[U64, Positions]:
    """Read hexadecimal numbers of at least eight digits.

    Args:
        text: bytes as from `line_spans`.
        starts: where the numbers start; shape (n,), int64.

    Returns:
        The numbers, shape (n,), uint64, and the position behind the last digit of each; a number with fewer
        than eight digits gets the position of its start.
    """
    nibbles = eight_bytes(text, starts)
    is_letter = (nibbles >> np.uint64(6)) & np.uint64(0x0101010101010101)
    nibbles = (nibbles & np.uint64(0x0F0F0F0F0F0F0F0F)) + is_letter * np.uint64(9)
    pairs = ((nibbles << np.uint64(4)) | (nibbles >> np.uint64(8))) & np.uint64(0x00FF00FF00FF00FF)
    quads = ((pairs << np.uint64(8)) | (pairs >> np.uint64(16))) & np.uint64(0x0000FFFF0000FFFF)
    values = ((quads << np.uint64(16)) | (quads >> np.uint64(32))) & np.uint64(0xFFFFFFFF)
    ends = starts + 8
    more = np.flatnonzero(_HEX[text[ends]] < 16)
    while len(more):
        at = ends[more]
        values[more] = (values[more] << np.uint64(4)) | _HEX[text[at]]
        ends[more] += 1
        more = more[(_HEX[text[at + 1]] < 16) & (at + 1 - starts[more] < 16)]
    wrong = np.zeros(len(starts), dtype=np.bool_)
    for digit in range(8):
        wrong |= _HEX[text[starts + digit]] == 255
    return values, np.where(wrong, starts, ends)


def decimal(text: Bytes, starts: Positions, ends: Positions) -> tuple[U64, npt.NDArray[np.bool_]]:
    """Read decimal numbers.

    Args:
        text: bytes as from `line_spans`.
        starts: where the numbers start; shape (n,), int64.
        ends: behind their last digits; shape (n,), int64.

    Returns:
        The numbers, shape (n,), uint64, and which fields are such numbers: 1 to 19 digits and nothing else.
    """
    values = np.zeros(len(starts), dtype=np.uint64)
    widths = ends - starts
    good = (widths > 0) & (widths <= 19)
    live = np.flatnonzero(good)
    place = 0
    while len(live):
        digits = text[starts[live] + place] - np.uint8(ord("0"))
        good[live[digits > 9]] = False
        values[live] = values[live] * np.uint64(10) + digits
        place += 1
        live = live[widths[live] > place]
    return values, good


def token_hashes(text: Bytes, starts: Positions, ends: Positions) -> U64:
    """Hash fields of any text to 64 bits.

    Args:
        text: bytes as from `line_spans`.
        starts: where the fields start; shape (n,), int64.
        ends: behind their last bytes; shape (n,), int64.

    Returns:
        Shape (n,), uint64; FNV-1a (RFC 9923). Two of a million different fields collide with a probability of some 10^-8.
    """
    values = np.full(len(starts), 0xCBF29CE484222325, dtype=np.uint64)
    widths = ends - starts
    live = np.flatnonzero(widths > 0)
    place = 0
    while len(live):
        values[live] = (values[live] ^ text[starts[live] + place]) * np.uint64(0x100000001B3)
        place += 1
        live = live[widths[live] > place]
    return values
