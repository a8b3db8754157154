"""Random policies about numbers of all widths and both readings, near the ends of their ranges.

Where `relation_generator` stays among small numbers, these wrap: sums and differences that pass the ends of
64 bits, signed values that are read as unsigned and back, casts that cut, variables that stand for one
another, flags that were computed earlier, memory that is written through one name and read through another.
What needs a proof mostly stands behind the comparison that would prove it if nothing wrapped. The same seed
makes the same policy.
"""

from __future__ import annotations

import random

from tests.verifier.relation_generator import RelationWriter

HEADER = '''"""Numbers near the ends of their ranges."""

limit = tunable(u32, default=5, min=0, max=9, doc="a bound")
swing = tunable(s16, default=-1, min=-9, max=40, doc="an offset")


class Work(LruvecState):
    nr: u64[8]
    first: u8 = field(0, max=8)
    last: u8 = field(0, max=8)
    at: u64
    small: u8 = field(0, max=15)
    half: u32
    low: s8
    drift: s64
    bounded: s32 = field(0, min=-20, max=20)


'''

_FUNCTIONS = (
    """def least(a: u64, b: u64) -> u64:
    if a < b:
        return a
    return b


""",
    """def distance(a: u64, b: u64) -> u64:
    return a - b if a > b else b - a


""",
    """def sign(a: s64) -> s64:
    if a < 0:
        return -1
    return s64(u64(a > 0))


""",
)
"""Each is there if it is called."""

_HOOK = """@hook
def batch_done(lruvec: Lruvec, result: BatchResult) -> None:
"""

_EDGES = (
    *(1, 7, 8, 9, 127, 128, 255, 256, 65_535, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 32),
    *((1 << 63) - 1, 1 << 63, (1 << 64) - 1, (1 << 64) - 8),
)
_SIGNED_EDGES = (-(1 << 63), (1 << 63) - 1, -1, 0, 1, -128, 127, -20, 20, -(1 << 31))

_INPUTS = (
    "lruvec.first",
    "lruvec.last",
    "lruvec.at",
    "lruvec.nr[5]",
    "limit",
    "result.nr_taken",
    "lruvec.small",
    "lruvec.half",
)
_SIGNED_INPUTS = ("swing", "lruvec.low", "lruvec.drift", "lruvec.bounded")


