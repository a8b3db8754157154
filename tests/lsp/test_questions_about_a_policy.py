"""What the server answers about the place under the cursor: hover, completion, signatures, names, outline."""

from __future__ import annotations

from pathlib import Path

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from reclaim.abi.hooks import HOOKS
from tests.lsp.session import Session, at

POLICY = '''"""A policy with one of everything."""

LIMIT = 3
queue = folio_list()
gens = folio_list(4, 2)
ghosts = lru_set(key=u64, max_entries=1024, scope=lruvec)
share = tunable(u32, default=10, min=1, max=90, unit="%", doc="share of the queue")


class PerFolio(FolioState):
    uses: u8 = field(0, max=3)


class Totals(GlobalState):
    seen: u64


def spare(folio: Folio, most: u64) -> u64:
    """What is left of a folio's uses."""
    left = most - min(folio.uses, most)
    return left


@hook
def folio_added(lruvec: Lruvec, folio: Folio, reason: Added) -> Place:
    # 😀 漢字
    uses = min(folio.uses + 1, LIMIT)
    folio.uses = uses
    Totals.seen += spare(folio, 2)
    return queue.head


@hook
def next_batch(lruvec: Lruvec, sc: ScanControl) -> Batch:
    total = 0
    for folio in queue.scan(limit=8):
        total += folio.nr_pages
    if total * share > 100:
        return queue.batch(32)
    return STOP


@hook
def reclaim_folio(lruvec: Lruvec, folio: Folio, sc: ScanControl) -> Verdict:
    count = folio.referenced()
    if count > 0 and not ghosts.contains(folio.key):
        return move(queue.head)
    return RECLAIM
'''


@pytest.fixture(scope="module")
def policy(session: Session) -> str:
    """Open the policy, which is accepted."""
    uri = session.open(POLICY)
    assert session.errors(uri) == []
    return uri


def place_of(fragment: str) -> tuple[int, int]:
    """Return the place marked by § in a piece of the policy."""
    plain = fragment.replace("§", "")
    assert POLICY.count(plain) == 1
    return at(POLICY.replace(plain, fragment))[1]


@pytest.mark.parametrize(
    ("fragment", "shown"),
    [
        ("§uses = min(", ["uses: u64", "proved here: `1..=3`"]),
        ("folio.uses = §uses", ["`1..=3`"]),
        ("min(folio.§uses + 1", ["uses: u8", "0..=3", "one per folio", "range 0..=3"]),
        ("uses = §min(", ["min(a, b, …)"]),
        ("+ 1, §LIMIT)", ["LIMIT = 3"]),
        ("total * §share", ["share: u32", "1..=90", "share of the queue", "in %"]),
        ("+= §spare(", ["def spare(folio: Folio, most: u64) -> u64", "What is left"]),
        ("folio.§referenced()", ["referenced(", "-> u64", "Costs", "costs at most", "proved here"]),
        ("def §reclaim_folio(", ["Give the verdict", "costs at most", "of 10000"]),
        ("    §for folio in", ["8 * ", "costs at most"]),
        ("folio.§nr_pages", ["nr_pages"]),
        ("queue.§scan(", ["scan(limit=…)"]),
        ("return §STOP", ["STOP -> Batch"]),
        ("reason: §Added)", ["Say why a folio is added"]),
        ("§queue.batch(", ["queue: List"]),
        ("not §ghosts.", ["lru_set", "max_entries = 1024"]),
        ("def next_batch(lruvec: Lruvec, §sc:", ["sc: ScanControl", "What the reclaim wants"]),
        ("§left = most", ["left: u64", "`0..=1`"]),
        ("(§FolioState)", ["FolioState", "16 bytes"]),
    ],
)
def test_hover_tells_type_range_cost_and_meaning(
    session: Session, policy: str, fragment: str, shown: list[str]
) -> None:
    """Hover says what a word is, what is proved about it at that place, what it costs and what it means."""
    text = session.hover(policy, place_of(fragment))
    assert [part for part in shown if part not in text] == []


