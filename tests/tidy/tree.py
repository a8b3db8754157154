"""What the house consists of: the files that the checks of this folder look at, found by glob.

Not here: any rule. Each rule is a test of its own beside this file.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("reclaim", "verifier")
PYTHON_ROOTS = (*PACKAGES, "tests", "benchmarks")
_SKIPPED = {".venv", ".git", "__pycache__", "build", "dist", "node_modules"}


@cache
def files(pattern: str, roots: tuple[str, ...] = PYTHON_ROOTS) -> tuple[Path, ...]:
    """Return the files below the roots whose names match, sorted, without what tools leave behind."""
    found = [path for root in roots for path in (ROOT / root).rglob(pattern) if path.is_file()]
    return tuple(sorted(path for path in found if not _SKIPPED & set(path.relative_to(ROOT).parts)))


def python_files(roots: tuple[str, ...] = PYTHON_ROOTS) -> tuple[Path, ...]:
    """Return all Python modules below the roots."""
    return files("*.py", roots)


def c_files() -> tuple[Path, ...]:
    """Return the core's hand-written C files and those of its tests."""
    found = (*files("*.c"), *files("*.h"))
    return tuple(path for path in found if not path.name.endswith(".gen.h"))


def policies() -> tuple[Path, ...]:
    """Return every `.rpol` file, shipped, example or test."""
    return files("*.rpol", ("policies", "examples", "tests"))


@cache
def syntax(path: Path) -> ast.Module:
    """Return the syntax tree of a Python file."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def name_of(path: Path) -> str:
    """Return a path as it reads in a message: from the root of the tree."""
    return str(path.relative_to(ROOT))
