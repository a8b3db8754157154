"""Verdicts on whole policies, and the type that only accepted ones get."""

from __future__ import annotations

from pathlib import Path

import pytest

from reclaim.diag.errors import PolicyRejected
from reclaim.lang.frontend import compile_file, compile_source
from tests.verifier.policy_cases import policies
from verifier.verified import VerifiedPolicy, verify, verify_or_raise

BUILT_IN = sorted((Path(__file__).parents[2] / "policies").glob("*.rpol"))


@pytest.mark.parametrize("path", BUILT_IN, ids=lambda path: path.stem)
def test_shipped_policy_is_accepted(path: Path) -> None:
    """Every policy that we ship can be used."""
    assert verify(compile_file(path)).diagnostics == ()


def test_accepted_policy_becomes_a_verified_one() -> None:
    """The verified policy holds the very representation that was verified, and its costs."""
    ir = compile_file(policies("accepted")[0])
    verified = verify_or_raise(ir)
    assert verified.ir is ir
    assert set(verified.costs) == set(ir.hooks)


def test_rejected_policy_raises_with_its_diagnostics() -> None:
    """What is wrong travels with the exception."""
    ir = compile_file(next(path for path in policies("rejected") if path.stem == "divide_by_sum"))
    with pytest.raises(PolicyRejected) as rejected:
        verify_or_raise(ir)
    assert [d.code for d in rejected.value.diagnostics] == ["RP0502"]


def test_verified_policy_cannot_be_made_elsewhere() -> None:
    """The code generator may trust the type."""
    ir = compile_file(policies("accepted")[0])
    with pytest.raises(TypeError):
        VerifiedPolicy(ir, {}, object())


TWO_MISTAKES = '''"""Two hooks, a mistake in each, one of them in a function that both call."""


@hook
def folio_evicted(folio: Folio) -> u64:
    return share(folio) + (1 << folio.nr_pages)


@hook
def folio_accessed(folio: Folio) -> None:
    folio.is_active = share(folio) > 1


def share(folio: Folio) -> u64:
    return 100 // folio.order
'''


def test_errors_of_all_hooks_are_reported_together() -> None:
    """One wrong hook does not hide another; a function called twice is reported once."""
    found = verify(compile_source(TWO_MISTAKES, "x.rpol")).diagnostics
    assert [(d.code, d.span.start.line) for d in found] == [("RP0505", 6), ("RP0502", 15)]
