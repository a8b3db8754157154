"""Machines from Python: tasks, policies, results, and answers to what makes no sense."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from reclaim.diag.errors import ConfigError, TraceError
from reclaim.engine import Machine, MemcgConfig, NodeConfig
from reclaim.engine.access_stream import Records
from reclaim.engine.binding import default_costs
from reclaim.workload import FileSpec, Mapping, Trace, TraceHeader, memory_trace, synth

ZIPF = "zipf:pages=2K,accesses=40K,write=20%"
FILE_ZIPF = f"{ZIPF},kind=file-read"
MAXIMAL = Path(__file__).parents[1] / "policies" / "maximal.rpol"


def _anon_header(pages: int, name: str = "anon") -> TraceHeader:
    return TraceHeader(name, 0, 100, mappings=(Mapping(pages=pages, kind="anon"),))


def _anon_trace(records: list[int], pages: int) -> Trace:
    return memory_trace(_anon_header(pages), np.array(records, dtype=np.uint32))


def _pressed(**options: object) -> Machine:
    return Machine(memory_max="4M", swap="zram:8M", **options)


def test_run_below_the_limit_misses_each_page_once() -> None:
    """Without pressure every page is brought in by its first touch and stays."""
    machine = Machine(memory_max="1M")
    task = machine.add_task(_anon_trace([0, 1, 2, 1, 0], 3))

    result = machine.run()

    assert (result.accesses, result.misses) == (5, 3)
    assert task.resident().tolist() == [True, True, True]
    assert machine.resident()["/lab"] == {"anon_pages": 3, "file_pages": 0}


def test_run_under_pressure_swaps_and_keeps_the_books() -> None:
    """More pages than the limit means swap, never more usage than the limit, and consistent books."""
    machine = _pressed()
    machine.add_task(synth(ZIPF))

    result = machine.run(check=True)

    assert result.accesses == 40_000
    assert result.counters["pswpout"] > 0
    assert machine.memcg_info("/lab")["usage_pages"] <= 1024


@pytest.mark.parametrize("chunk_records", [1, 997, 1 << 20])
def test_run_in_chunks_of_any_size_gives_the_same_numbers(chunk_records: int) -> None:
    """How a trace is cut makes no difference."""
    nr_records = 2_000 if chunk_records == 1 else 40_000
    expected, found = (_pressed(), _pressed())
    spec = f"zipf:pages=2K,accesses={nr_records},write=20%"
    for machine in (expected, found):
        machine.add_task(synth(spec))
        machine.add_task(synth(spec, seed=1))

    assert found.run(chunk_records=chunk_records).counters == expected.run().counters


def test_run_with_the_same_seed_gives_the_same_numbers() -> None:
    """A machine is deterministic."""
    results = []
    for _ in range(2):
        machine = _pressed(seed=7)
        machine.attach("mglru")
        machine.add_task(synth(FILE_ZIPF))
        results.append(machine.run())

    assert results[0].counters == results[1].counters
    assert results[0].virtual_ns == results[1].virtual_ns


def test_second_run_counts_from_its_own_start() -> None:
    """A result is about one run; a second trace is a second phase."""
    machine = Machine(memory_max="1M")
    machine.add_task(_anon_trace([0, 1], 2))
    machine.run()
    machine.add_task(_anon_trace([0, 1, 0], 2))

    result = machine.run()

    assert (result.accesses, result.misses) == (3, 2)


def test_progress_is_told_how_far_the_run_is() -> None:
    """Long runs can show a bar."""
    machine = Machine(memory_max="16M")
    machine.add_task(synth("uniform:pages=1K,accesses=3M"))
    seen: list[tuple[int, int]] = []

    machine.run(lambda done, total: seen.append((done, total)))

    assert len(seen) >= 2
    assert seen[-1][0] <= seen[-1][1] == 3_000_000


def test_exception_in_progress_stops_the_run_and_comes_through() -> None:
    """A caller's own mistake is not swallowed by the native code."""
    machine = Machine(memory_max="16M")
    machine.add_task(synth("uniform:pages=1K,accesses=3M"))

    def complain(_done: int, _total: int) -> None:
        raise LookupError

    with pytest.raises(LookupError):
        machine.run(complain)


@pytest.mark.usefixtures("obeyed_interrupts")
def test_ctrl_c_during_a_run_stops_it_and_leaves_a_machine_that_goes_on() -> None:
    """Ctrl-C reaches native code at once; what was run stays run."""
    machine = Machine(memory_max="4M", swap="zram:64M")
    machine.add_task(_long_trace())
    threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()

    with pytest.raises(KeyboardInterrupt):
        machine.run()

    machine.check()
    assert machine.tasks[0].info["nr_records"] > 0


def _long_trace() -> Trace:
    """Return a trace of many seconds, which ends all the same where no signal arrives."""
    records = np.random.default_rng(0).integers(0, 4096, 1 << 20, dtype=np.uint32)

    def chunks(_size: int) -> Iterator[Records]:
        for _ in range(32):
            yield records

    return Trace(_anon_header(4096), chunks)


