"""Looking at a machine again and again while it runs: time series, and dumps at chosen times.

Here: what `Machine.run(watch=...)` calls. Not here: the numbers themselves (machine.py, kernel_files.py) and files
(lab/observing.py).

A machine is looked at when the task whose turn it is has reached the time asked for; other tasks may be behind by as
much as a slice. Looking changes nothing: tasks interleave as they would without.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from reclaim.diag.errors import ConfigError

Statistics = Mapping[str, Mapping[str, int]]
"""Numbers by scope (a memcg's path, or `node0`) and name."""


class Watched(Protocol):
    """What a watch may ask of a machine."""

    @property
    def virtual_ns(self) -> int:
        """Return the latest clock of any task."""

    def statistics(self) -> dict[str, dict[str, int]]:
        """Return all numbers of every memcg and node."""

    def dump(self) -> dict[str, Any]:
        """Return everything at once."""


class Watch(Protocol):
    """Something that looks at a machine while it runs."""

    @property
    def due_ns(self) -> int | None:
        """Return when it wants to look next; virtual time, above 0; None for never again."""

    def look(self, machine: Watched) -> None:
        """Look; the time it was due at has come."""

    def finish(self, machine: Watched) -> None:
        """Look a last time: the run is over."""


class Series:
    """Numbers of a machine sampled at a chosen period.

    Args:
        period_ns: virtual time from one sample to the next.
        globs: which columns, as `scope:name` with `*` and `?` (`/lab:pgscan*`, `node0:nr_free_pages`), or names alone
            for every scope; none: all.

    Raises:
        ConfigError: the period is not positive.
    """

    def __init__(self, period_ns: int, *globs: str) -> None:
        if period_ns <= 0:
            raise ConfigError(f"a period of {period_ns} ns; expected more than 0")
        self.period_ns = period_ns
        self.due_ns: int | None = period_ns
        self.columns: tuple[str, ...] = ()
        self._globs = globs
        self._places: list[tuple[str, str]] = []
        self._times: list[int] = []
        self._rows: list[list[int]] = []

    def choose(self, machine: Watched) -> None:
        """Find the columns; without it the first sample does.

        Raises:
            ConfigError: the patterns name none.
        """
        self._choose(machine.statistics())

    def look(self, machine: Watched) -> None:
        """Take a sample."""
        assert self.due_ns is not None
        self._sample(machine, self.due_ns)
        self.due_ns += self.period_ns

    def finish(self, machine: Watched) -> None:
        """Take a sample of the end, where it does not fall on a period."""
        if not self._times or machine.virtual_ns > self._times[-1]:
            self._sample(machine, machine.virtual_ns)

    @property
    def time_ns(self) -> npt.NDArray[np.uint64]:
        """Return the times of the samples, shape (n,), uint64."""
        return np.array(self._times, dtype=np.uint64)

    @property
    def values(self) -> npt.NDArray[np.uint64]:
        """Return all samples, shape (n, number of columns), uint64."""
        return np.array(self._rows, dtype=np.uint64).reshape(len(self._rows), len(self.columns))

    def __getitem__(self, column: str) -> npt.NDArray[np.uint64]:
        """Return one column, shape (n,), uint64.

        Raises:
            KeyError: there is none of that name.
        """
        if column not in self.columns:
            raise KeyError(column)
        return self.values[:, self.columns.index(column)]

    def jumpiness(self, column: str) -> float:
        """Return by how much a level changes from one sample to the next, as a share of its mean; 0 for a flat line."""
        values = self[column].astype(np.float64)
        mean = values.mean() if len(values) else 0.0
        return float(np.abs(np.diff(values)).mean() / mean) if len(values) > 1 and mean else 0.0

    def _sample(self, machine: Watched, time_ns: int) -> None:
        statistics = machine.statistics()
        if not self.columns:
            self._choose(statistics)
        self._times.append(time_ns)
        self._rows.append([statistics[scope][name] for scope, name in self._places])

    def _choose(self, statistics: Statistics) -> None:
        self._places = [
            (scope, name)
            for scope, numbers in statistics.items()
            for name in numbers
            if not self._globs or any(_is_named(scope, name, glob) for glob in self._globs)
        ]
        self.columns = tuple(f"{scope}:{name}" for scope, name in self._places)
        if not self.columns:
            raise ConfigError(
                f"nothing is called {' or '.join(map(repr, self._globs))}{_examples(statistics)}"
            )


class Dumps:
    """Everything about a machine at chosen times.

    Args:
        times_ns: virtual times, above 0; those that the run does not reach are left out.
        at_end: whether to look once more at the end of the run.
    """

    def __init__(self, times_ns: Sequence[int], *, at_end: bool = False) -> None:
        self._left = sorted(set(times_ns))
        self._at_end = at_end
        self.dumps: list[dict[str, Any]] = []

    @property
    def due_ns(self) -> int | None:
        """Return the next time."""
        return self._left[0] if self._left else None

    def look(self, machine: Watched) -> None:
        """Take a dump."""
        self.dumps.append({"time_ns": self._left.pop(0)} | machine.dump())

    def finish(self, machine: Watched) -> None:
        """Take the last dump, where it was asked for."""
        if self._at_end:
            self.dumps.append({"time_ns": machine.virtual_ns} | machine.dump())

    @property
    def missed_ns(self) -> tuple[int, ...]:
        """Return the times that the run did not reach."""
        return tuple(self._left)


def next_due(watches: Sequence[Watch]) -> int:
    """Return when some watch is due next, 0 where none is."""
    return min((watch.due_ns for watch in watches if watch.due_ns is not None), default=0)


def look_at(machine: Watched, watches: Sequence[Watch], time_ns: int) -> None:
    """Let all watches look that are due."""
    for watch in watches:
        if watch.due_ns is not None and watch.due_ns <= time_ns:
            watch.look(machine)


def _is_named(scope: str, name: str, glob: str) -> bool:
    return fnmatch.fnmatchcase(f"{scope}:{name}" if ":" in glob else name, glob)


def _examples(statistics: Statistics) -> str:
    return "".join(f"; {scope} has {', '.join(numbers)}" for scope, numbers in list(statistics.items())[-2:])
