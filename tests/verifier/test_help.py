"""Help is code that can be pasted: each of its edits compiles and makes its error go away."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from reclaim.diag.diagnostic import Diagnostic, Edit, Help
from reclaim.diag.edits import apply_edits
from reclaim.lang.frontend import compile_source
from reclaim.lang.ir import PolicyIR
from tests.verifier.policy_cases import findings, policies
from verifier import checked_help
from verifier.checked_help import with_checked_help
from verifier.verified import MOST_ERRORS

STORES = '''"""Stores that may not fit."""


class Use(FolioState):
    uses: u8 = field(2, max=3)
    floor: u8 = field(2, min=1, max=3)
    signed: s16 = field(0, min=-4, max=4)
    nr: u8[4]
    few: u8


@hook
def folio_accessed(folio: Folio) -> None:
    {}
'''

LOOKED_UP = '''"""What a map answers is used in place."""

dropped = hash_map(key=u64, value=u64, max_entries=64, scope=lruvec)


@hook
def folio_added(lruvec: Lruvec, folio: Folio) -> Place:
    if now() - dropped.get(folio.key) < 1_000_000:
        return inactive_file.head
    return inactive_anon.head
'''


def only(source: str) -> Diagnostic:
    """Return the one finding in a policy."""
    (found,) = findings(source)
    return found


@pytest.mark.parametrize(
    ("statement", "helpful"),
    [
        ("folio.uses += 1", "folio.uses = min(folio.uses + 1, 3)"),
        ("folio.nr[1] += folio.few", "folio.nr[1] = min(folio.nr[1] + folio.few, 255)"),
        ("folio.uses *= 1 + folio.few", "folio.uses = min(folio.uses * (1 + folio.few), 3)"),
        ("folio.floor -= 1", "folio.floor = max(folio.floor - 1, 1)"),
        ("folio.signed -= 1", "folio.signed = max(folio.signed - 1, -4)"),
        ("folio.uses -= folio.few", "folio.uses = folio.uses - min(folio.few, folio.uses)"),
        ("folio.floor -= 2", "folio.floor = max(folio.floor, 3) - 2"),
        ("folio.uses = folio.few", "min(folio.few, 3)"),
        ("folio.uses = folio.uses - 1", "max(folio.uses, 1) - 1"),
        ("folio.floor = folio.few // 64", "max(folio.few // 64, 1)"),
        ("folio.floor = folio.few", "clamp(folio.few, 1, 3)"),
    ],
)
def test_help_for_a_store_keeps_it_in_range(statement: str, helpful: str) -> None:
    """The edit says what was meant, statements that compute are written out, and it verifies."""
    source = STORES.format(statement)
    found = only(source)
    (offer,) = found.help
    assert offer.edit is not None
    assert (found.code, offer.message, offer.edit.text) == ("RP0507", f"write `{helpful}`", helpful)
    assert findings(apply_edits(source, [offer.edit])) == ()


@pytest.mark.parametrize("path", policies("rejected"), ids=lambda path: path.stem)
def test_edit_takes_its_mistake_away_and_can_be_read(path: Path) -> None:
    """What an edit makes may have another mistake, which was hidden or comes next, but it is no broken text."""
    source = path.read_text(encoding="utf-8")
    (found,) = findings(source)
    for edit in (offer.edit for offer in found.help if offer.edit is not None):
        after = {(d.code, d.span) for d in findings(apply_edits(source, [edit]))}
        assert (found.code, found.span) not in after
        assert not any(code.startswith("RP00") for code, _ in after)


def test_edit_that_does_not_compile_is_not_offered() -> None:
    """Among many errors too, an edit has to make a policy before it can make a better one."""
    source = STORES.format("folio.uses = folio.few")
    found = only(source)
    broken = replace(found, help=(Help("=", Edit(found.span, "=")),))
    checked = with_checked_help(compile_source(source, "x.rpol"), [broken] * 9, 9, lambda *_: 0)
    assert [d.help for d in checked] == [()] * 9


def test_only_help_that_is_shown_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A text in which one line was doubled many times is answered as fast as one with a few mistakes."""
    tried = []

    def noted(source: str, path: str) -> PolicyIR:
        tried.append(source)
        return compile_source(source, path)

    monkeypatch.setattr(checked_help, "compile_source", noted)
    stores = (f"folio.uses = folio.key % {number}" for number in range(10, 10 + 3 * MOST_ERRORS))
    assert len(findings(STORES.format("\n    ".join(stores)))) == MOST_ERRORS
    assert len(tried) == MOST_ERRORS


