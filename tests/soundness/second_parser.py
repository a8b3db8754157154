"""A policy's tree as CPython reads it: a second, independent and faster reading of the same text.

Every policy is valid Python, so Python's own parser must see the same tree that `reclaim.lang.parser` sees,
spans included. Long runs read most programs this way, ten times faster, and a stated share both ways; a
difference is a finding. Only what the language has is known here: anything else raises `KeyError`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from reclaim.diag.diagnostic import Position, Span
from reclaim.lang import nodes
from reclaim.lang.nodes import Expression, Statement, Suite

_BINARY = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.LShift: "<<",
    ast.RShift: ">>",
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.BitXor: "^",
}
_UNARY = {ast.USub: "-", ast.UAdd: "+", ast.Invert: "~", ast.Not: "not"}
_COMPARISONS = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Is: "is",
    ast.IsNot: "is not",
    ast.In: "in",
    ast.NotIn: "not in",
}


def python_reads(text: str) -> nodes.Module:
    """Return the tree of a policy, as CPython's parser reads it.

    Args:
        text: ASCII, one statement per line.
    """
    reader = _Reader(text)
    return nodes.Module(reader.suite(ast.parse(text).body))


class _Reader:
    """One reading of one text."""

    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")
        self._expressions: dict[type, Callable[[Any], Expression]] = {
            ast.Name: self._name,
            ast.Constant: self._constant,
            ast.Attribute: self._attribute,
            ast.Subscript: self._subscript,
            ast.Call: self._call,
            ast.UnaryOp: self._unary,
            ast.BinOp: self._binary,
            ast.Compare: self._comparison,
            ast.BoolOp: self._logic,
            ast.IfExp: self._conditional,
        }
        self._statements: dict[type, Callable[[Any], Statement]] = {
            ast.Assign: self._assign,
            ast.AnnAssign: self._annotated,
            ast.AugAssign: self._augmented,
            ast.If: self._if,
            ast.For: self._for,
            ast.Return: self._return,
            ast.Break: lambda node: nodes.Break(self._span(node)),
            ast.Continue: lambda node: nodes.Continue(self._span(node)),
            ast.Pass: lambda node: nodes.Pass(self._span(node)),
            ast.Assert: self._assert,
            ast.Expr: self._alone,
            ast.FunctionDef: self._function,
            ast.ClassDef: self._class,
        }

    def suite(self, body: list[ast.stmt]) -> Suite:
        """Read statements."""
        return tuple([self._statements[type(node)](node) for node in body])

    def _read(self, node: ast.expr) -> Expression:
        return self._expressions[type(node)](node)

    # Places.

    @staticmethod
    def _span(node: Any) -> Span:
        return Span(
            Position(node.lineno, node.col_offset + 1), Position(node.end_lineno, node.end_col_offset + 1)
        )

    @staticmethod
    def _on_line(line: int, start: int, length: int) -> Span:
        """Return the span of a stretch of one line, its columns from 0."""
        return Span(Position(line, start + 1), Position(line, start + length + 1))

    def _found(self, text: str, line: int, start: int) -> Span:
        """Return the span of a word that comes next on a line, or on the line behind."""
        at = self._lines[line - 1].find(text, start)
        return self._found(text, line + 1, 0) if at < 0 else self._on_line(line, at, len(text))

    # Expressions. Brackets around a whole expression belong to no node, those around an operand to what it is part of.

    def _name(self, node: ast.Name) -> Expression:
        return nodes.Name(self._span(node), node.id)

    def _constant(self, node: ast.Constant) -> Expression:
        span = self._span(node)
        if node.value is None:
            return nodes.Nothing(span)
        if node.value is True or node.value is False:
            return nodes.Truth(span, node.value)
        if isinstance(node.value, str):
            return nodes.String(span, node.value)
        assert isinstance(node.value, int)
        return nodes.Number(span, node.value)

    def _attribute(self, node: ast.Attribute) -> Expression:
        base = self._read(node.value)
        length = len(node.attr)
        name_span = self._on_line(node.end_lineno or 0, (node.end_col_offset or 0) - length, length)
        return nodes.Attribute(self._span(node), base, node.attr, name_span)

    def _subscript(self, node: ast.Subscript) -> Expression:
        base = self._read(node.value)
        return nodes.Subscript(self._span(node), base, self._read(node.slice))

    def _call(self, node: ast.Call) -> Expression:
        callee = self._read(node.func)
        arguments = [self._by_position(value) for value in node.args]
        arguments += [self._keyword(keyword) for keyword in node.keywords]
        return nodes.Call(self._span(node), callee, tuple(arguments))

    def _by_position(self, node: ast.expr) -> nodes.Argument:
        value = self._read(node)
        return nodes.Argument(value.span, None, value.span, value)

    def _keyword(self, node: ast.keyword) -> nodes.Argument:
        assert node.arg is not None
        value = self._read(node.value)
        name_span = self._on_line(node.lineno, node.col_offset, len(node.arg))
        return nodes.Argument(name_span.to(value.span), node.arg, name_span, value)

    def _unary(self, node: ast.UnaryOp) -> Expression:
        operand = self._read(node.operand)
        return nodes.Unary(self._span(node), _UNARY[type(node.op)], operand)

    def _binary(self, node: ast.BinOp) -> Expression:
        left, right = self._read(node.left), self._read(node.right)
        op = _BINARY[type(node.op)]
        where = self._found(op, left.span.end.line, left.span.end.column - 1)
        return nodes.Binary(self._span(node), op, where, left, right)

    def _comparison(self, node: ast.Compare) -> Expression:
        first = self._read(node.left)
        rest = tuple(
            [
                (_COMPARISONS[type(op)], self._read(right))
                for op, right in zip(node.ops, node.comparators, strict=True)
            ]
        )
        return nodes.Comparison(self._span(node), first, rest)

    def _logic(self, node: ast.BoolOp) -> Expression:
        operands = tuple([self._read(value) for value in node.values])
        op = "and" if isinstance(node.op, ast.And) else "or"
        return nodes.Logic(self._span(node), op, operands)

    def _conditional(self, node: ast.IfExp) -> Expression:
        then, condition, other = self._read(node.body), self._read(node.test), self._read(node.orelse)
        return nodes.Conditional(self._span(node), condition, then, other)

    # Statements.

    def _assign(self, node: ast.Assign) -> Statement:
        (target,) = node.targets
        place, value = self._read(target), self._read(node.value)
        return nodes.Assign(place.span.to(value.span), place, value)

    def _annotated(self, node: ast.AnnAssign) -> Statement:
        target, annotation = self._read(node.target), self._read(node.annotation)
        value = None if node.value is None else self._read(node.value)
        span = target.span.to((value or annotation).span)
        return nodes.AnnotatedAssign(span, target, annotation, value)

    def _augmented(self, node: ast.AugAssign) -> Statement:
        target, value = self._read(node.target), self._read(node.value)
        op = _BINARY[type(node.op)]
        where = self._found(f"{op}=", target.span.end.line, target.span.end.column - 1)
        return nodes.AugmentedAssign(target.span.to(value.span), target, op, where, value)

    def _if(self, node: ast.If) -> Statement:
        condition = self._read(node.test)
        branches = [(condition, self.suite(node.body))]
        otherwise = node.orelse
        while (inner := self._elif(otherwise)) is not None:
            branches.append((self._read(inner.test), self.suite(inner.body)))
            otherwise = inner.orelse
        return nodes.If(self._span(node).to(condition.span), tuple(branches), self.suite(otherwise))

    def _elif(self, otherwise: list[ast.stmt]) -> ast.If | None:
        """Return the `elif` that the part behind a branch is; Python tells it from `else: if` by its word alone."""
        first = otherwise[0] if otherwise else None
        if not isinstance(first, ast.If):
            return None
        return first if self._lines[first.lineno - 1].startswith("elif", first.col_offset) else None

    def _for(self, node: ast.For) -> Statement:
        target, iterable = self._read(node.target), self._read(node.iter)
        return nodes.For(self._span(node).to(iterable.span), target, iterable, self.suite(node.body))

    def _return(self, node: ast.Return) -> Statement:
        word = self._on_line(node.lineno, node.col_offset, len("return"))
        if node.value is None:
            return nodes.Return(word, None)
        value = self._read(node.value)
        return nodes.Return(word.to(value.span), value)

    def _assert(self, node: ast.Assert) -> Statement:
        condition = self._read(node.test)
        return nodes.Assert(self._span(node).to(condition.span), condition)

    def _alone(self, node: ast.Expr) -> Statement:
        value = self._read(node.value)
        return nodes.ExpressionStatement(value.span, value)

    def _function(self, node: ast.FunctionDef) -> Statement:
        keyword = self._on_line(node.lineno, node.col_offset, len("def"))
        name_span = self._found(node.name, node.lineno, node.col_offset + len("def"))
        returns = None if node.returns is None else self._read(node.returns)
        parameters = tuple([self._parameter(arg) for arg in node.args.args])
        last = parameters[-1].span.end if parameters else name_span.end
        end = returns.span if returns is not None else self._found(")", last.line, last.column - 1)
        return nodes.Function(
            keyword.to(end),
            node.name,
            name_span,
            parameters,
            returns,
            tuple([self._read(decorator) for decorator in node.decorator_list]),
            self.suite(node.body),
        )

    def _parameter(self, node: ast.arg) -> nodes.Parameter:
        annotation = None if node.annotation is None else self._read(node.annotation)
        return nodes.Parameter(self._span(node), node.arg, annotation)

    def _class(self, node: ast.ClassDef) -> Statement:
        keyword = self._on_line(node.lineno, node.col_offset, len("class"))
        name_span = self._found(node.name, node.lineno, node.col_offset + len("class"))
        bases = [self._by_position(base) for base in node.bases]
        bases += [self._keyword(keyword_) for keyword_ in node.keywords]
        span = keyword.to(bases[-1].span if bases else name_span)
        return nodes.Class(span, node.name, name_span, tuple(bases), self.suite(node.body))
