"""What fields of state hold between hooks, found from everything that is stored."""

from __future__ import annotations

import pytest

from reclaim.lang.frontend import compile_source
from reclaim.lang.ir import Scope
from tests.soundness.trial import Trial
from tests.verifier.policy_cases import findings
from tests.verifier.state_generator import generate_state
from verifier import invariants
from verifier.domains.product import NUMBERS
from verifier.state_ranges import StateRanges
from verifier.verified import verify

FRAME = '''"""State whose ranges are not declared."""


class Row(LruvecState):
    cells: u64[8]
    at: {kind}
    other: u32


@hook
def folio_evicted(lruvec: Lruvec, folio: Folio) -> u64:
    lruvec.cells[lruvec.at] = folio.key
{stores}
    return 0
'''


_UP = ("up = lruvec.parent", "if up is not None:")
"""Another handle, which may be the same lruvec as far as anybody proved."""


def policy(kind: str, *stores: str) -> str:
    """Return a policy that uses a field as an index and stores into it."""
    return FRAME.format(kind=kind, stores="\n".join(f"    {store}" for store in stores))


@pytest.mark.parametrize(
    ("kind", "stores"),
    [
        ("u8", ("lruvec.at = (lruvec.at + 1) % 8",)),
        ("u32", ("lruvec.at = folio.nr_pages & 5",)),
        ("u8", ("lruvec.at = min(lruvec.at + 1, 6)",)),
        ("u8", ("if lruvec.at < 7:", "    lruvec.at += 1")),
        ("u8", ("if lruvec.at != 7:", "    lruvec.at += 1")),
        ("u8", ("lruvec.at = 1 - lruvec.at",)),
        ("u64", ("lruvec.at = 7 - lruvec.at",)),
        ("u8 = field(3)", ("if lruvec.at > 1:", "    lruvec.at -= 1")),
        ("u8", ("lruvec.at = lruvec.at ^ 4",)),
        ("u8", ("lruvec.at += 1", "if lruvec.at == 8:", "    lruvec.at = 0")),
        ("u32", ("lruvec.at += 1", "if lruvec.at >= 8:", "    lruvec.at //= 2")),
        (
            "u8",
            ("if folio.is_dirty:", "    lruvec.at += 1", "    if lruvec.at > 7:", "        lruvec.at = 7"),
        ),
        (
            "u8",
            ("for i in range(3):", "    lruvec.at += 1", "    if lruvec.at > 7:", "        lruvec.at = 0"),
        ),
        ("u16", ("lruvec.at = (lruvec.at + 5) // 2",)),
    ],
)
def test_range_that_every_store_keeps_is_known_undeclared(kind: str, stores: tuple[str, ...]) -> None:
    """The initial value and all stores lie in a range, so every load does."""
    report = verify(compile_source(policy(kind, *stores), "case.rpol"))
    assert report.accepted
    assert report.state.proved[Scope.LRUVEC, "at"].unsigned[1] <= 7


@pytest.mark.parametrize(
    ("kind", "stores"),
    [
        ("u8", ("lruvec.at = (lruvec.at + 1) % 9",)),
        ("u8 = field(8)", ("lruvec.at = (lruvec.at + 1) % 8",)),
        ("u8", ("if lruvec.at <= 7:", "    lruvec.at += 1")),
        ("u8", ("if lruvec.at != 9:", "    lruvec.at += 1")),
        ("u64", ("lruvec.at += 1",)),
        ("u64", ("lruvec.at = 8 - lruvec.at",)),
        ("u8", ("lruvec.at = (lruvec.at + 1) % 8", "lruvec.at = lruvec.other % 9", "lruvec.other = 8")),
        ("u64", ("lruvec.at -= 1",)),
        ("u32", ("lruvec.at = lruvec.other",)),
        ("u32", ("lruvec.at = lruvec.other", "lruvec.cells[lruvec.at] = 1", "lruvec.at = 0")),
        ("u8", ("lruvec.at += 1", "if lruvec.at == 9:", "    lruvec.at = 0")),
        (
            "u8",
            (
                "lruvec.at += 1",
                "if folio.is_dirty:",
                "    return 1",
                "if lruvec.at == 8:",
                "    lruvec.at = 0",
            ),
        ),
        (
            "u8",
            (
                "lruvec.at += 1",
                "if folio.is_dirty:",
                '    fail("x")',
                "if lruvec.at == 8:",
                "    lruvec.at = 0",
            ),
        ),
        ("u8", ("lruvec.at = 8", *_UP, "    up.at = 0")),
        ("u8", ("lruvec.at = 8", *_UP, "    lruvec.cells[up.at] = 1", "lruvec.at = 0")),
        ("u8", ("lruvec.at = 8", *_UP, "    up.at = up.at", "lruvec.at = 0")),
        (
            "u8",
            (
                "for here in lruvec.upwards():",
                "    lruvec.cells[here.at] = 1",
                "    here.at = 8",
                "lruvec.at = 0",
            ),
        ),
        (
            "u8",
            (
                "for here in lruvec.upwards():",
                "    lruvec.cells[lruvec.at] = 1",
                "    here.at = 8",
                "    lruvec.at = 0",
            ),
        ),
        ("u8", ("if folio.is_dirty:", "    lruvec.at = 8", "lruvec.cells[lruvec.at] = 2", "lruvec.at = 0")),
        (
            "u8",
            (
                *_UP,
                "    if folio.is_dirty:",
                "        lruvec.at = 0",
                "    else:",
                "        up.at = 8",
                "    lruvec.cells[lruvec.at] = 1",
                "    up.at = 0",
            ),
        ),
    ],
)
def test_range_that_some_store_leaves_is_not_known(kind: str, stores: tuple[str, ...]) -> None:
    """One value outside of the array, at first or stored by anybody, is enough."""
    assert "RP0501" in {found.code for found in findings(policy(kind, *stores))}


