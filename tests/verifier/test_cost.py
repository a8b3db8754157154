"""Worst-case costs: what is counted, and that no run costs more."""

from __future__ import annotations

import random
from collections.abc import Mapping
from contextlib import suppress

import pytest

from reclaim.abi.helpers import HELPERS, SCAN_COST
from reclaim.abi.hooks import HOOKS
from reclaim.lang.frontend import compile_source
from reclaim.lang.interp import ObligationBroken, RuntimeValue
from reclaim.lang.ir import Block, Call, Op, ScanFirst, ScanNext, Terminator, Value
from tests.fakes.fake_machine import ContractEnvironment, FakeMachine
from tests.verifier.test_executed_policies import compiled
from verifier.cost import HookCost
from verifier.explain_cost import cost_table
from verifier.obligations import RUN_BY_HELPERS
from verifier.source_places import SourceText
from verifier.verified import verify

HEADER = (
    '"""x"""\nclass Work(LruvecState):\n    nr: u64[16]\n\n\n@hook\ndef batch_done(lruvec: Lruvec) -> None:\n'
)


def cost(body: str) -> int:
    """Return the cost of a hook with that body."""
    return verify(compile_source(HEADER + body, "x.rpol")).costs["batch_done"].total


def test_loop_costs_its_rounds_times_its_body() -> None:
    """Doubling the rounds doubles the cost of the rounds."""
    body = "    for i in range({}):\n        lruvec.nr[i] = 0\n"
    four, eight, sixteen = (cost(body.format(rounds)) for rounds in (4, 8, 16))
    assert sixteen - eight == 2 * (eight - four)


def test_branch_costs_its_dearer_side() -> None:
    """Only one side runs."""
    dear = "lruvec.nr[1] = isqrt(lruvec.nr_pages)"
    both = f"    if lruvec.nr_pages > 9:\n        lruvec.nr[0] = 1\n    else:\n        {dear}\n"
    alone = f"    if lruvec.nr_pages > 9:\n        {dear}\n"
    assert cost(both) - cost(alone) < 4


def test_bounded_loop_costs_its_proved_bound() -> None:
    """A bound that depends on data counts with its largest proved value."""
    fixed = cost("    for i in range(16):\n        lruvec.nr[i] = 0\n")
    bounded = cost("    for i in range(min(lruvec.nr_pages, 16)):\n        lruvec.nr[i] = 0\n")
    assert fixed <= bounded < fixed + 20


def test_what_further_mappings_add_is_stated_beside() -> None:
    """It is what the helper costs at the worst, in each round, by the way that asks most; the rest does not hang on them."""
    head = '"""x"""\n\n\n@hook\ndef reclaim_folio(folio: Folio) -> Verdict:\n'
    alone = _cost_of_reclaim(head + "    return ROTATE if folio.referenced() > 1 else RECLAIM\n")
    assert alone.per_mapping == next(helper.cost for helper in HELPERS if helper.name == "referenced")
    rounds = "    seen = 0\n    for i in range(3):\n        seen = max(seen, folio.referenced({}))\n"
    several = _cost_of_reclaim(head + rounds.format("") + "    return ROTATE if seen > 1 else RECLAIM\n")
    assert several.per_mapping == 3 * alone.per_mapping
    either = (
        head
        + "    if folio.is_dirty:\n        return ROTATE\n    return ROTATE if folio.referenced() > 1 else RECLAIM\n"
    )
    assert _cost_of_reclaim(either).per_mapping == alone.per_mapping
    looking = _cost_of_reclaim(
        head + "    return ROTATE if folio.referenced(look_around=8) > 1 else RECLAIM\n"
    )
    assert alone.per_mapping < looking.per_mapping < looking.total
    assert _cost_of_reclaim(head + "    return RECLAIM\n").per_mapping == 0


def _cost_of_reclaim(source: str) -> HookCost:
    return verify(compile_source(source, "x.rpol")).costs["reclaim_folio"]


