"""Diagnostics in the protocol's form: the same facts as in the terminal, each where an editor shows it."""

from __future__ import annotations

from collections.abc import Iterator

from lsprotocol import types

from reclaim.diag.diagnostic import Diagnostic
from reclaim.diag.registry import CODES
from reclaim.lsp.documents import Document

SOURCE = "reclaim-verify"

UNNECESSARY = frozenset(
    ("unreachable-code", "unused-parameter", "unused-variable", "unused-declaration", "unread-field")
)
"""Findings about text that could as well not be there, which editors draw faded."""

_SEVERITIES = {"error": types.DiagnosticSeverity.Error, "warning": types.DiagnosticSeverity.Warning}


def published(document: Document) -> list[types.Diagnostic]:
    """Return what was found in the present text of a document."""
    found = document.current
    return [to_protocol(diagnostic, document) for diagnostic in found.diagnostics] if found else []


def to_protocol(diagnostic: Diagnostic, document: Document) -> types.Diagnostic:
    """Return one diagnostic; its secondary labels become related places."""
    related = [
        types.DiagnosticRelatedInformation(
            types.Location(document.uri, document.range(label.span)), label.message
        )
        for label in diagnostic.labels
    ]
    return types.Diagnostic(
        range=document.range(diagnostic.span),
        message="\n".join(_told(diagnostic)),
        severity=_SEVERITIES[diagnostic.severity],
        code=diagnostic.code,
        code_description=types.CodeDescription(page_of(diagnostic)),
        source=SOURCE,
        tags=[types.DiagnosticTag.Unnecessary] if diagnostic.name in UNNECESSARY else None,
        related_information=related,
    )


def page_of(diagnostic: Diagnostic) -> str:
    """Return where the page of a diagnostic's code stands: installed with us, so that it is there without a network."""
    return (CODES / f"{diagnostic.code}-{diagnostic.name}.md").as_uri()


def _told(diagnostic: Diagnostic) -> Iterator[str]:
    yield diagnostic.message
    if diagnostic.label:
        yield diagnostic.label
    yield from diagnostic.remarks
    yield from (f"help: {offer.message}" for offer in diagnostic.help)
