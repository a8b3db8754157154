"""Programs in which it matters what happens first: effects inside of expressions, ways out of loops and functions.

All of them keep their obligations, so that nothing is rejected: indices are masked, and signs meet where both sides
are small. What is left to go wrong is what the text means.
"""

from __future__ import annotations

import random

_HEAD = '''"""What happens first."""
flags = hash_set(key=u64, max_entries=64, scope=machine)
step = tunable(u32, default=3, max=9)
queue = folio_list()


class Pair(Struct):
    left: u64
    right: s64


class Totals(GlobalState):
    n: u64
    s: s64
    flag: bool
    a: u64[8]
    b: s64[8]
    pairs: Pair[4][2]


def noted(x: u64, y: u64) -> u64:
    Totals.n = Totals.n * 31 + x * 3 + y
    return Totals.n & 63


def signed(x: s64, by: u64) -> s64:
    Totals.s = (Totals.s * 7 ^ x) >> (by & 7)
    return smod(Totals.s, 50)


def flipped(x: bool) -> bool:
    Totals.n += 1
    return x != (Totals.n & 1 == 1)


def maybe(x: u64) -> u64 | None:
    Totals.n ^= x
    return None if x & 1 == 0 else x >> 1


def verdict(x: u64) -> Batch | None:
    Totals.n += x
    if x & 3 == 0:
        return STOP
    return None if x & 3 == 1 else queue.batch(1 + (x & 15))
'''


