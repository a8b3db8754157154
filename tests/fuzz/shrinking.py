"""A failing script made small: lines that do not matter go, numbers become as small as they may be.

Here: the search, for any question that a script can be asked. Not here: the question.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

Fails = Callable[[list[str]], bool]

_NUMBER = re.compile(r"=(\d+)")


def shrink(lines: list[str], fails: Fails, most_tries: int = 2000) -> list[str]:
    """Return a small script that still fails.

    Args:
        lines: a script that fails.
        fails: whether a script fails in the same way.
        most_tries: scripts to try at most; what is found until then is returned.
    """
    tries = 0

    def still_fails(candidate: list[str]) -> bool:
        nonlocal tries
        tries += 1
        return tries <= most_tries and fails(candidate)

    before: list[str] = []
    while lines != before and tries < most_tries:
        before = lines
        lines = _without_lines(lines, still_fails)
        lines = _without_words(lines, still_fails)
        lines = _with_smaller_numbers(lines, still_fails)
    return lines


def _without_lines(lines: list[str], fails: Fails) -> list[str]:
    """Take out runs of lines, long ones first."""
    length = max(1, len(lines) // 2)
    while length:
        at = 0
        while at < len(lines):
            candidate = lines[:at] + lines[at + length :]
            if candidate and fails(candidate):
                lines = candidate
            else:
                at += length
        length //= 2
    return lines


def _without_words(lines: list[str], fails: Fails) -> list[str]:
    for number in range(len(lines)):
        place = 1
        while place < len(lines[number].split()):
            words = lines[number].split()
            candidate = [*lines[:number], " ".join(words[:place] + words[place + 1 :]), *lines[number + 1 :]]
            if fails(candidate):
                lines = candidate
            else:
                place += 1
    return lines


def _with_smaller_numbers(lines: list[str], fails: Fails) -> list[str]:
    for number in range(len(lines)):
        for place in range(len(_NUMBER.findall(lines[number]))):
            for candidate_line in _smaller(lines[number], place):
                candidate = [*lines[:number], candidate_line, *lines[number + 1 :]]
                if fails(candidate):
                    lines = candidate
                    break
    return lines


def _smaller(line: str, place: int) -> Iterator[str]:
    """Yield the line with its number at a place made smaller, by much first."""
    match = list(_NUMBER.finditer(line))[place]
    value = int(match[1])
    for smaller in sorted({0, 1, value // 8, value // 2, value - value // 4, value - 1}):
        if 0 <= smaller < value:
            yield f"{line[: match.start(1)]}{smaller}{line[match.end(1) :]}"
