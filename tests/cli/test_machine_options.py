"""`--machine`: any option of the machine from the command line."""

from __future__ import annotations

import pytest

from reclaim.abi.options import OPTIONS
from tests.cli.command_runs import refused, runs_of
from tests.fuzz.core_api import header_text, struct_members

WORKLOAD = ("--workload", "scan:pages=2K,accesses=8K,write=50%,kind=file-read", "--memory-max", "50%")


def test_machine_option_changes_the_machine() -> None:
    """A number and a switch reach the core, and each has its effect."""
    (usual,) = runs_of("trad", *WORKLOAD)
    (tight,) = runs_of(
        "trad", *WORKLOAD, "--machine", "dirty_ratio=1", "--machine", "dirty_background_ratio=0"
    )
    (without,) = runs_of("trad", *WORKLOAD, "--machine", "dirty_ratio=1", "--machine", "writeback=off")

    paused = [run["counters"]["balance_dirty_paused"] for run in (usual, tight, without)]
    assert paused[1] > paused[0] == paused[2] == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("dirty_ratio", "--machine is 'dirty_ratio'; expected OPTION=VALUE"),
        ("dirty_ratio=much", "'much' found, a whole number, true or false expected"),
        ("dirty_ratio=101", "dirty_ratio is 101 %; expected 0 to 100"),
        ("dirty_ration=10", "unknown machine option `dirty_ration`"),
        ("dirty_ration=10", "did you mean `dirty_ratio`?"),
        ("kswapd=2", "kswapd is 2; expected True or False"),
        ("fault_around_bytes=5000", "fault_around_bytes is 5000; expected a power of two"),
    ],
)
def test_machine_option_that_is_wrong_is_refused(text: str, expected: str) -> None:
    """Found and expected, and the name that was probably meant."""
    assert expected in refused("run", "trad", *WORKLOAD, "--machine", text)


def test_every_member_of_the_core_description_is_an_option() -> None:
    """What the core lets a caller choose can be chosen from Python, in a scenario and on the command line."""
    described_elsewhere = {"seed", "nr_nodes", "nr_swaps"}
    members = set(struct_members(header_text())["rcl_config"])

    assert members - described_elsewhere == {option.c_name for option in OPTIONS.values()}
