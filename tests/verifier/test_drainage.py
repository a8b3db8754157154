"""Lists count as filled and drained by what some run can do, not by what is written somewhere."""

from __future__ import annotations

import pytest

from tests.verifier.policy_cases import findings

HOT = """\"\"\"Folios wait on a list of their own.\"\"\"

main = folio_list()
hot = folio_list()
cold = folio_list()


@hook
def folio_added(folio: Folio) -> Place:
    {filling}
    return main.head


@hook
def isolate_folio(folio: Folio, sc: ScanControl) -> Isolation:
    {claiming}
    return TAKE


@hook
def next_batch(sc: ScanControl) -> Batch:
    {draining}
    return main.batch(32)
"""

PLACED = "if folio.in_fault: return hot.head"
CLAIMED = "folio.retarget(hot)"
NEVER = "if sc.priority > 12: return hot.batch(32)"
SOMETIMES = "if sc.priority > 11: return hot.batch(32)"


def codes(filling: str = "pass", claiming: str = "pass", draining: str = "pass") -> list[str]:
    """Return the codes found in a policy that does these things with a list."""
    source = HOT.format(filling=filling, claiming=claiming, draining=draining)
    for line in (filling, claiming, draining):
        source = source.replace(line, line.replace(": return", ":\n        return"))
    return [d.code for d in findings(source)]


@pytest.mark.parametrize(
    "draining",
    [
        "pass",
        NEVER,
        "if False: return hot.batch(32)",
        "kept = hot.batch(32)",
        "return (hot if sc.priority > 12 else main).batch(32)",
        "for folio in hot.scan(limit=1):\n        pass",
        "for folio in hot.scan(limit=1):\n        folio.move(hot.head)",
        "for folio in main.scan(limit=1):\n        folio.move(hot.head)",
        "hot.splice(hot.head, limit=8)",
        "to = None if sc.priority > 6 else hot.head\n    if to is not None:\n        hot.splice(to, limit=8)",
        "hot.splice(cold.head, limit=8)\n    cold.splice(hot.head, limit=8)",
        "if sc.priority > 12:\n        hot.splice(main.head, limit=8)",
    ],
)
@pytest.mark.parametrize("how", ["filling", "claiming"])
def test_filled_list_without_reached_answered_batch_is_rejected(how: str, draining: str) -> None:
    """A batch that no run answers drains nothing, nor does a move to nowhere, however the list is filled."""
    filled = {"filling": PLACED} if how == "filling" else {"claiming": CLAIMED}
    assert set(codes(**filled, draining=draining)) == {"RP0654"}


@pytest.mark.parametrize(
    "draining",
    [
        SOMETIMES,
        "kept = hot.batch(32)\n    if sc.priority > 11: return kept",
        "return (hot if sc.priority > 11 else main).batch(32)",
        "for folio in hot.scan(limit=1):\n        if folio.in_fault:\n            folio.move(main.tail)",
        "hot.splice(main.head, limit=8)",
        "hot.splice(cold.head, limit=8)\n    cold.splice(main.head, limit=8)",
    ],
)
def test_filled_list_with_reached_batch_is_accepted(draining: str) -> None:
    """One way that some run can go is enough, be it over another list."""
    assert codes(PLACED, CLAIMED, draining) == []


def test_unreached_fill_needs_no_drain() -> None:
    """What never happens fills nothing."""
    assert codes(claiming="if sc.priority > 12: return move(hot.head)") == []


def test_claimed_unevictable_list_is_rejected_like_a_place_there() -> None:
    """Folios that claim a list which reclaim never looks at are pinned."""
    assert codes(claiming="folio.retarget(unevictable)") == ["RP0654"]


def test_claiming_the_own_list_fills_nothing() -> None:
    """A list that was read from the folio is no new one."""
    claiming = "own = folio.list\n    if own is not None:\n        folio.retarget(own)"
    assert codes(claiming=claiming) == []


@pytest.mark.parametrize(("claiming", "expected"), [("pass", ["RP0654"]), ("folio.retarget(cold)", [])])
def test_folio_put_back_where_it_says_leaves_its_list_only_by_another_claim(
    claiming: str, expected: list[str]
) -> None:
    """A scan that asks a folio for its list comes by the scanned one, unless folios are made to claim another."""
    draining = """for folio in hot.scan(limit=8):
        own = folio.list
        if own is not None:
            folio.move(own.head)
    if sc.priority > 11:
        return cold.batch(32)"""
    assert codes(filling=PLACED, claiming=claiming, draining=draining) == expected


