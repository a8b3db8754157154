"""The options that `run` and `compare` share, and what they come to: an experiment, its tables, its JSON.

Here: from a command line to an `Experiment`, and from results to stdout, files and notes. Not here: the two subcommands
themselves, and anything about how experiments run (reclaim/lab).
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from reclaim.diag.errors import ConfigError
from reclaim.diag.whole_file import is_special, whole_file
from reclaim.lab.experiment import (
    DEFAULT_LIMIT,
    DEFAULT_SWAP,
    Experiment,
    MachineOptions,
    PolicyChoice,
    WorkloadChoice,
)
from reclaim.workload import format_names, shipped
from reclaim.workload.foreign import ACCESSES
from reclaim.workload.synthetic import GENERATORS

Decorator = Callable[[Callable[..., None]], Callable[..., None]]

STDOUT = "-"
"""What `--json` takes for stdout."""

_WORKLOADS = "Workloads"
_MACHINE = "Machine"
_KERNEL = "Machine, for exact textbook caches"
_OUTPUT = "Runs and output"

_TRUTH = {"true": 1, "yes": 1, "on": 1, "false": 0, "no": 0, "off": 0}


class SectionedCommand(click.Command):
    """A command whose help shows options in sections: those made by `section` under its title."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, section by section."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx) if isinstance(param, click.Option) else None
            if record is not None:
                sections.setdefault(getattr(param, "section", _OUTPUT), []).append(record)
        for title, records in sections.items():
            with formatter.section(title):
                formatter.write_dl(records)


