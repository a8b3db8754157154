"""The C core's own tests: built twice, plain and with checks after every step under sanitizers.

Each C file beside this one but `harness.h` is a program; `fuzz.c` takes a range of seeds. The core is one object that
all programs of a build are linked with (core_object.py).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.core.core_object import BASE, BUILDS, CORE, compiler, core_object, finished

HERE = Path(__file__).parent
PROGRAMS = sorted(path.stem for path in HERE.glob("*.c"))

ARGUMENTS = {("fuzz", "plain"): ["1000", "60"], ("fuzz", "checked"): ["1", "60"]}
"""First seed and number of seeds; other programs take none."""


@pytest.mark.parametrize("build", sorted(BUILDS))
@pytest.mark.parametrize("program", PROGRAMS)
def test_c_program_built_either_way_passes(program: str, build: str, tmp_path: Path) -> None:
    """Every C test program compiles without a warning and finds nothing wrong."""
    binary = tmp_path / program
    sources = [str(HERE / f"{program}.c"), str(core_object(build))]
    compiled = finished([*compiler(), *BASE, *BUILDS[build], *sources, "-o", str(binary)], 120)
    assert compiled.stderr == ""
    result = finished([str(binary), *ARGUMENTS.get((program, build), [])], 900)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize(
    "source", sorted(path.name for path in CORE.glob("*.c") if path.stem != "core_unity")
)
def test_core_file_alone_compiles(source: str) -> None:
    """Each mechanism includes what it uses, so that it can be read and compiled alone."""
    result = finished([*compiler(), *BASE, "-fsyntax-only", str(CORE / source)], 60)
    assert result.stderr == ""


def test_core_unity_lists_every_file() -> None:
    """The one translation unit is made of all C files of the folder."""
    included = {
        line.split('"')[1]
        for line in (CORE / "core_unity.c").read_text().splitlines()
        if line.startswith("#include")
    }
    assert included == {path.name for path in CORE.glob("*.c")} - {"core_unity.c"}
