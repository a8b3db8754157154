"""Programs in which it matters what the text means: what happens first, what is None, which way is taken.

Effects stand inside of expressions, on sides that may not run, in arguments by name and in indices. Variables that
may be None are assigned on some ways, carried by loops, tested, joined with numbers, places, answers and objects,
passed and returned. Functions return early, call each other and use the same names; loops are left in all ways.
Obligations are kept, so that nearly everything is accepted: indices are masked, signs meet where both sides are
small, and what may be None is tested before it is used. What is left to go wrong is what the text means.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

_HEAD = '''"""What happens first."""
flags = hash_set(key=u64, max_entries=64, scope=machine)
kept = lru_hash(key=u64, value=u64, max_entries=16, scope=lruvec)
twins = hash_map(key=u64, value=u64, max_entries=8, scope=memcg, count=2)
table = array_map(value=u64, max_entries=8, scope=machine)
step = tunable(u32, default=3, max=9)
is_slow = tunable(bool, default=True)
queue = folio_list()
gens = folio_list(2)
FEW = 5


class Pair(Struct):
    left: u64
    right: s64
    tag: u8
    is_new: bool


class Totals(GlobalState):
    n: u64
    s: s64
    flag: bool
    a: u64[8]
    b: s64[8]
    pairs: Pair[4][2]
    small: u8[8]
    tiny: s16[4]
    marks: bool[8]
    level: u8 = field(3, min=1, max=40)


class Own(LruvecState):
    at: u64
    off: s32
    pairs: Pair[3]


class Shared(MemcgState):
    share: u16


class Mine(FolioState):
    uses: u8
    seen: s16
    hot: bool


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


def perhaps(x: s64) -> s64 | None:
    Totals.n += 3
    if x & 3 == 1:
        return None
    return x if x & 3 != 2 else 0


def somewhere(x: u64) -> Place | None:
    Totals.n += x
    if x & 3 != 0:
        return gens[x & 1].tail if x & 3 != 1 else queue.head


def found(x: u64) -> Verdict | None:
    Totals.n -= x
    if x & 3 == 0:
        return ROTATE
    return None if x & 3 == 1 else RECLAIM


def above(at: Lruvec | None) -> Lruvec | None:
    Totals.n += 7
    return at.parent if at is not None else None


def verdict(x: u64) -> Batch | None:
    Totals.n += x
    if x & 3 == 0:
        return STOP
    return None if x & 3 == 1 else queue.batch(1 + (x & 15))


@hook
def folio_added() -> Place:
    return queue.head'''

_DRAINED = """
    if lruvec.clock < 2:
        return gens[0].batch(32) if lruvec.clock == 0 else gens[1].batch(32)
    if lruvec.clock == 2:
        return queue.batch(32)"""

_TYPES_OF_PLAIN = {
    "u": "u64",
    "s": "s64",
    "f": "bool",
    "p": "Place",
    "v": "Verdict",
    "h": "Lruvec",
    "n": "None",
}
_PLAIN = {"m": "u", "z": "s", "q": "p", "w": "v", "o": "h"}
_MAYBE = {plain: kind for kind, plain in _PLAIN.items()}
_HINTS = _TYPES_OF_PLAIN | {"b": "u8"} | {k: f"{_TYPES_OF_PLAIN[of]} | None" for k, of in _PLAIN.items()}
"""Types of kinds of values: numbers without and with sign, flags, places, verdicts, objects, nothing, bytes, and what
may be None of these."""

_SOURCES = {
    "m": "maybe(Totals.n)",
    "z": "perhaps(Totals.s)",
    "q": "somewhere(Totals.n)",
    "w": "found(Totals.n)",
    "o": "lruvec.parent",
}
"""What may be None, by its kind, where there is no variable yet."""

_GIVEN = (
    *(("noted", "u", (("x", "u"), ("y", "u"))), ("signed", "s", (("x", "s"), ("by", "u")))),
    *(("flipped", "f", (("x", "f"),)), ("maybe", "m", (("x", "u"),)), ("perhaps", "z", (("x", "s"),))),
    *(("somewhere", "q", (("x", "u"),)), ("found", "w", (("x", "u"),)), ("above", "o", (("at", "o"),))),
)
"""Functions that every program has: name, kind of the result, parameters."""

_HOOKS = {
    "next_batch": ("lruvec: Lruvec, sc: ScanControl", "Batch", None),
    "tick": ("lruvec: Lruvec", "u64", "u"),
    "deactivate_folio": ("folio: Folio, lruvec: Lruvec, sc: ScanControl", "Place", "p"),
    "reclaim_folio": ("lruvec: Lruvec, folio: Folio", "Verdict", "v"),
    "score_folio": ("folio: Folio, lruvec: Lruvec", "s64", "s"),
}

_MISLEADING = ("init", "next_batch", "folio_added", "batch_done", "tick")
"""Names that a variable may have although a hook has them."""


class _Writer:
    """Write the statements of one program."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.functions: list[tuple[str, str, tuple[tuple[str, str], ...]]] = list(_GIVEN)
        self.begin([], "")

    def begin(self, params: list[tuple[str, str]], hook: str) -> None:
        """Begin a function: names are its own, and the same as those of others."""
        self.names: dict[str, list[str]] = {kind: [] for kind in _HINTS}
        for name, kind in params:
            self.names["u" if kind == "b" else kind].append(name)
        self.names["h"].append("lruvec")
        self.hook = hook
        self.fixed = {"lruvec"}
        self.sure: set[str] = set()
        self.touched: set[str] = set()
        self.dropped: dict[str, list[str]] = {kind: [] for kind in _HINTS}
        self.misleading = list(_MISLEADING)
        self.nr_names = 0
        self.loops = 0

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def pick(self, *choices: str) -> str:
        return self.rng.choice(choices)

    def fresh(self, kind: str) -> str:
        """Return a name for a variable or loop: a new one, or one whose block ended, or which a hook has."""
        if self.dropped[kind] and self.chance(0.3):
            return self.dropped[kind].pop()
        if self.misleading and self.chance(0.05):
            return self.misleading.pop()
        self.nr_names += 1
        return f"{kind}_{self.nr_names}"

    def leaves(self, kind: str) -> list[str]:
        """Return the variables of a kind, those included that were found not to be None."""
        return self.names[kind] + [n for n in self.names[_MAYBE.get(kind, "n")] if n in self.sure]

    @contextmanager
    def knowing(self, name: str) -> Iterator[None]:
        """Use a variable in an expression that is reached only if it is not None."""
        before = set(self.sure)
        self.sure.add(name)
        yield
        self.sure = before

    # ---- expressions

    def of(self, kind: str, depth: int) -> str:
        """Return an expression of a kind."""
        match kind:
            case "u":
                return self.unsigned(depth)
            case "s":
                return self.signed(depth)
            case "f":
                return self.flag(depth)
            case "b":
                return self.pick(f"{self.unsigned(depth)} & 255", f"truncate({self.signed(depth)}, u8)")
            case "p" | "v":
                return self.answer(kind, depth)
            case "h":
                return self.rng.choice(self.leaves("h"))
            case _:
                return self.optional(kind, depth)

    def call(self, kind: str, depth: int) -> str | None:
        """Return a call of a function of the policy, some arguments by name and in any order."""
        known = [f for f in self.functions if f[1] == kind]
        if not known:
            return None
        name, _, params = self.rng.choice(known)
        return self.with_names(name, [(p, self.of(k, depth - 1)) for p, k in params])

    def with_names(self, name: str, values: list[tuple[str, str]], *, last_named: bool = False) -> str:
        """Return a call, its first arguments by position and the others by name in any order."""
        nr_plain = self.rng.randrange(len(values) + (not last_named))
        named = [f"{p}={v}" for p, v in values[nr_plain:]]
        self.rng.shuffle(named)
        return f"{name}({', '.join([v for _, v in values[:nr_plain]] + named)})"

    def choice_of(self, kind: str, depth: int, other: str | None = None) -> str:
        """Return a value that is chosen by a flag."""
        return f"({self.of(kind, depth)} if {self.flag(depth)} else {other or self.of(kind, depth)})"

    def tested(self, plain: str, depth: int) -> str | None:
        """Return a value made of a variable that may be None, tested on the way."""
        names = self.names[_MAYBE[plain]]
        if not names:
            return None
        name = self.rng.choice(names)
        with self.knowing(name):
            used = self.of(plain, depth) if self.chance(0.5) else name
        return f"({used} if {name} is not None else {self.of(plain, depth)})"

    def unsigned(self, depth: int) -> str:
        r, d = self.rng, depth - 1
        if depth <= 0:
            number = str(r.choice((0, 1, 2, 7, 63, 64, 1000, 2**63, 2**64 - 1)))
            return r.choice([*self.leaves("u"), "Totals.n", number, "step", "FEW", self.field("u")])
        match r.randrange(20):
            case 0 | 1:
                return f"({self.unsigned(d)} {self.pick('+', '-', '*', '&', '|', '^')} {self.unsigned(d)})"
            case 2:
                return f"({self.unsigned(d)} {self.pick('<<', '>>')} ({self.unsigned(d)} & 63))"
            case 3:
                return f"({self.unsigned(d)} {self.pick('//', '%')} ({self.unsigned(d)} | 1))"
            case 4 | 5:
                return self.call("u", depth) or self.unsigned(d)
            case 6 | 7:
                return self.place("u", d)
            case 8:
                return self.choice_of("u", d)
            case 9:
                return f"{self.pick('min', 'max')}({', '.join(self.unsigned(d) for _ in range(r.choice((2, 3))))})"
            case 10:
                return f"u64({self.pick(self.signed(d), self.flag(d))})"
            case 11:
                return f"{self.pick('truncate', 'saturate')}({self.pick(self.signed(d), self.unsigned(d))}, {self.pick('u8', 'u16', 'u32', 'u64')})"
            case 12:
                return f"clamp({self.unsigned(d)}, {self.unsigned(d)}, {self.unsigned(d)})"
            case 13:
                return f"~{r.choice([*self.leaves('u'), 'Totals.n'])}"
            case 14:
                return f"isqrt({self.unsigned(d)})"
            case 15:
                factors = [(name, self.unsigned(d)) for name in "ab"]
                return self.with_names("mul_div", [*factors, ("c", f"{self.unsigned(d)} | 1")])
            case 16:
                return f"table[{self.unsigned(d)} & 7]"
            case _:
                return self.tested("u", d) or self.place("u", d)

    def signed(self, depth: int) -> str:
        r, d = self.rng, depth - 1
        if depth <= 0:
            number = f"s64({r.choice((0, 5, 2**63, 2**64 - 1))})"
            return r.choice([*self.leaves("s"), "Totals.s", "signed(-1, 0)", number, self.field("s")])
        match r.randrange(14):
            case 0 | 1:
                return f"({self.signed(d)} {self.pick('+', '-', '*', '&', '|', '^')} {self.signed(d)})"
            case 2:
                return f"({self.signed(d)} {self.pick('+', '-', '*')} {self.pick('-3', '5', f'({self.unsigned(d)} & 255)')})"
            case 3:
                return f"({self.signed(d)} {self.pick('<<', '>>')} ({self.unsigned(d)} & 63))"
            case 4 | 5:
                return self.call("s", depth) or self.signed(d)
            case 6 | 7:
                return self.place("s", d)
            case 8:
                return self.choice_of("s", d)
            case 9:
                return f"-({self.unsigned(d)} & 1023)" if self.chance(0.5) else f"s64({self.unsigned(d)})"
            case 10:
                return f"{self.pick('truncate', 'saturate')}({self.pick(self.signed(d), self.unsigned(d))}, {self.pick('s8', 's16', 's32', 's64')})"
            case 11:
                return f"{self.pick('min', 'max')}({self.signed(d)}, {self.pick('-2', '9', self.signed(d))})"
            case 12:
                return f"{self.pick('sdiv', 'smod')}({self.signed(d)}, {self.pick('3', '-7', f'1 + ({self.unsigned(d)} & 7)')})"
            case _:
                return self.tested("s", d) or self.signed(d)

    def flag(self, depth: int) -> str:
        r, d = self.rng, depth - 1
        if depth <= 0:
            return r.choice([*self.names["f"], "Totals.flag", "True", "False", "is_slow", self.field("f")])
        match r.randrange(16):
            case 0 | 1 | 2:
                return self.compared(d)
            case 3 | 4:
                word = f" {self.pick('and', 'or')} "
                return "(" + word.join(self.flag(d) for _ in range(r.choice((2, 3)))) + ")"
            case 5:
                return f"(not {self.flag(d)})"
            case 6 | 7:
                return self.call("f", depth) or self.flag(d)
            case 8:
                return self.choice_of("f", d)
            case 9 | 10:
                return f"({self.optional(self.pick(*_PLAIN), d)} is {self.pick('', 'not ')}None)"
            case 11:
                least = self.pick("", "", f"{self.unsigned(d)} < ")
                return f"({least}{self.unsigned(d)} {self.pick('in', 'not in')} flags)"
            case 12:
                return f"({self.flag(d)} {self.pick('==', '!=')} {self.flag(d)})"
            case 13:
                return f"Totals.marks[{self.unsigned(d)} & 7]"
            case _:
                return self.guarded(d)

    def compared(self, d: int) -> str:
        """Return a comparison or a chain of them."""
        kind = self.pick("u", "u", "s", "o")
        ops = ("==", "!=") if kind == "o" else ("<", "<=", ">", ">=", "==", "!=")
        links = [f" {self.pick(*ops)} {self.of(kind, d)}" for _ in range(self.rng.choice((1, 1, 2, 3)))]
        return f"({self.of(kind, d)}{''.join(links)})"

    def guarded(self, d: int) -> str:
        """Return a condition on a variable that may be None, tested to the left."""
        kind = self.pick("m", "z", "o")
        if not self.names[kind]:
            return self.flag(d)
        name = self.rng.choice(self.names[kind])
        with self.knowing(name):
            used = (
                self.compared(d)
                if kind == "o" or self.chance(0.5)
                else f"{name} > {self.of(_PLAIN[kind], d)}"
            )
        return f"({name} is not None and {used})" if self.chance(0.5) else f"({name} is None or {used})"

    def optional(self, kind: str, depth: int) -> str:
        """Return a value that may be None."""
        plain, d = _PLAIN[kind], depth - 1
        if depth <= 0:
            return self.rng.choice([*self.names[kind], _SOURCES[kind]])
        match self.rng.randrange(6):
            case 0 | 1:
                return self.choice_of(kind, d, self.pick("None", self.of(plain, d)))
            case 2:
                return f"(None if {self.flag(d)} else {self.of(plain, d)})"
            case 3 if kind == "m":
                return f"{self.pick('kept', f'twins[{self.unsigned(d)} & 1]')}.get({self.unsigned(d)})"
            case _:
                return self.call(kind, depth) or self.optional(kind, 0)

    def answer(self, kind: str, depth: int) -> str:
        """Return a place or a verdict."""
        d = depth - 1
        if kind == "p":
            plain = self.pick("queue.head", "queue.tail", f"gens[{self.unsigned(min(d, 1))} & 1].head")
        else:
            plain = self.pick("RECLAIM", "ROTATE", "RECLAIM_CLEAN", f"move({self.answer('p', min(d, 1))})")
        names = self.leaves(kind)
        if depth <= 0 or self.chance(0.4):
            return self.rng.choice([*names, plain])
        return self.call(kind, depth) or (self.choice_of(kind, d) if self.chance(0.5) else plain)

    def field(self, kind: str) -> str:
        """Return a field of an object."""
        here = self.of("h", 0)
        fields = {
            "u": (f"{here}.at", f"{here}.memcg.share", f"{here}.nr_pages", "Totals.level", "queue.nr_pages"),
            "s": (f"{here}.off",),
            "f": (f"{here}.is_at_tail", f"{here}.pairs[{self.rng.randrange(3)}].is_new"),
        }[kind]
        if "folio" in self.hook:
            fields += {"u": ("folio.uses", "folio.nr_pages"), "s": ("folio.seen",), "f": ("folio.hot",)}[kind]
        return self.pick(*fields)

    def place(self, kind: str, d: int) -> str:
        """Return an element of state, its indices with effects."""
        pair = self.pick(
            f"Totals.pairs[{self.unsigned(d)} & 3][{self.unsigned(d)} & 1]",
            f"{self.of('h', 0)}.pairs[{self.unsigned(d)} % 3]",
        )
        if kind == "u":
            small = f"Totals.small[{self.unsigned(d)} & 7]"
            return self.pick(f"Totals.a[{self.unsigned(d)} & 7]", f"{pair}.left", f"{pair}.tag", small)
        tiny = f"Totals.tiny[{self.unsigned(d)} & 3]"
        return self.pick(f"Totals.b[{self.unsigned(d)} & 7]", f"{pair}.right", tiny)

    # ---- statements

    def target(self, kind: str, d: int) -> str:
        """Return what holds 64 bits and can be assigned."""
        here = self.of("h", 0)
        pair = self.pick(
            f"Totals.pairs[{self.unsigned(d)} & 3][{self.unsigned(d)} & 1]",
            f"{here}.pairs[{self.unsigned(d)} % 3]",
        )
        if kind == "u":
            table = f"table[{self.unsigned(d)} & 7]"
            return self.pick(
                "Totals.n", f"{here}.at", f"Totals.a[{self.unsigned(d)} & 7]", f"{pair}.left", table
            )
        return self.pick("Totals.s", f"Totals.b[{self.unsigned(d)} & 7]", f"{pair}.right")

    def narrow(self) -> str:
        """Return a store into a field of fewer than 64 bits."""
        here, u, s = self.of("h", 0), self.unsigned(2), self.signed(2)
        small = (f"Totals.small[{self.unsigned(1)} & 7]", f"{here}.pairs[{self.unsigned(1)} % 3].tag")
        signed = f"Totals.tiny[{self.unsigned(1)} & 3]"
        flag = self.pick(
            f"Totals.marks[{self.unsigned(1)} & 7]",
            f"{here}.pairs[{self.unsigned(1)} % 3].is_new",
            "Totals.flag",
        )
        lines = [
            f"{self.pick(*small)} {self.pick('=', '|=', '^=')} {u} & 255",
            f"{self.pick(*small)} {self.pick('&=', '>>=')} {u} & 63",
            f"{signed} = {self.pick('saturate', 'truncate')}({self.pick(u, s)}, {self.pick('s16', 's8')})",
            f"{here}.off = saturate({s}, s32)",
            f"{here}.memcg.share = {u} & 65535",
            f"Totals.level = clamp({u}, 1, 40)",
            f"{flag} = {self.flag(2)}",
        ]
        if "folio" in self.hook:
            lines += [
                f"folio.uses = min({u}, 255)",
                f"folio.seen = truncate({s}, s16)",
                f"folio.hot = {self.flag(2)}",
            ]
        return self.pick(*lines)

    def bind(self, kind: str, value: str, *, is_none: bool = False) -> str:
        """Assign a variable that there is, or a new one, with or without its type."""
        old = [name for name in self.names[kind] if name not in self.fixed]
        if old and self.chance(0.5):
            name = self.rng.choice(old)
            self.touched.add(name)
            self.sure.discard(name)
            if kind in _PLAIN and not is_none and self.chance(0.4):
                self.sure.add(name)
                return f"{name} = {self.of(_PLAIN[kind], 2)}"
            return f"{name} = {value}"
        name = self.fresh(kind)
        hint = f": {_HINTS[kind]}" if is_none or self.chance(0.5) else ""
        self.sure.discard(name)
        self.touched.add(name)
        self.names[kind].append(name)
        return f"{name}{hint} = {value}"

    def block(self, result: str | None, depth: int, nr: int | None = None) -> list[str]:
        """Write a block, whose variables end with it; `sure` is what holds at its end."""
        lines: list[str] = []
        kept = {kind: list(names) for kind, names in self.names.items()}
        for _ in range(nr or self.rng.choice((1, 2))):
            lines += [f"    {line}" for line in self.statement(result, depth)]
        for kind, names in self.names.items():
            self.dropped[kind] += [name for name in names if name not in kept[kind]]
        self.names = kept
        return lines

    def leave(self, result: str | None) -> str | None:
        """Return what ends a way through a block."""
        ways = ["break", "continue"] if self.loops else []
        if result is not None:
            ways.append("return" if result == "n" else f"return {self.of(result, 1)}")
        return self.pick(*ways) if ways else None

    def branches(self, heads: list[str], bodies: list[list[str]], sures: list[set[str]]) -> list[str]:
        """Put the ways of an `if` together; behind them holds what holds at the end of all that go on."""
        lines, ends = [], []
        for head, body, sure in zip(heads, bodies, sures, strict=True):
            lines += [head, *body]
            if body[-1].split()[0] not in ("break", "continue", "return"):
                ends.append(sure)
        self.sure = set.intersection(*ends) if ends else set()
        return lines

    def choose(self, result: str | None, depth: int) -> list[str]:
        """Write an `if` with its other ways."""
        heads, bodies, sures = [], [], []
        words = ["if", *(["elif"] if self.chance(0.4) else []), *(["else"] if self.chance(0.5) else [])]
        before = set(self.sure)
        for word in words:
            heads.append(f"{word} {self.flag(3 if word == 'if' else 2)}:" if word != "else" else "else:")
            bodies.append(self.block(result, depth - 1))
            sures.append(self.sure)
            self.sure = set(before)
        lines = self.branches(heads, bodies, sures)
        if words[-1] != "else":
            self.sure &= before - self.touched
        return lines

    def asked(self, result: str | None, depth: int) -> list[str]:
        """Ask whether a variable is None, and go on with what is known then."""
        kinds = [kind for kind in _PLAIN if any(n not in self.fixed for n in self.names[kind])]
        if not kinds:
            return self.awaited(result)
        kind = self.pick(*kinds)
        name = self.rng.choice(self.names[kind])
        way, before = self.leave(result), set(self.sure)
        match self.rng.randrange(4):
            case 0 if way is not None:
                self.sure.add(name)
                return [f"if {name} is None:", f"    {way}"]
            case 1:
                self.sure.add(name)
                self.touched.add(name)
                return [f"if {name} is None:", f"    {name} = {self.of(_PLAIN[kind], 1)}"]
            case 2:
                self.sure.add(name)
                body = self.block(result, depth - 1)
                self.sure = (self.sure & before) - self.touched
                return [f"if {name} is not None:", *body]
            case _:
                bodies, sures = [], []
                for known in (set(), {name}):
                    self.sure = before | known
                    bodies.append(self.block(result, depth - 1))
                    sures.append(self.sure)
                return self.branches([f"if {name} is None:", "else:"], bodies, sures)

    def awaited(self, result: str | None) -> list[str]:
        """Assign a variable that is None on some ways, and on others something else, without writing its type."""
        kind = self.pick(*_PLAIN)
        name, value = self.fresh(kind), self.of(_PLAIN[kind], 2)
        flag = self.flag(2)
        between = [line[4:] for line in self.block(result, 0, 1)] if self.chance(0.3) else []
        self.names[kind].append(name)
        self.sure.discard(name)
        self.touched.add(name)
        match self.rng.randrange(3):
            case 0:
                hint = f": {_HINTS[kind]}" if self.chance(0.3) else ""
                return [f"{name} = None", *between, f"if {flag}:", f"    {name}{hint} = {value}"]
            case 1:
                return [f"if {flag}:", f"    {name} = {value}", "else:", f"    {name} = None"]
            case _:
                filled = [*between, f"{name} = {value}"]
                return [f"if {flag}:", f"    {name} = None", "else:", *(f"    {line}" for line in filled)]

    def statement(self, result: str | None, depth: int) -> list[str]:
        r = self.rng
        kind = self.pick("u", "u", "s")
        match r.randrange(22):
            case 0 | 1 | 2:
                kind = self.pick(*"usfmmzzqwopvh")
                return [self.bind(kind, self.of(kind, 2))]
            case 3 | 4:
                op = self.pick("+=", "-=", "*=", "&=", "|=", "^=")
                names = [n for n in self.leaves(kind) if n not in self.fixed]
                target = r.choice(names) if names and self.chance(0.4) else self.target(kind, 2)
                return [f"{target} {op} {self.of(kind, 2)}"]
            case 5:
                return [f"{self.target(kind, 1)} {self.pick('<<=', '>>=')} {self.unsigned(1)} & 63"]
            case 6:
                return [f"{self.target(kind, 2)} = {self.of(kind, 2)}"]
            case 7 | 8:
                return [self.narrow()]
            case 9 | 10 | 11 if depth > 0:
                return self.choose(result, depth)
            case 12 | 13 if depth > 0 and self.loops < 2:
                return self.loop(result, depth)
            case 14 | 15 if depth > 0:
                return self.asked(result, depth)
            case 16:
                return self.awaited(result)
            case 17 | 18 if self.loops:
                way = self.pick("break", "continue")
                return [f"if {self.flag(2)}:", f"    {way}"] if self.chance(0.8) else [way]
            case 19 if result is not None:
                answer = "" if result == "n" else f" {self.of(result, 2)}"
                return [f"if {self.flag(2)}:", f"    return{answer}"]
            case _:
                return [self.effect()]

    def effect(self) -> str:
        """Return a call on a line of its own."""
        own = [f for f in self.functions if f not in _GIVEN]
        if own and self.chance(0.4):
            name, _, params = self.rng.choice(own)
            return self.with_names(name, [(p, self.of(k, 1)) for p, k in params])
        return self.pick(
            f"flags.{self.pick('add', 'discard')}({self.unsigned(2)})",
            f"noted(y={self.unsigned(1)}, x={self.unsigned(2)})",
            self.with_names(
                "emit", [("id", self.unsigned(1)), ("a", self.unsigned(1)), ("b", self.unsigned(1))]
            ),
            self.with_names("kept.put", [("key", self.unsigned(1)), ("value", self.unsigned(2))]),
            f"twins[{self.unsigned(1)} & 1].remove({self.unsigned(1)})",
        )

    def loop(self, result: str | None, depth: int) -> list[str]:
        """Write a loop over numbers or objects."""
        if self.loops == 0 and self.chance(0.2):
            head, kind = f"{self.of('h', 0)}.upwards()", "h"
        elif self.chance(0.3):
            head, kind = f"range({self.signed_bounds()})", "s"
        else:
            head, kind = f"range({self.bounds()})", "u"
        name = self.fresh(kind)
        taken = {n for names in self.names.values() for n in names}
        if name in taken:
            self.nr_names += 1
            name = f"{kind}_{self.nr_names}"
        before, touched = self.sure, self.touched
        self.sure, self.touched = set(), set()
        self.names[kind].append(name)
        self.fixed.add(name)
        self.loops += 1
        body = self.block(result, depth - 1, self.rng.choice((2, 3)))
        self.loops -= 1
        self.fixed.discard(name)
        self.names[kind].remove(name)
        self.dropped[kind].append(name)
        self.sure, self.touched = before - self.touched, touched | self.touched
        return [f"for {name} in {head}:", *body]

    def signed_bounds(self) -> str:
        return self.rng.choice(
            [f"-3, signed(2, {self.unsigned(1)}) & 3", "4, -4, -3", f"s64({self.unsigned(1)} & 3), 5, 2"]
        )

    def bounds(self) -> str:
        step = self.rng.choice((2, 3, -1, -2))
        return self.rng.choice(
            [
                f"{self.unsigned(1)} & 3",
                f"{self.unsigned(1)} & 3, 4",
                f"{self.unsigned(1)} & 7, {self.unsigned(1)} & 7, {step}",
            ]
        )

    # ---- functions

    def own_function(self, number: int) -> str:
        """Write a function of the policy; the ones behind it may call it."""
        name, kind = f"own{number}", self.pick(*"usfmmzqwopn")
        params = [(f"p{i}", self.pick(*"usfbmzqo")) for i in range(self.rng.choice((1, 2, 3)))]
        shown = ", ".join(f"{p}: {_HINTS[k]}" for p, k in params)
        self.begin(params, "")
        lines = [f"def {name}({shown}, lruvec: Lruvec) -> {_HINTS[kind]}:"]
        lines += self.block(kind, 2, self.rng.choice((1, 2, 3)))
        if kind not in _PLAIN and kind != "n":
            lines.append(f"    return {self.of(kind, 2)}")
        elif kind in _PLAIN and self.chance(0.7):
            lines.append(f"    return {self.of(kind, 2) if self.chance(0.7) else self.of(_PLAIN[kind], 2)}")
        self.functions.append((name, kind, (*params, ("lruvec", "h"))))
        return "\n".join(lines)

    def hooks(self) -> list[str]:
        """Write the hook that it is about, and one that empties the lists."""
        name = self.pick("next_batch", *_HOOKS)
        shown, answer, kind = _HOOKS[name]
        self.begin([], shown)
        drained = _DRAINED.strip("\n")
        lines = [f"@hook\ndef {name}({shown}) -> {answer}:"]
        if kind is None:
            lines += [drained, *self.block(None, 2, self.rng.choice((2, 3, 5)))]
            lines += [f"    answer = verdict({self.unsigned(2)})", "    if answer is not None:"]
            lines.append("        return answer")
            values = [("nr", f"1 + ({self.unsigned(2)} & 127)"), ("scan", f"{self.unsigned(2)} & 1023")]
            lines.append(f"    return {self.with_names('queue.batch', values, last_named=True)}")
            return ["\n".join(lines)]
        lines += [*self.block(kind, 2, self.rng.choice((2, 3, 5))), f"    return {self.of(kind, 3)}"]
        emptied = ["@hook", "def next_batch(lruvec: Lruvec) -> Batch:", drained, "    return STOP"]
        return ["\n".join(lines), "\n".join(emptied)]


def generate_meaning(seed: int) -> str:
    """Return the source of a random policy; a seed makes the same policy again."""
    writer = _Writer(random.Random(f"meaning {seed}"))
    texts = [_HEAD, *(writer.own_function(n) for n in range(writer.rng.choice((0, 1, 1, 2, 3))))]
    return "\n\n\n".join(text.strip("\n") for text in [*texts, *writer.hooks()]) + "\n"
