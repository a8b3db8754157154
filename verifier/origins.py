"""Show how a value came to its range: where it was made, and from what.

At most a few labels: the place where the value got its range, if that is not the place of the error,
and the named values and loads that went into it, each with the range known at the error.
"""

from __future__ import annotations

from collections.abc import Iterator

from reclaim.diag.diagnostic import Label, Span
from reclaim.lang.ir import (
    Binary,
    BoolType,
    Compare,
    Const,
    Convert,
    HandleType,
    HookIR,
    IntType,
    Narrow,
    Not,
    Op,
    OptionalType,
    Truncate,
    Unwrap,
    Value,
    Wrap,
)
from verifier.domains.nullness import NONE, PRESENT
from verifier.domains.product import TOP
from verifier.entailment import Prover
from verifier.evaluation import Elements
from verifier.source_places import SourceText

MOST_LABELS = 3
"""Labels beside the primary one. Ours: more of them hide the one that matters."""

STEPS = 3
"""How many instructions back the search for sources goes."""


def origins(
    hook: HookIR, prover: Prover, source: SourceText, known: Elements, value: Value, primary: Span
) -> tuple[Label, ...]:
    """Return labels that say where a value and its parts come from.

    Args:
        hook: the hook.
        prover: reads ranges.
        source: text of the policy.
        known: what is known at the error.
        value: the value in question.
        primary: span of the error itself, not labelled again.
    """
    makers = {op.result.id: op for block in hook.blocks for op in block.ops if op.result is not None}
    labels: dict[Span, Label] = {}
    for part in parts_of(value, makers, STEPS):
        if part.span == primary or part.span in labels or part.span == hook.span:
            continue
        said = _said(part, prover, known)
        if said is not None:
            labels[part.span] = Label(part.span, f"`{source.name_of(part)}` {said}")
    return tuple(list(labels.values())[:MOST_LABELS])


def parts_of(value: Value, makers: dict[int, Op], steps: int) -> Iterator[Value]:
    """Yield a value and what it is made of, constants left out."""
    maker = makers.get(value.id)
    if isinstance(maker, Const):
        return
    yield value
    if not steps or maker is None:
        return
    match maker:
        case Binary() | Compare():
            operands: tuple[Value, ...] = (maker.left, maker.right)
        case Convert() | Truncate() | Narrow() | Unwrap() | Wrap() | Not():
            operands = (maker.operand,)
        case _:
            operands = ()
    for operand in operands:
        yield from parts_of(operand, makers, steps - 1)


def _said(value: Value, prover: Prover, known: Elements) -> str | None:
    match value.type:
        case IntType():
            low, high = prover.known_range(known, value)
            return f"is {low} here" if low == high else f"can be {low}..={high} here"
        case BoolType():
            return None
        case HandleType() | OptionalType():
            nullness = known.get(prover.class_of(value), TOP).nullness
            if nullness == PRESENT:
                return None
            return "is None here" if nullness == NONE else "may be None here"
        case _:
            return None