def test_field_that_nothing_is_stored_into_holds_what_is_declared() -> None:
    """A policy that is not finished is not judged by what its fields hold before anybody fills them."""
    assert [found.code for found in findings(policy("u8", "lruvec.other = 1"))] == ["RP0501"]


def test_store_of_another_hook_counts() -> None:
    """All hooks of the policy see the same field."""
    source = policy("u8", "lruvec.at = (lruvec.at + 1) % 8")
    assert findings(source) == ()
    other = "\n\n@hook\ndef folio_removed(lruvec: Lruvec, folio: Folio) -> None:\n    lruvec.at = folio.nid\n"
    assert [found.code for found in findings(source + other)] == ["RP0501"]
    assert findings(source + other.replace("folio.nid", "folio.order % 8")) == ()


def test_policy_that_is_accepted_as_declared_learns_nothing_more() -> None:
    """The search for ranges is for what is rejected without it."""
    report = verify(compile_source(policy("u8 = field(0, max=7)", "lruvec.at = 7"), "case.rpol"))
    assert report.accepted
    assert not report.state.proved


def test_ranges_hold_only_if_closed_however_they_were_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A guess that leaves out what is stored is not relied upon."""
    monkeypatch.setattr(invariants, "_risen", lambda held, *_: held)
    assert not verify(compile_source(policy("u64", "lruvec.at += 1"), "case.rpol")).accepted


def test_what_is_taken_to_hold_must_be_found_in_this_policy() -> None:
    """Ranges of an earlier text do not hold in one that has no store into the field any more."""
    without = compile_source(policy("u8", "lruvec.other = 1"), "case.rpol")
    taken = StateRanges({(Scope.LRUVEC, "at"): NUMBERS.range(1, 7)})
    assert not invariants.Invariants(without).is_closed(invariants.analyse(without, taken))


WALKED = '''"""A hook that runs inside of another one reads state, too."""


class Row(LruvecState):
    table: u8[8]
    at: u8


class Own(FolioState):
    mark: u8


@hook
def pte_young(lruvec: Lruvec, folio: Folio) -> None:
    folio.mark = lruvec.table[lruvec.at]


@hook
def reclaim_folio(lruvec: Lruvec, folio: Folio) -> Verdict:
    lruvec.at += 1
    {first}
    if lruvec.at == 8:
        lruvec.at = 0
    {second}
    return RECLAIM
'''


@pytest.mark.parametrize(
    ("call", "is_seen"), [("folio.referenced(look_around=4)", True), ("folio.referenced()", False)]
)
def test_hook_inside_of_a_helper_sees_what_is_there_in_between(call: str, is_seen: bool) -> None:
    """What is set back before the helper runs was never there for its hook; what is set back later was."""
    assert findings(WALKED.format(first="pass", second=call)) == ()
    found = {found.code for found in findings(WALKED.format(first=call, second="pass"))}
    assert ("RP0501" in found) == is_seen


@pytest.mark.parametrize("group", range(4))
def test_what_fields_hold_is_so_in_every_run(group: int) -> None:
    """Whenever a hook of an accepted policy begins or ends, fields hold what was found, and no obligation breaks."""
    trials = [Trial(f"policy {seed}", generate_state(seed), seed) for seed in range(group, 80, 4)]
    assert [wrong for trial in trials for wrong in trial.found.wrong] == []
    assert sum(trial.found.counts["accepted for what they store"] for trial in trials) > 2
