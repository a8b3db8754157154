"""The sizes of the eBPF form are large enough for everything in the tables."""

from __future__ import annotations

from reclaim.abi.cheader import helper_c_params
from reclaim.abi.helpers import HELPERS
from reclaim.abi.hooks import HOOKS
from reclaim.jit.bpf_layout import CONTEXT_ARGUMENTS, NESTED_ARGUMENTS, NR_ARGUMENTS, NR_PASSED, NR_WRITES


def test_every_call_fits() -> None:
    """Arguments of helpers and hooks, and effects of helpers, have their words."""
    assert max(len(helper_c_params(helper)) for helper in HELPERS) == NR_ARGUMENTS
    assert max(len(helper.effects.writes) for helper in HELPERS) == NR_WRITES
    assert max(len(hook.params) for hook in HOOKS.values()) == CONTEXT_ARGUMENTS <= NR_PASSED


def test_hooks_that_helpers_run_fit() -> None:
    """Helpers run one hook only, which the eBPF form knows by name."""
    run = {name for helper in HELPERS for name in helper.effects.runs}
    assert run == {"pte_young"}
    assert len(HOOKS["pte_young"].params) == NESTED_ARGUMENTS
