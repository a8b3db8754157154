"""The import order of the house: each part knows what stands left of it, and nothing else."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.tidy.tree import PACKAGES, ROOT, name_of, python_files, syntax

_CHAIN = ("abi", "diag", "lang", "verifier", "jit", "engine", "lab", "cli")
"""From left to right; a part may import itself and everything left of it."""

_MAY_IMPORT = {part: set(_CHAIN[: number + 1]) for number, part in enumerate(_CHAIN)} | {
    "workload": {"abi", "diag", "workload"},
    "__main__": {"cli"},
}
_MAY_IMPORT["lab"].add("workload")
_MAY_IMPORT["lsp"] = {*_MAY_IMPORT["verifier"], "lsp"}
_MAY_IMPORT["cli"] |= {"workload", "lsp"}

_CFFI_FILES = {"reclaim/engine/binding.py", "reclaim/engine/build_native.py"}
"""The binding, and the script that builds it."""


def _part(dotted: str) -> str | None:
    """Return the part of the house that a module belongs to; None for other people's and for `reclaim` itself."""
    names = dotted.split(".")
    if names[0] == "verifier":
        return "verifier"
    return names[1] if names[0] == "reclaim" and len(names) > 1 else None


def _module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def _imported(path: Path) -> list[tuple[int, str]]:
    """Return (line, module) of every import statement, wherever it stands; names taken from `reclaim` count too."""
    found: list[tuple[int, str]] = []
    for node in ast.walk(syntax(path)):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            found += [
                (node.lineno, f"{module}.{alias.name}" if module == "reclaim" else module)
                for alias in node.names
            ]
            assert node.level == 0, (
                f"{name_of(path)}:{node.lineno}: relative import; write the module's full name"
            )
    return found


@pytest.mark.parametrize("path", python_files(PACKAGES), ids=name_of)
def test_imports_of_a_module_point_left(path: Path) -> None:
    """A module imports its own part of the house and the parts left of it only."""
    own = _part(_module_of(path))
    allowed = _MAY_IMPORT.get(own or "", set())
    wrong = [
        f"{name_of(path)}:{line}: {own} must not import {module}"
        for line, module in _imported(path)
        if (part := _part(module)) in _MAY_IMPORT and part not in allowed
    ]
    assert wrong == []


def test_every_part_of_the_package_is_placed_in_the_order() -> None:
    """A folder of modules that the order does not know is a hole in it."""
    parts = {
        p.relative_to(ROOT).parts[1] for p in python_files(("reclaim",)) if len(p.relative_to(ROOT).parts) > 2
    }
    assert parts - set(_MAY_IMPORT) == set()


def test_cffi_is_imported_by_the_binding_alone() -> None:
    """One file touches cffi, so that one file has to be trusted about memory."""
    users = {
        name_of(path)
        for path in python_files(PACKAGES)
        for _, module in _imported(path)
        if module.split(".")[0] in {"cffi", "_cffi_backend"} or module.endswith("._rcl")
    }
    assert users - _CFFI_FILES == set()


def test_c_core_includes_its_own_headers_and_the_system_ones_only() -> None:
    """The core knows the contract's generated header, its own headers and C, nothing of Python."""
    core = ROOT / "reclaim" / "core"
    wrong = [
        f"{name_of(path)}: {line}"
        for path in sorted(core.glob("*.[ch]"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.startswith("#include")
        and ("Python" in line or ('"' in line and not (core / line.split('"')[1]).exists()))
    ]
    assert wrong == []
