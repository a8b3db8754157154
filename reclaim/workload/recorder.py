"""Running a real program under valgrind's lackey and keeping a page-level trace of it.

Here: the command line of valgrind, the pipe, the program's end, and the sentences on what such a recording cannot
see. Not here: the meaning of the output (recording.py).

One tool, one stream: `--trace-mem=yes` and `--trace-syscalls=yes` print into the same pipe. strace beside
valgrind would see valgrind's own calls too, and its lines could not be ordered against the accesses.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import platform
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from io import FileIO
from pathlib import Path

from reclaim.diag.errors import ConfigError
from reclaim.workload.access_text import NS_PER_INSTRUCTION, RECENT_RECORDS
from reclaim.workload.address_space import SnapshotEntry, parse_maps
from reclaim.workload.open_files import OpenFiles
from reclaim.workload.recording import Recording
from reclaim.workload.rtrace import ZSTD_LEVEL, write_trace

UNSEEN = (
    "accesses of the kernel itself, its page cache use for directories and metadata, and its readahead",
    "memory of the program that the kernel touches in other calls than read, write, pread and pwrite",
    "other processes: children of the program run but are not recorded, and share no page cache here",
    "memory given back: unmapped, truncated and unlinked pages stay until reclaim takes them",
    "madvise, fadvise, mlock, direct I/O, splice and asynchronous I/O",
    "offsets behind pointers of sendfile and copy_file_range, taken to go on where the last call ended",
    "memory files (memfd, tmpfs), which count as ordinary files, though the kernel swaps them",
    f"accesses to the last {RECENT_RECORDS} pages kept, which a TLB would answer, and their order",
    "the program without valgrind: threads take turns here, and a preload library of valgrind's adds a few pages",
    f"real time: an instruction counts {NS_PER_INSTRUCTION} ns and waiting counts nothing",
    "the second page of an access across a page boundary",
)
"""What a recording of this kind cannot show; goes into every header."""

_PIPE_BYTES = 1 << 20
"""Capacity of the pipe after the start: the most that an unprivileged user gets (fs.pipe-max-size)."""

_START_PIPE_BYTES = 4096
"""Capacity until the memory map was read: a program that fills it waits, so the map is that of its start."""

_BLOCK_BYTES = 1 << 22

_FILL_SECONDS = 0.01
"""Wait between reads of a pipe that is nearly empty: valgrind writes line by line, and a reader that wakes for each
line costs as much time again as the program (ours, measured)."""


def record(
    command: Sequence[str],
    out: str | Path,
    *,
    name: str | None = None,
    level: int = ZSTD_LEVEL,
    progress: Callable[[int, int], None] | None = None,
) -> Recording:
    """Run a program and write a trace of its memory and file accesses.

    Args:
        command: the program and its arguments; its standard streams are ours.
        out: the new `.rtrace` or `.rtrace.zst`, which appears only when the program ended well.
        name: of the trace; None takes the program's name.
        level: of zstd compression; 1..22.
        progress: called now and then with the accesses seen and the records kept so far.

    Returns:
        The recording, for its counts.

    Raises:
        ConfigError: valgrind or the program is missing, or the program fails or is replaced by another.
        TraceError: the trace cannot be written.
    """
    target = Path(out)
    _check_target(target)
    valgrind = _find_valgrind()
    program = shutil.which(command[0])
    if program is None:
        raise ConfigError(f"{command[0]}: no such program to record")
    recording = _run(valgrind, [program, *command[1:]], progress)
    source = {
        "command": shlex.join(command),
        "tool": "reclaim trace record",
        "valgrind": subprocess.run(
            [valgrind, "--version"], capture_output=True, text=True, check=False
        ).stdout.strip(),
        "system": platform.platform(),
    }
    header, records = recording.finish(name or Path(program).name, source, UNSEEN)
    write_trace(target, header, records, level=level)
    return recording


def _find_valgrind() -> str:
    found = shutil.which("valgrind")
    if found is None:
        raise ConfigError(
            "valgrind is not installed; recording needs it (Debian, Ubuntu: apt install valgrind)"
        )
    return found


def _check_target(target: Path) -> None:
    """Find out that the trace cannot be written before the program has run for an hour."""
    if not target.name.removesuffix(".zst").endswith(".rtrace"):
        raise ConfigError(f"{target}: a name ending in .rtrace or .rtrace.zst expected")
    if not os.access(target.parent, os.W_OK):
        raise ConfigError(f"{target}: the folder {target.parent} is not there or cannot be written")


def _run(valgrind: str, command: list[str], progress: Callable[[int, int], None] | None) -> Recording:
    files = OpenFiles(str(Path.cwd()))
    for descriptor in range(3):
        files.inherit(descriptor)
    reader, writer = os.pipe()
    with FileIO(reader) as pipe:
        try:
            fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, _START_PIPE_BYTES)
            child = subprocess.Popen(
                _valgrind_command(valgrind, writer, command), pass_fds=(writer,), env=_environment()
            )
        finally:
            os.close(writer)
        try:
            recording, last = _follow(pipe, child, files, progress)
        finally:
            if child.poll() is None:
                _stop(child)
        _check_end(command, child.returncode, last)
    return recording


def _valgrind_command(valgrind: str, descriptor: int, command: list[str]) -> list[str]:
    options = [
        "--command-line-only=yes",
        "--tool=lackey",
        "--basic-counts=no",
        "--trace-mem=yes",
        "--trace-syscalls=yes",
        "--trace-children=no",
        "--child-silent-after-fork=yes",
        f"--log-fd={descriptor}",
    ]
    return [valgrind, *options, "--", *command]


def _environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key != "VALGRIND_OPTS"}


def _stop(child: subprocess.Popen[bytes]) -> None:
    """End a program whose recording ended: with its pipe gone it must not go on."""
    child.send_signal(signal.SIGTERM)
    try:
        child.wait(timeout=2)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _follow(
    pipe: FileIO,
    child: subprocess.Popen[bytes],
    files: OpenFiles,
    progress: Callable[[int, int], None] | None,
) -> tuple[Recording, bytes]:
    """Feed a recording until the pipe ends; return it and the last line, if that has no end."""
    first = _read_until_access(pipe)
    recording = Recording(_snapshot(child.pid), files)
    with contextlib.suppress(OSError):
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    rest = first
    ended = False
    while not ended:
        parts, nr_bytes = [rest], len(rest)
        while nr_bytes < _BLOCK_BYTES and not ended:
            data = pipe.read(_PIPE_BYTES)
            ended = not data
            parts.append(data)
            nr_bytes += len(data)
            if 0 < len(data) < _PIPE_BYTES // 4:
                time.sleep(_FILL_SECONDS)
        block = b"".join(parts)
        cut = block.rfind(b"\n") + 1
        rest = block[cut:]
        if cut:
            recording.feed(block[:cut])
        if progress is not None:
            progress(recording.nr_accesses, recording.nr_records)
    child.wait()
    return recording, rest


def _read_until_access(pipe: FileIO) -> bytes:
    """Read until the program has made its first access, so that its memory map is there."""
    text = b""
    while b"\nI  " not in text and (data := pipe.read(_START_PIPE_BYTES)):
        text += data
    return text


def _snapshot(pid: int) -> list[SnapshotEntry]:
    try:
        return parse_maps(Path(f"/proc/{pid}/maps").read_text(errors="surrogateescape"))
    except OSError:
        return []


def _check_end(command: list[str], status: int, last: bytes) -> None:
    what = shlex.join(command)
    if b"sys_execve" in last:
        message = "replaced itself by another program, which is not recorded; record that program itself"
        raise ConfigError(f"{what}: {message}")
    if status < 0:
        raise ConfigError(
            f"{what}: ended by {signal.Signals(-status).name} under valgrind; nothing was written"
        )
    if status > 0:
        raise ConfigError(f"{what}: ended with status {status} under valgrind; nothing was written")
