"""Rows of results, how they are timed, and the one table they end in.

Times are processor time of the thread, so that other programs on the computer disturb little, and medians of
interleaved repeats: the two sides of a ratio take turns, so that a slow moment hits both.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Row:
    """Hold one measured number beside what it is compared with.

    Args:
        subject: what was measured.
        case: on which input.
        measured: the number, with unit.
        baseline: what it is compared with, with number and unit; "" for a plain limit.
        ratio: what the aim speaks of.
        aim: the limit, as a number; None where there is none.
        is_most: whether the aim is an upper limit, else a lower one.
    """

    subject: str
    case: str
    measured: str
    baseline: str
    ratio: float
    aim: float | None
    is_most: bool = True

    @property
    def is_met(self) -> bool:
        """Tell whether the aim, if there is one, is reached."""
        if self.aim is None:
            return True
        return self.ratio <= self.aim if self.is_most else self.ratio >= self.aim


def interleaved_medians(sides: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Time several functions in turn.

    Args:
        sides: functions by name.
        repeats: times that each runs; at least 1.

    Returns:
        Median seconds by name.
    """
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(repeats):
        for name, function in sides.items():
            start = time.thread_time()
            function()
            seconds[name].append(time.thread_time() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def show(rows: Iterable[Row]) -> None:
    """Print rows as one table."""
    columns = ("what", "case", "measured", "compared with", "result", "aim", "")
    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for column in table.columns:
        column.no_wrap = True
    table.columns[4].justify = table.columns[5].justify = "right"
    for row in rows:
        aim = "" if row.aim is None else f"{'≤' if row.is_most else '≥'} {row.aim:g}"
        verdict = "" if row.aim is None else "[green]met[/]" if row.is_met else "[red]missed[/]"
        table.add_row(row.subject, row.case, row.measured, row.baseline, f"{row.ratio:.3g}", aim, verdict)
    console = Console()
    (console if console.is_terminal else Console(width=160)).print(table)
