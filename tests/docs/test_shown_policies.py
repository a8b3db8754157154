"""Policies that the documentation shows are accepted as they stand, and so is the one to start from."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reclaim.cli.new import TEMPLATE
from reclaim.lang.frontend import compile_source
from verifier.verified import verify_or_raise

ROOT = Path(__file__).parents[2]

_BLOCK = re.compile(r'^```python\n(""".*?)^```', re.MULTILINE | re.DOTALL)
"""A block that starts with a docstring is a whole policy."""

SHOWN = {
    f"{page.name}:{number}": text
    for page in (ROOT / "README.md", ROOT / "docs" / "language.md")
    for number, text in enumerate(_BLOCK.findall(page.read_text(encoding="utf-8")))
} | {"template": TEMPLATE.format(name="mine")}


@pytest.mark.parametrize("name", SHOWN)
def test_shown_policy_is_accepted(name: str) -> None:
    """A reader who copies a policy from a page has one that works."""
    verified = verify_or_raise(compile_source(SHOWN[name], name))

    assert verified.costs


def test_shown_policies_are_found() -> None:
    """The README and the language reference each show a whole policy."""
    assert {name.partition(":")[0] for name in SHOWN} == {"README.md", "language.md", "template"}
