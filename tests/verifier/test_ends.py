"""The verifier always ends, and soon: damaged policies, hostile shapes, random programs of instructions."""

from __future__ import annotations

import random
import re
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from types import FrameType

import pytest

from benchmarks.verify import made_up
from reclaim.diag.errors import PolicyRejected
from reclaim.lang.frontend import compile_source
from tests.fakes.ir_programs import ProgramWriter
from tests.soundness.damage import answers_to
from tests.soundness.damage import damaged as damaged_text
from tests.verifier.policy_cases import policies
from tests.verifier.relation_generator import generate_relations
from verifier.analysis import HookAnalysis
from verifier.domains.product import NUMBERS
from verifier.evaluation import Elements
from verifier.numbering import Edge
from verifier.verified import verify

LIMIT_S = 60.0
"""Seconds of processor time for one policy, witnesses and trying of fixes included. Ours: thirty times what the
slowest shape here takes, so that no busy machine fails the test and an analysis that does not settle does."""

NR_DAMAGED = 150
NR_GROUPS = 6

_TOKEN = re.compile(r"\w+|[-+*/%&|^<>=!]+|\s+|.", re.DOTALL)
_NUMBER = re.compile(r"\b\d+\b")

HEAD = '"""Made up."""\n\n\nclass Row(LruvecState):\n    a: u64\n    cells: u64[8]\n\n\n@hook\n'
HOOK = "def reclaim_end(lruvec: Lruvec, sc: ScanControl) -> None:\n    x = lruvec.a\n"


def ends_in_time(source: str, name: str) -> None:
    """Compile and verify, whatever comes out."""
    start = time.process_time()
    with suppress(PolicyRejected):
        verify(compile_source(source, name))
    assert time.process_time() - start < LIMIT_S, name


def damaged(seed: int) -> tuple[str, str]:
    """Return a policy with one change, and its name: a number, an operator or a line that is another one."""
    rng = random.Random(seed)
    path = rng.choice(policies("accepted"))
    source = path.read_text(encoding="utf-8")
    kind = rng.choice(("number", "operator", "line"))
    if kind == "number":
        found = rng.choice(list(_NUMBER.finditer(source)) or [re.match("", source)])
        assert found is not None
        value = str(rng.choice((0, 1, 63, 64, 255, 2**20, 2**32, 2**63, 2**64 - 1)))
        source = source[: found.start()] + value + source[found.end() :]
    elif kind == "operator":
        tokens = _TOKEN.findall(source)
        places = [
            i for i, token in enumerate(tokens) if token in ("<", "<=", ">", ">=", "+", "-", "*", "//", "%")
        ]
        if places:
            tokens[rng.choice(places)] = rng.choice(
                ("<", "<=", ">", ">=", "==", "+", "-", "*", "//", "%", "<<")
            )
        source = "".join(tokens)
    else:
        lines = source.split("\n")
        del lines[rng.randrange(len(lines))]
        source = "\n".join(lines)
    return source, f"{path.stem}_{seed}.rpol"


@pytest.mark.parametrize("group", range(NR_GROUPS))
def test_damaged_policy_is_answered_in_time(group: int) -> None:
    """One change makes a safe policy wrong, or not; either way there is an answer."""
    for seed in range(group, NR_DAMAGED, NR_GROUPS):
        ends_in_time(*damaged(seed))


def nested_loops(depth: int, body: str) -> str:
    """Return that many loops inside of each other, of one and two rounds in turn."""
    loops = "".join(f"{'    ' * (i + 1)}for i{i} in range({1 + i % 2}):\n" for i in range(depth))
    return loops + "    " * (depth + 1) + body


def pushing_loops(depth: int) -> str:
    """Return nested loops each of which changes a variable that the next one outside depends on."""
    variables = "".join(f"    v{i} = 0\n" for i in range(depth))
    changes = "".join(
        f"{'    ' * (i + 2)}v{(i + 1) % depth} = (v{i} + 1) % {50 + i}\n" for i in reversed(range(depth))
    )
    return (
        HEAD + HOOK + variables + nested_loops(depth, "v0 = v0 + 1\n") + changes + "    lruvec.a = v0 + x\n"
    )