def test_hover_says_nothing_in_prose(session: Session, policy: str) -> None:
    """Strings and comments are no words of the language."""
    assert session.hover(policy, place_of("A policy with §one")) == ""
    assert session.hover(policy, place_of("# 😀 §漢字")) == ""


def test_a_range_that_is_the_whole_type_is_not_told(session: Session) -> None:
    """What is not narrower than the type was not proved."""
    text, place = at(
        "class Seen(LruvecState):\n    all: u64\n\n\n@hook\n"
        "def folio_accessed(lruvec: Lruvec) -> None:\n    lruvec.§all += 1\n"
    )
    uri = session.open(text)
    assert session.errors(uri) == []
    assert "all: u64" in session.hover(uri, place)
    assert "proved" not in session.hover(uri, place)


@pytest.mark.parametrize(
    ("loop", "told"),
    [("range(4)", "0..=3"), ("range(lruvec.nid, 0, -1)", "1..=15"), ("range(0, 9, 4)", "0..=8")],
)
def test_hover_on_a_loop_tells_what_its_variable_is_in_a_round(
    session: Session, loop: str, told: str
) -> None:
    """The number behind the last, at which a loop ends, is none that anybody sees."""
    text, place = at(
        f"@hook\ndef tick(lruvec: Lruvec) -> u64:\n    for §i in {loop}:\n        emit(lruvec.id)\n    return 0\n"
    )
    uri = session.open(text)
    session.findings(uri)
    assert f"proved here: `{told}`" in session.hover(uri, place)


def test_hover_on_an_answer_tells_no_argument_of_it(session: Session, policy: str) -> None:
    """An argument that is left out has a value, too, and it is not what the call gives."""
    assert "proved here" not in session.hover(policy, place_of("return queue.§batch(32)"))


def test_hover_knows_a_range_in_a_rejected_policy(session: Session) -> None:
    """What is known at an error is what one wants to see."""
    text, place = at(
        "class State(LruvecState):\n    hist: u64[64]\n\n\n@hook\n"
        "def folio_accessed(lruvec: Lruvec, folio: Folio) -> None:\n"
        "    bucket = ilog2(lruvec.nr_pages + 1) + 60\n    lruvec.hist[§bucket] += 1\n"
    )
    assert "`60..=" in session.hover(session.open(text), place)


@pytest.mark.parametrize(
    ("body", "there", "missing"),
    [
        ("    folio.§", ["uses", "nr_pages", "referenced", "key"], ["head"]),
        ("    if folio.n§", ["nr_pages"], []),
        ("    x = gens[1][0].§", ["head", "nr_pages", "batch", "is_empty"], ["uses"]),
        ("    x = lruvec\n    y = x.§", ["nr_pages"], ["uses"]),
        ("    for f in queue.scan(limit=3):\n        f.§", ["uses"], []),
        ("    if ghosts.§", ["contains", "add", "discard"], ["put"]),
        ("    Totals.§", ["seen"], ["uses"]),
        ("    if Added.§", ["SWAP_IN"], []),
        (
            "    here = 3\n    §",
            ["here", "lruvec", "queue", "share", "LIMIT", "spare", "RECLAIM", "ROTATE", "min", "if"],
            ["STOP", "walk_page_tables", "@hook"],
        ),
        ("    for i in range(3):\n        §", ["i"], []),
        ("    for i in range(3):\n        x = i\n    §\n    y = 3", ["x"], ["i", "y"]),
        ("    folio.referenced(§", ["look_around="], []),
        ("    # §", [], ["folio"]),
        ('    fail("§', [], ["folio"]),
        ("    x = 12§", [], ["folio"]),
        ("    x = 1 +§", ["folio"], []),
    ],
)
def test_completion_offers_what_may_stand_there(
    session: Session, body: str, there: list[str], missing: list[str]
) -> None:
    """Members by type, names in sight, and of helpers and answers those that the hook may use."""
    head = POLICY.partition("    count = folio.ref")[0]
    uri = session.open(head + "    return RECLAIM\n")
    session.findings(uri)
    text, place = at(head + body)
    session.replace(uri, text)
    offered = session.complete(uri, place)
    assert [name for name in there if name not in offered] == []
    assert [name for name in missing if name in offered] == []


