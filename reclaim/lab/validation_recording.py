"""Counters that a real kernel gave for fixed traces, read from a folder and sorted into cases.

Here: the format of such a folder (`results.json`, `traces/`, `residency.jsonl`), its checks, and `read_recording`. Not
here: the model (validation_replay.py) and the comparison (validation.py).

A case is what was run: trace, mode, share of the footprint that fits, algorithm. Runs that differ in nothing else are
its repeats. A label, and how often the kernel's statistics were folded (`flush_us`), change what a kernel does; where
runs of one case differ in those, they are cases of their own.

Members that are not compared are not read, so a folder may hold more than is named here.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from reclaim.abi.limits import PAGE_BYTES
from reclaim.diag.errors import ConfigError, TraceError
from reclaim.engine.machine_config import suggest
from reclaim.workload.access_trace import MAX_PAGES, Records
from reclaim.workload.byte_source import ByteSource

Mode = Literal["anon", "fmmap", "fread", "mixed"]
Algorithm = Literal["trad", "mglru"]

RESULTS = "results.json"
TRACES = "traces"
RESIDENCY = "residency.jsonl"

UNSAID_FLUSH_US = 4000
"""Period of reading memory.stat in runs whose residency is recorded without saying it."""

SHIPPED = Path(__file__).parents[2] / "tests" / "fidelity" / "recorded"
"""The recording of this project; a source tree has it, an installed package does not."""

FILE_BIT = np.uint32(1 << 30)
"""The access is to the file region; bit 31 is a write, as in our own records."""
INDEX_MASK = np.uint32((1 << 30) - 1)
"""Bits of the page number within its region."""

_BLOCK_BYTES = 1 << 22
_HEX = re.compile("[0-9a-f]*")


_Model = TypeVar("_Model", bound=BaseModel)


class _Part(BaseModel):
    """A part of the file: what is named here must be right, what is not named may be there."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


_BY_RECLAIMER = ("pgscan_kswapd", "pgscan_direct", "pgsteal_kswapd", "pgsteal_direct")


class Phase(_Part):
    """Hold differences of counters over one phase of a run.

    Args:
        memcg: of memory.stat, which may lag by up to 64 events.
        vmstat: of /proc/vmstat, exact.
    """

    memcg: dict[str, int] = Field(default_factory=dict)
    vmstat: dict[str, int] = Field(default_factory=dict)

    def count(self, name: str) -> int | None:
        """Return a counter by the name that results use, the exact one where there are two; None where unknown."""
        if (
            name == "pgrefill"
        ):  # memcg reclaim does not count it in vmstat: scan_folios(), shrink_active_list()
            return self.memcg.get(name)
        if name in _BY_RECLAIMER:  # vmstat leaves memcg reclaim out of them: shrink_inactive_list()
            return self.memcg.get(name)
        if name == "allocstall":
            return self._sum(f"allocstall_{zone}" for zone in ("dma32", "normal", "movable"))
        parts = self._sum(f"{name}_{kind}" for kind in ("anon", "file"))
        if name in {"pgscan", "pgsteal"} and parts is not None:
            return parts
        return self.vmstat.get(name, self.memcg.get(name))

    def _sum(self, names: Iterable[str]) -> int | None:
        parts = [self.vmstat.get(name) for name in names]
        known = [part for part in parts if part is not None]
        return sum(known) if len(known) == len(parts) else None


def _pairs(value: object) -> object:
    """Turn JSON's lists into the tuples that frozen models want."""
    return tuple(map(_pairs, value)) if isinstance(value, list) else value


Generation = tuple[int, int, int]
"""Sequence number, anonymous pages, file pages."""


