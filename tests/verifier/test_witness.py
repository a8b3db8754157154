"""Witnesses are computed runs: their inputs really lead to the error."""

from __future__ import annotations

import pytest

from tests.verifier.policy_cases import findings, policies

EXPECTED = {
    "index_above_end": ("bucket", "64"),
    "counter_overflows_field": ("folio.uses", "3"),
    "divide_by_sum": ("lruvec.anon + lruvec.file + 1", "0"),
    "none_target": ("sc.target", "None"),
    "signed_overflow": ("lruvec.slope", "-9223372036854775808"),
    "shift_too_far": ("folio.nr_pages", "512"),
}


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_witness_names_input_and_value(name: str) -> None:
    """The message holds numbers with which the author can follow the mistake."""
    path = next(path for path in policies("rejected") if path.stem == name)
    (found,) = findings(path.read_text(encoding="utf-8"))
    key, value = EXPECTED[name]
    assert found.witness[key] == value


def test_unreachable_violation_has_no_witness() -> None:
    """Nothing is claimed where no run was found: here the two conditions never hold together."""
    source = (
        '"""x"""\n\n\n@hook\ndef folio_evicted(folio: Folio) -> u64:\n'
        "    if folio.key * folio.key % 4 == 2:\n        return 1 << folio.nr_pages\n    return 0\n"
    )
    (found,) = findings(source)
    assert found.witness == {}
