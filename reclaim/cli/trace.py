"""`reclaim trace`: import, record, synthesise and look at traces.

Here: the four subcommands, their options and their output. Not here: formats, recorder and generators
(reclaim/workload).
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from reclaim.workload.access_trace import Trace
from reclaim.workload.foreign import ACCESSES
from reclaim.workload.formats import foreign_formats
from reclaim.workload.recorder import record
from reclaim.workload.rtrace import ZSTD_LEVEL, write_trace
from reclaim.workload.synthetic import GENERATORS, synth
from reclaim.workload.tracefile import format_names, open_trace

_SHOWN_MAPPINGS = 40
"""Rows of the mapping table without `--all`: about a screen."""

_OUT = click.option(
    "-o", "--output", "out", required=True, metavar="OUT", help="The new .rtrace or .rtrace.zst."
)
_LEVEL = click.option(
    "--level", type=click.IntRange(1, 22), default=ZSTD_LEVEL, show_default=True, help="Of zstd compression."
)
_FORMAT = click.option(
    "--format",
    "format_name",
    type=click.Choice(format_names(), case_sensitive=False),
    help="Where the name does not tell.",
)
_ACCESS = click.option(
    "--access", type=click.Choice(ACCESSES), help="How pages are touched, where the trace does not say."
)
_EXPAND = click.option("--expand", is_flag=True, help="Split a request into its pages.")
_COLUMNS = click.option(
    "--columns", metavar="SPEC", help="For csv: which columns hold what, such as obj=2,size=3,op=4."
)


@click.group("trace")
def command() -> None:
    """Import, record, synthesise and look at traces."""


def _list_of(entries: dict[str, str]) -> str:
    """Return a block for a help text that click leaves as it is."""
    return "\b\n" + "\n".join(f"{name:<14} {summary}" for name, summary in entries.items())


@command.command(
    "import",
    epilog=_list_of({name: format_.summary for name, format_ in foreign_formats().items()}),
)
@click.argument("source", metavar="SRC")
@_OUT
@_FORMAT
@_ACCESS
@_EXPAND
@_COLUMNS
@_LEVEL
def import_trace(source: str, out: str, level: int, format_name: str | None, **options: Any) -> None:
    """Convert a trace of another format (SRC, plain or zstd compressed)."""
    trace = open_trace(source, format=format_name, **options)
    nr_records = write_trace(out, trace.header, trace.chunks(), level=level)
    click.echo(f"{out}: {nr_records:,} records, {trace.footprint_pages:,} pages")


@command.command(
    "record", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False}
)
@click.argument("program", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- CMD...")
@_OUT
@click.option("--name", help="Of the trace; the program's name when not given.")
@_LEVEL
def record_trace(program: tuple[str, ...], out: str, name: str | None, level: int) -> None:
    """Run CMD under valgrind's lackey and keep a page-level trace of its memory and file accesses.

    The program runs some hundred times slower than by itself. Its children run but are not recorded. The trace
    appears when the program has ended with status 0; what it cannot show stands in its header (`info`).
    """
    recording = record(program, out, name=name, level=level, progress=_progress())
    _clear_progress()
    click.echo(f"{out}: {recording.nr_records:,} records from {recording.nr_accesses:,} accesses", err=True)


@command.command("synth", epilog=_list_of({name: g.summary for name, g in GENERATORS.items()}))
@click.argument("spec")
@_OUT
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@_LEVEL
def synth_trace(spec: str, out: str, seed: int, level: int) -> None:
    """Write a synthetic trace, such as zipf:pages=64K,alpha=1.0,accesses=1M,write=10%,kind=anon."""
    trace = synth(spec, seed)
    nr_records = write_trace(out, trace.header, trace.chunks(), level=level)
    click.echo(f"{out}: {nr_records:,} records, {trace.footprint_pages:,} pages")


@command.command("info")
@click.argument("source", metavar="FILE")
@_FORMAT
@_ACCESS
@_EXPAND
@_COLUMNS
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--all", "show_all", is_flag=True, help=f"Every mapping, not only the {_SHOWN_MAPPINGS} largest."
)
def trace_info(source: str, format_name: str | None, as_json: bool, show_all: bool, **options: Any) -> None:
    """Say what a trace holds: records, distinct pages, mappings, and what it cannot show."""
    trace = open_trace(source, format=format_name, **options)
    if as_json:
        click.echo(json.dumps(_as_json(trace, source), indent=2))
        return
    console = Console(soft_wrap=True)
    console.print(_summary(trace, source), highlight=False, markup=False)
    if trace.header.mappings:
        console.print(_mapping_table(trace, show_all=show_all))
    for sentence in trace.header.unseen:
        console.print(f"unseen: {sentence}", highlight=False, markup=False)


def _as_json(trace: Trace, source: str) -> dict[str, Any]:
    counts = dataclasses.asdict(trace.page_counts)
    return {
        **dataclasses.asdict(trace.header),
        "path": source,
        "footprint_pages": trace.footprint_pages,
        "mapped_pages": trace.nr_mapped_pages,
        "file_pages": trace.nr_file_pages,
        "counts": counts,
    }


def _summary(trace: Trace, source: str) -> str:
    counts, header = trace.page_counts, trace.header
    lines = [
        f"{source}: {trace.name}",
        (
            f"records   {counts.records:,}: {_share(counts.writes, counts.records)} write, "
            f"{_share(counts.buffered, counts.records)} through descriptors, "
            f"{_share(counts.ifetches, counts.records)} fetch instructions"
        ),
        (
            f"pages     {counts.total:,} ({counts.total / 256:,.1f} MiB): {counts.anon:,} anonymous, {counts.file:,} of files "
            f"({counts.mapped_file:,} mapped, {counts.buffered_file:,} through descriptors)"
        ),
        f"time      {header.ns_per_access:,} ns per record, {header.ns_per_access * counts.records / 1e9:,.3f} s",
        (
            f"spaces    {len(header.mappings):,} mappings of {trace.nr_mapped_pages:,} pages, "
            f"{len(header.files):,} files of {trace.nr_file_pages:,} pages"
        ),
    ]
    lines += [f"source    {key}: {value}" for key, value in header.source.items()]
    return "\n".join(lines)


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %"


def _mapping_table(trace: Trace, *, show_all: bool) -> Table:
    mappings = trace.header.mappings
    shown = sorted(mappings, key=lambda mapping: -mapping.pages)
    rest = 0 if show_all else len(shown[_SHOWN_MAPPINGS:])
    caption = f"and {rest:,} smaller ones (--all shows them)" if rest else None
    table = Table("pages", "kind", "rights", "from page", "name", caption=caption, box=None, pad_edge=False)
    for number in (0, 3):
        table.columns[number].justify = "right"
    for mapping in shown if show_all else shown[:_SHOWN_MAPPINGS]:
        rights = (
            "r"
            + ("w" if mapping.write else "-")
            + ("x" if mapping.exec else "-")
            + ("s" if mapping.shared else "p")
        )
        first = "" if mapping.file is None else f"{mapping.file_page:,}"
        table.add_row(f"{mapping.pages:,}", mapping.kind, rights, first, escape(mapping.name))
    return table


def _progress() -> Callable[[int, int], None] | None:
    """Return a reporter of a running recording, None when nobody looks."""
    if not sys.stderr.isatty():
        return None

    def report(nr_accesses: int, nr_records: int) -> None:
        click.echo(f"\r{nr_accesses / 1e6:,.0f} M accesses, {nr_records:,} records ", nl=False, err=True)

    return report


def _clear_progress() -> None:
    if sys.stderr.isatty():
        click.echo("\r" + " " * 60 + "\r", nl=False, err=True)
