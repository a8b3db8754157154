"""What the author writes behind a colon or an arrow, as a type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reclaim.abi.kinds import INT_KINDS, IntKind
from reclaim.diag.diagnostic import Edit, Help
from reclaim.lang import nodes
from reclaim.lang.ir import Type
from reclaim.lang.spelling import did_you_mean, listing
from reclaim.lang.type_rules import describe, nullable, type_names, type_of

if TYPE_CHECKING:
    from reclaim.lang.findings import Findings
    from reclaim.lang.nodes import Expression


def annotated_type(node: Expression, findings: Findings) -> tuple[Type, IntKind | None]:
    """Return the type that an annotation names, and its kind where it is a narrow integer.

    Raises:
        Stop: it names none; that is recorded.
    """
    match node:
        case nodes.Binary(op="|", left=left, right=nodes.Nothing()):
            inner, kind = annotated_type(left, findings)
            widened = nullable(inner)
            if widened is None:
                message = f"`{describe(inner)}` cannot be None"
                findings.stop("invalid-annotation", message, node.span, label="no None here")
            return widened, kind
        case nodes.Nothing():
            return type_of("None"), None
        case nodes.Name(id=name):
            return _named(name, node, findings)
        case _:
            message = "this is not a type"
            findings.stop(
                "invalid-annotation", message, node.span, label="expected a type", help=_typed_elsewhere(node)
            )


def _typed_elsewhere(node: Expression) -> tuple[Help, ...]:
    """Offer what `"X"` and `Optional[X]` are here."""
    match node:
        case nodes.String(value=text):
            better = text
        case nodes.Subscript(base=nodes.Name(id="Optional"), index=nodes.Name(id=inner)):
            better = f"{inner} | None"
        case _:
            return ()
    return (Help(f"write `{better}`", Edit(node.span, better)),)


def _named(name: str, node: nodes.Name, findings: Findings) -> tuple[Type, IntKind | None]:
    if name in INT_KINDS:
        kind = INT_KINDS[name]
        return type_of(name), kind if kind.bits < 64 else None
    if name in type_names():
        return type_of(name), None
    python = {"int": "u64", "str": None, "float": None, "object": None}
    if name in python:
        better = python[name]
        names = [better] if better else []
        note = "numbers are `u8` to `u64` and `s8` to `s64`"
        help_ = did_you_mean(better, names, node.span) if better else ()
        findings.stop(
            "unknown-type",
            f"there is no type `{name}`",
            node.span,
            label="no such type",
            notes=(note,),
            help=help_,
        )
    known = f"types are {listing(type_names(), 40)}"
    findings.stop(
        "unknown-type",
        f"there is no type `{name}`",
        node.span,
        label="no such type",
        notes=(known,),
        help=did_you_mean(name, type_names(), node.span),
    )
