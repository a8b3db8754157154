"""Whether every list that a policy fills can also be emptied by it.

A folio on a list that no batch names would never be offered for reclaim: the policy would pin memory. So
each list that some answer or helper call places folios on must be named somewhere by a batch, a
deactivation, a scan or as the source of a splice. An array of lists counts as one list; `lru` stands for
the four that it holds.

The kernel's `unevictable` list is the core's alone: whoever fills it has not drained it, whatever else is said.

This is a question about the whole policy and about names: which declaration a list value comes from is
followed through variables and function results. Values matter only in so far as blocks that the analysis
never reached count for nothing, nor does a batch that is built and not answered: neither one behind
`if False:` nor one left in a variable drains a list. A list that is only read from a folio or a batch
result (`folio.list`, `last.list`) names nothing new.

Left-out hooks count as what they default to: without `folio_added` folios arrive on the four evictable
standard lists, and without `next_batch` those four are drained and no others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet

from reclaim.abi.limits import LRU_ARRAY, STANDARD_LISTS
from reclaim.diag.diagnostic import Diagnostic, Help, Label, Span
from reclaim.diag.registry import report
from reclaim.lang.ir import (
    Block,
    Call,
    Construct,
    HookIR,
    ListDecl,
    ListRef,
    Op,
    PolicyIR,
    Return,
    ScanFirst,
    Unwrap,
    Value,
    Wrap,
)
from verifier.numbering import successors

_FILLS = frozenset(("head", "tail"))
_DRAINS = frozenset(("batch", "lowest", "deactivate"))
_EVICTABLE = tuple(name for name in STANDARD_LISTS if name != "unevictable")


def undrained_lists(policy: PolicyIR, reached: Mapping[str, AbstractSet[int]]) -> list[Diagnostic]:
    """Return one diagnostic for each list that is filled and never drained.

    Args:
        policy: the policy.
        reached: by hook, ids of the blocks that some run may reach; the others fill and drain nothing.
    """
    filled: dict[str, Span] = {}
    drained: set[str] = set()
    for name, hook in policy.hooks.items():
        blocks = [block for block in hook.blocks if block.id in reached[name]]
        sources = _Sources(blocks)
        answered = sources.answered()
        for op in (op for block in blocks for op in block.ops):
            for decl in _filled(op, sources):
                for list_name in _names(decl):
                    filled.setdefault(list_name, op.span)
            for decl in _drained(op, sources, answered):
                drained.update(list_name for list_name in _names(decl) if list_name != "unevictable")
    if "next_batch" not in policy.hooks:
        drained.update(_EVICTABLE)
    declared = {decl.name: decl for decl in policy.lists}
    found = [
        _diagnostic(name, declared.get(name), where, policy)
        for name, where in filled.items()
        if name not in drained
    ]
    if "folio_added" not in policy.hooks and "next_batch" in policy.hooks:
        forgotten = [name for name in _EVICTABLE if name not in drained and name not in filled]
        found += _default_fills(policy.hooks["next_batch"], forgotten)
    return found


def _names(decl: ListDecl) -> tuple[str, ...]:
    return _EVICTABLE if decl.name == LRU_ARRAY else (decl.name,)


def _diagnostic(name: str, decl: ListDecl | None, where: Span, policy: PolicyIR) -> Diagnostic:
    notes = ["a folio on a list that no batch names could never be reclaimed"]
    if "next_batch" not in policy.hooks:
        notes.append("the policy has no `next_batch`; the default takes from the standard lists only")
    example = f"{name}{'[0]' * len(decl.dims) if decl else ''}.batch(32)"
    return report(
        "undrained-list",
        f"list `{name}` is filled but never drained: no batch, scan or splice takes from it",
        where if decl is None else decl.span,
        label="folios are placed on it here" if decl is None else "declared here",
        labels=() if decl is None else (Label(where, "folios are placed on it here"),),
        notes=tuple(notes),
        help=(Help(f"return {example}"),),
    )


def _default_fills(next_batch: HookIR, forgotten: list[str]) -> list[Diagnostic]:
    """Report that arriving folios go where the policy's own `next_batch` never looks."""
    if not forgotten:
        return []
    names = ", ".join(f"`{name}`" for name in forgotten)
    return [
        report(
            "undrained-list",
            f"the default `folio_added` fills {names}, which `next_batch` never drains",
            next_batch.span,
            label="names no batch of them",
            hook="next_batch",
            notes=(
                "write `folio_added` as well, so that folios arrive on the lists that `next_batch` names",
            ),
            help=(Help(f"return {forgotten[0]}.batch(32)"),),
        )
    ]


def _filled(op: Op, sources: _Sources) -> Iterator[ListDecl]:
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


def _drained(op: Op, sources: _Sources, answered: AbstractSet[int]) -> Iterator[ListDecl]:
    match op:
        case Construct(list=Value() as taken, result=Value() as batch) if op.constructor.name in _DRAINS:
            if batch.id in answered:
                yield from sources.of(taken)
        case ScanFirst():
            yield from sources.of(op.list)
        case Call() if op.helper.method_of == "List" and op.helper.effects.writes:
            yield from sources.of(op.args[0])
        case _:
            pass


class _Sources:
    """Find the declarations that a list value may come from, within some blocks of one hook."""

    def __init__(self, blocks: list[Block]) -> None:
        self._makers = {op.result.id: op for block in blocks for op in block.ops if op.result is not None}
        self._passed: dict[int, list[Value]] = {}
        self._returned: list[Value] = []
        for block in blocks:
            if isinstance(block.terminator, Return) and block.terminator.value is not None:
                self._returned.append(block.terminator.value)
            for target, args in successors(block.terminator):
                for param, arg in zip(target.params, args, strict=True):
                    self._passed.setdefault(param.id, []).append(arg)

    def of(self, value: Value) -> list[ListDecl]:
        """Return the declarations, none for a list that was read from an object."""
        makers = (self._makers.get(number) for number in self._behind([value]))
        return list({made.decl.name: made.decl for made in makers if isinstance(made, ListRef)}.values())

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
