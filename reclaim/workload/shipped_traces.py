"""Where the traces that come with the package are.

In a checkout they are in examples/traces; an installed package carries a copy inside itself.
"""

from __future__ import annotations

from pathlib import Path

import reclaim


def shipped() -> list[Path]:
    """Return the traces of real programs that come with the package, sorted by name.

    Returns:
        Paths of `.rtrace.zst` files; empty only in a broken installation.
    """
    package = Path(reclaim.__file__).parent
    for folder in (package / "_data" / "traces", package.parent / "examples" / "traces"):
        found = sorted(folder.glob("*.rtrace.zst"))
        if found:
            return found
    return []
