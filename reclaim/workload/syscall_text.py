"""The system calls as valgrind prints them with `--trace-syscalls=yes`.

    SYSCALL[4080,1](9) sys_mmap ( 0x0, 8192, 3, 34, 4294967295, 0 ) --> [pre-success] Success(0x4835000)
    SYSCALL[4080,1](257) sys_openat ( 4294967196, 0x40290b1(/etc/ld.so.cache), 524288 ) --> [async] ...
    SYSCALL[4080,1](257) ... [async] --> Success(0x3)

Calls that may block come in two halves, between which other threads run. Here: turning the lines into calls with
numbers, paths and the answer. Not here: what the calls do (syscall_effects.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_WHOLE = re.compile(
    r"SYSCALL\[\d+,(?P<task>\d+)\]\(\s*\d+\) (?:sys_)?(?P<name>\w+)[^(]*\((?P<arguments>.*)\)\s*"
    r"(?:\[sync\] -->|--> \[pre-success\]) Success\((?P<answer>0x[0-9a-f]+)\)"
)
_BEGIN = re.compile(
    r"SYSCALL\[\d+,(?P<task>\d+)\]\(\s*\d+\) (?:sys_)?(?P<name>\w+)[^(]*\((?P<arguments>.*)\)\s*--> \[async\]"
)
_END = re.compile(
    r"SYSCALL\[\d+,(?P<task>\d+)\]\(\s*\d+\) \.\.\. \[async\] --> (?:Success\((?P<answer>0x[0-9a-f]+)\)|Failure)"
)
_ARGUMENT = re.compile(r"\s*(0x[0-9a-f]+|-?\d+)(?:\((.*?)\)(?=\s*(?:,|$)))?\s*(?:,|$)")


@dataclass(frozen=True)
class Syscall:
    """Carry one successful system call.

    Args:
        name: the kernel's, without `sys_`.
        arguments: as numbers.
        paths: the text behind those arguments that valgrind shows as strings, in order.
        answer: what it returned.
    """

    name: str
    arguments: tuple[int, ...]
    paths: tuple[str, ...]
    answer: int

    def signed(self, place: int) -> int:
        """Return an argument that is a C int or off_t, which valgrind may show unsigned."""
        value = self.arguments[place]
        return value - (1 << 32) if (1 << 31) <= value < (1 << 32) else value


def _parse(name: str, text: str, answer: str) -> Syscall:
    found = _ARGUMENT.findall(text.strip())
    numbers = tuple(int(number, 0) for number, _ in found)
    return Syscall(name, numbers, tuple(path for _, path in found if path), int(answer, 16))


class SyscallReader:
    """Put the halves of system calls together."""

    def __init__(self) -> None:
        self._begun: dict[str, tuple[str, str]] = {}

    def read(self, line: str) -> Syscall | None:
        """Take the next line.

        Args:
            line: any line of valgrind's output.

        Returns:
            The system call that this line ends, when it succeeded.
        """
        if not line.startswith("SYSCALL["):
            return None
        if whole := _WHOLE.match(line):
            return _parse(whole["name"], whole["arguments"], whole["answer"])
        if begin := _BEGIN.match(line):
            self._begun[begin["task"]] = (begin["name"], begin["arguments"])
            return None
        end = _END.match(line)
        if end is None:
            return None
        name, arguments = self._begun.pop(end["task"], ("", ""))
        return _parse(name, arguments, end["answer"]) if end["answer"] and name else None
