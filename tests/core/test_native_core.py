"""The C core's own tests: built twice, plain and with checks after every step under sanitizers.

Each C file beside this one but `harness.h` is a program; `fuzz.c` takes a range of seeds. The core is one object that
all programs of a build are linked with; it is kept below `build/`, named after what it was made of.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shlex
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
CORE = ROOT / "reclaim" / "core"
OBJECTS = ROOT / "build" / "core-tests"
PROGRAMS = sorted(path.stem for path in HERE.glob("*.c"))

BASE = ["-std=c11", "-Wall", "-Wextra", "-Werror", f"-I{CORE}"]
BUILDS = {
    "plain": ["-O2"],
    "checked": ["-O1", "-g", "-DRCL_DEBUG", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
}
ARGUMENTS = {("fuzz", "plain"): ["1000", "60"], ("fuzz", "checked"): ["1", "60"]}
"""First seed and number of seeds; other programs take none."""


def _compiler() -> list[str]:
    return shlex.split(os.environ.get("CC", "cc"))


def _run(command: list[str], seconds: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)


def _core_object(build: str) -> Path:
    """Return the core compiled for a build; one process compiles while the others wait for it."""
    command = [*_compiler(), *BASE, *BUILDS[build], "-c", str(CORE / "core_unity.c")]
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
            compiled = _run([*command, "-o", str(unfinished)], 300)
            assert compiled.stderr == ""
            unfinished.replace(target)
    return target


@pytest.mark.parametrize("build", sorted(BUILDS))
@pytest.mark.parametrize("program", PROGRAMS)
def test_c_program_built_either_way_passes(program: str, build: str, tmp_path: Path) -> None:
    """Every C test program compiles without a warning and finds nothing wrong."""
    binary = tmp_path / program
    sources = [str(HERE / f"{program}.c"), str(_core_object(build))]
    compiled = _run([*_compiler(), *BASE, *BUILDS[build], *sources, "-o", str(binary)], 120)
    assert compiled.stderr == ""
    result = _run([str(binary), *ARGUMENTS.get((program, build), [])], 120)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize(
    "source", sorted(path.name for path in CORE.glob("*.c") if path.stem != "core_unity")
)
def test_core_file_alone_compiles(source: str) -> None:
    """Each mechanism includes what it uses, so that it can be read and compiled alone."""
    result = _run([*_compiler(), *BASE, "-fsyntax-only", str(CORE / source)], 60)
    assert result.stderr == ""


def test_core_unity_lists_every_file() -> None:
    """The one translation unit is made of all C files of the folder."""
    included = {
        line.split('"')[1]
        for line in (CORE / "core_unity.c").read_text().splitlines()
        if line.startswith("#include")
    }
    assert included == {path.name for path in CORE.glob("*.c")} - {"core_unity.c"}
