"""The files of a recorded program while it runs: which file, and where in it, a descriptor stands for.

Here: paths, descriptors and file offsets as open, dup, lseek, rename and their kin change them. Not here: reading the
system calls (syscall_effects.py).

A file is its pages in the page cache. One that is truncated to nothing, or unlinked and created again,
starts with new pages, so it becomes a new file here.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

_NO_PAGE_CACHE = ("/dev/", "/proc/", "/sys/")
"""Trees whose files have no page cache worth modelling."""

_MEMORY_FILES = "/dev/shm/"  # noqa: S108  # looked at, never written
"""The tmpfs that programs share memory through, which has pages."""


@dataclass
class RecordedFile:
    """Describe one path's file while it is recorded.

    Args:
        path: as the program reached it, absolute.
        number: of its present pages, an index into `OpenFiles.names`; None when it has no page cache.
        size_bytes: as far as known from outside and from the program's writes.
    """

    path: str
    number: int | None
    size_bytes: int = 0


@dataclass
class OpenFile:
    """Describe one open file description, which duplicated descriptors share.

    Args:
        file: the file.
        is_append: every write goes to the end.
        is_direct: opened past the page cache.
        position: file offset; bytes.
        pointer_position: where transfers with an offset behind a pointer are taken to go on; bytes.
        last_page: file and page that the last buffered access ended in, with whether it wrote.
    """

    file: RecordedFile
    is_append: bool = False
    is_direct: bool = False
    position: int = 0
    pointer_position: int = 0
    last_page: tuple[int, int, bool] | None = None


@dataclass
class OpenFiles:
    """Follow the descriptors of one program.

    Args:
        directory: the program's working directory.
    """

    directory: str
    names: list[str] = field(default_factory=list)
    _by_path: dict[str, RecordedFile] = field(default_factory=dict)
    _by_descriptor: dict[int, OpenFile] = field(default_factory=dict)

    def inherit(self, descriptor: int) -> None:
        """Take over a descriptor that the program gets from us, when it is a plain file."""
        try:
            path = Path(f"/proc/self/fd/{descriptor}").readlink()
            position = os.lseek(descriptor, 0, os.SEEK_CUR)
        except OSError:
            return
        self._by_descriptor[descriptor] = OpenFile(self.file_at(str(path)), position=position)

    def file_number(self, path: str) -> int:
        """Return the number of the file at a path, whatever it is; for mappings."""
        file = self.file_at(path)
        if file.number is None:
            file.number = self._next_number(path)
        return file.number

    def file_at(self, path: str) -> RecordedFile:
        """Return the file at an absolute path."""
        path = os.path.realpath(path)
        if path not in self._by_path:
            size_bytes, is_plain = _measure(path)
            number = self._next_number(path) if is_plain else None
            self._by_path[path] = RecordedFile(path, number, size_bytes)
        return self._by_path[path]

    def open(self, descriptor: int, path: str, flags: int) -> None:
        """Follow a successful open.

        Args:
            descriptor: the answer.
            path: absolute.
            flags: O_* as the program gave them.
        """
        file = self.file_at(path)
        if flags & os.O_TRUNC:
            self.truncate(file, 0)
        is_direct = bool(flags & os.O_DIRECT)
        self._by_descriptor[descriptor] = OpenFile(file, bool(flags & os.O_APPEND), is_direct)

    def open_memory(self, descriptor: int, name: str) -> None:
        """Follow memfd_create, whose file has no path."""
        path = f"memfd:{name}"
        self._by_descriptor[descriptor] = OpenFile(RecordedFile(path, self._next_number(path)))

    def get(self, descriptor: int) -> OpenFile | None:
        """Return what a descriptor stands for, None for pipes, sockets and the unknown."""
        return self._by_descriptor.get(descriptor)

    def close(self, first: int, last: int) -> None:
        """Close a range of descriptors."""
        for descriptor in [d for d in self._by_descriptor if first <= d <= last]:
            del self._by_descriptor[descriptor]

    def duplicate(self, old: int, new: int) -> None:
        """Let a descriptor stand for what another does."""
        self.close(new, new)
        if old in self._by_descriptor:
            self._by_descriptor[new] = self._by_descriptor[old]

    def truncate(self, file: RecordedFile, size_bytes: int) -> None:
        """Set the length of a file; nothing is left of one truncated to nothing."""
        if size_bytes == 0 and file.number is not None:
            file.number = self._next_number(file.path)
        file.size_bytes = size_bytes

    def unlink(self, path: str) -> None:
        """Forget the file at a path; descriptors keep it."""
        self._by_path.pop(_real_parent(path), None)

    def rename(self, old: str, new: str) -> None:
        """Move the file at one path to another."""
        file = self._by_path.pop(_real_parent(old), None)
        self._by_path.pop(_real_parent(new), None)
        if file is not None:
            self._by_path[_real_parent(new)] = file

    def absolute(self, path: str, descriptor: int | None = None) -> str:
        """Return the absolute path of one that may be relative to a directory.

        Args:
            path: as the program gave it.
            descriptor: of the directory; None or unknown for the working directory.
        """
        base = self._by_descriptor.get(descriptor) if descriptor is not None else None
        return os.path.normpath(Path(base.file.path if base else self.directory) / path)

    def _next_number(self, path: str) -> int:
        self.names.append(path)
        return len(self.names) - 1


def _real_parent(path: str) -> str:
    """Resolve all of a path but its last part, which unlink and rename do not follow."""
    parent, name = os.path.split(path)
    return str(Path(os.path.realpath(parent)) / name)


def _measure(path: str) -> tuple[int, bool]:
    """Return the size of a file and whether it has pages in the page cache; one that is gone by now had."""
    if path.startswith(_NO_PAGE_CACHE) and not path.startswith(_MEMORY_FILES):
        return 0, False
    try:
        status = Path(path).stat()
    except OSError:
        return 0, True
    return status.st_size, stat.S_ISREG(status.st_mode)