class RecordedRun(_Part):
    """Hold one run of a kernel.

    Args:
        trace: name of the trace.
        mode: how its pages are touched.
        frac: limit as a share of the footprint.
        lru: algorithm.
        rep: number of the repeat.
        limit_pages: memory.max.
        n_anon: anonymous pages.
        n_file: file pages.
        file_pages: size of the file, of which n_file pages are used; readahead may go beyond these. None: as many.
        accesses: of the trace phase.
        misses: pages brought in during the trace phase; None where the OOM killer ended the run.
        spread: range of misses over all repeats, also those that are not here.
        label: of the set that the run belongs to.
        flush_us: how often memory.stat was read, which folds the kernel's counters.
        flushes: how often that was in the trace phase.
        readahead_kb: largest readahead window of files.
        fault_around_bytes: what a read fault of a file maps.
        pressure: what is short, the memcg, or the machine, which then has limit_pages above its high watermark.
        swap: what anonymous pages go to.
        page_cluster: swap that is no zram reads up to 2**n pages at once.
        disk: what has the file system; memory answers at once. None: an SSD that nothing more is known about.
        fs: the file system.
        free_pages: of the machine at the start.
        watermarks: min, low, high of the machine; pages.
        compressed_bytes: what zram made of a page on average.
        start: levels of memory.stat before anything is touched; pages.
        populate: counters of the phase before the trace.
        trace_phase: counters of the trace phase.
        mid: levels of memory.stat between the phases; pages.
        end: the same at the end.
        gens_end: generations at the end, oldest first.
        group: what ran together, where several memcgs below the limit had a task each; a row is of one of them then.
        number: of the memcg in its group.
        turn: accesses after which the next task of the group had its turn.
        low_pages: memory.low of the memcg.
        min_pages: memory.min.
        siblings_low_pages: memory.low of a memcg between the limit and those of the group; 0 where there was none.
        limited_kernel: kernel memory of the memcg with the limit, between the phases; pages.
    """

    trace: str = Field(pattern=r"^[A-Za-z0-9][\w.+-]*$")
    mode: Mode
    frac: float = Field(gt=0)
    lru: Algorithm
    rep: int = 1
    limit_pages: int = Field(gt=0)
    n_anon: int = Field(ge=0, le=MAX_PAGES)
    n_file: int = Field(ge=0, le=MAX_PAGES)
    file_pages: Annotated[int, Field(ge=0, le=MAX_PAGES)] | None = None
    accesses: int = Field(gt=0)
    misses: Annotated[int, Field(ge=0)] | None
    spread: Annotated[int, Field(ge=0)] | None = None
    label: str | None = None
    flush_us: int | None = None
    flushes: Annotated[int, Field(ge=0)] | None = None
    readahead_kb: Annotated[int, Field(ge=0)] = 0
    fault_around_bytes: Annotated[int, Field(ge=PAGE_BYTES)] = PAGE_BYTES
    pressure: Literal["memcg", "machine"] = "memcg"
    swap: Literal["zram", "ssd", "disk", "none"] = "zram"
    page_cluster: Annotated[int, Field(ge=0)] = 0
    disk: Literal["memory", "ssd", "virtio"] | None = None
    fs: Literal["ext4", "xfs"] = "ext4"
    free_pages: Annotated[int, Field(gt=0)] | None = None
    watermarks: Annotated[tuple[int, int, int] | None, BeforeValidator(_pairs)] = None
    compressed_bytes: Annotated[int, Field(gt=0)] | None = None
    start: dict[str, int] = Field(default_factory=dict)
    populate: Phase = Phase()
    trace_phase: Phase = Phase()
    mid: dict[str, int] = Field(default_factory=dict)
    end: dict[str, int] = Field(default_factory=dict)
    gens_end: Annotated[tuple[Generation, ...] | None, BeforeValidator(_pairs)] = None
    group: str | None = None
    number: Annotated[int, Field(ge=0)] = 0
    turn: Annotated[int, Field(ge=0)] = 0
    low_pages: Annotated[int, Field(ge=0)] = 0
    min_pages: Annotated[int, Field(ge=0)] = 0
    siblings_low_pages: Annotated[int, Field(ge=0)] = 0
    limited_kernel: Annotated[int | None, Field(ge=0)] = None

    @property
    def protection(self) -> str:
        """Return memory.low and memory.min in words, empty where nothing protects it."""
        words = {"low": self.low_pages, "min": self.min_pages, "siblings' low": self.siblings_low_pages}
        return ", ".join(f"{name} {pages:,}" for name, pages in words.items() if pages)

    def read_every(self, flush_us: int) -> RecordedRun:
        """Return this run as if memory.stat had been read in another period, as often as fits the same work."""
        if not self.flush_us or self.flushes is None:
            return self
        changes = {
            "flush_us": flush_us,
            "flushes": self.flushes * self.flush_us // flush_us if flush_us else 0,
        }
        return self.model_copy(update=changes)

    def with_more_memory(self, nr_pages: int) -> RecordedRun:
        """Return this run as if so many pages more had been its limit, and free on its machine; at least one is left."""
        changes = {"limit_pages": max(self.limit_pages + nr_pages, 1)}
        if self.free_pages is not None:
            changes["free_pages"] = self.free_pages + nr_pages
        return self.model_copy(update=changes)


class _Results(_Part):
    runs: list[RecordedRun] = Field(min_length=1)
    kernel_package: str = ""


