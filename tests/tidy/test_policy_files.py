"""Policies as files: valid Python, a head that says what they are, every hook used at least once."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from reclaim.abi.helpers import HELPERS
from reclaim.abi.hooks import HOOKS
from reclaim.lang.frontend import compile_source
from reclaim.lang.ir import Call
from tests.tidy.tree import ROOT, files, name_of, policies

_MAXIMAL = ROOT / "tests" / "policies" / "maximal.rpol"
_SHIPPED = files("*.rpol", ("policies",))
_TEXT_ERROR = "# expect: RP00"
"""The first line of a test policy that is rejected for what is not even Python begins so."""


def _hooks(path: Path) -> set[str]:
    return {
        node.name
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef)
        and any(isinstance(d, ast.Name) and d.id == "hook" for d in node.decorator_list)
    }


def _meant_as_python() -> list[Path]:
    return [path for path in policies() if not path.read_text(encoding="utf-8").startswith(_TEXT_ERROR)]


@pytest.mark.parametrize("path", _meant_as_python(), ids=name_of)
def test_policy_file_is_valid_python(path: Path) -> None:
    """Editors, formatters and highlighters work on a policy at once."""
    assert ast.parse(path.read_text(encoding="utf-8"), filename=str(path)).body


@pytest.mark.parametrize("path", _SHIPPED, ids=name_of)
def test_shipped_policy_head_names_source_and_limits(path: Path) -> None:
    """The head of a shipped policy says where it comes from, what it suits, and what it does not do."""
    doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    missing = [word for word in ("Source:", "Suited for:", "Known limits:") if word not in doc]
    assert missing == []


def test_every_hook_is_used_in_the_maximal_policy() -> None:
    """A hook that no policy could be written for would not have been noticed."""
    assert set(HOOKS) - _hooks(_MAXIMAL) == set()


def test_every_helper_is_used_in_the_maximal_policy() -> None:
    """A helper that no policy calls would break unseen."""
    policy = compile_source(_MAXIMAL.read_text(encoding="utf-8"), str(_MAXIMAL))
    ops = (op for hook in policy.hooks.values() for block in hook.blocks for op in block.ops)
    called = {op.helper.c_name for op in ops if isinstance(op, Call)}
    assert {helper.c_name for helper in HELPERS} - called == set()


def test_minimal_policy_has_no_hook() -> None:
    """A policy without any hook is the default, and stays sayable."""
    assert _hooks(ROOT / "tests" / "policies" / "minimal.rpol") == set()
