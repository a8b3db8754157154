"""The long way of a policy: parse, verify, generate code, compile.

`policy_loader` comes here for policies that are not in the cache. The only doors to the code
generators are `compile_verified` and `bpf_compiler`, and they open for a `VerifiedPolicy` alone.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from reclaim.jit import native
from reclaim.jit.llvm_module import write_module
from reclaim.jit.object_cache import CacheEntry
from reclaim.jit.policy_image import describe
from reclaim.lang.frontend import compile_source
from verifier.verified import VerifiedPolicy, verify_or_raise


def compile_text(source: str, path: str) -> CacheEntry:
    """Compile a policy's source text.

    Args:
        source: the complete text.
        path: as the user named it.

    Returns:
        Object and description, not yet linked.

    Raises:
        PolicyRejected: the parser, the type checker or the verifier does not accept it.
    """
    with _uncollected():
        return compile_verified(verify_or_raise(compile_source(source, path)))


def compile_verified(verified: VerifiedPolicy) -> CacheEntry:
    """Compile a verified policy.

    Args:
        verified: made by the verifier; nothing else is taken.

    Returns:
        Object and description, not yet linked.

    Raises:
        TypeError: *verified* is not a `VerifiedPolicy`.
    """
    if not isinstance(verified, VerifiedPolicy):
        raise TypeError(f"only a VerifiedPolicy can be compiled, not {type(verified).__name__}")
    module = write_module(verified.ir)
    costs = {name: cost.total for name, cost in verified.costs.items()}
    image = describe(verified.ir, costs, module.helpers)
    return CacheEntry(image, native.emit_object(module.text))


@contextmanager
def _uncollected() -> Iterator[None]:
    """Hold the garbage collector back for the fifth of a second that a large policy takes.

    Trees and graphs of a policy are small but many, and all die together: collecting in between costs
    a tenth of the time (ours, mglru: 225 ms instead of 250) and frees nothing.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
