"""Synthetic workloads from a one-line description such as `zipf:pages=64K,alpha=1.0,accesses=1M,write=10%`.

Here: one table of generators, the language of descriptions, and `synth`. A generator gives page numbers only; which
accesses write, and whether the pages are anonymous or a file's, is the same question for all of them and answered once.
Everything is drawn block by block from one seeded stream, so that a trace of any length needs the memory of its pages
and every pass gives the same records.
"""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from reclaim.diag.errors import ConfigError
from reclaim.workload.access_trace import (
    BUFFERED,
    CHUNK_RECORDS,
    MAX_PAGES,
    WRITE,
    FileSpec,
    Mapping,
    Trace,
    TraceHeader,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from reclaim.workload.access_trace import Records

Pages = npt.NDArray[np.uint32]
Values = dict[str, float]

_NS_PER_ACCESS = 100
"""Virtual time between two accesses; ours: about one cache miss to memory."""

_KINDS = ("anon", "file-mmap", "file-read")

_COMMON: Values = {"pages": 65536, "accesses": 1e6, "write": 0.0}
"""Parameters of every generator with their defaults: 256 MiB, a run of about a second, reading only."""

_COUNT_SUFFIXES = {"K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_PAGE_SUFFIXES = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


@dataclass(frozen=True)
class Generator:
    """Declare one synthetic workload.

    Args:
        summary: one line for help texts.
        defaults: its own parameters beside the common ones; shares are 0..1.
        make: from the values and a random stream, a function that gives the pages of accesses start..start+n.
    """

    summary: str
    defaults: Values
    make: Callable[[Values, np.random.Generator], Callable[[int, int], Pages]]


def _make_uniform(values: Values, rng: np.random.Generator) -> Callable[[int, int], Pages]:
    nr_pages = int(values["pages"])
    return lambda _start, count: rng.integers(0, nr_pages, count, dtype=np.uint32)


def _make_zipf(values: Values, rng: np.random.Generator) -> Callable[[int, int], Pages]:
    nr_pages = int(values["pages"])
    weights = np.arange(1, nr_pages + 1, dtype=np.float64) ** -values["alpha"]
    cumulative = np.cumsum(weights)
    cumulative /= cumulative[-1]
    page_of_rank = rng.permutation(nr_pages).astype(np.uint32)

    def pages(_start: int, count: int) -> Pages:
        ranks = np.searchsorted(cumulative, rng.random(count))
        return page_of_rank[np.minimum(ranks, nr_pages - 1)]

    return pages


def _make_scan(values: Values, _rng: np.random.Generator) -> Callable[[int, int], Pages]:
    nr_pages = int(values["pages"])
    return lambda start, count: (np.arange(start, start + count, dtype=np.int64) % nr_pages).astype(np.uint32)


def _make_hot_scan(values: Values, rng: np.random.Generator) -> Callable[[int, int], Pages]:
    nr_pages = int(values["pages"])
    nr_hot = min(nr_pages - 1, max(1, math.ceil(nr_pages * values["hot"])))
    nr_cold = nr_pages - nr_hot
    nr_scanned = 0

    def pages(_start: int, count: int) -> Pages:
        nonlocal nr_scanned
        result = rng.integers(0, nr_hot, count, dtype=np.uint32)
        cold = np.flatnonzero(rng.random(count) >= values["share"])
        result[cold] = nr_hot + (nr_scanned + np.arange(len(cold), dtype=np.int64)) % nr_cold
        nr_scanned += len(cold)
        return result

    return pages


def _make_phases(values: Values, rng: np.random.Generator) -> Callable[[int, int], Pages]:
    nr_pages, nr_phases = int(values["pages"]), max(1, int(values["phases"]))
    nr_set = max(1, math.ceil(nr_pages * values["set"]))
    nr_per_phase = max(1, math.ceil(values["accesses"] / nr_phases))
    step = (nr_pages - nr_set) / max(1, nr_phases - 1)

    def pages(start: int, count: int) -> Pages:
        phase = np.arange(start, start + count, dtype=np.int64) // nr_per_phase
        first = np.floor(phase * step).astype(np.int64)
        return np.asarray((first + rng.integers(0, nr_set, count)) % nr_pages, dtype=np.uint32)

    return pages


GENERATORS: dict[str, Generator] = {
    "uniform": Generator("every page equally often", {}, _make_uniform),
    "zipf": Generator(
        "page of rank r as often as r^-alpha, ranks scattered over the pages", {"alpha": 1.0}, _make_zipf
    ),
    "scan": Generator("all pages in order, again and again", {}, _make_scan),
    "hot_scan": Generator(
        "a `share` of accesses to a `hot` part of the pages, the rest scans the others",
        {"hot": 0.1, "share": 0.5},
        _make_hot_scan,
    ),
    "phases": Generator(
        "uniform within a `set` of the pages that moves on in `phases` steps",
        {"phases": 4, "set": 0.25},
        _make_phases,
    ),
}

_SHARES = ("write", "hot", "share", "set")


def synth(spec: str, seed: int = 0) -> Trace:
    """Make a synthetic trace from its description.

    Args:
        spec: `GENERATOR` or `GENERATOR:KEY=VALUE,…`. Keys of all: pages (K, M, G, T count 1024s), accesses (K, M, G, T count 1000s),
            write (share, `10%` or `0.1`), kind (anon, file-mmap, file-read); the generators' own stand in GENERATORS.
        seed: of the random stream; 0 or more. The same description and seed give the same records.

    Returns:
        A trace that is generated anew in each pass.

    Raises:
        ConfigError: an unknown generator or key, or a value out of range.
    """
    name, _, text = spec.partition(":")
    name = name.strip()
    if name not in GENERATORS:
        raise ConfigError(f"unknown workload {name!r}{_suggestion(name, list(GENERATORS))}")
    generator = GENERATORS[name]
    values, kind = _parse(name, generator, text)
    nr_records, nr_pages = int(values["accesses"]), int(values["pages"])
    header = TraceHeader(
        name=spec,
        records=nr_records,
        ns_per_access=_NS_PER_ACCESS,
        files=() if kind == "anon" else (FileSpec(name, nr_pages),),
        mappings=_mappings(kind, name, nr_pages),
        source={"tool": "reclaim trace synth", "spec": spec, "seed": seed},
    )
    if seed < 0:
        raise ConfigError(f"seed {seed} found, 0 or more expected")

    def blocks() -> Iterator[Records]:
        rng = np.random.default_rng(seed)
        pages = generator.make(values, rng)
        flag = np.uint32(BUFFERED if kind == "file-read" else 0)
        for start in range(0, nr_records, CHUNK_RECORDS):
            count = min(CHUNK_RECORDS, nr_records - start)
            records = pages(start, count) | flag
            if values["write"] > 0:
                records |= np.where(rng.random(count) < values["write"], np.uint32(WRITE), np.uint32(0))
            yield records

    def read_chunks(size: int) -> Iterator[Records]:
        for block in blocks():
            for start in range(0, len(block), size):
                yield block[start : start + size]

    return Trace(header, read_chunks)


def _mappings(kind: str, name: str, nr_pages: int) -> tuple[Mapping, ...]:
    if kind == "anon":
        return (Mapping(pages=nr_pages, kind="anon", name="synthetic"),)
    if kind == "file-mmap":
        return (Mapping(pages=nr_pages, kind="file", file=0, shared=True, name=name),)
    return ()


def _suggestion(word: str, known: list[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    choices = f", one of {', '.join(known)} expected"
    return choices + (f"; did you mean {close[0]!r}?" if close else "")


def _parse(name: str, generator: Generator, text: str) -> tuple[Values, str]:
    values = {**_COMMON, **generator.defaults}
    kind = _KINDS[0]
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if key not in values and key != "kind":
            raise ConfigError(f"workload {name}: unknown key {key!r}{_suggestion(key, [*values, 'kind'])}")
        if not equals or not value:
            raise ConfigError(f"workload {name}: {part!r} found, KEY=VALUE expected")
        if key != "kind":
            values[key] = _number(name, key, value)
        elif value in _KINDS:
            kind = value
        else:
            raise ConfigError(f"workload {name}: unknown kind {value!r}{_suggestion(value, list(_KINDS))}")
    _check_ranges(name, values)
    return values, kind


def _number(name: str, key: str, value: str) -> float:
    suffixes = _PAGE_SUFFIXES if key == "pages" else _COUNT_SUFFIXES
    factor: float = 1
    digits = value
    if value.endswith("%") and key in _SHARES:
        digits, factor = value[:-1], 0.01
    elif value[-1:].upper() in suffixes and key not in _SHARES:
        digits, factor = value[:-1], suffixes[value[-1].upper()]
    try:
        number = float(digits) * factor
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        form = ", or a share such as 10%" if key in _SHARES else f", perhaps with {'/'.join(suffixes)},"
        raise ConfigError(f"workload {name}: {key}={value!r} found, a number{form} expected")
    return number


def _written(number: float) -> str:
    """Return a number as people read it."""
    return f"{number:,.0f}" if number == int(number) else f"{number:g}"


def _check_ranges(name: str, values: Values) -> None:
    ranges = {"pages": (1, MAX_PAGES), "accesses": (1, 1e15), "phases": (1, 1e6), "alpha": (0, 100)}
    for key, value in values.items():
        low, high = (0, 1) if key in _SHARES else ranges[key]
        if not low <= value <= high:
            raise ConfigError(
                f"workload {name}: {key}={_written(value)} found, {_written(low)} to {_written(high)} expected"
            )
    if name == "hot_scan" and values["pages"] < 2:
        raise ConfigError(
            f"workload {name}: pages={_written(values['pages'])} found, at least 2 expected (one hot, one cold)"
        )
