"""What calling a hook costs: ``python -m benchmarks.hook_call``.

A C loop calls `folio_accessed` of compiled policies through a table of function pointers, as the core does, and an
empty C function in the same way. The folio and its state are always the same, so this is the call and the hook's own
instructions, no cache misses.
"""

from __future__ import annotations

import ctypes
from functools import partial

from benchmarks.measurement import Row, interleaved_medians, show
from benchmarks.native_loops import native_loops
from reclaim.abi.layout import CONTEXT_MEMBERS, CONTEXT_OFFSETS
from reclaim.engine.attachment import compiled

POLICIES = ("fifo", "second_chance", "s3fifo")
NR_CALLS = 20_000_000
REPEATS = 7
AIM_NS = 5.0
"""Ours: two nanoseconds for an indirect call, and a few instructions of the hook."""


class HookBench:
    """Own the memory that a hook may touch: a context, a folio, a lruvec, state."""

    def __init__(self) -> None:
        self._loops = native_loops()
        self._state = (ctypes.c_uint64 * 64)()
        self._object = (ctypes.c_uint64 * 64)()
        self._context = (ctypes.c_uint64 * len(CONTEXT_MEMBERS))(
            *[ctypes.addressof(self._state)] * len(CONTEXT_MEMBERS)
        )
        self._context[CONTEXT_OFFSETS["failed"] // 8] = 0

    def call(self, address: int) -> None:
        """Call the hook at an address NR_CALLS times."""
        ops = (ctypes.c_void_p * 1)(address)
        folio = ctypes.addressof(self._object)
        self._loops.call_hook(ctypes.addressof(ops), ctypes.addressof(self._context), folio, folio, NR_CALLS)


def rows() -> list[Row]:
    """Measure each policy's hook against the empty function."""
    bench = HookBench()
    policies = {name: compiled(name) for name in POLICIES}
    empty = ctypes.cast(native_loops().empty_hook, ctypes.c_void_p).value or 0
    sides = {name: policy.hooks["folio_accessed"] for name, policy in policies.items()} | {"empty": empty}
    medians = interleaved_medians(
        {name: partial(bench.call, address) for name, address in sides.items()}, REPEATS
    )
    ns = {name: seconds / NR_CALLS * 1e9 for name, seconds in medians.items()}
    baseline = f"empty function {ns['empty']:.2f} ns"
    return [
        Row("hook call", f"{name}.folio_accessed", f"{ns[name]:.2f} ns", baseline, ns[name], AIM_NS)
        for name in POLICIES
    ]


if __name__ == "__main__":
    show(rows())