class WideWriter(RelationWriter):
    """Write one policy; *rng* decides everything."""

    header = ""
    inputs = _INPUTS

    def __init__(self, rng: random.Random, *, is_small: bool = True) -> None:
        super().__init__(rng, is_small=is_small)
        self.signed: list[str] = []
        self.flags: list[str] = []

    def write(self) -> str:
        """Return the source."""
        body = super().write()
        functions = [text for text in _FUNCTIONS if text[len("def ") : text.index("(") + 1] in body]
        return "".join([HEADER, *functions, _HOOK, body])

    def _begin(self) -> None:
        super()._begin()
        for number in range(self.rng.randint(1, 2)):
            self._say(1, f"w{number}: s64 = {self._signed_start()}")
            self.signed.append(f"w{number}")
        if self.rng.random() < 0.4:
            self._say(1, f"f0 = {self._condition()}")
            self.flags.append("f0")
        if self.rng.random() < 0.3:
            self._say(1, "above = lruvec.parent")
            self._say(1, "if above is not None:")
            self._say(2, f"above.{self.rng.choice(('first', 'last'))} = min({self._number()}, 8)")

    def _start(self) -> str:
        return super()._start() if self.rng.random() < 0.6 else self._made()

    def _signed_start(self) -> str:
        source = self.rng.choice(_SIGNED_INPUTS)
        one = self._number()
        return self.rng.choice(
            (source, f"s64({one})", f"clamp({source}, -5, 5)", str(self.rng.choice(_SIGNED_EDGES)))
        )

    def _signed_number(self) -> str:
        return self.rng.choice((*self.signed, *self.signed, self.rng.choice(_SIGNED_INPUTS)))

    def _made(self) -> str:
        """Write an unsigned expression that may wrap or be cut."""
        one, other, edge = self._number(), self._number(), self.rng.choice(_EDGES)
        kind = self.rng.choice(("u8", "u16", "u32"))
        forms = [
            f"{one} + {edge}",
            f"{one} - {edge}",
            f"{one} - {other}",
            f"{one} * {other}",
            f"{one} * {self.rng.choice((2, 3, 8, edge))}",
            f"({one} + {other}) & {self.rng.choice((7, 8, 15, edge))}",
            f"{one} | {other}",
            f"{one} ^ {other}",
            f"~{one}",
            f"{one} << {self.rng.choice((1, 3, 32, 61, 63))}",
            f"{one} >> {self.rng.choice((1, 3, 32, 61, 63))}",
            f"truncate({one}, {kind})",
            f"saturate({one}, {kind})",
            f"truncate({one} - {other}, {kind})",
            f"min({one}, {edge})",
            f"max({one}, {edge})",
            f"clamp({one}, 2, {max(edge, 2)})",
            f"{one} if {self._condition()} else {other}",
            f"least({one}, {other})",
            f"distance({one}, {other})",
            f"isqrt({one})",
            f"ilog2({one} | 1)",
            f"mul_div({one}, {other}, max({self._number()}, 1))",
            f"{one} // max({other}, 1)",
            f"{one} % max({other}, {self.rng.choice((1, edge))})",
        ]
        if self.signed:
            sign = self._signed_number()
            forms += [f"u64({sign})", f"u64(max({sign}, 0))", f"u64({sign}) + {one}", f"{one} - u64({sign})"]
        return self.rng.choice(forms)

    def _signed_made(self) -> str:
        one, other = self._signed_number(), self._signed_number()
        number, edge = self._number(), self.rng.choice(_SIGNED_EDGES)
        return self.rng.choice(
            (
                f"{one} + {other}",
                f"{one} - {other}",
                f"{one} * {other}",
                f"{one} + 1",
                f"{one} - 1",
                f"-{one}",
                f"{one} >> {self.rng.choice((1, 31, 63))}",
                f"{one} << {self.rng.choice((1, 31, 62))}",
                f"{one} & {self.rng.choice((7, 255))}",
                f"min({one}, {other})",
                f"max({one}, {edge})",
                f"clamp({one}, -20, 20)",
                f"truncate({one}, {self.rng.choice(('s8', 's16', 's32'))})",
                f"saturate({one}, {self.rng.choice(('s8', 's16', 's32'))})",
                f"sdiv({one}, max({other}, 1))",
                f"smod({one}, max({other}, 3))",
                f"s64({number})",
                f"s64({number}) - s64({self._number()})",
                f"s64(truncate({number}, u8)) - 128",
                f"sign({one})",
                f"{one} if {self._condition()} else {other}",
            )
        )

    def _condition(self) -> str:
        kind = self.rng.random()
        relation = self.rng.choice(("<", "<=", ">", ">=", "==", "!="))
        if kind < 0.45 or not self.signed:
            return super()._condition()
        if kind < 0.6:
            return f"{self._signed_number()} {relation} {self._signed_number()}"
        if kind < 0.7:
            return f"{self._signed_number()} {relation} {self.rng.choice(_SIGNED_EDGES)}"
        if kind < 0.8:
            return f"{self._number()} {relation} {self.rng.choice(_EDGES)}"
        if kind < 0.86:
            return f"{self._number()} <= {self._number()} < {self._number()}"
        if kind < 0.92 and self.flags:
            return self.rng.choice((self.flags[0], f"not {self.flags[0]}"))
        word = self.rng.choice(("and", "or"))
        return f"({super()._condition()} {word} {self._number()} {relation} {self._number()})"

    def _update(self, depth: int) -> None:
        kind = self.rng.random()
        if kind < 0.35 or not self.signed:
            super()._update(depth)
        elif kind < 0.65:
            self._say(depth, f"{self.rng.choice(self.variables)} = {self._made()}")
        elif kind < 0.85:
            self._say(depth, f"{self.rng.choice(self.signed)} = {self._signed_made()}")
        elif self.flags and kind < 0.9:
            self._say(depth, f"f0 = {self._condition()}")
        else:
            place = self.rng.choice(("first", "last"))
            self._say(depth, f"lruvec.{place} = min({self._number()}, 8)")

    def _focus(self, depth: int) -> None:
        """Make a number of two others, compare the three, and use what would follow if nothing wrapped."""
        wide = ("lruvec.at", "lruvec.nr[5]", "lruvec.nr[6]", "lruvec.half")
        one, other, made = f"x{self.nr_uses}", f"y{self.nr_uses}", f"z{self.nr_uses}"
        edge = self.rng.choice((1, 1, 2, 8, *_EDGES))
        self._say(depth, f"{one}: u64 = {self.rng.choice((*wide, *wide, self._number()))}")
        self._say(depth, f"{other}: u64 = {self.rng.choice((*wide, self._number(), self._made()))}")
        forms = (
            *(f"{one} {op} {other}" for op in "+-*&|^"),
            *(f"{one} {op} {edge}" for op in "++-*&|"),
            f"{one} << {self.rng.choice((1, 3, 32, 63))}",
            f"{one} >> {self.rng.choice((1, 3, 32, 63))}",
            f"truncate({one}, {self.rng.choice(('u8', 'u16', 'u32'))})",
            f"{one} // max({other}, 1)",
            f"{one} % max({other}, 1)",
            f"mul_div({one}, {other}, {max(edge, 1)})",
            f"u64(s64({one}) >> 1)",
            f"u64(max(s64({one}), 0))",
            f"distance({one}, {other})",
        )
        self._say(depth, f"{made}: u64 = {self.rng.choice(forms)}")
        names = [one, other, made]
        for _ in range(self.rng.choice((1, 1, 2))):
            first, second, third = self.rng.sample(names, 3)
            relation = self.rng.choice(("<", "<=", ">", ">=", "==", "!="))
            right = self.rng.choice((second, second, third, "8", "8", str(edge)))
            compared = (
                f"{first} {relation} {right}",
                f"s64({first}) {relation} s64({second})",
                f"{first} < 8",
            )
            self._say(depth, f"if {self.rng.choice(compared)}:")
            depth += 1
        first, second, third = self.rng.sample(names, 3)
        uses = (
            f"lruvec.nr[{first}] = 1",
            f"lruvec.nr[{first}] += {second}",
            f"lruvec.nr[{first} - {second}] = 1",
            f"lruvec.small = {first}",
            f"lruvec.at = {first} << {second}",
            f"lruvec.at = {first} // {second}",
            f"lruvec.at = {third} // ({first} - {second})",
            f"assert {first} <= {second}",
            f"assert {first} < {second}",
            f"assert {first} - {second} <= {first}",
            f"assert {first} - {second} <= {third}",
            f"assert {first} + {second} >= {third}",
            f"assert {first} <= {(1 << 63) - 1}",
        )
        self._say(depth, self.rng.choice(uses))

    def _grown(self, depth: int) -> None:
        """Multiply or add, and use that what was made is no less, nor a part of it more, if nothing wrapped."""
        one, other, made = f"x{self.nr_uses}", f"y{self.nr_uses}", f"z{self.nr_uses}"
        op = self.rng.choice("*+")
        wide = ("lruvec.at", "lruvec.at", "lruvec.nr[5]", "lruvec.nr[6]", "lruvec.half", self._number())
        factor = str(self.rng.choice((2, 3, 8, 1 << 31, 1 << 32, 1 << 63)))
        few = (f"max({self._number()}, {self.rng.choice((1, 2))})", factor, factor, self.rng.choice(wide))
        self._say(depth, f"{one}: u64 = {self.rng.choice(wide)}")
        self._say(depth, f"{other}: u64 = {self.rng.choice(few if op == '*' else (*wide, factor))}")
        self._say(depth, f"{made} = {self.rng.choice((f'{one} {op} {other}', f'{other} {op} {one}'))}")
        guards = (
            *("", "", "", "", ""),
            f"{made} < 8",
            f"{made} < {self._number()}",
            f"{other} != 0",
            f"{one} > {made}",
            f"{one} <= {self.rng.choice((255, (1 << 32) - 1, (1 << 61) - 1))}",
        )
        guard = self.rng.choice(guards)
        if guard:
            self._say(depth, f"if {guard}:")
            depth += 1
        uses = [
            f"assert {one} <= {made}",
            f"assert {other} <= {made}",
            f"lruvec.nr[{one}] = {made}",
            f"lruvec.at = 5 // ({made} - {one} + 1)",
            f"lruvec.at = 5 // u64({one} <= {made})",
        ]
        if op == "*":
            uses += [
                f"assert {made} // max({other}, 1) <= {one}",
                f"assert {made} // {self.rng.choice((factor, '8'))} <= {one}",
                f"assert {made} >> {self.rng.choice((1, 3, 32))} <= {one}",
                f"lruvec.at = 5 // u64({made} // max({other}, 1) <= {one})",
            ]
        self._say(depth, self.rng.choice(uses))

    def _use(self, depth: int) -> None:
        kind = self.rng.random()
        if kind < 0.25 or not self.signed:
            super()._use(depth)
            return
        self.nr_uses += 1
        if kind < 0.45:
            self._grown(depth)
            return
        if kind < 0.7:
            self._focus(depth)
            return
        one, other, sign = self._number(), self._number(), self._signed_number()
        uses = (
            (f"{one} < 8", f"lruvec.nr[{one}] += 1"),
            (f"{one} <= {other}", f"lruvec.nr[{one}] = {other}"),
            (f"{one} <= {other} and {other} - {one} < 8", f"lruvec.nr[{other} - {one}] = 1"),
            (f"{other} < 8 and {one} < {other}", f"lruvec.nr[{other} - {one} - 1] = 1"),
            (f"{one} + {other} < 8", f"lruvec.nr[{one}] = 1"),
            (f"{one} + 1 <= 8", f"lruvec.nr[{one}] = 1"),
            (f"0 <= {sign} and {sign} < 8", f"lruvec.nr[u64({sign})] = 1"),
            (f"{sign} > -9 and {sign} <= 0", f"lruvec.nr[7 - u64(-{sign})] = 1"),
            (f"-20 <= {sign} <= 20", f"lruvec.bounded = {sign}"),
            (f"s64({one}) < s64({other})", f"assert {one} < {other}"),
            (f"s64({one}) >= 0", f"assert {one} <= {(1 << 63) - 1}"),
            (f"{one} != 0", f"lruvec.at = {other} // {one}"),
            (f"{one} > {other}", f"lruvec.at = 5 // ({one} - {other})"),
            (f"{one} <= 63", f"lruvec.at = {other} << {one}"),
            (f"{one} < {other}", f"lruvec.at = 1 << ({one} % {other} & 63)"),
            (f"u64({sign}) < 8", f"lruvec.nr[u64({sign})] += {one}"),
            (f"{sign} < 0", f"assert {sign} + 1 <= 0"),
            (f"truncate({one}, u8) < 8", f"lruvec.nr[{one} & 255] = 1"),
            (f"saturate({one}, u8) < 8", f"lruvec.nr[{one}] = 1"),
            (f"least({one}, {other}) == {one}", f"assert {one} <= {other}"),
            (f"distance({one}, {other}) < 3", f"assert {one} < {other} + 3"),
            ("lruvec.first <= lruvec.last", "lruvec.nr[lruvec.last - lruvec.first & 7] = 1"),
            ("lruvec.first < 8", "lruvec.nr[lruvec.first] = 1"),
        )
        guard, use = self.rng.choice(uses)
        if self.rng.random() < 0.85:
            self._say(depth, f"if {guard}:")
            depth += 1
            if self.rng.random() < 0.2:
                self._update(depth)
        self._say(depth, use)


def generate_wide(seed: int, *, is_small: bool = True) -> str:
    """Return the source of a random policy; a seed makes the same policy again."""
    return WideWriter(random.Random(seed), is_small=is_small).write()