class _Residency(_Part):
    """Hold which pages a run had at its end; it may be another run than the one whose counters are recorded."""

    trace: str
    mode: Mode
    frac: float
    lru: Algorithm
    rep: int = 1
    label: str | None = None
    flush_us: int = UNSAID_FLUSH_US
    resident_hex: str


class _TraceRow(_Part):
    sha256: str | None = None


class _Meta(_Part):
    traces: dict[str, _TraceRow]


@dataclass(frozen=True, slots=True)
class RecordedCase:
    """Hold the runs of one case.

    Args:
        runs: its repeats, at least one.
        residency: by repeat which pages were resident at the end, shape (n_anon + n_file,), bool, anonymous first.
        residency_flush_us: how often memory.stat was read in the runs that `residency` is of; None: in these.
        condition: what tells it from cases of the same trace, mode, share and algorithm; empty where nothing must.
        group: the first repeat's runs of all memcgs that ran together, by number; empty for one that ran alone.
    """

    runs: tuple[RecordedRun, ...]
    residency: Mapping[int, npt.NDArray[np.bool_]] = field(default_factory=dict)
    residency_flush_us: int | None = None
    condition: str = ""
    group: tuple[RecordedRun, ...] = ()

    @property
    def together(self) -> tuple[RecordedRun, ...]:
        """Return what must be run for this case: its first run, or those of its group."""
        return self.group or self.runs[:1]

    @property
    def together_at_end(self) -> tuple[RecordedRun, ...]:
        """Return likewise what must be run for its residency.

        The harness sleeps between two reads while the task has the only processor, so a task that computes as long is
        read as much more often as the sleep is shorter.
        """
        flush_us = self.residency_flush_us
        if flush_us is None:
            return self.together
        return tuple(run.read_every(flush_us) for run in self.together)

    @property
    def first(self) -> RecordedRun:
        """Return some run, for what all have in common."""
        return self.runs[0]

    @property
    def place(self) -> tuple[str, Mode, float, str]:
        """Return what the two algorithms of a comparison share: trace, mode, share, condition."""
        return self.first.trace, self.first.mode, self.first.frac, self.condition

    @property
    def name(self) -> str:
        """Return a short name such as `zipf10 anon 25% mglru`."""
        return self._named(self.first.lru)

    @property
    def place_name(self) -> str:
        """Return a name of what both algorithms share, such as `zipf10 anon 25%`."""
        return self._named("")

    def _named(self, algorithm: str) -> str:
        run = self.first
        parts = (run.trace, run.mode, f"{100 * run.frac:.4g}%", algorithm, self.condition)
        return " ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class Recording:
    """Hold a folder of results.

    Args:
        kernel: the kernel's package, empty where the folder does not say.
        cases: in the order of the file.
        words: raw records of each trace by name, shape (n,), uint32.
    """

    kernel: str
    cases: tuple[RecordedCase, ...]
    words: Mapping[str, Records]


def read_recording(folder: Path, only: str | None = None) -> Recording:
    """Read a folder of recorded runs and the traces that they need.

    Args:
        folder: holds results.json and traces/, and may hold residency.jsonl; files may be zstd compressed.
        only: regular expression; cases whose name it does not match anywhere are left out. None takes all.

    Returns:
        The cases, at least one.

    Raises:
        ConfigError: no such folder, a file that is missing or does not follow the format, or no case that matches.
        TraceError: a trace is damaged, or does not fit the runs.
    """
    if not folder.is_dir():
        raise ConfigError(f"{folder}: no such directory; expected one that holds {RESULTS} and {TRACES}/")
    results = _checked(_Results, folder / RESULTS, _json_of(_bytes_of(folder, RESULTS), folder / RESULTS))
    residency = _residency(folder)
    cases = [case for case in _cases(folder, results.runs, residency) if _matches(case, only)]
    if not cases:
        raise ConfigError(
            f"--only {only!r} matches none of the cases in {folder / RESULTS}, such as "
            f"{RecordedCase((results.runs[0],)).name!r}"
        )
    return Recording(results.kernel_package, tuple(cases), _traces(folder, cases))


def _matches(case: RecordedCase, only: str | None) -> bool:
    try:
        return only is None or re.search(only, case.name) is not None
    except re.error as error:
        raise ConfigError(f"--only is {only!r}; expected a regular expression: {error}") from error


