"""The vocabulary of the contract: what an integer, a handle, a field, a hook or a helper *is*.

Pure data, no behaviour beyond look-ups. The tables beside this file (`enumerations`,
`kernel_types`, `answers`, `hooks`, `helpers`, `maps`, `counters`, `costs`) are written in these words, and
everything else - the C header, the type rules, the verifier's contracts, the code generator's
signatures, the reference pages - is derived from the tables.

Types are written as in the language: ``"u64"``, ``"bool"``, ``"Folio"``, ``"Folio | None"``,
``"u64 | None"``, ``"Place"``, ``"None"`` (no value).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

U64_MAX = 2**64 - 1
S64_MIN = -(2**63)
S64_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class IntKind:
    """Describe a storage type of integers; values widen to 64 bits when loaded."""

    name: str
    bits: int
    signed: bool

    @property
    def min(self) -> int:
        """Return the smallest value."""
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def max(self) -> int:
        """Return the largest value."""
        return (1 << (self.bits - (1 if self.signed else 0))) - 1

    @property
    def c_type(self) -> str:
        """Return the C spelling."""
        return f"{'' if self.signed else 'u'}int{self.bits}_t"


INT_KINDS: dict[str, IntKind] = {
    f"{'s' if signed else 'u'}{bits}": IntKind(f"{'s' if signed else 'u'}{bits}", bits, signed)
    for signed in (False, True)
    for bits in (8, 16, 32, 64)
}


@dataclass(frozen=True, slots=True)
class EnumKind:
    """Describe a closed set of named numbers, written ``Added.SWAP_IN`` in a policy.

    Args:
        name: type name.
        doc: one sentence.
        members: name to (value, meaning); values are small and dense from 0.
    """

    name: str
    doc: str
    members: dict[str, tuple[int, str]]

    def value(self, member: str) -> int:
        """Return the number of a member."""
        return self.members[member][0]


@dataclass(frozen=True, slots=True)
class Field:
    """Describe a field of a kernel type that a policy may read (and, where said, write).

    Args:
        name: name in the language, the C struct and the documentation.
        type: type as written in the language.
        doc: meaning, one sentence without unit.
        unit: unit of the number, "" for plain counts and flags.
        min, max: declared range, assumed by the verifier and kept by the core; None = the type's.
        writable: whether a policy may assign it.
        bit: bit number in the struct's `flags` word for flags kept there, None for plain members.
        part_of: number of the same object that is never the smaller one, and changes with this one; for a list's
            size it is the lruvec's. "" for none.
    """

    name: str
    type: str
    doc: str
    unit: str = ""
    min: int | None = None
    max: int | None = None
    writable: bool = False
    bit: int | None = None
    part_of: str = ""


@dataclass(frozen=True, slots=True)
class KernelType:
    """Describe an opaque kernel object: a handle in the language, a pointer to *c_name* in C.

    Args:
        name: type name in the language.
        c_name: C struct tag.
        doc: what the kernel knows by that name.
        fields: in memory order; members with `bit` share the struct's `flags` word.
        kernel: the kernel's own struct or place, for the reader.
    """

    name: str
    c_name: str
    doc: str
    fields: tuple[Field, ...]
    kernel: str

    def field(self, name: str) -> Field | None:
        """Return the field of that name, None where there is none."""
        return next((f for f in self.fields if f.name == name), None)


@dataclass(frozen=True, slots=True)
class Param:
    """Describe one parameter of a hook, a helper or an answer constructor.

    Args:
        name: name, also the keyword.
        type: type as written in the language.
        doc: meaning.
        min, max: range; for a hook what the core guarantees, for a helper what must be proved.
        default: value when left out; None means that it must be given.
        keyword: whether it must be given by name.
    """

    name: str
    type: str
    doc: str
    min: int | None = None
    max: int | None = None
    default: int | None = None
    keyword: bool = False


@dataclass(frozen=True, slots=True)
class Constructor:
    """Describe one way to build an answer.

    Args:
        name: name in the language; upper case for constants, lower case for calls.
        answers: answer types that it belongs to.
        kind: number in bits 0..7 of the encoded answer.
        doc: what the core does on that answer.
        params: arguments, each with the bit position of its value in the encoded answer.
        shifts: bit position of each parameter.
        method_of: kernel type on which it is a method ("List"), None for plain names.
        hooks: those that may name it; () for all.
    """

    name: str
    answers: tuple[str, ...]
    kind: int
    doc: str
    params: tuple[Param, ...] = ()
    shifts: tuple[int, ...] = ()
    method_of: str | None = None
    hooks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """Describe what a hook answers: an opaque 64-bit value that only constructors can build."""

    name: str
    doc: str


@dataclass(frozen=True, slots=True)
class Hook:
    """Describe a question that the core asks the policy.

    Args:
        name: the same in the language, the ABI, the core, the statistics and the documentation.
        purpose: the question, one sentence.
        when: when the core asks it.
        params: all parameters; a policy declares the subset that it wants, by name.
        result: answer type, "None" where there is none.
        may: what the policy typically does there.
        must_not: what it may not rely on or do.
        default: what happens when the hook is left out.
        on_fault: what the core does with a refused answer.
        budget: worst-case cost per invocation in IR operations, helpers included.
        fuel_ns: virtual time that one invocation may charge before it counts as a budget hit.
        families: helper families that may be called.
        related: hooks that a reader should look at too.
        source: where the kernel decides it.
    """

    name: str
    purpose: str
    when: str
    params: tuple[Param, ...]
    result: str
    default: str
    budget: int
    fuel_ns: int
    families: tuple[str, ...]
    may: str = ""
    must_not: str = ""
    on_fault: str = ""
    related: tuple[str, ...] = ()
    source: str = ""

    def param(self, name: str) -> Param | None:
        """Return the parameter of that name, None where there is none."""
        return next((p for p in self.params if p.name == name), None)


@dataclass(frozen=True, slots=True)
class Effects:
    """Say what a helper changes, for the facts that the verifier has to forget.

    Args:
        writes: kernel fields written, as "Type.field"; "List.*" stands for every list size.
        writes_maps: whether the map it is called on changes.
        runs: hooks that the helper may run before it returns.
        runs_each: how often at most for each unit of the parameter that drives its cost.
        runs_besides: how often at most besides, where that parameter is not 0.
        moves: name of the parameter whose folio is moved (legal once, for a scan's current folio).
        pure: result depends on the arguments alone.
        repeats: as long as the map that it is called on is not written, the same arguments get the same
            result; what it may note about its use (`writes_maps`) changes none of its answers.
        proves_entry: "found" where the map that it is called on held an entry before the call if the answer is not
            False or None; "kept" where the map holds one after the call, whatever the answer: it is full, at worst.
    """

    writes: tuple[str, ...] = ()
    writes_maps: bool = False
    runs: tuple[str, ...] = ()
    runs_each: int = 1
    runs_besides: int = 0
    moves: str | None = None
    pure: bool = False
    repeats: bool = False
    proves_entry: Literal["", "found", "kept"] = ""


@dataclass(frozen=True, slots=True)
class Helper:
    """Describe something that the core does when the policy asks for it.

    The C function is ``h_<c_name>``; the first argument is always the policy's context.

    Args:
        name: name in the language: a method name where `method_of` is set, else a function.
        c_name: name of the C function without the prefix.
        doc: what it does.
        family: whitelist family.
        params: arguments after the receiver.
        result: result type; "None" for none.
        cost: worst case in IR operations; of one mapping where `each_mapping` is set.
        cost_per: ("param", k): adds k operations per unit of that parameter's proved maximum, and
            runs of each hook in `effects.runs`.
        each_mapping: whether all of that is for one page table that maps the folio, and again for each further one.
        method_of: receiver type ("Folio", "List", "bloom_filter", ...), None for functions.
        implicit: names of hook parameters that are passed after the receiver without being written
            in the source ("lruvec").
        min, max: range of the result.
        effects: what it changes.
        source: the kernel's own function, paper, or "ours".
    """

    name: str
    c_name: str
    doc: str
    family: str
    params: tuple[Param, ...]
    result: str
    cost: int
    cost_per: tuple[str, int] | None = None
    each_mapping: bool = False
    method_of: str | None = None
    implicit: tuple[str, ...] = ()
    min: int | None = None
    max: int | None = None
    effects: Effects = field(default_factory=Effects)
    source: str = "ours"


@dataclass(frozen=True, slots=True)
class MapKind:
    """Describe a kind of map a policy can declare at top level.

    Args:
        name: constructor name in the language.
        doc: what it keeps and what happens when it is full.
        keyed: whether the constructor takes `key=`.
        valued: whether the constructor takes `value=`.
        size_param: name of the capacity parameter ("max_entries", "bits").
    """

    name: str
    doc: str
    keyed: bool
    valued: bool
    size_param: str


@dataclass(frozen=True, slots=True)
class Counter:
    """Describe a counter.

    Args:
        name: the kernel's name, or ours for what the core did for the policy.
        doc: when it rises, and by how much.
        group: "vmstat" for the kernel's names, "core_did" for ours.
        source: kernel function that counts it, or "ours".
    """

    name: str
    doc: str
    group: str
    source: str


@dataclass(frozen=True, slots=True)
class Cost:
    """Describe an entry of the cost table.

    Args:
        name: member of the machine's cost table.
        ns: default; nanoseconds of virtual time.
        doc: what costs that, once per page, PTE, folio or call as it says.
        source: hardware or measurement that the number comes from.
    """

    name: str
    ns: int
    doc: str
    source: str
