"""Random scripts: a machine, memcgs, files, tasks, policies, and any call in any order.

Here: what values are tried. Options of the machine come from their table (reclaim/abi/options.py), each within its range;
what else the core can be told is read from its header (core_api.py), and a call that nobody has described here is tried
with numbers of every size. Not here: what a script means (script_player.c).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

from reclaim.abi.options import OPTIONS, Option
from tests.fuzz.core_api import STRUCTS, header_text, machine_calls, struct_members

Draw = random.Random
Value = Callable[[Draw], int]

ANY_NUMBER = (0, 0, 1, 1, 2, 3, 5, 16, 31, 64, 100, 128, 255, 4096, 65536)
"""For what nobody has described: small, round, and large ones; a machine may refuse them."""


def between(low: int, high: int) -> Value:
    """Return a value that is drawn from a range, its ends included."""
    return lambda draw: draw.randint(low, high)


def one_of(*values: int) -> Value:
    """Return a value that is one of some."""
    return lambda draw: draw.choice(values)


def seed(draw: Draw) -> int:
    """Return a seed."""
    return draw.randrange(1 << 32)


def any_number(draw: Draw) -> int:
    """Return a number of any size."""
    return draw.choice(ANY_NUMBER)


def python_option(option: Option, draw: Draw) -> int | tuple[int, ...]:
    """Return a value of an option: one end of its range, a number of any size within it, or some of a set."""
    if option.kind == "switch":
        return draw.random() < 0.5
    if option.kind == "set":
        numbers = range(option.least, option.most + 1)
        return tuple(draw.sample(numbers, draw.choice((0, 0, 1, 1, 2, len(numbers)))))
    width = option.most - option.least
    size = draw.randrange(1 << draw.randint(0, width.bit_length()))
    return option.least + draw.choice((0, width, min(size, width), min(size, width)))


def core_option(option: Option) -> Value:
    """Return what draws a value of an option as the core has it."""
    return lambda draw: option.core_value(python_option(option, draw))


def make_agree(options: dict[str, Any]) -> None:
    """Change what contradicts each other, or most machines would be refused."""

    def value(name: str) -> int:
        return int(options.get(name, OPTIONS[name].default))

    if value("numa_scan_period_min_ms") > value("numa_scan_period_max_ms"):
        options["numa_scan_period_max_ms"] = value("numa_scan_period_min_ms")
    if value("incompressible_permille") + value("same_filled_permille") > 1000:
        options["same_filled_permille"] = 1000 - value("incompressible_permille")


VALUES: Mapping[str, Mapping[str, Value]] = {
    "machine": {
        "seed": seed,
        **{option.c_name: core_option(option) for option in OPTIONS.values()},
        "fault_around_bytes": one_of(4096, 16384, 65536, 1 << 21),
        "numa_balancing": one_of(0, 2),
    },
    "costs": {},
    "node": {
        "nr_pages": one_of(1, 2, 20, 64, 150, 300, 600, 2000),
        "tier": between(0, 2),
        "distance": one_of(0, 0, 10, 20, 50),
    },
    "swap": {"nr_pages": one_of(1, 2, 50, 200, 1000), "device": between(0, 2), "priority": between(0, 2)},
    "memcg": {
        "parent": between(0, 8),
        "swappiness": between(0, 300),
        "max_pages": one_of(1, 2, 33, 60, 120, 250, 1 << 40),
        "high_pages": one_of(0, 1, 40, 100, 1 << 40, 1 << 40),
        "low_pages": one_of(0, 0, 1, 30, 90),
        "min_pages": one_of(0, 0, 0, 1, 40),
        "swap_max_pages": one_of(0, 1, 20, 1 << 40, 1 << 40),
    },
    "mapping": {
        "nr_pages": one_of(0, 1, 7, 64, 150, 400, 600),
        "flags": one_of(0, 0, 0, 1, 1, 1, 2, 3, 4, 5, 7),
        "file": between(0, 3),
        "file_page": one_of(0, 0, 0, 1, 30),
    },
    "task": {
        "memcg": between(0, 8),
        "nid": between(0, 3),
        "ns_per_access": one_of(0, 1, 100, 10_000),
        "mempolicy": between(0, 4),
        "mempolicy_nodes": between(0, 7),
    },
}
"""By the command and its word."""

ARGUMENTS: Mapping[str, Value] = {
    "task": between(0, 7),
    "next": between(0, 7),
    "memcg": between(0, 8),
    "nid": between(0, 3),
    "file": between(0, 3),
    "attachment": between(0, 5),
    "knob": between(0, 8),
    "value": one_of(0, 1, 2, 30, 60, 100, 200, 1 << 40),
    "nr_pages": one_of(0, 1, 2, 32, 50, 100, 500, 1 << 20),
    "swappiness": between(0, 300),
    "device": between(0, 3),
    "first": one_of(0, 0, 1, 30, 100, 511, 600),
    "page": one_of(0, 0, 1, 30, 100, 511, 600),
    "nr": one_of(0, 1, 2, 32, 50, 100, 500, 1 << 20),
}
"""By the name of a call's parameter."""

