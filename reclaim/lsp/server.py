"""The server: which message is answered by whom, and that no mistake of ours ends it.

A mistake is logged in the editor (`window/logMessage`) with its traceback, and the request is answered with nothing.
"""

from __future__ import annotations

import functools
import inspect
import traceback
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from lsprotocol import types
from pygls.exceptions import FeatureRequestError, JsonRpcException, JsonRpcInvalidParams
from pygls.lsp.server import LanguageServer
from pygls.protocol.language_server import LanguageServerProtocol, lsp_method

from reclaim import __version__
from reclaim.lang.parser import shared_parser
from reclaim.lsp import (
    calling,
    colouring,
    completing,
    formatting,
    hovering,
    mending,
    naming,
    outlining,
    publishing,
)
from reclaim.lsp.check_process import Checker
from reclaim.lsp.checks import Check
from reclaim.lsp.documents import Document, Text
from reclaim.lsp.following import Follower

Handler = Callable[..., Any]
Steps = Generator[Any, Any, None]
"""How pygls runs what it does itself: each step is a handler with its arguments."""


class PolicyProtocol(LanguageServerProtocol):
    """The protocol without pygls' own copies of texts; `documents` says why."""

    @lsp_method(types.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: types.DidOpenTextDocumentParams) -> Steps:
        """Hand on that a text was opened."""
        yield self.fm.features[types.TEXT_DOCUMENT_DID_OPEN], (params,), None

    @lsp_method(types.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: types.DidChangeTextDocumentParams) -> Steps:
        """Hand on that a text was changed."""
        yield self.fm.features[types.TEXT_DOCUMENT_DID_CHANGE], (params,), None

    @lsp_method(types.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: types.DidCloseTextDocumentParams) -> Steps:
        """Hand on that a text was closed."""
        yield self.fm.features[types.TEXT_DOCUMENT_DID_CLOSE], (params,), None


class PolicyServer(LanguageServer):
    """Serve one editor."""

    def __init__(self) -> None:
        sync = types.TextDocumentSyncKind.Incremental
        super().__init__("reclaim", __version__, sync, protocol_cls=PolicyProtocol)
        self.documents: dict[str, Document] = {}
        self.checker = Checker()
        self._followers: dict[str, Follower] = {}

    def open(self, item: types.TextDocumentItem) -> None:
        """Take over a text, and check it at once."""
        encoding = types.PositionEncodingKind(self.workspace.position_encoding)
        document = Document(item.uri, Text(item.text, encoding), item.version)
        self.close(item.uri)
        self.documents[item.uri] = document
        self._followers[item.uri] = Follower(document, self.checker, self.publish, self.log)
        self._followers[item.uri].changed(pause=0)

    def change(self, params: types.DidChangeTextDocumentParams) -> None:
        """Apply changes, and check the text soon."""
        document = self.documents[params.text_document.uri]
        for change in params.content_changes:
            document.text = document.text.changed(change)
        document.version = params.text_document.version
        self._followers[document.uri].changed()

    def close(self, uri: str) -> None:
        """Forget a text, and what was said about it."""
        document = self.documents.pop(uri, None)
        if document is not None:
            document.is_open = False
            self._followers.pop(uri).stop()
            self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, []))

    async def settled(self, document: Document) -> None:
        """Wait until what is known about a document is about its present text."""
        await self._followers[document.uri].settled()

    def publish(self, document: Document) -> None:
        """Tell the editor what was found in a document."""
        found = publishing.published(document)
        params = types.PublishDiagnosticsParams(document.uri, found, document.version)
        self.text_document_publish_diagnostics(params)

    def log(self, text: str, level: types.MessageType = types.MessageType.Error) -> None:
        """Write into the editor's log."""
        self.window_log_message(types.LogMessageParams(level, text))

    def report_server_error(self, error: Exception, source: Any) -> None:
        """Write what pygls itself could not do into the editor's log; failed requests were answered."""
        if source is not FeatureRequestError:
            self.log(f"{type(error).__name__}: {error}")

    async def end(self) -> None:
        """End what was started."""
        for follower in self._followers.values():
            follower.stop()
        await self.checker.ended()


