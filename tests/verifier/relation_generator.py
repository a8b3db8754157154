"""Small random policies about numbers that are tied to each other: counters, bounds, two indices, differences.

Where `policy_generator` guards what may fail, nothing is guarded here: an index, a difference or an assertion
holds because of a comparison elsewhere, of a loop's bound or of how a variable was counted, or it does not
hold. About a third of the policies are accepted. The same seed makes the same policy.
"""

from __future__ import annotations

import random

HEADER = '''"""Related numbers."""

limit = tunable(u32, default=5, min=0, max=9, doc="a bound")


class Work(LruvecState):
    nr: u64[8]
    first: u8 = field(0, max=8)
    last: u8 = field(0, max=8)
    at: u64
    small: u8 = field(0, max=15)


@hook
def batch_done(lruvec: Lruvec, result: BatchResult) -> None:
'''

_INPUTS = ("lruvec.first", "lruvec.last", "lruvec.at", "limit", "result.nr_taken", "lruvec.small")
_BOUNDED = ("lruvec.first", "lruvec.last", "lruvec.small", "lruvec.at % 4")


class RelationWriter:
    """Write one policy; *rng* decides everything, *is_small* halves it."""

    header = HEADER
    inputs: tuple[str, ...] = _INPUTS

    def __init__(self, rng: random.Random, *, is_small: bool = False) -> None:
        self.rng = rng
        self.is_small = is_small
        self.lines: list[str] = []
        self.variables: list[str] = []
        self.counters: list[str] = []
        self.nr_uses = 0

    def write(self) -> str:
        """Return the source."""
        self._begin()
        self._block(1, self.rng.randint(1, 2) if self.is_small else self.rng.randint(2, 4), 0)
        self._use(1)
        return self.header + "\n".join(self.lines) + "\n"

    def _begin(self) -> None:
        for number in range(self.rng.randint(2, 3 if self.is_small else 4)):
            self._say(1, f"v{number}: u64 = {self._start()}")
            self.variables.append(f"v{number}")

    def _say(self, depth: int, text: str) -> None:
        self.lines.append("    " * depth + text)

    def _start(self) -> str:
        source = self.rng.choice(self.inputs)
        forms = [source, f"min({source}, 8)", f"{source} % 8", str(self.rng.randint(0, 8)), "0"]
        if self.variables:
            other = self.rng.choice(self.variables)
            forms += [
                f"min({source}, {other})",
                other,
                f"max({source}, {other})",
                f"{source} % max({other}, 1)",
            ]
        return self.rng.choice(forms)

    def _block(self, depth: int, count: int, nr_loops: int) -> None:
        for _ in range(count):
            kind = self.rng.random()
            if kind < 0.25 and nr_loops < (1 if self.is_small else 2):
                self._loop(depth, nr_loops)
            elif kind < 0.5 and depth < 5:
                self._say(depth, f"if {self._condition()}:")
                self._block(depth + 1, self.rng.randint(1, 2), nr_loops)
                if self.rng.random() < 0.4:
                    self._say(depth, "else:")
                    self._block(depth + 1, 1, nr_loops)
            elif kind < 0.65 and self.nr_uses < 3:
                self._use(depth)
            elif kind > 0.9 and nr_loops == 0:
                self._look_back(depth)
            else:
                self._update(depth)

    def _loop(self, depth: int, nr_loops: int) -> None:
        name = f"i{len(self.counters)}{depth}{len(self.lines)}"
        end = self.rng.choice((*self.variables, f"min({self.rng.choice(self.variables)}, 8)", "8", "limit"))
        start = self.rng.choice(("", "", "1, ", f"{self.rng.choice(self.variables)}, "))
        step = f", {self.rng.choice((2, 3, 4))}" if start and self.rng.random() < 0.35 else ""
        down = self.rng.choice(("", "", "", "", "", ", 0, -1", f", {self.rng.choice(self.variables)}, -2"))
        self._say(depth, f"for {name} in range({f'{end}{down}' if down else f'{start}{end}{step}'}):")
        self.counters.append(name)
        self._block(depth + 1, self.rng.randint(1, 3), nr_loops + 1)
        if self.rng.random() < 0.3:
            self._say(depth + 1, f"if {self._condition()}:")
            self._say(depth + 2, self.rng.choice(("break", "continue")))
        self.counters.remove(name)

    def _look_back(self, depth: int) -> None:
        """Write a loop in which a number is compared with what it was in the round before."""
        name, past = f"w{len(self.lines)}", f"p{len(self.lines)}"
        more, before = (
            self.rng.randint(0, 2),
            self.rng.choice(("0", "0", "0", self.rng.choice(self.variables))),
        )
        self._say(depth, f"{past}: u64 = {before}")
        self._say(depth, f"for i{name} in range({self.rng.choice(('4', 'limit'))}):")
        self._say(depth + 1, f"if lruvec.nr[i{name} % 8] {self.rng.choice(('>', '=='))} lruvec.at:")
        self._say(depth + 2, f"{name} = {self.rng.choice(_BOUNDED)}")
        self._say(depth + 1, "else:")
        self._say(depth + 2, f"{name} = {self.rng.choice((*_BOUNDED, *self.variables))}")
        uses = ("lruvec.small = {} % 16", "lruvec.nr[min({}, 7)] = 7", "assert {} <= 10")
        self._say(depth + 1, self.rng.choice(uses).format(f"({name} + {more} - {past})"))
        kept = (name, *[f"{name} + {more}"] * 3, f"min({name}, {past})", f"max({name}, {past})")
        self._say(depth + 1, f"{past} = {self.rng.choice(kept)}")

    def _number(self) -> str:
        return self.rng.choice((*self.variables, *self.counters, *self.counters) or self.inputs)

    def _condition(self) -> str:
        relation = self.rng.choice(("<", "<=", ">", ">=", "==", "!="))
        left = self._number()
        right = self.rng.choice(
            (self._number(), self._number(), str(self.rng.randint(0, 8)), self.rng.choice(self.inputs))
        )
        return self.rng.choice(
            (f"{left} {relation} {right}", f"{left} + 1 {relation} {right}", "lruvec.nr[3] > 5")
        )

    def _update(self, depth: int) -> None:
        target, one, other = self.rng.choice(self.variables), self._number(), self._number()
        forms = (
            f"{target} += 1",
            f"{target} += 1",
            f"{target} += min({one}, {self.rng.randint(2, 4)})",
            f"{target} -= 1",
            f"{target} = {one}",
            f"{target} = min({one}, {other})",
            f"{target} = max({one}, {other})",
            f"{target} = {one} - {other}",
            f"{target} = {one} + {self.rng.randint(1, 2)}",
            f"{target} = ({one} + {other}) // 2",
            f"{target} = {one} - min({one}, {other})",
            f"{target} = {one} % max({other}, 1)",
            f"{target} = {one} - {other} + {target}",
            f"{target} = mul_div({one}, {other}, 8)",
        )
        if self.rng.random() < 0.4:
            self._say(depth, f"if {self._condition()}:")
            depth += 1
        self._say(depth, self.rng.choice(forms))

    def _use(self, depth: int) -> None:
        """Write something that needs a proof."""
        self.nr_uses += 1
        one, other, third = self._number(), self._number(), self._number()
        uses = (
            f"lruvec.nr[{one}] += 1",
            f"lruvec.nr[{one} - {other}] = 1",
            f"lruvec.nr[{one} - 1] = 2",
            f"lruvec.nr[{one} - 1 - {other}] = 3",
            f"lruvec.nr[7 - {one}] = 4",
            f"assert {one} <= {other}",
            f"assert {one} < {other} + {self.rng.randint(1, 3)}",
            f"assert {one} - {other} <= {one}",
            f"assert {one} - {other} <= {third}",
            f"assert {one} + {other} >= {one}",
            f"assert {one} <= {self.rng.randint(7, 9)}",
            f"lruvec.small = {one} - {other}",
            f"lruvec.at = {one} // ({other} - {third} + 1)",
            f"lruvec.nr[{one} // max({other}, 1)] = 5",
            f"lruvec.nr[{one} // max({other}, 1)] = 6",
            f"assert {one} * 2 // max({other}, 1) <= {self.rng.randint(1, 9)}",
        )
        if self.rng.random() < 0.6:
            self._say(depth, f"if {one} {self.rng.choice(('<', '<=', '>', '>='))} {other}:")
            depth += 1
        self._say(depth, self.rng.choice(uses))


def generate_relations(seed: int, *, is_small: bool = False) -> str:
    """Return the source of a random policy; a seed makes the same policy again."""
    return RelationWriter(random.Random(seed), is_small=is_small).write()
