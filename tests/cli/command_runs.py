"""Running the command line in tests: in this process, and as a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from click.testing import CliRunner, Result

from reclaim.cli import main

SMALL = "zipf:pages=1K,accesses=20K,kind=file-read"
"""A workload of a few milliseconds, without swap."""

COMMAND = (sys.executable, "-m", "reclaim")


def invoked(*arguments: str) -> Result:
    """Run a command line in this process."""
    return CliRunner().invoke(main, arguments)


def refused(*arguments: str) -> str:
    """Run a command line that must be refused with exit code 2 and no traceback, and return what it says."""
    result = invoked(*arguments)
    assert (result.exit_code, result.stdout) == (2, ""), result.output
    assert "Traceback" not in result.stderr
    assert "our bug" not in result.stderr
    return result.stderr


def runs_of(*arguments: str) -> list[dict[str, Any]]:
    """Run `compare --json -` and return its runs."""
    result = invoked("compare", *arguments, "--json", "-")
    assert result.exit_code == 0, result.output
    runs: list[dict[str, Any]] = json.loads(result.stdout)["runs"]
    return runs


def run_apart(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command line as a process of its own, in pipes."""
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False)