def test_completion_tells_the_types_of_variables(session: Session) -> None:
    """Parameters by annotation, others by what was assigned to them."""
    text, place = at(
        "@hook\ndef folio_accessed(lruvec: Lruvec, folio: Folio) -> None:\n"
        "    old = folio.nr_pages > 3\n    where = folio.list\n    §\n"
    )
    offered = session.complete(session.open(text), place)
    shown = [offered[name].detail for name in ("folio", "old", "where")]
    assert shown == ["folio: Folio", "old: bool", "where: List | None"]


def test_completion_at_the_top_level_writes_hooks(session: Session) -> None:
    """A hook comes with its whole signature; one that is written is not offered again."""
    text, place = at("@hook\ndef folio_added(folio: Folio) -> Place:\n    return INACTIVE_ANON\n\n\n§")
    offered = session.complete(session.open(text), place)
    assert "folio_added" not in offered
    assert (
        offered["next_batch"].insert_text
        == "@hook\ndef next_batch("
        + ", ".join(f"{p.name}: {p.type}" for p in HOOKS["next_batch"].params)
        + ") -> Batch:\n    $0"
    )
    assert {"folio_list", "tunable", "lru_hash", "class"} <= offered.keys()


@pytest.mark.parametrize(
    ("text", "there"),
    [
        ("@§", ["hook"]),
        ("@hook\ndef §", ["reclaim_folio", "age"]),
        ("class A(§", ["FolioState", "GlobalState"]),
        ("class A(FolioState):\n    x: §", ["u8", "bool"]),
        ("def f(x: §", ["Folio", "u64"]),
        ("x = tunable(u32, §", ["default=", "unit="]),
        ("x = lru_set(§", ["max_entries=", "scope=", "key="]),
    ],
)
def test_completion_in_declarations(session: Session, text: str, there: list[str]) -> None:
    """Decorators, hooks, base classes, types and the arguments of declarations."""
    text, place = at(text)
    offered = session.complete(session.open(text), place)
    assert [name for name in there if name not in offered] == []


WANTED = '''"""What alone makes sense at a place."""

queue = folio_list()


class Pair(Struct):
    one: u64


@hook
def folio_added(folio: Folio, reason: Added) -> Place:
    return queue.head


@hook
def reclaim_folio(folio: Folio) -> Verdict:
    return RECLAIM


'''


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("@hook\ndef folio_accessed(§", ["lruvec: Lruvec", "folio: Folio", "how: Access"]),
        ("@hook\ndef folio_accessed(folio: Folio, §", ["lruvec: Lruvec", "how: Access"]),
        ("@hook\ndef folio_accessed(how: §", ["Access"]),
        ("@hook\ndef folio_accessed(folio: Folio) -> §", ["Place | None", "None"]),
        ("seen = lru_set(key=u64, scope=§", ["lruvec", "memcg", "machine"]),
        ("seen = lru_set(key=§", ["u8", "u16"]),
        ("SIZE = §", ["folio_list", "tunable"]),
        (
            "class More(LruvecState):\n    pair: §",
            ["u8", "u16", "u32", "u64", "s8", "s16", "s32", "s64", "bool", "Pair"],
        ),
        ("class More(LruvecState):\n    old: u8 = §", ["field"]),
        ("def two(x: u64) -> u64:\n    y = truncate(x, §", ["u8", "u16"]),
        ("def two(x: u64) -> u64:\n    y: §", ["u64", "s64"]),
        ("def two(reason: Added) -> u64:\n    if reason == §", ["Added.ANON_FAULT", "Added.FILE_FAULT"]),
        ("def two(folio: Folio) -> u64:\n    if §", ["folio", "queue"]),
        ("@hook\ndef score_folio(folio: Folio) -> s64:\n    §", ["folio", "queue"]),
        ("@hook\ndef isolate_folio(folio: Folio) -> Isolation:\n    return §", ["SKIP", "TAKE", "move"]),
    ],
)
def test_completion_begins_with_what_makes_sense(session: Session, text: str, first: list[str]) -> None:
    """The editor sorts as the server says: what is wanted at the place, then what is nearest."""
    text, place = at(WANTED + text)
    offered = session.complete(session.open(text), place)
    ranked = sorted(offered, key=lambda name: str(offered[name].sort_text))
    assert ranked[: len(first)] == first