class _SectionOption(click.Option):
    """An option that knows its section."""

    def __init__(self, *args: Any, section: str, **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.section = section


def section_option(section: str, *names: str, **attributes: Any) -> Decorator:
    """Return a decorator that gives a command an option in a section of its help."""
    return click.option(*names, cls=_SectionOption, section=section, **attributes)


_option = section_option


_OPTIONS: tuple[Decorator, ...] = (
    _option(_WORKLOADS, "--trace", "traces", metavar="FILE", multiple=True, help="A trace file, any format."),
    _option(
        _WORKLOADS,
        "--workload",
        "specs",
        metavar="SPEC",
        multiple=True,
        help=f"A synthetic workload, such as zipf:pages=64K,accesses=1M,write=10%. Kinds: {', '.join(GENERATORS)}.",
    ),
    _option(
        _WORKLOADS,
        "--scenario",
        "scenarios",
        metavar="FILE.toml",
        multiple=True,
        help="A scenario with its own machine.",
    ),
    _option(
        _WORKLOADS,
        "--format",
        "format_name",
        type=click.Choice(format_names(), case_sensitive=False),
        help="Of --trace files whose names do not tell.",
    ),
    _option(
        _WORKLOADS,
        "--access",
        type=click.Choice(ACCESSES),
        help="How pages of a --trace are touched, where the trace does not say.",
    ),
    _option(_WORKLOADS, "--expand", is_flag=True, help="Split a request of a block trace into its pages."),
    _option(
        _MACHINE,
        "--memory-max",
        "limits",
        metavar="SIZE|PCT%",
        multiple=True,
        help="Limit of the memcg: pages, K/M/G/T, or a share of the workload's footprint; may be repeated. "
        f"Default {DEFAULT_LIMIT}.",
    ),
    _option(
        _MACHINE,
        "--swap",
        metavar="SPEC",
        default=DEFAULT_SWAP,
        show_default=True,
        help="`none`, or devices zram:SIZE, ssd:SIZE, disk:SIZE separated by commas, the first filled first; shares are of the "
        "footprint. zram:SIZE:LIMIT limits the memory that it takes.",
    ),
    _option(
        _MACHINE,
        "--swappiness",
        type=int,
        metavar="N",
        help="0 file pages only to 200 anonymous only; the kernel's 60.",
    ),
    _option(
        _MACHINE,
        "--read-ahead",
        type=int,
        metavar="KIB",
        help="Largest readahead window of files, and with it fault-around of 64 KiB; 0 for neither. "
        "Default: the kernel's 128 for recordings of programs, 0 for other traces.",
    ),
    _option(
        _MACHINE,
        "--zswap",
        "zswap_percent",
        type=int,
        metavar="PCT",
        help="Put zswap in front of swap, with at most PCT percent of memory; the kernel's 20. Default: none.",
    ),
    _option(
        _MACHINE,
        "--page-cluster",
        type=int,
        metavar="N",
        help="Swap on ssd or disk reads up to 2**N pages at once; the kernel's 3, 0 for none.",
    ),
    _option(
        _MACHINE,
        "--thp-orders",
        metavar="N,N",
        help="Large folios for anonymous memory: 2 to the N pages, N from 2 (16 KiB) to 9 (2 MiB); none by default.",
    ),
    _option(
        _MACHINE,
        "--machine",
        "machine_options",
        metavar="OPTION=V",
        multiple=True,
        help="Set any other option of the machine, such as dirty_ratio=40; `reclaim options` lists them.",
    ),
    _option(
        _MACHINE,
        "--set",
        "settings",
        metavar="POLICY.TUNABLE=V",
        multiple=True,
        help="Set a tunable of a policy; POLICY. may be left out when there is one policy.",
    ),
    _option(
        _KERNEL,
        "--reclaim-batch",
        type=int,
        metavar="PAGES",
        help="Most pages per reclaim batch; the kernel's 32.",
    ),
    _option(
        _KERNEL, "--charge-batch", type=int, metavar="PAGES", help="Pages charged at once; the kernel's 64."
    ),
    _option(
        _KERNEL, "--add-batch", type=int, metavar="FOLIOS", help="Folios per LRU-add batch; the kernel's 31."
    ),
    _option(_KERNEL, "--no-kswapd", is_flag=True, help="No background reclaim."),
    _option(
        _KERNEL,
        "--no-kmem",
        is_flag=True,
        help="Page tables and page cache trees are not charged to the memcg.",
    ),
    _option(
        _KERNEL,
        "--repeat-reads",
        is_flag=True,
        help="Repeated reads of one page count each, not once as in the kernel.",
    ),
    _option(
        _KERNEL,
        "--exact",
        is_flag=True,
        help="All of these: batches of 1, no background reclaim, no kernel memory, repeated reads count; and no readahead.",
    ),
    _option(
        _OUTPUT,
        "--seed",
        type=click.IntRange(0, (1 << 64) - 1),
        metavar="N",
        default=0,
        show_default=True,
        help="Of synthetic workloads and of policies that draw random numbers.",
    ),
    _option(
        _OUTPUT,
        "--repeat",
        "repeats",
        type=click.IntRange(1, 10_000),
        metavar="N",
        default=1,
        show_default=True,
        help="Run with this many seeds and show medians and ranges, where chance plays a part.",
    ),
    _option(
        _OUTPUT,
        "--json",
        "json_path",
        metavar="FILE|-",
        help="Write all results as JSON; - for stdout, without tables.",
    ),
)


@dataclass(frozen=True)
class ExperimentOptions:
    """Hold the options of a command line, as click has read them; members are named as there."""

    traces: tuple[str, ...]
    specs: tuple[str, ...]
    scenarios: tuple[str, ...]
    format_name: str | None
    access: str | None
    expand: bool
    limits: tuple[str, ...]
    swap: str
    swappiness: int | None
    read_ahead: int | None
    page_cluster: int | None
    zswap_percent: int | None
    thp_orders: str | None
    machine_options: tuple[str, ...]
    settings: tuple[str, ...]
    reclaim_batch: int | None
    charge_batch: int | None
    add_batch: int | None
    no_kswapd: bool
    no_kmem: bool
    repeat_reads: bool
    exact: bool
    seed: int
    repeats: int
    json_path: str | None


def experiment_options(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command all options of an experiment."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def make_experiment(policies: Sequence[str], options: ExperimentOptions) -> Experiment:
    """Turn a command line into an experiment.

    Args:
        policies: names or paths, the baseline first.
        options: the rest.

    Returns:
        The experiment, not yet prepared.

    Raises:
        ConfigError: an unknown policy, a policy given twice, or a setting that is none.
        click.UsageError: options that do not go together.
    """
    _check_combinations(options)
    return Experiment(
        policies=_policies(policies, options.settings),
        workloads=_workloads(options),
        limits=tuple(dict.fromkeys(options.limits)) or (DEFAULT_LIMIT,),
        machine=MachineOptions(options.swap, _machine_options(options)),
        seed=options.seed,
        repeats=options.repeats,
    )


def _check_combinations(options: ExperimentOptions) -> None:
    for given, name in (
        (options.format_name, "--format"),
        (options.access, "--access"),
        (options.expand, "--expand"),
    ):
        if given and not options.traces:
            raise click.UsageError(f"{name} says how a --trace is read, but there is no --trace")
    has_trace = bool(options.traces or options.specs or not options.scenarios)
    machine = [*_machine_options(options), *(["memory-max"] if options.limits else [])]
    if machine and not has_trace:
        name = machine[0].replace("_", "-")
        raise click.UsageError(f"--{name} is for --trace and --workload; a scenario brings its own machine")


def _workloads(options: ExperimentOptions) -> tuple[WorkloadChoice, ...]:
    traces = [
        WorkloadChoice("trace", path, options.format_name, options.access, options.expand)
        for path in options.traces
    ]
    specs = [WorkloadChoice("synthetic", spec) for spec in options.specs]
    scenarios = [WorkloadChoice("scenario", path) for path in options.scenarios]
    chosen = (*traces, *specs, *scenarios)
    if not chosen:
        chosen = tuple(WorkloadChoice("trace", str(path)) for path in shipped())
    if not chosen:
        raise ConfigError("no trace came with this installation; name one with --trace or --workload")
    for number, choice in enumerate(chosen):
        if choice in chosen[:number]:
            raise ConfigError(f"workload {choice.source!r} is given twice")
    return chosen


def _machine_options(options: ExperimentOptions) -> dict[str, Any]:
    """Return the members of the machine's description that were given, by their names there."""
    from reclaim.engine.machine_config import KERNEL_READ_AHEAD, TEXTBOOK_MACHINE

    chosen: dict[str, Any] = dict(TEXTBOOK_MACHINE) if options.exact else {}
    for name in ("swappiness", "page_cluster", "zswap_percent", "reclaim_batch", "charge_batch", "add_batch"):
        value = getattr(options, name)
        if value is not None:
            chosen[name] = value
    if options.read_ahead is not None:
        basis = KERNEL_READ_AHEAD if options.read_ahead else TEXTBOOK_MACHINE
        chosen["read_ahead_kb"] = options.read_ahead
        chosen["fault_around_bytes"] = basis["fault_around_bytes"]
    if options.thp_orders is not None:
        chosen["thp_orders"] = _orders(options.thp_orders)
    if options.no_kswapd:
        chosen["kswapd"] = False
    if options.no_kmem:
        chosen["charge_kmem"] = False
    if options.repeat_reads:
        chosen["repeat_reads"] = True
    chosen.update(map(_machine_option, options.machine_options))
    return chosen


def _orders(text: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() for part in parts):
        raise ConfigError(f"--thp-orders is {text!r}; expected numbers from 2 to 9 such as `4,9`")
    return tuple(int(part) for part in parts)


def _machine_option(text: str) -> tuple[str, int | tuple[int, ...]]:
    """Return (option, value) of `option=value`."""
    from reclaim.abi.options import OPTIONS
    from reclaim.engine.machine_config import check_option

    name, equals, value = (part.strip() for part in text.partition("="))
    if not equals or not name or not value:
        raise ConfigError(f"--machine is {text!r}; expected OPTION=VALUE, such as dirty_ratio=40")
    kind = OPTIONS[name].kind if name in OPTIONS else "number"
    chosen: int | tuple[int, ...]
    if kind == "set":
        chosen = tuple(_number("--machine", text, part.strip()) for part in value.split(","))
    else:
        chosen = _number("--machine", text, value)
        chosen = bool(chosen) if kind == "switch" and chosen in (0, 1) else chosen
    try:
        check_option(name, chosen)
    except ConfigError as error:
        raise ConfigError(f"--machine {text!r}: {error}") from None
    return name, chosen


def _policies(names: Sequence[str], settings: Sequence[str]) -> tuple[PolicyChoice, ...]:
    from reclaim.engine.shipped import find_policy

    paths = [find_policy(name) for name in names]
    stems = [path.stem for path in paths]
    titles = [
        path.stem if stems.count(path.stem) == 1 else name for path, name in zip(paths, names, strict=True)
    ]
    if len(set(titles)) < len(titles):
        titles = list(names)  # a file called after another one's whole path
    files = [path.resolve() for path in paths]
    for number, (file, name) in enumerate(zip(files, names, strict=True)):
        if file in files[:number]:
            first = names[files.index(file)]
            also = "" if name == first else f", also as {first!r}"
            raise ConfigError(f"policy {name!r} is given twice{also}")
    tunables: dict[str, dict[str, int]] = {title: {} for title in titles}
    for setting in settings:
        title, name, value = _setting(setting, titles)
        tunables[title][name] = value
    return tuple(
        PolicyChoice(title, path, tunables[title]) for title, path in zip(titles, paths, strict=True)
    )


def _setting(text: str, titles: Sequence[str]) -> tuple[str, str, int]:
    """Return (policy, tunable, value) of `policy.tunable=value`."""
    from reclaim.engine.machine_config import suggest

    target, equals, value = (part.strip() for part in text.rpartition("="))
    title, dot, name = target.rpartition(".")
    if not equals or not name or not value or (dot and not title):
        raise ConfigError(f"--set is {text!r}; expected POLICY.TUNABLE=VALUE, such as {titles[0]}.name=10")
    if not dot and len(titles) > 1:
        raise ConfigError(f"--set {text!r} names no policy; expected POLICY.{text}{suggest(name, titles)}")
    if dot and title not in titles:
        raise ConfigError(f"--set {text!r}: no policy {title!r} is being run{suggest(title, titles)}")
    return title or titles[0], name, _number("--set", text, value)


def _number(option: str, text: str, value: str) -> int:
    if value.lower() in _TRUTH:
        return _TRUTH[value.lower()]
    try:
        return int(value, 0)
    except ValueError:
        raise ConfigError(
            f"{option} {text!r}: {value!r} found, a whole number, true or false expected"
        ) from None


def conduct_and_show(experiment: Experiment, options: ExperimentOptions, draw: Callable[..., Any]) -> None:
    """Run an experiment, then write its JSON and its tables.

    Args:
        experiment: what to run.
        options: where the results go.
        draw: makes tables of the results by case.

    Raises:
        ReclaimError: something is wrong with the input; nothing was written.
    """
    from reclaim.lab.comparison_table import text_console
    from reclaim.lab.conducting import conduct
    from reclaim.lab.preparation import prepare
    from reclaim.lab.results_json import render_json

    check_target(options.json_path, "--json")
    with _status("reading traces and policies"):
        prepared = prepare(experiment)
    with progress_bar() as progress:
        conducted = conduct(prepared, progress)
    for note in (note for result in conducted.results for note in result.notes):
        click.echo(f"note: {note}", err=True)
    if conducted.skipped_repeats:
        click.echo(
            f"note: --repeat {experiment.repeats}: {conducted.skipped_repeats} combinations ran once, because "
            "neither the workload nor the policy draws random numbers: every repeat would give the same",
            err=True,
        )
    if options.json_path == STDOUT:
        click.echo(render_json(conducted.results), nl=False)
        return
    if options.json_path is not None:
        write_whole(Path(options.json_path), render_json(conducted.results))
    text_console(is_terminal=sys.stdout.isatty()).print(draw(conducted.cases))


def check_target(path: str | None, option: str) -> None:
    """Refuse a place for results that cannot be written, before hours of work rather than after.

    Args:
        path: as given; None and `-` need no place.
        option: the option that gave it.

    Raises:
        ConfigError: it is a directory, or lies in none that can be written to.
    """
    if path is None or path == STDOUT:
        return
    target = Path(path)
    if target.is_dir():
        raise ConfigError(f"{target}: is a directory; {option} expects a file")
    if is_special(target):
        return
    if not target.parent.is_dir():
        raise ConfigError(f"{target}: there is no directory {str(target.parent)!r} to write it to")
    if not os.access(target.parent, os.W_OK):
        raise ConfigError(f"{target}: cannot write to the directory {str(target.parent)!r}")


def write_whole(target: Path, text: str) -> None:
    """Write a text to a file so that it is there completely or not at all.

    Raises:
        ConfigError: it cannot be written.
    """
    try:
        with whole_file(target) as file:
            file.write(text.encode("utf-8"))
    except OSError as error:
        raise ConfigError(f"{target}: cannot be written: {error.strerror or error}") from error


def _status(text: str) -> contextlib.AbstractContextManager[object]:
    """Say on stderr what is going on, where somebody would see it."""
    if not sys.stderr.isatty():
        return contextlib.nullcontext()
    from rich.console import Console

    return Console(stderr=True).status(text)


@contextlib.contextmanager
def progress_bar() -> Iterator[Callable[[int, int], None] | None]:
    """Give a function that moves a progress bar on stderr, or None where nobody would see it."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    rate = TextColumn("{task.fields[rate]}")
    columns = (BarColumn(), TextColumn("{task.percentage:>3.0f}%"), rate, TimeRemainingColumn())
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    task = bar.add_task("", total=None, rate="")

    def move(done: int, total: int) -> None:
        # Started only now: the workers have been forked, and a fork wants no other threads.
        bar.start()
        speed = bar.tasks[0].speed or 0
        bar.update(task, completed=done, total=total, rate=f"{speed / 1e6:.1f} M accesses/s")

    try:
        yield move
    finally:
        bar.stop()


def options_of(values: dict[str, Any]) -> ExperimentOptions:
    """Collect what click has read."""
    return ExperimentOptions(
        **{field.name: values[field.name] for field in dataclasses.fields(ExperimentOptions)}
    )
