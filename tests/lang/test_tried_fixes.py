"""Ways out of texts that cannot be parsed, and of forms that the language has not: what a person would write."""

from __future__ import annotations

import pytest

from reclaim.diag.edits import apply_edits
from tests.verifier.policy_cases import findings

HOOK = '''"""One line in a hook."""


@hook
def tick(lruvec: Lruvec) -> u64:
    n = 1
    {}
    return n
'''


def mended(source: str) -> str:
    """Return a text with the first fix of its first mistake."""
    first = findings(source)[0]
    edit = first.help[0].edit
    assert edit is not None, first.message
    return apply_edits(source, [edit])


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("n = min(n, max(1, 2)", "n = min(n, max(1, 2))"),
        ("n = (n + (2 * 3", "n = (n + (2 * 3))"),
        ("n = min(n, 3  # three", "n = min(n, 3)  # three"),
        ("n = min(n, 3]", "n = min(n, 3)"),
        ("n = (n + inactive[0)", "n = (n + inactive[0])"),
        ("n = min(n, 3))", "n = min(n, 3)"),
        ("if n > 3:\n        n = 2\n      n = 4", "if n > 3:\n        n = 2\n    n = 4"),
        ("if n > 3:\n\tn = 2", "if n > 3:\n        n = 2"),
        ("    n = 2", "n = 2"),
        ('fail("nothing left)', 'fail("nothing left")'),
        ("retrun n", "return n"),
        ("fro i in range(4):\n        n += i", "for i in range(4):\n        n += i"),
        ("if n > 3 adn n < 5:\n        n = 2", "if n > 3 and n < 5:\n        n = 2"),
        (
            "if n > 3:\n        n = 2\n    elsif n > 2:\n        n = 1",
            "if n > 3:\n        n = 2\n    elif n > 2:\n        n = 1",
        ),
        ("n = 0755", "n = 0o755"),
        ("n = 3 n += 2", "n = 3\n    n += 2"),
        ("n++", "n += 1"),
        ("--n", "n -= 1"),
        ("for (int i = 0; i <= 7; i++) {\n        n += i;\n    }", "for i in range(7 + 1):\n        n += i"),
        ("bpf_for(i, 2, 9) {\n        n += i;\n    }", "for i in range(2, 9):\n        n += i"),
        ("n = (u64)lruvec.nr_pages", "n = u64(lruvec.nr_pages)"),
        ("n = (u8)(n + 1)", "n = truncate(n + 1, u8)"),
        ("n = n > 3 ? 1 : 0", "n = 1 if n > 3 else 0"),
        ("\u00a0\u00a0n = 3", "  n = 3"),
        (
            "while n < 3:\n        n += 1",
            "for _ in range(256):\n        if n >= 3:\n            break\n        n += 1",
        ),
        ("while True:\n        n += 1", "for _ in range(256):\n        n += 1"),
        ("n = lruvec.nr_pages * 0.5", "n = lruvec.nr_pages // 2"),
        ("n = lruvec.nr_pages * 0.85", "n = lruvec.nr_pages * 85 // 100"),
        ("if n / lruvec.nr_pages > 0.25:\n        n = 2", "if n * 4 > lruvec.nr_pages:\n        n = 2"),
        ("n = 2 ** n", "n = 1 << n"),
        ("n = n ** 2", "n = n * n"),
        ("if n in (1, 2):\n        n = 3", "if n == 1 or n == 2:\n        n = 3"),
        ("if n > 0 and n not in (1, 2):\n        n = 3", "if n > 0 and (n != 1 and n != 2):\n        n = 3"),
        ("if (m := n + 1) > 2:\n        n = m", "m = n + 1\n    if m > 2:\n        n = m"),
        ("a = b = n", "a = n\n    b = n"),
        ("a, b = n, 2", "a = n\n    b = 2"),
        ("total += n", "total = 0\n    total += n"),
        ("for i in range(9):\n        total += i", "total = 0\n    for i in range(9):\n        total += i"),
        ("if n > 3:\n        m = 2\n    n = m", "m = 0\n    if n > 3:\n        m = 2\n    n = m"),
        ("n = null", "n = None"),
        ("print n", "print(n)"),
        ("for (i in range(3)):\n        n += i", "for i in range(3):\n        n += i"),
        ("static int m = 3;", "m = 3;"),
        ("let m = 3", "m = 3"),
        ("u64 m;", "m = 0"),
        ("/* three */", "# three"),
        ("if n == 1 return 3", "if n == 1: return 3"),
        ("n = 1,000", "n = 1_000"),
        ("n = n > 2 and 3 or 4", "n = 3 if n > 2 else 4"),
        ("if n => 3:\n        n = 2", "if n >= 3:\n        n = 2"),
    ],
)
def test_fix_is_what_a_person_would_write(wrong: str, right: str) -> None:
    """The first fix of the first mistake, whatever else there is."""
    assert mended(HOOK.format(wrong)) == HOOK.format(right)