def test_help_that_there_was_no_time_to_try_is_not_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long policy has help for its first mistakes; nothing untried is shown."""
    source = STORES.format("folio.uses = folio.few\n    folio.floor = folio.few")
    monkeypatch.setattr(checked_help, "MOST_OPS_VERIFIED_AGAIN", 8)
    assert [len(found.help) for found in findings(source)] == [1, 0]


def test_help_for_a_call_that_may_be_none_keeps_its_result_first() -> None:
    """Testing one call proves nothing about the next, so the result goes into a variable."""
    lines = [offer.message for offer in only(LOOKED_UP).help]
    leave = "leave before it: `if found is None: return inactive_anon.head`"
    keep = "keep it, `found = dropped.get(folio.key)`, and use that behind `if found is not None:`"
    assert lines == [leave, keep]


def test_help_for_a_call_that_may_be_none_works_when_written() -> None:
    """What the help says, put in front of the use, is accepted."""
    keep, test = (f"    {code}\n" for code in re.findall("`(.*?)`", only(LOOKED_UP).help[1].message))
    use = "        if now() - found < 1_000_000:\n            return inactive_file.head\n"
    head, _, rest = LOOKED_UP.partition("    if now()")
    assert findings(head + keep + test + use + rest.partition("head\n")[2]) == ()


def test_help_for_a_call_takes_a_name_that_is_free() -> None:
    """A variable of the author is not overwritten."""
    (_, keep) = only(LOOKED_UP.replace("    if now", "    found = 1\n    if now")).help
    assert "`found_2 = dropped.get(folio.key)`" in keep.message


def fixed(source: str) -> str:
    """Return a policy with the first fix of its one mistake."""
    edit = only(source).help[0].edit
    assert edit is not None
    mended = apply_edits(source, [edit])
    assert findings(mended) == ()
    return mended


IN_A_HOOK = '''"""One statement in a hook about a folio."""

seen = lru_hash(key=u64, value=u64, max_entries=64, scope=lruvec)


class Per(LruvecState):
    ring: u64[32]
    at: u64
    fill: u8 = field(0, max=32)
    score: s32
    last: u32


@hook
def folio_accessed(lruvec: Lruvec, folio: Folio) -> None:
    {}
'''


@pytest.mark.parametrize(
    ("statement", "mended"),
    [
        ("lruvec.ring[lruvec.at % 33] = 1", "lruvec.ring[lruvec.at % 32] = 1"),
        ("lruvec.ring[lruvec.at & 63] = 1", "lruvec.ring[lruvec.at & 31] = 1"),
        (
            "lruvec.ring[lruvec.at % 20 + folio.pfn % 20] = 1",
            "lruvec.ring[min(lruvec.at % 20 + folio.pfn % 20, 31)] = 1",
        ),
        ("lruvec.score = (lruvec.score - 3) // 2", "lruvec.score = sdiv(lruvec.score - 3, 2)"),
        ("lruvec.score = (lruvec.score - 3) % 2", "lruvec.score = smod(lruvec.score - 3, 2)"),
        ("lruvec.at = 1 << (lruvec.score)", "lruvec.at = 1 << clamp(lruvec.score, 0, 63)"),
        (
            "seen.put(folio.key, seen.get(folio.key) + 1)",
            "found = seen.get(folio.key)\n    seen.put(folio.key, (found if found is not None else 0) + 1)",
        ),
        (
            "for i in range(lruvec.fill + 1):\n        lruvec.ring[i] = 1",
            "for i in range(lruvec.fill):\n        lruvec.ring[i] = 1",
        ),
        (
            "for i in range(32):\n        lruvec.ring[i + 1] = lruvec.ring[i]",
            "for i in range(31):\n        lruvec.ring[i + 1] = lruvec.ring[i]",
        ),
    ],
)
def test_fix_reads_as_a_person_would_write_it(statement: str, mended: str) -> None:
    """What goes round goes round as often as it fits, signed numbers are divided as such, counters begin at 0."""
    assert fixed(IN_A_HOOK.format(statement)) == IN_A_HOOK.format(mended)


def test_what_may_be_none_is_kept_before_it_is_tested() -> None:
    """The look-up stands once in the mended text, and a hook without an answer leaves without one."""
    statement = "lruvec.at = seen.get(folio.key) + 1"
    mended = "found = seen.get(folio.key)\n    if found is None:\n        return\n    lruvec.at = found + 1"
    assert fixed(IN_A_HOOK.format(statement)) == IN_A_HOOK.format(mended)


def test_result_of_a_function_that_does_not_fit_is_shown_where_it_is_stored() -> None:
    """Not the target is too large, and not what stands in the function either."""
    source = IN_A_HOOK.replace("@hook", "def more(x: u64) -> u64:\n    return x + 1\n\n\n@hook")
    source = source.format("lruvec.fill = more(lruvec.fill)")
    assert only(source).message.startswith("`more(lruvec.fill)` may not fit")
    assert fixed(source).endswith("    lruvec.fill = min(more(lruvec.fill), 32)\n")


def test_assertion_that_a_run_violates_is_called_untrue() -> None:
    """What could not be proved is one thing, what is wrong another."""
    assert (
        only(IN_A_HOOK.format("assert folio.order < 5")).message
        == "`folio.order < 5` is not always true here"
    )


def test_limits_are_shown_where_they_are_declared() -> None:
    """How long the array is, and what the field that is an index can be."""
    source = IN_A_HOOK.format("lruvec.ring[lruvec.fill] = 1")
    told = {(label.span.start.line, label.message) for label in only(source).labels}
    assert told == {(7, "`ring` has 32 entries"), (9, "`fill` can be 0..=32")}


@pytest.mark.parametrize(
    ("written", "better", "statement"),
    [
        ("last: u32", "last: u64", "lruvec.last = now()"),
        ("key=u16", "key=u64", "few.put(folio.key, 1)"),
        ("value=u8", "value=u16", "few.put(folio.order, folio.nr_pages)"),
    ],
)
def test_type_that_is_too_small_is_widened_first(written: str, better: str, statement: str) -> None:
    """A time or a key that is cut to fit is another one; the declaration is what is wrong."""
    source = (
        "few = lru_hash(key=u16, value=u8, max_entries=8, scope=machine)\n" + IN_A_HOOK.partition("\n\n")[2]
    )
    source = source.format(statement)
    assert fixed(source) == source.replace(written, better)


def test_ring_goes_on_at_its_beginning() -> None:
    """What goes round with `%` elsewhere goes round here as well."""
    source = IN_A_HOOK.format("at = lruvec.at % 32\n    lruvec.ring[at + 1] = 1")
    assert fixed(source).endswith("lruvec.ring[(at + 1) % 32] = 1\n")


def test_difference_in_a_variable_gets_its_sign() -> None:
    """It is one wherever it was computed."""
    source = IN_A_HOOK.format("age = now() - lruvec.at\n    lruvec.score = saturate(lruvec.score - age, s32)")
    assert "lruvec.score - s64(age)" in fixed(source)


def test_length_of_an_array_of_structs_is_shown_at_the_array() -> None:
    """Not at the field of the struct, which has none."""
    source = (
        "class Pair(Struct):\n    one: u64\n\n\nclass Per(LruvecState):\n    pairs: Pair[4]\n\n\n"
        "@hook\ndef folio_accessed(lruvec: Lruvec, folio: Folio) -> None:\n    lruvec.pairs[folio.order].one = 1\n"
    )
    assert [(label.span.start.line, label.message) for label in only(source).labels] == [
        (6, "`pairs.one` has 4 entries")
    ]


@pytest.mark.parametrize(
    ("stores", "told"),
    [
        ("lruvec.fill = 0", "`fill` begins as 0, and nothing else is stored"),
        ("lruvec.fill = 40 if lruvec.at > 3 else 0", "all stores keep `fill` in 0..=40"),
    ],
)
def test_range_that_follows_from_all_stores_is_shown_at_the_declaration(stores: str, told: str) -> None:
    """Nobody would look for it there otherwise: the declaration says more."""
    source = IN_A_HOOK.replace("field(0, max=32)", "field(0, max=63)")
    body = f"{stores}\n    lruvec.at += 1\n    lruvec.at = lruvec.at // lruvec.fill"
    (found,) = findings(source.format(body))
    assert told in {label.message for label in found.labels}
