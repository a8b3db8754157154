"""Where a variable that has no value yet would get its first one, and how the missing end of a function is written."""

from __future__ import annotations

import re
from collections.abc import Sequence

from reclaim.diag.diagnostic import Edit, Help, Span

_ASSIGNED = r"\s+{} ?(?:[-+*/%&|^<>]*)= "


def begin_with(name: str, value: str, used: int, lines: Sequence[str]) -> Help:
    """Offer a first value, before the outermost statement in which the variable is assigned.

    Args:
        name: the variable.
        value: what it begins with.
        used: number of the line where it has no value.
        lines: of the policy.
    """
    said = f"begin with `{name} = {value}`"
    head = next((n for n in range(used, 0, -1) if lines[n - 1].startswith("def ")), None)
    if head is None:
        return Help(said)
    assigned = (n for n in range(head + 1, used + 1) if re.match(_ASSIGNED.format(name), lines[n - 1]))
    at = next(assigned, used)
    body = next((_depth(line) for line in lines[head:] if line.strip()), 4)
    while at > head + 1 and (_depth(lines[at - 1]) > body or not lines[at - 1].strip()):
        at -= 1
    place = Span.of(at, body + 1, at, body + 1)
    return Help(said, Edit(place, f"{name} = {value}\n{' ' * body}"))


def end_with(answer: str, head: int, lines: Sequence[str]) -> Help:
    """Offer an answer behind everything else in a function.

    Args:
        answer: the whole statement.
        head: number of the line with the function's `def`.
        lines: of the policy.
    """
    last = head
    for number in range(head + 1, len(lines) + 1):
        line = lines[number - 1]
        if line.strip() and not _depth(line):
            break
        last = number if line.strip() else last
    end = len(lines[last - 1]) + 1
    body = next((_depth(line) for line in lines[head:last] if line.strip()), 4)
    return Help(f"end with `{answer}`", Edit(Span.of(last, end, last, end), f"\n{' ' * body}{answer}"))


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())
