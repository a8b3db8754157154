"""A policy may have folios that could not be freed tried again."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from reclaim.engine import Machine
from reclaim.workload import synth

_RETRYING = '''"""FIFO that frees without writing first, and at the second go with."""

queue = folio_list()


@hook
def folio_added(folio: Folio) -> Place:
    return queue.head


@hook
def next_batch(sc: ScanControl) -> Batch:
    if queue.nr_pages == 0 or sc.nr_reclaimed >= sc.nr_to_reclaim:
        return STOP
    return queue.batch(32)


@hook
def reclaim_folio(folio: Folio, sc: ScanControl) -> Verdict:
    return RECLAIM if sc.is_retry else RECLAIM_CLEAN


@hook
def folio_putback(sc: ScanControl) -> Place:
    return queue.head if sc.is_retry else RETRY
'''


@pytest.mark.parametrize("engine", ["native", "interpreter"])
def test_second_go_frees_what_the_first_could_not(
    engine: Literal["native", "interpreter"], tmp_path: Path
) -> None:
    """Dirty anonymous pages fail once each, then go; every page is scanned once."""
    path = tmp_path / "retrying.rpol"
    path.write_text(_RETRYING)
    machine = Machine(memory_max=600, swap="zram:4000")
    machine.attach(path, engine=engine)
    machine.add_task(synth("zipf:pages=1K,accesses=5K,write=100%"))

    machine.run(check=True)

    counters = machine.counters()
    assert counters["pgsteal_anon"] > 0
    assert counters["pgscan_anon"] == counters["pgsteal_anon"]
