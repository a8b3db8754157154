"""The running kernel: load an eBPF object, fill its maps, run its programs once (BPF_PROG_TEST_RUN).

Everything that libbpf does it does here: reading ELF, BTF and relocations, making maps, loading
programs. It is the kernel's own library and is called through ctypes, of which the declarations below
are all that is written by hand. Where there is no libbpf or Linux refuses bpf(), `Unavailable` says so.

Every program of an object is entered through its own BPF program of the type "syscall", which may be
run from user space and nothing else: a loaded policy does not touch the machine that it runs on.
"""

from __future__ import annotations

import ctypes
import errno
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import TracebackType
from typing import Any, Self

from reclaim.diag.errors import ReclaimError
from reclaim.jit.bpf_layout import CONTEXT_ARGUMENTS, CONTEXT_BYTES

_LIBRARY = "libbpf.so.1"
"""Since 2022; Debian's libbpf1, which iproute2 needs."""

_LOG_BYTES = 1 << 20
_LOG_STATS = 4
_LOG_STEPS = 1 | _LOG_STATS
"""Levels of the verifier's log, include/linux/bpf_verifier.h: BPF_LOG_STATS, BPF_LOG_LEVEL1."""

_STATS = re.compile(rb"processed (\d+) insns .* total_states (\d+)")
_TIME = re.compile(rb"verification time (\d+) usec")
_STACK = re.compile(rb"stack depth ([\d+]+)")

_TEXT_BYTES = 1 << 12


class Unavailable(ReclaimError):
    """Signal that this computer does not load eBPF for us: no libbpf, no permission, or no BTF."""


class KernelRejected(ReclaimError):
    """Signal a program that the Linux verifier does not accept.

    Args:
        program: its name.
        log: the verifier's log, or what libbpf said.
    """

    def __init__(self, program: str, log: str) -> None:
        last = [line for line in log.splitlines() if line and not _STATISTIC.match(line)]
        super().__init__(
            f"{program}: rejected by the Linux verifier: {last[-1] if last else 'without a word'}"
        )
        self.program = program
        self.log = log


_STATISTIC = re.compile(r"processed \d|verification time|stack depth")


@dataclass(frozen=True, slots=True)
class ProgramStats:
    """Say what Linux did to verify a program.

    Args:
        instructions: steps of the verifier over all paths.
        states: states that it kept.
        stack: bytes of stack of the deepest function.
        microseconds: time.
    """

    instructions: int
    states: int
    stack: int
    microseconds: int


class _OpenOptions(ctypes.Structure):
    """struct bpf_object_open_opts, of which the size says how much is known."""

    _fields_ = (("sz", ctypes.c_size_t), ("object_name", ctypes.c_char_p))


class _RunOptions(ctypes.Structure):
    """struct bpf_test_run_opts."""

    _fields_ = (
        ("sz", ctypes.c_size_t),
        ("data_in", ctypes.c_void_p),
        ("data_out", ctypes.c_void_p),
        ("data_size_in", ctypes.c_uint32),
        ("data_size_out", ctypes.c_uint32),
        ("ctx_in", ctypes.c_void_p),
        ("ctx_out", ctypes.c_void_p),
        ("ctx_size_in", ctypes.c_uint32),
        ("ctx_size_out", ctypes.c_uint32),
        ("retval", ctypes.c_uint32),
        ("repeat", ctypes.c_int),
        ("duration", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("cpu", ctypes.c_uint32),
        ("batch_size", ctypes.c_uint32),
    )


_POINTER, _INT, _TEXT = ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p
_FUNCTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "bpf_object__open_mem": (_POINTER, (_POINTER, ctypes.c_size_t, _POINTER)),
    "bpf_object__load": (_INT, (_POINTER,)),
    "bpf_object__close": (None, (_POINTER,)),
    "bpf_object__next_program": (_POINTER, (_POINTER, _POINTER)),
    "bpf_object__next_map": (_POINTER, (_POINTER, _POINTER)),
    "bpf_program__name": (_TEXT, (_POINTER,)),
    "bpf_program__fd": (_INT, (_POINTER,)),
    "bpf_program__set_log_buf": (_INT, (_POINTER, _POINTER, ctypes.c_size_t)),
    "bpf_program__set_log_level": (_INT, (_POINTER, ctypes.c_uint32)),
    "bpf_map__name": (_TEXT, (_POINTER,)),
    "bpf_map__fd": (_INT, (_POINTER,)),
    "bpf_map__value_size": (ctypes.c_uint32, (_POINTER,)),
    "bpf_map__set_max_entries": (_INT, (_POINTER, ctypes.c_uint32)),
    "bpf_map_update_elem": (_INT, (_INT, _POINTER, _POINTER, ctypes.c_uint64)),
    "bpf_map_lookup_elem": (_INT, (_INT, _POINTER, _POINTER)),
    "bpf_prog_test_run_opts": (_INT, (_INT, _POINTER)),
    "libbpf_set_print": (_POINTER, (_POINTER,)),
}


