"""From grammar reductions to syntax nodes, bottom up, while the parser runs.

lark calls one method per reduced rule with the finished children, so no parse tree is ever built
and no recursion happens, however deep the source nests. Each rule's children hold the tokens that
its span needs. `operation` is where the flat sequence of operators gets Python's precedence; the
depth of every expression is counted here and limited, because all later stages do recurse.
"""

from __future__ import annotations

import ast
import dataclasses
import warnings
from typing import TypeAlias, TypeVar

from lark import Token, Transformer

from reclaim.diag.diagnostic import Span
from reclaim.diag.registry import report
from reclaim.lang import nodes
from reclaim.lang.indentation import TextRejected, token_span
from reclaim.lang.nodes import Expression, Foreign, Node, Statement, Suite
from reclaim.lang.precedence import FOREIGN_OPS, build_operation

Child: TypeAlias = "Node | Token | list[Node] | None"
_N = TypeVar("_N", bound=Node)

_JOINED = (
    *(nodes.Binary, nodes.Unary, nodes.Logic, nodes.Comparison, nodes.Conditional),
    *(nodes.Attribute, nodes.Subscript, nodes.Call),
)
"""Expressions that begin or end with another one."""

_UNKNOWN = Span.of(1, 1, 1, 1)
"""Span of ``:`` alone, until the subscript around it is known."""

MAX_DEPTH = 60
"""Deepest expression; a formula of that depth is unreadable, and recursion in later stages stays far
from CPython's limit."""


