"""Witnesses are computed runs: their inputs really lead to the error."""

from __future__ import annotations

import random
from contextlib import suppress
from pathlib import Path

import pytest

from reclaim.diag.diagnostic import Span
from reclaim.diag.errors import PolicyRejected
from reclaim.lang.frontend import compile_source
from reclaim.lang.interp import ObligationBroken
from tests.fakes.fake_machine import ContractEnvironment, FakeMachine
from tests.verifier.policy_cases import findings, policies
from verifier.verified import verify
from verifier.witness_text import EVERY_RUN, NO_RUN

_NR_MACHINES = 6

EXPECTED = {
    "index_above_end": ("bucket", "64"),
    "counter_overflows_field": ("folio.uses", "3"),
    "divide_by_sum": ("lruvec.anon + lruvec.file + 1", "0"),
    "none_target": ("sc.target", "None"),
    "signed_overflow": ("lruvec.slope", "-9223372036854775808"),
    "shift_too_far": ("folio.nr_pages", "512"),
    "budget_clear_in_admit": ("folio.key", "4096"),
    "moved_twice": ("folio.is_active", "True"),
    "splice_in_scan": ("folio.is_active", "True"),
    "move_in_verdict": ("folio.is_referenced", "True"),
}


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_witness_names_input_and_value(name: str) -> None:
    """The message holds numbers with which the author can follow the mistake."""
    path = next(path for path in policies("rejected") if path.stem == name)
    (found,) = findings(path.read_text(encoding="utf-8"))
    key, value = EXPECTED[name]
    assert found.witness[key] == value


@pytest.mark.parametrize("path", policies("rejected"), ids=lambda path: path.stem)
def test_verifier_shows_a_run_or_says_that_it_found_none(path: Path) -> None:
    """Whatever is said about a hook comes with an input, or with how far the search for one went."""
    source = path.read_text(encoding="utf-8")
    try:
        policy = compile_source(source, path.name)
    except PolicyRejected:
        return
    for found in verify(policy).diagnostics:
        assert found.name == "undrained-list" or found.witness or {EVERY_RUN, NO_RUN} & {*found.notes}


_HOOK = '"""x"""\n\nqueue = folio_list()\n\n\n@hook\ndef folio_added(folio: Folio, reason: Added) -> Place:\n'


@pytest.mark.parametrize(
    ("body", "witness"),
    [
        ("    folio.referenced()\n", {}),
        ("    if reason == Added.SWAP_IN:\n        folio.referenced()\n", {"reason": "Added.SWAP_IN"}),
        ("    if folio.list == queue:\n        folio.referenced()\n", {"folio.list": "queue"}),
        (
            "    if folio.is_dirty:\n        folio.is_active = False\n    if folio.order > 3:\n        folio.referenced()\n",
            {"folio.order": "4"},
        ),
    ],
)
def test_witness_of_a_rule_about_places_names_what_leads_there(body: str, witness: dict[str, str]) -> None:
    """Branches that lead to the place either way do not matter, and are not named."""
    (found, *_) = findings(f"{_HOOK}{body}    return inactive_file.head\n")
    assert found.name == "helper-not-permitted"
    assert found.witness == witness
    assert (EVERY_RUN in found.notes) == (not witness)


def test_cost_beyond_the_budget_is_shown_by_a_run() -> None:
    """The run's loop goes round as often as it takes, and the interpreter's run costs as much."""
    (found,) = findings(
        '"""x"""\n\nlimit = tunable(u32, default=5, min=0, max=9000, doc="rounds")\n\n\n'
        "@hook\ndef folio_evicted(folio: Folio) -> u64:\n    total = 0\n"
        "    for i in range(limit):\n        total += i\n    return total\n"
    )
    assert found.name == "budget-exceeded"
    assert found.witness == {"limit": "9000"}


def test_cost_that_no_run_has_is_said_to_be_unproved() -> None:
    """Both loops are dear, and no run goes through both."""
    loop = "    if folio.nr_pages {} 4:\n        for i in range(600):\n            total += i\n"
    (found,) = findings(
        '"""x"""\n\n\n@hook\ndef folio_evicted(folio: Folio) -> u64:\n    total = 0\n'
        + loop.format("<")
        + loop.format(">=")
        + "    return total\n"
    )
    assert found.name == "budget-exceeded"
    assert found.witness == {}
    assert NO_RUN in found.notes


def test_unreachable_violation_has_no_witness() -> None:
    """Nothing is claimed where no run was found: here the two conditions never hold together."""
    source = (
        '"""x"""\n\n\n@hook\ndef folio_evicted(folio: Folio) -> u64:\n'
        "    if folio.key * folio.key % 4 == 2:\n        return 1 << folio.nr_pages\n    return 0\n"
    )
    (found,) = findings(source)
    assert found.witness == {}


@pytest.mark.parametrize("path", policies("rejected"), ids=lambda path: path.stem)
def test_what_happens_in_every_run_happens_in_random_runs(path: Path) -> None:
    """Where no input is said to matter, runs on made-up machines come to the place whatever they read."""
    source = path.read_text(encoding="utf-8")
    try:
        policy = compile_source(source, path.name)
    except PolicyRejected:
        return
    report = verify(policy)
    for found in report.diagnostics:
        if EVERY_RUN in found.notes and found.hook is not None and found.name != "budget-exceeded":
            rng = random.Random(path.stem)
            for number in range(_NR_MACHINES):
                machine = FakeMachine(policy, rng, extreme=number % 2 == 1, state=report.state)
                assert _comes_to(found.span, machine, found.hook)


def _comes_to(place: Span, machine: FakeMachine, hook: str) -> bool:
    """Tell whether a run comes to an instruction at a place."""
    lines: set[int] = set()
    env = ContractEnvironment(machine)
    env.interpreter.observer = lambda _block, op, _values: lines.add(op.span.start.line)
    with suppress(ObligationBroken):
        env.interpreter.run(hook, machine.arguments(hook))
    return place.start.line in lines
