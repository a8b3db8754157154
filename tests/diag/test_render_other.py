"""The other renderers: words, lines and JSON; and the edits that helps offer."""

from __future__ import annotations

import io
import json

from hypothesis import given
from hypothesis import strategies as st

from reclaim.diag.diagnostic import Diagnostic, Edit, Help, Label, Span
from reclaim.diag.edits import apply_edits
from reclaim.diag.render import (
    FileFindings,
    render_full,
    render_json,
    render_plain,
    render_short,
    source_of,
    wants_colour,
)

_FOUND = Diagnostic(
    "RP0501",
    "index-out-of-bounds",
    "index may be out of bounds",
    Span.of(2, 6, 2, 12),
    "must be at most 63",
    hook="folio_accessed",
    labels=(Label(Span.of(1, 1, 1, 7), "`bucket` can be 1..=64 here"),),
    notes=("a note",),
    help=(Help("hist[min(bucket, 63)] += 1", Edit(Span.of(2, 6, 2, 12), "min(bucket, 63)")),),
    witness={"age": "9223372036854775808"},
)
_SOURCE = "bucket = ilog2(age) + 1\nhist[bucket] += 1\n"


def test_short_is_one_line_for_editors() -> None:
    """Path, line, column, code and message stand on one line."""
    assert render_short([_FOUND], "p.rpol") == "p.rpol:2:6: error[RP0501]: index may be out of bounds\n"


def test_plain_tells_everything_in_ascii() -> None:
    """Nothing is lost without boxes and colours."""
    assert render_plain([_FOUND], "p.rpol", _SOURCE).split("\n") == [
        "error RP0501: index may be out of bounds",
        "  in p.rpol, line 2, columns 6 to 11: must be at most 63",
        "    hist[bucket] += 1",
        "  line 1, columns 1 to 6: `bucket` can be 1..=64 here",
        "    bucket = ilog2(age) + 1",
        "  witness: age = 9223372036854775808",
        "  note: a note",
        "  note: in hook `folio_accessed`",
        "  help: hist[min(bucket, 63)] += 1",
        "    line 2: hist[min(bucket, 63)] += 1",
        "  explain: reclaim-verify --explain RP0501",
        "",
    ]


def test_json_has_the_documented_shape() -> None:
    """Programs read the fields that the command line's page lists."""
    text = render_json([FileFindings("p.rpol", False, {"init": (12, 3)}, (_FOUND,))])
    file = json.loads(text)["files"][0]
    place = {"start": {"line": 2, "column": 6}, "end": {"line": 2, "column": 12}}
    label = {"start": {"line": 1, "column": 1}, "end": {"line": 1, "column": 7}}
    assert file == {
        "path": "p.rpol",
        "accepted": False,
        "hooks": [{"name": "init", "worst_case_instructions": 12, "instructions_per_further_mapping": 3}],
        "diagnostics": [
            {
                "code": "RP0501",
                "name": "index-out-of-bounds",
                "severity": "error",
                "message": "index may be out of bounds",
                "hook": "folio_accessed",
                "span": place,
                "labels": [
                    {"span": place, "message": "must be at most 63"},
                    {"span": label, "message": "`bucket` can be 1..=64 here"},
                ],
                "notes": ["a note"],
                "help": [
                    {
                        "message": "hist[min(bucket, 63)] += 1",
                        "edit": {"span": place, "text": "min(bucket, 63)"},
                    }
                ],
                "witness": {"age": "9223372036854775808"},
            }
        ],
    }


def test_json_names_its_version() -> None:
    """A reader can tell which form it has."""
    assert json.loads(render_json([]))["version"] == 1


def test_nothing_found_draws_nothing() -> None:
    """No diagnostics, no text."""
    assert render_full([], "p", "") + render_plain([], "p", "") + render_short([], "p") == ""


def test_edit_replaces_its_span() -> None:
    """The offered fix is applied where it belongs."""
    edit = _FOUND.help[0].edit
    assert edit is not None
    assert apply_edits(_SOURCE, [edit]) == "bucket = ilog2(age) + 1\nhist[min(bucket, 63)] += 1\n"


def test_edits_that_overlap_are_applied_once() -> None:
    """Two fixes of one place do not mix."""
    edits = [Edit(Span.of(1, 1, 1, 3), "x"), Edit(Span.of(1, 2, 1, 4), "y")]
    assert apply_edits("abcd\r\ne", edits) == "xcd\r\ne"


def test_file_that_cannot_be_read_has_no_source() -> None:
    """A picture of an unreadable file is drawn all the same."""
    assert source_of("/no/such/file") == ""


def test_text_that_goes_elsewhere_has_no_colours() -> None:
    """Colours are for terminals."""
    assert wants_colour(io.StringIO()) is False


_POSITIONS = st.tuples(st.integers(1, 6), st.integers(1, 12))


@given(
    st.text(alphabet=" ab\t\r\n日e\u0301\x1b\u2028", max_size=40),
    st.lists(_POSITIONS, min_size=4, max_size=4),
)
def test_any_span_of_any_text_can_be_drawn(source: str, places: list[tuple[int, int]]) -> None:
    """Renderers take every ordered span, in or out of the text."""
    one, two = sorted(places[:2]), sorted(places[2:])
    found = Diagnostic(
        "RP0101",
        "unknown-name",
        "message",
        Span.of(*one[0], *one[1]),
        "label",
        labels=(Label(Span.of(*two[0], *two[1]), "other"),),
    )
    drawn = render_full([found], "p", source) + render_plain([found], "p", source)
    assert "\x1b" not in drawn
