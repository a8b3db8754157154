"""Maps of a made-up machine, whose contents are decided only as far as somebody asked.

Whoever makes answers up one by one, for a witness or in a test, can contradict himself: a key is found in a
map that holds nothing. A `MadeUpMap` answers as its kind does. It takes the answer that the asker would like
and gives the nearest one that agrees with all that it gave before, so that each sequence of answers is one that
some contents lead to.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from reclaim.lang.ir import MapDecl

KEEPING_COUNT = ("hash_map", "lru_hash", "hash_set", "lru_set")
"""Kinds of maps that know how many entries they have."""


@dataclass(slots=True)
class MadeUpMap:
    """One map.

    Args:
        kind: its kind, of those that keep count.
        capacity: how many entries it holds at most.
        nr_keys: how many keys there are.
        known: what is known of keys: the value, None for those that are not there.
        fewest: least number of entries besides the known ones.
        most: largest such number.
        renewed: keys whose place in the order of age is known: the oldest first, all younger than the rest.
    """

    kind: str
    capacity: int
    nr_keys: int
    known: dict[int, int | None] = field(default_factory=dict)
    fewest: int = 0
    most: int = field(init=False)
    renewed: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.most = min(self.capacity, self.nr_keys)

    @staticmethod
    def of(decl: MapDecl) -> MadeUpMap:
        """Make up a map of a declaration, with any contents."""
        return MadeUpMap(decl.kind.name, decl.capacity, decl.nr_keys)

    def call(self, method: str, args: tuple[int, ...], wanted: int | None) -> int | None:
        """Answer a call of one of the map's methods.

        Args:
            method: its name.
            args: its arguments.
            wanted: the answer that the asker would like.
        """
        match method:
            case "size":
                return self._size(wanted or 0)
            case "get" | "contains":
                found = self._find(args[0], wanted if method == "get" or wanted else None)
                if found is not None and self.kind == "lru_hash":
                    self._renew(args[0])
                return found if method == "get" else int(found is not None)
            case "put" | "add":
                return int(self._put(args[0], args[1] if method == "put" else 1, is_full=not wanted))
            case "remove" | "discard":
                found = self._find(args[0], wanted or None)
                self._forget(args[0])
                return int(found is not None)
            case _:
                raise AssertionError(method)

    def _nr_known(self) -> int:
        return sum(value is not None for value in self.known.values())

    def _size(self, wanted: int) -> int:
        self.fewest = self.most = min(max(wanted - self._nr_known(), self.fewest), self.most)
        return self._nr_known() + self.most

    def _find(self, key: int, wanted: int | None) -> int | None:
        """Return the value of a key, deciding whether it is there: it must be if all others would be too few."""
        if key not in self.known:
            nr_others = self.nr_keys - len(self.known) - 1
            is_there = (wanted is not None and self.most > 0) or self.fewest > nr_others
            if is_there:
                self.fewest, self.most = max(self.fewest - 1, 0), self.most - 1
            self.most = min(self.most, nr_others)
            self.known[key] = (wanted or 0) if is_there else None
        return self.known[key]

    def _put(self, key: int, value: int, *, is_full: bool) -> bool:
        """Put something there, if possible into a map that is full, or not, as wanted."""
        if self._find(key, None) is None:
            room = self.capacity - self._nr_known()
            if is_full and self.most == room:
                self.fewest = room
            if self.fewest == room:
                if not self.kind.startswith("lru"):
                    return False
                self._drop_oldest()
            else:
                self.most = min(self.most, room - 1)
        self.known[key] = value
        self._renew(key)
        return True

    def _drop_oldest(self) -> None:
        """Drop an entry that may be the oldest."""
        aged = [key for key, value in self.known.items() if value is not None and key not in self.renewed]
        if aged:
            self._forget(aged[0])
        elif self.most > 0:
            self.fewest = self.most = self.most - 1
        else:
            self._forget(self.renewed[0])

    def _renew(self, key: int) -> None:
        if key in self.renewed:
            self.renewed.remove(key)
        self.renewed.append(key)

    def _forget(self, key: int) -> None:
        self.known[key] = None
        if key in self.renewed:
            self.renewed.remove(key)
