"""What to write for `counts.get(key) or 0`, `counts.get(key, 0)` and `seen.get(key) and 1`: Python's ways to choose.

`or` joins truth values here, and look-ups know no default; a choice says the same. What is looked up gets a name
on a line of its own, so that it is asked once.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reclaim.diag.diagnostic import Edit, Help, Span
from reclaim.lang import nodes
from reclaim.lang.ir import BoolType, Value
from reclaim.lang.spelling import unused_name
from reclaim.lang.type_rules import is_nullable

if TYPE_CHECKING:
    from reclaim.lang.lowering import Lowering


def refuse_fallback(low: Lowering, node: nodes.Logic) -> None:
    """Report `x or 0` and `x and 1` where a value is wanted; anything else is left to those who look at conditions.

    Raises:
        Stop: it is that; it is recorded.
    """
    first, last = node.operands[0], node.operands[-1]
    if node.op == "or" and isinstance(first, nodes.Logic) and len(first.operands) == len(node.operands) == 2:
        _refuse_choice(low, node.span, first, last)
    if len(node.operands) != 2 or not _is_no_truth(low, last):
        return
    value = low.expression(first)
    if not isinstance(value, Value) or isinstance(value.type, BoolType):
        return
    test = "is not None" if is_nullable(value.type) else "!= 0"
    asked, other = low.written(first.span), low.written(last.span)
    if node.op == "or":
        help_ = _choice(low, (node.span, asked), test, other)
    else:
        help_ = _either(low, node.span, f"{other} if {asked} {test} else 0")
    low.findings.stop(
        "type-mismatch",
        f"`{node.op}` joins truth values, and does not choose one of its sides",
        node.span,
        label=f"`{low.quote(first.span)}` is no truth value",
        help=help_,
    )


def _either(low: Lowering, span: Span, chosen: str) -> tuple[Help, ...]:
    """Offer a choice in the place of `x and 1`."""
    line = low.shared.lines[span.start.line - 1]
    if span.start.line != span.end.line:
        return ()
    is_whole = (
        re.search(r"(?:= |return )$", line[: span.start.column - 1])
        and not line[span.end.column - 1 :].strip()
    )
    text = chosen if is_whole else f"({chosen})"
    return (Help(f"write `{text}`", Edit(span, text)),)


def _refuse_choice(low: Lowering, span: Span, first: nodes.Logic, last: nodes.Expression) -> None:
    """Report `condition and a or b`, which chose between values before Python had a way to say so."""
    condition, chosen = first.operands
    if first.op != "and" or not (_is_no_truth(low, chosen) and _is_no_truth(low, last)):
        return
    text = f"{low.written(chosen.span)} if {low.written(condition.span)} else {low.written(last.span)}"
    low.findings.stop(
        "type-mismatch",
        "`and` and `or` join truth values, and do not choose one of their sides",
        span,
        label=f"`{low.quote(chosen.span)}` is no truth value",
        help=_either(low, span, text),
    )


def without_default(low: Lowering, call: nodes.Call) -> tuple[Help, ...]:
    """Offer what `get(key, 0)` means, for a call with two arguments by position."""
    if len(call.arguments) != 2 or any(argument.name is not None for argument in call.arguments):
        return ()
    key, default = (low.written(argument.span) for argument in call.arguments)
    asked = f"{low.written(call.function.span)}({key})"
    return _choice(low, (call.span, asked), "is not None", default)


def _is_no_truth(low: Lowering, node: nodes.Expression) -> bool:
    """Tell whether a number or a name stands for anything but a truth value; nothing is computed for that."""
    if not isinstance(node, (nodes.Number, nodes.Name)):
        return False
    operand = low.expression(node)
    return not (isinstance(operand, Value) and isinstance(operand.type, BoolType))


def _choice(low: Lowering, asked: tuple[Span, str], test: str, default: str) -> tuple[Help, ...]:
    """Offer a choice, and a line before it where that which is chosen is a call."""
    span, text = asked
    line = low.shared.lines[span.start.line - 1]
    indent = line[: len(line) - len(line.lstrip())]
    if span.start.line != span.end.line or line.lstrip().startswith("elif"):
        return ()
    name = text if "(" not in text else unused_name(low.shared.lines, "found")
    chosen = f"{name} if {name} {test} else {default}"
    behind = line[span.end.column - 1 :].partition("#")[0]
    is_bracketed = line[: span.start.column - 1].endswith("(") and behind.startswith(")")
    if behind.strip("), ") and not is_bracketed:
        chosen = f"({chosen})"
    if name == text:
        return (Help(f"write `{chosen}`", Edit(span, chosen)),)
    before = line[len(indent) : span.start.column - 1]
    whole = Span.of(span.start.line, len(indent) + 1, span.end.line, span.end.column)
    edit = Edit(whole, f"{name} = {text}\n{indent}{before}{chosen}")
    return (Help(f"write `{name} = {text}` before, and here `{chosen}`", edit),)
