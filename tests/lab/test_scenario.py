"""Scenario files: the shipped ones run, and every mistake is answered with file, key, found and expected."""

from __future__ import annotations

from pathlib import Path

import pytest

from reclaim.diag.errors import ConfigError
from reclaim.engine.shipped import shipped_scenarios
from reclaim.lab.scenario import load_scenario

GOOD = """
name = "small"
doc = "One task."
measured = ["misses"]
regression = "more misses"

[machine]
nodes = [{ size = "16M" }]
swap = [{ kind = "zram", size = "4M" }]

[[memcg]]
path = "/a"
max = "50%"

[[task]]
memcg = "/a"
workload = "zipf:pages=1K,accesses=4K"

[[policy]]
policy = "fifo"
to = "/a"
"""


def _write(folder: Path, text: str) -> Path:
    path = folder / "small.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", shipped_scenarios())
def test_shipped_scenario_is_accepted(name: str) -> None:
    """Shipped scenarios fit the schema, and name at least what they measure."""
    scenario = load_scenario(shipped_scenarios()[name])

    assert scenario.name == name
    assert scenario.measured
    assert scenario.tasks


@pytest.mark.slow
@pytest.mark.parametrize("name", shipped_scenarios())
def test_shipped_scenario_runs_with_consistent_books(name: str) -> None:
    """Shipped scenarios run under the multi-generational LRU without kills."""
    machine = load_scenario(shipped_scenarios()[name]).build("mglru")

    result = machine.run()

    machine.check()
    assert result.ejected == ()
    assert result.counters["oom_kill"] == 0
    assert result.counters["pgsteal_anon"] + result.counters["pgsteal_file"] > 0


def test_share_of_a_memcg_is_of_the_footprint_inside_it(tmp_path: Path) -> None:
    """`50%` means half of the pages that the memcg's tasks touch."""
    scenario = load_scenario(_write(tmp_path, GOOD))

    assert scenario.config.memcgs[0].max_pages == round(scenario.footprint_pages / 2)


def test_scenario_build_attaches_fixed_policies_and_the_candidate(tmp_path: Path) -> None:
    """The candidate is the last attachment; the scenario's own stand where they say."""
    machine = load_scenario(_write(tmp_path, GOOD)).build("second_chance")

    assert [(a.name, a.where) for a in machine.attachments] == [("fifo", "/a"), ("second_chance", None)]
    assert machine.run(check=True).accesses == 4_000


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("max =", "maxx =", r"memcg\[0\].maxx: unknown key; expected one of .*did you mean `max`"),
        ('max = "50%"', 'max = "50X"', r"memcg\[0\]: max is '50X'; expected pages"),
        ('max = "50%"', "max = 0", r"memcg\[0\]: memcg /a: memory.max is 0 pages; expected 1"),
        ('path = "/a"', "", r"memcg\[0\].path: missing"),
        ('name = "small"', "name = 3", r"name: found 3; expected a valid string"),
        ('size = "16M"', "size = true", r"machine.nodes\[0\].size: found True"),
        ('"zram"', '"zrm"', r"machine.swap\[0\]: kind: unknown kind 'zrm'.*did you mean `zram`"),
        ('memcg = "/a"', 'memcg = "/b"', r"task\[0\]: memcg: no memcg '/b'"),
        ("zipf:", "zpif:", r"task\[0\]: unknown workload 'zpif'"),
        ("workload =", "trace =", r"task\[0\]: trace: no such file"),
        ("accesses=4K", 'accesses=4K"\ntrace = "x', r"task\[0\]: found both of `trace` and `workload`"),
        ('to = "/a"', "to = 1", r"policy\[0\]: to: no node 1; expected 0 to 0"),
        ('["misses"]', '["mises"]', r"measured\[0\]: nothing is called 'mises'; .*did you mean `misses`"),
        ('["misses"]', '["misses", "misses"]', r"measured\[1\]: 'misses' is there twice"),
        ("[machine]", "[machine", r"not TOML: .*line 7"),
    ],
)
def test_scenario_with_a_mistake_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    """A message names the file, the key, what was found and what was expected."""
    path = _write(tmp_path, GOOD.replace(old, new, 1))

    with pytest.raises(ConfigError, match=rf"small.toml: {message}"):
        load_scenario(path)


def test_scenario_with_an_unknown_policy_is_refused_when_built(tmp_path: Path) -> None:
    """Policies are loaded when the machine is built."""
    scenario = load_scenario(_write(tmp_path, GOOD.replace('"fifo"', '"fifa"')))

    with pytest.raises(ConfigError, match=r"policy\[0\]: unknown policy 'fifa'"):
        scenario.build()


def test_scenario_that_is_missing_is_refused(tmp_path: Path) -> None:
    """A file that is not there is said to be not there."""
    with pytest.raises(ConfigError, match="cannot read the scenario: No such file"):
        load_scenario(tmp_path / "none.toml")
