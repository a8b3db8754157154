"""Random policies that keep undeclared fields of state in a range, or nearly so, and use them as indices.

What a field holds is changed in small steps: counted up and set back, taken from a table, copied to the same field of
another lruvec, to another element, in loops, on one path, before a helper that runs `pte_young`. Several handles may
be the same lruvec. About half of them are accepted, and then for what all stores together say.
"""

from __future__ import annotations

import random

HEAD = '''"""Made up."""

queue = folio_list()


class Row(LruvecState):
    cells: u16[8]
    one: u8
    two: u32 = field({initial})
    many: u8[3]


class Own(FolioState):
    mark: u8


@hook
def pte_young(lruvec: Lruvec, folio: Folio) -> None:
{young}

@hook
def folio_added(lruvec: Lruvec, folio: Folio) -> Place:
{added}    return queue.head


@hook
def next_batch(lruvec: Lruvec) -> Batch:
{batch}    return queue.batch(8)


@hook
def reclaim_folio(lruvec: Lruvec, folio: Folio) -> Verdict:
{reclaim}    return RECLAIM
'''


class _Writer:
    """Write the body of one hook."""

    def __init__(self, rng: random.Random, *, may_look_around: bool) -> None:
        self.rng = rng
        self.lines: list[str] = []
        self.handles = ["lruvec"]
        self.indices = ["0", "1", "2"]
        self.may_look_around = may_look_around

    def block(self, depth: int, count: int, nr_loops: int = 0) -> None:
        """Write some statements."""
        for _ in range(count):
            self._statement(depth, nr_loops)

    def _say(self, depth: int, line: str) -> None:
        self.lines.append("    " * depth + line)

    def _field(self) -> str:
        name = self.rng.choice(("one", "one", "two", "many"))
        index = f"[{self.rng.choice(self.indices)}]" if name == "many" else ""
        return f"{self.rng.choice(self.handles)}.{name}{index}"

    def _value(self, target: str) -> str:
        field = target if self.rng.random() < 0.6 else self._field()
        end = self.rng.choice((3, 7, 7, 8))
        return self.rng.choice(
            (
                f"({field} + 1) % {end}",
                f"min({field} + 1, {end})",
                f"{field} ^ 1",
                f"{end} - min({field}, {end})",
                f"{self.rng.randrange(end + 1)}",
                f"{field} // 2 + 1",
                f"min({field}, {end})",
                field,
            )
        )

    def _statement(self, depth: int, nr_loops: int) -> None:
        rng, field = self.rng, self._field()
        kind = rng.random()
        if kind < 0.3:
            self._say(depth, f"{field} = {self._value(field)}")
        elif kind < 0.5:
            end = rng.choice((4, 7, 8))
            self._say(depth, f"{field} += 1")
            if rng.random() < 0.3:
                self._statement(depth, nr_loops)
            if rng.random() < 0.9:
                self._say(depth, f"if {field} {rng.choice(('==', '>=', '>='))} {end}:")
                self._say(depth + 1, f"{field} = {rng.choice(('0', '0', '1', f'{field} // 2'))}")
        elif kind < 0.6:
            self._say(depth, f"lruvec.cells[{self._field()}] = 1")
        elif kind < 0.7 and depth < 4:
            self._say(depth, f"if {field} {rng.choice(('<', '==', '!='))} {rng.choice((1, 4, 7))}:")
            self.block(depth + 1, rng.randint(1, 2), nr_loops)
        elif kind < 0.85 and nr_loops < 2 and depth < 4:
            self._loop(depth, nr_loops)
        elif kind < 0.95 and depth < 4:
            name = f"up{len(self.lines)}"
            self._say(depth, f"{name} = lruvec.parent")
            self._say(depth, f"if {name} is not None:")
            self.handles.append(name)
            self.block(depth + 1, rng.randint(1, 3), nr_loops)
            self.handles.remove(name)
        elif not self.may_look_around:
            self._say(depth, f"{field} = {self._value(field)}")
        else:
            self._say(depth, f"seen{len(self.lines)} = folio.referenced(look_around=2)")
            self._say(depth, f"folio.mark = min(seen{len(self.lines) - 1}, 3)")

    def _loop(self, depth: int, nr_loops: int) -> None:
        name = f"i{len(self.lines)}"
        if self.rng.random() < 0.4:
            self._say(depth, f"for {name} in lruvec.upwards():")
            known = self.handles
        else:
            self._say(depth, f"for {name} in range({self.rng.choice(('2', '3', 'min(lruvec.one, 3)'))}):")
            known = self.indices
        known.append(name)
        self.block(depth + 1, self.rng.randint(1, 3), nr_loops + 1)
        known.remove(name)
        if self.rng.random() < 0.3:
            self._say(depth + 1, f"if {self._field()} == {self.rng.randrange(4)}:")
            self._say(depth + 2, self.rng.choice(("break", "continue")))


def generate_state(seed: int) -> str:
    """Return a random policy.

    Args:
        seed: decides everything.
    """
    rng = random.Random(f"state {seed}")
    parts = {}
    for hook in ("added", "batch", "reclaim"):
        writer = _Writer(rng, may_look_around=hook == "reclaim")
        writer.block(1, rng.randint(0, 4))
        parts[hook] = "".join(f"{line}\n" for line in writer.lines)
    mark = rng.choice(("(folio.mark + 1) % 8", "min(folio.mark + 1, 7)", "3 - min(folio.mark, 3)"))
    use = "    lruvec.cells[folio.mark] = 1\n" if rng.random() < 0.5 else ""
    parts["reclaim"] += use
    return HEAD.format(initial=rng.choice((0, 0, 2)), young=f"    folio.mark = {mark}\n", **parts)
