"""What the front end makes of the parts of the language that only a kernel gives a meaning to."""

from __future__ import annotations

import pytest

from reclaim.abi.limits import FIRST_POLICY_LIST, FIRST_STANDARD_LIST
from reclaim.diag.errors import PolicyRejected
from reclaim.lang.frontend import compile_source
from reclaim.lang.ir import (
    Assert,
    Binary,
    Call,
    Convert,
    HookIR,
    ListRef,
    LoadTunable,
    LoopKind,
    Narrow,
    OptionalType,
    PolicyIR,
    ScanFirst,
    ScanNext,
    Scope,
    StateField,
    Unwrap,
    Wrap,
)
from reclaim.lang.irtext import print_ir
from reclaim.lang.wellformed import check_hook

_TOP = '''"""One hook."""

small = folio_list()
gens = folio_list(4, 2)
seen = hash_map(key=u64, value=u64, max_entries=64, scope=memcg)
limit = tunable(u32, default=3, max=9)
'''


def _policy(body: str, top: str = "", hook: str = "init(lruvec: Lruvec) -> None") -> PolicyIR:
    lines = "\n".join("    " + line for line in body.split("\n"))
    policy = compile_source(f"{_TOP}\n{top}\n\n@hook\ndef {hook}:\n{lines}\n", "example.rpol")
    for lowered in policy.hooks.values():
        assert check_hook(lowered) == []
    return policy


def _hook(body: str, top: str = "", hook: str = "init(lruvec: Lruvec) -> None") -> HookIR:
    return next(iter(_policy(body, top, hook).hooks.values()))


def _ops(hook: HookIR, kind: type) -> list[object]:
    return [op for block in hook.blocks for op in block.ops if isinstance(op, kind)]


def test_tunable_is_loaded_once_at_the_entry() -> None:
    """However often it is used, also behind branches and in loops."""
    hook = _hook("if lruvec.nr_pages > limit:\n    x = limit + 1\nfor i in range(limit):\n    y = limit")
    assert len(_ops(hook, LoadTunable)) == 1
    assert isinstance(hook.blocks[0].ops[0], LoadTunable)


def test_number_given_to_a_parameter_stays_one_value() -> None:
    """Whoever assigns the parameter to a variable does not take the value away from it."""
    top = "def twice(n: u64) -> u64:\n    chosen = n\n    return chosen + n\n"
    hook = _hook("x = twice(1)", top)
    made = {id(op.result) for block in hook.blocks for op in block.ops}
    assert all(id(value) in made for op in _ops(hook, Binary) for value in (op.left, op.right))  # type: ignore[attr-defined]


def test_retry_is_an_answer_of_putback_only() -> None:
    """Elsewhere nothing was tried yet; the core would refuse it at run time."""
    _policy("return RETRY", hook="folio_putback(folio: Folio) -> Place")
    with pytest.raises(PolicyRejected, match="only"):
        _policy("return RETRY", hook="folio_added(folio: Folio) -> Place")


def test_list_numbers_are_consecutive_behind_the_standard_ones() -> None:
    """Arrays of lists take as many numbers as they have lists."""
    policy = _policy("pass", top="last = folio_list()")
    assert [d.first_number for d in policy.lists] == [FIRST_POLICY_LIST + n for n in (0, 1, 9)]


def test_standard_list_has_its_kernel_number() -> None:
    """`active_file` is nameable in every policy."""
    refs = _ops(_hook("x = active_file.nr_pages"), ListRef)
    assert [r.decl.first_number for r in refs] == [FIRST_STANDARD_LIST + 3]  # type: ignore[attr-defined]


def test_scan_records_its_loop_and_takes_the_successor_first() -> None:
    """The body may move the current folio, so the next one is known before."""
    hook = _hook("for folio in small.scan(limit=8):\n    folio.move(gens[0][1].tail)")
    (loop,) = hook.loops
    body = [op for block in hook.blocks if block.id in loop.body for op in block.ops]
    names = [type(op).__name__ for op in body if isinstance(op, ScanNext | Call)]
    assert (loop.kind, names) == (LoopKind.SCAN, ["ScanNext", "Call"])


