"""What a policy declares and never uses: each finding is a warning, for nothing goes wrong.

Read off the syntax tree by names alone, so that a name counts as used wherever it is read, whatever it means
there: what is reported is certainly not used. A variable that is only assigned is not used, and neither is a
field of folios; other state that is only assigned may be there for who looks at it from outside (`attachment.state`).
Loop variables need not be used, nor names that begin with `_`.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from reclaim.diag.diagnostic import Diagnostic, Edit, Help, Label, Span
from reclaim.diag.registry import report
from reclaim.lang import nodes
from reclaim.lang.policy_names import DECLARATORS
from reclaim.lang.tree_walk import children

if TYPE_CHECKING:
    from reclaim.lang.declared import Declared

_ENDS = (nodes.Return, nodes.Break, nodes.Continue)


@dataclass(slots=True)
class _Seen:
    """Names that are read, and fields that are read or assigned."""

    names: set[str] = field(default_factory=set)
    read: set[str] = field(default_factory=set)
    assigned: set[str] = field(default_factory=set)


def unused_things(module: nodes.Module, declared: Declared) -> Iterator[Diagnostic]:
    """Yield a warning for each thing that is declared and not used, and for each statement behind an end.

    Args:
        module: a policy without errors.
        declared: what it declares.
    """
    seen = _Seen()
    for statement in module.statements:
        _note_reads(statement, seen)
    for statement in module.statements:
        match statement:
            case nodes.Function():
                yield from _in_function(statement, is_hook=statement.name in declared.hooks)
                yield from _behind_ends(statement.body)
                if statement.name not in declared.hooks and _is_unused(statement.name, seen.names):
                    yield _unused("function", statement.name, statement.name_span, "never called")
            case nodes.Class():
                yield from _fields(statement, seen)
            case nodes.Assign(target=nodes.Name() as name) if _is_unused(name.id, seen.names):
                kind, label = _declared_as(statement.value)
                yield _unused(kind, name.id, name.span, label)
            case _:
                pass


def _is_unused(name: str, used: AbstractSet[str]) -> bool:
    return name not in used and not name.startswith("_")


def _declared_as(value: nodes.Expression) -> tuple[str, str]:
    """Name what an assignment at the top level declares, and what nobody does with it."""
    called = (
        value.function.id if isinstance(value, nodes.Call) and isinstance(value.function, nodes.Name) else ""
    )
    if called not in DECLARATORS:
        return "constant", "never read"
    if called == "tunable":
        return "tunable", "never read, so that setting it changes nothing"
    return ("list" if called == "folio_list" else "map"), "never used"


def _unused(kind: str, name: str, span: Span, label: str) -> Diagnostic:
    said = f"{kind} `{name}` is {label}"
    return report("unused-declaration", said, span, label=label, severity="warning")


def _fields(owner: nodes.Class, seen: _Seen) -> Iterator[Diagnostic]:
    bases = {base.value.id for base in owner.bases if isinstance(base.value, nodes.Name)}
    used = seen.read if "FolioState" in bases else seen.read | seen.assigned
    for member in owner.body:
        target = member.target if isinstance(member, nodes.AnnotatedAssign) else None
        if isinstance(target, nodes.Name) and _is_unused(target.id, used):
            label = "never read" if target.id in seen.assigned else "never used"
            message = f"field `{target.id}` of `{owner.name}` is {label}"
            yield report("unread-field", message, target.span, label=label, severity="warning")


def _in_function(function: nodes.Function, *, is_hook: bool) -> Iterator[Diagnostic]:
    seen = _Seen()
    assigned: dict[str, Span] = {}
    for statement in function.body:
        _note_reads(statement, seen)
        _note_assigned(statement, assigned)
    for parameter in function.parameters:
        if _is_unused(parameter.name, seen.names):
            message = f"parameter `{parameter.name}` of `{function.name}` is never read"
            help_ = _without(function, parameter) if is_hook and parameter.name not in assigned else ()
            yield report(
                "unused-parameter",
                message,
                parameter.span,
                label="never read",
                labels=_only_assigned(assigned.get(parameter.name)),
                severity="warning",
                help=help_,
            )
    parameters = {parameter.name for parameter in function.parameters}
    for name, span in assigned.items():
        if _is_unused(name, seen.names | parameters):
            message = f"variable `{name}` is never read"
            hook = function.name if is_hook else None
            yield report("unused-variable", message, span, label="never read", severity="warning", hook=hook)


def _only_assigned(place: Span | None) -> tuple[Label, ...]:
    """Say where a parameter gets another value, in vain."""
    return () if place is None else (Label(place, "changes nothing outside: arguments are copied"),)


def _without(function: nodes.Function, parameter: nodes.Parameter) -> tuple[Help, ...]:
    """Offer the signature of a hook without a parameter: the core passes those that are named."""
    place = function.parameters.index(parameter)
    if len(function.parameters) == 1:
        span = parameter.span
    elif place == 0:
        span = Span(parameter.span.start, function.parameters[1].span.start)
    else:
        span = Span(function.parameters[place - 1].span.end, parameter.span.end)
    return (Help("leave it out: a hook declares the parameters that it wants", Edit(span, "")),)


def _behind_ends(suite: nodes.Suite) -> Iterator[Diagnostic]:
    """Yield the first statement of each suite that stands behind one that nothing goes past."""
    for before, statement in pairwise(suite):
        if _ends(before):
            labels = (Label(before.span, "nothing goes past this"),) if _is_short(before.span) else ()
            message = "what stands here is never run"
            yield report(
                "unreachable-code",
                message,
                statement.span,
                label="never run",
                severity="warning",
                labels=labels,
            )
            break
    for statement in suite:
        for inner in _suites(statement):
            yield from _behind_ends(inner)


def _ends(statement: nodes.Node) -> bool:
    """Tell whether nothing goes past a statement."""
    match statement:
        case nodes.If(branches=branches, otherwise=otherwise):
            return bool(otherwise) and all(
                any(map(_ends, suite)) for suite in (*(suite for _, suite in branches), otherwise)
            )
        case nodes.ExpressionStatement(value=nodes.Call(function=nodes.Name(id="fail"))):
            return True
        case _:
            return isinstance(statement, _ENDS)


def _suites(statement: nodes.Node) -> Iterator[nodes.Suite]:
    match statement:
        case nodes.If(branches=branches, otherwise=otherwise):
            yield from (suite for _, suite in branches)
            yield otherwise
        case nodes.For(body=body):
            yield body
        case _:
            pass


def _is_short(span: Span) -> bool:
    return span.start.line == span.end.line


def _note_assigned(node: nodes.Node, assigned: dict[str, Span]) -> None:
    """Collect the variables that a statement assigns, with the first place of each; loop variables left out."""
    if isinstance(node, (nodes.Assign, nodes.AnnotatedAssign, nodes.AugmentedAssign)):
        if isinstance(node.target, nodes.Name):
            assigned.setdefault(node.target.id, node.target.span)
        return
    for child in children(node):
        _note_assigned(child, assigned)


def _note_reads(node: nodes.Node, seen: _Seen) -> None:
    """Collect the names and fields that are read somewhere inside a node."""
    match node:
        case nodes.Name(id=name):
            seen.names.add(name)
        case nodes.Attribute(name=name):
            seen.read.add(name)
        case nodes.Assign(target=target) | nodes.AnnotatedAssign(target=target):
            if not isinstance(target, nodes.Name):
                _note_target(target, seen)
            for child in children(node):
                if child is not target:
                    _note_reads(child, seen)
            return
        case nodes.AugmentedAssign(target=nodes.Name()):
            _note_reads(node.value, seen)
            return
        case nodes.For():
            _note_reads(node.iterable, seen)
            for statement in node.body:
                _note_reads(statement, seen)
            return
        case _:
            pass
    for child in children(node):
        _note_reads(child, seen)


def _note_target(target: nodes.Node, seen: _Seen) -> None:
    """Collect what is read to reach the place that is assigned: the object and the indices, not the fields."""
    match target:
        case nodes.Name(id=name):
            seen.names.add(name)
        case nodes.Attribute(base=base, name=name):
            seen.assigned.add(name)
            _note_target(base, seen)
        case nodes.Subscript(base=base, index=index):
            _note_reads(index, seen)
            _note_target(base, seen)
        case _:
            _note_reads(target, seen)
