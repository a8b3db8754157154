"""Values of constant expressions at the top level: ``GHOSTS = 1 << 16``.

Constants may use each other in any order; a circle is reported with its members.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reclaim.diag.diagnostic import Edit, Help
from reclaim.lang import nodes
from reclaim.lang.findings import Stop
from reclaim.lang.folding import FUNCTIONS, Unfoldable, fold_binary, fold_unary, in_range
from reclaim.lang.policy_names import NUMBERS
from reclaim.lang.spelling import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reclaim.lang.findings import Findings
    from reclaim.lang.nodes import Expression


MAX_CHAIN = 50
"""Longest chain of constants that use each other; keeps recursion far from CPython's limit."""


def _instead(node: Expression) -> tuple[Help, ...]:
    """Say where truth values stand, and strings."""
    if isinstance(node, nodes.String):
        return (Help("leave it out: strings stand in `unit=`, `doc=` and `fail(...)` alone"),)
    if not isinstance(node, nodes.Truth):
        return ()
    text = str(int(node.value))
    return (Help(f"write `{text}`, or `tunable(bool, default={node.value})`", Edit(node.span, text)),)


class ConstantValues:
    """Evaluate constant expressions over the constants of one policy.

    Args:
        definitions: the expression of each constant.
        findings: where mistakes go.
    """

    def __init__(self, definitions: Mapping[str, Expression], findings: Findings) -> None:
        self._definitions = definitions
        self._findings = findings
        self._known: dict[str, int] = dict(NUMBERS)
        self._pending: list[str] = []
        self._failed: set[str] = set()

    def of(self, node: Expression) -> int:
        """Return the value of an expression.

        Raises:
            Stop: it is not constant; that is recorded.
        """
        try:
            return self._value(node)
        except Unfoldable as reason:
            self._findings.stop(reason.name, reason.message, node.span, label="in this constant")

    def _value(self, node: Expression) -> int:
        match node:
            case nodes.Number(value=value):
                return in_range(value)
            case nodes.Name(id=name):
                return self.named(name, node)
            case nodes.Unary(op="-" | "+" | "~" as op, operand=operand):
                return fold_unary(op, self.of(operand))
            case nodes.Binary(op=op, left=left, right=right):
                return fold_binary(op, self.of(left), self.of(right))
            case nodes.Call(function=nodes.Name(id=name), arguments=arguments) if name in FUNCTIONS:
                least, function = FUNCTIONS[name]
                if len(arguments) >= least and not any(a.name for a in arguments):
                    return in_range(function(*(self.of(a.value) for a in arguments)))
        self._findings.stop(
            "constant-expected",
            "this must be a constant number",
            node.span,
            label="not constant",
            help=_instead(node),
        )

    def named(self, name: str, node: nodes.Node) -> int:
        """Return the value of a constant by name."""
        if name in self._known:
            return self._known[name]
        if name in self._failed:
            raise Stop
        if name in self._pending:
            self._failed.update(self._pending)
            circle = " -> ".join(f"`{n}`" for n in [*self._pending[self._pending.index(name) :], name])
            message = f"constant `{name}` is defined by itself: {circle}"
            self._findings.stop("circular-constant", message, node.span, label="closes the circle")
        definition = self._definitions.get(name)
        if definition is None:
            help_ = did_you_mean(name, [*self._known, *self._definitions], node.span)
            self._findings.stop(
                "constant-expected",
                f"`{name}` is not a constant",
                node.span,
                label="not constant",
                help=help_,
            )
        if len(self._pending) >= MAX_CHAIN:
            self._failed.update(self._pending)
            message = f"constants are defined by each other more than {MAX_CHAIN} deep"
            self._findings.stop("nested-too-deeply", message, node.span, label="too deep")
        self._pending.append(name)
        try:
            self._known[name] = self.of(definition)
        finally:
            self._pending.pop()
        return self._known[name]