def test_completion_just_after_opening_knows_the_declarations(session: Session) -> None:
    """The first question waits for the first check."""
    text, place = at(WANTED + "def two(folio: Folio) -> bool:\n    return queue.§")
    assert {"nr_pages", "is_empty"} <= session.complete(session.open(text), place).keys()


def test_hover_on_the_name_of_an_argument_is_about_the_argument(session: Session) -> None:
    """`max=` is no call of `max`."""
    text, place = at("share = tunable(u32, default=1, min=0, m§ax=9)\n")
    assert "The largest" not in session.hover(session.open(text), place)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("folio", "already"),
        ("queue", "already"),
        ("while", "a word"),
        ("RECLAIM", "a word"),
        ("1x", "no name"),
        ("é", "no name"),
    ],
)
def test_name_that_cannot_be_is_refused_with_the_reason(session: Session, name: str, why: str) -> None:
    """Renaming would make another policy of it, or none."""
    text, place = at(WANTED + "def two(folio: Folio) -> u64:\n    o§ld = folio.order\n    return old\n")
    uri = session.open(text)
    params = types.RenameParams(types.TextDocumentIdentifier(uri), types.Position(*place), name)
    with pytest.raises(JsonRpcException, match=why):
        session.ask("text_document_rename", params)


def test_name_of_a_field_is_no_obstacle_to_a_variable(session: Session) -> None:
    """Behind a dot stands something else."""
    text, place = at(WANTED + "def two(folio: Folio) -> u64:\n    o§ld = folio.order\n    return old\n")
    uri = session.open(text)
    params = types.RenameParams(types.TextDocumentIdentifier(uri), types.Position(*place), "order")
    assert len(session.ask("text_document_rename", params).changes[uri]) == 2


@pytest.mark.parametrize(
    ("body", "label", "active"),
    [
        ("    folio.referenced(§", "folio.referenced(", 0),
        ("    x = mul_div(1, min(2, 3), §", "mul_div(", 2),
        ("    x = spare(folio, §", "def spare(folio: Folio, most: u64) -> u64", 1),
        ("    return queue.batch(scan=§", "batch(", 1),
        ("    x = clamp(1,\n        2, §", "clamp(x, low, high)", 2),
    ],
)
def test_signature_help_follows_the_argument(session: Session, body: str, label: str, active: int) -> None:
    """The call around the cursor is shown with the argument that is being written."""
    head = POLICY.partition("    count = folio.ref")[0]
    uri = session.open(head + "    return RECLAIM\n")
    session.findings(uri)
    text, place = at(head + body)
    session.replace(uri, text)
    params = types.SignatureHelpParams(types.TextDocumentIdentifier(uri), types.Position(*place))
    found = session.ask("text_document_signature_help", params)
    assert label in found.signatures[0].label
    assert found.active_parameter == active


@pytest.mark.parametrize(
    ("use", "bound"),
    [
        ("folio.uses = §uses", "§uses = min("),
        ("+ 1, §LIMIT)", "§LIMIT = 3"),
        ("total * §share", "§share = tunable"),
        ("+= §spare(", "def §spare("),
        ("§Totals.seen", "class §Totals("),
        ("Totals.§seen", "    §seen: u64"),
        ("return §queue.batch", "§queue = folio_list"),
        ("not §ghosts.", "§ghosts = "),
        ("+= §folio.nr_pages", "for §folio in"),
        ("return §left", "§left = most"),
    ],
)
def test_definition_is_where_a_name_is_bound(session: Session, policy: str, use: str, bound: str) -> None:
    """Variables, functions, lists, maps, tunables, constants, classes and fields lead to their declaration."""
    params = types.DefinitionParams(types.TextDocumentIdentifier(policy), types.Position(*place_of(use)))
    found = session.ask("text_document_definition", params)
    assert (found.range.start.line, found.range.start.character) == place_of(bound)


