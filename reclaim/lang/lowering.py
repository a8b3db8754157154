"""What lowering carries along: the builder, the declarations, and the author's variables.

Type checking and lowering are one walk over the tree. An expression becomes an operand: a value, a
constant that has no type yet, or None that has none yet. Modules `lower_*` each know some kinds of
nodes; they call back through `Lowering.expression` and `Lowering.condition`.

A variable has one type in its whole function. Where a later assignment shows that the type must be
wider (None joins a handle, an answer serves fewer purposes), `widen` notes it and the hook is lowered
again from the start; that happens a few times at most and spares a separate pass of inference.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn, TypeAlias

from reclaim.diag.diagnostic import Edit, Help, Label, Span
from reclaim.lang import nodes
from reclaim.lang.findings import Findings, Stop
from reclaim.lang.first_values import begin_with
from reclaim.lang.ir import SCOPE_HANDLE, Block, BoolType, HandleType, IntType, OptionalType, Type, Value
from reclaim.lang.meant import name_meant
from reclaim.lang.spelling import did_you_mean
from reclaim.lang.type_rules import describe

if TYPE_CHECKING:
    from reclaim.abi.kinds import IntKind
    from reclaim.lang.declared import Declared
    from reclaim.lang.nodes import Expression
    from reclaim.lang.ssa import HookBuilder


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant number that adapts to the type it meets."""

    value: int
    span: Span


@dataclass(frozen=True, slots=True)
class Absent:
    """`None`, which takes the type it meets."""

    span: Span


Operand: TypeAlias = Value | Literal | Absent


@dataclass(frozen=True, slots=True)
class Unassigned:
    """A variable that has a value on some paths only; `span` is one assignment."""

    span: Span
    why: str


@dataclass(frozen=True, slots=True)
class Poisoned:
    """A variable whose assignment was wrong; using it is no second error."""


Binding: TypeAlias = Value | Absent | Unassigned | Poisoned


@dataclass(slots=True)
class LoopTargets:
    """Where `break` and `continue` of a loop go, and the variables that they pass."""

    after: Block
    after_variables: tuple[str, ...]
    again: list[tuple[Block, dict[str, Binding]]]


@dataclass(slots=True)
class Frame:
    """One function being lowered: a hook, or a function inlined at a call.

    Args:
        name: of the function, the key for widened types.
        result: type of its answer; `result_kind` its narrow kind.
        exit: block behind the call, with the result as parameter; None in hooks.
        variables: what each name is bound to here.
        types: types of variables, by first assignment or annotation.
        fixed: variables whose type was written down.
        is_whole: whether the body held nothing but the language; what it does is unknown otherwise, and
            what is said about it (`global`, an answer that is not returned) explains what follows.
        loop_variables: names that loops bind, with their loop.
        poisoned: variables of which some assignment was wrong.
    """

    name: str
    result: Type
    result_kind: IntKind | None
    exit: Block | None
    variables: dict[str, Binding] = field(default_factory=dict)
    types: dict[str, Type] = field(default_factory=dict)
    fixed: set[str] = field(default_factory=set)
    is_whole: bool = True
    loop_variables: dict[str, Span] = field(default_factory=dict)
    ended_loops: dict[str, Span] = field(default_factory=dict)
    loops: list[LoopTargets] = field(default_factory=list)
    always_none: list[tuple[str, Span]] = field(default_factory=list)
    poisoned: set[str] = field(default_factory=set)


class Widen(Exception):
    """Start the hook again: a variable turned out to need a wider type."""


@dataclass(slots=True)
class Shared:
    """What all hooks of a policy share: declarations, findings, messages, texts."""

    declared: Declared
    findings: Findings
    lines: list[str]
    fail_messages: list[str] = field(default_factory=list)
    lowered_functions: set[str] = field(default_factory=set)


