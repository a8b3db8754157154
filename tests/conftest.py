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


@pytest.fixture(scope="session")
def kernel() -> None:
    """Skip where this computer does not load eBPF for us."""
    from reclaim.engine.shipped import shipped_policies
    from reclaim.jit.bpf_compiler import compile_bpf
    from reclaim.jit.bpf_loader import LoadedObject, Unavailable
    from reclaim.lang.frontend import compile_source
    from verifier.verified import verify_or_raise

    path = shipped_policies()["fifo"]
    image = compile_bpf(verify_or_raise(compile_source(path.read_text(encoding="utf-8"), str(path))))
    try:
        LoadedObject(image).close()
    except Unavailable as error:
        pytest.skip(str(error))
