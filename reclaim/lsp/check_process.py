"""The process that checks texts: it reads questions from stdin and writes answers to stdout, one after the other.

Messages are pickles, each after its length in 8 bytes; both ends are this package, started by one another.
A check that is no longer wanted is ended by ending the process.
"""

from __future__ import annotations

import asyncio
import pickle
import struct
import sys
import traceback
from typing import TYPE_CHECKING, Any, BinaryIO

from reclaim.lsp.checks import Failed
from reclaim.lsp.streams import claimed_stdout

if TYPE_CHECKING:
    from reclaim.lsp.checks import Check, FixAll, KeepFixes

    Question = Check | KeepFixes | FixAll

_LENGTH = struct.Struct("<Q")


class CheckFailed(Exception):
    """Signal that a text could not be checked, which is our own bug."""


class Checker:
    """Ask the process; it is started when first asked, and anew after it was ended."""

    def __init__(self) -> None:
        self._one_at_a_time = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None

    async def ask(self, question: Question) -> Any:
        """Return the answer; when the asking task is cancelled, the process ends with it.

        Raises:
            CheckFailed: answering went wrong.
        """
        async with self._one_at_a_time:
            try:
                answer = await self._exchange(question)
            except (asyncio.IncompleteReadError, OSError) as error:
                self.end()
                raise CheckFailed(f"the process that checks has ended: {error}") from error
            except asyncio.CancelledError:
                self.end()
                raise
        if isinstance(answer, Failed):
            raise CheckFailed(answer.traceback)
        return answer

    async def _exchange(self, question: Question) -> Any:
        process = self._process or await self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(_message(question))
        await process.stdin.drain()
        (length,) = _LENGTH.unpack(await process.stdout.readexactly(_LENGTH.size))
        return pickle.loads(await process.stdout.readexactly(length))  # noqa: S301  from our own child

    async def _start(self) -> asyncio.subprocess.Process:
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", __name__, stdin=pipe, stdout=pipe, start_new_session=True
        )
        return self._process

    def end(self) -> None:
        """End the process, whatever it is doing."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
        self._process = None

    async def ended(self) -> None:
        """End the process and wait until it is gone."""
        process = self._process
        self.end()
        if process is not None:
            await process.wait()


def serve(questions: BinaryIO, answers: BinaryIO) -> None:
    """Answer questions until there are no more."""
    while len(head := questions.read(_LENGTH.size)) == _LENGTH.size:
        (length,) = _LENGTH.unpack(head)
        question: Question = pickle.loads(questions.read(length))  # noqa: S301  from our own parent
        try:
            answer: Any = question.answer()
        except Exception:  # noqa: BLE001  whatever it is, the editor's user should read it and go on
            answer = Failed(traceback.format_exc())
        answers.write(_message(answer))
        answers.flush()


def _message(held: Any) -> bytes:
    data = pickle.dumps(held)
    return _LENGTH.pack(len(data)) + data


def main() -> None:
    """Serve on the pipes that were given."""
    serve(sys.stdin.buffer, claimed_stdout())


if __name__ == "__main__":
    main()
