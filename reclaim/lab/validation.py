"""The model against recorded kernels: errors by counter, winners, and what was resident in the end.

Here: how close a model is, as data, and running all cases on all cores. Not here: reading recordings
(validation_recording.py), one run of the model (validation_replay.py), and how it looks (validation_report.py).

What the numbers mean:

- A relative error is (model - kernel's median) / kernel's median. Where kernel and model both count fewer than
  `FEW_EVENTS`, a share says nothing and the case stays out of that counter's summary; a smaller denominator than that
  is taken for `FEW_EVENTS`.
- The error beyond the spread is the distance to the nearest value that the kernel itself gave, over its median. Where
  limits near by were run too, it is from the nearest of the model's values.
- A winner counts only where the kernel's own difference of misses exceeds twice its spread over repeats.
- A limit near by is a few pages off. Two boots of one kernel often differ as two limits a page apart do, so the range of
  a model over such limits tells what hangs on nothing from what a mechanism does.
- Residency overlap is |both| / max(|kernel|, |model|). That of the kernel's own repeats stands beside it, because no
  model can be asked for more.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
import numpy.typing as npt

from reclaim.engine.attachment import compiled
from reclaim.lab.comparison import Number, Spread, spread
from reclaim.lab.validation_recording import Generation, RecordedCase, RecordedRun, Recording
from reclaim.lab.validation_replay import FIRST_MAX_SEQ, Replay, replay_group
from reclaim.lab.worker_pool import Finished, Report, work_off

MISSES = "misses"

COUNTERS = (
    MISSES,
    "pgscan",
    "pgsteal",
    "pgactivate",
    "pgdeactivate",
    "pgrefill",
    "workingset_refault_anon",
    "workingset_refault_file",
    "workingset_activate_anon",
    "workingset_activate_file",
    "workingset_restore_anon",
    "workingset_restore_file",
    "pswpin",
    "pswpout",
    "swap_ra",
    "swap_ra_hit",
    "nr_dirtied",
    "nr_written",
    "pgrotated",
    "pgscan_kswapd",
    "pgscan_direct",
    "pgsteal_kswapd",
    "pgsteal_direct",
    "allocstall",
)
"""What is compared; `pgscan` and `pgsteal` are of kswapd and direct reclaim together."""

OF_MACHINES = ("pgscan_kswapd", "pgscan_direct", "pgsteal_kswapd", "pgsteal_direct", "allocstall")
"""Of those, what is compared where the machine is short; a memcg's limit has direct reclaim alone."""

LEVELS = ("inactive_anon", "active_anon", "inactive_file", "active_file")
"""Sizes at the end that are compared; names of memory.stat."""

FEW_EVENTS = 64
"""Below it a relative error says nothing: memory.stat may lag by as much (MEMCG_CHARGE_BATCH, v6.12)."""

WINNER_SPREADS = 2
"""By how many of its own spreads the kernel's difference must exceed chance."""

Progress = Callable[[int, int], None]
"""Called with the records done so far and those of all cases."""


CLOSE_RESIDENCY = 0.95
"""Share of resident pages in common from which on two ends are taken for the same; ours."""


@dataclass(frozen=True, slots=True)
class Residency:
    """Compare the pages that were resident at the end.

    Args:
        overlap: median over the recorded repeats; share, 0 to 1.
        kernel_overlap: smallest of the kernel's repeats with each other; None with one.
        nearby_overlap: largest over the model's limits near by and its own.
    """

    overlap: float
    kernel_overlap: float | None
    nearby_overlap: float

    @property
    def is_as_close(self) -> bool:
        """Return whether the model has 95 % in common with the kernel, or what the kernel has with itself."""
        return self.overlap >= self._close

    @property
    def may_be_as_close(self) -> bool:
        """Return likewise whether it has at one of the limits that were run."""
        return self.nearby_overlap >= self._close

    @property
    def _close(self) -> float:
        return min(CLOSE_RESIDENCY, 1.0 if self.kernel_overlap is None else self.kernel_overlap)


@dataclass(frozen=True, slots=True)
class Aging:
    """Compare generations at the end.

    Args:
        kernel_passes: aging passes since the memcg was made, over repeats.
        model_passes: likewise.
        kernel: generations of the kernel's first repeat, oldest first.
        model: generations of the model.
    """

    kernel_passes: Spread
    model_passes: int
    kernel: tuple[Generation, ...]
    model: tuple[Generation, ...]