def test_tasks_share_a_file_when_they_ask_to() -> None:
    """A page that one task read is in the page cache for the other."""
    header = TraceHeader("reader", 0, 100, files=(FileSpec("data", 4),))
    trace = memory_trace(header, np.arange(4, dtype=np.uint32) | np.uint32(1 << 30))
    machine = Machine(memory_max="1M")
    for _ in range(2):
        machine.add_task(trace, share_files=True)

    assert machine.run().misses == 4


def test_memcg_limits_hold_for_each_memcg() -> None:
    """A memcg's limit presses on its own tasks."""
    machine = Machine(
        nodes="64M",
        swap="ssd:64M",
        memcgs=(MemcgConfig(path="/a", max_pages=512), MemcgConfig(path="/b")),
    )
    for path in ("/a", "/b"):
        machine.add_task(synth(ZIPF), memcg=path)
    machine.run(check=True)

    assert machine.memcg_info("/a")["usage_pages"] <= 512
    assert machine.counters(memcg="/a")["pswpout"] > 0
    assert machine.counters(memcg="/b")["pswpout"] == 0


def test_lowering_a_limit_reclaims_at_once() -> None:
    """Writing memory.max below the usage shrinks the memcg."""
    machine = _pressed()
    machine.add_task(synth(ZIPF))
    machine.run()

    machine.set_memcg("/lab", max=256)

    assert machine.memcg_info("/lab")["usage_pages"] <= 256
    machine.check()


def test_reclaim_frees_about_what_was_asked() -> None:
    """The memory.reclaim file frees pages without a limit."""
    machine = Machine(nodes="64M", swap="zram:64M", memory_max="32M")
    machine.add_task(synth(ZIPF))
    machine.run()

    assert machine.reclaim("/lab", 128) >= 64
    machine.check()


def test_attached_policy_governs_and_its_state_can_be_read() -> None:
    """A policy's own lists, state and maps are open to look at."""
    machine = _pressed()
    attachment = machine.attach("s3fifo", tunables={"small_percent": 20})
    machine.add_task(synth(FILE_ZIPF))
    machine.run(check=True)

    lists = machine.lists("/lab")
    lruvec = machine.lruvec("/lab")
    assert len(lists["small"]) + len(lists["main"]) > 900
    assert int(str(attachment.state("lruvec", lruvec)["drops"])) > 0


@pytest.mark.parametrize("nr_fields", [1, 3, 5, 9, 16])
def test_state_of_folios_may_have_any_size(nr_fields: int, tmp_path: Path) -> None:
    """What the language permits beside a folio, the core allocates, whatever the number of bytes."""
    fields = "".join(f"    f{number}: u8 = field({number})\n" for number in range(nr_fields))
    path = tmp_path / "odd.rpol"
    last = f"f{nr_fields - 1}"
    path.write_text(
        f'"""Odd."""\n\n\nclass PerFolio(FolioState):\n{fields}\n\n@hook\n'
        f"def folio_evicted(folio: Folio) -> u64:\n    return folio.{last} + {nr_fields}\n",
        encoding="utf-8",
    )
    machine = _pressed()
    machine.attach(path)
    machine.add_task(synth(ZIPF))
    assert machine.run(check=True).counters["pswpout"] > 0


def test_map_of_an_attached_policy_can_be_read() -> None:
    """What a policy keeps in a map is open to look at, by instance."""
    machine = _pressed()
    attachment = machine.attach(MAXIMAL)
    machine.add_task(synth(FILE_ZIPF))
    machine.run(check=True)

    assert attachment.map_size("evicted", instance=machine.lruvec("/lab")) > 0


def test_detached_policy_hands_its_folios_to_the_default() -> None:
    """Detaching loses no folio and leaves a record."""
    machine = _pressed()
    attachment = machine.attach("fifo")
    machine.add_task(synth(FILE_ZIPF))
    machine.run()
    before = machine.resident()

    attachment.detach()

    machine.check()
    assert machine.resident() == before
    assert not attachment.is_attached
    assert attachment.exit_record is not None
    assert attachment.exit_record.kind == "user"


def test_policy_that_fails_is_ejected_with_its_own_words(tmp_path: Path) -> None:
    """A fail() ends the attachment; the record gives message, hook and line."""
    path = tmp_path / "failing.rpol"
    path.write_text(
        '"""Gives up at once."""\n\n\n@hook\ndef reclaim_folio(folio: Folio) -> Verdict:\n    fail("no idea")\n'
    )
    machine = _pressed()
    machine.attach(path)
    machine.add_task(synth(ZIPF))

    (record,) = machine.run(check=True).ejected

    assert (record.policy, record.kind, record.text) == ("failing", "policy", 'fail("no idea")')
    assert (record.hook, record.lines) == ("reclaim_folio", (6,))