def test_swap_is_not_taken_apart() -> None:
    """Two lines would lose one of the values."""
    found = findings(HOOK.format("m = 2\n    n, m = m, n"))[0]
    assert [offer.edit for offer in found.help] == [None]


def test_bracket_is_closed_before_what_follows_the_parameters() -> None:
    """A head of a function goes on behind them."""
    assert (
        mended("@hook\ndef tick(lruvec: Lruvec -> u64:\n    return 0\n")
        .split("\n")[1]
        .endswith("Lruvec) -> u64:")
    )


def test_page_of_a_name_is_a_folio() -> None:
    """Hooks of reclaim are about folios, whatever the kernel called them once."""
    found = findings("@hook\ndef reclaim_page(folio: Folio) -> Verdict:\n    return RECLAIM\n")[0]
    assert [offer.message for offer in found.help] == ["did you mean `reclaim_folio`?"]


@pytest.mark.parametrize(
    ("head", "right"),
    [
        ("@staticmethod\ndef one() -> u64:", "def one() -> u64:"),
        ("@hook\n@cache\ndef exit() -> None:", "@hook\ndef exit() -> None:"),
        ("@handler\ndef exit() -> None:", "@hook\ndef exit() -> None:"),
    ],
)
def test_decorator_becomes_a_hook_only_where_one_is_meant(head: str, right: str) -> None:
    """Elsewhere it is left out."""
    assert mended(f"{head}\n    return\n") == f"{right}\n    return\n"


def test_everything_wrong_with_a_head_is_said_at_once() -> None:
    """Types that are missing have nothing to do with each other."""
    found = findings("@hook\ndef reclaim_folio(folio, sc):\n    return RECLAIM\n")
    assert [d.code for d in found] == ["RP0212"] * 3


def test_use_of_a_nested_function_is_no_second_mistake() -> None:
    """One cause, one error."""
    found = findings(HOOK.format("def two() -> u64:\n        return 2\n    n = two()"))
    assert [d.code for d in found] == ["RP0034"]


def test_store_into_a_field_of_the_same_name_is_no_second_mistake() -> None:
    """The name is what is wrong."""
    source = "class F(FolioState):\n    key: u64\n\n\n@hook\ndef folio_accessed(folio: Folio) -> None:\n    folio.key = 1\n"
    assert [d.code for d in findings(source)] == ["RP0112"]


def test_choice_by_truth_of_a_look_up_is_written_out() -> None:
    """`and` chooses no side, and what it would choose is plain."""
    source = (
        "seen = lru_set(key=u64, max_entries=8, scope=lruvec)\n"
        "at = lru_hash(key=u64, value=u64, max_entries=8, scope=lruvec)\n\n\n"
        "@hook\ndef folio_evicted(folio: Folio) -> u64:\n    return at.get(folio.key) and 1\n"
    )
    assert mended(source).endswith("    return 1 if at.get(folio.key) is not None else 0\n")