_FILLED_OTHERWISE = {
    "nr_nodes",
    "nr_swaps",
    "nr_mappings",
    "nr_files",
    "min_wmark",
    "low_wmark",
    "high_wmark",
}


def line(command: str, words: Mapping[str, int]) -> str:
    """Return a line of a script."""
    return " ".join((command, *(f"{name}={value}" for name, value in words.items())))


class ScriptWriter:
    """Write random scripts.

    Args:
        draw: where chance comes from; the same state writes the same script.
    """

    def __init__(self, draw: Draw) -> None:
        self._draw = draw
        text = header_text()
        self._members = struct_members(text)
        self._calls = machine_calls(text)

    def write(self) -> str:
        """Return a script: a machine, what lives on it, then calls and runs."""
        draw = self._draw
        lines = [self._described("machine")]
        if draw.random() < 0.2:
            lines.append(self._described("costs"))
        lines += [self._node() for _ in range(draw.randint(1, 3))]
        lines += [self._described("swap", always=("nr_pages", "device")) for _ in range(draw.randint(0, 2))]
        for _ in range(draw.randint(0, 2)):
            lines.append(
                line(
                    "rcl_file_create",
                    {"nr_pages": draw.choice((1, 150, 200, 1200)), "device": draw.randint(1, 2)},
                )
            )
        lines += [self._described("memcg") for _ in range(draw.randint(0, 4))]
        for _ in range(draw.randint(1, 4)):
            lines += self._task()
        for _ in range(draw.randint(5, 60)):
            lines += self._event()
        return "\n".join(lines) + "\n"

    def _described(self, command: str, always: tuple[str, ...] = ()) -> str:
        """Return a line with some of what a struct can be told: the less, the more of the defaults is tried."""
        known = VALUES[command]
        share = self._draw.choice((0.1, 0.5, 0.9))
        words = {}
        for member in self._members[STRUCTS[command]]:
            if member not in _FILLED_OTHERWISE and (member in always or self._draw.random() < share):
                words[member] = known.get(member, any_number)(self._draw)
        if command == "machine":
            make_agree(words)
        return line(command, words)

    def _node(self) -> str:
        """Return a node, with watermarks that rise, or mostly none, which means the kernel's formula."""
        text = self._described("node", always=("nr_pages",))
        if self._draw.random() < 0.8:
            return text
        low = self._draw.randint(0, 20)
        words = {"min_wmark": low, "low_wmark": low + 1, "high_wmark": low + self._draw.randint(1, 20)}
        return text + line("", words)

    def _task(self) -> list[str]:
        mappings = [
            self._described("mapping", ("nr_pages", "flags")) for _ in range(self._draw.randint(1, 5))
        ]
        return [*mappings, self._described("task", ("memcg", "nid"))]

    def _event(self) -> list[str]:
        draw = self._draw
        kind = draw.random()
        if kind < 0.45:
            return [*(self._feed() for _ in range(draw.randint(1, 4))), self._run()]
        if kind < 0.55:
            return [line("attach", {"seed": seed(draw)})]
        if kind < 0.6:
            return [line("detach", {"attachment": draw.randint(0, 5), "seed": seed(draw)})]
        if kind < 0.65:
            return [self._described("memcg")]
        if kind < 0.68:
            return self._task()
        return [self._call()]

    def _feed(self) -> str:
        draw = self._draw
        words = {
            "task": draw.randint(0, 7),
            "seed": seed(draw),
            "nr": draw.choice((1, 30, 400, 400, 2000)),
            "hot": draw.choice((1, 20, 100, 300)),
            "order": draw.choice((0, 0, 20, 100)),
            "buffered": draw.choice((0, 0, 30, 100)),
            "writes": draw.choice((0, 30, 30, 100)),
            "fetches": draw.choice((0, 0, 10)),
            "last": int(draw.random() < 0.03),
        }
        return line("feed", {name: value for name, value in words.items() if value})

    def _run(self) -> str:
        return line("run", {"seed": seed(self._draw), "stops": int(self._draw.random() < 0.3)})

    def _call(self) -> str:
        draw = self._draw
        call = draw.choice(self._calls)
        if call.name == "rcl_task_exit" and draw.random() < 0.7:  # or soon there are no tasks left
            call = draw.choice(self._calls)
        words = {name: ARGUMENTS.get(name, any_number)(draw) for name in call.parameters}
        return line(call.name, words | {"seed": seed(draw)})
