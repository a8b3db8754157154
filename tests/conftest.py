"""What tests of several folders need: signals as a terminal gives them, however the tests were started."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest


@pytest.fixture
def obeyed_interrupts() -> Iterator[None]:
    """Let SIGINT interrupt this process and those that it starts, although `nohup make test &` has it ignored.

    Python leaves an ignored SIGINT ignored, and a started process inherits that; a handler is reset to the default.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
