"""Random well-typed policies, as source text.

They are made to be hard on the verifier rather than to be sensible: handles that may name one object,
fields that are tested, changed and read again, helpers that run hooks in between, wrapping arithmetic,
loops that carry variables. Some dangerous operations are guarded, some are not, so that about half of
the policies are accepted. The same seed makes the same policy.

Hooks, helpers, fields and answers come from the tables of the contract: what is added there is
generated here. The statements and expressions of the language stand below, the declarations that they
use in `policy_pieces`.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from reclaim.abi.answers import CONSTRUCTORS
from reclaim.abi.enumerations import ENUMS
from reclaim.abi.helpers import HELPERS
from reclaim.abi.hooks import HOOKS
from reclaim.abi.kernel_types import KERNEL_TYPES
from reclaim.abi.kinds import INT_KINDS, Constructor, Field, Helper, Hook, Param
from reclaim.abi.maps import MAP_KINDS
from tests.verifier.policy_pieces import (
    CLASSES,
    DECLARATIONS,
    FUNCTIONS,
    HEADER,
    HEAVY,
    KEYED,
    NUMBERS,
    PLAIN_HOOKS,
    PLAIN_NEXT_BATCH,
    RANGES,
    SIGNED_RANGES,
    STANDARD_LISTS,
    STATE_FLAGS,
    STATE_NUMBERS,
    STATE_SIGNED,
    WIDE,
)

_HOOK_NAMES = sorted(HOOKS)
_RUNNING = tuple(helper for helper in HELPERS if helper.effects.runs)


class PolicyWriter:
    """Write one policy.

    Args:
        rng: decides everything.
        danger: how often an operation that may fail goes without its guard, 0 to 1.
        is_small: whether it is one hook of a few statements, with what it needs to be complete.
    """

    share_of_nested = 0.5
    """Of small policies whose helpers run hooks: those that have such a hook."""

    def __init__(self, rng: random.Random, danger: float = 0.02, *, is_small: bool = False) -> None:
        self.rng = rng
        self.danger = danger
        self.is_small = is_small
        self.lines: list[str] = []
        self.numbers: list[str] = []
        self.signed: list[str] = []
        self.flags: list[str] = []
        self.lists: list[str] = []
        self.handles: dict[str, list[str]] = {}
        self.enums: list[tuple[str, str]] = []
        self.maybe: list[tuple[str, str]] = []
        self.scanned: str | None = None
        self.hook: Hook = HOOKS["init"]
        self.nr_names = 0
        self.loops = 0

    def write(self) -> str:
        """Return the source."""
        names = self._chosen()
        if "next_batch" not in names and not self.is_small:
            names.append("next_batch")
        written = [self._hook(HOOKS[name]) for name in names]
        hooks = "\n\n".join([*self._plain_hooks(names, "\n".join(written)), *written])
        functions = [
            text for text in FUNCTIONS.strip().split("\n\n\n") if _uses(hooks, text[4 : text.index("(")])
        ]
        code = "\n".join([*functions, hooks])
        classes: list[str] = []
        for text in reversed(CLASSES.strip().split("\n\n\n")):
            if _is_reached("\n".join([code, *classes]), text):
                classes.insert(0, text)
        body = "\n\n\n".join([*classes, *functions, hooks])
        declarations = [line for line in DECLARATIONS.split("\n") if _uses(body, line.partition(" ")[0])]
        return "\n".join([HEADER, *declarations, "", "", body])

    def _chosen(self) -> list[str]:
        """Return the names of the hooks that are random."""
        return self.rng.sample(_HOOK_NAMES, 1 if self.is_small else self.rng.choice((1, 1, 2, 3)))

    def _plain_hooks(self, names: list[str], written: str) -> list[str]:
        """Return the hooks without which a policy is not complete; a small one has those that it needs."""
        if not self.is_small:
            return [text for name, text in PLAIN_HOOKS.items() if name not in names]
        is_filling = any(_uses(written, name) for name in ("queue", "gens", "youngest"))
        wanted = {"folio_added", "next_batch"} if is_filling else set()
        if any(
            _uses(written, helper.name) for helper in _RUNNING if self.rng.random() < self.share_of_nested
        ):
            wanted.add("pte_young")
        texts = {**PLAIN_HOOKS, "next_batch": PLAIN_NEXT_BATCH}
        return [texts[name] for name in sorted(wanted - set(names))]

    def _hook(self, hook: Hook) -> str:
        self.hook = hook
        self.numbers, self.signed, self.flags, self.lists = ["weight"], ["shift"], ["eager"], []
        self.handles, self.enums, self.maybe = {}, [], []
        taken = [p for p in hook.params if self.rng.random() < 0.85]
        if hook.name == "next_batch":
            taken = [p for p in hook.params if p.name == "sc" or p in taken]
        for param in taken:
            self._declare(param)
        declared = ", ".join(f"{p.name}: {p.type}" for p in taken)
        self.lines = ["@hook", f"def {hook.name}({declared}) -> {hook.result}:"]
        if hook.name == "next_batch":
            self.lines += [
                "    if sc.priority == 0:",
                "        return queue.batch(1)",
                "    if sc.priority == 1:",
            ]
            self.lines.append("        return gens[sc.nr_scanned % 3][sc.nr_freed & 1].batch(1)")
        self._body()
        self._answer(1)
        return "\n".join(self.lines) + "\n"

    def _body(self) -> None:
        """Write the statements of a hook, and what it is rarely given first."""
        if self.maybe and self.rng.random() < 0.4:
            self._use_present(1, *self.rng.choice(self.maybe))
        self._block(1, self._length())

    def _length(self) -> int:
        """Return how many statements a hook has at its top level."""
        if self.is_small:
            return self.rng.choice((1, 1, 2, 2, 3, 4))
        return self.rng.randint(8, 20) if self.rng.random() < 0.1 else self.rng.randint(2, 6)

    def _declare(self, param: Param) -> None:
        plain = param.type.removesuffix(" | None")
        if plain != param.type:
            self.maybe.append((param.name, plain))
        elif plain in KERNEL_TYPES:
            self.handles.setdefault(plain, []).append(param.name)
        elif plain in ENUMS:
            self.enums.append((param.name, plain))
        else:
            self.numbers.append(param.name)

    # Statements.

    def _say(self, depth: int, text: str) -> None:
        self.lines.append("    " * depth + text)

    def _block(self, depth: int, count: int) -> None:
        """Write statements; what they bind is forgotten behind the block."""
        kept = [list(names) for names in (self.numbers, self.signed, self.flags, self.lists)]
        handles, maybe, enums = (
            {k: list(v) for k, v in self.handles.items()},
            list(self.maybe),
            list(self.enums),
        )
        for _ in range(count):
            self._statement(depth)
        self.numbers, self.signed, self.flags, self.lists = kept
        self.handles, self.maybe, self.enums = handles, maybe, enums

    def _statement(self, depth: int) -> None:
        kinds: list[tuple[int, Callable[[int], None]]] = [
            (4, self._bind_number),
            (2, self._bind_signed),
            (1, self._bind_flag),
            (1, self._bind_list),
            (1, self._bind_handle),
            (3, self._change_variable),
            (6, self._store),
            (3, self._call),
            (4, self._interfere),
            (1, self._assert),
        ]
        if depth < 4:
            kinds += [(5, self._if), (3, self._if_present), (1, self._leave_early), (1, self._give_up)]
            if self.loops < 2 + (depth > 2 and self.rng.random() < 0.3):
                kinds += [(3, self._range_loop), (1, self._scan)]
        weights = [weight for weight, _ in kinds]
        self.rng.choices(kinds, weights)[0][1](depth)

    def _name(self, stem: str) -> str:
        self.nr_names += 1
        return f"{stem}{self.nr_names}"

    def _bind_number(self, depth: int) -> None:
        name = self._name("n")
        value = f" = u64({self.condition(1)})" if self._rarely() else f": u64 = {self.number(3)}"
        self._say(depth, name + value)
        self.numbers.append(name)

    def _bind_signed(self, depth: int) -> None:
        name = self._name("drift")
        self._say(depth, f"{name}: s64 = {self.signed_number(2)}")
        self.signed.append(name)

    def _bind_flag(self, depth: int) -> None:
        name = self._name("f")
        self._say(depth, f"{name} = {self.condition(2)}")
        self.flags.append(name)

    def _bind_list(self, depth: int) -> None:
        name = self._name("list_")
        self._say(depth, f"{name} = {self.own_list()}")
        self.lists.append(name)

    def _bind_handle(self, depth: int) -> None:
        """Follow a handle that is never None."""
        options = [
            (f"{handle}.{field.name}", field.type)
            for type_name, handles in self.handles.items()
            for handle in handles
            for field in KERNEL_TYPES[type_name].fields
            if field.type in KERNEL_TYPES
        ]
        if not options:
            self._bind_number(depth)
            return
        expression, type_name = self.rng.choice(options)
        name = self._name("near")
        self._say(depth, f"{name} = {expression}")
        self.handles.setdefault(type_name, []).append(name)

    def _change_variable(self, depth: int) -> None:
        names = [n for n in self.numbers if n.startswith("n") and n[1:].isdigit()]
        if not names:
            self._bind_number(depth)
            return
        op = self.rng.choice(("+=", "-=", "^=", "|=", "&=", "*=", "=", "//=", "%=", "<<=", ">>="))
        value = self.number(2)
        if op in ("//=", "%="):
            value = self.divisor(1)
        elif op in ("<<=", ">>="):
            value = self.within(0, 63)
        self._say(depth, f"{self.rng.choice(names)} {op} {value}")

    def _store(self, depth: int) -> None:
        if self.hook.name == "pte_young":
            self._store_own(depth)
            return
        choices = [
            lambda: f"Whole.total = {self.number(2)}",
            lambda: f"Whole.last = saturate({self.signed_number(2)}, s32)",
        ]
        if "map" in self.hook.families:
            choices.append(lambda: f"ages[{self.index(8)}] {self.rng.choice(('=', '+='))} {self.number(2)}")
        choices += [
            lambda: self._store_into(*self.rng.choice(self._fields())) for _ in range(6) if self.handles
        ]
        self._say(depth, self.rng.choice(choices)())

    def _store_own(self, depth: int) -> None:
        """Write what a hook may write that stands for a lock-free update: its own folio's."""
        own = [choice for choice in self._fields() if choice[0] == "folio"]
        self._say(depth, self._store_into(*self.rng.choice(own)) if own else "pass")

    def _fields(self) -> list[tuple[str, str, str]]:
        """Return (handle, type, field) of everything that can be written."""
        found = []
        for type_name, handles in self.handles.items():
            names = [
                *STATE_NUMBERS.get(type_name, ()),
                *STATE_SIGNED.get(type_name, ()),
                *STATE_FLAGS.get(type_name, ()),
            ]
            names += [f.name for f in KERNEL_TYPES[type_name].fields if f.writable]
            found += [(handle, type_name, name) for handle in handles for name in names]
            if type_name in ("Lruvec", "Folio"):
                found += [(f"{handle}.memcg", "Memcg", "share") for handle in handles]
        return found or [("Whole", "", "total")]

    def _store_into(self, handle: str, type_name: str, name: str) -> str:
        place = f"{handle}.{self._indexed(name)}"
        declared = KERNEL_TYPES[type_name].field(name) if type_name else None
        if name in STATE_FLAGS.get(type_name, ()) or (declared is not None and declared.type == "bool"):
            return f"{place} = {self.condition(1)}"
        if declared is not None:
            return f"{place} = {self.within(declared.min or 0, declared.max or 0)}"
        if name in STATE_SIGNED.get(type_name, ()):
            low, high = SIGNED_RANGES.get(name, (None, None))
            value = self.signed_number(2)
            return f"{place} = {value}" if low is None else f"{place} = clamp({value}, {low}, {high})"
        if name in WIDE or not type_name:
            return f"{place} {self.rng.choice(('=', '=', '+=', '-=', '^='))} {self.number(2)}"
        if name.startswith("table"):
            return f"{place} = {self.rng.choice((self.within(0, 65535), f'truncate({self.number(2)}, u16)'))}"
        if name.startswith("buckets"):
            return f"{place} = saturate({self.number(2)}, u32)"
        return f"{place} = {self.within(*RANGES[name])}"

    def _call(self, depth: int) -> None:
        """Call a helper or a function of the author's for what it does."""
        lruvecs = self.handles.get("Lruvec")
        if lruvecs and self.rng.random() < 0.2 and self.hook.name != "pte_young":
            slot = self.within(0, 255)
            self._say(depth, f"note({self.rng.choice(lruvecs)}, {slot}, {self.number(1)})")
            return
        is_aging = self.hook.name == "age"
        helper = self._helper(
            lambda h: h.result in ("None", "bool", "u64") and (h.name not in HEAVY or is_aging)
        )
        if helper is not None:
            self._say(depth, helper)

    def _interfere(self, depth: int) -> None:
        """Write or test a field, let something happen that may change it, and read it again."""
        usable = [name for name in ("Lruvec", "Folio") if self.handles.get(name)]
        if not usable or self.hook.name == "pte_young":
            self._store(depth)
            return
        type_name = self.rng.choice(usable)
        objects = self.handles[type_name]
        field, largest = self.rng.choice(
            (("at", 100), ("small", 9)) if type_name == "Lruvec" else (("gen", 3), ("uses", 255))
        )
        one, other = self.rng.choice(objects), self.rng.choice(objects)
        name = self._name("n")
        if self.rng.random() < 0.6:
            self._say(depth, f"{one}.{field} = {self.rng.randint(0, min(largest, 5))}")
        else:
            self._say(depth, f"{name}: u64 = {one}.{field}")
        if (
            "rmap" in self.hook.families
            and self.scanned is None
            and self.rng.random() < 0.5
            and "Folio" in usable
        ):
            self._say(depth, f"Whole.total = {self.handles['Folio'][0]}.referenced(look_around=3)")
        else:
            self._say(depth, f"{other}.{field} = {self.rng.randint(0, min(largest, 5))}")
        self._say(depth, f"{name} = {one}.{field} + 0")
        self._say(depth, f"if {name} {self.rng.choice(('<', '>', '=='))} {self.rng.randint(0, 3)}:")
        self._store(depth + 1)
        self.numbers.append(name)

    def _assert(self, depth: int) -> None:
        name = self._name("n")
        largest = self.rng.choice((1, 5, 63))
        self._say(depth, f"{name}: u64 = {self.within(0, largest)}")
        self._say(depth, f"assert {name} <= {largest - 1 if self._rarely() else largest}")
        self.numbers.append(name)

    def _if(self, depth: int) -> None:
        self._say(depth, f"if {self.condition(2)}:")
        self._block(depth + 1, self.rng.randint(1, 3))
        if self.rng.random() < 0.2:
            self._say(depth, f"elif {self.condition(1)}:")
            self._block(depth + 1, self.rng.randint(1, 2))
        if self.rng.random() < 0.4:
            self._say(depth, "else:")
            self._block(depth + 1, self.rng.randint(1, 2))

    def _optional(self) -> list[tuple[str, str]]:
        """Return (expression, type) of what may be None."""
        options = list(self.maybe)
        if "map" in self.hook.families:
            options += [(f"{name}.get({self.number(1)})", "u64") for name in ("seen", "ghosts")]
        for type_name, handles in self.handles.items():
            for field in KERNEL_TYPES[type_name].fields:
                if field.type.endswith(" | None"):
                    options.append(
                        (f"{self.rng.choice(handles)}.{field.name}", field.type.removesuffix(" | None"))
                    )
        if "node" in self.hook.families:
            options.append((f"node_at({self.within(0, 15)})", "Node"))
        return options

    def _if_present(self, depth: int) -> None:
        """Bind what may be None, and use it where it is not."""
        options = self._optional()
        if not options:
            self._if(depth)
            return
        self._use_present(depth, *self.rng.choice(options))

    def _use_present(self, depth: int, expression: str, plain: str) -> None:
        name = self._name("some")
        self._say(depth, f"{name} = {expression}")
        if plain != "List" and self.rng.random() < 3 * self.danger:
            self._present(name, plain)
            return
        if self.loops == 0 and self.rng.random() < 0.3:
            self._say(depth, f"if {name} is None:")
            self._answer(depth + 1)
            self._present(name, plain)
            return
        self._say(depth, f"if {name} is not None{f' and {self.condition(1)}' if self._rarely() else ''}:")
        kept = {k: list(v) for k, v in self.handles.items()}, list(self.numbers), list(self.lists)
        self._present(name, plain)
        self._block(depth + 1, self.rng.randint(1, 3))
        self.handles, self.numbers, self.lists = kept

    def _present(self, name: str, plain: str) -> None:
        if plain in KERNEL_TYPES:
            self.handles.setdefault(plain, []).append(name)
        elif plain == "List":
            self.lists.append(name)
        else:
            self.numbers.append(f"({name} + 0)")

    def _leave_early(self, depth: int) -> None:
        self._say(depth, f"if {self.condition(2)}:")
        self._answer(depth + 1)

    def _give_up(self, depth: int) -> None:
        self._say(depth, f"if {self.condition(1)}:")
        self._say(depth + 1, f'fail("reason {self.rng.randrange(3)}")')

    def _range_loop(self, depth: int) -> None:
        name = self._name("i")
        ends: tuple[Callable[[], str], ...] = (
            lambda: "3",
            lambda: "WIDTH",
            lambda: f"min({self.number(1)}, 6)",
            lambda: "2, 7",
            lambda: "7, 0, -2",
            lambda: f"{self.index(4)}, 5",
        )
        self._say(depth, f"for {name} in range({self.rng.choice(ends)()}):")
        self._loop_body(depth, name, None)

    def _scan(self, depth: int) -> None:
        if self.scanned is not None or not {"bulk", "list"} & set(self.hook.families):
            self._store(depth)
            return
        name = self._name("other")
        head = ", from_head=True" if self.rng.random() < 0.3 else ""
        source = self.rng.choice((self.own_list(), *STANDARD_LISTS))
        self._say(depth, f"for {name} in {source}.scan(limit={self.rng.choice((1, 4))}{head}):")
        self._loop_body(depth, None, name)

    def _loop_body(self, depth: int, counter: str | None, folio: str | None) -> None:
        self.loops += 1
        kept, self.scanned = self.scanned, folio or self.scanned
        handles = {k: list(v) for k, v in self.handles.items()}
        if counter is not None:
            self.numbers.append(counter)
        if folio is not None:
            self.handles.setdefault("Folio", []).append(folio)
        self._block(depth + 1, self.rng.randint(1, 3))
        if self.rng.random() < 0.3:
            self._say(depth + 1, f"if {self.condition(1)}:")
            self._say(depth + 2, self.rng.choice(("break", "continue")))
        if folio is not None and "bulk" in self.hook.families and self.rng.random() < 0.6:
            self._say(depth + 1, f"{folio}.move({self.place()})")
        self.handles = handles
        if counter is not None:
            self.numbers.remove(counter)
        self.scanned = kept
        self.loops -= 1

    def _answer(self, depth: int) -> None:
        result = self.hook.result
        if result == "None":
            self._say(depth, "return")
        elif result == "u64":
            self._say(depth, f"return {self.number(2)}")
        elif result == "s64":
            self._say(depth, f"return {self.signed_number(2)}")
        elif result.endswith(" | None") and self.rng.random() < 0.3:
            self._say(depth, "return None")
        else:
            self._say(depth, f"return {self.answer(result.removesuffix(' | None'))}")

    # Answers, lists and helpers, from the tables.

    def answer(self, name: str) -> str:
        """Write an answer of a type."""
        fitting = [
            c
            for c in CONSTRUCTORS
            if name in c.answers and (c.name != "RETRY" or self.hook.name == "folio_putback")
        ]
        one, other = self.rng.choice(fitting), self.rng.choice(fitting)
        if self.rng.random() < 0.15:
            return f"{self._constructed(one)} if {self.condition(1)} else {self._constructed(other)}"
        return self._constructed(one)

    def _constructed(self, constructor: Constructor) -> str:
        if constructor.answers == ("Place",) and constructor.method_of:
            return self.place()
        name = f"{self.own_list()}.{constructor.name}" if constructor.method_of else constructor.name
        if not constructor.params:
            return name
        parts = [self._argument(param) for param in constructor.params]
        return f"{name}({', '.join(part for part in parts if part)})"

    def place(self) -> str:
        """Write a place."""
        return f"{self.own_list()}.{self.rng.choice(('head', 'tail'))}"

    def own_list(self) -> str:
        """Write a list of the policy's own."""
        known = [name for name in self.lists if name.startswith("list_")]
        choices = ["queue", f"gens[{self.index(3)}][{self.index(2)}]", *known]
        if self.handles.get("Folio"):
            choices.append(f"youngest({self.rng.choice(self.handles['Folio'])})")
        return self.rng.choice(choices)

    def _argument(self, param: Param) -> str:
        """Write an argument of a helper or constructor; nothing for one that is left out."""
        if param.default is not None and self.rng.random() < 0.5:
            return ""
        prefix = f"{param.name}=" if param.keyword else ""
        match param.type:
            case "u64" if param.max is not None and param.name in ("limit", "max_ptes", "look_around"):
                value = str(self.rng.randint(param.min or 0, 8))
            case "u64" if param.max is not None:
                value = self.within(param.min or 0, param.max)
            case "u64" if param.min is not None:
                value = self.divisor(1)
            case "u64":
                value = self.number(1)
            case "bool":
                value = self.condition(1)
            case "List":
                value = self.own_list()
            case "Place":
                value = self.place()
            case "bloom_filter | None":
                value = self.rng.choice(("None", f"dense[{self.index(2)}]"))
            case _:
                raise AssertionError(param)
        return prefix + value

    def _receivers(self, helper: Helper) -> list[str]:
        if helper.method_of is None:
            return [""]
        if helper.method_of in MAP_KINDS:
            maps = [
                name for name, kind in (*KEYED.items(), ("ages", "array_map")) if kind == helper.method_of
            ]
            return [f"{self._indexed(name)}." for name in maps]
        if helper.method_of == "List":
            return [f"{self.own_list()}."]
        return [f"{handle}." for handle in self.handles.get(helper.method_of, [])]

    def _helper(self, wanted: Callable[[Helper], bool]) -> str | None:
        """Write a call of a helper that this hook may call here, None where there is none."""
        candidates = []
        for helper in HELPERS:
            runs_hooks = (
                bool(helper.effects.runs) or helper.effects.moves or helper.family in ("bulk", "walk")
            )
            permitted = helper.family in self.hook.families and not (runs_hooks and self.scanned)
            if permitted and helper.effects.moves is None and wanted(helper):
                candidates += [(helper, receiver) for receiver in self._receivers(helper)]
        if not candidates:
            return None
        helper, receiver = self.rng.choice(candidates)
        if helper.method_of == "array_map":
            rest = "" if helper.name == "get" else f", {self.number(1)}"
            return f"{receiver}{helper.name}({self.index(8)}{rest})"
        parts = [self._argument(param) for param in helper.params]
        if receiver == "ghosts." and helper.name == "put":
            parts[1] = f"saturate({parts[1]}, u32)"
        shown: list[str] = []
        for part, param in zip(parts, helper.params, strict=True):
            if not part and not param.keyword:
                break
            shown += [part] if part else []
        return f"{receiver}{helper.name}({', '.join(shown)})"

    # Expressions.

    def _rarely(self) -> bool:
        return self.rng.random() < self.danger

    def _indexed(self, name: str) -> str:
        return _filled(name, self.index)

    def index(self, length: int) -> str:
        """Write an index of an array, mostly inside."""
        if self.rng.random() < 0.3:
            return str(self.rng.randrange(length))
        number = self.number(self.rng.randrange(2))
        if self._rarely():
            return number
        return self.rng.choice((f"min({number}, {length - 1})", f"({number}) % {length}"))

    def within(self, low: int, high: int) -> str:
        """Write a number, mostly in a range."""
        number = self.number(2)
        if self._rarely():
            return number
        return f"min({number}, {high})" if low == 0 else f"clamp({number}, {low}, {high})"

    def divisor(self, depth: int) -> str:
        """Write a divisor, mostly not 0."""
        number = self.number(depth)
        return number if self._rarely() else f"max({number}, {self.rng.choice((1, 2, 7))})"

    def number(self, depth: int) -> str:
        """Write an unsigned expression."""
        if depth <= 0 or self.rng.random() < 0.3:
            return self._leaf()
        left, right = self.number(depth - 1), self.number(depth - 1 - (self.rng.random() < 0.5))
        forms: tuple[Callable[[], str], ...] = (
            lambda: f"({left} {self.rng.choice('+-*&|^')} {right})",
            lambda: f"({left} {self.rng.choice('+-')} {self.rng.choice(NUMBERS)})",
            lambda: f"({left} {self.rng.choice(('//', '%'))} {self.divisor(depth - 1)})",
            lambda: (
                f"({left} {self.rng.choice(('<<', '>>'))} {self.rng.choice(('1', '3', '40', f'min({right}, 63)'))})"
            ),
            lambda: f"{self.rng.choice(('min', 'max'))}({left}, {right})",
            lambda: f"min({left}, {right}, {self._leaf()})",
            lambda: f"clamp({left}, 2, {self.rng.choice((5, 100))})",
            lambda: f"ilog2({left} | 1)",
            lambda: f"isqrt({left})",
            lambda: f"mul_div({left}, {right}, {self.divisor(depth - 1)})",
            lambda: (
                f"{self.rng.choice(('truncate', 'saturate'))}({left}, {self.rng.choice(('u8', 'u16', 'u32'))})"
            ),
            lambda: f"nudge({left}, {right})",
            lambda: f"u64({self.signed_number(depth - 1)})",
            lambda: f"u64({self.condition(depth - 1)})",
            lambda: f"({left} if {self.condition(depth - 1)} else {right})",
            lambda: f"(~{left})",
        )
        return self.rng.choice(forms)()

    def _leaf(self) -> str:
        choices = [str(self.rng.choice(NUMBERS)), self.rng.choice(self.numbers), "Whole.total", "(WIDTH + 1)"]
        if "map" in self.hook.families:
            choices.append(f"ages[{self.rng.randrange(8)}]")
        if "list" in self.hook.families or self.lists:
            choices.append(
                f"{self.rng.choice(('queue', 'gens[2][1]', *STANDARD_LISTS, *self.lists))}.nr_pages"
            )
        for type_name, handles in self.handles.items():
            one, fields = self.rng.choice(handles), _NUMBER_FIELDS[type_name]
            choices += [f"{one}.{self.rng.choice(fields)}"] * 2 if fields else []
            state = STATE_NUMBERS.get(type_name)
            choices += [f"{one}.{self._shallow(self.rng.choice(state))}"] * 3 if state else []
        lruvecs = self.handles.get("Lruvec")
        if lruvecs and self.loops < 2 and self._rarely():
            choices.append(f"summed({self.rng.choice(lruvecs)}, {self.rng.choice(NUMBERS)})")
        if self.rng.random() < 0.08:
            call = self._helper(
                lambda h: h.result == "u64" and h.family != "integer" and h.name not in (*HEAVY, "splice")
            )
            return call or self.rng.choice(choices)
        return self.rng.choice(choices)

    def _shallow(self, name: str) -> str:
        """Fill indices in with constants: expressions are deep enough."""
        return _filled(name, self.rng.randrange)

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
            lambda: f"({left} << {self.rng.choice(('1', '62'))})",
            lambda: (
                f"{self.rng.choice(('truncate', 'saturate'))}({left}, {self.rng.choice(('s8', 's16', 's32'))})"
            ),
            lambda: f"(-{left})",
            lambda: f"s64({self.number(depth - 1)})",
            lambda: f"({left} if {self.condition(depth - 1)} else {right})",
        )
        return self.rng.choice(forms)()

    def _signed_leaf(self) -> str:
        choices = [f"s64({self.rng.choice(NUMBERS)})", "Whole.last", *self.signed * 2]
        for type_name, handles in self.handles.items():
            names = STATE_SIGNED.get(type_name, ())
            choices += [f"{handle}.{self._shallow(self.rng.choice(names))}" for handle in handles if names]
        shadows = [name for name, plain in self.maybe if plain == "Shadow"]
        choices += [f"lean_of({name}, {self.rng.choice(choices)})" for name in shadows]
        return self.rng.choice(choices)

    def condition(self, depth: int) -> str:
        """Write a condition."""
        if depth > 0 and self.rng.random() < 0.35:
            left, right = self.condition(depth - 1), self.condition(depth - 1)
            return self.rng.choice((f"({left} and {right})", f"({left} or {right})", f"(not {left})"))
        relation = self.rng.choice(("<", "<=", ">", ">=", "==", "!="))
        choices: list[Callable[[], str]] = [
            lambda: f"{self.number(depth)} {relation} {self.rng.choice(NUMBERS)}",
            lambda: f"{self.number(depth)} {relation} {self.number(depth)}",
            lambda: f"{self.rng.choice(NUMBERS)} <= {self.number(depth)} < {self.rng.choice(NUMBERS)}",
            lambda: f"{self.signed_number(depth)} {relation} {self.rng.choice((-1, 0, 1, 20))}",
            lambda: self.rng.choice(self.flags),
            *(lambda type_name=name: self._asked(type_name) for name in self.handles),
            *(lambda type_name=name: self._asked(type_name) for name in self.handles),
        ]
        if self.handles.get("Lruvec"):
            choices.append(lambda: f"is_plain({self.rng.choice(self.handles['Lruvec'])})")
        if self.enums:
            choices.append(lambda: self._compared(*self.rng.choice(self.enums)))
        if self.rng.random() < 0.2:
            call = self._helper(lambda h: h.result == "bool")
            choices += [lambda: call or "eager"] * 4
            if "map" in self.hook.families:
                sets = ("marks", "recent[1]")
                choices.append(
                    lambda: f"{self.number(1)} {self.rng.choice(('in', 'not in'))} {self.rng.choice(sets)}"
                )
        return self.rng.choice(choices)()

    def _asked(self, type_name: str) -> str:
        """Write a condition about a handle of a type."""
        handles = self.handles[type_name]
        one = self.rng.choice(handles)
        flags = [f.name for f in KERNEL_TYPES[type_name].fields if f.type == "bool"]
        choices = [f"{one} == {self.rng.choice(handles)}"]
        choices += [f"{one}.{name}" for name in (*flags, *STATE_FLAGS.get(type_name, ()))]
        choices += [
            self._compared(f"{one}.{f.name}", f.type)
            for f in KERNEL_TYPES[type_name].fields
            if f.type in ENUMS
        ]
        if type_name == "Folio":
            choices += [f"{one}.list is None", f"{one}.list == {self.rng.choice(('queue', 'gens[0][1]'))}"]
        return self.rng.choice(choices)

    def _compared(self, expression: str, enum: str) -> str:
        return f"{expression} {self.rng.choice(('==', '!='))} {enum}.{self.rng.choice(list(ENUMS[enum].members))}"


