"""The one hierarchy of exceptions that users of the package may see.

Everything here is an expected failure with a message written for the person who caused it.
The command line prints the message and exits 2 (1 for a rejected policy); a traceback is a bug.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reclaim.diag.diagnostic import Diagnostic


class ReclaimError(Exception):
    """Signal any failure that a user can cause and can mend."""


class ConfigError(ReclaimError):
    """Signal a machine, scenario, option or tunable that makes no sense."""


class TraceError(ReclaimError):
    """Signal a trace file that cannot be read as what it claims to be.

    Args:
        path: the file, as the user named it.
        offset: byte offset of the trouble in the decompressed data, None where there is none.
        message: what was found and what was expected.
    """

    def __init__(self, path: str | Path, offset: int | None, message: str) -> None:
        where = f"{path}" if offset is None else f"{path}: byte {offset}"
        super().__init__(f"{where}: {message}")
        self.path = Path(path)
        self.offset = offset


class PolicyRejected(ReclaimError):
    """Signal a policy that the parser, the type checker or the verifier does not accept.

    Args:
        path: the policy file, as the user named it.
        diagnostics: everything found, in source order.
    """

    def __init__(self, path: str | Path, diagnostics: Sequence[Diagnostic]) -> None:
        first = diagnostics[0]
        super().__init__(f"{path}: rejected: {first.message} [{first.code}]")
        self.path = Path(path)
        self.diagnostics = tuple(diagnostics)


class CoreFault(ReclaimError):
    """Signal that the native core refused a call or failed a check of its own."""
