"""Reading a policy's bytes, and refusing text that no parser should see."""

from __future__ import annotations

import re
from pathlib import Path

from reclaim.diag.diagnostic import Span
from reclaim.diag.errors import PolicyRejected
from reclaim.diag.registry import report

MAX_BYTES = 1 << 18
"""Largest policy: fifteen times mglru, three times 2,000 lines; a line as long as that is read in seconds."""

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x85\ufeff\u2028\u2029]")
_START = Span.of(1, 1, 1, 1)


def read_source(path: str | Path) -> str:
    """Read a policy file.

    Args:
        path: the file, as the user named it.

    Returns:
        Its text, a byte order mark removed.

    Raises:
        PolicyRejected: it cannot be read, is too large or is not UTF-8.
    """
    try:
        with Path(path).open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _rejected(path, "unreadable-file", f"cannot read this file: {reason.lower()}", _START) from None
    return decode_source(data, path)


def decode_source(data: bytes, path: str | Path) -> str:
    """Return the text of a policy's bytes.

    Args:
        data: what stands in the file.
        path: the file, as the user named it.

    Returns:
        The text, a byte order mark removed.

    Raises:
        PolicyRejected: it is too large or is not UTF-8.
    """
    if len(data) > MAX_BYTES:
        raise _too_large(path)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig", errors="replace")
        line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
        message = f"this file is not UTF-8: byte 0x{data[error.start]:02x} at offset {error.start}"
        raise _rejected(path, "not-utf8", message, Span.of(line, column, line, column)) from None


def clean_text(source: str, path: str | Path) -> str:
    """Return the text that is parsed: lines ended by line feeds, the last one included.

    Args:
        source: the text as it was read.
        path: for messages.

    Raises:
        PolicyRejected: it is empty, too large or holds control characters.
    """
    if len(source) > MAX_BYTES:
        raise _too_large(path)
    text = source.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise _rejected(path, "empty-file", "this file is empty", _START)
    found = _CONTROL.search(text)
    if found is not None:
        line = text.count("\n", 0, found.start()) + 1
        column = found.start() - (text.rfind("\n", 0, found.start()) + 1) + 1
        what = f"this file holds the control character U+{ord(found.group()):04X}"
        raise _rejected(path, "control-character", what, Span.of(line, column, line, column + 1))
    surrogate = re.search(r"[\ud800-\udfff]", text)
    if surrogate is not None:
        raise _rejected(path, "not-utf8", "this text holds half of a character", _START)
    return text if text.endswith("\n") else text + "\n"


def _rejected(path: str | Path, name: str, message: str, span: Span) -> PolicyRejected:
    return PolicyRejected(path, [report(name, message, span)])


def _too_large(path: str | Path) -> PolicyRejected:
    return _rejected(path, "file-too-large", f"this file is larger than {MAX_BYTES} bytes", _START)