def _filled(name: str, index: Callable[[int], object]) -> str:
    """Fill the indices of a field or map in: {n} becomes an index below n."""
    while "{" in name:
        before, _, rest = name.partition("{")
        length, _, after = rest.partition("}")
        name = f"{before}{index(int(length))}{after}"
    return name


def _uses(text: str, name: str) -> bool:
    """Tell whether a name occurs in a text; `queue`, `gens` and the tunables occur in every policy."""
    return name in text and re.search(rf"\b{name}\b", text) is not None


def _is_reached(code: str, class_text: str) -> bool:
    """Tell whether a field of a class, or the class itself, is used."""
    fields = re.findall(r"^    (\w+):", class_text, re.MULTILINE)
    name = class_text[len("class ") : class_text.index("(")]
    return _uses(code, name) or any(re.search(rf"\.{field}\b", code) for field in fields)


def _is_number(field: Field) -> bool:
    return field.type in INT_KINDS and not INT_KINDS[field.type].signed


_NUMBER_FIELDS = {
    name: [field.name for field in kernel_type.fields if _is_number(field)]
    for name, kernel_type in KERNEL_TYPES.items()
}


def generate_policy(seed: int, danger: float = 0.02, *, is_small: bool = False) -> str:
    """Return the source of a random policy.

    Args:
        seed: makes the same policy again.
        danger: how often an operation that may fail goes without its guard, 0 to 1.
        is_small: whether it is one hook of a few statements.
    """
    return PolicyWriter(random.Random(seed), danger, is_small=is_small).write()
