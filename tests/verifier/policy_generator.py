"""Random well-typed policies, as source text.

They are made to be hard on the verifier rather than to be sensible: handles that may name one object,
fields that are tested, changed and read again, helpers that run hooks in between, wrapping arithmetic,
loops that carry variables. Some dangerous operations are guarded, some are not, so that about half of
the policies are accepted. The same seed makes the same policy.
"""

from __future__ import annotations

import random
from collections.abc import Callable

HEADER = '''"""A random policy."""

queue = folio_list()
gens = folio_list(3, 2)
seen = hash_map(key=u64, value=u64, max_entries=64, scope=lruvec)
weight = tunable(u32, default=10, min=1, max=90, unit="%", doc="a weight")
eager = tunable(bool, default=True, doc="a switch")


class Use(FolioState):
    gen: u8 = field(0, max=3)
    uses: u8
    bias: s16 = field(0, min=-50, max=50)


class Work(LruvecState):
    nr: u64[8]
    table: u16[4][3]
    at: u64
    small: u8 = field(0, max=9)
    drift: s64
    is_late: bool


class Group(MemcgState):
    share: u32 = field(1, min=1, max=100)


class Whole(GlobalState):
    total: u64
    last: s32


def nudge(x: u64, folio_gen: u64) -> u64:
    if folio_gen > 2:
        return min(x, 5)
    return x & 3


def is_plain(lruvec: Lruvec) -> bool:
    if lruvec.at >= 8:
        return False
    return not lruvec.is_late


@hook
def pte_young(folio: Folio) -> None:
    folio.uses = saturate(folio.uses + 200, u8)
    folio.gen = (folio.gen + 1) % 4
    folio.is_active = not folio.is_active


@hook
def folio_added(folio: Folio) -> Place:
    return queue.head


'''

NUMBERS = (0, 1, 2, 3, 4, 7, 8, 9, 15, 63, 64, 255, 256, 1000, 65535, 1 << 31, 1 << 32, (1 << 63) - 1)
FOLIO_NUMBERS = ("gen", "uses", "nr_pages", "key", "order", "type", "nid")
LRUVEC_NUMBERS = ("at", "small", "nr_pages", "nr_anon_pages", "clock", "nid")
FLAGS = ("is_active", "is_referenced", "is_dirty")

HOOKS = {
    "folio_evicted": ("lruvec: Lruvec, folio: Folio", "u64"),
    "reclaim_folio": ("lruvec: Lruvec, folio: Folio, sc: ScanControl", "Verdict"),
    "pass_begin": ("lruvec: Lruvec, sc: ScanControl", "None"),
    "batch_done": ("lruvec: Lruvec, sc: ScanControl, result: BatchResult", "None"),
    "next_batch": ("lruvec: Lruvec, sc: ScanControl", "Batch"),
}


