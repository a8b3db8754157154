"""Offer only help that helps: each edit is applied and the policy verified again.

An edit stays if the policy still compiles and fewer errors are left than before; otherwise it is taken
away from the diagnostic. That
costs a second verification for each edit, which only rejected policies pay, and only for what is shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace

from reclaim.diag.diagnostic import Diagnostic, Edit, Help
from reclaim.diag.edits import apply_edits
from reclaim.diag.errors import PolicyRejected
from reclaim.lang.frontend import compile_source
from reclaim.lang.ir import PolicyIR

CountErrors = Callable[[PolicyIR, bool], int]
"""Counts what is wrong with a policy; lists that nobody drains are left out if told so."""

UNDRAINED = "undrained-list"

_WAYS = re.compile(r"\b(?:return|break|continue|move|head|tail|batch|deactivate|lowest|splice|retarget)\b")
"""Words that say where folios go, and which code is run."""

MOST_OPS_VERIFIED_AGAIN = 40_000
"""Instructions of all second verifications together; ours, some 8 s. A policy as long as mglru.rpol has its twenty
tries; one of two thousand lines has five, and help for its other mistakes once these are mended."""


def with_checked_help(
    ir: PolicyIR, diagnostics: Iterable[Diagnostic], nr_errors: int, count_errors: CountErrors
) -> tuple[Diagnostic, ...]:
    """Return the diagnostics without the edits that do not remove an error, or that there was no time to try.

    Args:
        ir: the policy.
        diagnostics: those that are shown.
        nr_errors: how many errors were found, be they shown or not.
        count_errors: verifies a policy and counts what is wrong with it.
    """
    nr_ops = sum(len(block.ops) for hook in ir.hooks.values() for block in hook.blocks)
    tries = iter(range(MOST_OPS_VERIFIED_AGAIN // max(nr_ops, 1)))

    def helps(offer: Help) -> bool:
        if offer.edit is None:
            return True
        # Where a number is wrong, nothing is said yet of what follows for lists: that was hidden, and did not come.
        without_lists = not has_undrained and not leads_elsewhere(offer.edit)
        left = (
            None if next(tries, None) is None else _errors_after(ir, offer.edit, without_lists, count_errors)
        )
        return left is not None and left < nr_errors

    diagnostics = tuple(diagnostics)
    has_undrained = any(d.name == UNDRAINED for d in diagnostics)
    return tuple(replace(d, help=tuple(offer for offer in d.help if helps(offer))) for d in diagnostics)


def leads_elsewhere(edit: Edit) -> bool:
    """Tell whether an edit says where folios go or what is run, so that a list may be drained no longer."""
    return _WAYS.search(edit.text) is not None


def _errors_after(ir: PolicyIR, edit: Edit, without_lists: bool, count_errors: CountErrors) -> int | None:
    """Return how many errors an edit leaves, None if what it makes is no policy."""
    try:
        return count_errors(compile_source(apply_edits(ir.source, [edit]), ir.path), without_lists)
    except PolicyRejected:
        return None
