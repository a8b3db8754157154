"""Tracepoints from Python: which events there are, what they say, and what a ring that is too small keeps."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reclaim.abi.tracepoints import MAX_TRACE_FIELDS, TRACEPOINTS
from reclaim.diag.errors import ConfigError
from reclaim.engine import Machine
from reclaim.engine.trace_log import DEFAULT_RECORDS, TraceLog, select_events
from reclaim.workload import synth

CORE = Path(__file__).parents[2] / "reclaim" / "core"
_EMITTED = re.compile(r"\bTRACE\(m, [^,]*(?:\([^)]*\))?, (\w+)")


def _traced(*events: str, policy: str = "trad", records: int = DEFAULT_RECORDS) -> tuple[Machine, TraceLog]:
    machine = Machine(memory_max="4M", swap="zram:8M")
    machine.attach(policy)
    machine.add_task(synth("zipf:pages=2K,accesses=40K,write=20%"))
    machine.trace(*events, records=records)
    machine.run()
    return machine, machine.trace_log()


def test_every_tracepoint_is_emitted_somewhere_in_the_core() -> None:
    """An event that nothing emits has no place in the table, nor has one that is emitted twice under a wrong name."""
    emitted = {name for path in CORE.glob("*.c") for name in _EMITTED.findall(path.read_text())}

    assert emitted == {point.name for point in TRACEPOINTS}


def test_every_tracepoint_fits_into_a_record() -> None:
    """The core copies an event's fields into a record of fixed size."""
    assert max(len(point.fields) for point in TRACEPOINTS) <= MAX_TRACE_FIELDS


def test_trace_of_reclaim_sums_up_to_the_counters() -> None:
    """What batches say they scanned and freed is what the kernel's counters count."""
    machine, log = _traced("mm_vmscan_lru_shrink_inactive")

    counters = machine.counters()
    assert sum(int(event.fields["nr_scanned"]) for event in log) == counters["pgscan_direct"]
    assert sum(int(event.fields["nr_reclaimed"]) for event in log) == counters["pgsteal_direct"]
    assert {event.memcg for event in log} == {"/lab"}


def test_trace_names_lists_of_the_policy_and_of_the_kernel() -> None:
    """A policy's own list is named as it declares it, beside the kernel's list that it stands for."""
    _, log = _traced("*lru_isolate", policy="mglru")

    lists = {(event.fields["list"], event.fields["lru"]) for event in log if event.fields["nr_taken"]}
    assert any(str(name).startswith("gens[") and lru == "inactive_anon" for name, lru in lists)


@pytest.mark.parametrize(("policy", "most"), [("trad", 32), ("mglru", 4096)])
def test_trace_says_what_a_batch_asked_for_as_the_kernel_does(policy: str, most: int) -> None:
    """SWAP_CLUSTER_MAX pages for isolate_lru_folios(), MAX_LRU_BATCH for scan_folios(), which takes 64 of them."""
    _, log = _traced("*lru_isolate", policy=policy)

    assert max(int(event.fields["nr_requested"]) for event in log) == most


def test_trace_of_refaults_counts_them() -> None:
    """Each page that comes back with a shadow is one event."""
    machine, log = _traced("workingset:*")

    names = [event.name for event in log]
    assert names.count("workingset_refault") == machine.counters()["workingset_refault_anon"]
    assert names.count("workingset_eviction") == machine.counters()["pgsteal_direct"]


def test_trace_of_a_killed_task_names_it() -> None:
    """The OOM killer's event has the task and its memory, as the kernel's has."""
    machine = Machine(memory_max="1M", swap="none", forced_release=False)
    machine.add_task(synth("scan:pages=1K,accesses=1K,write=100%"))
    machine.trace("mark_victim")
    machine.run()

    (event,) = machine.trace_log()

    assert (event.fields["pid"], event.fields["comm"]) == (1, machine.tasks[0].name)
    assert 0 < int(event.fields["anon_rss"]) <= 1024


