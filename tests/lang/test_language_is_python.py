"""A policy is Python, to the parser of Python and in what it computes.

Functions without kernel objects are run twice: by Python itself, and by the reference interpreter
on what the front end made of them. On numbers too small to wrap both must answer alike.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from reclaim.abi.layout import CONTEXT_MEMBERS
from reclaim.diag.errors import PolicyRejected
from reclaim.lang.frontend import compile_file, compile_source
from reclaim.lang.interp import Interpreter
from reclaim.lang.wellformed import check_hook

ROOT = Path(__file__).parents[2]
ACCEPTED = sorted(
    path
    for folder in ("policies", "examples", "tests/verifier/accepted", "tests/policies")
    for path in (ROOT / folder).rglob("*.rpol")
    if "rejected" not in path.parts
)


@pytest.mark.parametrize("path", ACCEPTED, ids=lambda p: p.stem)
def test_policy_is_valid_python(path: Path) -> None:
    """Editors, formatters and highlighters work at once."""
    ast.parse(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", ACCEPTED, ids=lambda p: p.stem)
def test_policy_is_lowered_to_well_formed_ir(path: Path) -> None:
    """Every hook keeps the promises of the IR."""
    hooks = compile_file(path).hooks.values()
    assert [problem for hook in hooks for problem in check_hook(hook)] == []


@pytest.mark.parametrize(
    "before", ["  ", "\t", " \\\n", "x = 1\n\\\n  ", "def f() -> u64:\n    return 1\n\\\n    "]
)
def test_line_that_python_finds_elsewhere_is_refused(before: str) -> None:
    """The first line begins at the margin, and how deep a line stands is seen where it begins."""
    text = f"{before}K = 3\n\n\n@hook\ndef folio_evicted() -> u64:\n    return K\n"
    try:
        read = {node.targets[0].id for node in ast.parse(text).body if isinstance(node, ast.Assign)}  # type: ignore[attr-defined]
    except SyntaxError:
        read = set()
    assert "K" not in read
    with pytest.raises(PolicyRejected, match="RP0011"):
        compile_source(text, "indented.rpol")


class _Memory:
    """As much of a machine as global state needs: a context and one stretch of bytes."""

    STATE = 0x2000

    def __init__(self) -> None:
        self._bytes = bytearray(0x3000)
        self.store(0x1000 + 8 * CONTEXT_MEMBERS.index("global_state"), 8, self.STATE)

    @property
    def context(self) -> int:
        return 0x1000

    def load(self, address: int, nr_bytes: int, signed: bool) -> int:
        return int.from_bytes(self._bytes[address : address + nr_bytes], "little", signed=signed)

    def store(self, address: int, nr_bytes: int, value: int) -> None:
        self._bytes[address : address + nr_bytes] = (value % (1 << 8 * nr_bytes)).to_bytes(nr_bytes, "little")

    def call(self, c_name: str, args: tuple[int, ...]) -> int | None:
        raise AssertionError((c_name, args))


_PROGRAM = '''"""Calls one function on two numbers."""


class Global(GlobalState):
    a: u64
    b: u64


def half(x: u64) -> u64:
    return x // 2


def first_above(limit: u64, start: u64) -> u64:
    for i in range(start, 30):
        if i * i > limit:
            return i
    return 99


def work(a: u64, b: u64) -> u64:
{body}


@hook
def folio_evicted() -> u64:
    return work(Global.a, Global.b)
'''

_BODIES = {
    "arithmetic": "return a * 3 + (b << 2) - (a & 1) + (a | b) % 5 + (a ^ b) // 2",
    "precedence": "return a + b * 2 << 1 & 255 | a ^ b + 1",
    "unary": "return u64(not a > b) + u64(-3 + 5 == 2) + (+a)",
    "comparison_chain": "return u64(1 < a <= b < 9)",
    "and_or_values": "x = a > 2 and b > 2\ny = x or a == b\nreturn u64(x) + 2 * u64(y)",
    "not_of_and": "if not (a > 2 and b > 2):\n    return 1\nreturn 2",
    "conditional": "return a if a > b else b + 1 if b > 3 else 7",
    "conditional_condition": "if (a > 2 if b > 2 else a > 4):\n    return 1\nreturn 0",
    "elif": "if a == 1:\n    x = 1\nelif a == 2:\n    x = b\nelif b == 2:\n    x = 5\nelse:\n    x = 6\nreturn x",
    "nested_if": "x = 1\nif a > 2:\n    if b > 2:\n        x = 2\n    x += 3\nreturn x",
    "loop": "total = 0\nfor i in range(a):\n    total += i * b\nreturn total",
    "loop_from": "total = 0\nfor i in range(a, b):\n    total += i\nreturn total",
    "loop_by_three": "total = 0\nfor i in range(a, 20, 3):\n    total = total * 2 + i\nreturn total % 10007",
    "loop_down": "total = 0\nfor i in range(a, 0, -1):\n    total = total * 2 + i\nreturn total",
    "loop_down_by_two": "total = 0\nfor i in range(9, b, -2):\n    total = total * 3 + i\nreturn total",
    "loop_break": "n = 0\nfor i in range(10):\n    if i == a:\n        break\n    n += b\nreturn n",
    "loop_continue": "n = 0\nfor i in range(10):\n    if i % 3 == a % 3:\n        continue\n    n += i\nreturn n",
    "loop_return": "for i in range(10):\n    if i * a > b:\n        return i\nreturn 42",
    "loop_break_with_values": "x = 0\ny = 1\nfor i in range(8):\n    x = x + y\n    if x > a:\n        y = i\n        break\n    y = x + b\nreturn x * 100 + y",
    "nested_loops": "n = 0\nfor i in range(a):\n    for k in range(i, b):\n        if k == 4:\n            break\n        n += k\n    n += 1\nreturn n",
    "swapped_in_loop": "x = a\ny = b\nfor i in range(5):\n    t = x\n    x = y\n    y = t + 1\nreturn x * 100 + y",
    "function": "return half(a) + half(half(b)) * 10",
    "function_with_loop": "return first_above(a * 4, b) + first_above(0, 1)",
    "function_in_condition": "if half(a) == half(b) and first_above(a, 0) > 1:\n    return 1\nreturn 0",
    "shadowed_parameter": "a = half(a)\nb += a\nreturn a * 50 + b",
    "min_max_clamp": "return min(a, b, 3) + 10 * max(a, b) + 1000 * clamp(a, 2, 4)",
    "signed": "x: s64 = 0\nx = x - 5\nx += s64(a)\nif x < 0:\n    x = -x\nreturn u64(x)",
    "signed_loop": "x: s64 = -3\nn = 0\nfor i in range(x, 4):\n    n += u64(i + 3)\nreturn n + a",
    "constant_folding": "return (1 << 4) + 0x_ff + 0b101 - 7 // 2 + a",
    "unreachable": "return a\nx = b\nreturn x",
    "loop_that_always_leaves": "for i in range(5):\n    return i + a\nreturn 77",
    "state": "Global.a += b\nGlobal.b = Global.a * 2\nreturn Global.b",
}


def _python(source: str, a: int, b: int) -> int:
    class Global:
        pass

    names = {"GlobalState": Global, "hook": lambda f: f, "u64": int, "s64": int}
    names["clamp"] = lambda x, low, high: min(max(x, low), high)
    exec("from __future__ import annotations\n" + source, names)
    names["Global"].a, names["Global"].b = a, b  # type: ignore[attr-defined]
    return int(names["work"](a, b))  # type: ignore[operator]


@pytest.mark.parametrize("name", _BODIES)
def test_function_answers_as_python_does(name: str) -> None:
    """Lowering keeps the meaning that the author knows from Python."""
    body = "\n".join("    " + line for line in _BODIES[name].split("\n"))
    source = _PROGRAM.format(body=body)
    policy = compile_source(source, "example.rpol")
    assert check_hook(policy.hooks["folio_evicted"]) == []
    for a in range(8):
        for b in range(8):
            memory = _Memory()
            memory.store(memory.STATE, 8, a)
            memory.store(memory.STATE + 8, 8, b)
            assert Interpreter(policy, memory).run("folio_evicted", (0, 0)) == _python(source, a, b), (a, b)
