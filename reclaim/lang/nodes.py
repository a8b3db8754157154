"""The syntax tree: what the author wrote, with positions, before any meaning.

Made by `tree_builder`; nothing here knows names or types. `Foreign` stands for Python that the
language does not have; after `restrictions` no tree that goes on holds one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from reclaim.diag.diagnostic import Span


@dataclass(frozen=True, slots=True)
class Node:
    """What all nodes have: the stretch of source that they come from."""

    span: Span


@dataclass(frozen=True, slots=True)
class Name(Node):
    """A name."""

    id: str


@dataclass(frozen=True, slots=True)
class Number(Node):
    """An integer literal."""

    value: int


@dataclass(frozen=True, slots=True)
class String(Node):
    """A string literal, joined and unescaped."""

    value: str


@dataclass(frozen=True, slots=True)
class Truth(Node):
    """`True` or `False`."""

    value: bool


@dataclass(frozen=True, slots=True)
class Nothing(Node):
    """`None`."""


@dataclass(frozen=True, slots=True)
class Attribute(Node):
    """``base.name``."""

    base: Expression
    name: str
    name_span: Span


@dataclass(frozen=True, slots=True)
class Subscript(Node):
    """``base[index]``."""

    base: Expression
    index: Expression


@dataclass(frozen=True, slots=True)
class Argument(Node):
    """One argument of a call; *name* is None for one by position."""

    name: str | None
    name_span: Span
    value: Expression


@dataclass(frozen=True, slots=True)
class Call(Node):
    """``function(arguments)``."""

    function: Expression
    arguments: tuple[Argument, ...]


@dataclass(frozen=True, slots=True)
class Unary(Node):
    """``-x``, ``+x``, ``~x`` or ``not x``."""

    op: str
    operand: Expression


@dataclass(frozen=True, slots=True)
class Binary(Node):
    """An arithmetic operator and its operands."""

    op: str
    op_span: Span
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Comparison(Node):
    """A chain of comparisons: ``first op1 x1 op2 x2``."""

    first: Expression
    rest: tuple[tuple[str, Expression], ...]


@dataclass(frozen=True, slots=True)
class Logic(Node):
    """``a and b and c`` or ``a or b or c``."""

    op: str
    operands: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Conditional(Node):
    """``then if condition else other``."""

    condition: Expression
    then: Expression
    other: Expression


@dataclass(frozen=True, slots=True)
class Foreign(Node):
    """Python that is not in the language; *what* names the restriction, *parts* are what it holds."""

    what: str
    parts: tuple[Node, ...] = ()


Expression: TypeAlias = (
    Name
    | Number
    | String
    | Truth
    | Nothing
    | Attribute
    | Subscript
    | Call
    | Unary
    | Binary
    | Comparison
    | Logic
    | Conditional
    | Foreign
)


@dataclass(frozen=True, slots=True)
class Assign(Node):
    """``target = value``."""

    target: Expression
    value: Expression


@dataclass(frozen=True, slots=True)
class AnnotatedAssign(Node):
    """``target: annotation = value``, also without value in classes."""

    target: Expression
    annotation: Expression
    value: Expression | None


@dataclass(frozen=True, slots=True)
class AugmentedAssign(Node):
    """``target op= value``; *op* without the equals sign."""

    target: Expression
    op: str
    op_span: Span
    value: Expression


@dataclass(frozen=True, slots=True)
class If(Node):
    """``if`` and ``elif`` branches in order, then the ``else`` suite (empty where there is none)."""

    branches: tuple[tuple[Expression, Suite], ...]
    otherwise: Suite


@dataclass(frozen=True, slots=True)
class For(Node):
    """``for target in iterable: body``; *span* ends before the body."""

    target: Expression
    iterable: Expression
    body: Suite


@dataclass(frozen=True, slots=True)
class Return(Node):
    """``return`` with or without a value."""

    value: Expression | None


@dataclass(frozen=True, slots=True)
class Break(Node):
    """``break``."""


@dataclass(frozen=True, slots=True)
class Continue(Node):
    """``continue``."""


@dataclass(frozen=True, slots=True)
class Pass(Node):
    """``pass``."""


@dataclass(frozen=True, slots=True)
class Assert(Node):
    """``assert condition``."""

    condition: Expression


@dataclass(frozen=True, slots=True)
class ExpressionStatement(Node):
    """An expression on a line of its own."""

    value: Expression


@dataclass(frozen=True, slots=True)
class Parameter(Node):
    """``name: annotation`` of a function."""

    name: str
    annotation: Expression | None


@dataclass(frozen=True, slots=True)
class Function(Node):
    """A function; *span* is its ``def`` line."""

    name: str
    name_span: Span
    parameters: tuple[Parameter, ...]
    returns: Expression | None
    decorators: tuple[Expression, ...]
    body: Suite


@dataclass(frozen=True, slots=True)
class Class(Node):
    """A class; *span* is its ``class`` line."""

    name: str
    name_span: Span
    bases: tuple[Argument, ...]
    body: Suite


Statement: TypeAlias = (
    Assign
    | AnnotatedAssign
    | AugmentedAssign
    | If
    | For
    | Return
    | Break
    | Continue
    | Pass
    | Assert
    | ExpressionStatement
    | Function
    | Class
    | Foreign
)
Suite: TypeAlias = tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Module:
    """A whole file: statements in source order."""

    statements: Suite