class PolicyWriter:
    """Write one policy.

    Args:
        rng: decides everything.
        danger: how often an operation that may fail goes without its guard, 0 to 1.
    """

    def __init__(self, rng: random.Random, danger: float = 0.02) -> None:
        self.rng = rng
        self.danger = danger
        self.lines: list[str] = []
        self.numbers: list[str] = []
        self.signed: list[str] = []
        self.flags: list[str] = []
        self.folios: list[str] = []
        self.lruvecs: list[str] = []
        self.scanned: str | None = None
        self.hook = ""
        self.nr_names = 0
        self.loops = 0

    def write(self) -> str:
        """Return the source."""
        names = self.rng.sample(sorted(HOOKS), 2)
        if "next_batch" not in names:
            names.append("next_batch")
        return HEADER + "\n\n".join(self._hook(name) for name in names)

    def _hook(self, name: str) -> str:
        params, result = HOOKS[name]
        self.hook = name
        self.lines = ["@hook", f"def {name}({params}) -> {result}:"]
        self.numbers, self.signed, self.flags = ["weight"], [], ["eager"]
        self.folios = ["folio"] if "folio:" in params else []
        self.lruvecs = ["lruvec"]
        if name == "next_batch":
            self.lines += [
                "    if sc.priority == 0:",
                "        return queue.batch(1)",
                "    if sc.priority == 1:",
            ]
            self.lines.append("        return gens[0][0].batch(1)")
        self._block(1, self.rng.randint(2, 6))
        self._answer(1)
        return "\n".join(self.lines) + "\n"

    # Statements.

    def _say(self, depth: int, text: str) -> None:
        self.lines.append("    " * depth + text)

    def _block(self, depth: int, count: int) -> None:
        """Write statements; what they bind is forgotten behind the block."""
        kept = [list(names) for names in (self.numbers, self.signed, self.flags, self.folios, self.lruvecs)]
        for _ in range(count):
            self._statement(depth)
        self.numbers, self.signed, self.flags, self.folios, self.lruvecs = kept

    def _statement(self, depth: int) -> None:
        kinds: list[tuple[int, Callable[[int], None]]] = [
            (4, self._bind_number),
            (2, self._bind_signed),
            (1, self._bind_flag),
            (3, self._change_variable),
            (6, self._store),
            (4, self._interfere),
        ]
        if depth < 4:
            kinds += [(5, self._if), (2, self._if_present), (1, self._leave_early)]
            if self.loops < 2:
                kinds += [(3, self._range_loop), (1, self._scan)]
        weights = [weight for weight, _ in kinds]
        self.rng.choices(kinds, weights)[0][1](depth)

    def _name(self, stem: str) -> str:
        self.nr_names += 1
        return f"{stem}{self.nr_names}"

    def _bind_number(self, depth: int) -> None:
        name = self._name("n")
        self._say(
            depth,
            f"{name} = u64({self.condition(1)})" if self._rarely() else f"{name}: u64 = {self.number(3)}",
        )
        self.numbers.append(name)

    def _bind_signed(self, depth: int) -> None:
        name = self._name("drift")
        self._say(depth, f"{name}: s64 = {self.signed_number(2)}")
        self.signed.append(name)

    def _bind_flag(self, depth: int) -> None:
        name = self._name("f")
        self._say(depth, f"{name} = {self.condition(2)}")
        self.flags.append(name)

    def _change_variable(self, depth: int) -> None:
        names = [n for n in self.numbers if n.startswith("n")]
        if not names:
            self._bind_number(depth)
            return
        op = self.rng.choice(("+=", "-=", "^=", "|=", "&=", "="))
        self._say(depth, f"{self.rng.choice(names)} {op} {self.number(2)}")

    def _store(self, depth: int) -> None:
        folio = self.rng.choice(self.folios) if self.folios else None
        lruvec = self.rng.choice(self.lruvecs)
        choices = [
            f"{lruvec}.at = {self.number(2)}",
            f"{lruvec}.nr[{self.index(8)}] = {self.number(2)}",
            f"{lruvec}.nr[{self.index(8)}] += {self.number(1)}",
            f"{lruvec}.table[{self.index(4)}][{self.index(3)}] = {self.fitting(65535)}",
            f"{lruvec}.small = {self.fitting(9)}",
            f"{lruvec}.drift = {self.signed_number(2)}",
            f"{lruvec}.is_late = {self.condition(1)}",
            f"{lruvec}.memcg.share = clamp({self.number(2)}, 1, 100)",
            f"Whole.total = {self.number(2)}",
            f"Whole.last = saturate({self.signed_number(2)}, s32)",
            f"seen.put({self.number(1)}, {self.number(2)})",
        ]
        if folio is not None:
            choices += [
                f"{folio}.gen = {self.fitting(3)}",
                f"{folio}.uses = truncate({self.number(2)}, u8)",
                f"{folio}.bias = clamp({self.signed_number(2)}, -50, 50)",
                f"{folio}.is_referenced = {self.condition(1)}",
            ]
        self._say(depth, self.rng.choice(choices))

    def _interfere(self, depth: int) -> None:
        """Write or test a field, let something happen that may change it, and read it again."""
        objects, field, largest = self.rng.choice(
            ((self.lruvecs, "at", 100), (self.lruvecs, "small", 9), (self.folios or self.lruvecs, "nid", 0))
        )
        if objects is self.folios:
            field, largest = self.rng.choice((("gen", 3), ("uses", 255)))
        one, other = self.rng.choice(objects), self.rng.choice(objects)
        name = self._name("n")
        if largest and self.rng.random() < 0.6:
            self._say(depth, f"{one}.{field} = {self.rng.randint(0, min(largest, 5))}")
        else:
            self._say(depth, f"{name}: u64 = {one}.{field}")
        if self.hook == "reclaim_folio" and self.scanned is None and self.rng.random() < 0.5:
            self._say(depth, f"Whole.total = {other}.nid + folio.referenced(look_around=3)")
        elif largest:
            self._say(depth, f"{other}.{field} = {self.rng.randint(0, min(largest, 5))}")
        self._say(depth, f"{name} = {one}.{field} + 0")
        self._say(depth, f"if {name} {self.rng.choice(('<', '>', '=='))} {self.rng.randint(0, 3)}:")
        self._store(depth + 1)
        self.numbers.append(name)

    def _if(self, depth: int) -> None:
        self._say(depth, f"if {self.condition(2)}:")
        self._block(depth + 1, self.rng.randint(1, 3))
        if self.rng.random() < 0.4:
            self._say(depth, "else:")
            self._block(depth + 1, self.rng.randint(1, 2))

    def _if_present(self, depth: int) -> None:
        if self.rng.random() < 0.5:
            name = self._name("above")
            self._say(depth, f"{name} = {self.rng.choice(self.lruvecs)}.parent")
            self._say(depth, f"if {name} is not None:")
            self.lruvecs.append(name)
            self._block(depth + 1, self.rng.randint(1, 3))
            self.lruvecs.remove(name)
            return
        name = self._name("n")
        self._say(depth, f"{name} = seen.get({self.number(1)})")
        self._say(depth, f"if {name} is not None:")
        self.numbers.append(f"({name} + 0)")
        self._block(depth + 1, self.rng.randint(1, 3))
        self.numbers.remove(f"({name} + 0)")

    def _leave_early(self, depth: int) -> None:
        self._say(depth, f"if {self.condition(2)}:")
        self._answer(depth + 1)

    def _range_loop(self, depth: int) -> None:
        name = self._name("i")
        end = self.rng.choice(
            ("3", "8", f"min({self.number(1)}, 6)", "2, 7", "7, 0, -2", f"{self.index(4)}, 5")
        )
        self._say(depth, f"for {name} in range({end}):")
        self._loop_body(depth, name, None)

    def _scan(self, depth: int) -> None:
        if self.scanned is not None or self.hook == "folio_evicted":
            self._store(depth)
            return
        name = self._name("other")
        self._say(depth, f"for {name} in {self.rng.choice(('queue', 'gens[1][0]'))}.scan(limit=4):")
        self._loop_body(depth, None, name)

    def _loop_body(self, depth: int, counter: str | None, folio: str | None) -> None:
        self.loops += 1
        kept, self.scanned = self.scanned, folio or self.scanned
        if counter is not None:
            self.numbers.append(counter)
        if folio is not None:
            self.folios.append(folio)
        self._block(depth + 1, self.rng.randint(1, 3))
        if self.rng.random() < 0.3:
            self._say(depth + 1, f"if {self.condition(1)}:")
            self._say(depth + 2, self.rng.choice(("break", "continue")))
        if folio is not None and self.rng.random() < 0.5:
            self._say(depth + 1, f"{folio}.move(gens[{self.index(3)}][{folio}.type].head)")
            self.folios.remove(folio)
        elif folio is not None:
            self.folios.remove(folio)
        if counter is not None:
            self.numbers.remove(counter)
        self.scanned = kept
        self.loops -= 1

    def _answer(self, depth: int) -> None:
        answers = {
            "folio_evicted": lambda: self.number(2),
            "reclaim_folio": lambda: self.rng.choice(
                ("RECLAIM", "ROTATE", f"move(gens[{self.index(3)}][0].tail)")
            ),
            "next_batch": lambda: self.rng.choice(
                ("STOP", "queue.batch(32)", f"gens[{self.index(3)}][1].batch(8)")
            ),
        }
        answer = answers.get(self.hook)
        self._say(depth, f"return {answer()}" if answer else "return")

    # Expressions.

    def _rarely(self) -> bool:
        return self.rng.random() < self.danger

    def index(self, length: int) -> str:
        """Write an index of an array, mostly inside."""
        number = self.number(self.rng.randrange(2))
        if self._rarely():
            return number
        return self.rng.choice(
            (f"min({number}, {length - 1})", f"({number}) % {length}", str(self.rng.randrange(length)))
        )

    def fitting(self, largest: int) -> str:
        """Write a number, mostly at most the largest."""
        number = self.number(2)
        return number if self._rarely() else f"min({number}, {largest})"

    def divisor(self, depth: int) -> str:
        """Write a divisor, mostly not 0."""
        number = self.number(depth)
        return number if self._rarely() else f"max({number}, {self.rng.choice((1, 2, 7))})"

    def number(self, depth: int) -> str:
        """Write an unsigned expression."""
        if depth <= 0 or self.rng.random() < 0.3:
            return self._leaf()
        left, right = self.number(depth - 1), self.number(depth - 1)
        forms: tuple[Callable[[], str], ...] = (
            lambda: f"({left} {self.rng.choice('+-*&|^')} {right})",
            lambda: f"({left} {self.rng.choice('+-')} {self.rng.choice(NUMBERS)})",
            lambda: f"({left} {self.rng.choice(('//', '%'))} {self.divisor(depth - 1)})",
            lambda: (
                f"({left} {self.rng.choice(('<<', '>>'))} {self.rng.choice(('1', '3', '40', f'min({right}, 63)'))})"
            ),
            lambda: f"{self.rng.choice(('min', 'max'))}({left}, {right})",
            lambda: f"clamp({left}, 2, {self.rng.choice((5, 100))})",
            lambda: f"ilog2({left} | 1)",
            lambda: f"isqrt({left})",
            lambda: f"mul_div({left}, {right}, {self.divisor(depth - 1)})",
            lambda: f"truncate({left}, {self.rng.choice(('u8', 'u16'))})",
            lambda: f"nudge({left}, {right})",
            lambda: f"u64({self.signed_number(depth - 1)})",
            lambda: f"({left} if {self.condition(depth - 1)} else {right})",
            lambda: f"(~{left})",
        )
        return self.rng.choice(forms)()

    def _leaf(self) -> str:
        folio = self.rng.choice(self.folios) if self.folios else None
        lruvec = self.rng.choice(self.lruvecs)
        choices = [
            str(self.rng.choice(NUMBERS)),
            self.rng.choice(self.numbers),
            f"{lruvec}.{self.rng.choice(LRUVEC_NUMBERS)}",
            f"{lruvec}.nr[{self.rng.randrange(8)}]",
            f"{lruvec}.memcg.share",
            "Whole.total",
            self.rng.choice(("queue.nr_pages", "gens[2][1].nr_pages")),
        ]
        if folio is not None:
            choices += [f"{folio}.{self.rng.choice(FOLIO_NUMBERS)}"] * 3
        if self.hook == "reclaim_folio":
            looks = "()" if self.scanned else self.rng.choice(("()", "(look_around=2)"))
            choices.append(f"folio.referenced{looks}")
        return self.rng.choice(choices)

    def signed_number(self, depth: int) -> str:
        """Write a signed expression."""
        if depth <= 0 or self.rng.random() < 0.3:
            return self._signed_leaf()
        left, right = self.signed_number(depth - 1), self.signed_number(depth - 1)
        forms: tuple[Callable[[], str], ...] = (
            lambda: f"({left} {self.rng.choice('+-*&|^')} {right})",
            lambda: f"{self.rng.choice(('sdiv', 'smod'))}({left}, max({right}, {self.rng.choice((1, 3))}))",
            lambda: f"{self.rng.choice(('min', 'max'))}({left}, {right})",
            lambda: f"clamp({left}, -20, {self.rng.choice((0, 30))})",
            lambda: f"({left} >> {self.rng.choice(('1', '4', '63'))})",
            lambda: f"truncate({left}, {self.rng.choice(('s8', 's16'))})",
            lambda: f"(-{left})",
            lambda: f"s64({self.number(depth - 1)})",
        )
        return self.rng.choice(forms)()

    def _signed_leaf(self) -> str:
        choices = [f"s64({self.rng.choice(NUMBERS)})", f"{self.rng.choice(self.lruvecs)}.drift", "Whole.last"]
        choices += self.signed * 2
        if self.folios:
            choices.append(f"{self.rng.choice(self.folios)}.bias")
        return self.rng.choice(choices)

    def condition(self, depth: int) -> str:
        """Write a condition."""
        if depth > 0 and self.rng.random() < 0.35:
            left, right = self.condition(depth - 1), self.condition(depth - 1)
            return self.rng.choice((f"({left} and {right})", f"({left} or {right})", f"(not {left})"))
        relation = self.rng.choice(("<", "<=", ">", ">=", "==", "!="))
        choices = [
            f"{self.number(depth)} {relation} {self.rng.choice(NUMBERS)}",
            f"{self.number(depth)} {relation} {self.number(depth)}",
            f"{self.signed_number(depth)} {relation} {self.rng.choice((-1, 0, 1, 20))}",
            f"{self.rng.choice(self.lruvecs)}.is_late",
            f"is_plain({self.rng.choice(self.lruvecs)})",
            self.rng.choice(self.flags),
        ]
        if self.folios:
            folio = self.rng.choice(self.folios)
            choices += [
                f"{folio}.{self.rng.choice(FLAGS)}",
                f"{folio}.list is None",
                f"{folio}.list == queue",
                f"{folio}.gen {relation} {self.rng.choice((1, 2, 3))}",
            ]
        return self.rng.choice(choices)


def generate_policy(seed: int, danger: float = 0.02) -> str:
    """Return the source of a random policy.

    Args:
        seed: makes the same policy again.
        danger: how often an operation that may fail goes without its guard, 0 to 1.
    """
    return PolicyWriter(random.Random(seed), danger).write()