def test_trace_record_outside_the_space_is_refused_with_its_number() -> None:
    """A damaged trace is named with the record."""
    machine = Machine(memory_max="1M")
    machine.add_task(memory_trace(_anon_header(2, "cut"), np.array([0, 1, 2], dtype=np.uint32)))

    with pytest.raises(TraceError, match=r"cut: record 2: "):
        machine.run()


@pytest.mark.parametrize(
    ("where", "message"), [("/nowhere", "no memcg '/nowhere'"), (3, "no node 3; expected 0 to 0")]
)
def test_attaching_to_nowhere_is_refused(where: str | int, message: str) -> None:
    """A policy needs a place that exists."""
    with pytest.raises(ConfigError, match=message):
        Machine(memory_max="1M").attach("fifo", where)


@pytest.mark.parametrize(
    ("tunables", "message"),
    [
        ({"small_percnt": 10}, "did you mean `small_percent`"),
        ({"small_percent": 91}, "`small_percent` is 91; expected 1 to 90"),
    ],
)
def test_wrong_tunable_is_refused_with_what_there_is(tunables: dict[str, int], message: str) -> None:
    """Tunables are checked by name and range."""
    with pytest.raises(ConfigError, match=message):
        Machine(memory_max="1M").attach("s3fifo", tunables=tunables)


def test_unknown_policy_is_refused_with_the_nearest() -> None:
    """A misspelt built-in policy is suggested."""
    with pytest.raises(ConfigError, match=r"unknown policy 'mgrlu'.*did you mean `mglru`"):
        Machine(memory_max="1M").attach("mgrlu")


def test_unknown_cost_is_refused() -> None:
    """The cost table's names are the core's."""
    with pytest.raises(ConfigError, match="unknown cost `rmap_ns`"):
        Machine(memory_max="1M", costs={"rmap_ns": 1})


def test_machine_without_tasks_has_nothing_to_run() -> None:
    """A run without a task is a mistake, not a result of zeros."""
    with pytest.raises(ConfigError, match="no task"):
        Machine(memory_max="1M").run()


@pytest.mark.parametrize("limit", [1, 2, 3])
@pytest.mark.parametrize("spec", [ZIPF, FILE_ZIPF, f"{ZIPF},kind=file-mmap"])
def test_limit_of_a_few_pages_still_runs(limit: int, spec: str) -> None:
    """A limit below every batch makes progress."""
    machine = Machine(memory_max=limit, swap="zram:16M", charge_kmem=False)
    machine.add_task(synth(spec.replace("40K", "2K")))

    result = machine.run(check=True)

    assert result.accesses == 2_000
    assert result.counters["oom_kill"] == 0


def test_limit_below_the_page_tables_kills_the_task() -> None:
    """A memcg that cannot even pay for its page tables ends as in the kernel."""
    machine = Machine(memory_max=1, swap="zram:16M")
    machine.add_task(synth(ZIPF))

    assert machine.run(check=True).counters["oom_kill"] == 1


def test_two_nodes_take_from_home_first() -> None:
    """Memory comes from the task's home node while it has any."""
    machine = Machine(nodes=(NodeConfig(pages=4096), NodeConfig(pages=4096)))
    machine.add_task(_anon_trace(list(range(100)), 100), node=1)
    machine.run()

    assert machine.node_info(0)["nr_free_pages"] == 4096
    assert machine.node_info(1)["nr_free_pages"] <= 3996


@pytest.mark.parametrize("nr_stops", [1, 3])
def test_stopped_run_goes_on_to_the_same_numbers(nr_stops: int) -> None:
    """A run that was stopped, at the end of a chunk too, loses no record when it goes on."""
    spec = "zipf:pages=2K,accesses=3M,write=20%"
    expected, found = _pressed(), _pressed()
    for machine in (expected, found):
        machine.add_task(synth(spec))
        machine.add_task(synth(spec, seed=1))
    stops = iter(range(nr_stops))

    def stop(_done: int, _total: int) -> None:
        if next(stops, None) is not None:
            raise LookupError

    for _ in range(nr_stops):
        with pytest.raises(LookupError):
            found.run(stop)
    found.run(stop)

    expected.run()
    assert found.counters() == expected.counters()
    assert found.tasks[0].info == expected.tasks[0].info


def test_task_bound_to_the_far_node_pays_for_each_access() -> None:
    """The memory policy places the pages, and the node that holds them is charged and counted."""
    machine = Machine(nodes=[NodeConfig(pages=1024), NodeConfig(pages=1024)])
    near = machine.add_task(_anon_trace([0, 0, 0, 0], 1), mempolicy="bind:0")
    far = machine.add_task(_anon_trace([0, 0, 0, 0], 1), mempolicy="bind:1")

    machine.run()

    assert far.info["clock_ns"] - near.info["clock_ns"] == 4 * default_costs()["far_access_ns"]
    assert [machine.counters(node=node)["node_accesses"] for node in (0, 1)] == [4, 4]
