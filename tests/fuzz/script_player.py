"""The script player as a program: built from today's core, and asked what a script does.

Two builds play each script: one with checks after every step and sanitizers, one as the core is shipped. Both must come
to the same numbers, and the same script must give the same numbers twice.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.core.core_object import BASE, BUILDS, compiler, core_object, finished
from tests.fuzz.core_api import player_tables

HERE = Path(__file__).parent

_SECONDS = 1200
"""Of the clock; a player that hangs ends itself after 20 of processor time, and a busy host may take long for those."""

_ENVIRONMENT = os.environ | {
    "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=0",
    "UBSAN_OPTIONS": "print_stacktrace=1",
}


@dataclass(frozen=True, slots=True)
class Failure:
    """Hold what went wrong.

    Args:
        kind: what is the same when the same thing goes wrong in another script: the message without its numbers.
        text: everything that was said.
    """

    kind: str
    text: str


class ScriptPlayer:
    """Play scripts with the core of this tree.

    Args:
        folder: for the programs and the script being played.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / "player_tables.h").write_text(player_tables(), encoding="utf-8")
        self._checked = self._build("checked")
        self._plain = self._build("plain")

    def failure(self, script: str) -> Failure | None:
        """Return what is wrong with a script, None where nothing is."""
        path = self._folder / "script.txt"
        path.write_text(script, encoding="utf-8")
        checked = self._play(self._checked, path)
        if isinstance(checked, Failure):
            return checked
        plain = self._play(self._plain, path)
        if isinstance(plain, Failure):
            return Failure(f"plain build: {plain.kind}", plain.text)
        if plain != checked:
            return Failure("two builds, two results", f"checked: {checked}plain: {plain}")
        again = self._play(self._plain, path)
        return None if again == plain else Failure("two runs, two results", f"first: {plain}second: {again}")

    def _play(self, program: Path, script: Path) -> str | Failure:
        try:
            done = subprocess.run(
                [str(program), str(script)],
                capture_output=True,
                text=True,
                timeout=_SECONDS,
                check=False,
                env=_ENVIRONMENT,
            )
        except subprocess.TimeoutExpired:
            return Failure("hangs", f"no end after {_SECONDS} s")
        if done.returncode == 0:
            return done.stdout
        return Failure(kind_of(done.stderr) or f"status {done.returncode}", done.stderr)

    def _build(self, build: str) -> Path:
        program = self._folder / f"script_player-{build}"
        sources = [str(HERE / "script_player.c"), str(core_object(build))]
        options = [*BASE, "-std=gnu11", *BUILDS[build], f"-I{self._folder}"]
        done = finished([*compiler(), *options, *sources, "-o", str(program)], 300)
        if done.returncode:
            raise RuntimeError(f"the script player does not build:\n{done.stderr}")
        return program


def kind_of(said: str) -> str:
    """Return what a program said without what differs from script to script: line and seed, numbers, addresses."""
    for text in said.splitlines():
        if "ERROR: AddressSanitizer" in text or "runtime error:" in text:
            return re.sub(r"0x[0-9a-f]+|==\d+==|(?<![:\w])\d+", "", text).strip()[:160]
        if "Assertion" in text or "invariant" in text or "not true" in text or "expected" in text:
            return re.sub(r"line \d+:|0x[0-9a-f]+|(?<![\w.:])\d+", "", text).strip()[:160]
    return said.strip().splitlines()[0][:160] if said.strip() else ""
