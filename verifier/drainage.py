"""Whether every list that a policy fills can also be emptied by it.

A folio on a list that no batch names would never be offered for reclaim: the policy would pin memory. So
each list that some answer or helper call places folios on must be named somewhere by a batch, a
deactivation, a scan or as the source of a splice. An array of lists counts as one list.

This is a question about the whole policy and about names, not about values: which declaration a list
value comes from is followed through variables and function results. A list that is only read from a
folio or a batch result (`folio.list`, `last.list`) names nothing new.

Left-out hooks count as what they default to: without `folio_added` folios arrive on the four evictable
standard lists, and without `next_batch` those four are drained and no others.
"""

from __future__ import annotations

from collections.abc import Iterator

from reclaim.abi.limits import STANDARD_LISTS
from reclaim.diag.diagnostic import Diagnostic, Help, Label, Span
from reclaim.diag.registry import report
from reclaim.lang.ir import (
    Call,
    Construct,
    HookIR,
    ListDecl,
    ListRef,
    Op,
    PolicyIR,
    ScanFirst,
    Unwrap,
    Value,
    Wrap,
)
from verifier.numbering import successors

_FILLS = frozenset(("head", "tail"))
_DRAINS = frozenset(("batch", "deactivate"))
_EVICTABLE = tuple(name for name in STANDARD_LISTS if name != "unevictable")


def undrained_lists(policy: PolicyIR) -> list[Diagnostic]:
    """Return one diagnostic for each list that is filled and never drained.

    Args:
        policy: the policy.
    """
    filled: dict[str, Span] = {}
    drained: set[str] = set()
    for hook in policy.hooks.values():
        sources = _Sources(hook)
        for op in (op for block in hook.blocks for op in block.ops):
            for decl in _filled(op, sources):
                filled.setdefault(decl.name, op.span)
            drained.update(decl.name for decl in _drained(op, sources))
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
    if isinstance(op, Construct) and op.list is not None and op.constructor.name in _FILLS:
        yield from sources.of(op.list)


def _drained(op: Op, sources: _Sources) -> Iterator[ListDecl]:
    match op:
        case Construct(list=Value() as taken) if op.constructor.name in _DRAINS:
            yield from sources.of(taken)
        case ScanFirst():
            yield from sources.of(op.list)
        case Call() if op.helper.method_of == "List" and op.helper.effects.writes:
            yield from sources.of(op.args[0])
        case _:
            pass


class _Sources:
    """Find the declarations that a list value of one hook may come from."""

    def __init__(self, hook: HookIR) -> None:
        self._makers = {
            op.result.id: op for block in hook.blocks for op in block.ops if op.result is not None
        }
        self._passed: dict[int, list[Value]] = {}
        for block in hook.blocks:
            for target, args in successors(block.terminator):
                for param, arg in zip(target.params, args, strict=True):
                    self._passed.setdefault(param.id, []).append(arg)

    def of(self, value: Value) -> list[ListDecl]:
        """Return the declarations, none for a list that was read from an object."""
        found: dict[str, ListDecl] = {}
        seen: set[int] = set()
        front = [value]
        while front:
            current = front.pop()
            if current.id in seen:
                continue
            seen.add(current.id)
            match self._makers.get(current.id):
                case ListRef() as made:
                    found[made.decl.name] = made.decl
                case Unwrap() | Wrap() as made:
                    front.append(made.operand)
                case _:
                    front += self._passed.get(current.id, [])
        return list(found.values())