def test_missing_answer_is_put_behind_everything() -> None:
    """With a label on the condition behind which nothing is answered."""
    source = "@hook\ndef reclaim_folio(folio: Folio) -> Verdict:\n    if folio.is_dirty:\n        return ROTATE\n\n\nX = 1\n"
    assert [label.span.start.line for label in findings(source)[0].labels] == [3]
    assert mended(source) == source.replace("ROTATE\n", "ROTATE\n    return RECLAIM\n")


def test_long_text_is_not_parsed_again_and_again() -> None:
    """Whoever types in it wants to be told at once."""
    found = findings("x = (1\n" + "# filler\n" * 3000)[0]
    assert (found.code, found.help) == ("RP0012", ())


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("    G.a[folio.order, folio.type] = 1", "    G.a[folio.order][folio.type] = 1"),
        ("    if folio.key in s == True:\n        s.add(1)", "    if folio.key in s:\n        s.add(1)"),
    ],
)
def test_fix_in_a_hook_about_a_folio(wrong: str, right: str) -> None:
    """Indices have a pair of brackets each; a truth is not compared with one."""
    head = (
        "s = lru_set(key=u64, max_entries=8, scope=machine)\n\n\nclass G(GlobalState):\n    a: u64[16][2]\n\n\n"
        "@hook\ndef folio_removed(folio: Folio) -> None:\n"
    )
    assert mended(f"{head}{wrong}\n") == f"{head}{right}\n"


def test_truth_as_an_answer_is_the_answer() -> None:
    """`RECLAIM if True else ROTATE` is what nobody would write."""
    source = "@hook\ndef reclaim_folio() -> Verdict:\n    return False\n"
    assert mended(source) == source.replace("False", "ROTATE")


def test_parameter_of_a_method_is_left_out() -> None:
    """A policy is no class."""
    source = "@hook\ndef reclaim_folio(self, folio: Folio) -> Verdict:\n    return RECLAIM\n"
    assert mended(source) == source.replace("self, ", "")


def test_state_that_is_too_large_is_told_by_field() -> None:
    """Which one to make smaller is for the author to say."""
    (found,) = findings("class F(FolioState):\n    a: u64[2]\n    b: u8\n")
    assert found.notes == ("bytes by field: `a` 16, `b` 1",)


@pytest.mark.parametrize(
    ("classes", "codes"),
    [
        ("class F:\n    uses: u8", ["RP0116"]),
        ("class G(FolioState):\n    old: u8\n\n\nclass F(FolioState):\n    uses: u8", ["RP0113"]),
        ("class S(Struct):\n    more: S[2]\n\n\nclass F(FolioState):\n    uses: S", ["RP0226"]),
    ],
)
def test_use_of_a_field_of_a_wrong_class_is_no_second_mistake(classes: str, codes: list[str]) -> None:
    """The class is what is wrong, and is reported."""
    source = f"{classes}\n\n\n@hook\ndef folio_evicted(folio: Folio) -> u64:\n    return folio.uses\n"
    assert [d.code for d in findings(source)] == codes


@pytest.mark.parametrize(
    ("head", "right"),
    [
        ("def tick:", "def tick():"),
        ("def tick() => u64:", "def tick() -> u64:"),
        ("def tick(): u64", "def tick() -> u64:"),
        ("def tick(Lruvec lruvec) -> u64:", "def tick(lruvec: Lruvec) -> u64:"),
    ],
)
def test_head_is_turned_into_one_of_the_language(head: str, right: str) -> None:
    """Arrows, results and types stand where Python has them."""
    assert mended(f"@hook\n{head}\n    return 0\n") == f"@hook\n{right}\n    return 0\n"


def test_text_that_is_indented_as_a_whole_begins_at_the_margin() -> None:
    """As it is pasted out of something else."""
    assert (
        mended("    @hook\n    def tick() -> u64:\n        return 0\n")
        == "@hook\ndef tick() -> u64:\n    return 0\n"
    )


def test_decorator_without_a_function_says_what_is_missing() -> None:
    """Not that the file ends."""
    assert findings("@hook\n")[0].message == "a function stands below `@hook`"
