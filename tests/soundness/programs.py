"""The program of a number, and how one is broken: what `python -m tests.soundness` tries.

Numbers are dealt to kinds of programs by turns. Most are small, one hook of a few statements with what it
needs to be complete, for a verifier goes wrong in small places and small programs are cheap; some are large,
so that places meet; some are about numbers alone, tied to each other or near the ends of their ranges, where
what needs a proof hangs on comparisons that stand elsewhere; some are about what stays in memory, some about
what fields of state hold between hooks, and some about what a text means: what happens first, what is None, which way
is taken.
"""

from __future__ import annotations

import random
import re

from tests.verifier.meaning_generator import generate_meaning
from tests.verifier.memory_generator import generate_memory
from tests.verifier.policy_generator import generate_policy
from tests.verifier.relation_generator import generate_relations
from tests.verifier.state_generator import generate_state
from tests.verifier.wide_generator import generate_wide

_TURNS = "LSWTRSWMSTRFWMSW"
"""The kinds of sixteen programs that follow each other: large in every second round, small, related numbers,
wide numbers, memory, fields of state, texts and what they mean."""

LONGER = 16
"""In one of so many rounds programs about numbers are longer, with loops inside of loops: these take the
verifier five times as long, and are one of fifty programs."""

NR_TURNS = len(_TURNS)

_DANGER = (0.02, 0.06)
"""How often a dangerous operation goes unguarded, by turns: three, or two, of four large programs are accepted."""

_BREAKABLE = re.compile(
    r"\b\d+\b|(?<![-<>])(?:<=|>=|<|>)(?![<>=])|\bmin\b|\bmax\b|\band\b|\bor\b|\bis not\b|\bis\b(?! not)"
)
_BROKEN = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "min": "max", "max": "min", "and": "or", "or": "and"}
_BROKEN |= {"is": "is not", "is not": "is"}


def program(seed: int) -> str:
    """Return the program of a number."""
    round_, turn = divmod(seed, NR_TURNS)
    is_longer = round_ % LONGER == 0
    match _TURNS[turn]:
        case "R":
            return generate_relations(seed, is_small=not is_longer)
        case "W":
            return generate_wide(seed, is_small=not is_longer)
        case "M":
            return generate_memory(seed)
        case "F":
            return generate_state(seed)
        case "T":
            return generate_meaning(seed)
        case kind:
            is_large = kind == "L" and round_ % 2 == 0
            return generate_policy(seed, _DANGER[round_ // 2 % 2], is_small=not is_large)


def mutant(source: str, rng: random.Random) -> str:
    """Break one thing in the functions of a program: a number, a comparison, a guard."""
    places = list(_BREAKABLE.finditer(source, source.index("@hook")))
    if not places:
        return source
    place = rng.choice(places)
    old = place[0]
    if old.isdigit():
        numbers = (int(old) + 1, max(int(old) - 1, 0), 2 * int(old), 0, 1 << 63)
        new = str(rng.choice([number for number in numbers if number != int(old)]))
    else:
        new = _BROKEN[old]
    return source[: place.start()] + new + source[place.end() :]
