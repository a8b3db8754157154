"""What the tests of code for Linux need of the computer."""

from __future__ import annotations

import pytest

from reclaim.engine.shipped import shipped_policies
from reclaim.jit.bpf_compiler import compile_bpf
from reclaim.jit.bpf_loader import LoadedObject, Unavailable
from reclaim.lang.frontend import compile_source
from verifier.verified import verify_or_raise


@pytest.fixture(scope="session")
def kernel() -> None:
    """Skip where this computer does not load eBPF for us."""
    path = shipped_policies()["fifo"]
    image = compile_bpf(verify_or_raise(compile_source(path.read_text(encoding="utf-8"), str(path))))
    try:
        LoadedObject(image).close()
    except Unavailable as error:
        pytest.skip(str(error))
