"""The outline of a document: its declarations, with the fields of classes inside."""

from __future__ import annotations

import re

from lsprotocol import types

from reclaim.abi.hooks import HOOKS
from reclaim.diag.diagnostic import Position, Span
from reclaim.lang.shapes import declared_entries
from reclaim.lang.words import Section
from reclaim.lsp.documents import Document

_FIELD = re.compile(r"\s+(\w+)\s*:\s*([^=#]*)")


def outline(document: Document) -> list[types.DocumentSymbol]:
    """Return the symbols of a document, in source order."""
    known = declared_entries(document.declared)
    found = []
    for section in document.text.words.sections:
        entry = known.get(section.name)
        detail = entry.signature.partition(": ")[2] if entry and not section.kind else None
        found.append(_symbol(document, section, detail))
    return found


def _symbol(document: Document, section: Section, detail: str | None) -> types.DocumentSymbol:
    lines = document.text.words.lines
    end = Position(section.last, len(lines[section.last - 1]) + 1)
    return types.DocumentSymbol(
        name=section.name,
        kind=_kind(section, document),
        range=document.range(Span(Position(section.first, 1), end)),
        selection_range=document.range(section.name_span),
        detail=_hook_detail(section) or detail,
        children=_fields(document, section) if section.kind == "class" else None,
    )


def _kind(section: Section, document: Document) -> types.SymbolKind:
    if section.is_hook:
        return types.SymbolKind.Event
    if section.kind:
        return types.SymbolKind.Function if section.kind == "def" else types.SymbolKind.Class
    is_number = section.name in document.declared.constants or section.name in document.declared.tunables
    return types.SymbolKind.Constant if is_number else types.SymbolKind.Variable


def _hook_detail(section: Section) -> str | None:
    hook = HOOKS.get(section.name) if section.is_hook else None
    return f"-> {hook.result}" if hook else None


def _fields(document: Document, section: Section) -> list[types.DocumentSymbol]:
    found = []
    for number in range(section.name_span.start.line + 1, section.last + 1):
        match = _FIELD.match(document.text.words.lines[number - 1])
        if match:
            span = document.range(Span.of(number, match.start(1) + 1, number, match.end(1) + 1))
            kind, detail = types.SymbolKind.Field, match[2].strip()
            found.append(types.DocumentSymbol(match[1], kind, span, span, detail))
    return found