class TreeBuilder(Transformer[Token, nodes.Module]):
    """Build nodes; the methods are the rules of `grammar.lark`."""

    def __init__(self) -> None:
        super().__init__(visit_tokens=False)
        self._depths: dict[int, int] = {}
        self._brackets: dict[int, Span] = {}
        self._keep: list[Node] = []

    def begin(self) -> None:
        """Forget the depths of the last file."""
        self._depths.clear()
        self._brackets.clear()
        self._keep.clear()

    def _deep(self, node: _N, *parts: Node) -> _N:
        """Note how deep *node* is, and stop where it is too deep."""
        if self._brackets and isinstance(node, _JOINED):
            node = self._with_brackets(node, parts)
        depth = 1 + max(map(self._depth, parts), default=0)
        if depth > MAX_DEPTH:
            message = f"this expression nests deeper than {MAX_DEPTH} levels"
            raise TextRejected(report("nested-too-deeply", message, node.span, label="too deep"))
        if depth > 1:
            self._depths[id(node)] = depth
            self._keep.append(node)
        return node

    def _with_brackets(self, node: _N, parts: tuple[Node, ...]) -> _N:
        """Let a node reach as far as the brackets around its parts do."""
        around = [self._brackets[id(part)] for part in parts if id(part) in self._brackets]
        start = min([node.span.start, *(span.start for span in around)])
        end = max([node.span.end, *(span.end for span in around)])
        span = Span(start, end)
        return node if span == node.span else dataclasses.replace(node, span=span)

    def _depth(self, node: Node) -> int:
        return self._depths.get(id(node), 1)

    # ---- statements

    def module(self, children: list[Statement]) -> nodes.Module:
        return nodes.Module(tuple(children))

    def suite(self, children: list[Statement]) -> Suite:
        return tuple(children)

    def expression_statement(self, children: list[Child]) -> Statement:
        value = self._sequence(children)
        return nodes.ExpressionStatement(value.span, value)

    def tests(self, children: list[Child]) -> Expression:
        return self._sequence(children)

    def targets(self, children: list[Child]) -> Expression:
        return self._sequence(children)

    def _sequence(self, children: list[Child]) -> Expression:
        items = [_expression(child) for child in children if not isinstance(child, Token)]
        if len(items) > 1:
            span = items[0].span.to(items[-1].span)
            return self._deep(Foreign(span, "tuple", tuple(items)), *items)
        if len(children) == 1:
            return items[0]
        comma = token_span(_token(children[-1]))
        return self._deep(Foreign(comma, "tuple-of-one", (items[0],)), items[0])

    def assignment(self, children: list[Expression]) -> Statement:
        span = children[0].span.to(children[-1].span)
        if len(children) > 2:
            return Foreign(span, "chained-assignment", tuple(children))
        if isinstance(children[0], Foreign) and children[0].what in ("tuple", "tuple-of-one"):
            return Foreign(span, "tuple-assignment", tuple(children))
        return nodes.Assign(span, children[0], children[1])

    def annotated(self, children: list[Expression | None]) -> Statement:
        target, annotation, value = children
        assert target is not None
        assert annotation is not None
        return nodes.AnnotatedAssign(target.span.to((value or annotation).span), target, annotation, value)

    def augmented(self, children: list[Expression | Token]) -> Statement:
        target, op, value = children
        assert isinstance(op, Token)
        assert not isinstance(target, Token)
        assert not isinstance(value, Token)
        span = token_span(op)
        if op[:-1] in FOREIGN_OPS:
            sign = Span.of(span.start.line, span.start.column, span.end.line, span.end.column - 1)
            return Foreign(sign, FOREIGN_OPS[op[:-1]], (target, value))
        return nodes.AugmentedAssign(target.span.to(value.span), target, op[:-1], span, value)

    def return_statement(self, children: list[Expression | Token | None]) -> Statement:
        span = token_span(_token(children[0]))
        value = children[1]
        if value is None or isinstance(value, Token):
            return nodes.Return(span, None)
        return nodes.Return(span.to(value.span), value)

    def break_statement(self, children: list[Token]) -> Statement:
        return nodes.Break(token_span(children[0]))

    def continue_statement(self, children: list[Token]) -> Statement:
        return nodes.Continue(token_span(children[0]))

    def pass_statement(self, children: list[Token]) -> Statement:
        return nodes.Pass(token_span(children[0]))

    def assert_statement(self, children: list[Child]) -> Statement:
        expressions = _nodes(children)
        span = token_span(_token(children[0])).to(expressions[-1].span)
        if len(expressions) > 1:
            return Foreign(span, "assert-message", expressions)
        return nodes.Assert(span, _expression(expressions[0]))

    def if_statement(self, children: list[Child]) -> Statement:
        parts = [c for c in children if c is not None and not isinstance(c, Token)]
        branches = [(_expression(parts[0]), _suite(parts[1]))]
        rest = parts[2:]
        while rest and isinstance(rest[0], list):
            pair = rest.pop(0)
            branches.append((pair[0], pair[1]))  # type: ignore[index, arg-type]
        span = token_span(_token(children[0])).to(branches[0][0].span)
        return nodes.If(span, tuple(branches), _suite(rest[0]) if rest else ())

    def elif_part(self, children: list[Child]) -> list[Child]:
        return list(children)

    def for_statement(self, children: list[Child]) -> Statement:
        parts = [c for c in children if c is not None and not isinstance(c, Token)]
        target, iterable = _expression(parts[0]), _expression(parts[1])
        span = token_span(_token(children[0])).to(iterable.span)
        if len(parts) > 3:
            return Foreign(span, "loop-else", (target, iterable, *_suite(parts[2]), *_suite(parts[3])))
        return nodes.For(span, target, iterable, _suite(parts[2]))

    def function(self, children: list[Child]) -> Statement:
        decorators = tuple(_expression(c) for c in children if isinstance(c, Node) and _is_first(c, children))
        at = len(decorators)
        keyword, name = _token(children[at]), _token(children[at + 1])
        parameters, returns, suite = children[at + 3], children[-3], children[-1]
        arrow = isinstance(returns, Node)
        last = children[-3] if arrow else next(c for c in reversed(children[:-2]) if isinstance(c, Token))
        end = last.span if isinstance(last, Node) else token_span(_token(last))
        return nodes.Function(
            token_span(keyword).to(end),
            str(name),
            token_span(name),
            tuple(parameters) if isinstance(parameters, list) else (),  # type: ignore[arg-type]
            _expression(returns) if arrow else None,
            decorators,
            _suite(suite),
        )

    def decorator(self, children: list[Child]) -> Expression:
        return _expression(children[1])

    def params(self, children: list[Node]) -> list[Node]:
        return children

    def param(self, children: list[Child]) -> Node:
        tokens = [c for c in children if isinstance(c, Token)]
        expressions = _nodes(children)
        span = token_span(tokens[0]).to(expressions[-1].span if expressions else token_span(tokens[-1]))
        if tokens[0] in ("*", "**", "/"):
            return Foreign(span, "star-parameter", expressions)
        if "=" in tokens:
            return Foreign(span, "default-parameter", expressions)
        return nodes.Parameter(
            span if expressions else token_span(tokens[0]),
            str(tokens[0]),
            _expression(expressions[0]) if expressions else None,
        )

    def class_definition(self, children: list[Child]) -> Statement:
        at = next(i for i, c in enumerate(children) if isinstance(c, Token))
        keyword, name = _token(children[at]), _token(children[at + 1])
        bases = next((c for c in children[at + 2 :] if isinstance(c, list)), [])
        span = token_span(keyword).to(bases[-1].span if bases else token_span(name))
        if at > 0:
            return Foreign(_expression(children[0]).span, "class-decorator")
        arguments = tuple(b for b in bases if isinstance(b, nodes.Argument))
        return nodes.Class(span, str(name), token_span(name), arguments, _suite(children[-1]))

    def foreign_block(self, children: list[Child]) -> Statement:
        keyword = _token(children[0])
        parts: list[Node] = []
        for child in children[1:]:
            if isinstance(child, Node):
                parts.append(child)
            elif isinstance(child, tuple):
                parts.extend(child)
        return Foreign(token_span(keyword), str(keyword), tuple(parts))

    def foreign_line(self, children: list[Child]) -> Statement:
        keyword = _token(children[0])
        last = next(c for c in reversed(children) if c is not None)
        span = token_span(keyword)
        return Foreign(span.to(last.span) if isinstance(last, Node) else span, str(keyword), _nodes(children))

    # ---- expressions

    def operation(self, children: list[Expression | Token]) -> Expression:
        return build_operation(children, self._deep)

    def conditional(self, children: list[Expression]) -> Expression:
        then, condition, other = children
        node = nodes.Conditional(then.span.to(other.span), condition, then, other)
        return self._deep(node, then, condition, other)

    def walrus(self, children: list[Child]) -> Expression:
        value = _expression(children[1])
        return self._deep(Foreign(token_span(_token(children[0])).to(value.span), "walrus", (value,)), value)

    def lambda_function(self, children: list[Child]) -> Expression:
        return self._deep(Foreign(token_span(_token(children[0])), "lambda"), _expression(children[-1]))

    def lambda_params(self, _children: list[Child]) -> None:
        return None

    def starred(self, children: list[Expression]) -> Expression:
        return self._deep(Foreign(children[0].span, "starred", (children[0],)), children[0])

    def name(self, children: list[Token]) -> Expression:
        return nodes.Name(token_span(children[0]), str(children[0]))

    def number(self, children: list[Token]) -> Expression:
        span, text = token_span(children[0]), children[0]
        try:
            return nodes.Number(span, int(text, 0))
        except ValueError:
            pass
        if _is_float(text):
            return Foreign(span, "float")
        message = f"`{text}` is not a number" if len(text) <= 40 else "this number has too many digits"
        raise TextRejected(report("invalid-number", message, span, label="not a number"))

    def string(self, children: list[Token]) -> Expression:
        span = token_span(children[0]).to(token_span(children[-1]))
        texts = []
        for token in children:
            prefix = token[: min(token.find('"') % (1 << 30), token.find("'") % (1 << 30))].lower()
            if "f" in prefix or "b" in prefix:
                return Foreign(span, "f-string" if "f" in prefix else "bytes")
            texts.append(_unescape(token))
        return nodes.String(span, "".join(texts))

    def named_literal(self, children: list[Token]) -> Expression:
        token = children[0]
        span = token_span(token)
        if token.type == "NONE":
            return nodes.Nothing(span)
        if token.type == "ELLIPSIS":
            return Foreign(span, "ellipsis")
        return nodes.Truth(span, token.type == "TRUE")

    def attribute(self, children: list[Expression | Token]) -> Expression:
        base, name = children
        assert not isinstance(base, Token)
        name_span = token_span(_token(name))
        return self._deep(nodes.Attribute(base.span.to(name_span), base, str(name), name_span), base)

    def call(self, children: list[Child]) -> Expression:
        function, arguments, close = children
        callee = _expression(function)
        given = arguments if isinstance(arguments, list) else []
        span = callee.span.to(token_span(_token(close)))
        foreign = [a for a in given if isinstance(a, Foreign)]
        if foreign:
            return self._deep(Foreign(foreign[0].span, foreign[0].what, foreign[0].parts), callee)
        items = tuple(a for a in given if isinstance(a, nodes.Argument))
        return self._deep(nodes.Call(span, callee, items), callee, *(a.value for a in items))

    def arguments(self, children: list[Node]) -> list[Node]:
        return [_argument(child) for child in children]

    def argument(self, children: list[Expression]) -> Node:
        return _argument(children[0])

    def keyword_argument(self, children: list[Child]) -> Node:
        name, value = _token(children[0]), _expression(children[1])
        name_span = token_span(name)
        return nodes.Argument(name_span.to(value.span), str(name), name_span, value)

    def double_star(self, children: list[Expression]) -> Node:
        return Foreign(children[0].span, "starred", (children[0],))

    def generator_argument(self, children: list[Expression]) -> Node:
        return Foreign(children[0].span, "comprehension")

    def subscript(self, children: list[Child]) -> Expression:
        base, index, close = children
        value, key = _expression(base), _expression(index)
        whole = value.span.to(token_span(_token(close)))
        if isinstance(key, Foreign) and key.span is _UNKNOWN:
            key = Foreign(whole, key.what)
        node = nodes.Subscript(whole, value, key)
        return self._deep(node, value, key)

    def indices(self, children: list[Child]) -> Expression:
        return self._sequence(children)

    def slice(self, children: list[Expression | None]) -> Expression:
        given = [c for c in children if c is not None]
        if not given:
            return Foreign(_UNKNOWN, "slice")
        return Foreign(given[0].span.to(given[-1].span), "slice")

    def group(self, children: list[Child]) -> Expression:
        span = token_span(_token(children[0])).to(token_span(_token(children[-1])))
        inner = children[1]
        if inner is None or isinstance(inner, Token):
            return Foreign(span, "tuple")
        expression = _expression(inner)
        self._brackets[id(expression)] = span
        self._keep.append(expression)
        return expression

    def display(self, children: list[Child]) -> Expression:
        span = token_span(_token(children[0])).to(token_span(_token(children[-1])))
        return Foreign(span, "display")

    def comprehension(self, children: list[Child]) -> Expression:
        span = token_span(_token(children[0])).to(token_span(_token(children[-1])))
        return Foreign(span, "comprehension")


