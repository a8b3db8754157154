"""The command line of the verifier: `reclaim-verify`.

Exit codes: 0 every file accepted, 1 some rejected, 2 bad usage, a file that cannot be read, or our own
bug. Output goes to stdout; what is about the command itself goes to stderr.
"""

from __future__ import annotations

import difflib
import os
import sys
import traceback
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import click

from reclaim import __version__
from reclaim.abi.hooks import HOOKS
from reclaim.diag.diagnostic import Diagnostic
from reclaim.diag.errors import PolicyRejected
from reclaim.diag.registry import Page, page, pages
from reclaim.diag.render import (
    FileFindings,
    render_full,
    render_json,
    render_plain,
    render_sarif,
    render_short,
    source_of,
    wants_colour,
)
from reclaim.lang.frontend import compile_file
from reclaim.lang.source_text import read_source
from verifier.cost import HookCost
from verifier.explain_cost import cost_table, most
from verifier.fixing import fix
from verifier.source_places import SourceText
from verifier.verified import verify

EXIT_ACCEPTED = 0
EXIT_REJECTED = 1
EXIT_FAILED = 2

FORMATS = ("full", "plain", "short", "json", "sarif")

DOCUMENTS = {"json": render_json, "sarif": render_sarif}
"""Formats that are one document about all files."""

UNREADABLE = frozenset(("unreadable-file", "not-utf8", "file-too-large"))
"""Findings about a file that is no policy at all: bad usage, not a rejected policy."""

