"""Made-up maps contradict neither themselves nor the core's."""

from __future__ import annotations

import random
from collections import OrderedDict

import pytest

from verifier.made_up_maps import KEEPING_COUNT, MadeUpMap

_NR_KEYS = 1000
_METHODS = {True: ("get", "put", "remove", "size"), False: ("contains", "add", "discard", "size")}


class _RealMap:
    """What `reclaim/core/maps.c` does, with its contents decided."""

    def __init__(self, kind: str, capacity: int) -> None:
        self.kind = kind
        self.capacity = capacity
        self.entries: OrderedDict[int, int] = OrderedDict()

    def call(self, method: str, args: tuple[int, ...]) -> int | None:
        """Answer a call."""
        key = args[0] if args else 0
        match method:
            case "size":
                return len(self.entries)
            case "get" | "contains":
                if method == "get" and self.kind == "lru_hash" and key in self.entries:
                    self.entries.move_to_end(key)
                return self.entries.get(key) if method == "get" else int(key in self.entries)
            case "put" | "add":
                if key not in self.entries and len(self.entries) == self.capacity:
                    if not self.kind.startswith("lru"):
                        return 0
                    self.entries.popitem(last=False)
                self.entries[key] = args[1] if method == "put" else 1
                self.entries.move_to_end(key)
                return 1
            case _:
                return int(self.entries.pop(key, None) is not None)


@pytest.mark.parametrize("kind", KEEPING_COUNT)
def test_made_up_map_can_answer_whatever_a_real_one_answers(kind: str) -> None:
    """Asked for the answers of a real map in a row, a made-up one gives just these."""
    rng = random.Random(kind)
    for _ in range(300):
        capacity = rng.choice((1, 2, 3, 8))
        real, made_up = _RealMap(kind, capacity), MadeUpMap(kind, capacity, _NR_KEYS)
        for key in rng.sample(range(100, 120), rng.randrange(capacity + 1)):
            real.call("put" if kind.endswith("hash") or kind == "hash_map" else "add", (key, 5))
        log = []
        for _ in range(12):
            method = rng.choice(_METHODS[kind in ("hash_map", "lru_hash")])
            args = {"size": (), "put": (rng.randrange(4), rng.randrange(9))}.get(method, (rng.randrange(4),))
            expected = real.call(method, args)
            log.append((method, args, expected))
            assert made_up.call(method, args, expected) == expected, log


@pytest.mark.parametrize("kind", KEEPING_COUNT)
def test_made_up_map_never_contradicts_itself(kind: str) -> None:
    """Some contents lead to all of its answers: those that can be read off afterwards."""
    rng = random.Random(kind)
    for _ in range(300):
        capacity, nr_keys = rng.choice((1, 2, 3)), rng.choice((2, 3, _NR_KEYS))
        made_up = MadeUpMap(kind, capacity, nr_keys)
        keys = range(min(4, nr_keys))
        log = []
        for _ in range(8):
            method = rng.choice(_METHODS[kind in ("hash_map", "lru_hash")])
            args = {"size": (), "put": (rng.choice(keys), 5)}.get(method, (rng.choice(keys),))
            wanted = rng.choice((None, 0, 1, 2, 5)) if method == "get" else rng.randrange(4)
            log.append((method, args, made_up.call(method, args, wanted)))
        all_contents = [keys for keys in _all_contents(capacity) if max(keys, default=0) < nr_keys]
        assert any(_agrees(kind, capacity, contents, log) for contents in all_contents), log


def _all_contents(capacity: int) -> list[tuple[int, ...]]:
    """Return every order of age of up to *capacity* keys, four of which are asked about; others fill up."""
    found: list[tuple[int, ...]] = [()]
    for start in range(capacity):
        found += [(*keys, key) for keys in found if len(keys) == start for key in (0, 1, 2, 3, 10 + start)]
    return [keys for keys in found if len(set(keys)) == len(keys)]


def _agrees(
    kind: str, capacity: int, contents: tuple[int, ...], log: list[tuple[str, tuple[int, ...], int | None]]
) -> bool:
    """Tell whether a real map with some contents gives these answers; values are what the log says."""
    real = _RealMap(kind, capacity)
    for key in contents:
        told = [
            answer
            for method, args, answer in log
            if method == "get" and args == (key,) and answer is not None
        ]
        real.entries[key] = told[0] if told else 1
    return all(real.call(method, args) == answer for method, args, answer in log)
