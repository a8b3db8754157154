"""Whether every list that a policy fills can also be emptied by it.

A folio on a list that no batch names would never be offered for reclaim: the policy would pin memory. So
each list that some answer or helper call places folios on must be named somewhere by a batch of reclaim, or
folios must get from it to such a list: by a splice, by a move in a scan, or by a deactivation, whose folios go
where `deactivate_folio` says. A scan that only looks takes nothing. An array of lists stands for those that its
indices can name.

The kernel's `unevictable` list is the core's alone: whoever fills it has not drained it, whatever else is said.

This is a question about the whole policy and about names: which declaration a list value comes from is
followed through variables and function results. Values matter only in so far as indices lie within what is
proved of them, and blocks that the analysis never reached count for nothing, nor does a batch that is built and
not answered: neither one behind `if False:` nor one left in a variable drains a list. A list that is only read
from a folio or a batch result (`folio.list`, `last.list`) names nothing new. The list of a folio that a scan comes
by is the one that is scanned, or one that some folio was made to claim; a place on any other list that is read may
be anywhere.

Left-out hooks count as what they default to (`default_fills`), and without `next_batch` the four evictable
standard lists are drained and no others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import product

from reclaim.abi.limits import LRU_ARRAY, STANDARD_LISTS
from reclaim.diag.diagnostic import Diagnostic, Edit, Help, Label, Span
from reclaim.diag.registry import report
from reclaim.lang.ir import (
    Block,
    Call,
    Const,
    Construct,
    ListDecl,
    ListRef,
    LoadField,
    Loop,
    LoopKind,
    Op,
    PolicyIR,
    Return,
    ScanFirst,
    Unwrap,
    Value,
    Wrap,
)
from reclaim.lang.spelling import listing
from verifier.default_fills import EVICTABLE, deactivated_by_default, default_fills
from verifier.domains.product import NUMBERS, TOP, Element
from verifier.numbering import successors

_FILLS = frozenset(("head", "tail"))
_DRAINS = frozenset(("batch", "lowest"))
_SHOWS = frozenset(("deactivate",))
Indices = Mapping[int, tuple[Element, ...]]
"""What each index of a list can be, by `id` of the `ListRef`; any for those that are left out."""
_CLAIMED = ""
"""Stands for the lists that some folio is made to claim."""


def undrained_lists(
    policy: PolicyIR, reached: Mapping[str, AbstractSet[int]], indices: Indices
) -> list[Diagnostic]:
    """Return one diagnostic for each declaration of lists of which some are filled and never drained.

    Args:
        policy: the policy.
        reached: by hook, ids of the blocks that some run may reach; the others fill and drain nothing.
        indices: what indices of lists can be.
    """
    filled: dict[str, Span] = {}
    drained: set[str] = set()
    shown: set[str] = set()
    ways: list[_Way] = []
    deactivated: frozenset[str] | None = None
    for name, hook in policy.hooks.items():
        blocks = [block for block in hook.blocks if block.id in reached[name]]
        sources = _Sources(blocks, hook.params, indices)
        answered = sources.answered()
        if name == "deactivate_folio":
            deactivated = sources.of_answered_places()
        for block in blocks:
            scans = [loop for loop in hook.loops if loop.kind is LoopKind.SCAN and block.id in loop.body]
            for op in block.ops:
                names = frozenset(_filled(op, sources))
                for list_name in sorted(names):
                    filled.setdefault(list_name, op.span)
                if isinstance(op, Call) and names:
                    ways.append(_Way(frozenset((_CLAIMED,)), names))
                drained |= set(_taken(op, sources, answered, _DRAINS)) - {"unevictable"}
                shown |= set(_taken(op, sources, answered, _SHOWS))
                ways += _ways(op, sources, scans)
    defaults = default_fills(policy.hooks, filled.keys(), drained, shown)
    for list_name in shown:
        end = (
            deactivated
            if "deactivate_folio" in policy.hooks
            else frozenset(deactivated_by_default(list_name))
        )
        ways.append(_Way(frozenset((list_name,)), end))
    if "next_batch" not in policy.hooks:
        drained |= set(EVICTABLE)
    _follow(ways, drained)
    emptied = {name for way in ways for name in way.start}
    found = _undrained(policy, filled, drained, emptied)
    seen = filled.keys() | drained
    for name, lists in defaults.items():
        forgotten = [list_name for list_name in lists if list_name not in seen]
        seen |= set(forgotten)
        found += _filled_by_default(policy, name, forgotten, drained)
    return found


@dataclass(frozen=True, slots=True)
class _Way:
    """Say where folios of some lists are put without being reclaimed; *end* is None where that may be anywhere."""

    start: frozenset[str]
    end: frozenset[str] | None


def _follow(ways: list[_Way], drained: set[str]) -> None:
    """Add the lists from which folios get to a drained one."""
    nr_before = -1
    while len(drained) != nr_before:
        nr_before = len(drained)
        for way in ways:
            if way.end is None or way.end & drained:
                drained |= way.start - {"unevictable"}


def _undrained(
    policy: PolicyIR, filled: Mapping[str, Span], drained: AbstractSet[str], emptied: AbstractSet[str]
) -> list[Diagnostic]:
    """Report lists, those of one array together: by its name where none of those that are filled is drained."""
    declared = {decl.name: decl for decl in policy.lists}
    arrays: dict[str, list[str]] = {}
    for name in filled:
        arrays.setdefault(name.partition("[")[0], []).append(name)
    found = []
    for array, names in arrays.items():
        left = [name for name in names if name not in drained]
        if left:
            shown = [array] if left == names else left
            where, is_emptied = filled[left[0]], left[0] in emptied
            found.append(
                _diagnostic(shown, left[0], declared.get(array), where, policy, is_emptied=is_emptied)
            )
    return found


def _diagnostic(
    shown: list[str], name: str, decl: ListDecl | None, where: Span, policy: PolicyIR, *, is_emptied: bool
) -> Diagnostic:
    notes = ["a folio on a list that no batch names could never be reclaimed"]
    if "next_batch" not in policy.hooks:
        notes.append("the policy has no `next_batch`; the default takes from the standard lists only")
    it = "it" if len(shown) == 1 else "them"
    why = f"no batch, scan or splice takes from {it}"
    if is_emptied:
        why = f"what is taken from {it} gets to no list that a batch takes from"
    names = f"list `{shown[0]}` is" if len(shown) == 1 else f"lists {listing(shown)} are"
    return report(
        "undrained-list",
        f"{names} filled but never drained: {why}",
        where if decl is None else decl.span,
        label="folios are placed on it here" if decl is None else "declared here",
        labels=() if decl is None else (Label(where, "folios are placed on it here"),),
        notes=tuple(notes),
        help=(_taking(name, policy) if decl is not None and not decl.dims else None)
        or (Help(f"take from it in `next_batch`, as in `return {name}.batch(32)`"),),
    )


def _taking(name: str, policy: PolicyIR) -> tuple[Help, ...] | None:
    """Offer to take from a list where the one is empty that `next_batch` takes from in the end."""
    if "next_batch" not in policy.hooks:
        return None
    lines = re.split(r"\r\n|\r|\n", policy.source)
    first = policy.hooks["next_batch"].span.end.line
    ending = next((at for at, line in enumerate(lines) if at >= first and line[:1].strip()), len(lines))
    for at in range(ending - 1, first - 1, -1):
        taken = re.fullmatch(r"(\s+)return (\w+)\.batch\(.*\)", lines[at].rstrip())
        if taken is not None:
            text = f"if {taken[2]}.nr_pages == 0:\n{taken[1]}    return {name}.batch(32)\n{taken[1]}"
            place = Span.of(at + 1, len(taken[1]) + 1, at + 1, len(taken[1]) + 1)
            offer = f"take from it where `{taken[2]}` is empty: `return {name}.batch(32)`"
            return (Help(offer, Edit(place, text)),)
    return None


def _filled_by_default(
    policy: PolicyIR, hook: str, forgotten: list[str], drained: AbstractSet[str]
) -> list[Diagnostic]:
    """Report that the default of a left-out hook puts folios where the policy's own `next_batch` never looks."""
    if not forgotten:
        return []
    next_batch = policy.hooks["next_batch"]
    names = ", ".join(f"`{name}`" for name in forgotten)
    how = "folios arrive" if hook == "folio_added" else "folios stay"
    return [
        report(
            "undrained-list",
            f"the default `{hook}` fills {names}, which `next_batch` never drains",
            next_batch.span,
            label="names no batch of them",
            hook="next_batch",
            notes=(f"write `{hook}` as well, so that {how} on the lists that `next_batch` names",),
            help=(
                *(_arriving(policy, drained) if hook == "folio_added" else ()),
                Help(
                    f"take from them in `next_batch`, as in `return {_emptying(forgotten[0], drained)}(32)`"
                ),
            ),
        )
    ]