def hostile() -> Iterator[tuple[str, str]]:
    """Yield shapes that an analysis may take long over."""
    yield "nested loops that push each other", pushing_loops(9)
    branches = "".join(f"    if x > {i}:\n        x += {i}\n    else:\n        x -= 1\n" for i in range(120))
    yield "branches in a row", HEAD + HOOK + branches + "    lruvec.a = x\n"
    variables = "".join(f"    v{i} = {i}\n" for i in range(60))
    shifted = "".join(f"        v{i} = v{(i + 1) % 60} + {i}\n" for i in range(60))
    yield (
        "many variables in a loop",
        (HEAD + HOOK + variables + "    for i in range(9):\n" + shifted + "    lruvec.a = v0 + x\n"),
    )
    chain = "".join(f"    y{i} = min(y{i - 1} + x, y{i - 1} - {i})\n" for i in range(1, 200))
    yield "a chain of definitions", HEAD + HOOK + "    y0 = x\n" + chain + "    lruvec.a = y199\n"
    compared = "".join(
        f"    if x < lruvec.cells[{i % 8}] and lruvec.cells[{i % 8}] <= sc.nr_scanned:\n" + "        x += 1\n"
        for i in range(150)
    )
    yield (
        "many comparisons of one value",
        HEAD + HOOK + compared + "    lruvec.cells[x % 8] = x - sc.nr_scanned\n",
    )
    stores = "".join(
        f"        if lruvec.cells[i % 8] > {i}:\n            lruvec.cells[(i + {i}) % 8] = x\n"
        for i in range(60)
    )
    yield "stores in a loop", HEAD + HOOK + "    for i in range(50):\n" + stores
    chain = "".join(f"        v{i} = v{i + 1}\n" for i in range(249)) + "        v249 += 1\n"
    yield (
        "a chain of variables longer than an ascent",
        HEAD
        + HOOK
        + "".join(f"    v{i} = {i % 7}\n" for i in range(250))
        + f"    for i in range(9):\n{chain}",
    )
    yield "a hundred thousand lines", HEAD + HOOK + "    pass\n    # more\n" * 50_000
    calls = "".join(
        f"def f{i}(x: u64) -> u64:\n    return {f'f{i - 1}(' * 8}x{')' * 8}\n\n\n" for i in range(1, 12)
    )
    yield (
        "functions that multiply and do nothing",
        f"def f0(x: u64) -> u64:\n    return x\n\n\n{calls}" + HEAD + HOOK + "    lruvec.a = f11(x)\n",
    )
    absent = "".join(f"    v{i} = None\n" for i in range(40))
    widened = "".join(f"    v{i} = v{i - 1}\n" for i in range(1, 40))
    yield (
        "variables that widen behind much else",
        HEAD + HOOK + "    x = x * 3 + 1\n" * 4000 + absent + "    v0 = lruvec.parent\n" + widened,
    )
    wrong = "".join(f"    lruvec.cells[x + {i}] = 100 // lruvec.cells[{i % 8}]\n" for i in range(40))
    yield "many mistakes", HEAD + HOOK + wrong


@pytest.mark.parametrize(("name", "source"), list(hostile()), ids=lambda text: text[:30])
def test_hostile_shape_is_answered_in_time(name: str, source: str) -> None:
    """Depth, width and number of facts are bounded by what the verifier looks at."""
    ends_in_time(source, name)


@pytest.mark.parametrize("depth", [4, 12, 19])
def test_deep_nest_is_verified_soon(depth: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks are visited about as often as the square of the depth says, not twice as often with each level."""
    visited: list[int] = []
    execute = HookAnalysis._execute

    def counting(
        self: HookAnalysis, number: int, elements: Elements, checking: bool
    ) -> list[Elements | None]:
        visited.append(number)
        return execute(self, number, elements, checking)

    monkeypatch.setattr(HookAnalysis, "_execute", counting)
    source = HEAD + HOOK + nested_loops(depth, "x += 1\n") + "    lruvec.a = x\n"
    assert verify(compile_source(source, "nest.rpol")).accepted
    assert len(visited) < 3 * (depth + 1) ** 2


def calls_to_verify(nr_lines: int) -> int:
    """Return how many calls of functions the verifier makes for a policy: work that no busy machine changes."""
    policy = compile_source(made_up(nr_lines), "made_up.rpol")
    nr_calls = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal nr_calls
        nr_calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        verified = verify(policy)
    finally:
        sys.setprofile(None)
    assert verified.accepted
    return nr_calls


def test_work_grows_with_the_program_and_no_faster() -> None:
    """Three times the lines are about three times the work; five times would be an analysis gone quadratic."""
    calls_to_verify(150)  # what is made once per process is made here
    assert calls_to_verify(450) < 5 * calls_to_verify(150)


@pytest.mark.parametrize("group", range(4))
def test_random_instructions_are_analysed_in_time(group: int) -> None:
    """Programs that no front end would write: any operation on anything, loops and branches at random."""
    for seed in range(group, 60, 4):
        policy = ProgramWriter(random.Random(seed)).program(60)
        start = time.process_time()
        for hook in policy.hooks.values():
            HookAnalysis(hook).run()
        assert time.process_time() - start < LIMIT_S, seed


@pytest.mark.parametrize("group", range(4))
def test_damaged_text_is_answered_in_time(group: int) -> None:
    """Flipped bytes, lost and moved stretches, huge numbers, any script, deep blocks: an answer, no exception."""
    for seed in range(group, 160, 4):
        answers_to(damaged_text(random.Random(seed)))


class Restless(HookAnalysis):
    """An analysis whose loops never come back with what was assumed: noise instead of a monotone function."""

    def again(self, header: int, entered: Elements, backs: list[tuple[Edge, Elements]]) -> Elements:
        """Find something else each time."""
        found = super().again(header, entered, backs)
        self.rng = getattr(self, "rng", random.Random(0))
        for param in self._carried(header) - {self._counter(header)}:
            low = self.rng.randrange(1 << 63)
            found[param] = NUMBERS.range(low, low + self.rng.randrange(1 << 63))
        return found


@pytest.mark.parametrize("seed", range(4))
def test_analysis_ends_whatever_its_transfer_functions_do(seed: int) -> None:
    """Nothing needs to be monotone: an ascent that goes on for too long assumes nothing, and that covers anything."""
    policy = compile_source(generate_relations(seed, is_small=True), "restless.rpol")
    start = time.process_time()
    Restless(policy.hooks["batch_done"]).run()
    assert time.process_time() - start < LIMIT_S
