"""How a comparison looks: one table per workload and limit, policies as columns.

Here: drawing. Not here: what is compared and who wins (comparison.py).

The same tables serve a terminal and a pipe; rich leaves colours and lines out where nobody could see them, and the star
that marks a winner says the same in both.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from reclaim.abi.counters import COUNTERS
from reclaim.lab.comparison import (
    METRICS,
    CaseResults,
    Metric,
    Number,
    Spread,
    Unit,
    counter_metric,
    difference,
    is_comparable,
    measured_metrics,
    reclaim_ns_per_page,
    spread,
    spread_of,
    winner,
)
from reclaim.lab.results_json import RunResult

OPTIMUM = "optimum"
"""Title of the column of Belady's optimum; no policy."""

_PIPE_COLUMNS = 500
"""Width where there is no terminal: lines end where they end instead of being folded."""

_SMALL_SHARE = 0.1
"""Below it shares get two digits more, as misses of programs in memory that nearly suffices are few."""

_TIMES = ((1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us"))


def text_console(*, is_terminal: bool) -> Console:
    """Return a console on stdout that folds lines on a terminal only."""
    return Console(highlight=False, soft_wrap=False, width=None if is_terminal else _PIPE_COLUMNS)


def written(value: Number, unit: Unit) -> str:
    """Return a number as it stands in a cell."""
    if unit == "count":
        return f"{value:,.0f}"
    if unit == "share":
        return f"{value:.3%}" if value < _SMALL_SHARE else f"{value:.1%}"
    for size, name in _TIMES:
        if value >= size:
            return f"{value / size:,.2f} {name}"
    return f"{value:,.0f} ns"


def comparison_tables(cases: Sequence[CaseResults]) -> Group:
    """Draw a comparison: a table per case, what needs saying beside the numbers, and a summary over cases."""
    parts: list[RenderableType] = []
    for case in cases:
        parts += [_title(case), _FittingTable(case), *_remarks(case), *_warnings(case), Text()]
    parts.append(_legend(cases))
    if len(cases) > 1:
        parts += [Text(), *_summary(cases)]
    return Group(*parts)


def counter_tables(cases: Sequence[CaseResults]) -> Group:
    """Draw everything that was counted for a single policy, a table per case."""
    parts: list[RenderableType] = []
    for case in cases:
        for runs in case.runs.values():
            heading = Text.assemble(_policy_title(runs[0].policy, runs), (" on ", "bold"), _title(case))
            warnings = tuple(_warnings(case))
            # Warnings twice: the table is longer than a screen.
            parts += [heading, *warnings, _counter_table(case, runs), *_remarks(case), *warnings, Text()]
    return Group(*parts)


class _FittingTable:
    """The table of a case, with differences beside the values where that fits, else below them."""

    def __init__(self, case: CaseResults) -> None:
        self._case = case

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        wide = _case_table(self._case, " ")
        needed = Measurement.get(console, options.update(max_width=_PIPE_COLUMNS), wide).maximum
        yield wide if needed <= options.max_width else _case_table(self._case, "\n")


def _title(case: CaseResults) -> Text:
    first = case.first
    unit = "page" if first.memory_max_pages == 1 else "pages"
    limit = f"limit {first.memory_max_pages:,} {unit}"
    if case.limit is not None and case.limit.endswith("%"):
        limit += f" ({case.limit} of {first.footprint_pages:,})"
    elif case.limit is not None:
        limit += f" of {first.footprint_pages:,}"
    repeats = max(len(runs) for runs in case.runs.values())
    seeds = f" · medians over {repeats} seeds" if repeats > 1 else ""
    return Text(f"{case.workload} · {limit} · {case.accesses:,} accesses{seeds}", style="bold")


def _new_table() -> Table:
    return Table(box=box.SIMPLE_HEAD, pad_edge=False)


def _case_table(case: CaseResults, separator: str) -> Table:
    table = _new_table()
    table.add_column("")
    for name, runs in case.runs.items():
        table.add_column(_policy_title(name, runs), justify="right")
    if case.optimum:
        table.add_column(Text(OPTIMUM, style="dim"), justify="right", style="dim")
    for metric in (*METRICS, *measured_metrics(case.measured)):
        _add_metric(table, metric, case, separator)
    for counter in COUNTERS:
        if counter.group == "core_did":
            _add_core_did(table, counter.name, case)
    return table


def _policy_title(name: str, runs: Sequence[RunResult]) -> Text:
    """Return a policy's name, with what makes its numbers incomparable."""
    marks = [
        mark
        for mark, is_so in (
            ("EJECTED", any(run.ejected for run in runs)),
            ("OOM-KILLED", any(run.counters["oom_kill"] for run in runs)),
        )
        if is_so
    ]
    return Text(" ".join((name, *marks)), style="bold red" if marks else "bold")


def _add_metric(table: Table, metric: Metric, case: CaseResults, separator: str) -> None:
    values = {name: spread_of(metric, runs) for name, runs in case.runs.items()}
    eligible = {name: value for name, value in values.items() if is_comparable(case.runs[name])}
    best = winner(eligible, is_better_high=metric.is_better_high)
    baseline = next(iter(values.values()))
    changes = [None if number == 0 else difference(v, baseline) for number, v in enumerate(values.values())]
    cells = [
        _cell(metric, value, None if change is None else separator + _percent(change), is_best=name == best)
        for (name, value), change in zip(values.items(), changes, strict=True)
    ]
    optimum = _optimum_of(metric, case)
    reference = (
        [Text("" if optimum is None else written(optimum.median, metric.unit))] if case.optimum else []
    )
    table.add_row(metric.label, *cells, *reference)
    if any(value and value.low != value.high for value in values.values()):
        ranges = [Text(_range(metric, value), style="dim") for value in (*values.values(), optimum)]
        table.add_row(Text("  min to max", style="dim"), *ranges[: len(values) + len(reference)])


def _cell(metric: Metric, value: Spread | None, change: str | None, *, is_best: bool) -> Text:
    if value is None:
        return Text("-", style="dim")
    cell = Text(written(value.median, metric.unit), style="bold green" if is_best else "")
    cell.append("*" if is_best else " ")
    if change is not None:
        cell.append(change, style="" if is_best else "dim")
    return cell


def _percent(change: float) -> str:
    """Return a relative difference; one that is there never reads as none."""
    if change == 0:
        return f"{'=':>7}"
    text = f"{change:+.1%}" if abs(change) < 10 else f"x{1 + change:,.0f}"
    if text.strip("+-") == "0.0%":
        text = f"{text[0]}<0.1%"
    return f"{text:>7}"


def _range(metric: Metric, value: Spread | None) -> str:
    if value is None:
        return ""
    return f"{written(value.low, metric.unit)} to {written(value.high, metric.unit)}"


def _optimum_of(metric: Metric, case: CaseResults) -> Spread | None:
    if not case.optimum:
        return None
    if metric.label == "misses":
        return spread(case.optimum)
    if metric.label == "miss ratio":
        return spread([misses / case.accesses for misses in case.optimum])
    return None


def _add_core_did(table: Table, counter: str, case: CaseResults) -> None:
    """Add a row for something that the core did, where it did it for some policy."""
    values = [spread([run.core_did[counter] for run in runs]).median for runs in case.runs.values()]
    if any(values):
        cells = [Text(f"{value:,.0f} ", style="yellow" if value else "dim") for value in values]
        table.add_row(f"core: {counter}", *cells)


def _remarks(case: CaseResults) -> Iterable[Text]:
    if case.limit is not None and not case.optimum:
        yield Text("no optimum: the trace is too long, or one miss brings in several pages", style="dim")
    if case.regression is not None:
        yield Text(f"a step back would be: {case.regression}", style="dim")


def _warnings(case: CaseResults) -> Iterable[Text]:
    """Say in words why numbers of a policy cannot be compared."""
    for name, runs in case.runs.items():
        killed = next((run for run in runs if run.counters["oom_kill"]), None)
        if killed is not None:
            yield Text(
                f"OOM: with {name} memory ran out and {killed.counters['oom_kill']} task(s) were killed after "
                f"{killed.accesses:,} accesses; its numbers cannot be compared.",
                style="bold red",
            )
        run = next((run for run in runs if run.ejected), None)
        if run is None or run.ejected is None:
            continue
        where = f" in hook {run.ejected.hook}" if run.ejected.hook else ""
        when = written(run.ejected.time_ns, "ns")
        yield Text(
            f"EJECTED: {name} was thrown out after {when}{where}: {run.ejected.reason}. "
            "From there on its numbers are those of the default policy.",
            style="bold red",
        )


def _legend(cases: Sequence[CaseResults]) -> Text:
    names = list(cases[0].runs)
    parts = ["* best of its row"] if len(names) > 1 else []
    if len(names) > 1:
        parts.append(f"percentages against {names[0]}")
    if any(case.optimum for case in cases):
        parts.append(f"{OPTIMUM}: Belady's, the fewest misses possible")
    return Text("; ".join(parts), style="dim")


def _summary(cases: Sequence[CaseResults]) -> Iterable[Text]:
    """Sum up misses over all cases: the geometric mean of ratios, and how often each side was better."""
    baseline, *others = cases[0].runs
    for name in others:
        fair = [
            case for case in cases if is_comparable(case.runs[name]) and is_comparable(case.runs[baseline])
        ]
        pairs = [(_misses(case, name), _misses(case, baseline)) for case in fair]
        ratios = [ours / theirs for ours, theirs in pairs]
        if not ratios:
            yield Text(f"misses of {name} against {baseline}: no case in which both ran the whole workload")
            continue
        fewer, more = sum(ratio < 1 for ratio in ratios), sum(ratio > 1 for ratio in ratios)
        yield Text(
            f"misses of {name} against {baseline} over {len(ratios)} of {len(cases)} cases: "
            f"{_percent(statistics.geometric_mean(ratios) - 1).strip()} (geometric mean); "
            f"fewer in {fewer}, more in {more}, equal in {len(ratios) - fewer - more}"
        )


def _misses(case: CaseResults, name: str) -> Number:
    return spread([run.misses for run in case.runs[name]]).median


def _counter_table(case: CaseResults, runs: Sequence[RunResult]) -> Table:
    table = _new_table()
    table.add_column("")
    table.add_column("median" if len(runs) > 1 else "value", justify="right")
    if len(runs) > 1:
        table.add_column("min to max", justify="right", style="dim")
    for metric in (*METRICS, *_MORE_METRICS):
        _add_counter(table, metric, runs)
    if case.optimum:
        table.add_row("misses of Belady's optimum", f"{spread(case.optimum).median:,.0f}", style="dim")
    for group, title in (("vmstat", "kernel counters"), ("core_did", "what the core did for the policy")):
        table.add_section()
        table.add_row(Text(title, style="bold"))
        for counter in COUNTERS:
            if counter.group == group:
                _add_counter(table, counter_metric(counter.name, group), runs)
    return table


def _add_counter(table: Table, metric: Metric, runs: Sequence[RunResult]) -> None:
    value = spread_of(metric, runs)
    cells = [written(value.median, metric.unit) if value else "-"]
    if len(runs) > 1:
        cells.append(_range(metric, value))
    table.add_row(metric.label, *cells, style="" if value and value.high else "dim")


_MORE_METRICS: tuple[Metric, ...] = (
    Metric("stall p50", "ns", lambda run: run.stall_ns.p50),
    Metric("stall p99.9", "ns", lambda run: run.stall_ns.p999),
    Metric("stall total", "ns", lambda run: run.stall_ns.total),
    Metric("reclaim time per page freed", "ns", reclaim_ns_per_page),
    Metric("psi some", "share", lambda run: run.psi["some"]),
    Metric("psi full", "share", lambda run: run.psi["full"]),
    Metric("simulated accesses per second", "count", lambda run: run.accesses_per_s),
)
"""What `run` shows beyond the comparison's rows."""
