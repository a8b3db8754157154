"""The model's run of a recorded case: populate, then the trace, then what is resident."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from reclaim.lab.validation_recording import RecordedRun
from reclaim.lab.validation_replay import Replay, _stream, replay, replay_group
from reclaim.workload.access_trace import Records
from tests.lab.made_recording import LIMIT_PAGES, NR_PAGES, made_group, made_run, made_words

_MODES = {
    "anon": (NR_PAGES, 0),
    "fmmap": (0, NR_PAGES),
    "fread": (0, NR_PAGES),
    "mixed": (NR_PAGES, NR_PAGES),
}


def _run(mode: str = "anon", words: Records | None = None, **changes: object) -> Replay:
    words = made_words() if words is None else words
    n_anon, n_file = _MODES[mode]
    sizes = {"n_anon": n_anon, "n_file": n_file, "accesses": len(words)}
    return replay(RecordedRun.model_validate(made_run(mode=mode, **sizes, **changes)), words)


@pytest.mark.parametrize("lru", ["trad", "mglru"])
def test_protected_memcg_of_a_group_keeps_what_the_other_loses(lru: str) -> None:
    """Both share the limit and do the same; each has numbers of its own."""
    words = made_words()
    runs = [RecordedRun.model_validate(row) for row in made_group(lru)]
    first, second = replay_group(runs, {"made": words})
    assert first.misses < second.misses
    assert first.resident.sum() >= NR_PAGES * 2 // 3 > second.resident.sum()
    assert first.resident.sum() + second.resident.sum() <= NR_PAGES
    assert first.populate["pgfault"] == second.populate["pgfault"] == NR_PAGES


def test_memcg_between_protects_all_that_it_holds() -> None:
    """What they do not claim of its memory.low goes by their usage (memory_recursiveprot)."""
    words = made_words()
    rows = [row | {"low_pages": 0, "siblings_low_pages": NR_PAGES} for row in made_group()]
    first, second = replay_group([RecordedRun.model_validate(row) for row in rows], {"made": words})
    assert abs(int(first.resident.sum()) - int(second.resident.sum())) < NR_PAGES // 4


def test_protection_that_the_harness_used_up_protects_nothing() -> None:
    """What it had in a memcg was protected there like any other memory, be it more than memory.low."""
    used = {"low_pages": 1, "siblings_low_pages": 1, "mid": {"kernel": 40}}
    rows = [row | used for row in made_group()]
    results = replay_group([RecordedRun.model_validate(row) for row in rows], {"made": made_words()})
    assert [result.is_killed for result in results] == [False, False]


@pytest.mark.parametrize("lru", ["trad", "mglru"])
@pytest.mark.parametrize("mode", _MODES)
def test_populate_phase_touches_every_page_once(mode: str, lru: str) -> None:
    """Everything that is not resident after populating was evicted while populating."""
    result = _run(mode, lru=lru)
    faults = 0 if mode == "fread" else sum(_MODES[mode])
    assert (result.populate["pgfault"], result.is_killed) == (faults, False)


def test_misses_are_of_the_trace_phase_alone() -> None:
    """Touching pages that are all still resident misses nothing, though populating missed all of them."""
    assert _run(limit_pages=2 * NR_PAGES).misses == 0


def test_cyclic_scan_of_more_than_fits_misses_every_access() -> None:
    """What populating evicted first is what the scan wants first."""
    words = np.tile(np.arange(NR_PAGES, dtype=np.uint32), 2)
    assert _run(words=words).misses == len(words)


@pytest.mark.parametrize("mode", _MODES)
def test_resident_pages_fit_into_the_limit(mode: str) -> None:
    """Residency has a bit for each page of both regions, and no more pages than memory.max."""
    resident = _run(mode).resident
    assert (len(resident), 0 < resident.sum() <= LIMIT_PAGES) == (sum(_MODES[mode]), True)


def test_chunks_of_the_trace_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the stream is cut must not move the boundary between the phases."""
    whole = _run()
    monkeypatch.setattr(
        "reclaim.engine.machine.Machine.run.__kwdefaults__",
        {"chunk_records": 100, "check": True, "watch": ()},
    )
    cut = _run()
    assert (cut.misses, cut.counters, cut.populate) == (whole.misses, whole.counters, whole.populate)


def test_without_anonymous_region_every_index_is_a_file_page() -> None:
    """A trace of anonymous pages may be replayed over a file."""
    marked = made_words() | np.uint32(1 << 30)
    plain, with_bit = _run("fmmap"), _run("fmmap", words=marked)
    assert plain.counters == with_bit.counters


def test_generations_add_up_to_the_resident_pages() -> None:
    """What MGLRU holds is what is resident, but for a batch of the CPU."""
    result = _run(lru="mglru")
    assert result.generations is not None
    held = sum(anon + file for _, anon, file in result.generations)
    assert 0 <= int(result.resident.sum()) - held <= 31


def test_traditional_lru_has_levels_but_no_generations() -> None:
    """Active and inactive sizes come from the kernel's own lists."""
    result = _run()
    assert (result.generations, sum(result.levels.values()) > 0) == (None, True)


def test_replay_is_deterministic() -> None:
    """The same case gives the same numbers."""
    first, second = (
        dataclasses.replace(_run(lru="mglru"), resident=np.zeros(0, dtype=bool)) for _ in range(2)
    )
    assert first.counters == second.counters


def test_file_region_starts_on_a_page_table_of_its_own() -> None:
    """Which pages share a page table matters to MGLRU; the harness aligns both regions to 2 MiB."""
    run = RecordedRun.model_validate(made_run(mode="mixed", n_anon=5, n_file=7, accesses=1))
    header = _stream(run, np.zeros(1, dtype=np.uint32)).header
    assert [(mapping.pages, mapping.kind) for mapping in header.mappings] == [
        (5, "anon"),
        (507, "anon"),
        (7, "file"),
    ]


def test_regions_of_odd_sizes_keep_their_pages_apart() -> None:
    """All pages of both regions fit, so all are resident, and none is missed."""
    words = np.array([0, 4, 1 << 30, 1 << 30 | 6], dtype=np.uint32)
    run = RecordedRun.model_validate(made_run(mode="mixed", n_anon=5, n_file=7, accesses=4))
    result = replay(run, words)
    assert (result.misses, int(result.resident.sum()), len(result.resident)) == (0, 12, 12)