@dataclass(frozen=True, slots=True)
class CaseComparison:
    """Hold what kernel and model gave for one case.

    Args:
        case: the recorded runs.
        kernel: counters over the trace phase, over repeats; without what the recording does not hold.
        model: the model's, all of `COUNTERS`.
        kernel_populate: likewise, over the phase before it.
        model_populate: likewise.
        miss_spread: range of the kernel's misses over all repeats, recorded here or not.
        levels: kernel's sizes at the end by name, over repeats.
        model_levels: the model's.
        residency: None where the recording does not hold it.
        aging: None where one of them keeps no generations.
        kernel_killed: repeats that the OOM killer ended; they are in none of the numbers.
        is_model_killed: the model's OOM killer ended its run.
        nearby: smallest and largest of the model's counters over limits near by and its own; empty where none was run.
    """

    case: RecordedCase
    kernel: Mapping[str, Spread]
    model: Mapping[str, int]
    kernel_populate: Mapping[str, Spread]
    model_populate: Mapping[str, int]
    miss_spread: Number
    levels: Mapping[str, Spread]
    model_levels: Mapping[str, int]
    residency: Residency | None
    aging: Aging | None
    kernel_killed: int
    is_model_killed: bool
    nearby: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def model_range(self, counter: str) -> tuple[int, int]:
        """Return the smallest and the largest value that the model gave."""
        return self.nearby.get(counter, (self.model[counter], self.model[counter]))

    def error(self, counter: str) -> float | None:
        """Return the signed relative error of a counter, None where there is none to speak of."""
        found = self.kernel.get(counter)
        return None if found is None else relative_error(found, self.model[counter])

    def error_beyond_spread(self, counter: str) -> float | None:
        """Return how far the ranges of model and kernel are apart, 0 or more; None as for `error`."""
        found = self.kernel.get(counter)
        if found is None or relative_error(found, self.model[counter]) is None:
            return None
        slack = max(self.miss_spread - (found.high - found.low), 0) if counter == MISSES else 0
        low, high = self.model_range(counter)
        outside = max(found.low - slack - high, low - found.high - slack, 0)
        return float(outside / max(found.median, FEW_EVENTS))


@dataclass(frozen=True, slots=True)
class Contest:
    """Say who has fewer misses, where both algorithms were recorded.

    Args:
        trad: the traditional LRU's case.
        mglru: MGLRU's.
        kernel: the kernel's winner; None where its difference is within twice its spread.
        model: the model's winner; None for equal misses.
    """

    trad: CaseComparison
    mglru: CaseComparison
    kernel: str | None
    model: str | None

    @property
    def agrees(self) -> bool | None:
        """Tell whether the model names the kernel's winner; None where the kernel has none."""
        return None if self.kernel is None else self.kernel == self.model

    @property
    def may_turn(self) -> bool:
        """Tell whether limits near by name another winner than the model's own limit does."""
        (trad_low, trad_high), (mglru_low, mglru_high) = (
            case.model_range(MISSES) for case in (self.trad, self.mglru)
        )
        return trad_low <= mglru_high and mglru_low <= trad_high


@dataclass(frozen=True, slots=True)
class ErrorSummary:
    """Sum a counter up over cases.

    Args:
        nr_cases: that have an error.
        median_error: of the relative errors without their signs.
        worst_error: the largest of them.
        worst_case: name of its case.
        median_beyond_spread: of the errors beyond the kernel's own spread.
        worst_beyond_spread: the largest of them.
    """

    nr_cases: int
    median_error: float
    worst_error: float
    worst_case: str
    median_beyond_spread: float
    worst_beyond_spread: float


@dataclass(frozen=True, slots=True)
class Validation:
    """Hold a whole validation.

    Args:
        kernel: package of the recorded kernel.
        cases: in the order of the recording.
        nearby: how many pages off the limits were that were run too; 0 where there were none.
    """

    kernel: str
    cases: tuple[CaseComparison, ...]
    nearby: int = 0

    @property
    def contests(self) -> tuple[Contest, ...]:
        """Return the comparisons of both algorithms."""
        return tuple(_contests(self.cases))

    @property
    def winner_agreement(self) -> float | None:
        """Return the share of decided contests in which the model names the kernel's winner; None without any."""
        verdicts = [contest.agrees for contest in self.contests if contest.agrees is not None]
        return sum(verdicts) / len(verdicts) if verdicts else None

    def summary(self, counter: str, algorithm: str | None = None) -> ErrorSummary | None:
        """Sum a counter up over the cases of one algorithm or both; None where no case has an error."""
        chosen = [case for case in self.cases if algorithm in {None, case.case.first.lru}]
        return _summary(chosen, counter)


