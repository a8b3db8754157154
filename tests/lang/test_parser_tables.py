"""The parser's tables in the user's cache: found again, and made anew whenever they cannot be trusted."""

from __future__ import annotations

from pathlib import Path

import pytest

from reclaim.lang.nodes import Module
from reclaim.lang.parser import PolicyParser


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test a cache folder of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "reclaim"


def _works() -> bool:
    return isinstance(PolicyParser().parse("x = 1\n"), Module)


def test_tables_are_kept_readable_for_their_owner_alone(cache: Path) -> None:
    """The next process finds them, and nobody else can change them."""
    assert _works()
    (tables,) = cache.iterdir()
    assert tables.stat().st_mode & 0o077 == 0
    assert _works()


def test_broken_tables_are_made_anew(cache: Path) -> None:
    """A cache that was cut off is no reason to fail."""
    assert _works()
    (tables,) = cache.iterdir()
    tables.write_bytes(b"no tables")
    assert _works()
    assert tables.stat().st_size > 1000


def test_tables_that_others_may_write_are_not_trusted(cache: Path) -> None:
    """They are replaced by our own."""
    assert _works()
    (tables,) = cache.iterdir()
    tables.write_bytes(b"no tables")
    tables.chmod(0o666)
    assert _works()
    assert tables.stat().st_mode & 0o022 == 0


def test_folder_that_cannot_be_written_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A read-only home costs time, not function."""
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    assert _works()
