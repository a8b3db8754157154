"""Verifying a policy: ``python -m benchmarks.verify``.

Imports done, no cached verdict: front end and verifier on a policy of about 60 lines, on `mglru.rpol`, and on
made-up policies of 250 to 2,000 lines, whose cost per 100 IR operations shows whether it grows with the
program or faster.
"""

from __future__ import annotations

from benchmarks.measurement import Row, interleaved_medians, show
from reclaim.engine.shipped import find_policy
from reclaim.lang.frontend import compile_source
from reclaim.lang.ir import PolicyIR
from verifier.verified import verify_or_raise

SMALL, SMALL_AIM_MS = "tiering", 20.0
LARGE, LARGE_AIM_MS = "mglru", 120.0
MADE_UP_LINES = (250, 500, 1000, 2000)
MADE_UP_AIM_MS = 5000.0
REPEATS = 7

_HOOKS = ("pass_begin", "prepare_scan", "reclaim_end")
"""Hooks that call the made-up functions, in turn: those with a budget for much work and no answer."""

_FUNCTION = """
def part_{number}(lruvec: Lruvec, sc: ScanControl, x: u64) -> u64:
    total = 0
    for i in range(4):
        if lruvec.cells[i] > x % {modulus}:
            total += lruvec.cells[i]
        elif x + i < {limit}:
            lruvec.cells[(x + i) % 8] = min(total, 255)
    if total == 0 or sc.nr_to_reclaim == 0:
        return {number} % 7
    lruvec.share = min(total * 100 // sc.nr_to_reclaim, 100)
    return min(total, 1000 - {number} % 9)

"""


def made_up(nr_lines: int) -> str:
    """Return an accepted policy of about that many lines.

    Args:
        nr_lines: how many.
    """
    nr_parts = nr_lines // (_FUNCTION.count("\n") + 1)
    head = '"""Made up."""\n\n\nclass Row(LruvecState):\n    cells: u8[8]\n    share: u64\n    sum: u64\n'
    parts = "".join(
        _FUNCTION.format(number=number, modulus=9 + number % 40, limit=50 + number % 30)
        for number in range(nr_parts)
    )
    hooks = "".join(
        f"\n\n@hook\ndef {hook}(lruvec: Lruvec, sc: ScanControl) -> None:\n    x = lruvec.sum\n"
        + "".join(f"    x = part_{number}(lruvec, sc, x)\n" for number in range(at, nr_parts, len(_HOOKS)))
        + "    lruvec.sum = x\n"
        for at, hook in enumerate(_HOOKS)
    )
    return head + "\n" + parts + hooks


def rows() -> list[Row]:
    """Measure front end and verifier on each policy."""
    sources = {name: find_policy(name).read_text(encoding="utf-8") for name in (SMALL, LARGE)}
    aims = {SMALL: SMALL_AIM_MS, LARGE: LARGE_AIM_MS}
    for nr_lines in MADE_UP_LINES:
        name = f"made up, {nr_lines} lines"
        sources[name] = made_up(nr_lines)
        aims[name] = MADE_UP_AIM_MS
    return [row for name, source in sources.items() for row in _rows(name, source, aims[name])]


def _rows(name: str, source: str, aim_ms: float) -> list[Row]:
    policy = compile_source(source, f"{name}.rpol")
    medians = interleaved_medians(
        {
            "front end": lambda: compile_source(source, f"{name}.rpol"),
            "verify": lambda: verify_or_raise(policy),
        },
        REPEATS,
    )
    nr_lines, nr_ops = source.count("\n"), _nr_ops(policy)
    return [
        Row(
            f"{stage} {name}",
            f"{nr_lines} lines",
            f"{seconds * 1e3:.1f} ms",
            f"{seconds * 1e5 / nr_ops:.2f} ms per 100 of {nr_ops} IR ops",
            seconds * 1e3,
            aim_ms if stage == "verify" else None,
        )
        for stage, seconds in medians.items()
    ]


def _nr_ops(policy: PolicyIR) -> int:
    return sum(len(block.ops) + 1 for hook in policy.hooks.values() for block in hook.blocks)


if __name__ == "__main__":
    show(rows())