class Lowering:
    """State of lowering one hook; `LowerHook` in `lower_functions` completes it."""

    def __init__(
        self, shared: Shared, builder: HookBuilder, frame: Frame, widened: dict[tuple[str, str], Type]
    ) -> None:
        self.shared = shared
        self.declared = shared.declared
        self.findings = shared.findings
        self.builder = builder
        self.frame = frame
        self.nr_loops_around = 0
        self.nr_lowered = 0
        self.widened = widened
        self.call_path: list[str] = []
        self.in_assert: nodes.Node | None = None
        self.root = frame.name

    # ---- completed by the subclass

    def expression(self, node: Expression) -> Operand:
        """Lower an expression."""
        raise NotImplementedError

    def effect(self, node: nodes.Call) -> Operand | None:
        """Lower a call whose value may be missing."""
        raise NotImplementedError

    def condition(self, node: Expression, then: Block, other: Block) -> None:
        """Lower a condition as control flow."""
        raise NotImplementedError

    def arguments(self, call: nodes.Call) -> dict[int, Operand]:
        """Lower the arguments of a call as they are written, whatever parameters they are for; by id() of the node."""
        return {id(argument.value): self.expression(argument.value) for argument in call.arguments}

    def statements(self, suite: nodes.Suite) -> None:
        """Lower a suite."""
        raise NotImplementedError

    # ---- reporting

    def written(self, span: Span) -> str:
        """Return the author's text at a span, its lines joined by one space: for what is to be written instead."""
        rows = self.shared.lines[span.start.line - 1 : span.end.line]
        if not rows:
            return ""
        rows[-1] = rows[-1][: span.end.column - 1]
        rows[0] = rows[0][span.start.column - 1 :]
        return " ".join(row.strip() for row in rows) if len(rows) > 1 else rows[0]

    def quote(self, span: Span) -> str:
        """Return the author's text at a span, cut where it is long: for messages."""
        text = self.written(span)
        return text if len(text) <= 40 else text[:37] + "..."

    def give_up(self) -> None:
        """Leave a statement out because of a mistake in it, or in what it uses, that was reported.

        Without a report the policy would be accepted, and mean something else.
        """
        assert self.findings, "a statement is left out, and nobody said why"

    def mismatch(self, node_span: Span, wanted: str, found: Operand, **fields: object) -> NoReturn:
        """Report a value of the wrong type."""
        shown = describe_operand(found)
        self.findings.stop(
            "type-mismatch",
            f"expected {wanted}, found `{self.quote(node_span)}` of type `{shown}`",
            node_span,
            label=f"this is `{shown}`",
            **fields,
        )

    # ---- variables

    def read(self, node: nodes.Name) -> Operand | None:
        """Return what a variable holds, None where there is no such variable."""
        binding = self.frame.variables.get(node.id)
        match binding:
            case None:
                self._check_ended(node)
                return None
            case Poisoned():
                raise Stop
            case Unassigned(span=span, why=why):
                self.findings.stop(
                    "unassigned-variable",
                    f"`{node.id}` may have no value here",
                    node.span,
                    label="used here",
                    labels=(Label(span, why),),
                    help=self._first_value(node),
                )
            case _:
                return binding

    def _first_value(self, node: nodes.Name) -> tuple[Help, ...]:
        """Offer a value to begin with, for types that have an obvious one."""
        line = node.span.start.line
        match self.frame.types.get(node.id):
            case BoolType():
                return (begin_with(node.id, "False", line, self.shared.lines),)
            case IntType():
                return (begin_with(node.id, "0", line, self.shared.lines),)
            case _:
                return ()

    def _counted(self, node: nodes.Name) -> tuple[Help, ...]:
        """Offer a value to begin with for a name that is changed where it has none."""
        line = self.shared.lines[node.span.start.line - 1]
        is_indexed = line[node.span.end.column - 1 :][:1] in ("[", ".", "(")
        if is_indexed or re.match(rf"\s*{node.id} [-+*/%&|^<>]*= ", line) is None:
            return ()
        return (begin_with(node.id, "0", node.span.start.line, self.shared.lines),)

    def _check_ended(self, node: nodes.Name) -> None:
        loop = self.frame.ended_loops.get(node.id)
        if loop is not None:
            self.findings.stop(
                "unassigned-variable",
                f"`{node.id}` ends with its loop",
                node.span,
                label="used after the loop",
                labels=(Label(loop, "bound by this loop"),),
            )

    def unknown(self, node: nodes.Name, known: list[str], what: str = "nothing") -> NoReturn:
        """Report a name that is bound nowhere."""
        if node.id in self.declared.broken:
            raise Stop
        self.findings.stop(
            "unknown-name",
            f"{what} is called `{node.id}` here",
            node.span,
            label="unknown name",
            help=self._field_meant(node)
            or name_meant(node.id, node.span, self.shared.lines)
            or self._counted(node)
            or did_you_mean(node.id, known, node.span),
        )

    def reached_as(self, field: str) -> str:
        """Return how a field of the author's own state is written here, empty where there is none of that name."""
        for scope, path in self.declared.members:
            if path != field:
                continue
            owner = SCOPE_HANDLE.get(scope)
            if owner is None:
                return f"{self.declared.global_name}.{field}"
            names = (
                n
                for n, v in self.frame.variables.items()
                if isinstance(v, Value) and v.type == HandleType(owner)
            )
            found = next(names, None)
            if found is not None:
                return f"{found}.{field}"
        return ""

    def _field_meant(self, node: nodes.Name) -> tuple[Help, ...]:
        text = self.reached_as(node.id)
        return (Help(f"write `{text}`", Edit(node.span, text)),) if text else ()

    def widen(self, name: str, to: Type) -> NoReturn:
        """Note that a variable needs a wider type and start again."""
        self.widened[self.frame.name, name] = to
        raise Widen

    def forbid_in_assert(self, span: Span, what: str) -> None:
        """Report an effect inside of `assert`."""
        if self.in_assert is not None:
            self.findings.stop(
                "impure-assert",
                f"an `assert` changes nothing and asks nobody, but this {what}",
                span,
                label="not inside of `assert`",
            )

    def hook_value(self, name: str) -> Value | None:
        """Return the hook's own parameter of that name, declared by the author or not."""
        return next((p for p in self.builder.params if p.name == name), None)


def describe_operand(operand: Operand) -> str:
    """Return the type of an operand in the author's words."""
    match operand:
        case Literal():
            return "number"
        case Absent():
            return "None"
        case Value(type=OptionalType(signed=signed)):
            return "s64 | None" if signed else "u64 | None"
        case Value(type=of):
            return describe(of)