class _Libbpf:
    """Own the library and what it said."""

    def __init__(self) -> None:
        try:
            self._library = ctypes.CDLL(_LIBRARY, use_errno=True)
        except OSError:
            raise Unavailable(f"{_LIBRARY} was not found (Debian: apt install libbpf1)") from None
        for name, (result, params) in _FUNCTIONS.items():
            function = getattr(self._library, name)
            function.restype, function.argtypes = result, params
        self.said: list[str] = []
        self._format = ctypes.CDLL(None).vsnprintf
        self._format.argtypes = (_POINTER, ctypes.c_size_t, _POINTER, _POINTER)
        self._print = ctypes.CFUNCTYPE(_INT, _INT, _POINTER, _POINTER)(self._note)
        self.call("libbpf_set_print", ctypes.cast(self._print, _POINTER))

    def call(self, name: str, *args: Any) -> Any:
        """Call a function of the library."""
        return getattr(self._library, name)(*args)

    def _note(self, level: int, text: int, arguments: int) -> int:
        if level == 0:
            buffer = ctypes.create_string_buffer(_TEXT_BYTES)
            self._format(buffer, _TEXT_BYTES, text, arguments)
            self.said.append(buffer.value.decode(errors="replace").rstrip())
        return 0


@cache
def _libbpf() -> _Libbpf:
    return _Libbpf()