def test_trace_of_kswapd_is_on_its_own_track() -> None:
    """Kswapd has a clock and a track of its own, and sleeps once memory has lasted for a nap."""
    machine = Machine(nodes="4M", swap="zram:8M")
    machine.add_task(synth("zipf:pages=2K,accesses=40K,write=20%"))
    machine.trace("mm_vmscan_*kswapd*")
    machine.run()
    machine.tasks[0].exit()
    machine.add_task(synth("zipf:pages=64,accesses=4M"))
    machine.run()

    log = machine.trace_log()
    by_track = {(event.track.name, event.name) for event in log}

    assert ("kswapd0", "mm_vmscan_kswapd_wake") in by_track
    assert ("kswapd0", "mm_vmscan_kswapd_sleep") in by_track
    assert (machine.tasks[0].name, "mm_vmscan_wakeup_kswapd") in by_track


def test_trace_of_the_flusher_is_on_its_own_track() -> None:
    """A writer's pauses are on its own track, what the flusher writes on the flusher's."""
    machine = Machine(memory_max="4M", nodes="64M")
    machine.add_task(synth("scan:pages=8K,accesses=16K,write=100%,kind=file-read"))
    machine.trace("writeback:*")
    machine.run()

    by_track = {(event.track.name, event.name) for event in machine.trace_log()}

    assert {(machine.tasks[0].name, "balance_dirty_pages"), ("flusher", "writeback_single_inode")} <= by_track


def test_trace_of_a_throttle_says_who_waited_and_why() -> None:
    """A task whose reclaim gets nowhere because most memory is on its way to a disk waits a tick each time."""
    machine = Machine(nodes="4M", swap="disk:64M")
    machine.add_task(synth("uniform:pages=4K,accesses=16K,write=100%"))
    machine.trace("mm_vmscan_throttled")
    machine.run()

    # kswapd may wait for writes besides.
    log = [event for event in machine.trace_log() if event.fields["reason"] == "VMSCAN_THROTTLE_NOPROGRESS"]

    assert len(log) == machine.counters()["throttled_noprogress"] > 0
    assert {event.track.name for event in log} == {machine.tasks[0].name}
    assert all(event.fields["usec_delayed"] == event.fields["usec_timeout"] == 4000 for event in log)


def _waits(machine: Machine) -> dict[str, list[tuple[str, int, int]]]:
    """Run a machine and return who waited, how long, and at most how long, by the reason."""
    machine.trace("mm_vmscan_throttled")
    machine.run(check=True)
    waits: dict[str, list[tuple[str, int, int]]] = {}
    for event in machine.trace_log():
        reason = str(event.fields["reason"]).removeprefix("VMSCAN_THROTTLE_")
        delay, timeout = int(event.fields["usec_delayed"]), int(event.fields["usec_timeout"])
        waits.setdefault(reason, []).append((event.track.name, delay, timeout))
    counters = machine.counters()
    for reason in ("WRITEBACK", "ISOLATED", "CONGESTED", "NOPROGRESS"):
        assert len(waits.get(reason, [])) == counters[f"throttled_{reason.lower()}"]
    return waits


def test_trace_of_a_slow_disk_shows_kswapd_and_tasks_waiting() -> None:
    """Where memory is full of pages being written, kswapd waits for a number of them and tasks wait ticks."""
    costs = {"disk_write_ns": 2_000_000, "disk_page_ns": 2_000_000}
    machine = Machine(
        nodes="8M", dirty_ratio=60, dirty_background_ratio=25, forced_release=False, costs=costs
    )
    machine.attach("trad")
    machine.add_task(synth("zipf:pages=2K,accesses=16K,write=100%,kind=file-read"), device="disk")
    machine.add_task(synth("scan:pages=1400,accesses=1400,write=100%"))

    waits = _waits(machine)

    assert {who for who, _, _ in waits["WRITEBACK"]} == {"kswapd0"}
    assert all(delay <= timeout == 100_000 for _, delay, timeout in waits["WRITEBACK"])
    assert any(delay < timeout for _, delay, timeout in waits["WRITEBACK"])
    assert all(delay == timeout == 4000 for _, delay, timeout in waits["CONGESTED"])
    assert "kswapd0" not in {who for who, _, _ in waits["CONGESTED"] + waits["NOPROGRESS"]}
    assert machine.counters()["oom_kill"] == 0


