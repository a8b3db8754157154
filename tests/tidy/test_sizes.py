"""How large a function, a file, a policy may grow before it has to be cut, with one list of exceptions."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tidy.tree import c_files, files, name_of, python_files, syntax

MAX_FUNCTION_LINES = 80
MAX_FILE_LINES = 800
MAX_PARAMETERS = 6
MAX_POLICY_LINES = 200
MAX_POLICY_COLUMNS = 120

EXCEPTIONS = {
    "reclaim/core/helpers.c:h_walk_page_tables": "the signature is generated from the helper's entry",
    "reclaim/core/inspect.c:rcl_map_look": "machine, attachment, map, instance and key name a value, two more answer",
    "policies/mglru.rpol": "the multi-generational LRU with all its mechanisms, the ring of memcgs among them; up to 350 lines",
}
"""`file` or `file:function`, each with its reason; an entry that is no longer needed fails a test."""

MAX_EXCEPTIONAL_POLICY_LINES = 350

_SHIPPED = files("*.rpol", ("policies",))

_C_DEFINITION = re.compile(
    r"^(?!static const|struct|enum|typedef|#)[a-z][\w \t*]*?\**(\w+)\(([^;{]*)\)\n\{", re.MULTILINE
)
"""The core's layout: the head of a definition starts in column one, its brace stands alone in the next line."""


def _python_functions(path: Path) -> Iterator[tuple[str, int, int]]:
    """Yield (name, lines of the body without docstring, parameters) of each function of a file."""
    for node in ast.walk(syntax(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) is not None else node.body
            lines = (node.end_lineno or 0) - body[0].lineno + 1 if body else 0
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            yield node.name, lines, len([a for a in arguments if a.arg not in {"self", "cls"}])


def _c_functions(path: Path) -> Iterator[tuple[str, int, int]]:
    """Yield (name, lines between the braces, parameters) of each function that a C file defines."""
    text = path.read_text(encoding="utf-8")
    for match in _C_DEFINITION.finditer(text):
        end = text.find("\n}", match.end() - 1)
        yield match[1], text.count("\n", match.end(), end), len(match[2].split(","))


def _functions(path: Path) -> Iterator[tuple[str, int, int]]:
    return _python_functions(path) if path.suffix == ".py" else _c_functions(path)


def _is_test(path: Path, function: str) -> bool:
    """Tell whether parameters are fixtures, which are names rather than arguments."""
    return "tests" in path.parts and function.startswith("test_")


def _oversized() -> dict[str, str]:
    """Return everything above a limit, by the name it would have in the list of exceptions."""
    found: dict[str, str] = {}
    for path in (*python_files(), *c_files()):
        nr_lines = len(path.read_text(encoding="utf-8").splitlines())
        if nr_lines > MAX_FILE_LINES:
            found[name_of(path)] = f"{nr_lines} lines, at most {MAX_FILE_LINES}"
        for function, lines, parameters in _functions(path):
            if lines > MAX_FUNCTION_LINES:
                found[f"{name_of(path)}:{function}"] = f"{lines} lines, at most {MAX_FUNCTION_LINES}"
            elif parameters > MAX_PARAMETERS and not _is_test(path, function):
                found[f"{name_of(path)}:{function}"] = f"{parameters} parameters, at most {MAX_PARAMETERS}"
    for path in _SHIPPED:
        nr_lines = len(path.read_text(encoding="utf-8").splitlines())
        if nr_lines > MAX_POLICY_LINES:
            found[name_of(path)] = f"{nr_lines} lines, at most {MAX_POLICY_LINES}"
    return found


def test_nothing_outgrows_its_limit_without_a_reason() -> None:
    """What is above a limit stands in the list of exceptions, with its reason."""
    unexplained = {name: what for name, what in _oversized().items() if name not in EXCEPTIONS}
    assert unexplained == {}


def test_list_of_exceptions_holds_no_policy_beyond_its_own_limit() -> None:
    """Even an exceptional policy stays readable."""
    too_long = [
        name_of(path)
        for path in _SHIPPED
        if len(path.read_text(encoding="utf-8").splitlines()) > MAX_EXCEPTIONAL_POLICY_LINES
    ]
    assert too_long == []


def test_no_line_of_a_policy_is_too_long_to_read() -> None:
    """A policy is not made shorter by making it wider."""
    too_wide = [
        f"{name_of(path)}:{number}"
        for path in _SHIPPED
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if len(line) > MAX_POLICY_COLUMNS
    ]
    assert too_wide == []


@pytest.mark.parametrize("name", EXCEPTIONS)
def test_exception_is_still_needed(name: str) -> None:
    """An exception goes when its file or function no longer needs it."""
    assert name in _oversized()


def test_c_functions_are_found() -> None:
    """The measure sees the core's functions, or it measures nothing."""
    found = [name for path in c_files() for name, _, _ in _c_functions(path)]
    assert len(found) > 100
