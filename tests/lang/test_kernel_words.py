"""Functions of the kernel are replaced by what means the same here, whatever stands around the call."""

from __future__ import annotations

import pytest

from reclaim.lang.kernel_words import call_of_kernel


@pytest.mark.parametrize(
    ("name", "arguments", "advice", "edit"),
    [
        ("folio_test_dirty", ["folio"], "write `folio.is_dirty`", "folio.is_dirty"),
        ("PageSwapBacked", ["page"], "write `page.is_swap_backed`", "page.is_swap_backed"),
        ("likely", ["a == 1 or b == 2"], "write `(a == 1 or b == 2)`", "(a == 1 or b == 2)"),
        ("READ_ONCE", ["lruvec.x[i]"], "write `lruvec.x[i]`", "lruvec.x[i]"),
        ("div_u64", ["a + 1", "10"], "write `(a + 1) // 10`", None),
        ("folio_is_file_lru", ["folio"], "write `folio.type == FILE`", None),
        ("min_t", ["u64", "a", "b"], "write `min(a, b)`", "min(a, b)"),
        ("folio_clear_active", ["folio"], "write `folio.is_active = False`", None),
    ],
)
def test_call_is_replaced(name: str, arguments: list[str], advice: str, edit: str | None) -> None:
    """An edit is offered only where no operator around the call could take it apart."""
    assert call_of_kernel(name, arguments) == (advice, edit)


def test_unknown_function_is_left_alone() -> None:
    """Neither an unknown name nor a known one without its arguments is answered."""
    assert call_of_kernel("frobnicate", ["a"]) is None
    assert call_of_kernel("div_u64", ["a"]) is None
