"""Random policies about what stays in memory while something happens to it.

A field, an element of state, the size of a list or an entry of a map is known: written, compared, or read
once. Then something happens that may change it: a helper with effects, a hook that the helper runs, a write
through another handle, at an unknown index, of another key, in a loop or in a function. Then the place is
used as if nothing had happened. Most of these hang on what the verifier forgets in between. The same seed
makes the same policy.
"""

from __future__ import annotations

import random

from reclaim.abi.hooks import HOOKS
from tests.verifier.policy_generator import PolicyWriter
from tests.verifier.policy_pieces import STANDARD_LISTS

_RUNNING_HOOKS = tuple(name for name, hook in HOOKS.items() if {"rmap", "walk"} & set(hook.families))
"""Hooks whose helpers run hooks."""

_KEYS = (0, 1, 2)

_PLACES = {
    "Folio": (("gen", 3), ("uses", 255), ("gen", 3), ("memcg.share", 100)),
    "Lruvec": (
        *(("at", 100), ("small", 9), ("nr[0]", 9), ("nr[1]", 9), ("table[2][1]", 9), ("buckets[1].hits", 9)),
        *(("nr_pages", 9), ("nr_file_pages", 9), ("memcg.share", 100)),
    ),
    "Memcg": (("share", 100),),
    "ScanControl": (("nr_batches", 9), ("priority", 12)),
}
"""Numbers in memory by handle, each with a number that it can hold."""

_FLAGS = {
    "Folio": ("is_old", "is_active", "is_referenced", "is_executable"),
    "Lruvec": ("is_late",),
    "ScanControl": ("low_skipped", "skipped_deactivate"),
}
_READ_ONLY = ("nr_pages", "nr_file_pages", "is_executable")


