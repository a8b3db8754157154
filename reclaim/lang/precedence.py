"""Operator precedence: a flat sequence of operands and operators becomes a tree.

Precedence climbing with Python's own table. It runs once per expression, over a list that the
parser has already cut to one pair of brackets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from lark import Token

from reclaim.diag.registry import report
from reclaim.lang import nodes
from reclaim.lang.indentation import TextRejected, token_span
from reclaim.lang.nodes import Expression, Foreign, Node

if TYPE_CHECKING:
    from reclaim.diag.diagnostic import Span

_N = TypeVar("_N", bound=Node)

_LOGIC = {"or": 1, "and": 2}
_NOT = 3
_COMPARE = 4
_LEVELS = {
    "|": 5,
    "^": 6,
    "&": 7,
    "<<": 8,
    ">>": 8,
    "+": 9,
    "-": 9,
    "*": 10,
    "//": 10,
    "%": 10,
    "/": 10,
    "@": 10,
}
_SIGN = 11
_POWER = 12
_AWAIT = 13
_COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">=", "in", "not in", "is", "is not"})
FOREIGN_OPS = {"/": "slash", "@": "matrix-product", "**": "power"}


class Deepen(Protocol):
    """Note the depth of a new node, given the nodes it is made of."""

    def __call__(self, node: _N, *parts: Node) -> _N: ...


def build_operation(items: list[Expression | Token], deepen: Deepen) -> Expression:
    """Build the tree of one operator sequence.

    Args:
        items: operands and operator tokens in source order.
        deepen: called with each node that is built.

    Returns:
        The expression.
    """
    if len(items) == 3 and isinstance(items[1], Token) and items[1] in _LEVELS:
        left, op, right = items
        if not isinstance(left, Token) and not isinstance(right, Token) and isinstance(op, Token):
            return _binary(op, left, right, deepen)
    climber = _Climber(items, deepen)
    result = climber.climb(0)
    assert climber.at == len(items)
    return result


def _binary(op: Token, left: Expression, right: Expression, deepen: Deepen) -> Expression:
    span = left.span.to(right.span)
    if op in FOREIGN_OPS:
        return deepen(Foreign(token_span(op), FOREIGN_OPS[op], (left, right)), left, right)
    return deepen(nodes.Binary(span, str(op), token_span(op), left, right), left, right)


class _Climber:
    """One pass over one sequence."""

    def __init__(self, items: list[Expression | Token], deepen: Deepen) -> None:
        self.items = items
        self.deepen = deepen
        self.at = 0
        self.prefixes = 0

    def climb(self, floor: int) -> Expression:
        """Take the longest expression whose operators bind at least as tightly as *floor*."""
        left = self.operand(floor)
        while (op := self.operator()) is not None:
            text = " ".join(op.split())
            if text in _LOGIC:
                level = _LOGIC[text]
            elif text in _COMPARISONS:
                level = _COMPARE
            else:
                level = _POWER if text == "**" else _LEVELS[text]
            if level < floor or (text == "**" and floor > _POWER):
                break
            left = self._join(text, level, left)
        return left

    def _join(self, text: str, level: int, left: Expression) -> Expression:
        if level in (1, 2):
            return self._logic(text, level, left)
        if level == _COMPARE:
            return self._comparison(left)
        op = self.take()
        right = self.climb(_SIGN if text == "**" else level + 1)
        return _binary(op, left, right, self.deepen)

    def operator(self) -> Token | None:
        """Return the operator that comes next, None at the end."""
        if self.at >= len(self.items):
            return None
        item = self.items[self.at]
        assert isinstance(item, Token)
        return item

    def take(self) -> Token:
        """Consume an operator."""
        item = self.items[self.at]
        self.at += 1
        assert isinstance(item, Token)
        return item

    def operand(self, floor: int) -> Expression:
        """Take an operand with the prefix operators before it."""
        item = self.items[self.at]
        if not isinstance(item, Token):
            self.at += 1
            return item
        self.at += 1
        self.prefixes += 1
        span = token_span(item)
        if self.prefixes > 20:
            message = "too many operators in a row"
            raise TextRejected(report("nested-too-deeply", message, span, label="too many"))
        if item == "not" and floor > _NOT:
            message = "`not` needs brackets here"
            raise TextRejected(report("invalid-syntax", message, span, label="write `(not ...)`"))
        if item == "await":
            operand = self.climb(_AWAIT)
            return Foreign(span, "await", (operand,))
        operand = self.climb(_NOT if item == "not" else _SIGN)
        self.prefixes -= 1
        return self._prefixed(item, span, operand)

    def _prefixed(self, op: Token, span: Span, operand: Expression) -> Expression:
        return self.deepen(nodes.Unary(span.to(operand.span), str(op), operand), operand)

    def _logic(self, text: str, level: int, first: Expression) -> Expression:
        operands = [first]
        while (op := self.operator()) is not None and op == text:
            self.take()
            operands.append(self.climb(level + 1))
        node = nodes.Logic(first.span.to(operands[-1].span), text, tuple(operands))
        return self.deepen(node, *operands)

    def _comparison(self, first: Expression) -> Expression:
        rest: list[tuple[str, Expression]] = []
        while (op := self.operator()) is not None and (text := " ".join(op.split())) in _COMPARISONS:
            self.take()
            rest.append((text, self.climb(_COMPARE + 1)))
        node = nodes.Comparison(first.span.to(rest[-1][1].span), first, tuple(rest))
        return self.deepen(node, first, *(operand for _, operand in rest))
