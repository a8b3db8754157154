"""Damaged texts and programs of instructions: whatever it is given, the verifier answers, and soon.

A text starts as a shipped policy, a case of the corpora or a random program, and is damaged a few times: bytes
are flipped, stretches are lost, doubled, moved or taken from another text, numbers become huge, characters of
any script come in, blocks and brackets become deep, lines many. The answer may be anything but an exception
of its own or a verifier that thinks for too long.
"""

from __future__ import annotations

import random
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from reclaim.diag.errors import PolicyRejected
from reclaim.diag.render import render_full
from reclaim.lang.frontend import compile_source
from reclaim.lang.source_text import decode_source
from tests.fakes.ir_programs import ProgramWriter
from tests.soundness.programs import mutant, program
from verifier.analysis import HookAnalysis
from verifier.verified import verify

LIMIT_S = 30.0
"""Seconds of processor time for one text, witnesses and trying of fixes included. Ours: the slowest policy of
the corpora takes a sixtieth, and a busy machine is three times as slow; an analysis that does not settle takes
for ever."""

SHARE_OF_BROKEN = 0.5
"""Of damaged texts: random programs in which a few numbers, comparisons and guards are broken."""

_ROOT = Path(__file__).parents[2]
_CORPORA = ("policies", "tests/verifier/accepted", "tests/verifier/rejected", "tests/policies")
_NUMBER = re.compile(rb"\b\d+\b")
_WORD = re.compile(rb"\w+|[^\w\s]+|\s+")
_HUGE = (
    b"0",
    b"18446744073709551615",
    b"18446744073709551616",
    b"9" * 400,
    b"0x" + b"f" * 5_000,
    b"1e999",
    b"0b2",
)


class TookTooLong(Exception):
    """Signal that a text was not answered in time."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise `TookTooLong` where processor time runs out; only in the main thread of a process."""

    def ring(_signal: int, _frame: object) -> None:
        raise TookTooLong(f"more than {seconds} seconds")

    before = signal.signal(signal.SIGVTALRM, ring)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def answers_to(data: bytes) -> bool:
    """Read, compile and verify, and draw what was found.

    Args:
        data: what stands in the file.

    Returns:
        Whether it is accepted.

    Raises:
        TookTooLong: it took more than `LIMIT_S`.
    """
    with time_limit(LIMIT_S):
        try:
            source = decode_source(data, "damaged.rpol")
            report = verify(compile_source(source, "damaged.rpol"))
        except PolicyRejected as rejected:
            render_full(rejected.diagnostics, "damaged.rpol", data.decode(errors="replace"))
            return False
        render_full(report.diagnostics, "damaged.rpol", source)
        return report.accepted


def analyse_instructions(rng: random.Random) -> None:
    """Analyse a program that no front end would write: any operation on anything, loops and branches at random.

    Raises:
        TookTooLong: it took more than `LIMIT_S`.
    """
    policy = ProgramWriter(rng).program(rng.choice((20, 60, 150)))
    with time_limit(LIMIT_S):
        for hook in policy.hooks.values():
            HookAnalysis(hook).run()


def damaged(rng: random.Random) -> bytes:
    """Return a damaged text; every second one is still read and gets as far as the verifier."""
    if rng.random() < SHARE_OF_BROKEN:
        text = program(rng.randrange(1 << 40))
        for _ in range(rng.choice((1, 3, 10, 30))):
            text = mutant(text, rng)
        return text.encode()
    data = _text(rng)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        data = rng.choice(_DAMAGES)(data, rng)
    return data


@cache
def _files() -> tuple[Path, ...]:
    return tuple(sorted(path for folder in _CORPORA for path in (_ROOT / folder).rglob("*.rpol")))


def _text(rng: random.Random) -> bytes:
    if rng.random() < 0.5:
        return program(rng.randrange(1 << 40)).encode()
    return rng.choice(_files()).read_bytes()


def _stretch(data: bytes, rng: random.Random) -> tuple[int, int]:
    start = rng.randrange(len(data) + 1)
    return start, min(len(data), start + rng.choice((1, 2, 5, 20, 100, 1000)))


def _flip(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 10))):
        if changed:
            changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def _lose(data: bytes, rng: random.Random) -> bytes:
    start, end = _stretch(data, rng)
    return data[:start] + data[end:]


def _double(data: bytes, rng: random.Random) -> bytes:
    start, end = _stretch(data, rng)
    return data[:end] + data[start:end] * rng.choice((1, 2, 50)) + data[end:]


def _move(data: bytes, rng: random.Random) -> bytes:
    start, end = _stretch(data, rng)
    rest = data[:start] + data[end:]
    at = rng.randrange(len(rest) + 1)
    return rest[:at] + data[start:end] + rest[at:]


def _take_over(data: bytes, rng: random.Random) -> bytes:
    other = _text(rng)
    start, end = _stretch(other, rng)
    at = rng.randrange(len(data) + 1)
    return data[:at] + other[start:end] + data[at:]


def _swap_words(data: bytes, rng: random.Random) -> bytes:
    words = _WORD.findall(data)
    if len(words) > 1:
        one, other = rng.randrange(len(words)), rng.randrange(len(words))
        words[one], words[other] = words[other], words[one]
    return b"".join(words)


def _change_number(data: bytes, rng: random.Random) -> bytes:
    found = list(_NUMBER.finditer(data))
    if not found:
        return data
    place = rng.choice(found)
    return data[: place.start()] + rng.choice(_HUGE) + data[place.end() :]


def _write_in_any_script(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data) + 1)
    text = "".join(
        chr(rng.choice((rng.randrange(0x20, 0x2FFF), rng.randrange(0x1F300, 0x1FAFF)))) for _ in range(5)
    )
    return data[:at] + text.encode() + data[at:]


def _deepen(data: bytes, rng: random.Random) -> bytes:
    lines = data.split(b"\n")
    at = rng.randrange(len(lines))
    depth = rng.choice((3, 8, 25, 70, 2_000))
    opening, closing = rng.choice(((b"(", b")"), (b"-", b""), (b"min(1, ", b")"), (b"not ", b"")))
    if rng.random() < 0.5:
        lines[at] += b" + " + opening * depth + b"1" + closing * depth
    else:
        first = len(lines[at]) - len(lines[at].lstrip())
        blocks = [b" " * (first + level) + b"for i%d in range(2):" % level for level in range(min(depth, 25))]
        lines[at : at + 1] = [*blocks, b" " * len(blocks) + lines[at]]
    return b"\n".join(lines)


def _lengthen(data: bytes, rng: random.Random) -> bytes:
    lines = data.split(b"\n")
    at = rng.randrange(len(lines))
    lines[at : at + 1] = [lines[at]] * rng.choice((10, 300))
    return b"\n".join(lines)


_DAMAGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    _flip,
    _lose,
    _double,
    _move,
    _take_over,
    _swap_words,
    _change_number,
    _change_number,
    _write_in_any_script,
    _deepen,
    _lengthen,
)