TRACEBACK_VARIABLE = "RECLAIM_TRACEBACK"
"""Environment variable that shows the traceback of a bug of ours."""


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of one file."""

    path: str
    accepted: bool
    diagnostics: tuple[Diagnostic, ...]
    costs: dict[str, HookCost]

    @property
    def exit_code(self) -> int:
        """Return the exit code that this file alone deserves."""
        if self.accepted:
            return EXIT_ACCEPTED
        return EXIT_FAILED if any(d.name in UNREADABLE for d in self.diagnostics) else EXIT_REJECTED


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("files", nargs=-1, metavar="FILE...")
@click.option("--format", "form", type=click.Choice(FORMATS), default="full", help="How to show findings.")
@click.option(
    "--cost", "with_cost", is_flag=True, help="Show the worst case of each hook against its budget."
)
@click.option(
    "--fix",
    "with_fixes",
    is_flag=True,
    help="Apply the fixes that keep: each removes its error and brings no other; then show what is left.",
)
@click.option("--explain", metavar="CODE", help="Show the page of a code, such as RP0501, and stop.")
@click.option("--list-codes", "list_codes", is_flag=True, help="List all codes and stop.")
@click.version_option(__version__, prog_name="reclaim-verify")
def reclaim_verify(
    files: tuple[str, ...],
    form: str,
    explain: str | None,
    *,
    with_cost: bool,
    with_fixes: bool,
    list_codes: bool,
) -> None:
    """Prove that policies are safe, or say what is wrong with them.

    Exit code 0: every file accepted; 1: some rejected; 2: bad usage or our own bug.
    """
    if list_codes:
        click.echo(_code_list(), nl=False)
        return
    if explain is not None:
        click.echo(_explanation(explain))
        return
    if not files:
        raise click.UsageError("give at least one policy file, such as policies/fifo.rpol")
    outcomes = []
    for path in files:
        if with_fixes:
            _mend(path)
        outcome = _judge(path)
        outcomes.append(outcome)
        if form not in DOCUMENTS:
            _show(outcome, form, with_cost=with_cost)
    if form in DOCUMENTS:
        click.echo(DOCUMENTS[form]([_findings(outcome) for outcome in outcomes]), nl=False)
    sys.exit(max(outcome.exit_code for outcome in outcomes))


def _judge(path: str) -> _Outcome:
    try:
        verdict = verify(compile_file(path))
    except PolicyRejected as rejected:
        return _Outcome(path, accepted=False, diagnostics=rejected.diagnostics, costs={})
    return _Outcome(path, verdict.accepted, verdict.diagnostics, verdict.costs)


def _mend(path: str) -> None:
    """Rewrite a file with the fixes that keep, and say on stderr what was done."""
    try:
        source = read_source(path)
    except PolicyRejected:
        return
    fixed = fix(source, path)
    if fixed.source != source:
        Path(path).write_bytes(fixed.source.encode("utf-8"))
    for diagnostic, offer in fixed.applied:
        start = diagnostic.span.start
        click.echo(f"{path}:{start.line}:{start.column}: {diagnostic.code} fixed: {offer.message}", err=True)


def _findings(outcome: _Outcome) -> FileFindings:
    costs = {name: (cost.total, cost.per_mapping) for name, cost in outcome.costs.items()}
    return FileFindings(outcome.path, outcome.accepted, costs, outcome.diagnostics)


def _show(outcome: _Outcome, form: str, *, with_cost: bool) -> None:
    """Print what was found in one file, and the cost table if it was asked for."""
    source = source_of(outcome.path) if outcome.diagnostics else ""
    match form:
        case "short":
            click.echo(render_short(outcome.diagnostics, outcome.path), nl=False)
        case "plain":
            click.echo(render_plain(outcome.diagnostics, outcome.path, source), nl=False)
        case _:
            colour = wants_colour(sys.stdout)
            click.echo(render_full(outcome.diagnostics, outcome.path, source, colour=colour), nl=False)
    if form != "short":
        click.echo(_summary(outcome))
    if with_cost:
        click.echo(_costs(outcome), nl=False)


def _summary(outcome: _Outcome) -> str:
    verdict = "accepted" if outcome.accepted else "rejected"
    counts = Counter(d.severity for d in outcome.diagnostics)
    told = [f"{number} {severity}{'' if number == 1 else 's'}" for severity, number in counts.items()]
    return ", ".join((f"{outcome.path}: {verdict}", *told))


def _costs(outcome: _Outcome) -> str:
    """Return a table of each hook's cost, and where it lies."""
    source = SourceText(source_of(outcome.path))
    lines = []
    for name, cost in outcome.costs.items():
        lines.append(f"hook `{name}`: {most(cost, HOOKS[name].budget)}")
        if cost.parts:
            lines += [f"    {row}" for row in cost_table(cost, source, HOOKS[name].budget)]
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _code_list() -> str:
    return "".join(f"{entry.code}  {entry.name:<28}  {entry.summary}\n" for entry in pages())


def _explanation(code: str) -> str:
    entry: Page | None = page(code)
    if entry is None:
        names = [known for p in pages() for known in (p.code, p.name)]
        close = difflib.get_close_matches(code.upper(), names, n=1) or difflib.get_close_matches(
            code, names, n=1
        )
        hint = f"; did you mean {close[0]}?" if close else "; --list-codes shows all"
        raise click.BadParameter(f"there is no code '{code}'{hint}", param_hint="--explain")
    return f"{entry.code}: {entry.name}\n\n{entry.summary}\n\n{entry.body}"


def main() -> None:
    """Run the command line and exit; a failure of our own becomes a message, not a traceback."""
    try:
        reclaim_verify.main(prog_name="reclaim-verify")
    except BrokenPipeError:
        # Python flushes stdout once more at exit; on /dev/null that cannot fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(EXIT_ACCEPTED)
    except Exception as error:  # noqa: BLE001 - the last line of defence, which must catch all
        if os.environ.get(TRACEBACK_VARIABLE):
            traceback.print_exception(error, file=sys.stderr)
        click.echo(
            f"error: this is our bug, not the policy's: {type(error).__name__}: {error}\n"
            f"Please report it together with the policy; {TRACEBACK_VARIABLE}=1 shows where it happened.",
            err=True,
        )
        sys.exit(EXIT_FAILED)