class _Writer:
    """Write the statements of one program; kinds of values are u(nsigned), s(igned), f(lag), m(aybe None) and c(ontrol)."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.names: dict[str, list[str]] = {"u": [], "s": [], "f": [], "m": []}
        self.fixed: set[str] = set()
        self.functions: list[tuple[str, str, list[tuple[str, str]]]] = []
        self.nr_names = 0
        self.loops = 0

    def fresh(self, letter: str) -> str:
        self.nr_names += 1
        return f"{letter}_{self.nr_names}"

    def pick(self, *choices: str) -> str:
        return self.rng.choice(choices)

    # ---- expressions

    def of(self, kind: str, depth: int) -> str:
        return (
            "sc"
            if kind == "c"
            else {"u": self.unsigned, "s": self.signed, "f": self.flag, "m": self.maybe}[kind](depth)
        )

    def call(self, kind: str, depth: int) -> str | None:
        found = [f for f in self.functions if f[1] == kind]
        if not found:
            return None
        name, _, params = self.rng.choice(found)
        values = [(p, self.of(k, depth - 1)) for p, k in params]
        nr_plain = self.rng.randrange(len(values) + 1)
        named = [f"{p}={v}" for p, v in values[nr_plain:]]
        self.rng.shuffle(named)
        return f"{name}({', '.join([v for _, v in values[:nr_plain]] + named)})"

    def unsigned(self, depth: int) -> str:
        r = self.rng
        if depth <= 0:
            return r.choice(
                [
                    *self.names["u"],
                    "Totals.n",
                    str(r.choice((0, 1, 2, 7, 63, 64, 1000, 2**63, 2**64 - 1))),
                    "step",
                ]
            )
        d = depth - 1
        match r.randrange(16):
            case 0 | 1:
                return f"({self.unsigned(d)} {self.pick('+', '-', '*', '&', '|', '^')} {self.unsigned(d)})"
            case 2:
                return f"({self.unsigned(d)} {self.pick('<<', '>>')} ({self.unsigned(d)} & 63))"
            case 3:
                return f"({self.unsigned(d)} {self.pick('//', '%')} ({self.unsigned(d)} | 1))"
            case 4 | 5:
                return self.call("u", depth) or self.unsigned(d)
            case 6:
                return f"Totals.a[{self.unsigned(d)} & 7]"
            case 7:
                return f"Totals.pairs[{self.unsigned(d)} & 3][{self.unsigned(d)} & 1].left"
            case 8:
                return f"({self.unsigned(d)} if {self.flag(d)} else {self.unsigned(d)})"
            case 9:
                return f"{self.pick('min', 'max')}({', '.join(self.unsigned(d) for _ in range(r.choice((2, 3))))})"
            case 10:
                return f"u64({self.pick(self.signed(d), self.flag(d))})"
            case 11:
                return f"{self.pick('truncate', 'saturate')}({self.pick(self.signed(d), self.unsigned(d))}, {self.pick('u8', 'u16', 'u32', 'u64')})"
            case 12:
                return f"clamp({self.unsigned(d)}, {self.unsigned(d)}, {self.unsigned(d)})"
            case 13:
                return f"~{self.unsigned(0)}"
            case 14:
                return f"isqrt({self.unsigned(d)})"
            case _:
                return f"mul_div({self.unsigned(d)}, {self.unsigned(d)}, {self.unsigned(d)} | 1)"

    def signed(self, depth: int) -> str:
        r = self.rng
        if depth <= 0:
            return r.choice(
                [*self.names["s"], "Totals.s", "signed(-1, 0)", f"s64({r.choice((0, 5, 2**63, 2**64 - 1))})"]
            )
        d = depth - 1
        match r.randrange(11):
            case 0 | 1:
                return f"({self.signed(d)} {self.pick('+', '-', '*', '&', '|', '^')} {self.signed(d)})"
            case 2:
                return f"({self.signed(d)} {self.pick('+', '-', '*')} {self.pick('-3', '5', f'({self.unsigned(d)} & 255)')})"
            case 3:
                return f"({self.signed(d)} {self.pick('<<', '>>')} ({self.unsigned(d)} & 63))"
            case 4 | 5:
                return self.call("s", depth) or self.signed(d)
            case 6:
                return f"Totals.b[{self.unsigned(d)} & 7]"
            case 7:
                return f"({self.signed(d)} if {self.flag(d)} else {self.signed(d)})"
            case 8:
                return f"-({self.unsigned(d)} & 1023)" if r.random() < 0.5 else f"s64({self.unsigned(d)})"
            case 9:
                return f"{self.pick('truncate', 'saturate')}({self.pick(self.signed(d), self.unsigned(d))}, {self.pick('s8', 's16', 's32', 's64')})"
            case _:
                return f"{self.pick('sdiv', 'smod')}({self.signed(d)}, {self.pick('3', '-7', f'1 + ({self.unsigned(d)} & 7)')})"

    def flag(self, depth: int) -> str:
        r = self.rng
        if depth <= 0:
            return r.choice([*self.names["f"], "Totals.flag", "True", "False", "sc.may_swap"])
        d = depth - 1
        kind = self.pick("u", "u", "s")
        match r.randrange(11):
            case 0 | 1:
                ops = [self.pick("<", "<=", ">", ">=", "==", "!=") for _ in range(r.choice((1, 1, 2, 3)))]
                return f"({self.of(kind, d)}" + "".join(f" {op} {self.of(kind, d)}" for op in ops) + ")"
            case 2 | 3:
                word = f" {self.pick('and', 'or')} "
                return "(" + word.join(self.flag(d) for _ in range(r.choice((2, 3)))) + ")"
            case 4:
                return f"(not {self.flag(d)})"
            case 5 | 6:
                return self.call("f", depth) or self.flag(d)
            case 7:
                return f"({self.flag(d)} if {self.flag(d)} else {self.flag(d)})"
            case 8:
                return f"({self.maybe(d)} is {self.pick('', 'not ')}None)"
            case 9:
                return f"({self.unsigned(d)} {self.pick('in', 'not in')} flags)"
            case _:
                return f"({self.flag(d)} {self.pick('==', '!=')} {self.flag(d)})"

    def maybe(self, depth: int) -> str:
        if depth <= 0:
            return self.rng.choice([*self.names["m"], "maybe(Totals.n)"])
        if self.rng.random() < 0.3:
            return f"({self.maybe(depth - 1)} if {self.flag(depth - 1)} else {self.pick('None', self.unsigned(depth - 1))})"
        return self.call("m", depth) or self.maybe(0)

    # ---- statements

    def target(self, kind: str, d: int) -> str:
        if kind == "u":
            return self.pick(
                "Totals.n",
                f"Totals.a[{self.unsigned(d)} & 7]",
                f"Totals.pairs[{self.unsigned(d)} & 3][{self.unsigned(d)} & 1].left",
            )
        return self.pick(
            "Totals.s",
            f"Totals.b[{self.unsigned(d)} & 7]",
            f"Totals.pairs[{self.unsigned(d)} & 3][{self.unsigned(d)} & 1].right",
        )

    def statements(self, indent: str, nr: int, result: str | None, depth: int) -> list[str]:
        lines: list[str] = []
        kept = {kind: list(names) for kind, names in self.names.items()}
        for _ in range(nr):
            lines += [indent + line for line in self.statement(result, depth)]
        self.names = kept
        return lines

    def block(self, result: str | None, depth: int) -> list[str]:
        return self.statements("    ", self.rng.choice((1, 2)), result, depth - 1)

    def statement(self, result: str | None, depth: int) -> list[str]:
        r = self.rng
        kind = self.pick("u", "u", "s")
        match r.randrange(13):
            case 0 | 1:
                kind = self.pick("u", "s", "f", "m")
                old = [n for n in self.names[kind] if n not in self.fixed]
                if old and r.random() < 0.5:
                    return [f"{r.choice(old)} = {self.of(kind, 2)}"]
                value, name = self.of(kind, 2), self.fresh(kind)
                self.names[kind].append(name)
                hint = {"u": ": u64", "s": ": s64", "f": ": bool", "m": ": u64 | None"}[kind]
                return [f"{name}{hint} = {value}"]
            case 2 | 3:
                op = self.pick("+=", "-=", "*=", "&=", "|=", "^=")
                names = [n for n in self.names[kind] if n not in self.fixed]
                target = r.choice(names) if names and r.random() < 0.4 else self.target(kind, 2)
                return [f"{target} {op} {self.of(kind, 2)}"]
            case 4:
                return [f"{self.target(kind, 1)} {self.pick('<<=', '>>=')} {self.unsigned(1)} & 63"]
            case 5:
                return [f"{self.target(kind, 2)} = {self.of(kind, 2)}"]
            case 6:
                return [f"Totals.flag = {self.flag(3)}"]
            case 7 | 8 if depth > 0:
                lines = [f"if {self.flag(3)}:", *self.block(result, depth)]
                if r.random() < 0.4:
                    lines += [f"elif {self.flag(2)}:", *self.block(result, depth)]
                if r.random() < 0.5:
                    lines += ["else:", *self.block(result, depth)]
                return lines
            case 9 | 10 if depth > 0 and self.loops < 2:
                return self.loop(result, depth)
            case 11:
                return (
                    [self.pick("break", "continue")] if self.loops and r.random() < 0.7 else [self.effect()]
                )
            case _:
                if result is not None and r.random() < 0.5:
                    return [f"if {self.flag(2)}:", f"    return {self.of(result, 2)}"]
                return [self.effect()]

    def effect(self) -> str:
        return self.pick(
            f"flags.add({self.unsigned(2)})",
            f"noted(y={self.unsigned(1)}, x={self.unsigned(2)})",
            f"flags.discard({self.unsigned(1)})",
        )

    def loop(self, result: str | None, depth: int) -> list[str]:
        r = self.rng
        signed = r.random() < 0.3
        name = self.fresh("s" if signed else "u")
        if signed:
            bounds = r.choice(
                [f"-3, signed(2, {self.unsigned(1)}) & 3", "4, -4, -3", f"s64({self.unsigned(1)} & 3), 5, 2"]
            )
        else:
            bounds = r.choice(
                [
                    f"{self.unsigned(1)} & 3",
                    f"{self.unsigned(1)} & 3, 4",
                    f"{self.unsigned(1)} & 7, {self.unsigned(1)} & 7, {r.choice((2, 3, -1, -2))}",
                ]
            )
        self.names["s" if signed else "u"].append(name)
        self.fixed.add(name)
        self.loops += 1
        body = self.block(result, depth)
        self.loops -= 1
        self.names["s" if signed else "u"].remove(name)
        return [f"for {name} in range({bounds}):", *body]


def generate_meaning(seed: int) -> str:
    """Return a program."""
    writer = _Writer(random.Random(f"meaning {seed}"))
    writer.functions = [
        ("noted", "u", [("x", "u"), ("y", "u")]),
        ("signed", "s", [("x", "s"), ("by", "u")]),
        ("flipped", "f", [("x", "f")]),
        ("maybe", "m", [("x", "u")]),
    ]
    texts = [_HEAD]
    for number in range(writer.rng.choice((0, 1, 1, 2))):
        name, kind = f"own{number}", writer.pick("u", "s", "f", "m")
        params = [(f"p{i}", writer.pick("u", "s", "f")) for i in range(writer.rng.choice((1, 2, 3)))]
        writer.names = {k: [p for p, of in params if of == k] for k in "usfm"}
        hints = {"u": "u64", "s": "s64", "f": "bool", "m": "u64 | None"}
        shown = ", ".join(f"{p}: {hints[k]}" for p, k in params)
        lines = [f"def {name}({shown}, sc: ScanControl) -> {hints[kind]}:"]
        lines += writer.statements("    ", writer.rng.choice((1, 2, 3)), kind, 2)
        lines.append(f"    return {writer.of(kind, 2)}")
        texts.append("\n".join(lines))
        writer.functions.append((name, kind, [*params, ("sc", "c")]))
    writer.names = {k: [] for k in "usfm"}
    lines = ["@hook", "def folio_added() -> Place:", "    return queue.head"]
    texts.append("\n".join(lines))
    lines = ["@hook", "def next_batch(lruvec: Lruvec, sc: ScanControl) -> Batch:"]
    lines += writer.statements("    ", writer.rng.choice((2, 3, 5)), None, 2)
    lines += [
        f"    answer = verdict({writer.unsigned(2)})",
        "    if answer is not None:",
        "        return answer",
    ]
    lines.append(
        f"    return queue.batch(scan={writer.unsigned(2)} & 1023, nr=1 + ({writer.unsigned(2)} & 127))"
    )
    texts.append("\n".join(lines))
    return "\n\n\n".join(text.strip("\n") for text in texts) + "\n"
