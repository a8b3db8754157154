"""One line per diagnostic, as compilers print them and editors read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reclaim.diag.diagnostic import Diagnostic


def render_short(diagnostics: Sequence[Diagnostic], path: str) -> str:
    """Print ``path:line:column: severity[code]: message`` for each diagnostic.

    Args:
        diagnostics: in the order to print them.
        path: the file, as the user named it.

    Returns:
        The text, each line ended by a line feed.
    """
    return "".join(
        f"{path}:{d.span.start.line}:{d.span.start.column}: {d.severity}[{d.code}]: {d.message}\n"
        for d in diagnostics
    )
