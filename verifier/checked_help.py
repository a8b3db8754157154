"""Offer only help that helps: each edit is applied and the policy verified again.

An edit stays if the policy still compiles and fewer errors are left than before; otherwise it is taken
away from the diagnostic. That
costs a second verification for each edit, which only rejected policies pay.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from reclaim.diag.diagnostic import Diagnostic, Edit, Help
from reclaim.diag.edits import apply_edits
from reclaim.diag.errors import PolicyRejected
from reclaim.lang.frontend import compile_source
from reclaim.lang.ir import PolicyIR

CountErrors = Callable[[PolicyIR], int]


def with_checked_help(
    ir: PolicyIR, diagnostics: list[Diagnostic], count_errors: CountErrors
) -> list[Diagnostic]:
    """Return the diagnostics without the edits that do not remove an error.

    Args:
        ir: the policy.
        diagnostics: all errors found in it.
        count_errors: verifies a policy and counts what is wrong with it.
    """

    def helps(offer: Help) -> bool:
        left = None if offer.edit is None else _errors_after(ir, offer.edit, count_errors)
        return offer.edit is None or (left is not None and left < len(diagnostics))

    return [replace(d, help=tuple(offer for offer in d.help if helps(offer))) for d in diagnostics]


def _errors_after(ir: PolicyIR, edit: Edit, count_errors: CountErrors) -> int | None:
    """Return how many errors an edit leaves, None if what it makes is no policy."""
    try:
        return count_errors(compile_source(apply_edits(ir.source, [edit]), ir.path))
    except PolicyRejected:
        return None