def validate(recording: Recording, progress: Progress | None = None, *, nearby: int = 0) -> Validation:
    """Run all cases of a recording on the model, on all cores, and compare.

    Args:
        recording: what to run.
        progress: called now and then.
        nearby: run each case also at every limit up to this many pages off.

    Returns:
        The comparison.

    Raises:
        ReclaimError: what a run raised; the others are ended.
        KeyboardInterrupt: Ctrl-C; all workers are ended.
    """
    cases = recording.cases
    for name in sorted({case.first.lru for case in cases}):
        compiled(name)  # before the workers fork, so that each finds the code in the cache
    jobs, places = _jobs(cases, nearby)
    sizes = [sum(run.n_anon + run.n_file + run.accesses for run in runs) for runs in jobs]
    done = [0] * len(jobs)
    replays: dict[int, tuple[Replay, ...]] = {}

    def perform(runs: Sequence[RecordedRun], report: Report) -> tuple[Replay, ...]:
        return replay_group(runs, recording.words, report)

    with closing(work_off(jobs, perform)) as messages:
        for message in messages:
            if isinstance(message, Finished):
                replays[message.job] = message.answer
                done[message.job] = sizes[message.job]
            else:
                done[message.job] = min(message.done, sizes[message.job])
            if progress is not None:
                progress(sum(done), sum(sizes))
    found = (
        compare_case(case, *(replays[job][case.first.number] for job in own))
        for case, own in zip(cases, places, strict=True)
    )
    return Validation(recording.kernel, tuple(found), nearby)


def _jobs(
    cases: Sequence[RecordedCase], nearby: int
) -> tuple[list[tuple[RecordedRun, ...]], list[tuple[int, ...]]]:
    """Return what is to be run, each group once for all its cases, and by case its places there.

    The first place is of the run for counters, the second of that for residency, mostly the same; then come those of
    the limits near by.
    """
    jobs: list[tuple[RecordedRun, ...]] = []
    known: dict[tuple[object, ...], int] = {}

    def place(key: tuple[object, ...], runs: Iterable[RecordedRun]) -> int:
        if key not in known:
            known[key] = len(jobs)
            jobs.append(tuple(runs))
        return known[key]

    places = []
    for case in cases:
        key = tuple(map(id, case.together))
        own = [place((key, 0), case.together)]
        own.append(own[0])
        if case.residency_flush_us is not None:
            own[1] = place((key, "residency", case.residency_flush_us), case.together_at_end)
        for off in (off for off in range(-nearby, nearby + 1) if off):
            own.append(place((key, off), (run.with_more_memory(off) for run in case.together)))
        places.append(tuple(own))
    return jobs, places


def compare_case(
    case: RecordedCase, model: Replay, at_end: Replay | None = None, *nearby: Replay
) -> CaseComparison:
    """Set what a kernel gave beside what the model gave.

    Args:
        case: the recorded runs.
        model: the model's run that counters are compared with.
        at_end: the one that residency is compared with, where it is another.
        nearby: those at limits near by.
    """
    counted = _counted(model)
    alive = [run for run in case.runs if run.misses is not None]
    misses = [run.misses for run in alive if run.misses is not None]
    names = [name for name in COUNTERS[1:] if case.first.pressure == "machine" or name not in OF_MACHINES]
    kernel = {
        name: found for name in names if (found := _spread(run.trace_phase.count(name) for run in alive))
    }
    populate = {
        name: found for name in names if (found := _spread(run.populate.count(name) for run in alive))
    }
    told = [run.spread for run in case.runs if run.spread is not None]
    return CaseComparison(
        case=case,
        kernel=({MISSES: spread(misses)} if misses else {}) | kernel,
        model=counted,
        kernel_populate=populate,
        model_populate=_model_counters(model.populate),
        miss_spread=max([*told, max(misses) - min(misses) if misses else 0]),
        levels={name: found for name in LEVELS if (found := _spread(run.end.get(name) for run in alive))},
        model_levels=model.levels,
        residency=_residency(case, (at_end or model), nearby),
        aging=_aging(case, model),
        kernel_killed=len(case.runs) - len(alive),
        is_model_killed=model.is_killed,
        nearby=_ranges([counted, *map(_counted, nearby)]) if nearby else {},
    )