def make_server() -> PolicyServer:
    """Return a server with all its features."""
    server = PolicyServer()
    shared_parser()  # its tables are read now, or the first answer would wait for them
    for method, (handler, options) in _features(server).items():
        server.feature(method, options)(_guarded(server, handler))
    return server


def _guarded(server: PolicyServer, handler: Handler) -> Handler:
    """Return a handler whose mistakes are logged and answered with nothing; what it refuses is refused."""

    def log() -> None:
        server.log(f"this is our bug; please report it\n{traceback.format_exc()}")

    if inspect.iscoroutinefunction(handler):

        @functools.wraps(handler)
        async def awaiting(params: Any) -> Any:
            try:
                return await handler(params)
            except JsonRpcException:
                raise
            except Exception:  # noqa: BLE001  an editor outlives our mistakes
                return log()

        return awaiting

    @functools.wraps(handler)
    def calling_it(params: Any) -> Any:
        try:
            return handler(params)
        except JsonRpcException:
            raise
        except Exception:  # noqa: BLE001  likewise
            return log()

    return calling_it


def _features(server: PolicyServer) -> dict[str, tuple[Handler, Any]]:
    """Return the handler and the options of every message that is answered."""
    return {**_following(server), **_asking(server), **_naming(server), **_mending(server)}


def _following(server: PolicyServer) -> dict[str, tuple[Handler, Any]]:
    async def greeted(_params: Any) -> None:
        await server.checker.ask(Check("", ""))  # starts the process before there is anything to check

    async def opened(params: types.DidOpenTextDocumentParams) -> None:
        server.open(params.text_document)

    async def changed(params: types.DidChangeTextDocumentParams) -> None:
        server.change(params)

    async def closed(params: types.DidCloseTextDocumentParams) -> None:
        server.close(params.text_document.uri)

    async def ended(_params: Any) -> None:
        await server.end()

    return {
        types.INITIALIZED: (greeted, None),
        types.TEXT_DOCUMENT_DID_OPEN: (opened, None),
        types.TEXT_DOCUMENT_DID_CHANGE: (changed, None),
        types.TEXT_DOCUMENT_DID_CLOSE: (closed, None),
        types.SHUTDOWN: (ended, None),
    }


def _asking(server: PolicyServer) -> dict[str, tuple[Handler, Any]]:
    async def hover(params: types.HoverParams) -> types.Hover | None:
        document = server.documents[params.text_document.uri]
        await server.settled(document)
        return hovering.hover(document, params.position)

    async def complete(params: types.CompletionParams) -> list[types.CompletionItem]:
        document = server.documents[params.text_document.uri]
        if document.checked_version is None:
            await server.settled(document)  # what a text just opened declares is known with its first check
        return completing.complete(document, params.position, snippets=_has_snippets(server))

    def signature(params: types.SignatureHelpParams) -> types.SignatureHelp | None:
        return calling.signature_help(server.documents[params.text_document.uri], params.position)

    def outline(params: types.DocumentSymbolParams) -> list[types.DocumentSymbol]:
        return outlining.outline(server.documents[params.text_document.uri])

    def colour(params: types.SemanticTokensParams) -> types.SemanticTokens:
        return colouring.colours(server.documents[params.text_document.uri])

    return {
        types.TEXT_DOCUMENT_HOVER: (hover, None),
        types.TEXT_DOCUMENT_COMPLETION: (complete, types.CompletionOptions(trigger_characters=[".", "@"])),
        types.TEXT_DOCUMENT_SIGNATURE_HELP: (
            signature,
            types.SignatureHelpOptions(trigger_characters=["(", ","]),
        ),
        types.TEXT_DOCUMENT_DOCUMENT_SYMBOL: (outline, None),
        types.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL: (colour, colouring.LEGEND),
    }


