"""The JSON that scripts read: exactly the documented members."""

from __future__ import annotations

import json

from reclaim.lab.results_json import Ejection, render_json
from tests.lab.made_results import made_result

MEMBERS = [
    *(
        "policy",
        "policy_path",
        "workload",
        "seed",
        "repeat",
        "accesses",
        "footprint_pages",
        "memory_max_pages",
    ),
    *(
        "misses",
        "counters",
        "core_did",
        "virtual_ns",
        "stall_ns",
        "psi",
        "wall_s",
        "accesses_per_s",
        "ejected",
        "notes",
    ),
]


def test_json_of_a_run_has_the_documented_members() -> None:
    """Scripts find each member under its documented name and no other."""
    (run,) = json.loads(render_json([made_result("fifo", 7)]))["runs"]
    assert list(run) == MEMBERS


def test_json_of_stalls_and_psi_has_the_documented_members() -> None:
    """Nested members are part of the schema too."""
    (run,) = json.loads(render_json([made_result("fifo", 7)]))["runs"]
    assert (list(run["stall_ns"]), list(run["psi"])) == (["p50", "p99", "p999", "total"], ["some", "full"])


def test_json_names_its_version() -> None:
    """A reader can tell which schema it reads."""
    assert json.loads(render_json([])) == {"version": 1, "runs": []}


def test_json_of_an_ejected_policy_says_why() -> None:
    """An ejection is data, not a line of text only."""
    result = made_result("bad", 7, ejected=Ejection("policy", 'fail("no")', "next_batch", 5))
    (run,) = json.loads(render_json([result]))["runs"]
    assert run["ejected"] == {"kind": "policy", "reason": 'fail("no")', "hook": "next_batch", "time_ns": 5}
