"""Synthetic workloads: their shape, their repeatability, and their messages."""

import numpy as np
import pytest

from reclaim.diag.errors import ConfigError
from reclaim.workload import BUFFERED, PAGE_MASK, WRITE, synth
from reclaim.workload.synthetic import GENERATORS


def pages_of(spec: str, seed: int = 0) -> list[int]:
    """Return the pages of a small workload."""
    return [int(record) & PAGE_MASK for chunk in synth(spec, seed).chunks(1000) for record in chunk]


@pytest.mark.parametrize("name", GENERATORS)
def test_generator_gives_as_many_accesses_to_as_many_pages_as_asked(name: str) -> None:
    """The two numbers that every description has are kept, and passes repeat."""
    trace = synth(f"{name}:pages=300,accesses=3K", 5)
    records = np.concatenate(list(trace.chunks(700)))
    assert (len(records), trace.nr_records, trace.nr_mapped_pages) == (3000, 3000, 300)
    assert (records == np.concatenate(list(trace.chunks()))).all()
    assert records.max() < 300


@pytest.mark.parametrize("name", ["zipf", "uniform", "hot_scan", "phases"])
def test_another_seed_gives_other_accesses(name: str) -> None:
    """The seed matters, and the same seed gives the same."""
    spec = f"{name}:pages=300,accesses=500"
    assert pages_of(spec, 1) == pages_of(spec, 1) != pages_of(spec, 2)


def test_scan_is_cyclic() -> None:
    """A scan starts over after the last page."""
    assert pages_of("scan:pages=3,accesses=7") == [0, 1, 2, 0, 1, 2, 0]


def test_zipf_frequencies_fall_with_rank() -> None:
    """The most frequent page takes the share that the law gives it."""
    counts = np.bincount(pages_of("zipf:pages=100,alpha=1,accesses=100K"))
    assert counts.max() / counts.sum() == pytest.approx(1 / sum(1 / r for r in range(1, 101)), rel=0.05)


def test_hot_scan_shares_are_kept() -> None:
    """A tenth of the pages takes its share, the others are scanned in order."""
    pages = np.array(pages_of("hot_scan:pages=100,hot=10%,share=0.6,accesses=10K"))
    cold = pages[pages >= 10]
    assert np.mean(pages < 10) == pytest.approx(0.6, abs=0.02)
    assert cold[:200].tolist() == [10 + n % 90 for n in range(200)]


def test_phases_move_through_all_pages() -> None:
    """Each phase stays within its set; together they reach both ends."""
    pages = np.array(pages_of("phases:pages=1000,phases=4,set=25%,accesses=8K")).reshape(4, 2000)
    assert (np.ptp(pages, axis=1) < 250).all()
    assert (pages.min(), pages.max()) == (0, 999)


@pytest.mark.parametrize(("kind", "flag"), [("anon", 0), ("file-mmap", 0), ("file-read", BUFFERED)])
def test_kind_says_what_the_pages_are(kind: str, flag: int) -> None:
    """Pages are anonymous, a file's through a mapping, or a file's through a descriptor."""
    trace = synth(f"scan:pages=9,accesses=9,kind={kind}")
    assert {int(record) & BUFFERED for chunk in trace.chunks() for record in chunk} == {flag}
    assert (trace.page_counts.anon, trace.page_counts.file) == ((9, 0) if kind == "anon" else (0, 9))


def test_write_share_is_kept() -> None:
    """A tenth of the accesses writes."""
    records = np.concatenate(list(synth("uniform:pages=100,accesses=50K,write=10%").chunks()))
    assert np.mean(records >= WRITE) == pytest.approx(0.1, abs=0.01)


def test_suffixes_count_pages_in_1024s_and_accesses_in_1000s() -> None:
    """Pages are memory, accesses are events."""
    trace = synth("scan:pages=2K,accesses=0.5M")
    assert (trace.nr_mapped_pages, trace.nr_records) == (2048, 500_000)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("zpif", "did you mean 'zipf'"),
        ("zipf:page=3", "unknown key 'page', .* did you mean 'pages'"),
        ("zipf:pages", "KEY=VALUE expected"),
        ("zipf:pages=", "KEY=VALUE expected"),
        ("zipf:pages=many", "a number, perhaps with K/M/G/T, expected"),
        ("zipf:pages=nan", "a number, perhaps with K/M/G/T, expected"),
        ("zipf:pages=0", "pages=0 found, 1 to 536,870,912 expected"),
        ("zipf:pages=1e10", "pages=10,000,000,000 found, 1 to 536,870,912 expected"),
        ("zipf:pages=1T", "pages=1,099,511,627,776 found, 1 to 536,870,912 expected"),
        ("zipf:accesses=1001T", "1 to 1,000,000,000,000,000 expected"),
        ("zipf:accesses=0.2", "accesses=0.2 found, 1 to "),
        ("zipf:write=110%", "write=1.1 found, 0 to 1 expected"),
        ("zipf:write=much", "a number, or a share such as 10% expected"),
        ("zipf:alpha=-1", "0 to 100 expected"),
        ("zipf:kind=anno", "did you mean 'anon'"),
        ("scan:alpha=1", "unknown key 'alpha'"),
        ("hot_scan:pages=1", "at least 2"),
    ],
)
def test_description_that_makes_no_sense_is_refused(spec: str, message: str) -> None:
    """The message names what was found and what was expected."""
    with pytest.raises(ConfigError, match=message):
        synth(spec)


def test_negative_seed_is_refused() -> None:
    """Seeds count from 0."""
    with pytest.raises(ConfigError, match="seed -1"):
        synth("scan", -1)
