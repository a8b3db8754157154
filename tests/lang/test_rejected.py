"""Wrong policies and what is said about them: the markdown files in `rejected/`, found by glob.

Below a file's heading stands each case: a block whose offending lines end in ``# error: [name] column``,
and under it the message in plain words. Files differ in what stands around a block, which their
first lines say.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from reclaim.diag.diagnostic import Diagnostic
from reclaim.diag.edits import apply_edits
from reclaim.diag.errors import PolicyRejected
from reclaim.lang.frontend import compile_source

FOLDER = Path(__file__).parent / "rejected"
_CASE = re.compile(r"```rpol\n(.*?)\n```\n\n(.*?)\n(?:\n|\Z)", re.DOTALL)
_MARK = re.compile(r"\[([a-z0-9-]+)\] (\d+)")


def _statement(text: str, declarations: str) -> tuple[str, int, int]:
    """Return (whole source, lines before, columns before) of a block inside of a hook."""
    indented = "\n".join("    " + line for line in text.split("\n"))
    return f"{declarations}\n{indented}\n    return RECLAIM\n", declarations.count("\n") + 1, 4


def _top_level(text: str) -> tuple[str, int, int]:
    return f'"""d."""\n{text}\n\n@hook\ndef init(lruvec: Lruvec) -> None:\n    pass\n', 1, 0


def _cases() -> list[ParameterSet]:
    cases = []
    for path in sorted(FOLDER.glob("*.md")):
        text = path.read_text(encoding="utf-8")
        declarations = re.search(r"```rpol declarations\n(.*?)\n```", text, re.DOTALL)
        for block, message in _CASE.findall(text):
            source = _statement(block, declarations[1]) if declarations else _top_level(block)
            name = f"{path.stem}-{block.split('  # error')[0].strip()[:40]}"
            cases.append(pytest.param(block, message, source, id=name))
    return cases


def _diagnostics(source: str) -> tuple[Diagnostic, ...]:
    with pytest.raises(PolicyRejected) as rejected:
        compile_source(source, "example.rpol")
    return rejected.value.diagnostics


@pytest.mark.parametrize(("block", "message", "source"), _cases())
def test_mistake_is_found_where_it_is(block: str, message: str, source: tuple[str, int, int]) -> None:
    """Each mark is found, nothing else is, and the message is the one below the block."""
    text, lines_before, columns_before = source
    marks = [
        (number, int(column), name)
        for number, line in enumerate(block.split("\n"), 1)
        for name, column in _MARK.findall(line.partition("# error:")[2])
    ]
    found = _diagnostics(text)
    places = [(d.span.start.line - lines_before, d.span.start.column - columns_before, d.name) for d in found]
    assert sorted(places) == sorted(marks)
    assert message.removesuffix(".").lower() == found[0].message.lower()


@pytest.mark.parametrize(("block", "message", "source"), _cases())
def test_offered_edit_removes_the_mistake(block: str, message: str, source: tuple[str, int, int]) -> None:
    """Help holds code that mends what it stands beside; what was hidden behind it may show, one for one."""
    text = source[0]
    before = _diagnostics(text)
    for diagnostic in before:
        for offer in diagnostic.help:
            if offer.edit is not None:
                after = _after(apply_edits(text, [offer.edit]))
                told = (block, message, [d.message for d in after])
                assert (diagnostic.code, diagnostic.span) not in {(d.code, d.span) for d in after}, told
                assert len(after) <= len(before), told


def _after(source: str) -> tuple[Diagnostic, ...]:
    try:
        compile_source(source, "example.rpol")
    except PolicyRejected as rejected:
        return rejected.diagnostics
    return ()


@pytest.mark.parametrize(("_block", "_message", "source"), _cases())
def test_message_keeps_the_house_style(_block: str, _message: str, source: tuple[str, int, int]) -> None:
    """Lower case, no full stop, a label under the mark."""
    for diagnostic in _diagnostics(source[0]):
        first = re.sub(r"`[^`]*`", "", diagnostic.message).strip()[:1]
        assert not diagnostic.message.endswith(".")
        assert first == first.lower() or diagnostic.message.split()[0] in ("Folio", "Lruvec", "Memcg")
        assert diagnostic.label