@pytest.mark.parametrize(("text", "from_head"), [("limit=8", False), ("limit=8, from_head=True", True)])
def test_scan_starts_at_the_end_that_is_asked_for(text: str, from_head: bool) -> None:
    """The tail, unless said otherwise."""
    hook = _hook(f"for folio in small.scan({text}):\n    pass")
    assert [op.from_head for op in _ops(hook, ScanFirst)] == [from_head]  # type: ignore[attr-defined]


def test_nested_loops_know_their_parents() -> None:
    """The verifier multiplies bounds along parents."""
    outer, inner = _hook("for i in range(4):\n    for k in range(i):\n        x = k").loops
    assert (outer.parent, inner.parent) == (None, outer)
    assert inner.body < outer.body


def test_code_behind_a_loop_is_not_inside_of_it() -> None:
    """Joining blocks does not pull what follows a `break` into the loop."""
    hook = _hook("for i in range(4):\n    if i == 2:\n        break\nx = small.nr_pages")
    (loop,) = hook.loops
    inside = [op for block in hook.blocks if block.id in loop.body for op in block.ops]
    assert not any(isinstance(op, ListRef) for op in inside)


def test_variable_that_is_none_first_becomes_nullable() -> None:
    """None and a folio meet in one variable; its use is unwrapped."""
    body = "best = None\nfor folio in small.scan(limit=8):\n    best = folio\nif best is not None:\n    x = best.key"
    hook = _hook(body)
    assert (len(_ops(hook, Wrap)), len(_ops(hook, Unwrap))) == (1, 2)


def test_variable_that_is_none_later_becomes_nullable_from_the_start() -> None:
    """The order of the assignments makes no difference."""
    body = "here = lruvec\nfor i in range(4):\n    here = None\nif here is None:\n    return"
    assert len(_ops(_hook(body), Wrap)) == 1


def test_parent_chain_is_walked_with_a_nullable_variable() -> None:
    """Annotated, assigned from a nullable field, asked in each round."""
    body = "here: Lruvec | None = lruvec\nfor i in range(16):\n    if here is None:\n        break\n    here = here.parent"
    assert len(_ops(_hook(body), Unwrap)) == 1


def test_lookup_answers_an_optional_number() -> None:
    """What a map may not hold is asked for None before it is used."""
    hook = _hook("n = seen.get(3)\nif n is not None:\n    x = n + 1")
    (call,) = _ops(hook, Call)
    assert call.result.type == OptionalType()  # type: ignore[attr-defined]


def test_number_and_optional_meet_in_an_optional_variable() -> None:
    """A number that is None on one path."""
    hook = _hook("n = 5\nif lruvec.nr_pages > 3:\n    n = None\nif n is None:\n    return")
    assert len(_ops(hook, Wrap)) == 1


def test_mixed_signs_convert_the_unsigned_side() -> None:
    """The conversion carries the obligation that the value fits."""
    hook = _hook("x: s64 = -1\ny = x + lruvec.nr_pages")
    assert [op.implicit for op in _ops(hook, Convert)] == [True]  # type: ignore[attr-defined]


def test_explicit_conversion_carries_no_obligation() -> None:
    """`s64(x)` wraps."""
    hook = _hook("y = s64(lruvec.nr_pages)")
    assert [op.implicit for op in _ops(hook, Convert)] == [False]  # type: ignore[attr-defined]


def test_narrow_parameter_and_answer_arguments_are_narrowed() -> None:
    """The range is an obligation at the call."""
    top = "def age_of(x: u8) -> u8:\n    return x"
    hook = _hook("return small.batch(age_of(limit))", top, "next_batch() -> Batch")
    assert [(op.min, op.max) for op in _ops(hook, Narrow)] == [(0, 255), (0, 255), (1, 512), (0, 4096)]  # type: ignore[attr-defined]


