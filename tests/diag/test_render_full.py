"""The full picture: marks under what they mark, whatever the line holds."""

from __future__ import annotations

from reclaim.diag.diagnostic import Diagnostic, Edit, Help, Label, Span
from reclaim.diag.render import render_full


def _draw(source: str, span: Span, label: str = "here", **fields: object) -> list[str]:
    """Draw one diagnostic and return the lines between head and remarks."""
    diagnostic = Diagnostic("RP0101", "unknown-name", "message", span, label, **fields)  # type: ignore[arg-type]
    lines = render_full([diagnostic], "p.rpol", source).split("\n")
    bars = [i for i, line in enumerate(lines) if line.strip() == "|"]
    return lines[bars[0] + 1 : bars[-1]]


def test_one_mark_stands_under_its_span_with_its_label() -> None:
    """The label follows the mark on the same row."""
    assert _draw("x = foo + 1\n", Span.of(1, 5, 1, 8)) == ["1 | x = foo + 1", "  |     ^^^ here"]


def test_tabs_are_widened_before_and_inside() -> None:
    """A tab counts one column and shows four cells."""
    assert _draw("\tx\ty\n", Span.of(1, 2, 1, 5)) == ["1 |     x    y", "  |     ^^^^^^ here"]


def test_wide_characters_take_two_cells() -> None:
    """East Asian characters shift the mark by two."""
    assert _draw("日本 = x\n", Span.of(1, 6, 1, 7)) == ["1 | 日本 = x", "  |        ^ here"]


def test_combining_characters_take_no_cell() -> None:
    """An accent of its own code point shifts nothing."""
    assert _draw("e\u0301 = x\n", Span.of(1, 6, 1, 7)) == ["1 | e\u0301 = x", "  |     ^ here"]


def test_carriage_returns_do_not_show() -> None:
    """A CRLF file looks like any other."""
    assert _draw("a = 1\r\nb = c\r\n", Span.of(2, 5, 2, 6)) == ["2 | b = c", "  |     ^ here"]


def test_span_of_no_length_is_one_cell_wide() -> None:
    """A missing thing is marked where it should stand."""
    assert _draw("if x\n", Span.of(1, 5, 1, 5)) == ["1 | if x", "  |     ^ here"]


def test_span_at_the_end_of_the_file_shows_an_empty_line() -> None:
    """The place behind the last line can be marked."""
    assert _draw("a = 1\n", Span.of(2, 1, 2, 1)) == ["2 |", "  | ^ here"]


def test_empty_source_can_be_marked() -> None:
    """A file that holds nothing has a first line all the same."""
    assert _draw("", Span.of(1, 1, 1, 1)) == ["1 |", "  | ^ here"]


def test_span_over_lines_marks_the_first_and_the_last() -> None:
    """The label stands at the end of the span."""
    drawn = _draw("foo(1,\n    2,\n    3)\n", Span.of(1, 4, 3, 7))
    assert drawn == ["1 | foo(1,", "  |    ^^^", "3 |     3)", "  |     ^^ here"]


def test_span_that_ends_at_a_line_start_stays_on_its_line() -> None:
    """A line feed at the end of a span adds no line."""
    assert _draw("abc\ndef\n", Span.of(1, 2, 2, 1)) == ["1 | abc", "  |  ^^ here"]


def test_labels_on_one_line_hang_below_from_right_to_left() -> None:
    """No label crosses another."""
    labels = (Label(Span.of(1, 1, 1, 2), "first"), Label(Span.of(1, 5, 1, 6), "second"))
    assert _draw("a + b + c\n", Span.of(1, 9, 1, 10), labels=labels) == [
        "1 | a + b + c",
        "  | -   -   ^ here",
        "  | |   |",
        "  | |   second",
        "  | first",
    ]


def test_primary_mark_covers_a_secondary_one() -> None:
    """Where both mark a cell, the finding itself is shown."""
    labels = (Label(Span.of(1, 1, 1, 10), "all of it"),)
    assert _draw("abc + def\n", Span.of(1, 7, 1, 10), labels=labels)[1] == "  | ------^^^"