class MemoryWriter(PolicyWriter):
    """Write one policy; *rng* decides everything."""

    share_of_nested = 0.9

    def _chosen(self) -> list[str]:
        names = _RUNNING_HOOKS if self.rng.random() < 0.5 else sorted(HOOKS)
        return [self.rng.choice(names)]

    def _body(self) -> None:
        """Write what a place is known to hold, what happens to it, and what is made of it, once or twice."""
        if self.rng.random() < 0.3:
            self._bind_handle(1)
        for _ in range(self.rng.choice((1, 1, 2))):
            depth = 1
            if self.loops == 0 and self.rng.random() < 0.15:
                self._say(1, f"for {self._name('i')} in range({self.rng.choice((2, 3))}):")
                depth = 2
            kinds = [self._number_kept, self._number_kept, self._number_kept, self._flag_kept]
            if "map" in self.hook.families:
                kinds += [self._entry_kept, self._entry_kept]
            if self.handles.get("Folio"):
                kinds.append(self._list_kept)
            self.rng.choice(kinds)(depth)

    def _number_kept(self, depth: int) -> None:
        place, largest, is_writable = self._place()
        known = self.rng.randint(1, min(largest, 9))
        name = self._name("n")
        match self.rng.randrange(4 if is_writable else 3):
            case 0:
                self._say(depth, f"if {place} {self.rng.choice(('==', '<=', '<'))} {known}:")
                depth += 1
            case 1:
                self._say(depth, f"{name}: u64 = {place}")
                self._happen(depth)
                self._say(depth, self._compared_again(place, name))
                return
            case 2:
                self._say(depth, f"if {place} != {known}:")
                self._leave(depth + 1)
            case _:
                self._say(depth, f"{place} = {known}")
        self._happen(depth)
        uses = (
            f"assert {place} == {known}",
            f"assert {place} <= {known}",
            f"if {place} != {known}:\n{'    ' * (depth + 1)}Whole.total = 5 // u64({place} > 2)",
            f"ages[{place} & 15] = 1",
            f"Whole.total = 5 // u64({place})",
            f"Whole.total = 1 << u64({place})",
        )
        use = self.rng.choice(uses)
        self._use_in(depth, use, f"assert {place} <= {known}")

    def _compared_again(self, place: str, name: str) -> str:
        return self.rng.choice(
            (f"assert {place} == {name}", f"assert {place} <= {name}", f"assert {name} - {place} == 0")
        )

    def _flag_kept(self, depth: int) -> None:
        flags = [
            f"{handle}.{name}"
            for type_name, handles in self.handles.items()
            for handle in handles
            for name in _FLAGS.get(type_name, ())
        ]
        if not flags:
            self._number_kept(depth)
            return
        flag = self.rng.choice(flags)
        is_written = flag.rpartition(".")[2] not in _READ_ONLY and self._may_write(flag)
        if is_written and self.rng.random() < 0.5:
            self._say(depth, f"{flag} = {self.rng.choice(('True', 'False'))}")
        else:
            self._say(depth, f"if {self.rng.choice(('', 'not '))}{flag}:")
            depth += 1
        self._happen(depth)
        self._say(depth, f"assert {self.rng.choice(('', 'not '))}{flag}")

    def _entry_kept(self, depth: int) -> None:
        """Look a key up twice."""
        name, again = self._name("some"), self._name("again")
        key = self.rng.choice((*_KEYS, *self.numbers))
        found = self.rng.choice((f"seen.get({key})", f"ghosts.get({key})"))
        if self.rng.random() < 0.4:
            found = self.rng.choice((f"ages[{self.rng.choice(_KEYS)}]", "seen.size()", "marks.size()"))
            self._say(depth, f"{name} = {found}")
            self._happen(depth)
            self._say(depth, f"{again} = {found}")
            self._say(depth, f"assert {again} == {name}")
            return
        if self.rng.random() < 0.3:
            inside = f"{key} in {self.rng.choice(('marks', 'recent[1]', 'dense[0]'))}"
            self._say(depth, f"if {inside}:")
            self._happen(depth + 1)
            self._say(depth + 1, f"{again} = {inside}")
            self._say(depth + 1, f"assert {again}")
            return
        self._say(depth, f"{name} = {found}")
        self._say(depth, f"if {name} is not None:")
        self._happen(depth + 1)
        self._say(depth + 1, f"{again} = {found}")
        self._say(depth + 1, self.rng.choice((f"Whole.total = {again} + 1", f"assert {again} == {name}")))

    def _list_kept(self, depth: int) -> None:
        """Ask for the list of a folio twice, or for its size."""
        folio = self.rng.choice(self.handles["Folio"])
        name, again = self._name("some"), self._name("again")
        if self.rng.random() < 0.3 and "list" in self.hook.families:
            asked = f"{self.rng.choice(('queue', 'gens[1][0]', *STANDARD_LISTS))}.nr_pages"
            self._say(depth, f"if {asked} == 3:")
            self._happen(depth + 1)
            self._say(depth + 1, f"assert {asked} == 3")
            return
        self._say(depth, f"{name} = {folio}.list")
        self._say(depth, f"if {name} is not None:")
        self._happen(depth + 1)
        self._say(depth + 1, f"{again} = {folio}.list")
        self._say(
            depth + 1, self.rng.choice((f"Whole.total = {again}.nr_pages", f"assert {again} == {name}"))
        )

    def _place(self) -> tuple[str, int, bool]:
        """Return a number in memory, what it can hold, and whether it may be written."""
        places = [
            (f"{handle}.{name}", largest)
            for type_name, handles in self.handles.items()
            for handle in handles
            for name, largest in _PLACES.get(type_name, ())
        ]
        place, largest = self.rng.choice([*places, ("Whole.total", 9)])
        return place, largest, place.rpartition(".")[2] not in _READ_ONLY and self._may_write(place)

    def _may_write(self, place: str) -> bool:
        return self.hook.name != "pte_young" or (place.startswith("folio.") and "memcg" not in place)

    def _use_in(self, depth: int, use: str, otherwise: str) -> None:
        """Write a use, or another where this hook may not have it."""
        is_fitting = self.hook.name != "pte_young" and ("ages" not in use or "map" in self.hook.families)
        self._say(depth, use if is_fitting else otherwise)

    def _leave(self, depth: int) -> None:
        if depth > 2 and self.rng.random() < 0.5:
            self._say(depth, "continue")
        else:
            self._answer(depth)

    def _happen(self, depth: int) -> None:
        """Write one to three things that may change what is in memory, some on one path only."""
        for _ in range(self.rng.choice((1, 1, 2, 3))):
            at = depth
            if self.rng.random() < 0.25:
                self._say(at, f"if {self.condition(1)}:")
                at += 1
            kind = self.rng.random()
            if kind < 0.45:
                self._run(at)
            elif kind < 0.6:
                self._store(at)
            elif kind < 0.75 and "map" in self.hook.families:
                self._say(at, self._map_write())
            elif kind < 0.85 and depth < 3 and self.scanned is None:
                self._scan(at)
            else:
                self._call(at)

    def _run(self, depth: int) -> None:
        """Call a helper that runs hooks, where there is one."""
        families, folios = self.hook.families, self.handles.get("Folio", [])
        if "rmap" in families and folios and self.scanned is None:
            look = self.rng.choice((1, 3, 3, 8))
            self._say(depth, f"Whole.total = {self.rng.choice(folios)}.referenced(look_around={look})")
        elif "walk" in families and self.scanned is None:
            self._say(depth, f"walk_page_tables(max_ptes={self.rng.choice((1, 8))})")
        elif "retarget" in families and folios:
            self._say(depth, f"{self.rng.choice(folios)}.retarget({self.own_list()})")
        else:
            self._store(depth)

    def _map_write(self) -> str:
        key = self.rng.choice((*_KEYS, *self.numbers))
        one = self.number(1)
        return self.rng.choice(
            (
                f"seen.put({key}, {one})",
                f"ghosts.put({key}, min({one}, 9))",
                f"seen.remove({key})",
                f"ghosts.remove({key})",
                f"marks.{self.rng.choice(('add', 'discard'))}({key})",
                f"recent[1].{self.rng.choice(('add', 'discard'))}({key})",
                f"ages[{self.rng.choice(_KEYS)}] = {one}",
                f"ages[{self.index(8)}] = {one}",
            )
        )


def generate_memory(seed: int) -> str:
    """Return the source of a random policy; a seed makes the same policy again."""
    return MemoryWriter(random.Random(seed), is_small=True).write()
