"""What goes wrong inside must not end the session, and what ends it ends everything."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types

from reclaim.diag.diagnostic import Position, Span
from reclaim.lsp import hovering
from reclaim.lsp.check_process import Checker, CheckFailed
from reclaim.lsp.checks import Check
from reclaim.lsp.documents import Document, Text
from reclaim.lsp.following import Follower
from reclaim.lsp.positions import Places
from reclaim.lsp.server import make_server
from tests.lsp.session import CAPABILITIES, Session, editing
from tests.lsp.test_diagnostics_while_typing import FIFO


class _Broken(Check):
    """A question that our own code cannot answer."""

    def answer(self) -> Any:
        raise ZeroDivisionError("on purpose")


class _Slow(Check):
    """A question that takes for ever."""

    def answer(self) -> Any:
        import time

        time.sleep(1000)


def test_mistake_in_a_handler_is_logged_and_answered_with_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that goes wrong is answered, and the traceback goes to the editor's log."""
    server = make_server()
    logged: list[types.LogMessageParams] = []
    monkeypatch.setattr(server, "window_log_message", logged.append)
    document = Document("file:///x.rpol", Text(FIFO, types.PositionEncodingKind.Utf16), 1)
    server.documents[document.uri] = document

    async def settled(_document: Document) -> None:
        await asyncio.sleep(0)

    monkeypatch.setattr(server, "settled", settled)
    monkeypatch.setattr(hovering, "hover", lambda *_: 1 // 0)
    hover = server.protocol.fm.features[types.TEXT_DOCUMENT_HOVER]
    params = types.HoverParams(types.TextDocumentIdentifier(document.uri), types.Position(0, 0))

    assert asyncio.run(hover(params)) is None
    assert "ZeroDivisionError" in logged[0].message


def test_request_about_an_unknown_file_does_not_end_the_session(session: Session) -> None:
    """A file that was never opened has no answers, and the next request is served."""
    assert session.hover("file:///never.rpol", (0, 0)) == ""
    assert "never.rpol" in session.logged[-1].message
    assert session.findings_in(FIFO) == []


def test_places_outside_of_the_text_are_taken_as_its_nearest(session: Session) -> None:
    """Editors and servers are out of step at times; a place beyond the end is no mistake."""
    uri = session.open(FIFO)
    assert session.hover(uri, (1000, 1000)) == ""
    session.complete(uri, (3, 9999))
    session.edit(uri, (1000, 5), (2000, 5), "\n# more\n")
    assert session.errors(uri) == []


def test_failing_check_is_told_and_the_process_goes_on() -> None:
    """A bug in the verifier is a message with its traceback; the next question is answered."""

    async def ask() -> None:
        checker = Checker()
        with pytest.raises(CheckFailed, match="on purpose"):
            await checker.ask(_Broken("", "x"))
        assert (await checker.ask(Check(FIFO, "x.rpol"))).diagnostics == ()
        await checker.ended()

    asyncio.run(ask())


def test_cancelled_check_ends_its_process() -> None:
    """A check that is given up does not run on; the next one gets a new process."""

    async def ask() -> None:
        checker = Checker()
        asking = asyncio.ensure_future(checker.ask(_Slow("", "x")))
        await asyncio.sleep(1.0)
        process = checker._process
        assert process is not None
        asking.cancel()
        assert await asyncio.wait_for(process.wait(), 10) == -signal.SIGKILL
        assert (await checker.ask(Check(FIFO, "x.rpol"))).diagnostics == ()
        await checker.ended()

    asyncio.run(ask())


def test_check_of_an_older_text_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long check whose text has changed makes room for the present text."""
    asked: list[str] = []

    class Slow(Checker):
        async def ask(self, question: Any) -> Any:
            asked.append(question.source)
            await asyncio.sleep(1000 if question.source == "slow" else 0)
            return question.answer()

    monkeypatch.setattr("reclaim.lsp.following.WAITED_SECONDS", 0.0)

    async def type_on() -> Document:
        document = Document("file:///x.rpol", Text("slow", types.PositionEncodingKind.Utf16), 1)
        follower = Follower(document, Slow(), lambda _: None, lambda _: None)
        follower.changed(pause=0)
        await asyncio.sleep(0.02)
        document.text, document.version = Text(FIFO, types.PositionEncodingKind.Utf16), 2
        follower.changed()
        await asyncio.wait_for(follower.settled(), 10)
        return document

    document = asyncio.run(type_on())
    assert asked == ["slow", FIFO]
    assert document.current is not None


@pytest.mark.parametrize("farewell", ["exit", "end of input", "killed"])
def test_nothing_is_left_behind(farewell: str) -> None:
    """However the server ends, the process that checks ends with it."""
    session = Session()
    session.start()
    session.findings_in(FIFO)
    server = session.client._server
    assert server is not None
    assert server.stdin is not None
    children = _children(server.pid)
    assert children
    if farewell == "exit":
        assert session.end() == 0
    elif farewell == "end of input":
        server.stdin.close()
        session.run(server.wait())
    else:
        server.kill()
        session.run(server.wait())
    for _ in range(200):
        if not any(map(_is_running, children)):
            return
        asyncio.run(asyncio.sleep(0.05))
    pytest.fail(f"still running: {children}")


def _children(pid: int) -> list[int]:
    found = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False
    )
    return [int(word) for word in found.stdout.split()]


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    return status.rpartition(")")[2].split()[0] != "Z"


def test_other_position_encodings_are_agreed_on() -> None:
    """An editor that counts bytes gets bytes."""
    general = types.GeneralClientCapabilities(position_encodings=[types.PositionEncodingKind.Utf8])
    session = Session()
    result = session.start(
        types.ClientCapabilities(general=general, text_document=CAPABILITIES.text_document)
    )
    assert result.capabilities.position_encoding == types.PositionEncodingKind.Utf8
    (found,) = session.findings_in(
        'x = tunable(u32, default=1, min=0, max=9, unit="😀é", doc=§3)\n'.replace("§", "")
    )
    assert found.range.start.character == len(
        'x = tunable(u32, default=1, min=0, max=9, unit="😀é", doc='.encode()
    )
    assert session.end() == 0


@pytest.mark.parametrize("encoding", list(types.PositionEncodingKind))
def test_places_translate_there_and_back(encoding: types.PositionEncodingKind) -> None:
    """A place of ours is the same after the editor had it; a unit inside of a letter is that letter's."""
    places = Places(["\ufeffa😀b", "é漢\t", ""], encoding)
    for line, length in ((1, 3), (2, 3), (3, 0)):
        for column in range(1, length + 2):
            place = Position(line, column)
            assert places.ours(places.theirs(place)) == place
    end = places.range(Span(Position(3, 1), Position(4, 1))).end
    assert end == types.Position(2, 0)


def test_missing_extra_is_said_with_exit_code_2() -> None:
    """Without pygls the command says what to install."""
    program = (
        "import sys, importlib.util as u; find = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name == 'pygls' else find(name, *rest)\n"
        "sys.argv = ['reclaim', 'lsp']\nfrom reclaim.cli import main\nmain(prog_name='reclaim')"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "pip install 'reclaim-lab[lsp]'" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_two_sessions_do_not_meet() -> None:
    """Each editor has its own server."""
    with editing() as one, editing() as other:
        assert one.findings_in("x = y\n")
        assert other.findings_in(FIFO) == []