def test_distant_lines_are_separated_by_dots() -> None:
    """Lines between labels are left out visibly."""
    source = "a = 1\n" + "\n" * 8 + "b = a\n"
    drawn = _draw(source, Span.of(10, 5, 10, 6), labels=(Label(Span.of(1, 1, 1, 2), "set here"),))
    assert drawn == [" 1 | a = 1", "   | - set here", "...", "10 | b = a", "   |     ^ here"]


def test_remarks_follow_in_order() -> None:
    """Witness, notes, hook, help, explanation."""
    diagnostic = Diagnostic(
        "RP0501",
        "index-out-of-bounds",
        "message",
        Span.of(1, 1, 1, 2),
        hook="init",
        notes=("a note",),
        help=(Help("a fix"),),
        witness={"x": "64"},
    )
    assert render_full([diagnostic], "p.rpol", "x\n").split("\n")[5:] == [
        "  |",
        "  = witness: x = 64",
        "  = note: a note",
        "  = note: in hook `init`",
        "  = help: a fix",
        "  = explain: reclaim-verify --explain RP0501",
        "",
    ]


def _offered(source: str, span: Span, text: str) -> list[str]:
    """Draw one diagnostic whose help has an edit and return the lines that show what it makes."""
    found = Diagnostic("RP0101", "unknown-name", "message", span, help=(Help("a fix", Edit(span, text)),))
    lines = render_full([found], "p.rpol", source).split("\n")
    return lines[lines.index(next(line for line in lines if line.endswith("help: a fix"))) + 1 : -2]


def test_fix_of_one_line_is_drawn_with_its_part_marked() -> None:
    """The line as it will be, the new part underlined, whatever stands before it."""
    assert _offered("日 = foo + 1\n", Span.of(1, 5, 1, 8), "bar(2)") == [
        "1 | 日 = bar(2) + 1",
        "  |      ++++++",
    ]


def test_fix_that_brings_lines_is_drawn_with_the_line_that_they_stand_before() -> None:
    """New lines have a sign of their own; numbers that grow wider leave room for that."""
    source = "\n" * 8 + "    use(x)\n"
    assert _offered(source, Span.of(9, 5, 9, 5), "if x is None:\n        return\n    ") == [
        " 9 +     if x is None:",
        "10 +         return",
        "11 |     use(x)",
    ]


def test_fix_that_takes_a_line_away_is_not_drawn() -> None:
    """There is nothing to see where something is missing."""
    assert _offered("import os\nx = 1\n", Span.of(1, 1, 2, 1), "") == []


def test_fix_of_a_whole_file_is_drawn_in_part() -> None:
    """One that indents everything anew is understood from its beginning."""
    source = "".join(f"\tx{n} = 1\n" for n in range(30))
    drawn = _offered(source, Span.of(1, 1, 31, 1), source.replace("\t", "    "))
    assert (len(drawn), drawn[-1]) == (9, "...")


def test_colours_change_no_character() -> None:
    """Without its colours a coloured picture is the plain one."""
    import re

    diagnostic = Diagnostic("RP0101", "unknown-name", "message", Span.of(1, 5, 1, 8), "here")
    coloured = render_full([diagnostic], "p.rpol", "x = foo\n", colour=True)
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == render_full([diagnostic], "p.rpol", "x = foo\n")


def test_control_characters_cannot_reach_the_terminal() -> None:
    """An escape in a source is shown, not obeyed."""
    assert _draw("x = \x1b[31m\n", Span.of(1, 1, 1, 2))[0] == "1 | x = ␛[31m"


def test_very_long_line_is_cut_around_its_mark() -> None:
    """A line of a megabyte shows what stands around the first mark, the mark still under what it marks."""
    line = "名 " + "a" * 1000 + " + foo + " + "b" * 1_000_000
    at = line.index("foo") + 1
    shown, marked = _draw(line, Span.of(1, at, 1, at + 3))
    assert len(shown) < 250
    assert shown.startswith("1 | ...a")
    assert shown.endswith("b...")
    assert shown[marked.index("^") : marked.rindex("^") + 1] == "foo"