def test_a_way_out_of_a_loop_is_paid_once() -> None:
    """What stands before a `return` or `break` happens in one round, be it that of an inner loop."""
    search = "    for i in range(16):\n        if lruvec.nr[i] == 7:\n{}            {}\n"
    dear = "            lruvec.nr[0] = isqrt(lruvec.nr[1])\n"
    for leave in ("return", "break"):
        assert cost(search.format(dear, leave)) < cost(search.format("", leave)) + 100
    inner = "".join("    " + line + "\n" for line in search.format(dear, "return").splitlines())
    assert cost("    for k in range(16):\n" + inner) < 16 * 16 * 10 + 100
    assert cost(search.format(dear, "continue")) > 16 * 80


def test_a_loop_that_nothing_leaves_has_a_cost() -> None:
    """Where an access fails in every round nothing behind the loop is reached; the hook is rejected, and answered."""
    body = (
        "    seen: u64 = 0\n    rest: u64 = lruvec.nr[0] % max(seen, 1)\n    for i in range(8):\n"
        "        if i <= i:\n            lruvec.nr[i - 1 - i] = 3\n        seen = rest - i + seen\n"
    )
    report = verify(compile_source(HEADER + body, "x.rpol"))
    assert [found.code for found in report.diagnostics] == ["RP0501"]
    assert report.costs["batch_done"].total > 8


def test_hooks_run_by_helpers_run_no_helpers_that_run_hooks() -> None:
    """The graph hook, helper, hook has no cycle, so costs can be added up."""
    families = {family for name in RUN_BY_HELPERS for family in HOOKS[name].families}
    assert [helper.name for helper in HELPERS if helper.effects.runs and helper.family in families] == []


WALKED = """\"\"\"x\"\"\"


@hook
def reclaim_folio(folio: Folio) -> Verdict:
    looked = folio.referenced(look_around=8)
    return RECLAIM if folio.referenced() + looked > 0 else ROTATE
"""


def test_rows_of_calls_say_how_often_and_how_much() -> None:
    """A fixed cost is one time that cost; a driven one is units times their cost, and the fixed part once.

    A look-around runs `pte_young` twice for each unit, and for what waited in a batch before.
    """
    rows = verify(compile_source(WALKED, "x.rpol")).costs["reclaim_folio"].parts
    shown = [(row.times, row.each, row.once, row.total) for row in rows]
    assert shown == [(8, 4 + 2 * 16, 600 + 30 * 16, 1368), (1, 600, 0, 600)]


def test_cost_table_multiplies_out() -> None:
    """In every row times * each + once is the total, loops included."""
    loop = "    for i in range(16):\n        lruvec.nr[i] = isqrt(lruvec.nr_pages)\n"
    costs = verify(compile_source(HEADER + loop, "x.rpol")).costs["batch_done"]
    rows = [line.split()[-4:] for line in cost_table(costs, SourceText(HEADER + loop), 1)]
    numbers = [[int(word) for word in row] for row in rows[1:-2]]
    assert len(numbers) == 2
    assert [times * each + once for times, each, once, _ in numbers] == [row[3] for row in numbers]


class Meter:
    """Add up what a run costs; the arguments of calls at what they really are."""

    def __init__(self) -> None:
        self.total = 0

    def observe(self, _block: Block, op: Op | Terminator, _values: Mapping[Value, RuntimeValue]) -> None:
        """Count one instruction."""
        self.total += 1
        if isinstance(op, (ScanFirst, ScanNext)):
            self.total += SCAN_COST
        if isinstance(op, Call):
            self.total += op.helper.cost


@pytest.mark.parametrize("seed", range(30))
def test_no_run_costs_more_than_the_worst_case(seed: int) -> None:
    """The proved cost is an upper bound of every run."""
    policy = compiled(seed)
    if policy is None:
        return
    report = verify(policy)
    costs = report.costs
    for hook in policy.hooks:
        machine = FakeMachine(policy, random.Random(seed), state=report.state)
        env, meter = ContractEnvironment(machine), Meter()
        env.interpreter.observer = meter.observe
        with suppress(ObligationBroken):  # a rejected policy may break one
            env.interpreter.run(hook, machine.arguments(hook))
        assert meter.total <= costs[hook].total
