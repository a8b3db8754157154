"""What a system call does to the mappings and files of a recorded program, and which pages it touches.

Here: one small method per call, found by the table at the end. Not here: the text of the calls (syscall_text.py),
the state they change (address_space.py, open_files.py).

A read that goes on in the page where the last one on the same descriptor ended adds no access: the kernel does not
mark the page again either (mm/filemap.c:filemap_read(), v6.12). The program's buffer counts as touched, since
the kernel copies through the program's page table.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt

from reclaim.abi.limits import PAGE_BYTES
from reclaim.workload.access_trace import PAGE_SHIFT, WRITE
from reclaim.workload.address_space import INDEX_BITS, AddressSpace, RecordedMapping

if TYPE_CHECKING:
    from reclaim.workload.open_files import OpenFile, OpenFiles
    from reclaim.workload.syscall_text import Syscall

U64 = npt.NDArray[np.uint64]

FILE_KEY = 1 << 63
"""Marks the key of a buffered page; below it the number of the file times 2^INDEX_BITS, plus the page."""

_F_DUPFD = (0, 1030)
"""fcntl commands F_DUPFD and F_DUPFD_CLOEXEC (include/uapi/linux/fcntl.h)."""


@dataclass(frozen=True)
class Touch:
    """Carry pages that a system call touches.

    Args:
        keys: shape (n,), uint64; of mappings as from AddressSpace.resolve, or of files with FILE_KEY.
        flags: WRITE or 0.
    """

    keys: U64
    flags: int


def _nr_pages(nr_bytes: int) -> int:
    return (nr_bytes + PAGE_BYTES - 1) >> PAGE_SHIFT


def _page_range(first_byte: int, nr_bytes: int) -> U64:
    first = first_byte >> PAGE_SHIFT
    last = (first_byte + nr_bytes - 1) >> PAGE_SHIFT
    return np.arange(first, last + 1, dtype=np.uint64)


class SyscallEffects:
    """Apply system calls to the state of a recorded program.

    Args:
        space: its mappings.
        files: its files.
    """

    def __init__(self, space: AddressSpace, files: OpenFiles) -> None:
        self._space = space
        self._files = files

    def apply(self, call: Syscall) -> list[Touch]:
        """Apply one successful call.

        Args:
            call: the call; all accesses before it must have been resolved.

        Returns:
            The pages that it touches, in order.
        """
        effect = self._EFFECTS.get(call.name)
        if effect is None:
            return []
        try:
            return effect(self, call) or []
        except IndexError:
            return []

    def _mmap(self, call: Syscall) -> None:
        _, length, protection, flags, _, offset = call.arguments
        descriptor = call.signed(4)
        is_anonymous = bool(flags & mmap.MAP_ANONYMOUS)
        opened = None if is_anonymous else self._files.get(descriptor)
        mapping = RecordedMapping(
            name="[anon]" if opened is None else opened.file.path,
            shared=bool(flags & mmap.MAP_SHARED),
            write=bool(protection & mmap.PROT_WRITE),
            exec=bool(protection & mmap.PROT_EXEC),
        )
        if opened is not None and opened.file.number is not None:
            mapping.file, mapping.file_page = opened.file.number, offset >> PAGE_SHIFT
        self._space.map(call.answer >> PAGE_SHIFT, _nr_pages(length), mapping)

    def _munmap(self, call: Syscall) -> None:
        self._space.unmap(call.arguments[0] >> PAGE_SHIFT, _nr_pages(call.arguments[1]))

    def _mremap(self, call: Syscall) -> None:
        old, nr_old, nr_new = call.arguments[:3]
        new = call.answer >> PAGE_SHIFT
        self._space.move(old >> PAGE_SHIFT, _nr_pages(nr_old), new, _nr_pages(nr_new))

    def _brk(self, call: Syscall) -> None:
        self._space.set_break(call.answer)

    def _mprotect(self, call: Syscall) -> None:
        start, length, protection = call.arguments[:3]
        write, executable = bool(protection & mmap.PROT_WRITE), bool(protection & mmap.PROT_EXEC)
        self._space.protect(start >> PAGE_SHIFT, _nr_pages(length), write=write, executable=executable)

    def _open(self, call: Syscall) -> None:
        self._files.open(call.answer, self._files.absolute(call.paths[0]), call.arguments[1])

    def _creat(self, call: Syscall) -> None:
        self._files.open(call.answer, self._files.absolute(call.paths[0]), os.O_TRUNC | os.O_CREAT)

    def _openat(self, call: Syscall) -> None:
        path = self._files.absolute(call.paths[0], call.signed(0))
        self._files.open(call.answer, path, call.arguments[2])

    def _memfd_create(self, call: Syscall) -> None:
        self._files.open_memory(call.answer, call.paths[0] if call.paths else str(call.answer))

    def _close(self, call: Syscall) -> None:
        self._files.close(call.arguments[0], call.arguments[0])

    def _close_range(self, call: Syscall) -> None:
        self._files.close(call.arguments[0], call.arguments[1])

    def _dup(self, call: Syscall) -> None:
        self._files.duplicate(call.arguments[0], call.answer)

    def _fcntl(self, call: Syscall) -> None:
        if call.arguments[1] in _F_DUPFD:
            self._files.duplicate(call.arguments[0], call.answer)

    def _lseek(self, call: Syscall) -> None:
        opened = self._files.get(call.arguments[0])
        if opened is not None:
            opened.position = call.answer

    def _ftruncate(self, call: Syscall) -> None:
        opened = self._files.get(call.arguments[0])
        if opened is not None:
            self._files.truncate(opened.file, call.arguments[1])

    def _truncate(self, call: Syscall) -> None:
        file = self._files.file_at(self._files.absolute(call.paths[0]))
        self._files.truncate(file, call.arguments[1])

    def _unlink(self, call: Syscall) -> None:
        self._files.unlink(self._files.absolute(call.paths[0]))

    def _unlinkat(self, call: Syscall) -> None:
        self._files.unlink(self._files.absolute(call.paths[0], call.signed(0)))

    def _rename(self, call: Syscall) -> None:
        old, new = (self._files.absolute(path) for path in call.paths[:2])
        self._files.rename(old, new)

    def _renameat(self, call: Syscall) -> None:
        old = self._files.absolute(call.paths[0], call.signed(0))
        self._files.rename(old, self._files.absolute(call.paths[1], call.signed(2)))

    def _chdir(self, call: Syscall) -> None:
        self._files.directory = self._files.absolute(call.paths[0])

    def _fchdir(self, call: Syscall) -> None:
        opened = self._files.get(call.arguments[0])
        if opened is not None:
            self._files.directory = opened.file.path

    def _read(self, call: Syscall) -> list[Touch]:
        return [*self._transfer(call.arguments[0], call.answer, 0), *self._buffer(call, WRITE)]

    def _write(self, call: Syscall) -> list[Touch]:
        return [*self._buffer(call, 0), *self._transfer(call.arguments[0], call.answer, WRITE)]

    def _pread(self, call: Syscall) -> list[Touch]:
        touched = self._transfer(call.arguments[0], call.answer, 0, call.arguments[3])
        return [*touched, *self._buffer(call, WRITE)]

    def _pwrite(self, call: Syscall) -> list[Touch]:
        touched = self._transfer(call.arguments[0], call.answer, WRITE, call.arguments[3])
        return [*self._buffer(call, 0), *touched]

    def _readv(self, call: Syscall) -> list[Touch]:
        return self._transfer(call.arguments[0], call.answer, 0)

    def _writev(self, call: Syscall) -> list[Touch]:
        return self._transfer(call.arguments[0], call.answer, WRITE)

    def _preadv(self, call: Syscall) -> list[Touch]:
        return self._transfer(call.arguments[0], call.answer, 0, call.signed(3))

    def _pwritev(self, call: Syscall) -> list[Touch]:
        return self._transfer(call.arguments[0], call.answer, WRITE, call.signed(3))

    def _sendfile(self, call: Syscall) -> list[Touch]:
        target, source, pointer = call.arguments[:3]
        touched = self._pointed(source, call.answer, 0, pointer)
        return [*touched, *self._transfer(target, call.answer, WRITE)]

    def _copy_file_range(self, call: Syscall) -> list[Touch]:
        source, pointer_in, target, pointer_out = call.arguments[:4]
        touched = self._pointed(source, call.answer, 0, pointer_in)
        return [*touched, *self._pointed(target, call.answer, WRITE, pointer_out)]

    def _pointed(self, descriptor: int, nr_bytes: int, flags: int, pointer: int) -> list[Touch]:
        """Transfer at an offset behind a pointer.

        SIMPLIFIED: the offset cannot be seen and is taken to go on where the last such transfer ended; effect: a
        program that jumps about with copy_file_range or sendfile gets other pages of the same file.
        """
        opened = self._files.get(descriptor)
        if not pointer or opened is None:
            return self._transfer(descriptor, nr_bytes, flags)
        touched = self._transfer(descriptor, nr_bytes, flags, opened.pointer_position)
        opened.pointer_position += nr_bytes
        return touched

    def _transfer(self, descriptor: int, nr_bytes: int, flags: int, offset: int = -1) -> list[Touch]:
        """Touch the pages of a file, at the descriptor's own position when no offset is given."""
        opened = self._files.get(descriptor)
        if opened is None or nr_bytes == 0:
            return []
        start = self._start(opened, flags, offset)
        if offset < 0:
            opened.position = start + nr_bytes
        if flags & WRITE:
            opened.file.size_bytes = max(opened.file.size_bytes, start + nr_bytes)
        if opened.file.number is None or opened.is_direct:
            return []
        pages = _page_range(start, nr_bytes)
        number, before = opened.file.number, opened.last_page
        opened.last_page = (number, int(pages[-1]), bool(flags))
        if before == (number, int(pages[0]), bool(flags)):
            pages = pages[1:]
        base = FILE_KEY + (number << INDEX_BITS)
        return [Touch(pages + np.uint64(base), flags)] if len(pages) else []

    @staticmethod
    def _start(opened: OpenFile, flags: int, offset: int) -> int:
        if flags & WRITE and opened.is_append:
            return opened.file.size_bytes
        return offset if offset >= 0 else opened.position

    def _buffer(self, call: Syscall, flags: int) -> list[Touch]:
        """Touch the program's buffer, which the kernel reads or writes through the program's page table."""
        if call.answer == 0:
            return []
        return [Touch(self._space.resolve(_page_range(call.arguments[1], call.answer)), flags)]

    _EFFECTS: ClassVar[dict[str, Callable[[SyscallEffects, Syscall], list[Touch] | None]]] = {
        "mmap": _mmap,
        "munmap": _munmap,
        "mremap": _mremap,
        "brk": _brk,
        "mprotect": _mprotect,
        "open": _open,
        "openat": _openat,
        "creat": _creat,
        "memfd_create": _memfd_create,
        "close": _close,
        "close_range": _close_range,
        "dup": _dup,
        "dup2": _dup,
        "dup3": _dup,
        "fcntl": _fcntl,
        "lseek": _lseek,
        "ftruncate": _ftruncate,
        "truncate": _truncate,
        "unlink": _unlink,
        "unlinkat": _unlinkat,
        "rename": _rename,
        "renameat": _renameat,
        "renameat2": _renameat,
        "chdir": _chdir,
        "fchdir": _fchdir,
        "read": _read,
        "write": _write,
        "pread64": _pread,
        "pwrite64": _pwrite,
        "readv": _readv,
        "writev": _writev,
        "preadv": _preadv,
        "pwritev": _pwritev,
        "preadv2": _preadv,
        "pwritev2": _pwritev,
        "sendfile": _sendfile,
        "copy_file_range": _copy_file_range,
    }