def test_reading_the_size_of_a_list_fills_nothing() -> None:
    """`page_state` takes a list and puts nothing there."""
    source = HOT.format(
        filling="pass", claiming="pass", draining="if lruvec.page_state(hot) > 0: return STOP"
    )
    source = source.replace(": return STOP", ":\n        return STOP").replace(
        "next_batch(", "next_batch(lruvec: Lruvec, "
    )
    assert findings(source) == ()


LRU = """\"\"\"The kernel's lists by number.\"\"\"


@hook
def folio_added(folio: Folio) -> Place:
    return {place}


@hook
def next_batch(sc: ScanControl) -> Batch:
    return {batch}


@hook
def folio_accessed() -> None:
    pass


@hook
def reclaim_folio() -> Verdict:
    return RECLAIM


@hook
def folio_putback(folio: Folio) -> Place:
    return {place}
"""


@pytest.mark.parametrize(
    ("place", "batch", "codes"),
    [
        ("lru[folio.type][ACTIVE].head", "lru[sc.priority % 2][ACTIVE].batch(32)", []),
        ("active_file.head", "lru[sc.priority % 2][ACTIVE].batch(32)", []),
        ("inactive_anon.head", "lru[ANON][INACTIVE].batch(32)", []),
        ("lru[ANON][folio.order % 2].head", "lru[ANON][sc.priority % 2].batch(32)", []),
        ("lru[ANON][folio.order % 2].head", "lru[ANON][INACTIVE].batch(32)", ["RP0654"]),
        ("lru[folio.type][ACTIVE].head", "lru[ANON][INACTIVE].batch(32)", ["RP0654"]),
        ("lru[FILE][INACTIVE].head", "active_anon.batch(32)", ["RP0654"]),
    ],
)
def test_array_of_the_kernels_lists_stands_for_those_that_its_indices_leave(
    place: str, batch: str, codes: list[str]
) -> None:
    """A constant index leaves half of the four, a variable one all; by number or by name they are the same."""
    assert [d.code for d in findings(LRU.format(place=place, batch=batch))] == codes


WAITING = """\"\"\"Folios wait on a list that is shown to `deactivate_folio`.\"\"\"

hot = folio_list()
cold = folio_list()


def or_hot(place: Place | None) -> Place:
    return hot.head if place is None else place


@hook
def folio_added() -> Place:
    return hot.head


@hook
def deactivate_folio(folio: Folio) -> Place:
    own = folio.list
    return {place}


@hook
def next_batch(sc: ScanControl) -> Batch:
    return hot.deactivate(32) if sc.priority > 6 else {batch}
"""


@pytest.mark.parametrize(
    ("place", "batch", "codes"),
    [
        ("cold.head", "cold.batch(32)", []),
        ("cold.head if folio.is_referenced else hot.head", "cold.batch(32)", []),
        ("hot.head", "hot.batch(32)", []),
        ("hot.head", "STOP", ["RP0654"]),
        ("hot.head if own is None else own.tail", "STOP", ["RP0654"]),
        ("or_hot(None if folio.is_active else hot.tail)", "STOP", ["RP0654"]),
        ("or_hot(None if folio.is_active else cold.tail)", "STOP", ["RP0654", "RP0654"]),
        ("or_hot(None if folio.is_active else cold.tail)", "cold.batch(8)", []),
        ("cold.head", "cold.deactivate(32)", ["RP0654", "RP0654"]),
        ("cold.head", "STOP", ["RP0654", "RP0654"]),
    ],
)
def test_deactivation_drains_by_where_its_folios_go(place: str, batch: str, codes: list[str]) -> None:
    """What is shown to `deactivate_folio` was not offered for reclaim yet."""
    assert sorted(d.code for d in findings(WAITING.format(place=place, batch=batch))) == codes


ARRIVALS = """\"\"\"Batches from some lists, and few hooks.\"\"\"

queue = folio_list()


@hook
def folio_added(folio: Folio) -> Place:
    return {place}


@hook
def next_batch(sc: ScanControl) -> Batch:
    if sc.priority > 6:
        return {first}
    return {second}
"""

PUT = "@hook\ndef {}(folio: Folio) -> {}:\n    return {}\n"
OWN_HOOKS = {
    "folio_accessed": PUT.format("folio_accessed", "Place | None", "None"),
    "reclaim_folio": PUT.format("reclaim_folio", "Verdict", "RECLAIM"),
    "folio_putback": PUT.format("folio_putback", "Place", "lru[folio.type][INACTIVE].tail"),
    "deactivate_folio": PUT.format("deactivate_folio", "Place", "queue.head"),
}
INACTIVE = "lru[folio.type][INACTIVE].head", "inactive_file.batch(32)", "inactive_anon.batch(32)"
ALL_BY_TYPE = "lru[folio.type][INACTIVE].head", "lru[sc.priority % 2][ACTIVE].deactivate(8)", INACTIVE[1]
ACTIVE_FILE = "active_file.head", "active_file.batch(32)", "active_file.batch(32)"


