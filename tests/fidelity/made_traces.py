"""The traces of the recorded set, made from fixed seeds.

Here: one function per trace, and the folder that holds them. Each trace is one kind of program that reclaim treats in
its own way; together they are small enough to record in minutes and to keep in the tree.

A record is a little-endian u32: bit 31 a write, bit 30 the file region, else the page within its region.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import zstandard

WRITE = np.uint32(1 << 31)
FILE = np.uint32(1 << 30)

Words = npt.NDArray[np.uint32]
Draw = np.random.Generator


@dataclass(frozen=True, slots=True)
class MadeTrace:
    """Hold a trace and what its regions are.

    Args:
        doc: what it does, in a line.
        nr_anon: pages of the first region; a trace of one region is replayed over anonymous or file pages.
        nr_file: pages of the file region, 0 where there is none.
        words: shape (n,), uint32.
    """

    doc: str
    nr_anon: int
    nr_file: int
    words: Words


def zipf_ranks(draw: Draw, nr_pages: int, nr: int, exponent: float) -> Words:
    """Return ranks from 0, each `k` as often as `(k + 1) ** -exponent`."""
    weights = np.arange(1, nr_pages + 1, dtype=np.float64) ** -exponent
    bounds = np.cumsum(weights / weights.sum())
    return np.minimum(np.searchsorted(bounds, draw.random(nr)), nr_pages - 1).astype(np.uint32)


def some_writes(draw: Draw, words: Words, share: float) -> Words:
    """Turn a share of the accesses into writes."""
    return np.where(draw.random(len(words)) < share, words | WRITE, words).astype(np.uint32)


def make_zipf(draw: Draw) -> MadeTrace:
    """Make the everyday case: few pages are asked for often, over no particular places."""
    nr_pages = 8192
    places = draw.permutation(nr_pages).astype(np.uint32)
    ranks = zipf_ranks(draw, nr_pages, 80_000, 0.9)
    return MadeTrace("zipf 0.9, ranks scattered", nr_pages, 0, places[ranks])


def make_hot_scan(draw: Draw) -> MadeTrace:
    """Make a hot set that a scan through the rest keeps interrupting."""
    nr_pages, nr_hot, block = 8192, 1792, 3500
    cold = np.arange(nr_hot, nr_pages, dtype=np.uint32)
    scan = np.tile(cold, 6)
    parts = []
    for number in range(16):
        parts.append(draw.integers(0, nr_hot, block, dtype=np.uint32))
        parts.append(scan[number * 1600 : (number + 1) * 1600])
    return MadeTrace(
        "16 times 3,500 accesses to the hot 1,792 pages, then 1,600 pages of a scan through the rest",
        nr_pages,
        0,
        np.concatenate(parts),
    )


def make_phases(draw: Draw) -> MadeTrace:
    """Make a program whose working set changes at once, and changes back."""
    nr_pages, nr_set = 8192, 2816
    starts = (0, 2688, 5376, 0)
    parts = [start + zipf_ranks(draw, nr_set, 20_000, 0.6) for start in starts]
    return MadeTrace(
        "sets of 2,816 pages one after the other, the first again", nr_pages, 0, np.concatenate(parts)
    )


def make_loop(_draw: Draw) -> MadeTrace:
    """Make the loop over more than fits, where any order by age fails."""
    nr_pages = 8192
    return MadeTrace("5 passes in order", nr_pages, 0, np.tile(np.arange(nr_pages, dtype=np.uint32), 5))


def make_stride(draw: Draw) -> MadeTrace:
    """Make a walk through lists: long strides, a few lists more often than others."""
    nr_pages, nr_lists = 8192, 64
    lists = draw.permutation(nr_pages).astype(np.uint32).reshape(nr_lists, -1)
    chosen = zipf_ranks(draw, nr_lists, 640, 0.7)
    return MadeTrace(
        "64 scattered lists of 128 pages, followed from head to end 640 times, zipf 0.7",
        nr_pages,
        0,
        lists[chosen].reshape(-1),
    )


def make_update(draw: Draw) -> MadeTrace:
    """Make a table that is read and updated: hot rows, three accesses in ten write."""
    nr_pages = 8192
    places = draw.permutation(nr_pages).astype(np.uint32)
    words = places[zipf_ranks(draw, nr_pages, 80_000, 1.0)]
    return MadeTrace("zipf 1.0, 30 % writes", nr_pages, 0, some_writes(draw, words, 0.3))


def make_heap_and_file(draw: Draw) -> MadeTrace:
    """Make a program with a hot heap that streams through a file and looks things up in a part of it."""
    nr_anon, nr_file, nr = 4096, 4096, 80_000
    heap = zipf_ranks(draw, nr_anon, nr, 0.8)
    lookups = zipf_ranks(draw, nr_file // 4, nr, 0.6) | FILE
    stream = np.arange(nr, dtype=np.uint32) % nr_file | FILE
    kind = draw.random(nr)
    stream = stream[np.maximum(np.cumsum(kind >= 0.85) - 1, 0)]
    words = np.where(kind < 0.6, heap, np.where(kind < 0.85, lookups, stream)).astype(np.uint32)
    return MadeTrace("60 % heap, 25 % lookups in a quarter of a file, 15 % stream", nr_anon, nr_file, words)


def make_steep_zipf(draw: Draw) -> MadeTrace:
    """Make a cache whose hot pages are few: most limits hold them all."""
    nr_pages = 16384
    places = draw.permutation(nr_pages).astype(np.uint32)
    return MadeTrace(
        "zipf 1.2, ranks scattered", nr_pages, 0, places[zipf_ranks(draw, nr_pages, 200_000, 1.2)]
    )


def make_window(draw: Draw) -> MadeTrace:
    """Make a working set that moves on slowly: what is old never comes back, until the region ends."""
    nr_pages, nr = 16384, 150_000
    first = np.arange(nr, dtype=np.int64) * 3 * nr_pages // nr // 2
    ahead = (draw.random(nr) ** 2 * 5000).astype(np.int64)
    return MadeTrace(
        "a window of 5,000 pages that slides one and a half times over the region",
        nr_pages,
        0,
        ((first + ahead) % nr_pages).astype(np.uint32),
    )


def make_backward_scans(draw: Draw) -> MadeTrace:
    """Make hot neighbours beside scans that go backwards and skip, so that neighbours tell little."""
    nr_pages = 16384
    parts = []
    for number in range(8):
        parts.append(zipf_ranks(draw, 6000, 12_000, 0.8))
        parts.append(np.arange(nr_pages - 1, 8191, -1, dtype=np.uint32)[:: number % 3 + 1])
    return MadeTrace("zipf 0.8 in order of rank, and backward scans", nr_pages, 0, np.concatenate(parts))


def make_heap_and_loop(draw: Draw) -> MadeTrace:
    """Make a program with a hot heap that loops over a file larger than what is left."""
    nr_anon, nr_file, nr = 6000, 9000, 150_000
    kind = draw.random(nr)
    heap = zipf_ranks(draw, nr_anon, nr, 1.0)
    loop = (np.cumsum(kind >= 0.5) % nr_file).astype(np.uint32) | FILE
    lookups = zipf_ranks(draw, nr_file, nr, 0.9) | FILE
    words = np.where(kind < 0.5, heap, np.where(kind < 0.7, lookups, loop)).astype(np.uint32)
    return MadeTrace("50 % heap, 20 % lookups in a file, 30 % a loop over it", nr_anon, nr_file, words)


TRACES: dict[str, tuple[int, Callable[[Draw], MadeTrace]]] = {
    "zipf": (1, make_zipf),
    "hot_scan": (2, make_hot_scan),
    "phases": (3, make_phases),
    "loop": (4, make_loop),
    "stride": (5, make_stride),
    "update": (6, make_update),
    "heap_and_file": (7, make_heap_and_file),
    "steep_zipf": (101, make_steep_zipf),
    "window": (103, make_window),
    "backward_scans": (104, make_backward_scans),
    "heap_and_loop": (105, make_heap_and_loop),
}
"""By name: the seed that a trace is drawn from, and how."""


def make_trace(name: str) -> MadeTrace:
    """Return a trace, the same every time."""
    seed, make = TRACES[name]
    return make(np.random.Generator(np.random.PCG64(seed)))


def write_traces(folder: Path, names: list[str]) -> None:
    """Write traces compressed, and meta.json that tells what they are.

    meta.json says what a file must be, so a generator that draws otherwise one day is noticed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    meta = {}
    for name in names:
        made = make_trace(name)
        data = made.words.astype("<u4").tobytes()
        (folder / f"{name}.bin.zst").write_bytes(zstandard.ZstdCompressor(level=19).compress(data))
        meta[name] = {
            "doc": made.doc,
            "accesses": len(made.words),
            "n_anon": made.nr_anon,
            "n_file": made.nr_file,
            "sha256": hashlib.sha256(data).hexdigest(),
        }
    (folder / "meta.json").write_text(json.dumps({"traces": meta}, indent=1) + "\n", encoding="utf-8")
