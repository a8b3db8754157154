"""Signature help: the call around the cursor, and which of its arguments is being written."""

from __future__ import annotations

from lsprotocol import types

from reclaim.diag.diagnostic import Position
from reclaim.lang.vocabulary import Entry
from reclaim.lsp.documents import Document
from reclaim.lsp.sight import Sight


def callee_at(sight: Sight, end: Position) -> Entry | None:
    """Return what the name that ends at a place means."""
    token = sight.words.token_at(end)
    return None if token is None else sight.entry(token.text, sight.words.base_of(token))


def signature_help(document: Document, place: types.Position) -> types.SignatureHelp | None:
    """Return the signature of the call that a place is inside of, None where it is in none that is known."""
    at = document.text.places.ours(place)
    words = document.text.words
    call = None if words.is_prose(at) else words.open_call(at)
    if call is None:
        return None
    entry = callee_at(Sight(document, at), call.callee)
    if entry is None or entry.arguments is None:
        return None
    names = [argument.name for argument in entry.arguments]
    active = names.index(call.keyword) if call.keyword in names else min(call.index, max(len(names) - 1, 0))
    parameters = [types.ParameterInformation(a.written, a.doc or None) for a in entry.arguments]
    text = types.MarkupContent(types.MarkupKind.Markdown, entry.doc)
    signature = types.SignatureInformation(entry.signature, text, parameters, active)
    return types.SignatureHelp([signature], 0, active)
