"""Ctrl-C in the middle of a comparison: prompt, quiet, complete."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.command_runs import COMMAND

ENDLESS = ("compare", "fifo", "mglru", "--workload", "zipf:pages=1K,accesses=1M", "--repeat", "5000")
"""Hours of work in small pieces."""

PATIENCE_S = 60
"""How long a slow machine may take to start; not a limit of anything tested."""


def _children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return [int(word) for word in text.split()]


@pytest.fixture
def running(tmp_path: Path, obeyed_interrupts: None) -> Iterator[subprocess.Popen[str]]:
    """Start a long comparison and wait until its workers run."""
    del obeyed_interrupts  # is for the process that is started
    command = [*COMMAND, *ENDLESS, "--json", str(tmp_path / "out.json")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + PATIENCE_S
        while not _children(process.pid) and process.poll() is None and time.monotonic() < deadline:
            pass
        yield process
        process.kill()


def test_interrupted_comparison_ends_at_once_with_130(running: subprocess.Popen[str]) -> None:
    """Ctrl-C is obeyed long before the comparison, which is an endless one, would be done."""
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=PATIENCE_S)
    assert (running.returncode, errors.strip()) == (130, "interrupted")


def test_interrupted_comparison_leaves_no_worker(running: subprocess.Popen[str]) -> None:
    """No process goes on behind the user's back."""
    workers = _children(running.pid)
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=PATIENCE_S)
    assert workers
    assert [pid for pid in workers if Path(f"/proc/{pid}").exists()] == []


def test_interrupted_comparison_writes_nothing(running: subprocess.Popen[str], tmp_path: Path) -> None:
    """There is no JSON rather than half of it, and no temporary file."""
    running.send_signal(signal.SIGINT)
    output, _ = running.communicate(timeout=PATIENCE_S)
    assert (output, list(tmp_path.iterdir())) == ("", [])


def test_killed_comparison_leaves_no_worker(running: subprocess.Popen[str]) -> None:
    """Even a parent that had no chance to say goodbye takes its workers along."""
    workers = _children(running.pid)
    running.kill()
    running.wait()
    deadline = time.monotonic() + PATIENCE_S
    while any(_is_running(pid) for pid in workers) and time.monotonic() < deadline:
        pass
    assert [pid for pid in workers if _is_running(pid)] == []


def _is_running(pid: int) -> bool:
    """Tell whether a process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
