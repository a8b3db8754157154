"""Diagnostics as JSON: the stable interface for programs, versioned.

Columns count code points from 1, ends are exclusive, 64-bit values of witnesses are decimal strings.
What is said under the primary span is the first of the `labels`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reclaim.diag.diagnostic import Diagnostic, Help, Position, Span

JSON_VERSION = 1
"""Rises when a reader of the old form could misread the new one."""


@dataclass(frozen=True, slots=True)
class FileFindings:
    """What was found in one file.

    Args:
        path: the file, as the user named it.
        accepted: whether the policy may be used.
        costs: for each hook by name the worst case in instructions, and what each further mapping of a folio that it
            asks about adds; empty where it was not computed.
        diagnostics: in source order.
    """

    path: str
    accepted: bool
    costs: dict[str, tuple[int, int]]
    diagnostics: tuple[Diagnostic, ...]


def render_json(files: Sequence[FileFindings]) -> str:
    """Return everything found as one JSON document.

    Args:
        files: what was found in each file.

    Returns:
        The document, ended by a line feed.
    """
    document = {"version": JSON_VERSION, "files": [_file(file) for file in files]}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _file(file: FileFindings) -> dict[str, Any]:
    hooks = [
        {"name": name, "worst_case_instructions": most, "instructions_per_further_mapping": per_mapping}
        for name, (most, per_mapping) in file.costs.items()
    ]
    return {
        "path": file.path,
        "accepted": file.accepted,
        "hooks": hooks,
        "diagnostics": [_diagnostic(d) for d in file.diagnostics],
    }


def _diagnostic(diagnostic: Diagnostic) -> dict[str, Any]:
    labels = [(label.span, label.message) for label in diagnostic.labels]
    if diagnostic.label:
        labels.insert(0, (diagnostic.span, diagnostic.label))
    return {
        "code": diagnostic.code,
        "name": diagnostic.name,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        "hook": diagnostic.hook,
        "span": _span(diagnostic.span),
        "labels": [{"span": _span(span), "message": message} for span, message in labels],
        "notes": list(diagnostic.notes),
        "help": [_help(offer) for offer in diagnostic.help],
        "witness": dict(diagnostic.witness),
    }


def _help(offer: Help) -> dict[str, Any]:
    edit = None if offer.edit is None else {"span": _span(offer.edit.span), "text": offer.edit.text}
    return {"message": offer.message, "edit": edit}


def _span(span: Span) -> dict[str, Any]:
    return {"start": _position(span.start), "end": _position(span.end)}


def _position(position: Position) -> dict[str, int]:
    return {"line": position.line, "column": position.column}