def test_trace_of_tasks_that_reclaim_at_once_shows_them_waiting_for_each_other() -> None:
    """Tasks that find an eighth of the inactive pages isolated by others wait until those are back."""
    machine = Machine(nodes="2M", swap="zram:64M", kswapd=False, pool_takes_pages=False)
    machine.attach("trad")
    for seed in range(8):
        machine.add_task(synth("uniform:pages=125,accesses=2K,write=50%", seed=seed))

    waits = _waits(machine)

    assert set(waits) == {"ISOLATED"}
    assert all(delay < timeout == 20_000 for _, delay, timeout in waits["ISOLATED"])


def test_trace_has_what_a_policy_emits(tmp_path: Path) -> None:
    """A policy's own events carry its name and its numbers, whoever runs its hooks."""
    path = tmp_path / "chatty.rpol"
    path.write_text(
        "@hook\ndef folio_evicted(lruvec: Lruvec, folio: Folio) -> u64:\n    emit(7, folio.key, 2)\n    return 0\n"
    )
    logs = []
    for engine in ("native", "interpreter"):
        machine = Machine(memory_max="64K", swap="zram:8M")
        machine.attach(path, engine=engine)
        machine.add_task(synth("scan:pages=100,accesses=200"))
        machine.trace("policy:*")
        machine.run()
        logs.append([(event.name, event.fields) for event in machine.trace_log()])

    assert logs[0]
    assert logs[0] == logs[1]
    name, fields = logs[0][0]
    assert name == "policy_event"
    assert (fields["attachment"], fields["id"], fields["b"]) == ("chatty", 7, 2)


def test_trace_that_overflows_keeps_the_latest_and_counts_the_rest() -> None:
    """A ring that is too small drops the oldest events and says how many."""
    machine, log = _traced("mm_lru_insertion", records=10)

    inserted = machine.tasks[0].info["nr_misses"]
    assert len(log) == 10
    assert inserted - 31 <= log.nr_lost + 10 <= inserted
    assert len(machine.trace_log()) == 0


def test_trace_changes_no_result() -> None:
    """Looking makes no difference to what happens."""
    machine, _ = _traced()
    quiet = Machine(memory_max="4M", swap="zram:8M")
    quiet.attach("trad")
    quiet.add_task(synth("zipf:pages=2K,accesses=40K,write=20%"))
    quiet.run()

    assert machine.counters() == quiet.counters()
    assert machine.virtual_ns == quiet.virtual_ns


@pytest.mark.parametrize(
    ("globs", "names"),
    [
        (("mm_lru_*",), {"mm_lru_insertion", "mm_lru_activate"}),
        (("pagemap:*", "!*activate"), {"mm_lru_insertion"}),
        (
            ("!vmscan:*", "!filemap:*", "!workingset:*", "!mm_lru_*", "!policy:*", "!writeback:*"),
            {"mark_victim"},
        ),
        ((), {point.name for point in TRACEPOINTS}),
    ],
)
def test_select_events_by_patterns_of_names_and_systems(globs: tuple[str, ...], names: set[str]) -> None:
    """Patterns add events, those with an exclamation mark take them away."""
    chosen = select_events(globs)

    assert {point.name for n, point in enumerate(TRACEPOINTS) if chosen >> n & 1} == names


def test_select_events_without_a_match_says_what_there_is() -> None:
    """A pattern that names nothing is a mistake."""
    with pytest.raises(
        ConfigError, match=r"no event is called 'mm_vmscam_\*'; there are .*mm_vmscan_lru_isolate"
    ):
        select_events(["mm_vmscam_*"])
