"""The examples on the pages of the verifier's codes do what the page says."""

from __future__ import annotations

import re

import pytest

from reclaim.diag.registry import Page, pages
from tests.verifier.policy_cases import findings, warnings

OWN_PAGES = [
    page for page in pages() if page.category in ("loops", "handles", "arithmetic", "contract", "cost")
]


def example(page: Page, kind: str) -> str:
    """Return the example of that kind."""
    found = re.search(rf"```rpol {kind}\n(.*?)```", page.body, re.DOTALL)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("page", OWN_PAGES, ids=lambda page: page.code)
def test_failing_example_fails_on_its_marked_line(page: Page) -> None:
    """The failing example has the one error that the page explains."""
    source = example(page, "fails")
    marked = [number for number, line in enumerate(source.split("\n"), 1) if line.endswith("# error")]
    found = [(d.code, d.span.start.line) for d in findings(source)]
    assert found == [(page.code, line) for line in marked]


@pytest.mark.parametrize("page", OWN_PAGES, ids=lambda page: page.code)
def test_fixed_example_is_accepted(page: Page) -> None:
    """The fixed example has no error at all."""
    assert findings(example(page, "fixed")) == ()


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.code)
def test_fixed_example_has_no_warning(page: Page) -> None:
    """Who copies an example is warned of nothing."""
    assert warnings(example(page, "fixed")) == ()
