"""`reclaim export`: a policy as an eBPF object, and what this computer's kernel says of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich import box
from rich.console import Console
from rich.table import Table

from reclaim.diag.errors import ConfigError
from reclaim.diag.whole_file import whole_file
from reclaim.engine.shipped import find_policy, shipped_policies
from reclaim.jit.policy_loader import read_source

if TYPE_CHECKING:
    from verifier.verified import VerifiedPolicy


@click.command("export")
@click.argument("policies", nargs=-1, metavar="[POLICY]...")
@click.option(
    "-o",
    "output",
    type=click.Path(path_type=Path),
    help="Where to write the object, or with --text the text.",
)
@click.option("--text", "as_text", is_flag=True, help="Write eBPF assembly for people instead of an object.")
@click.option(
    "--check", "checks", is_flag=True, help="Load it into this kernel and say what its verifier did."
)
def command(policies: tuple[str, ...], output: Path | None, *, as_text: bool, checks: bool) -> None:
    """Compile POLICY to an eBPF object with maps and BTF, for libbpf and bpftool.

    With --check, without POLICY, every built-in policy is loaded into the running kernel.
    """
    if output is not None and len(policies) != 1:
        raise click.UsageError(f"-o takes one policy, but here are {len(policies)}")
    if output is None and not checks and not as_text:
        raise click.UsageError("nothing to do: give -o FILE, --text or --check")
    names = policies or (tuple(shipped_policies()) if checks else ())
    if not names:
        raise click.UsageError("which policy? `reclaim policies` lists the built-in ones")
    for name in names:
        _export(name, output, as_text=as_text)
    if checks:
        _check(names)


def _export(name: str, output: Path | None, *, as_text: bool) -> None:
    from reclaim.jit.bpf_compiler import bpf_assembly, compile_bpf

    if output is None and not as_text:
        return
    verified = _verified(name)
    contents = bpf_assembly(verified).encode() if as_text else compile_bpf(verified)
    if output is None:
        click.echo(contents.decode(), nl=False)
        return
    try:
        with whole_file(output) as file:
            file.write(contents)
    except OSError as error:
        raise ConfigError(f"{output} cannot be written: {error.strerror}") from None
    click.echo(f"{output} written, {len(contents):,} bytes", err=True)


def _check(names: tuple[str, ...]) -> None:
    """Load policies and print what verifying each of their programs took."""
    from reclaim.jit.bpf_compiler import compile_bpf
    from reclaim.jit.bpf_loader import LoadedObject

    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("policy", "hook"):
        table.add_column(heading)
    for heading in ("steps", "states", "stack bytes", "µs"):
        table.add_column(heading, justify="right")
    for name in names:
        with LoadedObject(compile_bpf(_verified(name))) as loaded:
            for program, stats in loaded.stats.items():
                numbers = (stats.instructions, stats.states, stats.stack, stats.microseconds)
                table.add_row(name, program.removeprefix("enter_"), *(f"{number:,}" for number in numbers))
    Console().print(table)
    click.echo(f"accepted by the Linux verifier: {len(names)} policies, {table.row_count} programs")


def _verified(name: str) -> VerifiedPolicy:
    from reclaim.lang.frontend import compile_source
    from verifier.verified import verify_or_raise

    path = find_policy(name)
    return verify_or_raise(compile_source(read_source(path), str(path)))
