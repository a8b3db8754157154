"""Ctrl-C while native code runs.

Python runs its signal handlers only between its own instructions, and there are none while the core runs. A signal is
therefore noticed on a pipe that Python's C-level handler writes to at once, by a thread that tells the core to stop;
back in Python, the handler runs and raises. A signal whose handler raises nothing just makes the run go on.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def stopped_by_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Call *stop* from another thread whenever a signal arrives that Python handles.

    Only the main thread receives signals; elsewhere this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
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
