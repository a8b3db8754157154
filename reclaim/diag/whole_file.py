"""Files that appear whole or not at all.

Here: the one way in which results, traces and objects are written. Not here: what is in them.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

_MODE = 0o644
"""Of a new file: temporary ones are their owner's alone."""


def is_special(target: Path) -> bool:
    """Return whether a path leads to something that is no file, such as a device or a pipe, and so cannot be replaced.

    Raises:
        OSError: nobody may look.
    """
    return target.exists() and not target.is_file()


@contextlib.contextmanager
def whole_file(target: Path) -> Iterator[IO[bytes]]:
    """Give a file beside the target to write to, which takes the target's place when the block ends well.

    Links are followed. A device or a pipe is written to as it is: a file in place of /dev/null would take that from
    everybody.

    Raises:
        OSError: it cannot be written.
    """
    if is_special(target):
        with target.open("wb") as special:
            yield special
        return
    place = target.resolve()
    with tempfile.NamedTemporaryFile(dir=place.parent, prefix=f".{place.name}.", delete=False) as unfinished:
        path = Path(unfinished.name)
        try:
            yield cast("IO[bytes]", unfinished)
            unfinished.flush()
            path.chmod(_MODE)
            path.replace(place)
        finally:
            path.unlink(missing_ok=True)
