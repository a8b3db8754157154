"""The group of subcommands: how they are found, and what becomes of every kind of failure."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import reclaim.cli
from reclaim.cli import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_REJECTED, Reclaim, main
from reclaim.diag.diagnostic import Diagnostic, Span
from reclaim.diag.errors import ConfigError, PolicyRejected
from tests.cli.command_runs import COMMAND, SMALL


def _raising(error: BaseException) -> Reclaim:
    """Return a group whose only subcommand, `compare`, raises."""

    def fail() -> None:
        raise error

    class Failing(Reclaim):
        def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
            del ctx, cmd_name
            return click.Command("compare", callback=fail)

    return Failing("reclaim")


def _outcome(error: BaseException) -> tuple[int, str]:
    result = CliRunner().invoke(_raising(error), ["compare"])
    return result.exit_code, result.stderr


def test_help_lists_every_subcommand_that_is_a_file() -> None:
    """A file with a `command` is a subcommand; nothing is listed by hand."""
    folder = Path(reclaim.cli.__file__).parent
    files = {
        path.stem for path in folder.glob("*.py") if "\ndef command(" in path.read_text(encoding="utf-8")
    }
    assert set(main.list_commands(click.Context(main))) == files


def test_every_subcommand_loads_and_has_help() -> None:
    """What the help lists can be asked for help."""
    for name in main.list_commands(click.Context(main)):
        result = CliRunner().invoke(main, [name, "--help"])
        assert (name, result.exit_code) == (name, 0)


def test_help_imports_neither_numpy_nor_llvm() -> None:
    """Asking for help is quick because it loads nothing heavy."""
    script = (
        "import sys; from reclaim.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: print(sorted({'numpy', 'llvmlite', 'rich'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "[]"


def test_unknown_subcommand_is_answered_with_the_one_that_was_meant() -> None:
    """A slip of the finger costs one look."""
    result = CliRunner().invoke(main, ["compar"])
    assert (result.exit_code, "did you mean 'compare'?" in result.stderr) == (2, True)


def test_unknown_option_is_answered_with_the_one_that_was_meant() -> None:
    """The same for options."""
    result = CliRunner().invoke(main, ["compare", "--memory-mx", "1"])
    assert (result.exit_code, "--memory-max" in result.stderr) == (2, True)


def test_version_is_printed() -> None:
    """`--version` works without an installed package."""
    result = CliRunner().invoke(main, ["--version"])
    assert (result.exit_code, result.stdout.startswith("reclaim, version ")) == (0, True)


def test_bad_input_is_a_message_and_exit_2() -> None:
    """What a user caused is told in one line."""
    assert _outcome(ConfigError("limit is -1")) == (EXIT_FAILED, "error: limit is -1\n")


def test_interrupt_is_exit_130() -> None:
    """Ctrl-C ends quietly, with the code that shells know."""
    code, text = _outcome(KeyboardInterrupt())
    assert (code, text.strip()) == (EXIT_INTERRUPTED, "interrupted")


def test_too_little_memory_is_no_bug() -> None:
    """What does not fit into this computer is told as that."""
    code, text = _outcome(MemoryError())
    assert (code, "too little memory" in text) == (EXIT_FAILED, True)


def test_bug_is_called_ours_and_shows_no_traceback() -> None:
    """An unexpected exception is our fault, and says how to report it."""
    code, text = _outcome(KeyError("lost"))
    assert (code, "this is our bug: KeyError: 'lost'" in text, "Traceback" in text) == (
        EXIT_FAILED,
        True,
        False,
    )


def test_bug_shows_its_traceback_to_who_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever hunts the bug can see where it happened."""
    monkeypatch.setenv("RECLAIM_TRACEBACK", "1")
    assert "Traceback" in _outcome(KeyError("lost"))[1]


def test_rejected_policy_is_its_diagnostics_and_exit_1(tmp_path: Path) -> None:
    """A rejection is drawn in full, at the author's own line."""
    path = tmp_path / "bad.rpol"
    path.write_text('"""Bad."""\nx = 1 / 2\n', encoding="utf-8")
    finding = Diagnostic("RP0103", "true-division", "`/` is not in the language", Span.of(2, 7, 2, 8))
    code, text = _outcome(PolicyRejected(path, [finding]))
    assert (code, "bad.rpol:2:7" in text, "x = 1 / 2" in text) == (EXIT_REJECTED, True, True)


@pytest.mark.parametrize("arguments", ["--help", "compare --help", f"run fifo --workload {SMALL}", "hooks"])
def test_reader_that_leaves_early_is_no_error(arguments: str) -> None:
    """`reclaim … | head` ends without a word, and with success."""
    reader, writer = os.pipe()
    os.close(reader)
    run = subprocess.run([*COMMAND, *arguments.split()], stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (run.returncode, run.stderr) == (0, b"")


def test_module_is_the_same_command() -> None:
    """`python -m reclaim` needs no script on the path."""
    run = subprocess.run(
        [sys.executable, "-m", "reclaim", "--version"], capture_output=True, text=True, check=True
    )
    assert run.stdout.startswith("reclaim, version ")
