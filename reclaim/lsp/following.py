"""Following a text that is being typed: when it is checked, and which checks are given up.

A check begins when nothing was typed for a moment. While one runs and the text changes, a short one is
waited for, a long one is given up; its answer would be about a text that is gone. So a document has at most one
check under way and none waiting.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from reclaim.lsp.check_process import Checker, CheckFailed
from reclaim.lsp.checks import Check, Checked
from reclaim.lsp.documents import Document

QUIET_SECONDS = 0.1
"""Pause in typing after which a text is checked. Ours: shorter than people notice, longer than between two keys
of a fast typist (some 80 ms)."""

WAITED_SECONDS = 1.0
"""How long a check of an older text may run on. Ours: to start the process anew costs about half of that."""

LONGEST_SECONDS = 60.0
"""How long any check may run: nothing that people write takes that long, and other files wait behind it."""

_LOOKED_SECONDS = 0.05


class Follower:
    """Keep one document checked.

    Args:
        document: the document.
        checker: who checks.
        publish: called with each document whose present text was checked.
        complain: called with a text when a check went wrong.
    """

    def __init__(
        self,
        document: Document,
        checker: Checker,
        publish: Callable[[Document], None],
        complain: Callable[[str], None],
    ) -> None:
        self._document = document
        self._checker = checker
        self._publish = publish
        self._complain = complain
        self._due = 0.0
        self._task: asyncio.Task[None] | None = None

    def changed(self, pause: float = QUIET_SECONDS) -> None:
        """Check soon: the text has changed."""
        self._due = time.monotonic() + pause
        if self._task is None or self._task.done():
            self._task = asyncio.ensure_future(self._follow())

    def stop(self) -> None:
        """Give up whatever is under way."""
        if self._task is not None:
            self._task.cancel()

    async def settled(self) -> None:
        """Wait until the present text is checked, or cannot be."""
        if self._task is not None:
            await asyncio.wait({self._task})

    async def _follow(self) -> None:
        while self._document.checked_version != self._document.version:
            left = self._due - time.monotonic()
            if left > 0:
                await asyncio.sleep(left)
            else:
                await self._check()

    async def _check(self) -> None:
        document = self._document
        version = document.version
        asking = asyncio.ensure_future(self._checker.ask(Check(document.text.source, document.path)))
        try:
            found = await self._wait(asking, version)
        except CheckFailed as failed:
            self._complain(f"{document.path} could not be checked, which is our bug\n{failed}")
            self._note(None, version)
            return
        finally:
            asking.cancel()
        if found is None:
            return  # the text has changed: the next round is about the new one
        document.declared = found.declared if found.is_parsed else document.declared.behind(found.declared)
        self._note(found, version)

    def _note(self, found: Checked | None, version: int) -> None:
        document = self._document
        document.checked, document.checked_version = found, version
        if version == document.version and document.is_open:
            self._publish(document)

    async def _wait(self, asking: asyncio.Future[Checked], version: int) -> Checked | None:
        """Return the answer, None if it is given up."""
        began = time.monotonic()
        while not asking.done():
            await asyncio.wait({asking}, timeout=_LOOKED_SECONDS)
            spent = time.monotonic() - began
            if self._document.version != version and spent > WAITED_SECONDS:
                return None
            if spent > LONGEST_SECONDS:
                raise CheckFailed(f"it took more than {LONGEST_SECONDS:.0f} seconds")
        return asking.result()
