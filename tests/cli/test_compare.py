"""`reclaim compare`: what comes out for input that is right."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np

from reclaim.engine.shipped import find_policy
from tests.cli.command_runs import SMALL, invoked, refused, run_apart, runs_of


def _u32_trace(path: Path, pages: list[int]) -> str:
    """Write a trace of buffered reads in the flat u32 form and return its name."""
    (np.array(pages, dtype="<u4") | np.uint32(1 << 30)).tofile(path)
    return str(path)


def test_compare_runs_every_policy_on_every_workload_at_every_limit() -> None:
    """Columns, workloads and limits multiply."""
    runs = runs_of("fifo", "second_chance", "--workload", SMALL, "--workload", "scan:pages=300,accesses=2K",
                   "--memory-max", "20%", "--memory-max", "100")  # fmt: skip
    found = {(run["policy"], run["workload"], run["memory_max_pages"]) for run in runs}
    assert (len(runs), len(found)) == (8, 8)


def test_compare_is_deterministic() -> None:
    """The same command gives the same numbers, but for real time."""

    def numbers() -> list[dict[str, object]]:
        runs = runs_of("mglru", "--workload", SMALL, "--seed", "3")
        return [
            {key: value for key, value in run.items() if key not in {"wall_s", "accesses_per_s"}}
            for run in runs
        ]

    assert numbers() == numbers()


def test_compare_writes_json_beside_the_table(tmp_path: Path) -> None:
    """With a file for the JSON the table is still shown."""
    target = tmp_path / "out.json"
    result = invoked("compare", "fifo", "--workload", SMALL, "--json", str(target))
    assert (result.exit_code, "misses" in result.stdout) == (0, True)
    assert [run["policy"] for run in json.loads(target.read_text(encoding="utf-8"))["runs"]] == ["fifo"]
    assert list(tmp_path.iterdir()) == [target]


def test_compare_in_a_pipe_is_plain_and_quiet() -> None:
    """No colours, no progress bar, where nobody would see them."""
    run = run_apart("compare", "fifo", "trad", "--workload", SMALL)
    assert (run.returncode, run.stderr, "\x1b" in run.stdout) == (0, "", False)


def test_compare_shows_that_no_policy_beats_the_optimum() -> None:
    """Belady's optimum is a lower bound, at every limit."""
    for limit in ("1", "10%", "90%"):
        arguments = ("--workload", SMALL, "--memory-max", limit, "--no-kmem")
        text = invoked("compare", "fifo", "s3fifo", *arguments).stdout
        words = (
            next(line for line in text.splitlines() if line.strip().startswith("misses"))
            .replace("*", "")
            .split()
        )
        optimum = int(words[-1].replace(",", ""))
        assert optimum <= int(words[1].replace(",", ""))


def test_compare_at_a_limit_beyond_the_footprint_misses_each_page_once() -> None:
    """Where everything fits, only first touches miss."""
    (run,) = runs_of("fifo", "--workload", SMALL, "--memory-max", "1T")
    assert run["misses"] == run["footprint_pages"]


def test_compare_at_a_limit_of_one_page_finishes(tmp_path: Path) -> None:
    """The smallest memory there is misses on every change of page."""
    trace = _u32_trace(tmp_path / "t.u32", [0, 1, 0, 1, 1, 2])
    (run,) = runs_of("fifo", "--trace", trace, "--memory-max", "1", "--exact")
    assert run["misses"] == 5


def test_compare_names_a_limit_that_cannot_hold_the_page_tables() -> None:
    """A task that is killed at once is reported as killed, not as fast."""
    text = invoked("compare", "fifo", "trad", "--workload", SMALL, "--memory-max", "1").stdout
    assert "killed" in text


def test_compare_exact_is_the_sum_of_its_options() -> None:
    """`--exact` is a short form and nothing more."""
    arguments = ("second_chance", "--workload", SMALL, "--memory-max", "10%")
    batches = ("--reclaim-batch", "1", "--charge-batch", "1", "--add-batch", "1")
    (short,) = runs_of(*arguments, "--exact")
    (long,) = runs_of(*arguments, *batches, "--no-kswapd", "--no-kmem", "--repeat-reads")
    assert (short["misses"], short["counters"]) == (long["misses"], long["counters"])


def test_compare_of_a_trace_of_one_access_finishes(tmp_path: Path) -> None:
    """A trace may be as short as can be."""
    (run,) = runs_of(
        "mglru", "--trace", _u32_trace(tmp_path / "t.u32", [7]), "--memory-max", "1", "--no-kmem"
    )
    assert (run["accesses"], run["misses"]) == (1, 1)


def test_compare_repeats_where_chance_plays_a_part() -> None:
    """Synthetic workloads run with one seed after the other."""
    runs = runs_of("fifo", "--workload", SMALL, "--repeat", "3", "--seed", "5")
    assert [(run["repeat"], run["seed"]) for run in runs] == [(0, 5), (1, 6), (2, 7)]
    assert len({run["misses"] for run in runs}) > 1


