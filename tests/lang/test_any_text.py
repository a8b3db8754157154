"""Whatever the text: the front end answers with a policy or with diagnostics, never with an exception of its own."""

from __future__ import annotations

import ast
import random
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reclaim.diag.errors import PolicyRejected
from reclaim.diag.render import render_full, render_plain
from reclaim.lang.frontend import compile_file, compile_source
from reclaim.lang.wellformed import check_hook

ROOT = Path(__file__).parents[2]
_POLICIES = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "policies").glob("*.rpol"))]
_TOKEN = re.compile(r"\w+|[^\w\s]+|\s+")
_WORDS = sorted(
    {word for text in _POLICIES for word in _TOKEN.findall(text)} | {"while", "lambda", "\t", "\\", "'''"}
)


def _survives(source: str) -> None:
    """Compile a text; what is found can be drawn, what is accepted is Python and well-formed."""
    try:
        policy = compile_source(source, "any.rpol")
    except PolicyRejected as rejected:
        render_full(rejected.diagnostics, "any.rpol", source)
        render_plain(rejected.diagnostics, "any.rpol", source)
        return
    ast.parse(source.removeprefix("\ufeff"))
    assert [problem for hook in policy.hooks.values() for problem in check_hook(hook)] == []


@settings(deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_answered(source: str) -> None:
    """Arbitrary characters are refused with a message."""
    _survives(source)


@given(st.lists(st.sampled_from(_WORDS), max_size=60))
def test_any_words_are_answered(words: list[str]) -> None:
    """The language's own words in any order are answered."""
    _survives(" ".join(words))


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(_POLICIES),
    st.integers(0, 2**32),
    st.sampled_from(["drop", "double", "swap", "replace", "cut"]),
)
def test_any_damaged_policy_is_answered(source: str, seed: int, damage: str) -> None:
    """A policy with one word dropped, doubled, swapped or replaced, or cut off, is answered."""
    rng = random.Random(seed)
    tokens = _TOKEN.findall(source)
    at = rng.randrange(len(tokens) - 1)
    if damage == "drop":
        del tokens[at]
    elif damage == "double":
        tokens.insert(at, tokens[at])
    elif damage == "swap":
        tokens[at], tokens[at + 1] = tokens[at + 1], tokens[at]
    elif damage == "replace":
        tokens[at] = rng.choice(_WORDS)
    else:
        del tokens[at:]
    _survives("".join(tokens))


@pytest.mark.parametrize(
    "source",
    [
        "X = " + "(" * 30_000 + "1" + ")" * 30_000,
        "X = " + "-" * 30_000 + "1",
        "X = " + "not " * 30_000 + "1",
        "X = " + "1+" * 30_000 + "1",
        "X = a" + ".a" * 30_000,
        "X = a" + "[0]" * 30_000,
        "X = " + "1 if 1 else " * 3_000 + "1",
        "def f() -> None:\n" + "".join(" " * i + "if True:\n" for i in range(1, 900)) + " " * 900 + "pass",
        "def f() -> None:\n    x = 1" + "\n    x = x + 1" * 500,
        "".join(f"def f{i}() -> None:\n    f{i + 1}()\n" for i in range(3_000))
        + "def f3000() -> None:\n    pass",
        "".join(f"A{i} = A{i + 1}\n" for i in range(3_000)) + "A3000 = 1",
        "class S0(Struct):\n    a: u8\n"
        + "".join(f"class S{i}(Struct):\n    a: S{i - 1}\n    b: S{i - 1}\n" for i in range(1, 200))
        + "class G(GlobalState):\n    x: S199\n",
        "class S0(Struct):\n    a: u8\n"
        + "".join(f"class S{i}(Struct):\n    a: S{i + 1}\n" for i in range(1, 2_000))
        + "class S2000(Struct):\n    a: u8\n",
    ],
    ids=lambda s: s[:30],
)
def test_deep_nesting_is_answered(source: str) -> None:
    """No depth of brackets, operators, blocks, calls or declarations reaches the end of the stack."""
    _survives(source)


def test_long_chain_of_branches_is_accepted() -> None:
    """Length is no depth: thousands of `elif` are slow to read, not wrong."""
    chain = "".join(f"    elif x == {i}:\n        y = {i}\n" for i in range(2_000))
    source = f"def f(x: u64) -> u64:\n    y = 0\n    if x == 5000:\n        y = 1\n{chain}    return y\n"
    _survives(source)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"", "empty-file"),
        (b"  \n\n", "empty-file"),
        (b"\xff\xfe", "not-utf8"),
        (b'"""\xc3\xa9\n caf\xe9"""', "not-utf8"),
        (b"x = 1\x00", "control-character"),
        (b"x = 1\n" * 200_000, "file-too-large"),
    ],
)
def test_bytes_that_are_no_policy_are_named(tmp_path: Path, data: bytes, name: str) -> None:
    """What a file is instead of a policy is said."""
    path = tmp_path / "policy.rpol"
    path.write_bytes(data)
    with pytest.raises(PolicyRejected) as rejected:
        compile_file(path)
    assert [d.name for d in rejected.value.diagnostics] == [name]


def test_place_of_a_wrong_byte_is_counted_in_characters(tmp_path: Path) -> None:
    """Line and column of a byte that is not UTF-8 are those that an editor shows."""
    path = tmp_path / "policy.rpol"
    path.write_bytes(b"\xc3\xa9\n\xc3\xa9\xff")
    with pytest.raises(PolicyRejected) as rejected:
        compile_file(path)
    assert rejected.value.diagnostics[0].span.start.line == 2
    assert rejected.value.diagnostics[0].span.start.column == 2


@pytest.mark.parametrize("prefix", [b"", b"\xef\xbb\xbf"], ids=["plain", "bom"])
@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\r"], ids=["lf", "crlf", "cr"])
def test_line_endings_and_byte_order_mark_are_taken_as_they_come(
    tmp_path: Path, prefix: bytes, ending: bytes
) -> None:
    """A file written elsewhere is the same policy."""
    path = tmp_path / "policy.rpol"
    path.write_bytes(prefix + b'"""d."""\nA = 1\nt = tunable(u32, default=A)\n'.replace(b"\n", ending))
    assert compile_file(path).tunables[0].default == 1


def test_file_that_does_not_exist_is_named(tmp_path: Path) -> None:
    """A missing file is a diagnostic, not an exception of Python."""
    with pytest.raises(PolicyRejected) as rejected:
        compile_file(tmp_path / "none.rpol")
    assert rejected.value.diagnostics[0].name == "unreadable-file"


def test_many_mistakes_are_cut_off() -> None:
    """Twenty findings are enough for one run, in source order."""
    source = "@hook\ndef init(lruvec: Lruvec) -> None:\n" + "".join(f"    x{i} = y{i}\n" for i in range(50))
    with pytest.raises(PolicyRejected) as rejected:
        compile_source(source, "many.rpol")
    assert [d.span.start.line for d in rejected.value.diagnostics] == list(range(3, 23))
