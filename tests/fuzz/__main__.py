"""Fuzz the core: `python -m tests.fuzz --minutes 10`, or `python -m tests.fuzz FILE` to play a script again.

A script that fails is made small and written to --keep; what was fixed moves to tests/fuzz/found/, where the tests play
it for good. Now and then a random policy of the language plays on a random machine, in a process of its own, because
what goes wrong in native code may end it.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.fuzz.machine_scripts import ScriptWriter
from tests.fuzz.script_player import Failure, ScriptPlayer, kind_of
from tests.fuzz.shrinking import shrink

SECONDS = 1200
"""For a policy's round, which takes one; generous, because the host may have other work."""

POLICY_PERIOD = 25
"""Scripts to one round of a policy, which takes about as long as they do."""


def shrunk(player: ScriptPlayer, script: str, failure: Failure) -> str:
    """Return a small script that fails in the same way."""

    def fails(lines: list[str]) -> bool:
        found = player.failure("\n".join(lines) + "\n")
        return found is not None and found.kind == failure.kind

    return "\n".join(shrink(script.splitlines(), fails)) + "\n"


def policy_failure(seed: int) -> Failure | None:
    """Return what is wrong with the random policy of a seed on its random machine, None where nothing is."""
    program = (
        "import pathlib, sys, tempfile\n"
        "from tests.fuzz.policy_machines import play_round\n"
        "with tempfile.TemporaryDirectory() as name:\n"
        f"    rounds = [play_round({seed}, pathlib.Path(name)) for _ in range(2)]\n"
        "assert rounds[0] == rounds[1], 'two runs, two results'\n"
    )
    try:
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return Failure("a policy hangs", f"policy round {seed}: no end after {SECONDS} s")
    if done.returncode == 0:
        return None
    last = done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"status {done.returncode}"
    return Failure(kind_of(f"policy: invariant {last}"), f"policy round {seed}\n{done.stderr}")


def fuzz(player: ScriptPlayer, minutes: float, first_seed: int, keep: Path) -> int:
    """Play random scripts for some time and return how many kinds of failure there were."""
    end = time.monotonic() + 60 * minutes
    kinds: dict[str, int] = {}
    seed = first_seed
    while time.monotonic() < end:
        script = ScriptWriter(random.Random(seed)).write()
        failure = player.failure(script)
        if failure is not None and failure.kind not in kinds:
            small = shrunk(player, script, failure)
            again = player.failure(small) or failure
            path = keep / f"seed-{seed}.txt"
            path.write_text(
                "".join(f"# {text}\n" for text in again.text.splitlines()[:30]) + small, encoding="utf-8"
            )
            print(f"seed {seed}: {again.kind}\n  {path}: {len(small.splitlines())} lines", flush=True)
        if failure is None and seed % POLICY_PERIOD == 0:
            failure = policy_failure(seed)
            if failure is not None and failure.kind not in kinds:
                (keep / f"policy-{seed}.txt").write_text(failure.text, encoding="utf-8")
                print(f"policy round {seed}: {failure.kind}", flush=True)
        if failure is not None:
            kinds[failure.kind] = kinds.get(failure.kind, 0) + 1
        seed += 1
    print(f"{seed - first_seed} scripts from seed {first_seed}, {len(kinds)} kinds of failure: {kinds}")
    return len(kinds)


def main() -> int:
    """Read the command line; 1 means that something was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.split("\n")[0])
    parser.add_argument("script", nargs="?", type=Path, help="play this one and say what is wrong")
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument(
        "--seed", type=int, help="of the first script; each next one has the next; default: the clock"
    )
    parser.add_argument(
        "--keep", type=Path, default=Path(), help="folder for scripts that fail; default: here"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        player = ScriptPlayer(Path(folder))
        if arguments.script is not None:
            failure = player.failure(arguments.script.read_text(encoding="utf-8"))
            print("nothing wrong" if failure is None else failure.text)
            return failure is not None
        seed = int(time.time()) * 1000 if arguments.seed is None else arguments.seed
        arguments.keep.mkdir(parents=True, exist_ok=True)
        return fuzz(player, arguments.minutes, seed, arguments.keep) > 0


if __name__ == "__main__":
    sys.exit(main())
