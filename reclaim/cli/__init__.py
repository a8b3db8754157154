"""The command line: `reclaim` and its subcommands.

Here: finding the subcommands, and the one place that turns failures into messages and exit codes. Not here: any
subcommand. Each is a module of this folder with a click command named `command`; there is no list of them.

Subcommands are found by reading their source instead of importing it, so that `reclaim --help` does not pay for NumPy
and LLVM, and a subcommand pays only for itself.
"""

from __future__ import annotations

import ast
import difflib
import importlib
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import click

from reclaim import __version__
from reclaim.diag.errors import PolicyRejected, ReclaimError

EXIT_REJECTED = 1
"""A policy was rejected, as by reclaim-verify."""

EXIT_FAILED = 2
"""Bad usage or input, or a bug of ours; click's own code for bad usage."""

EXIT_INTERRUPTED = 130
"""128 + SIGINT, what shells report for a program that Ctrl-C ended."""

TRACEBACK_VARIABLE = "RECLAIM_TRACEBACK"
"""Environment variable that shows the traceback of a bug."""


@cache
def _subcommands() -> dict[str, str]:
    """Return the first sentence of every subcommand's help by its name."""
    found = {}
    for path in sorted(Path(__file__).parent.glob("*.py")):
        summary = _summary(path)
        if summary is not None:
            found[path.stem.replace("_", "-")] = summary
    return found


def _summary(path: Path) -> str | None:
    """Return the first line of the docstring of a module's `command`, None where the module has no `command`."""
    for node in ast.parse(path.read_bytes()).body:
        if isinstance(node, ast.FunctionDef) and node.name == "command":
            return (ast.get_docstring(node) or "").partition("\n")[0]
    return None


class Reclaim(click.Group):
    """The group of all subcommands."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the subcommands."""
        del ctx
        return list(_subcommands())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a subcommand, or return None where there is none of that name."""
        del ctx
        if cmd_name not in _subcommands():
            return None
        module = importlib.import_module(f"{__name__}.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the subcommand that the arguments start with.

        Raises:
            click.UsageError: there is none; the message says what was probably meant.
        """
        if args and args[0] not in _subcommands() and not args[0].startswith("-"):
            close = difflib.get_close_matches(args[0], _subcommands(), n=1)
            hint = f"; did you mean '{close[0]}'?" if close else ""
            ctx.fail(f"no subcommand '{args[0]}'{hint} (there are: {', '.join(_subcommands())})")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the subcommands with their summaries, without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(_subcommands().items()))

    def make_context(self, *args: Any, **options: Any) -> click.Context:
        """Read the command line, and answer what it asks for itself, such as help."""
        with _readers_may_leave():
            return super().make_context(*args, **options)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a subcommand."""
        with _readers_may_leave():
            result = super().invoke(ctx)
            sys.stdout.flush()
            return result

    def main(self, *args: Any, **options: Any) -> NoReturn:
        """Run a command line and exit; every failure becomes a message on stderr and an exit code."""
        options["standalone_mode"] = False
        sys.exit(_run_guarded(lambda: super(Reclaim, self).main(*args, **options)))


def _run_guarded(run: Any) -> int:
    """Run something and return the exit code that its end deserves."""
    try:
        code = run()
    except click.exceptions.Exit as exit_:
        return exit_.exit_code
    except click.ClickException as error:
        error.show()
        return EXIT_FAILED
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        return EXIT_INTERRUPTED
    except PolicyRejected as error:
        _show_rejection(error)
        return EXIT_REJECTED
    except ReclaimError as error:
        click.echo(f"error: {error}", err=True)
        return EXIT_FAILED
    except MemoryError:
        click.echo("error: this computer has too little memory for that", err=True)
        return EXIT_FAILED
    except Exception as error:  # noqa: BLE001  # the last line of defence, which must catch all
        _show_bug(error)
        return EXIT_FAILED
    return code if isinstance(code, int) else 0


@contextmanager
def _readers_may_leave() -> Iterator[None]:
    """Let the reader of a pipe leave early: that ends the command with success and without a word.

    click and rich would end it with code 1, which here means a rejected policy.
    """
    try:
        yield
    except (BrokenPipeError, SystemExit) as error:
        if isinstance(error, SystemExit) and not isinstance(error.__context__, BrokenPipeError):
            raise
        # Python flushes stdout once more at exit; into /dev/null that cannot fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise click.exceptions.Exit(0) from None


def _show_rejection(error: PolicyRejected) -> None:
    """Draw all findings with the source around them."""
    from reclaim.diag.render import render_full, source_of, wants_colour

    colour = wants_colour(sys.stderr)
    text = render_full(error.diagnostics, str(error.path), source_of(error.path), colour=colour)
    click.echo(f"{text}error: {error.path} was rejected", err=True, color=colour)


def _show_bug(error: Exception) -> None:
    """Say that this is our fault and how to report it; the traceback only for those who asked."""
    if os.environ.get(TRACEBACK_VARIABLE):
        traceback.print_exception(error, file=sys.stderr)
    click.echo(
        f"error: this is our bug: {type(error).__name__}: {error}\n"
        f"Please report it with the command line, the policy and the trace; {TRACEBACK_VARIABLE}=1 shows where it happened.",
        err=True,
    )


@click.group(cls=Reclaim, name="reclaim", context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="reclaim")
def main() -> None:
    """A user-space laboratory for Linux memory reclaim."""