def _emptying(name: str, drained: AbstractSet[str]) -> str:
    """Return how a standard list is emptied: an active one into the inactive one, where that is drained."""
    is_shown = name.startswith("active") and not drained.isdisjoint(deactivated_by_default(name))
    return f"{name}.{'deactivate' if is_shown else 'batch'}"


def _arriving(policy: PolicyIR, drained: AbstractSet[str]) -> tuple[Help, ...]:
    """Offer a `folio_added` above `next_batch` that answers with a list from which batches are taken."""
    line = policy.hooks["next_batch"].span.start.line - 1
    own = [decl.name for decl in policy.lists if decl.name in drained and not decl.dims]
    own = [name for name in own if name not in STANDARD_LISTS]
    if not own or policy.source.split("\n")[line - 1].strip() != "@hook":
        return ()
    text = f"@hook\ndef folio_added() -> Place:\n    return {own[0]}.head\n\n\n"
    offer = f"write a hook `folio_added` with `return {own[0]}.head`"
    return (Help(offer, Edit(Span.of(line, 1, line, 1), text)),)


def _filled(op: Op, sources: _Sources) -> Iterator[str]:
    match op:
        case Construct(list=Value() as filled) if op.constructor.name in _FILLS:
            yield from sources.of(filled)
        case Call() if "Folio.list" in op.helper.effects.writes:
            # The folio goes on the list that it is given: `retarget` lets it claim the list.
            nr_before = len(op.args) - len(op.helper.params)
            for param, arg in zip(op.helper.params, op.args[nr_before:], strict=True):
                if param.type == "List":
                    yield from sources.of(arg)
        case _:
            pass


