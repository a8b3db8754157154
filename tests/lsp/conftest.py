"""The fixture that most tests of this folder use: a running session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lsp.session import Session, editing


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    """Start a server, and end it in order; each test opens files of its own."""
    with editing() as running:
        yield running
