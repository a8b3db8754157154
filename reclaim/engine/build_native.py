"""How the native core becomes a Python extension: run by setuptools, never imported by the package.

What cffi is told comes from the two headers of the core themselves: the generated contract, and the part of
`rcl.h` between its markers. Nothing is declared a second time. The extension exists once for all Pythons
(limited API), and holds one table beside the core: the addresses of the helper bodies, which compiled policies
call directly.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from cffi import FFI

# setuptools executes this file from the root of the tree, without importing it.
CORE = Path("reclaim") / "core"

_PREPROCESSOR = re.compile(r"^#(?:[^\n]*\\\n)*[^\n]*\n", re.MULTILINE)
_NUMBER_MACRO = re.compile(r"#define (\w+) [^\\\n]+\n\Z")
_STATIC_ASSERT = re.compile(r"^_Static_assert\([^;]*;\n", re.MULTILINE)
_HELPER = re.compile(r"\bh_(\w+)\(")
_MARKED = re.compile(r"/\* cdef: begin \*/(.*?)/\* cdef: end \*/", re.DOTALL)

COMPILE_ARGS = ["-std=gnu11", "-O2", "-fno-strict-aliasing", "-fvisibility=hidden", "-Wall", "-Wextra"]
"""gnu11: the hit loop needs `asm`. No -Werror: a newer compiler's new warning must not break an installation."""

_HELPER_TABLE = """
#include "rcl.h"

static const char *rcl_helper_names(void)
{{
	return "{names}";
}}

static uintptr_t rcl_helper_address(int number)
{{
	static void *const bodies[] = {{ {bodies} }};
	return (uintptr_t)bodies[number];
}}
"""
"""What cffi cannot give: a function's own address instead of that of a wrapper."""


def _number_macro(match: re.Match[str]) -> str:
    """Keep macros that are numbers; the compiler tells cffi their values."""
    macro = _NUMBER_MACRO.match(match.group())
    return f"#define {macro[1]} ...\n" if macro else ""


def declarations(header: str) -> str:
    """Return the part of a C header that cffi can read: no directives but numbers, no assertions."""
    return _STATIC_ASSERT.sub("", _PREPROCESSOR.sub(_number_macro, header))


def helper_names(header: str) -> list[str]:
    """Return the names of all helper bodies that a header declares, without the `h_`."""
    return list(dict.fromkeys(_HELPER.findall(header)))


def _make_builder() -> FFI:
    contract = (CORE / "abi.gen.h").read_text(encoding="utf-8")
    public = "".join(_MARKED.findall((CORE / "rcl.h").read_text(encoding="utf-8")))
    helpers = helper_names(contract)
    builder = FFI()
    builder.cdef(declarations(contract) + declarations(public))
    builder.cdef("const char *rcl_helper_names(void); uintptr_t rcl_helper_address(int number);")
    builder.set_source(
        "reclaim.engine._rcl",
        _HELPER_TABLE.format(
            names=" ".join(helpers), bodies=", ".join(f"(void *)h_{name}" for name in helpers)
        ),
        sources=[str(CORE / "core_unity.c")],
        depends=sorted(str(path) for path in CORE.glob("*.[ch]")),
        include_dirs=[str(CORE)],
        extra_compile_args=[*COMPILE_ARGS, *os.environ.get("RECLAIM_CFLAGS", "").split()],
    )
    return builder


ffi = _make_builder()
