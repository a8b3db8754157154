"""The pages of codes: each shows a policy that fails with that very code, and one that does not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reclaim.diag.diagnostic import Diagnostic
from reclaim.diag.errors import PolicyRejected
from reclaim.diag.registry import Page, page, pages, report
from reclaim.lang.frontend import compile_file

_TEXT_TO_CONTRACT = [p for p in pages() if p.front.get("demo") != "none"]


def _block(of: Page, kind: str) -> str:
    match = re.search(rf"```rpol {kind}\n(.*?)```", of.body, re.DOTALL)
    assert match is not None
    return match.group(1)


def _file(folder: Path, of: Page, text: str) -> Path:
    """Write a block as the file that its page speaks of."""
    path = folder / "example.rpol"
    demo = of.front.get("demo")
    if demo == "directory":
        path.mkdir()
    elif demo == "latin-1":
        path.write_bytes(text.encode("latin-1"))
    elif demo == "repeat":
        path.write_text(text * 40_000, encoding="utf-8")
    elif demo == "empty":
        path.write_text("", encoding="utf-8")
    else:
        path.write_text(text, encoding="utf-8")
    return path


def _diagnostics(path: Path) -> list[Diagnostic]:
    from verifier.verified import verify

    try:
        return list(verify(compile_file(path)).diagnostics)
    except PolicyRejected as rejected:
        return list(rejected.diagnostics)


@pytest.mark.parametrize("of", _TEXT_TO_CONTRACT, ids=lambda p: p.code)
def test_failing_block_fails_with_its_code_on_the_marked_line(of: Page, tmp_path: Path) -> None:
    """The failing example gives this code, on the line marked `# error`, and no other code."""
    text = _block(of, "fails")
    marked = [n for n, line in enumerate(text.split("\n"), 1) if line.endswith("# error")]
    found = _diagnostics(_file(tmp_path, of, text))
    told = [d for d in found if d.severity == "error" or of.category == "warnings"]
    assert {(d.code, d.span.start.line) for d in told} == {(of.code, line) for line in marked}


@pytest.mark.parametrize("of", _TEXT_TO_CONTRACT, ids=lambda p: p.code)
def test_fixed_block_is_accepted(of: Page, tmp_path: Path) -> None:
    """The fixed example is accepted by the front end and the verifier."""
    path = tmp_path / "example.rpol"
    path.write_text(_block(of, "fixed"), encoding="utf-8")
    assert [d for d in _diagnostics(path) if d.severity == "error"] == []


def test_page_is_found_by_code_and_by_name() -> None:
    """`--explain` takes either."""
    assert page("rp0101") == page("unknown-name")


def test_page_of_an_unknown_code_is_none() -> None:
    """A code that does not exist has no page."""
    assert page("RP9999") is None


def test_report_with_an_unknown_name_is_our_bug() -> None:
    """A diagnostic without a page cannot be made."""
    from reclaim.diag.diagnostic import Span

    with pytest.raises(LookupError):
        report("no-such-name", "message", Span.of(1, 1, 1, 1))
