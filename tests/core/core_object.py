"""The core compiled for tests, once per build: an object below `build/`, named after what it was made of.

Here: the two builds and their flags. Not here: the programs that are linked with it (test_native_core.py, tests/fuzz).
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shlex
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
CORE = ROOT / "reclaim" / "core"
OBJECTS = ROOT / "build" / "core-tests"

BASE = ["-std=c11", "-Wall", "-Wextra", "-Werror", f"-I{CORE}"]
BUILDS = {
    "plain": ["-O2"],
    "checked": ["-O1", "-g", "-DRCL_DEBUG", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
}
"""By name: as the core is shipped, and with checks after every step under sanitizers."""


def compiler() -> list[str]:
    """Return the compiler's command, which CC may name."""
    return shlex.split(os.environ.get("CC", "cc"))


def finished(command: list[str], seconds: int) -> subprocess.CompletedProcess[str]:
    """Run a command to its end and return what it said."""
    return subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)


def core_object(build: str) -> Path:
    """Return the core compiled for a build; one process compiles while the others wait for it."""
    command = [*compiler(), *BASE, *BUILDS[build], "-c", str(CORE / "core_unity.c")]
    made_of = hashlib.sha256(" ".join(command).encode())
    for path in sorted(CORE.glob("*.[ch]")):
        made_of.update(path.read_bytes())
    OBJECTS.mkdir(parents=True, exist_ok=True)
    target = OBJECTS / f"core-{build}-{made_of.hexdigest()[:16]}.o"
    with (OBJECTS / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            for stale in OBJECTS.glob(f"core-{build}-*.o"):
                stale.unlink()
            unfinished = target.with_suffix(".part")
            compiled = finished([*command, "-o", str(unfinished)], 300)
            assert compiled.stderr == ""
            unfinished.replace(target)
    return target
