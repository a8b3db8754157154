"""Fixes as code actions: those of the diagnostics under the cursor, and all of them at once.

Only fixes that keep are offered: each was tried on the whole text, removed its error and brought no other.
"""

from __future__ import annotations

from typing import Any

from lsprotocol import types

from reclaim.diag.diagnostic import Diagnostic, Help
from reclaim.lsp.check_process import Checker
from reclaim.lsp.checks import FixAll, KeepFixes
from reclaim.lsp.documents import Document
from reclaim.lsp.publishing import to_protocol

FIX_ALL = types.CodeActionKind.SourceFixAll


async def fixes(document: Document, at: types.Range, checker: Checker) -> list[types.CodeAction]:
    """Return the fixes of what is found in a range of the present text."""
    found = document.current
    inside = [d for d in found.diagnostics if d.help and _meet(document.range(d.span), at)] if found else []
    if not inside:
        return []
    kept = await checker.ask(KeepFixes(document.text.source, document.path, tuple(inside)))
    alone = len(kept) == 1
    return [_action(document, diagnostic, offer, preferred=alone) for diagnostic, offer in kept]


def fix_all(document: Document) -> list[types.CodeAction]:
    """Return the action that mends all, its edit left out until it is asked for."""
    found = document.current
    if found is None or not any(offer.edit for d in found.diagnostics for offer in d.help):
        return []
    data = {"uri": document.uri, "version": document.version}
    return [types.CodeAction("Apply every fix that keeps", kind=FIX_ALL, data=data)]


async def whole_fix(document: Document, version: Any, checker: Checker) -> types.WorkspaceEdit | None:
    """Return the edit that mends all, None if the text has changed since or nothing can be mended."""
    source = document.text.source
    mended = await checker.ask(FixAll(source, document.path))
    if document.version != version or mended == source:
        return None
    return types.WorkspaceEdit(changes={document.uri: [types.TextEdit(document.text.whole(), mended)]})


def _action(document: Document, diagnostic: Diagnostic, offer: Help, *, preferred: bool) -> types.CodeAction:
    assert offer.edit is not None
    edit = types.TextEdit(document.range(offer.edit.span), offer.edit.text)
    return types.CodeAction(
        title=offer.message,
        kind=types.CodeActionKind.QuickFix,
        diagnostics=[to_protocol(diagnostic, document)],
        is_preferred=preferred,
        edit=types.WorkspaceEdit(changes={document.uri: [edit]}),
    )


def _meet(one: types.Range, other: types.Range) -> bool:
    return one.start <= other.end and other.start <= one.end
