"""A session with the server as an editor has it: a process, spoken to over stdin and stdout by pygls' own client."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from lsprotocol import types
from pygls.lsp.client import LanguageClient

PATIENCE_SECONDS = 30.0
"""How long any answer may take; on an idle machine each comes within a fraction of a second."""

CAPABILITIES = types.ClientCapabilities(
    general=types.GeneralClientCapabilities(position_encodings=[types.PositionEncodingKind.Utf16]),
    text_document=types.TextDocumentClientCapabilities(
        completion=types.CompletionClientCapabilities(
            completion_item=types.ClientCompletionItemOptions(snippet_support=True)
        ),
        publish_diagnostics=types.PublishDiagnosticsClientCapabilities(related_information=True),
    ),
)


class Session:
    """One editor with one server."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self.client = LanguageClient("test", "1")
        self.published: list[types.PublishDiagnosticsParams] = []
        self.logged: list[types.LogMessageParams] = []
        self._versions: dict[str, int] = {}

        def publish(params: types.PublishDiagnosticsParams) -> None:
            self.published.append(params)

        def log(params: types.LogMessageParams) -> None:
            self.logged.append(params)

        self.client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)(publish)
        self.client.feature(types.WINDOW_LOG_MESSAGE)(log)

    def start(self, capabilities: types.ClientCapabilities = CAPABILITIES) -> types.InitializeResult:
        """Start the server and greet it."""
        self.run(self.client.start_io(sys.executable, "-m", "reclaim", "lsp"))
        greeting = types.InitializeParams(capabilities=capabilities, process_id=None, root_uri=None)
        result: types.InitializeResult = self.run(self.client.initialize_async(greeting))
        self.client.initialized(types.InitializedParams())
        return result

    def end(self) -> int | None:
        """Take leave as the protocol wants it, and return the server's exit code."""
        self.run(self.client.shutdown_async(None))
        self.client.exit(None)
        server = self.client._server
        assert server is not None
        code: int | None = self.run(server.wait())
        self.run(self.client.stop())  # type: ignore[no-untyped-call]
        self._loop.close()
        return code

    def run(self, awaited: Any) -> Any:
        """Wait for something."""
        return self._loop.run_until_complete(asyncio.wait_for(awaited, PATIENCE_SECONDS))

    def pause(self, seconds: float) -> None:
        """Let messages come in."""
        self.run(asyncio.sleep(seconds))

    def until(self, condition: Callable[[], Any]) -> Any:
        """Wait until something is so, and return it."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (found := condition()):
            assert time.monotonic() < deadline
            self.pause(0.005)
        return found

    # What an editor does.

    def open(self, text: str, uri: str | None = None) -> str:
        """Open a text under a name, by default a new one."""
        uri = uri or f"file:///somewhere/policy_{len(self._versions)}.rpol"
        self._versions[uri] = 1
        item = types.TextDocumentItem(uri, "python", 1, text)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(item))
        return uri

    def edit(self, uri: str, start: tuple[int, int], end: tuple[int, int], text: str) -> None:
        """Replace a range, in lines and UTF-16 units from 0."""
        change = types.TextDocumentContentChangePartial(types.Range(_place(start), _place(end)), text)
        self._send(uri, change)

    def replace(self, uri: str, text: str) -> None:
        """Replace the whole text."""
        self._send(uri, types.TextDocumentContentChangeWholeDocument(text))

    def _send(self, uri: str, change: types.TextDocumentContentChangeEvent) -> None:
        self._versions[uri] += 1
        named = types.VersionedTextDocumentIdentifier(self._versions[uri], uri)
        self.client.text_document_did_change(types.DidChangeTextDocumentParams(named, [change]))

    def close(self, uri: str) -> None:
        """Close a text."""
        self.client.text_document_did_close(
            types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(uri))
        )

    def findings(self, uri: str) -> list[types.Diagnostic]:
        """Return what is published about the present version of a text, waiting for it."""

        def latest() -> types.PublishDiagnosticsParams | None:
            versions = (p for p in self.published if p.uri == uri and p.version == self._versions[uri])
            return next(versions, None)

        return list(self.until(latest).diagnostics)

    def errors(self, uri: str) -> list[types.Diagnostic]:
        """Return what is published as wrong in the present version of a text."""
        return [d for d in self.findings(uri) if d.severity == types.DiagnosticSeverity.Error]

    def findings_in(self, text: str) -> list[types.Diagnostic]:
        """Open a text and return what is found in it."""
        return self.findings(self.open(text))

    # What an editor asks.

    def ask(self, name: str, params: Any) -> Any:
        """Send a request and return its answer."""
        return self.run(getattr(self.client, f"{name}_async")(params))

    def hover(self, uri: str, place: tuple[int, int]) -> str:
        """Return the text shown at a place, "" for none."""
        found = self.ask("text_document_hover", types.HoverParams(_named(uri), _place(place)))
        return found.contents.value if found else ""

    def complete(self, uri: str, place: tuple[int, int]) -> dict[str, types.CompletionItem]:
        """Return what may be written at a place, by label."""
        params = types.CompletionParams(_named(uri), _place(place))
        return {item.label: item for item in self.ask("text_document_completion", params) or ()}

    def actions(self, uri: str, at: types.Range, *only: str) -> list[types.CodeAction]:
        """Return the code actions of a range."""
        context = types.CodeActionContext([], only=list(only) or None)
        return list(
            self.ask("text_document_code_action", types.CodeActionParams(_named(uri), at, context)) or ()
        )


@contextmanager
def editing() -> Iterator[Session]:
    """Start a session; at its end the server must still be there, and must end as it should."""
    session = Session()
    session.start()
    yield session
    assert session.end() == 0


def at(text: str, mark: str = "§") -> tuple[str, tuple[int, int]]:
    """Return a text without its mark, and where the mark stood, in lines and UTF-16 units."""
    before, found, after = text.partition(mark)
    assert found
    line = before.rpartition("\n")[2]
    return before + after, (before.count("\n"), len(line.encode("utf-16-le")) // 2)


def _place(place: tuple[int, int]) -> types.Position:
    return types.Position(*place)


def _named(uri: str) -> types.TextDocumentIdentifier:
    return types.TextDocumentIdentifier(uri)