def test_inlined_code_names_its_calls_innermost_first() -> None:
    """A message can show the way to a line inside of a function."""
    top = "def one(x: u64) -> u64:\n    return x + 1\n\n\ndef two(x: u64) -> u64:\n    return one(x)"
    hook = _hook("y = two(lruvec.nr_pages)", top)
    (deepest,) = [
        op
        for block in hook.blocks
        for op in block.ops
        if len(op.inlined_at) == 2 and op.result and op.result.name == "y"
    ]
    innermost, outermost = (span.start.line for span in deepest.inlined_at)
    assert (deepest.span.start.line, innermost, outermost) == (9, 13, 17)


def test_assert_of_a_conjunction_is_two_obligations() -> None:
    """Each part is proved and reported by itself."""
    assert len(_ops(_hook("assert lruvec.nr_pages >= 0 and lruvec.nid <= 15"), Assert)) == 2


def test_answer_may_serve_two_types() -> None:
    """`move(...)` is a verdict here and an isolation there."""
    body = "answer = move(small.head)\nif folio.is_dirty:\n    answer = RECLAIM\nreturn answer"
    assert _hook(body, hook="reclaim_folio(folio: Folio) -> Verdict").blocks


def test_hook_that_may_answer_nothing_may_end_without_answer() -> None:
    """`Place | None`: the end of the function answers None."""
    assert _hook(
        "if folio.is_dirty:\n    return small.head", hook="folio_accessed(folio: Folio) -> Place | None"
    ).blocks


def test_state_is_flattened_and_aligned() -> None:
    """Structs become dotted leaves with one stride for each dimension."""
    top = (
        "class Tier(Struct):\n    refaulted: u64\n    protected: u8 = field(1, max=5)\n\n\n"
        "class PerLruvec(LruvecState):\n    flag: bool\n    tiers: Tier[2][4]\n"
    )
    policy = _policy("lruvec.tiers[1][3].protected = 2", top)
    flag, refaulted, protected = policy.state

    def shape(leaf: StateField) -> tuple[object, ...]:
        return leaf.name, leaf.offset, leaf.dims, leaf.strides, leaf.min, leaf.max, leaf.initial

    assert shape(flag) == ("flag", 0, (), (), 0, 1, 0)
    assert shape(refaulted) == ("tiers.refaulted", 8, (2, 4), (64, 16), 0, 2**64 - 1, 0)
    assert shape(protected) == ("tiers.protected", 16, (2, 4), (64, 16), 0, 5, 1)
    assert policy.state_bytes[Scope.LRUVEC] == 136


def test_state_of_folios_is_packed() -> None:
    """Every byte is paid for every page."""
    top = "class PerFolio(FolioState):\n    gen: u8\n    seen_ns: u32\n    uses: u8\n"
    policy = _policy("pass", top)
    assert [leaf.offset for leaf in policy.state] == [0, 1, 5]
    assert policy.state_bytes[Scope.FOLIO] == 8


def test_text_of_the_ir_names_loops_and_variables() -> None:
    """The printer shows what a reader looks for."""
    text = print_ir(_hook("total = 0\nfor i in range(4):\n    total += i"))
    assert "loop range at b1" in text
    assert "total: u64 = Binary op=+" in text


def test_arguments_of_an_answer_are_computed_as_they_are_written() -> None:
    """By name they may come in any order, and each may do something."""
    hook = _hook(
        "return small.batch(scan=min(now(), 9), nr=clamp(random(), 1, 9))", hook="next_batch() -> Batch"
    )
    called = [op.helper.name for op in _ops(hook, Call) if isinstance(op, Call)]
    assert called == ["now", "random"]


def test_variable_may_bear_the_name_of_a_hook() -> None:
    """The core alone calls hooks, so that nothing is hidden."""
    hook = _hook(
        "init = lruvec.nr_pages\nfor init_ in range(init & 3):\n    init = 1\nfor exit in range(2):\n    pass"
    )
    assert len(hook.loops) == 2