def _taken(
    op: Op, sources: _Sources, answered: AbstractSet[int], constructors: AbstractSet[str]
) -> Iterator[str]:
    """Yield the lists that an answered batch of some kinds names."""
    match op:
        case Construct(list=Value() as taken, result=Value() as batch) if op.constructor.name in constructors:
            if batch.id in answered:
                yield from sources.of(taken)
        case _:
            pass


def _ways(op: Op, sources: _Sources, scans: list[Loop]) -> Iterator[_Way]:
    """Yield the way of the folios that a helper moves: those of a list, or the current one of a scan."""
    if not isinstance(op, Call) or "Folio.list" not in op.helper.effects.writes:
        return
    named = dict(zip([param.type for param in op.helper.params][::-1], op.args[::-1], strict=False))
    if "Place" not in named:
        return
    end = sources.of_place(named["Place"])
    if op.helper.method_of == "List":
        yield _Way(sources.of(op.args[0]), end)
    for scan in scans:
        yield _Way(sources.scanned_by(scan), end)


class _Sources:
    """Find the lists that a value may be, by the names of their declarations, within some blocks of one hook."""

    def __init__(self, blocks: list[Block], params: tuple[Value, ...], indices: Indices) -> None:
        self._indices = indices
        self._params = {param.id for param in params}
        self._makers = {op.result.id: op for block in blocks for op in block.ops if op.result is not None}
        self._passed: dict[int, list[Value]] = {}
        self._returned: list[Value] = []
        for block in blocks:
            if isinstance(block.terminator, Return) and block.terminator.value is not None:
                self._returned.append(block.terminator.value)
            for target, args in successors(block.terminator):
                for param, arg in zip(target.params, args, strict=True):
                    self._passed.setdefault(param.id, []).append(arg)

    def of(self, value: Value) -> frozenset[str]:
        """Return their names, none for a list that was read from an object."""
        makers = (self._makers.get(number) for number in self._behind([value]))
        return frozenset(name for made in makers if isinstance(made, ListRef) for name in self._names(made))

    def _names(self, made: ListRef) -> Iterator[str]:
        """Yield the names of those lists of a declaration that the indices can name."""
        known = self._indices.get(id(made), (TOP,) * len(made.decl.dims))
        possible = (
            [number for number in range(length) if NUMBERS.contains(element, number)]
            for element, length in zip(known, made.decl.dims, strict=True)
        )
        for numbers in product(*possible):
            if made.decl.name == LRU_ARRAY:
                kind, active = numbers
                yield EVICTABLE[kind * made.decl.dims[1] + active]
            else:
                yield made.decl.name + "".join(f"[{number}]" for number in numbers)

    def of_place(self, place: Value) -> frozenset[str] | None:
        """Return the names of the lists that a place may be on, None where it may be on any."""
        return self._of_places([place])

    def of_answered_places(self) -> frozenset[str] | None:
        """Return the same of the places that the hook answers."""
        return self._of_places(self._returned)

    def _of_places(self, places: list[Value]) -> frozenset[str] | None:
        found: set[str] = set()
        for number in self._behind(places) - self._passed.keys():
            made = self._makers.get(number)
            if isinstance(
                made, (Const, Wrap, Unwrap)
            ):  # None is nowhere; what is wrapped is among the values
                continue
            listed = self._named(made.list) if isinstance(made, Construct) and made.list is not None else None
            if not listed:
                return None
            found |= listed
        return frozenset(found)

    def _named(self, value: Value) -> frozenset[str]:
        """Return the names of the lists that a value may be, as far as they can be told."""
        found = set(self.of(value))
        for number in self._behind([value]):
            match self._makers.get(number):
                case LoadField(handle=folio, field="list"):
                    scanned = self._scanned_behind(folio)
                    found |= scanned | {_CLAIMED} if scanned or folio.id in self._params else scanned
                case _:
                    pass
        return frozenset(found)

    def scanned_by(self, scan: Loop) -> frozenset[str]:
        """Return the names of the lists that a scan may visit."""
        return self._scanned_behind(scan.header.params[0])

    def _scanned_behind(self, folio: Value) -> frozenset[str]:
        """Return the names of the lists in which a folio was found; none if it was found otherwise."""
        makers = (self._makers.get(number) for number in self._behind([folio]))
        return frozenset(
            name for made in makers if isinstance(made, ScanFirst) for name in self.of(made.list)
        )

    def answered(self) -> set[int]:
        """Return the ids of all values that an answer of the hook may be."""
        return self._behind(self._returned)

    def _behind(self, values: list[Value]) -> set[int]:
        """Return the ids of the values that some values may be: passed to blocks, made optional or not."""
        seen: set[int] = set()
        front = list(values)
        while front:
            current = front.pop()
            if current.id in seen:
                continue
            seen.add(current.id)
            match self._makers.get(current.id):
                case Unwrap() | Wrap() as made:
                    front.append(made.operand)
                case _:
                    front += self._passed.get(current.id, [])
        return seen