def _naming(server: PolicyServer) -> dict[str, tuple[Handler, Any]]:
    def document(params: Any) -> Document:
        return server.documents[params.text_document.uri]

    def define(params: types.DefinitionParams) -> types.Location | None:
        return naming.definition(document(params), params.position)

    def refer(params: types.ReferenceParams) -> list[types.Location]:
        with_definition = params.context.include_declaration
        return naming.references(document(params), params.position, with_definition=with_definition)

    def highlight(params: types.DocumentHighlightParams) -> list[types.DocumentHighlight]:
        return naming.highlights(document(params), params.position)

    def prepare(params: types.PrepareRenameParams) -> types.Range | None:
        return naming.renamable(document(params), params.position)

    def rename(params: types.RenameParams) -> types.WorkspaceEdit | None:
        try:
            return naming.rename(document(params), params.position, params.new_name)
        except naming.NotRenamed as error:
            raise JsonRpcInvalidParams(str(error)) from None

    return {
        types.TEXT_DOCUMENT_DEFINITION: (define, None),
        types.TEXT_DOCUMENT_REFERENCES: (refer, None),
        types.TEXT_DOCUMENT_DOCUMENT_HIGHLIGHT: (highlight, None),
        types.TEXT_DOCUMENT_PREPARE_RENAME: (prepare, None),
        types.TEXT_DOCUMENT_RENAME: (rename, types.RenameOptions(prepare_provider=True)),
    }


def _mending(server: PolicyServer) -> dict[str, tuple[Handler, Any]]:
    async def actions(params: types.CodeActionParams) -> list[types.CodeAction]:
        document = server.documents[params.text_document.uri]
        await server.settled(document)
        wanted = params.context.only
        found = []
        if _is_wanted(types.CodeActionKind.QuickFix, wanted):
            found += await mending.fixes(document, params.range, server.checker)
        if _is_wanted(mending.FIX_ALL, wanted):
            found += mending.fix_all(document)
        return found

    async def resolve(action: types.CodeAction) -> types.CodeAction:
        data: Any = action.data
        uri, version = data["uri"], data["version"]
        action.edit = await mending.whole_fix(server.documents[uri], version, server.checker)
        return action

    async def lay_out(params: types.DocumentFormattingParams) -> list[types.TextEdit] | None:
        document = server.documents[params.text_document.uri]
        text = document.text
        try:
            result = await formatting.formatted(text.source, _folder(document.uri))
        except formatting.NotFormatted as error:
            server.log(f"{document.path} was not formatted: {error}", types.MessageType.Warning)
            return None
        changed = result != text.source and text is document.text
        return [types.TextEdit(text.whole(), result)] if changed else []

    kinds = [types.CodeActionKind.QuickFix, mending.FIX_ALL]
    return {
        types.TEXT_DOCUMENT_CODE_ACTION: (
            actions,
            types.CodeActionOptions(code_action_kinds=kinds, resolve_provider=True),
        ),
        types.CODE_ACTION_RESOLVE: (resolve, None),
        types.TEXT_DOCUMENT_FORMATTING: (lay_out, None),
    }


def _is_wanted(kind: str, wanted: Sequence[str] | None) -> bool:
    """Tell whether a kind is among those asked for; "source" asks for "source.fixAll" too."""
    return wanted is None or any((kind + ".").startswith(prefix + ".") for prefix in wanted)


def _has_snippets(server: PolicyServer) -> bool:
    capabilities = server.client_capabilities.text_document
    completion = capabilities.completion if capabilities else None
    item = completion.completion_item if completion else None
    return bool(item and item.snippet_support)


def _folder(uri: str) -> Path | None:
    """Return the folder of a file on disk, None where there is none."""
    parts = urlsplit(uri)
    folder = Path(unquote(parts.path)).parent
    return folder if parts.scheme == "file" and folder.is_dir() else None