def relative_error(kernel: Spread, model: Number) -> float | None:
    """Return (model - kernel) / kernel by the rules at the head of this file; None where it says nothing."""
    if max(kernel.median, model) < FEW_EVENTS:
        return None
    return float((model - kernel.median) / max(kernel.median, FEW_EVENTS))


def overlap(first: npt.NDArray[np.bool_], second: npt.NDArray[np.bool_]) -> float:
    """Return which share of the larger set of pages is in both; 1 for two empty ones."""
    larger = max(int(first.sum()), int(second.sum()))
    return int((first & second).sum()) / larger if larger else 1.0


def _spread(values: Iterable[int | None]) -> Spread | None:
    """Return median and range; None where a run lacks the value, or there is no run."""
    known = list(values)
    numbers = [value for value in known if value is not None]
    return spread(numbers) if numbers and len(numbers) == len(known) else None


def _model_counters(counters: Mapping[str, int]) -> dict[str, int]:
    sums = {name: counters[f"{name}_kswapd"] + counters[f"{name}_direct"] for name in ("pgscan", "pgsteal")}
    return {name: sums[name] if name in sums else counters[name] for name in COUNTERS[1:]}


def _counted(model: Replay) -> dict[str, int]:
    return {MISSES: model.misses} | _model_counters(model.counters)


def _ranges(runs: Sequence[Mapping[str, int]]) -> dict[str, tuple[int, int]]:
    return {name: (min(run[name] for run in runs), max(run[name] for run in runs)) for name in runs[0]}


def _residency(case: RecordedCase, model: Replay, nearby: Sequence[Replay]) -> Residency | None:
    kernel = list(case.residency.values())
    if not kernel:
        return None
    own = [overlap(first, second) for first, second in combinations(kernel, 2)]
    shares = [statistics.median(overlap(pages, run.resident) for pages in kernel) for run in (model, *nearby)]
    return Residency(shares[0], min(own, default=None), max(shares))


def _aging(case: RecordedCase, model: Replay) -> Aging | None:
    # The traditional LRU leaves four empty generations behind in debugfs.
    kernel = [run.gens_end for run in case.runs if run.gens_end and run.lru == "mglru"]
    if not kernel or not model.generations:
        return None
    return Aging(
        kernel_passes=spread([generations[-1][0] - FIRST_MAX_SEQ for generations in kernel]),
        model_passes=model.generations[-1][0] - FIRST_MAX_SEQ,
        kernel=kernel[0],
        model=model.generations,
    )


def _contests(cases: Sequence[CaseComparison]) -> Iterator[Contest]:
    for trad in cases:
        mglru = _opponent(trad, cases) if trad.case.first.lru == "trad" else None
        if mglru is not None and MISSES in trad.kernel and MISSES in mglru.kernel:
            difference = trad.kernel[MISSES].median - mglru.kernel[MISSES].median
            is_decided = abs(difference) > WINNER_SPREADS * max(trad.miss_spread, mglru.miss_spread)
            kernel = _fewer(difference) if is_decided else None
            yield Contest(trad, mglru, kernel, _fewer(trad.model[MISSES] - mglru.model[MISSES]))


def _opponent(trad: CaseComparison, cases: Sequence[CaseComparison]) -> CaseComparison | None:
    """Return the MGLRU case of the same place and condition, or else the only one of the same place."""
    place = trad.case.place
    found = [case for case in cases if case.case.first.lru == "mglru" and case.case.place[:3] == place[:3]]
    same = [case for case in found if case.case.place == place]
    return same[0] if same else found[0] if len(found) == 1 else None


def _fewer(difference: Number) -> str | None:
    return None if difference == 0 else "mglru" if difference > 0 else "trad"


def _summary(cases: Sequence[CaseComparison], counter: str) -> ErrorSummary | None:
    errors = {case.case.name: abs(error) for case in cases if (error := case.error(counter)) is not None}
    if not errors:
        return None
    beyond = [found for case in cases if (found := case.error_beyond_spread(counter)) is not None]
    worst = max(errors, key=lambda name: errors[name])
    return ErrorSummary(
        nr_cases=len(errors),
        median_error=statistics.median(errors.values()),
        worst_error=errors[worst],
        worst_case=worst,
        median_beyond_spread=statistics.median(beyond),
        worst_beyond_spread=max(beyond),
    )
