"""Fuzzing itself, and what it found: every script of found/ plays without a complaint.

The scripts of a test run are the same each time, and few; `python -m tests.fuzz --minutes 10` tries others.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from reclaim.abi.options import OPTIONS
from tests.fuzz.core_api import header_text, machine_calls, struct_members
from tests.fuzz.machine_scripts import VALUES, ScriptWriter
from tests.fuzz.policy_machines import play_round
from tests.fuzz.script_player import ScriptPlayer, kind_of
from tests.fuzz.shrinking import shrink

FOUND = sorted((Path(__file__).parent / "found").glob("*.txt"))
NR_SCRIPTS = 20
NR_ROUNDS = 8


@pytest.fixture(scope="module")
def player(tmp_path_factory: pytest.TempPathFactory) -> ScriptPlayer:
    """Build the player once."""
    return ScriptPlayer(tmp_path_factory.mktemp("player"))


@pytest.mark.parametrize("path", FOUND, ids=lambda path: path.stem)
def test_script_that_failed_once_plays(player: ScriptPlayer, path: Path) -> None:
    """What was found and fixed stays fixed."""
    assert player.failure(path.read_text(encoding="utf-8")) is None


def test_random_scripts_play(player: ScriptPlayer) -> None:
    """Random machines stay consistent under random calls, in both builds and twice."""
    failures = {}
    for seed in range(NR_SCRIPTS):
        failure = player.failure(ScriptWriter(random.Random(seed)).write())
        if failure is not None:
            failures[seed] = failure.text
    assert failures == {}


def test_random_policies_do_machines_no_harm(tmp_path: Path) -> None:
    """What the verifier accepts may answer nonsense: books stay right, runs end, and repeat."""
    results = [play_round(seed, tmp_path) for seed in range(NR_ROUNDS)]
    assert sum(result is not None for result in results) >= NR_ROUNDS // 4
    assert [play_round(seed, tmp_path) for seed in range(NR_ROUNDS)] == results


def test_same_seed_writes_the_same_script() -> None:
    """A seed is enough to tell somebody what failed."""
    first, second = (ScriptWriter(random.Random(7)).write() for _ in range(2))
    assert first == second


def test_what_values_are_for_is_in_the_header() -> None:
    """A value for a member that is gone, or called otherwise now, would never be tried."""
    members = struct_members(header_text())
    known = {name for struct in members.values() for name in struct}
    assert {name for values in VALUES.values() for name in values} <= known


def test_every_option_is_drawn_within_its_range() -> None:
    """An option of the table is fuzzed as soon as it is there, and both ends of its range are tried."""
    draw = random.Random(1)
    for option in OPTIONS.values():
        drawn = {VALUES["machine"][option.c_name](draw) for _ in range(400)}
        if option.kind == "set":
            numbers = range(option.least, option.most + 1)
            assert {0, option.core_value(tuple(numbers))} <= drawn
            assert all(value & ~option.core_value(tuple(numbers)) == 0 for value in drawn)
        else:
            assert option.least == min(drawn)
            assert option.most == max(drawn)


def test_calls_are_found_in_the_header() -> None:
    """Calls that take numbers are made by their names; those that take structs are not."""
    names = {call.name: call.parameters for call in machine_calls(header_text())}
    assert names["rcl_memcg_set"] == ("memcg", "knob", "value")
    assert names["rcl_memcg_reclaim"] == ("memcg", "nr_pages", "swappiness")
    assert {"rcl_attach", "rcl_task_create", "rcl_run"}.isdisjoint(names)


def test_shrinking_leaves_what_matters() -> None:
    """Lines, words and numbers go as long as the script fails."""
    lines = [f"call a={i} b={100 * i}" for i in range(40)]

    def fails(candidate: list[str]) -> bool:
        numbers = [int(text.split("b=")[1].split()[0]) for text in candidate if "b=" in text]
        return any(number >= 700 for number in numbers) and any("a=3" in text for text in candidate)

    small = shrink(lines, fails)
    assert len(small) <= 2
    assert sum(text.count("=") for text in small) == 2
    assert "b=700" in " ".join(small)


def test_kind_of_failure_has_no_numbers_of_the_script() -> None:
    """The same invariant broken by another script is the same kind."""
    first = "line 3: broken invariant: memcg 4: 33 pages charged, usage says 32"
    second = "line 12: broken invariant: memcg 1: 7 pages charged, usage says 9"
    assert kind_of(first) == kind_of(second)
    assert kind_of("x.c:117: line 29: not true: a <= b") == kind_of("x.c:117: line 3: not true: a <= b")
    assert kind_of("") == ""
