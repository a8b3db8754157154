"""Generated files that are committed say what the tables say today; the pages of docs/ are checked in tests/docs."""

from __future__ import annotations

from reclaim.abi import cheader


def test_c_header_committed_is_fresh() -> None:
    """The core compiles against the contract as it is; `make generate` writes the header."""
    assert cheader.HEADER.read_text(encoding="utf-8") == cheader.render()