def _bytes_of(folder: Path, name: str) -> bytes:
    """Return a file of the folder, plain or compressed."""
    for path in (folder / name, folder / f"{name}.zst"):
        if path.is_file():
            with ByteSource(path) as source:
                return b"".join(iter(lambda: source.read(_BLOCK_BYTES), b""))
    raise ConfigError(
        f"{folder / name}: missing, also as {name}.zst; is {str(folder)!r} the right directory?"
    )


def _json_of(text: bytes, path: Path, first_line: int = 1) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        line = first_line + error.lineno - 1
        raise ConfigError(f"{path}: line {line}, column {error.colno}: {error.msg}; expected JSON") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: byte {error.start}: no UTF-8 text; expected JSON") from error


def _checked(model: type[_Model], path: Path, data: Any, where: str = "") -> _Model:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        found = error.errors()[0]
        place = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in found["loc"]).lstrip(".")
        raise ConfigError(f"{path}: {where}{place or 'the whole'}: {_complaint(found)}") from error


def _complaint(found: ErrorDetails) -> str:
    """Return what was found and what was expected."""
    if found["type"] == "missing":
        return "missing; expected a value"
    is_object = found["type"] == "model_type"  # whose message names a class of ours
    expected = "an object" if is_object else found["msg"].replace("Input should be ", "")
    return f"found {_shortened(found['input'])}; expected {expected}"


