"""Ctrl-C while native code runs, without losing anything.

Python runs its signal handlers only between its own instructions, and there are none while the core runs. A signal is
therefore noticed on a pipe that Python's C-level handler writes to at once, by a thread that tells the core to stop.
And a handler may run between any two Python instructions, in the middle of reading a trace say; Ctrl-C is therefore
kept until the run is at a point where it can be gone on from. A second Ctrl-C does not wait.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class KeptInterrupt:
    """Keep a Ctrl-C until `deliver` is called.

    Args:
        handler: who gets it then; anything but a Python function means that nobody does.
    """

    def __init__(self, handler: Any) -> None:
        self._handler = handler
        self._kept: FrameType | None = None
        self._is_kept = False

    def keep(self, signum: int, frame: FrameType | None) -> None:
        """Take the signal; the second one goes through at once."""
        if self._is_kept:
            self._is_kept = False
            self._handler(signum, frame)
        else:
            self._kept, self._is_kept = frame, True

    def deliver(self) -> None:
        """Hand a kept signal on, as a rule by raising KeyboardInterrupt."""
        if self._is_kept:
            self._is_kept = False
            self._handler(signal.SIGINT, self._kept)


@contextmanager
def kept_interrupts(stop: Callable[[], None]) -> Iterator[KeptInterrupt]:
    """Call *stop* from another thread whenever a signal arrives, and keep Ctrl-C until it is asked for.

    Only the main thread receives signals; elsewhere this does nothing.
    """
    handler = signal.getsignal(signal.SIGINT)
    kept = KeptInterrupt(handler)
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield kept
        return
    signal.signal(signal.SIGINT, kept.keep)
    try:
        with _calling_on_signal(stop):
            yield kept
    finally:
        signal.signal(signal.SIGINT, handler)
    kept.deliver()


@contextmanager
def _calling_on_signal(stop: Callable[[], None]) -> Iterator[None]:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    previous = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)

    def watch() -> None:
        while os.read(reader, 1):
            stop()

    watcher = threading.Thread(target=watch, name="reclaim-signals", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(previous)
        os.close(writer)
        watcher.join()
        os.close(reader)