def _argument(child: Node) -> Node:
    if isinstance(child, nodes.Argument) or (isinstance(child, Foreign) and child.what in _CALL_ONLY):
        return child
    return nodes.Argument(child.span, None, child.span, _expression(child))


_CALL_ONLY = ("starred",)


def _is_first(child: Node, children: list[Child]) -> bool:
    """Tell whether *child* stands before the keyword of its definition."""
    keyword = next(i for i, c in enumerate(children) if isinstance(c, Token))
    return any(child is c for c in children[:keyword])


def _token(child: object) -> Token:
    assert isinstance(child, Token)
    return child


def _expression(child: object) -> Expression:
    assert isinstance(child, Node)
    return child  # type: ignore[return-value]


def _suite(child: object) -> Suite:
    assert isinstance(child, tuple)
    return child


def _nodes(children: list[Child]) -> tuple[Node, ...]:
    return tuple(c for c in children if isinstance(c, Node))


def _is_float(text: str) -> bool:
    if text[:2].lower() in ("0x", "0b", "0o"):
        return False
    try:
        complex(text)
    except ValueError:
        return False
    return any(mark in text for mark in ".eEjJ")


def _unescape(token: Token) -> str:
    if "\\" not in token and not token[:1].isalpha():
        return token[3:-3] if token.startswith(('"""', "'''")) else token[1:-1]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            value = ast.literal_eval(str(token))
    except (SyntaxError, ValueError, Warning):
        message = "this string holds an escape that Python does not know"
        raise TextRejected(report("invalid-string", message, token_span(token), label="here")) from None
    return str(value)
