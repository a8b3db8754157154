"""`loops.c`, compiled and loaded."""

from __future__ import annotations

import ctypes
import os
import subprocess
import tempfile
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).with_name("loops.c")
FLAGS = ("-std=gnu11", "-O2", "-fPIC", "-shared")
"""The core's own language and optimisation level."""


@cache
def native_loops() -> ctypes.CDLL:
    """Compile the loops with $CC (or cc) and return them."""
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "loops.so"
        compiler = os.environ.get("CC", "cc").split()
        subprocess.run([*compiler, *FLAGS, str(SOURCE), "-o", str(library)], check=True)
        loops = ctypes.CDLL(str(library))
    pointer, count = ctypes.c_void_p, ctypes.c_uint64
    loops.new_ptes.restype, loops.new_ptes.argtypes = pointer, [count]
    loops.free_ptes.restype, loops.free_ptes.argtypes = None, [pointer]
    for name in ("bare_hits", "hidden_index_hits"):
        getattr(loops, name).restype = None
        getattr(loops, name).argtypes = [pointer, pointer, count]
    loops.call_hook.restype, loops.call_hook.argtypes = None, [pointer, pointer, pointer, pointer, count]
    return loops
