"""Looking at a machine while it runs: time series and dumps."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from reclaim.diag.errors import ConfigError
from reclaim.engine import Machine, NodeConfig
from reclaim.engine.list_dump import dump_text, generations
from reclaim.engine.watching import Dumps, Series
from reclaim.workload import synth

MS = 1_000_000


def _machine(policy: str = "trad", nr_tasks: int = 1) -> Machine:
    machine = Machine(memory_max="4M", swap="zram:32M")
    machine.attach(policy)
    for seed in range(nr_tasks):
        machine.add_task(synth("zipf:pages=2K,accesses=40K,write=20%", seed=seed))
    return machine


def test_series_has_a_sample_each_period_and_one_at_the_end() -> None:
    """Times are multiples of the period, then the end."""
    machine, series = _machine(), Series(5 * MS)
    machine.run(watch=[series])

    times = series.time_ns.tolist()
    assert times[:-1] == [5 * MS * (n + 1) for n in range(len(times) - 1)]
    assert times[-1] == machine.virtual_ns
    assert series.values.shape == (len(times), len(series.columns))


def test_series_of_counters_rise_to_the_final_counters() -> None:
    """The last sample is what the machine says at the end, and no counter falls."""
    machine, series = _machine(), Series(5 * MS, "/lab:pg*")
    machine.run(watch=[series])

    stat = machine.memory_stat("/lab")
    assert {name: int(series[f"/lab:{name}"][-1]) for name in stat if name.startswith("pg")} == {
        name: stat[name] for name in stat if name.startswith("pg")
    }
    assert (np.diff(series.values.astype(np.int64), axis=0) >= 0).all()
    assert series["/lab:pgscan"][0] < series["/lab:pgscan"][-1]


@pytest.mark.parametrize("policy", ["trad", "mglru"])
def test_looking_at_a_machine_changes_no_result(policy: str) -> None:
    """Tasks interleave as they would without anybody looking."""
    quiet, watched = _machine(policy, 3), _machine(policy, 3)

    expected = quiet.run()
    found = watched.run(watch=[Series(1 * MS), Dumps([2 * MS, 7 * MS])], check=True)

    assert found.counters == expected.counters
    assert found.tasks == expected.tasks
    assert (found.virtual_ns, found.psi, found.stall_ns) == (
        expected.virtual_ns,
        expected.psi,
        expected.stall_ns,
    )


def test_series_with_a_pattern_of_nothing_is_refused_with_what_there_is() -> None:
    """A column that does not exist is a mistake."""
    with pytest.raises(ConfigError, match=r"nothing is called 'pgscam'; .*node0 has nr_free_pages"):
        Series(MS, "pgscam").choose(_machine())
    with pytest.raises(ConfigError, match="a period of 0 ns; expected more than 0"):
        Series(0)


def test_jumpiness_of_a_flat_level_is_zero_and_of_a_moving_one_is_not() -> None:
    """The measure is the mean step as a share of the mean."""
    machine, series = _machine(), Series(2 * MS, "/lab:anon", "/lab:active_anon", "/lab:file")
    machine.run(watch=[series])

    assert series.jumpiness("/lab:file") == 0
    assert series.jumpiness("/lab:active_anon") > 0


def test_dump_has_every_list_with_its_class_and_its_pages_by_type() -> None:
    """Lists add up to what memory.stat says."""
    machine = _machine()
    machine.run()

    dump = machine.dump()
    (lruvec,) = dump["memcgs"]["/lab"]["lruvecs"]
    stat = dump["memcgs"]["/lab"]["memory.stat"]
    assert lruvec["policy"] == "trad"
    assert lruvec["lists"]["active_anon"]["anon"] * 4096 == stat["active_anon"]
    assert lruvec["lists"]["active_anon"]["class"] == "active"
    assert lruvec["lists"]["unevictable"]["class"] == "unevictable"
    assert lruvec["lists"]["inactive_anon"]["oldest"] is not None
    assert lruvec["lists"]["inactive_file"]["oldest"] is None
    assert lruvec["generations"] is None


def test_dump_of_mglru_has_its_generations_in_the_kernels_form() -> None:
    """Sequence numbers follow each other and their pages are those of the lists."""
    machine, dumps = _machine("mglru"), Dumps([10 * MS], at_end=True)
    machine.run(watch=[dumps])

    first, last = dumps.dumps
    assert (first["time_ns"], last["time_ns"]) == (10 * MS, machine.virtual_ns)
    (lruvec,) = last["memcgs"]["/lab"]["lruvecs"]
    seqs = [gen["seq"] for gen in lruvec["generations"]]
    assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))
    assert 2 <= len(seqs) <= 4
    on_lists = sum(numbers["anon"] for numbers in lruvec["lists"].values())
    assert sum(gen["anon"] for gen in lruvec["generations"]) == on_lists
    text = "".join(dump_text(last))
    assert f"\nmemcg     1 /lab\n node     0\n {seqs[0]:10d} " in text
    rows = re.search(
        r"\n((?:  gens.*active .*\n)+)  gens.* to gens\[63\]\[1\]: (\d+) lists, all empty\n", text
    )
    assert rows is not None
    assert rows[1].count("\n") + int(rows[2]) == 128


def test_dump_is_ready_for_json_and_has_every_node() -> None:
    """Nodes without memory in use are there too."""
    machine = Machine(nodes=(NodeConfig(pages=512), NodeConfig(pages=512)))
    dump = machine.dump()

    assert set(dump["nodes"]) == {"node0", "node1"}
    assert [lruvec["node"] for lruvec in dump["memcgs"]["/"]["lruvecs"]] == [0, 1]
    assert json.dumps(dump["nodes"])
    text = "".join(dump_text({**dump, "time_ns": 0}))
    assert "\n# / memory.numa_stat\nanon N0=0 N1=0\n" in text
    assert "memory.numa_stat" not in "".join(dump_text({**_machine().dump(), "time_ns": 0}))


def test_dumps_at_times_that_never_come_are_named() -> None:
    """A run may be shorter than somebody thought."""
    machine, dumps = _machine(), Dumps([10**15, MS])
    machine.run(watch=[dumps])

    assert [dump["time_ns"] for dump in dumps.dumps] == [MS]
    assert dumps.missed_ns == (10**15,)


def test_generations_have_ages_where_the_policy_keeps_times() -> None:
    """The age is that of a generation's beginning."""
    lists = {f"gens[{gen}][{kind}]": {"anon": 10 * gen, "file": gen} for gen in range(2) for kind in range(2)}
    state = {"max_seq": 3, "min_seq": [2, 3], "timestamps": [1 * MS, 4 * MS]}

    assert generations(state, lists, 9 * MS) == [
        {"seq": 2, "age_ms": 8, "anon": 0, "file": 0},
        {"seq": 3, "age_ms": 5, "anon": 10, "file": 1},
    ]
    assert generations({}, lists, 0) is None
