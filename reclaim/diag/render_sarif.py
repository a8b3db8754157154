"""Diagnostics as SARIF 2.1.0: for code scanning services, editors and everything else that reads that format.

One run of one tool, one rule for each code met, one result for each diagnostic. Columns count code points,
which `columnKind` says. What SARIF has no place for (hook, witness, notes) stands in `properties`, under the
names that the JSON form uses.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from reclaim import __version__
from reclaim.diag.registry import page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reclaim.diag.diagnostic import Diagnostic, Help, Span
    from reclaim.diag.render_json import FileFindings

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def render_sarif(files: Sequence[FileFindings]) -> str:
    """Return everything found as one SARIF log.

    Args:
        files: what was found in each file.

    Returns:
        The document, ended by a line feed.
    """
    results = [_result(d, file.path) for file in files for d in file.diagnostics]
    codes = sorted({d.code for file in files for d in file.diagnostics})
    driver = {"name": "reclaim-verify", "version": __version__, "rules": [_rule(code) for code in codes]}
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    document = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _rule(code: str) -> dict[str, Any]:
    entry = page(code)
    assert entry is not None
    return {
        "id": code,
        "name": entry.name,
        "shortDescription": {"text": entry.summary},
        "help": {"text": entry.body, "markdown": entry.body},
        "properties": {"category": entry.category},
    }


def _result(diagnostic: Diagnostic, path: str) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": diagnostic.code,
        "level": diagnostic.severity,
        "message": {"text": diagnostic.message},
        "locations": [_location(path, diagnostic.span, diagnostic.label)],
    }
    if diagnostic.labels:
        result["relatedLocations"] = [
            {"id": number, **_location(path, label.span, label.message)}
            for number, label in enumerate(diagnostic.labels)
        ]
    fixes = [_fix(path, offer) for offer in diagnostic.help if offer.edit is not None]
    if fixes:
        result["fixes"] = fixes
    result["properties"] = {
        "hook": diagnostic.hook,
        "notes": list(diagnostic.notes),
        "help": [offer.message for offer in diagnostic.help],
        "witness": dict(diagnostic.witness),
    }
    return result


def _location(path: str, span: Span, message: str) -> dict[str, Any]:
    place = {"artifactLocation": {"uri": path}, "region": _region(span)}
    location: dict[str, Any] = {"physicalLocation": place}
    if message:
        location["message"] = {"text": message}
    return location


def _region(span: Span) -> dict[str, int]:
    return {
        "startLine": span.start.line,
        "startColumn": span.start.column,
        "endLine": span.end.line,
        "endColumn": span.end.column,
    }


def _fix(path: str, offer: Help) -> dict[str, Any]:
    assert offer.edit is not None
    replacement = {
        "deletedRegion": _region(offer.edit.span),
        "insertedContent": {"text": offer.edit.text},
    }
    change = {"artifactLocation": {"uri": path}, "replacements": [replacement]}
    return {"description": {"text": offer.message}, "artifactChanges": [change]}
