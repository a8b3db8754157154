"""What a policy reaches stays its own, and within the ranges that it is proved with, whatever is asked of the machine."""

from __future__ import annotations

from pathlib import Path

from reclaim.abi.limits import MAX_PAGES
from reclaim.engine import Attachment, Machine, NodeConfig
from reclaim.workload import synth

_TARGET = f'''
"""Remember the largest target of a reclaim."""


class Seen(GlobalState):
    target: u64


@hook
def prepare_scan(lruvec: Lruvec, sc: ScanControl) -> None:
    assert sc.nr_to_reclaim <= {MAX_PAGES}
    Seen.target = max(Seen.target, sc.nr_to_reclaim)
'''

_ARRIVALS = '''
"""Look at the list that a folio comes from."""


@hook
def folio_moved(lruvec: Lruvec, old: Folio, folio: Folio, why: Migrated) -> None:
    listed = old.list
    if listed is not None and listed.nr_pages > 0:
        fail("a list of another policy")
'''

_GUESTS = '''
"""Look at lists where another policy governs, and at its own."""


class Seen(GlobalState):
    nr_asked: u64
    nr_folios: u64


@hook
def prepare_scan(lruvec: Lruvec, sc: ScanControl) -> None:
    Seen.nr_asked += 1
    inactive_anon.set_active(True)
    for folio in inactive_anon.scan(limit=8):
        Seen.nr_folios += 1
        folio.is_active = True
'''


def _attached(machine: Machine, tmp_path: Path, text: str, at: int | str) -> Attachment:
    path = tmp_path / "reach.rpol"
    path.write_text(text.lstrip(), encoding="utf-8")
    return machine.attach(path, at)


def test_target_of_a_request_beyond_any_machine_is_what_a_machine_can_have(tmp_path: Path) -> None:
    """Policies are proved with `nr_to_reclaim` of at most MAX_PAGES, whatever is written to memory.reclaim."""
    machine = Machine(memory_max=160, nodes="4M", swap="zram:4M", seed=3)
    attached = _attached(machine, tmp_path, _TARGET, "/")
    machine.add_task(synth("uniform:pages=120,accesses=300"))
    machine.run()
    machine.reclaim("/lab", 1 << 45)
    assert int(attached.state("global")["target"]) == MAX_PAGES


def test_folio_from_another_policy_names_none_of_its_lists(tmp_path: Path) -> None:
    """Its number may lie beyond the lists that there are here."""
    machine = Machine(
        nodes=[
            NodeConfig(pages=1400, distances=(10, 24)),
            NodeConfig(pages=6000, tier=1, distances=(24, 10)),
        ],
        demotion=True,
        numa_balancing=2,
        numa_scan_delay_ms=1,
        numa_scan_period_min_ms=1,
        numa_scan_period_max_ms=10,
        numa_scan_size_mb=16,
        seed=3,
    )
    attached = _attached(machine, tmp_path, _ARRIVALS, 1)
    machine.add_task(synth("phases:pages=4K,set=25%,phases=4,accesses=100K,write=20%"))
    result = machine.run(check=True)
    assert result.counters["pgmigrate_success"] > 0
    assert attached.is_attached


def test_lists_of_a_target_that_another_policy_governs_show_no_folio(tmp_path: Path) -> None:
    """A policy below the target is asked, too, and must not touch what is not its own."""
    machine = Machine(nodes="1M", swap="zram:4M", memory_max=200, seed=3)
    attached = _attached(machine, tmp_path, _GUESTS, "/lab")
    machine.add_task(synth("uniform:pages=150,accesses=600"))
    machine.add_task(synth("uniform:pages=300,accesses=900"), memcg="/")
    machine.run(check=True)
    assert int(attached.state("global")["nr_asked"]) > 0
    assert int(attached.state("global")["nr_folios"]) == 0


_RAISING = '''
"""Begin every turn of kswapd at the gentlest priority."""


class Seen(GlobalState):
    nr_asked: u64


@hook
def node_age(sc: ScanControl) -> Aging:
    sc.priority = 12
    Seen.nr_asked += 1
    if Seen.nr_asked > 10000:
        fail("asked for ever")
    return OLD_ENOUGH
'''

_SKIPPING = '''
"""Skip every memcg, as if the reclaim had just begun."""


@hook
def prepare_scan(sc: ScanControl) -> None:
    sc.priority = 12


@hook
def memcg_scan(sc: ScanControl) -> Visit:
    sc.priority = 12
    return SKIP
'''


def test_priority_that_is_raised_before_a_walk_does_not_keep_kswapd_going(tmp_path: Path) -> None:
    """Where nothing can be freed, it gives up after a few runs as ever."""
    machine = Machine(nodes="8M", seed=3)
    attached = _attached(machine, tmp_path, _RAISING, "/")
    machine.add_task(synth("uniform:pages=3000,accesses=30000"))
    machine.run()
    assert int(attached.state("global")["nr_asked"]) > 0
    assert attached.is_attached


def test_priority_that_is_raised_does_not_let_memcgs_be_skipped_for_ever(tmp_path: Path) -> None:
    """Below priority 3 the core does not obey, whatever the policy wrote there."""
    machine = Machine(memory_max=100, nodes="4M", swap="zram:4M", seed=3)
    attached = _attached(machine, tmp_path, _SKIPPING, "/")
    machine.add_task(synth("uniform:pages=150,accesses=900"))
    result = machine.run(check=True)
    assert result.counters["pgsteal_direct"] > 0
    assert result.counters["oom_kill"] == 0
    assert attached.core_did()["forced_release"] == 0
    assert attached.is_attached
