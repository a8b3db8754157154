"""One module per foreign trace format; each declares one `FORMAT`.

The registry is the folder itself: a module put here is offered by `--format` and by recognition, and no
list has to be changed.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from typing import cast

from reclaim.workload.foreign import Format


@functools.cache
def foreign_formats() -> dict[str, Format]:
    """Return every foreign format by name, in alphabetic order."""
    modules = [importlib.import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__)]
    formats = [cast("Format", module.FORMAT) for module in modules]
    return {format_.name: format_ for format_ in sorted(formats, key=lambda f: f.name.lower())}