def test_compare_says_when_it_does_not_repeat(tmp_path: Path) -> None:
    """Repeats that would give the same numbers are left out, and said to be."""
    trace = _u32_trace(tmp_path / "t.u32", [0, 1, 2, 0])
    result = invoked("compare", "fifo", "--trace", trace, "--memory-max", "2", "--repeat", "5", "--json", "-")
    assert (result.exit_code, len(json.loads(result.stdout)["runs"])) == (0, 1)
    assert "ran once" in result.stderr


def test_compare_does_not_repeat_a_scan() -> None:
    """A synthetic workload without chance is the same for every seed."""
    assert len(runs_of("fifo", "--workload", "scan:pages=300,accesses=2K", "--repeat", "3")) == 1


def test_compare_sets_tunables() -> None:
    """A tunable changes what the policy does, for that policy only."""
    arguments = ("s3fifo", "--workload", SMALL, "--memory-max", "10%")
    (plain,) = runs_of(*arguments)
    (tuned,) = runs_of(*arguments, "--set", "s3fifo.small_percent=80")
    assert plain["misses"] != tuned["misses"]


def test_compare_takes_a_policy_by_its_path(tmp_path: Path) -> None:
    """A policy of one's own needs no installation, and is named by its file."""
    path = tmp_path / "mine.rpol"
    shutil.copy(find_policy("fifo"), path)
    (run,) = runs_of(str(path), "--workload", SMALL)
    assert (run["policy"], run["policy_path"]) == ("mine", str(path))


def test_run_shows_every_counter() -> None:
    """`run` is for one policy and hides nothing."""
    result = invoked("run", "trad", "--workload", SMALL)
    assert (
        result.exit_code,
        "workingset_refault_file" in result.stdout,
        "forced_release" in result.stdout,
    ) == (0, True, True)


def test_run_gives_the_same_json_as_compare() -> None:
    """Scripts read both with the same code."""
    result = invoked("run", "trad", "--workload", SMALL, "--json", "-")
    (ours,), (theirs,) = json.loads(result.stdout)["runs"], runs_of("trad", "--workload", SMALL)
    assert (ours["counters"], list(ours)) == (theirs["counters"], list(theirs))


def _two_of_one_name(folder: Path) -> tuple[str, str]:
    """Write two different policies that are both called `mine`, and return their paths."""
    (folder / "other").mkdir()
    paths = folder / "mine.rpol", folder / "other" / "mine.rpol"
    for path, name in zip(paths, ("s3fifo", "fifo"), strict=True):
        shutil.copy(find_policy(name), path)
    return str(paths[0]), str(paths[1])


def test_compare_tells_two_policies_of_one_name_apart_by_path(tmp_path: Path) -> None:
    """Two files may be called the same; each keeps its own numbers under its own title."""
    first, second = _two_of_one_name(tmp_path)
    arguments = (first, second, "--workload", SMALL, "--memory-max", "10%")
    expected = [run["misses"] for run in runs_of("s3fifo", "fifo", *arguments[2:])]
    assert [(run["policy"], run["misses"]) for run in runs_of(*arguments)] == [
        (first, expected[0]),
        (second, expected[1]),
    ]
    assert f"percentages against {first}" in invoked("compare", *arguments).stdout


def test_compare_sets_a_tunable_of_one_of_two_policies_of_one_name(tmp_path: Path) -> None:
    """`--set` takes the title of the column, which is the path there."""
    first, second = _two_of_one_name(tmp_path)
    arguments = (first, second, "--workload", SMALL, "--memory-max", "10%")
    plain, tuned = runs_of(*arguments), runs_of(*arguments, "--set", f"{first}.small_percent=80")
    assert (plain[0]["misses"] == tuned[0]["misses"], plain[1]["misses"] == tuned[1]["misses"]) == (
        False,
        True,
    )
    refusal = refused("compare", *arguments, "--set", "mine.small_percent=80")
    assert f"no policy 'mine' is being run; expected one of {first}, {second}" in refusal


def test_run_of_a_policy_that_fails_in_init_counts_its_ejection(tmp_path: Path) -> None:
    """A policy that is thrown out before the first access is counted like any other."""
    path = tmp_path / "bad.rpol"
    path.write_text(
        '"""Bad."""\n\n\n@hook\ndef init(lruvec: Lruvec) -> None:\n    fail("no")\n', encoding="utf-8"
    )
    (run,) = runs_of(str(path), "--workload", SMALL)
    assert (run["ejected"]["hook"], run["core_did"]["ejected"]) == ("init", 1)


def test_compare_on_a_scenario_shows_what_it_measures(tmp_path: Path) -> None:
    """The counters that a scenario names are rows, and what would be a step back is said."""
    path = tmp_path / "small.toml"
    path.write_text(
        'name = "small"\ndoc = "d"\nmeasured = ["misses", "pgscan_direct"]\nregression = "more scanning"\n'
        f'[machine]\nnodes = [{{ size = "16M" }}]\n[[task]]\nworkload = "{SMALL}"\n',
        encoding="utf-8",
    )
    text = invoked("compare", "fifo", "--scenario", str(path)).stdout
    labels = [line.split()[0] for line in text.splitlines() if line.strip()]
    assert (labels.count("misses"), labels.count("pgscan_direct")) == (1, 1)
    assert "a step back would be: more scanning" in text
