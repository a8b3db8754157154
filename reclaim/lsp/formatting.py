"""Formatting by a Python formatter that is installed: every policy is Python to it.

What it makes is taken only if our own parser reads the same from it.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
from dataclasses import fields
from pathlib import Path

from reclaim.diag.errors import PolicyRejected
from reclaim.lang import nodes
from reclaim.lang.parser import parse
from reclaim.lang.source_text import clean_text

FORMATTERS = (
    ("ruff", ("format", "--quiet", "--stdin-filename", "policy.py", "-")),
    ("black", ("--quiet", "--stdin-filename", "policy.py", "-")),
)
"""Programs that format Python from stdin to stdout, the one to be preferred first."""

LONGEST_SECONDS = 10.0
"""How long one may take; they need some 20 ms (ruff) and 300 ms (black)."""


class NotFormatted(Exception):
    """Signal why a text was left as it is, in words for its author."""


async def formatted(source: str, folder: Path | None) -> str:
    """Return a text as a formatter lays it out.

    Args:
        source: the text.
        folder: where the formatter looks for its settings, None for texts without a file.

    Raises:
        NotFormatted: there is no formatter, or the text is no policy, or it would mean something else.
    """
    before = _meaning(source)
    if before is None:
        raise NotFormatted("the text has syntax errors; mend those first")
    for name, arguments in FORMATTERS:
        program = _find(name)
        if program is not None:
            result = await _run([program, *arguments], source, folder)
            if _meaning(result) != before:
                raise NotFormatted(f"{name} would change what the policy says")
            return result
    raise NotFormatted("neither ruff nor black is installed")


def _find(name: str) -> str | None:
    """Return the program beside this Python, else on the path."""
    return shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)


async def _run(command: list[str], source: str, folder: Path | None) -> str:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe, cwd=folder)
    try:
        talk = process.communicate(source.encode("utf-8", "surrogatepass"))
        output, errors = await asyncio.wait_for(talk, LONGEST_SECONDS)
    except TimeoutError:
        process.kill()
        raise NotFormatted(f"{command[0]} took more than {LONGEST_SECONDS:.0f} seconds") from None
    if process.returncode != 0:
        raise NotFormatted(f"{command[0]}: {errors.decode(errors='replace').strip()}")
    return output.decode("utf-8")


def _meaning(source: str) -> object:
    """Return what our parser reads from a text, places left out; None if it cannot be read."""
    try:
        module, broken = parse(clean_text(source, ""))
    except PolicyRejected:
        return None
    return None if broken else _without_places(module.statements)


def _without_places(part: object) -> object:
    """Return a tree as nested tuples; blanks inside of strings, which formatters lay out, count for nothing."""
    match part:
        case tuple():
            return tuple(map(_without_places, part))
        case nodes.String(value=text):
            return "string", tuple(text.split())
        case nodes.Node():
            held = (getattr(part, field.name) for field in fields(part) if not field.name.endswith("span"))
            return type(part).__name__, tuple(map(_without_places, held))
        case _:
            return part