@pytest.mark.parametrize(
    ("lists", "own", "forgotten"),
    [
        (INACTIVE, (), "`folio_accessed` fills `active_anon`, `active_file`"),
        (INACTIVE, ("folio_accessed",), "`reclaim_folio` fills `active_anon`, `active_file`"),
        (INACTIVE, ("folio_accessed", "reclaim_folio"), "`folio_putback` fills `active_anon`, `active_file`"),
        (INACTIVE, ("folio_accessed", "reclaim_folio", "folio_putback"), None),
        (ALL_BY_TYPE, (), "list `inactive_anon` is filled"),
        (("active_file.head", "active_file.deactivate(8)", "inactive_file.batch(8)"), (), None),
        (ACTIVE_FILE, (), "`folio_putback` fills `inactive_file`"),
        (ACTIVE_FILE, ("folio_putback",), "list `inactive_anon` is filled"),
        (("queue.head", "queue.batch(8)", "queue.batch(8)"), (), None),
        (
            ("queue.head", "queue.batch(8)", "queue.deactivate(8)"),
            (),
            "`deactivate_folio` fills `inactive_anon`, `active_anon`, `inactive_file`, `active_file`",
        ),
        (("queue.head", "queue.batch(8)", "queue.deactivate(8)"), ("deactivate_folio",), None),
    ],
)
def test_default_of_a_left_out_hook_fills_lists(
    lists: tuple[str, str, str], own: tuple[str, ...], forgotten: str | None
) -> None:
    """Folios that the default activates or deactivates must get into a batch as well as those that arrive."""
    place, first, second = lists
    source = ARRIVALS.format(place=place, first=first, second=second)
    found = findings("\n\n".join((source, *(OWN_HOOKS[name] for name in own))))
    if forgotten is None:
        assert found == ()
    else:
        assert {d.code for d in found} == {"RP0654"}
        assert any(forgotten in d.message for d in found)


ARRAY = """\"\"\"Four lists by number.\"\"\"

gens = folio_list(4)
pairs = folio_list(4, 2)


def batch_of(number: u8) -> Batch:
    return gens[number].batch(32)


@hook
def folio_added(folio: Folio) -> Place:
    return {place}


@hook
def next_batch(sc: ScanControl) -> Batch:
    if sc.priority > 6:
        return {first}
    return {second}
"""


@pytest.mark.parametrize(
    ("place", "first", "second", "left"),
    [
        ("gens[folio.order % 4].head", "gens[sc.priority % 4].batch(8)", "STOP", None),
        ("gens[folio.order % 2].head", "gens[0].batch(8)", "gens[1].batch(8)", None),
        ("gens[3].head", "gens[0].batch(8)", "STOP", "list `gens` is"),
        ("gens[folio.order & 2].head", "gens[0].batch(8)", "gens[2].batch(8)", None),
        ("gens[folio.order % 2].head", "gens[sc.priority & 2].batch(8)", "STOP", "list `gens[1]` is"),
        (
            "gens[folio.order % 3].head",
            "gens[0].batch(8)",
            "gens[3].batch(8)",
            "lists `gens[1]`, `gens[2]` are",
        ),
        ("gens[folio.order % 2].head", "batch_of(0)", "batch_of(sc.priority // 13)", "list `gens[1]` is"),
        ("gens[folio.order % 2].head", "batch_of(0)", "batch_of(sc.priority // 6)", None),
        ("pairs[1][folio.type].head", "pairs[1][ANON].batch(8)", "STOP", "list `pairs[1][1]` is"),
        ("pairs[1][folio.type].head", "pairs[sc.priority % 4][1].batch(8)", "pairs[1][0].batch(8)", None),
        ("pairs[1][1].head", "pairs[0][1].batch(8)", "pairs[1][0].batch(8)", "list `pairs` is"),
    ],
)
def test_each_list_of_an_array_must_be_drained(place: str, first: str, second: str, left: str | None) -> None:
    """Which list of an array is meant follows from what is proved of its indices."""
    found = findings(ARRAY.format(place=place, first=first, second=second))
    if left is None:
        assert found == ()
    else:
        assert [d.code for d in found] == ["RP0654"]
        assert found[0].message.startswith(left)


def test_what_indices_can_be_is_not_asked_where_one_is_out_of_bounds() -> None:
    """One mistake, one error."""
    source = ARRAY.format(place="gens[folio.order].head", first="gens[0].batch(8)", second="STOP")
    assert [d.code for d in findings(source)] == ["RP0501"]
