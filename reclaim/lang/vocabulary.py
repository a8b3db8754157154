"""Every word that a policy may write, as people look it up: how it is written, and what it means.

Here: one `Entry` per hook, helper, answer, field, type and function of the language, made from the tables of
`abi`; what the language itself adds (`min`, `tunable`, …) has no table there and is described here.
Not here: what the names of one policy mean (`shapes`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cache

from reclaim.abi.answers import ANSWERS, CONSTRUCTORS
from reclaim.abi.enumerations import ENUMS
from reclaim.abi.helpers import HELPERS
from reclaim.abi.hooks import HOOKS
from reclaim.abi.kernel_types import KERNEL_TYPES, LIST_FIELDS
from reclaim.abi.kinds import INT_KINDS, Constructor, EnumKind, Field, Helper, Hook, Param
from reclaim.abi.limits import LRU_ARRAY, STANDARD_LISTS
from reclaim.abi.maps import MAP_KINDS
from reclaim.lang.policy_names import NUMBERS


class Sort(Enum):
    """What sort of word an entry is."""

    HOOK = "hook"
    FUNCTION = "function"
    METHOD = "method"
    FIELD = "field"
    ANSWER = "answer"
    TYPE = "type"
    MEMBER = "member"
    CONSTANT = "constant"
    VARIABLE = "variable"
    KEYWORD = "keyword"


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of a call: as written in the signature, and what it means."""

    name: str
    written: str
    doc: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One word.

    Args:
        name: the word.
        sort: what it is.
        signature: how it is written, with types; the line that a reader wants to see first.
        doc: what it means, in markdown.
        arguments: of a call, in order.
        family: family of a helper, None for what every hook may use.
    """

    name: str
    sort: Sort
    signature: str
    doc: str
    arguments: tuple[Argument, ...] | None = None
    family: str | None = None


_LANGUAGE = (
    ("min", "min(a, b, …)", "The smallest of two or more numbers of one sign."),
    ("max", "max(a, b, …)", "The largest of two or more numbers of one sign."),
    ("clamp", "clamp(x, low, high)", "`min(max(x, low), high)`."),
    ("sdiv", "sdiv(a, b)", "The signed quotient toward zero; b is proved not to be 0."),
    ("smod", "smod(a, b)", "The remainder of the signed quotient toward zero; b is proved not to be 0."),
    ("truncate", "truncate(x, type)", "The low bits that the type has."),
    ("saturate", "saturate(x, type)", "The nearest value of the type."),
    ("u64", "u64(x)", "The integer read without a sign; of a truth value 0 or 1."),
    ("s64", "s64(x)", "The integer read with a sign."),
    (
        "range",
        "range(start, stop, step)",
        "Numbers for a loop whose number of rounds is proved to be bounded.",
    ),
    ("fail", "fail(message)", "Give up; the policy is ejected."),
)
"""Functions of the language that no table of the contract has."""

_DECLARATORS = (
    (
        "folio_list",
        "folio_list(length, …)",
        "A list of folios in every lruvec; with lengths an array of lists.",
    ),
    (
        "tunable",
        "tunable(type, default=…, min=…, max=…, unit=…, doc=…)",
        "A number or truth value that the user sets when attaching; constant while a hook runs.",
    ),
    (
        "field",
        "field(initial, min=…, max=…)",
        "The initial value and the range of a field of declared state.",
    ),
)

_BASES = (
    ("FolioState", "State of each folio, freed with it; at most 16 bytes."),
    ("LruvecState", "State of each lruvec."),
    ("MemcgState", "State of each memcg."),
    ("ScanState", "State of each reclaim under way."),
    ("GlobalState", "State of the policy, reached by the class's own name."),
    ("Struct", "A record that nests in state."),
)

KEYWORDS = (
    "if elif else for in return break continue pass assert and or not is None True False def class".split()
)
"""Words of Python that the language has."""


@cache
def language_functions() -> dict[str, Entry]:
    """Return the functions that the language itself has, by name."""
    return {name: _described(name, written, doc) for name, written, doc in _LANGUAGE}


@cache
def declarators() -> dict[str, Entry]:
    """Return what declares something, by name."""
    found = {name: _described(name, written, doc) for name, written, doc in _DECLARATORS}
    for kind in MAP_KINDS.values():
        words = [*(["key"] if kind.keyed else []), *(["value"] if kind.valued else []), kind.size_param]
        written = ", ".join(f"{word}=…" for word in [*words, "scope", "count"])
        found[kind.name] = _described(kind.name, f"{kind.name}({written})", kind.doc)
    return found


@cache
def state_bases() -> dict[str, Entry]:
    """Return the base classes of declared state, by name."""
    return {name: Entry(name, Sort.TYPE, f"class …({name})", doc) for name, doc in _BASES}


@cache
def functions() -> dict[str, Entry]:
    """Return the helpers that are plain functions, by name."""
    return {helper.name: helper_entry(helper) for helper in HELPERS if helper.method_of is None}


@cache
def methods(type_name: str) -> dict[str, Entry]:
    """Return the helpers and answers that are called on a type, by name."""
    found = {helper.name: helper_entry(helper) for helper in HELPERS if helper.method_of == type_name}
    made = [c for c in CONSTRUCTORS if c.method_of == type_name and c.params]
    found |= {c.name: constructor_entry(c) for c in made}
    if type_name == "List":
        doc = "The folios of a list from its tail, in a loop: `for folio in small.scan(limit=32):`."
        found["scan"] = _described("scan", "scan(limit=…)", doc)
    if type_name in {"Lruvec", "Memcg"}:
        doc = "This one and those above it, in a loop: `for here in lruvec.upwards():`."
        found["upwards"] = _described("upwards", "upwards()", doc)
    return found


@cache
def fields(type_name: str) -> dict[str, Entry]:
    """Return the fields of a kernel type or of List, by name."""
    if type_name == "List":
        return {field.name: field_entry(field) for field in LIST_FIELDS.values()}
    kernel_type = KERNEL_TYPES.get(type_name)
    return {field.name: field_entry(field) for field in kernel_type.fields} if kernel_type else {}


@cache
def answers() -> dict[str, tuple[Entry, Constructor]]:
    """Return the answers that are no methods, with their constructors, by name."""
    return {c.name: (constructor_entry(c), c) for c in CONSTRUCTORS if c.method_of is None}


@cache
def types() -> dict[str, Entry]:
    """Return the names of types, by name."""
    found = {name: f"An integer of {kind.bits} bits." for name, kind in INT_KINDS.items()}
    found |= {"bool": "A truth value.", "List": "A list of folios of a lruvec."}
    found |= {t.name: f"{t.doc} In the kernel: `{t.kernel}`." for t in KERNEL_TYPES.values()}
    found |= {enum.name: enum.doc for enum in ENUMS.values()}
    found |= {answer.name: answer.doc for answer in ANSWERS.values()}
    return {name: Entry(name, Sort.TYPE, name, doc) for name, doc in found.items()}


@cache
def constants() -> dict[str, Entry]:
    """Return the named numbers and lists of the contract, by name."""
    found = {name: Entry(name, Sort.CONSTANT, f"{name} = {value}", "") for name, value in NUMBERS.items()}
    for name in STANDARD_LISTS:
        found[name] = Entry(name, Sort.CONSTANT, f"{name}: List", "A list that every lruvec has.")
    doc = "The lists that reclaim takes from, by type and activity: `lru[FILE][ACTIVE]`."
    found[LRU_ARRAY] = Entry(LRU_ARRAY, Sort.CONSTANT, f"{LRU_ARRAY}[type][active]: List", doc)
    return found


@cache
def hooks() -> dict[str, Entry]:
    """Return the hooks, by name."""
    return {hook.name: _hook_entry(hook) for hook in HOOKS.values()}


def enum_members(enum: EnumKind) -> dict[str, Entry]:
    """Return the members of an enumeration, by name."""
    return {
        name: Entry(name, Sort.MEMBER, f"{enum.name}.{name}", f"{meaning[:1].upper()}{meaning[1:]}.")
        for name, (_, meaning) in enum.members.items()
    }


def hook_signature(hook: Hook) -> str:
    """Return the complete `def` line of a hook; a policy may leave out parameters that it does not need."""
    arguments = ", ".join(f"{p.name}: {p.type}" for p in hook.params)
    return f"def {hook.name}({arguments}) -> {hook.result}"


def helper_signature(helper: Helper) -> str:
    """Return how a call of the helper is written in a policy.

    Args:
        helper: the entry.

    Returns:
        One line, such as `folio.referenced(*, look_around: u64 = 0) -> u64`.
    """
    receiver = "" if helper.method_of is None else f"{helper.method_of.lower()}."
    written = [_written_param(p) for p in helper.params if not p.keyword]
    by_name = [_written_param(p) for p in helper.params if p.keyword]
    arguments = [*written, *(["*"] if by_name else []), *by_name]
    return f"{receiver}{helper.name}({', '.join(arguments)}) -> {helper.result}"


def helper_entry(helper: Helper) -> Entry:
    """Return the entry of a helper."""
    cost = f"Costs {helper.cost} instructions"
    if helper.cost_per is not None:
        cost += f", and {helper.cost_per[1]} for each of `{helper.cost_per[0]}`"
    runs = "".join(f", and runs of `{hook}`" for hook in helper.effects.runs)
    doc = f"{helper.doc}\n\n{cost}{runs}. Family `{helper.family}`; source: {helper.source}."
    sort = Sort.FUNCTION if helper.method_of is None else Sort.METHOD
    return Entry(helper.name, sort, helper_signature(helper), doc, _arguments(helper.params), helper.family)


def constructor_entry(constructor: Constructor) -> Entry:
    """Return the entry of an answer."""
    arguments = ", ".join(_written_param(p) for p in constructor.params)
    call = f"({arguments})" if constructor.params else ""
    signature = f"{constructor.name}{call} -> {' | '.join(constructor.answers)}"
    only = f"\n\nAn answer of `{constructor.hooks[0]}` only." if constructor.hooks else ""
    doc = f"{constructor.doc}{only}"
    return Entry(constructor.name, Sort.ANSWER, signature, doc, _arguments(constructor.params) or None)


def field_entry(field: Field) -> Entry:
    """Return the entry of a field."""
    parts = [field.doc]
    if field.unit:
        parts.append(f"In {field.unit}.")
    if field.min is not None or field.max is not None:
        parts.append(f"Declared range {field.min or 0}..={field.max if field.max is not None else '…'}.")
    if field.writable:
        parts.append("A policy may assign it.")
    return Entry(field.name, Sort.FIELD, f"{field.name}: {field.type}", " ".join(parts))


def _hook_entry(hook: Hook) -> Entry:
    parts = [hook.purpose, hook.when, hook.may, hook.must_not]
    parts += [f"Default: {hook.default}"]
    parts += [f"Refused: {hook.on_fault}"] if hook.on_fault else []
    parts += [f"At most {hook.budget} instructions; helpers of {', '.join(hook.families)}."]
    parts += [f"In the kernel: `{hook.source}`."] if hook.source else []
    doc = "\n\n".join(part for part in parts if part)
    return Entry(hook.name, Sort.HOOK, hook_signature(hook), doc, _arguments(hook.params))


def _arguments(params: tuple[Param, ...]) -> tuple[Argument, ...]:
    return tuple(Argument(p.name, _written_param(p), p.doc) for p in params)


def default_text(param: Param) -> str:
    """Return what stands for a parameter that is left out, "" where it must be given."""
    if param.default is None:
        return ""
    return "None" if param.type.endswith("None") else f"{param.default}"


def _written_param(param: Param) -> str:
    default = default_text(param)
    return f"{param.name}: {param.type}" + (f" = {default}" if default else "")


def _described(name: str, written: str, doc: str) -> Entry:
    """Return the entry of a call from the way it is written."""
    inside = written.partition("(")[2].rstrip(")")
    parts = [part for part in inside.split(", ") if part]
    arguments = tuple(Argument(part.partition("=")[0], part, "") for part in parts)
    return Entry(name, Sort.FUNCTION, written, doc, arguments)