def _shortened(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _cases(
    folder: Path, runs: Sequence[RecordedRun], residency: Sequence[_Residency]
) -> Iterator[RecordedCase]:
    """Group runs into cases."""
    places: dict[tuple[Any, ...], dict[tuple[Any, ...], list[RecordedRun]]] = {}
    ends: dict[tuple[Any, ...], list[_Residency]] = {}
    for row in residency:
        ends.setdefault((row.trace, row.mode, row.frac, row.lru), []).append(row)
    groups = _groups(runs)
    for run in runs:
        _check_run(folder, run)
        conditions = places.setdefault((run.trace, run.mode, run.frac, run.lru), {})
        conditions.setdefault((run.label, run.flush_us), []).append(run)
    for place, conditions in places.items():
        for (label, flush_us), repeats in conditions.items():
            rows = _nearest(ends.get(place, ()), repeats[0])
            bits = {row.rep: _bits(folder, row, repeats[0]) for row in rows}
            at_end_us = rows[0].flush_us if rows and flush_us is not None else None
            _check_repeats(folder, repeats)
            is_one_of_several = sum(other == label for other, _ in conditions) > 1
            several = f"flush_us={flush_us}" if is_one_of_several else ""
            condition = f"{label or ''} {several}".strip()
            group = _whole_group(folder, repeats[0], groups.get(_group_key(repeats[0]), []))
            yield RecordedCase(
                runs=tuple(repeats),
                residency=bits,
                residency_flush_us=None if at_end_us == flush_us else at_end_us,
                condition=condition,
                group=group,
            )


def _nearest(rows: Sequence[_Residency], run: RecordedRun) -> list[_Residency]:
    """Return the rows of runs that are most like this one: of its label, and read about as often."""
    same = [row for row in rows if row.label in {None, run.label}]
    periods = {row.flush_us for row in same}
    nearest = min(periods, key=lambda period: abs(period - (run.flush_us or 0)), default=None)
    return [row for row in same if row.flush_us == nearest]


def _group_key(run: RecordedRun) -> tuple[Any, ...]:
    return run.group, run.frac, run.lru, run.flush_us, run.rep


def _groups(runs: Sequence[RecordedRun]) -> dict[tuple[Any, ...], list[RecordedRun]]:
    """Sort the runs of memcgs that ran together."""
    groups: dict[tuple[Any, ...], list[RecordedRun]] = {}
    for run in runs:
        if run.group is not None:
            groups.setdefault(_group_key(run), []).append(run)
    return groups


def _whole_group(folder: Path, run: RecordedRun, group: Sequence[RecordedRun]) -> tuple[RecordedRun, ...]:
    """Return the runs that a run ran with, by number; nothing for one that ran alone."""
    found = sorted(group, key=lambda member: member.number)
    if [member.number for member in found] != list(range(len(found))) or (len(found) == 1):
        raise ConfigError(
            f"{folder / RESULTS}: group {run.group!r}, {run.lru}, rep {run.rep} has the numbers "
            f"{[member.number for member in found]}; expected 0, 1 and so on, each once"
        )
    return tuple(found)


def _check_run(folder: Path, run: RecordedRun) -> None:
    wanted = {
        "anon": ("n_anon",),
        "fmmap": ("n_file",),
        "fread": ("n_file",),
        "mixed": ("n_anon", "n_file"),
    }
    for name in ("n_anon", "n_file"):
        found = getattr(run, name)
        if (found > 0) != (name in wanted[run.mode]):
            expected = "at least 1" if name in wanted[run.mode] else "0"
            raise ConfigError(
                f"{folder / RESULTS}: {RecordedCase((run,)).name}: {name} is {found}; "
                f"mode {run.mode} expects {expected}"
            )


def _check_repeats(folder: Path, runs: Sequence[RecordedRun]) -> None:
    for name in ("limit_pages", "n_anon", "n_file", "accesses"):
        values = {getattr(run, name) for run in runs}
        if len(values) > 1:
            raise ConfigError(
                f"{folder / RESULTS}: {RecordedCase(tuple(runs)).name}: repeats differ in {name} "
                f"({', '.join(map(str, sorted(values)))}); expected the same in all"
            )


def _residency(folder: Path) -> list[_Residency]:
    """Return the rows of the residency file, none where there is no such file."""
    if not any((folder / name).is_file() for name in (RESIDENCY, f"{RESIDENCY}.zst")):
        return []
    path = folder / RESIDENCY
    rows = []
    for number, line in enumerate(_bytes_of(folder, RESIDENCY).splitlines(), start=1):
        if line.strip():
            rows.append(_checked(_Residency, path, _json_of(line, path, number), f"line {number}: "))
    return rows


def _bits(folder: Path, row: _Residency, run: RecordedRun) -> npt.NDArray[np.bool_]:
    """Decode hex digits: page i is bit i % 4 of digit i // 4."""
    nr_pages = run.n_anon + run.n_file
    text = row.resident_hex
    if len(text) != -(-nr_pages // 4) or not _HEX.fullmatch(text):
        raise ConfigError(
            f"{folder / RESIDENCY}: {RecordedCase((run,)).name}, rep {row.rep}: resident_hex has {len(text)} "
            f"characters; expected {-(-nr_pages // 4)} hexadecimal digits for {nr_pages} pages"
        )
    digits = np.frombuffer(bytes.fromhex("0" * (len(text) % 2) + text[::-1]), dtype=np.uint8)[::-1]
    return np.unpackbits(digits, count=nr_pages, bitorder="little").astype(np.bool_)


def _traces(folder: Path, cases: Sequence[RecordedCase]) -> dict[str, Records]:
    path = folder / TRACES / "meta.json"
    meta = _checked(_Meta, path, _json_of(_bytes_of(folder, f"{TRACES}/meta.json"), path))
    words: dict[str, Records] = {}
    for run in (run for case in cases for run in case.together):
        if run.trace not in meta.traces:
            raise ConfigError(
                f"{path}: traces.{run.trace}: missing, but {RESULTS} has runs of it{suggest(run.trace, meta.traces)}"
            )
        if run.trace not in words:
            words[run.trace] = _words(folder, run.trace, meta.traces[run.trace])
        _check_words(folder / TRACES / f"{run.trace}.bin", run, words[run.trace])
    return words


def _words(folder: Path, name: str, row: _TraceRow) -> Records:
    data = _bytes_of(folder, f"{TRACES}/{name}.bin")
    path = folder / TRACES / f"{name}.bin"
    if len(data) % 4:
        raise TraceError(path, len(data) - len(data) % 4, f"{len(data) % 4} bytes of a record, 4 expected")
    digest = hashlib.sha256(data).hexdigest()
    if row.sha256 not in {None, digest}:
        raise TraceError(path, None, f"sha256 is {digest}; meta.json expects {row.sha256}")
    return np.frombuffer(data, dtype="<u4")


def _check_words(path: Path, run: RecordedRun, words: Records) -> None:
    """Refuse a trace that is too short for a run or names pages that the run does not have."""
    case = RecordedCase((run,))
    if run.accesses > len(words):
        raise TraceError(path, None, f"{len(words)} accesses; {case.name} expects {run.accesses}")
    words = words[: run.accesses]
    is_file = (words & FILE_BIT) != 0 if run.n_anon else np.ones(len(words), dtype=np.bool_)
    lengths = np.where(is_file, np.uint32(run.n_file), np.uint32(run.n_anon))
    beyond = np.flatnonzero((words & INDEX_MASK) >= lengths)
    if len(beyond):
        at = int(beyond[0])
        raise TraceError(
            path,
            at * 4,
            f"page {int(words[at] & INDEX_MASK)} of a region of {int(lengths[at])} pages in {case.name}",
        )
