"""Compiled policies on disk, so that a policy that was proved once attaches in milliseconds.

The key is a hash of everything that the object follows from: the source text, the contents of every
file of ours that has a say (tables of the contract, language, verifier, code generator), the parser
and the compiler underneath, and the processor. A version number would not do: whoever mends the
verifier must never again meet what the broken one let pass. Only accepted policies are stored, so a
hit means that this very verifier accepted this very text.

An entry is one file: magic, SHA-256 of the rest, length of a JSON header, header, object. The hash
catches damage, not malice; against that the folder and its files belong to the user alone, and a
folder or file that others could have written is not believed.

A cache that does not work - full disk, read-only home, damaged file - costs time and nothing else:
every trouble here reads as "not there".
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import reclaim
import verifier
from reclaim.jit import native
from reclaim.jit.policy_image import PolicyImage, from_plain, to_plain

_MAGIC = b"reclaim-object\n\x01"
_DIGEST_BYTES = 32
_LENGTH_BYTES = 4
_SUFFIX = ".object"
_UNFINISHED = ".unfinished"

MAX_CACHE_BYTES = 64 << 20
"""Some thousand policies; ours, an entry is 5 to 50 kB."""

_ABANDONED_SECONDS = 3600
"""Age at which an unfinished file belongs to a process that died; writing one takes milliseconds."""


def _toolchain_files() -> list[Path]:
    ours = Path(reclaim.__file__).parent
    folders = [ours / "abi", ours / "lang", ours / "jit", Path(verifier.__path__[0])]
    files = [path for folder in folders for suffix in ("py", "lark") for path in folder.rglob(f"*.{suffix}")]
    parser = find_spec("lark")
    if parser is not None and parser.origin is not None:
        files.append(Path(parser.origin))  # holds its version number
    return sorted(files)


def _toolchain_digest() -> str:
    digest = hashlib.sha256()
    for path in _toolchain_files():
        contents = path.read_bytes()
        digest.update(f"{path.name} {len(contents)}\n".encode())
        digest.update(contents)
    versions = f"{sys.version} {native.target_name()}"
    digest.update(versions.encode())
    return digest.hexdigest()


_LOADED_TOOLCHAIN = _toolchain_digest()
"""Taken when this module is imported; `put` looks again, so that an entry is stored only if the files
stayed the same from before the compiler was loaded until after it ran."""


def cache_key(source: str) -> str:
    """Return the key of a policy's entry.

    Args:
        source: the complete source text.

    Returns:
        A name for a file.
    """
    return hashlib.sha256(f"{_LOADED_TOOLCHAIN}\n{source}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """Hold a compiled policy.

    Args:
        image: its description.
        code: its object, for this processor.
    """

    image: PolicyImage
    code: bytes


class ObjectCache:
    """Keep compiled policies in a folder.

    Args:
        folder: made when first needed, for the user alone.
        max_bytes: size of all entries together above which the ones used longest ago go.
    """

    def __init__(self, folder: Path, max_bytes: int = MAX_CACHE_BYTES) -> None:
        self.folder = folder
        self._max_bytes = max_bytes

    def get(self, key: str) -> CacheEntry | None:
        """Return the entry of a key, None where there is none that can be believed."""
        path = self.folder / f"{key}{_SUFFIX}"
        try:
            if not _is_private(self.folder.lstat()):
                return None
            contents = _read_private(path)
            entry = None if contents is None else _decode(key, contents)
            if entry is not None:
                os.utime(path)
        except OSError:
            return None
        return entry

    def put(self, key: str, entry: CacheEntry) -> None:
        """Store an entry, unless our own files changed since they were loaded."""
        with suppress(OSError):
            if _toolchain_digest() != _LOADED_TOOLCHAIN:
                return
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if _is_private(self.folder.lstat()):
                self._replace(self.folder / f"{key}{_SUFFIX}", _encode(key, entry))
                self._trim()

    def _replace(self, path: Path, contents: bytes) -> None:
        handle, name = tempfile.mkstemp(suffix=_UNFINISHED, dir=self.folder)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(contents)
            Path(name).replace(path)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise

    def _trim(self) -> None:
        aged = sorted(
            (entry.stat().st_mtime, entry.stat().st_size, entry.path) for entry in os.scandir(self.folder)
        )
        nr_bytes = sum(size for _, size, _ in aged)
        for modified, size, path in aged:
            is_abandoned = path.endswith(_UNFINISHED) and modified < time.time() - _ABANDONED_SECONDS
            is_surplus = path.endswith(_SUFFIX) and nr_bytes > self._max_bytes
            if is_abandoned or is_surplus:
                Path(path).unlink(missing_ok=True)
                nr_bytes -= size


def user_cache() -> ObjectCache | None:
    """Return the cache of the user who runs this, None where there is no home to keep it in."""
    named = Path(os.environ.get("XDG_CACHE_HOME", ""))
    try:
        home = named if named.is_absolute() else Path.home() / ".cache"
    except RuntimeError:
        return None
    return ObjectCache(home / "reclaim-lab")


def _is_private(status: os.stat_result) -> bool:
    """Tell whether nobody but the user can have written or read it."""
    is_ours = status.st_uid == os.geteuid() and status.st_mode & 0o077 == 0
    return is_ours and (stat.S_ISDIR(status.st_mode) or stat.S_ISREG(status.st_mode))


def _read_private(path: Path) -> bytes | None:
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
        return file.read() if _is_private(os.fstat(file.fileno())) else None


def _encode(key: str, entry: CacheEntry) -> bytes:
    header = json.dumps({"key": key, "image": to_plain(entry.image)}).encode()
    rest = len(header).to_bytes(_LENGTH_BYTES, "little") + header + entry.code
    return _MAGIC + hashlib.sha256(rest).digest() + rest


def _decode(key: str, contents: bytes) -> CacheEntry | None:
    body = contents[len(_MAGIC) + _DIGEST_BYTES :]
    if contents[: -len(body)] != _MAGIC + hashlib.sha256(body).digest():
        return None
    end = _LENGTH_BYTES + int.from_bytes(body[:_LENGTH_BYTES], "little")
    try:
        header = json.loads(body[_LENGTH_BYTES:end])
        image = from_plain(header["image"]) if header["key"] == key else None
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        return None
    return None if image is None else CacheEntry(image, body[end:])