def test_rename_changes_the_variable_of_one_function(session: Session, policy: str) -> None:
    """A field of the same name and the variables of other functions stay."""
    named, place = types.TextDocumentIdentifier(policy), types.Position(*place_of("§uses = min("))
    edit = session.ask("text_document_rename", types.RenameParams(named, place, "often"))
    lines = sorted(change.range.start.line for change in edit.changes[policy])
    first = place_of("§uses = min(")[0]
    assert lines == [first, first + 1]


def test_renaming_state_leaves_the_fields_of_the_kernel(session: Session) -> None:
    """A field that is called like one of another type is renamed where it is the policy's own."""
    text, place = at(
        "class Totals(GlobalState):\n    §nr_pages: u64\n\n\n@hook\n"
        "def folio_accessed(folio: Folio) -> None:\n    Totals.nr_pages += folio.nr_pages\n"
    )
    uri = session.open(text)
    assert session.errors(uri) == []
    params = types.RenameParams(types.TextDocumentIdentifier(uri), types.Position(*place), "seen")
    edits = session.ask("text_document_rename", params).changes[uri]
    assert [(e.range.start.line, e.range.start.character) for e in edits] == [(1, 4), (6, 11)]


def test_hooks_and_words_of_the_language_are_not_renamed(session: Session, policy: str) -> None:
    """What the contract names keeps its name, and nothing gets the name of a word of the language."""
    named = types.TextDocumentIdentifier(policy)
    for fragment in ("def §reclaim_folio(", "§min(folio.uses + 1", "def next_batch(§lruvec"):
        params = types.PrepareRenameParams(named, types.Position(*place_of(fragment)))
        assert session.ask("text_document_prepare_rename", params) is None
    place = types.Position(*place_of("§LIMIT = 3"))
    with pytest.raises(JsonRpcException, match="a word of the language"):
        session.ask("text_document_rename", types.RenameParams(named, place, "min"))


def test_references_are_all_uses(session: Session, policy: str) -> None:
    """References of a list are its declaration and its uses."""
    context = types.ReferenceContext(include_declaration=True)
    place = types.Position(*place_of("§queue = folio_list"))
    found = session.ask(
        "text_document_references",
        types.ReferenceParams(context, types.TextDocumentIdentifier(policy), place),
    )
    assert len(found) == POLICY.count("queue") - POLICY.count("of the queue")


def test_outline_names_the_declarations(session: Session, policy: str) -> None:
    """Every declaration is in the outline, fields inside of their class."""
    params = types.DocumentSymbolParams(types.TextDocumentIdentifier(policy))
    found = session.ask("text_document_document_symbol", params)
    names = "LIMIT queue gens ghosts share PerFolio Totals spare folio_added next_batch reclaim_folio".split()
    assert [symbol.name for symbol in found] == names
    assert [child.name for child in found[5].children] == ["uses"]
    assert POLICY.split("\n")[found[-1].range.start.line] == "@hook"


def test_shipped_policies_answer_everywhere(session: Session) -> None:
    """At every word of a shipped policy each question has an answer and none is an error."""
    source = Path("policies/s3fifo.rpol").read_text(encoding="utf-8")
    uri = session.open(source)
    assert session.errors(uri) == []
    for number, line in enumerate(source.split("\n")):
        for column in range(0, len(line) + 1, 7):
            session.hover(uri, (number, column))
            session.complete(uri, (number, column))
    assert [log for log in session.logged if log.type == types.MessageType.Error] == []