class LoadedObject:
    """An object in the kernel; close it, or leave its `with`, and the kernel forgets it.

    Args:
        image: what `bpf_target.emit_bpf_object` made.
        capacities: entries of maps by name, instead of those in the object.
        with_steps: whether a rejection's log holds every step of the verifier.

    Raises:
        Unavailable: this computer does not load eBPF for us.
        KernelRejected: the Linux verifier does not accept a program.
    """

    def __init__(
        self, image: bytes, capacities: Mapping[str, int] | None = None, *, with_steps: bool = False
    ) -> None:
        self._lib = _libbpf()
        options = _OpenOptions(ctypes.sizeof(_OpenOptions), b"reclaim")
        self._lib.said.clear()
        self._object = self._lib.call("bpf_object__open_mem", image, len(image), ctypes.byref(options))
        if not self._object:
            raise Unavailable(f"libbpf does not open the object: {'; '.join(self._lib.said)}")
        self._programs = {self._name("program", p): p for p in self._members("program")}
        self._maps = {self._name("map", m): m for m in self._members("map")}
        for name, entries in (capacities or {}).items():
            self._lib.call("bpf_map__set_max_entries", self._maps[name], entries)
        self.stats: dict[str, ProgramStats] = {}
        """What verifying each program took, by its name."""
        try:
            self._load(_LOG_STEPS if with_steps else _LOG_STATS)
        except BaseException:
            self.close()
            raise
        self._fds = {name: self._lib.call("bpf_map__fd", m) for name, m in self._maps.items()}
        self._sizes = {name: self._lib.call("bpf_map__value_size", m) for name, m in self._maps.items()}

    def __enter__(self) -> Self:
        """Enter a `with`."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the object."""
        self.close()

    def close(self) -> None:
        """Give everything back to the kernel."""
        if self._object:
            self._lib.call("bpf_object__close", self._object)
        self._object = None

    @property
    def maps(self) -> dict[str, int]:
        """Return the size of a value of each map, by name; globals lie in maps named after their section."""
        return dict(self._sizes)

    def update(self, map_name: str, index: int, value: bytes) -> None:
        """Write an element of an array map.

        Raises:
            OSError: there is no such element.
        """
        key = ctypes.c_uint32(index)
        self._checked(self._lib.call("bpf_map_update_elem", self._fds[map_name], ctypes.byref(key), value, 0))

    def lookup(self, map_name: str, index: int) -> bytes:
        """Read an element of an array map.

        Raises:
            OSError: there is no such element.
        """
        key, value = ctypes.c_uint32(index), ctypes.create_string_buffer(self._sizes[map_name])
        self._checked(
            self._lib.call("bpf_map_lookup_elem", self._fds[map_name], ctypes.byref(key), ctypes.byref(value))
        )
        return value.raw

    def run(self, hook_name: str, args: tuple[int, ...]) -> int:
        """Run a hook once.

        Args:
            hook_name: a hook that the policy has.
            args: its arguments, handles as numbers.

        Returns:
            What it answered, 0 for a hook without answer.

        Raises:
            OSError: Linux does not run it.
        """
        words = (ctypes.c_uint64 * (CONTEXT_ARGUMENTS + 1))(*args)
        options = _RunOptions(sz=ctypes.sizeof(_RunOptions))
        options.ctx_in, options.ctx_size_in = ctypes.addressof(words), CONTEXT_BYTES
        fd = self._lib.call("bpf_program__fd", self._programs[f"enter_{hook_name}"])
        self._checked(self._lib.call("bpf_prog_test_run_opts", fd, ctypes.byref(options)))
        return int(words[CONTEXT_ARGUMENTS])

    def _members(self, what: str) -> list[int]:
        found: list[int] = []
        while member := self._lib.call(
            f"bpf_object__next_{what}", self._object, found[-1] if found else None
        ):
            found.append(member)
        return found

    def _name(self, what: str, member: int) -> str:
        name: bytes = self._lib.call(f"bpf_{what}__name", member)
        return name.decode()

    def _load(self, log_level: int) -> None:
        logs = {name: ctypes.create_string_buffer(_LOG_BYTES) for name in self._programs}
        for name, program in self._programs.items():
            self._lib.call("bpf_program__set_log_buf", program, ctypes.byref(logs[name]), _LOG_BYTES)
            self._lib.call("bpf_program__set_log_level", program, log_level)
        status = self._lib.call("bpf_object__load", self._object)
        self.stats = {name: _stats(log.value) for name, log in logs.items() if _STATS.search(log.value)}
        if status == 0:
            return
        if -status in (errno.EPERM, errno.EACCES) and not self.stats:
            raise Unavailable(
                f"Linux does not permit bpf(): {os.strerror(-status)}; {'; '.join(self._lib.said)}"
            )
        tried = [name for name in self._programs if logs[name].value]
        if not tried:
            raise Unavailable(f"the object cannot be loaded: {'; '.join(self._lib.said)}")
        raise KernelRejected(tried[-1], logs[tried[-1]].value.decode(errors="replace"))

    @staticmethod
    def _checked(status: int) -> None:
        if status < 0:
            raise OSError(-status, os.strerror(-status))


def _stats(log: bytes) -> ProgramStats:
    processed, time, stack = _STATS.search(log), _TIME.search(log), _STACK.search(log)
    deepest = max((int(part) for part in stack[1].split(b"+")), default=0) if stack else 0
    assert processed is not None
    return ProgramStats(int(processed[1]), int(processed[2]), deepest, int(time[1]) if time else 0)
